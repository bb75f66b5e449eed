"""What if: the bookings that a change would strand are told, and nothing is recorded."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from house import HOUR, Court, Somebody, Town, made, problem, soon

OFF_HOURS = {day: [{"opens": 0, "closes": 1}] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}


def ask(town: Town, *changes: dict, who: Somebody | None = None, **more: object):
    return (who or town.owner).post("/api/v1/what-if", json={"changes": changes, **more})


def told(town: Town, *changes: dict, **more: object) -> dict:
    answer = ask(town, *changes, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def closing(hours: float, lasting: float = 1, **place: str) -> dict:
    at = soon(hours)
    return {"change": "close", "starts_at": at.isoformat(), "ends_at": (at + lasting * HOUR).isoformat(), **place}


def events(town: Town) -> int:
    ((number,),) = town.sql("SELECT count(*) FROM event_store.event")
    return number


def commands(town: Town) -> int:
    ((number,),) = town.sql("SELECT count(*) FROM event_store.command")
    return number


def caught_up(town: Town, court: Court) -> None:
    """The catalogue knows the resources of the location."""
    last = town.owner.patch(f"/api/v1/resources/{court.resource}", json={"name": f"Court {uuid4().hex[:6]}"})
    town.owner.get("/api/v1/resources", params={"min_position": last.headers["daybook-position"]})


def test_closing_a_court_names_who_is_on_it_then_and_records_nothing(town):
    court = town.court()
    hit, spared = court.book(48), court.book(50)
    before = events(town), commands(town)
    answer = town.owner.post(
        "/api/v1/what-if",
        json={"changes": [closing(48, resource_id=court.resource)]},
        headers={"idempotency-key": uuid4().hex},
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (events(town), commands(town)) == before
    assert found["total"] == 1
    (booking,) = found["data"]
    assert (booking["id"], booking["kind"], booking["status"]) == (hit.id, "booking", "held")
    (item,) = booking["items"]
    assert [reason["code"] for reason in item["reasons"]] == ["CLOSURE"]
    assert spared.now()["status"] == "held"


def test_the_change_is_not_made(town):
    court = town.court()
    told(town, closing(48, resource_id=court.resource))
    court.book(48)


def test_alternatives_are_what_could_be_booked_after_the_change(town):
    court = town.court()
    hit = court.book(72)
    (booking,) = told(town, closing(72, resource_id=court.resource), alternatives=2)["data"]
    assert booking["id"] == hit.id
    starts = [datetime.fromisoformat(slot["starts_at"]) for slot in booking["alternatives"]]
    assert starts == [soon(71), soon(73)]
    assert all(slot["resource_ids"] == [court.resource] for slot in booking["alternatives"])
    assert told(town, closing(72, resource_id=court.resource), alternatives=0)["data"][0]["alternatives"] == []


def test_other_hours_and_a_day_off(town):
    court = town.court()
    hit = court.book(48)
    hours = {"change": "hours", "resource_id": court.resource, "hours": OFF_HOURS}
    assert [it["id"] for it in told(town, hours)["data"]] == [hit.id]
    assert told(town, {**hours, "hours": None})["data"] == []
    for days in (1, 2, 3):  # the local date of a whole hour in two days is one of these, wherever the clock stands
        on = (soon(24 * days)).date().isoformat()
        day = {"change": "date", "resource_id": court.resource, "on": on, "openings": []}
        found = told(town, day)["data"]
        if found:
            assert found[0]["items"][0]["reasons"][0]["code"] == "CLOSED_EXCEPTION"
            break
    else:
        pytest.fail("no date strands it")


def test_less_capacity_names_everybody_in_the_over_full_stretch(town):
    court = town.court(capacity=4)
    first, second, apart = court.book(48, units=2), court.book(48, units=2), court.book(60, units=2)
    found = told(town, {"change": "capacity", "resource_id": court.resource, "capacity": 3})
    assert {it["id"] for it in found["data"]} == {first.id, second.id}
    (reason,) = found["data"][0]["items"][0]["reasons"]
    assert (reason["code"], reason["peak"], reason["capacity"]) == ("CAPACITY", 4, 3)
    assert apart.id not in {it["id"] for it in found["data"]}
    a_while = {
        "change": "capacity", "resource_id": court.resource, "capacity": 1, "starts_at": soon(60).isoformat(),
        "ends_at": soon(61).isoformat(),
    }  # fmt: skip
    assert [it["id"] for it in told(town, a_while)["data"]] == [apart.id]


def test_a_whole_location_may_close(town):
    court = town.court()
    other = Court(town, court.location, town.resource(court.location, name="Court 2"))
    hits = {court.book(48).id, other.book(48).id}
    elsewhere = town.court().book(48)
    caught_up(town, court)
    found = told(town, closing(48, location_id=court.location))
    assert {it["id"] for it in found["data"]} == hits
    assert elsewhere.id not in hits


def test_several_changes_hold_together(town):
    court = town.court()
    other = Court(town, court.location, town.resource(court.location, name="Court 2"))
    hits = {court.book(48).id, other.book(50).id}
    found = told(town, closing(48, resource_id=court.resource), closing(50, resource_id=other.resource))
    assert {it["id"] for it in found["data"]} == hits


def test_how_far_one_looks_ahead_can_be_said(town):
    court = town.court()
    court.book(48)
    close = closing(48, resource_id=court.resource)
    assert told(town, close, until=soon(48).isoformat())["total"] == 0
    assert told(town, close, until=(soon(48) + timedelta(seconds=1)).isoformat())["total"] == 1


def test_what_an_offering_sells_can_move_to_another_court(town):
    location = town.location()
    courts = [town.resource(location, name=f"Court {n}") for n in (1, 2)]
    terms = {"needs": [{"role": "court", "any_of": courts}], "durations": [60], "step": 60}
    offering = made(
        town.owner.post("/api/v1/offerings", json={"location_id": location, "name": "Tennis", "terms": terms})
    )
    held = town.owner.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": soon(48).isoformat()})
    assert held.status_code == 201, held.text
    answer = told(town, closing(48, resource_id=courts[0]), closing(96, resource_id=courts[1]))
    (booking,) = answer["data"]
    assert booking["offering_id"] == offering
    assert datetime.fromisoformat(booking["alternatives"][0]["starts_at"]) == soon(48)
    assert booking["alternatives"][0]["resource_ids"] == [courts[1]]


def test_a_series_may_be_moved_in_a_calendar_that_is_changed(town):
    """Its second week falls into the closure that is supposed with it; without the closure it would be free."""
    court = town.court()
    first = soon(24 * 20).date()
    series = town.owner.post(
        "/api/v1/series",
        json={"location_id": court.location, "start": f"{first}T10:00", "rule": "FREQ=WEEKLY;COUNT=3", "minutes": 60,
              "resources": [{"resource_id": court.resource}]},
    )  # fmt: skip
    assert series.status_code == 201, series.text
    before = events(town)
    move = {"series_id": series.json()["id"], "scope": "all", "at": "12:00"}
    assert [it["verdict"] for it in told(town, move_series=move)["series"]["occurrences"]] == ["free"] * 3
    second = first + timedelta(days=7)
    day = {
        "change": "close",
        "resource_id": court.resource,
        "starts_at": f"{second}T08:00",
        "ends_at": f"{second}T20:00",
    }
    found = told(town, day, move_series=move)
    assert [it["verdict"] for it in found["series"]["occurrences"]] == ["free", "conflict", "free"]
    assert found["total"] == 1
    assert events(town) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"changes": []}, 422),
        ({"changes": [{"change": "close", "starts_at": "2027-01-01T10:00", "ends_at": "2027-01-01T11:00"}]}, 422),
        ({"changes": [{"change": "paint", "resource_id": str(uuid4())}]}, 400),
        ({"changes": [{"change": "capacity", "resource_id": str(uuid4()), "capacity": 2}]}, 404),
        ({"changes": [{"change": "capacity", "resource_id": str(uuid4()), "capacity": 2, "starts_at": "2027-01-01T10:00"}]}, 422),  # noqa: E501
        ({"until": "2027-01-01T10:00", "changes": [{"change": "retire", "resource_id": str(uuid4())}]}, 400),
        ({"alternatives": 11, "changes": [{"change": "retire", "resource_id": str(uuid4())}]}, 400),
    ],
)  # fmt: skip
def test_what_cannot_be_supposed(town, body, status):
    problem(town.owner.post("/api/v1/what-if", json=body), status)


def test_an_empty_while_is_refused_like_the_change_itself(town):
    court = town.court()
    problem(ask(town, closing(48, 0, resource_id=court.resource)), 422, "empty_period")


def test_guests_may_not_look(town):
    court = town.court()
    problem(ask(town, closing(48, resource_id=court.resource), who=town.as_("customer")), 403, "not_permitted")
