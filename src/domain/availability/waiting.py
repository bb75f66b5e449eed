"""Times of an offering that have come free, as a walk along a waitlist sees them."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain import localtime
from domain.availability.choice import candidates, misfits, needed
from domain.availability.occupancy import Occupied, by_resource
from domain.availability.setup import Reason, Request, Setup, Slot, Use
from domain.availability.slots import minutes_for, slots
from domain.errors import Refusal
from domain.period import Period, most_at_once
from domain.waitlist.entry import Entry
from domain.waitlist.events import Piece, Window
from domain.wall import micros

A_DAY = timedelta(days=1)
NOBODY = UUID(int=0)


class Times(Struct, frozen=True):
    """What became free of these resources within this period; who has a window over it waits for it.

    An entry is offered the first time that reaches into the period: what is free before or after may belong to it.
    """

    offering_id: UUID
    setup: Setup
    uses: Sequence[Use]
    """Of all that the offering can have, around the period."""
    now: datetime
    freed: Period
    resources: tuple[UUID, ...] | None = None
    """None: nobody knows what became free; then nothing of it can be set aside."""

    @property
    def notice(self) -> int:
        return self.setup.terms.notice

    def concerns(self, entry: Entry) -> bool:
        """Whether some time in the entry's window reaches into the period, on a resource that would do."""
        if entry.window is None or entry.offering_id != self.offering_id:
            return False
        able = self._able(entry)
        if not able or (self.resources is not None and not able & set(self.resources)):
            return False
        return self._may_use(entry, self.freed)

    def place(self, entry: Entry, after: datetime) -> tuple[Piece, ...]:
        found = next(self._slots(entry, after), None)
        return () if found is None else self._pieces(found)

    def rest(self, entry: Entry) -> tuple[Piece, ...]:
        starts_at = max(self.freed.starts_at, self.now)
        if starts_at >= self.freed.ends_at:
            return ()
        most = max((need.units for need in needed(self.setup, self._request(entry, self.freed))), default=1)
        able = self._able(entry)
        new = tuple(
            Piece(resource, starts_at, self.freed.ends_at, min(free, most))
            for resource in self.resources or ()
            if resource in able and (free := self._free(resource, starts_at, self.freed.ends_at)) > 0
        )
        return (*entry.kept, *new) if new else ()

    def wanted(self, entry: Entry, pieces: Sequence[Piece]) -> bool:
        able = self._able(entry)
        return self.concerns(entry) and any(
            piece.resource_id in able and self._may_use(entry, Period(piece.starts_at, piece.ends_at))
            for piece in pieces
        )

    def without(self, entry: Entry, pieces: Sequence[Piece]) -> "Times":
        left = [use for use in self.uses if use.booking_id != entry.id]
        left += [
            Use(it.resource_id, NOBODY, n, it.starts_at, it.ends_at, it.units, it.before, it.after, it.shared)
            for n, it in enumerate(pieces)
        ]
        return replace(self, uses=left)

    def _slots(self, entry: Entry, after: datetime) -> Iterator[Slot]:
        window = entry.window
        request = self._request(entry, self.freed)
        if window is None or request.first > request.last:
            return
        try:
            # How late is too late, the waitlist decides, by what it was set to.
            at_any_notice = replace(self.setup, terms=replace(self.setup.terms, notice=0))
            found = slots(at_any_notice, self.uses, request, self.now)
        except Refusal:  # it is no longer sold as the entry wants it
            return
        for slot in found:
            local = localtime.wall(slot.starts_at, self.setup.location.zone)
            minute = local.hour * 60 + local.minute
            if (
                slot.starts_at > after
                and window.opens <= minute < window.closes
                and slot.starts_at < self.freed.ends_at
                and self.freed.starts_at < slot.ends_at
            ):
                yield slot

    def _request(self, entry: Entry, period: Period) -> Request:
        """The dates of the window on which a time that reaches into the period may start. What is set aside for the
        entry is not in its way."""
        window = entry.window
        assert window is not None
        early, late = localtime.dates_touched(period.starts_at, period.ends_at, self.setup.location.zone)
        first = max(window.first, early - A_DAY * (1 + self._minutes(entry) // 1440))
        return asked(window, entry.party, first, min(window.last, late), entry.id)

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

    def _able(self, entry: Entry) -> set[UUID]:
        """The resources that could be part of what the entry wants; none, where those it named are not sold so."""
        window = entry.window
        assert window is not None
        request = asked(window, entry.party, window.first, window.last)
        found = [candidates(need, self.setup, request) for need in self.setup.terms.needs]
        able = {it for those in found for candidate in those for it in candidate.ids}
        return able if not window.resources or able & set(window.resources) else set()

    def _free(self, resource_id: UUID, starts_at: datetime, ends_at: datetime) -> int:
        """Units free throughout, by the claims that live."""
        resource = self.setup.resources[resource_id]
        occupied = Occupied(resource, by_resource(self.uses, self.now).get(resource_id, ()))
        if occupied.counted:
            return occupied.free(micros(starts_at), micros(ends_at))
        living = [
            (max(use.starts_at - timedelta(minutes=use.before), starts_at),
             min(use.ends_at + timedelta(minutes=use.after), ends_at), use.units)
            for use in self.uses
            if use.resource_id == resource_id and (use.expires_at is None or use.expires_at > self.now)
        ]  # fmt: skip
        return resource.capacity - most_at_once(it for it in living if it[0] < it[1])[1]

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


def asked(window: Window, party: int, first: date, last: date, moving: UUID | None = None) -> Request:
    return Request(first, last, party, window.minutes, window.resources, moving)


def against_waiting(setup: Setup, window: Window, party: int) -> list[Reason]:
    """Why nothing in this window could ever be offered to a party of this size, whatever comes free."""
    request = asked(window, party, window.first, window.last)
    minutes_for(setup, request)
    needs = needed(setup, request)
    able = {it for need in needs for candidate in need.candidates for it in candidate.ids}
    strange = [Reason("DOES_NOT_FIT", resource_id=it) for it in window.resources if it not in able]
    return [*misfits(needs, setup, request), *strange]
