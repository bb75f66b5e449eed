"""What can be booked, and why not: one pure function for the search, the command, the page and the "why not?".

Configuration, claims, the request and the moment come in; offers or ordered reasons come out. For many starts at once
the rules are turned round: each claim, closure and opening bars a stretch of *starts*, and what is left is met with the
labels of the grid, so that the cost is that of the claims and of the slots found, not of their product.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache, reduce
from itertools import combinations, repeat
from math import comb
from typing import NamedTuple
from uuid import UUID

from domain import localtime
from domain.availability import choice
from domain.availability.choice import Candidate, Needed
from domain.availability.occupancy import EVER, Occupied, Wanted, by_resource
from domain.availability.offer import TOLD
from domain.availability.setup import Assigned, Reason, Refused, Request, Setup, Slot, Use, in_order
from domain.calendar import Calendar, Closure
from domain.errors import Rule
from domain.resource.resource import Resource
from domain.wall import (
    DAY,
    MINUTE,
    Hours,
    Span,
    Wall,
    at_local,
    common,
    merged,
    micros,
    moment,
    without,
)  # fmt: skip

MOST_DAYS = 366
MOST_GRIDS = 256
"""Combinations of different hours whose starts are made; what goes beyond is offered on the grid of these."""
NEVER_BEFORE = -EVER


class TooManyDays(Rule):
    """A search covers 1 to 366 days."""


class NoSuchDuration(Rule):
    """This is not offered for so long."""


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


def minutes_for(setup: Setup, request: Request) -> int:
    """How long it would last, in minutes; `NoSuchDuration` with what there is."""
    terms = setup.terms
    if terms.turn_times:
        usual = next((t.minutes for t in terms.turn_times if t.up_to is None or request.party <= t.up_to), None)
        usual = terms.turn_times[-1].minutes if usual is None else usual
        if request.minutes not in (None, usual):
            raise NoSuchDuration(minutes=request.minutes, offered=[usual])
        return usual
    if request.minutes is None:
        return terms.durations[0] if terms.durations else terms.lasting.least if terms.lasting else terms.step
    lasting = terms.lasting
    if lasting is not None:
        if (
            lasting.least <= request.minutes <= lasting.most
            and not (request.minutes - lasting.least) % lasting.increment
        ):
            return request.minutes
        raise NoSuchDuration(
            minutes=request.minutes, least=lasting.least, most=lasting.most, increment=lasting.increment
        )
    if request.minutes not in terms.durations:
        raise NoSuchDuration(minutes=request.minutes, offered=list(terms.durations))
    return request.minutes


class Question:
    """One request over one configuration, with everything that its answers share."""

    def __init__(self, setup: Setup, uses: Sequence[Use], request: Request, now: datetime) -> None:
        days = (request.last - request.first).days + 1
        if not 1 <= days <= MOST_DAYS:
            raise TooManyDays(days=days)
        self.setup, self.request, self.now = setup, request, now
        terms = self.terms = setup.terms
        self.zone = setup.location.zone
        self.minutes = minutes_for(setup, request)
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

    # the answers

    def general_bars(self) -> list[Span]:
        """Starts that nobody can have: before notice, or when the customer has something else."""
        bars: list[Span] = [(-EVER, self.not_before)]
        if self.terms.one_at_a_time:
            behind = self.minutes * MINUTE - 1
            bars += [(micros(it.starts_at) - behind, micros(it.ends_at)) for it in self.request.busy]
        return merged(bars)

    def slots(self) -> list[Slot]:
        """Every start that can be booked, in order."""
        if choice.misfits(self.needed, self.setup, self.request) or not self.needed:
            return []
        starts = self.grid()
        if not starts.at:
            return []
        bars = self.general_bars()
        if len(self.needed) == 1 and len(self.needed[0].candidates) == 1 and self.needed[0].count == 1:
            return self._of_one(self.needed[0], starts, bars)
        return self._of_many(starts, bars)

    def _of_one(self, need: Needed, starts: Starts, bars: list[Span]) -> list[Slot]:
        """The common case: one thing, and nothing to choose."""
        (candidate,) = need.candidates
        assignment = (Assigned(need.role, tuple(it.id for it in candidate.members), need.units),)
        lasting, moments, found = self.lasting, starts.moments, list[Slot]()
        plain = all(it.pacing is None and not self.occupied(it).counted for it in candidate.members)
        for low, high in without(self.starts_of_candidate(candidate, need.units), bars):
            i, j = bisect_left(starts.at, low), bisect_left(starts.at, high)
            if plain:
                found += map(Slot, moments[i:j], starts.ends[i:j], repeat(1), repeat(assignment))
                continue
            for k in range(i, j):
                left = self.left_of(candidate, need.units, starts.at[k])
                found.append(Slot(moments[k], moments[k] + lasting, left, assignment))
        return found

    def left_of(self, candidate: Candidate, units: int, start: int) -> int:
        """How often the candidate could be had at this start, itself included."""
        left = []
        for member in candidate.members:
            occupied = self.occupied(member)
            free = (
                occupied.free(start - self.before, start + self.minutes * MINUTE + self.after)
                if occupied.counted
                else 1
            )
            if member.pacing is not None:
                free = min(free, member.pacing.units - occupied.started(start))
            left.append(free // units)
        return max(min(left), 0)

    def _of_many(self, starts: Starts, bars: list[Span]) -> list[Slot]:
        """Which candidates are free is a bit each; starts with the same bits on the same date share their answer."""
        open_to = self._indices(without([(-EVER, EVER)], bars), starts.at)
        masks: list[list[int]] = []
        for need in self.needed:
            mask = [0] * len(starts.at)
            for bit, candidate in enumerate(need.candidates):
                for i, j in self._indices(self.starts_of_candidate(candidate, need.units), starts.at):
                    for k in range(i, j):
                        mask[k] |= 1 << bit
            masks.append(mask)
        known: dict[tuple[int, ...], tuple[Assigned, ...] | None] = {}
        found: list[Slot] = []
        for i, j in open_to:
            for k in range(i, j):
                free = tuple(mask[k] for mask in masks)
                if not all(free):
                    continue
                day = starts.local[k] // DAY
                if (key := (day, *free)) not in known:
                    known[key] = self._assigned(free, day)
                assignment = known[key]
                if assignment is not None:
                    at = starts.moments[k]
                    found.append(Slot(at, at + self.lasting, self._left(free, starts.at[k]), assignment))
        return found

    @staticmethod
    def _indices(spans: Sequence[Span], at: list[int]) -> list[tuple[int, int]]:
        return [(bisect_left(at, low), bisect_left(at, high)) for low, high in spans]

    def _assigned(self, free: tuple[int, ...], day: int) -> tuple[Assigned, ...] | None:
        if day not in self._ranks:
            on = date.fromordinal(day)
            self._ranks[day] = [choice.ranked(need, self.busy, on, self.wall) for need in self.needed]
        orders = [in_turn(*each) for each in zip(self.needed, self._ranks[day], free, strict=True)]
        return choice.complete(self.needed, orders)

    def _left(self, free: tuple[int, ...], start: int) -> int:
        return min(
            choice.left(need, mask, lambda one, units: self.left_of(one, units, start))
            for need, mask in zip(self.needed, free, strict=True)
        )

    def at(self, start: int) -> Slot | None:
        """The slot that starts there, on the grid or not."""
        if not self.needed or choice.misfits(self.needed, self.setup, self.request):
            return None
        first, last = self.dates()
        label = localtime.wall(moment(start), self.zone)
        if not first <= label.date() <= last or contains(self.general_bars(), start):
            return None
        free = []
        for need in self.needed:
            mask = 0
            for bit, candidate in enumerate(need.candidates):
                if contains(self.starts_of_candidate(candidate, need.units), start):
                    mask |= 1 << bit
            if not mask:
                return None
            free.append(mask)
        assignment = self._assigned(tuple(free), label.date().toordinal())
        if assignment is None:
            return None
        at = moment(start)
        return Slot(at, at + self.lasting, self._left(tuple(free), start), assignment)

    # why not

    def against(self, start: int, local: datetime) -> tuple[Reason, ...]:
        """Everything that speaks against this start, in the fixed order."""
        found: list[Reason] = []
        if start < self.not_before:
            found.append(Reason("TOO_SOON", earliest=moment(self.not_before)))
        on, terms = local.date(), self.terms
        limits = [it for it in (terms.last_date, self.horizon) if it is not None]
        if limits and on > min(limits) and not self.request.override:
            found.append(Reason("TOO_FAR", latest=min(limits)))
        if terms.first_date is not None and on < terms.first_date and not self.request.override:
            found.append(Reason("TOO_SOON", earliest=localtime.by_rule(localtime.day(terms.first_date), self.zone)))
        found += choice.misfits(self.needed, self.setup, self.request)
        if terms.one_at_a_time:
            end = start + self.minutes * MINUTE
            if any(micros(it.starts_at) < end and start < micros(it.ends_at) for it in self.request.busy):
                found.append(Reason("CUSTOMER_CONFLICT"))
        found += self._against_needs(start, local)
        return in_order(found)

    def _against_needs(self, start: int, local: datetime) -> list[Reason]:
        found: list[Reason] = []
        free: list[int] = []
        for need in self.needed:
            mask, details = 0, list[tuple[Reason, ...]]()
            for bit, candidate in enumerate(need.candidates):
                told = tuple(r for it in candidate.members for r in self.against_resource(it, need.units, start, local))
                if told:
                    details.append(told)
                else:
                    mask |= 1 << bit
            free.append(mask)
            if mask.bit_count() >= need.count or not details:
                continue
            if len(need.candidates) == 1:
                found += details[0]
                continue
            shared = {r.code for r in details[0]}.intersection(*({r.code for r in told} for told in details[1:]))
            found += [Reason(code) for code in sorted(shared & EVERYBODYS)]
            code = "NO_STAFF" if need.role == "staff" else "NO_RESOURCE_COMBINATION"
            flat = tuple(r for told in details for r in told)
            found.append(Reason(code, role=need.role, details=flat[:MOST_DETAILS]))
        if not found and self.needed and all(free) and self._assigned(tuple(free), local.date().toordinal()) is None:
            found.append(Reason("NO_RESOURCE_COMBINATION"))
        return list(dict.fromkeys(found))

    def against_resource(self, resource: Resource, units: int, start: int, local: datetime) -> list[Reason]:
        """What speaks against one resource."""
        found = self.withheld(resource)
        lasting, before, after, _ = wanted = self.wanted(units)
        end = start + lasting
        outer = (before, after) if self.terms.buffers_within_hours else (0, 0)
        spans = self.wall.spans(self.open_hours(resource))
        if not any(low <= start - outer[0] and end + outer[1] <= high for low, high in spans):
            closed = any(
                calendar.exceptions.get(local.date()) == ()
                for calendar in (self.setup.location.calendar, resource.calendar)
            )
            found.append(Reason("CLOSED_EXCEPTION" if closed else "OUTSIDE_HOURS", resource_id=resource.id))
        for closure in self.closures(resource):
            low, high = micros(closure.starts_at), micros(closure.ends_at)
            sticking = (0, 0) if closure.cause == "closure" else (before, after)
            if low < end + sticking[1] and start - sticking[0] < high:
                found.append(Reason(TOLD[closure.cause], resource_id=resource.id, until=closure.ends_at))
        return found + self.occupied(resource).against(start, wanted)


EVERYBODYS = {"SESSIONS_ONLY", "OUTSIDE_HOURS", "CLOSED_EXCEPTION", "CLOSURE", "MAINTENANCE", "NO_STAFF"}
"""What is said once where it is true of every candidate."""
MOST_DETAILS = 50


def in_turn(need: Needed, ranks: Sequence[int], free: int) -> Iterator[Candidate]:
    """The free candidates, the best first."""
    return (need.candidates[number] for number in ranks if free >> number & 1)


def contains(spans: Sequence[Span], at: int) -> bool:
    return any(low <= at < high for low, high in spans)


def slots(setup: Setup, uses: Sequence[Use], request: Request, now: datetime) -> list[Slot]:
    """Every start that can be booked, in order."""
    return Question(setup, uses, request, now).slots()


def free_spans(
    setup: Setup, uses: Sequence[Use], request: Request, now: datetime
) -> dict[UUID, list[tuple[datetime, datetime]]]:
    """From when until when each resource has a unit free on the local dates asked for, for calendars that draw it
    rather than list starts: opening hours less closures and what is occupied, buffers included."""
    question = Question(setup, uses, request, now)
    begins, ends = localtime.day(request.first), localtime.day(request.last, DAY)
    window = [(micros(localtime.by_rule(begins, question.zone)), micros(localtime.by_rule(ends, question.zone)))]
    known = _Moments()  # many have the same edges
    return {
        resource.id: [(known[low], known[high]) for low, high in common(question.free(resource), window)]
        for resource in setup.resources.values()
    }


class _Moments(dict[int, datetime]):
    def __missing__(self, at: int) -> datetime:
        found = self[at] = moment(at)
        return found


def consider(setup: Setup, uses: Sequence[Use], request: Request, starts_at: datetime, now: datetime) -> Slot | Refused:
    """One start: the slot, or everything that speaks against it. Staff who pass over the notice pass over the grid."""
    question = Question(setup, uses, request, now)
    return considered(question, starts_at)


def considered(question: Question, starts_at: datetime) -> Slot | Refused:
    start = micros(starts_at)
    local = localtime.wall(starts_at, question.zone)
    slot = question.at(start)
    labelled = question.request.override or contained(question.grid().at, start)
    if slot is not None and labelled:
        return slot
    reasons = question.against(start, local)
    if not (labelled or told_elsewise(question, start, local, reasons)):
        reasons = (Reason("NOT_ON_STEP"), *reasons)
    return Refused(local, starts_at, reasons)


def told_elsewise(question: Question, start: int, local: datetime, reasons: Sequence[Reason]) -> bool:
    """Whether it needs no saying that no label names this start: it is outside of dates or hours, or would be named,
    were it not for a day that is closed."""
    first, last = question.dates()
    if not first <= local.date() <= last or any(it.code in ("OUTSIDE_HOURS", "CLOSED_EXCEPTION") for it in reasons):
        return True
    return bool(reasons) and contained(question.grid(unless_closed=True).at, start)


def contained(starts: Sequence[int], start: int) -> bool:
    k = bisect_left(starts, start)
    return k < len(starts) and starts[k] == start


def explained(setup: Setup, uses: Sequence[Use], request: Request, now: datetime) -> list[Slot | Refused]:
    """Every label of the days asked for at which it would fit the opening hours, in order: the slot, or why not. Days
    that are closed altogether show the labels that they would have."""
    question = Question(setup, uses, request, now)
    terms = question.terms
    offered = {micros(slot.starts_at): slot for slot in question.slots()}
    first, last = request.first.toordinal() * DAY, (request.last.toordinal() + 1) * DAY
    lasting = question.minutes * MINUTE
    found: dict[tuple[int, int], Slot | Refused] = {}
    for unless_closed in (False, True):
        for hours in question.openings(unless_closed):
            spans = question.wall.spans(hours)
            for label in question.wall.labels(hours, terms.step, terms.anchor == "top_of_hour"):
                if not first <= label.local < last:
                    continue
                if unless_closed and not closed_on(question, at_local(label.local).date()):
                    continue
                local = at_local(label.local)
                instants = question.wall.instants(label.local)
                if not instants and label.since <= label.local <= label.until - question.minutes:
                    found.setdefault((label.local, 0), Refused(local, None, (Reason("DST_GAP"),)))
                for at in instants:
                    if label.opens <= at < label.closes and fits(spans, at, lasting) and (label.local, at) not in found:
                        told = offered.get(at) or Refused(local, moment(at), question.against(at, local))
                        if isinstance(told, Slot) or told.reasons:  # else somebody is there, whose labels are others
                            found[label.local, at] = told
    return [found[key] for key in sorted(found)]


def fits(spans: Sequence[Span], start: int, lasting: int) -> bool:
    """Whether one of these ordered spans holds all of it."""
    k = bisect_right(spans, (start, EVER)) - 1
    return k >= 0 and start + lasting <= spans[k][1]


def closed_on(question: Question, on: date) -> bool:
    calendars = [question.setup.location.calendar]
    calendars += [it.calendar for need in question.needed for one in need.candidates for it in one.members]
    return any(calendar.exceptions.get(on) == () for calendar in calendars)
