"""Houses elsewhere whose word is taken for who somebody is."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Column, Table, Uuid, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, TEXT

from application.identity.issuers import Issuers
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.event import Event
from domain.identity import trust_events as events
from projections.view import TABLES, Answer, Asked, Change, Put, Remove, View, compiled, many

MOST_ROWS = 200

ISSUER = Table(
    "issuer", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("url", TEXT, nullable=False),
    Column("client_id", TEXT, nullable=False),
    Column("audience", TEXT, nullable=False),
    Column("by", TEXT, nullable=False),
    Column("domains", ARRAY(TEXT), nullable=False),
)  # fmt: skip


class Row(Struct, frozen=True):
    id: UUID
    version: int
    url: str
    client_id: str
    audience: str
    by: str
    domains: Sequence[str]


_ISSUERS = compiled(
    select(*[ISSUER.c[name] for name in Row.__struct_fields__])
    .where(ISSUER.c.tenant == bindparam("tenant"))
    .order_by(ISSUER.c.id)
    .limit(bindparam("limit")),
    "tenant",
    "limit",
)


class TrustedIssuers(View):
    name: ClassVar[str] = "issuers"
    tables: ClassVar[tuple[Table, ...]] = (ISSUER,)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    def answers(self) -> Mapping[type[Query], Answer]:
        return {Issuers: self.issuers}

    def issuers(self, query: Issuers, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(_ISSUERS.text, (occasion.tenant, MOST_ROWS), many(Row))


def _trusted(recorded: RecordedEvent, fact: events.IssuerTrusted) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "id": recorded.stream, "version": recorded.version, "url": fact.url,
        "client_id": fact.client_id, "audience": fact.audience, "by": fact.by, "domains": list(fact.domains),
    }  # fmt: skip
    return (Put(ISSUER, row),)


def _dropped(recorded: RecordedEvent, fact: events.IssuerDropped) -> Sequence[Change]:
    return (Remove(ISSUER, (recorded.tenant, recorded.stream)),)


LEARNS: Mapping[type[Event], Any] = {events.IssuerTrusted: _trusted, events.IssuerDropped: _dropped}
