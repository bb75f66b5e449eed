"""Waiting: for seats of a session, or for an offering at any time within a window."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct

from application.waitlist.commands import AcceptOffer, DeclineOffer, JoinWaitlist, LeaveWaitlist, SetWaitlist
from application.waitlist.queries import MOST_ENTRIES, TheEntry, WhoWaits
from domain.waitlist import events
from domain.waitlist.events import Settings
from interfaces.http.asked import (
    Asked,
    Because,
    Day,
    Page,
    PositionText,
    Reading,
    Reply,
    Written,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.schema import says

Minute = Annotated[int, Meta(ge=0, le=1440)]
Status = Literal["waiting", "offered", "accepted", "declined", "expired", "left", "lapsed"]


class WindowWish(Struct, frozen=True, forbid_unknown_fields=True):
    """A time that starts on these local dates, both included, so many minutes after midnight on the location's wall."""

    first: Day
    last: Day
    opens: Minute = 0
    closes: Minute = 1440
    """Exclusive."""
    minutes: Annotated[int, Meta(ge=1, le=525_600)] | None = None
    """How long; null: the offering's usual duration."""
    resources: Annotated[tuple[UUID, ...], Meta(max_length=50)] = ()
    """Only these will do; none: all that the offering can have."""


class NewEntry(Struct, frozen=True, forbid_unknown_fields=True):
    session_id: UUID | None = None
    """Seats of this session; or"""
    offering_id: UUID | None = None
    """this offering, at any time within the window."""
    window: WindowWish | None = None
    party: Annotated[int, Meta(ge=1, le=10_000)] = 1
    """So many seats, or so many people."""
    customer_id: UUID | None = None
    """Who waits. Customers wait for themselves."""
    priority: Annotated[int, Meta(ge=0, le=9)] | None = None
    """The class; 0 is asked first, 5 is usual. Only staff name one."""
    card_on_file: bool = False


class SettingsWish(Struct, frozen=True, forbid_unknown_fields=True):
    mode: events.Mode = "sequential"
    """One after the other, each offer a hold; all who fit at once, without holds, and the first wins; or booked at once
    for those whose card is on file, and offered to the others."""
    max_skips: Annotated[int, Meta(ge=0, le=100)] = 2
    """So often somebody may be passed over; then what is free is set aside for them."""
    offer_minutes: Annotated[int, Meta(ge=1, le=10_080)] = 15
    expired_goes_to_end: bool = False
    """Who lets an offer expire goes to the end of the list; else they leave it."""
    earmark_until: Annotated[int, Meta(ge=0, le=525_600)] | None = None
    """Minutes before the start at which nothing is set aside any more; null: when nothing is offered any more."""
    min_notice: Annotated[int, Meta(ge=0, le=525_600)] | None = None
    """Minutes before the start at which nothing is offered any more; null: the offering's own notice."""


class Piece(Struct, frozen=True, kw_only=True):
    """So many units of a resource; of a session, seats."""

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    units: int


class Accepted(Written, frozen=True, omit_defaults=True, kw_only=True):
    booking_id: UUID
    reference: str


class Waiting(Struct, frozen=True, kw_only=True):
    """Somebody who waits, with all that decides on their turn."""

    id: UUID
    location_id: UUID
    offering_id: UUID
    session_id: UUID | None
    window: events.Window | None
    customer_id: UUID | None
    party: int
    place: int | None
    """1 is asked first; counted among those who wait for the same. Null: no longer waiting."""
    priority: int
    """By this class first,"""
    joined_at: datetime
    """then by this moment,"""
    sequence: int
    """and last by this number."""
    skips: int
    """How often passed over. After `max_skips` what is free is set aside instead."""
    until: datetime
    """When waiting is over."""
    card_on_file: bool
    status: Status
    offered: tuple[Piece, ...]
    expires_at: datetime | None
    """When the offer ends, exclusive."""
    booking_id: UUID | None
    """The booking that is the offer; null of one that goes to the first who takes it."""
    kept: tuple[Piece, ...]
    """What is set aside by now,"""
    kept_until: datetime | None
    """and until when."""
    position: PositionText


class Step(Struct, frozen=True, kw_only=True):
    """What happened to it."""

    at: datetime
    what: str
    walk: UUID
    """All that was done at once, to whomever, has the same."""
    in_favour_of: UUID | None
    """Skipped or barred: the entry, later in the order, that was offered it; null: it was booked by somebody who did
    not wait, or nobody else waited for it."""
    reasons: tuple[str, ...]
    """Barred: why its person could not have what would have fitted: QUOTA, CUSTOMER_CONFLICT. It counts as no skip."""
    rules: tuple[str, ...]
    """Barred: the names of the quotas that were in the way."""
    booking_id: UUID | None
    pieces: tuple[Piece, ...]
    until: datetime | None
    then: str | None
    cause: str | None


class WaitingSince(Waiting, frozen=True, kw_only=True):
    """The same, with everything that happened to it: why it has its place, and why it was passed over."""

    steps: tuple[Step, ...]


class Waiters(Reading, frozen=True, forbid_unknown_fields=True, kw_only=True):
    location_id: UUID | None = None
    offering_id: UUID | None = None
    session_id: UUID | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_ENTRIES)] = 100


JOIN = {"session_id": "0198f2a0-7c1e-7000-8000-000000000001", "party": 2}


class Waitlist(Controller):
    path = "/waitlist"
    tags = ("waitlist",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewEntry, gives=Written, status=201, writes=True, makes=True, codes=(404, 422), example=JOIN),
    )
    def join_waitlist(self, request: Asked, body: RawBody) -> Reply:
        """Wait. What is free already and fits is offered at once."""
        wish = request.wish(body, NewEntry)
        occasion = request.writing()
        entry_id = new_id(occasion, "entry")
        command = JoinWaitlist(
            entry_id, wish.party, wish.session_id, wish.offering_id, window(wish.window), wish.customer_id,
            wish.priority, wish.card_on_file,
        )  # fmt: skip
        answer = request.carry_out(command, occasion)
        return written(answer, location=f"/api/v1/waitlist/{entry_id}", etag=False)

    @get(opt=says(gives=Page[Waiting], query=Waiters))
    async def who_waits(self, request: Asked) -> Reply:
        """Those who wait, in the order in which they are asked, and what decides on it. Customers see their own."""
        asked = request.parameters(Waiters)
        query = WhoWaits(asked.location_id, asked.offering_id, asked.session_id, asked.limit)
        found = await request.ask(query, request.reading(asked.min_position))
        return reply(Page([Waiting(**shown(it)) for it in found]))

    @get("/{entry_id:uuid}", opt=says(gives=WaitingSince, query=Reading))
    async def the_entry(self, request: Asked, entry_id: FromPath[UUID]) -> Reply:
        """One entry: its place and by what it has it, and what every walk along the list did with it."""
        asked = request.parameters(Reading)
        it = await request.ask(TheEntry(entry_id), request.reading(asked.min_position))
        steps = tuple(
            Step(at=s.at, what=s.what, walk=s.walk, in_favour_of=s.in_favour_of, reasons=s.reasons,
                 rules=s.rules, booking_id=s.booking_id,
                 pieces=pieces(s.pieces), until=s.until, then=s.then, cause=s.cause)
            for s in it.steps
        )  # fmt: skip
        return reply(WaitingSince(**shown(it), steps=steps))

    @delete(
        "/{entry_id:uuid}", sync_to_thread=True, status_code=200, opt=says(gives=Written, writes=True, codes=(404,))
    )
    def leave_waitlist(self, request: Asked, entry_id: FromPath[UUID], body: RawBody) -> Reply:
        """Wait no more. What is on offer is thereby declined."""
        request.no_body(body)
        return written(request.carry_out(LeaveWaitlist(entry_id), request.writing()), etag=False)

    @post(
        "/{entry_id:uuid}/acceptance",
        sync_to_thread=True,
        status_code=200,
        opt=says(takes=Because, gives=Accepted, writes=True, codes=(404, 409, 422), example={"reason": "it suits me"}),
    )
    def accept_offer(self, request: Asked, entry_id: FromPath[UUID], body: RawBody) -> Reply:
        """Take what is on offer: the booking is firm."""
        wish = request.wish(body, Because)
        return written(request.carry_out(AcceptOffer(entry_id), request.writing(wish.reason)), etag=False)

    @post(
        "/{entry_id:uuid}/decline",
        sync_to_thread=True,
        status_code=200,
        opt=says(takes=Because, gives=Written, writes=True, codes=(404, 422), example={"reason": "by phone"}),
    )
    def decline_offer(self, request: Asked, entry_id: FromPath[UUID], body: RawBody) -> Reply:
        """Leave what is on offer to the next, and the list."""
        wish = request.wish(body, Because)
        return written(request.carry_out(DeclineOffer(entry_id), request.writing(wish.reason)), etag=False)


class WaitlistOfLocation(Controller):
    path = "/locations/{location_id:uuid}/waitlist"
    tags = ("waitlist",)

    @put(
        sync_to_thread=True,
        opt=says(takes=SettingsWish, gives=Written, writes=True, codes=(404, 422), example={"max_skips": 1}),
    )
    def set_waitlist(self, request: Asked, location_id: FromPath[UUID], body: RawBody) -> Reply:
        """How those who wait here are served, where an offering has no settings of its own."""
        settings = rules(request.wish(body, SettingsWish))
        return written(request.carry_out(SetWaitlist(location_id, settings), request.writing()), etag=False)

    @put(
        "/{offering_id:uuid}",
        sync_to_thread=True,
        opt=says(takes=SettingsWish, gives=Written, writes=True, codes=(404, 422), example={"mode": "broadcast"}),
    )
    def set_waitlist_of_offering(
        self, request: Asked, location_id: FromPath[UUID], offering_id: FromPath[UUID], body: RawBody
    ) -> Reply:
        """How those who wait for this offering are served."""
        settings = rules(request.wish(body, SettingsWish))
        command = SetWaitlist(location_id, settings, offering_id)
        return written(request.carry_out(command, request.writing()), etag=False)


def rules(wish: SettingsWish) -> Settings:
    return Settings(
        wish.mode, wish.max_skips, wish.offer_minutes, wish.expired_goes_to_end, wish.earmark_until, wish.min_notice
    )


def window(wish: WindowWish | None) -> events.Window | None:
    if wish is None:
        return None
    first, last = date.fromisoformat(wish.first), date.fromisoformat(wish.last)
    return events.Window(first, last, wish.opens, wish.closes, wish.minutes, wish.resources)


def shown(it: Any) -> dict[str, Any]:
    """The fields that an entry is shown with."""
    found = {name: getattr(it, name) for name in Waiting.__struct_fields__}
    return {**found, "offered": pieces(it.offered), "kept": pieces(it.kept), "position": str(it.position)}


def pieces(these: Iterable[events.Piece]) -> tuple[Piece, ...]:
    return tuple(
        Piece(resource_id=it.resource_id, starts_at=it.starts_at, ends_at=it.ends_at, units=it.units) for it in these
    )
