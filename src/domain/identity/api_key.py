"""A key by which a program acts for a service user: it may do what that user may, and only as far as it says."""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.identity import trust_errors as errors
from domain.identity import trust_events as events
from domain.identity.errors import Deactivated
from domain.identity.user import User

SERVICE = "service"
USUAL_LIFE = timedelta(days=365)
LONGEST_LIFE = timedelta(days=731)
_LABEL = re.compile(r"[a-z0-9_ -]{1,64}")


class ApiKey(Aggregate, frozen=True):
    begins: ClassVar[type[Event] | tuple[type[Event], ...]] = events.ApiKeyIssued
    unknown: ClassVar = errors.UnknownApiKey

    user_id: UUID = UUID(int=0)
    sha256: str = ""
    scopes: tuple[str, ...] = ()
    within: tuple[UUID, ...] = ()
    expires_at: datetime = datetime.min.replace(tzinfo=UTC)
    revoked: bool = False

    def issue(
        self, user: User, name: str, sha256: str, scopes: Sequence[str], within: Sequence[UUID],
        expires_at: datetime | None, at: datetime, known: Collection[str],
    ) -> list[events.ApiKeyEvent]:  # fmt: skip
        """`known`: the scopes that there are."""
        if not user.active:
            raise Deactivated
        if user.role != SERVICE:
            raise errors.ForServicesOnly
        if not _LABEL.fullmatch(name):
            raise errors.NotALabel(field="name")
        if not scopes or not set(scopes) <= set(known):
            raise errors.NoScope(field="scopes", known=sorted(known))
        theirs = reach_of(user)
        if theirs and not (within and set(within) <= set(theirs)):
            raise errors.OutOfItsReach(field="within")
        ends = at + USUAL_LIFE if expires_at is None else expires_at
        if not at < ends <= at + LONGEST_LIFE:
            raise errors.BadExpiry(field="expires_at")
        wanted = tuple(dict.fromkeys(scopes)), tuple(dict.fromkeys(within))
        return [events.ApiKeyIssued(user.id, name, sha256, *wanted, ends)]

    def revoke(self) -> list[events.ApiKeyEvent]:
        return [] if self.revoked else [events.ApiKeyRevoked()]

    def good(self, at: datetime) -> bool:
        return not self.revoked and at < self.expires_at

    def evolve(self, event: Event) -> Self:
        match event:
            case events.ApiKeyIssued(user_id, _, sha256, scopes, within, expires_at):
                return replace(
                    self, user_id=user_id, sha256=sha256, scopes=scopes, within=within, expires_at=expires_at
                )  # fmt: skip
            case events.ApiKeyRevoked():
                return replace(self, revoked=True)
        return self


def reach_of(user: User) -> tuple[UUID, ...]:
    """The places to which the user is limited; none: the whole organization."""
    found: tuple[UUID, ...] = getattr(user, "within", ())
    return found


def both(one: Sequence[UUID], other: Sequence[UUID]) -> tuple[UUID, ...] | None:
    """What lies within both, where none is everything; None: nothing does."""
    if not one or not other:
        return tuple(one or other)
    return tuple(place for place in one if place in other) or None
