"""Weekly opening hours on a wall clock."""

from collections.abc import Iterable
from datetime import date, timedelta

from msgspec import Struct

from domain import localtime
from domain.errors import Rule
from domain.period import Period

DAY = 1440


class Opening(Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """From `opens` to `closes`, minutes after the local midnight that begins the day; past 1440 runs into the next."""

    opens: int
    closes: int


class WeeklyHours(Struct, frozen=True, forbid_unknown_fields=True):
    """The openings of each day of the week; a day without any is closed."""

    monday: tuple[Opening, ...] = ()
    tuesday: tuple[Opening, ...] = ()
    wednesday: tuple[Opening, ...] = ()
    thursday: tuple[Opening, ...] = ()
    friday: tuple[Opening, ...] = ()
    saturday: tuple[Opening, ...] = ()
    sunday: tuple[Opening, ...] = ()

    def of(self, on: date) -> tuple[Opening, ...]:
        return self.week[on.weekday()]

    @property
    def week(self) -> tuple[tuple[Opening, ...], ...]:
        return (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday)

    @property
    def sound(self) -> bool:
        return all(sound(openings) for openings in self.week)


class BadHours(Rule):
    """Openings start within minutes 0 to 1439 of their day, end by 2880, end after they start and do not overlap."""


def sound(openings: Iterable[Opening]) -> bool:
    """Whether each opening of a day lies within 0..2880, ends after it starts, and overlaps no other."""
    end = 0
    for opening in sorted(openings):
        if not (end <= opening.opens < opening.closes <= 2 * DAY) or opening.opens >= DAY:
            return False
        end = opening.closes
    return True


def checked(hours: WeeklyHours | None) -> WeeklyHours | None:
    """The hours, or `BadHours`."""
    if hours is not None and not hours.sound:
        raise BadHours
    return hours


def open_spans(hours: WeeklyHours, zone: str, first: date, last: date) -> list[Period]:
    """The instants at which it is open on these local dates, the day before included (it may run past midnight).

    Spans that touch are one, so that an interval split at midnight is no barrier. Boundaries follow
    `localtime.by_rule`: a closing label that happens twice closes at its second instant.
    """
    spans: list[Period] = []
    on = first - timedelta(days=1)
    while on <= last:
        for opening in sorted(hours.of(on)):
            starts_at = localtime.by_rule(localtime.day(on, opening.opens), zone)
            ends_at = localtime.by_rule(localtime.day(on, opening.closes), zone, closing=True)
            if spans and starts_at <= spans[-1].ends_at:
                spans[-1] = Period(spans[-1].starts_at, max(ends_at, spans[-1].ends_at))
            elif starts_at < ends_at:
                spans.append(Period(starts_at, ends_at))
        on += timedelta(days=1)
    return spans


def open_throughout(hours: WeeklyHours | None, zone: str, period: Period) -> bool:
    """Whether the whole period lies within one opening."""
    if hours is None:
        return True
    first, last = localtime.dates_touched(period.starts_at, period.ends_at, zone)
    return any(
        span.starts_at <= period.starts_at and period.ends_at <= span.ends_at
        for span in open_spans(hours, zone, first, last)
    )
