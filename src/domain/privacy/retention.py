"""How long an organization keeps people, by its own rule."""

from typing import ClassVar, Self
from uuid import UUID, uuid5

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.privacy import errors, events

SHORTEST, LONGEST = 30, 3650
"""Days."""


class Retention(Aggregate, frozen=True):
    """Before anything is said: nobody is erased by themselves, and a hold can be lifted at once."""

    begins: ClassVar[type[Event]] = events.RetentionSet
    unknown: ClassVar = errors.NoErasure

    without_bookings_days: int | None = None
    hold_days: int = 0

    @staticmethod
    def of(tenant: UUID) -> UUID:
        """The stream of this organization's."""
        return uuid5(tenant, "retention")

    def set(self, without_bookings_days: int | None, hold_days: int) -> list[events.RetentionSet]:
        days = without_bookings_days
        if (days is not None and not SHORTEST <= days <= LONGEST) or not 0 <= hold_days <= LONGEST:
            raise errors.BadRetention
        if (days, hold_days) == (self.without_bookings_days, self.hold_days):
            return []
        return [events.RetentionSet(days, hold_days)]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.RetentionSet(days, hold_days):
                return replace(self, without_bookings_days=days, hold_days=hold_days)
        return self
