"""The timetable: what is sold, by which terms, on what, and when that can be used; with the sessions that are fixed.

All that availability is decided on, but for occupancy, comes out of here in one statement. Calendars are kept as rows
(one for each exception, closure and override), because learning sees one fact at a time and never a row.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import Select, Table, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import TEXT

from application.message import Occasion, Query, Scope
from application.offering.queries import Offerings, Sessions, TheOffering, TheSession, TheSetup
from application.organization.queries import CalendarOfLocation
from application.recorded import RecordedEvent
from application.resource.queries import CalendarOfResource, Pools, ThePool
from domain.offering.errors import UnknownOffering, UnknownSession
from domain.offering.terms import Terms
from domain.organization.errors import UnknownLocation
from domain.period import EARLIEST, LATEST
from domain.resource.errors import UnknownPool, UnknownResource
from domain.resource.events import Combination
from projections.offering.learning import LEARNS
from projections.offering.setups import SETUP_OF_OFFERING, SETUP_OF_RESOURCES, configured_by, positional
from projections.offering.tables import (
    CLOSURE,
    EXCEPTION,
    OFFERING,
    OVERRIDE,
    POOL,
    SESSION,
    UNIT,
    VENUE,
    CalendarAsItStands,
    OfferingAsItStands,
    PoolAsItStands,
    SessionAsItStands,
)
from projections.view import (
    LIVE,
    Answer,
    Asked,
    Change,
    Statement,
    View,
    bounded,
    compiled,
    compiling,
    one,
    page,
)  # fmt: skip

MOST_ROWS = 500

_terms = msgspec.json.Decoder(Terms).decode
_ids = msgspec.json.Decoder(tuple[UUID, ...]).decode
_combinations = msgspec.json.Decoder(tuple[Combination, ...]).decode

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
CALENDAR_OF_LOCATION = positional(_CALENDAR.replace("%%s", VENUE.name))
CALENDAR_OF_RESOURCE = positional(_CALENDAR.replace("%%s", UNIT.name))
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
    id: UUID, version: int, position: int, location_id: UUID, name: str, members: str, combinations: str,
    retired: bool,
) -> PoolAsItStands:  # fmt: skip
    return PoolAsItStands(id, version, position, location_id, name, _ids(members), _combinations(combinations), retired)


def _offering(
    id: UUID, version: int, position: int, location_id: UUID, name: str, terms: str, retired: bool,
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

    def the_setup(self, query: TheSetup, occasion: Occasion, scope: Scope) -> Asked:
        statement = SETUP_OF_RESOURCES if query.offering_id is None else SETUP_OF_OFFERING
        since, until = query.since or EARLIEST, query.until or LATEST
        values = {
            "tenant": occasion.tenant, "offering": query.offering_id, "resources": list(query.resource_ids),
            "since": since, "until": until, "first": (since - DAYS).date(), "last": (until + DAYS).date(),
        }  # fmt: skip
        return Asked(statement.text, statement.asked(values), configured_by(query))

    def calendar_of_location(self, query: CalendarOfLocation, occasion: Occasion, scope: Scope) -> Asked:
        values = _between(occasion, query.location_id, query.first, query.last)
        shape = one(_calendar, UnknownLocation)
        return Asked(CALENDAR_OF_LOCATION.text, CALENDAR_OF_LOCATION.asked(values), shape)

    def calendar_of_resource(self, query: CalendarOfResource, occasion: Occasion, scope: Scope) -> Asked:
        values = _between(occasion, query.resource_id, query.first, query.last)
        shape = one(_calendar, UnknownResource)
        return Asked(CALENDAR_OF_RESOURCE.text, CALENDAR_OF_RESOURCE.asked(values), shape)

    def the_pool(self, query: ThePool, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(_THE_POOL.text, (occasion.tenant, query.pool_id), one(_pool, UnknownPool))

    def pools(self, query: Pools, occasion: Occasion, scope: Scope) -> Asked:
        return _listed(query, occasion, _pools, _pool)

    def the_offering(self, query: TheOffering, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(_THE_OFFERING.text, (occasion.tenant, query.offering_id), one(_offering, UnknownOffering))

    def offerings(self, query: Offerings, occasion: Occasion, scope: Scope) -> Asked:
        return _listed(query, occasion, _offerings, _offering)

    def the_session(self, query: TheSession, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(_THE_SESSION.text, (occasion.tenant, query.session_id), one(_session, UnknownSession))

    def sessions(self, query: Sessions, occasion: Occasion, scope: Scope) -> Asked:
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
