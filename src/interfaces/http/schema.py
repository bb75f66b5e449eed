"""The OpenAPI document, made from the same types that requests are read with, so that the two cannot disagree.

Not the framework's own: it would describe what its own reading accepts (numbers as text, fields it does not know),
which is more than we do, and it knows nothing of problems.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from msgspec import Struct

from interfaces.http.asked import DAY, Written
from interfaces.http.caller import OPEN
from interfaces.http.errors import PROBLEM, Problem

OPERATION = "operation"
MEANS: Mapping[int, str] = {
    400: "It cannot be read: malformed, of a wrong type, or with fields that this route does not know.",
    401: "No valid bearer token; or what was shown to log in lets nobody in.",
    403: "Your role may not do this.",
    404: "There is no such thing here; what belongs to another organization is not here either.",
    408: "The body did not come in time.",
    409: "Occupied, held, in use, in flight: somebody else was first.",
    412: "It has changed since you looked: If-Match names another version.",
    413: "The body is larger than 1 MB.",
    415: "The body is not JSON.",
    422: "A rule of booking refuses this.",
    428: "Staff must send If-Match.",
    429: "Too many requests, guesses or holds: see Retry-After.",
    500: "Something went wrong here.",
    503: "Something that Daybook depends on is not there, or a view is behind `min_position`: see Retry-After.",
}


class Operation(Struct, frozen=True, kw_only=True):
    """What a route takes and gives, beside its words."""

    gives: Any
    takes: Any = None
    query: Any = None
    status: int = 200
    example: Any = None
    """A body that works, for the reader to start from."""
    some: bool = False
    """The body names at least one thing."""
    writes: bool = False
    makes: bool = False
    """It answers with the address of something new."""
    etag: bool = False
    if_match: bool = False
    """Staff must, and anybody may, say which version they saw."""
    codes: tuple[int, ...] = ()
    """Problems besides those that its kind implies."""
    media: str = "application/json"

    def __deepcopy__(self, _: Any) -> "Operation":
        """Itself: the framework copies what is said of a handler at every step of its registration."""
        return self


def says(**about: Any) -> dict[str, Any]:
    """A handler's `opt` that describes it."""
    return {OPERATION: Operation(**about)}


def changes(takes: Any = None, example: Any = None) -> dict[str, Any]:
    """A change of something that is there, as whoever asks has seen it, if they say what that was."""
    return says(takes=takes, gives=Written, writes=True, etag=True, codes=(412,), example=example)


def adds(takes: Any, gives: Any, example: Any) -> dict[str, Any]:
    """Something more to what is there."""
    return says(
        takes=takes, gives=gives, status=201, writes=True, makes=True, etag=True, codes=(412,), example=example
    )  # fmt: skip


def document(routes: Iterable[Any], version: str) -> bytes:
    """All routes that say what they are."""
    found = [
        (route, handler)
        for route in routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if OPERATION in handler.opt
    ]
    kinds = {Problem: None}
    for _, handler in found:
        operation: Operation = handler.opt[OPERATION]
        kinds |= dict.fromkeys(kind for kind in (operation.takes, operation.gives, operation.query) if kind is not None)
    schemas, components = msgspec.json.schema_components(list(kinds), ref_template="#/components/schemas/{name}")
    of = dict(zip(kinds, schemas, strict=True))
    queries = {operation.query for _, h in found if (operation := h.opt[OPERATION]).query is not None}
    parameters = {kind: _parameters(components[of[kind]["$ref"].rpartition("/")[2]]) for kind in queries}
    for kind in queries:
        components.pop(of[kind]["$ref"].rpartition("/")[2], None)
    paths: dict[str, dict[str, Any]] = {}
    for route, handler in found:
        for method in sorted(handler.http_methods):
            paths.setdefault(route.path_format, {})[method.lower()] = _operation(route, handler, of, parameters)
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": "Daybook",
            "version": version,
            "summary": "Bookings, kept as facts.",
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {path: dict(sorted(item.items())) for path, item in sorted(paths.items())},
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "responses": {str(status): _problem(status, of[Problem]) for status in MEANS},
            "headers": HEADERS,
            "parameters": PARAMETERS,
        },
        "security": [{"bearer": []}],
    }
    return msgspec.json.encode(made)


def _operation(
    route: HTTPRoute, handler: HTTPRouteHandler, of: Mapping[Any, Any], parameters: Mapping[Any, list[dict[str, Any]]]
) -> dict[str, Any]:
    operation: Operation = handler.opt[OPERATION]
    said = getattr(handler.fn, "func", handler.fn)  # the framework wraps what it runs in threads
    words = " ".join((said.__doc__ or "").split())
    summary, _, more = words.partition(". ")
    private = not handler.opt.get(OPEN)
    about: dict[str, Any] = {
        "operationId": handler.handler_name,
        "summary": summary.rstrip("."),
        "tags": sorted(handler.resolve_tags() if hasattr(handler, "resolve_tags") else handler.tags or []),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": PATHS.get(name.rpartition("_")[2], ANY_TEXT)}
            for name in re.findall(r"{(\w+)}", route.path_format)
        ],
    }
    if more:
        about["description"] = more
    if operation.query is not None:
        about["parameters"] += parameters[operation.query]
    if private:
        about["parameters"].append({"$ref": "#/components/parameters/Organization"})
    if operation.writes:
        about["parameters"].append({"$ref": "#/components/parameters/Key"})
    if operation.if_match:
        about["parameters"].append({"$ref": "#/components/parameters/IfMatch"})
    if operation.takes is not None:
        body: dict[str, Any] = {"schema": {**of[operation.takes], **({"minProperties": 1} if operation.some else {})}}
        if operation.example is not None:
            body["example"] = operation.example
        about["requestBody"] = {
            "required": operation.some or _needed(operation.takes),
            "content": {"application/json": body},
        }
    about["responses"] = _responses(operation, private, of)
    if not private:
        about["security"] = []
    return about


def _needed(kind: Any) -> bool:
    """Whether an empty body would not do."""
    try:
        msgspec.json.decode(b"{}", type=kind)
    except msgspec.ValidationError:
        return True
    return False


def _responses(operation: Operation, private: bool, of: Mapping[Any, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if operation.writes:
        headers["Daybook-Position"] = {"$ref": "#/components/headers/Position"}
        headers["Idempotent-Replayed"] = {"$ref": "#/components/headers/Replayed"}
    if operation.etag:
        headers["ETag"] = {"$ref": "#/components/headers/ETag"}
    if operation.makes:
        headers["Location"] = {"$ref": "#/components/headers/Location"}
    content = {operation.media: {"schema": of[operation.gives]}}
    found: dict[str, Any] = {str(operation.status): {"description": "Done.", "headers": headers, "content": content}}
    statuses = {400, 429, 500, *operation.codes}
    if private:
        statuses |= {401, 403, 404, 503}
    if operation.writes:
        statuses |= {408, 409, 413, 415, 422}
    if operation.if_match:
        statuses |= {412, 428}
    for status in sorted(statuses):
        found[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return found


def _parameters(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    needed = set(schema.get("required", ()))
    found = []
    for name, kind in schema.get("properties", {}).items():
        shown = _not_null(kind)
        about = {"name": name, "in": "query", "required": name in needed, "schema": shown}
        if "description" in shown:
            about["description"] = shown["description"]
        found.append(about)
    return found


def _not_null(kind: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter is there or it is not: null cannot be said in a query."""
    kind = {name: value for name, value in kind.items() if name != "default" or value is not None}
    choices = kind.get("anyOf")
    if choices is None:
        return kind
    rest = [choice for choice in choices if choice != {"type": "null"}]
    if len(rest) != 1:
        return {**kind, "anyOf": rest}
    return {**{name: value for name, value in kind.items() if name != "anyOf"}, **rest[0]}


def _problem(status: int, schema: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"description": MEANS[status], "content": {PROBLEM: {"schema": schema}}}
    if status in (429, 503):
        about["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
    if status == 401:
        about["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    return about


ANY_TEXT = {"type": "string"}
PATHS: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "format": "uuid"},
    "on": {"type": "string", "format": "date", "pattern": DAY, "description": "A local date, 1970 to 2199."},
}
"""What a part of an address is, by the last word of its name."""
TAGS = {
    "organizations": "The tenant: its name, and the policy by which it handles bookings.",
    "locations": "Venues, each with the clock of its time zone.",
    "resources": "What can be booked: a court, a table, a room type, in so many units, open at certain hours.",
    "pools": "Identified units of which a booking gets one or several: courts, rooms of a type, tables, kit.",
    "offerings": "What is sold: how long it lasts, what it needs, when and by whom it may be booked.",
    "sessions": "Fixed occurrences of an offering, with seats: a class, a tour, a training.",
    "login": "Getting in: login, registration, invitation, passwords, second factors, and what is logged in.",
    "users": "Who may act in the organization.",
    "families": "Who may book, pay and see for whom; and what is consented to.",
    "guests": "People without an account: a token for a browser, and links to what they booked.",
    "bookings": "Bookings, and every step of their lives.",
    "quotas": "How much may be booked: by whom, of what, within which window; families, accounts and plans.",
    "waitlist": "Who waits for what is taken, in which order and why, and what they are offered.",
    "series": "Bookings that come again: looked at first, made, changed from one occurrence on or as a whole.",
    "audit": "Who did what to which record.",
    "service": "Is it alive, is it ready, how is it doing.",
}
ABOUT = """\
Every write is a command: it happens whole or not at all, and is kept as facts.

* **Daybook-Hold-Token** is the secret that comes with a guest's hold (`hold_token`), without which a guest can do
  nothing with it.
* **Idempotency-Key** makes a write safe to repeat: the same key gives the same answer (`Idempotent-Replayed: true`).
* **Daybook-Position** comes with every write. Give it to a read as `min_position` to be sure to see what you wrote.
* **ETag** and **If-Match**: staff change a booking as they have seen it.
* **Times** with an offset are instants; without one they are what the clock at the location shows.
* **Problems** (RFC 9457) carry a stable `code`; `/problems` lists all of them.
"""
HEADERS: dict[str, Any] = {
    "RequestId": {
        "description": "The id of this request; yours, where you sent one of 8 to 128 characters.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Position": {
        "description": "Where the write stands in the log.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    },
    "Replayed": {
        "description": "It had been carried out before, and this is the answer of then.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "ETag": {
        "description": "The version, quoted.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Location": {
        "description": "The address of what was made.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
}
PARAMETERS: dict[str, Any] = {
    "Organization": {
        "name": "Daybook-Organization",
        "in": "header",
        "description": "Which of your organizations you speak for; needed only by those who have several.",
        "required": False,
        "schema": {"type": "string", "format": "uuid"},
    },
    "Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes it safe to send this again: 1 to 255 visible ASCII characters.",
        "required": False,
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": 'The ETag of the booking as you saw it, for example `"3"`. Staff must send it.',
        "required": False,
        "schema": {"type": "string", "pattern": '^("[0-9]{1,18}"|\\*)$'},
    },
}
