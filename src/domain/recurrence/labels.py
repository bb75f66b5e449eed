"""The local times that a rule names, without zones: RFC 5545 (3.3.10) over days counted from year 1 (`date.toordinal`).

A period is a day, week, month or year, as the frequency says; its days are a `range`, in which the nth from either end
is an index and every seventh a slice.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from itertools import product
from typing import TypeVar

from msgspec.structs import replace

from domain.recurrence.rule import Rule, Weekday

T = TypeVar("T")


def labels(rule: Rule, start: datetime, since: datetime, last: datetime) -> Iterator[datetime]:
    """What the rule names for a series that starts at `start`, within `[since, last]` and not before it, in order.

    COUNT and UNTIL are not looked at. Periods before `since` are jumped over and none after `last` is looked at, so a
    rule that names nothing costs its periods between the two.
    """
    rule, since = complete(rule, start), max(since, start)
    times = [time(*parts) for parts in product(rule.byhour, rule.byminute, rule.bysecond)]
    for days in periods(rule, start.date(), since.date(), last.date()):
        for label in in_period(days, times, rule.bysetpos, since.date()):
            if label > last:
                return
            if label >= since:
                yield label


def complete(rule: Rule, start: datetime) -> Rule:
    """The rule with all that RFC 5545 leaves to DTSTART: the time of day, and the day where no part names one."""
    month, day, on = rule.bymonth, rule.bymonthday, rule.byday
    if not (rule.byyearday or rule.bymonthday or rule.byday):
        if rule.freq == "WEEKLY" or rule.byweekno:
            on = (Weekday(0, start.weekday()),)
        elif rule.freq != "DAILY":
            day = (start.day,)
            month = month or ((start.month,) if rule.freq == "YEARLY" else ())
    return replace(
        rule,
        bymonth=month,
        bymonthday=day,
        byday=on,
        byhour=rule.byhour or (start.hour,),
        byminute=rule.byminute or (start.minute,),
        bysecond=rule.bysecond or (start.second,),
    )


def periods(rule: Rule, start: date, since: date, last: date) -> Iterator[list[int]]:
    """The days named in each period from that of `since` to that of `last`, every INTERVAL-th from that of `start`."""
    first = number_of(rule, start)
    passed = max(number_of(rule, since) - first, 0) // rule.interval * rule.interval
    for number in range(first + passed, number_of(rule, last) + 1, rule.interval):
        yield days_named(rule, period(rule, number))


def number_of(rule: Rule, on: date) -> int:
    """Periods of the rule's frequency are numbered, so that INTERVAL is a step and far ones are reached at once."""
    match rule.freq:
        case "DAILY":
            return on.toordinal()
        case "WEEKLY":
            return (on.toordinal() - 1 - rule.wkst) // 7  # day 1 is a Monday
        case "MONTHLY":
            return on.year * 12 + on.month - 1
        case "YEARLY":
            return on.year


def period(rule: Rule, number: int) -> range:
    match rule.freq:
        case "DAILY":
            return range(number, number + 1)
        case "WEEKLY":
            monday = number * 7 + 1
            return range(monday + rule.wkst, monday + rule.wkst + 7)
        case "MONTHLY":
            return month(number)
        case "YEARLY":
            return range(date(number, 1, 1).toordinal(), date(number + 1, 1, 1).toordinal())


@lru_cache(maxsize=4096)
def month(number: int) -> range:
    """The days of a month, numbered `12 * year + month - 1`."""
    after = number + 1
    return range(
        date(number // 12, number % 12 + 1, 1).toordinal(),
        date(after // 12, after % 12 + 1, 1).toordinal(),
    )


def days_named(rule: Rule, days: range) -> list[int]:
    """The days of one period that the rule names, in order."""
    if rule.freq in ("DAILY", "WEEKLY"):
        return [day for day in days if admits(rule, date.fromordinal(day))]
    return expanded(rule, days)


def admits(rule: Rule, on: date) -> bool:
    """For DAILY and WEEKLY, where every part limits."""
    if rule.bymonth and on.month not in rule.bymonth:
        return False
    if rule.byday and Weekday(0, on.weekday()) not in rule.byday:
        return False
    if not rule.bymonthday:
        return True
    from_end = on.day - 1 - len(month(on.year * 12 + on.month - 1))
    return on.day in rule.bymonthday or from_end in rule.bymonthday


def expanded(rule: Rule, days: range) -> list[int]:
    """For MONTHLY and YEARLY, where each part names days and those count that every part names.

    Weekdays are numbered within the month, or within the year where no month is given (notes 1 and 2 of the table).
    """
    months = months_named(rule, days)
    named = []
    if rule.bymonth:
        named.append({day for one in months for day in one})
    if rule.byweekno:
        named.append(set(days_of_weeks(rule, days)))
    if rule.byyearday:
        named.append(set(nth(days, rule.byyearday)))
    if rule.bymonthday:
        named.append({day for one in months for day in nth(one, rule.bymonthday)})
    if rule.byday:
        frames = months if rule.bymonth else [days]
        named.append({day for frame in frames for day in weekdays(frame, rule.byday)})
    return sorted(set.intersection(*named))


def months_named(rule: Rule, days: range) -> list[range]:
    first = date.fromordinal(days[0])
    numbers = range(1, 13) if rule.freq == "YEARLY" else [first.month]
    return [month(first.year * 12 + number - 1) for number in numbers if not rule.bymonth or number in rule.bymonth]


def nth(things: Sequence[T], places: tuple[int, ...]) -> Iterator[T]:
    """Those at the places, 1 the first and -1 the last; places beyond either end name nothing."""
    for place in places:
        if abs(place) <= len(things):
            yield things[place - 1 if place > 0 else place]


def weekdays(frame: range, wanted: tuple[Weekday, ...]) -> Iterator[int]:
    """The wanted weekdays of a month or a year: all of them, or the nth."""
    for place, day in wanted:
        every = frame[(day - (frame[0] - 1)) % 7 :: 7]
        yield from nth(every, (place,)) if place else every


def days_of_weeks(rule: Rule, days: range) -> Iterator[int]:
    """The days of a calendar year that lie in the weeks of BYWEEKNO.

    Its first and last days may lie in a week that is numbered in the year beside it, and count by that number.
    """
    year = date.fromordinal(days[0]).year
    for numbered_in in (year - 1, year, year + 1):
        weeks = range(first_week(numbered_in, rule.wkst), first_week(numbered_in + 1, rule.wkst), 7)
        for begins in nth(weeks, rule.byweekno):
            yield from (day for day in range(begins, begins + 7) if day in days)


def first_week(year: int, wkst: int) -> int:
    """The day on which week 1 of the year begins: the first week with four days in it, so the one of 4 January."""
    fourth = date(year, 1, 4)
    return fourth.toordinal() - (fourth.weekday() - wkst) % 7


def in_period(days: list[int], times: list[time], places: tuple[int, ...], since: date) -> Iterator[datetime]:
    """The local times of one period, in order: all of them from the date `since` on, or those that BYSETPOS chooses.

    BYSETPOS counts in the whole period, also before DTSTART, and the product of days and times is never made for it.
    """
    if places:
        total = range(len(days) * len(times))
        chosen = [divmod(at, len(times)) for at in sorted(set(nth(total, places)))]
        return (datetime.combine(date.fromordinal(days[day]), times[time]) for day, time in chosen)
    ahead = days[bisect_left(days, since.toordinal()) :]
    return (datetime.combine(date.fromordinal(day), at) for day in ahead for at in times)
