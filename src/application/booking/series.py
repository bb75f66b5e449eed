"""Recurring series: made, looked at before they are made, changed from one occurrence on or as a whole, and ended.

Every command first makes a plan, which says of each occurrence whether it can be had; a preview shows the plan, and the
command carries it out: all of it in one append, or nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from application.booking.placing import firm, first_come, items_of, setup_of
from application.booking.quotas import quota_reasons, streams
from application.event_store import CountedBooking
from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain import localtime
from domain.availability.recurring import (
    REACH,
    Diary,
    Verdict,
    Wish,
    alternatives,
    by_name,
    setup_by_name,
    verdicts,
)  # fmt: skip
from domain.availability.setup import Reason, Request, Setup, Slot, Use
from domain.availability.slots import minutes_for
from domain.booking import series_errors
from domain.booking.booking import CANCELLABLE, Booking, Status
from domain.booking.events import CancelledBy
from domain.booking.reference import reference
from domain.booking.series import BookingSeries, Reach, changed_pattern, patched, placed_anew
from domain.booking.series_events import (
    GapPolicy,
    OccurrenceOverridden,
    OccurrenceWaitlisted,
    Patch,
    Placed,
    SeriesEvent,
    Shift,
    Strategy,
    Template,
)  # fmt: skip
from domain.errors import Refusal
from domain.offering.offering import Offering
from domain.organization.location import Location
from domain.organization.organization import Organization
from domain.period import Period
from domain.quota.counting import Wanted
from domain.recurrence import rule as rules
from domain.recurrence import series as recurrence
from domain.recurrence.errors import NoSuchOccurrence
from domain.resource.resource import Resource

Keeping = Literal["drop", "rekey"]
"""What becomes of what single occurrences have of their own when a series is split: it is dropped, or goes with the
occurrence at the same place in the order."""


# What can be asked


class CreateSeries(Command, frozen=True):
    """Book something again and again."""

    series_id: UUID
    location_id: UUID
    start: datetime
    """Local, as all dates of a series."""
    template: Template
    rule: str | None = None
    rdates: tuple[datetime, ...] = ()
    exdates: tuple[datetime, ...] = ()
    gap_policy: GapPolicy = "shift"
    strategy: Strategy = "fail"
    customer_id: UUID | None = None
    override: bool = False
    """Staff pass over notice, horizon and grid."""


class EditSeries(Command, frozen=True):
    """Something about one occurrence, about it and all that follow, or about all that have not begun."""

    series_id: UUID
    scope: Reach
    recurrence_id: datetime | None = None
    """Which occurrence, or from which on."""
    patch: Patch = Patch()
    start: datetime | None = None
    """The new local start: of this occurrence; or, with `rule`, of the series that follows."""
    rule: str | None = None
    """The rule from here on: for `following` only."""
    strategy: Strategy = "fail"
    overrides: Keeping = "drop"
    continued_by: UUID | None = None
    """The id of the series that goes on."""


class CancelSeries(Command, frozen=True):
    """One occurrence, it and all that follow, or all that have not begun will not take place."""

    series_id: UUID
    scope: Reach
    recurrence_id: datetime | None = None
    by: CancelledBy = "venue"


class RetrySkipped(Command, frozen=True):
    """Try again to book what had been skipped: all of it, or these."""

    series_id: UUID
    recurrence_ids: tuple[datetime, ...] = ()


class ExtendSeries(Command, frozen=True):
    """A series without an end goes on for a while."""

    series_id: UUID


class PreviewSeries(Command, frozen=True):
    """What the command would do, as things stand. Nothing is recorded."""

    of: CreateSeries | EditSeries


# What would happen


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


# Making a series


def create_series(command: CreateSeries, work: UnitOfWork) -> None:
    creation(command, work).carry_out(work)


def creation(command: CreateSeries, work: UnitOfWork) -> Plan:
    customer = work.for_customer(command.customer_id)
    if work.customer and command.override:
        raise series_errors.OverrideIsForStaff
    location = work.read(Location, command.location_id)
    pattern = recurrence.read(
        command.start, location.zone, command.rule, command.rdates, command.exdates, command.gap_policy
    )
    new = BookingSeries(id=command.series_id)
    begun = new.create(location.id, pattern, command.template, command.strategy, customer, command.override)
    offering, setup = arrangement(work, location, [command.template])
    if offering is not None:
        settled = replace(command.template, minutes=usual(setup, command.template))
        begun = new.create(location.id, pattern, settled, command.strategy, customer, command.override)
    series = new.after(begun)
    return beginning(work, series, begun, offering, setup)


def usual(setup: Setup, template: Template) -> int | None:
    """How long it lasts is settled when the series is made, so that other terms change no occurrence; but for what
    depends on the party, which may change."""
    on = template.party_size or setup.terms.least_party
    some_day = localtime.EARLIEST_ASKED
    minutes = minutes_for(setup, Request(some_day, some_day, on, template.minutes))
    return None if setup.terms.turn_times else minutes


def beginning(
    work: UnitOfWork, series: BookingSeries, begun: Sequence[SeriesEvent], offering: Offering | None, setup: Setup
) -> Plan:
    through, due = series.due(work.now)
    wishes = [Wish(series.planned(at), series.booking_id(at)) for at in due]
    found, diary = looked_up(work, series, offering, setup, wishes)

    def record(work: UnitOfWork, plan: Plan) -> None:
        work.begin(BookingSeries, series.id, lambda _: begun)
        booked = [Placed(it.recurrence_id) for it in plan.granted]
        work.change(BookingSeries, series.id, lambda series: series.extend(through, booked))
        book(work, plan)

    return Plan(series, found, diary, setup, offering, series.strategy, record)


def arrangement(work: UnitOfWork, location: Location, templates: Sequence[Template]) -> tuple[Offering | None, Setup]:
    """What the occurrences are decided on: one offering, or all resources that one of them names."""
    if (offering_id := templates[0].offering_id) is not None:
        offering, setup = setup_of(work, offering_id)
        if offering.location_id != location.id:
            raise series_errors.OfferedElsewhere
        return offering, setup
    ids = {part.resource_id for template in templates for part in template.resources}
    work.fetch(work.tenant, *ids)
    return None, setup_by_name(location, {it: work.read(Resource, it) for it in ids})


def templates_of(wishes: Sequence[Wish]) -> list[Template]:
    return [wish.planned.template for wish in wishes]


def looked_up(
    work: UnitOfWork, series: BookingSeries, offering: Offering | None, setup: Setup, wishes: Sequence[Wish]
) -> tuple[list[Verdict], Diary]:
    """The verdict on each wish. What occupies all candidates over the whole span is read once."""
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
        # What staff passed over when they made it, its customer does not pass over by changing it.
        override = series.override and work.customer is None
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
        setup = plan.setup if plan.offering is not None else by_name(plan.setup, template)
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
        firm(work, booking_id, offering, slot, template.party_size or 1, "confirm")


def move(work: UnitOfWork, verdict: Verdict, setup: Setup, template: Template) -> None:
    """A booking that stands takes its new time, resources or units, and knows its new party."""
    assert verdict.slot is not None
    items = items_of(setup, verdict.slot)
    booking = work.change(Booking, verdict.wish.booking_id, lambda booking: placed_anew(booking, items))
    if template.party_size not in (None, booking.party_size):
        work.change(Booking, booking.id, lambda booking: booking.amend(template.party_size))


# Changing a series


def edit_series(command: EditSeries, work: UnitOfWork) -> None:
    edition(command, work).carry_out(work)


def edition(command: EditSeries, work: UnitOfWork) -> Plan:
    series = work.read(BookingSeries, command.series_id)
    location = work.read(Location, series.location_id)
    work.fetch(*series.placed.values())
    return EDITS[command.scope](command, work, series, location)


def named(command: EditSeries | CancelSeries, series: BookingSeries) -> datetime:
    if command.recurrence_id is None:
        raise NoSuchOccurrence
    return series.occurrence(command.recurrence_id)


def standing(
    work: UnitOfWork, series: BookingSeries, at: Iterable[datetime], statuses: Sequence[Status] = ("confirmed",)
) -> dict[datetime, Booking]:
    """The bookings of these occurrences that can still be changed: firm, and not begun."""
    books = {it: work.read(Booking, series.placed[it]) for it in at if it in series.placed}
    return {it: one for it, one in books.items() if one.status in statuses and one.period.starts_at > work.now}


def refuse_over(work: UnitOfWork, series: BookingSeries, at: datetime) -> None:
    """An occurrence that has begun, or is booked no more, is not changed."""
    planned = localtime.by_rule(series.planned(at).local, series.zone)
    if (at in series.placed and not standing(work, series, [at])) or (at not in series.placed and planned <= work.now):
        raise series_errors.OccurrenceOver(recurrence_id=form(at))


def edit_this(command: EditSeries, work: UnitOfWork, series: BookingSeries, location: Location) -> Plan:
    """One occurrence has something of its own."""
    at = named(command, series)
    refuse_over(work, series, at)
    if command.rule is not None:
        raise series_errors.NotForThisScope(field="rule")
    patch = command.patch
    if command.start is not None:
        patch = replace(patch, start=Shift(command.start.time(), (command.start.date() - at.date()).days))
    facts = series.own(at, patch)
    after = series.after(facts)
    wishes = [Wish(after.planned(at), series.booking_id(at), at in series.placed)]
    offering, setup = arrangement(work, location, templates_of(wishes))
    found, diary = looked_up(work, after, offering, setup, wishes)

    def record(work: UnitOfWork, plan: Plan) -> None:
        work.change(BookingSeries, series.id, lambda _: [*facts, *solved(plan, after)])
        book(work, plan)

    return Plan(after, found, diary, setup, offering, command.strategy, record)


def solved(plan: Plan, series: BookingSeries) -> list[SeriesEvent]:
    """Those that had been skipped and are not any more."""
    return [fact for it in plan.granted for fact in series.retried(it.recurrence_id)]


def edit_all(command: EditSeries, work: UnitOfWork, series: BookingSeries, location: Location) -> Plan:
    """All that have not begun, in what they do not have of their own."""
    if command.rule is not None or command.start is not None:
        raise series_errors.NotForThisScope(field="rule" if command.rule else "start")
    alive = standing(work, series, series.placed)
    if not alive:
        raise series_errors.NothingToPlace
    own = [fact for at, booking in alive.items() for fact in moved_by_hand(series, at, booking)]
    since = min(alive)
    later = [at for at in series.since(since) if at in series.placed and at not in alive]
    facts = series.after(own).change(since, command.patch, later)
    after = series.after([*own, *facts])
    wishes = [
        Wish(after.planned(at), booking.id, stands=True)
        for at, booking in sorted(alive.items())
        if after.planned(at) != series.after(own).planned(at)
    ]
    offering, setup = arrangement(work, location, templates_of(wishes) or [series.template])
    found, diary = looked_up(work, after, offering, setup, wishes)

    def record(work: UnitOfWork, plan: Plan) -> None:
        work.change(BookingSeries, series.id, lambda _: [*own, *facts, *solved(plan, after)])
        book(work, plan)

    stays = [Left(at, "stays") for at in later]
    return Plan(after, found, diary, setup, offering, command.strategy, record, stays)


def moved_by_hand(series: BookingSeries, at: datetime, booking: Booking) -> Sequence[SeriesEvent]:
    """An occurrence that was moved as a single booking has a time of its own from then on."""
    planned = localtime.by_rule(series.planned(at).local, series.zone)
    if booking.period.starts_at == planned or at in series.skipped or at in series.waitlisted:
        return []
    local = localtime.wall(booking.period.starts_at, series.zone)
    return series.own(at, Patch(start=Shift(local.time(), (local.date() - at.date()).days)))


def edit_following(command: EditSeries, work: UnitOfWork, series: BookingSeries, location: Location) -> Plan:
    """The series ends before this occurrence, and another goes on, which takes over its bookings in their order."""
    at = named(command, series)
    refuse_over(work, series, at)
    if command.continued_by is None:
        raise series_errors.NotForThisScope(field="continued_by")
    ended = series.split(at, command.continued_by)
    pattern = changed_pattern(series, at, command.patch.start, command.start, command.rule)
    new = BookingSeries(id=command.continued_by)
    template = patched(series.common(at)[0], command.patch)
    begun = new.create(
        location.id, pattern, template, series.strategy, series.customer_id, series.override, continues=series.id
    )
    return continuation(command, work, series, location, at, ended, new.after(begun), begun)


def continuation(
    command: EditSeries,
    work: UnitOfWork,
    old: BookingSeries,
    location: Location,
    at: datetime,
    ended: Sequence[SeriesEvent],
    new: BookingSeries,
    begun: Sequence[SeriesEvent],
) -> Plan:
    before = old.since(at)
    through, due = new.due(work.now)
    fellows = dict(zip(old.names(at, old.through or at), new.names(rules.FIRST_LOCAL, through), strict=False))
    """Which occurrence of the new series each of the old one is, by its place in the order."""
    alive = standing(work, old, before)
    rekeyed = {fellows[it]: patch for it, patch in old.overrides.items()
               if it >= at and it in fellows and command.overrides == "rekey"}  # fmt: skip
    taken_over = {fellows[it]: old.placed[it] for it in before if it in old.placed and fellows.get(it) in due}
    firm_ones = {old.placed[it] for it in alive}
    waiting = {fellows[it] for it in before if it not in old.placed and it in fellows}
    planned = replace(new, overrides=rekeyed)
    wishes = [
        Wish(planned.planned(it), taken_over.get(it) or new.booking_id(it), it in taken_over)
        for it in due
        if it not in taken_over or taken_over[it] in firm_ones
    ]
    gone = [it for it in before if it in alive and fellows.get(it) not in due]
    left = [Left(it, "override_dropped", patch) for it, patch in sorted(old.overrides.items())
            if it >= at and fellows.get(it) not in rekeyed]  # fmt: skip
    left += [Left(it, "cancelled") for it in gone]
    offering, setup = arrangement(work, location, templates_of(wishes) or [new.template])
    found, diary = looked_up(work, planned, offering, setup, wishes)

    def record(work: UnitOfWork, plan: Plan) -> None:
        work.change(BookingSeries, old.id, lambda _: ended)
        work.begin(BookingSeries, new.id, lambda _: begun)
        firm_now = {it.recurrence_id for it in plan.granted} | taken_over.keys()
        placed = [Placed(it, taken_over.get(it)) for it in sorted(firm_now)]
        work.change(BookingSeries, new.id, lambda series: series.extend(through, placed))
        work.change(BookingSeries, new.id, lambda _: [OccurrenceOverridden(*it) for it in sorted(rekeyed.items())])
        book(work, plan)
        for it in gone:
            work.change(Booking, alive[it].id, lambda booking: booking.cancel("venue", work.now))
        work.result["continued_by"] = str(new.id)

    return Plan(
        planned, found, diary, setup, offering, command.strategy, record, left,
        frozenset(new.booking_id(it) for it in waiting),
    )  # fmt: skip


# Less of a series, and more


def cancel_series(command: CancelSeries, work: UnitOfWork) -> None:
    series = work.read(BookingSeries, command.series_id)
    work.fetch(*series.placed.values())
    if command.scope == "this":
        first = named(command, series)
        alive = standing(work, series, [first], CANCELLABLE)
        work.change(BookingSeries, series.id, lambda series: series.exclude(first))
    else:
        coming = [at for at in series.since() if not over(work, series, at)]
        first = min(coming, default=series.start) if command.scope == "all" else named(command, series)
        alive = standing(work, series, series.since(first), CANCELLABLE)
        work.change(BookingSeries, series.id, lambda series: series.end(first))
    if first in series.placed and over(work, series, first):
        raise series_errors.OccurrenceOver(recurrence_id=form(first))
    by: CancelledBy = "customer" if work.customer else command.by
    for booking in alive.values():
        work.change(Booking, booking.id, lambda booking: booking.cancel(by, work.now))
    work.result["cancelled"] = len(alive)


def over(work: UnitOfWork, series: BookingSeries, at: datetime) -> bool:
    """Whether an occurrence has begun."""
    if at in series.placed:
        return work.read(Booking, series.placed[at]).period.starts_at <= work.now
    return localtime.by_rule(series.planned(at).local, series.zone) <= work.now


def retry_skipped(command: RetrySkipped, work: UnitOfWork) -> None:
    series = work.read(BookingSeries, command.series_id)
    location = work.read(Location, series.location_id)
    work.fetch(*series.placed.values())
    missing = {**series.skipped, **series.waitlisted}
    for at in command.recurrence_ids:
        if at not in missing:
            raise NoSuchOccurrence(recurrence_id=form(at))
    wanted = sorted(set(command.recurrence_ids or series.skipped))
    alive = standing(work, series, wanted)
    wishes = [
        Wish(series.planned(at), series.booking_id(at), at in alive)
        for at in wanted
        if not over(work, series, at) and (at in alive or at not in series.placed)
    ]
    if not wishes:
        raise series_errors.NothingToPlace
    offering, setup = arrangement(work, location, templates_of(wishes))
    found, diary = looked_up(work, series, offering, setup, wishes)

    def record(work: UnitOfWork, plan: Plan) -> None:
        work.change(BookingSeries, series.id, lambda _: solved(plan, series))
        book(work, plan)

    Plan(series, found, diary, setup, offering, "skip", record).carry_out(work)


def extend_series(command: ExtendSeries, work: UnitOfWork) -> None:
    series = work.read(BookingSeries, command.series_id)
    if not series.open_ended:
        return
    through, due = series.due(work.now)
    if series.through is not None and through <= series.through:
        return
    location = work.read(Location, series.location_id)
    wishes = [Wish(series.planned(at), series.booking_id(at)) for at in due]
    offering, setup = arrangement(work, location, templates_of(wishes) or [series.template])
    found, diary = looked_up(work, series, offering, setup, wishes)

    def record(work: UnitOfWork, plan: Plan) -> None:
        booked = [Placed(it.recurrence_id) for it in plan.granted]
        work.change(BookingSeries, series.id, lambda series: series.extend(through, booked))
        book(work, plan)

    strategy: Strategy = "waitlist" if series.strategy == "waitlist" else "skip"
    Plan(series, found, diary, setup, offering, strategy, record).carry_out(work)


# Looking first


def preview_series(command: PreviewSeries, work: UnitOfWork) -> None:
    work.result |= (
        creation(command.of, work) if isinstance(command.of, CreateSeries) else edition(command.of, work)
    ).shown()


EDITS: dict[Reach, Callable[[EditSeries, UnitOfWork, BookingSeries, Location], Plan]] = {
    "this": edit_this,
    "following": edit_following,
    "all": edit_all,
}
HANDLERS: dict[type[Command], Handler] = {
    CreateSeries: create_series,
    EditSeries: edit_series,
    CancelSeries: cancel_series,
    RetrySkipped: retry_skipped,
    ExtendSeries: extend_series,
    PreviewSeries: preview_series,
}
