"""Thousands of random bookings, moves, cancellations, reversals and resizes on few resources, from many hands."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec

from bench.chaos.crowd import Crowd
from bench.chaos.invariants import deadlocks, of_the_store, whole_log
from bench.chaos.journal import cases
from bench.chaos.town import bus_door, found_at, journals

PEOPLE = 8
EACH = 130
SEED = 20_310_602


def test_two_processes_of_many_hands_never_use_more_than_there_is(url: str, tmp_path: Path) -> None:
    town = found_at(url, [1, 1, 3, 5])
    argv = [SEED, PEOPLE, PEOPLE, EACH]
    other = subprocess.Popen(
        [sys.executable, "-m", "bench.chaos.fighters", url, str(tmp_path), *map(str, argv)],
        stdin=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert other.stdin is not None
    other.stdin.write(msgspec.json.encode(town))
    other.stdin.close()
    with bus_door(url, town.tenant, pool_size=PEOPLE) as door:
        crowd = Crowd(town, [door], tmp_path, SEED, PEOPLE, each=EACH, durable=False)
        crowd.start()
        crowd.join()
        assert other.wait(90) == 0
    found = cases(journals(tmp_path))
    assert len(found) == 2 * PEOPLE * EACH
    verdicts = Counter(case.verdict for case in found)
    print(verdicts, Counter(case.outcomes[-1].why for case in found).most_common(12))  # noqa: T201  # with -s
    assert of_the_store(url, found) == []
    assert verdicts["unknown"] == 0
    assert verdicts["ok"] > 400, "a fight in which nobody gets anything proves nothing"
    assert verdicts["fail"] > 400, "a fight in which nobody is refused proves nothing"
    assert {type(event.fact).__name__ for event in whole_log(url)} >= {
        "BookingHeld", "BookingConfirmed", "BookingRescheduled", "BookingCancelled", "BookingCancellationReversed",
        "BookingHoldReleased", "BookingApprovalRequested", "ResourceCapacityChanged",
    }  # fmt: skip
    assert deadlocks(url) == 0
