"""Everything about one person, for whom it is about: as JSON, and as a page."""

import json
from uuid import UUID, uuid4

import pytest
from house import Court, Town, fresh, made, problem

from application.event_store import Unavailable
from application.privacy.export import SECTIONS
from infrastructure.postgres import access_log
from infrastructure.settings import Settings
from projections.runner import connected

ANA = {
    "name": "Ana <b>Lopes</b>", "email": "ana@example.org", "phone": "+351912345678", "birth_date": "1984-05-31",
    "note": "Sits on the left.",
}  # fmt: skip


@pytest.fixture(scope="module")
def town(servers: Settings):
    with fresh(servers) as settings, Town(settings) as town:
        yield town


@pytest.fixture(scope="module")
def ana(town: Town) -> str:
    """Somebody with a name, two bookings, a place in a group and a refused attempt; beside somebody else with one."""
    person = made(town.owner.post("/api/v1/users", json={"role": "customer", "details": ANA}))
    other = made(town.owner.post("/api/v1/users", json={"role": "customer", "details": {"name": "Rui Vaz"}}))
    court: Court = town.court()
    for hours in (30, 40):
        court.book(hours, customer_id=person)
    last = court.book(50, customer_id=other)
    problem(town.as_("customer", person).get(f"/api/v1/users/{other}"), 404)
    party = made(town.owner.post("/api/v1/parties", json={"kind": "plan", "name": "Mornings"}))
    joined = town.owner.put(f"/api/v1/parties/{party}/members/{person}")
    assert joined.status_code == 200, joined.text
    assert last.now()["customer_id"] == other
    return person


def exported(town: Town, person: str, who: str = "compliance", subject: str | None = None) -> dict:
    answer = town.as_(who, subject).get(f"/api/v1/users/{person}/data-export")
    assert answer.status_code == 200, answer.text
    return answer.json()


def told_of(town: Town, person: str) -> list[access_log.Accessed]:
    with connected(town.settings.database_url or "", "test", role="daybook_app") as connection:
        return [it for it in access_log.read(connection) if UUID(person) in it.subjects]


def test_everything_about_them_and_nothing_about_others_is_in_it(town, ana):
    found = exported(town, ana)
    assert list(found) == ["user_id", "organization_id", "made_at", *SECTIONS]
    (details,) = found["details"]
    assert {field: details[field] for field in ANA} == ANA
    assert len(found["bookings"]) == 2
    assert {row["customer_id"] for row in found["bookings"]} == {ana}
    assert [(row["kind"], row["name"]) for row in found["groups"]] == [("plan", "Mornings")]
    assert [(row["what"], row["reason"]) for row in found["access"] if row["by_yourself"]] == [
        ("TheUser", "unknown_user")
    ]
    what = [row["what"] for row in found["events"]]
    assert what[:2] == ["user.registered", "user.described"]
    assert what.count("booking.held.v2") == 2
    (described,) = [row["fact"] for row in found["events"] if row["what"] == "user.described"]
    assert described["details"] == ANA, "what is sealed is opened"
    text = json.dumps(found)
    assert "Rui" not in text
    assert "token" not in text
    assert '"by": "owner"' in text, "who acted is told by the role"


def test_it_is_for_themselves_and_for_those_who_look_after_it(town, ana):
    assert exported(town, ana, "customer", ana)["user_id"] == ana
    assert exported(town, ana, "owner")["user_id"] == ana
    for who in ("staff", "manager", "admin", "service"):
        problem(town.as_(who).get(f"/api/v1/users/{ana}/data-export"), 403, "not_permitted")
    problem(town.as_("customer").get(f"/api/v1/users/{ana}/data-export"), 404, "unknown_user")
    problem(town.as_("compliance").get(f"/api/v1/users/{uuid4()}/data-export"), 404, "unknown_user")


def test_that_it_was_asked_for_is_recorded(town, ana):
    before = len(told_of(town, ana))
    exported(town, ana)
    (entry,) = told_of(town, ana)[before:]
    assert (entry.action, entry.outcome, entry.actor_id) == ("DataExport", "success", "compliance")
    assert (entry.target_type, entry.target_id) == ("user", ana)


def test_where_it_cannot_be_recorded_nothing_is_given(town, ana, monkeypatch):
    def away(*_: object) -> None:
        raise Unavailable("The database did not answer in time.")

    monkeypatch.setattr(access_log.PostgresAccessLog, "record", away)
    answer = town.as_("compliance").get(f"/api/v1/users/{ana}/data-export")
    problem(answer, 503)
    assert "Lopes" not in answer.text


def test_as_a_page_it_is_read_by_people_and_nothing_in_it_is_markup(town, ana):
    answer = town.as_("customer", ana).get(f"/api/v1/users/{ana}/data-export/page")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "Ana &lt;b&gt;Lopes&lt;/b&gt;" in answer.text
    assert "<b>" not in answer.text
    assert "Sits on the left." in answer.text
    assert all(f'<section id="{name}">' in answer.text for name in SECTIONS)
    assert "Rui" not in answer.text
    assert "http://" not in answer.text, "it stands on its own"
    assert answer.text.rstrip().endswith("</html>")


def test_after_their_erasure_it_holds_what_is_left(town):
    person = made(town.owner.post("/api/v1/users", json={"role": "customer", "details": ANA}))
    assert town.house.keys.erase(town.organization, UUID(person), "compliance")
    answer = town.as_("compliance").get(f"/api/v1/users/{person}/data-export")
    assert "Lopes" not in answer.text
    (described,) = [row["fact"] for row in answer.json()["events"] if row["what"] == "user.described"]
    assert set(described["details"].values()) == {None}
