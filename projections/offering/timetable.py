"""The timetable: what is sold, by which terms, on what, and when that can be used; with the sessions that are fixed.

All that availability is decided on, but for occupancy, comes out of here in one statement. Calendars are kept as rows
(one for each exception, closure and override), because learning sees one fact at a time and never a row.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Boolean, Column, Date, Index, Integer, Select, Table, Uuid, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP

from application.message import Occasion, Query, Scope
from application.offering.queries import Configured, Offerings, Sessions, TheOffering, TheSession, TheSetup
from application.organization.queries import CalendarOfLocation
from application.recorded import RecordedEvent
from application.resource.queries import CalendarOfResource, Pools, ThePool
from domain.availability.setup import Setup
from domain.calendar import Calendar, Cause, Closure
from domain.event import Event
from domain.hours import Opening, WeeklyHours
from domain.offering import events as offering
from domain.offering.errors import UnknownOffering, UnknownSession
from domain.offering.session import Status
from domain.offering.terms import Terms
from domain.organization import events as organization
from domain.organization.errors import UnknownLocation
from domain.organization.location import Location
from domain.period import EARLIEST, LATEST
from domain.resource import events as resource
from domain.resource.errors import UnknownPool, UnknownResource
from domain.resource.events import BufferMode, Combination, Seats
from domain.resource.pool import Pool
from domain.resource.resource import Override, Pacing, Resource
from projections.view import (
    LIVE,
    TABLES,
    Answer,
    Asked,
    Change,
    Put,
    Remove,
    Row,
    Set,
    Statement,
    View,
    bounded,
    compiled,
    compiling,
    one,
    page,
)  # fmt: skip

MOST_ROWS = 500

VENUE = Table(
    "venue", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("zone", TEXT, nullable=False),
    Column("hours", JSONB),
)  # fmt: skip

UNIT = Table(
    "unit", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("hours", JSONB),
    Column("features", JSONB, nullable=False),
    Column("seats", JSONB),
    Column("cost", Integer, nullable=False),
    Column("pacing", JSONB),
    Column("buffer_mode", TEXT, nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("sold_by_itself", Boolean, nullable=False),
)  # fmt: skip

# Of locations and resources alike.
EXCEPTION = Table(
    "exception", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("of_id", Uuid, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("openings", JSONB, nullable=False),
)  # fmt: skip

CLOSURE = Table(
    "closure", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("of_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("starts_at", TIMESTAMP(timezone=True), nullable=False),
    Column("ends_at", TIMESTAMP(timezone=True), nullable=False),
    Column("cause", TEXT, nullable=False),
)  # fmt: skip

OVERRIDE = Table(
    "override", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("of_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("starts_at", TIMESTAMP(timezone=True), nullable=False),
    Column("ends_at", TIMESTAMP(timezone=True), nullable=False),
    Column("capacity", Integer, nullable=False),
)  # fmt: skip

POOL = Table(
    "pool", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("name", TEXT(collation="C"), nullable=False),
    Column("members", JSONB, nullable=False),
    Column("combinations", JSONB, nullable=False),
    Column("retired", Boolean, nullable=False),
    Index("pool_name", "tenant", "name", "id"),
)  # fmt: skip

OFFERING = Table(
    "offering", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("name", TEXT(collation="C"), nullable=False),
    Column("terms", JSONB, nullable=False),
    Column("retired", Boolean, nullable=False),
    Index("offering_name", "tenant", "name", "id"),
)  # fmt: skip

SESSION = Table(
    "session", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("offering_id", Uuid, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("starts_at", TIMESTAMP(timezone=True), nullable=False),
    Column("ends_at", TIMESTAMP(timezone=True), nullable=False),
    Column("local_start", TEXT, nullable=False),
    Column("zone", TEXT, nullable=False),
    Column("seats", Integer, nullable=False),
    Column("resources", JSONB, nullable=False),
    Column("min_to_run", Integer, nullable=False),
    Column("cutoff_at", TIMESTAMP(timezone=True)),
    Column("status", TEXT, nullable=False),
    Index("session_start", "tenant", "starts_at", "id"),
)  # fmt: skip


class PoolAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    location_id: UUID
    name: str
    members: tuple[UUID, ...]
    combinations: tuple[Combination, ...]
    retired: bool


class OfferingAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    location_id: UUID
    name: str
    terms: Terms
    retired: bool


class SessionAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    offering_id: UUID
    location_id: UUID
    starts_at: datetime
    ends_at: datetime
    local_start: str
    zone: str
    seats: int
    resources: tuple[UUID, ...]
    min_to_run: int
    cutoff_at: datetime | None
    status: Status


class ExceptionAsItStands(Struct, frozen=True):
    date: date
    openings: tuple[Opening, ...]


class OverrideAsItStands(Struct, frozen=True):
    id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int


class CalendarAsItStands(Struct, frozen=True):
    """Of a location or a resource."""

    hours: WeeklyHours | None
    exceptions: tuple[ExceptionAsItStands, ...]
    closures: tuple[Closure, ...]
    overrides: tuple[OverrideAsItStands, ...]
    version: int


# what the one statement brings, as JSON


class _Venue(Struct, array_like=True):
    id: UUID
    version: int
    name: str
    zone: str
    hours: WeeklyHours | None


class _Unit(Struct, array_like=True):
    id: UUID
    version: int
    location_id: UUID
    name: str
    kind: str
    capacity: int
    features: tuple[str, ...]
    seats: Seats | None
    cost: int
    pacing: Pacing | None
    buffer_mode: BufferMode
    retired: bool
    sold_by_itself: bool


class _Closure(Struct, array_like=True):
    id: UUID
    starts_at: datetime
    ends_at: datetime
    cause: Cause


class _Override(Struct, array_like=True):
    id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int


class _Found(Struct, array_like=True):
    """Arrays, and the hours once for all resources that keep the same: three times as fast as objects and rows."""

    offering: OfferingAsItStands | None
    location: _Venue | None
    pools: tuple[PoolAsItStands, ...] | None
    units: tuple[_Unit, ...] | None
    hours: tuple[tuple[WeeklyHours | None, tuple[UUID, ...]], ...] | None
    exceptions: tuple[tuple[UUID, tuple[tuple[date, tuple[Opening, ...]], ...]], ...] | None
    closures: tuple[tuple[UUID, tuple[_Closure, ...]], ...] | None
    overrides: tuple[tuple[UUID, tuple[_Override, ...]], ...] | None


_found = msgspec.json.Decoder(_Found).decode
_terms = msgspec.json.Decoder(Terms).decode
_ids = msgspec.json.Decoder(tuple[UUID, ...]).decode
_combinations = msgspec.json.Decoder(tuple[Combination, ...]).decode

_OFFERED = f"""
WITH sold AS MATERIALIZED (
  SELECT id, version, position, location_id, name, terms, retired
  FROM {LIVE}.offering WHERE tenant = %(tenant)s AND id = %(offering)s),
need AS (SELECT one FROM sold, jsonb_array_elements(sold.terms -> 'needs') AS one),
pooled AS MATERIALIZED (
  SELECT id, version, position, location_id, name, members, combinations, retired
  FROM {LIVE}.pool WHERE tenant = %(tenant)s AND id IN (SELECT (one ->> 'pool_id')::uuid FROM need)),
wanted AS MATERIALIZED (
  SELECT candidate::uuid AS id FROM need, jsonb_array_elements_text(one -> 'any_of') AS candidate
  UNION SELECT member::uuid FROM pooled, jsonb_array_elements_text(members) AS member),
place AS MATERIALIZED (SELECT location_id AS id FROM sold),
"""  # noqa: S608  # names of our own tables

_NAMED = f"""
WITH sold AS (
  SELECT NULL::uuid AS id, 0 AS version, 0 AS position, NULL::uuid AS location_id, '' AS name, NULL::jsonb AS terms,
    false AS retired WHERE false),
pooled AS (
  SELECT NULL::uuid AS id, 0 AS version, 0 AS position, NULL::uuid AS location_id, '' AS name, NULL::jsonb AS members,
    NULL::jsonb AS combinations, false AS retired WHERE false),
wanted AS MATERIALIZED (SELECT DISTINCT id FROM unnest(%(resources)s::uuid[]) AS id),
place AS MATERIALIZED (
  SELECT location_id AS id FROM {LIVE}.unit WHERE tenant = %(tenant)s AND id = (%(resources)s::uuid[])[1]),
"""  # noqa: S608

_SETUP = f"""
unit AS MATERIALIZED (
  SELECT u.* FROM wanted JOIN {LIVE}.unit u ON u.tenant = %(tenant)s AND u.id = wanted.id),
everything AS MATERIALIZED (SELECT id FROM wanted UNION ALL SELECT id FROM place)
SELECT json_build_array(
  (SELECT row_to_json(sold) FROM sold),
  (SELECT json_build_array(id, version, name, zone, hours)
     FROM {LIVE}.venue WHERE tenant = %(tenant)s AND id = (SELECT id FROM place)),
  (SELECT json_agg(pooled) FROM pooled),
  (SELECT json_agg(json_build_array(
      id, version, location_id, name, kind, capacity, features, seats, cost, pacing, buffer_mode, retired,
      sold_by_itself)) FROM unit),
  (SELECT json_agg(json_build_array(hours, ids)) FROM (SELECT hours, json_agg(id) AS ids FROM unit GROUP BY hours) it),
  (SELECT json_agg(json_build_array(of_id, days)) FROM (
      SELECT of_id, json_agg(json_build_array(date, openings)) AS days
        FROM everything JOIN {LIVE}.exception ON tenant = %(tenant)s AND of_id = everything.id
       WHERE date BETWEEN %(first)s AND %(last)s GROUP BY of_id) it),
  (SELECT json_agg(json_build_array(of_id, all_of)) FROM (
      SELECT of_id, json_agg(json_build_array(c.id, starts_at, ends_at, cause)) AS all_of
        FROM everything JOIN {LIVE}.closure c ON tenant = %(tenant)s AND of_id = everything.id
       WHERE starts_at < %(until)s AND ends_at > %(since)s GROUP BY of_id) it),
  (SELECT json_agg(json_build_array(of_id, all_of)) FROM (
      SELECT of_id, json_agg(json_build_array(o.id, starts_at, ends_at, capacity)) AS all_of
        FROM wanted JOIN {LIVE}.override o ON tenant = %(tenant)s AND of_id = wanted.id
       WHERE starts_at < %(until)s AND ends_at > %(since)s GROUP BY of_id) it))::text
"""  # noqa: S608


def _positional(text: str) -> Statement:
    names = tuple(re.findall(r"%\((\w+)\)s", text))
    return Statement(re.sub(r"%\(\w+\)s", "%s", text), names)


SETUP_OF_OFFERING = _positional(_OFFERED + _SETUP)
SETUP_OF_RESOURCES = _positional(_NAMED + _SETUP)


def _configured(query: TheSetup) -> Callable[[list[Any]], Configured]:
    def shape(rows: list[Any]) -> Configured:
        return configured(_found(rows[0][0]), query)

    return shape


def configured(found: _Found, query: TheSetup) -> Configured:
    """The aggregates as they stand, put together from their rows."""
    sold, place, units, pools = found.offering, found.location, found.units or (), found.pools or ()
    if query.offering_id is not None and sold is None:
        raise UnknownOffering
    if len(units) < len(set(query.resource_ids)) and sold is None:
        raise UnknownResource
    if place is None:  # nothing was asked for
        raise UnknownResource
    hours = {unit: week for week, units in found.hours or () for unit in units}
    exceptions = {of: dict(days) for of, days in found.exceptions or ()}
    closures = {
        of: {it.id: Closure(it.id, it.starts_at.astimezone(UTC), it.ends_at.astimezone(UTC), it.cause) for it in all_of}
        for of, all_of in found.closures or ()
    }
    overrides = {
        of: {it.id: Override(it.starts_at.astimezone(UTC), it.ends_at.astimezone(UTC), it.capacity) for it in all_of}
        for of, all_of in found.overrides or ()
    }

    def calendar(of: UUID, hours: WeeklyHours | None) -> Calendar:
        return Calendar(hours, exceptions.get(of, {}), closures.get(of, {}))

    setup = Setup(
        Location(place.id, place.name, place.zone, calendar(place.id, place.hours)),
        Terms(needs=()) if sold is None else sold.terms,
        {
            unit.id: Resource(
                unit.id, unit.location_id, unit.name, unit.kind, unit.capacity, calendar(unit.id, hours[unit.id]),
                unit.retired, unit.features, unit.seats, unit.cost, overrides.get(unit.id, {}), unit.pacing,
                unit.buffer_mode, unit.sold_by_itself,
            )
            for unit in units
        },
        {
            pool.id: Pool(pool.id, pool.location_id, pool.name, pool.members, pool.combinations, pool.retired)
            for pool in pools
        },
    )  # fmt: skip
    versions = {place.id: place.version}
    versions |= {pool.id: pool.version for pool in pools} | {unit.id: unit.version for unit in units}
    if sold is None:
        return Configured(setup, versions)
    return Configured(setup, versions | {sold.id: sold.version}, sold.id, sold.name, sold.retired)


_CALENDAR = f"""
SELECT json_build_object(
  'hours', it.hours, 'version', it.version,
  'exceptions', coalesce((
    SELECT json_agg(json_build_object('date', date, 'openings', openings) ORDER BY date)
    FROM {LIVE}.exception WHERE tenant = %(tenant)s AND of_id = %(of)s AND date BETWEEN %(first)s AND %(last)s), '[]'),
  'closures', coalesce((
    SELECT json_agg(json_build_object('id', id, 'starts_at', starts_at, 'ends_at', ends_at, 'cause', cause)
      ORDER BY starts_at, id)
    FROM {LIVE}.closure
    WHERE tenant = %(tenant)s AND of_id = %(of)s AND starts_at < %(until)s AND ends_at > %(since)s), '[]'),
  'overrides', coalesce((
    SELECT json_agg(json_build_object('id', id, 'starts_at', starts_at, 'ends_at', ends_at, 'capacity', capacity)
      ORDER BY starts_at, id)
    FROM {LIVE}.override
    WHERE tenant = %(tenant)s AND of_id = %(of)s AND starts_at < %(until)s AND ends_at > %(since)s), '[]'))::text
FROM {LIVE}.%%s it WHERE it.tenant = %(tenant)s AND it.id = %(of)s
"""  # noqa: S608
CALENDAR_OF_LOCATION = _positional(_CALENDAR.replace("%%s", VENUE.name))
CALENDAR_OF_RESOURCE = _positional(_CALENDAR.replace("%%s", UNIT.name))
_calendar = msgspec.json.Decoder(CalendarAsItStands).decode

_POOLS = select(
    POOL.c.id, POOL.c.version, POOL.c.position, POOL.c.location_id, POOL.c.name, POOL.c.members.cast(TEXT),
    POOL.c.combinations.cast(TEXT), POOL.c.retired,
).where(POOL.c.tenant == bindparam("tenant"))  # fmt: skip
_THE_POOL = compiled(_POOLS.where(POOL.c.id == bindparam("id")), "tenant", "id")

_OFFERINGS = select(
    OFFERING.c.id, OFFERING.c.version, OFFERING.c.position, OFFERING.c.location_id, OFFERING.c.name,
    OFFERING.c.terms.cast(TEXT), OFFERING.c.retired,
).where(OFFERING.c.tenant == bindparam("tenant"))  # fmt: skip
_THE_OFFERING = compiled(_OFFERINGS.where(OFFERING.c.id == bindparam("id")), "tenant", "id")

_SESSIONS = select(
    *(column.cast(TEXT) if column is SESSION.c.resources else column for column in list(SESSION.c)[1:])
).where(SESSION.c.tenant == bindparam("tenant"))
_THE_SESSION = compiled(_SESSIONS.where(SESSION.c.id == bindparam("id")), "tenant", "id")


def _by_name(rows: Select[Any], table: Table) -> Callable[[frozenset[str]], Statement]:
    @compiling
    def listed(given: frozenset[str]) -> Any:
        statement = rows
        if "location_id" in given:
            statement = statement.where(table.c.location_id == bindparam("location_id"))
        if "after" in given:
            last = tuple_(bindparam("after_first"), bindparam("after_id"))
            statement = statement.where(tuple_(table.c.name, table.c.id) > last)
        return statement.order_by(table.c.name, table.c.id).limit(bindparam("limit"))

    return listed


_pools = _by_name(_POOLS, POOL)
_offerings = _by_name(_OFFERINGS, OFFERING)


@compiling
def _sessions(given: frozenset[str]) -> Any:
    statement = _SESSIONS
    for name in ("offering_id", "location_id"):
        if name in given:
            statement = statement.where(SESSION.c[name] == bindparam(name))
    if "since" in given:
        statement = statement.where(SESSION.c.starts_at >= bindparam("since"))
    if "until" in given:
        statement = statement.where(SESSION.c.starts_at < bindparam("until"))
    if "after" in given:
        last = tuple_(bindparam("after_first"), bindparam("after_id"))
        statement = statement.where(tuple_(SESSION.c.starts_at, SESSION.c.id) > last)
    return statement.order_by(SESSION.c.starts_at, SESSION.c.id).limit(bindparam("limit"))


def _pool(
    id: UUID, version: int, position: int, location_id: UUID, name: str, members: str, combinations: str,  # noqa: A002
    retired: bool,
) -> PoolAsItStands:  # fmt: skip
    return PoolAsItStands(id, version, position, location_id, name, _ids(members), _combinations(combinations), retired)


def _offering(
    id: UUID, version: int, position: int, location_id: UUID, name: str, terms: str, retired: bool,  # noqa: A002
) -> OfferingAsItStands:  # fmt: skip
    return OfferingAsItStands(id, version, position, location_id, name, _terms(terms), retired)


def _session(*values: Any) -> SessionAsItStands:
    row = SessionAsItStands(*values)
    return msgspec.structs.replace(row, resources=_ids(values[10]))


class Timetable(View):
    name: ClassVar[str] = "timetable"
    tables: ClassVar[tuple[Table, ...]] = (VENUE, UNIT, EXCEPTION, CLOSURE, OVERRIDE, POOL, OFFERING, SESSION)

    # learning

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    # answering

    def answers(self) -> Mapping[type[Query], Answer]:
        return {
            TheSetup: self.the_setup,
            CalendarOfLocation: self.calendar_of_location,
            CalendarOfResource: self.calendar_of_resource,
            ThePool: self.the_pool,
            Pools: self.pools,
            TheOffering: self.the_offering,
            Offerings: self.offerings,
            TheSession: self.the_session,
            Sessions: self.sessions,
        }

    def the_setup(self, query: TheSetup, occasion: Occasion, scope: Scope) -> Asked:  # noqa: ARG002
        statement = SETUP_OF_RESOURCES if query.offering_id is None else SETUP_OF_OFFERING
        since, until = query.since or EARLIEST, query.until or LATEST
        values = {
            "tenant": occasion.tenant, "offering": query.offering_id, "resources": list(query.resource_ids),
            "since": since, "until": until, "first": (since - DAYS).date(), "last": (until + DAYS).date(),
        }  # fmt: skip
        return Asked(statement.text, statement.asked(values), _configured(query))

    def calendar_of_location(self, query: CalendarOfLocation, occasion: Occasion, scope: Scope) -> Asked:  # noqa: ARG002
        values = _between(occasion, query.location_id, query.first, query.last)
        shape = one(_calendar, UnknownLocation)
        return Asked(CALENDAR_OF_LOCATION.text, CALENDAR_OF_LOCATION.asked(values), shape)

    def calendar_of_resource(self, query: CalendarOfResource, occasion: Occasion, scope: Scope) -> Asked:  # noqa: ARG002
        values = _between(occasion, query.resource_id, query.first, query.last)
        shape = one(_calendar, UnknownResource)
        return Asked(CALENDAR_OF_RESOURCE.text, CALENDAR_OF_RESOURCE.asked(values), shape)

    def the_pool(self, query: ThePool, occasion: Occasion, scope: Scope) -> Asked:  # noqa: ARG002
        return Asked(_THE_POOL.text, (occasion.tenant, query.pool_id), one(_pool, UnknownPool))

    def pools(self, query: Pools, occasion: Occasion, scope: Scope) -> Asked:  # noqa: ARG002
        return _listed(query, occasion, _pools, _pool)

    def the_offering(self, query: TheOffering, occasion: Occasion, scope: Scope) -> Asked:  # noqa: ARG002
        return Asked(_THE_OFFERING.text, (occasion.tenant, query.offering_id), one(_offering, UnknownOffering))

    def offerings(self, query: Offerings, occasion: Occasion, scope: Scope) -> Asked:  # noqa: ARG002
        return _listed(query, occasion, _offerings, _offering)

    def the_session(self, query: TheSession, occasion: Occasion, scope: Scope) -> Asked:  # noqa: ARG002
        return Asked(_THE_SESSION.text, (occasion.tenant, query.session_id), one(_session, UnknownSession))

    def sessions(self, query: Sessions, occasion: Occasion, scope: Scope) -> Asked:  # noqa: ARG002
        limit = bounded(query.limit, MOST_ROWS)
        names = ("offering_id", "location_id", "since", "until", "after")
        statement = _sessions(frozenset(name for name in names if getattr(query, name) is not None))
        first, last = query.after or (None, None)
        values = {
            "tenant": occasion.tenant, "offering_id": query.offering_id, "location_id": query.location_id,
            "since": query.since, "until": query.until, "after_first": first, "after_id": last, "limit": limit + 1,
        }  # fmt: skip
        shape = page(_session, limit, lambda row: (row.starts_at, row.id))
        return Asked(statement.text, statement.asked(values), shape)


DAYS = timedelta(days=2)
"""So far may a service day that an instant belongs to lie from its date in UTC."""


def _between(occasion: Occasion, of: UUID, first: date, last: date) -> dict[str, Any]:
    """Somewhere each date begins half a day before it does in UTC, and ends half a day after."""
    midnight = datetime.combine(first, time(), UTC)
    return {
        "tenant": occasion.tenant, "of": of, "first": first, "last": last, "since": midnight - DAYS / 4,
        "until": datetime.combine(last, time(), UTC) + DAYS * 3 / 4,
    }  # fmt: skip


def _listed(
    query: Pools | Offerings,
    occasion: Occasion,
    compose: Callable[[frozenset[str]], Statement],
    row: Callable[..., Any],
) -> Asked:
    limit = bounded(query.limit, MOST_ROWS)
    statement = compose(frozenset(name for name in ("location_id", "after") if getattr(query, name) is not None))
    name, last = query.after or (None, None)
    values = {
        "tenant": occasion.tenant, "location_id": query.location_id, "after_first": name, "after_id": last,
        "limit": limit + 1,
    }  # fmt: skip
    return Asked(statement.text, statement.asked(values), page(row, limit, lambda row: (row.name, row.id)))


# what each fact does


def _opened(recorded: RecordedEvent, fact: organization.LocationOpened) -> Sequence[Change]:
    row: Row = {
        "tenant": recorded.tenant, "id": recorded.stream, "version": recorded.version, "name": fact.name,
        "zone": fact.zone, "hours": None,
    }  # fmt: skip
    return (Put(VENUE, row),)


def _registered(recorded: RecordedEvent, fact: resource.ResourceRegistered) -> Sequence[Change]:
    row: Row = {
        "tenant": recorded.tenant, "id": recorded.stream, "version": recorded.version, "location_id": fact.location_id,
        "name": fact.name, "kind": fact.kind, "capacity": fact.capacity, "hours": fact.hours, "features": (),
        "seats": None, "cost": 0, "pacing": None, "buffer_mode": "exclusive", "retired": False,
        "sold_by_itself": True,
    }  # fmt: skip
    return (Put(UNIT, row),)


def _formed(recorded: RecordedEvent, fact: resource.PoolFormed) -> Sequence[Change]:
    row: Row = {
        "tenant": recorded.tenant, "id": recorded.stream, **_at(recorded), "location_id": fact.location_id,
        "name": fact.name, "members": fact.members, "combinations": fact.combinations, "retired": False,
    }  # fmt: skip
    return (Put(POOL, row),)


def _defined(recorded: RecordedEvent, fact: offering.OfferingDefined) -> Sequence[Change]:
    row: Row = {
        "tenant": recorded.tenant, "id": recorded.stream, **_at(recorded), "location_id": fact.location_id,
        "name": fact.name, "terms": fact.terms, "retired": False,
    }  # fmt: skip
    return (Put(OFFERING, row),)


def _scheduled(recorded: RecordedEvent, fact: offering.SessionScheduled) -> Sequence[Change]:
    row: Row = {"tenant": recorded.tenant, "id": recorded.stream, **_at(recorded), **asdict(fact)}
    return (Put(SESSION, {**row, "status": "scheduled"}),)


def _at(recorded: RecordedEvent) -> Row:
    return {"version": recorded.version, "position": recorded.position}


Learns = Callable[[RecordedEvent, Any], Sequence[Change]]


def _sets(table: Table, *names: str, **values: Any) -> Learns:
    """These columns become what the fact says, or these values; the version moves on."""
    placed = "position" in table.c

    def learn(recorded: RecordedEvent, fact: Any) -> Sequence[Change]:
        changed = {"version": recorded.version, **{name: getattr(fact, name) for name in names}, **values}
        if placed:
            changed["position"] = recorded.position
        return (Set(table, (recorded.tenant, recorded.stream), changed),)

    return learn


def _also(table: Table, beside: Callable[[RecordedEvent, Any], Change]) -> Learns:
    """A row beside that of the location or resource, whose version moves on."""

    def learn(recorded: RecordedEvent, fact: Any) -> Sequence[Change]:
        moved = Set(table, (recorded.tenant, recorded.stream), {"version": recorded.version})
        return (moved, beside(recorded, fact))

    return learn


def _of(recorded: RecordedEvent) -> Row:
    return {"tenant": recorded.tenant, "of_id": recorded.stream}


def _exception(
    recorded: RecordedEvent, fact: organization.LocationExceptionSet | resource.ResourceExceptionSet
) -> Change:
    return Put(EXCEPTION, {**_of(recorded), "date": fact.on, "openings": fact.openings})


def _usual_again(
    recorded: RecordedEvent, fact: organization.LocationExceptionLifted | resource.ResourceExceptionLifted
) -> Change:
    return Remove(EXCEPTION, (recorded.tenant, recorded.stream, fact.on))


def _closed(recorded: RecordedEvent, fact: organization.LocationClosed | resource.ResourceClosed) -> Change:
    return Put(CLOSURE, {**_of(recorded), **asdict(fact.closure)})


def _reopened(recorded: RecordedEvent, fact: organization.LocationReopened | resource.ResourceReopened) -> Change:
    return Remove(CLOSURE, (recorded.tenant, recorded.stream, fact.closure_id))


def _overridden(recorded: RecordedEvent, fact: resource.ResourceCapacityOverridden) -> Change:
    row = {"id": fact.override_id, "starts_at": fact.starts_at, "ends_at": fact.ends_at, "capacity": fact.capacity}
    return Put(OVERRIDE, {**_of(recorded), **row})


def _as_ever(recorded: RecordedEvent, fact: resource.ResourceCapacityOverrideLifted) -> Change:
    return Remove(OVERRIDE, (recorded.tenant, recorded.stream, fact.override_id))


def _paced(recorded: RecordedEvent, fact: resource.ResourcePacingSet) -> Sequence[Change]:
    pacing = None if fact.units is None else Pacing(fact.units, fact.minutes)
    return _sets(UNIT, pacing=pacing)(recorded, fact)


def _buffered(recorded: RecordedEvent, fact: resource.ResourceBufferModeSet) -> Sequence[Change]:
    return _sets(UNIT, buffer_mode=fact.mode)(recorded, fact)


def _sold(recorded: RecordedEvent, fact: resource.ResourceSellingSet) -> Sequence[Change]:
    return _sets(UNIT, sold_by_itself=fact.by_itself)(recorded, fact)


LEARNS: dict[type[Event], Learns] = {
    organization.LocationOpened: _opened,
    organization.LocationRenamed: _sets(VENUE, "name"),
    organization.LocationHoursChanged: _sets(VENUE, "hours"),
    organization.LocationExceptionSet: _also(VENUE, _exception),
    organization.LocationExceptionLifted: _also(VENUE, _usual_again),
    organization.LocationClosed: _also(VENUE, _closed),
    organization.LocationReopened: _also(VENUE, _reopened),
    resource.ResourceRegistered: _registered,
    resource.ResourceRenamed: _sets(UNIT, "name"),
    resource.ResourceCapacityChanged: _sets(UNIT, "capacity"),
    resource.ResourceHoursChanged: _sets(UNIT, "hours"),
    resource.ResourceDescribed: _sets(UNIT, "features", "seats", "cost"),
    resource.ResourceExceptionSet: _also(UNIT, _exception),
    resource.ResourceExceptionLifted: _also(UNIT, _usual_again),
    resource.ResourceClosed: _also(UNIT, _closed),
    resource.ResourceReopened: _also(UNIT, _reopened),
    resource.ResourceCapacityOverridden: _also(UNIT, _overridden),
    resource.ResourceCapacityOverrideLifted: _also(UNIT, _as_ever),
    resource.ResourcePacingSet: _paced,
    resource.ResourceBufferModeSet: _buffered,
    resource.ResourceSellingSet: _sold,
    resource.ResourceRetired: _sets(UNIT, retired=True),
    resource.PoolFormed: _formed,
    resource.PoolChanged: _sets(POOL, "members", "combinations"),
    resource.PoolRetired: _sets(POOL, retired=True),
    offering.OfferingDefined: _defined,
    offering.OfferingRenamed: _sets(OFFERING, "name"),
    offering.OfferingRevised: _sets(OFFERING, "terms"),
    offering.OfferingRetired: _sets(OFFERING, retired=True),
    offering.SessionScheduled: _scheduled,
    offering.SessionSeatsChanged: _sets(SESSION, "seats"),
    offering.SessionReanchored: _sets(SESSION, "starts_at", "ends_at", "cutoff_at"),
    offering.SessionRunConfirmed: _sets(SESSION, status="confirmed"),
    offering.SessionCalledOff: _sets(SESSION, status="called_off"),
}
