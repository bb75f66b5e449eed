"""`daybook migrate`: brings the database to the present shape."""

import os

import click

from infrastructure.embedded.servers import at_hand


@click.command("migrate")
def command() -> None:
    """Apply what is missing: migrations, and the tables of new views. Safe to run at any time and from many places."""
    from interfaces.bootstrap import migrate
    from interfaces.commands.rebuild import outdated

    with at_hand(os.environ) as settings:
        for name in migrate(settings) or ["nothing: it has the present shape"]:
            click.echo(name)
        for name in outdated(settings):
            click.echo(f"The tables of the view {name} were made by other code: run daybook rebuild {name}")
