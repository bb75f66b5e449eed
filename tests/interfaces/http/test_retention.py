"""How long an organization keeps people who do not book any more."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from house import Town, fresh, made, problem, until

from domain.privacy.retention import Retention
from infrastructure.settings import Settings
from interfaces.worker import Retirer


@pytest.fixture
def town(servers: Settings):
    with fresh(servers) as settings, Town(settings) as town:
        yield town


def keeping(town: Town, days: int | None, hold_days: int = 0) -> str:
    body = {"without_bookings_days": days, "hold_days": hold_days}
    answer = town.as_("compliance").put("/api/v1/retention", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["position"]


def left_days_ago(town: Town, days: int) -> str:
    """The database's clock cannot be turned: when they were registered is."""
    answer = town.owner.post("/api/v1/users", json={"role": "customer", "details": {"name": "Ana"}})
    person = made(answer)
    until(lambda: town.sql("SELECT count(*) FROM read.person WHERE id = %s", UUID(person)) == [(1,)])
    moved = timedelta(days=days)
    town.sql("UPDATE read.person SET registered_at = registered_at - %s WHERE id = %s", moved, UUID(person))
    return person


def let_go(town: Town) -> set[str]:
    Retirer(town.settings.database_url or "", town.house.command_bus).let_go()
    rows = town.sql("SELECT state FROM event_store.event WHERE tag = 'subject.erasure_requested'")
    return {bytes(state).decode().split('"subject":"')[1][:36] for (state,) in rows}


def test_by_default_everybody_is_kept(town):
    shown = town.as_("compliance").get("/api/v1/retention").json()
    assert shown == {"version": 0, "without_bookings_days": None, "hold_days": 0}
    left_days_ago(town, 5000)
    assert let_go(town) == set()


def test_who_has_not_booked_for_so_long_is_let_go_and_nobody_else(town):
    court = town.court()
    gone, edge, fresh_one, held, booked, staff = (left_days_ago(town, days) for days in (60, 31, 29, 60, 60, 60))
    court.book(24, customer_id=booked).now()
    town.sql("UPDATE read.person SET role = 'staff' WHERE id = %s", UUID(staff))
    placed = town.as_("compliance").post(f"/api/v1/users/{held}/holds", json={"why": "case 7"})
    assert placed.status_code == 201
    until(lambda: town.sql("SELECT count(*) FROM read.legal_hold") == [(1,)])
    keeping(town, 30)
    until(lambda: town.sql("SELECT count(*) FROM read.retention") == [(1,)])
    assert let_go(town) == {gone, edge}
    assert let_go(town) == {gone, edge}, "asked again, nothing happens"
    assert fresh_one not in let_go(town)


def test_whoever_a_view_is_wrong_about_is_kept_by_the_log(town):
    person = left_days_ago(town, 60)
    court = town.court()
    court.book(24, customer_id=person).now()
    keeping(town, 30)
    until(lambda: town.sql("SELECT count(*) FROM read.retention") == [(1,)])
    town.sql("DELETE FROM read.booking WHERE customer_id = %s", UUID(person))
    assert let_go(town) == set()


@pytest.mark.parametrize("body", [{"without_bookings_days": 29, "hold_days": 0},
                                  {"without_bookings_days": None, "hold_days": 3651},
                                  {"without_bookings_days": 30}])  # fmt: skip
def test_not_for_every_time(town, body):
    problem(town.as_("compliance").put("/api/v1/retention", json=body), 400)


def test_a_hold_stands_for_as_long_as_the_organization_says(town):
    keeping(town, None, hold_days=30)
    person = left_days_ago(town, 0)
    compliance = town.as_("compliance")
    hold = compliance.post(f"/api/v1/users/{person}/holds", json={"why": "case 7"}).json()["hold_id"]
    problem(compliance.post(f"/api/v1/users/{person}/holds/{hold}/lifting", json={}), 422, "hold_too_young")
    until(lambda: town.sql("SELECT count(*) FROM read.legal_hold") == [(1,)])
    (listed,) = compliance.get(f"/api/v1/users/{person}/holds").json()["data"]
    stands = datetime.fromisoformat(listed["until"]) - datetime.fromisoformat(listed["placed_at"])
    assert timedelta(days=29, hours=23) < stands <= timedelta(days=30)


def test_who_runs_the_place_does_not_say_how_long(town):
    body = {"without_bookings_days": 365, "hold_days": 0}
    for role in ("admin", "manager", "staff"):
        problem(town.as_(role).put("/api/v1/retention", json=body), 403)
    assert town.owner.put("/api/v1/retention", json=body).status_code == 200
    assert town.sql("SELECT count(*) FROM event_store.event WHERE stream = %s",
                    Retention.of(town.organization)) == [(1,)]  # fmt: skip
