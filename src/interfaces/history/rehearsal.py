"""A stage on which a row is played through before anything of it is carried out.

The rehearsal is the same bus with the same handlers and the same permissions over streams in memory, so that what it
refuses is exactly what the house would refuse. Occupancy alone is not judged here: whether rows can stand side by side
is a question to all of them together (`plan.py`).
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from uuid import UUID

from application.bus import CommandBus
from application.event_store import Append, Carried, EventStore, Loaded, Tallied
from application.handlers import HANDLERS
from application.message import Command, Occasion
from application.recorded import RecordedEvent
from domain.availability.setup import Use
from domain.errors import Conflict
from domain.event import Event

NEVER = datetime.min.replace(tzinfo=UTC)


class BegunAlready(Conflict):
    """Two steps begin the same thing."""


Facts = list[tuple[UUID, Event]]
"""What one command does: each fact with its stream."""


class Stage:
    """An event store that forgets: the scenery (organization, locations, resources) stays, each row's streams go."""

    def __init__(self) -> None:
        self._scenery: dict[UUID, list[RecordedEvent]] = {}
        self._acts: dict[UUID, list[RecordedEvent]] = {}
        self._last: Facts = []
        self._bus = CommandBus(self, HANDLERS, numbers=lambda: 0)

    def build(self, streams: Mapping[UUID, Sequence[RecordedEvent]]) -> None:
        """Put up what is in the log already."""
        for stream, events in streams.items():
            if events:
                self._scenery[stream] = list(events)

    @property
    def streams(self) -> Mapping[UUID, Sequence[RecordedEvent]]:
        """Scenery and act."""
        return {**self._scenery, **self._acts}

    def knows(self, stream: UUID) -> bool:
        return stream in self._scenery

    def furnish(self, command: Command, occasion: Occasion) -> None:
        """Carry out a command whose effects stay as scenery."""
        self.play(command, occasion)
        self._scenery |= self._acts
        self._acts.clear()

    def play(self, command: Command, occasion: Occasion) -> Facts:
        """What the command does, or its `Refusal`."""
        self._last = []
        self._bus.carry_out(command, occasion)
        return self._last

    def recall(self, streams: Mapping[UUID, Sequence[RecordedEvent]]) -> None:
        """What an earlier run has done of the row that comes next."""
        self._acts = {stream: list(events) for stream, events in streams.items() if events}

    def clear(self) -> None:
        """The next row finds only the scenery."""
        self._acts.clear()

    # the port

    def load(self, tenant: UUID, streams: Sequence[UUID]) -> Loaded:  # noqa: ARG002  # there is but one
        return Loaded(NEVER, {s: self._acts.get(s, self._scenery.get(s, [])) for s in streams})

    def occupancy(self, tenant: UUID, resources: Sequence[UUID], since: datetime, until: datetime) -> Sequence[Use]:  # noqa: ARG002
        return []  # not judged here

    def tallies(self, tenant: UUID, people: Sequence[UUID], since: datetime | None = None) -> Mapping[UUID, Tallied]:  # noqa: ARG002
        return {who: Tallied(0, []) for who in people}

    def append(self, what: Append) -> Carried:
        for new in what.events:
            before = self._acts.get(new.stream)
            if before is None:
                before = self._acts[new.stream] = list(self._scenery.get(new.stream, ()))
            if new.version != len(before) + 1:
                raise BegunAlready
            before.append(
                RecordedEvent(
                    0, what.tenant, new.stream, new.version, new.stream, new.fact.tag, NEVER, new.fact, what.envelope
                )
            )
            self._last.append((new.stream, new.fact))
        return Carried(0, NEVER, what.result, what.fingerprint)

    def outcome(self, tenant: UUID, command_id: UUID) -> Carried | None:  # noqa: ARG002  # nothing is remembered
        return None

    def locked(self, tenant: UUID, keys: Sequence[str]) -> AbstractContextManager[EventStore]:
        raise NotImplementedError("nobody else is on the stage")
