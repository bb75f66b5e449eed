"""The directory: the organization with its policy, and its locations by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Index, Table, Uuid, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT

from application.message import Occasion, Query, Scope
from application.organization.queries import Locations, TheLocation, TheOrganization
from application.recorded import RecordedEvent
from domain.event import Event
from domain.hours import WeeklyHours
from domain.organization import events
from domain.organization.errors import UnknownLocation, UnknownOrganization
from domain.organization.organization import USUAL
from projections.view import TABLES, Answer, Asked, Change, Put, Set, View, bounded, compiled, compiling, one, page

MOST_ROWS = 500

ORGANIZATION = Table(
    "organization", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("policy", JSONB, nullable=False),
)  # fmt: skip

LOCATION = Table(
    "location", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("name", TEXT(collation="C"), nullable=False),
    Column("zone", TEXT, nullable=False),
    Column("hours", JSONB),
    Index("location_name", "tenant", "name", "id"),
)  # fmt: skip


class OrganizationAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    name: str
    policy: events.OrganizationPolicySet


class LocationAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    name: str
    zone: str
    hours: WeeklyHours | None
    """When the venue is open at all; None: whenever what is in it can be used."""


_hours = msgspec.json.Decoder(WeeklyHours | None).decode


def _location(
    id: UUID, version: int, position: int, name: str, zone: str, hours: str | None
) -> LocationAsItStands:  # fmt: skip
    return LocationAsItStands(id, version, position, name, zone, None if hours is None else _hours(hours))


_policy = msgspec.json.Decoder(events.OrganizationPolicySet).decode


def _organization(tenant: UUID, version: int, position: int, name: str, policy: str) -> OrganizationAsItStands:
    return OrganizationAsItStands(tenant, version, position, name, _policy(policy))


_ORGANIZATION = select(
    ORGANIZATION.c.tenant, ORGANIZATION.c.version, ORGANIZATION.c.position, ORGANIZATION.c.name,
    ORGANIZATION.c.policy.cast(TEXT),
)  # fmt: skip
_THE_ORGANIZATION = compiled(_ORGANIZATION.where(ORGANIZATION.c.tenant == bindparam("tenant")), "tenant")
_LOCATIONS = select(
    LOCATION.c.id, LOCATION.c.version, LOCATION.c.position, LOCATION.c.name, LOCATION.c.zone,
    LOCATION.c.hours.cast(TEXT),
).where(LOCATION.c.tenant == bindparam("tenant"))  # fmt: skip
_THE_LOCATION = compiled(_LOCATIONS.where(LOCATION.c.id == bindparam("id")), "tenant", "id")


@compiling
def _locations(given: frozenset[str]) -> Any:
    statement = _LOCATIONS
    if "after" in given:
        last = tuple_(bindparam("after_name"), bindparam("after_id"))
        statement = statement.where(tuple_(LOCATION.c.name, LOCATION.c.id) > last)
    return statement.order_by(LOCATION.c.name, LOCATION.c.id).limit(bindparam("limit"))


class Directory(View):
    name: ClassVar[str] = "directory"
    tables: ClassVar[tuple[Table, ...]] = (ORGANIZATION, LOCATION)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    def answers(self) -> Mapping[type[Query], Answer]:
        return {
            TheOrganization: self.the_organization,
            TheLocation: self.the_location,
            Locations: self.locations,
        }

    def the_organization(self, query: TheOrganization, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(_THE_ORGANIZATION.text, (occasion.tenant,), one(_organization, UnknownOrganization))

    def the_location(self, query: TheLocation, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(_THE_LOCATION.text, (occasion.tenant, query.location_id), one(_location, UnknownLocation))

    def locations(self, query: Locations, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        statement = _locations(frozenset() if query.after is None else frozenset({"after"}))
        name, last = query.after or (None, None)
        values = {"tenant": occasion.tenant, "after_name": name, "after_id": last, "limit": limit + 1}
        shape = page(_location, limit, lambda row: (row.name, row.id))
        return Asked(statement.text, statement.asked(values), shape)


# what each fact does


def _founded(recorded: RecordedEvent, fact: events.OrganizationFounded) -> Sequence[Change]:
    row = {"tenant": recorded.tenant, **_at(recorded), "name": fact.name, "policy": USUAL}
    return (Put(ORGANIZATION, row),)


def _organization_renamed(recorded: RecordedEvent, fact: events.OrganizationRenamed) -> Sequence[Change]:
    return (Set(ORGANIZATION, (recorded.tenant,), {**_at(recorded), "name": fact.name}),)


def _policy_set(recorded: RecordedEvent, fact: events.OrganizationPolicySet) -> Sequence[Change]:
    return (Set(ORGANIZATION, (recorded.tenant,), {**_at(recorded), "policy": fact}),)


def _opened(recorded: RecordedEvent, fact: events.LocationOpened) -> Sequence[Change]:
    row = {"tenant": recorded.tenant, "id": recorded.stream, **_at(recorded), "name": fact.name, "zone": fact.zone}
    return (Put(LOCATION, {**row, "hours": None}),)


def _location_renamed(recorded: RecordedEvent, fact: events.LocationRenamed) -> Sequence[Change]:
    return (Set(LOCATION, (recorded.tenant, recorded.stream), {**_at(recorded), "name": fact.name}),)


def _location_hours_changed(recorded: RecordedEvent, fact: events.LocationHoursChanged) -> Sequence[Change]:
    return (Set(LOCATION, (recorded.tenant, recorded.stream), {**_at(recorded), "hours": fact.hours}),)


def _location_calendar(recorded: RecordedEvent, fact: Event) -> Sequence[Change]:
    """What differs from the weekly hours stands in the timetable; here the version moves on."""
    return (Set(LOCATION, (recorded.tenant, recorded.stream), _at(recorded)),)


def _at(recorded: RecordedEvent) -> dict[str, Any]:
    return {"version": recorded.version, "position": recorded.position}


LEARNS: dict[type[Event], Callable[[RecordedEvent, Any], Sequence[Change]]] = {
    events.OrganizationFounded: _founded,
    events.OrganizationRenamed: _organization_renamed,
    events.OrganizationPolicySet: _policy_set,
    events.LocationOpened: _opened,
    events.LocationRenamed: _location_renamed,
    events.LocationHoursChanged: _location_hours_changed,
    events.LocationExceptionSet: _location_calendar,
    events.LocationExceptionLifted: _location_calendar,
    events.LocationClosed: _location_calendar,
    events.LocationReopened: _location_calendar,
}
