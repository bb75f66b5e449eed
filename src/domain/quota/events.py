"""What happens to quotas, and to the groups that they count together."""

from typing import ClassVar
from uuid import UUID

from domain.event import Event
from domain.quota.rule import Kind, QuotaRule


class QuotaRuleSet(Event, frozen=True):
    """From now on this rule holds; one of the same name holds no more."""

    tag: ClassVar[str] = "quota.rule_set"
    rule: QuotaRule


class QuotaRuleWithdrawn(Event, frozen=True):
    tag: ClassVar[str] = "quota.rule_withdrawn"
    name: str


class PartyFormed(Event, frozen=True):
    """A family, an account of an organization, or a plan that people are on."""

    tag: ClassVar[str] = "party.formed"
    kind: Kind
    name: str


class PartyJoined(Event, frozen=True):
    tag: ClassVar[str] = "party.joined"
    customer_id: UUID


class PartyLeft(Event, frozen=True):
    tag: ClassVar[str] = "party.left"
    customer_id: UUID


class PartyDissolved(Event, frozen=True):
    """It is no more, and whoever was in it is not."""

    tag: ClassVar[str] = "party.dissolved"


class MembershipBegun(Event, frozen=True):
    """Seen from the person: they are in this group."""

    tag: ClassVar[str] = "membership.begun"
    party_id: UUID
    kind: Kind


class MembershipEnded(Event, frozen=True):
    tag: ClassVar[str] = "membership.ended"
    party_id: UUID


QuotaEvent = QuotaRuleSet | QuotaRuleWithdrawn
PartyEvent = PartyFormed | PartyJoined | PartyLeft | PartyDissolved
MembershipEvent = MembershipBegun | MembershipEnded
