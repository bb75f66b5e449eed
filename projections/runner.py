"""The runner: follows the log and keeps one view's tables, each event once.

It reads some hundreds or thousands of events, lets the view say what they change, folds the changes in memory to the
last word on each row, and writes all of them with the view's position in one short transaction. The position moves
only from where this runner believes it to stand, so that a second one, awake or asleep, changes nothing twice; the
advisory lock merely spares the work.

What cannot be taken in (the event is unreadable, the view stumbles, the database refuses the row) is parked with
everything that comes after it in the same stream, aloud, and all other streams go on.
"""

import contextlib
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import psycopg
import structlog
from msgspec import Struct
from sqlalchemy import Table

from application.recorded import RecordedEvent
from projections.batch import Batch
from projections.view import (
    LIVE,
    Unreadable,
    View,
    created,
)

Connection = psycopg.Connection[Any]
Logged = RecordedEvent | Unreadable
Alarm = Callable[[str, Mapping[str, Any]], None]

ROLE = "daybook_projector"
"""It writes the views, and may read the events of all tenants."""
SMALLEST, LARGEST = 100, 5000
"""Events of one batch."""
LONGEST_TRANSACTION = 0.2
"""Seconds. Readers of the log wait for the oldest open writing transaction: batches shrink until theirs is shorter."""
REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""The database will not have this row. Anything else that it says is no fault of the event's."""

_log = structlog.get_logger()


class Behind(Protocol):
    """How far a follower is behind."""

    @property
    def behind(self) -> int: ...
    @property
    def oldest(self) -> datetime | None: ...
    @property
    def last_position(self) -> int: ...


class Log(Protocol):
    """The log as the event store hands it over."""

    def read(self, connection: Connection, after: int, limit: int) -> Sequence[Any]:
        """Events in order, below the watermark; unreadable ones in their places."""

    def lag(self, connection: Connection, after: int) -> Behind: ...


class Redefined(Exception):
    """The view's tables have another shape than this code's: `daybook rebuild` makes them anew."""


class NoSuchView(Exception):
    """The view has no tables yet: `prepare` them."""


class Lag(Struct, frozen=True):
    view: str
    behind: int
    """Events not seen yet."""
    age: float
    """Seconds since the oldest of them was recorded; 0 when there is none."""
    parked: int
    """Streams that are parked."""


# Keeping the tables


class Parked(Struct, frozen=True):
    """An event that a view has not taken in."""

    view: str
    tenant: UUID
    stream: UUID
    version: int
    position: int
    tag: str
    error: str | None
    """None: it waits behind an earlier one of its stream."""
    parked_at: datetime


def prepare(connection: Connection, views: Sequence[View]) -> list[str]:
    """Makes the tables of views that have none; names of the views made. Run after the migrations, by the owner.

    Tables that other code made stay as they are: see `redefined`.
    """
    made = []
    for view in views:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('prepare:' || %s, 0))", [view.name])
            if connection.execute("SELECT FROM read.position WHERE view = %s", [view.name]).fetchone() is not None:
                continue
            make_tables(connection, view, LIVE)
            connection.execute("INSERT INTO read.position (view, definition) VALUES (%s, %s)", [view.name, view.shape])
            made.append(view.name)
    return made


def make_tables(connection: Connection, view: View, schema: str) -> None:
    for table in view.tables:
        for statement in created(table, schema):
            connection.execute(statement)
        if schema == LIVE:
            grant(connection, table)


def grant(connection: Connection, table: Table) -> None:
    """Who may do what with it, and the wall between tenants: as the migration `0006_walls` has it."""
    connection.execute("SELECT read.wall(%s::regclass)", [f'{LIVE}."{table.name}"'])


def redefined(connection: Connection, views: Sequence[View]) -> list[str]:
    """Views whose tables have another shape than in this code: they are served as they are until they are rebuilt."""
    known = dict(connection.execute("SELECT view, definition FROM read.position").fetchall())
    return [view.name for view in views if known.get(view.name, view.shape) != view.shape]


class Keeper:
    """Takes events into one generation of a view's tables: the live one, or one that is being built."""

    def __init__(self, view: View, schema: str = LIVE, name: str | None = None, alarm: Alarm | None = None) -> None:
        self.view = view
        self.name = name or view.name
        self.definition = view.shape if schema == LIVE else view.definition
        self.position = 0
        self.parked: set[tuple[UUID, UUID]] = set()
        self._schema = schema
        self._epoch = 0
        self._alarm = alarm

    def find(self, connection: Connection) -> None:
        """Where the view stands, and what it has parked."""
        row = connection.execute(
            "SELECT position, epoch, definition FROM read.position WHERE view = %s", [self.name]
        ).fetchone()
        if row is None:
            raise NoSuchView(f"the view {self.name!r} has no tables yet")
        self.position, self._epoch, definition = row
        if definition != self.definition:
            raise Redefined(f"this is not the shape of the tables of {self.name!r}: daybook rebuild {self.view.name}")
        # Read after the epoch: whoever changes this moves the position or the epoch, and the next write finds out.
        streams = connection.execute("SELECT DISTINCT tenant, stream FROM read.parked WHERE view = %s", [self.name])
        self.parked = set(streams.fetchall())

    def take(self, connection: Connection, events: Sequence[Logged]) -> bool:
        """All of these events and the position after them, in one transaction; False when somebody else was first.

        What the database refuses is looked for by halves, so that one bad event costs a few transactions.
        """
        if not events:
            return True
        parked_before = set(self.parked)
        batch, parked = self._learn(events)
        try:
            taken = self._write(connection, batch, parked, events[-1].position)
        except REFUSED as refusal:
            self.parked = parked_before
            if len(events) > 1:
                half = len(events) // 2
                return self.take(connection, events[:half]) and self.take(connection, events[half:])
            parked = [self._park(events[0], f"{type(refusal).__name__}: {refusal}")]
            batch = Batch()
            taken = self._write(connection, batch, parked, events[-1].position)
        if not taken:
            self.parked = parked_before
            return False
        self.position = events[-1].position
        for one in parked:
            if one.error is not None:
                self._cry(one)
        return True

    def _learn(self, events: Sequence[Logged]) -> tuple[Batch, list[Parked]]:
        batch = Batch()
        add, project, poisoned = batch.add, self.view.project, self.parked
        parked: list[Parked] = []
        for event in events:
            if poisoned and (event.tenant, event.stream) in poisoned:
                parked.append(self._park(event, None))
            elif not isinstance(event, RecordedEvent):
                parked.append(self._park(event, event.error))
            else:
                try:
                    changes = project(event)
                except Exception as error:  # whatever it is, it must not stop the other streams
                    parked.append(self._park(event, f"{type(error).__name__}: {error}"))
                else:
                    if changes:
                        add(changes)
        return batch, parked

    def _park(self, event: Logged, error: str | None) -> Parked:
        self.parked.add((event.tenant, event.stream))
        error = None if error is None else error.replace("\0", "\\0")[:1000]
        return Parked(
            self.name, event.tenant, event.stream, event.version, event.position, event.tag, error, datetime.now(UTC)
        )

    def _write(self, connection: Connection, batch: Batch, parked: Sequence[Parked], position: int) -> bool:
        taken = False
        with connection.transaction() as transaction:
            moved = connection.execute(
                "UPDATE read.position SET position = %s, moved_at = clock_timestamp() "
                "WHERE view = %s AND position = %s AND epoch = %s",
                [position, self.name, self.position, self._epoch],
            )
            if moved.rowcount != 1:
                raise psycopg.Rollback(transaction)
            for statement, rows in batch.statements(self._schema):
                connection.execute(statement, [rows.decode()])
            if parked:
                with connection.cursor() as cursor:
                    cursor.executemany(
                        "INSERT INTO read.parked VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                        [
                            (
                                one.view,
                                one.tenant,
                                one.stream,
                                one.version,
                                one.position,
                                one.tag,
                                one.error,
                                one.parked_at,
                            )
                            for one in parked
                        ],
                    )
            taken = True
        return taken  # noqa: RET504  # the block may have been left by Rollback

    def _cry(self, one: Parked) -> None:
        about = {
            "view": one.view, "tenant": str(one.tenant), "stream": str(one.stream), "version": one.version,
            "position": str(one.position), "tag": one.tag, "error": one.error,
        }  # fmt: skip
        _log.error("view.parked", **about)
        if self._alarm is not None:
            self._alarm("view.parked", about)


def parked(connection: Connection, view: str | None = None) -> list[Parked]:
    """What is parked, in the order of the log."""
    rows = connection.execute(
        "SELECT view, tenant, stream, version, position, tag, error, parked_at FROM read.parked "
        "WHERE %(view)s::text IS NULL OR view = %(view)s ORDER BY view, position",
        {"view": view},
    ).fetchall()
    return [Parked(*row) for row in rows]


def retry(connection: Connection, view: View, log: Log) -> tuple[int, int]:
    """Takes up what is parked, stream by stream; answers how many events were taken in and how many still wait.

    They are read from the log again, so that upcasters and corrected code apply. Each stream is one transaction that
    holds the view's position: the runner waits for it, and finds the stream no longer parked.
    """
    taken = waiting = 0
    streams = connection.execute(
        "SELECT tenant, stream FROM read.parked WHERE view = %s GROUP BY tenant, stream ORDER BY min(position)",
        [view.name],
    ).fetchall()
    for tenant, stream in streams:
        with connection.transaction():
            connection.execute("UPDATE read.position SET epoch = epoch + 1 WHERE view = %s", [view.name])
            wanted = connection.execute(
                "SELECT version, position FROM read.parked WHERE view = %s AND tenant = %s AND stream = %s "
                "ORDER BY version",
                [view.name, tenant, stream],
            ).fetchall()
            for nth, (version, position) in enumerate(wanted):
                error = _taken_up(connection, view, log.read(connection, position - 1, 1), position)
                if error is not None:
                    connection.execute(
                        "UPDATE read.parked SET error = %s "
                        "WHERE view = %s AND tenant = %s AND stream = %s AND version = %s",
                        [error.replace("\0", "\\0")[:1000], view.name, tenant, stream, version],
                    )
                    waiting += len(wanted) - nth
                    break
                connection.execute(
                    "DELETE FROM read.parked WHERE view = %s AND tenant = %s AND stream = %s AND version = %s",
                    [view.name, tenant, stream, version],
                )
                taken += 1
    return taken, waiting


def _taken_up(connection: Connection, view: View, found: Sequence[Logged], position: int) -> str | None:
    if not found or found[0].position != position:
        return "the log has no event at this position"
    event = found[0]
    if not isinstance(event, RecordedEvent):
        return event.error
    try:
        batch = Batch()
        batch.add(view.project(event))
        with connection.transaction():
            for statement, rows in batch.statements(LIVE):
                connection.execute(statement, [rows.decode()])
    except REFUSED as refusal:
        return f"{type(refusal).__name__}: {refusal}"
    except psycopg.Error:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def connected(url: str, name: str, role: str | None = ROLE) -> Connection:
    """A connection that follows. Its commits do not wait for the disk: rows and position are lost together or not at
    all, and what is lost is read from the log again."""
    options = "-c synchronous_commit=off -c jit=off -c statement_timeout=60000"
    if role is not None:
        options += f" -c role={role}"
    return psycopg.connect(
        url, autocommit=True, options=options, application_name=f"daybook-{name}", connect_timeout=5,
        keepalives_idle=10, keepalives_interval=3, keepalives_count=3, tcp_user_timeout=30_000,
    )  # fmt: skip


def cut(connection: Connection | None) -> None:
    """Shut its socket down, so that whoever waits on it wakes with a lost connection."""
    if connection is None or connection.closed:
        return
    # A copy of the descriptor, so that closing it here leaves the other one open.
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)


class Runner:
    """Follows the log for one view until it is told to stop. One a thread; any number of processes."""

    def __init__(
        self,
        view: View,
        url: str,
        log: Log,
        *,
        alarm: Alarm | None = None,
        meter: Callable[[Lag], None] | None = None,
        exclusive: bool = True,
        pause: tuple[float, float] = (0.005, 0.02),
    ) -> None:
        """`exclusive` False leaves out the advisory lock (tests). `pause`: seconds between looks at an idle log."""
        self.view = view
        self.keeper = Keeper(view, alarm=alarm)
        self.wake = threading.Event()
        """Set it to have the runner look at once."""
        self._url = url
        self._events = log
        self._alarm = alarm
        self._meter = meter
        self._exclusive = exclusive
        self._pause = pause
        self._connection: Connection | None = None
        self._size = 500
        self._stopping = threading.Event()
        self._metered = 0.0

    def stop(self) -> None:
        """Finish the batch at hand and leave."""
        self._stopping.set()
        self.wake.set()

    def abandon(self) -> None:
        """Cut the connection of a runner that did not leave: a frozen server never answers, and never ends."""
        cut(self._connection)

    def run(self) -> None:
        """Until `stop`. What goes wrong is told, and tried again after a pause that grows to five seconds."""
        failures = 0
        while not self._stopping.is_set():
            try:
                with connected(self._url, self.view.name) as self._connection:
                    connection = self._connection
                    if self._exclusive and not self._leads(connection):
                        self._stopping.wait(0.5)
                        continue
                    self.keeper.find(connection)
                    failures = 0
                    self._follow(connection)
            except Exception as error:
                failures += 1
                about = {"view": self.view.name, "error": f"{type(error).__name__}: {error}", "failures": failures}
                _log.warning("view.interrupted", **about)
                if self._alarm is not None:
                    self._alarm("view.interrupted", about)
                self._stopping.wait(min(0.1 * 2 ** min(failures, 6), 5.0) * random.uniform(0.7, 1.0))  # noqa: S311

    def _leads(self, connection: Connection) -> bool:
        name = f"view:{self.view.name}"
        row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name]).fetchone()
        return row == (True,)

    def _follow(self, connection: Connection) -> None:
        pause = self._pause[0]
        while not self._stopping.is_set():
            self.wake.clear()
            if self.step(connection):
                pause = self._pause[0]
                continue
            self._measure(connection)
            self.wake.wait(pause)
            pause = min(pause * 1.5, self._pause[1])

    def step(self, connection: Connection) -> int:
        """One batch; how many events it had. 0: nothing new, or somebody else was first."""
        events = self._events.read(connection, self.keeper.position, self._size)
        if not events:
            return 0
        self._measure(connection)
        started = time.monotonic()
        if not self.keeper.take(connection, events):
            self.keeper.find(connection)
            return 0
        self._size = sized(self._size, len(events), time.monotonic() - started)
        return len(events)

    def _measure(self, connection: Connection) -> None:
        if self._meter is None or time.monotonic() - self._metered < 1.0:
            return
        self._metered = time.monotonic()
        self._meter(lag_of(connection, self.keeper, self._events))


def lag_of(connection: Connection, keeper: Keeper, log: Log) -> Lag:
    lag = log.lag(connection, keeper.position)
    age = 0.0 if lag.oldest is None else max((datetime.now(UTC) - lag.oldest).total_seconds(), 0.0)
    return Lag(keeper.view.name, lag.behind, age, len(keeper.parked))


def sized(size: int, had: int, took: float) -> int:
    """The next batch: smaller where a transaction comes near the longest that is allowed, larger where it is far."""
    if took > LONGEST_TRANSACTION * 0.75:
        return max(SMALLEST, size // 2)
    if took < LONGEST_TRANSACTION * 0.35 and had == size:
        return min(LARGEST, size * 2)
    return size
