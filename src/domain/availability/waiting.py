"""Times of an offering that have come free, as a walk along a waitlist sees them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain import localtime
from domain.availability.choice import candidates, misfits, needed
from domain.availability.occupancy import Occupied
from domain.availability.setup import Reason, Request, Setup, Slot, Use
from domain.availability.slots import Question, minutes_for
from domain.errors import Refusal
from domain.period import Period
from domain.waitlist.entry import Entry
from domain.waitlist.events import Piece, Window
from domain.wall import DAY, MINUTE, Span, common, merged, micros, moment, without

A_DAY = timedelta(days=1)
MOST_KEPT = 50
"""Pieces that are set aside for one entry."""


class Asked(NamedTuple):
    """What one kind of wish looks like here: everything that is on sale to it, and what of it is free."""

    question: Question
    slots: Sequence[Slot]
    minutes: Sequence[int]
    """After midnight, on the wall: of each slot's start."""


class Times(Struct, frozen=True):
    """What became free of these resources within this period; who has a window over it waits for it.

    An entry is offered the first time that reaches into the period: what is free before or after may belong to it. As
    far as the buffers and the pacing go, what begins or ends beside the period may have become possible as well.
    """

    offering_id: UUID
    setup: Setup
    uses: Sequence[Use]
    """Of all that the offering can have, around the period."""
    now: datetime
    freed: Period
    resources: tuple[UUID, ...] | None = None
    """None: nobody knows; it may be any."""
    seen: dict[Request, Asked | None] = {}
    """Those who wish for the same are told the same."""
    able: dict[tuple[int, tuple[UUID, ...]], frozenset[UUID]] = {}
    """What could be part of anything for a party of this size that will have these resources only."""

    @property
    def notice(self) -> int:
        return self.setup.terms.notice

    @property
    def near(self) -> Period:
        """The period, and as far around it as it was in the way."""
        terms = self.setup.terms
        paced = [it.pacing.minutes for it in self.setup.resources.values() if it.pacing is not None]
        reach = timedelta(minutes=max(terms.before, terms.after, *paced, 0))
        return Period(self.freed.starts_at - reach, self.freed.ends_at + reach)

    def concerns(self, entry: Entry) -> bool:
        """Whether some time in the entry's window reaches into the period, on a resource that would do."""
        if entry.window is None or entry.offering_id != self.offering_id:
            return False
        able = self._able(entry)
        if not able or (self.resources is not None and not able & set(self.resources)):
            return False
        return self._may_use(entry, self.near)

    def places(self, entry: Entry, after: datetime) -> Iterator[tuple[Piece, ...]]:
        asked, near = self._asked(entry), self.near
        for slot, minute in () if asked is None else zip(asked.slots, asked.minutes, strict=True):
            if wished(entry, near, minute, slot.starts_at, slot.ends_at, after):
                yield self._pieces(slot)

    def rest(self, entry: Entry, after: datetime) -> tuple[Piece, ...]:
        """What is free of the times that it would like, in stretches that reach into the period: partial fits, that may
        become a whole one. What is kept for it already is free to it."""
        asked = self._asked(entry)
        if asked is None:
            return ()
        question, near = asked.question, self.near
        since, until = micros(near.starts_at), micros(near.ends_at)
        starts = question.grid()
        liked = merged(
            (micros(start), micros(end))
            for label, start, end in zip(starts.local, starts.moments, starts.ends, strict=True)
            if wished(entry, near, label % DAY, start, end, after)
        )
        units = {it.id: need.units for need in question.needed for one in need.candidates for it in one.members}
        kept = [piece for piece in entry.kept if piece.starts_at > after]
        found: list[Piece] = []
        for resource_id, most in units.items():
            resource = self.setup.resources[resource_id]
            free = [it for it in common(question.free(resource), liked) if it[0] < until and since < it[1]]
            found += levels(question.occupied(resource), free, most)
            found += beside([piece for piece in kept if piece.resource_id == resource_id], free)
        found += [piece for piece in kept if piece.resource_id not in units]
        pieces = tuple(sorted(joined(found), key=lambda it: (it.starts_at, it.resource_id))[:MOST_KEPT])
        return pieces if amount(pieces) > amount(kept) else ()

    def wanted(self, entry: Entry, pieces: Sequence[Piece]) -> bool:
        """Whether a time that it would like, as they are sold, lies over one of these."""
        window = entry.window
        if window is None or not self.concerns(entry) or (asked := self._asked(entry)) is None:
            return False
        able = self._able(entry)
        starts, lasting = asked.question.grid(), asked.question.minutes * MINUTE
        return any(
            window.opens <= label % DAY < window.closes
            for piece in pieces
            if piece.resource_id in able
            for label in starts.local[
                bisect_right(starts.at, micros(piece.starts_at) - lasting) : bisect_left(
                    starts.at, micros(piece.ends_at)
                )
            ]
        )

    def without(self, entry: Entry, pieces: Sequence[Piece]) -> "Times":
        left = [use for use in self.uses if use.booking_id != entry.id]
        left += [
            Use(it.resource_id, entry.id, n, it.starts_at, it.ends_at, it.units, it.before, it.after, it.shared)
            for n, it in enumerate(pieces)
        ]
        return replace(self, uses=left, seen={})

    def _asked(self, entry: Entry) -> Asked | None:
        """None: it is no longer sold as the entry wants it."""
        request = self._request(entry, self.near)
        if request not in self.seen:
            self.seen[request] = self._answered(request)
        return self.seen[request]

    def _answered(self, request: Request) -> Asked | None:
        if request.first > request.last:
            return None
        try:
            # How late is too late, the waitlist decides, by what it was set to.
            at_any_notice = replace(self.setup, terms=replace(self.setup.terms, notice=0))
            question = Question(at_any_notice, self.uses, request, self.now)
        except Refusal:
            return None
        found = question.slots()
        walls = [localtime.wall(slot.starts_at, self.setup.location.zone) for slot in found]
        return Asked(question, found, [wall.hour * 60 + wall.minute for wall in walls])

    def _request(self, entry: Entry, period: Period) -> Request:
        """The dates of the window on which a time that reaches into the period may start. What is set aside for the
        entry is not in its way."""
        window = entry.window
        assert window is not None
        early, late = localtime.dates_touched(period.starts_at, period.ends_at, self.setup.location.zone)
        first = max(window.first, early - A_DAY * (1 + self._minutes(entry) // 1440))
        own = entry.id if entry.kept else None
        found = asked(window, entry.party, first, min(window.last, late), own)
        if not window.resources:
            return found
        able = self._able(entry)  # of what it named, something may no longer be part of what is sold
        return replace(found, resource_ids=tuple(it for it in window.resources if it in able))

    def _minutes(self, entry: Entry) -> int:
        window = entry.window
        assert window is not None
        try:
            return minutes_for(self.setup, asked(window, entry.party, window.first, window.last))
        except Refusal:
            return 0

    def _may_use(self, entry: Entry, period: Period) -> bool:
        """Whether a time that the entry would like overlaps the period."""
        window, zone = entry.window, self.setup.location.zone
        assert window is not None
        lasting = timedelta(minutes=self._minutes(entry))
        request = self._request(entry, period)
        on = request.first
        while on <= request.last:
            opens = localtime.by_rule(localtime.day(on, window.opens), zone)
            closes = localtime.by_rule(localtime.day(on, window.closes), zone, closing=True)
            if opens < period.ends_at and period.starts_at < closes + lasting:
                return True
            on += A_DAY
        return False

    def _able(self, entry: Entry) -> frozenset[UUID]:
        """The resources that could be part of what the entry wants; none, where those it named are not sold so."""
        window = entry.window
        assert window is not None
        key = entry.party, window.resources
        if key not in self.able:
            request = asked(window, entry.party, window.first, window.last)
            found = [candidates(need, self.setup, request) for need in self.setup.terms.needs]
            able = frozenset(it for those in found for candidate in those for it in candidate.ids)
            self.able[key] = able if not window.resources or able & set(window.resources) else frozenset()
        return self.able[key]

    def _pieces(self, slot: Slot) -> tuple[Piece, ...]:
        terms = self.setup.terms
        return tuple(
            Piece(
                it, slot.starts_at, slot.ends_at, one.units, terms.before, terms.after,
                self.setup.resources[it].buffer_mode == "shared", one.role,
            )
            for one in slot.assignment
            for it in one.resource_ids
        )  # fmt: skip


def wished(entry: Entry, near: Period, minute: int, starts_at: datetime, ends_at: datetime, after: datetime) -> bool:
    """Whether a time, at that minute of the wall, lies in the window, is to come, and reaches into what is near."""
    window = entry.window
    assert window is not None
    return (
        starts_at > after
        and window.opens <= minute < window.closes
        and starts_at < near.ends_at
        and near.starts_at < ends_at
    )


def levels(occupied: Occupied, spans: Sequence[Span], most: int) -> Iterator[Piece]:
    """How many units are free of a resource within these stretches, up to so many, where each number holds."""
    edges = occupied.steps[0] if occupied.counted else []
    for low, high in spans:
        for start, end in pairwise([low, *(at for at in edges if low < at < high), high]):
            units = min(occupied.free(start, end), most) if occupied.counted else 1
            if units > 0:
                yield Piece(occupied.resource.id, moment(start), moment(end), units)


def beside(pieces: Sequence[Piece], spans: Sequence[Span]) -> Iterator[Piece]:
    """What of these pieces lies outside of the stretches."""
    for piece in pieces:
        for low, high in without([(micros(piece.starts_at), micros(piece.ends_at))], spans):
            yield replace(piece, starts_at=moment(low), ends_at=moment(high))


def joined(pieces: Iterable[Piece]) -> list[Piece]:
    """The same with what touches in one piece, where it is as many units of the same."""
    found: list[Piece] = []
    for piece in sorted(pieces, key=lambda it: (it.resource_id, it.starts_at)):
        longer = replace(found[-1], ends_at=piece.ends_at) if found and found[-1].ends_at == piece.starts_at else None
        if longer is not None and replace(longer, starts_at=piece.starts_at) == piece:
            found[-1] = longer
        else:
            found.append(piece)
    return found


def amount(pieces: Iterable[Piece]) -> timedelta:
    """Units times how long, of all of them."""
    return sum((piece.units * (piece.ends_at - piece.starts_at) for piece in pieces), timedelta(0))


def asked(window: Window, party: int, first: date, last: date, moving: UUID | None = None) -> Request:
    return Request(first, last, party, window.minutes, window.resources, moving)


def against_waiting(setup: Setup, window: Window, party: int) -> list[Reason]:
    """Why nothing in this window could ever be offered to a party of this size, whatever comes free."""
    request = asked(window, party, window.first, window.last)
    minutes_for(setup, request)
    needs = needed(setup, request)
    able = {it for need in needs for candidate in need.candidates for it in candidate.ids}
    found = misfits(needs, setup, request)
    told = {reason.resource_id for reason in found}
    unable = [Reason("DOES_NOT_FIT", resource_id=it) for it in window.resources if it not in able and it not in told]
    return [*found, *unable]
