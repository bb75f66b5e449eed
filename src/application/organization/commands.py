"""What can be asked for an organization and its locations."""

from datetime import date, datetime
from uuid import UUID

from msgspec.structs import asdict

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.calendar import Cause, Closure, meant
from domain.hours import Opening, WeeklyHours
from domain.organization.location import Location
from domain.organization.organization import Organization


class FoundOrganization(Command, frozen=True):
    """A new tenant. Its id is the tenant of the occasion."""

    name: str


def found_organization(command: FoundOrganization, work: UnitOfWork) -> None:
    work.begin(Organization, work.tenant, lambda organization: organization.found(command.name))


class RenameOrganization(Command, frozen=True):
    """It is called otherwise."""

    name: str


def rename_organization(command: RenameOrganization, work: UnitOfWork) -> None:
    work.change(Organization, work.tenant, lambda organization: organization.rename(command.name))


class SetPolicy(Command, frozen=True):
    """How bookings are handled; what is not named stays as it is."""

    hold_minutes: int | None = None
    check_in_early_minutes: int | None = None
    no_show_grace_minutes: int | None = None
    max_hold_minutes: int | None = None
    max_extensions: int | None = None
    payment_grace_minutes: int | None = None
    holds_per_customer: int | None = None
    complete_without_check_in: bool | None = None
    complete_at_end: bool | None = None
    no_show_at_grace: bool | None = None


def set_policy(command: SetPolicy, work: UnitOfWork) -> None:
    said = {name: value for name, value in asdict(command).items() if value is not None}
    work.change(Organization, work.tenant, lambda organization: organization.set_policy(**said))


class ReviseOrganization(Command, frozen=True):
    """Several changes of the organization: all of them, or none."""

    changes: tuple[RenameOrganization | SetPolicy, ...]


def revise_organization(command: ReviseOrganization, work: UnitOfWork) -> None:
    for change in command.changes:
        HANDLERS[type(change)](change, work)


class OpenLocation(Command, frozen=True):
    """A venue, with the IANA name of its zone."""

    location_id: UUID
    name: str
    zone: str


def open_location(command: OpenLocation, work: UnitOfWork) -> None:
    work.read(Organization, work.tenant)
    work.begin(Location, command.location_id, lambda location: location.open(command.name, command.zone))


class RenameLocation(Command, frozen=True):
    """It is called otherwise."""

    location_id: UUID
    name: str


def rename_location(command: RenameLocation, work: UnitOfWork) -> None:
    work.change(Location, command.location_id, lambda location: location.rename(command.name))


class ChangeLocationHours(Command, frozen=True):
    """When the venue is open at all; None: whenever what is in it can be used."""

    location_id: UUID
    hours: WeeklyHours | None


def change_location_hours(command: ChangeLocationHours, work: UnitOfWork) -> None:
    work.change(Location, command.location_id, lambda location: location.change_hours(command.hours))


class SetLocationException(Command, frozen=True):
    """A holiday, or an evening that is longer: what holds on this local date instead; none: closed."""

    location_id: UUID
    on: date
    openings: tuple[Opening, ...] = ()


def set_location_exception(command: SetLocationException, work: UnitOfWork) -> None:
    work.change(
        Location,
        command.location_id,
        lambda location: location.set_exception(command.on, command.openings, work.now),
    )


class LiftLocationException(Command, frozen=True):
    """The weekly hours hold again on this date."""

    location_id: UUID
    on: date


def lift_location_exception(command: LiftLocationException, work: UnitOfWork) -> None:
    work.change(Location, command.location_id, lambda location: location.lift_exception(command.on))


class CloseLocation(Command, frozen=True):
    """The whole venue, for a while. A time without offset is local there."""

    location_id: UUID
    closure_id: UUID
    starts_at: datetime
    ends_at: datetime
    cause: Cause = "closure"


def close_location(command: CloseLocation, work: UnitOfWork) -> None:
    work.change(
        Location,
        command.location_id,
        lambda location: location.close(
            Closure(
                command.closure_id,
                meant(command.starts_at, location.zone),
                meant(command.ends_at, location.zone),
                command.cause,
            ),
            work.now,
        ),
    )
    work.result["closure_id"] = str(command.closure_id)


class ReopenLocation(Command, frozen=True):
    """That closure is called off, or ended early."""

    location_id: UUID
    closure_id: UUID


def reopen_location(command: ReopenLocation, work: UnitOfWork) -> None:
    work.change(Location, command.location_id, lambda location: location.reopen(command.closure_id))


class ReviseLocation(Command, frozen=True):
    """Several changes of one location: all of them, or none."""

    changes: tuple[RenameLocation | ChangeLocationHours, ...]


def revise_location(command: ReviseLocation, work: UnitOfWork) -> None:
    for change in command.changes:
        HANDLERS[type(change)](change, work)


HANDLERS: dict[type[Command], Handler] = {
    FoundOrganization: found_organization,
    RenameOrganization: rename_organization,
    SetPolicy: set_policy,
    ReviseOrganization: revise_organization,
    OpenLocation: open_location,
    RenameLocation: rename_location,
    ChangeLocationHours: change_location_hours,
    SetLocationException: set_location_exception,
    LiftLocationException: lift_location_exception,
    CloseLocation: close_location,
    ReopenLocation: reopen_location,
    ReviseLocation: revise_location,
}
