"""A user of one organization."""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.identity import errors, events
from domain.identity.details import FIELDS, Details
from domain.personal import Clear, Personal

ROLES = ("owner", "admin", "manager", "staff", "customer", "compliance", "service", "coach")
UNLIMITED = ("customer", "compliance")
"""What is theirs is not a matter of place."""


class User(Aggregate, frozen=True):
    """An id, what it may do, and what is known about who it is: sealed, and looked at by no decision."""

    begins: ClassVar[type[Event]] = events.UserRegistered
    unknown: ClassVar = errors.UnknownUser

    role: str = "customer"
    within: tuple[UUID, ...] = ()
    """The locations and resources to which the role is limited; none: the whole organization."""
    active: bool = True
    details: dict[str, Personal] = {}
    locale: str | None = None
    account_id: UUID | None = None
    """The account that logs in as them."""

    @property
    def customer_id(self) -> UUID:
        """Whose this is: their own. To a customer everybody else is unknown."""
        return self.id

    @property
    def anywhere(self) -> bool:
        """Customers come to every place; who works here has theirs."""
        return self.role == "customer"

    def register(
        self, role: str, details: Details, today: date, within: tuple[UUID, ...] = ()
    ) -> list[events.UserEvent]:
        return [events.UserRegistered(known(role), limited(role, within)), *self.describe(details, today)]

    def describe(self, details: Details, today: date) -> list[events.UserEvent]:
        """What was said, in its normal form. Whether it was known before nobody can tell: it is said again."""
        said = details.normal(today)
        if said == Details():
            return []
        found: dict[str, Personal] = {field: Clear(self.id, text) for field, text in said.personal.items()}
        if not found and said.locale == self.locale:
            return []
        return [events.UserDescribed(found, said.locale)]

    def forget(self, fields: Sequence[str]) -> list[events.UserEvent]:
        if not set(fields) <= set(FIELDS):
            raise errors.NoSuchDetail
        there = {*self.details, *(("locale",) if self.locale is not None else ())}
        gone = tuple(field for field in FIELDS if field in fields and field in there)
        return [events.UserDetailsRemoved(gone)] if gone else []

    def change_role(self, role: str, within: tuple[UUID, ...] = ()) -> list[events.UserEvent]:
        if not self.active:
            raise errors.Deactivated
        same = (known(role), limited(role, within)) == (self.role, self.within)
        return [] if same else [events.UserRoleChanged(role, limited(role, within))]

    def deactivate(self) -> list[events.UserEvent]:
        return [events.UserDeactivated()] if self.active else []

    def invite(self) -> list[events.UserEvent]:
        self._may_log_in()
        if self.account_id is not None:
            raise errors.LinkedAlready
        return [events.UserInvited()]

    def link(self, account_id: UUID) -> list[events.UserEvent]:
        if self.account_id == account_id:
            return []
        self._may_log_in()
        if self.account_id is not None:
            raise errors.LinkedAlready
        return [events.UserLinked(account_id)]

    def _may_log_in(self) -> None:
        if not self.active:
            raise errors.Deactivated

    def evolve(self, event: Event) -> Self:
        match event:
            case events.UserRegistered(role, within) | events.UserRoleChanged(role, within):
                return replace(self, role=role, within=within)
            case events.UserDeactivated():
                return replace(self, active=False)
            case events.UserDescribed(details, locale):
                return replace(self, details={**self.details, **details}, locale=locale or self.locale)
            case events.UserDetailsRemoved(fields):
                left = {field: value for field, value in self.details.items() if field not in fields}
                return replace(self, details=left, locale=None if "locale" in fields else self.locale)
            case events.UserLinked(account_id):
                return replace(self, account_id=account_id)
        return self


def known(role: str) -> str:
    if role not in ROLES:
        raise errors.UnknownRole
    return role


def limited(role: str, within: tuple[UUID, ...]) -> tuple[UUID, ...]:
    """The places, each once and in one order, where the role is one that has places."""
    if within and role in UNLIMITED:
        raise errors.NotLimited
    if not within and role == "coach":
        raise errors.CoachOfNothing
    return tuple(sorted(set(within)))
