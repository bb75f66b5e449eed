"""What belongs to another organization is not here: the same answer as for what never was, over every route."""

import json
import re
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx
import pytest
from house import HOUR, Somebody, Town, made, problem, soon
from litestar.routes import HTTPRoute

from application.identity.accounts import Visit
from application.recorded import Origin
from domain.personal import Clear
from interfaces.http.schema import OPERATION

MEMBERS = ["{resource_id}"]
TIMES = {"starts_at": "2031-01-01T10:00Z", "ends_at": "2031-01-01T11:00Z"}
BODIES: dict[str, Any] = {
    "/api/v1/bookings/{booking_id}/reassignment": {"items": [{"item": 1, "resource_id": "{resource_id}"}]},
    "/api/v1/bookings/{booking_id}/reschedule": {"items": [{"item": 1, "resource_id": "{resource_id}", **TIMES}]},
    "/api/v1/families/{family_id}/guardians": {"user_id": "{user_id}"},
    "/api/v1/issuers/{issuer_id}/users": {"user_id": "{user_id}", "subject": "r2d2"},
    "/api/v1/offerings/{offering_id}/terms": {"needs": [{"role": "court", "any_of": MEMBERS}], "durations": [60]},
    "/api/v1/pools/{pool_id}": {"members": MEMBERS},
    "/api/v1/series/{series_id}/cancellation": {"scope": "all"},
}
"""For those whose documented example names resources, or an occurrence, that are not there."""
DAYS = {"first": "2031-01-01", "last": "2031-01-02"}
CHOSEN = {("PUT", "/api/v1/issuers/{issuer_id}")}
"""Here the caller chooses the id of something new: what others have under it is not touched, as is told below."""
OF_ONESELF = {("DELETE", "/api/v1/account/logins/{login_id}")}
"""A login is its person's, whatever the organization: tests/interfaces/http/test_login.py."""
QUERIES = {
    "/api/v1/customers/{customer_id}/quotas": {"location_id": "{location_id}"},
    "/api/v1/locations/{location_id}/calendar": DAYS,
    "/api/v1/resources/{resource_id}/calendar": DAYS,
    "/api/v1/resources/{resource_id}/occupancy": DAYS,
}
"""What they name is as much theirs, or as little there, as what the address names; so it is in the bodies."""


def login_of(town: Town) -> str:
    """A login that lasts, of an account that is nobody's yet."""
    account, login = uuid4(), uuid4()
    email = town.house.keys.seal(UUID(int=0), f"{account}:email", Clear(account, "robin@example.org"))
    town.house.accounts.begin_account(account, account.bytes, email, "$argon2id$none")
    visit = Visit(Origin("api"), "192.0.2.1")
    town.house.accounts.begin_session(login, account, login.bytes, "password", visit, None)
    return str(login)


@pytest.fixture(scope="module")
def theirs(town: Town) -> dict[str, str]:
    """One of each kind, in the first organization; the caller belongs to the second."""
    owner, court = town.owner, town.court()
    held = court.book(then="confirm")
    held.now()
    location, resource, customer = court.location, court.resource, str(uuid4())
    closed = {"starts_at": "2031-07-01T08:00", "ends_at": "2031-07-03T18:00"}
    less = {"starts_at": "2031-08-01T08:00", "ends_at": "2031-08-01T12:00", "capacity": 0}
    closure = owner.post(f"/api/v1/resources/{resource}/closures", json=closed)
    override = owner.post(f"/api/v1/resources/{resource}/capacity-overrides", json=less)
    owner.put(f"/api/v1/resources/{resource}/exceptions/2031-12-24", json={"openings": []})
    terms = {"needs": [{"role": "court", "any_of": [resource]}], "durations": [60]}
    offering = made(owner.post("/api/v1/offerings", json={"location_id": location, "name": "Yoga", "terms": terms}))
    times = {"starts_at": soon(48).isoformat(), "ends_at": (soon(48) + HOUR).isoformat()}
    session = made(owner.post("/api/v1/sessions", json={"offering_id": offering, "seats": 1, **times}))
    made(owner.post(f"/api/v1/sessions/{session}/bookings", json={"seats": 1, "then": "confirm"}))
    entry = owner.post("/api/v1/waitlist", json={"session_id": session, "customer_id": customer})
    first = f"{soon(72):%Y-%m-%d}T09:00"
    rule = {"location_id": location, "start": first, "rule": "FREQ=WEEKLY;COUNT=3", "minutes": 60}
    party = made(owner.post("/api/v1/parties", json={"kind": "family", "name": "The Reeds"}))
    assert owner.put(f"/api/v1/parties/{party}/members/{customer}").status_code == 200
    pool = {"location_id": location, "name": "Courts", "members": [resource]}
    user_id = made(owner.post("/api/v1/users", json={"role": "staff", "details": {"name": "Robin Reed"}}))
    pool_id = made(owner.post("/api/v1/pools", json=pool))
    family = made(owner.post("/api/v1/families", json={"guardian_id": user_id}))
    child = owner.post(f"/api/v1/families/{family}/dependants", json={}).json()["dependant_id"]
    assert owner.put("/api/v1/consents/photo", json={"version": 1}).status_code == 200
    hold = owner.post(f"/api/v1/users/{user_id}/holds", json={"why": "case 7"})
    made(owner.post(f"/api/v1/users/{user_id}/erasure", json={"basis": "objection"}))  # refused: there is a hold
    program = made(owner.post("/api/v1/users", json={"role": "service"}))
    key = owner.post("/api/v1/api-keys", json={"user_id": program, "name": "till", "scopes": ["read"]})
    issuer = str(uuid4())
    issued = {"url": "https://login.example.org/club", "client_id": "daybook", "by": "subject"}
    assert owner.put(f"/api/v1/issuers/{issuer}", json=issued).status_code == 200
    series = owner.post("/api/v1/series", json=rule | {"resources": [{"resource_id": resource}]})
    return {
        "booking_id": held.id,
        "resource_id": resource,
        "location_id": location,
        "user_id": user_id,
        "login_id": login_of(town),
        "offering_id": offering,
        "session_id": session,
        "pool_id": pool_id,
        "series_id": made(series),
        "entry_id": made(entry),
        "party_id": party,
        "family_id": family,
        "guardian_id": user_id,
        "dependant_id": child,
        "purpose": "photo",
        "customer_id": customer,
        "key_id": made(key),
        "issuer_id": issuer,
        "hold_id": hold.json()["hold_id"],
        "closure_id": closure.json()["closure_id"],
        "override_id": override.json()["override_id"],
        "on": "2031-12-24",
        "field": "name",
        "position": series.headers["daybook-position"],
    }


@pytest.fixture(scope="module")
def other(town: Town) -> str:
    answer = town.as_("platform", organization=None).post("/api/v1/organizations", json={"name": "The others"})
    return str(answer.json()["id"])


@pytest.fixture(scope="module")
def never(theirs: dict[str, str]) -> dict[str, str]:
    """As many ids that never were; a date and a position are no ids."""
    return {name: str(uuid4()) if name.endswith("_id") else value for name, value in theirs.items()}


class Route(NamedTuple):
    method: str
    path: str
    example: Any
    """Of a body; null: none is sent."""


def with_ids(town: Town) -> list[Route]:
    return [
        Route(
            method,
            route.path_format,
            handler.opt[OPERATION].example and BODIES.get(route.path_format, handler.opt[OPERATION].example),
        )
        for route in town.app.routes
        if isinstance(route, HTTPRoute) and "_id}" in route.path_format
        for handler in route.route_handlers
        if OPERATION in handler.opt
        for method in handler.http_methods
        if (method, route.path_format) not in CHOSEN
    ]


def called(who: Somebody, route: Route, ids: dict[str, str], version: str) -> httpx.Response:
    """What an address names and `ids` has not is missing from this test, and a KeyError; what is read is up to date."""
    body = {} if route.example is None else {"json": filled(route.example, ids)}
    query = filled(QUERIES.get(route.path, {}), ids)
    if route.method == "GET":
        query["min_position"] = ids["position"]
    url = route.path.format_map(ids)
    return who.request(route.method, url, params=query, headers={"if-match": version}, **body)


def filled(wish: Any, ids: dict[str, str]) -> Any:
    text = json.dumps(wish)
    for name, value in ids.items():
        text = text.replace(f"{{{name}}}", value)
    return json.loads(text)


def said(answer: httpx.Response) -> dict[str, Any]:
    """All but what differs from one call to the next."""
    return {name: value for name, value in answer.json().items() if name not in ("instance", "version", "position")}


@pytest.mark.parametrize("role", ["owner", "manager", "staff", "service", "customer", "compliance"])
def test_every_id_of_theirs_is_as_unknown_as_one_that_never_was(town, theirs, never, other, role):
    found = with_ids(town)
    assert len(found) >= 75
    stranger = town.as_(role, organization=other)
    for route in found:
        answers = []
        for ids in (theirs, never):
            answer = called(stranger, route, ids, "*")
            assert answer.status_code in (403, 404), (*route, answer.text)
            answers.append(said(answer))
        assert answers[0] == answers[1], route


def test_nor_is_it_known_beneath_what_is_ours(town, theirs, never, other):
    """Where a route names several things, some are ours, and the rest is theirs or never was: that makes no difference.

    Customers are not kept as such, and what is not there can be taken away: these succeed, and say nothing.
    """
    stranger = town.as_("owner", organization=other)
    location = made(stranger.post("/api/v1/locations", json={"name": "Mine", "zone": "UTC"}))
    body = {"location_id": location, "name": "Court", "kind": "court"}
    resource = made(stranger.post("/api/v1/resources", json=body))
    party = stranger.post("/api/v1/parties", json={"kind": "family", "name": "The Roes"})
    ours = {"location_id": location, "resource_id": resource, "party_id": made(party)}
    ours["position"] = party.headers["daybook-position"]
    walked, calm = 0, set()
    for route in with_ids(town):
        names = set(re.findall(r"{(\w+_id)}", json.dumps([route.path, QUERIES.get(route.path), route.example])))
        if names <= ours.keys() or names.isdisjoint(ours):
            continue
        answers = [called(stranger, route, ids | ours, "*") for ids in (theirs, never)]
        assert answers[0].status_code == answers[1].status_code in (200, 404), (*route, answers[0].text)
        assert said(answers[0]) == said(answers[1]), route
        calm |= {route.path} if answers[0].status_code == 200 else set()
        walked += 1
    assert walked >= 11
    assert calm == {
        "/api/v1/customers/{customer_id}/quotas",
        "/api/v1/locations/{location_id}/closures/{closure_id}",
        "/api/v1/parties/{party_id}/members/{customer_id}",
        "/api/v1/resources/{resource_id}/capacity-overrides/{override_id}",
        "/api/v1/resources/{resource_id}/closures/{closure_id}",
    }


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
    times = {"starts_at": soon(48).isoformat(), "ends_at": (soon(48) + HOUR).isoformat()}
    resource = theirs["resource_id"]
    terms = {"needs": [{"role": "court", "any_of": [resource]}], "durations": [60]}
    rule = {"start": f"{soon(72):%Y-%m-%d}T09:00", "rule": "FREQ=WEEKLY;COUNT=3", "minutes": 60}
    window = {"first": "2031-01-01", "last": "2031-01-02"}
    for url, wish, code in (
        ("pools", {"location_id": mine, "name": "X", "members": [resource]}, "unknown_resource"),
        ("pools", {"location_id": theirs["location_id"], "name": "X", "members": [resource]}, "unknown_location"),
        ("offerings", {"location_id": mine, "name": "X", "terms": terms}, "unknown_resource"),
        ("offerings", {"location_id": theirs["location_id"], "name": "X", "terms": terms}, "unknown_location"),
        ("sessions", {"offering_id": theirs["offering_id"], "seats": 1, **times}, "unknown_offering"),
        ("series", {"location_id": mine, "resources": [{"resource_id": resource}], **rule}, "unknown_resource"),
        ("waitlist", {"session_id": theirs["session_id"]}, "unknown_session"),
        ("waitlist", {"offering_id": theirs["offering_id"], "window": window}, "unknown_offering"),
    ):
        problem(stranger.post(f"/api/v1/{url}", json=wish), 404, code)


def test_their_lists_are_empty_for_us(town, theirs, other):
    stranger = town.as_("owner", organization=other)
    for params in ({}, {"resource_id": theirs["resource_id"]}, {"location_id": theirs["location_id"]}):
        assert stranger.get("/api/v1/bookings", params=params).json()["data"] == []
    for url in ("resources", "offerings", "pools", "waitlist"):
        params = {"location_id": theirs["location_id"], "min_position": theirs["position"]}
        assert town.owner.get(f"/api/v1/{url}", params=params).json()["data"] != []
        assert stranger.get(f"/api/v1/{url}", params=params).json()["data"] == []
    assert stranger.get("/api/v1/bookings/counts").json()["data"] == []
    days = {"first": "2026-01-01", "last": "2026-12-31", "resource_id": theirs["resource_id"]}
    assert stranger.get("/api/v1/occupancy", params=days).json()["data"] == []
    assert stranger.get("/api/v1/audit", params={"booking": theirs["booking_id"]}).json()["data"] == []


def test_an_id_of_theirs_that_we_choose_for_something_of_ours_is_ours(town, theirs, other):
    stranger = town.as_("owner", organization=other)
    said = {"url": "https://login.example.org/mine", "client_id": "mine", "by": "subject"}
    assert stranger.put(f"/api/v1/issuers/{theirs['issuer_id']}", json=said).status_code == 200
    params = {"min_position": theirs["position"]}
    (kept,) = town.owner.get("/api/v1/issuers", params=params).json()
    assert kept["client_id"] == "daybook"


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


def test_this_walk_would_see_a_leak(town, theirs, never):
    """The guard must be seen to bark: to their own owner the same ids are known on every route, and no others are."""
    for route in with_ids(town):
        if route[:2] in OF_ONESELF:
            continue
        answer = called(town.owner, route, never, '"99"')
        assert answer.status_code == 404, (*route, answer.text)
        answer = called(town.owner, route, theirs, '"99"')
        assert answer.status_code in (200, 201, 409, 412, 422), (*route, answer.text)
