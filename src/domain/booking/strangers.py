"""Where strangers come from: one address, on one day."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.booking import errors, events
from domain.event import Event

MOST_FROM_ONE_ADDRESS = 20
"""At a time. More than a browser may hold: behind one address there may be an office, or a hotel."""


class Doorstep(Aggregate, frozen=True):
    """What has been held from an address counts for it as long as a hold lives, whatever has become of it: it is a
    rate, and no more is known about who is there."""

    begins: ClassVar[type[Event]] = events.StrangerHeld
    unknown: ClassVar = errors.UnknownBooking

    over: tuple[datetime, ...] = ()
    """When each of the latest is over."""

    def hold(
        self, booking_id: UUID, at: datetime, expires_at: datetime, most: int = MOST_FROM_ONE_ADDRESS
    ) -> list[Event]:
        """One more until `expires_at`, exclusive; at that instant it is in nobody's way."""
        if sum(at < over for over in self.over) >= most:
            raise errors.TooManyFromHere(limit=most)
        return [events.StrangerHeld(booking_id, expires_at)]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.StrangerHeld(expires_at=expires_at):
                # No more than may count are remembered. The one that is over first is the one to forget.
                return replace(self, over=tuple(sorted((*self.over, expires_at))[-MOST_FROM_ONE_ADDRESS:]))
        return self
