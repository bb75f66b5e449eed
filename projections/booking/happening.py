"""What a history is, of whatever: one row for each thing that happened, never changed again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Table, Uuid, bindparam, exists, select
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP

from application.booking.queries import MOST_ROWS
from application.message import Occasion, Scope
from application.recorded import Actor, RecordedEvent
from domain.errors import Unknown
from domain.event import action
from projections.mine import mine
from projections.view import TABLES, Asked, Page, Put, bounded, compiled, own, page

MOMENT = TIMESTAMP(timezone=True)


class Happened(Struct, frozen=True):
    version: int
    position: int
    action: str
    """`booking.checked_in`, whatever the shape in which it is kept."""
    recorded_at: datetime
    occurred_at: datetime
    """When it happened; later than `recorded_at` never, earlier where a history was imported."""
    actor: Actor
    channel: str
    reason: str | None
    facts: dict[str, Any]


_actor = msgspec.json.Decoder(Actor).decode
_facts = msgspec.json.Decoder(dict[str, Any]).decode


def happened(
    version: int, position: int, what: str, recorded_at: datetime, occurred_at: datetime, actor: str, channel: str,
    reason: str | None, facts: str,
) -> Happened:  # fmt: skip
    return Happened(version, position, what, recorded_at, occurred_at, _actor(actor), channel, reason, _facts(facts))


def table_of(name: str, key: str) -> Table:
    """The rows; `key` names the stream whose history it is."""
    return Table(
        name, TABLES,
        Column("tenant", Uuid, primary_key=True),
        Column(key, Uuid, primary_key=True),
        Column("version", BIGINT, primary_key=True),
        Column("position", BIGINT, nullable=False),
        Column("action", TEXT, nullable=False),
        Column("recorded_at", MOMENT, nullable=False),
        Column("occurred_at", MOMENT, nullable=False),
        Column("actor", JSONB, nullable=False),
        Column("channel", TEXT, nullable=False),
        Column("reason", TEXT),
        Column("facts", JSONB, nullable=False),
        # Whose it is, on its first row: who may see their own only are asked for it.
        Column("customer_id", Uuid),
    )  # fmt: skip


class Telling:
    """How a history is written and asked for."""

    def __init__(self, table: Table, unknown: type[Unknown]) -> None:
        self._table, self._unknown = table, unknown
        self._key = key = list(table.primary_key.columns)[1].name
        c, first = table.c, table.alias("first")
        rows = (
            select(
                c.version, c.position, c.action, c.recorded_at, c.occurred_at, c.actor.cast(TEXT), c.channel, c.reason,
                c.facts.cast(TEXT),
            )
            .where(c.tenant == bindparam("tenant"), c[key] == bindparam(key), c.version > bindparam("after"))
            .order_by(c.version)
            .limit(bindparam("limit"))
        )  # fmt: skip
        its_first = exists().where(
            first.c.tenant == bindparam("tenant"),
            first.c[key] == bindparam(key),
            first.c.version == bindparam("one"),
            mine(first.c.customer_id),
        )
        self._statements: Mapping[Scope, Any] = {"any": compiled(rows), "own": compiled(rows.where(its_first))}

    def row(self, recorded: RecordedEvent, customer_id: UUID | None) -> Put:
        envelope = recorded.envelope
        return Put(self._table, {
            "tenant": recorded.tenant, self._key: recorded.stream, "version": recorded.version,
            "position": recorded.position, "action": action(recorded.tag), "recorded_at": recorded.recorded_at,
            "occurred_at": recorded.occurred_at, "actor": envelope.actor, "channel": envelope.origin.channel,
            "reason": envelope.reason, "facts": recorded.fact, "customer_id": customer_id,
        })  # fmt: skip

    def asked(self, stream: UUID, after: int, limit: int, occasion: Occasion, scope: Scope) -> Asked:
        """Every stream has a first event, so that an empty first page means that there is none (or not one's own)."""
        limit = bounded(limit, MOST_ROWS)
        statement = self._statements[scope]
        values = {
            "tenant": occasion.tenant, self._key: stream, "after": max(after, 0), "limit": limit + 1, "one": 1,
            "own": own(occasion) if scope == "own" else None,
        }  # fmt: skip
        rows = page(happened, limit, lambda row: row.version)

        def shape(found: list[Any]) -> Page[Happened]:
            if not found and after <= 0:
                raise self._unknown
            return rows(found)

        return Asked(statement.text, statement.asked(values), shape)
