"""The import of a history, in events per second, against the same rows put down raw.

Each round has a new database (fsync on) and imports the whole file twice in a process of its own: the first time every
row is read, rehearsed and carried out through the command bus, the second time everything is found done. Then, in the
same round, the baseline: the very events that came out, inserted by psycopg as raw rows, one statement and one commit
for each command, by one writer too; nothing is decided, claimed or checked. The figures are medians, a ratio is the
median of the rounds' ratios.

Where the time goes, with one writer on a disk that flushes quickly: of the 0.9 ms of a command, 0.50 are spent in the
server appending and committing, 0.16 in the server loading what the decision reads, 0.11 on the client's side of these
two calls, 0.08 deciding, 0.04 between commands; raw rows need 0.26 in all, most of it the commit. One writer is not the
limit of the store (see bench.append: eight carry out a multiple) but of telling a history in its order: positions say
in which order the log came to know things, and a second writer would overtake the first.

The file is the real one, where it is found (Hotel booking demand datasets: N. Antonio, A. de Almeida, L. Nunes, Data in
Brief 22 (2019) 41-49, CC BY 4.0), or one that --file names.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from bench.append import server
from infrastructure import settings as given
from infrastructure.embedded.postgres import create_database
from infrastructure.settings import Settings
from interfaces import bootstrap
from interfaces.history import source
from interfaces.history.bring_in import bring_in
from interfaces.history.hotel_bookings import HotelBookings

RAW = """
CREATE TABLE raw_event (
    tenant uuid NOT NULL, stream uuid NOT NULL, version bigint NOT NULL, event_id uuid NOT NULL, tag text NOT NULL,
    state bytea NOT NULL, metadata bytea NOT NULL, recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    position bigserial, PRIMARY KEY (tenant, stream, version));
CREATE INDEX raw_position ON raw_event (position);
"""
EVENTS = "SELECT position, tenant, stream, version, event_id, tag, state, metadata FROM event_store.event ORDER BY 1"
TRANSACTION = 20
"""Bits of a position that number the events of one command."""


class Run(Struct):
    """One import, as the process that did it saw it."""

    commands: int
    events: int
    carrying_out: float
    whole: float
    rss: float
    """Peak, in MB."""


def imported(url: str, file: Path, rows: int | None) -> Run:
    """In a process of its own, whose memory is nobody else's."""
    said = subprocess.run(
        [sys.executable, "-m", "bench.import_", "--child", url, "--file", str(file), "--rows", str(rows or 0)],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    return Run(**json.loads(said.stdout))


def child(url: str, file: Path, rows: int | None) -> Run:
    house = bootstrap.build(Settings(database_url=url, master_key="be" * 32, database_deadline=30.0))
    mapping = HotelBookings()
    began = time.perf_counter()
    with source.Table(file, mapping.columns) as table:
        outcome = bring_in(
            table, mapping, house.command_bus, house.store, datetime.now(UTC), lambda _: None, limit=rows
        )
    whole = time.perf_counter() - began
    house.close()
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Run(outcome.carried_out, outcome.events, outcome.seconds, whole, rss)


def raw(url: str) -> Run:
    """The same events as bare rows, a commit for each command."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(RAW)
        found = connection.execute(EVENTS).fetchall()
        batches = [[row[1:] for row in many] for _, many in groupby(found, lambda row: row[0] >> TRANSACTION)]
        began = time.perf_counter()
        for batch in batches:
            connection.execute(insert(len(batch)), [value for row in batch for value in row], prepare=True)
        took = time.perf_counter() - began
    return Run(len(batches), len(found), took, took, 0.0)


def insert(rows: int) -> Any:
    values = ", ".join(["(%s, %s, %s, %s, %s, %s, %s)"] * rows)
    return f"INSERT INTO raw_event (tenant, stream, version, event_id, tag, state, metadata) VALUES {values}"


def measure(rounds: int, file: Path, rows: int | None, admin: str) -> Table:
    firsts: list[Run] = []
    seconds: list[Run] = []
    raws: list[Run] = []
    for number in range(rounds):
        url = create_database(admin, f"bench_import_{number}")
        bootstrap.migrate(Settings(database_url=url))
        firsts.append(imported(url, file, rows))
        seconds.append(imported(url, file, rows))
        raws.append(raw(url))
    table = Table(title=f"Import of {file.name} ({rounds} rounds, medians; fsync on, one writer)")
    for heading in ("", "commands", "events", "s", "commands/s", "events/s", "/raw", "peak MB"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    base = [run.events / run.carrying_out for run in raws]
    told(table, "raw rows, a commit a command", raws, [run.carrying_out for run in raws], base)
    told(table, "carrying out", firsts, [run.carrying_out for run in firsts], base)
    told(table, "with reading and rehearsing", firsts, [run.whole for run in firsts], base)
    whole = median(run.whole for run in seconds)
    table.add_row("again: nothing to do", "0", "0", f"{whole:.1f}", "", "", "", f"{seconds[0].rss:.0f}")
    return table


def told(table: Table, what: str, runs: list[Run], took: list[float], base: list[float]) -> None:
    rates = [run.events / seconds for run, seconds in zip(runs, took, strict=True)]
    ratio = median(rate / raw for rate, raw in zip(rates, base, strict=True))
    commands = median(run.commands / seconds for run, seconds in zip(runs, took, strict=True))
    rss = max(run.rss for run in runs)
    table.add_row(
        what, f"{runs[0].commands:,}", f"{runs[0].events:,}", f"{median(took):.1f}", f"{commands:,.0f}",
        f"{median(rates):,.0f}", f"{ratio:.2f}", f"{rss:.0f}" if rss else "",
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.import_", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=0, help="only the first so many rows; 0: all")
    parser.add_argument("--file", type=Path, default=given.load(os.environ).hotel_data)
    parser.add_argument("--child", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    rows = options.rows or None
    if options.child:
        run = child(options.child, options.file, rows)
        print(json.dumps({name: getattr(run, name) for name in Run.__struct_fields__}))
        return
    if not options.file.exists():
        print(f"There is no file at {options.file}: set DAYBOOK_HOTEL_DATA, or name one with --file.", file=sys.stderr)
        sys.exit(1)
    with server() as admin:
        console = Console(width=118)
        console.print(measure(options.rounds, options.file, rows, admin))
        console.print(f"Data: {HotelBookings.credit}")


if __name__ == "__main__":
    main()
