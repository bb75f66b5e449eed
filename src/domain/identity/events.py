"""What happens to a user."""

from typing import ClassVar

from domain.event import Event


class UserRegistered(Event, frozen=True):
    tag: ClassVar[str] = "user.registered"
    role: str


class UserRoleChanged(Event, frozen=True):
    tag: ClassVar[str] = "user.role_changed"
    role: str


class UserDeactivated(Event, frozen=True):
    tag: ClassVar[str] = "user.deactivated"


UserEvent = UserRegistered | UserRoleChanged | UserDeactivated
