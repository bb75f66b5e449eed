"""The same crowds over HTTP, through two API processes at once; and what callers are told when something is gone."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from bench.chaos.crowd import Crowd
from bench.chaos.invariants import deadlocks, deadlocks_in, of_the_store
from bench.chaos.journal import Outcome, cases
from bench.chaos.rounds import Report, play
from bench.chaos.rush import BUYERS, at_once, told, winners_and_losers
from bench.chaos.stage import Stage, freeze, staged, thaw
from bench.chaos.town import Town, Wish, booking_of, found_at, journals, wait_until
from bench.chaos.web import HttpDoor

DEADLINE = 2.0
WHOLE = 4.0
"""Seconds that a request may wait for its turn, and be answered after its own deadline's wait."""
PEOPLE = 8


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("http")
    with staged(folder, apis=2, database_deadline=DEADLINE, request_deadline=WHOLE, write_pool=8) as stage:
        yield stage


@pytest.fixture
def town(stage: Stage) -> Town:
    return found_at(stage.url, [1, 1, 3, 5])


@pytest.fixture(autouse=True)
def healed(stage: Stage) -> None:
    """Every story begins with all alive, whatever became of the one before."""
    stage.heal()


def by_turns(doors: list[HttpDoor]) -> Callable[[Wish], Outcome]:
    """Half of them at each process."""
    chance = random.Random(2)
    return lambda wish: chance.choice(doors).send(wish)


def sound(stage: Stage, town: Town, folder: Path | None = None) -> None:
    found = None if folder is None else cases(journals(folder))
    assert of_the_store(stage.url, found, town.tenant) == []
    assert deadlocks(stage.url) == 0
    assert deadlocks_in(stage.settings.data / "logs" / "postgres.log") == 0


def test_two_hundred_at_two_doors_and_one_gets_it(stage: Stage, town: Town) -> None:
    outcomes = at_once(by_turns(stage.doors(town)), [booking_of(town, town.of_one) for _ in range(BUYERS)])
    winners_and_losers(outcomes, 1)
    assert {o.why for o in outcomes} == {"201", "slot_taken OCCUPIED"}
    sound(stage, town)


def test_parties_of_two_at_two_doors(stage: Stage, town: Town) -> None:
    five = list(town.resources)[-1]
    send = by_turns(stage.doors(town))
    outcomes = at_once(send, [booking_of(town, five, units=2) for _ in range(BUYERS)])
    winners_and_losers(outcomes, 2)
    assert {o.why for o in outcomes} == {"201", "slot_taken CAPACITY"}
    assert [send(Wish(name, booking_of(town, five), 2)).why for name in ("single-one", "late-comer")] == [
        "201", "slot_taken CAPACITY",
    ]  # fmt: skip
    sound(stage, town)


def test_one_request_two_hundred_times_at_two_doors(stage: Stage, town: Town) -> None:
    wanted = booking_of(town, town.of_one)
    send = by_turns(stage.doors(town))
    outcomes = at_once(send, [wanted] * BUYERS, key="impatient")
    assert {o.why for o in outcomes} <= {"201", "command_in_flight"}
    for _ in range(20):
        outcomes = [o if o.verdict == "ok" else send(Wish("impatient", wanted, 2)) for o in outcomes]
    assert len({(o.why, o.stream, o.version, o.position) for o in outcomes}) == 1
    assert outcomes[0].why == "201"
    assert sum(not o.replayed for o in outcomes) == 1
    sound(stage, town)


def test_a_fight_at_two_doors(stage: Stage, town: Town, tmp_path: Path) -> None:
    crowd = Crowd(town, list(stage.doors(town)), tmp_path, 7, PEOPLE, each=40, durable=False)
    crowd.start()
    crowd.join(60)
    verdicts = Counter(case.verdict for case in cases(journals(tmp_path)))
    assert verdicts["unknown"] == 0
    assert min(verdicts["ok"], verdicts["fail"]) > 40
    found = [case for case in cases(journals(tmp_path)) if case.outcomes[-1].why.startswith("5")]
    assert found == []
    sound(stage, town, tmp_path)


def test_api_worker_and_postgres_are_killed_under_load(stage: Stage, tmp_path: Path) -> None:
    """Each at a random moment, with half-done work in its hands."""
    holds(play(stage, tmp_path, 9, ["kill api", "kill worker", "kill postgres"], people=PEOPLE, calm=0.2))


def test_mongo_is_gone_and_back(stage: Stage, town: Town, tmp_path: Path) -> None:
    """Commands go on as if nothing were; the trail comes later, and whole."""
    mongo = stage.servers.mongo
    assert mongo is not None
    mongo.kill()
    outcomes = at_once(by_turns(stage.doors(town)), [booking_of(town, town.of_one, hour=n) for n in range(20)])
    assert {o.why for o in outcomes} == {"201"}
    assert max(o.took for o in outcomes) < 2
    assert stage.doors(town)[0].ask("GET", "/api/v1/audit").status == 503
    mongo.start()
    holds(play(stage, tmp_path, 10, [], people=2, calm=1.0))


def holds(report: Report) -> None:
    """Nothing is broken, and the story was one."""
    print(report)  # noqa: T201  # with -s
    assert report.breaches == ()
    assert report.verdicts["ok"] > 5
    assert report.events > 5
    assert bool(report.resolved) == bool(report.faults)


def test_postgres_frozen_is_503_in_time_and_heals(stage: Stage, town: Town) -> None:
    postgres = stage.servers.postgres
    assert postgres is not None
    send = by_turns(stage.doors(town))
    freeze(postgres)
    try:
        outcomes = at_once(send, [booking_of(town, town.of_one, hour=n) for n in range(64)])
        reading = stage.doors(town)[0].ask("GET", "/api/v1/resources")
        live = stage.doors(town)[0].ask("GET", "/health/live")
        ready = stage.doors(town)[0].ask("GET", "/health/ready")
    finally:
        thaw(postgres)
    print(told(outcomes), sorted(round(o.took, 2) for o in outcomes)[::10])  # noqa: T201  # with -s
    assert {o.why for o in outcomes} == {"503 unavailable_now retry-after 1"}
    # Many more than there are threads: nobody waits for all those before, each with a second of its own.
    assert max(o.took for o in outcomes) < WHOLE + 2.5 * DEADLINE
    assert (reading.status, live.status, ready.status) == (503, 200, 503)
    assert ready.body["status"] != "ready"

    def heals() -> bool:
        return (
            send(Wish(f"healed-{time.monotonic_ns()}", booking_of(town, town.of_one, hour=-5), 2)).verdict != "unknown"
        )

    wait_until(heals, 5, "an answer after the heal")
    # What was out when it froze is asked for again, and has one effect.
    again = [
        send(Wish(o.key, booking_of(town, town.of_one, hour=n), 2))
        for n, o in enumerate(sorted(outcomes, key=lambda o: o.key))
    ]
    assert {o.verdict for o in again} == {"ok"}
    assert of_the_store(stage.url) == []


def test_more_than_the_pool_can_serve_is_503_with_retry_after(stage: Stage, town: Town) -> None:
    """Everything that writes to one resource waits for somebody who holds its lock and does not let go."""
    send = by_turns(stage.doors(town))
    with psycopg.connect(stage.url) as holder:
        holder.execute("SELECT event_store.lock(%s, ARRAY[%s])", [town.tenant, str(town.of_one)])
        over = threading.Event()
        threading.Timer(20, over.set).start()
        outcomes = at_once(send, [booking_of(town, town.of_one, hour=n) for n in range(40)])
        reading = stage.doors(town)[0].ask("GET", "/api/v1/resources")
    print(sorted(round(o.took, 2) for o in outcomes)[::5])  # noqa: T201  # with -s
    assert {o.why for o in outcomes} == {"503 unavailable_now retry-after 1"}
    assert reading.status == 200, "readers have a pool of their own"
    assert send(Wish("when-it-is-over", booking_of(town, town.of_one), 2)).verdict == "ok"
    sound(stage, town)


def test_booking_goes_on_without_redis(stage: Stage, town: Town) -> None:
    valkey = stage.servers.valkey
    assert valkey is not None
    send = by_turns(stage.doors(town))
    for what in ("frozen", "gone"):
        freeze(valkey) if what == "frozen" else valkey.kill()
        wanted = [booking_of(town, town.of_one, hour=n + (20 if what == "gone" else 0)) for n in range(8)]
        outcomes = at_once(send, wanted, prefix=f"{what}-")
        thaw(valkey)
        assert {o.verdict for o in outcomes} == {"ok"}, outcomes
        assert max(o.took for o in outcomes) < 2
    valkey.start()
