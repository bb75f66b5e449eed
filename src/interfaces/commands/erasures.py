"""`daybook erasures`: what a restored database has to be told again."""

import os
from uuid import uuid5

import click

from application.message import Occasion
from application.privacy.commands import ReplayErasure
from application.recorded import Actor, Origin
from infrastructure.embedded.servers import at_hand

ACTOR = Actor("system", "erasures-replay", "system")


@click.group("erasures")
def command() -> None:
    """Erase again whom a restored backup has brought back."""


@command.command("replay")
def replay() -> None:
    """Destroy the keys of everybody whom the journal of erasures names and this database does not know as erased. Run
    it after a backup was put back, before anything is started; however often it is run, the same is so afterwards."""
    from infrastructure.privacy import journal
    from interfaces.bootstrap import build

    with at_hand(os.environ, existing=True) as settings:
        missing = journal.behind(settings)
        house = build(settings)
        try:
            for one in missing:
                house.erasing.destroy(one.tenant, one.subject, one.request, one.basis)
                occasion = Occasion(
                    one.tenant, ACTOR, Origin("cli"), uuid5(one.request, f"replay:{one.subject}"), keyed=True
                )  # fmt: skip
                house.command_bus.carry_out(ReplayErasure(one.subject, one.request, one.basis), occasion)
                click.echo(f"{one.subject} of {one.tenant}: erased again")
        finally:
            house.close()
        left = journal.behind(settings)
        click.echo(f"{len(missing)} erased again; the worker looks after them and certifies it.")
        if left:
            raise click.ClickException(f"{len(left)} people are still not erased: run it again.")
