"""Words for tests of the event store: commands and facts with everything that does not matter filled in."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from application.event_store import Append, NewEvent
from application.recorded import Actor, Envelope, Origin
from domain.booking.events import BookingCancelled, BookingConfirmed, BookingHeld, BookingRescheduled, Item
from domain.event import Event
from domain.resource.events import ResourceCapacityChanged, ResourceRegistered
from infrastructure.event_store.store import PostgresEventStore

TENANT, OTHER_TENANT, LOCATION = UUID(int=1), UUID(int=2), UUID(int=3)
START = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def envelope(command_id: UUID | None = None) -> Envelope:
    return Envelope(
        command_id or uuid4(), "Test", uuid4(), Actor("user", "reception", "staff"), Origin("api"), local_minute=540
    )


def command(
    *events: NewEvent,
    read: Mapping[UUID, int] | None = None,
    tenant: UUID = TENANT,
    command_id: UUID | None = None,
    fingerprint: bytes = b"f" * 32,
    **more: Any,
) -> Append:
    return Append(tenant, envelope(command_id), fingerprint, b'{"ok":true}', events, read or {}, **more)


def facts(stream: UUID, *new: Event, after: int = 0) -> list[NewEvent]:
    return [NewEvent(stream, after + n, fact) for n, fact in enumerate(new, 1)]


def item(resource: UUID, hour: float = 0, hours: float = 1, units: int = 1, number: int = 1, **more: Any) -> Item:
    starts_at = START + hour * HOUR
    return Item(
        item=number,
        resource_id=resource,
        starts_at=starts_at,
        ends_at=starts_at + hours * HOUR,
        local_start="2030-01-01T00:00",
        zone="UTC",
        units=units,
        **more,
    )


def held(*items: Item, until: datetime = NEVER, **more: Any) -> BookingHeld:
    return BookingHeld(reference="K7PXQ2", location_id=LOCATION, items=items, expires_at=until, **more)


def registered(capacity: int = 1) -> ResourceRegistered:
    return ResourceRegistered(location_id=LOCATION, name="1", kind="room", capacity=capacity)


def a_resource(store: PostgresEventStore, capacity: int = 1, tenant: UUID = TENANT) -> UUID:
    resource = uuid4()
    store.append(command(*facts(resource, registered(capacity)), tenant=tenant))
    return resource


def booked(store: PostgresEventStore, *items: Item, **more: Any) -> UUID:
    """A hold that was confirmed at once."""
    booking = uuid4()
    store.append(command(*facts(booking, held(*items), BookingConfirmed()), **more))
    return booking


def cancelled(booking: UUID, after: int = 2) -> Sequence[NewEvent]:
    return facts(booking, BookingCancelled(by="venue"), after=after)


def moved(booking: UUID, *items: Item, after: int = 2) -> Sequence[NewEvent]:
    return facts(booking, BookingRescheduled(items=items), after=after)


def resized(resource: UUID, capacity: int, after: int = 1) -> Sequence[NewEvent]:
    return facts(resource, ResourceCapacityChanged(capacity=capacity), after=after)
