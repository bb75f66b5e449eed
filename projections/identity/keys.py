"""API keys: which there are. Whether one is good is asked of the log itself, by whoever is shown it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Column, Table, Uuid, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, BOOLEAN, TEXT, TIMESTAMP

from application.identity.keys import ApiKeys
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.event import Event
from domain.identity import trust_events as events
from projections.view import TABLES, Answer, Asked, Change, Put, Set, View, bounded, compiling, page

MOST_ROWS = 500

API_KEY = Table(
    "api_key", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("scopes", ARRAY(TEXT), nullable=False),
    Column("within", ARRAY(Uuid), nullable=False),
    Column("issued_at", TIMESTAMP(timezone=True), nullable=False),
    Column("expires_at", TIMESTAMP(timezone=True), nullable=False),
    Column("revoked", BOOLEAN, nullable=False),
)  # fmt: skip


class Key(Struct, frozen=True):
    id: UUID
    version: int
    user_id: UUID
    name: str
    scopes: Sequence[str]
    within: Sequence[UUID]
    issued_at: datetime
    expires_at: datetime
    revoked: bool


_KEYS = select(*[API_KEY.c[name] for name in Key.__struct_fields__]).where(API_KEY.c.tenant == bindparam("tenant"))


@compiling
def _keys(given: frozenset[str]) -> Any:
    statement = _KEYS.where(API_KEY.c.id > bindparam("after")) if "after" in given else _KEYS
    return statement.order_by(API_KEY.c.id).limit(bindparam("limit"))


class ApiKeysOfOrganization(View):
    name: ClassVar[str] = "api-keys"
    tables: ClassVar[tuple[Table, ...]] = (API_KEY,)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    def answers(self) -> Mapping[type[Query], Answer]:
        return {ApiKeys: self.api_keys}

    def api_keys(self, query: ApiKeys, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        statement = _keys(frozenset() if query.after is None else frozenset({"after"}))
        values = {"tenant": occasion.tenant, "after": query.after, "limit": limit + 1}
        return Asked(statement.text, statement.asked(values), page(Key, limit, lambda row: row.id))


def _issued(recorded: RecordedEvent, fact: events.ApiKeyIssued) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "id": recorded.stream, "version": recorded.version, "user_id": fact.user_id,
        "name": fact.name, "scopes": list(fact.scopes), "within": list(fact.within),
        "issued_at": recorded.occurred_at, "expires_at": fact.expires_at, "revoked": False,
    }  # fmt: skip
    return (Put(API_KEY, row),)


def _revoked(recorded: RecordedEvent, fact: events.ApiKeyRevoked) -> Sequence[Change]:
    return (Set(API_KEY, (recorded.tenant, recorded.stream), {"version": recorded.version, "revoked": True}),)


LEARNS: Mapping[type[Event], Any] = {events.ApiKeyIssued: _issued, events.ApiKeyRevoked: _revoked}
