"""An organization: a tenant, with the policy by which it handles its bookings."""

from datetime import timedelta
from typing import ClassVar, Self

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.names import name as named
from domain.organization import errors, events


class Policy(Struct, frozen=True):
    """Elapsed times between instants."""

    hold: timedelta = timedelta(minutes=10)
    """How long a hold lives."""
    check_in_early: timedelta = timedelta(minutes=30)
    """How long before its start a booking can be checked in."""
    no_show_grace: timedelta = timedelta(minutes=15)
    """How long after its start it can be marked as not shown."""


class Organization(Aggregate, frozen=True):
    """Its id is the tenant of everything it owns."""

    begins: ClassVar[type[Event]] = events.OrganizationFounded
    unknown: ClassVar = errors.UnknownOrganization

    name: str = ""
    policy: Policy = Policy()

    def found(self, name: str) -> list[events.OrganizationEvent]:
        return [events.OrganizationFounded(named(name))]

    def rename(self, name: str) -> list[events.OrganizationEvent]:
        name = named(name)
        return [] if name == self.name else [events.OrganizationRenamed(name)]

    def set_policy(self, hold: int, check_in_early: int, no_show_grace: int) -> list[events.OrganizationEvent]:
        """All three in minutes."""
        if not (1 <= hold <= 30 and 0 <= check_in_early <= 1440 and 0 <= no_show_grace <= 1440):
            raise errors.BadPolicy
        change = events.OrganizationPolicySet(hold, check_in_early, no_show_grace)
        return [] if self.evolve(change).policy == self.policy else [change]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.OrganizationFounded(name) | events.OrganizationRenamed(name):
                return replace(self, name=name)
            case events.OrganizationPolicySet(hold, early, grace):
                minutes = (timedelta(minutes=m) for m in (hold, early, grace))
                return replace(self, policy=Policy(*minutes))
        return self
