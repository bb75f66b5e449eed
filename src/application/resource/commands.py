"""What can be asked for a resource."""

from uuid import UUID

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.hours import WeeklyHours
from domain.organization.location import Location
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


HANDLERS: dict[type[Command], Handler] = {
    RegisterResource: register_resource,
    RenameResource: rename_resource,
    ChangeCapacity: change_capacity,
    ChangeHours: change_hours,
    RetireResource: retire_resource,
    ReviseResource: revise_resource,
}
