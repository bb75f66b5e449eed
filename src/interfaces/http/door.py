"""The one thing between the server and the app: request id, headers that every answer has, one log line, one metric.

Pure ASGI and one layer: each middleware of the framework's own kind costs as much as reading a row.
"""

import asyncio
import re
from collections.abc import Mapping
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

from interfaces.http.errors import ClientLeft
from interfaces.http.logs import log
from interfaces.http.metrics import Metrics

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,128}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

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

    def __init__(self, app: ASGIApp, metrics: Metrics, allowed: Mapping[str, str], patience: float) -> None:
        """`allowed`: by route template, all methods that Allow names. The framework's answer to OPTIONS knows only
        those of the handler that was registered first. `patience`: seconds in which a body must have come."""
        self._app = app
        self._allowed = allowed
        self._patience = patience
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

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if method == "OPTIONS" and status == 204:
                    allow = self._allowed.get(scope["path_template"], "OPTIONS").encode()
                    message["headers"] = [(b"allow", allow)]
                _dress(message, state, request_id)
            elif bodiless and message["type"] == "http.response.body":
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        if b"content-length" in given or b"transfer-encoding" in given:
            receive = bounded(receive, self._patience)
        try:
            await self._app(scope, receive, sent)
        finally:
            seconds = perf_counter() - started
            route = scope.get("path_template") or "(none)"
            name = str(method) if method in METHODS else "OTHER"
            self._metrics.request(name, route, status, seconds)
            self._say(
                "request", method=name, route=route, status=status, ms=round(seconds * 1000, 2),
                tenant=state.get("tenant"), request_id=state["request_id"], code=state.get("code"),
            )  # fmt: skip


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


def _dress(message: HTTPResponseStartEvent, state: dict[str, Any], request_id: bytes) -> None:
    page = state.get("page")
    common = FORM if page == "form" else PAGE if page else PRIVATE
    message["headers"] = [*message["headers"], *common, (b"x-request-id", request_id)]
