"""The tables of claims and capacities are a projection of the log, and can be proven to be one."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from appending import OTHER_TENANT, a_resource, booked, cancelled, command, facts, held, item, moved, resized

from domain.booking.events import BookingConfirmed
from domain.claim import Release, Resize, Settle, Take
from infrastructure.event_store import claims
from infrastructure.event_store.store import PostgresEventStore


def some_history(store: PostgresEventStore) -> UUID:
    """A bit of everything; returns a resource of one unit that is booked at hour 0."""
    one, several = a_resource(store), a_resource(store, capacity=3)
    booked(store, item(one))
    store.append(command(*cancelled(booked(store, item(one, 1)))))
    store.append(command(*moved(booked(store, item(several, 1, units=2)), item(several, 2, units=2))))
    dead = held(item(several, 5), item(one, 6, number=2), until=datetime(2020, 1, 1, tzinfo=UTC))
    store.append(command(*facts(uuid4(), dead)))
    booking = uuid4()
    store.append(command(*facts(booking, held(item(one, 8)))))
    store.append(command(*facts(booking, BookingConfirmed(), after=1)))
    store.append(command(*resized(several, 4)))
    booked(store, item(a_resource(store, tenant=OTHER_TENANT)), tenant=OTHER_TENANT)
    return one


def test_what_was_written_follows_from_the_log(store: PostgresEventStore, url: str) -> None:
    some_history(store)
    progress: list[tuple[int, int]] = []
    assert list(claims.verify(url, progress=lambda seen, position: progress.append((seen, position)))) == []
    assert progress[-1][0] == len(progress) or progress[-1][0] > 10


STOWAWAY = (
    "INSERT INTO event_store.claim SELECT tenant, resource, gen_random_uuid(), 1, "
    "tstzrange('2040-01-01', '2040-01-02'), 1, NULL, single FROM event_store.claim LIMIT 1"
)


@pytest.mark.parametrize(
    ("sabotage", "kinds"),
    [
        ("DELETE FROM event_store.claim WHERE booking = (SELECT booking FROM event_store.claim LIMIT 1)", {"missing"}),
        ("UPDATE event_store.claim SET units = units + 1 WHERE NOT single", {"different"}),
        ("UPDATE event_store.claim SET expires_at = NULL", {"different"}),
        ("UPDATE event_store.claim SET single = false WHERE single", {"different"}),
        ("UPDATE event_store.claim SET authorised = true", {"different"}),
        ("UPDATE event_store.capacity SET capacity = 7 WHERE capacity = 4", {"different"}),
        ("DELETE FROM event_store.capacity WHERE capacity = 4", {"missing"}),
        (STOWAWAY, {"surplus"}),
        ("INSERT INTO event_store.capacity VALUES (gen_random_uuid(), gen_random_uuid(), 1)", {"surplus"}),
    ],
)
def test_a_planted_difference_is_found_and_mended(
    store: PostgresEventStore, url: str, sabotage: str, kinds: set[str]
) -> None:
    some_history(store)
    with psycopg.connect(url) as owner:
        owner.execute(sabotage)  # type: ignore[call-overload]
    found = list(claims.verify(url))
    assert {difference.kind for difference in found} == kinds
    assert len(claims.rebuild(url)) == len(found)
    assert list(claims.verify(url)) == []


def test_a_rebuild_from_nothing_gives_the_same_rows(store: PostgresEventStore, url: str) -> None:
    some_history(store)
    with psycopg.connect(url, autocommit=True) as owner:
        rows = "SELECT * FROM event_store.claim ORDER BY tenant, booking, item"
        before = owner.execute(rows).fetchall()
        owner.execute("TRUNCATE event_store.claim, event_store.capacity")
        claims.rebuild(url)
        assert owner.execute(rows).fetchall() == before
    assert len(before) == 6


def test_a_log_that_cannot_be_read_is_not_called_right(store: PostgresEventStore, url: str) -> None:
    resource = a_resource(store)
    with psycopg.connect(url) as owner:
        owner.execute("UPDATE event_store.event SET tag = 'resource.teleported' WHERE stream = %s", [resource])
    with pytest.raises(claims.UnreadableLog):
        list(claims.verify(url))


ONE, ROOM = uuid4(), uuid4()
SPAN = (datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC))
TAKE = Take(booking_id=ONE, item=1, resource_id=ROOM, starts_at=SPAN[0], ends_at=SPAN[1], units=1, expires_at=SPAN[0])
FIRM = Take(booking_id=ONE, item=1, resource_id=ROOM, starts_at=SPAN[0], ends_at=SPAN[1], units=1)


@pytest.mark.parametrize(
    ("ops", "begun", "effect"),
    [
        ([TAKE], {ONE}, claims.Effect(takes=[TAKE])),
        ([TAKE, Settle(ONE)], {ONE}, claims.Effect(takes=[FIRM])),
        ([TAKE, Release(ONE)], {ONE}, claims.Effect()),
        ([Settle(ONE)], set(), claims.Effect(settled=[ONE])),
        ([Release(ONE), FIRM], set(), claims.Effect(released=[ONE], takes=[FIRM])),
        ([Settle(ONE), Release(ONE)], set(), claims.Effect(released=[ONE])),
        ([Release(ONE), TAKE, Settle(ONE)], set(), claims.Effect(released=[ONE], takes=[FIRM])),
        ([Resize(ROOM, 2), Resize(ROOM, 3)], set(), claims.Effect(resized={ROOM: 3})),
    ],
)
def test_the_claims_of_one_command_are_merged(
    ops: list[Take | Settle | Release | Resize], begun: set[UUID], effect: claims.Effect
) -> None:
    merged = claims.merged(ops, begun)
    assert (list(merged.released), list(merged.settled), list(merged.takes), dict(merged.resized)) == (
        list(effect.released),
        list(effect.settled),
        list(effect.takes),
        dict(effect.resized),
    )
