"""The history of a booking: one row for each thing that happened to it, never changed again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, get_args

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Table, Uuid, bindparam, exists, select
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP

from application.booking.queries import MOST_ROWS, HistoryOfBooking
from application.message import Occasion, Query, Scope
from application.recorded import Actor, RecordedEvent
from domain.booking.errors import UnknownBooking
from domain.booking.events import BookingEvent, BookingHeld
from domain.event import action
from projections.mine import BESIDE, mine
from projections.view import TABLES, Answer, Asked, Change, Page, Put, View, bounded, compiled, own, page

MOMENT = TIMESTAMP(timezone=True)

HISTORY = Table(
    "history", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("booking_id", Uuid, primary_key=True),
    Column("version", BIGINT, primary_key=True),
    Column("position", BIGINT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("recorded_at", MOMENT, nullable=False),
    Column("occurred_at", MOMENT, nullable=False),
    Column("actor", JSONB, nullable=False),
    Column("channel", TEXT, nullable=False),
    Column("reason", TEXT),
    Column("facts", JSONB, nullable=False),
    # Whose booking it is, on its first row: who may see their own only are asked for it.
    Column("customer_id", Uuid),
)  # fmt: skip


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


KINDS = frozenset(get_args(BookingEvent))
_actor = msgspec.json.Decoder(Actor).decode
_facts = msgspec.json.Decoder(dict[str, Any]).decode

_ROWS = (
    select(
        HISTORY.c.version, HISTORY.c.position, HISTORY.c.action, HISTORY.c.recorded_at, HISTORY.c.occurred_at,
        HISTORY.c.actor.cast(TEXT), HISTORY.c.channel, HISTORY.c.reason, HISTORY.c.facts.cast(TEXT),
    )
    .where(
        HISTORY.c.tenant == bindparam("tenant"),
        HISTORY.c.booking_id == bindparam("booking_id"),
        HISTORY.c.version > bindparam("after"),
    )
    .order_by(HISTORY.c.version)
    .limit(bindparam("limit"))
)  # fmt: skip
_FIRST = HISTORY.alias("first")
ALL = compiled(_ROWS)
OWN = compiled(
    _ROWS.where(
        exists().where(
            _FIRST.c.tenant == bindparam("tenant"),
            _FIRST.c.booking_id == bindparam("booking_id"),
            _FIRST.c.version == bindparam("one"),
            mine(_FIRST.c.customer_id),
        )
    )
)


def happened(
    version: int, position: int, what: str, recorded_at: datetime, occurred_at: datetime, actor: str, channel: str,
    reason: str | None, facts: str,
) -> Happened:  # fmt: skip
    return Happened(version, position, what, recorded_at, occurred_at, _actor(actor), channel, reason, _facts(facts))


class History(View):
    name: ClassVar[str] = "history"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (HISTORY,)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        fact = recorded.fact
        if type(fact) not in KINDS:
            return ()
        envelope = recorded.envelope
        return (
            Put(HISTORY, {
                "tenant": recorded.tenant, "booking_id": recorded.stream, "version": recorded.version,
                "position": recorded.position, "action": action(recorded.tag), "recorded_at": recorded.recorded_at,
                "occurred_at": recorded.occurred_at, "actor": envelope.actor, "channel": envelope.origin.channel,
                "reason": envelope.reason, "facts": fact,
                "customer_id": fact.customer_id if isinstance(fact, BookingHeld) else None,
            }),
        )  # fmt: skip

    def answers(self) -> Mapping[type[Query], Answer]:
        return {HistoryOfBooking: self.history_of_booking}

    def history_of_booking(self, query: HistoryOfBooking, occasion: Occasion, scope: Scope) -> Asked:
        """Every booking has a first event, so that an empty first page means that there is none (or not one's own)."""
        limit = bounded(query.limit, MOST_ROWS)
        statement = OWN if scope == "own" else ALL
        values = {
            "tenant": occasion.tenant, "booking_id": query.booking_id, "after": max(query.after, 0),
            "limit": limit + 1, "one": 1, "own": own(occasion) if scope == "own" else None,
        }  # fmt: skip
        rows = page(happened, limit, lambda row: row.version)

        def shape(found: list[Any]) -> Page[Happened]:
            if not found and query.after <= 0:
                raise UnknownBooking
            return rows(found)

        return Asked(statement.text, statement.asked(values), shape)
