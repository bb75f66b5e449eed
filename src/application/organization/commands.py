"""What can be asked for an organization and its locations."""

from uuid import UUID

from msgspec.structs import asdict

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
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


HANDLERS: dict[type[Command], Handler] = {
    FoundOrganization: found_organization,
    RenameOrganization: rename_organization,
    SetPolicy: set_policy,
    ReviseOrganization: revise_organization,
    OpenLocation: open_location,
    RenameLocation: rename_location,
}
