"""The access log, kept by PostgreSQL: the port `application.access.AccessLog`."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct

from application.access import Access, Outcome
from application.event_store import Unavailable
from application.recorded import Actor, Origin
from infrastructure.event_store import statements
from infrastructure.postgres import packed
from infrastructure.postgres.pool import Lost, Pool, Refused


class Circumstances(Struct, frozen=True, omit_defaults=True):
    """Who, from where and under which id: what nobody searches by in PostgreSQL."""

    actor: Actor
    origin: Origin
    command_id: UUID | None = None


class Accessed(Struct, frozen=True):
    """An entry in its place."""

    tenant: UUID
    position: int
    """In the scheme of the event store's positions, and comparable with them."""
    at: datetime
    action: str
    outcome: Outcome
    reason: str | None
    actor_id: str
    target_type: str | None
    target_id: str | None
    subjects: tuple[UUID, ...]
    circumstances: Circumstances


class PostgresAccessLog:
    """Writes over the pool of the write side."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def record(self, entries: Sequence[Access]) -> None:
        """Returns once they are on disk; `Unavailable` when that could not be known in time. Then they may be there all
        the same, and an attempt that is told twice does no harm."""
        for tenant, some in groupby(entries, lambda entry: entry.tenant):
            values = [tenant.bytes, packed.jsonb(_encode([_row(entry) for entry in some]))]
            try:
                with self._pool.session() as session:
                    session.call(statements.ACCESS, values)
            except (Lost, Refused) as error:
                raise Unavailable(str(error)) from error


def _row(entry: Access) -> dict[str, Any]:
    about = Circumstances(entry.actor, entry.origin, entry.command_id)
    return {
        "action": entry.action, "outcome": entry.outcome, "reason": entry.reason, "actor_id": entry.actor.id,
        "target_type": entry.target_type, "target_id": entry.target_id, "subjects": entry.subjects,
        "metadata": _encode(about).decode(),
    }  # fmt: skip


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Circumstances).decode


def read(connection: psycopg.Connection[Any], after: int = 0, most: int = 1000) -> Iterator[Accessed]:
    """The entries of all tenants in their order, as far as nothing can come before them any more."""
    for row in connection.execute("SELECT * FROM access_log.read_log(%s, %s)", [after, most]).fetchall():
        position, tenant, at, action, outcome, reason, actor_id, target_type, target_id, subjects, metadata = row
        yield Accessed(
            tenant, position, at, action, outcome, reason, actor_id, target_type, target_id, tuple(subjects),
            _decode(metadata),
        )  # fmt: skip
