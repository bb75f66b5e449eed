"""Claims as a projection of the log: merged for one append, folded over the whole log to prove or rebuild the table."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import psycopg
from msgspec import Struct

from application.event_store import NewEvent
from domain.claim import Claim, Release, Resize, Settle, Take
from domain.claims import claims_of
from domain.event import Event
from infrastructure.event_store import log

ClaimsOf = Callable[[Event, UUID], tuple[Claim, ...]]
Progress = Callable[[int, int], None]
"""Called with events read so far and the position reached."""


class Effect(Struct, frozen=True):
    """What the events of one command do to the table of claims, in the order in which `append` does it."""

    released: Sequence[UUID] = ()
    settled: Sequence[UUID] = ()
    takes: Sequence[Take] = ()
    resized: Mapping[UUID, int] = {}


NO_EFFECT = Effect()


def effect_of(events: Iterable[NewEvent], of: ClaimsOf = claims_of) -> Effect:
    """The claims of one command's events, merged: a hold that is confirmed in the same breath never expires, what is
    taken and let go again was never there, and a move is a release with new takes. Streams that begin here have
    nothing to release or settle.
    """
    begun: set[UUID] = set()
    ops: list[Claim] = []
    for event in events:
        if event.version == 1:
            begun.add(event.stream)
        ops += of(event.fact, event.stream)
    return merged(ops, begun) if ops else NO_EFFECT


def merged(ops: Iterable[Claim], begun: set[UUID] | frozenset[UUID] = frozenset()) -> Effect:
    released: dict[UUID, None] = {}
    settled: dict[UUID, None] = {}
    takes: dict[tuple[UUID, int], Take] = {}
    resized: dict[UUID, int] = {}
    for op in ops:
        if isinstance(op, Take):
            takes[op.booking_id, op.item] = op
        elif isinstance(op, Resize):
            resized[op.resource_id] = op.capacity
        elif isinstance(op, Settle | Release):
            booking = op.booking_id
            own = [key for key in takes if key[0] == booking]
            if isinstance(op, Settle):
                for key in own:
                    take = takes[key]
                    takes[key] = Take(
                        take.booking_id, take.item, take.resource_id, take.starts_at, take.ends_at, take.units
                    )
                if booking not in begun and booking not in released:
                    settled[booking] = None
            else:
                for key in own:
                    del takes[key]
                settled.pop(booking, None)
                if booking not in begun:
                    released[booking] = None
    return Effect(list(released), list(settled), list(takes.values()), resized)


class Difference(Struct, frozen=True):
    """A row of the tables that the log does not bear out."""

    kind: Literal["missing", "surplus", "different"]
    table: Literal["claim", "capacity"]
    tenant: UUID
    resource: UUID
    booking: UUID | None
    item: int | None
    expected: str | None
    found: str | None


class UnreadableLog(Exception):
    """An event cannot be read, so that what it claims is not known: upgrade, or repair it, and try again."""


_PAGE = 5000

_SCRATCH = """
CREATE TEMP TABLE IF NOT EXISTS claim_due (
  tenant uuid, resource uuid, booking uuid, item integer, starts_at timestamptz, ends_at timestamptz, units integer,
  expires_at timestamptz, PRIMARY KEY (tenant, booking, item));
CREATE TEMP TABLE IF NOT EXISTS capacity_due (
  tenant uuid, resource uuid, capacity integer, PRIMARY KEY (tenant, resource));
TRUNCATE pg_temp.claim_due, pg_temp.capacity_due
"""

# Past claims keep the guard under which they were made; only what is to come must stand under the present one.
_COMPARED = """
  SELECT coalesce(d.tenant, c.tenant) AS tenant, coalesce(d.resource, c.resource) AS resource,
         coalesce(d.booking, c.booking) AS booking, coalesce(d.item, c.item) AS item, d.expected, c.found
    FROM (SELECT *, concat_ws(' ', resource, tstzrange(starts_at, ends_at), units, 'units', 'until ' || expires_at)
               AS expected FROM pg_temp.claim_due) d
    FULL JOIN (
      SELECT c.*, concat_ws(' ', c.resource, c.during, c.units, 'units', 'until ' || c.expires_at,
          CASE WHEN c.authorised THEN 'authorised' END,
          CASE WHEN upper(c.during) > clock_timestamp() AND c.single <> (k.capacity = 1) THEN 'wrong guard' END
        ) AS found
        FROM event_store.claim c LEFT JOIN event_store.capacity k ON k.tenant = c.tenant AND k.resource = c.resource) c
      ON (c.tenant, c.booking, c.item) = (d.tenant, d.booking, d.item)
   WHERE d.expected IS DISTINCT FROM c.found
"""

_DISCARD = (
    "DELETE FROM event_store.claim WHERE (tenant, booking, item) IN (SELECT tenant, booking, item FROM ("  # noqa: S608
    + _COMPARED
    + ") compared)"
)


def verify(url: str, progress: Progress | None = None, of: ClaimsOf = claims_of) -> Iterator[Difference]:
    """Folds the log and yields each row of the tables that does not follow from it. Other work goes on meanwhile.

    The fold goes into temporary tables, so that memory does not grow with the log, page by page up to the watermark;
    the rest is read, and everything compared, within one snapshot. `url` logs in as the owner of the schema.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        _fold(connection, progress, of)
        yield from _differences(connection)


def rebuild(url: str, progress: Progress | None = None, of: ClaimsOf = claims_of) -> list[Difference]:
    """Like `verify`, and mends what differs. Appends that claim wait while it compares."""
    with psycopg.connect(url, autocommit=True) as connection:
        position, seen = _fold(connection, progress, of, to_end=False)
        with connection.transaction():
            connection.execute(
                "LOCK TABLE event_store.claim, event_store.capacity, event_store.event IN SHARE ROW EXCLUSIVE MODE"
            )
            _fold_rest(connection, position, seen, progress, of)
            found = list(_compare(connection))
            if found:
                connection.execute(_DISCARD)
                connection.execute(
                    "DELETE FROM event_store.capacity c WHERE NOT EXISTS (SELECT FROM pg_temp.capacity_due d WHERE "
                    "(d.tenant, d.resource, d.capacity) = (c.tenant, c.resource, c.capacity))"
                )
                connection.execute(
                    "INSERT INTO event_store.capacity SELECT tenant, resource, capacity FROM pg_temp.capacity_due "
                    "ON CONFLICT DO NOTHING"
                )
                connection.execute(
                    "INSERT INTO event_store.claim SELECT d.tenant, d.resource, d.booking, d.item, "
                    "tstzrange(d.starts_at, d.ends_at), d.units, d.expires_at, k.capacity = 1 AND "
                    "d.ends_at > clock_timestamp() FROM pg_temp.claim_due d JOIN event_store.capacity k "
                    "ON k.tenant = d.tenant AND k.resource = d.resource "
                    "WHERE NOT EXISTS (SELECT FROM event_store.claim c "
                    "WHERE (c.tenant, c.booking, c.item) = (d.tenant, d.booking, d.item))"
                )
    return found


def _fold(
    connection: psycopg.Connection[Any], progress: Progress | None, of: ClaimsOf, to_end: bool = True
) -> tuple[int, int]:
    for statement in _SCRATCH.split(";"):
        connection.execute(statement)
    position = seen = 0
    while page := log.read(connection, position, _PAGE):
        _apply(connection, page, of)
        position, seen = page[-1].position, seen + len(page)
        if progress is not None:
            progress(seen, position)
    if to_end:
        # One snapshot for what is left and for the tables: nothing can come between.
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        _fold_rest(connection, position, seen, progress, of)
    return position, seen


def _fold_rest(
    connection: psycopg.Connection[Any], position: int, seen: int, progress: Progress | None, of: ClaimsOf
) -> None:
    while page := log.read(connection, position, _PAGE, beyond_watermark=True):
        _apply(connection, page, of)
        position, seen = page[-1].position, seen + len(page)
        if progress is not None:
            progress(seen, position)


def _apply(connection: psycopg.Connection[Any], page: Sequence[log.Logged], of: ClaimsOf) -> None:
    """One page of the log onto the temporary tables: the last word on each booking, in four statements."""
    ops: dict[UUID, list[Claim]] = {}
    for recorded in page:
        if isinstance(recorded, log.Unreadable):
            raise UnreadableLog(f"{recorded.tag} at {recorded.position}: {recorded.error}")
        claims = of(recorded.fact, recorded.stream)
        if claims:
            ops.setdefault(recorded.tenant, []).extend(claims)
    for tenant, listed in ops.items():
        effect = merged(listed)
        if effect.released:
            connection.execute(
                "DELETE FROM pg_temp.claim_due WHERE tenant = %s AND booking = ANY (%s)",
                [tenant, list(effect.released)],
            )
        if effect.settled:
            connection.execute(
                "UPDATE pg_temp.claim_due SET expires_at = NULL WHERE tenant = %s AND booking = ANY (%s)",
                [tenant, list(effect.settled)],
            )
        if effect.resized:
            connection.execute(
                "INSERT INTO pg_temp.capacity_due SELECT %s, * FROM unnest(%s::uuid[], %s::integer[]) "
                "ON CONFLICT (tenant, resource) DO UPDATE SET capacity = excluded.capacity",
                [tenant, list(effect.resized), list(effect.resized.values())],
            )
        takes = effect.takes
        if takes:
            connection.execute(
                "INSERT INTO pg_temp.claim_due SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::integer[], "
                "%s::timestamptz[], %s::timestamptz[], %s::integer[], %s::timestamptz[])",
                [
                    tenant,
                    [take.resource_id for take in takes],
                    [take.booking_id for take in takes],
                    [take.item for take in takes],
                    [take.starts_at for take in takes],
                    [take.ends_at for take in takes],
                    [take.units for take in takes],
                    [take.expires_at for take in takes],
                ],
            )


def _differences(connection: psycopg.Connection[Any]) -> Iterator[Difference]:
    try:
        yield from _compare(connection)
    finally:
        connection.execute("ROLLBACK")


def _compare(connection: psycopg.Connection[Any]) -> Iterator[Difference]:
    with connection.cursor("claims_compared") as cursor:
        cursor.execute(_COMPARED)
        for tenant, resource, booking, item, expected, found in cursor:
            yield Difference(
                "missing" if found is None else "surplus" if expected is None else "different",
                "claim",
                tenant,
                resource,
                booking,
                item,
                expected,
                found,
            )
    rows = connection.execute(
        "SELECT coalesce(d.tenant, c.tenant), coalesce(d.resource, c.resource), d.capacity::text, c.capacity::text "
        "FROM pg_temp.capacity_due d FULL JOIN event_store.capacity c "
        "ON (c.tenant, c.resource) = (d.tenant, d.resource) WHERE d.capacity IS DISTINCT FROM c.capacity"
    ).fetchall()
    for tenant, resource, due, found in rows:
        yield Difference(
            "missing" if found is None else "surplus" if due is None else "different",
            "capacity",
            tenant,
            resource,
            None,
            None,
            due,
            found,
        )
