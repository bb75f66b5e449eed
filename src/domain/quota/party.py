"""Groups of people: a family, an account of an organization, a plan."""

from typing import ClassVar, Self
from uuid import UUID, uuid5

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.names import name as named
from domain.quota import errors, events
from domain.quota.rule import Kind

MOST_MEMBERS = 2_000
MOST_PARTIES = 50


class Party(Aggregate, frozen=True):
    """Who is in it. A family and an account are counted together; who is on a plan, each by themselves."""

    begins: ClassVar[type[Event]] = events.PartyFormed
    unknown: ClassVar = errors.UnknownParty

    kind: Kind = "family"
    name: str = ""
    members: frozenset[UUID] = frozenset()
    dissolved: bool = False

    def form(self, kind: Kind, name: str) -> list[events.PartyEvent]:
        return [events.PartyFormed(kind, named(name))]

    def join(self, customer_id: UUID) -> list[events.PartyEvent]:
        if self.dissolved:
            raise errors.PartyDissolved
        if customer_id in self.members:
            return []
        if len(self.members) >= MOST_MEMBERS:
            raise errors.PartyFull
        return [events.PartyJoined(customer_id)]

    def leave(self, customer_id: UUID) -> list[events.PartyEvent]:
        return [events.PartyLeft(customer_id)] if customer_id in self.members else []

    def dissolve(self) -> list[events.PartyEvent]:
        return [] if self.dissolved else [events.PartyDissolved()]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.PartyFormed(kind, name):
                return replace(self, kind=kind, name=name)
            case events.PartyJoined(customer_id):
                return replace(self, members=self.members | {customer_id})
            case events.PartyLeft(customer_id):
                return replace(self, members=self.members - {customer_id})
            case events.PartyDissolved():
                return replace(self, members=frozenset(), dissolved=True)
        return self


class Membership(Aggregate, frozen=True):
    """The same, seen from the person, so that whoever books finds a person's groups by the person's id alone."""

    begins: ClassVar[type[Event]] = events.MembershipBegun
    unknown: ClassVar = errors.UnknownMembership

    parties: dict[UUID, Kind] = {}

    @staticmethod
    def of(customer_id: UUID) -> UUID:
        """The stream of this person's."""
        return uuid5(customer_id, "membership")

    def begin(self, party_id: UUID, kind: Kind) -> list[events.MembershipEvent]:
        if party_id in self.parties:
            return []
        if len(self.parties) >= MOST_PARTIES:
            raise errors.TooManyParties
        return [events.MembershipBegun(party_id, kind)]

    def end(self, party_id: UUID) -> list[events.MembershipEvent]:
        return [events.MembershipEnded(party_id)] if party_id in self.parties else []

    def evolve(self, event: Event) -> Self:
        match event:
            case events.MembershipBegun(party_id, kind):
                return replace(self, parties={**self.parties, party_id: kind})
            case events.MembershipEnded(party_id):
                return replace(self, parties={key: kind for key, kind in self.parties.items() if key != party_id})
        return self
