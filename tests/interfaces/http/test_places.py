"""Organizations, locations, resources, users, occupancy and the audit trail over HTTP."""

import threading
from uuid import uuid4

import pytest
from house import Town, problem, soon

from infrastructure import mongo
from infrastructure.postgres.source import Source
from projections.audit.trail import Follower

POLICY = {"hold_minutes": 12, "check_in_early_minutes": 45, "no_show_grace_minutes": 5}


def test_an_organization_is_founded_by_the_platform_alone(town):
    problem(town.owner.post("/api/v1/organizations", json={"name": "Mine"}), 403, "not_permitted")
    platform = town.as_("platform", organization=None)
    key = {"idempotency-key": uuid4().hex}
    made = [platform.post("/api/v1/organizations", json={"name": "Theirs"}, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json() == made[1].json(), "the same key founds one organization"
    problem(platform.get("/api/v1/organizations/current"), 403)


def test_its_name_and_policy_change_together_or_not_at_all(town):
    answer = town.owner.patch("/api/v1/organizations/current", json={"name": "New name", "policy": POLICY})
    assert answer.status_code == 200
    position = {"min_position": answer.headers["daybook-position"]}
    shown = town.owner.get("/api/v1/organizations/current", params=position).json()
    assert (shown["name"], shown["policy"]) == ("New name", shown["policy"] | POLICY)
    problem(town.owner.patch("/api/v1/organizations/current", json={"name": "\u0000", "policy": POLICY | {
        "hold_minutes": 30}}), 422, "bad_name")  # fmt: skip
    assert town.owner.get("/api/v1/organizations/current", params=position).json() == shown
    problem(town.owner.patch("/api/v1/organizations/current", json={}), 400, "bad_body")


def test_a_location_has_a_zone_of_the_iana_database(town):
    for zone in ("Mars/Olympus", "../../etc/passwd", "posixrules", "a\u0000b", "Europe/lisbon "):
        problem(town.owner.post("/api/v1/locations", json={"name": "X", "zone": zone}), 400, "unknown_zone")
    location = town.location("Asia/Kathmandu", "Peak")
    answer = town.owner.patch(f"/api/v1/locations/{location}", json={"name": "Base camp"})
    position = {"min_position": answer.headers["daybook-position"]}
    shown = town.owner.get(f"/api/v1/locations/{location}", params=position)
    assert (shown.json()["name"], shown.json()["zone"]) == ("Base camp", "Asia/Kathmandu")
    assert shown.headers["etag"] == '"2"'
    assert location in [one["id"] for one in town.owner.get("/api/v1/locations").json()["data"]]


def test_a_resource_changes_whole_or_not_at_all(town):
    court = town.court(capacity=3, hours={"monday": [{"opens": 0, "closes": 1440}]})
    url = f"/api/v1/resources/{court.resource}"
    found = problem(
        town.owner.patch(url, json={"name": "Renamed", "hours": {"monday": [{"opens": 5, "closes": 5}]}}), 422
    )
    assert found["code"] == "bad_hours"
    answer = town.owner.patch(url, json={"name": "Renamed", "capacity": 5, "hours": None})
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"4"', "three facts, in one command"
    shown = town.owner.get(url, params={"min_position": answer.headers["daybook-position"]}).json()
    assert (shown["name"], shown["capacity"], shown["hours"]) == ("Renamed", 5, None)
    problem(town.owner.patch(url, json={"capacity": 4}, headers={"if-match": '"1"'}), 412, "changed_since")


def test_a_capacity_below_what_is_in_use_is_a_conflict(town):
    court = town.court(capacity=4)
    court.book(100, units=3, then="confirm")
    answer = town.owner.patch(f"/api/v1/resources/{court.resource}", json={"capacity": 2})
    assert problem(answer, 409, "capacity_in_use")["details"]["in_use"] == 3


def test_a_retired_resource_takes_no_more_bookings(town):
    court = town.court()
    assert town.owner.post(f"/api/v1/resources/{court.resource}/retirement").status_code == 200
    found = problem(town.owner.post("/api/v1/bookings", json=court.wish()), 422, "not_offered")
    assert found["reasons"][0]["code"] == "RETIRED"


def test_occupancy_counts_units_per_local_date(town):
    court = town.court(capacity=5)
    held = court.book(500, units=3, then="confirm")
    day = soon(500).date().isoformat()
    params = {"first": day, "last": day, "min_position": held.position}
    for path in (f"/api/v1/resources/{court.resource}/occupancy", "/api/v1/occupancy"):
        rows = town.owner.get(path, params=params).json()["data"]
        assert [one["units"] for one in rows if one["resource_id"] == court.resource] == [3]
    problem(town.owner.get(f"/api/v1/resources/{uuid4()}/occupancy", params=params), 404, "unknown_resource")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2027-02-30", "2027-03-01"), ("2027-02-29", "2027-03-01"), ("0001-01-01", "0001-01-02"), ("2027-01-01", ""),
        ("yesterday", "today"),
    ],
)  # fmt: skip
def test_occupancy_of_days_that_cannot_be(town, first, last):
    problem(town.owner.get("/api/v1/occupancy", params={"first": first, "last": last}), 400, "bad_query")


@pytest.mark.parametrize(("first", "last"), [("2027-01-02", "2027-01-01"), ("2027-01-01", "2028-12-31")])
def test_occupancy_of_a_range_that_is_none_or_too_long(town, first, last):
    problem(town.owner.get("/api/v1/occupancy", params={"first": first, "last": last}), 422, "bad_range")


def test_users_come_and_go(town):
    answer = town.owner.post("/api/v1/users", json={"role": "staff"})
    assert answer.status_code == 201
    url = f"/api/v1/users/{answer.json()['id']}"
    assert town.owner.patch(url, json={"role": "manager"}).status_code == 200
    assert town.owner.post(f"{url}/deactivation", json={"reason": "left"}).status_code == 200
    problem(town.owner.patch(url, json={"role": "staff"}), 422, "deactivated")
    problem(town.owner.post("/api/v1/users", json={"role": "system"}), 400, "bad_body")
    problem(town.as_("staff").post("/api/v1/users", json={"role": "owner"}), 403, "not_permitted")


def test_the_audit_trail_tells_who_did_what(town: Town):
    settings = town.settings
    follower = Follower(settings.database_url or "", lambda: mongo.writing(settings.mongo_url or ""), Source())
    thread = threading.Thread(target=follower.run, daemon=True)
    thread.start()
    try:
        court = town.court()
        held = court.book(600)
        held.step("confirmation", {"reason": "by phone"}, town.as_("staff", "reception"))
        params = {"booking": held.id, "min_position": held.position}
        page = town.owner.get("/api/v1/audit", params=params).json()
        assert [one["action"] for one in page["data"]] == ["booking.held", "booking.confirmed"]
        assert page["data"][1]["actor"]["id"] == "reception"
        assert page["data"][1]["reason"] == "by phone"
        assert page["data"][1]["changes"] == [{"path": "status", "before": "held", "after": "confirmed"}]
        only = town.owner.get("/api/v1/audit", params=params | {"actor": "reception"}).json()["data"]
        assert [one["action"] for one in only] == ["booking.confirmed"]
        first = town.owner.get("/api/v1/audit", params=params | {"limit": "1"}).json()
        rest = town.owner.get("/api/v1/audit", params=params | {"cursor": first["next"]}).json()
        assert [one["action"] for one in first["data"] + rest["data"]] == ["booking.held", "booking.confirmed"]
        assert town.owner.get("/api/v1/audit", params=params | {"from": soon(10_000).isoformat()}).json()["data"] == []
        problem(town.as_("staff").get("/api/v1/audit", params=params), 403, "not_permitted")
    finally:
        follower.stop()
        thread.join(10)


@pytest.mark.parametrize(
    "params",
    [
        {"actor": '{"$ne": null}'}, {"actor[$ne]": "x"}, {"action": "$where"}, {"action": "booking.*|x"},
        {"booking": "{}"}, {"target_type": "a\u0000b"}, {"from": "2027-01-01T00:00"}, {"sort": "actor"},
    ],
)  # fmt: skip
def test_no_filter_of_the_trail_becomes_an_operator(town, params):
    problem(town.owner.get("/api/v1/audit", params=params), 400, "bad_query")
