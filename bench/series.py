"""A series of 400 occurrences in one command, against 400 single bookings, a command each, side by side.

Both on the real store (fsync on) through the command bus, at the same hours of two courts, in one process, in
alternating rounds; the figures are medians, and a ratio is the median of the ratios within each round. A single
booking is `PlaceHold` with confirmation in the same breath: two events, as an occurrence is. Looking first, moving
all by an hour, and splitting in the middle are told beside the same 400 singles.
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import UUID, uuid4

import uuid_utils.compat
from rich.console import Console
from rich.table import Table

from application.booking.commands import PlaceHold, WantedItem
from application.booking.series import CreateSeries, PreviewSeries
from application.booking.series_edits import EditSeries
from application.booking.series_extent import CancelSeries
from application.message import Command, Occasion
from application.organization.commands import FoundOrganization, OpenLocation
from application.recorded import Actor, Origin
from application.resource.commands import RegisterResource
from bench.append import server
from domain import localtime
from domain.booking.series_events import Part, Patch, Shift, Template
from infrastructure.embedded.postgres import create_database
from infrastructure.settings import Settings
from interfaces import bootstrap

ZONE = "America/New_York"
START = datetime(datetime.now(UTC).year + 1, 1, 4, 9)  # noqa: DTZ001  # a wall's
HOUR = timedelta(hours=1)


class Club:
    """An organization with a location, and courts of which each round takes new ones."""

    def __init__(self, url: str) -> None:
        bootstrap.migrate(Settings(database_url=url))
        self.house = bootstrap.build(Settings(database_url=url, master_key="be" * 32, database_deadline=30.0))
        self.tenant, self.location = uuid4(), uuid4()
        self.do(FoundOrganization("Club"), "platform")
        self.do(OpenLocation(self.location, "Courts", ZONE))

    def do(self, command: Command, role: str = "owner") -> None:
        occasion = Occasion(
            self.tenant, Actor("user", role, role), Origin("cli"), uuid_utils.compat.uuid7(), keyed=True
        )  # fmt: skip
        self.house.command_bus.carry_out(command, occasion)

    def court(self) -> UUID:
        court = uuid4()
        self.do(RegisterResource(court, self.location, "Court", "court"))
        return court


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def one_round(club: Club, occurrences: int) -> dict[str, float]:
    court, other = club.court(), club.court()
    template = Template(resources=(Part(court),), minutes=60)
    series, rest = uuid4(), uuid4()
    create = CreateSeries(series, club.location, START, template, f"FREQ=DAILY;COUNT={occurrences}")
    singles = []
    for n in range(occurrences):
        at = localtime.by_rule(START + timedelta(days=n), ZONE)
        singles.append(PlaceHold(uuid4(), club.location, (WantedItem(other, at, at + HOUR),), then="confirm"))
    middle = START + timedelta(days=occurrences // 2)

    def one_by_one() -> None:
        for single in singles:
            club.do(single)

    return {
        "single bookings": timed(one_by_one),
        "looked at first": timed(lambda: club.do(PreviewSeries(create))),
        "series created": timed(lambda: club.do(create)),
        "all moved by an hour": timed(
            lambda: club.do(EditSeries(series, "all", patch=Patch(Shift((START + HOUR).time()))))
        ),
        "split in the middle": timed(
            lambda: club.do(
                EditSeries(series, "following", middle, Patch(Shift(START.time())), continued_by=rest)
            )
        ),
        "the rest cancelled": timed(lambda: club.do(CancelSeries(rest, "all"))),
    }  # fmt: skip


def measure(rounds: int, occurrences: int, admin: str) -> Table:
    club = Club(create_database(admin, "bench_series"))
    one_round(club, min(occurrences, 20))  # warm
    found = [one_round(club, occurrences) for _ in range(rounds)]
    club.house.close()
    table = Table(title=f"A series of {occurrences} occurrences ({rounds} rounds, medians; fsync on)")
    for heading in ("", "ms", "ms an occurrence", "/single bookings"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for what in found[0]:
        took = median(one[what] for one in found)
        ratio = median(one[what] / one["single bookings"] for one in found)
        table.add_row(what, f"{took * 1000:,.0f}", f"{took * 1000 / occurrences:.2f}", f"{ratio:.3f}")
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.series", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--occurrences", type=int, default=400)
    options = parser.parse_args(arguments)
    with server() as admin:
        Console(width=118).print(measure(options.rounds, options.occurrences, admin))


if __name__ == "__main__":
    main()
