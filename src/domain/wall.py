"""From calendars to instants: opening hours on a wall, the labels at which something may start, and the open spans.

Local times are minutes since the midnight that began the year 1, so that intervals of many days are plain numbers.
Instants are whole microseconds since 1970 (UTC): sweeping thousands of claims over them costs a tenth of what it does
over datetimes.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from domain import localtime
from domain.calendar import Calendar
from domain.hours import WeeklyHours

MINUTE = 60_000_000
DAY = 1440
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_TICK = timedelta(microseconds=1)

Span = tuple[int, int]
"""`[from, to)` in microseconds since 1970."""


def micros(at: datetime) -> int:
    """Microseconds since 1970 of an instant."""
    return (at - _EPOCH) // _TICK


def moment(at: int) -> datetime:
    """The instant (UTC) of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=at)


class Hours(NamedTuple):
    """`[opens, closes)` in local minutes. `bounded`: somebody wrote it; else it only means "always"."""

    opens: int
    closes: int
    bounded: bool


class Label(NamedTuple):
    """A local time at which something may start."""

    local: int
    opens: int
    closes: int
    """The instants between which its own opening lies."""
    since: int
    until: int
    """The same on the wall."""


def hours_of(calendar: Calendar, first: date, last: date, unless_closed: bool = False) -> tuple[Hours, ...]:
    """The openings of the service days from two before `first` (tails run up to 48 hours) to `last`.

    `unless_closed`: as it would be without the dates that are closed altogether, so that it can be told why not.
    """
    found: list[Hours] = []
    always: int | None = None
    weekly, exceptions = calendar.hours, calendar.exceptions
    for ordinal in range(first.toordinal() - 2, last.toordinal() + 1):
        on = date.fromordinal(ordinal)
        openings = exceptions.get(on)
        if openings is None or (unless_closed and not openings):
            openings = None if weekly is None else weekly.of(on)
        midnight = ordinal * DAY
        if openings is None:
            always = midnight if always is None else always
            continue
        if always is not None:
            found.append(Hours(always, midnight, False))
            always = None
        found.extend(Hours(midnight + it.opens, midnight + it.closes, True) for it in openings)
    if always is not None:
        found.append(Hours(always, (last.toordinal() + 1) * DAY, False))
    return tuple(sorted(found))


def within_both(some: Sequence[Hours], others: Sequence[Hours]) -> tuple[Hours, ...]:
    """Where both are open."""
    found = [
        Hours(max(a.opens, b.opens), min(a.closes, b.closes), a.bounded or b.bounded)
        for a in some
        for b in others
        if a.opens < b.closes and b.opens < a.closes
    ]
    return tuple(sorted(found))


class Wall:
    """One zone's clock over some days. Remembers what it has worked out: many resources share their hours."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._midnights: dict[int, int | None] = {}
        self._spans: dict[tuple[Hours, ...], list[Span]] = {}
        self._bounds: dict[Hours, Span] = {}
        self._weekly: dict[tuple[WeeklyHours | None, date, date], tuple[Hours, ...]] = {}
        self._both: dict[tuple[tuple[Hours, ...], tuple[Hours, ...]], tuple[Hours, ...]] = {}

    def hours(self, calendar: Calendar, first: date, last: date, unless_closed: bool = False) -> tuple[Hours, ...]:
        """As `hours_of`; weekly hours without exceptions are laid out once."""
        if calendar.exceptions:
            return hours_of(calendar, first, last, unless_closed)
        key = calendar.hours, first, last
        if key not in self._weekly:
            self._weekly[key] = hours_of(calendar, first, last)
        return self._weekly[key]

    def both(self, some: tuple[Hours, ...], others: tuple[Hours, ...]) -> tuple[Hours, ...]:
        """As `within_both`, once for each pair."""
        if some is others:
            return some
        key = some, others
        if key not in self._both:
            self._both[key] = within_both(some, others)
        return self._both[key]

    def instants(self, local: int) -> tuple[int, ...]:
        """The instants at which the wall shows this: none in a gap, two in an overlap."""
        day, minutes = divmod(local, DAY)
        midnight = self._midnight(day)
        if midnight is not None:
            return (midnight + minutes * MINUTE,)
        return tuple(micros(at) for at in localtime.resolve(at_local(local), self.zone))

    def by_rule(self, local: int, closing: bool = False) -> int:
        """The instant of an opening or closing: shifted in a gap, the first in an overlap, of a closing the second."""
        day, minutes = divmod(local, DAY)
        midnight = self._midnight(day)
        if midnight is not None:
            return midnight + minutes * MINUTE
        return micros(localtime.by_rule(at_local(local), self.zone, closing))

    def _midnight(self, day: int) -> int | None:
        """The instant of a date's midnight, where the clocks go on evenly from it for two days."""
        try:
            return self._midnights[day]
        except KeyError:
            offset = localtime.offset_on(date.fromordinal(day), self.zone)
            found = None if offset is None else ((day - _EPOCH_DAY) * 86_400 - offset) * 1_000_000
            self._midnights[day] = found
            return found

    def bounds(self, hours: Hours) -> Span:
        try:
            return self._bounds[hours]
        except KeyError:
            found = self._bounds[hours] = (self.by_rule(hours.opens), self.by_rule(hours.closes, closing=True))
            return found

    def spans(self, hours: tuple[Hours, ...]) -> list[Span]:
        """The instants at which it is open. Spans that touch are one: what is split at midnight is no barrier."""
        if hours not in self._spans:
            self._spans[hours] = merged(self.bounds(it) for it in hours)
        return self._spans[hours]

    def labels(self, hours: Sequence[Hours], step: int, top_of_hour: bool) -> Iterable[Label]:
        """The labels of each opening, counted from its start, `step` minutes apart; some of their instants may lie
        outside. What is always open counts from each midnight."""
        for it in (day for written in hours for day in each_day(written)):
            opens, closes = self.bounds(it)
            # Where the clocks change at the closing, labels after its own may lie before it.
            late = DAY if self._midnight(it.closes // DAY) is None else 0
            anchor = it.opens - it.opens % 60 if top_of_hour else it.opens
            for local in range(anchor, it.closes + late, step):
                yield Label(local, opens, closes, it.opens, it.closes)


def each_day(hours: Hours) -> Iterable[Hours]:
    """What is always open counts from each midnight; what somebody wrote, from its own start."""
    if hours.bounded:
        return (hours,)
    return (Hours(at, min(at + DAY, hours.closes), False) for at in range(hours.opens, hours.closes, DAY))


def at_local(local: int) -> datetime:
    """A local time from its minutes."""
    day, minutes = divmod(local, DAY)
    return datetime.combine(date.fromordinal(day), datetime.min.time()) + timedelta(minutes=minutes)


def merged(spans: Iterable[Span]) -> list[Span]:
    """In order, none empty, those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def without(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """What is left of ordered, disjoint spans when ordered, disjoint others are taken out."""
    found: list[Span] = []
    k = 0
    for start, end in spans:
        while k < len(taken) and taken[k][1] <= start:
            k += 1
        j = k
        while j < len(taken) and taken[j][0] < end:
            if taken[j][0] > start:
                found.append((start, taken[j][0]))
            start = max(start, taken[j][1])
            j += 1
        if start < end:
            found.append((start, end))
    return found


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Where both ordered, disjoint lists of spans are."""
    found: list[Span] = []
    i = j = 0
    while i < len(some) and j < len(others):
        start, end = max(some[i][0], others[j][0]), min(some[i][1], others[j][1])
        if start < end:
            found.append((start, end))
        if some[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return found
