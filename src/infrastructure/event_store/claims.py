"""Claims as a projection of the log: merged for one append, folded over the whole log to prove or rebuild the table."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
from msgspec import Struct
from msgspec.structs import replace

from application.event_store import NewEvent
from domain.claim import (
    Claim,
    Extend,
    Lift,
    Override,
    Pace,
    Release,
    Resize,
    Retally,
    Retime,
    Settle,
    Take,
    Tally,
)
from domain.claims import claims_of
from domain.event import Event
from infrastructure.event_store import log

ClaimsOf = Callable[[Event, UUID], tuple[Claim, ...]]
Progress = Callable[[int, int], None]
"""Called with events read so far and the position reached."""


class Effect(Struct, frozen=True):
    """What the events of one command do to the tables, in the order in which `append` does it."""

    released: Sequence[UUID] = ()
    revived: Sequence[UUID] = ()
    """Of those released: the ones that may be taken again although they were past their expiry."""
    settled: Sequence[UUID] = ()
    extended: Mapping[UUID, datetime] = {}
    takes: Sequence[Take] = ()
    resized: Mapping[UUID, int] = {}
    lifted: Sequence[Lift] = ()
    overridden: Sequence[Override] = ()
    paced: Sequence[Pace] = ()
    tallied: Sequence[tuple[Tally, str]] = ()
    """What begins to count, and in which state."""
    retallied: Mapping[UUID, str] = {}
    retimed: Sequence[Retime] = ()


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
    merging = _Merging(begun)
    for op in ops:
        merging.add(op)
    return merging.effect()


class _Merging:
    """Operations that come one after the other, as one."""

    def __init__(self, begun: set[UUID] | frozenset[UUID]) -> None:
        self._begun = begun
        self._released: dict[UUID, None] = {}
        self._revived: dict[UUID, None] = {}
        self._settled: dict[UUID, None] = {}
        self._extended: dict[UUID, datetime] = {}
        self._takes: dict[UUID, dict[int, Take]] = {}
        self._resized: dict[UUID, int] = {}
        self._lifted: dict[UUID, Lift] = {}
        self._overridden: dict[UUID, Override] = {}
        self._paced: dict[UUID, Pace] = {}
        self._tallied: dict[UUID, tuple[Tally, str]] = {}
        self._retallied: dict[UUID, str] = {}
        self._retimed: dict[UUID, Retime] = {}

    def add(self, op: Claim) -> None:
        match op:
            case Take():
                self._takes.setdefault(op.booking_id, {})[op.item] = op
            case Settle(booking):
                self._dies(booking, None)
            case Extend(booking, expires_at):
                self._dies(booking, expires_at)
            case Release(booking, lapsed):
                self._release(booking, lapsed)
            case Resize(resource, capacity):
                self._resized[resource] = capacity
            case Override():
                self._overridden[op.override_id] = op
            case Lift():
                self._overridden.pop(op.override_id, None)
                self._lifted[op.override_id] = op
            case Pace():
                self._paced[op.resource_id] = op
            case Tally():
                self._tallied[op.booking_id] = (op, "live")
            case Retally():
                self._retally(op)
            case Retime():
                self._retime(op)

    def _dies(self, booking: UUID, at: datetime | None) -> None:
        """What expires does so then; None: never."""
        own = self._takes.get(booking, {})
        for item, take in own.items():
            if take.expires_at is not None:
                own[item] = replace(take, expires_at=at)
        if booking in self._begun or booking in self._released:
            return
        if at is None:
            self._extended.pop(booking, None)
            self._settled[booking] = None
        elif booking not in self._settled:
            self._extended[booking] = at

    def _release(self, booking: UUID, lapsed: bool) -> None:
        self._takes.pop(booking, None)
        self._settled.pop(booking, None)
        self._extended.pop(booking, None)
        if booking not in self._begun:
            self._released[booking] = None
            if lapsed:
                self._revived[booking] = None

    def _retally(self, op: Retally) -> None:
        if begun := self._tallied.get(op.booking_id):
            self._tallied[op.booking_id] = (begun[0], op.state)
        elif op.booking_id not in self._begun:
            self._retallied[op.booking_id] = op.state

    def _retime(self, op: Retime) -> None:
        if begun := self._tallied.get(op.booking_id):
            tally = replace(begun[0], resources=op.resources, starts_at=op.starts_at, ends_at=op.ends_at)
            self._tallied[op.booking_id] = (tally, begun[1])
        elif op.booking_id not in self._begun:
            self._retimed[op.booking_id] = op

    def effect(self) -> Effect:
        return Effect(
            list(self._released),
            list(self._revived),
            list(self._settled),
            self._extended,
            [take for own in self._takes.values() for take in own.values()],
            self._resized,
            list(self._lifted.values()),
            list(self._overridden.values()),
            list(self._paced.values()),
            list(self._tallied.values()),
            self._retallied,
            list(self._retimed.values()),
        )


Table = Literal["claim", "capacity", "capacity_override", "tally", "tally_mark"]


class Difference(Struct, frozen=True):
    """A row of the tables that the log does not bear out."""

    kind: Literal["missing", "surplus", "different"]
    table: Table
    tenant: UUID
    resource: UUID
    """Of a tally: the person."""
    booking: UUID | None
    """Of an override: the override."""
    item: int | None
    expected: str | None
    found: str | None


class UnreadableLog(Exception):
    """An event cannot be read, so that what it claims is not known: upgrade, or repair it, and try again."""


_PAGE = 5000

_SCRATCH = """
CREATE TEMP TABLE IF NOT EXISTS claim_due (
  tenant uuid, resource uuid, booking uuid, item integer, during tstzrange, units integer, expires_at timestamptz,
  before_minutes integer, after_minutes integer, shared boolean, authorised boolean, kind text,
  PRIMARY KEY (tenant, booking, item));
CREATE TEMP TABLE IF NOT EXISTS capacity_due (
  tenant uuid, resource uuid, capacity integer, pace_units integer, pace_minutes integer NOT NULL DEFAULT 15,
  PRIMARY KEY (tenant, resource));
CREATE TEMP TABLE IF NOT EXISTS capacity_override_due (
  tenant uuid, resource uuid, override uuid, during tstzrange, capacity integer,
  PRIMARY KEY (tenant, resource, override));
CREATE TEMP TABLE IF NOT EXISTS tally_due (
  tenant uuid, booking uuid, who uuid, offering uuid, location uuid, resources uuid[], starts_at timestamptz,
  ends_at timestamptz, state text, PRIMARY KEY (tenant, booking));
CREATE TEMP TABLE IF NOT EXISTS tally_mark_due (tenant uuid, who uuid, mark bigint, PRIMARY KEY (tenant, who));
TRUNCATE pg_temp.claim_due, pg_temp.capacity_due, pg_temp.capacity_override_due, pg_temp.tally_due,
  pg_temp.tally_mark_due
"""

# What has to be looked at closer than by the constraint alone, from now on: as `reguard` has it.
_WATCHED = """
  SELECT k.tenant, k.resource FROM pg_temp.capacity_due k
   WHERE k.pace_units IS NOT NULL
      OR EXISTS (SELECT FROM pg_temp.capacity_override_due o WHERE (o.tenant, o.resource) = (k.tenant, k.resource)
                    AND upper(o.during) > clock_timestamp())
      OR (k.tenant, k.resource) IN (
        SELECT d.tenant, d.resource FROM pg_temp.claim_due d
         WHERE (d.shared OR d.authorised) AND upper(d.during) + interval '24 hours' > clock_timestamp())
"""

# Past claims keep the guard under which they were made; only what is to come must stand under the present one.
_CLAIMS_COMPARED = """
  SELECT coalesce(d.tenant, c.tenant) AS tenant, coalesce(d.resource, c.resource) AS resource,
         coalesce(d.booking, c.booking) AS booking, coalesce(d.item, c.item) AS item, d.expected, c.found
    FROM (SELECT *, concat_ws(' ', resource, during, units, 'units', 'until ' || expires_at, before_minutes,
               after_minutes, CASE WHEN shared THEN 'shared' END, kind, CASE WHEN authorised THEN 'authorised' END)
               AS expected FROM pg_temp.claim_due) d
    FULL JOIN (
      SELECT c.*, concat_ws(' ', c.resource, c.during, c.units, 'units', 'until ' || c.expires_at, c.before_minutes,
          c.after_minutes, CASE WHEN c.shared THEN 'shared' END, c.kind, CASE WHEN c.authorised THEN 'authorised' END,
          CASE WHEN upper(c.during) > clock_timestamp() AND CASE WHEN c.single THEN c.authorised OR k.capacity > 1
            ELSE NOT c.authorised AND k.capacity = 1 AND k.guarded_from <= lower(c.during) END THEN 'wrong guard' END
        ) AS found
        FROM event_store.claim c LEFT JOIN event_store.capacity k ON k.tenant = c.tenant AND k.resource = c.resource) c
      ON (c.tenant, c.booking, c.item) = (d.tenant, d.booking, d.item)
   WHERE d.expected IS DISTINCT FROM c.found
"""

_COMPARED: dict[Table, str] = {
    "claim": _CLAIMS_COMPARED,
    "capacity": f"""
  SELECT coalesce(d.tenant, c.tenant) AS tenant, coalesce(d.resource, c.resource) AS resource,
         NULL::uuid, NULL::integer, d.expected, c.found
    FROM (SELECT *, concat_ws(' ', capacity, 'paced ' || pace_units || ' in ' || pace_minutes) AS expected
            FROM pg_temp.capacity_due) d
    FULL JOIN (
      SELECT c.*, concat_ws(' ', c.capacity, 'paced ' || c.pace_units || ' in ' || c.pace_minutes,
          CASE WHEN c.guarded_from < 'infinity' AND (c.tenant, c.resource) IN ({_WATCHED}) THEN 'not watched' END
        ) AS found
        FROM event_store.capacity c) c
      ON (c.tenant, c.resource) = (d.tenant, d.resource)
   WHERE d.expected IS DISTINCT FROM c.found""",  # noqa: S608
    "capacity_override": """
  SELECT coalesce(d.tenant, c.tenant), coalesce(d.resource, c.resource), coalesce(d.override, c.override),
         NULL::integer, d.expected, c.found
    FROM (SELECT *, concat_ws(' ', during, capacity) AS expected FROM pg_temp.capacity_override_due) d
    FULL JOIN (SELECT *, concat_ws(' ', during, capacity) AS found FROM event_store.capacity_override) c
      ON (c.tenant, c.resource, c.override) = (d.tenant, d.resource, d.override)
   WHERE d.expected IS DISTINCT FROM c.found""",
    "tally": """
  SELECT coalesce(d.tenant, c.tenant), coalesce(d.who, c.who), coalesce(d.booking, c.booking), NULL::integer,
         d.expected, c.found
    FROM (SELECT *, concat_ws(' ', who, coalesce(offering::text, '-'), location, resources, starts_at, ends_at, state)
            AS expected FROM pg_temp.tally_due) d
    FULL JOIN (
      SELECT *, concat_ws(' ', who, coalesce(offering::text, '-'), location, resources, starts_at, ends_at, state)
        AS found FROM event_store.tally) c
      ON (c.tenant, c.booking) = (d.tenant, d.booking)
   WHERE d.expected IS DISTINCT FROM c.found""",
    "tally_mark": """
  SELECT coalesce(d.tenant, c.tenant), coalesce(d.who, c.who), NULL::uuid, NULL::integer, d.mark::text, c.mark::text
    FROM pg_temp.tally_mark_due d FULL JOIN event_store.tally_mark c ON (c.tenant, c.who) = (d.tenant, d.who)
   WHERE d.mark IS DISTINCT FROM c.mark""",
}

# In this order: what differs goes, then what is due comes, and the guards are set as they have to be from now on.
_MENDED = (
    f"""DELETE FROM event_store.claim WHERE (tenant, booking, item) IN (
          SELECT tenant, booking, item FROM ({_CLAIMS_COMPARED}) compared)""",  # noqa: S608
    """DELETE FROM event_store.capacity c WHERE NOT EXISTS (SELECT FROM pg_temp.capacity_due d
        WHERE (d.tenant, d.resource, d.capacity) = (c.tenant, c.resource, c.capacity))""",
    """INSERT INTO event_store.capacity AS c (tenant, resource, capacity, pace_units, pace_minutes)
        SELECT tenant, resource, capacity, pace_units, pace_minutes FROM pg_temp.capacity_due
        ON CONFLICT ON CONSTRAINT capacity_pkey DO UPDATE
          SET pace_units = excluded.pace_units, pace_minutes = excluded.pace_minutes
          WHERE (c.pace_units, c.pace_minutes) IS DISTINCT FROM (excluded.pace_units, excluded.pace_minutes)""",
    f"""UPDATE event_store.capacity c SET guarded_from = 'infinity'
        WHERE c.guarded_from < 'infinity' AND (c.tenant, c.resource) IN ({_WATCHED})""",  # noqa: S608
    """INSERT INTO event_store.claim (tenant, resource, booking, item, during, units, expires_at, single, authorised,
                                      before_minutes, after_minutes, shared, kind)
        SELECT d.tenant, d.resource, d.booking, d.item, d.during, d.units, d.expires_at,
               k.capacity = 1 AND k.guarded_from < 'infinity' AND NOT d.authorised
                 AND upper(d.during) > clock_timestamp(),
               d.authorised, d.before_minutes, d.after_minutes, d.shared, d.kind
          FROM pg_temp.claim_due d JOIN event_store.capacity k ON k.tenant = d.tenant AND k.resource = d.resource
         WHERE NOT EXISTS (SELECT FROM event_store.claim c
                            WHERE (c.tenant, c.booking, c.item) = (d.tenant, d.booking, d.item))""",
    "TRUNCATE event_store.capacity_override, event_store.tally, event_store.tally_mark",
    "INSERT INTO event_store.capacity_override SELECT * FROM pg_temp.capacity_override_due",
    "INSERT INTO event_store.tally SELECT * FROM pg_temp.tally_due",
    "INSERT INTO event_store.tally_mark SELECT * FROM pg_temp.tally_mark_due",
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
                "LOCK TABLE event_store.claim, event_store.capacity, event_store.capacity_override, event_store.tally, "
                "event_store.tally_mark, event_store.event IN SHARE ROW EXCLUSIVE MODE"
            )
            _fold_rest(connection, position, seen, progress, of)
            found = list(_compare(connection))
            if found:
                for statement in _MENDED:
                    connection.execute(statement)
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
    """One page of the log onto the temporary tables: the last word on each booking, in a few statements."""
    ops: dict[UUID, list[Claim]] = {}
    marks: dict[UUID, dict[UUID, int]] = {}
    for recorded in page:
        if isinstance(recorded, log.Unreadable):
            raise UnreadableLog(f"{recorded.tag} at {recorded.position}: {recorded.error}")
        claims = of(recorded.fact, recorded.stream)
        if claims:
            ops.setdefault(recorded.tenant, []).extend(claims)
            for claim in claims:
                if isinstance(claim, Tally | Retally | Retime):
                    marks.setdefault(recorded.tenant, {})[claim.booking_id] = recorded.position >> _TRANSACTION
    for tenant, listed in ops.items():
        effect = merged(listed)
        _apply_claims(connection, tenant, effect)
        _apply_capacities(connection, tenant, effect)
        if tenant in marks:
            _apply_tallies(connection, tenant, effect, marks[tenant])


_TRANSACTION = 20
"""The bits of a position below its transaction's number."""


def _apply_claims(connection: psycopg.Connection[Any], tenant: UUID, effect: Effect) -> None:
    if effect.released:
        connection.execute(
            "DELETE FROM pg_temp.claim_due WHERE tenant = %s AND booking = ANY (%s)", [tenant, list(effect.released)]
        )
    if effect.settled:
        connection.execute(
            "UPDATE pg_temp.claim_due SET expires_at = NULL WHERE tenant = %s AND booking = ANY (%s)",
            [tenant, list(effect.settled)],
        )
    if effect.extended:
        connection.execute(
            "UPDATE pg_temp.claim_due d SET expires_at = x.until FROM unnest(%s::uuid[], %s::timestamptz[]) "
            "x (booking, until) WHERE d.tenant = %s AND d.booking = x.booking AND d.expires_at IS NOT NULL",
            [list(effect.extended), list(effect.extended.values()), tenant],
        )
    takes = effect.takes
    if takes:
        connection.execute(
            "INSERT INTO pg_temp.claim_due SELECT %s, r, b, i, tstzrange(s, e), u, x, p, q, h, a, k FROM unnest("
            "%s::uuid[], %s::uuid[], %s::integer[], %s::timestamptz[], %s::timestamptz[], %s::integer[], "
            "%s::timestamptz[], %s::integer[], %s::integer[], %s::boolean[], %s::boolean[], %s::text[]"
            ") t (r, b, i, s, e, u, x, p, q, h, a, k)",
            [
                tenant,
                [take.resource_id for take in takes],
                [take.booking_id for take in takes],
                [take.item for take in takes],
                [take.occupied[0] for take in takes],
                [take.occupied[1] for take in takes],
                [take.units for take in takes],
                [take.expires_at for take in takes],
                [take.before for take in takes],
                [take.after for take in takes],
                [take.shared for take in takes],
                [take.authorised for take in takes],
                [take.kind for take in takes],
            ],
        )


def _apply_capacities(connection: psycopg.Connection[Any], tenant: UUID, effect: Effect) -> None:
    if effect.resized:
        connection.execute(
            "INSERT INTO pg_temp.capacity_due (tenant, resource, capacity) SELECT %s, * FROM unnest(%s::uuid[], "
            "%s::integer[]) ON CONFLICT (tenant, resource) DO UPDATE SET capacity = excluded.capacity",
            [tenant, list(effect.resized), list(effect.resized.values())],
        )
    if effect.lifted:
        connection.execute(
            "DELETE FROM pg_temp.capacity_override_due WHERE tenant = %s AND override = ANY (%s)",
            [tenant, [it.override_id for it in effect.lifted]],
        )
    for over in effect.overridden:
        connection.execute(
            "INSERT INTO pg_temp.capacity_override_due VALUES (%s, %s, %s, tstzrange(%s, %s), %s)",
            [tenant, over.resource_id, over.override_id, over.starts_at, over.ends_at, over.capacity],
        )
    for pace in effect.paced:
        connection.execute(
            "UPDATE pg_temp.capacity_due SET pace_units = %s, pace_minutes = %s WHERE tenant = %s AND resource = %s",
            [pace.units, pace.minutes, tenant, pace.resource_id],
        )


def _apply_tallies(
    connection: psycopg.Connection[Any], tenant: UUID, effect: Effect, marks: Mapping[UUID, int]
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO pg_temp.tally_due VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (tenant, it.booking_id, it.who, it.offering_id, it.location_id, list(it.resources), it.starts_at,
                 it.ends_at, state)
                for it, state in effect.tallied
            ],
        )  # fmt: skip
        cursor.executemany(
            "UPDATE pg_temp.tally_due SET resources = %s, starts_at = %s, ends_at = %s "
            "WHERE tenant = %s AND booking = %s",
            [(list(it.resources), it.starts_at, it.ends_at, tenant, it.booking_id) for it in effect.retimed],
        )
    if effect.retallied:
        connection.execute(
            "UPDATE pg_temp.tally_due d SET state = x.state FROM unnest(%s::uuid[], %s::text[]) x (booking, state) "
            "WHERE d.tenant = %s AND d.booking = x.booking",
            [list(effect.retallied), list(effect.retallied.values()), tenant],
        )
    connection.execute(
        "INSERT INTO pg_temp.tally_mark_due AS m SELECT d.tenant, d.who, max(x.mark) "
        "FROM unnest(%s::uuid[], %s::bigint[]) x (booking, mark) "
        "JOIN pg_temp.tally_due d ON d.tenant = %s AND d.booking = x.booking GROUP BY d.tenant, d.who "
        "ON CONFLICT (tenant, who) DO UPDATE SET mark = greatest(m.mark, excluded.mark)",
        [list(marks), list(marks.values()), tenant],
    )


def _differences(connection: psycopg.Connection[Any]) -> Iterator[Difference]:
    try:
        yield from _compare(connection)
    finally:
        connection.execute("ROLLBACK")


def _compare(connection: psycopg.Connection[Any]) -> Iterator[Difference]:
    for table, statement in _COMPARED.items():
        with connection.cursor(f"{table}_compared") as cursor:
            cursor.execute(statement)
            for tenant, about, booking, item, expected, found in cursor:
                kind: Literal["missing", "surplus", "different"] = (
                    "missing" if found is None else "surplus" if expected is None else "different"
                )
                yield Difference(kind, table, tenant, about, booking, item, expected, found)
