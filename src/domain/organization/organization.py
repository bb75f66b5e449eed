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
    max_hold: timedelta = timedelta(minutes=30)
    """No hold outlives its placing by more, whatever extends it."""
    max_extensions: int = 2
    payment_grace: timedelta = timedelta(minutes=5)
    """How long who has started to pay may take, at least."""
    holds_per_customer: int = 3
    complete_without_check_in: bool = False
    complete_at_end: bool = True
    """Who was checked in has left at the end, by itself."""
    no_show_at_grace: bool = False
    """Who has not come by the end of the grace is marked as not shown, by itself; else that is for staff to say."""


def policy_of(said: events.OrganizationPolicySet) -> Policy:
    return Policy(
        hold=timedelta(minutes=said.hold_minutes),
        check_in_early=timedelta(minutes=said.check_in_early_minutes),
        no_show_grace=timedelta(minutes=said.no_show_grace_minutes),
        max_hold=timedelta(minutes=said.max_hold_minutes),
        max_extensions=said.max_extensions,
        payment_grace=timedelta(minutes=said.payment_grace_minutes),
        holds_per_customer=said.holds_per_customer,
        complete_without_check_in=said.complete_without_check_in,
        complete_at_end=said.complete_at_end,
        no_show_at_grace=said.no_show_at_grace,
    )


USUAL = events.OrganizationPolicySet(hold_minutes=10, check_in_early_minutes=30, no_show_grace_minutes=15)


class Organization(Aggregate, frozen=True):
    """Its id is the tenant of everything it owns."""

    begins: ClassVar[type[Event]] = events.OrganizationFounded
    unknown: ClassVar = errors.UnknownOrganization

    name: str = ""
    said: events.OrganizationPolicySet = USUAL
    """Its policy, as it was last said."""

    @property
    def policy(self) -> Policy:
        return policy_of(self.said)

    def found(self, name: str) -> list[events.OrganizationEvent]:
        return [events.OrganizationFounded(named(name))]

    def rename(self, name: str) -> list[events.OrganizationEvent]:
        name = named(name)
        return [] if name == self.name else [events.OrganizationRenamed(name)]

    def set_policy(self, **said: int) -> list[events.OrganizationEvent]:
        """What is named of `OrganizationPolicySet`, in its words; the rest stays as it is."""
        policy: events.OrganizationPolicySet = replace(self.said, **said)
        if not (
            1 <= policy.hold_minutes <= min(30, policy.max_hold_minutes)
            and policy.max_hold_minutes <= 1440
            and 0 <= policy.check_in_early_minutes <= 1440
            and 0 <= policy.no_show_grace_minutes <= 1440
            and 0 <= policy.payment_grace_minutes <= 60
            and 0 <= policy.max_extensions <= 20
            and 1 <= policy.holds_per_customer <= 100
        ):
            raise errors.BadPolicy
        return [] if policy == self.said else [policy]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.OrganizationFounded(name) | events.OrganizationRenamed(name):
                return replace(self, name=name)
            case events.OrganizationPolicySet():
                return replace(self, said=event)
        return self
