"""Whatever is sent, the answer is a clear 4xx: never a 500, and never by accident a 2xx."""

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from house import Court, Town, fresh, problem, served

from interfaces.trust import minted, trusting


@pytest.fixture(scope="module")
def court(town: Town) -> Court:
    return town.court()


def changed(wish: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made: Any = json.loads(json.dumps(wish))
    *way, last = path.split(".")
    at = made
    for step in way:
        at = at[int(step)] if step.isdigit() else at[step]
    at[int(last) if last.isdigit() else last] = value
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("location_id", 7, "location_id"),
        ("location_id", "not an id", "location_id"),
        ("location_id", None, "location_id"),
        ("items", {}, "items"),
        ("items", [], "items"),
        ("items", None, "items"),
        ("items.0", "court 1", "items[0]"),
        ("items.0.units", "2", "items[0].units"),
        ("items.0.units", 0, "items[0].units"),
        ("items.0.units", -1, "items[0].units"),
        ("items.0.units", 1.5, "items[0].units"),
        ("items.0.units", True, "items[0].units"),
        ("items.0.units", 10**30, "items[0].units"),
        ("items.0.starts_at", 1799999999, "items[0].starts_at"),
        ("items.0.resource_id", ["x"], "items[0].resource_id"),
        ("party_size", "many", "party_size"),
        ("party_size", 10**400, "party_size"),
        ("then", "pay", "then"),
        ("reason", "because my mother, Ann Smith, is ill", "reason"),
        ("reason", "a\nb", "reason"),
        ("customer_id", "me", "customer_id"),
    ],
)
def test_a_wrong_type_is_400_and_says_where(town, court, path, value, field):
    text = json.dumps(changed(court.wish(), path, value))
    headers = {"content-type": "application/json"}
    found = problem(town.owner.post("/api/v1/bookings", content=text, headers=headers), 400, "bad_body")
    assert found["errors"][0].get("field", "").startswith(field.partition("[")[0]), found


@pytest.mark.parametrize(
    "name", ["tenant", "tenant_id", "status", "id", "version", "price", "role", "expires_at", "__proto__"]
)
def test_a_field_that_is_not_known_is_refused(town, court, name):
    problem(town.owner.post("/api/v1/bookings", json=court.wish() | {name: "x"}), 400, "bad_body")
    wish = court.wish()
    wish["items"][0][name] = 1
    problem(town.owner.post("/api/v1/bookings", json=wish), 400, "bad_body")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b"7", b'"x"', b"{}", b"{}{}", b"\xff\xfe", b"\x00", b"NaN", b'{"items": NaN}',
        b'{"items": [Infinity]}', b'{"a": 1e999}', b"{'a': 1}", b'{"location_id": "\\ud800"}',
        b'{"items": "\xed\xa0\x80"}', b"[" * 100_000, b'{"items":' * 50_000, b'{"items":[' + b"[" * 5000, b"9" * 5000,
        b'{"party_size": ' + b"9" * 5000 + b"}",
        b'{"a":1,' * 1000, b"// {}", b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_a_body_that_is_none(town, body):
    began = time.monotonic()
    answer = town.owner.post("/api/v1/bookings", content=body, headers={"content-type": "application/json"})
    problem(answer, 400, "bad_body")
    assert time.monotonic() - began < 1.0


def test_many_keys_and_many_items(town, court):
    keys = json.dumps({f"k{n}": n for n in range(50_000)}).encode()
    problem(town.owner.post("/api/v1/bookings", content=keys), 400, "bad_body")
    wish = court.wish()
    wish["items"] *= 51
    problem(town.owner.post("/api/v1/bookings", json=wish), 400, "bad_body")


@pytest.mark.parametrize("size", [1_000_001, 10_000_000])
def test_more_than_a_megabyte_is_413(town, size):
    body = b'{"location_id": "' + b"x" * size + b'"}'
    problem(town.owner.post("/api/v1/bookings", content=body), 413, "too_large")
    chunked = (body[at : at + 65536] for at in range(0, len(body), 65536))
    problem(town.owner.post("/api/v1/bookings", content=chunked), 413, "too_large")


def test_another_media_type_is_415(town, court):
    body = json.dumps(court.wish()).encode()
    for media in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
    ):
        answer = town.owner.post("/api/v1/bookings", content=body, headers={"content-type": media})
        problem(answer, 415, "unsupported_media")


@pytest.mark.parametrize(
    "name", ["\x00", "a\x00b", "\n", " ", "", "x" * 201, "\u2028", "\u202a" * 201, "a\x1b[31m", "\ud800"]
)
def test_a_name_that_cannot_be_shown_on_one_line(town, name):
    text = json.dumps({"name": name, "zone": "UTC"})
    answer = town.owner.post("/api/v1/locations", content=text, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    problem(answer, answer.status_code)


@pytest.mark.parametrize(
    "query",
    [
        "unknown=1", "limit=0", "limit=501", "limit=1000000000", "limit=x", "limit=-1", "limit=1&limit=2", "limit=",
        "limit=1.5", "limit=%31%00", "status=gone", "location_id=x", "reference=%00", "reference=OOOOOOOO", "limit",
        "from=yesterday", "from=2027-01-01T10:00", "to=2027-02-30T10:00Z", "from=2027-01-01T10:00%2B99:00", "%ff=1",
        "min_position=-1", "min_position=1e5", "min_position=" + "9" * 40, "cursor=%F0%9F%A6%84", "a[]=1",
        "limit[$gt]=1", "location_id=null", "status=NULL", "reference=null",
        "limit=null", "&".join(f"p{n}=1" for n in range(1000)), "=1",
    ],
)  # fmt: skip
def test_a_query_that_cannot_be(town, query):
    problem(town.owner.get(f"/api/v1/bookings?{query}"), 400, "bad_query")


@pytest.mark.parametrize("path", ["garbage", "%00", "..%2f..", "0", "%ff", "x" * 3000, "{}", "'; DROP TABLE event;--"])
def test_an_id_that_is_none_is_404(town, path):
    assert town.owner.get(f"/api/v1/bookings/{path}").status_code == 404
    assert town.owner.post(f"/api/v1/bookings/{path}/confirmation", json={}).status_code == 404


def test_a_method_that_is_not_there_is_405_and_says_which_are(town):
    answer = town.owner.request("PUT", f"/api/v1/bookings/{uuid4()}")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    problem(town.owner.request("BREW", "/api/v1/bookings"), 405)


def test_head_is_get_without_a_body_and_options_says_what_can_be_done(town, court):
    held = court.book(700)
    held.now()
    answer = town.owner.request("HEAD", held.url)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b"", '"1"')
    answer = town.owner.request("OPTIONS", held.url)
    assert answer.status_code == 204
    assert "GET" in answer.headers["allow"]


def test_a_step_back_takes_no_body(town, court):
    held = court.book(710)
    answer = town.owner.request("DELETE", f"{held.url}/hold", json={"reason": "x"}, headers={"if-match": held.etag})
    problem(answer, 400, "bad_body")


def test_nothing_of_this_is_in_the_log(town, court):
    """Garbage leaves no trace: a refused request has recorded nothing."""
    (before,) = town.sql("SELECT count(*) FROM event_store.event")
    problem(town.owner.post("/api/v1/bookings", json=court.wish() | {"role": "owner"}), 400)
    assert town.sql("SELECT count(*) FROM event_store.event") == [before]


def test_a_body_that_trickles_is_408_and_one_that_breaks_off_is_no_error_of_ours(servers):
    with fresh(servers, request_deadline=1.0) as settings, served(settings) as (address, api):
        host, port = urlsplit(address).hostname, urlsplit(address).port
        token = minted(trusting(settings), role="owner", subject="x", organization=uuid4())
        head = (
            f"POST /api/v1/bookings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\ncontent-length: 500\r\n\r\n{"
        ).encode()
        with socket.create_connection((host, port), timeout=10) as slow:
            slow.sendall(head)
            assert slow.recv(65536).startswith(b"HTTP/1.1 408")
        with socket.create_connection((host, port), timeout=10) as gone:
            gone.sendall(head)
        time.sleep(0.3)
        assert '"event":"failed"' not in api.log.read_text()
