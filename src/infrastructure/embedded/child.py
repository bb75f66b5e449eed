"""A child process that cannot outlive us, and that we can stop, kill and quote."""

import contextlib
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import Signals

LAUNCH = Path(__file__).with_name("launch.py")
LONGEST_LOG = 10 * 1024 * 1024

# The kernel's promise to end a child is tied to the *thread* that started it. A test or a benchmark may restart
# a server from any thread, so all are started from this one, which lives as long as the process does.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="children")


class Unstartable(Exception):
    """A process that Daybook needs could not be started; the message says which and why."""


def launching(
    argv: Sequence[str | Path], *, account: str = "same", ends_with: Signals = signal.SIGTERM
) -> list[str | Path]:
    """The command line that runs `argv` through launch.py; raises Unstartable where the kernel is not Linux."""
    if platform.system() != "Linux":
        raise Unstartable(
            "Only Linux ends children with their parent, which `daybook run` relies on: elsewhere set "
            "DAYBOOK_DATABASE_URL, DAYBOOK_REDIS_URL and DAYBOOK_MONGO_URL and start `daybook api`, `daybook worker`."
        )
    return [sys.executable, "-I", "-S", LAUNCH, str(int(ends_with)), str(os.getpid()), account, *argv]


class Child:
    """A process of its own session, so that Ctrl-C reaches us alone and we stop things in the right order.

    `stops_with` asks it to end; `ends_with` is what the kernel sends should we die without a chance to ask.
    What it prints goes to `log`.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        account: str = "same",
        stops_with: Signals = signal.SIGTERM,
        ends_with: Signals = signal.SIGTERM,
        patience: float = 2.0,
    ) -> None:
        self.name = name
        self.argv = argv
        self.log = log
        self.env = env
        self.folder = folder
        self.account = account
        self.stops_with = stops_with
        self.ends_with = ends_with
        self.patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: float | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        _starter.submit(self._start).result()

    def _start(self) -> None:
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LONGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._asked = None
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603  # the caller's own argv, never a shell
                launching(self.argv, account=self.account, ends_with=self.ends_with),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.folder,
                start_new_session=True,
            )

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask_to_stop(self) -> None:
        """Returns at once; several can be asked before the first is waited for."""
        _starter.submit(lambda: None).result()  # a start that was interrupted half way has now happened
        if self._process and self._asked is None:
            self._asked = time.monotonic()
            self._process.send_signal(self.stops_with)

    def stop(self) -> None:
        """Ask if that was not done, wait until `patience` seconds after the asking, then insist."""
        self.ask_to_stop()
        if self._process is None or self._asked is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, self._asked + self.patience - time.monotonic()))
        self.kill()

    def kill(self) -> None:
        """kill -9 of the process and of what it started in its session: an orphaned worker would go on serving."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self, lines: int = 5) -> str:
        """The end of its log, for the sentence that says it has failed."""
        if not self.log.exists():
            return "(it said nothing)"
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 8192))
            said = log.read().decode(errors="replace").strip().splitlines()
        return "\n".join(said[-lines:]) or "(it said nothing)"


def residents(folder: Path) -> list[int]:
    """The processes whose working directory is `folder`: all three servers move into their data.

    So a server is recognised by where it lives; a pid in a file may by now be somebody else's.
    """
    home = folder.resolve()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or not ours to look at
            if (entry / "cwd").readlink() == home:
                found.append(int(entry.name))
    return found


def evict(folder: Path, patience: float) -> None:
    """Wait until nobody lives in `folder`; after `patience` seconds with kill -9.

    A server whose parent was killed is on its way out when the next start comes.
    """
    deadline = time.monotonic() + patience
    while left := residents(folder):
        if time.monotonic() > deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
