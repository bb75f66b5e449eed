"""A series: a start on the wall of a zone, a rule, and dates added and taken out; and its occurrences.

Each occurrence is known by its original local start (RECURRENCE-ID), which stays when a zone's rules change or the
occurrence is moved.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import merge
from itertools import chain, groupby, islice
from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from domain import localtime
from domain.recurrence import errors
from domain.recurrence.labels import labels, month
from domain.recurrence.rule import FIRST_LOCAL, LAST_LOCAL, MOST_A_DAY, Rule, local_time, parse

MOST = MOST_A_DAY
"""Occurrences that one call gives."""
MONTHS = 24
"""That one call searches."""
LONGEST_YEARS = 100
"""After its start a rule makes nothing more: so that one that names nothing ends, and soon."""
MOST_DATES = 1000
TICK = datetime.resolution


class Occurrence(Struct, frozen=True, order=True):
    """One time of a series."""

    recurrence_id: datetime
    """The local start that the series gave it, without offset."""
    starts_at: datetime
    """UTC."""


class Series(Struct, frozen=True, omit_defaults=True):
    """DTSTART, RRULE, RDATE and EXDATE, all local in one zone. The start is the first instance, with or without rule.

    `gap_policy` says what becomes of a time that the clocks skip: shifted by the gap, or no occurrence at all, which
    then does not use up COUNT. A time that comes twice is meant the first time.
    """

    start: datetime
    zone: str
    rule: Rule | None = None
    rdates: tuple[datetime, ...] = ()
    exdates: tuple[datetime, ...] = ()
    gap_policy: Literal["shift", "skip"] = "shift"

    def __post_init__(self) -> None:
        localtime.zone(self.zone)
        whole_second(self.start)
        force_setattr(self, "rdates", settled(self.rdates))
        force_setattr(self, "exdates", settled(self.exdates))

    def happens(self, label: datetime) -> bool:
        """Whether a time of the series is an occurrence, and not in a gap to be skipped."""
        return self.gap_policy == "shift" or bool(localtime.resolve(label, self.zone))

    def ended(self, label: datetime) -> bool:
        """Whether UNTIL, which is inclusive, lies before it."""
        until = self.rule.until if self.rule else None
        return until is not None and localtime.by_rule(label, self.zone) > until

    def searched_to(self, last: datetime) -> datetime:
        """The end of a search: `last`, a day after UNTIL (the longest gap there is), or 100 years after the start."""
        until = self.rule.until if self.rule else None
        end = LAST_LOCAL if until is None else localtime.wall(until, self.zone) + timedelta(days=1)
        return min(last, end, months_later(self.start, LONGEST_YEARS * 12))


def whole_second(at: datetime) -> datetime:
    if local_time(at).microsecond:
        raise errors.NotALocalTime(value=at.isoformat())
    return at


def settled(dates: tuple[datetime, ...]) -> tuple[datetime, ...]:
    if len(dates) > MOST_DATES:
        raise errors.TooManyDates
    return tuple(sorted({whole_second(at) for at in dates}))


def read(
    start: datetime,
    zone: str,
    rule: str | None = None,
    rdates: Iterable[datetime] = (),
    exdates: Iterable[datetime] = (),
    gap_policy: Literal["shift", "skip"] = "shift",
    imported: bool = False,
) -> Series:
    """A series as somebody gives it.

    `imported` takes what other calendars hold and a person is refused: a start that the rule does not make, which is
    then the first instance and uses up one of COUNT; an UNTIL that is local or a date; an UNTIL before the start.
    """
    parsed = None if rule is None else parse(rule, zone if imported else None)
    series = Series(start, zone, parsed, tuple(rdates), tuple(exdates), gap_policy)
    if not imported:
        refuse_start(series)
    return series


def refuse_start(series: Series) -> None:
    """Refuses a first occurrence that would not be one."""
    if not series.happens(series.start):
        raise localtime.NonexistentLocalTime(local=series.start.isoformat())
    if series.ended(series.start):
        raise errors.UntilBeforeStart
    if series.rule and next(labels(series.rule, series.start, series.start, series.start), None) is None:
        raise errors.StartNotInRule(start=series.start.isoformat(), rule=str(series.rule))


def occurrences(
    series: Series, after: datetime | None = None, before: datetime | None = None, limit: int = MOST
) -> Iterator[Occurrence]:
    """The occurrences with recurrence ids between `after` and `before` (local, both exclusive), in their order, lazily.

    However much is asked for, at most 400 are given and 24 months searched, from the start or from `after` where that
    is later, to the same day and time inclusive. To go on, give the end of the months searched as the next `after`.
    """
    since = FIRST_LOCAL if after is None else local_time(after) + TICK
    last = months_later(max(series.start, since), MONTHS)
    if before is not None:
        last = min(last, local_time(before) - TICK)
    return islice(all_between(series, since, last), max(0, min(limit, MOST)))


def months_later(label: datetime, months: int) -> datetime:
    """The same day and time, or the last day of a month too short for it."""
    number = label.year * 12 + label.month - 1 + months
    return label.replace(year=number // 12, month=number % 12 + 1, day=min(label.day, len(month(number))))


def all_between(series: Series, since: datetime, last: datetime) -> Iterator[Occurrence]:
    """The occurrences with recurrence ids in `[since, last]`."""
    return (Occurrence(label, localtime.by_rule(label, series.zone)) for label in ids_between(series, since, last))


def ids_between(series: Series, since: datetime, last: datetime) -> Iterator[datetime]:
    """The recurrence ids in `[since, last]`: RDATE added, EXDATE taken out, each time once."""
    added = (at for at in series.rdates if since <= at <= last and series.happens(at))
    removed = frozenset(series.exdates)
    return (label for label, _ in groupby(merge(made(series, since, last), added)) if label not in removed)


def made(series: Series, since: datetime, last: datetime) -> Iterator[datetime]:
    """The recurrence ids in `[since, last]` that start and rule make, whether excluded or not.

    A COUNT is counted from the start, and so costs at most itself; without one the search begins at `since`.
    """
    count = series.rule.count if series.rule else None
    begin = series.start if count else max(series.start, since)
    for label in islice(named(series, begin, series.searched_to(last)), count):
        if label >= since:
            yield label


def named(series: Series, begin: datetime, last: datetime) -> Iterator[datetime]:
    """The times in `[begin, last]` that use up a COUNT: the start, then those of the rule that happen until its end."""
    first = [series.start] if begin == series.start <= last else []
    rest = labels(series.rule, series.start, max(begin, series.start + TICK), last) if series.rule else ()
    return (label for label in chain(first, rest) if series.happens(label) and not series.ended(label))


def split(series: Series, at: datetime) -> tuple[Series, Series]:
    """The series as it is before the occurrence `at` (a recurrence id), and one that makes it and all that follow.

    The first ends by UNTIL; the second keeps what is left of COUNT. It starts with the next time that the rule makes,
    so that intervals keep their step; where `at` is an RDATE, that stays one, before the start if need be.
    """
    if next(occurrences(series, at - TICK, at + TICK), None) is None:
        raise errors.NoSuchOccurrence(recurrence_id=at.isoformat())
    if next(all_between(series, FIRST_LOCAL, at - TICK), None) is None:
        raise errors.NothingBefore
    goes_on_at = next(made(series, at, LAST_LOCAL), None)
    return up_to(series, at, goes_on_at), from_on(series, at, goes_on_at)


def up_to(series: Series, at: datetime, goes_on_at: datetime | None) -> Series:
    """A rule that has ended by itself before `at` keeps its own end, be it a COUNT."""
    rdates, exdates = (tuple(date for date in dates if date < at) for dates in (series.rdates, series.exdates))
    if at <= series.start:  # only dates added by hand come before
        return replace(series, start=rdates[0], rule=None, rdates=rdates, exdates=exdates)
    rule = series.rule
    if rule and goes_on_at:
        end = localtime.by_rule(at, series.zone) - timedelta(seconds=1)
        rule = replace(rule, count=None, until=end)
    return replace(series, rule=rule, rdates=rdates, exdates=exdates)


def from_on(series: Series, at: datetime, goes_on_at: datetime | None) -> Series:
    """Where the rule has ended, only dates added by hand follow, and the first of them is the start."""
    rdates, exdates = (tuple(date for date in dates if date >= at) for dates in (series.rdates, series.exdates))
    rule = series.rule if goes_on_at else None
    if rule and rule.count is not None:
        rule = replace(rule, count=rule.count - sum(1 for _ in made(series, series.start, at - TICK)))
    return replace(series, start=goes_on_at or at, rule=rule, rdates=rdates, exdates=exdates)
