"""When something can be used: weekly hours, dates that replace them, and stretches taken out.

Locations, resources and whoever else has hours decide by the same functions, each with facts of its own.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain import localtime
from domain.errors import Rule
from domain.hours import BadHours, Opening, WeeklyHours, sound
from domain.period import EARLIEST, LATEST, Period, TimeOutOfRange, instant

Cause = Literal["closure", "maintenance", "absence"]
K = TypeVar("K")
V = TypeVar("V")

MOST_AHEAD = 1_000
"""Exceptions, and likewise closures, that a calendar may hold of today and later."""


class TooManyAhead(Rule):
    """A calendar holds at most 1000 exceptions, 1000 closures and 1000 overrides that are not over."""


class OutOfYears(Rule):
    """Calendars reach from the year 1970 to 2199, in UTC."""


class Closure(Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of instants taken out of the hours. Buffers may stick into a closure, never into maintenance or
    somebody's absence."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    cause: Cause = "closure"


class Calendar(Struct, frozen=True):
    """The hours of a location, a resource, a member of staff or an offering, on the location's wall."""

    hours: WeeklyHours | None = None
    """None: always, but for what stands below."""
    exceptions: dict[date, tuple[Opening, ...]] = {}
    """What replaces the whole service day of that date, its tail past midnight included; empty: closed."""
    closures: dict[UUID, Closure] = {}

    def with_exception(self, on: date, openings: tuple[Opening, ...]) -> "Calendar":
        return replace(self, exceptions={**self.exceptions, on: openings})

    def without_exception(self, on: date) -> "Calendar":
        return replace(self, exceptions=without(self.exceptions, on))

    def with_closure(self, closure: Closure) -> "Calendar":
        return replace(self, closures={**self.closures, closure.id: closure})

    def without_closure(self, closure_id: UUID) -> "Calendar":
        return replace(self, closures=without(self.closures, closure_id))


def without(these: dict[K, V], key: K) -> dict[K, V]:
    return {name: value for name, value in these.items() if name != key}


def new_exception(
    calendar: Calendar, on: date, openings: tuple[Opening, ...], at: datetime
) -> tuple[Opening, ...] | None:
    """The openings that are to hold on that date, in order; None where they do already. `at`: now."""
    openings = tuple(sorted(openings))
    if not sound(openings):
        raise BadHours
    if not EARLIEST.date() <= on < LATEST.date():
        raise OutOfYears
    if calendar.exceptions.get(on) == openings:
        return None
    yesterday = at.date() - timedelta(days=1)  # somewhere it is still that date
    room(sum(day >= yesterday for day in calendar.exceptions if day != on))
    return openings


def new_closure(calendar: Calendar, closure: Closure, at: datetime) -> Closure | None:
    """The closure that is to hold, in UTC; None where it does already. The same id again moves it. `at`: now."""
    period = stretch(closure.starts_at, closure.ends_at)
    closure = replace(closure, starts_at=period.starts_at, ends_at=period.ends_at)
    if calendar.closures.get(closure.id) == closure:
        return None
    room(sum(one.ends_at > at for one in calendar.closures.values() if one.id != closure.id))
    return closure


def room(ahead: int) -> None:
    """Refuses one more where so many are not over."""
    if ahead >= MOST_AHEAD:
        raise TooManyAhead


def stretch(starts_at: datetime, ends_at: datetime) -> Period:
    """The period between two instants; refuses what has no length."""
    return Period(within(starts_at), within(ends_at))


def within(at: datetime) -> datetime:
    """The instant in UTC. What a wall shows on the first or last day of the years may lie just outside of them."""
    try:
        return instant(at)
    except TimeOutOfRange:
        raise OutOfYears from None


def meant(at: datetime, zone: str) -> datetime:
    """The instant that somebody typed: by its offset, or, without one, by the wall in that zone."""
    if at.tzinfo is None:
        within(at.replace(tzinfo=UTC))  # refuses years in which zones cannot be asked
        return localtime.typed(at, zone)
    return within(at)
