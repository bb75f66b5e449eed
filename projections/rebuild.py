"""A new generation of a view, built beside the live one from the whole log, then compared with it or put in its place.

The tables are the same, in the schema `rebuild`; progress is a row of `read.position` under the name `rebuild:<view>`,
written with each batch, so that a rebuild that was killed goes on where it was (unless the code has changed: then it
begins again). Readers see the live tables until one short transaction puts the new ones in their place.

Indexes are made before loading: made afterwards, `CREATE INDEX` is one long transaction, and readers of the log wait
for the oldest open writing transaction in the cluster.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import psycopg
from msgspec import Struct
from sqlalchemy import Table

from projections.runner import Connection, Keeper, Log, connected, grant, make_tables, sized
from projections.view import LIVE, View, key_of

BESIDE = "rebuild"
NEAR = 500
"""Events behind the live tables at which the rest is read within the swap."""
SHOWN = 10
"""Differing rows that are named."""

Progress = Callable[[int, int], None]
"""Called with events read so far, and how many there are still to come."""


class RebuildRunning(Exception):
    """This view is being rebuilt by another process."""


class SwapRefused(Exception):
    """The tables could not be had for the swap: long reads are in the way. What was built is kept: try again."""


class Difference(Struct, frozen=True):
    """A row that the log does not bear out."""

    table: str
    kind: str
    """`missing` from the live table, `surplus` in it, or `different`."""
    key: str


class Compared(Struct, frozen=True):
    """What came of `--verify`: digests of the rows, live and rebuilt, at one position of the log."""

    view: str
    position: int
    events: int
    rows: int
    digests: dict[str, tuple[str, str]]
    differences: Sequence[Difference]


class Rebuilt(Struct, frozen=True):
    view: str
    position: int
    events: int
    seconds: float
    swap_seconds: float
    parked: int


class Rebuild:
    """One rebuild of one view. `url` logs in as the owner of the schemas."""

    def __init__(self, view: View, url: str, log: Log, progress: Progress | None = None) -> None:
        self.view = view
        self._url = url
        self._log = log
        self._progress = progress
        self._keeper = Keeper(view, BESIDE, f"rebuild:{view.name}")
        self._size = 2000
        self._seen = 0

    def replace(self) -> Rebuilt:
        """Build, catch up, and put the new tables in the place of the live ones."""
        started = time.monotonic()
        with self._connection() as connection:
            self._begin(connection)
            self._replay(connection)
            for attempt in range(20):
                try:
                    swapped = time.monotonic()
                    parked = self._swap(connection)
                except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                    time.sleep(0.1 * (attempt + 1))
                    self._keeper.find(connection)  # what was read within the swap has not been taken in
                    self._replay(connection)
                    continue
                ended = time.monotonic()
                return Rebuilt(
                    self.view.name, self._keeper.position, self._seen, ended - started, ended - swapped, parked
                )
            raise SwapRefused(f"the tables of {self.view.name} could not be had: long reads are in the way; try again")

    def verify(self) -> Compared:
        """Build up to where the live tables stand, compare row by row, and leave them as they are.

        The live tables are read in one snapshot, which knows its own position; it writes nothing, so that neither the
        runner nor the readers of the log wait for it.
        """
        with self._connection() as connection, connected(self._url, "verify", role=None) as live:
            self._begin(connection)
            self._replay(connection)
            live.execute("SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0")
            live.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            row = live.execute("SELECT position FROM read.position WHERE view = %s", [self.view.name]).fetchone()
            position = 0 if row is None else int(row[0])
            if self._keeper.position > position:  # the runner is behind: what was built is ahead of it
                self._discard(connection)
                self._begin(connection)
            self._replay(connection, position)
            if self._keeper.position != position:
                raise ValueError(f"the live tables stand at {position}, where the log has no event")
            compared = self._compare(live, connection, position)
            live.execute("ROLLBACK")
            self._discard(connection)
            return compared

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        with connected(self._url, f"rebuild-{self.view.name}", role=None) as connection:
            name = f"rebuild:{self.view.name}"
            row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name]).fetchone()
            if row != (True,):
                raise RebuildRunning(f"{self.view.name} is being rebuilt by another process")
            yield connection

    def _begin(self, connection: Connection) -> None:
        """Where an earlier attempt of the same code stopped, or with empty tables."""
        row = connection.execute("SELECT definition FROM read.position WHERE view = %s", [self._keeper.name]).fetchone()
        if row != (self.view.definition,):
            self._discard(connection)
            with connection.transaction():
                make_tables(connection, self.view, BESIDE)
                connection.execute(
                    "INSERT INTO read.position (view, definition) VALUES (%s, %s)",
                    [self._keeper.name, self.view.definition],
                )
        self._keeper.find(connection)

    def _discard(self, connection: Connection) -> None:
        with connection.transaction():
            for table in self.view.tables:
                connection.execute(f'DROP TABLE IF EXISTS {BESIDE}."{table.name}"')
            connection.execute("DELETE FROM read.parked WHERE view = %s", [self._keeper.name])
            connection.execute("DELETE FROM read.position WHERE view = %s", [self._keeper.name])

    def _replay(self, connection: Connection, until: int | None = None) -> None:
        """Up to the watermark, or to a position that the live tables have reached."""
        told = 0.0
        analyzed = False
        while True:
            events = self._log.read(connection, self._keeper.position, self._size)
            if until is not None:
                events = [event for event in events if event.position <= until]
            if not events:
                break
            started = time.monotonic()
            if not self._keeper.take(connection, events):
                raise RebuildRunning(f"{self.view.name} is being rebuilt by another process")
            self._size = sized(self._size, len(events), time.monotonic() - started)
            self._seen += len(events)
            if not analyzed and self._seen >= NEAR:
                # Before anybody has counted the rows, the planner takes updates for joins of small tables.
                analyzed = True
                for table in self.view.tables:
                    connection.execute(f'ANALYZE {BESIDE}."{table.name}"')
            if self._progress is not None and time.monotonic() - told > 0.2:
                told = time.monotonic()
                self._progress(self._seen, self._log.lag(connection, self._keeper.position).behind)
        if self._progress is not None:
            self._progress(self._seen, 0)

    def _swap(self, connection: Connection) -> int:
        """One transaction: the runner waits for the position's row, readers for the renaming, a few milliseconds."""
        name, beside = self.view.name, self._keeper.name
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '500ms'; SET LOCAL synchronous_commit = on")
            # The live position first: from here on the live tables stand still.
            row = connection.execute("SELECT position FROM read.position WHERE view = %s FOR UPDATE", [name]).fetchone()
            live = 0 if row is None else int(row[0])
            self._catch_up(connection, live)
            for table in self.view.tables:
                connection.execute(f'DROP TABLE IF EXISTS {LIVE}."{table.name}"')
                connection.execute(f'ALTER TABLE {BESIDE}."{table.name}" SET SCHEMA {LIVE}')
                grant(connection, table)
            connection.execute("DELETE FROM read.parked WHERE view = %s", [name])
            parked = connection.execute("UPDATE read.parked SET view = %s WHERE view = %s", [name, beside])
            connection.execute("DELETE FROM read.position WHERE view = %s", [beside])
            connection.execute(
                "INSERT INTO read.position (view, position, definition, epoch) VALUES (%s, %s, %s, 1) "
                "ON CONFLICT (view) DO UPDATE SET position = excluded.position, definition = excluded.definition, "
                "epoch = position.epoch + 1, moved_at = clock_timestamp()",
                [name, self._keeper.position, self.view.shape],
            )
            return parked.rowcount

    def _catch_up(self, connection: Connection, live: int) -> None:
        """What the live tables have and the new ones have not; answers read after the swap must not be older."""
        while self._keeper.position < live:
            events = [e for e in self._log.read(connection, self._keeper.position, NEAR) if e.position <= live]
            if not events or not self._keeper.take(connection, events):
                raise RebuildRunning(f"{self.view.name} is being rebuilt by another process")
            self._seen += len(events)

    def _compare(self, live: Connection, built: Connection, position: int) -> Compared:
        digests: dict[str, tuple[str, str]] = {}
        differences: list[Difference] = []
        rows = 0
        for table in self.view.tables:
            ours, count = _digest(live, LIVE, table)
            theirs, _ = _digest(built, BESIDE, table)
            rows += count
            digests[table.name] = (ours, theirs)
            if ours != theirs:
                differences += _differences(live, built, table)
        return Compared(self.view.name, position, self._seen, rows, digests, differences)


def _ordered(schema: str, table: Table) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return f'COPY (SELECT {columns} FROM {schema}."{table.name}" ORDER BY {", ".join(key_of(table))}) TO STDOUT'  # noqa: S608


def _digest(connection: Connection, schema: str, table: Table) -> tuple[str, int]:
    digest, rows = hashlib.sha256(), 0
    with connection.cursor() as cursor, cursor.copy(_ordered(schema, table)) as copy:
        for block in copy:
            digest.update(block)
            rows += bytes(block).count(b"\n")
    return digest.hexdigest(), rows


def _lines(connection: Connection, schema: str, table: Table) -> Generator[tuple[tuple[bytes, ...], bytes], None, None]:
    """Rows in the order of their keys, as the database writes them out."""
    width = len(key_of(table))
    with connection.cursor() as cursor, cursor.copy(_ordered(schema, table)) as copy:
        rest = b""
        for block in copy:
            *lines, rest = (rest + bytes(block)).split(b"\n")
            for line in lines:
                yield tuple(line.split(b"\t", width)[:width]), line


def _differences(live: Connection, built: Connection, table: Table) -> list[Difference]:
    """The first rows that differ, by merging both sides."""
    found: list[Difference] = []
    numeric = [column.type.python_type is int for column in table.primary_key.columns]

    def rank(key: tuple[bytes, ...]) -> tuple[Any, ...]:
        return tuple(int(part) if number else part for part, number in zip(key, numeric, strict=True))

    with (
        contextlib.closing(_lines(live, LIVE, table)) as ours,
        contextlib.closing(_lines(built, BESIDE, table)) as theirs,
    ):
        mine, other = next(ours, None), next(theirs, None)
        while (mine or other) and len(found) < SHOWN:
            if mine and other and mine[0] == other[0]:
                if mine[1] != other[1]:
                    found.append(_named(table, "different", mine[0]))
                mine, other = next(ours, None), next(theirs, None)
            elif other is None or (mine is not None and rank(mine[0]) < rank(other[0])):
                assert mine is not None
                found.append(_named(table, "surplus", mine[0]))
                mine = next(ours, None)
            else:
                found.append(_named(table, "missing", other[0]))
                other = next(theirs, None)
    return found


def _named(table: Table, kind: str, key: tuple[bytes, ...]) -> Difference:
    named = zip(key_of(table), key, strict=True)
    return Difference(table.name, kind, ", ".join(f"{name} {part.decode()}" for name, part in named))
