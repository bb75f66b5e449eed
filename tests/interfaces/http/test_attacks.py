"""What is tried against whatever can be reached from outside, and what the source must not contain because of it."""

import ast
import importlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import msgspec
import pytest
from house import Court, Town, fresh, problem, served, until
from hypothesis import given
from hypothesis import strategies as st
from litestar.routes import HTTPRoute
from msgspec import inspect

from infrastructure.settings import Settings
from interfaces.http.doubled import doubled
from interfaces.http.schema import OPERATION, Operation
from interfaces.trust import minted, trusting

ROOT = Path(__file__).parents[3]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "projections").rglob("*.py")])


@pytest.fixture(scope="module")
def court(town: Town) -> Court:
    return town.court()


def operations(town: Town) -> Iterator[tuple[HTTPRoute, Operation, str]]:
    for route in town.app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if OPERATION in handler.opt:
                    for method in sorted(handler.http_methods):
                        yield route, handler.opt[OPERATION], method


# bodies


def test_no_body_takes_a_field_that_it_does_not_know(town):
    """However deep: what is silently dropped may have meant something to whoever sent it."""
    lax: set[str] = set()

    def look(kind: Any, seen: set[Any]) -> None:
        if isinstance(kind, inspect.StructType):
            if kind.cls in seen:
                return
            seen.add(kind.cls)
            if not kind.forbid_unknown_fields:
                lax.add(kind.cls.__qualname__)
            for field in kind.fields:
                look(field.type, seen)
        for name in ("types", "item_types"):
            for part in getattr(kind, name, ()):
                look(part, seen)
        for name in ("item_type", "key_type", "value_type"):
            if (part := getattr(kind, name, None)) is not None:
                look(part, seen)

    takes = {operation.takes for _, operation, _ in operations(town)} - {None}
    queries = {operation.query for _, operation, _ in operations(town)} - {None}
    assert len(takes) > 20
    for kind in takes | queries:
        look(inspect.type_info(kind), set())
    assert lax == set()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"name":"A","name":"B","zone":"UTC"}', "name"),
        (b'{"zone":"UTC","name":"A","n\\u0061me":"B"}', "name"),
        (b'{"name":"A","zone":"UTC","zone":"UTC"}', "zone"),
    ],
)
def test_a_name_that_comes_twice_is_refused(town, body, name):
    answer = town.owner.post("/api/v1/locations", content=body, headers={"content-type": "application/json"})
    assert problem(answer, 400, "bad_body")["errors"] == [{"message": "This comes twice.", "field": name}]


def test_a_name_may_come_again_in_another_object(town, court):
    wish = court.wish(500)
    wish["items"].append({**wish["items"][0], "starts_at": court.wish(510)["items"][0]["starts_at"],
                          "ends_at": court.wish(510)["items"][0]["ends_at"]})  # fmt: skip
    assert town.owner.post("/api/v1/bookings", json=wish).status_code == 201


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab":,{}\\ \n', max_size=3), inner, max_size=4),
)


@given(VALUES, st.booleans())
def test_what_names_everything_once_is_never_refused(value, spaced):
    text = json.dumps(value, indent=1 if spaced else None, ensure_ascii=spaced)
    assert doubled(text.encode()) is None


@given(VALUES, VALUES, st.text('ab":,{}\\ \n', max_size=3))
def test_what_names_something_twice_is_found_wherever_it_stands(one, other, name):
    inner = f"{{{json.dumps(name)}:{json.dumps(one)},{json.dumps(name)} : {json.dumps(other)}}}"
    for text in (inner, f"[1,{inner}]", f'{{"x":{inner},"y":1}}'):
        msgspec.json.decode(text)  # good JSON, to others
        assert doubled(text.encode()) == name


def test_bombs_are_refused_in_time(town):
    """In the time of any other refusal, give or take a busy machine's whims."""
    deep = b'{"a":' * 90_000
    bombs = [
        deep, b"[" * 900_000,
        b'{"name":"' + b"\\u0041" * 150_000 + b'"}', b'{"name":' + b"9" * 900_000 + b"}",
        b'{"name":1e' + b"9" * 5_000 + b"}",
        b'{"name":-' + b"0" * 5_000 + b"}", b'{"name":[' + b"1," * 400_000 + b"1]}",
        b"{" + b",".join(b'"k%d":1' % n for n in range(70_000)) + b"}",
        b'{"name":"A","name":"' + b"B" * 900_000 + b'"}',
        b'"' * 900_000, b'"\\' * 400_000, b'{"zone":"' + b"/" * 900_000 + b'"}', b"[NaN,Infinity,-Infinity]",
    ]  # fmt: skip
    slowest = 0.0
    for bomb in bombs:
        began = time.process_time()
        answer = town.owner.post("/api/v1/locations", content=bomb, headers={"content-type": "application/json"})
        slowest = max(slowest, time.process_time() - began)
        assert answer.status_code in (400, 422), bomb[:30]
    assert slowest < 2, "a bomb costs what reading a megabyte costs, and nothing that grows faster"


@pytest.mark.parametrize(
    "query",
    [
        "from=2027-01-01T00:00Z&to=3027-01-01T00:00Z",
        "from=1970-01-01T00:00Z&to=2199-01-01T00:00Z", "limit=1000000000",
        "limit=" + "9" * 5000, "cursor=" + "A" * 5000, "&".join(f"p{n}=1" for n in range(1000)), "limit[$gt]=1",
        "reference[$ne]=x", "a=%00", "%00=a", "limit=%F0%9F%92%A9", "limit=NaN", "limit=0x10", "limit=1_0",
    ],
)  # fmt: skip
def test_queries_that_ask_for_too_much_are_no_error_of_ours(town, query):
    for path in ("bookings", "waitlist", "audit", "sessions", "occupancy", "availability", "bookings/counts"):
        answer = town.owner.get(f"/api/v1/{path}?{query}")
        assert 200 <= answer.status_code < 500 or answer.status_code == 503, (path, answer.text)


# what a database could take for its own language

INJECTIONS = [
    "' OR '1'='1", "'; DROP TABLE event_store.event; --", "1; SELECT pg_sleep(5)", "' UNION SELECT version() --",
    "$$; SELECT 1; $$", "\\'; --", "%27%20OR%201=1", "{{7*7}}", "${jndi:ldap://x}", '{"$ne": null}', '{"$where": "1"}',
    "0 OR pg_sleep(5) IS NULL", "x\x00y", "id DESC; --", "(SELECT 1)", "*/ SELECT 1 /*",
]  # fmt: skip


def test_no_parameter_speaks_to_a_database(town, court):
    held = court.book(600)
    held.now()
    ids = {"booking_id": held.id, "resource_id": court.resource, "location_id": court.location}
    (before,) = town.sql("SELECT count(*) FROM event_store.event")
    asked = 0
    for route, operation, method in operations(town):
        if method != "GET":
            continue
        path = re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], str(uuid4())), route.path_format)
        names = [] if operation.query is None else [
            field.encode_name for field in inspect.type_info(operation.query).fields  # type: ignore[attr-defined]
        ]  # fmt: skip
        for n, name in enumerate(names):
            for text in INJECTIONS[n % 4 :: 4]:
                answer = town.owner.get(f"{path}?{quote(name)}={quote(text)}")
                asked += 1
                assert answer.status_code in (200, 400, 403, 404, 422), (path, name, text, answer.text)
        for part in re.findall(r"\{\w+\}", route.path_format):
            for text in INJECTIONS[::5]:
                answer = town.owner.get(route.path_format.replace(part, quote(text, safe="")))
                asked += 1
                assert answer.status_code in (400, 401, 403, 404), (route.path_format, text)
    assert asked > 200
    assert town.sql("SELECT count(*) FROM event_store.event") == [before]


# past the framework: what the server makes of what is no good HTTP


@pytest.fixture(scope="module")
def outside(servers: Settings) -> Iterator[tuple[str, int, str, Path]]:
    """The API as a process of its own, a token, and what it writes."""
    with fresh(servers, trusted_hosts="book.example") as settings, served(settings) as (address, api):
        token = minted(trusting(settings), role="owner", subject="ann", organization=uuid4())
        yield urlsplit(address).hostname or "", urlsplit(address).port or 0, token, api.log


def said(outside: Any, raw: bytes) -> bytes:
    """All that is answered, until the server closes or has nothing more to say."""
    host, port, token, _ = outside
    found = b""
    with socket.create_connection((host, port), timeout=20) as line:
        try:
            line.sendall(raw.replace(b"TOKEN", token.encode()))
            line.settimeout(1.5)
            while more := line.recv(65536):
                found += more
        except (TimeoutError, ConnectionError):
            pass
    return found


def statuses(answer: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]


HOST = b"Host: book.example\r\n"
SMUGGLED = b"GET /problems HTTP/1.1\r\nHost: book.example\r\n\r\n"
POST = b"POST /api/v1/locations HTTP/1.1\r\n" + HOST + b"Authorization: Bearer TOKEN\r\n"
GET = b"GET /problems/slot_taken HTTP/1.1\r\n"

REFUSED = {
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "another coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "packed chunks": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks of HTTP/1.0": b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk of 2^72": POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "two hosts": GET + HOST + b"Host: evil.example\r\n\r\n",
    "two hosts, the other way": GET + b"Host: evil.example\r\n" + HOST + b"\r\n",
    "no host": GET + b"\r\n",
    "another host": GET + b"Host: evil.example\r\n\r\n",
    "another host in an absolute address": b"GET http://book.example/problems HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "a blank before the colon": GET + b"Host : book.example\r\n\r\n",
    "a folded line": GET + HOST + b"X-A: b\r\n c\r\n\r\n",
    "a lone CR": GET + HOST + b"X-A: b\rX-B: c\r\n\r\n",
    "a NUL": GET + HOST + b"X-A: b\x00c\r\n\r\n",
    "a control character in the address": b"GET /prob\x01lems HTTP/1.1\r\n" + HOST + b"\r\n",
    "a megabyte of header": GET + HOST + b"X-A: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "300 headers": GET + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(300)) + b"\r\n",
    "65 headers": GET + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(64)) + b"\r\n",
    "a tunnel": b"CONNECT evil.example:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "nothing in particular": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "the other protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 9,
}


@pytest.mark.parametrize("trick", REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(outside, trick):
    answer = said(outside, REFUSED[trick])
    assert all(400 <= status < 500 for status in statuses(answer)), answer[:500]
    assert len(statuses(answer)) <= 1
    assert b"evil" not in answer


@pytest.mark.parametrize("order", [b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                                   b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"])  # fmt: skip
def test_behind_a_length_and_chunks_nothing_more_is_read(outside, order):
    """Whoever stands in front may have gone by the length: what comes behind would be somebody else's request."""
    answer = said(outside, POST + order + b"\r\n0\r\n\r\n" + SMUGGLED)
    assert len(statuses(answer)) == 1, answer
    assert b"connection: close" in answer.lower()


def test_an_absolute_address_means_its_path_and_no_other_machine(outside):
    answer = said(outside, b"GET http://evil.example/problems/slot_taken HTTP/1.1\r\n" + HOST + b"\r\n")
    assert statuses(answer) == [200]
    assert b"evil" not in answer


@pytest.mark.parametrize(
    "path",
    [b"/api/v1/locations/", b"//api/v1/locations", b"/api//v1/locations", b"/API/v1/locations", b"/api/v1/locations;x",
     b"/problems/../api/v1/locations", b"/problems/%2e%2e/api/v1/locations", b"/api/v1/locations%00",
     b"/api/v1/locations%2f", b"/health/live/../../api/v1/locations"],
)  # fmt: skip
def test_no_way_of_writing_an_address_opens_it(outside, path):
    assert statuses(said(outside, b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n"))[0] in (400, 401, 404)


# one line, one record

MARK = "marked7d1c"
EVIL_TEXTS = [
    f"{MARK}\r\n{{\"event\":\"forged\"}}", f"{MARK}\x1b[2J\x1b[31m", f"{MARK}\u2028forged\u2029\x85", f"{MARK}" * 3000,
    f"{MARK}\"}}{{\"event\":\"forged\"", f"{MARK}\\", f"{MARK}\x00\x07\x7f", f"{MARK}\u202e\u200b",
]  # fmt: skip


NAMES = [
    b"X-Request-Id", b"User-Agent", b"Traceparent", b"Idempotency-Key", b"Daybook-Organization", b"If-Match",
    b"X-Forwarded-For", b"Origin", b"Content-Type", b"Cookie", b"Daybook-Hold-Token",
]  # fmt: skip


def test_whatever_is_sent_one_line_is_one_record_and_says_nothing_of_it(outside):
    token, log = outside[2], outside[3]
    before = len(log.read_bytes())
    sent = 0
    for text in EVIL_TEXTS:
        raw = text.encode()
        plain = raw.replace(b"\r", b"").replace(b"\n", b"").replace(b"\x00", b"")
        body = json.dumps({"name": text, "zone": text, text[:200]: text}).encode()
        for name in NAMES:
            head = POST + name + b": " + plain[:12_000] + b"\r\nContent-Length: %d\r\n" % len(body)
            sent += bool(said_quickly(outside, head + b"Connection: close\r\n\r\n" + body))
        path = quote(text[:1000], safe="").encode()
        for address in (b"/api/v1/bookings/" + path, b"/api/v1/bookings?reference=" + path, b"/" + path, b"/?" + path):
            sent += bool(said_quickly(outside, b"GET " + address + b" HTTP/1.1\r\n" + HOST
                                      + b"Authorization: Bearer TOKEN\r\nConnection: close\r\n\r\n"))  # fmt: skip
        sent += bool(
            said_quickly(
                outside, MARK.upper().encode() + b" /problems HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
            )
        )
    last = b"the-last-of-them"  # behind it nothing of what was sent before is still to be written
    said_quickly(outside, GET + HOST + b"X-Request-Id: " + last + b"\r\nConnection: close\r\n\r\n")
    until(lambda: last in log.read_bytes()[before:])
    written = log.read_bytes()[before:]
    assert sent > 80
    assert written.count(b'"event":"request"') > 50, "of some the server itself says that they are no HTTP"
    for line in written.rstrip(b"\n").split(b"\n"):
        record = json.loads(line)
        assert record["event"] in ("request", "failed"), line
        assert record["event"] == "request", line
        assert len(line) < 600
    assert written.isascii()
    assert MARK.encode() not in written.lower()
    assert token.encode() not in written


def said_quickly(outside: Any, raw: bytes) -> bytes:
    """The beginning of the answer."""
    host, port, token, _ = outside
    with socket.create_connection((host, port), timeout=20) as line:
        try:
            line.sendall(raw.replace(b"TOKEN", token.encode()))
            return line.recv(4096)
        except ConnectionError:
            return b""


# the source


def trees() -> Iterator[tuple[str, ast.Module]]:
    for file in SOURCES:
        yield str(file.relative_to(ROOT)), ast.parse(file.read_text())


def module_of(path: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def patterns() -> dict[str, tuple[str, Any]]:
    """Every regular expression of the source, by where it stands."""
    found: dict[str, tuple[str, Any]] = {}
    for path, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            given = [node.args[0]] if re.fullmatch(r"re\.\w+", called) and node.args and called != "re.escape" else []
            given += [word.value for word in node.keywords if word.arg == "pattern"]
            for expression in given:
                names = vars(importlib.import_module(module_of(path)))
                value = eval(compile(ast.Expression(expression), path, "eval"), dict(names))  # our own
                found[f"{path}:{expression.lineno} {ast.unparse(expression)[:40]}"] = (path, value)
    return found


CHILD = """
import json, re, signal, sys
from re import _constants as sre, _parser

def sample(tree, size):
    # A text that it nearly matches: of everything that repeats as many as there is room for.
    made = ""
    for op, what in tree:
        name = str(op)
        if name == "LITERAL": made += chr(what)
        elif name == "NOT_LITERAL": made += "b" if what == ord("a") else "a"
        elif name == "ANY": made += "a"
        elif name == "IN":
            first = next((w for w in what if str(w[0]) in ("LITERAL", "RANGE", "CATEGORY")), None)
            if str(what[0][0]) == "NEGATE": made += next((c for c in "a0~z-" if not any(
                (str(w[0]) == "LITERAL" and w[1] == ord(c)) or (str(w[0]) == "RANGE" and w[1][0] <= ord(c) <= w[1][1])
                for w in what[1:])), "!")
            elif str(first[0]) == "LITERAL": made += chr(first[1])
            elif str(first[0]) == "RANGE": made += chr(first[1][0])
            else: made += "0" if "DIGIT" in str(first[1]) else " " if "SPACE" in str(first[1]) else "a"
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, inner = what
            one = sample(inner, size // 20) or "a"
            made += one * max(least, min(int(most), max(1, size // len(one))))
        elif name == "SUBPATTERN": made += sample(what[3], size)
        elif name == "BRANCH": made += sample(what[1][-1], size)
        elif name == "ATOMIC_GROUP": made += sample(what, size)
        if len(made) > size: made = made[:size]
    return made

def late(*_): raise TimeoutError
signal.signal(signal.SIGVTALRM, late)
slow = []
for where, text, of_bytes in json.load(sys.stdin):
    pattern = re.compile(text.encode("latin-1") if of_bytes else text)
    own = sample(_parser.parse(text), 50_000)
    evil = [own, own[:-1] + "!", own + "\\n", "!" + own, (own[:50] * 50_000)[:50_000] + "\\x00"]
    evil += [(one * 50_000)[:50_000] + "!" for one in (
        "a", "0", " ", "-", ".", ":", "/", "@", "[", "://", "://a:", '"', '"":',
        "\\\\", "a-", "a.", "1:", ", ", "\\n", "a b",
        "_", "\\u2028", "https://a", ",a", "?password=", "(", "{", "<", "%", "T00:00", "2027-", "=", "&")]
    for one in evil:
        one = one.encode("latin-1", "replace") if of_bytes else one
        signal.setitimer(signal.ITIMER_VIRTUAL, 2)
        try:
            pattern.search(one); pattern.fullmatch(one); pattern.sub(pattern.pattern[:0], one)
        except TimeoutError:
            slow.append([where, repr(one[:60])])
            break
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
json.dump(slow, sys.stdout)
"""


def slow(found: list[tuple[str, Any]]) -> list[list[str]]:
    """Those that take more than seconds of a processor for 50,000 characters, which a linear one reads in one
    thousandth of one."""
    asked = [
        (where, value.decode("latin-1") if isinstance(value, bytes) else value, isinstance(value, bytes))
        for where, value in found
    ]
    child = subprocess.run(  # our own
        [sys.executable, "-c", CHILD], input=json.dumps(asked), capture_output=True, text=True, timeout=280, check=False
    )
    assert child.returncode == 0, child.stderr
    answer: list[list[str]] = json.loads(child.stdout)
    return answer


def test_the_check_of_expressions_barks():
    assert {where for where, _ in slow([("evil", "^(a+)+$"), ("good", "^a+$"), ("worse", r"(a|a)*b")])} == {
        "evil",
        "worse",
    }


def test_no_expression_can_be_kept_busy():
    found = patterns()
    assert len(found) >= 30
    assert all(isinstance(value, str | bytes) for _, value in found.values())
    assert slow([(where, value) for where, (_, value) in found.items()]) == []


COMPOSED = {
    # Names out of our own code: no value that anybody sends gets there.
    "projections/rebuild.py": ["table.name"],
    "src/infrastructure/identity/rows.py": ["function"],
}
"""Where a statement is put together all the same, and why that is safe: by file, the names of what is put in."""

SINKS = {"execute", "executemany", "copy", "stream"}


def unsafe(tree: ast.AST) -> Iterator[str]:
    """What is put together for a database, but for constants by name (in capitals) and psycopg's own words."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in SINKS
            and node.args
        ):
            yield from put_in(node.args[0])


def put_in(text: ast.expr) -> Iterator[str]:
    match text:
        case ast.JoinedStr():
            for part in text.values:
                if isinstance(part, ast.FormattedValue) and not constant(part.value):
                    yield ast.unparse(part.value)
        case ast.BinOp(op=ast.Mod()):
            yield ast.unparse(text)
        case ast.BinOp(op=ast.Add()):
            for side in (text.left, text.right):
                if isinstance(side, ast.JoinedStr | ast.BinOp):
                    yield from put_in(side)
                elif not constant(side):
                    yield ast.unparse(side)
        case ast.Call(func=ast.Attribute(attr="format", value=value)) if not under_sql(value):
            yield ast.unparse(text)
        case ast.Call(func=ast.Attribute(attr="join")):
            yield ast.unparse(text)


def under_sql(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("sql.SQL", "SQL")


def constant(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) or re.fullmatch(r"(\w+\.)*_*[A-Z][A-Z_0-9]*", ast.unparse(value)) is not None


@pytest.mark.parametrize(
    "line",
    ['c.execute(f"SELECT {name}")', 'c.execute("SELECT %s" % name)', 'c.execute("SELECT " + name)',
     'c.execute("SELECT {}".format(name))', 'c.execute(", ".join(names))', 'c.copy(f"COPY {table}")'],
)  # fmt: skip
def test_the_check_of_statements_barks(line):
    assert list(unsafe(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    ['c.execute("SELECT %s", [name])', 'c.execute(f"SELECT {COLUMNS}")', "c.execute(statements.READ, [x])",
     'c.execute(sql.SQL("SELECT {}").format(sql.Identifier(n)))', 'c.execute(READ + ONE, [x])'],
)  # fmt: skip
def test_and_lets_pass_what_is_safe(line):
    assert not list(unsafe(ast.parse(line)))


def test_no_value_is_put_into_a_statement():
    found = {(path, name) for path, tree in trees() for name in unsafe(tree)}
    known = {(path, name) for path, names in COMPOSED.items() for name in names}
    assert found - known == set()
    assert known - found == set(), "no longer needed"


SECRETS = re.compile(r"(^|_)(token|secret|digest|password|hash|hashed|signature|mac|code_hash)$")
NO_SECRETS = {
    ("src/infrastructure/postgres/migrate.py", "known[file.stem] != digest"),  # of a file of ours
    ("src/infrastructure/jobs/schema.py", "row[0] != digest"),
    ("src/infrastructure/identity/signing.py", "previous != secret"),  # both are settings of ours
    # Of two hashes of secrets: how much of one was right says nothing about the secret.
    ("src/application/unit_of_work.py", "token != stranger.shows"),
    # How it is written, not what it says.
    ("src/application/identity/reception.py", "text(found) == token"),
}
"""Compared all the same: by file, what."""


def compared(tree: ast.AST) -> Iterator[str]:
    """Secrets that are compared with ==, which tells by its time how much of them was right."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) for side in sides):
                continue
            names = [re.split(r"[.\[(]", ast.unparse(side).rstrip(")]"))[-1] for side in sides]
            if any(SECRETS.search(name) for name in names):
                yield ast.unparse(node)


def test_the_check_of_comparisons_barks():
    assert list(compared(ast.parse("if given.token != known.secret: pass")))
    assert list(compared(ast.parse("hold_token == x")))
    assert not list(compared(ast.parse("hmac.compare_digest(token, x)\ntoken == None\nkind == 'token'")))


def test_no_secret_is_compared_letter_by_letter():
    found = {(path, what) for path, tree in trees() for what in compared(tree)}
    assert found - NO_SECRETS == set()
    assert NO_SECRETS - found == set(), "no longer needed"


def test_nothing_reads_or_runs_what_it_is_sent():
    """No pickle, no eval, no shell, no YAML, no XML: whoever needs one writes here why."""
    evil = {"pickle", "marshal", "shelve", "yaml", "xml", "dill", "jsonpickle"}
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
                assert not {name.partition(".")[0] for name in names} & evil, path
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("eval", "exec", "os.system", "os.popen"), path
                assert not any(word.arg == "shell" for word in node.keywords), path


def test_the_environment_of_tests_is_no_other_tree():
    assert os.path.commonpath([ROOT, importlib.import_module("interfaces").__path__[0]]) == str(ROOT)
