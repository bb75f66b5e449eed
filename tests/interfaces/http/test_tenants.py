"""What belongs to another organization is not here: the same answer as for what never was, over every route."""

import re
from uuid import uuid4

import pytest
from house import Town, problem
from litestar.routes import HTTPRoute

from interfaces.http.schema import OPERATION

BODIES = {
    "/api/v1/bookings/{booking_id}/reschedule": {
        "items": [{
            "item": 1, "resource_id": str(uuid4()), "starts_at": "2031-01-01T10:00Z", "ends_at": "2031-01-01T11:00Z"
        }]
    },
    "/api/v1/locations/{location_id}": {"name": "Taken over"},
    "/api/v1/resources/{resource_id}": {"name": "Taken over"},
    "/api/v1/users/{user_id}": {"role": "owner"},
}  # fmt: skip
QUERIES = {"/api/v1/resources/{resource_id}/occupancy": {"first": "2031-01-01", "last": "2031-01-02"}}


@pytest.fixture(scope="module")
def theirs(town: Town) -> dict[str, str]:
    """One of each kind, in the first organization; the caller belongs to the second."""
    court = town.court()
    held = court.book(then="confirm")
    held.now()
    user = town.owner.post("/api/v1/users", json={"role": "staff"}).json()["id"]
    return {"booking_id": held.id, "resource_id": court.resource, "location_id": court.location, "user_id": user}


@pytest.fixture(scope="module")
def other(town: Town) -> str:
    answer = town.as_("platform", organization=None).post("/api/v1/organizations", json={"name": "The others"})
    return str(answer.json()["id"])


def with_ids(town: Town) -> list[tuple[str, str]]:
    return [
        (route.path_format, method)
        for route in town.app.routes
        if isinstance(route, HTTPRoute) and "_id}" in route.path_format
        for handler in route.route_handlers
        if OPERATION in handler.opt
        for method in handler.http_methods
    ]


@pytest.mark.parametrize("role", ["owner", "manager", "staff", "service", "customer", "compliance"])
def test_every_id_of_theirs_is_as_unknown_as_one_that_never_was(town, theirs, other, role):
    found = with_ids(town)
    assert len(found) >= 23
    stranger = town.as_(role, organization=other)
    for path, method in found:
        answers = []
        for ids in (theirs, {name: str(uuid4()) for name in theirs}):
            url = re.sub(r"{(\w+)}", lambda name, ids=ids: ids[name[1]], path)
            body = {"json": BODIES.get(path, {})} if method in ("POST", "PATCH") else {}
            answer = stranger.request(method, url, params=QUERIES.get(path), headers={"if-match": "*"}, **body)
            assert answer.status_code in (403, 404), (method, path, answer.text)
            answers.append({name: value for name, value in answer.json().items() if name != "instance"})
        assert answers[0] == answers[1], (method, path)


def test_nor_can_they_be_booked_or_built_upon(town, theirs, other):
    stranger = town.as_("owner", organization=other)
    item = {
        "resource_id": theirs["resource_id"], "starts_at": "2031-01-01T10:00Z", "ends_at": "2031-01-01T11:00Z"
    }  # fmt: skip
    wish = {"location_id": theirs["location_id"], "items": [item]}
    problem(stranger.post("/api/v1/bookings", json=wish), 404, "unknown_location")
    mine = stranger.post("/api/v1/locations", json={"name": "Mine", "zone": "UTC"}).json()["id"]
    problem(stranger.post("/api/v1/bookings", json=wish | {"location_id": mine}), 404, "unknown_resource")
    body = {"location_id": theirs["location_id"], "name": "Annex", "kind": "room"}
    problem(stranger.post("/api/v1/resources", json=body), 404, "unknown_location")


def test_their_lists_are_empty_for_us(town, theirs, other):
    stranger = town.as_("owner", organization=other)
    for params in ({}, {"resource_id": theirs["resource_id"]}, {"location_id": theirs["location_id"]}):
        assert stranger.get("/api/v1/bookings", params=params).json()["data"] == []
    assert stranger.get("/api/v1/resources", params={"location_id": theirs["location_id"]}).json()["data"] == []
    assert stranger.get("/api/v1/bookings/counts").json()["data"] == []
    days = {"first": "2026-01-01", "last": "2026-12-31", "resource_id": theirs["resource_id"]}
    assert stranger.get("/api/v1/occupancy", params=days).json()["data"] == []
    assert stranger.get("/api/v1/audit", params={"booking": theirs["booking_id"]}).json()["data"] == []


def test_their_cursor_and_their_key_lead_nowhere(town, theirs, other):
    """A cursor carries no organization, and a key belongs to one."""
    stranger = town.as_("owner", organization=other)
    court = town.court(capacity=9)
    last = [court.book(300 + n) for n in range(3)][-1]
    params = {"limit": "1", "min_position": last.position}
    cursor = town.owner.get("/api/v1/bookings", params=params).json()["next"]
    assert stranger.get("/api/v1/bookings", params={"cursor": cursor}).json()["data"] == []
    key = {"idempotency-key": uuid4().hex}
    ours = town.owner.post("/api/v1/locations", json={"name": "A", "zone": "UTC"}, headers=key)
    others = stranger.post("/api/v1/locations", json={"name": "A", "zone": "UTC"}, headers=key)
    assert ours.json()["id"] != others.json()["id"]
    assert "idempotent-replayed" not in others.headers


def test_this_walk_would_see_a_leak(town, theirs):
    """The guard must be seen to bark: to their own owner the same ids are known on every route."""
    for path, method in with_ids(town):
        url = re.sub(r"{(\w+)}", lambda name: theirs[name[1]], path)
        body = {"json": BODIES.get(path, {})} if method in ("POST", "PATCH") else {}
        answer = town.owner.request(method, url, params=QUERIES.get(path), headers={"if-match": '"99"'}, **body)
        if "reschedule" not in path:  # which names a resource that never was
            assert answer.status_code != 404, (method, path, answer.text)
