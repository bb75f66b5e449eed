"""One table turns families of refusals into status codes; every answer that is none is a problem (RFC 9457)."""

import traceback
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response
from litestar.connection import Request
from litestar.exceptions import HTTPException
from msgspec import Struct

from application.bus import CommandInFlight
from application.bus import ViewBehind as NotYetShown
from application.event_store import Unavailable, UnreadableHistory
from application.identity.accounts import SecondFactorNeeded, TooManyGuesses, WrongCredentials
from application.identity.issuers import NotBelieved
from domain.booking.errors import TooManyFromHere
from domain.errors import Conflict, Forbidden, Malformed, Refusal, Rule, Stale, Unknown
from interfaces.http.logs import log

PROBLEM = "application/problem+json"


# What only a door can refuse


class Unauthenticated(Refusal):
    """A valid bearer token is needed."""


class PreconditionRequired(Refusal):
    """Staff change a booking as they have seen it: send its ETag as If-Match."""


class UnsupportedMedia(Refusal):
    """The body must be JSON, with Content-Type application/json."""


class BadBody(Malformed):
    """The body is not what this route takes."""


class BadQuery(Malformed):
    """The query is not what this route takes."""


class BadPath(Malformed):
    """The address names something that cannot be."""


class BadHeader(Malformed):
    """A header cannot be read."""


class Incoherent(Rule):
    """What was asked is well-formed, but does not fit together."""


class BadCursor(Malformed):
    """This cursor was not made here: take `next` of the page before."""


class OrganizationNeeded(Malformed):
    """You belong to several organizations: name one with Daybook-Organization."""


class TooLarge(Refusal):
    """The body is larger than 1 MB."""


class AddressTooLong(Refusal):
    """The address is longer than 8 KB."""


class HeadersTooLarge(Refusal):
    """There are more than 64 headers, or more than 16 KB of them."""


class NotServedHere(Refusal):
    """Nobody of this name is served here."""


class TooManyRequests(Refusal):
    """You have asked too often: wait for as many seconds as Retry-After says."""


class TooSlow(Refusal):
    """The body did not come in time."""


class NoSuchRoute(Refusal):
    """There is nothing at this address."""


class MethodNotAllowed(Refusal):
    """This address does not do that: see Allow."""


class UnavailableNow(Refusal):
    """Something that Daybook depends on did not answer in time: try again shortly."""


class OutcomeUnknown(Refusal):
    """It may have been done all the same: repeat it with the same Idempotency-Key, or look before you repeat it."""


class HistoryUnreadable(Refusal):
    """A part of its history cannot be read by this version of Daybook: an operator has to see to it."""


class ViewBehind(Refusal):
    """This is not shown yet: ask again shortly."""


class InternalError(Refusal):
    """Something went wrong here. It has been noted under this id."""


STATUS: Mapping[type[Refusal], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    WrongCredentials: 401,
    NotBelieved: 401,
    SecondFactorNeeded: 401,
    Forbidden: 403,
    Unknown: 404,
    NoSuchRoute: 404,
    MethodNotAllowed: 405,
    TooSlow: 408,
    Conflict: 409,
    Stale: 412,
    TooLarge: 413,
    AddressTooLong: 414,
    UnsupportedMedia: 415,
    NotServedHere: 421,
    Rule: 422,
    TooManyFromHere: 429,
    TooManyRequests: 429,
    TooManyGuesses: 429,
    PreconditionRequired: 428,
    HeadersTooLarge: 431,
    InternalError: 500,
    UnavailableNow: 503,
    OutcomeUnknown: 503,
    HistoryUnreadable: 503,
    ViewBehind: 503,
}
"""The table. A refusal's family is the first of its classes that stands here."""

RETRY_AFTER = {UnavailableNow: "1", ViewBehind: "1", CommandInFlight: "1", TooManyFromHere: "60"}
"""Seconds after which the same request may well succeed."""

ROUTE_ERRORS: Mapping[int, type[Refusal]] = {
    400: BadBody,
    401: Unauthenticated,
    404: NoSuchRoute,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMedia,
    503: UnavailableNow,
}
"""What the framework refuses by itself, in our words."""


class Wrong(Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with what was sent."""

    message: str
    field: str | None = None
    """Where: `items[0].units`, a query parameter's or a header's name."""


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why it was not done (RFC 9457). `code` is stable: programs may rely on it, and on nothing else."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    """The id of this request: name it when asking for help."""
    reasons: list[Any] = []
    """All that speaks against a booking, in a fixed order, each with a stable `code`."""
    errors: list[Wrong] = []
    """What is wrong with the request, and where."""
    details: dict[str, Any] = {}
    """What a program can go on with: a suggested time, an expiry, a number."""


class ClientLeft(Exception):
    """Nobody is there any more to hear what is wrong; but it is no fault of ours, and must not be noted as one."""


def status_of(kind: type[Refusal]) -> int:
    return next((STATUS[family] for family in kind.__mro__ if family in STATUS), 500)


def title_of(kind: type[Refusal]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def refusals() -> dict[str, type[Refusal]]:
    """Every code that can be met here, with what it means."""
    found: dict[str, type[Refusal]] = {}
    todo: list[type[Refusal]] = [Refusal]
    while todo:
        for kind in todo.pop().__subclasses__():
            todo.append(kind)
            if kind not in FAMILIES:
                found[kind.code] = kind
    return dict(sorted(found.items()))


FAMILIES = {Malformed, Unknown, Forbidden, Conflict, Rule, Stale}


def refusal_of(error: Exception) -> Refusal:
    """Whatever was raised, as a refusal. What is not expected becomes an `InternalError` that says nothing."""
    match error:
        case Refusal():
            return error
        case msgspec.ValidationError():
            return BadBody(errors=[wrong(error)])
        case msgspec.DecodeError():
            return BadBody(errors=[Wrong(f"The body is not JSON: {error}")])
        case RecursionError():
            return BadBody(errors=[Wrong("It is nested too deeply.")])
        case NotYetShown():
            return ViewBehind()
        case Unavailable(unknown=True):
            return OutcomeUnknown()
        case Unavailable():
            return UnavailableNow()
        case UnreadableHistory():
            return HistoryUnreadable()
        case TimeoutError():
            return TooSlow()
        case ClientLeft():
            return BadBody(errors=[Wrong("The connection ended before the body did.")])
        case HTTPException():
            kind = ROUTE_ERRORS.get(error.status_code)
            if kind is not None:
                return kind()
    return InternalError()


FORMS: dict[str, str] = {}
"""What a pattern means, in words."""


def wrong(error: Exception) -> Wrong:
    """A msgspec message says where at its end: "Expected `int`, got `str` - at `$.items[0].units`"."""
    message, _, where = str(error).partition(" - at `$")
    pattern = message.partition(" matching regex ")[2].strip("'").replace("\\\\", "\\")
    return Wrong(FORMS.get(pattern, message), where.rstrip("`").lstrip(".") or None)


def problem_of(refusal: Refusal, request_id: str) -> Problem:
    detail = dict(refusal.detail)
    title = title_of(type(refusal))
    return Problem(
        type=f"/problems/{refusal.code}",
        title=title,
        status=status_of(type(refusal)),
        detail=str(refusal) or title,
        code=refusal.code,
        instance=f"urn:daybook:request:{request_id}",
        reasons=detail.pop("reasons", []),
        errors=detail.pop("errors", []),
        details=detail,
    )


class AnsweredWithProblem:
    """The exception handler of the app."""

    def __call__(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        state = request.scope["state"]
        request_id = state.get("request_id", "")
        refusal = refusal_of(error)
        state["code"] = refusal.code
        if isinstance(refusal, InternalError):
            log.error("failed", request_id=request_id, error=type(error).__name__, at=where(error))
        problem = problem_of(refusal, request_id)
        found = headers(refusal, error)
        return Response(encoded(problem), status_code=problem.status, media_type=PROBLEM, headers=found)


def encoded(problem: Problem) -> bytes:
    try:
        return msgspec.json.encode(problem, enc_hook=str)
    except (ValueError, OverflowError, TypeError):  # a detail that JSON cannot carry
        return msgspec.json.encode(msgspec.structs.replace(problem, details={}))


def headers(refusal: Refusal, error: Exception) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(refusal, MethodNotAllowed) and isinstance(error, HTTPException):
        allowed = {method.strip() for method in (error.headers or {}).get("allow", "").split(",") if method.strip()}
        found["allow"] = ", ".join(sorted(allowed | {"HEAD"} if "GET" in allowed else allowed))
    if status_of(type(refusal)) == 401:
        found["www-authenticate"] = 'Bearer realm="daybook"'
    if "retry_after" in refusal.detail:
        found["retry-after"] = str(refusal.detail["retry_after"])
    for kind, seconds in RETRY_AFTER.items():
        if isinstance(refusal, kind):
            found["retry-after"] = seconds
    return found


def where(error: BaseException) -> list[str]:
    """The way to the error without its words, which may hold somebody's name."""
    return [
        f"{frame.filename.rpartition('/src/')[2]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-12:]
    ]
