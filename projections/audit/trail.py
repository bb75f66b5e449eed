"""The audit trail: one document in MongoDB for every event, in the order of the log, never changed.

It is a pure projection. A document's place (`seq`, counted per tenant in the order of the log) and with it its id
follow from the log alone, so that writing twice writes once, and two writers at once write the same. Nothing here is
updated: where a document is there already it must be equal, and where it is not, somebody has changed the trail or the
log, and writing stops aloud. Where to go on is read from the last documents themselves; the position that is kept
beside them is a hint, and losing it costs re-reading. No transaction of several documents is needed: a single server is
enough.

What will be hashed holds strings, integers, booleans, null, lists and objects only, so that its canonical form is one.
Signatures and the chain of hashes come later; `v` names this mapping, which is frozen.
"""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from application.audit.queries import AuditTrail
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.aggregate import Aggregate
from domain.booking.booking import Booking
from domain.event import Event, action
from domain.identity.user import User
from domain.organization.location import Location
from domain.organization.organization import Organization
from domain.resource.resource import Resource
from projections.runner import Alarm, Behind, Connection, Lag, connected, cut

Document = dict[str, Any]

TRAIL = "audit"
HINTS = "audit_hint"
LOG = "domain"
MAPPING = 1
MOST_ROWS = 500
BATCH = 1000
STATES = 20_000
"""Aggregates whose state is kept in memory; others are folded again from their streams."""
TENANTS = 10_000
"""Tenants whose last document is remembered from one batch to the next."""
PATIENCE = 2.0
"""Seconds for which a proof waits for a follower that is on its way but writes nothing more."""
DUPLICATE = 11000

AGGREGATES: tuple[type[Aggregate], ...] = (Booking, Resource, Organization, Location, User)
BEGINS: Mapping[type[Event], type[Aggregate]] = {first: kind for kind in AGGREGATES for first in kind.firsts()}

INDEXES = (
    IndexModel([("tenant", ASCENDING), ("log", ASCENDING), ("seq", ASCENDING)], name="place", unique=True),
    # One event cannot be told twice, under whatever number.
    IndexModel(
        [("tenant", ASCENDING), ("src.log", ASCENDING), ("src.agg", ASCENDING), ("src.ver", ASCENDING)],
        name="source", unique=True,
    ),
    IndexModel(
        [("tenant", ASCENDING), ("target.type", ASCENDING), ("target.id", ASCENDING), ("seq", ASCENDING)], name="target"
    ),
    IndexModel([("tenant", ASCENDING), ("actor.id", ASCENDING), ("ts", ASCENDING)], name="actor"),
    IndexModel([("tenant", ASCENDING), ("action", ASCENDING), ("ts", ASCENDING)], name="action"),
    IndexModel([("tenant", ASCENDING), ("ts", ASCENDING)], name="moment"),
)  # fmt: skip

_log = structlog.get_logger()


class Logged(Protocol):
    """An event of the log, readable or not."""

    @property
    def position(self) -> int: ...
    @property
    def tenant(self) -> UUID: ...
    @property
    def stream(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def tag(self) -> str: ...
    @property
    def recorded_at(self) -> datetime: ...


class Source(Protocol):
    """The log with digests, and streams from their start."""

    def read(self, connection: Connection, after: int, limit: int) -> Sequence[tuple[Any, str]]: ...
    def stream(self, connection: Connection, tenant: UUID, stream: UUID, before: int) -> Sequence[Any]: ...
    def lag(self, connection: Connection, after: int) -> Behind: ...
    def where(self, connection: Connection, tenant: UUID, stream: UUID, version: int) -> tuple[int, str] | None: ...
    def end(self, connection: Connection) -> int: ...


class Fork(Exception):
    """The trail holds another document than the one that the log gives for this place, or one of which the log knows
    nothing (`expected` is None then). Nothing was overwritten."""

    def __init__(self, place: str, expected: Document | None, found: Document | None) -> None:
        super().__init__(f"the trail does not agree with the log at {place}")
        self.place, self.expected, self.found = place, expected, found


# From events to documents


def changes(before: Any, after: Any, path: str = "") -> Iterator[Document]:
    """What differs between two states, by path; lists of the same length by index, all else as a whole."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            inner = f"{path}.{name}" if path else name
            yield from changes(before.get(name), after.get(name), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for n, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from changes(old, new, f"{path}[{n}]")
    else:
        yield {"path": path, "before": before, "after": after}


def moment(at: datetime) -> str:
    """UTC with microseconds, always in the same form: BSON dates would drop them."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def place(tenant: UUID, seq: int) -> str:
    return f"d:{tenant}:{seq:012d}"


def told(event: Logged, seq: int, sha256: str, before: Aggregate | None, after: Aggregate | None) -> Document:
    """The document of one event in its place. Pure: the same log always gives the same document, to the byte.

    `before` and `after` are the aggregate's states around it; an unreadable event says nothing of either.
    """
    readable = isinstance(event, RecordedEvent)
    document: Document = {
        "_id": place(event.tenant, seq),
        "v": MAPPING,
        "tenant": str(event.tenant),
        "log": LOG,
        "seq": seq,
        "kind": "domain_event" if readable else "unreadable",
        "action": action(event.tag),
        "schema": event.tag,
        "outcome": "success",
        "reason": None,
        "at": moment(event.recorded_at),
        "occurred_at": None,
        "local_min": None,
        "actor": None,
        "origin": None,
        # Its tag says what it was about, even where nothing else can be read.
        "target": {"type": event.tag.partition(".")[0], "id": str(event.stream)},
        "changes": [],
        "src": {
            "log": LOG, "agg": str(event.stream), "ver": event.version, "position": str(event.position),
            "state_sha256": sha256,
        },
        # For indexes, outside of what is hashed; cut to what BSON can hold.
        "ts": event.recorded_at.replace(microsecond=event.recorded_at.microsecond // 1000 * 1000),
    }  # fmt: skip
    if isinstance(event, RecordedEvent):
        envelope = event.envelope
        actor, origin = envelope.actor, envelope.origin
        document["reason"] = envelope.reason
        document["occurred_at"] = moment(event.occurred_at)
        document["local_min"] = envelope.local_minute
        document["actor"] = {
            "type": actor.type, "id": actor.id, "role": actor.role, "session": actor.session, "auth": actor.auth,
            "on_behalf_of": actor.on_behalf_of,
        }  # fmt: skip
        document["origin"] = {
            "ip_prefix": origin.ip_prefix, "req": origin.request_id, "trace": origin.trace, "channel": origin.channel,
            "client": origin.client, "cmd": str(envelope.command_id), "command": envelope.command,
            "correlation": str(envelope.correlation_id),
            "causation": None if envelope.causation_id is None else str(envelope.causation_id),
        }  # fmt: skip
        document["changes"] = list(changes(_plain(before), _plain(after)))
    return document


def _plain(state: Aggregate | None) -> Document:
    """The state in the types that may be hashed; nothing where there is none. The id is the target's."""
    if state is None:
        return {}
    plain: Document = msgspec.json.decode(msgspec.json.encode(state))
    del plain["id"]
    return plain


def canonical(document: Mapping[str, Any]) -> str:
    """What two documents must have in common in order to be the same."""
    return json.dumps({k: v for k, v in document.items() if k != "ts"}, sort_keys=True, ensure_ascii=False)


class States:
    """The latest state of each aggregate seen, as many as fit; a miss folds the stream again from its start.

    Unreadable events are passed over: what comes after them is told as far as it can be known.
    """

    def __init__(self, source: Source, most: int = STATES) -> None:
        self._source = source
        self._most = most
        self._kept: OrderedDict[tuple[UUID, UUID], tuple[int, Aggregate | None]] = OrderedDict()

    def around(self, connection: Connection, event: Any) -> tuple[Aggregate | None, Aggregate | None]:
        """The states before and after an event."""
        key = (event.tenant, event.stream)
        kept = self._kept.pop(key, None)
        if kept is not None and kept[0] == event.version - 1:
            before = kept[1]
        elif event.version == 1:
            before = None
        else:
            before = None
            for earlier in self._source.stream(connection, event.tenant, event.stream, event.version):
                before = _folded(before, earlier)
        after = _folded(before, event)
        self._kept[key] = (event.version, after)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return before, after


def _folded(state: Aggregate | None, event: Any) -> Aggregate | None:
    if not isinstance(event, RecordedEvent):
        return state
    if state is None:
        kind = BEGINS.get(type(event.fact))
        return None if kind is None else kind(id=event.stream).evolve(event.fact)
    return state.evolve(event.fact)


# Writing

_NAMED = {"tenant": 1, "seq": 1, "src": 1}
"""What names a document's event."""


class Writer:
    """Writes documents in the order of the log: each once, however often and by however many it is tried."""

    def __init__(self, database: Database[Document], source: Source, states: int = STATES) -> None:
        self.position = 0
        self.written = 0
        self._trail = database[TRAIL]
        self._hints = database[HINTS]
        self._source = source
        self._states = States(source, states)
        self._ends: OrderedDict[UUID, tuple[int, int]] = OrderedDict()
        """Per tenant, the number and position of the last document."""

    def prepare(self) -> None:
        """Indexes first: made after loading they take longer, and uniqueness is what two writers rely on."""
        self._trail.create_indexes(list(INDEXES))

    def find(self, connection: Connection) -> None:
        """Where to go on. The hint counts only while the document that it names is there with that position, and `Fork`
        where the log does not know that document's event."""
        self._ends.clear()
        self.position = 0
        hint = self._hints.find_one({"_id": LOG})
        if hint is not None:
            known = self._trail.find_one({"_id": hint["document"]}, _NAMED)
            if known is not None and known["src"]["position"] == hint["position"]:
                self._prove(connection, known)
                self.position = int(hint["position"])

    def step(self, connection: Connection, limit: int = BATCH) -> int:
        """One batch; how many events were read. `Fork` where the trail says otherwise."""
        events = self._source.read(connection, self.position, limit)
        if not events:
            return 0
        documents: list[Document] = []
        try:
            for event, sha256 in events:
                seq, position = self._end(connection, event.tenant)
                states = self._states.around(connection, event)
                if event.position <= position:
                    continue  # told already: the hint was old
                seq += 1
                documents.append(told(event, seq, sha256, *states))
                self._ends[event.tenant] = (seq, event.position)
            if documents:
                self._write(documents)
        except BaseException:
            self._ends.clear()  # what has been written is known to the trail alone
            raise
        # Not before: until they are written, the numbers given in this batch are known here alone.
        while len(self._ends) > TENANTS:
            self._ends.popitem(last=False)
        last = events[-1][0]
        self.position = last.position
        if documents:
            self._hints.replace_one(
                {"_id": LOG},
                {"_id": LOG, "position": str(last.position), "document": documents[-1]["_id"]},
                upsert=True,
            )
        return len(events)

    def _end(self, connection: Connection, tenant: UUID) -> tuple[int, int]:
        end = self._ends.get(tenant)
        if end is None:
            last = self._trail.find_one({"tenant": str(tenant), "log": LOG}, _NAMED, sort=[("seq", DESCENDING)])
            if last is None:
                end = (0, 0)
            else:
                # Up to its position events are passed over as told: it must be the log's own.
                self._prove(connection, last)
                end = (int(last["seq"]), int(last["src"]["position"]))
            self._ends[tenant] = end
        self._ends.move_to_end(tenant)
        return end

    def _prove(self, connection: Connection, document: Document) -> None:
        """The log must hold the document's event, at that position and with that state. A log that was restored to an
        earlier point does not, and what it records since then would be taken for told."""
        src = document["src"]
        where = self._source.where(connection, UUID(document["tenant"]), UUID(src["agg"]), int(src["ver"]))
        if where is None or (str(where[0]), where[1]) != (src["position"], src["state_sha256"]):
            raise Fork(document["_id"], None, document)

    def _write(self, documents: list[Document]) -> None:
        while documents:
            try:
                self._trail.insert_many(documents, ordered=True)
            except BulkWriteError as error:
                failed = error.details["writeErrors"][0]
                if failed["code"] != DUPLICATE:
                    raise
                self.written += int(failed["index"])
                documents = self._unwritten(documents[failed["index"] :])
            else:
                self.written += len(documents)
                return

    def _unwritten(self, documents: list[Document]) -> list[Document]:
        """Those that are not there yet. Those that are must be equal."""
        wanted = [document["_id"] for document in documents]
        found = {one["_id"]: one for one in self._trail.find({"_id": {"$in": wanted}})}
        for document in documents:
            there = found.get(document["_id"])
            if there is not None and canonical(there) != canonical(document):
                raise Fork(document["_id"], document, there)
        left = [document for document in documents if document["_id"] not in found]
        if len(left) == len(documents):
            # No document of that id, and yet a duplicate: does the event stand under another number?
            first = left[0]
            source = {f"src.{name}": first["src"][name] for name in ("log", "agg", "ver")}
            raise Fork(first["_id"], first, self._trail.find_one({"tenant": first["tenant"], **source}))
        return left


class Follower:
    """Keeps the trail until it is told to stop. MongoDB gone: it waits and tries again; nothing is lost meanwhile."""

    view = "audit"

    def __init__(
        self,
        url: str,
        database: Callable[[], Database[Document]],
        source: Source,
        *,
        alarm: Alarm | None = None,
        meter: Callable[[Lag], None] | None = None,
        exclusive: bool = True,
        pause: tuple[float, float] = (0.01, 0.05),
    ) -> None:
        self.wake = threading.Event()
        self.forked = False
        """Writing has stopped for good: people must look."""
        self._url = url
        self._database = database
        self._source = source
        self._alarm = alarm
        self._meter = meter
        self._exclusive = exclusive
        self._pause = pause
        self._connection: Connection | None = None
        self._stopping = threading.Event()
        self._metered = 0.0

    def stop(self) -> None:
        """Finish the batch at hand and leave."""
        self._stopping.set()
        self.wake.set()

    def abandon(self) -> None:
        """Cut the connection to PostgreSQL of a follower that did not leave."""
        cut(self._connection)

    def run(self) -> None:
        """Until `stop`."""
        failures = 0
        database = self._database()
        while not self._stopping.is_set():
            try:
                writer = Writer(database, self._source)
                with connected(self._url, "audit") as self._connection:
                    connection = self._connection
                    if self._exclusive and not _leads(connection):
                        self._stopping.wait(0.5)
                        continue
                    writer.prepare()
                    writer.find(connection)
                    failures = 0
                    self._follow(connection, writer)
            except Fork as fork:
                self.forked = True
                self._cry("audit.fork", place=fork.place, error=str(fork))
                self._stopping.wait()
            except Exception as error:
                failures += 1
                self._cry("audit.interrupted", error=f"{type(error).__name__}: {error}"[:500], failures=failures)
                self._stopping.wait(min(0.1 * 2 ** min(failures, 6), 5.0))
        database.client.close()

    def _follow(self, connection: Connection, writer: Writer) -> None:
        pause = self._pause[0]
        while not self._stopping.is_set():
            self.wake.clear()
            had = writer.step(connection)
            if self._meter is not None and time.monotonic() - self._metered > 1.0:
                self._metered = time.monotonic()
                self._meter(lag_of(connection, writer.position, self._source))
            if had:
                pause = self._pause[0]
                continue
            self.wake.wait(pause)
            pause = min(pause * 1.5, self._pause[1])

    def _cry(self, name: str, **about: Any) -> None:
        _log.error(name, **about)
        if self._alarm is not None:
            self._alarm(name, about)


def _leads(connection: Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended('view:audit', 0))").fetchone()
    return row == (True,)


def lag_of(connection: Connection, position: int, source: Source) -> Lag:
    lag = source.lag(connection, position)
    age = 0.0 if lag.oldest is None else max((datetime.now(UTC) - lag.oldest).total_seconds(), 0.0)
    return Lag("audit", lag.behind, age, 0)


# Proving and rebuilding


class Difference(Struct, frozen=True):
    """A document that the log does not bear out."""

    id: str
    kind: str
    """`missing` from the trail, `surplus` in it, or `different`."""


class Proven(Struct, frozen=True):
    events: int
    documents: int
    position: int
    differences: Sequence[Difference]


def verify(
    url: str, database: Database[Document], source: Source, progress: Callable[[int, int], None] | None = None,
    most: int = 10, until: int | None = None, patience: float = PATIENCE,
) -> Proven:  # fmt: skip
    """Tells the log again, up to where it ends now (or `until` there), and compares each document; writes nothing.

    Nothing that the trail says of itself is a bound: every event has its document, in the place that the log gives it,
    and every document has its event. Those written meanwhile are held against the log as far as it has come by then.
    A follower that is behind is waited for while it goes on, and `patience` seconds more; what is not there then is
    missing.
    """
    trail = database[TRAIL]
    telling = _Telling(source)
    differences: list[Difference] = []
    surplus: dict[str, None] = {}
    events = documents = position = 0
    with connected(url, "verify-audit") as connection:
        # Counted first: whatever is counted belongs to an event before the end, if to any.
        counted = {tenant: trail.count_documents(_of(tenant)) for tenant in trail.distinct("tenant")}
        end = source.end(connection) if until is None else until
        for page in _pages(source, connection, 0, end):
            due = telling.page(connection, page)
            found = {str(one["_id"]): one for one in _there(trail, due)}
            since = time.monotonic()
            while _late(due, found, counted) and len(differences) < most and time.monotonic() - since < patience:
                time.sleep(0.05)
                again = {str(one["_id"]): one for one in _there(trail, due)}
                if len(again) > len(found):
                    since = time.monotonic()
                found = again
            if _late(due, found, counted):
                patience = 0.0
            differences += _compared(due, found)[: most - len(differences)]
            events += len(due)
            documents += len(found)
            surplus |= dict.fromkeys(found.keys() - {document["_id"] for document in due})
            position = page[-1][0].position
            if progress is not None:
                progress(events, source.lag(connection, position).behind)
        beyond: dict[str, None] = {}
        for tenant in trail.distinct("tenant"):
            last = telling.seqs.get(tenant, 0)
            # Whatever is no number, too.
            outside = {"seq": {"$not": {"$gte": 1, "$lte": last}}} if last else {}
            beyond |= dict.fromkeys(str(one["_id"]) for one in trail.find(_of(tenant) | outside, {"_id": 1}))
        documents += len(beyond)
        # What a follower has written since the end was fixed: its event comes after it.
        for page in _pages(source, connection, end, source.end(connection)) if beyond else ():
            due = [document for document in telling.page(connection, page) if document["_id"] in beyond]
            ids = [document["_id"] for document in due]
            found = {one["_id"]: one for one in trail.find({"_id": {"$in": ids}})}
            differences += _compared(due, found)
            for one in ids:
                del beyond[one]
    differences += [Difference(one, "surplus") for one in surplus | beyond]
    return Proven(events, documents, position, differences[:most])


class _Telling:
    """The log told from its start: which document belongs where."""

    def __init__(self, source: Source) -> None:
        self.seqs: dict[str, int] = {}
        """Per tenant, the number of the last one told."""
        self._states = States(source)

    def page(self, connection: Connection, page: Sequence[tuple[Any, str]]) -> list[Document]:
        documents = []
        for event, sha256 in page:
            tenant = str(event.tenant)
            seq = self.seqs[tenant] = self.seqs.get(tenant, 0) + 1
            documents.append(told(event, seq, sha256, *self._states.around(connection, event)))
        return documents


def _pages(source: Source, connection: Connection, after: int, end: int) -> Iterator[Sequence[tuple[Any, str]]]:
    """The log after one position up to another."""
    while after < end:
        page = [one for one in source.read(connection, after, BATCH) if one[0].position <= end]
        if not page:
            return
        yield page
        after = page[-1][0].position


def _of(tenant: Any) -> Document:
    # What is no string was planted, and must not become an operator.
    return {"tenant": tenant if isinstance(tenant, str) else {"$eq": tenant}, "log": LOG}


def _late(due: Sequence[Document], found: Mapping[str, Document], counted: Mapping[Any, int]) -> bool:
    """Is one not there that lies beyond those counted at the start, so that it may yet come?"""
    return any(one["_id"] not in found and one["seq"] > counted.get(one["tenant"], 0) for one in due)


def _compared(due: Sequence[Document], found: Mapping[str, Document]) -> list[Difference]:
    differences = []
    for document in due:
        there = found.get(document["_id"])
        if there is None:
            differences.append(Difference(document["_id"], "missing"))
        elif canonical(there) != canonical(document):
            differences.append(Difference(document["_id"], "different"))
    return differences


def _there(trail: Collection[Document], due: Sequence[Document]) -> Iterator[Document]:
    """The documents in the places of these, by range: quicker than by id."""
    ranges: dict[str, list[int]] = {}
    for document in due:
        ranges.setdefault(document["tenant"], []).append(document["seq"])
    for tenant, seqs in ranges.items():
        within = {"$gt": seqs[0] - 1, "$lte": seqs[-1]}  # and what lies between two numbers
        yield from trail.find({"tenant": tenant, "log": LOG, "seq": within}, batch_size=BATCH)


def rebuild(
    url: str, database: Database[Document], source: Source, progress: Callable[[int, int], None] | None = None
) -> Proven:
    """Writes what is missing and proves the rest. Documents are never changed or removed, not even by this."""
    writer = Writer(database, source)
    writer.prepare()
    with connected(url, "rebuild-audit") as connection:
        writer.find(connection)
        seen = 0
        while had := writer.step(connection):
            seen += had
            if progress is not None:
                progress(seen, source.lag(connection, writer.position).behind)
    # No follower need be there for what was recorded since.
    return verify(url, database, source, progress, until=writer.position)


# Answering


class Entry(Struct, frozen=True):
    """A document of the trail, as it is shown."""

    seq: int
    kind: str
    action: str
    schema: str
    outcome: str
    at: str
    occurred_at: str | None
    reason: str | None
    local_min: int | None
    actor: dict[str, Any] | None
    origin: dict[str, Any] | None
    target: dict[str, Any]
    changes: list[dict[str, Any]]
    src: dict[str, Any]


class Trail(Struct, frozen=True):
    """A stretch of the trail, and how far the trail as a whole has come."""

    rows: Sequence[Entry]
    next: int | None
    """What to ask for `after` to go on; None at the end."""
    complete_to: "CompleteTo | None"
    behind: int
    """Events of the log (of all organizations) that are not in it yet."""
    age: float
    """Seconds since the oldest of them was recorded."""


class CompleteTo(Struct, frozen=True):
    """Every event of the organization up to this one is in the trail."""

    seq: int
    position: str


_SHOWN = dict.fromkeys(Entry.__struct_fields__, 1)
_PATHS: tuple[tuple[str, str], ...] = (
    ("target_type", "target.type"), ("target_id", "target.id"), ("actor_id", "actor.id"), ("action", "action"),
)  # fmt: skip


def criteria(query: AuditTrail, tenant: UUID) -> Document:
    """Built from the fields that are allowed, each compared with a string that was made one here, with the tenant last:
    no value that is asked with can become an operator or reach another organization.

    The same spelt out (`$eq`) would be as safe, and MongoDB plans it alike; SecantusDB reads the whole collection then.
    """
    asked: Document = {}
    if query.booking_id is not None:
        asked = {"target.type": "booking", "target.id": str(query.booking_id)}
    for name, path in _PATHS:
        value = getattr(query, name)
        if value is None:
            continue
        if path in asked:  # a booking and a target: both must hold
            asked.setdefault("$and", []).append({path: str(value)})
        else:
            asked[path] = str(value)
    period = {}
    if query.recorded_from is not None:
        period["$gte"] = query.recorded_from.astimezone(UTC)
    if query.recorded_before is not None:
        period["$lt"] = query.recorded_before.astimezone(UTC)
    if period:
        asked["ts"] = period
    return {**asked, "seq": {"$gt": max(query.after, 0)}, "log": LOG, "tenant": str(tenant)}


Standing = Callable[[int], Awaitable[tuple[int, datetime | None]]]
"""Given a position: how many events of the log come after it, and when the oldest of them was recorded."""


class Reader:
    """Answers `AuditTrail`."""

    def __init__(self, database: AsyncDatabase[Document], lag: Standing) -> None:
        self._trail = database[TRAIL]
        self._hints = database[HINTS]
        self._lag = lag

    def answerers(self) -> dict[type[Query], Callable[[Any, Occasion, Scope], Awaitable[Trail]]]:
        return {AuditTrail: self.audit_trail}

    async def audit_trail(self, query: AuditTrail, occasion: Occasion, scope: Scope) -> Trail:
        limit = max(1, min(query.limit, MOST_ROWS))
        mine = {"tenant": str(occasion.tenant), "log": LOG}
        # Asked before the rows: what comes meanwhile is in the rows and not promised, never the other way round.
        last = await self._trail.find_one(mine, {"seq": 1, "src.position": 1}, sort=[("seq", DESCENDING)])
        hint = await self._hints.find_one({"_id": LOG}, {"position": 1})
        found = self._trail.find(criteria(query, occasion.tenant), _SHOWN).sort("seq", ASCENDING).limit(limit + 1)
        rows = [Entry(**{name: one[name] for name in _SHOWN}) for one in await found.to_list(limit + 1)]
        behind, oldest = await self._lag(0 if hint is None else int(hint["position"]))
        age = 0.0 if oldest is None else max((datetime.now(UTC) - oldest) / timedelta(seconds=1), 0.0)
        return Trail(
            rows[:limit],
            rows[limit - 1].seq if len(rows) > limit else None,
            None if last is None else CompleteTo(int(last["seq"]), str(last["src"]["position"])),
            behind,
            age,
        )
