"""Consents: what is asked, and what each person has said to it, from the first word to the last."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Boolean, Column, Integer, Table, Uuid, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP, aggregate_order_by, distinct_on

from application.family.queries import ConsentsOf, HistoryOfConsents, WhatIsAsked
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.event import Event
from domain.family import events
from domain.family.consents import Consents as PersonsConsents
from domain.identity.errors import UnknownUser
from domain.identity.events import UserRegistered
from projections.mine import BESIDE, mine
from projections.view import (
    TABLES,
    Answer,
    Asked,
    Change,
    Page,
    Put,
    Remove,
    View,
    bounded,
    compiled,
    compiling,
    many,
    one,
    own,
)  # fmt: skip

MOST_ROWS = 500

CONSENT_ASKED = Table(
    "consent_asked", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("purpose", TEXT(collation="C"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("of_minors", Boolean, nullable=False),
    Column("position", BIGINT, nullable=False),
)  # fmt: skip

# Everybody who is registered, by the stream of their consents: of who has said nothing that is known, too.
CONSENT_PERSON = Table(
    "consent_person", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("stream", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
)  # fmt: skip

CONSENT_SAID = Table(
    "consent_said", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("stream", Uuid, primary_key=True),
    Column("version", BIGINT, primary_key=True),
    Column("position", BIGINT, nullable=False),
    Column("purpose", TEXT(collation="C"), nullable=False),
    Column("text_version", Integer),
    Column("given", Boolean, nullable=False),
    Column("by", Uuid, nullable=False),
    Column("at", TIMESTAMP(timezone=True), nullable=False),
)  # fmt: skip


class AskedFor(Struct, frozen=True):
    purpose: str
    version: int
    of_minors: bool
    position: int


class Said(Struct, frozen=True):
    """A consent, or a withdrawal."""

    version: int
    """Of all that this person has said, when they said it."""
    purpose: str
    text_version: int | None
    """Of the words that were consented to; None where it was withdrawn."""
    given: bool
    by: UUID
    at: datetime


class ConsentsAsTheyStand(Struct, frozen=True):
    user_id: UUID
    version: int
    position: int
    said: tuple[Said, ...]
    """The last word on each purpose."""


_said = msgspec.json.Decoder(tuple[Said, ...]).decode


def _consents(user_id: UUID, version: int, position: int, said: str) -> ConsentsAsTheyStand:
    return ConsentsAsTheyStand(user_id, version, position, _said(said))


_ASKED = compiled(
    select(CONSENT_ASKED.c.purpose, CONSENT_ASKED.c.version, CONSENT_ASKED.c.of_minors, CONSENT_ASKED.c.position)
    .where(CONSENT_ASKED.c.tenant == bindparam("tenant"))
    .order_by(CONSENT_ASKED.c.purpose)
)
_COLUMNS = (
    CONSENT_SAID.c.version, CONSENT_SAID.c.purpose, CONSENT_SAID.c.text_version, CONSENT_SAID.c.given,
    CONSENT_SAID.c.by, CONSENT_SAID.c.at,
)  # fmt: skip
_OF_THEM = (CONSENT_SAID.c.tenant == CONSENT_PERSON.c.tenant) & (CONSENT_SAID.c.stream == CONSENT_PERSON.c.stream)


def _object(of: Any) -> Any:
    named: list[Any] = []
    for column in of:
        named += [literal_column(f"'{column.name}'"), column]
    return func.jsonb_build_object(*named)


def _latest(of: Any) -> Any:
    return select(func.coalesce(func.max(of), literal_column("0"))).where(_OF_THEM).correlate(CONSENT_PERSON)


_THE_PERSON: Any = select(CONSENT_PERSON.c.user_id).where(
    CONSENT_PERSON.c.tenant == bindparam("tenant"), CONSENT_PERSON.c.stream == bindparam("stream")
)


@compiling
def _consents_of(given: frozenset[str]) -> Any:
    last = (
        select(*_COLUMNS)
        .where(_OF_THEM)
        .correlate(CONSENT_PERSON)
        .ext(distinct_on(CONSENT_SAID.c.purpose))
        .order_by(CONSENT_SAID.c.purpose, CONSENT_SAID.c.version.desc())
        .subquery("last")
    )
    said = select(
        func.coalesce(
            func.jsonb_agg(aggregate_order_by(_object(last.c), last.c.purpose)), literal_column("'[]'::jsonb", JSONB)
        ).cast(TEXT)
    )
    statement = _THE_PERSON.add_columns(
        _latest(CONSENT_SAID.c.version).scalar_subquery(),
        _latest(CONSENT_SAID.c.position).scalar_subquery(),
        said.scalar_subquery(),
    )
    return statement.where(mine(CONSENT_PERSON.c.user_id)) if "own" in given else statement


@compiling
def _history(given: frozenset[str]) -> Any:
    """One row at least for whoever is known: of who has said nothing, one that says nothing."""
    said = CONSENT_PERSON.outerjoin(CONSENT_SAID, _OF_THEM & (CONSENT_SAID.c.version > bindparam("after")))
    statement = (
        select(*_COLUMNS)
        .select_from(said)
        .where(CONSENT_PERSON.c.tenant == bindparam("tenant"), CONSENT_PERSON.c.stream == bindparam("stream"))
    )
    if "own" in given:
        statement = statement.where(mine(CONSENT_PERSON.c.user_id))
    return statement.order_by(CONSENT_SAID.c.version).limit(bindparam("limit"))


class Consents(View):
    name: ClassVar[str] = "consents"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (CONSENT_ASKED, CONSENT_PERSON, CONSENT_SAID)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    def answers(self) -> Mapping[type[Query], Answer]:
        return {
            WhatIsAsked: self.what_is_asked,
            ConsentsOf: self.consents_of,
            HistoryOfConsents: self.history_of_consents,
        }

    def what_is_asked(self, query: WhatIsAsked, occasion: Occasion, scope: Scope) -> Asked:
        return Asked(_ASKED.text, (occasion.tenant,), many(AskedFor))

    def consents_of(self, query: ConsentsOf, occasion: Occasion, scope: Scope) -> Asked:
        statement = _consents_of(_given(scope))
        values = {"tenant": occasion.tenant, "stream": PersonsConsents.of(query.user_id), "own": _me(occasion, scope)}
        return Asked(statement.text, statement.asked(values), one(_consents, UnknownUser))

    def history_of_consents(self, query: HistoryOfConsents, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        statement = _history(_given(scope))
        values = {
            "tenant": occasion.tenant, "stream": PersonsConsents.of(query.user_id), "own": _me(occasion, scope),
            "after": max(query.after, 0), "limit": limit + 1,
        }  # fmt: skip

        def shape(rows: list[Any]) -> Page[Said]:
            if not rows:
                raise UnknownUser
            found = [Said(*row) for row in rows if row[0] is not None]
            return Page(found[:limit], found[limit - 1].version if len(found) > limit else None)

        return Asked(statement.text, statement.asked(values), shape)


def _given(scope: Scope) -> frozenset[str]:
    return frozenset({"own"}) if scope == "own" else frozenset()


def _me(occasion: Occasion, scope: Scope) -> UUID | None:
    return own(occasion) if scope == "own" else None


# what each fact does


def _asked(recorded: RecordedEvent, fact: events.ConsentAsked) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "purpose": fact.purpose, "version": fact.version, "of_minors": fact.of_minors,
        "position": recorded.position,
    }  # fmt: skip
    return (Put(CONSENT_ASKED, row),)


def _no_longer(recorded: RecordedEvent, fact: events.ConsentNoLongerAsked) -> Sequence[Change]:
    return (Remove(CONSENT_ASKED, (recorded.tenant, fact.purpose)),)


def _registered(recorded: RecordedEvent, fact: UserRegistered) -> Sequence[Change]:
    stream = PersonsConsents.of(recorded.stream)
    return (Put(CONSENT_PERSON, {"tenant": recorded.tenant, "stream": stream, "user_id": recorded.stream}),)


def _was_said(recorded: RecordedEvent, fact: events.ConsentGiven | events.ConsentWithdrawn) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "stream": recorded.stream, "version": recorded.version,
        "position": recorded.position, "purpose": fact.purpose, "by": fact.by, "at": recorded.occurred_at,
        "given": isinstance(fact, events.ConsentGiven), "text_version": getattr(fact, "version", None),
    }  # fmt: skip
    return (Put(CONSENT_SAID, row),)


LEARNS: Mapping[type[Event], Any] = {
    events.ConsentAsked: _asked,
    events.ConsentNoLongerAsked: _no_longer,
    events.ConsentGiven: _was_said,
    events.ConsentWithdrawn: _was_said,
    UserRegistered: _registered,
}
