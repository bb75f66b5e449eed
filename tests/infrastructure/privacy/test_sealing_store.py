"""What the event store does with personal values on their way into the log, and how an answer is opened."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from appending import command
from house import Town, fresh
from msgspec import Struct
from msgspec.structs import replace
from structlog.testing import capture_logs

from application.event_store import NewEvent
from application.identity.commands import RegisterCustomer
from application.sealing import ERASED, Erased, PersonErased, fingerprinting, unkeyed
from domain.identity.details import Details
from domain.identity.events import UserDescribed, UserRegistered
from domain.personal import Clear, Sealed
from infrastructure.event_store.mapper import NotSealed
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.privacy import seals
from infrastructure.privacy.opening import may_be_sealed, opened
from projections.view import Page


def described(who: UUID, version: int = 2, **details: str) -> NewEvent:
    return NewEvent(who, version, UserDescribed({field: Clear(who, text) for field, text in details.items()}))


def registered(who: UUID) -> NewEvent:
    return NewEvent(who, 1, UserRegistered("customer"))


@pytest.fixture
def keys(ring) -> Any:
    return ring()


@pytest.fixture
def store(url: str, keys) -> Iterator[PostgresEventStore]:
    with PostgresEventStore(url, pool_size=4, deadline=10.0, keys=keys) as store:
        yield store


def details_of(store: PostgresEventStore, tenant: UUID, who: UUID) -> dict[str, Any]:
    fact = store.load(tenant, [who]).streams[who][-1].fact
    assert isinstance(fact, UserDescribed)
    return fact.details


def test_values_are_sealed_in_their_place_and_come_back_so(store, keys):
    who = uuid4()
    made = command(registered(who), described(who, name="Ana", note="left"))
    store.append(made)
    found = details_of(store, made.tenant, who)
    assert {field: value.of for field, value in found.items()} == {
        "name": f"{who}:2:details.name", "note": f"{who}:2:details.note",
    }  # fmt: skip
    assert keys.open(made.tenant, list(found.values())) == ["Ana", "left"]


@pytest.mark.parametrize("field", ["name", "note"])
def test_one_that_was_put_elsewhere_in_the_log_does_not_open(store, keys, field):
    who, other = uuid4(), uuid4()
    made = command(
        registered(who), described(who, name="Ana", note="left"), registered(other), described(other, name="B")
    )
    store.append(made)
    value = details_of(store, made.tenant, who)[field]
    for of in (f"{other}:2:details.{field}", f"{who}:1:details.{field}", f"{who}:2:details.email"):
        with pytest.raises(seals.Broken):
            keys.open(made.tenant, [replace(value, of=of)])
    with pytest.raises(seals.Broken):
        keys.open(made.tenant, [replace(value, subject=other)])
    with pytest.raises(seals.Broken):
        keys.open(uuid4(), [value])


def test_the_locked_way_seals_as_well(store, keys):
    who = uuid4()
    made = command(registered(who), described(who, name="Ana"))
    with store.locked(made.tenant, [str(who)]) as locked:
        locked.append(made)
    assert keys.open(made.tenant, list(details_of(store, made.tenant, who).values())) == ["Ana"]


def test_who_was_erased_is_refused_and_nothing_is_recorded(store, keys):
    who = uuid4()
    made = command(registered(who), described(who, name="Ana"))
    keys.erase(made.tenant, who, "compliance")
    with pytest.raises(PersonErased):
        store.append(made)
    assert store.load(made.tenant, [who]).streams[who] == []
    store.append(replace(made, events=[registered(who)]))  # about nobody in particular
    assert len(store.load(made.tenant, [who]).streams[who]) == 1


def test_a_stream_of_somebody_who_was_erased_folds_like_any_other(store, keys):
    who = uuid4()
    made = command(registered(who), described(who, name="Ana"))
    store.append(made)
    keys.erase(made.tenant, who, "compliance")
    assert isinstance(details_of(store, made.tenant, who)["name"], Sealed)
    assert keys.open(made.tenant, list(details_of(store, made.tenant, who).values())) == [ERASED]


def test_a_store_without_keys_records_nothing_personal(url):
    who = uuid4()
    with PostgresEventStore(url, pool_size=2, deadline=10.0) as bare:
        with pytest.raises(NotSealed):
            bare.append(command(registered(who), described(who, name="Ana")))
        bare.append(command(registered(who)))


# opening what is answered


class Row(Struct, frozen=True):
    id: int
    name: Sealed | str | Erased | None


class Plain(Struct, frozen=True):
    id: int
    of: str


class Nest(Struct, frozen=True):
    rows: tuple[Row, ...]
    plain: Plain
    by: dict[str, Sealed | str | Erased]
    inner: "Nest | None" = None


def test_everything_sealed_in_an_answer_is_opened_wherever_it_is(keys):
    club, ana, zoe = uuid4(), uuid4(), uuid4()
    one, two = keys.seal(club, "a", Clear(ana, "Ana")), keys.seal(club, "b", Clear(zoe, "Zoe"))
    keys.erase(club, zoe, "compliance")
    plain = Plain(1, "x")
    nest = Nest((Row(1, one), Row(2, two), Row(3, None)), plain, {"k": one}, Nest((Row(4, one),), plain, {}))
    found = asyncio.run(opened(keys, club, Page([nest], next="more")))
    assert found.next == "more"
    (shown,) = found.rows
    assert [row.name for row in shown.rows] == ["Ana", ERASED, None]
    assert (shown.by, shown.inner.rows[0].name, shown.plain) == ({"k": "Ana"}, "Ana", plain)


def test_an_answer_without_anything_sealed_is_the_same_object(keys):
    page = Page([Plain(1, "x"), Plain(2, "y")])
    assert asyncio.run(opened(keys, uuid4(), page)) is page
    assert may_be_sealed(Plain) == ()
    assert may_be_sealed(Row) == ("name",)


def test_a_page_of_many_is_one_question(keys):
    club = uuid4()
    rows = [Row(n, keys.seal(club, f"{n}", Clear(uuid4(), f"person {n}"))) for n in range(40)]
    keys._subjects.forget_all()
    asked = []
    call = keys._call
    keys._call = lambda statement, values: asked.append(statement) or call(statement, values)
    found = asyncio.run(opened(keys, club, Page(rows)))
    assert [row.name for row in found.rows] == [f"person {n}" for n in range(40)]
    assert len(asked) <= 2


# what is left of a command


def test_a_commands_fingerprint_cannot_be_guessed_at_and_nothing_is_logged(servers):
    with fresh(servers) as settings, capture_logs() as logs, Town(settings) as town:
        name = f"Ulrike {uuid4().hex}"
        key = {"idempotency-key": str(uuid4())}
        for details in ({"name": name}, {"name": name, "email": f"{name}@"}):
            town.owner.post("/api/v1/users", json={"role": "customer", "details": details}, headers=key)
        town.owner.post("/api/v1/users/search", json={"name": name})
        ((tenant, command_name, fingerprint),) = town.sql(
            "SELECT tenant, name, fingerprint FROM event_store.command WHERE name = 'RegisterCustomer'"
        )
        ((who,),) = town.sql("SELECT DISTINCT stream FROM event_store.event WHERE tag = 'user.registered'")
        body = msgspec.json.encode(RegisterCustomer(who, Details(name=name)))
        assert bytes(fingerprint) != unkeyed(tenant, command_name, body)
        assert bytes(fingerprint) == fingerprinting(town.house.keys)(tenant, command_name, body), "of all that was said"
        jobs = town.sql("SELECT coalesce(string_agg(j::text, ''), '') FROM jobs.procrastinate_jobs j")
        assert name not in jobs[0][0]
    assert len(logs) >= 3
    assert name not in str(logs)
