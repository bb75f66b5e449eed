"""What can be asked for quotas, and for the groups that they count together."""

from uuid import UUID, uuid5

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.family.family import Family
from domain.offering.offering import Offering
from domain.organization.location import Location
from domain.quota.party import Membership, Party
from domain.quota.quotas import Quotas
from domain.quota.rule import Kind, QuotaRule
from domain.resource.resource import Resource


class SetQuotaRule(Command, frozen=True):
    """From now on this rule holds, in place of one of the same name. What is booked stands."""

    rule: QuotaRule


def set_quota_rule(command: SetQuotaRule, work: UnitOfWork) -> None:
    rule = command.rule.checked
    party_ids = [] if rule.who.party_id is None else [rule.who.party_id]
    work.fetch(Quotas.of(work.tenant), *party_ids, *rule.what.offerings, *rule.what.resources, *rule.what.locations)
    for kind, named in ((Offering, rule.what.offerings), (Resource, rule.what.resources),
                        (Location, rule.what.locations)):  # fmt: skip
        for stream in named:
            work.read(kind, stream)
    parties = [work.read(Party, party_id) for party_id in party_ids]
    work.read_if_any(Quotas, Quotas.of(work.tenant))
    work.change(Quotas, Quotas.of(work.tenant), lambda quotas: quotas.set_rule(rule, parties))


class WithdrawQuotaRule(Command, frozen=True):
    """That rule holds no more."""

    name: str


def withdraw_quota_rule(command: WithdrawQuotaRule, work: UnitOfWork) -> None:
    work.change(Quotas, Quotas.of(work.tenant), lambda quotas: quotas.withdraw_rule(command.name))


class FormParty(Command, frozen=True):
    """A family, an account of an organization, or a plan that people are on."""

    party_id: UUID
    kind: Kind
    name: str


def form_party(command: FormParty, work: UnitOfWork) -> None:
    work.begin(Party, command.party_id, lambda party: party.form(command.kind, command.name))


class JoinParty(Command, frozen=True):
    """This person is in it from now on."""

    party_id: UUID
    customer_id: UUID


def join_party(command: JoinParty, work: UnitOfWork) -> None:
    membership = Membership.of(command.customer_id)
    work.fetch(command.party_id, membership)
    party = work.change(Party, command.party_id, lambda party: party.join(command.customer_id))
    work.read_if_any(Membership, membership)
    work.change(Membership, membership, lambda it: it.begin(party.id, party.kind))


class LeaveParty(Command, frozen=True):
    """This person is in it no more."""

    party_id: UUID
    customer_id: UUID


def leave_party(command: LeaveParty, work: UnitOfWork) -> None:
    work.fetch(command.party_id, Membership.of(command.customer_id))
    work.change(Party, command.party_id, lambda party: party.leave(command.customer_id))
    _left(command.party_id, command.customer_id, work)


class DissolveParty(Command, frozen=True):
    """It is no more, and nobody is in it."""

    party_id: UUID


def dissolve_party(command: DissolveParty, work: UnitOfWork) -> None:
    members = sorted(work.read(Party, command.party_id).members)
    work.fetch(*(Membership.of(customer_id) for customer_id in members))
    work.change(Party, command.party_id, lambda party: party.dissolve())
    for customer_id in members:
        _left(command.party_id, customer_id, work)


def _left(party_id: UUID, customer_id: UUID, work: UnitOfWork) -> None:
    work.read_if_any(Membership, Membership.of(customer_id))
    work.change(Membership, Membership.of(customer_id), lambda membership: membership.end(party_id))


class FollowFamily(Command, frozen=True):
    """The group of a family's is as the family is now, whatever it was and however often this is asked."""

    family_id: UUID


def follow_family(command: FollowFamily, work: UnitOfWork) -> None:
    family, party_id = work.read(Family, command.family_id), party_of(command.family_id)
    work.fetch(party_id)
    party = work.read_if_any(Party, party_id)
    if not party.name:
        if family.dissolved:
            return
        # What it is called nobody needs to know here: it is found by its members.
        party = work.change(Party, party_id, lambda it: it.form("family", f"family {command.family_id}"))
    come, gone = sorted(family.members - party.members), sorted(party.members - family.members)
    work.fetch(*(Membership.of(customer_id) for customer_id in (*come, *gone)))
    for customer_id in gone:
        leave_party(LeaveParty(party_id, customer_id), work)
    for customer_id in come:
        join_party(JoinParty(party_id, customer_id), work)
    if family.dissolved:
        work.change(Party, party_id, lambda it: it.dissolve())


def party_of(family_id: UUID) -> UUID:
    """The group in which a family is counted together."""
    return uuid5(family_id, "party")


HANDLERS: dict[type[Command], Handler] = {
    SetQuotaRule: set_quota_rule,
    WithdrawQuotaRule: withdraw_quota_rule,
    FormParty: form_party,
    JoinParty: join_party,
    LeaveParty: leave_party,
    DissolveParty: dissolve_party,
    FollowFamily: follow_family,
}
