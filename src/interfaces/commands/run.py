"""`daybook run`: everything at once, on one machine, with one command."""

import contextlib
import importlib
import os
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.error import HTTPError, URLError

import click
from msgspec import Struct
from rich.console import Console

from infrastructure import settings as given
from infrastructure.embedded.child import Child, Unstartable
from infrastructure.embedded.folder import DataFolder
from infrastructure.embedded.lifeline import end_with_parent
from infrastructure.embedded.servers import embedded_where_missing
from infrastructure.embedded.supervisor import TICK, Supervisor, until_stopped
from infrastructure.settings import Settings, masked
from interfaces.commands.api import require_names

READY = 60.0  # seconds from the start of the API to its first "ready"


def _daybook(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "interfaces.cli", *words)


def _migrate(settings: Settings) -> None:
    importlib.import_module("interfaces.bootstrap").migrate(settings)
    importlib.import_module("infrastructure.privacy.journal").require_replayed(settings)


def _rebuild(settings: Settings, console: Console) -> None:
    importlib.import_module("interfaces.commands.rebuild").bring_up_to_date(settings, console)


def _demo(settings: Settings) -> list[str]:
    lines: list[str] = importlib.import_module("interfaces.demo").load(settings)
    return lines


class House(Struct, frozen=True):
    """What is run, in order. Tests put their own pieces in the places of ours."""

    migrate: Callable[[Settings], None] = _migrate
    rebuild: Callable[[Settings, Console], None] = _rebuild
    demo: Callable[[Settings], list[str]] = _demo
    api: Sequence[str] = _daybook("api")
    worker: Sequence[str] = _daybook("worker")


@click.command("run")
@click.option("--with-parent", is_flag=True, help="Stop when the process that started this one dies (as `make` does).")
def command(with_parent: bool) -> None:
    """Start everything: servers that no URL is given for, migrations, a demo on first run, API and worker."""
    if with_parent:
        end_with_parent()
    serve(os.environ, House(), Console(highlight=False, soft_wrap=True))


def serve(env: Mapping[str, str], house: House, console: Console) -> None:
    """Run the house until SIGINT or SIGTERM, and leave nothing running. Raises Unstartable, FolderInUse, Incomplete."""
    settings = given.load(env)
    require_names(settings)
    DataFolder(settings.data).require_free()
    _require_free_port(settings)
    with until_stopped(), embedded_where_missing(settings) as (complete, servers):
        folder = DataFolder(complete.data)
        folder.publish(complete.environment())
        console.print(f"Migrating {masked(complete.database_url or '')}")
        house.migrate(complete)
        house.rebuild(complete, console)
        first_steps = house.demo(complete)
        supervisor = Supervisor(lambda said: console.print(said, style="yellow"))
        for server in servers.all:
            supervisor.keep(server)
        children = {**env, **complete.environment()}
        # Stopped in reverse: first the API, so that nobody new comes in; then the worker; then the servers.
        with (
            _kept(supervisor, Child("worker", house.worker, folder.path / "logs" / "worker.log", env=children)),
            _kept(supervisor, Child("api", house.api, folder.path / "logs" / "api.log", env=children)),
        ):
            _wait_until_ready(complete, supervisor)
            _welcome(complete, first_steps, folder.path, console)
            supervisor.watch()
    console.print("Stopped.")


@contextlib.contextmanager
def _kept(supervisor: Supervisor, child: Child) -> Iterator[None]:
    try:
        child.start()
        supervisor.keep(child)
        yield
    finally:
        child.stop()


def _require_free_port(settings: Settings) -> None:
    """Said before anything is started: the API's own complaint would come after half a minute of migrating."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Unstartable(
                f"Port {settings.port} of {settings.host} cannot be used ({error.strerror}): "
                f"choose another with PORT={settings.port + 1}."
            ) from None


def _address(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104  # asked for, not bound
    return f"http://{host}:{settings.port}"


def _wait_until_ready(settings: Settings, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + READY
    while not (answer := _readiness(settings)).startswith("200"):
        if time.monotonic() > deadline:
            raise Unstartable(f"The API was not ready within {READY:.0f} s; its last answer: {answer}")
        supervisor.tend()
        time.sleep(TICK)


def _readiness(settings: Settings) -> str:
    try:
        with urllib.request.urlopen(f"{_address(settings)}/health/ready", timeout=2) as answer:  # noqa: S310  # ours
            return str(answer.status)
    except HTTPError as refusal:
        return f"{refusal.code} {refusal.read(2000).decode(errors='replace')}"
    except (URLError, OSError) as silence:
        return f"none ({silence})"


def _welcome(settings: Settings, first_steps: Sequence[str], data: Path, console: Console) -> None:
    address = _address(settings)
    console.print(f"[bold green]Daybook is ready.[/] API {address}/api/v1   documentation {address}/docs")
    console.print(f"Data and logs are kept in {data}. Ctrl-C stops everything.")
    for line in first_steps:
        console.print(line, markup=False)
