"""Appends per second: ours against the library's stock recorder and against raw psycopg, side by side.

One command of ours is two events, a claim and its command row, checked and locked, through `Application.save`. The
others write the same two events alone: stock through its own `Application.save`; psycopg threads into a table like
ours, in the two ways in which one would: `raw`, a transaction with an INSERT for each event, and `one`, both rows in
one prepared INSERT that commits by itself, which is the least that two rows can cost. Same server (fsync on), same
run, rounds interleaved; the figures are medians, and a ratio is the median of the ratios within each round, which a
busy neighbour spoils less than the rates. `3 read`: ours, with three streams in the read set.

The slow disk is emulated: `commit_delay=2000, commit_siblings=0` makes each flush wait 2 ms.
"""

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import ClassVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import uuid_utils.compat
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from rich.console import Console
from rich.table import Table

from application.event_store import Append, NewEvent
from application.recorded import Actor, Envelope, Origin
from domain.booking.events import BookingConfirmed, BookingHeld, Item
from domain.resource.events import ResourceRegistered
from infrastructure.embedded.postgres import Postgres, create_database
from infrastructure.event_store.mapper import encoded, encoded_envelope
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.postgres.migrate import migrate

TENANT, LOCATION = uuid4(), uuid4()
START = datetime(2027, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOST_WRITERS = 8

Work = Callable[[], None]


def envelope() -> Envelope:
    command = uuid_utils.compat.uuid7()
    return Envelope(
        command,
        "HoldAndConfirm",
        command,
        Actor("user", "reception", "staff"),
        Origin("api", "req-1", None, "bench", "192.0.2.0/24"),
        local_minute=540,
    )


def append(events: list[NewEvent], read: dict[UUID, int]) -> Append:
    return Append(TENANT, envelope(), b"f" * 32, b'{"status":"confirmed"}', events, read)


def facts(resource: UUID, n: int) -> tuple[BookingHeld, BookingConfirmed]:
    starts = START + n * HOUR
    item = Item(1, resource, starts, starts + HOUR, "2027-01-01T09:00", "Europe/Lisbon")
    return BookingHeld("K7PXQ2", LOCATION, (item,), START), BookingConfirmed()


class Ours:
    """The event store. `reads`: how many streams stand in the read set, shared by all writers."""

    def __init__(self, url: str, reads: int = 0) -> None:
        self._store = PostgresEventStore(url, pool_size=MOST_WRITERS, deadline=30)
        self._read = {uuid4(): 0 for _ in range(reads)}

    def writer(self) -> Work:
        resource = uuid4()
        self._store.append(append([NewEvent(resource, 1, ResourceRegistered(LOCATION, "1", "room", 1))], {}))
        hours = iter(range(1_000_000))

        def work() -> None:
            booking = uuid_utils.compat.uuid7()
            held, confirmed = facts(resource, next(hours))
            self._store.append(append([NewEvent(booking, 1, held), NewEvent(booking, 2, confirmed)], self._read))

        return work

    def close(self) -> None:
        self._store.close()


@dataclass(frozen=True)
class StockHeld(DomainEvent):
    reference: str
    location_id: UUID
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    local_start: str
    zone: str
    command_id: UUID
    actor: str


@dataclass(frozen=True)
class StockConfirmed(DomainEvent):
    command_id: UUID
    actor: str


class Stock:
    """The library as it comes."""

    class Events(Application[UUID]):
        env: ClassVar[dict[str, str]] = {"PERSISTENCE_MODULE": "eventsourcing.postgres"}

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._application = self.Events(
            {
                "POSTGRES_DBNAME": parts.path[1:],
                "POSTGRES_HOST": parts.hostname or "",
                "POSTGRES_PORT": str(parts.port),
                "POSTGRES_USER": parts.username or "",
                "POSTGRES_PASSWORD": parts.password or "",
                "POSTGRES_POOL_SIZE": str(MOST_WRITERS),
                "POSTGRES_MAX_OVERFLOW": "0",
            }
        )

    def writer(self) -> Work:
        resource = uuid4()

        def work() -> None:
            booking, command, now = uuid_utils.compat.uuid7(), uuid_utils.compat.uuid7(), datetime.now(UTC)
            self._application.save(
                StockHeld(
                    booking,
                    1,
                    now,
                    "K7PXQ2",
                    LOCATION,
                    resource,
                    START,
                    START,
                    "2027-01-01T09:00",
                    "Europe/Lisbon",
                    command,
                    "reception",
                ),
                StockConfirmed(booking, 2, now, command, "reception"),
            )

        return work

    def close(self) -> None:
        self._application.close()


class Raw:
    """psycopg threads: the two rows, `at_once` in one statement that commits by itself, or in a transaction of two."""

    _ROW = "(%s, %s, %s, %s, %s, %s, %s)"
    _INSERT = f"INSERT INTO raw_event (tenant, stream, version, event_id, tag, state, metadata) VALUES {_ROW}"

    def __init__(self, url: str, at_once: bool) -> None:
        self._url = url
        self._at_once = at_once
        self._connections: list[psycopg.Connection[tuple[object, ...]]] = []
        with psycopg.connect(url) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS raw_event (tenant uuid NOT NULL, stream uuid NOT NULL, "
                "version bigint NOT NULL, event_id uuid NOT NULL, tag text NOT NULL, state bytea NOT NULL, "
                "metadata bytea NOT NULL, "
                "recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), position bigserial, "
                "PRIMARY KEY (tenant, stream, version))"
            )
            connection.execute("CREATE INDEX IF NOT EXISTS raw_position ON raw_event (position)")

    def writer(self) -> Work:
        connection = psycopg.connect(self._url, autocommit=True)
        self._connections.append(connection)
        held, confirmed = (encoded(fact) for fact in facts(uuid4(), 1))

        both = f"{self._INSERT}, {self._ROW}"

        def work() -> None:
            stream, metadata = uuid_utils.compat.uuid7(), encoded_envelope(envelope())
            first = (TENANT, stream, 1, uuid_utils.compat.uuid7(), "booking.held.v2", held, metadata)
            second = (TENANT, stream, 2, uuid_utils.compat.uuid7(), "booking.confirmed", confirmed, metadata)
            if self._at_once:
                connection.execute(both, first + second, prepare=True)
                return
            with connection.transaction():
                connection.execute(self._INSERT, first, prepare=True)
                connection.execute(self._INSERT, second, prepare=True)

        return work

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


Subject = Ours | Stock | Raw


def rate(works: list[Work], seconds: float) -> float:
    """Commands per second of all writers together."""
    gate = threading.Barrier(len(works) + 1)
    counts = [0] * len(works)
    failed: list[BaseException] = []
    over = threading.Event()

    def run(number: int, work: Work) -> None:
        gate.wait()
        try:
            while not over.is_set():
                work()
                counts[number] += 1
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number, work)) for number, work in enumerate(works)]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    time.sleep(seconds)
    over.set()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(counts) / (time.perf_counter() - began)


@contextmanager
def server() -> Iterator[str]:
    with TemporaryDirectory(prefix="daybook-bench-") as folder:
        Path(folder).chmod(0o755)
        postgres = Postgres(Path(folder) / "data", durable=True)
        postgres.start()
        try:
            yield postgres.url
        finally:
            postgres.stop()


def flush_delay(url: str, microseconds: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET commit_delay = {int(microseconds)}")
        connection.execute("ALTER SYSTEM SET commit_siblings = 0")
        connection.execute("SELECT pg_reload_conf()")
    time.sleep(0.5)


def measure(rounds: int, seconds: float, url: str) -> Table:
    table = Table(title=f"Appends of two events, commands/s ({rounds} rounds of {seconds:g} s, medians; fsync on)")
    for heading in ("disk", "writers", "stock", "raw", "one", "ours", "3 read", "/stock", "/raw", "/one"):
        table.add_column(heading, justify="left" if heading == "disk" else "right", no_wrap=True)
    with ExitStack() as closing:
        subjects: dict[str, Subject] = {
            "stock": Stock(url),
            "raw": Raw(url, at_once=False),
            "one": Raw(url, at_once=True),
            "ours": Ours(url),
            "reads": Ours(url, reads=3),
        }
        for subject in subjects.values():
            closing.callback(subject.close)
        writers = {name: [subject.writer() for _ in range(MOST_WRITERS)] for name, subject in subjects.items()}
        for disk, delay in (("plain", 0), ("2 ms flush", 2000)):
            flush_delay(url, delay)
            for works in writers.values():
                rate(works, 0.3)
            found: dict[tuple[int, str], list[float]] = {}
            for _ in range(rounds):
                for count in (1, MOST_WRITERS):
                    for name, works in writers.items():
                        found.setdefault((count, name), []).append(rate(works[:count], seconds))
            for count in (1, MOST_WRITERS):
                of = {name: found[count, name] for name in writers}
                table.add_row(
                    disk,
                    str(count),
                    *(f"{median(of[name]):,.0f}" for name in ("stock", "raw", "one", "ours", "reads")),
                    *(
                        f"{median(a / b for a, b in zip(of['ours'], of[other], strict=True)):.2f}"
                        for other in ("stock", "raw", "one")
                    ),
                )
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.append", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args(arguments)
    with server() as admin:
        url = create_database(admin, "bench_append")
        migrate(url)
        Console(width=110).print(measure(options.rounds, options.seconds, url))


if __name__ == "__main__":
    main()
