"""Taken although there is no room: what an offering sells, and seats, by those who may, under their name."""

import pytest
from house import HOUR, Town, made, problem, soon

WHY = {"overbook": "vip"}


class Courts:
    """Two courts, sold by the hour, and a class with one seat."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.location = town.location()
        self.courts = [town.resource(self.location, name=f"Court {n}") for n in (1, 2)]
        terms = {"needs": [{"role": "court", "any_of": self.courts}], "durations": [60], "notice": 60}
        body = {"location_id": self.location, "name": "Tennis", "terms": terms}
        self.offering = made(town.owner.post("/api/v1/offerings", json=body))
        starts_at = soon(72)
        session = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + HOUR).isoformat(), "seats": 1}
        self.session = made(town.owner.post("/api/v1/sessions", json={"offering_id": self.offering, **session}))

    def book(self, role: str = "manager", hours: float = 24, **more: object):
        body = {"starts_at": soon(hours).isoformat(), "then": "confirm", **more}
        return self.town.as_(role).post(f"/api/v1/offerings/{self.offering}/bookings", json=body)

    def seat(self, role: str = "manager", **more: object):
        return self.town.as_(role).post(f"/api/v1/sessions/{self.session}/bookings", json={"then": "confirm", **more})


@pytest.fixture
def courts(town: Town) -> Courts:
    return Courts(town)


def test_where_all_are_taken_a_manager_takes_one_all_the_same_and_answers_for_it(courts, town):
    for _ in courts.courts:
        assert courts.book().status_code == 201
    problem(courts.book(), 409, "slot_taken")
    over = courts.book(**WHY)
    assert over.status_code == 201, over.text
    booking = over.json()["id"]
    proof = town.owner.get("/api/v1/proofs/overlaps").json()
    assert proof["verdict"] == "sound", proof
    assert [(one["booking_id"], one["by"], one["why"]) for one in proof["authorised"]] == [(booking, "manager", "vip")]
    shown = town.owner.get(f"/api/v1/bookings/{booking}?min_position={over.json()['position']}").json()
    assert [item["overbooked"] for item in shown["items"]] == [True]
    problem(courts.book(resource_ids=[shown["items"][0]["resource_id"]]), 409, "slot_taken")


def test_only_what_others_have_is_passed_over(courts):
    """Hours, steps and notice are another thing, for which there is `override`."""
    off = problem(courts.book(hours=24 + 7 / 60, **WHY), 422, "not_offered")
    assert [reason["code"] for reason in off["reasons"]] == ["NOT_ON_STEP"]
    soon_over = problem(courts.book(hours=0, **WHY), 422, "not_offered")
    assert [reason["code"] for reason in soon_over["reasons"]] == ["TOO_SOON"]


def test_a_seat_more_than_there_is(courts, town):
    assert courts.seat().status_code == 201
    problem(courts.seat(), 409, "slot_taken")
    over = courts.seat(**WHY)
    assert over.status_code == 201, over.text
    overbooked = town.owner.get("/api/v1/proofs/overlaps").json()["authorised"]
    assert over.json()["id"] in [one["booking_id"] for one in overbooked]
    problem(courts.seat(seats=2, **WHY), 422, "not_offered")  # more than the room has in all


@pytest.mark.parametrize("role", ["customer", "staff"])
def test_who_may_not_answer_for_it_may_not(courts, role):
    for _ in courts.courts:
        courts.book()
    problem(courts.book(role, **WHY), 403, "not_permitted")
    problem(courts.seat(role, **WHY), 403, "not_permitted")
