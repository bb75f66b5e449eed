"""What a command sees of what it has itself just decided, before any of it is written."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application import unit_of_work
from application.event_store import CountedBooking, Tallied
from application.message import Occasion
from application.recorded import Actor, Origin
from application.unit_of_work import UnitOfWork
from domain.booking import events
from domain.booking.booking import Booking
from domain.event import Event

TENANT, HERE, COURT, ANN, BEN = (UUID(int=n) for n in range(1, 6))
NOW = datetime(2027, 1, 1, tzinfo=UTC)
NINE = datetime(2027, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
BEFORE = UUID(int=500)


class Nothing:
    """A store in which Ann has one booking that counts, and nobody anything else."""

    def load(self, tenant: UUID, streams: Collection[UUID]) -> Any:
        return SimpleNamespace(now=NOW, streams={})

    def tallies(self, tenant: UUID, people: Collection[UUID], since: datetime | None) -> dict[UUID, Tallied]:
        had = CountedBooking(ANN, BEFORE, None, HERE, (COURT,), NINE - HOUR, NINE, "live")
        return {who: Tallied(1, [had] if who == ANN else []) for who in people}


def at_work() -> UnitOfWork:
    occasion = Occasion(TENANT, Actor("user", "owner", "owner"), Origin("cli"), UUID(int=9))
    return UnitOfWork(Nothing(), occasion, "any", lambda: 1)  # type: ignore[arg-type]


def item(hour: int) -> events.Item:
    starts_at = NINE + hour * HOUR
    return events.Item(1, COURT, starts_at, starts_at + HOUR, "2027-03-02T09:00", "UTC")


def held(who: UUID, hour: int) -> Event:
    return events.BookingHeld("AAAAAAAA", HERE, (item(hour),), NOW + HOUR, 1, who)


def seen(work: UnitOfWork, *people: UUID) -> set[tuple[UUID, datetime, str]]:
    return {(row.booking_id, row.starts_at, row.state) for row in work.tallies(people)}


def test_what_the_command_books_counts_at_once_for_whom_it_is_and_nobody_else():
    work = at_work()
    assert seen(work, BEN) == set()
    work.begin(Booking, UUID(int=10), lambda _: [held(BEN, 0)])
    assert seen(work, BEN) == {(UUID(int=10), NINE, "live")}
    assert seen(work, ANN) == {(BEFORE, NINE - HOUR, "live")}
    assert len(seen(work, ANN, BEN)) == 2


def test_what_it_moves_counts_where_it_is_now_and_what_it_cancels_no_more():
    work = at_work()
    work.begin(Booking, UUID(int=10), lambda _: [held(BEN, 0)])
    assert seen(work, BEN) == {(UUID(int=10), NINE, "live")}
    work.change(Booking, UUID(int=10), lambda _: [events.BookingConfirmed(), events.BookingRescheduled((item(3),))])
    assert seen(work, BEN) == {(UUID(int=10), NINE + 3 * HOUR, "live")}
    work.change(Booking, UUID(int=10), lambda _: [events.BookingCancelled("venue")])
    assert seen(work, BEN) == set()


def test_what_was_only_supposed_counts_no_more_once_it_is_forgotten():
    work = at_work()
    work.begin(Booking, UUID(int=10), lambda _: [held(ANN, 0)])
    assert len(seen(work, ANN)) == 2
    work.forget()
    assert seen(work, ANN) == {(BEFORE, NINE - HOUR, "live")}


def test_each_fact_is_taken_in_once_however_often_it_is_asked(monkeypatch: pytest.MonkeyPatch):
    looked_at: list[UUID] = []
    real = unit_of_work.claims_of
    monkeypatch.setattr(unit_of_work, "claims_of", lambda fact, stream: looked_at.append(stream) or real(fact, stream))
    work = at_work()
    for n in range(10, 60):
        work.begin(Booking, UUID(int=n), lambda _: [held(ANN, 0)])
        work.tallies([ANN])
    assert sorted(looked_at) == [UUID(int=n) for n in range(10, 60)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([ANN, BEN]), st.sampled_from("hmcx"), st.integers(0, 3)), max_size=12))
def test_asking_in_between_makes_no_difference(steps):
    asked, unasked = at_work(), at_work()
    for work in (asked, unasked):
        for n, (who, what, at) in enumerate(steps):
            stream = UUID(int=10 + at)
            exists = any(it.stream == stream for it in work._new)
            if what == "h" and not exists:
                work.begin(Booking, stream, lambda _, who=who, n=n: [held(who, n)])
            elif exists and what != "h":
                fact = {"m": events.BookingRescheduled((item(n),)), "c": events.BookingConfirmed(),
                        "x": events.BookingCancelled("venue")}[what]  # fmt: skip
                work.change(Booking, stream, lambda _, fact=fact: [fact])
            if work is asked:
                work.tallies([who])
    for people in ([ANN], [BEN], [ANN, BEN]):
        assert sorted(map(repr, asked.tallies(people))) == sorted(map(repr, unasked.tallies(people)))
