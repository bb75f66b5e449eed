"""The proof as one would write it first: every claim an object, found by the days that it touches.

What `domain.availability.proof` finds with packed claims has to be what this finds.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.availability.proof import Key, Overbooked, Overuse
from domain.booking.events import BookingHeld, BookingOverbookingAuthorised
from domain.claim import Lift, Override, Pace, Release, Resize, Take
from domain.claims import claims_of
from domain.event import Event
from domain.period import EARLIEST, LATEST

MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


class _Fullest(NamedTuple):
    """The instant of a period at which most is used beyond the capacity, or least is left; and the most ever used."""

    at: datetime
    used: int
    capacity: int
    peak: int


class _Standing:
    """What stands on one resource, found by the days that it touches."""

    def __init__(self) -> None:
        self.takes: dict[Key, Take] = {}
        self._by_day: defaultdict[int, dict[Key, Take]] = defaultdict(dict)
        self.overrides: dict[UUID, Override] = {}

    def add(self, take: Take) -> None:
        key = take.booking_id, take.item
        self.takes[key] = take
        for day in _days(*take.occupied):
            self._by_day[day][key] = take

    def remove(self, take: Take) -> None:
        key = take.booking_id, take.item
        self.takes.pop(key, None)
        for day in _days(*take.occupied):
            self._by_day[day].pop(key, None)
            if not self._by_day[day]:
                del self._by_day[day]

    def around(self, start: datetime, end: datetime) -> Iterable[Take]:
        """At least what overlaps the period."""
        days = _days(start, end)
        if len(days) > len(self.takes):
            return self.takes.values()
        found: dict[Key, Take] = {}
        for day in days:
            found.update(self._by_day.get(day, ()))
        return found.values()

    def capacity(self, at: datetime, base: int) -> int:
        return next((o.capacity for o in self.overrides.values() if o.starts_at <= at < o.ends_at), base)

    def fullest(self, start: datetime, end: datetime, base: int, everybody: bool = True) -> _Fullest:
        """By a sweep over the edges of what stands and of what changes the capacity."""
        steps: defaultdict[datetime, int] = defaultdict(int)
        steps[start] = 0
        for take in self.around(start, end):
            takes_from, takes_to = take.occupied
            if takes_from < end and start < takes_to and (everybody or not take.authorised):
                steps[max(takes_from, start)] += take.units
                steps[takes_to] -= take.units
        for one in self.overrides.values():
            for edge in (one.starts_at, one.ends_at):
                if start < edge < end:
                    steps[edge] += 0
        used = peak = 0
        worst: tuple[int, datetime, int, int] | None = None
        for at in sorted(steps):
            if at >= end:
                break
            used += steps[at]
            peak = max(peak, used)
            capacity = self.capacity(at, base) if self.overrides else base
            if worst is None or used - capacity > worst[0]:
                worst = used - capacity, at, used, capacity
        assert worst is not None
        return _Fullest(worst[1], worst[2], worst[3], peak)


class SimpleLedger:
    """Who claims what, after each command of the log."""

    def __init__(self) -> None:
        self.capacity: dict[UUID, int] = {}
        self.peak: dict[UUID, int] = {}
        """The most units ever used at one instant, per resource."""
        self.bookings = 0
        self.overbooked: list[Overbooked] = []
        self._pace: dict[UUID, Pace] = {}
        self._standing: defaultdict[UUID, _Standing] = defaultdict(_Standing)
        self._of_booking: dict[UUID, dict[int, Take]] = {}
        self._authority: dict[Key, BookingOverbookingAuthorised] = {}

    def add(self, event: Event, stream: UUID, position: int, at: datetime | None = None) -> Iterator[Overuse]:
        """Fold one more event that is a command of its own; what it breaks."""
        return self.fold([(event, stream)], position, at)

    def fold(
        self, events: Sequence[tuple[Event, UUID]], position: int, at: datetime | None = None
    ) -> Iterator[Overuse]:
        """Fold the events of one command, which take effect at once: two bookings may change places. What they break.

        `at`: when it happened. A resource that shrinks need not have been so small before: the past may have used
        more, and is looked at only where no moment is given.
        """
        had: dict[Key, Take] = {}
        new: dict[Key, Take] = {}
        shrunk: list[tuple[UUID, datetime, datetime]] = []
        since = at or EARLIEST
        for event, stream in events:
            if isinstance(event, BookingHeld):
                self.bookings += 1
            elif isinstance(event, BookingOverbookingAuthorised):
                self._authority |= {(stream, item): event for item in event.items}
            for claim in claims_of(event, stream):
                match claim:
                    case Take():
                        new[claim.booking_id, claim.item] = claim
                    case Release(booking_id):
                        had |= self._release(booking_id)
                        new = {key: take for key, take in new.items() if key[0] != booking_id}
                    case Resize(resource_id, capacity):
                        self.capacity[resource_id] = capacity
                        shrunk.append((resource_id, since, LATEST))
                    case Override():
                        self._standing[claim.resource_id].overrides[claim.override_id] = claim
                        shrunk.append((claim.resource_id, max(since, claim.starts_at), claim.ends_at))
                    case Lift(resource_id, override_id):
                        lifted = self._standing[resource_id].overrides.pop(override_id, None)
                        if lifted is not None:
                            shrunk.append((resource_id, max(since, lifted.starts_at), lifted.ends_at))
                    case Pace(resource_id):
                        self._pace[resource_id] = claim
        for take in new.values():
            self._standing[take.resource_id].add(take)
            self._of_booking.setdefault(take.booking_id, {})[take.item] = take
        for resource_id, start, end in shrunk:
            yield from self._squeezed(resource_id, start, end, position)
        for key, take in new.items():
            yield from self._judged(take, had.get(key), position)

    def _release(self, booking_id: UUID) -> dict[Key, Take]:
        gone = self._of_booking.pop(booking_id, {})
        for take in gone.values():
            self._standing[take.resource_id].remove(take)
        return {(booking_id, item): take for item, take in gone.items()}

    def _squeezed(self, resource_id: UUID, start: datetime, end: datetime, position: int) -> Iterator[Overuse]:
        """Each claim that is left without room by a change of capacity: what was overbooked had none anyway."""
        standing = self._standing[resource_id]
        for take in list(standing.around(start, end)):
            since, until = max(take.occupied[0], start), min(take.occupied[1], end)
            if since >= until or take.authorised:
                continue
            full = standing.fullest(since, until, self.capacity.get(resource_id, 0), everybody=False)
            if full.used > full.capacity:
                yield Overuse(position, resource_id, full.at, full.used, full.capacity, booking_id=take.booking_id)

    def _judged(self, take: Take, had: Take | None, position: int) -> Iterator[Overuse]:
        """A claim beside all that stands. What an item had already it may keep."""
        resource_id = take.resource_id
        standing = self._standing[resource_id]
        full = standing.fullest(*take.occupied, self.capacity.get(resource_id, 0))
        self.peak[resource_id] = max(full.peak, self.peak.get(resource_id, 0))
        authority = self._authority.get((take.booking_id, take.item)) if take.authorised else None
        if had is not None and take.within(had):
            return
        if authority is not None:
            self.overbooked.append(
                Overbooked(position, take.booking_id, take.item, resource_id, take.starts_at, take.ends_at,
                           authority.by, authority.why)
            )  # fmt: skip
            return
        if full.used > full.capacity:
            yield Overuse(position, resource_id, full.at, full.used, full.capacity, booking_id=take.booking_id)
        near = [other for other in standing.around(take.starts_at - _DAY, take.ends_at + _DAY) if other is not take]
        if any(take.too_near(other) for other in near):
            yield Overuse(position, resource_id, take.starts_at, full.used, full.capacity, "buffer", take.booking_id)
        pace = self._pace.get(resource_id)
        if pace is not None and pace.units is not None:
            started = _started(take.starts_at, pace.minutes * MINUTE, [take, *near])
            if started > pace.units:
                yield Overuse(position, resource_id, take.starts_at, started, pace.units, "pacing", take.booking_id)


def _started(at: datetime, window: timedelta, takes: Iterable[Take]) -> int:
    """The most units that start within any window of that length around an instant."""
    near = [take for take in takes if at - window < take.starts_at < at + window]
    begins = {take.starts_at for take in near if take.starts_at <= at}
    return max(sum(it.units for it in near if begin <= it.starts_at < begin + window) for begin in begins)


def _days(start: datetime, end: datetime) -> range:
    """The days (UTC) that a period touches."""
    return range(start.astimezone(UTC).toordinal(), end.astimezone(UTC).toordinal() + 1)
