"""PostgreSQL is killed and frozen under the command bus: what was said holds, what is unknown is resolved."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.chaos.crowd import Crowd
from bench.chaos.invariants import of_the_store
from bench.chaos.journal import cases
from bench.chaos.stage import freeze, thaw
from bench.chaos.town import Town, Wish, booking_of, bus_door, found_at, journals
from infrastructure.embedded.postgres import Postgres
from infrastructure.postgres.migrate import migrate

PEOPLE = 6
DEADLINE = 1.0


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """One of this test's own, with fsync on."""
    server = Postgres(tmp_path / "own")
    server.start()
    migrate(server.url)
    yield server
    thaw(server)
    server.kill()


def under_load(postgres: Postgres, folder: Path, seed: int, trouble: list[str]) -> tuple[Town, Counter[str]]:
    """A crowd while trouble comes; then unknowns are asked for again, and everything is checked."""
    chance = random.Random(seed)
    town = found_at(postgres.url, [1, 1, 3, 5])
    with bus_door(postgres.url, town.tenant, pool_size=PEOPLE, deadline=DEADLINE) as door:
        crowd = Crowd(town, [door], folder, seed, PEOPLE)
        crowd.start()
        for what in trouble:
            time.sleep(chance.uniform(0.3, 0.8))
            if what == "kill":
                postgres.kill()
                time.sleep(chance.uniform(0, 0.3))
                postgres.start()
            else:
                freeze(postgres)
                time.sleep(2.5 * DEADLINE)
                thaw(postgres)
        asked = crowd.asked
        time.sleep(1.0)
        crowd.stop()
        crowd.join(30)
        assert crowd.asked > asked, "nobody was answered after the heal"
        unknown = [case.intent.key for case in cases(journals(folder)) if case.verdict == "unknown"]
        resolved = crowd.resolve(unknown)
    found = cases(journals(folder))
    assert of_the_store(postgres.url, found) == []
    assert [case for case in found if case.verdict == "unknown"] == []
    figures: Counter[str] = Counter(case.verdict for case in found)
    figures["were unknown"] = resolved
    longest = max(outcome.took for case in found for outcome in case.outcomes)
    print(figures, f"longest answer {longest:.2f} s")  # noqa: T201  # with -s
    assert figures["ok"] > 10
    return town, figures


def test_killed_under_load(postgres: Postgres, tmp_path: Path) -> None:
    under_load(postgres, tmp_path, 41, ["kill"])


def test_frozen_under_load(postgres: Postgres, tmp_path: Path) -> None:
    """Frozen is worse than dead: nobody says no. Every call ends all the same, and the pool heals."""
    _, figures = under_load(postgres, tmp_path, 42, ["freeze"])
    assert figures["were unknown"] > 0, "nothing was out when it froze: the story tells nothing"


def test_every_answer_comes_in_time_while_it_is_frozen(postgres: Postgres) -> None:
    town = found_at(postgres.url, [1])
    with bus_door(postgres.url, town.tenant, pool_size=2, deadline=DEADLINE) as door:
        assert door.send(Wish("before-it-froze", booking_of(town, town.of_one), 2)).verdict == "ok"
        freeze(postgres)
        outcome = door.send(Wish("while-it-is-frozen", booking_of(town, town.of_one, hour=2), 2))
        thaw(postgres)
        assert outcome.verdict == "unknown"
        # Loading, appending and looking the command up: each has a deadline of its own, and a retry or two.
        assert outcome.took < 8 * DEADLINE
        assert door.send(Wish("while-it-is-frozen", booking_of(town, town.of_one, hour=2), 2)).verdict != "fail"
