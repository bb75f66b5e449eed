"""Random recurrence rules and starts, drawn from a `Random`: such as RFC 5545 allows, mostly sparse and odd."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from msgspec.structs import replace

from domain.recurrence.rule import Rule, Weekday

LIKELY = {
    "bymonth": 0.25,
    "byday": 0.5,
    "bymonthday": 0.3,
    "byweekno": 0.2,
    "byyearday": 0.15,
    "byhour": 0.1,
    "byminute": 0.1,
    "bysecond": 0.1,
}
NOT_WITH = {
    "DAILY": {"byweekno", "byyearday"},
    "WEEKLY": {"byweekno", "byyearday", "bymonthday"},
    "MONTHLY": {"byweekno", "byyearday"},
    "YEARLY": set(),
}


def some(random: Random, values: range, most: int = 4, from_end: bool = False) -> tuple[int, ...]:
    signs = (1, -1) if from_end else (1,)
    return tuple(random.choice(values) * random.choice(signs) for _ in range(random.randint(1, most)))


def weekdays(random: Random, numbers: range) -> tuple[Weekday, ...]:
    """Numbered or plain, never both: dateutil takes those that are both, Daybook those that are either."""
    days = random.sample(range(7), random.randint(1, 4))
    if numbers and random.random() < 0.6:
        return tuple(Weekday(random.choice(numbers) * random.choice((1, -1)), day) for day in days)
    return tuple(Weekday(0, day) for day in days)


def weekday_numbers(freq: str, given: set[str]) -> range:
    if freq in ("DAILY", "WEEKLY") or "byweekno" in given:
        return range(0)
    return range(1, 6) if freq == "MONTHLY" or "bymonth" in given else range(1, 54)


def endless_rule(random: Random) -> Rule:
    freq = random.choice(("DAILY", "WEEKLY", "MONTHLY", "YEARLY"))
    given = {part for part, likelihood in LIKELY.items() if random.random() < likelihood} - NOT_WITH[freq]
    drawn: dict[str, Any] = {
        "bymonth": some(random, range(1, 13)),
        "byday": weekdays(random, weekday_numbers(freq, given)),
        "bymonthday": some(random, range(1, 32), 5, from_end=True),
        "byweekno": some(random, range(1, 54), from_end=True),
        "byyearday": some(random, range(1, 367), 5, from_end=True),
        "byhour": some(random, range(24)),
        "byminute": some(random, range(60)),
        "bysecond": some(random, range(60)),
    }
    parts = {part: drawn[part] for part in LIKELY if part in given}
    if given and random.random() < 0.25:
        parts["bysetpos"] = some(random, range(1, random.choice((4, 12, 367))), from_end=True)
    return Rule(freq, interval=random.choice((1, 1, 1, 2, 2, 3, 4, 5, 7, 13)), wkst=random.randrange(7), **parts)


def drawn_start(random: Random) -> datetime:
    """Often at the turn of a month or year, where mistakes live."""
    start = datetime(1990, 1, 1) + timedelta(days=random.randrange(100 * 365), seconds=random.randrange(86400))
    if random.random() < 0.2:
        start = start.replace(month=random.choice((1, 12)), day=random.choice((1, 2, 3, 28, 29, 30, 31)))
    return start


def drawn_rule(random: Random, start: datetime) -> Rule:
    """Without end, or with one of the two ends."""
    rule, end = endless_rule(random), random.randrange(4)
    if end == 0:
        return replace(rule, count=random.randint(1, 25))
    if end == 1:
        return replace(rule, until=start.replace(tzinfo=UTC) + timedelta(days=random.randrange(1500)))
    return rule
