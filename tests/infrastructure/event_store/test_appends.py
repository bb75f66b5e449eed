"""One command, one call: what is recorded, what is replayed, and every way in which it is refused."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from appending import (
    HOUR,
    OTHER_TENANT,
    START,
    TENANT,
    a_resource,
    booked,
    cancelled,
    command,
    facts,
    held,
    item,
    moved,
    registered,
    resized,
)

from application.event_store import CapacityInUse, InFlight, Moved, SlotTaken
from domain.booking.events import BookingConfirmed, BookingExpired
from domain.resource.events import ResourceRenamed
from infrastructure.event_store.store import PostgresEventStore


def test_what_was_appended_is_read_back_as_it_was(store: PostgresEventStore) -> None:
    resource, booking = a_resource(store), uuid4()
    what = command(*facts(booking, held(item(resource)), BookingConfirmed()), read={resource: 1})
    carried = store.append(what)
    loaded = store.load(TENANT, [booking, resource, uuid4()])
    events = loaded.streams[booking]
    assert [(e.version, e.position, e.fact) for e in events] == [
        (1, carried.position - 1, what.events[0].fact),
        (2, carried.position, what.events[1].fact),
    ]
    assert all(e.envelope == what.envelope and e.recorded_at == carried.recorded_at for e in events)
    assert len({e.event_id for e in events}) == 2
    assert [len(found) for found in loaded.streams.values()] == [2, 1, 0]
    assert abs(loaded.now - datetime.now(UTC)) < timedelta(minutes=1)


def test_nobody_elses_streams_are_seen(store: PostgresEventStore) -> None:
    resource = a_resource(store, tenant=OTHER_TENANT)
    assert store.load(TENANT, [resource]).streams[resource] == []


def test_the_same_command_again_is_answered_with_what_was_recorded(store: PostgresEventStore) -> None:
    what = command(*facts(uuid4(), registered()))
    first, again = store.append(what), store.append(what)
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.position, again.recorded_at, again.result) == (first.position, first.recorded_at, what.result)
    assert store.outcome(TENANT, what.envelope.command_id) == again


def test_a_replay_shows_the_fingerprint_of_the_first_body(store: PostgresEventStore) -> None:
    key = uuid4()
    store.append(command(*facts(uuid4(), registered()), command_id=key, fingerprint=b"a" * 32))
    again = store.append(command(*facts(uuid4(), registered()), command_id=key, fingerprint=b"b" * 32))
    assert (again.replayed, again.fingerprint) == (True, b"a" * 32)


def test_a_command_of_another_tenant_is_another_command(store: PostgresEventStore) -> None:
    key = uuid4()
    store.append(command(*facts(uuid4(), registered()), command_id=key))
    assert store.outcome(OTHER_TENANT, key) is None
    assert not store.append(command(*facts(uuid4(), registered()), command_id=key, tenant=OTHER_TENANT)).replayed


def test_a_command_without_events_answers_with_the_position_of_what_it_read(store: PostgresEventStore) -> None:
    resource = uuid4()
    carried = store.append(command(*facts(resource, registered())))
    assert store.append(command(read={resource: 1})).position == carried.position


def test_what_was_read_and_moved_since_is_decided_again(store: PostgresEventStore) -> None:
    resource = a_resource(store)
    store.append(command(*facts(resource, ResourceRenamed(name="2"), after=1)))
    with pytest.raises(Moved):
        store.append(command(*facts(uuid4(), registered()), read={resource: 1}))
    with pytest.raises(Moved):
        store.append(command(*facts(uuid4(), registered()), read={uuid4(): 1}))
    store.append(command(*facts(uuid4(), registered()), read={resource: 2, uuid4(): 0}))


def test_a_stream_has_neither_twins_nor_gaps(store: PostgresEventStore) -> None:
    resource = a_resource(store)
    for version in (1, 3):
        with pytest.raises(Moved):
            store.append(command(*facts(resource, ResourceRenamed(name="2"), after=version - 1)))


def test_events_of_several_streams_may_alternate(store: PostgresEventStore) -> None:
    one, other = uuid4(), uuid4()
    first = facts(one, registered(), ResourceRenamed(name="2"))
    second = facts(other, registered(), ResourceRenamed(name="3"))
    store.append(command(first[0], second[0], first[1], second[1]))
    assert [len(found) for found in store.load(TENANT, [one, other]).streams.values()] == [2, 2]


def test_a_taken_slot_says_until_when(store: PostgresEventStore) -> None:
    resource = a_resource(store)
    booked(store, item(resource, 1))
    with pytest.raises(SlotTaken) as refusal:
        booked(store, item(resource, 1.5))
    taken = refusal.value
    assert (taken.resource_id, taken.until, taken.free, list(taken.holds), taken.held) == (
        resource,
        START + 2 * HOUR,
        None,
        [],
        False,
    )
    booked(store, item(resource, 2))


def test_units_are_counted_at_every_instant(store: PostgresEventStore) -> None:
    resource = a_resource(store, capacity=5)
    booked(store, item(resource, 0, hours=2, units=2))
    booked(store, item(resource, 1, hours=2, units=2))
    with pytest.raises(SlotTaken) as refusal:
        booked(store, item(resource, 0, hours=3, units=2))
    assert (refusal.value.free, refusal.value.until) == (1, START + 2 * HOUR)
    booked(store, item(resource, 2, hours=1, units=3))
    with pytest.raises(SlotTaken):
        booked(store, item(resource, 10, units=6))


def test_a_booking_of_several_items_is_taken_whole_or_not_at_all(store: PostgresEventStore) -> None:
    one, other = a_resource(store), a_resource(store)
    booked(store, item(other))
    with pytest.raises(SlotTaken) as refusal:
        booked(store, item(one), item(other, number=2))
    assert refusal.value.resource_id == other
    booked(store, item(one))


def test_a_resource_that_was_never_registered_has_no_units(store: PostgresEventStore) -> None:
    with pytest.raises(SlotTaken) as refusal:
        booked(store, item(uuid4()))
    assert refusal.value.free == 0


def test_a_move_frees_the_old_place_and_may_overlap_itself(store: PostgresEventStore) -> None:
    resource = a_resource(store)
    booking = booked(store, item(resource, 0, hours=2))
    store.append(command(*moved(booking, item(resource, 1, hours=2))))
    booked(store, item(resource, 0))
    with pytest.raises(SlotTaken):
        booked(store, item(resource, 2))
    store.append(command(*cancelled(booking, after=3)))
    booked(store, item(resource, 2))


def test_a_dead_hold_in_the_way_is_named_and_not_displaced(store: PostgresEventStore) -> None:
    resource, dead = a_resource(store), uuid4()
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    store.append(command(*facts(dead, held(item(resource), until=long_ago))))
    assert [hold.booking_id for hold in store.expired_holds()] == [dead]
    with pytest.raises(SlotTaken) as refusal:
        booked(store, item(resource))
    assert list(refusal.value.holds) == [dead]
    # By the clock of an import that decides before its expiry it is alive.
    with pytest.raises(SlotTaken) as refusal:
        booked(store, item(resource), decided_at=long_ago - HOUR)
    assert (list(refusal.value.holds), refusal.value.held) == ([], True)
    store.append(command(*facts(dead, BookingExpired(), after=1)))
    booked(store, item(resource))


def test_a_hold_past_its_expiry_cannot_be_confirmed_even_if_the_decision_thought_so(store: PostgresEventStore) -> None:
    resource, booking = a_resource(store), uuid4()
    ends = datetime.now(UTC) + timedelta(seconds=0.2)
    store.append(command(*facts(booking, held(item(resource), until=ends))))
    time.sleep(0.25)
    with pytest.raises(Moved):
        store.append(command(*facts(booking, BookingConfirmed(), after=1)))
    store.append(command(*facts(booking, BookingConfirmed(), after=1), decided_at=ends - timedelta(seconds=0.1)))
    assert store.expired_holds() == []


def test_a_resource_in_use_cannot_be_made_too_small(store: PostgresEventStore) -> None:
    resource = a_resource(store, capacity=3)
    bookings = [booked(store, item(resource, n / 2)) for n in range(2)]
    with pytest.raises(CapacityInUse) as refusal:
        store.append(command(*resized(resource, 1)))
    assert (refusal.value.resource_id, refusal.value.in_use) == (resource, 2)
    store.append(command(*cancelled(bookings[1])))
    store.append(command(*resized(resource, 1)))
    with pytest.raises(SlotTaken):
        booked(store, item(resource, 0.5))
    store.append(command(*resized(resource, 2, after=2)))
    booked(store, item(resource, 0.5))


def test_when_a_resource_changes_size_the_other_guard_takes_over(store: PostgresEventStore, url: str) -> None:
    resource = a_resource(store, capacity=2)
    booked(store, item(resource))

    def guarded() -> list[bool]:
        with psycopg.connect(url) as connection:
            return [row[0] for row in connection.execute("SELECT single FROM event_store.claim").fetchall()]

    assert guarded() == [False]
    store.append(command(*resized(resource, 1)))
    assert guarded() == [True]
    store.append(command(*resized(resource, 4, after=2)))
    assert guarded() == [False]


def test_the_same_command_twice_at_once_is_in_flight(store: PostgresEventStore) -> None:
    resource, key = uuid4(), uuid4()
    waiting = command(*facts(resource, registered()), command_id=key)
    with ThreadPoolExecutor(1) as threads:
        with store.locked(TENANT, [str(resource)]):
            first = threads.submit(store.append, waiting)
            time.sleep(0.2)
            with pytest.raises(InFlight):
                store.append(command(*facts(uuid4(), registered()), command_id=key))
            with pytest.raises(InFlight):
                store.outcome(TENANT, key)
        assert not first.result(5).replayed
    assert store.outcome(TENANT, key) is not None


def test_streams_written_in_opposite_orders_do_not_deadlock(store: PostgresEventStore) -> None:
    streams = [uuid4() for _ in range(4)]
    for stream in streams:
        store.append(command(*facts(stream, registered())))

    def write(order: list[UUID]) -> int:
        done = 0
        for _ in range(30):
            versions = {stream: len(found) for stream, found in store.load(TENANT, order).streams.items()}
            events = [event for s in order for event in facts(s, ResourceRenamed(name="x"), after=versions[s])]
            try:
                store.append(command(*events))
                done += 1
            except Moved:
                continue
        return done

    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        done = sum(threads.map(write, [streams, streams[::-1]] * 4))
    assert done >= 30
    assert time.monotonic() - began < 10


def test_the_locked_way_sees_what_was_committed_while_it_waited(store: PostgresEventStore) -> None:
    resource = a_resource(store)
    order: list[str] = []

    def rename() -> None:
        with store.locked(TENANT, [str(resource)]) as locked:
            version = len(locked.load(TENANT, [resource]).streams[resource])
            order.append(f"{version}")
            locked.append(command(*facts(resource, ResourceRenamed(name="x"), after=version)))

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(rename) for _ in range(24)]:
            done.result(10)
    assert len(store.load(TENANT, [resource]).streams[resource]) == 25


def test_the_locked_way_gives_up_rather_than_wait_for_what_it_does_not_hold(store: PostgresEventStore) -> None:
    one, other = a_resource(store), a_resource(store)
    with store.locked(TENANT, [str(one)]) as first, store.locked(TENANT, [str(other)]):
        with pytest.raises(Moved):
            first.append(
                command(
                    *facts(one, ResourceRenamed(name="x"), after=1), *facts(other, ResourceRenamed(name="x"), after=1)
                )
            )
    assert len(store.load(TENANT, [one]).streams[one]) == 1


def test_the_locked_way_without_an_append_leaves_nothing(store: PostgresEventStore) -> None:
    resource = a_resource(store)
    with store.locked(TENANT, [str(resource), "a name"]) as locked:
        assert len(locked.load(TENANT, [resource]).streams[resource]) == 1
    with store.locked(TENANT, []) as locked:
        locked.append(command(*facts(resource, ResourceRenamed(name="x"), after=1)))
        with pytest.raises(RuntimeError):
            locked.load(TENANT, [resource])
    assert len(store.load(TENANT, [resource]).streams[resource]) == 2


def test_names_are_locked_in_turn(store: PostgresEventStore) -> None:
    with ThreadPoolExecutor(1) as threads:
        with store.locked(TENANT, ["invoice numbers"]):
            waiting = threads.submit(store.append, command(*facts(uuid4(), registered()), also=["invoice numbers"]))
            other = store.append(command(*facts(uuid4(), registered()), also=["invoice numbers"], tenant=OTHER_TENANT))
            assert not waiting.done()
        assert waiting.result(5).position > other.position


def test_what_is_only_read_does_not_queue(store: PostgresEventStore) -> None:
    settings = a_resource(store)
    with ThreadPoolExecutor(1) as threads:
        with store.locked(TENANT, ["x"]):
            waiting = threads.submit(
                store.append, command(*facts(uuid4(), registered()), read={settings: 1}, also=["x"])
            )
            time.sleep(0.1)
            store.append(command(*facts(uuid4(), registered()), read={settings: 1}))
            assert not waiting.done()
        waiting.result(5)


def test_old_answers_are_forgotten_and_an_imports_are_kept(store: PostgresEventStore, url: str) -> None:
    mine, imported = command(*facts(uuid4(), registered())), command(*facts(uuid4(), registered()), keep=True)
    store.append(mine)
    store.append(imported)
    assert store.forget_commands() == 0
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE event_store.command SET recorded_at = recorded_at - interval '31 days'")
    assert store.forget_commands() == 1
    assert store.outcome(TENANT, mine.envelope.command_id) is None
    assert store.outcome(TENANT, imported.envelope.command_id) is not None


def test_two_hundred_for_the_last_slot(store: PostgresEventStore) -> None:
    resource = a_resource(store)
    waits: list[float] = []

    def try_it(_: int) -> bool:
        began = time.perf_counter()
        try:
            booked(store, item(resource), read={resource: 1})
        except SlotTaken:
            return False
        finally:
            waits.append(time.perf_counter() - began)
        return True

    with ThreadPoolExecutor(200) as threads:
        won = sum(threads.map(try_it, range(200)))
    assert won == 1
    assert max(waits) < 5


def test_parties_of_two_for_five_seats(store: PostgresEventStore) -> None:
    resource = a_resource(store, capacity=5)

    def try_it(_: int) -> bool:
        try:
            booked(store, item(resource, units=2))
        except SlotTaken:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(try_it, range(50))) == 2
