"""The first thing that a newcomer sees."""

from collections import Counter
from collections.abc import Iterator

import pytest
from house import Somebody, Town, fresh

from infrastructure.settings import Settings
from interfaces import demo
from interfaces.demo import CLASSES, NAME, ORGANIZATION, SOLD, VISITS, load, named

BOOKED = len(VISITS) + len(SOLD) + sum(len(one.booked) for one in CLASSES)


@pytest.fixture(scope="module")
def settings(servers: Settings) -> Iterator[Settings]:
    with fresh(servers) as settings:
        yield settings


@pytest.fixture(scope="module")
def lines(settings: Settings) -> list[str]:
    return load(settings)


def test_it_says_who_one_is_and_what_to_try(lines):
    assert NAME in lines[0]
    assert lines[1].startswith("TOKEN=ey")
    assert lines[3].startswith("curl ")


def test_it_shows_bookings_in_every_state_and_the_first_one_to_try_works(settings, lines):
    with Town(settings) as town:
        owner = Somebody(town.client, lines[1].removeprefix("TOKEN="))
        body = lines[3].partition("-d '")[2].rstrip("'")
        answer = owner.post("/api/v1/bookings", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 201, answer.text
        position = {"min_position": answer.headers["daybook-position"]}
        found = owner.get("/api/v1/bookings", params=position).json()["data"]
        assert len(found) == BOOKED + 1
        states = Counter(one["status"] for one in found)
        assert states.keys() == {
            "confirmed", "held", "pending_approval", "checked_in", "completed", "cancelled", "no_show"
        }  # fmt: skip
        assert {item["zone"] for one in found for item in one["items"]} == {"Europe/Lisbon", "America/New_York"}
        assert owner.get("/api/v1/organizations/current").json()["id"] == str(ORGANIZATION)


def test_there_is_something_to_book_of_every_kind(settings, lines):
    with Town(settings) as town:
        owner = Somebody(town.client, lines[1].removeprefix("TOKEN="))
        slots = lines[5].partition("/api/v1")[2].partition('"')[0]
        assert lines[5].startswith("curl ")
        answer = owner.get(f"/api/v1{slots}")
        assert answer.status_code == 200, answer.text
        assert [slot for slot in answer.json()["data"] if "reasons" not in slot]
        offerings = owner.get("/api/v1/offerings").json()["data"]
        assert {one["name"] for one in offerings} == set(demo.terms())
        sessions = owner.get("/api/v1/sessions").json()["data"]
        assert {one["id"] for one in sessions} == {str(named(one.name)) for one in CLASSES}


def test_what_its_offerings_sell_is_sold_so_and_its_courts_by_themselves_as_well(settings, lines):
    with Town(settings) as town:
        owner = Somebody(town.client, lines[1].removeprefix("TOKEN="))
        alone = {one["id"]: one["sold_by_itself"] for one in owner.get("/api/v1/resources").json()["data"]}
        pools = {str(named(pool)): members for pool, (_, members) in demo.POOLS.items()}
        needed = {
            str(it)
            for _, terms in demo.terms().values()
            for need in terms.needs
            for it in (*need.any_of, *(named(one) for one in pools.get(str(need.pool_id), ())))
        }
        courts = {str(named(f"Court {n}")) for n in (1, 2, 3)}
        assert {it for it in alone if not alone[it]} == needed - courts


def test_its_yoga_is_sold_by_session(settings, lines):
    with Town(settings) as town:
        owner = Somebody(town.client, lines[1].removeprefix("TOKEN="))
        first = min(one["starts_at"] for one in owner.get("/api/v1/sessions").json()["data"])[:10]
        asked = {"offering_id": str(named("Yoga")), "from": first, "to": first, "explain": True}
        found = owner.get("/api/v1/availability", params=asked).json()["data"]
        assert found
        assert {one["session_id"] for one in found} <= {str(named(one.name)) for one in CLASSES}


def test_a_second_run_finds_it_and_changes_nothing(settings, lines):
    with Town(settings, views=False) as town:
        before = town.sql("SELECT count(*) FROM event_store.event WHERE tenant = %s", ORGANIZATION)
        again = load(settings)
        assert town.sql("SELECT count(*) FROM event_store.event WHERE tenant = %s", ORGANIZATION) == before
    assert again[0] == lines[0]


def test_one_that_was_interrupted_is_finished(servers, monkeypatch):
    with fresh(servers) as settings:
        monkeypatch.setattr(demo, "_visit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            load(settings)
        monkeypatch.undo()
        load(settings)
        with Town(settings, views=False) as town:
            found = town.sql(
                "SELECT count(DISTINCT stream) FROM event_store.event WHERE tenant = %s AND tag = 'booking.held.v2'",
                ORGANIZATION,
            )
        assert found == [(BOOKED,)]
