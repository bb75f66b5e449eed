"""One round: a crowd, faults at random moments, the heal, the drain, and then everything is checked."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from msgspec import Struct

from bench.chaos import invariants
from bench.chaos.crowd import Crowd
from bench.chaos.invariants import Breach
from bench.chaos.journal import cases
from bench.chaos.stage import Stage, freeze, thaw
from bench.chaos.town import found_at, journals, wait_until
from infrastructure import mongo
from infrastructure.embedded.server import Server
from projections.audit import trail

Tell = Callable[[str], None]
Fault = Callable[[Stage, random.Random], None]
DRAIN = 60.0
"""Seconds in which views and audit trail must have caught up after the heal."""


class Report(Struct, frozen=True):
    """What a round was, and what came of it."""

    seed: int
    faults: tuple[str, ...]
    verdicts: dict[str, int]
    resolved: int
    """Commands whose fate was unknown until they were asked for again."""
    events: int
    longest: float
    """Seconds until the slowest answer of all."""
    healed: float
    """Seconds from the start of the last heal until every API process was ready."""
    drained: float
    """Seconds from the last command until views and audit trail had caught up."""
    breaches: tuple[Breach, ...]


def _killed(name: str) -> Fault:
    def fault(stage: Stage, chance: random.Random) -> None:
        _server(stage, name).kill()
        time.sleep(chance.uniform(0, 1))

    return fault


def _frozen(name: str) -> Fault:
    def fault(stage: Stage, chance: random.Random) -> None:
        server = _server(stage, name)
        freeze(server)
        try:
            time.sleep(chance.uniform(1, 4))
        finally:
            thaw(server)

    return fault


def _restarted(stage: Stage, chance: random.Random) -> None:
    """As for an upgrade: sessions are ended, nothing is lost."""
    server = _server(stage, "postgres")
    server.stop()
    time.sleep(chance.uniform(0, 0.5))
    server.start()


def _api_killed(stage: Stage, chance: random.Random) -> None:
    chance.choice(stage.apis).kill()
    time.sleep(chance.uniform(0, 0.5))


def _worker_killed(stage: Stage, chance: random.Random) -> None:
    if stage.worker is not None:
        stage.worker.kill()
    time.sleep(chance.uniform(0, 0.5))


def _all_killed(stage: Stage, _: random.Random) -> None:
    """As a power cut."""
    for process in stage.processes:
        process.kill()
    for server in stage.servers.all:
        server.kill()


def _mongo_away(stage: Stage, chance: random.Random) -> None:
    """Gone for a while: commands go on, the trail comes later."""
    _server(stage, "mongo").kill()
    time.sleep(chance.uniform(2, 4))


FAULTS: dict[str, Fault] = {
    "kill api": _api_killed,
    "kill worker": _worker_killed,
    "kill postgres": _killed("postgres"),
    "freeze postgres": _frozen("postgres"),
    "restart postgres": _restarted,
    "kill mongo": _mongo_away,
    "freeze mongo": _frozen("mongo"),
    "kill valkey": _killed("valkey"),
    "freeze valkey": _frozen("valkey"),
    "power cut": _all_killed,
}
"""Each does its harm and leaves the heal to the stage."""


def play(
    stage: Stage, folder: Path, seed: int, faults: Sequence[str], *, people: int = 8, calm: float = 1.0,
    tell: Tell = lambda _: None,
) -> Report:  # fmt: skip
    """`calm`: seconds, about, that the crowd goes on undisturbed before, between and after the faults."""
    chance = random.Random(f"{seed}/nemesis")
    folder.mkdir(parents=True, exist_ok=True)
    town = found_at(stage.url)
    crowd = Crowd(town, list(stage.doors(town)), folder, seed, people)
    crowd.start()
    healed = 0.0
    for name in faults:
        time.sleep(chance.uniform(0.5, 1.5) * calm)
        tell(name)
        FAULTS[name](stage, chance)
        began = time.monotonic()
        stage.heal()
        healed = time.monotonic() - began
    before = crowd.asked
    time.sleep(calm)
    crowd.stop()
    crowd.join()
    breaches: list[Breach] = []
    if crowd.asked == before:
        breaches.append(Breach("I0 healed", "nobody was answered after the last heal"))
    tell("resolving")
    resolved = crowd.resolve([case.intent.key for case in cases(journals(folder)) if case.verdict == "unknown"])
    tell("draining")
    drained = drain(stage, breaches)
    tell("checking")
    found = cases(journals(folder))
    breaches += checked(stage, folder, town.tenant)
    log = [event for event in invariants.whole_log(stage.url) if event.tenant == town.tenant]
    return Report(
        seed, tuple(faults), dict(Counter(case.verdict for case in found)), resolved, len(log),
        max(outcome.took for case in found for outcome in case.outcomes), healed, drained, tuple(breaches),
    )  # fmt: skip


def drain(stage: Stage, breaches: list[Breach]) -> float:
    """Until views and trail stand at the end of the log; seconds."""
    began = time.monotonic()
    if stage.worker is None:
        return 0.0
    events = len(invariants.whole_log(stage.url))
    for what, there in (
        ("I5 behind", lambda: invariants.caught_up(stage.url)),
        ("I6 behind", lambda: documents(stage) >= events),
    ):
        try:
            wait_until(there, DRAIN, "the end of the log")
        except TimeoutError:
            said = stage.worker.last_words()
            breaches.append(Breach(what, f"not caught up within {DRAIN:.0f} s; the worker's last words: {said}"))
    return time.monotonic() - began


def documents(stage: Stage) -> int:
    assert stage.settings.mongo_url is not None
    database = mongo.writing(stage.settings.mongo_url)
    try:
        return int(database[trail.TRAIL].count_documents({}))
    finally:
        database.client.close()


def checked(stage: Stage, folder: Path, tenant: UUID) -> list[Breach]:
    """All invariants: the store's, the journals', and, where there is a worker, what is known and told."""
    found = invariants.of_the_store(stage.url, cases(journals(folder)), tenant)
    if count := invariants.deadlocks_in(stage.settings.data / "logs" / "postgres.log"):
        found.append(Breach("I4 deadlocks", f"the server's log tells of {count}"))
    if stage.worker is not None:
        assert stage.settings.mongo_url is not None
        found += invariants.views(stage.url)
        database = mongo.writing(stage.settings.mongo_url)
        try:
            found += invariants.audit(stage.url, database)
        finally:
            database.client.close()
    return found


def _server(stage: Stage, name: str) -> Server:
    return next(server for server in stage.servers.all if server.name == name)
