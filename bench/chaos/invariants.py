"""What must hold whatever happened. Each checker answers with breaches; none is good news.

They are named as in the table of docs/how-to/run-chaos.md. None trusts what it checks: occupancy is computed from the
events and not from the table of claims, acknowledged commands come from the clients' journals, and views are compared
with a rebuild. tests/stories/test_checkers_bark.py plants breaches and sees each checker find them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from msgspec import Struct
from pymongo.database import Database

from application.availability.proof import TRANSACTION
from application.recorded import RecordedEvent
from bench.chaos.journal import Case
from bench.chaos.town import CLIENT, FOUNDING
from domain.availability.proof import Ledger
from infrastructure.event_store import claims as claims_table
from infrastructure.event_store import log as the_log
from infrastructure.postgres.source import Source
from projections.audit import trail
from projections.rebuild import Rebuild
from projections.views import VIEWS


class Breach(Struct, frozen=True):
    """Something that must never be."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


def whole_log(url: str) -> list[RecordedEvent]:
    """Every event that is there, settled or not, in order; raises on one that cannot be read."""
    found: list[RecordedEvent] = []
    with psycopg.connect(url, autocommit=True) as connection:
        position = 0
        while page := the_log.read(connection, position, 5000, beyond_watermark=True):
            for event in page:
                if not isinstance(event, RecordedEvent):
                    raise ValueError(f"{event.tag} at {event.position}: {event.error}")
                found.append(event)
            position = page[-1].position
    return found


def streams(log: Iterable[RecordedEvent]) -> Iterator[Breach]:
    """I4: each stream runs 1..n in the order of the log; no position and no event id is there twice."""
    last = 0
    versions: dict[tuple[UUID, UUID], int] = defaultdict(int)
    ids: set[UUID] = set()
    for event in log:
        if event.position <= last:
            yield Breach("I4 order", f"position {event.position} after {last}")
        last = event.position
        stream = event.tenant, event.stream
        if event.version != versions[stream] + 1:
            yield Breach("I4 versions", f"stream {event.stream}: {event.version} follows {versions[stream]}")
        versions[stream] = event.version
        if event.event_id in ids:
            yield Breach("I4 twice", f"event {event.event_id} at {event.position}")
        ids.add(event.event_id)


def occupancy(log: Iterable[RecordedEvent], ledger: Ledger | None = None) -> Iterator[Breach]:
    """I3: folding the log in its order never shows more units used than there are. By events alone."""
    ledger = ledger or Ledger()
    for _, command in groupby(log, lambda event: event.position >> TRANSACTION):
        events = list(command)
        facts = [(event.fact, event.stream) for event in events]
        for over in ledger.fold(facts, events[-1].position, events[0].occurred_at):
            yield Breach(
                "I3 overbooked",
                f"{over.resource_id} at {over.at:%Y-%m-%dT%H:%M}: {over.used} of {over.capacity} units, "
                f"since position {over.position}",
            )


def overlaps(url: str) -> Iterator[Breach]:
    """I3 once more, from the table of claims: no two claims of a single resource overlap, but for what is over (it may
    have had more units then). By a plain self-join, so that it holds without the constraint."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT a.resource, a.booking, b.booking FROM event_store.claim a JOIN event_store.claim b "
            "ON a.tenant = b.tenant AND a.resource = b.resource AND a.during && b.during "
            "AND (a.booking, a.item) < (b.booking, b.item) JOIN event_store.capacity k "
            "ON k.tenant = a.tenant AND k.resource = a.resource AND k.capacity = 1 "
            "WHERE NOT a.authorised AND NOT b.authorised AND upper(a.during * b.during) > clock_timestamp()"
        ).fetchall()
    for resource, one, other in rows:
        yield Breach("I3 overlap", f"{one} and {other} both claim {resource}")


def claims(url: str) -> Iterator[Breach]:
    """I3: the table of claims is what follows from the log."""
    for one in claims_table.verify(url):
        yield Breach(
            "I3 claims", f"{one.kind} {one.table} of {one.resource}, booking {one.booking}: due {one.expected!r}, "
            f"found {one.found!r}",
        )  # fmt: skip


def answered(cases: Sequence[Case], log: Sequence[RecordedEvent]) -> Iterator[Breach]:
    """I1, I2, I8: every `ok` command's events are there, once and whole; no `fail` has any; nobody else's are there.

    An `unknown` that was never resolved may have all its events or none. What the house does by itself (dead holds that
    expire, what the story set up) has no case.
    """
    by_key: dict[str, list[RecordedEvent]] = defaultdict(list)
    places: dict[tuple[UUID, int], int] = {}
    for event in log:
        places[event.stream, event.version] = event.position
        if event.envelope.actor.id == CLIENT:
            by_key[event.envelope.origin.request_id or ""].append(event)
    for case in cases:
        yield from _answered(case, by_key.pop(case.intent.key, []), places)
    for key, events in by_key.items():
        if not key.startswith(FOUNDING):
            yield Breach("I1 nobody asked", f"{events[0].envelope.command} {key}: {len(events)} events")


def _answered(case: Case, events: list[RecordedEvent], places: dict[tuple[UUID, int], int]) -> Iterator[Breach]:
    intent = case.intent
    name = f"{intent.command} {intent.key}"
    if case.verdict == "fail" and events:
        yield Breach("I2 refused but done", f"{name}: {len(events)} events at {events[0].position}")
    if events and (len(events) != intent.events or len({event.envelope.command_id for event in events}) != 1):
        yield Breach("I1 not once", f"{name}: {len(events)} events instead of {intent.events}")
    answers = {(o.stream, o.version, o.position) for o in case.outcomes if o.verdict == "ok" and o.changed is not False}
    if len(answers) > 1:
        yield Breach("I8 two answers", f"{name}: {sorted(map(str, answers))}")
    for stream, version, position in answers:
        said = f"{name} was acknowledged as version {version} of {stream} at {position}"
        if events:
            last = events[-1]
            if (stream, version, position) != (last.stream, last.version, last.position):
                yield Breach("I1 elsewhere", f"{said}, and is {last.version} of {last.stream} at {last.position}")
            continue
        # A door that does not say whether anything was done: then what was seen, at least, must be there.
        unsaid = any(o.verdict == "ok" and o.changed is None for o in case.outcomes) and not intent.always
        seen = None if stream is None or version is None else places.get((stream, version))
        if not unsaid or seen is None or position is None or seen > position:
            yield Breach("I1 lost", f"{said}, and is not there")
    if events and not answers and case.verdict == "ok":
        yield Breach("I1 unsaid", f"{name} was answered with 'nothing happened', and has {len(events)} events")


def commands(url: str) -> Iterator[Breach]:
    """I8: each command row points at the last of its events, and each command with events has a row."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute("SELECT command_id, position FROM event_store.command").fetchall()
    last: dict[UUID, int] = {}
    for event in whole_log(url):
        last[event.envelope.command_id] = event.position
    for command_id, position in rows:
        if command_id in last and last[command_id] != position:
            yield Breach("I8 row", f"command {command_id} says {position}, its last event is at {last[command_id]}")
    for command_id in last.keys() - {row[0] for row in rows}:
        yield Breach("I8 row", f"command {command_id} has events and no row")


def followed(seen: Sequence[int], log: Iterable[RecordedEvent]) -> Iterator[Breach]:
    """I4: what a follower saw is what is in the log: none missed, none twice, none out of turn."""
    twice = [position for position, times in Counter(seen).items() if times > 1]
    there = {event.position for event in log}
    if missed := there - set(seen):
        yield Breach("I4 missed", f"{len(missed)} events, the first at {min(missed)}")
    if twice:
        yield Breach("I4 seen twice", f"{len(twice)} events, the first at {min(twice)}")
    if made_up := set(seen) - there:
        yield Breach("I4 made up", f"{len(made_up)} events that are not there, the first at {min(made_up)}")
    if list(seen) != sorted(seen):
        yield Breach("I4 out of turn", "the follower saw the log in another order")


def caught_up(url: str) -> bool:
    """Whether the views stand at the end of the log."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT coalesce(max(e.position), 0) <= (SELECT coalesce(min(p.position), 0) FROM read.position p "
            "WHERE p.view = ANY (%s)) FROM event_store.event e",
            [[view.name for view in VIEWS]],
        ).fetchone()
    return row == (True,)


def views(url: str) -> Iterator[Breach]:
    """I5: each live view is, byte for byte, what a fresh replay of the log gives; nothing is parked."""
    with psycopg.connect(url, autocommit=True) as connection:
        for view, stream, error in connection.execute("SELECT view, stream, error FROM read.parked").fetchall():
            yield Breach("I5 parked", f"{view}: stream {stream}: {error}")
    for view in VIEWS:
        compared = Rebuild(view, url, the_log).verify()
        for name, (live, fresh) in compared.digests.items():
            if live != fresh:
                first = ", ".join(f"{one.kind} {one.key}" for one in compared.differences[:3])
                yield Breach("I5 view", f"{view.name}, table {name}: live {live[:12]}, fresh {fresh[:12]}: {first}")


def audit(url: str, database: Database[dict[str, Any]]) -> Iterator[Breach]:
    """I6: one document for every event, no more, each saying what the event says."""
    proven = trail.verify(url, database, Source())
    for one in proven.differences:
        yield Breach("I6 document", f"{one.kind} {one.id}")
    events, documents = len(whole_log(url)), database[trail.TRAIL].count_documents({})
    if events != documents:
        yield Breach("I6 count", f"{events} events, {documents} documents")


def deadlocks(url: str) -> int:
    """How many the server has counted in this database. Backends tell a second late, or when they end."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def deadlocks_in(log: Path) -> int:
    """How many the server's own log tells of."""
    return log.read_text(errors="replace").count("deadlock detected") if log.exists() else 0


def of_the_store(url: str, cases: Sequence[Case] | None = None, tenant: UUID | None = None) -> list[Breach]:
    """All that the event store alone can answer for; without cases nobody kept a journal. `tenant`: whose journals
    these are, where others live in the same database."""
    log = whole_log(url)
    found = [*streams(log), *occupancy(log), *overlaps(url), *claims(url), *commands(url)]
    if cases is not None:
        found += answered(cases, [event for event in log if tenant in (None, event.tenant)])
    return found
