"""The log in its order, for those who follow it: every event comes back, readable or not, and nothing raises."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from msgspec import Struct

import application.handlers  # noqa: F401  # with what can be asked comes every fact: else some would be unknown here
from application.recorded import Envelope, RecordedEvent
from infrastructure.event_store.mapper import envelope_of, fact_of

READ_LOG = "SELECT * FROM event_store.read_log(%s, %s)"
# For the owner alone, inside a snapshot of its own: what is visible, settled or not.
_READ_ALL = (
    "SELECT position, tenant, stream, version, event_id, tag, state, metadata, recorded_at FROM event_store.event "
    "WHERE position > %s ORDER BY position LIMIT %s"
)
READ_LOG_OF = "SELECT * FROM event_store.read_log_of(%s)"
LAG = "SELECT * FROM event_store.lag(%s, %s)"

Row = tuple[int, UUID, UUID, int, UUID, str, bytes, bytes, datetime]


class Unreadable(Struct, frozen=True):
    """An event under an unknown tag, or one whose content cannot be read. It stays in its place in the log; the hash
    says which bytes they were, without showing them."""

    position: int
    tenant: UUID
    stream: UUID
    version: int
    event_id: UUID
    tag: str
    recorded_at: datetime
    state_sha256: str
    error: str


Logged = RecordedEvent | Unreadable


class Lag(Struct, frozen=True):
    """How far a follower is behind."""

    behind: int
    """Events that it has not seen, counted up to a bound."""
    oldest: datetime | None
    """When the oldest of them was recorded."""
    last_position: int
    readable_before: int
    """The watermark: open writing transactions hold it back."""


class Reader:
    """Turns rows into events; remembers the last envelope, which the events of one command share."""

    __slots__ = ("_envelope", "_metadata")

    def __init__(self) -> None:
        self._metadata: bytes | None = None
        self._envelope: Envelope | None = None

    def event(self, row: Row) -> Logged:
        position, tenant, stream, version, event_id, tag, state, metadata, recorded_at = row
        try:
            fact = fact_of(tag, state)
            envelope = self._envelope
            if envelope is None or metadata != self._metadata:
                envelope = self._envelope = envelope_of(metadata)
                self._metadata = metadata
        except Exception as error:  # an upcast may stumble over anything that is not what it was written for
            return Unreadable(
                position,
                tenant,
                stream,
                version,
                event_id,
                tag,
                recorded_at,
                hashlib.sha256(state).hexdigest(),
                f"{type(error).__name__}: {error}"[:500],
            )
        return RecordedEvent(position, tenant, stream, version, event_id, tag, recorded_at, fact, envelope)


def events(rows: Sequence[Any]) -> list[Logged]:
    reader = Reader()
    return [reader.event(row) for row in rows]


def read(connection: psycopg.Connection[Any], after: int, limit: int, beyond_watermark: bool = False) -> list[Logged]:
    """Up to `limit` events after a position. Those that are not settled yet come later, never out of turn."""
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(_READ_ALL if beyond_watermark else READ_LOG, [after, limit], prepare=True).fetchall()
    return events(rows)


def of_tenant(connection: psycopg.Connection[Any], tenant: UUID, page: int = 2000) -> Iterator[list[Logged]]:
    """The settled log of one tenant, page by page, out of one statement: no more than a page is in memory here."""
    with connection.transaction(), connection.cursor("log_of_tenant", binary=True) as cursor:
        cursor.execute(READ_LOG_OF, [tenant])
        while rows := cursor.fetchmany(page):
            yield events(rows)


async def read_async(connection: psycopg.AsyncConnection[Any], after: int, limit: int) -> list[Logged]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(READ_LOG, [after, limit], prepare=True)
        return events(await cursor.fetchall())


def lag(connection: psycopg.Connection[Any], after: int, most: int = 100_000) -> Lag:
    return _lag(connection.execute(LAG, [after, most]).fetchone())


async def lag_async(connection: psycopg.AsyncConnection[Any], after: int, most: int = 100_000) -> Lag:
    cursor = await connection.execute(LAG, [after, most])
    return _lag(await cursor.fetchone())


def _lag(row: Any) -> Lag:
    behind, oldest, last_position, readable_before = row
    return Lag(behind, oldest, last_position or 0, readable_before)
