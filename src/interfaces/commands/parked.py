"""`daybook parked`: events that a view could not take in, and how to take them up again."""

import os

import click
from rich.console import Console

from infrastructure.embedded.servers import at_hand
from infrastructure.event_store import log
from projections.runner import connected, parked, retry
from projections.views import VIEWS

BY_NAME = {view.name: view for view in VIEWS}


@click.command("parked")
@click.argument("view", required=False, type=click.Choice(tuple(BY_NAME)))
@click.option("--retry", "again", is_flag=True, help="Read them from the log again and take in what can be read now.")
def command(view: str | None, again: bool) -> None:
    """List what views have parked; exit code 3 where there is anything.

    A stream is parked from its first bad event on, in that view alone; everything else goes on. Once the cause is
    mended (an upcast was added, the view corrected) --retry takes the events in.
    """
    console = Console(highlight=False, soft_wrap=True)
    with at_hand(os.environ, existing=True) as settings:
        assert settings.database_url is not None
        with connected(settings.database_url, "parked") as connection:
            if again:
                for name in [view] if view else BY_NAME:
                    taken, waiting = retry(connection, BY_NAME[name], log)
                    if taken or waiting:
                        console.print(f"{name}: {taken} taken in, {waiting} still parked")
            found = parked(connection, view)
    if not found:
        console.print("Nothing is parked.")
        return
    for one in found:
        why = one.error or "waits behind an earlier one"
        line = f"{one.view} {one.position} {one.stream} v{one.version} {one.tag}: {why}"
        console.print(line, markup=False)
    raise SystemExit(3)
