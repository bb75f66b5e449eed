"""What the three servers have in common: a folder, a port, a password, a start that ends in an answer."""

import os
import socket
import time
from abc import ABC, abstractmethod
from pathlib import Path
from signal import SIGTERM, Signals
from typing import ClassVar

from infrastructure.embedded.child import Child, Unstartable, evict
from infrastructure.embedded.folder import DataFolder

STARTING = 30.0  # seconds; a recovery after kill -9 took 0.1 s here, but disks differ
STOPPING = 5.0  # seconds; insisting after that loses nothing, the next start recovers
LEAVING = 10.0  # seconds for a predecessor that is still shutting down


class Server(ABC):
    """A real server on loopback that lives no longer than the process that started it.

    Without `durable` it may lose what it acknowledged when the machine fails: for tests of anything else.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    stops_with: ClassVar[Signals] = SIGTERM

    def __init__(self, data: Path, *, durable: bool = True, port: int | None = None) -> None:
        self.data = DataFolder(data)
        self.data.make()
        self.folder = self.data.path / self.name
        self.durable = durable
        self.port = port or free_port()
        self._child: Child | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is and how to get in."""

    @property
    def password(self) -> str:
        return self.data.secret(self.name)

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start on the same folder and the same port as ever, and return when it answers; raises Unstartable."""
        evict(self.folder, LEAVING)
        self._prepare()
        self._run(self._argv())
        self._furnish()

    def alive(self) -> bool:
        return self._child is not None and self._child.alive()

    def ask_to_stop(self) -> None:
        if self._child:
            self._child.ask_to_stop()

    def stop(self) -> None:
        if self._child:
            self._child.stop()
        evict(self.folder, patience=0)

    def kill(self) -> None:
        """kill -9 of the server and all its processes, as a power cut would."""
        if self._child:
            self._child.kill()
        evict(self.folder, patience=0)

    def last_words(self) -> str:
        return self._child.last_words() if self._child else ""

    def _prepare(self) -> None:
        """What must be on disk before it can start."""
        self.folder.mkdir(mode=0o700, exist_ok=True)

    @abstractmethod
    def _argv(self) -> list[str | Path]: ...

    def _account(self) -> str:
        return "same"

    @abstractmethod
    def _answer(self) -> None:
        """Ask it something; raises while it does not answer."""

    @abstractmethod
    def _furnish(self) -> None:
        """Make what is missing, now that it answers."""

    def _run(self, argv: list[str | Path]) -> None:
        self._child = Child(
            self.name,
            argv,
            self.data.path / "logs" / f"{self.name}.log",
            folder=self.folder,
            env=_plain_environment(),
            account=self._account(),
            stops_with=self.stops_with,
            ends_with=self.stops_with,
            patience=STOPPING,
        )
        self._child.start()
        deadline = time.monotonic() + STARTING
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    pass
                self._answer()
            except Exception as silence:  # each client has its own words for "not yet"
                if not self._child.alive():
                    raise self._unstartable("ended while starting") from None
                if time.monotonic() > deadline:
                    raise self._unstartable(f"did not answer within {STARTING:.0f} s ({silence})") from None
                time.sleep(0.02)
            else:
                return

    def _unstartable(self, what: str) -> Unstartable:
        return Unstartable(f"{self.title} {what}; its log {self.data.path / 'logs'} says:\n{self.last_words()}")


def _plain_environment() -> dict[str, str]:
    """PGPORT and its kin stay outside; where packages are found does not, one server is a Python package."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", **kept}


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
