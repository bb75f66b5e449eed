"""What happens to a user."""

from typing import ClassVar

from domain.event import Event
from domain.personal import Personal


class UserRegistered(Event, frozen=True):
    tag: ClassVar[str] = "user.registered"
    role: str


class UserRoleChanged(Event, frozen=True):
    tag: ClassVar[str] = "user.role_changed"
    role: str


class UserDeactivated(Event, frozen=True):
    tag: ClassVar[str] = "user.deactivated"


class UserDescribed(Event, frozen=True):
    """What somebody said about them; what is not named is as it was."""

    tag: ClassVar[str] = "user.described"
    personal: ClassVar[tuple[str, ...]] = ("details",)
    details: dict[str, Personal] = {}
    """By field: name, email, phone, birth_date, note."""
    locale: str | None = None


class UserDetailsRemoved(Event, frozen=True):
    """These are no longer known of them."""

    tag: ClassVar[str] = "user.details_removed"
    fields: tuple[str, ...]


UserEvent = UserRegistered | UserRoleChanged | UserDeactivated | UserDescribed | UserDetailsRemoved
