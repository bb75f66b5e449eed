"""Servers that die, freeze or lose an answer: every call ends in time, says whether it knows, and the pool heals."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from appending import TENANT, a_resource, booked, command, facts, item, registered

from application.event_store import Append, Moved, Unavailable
from infrastructure.embedded.child import residents
from infrastructure.embedded.postgres import Postgres
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.postgres.clock import FRESH, ServerClock
from infrastructure.postgres.migrate import migrate


class Proxy:
    """Passes bytes on in both directions; `eat` drops what the server says, and hangs up, when it is true of it."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.eat: Callable[[bytes], bool] = lambda _: False
        self.eaten = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(65536):
                if answers and self.eat(data):
                    self.eaten += 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listening.close()


@contextmanager
def proxied(url: str) -> Iterator[tuple[Proxy, str]]:
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "", parts.port or 0)
    try:
        yield proxy, parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}").geturl()
    finally:
        proxy.close()


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_lost_answer_to_an_append_is_found_out(url: str) -> None:
    with proxied(url) as (proxy, through), PostgresEventStore(through, pool_size=4) as store:
        a_resource(store)
        for _ in range(5):
            proxy.eaten = 0
            proxy.eat = lambda data: proxy.eaten == 0 and b"last_position" in data
            stream = uuid4()
            what = command(*facts(stream, registered()))
            carried = store.append(what)
            assert proxy.eaten == 1
            assert len(store.load(TENANT, [stream]).streams[stream]) == 1
            again = store.outcome(TENANT, what.envelope.command_id)
            assert again is not None
            assert again.position == carried.position


def test_a_lost_answer_to_a_locked_commit_is_found_out(url: str) -> None:
    with proxied(url) as (proxy, through), PostgresEventStore(through, pool_size=4) as store:
        resource = a_resource(store)
        proxy.eat = lambda data: proxy.eaten == 0 and b"COMMIT\0" in data
        with store.locked(TENANT, [str(resource)]) as locked:
            carried = locked.append(command(*facts(uuid4(), registered())))
        assert proxy.eaten == 1
        assert carried.position > 0


def test_a_lost_answer_that_nobody_can_find_out_is_unknown(url: str) -> None:
    with proxied(url) as (proxy, through), PostgresEventStore(through, pool_size=4, deadline=1.0) as store:
        a_resource(store)
        proxy.eat = lambda data: True
        what = command(*facts(uuid4(), registered()))
        with pytest.raises(Unavailable) as refusal:
            store.append(what)
        assert refusal.value.unknown
        proxy.eat = lambda _: False
        until(lambda: known(store, what.envelope.command_id))


def known(store: PostgresEventStore, command_id: object) -> bool:
    try:
        return store.outcome(TENANT, command_id) is not None  # type: ignore[arg-type]
    except Unavailable:
        return False


def hang_up(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'daybook-write' AND datname = current_database()"
        )


def test_connections_that_died_idle_hurt_nobody(url: str) -> None:
    with PostgresEventStore(url, pool_size=4) as store:
        resource = a_resource(store)
        hang_up(url)
        assert len(store.load(TENANT, [resource]).streams[resource]) == 1
        hang_up(url)
        booked(store, item(resource))


def test_a_pool_that_is_in_use_says_so_in_time(url: str) -> None:
    with PostgresEventStore(url, pool_size=2, deadline=0.5) as store:
        resource = a_resource(store)
        with store.locked(TENANT, ["a"]), store.locked(TENANT, ["b"]):
            began = time.monotonic()
            with pytest.raises(Unavailable) as refusal:
                store.load(TENANT, [resource])
            assert time.monotonic() - began < 1
            assert not refusal.value.unknown
        store.load(TENANT, [resource])


def test_a_lock_that_is_never_given_back_is_not_waited_for(url: str) -> None:
    with PostgresEventStore(url, pool_size=4, deadline=1.0) as store:
        resource = a_resource(store)
        with store.locked(TENANT, [str(resource)]):
            began = time.monotonic()
            with pytest.raises(Unavailable) as refusal:
                booked(store, item(resource))
            assert time.monotonic() - began < 1.5
        assert not refusal.value.unknown


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """One of this test's own: it is stopped and killed."""
    server = Postgres(tmp_path / "own")
    server.start()
    yield server
    server.stop()


def test_a_frozen_server_is_given_up_in_time_and_taken_up_again(postgres: Postgres) -> None:
    migrate(postgres.url)
    with PostgresEventStore(postgres.url, pool_size=4, deadline=1.0) as store:
        resource = a_resource(store)
        what = command(*facts(uuid4(), registered()))
        with frozen(postgres), ThreadPoolExecutor(8) as threads:
            began = time.monotonic()
            appended = threads.submit(store.append, what)
            loads = [threads.submit(store.load, TENANT, [resource]) for _ in range(7)]
            for load in loads:
                with pytest.raises(Unavailable):
                    load.result(5)
            with pytest.raises(Unavailable) as refusal:
                appended.result(5)
            assert time.monotonic() - began < 2.5
        assert refusal.value.unknown
        until(lambda: answers(store))
        before = store.outcome(TENANT, what.envelope.command_id)
        after = store.append(what)
        assert after.replayed == (before is not None)


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    stopped = residents(postgres.folder)
    assert len(stopped) > 1
    signalled(stopped, signal.SIGSTOP)
    try:
        yield
    finally:
        signalled(stopped, signal.SIGCONT)


def signalled(pids: Iterable[int], what: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # one that had just come to an end by itself
            os.kill(pid, what)


def backends(postgres: Postgres) -> set[int]:
    with psycopg.connect(postgres.url) as other:
        rows = other.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'daybook-write'").fetchall()
        return {pid for (pid,) in rows}


def given_up_while_frozen(postgres: Postgres, store: PostgresEventStore, what: Append) -> None:
    """Until the server has thawed, and dealt with all that lay in its sockets."""
    held_out = backends(postgres)
    with frozen(postgres), pytest.raises(Unavailable) as refusal:
        store.append(what)
    assert refusal.value.unknown
    until(lambda: answers(store))
    until(lambda: not held_out & backends(postgres))


def test_what_a_server_finds_when_it_thaws_is_too_late(postgres: Postgres) -> None:
    """The caller may have been told "no" meanwhile: nothing may follow."""
    migrate(postgres.url)
    with PostgresEventStore(postgres.url, pool_size=2, deadline=1.0) as store:
        resource = a_resource(store)
        store.load(TENANT, [resource])
        what = command(*facts(uuid4(), registered()), read={resource: 1})
        given_up_while_frozen(postgres, store, what)
        assert "the caller has given up" in (postgres.data.path / "logs" / f"{postgres.name}.log").read_text()
        assert store.outcome(TENANT, what.envelope.command_id) is None
        assert not store.append(what).replayed, "and to try again is safe"


def test_without_the_fence_it_would_have_been_carried_out(postgres: Postgres) -> None:
    """The breach, planted: a caller who has not read the server's clock sets no bound to what lies in its sockets."""
    migrate(postgres.url)
    with PostgresEventStore(postgres.url, pool_size=2, deadline=1.0) as store:
        a_resource(store)
        store.pool.clock.forget()
        what = command(*facts(uuid4(), registered()))
        given_up_while_frozen(postgres, store, what)
        found = store.outcome(TENANT, what.envelope.command_id)
        assert found is not None
        assert store.append(what) == found, "and to try again answers with it"


def test_a_clock_that_was_misread_costs_one_more_try(store: PostgresEventStore) -> None:
    """A server whose clock was set forward, or another one: it looks late and is not."""
    resource = a_resource(store)
    store.load(TENANT, [resource])
    read = store.pool.clock.at(time.monotonic())
    assert read is not None
    store.pool.clock.saw(read - 3_600_000_000)
    what = command(*facts(uuid4(), registered()))
    with pytest.raises(Moved):
        store.append(what)
    assert store.outcome(TENANT, what.envelope.command_id) is None
    assert not store.append(what).replayed


def test_what_is_in_the_log_is_answered_however_late(store: PostgresEventStore) -> None:
    resource = a_resource(store)
    what = command(*facts(uuid4(), registered()))
    first = store.append(what)
    store.load(TENANT, [resource])
    store.pool.clock.saw(0)
    assert store.append(what).position == first.position


def test_a_bound_lies_where_the_callers_time_is_up(store: PostgresEventStore) -> None:
    clock = ServerClock()
    assert clock.at(time.monotonic()) is None, "nothing was read"
    before = time.monotonic()
    clock.saw(5_000_000)
    after = time.monotonic()
    bound = clock.at(after + 2)
    assert bound is not None
    assert 7_000_000 <= bound <= 7_000_001 + (after - before) * 1_000_000
    assert clock.at(after + FRESH - 1) is not None
    assert clock.at(after + FRESH + 1) is None, "clocks drift apart"
    clock.forget()
    assert clock.at(after) is None


def answers(store: PostgresEventStore) -> bool:
    try:
        store.load(TENANT, [])
    except Unavailable:
        return False
    return True


def test_a_killed_server_loses_nothing_that_was_acknowledged(postgres: Postgres) -> None:
    migrate(postgres.url)
    with PostgresEventStore(postgres.url, pool_size=8, deadline=2.0) as store:
        acknowledged: list[object] = []
        over = threading.Event()

        def write() -> None:
            while not over.is_set():
                stream = uuid4()
                try:
                    store.append(command(*facts(stream, registered())))
                except Unavailable:
                    continue
                acknowledged.append(stream)

        with ThreadPoolExecutor(4) as threads:
            writing = [threads.submit(write) for _ in range(4)]
            for _ in range(2):
                time.sleep(0.5)
                postgres.kill()
                postgres.start()
                count = len(acknowledged)
                until(lambda count=count: len(acknowledged) > count + 10)  # type: ignore[misc]
            over.set()
            for done in writing:
                done.result(10)
        with psycopg.connect(postgres.url) as connection:
            stored = {row[0] for row in connection.execute("SELECT stream FROM event_store.event").fetchall()}
            doubles = connection.execute(
                "SELECT count(*) FROM (SELECT FROM event_store.event GROUP BY tenant, stream HAVING count(*) > 1) twice"
            ).fetchone()
        assert set(acknowledged) <= stored
        assert doubles == (0,)
