"""Half-open stretches of time, and reading instants."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from domain.errors import Malformed, Rule


class EmptyPeriod(Rule):
    """A period must end after it starts."""


class NaiveTime(Malformed):
    """An instant needs its offset from UTC, for example 2027-03-14T09:30:00-04:00."""


class TimeOutOfRange(Malformed):
    """A time must lie between the years 1970 and 2200."""


EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def instant(at: datetime) -> datetime:
    """The same instant in UTC; refuses what has no offset or lies outside 1970..2200."""
    if at.tzinfo is None:
        raise NaiveTime
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise TimeOutOfRange from None
    if not EARLIEST <= at < LATEST:
        raise TimeOutOfRange
    return at


def most_at_once(uses: Iterable[tuple[datetime, datetime, int]]) -> tuple[datetime, int]:
    """When most units are in use, and how many, by a sweep over the edges of `(start, end, units)`.

    What ends at an instant ends before what starts at it: touching is not overlapping. Nothing in use: (`LATEST`, 0).
    """
    edges = [edge for start, end, units in uses for edge in ((start, units), (end, -units))]
    used, most, when = 0, 0, LATEST
    for at, units in sorted(edges):
        used += units
        if used > most:
            most, when = used, at
    return when, most


class Period(Struct, frozen=True, order=True):
    """`[starts_at, ends_at)` of instants in UTC: what touches does not overlap."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.starts_at >= self.ends_at:
            raise EmptyPeriod

    def overlaps(self, other: "Period") -> bool:
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at

    def admits(self, at: datetime, early: timedelta = timedelta(0)) -> bool:
        """Whether `at` lies in `[start - early, end)`."""
        return self.starts_at - early <= at < self.ends_at

    @property
    def duration(self) -> timedelta:
        return self.ends_at - self.starts_at
