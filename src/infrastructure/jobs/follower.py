"""Follows the log and lets the reactions say what follows: each fact once, for the position moves in the transaction in
which its jobs are written.

Rebuilding views never comes here, so that nothing is done again. What history tells at an import has had its
consequences already: of these only what is still to come is taken.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec
import psycopg
import structlog

from application.event_store import Unavailable
from application.reaction import Do, Reaction
from application.recorded import RecordedEvent
from domain.aggregate import Aggregate
from infrastructure.event_store import log
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.jobs.job import QUEUE, TASK, Job, due, job_of

A = TypeVar("A", bound=Aggregate)
Connection = psycopg.Connection[Any]
Rivals = Callable[[RecordedEvent, UUID], Sequence[UUID]]
"""Who waits for the same as this booking, as far as is known after this event."""

FOLLOWER = "reactions"
BATCH = 500
HISTORY = timedelta(days=1200)
"""Nobody books so far ahead, and nothing lasts so long."""
PAUSE = (0.01, 0.1)
"""Seconds between looks at an idle log."""

_log = structlog.get_logger()

_MOVE = (
    "UPDATE jobs.position SET position = %s, moved_at = clock_timestamp() "
    "WHERE follower = %s AND position = %s RETURNING true"
)
# The same step may be asked for by two facts (a hold, and its payment that did not lengthen it): one job is enough.
_DEFER = """
INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, queueing_lock, args, scheduled_at)
  SELECT %s, %s, job.lock, job.args, job.due
    FROM jsonb_to_recordset(%s::jsonb) AS job (lock text, args jsonb, due timestamptz)
  ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
"""
_MISS = (
    "INSERT INTO jobs.missed (position, tenant, stream, version, tag, error) VALUES (%s, %s, %s, %s, %s, %s) "
    "ON CONFLICT (position) DO UPDATE SET error = excluded.error, missed_at = clock_timestamp()"
)
_encode = msgspec.json.Encoder().encode


def connected(url: str, name: str) -> Connection:
    """Its commits do not wait for the disk: position and jobs are lost together or not at all, and found again."""
    return psycopg.connect(
        url, autocommit=True, application_name=f"daybook-{name}", connect_timeout=5,
        options="-c role=daybook_app -c search_path=jobs -c synchronous_commit=off -c jit=off "
                "-c statement_timeout=60000",
        keepalives_idle=10, keepalives_interval=3, keepalives_count=3, tcp_user_timeout=30_000,
    )  # fmt: skip


class Looking:
    """Reads aggregates as they stand now; each once for a batch."""

    def __init__(self, store: PostgresEventStore, because: RecordedEvent, rivals: Rivals, seen: dict[Any, Any]) -> None:
        self._store = store
        self._because = because
        self._rivals = rivals
        self._seen = seen

    def read(self, kind: type[A], stream: UUID) -> A:
        key = (self._because.tenant, kind, stream)
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = self._read(kind, stream)
        return cast("A", found)

    def before(self, kind: type[A], recorded: RecordedEvent) -> A:
        return self._read(kind, recorded.stream, recorded.version)

    def _read(self, kind: type[A], stream: UUID, before: int | None = None) -> A:
        recorded = self._store.load(self._because.tenant, [stream]).streams.get(stream, ())
        if not recorded or not isinstance(recorded[0].fact, kind.begins):
            raise kind.unknown
        return kind(id=stream).after(one.fact for one in recorded if before is None or one.version < before)

    def began(self, recorded: RecordedEvent) -> datetime:
        facts = self._store.load(self._because.tenant, [recorded.stream]).streams.get(recorded.stream, ())
        return facts[0].occurred_at if facts else recorded.occurred_at

    def rivals(self, booking_id: UUID) -> Sequence[UUID]:
        return self._rivals(self._because, booking_id)


class Reactor:
    """One a process; any number of processes. `stop` to end."""

    def __init__(self, url: str, store: PostgresEventStore, reactions: Sequence[Reaction], rivals: Rivals) -> None:
        self._url = url
        self._store = store
        self._reactions = reactions
        self._rivals = rivals
        self._stopping = threading.Event()
        self._connection: Connection | None = None

    def stop(self) -> None:
        self._stopping.set()

    def abandon(self) -> None:
        """Whoever waits for a server that never answers ends with the process: there is nothing to lose."""

    def run(self) -> None:
        """Until `stop`. What goes wrong is told, and tried again after a pause that grows to five seconds."""
        failures = 0
        while not self._stopping.is_set():
            try:
                with connected(self._url, FOLLOWER) as connection:
                    failures = 0
                    self._follow(connection)
            except Exception as error:
                failures += 1
                _log.warning("reactions.interrupted", error=f"{type(error).__name__}: {error}", failures=failures)
                self._stopping.wait(min(0.1 * 2 ** min(failures, 6), 5.0) * random.uniform(0.7, 1.0))  # noqa: S311

    def _follow(self, connection: Connection) -> None:
        pause, tried = PAUSE[0], time.monotonic()
        while not self._stopping.is_set():
            if self.step(connection):
                pause = PAUSE[0]
                continue
            if time.monotonic() - tried > 60:
                tried = time.monotonic()
                self.catch_up(connection)
            self._stopping.wait(pause)
            pause = min(pause * 1.5, PAUSE[1])

    def step(self, connection: Connection) -> int:
        """One batch; how many events it had. 0: nothing new, or somebody else was first."""
        row = connection.execute("SELECT position FROM jobs.position WHERE follower = %s", [FOLLOWER]).fetchone()
        assert row is not None
        events = log.read(connection, row[0], BATCH)
        if not events:
            return 0
        jobs: list[tuple[Job, datetime]] = []
        missed: list[tuple[Any, ...]] = []
        seen: dict[Any, Any] = {}
        for event in events:
            try:
                jobs += self._follows(event, seen)
            except (Unavailable, psycopg.OperationalError):
                raise
            except Exception as error:  # whatever it is, it must not keep others from what follows for them
                missed.append((*_about(event), _told(error)))
                _log.error("reaction.missed", position=str(event.position), tag=event.tag, error=_told(error))
        with connection.transaction():
            moved = connection.execute(_MOVE, [events[-1].position, FOLLOWER, row[0]]).fetchone()
            if moved is None:
                return 0
            self._defer(connection, jobs)
            for one in missed:
                connection.execute(_MISS, one)
        return len(events)

    def catch_up(self, connection: Connection) -> int:
        """Tries again what was missed; how many facts no longer are."""
        caught = 0
        for (position,) in connection.execute("SELECT position FROM jobs.missed ORDER BY position").fetchall():
            found = log.read(connection, position - 1, 1)
            if not found or found[0].position != position:
                continue
            try:
                jobs = self._follows(found[0], {})
            except (Unavailable, psycopg.OperationalError):
                raise
            except Exception as error:
                connection.execute(_MISS, (*_about(found[0]), _told(error)))
                continue
            with connection.transaction():
                gone = connection.execute("DELETE FROM jobs.missed WHERE position = %s RETURNING true", [position])
                if gone.fetchone() is not None:
                    self._defer(connection, jobs)
                    caught += 1
        return caught

    def _follows(self, event: log.Logged, seen: dict[Any, Any]) -> list[tuple[Job, datetime]]:
        if not isinstance(event, RecordedEvent):
            raise ValueError(event.error)
        if long_past(event):
            return []
        look = Looking(self._store, event, self._rivals, seen)
        wished = [do for reaction in self._reactions for do in reaction(event, look) if not told_of_old(event, do)]
        return [(job_of(do, event), due(do, event)) for do in wished]

    def _defer(self, connection: Connection, jobs: Sequence[tuple[Job, datetime]]) -> None:
        if not jobs:
            return
        # One statement must not name a row twice.
        rows = {job.queueing_lock: {"lock": job.queueing_lock, "args": {"job": job}, "due": at} for job, at in jobs}
        connection.execute(_DEFER, [QUEUE, TASK, _encode(list(rows.values())).decode()])


def long_past(event: RecordedEvent) -> bool:
    """So long ago, told by an import, that nothing of it can be to come: an import need not look at each booking."""
    return event.envelope.origin.channel == "import" and event.recorded_at - event.occurred_at > HISTORY


def told_of_old(event: RecordedEvent, do: Do) -> bool:
    """An import tells what happened long ago: what followed at once, or was due since, has been."""
    if event.envelope.origin.channel != "import":
        return False
    return do.due_at is None or do.due_at <= event.recorded_at


def _about(event: log.Logged) -> tuple[Any, ...]:
    return event.position, event.tenant, event.stream, event.version, event.tag


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\0", "\\0")[:1000]
