"""A person as somebody whose data are kept: may be erased, must be kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal, Self
from uuid import UUID, uuid5

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.privacy import errors, events

BASES = (
    "no_longer_needed", "consent_withdrawn", "objection", "unlawful", "legal_obligation", "child", "retention",
)  # fmt: skip
"""GDPR 17(1)(a) to (f) in their order; the last is the organization's own rule about how long people are kept."""

MOST_HOLDS = 100

Status = Literal["kept", "requested", "refused", "erased", "certified", "failed"]


class Subject(Aggregate, frozen=True):
    """Its stream lies beside the user's, and is there from the first request or hold on."""

    begins: ClassVar[tuple[type[Event], ...]] = (events.ErasureRequested, events.HoldPlaced)
    unknown: ClassVar = errors.NoErasure

    customer_id: UUID | None = None
    """Whose data these are. To a customer everybody else is unknown."""
    status: Status = "kept"
    request_id: UUID | None = None
    basis: str = ""
    holds: Mapping[UUID, datetime | None] = {}

    @staticmethod
    def of(user_id: UUID) -> UUID:
        """The stream beside this user's."""
        return uuid5(user_id, "privacy")

    @property
    def gone(self) -> bool:
        return self.status in ("requested", "erased", "certified", "failed")

    def request_erasure(self, user_id: UUID, request_id: UUID, basis: str) -> list[events.SubjectEvent]:
        """Asked again, nothing happens. Refused while anything is held (GDPR 17(3)); who asks again later may be
        heard."""
        if basis not in BASES:
            raise errors.UnknownBasis
        if self.gone:
            return []
        if self.holds:
            return [events.ErasureRefused(user_id, request_id, basis, tuple(sorted(self.holds)))]
        return [events.ErasureRequested(user_id, request_id, basis)]

    def replay_erasure(self, user_id: UUID, request_id: UUID, basis: str) -> list[events.SubjectEvent]:
        """It was carried out before the database was put back to an earlier day: whatever was held then, they are
        gone."""
        return [] if self.gone else [events.ErasureRequested(user_id, request_id, basis)]

    def erase(self, request_id: UUID, keys: int | None, rows: int) -> list[events.SubjectEvent]:
        """`keys` and `rows`: what was destroyed; None before anything was."""
        if self.request_id != request_id or self.customer_id is None or self.status == "refused":
            raise errors.NoErasure
        if keys is None:
            raise errors.NothingDestroyed
        if self.status != "requested":
            return []
        return [events.SubjectErased(self.customer_id, request_id, self.basis, keys, rows)]

    def certify(self, request_id: UUID, tried: int | None, opened: int, found: int) -> list[events.SubjectEvent]:
        if self.request_id != request_id or self.customer_id is None or self.status == "refused":
            raise errors.NoErasure
        if tried is None or self.status == "requested":
            raise errors.NothingDestroyed
        if self.status == "certified":
            return []
        return [events.ErasureCertified(self.customer_id, request_id, tried, opened, found)]

    def place_hold(self, user_id: UUID, hold_id: UUID, why: str, until: datetime | None) -> list[events.SubjectEvent]:
        if self.gone:
            raise errors.BeingErased
        if hold_id in self.holds:
            return []
        if len(self.holds) >= MOST_HOLDS:
            raise errors.TooManyHolds
        return [events.HoldPlaced(user_id, hold_id, why, until)]

    def lift_hold(self, hold_id: UUID, now: datetime) -> list[events.SubjectEvent]:
        if hold_id not in self.holds or self.customer_id is None:
            raise errors.NoSuchHold
        until = self.holds[hold_id]
        if until is not None and now < until:
            raise errors.HoldTooYoung(until=until)
        return [events.HoldLifted(self.customer_id, hold_id)]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.ErasureRequested(subject, request_id, basis):
                return replace(self, customer_id=subject, status="requested", request_id=request_id, basis=basis)
            case events.ErasureRefused(subject, request_id, basis):
                return replace(self, customer_id=subject, status="refused", request_id=request_id, basis=basis)
            case events.SubjectErased():
                return replace(self, status="erased")
            case events.ErasureCertified(opened=opened, found=found):
                return replace(self, status="failed" if opened or found else "certified")
            case events.HoldPlaced(subject, hold_id, until=until):
                return replace(self, customer_id=subject, holds={**self.holds, hold_id: until})
            case events.HoldLifted(hold_id=hold_id):
                return replace(self, holds={held: until for held, until in self.holds.items() if held != hold_id})
        return self
