"""`daybook api`: the HTTP API, in one process or several."""

import importlib
import os
import signal
from ipaddress import ip_address
from typing import Any

import click

from infrastructure import settings as given
from infrastructure.embedded.lifeline import end_with_parent
from infrastructure.settings import Incomplete, Settings

DRAIN = 10
"""Seconds that requests at work have to end after SIGTERM."""
SLOWEST_HEADERS = 10_000
"""Milliseconds within which a request's headers must have come: one byte a second holds nobody up."""


@click.command("api")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes (DAYBOOK_API_WORKERS).")
def command(workers: int | None) -> None:
    """Serve the HTTP API until SIGTERM, which lets the requests at work end first."""
    settings = given.load(os.environ)
    for name in ("database_url", "token_secret"):
        if getattr(settings, name) is None:
            raise Incomplete(f"DAYBOOK_{name.upper()} is not set.")
    require_names(settings)
    from infrastructure.privacy.journal import require_replayed
    from infrastructure.privacy.keyring import require_master

    require_master(settings)  # here, in a sentence: a process that is forked later would only die again and again
    require_replayed(settings)
    if workers is not None:
        os.environ["DAYBOOK_API_WORKERS"] = str(workers)  # each of them must know how many they are
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    # Once, before the processes are forked: each that is started later has all of it at once.
    importlib.import_module("interfaces.http.app")
    Granian(
        "interfaces.commands.api:app",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,  # of the other kind headers could be many times as large, and as slow as they like
        workers=workers or settings.api_workers,
        loop=Loops.auto,
        http1_settings=HTTP1Settings(header_read_timeout=SLOWEST_HEADERS),
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN,
        log_access=False,
        log_level=LogLevels.warning,
        process_name=None,
        websockets=False,
    ).serve()


def require_names(settings: Settings) -> None:
    """Where strangers can knock it must be known by which names. Raises Incomplete."""
    if settings.trusted_hosts is None and not at_home(settings.host):
        raise Incomplete(
            f"DAYBOOK_TRUSTED_HOSTS is not set, and {settings.host} can be reached from elsewhere: name the hosts "
            "under which this is reached, or say * for any."
        )


def at_home(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def app() -> Any:
    """Called in each of the server's processes, which must not outlive the one that started them.

    They end by SIGKILL: until its loop runs, a forked process has its master's handlers, which swallow SIGTERM. Whoever
    is left without a master has nobody to drain for.
    """
    end_with_parent(signal.SIGKILL)
    from interfaces.bootstrap import build
    from interfaces.http.app import create_app
    from interfaces.http.logs import configure

    configure()
    return create_app(build(given.load(os.environ)))
