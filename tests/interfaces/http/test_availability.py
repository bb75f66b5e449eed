"""What can be booked over HTTP, why not, and that the search, the command and the reasons never disagree."""

from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest
from house import Somebody, Town, made, problem

ZONE = "America/New_York"
SPRING = date(2027, 3, 14)


def opened(town: Town, *resources: dict[str, Any], zone: str = ZONE) -> tuple[str, list[str]]:
    location = town.location(zone)
    return location, [town.resource(location, **one) for one in resources]


def sold(town: Town, location: str, *needs: dict[str, Any], **terms: Any) -> str:
    body = {
        "location_id": location,
        "name": "Lesson",
        "terms": {"needs": needs, "durations": [60], "step": 30, **terms},
    }
    return made(town.owner.post("/api/v1/offerings", json=body))


def latest(town: Town) -> str:
    found: str = town.owner.get("/api/v1/organization").headers.get("daybook-position", "0")
    return found


def asked(who: Somebody, on: date, **params: Any) -> dict[str, Any]:
    """What can be booked that day, once the timetable has learned what was set up."""
    ends = monotonic() + 10
    while True:
        answer = who.get("/api/v1/availability", params={"from": str(on), "to": str(on), **params})
        if answer.status_code == 200 or monotonic() > ends:
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found


def starts(answer: dict[str, Any]) -> list[str]:
    return [one["starts_at"] for one in answer["data"] if "reasons" not in one]


def night(**more: Any) -> dict[str, Any]:
    hours = {day: [{"opens": 0, "closes": 360}] for day in ("saturday", "sunday", "monday")}
    return {"hours": hours, **more}


def test_the_night_of_a_clock_change_has_nine_starts_and_a_typed_one_in_the_gap_is_refused(town: Town) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    found = asked(town.owner, SPRING, offering_id=offering)
    assert starts(found)[:5] == [
        "2027-03-14T00:00:00-05:00", "2027-03-14T00:30:00-05:00", "2027-03-14T01:00:00-05:00",
        "2027-03-14T01:30:00-05:00", "2027-03-14T03:00:00-04:00",
    ]  # fmt: skip
    assert len(starts(found)) == 9
    assert found["data"][3]["ends_at"] == "2027-03-14T03:30:00-04:00"
    refused = town.owner.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": "2027-03-14T02:30"})
    assert problem(refused, 422, "nonexistent_local_time")["details"]["suggestion"] == "2027-03-14T03:30:00-04:00"


def test_every_slot_that_is_shown_can_be_booked_and_nothing_else(town: Town) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]}, before=10, after=20)
    on = date(2027, 1, 10)
    shown = asked(town.owner, on, offering_id=offering, explain=True)["data"]
    assert len(shown) == 11
    booked = town.owner.post(
        f"/api/v1/offerings/{offering}/bookings", json={"starts_at": shown[4]["starts_at"], "then": "confirm"}
    )
    assert booked.status_code == 201, booked.text
    assert booked.json()["status"] == "confirmed"
    after = asked(town.owner, on, offering_id=offering, explain=True)["data"]
    free = [one["starts_at"] for one in after if "reasons" not in one]
    # Each of the others is tried: what is shown as free is booked (and given back), what is not is refused for the
    # very reasons that were shown.
    for one in after:
        answer = town.owner.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": one["starts_at"]})
        if one["starts_at"] in free:
            assert answer.status_code == 201, answer.text
            url = f"/api/v1/bookings/{answer.json()['id']}/hold"
            assert town.owner.delete(url, headers={"if-match": answer.headers["etag"]}).status_code == 200
        else:
            told = problem(answer, 409, "slot_taken")["reasons"]
            assert [reason["code"] for reason in told] == [reason["code"] for reason in one["reasons"]]
    assert [[r["code"] for r in one["reasons"]] for one in after if "reasons" in one] == [
        ["BUFFER"], ["OCCUPIED"], ["OCCUPIED"], ["OCCUPIED"], ["BUFFER"],
    ]  # fmt: skip


def test_a_live_hold_is_told_as_held_and_until_when(town: Town) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    at = "2027-02-07T01:00:00-05:00"
    held = town.owner.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": at})
    assert held.json()["status"] == "held"
    shown = {
        one["starts_at"]: one for one in asked(town.owner, date(2027, 2, 7), offering_id=offering, explain=True)["data"]
    }
    (reason,) = shown[at]["reasons"]
    assert reason["code"] == "HELD"
    assert datetime.fromisoformat(reason["until"]) > datetime.now().astimezone()
    again = town.as_("customer").post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": at})
    assert problem(again, 409, "slot_held")["reasons"][0]["code"] == "HELD"


def test_who_does_it_is_chosen_and_a_wish_for_somebody_is_kept(town: Town) -> None:
    location, (ann, bob, room) = opened(
        town,
        {"name": "Ann", "kind": "staff"},
        {"name": "Bob", "kind": "staff"},
        {"name": "Room", "kind": "room", "capacity": 2},
    )
    offering = sold(town, location, {"role": "staff", "any_of": [ann, bob]}, {"role": "room", "any_of": [room]})
    found = asked(town.owner, date(2027, 1, 11), offering_id=offering)["data"][20]
    assert [one["resource_ids"] for one in found["assignment"]] == [[ann], [room]]
    assert found["remaining"] == 2
    url = f"/api/v1/offerings/{offering}/bookings"
    wish = {"starts_at": found["starts_at"], "resource_ids": [bob], "then": "confirm"}
    mine = town.owner.post(url, json=wish)
    assert mine.status_code == 201, mine.text
    position = mine.json()["position"]
    shown = town.owner.get(f"/api/v1/bookings/{mine.json()['id']}", params={"min_position": position}).json()
    assert {item["resource_id"] for item in shown["items"]} == {bob, room}
    # Bob is taken: whoever wants him is told so, whoever takes anybody gets Ann, and the third gets nobody.
    told = problem(town.owner.post(url, json=wish), 409)["reasons"]
    assert [reason["code"] for reason in told] == ["OCCUPIED"]
    assert town.owner.post(url, json={**wish, "resource_ids": []}).status_code == 201
    told = problem(town.owner.post(url, json={**wish, "resource_ids": []}), 409)["reasons"]
    assert {reason["code"] for reason in told} == {"NO_STAFF", "CAPACITY"}


def test_notice_and_horizon_bind_customers_and_staff_pass_over_them_with_a_reason(town: Town) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]}, notice=60 * 24 * 3, horizon=10)
    soon = (datetime.now().astimezone() + timedelta(days=2)).replace(minute=0, second=0, microsecond=0).isoformat()
    url = f"/api/v1/offerings/{offering}/bookings"
    asked(town.owner, SPRING, offering_id=offering)
    (reason,) = problem(town.owner.post(url, json={"starts_at": soon}), 422, "not_offered")["reasons"]
    assert reason["code"] == "TOO_SOON"
    assert "earliest" in reason
    far = (datetime.now().astimezone() + timedelta(days=40)).replace(minute=0, second=0, microsecond=0).isoformat()
    (reason,) = problem(town.owner.post(url, json={"starts_at": far}), 422, "not_offered")["reasons"]
    assert (reason["code"], "latest" in reason) == ("TOO_FAR", True)
    passing = {"starts_at": soon, "override": True}
    problem(town.owner.post(url, json=passing), 422, "reason_needed")
    problem(town.as_("customer").post(url, json={**passing, "reason": "please"}), 403, "staff_only")
    assert town.owner.post(url, json={**passing, "reason": "regular guest"}).status_code == 201


def test_a_booking_is_moved_over_its_own_time_and_keeps_what_it_is(town: Town) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    asked(town.owner, date(2027, 1, 17), offering_id=offering)
    url = f"/api/v1/offerings/{offering}/bookings"
    mine = town.owner.post(url, json={"starts_at": "2027-01-17T01:00", "then": "confirm"})
    moved = town.owner.post(
        f"/api/v1/bookings/{mine.json()['id']}/move",
        json={"starts_at": "2027-01-17T01:30"},
        headers={"if-match": mine.headers["etag"]},
    )
    assert moved.status_code == 200, moved.text
    shown = asked(town.owner, date(2027, 1, 17), offering_id=offering)
    assert [it[11:16] for it in starts(shown)] == [
        "00:00",
        "00:30",
        "02:30",
        "03:00",
        "03:30",
        "04:00",
        "04:30",
        "05:00",
    ]
    # Its own time is not in its way, which a search for another time takes into account.
    mine_too = asked(town.owner, date(2027, 1, 17), offering_id=offering, moving=mine.json()["id"])
    assert len(starts(mine_too)) == 11


def test_later_terms_do_not_touch_what_was_booked(town: Town) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]}, after=30)
    asked(town.owner, date(2027, 1, 24), offering_id=offering)
    url = f"/api/v1/offerings/{offering}"
    mine = town.owner.post(f"{url}/bookings", json={"starts_at": "2027-01-24T01:00", "then": "confirm"}).json()
    terms = {"needs": [{"role": "court", "any_of": [court]}], "durations": [60], "step": 30}
    revised = town.owner.put(f"{url}/terms", json=terms, headers={"if-match": '"1"'})
    assert revised.status_code == 200, revised.text
    found = asked(town.owner, date(2027, 1, 24), offering_id=offering, min_position=revised.json()["position"])
    assert found["offering_version"] == 2
    assert "2027-01-24T02:00:00-05:00" not in starts(found), "it keeps the half hour that it was made with"
    assert "2027-01-24T02:30:00-05:00" in starts(found)
    (held,) = town.owner.get(f"/api/v1/bookings/{mine['id']}/events", params={"min_position": mine["position"]}).json()[
        "data"
    ][:1]
    assert (held["facts"]["offering_id"], held["facts"]["offering_version"]) == (offering, 1)


def test_many_resources_at_once_each_with_its_own_answer(town: Town) -> None:
    location, courts = opened(town, *[night(name=f"Court {n}") for n in range(3)])
    offering = sold(town, location, {"role": "court", "any_of": courts})
    asked(town.owner, date(2027, 1, 31), offering_id=offering)
    town.owner.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": "2027-01-31T01:00", "then": "confirm"})
    body = {"resource_ids": courts, "from": "2027-01-31", "to": "2027-01-31", "minutes": 60, "step": 60}
    answer = town.owner.post("/api/v1/availability/search", json=body)
    assert answer.status_code == 200, answer.text
    assert [len(one["data"]) for one in answer.json()["data"]] == [5, 6, 6]


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"from": "2027-01-01", "to": "2026-12-31"}, 422, "too_many_days"),
        ({"from": "1970-01-01", "to": "2199-12-31"}, 422, "too_many_days"),
        ({"from": "2027-02-30", "to": "2027-03-01"}, 400, "bad_query"),
        ({"zone": "Mars/Olympus"}, 400, "unknown_zone"),
        ({"minutes": "45"}, 422, "no_such_duration"),
        ({"offering_id": str(uuid4())}, 404, "unknown_offering"),
        ({"party_size": "0"}, 400, "bad_query"),
        ({"resource_id": "", "offering_id": ""}, 400, "bad_query"),
    ],
)
def test_what_cannot_be_answered_is_refused_and_says_why(
    town: Town, params: dict[str, str], status: int, code: str
) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    asked(town.owner, SPRING, offering_id=offering)
    usual = {"from": "2027-01-01", "to": "2027-01-01", "offering_id": offering}
    answer: httpx.Response = town.owner.get("/api/v1/availability", params={**usual, **params})
    problem(answer, status, code)


def test_a_search_for_too_much_is_refused_before_anything_is_read(town: Town) -> None:
    many = [str(uuid4()) for _ in range(200)]
    body = {"resource_ids": many, "from": "2027-01-01", "to": "2027-02-28", "minutes": 1, "step": 1}
    problem(town.owner.post("/api/v1/availability/search", json=body), 422, "too_much_at_once")


def test_a_search_is_measured_by_the_offerings_own_step_and_not_by_what_is_said(town: Town) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]}, step=5)
    asked(town.owner, SPRING, offering_id=offering)
    many = [court, *(str(uuid4()) for _ in range(199))]
    body = {"resource_ids": many, "from": "2027-01-01", "to": "2027-02-28", "offering_id": offering, "step": 1440}
    problem(town.owner.post("/api/v1/availability/search", json=body), 422, "too_much_at_once")


def test_another_organization_sees_nothing_of_it(town: Town) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    asked(town.owner, SPRING, offering_id=offering)
    stranger = town.as_("owner", organization=uuid4())
    params = {"from": "2027-01-01", "to": "2027-01-01", "offering_id": offering}
    problem(stranger.get("/api/v1/availability", params=params), 404)
    problem(stranger.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": "2027-01-24T01:00"}), 404)


def test_a_calendar_asks_for_stretches_and_gets_those_that_are_free(town: Town) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]}, after=30)
    asked(town.owner, date(2027, 2, 14), offering_id=offering)
    town.owner.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": "2027-02-14T01:00", "then": "confirm"})
    body = {"resource_ids": [court], "from": "2027-02-14", "to": "2027-02-14", "spans": True}
    (found,) = town.owner.post("/api/v1/availability/search", json=body).json()["data"]
    assert [(it["starts_at"][11:16], it["ends_at"][11:16]) for it in found["free"]] == [
        ("00:00", "01:00"),
        ("02:30", "06:00"),
    ]


def test_a_customer_holds_three_and_not_a_fourth(town: Town) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    asked(town.owner, date(2027, 2, 21), offering_id=offering)
    somebody = town.as_("customer")
    url = f"/api/v1/offerings/{offering}/bookings"
    for hour in (0, 1, 2):
        assert somebody.post(url, json={"starts_at": f"2027-02-21T0{hour}:00"}).status_code == 201
    problem(somebody.post(url, json={"starts_at": "2027-02-21T03:00"}), 409, "too_many_holds")
    assert somebody.post(url, json={"starts_at": "2027-02-21T03:00", "then": "confirm"}).status_code == 201


def test_a_customer_gets_round_no_rule_by_moving(town: Town) -> None:
    location, (court, other) = opened(town, night(), night(name="Court 2"))
    rule = {"longer_than": 60}
    offering = sold(
        town, location, {"role": "court", "any_of": [court]}, durations=[60, 180], approval={"rules": [rule]}
    )
    asked(town.owner, date(2027, 2, 28), offering_id=offering)
    somebody = town.as_("customer")
    wish = {"starts_at": "2027-02-28T01:00", "minutes": 60, "then": "confirm"}
    mine = somebody.post(f"/api/v1/offerings/{offering}/bookings", json=wish)
    assert mine.json()["status"] == "confirmed", mine.text
    url, etag = f"/api/v1/bookings/{mine.json()['id']}", {"if-match": mine.headers["etag"]}
    # Not onto a resource that the offering does not have, nor past its rules, by naming items...
    item = {"item": 1, "resource_id": other, "starts_at": "2027-02-28T02:07", "ends_at": "2027-02-28T03:07"}
    problem(somebody.post(f"{url}/reschedule", json={"items": [item]}, headers=etag), 422, "moved_by_its_offering")
    # ...nor to what the venue would have had to agree to.
    longer = {"starts_at": "2027-02-28T01:00", "minutes": 180}
    problem(somebody.post(f"{url}/move", json=longer, headers=etag), 422, "needs_agreement")
    moved = somebody.post(f"{url}/move", json={"starts_at": "2027-02-28T01:30"}, headers=etag)
    assert moved.status_code == 200, moved.text
    # Staff may do either.
    assert town.owner.post(f"{url}/move", json=longer, headers={"if-match": moved.headers["etag"]}).status_code == 200


def once_a_day(town: Town, offering: str) -> None:
    window = {"type": "calendar", "per": "day"}
    rule = {"measure": "count", "limit": 1, "window": window, "what": {"offerings": [offering]}}
    answer = town.owner.put(f"/api/v1/quotas/day-{uuid4().hex[:6]}", json=rule)
    assert answer.status_code in (200, 201), answer.text


def codes(one: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in one.get("reasons", ())]


def test_a_search_shows_quotas_like_a_single_question_and_so_does_what_is_taken_anyway(town: Town) -> None:
    location, courts = opened(town, *[night(name=f"Court {n}") for n in range(2)])
    offering = sold(town, location, {"role": "court", "any_of": courts})
    asked(town.owner, date(2027, 3, 7), offering_id=offering)
    once_a_day(town, offering)
    ann = str(uuid4())
    somebody = town.as_("customer", ann)
    mine = somebody.post(
        f"/api/v1/offerings/{offering}/bookings",
        json={"starts_at": "2027-03-07T01:00", "then": "confirm", "resource_ids": courts[:1]},
    )
    position = mine.headers["daybook-position"]
    body = {
        "resource_ids": courts, "from": "2027-03-07", "to": "2027-03-08", "offering_id": offering, "explain": True,
        "min_position": position,
    }  # fmt: skip
    first, second = somebody.post("/api/v1/availability/search", json=body).json()["data"]
    sunday = [one for one in first["data"] if one["starts_at"].startswith("2027-03-07")]
    taken = {one["starts_at"][11:16]: codes(one) for one in sunday}
    assert (taken["00:00"], taken["01:00"], taken["01:30"]) == (["QUOTA"], ["OCCUPIED", "QUOTA"], ["OCCUPIED", "QUOTA"])
    assert {tuple(codes(one)) for one in second["data"] if one.get("local")} == {("QUOTA",)}
    assert sum("reasons" not in one for one in second["data"]) == 11, "Monday is another day"
    # Whom nobody names has no quotas, and staff see those of whom they name.
    staff = town.owner.post("/api/v1/availability/search", json=body).json()["data"]
    assert sum("reasons" not in one for one in staff[1]["data"]) == 22
    named = town.owner.post("/api/v1/availability/search", json={**body, "customer_id": ann}).json()["data"]
    assert named == [first, second]
    single = asked(
        somebody, date(2027, 3, 7), offering_id=offering, resource_id=courts[0], explain=True, min_position=position
    )
    assert [codes(one) for one in single["data"]] == [codes(one) for one in sunday]
    problem(somebody.post("/api/v1/availability/search", json={**body, "customer_id": str(uuid4())}), 403)


def test_what_a_customer_has_at_the_same_time_is_in_the_way_before_they_try(town: Town) -> None:
    location, (court, other) = opened(town, night(), night(name="Court 2"))
    offering = sold(town, location, {"role": "court", "any_of": [court]}, one_at_a_time=True)
    beside = sold(town, location, {"role": "court", "any_of": [other]})
    asked(town.owner, date(2027, 3, 21), offering_id=beside)
    somebody = town.as_("customer")
    wish = {"starts_at": "2027-03-21T01:00", "then": "confirm"}
    mine = somebody.post(f"/api/v1/offerings/{beside}/bookings", json=wish)
    position = mine.headers["daybook-position"]
    found = asked(somebody, date(2027, 3, 21), offering_id=offering, explain=True, min_position=position)
    told = {one["local"][11:]: codes(one) for one in found["data"] if "reasons" in one}
    assert told == {at: ["CUSTOMER_CONFLICT"] for at in ("00:30", "01:00", "01:30")}
    refused = somebody.post(f"/api/v1/offerings/{offering}/bookings", json=wish)
    assert codes(problem(refused, 422, "not_offered")) == ["CUSTOMER_CONFLICT"]
    anybody = asked(town.as_("customer"), date(2027, 3, 21), offering_id=offering)
    assert len(starts(anybody)) == 11


def test_what_would_be_moved_is_an_own_booking_or_unknown(town: Town) -> None:
    location, (court,) = opened(town, night())
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    on = date(2027, 3, 28)
    asked(town.owner, on, offering_id=offering)
    ann, ben = town.as_("customer"), town.as_("customer")
    mine = ann.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": "2027-03-28T01:00", "then": "confirm"})
    position, booking = mine.headers["daybook-position"], mine.json()["id"]
    assert len(starts(asked(ann, on, offering_id=offering, moving=booking, min_position=position))) == 11
    assert len(starts(asked(town.owner, on, offering_id=offering, moving=booking, min_position=position))) == 11
    params = {"from": str(on), "to": str(on), "offering_id": offering}
    body = {**params, "resource_ids": [court]}
    for who, named in ((ben, booking), (ben, str(uuid4())), (ann, str(uuid4())), (town.owner, str(uuid4()))):
        answer = who.get("/api/v1/availability", params={**params, "moving": named})
        problem(answer, 404, "unknown_booking")
        problem(who.post("/api/v1/availability/search", json={**body, "moving": named}), 404, "unknown_booking")
    (found,) = ann.post("/api/v1/availability/search", json={**body, "moving": booking}).json()["data"]
    assert len(found["data"]) == 11


def test_who_names_what_is_no_part_of_an_offering_is_told_so_and_gets_nothing_else_instead(town: Town) -> None:
    location, (court, sauna) = opened(town, night(), night(name="Sauna"))
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    on = date(2027, 4, 4)
    asked(town.owner, on, offering_id=offering)
    assert len(starts(asked(town.owner, on, offering_id=offering, resource_id=court))) == 11
    found = asked(town.owner, on, offering_id=offering, resource_id=sauna, explain=True)["data"]
    assert {(r["code"], r["resource_id"]) for one in found for r in one["reasons"]} == {("DOES_NOT_FIT", sauna)}
    url, wish = f"/api/v1/offerings/{offering}/bookings", {"starts_at": "2027-04-04T01:00"}
    refused = problem(town.owner.post(url, json={**wish, "resource_ids": [court, sauna]}), 422, "not_offered")
    assert [(r["code"], r["resource_id"]) for r in refused["reasons"]] == [("DOES_NOT_FIT", sauna)]
    nothing, dates = str(uuid4()), {"from": str(on), "to": str(on), "offering_id": offering}
    problem(town.owner.get("/api/v1/availability", params={**dates, "resource_id": nothing}), 404, "unknown_resource")
    search = {**dates, "resource_ids": [court, nothing]}
    problem(town.owner.post("/api/v1/availability/search", json=search), 404, "unknown_resource")
    problem(town.owner.post(url, json={**wish, "resource_ids": [court, nothing]}), 404, "unknown_resource")


def test_a_day_s_answer_knows_what_lies_across_its_midnights(town: Town) -> None:
    """What was booked the evening before reaches into it by its own buffer or by the next one's, and what begins late
    runs into what is booked the next morning."""
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]}, step=60, before=15, after=30)
    asked(town.owner, date(2027, 4, 12), offering_id=offering)
    url = f"/api/v1/offerings/{offering}/bookings"
    for at in ("2027-04-11T23:00", "2027-04-12T10:00", "2027-04-13T00:00", "2027-04-14T00:00"):
        booked = town.owner.post(url, json={"starts_at": at, "then": "confirm"})
        assert booked.status_code == 201, booked.text
    shown = asked(town.owner, date(2027, 4, 12), offering_id=offering, explain=True)["data"]
    taken = {one["starts_at"][11:16]: codes(one) for one in shown if "reasons" in one}
    assert taken == {
        "00:00": ["BUFFER"], "09:00": ["BUFFER"], "10:00": ["OCCUPIED"], "11:00": ["BUFFER"], "23:00": ["BUFFER"],
    }  # fmt: skip
    long = sold(town, location, {"role": "court", "any_of": [court]}, step=60, durations=[26 * 60])
    found = asked(town.owner, date(2027, 4, 11), offering_id=long, explain=True)["data"]
    assert {one["starts_at"][11:16] for one in found if "reasons" not in one} == set()
    (late,) = (one for one in found if one["starts_at"][11:16] == "23:00")
    assert codes(late) == ["OCCUPIED"]
    assert late["reasons"][0]["until"] == "2027-04-13T05:00:00Z"


def test_what_starts_before_midnight_is_paced_with_what_starts_behind_it(town: Town) -> None:
    location, (room,) = opened(town, {"capacity": 20})
    paced = town.owner.put(f"/api/v1/resources/{room}/pacing", json={"units": 1, "minutes": 90})
    assert paced.status_code == 200, paced.text
    dinner = sold(town, location, {"role": "room", "any_of": [room]}, step=60)
    asked(town.owner, date(2027, 4, 19), offering_id=dinner, min_position=paced.json()["position"])
    wish = {"starts_at": "2027-04-18T23:00", "then": "confirm"}
    assert town.owner.post(f"/api/v1/offerings/{dinner}/bookings", json=wish).status_code == 201
    shown = asked(town.owner, date(2027, 4, 19), offering_id=dinner, explain=True)["data"]
    assert {one["starts_at"][11:16]: codes(one) for one in shown if "reasons" in one} == {"00:00": ["PACING"]}
