"""Logs made by hand for tests of those who follow: facts under envelopes, straight into the table of events."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg

from application.recorded import Actor, Envelope, Origin, RecordedEvent
from domain.booking import events as booking
from domain.booking.events import Item
from domain.event import Event
from domain.organization import events as organization
from domain.resource import events as resource
from infrastructure.event_store import log

TENANT = UUID("11111111-1111-4111-8111-111111111111")
LOCATION = UUID("22222222-2222-4222-8222-222222222222")
ROOM = UUID("33333333-3333-4333-8333-333333333333")
SUITE = UUID("44444444-4444-4444-8444-444444444444")
CUSTOMER = UUID("55555555-5555-4555-8555-555555555555")
NOON = datetime(2027, 3, 10, 12, tzinfo=UTC)
STAFF = Actor("user", "66666666-6666-4666-8666-666666666666", "staff")


def envelope(command: str = "Test", actor: Actor = STAFF, **more: Any) -> Envelope:
    command_id = uuid4()
    return Envelope(command_id, command, command_id, actor, Origin("api", request_id="r-1"), **more)


def recorded(
    fact: Event, stream: UUID, version: int, position: int = 0, tenant: UUID = TENANT, at: datetime = NOON, **more: Any
) -> RecordedEvent:
    """An event as it comes out of the log."""
    return RecordedEvent(position, tenant, stream, version, uuid4(), fact.tag, at, fact, envelope(**more))


def write(
    url: str, facts: Sequence[tuple[UUID, int, Event | tuple[str, bytes]]], tenant: UUID = TENANT, at: datetime = NOON
) -> int:
    """Facts (or a raw tag and state) of streams at versions, in one transaction; the position of the last."""
    metadata = msgspec.json.encode(envelope())
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (pg_current_xact_id()::text::bigint + (SELECT xid_offset FROM event_store.cluster)) << 20"
        ).fetchone()
        assert row is not None
        position = row[0]
        with connection.cursor().copy(
            "COPY event_store.event (tenant, stream, version, event_id, tag, state, metadata, recorded_at, position) "
            "FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["uuid", "uuid", "int8", "uuid", "text", "bytea", "bytea", "timestamptz", "int8"])
            for stream, version, fact in facts:
                position += 1
                tag, state = fact if isinstance(fact, tuple) else (fact.tag, msgspec.json.encode(fact))
                copy.write_row((tenant, stream, version, uuid4(), tag, state, metadata, at, position))
    return int(position)


def item(
    number: int = 1, resource_id: UUID = ROOM, starts_at: datetime = NOON, nights: int = 2, units: int = 1
) -> Item:
    return Item(
        item=number, resource_id=resource_id, starts_at=starts_at, ends_at=starts_at + timedelta(days=nights),
        local_start=starts_at.strftime("%Y-%m-%dT%H:%M"), zone="Europe/Lisbon", units=units,
    )  # fmt: skip


def held(*items: Item, reference: str = "23456789", expires_at: datetime = NOON, **more: Any) -> booking.BookingHeld:
    return booking.BookingHeld(reference, LOCATION, items or (item(),), expires_at, **more)


def house() -> list[tuple[UUID, int, Event | tuple[str, bytes]]]:
    """An organization with one location and two resources."""
    return [
        (TENANT, 1, organization.OrganizationFounded("Harbour")),
        (LOCATION, 1, organization.LocationOpened("Pier", "Europe/Lisbon")),
        (ROOM, 1, resource.ResourceRegistered(LOCATION, "Room", "room", 200)),
        (SUITE, 1, resource.ResourceRegistered(LOCATION, "Suite", "room", 3)),
    ]


def lives(bookings: int, seed: int = 1) -> Iterator[tuple[UUID, int, Event | tuple[str, bytes]]]:
    """Bookings made one after the other, each living on while others are made: about 3.5 events each."""
    random = Random(seed)
    waiting: list[tuple[UUID, int, Event]] = []
    for number in range(bookings):
        stream = UUID(int=random.getrandbits(128), version=4)
        stay = item(starts_at=NOON + timedelta(days=random.randrange(700)), nights=random.randint(1, 7))
        yield stream, 1, held(stay, reference=f"{seed:02d}{number:08d}", party_size=2, customer_id=CUSTOMER)
        yield stream, 2, booking.BookingConfirmed()
        fate = random.random()
        if fate < 0.1:
            moved = item(resource_id=SUITE, starts_at=stay.starts_at, nights=3)
            waiting += [(stream, 3, booking.BookingRescheduled((moved,))), (stream, 4, booking.BookingCheckedIn())]
            waiting.append((stream, 5, booking.BookingCompleted()))
        elif fate < 0.55:
            waiting.append((stream, 3, booking.BookingCancelled("customer")))
        else:
            waiting += [(stream, 3, booking.BookingCheckedIn()), (stream, 4, booking.BookingCompleted())]
        if len(waiting) > 3000:
            yield from waiting[:1500]
            del waiting[:1500]
    yield from waiting


class Log:
    """The event store's log, as the runner wants it."""

    def read(self, connection: psycopg.Connection[Any], after: int, limit: int) -> Sequence[Any]:
        return log.read(connection, after, limit)

    def lag(self, connection: psycopg.Connection[Any], after: int) -> log.Lag:
        return log.lag(connection, after)
