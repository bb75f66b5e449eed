"""A month of slots from values: 200 resources x 31 days with 5,000 bookings, against a loop over every slot.

99,200 labels of 30 minutes (eight hours a day). *Ours* is `slots` for each resource, with assignment and units left.
The *loop* is what one would write first, and has less to do: for each label of each resource it looks for a booking of
that resource that overlaps, and makes a slot where there is none. Both are warm, in the same process, rounds
interleaved; medians, and the ratio is the median of the ratios within each round. Both find the same starts.

*One slot* is `consider` for one start of a resource with its month's bookings.
"""

import argparse
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from domain import localtime
from domain.availability.setup import Request, Setup, Slot, Use
from domain.availability.slots import consider, slots

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from setups import LONG_AGO, asked, booked, court, daily, simple, venue  # the words of the tests

ZONE, FIRST = "Europe/Lisbon", date(2027, 5, 1)
HOUR, STEP = timedelta(hours=1), timedelta(minutes=30)
LABELS = 16  # a day: from 09:00 to 16:30

Uses = dict[UUID, list[Use]]


def month(resources: int, bookings: int, days: int) -> tuple[list[Setup], Uses]:
    """Each resource open 09:00-17:00; bookings of an hour that do not overlap, spread by chance."""
    there = venue(ZONE, daily("09:00-17:00"))
    setups = [simple(there, court(f"Court {n}"), lasts=30) for n in range(resources)]
    hours = [(n, day, hour) for n in range(resources) for day in range(days) for hour in range(8)]
    midnight = datetime(FIRST.year, FIRST.month, FIRST.day, 8, tzinfo=UTC)  # 09:00 in summer
    uses: Uses = defaultdict(list)
    for n, day, hour in random.Random(7).sample(hours, min(bookings, len(hours))):
        (one,) = setups[n].resources.values()
        starts_at = midnight + timedelta(days=day, hours=hour)
        uses[one.id].append(booked(one, starts_at, starts_at + HOUR))
    return setups, uses


def ours(setups: list[Setup], uses: Uses, request: Request) -> list[datetime]:
    found: list[datetime] = []
    for setup in setups:
        (one,) = setup.resources
        found += [slot.starts_at for slot in slots(setup, uses[one], request, LONG_AGO)]
    return found


def loop(setups: list[Setup], uses: Uses, request: Request) -> list[datetime]:
    found: list[datetime] = []
    for setup in setups:
        (one,) = setup.resources
        its = uses[one]
        on = request.first
        while on <= request.last:
            for n in range(LABELS):
                starts_at = localtime.by_rule(localtime.day(on, 9 * 60 + 30 * n), ZONE)
                ends_at = starts_at + STEP
                if not any(starts_at < use.ends_at and use.starts_at < ends_at for use in its):
                    found.append(Slot(starts_at, ends_at, 1).starts_at)
            on += timedelta(days=1)
    return found


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer


def measure(resources: int, bookings: int, days: int, rounds: int) -> Table:
    setups, uses = month(resources, bookings, days)
    request = asked(FIRST, FIRST + timedelta(days - 1))
    took: dict[str, list[float]] = {"ours": [], "loop": []}
    for nth in range(rounds + 1):
        fast, found = timed(lambda: ours(setups, uses, request))
        slow, same = timed(lambda: loop(setups, uses, request))
        assert found == same, "the two do not find the same slots"
        if nth:  # the first round warms up
            took["ours"].append(fast)
            took["loop"].append(slow)
    (one,) = setups[0].resources
    checks = [timed(lambda: consider(setups[0], uses[one], request, found[0], LONG_AGO))[0] for _ in range(20 * rounds)]
    ratio = median(b / a for a, b in zip(took["ours"], took["loop"], strict=True))
    table = Table(title=f"{resources * days * LABELS:,} labels, {bookings:,} bookings, warm ({rounds} rounds, medians)")
    for heading in ("ours, ms", "loop, ms", "loop/ours", "one slot, ms"):
        table.add_column(heading, justify="right")
    fast, slow, check = (1000 * median(times) for times in (took["ours"], took["loop"], checks))
    table.add_row(f"{fast:,.0f}", f"{slow:,.0f}", f"{ratio:.1f}", f"{check:.3f}")
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.slots", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--resources", type=int, default=200)
    parser.add_argument("--bookings", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    Console().print(measure(options.resources, options.bookings, options.days, options.rounds))


if __name__ == "__main__":
    main()
