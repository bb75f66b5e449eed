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
