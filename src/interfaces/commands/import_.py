"""`daybook import`: bring in a history."""

import contextlib
import csv
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from uuid import UUID

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from application.event_store import Unavailable
from infrastructure import settings as given
from infrastructure.embedded.servers import at_hand
from infrastructure.settings import Settings
from interfaces import bootstrap
from interfaces.history.bring_in import Outcome, Stopped, bring_in
from interfaces.history.hotel_bookings import HotelBookings
from interfaces.history.plan import Interrupted, Pulse, Remark
from interfaces.history.source import Table, Unusable

REFUSED = 3
"""The exit code when everything was done that can be, but rows were refused."""
INTERRUPTED = 130
SHOWN = 5
"""How many rows of each rule are shown at the end; the report has them all."""
FRAME = 0.1
"""Seconds between two looks of the progress bar."""


@click.group("import")
def command() -> None:
    """Bring in bookings that were made elsewhere, as the history that they were."""


@command.command("hotel-bookings")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--organization", type=click.UUID, help="Into this organization; else one is founded for them.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many rows.")
@click.option("--report", type=click.Path(path_type=Path), help="Write what is said of rows: .csv, else JSON lines.")
def hotel_bookings(file: Path | None, organization: UUID | None, limit: int | None, report: Path | None) -> None:
    """Import FILE (.csv, .gz or .xz) in the columns of the Hotel booking demand datasets.

    Without FILE the one that DAYBOOK_HOTEL_DATA names. Safe to interrupt and to run again: what is in stays as it is.
    Exits with 0 when every row is in, 3 when rows were refused, 130 when interrupted, 1 when it had to stop.

    The data: N. Antonio, A. de Almeida, L. Nunes, Hotel booking demand datasets, Data in Brief 22 (2019) 41-49,
    CC BY 4.0.
    """
    path = file or default_file(given.load(os.environ))
    mapping = HotelBookings()
    console = Console(highlight=False, soft_wrap=True)
    remarks = Remarks(report)
    try:
        # The file is looked at before any server is started: most mistakes are in what was typed.
        with (
            Table(path, mapping.columns) as table,
            at_hand(os.environ) as settings,
            house(settings) as built,
            remarks.kept(),
            stoppable() as stop,
            progress() as (begins, reached),
        ):
            pulse = Pulse(begins, reached, stop)
            outcome = bring_in(
                table,
                mapping,
                built.command_bus,
                built.store,
                datetime.now(UTC),
                remarks.add,
                pulse,
                organization,
                limit,
            )
    except (Unusable, Stopped, Unavailable) as trouble:
        raise click.ClickException(str(trouble)) from None
    except Interrupted:
        click.echo("Interrupted between two commands. Run the same command again: it goes on from there.", err=True)
        sys.exit(INTERRUPTED)
    tell(outcome, path, remarks, mapping.credit, console)
    sys.exit(REFUSED if outcome.refused else 0)


def default_file(settings: Settings) -> Path:
    if not settings.hotel_data.exists():
        raise click.UsageError(
            f"No FILE was named, and there is none at {settings.hotel_data}. Name one, or set DAYBOOK_HOTEL_DATA."
        )
    return settings.hotel_data


@contextlib.contextmanager
def house(settings: Settings) -> Iterator[bootstrap.House]:
    bootstrap.migrate(settings)
    built = bootstrap.build(settings)
    try:
        yield built
    finally:
        built.close()


@contextlib.contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C (or SIGTERM) stops between two commands; the second at once, which loses nothing either."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # a signal handler's signature
        nonlocal asked
        asked = True
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def progress() -> Iterator[tuple[Callable[[str, int], None], Callable[[int, int], None]]]:
    """A bar for each phase, with its rate and the time left."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True), console=Console(stderr=True),
    ) as bars:  # fmt: skip
        task = TaskID(-1)
        total, began, shown = 0, 0.0, 0.0

        def begins(what: str, most: int) -> None:
            nonlocal task, total, began, shown
            total, began, shown = most, time.monotonic(), 0.0
            task = bars.add_task(what, total=most, rate="")

        def reached(done: int, count: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown >= FRAME or done == total:
                shown = now
                bars.update(task, completed=done, rate=f"{count / max(now - began, 0.001):,.0f}/s")

        yield begins, reached


class Remarks:
    """What is said of rows: all of it in the report, a few of each rule on the screen."""

    def __init__(self, report: Path | None) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.shown: dict[tuple[str, str], list[Remark]] = {}
        self._report = report
        self._write: Callable[[Remark], object] = lambda _: None

    def add(self, remark: Remark) -> None:
        kind = (remark.outcome, remark.rule)
        self.counts[kind] += 1
        if len(of_kind := self.shown.setdefault(kind, [])) < SHOWN:
            of_kind.append(remark)
        self._write(remark)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Write the report beside its place and put it there at the end, so that it is never half a report."""
        if self._report is None:
            yield
            return
        fresh = self._report.with_name(f".{self._report.name}.{os.getpid()}")
        try:
            out = fresh.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise Unusable(f"The report cannot be written to {self._report}: {error.strerror}.") from None
        try:
            with out:
                if self._report.suffix.lower() == ".csv":
                    table = csv.writer(out)
                    table.writerow(Remark.__struct_fields__)
                    self._write = lambda remark: table.writerow(msgspec.structs.astuple(remark))
                else:
                    self._write = lambda remark: out.write(msgspec.json.encode(remark).decode() + "\n")
                yield
            fresh.replace(self._report)
        finally:
            fresh.unlink(missing_ok=True)


def tell(outcome: Outcome, path: Path, remarks: Remarks, credit: str, console: Console) -> None:
    refused = sum(outcome.refused.values())
    console.print(f"{outcome.rows:,} rows of {path.name} in organization {outcome.organization}", markup=False)
    console.print(f"  {outcome.rows - refused:,} rows are in, as {outcome.commands:,} commands")
    if outcome.carried_out:
        console.print(
            f"  {outcome.carried_out:,} commands carried out now ({outcome.events:,} events) in "
            f"{outcome.seconds:,.1f} s, {outcome.rate:,.0f} commands/s"
        )
    else:
        console.print("  All of them were there before: nothing was changed")
    for (what, rule), count in sorted(remarks.counts.items()):
        console.print(f"  {what} by '{rule}': {count:,}", markup=False)
        for remark in remarks.shown[what, rule]:
            console.print(f"    line {remark.line}: {remark.reason}", markup=False)
        if count > SHOWN:
            console.print(f"    and {count - SHOWN:,} more (--report FILE lists all)")
    console.print(f"Data: {credit}", markup=False)
