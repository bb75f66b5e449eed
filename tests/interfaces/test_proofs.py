"""The proof of no double booking, as it is asked for: silent about what guards let in, loud about what they did not.

What is planted is planted as the owner of the database, past the functions that are the only way in.
"""

import os
import subprocess
import sys
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from house import Town, fresh, problem

from application.availability.proof import TooLongToProve
from infrastructure.event_store.mapper import encoded
from interfaces import bootstrap
from interfaces.commands import prove

PLANT = """
INSERT INTO event_store.event
SELECT tenant, %s, 1, gen_random_uuid(), tag, coalesce(%s, state), metadata, clock_timestamp(),
       (pg_current_xact_id()::text::bigint << 20) + 1
  FROM event_store.event WHERE stream = %s AND version = 1
"""


@pytest.fixture
def town(servers):
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


def asked(town, role="owner"):
    return town.as_(role).get("/api/v1/proofs/overlaps")


def proven(town):
    answer = asked(town)
    assert answer.status_code == 200, answer.text
    return answer.json()


def commanded(town, monkeypatch):
    for name, value in town.settings.environment().items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(prove.command, ["overlaps"])


def planted(town, like, fact=None):
    """A booking that no guard has seen, made after one that was booked."""
    booking = uuid4()
    town.sql(PLANT, booking, None if fact is None else encoded(fact), UUID(like))
    return booking


def test_what_the_guards_let_in_is_sound(town, monkeypatch):
    court = town.court(capacity=2)
    for hours in (24, 24, 26):
        court.book(hours)
    found = proven(town)
    assert (found["verdict"], found["bookings"], found["breaches"]) == ("sound", 3, [])
    assert {"resource_id": court.resource, "peak": 2, "capacity": 2} in found["resources"]
    assert int(found["position"]) > 0
    said = commanded(town, monkeypatch)
    assert said.exit_code == 0
    assert "3 bookings" in said.output
    assert "0 breaches" in said.output


def test_a_planted_overlap_is_found(town, monkeypatch):
    court = town.court()
    first = court.book()
    second = planted(town, first.id)
    found = proven(town)
    assert found["verdict"] == "booked_twice"
    (breach,) = found["breaches"]
    assert (breach["resource_id"], breach["booking_id"]) == (court.resource, str(second))
    assert (breach["cause"], breach["used"], breach["capacity"]) == ("units", 2, 1)
    said = commanded(town, monkeypatch)
    assert said.exit_code == 1
    assert "booked twice" in said.output
    assert "2 of 1 units in use" in said.output


def test_an_organization_is_shown_its_own_log_alone(town):
    planted(town, town.court().book().id)
    town.organization = UUID(
        town.as_("platform", organization=None).post("/api/v1/organizations", json={"name": "Next door"}).json()["id"]
    )
    found = proven(town)
    assert (found["verdict"], found["bookings"], found["resources"]) == ("sound", 0, [])


def test_what_cannot_be_read_is_not_called_sound(town, monkeypatch):
    held = town.court().book()
    town.sql("UPDATE event_store.event SET tag = 'booking.from_the_future' WHERE stream = %s", UUID(held.id))
    assert proven(town)["verdict"] == "unknown"
    said = commanded(town, monkeypatch)
    assert said.exit_code == 1
    assert "cannot be read" in said.output


def test_the_command_in_a_process_of_its_own_can_read_facts_of_every_context(town):
    """Nothing else has imported them for it there."""
    court = town.court()
    court.book()
    assert town.owner.put(f"/api/v1/locations/{court.location}/waitlist", json={"max_skips": 1}).status_code == 200
    assert town.owner.put("/api/v1/quotas/often", json={"measure": "count", "limit": 9}).status_code == 200
    said = subprocess.run(
        [sys.executable, "-c", "import interfaces.cli as c; c.main()", "prove", "overlaps"],
        env=os.environ | town.settings.environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (said.returncode, "1 bookings" in said.stdout) == (0, True), said.stdout + said.stderr


def test_a_log_that_is_too_long_says_who_can(town, monkeypatch):
    town.court().book()
    monkeypatch.setattr(bootstrap, "PROOF_SHARE", 0)
    found = problem(asked(town), 422, "too_long_to_prove")
    assert "daybook prove overlaps" in found["detail"]
    assert "daybook prove overlaps" in (TooLongToProve.__doc__ or "")


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("compliance", 200), ("manager", 403), ("customer", 403)])
def test_who_may_ask(town, role, status):
    assert asked(town, role).status_code == status


def test_one_proof_at_a_time(town):
    assert town.house._proving.acquire(blocking=False)
    problem(asked(town), 503)
    town.house._proving.release()
    assert proven(town)["verdict"] == "sound"
