"""A resource: what can be occupied."""

from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.names import name as named
from domain.resource import errors, events
from domain.resource.hours import WeeklyHours

MOST_UNITS = 100_000
NOWHERE = UUID(int=0)


class Resource(Aggregate, frozen=True):
    """A room type, a court, a table, a chair: `capacity` units at one location, open at certain hours."""

    begins: ClassVar[type[Event]] = events.ResourceRegistered
    unknown: ClassVar = errors.UnknownResource

    location_id: UUID = NOWHERE
    name: str = ""
    kind: str = ""
    capacity: int = 1
    hours: WeeklyHours | None = None
    retired: bool = False

    def register(
        self, location_id: UUID, name: str, kind: str, capacity: int, hours: WeeklyHours | None
    ) -> list[events.ResourceEvent]:
        return [
            events.ResourceRegistered(location_id, named(name), named(kind), counted(capacity), sound(hours)),
        ]

    def rename(self, name: str) -> list[events.ResourceEvent]:
        name = named(name)
        return [] if name == self.name else [events.ResourceRenamed(name)]

    def change_capacity(self, capacity: int) -> list[events.ResourceEvent]:
        """The guard refuses, under the resource's lock, when more is in use than there would be."""
        return [] if counted(capacity) == self.capacity else [events.ResourceCapacityChanged(capacity)]

    def change_hours(self, hours: WeeklyHours | None) -> list[events.ResourceEvent]:
        return [] if sound(hours) == self.hours else [events.ResourceHoursChanged(hours)]

    def retire(self) -> list[events.ResourceEvent]:
        return [] if self.retired else [events.ResourceRetired()]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.ResourceRegistered(location_id, name, kind, capacity, hours):
                return replace(self, location_id=location_id, name=name, kind=kind, capacity=capacity, hours=hours)
            case events.ResourceRenamed(name):
                return replace(self, name=name)
            case events.ResourceCapacityChanged(capacity):
                return replace(self, capacity=capacity)
            case events.ResourceHoursChanged(hours):
                return replace(self, hours=hours)
            case events.ResourceRetired():
                return replace(self, retired=True)
        return self


def counted(capacity: int) -> int:
    if not 1 <= capacity <= MOST_UNITS:
        raise errors.BadCapacity
    return capacity


def sound(hours: WeeklyHours | None) -> WeeklyHours | None:
    if hours is not None and not hours.sound:
        raise errors.BadHours
    return hours
