"""The ticket of somebody who waits: where, and what is kept for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.waitlist import errors, events
from domain.waitlist.events import Piece, TicketEvent

NOWHERE = UUID(int=0)


class Ticket(Aggregate, frozen=True):
    """Its id is that of the entry. It claims what is earmarked, so that letting go of it is one release."""

    begins: ClassVar[type[Event]] = events.TicketIssued
    unknown: ClassVar = errors.UnknownEntry

    location_id: UUID = NOWHERE
    customer_id: UUID | None = None
    kept: tuple[Piece, ...] = ()
    ends_at: datetime | None = None

    def issue(self, location_id: UUID, customer_id: UUID | None) -> list[TicketEvent]:
        return [events.TicketIssued(location_id, customer_id)]

    def keep(self, pieces: Sequence[Piece], ends_at: datetime) -> list[TicketEvent]:
        pieces = tuple(pieces)
        if (pieces, ends_at) == (self.kept, self.ends_at):
            return []
        return [(events.EarmarkToppedUp if self.kept else events.EarmarkPlaced)(pieces, ends_at)]

    def let_go(self) -> list[TicketEvent]:
        return [events.EarmarkReleased()] if self.kept else []

    def evolve(self, event: Event) -> Self:
        match event:
            case events.TicketIssued(location_id, customer_id):
                return replace(self, location_id=location_id, customer_id=customer_id)
            case events.EarmarkPlaced(pieces, ends_at) | events.EarmarkToppedUp(pieces, ends_at):
                return replace(self, kept=pieces, ends_at=ends_at)
            case events.EarmarkReleased():
                return replace(self, kept=(), ends_at=None)
        return self
