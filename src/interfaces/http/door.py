"""The one thing between the server and the app: who it is that asks, whether they may at all just now, request id,
headers that every answer has, one log line, one metric.

Pure ASGI and one layer: each middleware of the framework's own kind costs as much as reading a row.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

from litestar.enums import ScopeType
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    HTTPResponseStartEvent,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)
from uuid_utils import uuid7

from domain.errors import Refusal
from interfaces.http.address import Proxies
from interfaces.http.caller import Caller
from interfaces.http.cors import Cors
from interfaces.http.errors import (
    PROBLEM,
    AddressTooLong,
    BadHeader,
    ClientLeft,
    HeadersTooLarge,
    NotServedHere,
    UnsupportedMedia,
    Wrong,
    encoded,
    headers,
    problem_of,
)
from interfaces.http.limits import Kind, Limits
from interfaces.http.logs import log
from interfaces.http.metrics import Metrics

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,128}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MOST_HEADERS = 64
LONGEST_HEADERS = 16_384
"""Bytes of all values together. A token has a limit, and an answer, of its own."""
LONGEST_ADDRESS = 8_192
ONCE = frozenset({
    b"authorization", b"content-encoding", b"content-length", b"content-type", b"daybook-hold-token",
    b"daybook-min-position", b"daybook-organization", b"host", b"idempotency-key", b"if-match", b"origin",
    b"transfer-encoding",
})  # fmt: skip
"""Of a header that comes twice somebody in front of us may have read the other one. (Two tokens are none, and 401.)"""
ANYTHING = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
"""What a browser is told of an address at which nothing is: then it learns so from the answer."""
JSON_PROBLEM = PROBLEM.encode()
PROBES = frozenset({"/health/live", "/health/ready"})
"""Asked by whoever watches over the processes, under whatever name."""

_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
]
PRIVATE = [
    *_ALWAYS,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
"""What an answer says about itself unless it speaks for itself: it is data, for one reader, not to be kept."""
PAGE = [
    *_ALWAYS,
    (b"content-security-policy", _PAGE_POLICY),
]
FORM = [
    *_ALWAYS,
    (b"content-security-policy", _PAGE_POLICY.replace(b"form-action 'none'", b"form-action 'self'")),
]
"""A page whose form asks for another page of ours."""


class FrontDoor:
    """Wraps the app. `scope["state"]` carries what was found out on the way: request_id, started,
    tenant, code."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, allowed: Mapping[str, str], patience: float, *,
        limits: Limits, kind: Callable[[str, str], tuple[Kind | None, str]], known: Callable[[bytes], Caller | None],
        proxies: Proxies, hosts: Sequence[str], cors: Cors,
    ) -> None:  # fmt: skip
        """`allowed`: by route template, all methods that Allow names. The framework's answer to OPTIONS knows only
        those of the handler that was registered first. `patience`: seconds in which a body must have come.

        `kind`: of a path and a method, which limit applies, and the route's template. `known`: who shows an
        Authorization that was found good before. `hosts`: the names that are served here; none: all."""
        self._app = app
        self._allowed = allowed
        self._patience = patience
        self._limits = limits
        self._kind = kind
        self._known = known
        self._proxies = proxies
        self._hosts = frozenset(host.lower().encode() for host in hosts)
        self._cors = cors
        self._metrics = metrics
        self._say = log.bind().info  # bound once: the module's logger is bound anew at each word

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        given: dict[bytes, bytes] = dict(scope["headers"])
        request_id = given.get(b"x-request-id", b"")
        if not REQUEST_ID.fullmatch(request_id):
            request_id = uuid7().hex.encode()
        # A state of its own: servers hand the same dictionary to every request.
        state: dict[str, Any] = {
            **scope.get("state", {}), "request_id": request_id.decode(), "headers": given, "started": started,
        }  # fmt: skip
        scope["state"] = state
        method = scope["method"]
        bodiless = method == "HEAD"
        if bodiless:
            scope["method"] = "GET"  # whoever answers GET answers HEAD
        status = 0
        extra: list[tuple[bytes, bytes]] = []
        peer = scope.get("client")
        client = self._proxies.client(peer[0], scope["headers"]) if peer else ""
        if peer and client != peer[0]:
            scope["client"] = (client, 0)

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if method == "OPTIONS" and status == 204:
                    allow = self._allowed.get(scope["path_template"], "OPTIONS").encode()
                    message["headers"] = [(b"allow", allow)]
                _dress(message, state, request_id, extra)
            elif bodiless and message["type"] == "http.response.body":
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        try:
            refusal = self._unreadable(scope, given)
            if self._cors.open:
                extra += self._cors.headers(given.get(b"origin", b""))
            if refusal is None:
                kind, template = self._kind(scope["path"], scope["method"])
                scope["path_template"] = template
                if self._cors.open and self._cors.asks(method, given):
                    extra += self._cors.agreed(self._allowed.get(template, ANYTHING))
                    await send_whole(sent, 200, b"", [])
                    return
                verdict = await self._limits.admit(kind, self._known(given.get(b"authorization", b"")), client)
                if verdict is not None:
                    extra += verdict.headers
                    refusal = verdict.refusal
            if refusal is None:
                if b"content-length" in given or b"transfer-encoding" in given:
                    receive = bounded(receive, self._patience)
                await self._app(scope, receive, sent)
            else:
                state["code"] = refusal.code
                problem = problem_of(refusal, state["request_id"])
                found = [(name.encode(), value.encode()) for name, value in headers(refusal, refusal).items()]
                await send_whole(sent, problem.status, encoded(problem), [(b"content-type", JSON_PROBLEM), *found])
        finally:
            seconds = perf_counter() - started
            route = scope.get("path_template") or "(none)"
            name = str(method) if method in METHODS else "OTHER"
            self._metrics.request(name, route, status, seconds)
            self._say(
                "request", method=name, route=route, status=status, ms=round(seconds * 1000, 2),
                tenant=state.get("tenant"), request_id=state["request_id"], code=state.get("code"),
            )  # fmt: skip

    def _unreadable(self, scope: Scope, given: Mapping[bytes, bytes]) -> Refusal | None:
        """What speaks against reading it at all. Checked on every request: it has to cost next to nothing."""
        found = list(scope["headers"])
        if len(scope["path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
            return AddressTooLong()
        size = sum(map(len, given.values())) - len(given.get(b"authorization", b""))
        if len(given) != len(found):
            size = sum(len(value) for name, value in found if name != b"authorization")
            names = [name for name, _ in found]
            twice = sorted(name for name in ONCE - {b"authorization"} if names.count(name) > 1)
            if twice:
                return BadHeader(errors=[Wrong("This comes twice.", name.decode()) for name in twice])
        if len(found) > MOST_HEADERS or size > LONGEST_HEADERS:
            return HeadersTooLarge()
        if given.get(b"content-encoding", b"identity").strip().lower() not in (b"identity", b""):
            return UnsupportedMedia()
        if given.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            return UnsupportedMedia()
        if self._hosts and scope["path"] not in PROBES and host_of(given.get(b"host", b"")) not in self._hosts:
            return NotServedHere()
        return None


def host_of(value: bytes) -> bytes:
    """The name without its port, in small letters and without the root's dot."""
    host = value.strip().lower()
    name = host.partition(b"]")[0] + b"]" if host.startswith(b"[") else host.partition(b":")[0]
    return name.removesuffix(b".")


async def send_whole(send: Send, status: int, body: bytes, about: Sequence[tuple[bytes, bytes]]) -> None:
    """An answer of our own, without the framework."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*about, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def bounded(receive: Receive, patience: float) -> Receive:
    """The body has so many seconds to come, however it trickles; and whoever leaves half way is no error of ours."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + patience
    late = False

    def cut(task: asyncio.Task[object]) -> None:
        nonlocal late
        late = True
        task.cancel()

    async def received() -> HTTPReceiveMessage | WebSocketReceiveMessage:
        # By hand what asyncio.timeout does with a context and three more calls, for each piece of a body.
        task = asyncio.current_task()
        assert task is not None
        alarm = loop.call_at(ends, cut, task)
        try:
            message = await receive()
        except asyncio.CancelledError:
            if late:
                task.uncancel()
                raise TimeoutError from None
            raise
        finally:
            alarm.cancel()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        return message

    return received


def _dress(
    message: HTTPResponseStartEvent, state: dict[str, Any], request_id: bytes, extra: Sequence[tuple[bytes, bytes]]
) -> None:  # fmt: skip
    page = state.get("page")
    common = FORM if page == "form" else PAGE if page else PRIVATE
    message["headers"] = [*message["headers"], *common, (b"x-request-id", request_id), *extra]
