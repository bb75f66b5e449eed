"""A resource: what can be occupied."""

from datetime import datetime
from typing import ClassVar, Self, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.calendar import Calendar
from domain.event import Event
from domain.hours import WeeklyHours
from domain.names import name as named
from domain.resource import errors, events
from domain.resource.events import BufferMode, Seats

MOST_UNITS = 100_000
NOWHERE = UUID(int=0)


class Override(Struct, frozen=True):
    """So many units instead, for a while."""

    starts_at: datetime
    ends_at: datetime
    capacity: int


class Pacing(Struct, frozen=True):
    """At most so many units start within any so many minutes."""

    units: int
    minutes: int = 15


class Resource(Aggregate, frozen=True):
    """A room type, a court, a table, a chair: `capacity` units at one location, open at certain hours."""

    begins: ClassVar[type[Event]] = events.ResourceRegistered
    unknown: ClassVar = errors.UnknownResource

    location_id: UUID = NOWHERE
    name: str = ""
    kind: str = ""
    capacity: int = 1
    calendar: Calendar = Calendar()
    retired: bool = False
    features: tuple[str, ...] = ()
    seats: Seats | None = None
    cost: int = 0
    overrides: dict[UUID, Override] = {}
    pacing: Pacing | None = None
    buffer_mode: BufferMode = "exclusive"

    @property
    def hours(self) -> WeeklyHours | None:
        return self.calendar.hours

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
                return replace(
                    self, location_id=location_id, name=name, kind=kind, capacity=capacity,
                    calendar=Calendar(hours),
                )  # fmt: skip
            case events.ResourceRenamed(name):
                return replace(self, name=name)
            case events.ResourceCapacityChanged(capacity):
                return replace(self, capacity=capacity)
            case events.ResourceHoursChanged(hours):
                return replace(self, calendar=replace(self.calendar, hours=hours))
            case events.ResourceDescribed(features, seats, cost):
                return replace(self, features=features, seats=seats, cost=cost)
            case (
                events.ResourceExceptionSet()
                | events.ResourceExceptionLifted()
                | events.ResourceClosed()
                | events.ResourceReopened()
            ):
                return replace(self, calendar=calendar_after(self.calendar, event))
            case events.ResourceCapacityOverridden(override_id, starts_at, ends_at, capacity):
                return replace(self, overrides={**self.overrides, override_id: Override(starts_at, ends_at, capacity)})
            case events.ResourceCapacityOverrideLifted(override_id):
                return replace(self, overrides=without(self.overrides, override_id))
            case events.ResourcePacingSet(units, minutes):
                return replace(self, pacing=None if units is None else Pacing(units, minutes))
            case events.ResourceBufferModeSet(mode):
                return replace(self, buffer_mode=mode)
            case events.ResourceRetired():
                return replace(self, retired=True)
        return self


K = TypeVar("K")
V = TypeVar("V")


def without(these: dict[K, V], key: K) -> dict[K, V]:
    return {name: value for name, value in these.items() if name != key}


def calendar_after(
    calendar: Calendar,
    event: events.ResourceExceptionSet
    | events.ResourceExceptionLifted
    | events.ResourceClosed
    | events.ResourceReopened,
) -> Calendar:
    match event:
        case events.ResourceExceptionSet(on, openings):
            return replace(calendar, exceptions={**calendar.exceptions, on: openings})
        case events.ResourceExceptionLifted(on):
            return replace(calendar, exceptions=without(calendar.exceptions, on))
        case events.ResourceClosed(closure):
            return replace(calendar, closures={**calendar.closures, closure.id: closure})
        case events.ResourceReopened(closure_id):
            return replace(calendar, closures=without(calendar.closures, closure_id))


def counted(capacity: int) -> int:
    if not 1 <= capacity <= MOST_UNITS:
        raise errors.BadCapacity
    return capacity


def sound(hours: WeeklyHours | None) -> WeeklyHours | None:
    if hours is not None and not hours.sound:
        raise errors.BadHours
    return hours
