"""What goes on behind the doors: sweeping, following, and putting up with what is away."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from house import HOUR, Town, fresh, soon, until
from msgspec.structs import replace

from application.booking.commands import PlaceHold, WantedItem
from application.event_store import Unavailable
from infrastructure.embedded.server import free_port
from infrastructure.settings import Settings
from interfaces.bootstrap import build
from interfaces.worker import Chore, Sweeper, Worker


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


def dead(town: Town, hours: float) -> str:
    """A hold whose time is over: the database's clock cannot be turned, so its expiry is."""
    held = town.court().book(hours)
    town.sql("UPDATE event_store.claim SET expires_at = clock_timestamp() - interval '1 s' WHERE booking = %s", held.id)
    return held.id


def test_dead_holds_are_expired_through_the_front_door(town):
    """The claim says that it is over, the log that it is not yet: the sweeper asks, and is refused, and goes on."""
    sweeper = Sweeper(town.house.store, town.house.command_bus)
    early = dead(town, 100)
    assert sweeper.sweep() == 0
    assert sweeper.sweep() == 0, "what is stuck is not asked again and again"
    town.sql("UPDATE event_store.claim SET expires_at = NULL WHERE booking = %s", early)


def test_a_hold_that_is_over_is_swept_once_by_however_many(town):
    town.owner.patch(
        "/api/v1/organizations/current",
        json={"policy": {"hold_minutes": 1, "check_in_early_minutes": 30, "no_show_grace_minutes": 0}},
    )
    # Held a while ago, as an import would: then and now are a minute apart.
    court = town.court()
    booking = uuid4()
    item = WantedItem(UUID(court.resource), soon(200), soon(200) + HOUR)
    command = PlaceHold(booking, UUID(court.location), (item,))
    (now,) = town.sql("SELECT clock_timestamp()")[0]
    town.do(command, occurred_at=now - timedelta(minutes=2))
    sweepers = [Sweeper(town.house.store, town.house.command_bus) for _ in range(4)]
    swept: list[int] = []
    threads = [threading.Thread(target=lambda s=s: swept.append(s.sweep())) for s in sweepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tags = town.sql("SELECT tag FROM event_store.event WHERE stream = %s ORDER BY version", booking)
    assert [tag for (tag,) in tags] == ["booking.held.v2", "booking.expired"]
    assert town.sql("SELECT count(*) FROM event_store.claim WHERE booking = %s", booking) == [(0,)]
    court.book(200)


def test_it_follows_and_stops(town, capfd):
    worker = Worker(town.house)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        held = town.court().book(300, then="confirm")
        assert held.now()["status"] == "confirmed"
        until(lambda: "calendar" in worker.lags and "audit" in worker.lags)
        assert worker.lags["calendar"].parked == 0
    finally:
        worker.stop()
        thread.join(15)
    assert not thread.is_alive()


def test_it_lives_without_anything_it_depends_on(town):
    gone = free_port()
    settings = replace(
        town.settings, database_url=f"postgresql://x:y@127.0.0.1:{gone}/x", mongo_url=f"mongodb://127.0.0.1:{gone}/x",
        database_deadline=0.2,
    )  # fmt: skip
    house = build(settings)
    worker = Worker(house)
    thread = threading.Thread(target=worker.run)
    thread.start()
    thread.join(2)
    assert thread.is_alive()
    worker.stop()
    thread.join(20)
    house.close()
    assert not thread.is_alive()


def test_a_chore_that_fails_says_so_once(capfd):
    def away() -> int:
        raise Unavailable

    chore = Chore("sweep", 0.0, away)
    for _ in range(3):
        chore.when_due()
    assert capfd.readouterr().out.count("sweep.interrupted") == 1


class Stuck:
    """A follower that waits for a server which never answers, until it is cut loose."""

    def __init__(self) -> None:
        self.loose = threading.Event()

    def run(self) -> None:
        self.loose.wait(60)

    def stop(self) -> None:
        """It does not hear."""

    def abandon(self) -> None:
        self.loose.set()


def test_followers_that_cannot_hear_are_cut_loose_together_and_in_time(town, monkeypatch):
    monkeypatch.setattr("interfaces.worker.PATIENCE", 0.2)
    worker = Worker(town.house)
    stuck = [Stuck(), Stuck(), Stuck()]
    worker._followers = [(f"stuck {n}", one) for n, one in enumerate(stuck)]
    thread = threading.Thread(target=worker.run)
    thread.start()
    worker.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert all(one.loose.is_set() for one in stuck)
