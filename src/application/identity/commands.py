"""What can be asked for a user."""

from uuid import UUID

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.identity.user import User
from domain.organization.organization import Organization


class RegisterUser(Command, frozen=True):
    """Somebody who may act in this organization."""

    user_id: UUID
    role: str


def register_user(command: RegisterUser, work: UnitOfWork) -> None:
    work.read(Organization, work.tenant)
    work.begin(User, command.user_id, lambda user: user.register(command.role))


class ChangeRole(Command, frozen=True):
    """They may do other things."""

    user_id: UUID
    role: str


def change_role(command: ChangeRole, work: UnitOfWork) -> None:
    work.change(User, command.user_id, lambda user: user.change_role(command.role))


class DeactivateUser(Command, frozen=True):
    """They may do nothing any more."""

    user_id: UUID


def deactivate_user(command: DeactivateUser, work: UnitOfWork) -> None:
    work.change(User, command.user_id, lambda user: user.deactivate())


HANDLERS: dict[type[Command], Handler] = {
    RegisterUser: register_user,
    ChangeRole: change_role,
    DeactivateUser: deactivate_user,
}
