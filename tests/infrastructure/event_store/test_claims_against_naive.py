"""Random interleavings of commands against a naive model: units counted at every quarter of an hour.

The store and the model are told the same, and must agree on every single answer; at the end the proof finds nothing,
and the tables follow from the log.
"""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from appending import START, TENANT, command, facts, held, registered
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from application.availability.proof import Proving
from application.event_store import CapacityInUse, Moved, SlotTaken
from domain.booking import events
from domain.booking.events import BookingConfirmed, Item
from domain.resource.events import (
    ResourceCapacityChanged,
    ResourceCapacityOverridden,
    ResourceCapacityOverrideLifted,
    ResourcePacingSet,
)
from infrastructure.embedded.postgres import create_database, drop_database
from infrastructure.event_store import claims, log
from infrastructure.event_store.store import PostgresEventStore

QUARTER = timedelta(minutes=15)
SLOTS = 8
"""Quarters of an hour that are looked at."""


class Want(Struct, frozen=True):
    """In quarters of an hour."""

    start: int
    length: int
    units: int = 1
    before: int = 0
    after: int = 0
    shared: bool = False
    overbooked: bool = False

    @property
    def end(self) -> int:
        return self.start + self.length

    @property
    def occupied(self) -> range:
        return range(self.start, self.end) if self.shared else range(self.start - self.before, self.end + self.after)

    def item(self, resource: UUID) -> Item:
        return Item(
            1, resource, START + self.start * QUARTER, START + self.end * QUARTER, "", "UTC", self.units,
            15 * self.before, 15 * self.after, self.shared, "", self.overbooked,
        )  # fmt: skip


class Naive:
    """One resource, judged by counting."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.standing: dict[UUID, Want] = {}
        self.overrides: dict[UUID, tuple[range, int]] = {}
        self.pace: tuple[int, int] | None = None

    def room(self, at: int) -> int:
        return next((capacity for when, capacity in self.overrides.values() if at in when), self.capacity)

    def used(self, at: int, without: UUID | None = None, everybody: bool = True) -> int:
        return sum(
            it.units for booking, it in self.standing.items()
            if booking != without and at in it.occupied and (everybody or not it.overbooked)
        )  # fmt: skip

    def admits(self, want: Want, moving: UUID | None = None) -> bool:
        had = self.standing.get(moving) if moving else None
        if want.overbooked or (had is not None and self._within(want, had)):
            return True
        if any(self.used(at, moving) + want.units > self.room(at) for at in want.occupied):
            return False
        others = [it for booking, it in self.standing.items() if booking != moving]
        return not any(self._too_near(want, it) for it in others) and self._paced(want, others)

    @staticmethod
    def _within(want: Want, had: Want) -> bool:
        return (
            want.start == had.start and want.overbooked == had.overbooked and want.units <= had.units
            and set(want.occupied) <= set(had.occupied)
            and (not want.shared or (want.before <= had.before and want.after <= had.after))
        )  # fmt: skip

    @staticmethod
    def _too_near(one: Want, other: Want) -> bool:
        if not (one.shared or other.shared):
            return False
        for first, second in ((one, other), (other, one)):
            if first.end <= second.start:
                return second.start - first.end < max(first.after, second.before)
        return False

    def _paced(self, want: Want, others: list[Want]) -> bool:
        if self.pace is None:
            return True
        most, window = self.pace
        starts = [*others, want]
        return all(
            sum(it.units for it in starts if first <= it.start < first + window) <= most
            for first in range(want.start - window + 1, want.start + 1)
        )

    def fits(self) -> bool:
        """After a change of capacity: whoever was not overbooked has room."""
        return all(self.used(at, everybody=False) <= self.room(at) for at in range(-8, SLOTS + 20))


some = st.integers(1, 3)
starts = st.integers(0, SLOTS)
bare = st.builds(Want, starts, some)
several = st.builds(Want, starts, some, st.integers(1, 2), overbooked=st.sampled_from([False, False, True]))
buffered = st.builds(Want, starts, some, st.just(1), st.integers(0, 3), st.integers(0, 3), st.booleans())
wants = bare | several | buffered
which = st.integers(0, 9)
kinds = {
    "book": st.tuples(st.just("book"), wants),
    "move": st.tuples(st.just("move"), which, wants),
    "leave": st.tuples(st.just("leave"), which, some),
    "cancel": st.tuples(st.just("cancel"), which),
    "resize": st.tuples(st.just("resize"), some),
    "override": st.tuples(st.just("override"), starts, some, st.integers(0, 3)),
    "lift": st.tuples(st.just("lift"), which),
    "pace": st.tuples(st.just("pace"), st.none() | st.integers(1, 3), st.integers(2, 4)),
}
often = ["book"] * 10 + ["move"] * 3 + ["cancel"] * 2 + ["leave", "leave", "resize", "override", "lift", "pace"]
steps = st.sampled_from(often).flatmap(lambda name: kinds[name])
"""Dense, so that what is wanted meets what stands."""


class Played:
    """The same steps for the store and for the model."""

    def __init__(self, store: PostgresEventStore, capacity: int) -> None:
        self.store, self.model, self.resource = store, Naive(capacity), uuid4()
        self.versions: dict[UUID, int] = {self.resource: 0}
        self.record(self.resource, registered(capacity))

    def record(self, stream: UUID, *new: Any) -> bool:
        after = self.versions.get(stream, 0)
        try:
            self.store.append(command(*facts(stream, *new, after=after)))
        except (SlotTaken, CapacityInUse):
            return False
        self.versions[stream] = after + len(new)
        return True

    def chosen(self, n: int) -> UUID | None:
        standing = list(self.model.standing)
        return standing[n % len(standing)] if standing else None

    def book(self, want: Want) -> None:
        booking, due = uuid4(), self.model.admits(want)
        items = (want.item(self.resource),)
        authority = [events.BookingOverbookingAuthorised((1,), "ann", "vip")] if want.overbooked else []
        assert self.record(booking, held(*items), *authority, BookingConfirmed()) == due, (want, self.model.standing)
        if due:
            self.model.standing[booking] = want

    def move(self, n: int, want: Want) -> None:
        booking = self.chosen(n)
        if booking is None or want.overbooked != self.model.standing[booking].overbooked:
            return
        due = self.model.admits(want, booking)
        rescheduled = events.BookingRescheduled((want.item(self.resource),))
        assert self.record(booking, rescheduled) == due, (want, self.model.standing)
        if due:
            self.model.standing[booking] = want

    def leave(self, n: int, length: int) -> None:
        booking = self.chosen(n)
        if booking is None:
            return
        had = self.model.standing[booking]
        left = Want(had.start, min(length, had.length), had.units, had.before, had.after, had.shared, had.overbooked)
        assert self.record(booking, events.BookingCheckedOut((left.item(self.resource),)))  # nobody is refused that
        self.model.standing[booking] = left

    def cancel(self, n: int) -> None:
        booking = self.chosen(n)
        if booking is not None:
            assert self.record(booking, events.BookingCancelled("venue"))
            del self.model.standing[booking]

    def resize(self, capacity: int) -> None:
        before, self.model.capacity = self.model.capacity, capacity
        due = self.model.fits()
        assert self.record(self.resource, ResourceCapacityChanged(capacity)) == due
        if not due:
            self.model.capacity = before

    def override(self, start: int, length: int, capacity: int) -> None:
        when = range(start, start + length)
        if any(set(when) & set(other) for other, _ in self.model.overrides.values()):
            return  # the domain refuses it
        name = uuid4()
        self.model.overrides[name] = when, capacity
        due = self.model.fits()
        stretch = START + start * QUARTER, START + (start + length) * QUARTER
        assert self.record(self.resource, ResourceCapacityOverridden(name, *stretch, capacity)) == due
        if not due:
            del self.model.overrides[name]

    def lift(self, n: int) -> None:
        names = list(self.model.overrides)
        if not names:
            return
        name = names[n % len(names)]
        gone = self.model.overrides.pop(name)
        due = self.model.fits()
        assert self.record(self.resource, ResourceCapacityOverrideLifted(name)) == due
        if not due:
            self.model.overrides[name] = gone

    def paced(self, units: int | None, quarters: int) -> None:
        assert self.record(self.resource, ResourcePacingSet(units, 15 * quarters))
        self.model.pace = None if units is None else (units, quarters)

    def step(self, name: str, *rest: Any) -> None:
        {
            "book": self.book, "move": self.move, "leave": self.leave, "cancel": self.cancel, "resize": self.resize,
            "override": self.override, "lift": self.lift, "pace": self.paced,
        }[name](*rest)  # fmt: skip


@pytest.fixture(scope="module")
def lasting(template: tuple[str, str]) -> Iterator[tuple[str, PostgresEventStore]]:
    """One database for all examples: each has a resource of its own."""
    admin, made = template
    name = f"test_{uuid4().hex[:12]}"
    url = create_database(admin, name, made)
    with PostgresEventStore(url, pool_size=8, deadline=10.0) as store:
        yield url, store
    drop_database(admin, name)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3), st.lists(steps, min_size=12, max_size=40))
def test_the_store_agrees_with_counting(
    lasting: tuple[str, PostgresEventStore], capacity: int, story: list[tuple[Any, ...]]
) -> None:
    _, store = lasting
    played = Played(store, capacity)
    for step in story:
        played.step(*step)
    standing = store.occupancy(TENANT, [played.resource], START - timedelta(days=2), START + timedelta(days=2))
    assert {one.booking_id for one in standing} == set(played.model.standing)
    for one in standing:
        want = played.model.standing[one.booking_id]
        assert (one.starts_at, one.ends_at) == (START + want.start * QUARTER, START + want.end * QUARTER)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3), st.lists(steps, min_size=30, max_size=60), st.integers(2, 6))
def test_at_once_no_order_of_them_books_twice(
    lasting: tuple[str, PostgresEventStore], capacity: int, story: list[tuple[Any, ...]], hands: int
) -> None:
    """Several hands at once: what each does to what it has made itself; the log, folded, shows no breach."""
    url, store = lasting
    resource = uuid4()
    store.append(command(*facts(resource, registered(capacity))))
    version, lock = [1], threading.Lock()
    wrong: list[BaseException] = []

    def change(*new: Any) -> None:
        with lock:
            store.append(command(*facts(resource, *new, after=version[0])))
            version[0] += len(new)

    def act(mine: list[tuple[Any, ...]]) -> None:
        own: dict[UUID, tuple[int, Want]] = {}
        for name, *rest in mine:
            try:
                if name == "book":
                    booking, want = uuid4(), rest[0]
                    authority = [events.BookingOverbookingAuthorised((1,), "ann", "vip")] if want.overbooked else []
                    new = [held(want.item(resource)), *authority, BookingConfirmed()]
                    store.append(command(*facts(booking, *new)))
                    own[booking] = len(new), want
                elif name == "resize":
                    change(ResourceCapacityChanged(rest[0]))
                elif name == "pace":
                    change(ResourcePacingSet(rest[0], 15 * rest[1]))
                elif name == "cancel" and own:
                    booking, (after, _) = own.popitem()
                    store.append(command(*facts(booking, events.BookingCancelled("venue"), after=after)))
                elif name == "move" and own:
                    booking, (after, before) = own.popitem()
                    if rest[1].overbooked == before.overbooked:
                        own[booking] = after, before
                        moved = events.BookingRescheduled((rest[1].item(resource),))
                        store.append(command(*facts(booking, moved, after=after)))
                        own[booking] = after + 1, rest[1]
            except (SlotTaken, CapacityInUse, Moved):
                continue
            except BaseException as error:
                wrong.append(error)

    threads = [threading.Thread(target=act, args=(story[n::hands],)) for n in range(hands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert breaches(url, resource) == []


def breaches(url: str, resource: UUID) -> list[Any]:
    proving = Proving()
    position = 0
    with psycopg.connect(url, autocommit=True) as connection:
        while page := log.read(connection, position, 5000):
            proving.add(page)
            position = page[-1].position
    return [one for one in proving.proven().breaches if one.resource_id == resource]


def test_after_all_of_it_the_tables_follow_from_the_log(lasting: tuple[str, PostgresEventStore]) -> None:
    url, _ = lasting
    assert list(claims.verify(url)) == []
