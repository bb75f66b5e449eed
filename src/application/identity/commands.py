"""What can be asked for a user."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.identity.details import Details
from domain.identity.errors import NoSuchPlace
from domain.identity.user import User
from domain.organization.errors import UnknownLocation
from domain.organization.location import Location
from domain.organization.organization import Organization
from domain.resource.errors import UnknownResource
from domain.resource.resource import Resource

EASTERNMOST = timedelta(hours=14)
"""Where today comes first: who is born there today may be registered everywhere."""


class RegisterUser(Command, frozen=True):
    """Somebody who may act in this organization."""

    user_id: UUID
    role: str
    details: Details = Details()
    within: tuple[UUID, ...] = ()
    """The locations and resources to which the role is limited; none: the whole organization."""


def register_user(command: RegisterUser, work: UnitOfWork) -> None:
    work.read(Organization, work.tenant)
    places(command.within, work)
    work.begin(
        User,
        command.user_id,
        lambda user: user.register(command.role, command.details, today(work), command.within),
    )


def places(within: Sequence[UUID], work: UnitOfWork) -> None:
    """They are all there: each a location or a resource."""
    work.fetch(*within)
    for place in within:
        try:
            work.read(Location, place)
        except UnknownLocation:
            try:
                work.read(Resource, place)
            except UnknownResource:
                raise NoSuchPlace(place=place) from None


class RegisterCustomer(Command, frozen=True):
    """Somebody who books, or for whom others do. They need no account."""

    user_id: UUID
    details: Details = Details()


def register_customer(command: RegisterCustomer, work: UnitOfWork) -> None:
    work.read(Organization, work.tenant)
    work.begin(User, command.user_id, lambda user: user.register("customer", command.details, today(work)))


class DescribeUser(Command, frozen=True):
    """What is to be known about them; what is not named stays as it is."""

    user_id: UUID
    details: Details


def describe_user(command: DescribeUser, work: UnitOfWork) -> None:
    work.change(User, command.user_id, lambda user: user.describe(command.details, today(work)))


class ForgetDetails(Command, frozen=True):
    """These are to be known about them no longer."""

    user_id: UUID
    fields: tuple[str, ...]


def forget_details(command: ForgetDetails, work: UnitOfWork) -> None:
    work.change(User, command.user_id, lambda user: user.forget(command.fields))


def today(work: UnitOfWork) -> date:
    return (work.now + EASTERNMOST).date()


class ChangeRole(Command, frozen=True):
    """They may do other things."""

    user_id: UUID
    role: str
    within: tuple[UUID, ...] = ()


def change_role(command: ChangeRole, work: UnitOfWork) -> None:
    places(command.within, work)
    work.change(User, command.user_id, lambda user: user.change_role(command.role, command.within))


class DeactivateUser(Command, frozen=True):
    """They may do nothing any more."""

    user_id: UUID


def deactivate_user(command: DeactivateUser, work: UnitOfWork) -> None:
    work.change(User, command.user_id, lambda user: user.deactivate())


class InviteUser(Command, frozen=True):
    """They are asked to log in from now on."""

    user_id: UUID


def invite_user(command: InviteUser, work: UnitOfWork) -> None:
    work.change(User, command.user_id, lambda user: user.invite())


class LinkAccount(Command, frozen=True):
    """Whoever logs in to this account is this user."""

    user_id: UUID
    account_id: UUID


def link_account(command: LinkAccount, work: UnitOfWork) -> None:
    work.change(User, command.user_id, lambda user: user.link(command.account_id))


HANDLERS: dict[type[Command], Handler] = {
    RegisterUser: register_user,
    RegisterCustomer: register_customer,
    DescribeUser: describe_user,
    ForgetDetails: forget_details,
    ChangeRole: change_role,
    DeactivateUser: deactivate_user,
    InviteUser: invite_user,
    LinkAccount: link_account,
}
