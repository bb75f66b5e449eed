"""Sixteen write, one follows the log and is killed again and again: it misses nothing and sees nothing twice."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.chaos.crowd import Crowd
from bench.chaos.follower import seen
from bench.chaos.invariants import followed, whole_log
from bench.chaos.town import bus_door, found_at, wait_until

ROOT = Path(__file__).parents[2]


def follower(url: str, file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "bench.chaos.follower", url, str(file)], cwd=ROOT)


def killed(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_a_follower_that_is_killed_goes_on_where_it_was(url: str, tmp_path: Path) -> None:
    chance = random.Random(16)
    town = found_at(url, [1, 3, 5])
    file = tmp_path / "seen"
    lives = 0
    with bus_door(url, town.tenant, pool_size=16) as door:
        crowd = Crowd(town, [door], tmp_path, 16, 16, each=150, durable=False, pace=0.01)
        crowd.start()
        over = threading.Event()

        def wait_for_all() -> None:
            crowd.join()
            over.set()

        threading.Thread(target=wait_for_all, daemon=True).start()
        while not over.is_set():
            one, before = follower(url, file), len(seen(file))
            try:
                wait_until(lambda n=before: len(seen(file)) > n or over.is_set(), 20, "anything new")  # type: ignore[misc]
                time.sleep(chance.uniform(0, 0.15))
            finally:
                killed(one)
            lives += 1
    log = whole_log(url)
    last = follower(url, file)
    try:
        wait_until(lambda: seen(file)[-1:] == [log[-1].position], 20, "the end of the log")
        time.sleep(0.1)
    finally:
        killed(last)
    assert list(followed(seen(file), log)) == []
    assert lives >= 3
    assert len(log) > 600
