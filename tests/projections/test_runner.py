"""Each event once, whoever runs; what cannot be taken in is parked, and all else goes on."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest
from logbook import TENANT, held, house, lives, log, write
from sqlalchemy import Column, MetaData, Table, Uuid
from sqlalchemy.dialects.postgresql import BIGINT, TEXT

from application.recorded import RecordedEvent
from domain.booking import events as booking
from infrastructure.event_store.upcasts import UPCASTS, Upcast
from projections.batch import Batch
from projections.booking.calendar import Calendar
from projections.runner import Keeper, Lag, Runner, connected, parked, prepare, redefined, retry, sized
from projections.view import Change, Put, Remove, Set, View

FAR = datetime(2100, 1, 1, tzinfo=UTC)
HERE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
ONE, TWO, THREE = (UUID(int=n) for n in (1, 2, 3))

COUNTED = Table(
    "counted", MetaData(schema="read"), Column("tenant", Uuid, primary_key=True),
    Column("stream", Uuid, primary_key=True), Column("n", BIGINT, primary_key=True), Column("tag", TEXT),
    info={"group": 2},
)  # fmt: skip


class Counting(View):
    """Notes every event; stumbles where it is told to."""

    name: ClassVar[str] = "counting"
    tables: ClassVar[tuple[Table, ...]] = (COUNTED,)

    def __init__(self, stumbles: Callable[[RecordedEvent], bool] = lambda _: False) -> None:
        self.stumbles = stumbles

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        if self.stumbles(recorded):
            raise ValueError("a view with a mistake")
        row = {"tenant": recorded.tenant, "stream": recorded.stream, "n": recorded.version, "tag": recorded.tag}
        return (Put(COUNTED, row),)


def kept(url: str, view: View, alarms: list[Any] | None = None) -> Runner:
    """The view, caught up."""
    with connected(url, "test", role=None) as owner:
        prepare(owner, [view])
    runner = Runner(view, url, log, alarm=None if alarms is None else lambda name, about: alarms.append((name, about)))
    with connected(url, "test") as connection:
        runner.keeper.find(connection)
        while runner.step(connection):
            pass
    return runner


def rows(url: str, query: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def seen(url: str) -> list[Any]:
    return rows(url, "SELECT stream, n FROM read.counted ORDER BY stream, n")


# folding changes


def done_one_by_one(url: str, changes: Sequence[Change], batches: Sequence[slice]) -> list[Any]:
    with connected(url, "test", role=None) as connection:
        connection.execute("DELETE FROM read.counted")
        for part in batches:
            batch = Batch()
            batch.add(changes[part])
            for statement, values in batch.statements("read"):
                connection.execute(statement, [values.decode()])
        return connection.execute("SELECT * FROM read.counted ORDER BY stream, n").fetchall()


def test_a_batch_does_what_its_changes_do_one_by_one(url: str) -> None:
    """Seeded chance over all kinds of changes: folded at once, in two halves, and each by itself."""
    kept(url, Counting())
    for seed in range(60):
        random = Random(seed)
        changes: list[Change] = []
        for number in range(30):
            stream, n = UUID(int=random.randrange(3)), random.randrange(3)
            key, group = (TENANT, stream, n), (TENANT, stream)
            row = {"tenant": TENANT, "stream": stream, "n": n, "tag": f"put {number}"}
            keep = ("tag",) if random.random() < 0.3 else ()
            changes.append(random.choice([
                Put(COUNTED, row, keep), Set(COUNTED, key, {"tag": f"set {number}"}),
                Set(COUNTED, group, {"tag": f"all {number}"}), Remove(COUNTED, key), Remove(COUNTED, group),
            ]))  # fmt: skip
        copies = [[_copy(change) for change in changes] for _ in range(3)]
        singly = done_one_by_one(url, copies[0], [slice(n, n + 1) for n in range(30)])
        assert done_one_by_one(url, copies[1], [slice(0, 30)]) == singly, seed
        assert done_one_by_one(url, copies[2], [slice(0, 11), slice(11, 30)]) == singly, seed


def _copy(change: Change) -> Change:
    return Put(change.table, dict(change.row), change.keep) if isinstance(change, Put) else change


# exactly once


def test_every_event_once_with_two_runners_and_no_lock(url: str) -> None:
    """Both read the same events; only the position decides. 'Put' would hide a second time, so they add instead."""
    with connected(url, "test", role=None) as owner:
        prepare(owner, [Counting()])
        owner.execute("CREATE TABLE read.times (stream uuid, n bigint)")
        owner.execute("GRANT ALL ON read.times TO daybook_projector")
        owner.execute(
            "CREATE FUNCTION read.noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO read.times VALUES (NEW.stream, NEW.n); RETURN NEW; END $$"
        )
        owner.execute(
            "CREATE TRIGGER noted AFTER INSERT OR UPDATE ON read.counted FOR EACH ROW EXECUTE FUNCTION read.noted()"
        )
    facts = [*house(), *lives(1500)]
    runners = [Runner(Counting(), url, log, exclusive=False) for _ in range(2)]
    for runner in runners:
        runner._size = 100
    threads = [threading.Thread(target=runner.run) for runner in runners]
    for thread in threads:
        thread.start()
    last = 0
    for start in range(0, len(facts), 700):
        last = write(url, facts[start : start + 700])
    until(lambda: rows(url, "SELECT position FROM read.position WHERE view = 'counting'") == [(last,)])
    for runner in runners:
        runner.stop()
    for thread in threads:
        thread.join(5)
    assert rows(url, "SELECT count(*), count(DISTINCT (stream, n)) FROM read.times") == [(len(facts), len(facts))]


def until(true: Callable[[], bool], patience: float = 15.0) -> None:
    ends = time.monotonic() + patience
    while not true():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.02)


def test_a_second_runner_waits_until_the_first_has_gone(url: str) -> None:
    kept(url, Counting())
    first, second = (Runner(Counting(), url, log) for _ in range(2))
    one, two = threading.Thread(target=first.run), threading.Thread(target=second.run)
    one.start()
    until(
        lambda: rows(url, f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND {HERE}") == [(1,)]
    )
    two.start()
    first.stop()
    one.join(5)
    write(url, house())
    until(lambda: len(seen(url)) == 4)
    second.stop()
    two.join(5)
    assert not one.is_alive()
    assert not two.is_alive()


def test_rows_and_position_are_saved_together_or_not_at_all(url: str) -> None:
    write(url, house())
    with connected(url, "test", role=None) as owner:
        prepare(owner, [Counting()])
    with connected(url, "test") as connection:
        keeper = Keeper(Counting())
        keeper.find(connection)
        events = log.read(connection, 0, 10)
        with connection.transaction(force_rollback=True):  # as if the server had died before the commit
            assert keeper.take(connection, events)
        assert rows(url, "SELECT position FROM read.position WHERE view = 'counting'") == [(0,)]
    assert seen(url) == []
    kept(url, Counting())
    assert len(seen(url)) == 4


def test_lag_is_told_as_count_and_as_age(url: str) -> None:
    told: list[Lag] = []
    with connected(url, "test", role=None) as owner:
        prepare(owner, [Counting()])
    write(url, house(), at=datetime(2020, 1, 1, tzinfo=UTC))
    runner = Runner(Counting(), url, log, meter=told.append)
    with connected(url, "test") as connection:
        runner.keeper.find(connection)
        runner.step(connection)
    assert told[0].behind == 4
    assert told[0].age > 365 * 86400


def test_batches_shrink_before_they_take_too_long() -> None:
    assert sized(1000, 1000, 0.19) == 500
    assert sized(1000, 1000, 0.01) == 2000
    assert sized(1000, 10, 0.01) == 1000
    assert sized(100, 100, 9.0) == 100


# what cannot be taken in


def test_a_poison_event_parks_its_stream_and_nothing_else(url: str) -> None:
    write(url, [(ONE, 1, held()), (TWO, 1, held()), (ONE, 2, booking.BookingConfirmed()),
                (ONE, 3, booking.BookingCheckedIn()), (TWO, 2, booking.BookingConfirmed())])  # fmt: skip
    alarms: list[Any] = []
    kept(url, Counting(lambda event: event.stream == ONE and event.version == 2), alarms)
    assert seen(url) == [(ONE, 1), (TWO, 1), (TWO, 2)]
    with connected(url, "test") as connection:
        found = parked(connection, "counting")
        assert [(one.version, one.error) for one in found] == [(2, "ValueError: a view with a mistake"), (3, None)]
        assert [(name, about["version"]) for name, about in alarms] == [("view.parked", 2)]
        # Corrected, and taken up again, with what has come meanwhile.
        write(url, [(ONE, 4, booking.BookingCompleted())])
        kept(url, Counting())
        assert [one.version for one in parked(connection, "counting")] == [2, 3, 4]
        assert retry(connection, Counting(), log) == (3, 0)
        assert parked(connection) == []
    write(url, [(ONE, 5, booking.BookingCancelled("venue"))])
    kept(url, Counting())
    assert seen(url) == [(ONE, 1), (ONE, 2), (ONE, 3), (ONE, 4), (ONE, 5), (TWO, 1), (TWO, 2)]


def test_a_runner_that_knew_a_stream_as_parked_learns_that_it_is_not(url: str) -> None:
    write(url, [(ONE, 1, held()), (ONE, 2, booking.BookingConfirmed())])
    runner = kept(url, Counting(lambda event: event.version == 2))
    with connected(url, "test") as connection:
        retry(connection, Counting(), log)
        write(url, [(ONE, 3, booking.BookingCheckedIn())])
        assert runner.step(connection) == 0  # refused: what it believes is old
        assert runner.step(connection) == 1
        assert parked(connection) == []


def test_unreadable_events_are_parked_and_upcasts_apply_on_retry(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(url, [(ONE, 1, held()), (ONE, 2, ("booking.sealed", b"{}")), (TWO, 1, ("booking.held.v2", b"not json")),
                (THREE, 1, held())])  # fmt: skip
    kept(url, Counting())
    assert seen(url) == [(ONE, 1), (THREE, 1)]
    with connected(url, "test") as connection:
        assert {(one.stream, one.tag) for one in parked(connection)} == {
            (ONE, "booking.sealed"),
            (TWO, "booking.held.v2"),
        }
        monkeypatch.setitem(UPCASTS, "booking.sealed", Upcast("booking.confirmed", lambda fields: fields))
        assert retry(connection, Counting(), log) == (1, 1)
        [left] = parked(connection)
        assert left.stream == TWO
        assert left.error is not None
    assert seen(url) == [(ONE, 1), (ONE, 2), (THREE, 1)]


def test_a_row_that_the_database_refuses_is_found_among_thousands(url: str) -> None:
    """The same reference twice: the bark of the unique constraint. And a zero byte, which text cannot hold."""
    good = list(lives(300))
    bad = held(reference="23456789")
    write(url, [*good[:400], (ONE, 1, bad), (TWO, 1, bad), (TWO, 2, booking.BookingConfirmed()),
                (THREE, 1, held(reference="a\0b")), *good[400:]])  # fmt: skip
    kept(url, Calendar())
    with connected(url, "test") as connection:
        found = parked(connection, "calendar")
    assert [(one.stream, one.version) for one in found] == [(TWO, 1), (TWO, 2), (THREE, 1)]
    assert "UniqueViolation" in str(found[0].error)
    assert rows(url, "SELECT count(*) FROM read.booking") == [(301,)]


def test_tables_of_another_shape_are_not_written(url: str) -> None:
    with connected(url, "test", role=None) as owner:
        prepare(owner, [Counting()])
        owner.execute("UPDATE read.position SET definition = 'another' WHERE view = 'counting'")
        assert redefined(owner, [Counting()]) == ["counting"]
    alarms: list[str] = []
    runner = Runner(Counting(), url, log, alarm=lambda name, about: alarms.append(about["error"]))
    thread = threading.Thread(target=runner.run)
    thread.start()
    until(lambda: bool(alarms))
    runner.stop()
    thread.join(5)
    assert "daybook rebuild" in alarms[0]


def test_a_runner_that_waits_for_a_frozen_server_can_be_cut_loose(url: str) -> None:
    """A lock stands for the freeze: the runner waits in the database, and `stop` alone does not reach it."""
    with connected(url, "test", role=None) as owner:
        prepare(owner, [Counting()])
    runner = Runner(Counting(), url, log)
    thread = threading.Thread(target=runner.run, daemon=True)
    with connected(url, "freezer", role=None) as freezer, freezer.transaction():
        freezer.execute("LOCK TABLE read.counted IN SHARE MODE")
        write(url, house())
        thread.start()
        until(lambda: rows(url, f"SELECT count(*) FROM pg_locks WHERE NOT granted AND {HERE}") == [(1,)])
        runner.stop()
        thread.join(0.3)
        assert thread.is_alive()
        runner.abandon()
        thread.join(5)
        assert not thread.is_alive()
