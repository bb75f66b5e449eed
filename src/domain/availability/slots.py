"""What can be booked, and why not: one pure function for the search, the command, the page and the "why not?".

Configuration, claims, the request and the moment come in; offers or ordered reasons come out. When something may start
is worked out in `starts`, what speaks against a start in `against`.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime
from itertools import repeat
from uuid import UUID

from domain import localtime
from domain.availability import choice
from domain.availability.against import against
from domain.availability.choice import Candidate, Needed
from domain.availability.occupancy import EVER
from domain.availability.setup import Assigned, Reason, Refused, Request, Setup, Slot, Use
from domain.availability.starts import Starting, Starts, contains, fits
from domain.errors import Rule
from domain.wall import DAY, MINUTE, Span, at_local, common, micros, moment, without

MOST_DAYS = 366


class TooManyDays(Rule):
    """A search covers 1 to 366 days."""


class NoSuchDuration(Rule):
    """This is not offered for so long."""


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


class Question(Starting):
    """One request over one configuration, with everything that its answers share."""

    def __init__(self, setup: Setup, uses: Sequence[Use], request: Request, now: datetime) -> None:
        days = (request.last - request.first).days + 1
        if not 1 <= days <= MOST_DAYS:
            raise TooManyDays(days=days)
        super().__init__(setup, uses, request, now, minutes_for(setup, request))

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
                    known[key] = self.assigned(free, day)
                assignment = known[key]
                if assignment is not None:
                    at = starts.moments[k]
                    found.append(Slot(at, at + self.lasting, self._left(free, starts.at[k]), assignment))
        return found

    @staticmethod
    def _indices(spans: Sequence[Span], at: list[int]) -> list[tuple[int, int]]:
        return [(bisect_left(at, low), bisect_left(at, high)) for low, high in spans]

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
        assignment = self.assigned(tuple(free), label.date().toordinal())
        if assignment is None:
            return None
        at = moment(start)
        return Slot(at, at + self.lasting, self._left(tuple(free), start), assignment)


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
    reasons = against(question, start, local)
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
                        told = offered.get(at) or Refused(local, moment(at), against(question, at, local))
                        if isinstance(told, Slot) or told.reasons:  # else somebody is there, whose labels are others
                            found[label.local, at] = told
    return [found[key] for key in sorted(found)]


def closed_on(question: Question, on: date) -> bool:
    calendars = [question.setup.location.calendar]
    calendars += [it.calendar for need in question.needed for one in need.candidates for it in one.members]
    return any(calendar.exceptions.get(on) == () for calendar in calendars)
