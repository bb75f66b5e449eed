"""What who tells a history alone need not read again, and when it is read again all the same."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from application.bus import Answer
from application.event_store import Append, Carried, Loaded, Moved, NewEvent
from application.message import Occasion
from application.organization.commands import FoundOrganization
from application.recorded import Actor, Envelope, Origin
from domain.errors import Refusal
from domain.event import Event
from domain.identity.events import UserDescribed
from domain.organization.events import LocationRenamed, OrganizationFounded
from domain.personal import Clear
from interfaces.history import memory as remembering
from interfaces.history.bring_in import Stopped, carried
from interfaces.history.memory import SECONDS, Memory
from interfaces.history.plan import Deed
from interfaces.history.rehearsal import Stage

US, THEM = UUID(int=1), UUID(int=2)
HERE, THERE = UUID(int=11), UUID(int=12)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Store(Stage):
    """An event store in memory that says what it was asked for, and may be made to answer otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[UUID]] = []
        self.answer: Exception | None = None
        self.replayed = False

    def load(self, tenant: UUID, streams: Sequence[UUID]) -> Loaded:
        self.asked.append(list(streams))
        return super().load(tenant, streams)

    def append(self, what: Append) -> Carried:
        if self.answer is not None:
            raise self.answer
        if self.replayed:
            return Carried(9, NOW, what.result, what.fingerprint, replayed=True)
        super().append(what)
        return Carried(8 + len(what.events), NOW, what.result, what.fingerprint)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(store: Store, clock: Clock) -> Memory:
    return Memory(store, clock)


def fact(stream: UUID, version: int, says: Event) -> NewEvent:
    return NewEvent(stream, version, says)


def effect(*events: NewEvent, read: dict[UUID, int] | None = None, tenant: UUID = US) -> Append:
    envelope = Envelope(UUID(int=5), "Rename", UUID(int=5), Actor("service", "import", "importer"), Origin("import"))
    return Append(tenant, envelope, b"", b"{}", events, read or {})


def named(memory: Memory, stream: UUID, tenant: UUID = US) -> list[Any]:
    return [event.fact for event in memory.load(tenant, [stream]).streams[stream]]


FIRST, SECOND = OrganizationFounded("Harbour"), LocationRenamed("Beach")


def test_what_was_read_is_not_read_again(memory: Memory, store: Store) -> None:
    memory.load(US, [HERE])
    memory.load(US, [HERE, THERE])
    memory.load(US, [THERE, HERE])
    assert store.asked == [[HERE], [THERE]]


def test_what_was_written_is_known_in_its_place(memory: Memory, store: Store) -> None:
    memory.append(effect(fact(HERE, 1, FIRST), fact(HERE, 2, SECOND)))
    memory.load(US, [THERE])  # from now on the server's clock is known
    loaded = memory.load(US, [HERE]).streams[HERE]
    assert [(event.version, event.position, event.fact) for event in loaded] == [(1, 9, FIRST), (2, 10, SECOND)]
    memory.append(effect(fact(HERE, 3, SECOND)))
    assert named(memory, HERE) == [FIRST, SECOND, SECOND]
    assert store.asked == [[THERE]]


def test_what_was_never_read_whole_is_read(memory: Memory, store: Store) -> None:
    store.append(effect(fact(HERE, 1, FIRST)))
    memory.append(effect(fact(HERE, 2, SECOND)))
    assert named(memory, HERE) == [FIRST, SECOND]
    assert store.asked == [[HERE]]


@pytest.mark.parametrize("written", [True, False], ids=["written", "only read"])
def test_what_has_moved_is_read_again(memory: Memory, store: Store, written: bool) -> None:
    memory.load(US, [HERE, THERE])
    store.answer = Moved()
    with pytest.raises(Moved):
        memory.append(effect(fact(HERE, 1, FIRST)) if written else effect(read={HERE: 0}))
    memory.load(US, [HERE, THERE])
    assert store.asked == [[HERE, THERE], [HERE]]


def test_what_had_been_carried_out_before_is_read_again(memory: Memory, store: Store) -> None:
    memory.load(US, [HERE])
    store.replayed = True
    memory.append(effect(fact(HERE, 1, FIRST)))
    memory.load(US, [HERE])
    assert store.asked == [[HERE], [HERE]]


def test_what_is_personal_is_read_as_it_was_sealed(memory: Memory, store: Store) -> None:
    memory.load(US, [HERE])
    memory.append(effect(fact(HERE, 1, UserDescribed({"name": Clear(HERE, "Ana")}))))
    memory.load(US, [HERE])
    assert store.asked == [[HERE], [HERE]]


def test_another_organization_has_streams_of_its_own(memory: Memory, store: Store) -> None:
    memory.load(US, [HERE])
    memory.append(effect(fact(HERE, 1, FIRST)))
    memory.load(THEM, [HERE])
    assert store.asked == [[HERE], [HERE]]
    assert named(memory, HERE) == [FIRST]


def test_after_a_while_it_is_read_again(memory: Memory, store: Store, clock: Clock) -> None:
    memory.load(US, [HERE])
    clock.now = SECONDS
    memory.load(US, [HERE])
    assert len(store.asked) == 1
    clock.now = SECONDS + 0.001
    memory.load(US, [HERE])
    assert len(store.asked) == 2


def test_no_more_than_so_many_are_kept(memory: Memory, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "STREAMS", 2)
    memory.load(US, [HERE])
    memory.load(US, [THERE])
    memory.load(US, [HERE])  # used again: the other one goes first
    memory.load(US, [UUID(int=13)])
    memory.load(US, [HERE])
    assert len(store.asked) == 3
    memory.load(US, [THERE])
    assert store.asked[-1] == [THERE]


class Bus:
    """A bus that refuses so many times."""

    def __init__(self, memory: Memory, refusals: int) -> None:
        self.memory, self.refusals = memory, refusals

    def carry_out(self, command: Any, occasion: Any) -> Answer:
        self.memory.load(US, [HERE])
        if self.refusals:
            self.refusals -= 1
            raise Refusal
        return Answer(1, {})


def deed() -> Deed:
    occasion = Occasion(US, Actor("service", "import", "importer"), Origin("import"), UUID(int=5))
    return Deed(2, "book", FoundOrganization("Harbour"), occasion, events=3)


def test_what_was_refused_is_decided_anew_on_what_the_log_says(memory: Memory, store: Store) -> None:
    assert carried(deed(), Bus(memory, 1), memory) == 3  # type: ignore[arg-type]
    assert store.asked == [[HERE], [HERE]]


def test_what_is_refused_again_stops_the_import(memory: Memory) -> None:
    with pytest.raises(Stopped):
        carried(deed(), Bus(memory, 2), memory)  # type: ignore[arg-type]
