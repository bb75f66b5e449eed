"""Several people ask the venue for the same: whoever is agreed to has it, and the others are told, or go on waiting."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from house import Somebody, Town, fresh, made, problem, soon, until

from infrastructure.settings import Settings
from interfaces.worker import Worker


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    """With its worker, which does what follows from an approval."""
    with fresh(servers) as settings, Town(settings, views=False) as town:
        worker = Worker(town.house)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield town
        finally:
            worker.stop()
            thread.join(20)
            assert not thread.is_alive()


class Hall:
    """A hall that people ask for: requests do not block each other."""

    def __init__(self, town: Town, **approval: Any) -> None:
        self.town = town
        location = town.location()
        self.room = town.resource(location, name="Hall")
        terms = {
            "needs": [{"role": "hall", "any_of": [self.room]}], "durations": [60, 120], "step": 60,
            "approval": {"pending_blocks": False, **approval},
        }  # fmt: skip
        body = {"location_id": location, "name": "Hall", "terms": terms}
        self.offering = made(town.owner.post("/api/v1/offerings", json=body))

    def ask(self, hours: float, minutes: int = 60) -> "Asked":
        somebody = self.town.as_("customer")
        wish = {"starts_at": soon(hours).isoformat(), "minutes": minutes}
        answer = somebody.post(f"/api/v1/offerings/{self.offering}/bookings", json=wish)
        assert answer.status_code == 201, answer.text
        assert answer.json()["status"] == "pending_approval"
        return Asked(self.town, somebody, answer.json()["id"])


class Asked:
    """A request, and who made it."""

    def __init__(self, town: Town, somebody: Somebody, booking: str) -> None:
        self.town, self.somebody, self.id = town, somebody, booking
        self.url = f"/api/v1/bookings/{booking}"

    def decide(self, step: str) -> httpx.Response:
        """As the venue, which has seen all that has happened to it."""
        seen = {"if-match": f'"{len(self.story)}"'}
        return self.town.owner.post(f"{self.url}/{step}", json={}, headers=seen)

    @property
    def story(self) -> list[str]:
        """As the log has it."""
        rows = self.town.sql("SELECT tag FROM event_store.event WHERE stream = %s ORDER BY version", self.id)
        return [tag.removeprefix("booking.") for (tag,) in rows]

    @property
    def declined(self) -> bool:
        return self.story[-1] == "declined"


ASKED = ["held.v2", "approval_requested"]


def test_an_approval_declines_those_who_asked_for_the_same_and_nobody_else(town: Town) -> None:
    hall = Hall(town, approving_declines_others=True)
    winner, same, longer = hall.ask(48), hall.ask(48), hall.ask(47, minutes=120)
    before, after = hall.ask(47), hall.ask(49)
    assert winner.decide("approval").status_code == 200
    until(lambda: same.declined and longer.declined)
    assert winner.story == [*ASKED, "approved"]
    assert before.story == after.story == ASKED, "whose time only touches goes on waiting"
    until(lambda: same.somebody.get(same.url).json().get("status") == "declined")
    told = same.somebody.get(f"{same.url}/events").json()["data"]
    assert (told[-1]["action"], told[-1]["facts"]["cause"]) == ("booking.declined", "competing")
    problem(same.decide("approval"), 422, "not_pending")
    assert after.decide("approval").status_code == 200
    assert before.decide("approval").status_code == 200


def test_without_the_rule_the_others_wait_until_somebody_decides_and_cannot_have_it(town: Town) -> None:
    plain, strict = Hall(town), Hall(town, approving_declines_others=True)
    first, second = plain.ask(48), plain.ask(48)
    assert first.decide("approval").status_code == 200
    # What comes later in the log is done later: once this rival is declined, the first approval has had its effect.
    mark, rival = strict.ask(48), strict.ask(48)
    assert mark.decide("approval").status_code == 200
    until(lambda: rival.declined)
    assert second.story == ASKED
    problem(second.decide("approval"), 409, "slot_taken")
    assert second.decide("decline").status_code == 200
    assert second.declined


def test_a_request_that_is_declined_declines_nobody(town: Town) -> None:
    hall = Hall(town, approving_declines_others=True)
    first, second, mark, rival = hall.ask(48), hall.ask(48), hall.ask(60), hall.ask(60)
    assert first.decide("decline").status_code == 200
    assert mark.decide("approval").status_code == 200
    until(lambda: rival.declined)
    assert second.story == ASKED
    assert second.decide("approval").status_code == 200
