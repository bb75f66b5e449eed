"""Waiting over HTTP: joining, seeing one's place and why, and answering an offer."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from house import HOUR, Somebody, Town, made, problem, soon
from uuid_utils.compat import uuid7

from application.booking.commands import Cancel
from application.booking.placing import BookSeats
from application.offering.commands import DefineOffering, ScheduleSession
from application.quota.commands import SetQuotaRule
from application.waitlist.commands import WalkSession
from domain.offering.terms import Need, Terms
from domain.quota.rule import QuotaRule, What

WAITLIST = "/api/v1/waitlist"


class Studio:
    """A class of two, which is full."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.location = town.location()
        hall = UUID(town.resource(self.location))
        self.yoga, self.session = uuid7(), uuid7()
        terms = Terms((Need("room", any_of=(hall,)),), durations=(60,))
        town.do(DefineOffering(self.yoga, UUID(self.location), "Yoga", terms))
        town.do(ScheduleSession(self.session, self.yoga, soon(48), soon(48) + HOUR, 2))
        self.bookings = [uuid7(), uuid7()]
        for booking in self.bookings:
            town.do(BookSeats(booking, self.session, then="confirm"))
        self.position = "0"

    def join(self, who: Somebody, **more: Any) -> str:
        answer = who.post(WAITLIST, json={"session_id": str(self.session), **more})
        entry = made(answer)
        assert answer.headers["location"] == f"{WAITLIST}/{entry}"
        self.position = answer.headers["daybook-position"]
        return entry

    def free(self) -> None:
        """A seat is set free, and the list is walked, as the worker does it."""
        self.town.do(Cancel(self.bookings.pop()))
        self.walk()

    def walk(self) -> None:
        self.position = str(self.town.do(WalkSession(self.session), "system").position)

    def see(self, who: Somebody, entry: str) -> dict[str, Any]:
        answer = who.get(f"{WAITLIST}/{entry}", params={"min_position": self.position})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown


@pytest.fixture
def studio(town: Town) -> Studio:
    return Studio(town)


@pytest.fixture
def ann(town: Town) -> Somebody:
    return town.as_("customer", str(uuid4()))


@pytest.fixture
def ben(town: Town) -> Somebody:
    return town.as_("customer", str(uuid4()))


def test_who_waits_sees_their_place_and_by_what_they_have_it(studio, ann, ben):
    first, second = studio.join(ann), studio.join(ben, party=2)
    shown = studio.see(ben, second)
    assert (shown["place"], shown["priority"], shown["skips"], shown["status"]) == (2, 5, 0, "waiting")
    assert [step["what"] for step in shown["steps"]] == ["joined"]
    assert studio.see(ann, first)["place"] == 1
    member = studio.join(studio.town.owner, priority=0)
    assert studio.see(studio.town.owner, member)["place"] == 1
    assert studio.see(ann, first)["place"] == 2


def test_staff_see_the_queue_and_customers_themselves(studio, ann, ben):
    first, second = studio.join(ann), studio.join(ben)
    params = {"session_id": str(studio.session), "min_position": studio.position}
    assert [it["id"] for it in studio.town.owner.get(WAITLIST, params=params).json()["data"]] == [first, second]
    assert [it["id"] for it in ben.get(WAITLIST, params=params).json()["data"]] == [second]
    for other in ({"location_id": str(uuid4())}, {"offering_id": str(uuid4())}, {"session_id": str(uuid4())}):
        assert studio.town.owner.get(WAITLIST, params={**params, **other}).json()["data"] == []
    problem(ann.get(f"{WAITLIST}/{second}", params={"min_position": studio.position}), 404, "unknown_entry")


def test_why_somebody_was_passed_over_is_shown(studio, ann, ben):
    big, small = studio.join(ann, party=2), studio.join(ben)
    studio.free()
    shown = studio.see(ann, big)
    assert shown["skips"] == 1
    skipped = shown["steps"][-1]
    assert (skipped["what"], skipped["in_favour_of"]) == ("skipped", small)
    offered = studio.see(ben, small)
    assert offered["status"] == "offered"
    assert offered["steps"][-1]["walk"] == skipped["walk"]
    assert offered["offered"][0]["units"] == 1


def test_why_somebody_may_not_have_what_fits_is_shown_and_is_no_skip(studio, ben):
    customer = uuid4()
    ann = studio.town.as_("customer", str(customer))
    rule = f"once-{studio.session.hex[:8]}"
    studio.town.do(SetQuotaRule(QuotaRule(rule, "count", 1, what=What(locations=(UUID(studio.location),)))))
    first, second = studio.join(ann), studio.join(ben)
    session = uuid7()
    studio.town.do(ScheduleSession(session, studio.yoga, soon(72), soon(72) + HOUR, 2))
    studio.town.do(BookSeats(uuid7(), session, customer_id=customer, then="confirm"))
    studio.free()
    shown = studio.see(ann, first)
    assert (shown["status"], shown["skips"], shown["place"]) == ("waiting", 0, 1)
    barred = shown["steps"][-1]
    assert (barred["what"], barred["reasons"], barred["rules"]) == ("barred", ["QUOTA"], [rule])
    assert barred["in_favour_of"] == second
    assert [step["what"] for step in studio.see(ben, second)["steps"]] == ["joined", "offer_made"]
    studio.walk()
    assert studio.see(ann, first)["steps"] == shown["steps"], "told once"


def test_an_offer_is_accepted_with_one_call(studio, ann):
    entry = studio.join(ann)
    problem(ann.post(f"{WAITLIST}/{entry}/acceptance"), 422, "no_offer")
    studio.free()
    answer = ann.post(f"{WAITLIST}/{entry}/acceptance", json={}, headers={"idempotency-key": "yes"})
    assert answer.status_code == 200, answer.text
    studio.position = answer.headers["daybook-position"]
    booking = ann.get(f"/api/v1/bookings/{answer.json()['booking_id']}", params={"min_position": studio.position})
    assert booking.json()["status"] == "confirmed"
    assert booking.json()["reference"] == answer.json()["reference"]
    again = ann.post(f"{WAITLIST}/{entry}/acceptance", json={}, headers={"idempotency-key": "yes"})
    assert (again.status_code, again.json()) == (200, answer.json())
    shown = studio.see(ann, entry)
    assert (shown["status"], shown["place"]) == ("accepted", None)


def test_an_offer_is_declined_with_one_call_and_goes_to_the_next(studio, ann, ben):
    first, second = studio.join(ann), studio.join(ben)
    studio.free()
    problem(ann.post(f"{WAITLIST}/{first}/decline", json={"then": "wait"}), 400, "bad_body")
    assert ann.post(f"{WAITLIST}/{first}/decline", json={"reason": "ill"}).status_code == 200
    studio.walk()
    assert studio.see(ann, first)["status"] == "declined"
    assert studio.see(ben, second)["status"] == "offered"


def test_who_waits_no_more_leaves(studio, ann, ben):
    entry = studio.join(ann)
    problem(ben.delete(f"{WAITLIST}/{entry}"), 404, "unknown_entry")
    answer = ann.delete(f"{WAITLIST}/{entry}")
    assert answer.status_code == 200, answer.text
    studio.position = answer.headers["daybook-position"]
    assert studio.see(ann, entry)["status"] == "left"
    problem(ann.delete(f"{WAITLIST}/{entry}"), 404, "unknown_entry")


def test_what_is_set_aside_is_shown(studio, ann):
    settings = studio.town.owner.request("PUT", f"/api/v1/locations/{studio.location}/waitlist", json={"max_skips": 0})
    assert settings.status_code == 200, settings.text
    entry = studio.join(ann, party=2)
    studio.free()
    shown = studio.see(ann, entry)
    assert [piece["units"] for piece in shown["kept"]] == [1]
    assert shown["steps"][-1]["what"] == "earmarked"


def test_somebody_waits_for_one_thing_once(studio, ann):
    entry = studio.join(ann)
    found = problem(ann.post(WAITLIST, json={"session_id": str(studio.session)}), 409, "already_waiting")
    assert found["details"]["entry_id"] == entry


def test_settings_are_for_managers_and_have_bounds(studio, ann):
    url = f"/api/v1/locations/{studio.location}/waitlist"
    problem(ann.request("PUT", url, json={}), 403)
    problem(studio.town.owner.request("PUT", url, json={"max_skips": 101}), 400)
    problem(studio.town.owner.request("PUT", url, json={"mode": "lottery"}), 400)
    offering = studio.town.owner.request("PUT", f"{url}/{studio.yoga}", json={"mode": "broadcast"})
    assert offering.status_code == 200, offering.text
    problem(studio.town.owner.request("PUT", f"{url}/{uuid4()}", json={}), 404, "unknown_offering")


WINDOW = {"first": "2027-06-01", "last": "2027-06-02"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "one_thing"),
        ({"session_id": str(uuid4())}, 404, "unknown_session"),
        ({"offering_id": str(uuid4()), "window": WINDOW}, 404, "unknown_offering"),
        ({"offering_id": str(uuid4())}, 422, "one_thing"),
        ({"session_id": str(uuid4()), "party": 0}, 400, None),
        ({"session_id": str(uuid4()), "party": 10_001}, 400, None),
        ({"session_id": str(uuid4()), "window": {"first": "2027-02-30", "last": "2027-03-01"}}, 400, None),
        ({"session_id": str(uuid4()), "priority": 10}, 400, None),
        ({"session_id": str(uuid4()), "surprise": 1}, 400, None),
    ],
)
def test_what_nobody_can_wait_for(town, body, status, code):
    problem(town.owner.post(WAITLIST, json=body), status, code)


@pytest.mark.parametrize(
    "window",
    [
        {"first": "2027-06-02", "last": "2027-06-01"},
        {"first": "1970-01-01", "last": "2199-12-31"},
        {"first": "2027-06-01", "last": "2027-08-02"},
        {"first": "2027-06-01", "last": "2027-06-01", "opens": 600, "closes": 600},
    ],
)
def test_windows_that_are_none(studio, window):
    body = {"offering_id": str(studio.yoga), "window": window}
    problem(studio.town.owner.post(WAITLIST, json=body), 422, "bad_window")


def test_a_window_that_is_over_is_too_late(studio):
    body = {"offering_id": str(studio.yoga), "window": {"first": "2020-06-01", "last": "2020-06-02"}}
    problem(studio.town.owner.post(WAITLIST, json=body), 422, "too_late_to_wait")


def test_a_window_is_shown_as_it_was_asked_for(studio, ann):
    on = (soon(72) + timedelta(days=1)).date().isoformat()
    window = {"first": on, "last": on, "opens": 540, "closes": 720}
    answer = ann.post(WAITLIST, json={"offering_id": str(studio.yoga), "window": window})
    entry = made(answer)
    studio.position = answer.headers["daybook-position"]
    assert studio.see(ann, entry)["window"] == window
