"""A role may be limited to some locations or resources, and somebody may act for somebody else: what each may do."""

from uuid import UUID, uuid4

import pytest
from house import Court, Held, Somebody, Town, problem, soon


@pytest.fixture(scope="module")
def here(town: Town) -> Court:
    return town.court()


@pytest.fixture(scope="module")
def there(town: Town) -> Court:
    return town.court()


@pytest.fixture(scope="module")
def staff(town: Town, here: Court) -> Somebody:
    """Staff of the one location alone."""
    return town.as_("staff", "ann", within=[UUID(here.location)])


def moved(held: Held, court: Court, hours: float) -> dict[str, object]:
    item = {"item": 1, "resource_id": court.resource, "starts_at": soon(hours).isoformat(),
            "ends_at": soon(hours + 1).isoformat()}  # fmt: skip
    return {"items": [item]}


def test_staff_of_a_location_book_change_and_see_what_is_there(staff, here):
    held = here.book(100, who=staff)
    assert held.step("confirmation", who=staff).status_code == 200
    assert held.now(who=staff)["status"] == "confirmed"
    assert staff.get(f"{held.url}/events").status_code == 200
    assert held.step("reschedule", moved(held, here, 110), who=staff).status_code == 200


def test_elsewhere_they_may_neither_book_nor_change_nor_look(staff, here, there):
    theirs = there.book(100)
    problem(staff.post("/api/v1/bookings", json=there.wish(120)), 403, "out_of_reach")
    problem(theirs.step("confirmation", who=staff), 403, "out_of_reach")
    for url in (theirs.url, f"{theirs.url}/events"):
        problem(staff.get(url, params={"min_position": theirs.position}), 403, "out_of_reach")


def test_nothing_is_moved_over_the_edge_of_what_is_theirs(town, staff, here):
    """Another location's court, and, of the same location, a court of which they are not."""
    held = here.book(130, who=staff, then="confirm")
    other = Court(town, here.location, town.resource(here.location))
    narrow = town.as_("staff", "eva", within=[UUID(other.resource)])
    problem(held.step("reschedule", moved(held, other, 140), who=narrow), 403, "out_of_reach")
    assert held.step("reschedule", moved(held, other, 140), who=staff).status_code == 200
    problem(held.step("reschedule", moved(held, here, 140), who=narrow), 403, "out_of_reach")


def test_a_list_holds_what_is_theirs(town, staff, here, there):
    own, other = here.book(150), there.book(150)
    found = staff.get("/api/v1/bookings", params={"min_position": other.position, "limit": 500}).json()["data"]
    ids = {row["id"] for row in found}
    assert own.id in ids
    assert other.id not in ids
    assert {row["location_id"] for row in found} == {here.location}
    everybody = town.owner.get("/api/v1/bookings", params={"limit": 500}).json()["data"]
    assert {own.id, other.id} <= {row["id"] for row in everybody}


def test_what_is_of_the_whole_organization_is_not_changed_by_who_has_a_part_of_it(town, here, there):
    manager = town.as_("manager", "joe", within=[UUID(here.location)])
    owner = town.as_("owner", "max", within=[UUID(here.location)])
    assert manager.patch(f"/api/v1/resources/{here.resource}", json={"name": "Centre"}).status_code == 200
    problem(manager.patch(f"/api/v1/resources/{there.resource}", json={"name": "No"}), 403, "out_of_reach")
    problem(owner.patch("/api/v1/organizations/current", json={"name": "Mine"}), 403, "out_of_reach")
    problem(owner.get("/api/v1/audit"), 403, "out_of_reach")
    assert manager.get("/api/v1/resources").status_code == 200, "how things are set up everybody may see"


# for somebody else


@pytest.fixture
def ana() -> str:
    return str(uuid4())


def test_who_acts_for_a_customer_has_the_customers_rights_and_is_named(town, here, ana):
    helper = town.as_("customer", ana, acting="ann")
    held = here.book(200, who=helper, then="confirm")
    assert held.now()["customer_id"] == ana
    happened = town.owner.get(f"{held.url}/events", params={"min_position": held.position}).json()["data"]
    assert {event["actor"]["id"] for event in happened} == {"ann"}
    rows = town.sql("SELECT convert_from(metadata, 'UTF8')::jsonb -> 'actor' FROM event_store.event "
                    "WHERE stream = %s", UUID(held.id))  # fmt: skip
    assert all(actor["id"] == "ann" and actor["on_behalf_of"] == ana for (actor,) in rows)


def test_and_no_more_than_those(town, here, ana):
    helper = town.as_("customer", ana, acting="ann")
    other = here.book(210)
    problem(helper.get(other.url, params={"min_position": other.position}), 404, "unknown_booking")
    problem(helper.post("/api/v1/locations", json={"name": "X", "zone": "Europe/Lisbon"}), 403, "not_permitted")


def test_the_customer_sees_and_changes_what_was_done_for_them(town, here, ana):
    held = here.book(220, who=town.as_("customer", ana, acting="ann"))
    own = town.as_("customer", ana)
    assert held.now(who=own)["status"] == "held"
    assert held.undo("hold", who=own).status_code == 200


# coaches, and who is given which places


@pytest.fixture(scope="module")
def coach(town: Town, here: Court) -> Somebody:
    return town.as_("coach", "carla", within=[UUID(here.resource)])


def test_a_coach_sees_and_keeps_the_book_of_what_they_work_with_and_no_more(town, coach, here, there):
    held, other = here.book(1, then="confirm"), there.book(1, then="confirm")
    assert held.now(who=coach)["status"] == "confirmed"
    problem(coach.get(other.url, params={"min_position": other.position}), 403, "out_of_reach")
    problem(coach.post("/api/v1/bookings", json=here.wish(300)), 403, "not_permitted")
    problem(held.step("cancellation", who=coach), 403, "not_permitted")
    problem(other.step("check-in", who=coach), 403, "out_of_reach")
    assert held.step("check-in", who=coach).status_code == 200


def test_a_coach_of_nothing_is_let_in_nowhere(town):
    problem(town.as_("coach", "carla").get("/api/v1/bookings"), 401, "unauthenticated")


def test_a_role_is_given_with_the_places_to_which_it_is_limited(town, here):
    said = {"role": "coach", "within": [here.resource, here.location, here.resource]}
    answer = town.owner.post("/api/v1/users", json=said)
    assert answer.status_code == 201, answer.text
    url = f"/api/v1/users/{answer.json()['id']}"
    change = {"headers": {"if-match": answer.headers["etag"]}}
    assert town.owner.patch(url, json={"role": "staff"}, **change).status_code == 200
    (kept,) = town.sql(
        "SELECT convert_from(state, 'UTF8')::jsonb FROM event_store.event WHERE stream = %s AND version = 1",
        UUID(answer.json()["id"]),
    )
    assert kept[0]["within"] == sorted({here.location, here.resource})


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"role": "coach"}, 422, "coach_of_nothing"),
        ({"role": "customer", "within": [str(UUID(int=7))]}, 404, "no_such_place"),
        ({"role": "staff", "within": [str(UUID(int=7))]}, 404, "no_such_place"),
    ],
)
def test_places_that_are_none_and_roles_that_have_none_are_refused(town, said, status, code):
    problem(town.owner.post("/api/v1/users", json=said), status, code)


def test_customers_come_to_every_place(town, here):
    problem(town.owner.post("/api/v1/users", json={"role": "customer", "within": [here.location]}), 422, "not_limited")
    staff = town.as_("staff", "ann", within=[UUID(here.location)])
    assert staff.post("/api/v1/users", json={"role": "customer"}).status_code == 201


def test_nobody_gives_more_than_they_have(town, here):
    """An owner of one place cannot make an owner of all, neither out of nothing nor out of a customer."""
    limited = town.as_("owner", "max", within=[UUID(here.location)])
    problem(limited.post("/api/v1/users", json={"role": "owner"}), 403, "out_of_reach")
    somebody = town.owner.post("/api/v1/users", json={"role": "customer"})
    url, change = f"/api/v1/users/{somebody.json()['id']}", {"headers": {"if-match": somebody.headers["etag"]}}
    problem(limited.patch(url, json={"role": "owner"}, **change), 403, "out_of_reach")
