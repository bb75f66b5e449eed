"""`daybook run` from outside: started as a process, stopped and killed by signals, as root and as somebody else."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from infrastructure.embedded import postgres
from infrastructure.embedded.child import residents
from infrastructure.embedded.postgres import NOBODY, Postgres
from infrastructure.embedded.server import free_port
from infrastructure.embedded.servers import running

STUBS = Path(__file__).with_name("house_of_stubs.py")
SOURCES = Path(__file__).parents[3] / "src"
SETPRIV = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
INSIDE = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]


def works(*argv: str) -> bool:
    with contextlib.suppress(OSError):
        return subprocess.run(argv, capture_output=True, cwd="/").returncode == 0
    return False


def ways_to_run() -> dict[str, list[str]]:
    """Command lines of a Python that can import Daybook: as we are and, if we are root, as an ordinary user.

    `nobody` may not be let into the home that our Python lies in; then the system's, of the same version, will do.
    Where that is closed too, a user namespace makes us an ordinary user as far as any program can see.
    """
    ways = {"as we are": [sys.executable]}
    if os.geteuid() != 0:
        return ways
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        path = f"PYTHONPATH={SOURCES}:{sysconfig.get_path('purelib')}"
        nobody = [*SETPRIV, "env", path, python]
        if works(*nobody, "-c", "import interfaces.commands.run, secantus"):
            ways["as nobody"] = nobody
            return ways
    if works(*INSIDE, sys.executable, "-c", "pass"):
        ways["in a user namespace"] = [*INSIDE, sys.executable]
    return ways


WAYS = ways_to_run()


class Running:
    """A `daybook run` of stubs."""

    def __init__(self, way: str, data: Path, port: int) -> None:
        self.data, self.port = data, port
        self.said = data.with_suffix(".out")
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                [*WAYS[way], str(STUBS)],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], "DAYBOOK_DATA": str(data), "DAYBOOK_PORT": str(port)},
                start_new_session=True,
                cwd="/",
            )

    def ready(self) -> "Running":
        deadline = time.monotonic() + 20
        while "start number" not in self.output():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.05)
        return self

    def output(self) -> str:
        return self.said.read_text()

    def api(self) -> int:
        """The pid of the API that answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=2) as answer:
            return int(answer.read())

    def left(self) -> list[int]:
        """Who still runs: servers by where they live, the rest by the port in their environment."""
        found = [pid for name in ("postgres", "valkey", "mongo") for pid in residents(self.data / name)]
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"DAYBOOK_PORT={self.port}\0".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found

    def gone(self, within: float) -> bool:
        deadline = time.monotonic() + within
        while self.left():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


@pytest.fixture(params=WAYS)
def start(request):
    """A folder in the open: pytest's own is closed to others, and a long name is no reason to fail."""
    place = Path(tempfile.mkdtemp(prefix="daybook-run-"))
    if request.param == "as nobody":
        os.chown(place, 65534, 65534)
    port = free_port()
    started = []

    def go() -> Running:
        started.append(Running(request.param, place / "data", port))
        return started[-1]

    yield go
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
    assert all(run.gone(within=10) for run in started)
    shutil.rmtree(place)


def test_after_kill_9_nothing_is_left_and_the_next_start_has_every_row(start):
    first = start().ready()
    assert "start number 1" in first.output()
    first.process.kill()
    first.process.wait()
    second = start()  # at once: it must wait for those who are still leaving
    second.ready()
    assert "start number 2" in second.output()
    second.process.kill()
    second.process.wait()
    assert second.gone(within=8), second.left()


def test_a_crashed_api_comes_back_and_sigterm_stops_everything_within_ten_seconds(start):
    run = start().ready()
    api = run.api()
    os.kill(api, signal.SIGKILL)
    deadline = time.monotonic() + 3
    again = None
    while again is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            again = run.api()
    assert again not in (None, api)

    asked = time.monotonic()
    os.killpg(run.process.pid, signal.SIGTERM)
    os.killpg(run.process.pid, signal.SIGTERM)  # make passes on what the terminal has sent already
    assert run.process.wait(timeout=10) == 0, run.output()
    assert time.monotonic() - asked < 10
    assert run.left() == []
    assert "Traceback" not in run.output()


def test_ctrl_c_stops_everything_even_while_it_starts(start):
    run = start()
    time.sleep(0.7)
    os.killpg(run.process.pid, signal.SIGINT)
    run.process.wait(timeout=10)
    assert run.gone(within=2), run.left()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_nobody_where_user_namespaces_are_forbidden(monkeypatch):
    """Behind a closed home, too: then the programs are copied to the data folder."""
    real = postgres._can_run
    open_place = Path(tempfile.mkdtemp(prefix="daybook-nobody-"))
    open_place.chmod(0o711)
    wheel = postgres._wheel()
    monkeypatch.setattr(
        postgres, "_can_run", lambda account, program: not program.is_relative_to(wheel) and real(account, program)
    )
    try:
        server = Postgres(open_place / "data")
        server.start()
        owner = (open_place / "data" / "postgres").stat()
        assert f"{owner.st_uid}:{owner.st_gid}" == NOBODY
        server.kill()
        server.start()  # as whoever owns the data
        server.stop()
        assert residents(server.folder) == []
    finally:
        server.kill()
        shutil.rmtree(open_place)


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's home is closed to others anyway")
def test_root_behind_a_closed_home(tmp_path):
    """0700 all the way down: what a fresh root account looks like."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with running(home / "daybook" / "var", durable=False, valkey=False, mongo=False) as servers:
        assert servers.postgres.alive()
