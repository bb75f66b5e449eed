"""What if: the bookings that a change would strand are told, and nothing is recorded."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from house import HOUR, Court, Somebody, Town, made, problem, soon
from uuid_utils.compat import uuid7

from application.booking.placing import BookSeats
from application.offering.commands import ScheduleSession
from application.waitlist.commands import JoinWaitlist, SetWaitlist, WalkTimes
from domain.waitlist.events import Settings

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


def sold(town: Town, location: str, *needs: dict, **terms: object) -> str:
    body = {
        "location_id": location,
        "name": "Tennis",
        "terms": {"needs": needs, "durations": [60], "step": 60, **terms},
    }
    return made(town.owner.post("/api/v1/offerings", json=body))


def booked(town: Town, offering: str, hours: float = 48, **wish: object) -> str:
    return made(
        town.owner.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": soon(hours).isoformat(), **wish})
    )


def codes(hit: dict) -> list[str]:
    return [reason["code"] for reason in [*hit["reasons"], *(it for item in hit["items"] for it in item["reasons"])]]


def clubs(town: Town, number: int = 2, **more: object) -> tuple[str, list[str]]:
    location = town.location()
    return location, [town.resource(location, name=f"Court {n}", **more) for n in range(1, number + 1)]


def test_pacing_names_everybody_who_would_start_together(town):
    court = town.court(capacity=10)
    hits = {court.book(48, units=2).id, court.book(48, units=2).id}
    court.book(49, units=2)
    pacing = {"change": "pacing", "resource_id": court.resource, "units": 3}
    found = told(town, pacing)
    assert {it["id"] for it in found["data"]} == hits
    assert [codes(it) for it in found["data"]] == [["PACING"], ["PACING"]]
    assert told(town, {**pacing, "units": 4})["total"] == 0
    assert told(town, {**pacing, "units": None})["total"] == 0


def test_a_booking_by_name_may_have_another_of_its_kind_at_its_own_time(town):
    location, (first, second) = clubs(town)
    town.resource(location, name="Sauna", kind="sauna")
    court = Court(town, location, first)
    hit = court.book(48)
    caught_up(town, Court(town, location, second))
    caught_up(town, court)
    (found,) = told(town, closing(48, resource_id=first))["data"]
    assert found["id"] == hit.id
    nearest = found["alternatives"][0]
    assert datetime.fromisoformat(nearest["starts_at"]) == soon(48)
    assert nearest["resource_ids"] == [second]


def test_a_court_that_leaves_its_pool_strands_who_was_to_play_on_it(town):
    location, courts = clubs(town)
    pool = made(town.owner.post("/api/v1/pools", json={"location_id": location, "name": "Courts", "members": courts}))
    offering = sold(town, location, {"role": "court", "pool_id": pool})
    ids = [booked(town, offering, resource_ids=[court]) for court in courts]
    fewer = {"change": "pool", "pool_id": pool, "members": courts[1:]}
    (found,) = told(town, fewer)["data"]
    assert (found["id"], codes(found)) == (ids[0], ["DOES_NOT_FIT"])
    assert {it for one in found["alternatives"] for it in one["resource_ids"]} == {courts[1]}
    assert soon(48) not in [datetime.fromisoformat(it["starts_at"]) for it in found["alternatives"]], "it is taken"
    assert told(town, {**fewer, "members": courts})["total"] == 0
    assert [it["id"] for it in told(town, {"change": "retire_pool", "pool_id": pool})["data"]] == sorted(ids)


def test_a_smaller_table_strands_the_party_and_another_table_is_found(town):
    location = town.location()
    tables = [town.resource(location, name=f"T{n}", kind="table") for n in (1, 2)]
    for one in tables:
        put = town.owner.put(f"/api/v1/resources/{one}/description", json={"seats": {"least": 1, "most": 4}})
        assert put.status_code == 200, put.text
    pool = made(town.owner.post("/api/v1/pools", json={"location_id": location, "name": "Room", "members": tables}))
    dinner = sold(town, location, {"role": "table", "pool_id": pool, "tables": True})
    four = booked(town, dinner, party_size=4, resource_ids=[tables[0]])
    smaller = {"change": "describe", "resource_id": tables[0], "seats": {"least": 1, "most": 3}}
    (found,) = told(town, smaller)["data"]
    assert (found["id"], codes(found)) == (four, ["DOES_NOT_FIT"])
    assert found["alternatives"][0]["resource_ids"] == [tables[1]]
    assert datetime.fromisoformat(found["alternatives"][0]["starts_at"]) == soon(48)
    assert told(town, {**smaller, "seats": {"least": 1, "most": 4}})["total"] == 0


def test_other_terms_name_what_could_not_be_booked_so_any_more_and_what_it_is_worth(town):
    location, courts = clubs(town, capacity=5)
    need = {"role": "court", "any_of": courts}
    price = {"amount": 1250, "currency": "EUR", "per": "head"}
    offering = sold(town, location, need, price=price)
    pair, four = booked(town, offering, 48, party_size=2), booked(town, offering, 49, party_size=4)
    terms = {"needs": [need], "durations": [60], "step": 60, "most_party": 3, "price": {**price, "amount": 9999}}
    change = {"change": "terms", "offering_id": offering, "terms": terms}
    found = told(town, change)
    (hit,) = found["data"]
    assert (hit["id"], codes(hit), hit["price"], hit["currency"]) == (four, ["DOES_NOT_FIT"], 5000, "EUR")
    assert (found["money"], found["unpriced"]) == ([{"currency": "EUR", "amount": 5000, "bookings": 1}], 0)
    assert hit["alternatives"] == [], "for so many it is sold no more"
    assert told(town, {**change, "terms": {**terms, "most_party": 4}})["total"] == 0
    court = Court(town, location, courts[0]).book(50)
    gone = told(town, {"change": "retire_offering", "offering_id": offering}, closing(50, resource_id=courts[0]))
    assert {it["id"]: codes(it) for it in gone["data"]} == {pair: ["RETIRED"], four: ["RETIRED"], court.id: ["CLOSURE"]}
    assert gone["money"] == [{"currency": "EUR", "amount": 7500, "bookings": 2}]
    assert gone["unpriced"] == 1


# those who wait


def waits(town: Town, offering: str, hours: float, lasting: float = 3, **more: object) -> str:
    """For any time that starts within so many hours."""
    first = soon(hours).astimezone(ZoneInfo("Europe/Lisbon"))
    last = first + lasting * HOUR
    assert last.date() == first.date()
    minutes = [at.hour * 60 + at.minute for at in (first, last)]
    window = {"first": str(first.date()), "last": str(first.date()), "opens": minutes[0], "closes": minutes[1]}
    body = {"offering_id": offering, "window": window, **more}
    return made(town.owner.post("/api/v1/waitlist", json=body))


def noon() -> int:
    """Hours from now until ten in the morning in Lisbon, two days ahead: what begins then does not cross midnight."""
    now = soon(0).astimezone(ZoneInfo("Europe/Lisbon"))
    ten = (now + timedelta(days=2)).replace(hour=10)
    return round((ten - now) / HOUR)


def test_more_capacity_would_be_offered_to_whoever_waits_for_it(town):
    location, (court,) = clubs(town, 1)
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    at = noon()
    for hour in range(3):
        booked(town, offering, at + hour)
    first, second = waits(town, offering, at), waits(town, offering, at)
    before = events(town), commands(town)
    more = {"change": "capacity", "resource_id": court, "capacity": 2}
    found = told(town, more)["waitlist"]
    assert [(it["entry_id"], it["resource_ids"]) for it in found["offered"]] == [(first, [court]), (second, [court])]
    assert [datetime.fromisoformat(it["starts_at"]) for it in found["offered"]] == [soon(at), soon(at + 1)]
    assert found["losing"] == []
    nothing = told(town, closing(at + 6, resource_id=court))["waitlist"]
    assert nothing == {"offered": [], "losing": []}
    assert (events(town), commands(town)) == before
    assert town.owner.get(f"/api/v1/bookings/{uuid4()}").status_code == 404


def test_who_waits_for_what_would_be_closed_loses_hope_and_who_has_another_hour_does_not(town):
    location, (court,) = clubs(town, 1)
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    at = noon()
    for hour in range(5):
        booked(town, offering, at + hour)
    short, long = waits(town, offering, at, 2), waits(town, offering, at, 5)
    found = told(town, closing(at, 4, resource_id=court))
    assert found["total"] == 4
    assert [(it["entry_id"], it["what"]) for it in found["waitlist"]["losing"]] == [(short, "hope")]
    assert found["waitlist"]["offered"] == []
    gone = told(town, {"change": "retire_offering", "offering_id": offering})["waitlist"]
    assert {(it["entry_id"], it["what"]) for it in gone["losing"]} == {(short, "hope"), (long, "hope")}


def test_what_is_on_offer_would_be_lost(town):
    location, (court,) = clubs(town, 1)
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    at = noon()
    entry = waits(town, offering, at, 1)
    town.do(WalkTimes(UUID(offering)), "system")
    found = told(town, closing(at, resource_id=court))
    (hit,) = found["data"]
    assert (hit["entry_id"], hit["status"]) == (entry, "held")
    losing = [(it["entry_id"], it["what"], [r["code"] for r in it["reasons"]]) for it in found["waitlist"]["losing"]]
    assert losing == [(entry, "offer", ["CLOSURE"]), (entry, "hope", [])]
    assert told(town, closing(at + 1, resource_id=court))["waitlist"]["losing"] == []


def test_a_session_that_would_lose_its_room_is_lost_to_who_waits_for_it(town):
    location, (room,) = clubs(town, 1)
    offering = sold(town, location, {"role": "room", "any_of": [room]})
    session, seat, entry = uuid7(), uuid7(), uuid7()
    town.do(ScheduleSession(session, UUID(offering), soon(48), soon(49), 1, (UUID(room),)))
    town.do(BookSeats(seat, session, then="confirm"))
    town.do(JoinWaitlist(entry, session_id=session))
    found = told(town, closing(48, resource_id=room))
    (hit,) = found["data"]
    assert (hit["id"], hit["kind"], codes(hit)) == (str(session), "session", ["CLOSURE"])
    (losing,) = found["waitlist"]["losing"]
    assert (losing["entry_id"], losing["what"], losing["reasons"][0]["code"]) == (str(entry), "session", "CLOSURE")
    assert told(town, closing(49, resource_id=room))["waitlist"]["losing"] == []


def test_what_is_set_aside_would_be_lost(town):
    """A party of two waits in vain too often: the court that is free is kept for it."""
    location, courts = clubs(town)
    offering = sold(town, location, {"role": "court", "any_of": courts, "count": 2})
    single = sold(town, location, {"role": "court", "any_of": courts})
    at = noon()
    town.do(SetWaitlist(UUID(location), Settings(max_skips=0)))
    booked(town, single, at, resource_ids=[courts[0]])
    entry = waits(town, offering, at, 1)
    town.do(WalkTimes(UUID(offering), soon(at), soon(at + 1), (UUID(courts[1]),)), "system")
    found = told(town, closing(at, resource_id=courts[1]))["waitlist"]["losing"]
    assert [(it["entry_id"], it["what"]) for it in found] == [(entry, "set_aside"), (entry, "hope")]
    assert found[0]["reasons"][0]["code"] == "CLOSURE"
    assert told(town, closing(at + 1, resource_id=courts[1]))["waitlist"]["losing"] == []


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
        ({"changes": [{"change": "pool", "pool_id": str(uuid4()), "members": [str(uuid4())]}]}, 404),
        ({"changes": [{"change": "pool", "pool_id": str(uuid4()), "members": []}]}, 400),
        ({"changes": [{"change": "retire_offering", "offering_id": str(uuid4())}]}, 404),
        ({"changes": [{"change": "terms", "offering_id": str(uuid4()), "terms": {}}]}, 400),
        ({"changes": [{"change": "pacing", "resource_id": str(uuid4()), "units": 1, "minutes": 0}]}, 400),
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
