"""Follows the log and keeps the rows by which people are found: each fact once, for the position moves in the
transaction in which its rows are written.

Who has been erased gets no row: their key's row is held while theirs are written, and a tombstone writes none.
"""

import random
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import psycopg
import structlog
from msgspec import Struct

from application.event_store import Unavailable
from application.recorded import RecordedEvent
from domain.identity.events import UserDescribed, UserDetailsRemoved
from domain.identity.lookup import OF, pieces
from domain.personal import Sealed
from infrastructure.event_store import log
from infrastructure.postgres.migrate import KEYS_ROLE
from infrastructure.privacy import seals
from infrastructure.privacy.keyring import Keyring
from infrastructure.privacy.search import Search, blinded

NAME = Search.name
BATCH = 500
PAUSE = (0.01, 0.1)
"""Seconds between looks at an idle log."""
TELL = 1.0

Connection = psycopg.Connection[Any]
_log = structlog.get_logger()

_WHERE = "SELECT position FROM read.position WHERE view = %s"
_MOVE = (
    "UPDATE read.position SET position = %s, moved_at = clock_timestamp() "
    "WHERE view = %s AND position = %s RETURNING true"
)
_INDEX = "SELECT privacy.index_subject(%s, %s, %s::text[], %s::text[], %s::bytea[])"


class Lag(Struct, frozen=True):
    view: str
    behind: int
    age: float
    parked: int = 0


class Rows(Struct, frozen=True):
    """What one fact makes of the rows of its person: these fields anew."""

    tenant: UUID
    subject: UUID
    gone: list[str]
    found: list[tuple[str, bytes]]


class Meter(Protocol):
    def __call__(self, lag: Any, /) -> None: ...


def connected(url: str) -> Connection:
    """Its commits do not wait for the disk: position and rows are lost together or not at all, and found again."""
    return psycopg.connect(
        url, autocommit=True, application_name="daybook-people-index", connect_timeout=5,
        options=f"-c role={KEYS_ROLE} -c synchronous_commit=off -c jit=off -c statement_timeout=60000",
        keepalives_idle=10, keepalives_interval=3, keepalives_count=3, tcp_user_timeout=30_000,
    )  # fmt: skip


class Indexer:
    """One a process; any number of processes. `stop` to end."""

    def __init__(self, url: str, keys: Keyring, meter: Meter | None = None) -> None:
        self._url = url
        self._keys = keys
        self._meter = meter
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def abandon(self) -> None:
        """Whoever waits for a server that never answers ends with the process: there is nothing to lose."""

    def run(self) -> None:
        """Until `stop`. What goes wrong is told, and tried again after a pause that grows to five seconds."""
        failures = 0
        while not self._stopping.is_set():
            try:
                with connected(self._url) as connection:
                    failures = 0
                    self._follow(connection)
            except Exception as error:
                failures += 1
                # Not its words: they might be somebody's.
                _log.warning("people_index.interrupted", error=type(error).__name__, failures=failures)
                self._stopping.wait(min(0.1 * 2 ** min(failures, 6), 5.0) * random.uniform(0.7, 1.0))  # noqa: S311

    def _follow(self, connection: Connection) -> None:
        pause, idle = PAUSE[0], TELL
        while not self._stopping.is_set():
            if self.step(connection):
                pause = PAUSE[0]
                continue
            if self._meter is not None and idle >= TELL:
                idle = 0.0
                self._meter(self.lag(connection))
            self._stopping.wait(pause)
            idle += pause
            pause = min(pause * 1.5, PAUSE[1])

    def lag(self, connection: Connection) -> Lag:
        found = log.lag(connection, _position(connection))
        age = 0.0 if found.oldest is None else max((datetime.now(UTC) - found.oldest).total_seconds(), 0.0)
        return Lag(NAME, found.behind, age)

    def step(self, connection: Connection) -> int:
        """One batch; how many events it had. 0: nothing new, or somebody else was first."""
        position = _position(connection)
        events = log.read(connection, position, BATCH)
        if not events:
            return 0
        rows = list(self._rows(events))
        with connection.transaction():
            # Everybody in the same order, so that no two that do this wait for each other.
            if connection.execute(_MOVE, [events[-1].position, NAME, position]).fetchone() is None:
                return 0
            for one in rows:
                fields, blinds = [field for field, _ in one.found], [blind for _, blind in one.found]
                connection.execute(_INDEX, [one.tenant, one.subject, one.gone, fields, blinds])
        return len(events)

    def _rows(self, events: Iterable[log.Logged]) -> Iterable[Rows]:
        for event in events:
            if isinstance(event, RecordedEvent):
                match event.fact:
                    case UserDescribed(details):
                        yield self._described(event, {f: v for f, v in details.items() if isinstance(v, Sealed)})
                    case UserDetailsRemoved(fields):
                        yield Rows(event.tenant, event.stream, _looked_up(fields), [])

    def _described(self, event: RecordedEvent, details: dict[str, Sealed]) -> Rows:
        wanted = {field: value for field, value in details.items() if field in OF and value.subject == event.stream}
        found: list[tuple[str, bytes]] = []
        try:
            texts = self._keys.open(event.tenant, list(wanted.values()))
            known = [
                piece for field, text in zip(wanted, texts, strict=True) if isinstance(text, str)
                for piece in pieces(field, text)
            ]  # fmt: skip
            found = blinded(self._keys, event.tenant, known)
        except Unavailable:
            raise
        except seals.Broken as broken:  # it must not keep others from being found
            _log.error("people_index.missed", position=str(event.position), error=str(broken))
        return Rows(event.tenant, event.stream, _looked_up(wanted), found)


def _position(connection: Connection) -> int:
    row = connection.execute(_WHERE, [NAME]).fetchone()
    return 0 if row is None else int(row[0])


def _looked_up(fields: Iterable[str]) -> list[str]:
    return [looked_up for field in fields for looked_up in OF.get(field, ())]


def begin_again(url: str) -> None:
    """All rows anew: the follower starts from the first fact. Until it has come to the end, searches find who has been
    reached."""
    with connected(url) as connection:
        for (tenant,) in connection.execute("SELECT privacy.tenants()").fetchall():
            with connection.transaction():
                connection.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
                connection.execute("DELETE FROM privacy.blind_index WHERE tenant = %s", [tenant])
        connection.execute("UPDATE read.position SET position = 0, epoch = epoch + 1 WHERE view = %s", [NAME])
