"""What staff set up over HTTP: offerings, pools, sessions, and the calendars of resources and locations."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from house import Town, made, problem, soon

KEY = {"idempotency-key": "once"}


def put(town: Town, url: str, body: Any, **headers: str) -> Any:
    return town.owner.request("PUT", url, json=body, headers=headers)


def shown(town: Town, answer: Any, url: str, **params: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.text
    found = town.owner.get(url, params={"min_position": answer.headers["daybook-position"], **params})
    assert found.status_code == 200, found.text
    return found.json()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def place(town: Town) -> str:
    return town.location("America/New_York", "Pier")


def test_a_resource_says_what_it_has(town, place):
    url = f"/api/v1/resources/{town.resource(place)}"
    put(town, f"{url}/description", {"features": ["lit", "indoor"], "seats": {"least": 1, "most": 4}, "cost": 2})
    put(town, f"{url}/pacing", {"units": 4, "minutes": 20})
    answer = put(town, f"{url}/buffer-mode", {"mode": "shared"})
    now = shown(town, answer, url)
    assert (now["features"], now["seats"], now["cost"]) == (["indoor", "lit"], {"least": 1, "most": 4}, 2)
    assert (now["pacing"], now["buffer_mode"], now["version"]) == ({"units": 4, "minutes": 20}, "shared", 4)
    problem(town.owner.patch(url, json={"capacity": 2}), 422, "shared_needs_one_unit")
    assert shown(town, put(town, f"{url}/pacing", {"units": None}), url)["pacing"] is None
    problem(put(town, f"{url}/description", {"features": ["Big!"]}), 400, "bad_body")
    problem(put(town, f"{url}/description", {"seats": {"least": 4, "most": 1}}), 422, "bad_seats")
    problem(put(town, f"{url}/pacing", {"units": 1}, **{"if-match": '"1"'}), 412, "changed_since")


@pytest.mark.parametrize("kind", ["resources", "locations"])
def test_a_date_has_hours_of_its_own_and_loses_them(town, place, kind):
    url = f"/api/v1/{kind}/{town.resource(place) if kind == 'resources' else town.location()}"
    holiday = {"openings": [{"opens": 600, "closes": 840}]}
    answer = put(town, f"{url}/exceptions/2027-12-24", holiday)
    dates = {"first": "2027-12-01", "last": "2027-12-31"}
    assert shown(town, answer, f"{url}/calendar", **dates)["exceptions"] == [{"date": "2027-12-24", **holiday}]
    again = put(town, f"{url}/exceptions/2027-12-24", holiday)
    assert again.json()["version"] == answer.json()["version"], "asked twice: nothing happened"
    lifted = town.owner.delete(f"{url}/exceptions/2027-12-24")
    assert shown(town, lifted, f"{url}/calendar", **dates)["exceptions"] == []
    for date in ("2027-02-29", "1969-12-31", "2200-01-01", "tomorrow", "2027-1-1", "2027-12-24%0a"):
        problem(put(town, f"{url}/exceptions/{date}", holiday), 400, "bad_path")
    problem(put(town, f"{url}/exceptions/2027-12-24", {"openings": [{"opens": 9, "closes": 9}]}), 422, "bad_hours")
    problem(town.owner.get(f"{url}/calendar", params={"first": "2027-12-02", "last": "2027-12-01"}), 422, "bad_range")
    problem(put(town, f"/api/v1/{kind}/{uuid4()}/exceptions/2027-12-24", holiday), 404)


@pytest.mark.parametrize("kind", ["resources", "locations"])
def test_it_closes_at_local_times_and_opens_again(town, place, kind):
    url = f"/api/v1/{kind}/{town.resource(place) if kind == 'resources' else town.location('America/New_York')}"
    closure = {"starts_at": "2027-07-01T08:00", "ends_at": "2027-07-01T18:00-04:00", "cause": "maintenance"}
    answer = town.owner.post(f"{url}/closures", json=closure, headers={"idempotency-key": f"{kind}"})
    assert answer.status_code == 201, answer.text
    again = town.owner.post(f"{url}/closures", json=closure, headers={"idempotency-key": f"{kind}"})
    assert again.json() == answer.json(), "the same key closes once"
    dates = {"first": "2027-07-01", "last": "2027-07-01"}
    assert shown(town, answer, f"{url}/calendar", **dates)["closures"] == [
        {"id": answer.json()["closure_id"], "starts_at": "2027-07-01T12:00:00Z", "ends_at": "2027-07-01T22:00:00Z",
         "cause": "maintenance"}
    ]  # fmt: skip
    opened = town.owner.delete(f"{url}/closures/{answer.json()['closure_id']}")
    assert shown(town, opened, f"{url}/calendar", **dates)["closures"] == []
    gap = problem(town.owner.post(f"{url}/closures", json=closure | {"starts_at": "2027-03-14T02:30"}), 422)
    assert (gap["code"], gap["details"]["suggestion"]) == ("nonexistent_local_time", "2027-03-14T03:30:00-04:00")
    backwards = {"starts_at": closure["ends_at"], "ends_at": closure["starts_at"]}
    problem(town.owner.post(f"{url}/closures", json=backwards), 422, "empty_period")
    problem(town.owner.post(f"{url}/closures", json=closure | {"cause": "whim"}), 400, "bad_body")
    first = {"starts_at": "1970-01-01T00:00+01:00", "ends_at": "2199-12-31T23:00"}
    problem(town.owner.post(f"{url}/closures", json=first), 422, "out_of_years")


def test_a_capacity_is_another_for_a_while_and_overrides_do_not_overlap(town, place):
    url = f"/api/v1/resources/{town.resource(place, capacity=6)}"
    less = {"starts_at": "2027-07-01T08:00", "ends_at": "2027-07-01T12:00", "capacity": 2}
    answer = town.owner.post(f"{url}/capacity-overrides", json=less)
    assert answer.status_code == 201, answer.text
    overlapping = town.owner.post(f"{url}/capacity-overrides", json=less | {"capacity": 9})
    found = problem(overlapping, 422, "overrides_overlap")
    assert found["details"]["override_id"] == answer.json()["override_id"]
    dates = {"first": "2027-07-01", "last": "2027-07-01"}
    [override] = shown(town, answer, f"{url}/calendar", **dates)["overrides"]
    assert (override["capacity"], override["starts_at"]) == (2, "2027-07-01T12:00:00Z")
    lifted = town.owner.delete(f"{url}/capacity-overrides/{override['id']}")
    assert shown(town, lifted, f"{url}/calendar", **dates)["overrides"] == []
    problem(town.owner.post(f"{url}/capacity-overrides", json=less | {"capacity": -1}), 400, "bad_body")


def test_a_venue_has_hours(town):
    url = f"/api/v1/locations/{town.location()}"
    hours = {"monday": [{"opens": 480, "closes": 1320}]}
    now = shown(town, town.owner.patch(url, json={"name": "Quay", "hours": hours}), url)
    assert (now["name"], now["hours"]["monday"], now["version"]) == ("Quay", hours["monday"], 3)
    assert shown(town, town.owner.patch(url, json={"hours": None}), url)["hours"] is None
    problem(town.owner.patch(url, json={}), 400, "bad_body")


# pools


def test_a_pool_is_formed_changed_and_retired(town, place):
    tables = [town.resource(place) for _ in range(3)]
    wish = {"location_id": place, "name": "Dining room", "members": tables[:2],
            "combinations": [{"resources": tables[:2], "seats": {"least": 3, "most": 6}}]}  # fmt: skip
    answer = town.owner.post("/api/v1/pools", json=wish)
    url = f"/api/v1/pools/{made(answer)}"
    now = shown(town, answer, url)
    assert (now["members"], now["combinations"], now["retired"]) == (tables[:2], wish["combinations"], False)
    changed = put(town, url, {"members": tables}, **{"if-match": answer.headers["etag"]})
    assert (shown(town, changed, url)["members"], shown(town, changed, url)["combinations"]) == (tables, [])
    problem(put(town, url, {"members": tables}, **{"if-match": '"1"'}), 412, "changed_since")
    assert shown(town, town.owner.delete(url), url)["retired"]
    listed = town.owner.get("/api/v1/pools", params={"location_id": place}).json()["data"]
    assert [one["id"] for one in listed] == [url.rpartition("/")[2]]


def test_pools_that_cannot_be(town, place):
    table, lanes = town.resource(place), town.resource(place, capacity=6)
    abroad = town.court().resource
    for members, status, code in (
        ([table, table], 422, "bad_pool"), ([], 400, "bad_body"), ([lanes], 422, "bad_member"),
        ([table, abroad], 422, "bad_member"), ([str(uuid4())], 404, "unknown_resource"),
    ):  # fmt: skip
        wish = {"location_id": place, "name": "X", "members": members}
        problem(town.owner.post("/api/v1/pools", json=wish), status, code)
    problem(town.as_("staff").post("/api/v1/pools", json={"location_id": place, "name": "X", "members": [table]}), 403)


def test_a_member_of_a_pool_is_given_no_more_units_while_it_is_one(town, place):
    one, two = town.resource(place), town.resource(place)
    pool = town.owner.post("/api/v1/pools", json={"location_id": place, "name": "Courts", "members": [one, two]})
    url, stay = f"/api/v1/resources/{one}", f"/api/v1/pools/{made(pool)}"
    found = problem(town.owner.patch(url, json={"capacity": 5}), 422, "pooled_are_one")
    assert found["details"]["pool_ids"] == [pool.json()["id"]]
    more = {"starts_at": "2027-07-01T08:00", "ends_at": "2027-07-01T12:00", "capacity": 2}
    problem(town.owner.post(f"{url}/capacity-overrides", json=more), 422, "pooled_are_one")
    assert town.owner.post(f"{url}/capacity-overrides", json=more | {"capacity": 0}).status_code == 201
    answer = put(town, stay, {"members": [two]}, **{"if-match": pool.headers["etag"]})
    assert (answer.json()["id"], answer.headers["etag"]) == (pool.json()["id"], '"2"')
    grown = town.owner.patch(url, json={"capacity": 5})
    assert shown(town, grown, url)["capacity"] == 5
    assert shown(town, grown, url)["version"] == grown.json()["version"], "every fact moves it on"
    problem(put(town, stay, {"members": [one, two]}), 422, "bad_member")
    problem(town.owner.patch(f"/api/v1/resources/{two}", json={"capacity": 2}), 422, "pooled_are_one")
    assert town.owner.delete(stay).status_code == 200
    assert town.owner.patch(f"/api/v1/resources/{two}", json={"capacity": 2}).status_code == 200


# offerings


@pytest.fixture(scope="module")
def lesson(town: Town, place: str) -> dict[str, Any]:
    needs = [{"role": "court", "any_of": [town.resource(place), town.resource(place)]}]
    return {"location_id": place, "name": "Lesson", "terms": {"needs": needs, "durations": [60]}}


def test_an_offering_is_defined_revised_and_retired(town, lesson):
    answer = town.owner.post("/api/v1/offerings", json=lesson, headers=KEY)
    assert town.owner.post("/api/v1/offerings", json=lesson, headers=KEY).json() == answer.json()
    url = f"/api/v1/offerings/{made(answer)}"
    assert shown(town, answer, url)["terms"] == lesson["terms"], "what is usual is not repeated"
    longer = lesson["terms"] | {"durations": [90, 120], "price": {"amount": 6000, "currency": "EUR"}}
    problem(put(town, f"{url}/terms", longer, **{"if-match": '"9"'}), 412, "changed_since")
    revised = put(town, f"{url}/terms", longer, **{"if-match": answer.headers["etag"]})
    assert shown(town, revised, url)["terms"]["durations"] == [90, 120]
    assert town.owner.patch(url, json={"name": "Long lesson"}).status_code == 200
    gone = town.owner.delete(url)
    now = shown(town, gone, url)
    assert (now["name"], now["retired"], now["version"]) == ("Long lesson", True, 4)
    assert gone.headers["etag"] == '"4"'
    found = town.as_("customer").get("/api/v1/offerings", params={"location_id": lesson["location_id"]}).json()["data"]
    assert url.rpartition("/")[2] in [one["id"] for one in found]


def test_terms_that_cannot_be_kept_are_told_all_at_once(town, lesson):
    wish = lesson | {"terms": lesson["terms"] | {"step": 0, "durations": [0], "price": {"amount": -1, "currency": "€"}}}
    found = problem(town.owner.post("/api/v1/offerings", json=wish), 422, "bad_terms")
    assert [error["field"] for error in found["errors"]] == [
        "terms.durations", "terms.step", "terms.price.amount", "terms.price.currency"
    ]  # fmt: skip
    problem(town.owner.post("/api/v1/offerings", json=lesson | {"terms": {"needs": [], "colour": 1}}), 400, "bad_body")
    nobody = {"needs": [{"role": "court", "any_of": [str(uuid4())]}], "durations": [60]}
    problem(town.owner.post("/api/v1/offerings", json=lesson | {"terms": nobody}), 404, "unknown_resource")
    elsewhere = {"needs": [{"role": "court", "any_of": [town.court().resource]}], "durations": [60]}
    problem(town.owner.post("/api/v1/offerings", json=lesson | {"terms": elsewhere}), 422, "bad_terms")


# sessions


def yoga(town: Town, lesson: dict[str, Any], hours: float, **more: Any) -> dict[str, Any]:
    offering = made(town.owner.post("/api/v1/offerings", json=lesson))
    starts_at = soon(hours)
    return {
        "offering_id": offering, "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=1)).isoformat(), "seats": 12, **more,
    }  # fmt: skip


def test_a_session_is_scheduled_changed_and_called_off(town, lesson):
    room = town.resource(lesson["location_id"])
    cutoff = soon(100).isoformat()
    wish = yoga(town, lesson, 120, resources=[room], min_to_run=4, cutoff_at=cutoff)
    answer = town.owner.post("/api/v1/sessions", json=wish)
    url = f"/api/v1/sessions/{made(answer)}"
    now = shown(town, answer, url)
    assert (now["status"], now["seats"], now["resources"], now["min_to_run"]) == ("scheduled", 12, [room], 4)
    assert now["zone"] == "America/New_York"
    taken = yoga(town, lesson, 120, resources=[room])
    problem(town.owner.post("/api/v1/sessions", json=taken), 409)
    assert shown(town, town.owner.patch(url, json={"seats": 14}), url)["seats"] == 14
    problem(town.owner.patch(url, json={"seats": 3}), 422, "bad_seat_count")
    assert shown(town, town.owner.post(f"{url}/confirmation"), url)["status"] == "confirmed"
    off = town.owner.post(f"{url}/call-off", json={"reason": "storm"})
    assert shown(town, off, url)["status"] == "called_off"
    assert town.owner.post(f"{url}/call-off").json()["version"] == off.json()["version"]
    problem(town.owner.patch(url, json={"seats": 20}), 422, "called_off")
    assert town.owner.post("/api/v1/sessions", json=taken).status_code == 201, "its room is free again"
    params = {"offering_id": wish["offering_id"], "from": soon(119).isoformat(), "to": soon(121).isoformat()}
    assert [one["id"] for one in town.owner.get("/api/v1/sessions", params=params).json()["data"]] == [now["id"]]


def test_sessions_that_cannot_be(town, lesson):
    for wrong, status, code in (
        ({"starts_at": soon(-1).isoformat()}, 422, "session_over"), ({"seats": 0}, 400, "bad_body"),
        ({"min_to_run": 3}, 422, "bad_cutoff"), ({"offering_id": str(uuid4())}, 404, "unknown_offering"),
        ({"resources": [town.court().resource]}, 422, "bad_occupied"),
        ({"ends_at": soon(129).isoformat()}, 422, "empty_period"),
    ):  # fmt: skip
        problem(town.owner.post("/api/v1/sessions", json=yoga(town, lesson, 130) | wrong), status, code)
    wish = yoga(town, lesson, 140)
    town.owner.delete(f"/api/v1/offerings/{wish['offering_id']}")
    problem(town.owner.post("/api/v1/sessions", json=wish), 422, "not_sold")


def test_a_session_occupies_only_what_is_open_and_there(town, lesson):
    room = town.resource(lesson["location_id"], hours={})
    wish = yoga(town, lesson, 150, resources=[room])
    found = problem(town.owner.post("/api/v1/sessions", json=wish), 422, "not_offered")
    assert [reason["code"] for reason in found["reasons"]] == ["OUTSIDE_HOURS"]
    coach = town.resource(lesson["location_id"], kind="staff")
    away = {"starts_at": soon(150).isoformat(), "ends_at": soon(152).isoformat(), "cause": "absence"}
    assert town.owner.post(f"/api/v1/resources/{coach}/closures", json=away).status_code == 201
    found = problem(town.owner.post("/api/v1/sessions", json=wish | {"resources": [coach]}), 422, "not_offered")
    assert [reason["code"] for reason in found["reasons"]] == ["NO_STAFF"]
    later = {"starts_at": soon(152).isoformat(), "ends_at": soon(153).isoformat(), "resources": [coach]}
    assert town.owner.post("/api/v1/sessions", json=wish | later).status_code == 201


def test_sessions_page_by_their_start(town, lesson):
    wish = yoga(town, lesson, 200)
    for n in range(3):
        start = soon(200 + n)
        times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
        answer = town.owner.post("/api/v1/sessions", json=wish | times)
    params = {"offering_id": wish["offering_id"], "limit": "2", "min_position": answer.headers["daybook-position"]}
    first = town.owner.get("/api/v1/sessions", params=params).json()
    rest = town.owner.get("/api/v1/sessions", params=params | {"cursor": first["next"]}).json()
    starts = [one["starts_at"] for one in first["data"] + rest["data"]]
    assert len(starts) == 3
    assert starts == sorted(starts)
    assert rest["next"] is None
