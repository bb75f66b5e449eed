"""Fifty things about ten people, said to running processes: nowhere in the clear while they are known, nowhere at all
once they are erased, and everything still works."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
import redis
from house import Somebody, Town, fresh, made, served, until
from msgspec.structs import replace
from pymongo import MongoClient

from infrastructure.embedded.child import Child
from infrastructure.event_store import log
from infrastructure.settings import Settings
from projections.runner import connected

EVERY_TABLE = """
SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
 WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


class Planted:
    def __init__(self) -> None:
        self.people: list[dict[str, str]] = []
        self.markers: list[str] = []
        for _ in range(10):
            tag, digits = uuid4().hex[:10], f"{uuid4().int % 10**9:09}"
            person = {
                "name": f"Vor{tag} Nach{tag}", "email": f"post{tag}@planted.example", "phone": f"+351{digits}",
                "note": f"Sits {tag} on the left.", "birth_date": "1984-05-31",
            }  # fmt: skip
            self.people.append(person)
            self.markers += [f"vor{tag}", f"nach{tag}", f"post{tag}@planted", digits, f"sits {tag} on"]

    def found_in(self, content: bytes | str) -> list[str]:
        text = content.lower() if isinstance(content, bytes) else content.lower().encode()
        wide = text.replace(b"\0", b"")  # also where each letter takes two bytes
        return [marker for marker in self.markers if marker.encode() in text or marker.encode() in wide]


class Scene:
    """An API and a worker as processes of their own, and somebody who talks to them."""

    def __init__(self, town: Town, address: str, folders: set[Path]) -> None:
        """`folders`: where processes and servers keep their files."""
        self.town, self.settings, self._folders = town, town.settings, folders
        self._client = httpx.Client(base_url=address, timeout=30)
        self.planted = Planted()
        self.people: list[str] = []

    def as_(self, role: str = "owner", subject: str | None = None) -> Somebody:
        return Somebody(self._client, self.town.token(role, subject))

    def leaks(self) -> dict[str, list[str]]:
        """Everywhere that anything is kept."""
        found = {f"file {file}": self.planted.found_in(content) for file, content in self._files()}
        found |= {f"table {name}": self.planted.found_in(text) for name, text in self._tables()}
        client: MongoClient = MongoClient(self.settings.mongo_url)
        database = client.get_default_database()
        names = database.list_collection_names()
        found |= {f"mongo {name}": self.planted.found_in(str(list(database[name].find()))) for name in names}
        client.close()
        valkey = redis.Redis.from_url(self.settings.redis_url or "")
        for key in valkey.scan_iter():
            found[f"valkey {key!r}"] = self.planted.found_in(key + (valkey.dump(key) or b""))
        valkey.close()
        return {where: markers for where, markers in found.items() if markers}

    def _files(self) -> Iterator[tuple[str, bytes]]:
        self.town.sql("CHECKPOINT")
        for folder in self._folders:
            for file in folder.rglob("*"):
                try:
                    if file.is_file():
                        yield str(file), file.read_bytes()
                except OSError:
                    continue

    def _tables(self) -> Iterator[tuple[str, str]]:
        for (table,) in self.town.sql(EVERY_TABLE):
            yield table, "\n".join(text for (text,) in self.town.sql(f"SELECT x::text FROM {table} x"))
        raw = self.town.sql("SELECT state, metadata FROM event_store.event")
        raw += self.town.sql("SELECT fingerprint, result FROM event_store.command")
        yield "event_store, decoded", "\n".join(bytes(part).decode("latin-1") for row in raw for part in row)


@pytest.fixture(scope="module")
def scene(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("processes")
    with fresh(servers, data=folder) as settings, Town(settings, views=False) as town, served(settings) as (address, _):
        env = {**os.environ, **replace(settings).environment()}
        worker = Child("worker", [sys.executable, "-m", "interfaces.cli", "worker"], folder / "worker.log", env=env)
        worker.start()
        try:
            scene = Scene(town, address, {folder, servers.data})
            plant(scene)
            yield scene
        finally:
            worker.stop()


def plant(scene: Scene) -> None:
    """Over the API, by staff and by guardians, some refused, some looked for, all of them booked for."""
    owner = scene.as_()
    for n, person in enumerate(scene.planted.people[:8]):
        body = {"role": "customer", "details": person}
        answer = owner.post("/api/v1/users", json=body, headers={"idempotency-key": f"planted-{n}"})
        scene.people.append(made(answer))
        refused = owner.post("/api/v1/users", json={**body, "details": {**person, "email": f"at {person['name']}"}})
        assert refused.status_code == 422
    family = made(owner.post("/api/v1/families", json={"guardian_id": scene.people[0]}))
    for person in scene.planted.people[8:]:
        added = scene.as_("customer", scene.people[0]).post(
            f"/api/v1/families/{family}/dependants", json={"details": person}
        )
        assert added.status_code == 200, added.text
        (found,) = set(members(scene, family)) - set(scene.people)
        scene.people.append(found)
    court = scene.town.court()
    for n, who in enumerate(scene.people):
        booked = owner.post("/api/v1/bookings", json=court.wish(24 + n, customer_id=who))
        assert booked.status_code == 201, booked.text
    for person, who in zip(scene.planted.people, scene.people, strict=True):
        for wanted in ({"email": person["email"]}, {"phone": person["phone"]}, {"name": person["name"]}):
            until(lambda w=wanted, it=who: it in found_by(scene, w), seconds=60)
        exported = scene.as_("compliance").get(f"/api/v1/users/{who}/data-export")
        assert len(scene.planted.found_in(exported.text)) == 5
    trail = owner.get("/api/v1/audit", params={"limit": 500})
    assert scene.planted.found_in(trail.text) == []


def members(scene: Scene, family: str) -> list[str]:
    rows = scene.town.sql("SELECT user_id FROM read.family_member WHERE family_id = %s", UUID(family))
    told = scene.town.sql("SELECT state FROM event_store.event WHERE stream = %s", UUID(family))
    text = "".join(bytes(state).decode() for (state,) in told)
    users = scene.town.sql("SELECT DISTINCT stream FROM event_store.event WHERE tag = 'user.registered'")
    return [str(it) for (it,) in users if str(it) in text or (it,) in rows]


def found_by(scene: Scene, wanted: dict[str, str]) -> list[str]:
    answer = scene.as_().post("/api/v1/users/search", json=wanted)
    return [row["id"] for row in answer.json()["data"]] if answer.status_code == 200 else []


def test_nothing_of_it_lies_anywhere_in_the_clear(scene):
    assert len(scene.planted.markers) == 50
    assert scene.leaks() == {}


def test_whoever_looks_would_see_it(scene):
    """The looking itself: what is written in the clear is found in each place."""
    marker = f"leak{uuid4().hex}"
    scene.planted.markers.append(marker)
    with psycopg.connect(scene.settings.database_url or "", autocommit=True) as connection:
        connection.execute("CREATE TABLE public.leak AS SELECT %s::text AS leaked", [marker])
    (scene.settings.data / "leak.log").write_text(marker)
    valkey = redis.Redis.from_url(scene.settings.redis_url or "")
    valkey.set("leak", marker)
    client: MongoClient = MongoClient(scene.settings.mongo_url)
    client.get_default_database()["leak"].insert_one({"said": marker})
    try:
        found = scene.leaks()
        wheres = " ".join(found)
        assert all(place in wheres for place in ("table public.leak", "leak.log", "valkey b'leak'", "mongo leak"))
    finally:
        scene.planted.markers.remove(marker)
        scene.town.sql("DROP TABLE public.leak")
        (scene.settings.data / "leak.log").unlink()
        valkey.delete("leak")
        client.get_default_database()["leak"].drop()
        client.close()


def test_once_they_are_erased_nobody_reads_it_and_everything_still_works(scene):
    compliance = scene.as_("compliance")
    for who in scene.people:
        asked = compliance.post(f"/api/v1/users/{who}/erasure", json={"basis": "consent_withdrawn"})
        assert asked.json()["status"] == "requested"
    for who in scene.people:
        url = f"/api/v1/users/{who}/erasure"
        until(lambda url=url: compliance.get(url).json().get("status") == "certified", seconds=60)
        certificate = compliance.get(f"{url}/certificate")
        assert certificate.json()["certificate"]["values_opened"] == 0
        assert certificate.json()["certificate"]["values_tried"] >= 5
        for said in (certificate, compliance.get(f"/api/v1/users/{who}/data-export"),
                     compliance.get(f"/api/v1/users/{who}/data-export/page"),
                     compliance.get(f"/api/v1/users/{who}")):  # fmt: skip
            assert said.status_code == 200
            assert scene.planted.found_in(said.text) == []
    for person in scene.planted.people:
        for wanted in ({"email": person["email"]}, {"phone": person["phone"]}, {"name": person["name"]}):
            assert found_by(scene, wanted) == []
    assert scene.leaks() == {}
    with connected(scene.settings.database_url or "", "test") as connection:
        assert all(hasattr(event, "fact") for event in log.read(connection, 0, 10_000)), "the log replays"
    env = {**os.environ, **scene.settings.environment()}
    words = [sys.executable, "-m", "interfaces.cli", "rebuild", "all", "--verify"]
    verified = subprocess.run(words, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert scene.planted.found_in(verified.stdout) == []
