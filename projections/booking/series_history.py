"""The history of a series: one row for each thing that happened to it, never changed again."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, get_args

from sqlalchemy import Column, Table, Uuid, bindparam, exists, select
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT

from application.booking.queries import MOST_ROWS
from application.booking.series_queries import HistoryOfSeries
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.booking.series_errors import UnknownSeries
from domain.booking.series_events import SeriesCreated, SeriesEvent
from domain.event import action
from projections.booking.history import MOMENT, Happened, happened
from projections.mine import BESIDE, mine
from projections.view import TABLES, Answer, Asked, Change, Page, Put, View, bounded, compiled, own, page

SERIES_HISTORY = Table(
    "series_history", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("series_id", Uuid, primary_key=True),
    Column("version", BIGINT, primary_key=True),
    Column("position", BIGINT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("recorded_at", MOMENT, nullable=False),
    Column("occurred_at", MOMENT, nullable=False),
    Column("actor", JSONB, nullable=False),
    Column("channel", TEXT, nullable=False),
    Column("reason", TEXT),
    Column("facts", JSONB, nullable=False),
    # Whose series it is, on its first row: who may see their own only are asked for it.
    Column("customer_id", Uuid),
)  # fmt: skip
KINDS = frozenset(get_args(SeriesEvent))

_ROWS = (
    select(
        SERIES_HISTORY.c.version, SERIES_HISTORY.c.position, SERIES_HISTORY.c.action, SERIES_HISTORY.c.recorded_at,
        SERIES_HISTORY.c.occurred_at, SERIES_HISTORY.c.actor.cast(TEXT), SERIES_HISTORY.c.channel,
        SERIES_HISTORY.c.reason, SERIES_HISTORY.c.facts.cast(TEXT),
    )
    .where(
        SERIES_HISTORY.c.tenant == bindparam("tenant"),
        SERIES_HISTORY.c.series_id == bindparam("series_id"),
        SERIES_HISTORY.c.version > bindparam("after"),
    )
    .order_by(SERIES_HISTORY.c.version)
    .limit(bindparam("limit"))
)  # fmt: skip
_FIRST = SERIES_HISTORY.alias("first")
ALL = compiled(_ROWS)
OWN = compiled(
    _ROWS.where(
        exists().where(
            _FIRST.c.tenant == bindparam("tenant"),
            _FIRST.c.series_id == bindparam("series_id"),
            _FIRST.c.version == bindparam("one"),
            mine(_FIRST.c.customer_id),
        )
    )
)


class SeriesHistory(View):
    name: ClassVar[str] = "series_history"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (SERIES_HISTORY,)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        fact, envelope = recorded.fact, recorded.envelope
        if type(fact) not in KINDS:
            return ()
        return (
            Put(SERIES_HISTORY, {
                "tenant": recorded.tenant, "series_id": recorded.stream, "version": recorded.version,
                "position": recorded.position, "action": action(recorded.tag), "recorded_at": recorded.recorded_at,
                "occurred_at": recorded.occurred_at, "actor": envelope.actor, "channel": envelope.origin.channel,
                "reason": envelope.reason, "facts": fact,
                "customer_id": fact.customer_id if isinstance(fact, SeriesCreated) else None,
            }),
        )  # fmt: skip

    def answers(self) -> Mapping[type[Query], Answer]:
        return {HistoryOfSeries: self.history_of_series}

    def history_of_series(self, query: HistoryOfSeries, occasion: Occasion, scope: Scope) -> Asked:
        """Every series has a first event, so that an empty first page means that there is none (or not one's own)."""
        limit = bounded(query.limit, MOST_ROWS)
        statement = OWN if scope == "own" else ALL
        values = {
            "tenant": occasion.tenant, "series_id": query.series_id, "after": max(query.after, 0), "limit": limit + 1,
            "one": 1, "own": own(occasion) if scope == "own" else None,
        }  # fmt: skip
        rows = page(happened, limit, lambda row: row.version)

        def shape(found: list[Any]) -> Page[Happened]:
            if not found and query.after <= 0:
                raise UnknownSeries
            return rows(found)

        return Asked(statement.text, statement.asked(values), shape)
