"""Connections of the write side: pooled, prepared, with a deadline on every wait, healing by themselves.

Calls go as prepared statements with binary values straight through libpq. An append has up to forty parameters,
most of them arrays, and adapting each in Python took longer than the server took to carry the command out.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, cast

import psycopg
from psycopg import Connection, pq
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from application.event_store import Unavailable
from infrastructure.postgres.clock import ServerClock
from infrastructure.postgres.deadline import WATCHDOG
from infrastructure.postgres.migrate import APP_ROLE

DEADLINE = 2.0
"""Seconds that one call of the port may take, waiting for a connection included."""
WAIT = 1.0
"""Seconds that a call waits for a free connection."""

_BINARY = 1
_DRAIN_INTERVAL = 1.0


class Refused(Exception):
    """The server answered, and the answer is no. What was to be done has not been done."""

    def __init__(self, sqlstate: str, constraint: str, detail: str, message: str) -> None:
        super().__init__(f"{message} [{sqlstate} {constraint}]".strip())
        self.sqlstate, self.constraint, self.detail = sqlstate, constraint, detail


class Lost(Exception):
    """The connection was lost, or cut at its deadline, while a call was out: nobody knows what became of it."""


class Session:
    """One connection in use."""

    __slots__ = ("_fd", "_pgconn", "connection", "ends")

    def __init__(self, connection: Connection[Any], ends: float) -> None:
        self.connection = connection
        self.ends = ends
        self._pgconn = connection.pgconn
        self._fd = self._pgconn.socket

    def call(self, statement: bytes, values: list[bytes | None]) -> pq.abc.PGresult:
        """Runs a prepared statement with binary values; the result is binary too."""
        formats = [_BINARY] * len(values)
        token = WATCHDOG.watch(self._fd, self.ends)
        try:
            result = self._pgconn.exec_prepared(statement, cast("list[bytes]", values), formats, _BINARY)
        except psycopg.Error as error:
            raise Lost(str(error)) from error
        finally:
            cut = WATCHDOG.done(token)
        return self._judged(result, cut)

    def execute(self, statement: bytes) -> pq.abc.PGresult:
        """Runs a plain statement without values (BEGIN, COMMIT ...)."""
        token = WATCHDOG.watch(self._fd, self.ends)
        try:
            result = self._pgconn.exec_(statement)
        except psycopg.Error as error:
            raise Lost(str(error)) from error
        finally:
            cut = WATCHDOG.done(token)
        return self._judged(result, cut)

    def prepare(self, name: bytes, statement: bytes) -> None:
        token = WATCHDOG.watch(self._fd, self.ends)
        try:
            result = self._pgconn.prepare(name, statement)
        finally:
            cut = WATCHDOG.done(token)
        self._judged(result, cut)

    def _judged(self, result: pq.abc.PGresult, cut: bool) -> pq.abc.PGresult:
        status = result.status
        if status == pq.ExecStatus.TUPLES_OK or status == pq.ExecStatus.COMMAND_OK:
            if cut:
                # The answer came in the same moment. It counts; the connection does not.
                self._pgconn.finish()
            return result
        field = result.error_field
        sqlstate = (field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        message = (field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message or b"").decode(errors="replace")
        gone = not sqlstate or sqlstate[:2] == "08" or sqlstate[:3] == "57P"
        if cut or gone or self._pgconn.status == pq.ConnStatus.BAD:
            self._pgconn.finish()
            raise Lost(message.strip() or "the connection was lost")
        constraint = (field(pq.DiagnosticField.CONSTRAINT_NAME) or b"").decode()
        detail = (field(pq.DiagnosticField.MESSAGE_DETAIL) or b"").decode(errors="replace")
        raise Refused(sqlstate, constraint, detail, message)


class Pool:
    """Sessions of the application's role.

    `wait` bounds the wait for a free connection, `deadline` the whole of a call. A connection found lost empties the
    pool, once a second at most: what stood beside it is most likely lost as well, and the next caller should not have
    to find that out again.
    """

    def __init__(
        self,
        url: str,
        statements: Mapping[bytes, bytes],
        *,
        size: int = 8,
        deadline: float = DEADLINE,
        wait: float = WAIT,
        role: str | None = APP_ROLE,
        name: str = "write",
    ) -> None:
        self.deadline = deadline
        self.clock = ServerClock()
        self._wait = min(wait, deadline)
        self._statements = dict(statements)
        self._drained = 0.0
        # The server's own limits are a little shorter than ours: an orderly "no" is better than a lost connection.
        limit = max(int(deadline * 900), 100)
        options = f"-c statement_timeout={limit} -c lock_timeout={limit}"
        options += f" -c idle_in_transaction_session_timeout={limit * 2} -c jit=off"
        options += " -c default_transaction_isolation=read\\ committed"
        if role is not None:
            options += f" -c role={role}"
        self._pool: ConnectionPool[Connection[Any]] = ConnectionPool(
            url,
            kwargs={
                "autocommit": True,
                "options": options,
                "connect_timeout": max(int(deadline), 2),
                "tcp_user_timeout": int(deadline * 1000),
                "keepalives_idle": 10,
                "keepalives_interval": 3,
                "keepalives_count": 3,
                "application_name": f"daybook-{name}",
                "prepare_threshold": None,
            },
            min_size=min(2, size),
            max_size=size,
            open=False,
            configure=self._configure,
            timeout=self._wait,
            # Short: a pool that has given up tries again as soon as somebody asks; one that backs off does not.
            reconnect_timeout=2.0,
            name=name,
        )

    def open(self) -> None:
        self._pool.open()

    def close(self) -> None:
        self._pool.close()

    def _configure(self, connection: Connection[Any]) -> None:
        session = Session(connection, time.monotonic() + self.deadline)
        try:
            session.execute(b"SELECT event_store.adopt_cluster()")
            for name, statement in self._statements.items():
                session.prepare(name, statement)
        except (Lost, Refused) as error:
            raise psycopg.OperationalError(str(error)) from error

    def take(self, deadline: float | None = None) -> Session:
        """A session, to be given back with `give`. `Unavailable` when there is none in time."""
        ends = time.monotonic() + (self.deadline if deadline is None else deadline)
        try:
            connection = self._pool.getconn(min(self._wait, max(ends - time.monotonic(), 0.001)))
        except (PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise Unavailable("No connection to the database became free in time.") from error
        return Session(connection, ends)

    def give(self, session: Session) -> None:
        connection = session.connection
        if connection.pgconn.transaction_status == pq.TransactionStatus.UNKNOWN:
            self._drain()
        self._pool.putconn(connection)

    @contextlib.contextmanager
    def session(self, deadline: float | None = None) -> Iterator[Session]:
        session = self.take(deadline)
        try:
            yield session
        finally:
            self.give(session)

    def _drain(self) -> None:
        now = time.monotonic()
        if now - self._drained > _DRAIN_INTERVAL:
            self._drained = now
            self._pool.drain()

    def stats(self) -> dict[str, int]:
        return self._pool.get_stats()
