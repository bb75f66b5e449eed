"""`daybook worker`: keeps the views and the audit trail, expires dead holds, forgets old answers."""

import contextlib
import os

import click

from infrastructure import settings as given
from infrastructure.embedded.supervisor import until_stopped


@click.command("worker")
def command() -> None:
    """Follow the log until SIGTERM. What it depends on may be away meanwhile: it waits, and goes on where it was."""
    from infrastructure.privacy.journal import require_replayed
    from infrastructure.privacy.keyring import require_master
    from interfaces.bootstrap import build
    from interfaces.http.logs import configure
    from interfaces.worker import Worker

    configure()
    settings = given.load(os.environ)
    house = build(settings)
    require_master(settings)
    require_replayed(settings)
    with contextlib.closing(house), until_stopped():
        Worker(house).run()
