"""How things are sold: by themselves or as part of what an offering sells, at any time or by session."""

from typing import Any
from uuid import uuid4

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


def test_a_customer_who_asks_by_name_is_told_that_it_is_not_sold_so(town: Town, court: Court, ann: Somebody) -> None:
    on = soon(48).date().isoformat()
    days = {"from": on, "to": on}
    known = {"min_position": sell(town, court.resource, False)}
    url, by_name = "/api/v1/availability", {"resource_id": court.resource, **days, **known}
    assert ann.get(url, params=by_name).json()["data"] == []
    told = ann.get(url, params={**by_name, "explain": True}).json()["data"]
    assert len(told) == 24
    assert all(it["reasons"][0] == {"code": "NOT_SOLD_BY_ITSELF", "resource_id": court.resource} for it in told)
    search = {"resource_ids": [court.resource], **days, **known}
    (found,) = ann.post(f"{url}/search", json={**search, "spans": True}).json()["data"]
    assert found["free"] == []
    (found,) = ann.post(f"{url}/search", json=search).json()["data"]
    assert found["data"] == []
    guest = town.as_("guest", str(uuid4()))
    answer = guest.get(url, params=by_name)
    assert answer.json().get("data") == [], answer.text
    problem(guest.post("/api/v1/bookings", json=court.wish(48)), 422, "not_sold_by_itself")
    # Staff, who may book it so, and whoever asks for what an offering sells see it free.
    assert len(town.owner.get(url, params=by_name).json()["data"]) == 24
    terms = {"needs": [{"role": "court", "any_of": [court.resource]}], "durations": [60], "step": 60}
    offering = sold(town, court.location, terms)
    answer = ann.get(url, params={"offering_id": offering, "resource_id": court.resource, **days})
    assert len(answer.json()["data"]) == 24
    booked = ann.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": soon(49).isoformat()})
    assert booked.status_code == 201, booked.text


# by session


def sold(town: Town, location: str, terms: dict[str, Any]) -> str:
    """An offering, once the timetable has learned it."""
    answer = town.owner.post("/api/v1/offerings", json={"location_id": location, "name": "Yoga", "terms": terms})
    assert answer.status_code == 201, answer.text
    known = {"min_position": answer.headers["daybook-position"]}
    assert town.owner.get(f"/api/v1/offerings/{answer.json()['id']}", params=known).status_code == 200
    return str(answer.json()["id"])


class Studio:
    """A studio that is sold by session only, and what is scheduled in it."""

    def __init__(self, town: Town, **terms: Any) -> None:
        self.town = town
        self.location = town.location()
        self.room = town.resource(self.location, name="Studio")
        self.terms = {
            "needs": [{"role": "studio", "any_of": [self.room]}], "durations": [60], "step": 30,
            "price": {"amount": 1200, "currency": "EUR", "per": "head"}, "sessions_only": True, **terms,
        }  # fmt: skip
        self.offering = sold(town, self.location, self.terms)

    def schedule(self, hours: float, seats: int = 3) -> str:
        body = {
            "offering_id": self.offering, "starts_at": soon(hours).isoformat(), "ends_at": soon(hours + 1).isoformat(),
            "seats": seats, "resources": [self.room],
        }  # fmt: skip
        answer = self.town.owner.post("/api/v1/sessions", json=body)
        assert answer.status_code == 201, answer.text
        session = str(answer.json()["id"])
        known = {"min_position": answer.headers["daybook-position"]}
        assert self.town.owner.get(f"/api/v1/sessions/{session}", params=known).status_code == 200
        return session

    def shown(self, who: Somebody | None = None, **params: Any) -> list[dict[str, Any]]:
        first, last = soon(-24).date().isoformat(), soon(120).date().isoformat()
        asked = {"offering_id": self.offering, "from": first, "to": last, **params}
        answer = (who or self.town.owner).get("/api/v1/availability", params=asked)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def seats(self, session: str, who: Somebody | None = None, **body: Any) -> Any:
        return (who or self.town.owner).post(f"/api/v1/sessions/{session}/bookings", json={"then": "confirm", **body})


@pytest.fixture
def studio(town: Town) -> Studio:
    return Studio(town)


def test_what_is_sold_by_session_is_booked_at_no_other_time_by_nobody(
    town: Town, studio: Studio, ann: Somebody
) -> None:
    studio.schedule(30)
    url = f"/api/v1/offerings/{studio.offering}/bookings"
    for hours in (30, 40):
        wish = {"starts_at": soon(hours).isoformat()}
        problem(ann.post(url, json=wish), 422, "sold_by_session")
        problem(town.owner.post(url, json={**wish, "override": True, "reason": "a friend"}), 422, "sold_by_session")
    series = {
        "location_id": studio.location, "start": "2027-03-01T18:00", "rule": "FREQ=WEEKLY;COUNT=3",
        "offering_id": studio.offering,
    }  # fmt: skip
    problem(ann.post("/api/v1/series", json=series), 422, "sold_by_session")
    window = {"first": "2027-03-01", "last": "2027-03-02"}
    waiting = {"offering_id": studio.offering, "window": window}
    problem(ann.post("/api/v1/waitlist", json=waiting), 422, "sold_by_session")


def test_availability_answers_with_sessions_and_the_seats_that_are_left(
    town: Town, studio: Studio, ann: Somebody
) -> None:
    assert studio.shown(explain=True) == [], "no free times outside of sessions"
    late, early = studio.schedule(52, seats=5), studio.schedule(28)
    first, last = studio.shown(ann)
    assert (first["session_id"], last["session_id"]) == (early, late)
    assert (first["starts_at"][:13], first["ends_at"][:13]) == (
        soon(28).isoformat()[:13], soon(29).isoformat()[:13],
    )  # fmt: skip
    assert (first["remaining"], last["remaining"], first["price_from"]) == (3, 5, 1200)
    assert first["assignment"] == [{"role": "seat", "resource_ids": [early], "units": 1}]
    # What is shown can be booked: two of three, and then not two more.
    assert studio.seats(early, ann, seats=2).status_code == 201
    assert [it["remaining"] for it in studio.shown(ann)] == [1, 5]
    assert [it["session_id"] for it in studio.shown(ann, party_size=2)] == [late]
    full, _ = studio.shown(ann, party_size=2, explain=True)
    assert full["session_id"] == early
    assert [(it["code"], it["free"], it["capacity"]) for it in full["reasons"]] == [("CAPACITY", 1, 3)]
    problem(studio.seats(early, ann, seats=2), 409, "slot_taken")
    assert studio.seats(early, ann).status_code == 201
    assert [it["session_id"] for it in studio.shown(ann)] == [late]


def test_a_session_that_is_called_off_is_shown_no_more(town: Town, studio: Studio) -> None:
    session = studio.schedule(30)
    off = town.owner.post(f"/api/v1/sessions/{session}/call-off", json={})
    assert off.status_code == 200, off.text
    assert studio.shown(explain=True, min_position=off.headers["daybook-position"]) == []
    problem(studio.seats(session), 422, "called_off")


def test_notice_horizon_and_party_are_told_as_they_refuse(town: Town, ann: Somebody) -> None:
    studio = Studio(town, notice=20 * 60, horizon=2, most_party=2)
    near, good, far = (studio.schedule(hours) for hours in (10, 30, 80))
    told = {it["session_id"]: it.get("reasons", []) for it in studio.shown(ann, explain=True)}
    assert {session: [it["code"] for it in reasons] for session, reasons in told.items()} == {
        near: ["TOO_SOON"], good: [], far: ["TOO_FAR"],
    }  # fmt: skip
    assert [it["session_id"] for it in studio.shown(ann)] == [good]
    for session in (near, far):
        refused = problem(studio.seats(session, ann), 422, "not_offered")
        assert [it["code"] for it in refused["reasons"]] == [it["code"] for it in told[session]]
    problem(studio.seats(good, ann, seats=3), 422, "not_offered")
    assert [it["reasons"][0]["code"] for it in studio.shown(ann, party_size=3, explain=True)][1] == "DOES_NOT_FIT"
    assert studio.seats(near).status_code == 201, "staff may pass over the notice"


def test_what_becomes_sold_by_session_keeps_what_was_sold(town: Town, ann: Somebody) -> None:
    studio = Studio(town, sessions_only=False)
    wish = {"starts_at": soon(30).isoformat(), "then": "confirm"}
    mine = ann.post(f"/api/v1/offerings/{studio.offering}/bookings", json=wish)
    assert mine.status_code == 201, mine.text
    revised = town.owner.put(f"/api/v1/offerings/{studio.offering}/terms", json={**studio.terms, "sessions_only": True})
    assert revised.status_code == 200, revised.text
    url, etag = f"/api/v1/bookings/{mine.json()['id']}", {"if-match": mine.headers["etag"]}
    problem(ann.post(f"{url}/move", json={"starts_at": soon(32).isoformat()}, headers=etag), 422, "sold_by_session")
    assert ann.post(f"{url}/cancellation", json={}, headers=etag).status_code == 200


def test_what_is_sold_no_more_has_no_seats_either(town: Town, studio: Studio, ann: Somebody) -> None:
    session = studio.schedule(30)
    assert town.owner.delete(f"/api/v1/offerings/{studio.offering}").status_code == 200
    problem(studio.seats(session, ann), 422, "not_sold")


def test_seats_that_are_held_are_told_as_held(town: Town, studio: Studio, ann: Somebody) -> None:
    session = studio.schedule(30, seats=1)
    held = studio.seats(session, then="hold")
    assert held.status_code == 201, held.text
    (told,) = studio.shown(ann, explain=True)
    assert [it["code"] for it in told["reasons"]] == ["HELD"]
    problem(studio.seats(session, ann), 409, "slot_held")
