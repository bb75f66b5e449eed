"""Less of a series, and more: occurrences cancelled, skipped ones tried again, and one without an end that goes on."""

from datetime import datetime
from uuid import UUID

from application.booking.series_plan import (
    Plan,
    agreeable,
    arrangement,
    book,
    form,
    looked_up,
    named,
    over,
    solved,
    standing,
    templates_of,
    wished,
)
from application.booking.terms import cancellation_notice
from application.message import Command
from application.minors import consented
from application.unit_of_work import Handler, UnitOfWork
from domain.booking import series_errors
from domain.booking.booking import CANCELLABLE, Booking
from domain.booking.errors import SlotHeld, SlotTaken
from domain.booking.events import CancelledBy
from domain.booking.series import BookingSeries, Reach
from domain.booking.series_events import Placed, Strategy
from domain.errors import Refusal, Rule, Unknown
from domain.organization.location import Location
from domain.recurrence.errors import NoSuchOccurrence


class CancelSeries(Command, frozen=True):
    """One occurrence, it and all that follow, or all that have not begun will not take place."""

    series_id: UUID
    scope: Reach
    recurrence_id: datetime | None = None
    by: CancelledBy = "venue"


def cancel_series(command: CancelSeries, work: UnitOfWork) -> None:
    series = work.read(BookingSeries, command.series_id)
    work.fetch(*series.placed.values())
    if command.scope == "this":
        first = named(command.recurrence_id, series)
        alive = standing(work, series, [first], CANCELLABLE)
        work.change(BookingSeries, series.id, lambda series: series.exclude(first))
    else:
        coming = [at for at in series.since() if not over(work, series, at)]
        last = series.ends_before or series.start  # asked again, where nothing is left
        first = min(coming, default=last) if command.scope == "all" else named(command.recurrence_id, series)
        alive = standing(work, series, series.since(first), CANCELLABLE)
        work.change(BookingSeries, series.id, lambda series: series.end(first))
    if first in series.placed and over(work, series, first):
        raise series_errors.OccurrenceOver(recurrence_id=form(first))
    by: CancelledBy = "customer" if work.customer else command.by
    for booking in alive.values():
        work.change(Booking, booking.id, lambda it: it.cancel(by, work.now, cancellation_notice(work, it)))
    work.result["cancelled"] = len(alive)


class RetrySkipped(Command, frozen=True):
    """Try again to book what had been skipped: all of it, or these."""

    series_id: UUID
    recurrence_ids: tuple[datetime, ...] = ()


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
        wished(series, at, alive.get(at))
        for at in wanted
        if not over(work, series, at) and (at in alive or at not in series.placed)
    ]
    if not wishes:
        raise series_errors.NothingToPlace
    consented(work, series.customer_id)
    offering, setup = arrangement(work, location, templates_of(wishes))
    found, diary = looked_up(work, series, offering, setup, wishes)

    def record(work: UnitOfWork, plan: Plan) -> None:
        work.change(BookingSeries, series.id, lambda _: solved(plan, series))
        book(work, plan)

    agreeable(work, Plan(series, found, diary, setup, offering, "skip", record)).carry_out(work)


class ExtendSeries(Command, frozen=True):
    """A series without an end goes on for a while."""

    series_id: UUID

    def instead(self, refusal: Refusal) -> Command | None:
        """Nobody is there to be told, so the series says it. What is only crowded is tried again by itself."""
        if not isinstance(refusal, Rule | Unknown | SlotTaken | SlotHeld):
            return None
        reasons = (
            reason["code"] if isinstance(reason, dict) else reason.code for reason in refusal.detail.get("reasons", ())
        )
        return StopSeries(self.series_id, refusal.code, tuple(reasons))


def extend_series(command: ExtendSeries, work: UnitOfWork) -> None:
    series = work.read(BookingSeries, command.series_id)
    if not series.open_ended:
        return
    through, due = series.due(work.now)
    if series.through is not None and through <= series.through:
        return
    location = work.read(Location, series.location_id)
    wishes = [wished(series, at) for at in due]
    consented(work, series.customer_id)
    offering, setup = arrangement(work, location, templates_of(wishes) or [series.template])
    found, diary = looked_up(work, series, offering, setup, wishes)

    def record(work: UnitOfWork, plan: Plan) -> None:
        booked = [Placed(it.recurrence_id) for it in plan.granted]
        work.change(BookingSeries, series.id, lambda series: series.extend(through, booked))
        book(work, plan)

    strategy: Strategy = "waitlist" if series.strategy == "waitlist" else "skip"
    Plan(series, found, diary, setup, offering, strategy, record).carry_out(work)


class StopSeries(Command, frozen=True):
    """It was to go on and could not: that is said, and it is tried again later."""

    series_id: UUID
    code: str
    reasons: tuple[str, ...] = ()


def stop_series(command: StopSeries, work: UnitOfWork) -> None:
    work.change(BookingSeries, command.series_id, lambda series: series.stop(command.code, command.reasons, work.now))


HANDLERS: dict[type[Command], Handler] = {
    CancelSeries: cancel_series,
    RetrySkipped: retry_skipped,
    ExtendSeries: extend_series,
    StopSeries: stop_series,
}
