"""A booking over HTTP, against bare Litestar handlers that do only what must be done.

*POST*: ours is `POST /api/v1/bookings` with `then: confirm`: a token checked, three streams read, decided, every guard,
two events, a claim, a command row, an answer. The bare one is a sync handler in a thread that takes the same body and
inserts the same rows (of the same sizes, into tables with the same indexes and the same exclusion constraint) in one
prepared statement.

*GET*: ours is `GET /api/v1/bookings/{id}`. The bare one is an async handler that selects the same row of the same table
by its key through an async psycopg pool, and returns it as a dictionary.

One granian process each, both of them up all the time; one PostgreSQL with fsync on; eight connections that are kept
alive; rounds interleaved; medians, and ratios within each round. The client is one thread over epoll with ready-made
requests: what it took of a core is printed, for on two cores it competes with what it measures. No worker runs while
POST is measured; for GET the views have caught up before.
"""

import argparse
import os
import re
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from litestar import Litestar, get, post
from litestar.params import FromPath
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from rich.console import Console
from rich.table import Table
from uuid_utils.compat import uuid7

from application.message import Occasion
from application.organization.commands import FoundOrganization, OpenLocation
from application.recorded import Actor, Origin
from application.resource.commands import RegisterResource
from infrastructure.embedded.child import Child
from infrastructure.embedded.postgres import create_database
from infrastructure.embedded.server import free_port
from infrastructure.event_store import log
from infrastructure.postgres.migrate import PROJECTOR_ROLE
from infrastructure.settings import Settings
from interfaces.bootstrap import build, migrate
from interfaces.http.booking import NewBooking
from projections.runner import Runner
from projections.views import VIEWS

from bench.append import server  # isort: skip
from interfaces.trust import minted, trusting

CONNECTIONS = 8
COURTS = 64
START = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

# The bare handlers

COPIES = """
CREATE SCHEMA bare;
CREATE TABLE bare.event (LIKE event_store.event INCLUDING ALL);
CREATE TABLE bare.command (LIKE event_store.command INCLUDING ALL);
CREATE TABLE bare.claim (LIKE event_store.claim INCLUDING ALL);
CREATE SEQUENCE bare.position CACHE 50;
"""
INSERT = """
WITH command AS (
  INSERT INTO bare.command VALUES (%(tenant)s, %(command)s, 'PlaceHold', %(fingerprint)s, %(result)s,
                                   nextval('bare.position'), clock_timestamp(), false)
), claim AS (
  INSERT INTO bare.claim
  VALUES (%(tenant)s, %(resource)s, %(booking)s, 1, tstzrange(%(starts)s, %(ends)s), 1, NULL, true)
)
INSERT INTO bare.event VALUES
  (%(tenant)s, %(booking)s, 1, %(one)s, 'booking.held.v2', %(held)s, %(metadata)s, clock_timestamp(),
   nextval('bare.position')),
  (%(tenant)s, %(booking)s, 2, %(two)s, 'booking.confirmed', '{}', %(metadata)s, clock_timestamp(),
   nextval('bare.position'))
RETURNING position
"""
SELECT = "SELECT * FROM read.booking WHERE tenant = %s AND id = %s"


def bare() -> Litestar:
    """The bare app, for granian."""
    url = os.environ["BARE_URL"]
    tenant = UUID(os.environ["BARE_TENANT"])
    held, metadata = os.urandom(int(os.environ["BARE_HELD"])), os.urandom(int(os.environ["BARE_METADATA"]))
    settings: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0}
    writing = ConnectionPool(url, kwargs=settings, min_size=16, max_size=16, open=False)
    reading = AsyncConnectionPool(
        url, kwargs={**settings, "row_factory": dict_row}, min_size=8, max_size=16, open=False
    )

    @asynccontextmanager
    async def opened(_: Litestar) -> Any:
        writing.open()
        await reading.open()
        yield
        await reading.close()
        writing.close()

    @post("/bookings", sync_to_thread=True)
    def book(data: NewBooking) -> dict[str, Any]:
        booking, item = uuid7(), data.items[0]
        values = {
            "tenant": tenant, "command": uuid7(), "fingerprint": b"f" * 32, "result": b'{"status":"confirmed"}' * 5,
            "resource": item.resource_id, "booking": booking, "starts": datetime.fromisoformat(item.starts_at),
            "ends": datetime.fromisoformat(item.ends_at), "one": uuid7(), "two": uuid7(), "held": held,
            "metadata": metadata,
        }  # fmt: skip
        with writing.connection() as connection:
            (position,) = connection.execute(INSERT, values).fetchone() or (0,)
        return {"id": booking, "version": 2, "status": "confirmed", "reference": "23456789", "position": str(position)}

    @get("/bookings/{booking_id:uuid}")
    async def find(booking_id: FromPath[UUID]) -> dict[str, Any]:
        async with reading.connection() as connection:
            cursor = await connection.execute(SELECT, [tenant, booking_id])
            return await cursor.fetchone() or {}

    return Litestar([book, find], lifespan=[opened], openapi_config=None, logging_config=None)


# The client


class Load:
    """Keeps every connection busy with one request at a time, each ready-made."""

    def __init__(self, port: int, server: Child, requests: Callable[[], bytes], expects: bytes) -> None:
        assert server.pid is not None
        self._server = server.pid
        self._requests = requests
        self._expects = expects
        self._select = selectors.EpollSelector()
        self._sockets = []
        for _ in range(CONNECTIONS):
            made = socket.create_connection(("127.0.0.1", port))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(made)
            self._select.register(made, selectors.EVENT_READ)

    def run(self, seconds: float) -> "Round":
        began, cpu, worked = time.perf_counter(), time.process_time(), cpu_of(self._server)
        ends = began + seconds
        sent: dict[int, float] = {}
        for one in self._sockets:
            one.sendall(self._requests())
            sent[one.fileno()] = time.perf_counter()
        took: list[float] = []
        while sent:
            for key, _ in self._select.select():
                one: Any = key.fileobj
                answer = one.recv(65536)
                while not whole(answer):
                    more = one.recv(65536)
                    if not more:
                        raise ConnectionError(answer[:300])
                    answer += more
                now = time.perf_counter()
                took.append(now - sent.pop(key.fd))
                if answer[9:12] != self._expects:
                    raise RuntimeError(answer.decode(errors="replace"))
                if now < ends:
                    one.sendall(self._requests())
                    sent[key.fd] = time.perf_counter()
        wall = time.perf_counter() - began
        return Round(
            len(took) / wall, quantiles(took, n=100)[98] * 1000, (time.process_time() - cpu) / wall,
            (cpu_of(self._server) - worked) / len(took) * 1e6,
        )  # fmt: skip

    def close(self) -> None:
        for one in self._sockets:
            one.close()


class Round(msgspec.Struct, frozen=True):
    rate: float
    p99: float
    client: float
    """The share of a core that the client took."""
    cpu: float
    """Microseconds of the server process for each request: what a busy neighbour does not change."""


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_of(int(child)) for child in children)


LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def whole(answer: bytes) -> bool:
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    found = LENGTH.search(answer, 0, head)
    assert found is not None
    return len(answer) >= head + 4 + int(found[1])


# The table


def served(name: str, words: list[str], port: int, env: dict[str, str], folder: Path) -> Child:
    child = Child(name, words, folder / f"{name}.log", env={**os.environ, **env}, folder=Path.cwd())
    child.start()
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(1.0)
            return child
    raise RuntimeError(f"{name} did not start: {child.last_words()}")


def posts(port: int, path: str, location: UUID, courts: list[UUID], token: str) -> Callable[[], bytes]:
    """Bodies for slots that nobody has: every court, hour after hour."""

    def each() -> Iterator[bytes]:
        starts = START
        while True:
            for court in courts:
                item = {
                    "resource_id": str(court), "starts_at": starts.isoformat(), "ends_at": (starts + HOUR).isoformat()
                }  # fmt: skip
                body = msgspec.json.encode({"location_id": str(location), "items": [item], "then": "confirm"})
                yield (
                    f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n"
                    f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                ).encode() + body
            starts += HOUR

    return each().__next__


def gets(port: int, path: str, bookings: list[UUID], token: str) -> Callable[[], bytes]:
    def each() -> Iterator[bytes]:
        ready = [
            f"GET {path}/{booking} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n\r\n".encode()
            for booking in bookings
        ]
        while True:
            yield from ready

    return each().__next__


def furnished(settings: Settings) -> tuple[UUID, UUID, list[UUID], str]:
    """An organization, its location, its courts, and its owner's token."""
    house = build(settings)
    tenant, location, courts = uuid7(), uuid7(), [uuid7() for _ in range(COURTS)]

    def do(command: Any, role: str = "owner") -> None:
        house.command_bus.carry_out(command, Occasion(tenant, Actor("user", "bench", role), Origin("cli"), uuid7()))

    do(FoundOrganization("Bench"), "platform")
    do(OpenLocation(location, "Courts", "Europe/Lisbon"))
    for court in courts:
        do(RegisterResource(court, location, "Court", "court"))
    house.close()
    token = minted(trusting(settings), role="owner", subject="bench", organization=tenant, life=86_400)
    return tenant, location, courts, token


def caught_up(url: str) -> None:
    """The views take in what was posted, and stop."""
    for view in VIEWS:
        runner = Runner(view, url, log, exclusive=False)
        with psycopg.connect(url, autocommit=True, options=f"-c role={PROJECTOR_ROLE}") as connection:
            runner.keeper.find(connection)
            while runner.step(connection):
                pass
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def measure(rounds: int, seconds: float, admin: str, folder: Path) -> Table:
    table = Table(
        title=f"HTTP, requests/s ({rounds} rounds of {seconds:g} s, {CONNECTIONS} connections, medians; fsync on)"
    )
    for heading in ("", "bare", "ours", "/bare", "p99 bare ms", "p99 ours ms", "cpu bare us", "cpu ours us", "client"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    url = create_database(admin, "bench_http")
    ours, bare_ = free_port(), free_port()
    settings = Settings(
        database_url=url, token_secret="bench" * 10, master_key="be" * 32, token_life=86_400, port=ours,
        data=folder / "data", limit_reads=10_000_000, limit_writes=10_000_000,
    )  # fmt: skip
    migrate(settings)
    tenant, location, courts, token = furnished(settings)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(COPIES)
    sizes = {"BARE_URL": url, "BARE_TENANT": str(tenant), "BARE_HELD": "605", "BARE_METADATA": "524"}
    granian = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--workers", "1", "--no-ws"]
    with ExitStack() as closing:
        api = served("api", [sys.executable, "-m", "interfaces.cli", "api"], ours, settings.environment(), folder)
        closing.callback(api.stop)
        other = served("bare", [*granian, "--port", str(bare_), "bench.http:bare"], bare_, sizes, folder)
        closing.callback(other.stop)

        def row(name: str, loads: dict[str, Load]) -> None:
            found: dict[str, list[Round]] = {"bare": [], "ours": []}
            for load in loads.values():
                load.run(1.0)
            for _ in range(rounds):
                for subject, load in loads.items():
                    found[subject].append(load.run(seconds))
            for load in loads.values():
                load.close()
            table.add_row(
                name,
                *(f"{median(r.rate for r in found[s]):,.0f}" for s in ("bare", "ours")),
                f"{median(a.rate / b.rate for a, b in zip(found['ours'], found['bare'], strict=True)):.2f}",
                *(f"{median(r.p99 for r in found[s]):.1f}" for s in ("bare", "ours")),
                *(f"{median(r.cpu for r in found[s]):.0f}" for s in ("bare", "ours")),
                f"{max(r.client for rounds in found.values() for r in rounds):.0%}",
            )

        row("POST", {
            "bare": Load(bare_, other, posts(bare_, "/bookings", location, courts, token), b"201"),
            "ours": Load(ours, api, posts(ours, "/api/v1/bookings", location, courts, token), b"201"),
        })  # fmt: skip
        with psycopg.connect(url, autocommit=True) as connection:
            real = connection.execute(
                "SELECT avg(octet_length(state)) FILTER (WHERE tag = 'booking.held.v2'), avg(octet_length(metadata)) "
                "FROM event_store.event WHERE tag LIKE 'booking.%'"
            ).fetchone()
            assert real is not None
            table.caption = f"bytes of ours: held {real[0]:.0f}, metadata {real[1]:.0f}; of the bare one: 605 and 524"
        caught_up(url)
        with psycopg.connect(url, autocommit=True) as connection:
            bookings = [one for (one,) in connection.execute("SELECT id FROM read.booking LIMIT 900").fetchall()]
        row("GET", {
            "bare": Load(bare_, other, gets(bare_, "/bookings", bookings, token), b"200"),
            "ours": Load(ours, api, gets(ours, "/api/v1/bookings", bookings, token), b"200"),
        })  # fmt: skip
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.http", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args(arguments)
    with server() as admin, TemporaryDirectory(prefix="daybook-bench-http-") as folder:
        Console(width=140).print(measure(options.rounds, options.seconds, admin, Path(folder)))


if __name__ == "__main__":
    main()
