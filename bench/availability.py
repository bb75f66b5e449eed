"""What can be booked, out of the database: 200 resources x 31 days with 5,000 bookings.

*Free spans* are the whole answer (configuration and claims read, swept, merged, as values) against the bare two
statements, whose rows are fetched and thrown away; *slots* the same with every start of 30 minutes on the grid. Both on
one connection, alternating, medians of the rounds, each ratio taken within its round.

*Growth*: the same day's slots of one resource, and one booking of a free hour through the command bus, while the table
of claims has 1,000 rows and when it has a million: the density of a day stays what it is, there are more days.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import psycopg
from rich.console import Console
from rich.table import Table

from application.availability.queries import WhatIsOffered
from application.booking.commands import PlaceHold, WantedItem
from application.message import Command, Occasion
from application.organization.commands import FoundOrganization, OpenLocation
from application.recorded import Actor, Origin
from application.resource.commands import RegisterResource
from bench.append import server
from bench.http import caught_up
from domain.hours import Opening, WeeklyHours
from infrastructure.embedded.postgres import create_database
from infrastructure.postgres import reading
from infrastructure.settings import Settings
from interfaces.bootstrap import House, build, migrate
from projections.availability.offers import CLAIMS

RESOURCES, DAYS, BOOKINGS, A_DAY = 200, 31, 5_000, 5
FIRST = date(2031, 5, 1)
OPEN = WeeklyHours(*[(Opening(8 * 60, 16 * 60),)] * 7)
HALF = timedelta(minutes=30)

FILL = """
INSERT INTO event_store.claim (tenant, resource, booking, item, during, units, single)
SELECT %(tenant)s, r.id, gen_random_uuid(), 1,
       tstzrange(d.at + h.n * interval '1 hour', d.at + (h.n + 1) * interval '1 hour'), 1, true
  FROM unnest(%(resources)s::uuid[]) r (id),
       generate_series(%(first)s::timestamptz, %(last)s::timestamptz, interval '1 day') d (at),
       unnest(%(hours)s::integer[]) h (n)
"""


class Club:
    def __init__(self, url: str, folder: Path) -> None:
        settings = Settings(
            database_url=url, token_secret="bench" * 10, master_key="be" * 32, database_deadline=60.0, write_pool=4,
            read_pool=4, data=folder,
        )  # fmt: skip
        migrate(settings)
        self.house: House = build(settings)
        self.url = url
        self.tenant, self.location = uuid4(), uuid4()
        self.resources = sorted(uuid4() for _ in range(RESOURCES))
        self.do(FoundOrganization("Bench"), "platform")
        self.do(OpenLocation(self.location, "Courts", "Europe/Lisbon"))
        for n, resource in enumerate(self.resources):
            self.do(RegisterResource(resource, self.location, f"Court {n}", "court", 1, OPEN))

    def occasion(self, role: str = "owner") -> Occasion:
        return Occasion(self.tenant, Actor("user", "bench", role), Origin("cli"), uuid4())

    def do(self, command: Command, role: str = "owner") -> None:
        self.house.command_bus.carry_out(command, self.occasion(role))

    def book(self, resource: UUID, starts_at: datetime, lasting: timedelta = HALF) -> None:
        item = WantedItem(resource, starts_at, starts_at + lasting)
        self.do(PlaceHold(uuid4(), self.location, (item,), then="confirm"))

    def filled(self) -> None:
        """5,000 bookings of half an hour, no two at once."""
        dice = random.Random(5)
        places = [(r, d, h) for r in self.resources for d in range(DAYS) for h in range(16)]
        for resource, day, half in dice.sample(places, BOOKINGS):
            on = datetime.combine(FIRST + timedelta(days=day), datetime.min.time())
            self.book(resource, on + timedelta(hours=8) + half * HALF)
        caught_up(self.url)

    def grown(self, rows: int) -> None:
        """So many claims in all, each day of each resource with five hours taken, long after the month of the bench."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            (now,) = connection.execute("SELECT count(*) FROM event_store.claim").fetchone() or (0,)
            days = max((rows - now) // (RESOURCES * A_DAY), 1)
            values = {
                "tenant": self.tenant, "resources": self.resources, "first": self._next,
                "last": self._next + timedelta(days=days - 1), "hours": [8, 10, 12, 14, 16],
            }  # fmt: skip
            connection.execute(FILL, values)
            self._next += timedelta(days=days)
            connection.execute("VACUUM ANALYZE event_store.claim")

    _next = datetime(2033, 1, 1, tzinfo=UTC)


async def seconds(work: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def month(club: Club, rounds: int) -> Table:
    table = Table(title=f"{RESOURCES} resources x {DAYS} days, {BOOKINGS:,} bookings: ms ({rounds} rounds, medians)")
    for heading in ("", "ms", "/bare", "answers"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    house, occasion = club.house, club.occasion()
    await house.open()
    last = FIRST + timedelta(days=DAYS - 1)
    spans = WhatIsOffered(FIRST, last, None, tuple(club.resources), True, minutes=30, spans=True)
    slots = WhatIsOffered(FIRST, last, None, tuple(club.resources), True, minutes=30)
    statements = await stated(club, spans)
    tenant = occasion.tenant
    count = {"n": 0}

    async def bare() -> None:
        found = [await reading.rows(house.pool, text, values, 60.0, tenant) for text, values in statements]
        count["n"] = len(found[1])

    async def ask(query: WhatIsOffered) -> None:
        offered = await house.query_bus.ask(query, occasion)
        count["n"] = sum(len(it.slots) + len(it.free) for it in offered.found)

    subjects = {
        "the bare two statements": bare,
        "free spans": lambda: ask(spans),
        "slots of 30 min": lambda: ask(slots),
    }
    took: dict[str, list[float]] = {name: [] for name in subjects}
    answers: dict[str, int] = {}
    for turn in range(rounds + 2):  # the first two are warming up
        for name, work in subjects.items():
            one = await seconds(work)
            answers[name] = count["n"]
            if turn >= 2:
                took[name].append(one)
    base = took["the bare two statements"]
    for name, those in took.items():
        ratio = median(a / b for a, b in zip(those, base, strict=True))
        table.add_row(name, f"{median(those) * 1000:.1f}", f"{ratio:.2f}", f"{answers[name]:,}")
    return table


async def stated(club: Club, query: WhatIsOffered) -> list[tuple[str, list[Any]]]:
    """The two statements as `Offers` asks them, caught on their way."""
    caught: list[tuple[str, list[Any]]] = []
    real = reading.rows

    async def catching(pool: Any, text: str, values: Any, *more: Any) -> list[Any]:
        caught.append((text, list(values)))
        return await real(pool, text, values, *more)

    reading.rows = catching
    try:
        await club.house.query_bus.ask(query, club.occasion())
    finally:
        reading.rows = real
    assert len(caught) == 2, f"{len(caught)} statements, not two"
    assert caught[1][0] == CLAIMS
    return caught


async def growth(club: Club, rounds: int, sizes: tuple[int, int]) -> Table:
    table = Table(title=f"Growth of the claims: ms (medians of {rounds})")
    for heading in ("", *(f"{size:,} claims" for size in sizes), "ratio"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    found: dict[str, list[float]] = {"one day's slots of a resource": [], "one booking": []}
    occasion = club.occasion()
    day = date(2033, 1, 1)
    for nth, size in enumerate(sizes):
        club.grown(size)
        slots, bookings = [], []
        for n in range(rounds + 20):
            query = WhatIsOffered(day, day, None, (club.resources[n % RESOURCES],), True, minutes=30)
            slots.append(await seconds(lambda query=query: club.house.query_bus.ask(query, occasion)))  # type: ignore[misc]
            at = datetime(2032, 3, 1 + nth, 9, tzinfo=UTC) + timedelta(days=2 * (n // RESOURCES))
            began = time.perf_counter()
            club.book(club.resources[n % RESOURCES], at)
            bookings.append(time.perf_counter() - began)
        found["one day's slots of a resource"].append(median(slots[20:]))
        found["one booking"].append(median(bookings[20:]))
    for name, (small, large) in found.items():
        table.add_row(name, f"{small * 1000:.2f}", f"{large * 1000:.2f}", f"{large / small:.2f}")
    return table


async def measured(rounds: int, rows: int, admin: str, folder: Path) -> list[Table]:
    club = Club(create_database(admin, "bench_availability"), folder)
    club.filled()
    tables = [await month(club, rounds), await growth(club, rounds * 20, (BOOKINGS + 1_000, rows))]
    await club.house.aclose()
    return tables


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.availability", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    with server() as admin, TemporaryDirectory(prefix="daybook-bench-availability-") as folder:
        for table in asyncio.run(measured(options.rounds, options.rows, admin, Path(folder))):
            Console(width=120).print(table)


if __name__ == "__main__":
    main()
