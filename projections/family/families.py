"""Families: who is in them, and who may do what for whom."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Boolean, Column, Index, Table, Uuid, bindparam, exists, false, func, literal_column, select
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP, aggregate_order_by

from application.family.queries import Families, TheFamily
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.event import Event
from domain.family import events
from domain.family.errors import UnknownFamily
from domain.family.events import Right
from domain.family.family import RIGHTS
from projections.mine import FAMILY_RIGHT
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
    one,
    own,
    page,
)  # fmt: skip

MOST_ROWS = 500

FAMILY = Table(
    "family", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("founded_at", TIMESTAMP(timezone=True), nullable=False),
    Column("dissolved", Boolean, nullable=False),
)  # fmt: skip

FAMILY_MEMBER = Table(
    "family_member", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("family_id", Uuid, primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Column("standing", TEXT, nullable=False),
    Index("family_member_user", "tenant", "user_id"),
    info={"group": 2},
)  # fmt: skip


class Member(Struct, frozen=True):
    user_id: UUID
    standing: str
    """guardian, dependant, grown or invited"""


class Rights(Struct, frozen=True):
    """What a guardian may do for a dependant."""

    guardian_id: UUID
    dependant_id: UUID
    rights: tuple[Right, ...]


class FamilyAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    founded_at: datetime
    dissolved: bool
    members: tuple[Member, ...]
    rights: tuple[Rights, ...]


class _May(Struct, frozen=True):
    guardian_id: UUID
    dependant_id: UUID
    book: bool
    pay: bool
    see: bool


_members = msgspec.json.Decoder(tuple[Member, ...]).decode
_mays = msgspec.json.Decoder(tuple[_May, ...]).decode


def _family(
    id: UUID, version: int, position: int, founded_at: datetime, dissolved: bool, members: str, rights: str,
) -> FamilyAsItStands:  # fmt: skip
    may = tuple(
        Rights(it.guardian_id, it.dependant_id, tuple(right for right in RIGHTS if getattr(it, right)))
        for it in _mays(rights)
    )
    return FamilyAsItStands(id, version, position, founded_at, dissolved, _members(members), may)


def _listed(table: Table, by: Sequence[str], *names: str) -> Any:
    """The rows of a family's, as one value."""
    named: list[Any] = []
    for name in names:
        named += [literal_column(f"'{name}'"), table.c[name]]
    order = [table.c[name] for name in by]
    rows = func.jsonb_agg(aggregate_order_by(func.jsonb_build_object(*named), *order))
    return (
        select(func.coalesce(rows, literal_column("'[]'::jsonb", JSONB)))
        .where(table.c.tenant == FAMILY.c.tenant, table.c.family_id == FAMILY.c.id)
        .correlate(FAMILY)
        .scalar_subquery()
        .cast(TEXT)
    )


_FAMILIES = select(
    FAMILY.c.id, FAMILY.c.version, FAMILY.c.position, FAMILY.c.founded_at, FAMILY.c.dissolved,
    _listed(FAMILY_MEMBER, ("user_id",), "user_id", "standing"),
    _listed(FAMILY_RIGHT, ("guardian_id", "dependant_id"), "guardian_id", "dependant_id", *RIGHTS),
).where(FAMILY.c.tenant == bindparam("tenant"))  # fmt: skip


def _has(who: str) -> Any:
    return exists().where(
        FAMILY_MEMBER.c.tenant == bindparam("tenant"), FAMILY_MEMBER.c.family_id == FAMILY.c.id,
        FAMILY_MEMBER.c.user_id == bindparam(who),
    )  # fmt: skip


_BY_ID = _FAMILIES.where(FAMILY.c.id == bindparam("id"))
_THE_FAMILY = compiled(_BY_ID)
_THE_OWN_FAMILY = compiled(_BY_ID.where(_has("own")))


@compiling
def _families(given: frozenset[str]) -> Any:
    statement = _FAMILIES.where(FAMILY.c.dissolved.is_(false()))
    for who in sorted(given & {"user_id", "own"}):
        statement = statement.where(_has(who))
    if "after" in given:
        statement = statement.where(FAMILY.c.id > bindparam("after"))
    return statement.order_by(FAMILY.c.id).limit(bindparam("limit"))


class FamiliesOfOrganization(View):
    name: ClassVar[str] = "families"
    tables: ClassVar[tuple[Table, ...]] = (FAMILY, FAMILY_MEMBER, FAMILY_RIGHT)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    def answers(self) -> Mapping[type[Query], Answer]:
        return {TheFamily: self.the_family, Families: self.families}

    def the_family(self, query: TheFamily, occasion: Occasion, scope: Scope) -> Asked:
        """To who is not in it, it is unknown."""
        statement = _THE_OWN_FAMILY if scope == "own" else _THE_FAMILY
        values = {"tenant": occasion.tenant, "id": query.family_id, "own": own(occasion) if scope == "own" else None}
        return Asked(statement.text, statement.asked(values), one(_family, UnknownFamily))

    def families(self, query: Families, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        asked = {"user_id": query.user_id, "after": query.after, "own": own(occasion) if scope == "own" else None}
        values = {name: value for name, value in asked.items() if value is not None}
        statement = _families(frozenset(values))
        values |= {"tenant": occasion.tenant}
        return Asked(
            statement.text, statement.asked({**values, "limit": limit + 1}), page(_family, limit, lambda row: row.id)
        )


# what each fact does


def _founded(recorded: RecordedEvent, fact: events.FamilyFounded) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "id": recorded.stream, **_at(recorded), "founded_at": recorded.occurred_at,
        "dissolved": False,
    }  # fmt: skip
    return (Put(FAMILY, row), _stands(recorded, fact.guardian_id, "guardian"))


def _invited(recorded: RecordedEvent, fact: events.GuardianInvited) -> Sequence[Change]:
    return (_moved_on(recorded), _stands(recorded, fact.guardian_id, "invited"))


def _guardian_added(recorded: RecordedEvent, fact: events.GuardianAdded) -> Sequence[Change]:
    return (_moved_on(recorded), _stands(recorded, fact.guardian_id, "guardian"))


def _dependant_added(recorded: RecordedEvent, fact: events.DependantAdded) -> Sequence[Change]:
    return (_moved_on(recorded), _stands(recorded, fact.dependant_id, "dependant"))


def _rights_changed(recorded: RecordedEvent, fact: events.RightsChanged) -> Sequence[Change]:
    key = (recorded.tenant, recorded.stream, fact.guardian_id, fact.dependant_id)
    if not fact.rights:
        return (_moved_on(recorded), Remove(FAMILY_RIGHT, key))
    names = ("tenant", "family_id", "guardian_id", "dependant_id")
    rights: dict[str, Any] = {right: right in fact.rights for right in RIGHTS}
    return (_moved_on(recorded), Put(FAMILY_RIGHT, {**dict(zip(names, key, strict=True)), **rights}))


def _came_of_age(recorded: RecordedEvent, fact: events.DependantCameOfAge) -> Sequence[Change]:
    return (_moved_on(recorded), _stands(recorded, fact.dependant_id, "grown"))


def _left(recorded: RecordedEvent, fact: events.MemberLeft) -> Sequence[Change]:
    return (_moved_on(recorded), Remove(FAMILY_MEMBER, (recorded.tenant, recorded.stream, fact.user_id)))


def _dissolved(recorded: RecordedEvent, fact: events.FamilyDissolved) -> Sequence[Change]:
    family = (recorded.tenant, recorded.stream)
    return (_moved_on(recorded, dissolved=True), Remove(FAMILY_MEMBER, family), Remove(FAMILY_RIGHT, family))


def _stands(recorded: RecordedEvent, user_id: UUID, standing: str) -> Put:
    row = {"tenant": recorded.tenant, "family_id": recorded.stream, "user_id": user_id, "standing": standing}
    return Put(FAMILY_MEMBER, row)


def _moved_on(recorded: RecordedEvent, **values: Any) -> Set:
    return Set(FAMILY, (recorded.tenant, recorded.stream), {**_at(recorded), **values})


def _at(recorded: RecordedEvent) -> dict[str, Any]:
    return {"version": recorded.version, "position": recorded.position}


LEARNS: Mapping[type[Event], Any] = {
    events.FamilyFounded: _founded,
    events.GuardianInvited: _invited,
    events.GuardianAdded: _guardian_added,
    events.DependantAdded: _dependant_added,
    events.RightsChanged: _rights_changed,
    events.DependantCameOfAge: _came_of_age,
    events.MemberLeft: _left,
    events.FamilyDissolved: _dissolved,
}
