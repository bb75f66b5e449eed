"""Bookings, and every step of their lives."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct, field

from application.booking.commands import (
    Amend,
    Approve,
    Cancel,
    CheckIn,
    CheckOut,
    Complete,
    Confirm,
    Decline,
    ExtendHold,
    MarkNoShow,
    MovedItem,
    Overbook,
    OverbookReversal,
    Pin,
    PlaceHold,
    ReleaseHold,
    RequestApproval,
    Reschedule,
    ReverseCancellation,
    ReverseNoShow,
    SettlePayment,
    StartPayment,
    WantedItem,
)  # fmt: skip
from application.booking.queries import Competitors, HistoryOfBooking, HowManyBookings, TheBooking, WhoIsBooked
from application.booking.seating import Reassign, Reassigned
from application.message import Command
from domain.booking.booking import SCHEMA_ORG, Status
from domain.booking.events import CancelledBy, Item
from domain.period import instant
from interfaces.http.asked import (
    Asked,
    Because,
    CursorText,
    Instant,
    Limit,
    Page,
    Paging,
    PositionText,
    Reading,
    Reason,
    Reply,
    When,
    Written,
    after,
    cursor,
    etag,
    instant_in_query,
    moment,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.errors import BadCursor
from interfaces.http.schema import says

Units = Annotated[int, Meta(ge=1, le=10_000)]
Number = Annotated[int, Meta(ge=1, le=50, description="The number of an item within its booking: it never changes.")]
Reference = Annotated[str, Meta(pattern="^[2-9A-HJKMNP-TV-Z]{8}$", description="As people read it aloud.")]


# What is sent


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """One resource from `starts_at` until `ends_at`, which is no longer part of it."""

    resource_id: UUID
    starts_at: When
    ends_at: When
    units: Units = 1


class Moved(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an item goes."""

    item: Number
    resource_id: UUID
    starts_at: When
    ends_at: When
    units: Units = 1


class NewBooking(Struct, frozen=True, forbid_unknown_fields=True):
    """All items are held together, or none."""

    location_id: UUID
    items: Annotated[tuple[Wanted, ...], Meta(min_length=1, max_length=50)]
    party_size: Units | None = None
    customer_id: UUID | None = None
    """Whose booking it is; a customer's own is theirs without saying."""
    then: Literal["hold", "confirm", "request_approval"] = "hold"
    """What comes after the hold, in the same breath."""
    overbook: Reason | None = None
    """Take it although there is no room, for this reason: for managers, who answer for it."""
    reason: Reason | None = None


class NewTimes(Struct, frozen=True, forbid_unknown_fields=True):
    """Items that are not named stay as they are."""

    items: Annotated[tuple[Moved, ...], Meta(min_length=1, max_length=50)]
    reason: Reason | None = None


class NewParty(Struct, frozen=True, forbid_unknown_fields=True):
    party_size: Units | None = None
    reason: Reason | None = None


class Cancelling(Struct, frozen=True, forbid_unknown_fields=True):
    by: CancelledBy = "venue"
    """Who does not want it any more. A customer's own cancellation is always the customer's."""
    reason: Reason | None = None


class Asking(Struct, frozen=True, forbid_unknown_fields=True):
    """The venue is asked to agree."""

    deadline: Instant | None = None
    """When it is decided by itself; none: it waits."""
    on_timeout: Literal["decline", "approve"] = "decline"
    blocks: bool = True
    """Whether it occupies what it asks for meanwhile. If not, it is looked at again when it is approved."""
    reason: Reason | None = None


class OtherUnit(Struct, frozen=True, forbid_unknown_fields=True):
    item: Number
    resource_id: UUID


class OtherUnits(Struct, frozen=True, forbid_unknown_fields=True):
    """Other units for the same time."""

    items: Annotated[tuple[OtherUnit, ...], Meta(min_length=1, max_length=50)]
    reason: Reason | None = None


class Paid(Struct, frozen=True, forbid_unknown_fields=True):
    """Money that was taken at the desk, or whose news did not come by itself."""

    payment_id: UUID
    reason: Reason | None = None


class Why(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Reason | None = None


class TakenAgain(Why, frozen=True, forbid_unknown_fields=True, kw_only=True):
    overbook: Reason | None = None
    """Take it although somebody else has it, for this reason: for managers, who answer for it."""


class ShownAfterAll(Why, frozen=True, forbid_unknown_fields=True, kw_only=True):
    to: Literal["confirmed", "checked_in"] = "confirmed"
    """They are still expected, or had come."""


class Filters(Paging, frozen=True, forbid_unknown_fields=True, kw_only=True):
    location_id: UUID | None = None
    resource_id: UUID | None = None
    customer_id: UUID | None = None
    reference: Reference | None = None
    status: Status | None = None
    since: Instant | None = field(default=None, name="from")
    """Only bookings with an item that ends after this instant."""
    until: Instant | None = field(default=None, name="to")
    """Only bookings with an item that starts before this instant."""


class Counting(Reading, frozen=True, forbid_unknown_fields=True, kw_only=True):
    location_id: UUID | None = None


class Following(Reading, frozen=True, forbid_unknown_fields=True, kw_only=True):
    limit: Limit = 100
    cursor: CursorText | None = None


# What is answered


class Booking(Struct, frozen=True):
    """A booking as it stands."""

    id: UUID
    version: int
    reference: str
    status: Status
    """A hold past its expiry is shown as expired, whether or not anybody has swept."""
    location_id: UUID
    customer_id: UUID | None
    party_size: int | None
    items: tuple[Item, ...]
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime | None
    """When the hold dies; null once it is more than a hold."""
    deadline: datetime | None
    """When a request for approval is decided by itself."""
    pinned: bool
    """It keeps the units it has."""
    offering_id: UUID | None
    series_id: UUID | None
    booked_at: datetime
    changed_at: datetime
    position: PositionText
    reservation_status: str
    """The same as schema.org says it."""


class Step(Written, frozen=True, omit_defaults=True, kw_only=True):
    """What a write made of the booking."""

    status: Status
    reference: str | None = None
    """Of a new booking."""
    hold_token: str | None = None
    """Of a stranger's new hold: the secret to be sent as Daybook-Hold-Token with all that they do with it. It is told
    here alone."""
    expires_at: datetime | None = None
    """Of a hold that lives longer now."""
    late: bool = False
    """Of a cancellation: it came so late that quotas still count the booking."""
    refund_owed: bool = False
    """The payment came too late: all of it is to be given back."""


class By(Struct, frozen=True, omit_defaults=True):
    """Who acted. Customers are not told which member of the staff it was."""

    type: str
    role: str
    id: str | None = None


class Happened(Struct, frozen=True):
    """One thing that happened to a booking."""

    version: int
    action: str
    recorded_at: datetime
    occurred_at: datetime
    """When it happened: earlier than it was recorded where a history was imported."""
    actor: By
    channel: str
    reason: str | None
    facts: dict[str, Any]
    position: PositionText


class Count(Struct, frozen=True):
    location_id: UUID
    status: Status
    bookings: int


NEW_BOOKING = {
    "location_id": "0197a3f0-0000-7000-8000-000000000001",
    "items": [
        {
            "resource_id": "0197a3f0-0000-7000-8000-000000000002",
            "starts_at": "2027-03-15T18:00",
            "ends_at": "2027-03-15T19:00",
        }
    ],
    "party_size": 2,
    "then": "confirm",
}
NEW_TIMES = {
    "items": [
        {
            "item": 1,
            "resource_id": "0197a3f0-0000-7000-8000-000000000002",
            "starts_at": "2027-03-15T19:00:00+00:00",
            "ends_at": "2027-03-15T20:00:00+00:00",
        }
    ]
}


def step(takes: Any = Because, example: Any = None) -> dict[str, Any]:
    """A step in a booking's life, with a body."""
    return says(
        takes=takes, gives=Step, writes=True, etag=True, if_match=True, example=example or {"reason": "by phone"}
    )


def undo(query: Any = Why) -> dict[str, Any]:
    """A step back, without a body."""
    return says(query=query, gives=Step, writes=True, etag=True, if_match=True)


class Bookings(Controller):
    path = "/bookings"
    tags = ("bookings",)

    @post(
        sync_to_thread=True,
        opt=says(
            takes=NewBooking,
            gives=Step,
            status=201,
            writes=True,
            makes=True,
            etag=True,
            codes=(429,),
            example=NEW_BOOKING,
        ),
    )
    def place_hold(self, request: Asked, body: RawBody) -> Reply:
        """Hold one or more items; confirm them in the same breath, or ask the venue to agree. 409 where somebody was
        first; 422 with every reason where it is not offered so."""
        wish = request.wish(body, NewBooking)
        occasion = request.writing(wish.reason)
        booking_id = new_id(occasion, "booking")
        items = tuple(WantedItem(item.resource_id, *period(item, n), item.units) for n, item in enumerate(wish.items))
        more = {} if wish.overbook is None else {"why": wish.overbook}
        kind = PlaceHold if wish.overbook is None else Overbook
        command = kind(booking_id, wish.location_id, items, wish.party_size, wish.customer_id, wish.then, **more)
        return written(request.carry_out(command, occasion), location=f"/api/v1/bookings/{booking_id}")

    @get(opt=says(gives=Page[Booking], query=Filters))
    async def who_is_booked(self, request: Asked) -> Reply:
        """Bookings in the order of their start."""
        asked = request.parameters(Filters)
        query = WhoIsBooked(
            asked.location_id, asked.resource_id, asked.customer_id, asked.reference, asked.status,
            instant_in_query(asked.since, "from"), instant_in_query(asked.until, "to"),
            where_it_ended(asked.cursor), asked.limit,
        )  # fmt: skip
        found = await request.ask(query, request.reading(asked.min_position))
        return reply(Page([shown(it) for it in found.rows], cursor(found.next)))

    @get("/counts", opt=says(gives=Page[Count], query=Counting))
    async def how_many_bookings(self, request: Asked) -> Reply:
        """How many bookings there are, per location and status."""
        asked = request.parameters(Counting)
        return reply(Page(await request.ask(HowManyBookings(asked.location_id), request.reading(asked.min_position))))

    @get("/{booking_id:uuid}", opt=says(gives=Booking, query=Reading, etag=True))
    async def the_booking(self, request: Asked, booking_id: FromPath[UUID]) -> Reply:
        """One booking."""
        asked = request.parameters(Reading)
        it = await request.ask(TheBooking(booking_id), request.reading(asked.min_position))
        return reply(shown(it), etag(it.version))

    @get("/{booking_id:uuid}/events", opt=says(gives=Page[Happened], query=Following))
    async def history_of_booking(self, request: Asked, booking_id: FromPath[UUID]) -> Reply:
        """What happened to a booking, event by event."""
        asked = request.parameters(Following)
        last = after(asked.cursor, Annotated[int, Meta(ge=1, le=2**62)])
        query = HistoryOfBooking(booking_id, last or 0, asked.limit)
        found = await request.ask(query, request.reading(asked.min_position))
        own = request.user.actor
        rows = [
            Happened(
                it.version, it.action, it.recorded_at, it.occurred_at,
                By(it.actor.type, it.actor.role, None if own.role == "customer" != it.actor.role else it.actor.id),
                it.channel, it.reason, it.facts, str(it.position),
            )
            for it in found.rows
        ]  # fmt: skip
        return reply(Page(rows, cursor(found.next)))

    @post("/{booking_id:uuid}/confirmation", sync_to_thread=True, opt=step())
    def confirm(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The held booking is firm."""
        return taken(request, body, lambda: Confirm(booking_id))

    @get("/{booking_id:uuid}/competitors", opt=says(gives=Page[Booking], query=Reading))
    async def competitors(self, request: Asked, booking_id: FromPath[UUID]) -> Reply:
        """Who else waits for one of its resources at one of its times, in the order in which they asked: to be seen
        before one of them is approved."""
        asked = request.parameters(Reading)
        occasion = request.reading(asked.min_position)
        found = await request.ask(Competitors(booking_id), occasion)
        await request.ask(TheBooking(booking_id), occasion)  # that nobody competes with what is not here is no answer
        return reply(Page([shown(it) for it in found]))

    @post("/{booking_id:uuid}/hold-extension", sync_to_thread=True, opt=step())
    def extend_hold(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """Its holder needs longer. How often, and until when at most, the organization's policy says."""
        return taken(request, body, lambda: ExtendHold(booking_id))

    @post("/{booking_id:uuid}/payment-start", sync_to_thread=True, opt=step())
    def start_payment(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The customer is at the till: the hold lives until they can have paid."""
        return taken(request, body, lambda: StartPayment(booking_id))

    @post(
        "/{booking_id:uuid}/payment",
        sync_to_thread=True,
        opt=step(Paid, {"payment_id": "0197a3f0-0000-7000-8000-000000000003"}),
    )
    def settle_payment(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The money is here. A hold that is alive is firm; one that has expired is taken again if it is still free;
        else it stays expired, and `refund_owed` says that all of the payment is to be given back."""
        wish = request.wish(body, Paid)
        command = SettlePayment(booking_id, wish.payment_id)
        return written(request.carry_out(command, request.writing(wish.reason, request.seen)))

    @post("/{booking_id:uuid}/approval-request", sync_to_thread=True, opt=step(Asking, {"on_timeout": "decline"}))
    def request_approval(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The venue has to agree, by the deadline where one is given."""
        wish = request.wish(body, Asking)
        deadline = None if wish.deadline is None else instant(moment(wish.deadline, "deadline"))
        command = RequestApproval(booking_id, deadline, wish.on_timeout, wish.blocks)
        return written(request.carry_out(command, request.writing(wish.reason, request.seen)))

    @post("/{booking_id:uuid}/approval", sync_to_thread=True, opt=step())
    def approve(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The venue agrees."""
        return taken(request, body, lambda: Approve(booking_id))

    @post("/{booking_id:uuid}/decline", sync_to_thread=True, opt=step())
    def decline(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The venue does not agree."""
        return taken(request, body, lambda: Decline(booking_id))

    @post("/{booking_id:uuid}/amendment", sync_to_thread=True, opt=step(NewParty, {"party_size": 4}))
    def amend(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """Something other than time and place changes."""
        wish = request.wish(body, NewParty)
        command = Amend(booking_id, wish.party_size)
        return written(request.carry_out(command, request.writing(wish.reason, request.seen)))

    @post("/{booking_id:uuid}/reschedule", sync_to_thread=True, opt=step(NewTimes, NEW_TIMES))
    def reschedule(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """Other times or other resources for its items. Its own time is not in its way; if the new one cannot be had,
        it keeps the old one whole."""
        wish = request.wish(body, NewTimes)
        items = tuple(
            MovedItem(item.item, item.resource_id, *period(item, n), item.units) for n, item in enumerate(wish.items)
        )
        command = Reschedule(booking_id, items)
        return written(request.carry_out(command, request.writing(wish.reason, request.seen)))

    @post("/{booking_id:uuid}/check-in", sync_to_thread=True, opt=step())
    def check_in(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The guest has arrived."""
        return taken(request, body, lambda: CheckIn(booking_id))

    @post("/{booking_id:uuid}/check-out", sync_to_thread=True, opt=step())
    def check_out(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """They leave. What is left of their time is free again."""
        return taken(request, body, lambda: CheckOut(booking_id))

    @post("/{booking_id:uuid}/pin", sync_to_thread=True, opt=step())
    def pin(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """From now on it keeps the units it has."""
        return taken(request, body, lambda: Pin(booking_id))

    @post(
        "/{booking_id:uuid}/reassignment",
        sync_to_thread=True,
        opt=step(OtherUnits, {"items": [{"item": 1, "resource_id": "0197a3f0-0000-7000-8000-000000000002"}]}),
    )
    def reassign(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """Other units for the same time: another table, another court. Not once it is pinned."""
        wish = request.wish(body, OtherUnits)
        command = Reassign(booking_id, tuple(Reassigned(item.item, item.resource_id) for item in wish.items))
        return written(request.carry_out(command, request.writing(wish.reason, request.seen)))

    @post("/{booking_id:uuid}/completion", sync_to_thread=True, opt=step())
    def complete(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The visit is over."""
        return taken(request, body, lambda: Complete(booking_id))

    @post("/{booking_id:uuid}/cancellation", sync_to_thread=True, opt=step(Cancelling, {"by": "customer"}))
    def cancel(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """It will not take place."""
        wish = request.wish(body, Cancelling)
        command = Cancel(booking_id, wish.by)
        return written(request.carry_out(command, request.writing(wish.reason, request.seen)))

    @delete("/{booking_id:uuid}/cancellation", status_code=200, sync_to_thread=True, opt=undo(TakenAgain))
    def reverse_cancellation(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """The cancellation was a mistake. The items are taken again, if they still can be."""
        return back(request, body, TakenAgain, lambda asked: (
            ReverseCancellation(booking_id) if asked.overbook is None
            else OverbookReversal(booking_id, why=asked.overbook)
        ))  # fmt: skip

    @post("/{booking_id:uuid}/no-show", sync_to_thread=True, opt=step())
    def mark_no_show(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """Nobody came."""
        return taken(request, body, lambda: MarkNoShow(booking_id))

    @delete("/{booking_id:uuid}/no-show", status_code=200, sync_to_thread=True, opt=undo(ShownAfterAll))
    def reverse_no_show(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """They had come after all, or are still expected."""
        return back(request, body, ShownAfterAll, lambda asked: ReverseNoShow(booking_id, asked.to))

    @delete("/{booking_id:uuid}/hold", status_code=200, sync_to_thread=True, opt=undo())
    def release_hold(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """Its holder gives the hold back."""
        return back(request, body, Why, lambda _: ReleaseHold(booking_id))


def taken(request: Asked, body: bytes, command: Callable[[], Command]) -> Reply:
    """A step of which nothing need be said but why."""
    wish = request.wish(body, Because)
    return written(request.carry_out(command(), request.writing(wish.reason, request.seen)))


def back(request: Asked, body: bytes, kind: type[Why], command: Callable[[Any], Command]) -> Reply:
    """A step back."""
    request.no_body(body)
    asked = request.parameters(kind)
    return written(request.carry_out(command(asked), request.writing(asked.reason, request.seen)))


def period(item: Wanted | Moved, n: int) -> tuple[datetime, datetime]:
    return moment(item.starts_at, f"items[{n}].starts_at"), moment(item.ends_at, f"items[{n}].ends_at")


def where_it_ended(text: str | None) -> tuple[datetime, UUID] | None:
    last: tuple[datetime, UUID] | None = after(text, tuple[Annotated[datetime, Meta(tz=True)], UUID])
    if last is not None and not 1900 < last[0].year < 2300:
        raise BadCursor
    return last


def shown(it: Any) -> Booking:
    """A row of the calendar, as this door shows it."""
    return Booking(
        it.id, it.version, it.reference, it.status, it.location_id, it.customer_id, it.party_size, it.items,
        it.starts_at, it.ends_at, it.expires_at, it.deadline, it.pinned, it.offering_id, it.series_id, it.booked_at,
        it.changed_at, str(it.position),
        SCHEMA_ORG[it.status],
    )  # fmt: skip
