"""The data folder: who holds it, its passwords, and what is running in it."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from infrastructure.embedded.child import Unstartable


class FolderInUse(Exception):
    """Two Daybooks on one data folder would be two masters of one database; the message names the first."""


class DataFolder:
    """Everything an embedded Daybook keeps. Others may pass through (0711: PostgreSQL may be one), none look around."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._running = self.path / "running.json"
        self._lock = self.path / "lock"

    def make(self) -> None:
        try:
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._lock.touch(mode=0o600)
        except OSError as refusal:
            raise Unstartable(
                f"The data folder {self.path} cannot be used by this account ({refusal.strerror}): "
                f"choose another with DATA, or give it to this account with chown -R."
            ) from None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder until the end; raises FolderInUse and Unstartable.

        The kernel lets go of the lock when we die, however we die, so there is no stale lock to clean up.
        """
        self.make()
        with self._lock.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._in_use() from None
            self._running.unlink(missing_ok=True)  # of one who was killed
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            try:
                yield
            finally:
                self._running.unlink(missing_ok=True)
                file.truncate(0)

    def require_free(self) -> None:
        """Raises FolderInUse early; `held` is what makes sure."""
        if self.is_held():
            raise self._in_use()

    def _in_use(self) -> FolderInUse:
        return FolderInUse(
            f"Another Daybook (process {self._lock.read_text() or 'unknown'}) is running on the data folder "
            f"{self.path}: stop it, or choose another folder with DATA."
        )

    def is_held(self) -> bool:
        try:
            with self._lock.open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def publish(self, environment: Mapping[str, str]) -> None:
        """Leave word for `daybook import` and the like in another terminal: where the servers are, just now."""
        _write_private(self._running, msgspec.json.encode(environment))

    def published(self) -> dict[str, str] | None:
        """What a Daybook running in this folder has published; None if none is."""
        try:
            return msgspec.json.decode(self._running.read_bytes(), type=dict[str, str]) if self.is_held() else None
        except FileNotFoundError:
            return None

    def secret(self, name: str) -> str:
        """A password made on first use and kept, readable by its owner alone."""
        file = self.path / "passwords" / name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            return file.read_text()
        _write_private(file, secrets.token_hex(32).encode())
        return file.read_text()


def _write_private(file: Path, content: bytes) -> None:
    """At once and whole, 0600 from the first byte."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
