"""A rebuild of the calendar: ours, against the library's ProjectionRunner doing the same work, and against COPY.

The same made-up bookings, about 3.6 events each, on the same server (fsync on), in the same run, rounds interleaved.
The figures are medians; a ratio is the median of the ratios within each round.

- *ours* is `Rebuild.replace`: new tables with their indexes, the whole log, the swap.
- *library* is a ProjectionRunner whose projection asks the same view what each fact changes and executes just that,
  row by row, with the tracking record in the same transaction, into tables with the same indexes. It follows the stock
  recorder's table, in which the same facts were stored. It gets the first events only: its rate does not depend on
  how many there are. Its commits wait for the disk, as they do by default; in a second column they do not, as those
  of a rebuild do not (rows and position are lost together or not at all).
- *COPY* writes the resulting rows, and nothing else, into empty tables with the same indexes: the floor.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.table import Table as Shown
from sqlalchemy import Table

from application.recorded import RecordedEvent
from bench.append import server
from domain.event import Event
from infrastructure.embedded.postgres import create_database
from infrastructure.event_store import log
from infrastructure.event_store.mapper import Entry
from infrastructure.postgres.migrate import migrate
from projections.booking.calendar import Calendar
from projections.rebuild import Rebuild
from projections.runner import connected, prepare
from projections.view import Put, Set, created, key_of

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from logbook import NOON, TENANT, envelope, lives, write  # the words of the tests

VIEW = Calendar()
ENVELOPE = envelope()
PAGE = 20_000


class Stock(Application[UUID]):
    """The library's own recorder, with the mapper that can read our facts."""

    env: ClassVar[dict[str, str]] = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "MAPPER_TOPIC": "infrastructure.event_store.mapper:FactMapper",
    }


class StockCalendar(PostgresTrackingRecorder):
    """The calendar's tables, written as the library's documentation writes them: each event a transaction."""

    def take(self, changes: Any, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            for change in changes:
                table = change.table
                if isinstance(change, Put):
                    cursor.execute(_put(table), _plain(change.row), prepare=True)
                elif isinstance(change, Set):
                    met = " AND ".join(f"{name} = %(key_{name})s" for name in key_of(table))
                    learnt = ", ".join(f"{name} = %({name})s" for name in change.values)
                    keys = {f"key_{name}": value for name, value in zip(key_of(table), change.key, strict=True)}
                    text = f"UPDATE stock.{table.name} SET {learnt} WHERE {met}"
                    cursor.execute(text, {**_plain(change.values), **keys}, prepare=True)
                else:
                    met = " AND ".join(f"{name} = %s" for name in key_of(table)[: len(change.key)])
                    cursor.execute(f"DELETE FROM stock.{table.name} WHERE {met}", change.key, prepare=True)


class StockProjection(Projection[StockCalendar]):
    name = "calendar"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # type: ignore[override]
        assert isinstance(domain_event, Entry)
        recorded = RecordedEvent(
            tracking.notification_id, TENANT, domain_event.originator_id, domain_event.originator_version,
            TENANT, domain_event.fact.tag, NOON, domain_event.fact, ENVELOPE,
        )  # fmt: skip
        self.view.take(VIEW.project(recorded), tracking)


def _put(table: Table) -> str:
    names = [column.name for column in table.columns]
    learnt = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key_of(table))
    return (
        f"INSERT INTO stock.{table.name} ({', '.join(names)}) VALUES ({', '.join(f'%({name})s' for name in names)}) "
        f"ON CONFLICT ({', '.join(key_of(table))}) DO UPDATE SET {learnt}"
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(msgspec.to_builtins(value)) if name == "items" else value for name, value in row.items()}


def library_environment(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": str(parts.hostname), "POSTGRES_PORT": str(parts.port), "POSTGRES_USER": str(parts.username),
        "POSTGRES_PASSWORD": str(parts.password),
    }  # fmt: skip


def store_stock(url: str, facts: list[tuple[UUID, int, Event]]) -> None:
    application = Stock(library_environment(url))
    recorder = application.recorder
    assert isinstance(recorder, PostgresApplicationRecorder)
    for start in range(0, len(facts), 500):
        recorder.insert_events(
            [StoredEvent(s, v, fact.tag, msgspec.json.encode(fact)) for s, v, fact in facts[start : start + 500]]
        )
    application.close()


def empty_tables(url: str, schema: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        connection.execute(f"CREATE SCHEMA {schema}")
        for table in VIEW.tables:
            for statement in created(table, schema):
                connection.execute(statement)


def by_library(url: str, events: int, waits: bool) -> float:
    """Events per second."""
    empty_tables(url, "stock")
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS calendar_tracking")
        connection.execute(f"ALTER ROLE CURRENT_USER SET synchronous_commit = {'on' if waits else 'off'}")
    began = time.perf_counter()
    environment = library_environment(url)
    with ProjectionRunner(
        application_class=Stock, projection_class=StockProjection, view_class=StockCalendar, env=environment
    ) as runner:
        runner.wait(events, timeout=600)
        took = time.perf_counter() - began
    with psycopg.connect(url) as connection:
        connection.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")
        same = connection.execute(
            "SELECT count(*) FROM stock.booking s JOIN read.booking l USING (tenant, id, reference)"
        ).fetchone()
        assert same is not None
        assert same[0] > events // 5, "the library's projection has done other work than ours"
    return events / took


def by_us(url: str, events: int) -> float:
    done = Rebuild(VIEW, url, log).replace()
    assert done.events == events, done
    return events / done.seconds


def by_copy(url: str, events: int) -> float:
    """The rows of the calendar into empty tables; in events of the log per second, to compare."""
    empty_tables(url, "copied")
    with psycopg.connect(url) as connection:
        found: list[tuple[str, list[bytes]]] = []
        for table in VIEW.tables:
            with connection.cursor().copy(f"COPY read.{table.name} TO STDOUT") as copy:
                found.append((table.name, [bytes(block) for block in copy]))
        connection.commit()
        began = time.perf_counter()
        for name, blocks in found:
            with connection.cursor().copy(f"COPY copied.{name} FROM STDIN") as copy:
                copy.write(b"".join(blocks))
        connection.commit()
        return events / (time.perf_counter() - began)


def measure(url: str, events: int, library_events: int, rounds: int) -> Shown:
    facts: list[Any] = list(lives(events * 10 // 35 + 100))[:events]
    for start in range(0, len(facts), PAGE):
        write(url, facts[start : start + PAGE])
    few = facts[:library_events]
    store_stock(url, few)
    with connected(url, "bench", role=None) as owner:
        prepare(owner, [VIEW])
        owner.execute("VACUUM ANALYZE event_store.event")
    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: by_us(url, len(facts)),
        "library": lambda: by_library(url, len(few), waits=True),
        "library, no wait": lambda: by_library(url, len(few), waits=False),
        "COPY": lambda: by_copy(url, len(facts)),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for nth in range(rounds + 1):
        for name, way in ways.items():
            rate = way()
            if nth:  # the first round warms up
                found[name].append(rate)
    title = f"Rebuild of the calendar, {len(facts):,} events: events/s ({rounds} rounds, medians; fsync on)"
    table = Shown(title=title)
    others = [name for name in ways if name != "ours"]
    for heading in (*ways, *(f"ours/{name}" for name in others)):
        table.add_column(heading, justify="right")
    rates = [f"{median(rates):,.0f}" for rates in found.values()]
    ratios = [f"{median(a / b for a, b in zip(found['ours'], found[name], strict=True)):.2f}" for name in others]
    table.add_row(*rates, *ratios)
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.rebuild", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--library-events", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    os.environ.pop("PERSISTENCE_MODULE", None)
    with server() as admin:
        url = create_database(admin, "bench_rebuild")
        migrate(url)
        Console().print(measure(url, options.events, min(options.library_events, options.events), options.rounds))


if __name__ == "__main__":
    main()
