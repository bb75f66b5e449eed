"""A user of one organization."""

from typing import ClassVar, Self

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.identity import errors, events

ROLES = ("owner", "admin", "manager", "staff", "customer", "compliance", "service")


class User(Aggregate, frozen=True):
    """An id and what it may do."""

    begins: ClassVar[type[Event]] = events.UserRegistered
    unknown: ClassVar = errors.UnknownUser

    role: str = "customer"
    active: bool = True

    def register(self, role: str) -> list[events.UserEvent]:
        return [events.UserRegistered(known(role))]

    def change_role(self, role: str) -> list[events.UserEvent]:
        if not self.active:
            raise errors.Deactivated
        return [] if known(role) == self.role else [events.UserRoleChanged(role)]

    def deactivate(self) -> list[events.UserEvent]:
        return [events.UserDeactivated()] if self.active else []

    def evolve(self, event: Event) -> Self:
        match event:
            case events.UserRegistered(role) | events.UserRoleChanged(role):
                return replace(self, role=role)
            case events.UserDeactivated():
                return replace(self, active=False)
        return self


def known(role: str) -> str:
    if role not in ROLES:
        raise errors.UnknownRole
    return role
