"""The log as the audit trail wants it: every event with the digest of its bytes, and streams from their start."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg

from infrastructure.event_store.log import READ_LOG, Lag, Logged, Reader, lag

_STREAM = (
    "SELECT at_position, %(tenant)s::uuid, stream, version, event_id, tag, state, metadata, recorded_at "
    "FROM event_store.read_streams(%(tenant)s, ARRAY[%(stream)s::uuid]) "
    "WHERE version < %(before)s ORDER BY version"
)
# By stream, not by position: the watermark, which may stand lower in a cluster that the log was just moved to, hides
# nothing here.
_WHERE = (
    "SELECT at_position, encode(sha256(state), 'hex') "
    "FROM event_store.read_streams(%(tenant)s, ARRAY[%(stream)s::uuid]) WHERE version = %(version)s"
)
_NOWHERE = 2**63 - 1


class Source:
    """What `projections.audit.trail` reads from."""

    def read(self, connection: psycopg.Connection[Any], after: int, limit: int) -> Sequence[tuple[Logged, str]]:
        """Events in order below the watermark, each with the SHA-256 of its state as it is stored."""
        with connection.cursor(binary=True) as cursor:
            rows = cursor.execute(READ_LOG, [after, limit], prepare=True).fetchall()
        reader = Reader()
        return [(reader.event(row), hashlib.sha256(row[6]).hexdigest()) for row in rows]

    def stream(self, connection: psycopg.Connection[Any], tenant: UUID, stream: UUID, before: int) -> Sequence[Logged]:
        """The events of one stream before a version."""
        with connection.cursor(binary=True) as cursor:
            values = {"tenant": tenant, "stream": stream, "before": before}
            rows = cursor.execute(_STREAM, values, prepare=True).fetchall()
        reader = Reader()
        return [reader.event(row) for row in rows]

    def lag(self, connection: psycopg.Connection[Any], after: int) -> Lag:
        return lag(connection, after)

    def where(
        self, connection: psycopg.Connection[Any], tenant: UUID, stream: UUID, version: int
    ) -> tuple[int, str] | None:
        """The position of one event, and the SHA-256 of its state; None where there is no such event."""
        values = {"tenant": tenant, "stream": stream, "version": version}
        row = connection.execute(_WHERE, values).fetchone()
        return None if row is None else (int(row[0]), str(row[1]))

    def end(self, connection: psycopg.Connection[Any]) -> int:
        """Up to here the log is settled: nothing comes any more at this position or before it."""
        now = lag(connection, _NOWHERE)
        return min(now.last_position, now.readable_before - 1)
