"""The longer way through a booking's life, over HTTP."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from house import Court, Held, Town, problem, soon


@pytest.fixture(scope="module")
def court(town: Town) -> Court:
    return town.court()


def test_a_hold_is_extended_within_the_policy(town, court):
    held = court.book(3000)
    first = datetime.fromisoformat(held.now()["expires_at"])
    answer = held.step("hold-extension")
    assert answer.status_code == 200, answer.text
    assert datetime.fromisoformat(answer.json()["expires_at"]) > first
    assert datetime.fromisoformat(held.now()["expires_at"]) > first
    assert held.step("hold-extension").status_code == 200
    problem(held.step("hold-extension"), 422, "extended_enough")


def test_at_the_till_a_hold_is_pending(town, court):
    held = court.book(3010)
    assert held.step("payment-start").json()["status"] == "pending_payment"
    shown = held.now()
    assert (shown["status"], shown["reservation_status"]) == ("pending_payment", "ReservationPending")
    answer = held.step("payment", {"payment_id": str(uuid4())})
    assert (answer.json()["status"], answer.json().get("refund_owed", False)) == ("confirmed", False)
    assert (held.now()["status"], held.now()["expires_at"]) == ("confirmed", None)


def test_money_for_what_was_cancelled_is_owed_back(town, court):
    held = court.book(3020, then="confirm")
    held.step("cancellation", {"by": "customer"})
    payment = {"payment_id": str(uuid4())}
    for _ in range(2):
        answer = held.step("payment", payment)
        assert (answer.status_code, answer.json()["refund_owed"]) == (200, True)
    assert held.now()["status"] == "cancelled"
    assert held.now()["version"] == 4, "once"
    problem(held.step("payment", payment, who=town.as_("customer")), 403, "not_permitted")


def test_the_approver_sees_who_else_waits(town, court):
    asked = [court.book(3030), court.book(3040)]
    assert asked[0].step("approval-request", {"blocks": False}).json()["status"] == "pending_approval"
    second = court.book(3030)
    deadline = soon(2000)
    second.step("approval-request", {"blocks": False, "deadline": deadline.isoformat(), "on_timeout": "approve"})
    asked[1].step("approval-request")
    assert datetime.fromisoformat(second.now()["deadline"]) == deadline
    asked[1].now()
    found = town.owner.get(f"{asked[0].url}/competitors").json()["data"]
    assert [one["id"] for one in found] == [second.id]
    assert second.step("approval").json()["status"] == "confirmed"
    assert second.now()["deadline"] is None
    problem(asked[0].step("approval"), 409, "slot_taken")
    problem(town.as_("customer").get(f"{asked[0].url}/competitors"), 403, "not_permitted")


def test_leaving_early_ends_the_visit(town):
    town.owner.patch("/api/v1/organizations/current", json={"policy": {"check_in_early_minutes": 1440}})
    court = town.court()
    held = court.book(3, lasting=2, then="confirm")
    problem(held.step("check-out"), 422, "not_checked_in")
    assert held.step("check-in").status_code == 200
    assert held.step("check-out").json()["status"] == "completed"
    shown = held.now()
    stayed = datetime.fromisoformat(shown["ends_at"]) - datetime.fromisoformat(shown["starts_at"])
    assert stayed == timedelta(minutes=1), "gone before it began"
    assert court.book(4).now()["status"] == "held"
    town.owner.patch("/api/v1/organizations/current", json={"policy": {"check_in_early_minutes": 30}})


def test_another_court_until_it_is_pinned(town, court):
    other = town.resource(court.location, name="Court 2")
    held = court.book(3050, then="confirm")
    body = {"items": [{"item": 1, "resource_id": other}]}
    assert held.step("reassignment", body).status_code == 200
    assert held.now()["items"][0]["resource_id"] == other
    assert held.step("pin").status_code == 200
    assert held.now()["pinned"] is True
    problem(held.step("reassignment", {"items": [{"item": 1, "resource_id": court.resource}]}), 422, "pinned")


def test_overbooking_is_for_managers_and_leaves_a_name(town, court):
    court.book(3060, then="confirm")
    wish = court.wish(3060, then="confirm", overbook="vip")
    problem(town.as_("staff").post("/api/v1/bookings", json=wish), 403, "not_permitted")
    answer = town.as_("manager", "mary").post("/api/v1/bookings", json=wish)
    assert answer.status_code == 201, answer.text
    over = Held(town, answer)
    assert over.now()["items"][0]["overbooked"] is True
    told = town.owner.get(f"{over.url}/events").json()["data"]
    (authorised,) = [it for it in told if it["action"] == "booking.overbooking_authorised"]
    assert authorised["facts"] == {"items": [1], "by": "mary", "why": "vip"}
    problem(town.owner.post("/api/v1/bookings", json=court.wish(3060)), 409, "slot_taken")


def test_a_cancellation_is_taken_back_over_somebody_else_on_authority_alone(town, court):
    held = court.book(3070, then="confirm")
    held.step("cancellation")
    court.book(3070, then="confirm")
    problem(held.undo("cancellation"), 409, "slot_taken")
    problem(held.undo("cancellation", town.as_("staff"), overbook="our mistake"), 403, "not_permitted")
    assert held.undo("cancellation", overbook="our mistake").json()["status"] == "confirmed"


def test_what_the_policy_does_not_name_stays(town):
    town.owner.patch("/api/v1/organizations/current", json={"policy": {"max_extensions": 5}})
    answer = town.owner.patch("/api/v1/organizations/current", json={"policy": {"payment_grace_minutes": 7}})
    shown = town.owner.get(
        "/api/v1/organizations/current", params={"min_position": answer.headers["daybook-position"]}
    ).json()["policy"]
    assert (shown["max_extensions"], shown["payment_grace_minutes"]) == (5, 7)
    shorter = {"policy": {"hold_minutes": 20, "max_hold_minutes": 15}}
    problem(town.owner.patch("/api/v1/organizations/current", json=shorter), 422, "bad_policy")
    town.owner.patch("/api/v1/organizations/current", json={"policy": {"max_extensions": 2}})
