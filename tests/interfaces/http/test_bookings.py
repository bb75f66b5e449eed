"""A booking over HTTP, from its first step to its last."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from house import HOUR, Court, Held, Town, problem, soon


@pytest.fixture(scope="module")
def court(town: Town) -> Court:
    return town.court()


# making one


def test_a_booking_is_made_and_seen_at_once_by_who_names_its_position(town, court):
    answer = town.owner.post("/api/v1/bookings", json=court.wish(1000, then="confirm", party_size=2))
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/api/v1/bookings/{body['id']}"
    assert answer.headers["etag"] == '"2"'
    assert answer.headers["daybook-position"] == body["position"]
    assert body["status"] == "confirmed"
    seen = town.owner.get(answer.headers["location"], params={"min_position": body["position"]})
    assert seen.status_code == 200
    assert seen.headers["etag"] == '"2"'
    shown = seen.json()
    assert shown["reference"] == body["reference"]
    assert shown["items"][0]["zone"] == "Europe/Lisbon"
    assert (shown["status"], shown["party_size"], shown["version"]) == ("confirmed", 2, 2)
    assert shown["position"] == body["position"], "positions are strings: they outgrow what JSON readers can count"


def test_the_position_may_be_named_in_a_header(town, court):
    held = court.book(1010)
    answer = town.owner.get(held.url, headers={"daybook-min-position": held.position})
    assert answer.json()["status"] == "held"


def test_a_position_that_nobody_has_reached_is_503_and_to_be_asked_again(town, court):
    held = court.book(1020)
    answer = town.owner.get(held.url, params={"min_position": "999999999999999999"})
    problem(answer, 503, "view_behind")
    assert answer.headers["retry-after"] == "1"


def test_a_taken_slot_is_a_conflict_that_says_which_and_until_when_and_nothing_of_whose(town, court):
    held = court.book(1030, then="confirm")
    found = problem(town.owner.post("/api/v1/bookings", json=court.wish(1030.5)), 409, "slot_taken")
    (reason,) = found["reasons"]
    assert reason["code"] == "OCCUPIED"
    assert reason["resource_id"] == court.resource
    assert datetime.fromisoformat(reason["until"]) == soon(1031)
    assert held.id not in str(found)


def test_a_held_slot_says_that_it_may_yet_be_free(town, court):
    court.book(1040)
    found = problem(town.owner.post("/api/v1/bookings", json=court.wish(1040)), 409, "slot_held")
    assert found["reasons"][0]["code"] == "HELD"


def test_touching_bookings_do_not_meet(town, court):
    court.book(1050, then="confirm")
    court.book(1051, then="confirm")
    court.book(1049, then="confirm")


def test_all_items_are_held_or_none(town):
    location = town.location()
    one, two = town.resource(location), town.resource(location)
    Court(town, location, two).book(1060, then="confirm")
    both = Court(town, location, one).wish(1060)
    both["items"] += Court(town, location, two).wish(1060)["items"]
    problem(town.owner.post("/api/v1/bookings", json=both), 409, "slot_taken")
    Court(town, location, one).book(1060)


def test_what_is_not_offered_says_every_reason_why(town):
    hours = {"monday": [{"opens": 540, "closes": 1020}]}
    court = town.court(hours=hours)
    elsewhere = town.location()
    wish = court.wish(1000, units=3)
    sunday = soon(24 * 30)
    sunday += timedelta(days=(6 - sunday.weekday()) % 7)
    wish["items"][0] |= {"starts_at": sunday.isoformat(), "ends_at": (sunday + HOUR).isoformat()}
    wish["location_id"] = elsewhere
    found = problem(town.owner.post("/api/v1/bookings", json=wish), 422, "not_offered")
    assert [reason["code"] for reason in found["reasons"]] == ["ELSEWHERE", "OUTSIDE_HOURS", "DOES_NOT_FIT"]


def test_what_is_over_is_too_soon(town, court):
    found = problem(town.owner.post("/api/v1/bookings", json=court.wish(-3)), 422, "not_offered")
    assert found["reasons"][0]["code"] == "TOO_SOON"


def test_customers_book_by_name_what_is_to_come_and_staff_record_what_was(town):
    """Else a stay that began days ago could be had, whoever else would have been there."""
    ann = str(uuid4())
    hers, court = town.as_("customer", ann), town.court()
    begun = court.wish(-48, lasting=50)
    found = problem(hers.post("/api/v1/bookings", json=begun), 422, "not_offered")
    assert [reason["code"] for reason in found["reasons"]] == ["TOO_SOON"]
    held = Held(town, town.owner.post("/api/v1/bookings", json=begun | {"customer_id": ann, "then": "confirm"}))
    item = {"item": 1, **begun["items"][0]}
    earlier = item | {"starts_at": soon(-49).isoformat()}
    problem(held.step("reschedule", {"items": [earlier]}, who=hers), 422, "not_offered")
    longer = item | {"ends_at": soon(3).isoformat()}
    assert held.step("reschedule", {"items": [longer]}, who=hers).status_code == 200, "she may stay for longer"
    assert hers.post("/api/v1/bookings", json=court.wish(4)).status_code == 201


def test_an_item_that_never_was_is_told_as_that(town):
    court = town.court()
    held = court.book(30, then="confirm")
    (item,) = court.wish(30)["items"]
    found = problem(held.step("reschedule", {"items": [{"item": 2, **item}]}), 422, "unknown_item")
    assert found["details"]["item"] == 2
    later = court.wish(31)["items"][0]
    problem(held.step("reschedule", {"items": [{"item": 1, **later}, {"item": 2, **item}]}), 422, "unknown_item")
    assert held.step("reschedule", {"items": [{"item": 1, **later}]}).status_code == 200


def test_a_resource_that_never_was_is_404(town, court):
    wish = court.wish()
    wish["items"][0]["resource_id"] = str(uuid4())
    problem(town.owner.post("/api/v1/bookings", json=wish), 404, "unknown_resource")


# steps


def test_every_step_of_a_visit(town, court):
    """Held, confirmed, moved, amended, arrived, over; and the history tells it in that order."""
    held = court.book(0)
    assert held.step("confirmation", {"reason": "by phone"}).json()["status"] == "confirmed"
    moved = court.wish(0, lasting=2)["items"][0]
    assert held.step("reschedule", {"items": [{"item": 1, **moved}]}).status_code == 200
    assert held.step("amendment", {"party_size": 3}).status_code == 200
    assert held.step("check-in").json()["status"] == "checked_in"
    assert held.step("completion").json()["status"] == "completed"
    assert held.now()["status"] == "completed"
    history = town.owner.get(f"{held.url}/events", params={"min_position": held.position}).json()["data"]
    assert [one["action"].removeprefix("booking.") for one in history] == [
        "held", "confirmed", "rescheduled", "amended", "checked_in", "completed",
    ]  # fmt: skip
    assert [one["version"] for one in history] == [1, 2, 3, 4, 5, 6]
    assert history[1]["reason"] == "by phone"
    assert history[0]["actor"] == {"type": "user", "role": "owner", "id": "owner"}


def test_a_cancellation_and_its_reversal(town, court):
    held = court.book(1070, then="confirm")
    assert held.step("cancellation", {"by": "customer", "reason": "ill"}).json()["status"] == "cancelled"
    other = court.book(1070, then="confirm")
    problem(held.undo("cancellation"), 409, "slot_taken")
    other.step("cancellation")
    assert held.undo("cancellation", reason="mistake").json()["status"] == "confirmed"


def test_nobody_came_or_did_they(town):
    court = town.court()
    held = court.book(0, lasting=1.5, then="confirm")
    if datetime.now(UTC) < soon(0) + timedelta(minutes=14):
        problem(held.step("no-show"), 422, "too_early_for_no_show")
    town.owner.patch("/api/v1/organizations/current", json={"policy": {
        "hold_minutes": 10, "check_in_early_minutes": 30, "no_show_grace_minutes": 0}})  # fmt: skip
    assert held.step("no-show").json()["status"] == "no_show"
    assert held.undo("no-show", to="checked_in").json()["status"] == "checked_in"
    assert held.now()["status"] == "checked_in"


def test_a_hold_is_given_back_and_its_slot_is_free(town, court):
    held = court.book(1080)
    assert held.undo("hold").json()["status"] == "expired"
    court.book(1080)


def test_the_venue_agrees_or_does_not(town, court):
    first, second = court.book(1090, then="request_approval"), court.book(1091)
    assert first.step("approval").json()["status"] == "confirmed"
    assert second.step("approval-request").json()["status"] == "pending_approval"
    assert second.step("decline").json()["status"] == "declined"


def test_asked_twice_nothing_happens_and_the_answer_is_the_same(town, court):
    held = court.book(1100)
    first = held.step("confirmation").json()
    again = held.step("confirmation")
    assert again.status_code == 200
    assert again.json() == first


def test_a_step_that_a_rule_forbids_says_which(town, court):
    held = court.book(1110)
    found = problem(held.step("completion"), 422, "not_checked_in")
    assert found["details"] == {"status": "held"}


# versions


def test_staff_change_a_booking_as_they_saw_it(town, court):
    held = court.book(1120)
    problem(town.owner.post(f"{held.url}/confirmation", json={}), 428, "precondition_required")
    problem(held.step("confirmation", **{"if-match": '"7"'}), 412, "changed_since")
    problem(held.step("confirmation", **{"if-match": "7"}), 400, "bad_header")
    problem(held.step("confirmation", **{"if-match": 'W/"1"'}), 400, "bad_header")
    assert held.step("confirmation", **{"if-match": "*"}).status_code == 200


def test_a_customer_need_not_have_looked(town, court):
    me = str(uuid4())
    customer = town.as_("customer", me)
    held = court.book(1130, who=customer)
    assert customer.post(f"{held.url}/confirmation").json()["status"] == "confirmed"
    assert held.now(customer)["customer_id"] == me


def test_a_customer_sees_and_changes_only_their_own(town, court):
    mine, theirs = court.book(1140, who=town.as_("customer")), court.book(1141)
    stranger = town.as_("customer")
    for held in (mine, theirs):
        town.owner.get(held.url, params={"min_position": held.position})
        problem(stranger.get(held.url), 404, "unknown_booking")
        problem(stranger.get(f"{held.url}/events"), 404, "unknown_booking")
        problem(stranger.post(f"{held.url}/cancellation"), 404, "unknown_booking")
    assert stranger.get("/api/v1/bookings").json() == {"data": [], "next": None}
    problem(stranger.post(f"{mine.url}/check-in"), 403, "not_permitted")
    body = court.wish(1142, customer_id=str(uuid4()))
    problem(stranger.post("/api/v1/bookings", json=body), 403, "somebody_else")


def test_a_customer_is_not_told_which_member_of_the_staff_it_was(town, court):
    me = town.as_("customer")
    held = court.book(1150, who=me)
    held.step("confirmation")
    events = me.get(f"{held.url}/events", params={"min_position": held.position}).json()["data"]
    assert "id" in events[0]["actor"]
    assert events[1]["actor"] == {"type": "user", "role": "owner"}


# times


def test_a_time_without_offset_is_what_the_clock_at_the_location_shows(town):
    for zone in ("Europe/Lisbon", "America/New_York"):
        location = town.location(zone)
        court = Court(town, location, town.resource(location))
        wish = court.wish()
        wish["items"][0] |= {"starts_at": "2031-07-01T18:00", "ends_at": "2031-07-01T19:00:00"}
        answer = town.owner.post("/api/v1/bookings", json=wish)
        item = Held(town, answer).now()["items"][0]
        assert datetime.fromisoformat(item["starts_at"]) == datetime(2031, 7, 1, 18, tzinfo=ZoneInfo(zone))
        assert item["local_start"] == "2031-07-01T18:00"


def new_york(town: Town, starts_at: str, ends_at: str) -> object:
    location = town.location("America/New_York")
    wish = Court(town, location, town.resource(location)).wish()
    wish["items"][0] |= {"starts_at": starts_at, "ends_at": ends_at}
    return town.owner.post("/api/v1/bookings", json=wish)


def test_a_time_that_the_clocks_skip_is_refused_with_the_shifted_one(town):
    found = problem(new_york(town, "2027-03-14T02:30", "2027-03-14T04:30"), 422, "nonexistent_local_time")
    assert found["details"]["suggestion"] == "2027-03-14T03:30:00-04:00"


def test_a_time_that_happens_twice_is_refused_with_both(town):
    found = problem(new_york(town, "2027-11-07T01:30", "2027-11-07T03:30"), 422, "ambiguous_local_time")
    assert found["details"]["choices"] == ["2027-11-07T01:30:00-04:00", "2027-11-07T01:30:00-05:00"]
    assert new_york(town, "2027-11-07T01:30-05:00", "2027-11-07T03:30").status_code == 201


@pytest.mark.parametrize(
    ("starts_at", "status", "code"),
    [
        ("2027-02-30T10:00", 400, "bad_body"),
        ("2027-02-29T10:00", 400, "bad_body"),
        ("2027-03-01T25:00", 400, "bad_body"),
        ("2027-03-01", 400, "bad_body"),
        ("next tuesday", 400, "bad_body"),
        ("1899-01-01T00:00", 400, "bad_body"),
        ("1970-01-01T00:00:00+23:59", 400, "time_out_of_range"),
        ("2199-12-31T23:59:59-23:59", 400, "time_out_of_range"),
        ("2027-03-01T10:00+24:00", 400, "bad_body"),
        ("٢٠٢٧-03-01T10:00", 400, "bad_body"),
        ("2027-03-01T10:00\n", 400, "bad_body"),
        ("", 400, "bad_body"),
    ],
)
def test_times_that_cannot_be(town, court, starts_at, status, code):
    wish = court.wish(1160)
    wish["items"][0]["starts_at"] = starts_at
    found = problem(town.owner.post("/api/v1/bookings", json=wish), status, code)
    if code == "bad_body":
        assert found["errors"][0]["field"] == "items[0].starts_at"


def test_an_end_before_its_start(town, court):
    wish = court.wish(1170)
    item = wish["items"][0]
    item["starts_at"], item["ends_at"] = item["ends_at"], item["starts_at"]
    problem(town.owner.post("/api/v1/bookings", json=wish), 422, "empty_period")


# the same again


def test_a_key_makes_a_request_safe_to_repeat(town, court):
    body, key = court.wish(1180, then="confirm"), {"idempotency-key": uuid4().hex}
    first = town.owner.post("/api/v1/bookings", json=body, headers=key)
    again = town.owner.post("/api/v1/bookings", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    for name in ("location", "etag", "daybook-position"):
        assert first.headers[name] == again.headers[name]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


def test_another_body_under_the_same_key_is_refused(town, court):
    key = {"idempotency-key": uuid4().hex}
    town.owner.post("/api/v1/bookings", json=court.wish(1190), headers=key)
    problem(town.owner.post("/api/v1/bookings", json=court.wish(1191), headers=key), 422, "key_used_differently")


def test_a_key_belongs_to_its_caller_and_its_route(town, court):
    key = {"idempotency-key": uuid4().hex}
    made = {
        town.as_("owner", who).post("/api/v1/bookings", json=court.wish(hours), headers=key).json()["id"]
        for who, hours in (("ann", 1200), ("bob", 1201))
    }
    assert len(made) == 2
    answer = town.as_("owner", "ann").post("/api/v1/users", json={"role": "staff"}, headers=key)
    assert answer.status_code == 201


def test_a_step_repeated_with_its_key_is_answered_as_then_although_it_has_been_changed_since(town, court):
    held = court.book(1210)
    key, seen = {"idempotency-key": uuid4().hex}, held.etag
    first = held.step("confirmation", **key)
    held.step("amendment", {"party_size": 9})
    again = town.owner.post(f"{held.url}/confirmation", json={}, headers={"if-match": seen, **key})
    assert again.status_code == 200
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


def test_a_refusal_is_not_remembered(town, court):
    first = court.book(1220)
    body, key = court.wish(1220), {"idempotency-key": uuid4().hex}
    problem(town.owner.post("/api/v1/bookings", json=body, headers=key), 409)
    first.undo("hold")
    assert town.owner.post("/api/v1/bookings", json=body, headers=key).status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "tab\there"])
def test_a_key_is_visible_ascii(town, court, key):
    answer = town.owner.post("/api/v1/bookings", json=court.wish(1230), headers={"idempotency-key": key.encode()})
    assert problem(answer, 400, "bad_header")["errors"][0]["field"] == "Idempotency-Key"


# lists


def test_pages_lead_through_all_bookings_once_and_in_order(town):
    court = town.court(capacity=3)
    made = [court.book(2000 + n, then="confirm") for n in range(7)]
    found, cursor = [], None
    for _ in range(10):
        params = {"limit": "3", "resource_id": court.resource, "min_position": made[-1].position}
        page = town.owner.get("/api/v1/bookings", params=params | ({"cursor": cursor} if cursor else {})).json()
        found += [booking["id"] for booking in page["data"]]
        if (cursor := page["next"]) is None:
            break
    assert found == [booking.id for booking in made]


def test_bookings_are_found_by_what_is_known_of_them(town):
    court = town.court()
    early, late = court.book(2100, then="confirm"), court.book(2110)
    shown = late.now()

    def found(**params: str) -> list[str]:
        params |= {"location_id": court.location, "min_position": late.position}
        return [one["id"] for one in town.owner.get("/api/v1/bookings", params=params).json()["data"]]

    assert found() == [early.id, late.id]
    assert found(status="held") == [late.id]
    assert found(reference=shown["reference"]) == [late.id]
    assert found(**{"from": soon(2105).isoformat()}) == [late.id]
    assert found(to=soon(2110).isoformat()) == [early.id]
    assert found(customer_id=str(uuid4())) == []
    counts = town.owner.get("/api/v1/bookings/counts", params={"location_id": court.location}).json()["data"]
    assert {(one["status"], one["bookings"]) for one in counts} == {("held", 1), ("confirmed", 1)}


@pytest.mark.parametrize(
    "cursor", ["garbage", "W10", "bnVsbA", "WyIyMDI3LTAxLTAxIiwgMV0", "e30", "____", "a" * 1024, "WyJcdTAwMDAiXQ"]
)
@pytest.mark.parametrize("path", ["bookings", "resources", "locations", "audit"])
def test_a_cursor_that_was_not_made_here(town, path, cursor):
    problem(town.owner.get(f"/api/v1/{path}", params={"cursor": cursor}), 400, "bad_cursor")


def test_who_leaves_before_the_start_leaves_the_whole_hour_to_others(town):
    court = town.court()
    starts_at = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=10)
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + HOUR).isoformat()}
    wish = {"location_id": court.location, "items": [{"resource_id": court.resource, **times}], "then": "confirm"}
    held = Held(town, town.owner.post("/api/v1/bookings", json=wish))
    assert held.step("check-in").status_code == 200
    problem(town.owner.post("/api/v1/bookings", json=wish), 409, "slot_taken")
    assert held.step("check-out").json()["status"] == "completed"
    assert town.owner.post("/api/v1/bookings", json=wish).status_code == 201
    assert held.now()["status"] == "completed"
