"""What each fact does to the timetable."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import Table

from application.recorded import RecordedEvent
from domain.event import Event
from domain.offering import events as offering
from domain.organization import events as organization
from domain.resource import events as resource
from domain.resource.resource import Pacing
from projections.offering.tables import CLOSURE, EXCEPTION, OFFERING, OVERRIDE, POOL, SESSION, UNIT, VENUE
from projections.view import (
    Change,
    Put,
    Remove,
    Row,
    Set,
)  # fmt: skip


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
    resource.ResourceJoinedPool: _sets(UNIT),
    resource.ResourceLeftPool: _sets(UNIT),
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
