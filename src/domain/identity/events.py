"""What happens to a user."""

from typing import ClassVar
from uuid import UUID

from domain.event import Event
from domain.personal import Personal


class UserRegistered(Event, frozen=True):
    tag: ClassVar[str] = "user.registered"
    role: str
    within: tuple[UUID, ...] = ()
    """The locations and resources to which the role is limited; none: the whole organization."""


class UserRoleChanged(Event, frozen=True):
    tag: ClassVar[str] = "user.role_changed"
    role: str
    within: tuple[UUID, ...] = ()


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


class UserInvited(Event, frozen=True):
    """They were asked to log in from now on; where to is not kept here."""

    tag: ClassVar[str] = "user.invited"


class UserLinked(Event, frozen=True):
    """Whoever logs in to this account is them."""

    tag: ClassVar[str] = "user.linked"
    account_id: UUID


UserEvent = (
    UserRegistered | UserRoleChanged | UserDeactivated | UserDescribed | UserDetailsRemoved | UserInvited | UserLinked
)
