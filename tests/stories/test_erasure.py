"""Somebody asks to be forgotten: from the request to the certificate, with the worker that does it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from house import Town, fresh, made, problem, until

from infrastructure.privacy.journal import Journal
from infrastructure.settings import Settings
from interfaces.worker import Worker

ANA = {"name": "Ana Lopes", "email": "ana.lopes@example.org", "phone": "+351 912 345 678", "note": "Sits left."}


@pytest.fixture(scope="module")
def town(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("data")
    with fresh(servers, data=folder) as settings, Town(settings, views=False) as town:
        worker = Worker(town.house)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield town
        finally:
            worker.stop()
            thread.join(20)


def registered(town: Town, **details: str) -> str:
    return made(town.owner.post("/api/v1/users", json={"role": "customer", "details": details or ANA}))


def erasure(town: Town, person: str, who: str = "compliance", subject: str | None = None) -> dict[str, Any]:
    found = town.as_(who, subject).get(f"/api/v1/users/{person}/erasure")
    return found.json() if found.status_code == 200 else {"status": found.status_code}


def ask(town: Town, person: str, who: str = "compliance", subject: str | None = None, basis: str = "objection") -> Any:
    return town.as_(who, subject).post(f"/api/v1/users/{person}/erasure", json={"basis": basis})


def forgotten(town: Town, person: str) -> None:
    until(lambda: erasure(town, person)["status"] == "certified", lambda: str(erasure(town, person)), seconds=60)


def facts(town: Town, person: str) -> list[str]:
    rows = town.sql(
        "SELECT tag FROM event_store.event WHERE state::text LIKE %s OR stream = %s ORDER BY position",
        f"%{person.encode().hex()}%", UUID(person),
    )  # fmt: skip
    return [tag for (tag,) in rows]


def test_from_the_request_to_the_certificate(town):
    person = registered(town)
    letter = town.settings.data / "outbox" / "1-join.txt"
    other = letter.with_name("2-join.txt")
    letter.parent.mkdir(exist_ok=True)
    letter.write_text("To: Ana.Lopes@example.org\n\nCome in.")
    other.write_text("To: somebody.else@example.org\n\nCome in.")
    answer = ask(town, person)
    assert answer.status_code == 201
    assert answer.json()["status"] == "requested"
    forgotten(town, person)
    assert facts(town, person) == [
        "user.registered", "user.described", "subject.erasure_requested", "subject.erased", "user.deactivated",
        "subject.erasure_certified",
    ] or facts(town, person)[:4] == [
        "user.registered", "user.described", "subject.erasure_requested", "subject.erased",
    ]  # fmt: skip
    until(lambda: "user.deactivated" in facts(town, person))
    shown = town.owner.get(f"/api/v1/users/{person}").json()
    assert shown["erased"]
    assert set(shown["details"].values()) == {None}
    until(lambda: not town.owner.get(f"/api/v1/users/{person}").json()["active"])
    row = town.sql("SELECT name, email, phone, note FROM read.person WHERE id = %s", UUID(person))
    assert row == [(None, None, None, None)]
    assert town.sql("SELECT count(*) FROM privacy.blind_index WHERE subject = %s", UUID(person)) == [(0,)]
    assert (letter.exists(), other.exists()) == (False, True)

    certificate = town.as_("compliance").get(f"/api/v1/users/{person}/erasure/certificate").json()
    assert certificate["status"] == "certified"
    proof = certificate["certificate"]
    assert (proof["keys_destroyed"], proof["values_tried"], proof["values_opened"], proof["rows_found"]) == (1, 4, 0, 0)
    assert proof["rows_destroyed"] >= 4
    assert proof["request_id"] == answer.json()["request_id"]
    page = town.as_("compliance").get(f"/api/v1/users/{person}/erasure/certificate/page")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "cannot be read by anybody" in page.text


def test_the_journal_names_them_and_nothing_about_them(town):
    person = registered(town)
    ask(town, person)
    forgotten(town, person)
    journal = Journal.of(town.settings)
    (entry,) = [it for it in journal.entries() if str(it.subject) == person]
    assert entry.tenant == town.organization
    assert journal.file.stat().st_mode & 0o777 == 0o600
    (line,) = [it for it in journal.file.read_text().splitlines() if person in it]
    assert json.loads(line).keys() == {"tenant", "subject", "request", "basis", "at"}


def test_a_repeated_command_of_theirs_is_not_answered_any_more(town):
    key = {"idempotency-key": f"once-{uuid4()}"}
    body = {"role": "customer", "details": ANA}
    person = made(town.owner.post("/api/v1/users", json=body, headers=key))
    ask(town, person)
    forgotten(town, person)
    problem(town.owner.post("/api/v1/users", json=body, headers=key), 422, "person_erased")
    rows = town.sql("SELECT count(*) FROM event_store.command WHERE convert_from(result, 'UTF8') LIKE %s AND name = %s",
                    f"%{person}%", "RegisterCustomer")  # fmt: skip
    assert rows == [(0,)]


def test_nothing_can_be_written_about_them_afterwards_and_their_bookings_stand(town):
    court = town.court()
    person = registered(town)
    held = court.book(50, customer_id=person)
    ask(town, person)
    forgotten(town, person)
    refused = town.owner.patch(f"/api/v1/users/{person}/details", json={"name": "Ana again"})
    problem(refused, 422, "person_erased")
    assert held.now()["customer_id"] == person


def test_a_customer_may_ask_for_themselves_and_for_nobody_else(town):
    ana, rui = registered(town), registered(town)
    problem(ask(town, rui, "customer", ana), 404, "unknown_user")
    problem(town.as_("customer", ana).get(f"/api/v1/users/{rui}/erasure"), 404)
    assert ask(town, ana, "customer", ana).json()["status"] == "requested"
    forgotten(town, ana)
    assert erasure(town, ana, "customer", ana)["status"] == "certified"
    problem(town.as_("compliance").get(f"/api/v1/users/{rui}/erasure"), 404, "no_erasure")


@pytest.mark.parametrize("role", ["admin", "manager", "staff", "service"])
def test_who_runs_the_place_does_not_erase_its_people(town, role):
    person = registered(town)
    problem(ask(town, person, role), 403, "not_permitted")
    problem(town.as_(role).post(f"/api/v1/users/{person}/holds", json={"why": "case 7"}), 403, "not_permitted")


def test_a_legal_hold_stands_against_it_until_it_is_lifted(town):
    compliance = town.as_("compliance")
    person = registered(town)
    placed = compliance.post(f"/api/v1/users/{person}/holds", json={"why": "case 7"})
    assert placed.status_code == 201, placed.text
    answer = ask(town, person)
    assert (answer.status_code, answer.json()["status"]) == (201, "refused")
    hold = placed.json()["hold_id"]
    until(lambda: erasure(town, person)["status"] == "refused")
    assert erasure(town, person)["holds"] == [hold]
    shown = town.owner.get(f"/api/v1/users/{person}").json()
    assert shown["details"]["name"] == "Ana Lopes"
    problem(town.as_("customer", person).get(f"/api/v1/users/{person}/holds"), 403)
    (listed,) = compliance.get(f"/api/v1/users/{person}/holds").json()["data"]
    assert (listed["id"], listed["why"], listed["lifted_at"]) == (hold, "case 7", None)
    lifted = compliance.post(f"/api/v1/users/{person}/holds/{hold}/lifting", json={})
    assert lifted.status_code == 200, lifted.text
    problem(compliance.post(f"/api/v1/users/{person}/holds/{hold}/lifting", json={}), 404, "no_such_hold")
    assert ask(town, person).json()["status"] == "requested"
    problem(compliance.post(f"/api/v1/users/{person}/holds", json={"why": "case 8"}), 422, "being_erased")
    forgotten(town, person)


def test_all_erasures_are_listed_the_latest_first(town):
    people = [registered(town) for _ in range(3)]
    for person in people:
        ask(town, person)
        forgotten(town, person)
    first = town.as_("compliance").get("/api/v1/erasures", params={"limit": 2}).json()
    assert [row["user_id"] for row in first["data"]] == [people[2], people[1]]
    second = town.as_("compliance").get("/api/v1/erasures", params={"limit": 2, "cursor": first["next"]}).json()
    assert second["data"][0]["user_id"] == people[0]
    problem(town.as_("staff").get("/api/v1/erasures"), 403)


def test_whom_nobody_has_heard_of_is_not_erased(town):
    problem(ask(town, str(uuid4())), 404, "unknown_user")
    problem(ask(town, registered(town), basis="because"), 400)
    problem(town.as_("compliance").get(f"/api/v1/users/{registered(town)}/erasure/certificate"), 404, "no_erasure")


# killed between any two steps

STEPS = ["letters", "destroyed", "journalled", "forgotten", "Erase", "Certify"]
KILLED = Path(__file__).parents[1] / "erasing_killed.py"


def carried_out(town: Town, person: str, request: str, command: str, stop: str) -> int:
    """One job in a process of its own, which is killed after a step."""
    env = {**os.environ, **town.settings.environment()}
    words = [sys.executable, str(KILLED), str(town.organization), person, request, command, stop]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.fixture(scope="module")
def unwatched(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Without a worker: each step is done by hand."""
    folder = tmp_path_factory.mktemp("unwatched")
    with fresh(servers, data=folder) as settings, Town(settings) as town:
        yield town


@pytest.mark.parametrize("stop", STEPS)
def test_killed_after_any_step_it_is_carried_out_all_the_same(unwatched, stop):
    town = unwatched
    person = registered(town)
    request = ask(town, person).json()["request_id"]
    command = "Certify" if stop == "Certify" else "Erase"
    if command == "Certify":
        assert carried_out(town, person, request, "Erase", "never") == 0
    assert carried_out(town, person, request, command, stop) == -signal.SIGKILL
    assert carried_out(town, person, request, "Erase", "never") == 0
    assert carried_out(town, person, request, "Certify", "never") == 0
    until(lambda: erasure(town, person)["status"] == "certified")
    entries = [it for it in Journal.of(town.settings).entries() if str(it.subject) == person]
    assert len(entries) == 1
    proof = town.as_("compliance").get(f"/api/v1/users/{person}/erasure/certificate").json()["certificate"]
    assert (proof["keys_destroyed"], proof["values_opened"]) == (1, 0), "what was destroyed is counted once"


def test_a_job_without_a_request_in_the_log_destroys_nothing(unwatched):
    town = unwatched
    person = registered(town)
    carried_out(town, person, str(uuid4()), "Erase", "never")
    assert town.sql("SELECT count(*) FROM privacy.subject_key WHERE subject = %s AND wrapped IS NOT NULL",
                    UUID(person)) == [(1,)]  # fmt: skip
