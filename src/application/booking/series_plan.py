"""What every command about series does first: a plan, which says of each occurrence whether it can be had. A preview
shows it, and a command carries it out: all of it in one append, or nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from application.booking.approvals import agreed, agreement, of_slot
from application.booking.placing import first_come, items_of, setup_of
from application.booking.quotas import quota_reasons, streams
from application.booking.terms import cancellation_notice
from application.event_store import CountedBooking
from application.unit_of_work import UnitOfWork
from domain import localtime
from domain.availability.recurring import REACH, Buffers, Diary, Verdict, Wish, alternatives, setup_by_name, verdicts
from domain.availability.setup import Reason, Setup, Slot, Use
from domain.booking import series_errors
from domain.booking.booking import Booking, Status
from domain.booking.reference import reference
from domain.booking.series import BookingSeries
from domain.booking.series_events import OccurrenceWaitlisted, Patch, SeriesEvent, Strategy, Template
from domain.errors import Refusal
from domain.offering.offering import Offering
from domain.organization.location import Location
from domain.organization.organization import Organization
from domain.period import Period
from domain.quota.counting import Wanted
from domain.recurrence.errors import NoSuchOccurrence
from domain.resource.resource import Resource, sold_by_themselves


class Left(Struct, frozen=True, omit_defaults=True):
    """An occurrence that is not touched, cancelled, or loses what it had of its own."""

    recurrence_id: datetime
    what: Literal["stays", "cancelled", "override_dropped", "exclusion_dropped"]
    patch: Patch | None = None


class Plan(Struct, frozen=True):
    """What a command is going to do."""

    series: BookingSeries
    """As it will stand, but for what becomes of the single occurrences."""
    found: Sequence[Verdict]
    diary: Diary
    setup: Setup
    offering: Offering | None
    strategy: Strategy
    record: Callable[[UnitOfWork, "Plan"], None]
    left: Sequence[Left] = ()
    skipped_before: frozenset[UUID] = frozenset()
    """Bookings that were not had before either: that they still cannot be had refuses nothing."""

    @property
    def granted(self) -> list[Verdict]:
        return [it for it in self.found if it.slot is not None]

    @property
    def conflicts(self) -> list[Verdict]:
        return [it for it in self.found if it.slot is None]

    def carry_out(self, work: UnitOfWork) -> None:
        """Refuses the whole where the strategy says so; else records it."""
        refusing = [it for it in self.conflicts if it.wish.booking_id not in self.skipped_before]
        if refusing and self.strategy in ("fail", "suggest"):
            raise refusal(refusing, self.diary if self.strategy == "suggest" else None)
        self.record(work, self)
        work.result |= {
            "booked": len(self.granted),
            "skipped": [
                {"recurrence_id": form(it.recurrence_id), "reasons": [r.code for r in it.reasons]}
                for it in self.conflicts
            ],
        }

    def shown(self) -> dict[str, Any]:
        """For a preview: everything, and what could be had instead."""
        return {
            "occurrences": [told(it, self.diary) for it in self.found],
            "left": [{"recurrence_id": form(it.recurrence_id), "what": it.what, "patch": it.patch} for it in self.left],
            "strategy": self.strategy,
            "booked": len(self.granted) if not self.conflicts or self.strategy in ("skip", "waitlist") else 0,
            "conflicts": len(self.conflicts),
        }


def form(recurrence_id: datetime) -> str:
    return recurrence_id.isoformat()


def told(verdict: Verdict, diary: Diary | None = None) -> dict[str, Any]:
    about: dict[str, Any] = {
        "recurrence_id": form(verdict.recurrence_id),
        "local_start": form(verdict.wish.planned.local),
        "starts_at": verdict.starts_at,
    }
    if verdict.slot is not None:
        chosen = [it for one in verdict.slot.assignment for it in one.resource_ids]
        return about | {"verdict": "free", "ends_at": verdict.slot.ends_at, "resource_ids": chosen}
    about |= {"verdict": "conflict", "reasons": list(verdict.reasons)}
    if diary is not None:
        about["alternatives"] = alternatives(verdict, diary)
    return about


def refusal(conflicts: Sequence[Verdict], diary: Diary | None) -> Refusal:
    """All conflicts in one: 409 where only somebody else was first, else a rule's."""
    reasons = [{"code": it.reasons[0].code, **told(it, diary)} for it in conflicts]
    if all(first_come(reason) for it in conflicts for reason in it.reasons):
        return series_errors.OccurrencesTaken(reasons=reasons)
    return series_errors.OccurrencesNotOffered(reasons=reasons)


# What it rests on


def arrangement(work: UnitOfWork, location: Location, templates: Sequence[Template]) -> tuple[Offering | None, Setup]:
    """What the occurrences are decided on: one offering, or all resources that one of them names."""
    if (offering_id := templates[0].offering_id) is not None:
        offering, setup = setup_of(work, offering_id)
        if offering.location_id != location.id:
            raise series_errors.OfferedElsewhere
        return offering, setup
    ids = {part.resource_id for template in templates for part in template.resources}
    work.fetch(work.tenant, *ids)
    resources = {it: work.read(Resource, it) for it in ids}
    if work.customer:
        sold_by_themselves(resources.values())
    return None, setup_by_name(location, {**beside(work, resources), **resources})


def beside(work: UnitOfWork, named: Mapping[UUID, Resource]) -> dict[UUID, Resource]:
    """What may be suggested instead of resources that are booked by name: others of their kinds, where they are."""
    kinds = {(it.location_id, it.kind) for it in named.values()}
    work.fetch(*work.occasion.beside)
    others = (work.glance(Resource, it) for it in work.occasion.beside if it not in named)
    like = [it for it in others if (it.location_id, it.kind) in kinds and not it.retired]
    return {it.id: it for it in like if it.sold_by_itself or not work.customer}


def templates_of(wishes: Sequence[Wish]) -> list[Template]:
    return [wish.planned.template for wish in wishes]


def looked_up(
    work: UnitOfWork,
    series: BookingSeries,
    offering: Offering | None,
    setup: Setup,
    wishes: Sequence[Wish],
    override: bool | None = None,
) -> tuple[list[Verdict], Diary]:
    """The verdict on each wish. What occupies all candidates over the whole span is read once.

    `override`: what the command says; None: as the series was made, but for its customer.
    """
    if override is None:
        override = series.override and work.customer is None
    moving = frozenset(wish.booking_id for wish in wishes if wish.stands)
    customer, uses, elsewhere = series.customer_id, list[Use](), list[Period]()
    if customer is not None:
        work.fetch(*streams(work.tenant, customer))
    if customer is not None and setup.terms.one_at_a_time:
        rows = (row for row in work.tallies([customer]) if row.state == "live" and row.booking_id not in moving)
        elsewhere = [Period(row.starts_at, row.ends_at) for row in rows]
    if wishes:
        zone = setup.location.zone
        labels = [wish.planned.local for wish in wishes]
        since, until = localtime.by_rule(min(labels), zone), localtime.by_rule(max(labels), zone)
        ahead = timedelta(days=1, minutes=max(wish.planned.template.minutes or 0 for wish in wishes)) + LOOK_AHEAD
        uses = work.occupancy(sorted(setup.resources), since - REACH, until + ahead)
        work.chose = True

    def diary(staying: frozenset[UUID]) -> Diary:
        others = [use for use in uses if use.booking_id not in moving or use.booking_id in staying]
        return Diary(setup, others, work.now, gap_policy=series.gap_policy, override=override, busy=elsewhere)

    known: dict[UUID, CountedBooking] = {}

    def quotas(wish: Wish, slot: Slot, before: Sequence[Verdict]) -> Sequence[Reason]:
        if customer is None:
            return ()
        it = known[wish.booking_id] = counted(series, offering, customer, wish.booking_id, slot)
        granted = [known[one.wish.booking_id] for one in before if one.slot is not None]
        wanted = Wanted(
            customer, it.offering_id, it.location_id, series.zone, it.resources, it.starts_at, it.ends_at,
            wish.booking_id,
        )  # fmt: skip
        return quota_reasons(work, wanted, granted, moving)

    return verdicts(wishes, diary, quotas)


def counted(
    series: BookingSeries, offering: Offering | None, customer: UUID, booking_id: UUID, slot: Slot
) -> CountedBooking:
    """How an occurrence counts against the customer's quotas, though it is not yet booked."""
    resources = tuple(sorted({it for one in slot.assignment for it in one.resource_ids}))
    offering_id = None if offering is None else offering.id
    return CountedBooking(
        customer, booking_id, offering_id, series.location_id, resources, slot.starts_at, slot.ends_at, "live"
    )


LOOK_AHEAD = timedelta(days=35)
"""How far after the last occurrence its alternatives may lie."""


def agreeable(work: UnitOfWork, plan: Plan) -> Plan:
    """The same, unless a customer would change by it what the venue had to agree to."""
    for it in plan.granted:
        if it.slot is not None and it.wish.stands and plan.offering is not None:
            booking = work.read(Booking, it.wish.booking_id)
            party = it.wish.planned.template.party_size or booking.party_size or 1
            agreement(work, booking, plan.offering, of_slot(it.slot, party))
    return plan


# The occurrences that stand


def named(recurrence_id: datetime | None, series: BookingSeries) -> datetime:
    if recurrence_id is None:
        raise NoSuchOccurrence
    return series.occurrence(recurrence_id)


def standing(
    work: UnitOfWork, series: BookingSeries, at: Iterable[datetime], statuses: Sequence[Status] = ("confirmed",)
) -> dict[datetime, Booking]:
    """The bookings of these occurrences that can still be changed: firm, and not begun."""
    books = {it: work.read(Booking, series.placed[it]) for it in at if it in series.placed}
    return {it: one for it, one in books.items() if one.status in statuses and one.period.starts_at > work.now}


def wished(series: BookingSeries, at: datetime, booking: Booking | None = None) -> Wish:
    """This occurrence as it should be. A booking that stands keeps the buffers it was made with, wherever it is moved:
    later terms do not rewrite it."""
    if booking is None:
        return Wish(series.planned(at), series.booking_id(at))
    item = booking.items[0]
    return Wish(series.planned(at), booking.id, True, Buffers(item.before, item.after))


def over(work: UnitOfWork, series: BookingSeries, at: datetime) -> bool:
    """Whether an occurrence has begun."""
    if at in series.placed:
        return work.read(Booking, series.placed[at]).period.starts_at <= work.now
    return localtime.by_rule(series.planned(at).local, series.zone) <= work.now


def solved(plan: Plan, series: BookingSeries) -> list[SeriesEvent]:
    """Those that had been skipped and are not any more."""
    return [fact for it in plan.granted for fact in series.retried(it.recurrence_id)]


# Booking


def book(work: UnitOfWork, plan: Plan) -> None:
    """The bookings of what was granted, and what is said of the rest."""
    series = plan.series
    work.change(
        BookingSeries,
        series.id,
        lambda series: [fact for it in plan.conflicts for fact in left_out(series, it, plan.strategy)],
    )
    for it in plan.granted:
        assert it.slot is not None
        template = it.wish.planned.template
        setup = plan.diary.arranged(template, it.wish.buffers)
        if it.wish.stands:
            move(work, it, setup, template)
        else:
            place(work, plan, it, setup, template)


def left_out(series: BookingSeries, verdict: Verdict, strategy: Strategy) -> Sequence[SeriesEvent]:
    codes = tuple(dict.fromkeys(reason.code for reason in verdict.reasons))
    planned = verdict.wish.planned
    if strategy != "waitlist" or verdict.starts_at is None:
        return series.skip(verdict.recurrence_id, codes)
    ends_at = verdict.starts_at + timedelta(minutes=planned.template.minutes or 0)
    return [
        OccurrenceWaitlisted(
            verdict.recurrence_id, codes, planned.local.date(), verdict.starts_at, ends_at,
            planned.template.offering_id,
            planned.template.resource_ids or tuple(part.resource_id for part in planned.template.resources),
            planned.template.party_size or 1, series.customer_id,
        )
    ]  # fmt: skip


def place(work: UnitOfWork, plan: Plan, verdict: Verdict, setup: Setup, template: Template) -> None:
    """One more booking, held and made firm in the same breath."""
    assert verdict.slot is not None
    series, offering, slot = plan.series, plan.offering, verdict.slot
    policy = work.read(Organization, work.tenant).policy
    booking_id, items = verdict.wish.booking_id, items_of(setup, slot)
    origin: dict[str, Any] = {"series_id": series.id, "recurrence_id": form(verdict.recurrence_id)}
    if offering is not None:
        origin |= {"offering_id": offering.id, "offering_version": offering.version}
    work.begin(
        Booking,
        booking_id,
        lambda booking: booking.hold(
            reference(work.next_number(), work.tenant), series.location_id, items, work.now, policy.hold,
            template.party_size, series.customer_id, policy.max_hold, **origin,
        ),
    )  # fmt: skip
    if offering is None:
        work.change(Booking, booking_id, lambda booking: booking.confirm(work.now))
    else:
        agreed(work, booking_id, offering)


def move(work: UnitOfWork, verdict: Verdict, setup: Setup, template: Template) -> None:
    """A booking that stands takes its new time, resources or units, and knows its new party."""
    assert verdict.slot is not None
    items = items_of(setup, verdict.slot)
    notice = cancellation_notice(work, work.read(Booking, verdict.wish.booking_id))
    booking = work.change(Booking, verdict.wish.booking_id, lambda booking: booking.move(items, work.now, notice))
    if template.party_size not in (None, booking.party_size):
        work.change(Booking, booking.id, lambda booking: booking.amend(template.party_size))
