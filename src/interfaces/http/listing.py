"""What is set up, as it is listed by pages and shown one by one: offerings, pools, resources, sessions."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from application.message import Query
from interfaces.http.asked import Asked, Page, Paging, Reading, Reply, cursor, etag, reply

Form = Callable[[Any], Any]
"""How a row is shown."""


class AtLocation(Paging, frozen=True, forbid_unknown_fields=True, kw_only=True):
    location_id: UUID | None = None


async def page_of(request: Asked, query: Query, asked: Reading, shown: Form) -> Reply:
    """A page of what the query finds, and where the next one begins."""
    found = await request.ask(query, request.reading(asked.min_position))
    return reply(Page([shown(it) for it in found.rows], cursor(found.next)))


async def one_of(request: Asked, query: Query, shown: Form) -> Reply:
    """The one that the query names, under its version."""
    asked = request.parameters(Reading)
    it = await request.ask(query, request.reading(asked.min_position))
    return reply(shown(it), etag(it.version))
