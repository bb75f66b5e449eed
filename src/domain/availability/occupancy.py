"""What stands in the way on one resource: which starts it bars, how much is left, and how that is told."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from domain.availability.setup import Reason, Use
from domain.resource.resource import Resource
from domain.wall import MINUTE, Span, merged, micros, moment

EVER = 1 << 62


class Busy(NamedTuple):
    """A living claim, in microseconds; the guest's period, and the buffers around it."""

    start: int
    end: int
    units: int
    before: int
    after: int
    shared: bool
    dies: int | None
    kind: str


class Wanted(NamedTuple):
    """What would be taken: so long, with these buffers (microseconds), in so many units."""

    lasting: int
    before: int
    after: int
    units: int


def by_resource(uses: Iterable[Use], now: datetime, moving: UUID | None = None) -> dict[UUID, list[Busy]]:
    """The claims that live now, by resource; those of a booking that would be moved left out."""
    found: dict[UUID, list[Busy]] = {}
    for use in uses:
        if use.booking_id == moving or (use.expires_at is not None and use.expires_at <= now):
            continue
        busy = Busy(
            micros(use.starts_at), micros(use.ends_at), use.units, use.before * MINUTE, use.after * MINUTE, use.shared,
            None if use.expires_at is None else micros(use.expires_at), use.kind,
        )  # fmt: skip
        found.setdefault(use.resource_id, []).append(busy)
    for those in found.values():
        those.sort(key=itemgetter(0))
    return found


class Occupied:
    """One resource with what occupies it."""

    def __init__(self, resource: Resource, busy: Sequence[Busy] = ()) -> None:
        self.resource = resource
        self.busy = busy
        self.shared = resource.buffer_mode == "shared"
        least = all(override.capacity <= 1 for override in resource.overrides.values())
        self.sharing = resource.capacity == 1 and least and (self.shared or any(it.shared for it in busy))
        """Whether the gaps between neighbours are measured, and not units counted."""
        self.counted = not self.sharing and (resource.capacity > 1 or bool(resource.overrides))
        self.most = max([resource.capacity, *(it.capacity for it in resource.overrides.values())])
        """Units that there ever are."""
        self._steps: tuple[list[int], list[int]] | None = None
        self._starts: tuple[list[int], list[int]] | None = None

    # which starts are not possible

    def bars(self, wanted: Wanted) -> list[Span]:
        """The starts at which what is wanted would not have room, in order."""
        if wanted.units > self.most:
            return [(-EVER, EVER)]
        lasting, before, after, _ = wanted
        if self.counted:
            barred = [(start - lasting - after + 1, end + before) for start, end in self._overfull(wanted.units)]
        elif not self.sharing:
            behind = lasting + after
            barred = [(it.start - it.before - behind + 1, it.end + it.after + before) for it in self.busy]
        else:
            barred = [self._barred(it, wanted) for it in self.busy]
            barred += [(start - lasting - after + 1, end + before) for start, end in self._closed()]
        barred += self._paced(wanted)
        return merged(barred)

    def full(self) -> list[Span]:
        """Where no unit is left, buffers included."""
        if self.counted:
            return self._overfull(1)
        return merged((it.start - it.before, it.end + it.after) for it in self.busy)

    def _barred(self, it: Busy, wanted: Wanted) -> Span:
        """By one claim of the only unit there is. Shared buffers: the gap is the larger of the two."""
        if self.shared or it.shared:
            return (
                it.start - wanted.lasting - max(wanted.after, it.before) + 1,
                it.end + max(it.after, wanted.before),
            )
        return it.start - it.before - wanted.lasting - wanted.after + 1, it.end + it.after + wanted.before

    def _closed(self) -> list[Span]:
        """Where an override leaves nothing."""
        return [
            (micros(it.starts_at), micros(it.ends_at)) for it in self.resource.overrides.values() if it.capacity == 0
        ]

    def _overfull(self, units: int) -> list[Span]:
        """Where so many units more would be too many."""
        at, used = self.steps
        room = self.resource.capacity - units
        found: list[Span] = []
        start = -EVER if room < 0 else None
        for when, taken in zip(at, used, strict=True):
            if taken > room:
                start = when if start is None else start
            elif start is not None:
                found.append((start, when))
                start = None
        if start is not None:
            found.append((start, EVER))
        return found

    @property
    def steps(self) -> tuple[list[int], list[int]]:
        """From each of these instants on, so many units are in use. An override counts as use of what it takes away
        from the capacity, or gives back."""
        if self._steps is None:
            edges: dict[int, int] = {}
            for it in self.busy:
                start, end = it.start - it.before, it.end + it.after
                edges[start] = edges.get(start, 0) + it.units
                edges[end] = edges.get(end, 0) - it.units
            for override in self.resource.overrides.values():
                less = self.resource.capacity - override.capacity
                start, end = micros(override.starts_at), micros(override.ends_at)
                edges[start] = edges.get(start, 0) + less
                edges[end] = edges.get(end, 0) - less
            at = sorted(edges)
            used, total = [], 0
            for when in at:
                total += edges[when]
                used.append(total)
            self._steps = at, used
        return self._steps

    def free(self, start: int, end: int) -> int:
        """The fewest units that are free at any instant of `[start, end)`."""
        at, used = self.steps
        first = bisect_right(at, start) - 1
        most = max(used[max(first, 0) : bisect_left(at, end)], default=0)
        if first < 0:
            most = max(most, 0)
        return self.resource.capacity - most

    def _paced(self, wanted: Wanted) -> list[Span]:
        """Where one start more would be too many within the minutes of the pacing, however they are laid."""
        pacing = self.resource.pacing
        if pacing is None:
            return []
        room = pacing.units - wanted.units
        if room < 0:
            return [(-EVER, EVER)]
        window = pacing.minutes * MINUTE
        found: list[Span] = []
        first, sum_of = 0, 0
        for last, it in enumerate(self.busy):
            sum_of += it.units
            while it.start - self.busy[first].start >= window or sum_of - self.busy[first].units > room:
                sum_of -= self.busy[first].units
                first += 1
            if sum_of > room:  # those from `first` to `last`: whoever starts within a window of all of them is too many
                found.append((self.busy[last].start - window + 1, self.busy[first].start + window))
        return found

    def started(self, start: int) -> int:
        """The most units that start within any window of the pacing around `start`."""
        assert self.resource.pacing is not None
        window = self.resource.pacing.minutes * MINUTE
        at, units = self._begun
        near = at[bisect_right(at, start - window) : bisect_right(at, start)]
        return max(
            units[bisect_left(at, begins + window)] - units[bisect_left(at, begins)] for begins in {start, *near}
        )

    @property
    def _begun(self) -> tuple[list[int], list[int]]:
        """The starts in order, and how many units have started before each of them and in all."""
        if self._starts is None:
            totals = accumulate((it.units for it in self.busy), initial=0)
            self._starts = [it.start for it in self.busy], list(totals)
        return self._starts

    # why not

    def against(self, start: int, wanted: Wanted) -> list[Reason]:
        """What speaks against starting then: never who."""
        resource = self.resource
        found: list[Reason] = []
        if wanted.units > self.most:
            return [Reason("DOES_NOT_FIT", resource_id=resource.id, capacity=resource.capacity)]
        end = start + wanted.lasting
        if self.counted:
            since, until = start - wanted.before, end + wanted.after
            free = self.free(since, until)
            if free < wanted.units:
                room = max((cap for cap in self._capacities(since, until)), default=resource.capacity)
                found.append(
                    Reason("CAPACITY", resource_id=resource.id, peak=resource.capacity - free, free=max(free, 0),
                           capacity=room)
                )  # fmt: skip
                ways = [it for it in self.busy if it.start - it.before < until and since < it.end + it.after]
                found += self._told(ways, plain=False)
        else:
            ways, near = [], []
            for it in self.busy:
                if it.start < end and start < it.end:
                    ways.append(it)
                else:
                    low, high = self._barred(it, wanted)
                    if low <= start < high:
                        near.append(it)
            found += self._told(ways, plain=True)
            since, beyond = start - wanted.before, end + wanted.after
            if any(low < beyond and since < high for low, high in self._closed()):
                found.append(Reason("CAPACITY", resource_id=resource.id, free=0, capacity=0))
            if near:
                until = max(it.end + it.after for it in near)
                found.append(Reason("BUFFER", resource_id=resource.id, until=moment(until)))
        if resource.pacing is not None:
            started = self.started(start)
            if started + wanted.units > resource.pacing.units:
                free = max(resource.pacing.units - started, 0)
                found.append(Reason("PACING", resource_id=resource.id, free=free, capacity=resource.pacing.units))
        return found

    def _told(self, ways: Sequence[Busy], plain: bool) -> list[Reason]:
        held = [it for it in ways if it.dies is not None and it.kind != "earmark"]
        earmarked = [it for it in ways if it.kind == "earmark"]
        firm = [it for it in ways if it.dies is None and it.kind != "earmark"]
        found = []
        if firm and plain:
            until = moment(max(it.end for it in firm))
            found.append(Reason("OCCUPIED", resource_id=self.resource.id, until=until))
        if held:
            until = moment(max(it.dies or 0 for it in held))
            found.append(Reason("HELD", resource_id=self.resource.id, until=until))
        if earmarked:
            found.append(Reason("WAITLIST_EARMARK", resource_id=self.resource.id))
        return found

    def _capacities(self, since: int, until: int) -> list[int]:
        return [
            override.capacity
            for override in self.resource.overrides.values()
            if micros(override.starts_at) < until and since < micros(override.ends_at)
        ]
