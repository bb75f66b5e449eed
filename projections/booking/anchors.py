"""What is still to come, of all organizations, with the local times at which it is to be kept. Reads the tables of the
calendar and of the timetable; who decides on it looks at the streams."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct

from domain.booking.booking import TO_COME
from domain.booking.events import Item

PAGE = 2000
VIEWS = ("calendar", "timetable")


class Anchored(Struct, frozen=True):
    """A booking or a session that has not begun."""

    kind: Literal["booking", "session"]
    tenant: UUID
    id: UUID
    version: int
    reference: str
    """A booking's; of a session its id."""
    items: tuple[Item, ...]
    """A session's own time stands as one item."""


_items = msgspec.json.Decoder(tuple[Item, ...]).decode

_BOOKINGS = """
  FROM read.booking WHERE tenant = %(tenant)s AND (starts_at, id) > (%(since)s, %(after)s)
   AND status = ANY (%(to_come)s) AND (expires_at IS NULL OR expires_at > %(now)s)"""
_SESSIONS = """
  FROM read.session WHERE tenant = %(tenant)s AND (starts_at, id) > (%(since)s, %(after)s)
   AND status <> 'called_off'"""
_ORDER = " ORDER BY starts_at, id LIMIT %(page)s"
_BOOKING_PAGE = f"SELECT starts_at, id, version, reference, items::text {_BOOKINGS} {_ORDER}"
_SESSION_PAGE = f"SELECT starts_at, id, version, ends_at, local_start, zone {_SESSIONS} {_ORDER}"
LAST = UUID(int=(1 << 128) - 1)
"""No id comes after it: what starts at an instant with it in its place starts later."""

Connection = psycopg.Connection[Any]


def head(connection: Connection) -> int:
    """The position of the last event of the log."""
    return int(_one(connection, "SELECT coalesce(last_position, 0) FROM event_store.lag(0, 1)", {}))


def behind(connection: Connection, position: int) -> bool:
    """Whether one of these views has yet to take in what stands at this position or before it."""
    asked = "SELECT coalesce(min(position), 0) < %(position)s FROM read.position WHERE view = ANY (%(views)s)"
    return bool(_one(connection, asked, {"position": position, "views": list(VIEWS)}))


def tenants(connection: Connection) -> list[UUID]:
    return [row[0] for row in connection.execute("SELECT tenant FROM read.organization ORDER BY tenant")]


def how_many(connection: Connection, of: Sequence[UUID], now: datetime) -> int:
    asked = [{"tenant": it, "since": now, "after": LAST, "now": now, "to_come": list(TO_COME)} for it in of]
    counts = [f"SELECT count(*) {one}" for one in (_BOOKINGS, _SESSIONS)]
    return sum(_one(connection, one, values) for values in asked for one in counts)


def to_come(connection: Connection, of: Sequence[UUID], now: datetime) -> Iterator[Anchored]:
    """Organization by organization, in the order in which they start."""
    for tenant in of:
        for start, it, version, reference, items in _pages(connection, _BOOKING_PAGE, tenant, now):  # noqa: B007
            yield Anchored("booking", tenant, it, version, reference, _items(items))
        for start, it, version, ends_at, local, zone in _pages(connection, _SESSION_PAGE, tenant, now):
            yield Anchored("session", tenant, it, version, str(it), (Item(1, it, start, ends_at, local, zone),))


def _pages(connection: Connection, statement: str, tenant: UUID, now: datetime) -> Iterator[tuple[Any, ...]]:
    values = {"tenant": tenant, "since": now, "after": LAST, "now": now, "to_come": list(TO_COME), "page": PAGE}
    while page := connection.execute(statement, values).fetchall():
        yield from page
        values |= {"since": page[-1][0], "after": page[-1][1]}


def _one(connection: Connection, statement: str, values: dict[str, Any]) -> Any:
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    return row[0]
