"""Why a claim was refused is found for all items at once; it must be what going through them one by one would find."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from appending import START, TENANT, a_resource, booked, command, facts, held, item
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from application.event_store import SlotTaken
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.postgres import migrate

QUARTER = timedelta(minutes=15)
COURTS = [UUID(int=100), UUID(int=101)]
NOBODYS = UUID(int=102)
KINDS = ["booking", "booking", "session", "earmark"]


class Stood(Struct, frozen=True):
    """A claim, wanted or standing. In quarters of an hour; `dies`: before (-1) or after (1) the decision, or never."""

    court: int
    start: int
    length: int
    units: int
    before: int
    after: int
    shared: bool
    authorised: bool
    kind: int
    dies: int
    of: int
    """Which booking's it is."""


class Setup(Struct, frozen=True):
    capacities: tuple[int, int]
    pace: int | None
    override: tuple[int, int, int] | None
    standing: list[Stood]
    wanted: list[Stood]


claims = st.builds(
    Stood, st.integers(0, 1), st.integers(0, 9), st.integers(1, 4), st.integers(1, 2), st.integers(0, 2),
    st.integers(0, 2), st.booleans(), st.sampled_from([False, False, False, True]), st.integers(0, 3),
    st.sampled_from([0, 0, 1, -1]), st.integers(0, 5),
)  # fmt: skip
setups = st.builds(
    Setup, st.tuples(st.integers(1, 4), st.integers(1, 4)), st.none() | st.integers(1, 4),
    st.none() | st.tuples(st.integers(0, 9), st.integers(1, 6), st.integers(0, 4)),
    st.lists(claims, max_size=6), st.lists(claims, min_size=1, max_size=6),
)  # fmt: skip


@pytest.fixture
def owner(url: str) -> Iterator[psycopg.Connection[Any]]:
    """With the function as it was before, which goes through the items one by one."""
    folder = Path(migrate.__file__).parent / "migrations"
    text = (folder / "0003_time_and_capacity.sql").read_text()
    (before,) = re.findall(r"CREATE FUNCTION event_store\.refusal\(.*?END \$\$;", text, re.DOTALL)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(before.replace("event_store.refusal(", "event_store.refusal_one_by_one("))
        yield connection


def moment(quarters: int) -> Any:
    return START + quarters * QUARTER


def laid_out(owner: psycopg.Connection[Any], setup: Setup) -> None:
    for court, capacity in zip(COURTS, setup.capacities, strict=True):
        owner.execute(
            "INSERT INTO event_store.capacity (tenant, resource, capacity, pace_units) VALUES (%s, %s, %s, %s)",
            [TENANT, court, capacity, setup.pace],
        )
    if setup.override:
        start, length, capacity = setup.override
        owner.execute(
            "INSERT INTO event_store.capacity_override VALUES (%s, %s, %s, tstzrange(%s, %s), %s)",
            [TENANT, COURTS[0], UUID(int=1), moment(start), moment(start + length), capacity],
        )
    for number, it in enumerate(setup.standing):
        sticks = 0 if it.shared else 1
        dies = START + it.dies * QUARTER if it.dies else None
        owner.execute(
            "INSERT INTO event_store.claim (tenant, resource, booking, item, during, units, expires_at, single, "
            "authorised, before_minutes, after_minutes, shared, kind) "
            "VALUES (%s, %s, %s, %s, tstzrange(%s, %s), %s, %s, false, %s, %s, %s, %s, %s)",
            [
                TENANT, COURTS[it.court], UUID(int=it.of), number, moment(it.start - sticks * it.before),
                moment(it.start + it.length + sticks * it.after), it.units, dies,
                it.authorised, 15 * it.before, 15 * it.after, it.shared, KINDS[it.kind],
            ],
        )  # fmt: skip


def refused(owner: psycopg.Connection[Any], function: str, wanted: list[Stood]) -> Any:
    return owner.execute(
        f"SELECT * FROM event_store.{function}(%s, %s, %s, %s, %s::integer[], %s, %s, %s::integer[], %s::integer[], "
        "%s::integer[], %s, %s)",
        [
            TENANT,
            START,
            [(*COURTS, NOBODYS)[it.court] for it in wanted],
            [UUID(int=it.of + 3) for it in wanted],  # some of them stand already
            list(range(len(wanted))),
            [moment(it.start) for it in wanted],
            [moment(it.start + it.length) for it in wanted],
            [it.units for it in wanted],
            [15 * it.before for it in wanted],
            [15 * it.after for it in wanted],
            [it.shared for it in wanted],
            [it.authorised for it in wanted],
        ],
    ).fetchone()


PLAIN = Stood(0, 0, 4, 1, 0, 0, False, False, 0, 0, 0)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(setups)
@example(Setup((1, 1), None, None, [], [PLAIN, Stood(2, 0, 1, 1, 0, 0, False, False, 0, 0, 1)]))  # no such resource
def test_all_at_once_finds_what_one_by_one_would(owner: psycopg.Connection[Any], setup: Setup) -> None:
    with owner.transaction(force_rollback=True):
        laid_out(owner, setup)
        assert refused(owner, "refusal", setup.wanted) == refused(owner, "refusal_one_by_one", setup.wanted)


def test_of_hundreds_the_one_that_does_not_fit_is_named(store: PostgresEventStore) -> None:
    court = a_resource(store)
    booked(store, item(court, hour=399 * 2))
    wanted = [fact for n in range(400) for fact in facts(UUID(int=1000 + n), held(item(court, hour=2 * n)))]
    with pytest.raises(SlotTaken) as taken:
        store.append(command(*wanted))
    assert (taken.value.resource_id, taken.value.cause) == (court, "occupied")
    assert taken.value.until == START + timedelta(hours=2 * 399 + 1)
    store.append(command(*wanted[:-1]))


def test_of_hundreds_two_that_are_in_each_others_way_are_found(store: PostgresEventStore) -> None:
    court = a_resource(store)
    hours = [2.0 * n for n in range(300)] + [0.5]
    wanted = [fact for n, hour in enumerate(hours) for fact in facts(UUID(int=2000 + n), held(item(court, hour=hour)))]
    with pytest.raises(SlotTaken) as taken:
        store.append(command(*wanted))
    assert taken.value.until == START + timedelta(hours=1)
