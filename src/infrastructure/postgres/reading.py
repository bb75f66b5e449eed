"""The read side's way to PostgreSQL: views say what to ask, this asks it, on an async pool, within a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import psycopg
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from application.event_store import Unavailable
from application.message import Occasion, Query, Scope
from infrastructure.postgres.deadline import WATCHDOG
from infrastructure.postgres.migrate import APP_ROLE

Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]

LOOK = 0.005
"""Seconds between looks at a view's position."""


class Asked(Protocol):
    """A question in the database's words, and how its rows become an answer."""

    @property
    def text(self) -> str: ...
    @property
    def values(self) -> Sequence[Any]: ...
    @property
    def shape(self) -> Callable[[list[Any]], Any]: ...


class View(Protocol):
    @property
    def name(self) -> str: ...
    def answers(self) -> Mapping[type[Query], Callable[[Any, Occasion, Scope], Asked]]: ...


Answerer = Callable[[Any, Occasion, Scope], Awaitable[Any]]


class ViewBehind(Exception):
    """The view has not yet taken in what was to be seen: ask again in a moment."""

    def __init__(self, view: str, position: int, wanted: int) -> None:
        super().__init__((type(self).__doc__ or "").strip())
        self.view, self.position, self.wanted = view, position, wanted


class Standing(Struct, frozen=True):
    """How far a view is behind the log."""

    view: str
    position: int
    behind: int
    """Events not seen yet, counted up to 100,000."""
    age: float
    """Seconds since the oldest of them was recorded."""
    parked: int
    """Streams that are parked."""


def reading_pool(url: str, size: int = 16, deadline: float = 2.0) -> Pool:
    """A pool for reads: autocommit, the application's role, prepared statements. Open it in the running loop."""
    limit = max(int(deadline * 900), 100)
    return AsyncConnectionPool(
        url,
        kwargs={
            "autocommit": True,
            "prepare_threshold": 0,
            "options": f"-c role={APP_ROLE} -c statement_timeout={limit} -c lock_timeout={limit} -c jit=off",
            "connect_timeout": max(int(deadline), 2),
            "tcp_user_timeout": int(deadline * 1000),
            "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3,
            "application_name": "daybook-read",
        },
        min_size=min(4, size), max_size=size, open=False, timeout=min(1.0, deadline), reconnect_timeout=2.0,
        name="read",
    )  # fmt: skip


OF_TENANT = "SELECT set_config('app.tenant', %s, true)"
"""For this transaction alone: what a connection was used for before says nothing about whose rows come next."""


async def rows(
    pool: Pool, text: str, values: Sequence[Any], deadline: float = 2.0, tenant: UUID | None = None
) -> list[Any]:
    """One statement's rows; `Unavailable` when there is no connection or no answer in time.

    Of views only the rows of `tenant` can be seen: the server shows no others, whatever the statement asks for, and
    without a tenant none at all. Both go out together and come back together: one implicit transaction, one round trip.
    """
    try:
        async with pool.connection() as connection:
            # Not a timeout of asyncio's: what it cancels, psycopg waits for, and a frozen server lets it wait for ever.
            token = WATCHDOG.watch(connection.pgconn.socket, time.monotonic() + deadline)
            try:
                if tenant is None:
                    return await (await connection.execute(text, values)).fetchall()
                async with connection.pipeline():
                    await connection.execute(OF_TENANT, [str(tenant)])
                    cursor = await connection.execute(text, values)
                return await cursor.fetchall()
            finally:
                WATCHDOG.done(token)
    except (psycopg.OperationalError, PoolTimeout, PoolClosed, TooManyRequests) as error:
        raise Unavailable from error


def answerers(views: Sequence[View], pool: Pool, deadline: float = 2.0) -> dict[type[Query], Answerer]:
    """For the query bus: each question with the view that answers it. Two views for one question are a mistake."""
    found: dict[type[Query], Answerer] = {}
    for view in views:
        for query, answer in view.answers().items():
            if query in found:
                raise ValueError(f"two views answer {query.__name__}")
            found[query] = _answerer(answer, pool, deadline)
    return found


def _answerer(answer: Callable[[Any, Occasion, Scope], Asked], pool: Pool, deadline: float) -> Answerer:
    async def answered(query: Any, occasion: Occasion, scope: Scope) -> Any:
        asked = answer(query, occasion, scope)
        return asked.shape(await rows(pool, asked.text, asked.values, deadline, occasion.tenant))

    return answered


class Positions:
    """Where the views stand: for those who want to read what they have just written."""

    def __init__(self, views: Sequence[View], pool: Pool, patience: float = 2.0) -> None:
        self._pool = pool
        self._patience = patience
        self._views_of = {
            query: (view.name, *getattr(view, "beside", ())) for view in views for query in view.answers()
        }  # fmt: skip
        self._seen: dict[str, int] = {}

    async def reached(self, query: type[Query], position: int) -> None:
        """Returns once the view that answers `query`, and those that it asks, have taken in `position`; `ViewBehind`
        after two seconds."""
        ends = time.monotonic() + self._patience
        for view in self._views_of[query]:
            await self._reached(view, position, ends)

    async def _reached(self, view: str, position: int, ends: float) -> None:
        if self._seen.get(view, -1) >= position:
            return
        while True:
            found = await rows(self._pool, "SELECT position FROM read.position WHERE view = %s", [view])
            seen = self._seen[view] = int(found[0][0]) if found else -1
            if seen >= position:
                return
            if time.monotonic() >= ends:
                raise ViewBehind(view, seen, position)
            await asyncio.sleep(LOOK)


async def standing(pool: Pool) -> list[Standing]:
    """Every live view's position and lag: for metrics, readiness and `daybook doctor`."""
    found = await rows(
        pool,
        "SELECT p.view, p.position, l.behind, l.oldest, "
        "(SELECT count(DISTINCT (k.tenant, k.stream)) FROM read.parked k WHERE k.view = p.view) "
        "FROM read.position p, LATERAL event_store.lag(p.position, 100000) l "
        "WHERE p.view NOT LIKE 'rebuild:%%' ORDER BY p.view",
        [],
    )
    now = datetime.now(UTC)
    return [
        Standing(view, position, behind, 0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0), parked)
        for view, position, behind, oldest, parked in found
    ]


def behind(pool: Pool) -> Callable[[int], Awaitable[tuple[int, datetime | None]]]:
    """For followers that are kept elsewhere (the audit trail): how many events come after a position, since when."""

    async def asked(position: int) -> tuple[int, datetime | None]:
        found = await rows(pool, "SELECT behind, oldest FROM event_store.lag(%s, 100000)", [position])
        return found[0][0], found[0][1]

    return asked
