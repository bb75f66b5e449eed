"""The documentation: the OpenAPI document, a page to try it on, and the list of problems. No outside request."""

from pathlib import Path

import msgspec
from litestar.params import FromPath
from msgspec import Struct

from interfaces.http.asked import Asked, Reply, inhabited
from interfaces.http.errors import NoSuchRoute, refusals, status_of, title_of

SWAGGER = Path(__file__).with_name("swagger")
FILES = {
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
    "start.js": b"text/javascript; charset=utf-8",
}
KEEP = [(b"cache-control", b"public, max-age=3600")]
FRESH = [(b"cache-control", b"no-cache")]
PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Daybook API</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
%3Crect width='16' height='16' rx='3' fill='%23176b57'/%3E%3Cpath d='M4 5h8M4 8h8M4 11h5' stroke='white'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<style>.swagger-ui .response-col_links { display: none }
@media (max-width: 640px) {
  .swagger-ui .opblock-tag { flex-wrap: wrap } .swagger-ui .opblock-tag a { flex: 1 }
  .swagger-ui .opblock-tag small { order: 1; flex: 0 0 100%; padding: 0 } }</style>
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""


class Code(Struct, frozen=True):
    """A problem that can be met here."""

    code: str
    status: int
    title: str


async def openapi(request: Asked) -> Reply:
    """The OpenAPI document."""
    return Reply(inhabited(request.scope).document, headers=FRESH)


async def docs() -> Reply:
    """A page to read and try the API on."""
    return Reply(PAGE, headers=FRESH, media=b"text/html; charset=utf-8", page=True)


async def docs_file(name: FromPath[str]) -> Reply:
    """What that page is made of."""
    media = FILES.get(name)
    if media is None:
        raise NoSuchRoute
    if name not in _read:
        _read[name] = (SWAGGER / name).read_bytes()  # once, from a disk of our own
    return Reply(_read[name], headers=KEEP, media=media, page=True)


_read: dict[str, bytes] = {}


async def problems() -> Reply:
    """Every code that a problem can carry."""
    found = [Code(code, status_of(kind), title_of(kind)) for code, kind in refusals().items()]
    return Reply(msgspec.json.encode(found), headers=FRESH)


async def problem(code: FromPath[str]) -> Reply:
    """What a problem's code means: where its `type` leads."""
    kind = refusals().get(code)
    if kind is None:
        raise NoSuchRoute
    return Reply(msgspec.json.encode(Code(code, status_of(kind), title_of(kind))), headers=FRESH)
