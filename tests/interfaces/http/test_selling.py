"""How things are sold: by themselves or as part of what an offering sells, at any time or by session."""

from typing import Any

import pytest
from house import Court, Somebody, Town, problem, soon


def sell(town: Town, resource: str, by_itself: bool) -> str:
    """Says how a resource is sold; the position from which views know it."""
    answer = town.owner.put(f"/api/v1/resources/{resource}/selling", json={"by_itself": by_itself})
    assert answer.status_code == 200, answer.text
    return str(answer.headers["daybook-position"])


def moved(hours: float, resource: str) -> dict[str, Any]:
    starts_at, ends_at = soon(hours).isoformat(), soon(hours + 1).isoformat()
    return {"items": [{"item": 1, "resource_id": resource, "starts_at": starts_at, "ends_at": ends_at}]}


@pytest.fixture
def court(town: Town) -> Court:
    return town.court()


@pytest.fixture
def ann(town: Town) -> Somebody:
    return town.as_("customer")


# by itself, or not


def test_a_resource_is_sold_by_itself_until_staff_say_otherwise(town: Town, court: Court, ann: Somebody) -> None:
    url = f"/api/v1/resources/{court.resource}"
    assert ann.post("/api/v1/bookings", json=court.wish(24)).status_code == 201
    known = {"min_position": sell(town, court.resource, False)}
    assert town.owner.get(url, params=known).json()["sold_by_itself"] is False
    listed = town.owner.get("/api/v1/resources", params=known).json()["data"]
    assert [it["sold_by_itself"] for it in listed if it["id"] == court.resource] == [False]
    refused = problem(ann.post("/api/v1/bookings", json=court.wish(26)), 422, "not_sold_by_itself")
    assert refused["details"]["resource_ids"] == [court.resource]
    assert town.owner.post("/api/v1/bookings", json=court.wish(26)).status_code == 201, "staff may always"
    sell(town, court.resource, True)
    assert ann.post("/api/v1/bookings", json=court.wish(28)).status_code == 201


def test_how_a_resource_is_sold_its_managers_say(town: Town, court: Court, ann: Somebody) -> None:
    url = f"/api/v1/resources/{court.resource}/selling"
    problem(ann.put(url, json={"by_itself": False}), 403)
    problem(town.as_("staff").put(url, json={"by_itself": False}), 403)
    problem(town.owner.put(url, json={}), 400, "bad_body")
    problem(town.owner.put(url, json={"by_itself": False}, headers={"if-match": '"7"'}), 412, "changed_since")
    first = town.as_("manager").put(url, json={"by_itself": False})
    again = town.as_("manager").put(url, json={"by_itself": False})
    assert first.json()["version"] == again.json()["version"] == 2, "asked twice: nothing happened"


def test_a_customer_moves_nothing_onto_what_is_not_sold_by_itself(town: Town, court: Court, ann: Somebody) -> None:
    other = town.resource(court.location, name="Treatment room")
    mine = court.book(30, who=ann, then="confirm")
    sell(town, other, False)
    problem(mine.step("reschedule", moved(32, other), who=ann), 422, "not_sold_by_itself")
    assert mine.step("reschedule", moved(32, court.resource), who=ann).status_code == 200
    # What they had before stands, and goes; but it does not move any more.
    sell(town, court.resource, False)
    problem(mine.step("reschedule", moved(34, court.resource), who=ann), 422, "not_sold_by_itself")
    assert mine.step("reschedule", moved(34, other)).status_code == 200, "staff may always"
    assert mine.step("cancellation", {}, who=ann).status_code == 200


def test_a_series_by_name_is_no_way_round(town: Town, court: Court, ann: Somebody) -> None:
    wish = {
        "location_id": court.location, "start": "2027-03-01T18:00", "rule": "FREQ=WEEKLY;COUNT=3", "minutes": 60,
        "resources": [{"resource_id": court.resource}],
    }  # fmt: skip
    mine = ann.post("/api/v1/series", json=wish)
    assert mine.status_code == 201, mine.text
    sell(town, court.resource, False)
    other = {**wish, "start": "2027-03-02T18:00"}
    problem(ann.post("/api/v1/series", json=other), 422, "not_sold_by_itself")
    problem(ann.post("/api/v1/series", json={**other, "strategy": "skip"}), 422, "not_sold_by_itself")
    problem(ann.post("/api/v1/series/preview", json={"create": other}), 422, "not_sold_by_itself")
    assert town.owner.post("/api/v1/series", json=other).status_code == 201, "staff may always"
