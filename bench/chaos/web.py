"""The door at HTTP: wishes as requests to one API process. Whatever goes wrong is an outcome."""

import http.client
import threading
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from application.booking.commands import (
    Approve,
    Cancel,
    Confirm,
    Decline,
    PlaceHold,
    ReleaseHold,
    Reschedule,
    ReverseCancellation,
)
from application.message import Command
from application.resource.commands import ChangeCapacity
from bench.chaos.journal import Outcome, Verdict
from bench.chaos.town import Wish

NOT_YET = ("command_in_flight",)
"""4xx that say nothing about what will become of it: ask again."""


class Answered(msgspec.Struct, frozen=True):
    """One answer, as it came."""

    status: int
    headers: dict[str, str]
    body: Any


class HttpDoor:
    """One address, one token; a connection for each thread, opened again when it was lost."""

    def __init__(self, address: str, token: str, deadline: float = 12.0) -> None:
        parts = urlsplit(address)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self._token = token
        self._deadline = deadline
        self._threads = threading.local()

    def send(self, wish: Wish) -> Outcome:
        method, path, body = asked(wish.command)
        headers = {"Idempotency-Key": wish.key, "X-Request-Id": wish.key, "If-Match": "*"}
        began = time.monotonic()
        try:
            answered = self.ask(method, path, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as lost:
            return Outcome(wish.key, "unknown", f"{type(lost).__name__}: {lost}"[:200], took=time.monotonic() - began)
        took = time.monotonic() - began
        found = answered.body if isinstance(answered.body, dict) else {}
        if answered.status < 300:
            return Outcome(
                wish.key, "ok", str(answered.status), UUID(found["id"]), found["version"], int(found["position"]), None,
                "idempotent-replayed" in answered.headers, took,
            )  # fmt: skip
        codes = [found.get("code", "?"), *(reason["code"] for reason in found.get("reasons", ()))]
        known = 400 <= answered.status < 500 and answered.status != 429 and codes[0] not in NOT_YET
        verdict: Verdict = "fail" if known else "unknown"
        retry = f" retry-after {answered.headers['retry-after']}" if "retry-after" in answered.headers else ""
        why = " ".join(codes) if answered.status < 500 else f"{answered.status} {' '.join(codes)}{retry}"
        return Outcome(wish.key, verdict, why, took=took)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answered:
        """One request; raises what the socket raises. The connection is given up with every trouble."""
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self._deadline)
            self._threads.connection = connection
        given = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        sent = None
        if body is not None:
            sent, given["Content-Type"] = msgspec.json.encode(body), "application/json"
        try:
            connection.request(method, path, sent, given)
            answer = connection.getresponse()
            text = answer.read()
        except BaseException:
            connection.close()
            self._threads.connection = None
            raise
        found = {name.lower(): value for name, value in answer.getheaders()}
        json = "json" in found.get("content-type", "")
        return Answered(answer.status, found, msgspec.json.decode(text) if json and text else text.decode())

    def close(self) -> None:
        """Connections end with their threads."""


def asked(command: Command) -> tuple[str, str, Any]:
    """Method, path and body of a command."""
    match command:
        case PlaceHold(location_id=location, items=items, then=then):
            return "POST", "/api/v1/bookings", {"location_id": location, "items": items, "then": then}
        case Reschedule(booking_id, items):
            return "POST", f"/api/v1/bookings/{booking_id}/reschedule", {"items": items}
        case Cancel(booking_id, by):
            return "POST", f"/api/v1/bookings/{booking_id}/cancellation", {"by": by}
        case ReverseCancellation(booking_id):
            return "DELETE", f"/api/v1/bookings/{booking_id}/cancellation", None
        case Confirm(booking_id):
            return "POST", f"/api/v1/bookings/{booking_id}/confirmation", {}
        case Approve(booking_id):
            return "POST", f"/api/v1/bookings/{booking_id}/approval", {}
        case Decline(booking_id):
            return "POST", f"/api/v1/bookings/{booking_id}/decline", {}
        case ReleaseHold(booking_id):
            return "DELETE", f"/api/v1/bookings/{booking_id}/hold", None
        case ChangeCapacity(resource_id, capacity):
            return "PATCH", f"/api/v1/resources/{resource_id}", {"capacity": capacity}
    raise NotImplementedError(type(command).__name__)
