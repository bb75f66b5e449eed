"""What an import is going to do, decided whole before its first command.

Every row is read, mapped and rehearsed; a row that the rules refuse at any of its steps is refused as a whole. What is
left is sorted by the moment at which it happened. The plan lies in a temporary database on disk, so that a long
history needs little more memory than a short one.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import msgspec
from msgspec import Struct

from application.event_store import EventStore
from application.handlers import HANDLERS
from application.message import Command, Occasion
from application.organization.commands import FoundOrganization, OpenLocation
from application.recorded import Actor, Origin
from application.resource.commands import ChangeCapacity, RegisterResource
from domain.errors import Refusal
from domain.period import instant
from domain.resource.resource import MOST_UNITS, Resource
from interfaces.history.rehearsal import Played, Stage
from interfaces.history.source import Table, Unusable
from interfaces.history.story import CannotBe, Ids, Mapping, Row, Step, Story, Thing
from interfaces.history.tide import high_water, packed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
BEFORE_ALL = timedelta(days=1)
"""How long before the first row's first step the organization, its locations and resources begin."""
STREAMS_AT_ONCE = 400
NAMES: dict[str, type[Command]] = {command.__name__: command for command in HANDLERS}

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE rows (row INTEGER PRIMARY KEY, line INTEGER, key TEXT, streams BLOB);
CREATE TABLE steps (
    at INTEGER, row INTEGER, step INTEGER, name TEXT, command TEXT, body BLOB, reason TEXT, effects BLOB,
    events INTEGER, done INTEGER DEFAULT 0, PRIMARY KEY (row, step)
) WITHOUT ROWID;
"""
IN_ORDER = "CREATE INDEX in_order ON steps (done, at, row, step)"
REST = """
SELECT line, key, at, name, command, body, reason, events FROM steps JOIN rows USING (row)
 WHERE NOT done ORDER BY at, row, step
"""
# What earlier runs did comes first: this run's claims rise on top of it, whatever the moments say.
EFFECTS = "SELECT effects FROM steps WHERE effects IS NOT NULL ORDER BY done DESC, at, row, step"


class Remark(Struct, frozen=True):
    """What is said of one row in the report."""

    line: int
    outcome: str
    """`settled` or `refused`."""
    rule: str
    reason: str


class Deed(Struct, frozen=True):
    """One command on its way to the bus, with where it comes from."""

    line: int
    name: str
    command: Command
    occasion: Occasion
    events: int = 1


class Interrupted(Exception):
    """Somebody asked the import to stop."""


class Pulse(Struct, frozen=True):
    """How the frame tells how far it is, and learns that it should stop."""

    begins: Callable[[str, int], None]
    """A phase, and how much there is of it."""
    reached: Callable[[int, int], None]
    """How much of the phase is behind us, and how many rows or commands that was."""
    stop: Callable[[], bool]

    def beat(self, done: int, count: int) -> None:
        self.reached(done, count)
        if self.stop():
            raise Interrupted


SILENT = Pulse(lambda *_: None, lambda *_: None, lambda: False)


class Plan:
    """The rows that can be, in the order of their moments."""

    def __init__(self, mapping: Mapping, tenant: UUID, store: EventStore, found: bool, now: datetime) -> None:
        """`found`: found the organization where there is none; `now`: nothing can have happened later."""
        self.mapping = mapping
        self.tenant = tenant
        self.ids = Ids(tenant, mapping.name)
        self.rows = 0
        self.refused: Counter[str] = Counter()
        self.settled: Counter[str] = Counter()
        self._store = store
        self._now = now
        self._stage = Stage()
        self._things: dict[UUID, Thing] = {}
        self._resources: dict[UUID, Resource] = {}
        self._kept = sqlite3.connect("", isolation_level=None)
        self._kept.executescript(SCHEMA)
        self._founded = self._fetch(tenant)
        if not self._founded:
            if not found:
                raise Unusable(f"There is no organization {tenant}. Leave --organization out to have one founded.")
            self._stage.furnish(FoundOrganization(mapping.organization), self._occasion("found", EPOCH, "platform"))

    # making it

    def read(self, table: Table, limit: int | None, remark: Callable[[Remark], None], pulse: Pulse) -> None:
        """Read, map and rehearse every row."""
        pulse.begins("Reading and rehearsing", table.size)
        self._kept.execute("BEGIN")
        for found in table.rows(limit):
            self.rows += 1
            try:
                if isinstance(found, tuple):
                    line, refusal = found
                    raise refusal
                line = found.line
                story = self.mapping.story(found, self.ids)
                self._rehearse(found, story)
            except CannotBe as refusal:
                self.refused[refusal.note.rule] += 1
                remark(Remark(line, "refused", refusal.note.rule, refusal.note.reason))
            else:
                self._remark_settled(line, story, remark)
            if self.rows % 64 == 0:
                pulse.beat(table.position, self.rows)
        self._kept.execute("COMMIT")
        pulse.beat(table.size, self.rows)

    def _remark_settled(self, line: int, story: Story, remark: Callable[[Remark], None]) -> None:
        for note in story.settled:
            self.settled[note.rule] += 1
            remark(Remark(line, "settled", note.rule, note.reason))

    def _rehearse(self, row: Row, story: Story) -> None:
        """Play the row through and keep its steps; `CannotBe` where any of them is refused."""
        played: list[tuple[Step, Played]] = []
        before = EPOCH
        try:
            for step in story.steps:
                at = instant(step.at)
                if at < before:
                    raise CannotBe("out-of-order", f"{step.name} would come before what it follows.")
                if at > self._now:
                    raise CannotBe("in-the-future", f"{step.name} lies in the future ({at:%Y-%m-%d}).")
                before = at
            for thing in story.uses:
                self._furnish(thing)
            for step in story.steps:
                occasion = self._occasion(f"row\x1f{row.key}\x1f{step.name}", step.at, "importer")
                played.append((step, self._stage.play(step.command, occasion)))
        except Refusal as refusal:
            raise CannotBe(refusal.code, sentence(refusal)) from None
        finally:
            self._stage.clear()
        self._keep(row, played)
        for thing in story.uses:
            self._things.setdefault(thing.id, thing)

    def _keep(self, row: Row, played: list[tuple[Step, Played]]) -> None:
        streams = b"".join({stream: stream.bytes for _, facts in played for stream, _ in facts}.values())
        self._kept.execute("INSERT INTO rows VALUES (?, ?, ?, ?)", (self.rows, row.line, row.key, streams))
        self._kept.executemany(
            "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            [
                (
                    (step.at - EPOCH) // MICROSECOND, self.rows, n, step.name, type(step.command).__name__,
                    msgspec.json.encode(step.command), step.reason, packed(facts.claims), len(facts),
                )
                for n, (step, facts) in enumerate(played)
            ],
        )  # fmt: skip

    def _furnish(self, thing: Thing) -> None:
        """Put the resource and its location on the stage: as they are in the log, else as they will be."""
        if self._stage.knows(thing.id):
            return
        place = thing.place
        if not (self._stage.knows(place.id) or self._fetch(place.id)):
            self._stage.furnish(opening(thing), self._occasion(f"open\x1f{place.id}", EPOCH, "importer"))
        if not self._fetch(thing.id):
            # How many units it will have is known once all rows have been rehearsed; until then, more than enough.
            self._stage.furnish(registration(thing, MOST_UNITS), self._occasion("register", EPOCH, "importer"))
        elif self._resources[thing.id].capacity < MOST_UNITS:
            self._stage.furnish(ChangeCapacity(thing.id, MOST_UNITS), self._occasion("grow", EPOCH, "importer"))

    def _fetch(self, stream: UUID) -> bool:
        """Bring a stream of the log onto the stage; False where there is none."""
        recorded = self._store.load(self.tenant, [stream]).streams.get(stream, ())
        if not recorded:
            return False
        self._stage.build({stream: recorded})
        if isinstance(recorded[0].fact, Resource.begins):
            self._resources[stream] = Resource(id=stream).after(event.fact for event in recorded)
        return True

    # what is left of it

    def look_up(self, pulse: Pulse) -> None:
        """Strike out the steps that earlier runs have carried out: their command ids stand in the log."""
        total = self.rows
        pulse.begins("Looking up what is there", total)
        if self._founded:
            reader = self._kept.execute("SELECT row, key, streams FROM rows ORDER BY row")
            while rows := reader.fetchmany(STREAMS_AT_ONCE):
                self._strike_out(rows)
                pulse.beat(rows[-1][0], rows[-1][0])
        self._kept.execute(IN_ORDER)
        pulse.beat(total, total)

    def _strike_out(self, rows: list[tuple[int, str, bytes]]) -> None:
        streams = {UUID(bytes=written[n : n + 16]) for _, _, written in rows for n in range(0, len(written), 16)}
        loaded = self._store.load(self.tenant, list(streams)).streams
        known = {event.envelope.command_id for events in loaded.values() for event in events}
        if not known:
            return
        done = [
            (row, step)
            for row, key, _ in rows
            for step, name in self._kept.execute("SELECT step, name FROM steps WHERE row = ?", (row,)).fetchall()
            if self.ids.of("row", key, name) in known
        ]
        self._kept.executemany("UPDATE steps SET done = 1 WHERE row = ? AND step = ?", done)

    @property
    def commands(self) -> int:
        return cast(int, self._kept.execute("SELECT count(*) FROM steps").fetchone()[0])

    @property
    def left(self) -> int:
        return cast(int, self._kept.execute("SELECT count(*) FROM steps WHERE NOT done").fetchone()[0])

    def peaks(self) -> dict[UUID, int]:
        """The most units of each resource that this import will have in use at once."""
        return high_water(self._effects(), self._effects())

    def _effects(self) -> Iterator[bytes]:
        return (effects for (effects,) in self._kept.execute(EFFECTS))

    def beginnings(self) -> list[Deed]:
        """What must be there before the first row: organization, locations, resources in their final size."""
        first = self._kept.execute("SELECT min(at) FROM steps WHERE NOT done").fetchone()[0]
        if first is None:
            return []
        at = EPOCH + timedelta(microseconds=first) - BEFORE_ALL
        peaks = self.peaks()
        deeds = []
        if not self._founded:
            deeds.append(self._deed("found", FoundOrganization(self.mapping.organization), at, "platform"))
        places: set[UUID] = set()
        for thing in sorted(self._things.values(), key=lambda thing: (thing.place.name, thing.name)):
            peak = max(1, peaks.get(thing.id, 1))
            name = f"{thing.name} of {thing.place.name}"
            if peak > MOST_UNITS:
                raise Unusable(f"{name} would need {peak:,} units at once; a resource has at most {MOST_UNITS:,}.")
            if thing.place.id not in places and not self._exists(thing.place.id):
                deeds.append(self._deed(f"open\x1f{thing.place.id}", opening(thing), at))
            places.add(thing.place.id)
            existing = self._resources.get(thing.id)
            have = existing.capacity if existing else thing.capacity
            if thing.capacity is not None and have is not None and peak > have:
                raise Unusable(f"{name} has {have} units, but the rows need {peak} at once: the source is not right.")
            if existing is None:
                deeds.append(self._deed(f"register\x1f{thing.id}", registration(thing, thing.capacity or peak), at))
            elif peak > existing.capacity:
                step = f"grow\x1f{thing.id}\x1f{existing.capacity}\x1f{peak}"
                deeds.append(self._deed(step, ChangeCapacity(thing.id, peak), at))
        return deeds

    def _exists(self, stream: UUID) -> bool:
        return bool(self._store.load(self.tenant, [stream]).streams.get(stream, ()))

    def rest(self) -> Iterator[Deed]:
        """What is still to be done, in the order in which it happened."""
        for line, key, at, name, command, body, reason, events in self._kept.execute(REST):
            yield Deed(
                line,
                name,
                msgspec.json.decode(body, type=NAMES[command]),
                self._occasion(
                    f"row\x1f{key}\x1f{name}",
                    EPOCH + timedelta(microseconds=at),
                    "importer",
                    self.ids.of("row", key),
                    reason,
                    line,
                ),
                events,
            )

    def close(self) -> None:
        self._kept.close()

    def _deed(self, step: str, command: Command, at: datetime, role: str = "importer") -> Deed:
        return Deed(1, step.partition("\x1f")[0], command, self._occasion(step, at, role))

    def _occasion(
        self,
        step: str,
        at: datetime,
        role: str,
        correlation_id: UUID | None = None,
        reason: str | None = None,
        line: int | None = None,
    ) -> Occasion:
        return Occasion(
            tenant=self.tenant,
            actor=Actor("service", f"import:{self.mapping.name}", role),
            origin=Origin("import", request_id=None if line is None else f"line {line}"),
            command_id=self.ids.of(*step.split("\x1f")),
            keyed=True,
            correlation_id=correlation_id,
            reason=reason,
            occurred_at=at,
        )


def opening(thing: Thing) -> OpenLocation:
    return OpenLocation(thing.place.id, thing.place.name, thing.place.zone)


def registration(thing: Thing, capacity: int) -> RegisterResource:
    return RegisterResource(thing.id, thing.place.id, thing.name, thing.kind, capacity, thing.hours)


def sentence(refusal: Refusal) -> str:
    """The refusal in its own words, with what it knows."""
    detail = ", ".join(f"{name} {value}" for name, value in refusal.detail.items())
    return f"{refusal} ({detail})" if detail else str(refusal)
