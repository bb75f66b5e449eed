"""How it is doing: probes, metrics, logs, and what it says when something is not there."""

import json
import os
import signal
import threading
import time
from uuid import uuid4

import httpx
import pytest
import structlog
from house import Somebody, Town, answers, problem, served, until
from litestar.testing import TestClient
from msgspec.structs import replace

from infrastructure.embedded.server import free_port
from interfaces.bootstrap import build
from interfaces.http.app import create_app
from interfaces.http.errors import AnsweredWithProblem
from interfaces.http.logs import configure


def test_ready_names_every_dependency(town):
    answer = town.client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert {one["name"]: one["well"] for one in answer.json()["dependencies"]} == {
        "postgres": True, "mongo": True, "redis": True, "worker": True,
    }  # fmt: skip
    assert town.client.get("/health/live").json() == {"status": "alive"}


@pytest.fixture
def nobody_home(town):
    """An app whose servers are all gone."""
    gone = free_port()
    settings = replace(
        town.settings,
        database_url=f"postgresql://daybook:secret-word@127.0.0.1:{gone}/x",
        redis_url=f"redis://:secret-word@127.0.0.1:{gone}/0",
        mongo_url=f"mongodb://daybook:secret-word@127.0.0.1:{gone}/x",
        database_deadline=0.3,
        mongo_deadline=0.3,
    )
    house = build(settings)
    with TestClient(create_app(house)) as client:
        yield client, Somebody(client, town.token())


def test_without_postgres_it_is_alive_and_not_ready_and_says_nothing_secret(nobody_home):
    client, _ = nobody_home
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unready"
    assert not any(one["well"] for one in answer.json()["dependencies"] if one["name"] != "worker")
    assert "secret-word" not in answer.text
    assert "127.0.0.1" not in answer.text


def test_without_postgres_every_request_is_503_in_time_and_to_be_tried_again(nobody_home):
    _, somebody = nobody_home
    began = time.monotonic()
    for method, path, body in (
        ("GET", f"/api/v1/bookings/{uuid4()}", None),
        ("GET", "/api/v1/bookings", None),
        ("GET", "/api/v1/audit", None),
        ("POST", "/api/v1/locations", {"name": "X", "zone": "UTC"}),
    ):
        answer = somebody.request(method, path, json=body)
        problem(answer, 503, "unavailable_now")
        assert answer.headers["retry-after"] == "1"
        assert "secret-word" not in answer.text
    assert time.monotonic() - began < 8


def test_metrics_name_routes_and_nobody(town):
    held = town.court().book(800)
    held.now()
    problem(held.step("completion"), 422)
    text = town.client.get("/metrics", headers={"authorization": f"Bearer {town.settings.metrics_token}"}).text
    assert 'route="/api/v1/bookings/{booking_id}"' in text
    assert 'daybook_commands_total{command="PlaceHold",outcome="recorded"}' in text
    assert 'daybook_commands_total{command="Complete",outcome="not_checked_in"}' in text
    for view in ("calendar", "history", "catalogue", "directory", "audit"):
        assert f'daybook_view_behind_events{{view="{view}"}}' in text
    assert 'daybook_view_parked_streams{view="calendar"} 0.0' in text
    assert held.id not in text
    assert str(town.organization) not in text


def test_a_request_is_one_line_with_its_id_and_without_anybody_in_it(town, capfdbinary):
    """As in production: bytes to stdout."""
    before = structlog.get_config()
    try:
        configure()
        structlog.configure(cache_logger_on_first_use=False)
        app = create_app(build(town.settings))
        with TestClient(app) as client:
            me = str(uuid4())
            somebody = Somebody(client, town.token("customer", me))
            name = "Ann-Smith-was-here"
            somebody.get(f"/api/v1/bookings?reference={name}", headers={"x-request-id": "from-outside-1"})
            somebody.post("/api/v1/bookings", json={"name": name}, headers={"cookie": f"name={name}"})
    finally:
        structlog.configure(**before)
    said = capfdbinary.readouterr().out
    lines = [json.loads(line) for line in said.splitlines() if line.startswith(b"{")]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(one["method"], one["route"], one["status"], one["code"]) for one in requests] == [
        ("GET", "/api/v1/bookings", 400, "bad_query"),
        ("POST", "/api/v1/bookings", 400, "bad_body"),
    ]
    assert requests[0]["request_id"] == "from-outside-1"
    for word in (name, me, somebody.token, "127.0.0.1"):
        assert word.encode() not in said


@pytest.mark.parametrize("given", ["short", "x" * 129, "a b c d e f", "{'$ne': 1}", "id\\u2028second-line"])
def test_a_request_id_that_would_not_fit_a_log_is_replaced(town, given):
    answer = town.client.get("/health/live", headers={"x-request-id": given.encode()})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


def test_every_answer_says_how_it_may_be_used(town):
    for answer in (
        town.owner.get("/api/v1/bookings"), town.client.get("/api/v1/bookings"), town.client.get("/nowhere"),
        town.owner.request("PUT", "/api/v1/bookings"), town.client.get("/docs"), town.client.get("/health/live"),
    ):  # fmt: skip
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "max-age=" in answer.headers["strict-transport-security"]
        assert len(answer.headers.get_list("content-security-policy")) == 1
    private = town.owner.get("/api/v1/bookings")
    assert private.headers.get_list("cache-control") == ["no-store"]
    assert "access-control-allow-origin" not in town.owner.get("/api/v1/bookings", headers={"origin": "null"}).headers


def test_what_goes_wrong_inside_says_nothing_but_an_id(town, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("the password is secret-word")

    monkeypatch.setattr(town.house.command_bus, "carry_out", broken)
    answer = town.owner.post("/api/v1/locations", json={"name": "X", "zone": "UTC"})
    found = problem(answer, 500, "internal_error")
    assert found.keys() == {"type", "title", "status", "detail", "code", "instance"}
    assert found["instance"].endswith(answer.headers["x-request-id"])
    assert "secret-word" not in answer.text
    assert "ZeroDivision" not in answer.text


def test_the_handler_of_errors_stands_for_all(town):
    assert isinstance(town.app.exception_handlers[Exception], AnsweredWithProblem)


# the real server


def test_several_processes_serve_and_end_with_their_master_even_when_it_is_killed(town: Town):
    with served(town.settings, "--workers", "2") as (address, api):
        assert api.pid is not None
        until(lambda: len(children(api.pid)) == 2)
        workers = children(api.pid)
        os.kill(api.pid, signal.SIGKILL)
        until(lambda: not any(alive(worker) for worker in workers))
        assert not answers(f"{address}/health/live")


def test_sigterm_lets_requests_at_work_end(town: Town):
    """A reader who waits for a position is answered, not cut off."""
    with served(town.settings) as (address, api):
        headers = {"authorization": f"Bearer {town.token()}"}
        found: list[int] = []

        def waiting() -> None:
            params = {"min_position": "999999999999999999"}
            found.append(
                httpx.get(f"{address}/api/v1/bookings", params=params, headers=headers, timeout=10).status_code
            )

        thread = threading.Thread(target=waiting)
        thread.start()
        time.sleep(0.5)
        assert api.pid is not None
        os.kill(api.pid, signal.SIGTERM)
        thread.join(15)
        assert found == [503]
        until(lambda: not api.alive())


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        return [int(one) for one in file.read().split()]


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
