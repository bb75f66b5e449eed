"""A series is changed: one occurrence, it and all that follow, or all that have not begun."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec.structs import replace

from application.booking.placing import overriding
from application.booking.series_plan import (
    Left,
    Plan,
    agreeable,
    arrangement,
    book,
    form,
    looked_up,
    named,
    solved,
    standing,
    templates_of,
    wished,
)
from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain import localtime
from domain.booking import series_errors
from domain.booking.booking import Booking
from domain.booking.series import BookingSeries, Reach, changed_pattern, patched
from domain.booking.series_events import OccurrenceOverridden, Patch, Placed, SeriesEvent, Shift, Strategy
from domain.organization.location import Location
from domain.recurrence import rule as rules

Keeping = Literal["drop", "rekey"]
"""What becomes of what single occurrences have of their own when a series is split: it is dropped, or goes with the
occurrence at the same place in the order."""


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
    override: bool = False
    """Staff pass over notice, horizon and grid, and say why. What the series was allowed when it was made is for what
    is added to it, not for edits."""


def edit_series(command: EditSeries, work: UnitOfWork) -> None:
    edition(command, work).carry_out(work)


def edition(command: EditSeries, work: UnitOfWork) -> Plan:
    overriding(work, command.override)
    series = work.read(BookingSeries, command.series_id)
    location = work.read(Location, series.location_id)
    work.fetch(*series.placed.values())
    return agreeable(work, EDITS[command.scope](command, work, series, location))


def refuse_over(work: UnitOfWork, series: BookingSeries, at: datetime) -> None:
    """An occurrence that has begun, or is booked no more, is not changed."""
    planned = localtime.by_rule(series.planned(at).local, series.zone)
    if (at in series.placed and not standing(work, series, [at])) or (at not in series.placed and planned <= work.now):
        raise series_errors.OccurrenceOver(recurrence_id=form(at))


def edit_this(command: EditSeries, work: UnitOfWork, series: BookingSeries, location: Location) -> Plan:
    """One occurrence has something of its own."""
    at = named(command.recurrence_id, series)
    refuse_over(work, series, at)
    if command.rule is not None:
        raise series_errors.NotForThisScope(field="rule")
    patch = command.patch
    if command.start is not None:
        patch = replace(patch, start=Shift(command.start.time(), (command.start.date() - at.date()).days))
    facts = series.own(at, patch)
    after = series.after(facts)
    wishes = [wished(after, at, work.read(Booking, series.placed[at]) if at in series.placed else None)]
    offering, setup = arrangement(work, location, templates_of(wishes))
    found, diary = looked_up(work, after, offering, setup, wishes, command.override)

    def record(work: UnitOfWork, plan: Plan) -> None:
        work.change(BookingSeries, series.id, lambda _: [*facts, *solved(plan, after)])
        book(work, plan)

    return Plan(after, found, diary, setup, offering, command.strategy, record)


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
        wished(after, at, booking)
        for at, booking in sorted(alive.items())
        if after.planned(at) != series.after(own).planned(at)
    ]
    offering, setup = arrangement(work, location, templates_of(wishes) or [series.template])
    found, diary = looked_up(work, after, offering, setup, wishes, command.override)

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
    at = named(command.recurrence_id, series)
    refuse_over(work, series, at)
    if command.continued_by is None:
        raise series_errors.NotForThisScope(field="continued_by")
    ended = series.split(at, command.continued_by)
    pattern = changed_pattern(series, at, command.patch.start, command.start, command.rule)
    new = BookingSeries(id=command.continued_by)
    template = patched(series.common(at)[0], command.patch)
    begun = new.create(
        location.id, pattern, template, series.strategy, series.customer_id, command.override, continues=series.id
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
        wished(planned, it, work.read(Booking, taken_over[it]) if it in taken_over else None)
        for it in due
        if it not in taken_over or taken_over[it] in firm_ones
    ]
    gone = [it for it in before if it in alive and fellows.get(it) not in due]
    left = [Left(it, "override_dropped", patch) for it, patch in sorted(old.overrides.items())
            if it >= at and fellows.get(it) not in rekeyed]  # fmt: skip
    left += [Left(it, "cancelled") for it in gone]
    offering, setup = arrangement(work, location, templates_of(wishes) or [new.template])
    found, diary = looked_up(work, planned, offering, setup, wishes, command.override)

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


EDITS: dict[Reach, Callable[[EditSeries, UnitOfWork, BookingSeries, Location], Plan]] = {
    "this": edit_this,
    "following": edit_following,
    "all": edit_all,
}
HANDLERS: dict[type[Command], Handler] = {EditSeries: edit_series}
