"""What happens to a resource."""

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from domain.calendar import Closure
from domain.event import Event
from domain.hours import Opening, WeeklyHours

BufferMode = Literal["exclusive", "shared"]


class Seats(Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """How many people a table, or several pushed together, takes: at least and at most."""

    least: int
    most: int


class Combination(Struct, frozen=True, forbid_unknown_fields=True):
    """Tables of a pool that can be had together."""

    resources: tuple[UUID, ...]
    seats: Seats


class ResourceRegistered(Event, frozen=True):
    tag: ClassVar[str] = "resource.registered"
    location_id: UUID
    name: str
    kind: str
    """What it is to the guests: room, court, table, chair ..."""
    capacity: int
    """Units that can be in use at one instant."""
    hours: WeeklyHours | None = None
    """When it can be used, on the location's wall; None: always."""


class ResourceRenamed(Event, frozen=True):
    tag: ClassVar[str] = "resource.renamed"
    name: str


class ResourceCapacityChanged(Event, frozen=True):
    tag: ClassVar[str] = "resource.capacity_changed"
    capacity: int


class ResourceHoursChanged(Event, frozen=True):
    tag: ClassVar[str] = "resource.hours_changed"
    hours: WeeklyHours | None


class ResourceDescribed(Event, frozen=True):
    """What it can do and what it costs to use it, all of it as it is from now on."""

    tag: ClassVar[str] = "resource.described"
    features: tuple[str, ...] = ()
    seats: Seats | None = None
    """A table's."""
    cost: int = 0
    """Of several that would do, the one of the lowest cost is taken first."""


class ResourceExceptionSet(Event, frozen=True):
    """On this local date these openings hold instead of the weekly ones; none: closed."""

    tag: ClassVar[str] = "resource.exception_set"
    on: date
    openings: tuple[Opening, ...]


class ResourceExceptionLifted(Event, frozen=True):
    tag: ClassVar[str] = "resource.exception_lifted"
    on: date


class ResourceClosed(Event, frozen=True):
    """For a while: a closure, maintenance, or the absence of a member of staff."""

    tag: ClassVar[str] = "resource.closed"
    closure: Closure


class ResourceReopened(Event, frozen=True):
    """That closure is called off, or ended early."""

    tag: ClassVar[str] = "resource.reopened"
    closure_id: UUID


class ResourceCapacityOverridden(Event, frozen=True):
    """From `starts_at` to `ends_at` it has so many units instead, more or fewer; 0: none."""

    tag: ClassVar[str] = "resource.capacity_overridden"
    override_id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int


class ResourceCapacityOverrideLifted(Event, frozen=True):
    tag: ClassVar[str] = "resource.capacity_override_lifted"
    override_id: UUID


class ResourcePacingSet(Event, frozen=True):
    """At most so many units start within any `minutes` that slide over the clock; None: as many as there are."""

    tag: ClassVar[str] = "resource.pacing_set"
    units: int | None
    minutes: int = 15


class ResourceBufferModeSet(Event, frozen=True):
    """Exclusive: the gap between two bookings is the buffer after the first and that before the second. Shared: the
    larger of the two; only where there is one unit."""

    tag: ClassVar[str] = "resource.buffer_mode_set"
    mode: BufferMode


class ResourceSellingSet(Event, frozen=True):
    """Whether customers may book it by itself, or only as part of what an offering sells. Staff may always."""

    tag: ClassVar[str] = "resource.selling_set"
    by_itself: bool


class ResourceJoinedPool(Event, frozen=True):
    """It is a member of that pool, which sells it whole: it has one unit for as long as it is."""

    tag: ClassVar[str] = "resource.joined_pool"
    pool_id: UUID


class ResourceLeftPool(Event, frozen=True):
    """It is no member any more, or the pool was retired."""

    tag: ClassVar[str] = "resource.left_pool"
    pool_id: UUID


class ResourceRetired(Event, frozen=True):
    """It takes no new bookings; those it has stand."""

    tag: ClassVar[str] = "resource.retired"


class PoolFormed(Event, frozen=True):
    """Identified units of which a booking gets one or several: courts, rooms of a type, tables, kit."""

    tag: ClassVar[str] = "pool.formed"
    location_id: UUID
    name: str
    members: tuple[UUID, ...]
    combinations: tuple[Combination, ...] = ()
    """Tables that can be had together; each table alone is had by its own seats."""


class PoolChanged(Event, frozen=True):
    tag: ClassVar[str] = "pool.changed"
    members: tuple[UUID, ...]
    combinations: tuple[Combination, ...] = ()


class PoolRetired(Event, frozen=True):
    """It is offered no more; its members stand."""

    tag: ClassVar[str] = "pool.retired"


ResourceEvent = (
    ResourceRegistered
    | ResourceRenamed
    | ResourceCapacityChanged
    | ResourceHoursChanged
    | ResourceDescribed
    | ResourceExceptionSet
    | ResourceExceptionLifted
    | ResourceClosed
    | ResourceReopened
    | ResourceCapacityOverridden
    | ResourceCapacityOverrideLifted
    | ResourcePacingSet
    | ResourceBufferModeSet
    | ResourceSellingSet
    | ResourceJoinedPool
    | ResourceLeftPool
    | ResourceRetired
)
PoolEvent = PoolFormed | PoolChanged | PoolRetired
