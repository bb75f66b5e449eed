"""`daybook rebuild`: what is known, made anew from what happened, or proven to follow from it."""

import importlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from infrastructure import mongo
from infrastructure.embedded.servers import at_hand
from infrastructure.event_store import log
from infrastructure.postgres.migrate import migrate
from infrastructure.postgres.source import Source
from infrastructure.settings import Settings
from projections.audit import trail
from projections.rebuild import Rebuild
from projections.runner import connected, prepare, redefined
from projections.view import View
from projections.views import VIEWS

BY_NAME = {view.name: view for view in VIEWS}
NAMES = (*BY_NAME, "claims", "audit", "all")
DIFFERS = 3
"""The exit code of --verify where something differs."""

Told = Callable[[int, int], None]


class Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if not task.speed else f"{task.speed:,.0f} events/s", style="progress.data.speed")


@click.command("rebuild")
@click.argument("view", type=click.Choice(NAMES))
@click.option("--verify", is_flag=True, help="Compare what is there with what the log gives; change nothing.")
def command(view: str, verify: bool) -> None:
    """Make a view anew from the log, beside the live one, and put it in its place without a failed read.

    VIEW is a view, the table of claims, the audit trail, or all of them. One that was killed goes on where it was.
    With --verify the exit code is 3 where anything differs.
    """
    console = Console(highlight=False, soft_wrap=True)
    names = NAMES[:-1] if view == "all" else (view,)
    with at_hand(os.environ, existing=True) as settings:
        assert settings.database_url is not None
        migrate(settings.database_url)
        with connected(settings.database_url, "rebuild", role=None) as connection:
            prepare(connection, VIEWS)
        same = [_one(name, verify, settings, console) for name in names]
    if not all(same):
        raise SystemExit(DIFFERS)


def outdated(settings: Settings) -> list[str]:
    """Views whose tables were made by other code: nobody can be answered from them before they are made anew."""
    assert settings.database_url is not None
    with connected(settings.database_url, "rebuild", role=None) as connection:
        return redefined(connection, VIEWS)


def bring_up_to_date(settings: Settings, console: Console) -> None:
    """Make anew what other code has left behind."""
    for name in outdated(settings):
        _one(name, False, settings, console)


def _one(name: str, verify: bool, settings: Settings, console: Console) -> bool:
    started = time.monotonic()
    with _progress(name, console) as told:
        if name == "claims":
            same, sentence = _claims(cast(str, settings.database_url), verify, told, console)
        elif name == "audit":
            same, sentence = _audit(settings, verify, told, console)
        else:
            same, sentence = _view(BY_NAME[name], cast(str, settings.database_url), verify, told, console)
    mark = "[green]ok[/]" if same else "[bold red]differs[/]"
    console.print(f"{mark} [bold]{name}[/]: {sentence} in {time.monotonic() - started:.1f} s")
    return same


def _view(view: View, url: str, verify: bool, told: Told, console: Console) -> tuple[bool, str]:
    rebuild = Rebuild(view, url, log, told)
    if not verify:
        done = rebuild.replace()
        parked = f", {done.parked} events parked (daybook parked)" if done.parked else ""
        return not done.parked, f"{done.events:,} events replayed, swapped in {done.swap_seconds * 1000:.0f} ms{parked}"
    found = rebuild.verify()
    for table, (live, rebuilt) in found.digests.items():
        console.print(f"  {table}: live {live[:16]} rebuilt {rebuilt[:16]}")
    for difference in found.differences:
        console.print(f"  {difference.table}: {difference.kind} {difference.key}", style="red", markup=False)
    same = all(live == rebuilt for live, rebuilt in found.digests.values())
    return same, f"{found.rows:,} live rows compared with {found.events:,} events at position {found.position}"


def _claims(url: str, verify: bool, told: Told, console: Console) -> tuple[bool, str]:
    claims = importlib.import_module("infrastructure.event_store.claims")

    def seen(events: int, position: int) -> None:  # noqa: ARG001
        told(events, 0)

    found = list(claims.verify(url, seen)) if verify else claims.rebuild(url, seen)
    for difference in found[:10]:
        whose = difference.booking or difference.resource
        rows = f"{difference.found or 'nothing'}, not {difference.expected or 'nothing'}"
        about = f"  {difference.table}: {difference.kind} {whose}: {rows}"
        console.print(about, style="red", markup=False)
    if verify:
        return not found, f"{len(found)} rows differ"
    return True, f"{len(found)} rows mended"


def _audit(settings: Settings, verify: bool, told: Told, console: Console) -> tuple[bool, str]:
    assert settings.database_url is not None
    assert settings.mongo_url is not None
    database = mongo.writing(settings.mongo_url)
    try:
        work = trail.verify if verify else trail.rebuild
        proven = work(settings.database_url, database, Source(), told)
    finally:
        database.client.close()
    for difference in proven.differences:
        console.print(f"  {difference.kind} {difference.id}", style="red", markup=False)
    return not proven.differences, f"{proven.documents:,} documents compared with {proven.events:,} events"


@contextmanager
def _progress(name: str, console: Console) -> Iterator[Told]:
    """A bar with rate and time left; where nobody is looking (a log file), nothing."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(name, total=None)

        def told(seen: int, left: int) -> None:
            bar.update(task, completed=seen, total=seen + left)

        yield told
