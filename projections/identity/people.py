"""People: who is registered here, and what is known about them. Their details stand here sealed, as they came; they are
opened where the answer leaves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Index, Table, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, BOOLEAN, JSONB, TEXT, TIMESTAMP

from application.identity.queries import People, TheUser
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from application.sealing import Erased
from domain.event import Event
from domain.identity import events
from domain.identity.details import PERSONAL
from domain.identity.errors import UnknownUser
from domain.personal import Sealed
from domain.privacy.events import SubjectErased
from projections.mine import BESIDE, mine
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
    one,
    own,
    page,
)

MOST_ROWS = 500

PERSON = Table(
    "person", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("role", TEXT, nullable=False),
    Column("active", BOOLEAN, nullable=False),
    Column("registered_at", TIMESTAMP(timezone=True), nullable=False),
    *[Column(field, JSONB) for field in PERSONAL],
    Column("locale", TEXT),
    Column("erased", BOOLEAN, nullable=False),
    Index("person_role", "tenant", "role", "id"),
)  # fmt: skip

Shown = Sealed | str | Erased | None
"""Sealed until it is opened; `Erased` where nobody can open it any more."""


class Person(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    role: str
    active: bool
    registered_at: datetime
    name: Shown
    email: Shown
    phone: Shown
    birth_date: Shown
    note: Shown
    locale: str | None
    erased: bool = False


class Misplaced(ValueError):
    """A sealed value stands where it was not sealed."""


_sealed = msgspec.json.Decoder(Sealed).decode


def _person(
    id: UUID, version: int, position: int, role: str, active: bool, registered_at: datetime,
    name: str | None, email: str | None, phone: str | None, birth_date: str | None, note: str | None,
    locale: str | None, erased: bool = False,
) -> Person:  # fmt: skip
    values = {"name": name, "email": email, "phone": phone, "birth_date": birth_date, "note": note}
    found = {field: None if value is None else _of(id, field, _sealed(value)) for field, value in values.items()}
    return Person(id, version, position, role, active, registered_at, **found, locale=locale, erased=erased)


def _of(person: UUID, field: str, value: Sealed) -> Sealed:
    """What was sealed as this field of this person, and nothing else."""
    if value.subject != person or not value.of.startswith(f"{person}:") or not value.of.endswith(f":details.{field}"):
        raise Misplaced(f"what stands as {field} of {person} was sealed elsewhere")
    return value


_PEOPLE = select(
    PERSON.c.id, PERSON.c.version, PERSON.c.position, PERSON.c.role, PERSON.c.active, PERSON.c.registered_at,
    *[PERSON.c[field].cast(TEXT) for field in PERSONAL], PERSON.c.locale, PERSON.c.erased,
).where(PERSON.c.tenant == bindparam("tenant"))  # fmt: skip
_BY_ID = _PEOPLE.where(PERSON.c.id == bindparam("id"))
_THE_USER = compiled(_BY_ID)
_WHO_IS_MINE = compiled(_BY_ID.where(mine(PERSON.c.id)))


@compiling
def _people(given: frozenset[str]) -> Any:
    statement = _PEOPLE
    if "ids" in given:
        statement = statement.where(PERSON.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid))))
    if "role" in given:
        statement = statement.where(PERSON.c.role == bindparam("role"))
    if "after" in given:
        statement = statement.where(PERSON.c.id > bindparam("after"))
    return statement.order_by(PERSON.c.id).limit(bindparam("limit"))


class PeopleOfOrganization(View):
    name: ClassVar[str] = "people"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (PERSON,)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    def answers(self) -> Mapping[type[Query], Answer]:
        return {TheUser: self.the_user, People: self.people}

    def the_user(self, query: TheUser, occasion: Occasion, scope: Scope) -> Asked:
        """To a customer everybody is unknown but themselves, and the dependants whom they may see."""
        statement = _WHO_IS_MINE if scope == "own" else _THE_USER
        values = {"tenant": occasion.tenant, "id": query.user_id, "own": own(occasion)}
        return Asked(statement.text, statement.asked(values), one(_person, UnknownUser))

    def people(self, query: People, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        values: dict[str, Any] = {
            "ids": None if query.ids is None else list(query.ids),
            "role": query.role,
            "after": query.after,
        }
        statement = _people(frozenset(name for name, value in values.items() if value is not None))
        values |= {"tenant": occasion.tenant, "limit": limit + 1}
        return Asked(statement.text, statement.asked(values), page(_person, limit, lambda row: row.id))


# what each fact does


def _registered(recorded: RecordedEvent, fact: events.UserRegistered) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "id": recorded.stream, **_at(recorded), "role": fact.role, "active": True,
        "registered_at": recorded.occurred_at, **dict.fromkeys(PERSONAL), "locale": None, "erased": False,
    }  # fmt: skip
    return (Put(PERSON, row),)


def _role_changed(recorded: RecordedEvent, fact: events.UserRoleChanged) -> Sequence[Change]:
    return (_set(recorded, role=fact.role),)


def _deactivated(recorded: RecordedEvent, fact: events.UserDeactivated) -> Sequence[Change]:
    return (_set(recorded, active=False),)


def _described(recorded: RecordedEvent, fact: events.UserDescribed) -> Sequence[Change]:
    found: dict[str, Any] = {}
    for field, value in fact.details.items():
        if not isinstance(value, Sealed):
            raise Misplaced(f"{field} is not sealed")
        found[field] = _of(recorded.stream, field, value)
    if fact.locale is not None:
        found["locale"] = fact.locale
    return (_set(recorded, **found),)


def _removed(recorded: RecordedEvent, fact: events.UserDetailsRemoved) -> Sequence[Change]:
    return (_set(recorded, **dict.fromkeys(fact.fields)),)


def _erased(recorded: RecordedEvent, fact: SubjectErased) -> Sequence[Change]:
    """Nobody could open it; it need not lie here either. The fact is not the person's own: their version stays."""
    gone = {**dict.fromkeys(PERSONAL), "locale": None, "erased": True, "active": False, "position": recorded.position}
    return (Set(PERSON, (recorded.tenant, fact.subject), gone),)


def _set(recorded: RecordedEvent, **values: Any) -> Set:
    return Set(PERSON, (recorded.tenant, recorded.stream), {**_at(recorded), **values})


def _at(recorded: RecordedEvent) -> dict[str, Any]:
    return {"version": recorded.version, "position": recorded.position}


LEARNS: Mapping[type[Event], Any] = {
    events.UserRegistered: _registered,
    events.UserRoleChanged: _role_changed,
    events.UserDeactivated: _deactivated,
    events.UserDescribed: _described,
    events.UserDetailsRemoved: _removed,
    SubjectErased: _erased,
}
