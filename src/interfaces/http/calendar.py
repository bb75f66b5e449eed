"""What the routes of locations and of resources share: dates that replace the week, closures, and how they show."""

import re
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from domain.calendar import Cause
from domain.errors import Rule
from domain.hours import Opening, WeeklyHours
from interfaces.http.asked import DAY, Day, Reading, When, Written, moment
from interfaces.http.errors import FORMS, BadPath, BadQuery, Wrong

MOST_DAYS = 400


class BadRange(Rule):
    """The last day lies 0 to 400 days after the first."""


class DayHours(Struct, frozen=True, forbid_unknown_fields=True):
    openings: Annotated[tuple[Opening, ...], Meta(max_length=100)]
    """What holds on this date instead of the weekly hours, its tail past midnight included; none: closed."""


class NewClosure(Struct, frozen=True, forbid_unknown_fields=True):
    starts_at: When
    ends_at: When
    cause: Cause = "closure"
    """Buffers may stick into a closure, never into maintenance or somebody's absence."""


class ClosureWritten(Written, frozen=True, omit_defaults=True, kw_only=True):
    closure_id: UUID


class Dates(Reading, frozen=True, forbid_unknown_fields=True, kw_only=True):
    first: Day
    last: Day
    """Included; at most 400 days after the first."""


class DayShown(Struct, frozen=True):
    date: date
    openings: tuple[Opening, ...]


class ClosureShown(Struct, frozen=True):
    id: UUID
    starts_at: datetime
    ends_at: datetime
    cause: Cause


class CalendarShown(Struct, frozen=True):
    """What differs from the weekly hours on the dates asked for."""

    hours: WeeklyHours | None
    """null: always, but for what stands below."""
    exceptions: tuple[DayShown, ...]
    closures: tuple[ClosureShown, ...]
    version: int


HOLIDAY = {"openings": [{"opens": 600, "closes": 840}]}
CLOSURE = {"starts_at": "2027-07-01T08:00", "ends_at": "2027-07-03T18:00", "cause": "maintenance"}


def on_date(text: str) -> date:
    """The date in an address."""
    if not re.fullmatch(DAY.strip("^$"), text):
        raise BadPath(errors=[Wrong(FORMS[DAY], "on")])
    return date.fromisoformat(text)


def stretch_of(wish: NewClosure) -> tuple[datetime, datetime]:
    return moment(wish.starts_at, "starts_at"), moment(wish.ends_at, "ends_at")


def period(first: str, last: str) -> tuple[date, date]:
    """The dates of a query, both included."""
    found = []
    for name, text in (("first", first), ("last", last)):
        try:
            found.append(date.fromisoformat(text))
        except ValueError as error:
            raise BadQuery(errors=[Wrong(f"There is no such date: {error}", name)]) from None
    if not 0 <= (found[1] - found[0]).days <= MOST_DAYS:
        raise BadRange
    return found[0], found[1]
