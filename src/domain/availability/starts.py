"""When something may start: hours, closures and claims turned into stretches of starts, and the labels of the grid.

Each claim, closure and opening bars a stretch of *starts*; what is left is met with the labels, so that the cost is
that of the claims and of the starts found, not of their product.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache, reduce
from itertools import combinations
from math import comb
from typing import NamedTuple
from uuid import UUID

from domain import localtime
from domain.availability import choice
from domain.availability.choice import Candidate, Needed
from domain.availability.occupancy import EVER, Occupied, Wanted, by_resource
from domain.availability.setup import Assigned, Reason, Request, Setup, Use
from domain.calendar import Calendar, Closure
from domain.resource.resource import Resource
from domain.wall import DAY, MINUTE, Hours, Span, Wall, common, merged, micros, moment, without

MOST_GRIDS = 256
"""Combinations of different hours whose starts are made; what goes beyond is offered on the grid of these."""
NEVER_BEFORE = -EVER


class Starts(NamedTuple):
    """Where something may start: instants in order, with their labels on the wall."""

    at: list[int]
    local: list[int]
    moments: list[datetime]
    ends: list[datetime]


@lru_cache(maxsize=32)
def wall_over(zone: str, first: date, last: date) -> Wall:  # noqa: ARG001  # the days bound what it remembers
    """A wall for these days: what it works out is shared by everything that is asked about them."""
    return Wall(zone)


@lru_cache(maxsize=64)
def grid(
    wall: Wall, openings: tuple[tuple[Hours, ...], ...], step: int, top: bool, first: date, last: date, lasting: int
) -> Starts:
    """All starts on the local dates from `first` to `last` that one of these openings makes, and that fit it."""
    least, most = first.toordinal() * DAY, (last.toordinal() + 1) * DAY
    found: dict[int, int] = {}
    for hours in openings:
        near = [it for it in hours if it.closes + DAY >= least and it.opens - 60 < most]
        spans = wall.spans(hours)
        for label in wall.labels(near, step, top):
            if least <= label.local < most:
                for at in wall.instants(label.local):
                    if label.opens <= at < label.closes and fits(spans, at, lasting):
                        found[at] = label.local
    instants = sorted(found)
    moments = [moment(at) for at in instants]
    lasts = timedelta(microseconds=lasting)
    return Starts(instants, [found[at] for at in instants], moments, [at + lasts for at in moments])


class Starting:
    """One request over one configuration: from when each candidate could be had, and at which labels."""

    def __init__(self, setup: Setup, uses: Sequence[Use], request: Request, now: datetime, minutes: int) -> None:
        setup = choice.whole(setup)
        self.setup, self.request, self.now = setup, request, now
        terms = self.terms = setup.terms
        self.zone = setup.location.zone
        self.minutes = minutes
        self.lasting = timedelta(minutes=self.minutes)
        self.before, self.after = terms.before * MINUTE, terms.after * MINUTE
        self.busy = by_resource(uses, now, request.moving)
        self.wall = wall_over(self.zone, request.first, request.last)
        # Spans reach beyond the last date by what may be begun on it.
        self._last = min(request.last + timedelta(days=3 + self.minutes // DAY), date(9999, 1, 1))
        self._offered = self._hours(Calendar(terms.hours), None)
        self._venue = self._hours(setup.location.calendar, None)
        self._common = self.wall.both(self._venue, self._offered)
        self._open: dict[UUID, tuple[Hours, ...]] = {}
        self._taken: dict[UUID, Occupied] = {}
        self._starts: dict[tuple[UUID, int], list[Span]] = {}
        self._ranks: dict[int, list[Sequence[int]]] = {}
        self.needed = choice.needed(setup, request)
        self.not_before = NEVER_BEFORE if request.override else micros(now) + terms.notice * MINUTE

    # what there is

    def _hours(
        self, calendar: Calendar, within: tuple[Hours, ...] | None, unless_closed: bool = False
    ) -> tuple[Hours, ...]:
        own = self.wall.hours(calendar, self.request.first, self._last, unless_closed)
        return own if within is None else self.wall.both(within, own)

    def open_hours(self, resource: Resource) -> tuple[Hours, ...]:
        """When venue, offering and resource are all open."""
        if resource.id not in self._open:
            calendar = resource.calendar
            plain = calendar.hours is None and not calendar.exceptions
            self._open[resource.id] = self._common if plain else self._hours(calendar, self._common)
        return self._open[resource.id]

    def occupied(self, resource: Resource) -> Occupied:
        if resource.id not in self._taken:
            self._taken[resource.id] = Occupied(resource, self.busy.get(resource.id, ()))
        return self._taken[resource.id]

    def wanted(self, units: int) -> Wanted:
        return Wanted(self.minutes * MINUTE, self.before, self.after, units)

    def closures(self, resource: Resource) -> list[Closure]:
        return [*self.setup.location.calendar.closures.values(), *resource.calendar.closures.values()]

    def withheld(self, resource: Resource) -> list[Reason]:
        """Why it is not sold as it is asked for, whenever that is."""
        if self.terms.sessions_only:
            return [Reason("SESSIONS_ONLY")]
        if self.request.by_name and not resource.sold_by_itself:
            return [Reason("NOT_SOLD_BY_ITSELF", resource_id=resource.id)]
        return []

    def free(self, resource: Resource) -> list[Span]:
        """When a unit of it is free and open, buffers and closures taken out, whatever the grid."""
        if self.withheld(resource):
            return []
        spans = self.wall.spans(self.open_hours(resource))
        taken = [(micros(c.starts_at), micros(c.ends_at)) for c in self.closures(resource)]
        taken += self.occupied(resource).full()
        return without(spans, merged(taken)) if taken else spans

    def starts_of(self, resource: Resource, units: int) -> list[Span]:
        """Every instant at which this resource could be had from, whether or not it is on the grid."""
        key = resource.id, units
        if key not in self._starts:
            self._starts[key] = self._starts_of(resource, units)
        return self._starts[key]

    def _starts_of(self, resource: Resource, units: int) -> list[Span]:
        if self.withheld(resource):
            return []
        lasting, before, after, _ = wanted = self.wanted(units)
        spans = self.wall.spans(self.open_hours(resource))
        closures = self.closures(resource)
        cut = without(spans, merged((micros(c.starts_at), micros(c.ends_at)) for c in closures)) if closures else spans
        starts = [(start, end - lasting + 1) for start, end in cut if end - lasting >= start]
        if self.terms.buffers_within_hours and (before or after):
            inside = [(start + before, end - lasting - after + 1) for start, end in spans]
            starts = common(starts, [it for it in inside if it[0] < it[1]])
        bars = self.occupied(resource).bars(wanted)
        firm = [c for c in closures if c.cause != "closure"]
        if firm:
            behind = lasting + after - 1
            bars = merged([*bars, *((micros(c.starts_at) - behind, micros(c.ends_at) + before) for c in firm)])
        return without(starts, bars) if bars else starts

    def starts_of_candidate(self, candidate: Candidate, units: int) -> list[Span]:
        found = self.starts_of(candidate.members[0], units)
        for member in candidate.members[1:]:
            found = common(found, self.starts_of(member, units))
        return found

    # the grid

    def dates(self) -> tuple[date, date]:
        """The local dates asked for that horizon and range leave, which may be none."""
        first, last, terms = self.request.first, self.request.last, self.terms
        if self.request.override:
            return first, last
        limits = [it for it in (terms.last_date, self.horizon) if it is not None]
        return max(first, terms.first_date or first), min([last, *limits])

    @property
    def horizon(self) -> date | None:
        if self.terms.horizon is None or self.request.override:
            return None
        return localtime.wall(self.now, self.zone).date() + timedelta(days=self.terms.horizon)

    def openings(self, unless_closed: bool = False) -> tuple[tuple[Hours, ...], ...]:
        """The hours that make the grid: of venue, offering and one candidate of each need together, each combination
        of different hours once."""
        if unless_closed:
            venue = self._hours(self.setup.location.calendar, None, True)
            combined = {self.wall.both(venue, self._offered): None}
        else:
            combined = {self._common: None}
        for need in self.needed:
            different = self._different(need, unless_closed)
            if different and len(combined) * len(different) <= MOST_GRIDS:  # nobody who could: told of every start
                combined = {self.wall.both(some, own): None for some in combined for own in different}
        return tuple(combined)

    def _different(self, need: Needed, unless_closed: bool) -> dict[tuple[Hours, ...], None]:
        """The hours of those who could fill a need together, each once."""
        if comb(len(need.candidates), need.count) <= MOST_GRIDS:
            choices: Iterable[tuple[Candidate, ...]] = combinations(need.candidates, need.count)
        else:
            choices = ((one,) for one in need.candidates)
        found: dict[tuple[Hours, ...], None] = {}
        for chosen in choices:
            hours = [self._hours(it.calendar, None, unless_closed) for one in chosen for it in one.members]
            found[reduce(self.wall.both, hours)] = None
        return found

    def grid(self, unless_closed: bool = False) -> Starts:
        first, last = self.dates()
        if first > last:
            return Starts([], [], [], [])
        terms = self.terms
        hours = self.openings(unless_closed)
        top = terms.anchor == "top_of_hour"
        return grid(self.wall, hours, terms.step, top, first, last, self.minutes * MINUTE)

    def general_bars(self) -> list[Span]:
        """Starts that nobody can have: before notice, or when the customer has something else."""
        bars: list[Span] = [(-EVER, self.not_before)]
        if self.terms.one_at_a_time:
            behind = self.minutes * MINUTE - 1
            bars += [(micros(it.starts_at) - behind, micros(it.ends_at)) for it in self.request.busy]
        return merged(bars)

    # who would do it

    def assigned(self, free: tuple[int, ...], day: int) -> tuple[Assigned, ...] | None:
        if day not in self._ranks:
            on = date.fromordinal(day)
            self._ranks[day] = [choice.ranked(need, self.busy, on, self.wall) for need in self.needed]
        orders = [in_turn(*each) for each in zip(self.needed, self._ranks[day], free, strict=True)]
        return choice.complete(self.needed, orders)


def in_turn(need: Needed, ranks: Sequence[int], free: int) -> Iterator[Candidate]:
    """The free candidates, the best first."""
    return (need.candidates[number] for number in ranks if free >> number & 1)


def contains(spans: Sequence[Span], at: int) -> bool:
    return any(low <= at < high for low, high in spans)


def fits(spans: Sequence[Span], start: int, lasting: int) -> bool:
    """Whether one of these ordered spans holds all of it."""
    k = bisect_right(spans, (start, EVER)) - 1
    return k >= 0 and start + lasting <= spans[k][1]
