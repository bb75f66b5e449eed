"""What an import is going to do, decided whole before its first command.

Every row is read, mapped and rehearsed; a row that the rules refuse at any of its steps is refused as a whole. What is
left is sorted by the moment at which it happened. The plan lies in a temporary database on disk, so that a long
history needs little more memory than a short one.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import cast
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from application.event_store import EventStore
from application.handlers import HANDLERS
from application.message import Command, Occasion
from application.organization.commands import FoundOrganization, OpenLocation
from application.recorded import Actor, Origin, RecordedEvent
from application.resource.commands import ChangeCapacity, RegisterResource
from domain.claims import claims_of
from domain.errors import Refusal
from domain.period import instant
from domain.resource.resource import MOST_UNITS, Resource
from interfaces.history import story as telling
from interfaces.history.rehearsal import Facts, Stage
from interfaces.history.source import Table, Unusable
from interfaces.history.story import CannotBe, Ids, Row, Step, Story, Thing
from interfaces.history.tide import high_water, packed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
BEFORE_ALL = timedelta(days=1)
"""How long before the first row's first step the organization, its locations and resources begin."""
ROWS_AT_ONCE = 256
"""Whose streams are looked up in one query."""
Log = Mapping[UUID, Sequence[RecordedEvent]]


def named(command: type[Command]) -> str:
    """Two rooms may have a command of the same name."""
    return f"{command.__module__}.{command.__name__}"


NAMES: dict[str, type[Command]] = {named(command): command for command in HANDLERS}

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE rows (row INTEGER PRIMARY KEY, line INTEGER, key TEXT);
CREATE TABLE steps (
    at INTEGER, row INTEGER, step INTEGER, name TEXT, command TEXT, body BLOB, reason TEXT, effects BLOB,
    events INTEGER, done INTEGER, command_id BLOB, PRIMARY KEY (row, step)
) WITHOUT ROWID;
"""
IN_ORDER = "CREATE INDEX in_order ON steps (done, at, row, step)"
REST = """
SELECT line, key, at, name, command, body, reason, events, command_id FROM steps JOIN rows USING (row)
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

    def __init__(self, mapping: telling.Mapping, tenant: UUID, store: EventStore, found: bool, now: datetime) -> None:
        """`found`: found the organization where there is none; `now`: nothing can have happened later."""
        self.mapping = mapping
        self.tenant = tenant
        self.ids = Ids(tenant, mapping.name)
        self.rows = 0
        self.refused: Counter[str] = Counter()
        self.settled: Counter[str] = Counter()
        self._actor = Actor("service", f"import:{mapping.name}", "importer")
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
            self._stage.furnish(
                FoundOrganization(mapping.organization), self._occasion(EPOCH, "found", role="platform")
            )

    # making it

    def read(self, table: Table, limit: int | None, remark: Callable[[Remark], None], pulse: Pulse) -> None:
        """Read and map every row, look up what is done of it, and rehearse what is not."""
        pulse.begins("Reading and rehearsing", table.size)
        rows = table.rows(limit)
        self._kept.execute("BEGIN")
        while found := list(islice(rows, ROWS_AT_ONCE)):
            told = [self._told(row) for row in found]
            log = self._look_up([story for _, story in told if isinstance(story, Story)])
            for row, story in told:
                self.rows += 1
                self._plan(row, story, log, remark)
            pulse.beat(table.position, self.rows)
        self._kept.execute("COMMIT")
        self._kept.execute(IN_ORDER)
        pulse.beat(table.size, self.rows)

    def _told(self, found: Row | tuple[int, CannotBe]) -> tuple[Row, Story | CannotBe]:
        if isinstance(found, tuple):
            return Row(found[0], {}, ""), found[1]
        try:
            return found, self.mapping.story(found, self.ids)
        except CannotBe as refusal:
            return found, refusal

    def _plan(self, row: Row, story: Story | CannotBe, log: Log, remark: Callable[[Remark], None]) -> None:
        try:
            if isinstance(story, CannotBe):
                raise story
            self._rehearse(row, story, log)
        except CannotBe as refusal:
            self.refused[refusal.note.rule] += 1
            remark(Remark(row.line, "refused", refusal.note.rule, refusal.note.reason))
        else:
            for note in story.settled:
                self.settled[note.rule] += 1
                remark(Remark(row.line, "settled", note.rule, note.reason))

    def _look_up(self, stories: list[Story]) -> Log:
        """The rows' streams as earlier runs left them: the command ids in them tell what is done."""
        if not self._founded:
            return {}
        return self._store.load(self.tenant, [stream for story in stories for stream in story.writes]).streams

    def _rehearse(self, row: Row, story: Story, log: Log) -> None:
        """Play through what is not done of the row and keep all its steps; `CannotBe` where any of them is refused."""
        streams = {stream: log[stream] for stream in story.writes if stream in log}
        done: dict[UUID, Facts] = {}
        for stream, events in streams.items():
            for event in events:
                done.setdefault(event.envelope.command_id, []).append((stream, event.fact))
        steps = [(step, self.ids.of("row", row.key, step.name)) for step in story.steps]
        if len({command_id for _, command_id in steps}) < len(steps):
            raise ValueError(f"{self.mapping.name} gives two steps of line {row.line} the same name")
        whole = self.ids.of("row", row.key)
        todo = [step for step, command_id in steps if command_id not in done]
        earlier = set(done)
        try:
            self._require_past(todo)
            for thing in story.uses if todo else ():
                self._furnish(thing)
            self._stage.recall(streams)
            for step, command_id in steps:
                if command_id not in done:
                    done[command_id] = self._stage.play(step.command, self._occasion_of(row, step, command_id, whole))
        except Refusal as refusal:
            # A row is half there only if somebody else has changed its booking since it was begun; then it stays so.
            begun = "An earlier run began it, and it cannot be gone on with: " if earlier else ""
            raise CannotBe(refusal.code, begun + sentence(refusal)) from None
        finally:
            self._stage.clear()
        if todo:
            self._things |= {thing.id: thing for thing in story.uses}
        if strange := {stream for facts in done.values() for stream, _ in facts}.difference(story.writes):
            raise ValueError(f"{self.mapping.name} writes {strange} for line {row.line} without saying so")
        self._keep(row, [(step, command_id, command_id in earlier, done[command_id]) for step, command_id in steps])

    def _require_past(self, steps: list[Step]) -> None:
        before = EPOCH
        for step in steps:
            at = instant(step.at)
            if at < before:
                raise CannotBe("out-of-order", f"'{step.name}' would come before what it follows.")
            if at > self._now:
                raise CannotBe("in-the-future", f"'{step.name}' lies in the future ({at:%Y-%m-%d}).")
            before = at

    def _keep(self, row: Row, steps: list[tuple[Step, UUID, bool, Facts]]) -> None:
        self._kept.execute("INSERT INTO rows VALUES (?, ?, ?)", (self.rows, row.line, row.key))
        self._kept.executemany(
            "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    (step.at - EPOCH) // MICROSECOND, self.rows, n, step.name, named(type(step.command)),
                    b"" if done else msgspec.json.encode(step.command), step.reason,
                    packed(claim for stream, fact in facts for claim in claims_of(fact, stream)), len(facts), done,
                    command_id.bytes,
                )
                for n, (step, command_id, done, facts) in enumerate(steps)
            ],
        )  # fmt: skip

    def _furnish(self, thing: Thing) -> None:
        """Put the resource and its location on the stage: as they are in the log, else as they will be."""
        if self._stage.knows(thing.id):
            return
        place = thing.place
        if not (self._stage.knows(place.id) or self._fetch(place.id)):
            self._stage.furnish(opening(thing), self._occasion(EPOCH, "open", str(place.id)))
        if not self._fetch(thing.id):
            # How many units it will have is known once all rows have been rehearsed; until then, more than enough.
            self._stage.furnish(registration(thing, MOST_UNITS), self._occasion(EPOCH, "register"))
        elif self._resources[thing.id].capacity < MOST_UNITS:
            self._stage.furnish(ChangeCapacity(thing.id, MOST_UNITS), self._occasion(EPOCH, "grow"))

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
        at = EPOCH + first * MICROSECOND - BEFORE_ALL
        peaks = self.peaks()
        deeds = []
        if not self._founded:
            deeds.append(self._deed(FoundOrganization(self.mapping.organization), at, "found", role="platform"))
        places: set[UUID] = set()
        for thing in sorted(self._things.values(), key=lambda thing: (thing.place.name, thing.name)):
            peak = max(1, peaks.get(thing.id, 1))
            name = f"{thing.name} of {thing.place.name}"
            if peak > MOST_UNITS:
                raise Unusable(f"{name} would need {peak:,} units at once; a resource has at most {MOST_UNITS:,}.")
            if thing.place.id not in places and not self._exists(thing.place.id):
                deeds.append(self._deed(opening(thing), at, "open", str(thing.place.id)))
            places.add(thing.place.id)
            existing = self._resources.get(thing.id)
            have = existing.capacity if existing else thing.capacity
            if thing.capacity is not None and have is not None and peak > have:
                raise Unusable(f"{name} has {have} units, but the rows need {peak} at once: the source is not right.")
            if existing is None:
                deeds.append(self._deed(registration(thing, thing.capacity or peak), at, "register", str(thing.id)))
            elif peak > existing.capacity:
                step = ("grow", str(thing.id), str(existing.capacity), str(peak))
                deeds.append(self._deed(ChangeCapacity(thing.id, peak), at, *step))
        return deeds

    def _exists(self, stream: UUID) -> bool:
        return bool(self._store.load(self.tenant, [stream]).streams.get(stream, ()))

    def rest(self) -> Iterator[Deed]:
        """What is still to be done, in the order in which it happened."""
        for line, key, at, name, command, body, reason, events, command_id in self._kept.execute(REST):
            row, moment = Row(line, {}, key), EPOCH + at * MICROSECOND
            step = Step(name, moment, msgspec.json.decode(body, type=NAMES[command]), reason)
            occasion = self._occasion_of(row, step, UUID(bytes=command_id), self.ids.of("row", key))
            yield Deed(line, name, step.command, occasion, events)

    def close(self) -> None:
        self._kept.close()

    def _deed(self, command: Command, at: datetime, *words: str, role: str = "importer") -> Deed:
        return Deed(1, words[0], command, self._occasion(at, *words, role=role))

    def _occasion_of(self, row: Row, step: Step, command_id: UUID, whole: UUID) -> Occasion:
        """All commands of a row are one matter (`whole`), and tell from which line they came."""
        return Occasion(
            tenant=self.tenant,
            actor=self._actor,
            origin=Origin("import", request_id=f"line {row.line}"),
            command_id=command_id,
            keyed=True,
            correlation_id=whole,
            reason=step.reason,
            occurred_at=step.at,
        )

    def _occasion(self, at: datetime, *words: str, role: str = "importer") -> Occasion:
        return Occasion(
            tenant=self.tenant,
            actor=replace(self._actor, role=role),
            origin=Origin("import"),
            command_id=self.ids.of(*words),
            keyed=True,
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
