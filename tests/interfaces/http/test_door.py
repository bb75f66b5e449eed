"""The front door: whose word is taken about where a request comes from, which names are served, which pages may ask,
what is too much to be read, and what every answer says about itself."""

import json
import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import pytest
from house import Town, fresh, problem
from litestar.routes import HTTPRoute
from litestar.types import Message

from infrastructure.settings import Settings
from interfaces.http.address import Proxies, household, own, prefix
from interfaces.http.cors import Cors
from interfaces.http.door import LONGEST_ADDRESS, LONGEST_HEADERS, MOST_HEADERS, ONCE, host_of

OURS = [ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")]
XFF = b"x-forwarded-for"


def seen(peer: str, *lines: str, by: str = "x-forwarded-for") -> str:
    headers = [(by.encode(), line.encode("latin-1")) for line in lines]
    return Proxies(OURS, by).client(peer, headers)


# where a request comes from


@pytest.mark.parametrize(
    ("peer", "lines", "client"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # a stranger may say what they like
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # what stands further left came from outside
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),  # two lines are one list
        ("10.0.0.1", ["10.0.0.2, 10.0.0.3"], "10.0.0.2"),  # all are ours: whoever is furthest away
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["nonsense, 10.0.0.7"], "10.0.0.7"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::7]:443"], "2001:db8::7"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("2001:db8:ffff::1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1\x00"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1," + "10.0.0.2," * 40 + "10.0.0.3"], "10.0.0.2"),  # so far back nobody looks
        ("testclient", ["198.51.100.1"], "testclient"),
    ],
)  # fmt: skip
def test_of_those_in_the_list_the_right_most_that_is_none_of_ours_asks(peer, lines, client):
    assert seen(peer, *lines) == client


@pytest.mark.parametrize(
    ("line", "client"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ('for=1.1.1.1, for="198.51.100.1:80";proto=https;by=10.0.0.1', "198.51.100.1"),
        ('For="[2001:db8::7]:4711"', "2001:db8::7"),
        ("for=198.51.100.1, for=10.3.3.3", "198.51.100.1"),
        ("for=_hidden", "10.0.0.1"),
        ("for=198.51.100.1, for=unknown", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ("198.51.100.1", "10.0.0.1"),
    ],
)
def test_proxies_may_say_it_in_the_standard_s_words(line, client):
    assert seen("10.0.0.1", line, by="forwarded") == client


def test_of_the_other_header_nothing_is_believed():
    """A proxy that writes one passes on the other as it came."""
    headers = [(b"forwarded", b"for=1.1.1.1"), (b"x-real-ip", b"1.1.1.2"), (XFF, b"198.51.100.1")]
    assert Proxies(OURS).client("10.0.0.1", headers) == "198.51.100.1"
    assert Proxies(OURS, "forwarded").client("10.0.0.1", headers) == "1.1.1.1"


def test_without_proxies_of_ours_nobody_is_believed():
    assert Proxies([]).client("127.0.0.1", [(XFF, b"198.51.100.1")]) == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "network", "home"),
    [
        ("203.0.113.7", "203.0.113.0/24", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.0/24", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:0db8:0001::/48", "2001:0db8:0001:0002"),
        ("testclient", None, "testclient"),
    ],
)
def test_of_an_address_its_network_is_kept(address, network, home):
    assert (prefix(address), household(address)) == (network, home)


def test_what_is_this_machine_s_own():
    assert [own(address) for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")] == [True] * 4
    assert [own(address) for address in ("10.0.0.1", "0.0.0.0", "localhost", "testclient", "")] == [False] * 5


def test_where_a_fact_came_from_follows_the_proxies(servers: Settings, monkeypatch):
    """The test's own client has no address: so it is made one of the proxies."""
    with fresh(servers) as settings, Town(settings, views=False) as town:
        door: Any = town.app.asgi_handler
        monkeypatch.setattr(door, "_proxies", _Here())
        body = {"name": "X", "zone": "UTC"}
        answer = town.owner.post("/api/v1/locations", json=body, headers={"x-forwarded-for": "1.1.1.1, 198.51.100.77"})
        assert answer.status_code == 201
        [(metadata,)] = town.sql("SELECT metadata FROM event_store.event ORDER BY position DESC LIMIT 1")
        assert b"198.51.100.0/24" in bytes(metadata)
        assert b"198.51.100.77" not in bytes(metadata)
        assert b"1.1.1" not in bytes(metadata)


class _Here(Proxies):
    def __init__(self) -> None:
        super().__init__(OURS)

    def client(self, peer: str, headers: Any) -> str:
        return super().client("10.0.0.1" if peer == "testclient" else peer, headers)


# who is served under which name, and whose pages may ask


@pytest.fixture(scope="module")
def public(servers: Settings) -> Iterator[Town]:
    """As it stands on the internet."""
    named = {
        "trusted_hosts": "book.example, [2001:db8::1], testserver.local",
        "cors_origins": "https://shop.example,http://l.test:8080",
    }
    with fresh(servers, **named) as settings, Town(settings, views=False) as town:
        yield town


@pytest.fixture
def at_home(public: Town) -> dict[str, str]:
    return {"host": "book.example", "authorization": f"Bearer {public.token()}"}


@pytest.mark.parametrize(
    "host", ["book.example", "BOOK.example", "book.example:8443", "book.example.", "[2001:db8::1]", "[2001:DB8::1]:80"]
)
def test_it_answers_to_its_names(public, host):
    assert public.client.get("/problems", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "book.example.evil.example", "xbook.example", "evil.example:80", "localhost", "127.0.0.1",
     "book.example@evil.example", "[::1]"],
)  # fmt: skip
def test_it_answers_to_no_other(public, host):
    answer = public.client.get("/problems", headers={"host": host, "x-forwarded-host": "book.example"})
    assert answer.status_code in (400, 421)
    if answer.status_code == 421:
        problem(answer, 421, "not_served_here")
    assert "evil" not in answer.text


def test_who_watches_over_it_may_use_any(public):
    assert public.client.get("/health/live", headers={"host": "10.1.2.3:8000"}).status_code == 200


def test_on_this_machine_alone_any_name_will_do(town):
    assert town.client.get("/problems", headers={"host": "whatever.example"}).status_code == 200


def test_a_name_is_read_without_port_and_dot():
    hosts = [b" A.example:1 ", b"a.example.", b"[::1]:80", b"[::1]", b"", b"a.example..", b":80"]
    assert [host_of(host) for host in hosts] == [
        b"a.example", b"a.example", b"[::1]", b"[::1]", b"", b"a.example.", b"",
    ]  # fmt: skip


@pytest.mark.parametrize("origin", ["https://shop.example", "http://l.test:8080"])
def test_a_page_that_is_named_may_ask(public, at_home, origin):
    answer = public.client.get("/api/v1/locations", headers={**at_home, "origin": origin})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in answer.headers
    assert "etag" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"
    refused = public.client.get("/api/v1/locations", headers={"host": "book.example", "origin": origin})
    assert refused.headers["access-control-allow-origin"] == origin, "a page may read why it was refused"


EVIL = [
    "https://evil.example", "null", "https://shop.example.evil.example", "https://evilshop.example",
    "http://shop.example", "https://shop.example:444", "https://shop.example/", "HTTPS://SHOP.EXAMPLE",
    "https://shop.example https://x", "*", "",
]  # fmt: skip


@pytest.mark.parametrize("origin", EVIL)
def test_no_other_page_is_let_in(public, at_home, origin):
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    for method in ("GET", "POST", "OPTIONS"):
        answer = public.client.request(method, "/api/v1/locations", headers={**at_home, **asks, "origin": origin})
        assert not [name for name in answer.headers if name.startswith("access-control-")], method
        assert answer.headers["vary"] == "Origin"


def test_a_browser_s_question_is_answered_without_a_token(public):
    asks = {
        "host": "book.example", "origin": "https://shop.example", "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,idempotency-key",
    }  # fmt: skip
    answer = public.client.options("/api/v1/bookings", headers=asks)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS, POST"
    asked = answer.headers["access-control-allow-headers"]
    assert {"authorization", "idempotency-key", "if-match"} <= set(asked.split(", "))
    assert "cookie" not in asked
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_by_default_no_page_may_ask(town):
    asks = {"origin": "http://testserver.local", "access-control-request-method": "GET"}
    for method in ("GET", "OPTIONS"):
        answer = town.owner.request(method, "/api/v1/locations", headers=asks)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_where_any_may_none_is_named_and_none_has_credentials():
    cors = Cors(["*"])
    [allowed, _] = cors.headers(b"https://anybody.example")
    assert allowed == (b"access-control-allow-origin", b"*")
    assert cors.asks("OPTIONS", {b"origin": b"null", b"access-control-request-method": b"GET"})
    assert not cors.asks("OPTIONS", {b"origin": b"null"})
    assert not cors.asks("POST", {b"origin": b"null", b"access-control-request-method": b"GET"})


def test_null_is_nobody_even_where_it_is_named():
    assert not Cors(["null"]).open
    assert len(Cors(["null", "https://a.example"]).headers(b"null")) == 1


# cookies, and headers that claim to be somebody


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": "session={token}; token={token}; authorization=Bearer {token}"},
        {"cookie": "__Host-session={token}", "origin": "https://evil.example"},
        {"x-user-id": "owner", "x-tenant": "{tenant}", "x-role": "owner", "x-forwarded-user": "owner"},
        {"x-authenticated-user": "owner", "remote-user": "owner", "x-original-url": "/health/live"},
        {"x-access-token": "{token}", "x-api-key": "{token}", "proxy-authorization": "Bearer {token}"},
        {"x-http-method-override": "GET", "x-rewrite-url": "/problems"},
    ],
)
def test_nobody_is_somebody_because_a_cookie_or_a_header_says_so(town, headers):
    said = {
        name: value.replace("{token}", town.token()).replace("{tenant}", str(town.organization))
        for name, value in headers.items()
    }
    for method, body in (("GET", None), ("POST", {"name": "X", "zone": "UTC"})):
        problem(town.client.request(method, "/api/v1/locations", json=body, headers=said), 401, "unauthenticated")
    assert town.client.get(f"/api/v1/locations?access_token={town.token()}").status_code == 401


def test_they_change_nothing_about_who_one_is(town):
    customer = town.as_("customer", str(uuid4()))
    pretence = {"x-user-id": "owner", "x-role": "owner", "x-tenant": str(uuid4()), "x-http-method-override": "GET"}
    problem(customer.post("/api/v1/locations", json={"name": "X", "zone": "UTC"}, headers=pretence), 403)


def test_a_form_of_another_page_does_nothing(town):
    """What a page can send without asking beforehand: these media types, with the browser's cookies."""
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = {"content-type": media, "cookie": f"token={town.token()}", "origin": "https://evil.example"}
        problem(town.client.post("/api/v1/locations", content=b'{"name":"X","zone":"UTC"}', headers=headers), 401)
        headers["authorization"] = f"Bearer {town.token()}"
        problem(town.client.post("/api/v1/locations", content=b'{"name":"X","zone":"UTC"}', headers=headers), 415)


# what is too much


def test_many_and_large_headers_are_refused(town):
    few = [(f"x-{n}", "1") for n in range(MOST_HEADERS - 10)]
    assert town.client.get("/problems", headers=few).status_code == 200
    problem(town.client.get("/problems", headers=[(f"x-{n}", "1") for n in range(MOST_HEADERS + 1)]), 431)
    assert town.client.get("/problems", headers={"x-big": "x" * (LONGEST_HEADERS - 1000)}).status_code == 200
    problem(town.client.get("/problems", headers={"x-big": "x" * LONGEST_HEADERS}), 431, "headers_too_large")
    problem(town.client.get("/problems", headers={"cookie": "x" * 1_000_000}), 431)
    twice = [("x-big", "x" * (LONGEST_HEADERS // 2 + 100))] * 2
    problem(town.client.get("/problems", headers=twice), 431)


def test_a_token_of_a_hundred_kilobytes_is_none(town):
    problem(town.client.get("/api/v1/bookings", headers={"authorization": "Bearer " + "a" * 100_000}), 401)


def test_a_long_address_is_refused(town):
    problem(town.client.get("/problems/" + "x" * LONGEST_ADDRESS), 414, "address_too_long")
    problem(town.owner.get("/api/v1/bookings?" + "x" * LONGEST_ADDRESS), 414)
    assert town.client.get("/problems/" + "x" * (LONGEST_ADDRESS - 100)).status_code == 404


def headers_twice(town: Town, name: str) -> list[Message]:
    """Past the test's own client, which makes one of two."""
    value = {"host": b"a.example", "content-type": b"application/json"}.get(name, b"x")
    headers = [(b"authorization", b"Bearer " + town.token().encode()), (name.encode(), value), (name.encode(), value)]
    scope: Any = {
        "type": "http", "method": "GET", "path": "/api/v1/bookings", "raw_path": b"/api/v1/bookings",
        "query_string": b"", "headers": headers, "client": ("203.0.113.7", 1), "server": ("x", 1), "scheme": "http",
        "state": {}, "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip
    said: list[Message] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    async def call() -> None:
        await town.app(scope, receive, send)

    with town.client.portal() as portal:
        portal.call(call)
    return said


@pytest.mark.parametrize("name", sorted(one.decode() for one in ONCE - {b"authorization"}))
def test_of_two_of_one_header_none_is_believed(town, name):
    start, body = headers_twice(town, name)
    assert start["status"] == 400  # type: ignore[typeddict-item]
    found = json.loads(body["body"])  # type: ignore[typeddict-item]
    assert (found["code"], found["errors"]) == ("bad_header", [{"message": "This comes twice.", "field": name}])


def test_others_may_come_twice(town):
    assert town.client.get("/problems", headers=[("accept", "a/b"), ("accept", "c/d")]).status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip", "x"])
def test_what_is_packed_is_not_unpacked(town, coding):
    headers = {"content-encoding": coding, "content-type": "application/json"}
    problem(town.owner.post("/api/v1/locations", content=b"\x1f\x8b" * 50, headers=headers), 415, "unsupported_media")


def test_what_is_packed_as_itself_is_read(town):
    body, headers = {"name": "X", "zone": "UTC"}, {"content-encoding": "identity"}
    assert town.owner.post("/api/v1/locations", json=body, headers=headers).status_code == 201


# what every answer says about itself

SAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
}


def dressed(answer: Any) -> None:
    for name, value in SAYS.items():
        assert answer.headers.get_list(name) == [value], name
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' 'unsafe-inline'" not in policy
    assert re.fullmatch("[A-Za-z0-9._-]{8,128}", answer.headers["x-request-id"])
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    if not answer.headers["content-type"].startswith(("text/", "image/")):
        assert answer.headers["cache-control"]


def test_every_answer_of_every_route_is_dressed(town):
    for route in town.app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        url = re.sub(r"\{\w+_id\}", lambda _: str(uuid4()), route.path_format).replace("{name}", "start.js")
        for method in sorted(route.methods):
            for who in (town.client, town.owner):
                answer = who.request(method, url)
                assert answer.status_code < 500, (method, url)
                if method != "OPTIONS":
                    dressed(answer)
                else:
                    assert answer.headers["x-content-type-options"] == "nosniff"
                if url.startswith("/api/"):
                    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("GET", "/nowhere", {}), ("BREW", "/api/v1/bookings", {}), ("GET", "/api/v1/bookings", {"x": "x" * 20_000}),
        ("GET", "/%ff%00", {}), ("GET", "/problems/" + "x" * 9000, {}), ("PUT", "/docs", {}), ("GET", "/docs/none", {}),
        ("POST", "/api/v1/locations", {"content-encoding": "gzip"}), ("TRACE", "/", {}), ("GET", "/book/x/y", {}),
    ],
)  # fmt: skip
def test_every_refusal_is_dressed(town, method, url, headers):
    answer = town.owner.request(method, url, headers=headers)
    assert 400 <= answer.status_code < 500
    dressed(answer)


# what shows how it is doing


def test_metrics_need_the_scraper_s_token(town):
    wrong = ["Bearer junk", f"Bearer {town.token('platform')}", f"Bearer {town.settings.metrics_token}x"]
    for said in ({}, {"x-forwarded-for": "127.0.0.1"}, *({"authorization": one} for one in wrong)):
        problem(town.client.get("/metrics", headers=said), 401, "unauthenticated")
    good = {"authorization": f"Bearer {town.settings.metrics_token}"}
    assert town.client.get("/metrics", headers=good).status_code == 200


def test_without_one_only_this_machine_sees_them(servers, monkeypatch):
    with fresh(servers, metrics_token=None) as settings, Town(settings, views=False) as town:
        problem(town.client.get("/metrics"), 401)
        door: Any = town.app.asgi_handler
        monkeypatch.setattr(door._proxies, "client", lambda *_: "127.0.0.1")
        assert town.client.get("/metrics").status_code == 200
        for passed_on in ("x-forwarded-for", "forwarded", "x-real-ip", "via"):
            problem(town.client.get("/metrics", headers={passed_on: "127.0.0.1"}), 401)
