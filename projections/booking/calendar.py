"""The calendar: one row for each booking as it stands, and one for each of its items, by which it is found."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import BIGINT, INTERVAL, JSONB, TEXT, TIMESTAMP

from application.booking.queries import MOST_ROWS, Competitors, HowManyBookings, TheBooking, WhoIsBooked
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.booking import events
from domain.booking.booking import LONGEST, STATUS_AFTER, Status
from domain.booking.errors import UnknownBooking
from domain.booking.events import Item
from domain.event import Event
from projections.mine import BESIDE, mine
from projections.view import (
    TABLES,
    Answer,
    Asked,
    Change,
    Put,
    Remove,
    Row,
    Set,
    View,
    alive,
    bounded,
    compiled,
    compiling,
    many,
    one,
    own,
    page,
)  # fmt: skip

MOMENT = TIMESTAMP(timezone=True)

BOOKING = Table(
    "booking", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("reference", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("customer_id", Uuid),
    Column("party_size", Integer),
    Column("items", JSONB, nullable=False),
    Column("starts_at", MOMENT, nullable=False),
    Column("ends_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT),
    Column("deadline", MOMENT),
    Column("pinned", Boolean, nullable=False),
    Column("offering_id", Uuid),
    Column("series_id", Uuid),
    Column("booked_at", MOMENT, nullable=False),
    Column("changed_at", MOMENT, nullable=False),
    # References are unique by construction; should that ever fail, it must not go unnoticed.
    UniqueConstraint("tenant", "reference", name="booking_reference"),
    Index("booking_start", "tenant", "starts_at", "id"),
    Index("booking_location", "tenant", "location_id", "starts_at", "id"),
    Index("booking_customer", "tenant", "customer_id", "starts_at", "id"),
)  # fmt: skip

ITEM = Table(
    "booking_item", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("booking_id", Uuid, primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("resource_id", Uuid, nullable=False),
    Column("starts_at", MOMENT, nullable=False),
    Column("ends_at", MOMENT, nullable=False),
    Index("booking_item_resource", "tenant", "resource_id", "starts_at"),
    Index("booking_item_start", "tenant", "starts_at"),
    info={"group": 2},
)  # fmt: skip


class BookingAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    """Where the last event that changed it stands in the log."""
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
    """When the hold dies; None once it is more than a hold."""
    deadline: datetime | None
    """When a request for approval is decided by itself."""
    pinned: bool
    offering_id: UUID | None
    series_id: UUID | None
    booked_at: datetime
    changed_at: datetime


class Count(Struct, frozen=True):
    location_id: UUID
    status: Status
    bookings: int


_items = msgspec.json.Decoder(tuple[Item, ...]).decode


def _booking(
    id: UUID, version: int, position: int, reference: str, status: Status, location_id: UUID, customer_id: UUID | None,
    party_size: int | None, items: str, *rest: Any,
) -> BookingAsItStands:  # fmt: skip
    return BookingAsItStands(
        id, version, position, reference, status, location_id, customer_id, party_size, _items(items), *rest
    )


_status = alive(BOOKING.c.status, BOOKING.c.expires_at)
_columns = (
    BOOKING.c.id, BOOKING.c.version, BOOKING.c.position, BOOKING.c.reference, _status, BOOKING.c.location_id,
    BOOKING.c.customer_id, BOOKING.c.party_size, BOOKING.c["items"].cast(TEXT), BOOKING.c.starts_at, BOOKING.c.ends_at,
    BOOKING.c.expires_at, BOOKING.c.deadline, BOOKING.c.pinned, BOOKING.c.offering_id, BOOKING.c.series_id,
    BOOKING.c.booked_at, BOOKING.c.changed_at,
)  # fmt: skip

_BY_ID = select(*_columns).where(BOOKING.c.tenant == bindparam("tenant"), BOOKING.c.id == bindparam("id"))
THE_BOOKING = compiled(_BY_ID, "tenant", "id").text
THE_OWN_BOOKING = compiled(_BY_ID.where(mine(BOOKING.c.customer_id)))
_THE_BOOKING = one(_booking, UnknownBooking)


@compiling
def _who_is_booked(given: frozenset[str]) -> Any:
    """The filters that were given, by name; bookings are found by period through their items."""
    statement = select(*_columns).where(BOOKING.c.tenant == bindparam("tenant"))
    for name in sorted(given & {"location_id", "customer_id", "reference"}):
        statement = statement.where(BOOKING.c[name] == bindparam(name))
    if "own" in given:
        statement = statement.where(mine(BOOKING.c.customer_id))
    if "status" in given:
        statement = statement.where(_status == bindparam("status"))
    wanted = []
    if "resource_id" in given:
        wanted.append(ITEM.c.resource_id == bindparam("resource_id"))
    if "overlaps_from" in given:
        since = bindparam("overlaps_from", type_=MOMENT)
        # No item lasts longer, so that the index need not be read from its beginning.
        longest = literal_column(f"interval '{LONGEST.days} days'", INTERVAL)
        wanted += [ITEM.c.ends_at > since, ITEM.c.starts_at > since - longest]
    if "overlaps_before" in given:
        wanted.append(ITEM.c.starts_at < bindparam("overlaps_before"))
    if wanted:
        of_it = and_(ITEM.c.tenant == BOOKING.c.tenant, ITEM.c.booking_id == BOOKING.c.id)
        statement = statement.where(exists().where(of_it, ITEM.c.tenant == bindparam("tenant"), *wanted))
    if "after" in given:
        row = tuple_(BOOKING.c.starts_at, BOOKING.c.id)
        statement = statement.where(row > tuple_(bindparam("after_start"), bindparam("after_id")))
    return statement.order_by(BOOKING.c.starts_at, BOOKING.c.id).limit(bindparam("limit"))


@compiling
def _how_many(given: frozenset[str]) -> Any:
    statement = select(BOOKING.c.location_id, _status.label("shown"), func.count())
    statement = statement.where(BOOKING.c.tenant == bindparam("tenant"))
    if "location_id" in given:
        statement = statement.where(BOOKING.c.location_id == bindparam("location_id"))
    return statement.group_by(BOOKING.c.location_id, "shown").order_by(BOOKING.c.location_id, "shown")


_OURS, _THEIRS = ITEM.alias("ours"), ITEM.alias("theirs")
COMPETITORS = compiled(
    select(*_columns)
    .where(
        BOOKING.c.tenant == bindparam("tenant"),
        BOOKING.c.status == literal_column("'pending_approval'"),
        BOOKING.c.id != bindparam("booking_id"),
        exists().where(
            _OURS.c.tenant == bindparam("tenant"),
            _OURS.c.booking_id == bindparam("booking_id"),
            _THEIRS.c.tenant == _OURS.c.tenant,
            _THEIRS.c.booking_id == BOOKING.c.id,
            _THEIRS.c.resource_id == _OURS.c.resource_id,
            _THEIRS.c.starts_at < _OURS.c.ends_at,
            _OURS.c.starts_at < _THEIRS.c.ends_at,
        ),
    )
    .order_by(BOOKING.c.booked_at, BOOKING.c.id)
    .limit(bindparam("limit"))
)


class Calendar(View):
    name: ClassVar[str] = "calendar"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (BOOKING, ITEM)

    # learning

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    # answering

    def answers(self) -> Mapping[type[Query], Answer]:
        return {
            TheBooking: self.the_booking,
            WhoIsBooked: self.who_is_booked,
            HowManyBookings: self.how_many_bookings,
            Competitors: self.competitors,
        }

    def the_booking(self, query: TheBooking, occasion: Occasion, scope: Scope) -> Asked:
        if scope == "own":
            values = {"tenant": occasion.tenant, "id": query.booking_id, "own": own(occasion)}
            return Asked(THE_OWN_BOOKING.text, THE_OWN_BOOKING.asked(values), _THE_BOOKING)
        return Asked(THE_BOOKING, (occasion.tenant, query.booking_id), _THE_BOOKING)

    def who_is_booked(self, query: WhoIsBooked, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        asked = {name: getattr(query, name) for name in FILTERS}
        given = {name: value for name, value in asked.items() if value is not None}
        if scope == "own":
            given["own"] = own(occasion)
        statement = _who_is_booked(frozenset(given))
        start, last = query.after or (None, None)
        values = {**given, "tenant": occasion.tenant, "after_start": start, "after_id": last, "limit": limit + 1}
        return Asked(
            statement.text, statement.asked(values), page(_booking, limit, lambda row: (row.starts_at, row.id))
        )

    def competitors(self, query: Competitors, occasion: Occasion, scope: Scope) -> Asked:
        """In the order in which they asked."""
        values = {
            "tenant": occasion.tenant, "booking_id": query.booking_id, "limit": bounded(query.limit, MOST_ROWS),
        }  # fmt: skip
        return Asked(COMPETITORS.text, COMPETITORS.asked(values), many(_booking))

    def how_many_bookings(self, query: HowManyBookings, occasion: Occasion, scope: Scope) -> Asked:
        statement = _how_many(frozenset() if query.location_id is None else frozenset({"location_id"}))
        values = {"tenant": occasion.tenant, "location_id": query.location_id}
        return Asked(statement.text, statement.asked(values), many(Count))


FILTERS = (
    "location_id",
    "resource_id",
    "customer_id",
    "reference",
    "status",
    "overlaps_from",
    "overlaps_before",
    "after",
)


# what each fact does


def _held(recorded: RecordedEvent, fact: events.BookingHeld) -> Sequence[Change]:
    at = recorded.occurred_at
    row: Row = {
        "tenant": recorded.tenant, "id": recorded.stream, "version": recorded.version, "position": recorded.position,
        "reference": fact.reference, "status": "held", "location_id": fact.location_id,
        "customer_id": fact.customer_id, "party_size": fact.party_size, **_when(fact.items),
        "expires_at": fact.expires_at, "deadline": None, "pinned": False, "offering_id": fact.offering_id,
        "series_id": fact.series_id, "booked_at": at, "changed_at": at,
    }  # fmt: skip
    return (Put(BOOKING, row), *_items_of(recorded, fact.items))


def _amended(recorded: RecordedEvent, fact: events.BookingAmended) -> Sequence[Change]:
    return (_changed(recorded, {} if fact.party_size is None else {"party_size": fact.party_size}),)


def _extended(recorded: RecordedEvent, fact: events.BookingHoldExtended) -> Sequence[Change]:
    return (_changed(recorded, {"expires_at": fact.expires_at}),)


def _being_paid(recorded: RecordedEvent, fact: events.BookingPaymentStarted) -> Sequence[Change]:
    return (_changed(recorded, {"status": "pending_payment", "expires_at": fact.expires_at}),)


def _asked(recorded: RecordedEvent, fact: events.BookingApprovalRequested) -> Sequence[Change]:
    return (_changed(recorded, {"status": "pending_approval", "expires_at": None, "deadline": fact.deadline}),)


def _decided(status: Status) -> Callable[[RecordedEvent, Any], Sequence[Change]]:
    values = {"status": status, "deadline": None}
    return lambda recorded, _: (_changed(recorded, values),)


def _moved(
    recorded: RecordedEvent, fact: events.BookingRescheduled | events.BookingReassigned | events.BookingReanchored
) -> Sequence[Change]:
    return _with_items(recorded, fact.items, {})


def _taken_again(recorded: RecordedEvent, fact: events.BookingCancellationReversed) -> Sequence[Change]:
    return _with_items(recorded, fact.items, {"status": fact.to})


def _reacquired(recorded: RecordedEvent, fact: events.BookingHoldReacquired) -> Sequence[Change]:
    return _with_items(recorded, fact.items, {"status": "held", "expires_at": None})


def _left(recorded: RecordedEvent, fact: events.BookingCheckedOut) -> Sequence[Change]:
    return _with_items(recorded, fact.items, {"status": "completed"})


def _with_items(recorded: RecordedEvent, items: Sequence[Item], values: Row) -> Sequence[Change]:
    group = (recorded.tenant, recorded.stream)
    return (_changed(recorded, {**_when(items), **values}), Remove(ITEM, group), *_items_of(recorded, items))


def _pinned(recorded: RecordedEvent, fact: events.BookingPinned) -> Sequence[Change]:
    return (_changed(recorded, {"pinned": True}),)


def _noted(recorded: RecordedEvent, fact: Event) -> Sequence[Change]:
    """Nothing that is shown here but the version."""
    return (_changed(recorded, {}),)


def _shown_after_all(recorded: RecordedEvent, fact: events.BookingNoShowReversed) -> Sequence[Change]:
    return (_changed(recorded, {"status": fact.to}),)


def _turns(status: Status) -> Callable[[RecordedEvent, Any], Sequence[Change]]:
    values = {"status": status, "expires_at": None}
    return lambda recorded, _: (_changed(recorded, values),)


def _changed(recorded: RecordedEvent, values: Row) -> Set:
    row = {
        "version": recorded.version, "position": recorded.position, "changed_at": recorded.occurred_at, **values,
    }  # fmt: skip
    return Set(BOOKING, (recorded.tenant, recorded.stream), row)


def _when(items: Sequence[Item]) -> Row:
    return {
        "items": items,
        "starts_at": min(item.starts_at for item in items),
        "ends_at": max(item.ends_at for item in items),
    }


def _items_of(recorded: RecordedEvent, items: Sequence[Item]) -> list[Put]:
    return [
        Put(ITEM, {
            "tenant": recorded.tenant, "booking_id": recorded.stream, "item": item.item,
            "resource_id": item.resource_id, "starts_at": item.starts_at, "ends_at": item.ends_at,
        })
        for item in items
    ]  # fmt: skip


LEARNS: dict[type[Event], Callable[[RecordedEvent, Any], Sequence[Change]]] = {
    **{fact: _turns(status) for fact, status in STATUS_AFTER.items()},
    events.BookingHeld: _held,
    events.BookingHoldExtended: _extended,
    events.BookingPaymentStarted: _being_paid,
    events.BookingHoldReacquired: _reacquired,
    events.BookingPaymentCameTooLate: _noted,
    events.BookingLinksRevoked: _noted,
    events.BookingOverbookingAuthorised: _noted,
    events.BookingApprovalRequested: _asked,
    events.BookingApproved: _decided("confirmed"),
    events.BookingDeclined: _decided("declined"),
    events.BookingAmended: _amended,
    events.BookingRescheduled: _moved,
    events.BookingReassigned: _moved,
    events.BookingReanchored: _moved,
    events.BookingPinned: _pinned,
    events.BookingCheckedOut: _left,
    events.BookingCancellationReversed: _taken_again,
    events.BookingNoShowReversed: _shown_after_all,
}
