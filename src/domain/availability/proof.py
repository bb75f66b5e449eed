"""Proof of no double booking: fold the log in its order, and never see more units used than there are.

Nothing here looks at the table of claims: the claims are computed from the events again, so that the proof would find
an overlap that the guards had let through, and one that only the order of the log shows. It judges as the guards have
to: buffers, capacity that changes for a while, pacing, and several resources at once; what was overbooked on somebody's
authority is listed apart, and counts against whoever came after.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from msgspec import Struct

from domain.booking.events import BookingHeld, BookingOverbookingAuthorised
from domain.claim import Lift, Override, Pace, Release, Resize, Take
from domain.claims import claims_of
from domain.event import Event
from domain.period import EARLIEST, LATEST

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE

Key = tuple[UUID, int]
"""A booking, and the number of its item."""


class Overuse(Struct, frozen=True):
    """At this position of the log more units of a resource were claimed at one instant than it had; or a neighbour was
    nearer than the buffers allow, or more started within its pace than may."""

    position: int
    resource_id: UUID
    at: datetime
    used: int
    capacity: int
    cause: Literal["units", "buffer", "pacing"] = "units"
    booking_id: UUID | None = None
    """Whose claim it was."""


class Overbooked(Struct, frozen=True):
    """An item that was taken past the guards, and on whose authority."""

    position: int
    booking_id: UUID
    item: int
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    by: str
    why: str


class _Fullest(NamedTuple):
    """The instant of a period at which most is used beyond the capacity, or least is left; and the most ever used."""

    at: int
    used: int
    capacity: int
    peak: int


class _Row(NamedTuple):
    """A claim, as it is kept."""

    booking: bytes
    item: int
    starts: int
    ends: int
    units: int
    before: int
    after: int
    flags: int

    @property
    def key(self) -> tuple[bytes, int]:
        return self.booking, self.item

    @property
    def occupied(self) -> tuple[int, int]:
        """As a `Take` has it: exclusive buffers belong to it."""
        if self.flags & _SHARED:
            return self.starts, self.ends
        return self.starts - self.before * _MINUTE, self.ends + self.after * _MINUTE

    @property
    def days(self) -> range:
        start, end = self.occupied
        return _days(start, end)

    def taken_from(self, resource_id: UUID) -> Take:
        """What it was made of; when it would have expired, and what it was for, nothing here asks."""
        return Take(
            UUID(bytes=self.booking), self.item, resource_id, _moment(self.starts), _moment(self.ends), self.units,
            None, self.before, self.after, bool(self.flags & _SHARED), bool(self.flags & _AUTHORISED),
        )  # fmt: skip


_SHARED, _AUTHORISED = 1, 2
_PACKED = struct.Struct("<16siqqiiiB")
_PLACE = struct.Struct("<16sii")


def _row_of(take: Take) -> _Row:
    return _Row(
        take.booking_id.bytes, take.item, _instant(take.starts_at), _instant(take.ends_at), take.units, take.before,
        take.after, (_SHARED if take.shared else 0) | (_AUTHORISED if take.authorised else 0),
    )  # fmt: skip


def _found(held: bytearray, wanted: bytes, size: int) -> Iterator[int]:
    """Where records that begin with these bytes lie."""
    at = held.find(wanted)
    while at >= 0:
        if at % size:
            at = held.find(wanted, at + 1)
        else:
            yield at
            at = held.find(wanted, at + size)


def _without(held: bytearray, record: bytes) -> bool:
    """Takes one record out (the last one takes its place). True where none is left."""
    size = len(record)
    at = next(_found(held, record, size))
    held[at : at + size] = held[-size:]
    del held[-size:]
    return not held


class _Standing:
    """What stands on one resource, packed, by the days that it touches."""

    def __init__(self, resource_id: UUID, number: int) -> None:
        self.resource_id = resource_id
        self.number = number
        self.shared = 0
        """How many of them share their buffers."""
        self.overrides: dict[UUID, Override] = {}
        self._by_day: dict[int, bytearray] = {}

    def add(self, row: _Row) -> None:
        packed = _PACKED.pack(*row)
        self.shared += row.flags & _SHARED
        for day in row.days:
            self._by_day.setdefault(day, bytearray()).extend(packed)

    def remove(self, row: _Row) -> None:
        packed = _PACKED.pack(*row)
        self.shared -= row.flags & _SHARED
        for day in row.days:
            if _without(self._by_day[day], packed):
                del self._by_day[day]

    def of_booking(self, booking: bytes, day: int) -> list[_Row]:
        """Its rows that begin on that day."""
        held = self._by_day[day]
        rows = [_Row(*_PACKED.unpack_from(held, at)) for at in _found(held, booking, _PACKED.size)]
        return [row for row in rows if row.days[0] == day]

    def around(self, start: int, end: int) -> Iterator[_Row]:
        """At least what overlaps the period, each once."""
        days: Sequence[int] = _days(start, end)
        first = days[0]
        if len(days) > len(self._by_day):
            days = sorted(day for day in self._by_day if first <= day <= days[-1])
        for day in days:
            for fields in _PACKED.iter_unpack(self._by_day.get(day, b"")):
                row = _Row(*fields)
                if day == first or day == row.days[0]:
                    yield row

    def capacity(self, at: int, base: int) -> int:
        return next((capacity for start, end, capacity in self._overridden() if start <= at < end), base)

    def _overridden(self) -> Iterator[tuple[int, int, int]]:
        for one in self.overrides.values():
            yield _instant(one.starts_at), _instant(one.ends_at), one.capacity

    def fullest(self, start: int, end: int, base: int, everybody: bool = True) -> _Fullest:
        """By a sweep over the edges of what stands and of what changes the capacity."""
        steps: defaultdict[int, int] = defaultdict(int)
        steps[start] = 0
        for row in self.around(start, end):
            takes_from, takes_to = row.occupied
            if takes_from < end and start < takes_to and (everybody or not row.flags & _AUTHORISED):
                steps[max(takes_from, start)] += row.units
                steps[takes_to] -= row.units
        for begins, over, _ in self._overridden():
            for edge in (begins, over):
                if start < edge < end:
                    steps[edge] += 0
        used = peak = 0
        worst: tuple[int, int, int, int] | None = None
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


class _Places:
    """On which resource, and from which day on, each booking's claims lie: packed, by the last bits of its id."""

    _SHARDS = 0xFFF

    def __init__(self) -> None:
        self._shards: dict[int, bytearray] = {}

    def add(self, booking: bytes, number: int, day: int) -> None:
        self._shards.setdefault(self._shard(booking), bytearray()).extend(_PLACE.pack(booking, number, day))

    def of(self, booking: bytes) -> list[tuple[int, int]]:
        held = self._shards.get(self._shard(booking))
        if held is None:
            return []
        return [_PLACE.unpack_from(held, at)[1:] for at in _found(held, booking, _PLACE.size)]

    def remove(self, booking: bytes, number: int, day: int) -> None:
        shard = self._shard(booking)
        if _without(self._shards[shard], _PLACE.pack(booking, number, day)):
            del self._shards[shard]

    def _shard(self, booking: bytes) -> int:
        return int.from_bytes(booking[-2:], "big") & self._SHARDS


class Ledger:
    """Who claims what, after each command of the log.

    What has been claimed stays: something may yet be recorded about any time in the past, and has to be held against
    it. So claims are kept as packed bytes, some 80 of them each, instead of as objects.
    """

    def __init__(self) -> None:
        self.capacity: dict[UUID, int] = {}
        self.peak: dict[UUID, int] = {}
        """The most units ever used at one instant, per resource."""
        self.bookings = 0
        self.overbooked: list[Overbooked] = []
        self._pace: dict[UUID, Pace] = {}
        self._resources: dict[UUID, _Standing] = {}
        self._numbered: list[_Standing] = []
        self._places = _Places()
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
                        self._standing(claim.resource_id).overrides[claim.override_id] = claim
                        shrunk.append((claim.resource_id, max(since, claim.starts_at), claim.ends_at))
                    case Lift(resource_id, override_id):
                        lifted = self._standing(resource_id).overrides.pop(override_id, None)
                        if lifted is not None:
                            shrunk.append((resource_id, max(since, lifted.starts_at), lifted.ends_at))
                    case Pace(resource_id):
                        self._pace[resource_id] = claim
        for take in new.values():
            self._take(take)
        for resource_id, start, end in shrunk:
            yield from self._squeezed(resource_id, start, end, position)
        for key, take in new.items():
            yield from self._judged(take, had.get(key), position)

    def _standing(self, resource_id: UUID) -> _Standing:
        known = self._resources.get(resource_id)
        if known is None:
            known = self._resources[resource_id] = _Standing(resource_id, len(self._numbered))
            self._numbered.append(known)
        return known

    def _rows(self, booking: bytes) -> list[tuple[_Standing, _Row]]:
        places = [(self._numbered[number], day) for number, day in set(self._places.of(booking))]
        return [(standing, row) for standing, day in places for row in standing.of_booking(booking, day)]

    def _take(self, take: Take) -> None:
        row = _row_of(take)
        for standing, before in self._rows(row.booking):
            if before.item == row.item:
                self._put_down(standing, before)
        standing = self._standing(take.resource_id)
        standing.add(row)
        self._places.add(row.booking, standing.number, row.days[0])

    def _put_down(self, standing: _Standing, row: _Row) -> None:
        standing.remove(row)
        self._places.remove(row.booking, standing.number, row.days[0])

    def _release(self, booking_id: UUID) -> dict[Key, Take]:
        gone = self._rows(booking_id.bytes)
        for standing, row in gone:
            self._put_down(standing, row)
        return {(booking_id, row.item): row.taken_from(standing.resource_id) for standing, row in gone}

    def _squeezed(self, resource_id: UUID, start: datetime, end: datetime, position: int) -> Iterator[Overuse]:
        """Each claim that is left without room by a change of capacity: what was overbooked had none anyway."""
        standing = self._standing(resource_id)
        first, last = _instant(start), _instant(end)
        for row in standing.around(first, last):
            takes_from, takes_to = row.occupied
            since, until = max(takes_from, first), min(takes_to, last)
            if since >= until or row.flags & _AUTHORISED:
                continue
            full = standing.fullest(since, until, self.capacity.get(resource_id, 0), everybody=False)
            if full.used > full.capacity:
                yield Overuse(
                    position, resource_id, _moment(full.at), full.used, full.capacity,
                    booking_id=UUID(bytes=row.booking),
                )  # fmt: skip

    def _judged(self, take: Take, had: Take | None, position: int) -> Iterator[Overuse]:
        """A claim beside all that stands. What an item had already it may keep."""
        resource_id = take.resource_id
        standing = self._standing(resource_id)
        row = _row_of(take)
        full = standing.fullest(*row.occupied, self.capacity.get(resource_id, 0))
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
            yield Overuse(
                position, resource_id, _moment(full.at), full.used, full.capacity, booking_id=take.booking_id
            )  # fmt: skip
        pace = self._pace.get(resource_id)
        paced = pace is not None and pace.units is not None
        if not (standing.shared or paced):
            return
        near = [other for other in standing.around(row.starts - _DAY, row.ends + _DAY) if other.key != row.key]
        if any(_too_near(row, other) for other in near):
            yield Overuse(position, resource_id, take.starts_at, full.used, full.capacity, "buffer", take.booking_id)
        if pace is not None and pace.units is not None:
            started = _started(row.starts, pace.minutes * _MINUTE, [row, *near])
            if started > pace.units:
                yield Overuse(position, resource_id, take.starts_at, started, pace.units, "pacing", take.booking_id)


def _too_near(one: _Row, other: _Row) -> bool:
    """As `Take.too_near`: whether the gap is smaller than the larger of the two buffers in it, where one is shared."""
    if not (one.flags | other.flags) & _SHARED:
        return False
    first, second = (one, other) if one.starts < other.starts else (other, one)
    return 0 <= second.starts - first.ends < max(first.after, second.before) * _MINUTE


def _started(at: int, window: int, rows: Iterable[_Row]) -> int:
    """The most units that start within any window of that length around an instant."""
    near = [row for row in rows if at - window < row.starts < at + window]
    begins = {row.starts for row in near if row.starts <= at}
    return max(sum(it.units for it in near if begin <= it.starts < begin + window) for begin in begins)


def _instant(moment: datetime) -> int:
    """In microseconds."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(instant: int) -> datetime:
    return _EPOCH + timedelta(microseconds=instant)


def _days(start: int, end: int) -> range:
    """The days (UTC) that a period touches: one at least."""
    return range(start // _DAY, max(start, end) // _DAY + 1)
