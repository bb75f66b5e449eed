"""A quota's rule: whose bookings, of what, counted how, over which window, and how many at most."""

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal
from uuid import UUID

from msgspec import Struct

from domain import localtime
from domain.hours import WeeklyHours
from domain.period import EARLIEST, LATEST
from domain.quota import errors

Kind = Literal["family", "organization", "plan"]
Measure = Literal["count", "minutes", "peak_minutes", "active_future", "no_shows"]
Weekday = Literal["monday", "sunday"]

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MOST = 1_000_000
MOST_DAYS = 1_000
MOST_IDS = 200
MOST_SEASONS = 100


class Who(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom it limits. A person and a member of a plan are counted by themselves; the members of a family and of an
    organization's account are counted together."""

    kind: Literal["person", "family", "organization", "plan"] = "person"
    id: UUID | None = None
    """This one only; None: each one of its kind."""

    @property
    def party_id(self) -> UUID | None:
        """The group that it names."""
        return None if self.kind == "person" else self.id


class What(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which bookings count: of one of these offerings, on one of these resources, at one of these locations. Where
    nothing is named, all do; where several are named, a booking must meet each of them."""

    offerings: tuple[UUID, ...] = ()
    resources: tuple[UUID, ...] = ()
    locations: tuple[UUID, ...] = ()

    def takes_in(self, offering_id: UUID | None, location_id: UUID, resources: tuple[UUID, ...]) -> bool:
        return (
            (not self.offerings or offering_id in self.offerings)
            and (not self.locations or location_id in self.locations)
            and (not self.resources or any(resource in self.resources for resource in resources))
        )


class Season(Struct, frozen=True, forbid_unknown_fields=True):
    """Local dates, both included."""

    name: str
    first: date
    last: date


class RollingWindow(Struct, frozen=True, forbid_unknown_fields=True, tag="rolling"):
    """So many local dates in a row, wherever they begin."""

    days: int


class CalendarWindow(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="calendar"):
    """A day, week, month or season of the calendar on the wall."""

    per: Literal["day", "week", "month", "season"]
    week_starts: Weekday = "monday"
    seasons: tuple[Season, ...] = ()

    def around(self, on: date) -> tuple[date, date] | None:
        """The first and the last date of the window that `on` lies in; None between two seasons."""
        match self.per:
            case "day":
                return on, on
            case "week":
                first = on - timedelta(days=(on.weekday() + (self.week_starts == "sunday")) % 7)
                return first, first + timedelta(days=6)
            case "month":
                first = on.replace(day=1)
                return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            case "season":
                return next(((s.first, s.last) for s in self.seasons if s.first <= on <= s.last), None)

    @property
    def sound(self) -> bool:
        """Whether there are seasons where they are counted, and only there, none empty, no two at once and none beyond
        the years in which something can be booked."""
        ordered = sorted(self.seasons, key=lambda season: season.first)
        apart = all(one.last < other.first for one, other in pairwise(ordered))
        within = all(EARLIEST.date() <= s.first <= s.last < LATEST.date() for s in ordered)
        return bool(self.seasons) == (self.per == "season") and apart and within


Window = RollingWindow | CalendarWindow


class QuotaRule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """At most `limit` of the measure, for whom, of what, within the window."""

    name: str
    """A short code: it is told with every refusal."""
    measure: Measure
    limit: int
    """Of no-shows: so many are put up with; one more, and nothing can be booked until the window resets."""
    window: Window | None = None
    """None: for ever."""
    who: Who = Who()
    what: What = What()
    peak: WeeklyHours | None = None
    """Of `peak_minutes`: which hours are peak, on the wall."""
    zone: str | None = None
    """On whose wall dates and peak hours are read; None: on that of the location at which it takes place."""
    count_late_cancellations: bool = True
    """Whether a booking that was cancelled inside the penalty tier counts all the same."""

    @property
    def checked(self) -> "QuotaRule":
        """Itself, or why it cannot be a rule."""
        if NAME.fullmatch(self.name) is None:
            raise errors.BadQuotaName
        if not 0 <= self.limit <= MOST:
            raise errors.BadLimit
        if isinstance(self.window, RollingWindow) and not 1 <= self.window.days <= MOST_DAYS:
            raise errors.BadWindow
        if isinstance(self.window, CalendarWindow) and not (
            self.window.sound and len(self.window.seasons) <= MOST_SEASONS
        ):
            raise errors.BadWindow
        if (self.peak is not None) != (self.measure == "peak_minutes"):
            raise errors.BadPeak
        if self.peak is not None and not (self.peak.sound and any(self.peak.week)):
            raise errors.BadPeak
        if any(len(ids) > MOST_IDS for ids in (self.what.offerings, self.what.resources, self.what.locations)):
            raise errors.TooManyNamed
        if self.zone is not None:
            localtime.zone(self.zone)
        return self
