"""`daybook prove`: what must never have happened, looked for in all that did."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from application.availability.proof import Proven, Proving
from infrastructure.embedded.servers import at_hand
from infrastructure.event_store import log
from infrastructure.postgres.migrate import APP_ROLE
from projections.runner import connected

PAGE = 5000
MOST_SHOWN = 20
UNSOUND = 1
"""The exit code where something was booked twice, or could not be read."""


class Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if not task.speed else f"{task.speed:,.0f} events/s", style="progress.data.speed")


@click.command("prove")
@click.argument("what", type=click.Choice(["overlaps"]))
def command(what: str) -> None:  # noqa: ARG001  # there is one thing to prove so far
    """Fold the whole log, and prove that no resource was ever booked beyond its capacity.

    Buffers, capacity for a while and pacing are held against it as well; what somebody overbooked on their authority is
    listed apart. The exit code is 1 where anything was booked twice.
    """
    console = Console(highlight=False, soft_wrap=True)
    with at_hand(os.environ, existing=True) as settings:
        assert settings.database_url is not None
        started = time.monotonic()
        with _progress(console) as told:
            proven = _proven(settings.database_url, told)
    _say(proven, time.monotonic() - started, console)
    if not proven.sound:
        raise SystemExit(UNSOUND)


def _proven(url: str, told: Callable[[int, int], None]) -> Proven:
    proving = Proving()
    with connected(url, "prove", role=APP_ROLE) as connection:
        left = log.lag(connection, 0, most=10**9).behind
        position = 0
        while page := log.read(connection, position, PAGE):
            proving.add(page)
            position = page[-1].position
            told(proving.events, max(left - proving.events, 0))
    return proving.proven()


def _say(proven: Proven, seconds: float, console: Console) -> None:
    for breach in proven.breaches[:MOST_SHOWN]:
        what = {
            "units": f"{breach.used} of {breach.capacity} units in use at {breach.at:%Y-%m-%dT%H:%M:%SZ}",
            "buffer": f"a neighbour nearer than the buffers allow at {breach.at:%Y-%m-%dT%H:%M:%SZ}",
            "pacing": f"{breach.used} units start where {breach.capacity} may, around {breach.at:%Y-%m-%dT%H:%M:%SZ}",
        }[breach.cause]
        console.print(
            f"  {breach.resource_id}: {what}, booking {breach.booking_id}, position {breach.position}",
            style="red", markup=False,
        )  # fmt: skip
    for one in proven.overbooked[:MOST_SHOWN]:
        console.print(
            f"  overbooked on authority: {one.resource_id} {one.starts_at:%Y-%m-%dT%H:%MZ}, booking {one.booking_id} "
            f"item {one.item}, by {one.by}, {one.why}", style="yellow", markup=False,
        )  # fmt: skip
    if proven.unreadable:
        console.print(f"  {proven.unreadable:,} events cannot be read by this version", style="red", markup=False)
    fullest = sum(peak >= capacity for peak, capacity in proven.peaks.values())
    mark = (
        "[green]ok[/]" if proven.sound else "[bold red]booked twice[/]" if proven.breaches else "[bold red]unknown[/]"
    )
    console.print(
        f"{mark} [bold]overlaps[/]: {proven.events:,} events and {proven.bookings:,} bookings up to position "
        f"{proven.position}; {len(proven.peaks):,} resources, {fullest:,} of them full at some instant; "
        f"{len(proven.breaches):,} breaches, {len(proven.overbooked):,} items overbooked on authority"
        f"{f', {proven.more:,} more of either' if proven.more else ''}; in {seconds:.1f} s"
    )


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and time left; where nobody is looking (a log file), nothing."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("overlaps", total=None)

        def told(seen: int, left: int) -> None:
            bar.update(task, completed=seen, total=seen + left)

        yield told
