"""The house, built by the same bootstrap as in production, on a database of its own; and words for stories in it."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
from litestar.testing import TestClient
from msgspec.structs import replace
from uuid_utils.compat import uuid7

from application.bus import Answer
from application.event_store import Append, Carried
from application.message import Command, Occasion
from application.recorded import Actor, Origin
from infrastructure.embedded.child import Child
from infrastructure.embedded.postgres import create_database, drop_database
from infrastructure.embedded.server import free_port
from infrastructure.event_store import log
from infrastructure.privacy.index import Indexer
from infrastructure.settings import Settings
from interfaces.bootstrap import House, build, migrate
from interfaces.http.app import create_app
from interfaces.trust import minted
from projections.runner import Runner
from projections.views import VIEWS

HOUR = timedelta(hours=1)
IDLE = (0.005, 0.1)
"""Seconds between a view's looks at the log. It is woken by what is done here: with so many views in so many towns,
looking as often as a worker does was a good part of what all tests cost."""


def soon(hours: float = 24) -> datetime:
    """A whole hour that lies so far ahead: what is booked for it is neither over nor open for check-in."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)


@cache
def template(url: str) -> str:
    """A migrated database, made once: a copy takes a tenth of what migrating takes."""
    name = f"template_{uuid4().hex[:12]}"
    migrate(Settings(database_url=create_database(url, name)))
    return name


@contextmanager
def fresh(servers: Settings, **changes: Any) -> Iterator[Settings]:
    """These servers, with a database of one's own in PostgreSQL and in MongoDB."""
    name = f"house_{uuid4().hex[:12]}"
    assert servers.database_url is not None
    assert servers.mongo_url is not None
    mongo = httpx.URL(servers.mongo_url)
    settings = replace(
        servers,
        database_url=create_database(servers.database_url, name, template(servers.database_url)),
        mongo_url=str(mongo.copy_with(path=f"/{name}")),
        write_pool=8,
        read_pool=4,
        # Stories are not about how busy the machine is.
        **{"token_life": 86_400, "database_deadline": 5.0, "metrics_token": "scraper" * 5, **changes},
    )
    try:
        yield settings
    finally:
        drop_database(servers.database_url, name)


class Town:
    """A house with somebody in it: an organization, its API, its worker's views, and words to tell stories with."""

    def __init__(self, settings: Settings, *, views: bool = True) -> None:
        self.settings = settings
        self.house: House = build(settings)
        self.app = create_app(self.house)
        self.organization = uuid7()
        followed = VIEWS if views else ()
        self._views = [Runner(view, settings.database_url or "", log, pause=IDLE) for view in followed]
        self._runners: list[Any] = [*self._views]
        self._runners += [Indexer(settings.database_url or "", self.house.keys)] if views else []
        self._threads = [threading.Thread(target=runner.run, daemon=True) for runner in self._runners]
        self._ends = ExitStack()
        self._append = self.house.store.append
        self.house.store.append = self._waking  # type: ignore[method-assign]

    def _waking(self, what: Append) -> Carried:
        carried = self._append(what)
        for runner in self._views:
            runner.wake.set()
        return carried

    def __enter__(self) -> "Town":
        for thread in self._threads:
            thread.start()
        # A server that raises is a finding: what goes wrong inside must have become an answer.
        self.client = self._ends.enter_context(TestClient(self.app, raise_server_exceptions=True))
        made = self.as_("platform", organization=None).post("/api/v1/organizations", json={"name": "Harbour Sports"})
        assert made.status_code == 201, made.text
        self.organization = UUID(made.json()["id"])
        return self

    def __exit__(self, *_: object) -> None:
        for runner in self._runners:
            runner.stop()
        for thread in self._threads:
            thread.join(10)
        self._ends.close()

    # who

    def token(
        self, role: str = "owner", subject: str | None = None, organization: UUID | str | None = "own", **more: Any
    ) -> str:
        of = self.organization if organization == "own" else organization
        subject = subject or (str(uuid4()) if role == "customer" else role)
        return minted(self.house.trust, role=role, subject=subject, organization=of, **more)  # type: ignore[arg-type]

    def as_(self, role: str = "owner", subject: str | None = None, **more: Any) -> "Somebody":
        return Somebody(self.client, self.token(role, subject, **more))

    @property
    def owner(self) -> "Somebody":
        return self.as_("owner")

    # what there is

    def location(self, zone: str = "Europe/Lisbon", name: str = "Courts") -> str:
        return made(self.owner.post("/api/v1/locations", json={"name": name, "zone": zone}))

    def resource(self, location: str, capacity: int = 1, **more: Any) -> str:
        body = {"location_id": location, "name": "Court 1", "kind": "court", "capacity": capacity, **more}
        return made(self.owner.post("/api/v1/resources", json=body))

    def court(self, **more: Any) -> "Court":
        location = self.location()
        return Court(self, location, self.resource(location, **more))

    # commands without a door

    def occasion(self, role: str = "owner", **more: Any) -> Occasion:
        actor = Actor("user", str(more.pop("subject", role)), role)
        return Occasion(**{
            "tenant": self.organization, "actor": actor, "origin": Origin("cli"), "command_id": uuid7(), **more
        })  # fmt: skip

    def do(self, command: Command, role: str = "owner", **more: Any) -> Answer:
        return self.house.command_bus.carry_out(command, self.occasion(role, **more))

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """As the owner of the database, past every wall."""
        with psycopg.connect(self.settings.database_url or "", autocommit=True) as connection:
            cursor = connection.execute(statement, values)  # type: ignore[call-overload]
            return list(cursor.fetchall()) if cursor.description else []


class Court:
    """A location with one resource, and what one books there."""

    def __init__(self, town: Town, location: str, resource: str) -> None:
        self.town, self.location, self.resource = town, location, resource

    def wish(self, hours: float = 24, lasting: float = 1, units: int = 1, **more: Any) -> dict[str, Any]:
        starts_at = soon(hours)
        item = {
            "resource_id": self.resource,
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + lasting * HOUR).isoformat(),
            "units": units,
        }
        return {"location_id": self.location, "items": [item], **more}

    def book(self, hours: float = 24, who: "Somebody | None" = None, **more: Any) -> "Held":
        answer = (who or self.town.owner).post("/api/v1/bookings", json=self.wish(hours, **more))
        assert answer.status_code == 201, answer.text
        return Held(self.town, answer)


class Held:
    """A booking that was made."""

    def __init__(self, town: Town, answer: httpx.Response) -> None:
        self.town = town
        self.id: str = answer.json()["id"]
        self.etag: str = answer.headers["etag"]
        self.position: str = answer.headers["daybook-position"]
        self.url = f"/api/v1/bookings/{self.id}"

    def step(self, name: str, body: Any = None, who: "Somebody | None" = None, **headers: str) -> httpx.Response:
        """A step of its life, as staff take it; a good one becomes what is known of it."""
        answer = (who or self.town.owner).post(
            f"{self.url}/{name}", json=body or {}, headers={"if-match": self.etag, **headers}
        )
        return self._seen(answer)

    def undo(self, name: str, who: "Somebody | None" = None, **params: str) -> httpx.Response:
        answer = (who or self.town.owner).delete(f"{self.url}/{name}", params=params, headers={"if-match": self.etag})
        return self._seen(answer)

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code == 200:
            self.etag, self.position = answer.headers["etag"], answer.headers["daybook-position"]
        return answer

    def now(self, who: "Somebody | None" = None) -> dict[str, Any]:
        answer = (who or self.town.owner).get(self.url, params={"min_position": self.position})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown


class Somebody:
    """Who calls, with their token."""

    def __init__(self, client: Any, token: str) -> None:
        self._client, self.token = client, token

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        answer: httpx.Response = self._client.request(method, url, headers=headers, **more)
        return answer

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> httpx.Response:
        return self.request("POST", url, **more)

    def put(self, url: str, **more: Any) -> httpx.Response:
        return self.request("PUT", url, **more)

    def patch(self, url: str, **more: Any) -> httpx.Response:
        return self.request("PATCH", url, **more)

    def delete(self, url: str, **more: Any) -> httpx.Response:
        return self.request("DELETE", url, **more)


def made(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem that this answer is, or it is none and the test fails."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert found["instance"].startswith("urn:daybook:request:")
    if code is not None:
        assert found["code"] == code, found
    return found


@contextmanager
def served(settings: Settings, *words: str) -> Iterator[tuple[str, Child]]:
    """`daybook api` as a process of its own on a free port; its address."""
    port = free_port()
    env = {**os.environ, **replace(settings, port=port).environment()}
    api = Child(
        "api", [sys.executable, "-m", "interfaces.cli", "api", *words], settings.data / f"api-{port}.log", env=env
    )
    api.start()
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{address}/health/live"), api.last_words)
        yield address, api
    finally:
        api.stop()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def until(true: Callable[[], bool], said: Callable[[], str] = str, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"waited {seconds} s in vain. {said()}"
        time.sleep(0.05)
