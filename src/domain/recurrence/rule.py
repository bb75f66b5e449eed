"""A recurrence rule: read from the text of an RRULE, refused where RFC 5545 (3.3.10) refuses it, and printed back.

All of it is understood for DAILY to YEARLY; finer frequencies are refused. What is absurdly large is refused before
anything is computed from it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Struct
from msgspec.structs import force_setattr

from domain import localtime
from domain.period import EARLIEST, LATEST, instant
from domain.recurrence import errors

Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LONGEST_TEXT = 4000
MOST_VALUES = 366
"""In one part: as many as a year has days."""
LONGEST_INTERVAL = 1000
MOST_COUNT = 10_000
MOST_A_DAY = 400
"""As many occurrences as one command makes."""
FIRST_LOCAL = EARLIEST.replace(tzinfo=None) + timedelta(days=1)
LAST_LOCAL = LATEST.replace(tzinfo=None) - timedelta(days=1)
"""A day within the instants that are allowed, so that any zone's offset stays among them."""


class Weekday(NamedTuple):
    """A value of BYDAY: the nth such day of the month or year, from the end where negative; 0 means every one."""

    nth: int
    day: int
    """0 = Monday, as everywhere in Python."""


class Values(NamedTuple):
    """What a list of numbers may hold, and with which frequencies it goes (the table in RFC 5545 3.3.10)."""

    least: int
    most: int
    from_end: bool = False
    """Whether -1 means the last."""
    goes_with: tuple[Frequency, ...] = FREQUENCIES


LISTS = {
    "BYMONTH": Values(1, 12),
    "BYWEEKNO": Values(1, 53, from_end=True, goes_with=("YEARLY",)),
    "BYYEARDAY": Values(1, 366, from_end=True, goes_with=("YEARLY",)),
    "BYMONTHDAY": Values(1, 31, from_end=True, goes_with=("DAILY", "MONTHLY", "YEARLY")),
    "BYHOUR": Values(0, 23),
    "BYMINUTE": Values(0, 59),
    "BYSECOND": Values(0, 59),
    "BYSETPOS": Values(1, 366, from_end=True),
}


class Rule(Struct, frozen=True, omit_defaults=True):
    """One RRULE. Fields are named as its parts; lists are kept sorted and without repetitions."""

    freq: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    """UTC, inclusive."""
    bymonth: tuple[int, ...] = ()
    byweekno: tuple[int, ...] = ()
    byyearday: tuple[int, ...] = ()
    bymonthday: tuple[int, ...] = ()
    byday: tuple[Weekday, ...] = ()
    byhour: tuple[int, ...] = ()
    byminute: tuple[int, ...] = ()
    bysecond: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()
    wkst: int = 0
    """The day on which weeks begin, 0 = Monday."""

    def __post_init__(self) -> None:
        refuse_outside("INTERVAL", self.interval, 1, LONGEST_INTERVAL)
        refuse_outside("WKST", self.wkst, 0, 6)
        for name, values in LISTS.items():
            force_setattr(self, name.lower(), settled(name, values, getattr(self, name.lower()), self.freq))
        force_setattr(self, "byday", settled_weekdays(self.byday))
        refuse_ends(self)
        refuse_combinations(self)

    def __str__(self) -> str:
        """The text of the RRULE, without its name."""
        parts: dict[str, str] = {"FREQ": self.freq}
        if self.interval != 1:
            parts["INTERVAL"] = str(self.interval)
        if self.count is not None:
            parts["COUNT"] = str(self.count)
        if self.until is not None:
            parts["UNTIL"] = f"{self.until:%Y%m%dT%H%M%SZ}"
        for name in LISTS:
            parts[name] = ",".join(str(value) for value in getattr(self, name.lower()))
        parts["BYDAY"] = ",".join(f"{nth or ''}{WEEKDAYS[day]}" for nth, day in self.byday)
        parts["WKST"] = WEEKDAYS[self.wkst] if self.wkst else ""
        return ";".join(f"{name}={value}" for name, value in parts.items() if value)

    @property
    def times(self) -> int:
        """How many times of day the rule lists."""
        return max(len(self.byhour), 1) * max(len(self.byminute), 1) * max(len(self.bysecond), 1)


def refuse_outside(part: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise errors.PartOutOfRange(part=part, value=str(value)[:24], least=least, most=most)


def settled(part: str, allowed: Values, values: tuple[int, ...], freq: Frequency) -> tuple[int, ...]:
    """The values sorted, each once; refused where out of range or not for this frequency."""
    if values and freq not in allowed.goes_with:
        raise errors.PartNotForFrequency(part=part, freq=freq, goes_with=list(allowed.goes_with))
    if len(values) > MOST_VALUES:
        raise errors.RuleTooLong(part=part)
    for value in values:
        refuse_outside(part, abs(value) if allowed.from_end else value, allowed.least, allowed.most)
    return tuple(sorted(set(values)))


def settled_weekdays(values: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    if len(values) > MOST_VALUES:
        raise errors.RuleTooLong(part="BYDAY")
    for nth, day in values:
        refuse_outside("BYDAY", nth, -53, 53)
        refuse_outside("BYDAY", day, 0, 6)
    return tuple(sorted(set(values)))


def refuse_ends(rule: Rule) -> None:
    """Refuses two ends, and one out of range; an UNTIL becomes UTC of whole seconds, as it is printed."""
    if rule.count is not None:
        refuse_outside("COUNT", rule.count, 1, MOST_COUNT)
        if rule.until is not None:
            raise errors.CountAndUntil
    if rule.until is not None:
        force_setattr(rule, "until", instant(rule.until).replace(microsecond=0))


def refuse_combinations(rule: Rule) -> None:
    """Refuses what RFC 5545 says MUST NOT be combined, and more times of day than a command could make."""
    numbered = [abs(nth) for nth, _ in rule.byday if nth]
    if numbered and (rule.freq in ("DAILY", "WEEKLY") or rule.byweekno):
        raise errors.WeekdayNumbered
    if numbered and (rule.freq == "MONTHLY" or rule.bymonth) and max(numbered) > 5:
        raise errors.WeekdayNumberedBeyondMonth(value=max(numbered))
    others = (rule.byday, *(getattr(rule, name.lower()) for name in LISTS if name != "BYSETPOS"))
    if rule.bysetpos and not any(others):
        raise errors.NothingToChoose
    if rule.times > MOST_A_DAY:
        raise errors.TooOften(times=rule.times)


def parse(text: str, local_until: str | None = None) -> Rule:
    """The rule of an RRULE's text, with or without the name before it, in any case and order of parts.

    `local_until` is for calendars of others: the zone in which an UNTIL without Z counts, a bare date to its end.
    Without it such an UNTIL is refused.
    """
    if len(text) > LONGEST_TEXT:
        raise errors.RuleTooLong
    if not text.isascii():
        raise errors.NotARule
    found: dict[str, Any] = {}
    for piece in text.upper().removeprefix("RRULE:").split(";"):
        name, _, value = piece.partition("=")
        if not value:
            raise errors.NotARule(part=piece[:24])
        if name.lower() in found:
            raise errors.PartRepeated(part=name[:24])
        found[name.lower()] = read(name, value, local_until)
    if "freq" not in found:
        raise errors.NotARule(part="FREQ")
    return Rule(**found)


def read(name: str, value: str, local_until: str | None) -> object:
    """The value of one part, as the rule keeps it."""
    match name:
        case "FREQ":
            return frequency(value)
        case "INTERVAL" | "COUNT":
            return number(name, value)
        case "UNTIL":
            return until(value, local_until)
        case "BYDAY":
            return tuple(weekday(one) for one in several(name, value))
        case "WKST":
            return weekday_index(name, value)
        case "BYSECOND":  # 60 is the leap second, which is read as 59 where clocks have none (RFC 5545 3.3.12)
            return tuple(59 if (second := number(name, one)) == 60 else second for one in several(name, value))
        case _ if name in LISTS:
            return tuple(number(name, one) for one in several(name, value))
    raise errors.UnknownPart(part=name[:24])


def several(name: str, value: str) -> list[str]:
    """Counted before any is read, so that a flood costs nothing."""
    values = value.split(",")
    if len(values) > MOST_VALUES:
        raise errors.RuleTooLong(part=name)
    return values


def frequency(value: str) -> Frequency:
    if value in ("HOURLY", "MINUTELY", "SECONDLY"):
        raise errors.FinerThanDaily
    for known in FREQUENCIES:
        if value == known:
            return known
    raise errors.NotARule(part="FREQ", value=value[:24])


def number(part: str, value: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        raise errors.NotARule(part=part, value=value[:24])
    return int(value)  # short enough: the whole text is


def weekday(value: str) -> Weekday:
    nth = value[:-2]
    if nth and number("BYDAY", nth) == 0:
        raise errors.PartOutOfRange(part="BYDAY", value=value[:24], least=1, most=53)
    return Weekday(number("BYDAY", nth) if nth else 0, weekday_index("BYDAY", value[-2:]))


def weekday_index(part: str, value: str) -> int:
    if value not in WEEKDAYS:
        raise errors.NotARule(part=part, value=value[:24])
    return WEEKDAYS.index(value)


def until(value: str, zone: str | None) -> datetime:
    """The instant of an UNTIL. Local ones are resolved as the occurrences are, so that their order stays."""
    form = re.fullmatch(r"([0-9]{8})(T[0-9]{6})?(Z)?", value)
    if not form or (form[3] and not form[2]):
        raise errors.NotARule(part="UNTIL", value=value[:24])
    try:
        at = datetime.fromisoformat(form[1] + (form[2] or "T235959"))
    except ValueError:
        raise errors.NotARule(part="UNTIL", value=value[:24]) from None
    if form[3]:
        return instant(at.replace(tzinfo=UTC))
    if zone is None:
        raise errors.UntilNotUtc(value=value)
    return localtime.by_rule(local_time(at), zone)


def local_time(at: datetime) -> datetime:
    """The same; refuses one with an offset or outside the years 1970 to 2199."""
    if at.tzinfo is not None:
        raise errors.NotALocalTime(value=at.isoformat())
    if not FIRST_LOCAL <= at < LAST_LOCAL:
        raise errors.SeriesOutOfRange(value=at.isoformat())
    return at
