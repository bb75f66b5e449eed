"""What a guardian does for a dependant: as far as their rights go, and as long as they have them."""

from uuid import uuid4

import pytest
from house import HOUR, Court, Somebody, Town, made, problem, soon
from kin import Kin, person, since


@pytest.fixture
def kin(town: Town) -> Kin:
    return Kin(town)


@pytest.fixture(scope="module")
def court(town: Town) -> Court:
    return town.court(capacity=500)


def booked(court: Court, who: Somebody, child: str, hours: float = 24, then: str = "confirm"):
    return who.post("/api/v1/bookings", json=court.wish(hours, customer_id=child, then=then))


def test_a_guardian_books_sees_moves_and_cancels_for_a_child(town, kin, court):
    kim = kin.child()
    made_ = booked(court, kin.guardian, kim)
    url = f"/api/v1/bookings/{made(made_)}"
    shown = kin.guardian.get(url, params=since(made_)).json()
    assert (shown["customer_id"], shown["status"]) == (kim, "confirmed")
    times = {"starts_at": soon(48).isoformat(), "ends_at": (soon(48) + HOUR).isoformat()}
    items = [{"item": 1, "resource_id": court.resource, **times}]
    moved = kin.guardian.post(f"{url}/reschedule", json={"items": items})
    assert moved.status_code == 200, moved.text
    cancelled = kin.guardian.post(f"{url}/cancellation", json={})
    assert cancelled.status_code == 200, cancelled.text
    history = kin.guardian.get(f"{url}/events", params=since(cancelled)).json()["data"]
    assert {step["actor"]["id"] for step in history} == {kin.ann}, "it is told who did it"
    mine = kin.guardian.get("/api/v1/bookings", params=since(cancelled)).json()["data"]
    assert [it["id"] for it in mine] == [shown["id"]]


def test_what_is_booked_for_a_child_is_the_child_s(town, kin, court):
    kim = kin.child()
    booking = booked(court, kin.guardian, kim)
    url = f"/api/v1/bookings/{made(booking)}"
    assert town.as_("customer", kim).get(url, params=since(booking)).status_code == 200


def test_a_child_does_not_act_for_the_guardian(town, kin, court):
    kim = kin.child()
    own = court.book(24, who=kin.guardian)
    child = town.as_("customer", kim)
    problem(child.get(own.url, params={"min_position": own.position}), 404, "unknown_booking")
    problem(booked(court, child, kin.ann), 403, "somebody_else")


def test_for_anybody_else_nobody_books_and_nobody_is_told_that_they_are_there(town, kin, court):
    kin.child()
    other = Kin(town)
    kim = other.child()
    for somebody in (kim, other.ann, str(uuid4())):
        refused = problem(booked(court, kin.guardian, somebody), 403, "somebody_else")
        assert "for whom your family lets you" in refused["detail"]
    booking = booked(court, other.guardian, kim)
    url = f"/api/v1/bookings/{made(booking)}"
    problem(kin.guardian.get(url, params=since(booking)), 404, "unknown_booking")
    problem(kin.guardian.get(f"{url}/events", params=since(booking)), 404, "unknown_booking")
    problem(kin.guardian.post(f"{url}/cancellation", json={}), 404, "unknown_booking")


def test_each_right_lets_its_own_and_nothing_else(town, kin, court):
    kim, ben = kin.child(), kin.other_guardian()
    him = town.as_("customer", ben)
    held = booked(court, kin.guardian, kim, then="hold")
    url = f"/api/v1/bookings/{made(held)}"

    def may(*rights: str) -> tuple[int, int, int]:
        changed = kin.let(ben, kim, *rights)
        assert changed.status_code == 200, changed.text
        return (
            him.get(url, params=since(changed)).status_code,
            him.post(f"{url}/payment-start", json={}).status_code,
            him.post(f"{url}/hold-extension", json={}).status_code,
        )

    assert may("see") == (200, 404, 404)
    assert may("book") == (404, 404, 200)
    assert may("pay")[:2] == (404, 200)
    assert may()[:2] == (404, 404)


def test_a_right_that_is_withdrawn_is_gone_with_the_next_breath(town, kin, court):
    kim, ben = kin.child(), kin.other_guardian()
    him = town.as_("customer", ben)
    kin.let(ben, kim, "book", "see")
    booking = booked(court, him, kim)
    url = f"/api/v1/bookings/{made(booking)}"
    withdrawn = kin.let(ben, kim)
    problem(booked(court, him, kim, 48), 403, "somebody_else")
    problem(him.post(f"{url}/cancellation", json={}), 404, "unknown_booking")
    problem(him.get(url, params=since(withdrawn)), 404, "unknown_booking")
    assert him.get("/api/v1/bookings", params=since(withdrawn)).json()["data"] == []
    assert kin.guardian.get(url).status_code == 200


def test_who_has_come_of_age_is_somebody_else(town, kin, court):
    kim = kin.child()
    booking = booked(court, kin.guardian, kim)
    url = f"/api/v1/bookings/{made(booking)}"
    of_age = town.as_("staff").post(f"{kin.url}/dependants/{kim}/majority", json={"of_age_on": "2020-01-01"})
    problem(kin.guardian.get(url, params=since(of_age)), 404, "unknown_booking")
    problem(booked(court, kin.guardian, kim, 48), 403, "somebody_else")
    assert town.as_("customer", kim).get(url).status_code == 200


def test_a_guardian_sees_a_child_s_details_and_leaves_them_as_they_are(town, kin):
    """What is known about somebody they say themselves, or staff do: an address is what letters about them go to."""
    answer = kin.guardian.post(f"{kin.url}/dependants", json={"details": {"name": "Kim Reed"}})
    kim = answer.json()["dependant_id"]
    assert kin.guardian.get(f"/api/v1/users/{kim}", params=since(answer)).json()["details"]["name"] == "Kim Reed"
    problem(kin.guardian.patch(f"/api/v1/users/{kim}/details", json={"name": "X"}), 404, "unknown_user")


def test_series_offerings_sessions_and_waiting_are_for_a_child_as_well(town, kin):
    kim, court = kin.child(), town.court()
    owner, guardian = town.owner, kin.guardian
    terms = {"needs": [{"role": "court", "any_of": [court.resource]}], "durations": [60], "step": 60}
    body = {"location_id": court.location, "name": "Tennis", "terms": terms}
    offering = made(owner.post("/api/v1/offerings", json=body))
    first = f"{soon(96):%Y-%m-%d}T09:00"
    wish = {"location_id": court.location, "start": first, "rule": "FREQ=DAILY;COUNT=2", "minutes": 60}
    wish |= {"offering_id": offering, "customer_id": kim}
    series = guardian.post("/api/v1/series", json=wish)
    shown = guardian.get(f"/api/v1/series/{made(series)}", params=since(series))
    assert shown.json()["customer_id"] == kim
    url = f"/api/v1/series/{made(series)}"
    assert len(guardian.get(f"{url}/occurrences", params=since(series)).json()["data"]) == 2
    assert guardian.get(f"{url}/events", params=since(series)).status_code == 200
    stranger = town.as_("customer", person(town))
    for path in (url, f"{url}/occurrences", f"{url}/events"):
        problem(stranger.get(path, params=since(series)), 404, "unknown_series")
    ended = guardian.post(f"{url}/cancellation", json={"scope": "all"})
    assert ended.status_code == 200, ended.text

    times = {"starts_at": soon(48).isoformat(), "ends_at": (soon(48) + HOUR).isoformat()}
    session = made(owner.post("/api/v1/sessions", json={"offering_id": offering, "seats": 1, **times}))
    seat = guardian.post(f"/api/v1/sessions/{session}/bookings", json={"customer_id": kim, "then": "confirm"})
    made(seat)
    other = kin.child()
    waits = guardian.post("/api/v1/waitlist", json={"session_id": session, "customer_id": other})
    entry = made(waits)
    assert guardian.get(f"/api/v1/waitlist/{entry}", params=since(waits)).status_code == 200
    listed = guardian.get("/api/v1/waitlist", params={"location_id": court.location, **since(waits)}).json()["data"]
    assert [it["id"] for it in listed] == [entry]
    problem(stranger.get(f"/api/v1/waitlist/{entry}", params=since(waits)), 404, "unknown_entry")
    assert guardian.delete(f"/api/v1/waitlist/{entry}").status_code == 200


def test_a_guardian_sees_what_a_child_may_still_book(town, kin, court):
    kim = kin.child()
    last = town.owner.patch(f"/api/v1/resources/{court.resource}", json={"name": uuid4().hex})
    where = {"location_id": court.location, **since(last)}
    assert kin.guardian.get(f"/api/v1/customers/{kim}/quotas", params=where).status_code == 200
    assert kin.guardian.get(f"/api/v1/customers/{kin.ann}/quotas", params=where).status_code == 200
    stranger = town.as_("customer", person(town))
    problem(stranger.get(f"/api/v1/customers/{kim}/quotas", params=where), 403, "not_your_quotas")


def test_who_acts_as_a_guardian_has_the_guardian_s_rights(town, kin, court):
    """Support acts as Ann: Ann's rights are what counts, and the history says who it was."""
    kim = kin.child()
    support = town.as_("customer", kin.ann, acting="robin")
    booking = booked(court, support, kim)
    assert booking.status_code == 201, booking.text
