"""Everything that can be killed: durable servers on a folder of their own, API processes, a worker."""

import contextlib
import http.client
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

from msgspec.structs import replace

from bench.chaos.town import CLIENT, Town, wait_until
from bench.chaos.web import HttpDoor
from infrastructure import settings as given
from infrastructure.embedded.child import Child, residents
from infrastructure.embedded.server import Server, free_port
from infrastructure.embedded.servers import Servers, embedded_where_missing
from infrastructure.settings import Settings
from interfaces.bootstrap import migrate
from interfaces.trust import Trust, minted

READY = 60.0
"""Seconds in which a process that was started must answer: as long as `daybook run` waits for it. It needs two seconds
of a processor, of which a crowd, its own servers and whatever else runs leave it a small part."""
PATIENT = 5.0
"""Seconds for one answer. Whether it is ready an API says once it has waited for all that it depends on."""


class Stage:
    """Servers, API processes (one each on a port of its own) and a worker; all end with this process."""

    def __init__(self, settings: Settings, servers: Servers, apis: int, worker: bool) -> None:
        assert settings.database_url is not None
        self.settings = settings
        self.url = settings.database_url
        self.servers = servers
        self.ports = [free_port() for _ in range(apis)]
        logs = settings.data / "logs"
        self.apis = [
            Child(f"api-{n}", _daybook("api"), logs / f"api-{n}.log", env=self._environment(port))
            for n, port in enumerate(self.ports)
        ]
        self.worker = (
            Child("worker", _daybook("worker"), logs / "worker.log", env=self._environment(0)) if worker else None
        )

    def _environment(self, port: int) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
        settings = self.settings if not port else replace(self.settings, port=port)
        return {**kept, **settings.environment()}

    @property
    def processes(self) -> list[Child]:
        return [*self.apis, *([self.worker] if self.worker else [])]

    def start(self) -> None:
        for process in self.processes:
            process.start()
        self.await_apis()

    def stop(self) -> None:
        for process in self.processes:
            process.ask_to_stop()
        for process in self.processes:
            process.stop()

    def await_apis(self) -> None:
        """Until each answers that it is alive, and can do without nothing."""
        for port, api in zip(self.ports, self.apis, strict=True):
            try:
                wait_until(lambda p=port: answers(p, "/health/ready"), READY, "ready")  # type: ignore[misc]
            except TimeoutError:
                alive = "alive" if api.alive() else "dead"
                raise TimeoutError(
                    f"{api.name} is {alive} and was not ready within {READY:.0f} s. It answers: "
                    f"{said(port, '/health/ready')}. Its last words: {api.last_words(20)}"
                ) from None

    def heal(self) -> None:
        """Whatever is dead is started; returns when all answer."""
        for server in self.servers.all:
            thaw(server)
            if not server.alive():
                server.start()
        for process in self.processes:
            if not process.alive():
                process.kill()
                process.start()
        self.await_apis()

    def doors(self, town: Town, role: str = "owner") -> list[HttpDoor]:
        """One for each API process."""
        return [HttpDoor(f"http://127.0.0.1:{port}", self.token(town.tenant, role)) for port in self.ports]

    def token(self, tenant: UUID, role: str = "owner") -> str:
        it = self.settings
        trust = Trust(it.token_secret or "", it.token_issuer, it.token_audience, it.token_life)
        return minted(trust, role=role, subject=CLIENT, organization=tenant)


def _daybook(*words: str) -> list[str | Path]:
    return [sys.executable, "-m", "interfaces.cli", *words]


def answers(port: int, path: str) -> bool:
    """Whether it answers 200."""
    return said(port, path).startswith("200 ")


def said(port: int, path: str) -> str:
    """Status and body of its answer, or why there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return f"{answer.status} {answer.read(2000).decode(errors='replace')}"
    except (OSError, http.client.HTTPException) as silence:
        return f"{type(silence).__name__}: {silence}"
    finally:
        connection.close()


@contextlib.contextmanager
def staged(
    folder: Path, *, apis: int = 1, worker: bool = True, durable: bool = True, **more: object
) -> Iterator[Stage]:
    """A stage on a folder, migrated and running; `more` are settings. Nothing of it outlives the block."""
    # A crowd comes from one address, and each of it as fast as it can.
    plenty = dict.fromkeys(("limit_reads", "limit_writes", "limit_searches"), 10_000_000)
    wanted = replace(given.load({}), data=folder / "data", **{**plenty, **more})
    with embedded_where_missing(wanted, durable=durable) as (settings, servers):
        migrate(settings)
        stage = Stage(settings, servers, apis, worker)
        try:
            stage.start()
            yield stage
        finally:
            for process in stage.processes:
                process.kill()
            for server in servers.all:
                thaw(server)


# Faults


def freeze(server: Server) -> list[int]:
    """SIGSTOP to all of a server's processes: it is there, and never answers."""
    return _signal(server, signal.SIGSTOP)


def thaw(server: Server) -> list[int]:
    return _signal(server, signal.SIGCONT)


def _signal(server: Server, number: signal.Signals) -> list[int]:
    found = residents(server.folder)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return found


def back_after(kill: Callable[[], None], start: Callable[[], None], well: Callable[[], bool], pause: float) -> float:
    """Kills, waits, starts; seconds from the start to the first sign of health."""
    kill()
    time.sleep(pause)
    began = time.monotonic()
    start()
    wait_until(well, READY, "health")
    return time.monotonic() - began
