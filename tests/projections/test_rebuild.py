"""A new generation beside the live one: the same rows, no failed read, and it survives being killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from logbook import CUSTOMER, house, lives, log, write

from domain.booking import events as booking
from domain.identity.events import UserRegistered
from projections.booking.calendar import THE_BOOKING, Calendar
from projections.rebuild import Rebuild, RebuildRunning
from projections.resource.catalogue import Catalogue
from projections.runner import Runner, connected
from projections.view import View
from projections.views import VIEWS


def caught_up(url: str, view: View) -> None:
    runner = Runner(view, url, log)
    with connected(url, "test") as connection:
        runner.keeper.find(connection)
        while runner.step(connection):
            pass


def one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        return None if row is None else row[0]


EMPTY = {"api-keys", "issuers", "families", "erasures", "series", "series_history", "queue"}
"""What these show no life has; that they come out of the log is asked where the checkers bark."""


def test_the_rebuilt_rows_are_the_live_rows(url: str) -> None:
    write(url, [*house(), *lives(400), (CUSTOMER, 1, UserRegistered("customer"))])
    for view in VIEWS:
        caught_up(url, view)
        found = Rebuild(view, url, log).verify()
        assert found.differences == []
        assert bool(found.rows) == (view.name not in EMPTY), view.name
        assert all(live == rebuilt for live, rebuilt in found.digests.values())
    assert one(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'rebuild'") == 0


def test_verify_finds_what_was_changed_removed_and_added(url: str) -> None:
    write(url, [*house(), *lives(300)])
    caught_up(url, Calendar())
    with psycopg.connect(url) as owner:
        ids = [row[0] for row in owner.execute("SELECT id FROM read.booking ORDER BY id").fetchall()]
        owner.execute("UPDATE read.booking SET party_size = 99 WHERE id = %s", [ids[10]])
        owner.execute("DELETE FROM read.booking WHERE id = %s", [ids[20]])
        owner.execute(
            "INSERT INTO read.booking SELECT tenant, %s, version, position, 'planted', status, location_id, "
            "customer_id, party_size, items, starts_at, ends_at, expires_at, deadline, pinned, offering_id, series_id, "
            "booked_at, changed_at "
            "FROM read.booking WHERE id = %s",
            [UUID(int=5), ids[0]],
        )
    found = Rebuild(Calendar(), url, log).verify()
    assert [(d.table, d.kind, d.key.rpartition("id ")[2]) for d in found.differences] == [
        ("booking", "surplus", str(UUID(int=5))), ("booking", "different", str(ids[10])),
        ("booking", "missing", str(ids[20])),
    ]  # fmt: skip
    assert one(url, "SELECT count(*) FROM read.booking WHERE reference = 'planted'") == 1, "it changes nothing"
    Rebuild(Calendar(), url, log).replace()
    assert Rebuild(Calendar(), url, log).verify().differences == []


def test_verify_while_the_runner_goes_on(url: str) -> None:
    write(url, [*house(), *lives(300)])
    caught_up(url, Catalogue())
    runner = Runner(Catalogue(), url, log)
    running = threading.Thread(target=runner.run)
    running.start()
    stop = threading.Event()

    def keep_writing() -> None:
        for seed in range(2, 60):
            if stop.is_set():
                return
            write(url, list(lives(20, seed=seed)))

    writing = threading.Thread(target=keep_writing)
    writing.start()
    try:
        for _ in range(3):
            assert Rebuild(Catalogue(), url, log).verify().differences == []
    finally:
        stop.set()
        writing.join()
        runner.stop()
        running.join(5)


def test_readers_hammering_see_no_failure_and_no_step_back_while_tables_are_swapped(url: str) -> None:
    facts = [*house(), *lives(300)]
    write(url, facts)
    caught_up(url, Calendar())
    stream = facts[4][0]
    runner = Runner(Calendar(), url, log)
    running = threading.Thread(target=runner.run)
    running.start()
    stop = threading.Event()
    failures: list[str] = []
    reads = [0, 0, 0]

    def hammer(nth: int) -> None:
        tenant = UUID("11111111-1111-4111-8111-111111111111")
        with connected(url, "reader") as connection:
            version = 0
            while not stop.is_set():
                try:
                    row = connection.execute(THE_BOOKING, [tenant, stream], prepare=True).fetchone()
                except psycopg.Error as error:
                    failures.append(repr(error))
                    return
                if row is None or row[1] < version:
                    failures.append(f"{row} after version {version}")
                    return
                version = row[1]
                reads[nth] += 1

    readers = [threading.Thread(target=hammer, args=(nth,)) for nth in range(3)]
    for reader in readers:
        reader.start()
    version = max(v for s, v, _ in facts if s == stream)
    for turn in range(4):
        write(url, [(stream, version + turn + 1, booking.BookingAmended(turn + 1))])
        Rebuild(Calendar(), url, log).replace()
    stop.set()
    for reader in readers:
        reader.join()
    runner.stop()
    running.join(5)
    assert failures == []
    assert min(reads) > 20
    caught_up(url, Calendar())
    assert Rebuild(Calendar(), url, log).verify().differences == []


KILLED = """
import sys, time
sys.path[:0] = {path!r}
from logbook import log
from projections.booking.calendar import Calendar
from projections.rebuild import Rebuild
class Slow:
    def read(self, connection, after, limit):
        if after: print(after, flush=True)
        time.sleep(0.02)
        return log.read(connection, after, min(limit, 200))
    lag = staticmethod(log.lag)
Rebuild(Calendar(), {url!r}, Slow()).replace()
"""


def test_a_rebuild_killed_in_the_midst_goes_on_where_it_was(url: str) -> None:
    write(url, [*house(), *lives(1500)])
    caught_up(url, Calendar())
    script = KILLED.format(url=url, path=[str(Path(__file__).parents[1])])
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env={**os.environ}) as child:
        assert child.stdout is not None
        for _ in range(4):
            assert child.stdout.readline().strip().isdigit()
        child.send_signal(signal.SIGKILL)
    reached = one(url, "SELECT position FROM read.position WHERE view = 'rebuild:calendar'")
    assert isinstance(reached, int)
    assert reached > 0
    assert one(url, "SELECT count(*) FROM read.booking") == 1500, "the live tables serve"
    total = one(url, "SELECT count(*) FROM event_store.event")
    ends = time.monotonic() + 5
    while True:
        try:
            done = Rebuild(Calendar(), url, log).replace()
            break
        except RebuildRunning:  # the server has not noticed yet that the killed one is gone
            assert time.monotonic() < ends
            time.sleep(0.05)
    assert isinstance(total, int)
    assert 0 < done.events < total
    assert Rebuild(Calendar(), url, log).verify().differences == []


def test_half_a_generation_of_other_code_is_not_taken_up(url: str) -> None:
    write(url, [*house(), *lives(100)])
    caught_up(url, Calendar())
    rebuild = Rebuild(Calendar(), url, log)
    with connected(url, "test", role=None) as owner:
        rebuild._begin(owner)
        owner.execute(
            "UPDATE read.position SET definition = 'other code', position = 1 WHERE view = 'rebuild:calendar'"
        )
    total = one(url, "SELECT count(*) FROM event_store.event")
    assert Rebuild(Calendar(), url, log).replace().events == total


def test_two_rebuilds_of_one_view_do_not_mix(url: str) -> None:
    with connected(url, "test", role=None) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('rebuild:calendar', 0))")
        with pytest.raises(RebuildRunning):
            Rebuild(Calendar(), url, log).replace()
