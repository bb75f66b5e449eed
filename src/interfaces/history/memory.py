"""The event store as it is seen by who tells a history alone: what was just read or written need not be read again.

One writer tells a history, command after command, of the same few locations and resources: without this, every second
trip to the database would be for what is known. A memory that is too old does no harm. Whatever a decision read is
checked again by the write, by version, and what was refused or has moved is decided anew on what the store says.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from application.event_store import Append, Carried, EventStore, Loaded, Tallied
from application.recorded import RecordedEvent
from domain.availability.setup import Use

STREAMS = 4096
"""Kept at most, those that were used longest ago going first: a stay is booked months before somebody arrives."""
SECONDS = 30.0
"""After which a stream is read again, and with it the server's clock, by which appends are bounded."""
UNNAMED = UUID(int=0)
"""The id of an event of which only this memory knows: the store gives events their own, and no decision asks."""


class Memory:
    """An event store over another, with the last streams in memory."""

    def __init__(self, store: EventStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._streams: OrderedDict[tuple[UUID, UUID], tuple[float, list[RecordedEvent]]] = OrderedDict()
        """By tenant and stream: until when it is known, and what is in it."""
        self._now: datetime | None = None

    def forget(self) -> None:
        """From now on everything is read again."""
        self._streams.clear()

    # the port

    def load(self, tenant: UUID, streams: Sequence[UUID]) -> Loaded:
        known = {stream: events for stream in streams if (events := self._known((tenant, stream))) is not None}
        if self._now is not None and len(known) == len(streams):
            return Loaded(self._now, known)
        loaded = self._store.load(tenant, [stream for stream in streams if stream not in known])
        self._now = loaded.now
        for stream, found in loaded.streams.items():
            self._keep((tenant, stream), list(found))
        return Loaded(loaded.now, known | dict(loaded.streams))

    def append(self, what: Append) -> Carried:
        try:
            carried = self._store.append(what)
        except BaseException:
            self._drop(what)
            raise
        if carried.replayed:
            self._drop(what)
        else:
            self._learn(what, carried)
        return carried

    def occupancy(self, tenant: UUID, resources: Sequence[UUID], since: datetime, until: datetime) -> Sequence[Use]:
        return self._store.occupancy(tenant, resources, since, until)

    def tallies(self, tenant: UUID, people: Sequence[UUID], since: datetime | None = None) -> Mapping[UUID, Tallied]:
        return self._store.tallies(tenant, people, since)

    def outcome(self, tenant: UUID, command_id: UUID) -> Carried | None:
        return self._store.outcome(tenant, command_id)

    def locked(self, tenant: UUID, keys: Sequence[str]) -> AbstractContextManager[EventStore]:
        self.forget()
        return self._store.locked(tenant, keys)

    # what is known

    def _known(self, key: tuple[UUID, UUID]) -> list[RecordedEvent] | None:
        until, events = self._streams.get(key, (0.0, None))
        if events is None or until < self._clock():
            return None
        self._streams.move_to_end(key)
        return events

    def _keep(self, key: tuple[UUID, UUID], events: list[RecordedEvent]) -> None:
        self._streams[key] = self._clock() + SECONDS, events
        self._streams.move_to_end(key)
        if len(self._streams) > STREAMS:
            self._streams.popitem(last=False)

    def _drop(self, what: Append) -> None:
        """It may not be as it was thought to be, or nobody knows."""
        for stream in (*what.read, *(event.stream for event in what.events)):
            self._streams.pop((what.tenant, stream), None)

    def _learn(self, what: Append, carried: Carried) -> None:
        for position, new in enumerate(what.events, start=carried.position - len(what.events) + 1):
            key = what.tenant, new.stream
            _, events = self._streams.pop(key, (0.0, []))
            # What is personal comes back sealed from the store, as nobody here could say it.
            if len(events) == new.version - 1 and not new.fact.personal:
                events.append(
                    RecordedEvent(
                        position, what.tenant, new.stream, new.version, UNNAMED, new.fact.tag, carried.recorded_at,
                        new.fact, what.envelope,
                    )
                )  # fmt: skip
                self._keep(key, events)
