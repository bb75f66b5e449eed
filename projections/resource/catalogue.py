"""The catalogue: what there is to book, and how much of it is in use on each day."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    Table,
    Uuid,
    any_,
    bindparam,
    distinct,
    func,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP

from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from application.resource.queries import Catalogue as Listed
from application.resource.queries import OccupancyPerDay, TheResource
from domain import localtime
from domain.booking import events as booking
from domain.booking.booking import LONGEST, STATUS_AFTER, Status
from domain.event import Event
from domain.hours import WeeklyHours
from domain.resource import events
from domain.resource.errors import UnknownResource
from domain.resource.resource import Pacing
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
    page,
)  # fmt: skip

MOST_ROWS = 500

RESOURCE = Table(
    "resource", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("name", TEXT(collation="C"), nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("hours", JSONB),
    Column("retired", Boolean, nullable=False),
    Column("features", JSONB, nullable=False),
    Column("seats", JSONB),
    Column("cost", Integer, nullable=False),
    Column("pacing", JSONB),
    Column("buffer_mode", TEXT, nullable=False),
    Column("sold_by_itself", Boolean, nullable=False),
    Index("resource_name", "tenant", "name", "id"),
)  # fmt: skip

# One row for each item of a booking, with the local dates that it touches where it takes place.
STAY = Table(
    "stay", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("booking_id", Uuid, primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("location_id", Uuid, nullable=False),
    Column("resource_id", Uuid, nullable=False),
    Column("first_resource_id", Uuid, nullable=False),
    Column("first_date", Date, nullable=False),
    Column("last_date", Date, nullable=False),
    Column("units", Integer, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("expires_at", TIMESTAMP(timezone=True)),
    Index("stay_date", "tenant", "first_date"),
    info={"group": 2},
)  # fmt: skip


class ResourceAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    location_id: UUID
    name: str
    kind: str
    capacity: int
    hours: WeeklyHours | None
    retired: bool
    """It takes no new bookings; those it has stand."""
    features: tuple[str, ...]
    seats: events.Seats | None
    cost: int
    pacing: Pacing | None
    buffer_mode: events.BufferMode
    sold_by_itself: bool
    """Customers may book it by name."""


class DayOfResource(Struct, frozen=True):
    """One resource on one local date. Where nothing is booked there is no row."""

    resource_id: UUID
    date: date
    bookings: int
    units: int
    """Units of all items with an instant on that date."""
    arrivals: int
    """Of these, the units of items that begin on it."""
    departures: int
    """Of these, the units of items that end on it."""
    overnight: int
    """Of these, the units still in use at the midnight that ends it."""


_hours = msgspec.json.Decoder(WeeklyHours | None).decode
_features = msgspec.json.Decoder(tuple[str, ...]).decode
_seats = msgspec.json.Decoder(events.Seats | None).decode
_pacing = msgspec.json.Decoder(Pacing | None).decode


def _resource(
    id: UUID, version: int, position: int, location_id: UUID, name: str, kind: str, capacity: int, hours: str | None,
    retired: bool, features: str, seats: str | None, cost: int, pacing: str | None, buffer_mode: events.BufferMode,
    sold_by_itself: bool,
) -> ResourceAsItStands:  # fmt: skip
    return ResourceAsItStands(
        id, version, position, location_id, name, kind, capacity, None if hours is None else _hours(hours), retired,
        _features(features), None if seats is None else _seats(seats), cost,
        None if pacing is None else _pacing(pacing), buffer_mode, sold_by_itself,
    )  # fmt: skip


_RESOURCES = select(
    RESOURCE.c.id, RESOURCE.c.version, RESOURCE.c.position, RESOURCE.c.location_id, RESOURCE.c.name, RESOURCE.c.kind,
    RESOURCE.c.capacity, RESOURCE.c.hours.cast(TEXT), RESOURCE.c.retired, RESOURCE.c.features.cast(TEXT),
    RESOURCE.c.seats.cast(TEXT), RESOURCE.c.cost, RESOURCE.c.pacing.cast(TEXT), RESOURCE.c.buffer_mode,
    RESOURCE.c.sold_by_itself,
).where(RESOURCE.c.tenant == bindparam("tenant"))  # fmt: skip
THE_RESOURCE = compiled(_RESOURCES.where(RESOURCE.c.id == bindparam("id")), "tenant", "id").text


@compiling
def _listed(given: frozenset[str]) -> Any:
    statement = _RESOURCES
    if "location_id" in given:
        statement = statement.where(RESOURCE.c.location_id == bindparam("location_id"))
    if "after" in given:
        last = tuple_(bindparam("after_name"), bindparam("after_id"))
        statement = statement.where(tuple_(RESOURCE.c.name, RESOURCE.c.id) > last)
    return statement.order_by(RESOURCE.c.name, RESOURCE.c.id).limit(bindparam("limit"))


@compiling
def _occupancy(given: frozenset[str]) -> Any:
    """Each stay is laid out over the dates that it touches within the period, and those are counted."""
    first, last = bindparam("first", type_=Date), bindparam("last", type_=Date)
    resource = STAY.c.first_resource_id if "reserved" in given else STAY.c.resource_id
    since = func.greatest(STAY.c.first_date, first)
    none = literal_column("0", Integer)
    days = (
        func.generate_series(none, func.least(STAY.c.last_date, last) - since).table_valued("n").render_derived("day")
    )
    on = (since + days.c.n).cast(Date).label("on")
    units = func.sum(STAY.c.units)
    longest = literal_column(str(LONGEST.days + 1), Integer)
    statement = (
        select(
            resource.label("resource"), on, func.count(distinct(STAY.c.booking_id)), units,
            func.coalesce(units.filter(STAY.c.first_date == since + days.c.n), none),
            func.coalesce(units.filter(STAY.c.last_date == since + days.c.n), none),
            func.coalesce(units.filter(STAY.c.last_date > since + days.c.n), none),
        )
        .select_from(STAY.join(days, true()))
        .where(
            STAY.c.tenant == bindparam("tenant"),
            STAY.c.first_date <= last,
            STAY.c.last_date >= first,
            STAY.c.first_date >= first - longest,
            alive(STAY.c.status, STAY.c.expires_at) == any_(bindparam("statuses", type_=ARRAY(TEXT))),
        )
    )  # fmt: skip
    if "location_id" in given:
        statement = statement.where(STAY.c.location_id == bindparam("location_id"))
    if "resource_id" in given:
        statement = statement.where(resource == bindparam("resource_id"))
    return statement.group_by("resource", "on").order_by("on", "resource")


class Catalogue(View):
    name: ClassVar[str] = "catalogue"
    tables: ClassVar[tuple[Table, ...]] = (RESOURCE, STAY)

    # learning

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    # answering

    def answers(self) -> Mapping[type[Query], Answer]:
        return {
            TheResource: self.the_resource,
            Listed: self.catalogue,
            OccupancyPerDay: self.occupancy_per_day,
        }

    def the_resource(self, query: TheResource, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(THE_RESOURCE, (occasion.tenant, query.resource_id), one(_resource, UnknownResource))

    def catalogue(self, query: Listed, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        statement = _listed(_given(query, "location_id", "after"))
        name, last = query.after or (None, None)
        values = {
            "tenant": occasion.tenant, "location_id": query.location_id, "after_name": name, "after_id": last,
            "limit": limit + 1,
        }  # fmt: skip
        return Asked(statement.text, statement.asked(values), page(_resource, limit, lambda row: (row.name, row.id)))

    def occupancy_per_day(self, query: OccupancyPerDay, occasion: Occasion, scope: Scope) -> Asked:
        given = _given(query, "location_id", "resource_id")
        statement = _occupancy(given | {query.by})
        values = {
            "tenant": occasion.tenant, "first": query.first, "last": query.last, "statuses": list(query.statuses),
            "location_id": query.location_id, "resource_id": query.resource_id,
        }  # fmt: skip
        return Asked(statement.text, statement.asked(values), many(DayOfResource))


def _given(query: Query, *names: str) -> frozenset[str]:
    return frozenset(name for name in names if getattr(query, name) is not None)


# what each fact does to resources


def _registered(recorded: RecordedEvent, fact: events.ResourceRegistered) -> Sequence[Change]:
    row: Row = {
        "tenant": recorded.tenant, "id": recorded.stream, "version": recorded.version, "position": recorded.position,
        "location_id": fact.location_id, "name": fact.name, "kind": fact.kind, "capacity": fact.capacity,
        "hours": fact.hours, "retired": False, "features": (), "seats": None, "cost": 0, "pacing": None,
        "buffer_mode": "exclusive", "sold_by_itself": True,
    }  # fmt: skip
    return (Put(RESOURCE, row),)


def _renamed(recorded: RecordedEvent, fact: events.ResourceRenamed) -> Sequence[Change]:
    return _changed(recorded, {"name": fact.name})


def _resized(recorded: RecordedEvent, fact: events.ResourceCapacityChanged) -> Sequence[Change]:
    return _changed(recorded, {"capacity": fact.capacity})


def _reopened(recorded: RecordedEvent, fact: events.ResourceHoursChanged) -> Sequence[Change]:
    return _changed(recorded, {"hours": fact.hours})


def _described(recorded: RecordedEvent, fact: events.ResourceDescribed) -> Sequence[Change]:
    return _changed(recorded, {"features": fact.features, "seats": fact.seats, "cost": fact.cost})


def _paced(recorded: RecordedEvent, fact: events.ResourcePacingSet) -> Sequence[Change]:
    return _changed(recorded, {"pacing": None if fact.units is None else Pacing(fact.units, fact.minutes)})


def _buffered(recorded: RecordedEvent, fact: events.ResourceBufferModeSet) -> Sequence[Change]:
    return _changed(recorded, {"buffer_mode": fact.mode})


def _sold(recorded: RecordedEvent, fact: events.ResourceSellingSet) -> Sequence[Change]:
    return _changed(recorded, {"sold_by_itself": fact.by_itself})


def _calendar(recorded: RecordedEvent, fact: Event) -> Sequence[Change]:
    """What differs from the weekly hours stands in the timetable; here the version moves on."""
    return _changed(recorded, {})


def _pooled(recorded: RecordedEvent, fact: Event) -> Sequence[Change]:
    """A pool names its members; here the version moves on."""
    return _changed(recorded, {})


def _retired(recorded: RecordedEvent, fact: events.ResourceRetired) -> Sequence[Change]:
    return _changed(recorded, {"retired": True})


def _changed(recorded: RecordedEvent, values: Row) -> Sequence[Change]:
    values = {"version": recorded.version, "position": recorded.position, **values}
    return (Set(RESOURCE, (recorded.tenant, recorded.stream), values),)


# and to stays


def _held(recorded: RecordedEvent, fact: booking.BookingHeld) -> Sequence[Change]:
    return [
        Put(STAY, {
            "tenant": recorded.tenant, "booking_id": recorded.stream, "item": item.item,
            "location_id": fact.location_id, "first_resource_id": item.resource_id, **_where(item), "status": "held",
            "expires_at": fact.expires_at,
        })
        for item in fact.items
    ]  # fmt: skip


def _moved(
    recorded: RecordedEvent,
    fact: booking.BookingRescheduled
    | booking.BookingReassigned
    | booking.BookingReanchored
    | booking.BookingCancellationReversed,
) -> list[Change]:
    """Items keep their numbers for life, so that each row is found again, and with it where it was first booked."""
    return [Set(STAY, (recorded.tenant, recorded.stream, item.item), _where(item)) for item in fact.items]


def _living(
    recorded: RecordedEvent, fact: booking.BookingHoldExtended | booking.BookingPaymentStarted
) -> Sequence[Change]:
    values: Row = {"expires_at": fact.expires_at}
    if (status := STATUS_AFTER.get(type(fact))) is not None:
        values["status"] = status
    return (Set(STAY, (recorded.tenant, recorded.stream), values),)


def _left(recorded: RecordedEvent, fact: booking.BookingCheckedOut) -> Sequence[Change]:
    stayed = [Set(STAY, (recorded.tenant, recorded.stream, item.item), _where(item)) for item in fact.items]
    unused = [Remove(STAY, (recorded.tenant, recorded.stream, item)) for item in fact.unused]
    return [*stayed, *unused, _turned(recorded, "completed")]


def _taken_again(recorded: RecordedEvent, fact: booking.BookingCancellationReversed) -> Sequence[Change]:
    return [*_moved(recorded, fact), _turned(recorded, fact.to)]


def _shown_after_all(recorded: RecordedEvent, fact: booking.BookingNoShowReversed) -> Sequence[Change]:
    return (_turned(recorded, fact.to),)


def _turns(status: Status) -> Callable[[RecordedEvent, Any], Sequence[Change]]:
    return lambda recorded, _: (_turned(recorded, status),)


def _turned(recorded: RecordedEvent, status: Status) -> Set:
    return Set(STAY, (recorded.tenant, recorded.stream), {"status": status, "expires_at": None})


def _where(item: booking.Item) -> Row:
    first, last = localtime.dates_touched(item.starts_at, item.ends_at, item.zone)
    return {"resource_id": item.resource_id, "first_date": first, "last_date": last, "units": item.units}


LEARNS: dict[type[Event], Callable[[RecordedEvent, Any], Sequence[Change]]] = {
    events.ResourceRegistered: _registered,
    events.ResourceRenamed: _renamed,
    events.ResourceCapacityChanged: _resized,
    events.ResourceHoursChanged: _reopened,
    events.ResourceDescribed: _described,
    events.ResourceExceptionSet: _calendar,
    events.ResourceExceptionLifted: _calendar,
    events.ResourceClosed: _calendar,
    events.ResourceReopened: _calendar,
    events.ResourceCapacityOverridden: _calendar,
    events.ResourceCapacityOverrideLifted: _calendar,
    events.ResourcePacingSet: _paced,
    events.ResourceBufferModeSet: _buffered,
    events.ResourceSellingSet: _sold,
    events.ResourceJoinedPool: _pooled,
    events.ResourceLeftPool: _pooled,
    events.ResourceRetired: _retired,
    **{fact: _turns(status) for fact, status in STATUS_AFTER.items()},
    booking.BookingHeld: _held,
    booking.BookingHoldExtended: _living,
    booking.BookingPaymentStarted: _living,
    booking.BookingHoldReacquired: _turns("held"),
    booking.BookingRescheduled: _moved,
    booking.BookingReassigned: _moved,
    booking.BookingReanchored: _moved,
    booking.BookingCheckedOut: _left,
    booking.BookingCancellationReversed: _taken_again,
    booking.BookingNoShowReversed: _shown_after_all,
}
