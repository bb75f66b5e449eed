"""A booking's life through the real store, on clocks that the story sets: holds against payments, moves onto itself."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from house import HOUR, Town, fresh, soon

from application.booking.commands import (
    Approve,
    CheckIn,
    CheckOut,
    Confirm,
    MovedItem,
    Overbook,
    PlaceHold,
    RequestApproval,
    Reschedule,
    SettlePayment,
    StartPayment,
    TimeOutApproval,
    WantedItem,
)
from application.permission import NotPermitted
from domain.booking.errors import HoldExpired, SlotHeld, SlotTaken, TooManyHolds
from infrastructure.settings import Settings


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-12-01T{text}+00:00")


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


class Clocked:
    """A court, and what is done with it at which moment."""

    def __init__(self, town: Town) -> None:
        self.town, self.court = town, town.court()

    def hold(self, when: str, starts: str = "18:00", ends: str = "19:00", kind: Any = PlaceHold, **more: Any) -> UUID:
        booking = uuid4()
        item = WantedItem(UUID(self.court.resource), at(starts), at(ends))
        command = kind(booking, UUID(self.court.location), (item,), **more)
        self.town.do(command, occurred_at=at(when))
        return booking

    def do(self, command: Any, when: str, role: str = "owner") -> dict[str, Any]:
        return self.town.do(command, role, occurred_at=at(when)).result

    def story(self, booking: UUID) -> list[str]:
        rows = self.town.sql("SELECT tag FROM event_store.event WHERE stream = %s ORDER BY version", booking)
        return [tag.removeprefix("booking.") for (tag,) in rows]

    def items(self, booking: UUID) -> list[tuple[str, str]]:
        rows = self.town.sql(
            "SELECT lower(during), upper(during) FROM event_store.claim WHERE booking = %s ORDER BY item", booking
        )
        return [(f"{a.astimezone(UTC):%H:%M}", f"{b.astimezone(UTC):%H:%M}") for a, b in rows]


@pytest.fixture
def clock(town: Town) -> Clocked:
    return Clocked(town)


# hold against payment


def test_payment_in_time_is_firm(clock):
    x = clock.hold("12:00:00")
    assert clock.do(StartPayment(x), "12:02:00")["expires_at"] == "2026-12-01T12:10:00Z"
    assert clock.do(SettlePayment(x, uuid4()), "12:09:59")["status"] == "confirmed"
    assert clock.story(x) == ["held.v2", "payment_started", "confirmed"]


def test_at_the_expiry_itself_it_is_dead(clock):
    x = clock.hold("12:00:00")
    clock.do(StartPayment(x), "12:02:00")
    with pytest.raises(HoldExpired):
        clock.do(Confirm(x), "12:10:00")


def test_late_success_takes_what_is_still_free_in_one_call(clock):
    x = clock.hold("12:00:00")
    clock.do(StartPayment(x), "12:02:00")
    answer = clock.do(SettlePayment(x, uuid4()), "12:10:01")
    assert (answer["status"], answer["refund_owed"]) == ("confirmed", False)
    assert clock.story(x) == ["held.v2", "payment_started", "expired", "hold_reacquired", "confirmed"]
    with pytest.raises(SlotTaken):
        clock.hold("12:10:02")


def test_late_success_for_what_somebody_else_has_is_owed_back_once(clock):
    x, payment = clock.hold("12:00:00"), uuid4()
    clock.do(StartPayment(x), "12:02:00")
    clock.hold("12:10:00.500000")
    for _ in range(2):
        answer = clock.do(SettlePayment(x, payment), "12:10:01")
        assert (answer["status"], answer["refund_owed"]) == ("expired", True)
    assert clock.story(x) == ["held.v2", "payment_started", "expired", "payment_came_too_late"]


def test_grace_carries_the_hold_and_nobody_needs_to_sweep(clock):
    x = clock.hold("12:00:00")
    assert clock.do(StartPayment(x), "12:08:00")["expires_at"] == "2026-12-01T12:13:00Z"
    with pytest.raises(SlotHeld):
        clock.hold("12:12:59.999999")
    y = clock.hold("12:13:00")
    assert clock.story(y) == ["held.v2"]
    assert clock.story(x)[-1] == "expired"


# moves


def test_a_move_onto_itself_is_one_event_and_leaves_what_it_left(clock):
    x = clock.hold("08:00", "10:00", "11:00")
    clock.do(Confirm(x), "08:01")
    clock.do(Reschedule(x, (MovedItem(1, UUID(clock.court.resource), at("10:30"), at("11:30")),)), "08:02")
    assert clock.story(x) == ["held.v2", "confirmed", "rescheduled"]
    assert clock.items(x) == [("10:30", "11:30")]
    clock.hold("08:03", "10:00", "10:30")
    with pytest.raises((SlotTaken, SlotHeld)):
        clock.hold("08:04", "10:15", "10:45")


def test_a_move_against_somebody_who_books_its_end(town):
    """X moves 10-11 to 10:30-11:30 while V books 11-12: exactly one succeeds, and a loser keeps what it had."""
    for round_ in range(8):
        court = town.court()
        x = court.book(400 + 2 * round_, then="confirm")
        start = soon(400 + 2 * round_)
        barrier = threading.Barrier(2)
        outcome: dict[str, str] = {}

        def attempt(
            name: str, command: Any, barrier: threading.Barrier = barrier, outcome: dict[str, str] = outcome
        ) -> None:
            barrier.wait()
            try:
                town.do(command)
            except SlotTaken:
                outcome[name] = "lost"
            else:
                outcome[name] = "won"

        move = Reschedule(UUID(x.id), (MovedItem(1, UUID(court.resource), start + HOUR / 2, start + 1.5 * HOUR),))
        item = WantedItem(UUID(court.resource), start + HOUR, start + 2 * HOUR)
        book = PlaceHold(uuid4(), UUID(court.location), (item,), then="confirm")
        threads = [threading.Thread(target=attempt, args=pair) for pair in (("x", move), ("v", book))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcome.values()) == ["lost", "won"]
        rows = town.sql("SELECT lower(during), upper(during) FROM event_store.claim WHERE booking = %s", UUID(x.id))
        stays = (start, start + HOUR) if outcome["v"] == "won" else (start + HOUR / 2, start + 1.5 * HOUR)
        assert [tuple(row) for row in rows] == [stays]


# approval


def test_what_did_not_block_is_looked_at_again_when_it_is_approved(clock):
    x = clock.hold("12:00")
    clock.do(RequestApproval(x, blocks=False), "12:01")
    y = clock.hold("12:02")
    clock.do(RequestApproval(y, blocks=False), "12:03")
    assert clock.items(x) == clock.items(y) == []
    assert clock.do(Approve(y), "12:04")["status"] == "confirmed"
    assert clock.items(y) == [("18:00", "19:00")]
    with pytest.raises(SlotTaken):
        clock.do(Approve(x), "12:05")
    assert clock.story(x) == ["held.v2", "approval_requested"]


def test_a_request_that_should_be_approved_by_itself_and_cannot_is_declined(clock):
    x = clock.hold("12:00")
    clock.do(RequestApproval(x, at("13:00"), "approve", blocks=False), "12:01")
    clock.do(Confirm(clock.hold("12:02")), "12:03")
    answer = clock.do(TimeOutApproval(x), "13:00", role="system")
    assert answer["status"] == "declined"
    y = clock.hold("12:00", "20:00", "21:00")
    clock.do(RequestApproval(y, at("13:00"), "approve", blocks=False), "12:01")
    assert clock.do(TimeOutApproval(y), "13:00", role="system")["status"] == "confirmed"
    assert clock.items(y) == [("20:00", "21:00")]


# the visit, and authority


def test_who_leaves_early_leaves_the_rest_to_others(clock):
    x = clock.hold("12:00")
    clock.do(Confirm(x), "12:01")
    clock.do(CheckIn(x), "18:00")
    assert clock.do(CheckOut(x), "18:30")["status"] == "completed"
    assert clock.items(x) == [("18:00", "18:30")]
    clock.hold("18:30", "18:30", "19:00")


def test_managers_take_what_there_is_no_room_for_and_the_log_says_who(clock):
    clock.do(Confirm(clock.hold("12:00")), "12:01")
    with pytest.raises(SlotTaken):
        clock.hold("12:02")
    over = clock.hold("12:02", kind=Overbook, why="vip")
    assert clock.story(over) == ["held.v2", "overbooking_authorised"]
    item = WantedItem(UUID(clock.court.resource), at("18:00"), at("19:00"))
    for role in ("staff", "service", "customer"):
        with pytest.raises(NotPermitted):
            clock.do(Overbook(uuid4(), UUID(clock.court.location), (item,), why="vip"), "12:03", role)


def test_a_customer_holds_three_at_a_time(town):
    who = uuid4()
    clocks = [Clocked(town) for _ in range(5)]
    for one in clocks[:3]:
        one.hold("12:00", customer_id=who)
    with pytest.raises(TooManyHolds):
        clocks[3].hold("12:01", customer_id=who)
    clocks[3].hold("12:01", customer_id=uuid4())
    clocks[4].hold("12:10", customer_id=who)
