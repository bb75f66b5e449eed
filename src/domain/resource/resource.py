"""A resource: what can be occupied."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.calendar import Calendar, Closure, new_closure, new_exception, room, stretch, without
from domain.event import Event
from domain.hours import DAY, Opening, WeeklyHours, checked
from domain.names import name as named
from domain.resource import errors, events
from domain.resource.events import BufferMode, Seats

MOST_UNITS = 100_000
MOST_SEATS = 1_000
MOST_FEATURES = 50
MOST_COST = 1_000_000
FEATURE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
NOWHERE = UUID(int=0)
STAFF = "staff"
"""The kind of those who work here: `hours` are their schedule, a closure with cause `absence` is their absence."""


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
    sold_by_itself: bool = True
    """Whether customers may book it by name, past the terms of every offering that it is part of."""
    pools: tuple[UUID, ...] = ()
    """Those that it is a member of; not those that it joined before this was noted."""

    @property
    def hours(self) -> WeeklyHours | None:
        return self.calendar.hours

    def register(
        self, location_id: UUID, name: str, kind: str, capacity: int, hours: WeeklyHours | None
    ) -> list[events.ResourceEvent]:
        name, kind = named(name), named(kind)
        return [events.ResourceRegistered(location_id, name, kind, counted(capacity, kind), checked(hours))]

    def rename(self, name: str) -> list[events.ResourceEvent]:
        name = named(name)
        return [] if name == self.name else [events.ResourceRenamed(name)]

    def change_capacity(self, capacity: int) -> list[events.ResourceEvent]:
        """The guard refuses, under the resource's lock, when more is in use than there would be."""
        if counted(capacity, self.kind) > 1:
            self._may_have_more()
        return [] if capacity == self.capacity else [events.ResourceCapacityChanged(capacity)]

    def change_hours(self, hours: WeeklyHours | None) -> list[events.ResourceEvent]:
        return [] if checked(hours) == self.hours else [events.ResourceHoursChanged(hours)]

    def describe(self, features: Sequence[str], seats: Seats | None, cost: int) -> list[events.ResourceEvent]:
        """What it can do, whom it seats and what it costs to use it: all of it, as it is from now on."""
        if len(features) > MOST_FEATURES or not all(FEATURE.fullmatch(feature) for feature in features):
            raise errors.BadFeatures
        if not 0 <= cost <= MOST_COST:
            raise errors.BadCost
        described = events.ResourceDescribed(tuple(sorted(set(features))), seated(seats), cost)
        return [] if self.evolve(described) == self else [described]

    def set_exception(self, on: date, openings: tuple[Opening, ...], at: datetime) -> list[events.ResourceEvent]:
        """On that local date these openings hold instead of the weekly ones; none: it is closed."""
        new = new_exception(self.calendar, on, openings, at)
        return [] if new is None else [events.ResourceExceptionSet(on, new)]

    def lift_exception(self, on: date) -> list[events.ResourceEvent]:
        return [events.ResourceExceptionLifted(on)] if on in self.calendar.exceptions else []

    def close(self, closure: Closure, at: datetime) -> list[events.ResourceEvent]:
        """For a while: a closure, maintenance, or the absence of a member of staff. Its bookings stand."""
        new = new_closure(self.calendar, closure, at)
        return [] if new is None else [events.ResourceClosed(new)]

    def reopen(self, closure_id: UUID) -> list[events.ResourceEvent]:
        return [events.ResourceReopened(closure_id)] if closure_id in self.calendar.closures else []

    def override_capacity(
        self, override_id: UUID, starts_at: datetime, ends_at: datetime, capacity: int, at: datetime
    ) -> list[events.ResourceEvent]:
        """So many units instead, for a while; the same id again moves it. Overrides of a resource never overlap, so
        that there is one answer to how many units it has. `at`: now.

        The guard refuses, under the resource's lock, when more is in use meanwhile.
        """
        period = stretch(starts_at, ends_at)
        if not 0 <= capacity <= MOST_UNITS:
            raise errors.BadOverride
        if capacity > 1:
            counted(capacity, self.kind)
            self._may_have_more()
        before = self.overrides.get(override_id)
        if before == Override(period.starts_at, period.ends_at, capacity):
            return []
        others = without(self.overrides, override_id)
        for name, other in others.items():
            if other.starts_at < period.ends_at and period.starts_at < other.ends_at:
                raise errors.OverridesOverlap(
                    override_id=name, starts_at=other.starts_at, ends_at=other.ends_at, capacity=other.capacity
                )
        room(sum(other.ends_at > at for other in others.values()))
        lifted = [] if before is None else self.lift_capacity_override(override_id)
        new = events.ResourceCapacityOverridden(override_id, period.starts_at, period.ends_at, capacity)
        return [*lifted, new]

    def lift_capacity_override(self, override_id: UUID) -> list[events.ResourceEvent]:
        """The guard refuses when more is in use than there would be."""
        return [events.ResourceCapacityOverrideLifted(override_id)] if override_id in self.overrides else []

    def set_pacing(self, units: int | None, minutes: int = 15) -> list[events.ResourceEvent]:
        """None: no such limit, whatever the minutes."""
        if not 1 <= minutes <= DAY or not (units is None or 1 <= units <= MOST_UNITS):
            raise errors.BadPacing
        wanted = None if units is None else Pacing(units, minutes)
        return [] if wanted == self.pacing else [events.ResourcePacingSet(units, minutes)]

    def set_buffer_mode(self, mode: BufferMode, at: datetime) -> list[events.ResourceEvent]:
        """`at`: now; overrides that are over do not count."""
        if mode == "shared" and self.most(at) > 1:
            raise errors.SharedNeedsOneUnit
        return [] if mode == self.buffer_mode else [events.ResourceBufferModeSet(mode)]

    def set_selling(self, by_itself: bool) -> list[events.ResourceEvent]:
        """What is booked stands, by name or not."""
        return [] if by_itself == self.sold_by_itself else [events.ResourceSellingSet(by_itself)]

    def join_pool(self, pool_id: UUID, at: datetime) -> list[events.ResourceEvent]:
        """A pool sells its members whole, so that each has one unit from now on. `at`: now; overrides that are over do
        not count."""
        if self.most(at) != 1:
            raise errors.BadMember(resource_id=self.id, location_id=self.location_id, capacity=self.most(at))
        return [] if pool_id in self.pools else [events.ResourceJoinedPool(pool_id)]

    def leave_pool(self, pool_id: UUID) -> list[events.ResourceEvent]:
        return [events.ResourceLeftPool(pool_id)] if pool_id in self.pools else []

    def most(self, at: datetime) -> int:
        """The most units that it has from now on, by whatever override."""
        ahead = (override.capacity for override in self.overrides.values() if override.ends_at > at)
        return max([self.capacity, *ahead])

    def _may_have_more(self) -> None:
        """More units than one, for ever or for a while."""
        if self.buffer_mode == "shared":
            raise errors.SharedNeedsOneUnit
        if self.pools:
            raise errors.PooledAreOne(pool_ids=self.pools)

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
            case events.ResourceExceptionSet(on, openings):
                return replace(self, calendar=self.calendar.with_exception(on, openings))
            case events.ResourceExceptionLifted(on):
                return replace(self, calendar=self.calendar.without_exception(on))
            case events.ResourceClosed(closure):
                return replace(self, calendar=self.calendar.with_closure(closure))
            case events.ResourceReopened(closure_id):
                return replace(self, calendar=self.calendar.without_closure(closure_id))
            case events.ResourceCapacityOverridden(override_id, starts_at, ends_at, capacity):
                return replace(self, overrides={**self.overrides, override_id: Override(starts_at, ends_at, capacity)})
            case events.ResourceCapacityOverrideLifted(override_id):
                return replace(self, overrides=without(self.overrides, override_id))
            case events.ResourcePacingSet(units, minutes):
                return replace(self, pacing=None if units is None else Pacing(units, minutes))
            case events.ResourceBufferModeSet(mode):
                return replace(self, buffer_mode=mode)
            case events.ResourceSellingSet(by_itself):
                return replace(self, sold_by_itself=by_itself)
            case events.ResourceJoinedPool(pool_id):
                return replace(self, pools=(*self.pools, pool_id))
            case events.ResourceLeftPool(pool_id):
                return replace(self, pools=tuple(it for it in self.pools if it != pool_id))
            case events.ResourceRetired():
                return replace(self, retired=True)
        return self


def counted(capacity: int, kind: str) -> int:
    if not 1 <= capacity <= MOST_UNITS:
        raise errors.BadCapacity
    if kind == STAFF and capacity > 1:
        raise errors.StaffAreOne
    return capacity


def sold_by_themselves(resources: Iterable[Resource]) -> None:
    """For customers: `NotSoldByItself` with all that they may have only as part of what an offering sells."""
    others = sorted(resource.id for resource in resources if not resource.sold_by_itself)
    if others:
        raise errors.NotSoldByItself(resource_ids=others)


def seated(seats: Seats | None) -> Seats | None:
    if seats is not None and not 1 <= seats.least <= seats.most <= MOST_SEATS:
        raise errors.BadSeats(least=seats.least, most=seats.most)
    return seats
