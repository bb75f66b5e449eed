"""What can be booked, and why not."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from litestar import Controller, get, post
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct, field

from application.availability.queries import Offered, OfferedOf, TooMuchAtOnce, WhatIsOffered
from application.booking.placing import BookOffering, BookSeats, MoveOffering, OverbookOffering, OverbookSeats
from domain import localtime
from domain.availability.sale import priced
from domain.availability.setup import Assigned, Reason, Refused, Slot
from domain.availability.slots import TooManyDays
from interfaces.http.asked import (
    Asked,
    Day,
    PositionText,
    Reading,
    Reply,
    When,
    moment,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.asked import Reason as Why
from interfaces.http.booking import Step, Units, step
from interfaces.http.errors import BadQuery, Incoherent, Wrong
from interfaces.http.schema import says

MOST_DAYS = 62
MOST_ASKED = 200
MOST_STARTS = 150_000
Minutes = Annotated[int, Meta(ge=1, le=576_000)]
Zone = Annotated[str, Meta(min_length=1, max_length=64, description="An IANA zone, for example Europe/Lisbon.")]


# What is sent


class Asking(Reading, frozen=True, forbid_unknown_fields=True, kw_only=True):
    offering_id: UUID | None = None
    """What is sold; or `resource_id`: one resource by itself."""
    resource_id: UUID | None = None
    """Of an offering: only this will do."""
    first: Day = field(name="from")
    """The first local date at the location..."""
    last: Day = field(name="to")
    """...and the last."""
    party_size: Units = 1
    minutes: Minutes | None = None
    step: Annotated[int, Meta(ge=1, le=1440)] | None = None
    """Of a resource by itself: minutes from one start to the next; else as long as it lasts."""
    units: Units = 1
    moving: UUID | None = None
    """A booking that would be moved, of a customer one of their own: its own time is not in its way."""
    zone: Zone | None = None
    """The wall on which the answer is shown besides."""
    customer_id: UUID | None = None
    """Whose quotas and other bookings are looked at; a customer's own always are."""
    explain: bool = False
    """Also what cannot be booked, and why not."""


class Searching(Struct, frozen=True, forbid_unknown_fields=True):
    """Many resources at once, each with its own answer."""

    resource_ids: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=MOST_ASKED)]
    first: Day = field(name="from")
    last: Day = field(name="to")
    offering_id: UUID | None = None
    """As what this offering sells; else by themselves."""
    party_size: Units = 1
    minutes: Minutes | None = None
    step: Annotated[int, Meta(ge=1, le=1440)] | None = None
    units: Units = 1
    moving: UUID | None = None
    """A booking that would be moved, of a customer one of their own: its own time is not in its way."""
    zone: Zone | None = None
    customer_id: UUID | None = None
    """Whose quotas and other bookings are looked at; a customer's own always are."""
    explain: bool = False
    """Also what cannot be booked, and why not."""
    spans: bool = False
    """Not starts but the stretches in which each is free: what a calendar draws."""
    min_position: PositionText | None = None


class NewOfferingBooking(Struct, frozen=True, forbid_unknown_fields=True):
    """One of the slots that were shown, or another that would be."""

    starts_at: When
    minutes: Minutes | None = None
    party_size: Units = 1
    resource_ids: Annotated[tuple[UUID, ...], Meta(max_length=50)] = ()
    """Only these will do."""
    customer_id: UUID | None = None
    then: Literal["hold", "confirm"] = "hold"
    override: bool = False
    """Staff pass over notice, horizon and steps; say why in `reason`."""
    overbook: Why | None = None
    """Take it although there is no room, for this reason: for managers, who answer for it."""
    reason: Why | None = None


class NewSeats(Struct, frozen=True, forbid_unknown_fields=True):
    seats: Units = 1
    customer_id: UUID | None = None
    then: Literal["hold", "confirm"] = "hold"
    overbook: Why | None = None
    """Take them although none are left, for this reason: for managers, who answer for it."""
    reason: Why | None = None


class Moving(Struct, frozen=True, forbid_unknown_fields=True):
    starts_at: When
    minutes: Minutes | None = None
    """How long; unsaid, as long as before."""
    resource_ids: Annotated[tuple[UUID, ...], Meta(max_length=50)] = ()
    override: bool = False
    reason: Why | None = None


# What is answered


class Start(Struct, frozen=True, omit_defaults=True):
    """One start. With `reasons` it cannot be booked."""

    starts_at: str | None
    """On the location's wall, with its offset; null where the clocks skip it."""
    ends_at: str | None = None
    viewer_starts_at: str | None = None
    """The same instant on the wall that was asked for."""
    local: str | None = None
    """Of what cannot be booked: the label on the wall."""
    remaining: int = 0
    """How often it could be booked beside itself; of a session, how many seats are left."""
    price_from: int | None = None
    """In minor units of the currency."""
    assignment: Sequence[Assigned] = ()
    """Who or what it would be now; chosen anew when it is booked."""
    reasons: Sequence[Reason] = ()
    session_id: UUID | None = None
    """Of what is sold by session: whose seats these are. They are booked there."""


class Free(Struct, frozen=True):
    """A unit of it is free from then until then."""

    starts_at: str
    ends_at: str


class OfferedHere(Struct, frozen=True):
    resource_id: UUID | None
    data: Sequence[Start]
    free: Sequence[Free] = ()


class Availability(Struct, frozen=True):
    zone: str
    as_of: datetime
    minutes: int
    offering_version: int | None
    currency: str | None
    data: Sequence[Start]


class AvailabilityOfMany(Struct, frozen=True):
    zone: str
    as_of: datetime
    minutes: int
    offering_version: int | None
    currency: str | None
    data: Sequence[OfferedHere]


A_SLOT = {"starts_at": "2027-03-15T18:00+00:00", "party_size": 2, "then": "confirm"}
MANY = {
    "resource_ids": ["0197a3f0-0000-7000-8000-000000000002"],
    "from": "2027-03-15",
    "to": "2027-03-21",
    "minutes": 60,
}


class Offers(Controller):
    path = "/availability"
    tags = ("availability",)

    @get(opt=says(gives=Availability, query=Asking, codes=(400, 404, 422)))
    async def availability(self, request: Asked) -> Reply:
        """The slots of an offering, or of one resource by itself; with `explain=true` also every start that cannot be
        booked, with all the reasons in their fixed order. Of an offering that is sold by session only: its sessions.
        Nobody is told who else has booked."""
        asked = request.parameters(Asking)
        if asked.offering_id is None and asked.resource_id is None:
            raise Incoherent(errors=[Wrong("Name an offering_id or a resource_id.")])
        first, last = dates(asked.first, asked.last, 1, asked.step or asked.minutes or 60)
        resources = () if asked.resource_id is None else (asked.resource_id,)
        query = WhatIsOffered(
            first, last, asked.offering_id, resources, False, asked.party_size, asked.minutes, asked.step, asked.units,
            asked.moving, asker(request, asked.customer_id), explain=asked.explain,
        )  # fmt: skip
        viewer = viewed(asked.zone)
        offered: Offered = await request.ask(query, request.reading(asked.min_position))
        (only,) = offered.found
        return reply(Availability(*told(offered), starts(only, offered, viewer, asked.party_size)))

    @post(
        "/search",
        status_code=200,
        opt=says(takes=Searching, gives=AvailabilityOfMany, codes=(400, 404, 422), example=MANY),
    )
    async def search(self, request: Asked, body: RawBody) -> Reply:
        """Many resources at once, each by itself or as what an offering sells."""
        asked = request.wish(body, Searching)
        step = asked.step or asked.minutes or 60
        first, last = dates(asked.first, asked.last, len(asked.resource_ids), step)
        query = WhatIsOffered(
            first, last, asked.offering_id, tuple(dict.fromkeys(asked.resource_ids)), True, asked.party_size,
            asked.minutes, asked.step, asked.units, asked.moving, asker(request, asked.customer_id),
            explain=asked.explain, spans=asked.spans,
        )  # fmt: skip
        viewer = viewed(asked.zone)
        offered: Offered = await request.ask(query, request.reading(asked.min_position))
        data = [
            OfferedHere(it.resource_id, starts(it, offered, viewer, asked.party_size), stretches(it, offered.zone))
            for it in offered.found
        ]
        return reply(AvailabilityOfMany(*told(offered), data))


class BookingsOfOfferings(Controller):
    path = ""
    tags = ("bookings",)

    @post(
        "/offerings/{offering_id:uuid}/bookings",
        sync_to_thread=True,
        opt=says(
            takes=NewOfferingBooking,
            gives=Step,
            status=201,
            writes=True,
            makes=True,
            etag=True,
            codes=(429,),
            example=A_SLOT,
        ),
    )
    def book_offering(self, request: Asked, offering_id: FromPath[UUID], body: RawBody) -> Reply:
        """Book a slot. What fills the offering's needs is chosen now, by the same rules that showed the slot. 409 where
        others were first, 422 where it is not offered so; both with every reason."""
        wish = request.wish(body, NewOfferingBooking)
        occasion = request.writing(wish.reason)
        booking_id = new_id(occasion, "booking")
        more = {} if wish.overbook is None else {"why": wish.overbook}
        kind = BookOffering if wish.overbook is None else OverbookOffering
        command = kind(
            booking_id, offering_id, moment(wish.starts_at, "starts_at"), wish.minutes, wish.party_size,
            wish.resource_ids, wish.customer_id, wish.then, wish.override, **more,
        )  # fmt: skip
        return written(request.carry_out(command, occasion), location=f"/api/v1/bookings/{booking_id}")

    @post(
        "/sessions/{session_id:uuid}/bookings",
        sync_to_thread=True,
        opt=says(
            takes=NewSeats,
            gives=Step,
            status=201,
            writes=True,
            makes=True,
            etag=True,
            codes=(429,),
            example={"seats": 1, "then": "confirm"},
        ),
    )
    def book_seats(self, request: Asked, session_id: FromPath[UUID], body: RawBody) -> Reply:
        """Book seats in a session: a booking of its own, cancelled by itself."""
        wish = request.wish(body, NewSeats)
        occasion = request.writing(wish.reason)
        booking_id = new_id(occasion, "booking")
        more = {} if wish.overbook is None else {"why": wish.overbook}
        kind = BookSeats if wish.overbook is None else OverbookSeats
        command = kind(booking_id, session_id, wish.seats, wish.customer_id, wish.then, **more)
        return written(request.carry_out(command, occasion), location=f"/api/v1/bookings/{booking_id}")

    @post("/bookings/{booking_id:uuid}/move", sync_to_thread=True, opt=step(Moving, {"starts_at": "2027-03-15T19:00"}))
    def move_offering(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The same offering at another time. Its own time is not in its way; if the new one cannot be had, it keeps the
        old one whole."""
        wish = request.wish(body, Moving)
        command = MoveOffering(
            booking_id, moment(wish.starts_at, "starts_at"), wish.minutes, wish.resource_ids, wish.override
        )
        return written(request.carry_out(command, request.writing(wish.reason, request.seen)))


def asker(request: Asked, named: UUID | None) -> UUID | None:
    """Whose quotas: a customer's own, or of whom the staff say."""
    actor = request.user.actor
    if actor.role != "customer":
        return named
    try:
        return named or UUID(actor.acts_for)
    except ValueError:
        return None


def dates(first: str, last: str, many: int, step: int) -> tuple[date, date]:
    """The dates asked for, if the answer would not be too large."""
    try:
        since, until = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise BadQuery(errors=[Wrong(f"There is no such date: {error}")]) from None
    days = (until - since).days + 1
    if not 1 <= days <= MOST_DAYS:
        raise TooManyDays(f"A search covers 1 to {MOST_DAYS} days, `to` not before `from`.", days=days)
    if many * days * (1440 // min(step, 1440)) > MOST_STARTS:
        raise TooMuchAtOnce(starts=many * days * (1440 // min(step, 1440)))
    return since, until


def viewed(zone: str | None) -> str | None:
    if zone is not None:
        localtime.zone(zone)
    return zone


def told(offered: Offered) -> tuple[str, datetime, int, int | None, str | None]:
    currency = None if offered.price is None else offered.price.currency
    return offered.zone, offered.as_of, offered.minutes, offered.offering_version, currency


def starts(of: OfferedOf, offered: Offered, viewer: str | None, party: int) -> list[Start]:
    cost = priced(offered.price, offered.minutes, party)
    return [
        shown(it, offered.zone, viewer, cost if it.session_id is None else priced(offered.price, lasting(it), party))
        for it in of.slots
    ]


def lasting(it: Slot | Refused) -> int:
    """Whole minutes."""
    return (it.ends_at - it.starts_at) // timedelta(minutes=1) if isinstance(it, Slot) else 0


def stretches(of: OfferedOf, zone: str) -> list[Free]:
    return [Free(localtime.offset_form(start, zone), localtime.offset_form(end, zone)) for start, end in of.free]


def shown(it: Slot | Refused, zone: str, viewer: str | None, cost: int | None) -> Start:
    at = None if it.starts_at is None else localtime.offset_form(it.starts_at, zone)
    seen = None if it.starts_at is None or viewer is None else localtime.offset_form(it.starts_at, viewer)
    if isinstance(it, Refused):
        local = it.local.isoformat(timespec="minutes")
        return Start(at, None, seen, local, reasons=it.reasons, session_id=it.session_id)
    ends_at = localtime.offset_form(it.ends_at, zone)
    return Start(at, ends_at, seen, None, it.remaining, cost, it.assignment, session_id=it.session_id)
