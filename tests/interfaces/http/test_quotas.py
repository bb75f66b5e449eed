"""Quotas over HTTP: rules, groups, and how somebody stands."""

from uuid import UUID, uuid4

import pytest
from house import Somebody, Town, made, problem

WEEK = {"type": "calendar", "per": "week"}
TWO = {"measure": "count", "limit": 2, "window": WEEK}


def put(who: Somebody, url: str, body: object = None):
    return who.request("PUT", f"/api/v1/{url}", **({} if body is None else {"json": body}))


def get(who: Somebody, url: str, after, **params: object):
    answer = who.get(f"/api/v1/{url}", params={"min_position": after.headers["daybook-position"], **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def family(town: Town, *members: str, kind: str = "family") -> str:
    party = made(town.owner.post("/api/v1/parties", json={"kind": kind, "name": "The Reeds"}))
    for member in members:
        assert put(town.owner, f"parties/{party}/members/{member}").status_code == 200
    return party


@pytest.fixture
def name() -> str:
    """Of a rule of one's own: the town is shared."""
    return f"q-{uuid4().hex[:12]}"


def test_a_rule_is_set_shown_changed_and_withdrawn(town, name):
    first = put(town.owner, f"quotas/{name}", TWO)
    assert first.status_code == 200, first.text
    again = put(town.owner, f"quotas/{name}", {**TWO, "limit": 3, "zone": "Europe/Lisbon"})
    assert again.json()["version"] == first.json()["version"] + 1
    (shown,) = [it for it in get(town.as_("staff"), "quotas", again)["data"] if it["name"] == name]
    assert (shown["limit"], shown["zone"], shown["window"]["per"], shown["who"]) == (3, "Europe/Lisbon", "week", {})
    gone = town.owner.delete(f"/api/v1/quotas/{name}")
    assert gone.status_code == 200
    assert name not in [it["name"] for it in get(town.owner, "quotas", gone)["data"]]
    assert town.owner.delete(f"/api/v1/quotas/{name}").status_code == 200  # asked twice


def test_what_was_never_set_cannot_be_withdrawn(town, name):
    put(town.owner, "quotas/some", TWO)
    problem(town.owner.delete(f"/api/v1/quotas/{name}"), 404, "unknown_quota")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"limit": -1}, 400, "bad_body"),
        ({"measure": "smiles"}, 400, "bad_body"),
        ({"window": {"type": "rolling", "days": 0}}, 422, "bad_window"),
        ({"window": {"type": "calendar", "per": "season"}}, 422, "bad_window"),
        ({"window": {"type": "lunar", "days": 1}}, 400, "bad_body"),
        ({"measure": "peak_minutes"}, 422, "bad_peak"),
        ({"zone": "Mars/Olympus"}, 400, "unknown_zone"),
        ({"who": {"kind": "family", "id": str(uuid4())}}, 404, "unknown_party"),
        ({"what": {"resources": [str(uuid4())]}}, 404, "unknown_resource"),
        ({"what": {"offerings": [str(uuid4())]}}, 404, "unknown_offering"),
        ({"what": {"locations": [str(uuid4())]}}, 404, "unknown_location"),
    ],
)
def test_what_cannot_be_a_rule(town, name, change, status, code):
    problem(put(town.owner, f"quotas/{name}", {**TWO, **change}), status, code)


def test_a_name_is_a_short_code(town):
    problem(put(town.owner, "quotas/Two%20a%20week", TWO), 422, "bad_quota_name")


def test_a_rule_names_a_group_of_its_own_kind(town, name):
    plan = family(town, kind="plan")
    problem(put(town.owner, f"quotas/{name}", {**TWO, "who": {"kind": "family", "id": plan}}), 422, "other_kind")
    assert put(town.owner, f"quotas/{name}", {**TWO, "who": {"kind": "plan", "id": plan}}).status_code == 200


@pytest.mark.parametrize("role", ["staff", "customer"])
def test_rules_are_set_by_managers(town, name, role):
    problem(put(town.as_(role), f"quotas/{name}", TWO), 403, "not_permitted")


def test_people_join_and_leave_and_a_party_ends(town):
    ann, ben = str(uuid4()), str(uuid4())
    party = family(town, ann, ben)
    left = town.owner.delete(f"/api/v1/parties/{party}/members/{ann}")
    shown = get(town.owner, f"parties/{party}", left)
    assert (shown["members"], shown["dissolved"], shown["kind"]) == ([ben], False, "family")
    ended = town.owner.delete(f"/api/v1/parties/{party}")
    assert ended.status_code == 200, ended.text
    shown = get(town.owner, f"parties/{party}", ended)
    assert (shown["members"], shown["dissolved"]) == ([], True)
    problem(put(town.owner, f"parties/{party}/members/{ann}"), 422, "party_dissolved")


def test_an_unknown_party(town):
    problem(town.owner.get(f"/api/v1/parties/{uuid4()}"), 404, "unknown_party")
    problem(put(town.owner, f"parties/{uuid4()}/members/{uuid4()}"), 404, "unknown_party")


def test_parties_are_listed_page_by_page(town):
    party, other = family(town), family(town)
    last = put(town.owner, f"parties/{other}/members/{uuid4()}")
    seen, cursor = [], None
    while True:
        page = get(town.owner, "parties", last, limit=1, **({} if cursor is None else {"cursor": cursor}))
        seen += [it["id"] for it in page["data"]]
        if (cursor := page["next"]) is None:
            break
    assert len(seen) == len(set(seen))
    assert {party, other} <= set(seen)


def test_how_somebody_stands_counts_what_they_and_theirs_have_booked(town, name):
    court = town.court()
    ann, ben = str(uuid4()), str(uuid4())
    party = family(town, ann, ben)
    only_here = {"what": {"locations": [court.location]}, "window": None}
    put(town.owner, f"quotas/{name}-ours", {**TWO, **only_here, "who": {"kind": "family", "id": party}})
    put(town.owner, f"quotas/{name}-mine", {**TWO, **only_here, "measure": "minutes", "limit": 600})
    court.book(24, who=town.as_("customer", ann))
    last = court.book(26, who=town.as_("customer", ben), lasting=2)
    shown = town.as_("customer", ann).get(
        f"/api/v1/customers/{ann}/quotas", params={"location_id": court.location, "min_position": last.position}
    )
    assert shown.status_code == 200, shown.text
    found = {it["rule"]: it for it in shown.json()["data"]}
    assert (found[f"{name}-ours"]["used"], found[f"{name}-ours"]["party_id"]) == (2, party)
    assert (found[f"{name}-mine"]["used"], found[f"{name}-mine"]["limit"]) == (60, 600)
    assert found[f"{name}-mine"]["zone"] == "Europe/Lisbon"


def test_what_is_cancelled_in_time_or_has_expired_counts_no_more(town, name):
    court = town.court()
    ann = str(uuid4())
    put(town.owner, f"quotas/{name}", {**TWO, "window": None, "what": {"resources": [court.resource]}})
    kept, cancelled = (court.book(hours, customer_id=ann) for hours in (24, 26))
    for it in (kept, cancelled):
        it.step("confirmation")
    cancelled.step("cancellation")
    court.book(28, customer_id=ann).undo("hold")
    last = town.owner.patch(f"/api/v1/resources/{court.resource}", json={"name": name})
    shown = get(town.owner, f"customers/{ann}/quotas", last, location_id=court.location)
    (found,) = [it for it in shown["data"] if it["rule"] == name]
    assert found["used"] == 1


def test_one_sees_one_s_own_quotas_only(town):
    court = town.court()
    ann = str(uuid4())
    last = town.owner.patch(f"/api/v1/resources/{court.resource}", json={"name": "Court 9"})
    where = {"location_id": court.location, "min_position": last.json()["position"]}
    problem(town.as_("customer").get(f"/api/v1/customers/{ann}/quotas", params=where), 403, "not_your_quotas")
    assert town.as_("staff").get(f"/api/v1/customers/{ann}/quotas", params=where).status_code == 200
    assert town.as_("customer", ann).get(f"/api/v1/customers/{UUID(ann)}/quotas", params=where).status_code == 200


@pytest.mark.parametrize("params", [{}, {"location_id": "x"}, {"location_id": str(UUID(int=1)), "on": "2027-02-30"}])
def test_how_one_stands_is_asked_properly(town, params):
    problem(town.owner.get(f"/api/v1/customers/{uuid4()}/quotas", params=params), 400, "bad_query")
