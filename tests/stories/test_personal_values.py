"""What is planted about people is found nowhere in the clear, and nowhere at all once they are erased."""

from uuid import UUID, uuid4

import pytest
from house import Court, Town, fresh, made, until

from infrastructure import mongo
from infrastructure.event_store import log
from infrastructure.postgres.source import Source
from infrastructure.privacy import index
from infrastructure.settings import Settings
from projections.audit import trail
from projections.identity.people import Misplaced, PeopleOfOrganization, _person
from projections.rebuild import Rebuild
from projections.views import VIEWS

EVERY_TABLE = """
SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
 WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


class Planted:
    """Ten people with five details each, none of which is anywhere else."""

    def __init__(self) -> None:
        self.markers: list[str] = []
        self.people: list[dict[str, str]] = []
        for n in range(10):
            tag = uuid4().hex[:10]
            digits = f"{uuid4().int % 10**8:08}"
            person = {
                "name": f"Planted{tag} Name{tag}", "email": f"mail{tag}@planted.example", "phone": f"+3519{digits}",
                "birth_date": f"19{10 + n:02}-0{n % 9 + 1}-1{n % 9}", "note": f"note {tag} of theirs",
            }  # fmt: skip
            self.people.append(person)
            self.markers += [f"lanted{tag}", f"mail{tag}", f"9{digits}", person["birth_date"], f"note {tag}"]

    def found_in(self, text: str) -> list[str]:
        return [marker for marker in self.markers if marker.lower() in text.lower()]


def everything_in(town: Town) -> str:
    """All rows of all tables as text; what is kept as bytes also decoded, for hexadecimal digits would hide it."""
    texts = [text for (table,) in town.sql(EVERY_TABLE) for (text,) in town.sql(f"SELECT x::text FROM {table} x")]
    raw = town.sql("SELECT state, metadata FROM event_store.event")
    raw += town.sql("SELECT fingerprint, result FROM event_store.command")
    return "\n".join(texts) + "".join(bytes(part).decode("latin-1") for row in raw for part in row)


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


@pytest.fixture(scope="module")
def town(servers: Settings):
    with fresh(servers) as settings, Town(settings) as town:
        yield town


@pytest.fixture(scope="module")
def people(town: Town, planted: Planted) -> list[str]:
    """All of them registered, half of them described twice, looked for, and refused with one bad detail each."""
    ids = []
    for n, person in enumerate(planted.people):
        body = {"role": "customer", "details": person}
        key = {"idempotency-key": f"planted-{n}"}
        answer = town.owner.post("/api/v1/users", json=body, headers=key)
        ids.append(made(answer))
        assert town.owner.post("/api/v1/users", json=body, headers=key).headers["idempotent-replayed"] == "true"
        if n % 2:
            answer = town.owner.patch(f"/api/v1/users/{ids[n]}/details", json={"note": person["note"]})
        bad = {"details": {**person, "email": f"{person['name']} at home"}, "role": "customer"}
        refused = town.owner.post("/api/v1/users", json=bad)
        assert refused.status_code == 422
        assert planted.found_in(refused.text) == []
    position = answer.headers["daybook-position"]
    for person, who in zip(planted.people, ids, strict=True):
        wanted = {"email": person["email"], "min_position": position}
        found = town.owner.post("/api/v1/users/search", json=wanted).json()["data"]
        assert [row["id"] for row in found] == [who]
        assert found[0]["details"] == {**person, "locale": None}
    return ids


def test_nothing_of_it_lies_in_the_database_in_the_clear(town, planted, people):
    everything = everything_in(town)
    assert people[0] in everything, "it is looked at"
    assert planted.found_in(everything) == []
    leaked = uuid4().hex
    town.sql("CREATE TABLE public.leak AS SELECT %s::text AS leaked", leaked)
    assert leaked in everything_in(town), "the looking sees"
    town.sql("DROP TABLE public.leak")


def test_nothing_of_it_lies_in_the_servers_files(servers, town, planted, people):
    """The log that is written ahead, too. Only where the server is one of our own."""
    town.sql("CHECKPOINT")
    files = [file for file in (servers.data / "postgres").rglob("*") if file.is_file()]
    if not files:
        pytest.skip("the server's files are elsewhere")
    wanted = [marker.encode() for marker in planted.markers if not marker.startswith("19")]  # dates are too common
    for file in files:
        try:
            content = file.read_bytes()
        except OSError:
            continue
        assert [marker for marker in wanted if marker in content] == [], file


def test_the_audit_trail_holds_it_sealed(town, planted, people):
    assert town.settings.database_url is not None
    assert town.settings.mongo_url is not None
    database = mongo.writing(town.settings.mongo_url)
    try:
        trail.rebuild(town.settings.database_url, database, Source(), lambda *_: None)
        documents = list(database[trail.TRAIL].find({"target.id": people[0]}))
        assert "user.described" in {document["action"] for document in documents}
        text = str(list(database[trail.TRAIL].find()))
    finally:
        database.client.close()
    assert "sealed" in text
    assert planted.found_in(text) == []


def test_a_value_that_was_moved_to_another_person_or_field_is_shown_to_nobody(town, planted, people):
    """By somebody who can write the view's rows, and has no keys."""
    rows = town.sql("SELECT name::text, email::text FROM read.person WHERE id = %s", UUID(people[0]))
    name, email = rows[0]
    shown = _person(UUID(people[0]), 1, 1, "customer", True, None, name, email, None, None, None, None)
    assert shown.name is not None
    for moved in ((UUID(people[1]), name, None), (UUID(people[0]), email, None), (UUID(people[0]), None, name)):
        with pytest.raises(Misplaced):
            _person(moved[0], 1, 1, "customer", True, None, moved[1], moved[2], None, None, None, None)


def test_by_what_they_are_found_is_made_anew_from_the_log(town, planted, people):
    before = town.sql("SELECT tenant, field, blind, subject FROM privacy.blind_index ORDER BY 1, 2, 3, 4")
    end = town.sql("SELECT position FROM read.position WHERE view = %s", index.NAME)
    assert len(before) >= len(people) * 4
    index.begin_again(town.settings.database_url)
    until(lambda: town.sql("SELECT position FROM read.position WHERE view = %s", index.NAME) >= end, seconds=60)
    assert town.sql("SELECT tenant, field, blind, subject FROM privacy.blind_index ORDER BY 1, 2, 3, 4") == before


def test_once_they_are_erased_every_replay_works_and_their_bookings_are_there(town, planted, people):
    court: Court = town.court()
    booked = [court.book(24 + n, customer_id=who) for n, who in enumerate(people)]
    before = town.sql("SELECT count(*) FROM privacy.blind_index")
    assert before != [(0,)]
    for who in people:
        assert town.house.keys.erase(town.organization, UUID(who), "compliance")
    for held, who in zip(booked, people, strict=True):
        assert held.now()["customer_id"] == who
        shown = town.owner.get(f"/api/v1/users/{who}", params={"min_position": held.position}).json()
        assert shown["erased"]
        assert set(shown["details"].values()) == {None}
        assert town.owner.post(f"/api/v1/users/{who}/deactivation").status_code == 200  # its stream folds
        found = town.owner.post("/api/v1/users/search", json={"email": planted.people[people.index(who)]["email"]})
        assert found.json()["data"] == []
    assert town.sql("SELECT count(*) FROM privacy.blind_index") == [(0,)]
    assert town.sql("SELECT count(*) FROM privacy.subject_key WHERE wrapped IS NOT NULL") == [(0,)]
    for view in VIEWS:
        found = Rebuild(view, town.settings.database_url or "", log).verify()
        assert found.differences == [], view.name
    assert Rebuild(PeopleOfOrganization(), town.settings.database_url or "", log).replace().parked == 0
    assert town.owner.get(f"/api/v1/users/{people[0]}").json()["erased"]
    index.begin_again(town.settings.database_url)
    end = town.sql("SELECT max(position) FROM event_store.event")
    until(lambda: town.sql("SELECT position FROM read.position WHERE view = %s", index.NAME) >= end, seconds=60)
    assert town.sql("SELECT count(*) FROM privacy.blind_index") == [(0,)], "nobody comes back"
    assert planted.found_in(everything_in(town)) == []
