"""Erasures, what stands against them, and how long people are kept. Ids, codes and counts: nothing about anybody."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Column, Index, Integer, Table, Uuid, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, TEXT, TIMESTAMP

from application.message import Occasion, Query, Scope
from application.privacy.queries import Erasures, HoldsOn, TheErasure, TheRetention
from application.recorded import RecordedEvent
from domain.event import Event
from domain.privacy import events
from domain.privacy.errors import NoErasure
from domain.privacy.subject import Status
from projections.view import (
    TABLES,
    Answer,
    Asked,
    Change,
    Put,
    Set,
    View,
    bounded,
    compiled,
    compiling,
    many,
    one,
    own,
    page,
)  # fmt: skip

MOMENT = TIMESTAMP(timezone=True)
MOST_ROWS = 500

ERASURE = Table(
    "erasure", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("request_id", Uuid, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("basis", TEXT, nullable=False),
    Column("requested_at", MOMENT, nullable=False),
    Column("requested_by", TEXT, nullable=False),
    Column("holds", ARRAY(Uuid), nullable=False),
    Column("erased_at", MOMENT),
    Column("keys", Integer),
    Column("rows", Integer),
    Column("certified_at", MOMENT),
    Column("tried", Integer),
    Column("opened", Integer),
    Column("found", Integer),
    Index("erasure_requested", "tenant", "requested_at", "user_id"),
)  # fmt: skip

HOLD = Table(
    "legal_hold", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("why", TEXT, nullable=False),
    Column("placed_at", MOMENT, nullable=False),
    Column("placed_by", TEXT, nullable=False),
    Column("until", MOMENT),
    Column("lifted_at", MOMENT),
    Column("lifted_by", TEXT),
)  # fmt: skip

RETENTION = Table(
    "retention", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("without_bookings_days", Integer),
    Column("hold_days", Integer, nullable=False),
)  # fmt: skip


class ErasureAsItStands(Struct, frozen=True):
    user_id: UUID
    version: int
    position: int
    request_id: UUID
    status: Status
    basis: str
    requested_at: datetime
    requested_by: str
    holds: Sequence[UUID]
    """Refused: what stood against it."""
    erased_at: datetime | None
    keys: int | None
    rows: int | None
    certified_at: datetime | None
    tried: int | None
    opened: int | None
    found: int | None


class HoldAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    why: str
    placed_at: datetime
    placed_by: str
    until: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None


class RetentionAsItStands(Struct, frozen=True):
    version: int = 0
    position: int = 0
    without_bookings_days: int | None = None
    hold_days: int = 0


_ERASURES = select(*[ERASURE.c[name] for name in ErasureAsItStands.__struct_fields__]).where(
    ERASURE.c.tenant == bindparam("tenant")
)
_THE_ERASURE = compiled(_ERASURES.where(ERASURE.c.user_id == bindparam("user_id")), "tenant", "user_id")
_HOLDS = compiled(
    select(*[HOLD.c[name] for name in HoldAsItStands.__struct_fields__])
    .where(HOLD.c.tenant == bindparam("tenant"), HOLD.c.user_id == bindparam("user_id"))
    .order_by(HOLD.c.placed_at, HOLD.c.id),
    "tenant",
    "user_id",
)
_RETENTION = compiled(
    select(*[RETENTION.c[name] for name in RetentionAsItStands.__struct_fields__]).where(
        RETENTION.c.tenant == bindparam("tenant")
    ),
    "tenant",
)


@compiling
def _erasures(further: bool) -> Any:
    statement = _ERASURES
    if further:
        statement = statement.where(
            tuple_(ERASURE.c.requested_at, ERASURE.c.user_id)
            < tuple_(bindparam("at", type_=MOMENT), bindparam("user_id", type_=Uuid()))
        )
    return statement.order_by(ERASURE.c.requested_at.desc(), ERASURE.c.user_id.desc()).limit(bindparam("limit"))


class ErasuresOfOrganization(View):
    name: ClassVar[str] = "erasures"
    tables: ClassVar[tuple[Table, ...]] = (ERASURE, HOLD, RETENTION)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    def answers(self) -> Mapping[type[Query], Answer]:
        return {
            TheErasure: self.the_erasure,
            Erasures: self.erasures,
            HoldsOn: self.holds_on,
            TheRetention: self.the_retention,
        }

    def the_erasure(self, query: TheErasure, occasion: Occasion, scope: Scope) -> Asked:
        """To a customer everybody else's is unknown."""
        wanted = query.user_id if scope == "any" or query.user_id == own(occasion) else UUID(int=0)
        return Asked(_THE_ERASURE.text, (occasion.tenant, wanted), one(ErasureAsItStands, NoErasure))

    def erasures(self, query: Erasures, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        statement = _erasures(query.after is not None)
        at, user_id = query.after or (None, None)
        values = {"tenant": occasion.tenant, "limit": limit + 1, "at": at, "user_id": user_id}
        shape = page(ErasureAsItStands, limit, lambda row: (row.requested_at, row.user_id))
        return Asked(statement.text, statement.asked(values), shape)

    def holds_on(self, query: HoldsOn, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(_HOLDS.text, (occasion.tenant, query.user_id), many(HoldAsItStands))

    def the_retention(self, query: TheRetention, occasion: Occasion, scope: Scope) -> Asked:
        def shape(rows: list[Any]) -> RetentionAsItStands:
            return RetentionAsItStands(*rows[0]) if rows else RetentionAsItStands()

        return Asked(_RETENTION.text, (occasion.tenant,), shape)


# what each fact does


def _requested(recorded: RecordedEvent, fact: events.ErasureRequested) -> Sequence[Change]:
    return _asked(recorded, fact, "requested", ())


def _refused(recorded: RecordedEvent, fact: events.ErasureRefused) -> Sequence[Change]:
    return _asked(recorded, fact, "refused", fact.holds)


def _asked(
    recorded: RecordedEvent,
    fact: events.ErasureRequested | events.ErasureRefused,
    status: Status,
    holds: Sequence[UUID],
) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "user_id": fact.subject, **_at(recorded), "request_id": fact.request_id,
        "status": status, "basis": fact.basis, "requested_at": recorded.occurred_at,
        "requested_by": recorded.envelope.actor.id, "holds": list(holds),
        **dict.fromkeys(("erased_at", "keys", "rows", "certified_at", "tried", "opened", "found")),
    }  # fmt: skip
    return (Put(ERASURE, row),)


def _erased(recorded: RecordedEvent, fact: events.SubjectErased) -> Sequence[Change]:
    values = {"status": "erased", "erased_at": recorded.occurred_at, "keys": fact.keys, "rows": fact.rows}
    return (Set(ERASURE, (recorded.tenant, fact.subject), {**_at(recorded), **values}),)


def _certified(recorded: RecordedEvent, fact: events.ErasureCertified) -> Sequence[Change]:
    values = {
        "status": "failed" if fact.opened or fact.found else "certified", "certified_at": recorded.occurred_at,
        "tried": fact.tried, "opened": fact.opened, "found": fact.found,
    }  # fmt: skip
    return (Set(ERASURE, (recorded.tenant, fact.subject), {**_at(recorded), **values}),)


def _held(recorded: RecordedEvent, fact: events.HoldPlaced) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "user_id": fact.subject, "id": fact.hold_id, "version": recorded.version,
        "why": fact.why, "placed_at": recorded.occurred_at, "placed_by": recorded.envelope.actor.id,
        "until": fact.until, "lifted_at": None, "lifted_by": None,
    }  # fmt: skip
    return (Put(HOLD, row),)


def _lifted(recorded: RecordedEvent, fact: events.HoldLifted) -> Sequence[Change]:
    values = {"version": recorded.version, "lifted_at": recorded.occurred_at, "lifted_by": recorded.envelope.actor.id}
    return (Set(HOLD, (recorded.tenant, fact.subject, fact.hold_id), values),)


def _retained(recorded: RecordedEvent, fact: events.RetentionSet) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, **_at(recorded), "without_bookings_days": fact.without_bookings_days,
        "hold_days": fact.hold_days,
    }  # fmt: skip
    return (Put(RETENTION, row),)


def _at(recorded: RecordedEvent) -> dict[str, Any]:
    return {"version": recorded.version, "position": recorded.position}


LEARNS: Mapping[type[Event], Callable[[RecordedEvent, Any], Sequence[Change]]] = {
    events.ErasureRequested: _requested,
    events.ErasureRefused: _refused,
    events.SubjectErased: _erased,
    events.ErasureCertified: _certified,
    events.HoldPlaced: _held,
    events.HoldLifted: _lifted,
    events.RetentionSet: _retained,
}
