"""What can be asked for resources and pools of them."""

from datetime import date, datetime
from uuid import UUID

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.calendar import Cause, Closure, meant
from domain.hours import Opening, WeeklyHours
from domain.organization.location import Location
from domain.resource.events import BufferMode, Combination, Seats
from domain.resource.pool import Pool
from domain.resource.resource import Resource


class RegisterResource(Command, frozen=True):
    """A location has something that can be booked."""

    resource_id: UUID
    location_id: UUID
    name: str
    kind: str
    capacity: int = 1
    hours: WeeklyHours | None = None


def register_resource(command: RegisterResource, work: UnitOfWork) -> None:
    location = work.read(Location, command.location_id)
    work.begin(
        Resource,
        command.resource_id,
        lambda resource: resource.register(location.id, command.name, command.kind, command.capacity, command.hours),
    )


class RenameResource(Command, frozen=True):
    """It is called otherwise."""

    resource_id: UUID
    name: str


def rename_resource(command: RenameResource, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.rename(command.name))


class ChangeCapacity(Command, frozen=True):
    """It has more or fewer units."""

    resource_id: UUID
    capacity: int


def change_capacity(command: ChangeCapacity, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.change_capacity(command.capacity))


class ChangeHours(Command, frozen=True):
    """It is open at other hours; None: always."""

    resource_id: UUID
    hours: WeeklyHours | None


def change_hours(command: ChangeHours, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.change_hours(command.hours))


class DescribeResource(Command, frozen=True):
    """What it can do, whom it seats and what it costs to use it: all of it, as it is from now on."""

    resource_id: UUID
    features: tuple[str, ...] = ()
    seats: Seats | None = None
    cost: int = 0


def describe_resource(command: DescribeResource, work: UnitOfWork) -> None:
    work.change(
        Resource,
        command.resource_id,
        lambda resource: resource.describe(command.features, command.seats, command.cost),
    )


class SetException(Command, frozen=True):
    """On this local date these openings hold instead of the weekly ones; none: closed."""

    resource_id: UUID
    on: date
    openings: tuple[Opening, ...] = ()


def set_exception(command: SetException, work: UnitOfWork) -> None:
    work.change(
        Resource,
        command.resource_id,
        lambda resource: resource.set_exception(command.on, command.openings, work.now),
    )


class LiftException(Command, frozen=True):
    """The weekly hours hold again on this date."""

    resource_id: UUID
    on: date


def lift_exception(command: LiftException, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.lift_exception(command.on))


class CloseResource(Command, frozen=True):
    """For a while: a closure, maintenance, somebody's absence. A time without offset is local at its location."""

    resource_id: UUID
    closure_id: UUID
    starts_at: datetime
    ends_at: datetime
    cause: Cause = "closure"


def close_resource(command: CloseResource, work: UnitOfWork) -> None:
    starts_at, ends_at = typed(work, command.resource_id, command.starts_at, command.ends_at)
    closure = Closure(command.closure_id, starts_at, ends_at, command.cause)
    work.change(Resource, command.resource_id, lambda resource: resource.close(closure, work.now))
    work.result["closure_id"] = str(closure.id)


class ReopenResource(Command, frozen=True):
    """That closure is called off, or ended early."""

    resource_id: UUID
    closure_id: UUID


def reopen_resource(command: ReopenResource, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.reopen(command.closure_id))


class OverrideCapacity(Command, frozen=True):
    """So many units instead, for a while; 0: none. A time without offset is local at its location."""

    resource_id: UUID
    override_id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int


def override_capacity(command: OverrideCapacity, work: UnitOfWork) -> None:
    starts_at, ends_at = typed(work, command.resource_id, command.starts_at, command.ends_at)
    work.change(
        Resource,
        command.resource_id,
        lambda resource: resource.override_capacity(
            command.override_id, starts_at, ends_at, command.capacity, work.now
        ),
    )
    work.result["override_id"] = str(command.override_id)


class LiftCapacityOverride(Command, frozen=True):
    """It has as many units as ever again."""

    resource_id: UUID
    override_id: UUID


def lift_capacity_override(command: LiftCapacityOverride, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.lift_capacity_override(command.override_id))


class SetPacing(Command, frozen=True):
    """At most so many units start within any so many minutes; None: as many as there are."""

    resource_id: UUID
    units: int | None
    minutes: int = 15


def set_pacing(command: SetPacing, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.set_pacing(command.units, command.minutes))


class SetBufferMode(Command, frozen=True):
    """Whether the buffers of neighbouring bookings may lie over each other."""

    resource_id: UUID
    mode: BufferMode


def set_buffer_mode(command: SetBufferMode, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.set_buffer_mode(command.mode, work.now))


class SetSelling(Command, frozen=True):
    """Whether customers may book it by itself, or only as part of what an offering sells."""

    resource_id: UUID
    by_itself: bool


def set_selling(command: SetSelling, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.set_selling(command.by_itself))


def typed(work: UnitOfWork, resource_id: UUID, *times: datetime) -> list[datetime]:
    """The instants that were meant: by their offsets, or, typed without, by the wall at the resource's location."""
    location = work.read(Location, work.read(Resource, resource_id).location_id)
    return [meant(at, location.zone) for at in times]


class RetireResource(Command, frozen=True):
    """It takes no more bookings."""

    resource_id: UUID


def retire_resource(command: RetireResource, work: UnitOfWork) -> None:
    work.change(Resource, command.resource_id, lambda resource: resource.retire())


class ReviseResource(Command, frozen=True):
    """Several changes of one resource: all of them, or none."""

    changes: tuple[RenameResource | ChangeCapacity | ChangeHours, ...]


def revise_resource(command: ReviseResource, work: UnitOfWork) -> None:
    for change in command.changes:
        HANDLERS[type(change)](change, work)


class FormPool(Command, frozen=True):
    """Identified units of which a booking gets one or several: courts, rooms of a type, tables, kit."""

    pool_id: UUID
    location_id: UUID
    name: str
    members: tuple[UUID, ...]
    combinations: tuple[Combination, ...] = ()


def form_pool(command: FormPool, work: UnitOfWork) -> None:
    work.fetch(command.location_id, *command.members)
    location = work.read(Location, command.location_id)
    resources = {member: work.read(Resource, member) for member in command.members}
    pool = work.begin(
        Pool,
        command.pool_id,
        lambda pool: pool.form(location.id, command.name, command.members, command.combinations, resources),
    )
    belong(work, pool)


class ChangePool(Command, frozen=True):
    """Its members and combinations, all of them, as they are from now on."""

    pool_id: UUID
    members: tuple[UUID, ...]
    combinations: tuple[Combination, ...] = ()


def change_pool(command: ChangePool, work: UnitOfWork) -> None:
    work.fetch(command.pool_id, *command.members)
    before = work.read(Pool, command.pool_id).members
    resources = {member: work.read(Resource, member) for member in command.members}
    pool = work.change(
        Pool, command.pool_id, lambda pool: pool.change(command.members, command.combinations, resources)
    )
    belong(work, pool, before)


class RetirePool(Command, frozen=True):
    """It is offered no more; its members stand."""

    pool_id: UUID


def retire_pool(command: RetirePool, work: UnitOfWork) -> None:
    pool = work.change(Pool, command.pool_id, lambda pool: pool.retire())
    belong(work, pool, pool.members)


def belong(work: UnitOfWork, pool: Pool, before: tuple[UUID, ...] = ()) -> None:
    """Each member knows its pools, so that it is not given more units while one of them sells it whole: what it is
    given at the same moment and this pass through the same stream."""
    members = () if pool.retired else pool.members
    gone = [member for member in before if member not in set(members)]
    work.fetch(*members, *gone)
    for member in members:
        work.change(Resource, member, lambda resource: resource.join_pool(pool.id, work.now))
    for member in gone:
        work.change(Resource, member, lambda resource: resource.leave_pool(pool.id))


HANDLERS: dict[type[Command], Handler] = {
    RegisterResource: register_resource,
    RenameResource: rename_resource,
    ChangeCapacity: change_capacity,
    ChangeHours: change_hours,
    DescribeResource: describe_resource,
    SetException: set_exception,
    LiftException: lift_exception,
    CloseResource: close_resource,
    ReopenResource: reopen_resource,
    OverrideCapacity: override_capacity,
    LiftCapacityOverride: lift_capacity_override,
    SetPacing: set_pacing,
    SetBufferMode: set_buffer_mode,
    SetSelling: set_selling,
    RetireResource: retire_resource,
    ReviseResource: revise_resource,
    FormPool: form_pool,
    ChangePool: change_pool,
    RetirePool: retire_pool,
}
