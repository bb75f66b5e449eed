"""Quotas: the rules, the groups that are counted together, and what counts against them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Boolean, Column, Index, Table, Uuid, bindparam, case, false, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP, aggregate_order_by

from application.message import Occasion, Query, Scope
from application.quota.queries import Parties, QuotaRules, QuotasOf, TheParty, WhatCounts
from application.recorded import RecordedEvent
from domain.claim import Claim, Extend, Release, Retally, Retime, Settle, Take, Tally
from domain.claims import claims_of
from domain.event import Event
from domain.quota import events
from domain.quota.counting import Group, Picture, Verdict
from domain.quota.errors import NotYourQuotas, UnknownParty
from domain.quota.rule import Kind, QuotaRule
from projections.mine import BESIDE, mine
from projections.view import (
    TABLES,
    Answer,
    Asked,
    Change,
    Put,
    Remove,
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

MOST_ROWS = 500

QUOTA_RULE = Table(
    "quota_rule", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("name", TEXT(collation="C"), primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("rule", JSONB, nullable=False),
)  # fmt: skip

PARTY = Table(
    "party", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("name", TEXT(collation="C"), nullable=False),
    Column("dissolved", Boolean, nullable=False),
    Index("party_name", "tenant", "name", "id"),
)  # fmt: skip

PARTY_MEMBER = Table(
    "party_member", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("party_id", Uuid, primary_key=True),
    Column("customer_id", Uuid, primary_key=True),
    Index("party_member_customer", "tenant", "customer_id"),
    info={"group": 2},
)  # fmt: skip

# What counts, by the same function of the events that fills the table which the write counts from.
QUOTA_TALLY = Table(
    "quota_tally", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("booking_id", Uuid, primary_key=True),
    Column("who", Uuid, nullable=False),
    Column("offering_id", Uuid),
    Column("location_id", Uuid, nullable=False),
    Column("resources", JSONB, nullable=False),
    Column("starts_at", TIMESTAMP(timezone=True), nullable=False),
    Column("ends_at", TIMESTAMP(timezone=True), nullable=False),
    Column("state", TEXT, nullable=False),
    Column("expires_at", TIMESTAMP(timezone=True)),
    Index("quota_tally_who", "tenant", "who"),
)  # fmt: skip


class RuleAsItStands(Struct, frozen=True):
    rule: QuotaRule
    version: int
    """Of all quotas when this one was set."""
    position: int


class PartyAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    kind: Kind
    name: str
    dissolved: bool
    members: tuple[UUID, ...]


class Row(Struct, frozen=True):
    """What counts, as it stands."""

    who: UUID
    booking_id: UUID
    offering_id: UUID | None
    location_id: UUID
    resources: tuple[UUID, ...]
    starts_at: datetime
    ends_at: datetime
    state: str
    expires_at: datetime | None


_rule = msgspec.json.Decoder(QuotaRule).decode
_rules = msgspec.json.Decoder(list[QuotaRule]).decode
_groups = msgspec.json.Decoder(list[Group]).decode
_rows = msgspec.json.Decoder(list[Row]).decode
_ids = msgspec.json.Decoder(tuple[UUID, ...]).decode

EMPTY = literal_column("'[]'::jsonb", JSONB)
PLAN = literal_column("'plan'", TEXT)
_TENANT, _WHO = bindparam("tenant", type_=Uuid), bindparam("who", type_=Uuid)
_MINE, _OTHERS = PARTY_MEMBER.alias("mine"), PARTY_MEMBER.alias("others")
_OTHER = (_OTHERS.c.tenant == PARTY.c.tenant) & (_OTHERS.c.party_id == PARTY.c.id)
_MY_PARTIES = PARTY.join(_MINE, (_MINE.c.tenant == PARTY.c.tenant) & (_MINE.c.party_id == PARTY.c.id))
_I_AM_IN = (_MINE.c.tenant == _TENANT) & (_MINE.c.customer_id == _WHO)


def _listed(of: Any) -> Any:
    return func.coalesce(func.jsonb_agg(of), EMPTY)


def _object(**parts: Any) -> Any:
    named: list[Any] = []
    for name, part in parts.items():
        named += [literal_column(f"'{name}'"), part]
    return func.jsonb_build_object(*named)


# Who is on a plan is counted alone, and a plan may have many: its members are not looked up.
_MEMBERS = select(_listed(_OTHERS.c.customer_id)).where(_OTHER).correlate(PARTY).scalar_subquery()
_GROUP = _object(id=PARTY.c.id, kind=PARTY.c.kind, members=case((PARTY.c.kind == PLAN, EMPTY), else_=_MEMBERS))
_COUNTED_TOGETHER = (
    select(_OTHERS.c.customer_id)
    .select_from(_MY_PARTIES.join(_OTHERS, _OTHER))
    .where(_I_AM_IN, PARTY.c.kind != PLAN)
    .union_all(select(_WHO))
)
_ROW = _object(**{column.name: column for column in QUOTA_TALLY.c if column.name != "tenant"})
_ALL: Any = select(
    select(_listed(QUOTA_RULE.c.rule)).where(QUOTA_RULE.c.tenant == _TENANT).scalar_subquery().cast(TEXT),
    select(_listed(_GROUP)).select_from(_MY_PARTIES).where(_I_AM_IN).scalar_subquery().cast(TEXT),
    select(_listed(_ROW))
    .where(QUOTA_TALLY.c.tenant == _TENANT, QUOTA_TALLY.c.who.in_(_COUNTED_TOGETHER))
    .scalar_subquery()
    .cast(TEXT),
    func.now(),
)
_PICTURE = compiled(_ALL)
_OWN_PICTURE = compiled(_ALL.add_columns(mine(_WHO)))
_RULES = compiled(
    select(QUOTA_RULE.c.rule.cast(TEXT), QUOTA_RULE.c.version, QUOTA_RULE.c.position)
    .where(QUOTA_RULE.c.tenant == bindparam("tenant"))
    .order_by(QUOTA_RULE.c.name),
    "tenant",
)
_PEOPLE = (
    select(_listed(aggregate_order_by(_OTHERS.c.customer_id, _OTHERS.c.customer_id)))
    .where(_OTHER)
    .correlate(PARTY)
    .scalar_subquery()
    .cast(TEXT)
)
_PARTIES = select(
    PARTY.c.id, PARTY.c.version, PARTY.c.position, PARTY.c.kind, PARTY.c.name, PARTY.c.dissolved, _PEOPLE
).where(PARTY.c.tenant == bindparam("tenant"))  # fmt: skip
_THE_PARTY = compiled(_PARTIES.where(PARTY.c.id == bindparam("id")), "tenant", "id")


@compiling
def _parties(given: frozenset[str]) -> Any:
    statement = _PARTIES.where(PARTY.c.dissolved.is_(false()))
    if "after" in given:
        last = tuple_(bindparam("after_name"), bindparam("after_id"))
        statement = statement.where(tuple_(PARTY.c.name, PARTY.c.id) > last)
    return statement.order_by(PARTY.c.name, PARTY.c.id).limit(bindparam("limit"))


def _party(
    id: UUID, version: int, position: int, kind: Kind, name: str, dissolved: bool, members: str,
) -> PartyAsItStands:  # fmt: skip
    return PartyAsItStands(id, version, position, kind, name, dissolved, _ids(members))


def _picture(rows: list[Any]) -> Picture:
    rules, groups, counted, now, *allowed = rows[0]
    if False in allowed:
        raise NotYourQuotas
    return Picture(_rules(rules), _groups(groups), _rows(counted), now)


class Quotas(View):
    name: ClassVar[str] = "quotas"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (QUOTA_RULE, PARTY, PARTY_MEMBER, QUOTA_TALLY)

    # learning

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        if learn is not None:
            return learn(recorded, recorded.fact)
        return _counted(recorded, claims_of(recorded.fact, recorded.stream))

    # answering

    def answers(self) -> Mapping[type[Query], Answer]:
        return {
            QuotaRules: self.quota_rules,
            QuotasOf: self.quotas_of,
            WhatCounts: self.what_counts,
            TheParty: self.the_party,
            Parties: self.parties,
        }

    def quota_rules(self, query: QuotaRules, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(
            _RULES.text, (occasion.tenant,), many(lambda rule, version, at: RuleAsItStands(_rule(rule), version, at))
        )

    def quotas_of(self, query: QuotasOf, occasion: Occasion, scope: Scope) -> Asked:
        def stands(rows: list[Any]) -> list[Verdict]:
            return _picture(rows).standing(query.customer_id, query.zone, query.on)

        return _asked_for(query.customer_id, occasion, scope, stands)

    def what_counts(self, query: WhatCounts, occasion: Occasion, scope: Scope) -> Asked:
        return _asked_for(query.customer_id, occasion, scope, _picture)

    def the_party(self, query: TheParty, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(_THE_PARTY.text, (occasion.tenant, query.party_id), one(_party, UnknownParty))

    def parties(self, query: Parties, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        statement = _parties(frozenset() if query.after is None else frozenset({"after"}))
        name, last = query.after or (None, None)
        values = {"tenant": occasion.tenant, "after_name": name, "after_id": last, "limit": limit + 1}
        return Asked(statement.text, statement.asked(values), page(_party, limit, lambda row: (row.name, row.id)))


def _asked_for(customer_id: UUID, occasion: Occasion, scope: Scope, shape: Callable[[list[Any]], Any]) -> Asked:
    statement = _OWN_PICTURE if scope == "own" else _PICTURE
    values = {"tenant": occasion.tenant, "who": customer_id, "own": own(occasion) if scope == "own" else None}
    return Asked(statement.text, statement.asked(values), shape)


# what each fact does


def _rule_set(recorded: RecordedEvent, fact: events.QuotaRuleSet) -> Sequence[Change]:
    row = {"tenant": recorded.tenant, "name": fact.rule.name, **_at(recorded), "rule": fact.rule}
    return (Put(QUOTA_RULE, row),)


def _rule_withdrawn(recorded: RecordedEvent, fact: events.QuotaRuleWithdrawn) -> Sequence[Change]:
    return (Remove(QUOTA_RULE, (recorded.tenant, fact.name)),)


def _formed(recorded: RecordedEvent, fact: events.PartyFormed) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "id": recorded.stream, **_at(recorded), "kind": fact.kind, "name": fact.name,
        "dissolved": False,
    }  # fmt: skip
    return (Put(PARTY, row),)


def _joined(recorded: RecordedEvent, fact: events.PartyJoined) -> Sequence[Change]:
    row = {"tenant": recorded.tenant, "party_id": recorded.stream, "customer_id": fact.customer_id}
    return (_moved_on(recorded), Put(PARTY_MEMBER, row))


def _left(recorded: RecordedEvent, fact: events.PartyLeft) -> Sequence[Change]:
    return (_moved_on(recorded), Remove(PARTY_MEMBER, (recorded.tenant, recorded.stream, fact.customer_id)))


def _dissolved(recorded: RecordedEvent, fact: events.PartyDissolved) -> Sequence[Change]:
    return (_moved_on(recorded, dissolved=True), Remove(PARTY_MEMBER, (recorded.tenant, recorded.stream)))


def _moved_on(recorded: RecordedEvent, **values: Any) -> Set:
    return Set(PARTY, (recorded.tenant, recorded.stream), {**_at(recorded), **values})


def _at(recorded: RecordedEvent) -> dict[str, Any]:
    return {"version": recorded.version, "position": recorded.position}


LEARNS: dict[type[Event], Callable[[RecordedEvent, Any], Sequence[Change]]] = {
    events.QuotaRuleSet: _rule_set,
    events.QuotaRuleWithdrawn: _rule_withdrawn,
    events.PartyFormed: _formed,
    events.PartyJoined: _joined,
    events.PartyLeft: _left,
    events.PartyDissolved: _dissolved,
}


# and what counts


def _counted(recorded: RecordedEvent, claims: Sequence[Claim]) -> Sequence[Change]:
    """What the claims of a fact say about the booking that counts; where nobody's quota counts it there is no row."""
    changes: list[Change] = []
    values: dict[str, Any] = {}
    expires_at = next((claim.expires_at for claim in claims if isinstance(claim, Take)), None)
    for claim in claims:
        match claim:
            case Tally(who, booking_id, offering_id, location_id, resources, starts_at, ends_at):
                row = {
                    "tenant": recorded.tenant, "booking_id": booking_id, "who": who, "offering_id": offering_id,
                    "location_id": location_id, "resources": resources, "starts_at": starts_at, "ends_at": ends_at,
                    "state": "live", "expires_at": expires_at,
                }  # fmt: skip
                changes.append(Put(QUOTA_TALLY, row))
            case Retally(booking_id, state):
                values |= {"state": state, "expires_at": None}
            case Retime(_, resources, starts_at, ends_at):
                values |= {"resources": resources, "starts_at": starts_at, "ends_at": ends_at, "expires_at": None}
            case Extend(_, expires_at):
                values["expires_at"] = expires_at
            case Settle() | Release():
                values["expires_at"] = None
    if values and not changes:
        changes.append(Set(QUOTA_TALLY, (recorded.tenant, recorded.stream), values))
    return changes
