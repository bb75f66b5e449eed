"""Whether a person's quotas let them book: read inside the write, counted by `domain.quota`."""

from collections.abc import Collection, Sequence
from uuid import UUID

from application.unit_of_work import UnitOfWork
from domain.availability.limits import reason
from domain.availability.setup import Reason
from domain.booking.events import Item
from domain.family.consents import Asking
from domain.quota.counting import Counted, Group, Wanted, against, concerning, counted_together
from domain.quota.errors import QuotaReached
from domain.quota.party import Membership, Party
from domain.quota.quotas import Quotas
from domain.quota.rule import QuotaRule


def streams(tenant: UUID, who: UUID | None) -> tuple[UUID, ...]:
    """What a booking of this person's reads for its quotas, and whether it needs consents: to be fetched in one go with
    all else."""
    return () if who is None else (Quotas.of(tenant), Membership.of(who), Asking.of(tenant))


def within_quotas(
    work: UnitOfWork,
    customer: UUID | None,
    offering_id: UUID | None,
    location_id: UUID,
    items: Sequence[Item],
    moving: UUID | None = None,
) -> None:
    """Refuses a booking of these items with `QuotaReached` where one of its customer's quotas is in the way. What is
    brought in from elsewhere has happened, and is not asked."""
    if customer is None or work.occasion.origin.channel == "import":
        return
    wanted = Wanted(
        customer, offering_id, location_id, items[0].zone, tuple(sorted({item.resource_id for item in items})),
        min(item.starts_at for item in items), max(item.ends_at for item in items), moving,
    )  # fmt: skip
    if against := quota_reasons(work, wanted):
        raise QuotaReached(reasons=against)


def quota_reasons(
    work: UnitOfWork, wanted: Wanted, besides: Sequence[Counted] = (), moving: Collection[UUID] = ()
) -> list[Reason]:
    """Every quota that is in the way of what is wanted, by name; none where nobody's quota is.

    What was read is checked again by the write: a rule that is set meanwhile, a child that joins the family, a booking
    of anybody who is counted with this person make the decision be taken anew. An organization without rules costs the
    look into one stream.

    `besides`: what the same command is about to book; `moving`: bookings that it moves, which do not count as they are.
    """
    rules = concerning(work.read_if_any(Quotas, Quotas.of(work.tenant)).rules.values(), wanted)
    groups = _groups(work, rules, wanted.who)
    whos = counted_together(rules, groups, wanted.who)
    if not whos:
        return []
    rows = [*(row for row in work.tallies(whos) if row.booking_id not in moving), *besides]
    return [reason(verdict) for verdict in against(rules, groups, rows, wanted, work.now)]


def _groups(work: UnitOfWork, rules: Sequence[QuotaRule], who: UUID) -> list[Group]:
    """The groups of this person that the rules ask about; members only where they are counted together."""
    kinds = {rule.who.kind for rule in rules} - {"person"}
    if not kinds:
        return []
    parties = {
        party_id: kind
        for party_id, kind in work.read_if_any(Membership, Membership.of(who)).parties.items()
        if kind in kinds
    }
    work.fetch(*(party_id for party_id, kind in parties.items() if kind != "plan"))
    return [
        Group(party_id, kind, frozenset() if kind == "plan" else work.read(Party, party_id).members)
        for party_id, kind in parties.items()
    ]
