"""What happened is told as it is: neither a success that was none, nor a failure that may yet come to pass."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from house import HOUR, Court, Town, fresh, problem, soon
from uuid_utils.compat import uuid7

from application.booking.commands import Cancel, MovedItem, PlaceHold, Reschedule, ReverseCancellation, WantedItem
from application.bus import KeyUsedDifferently
from application.event_store import InFlight, Unavailable
from application.resource.commands import ChangeCapacity
from domain.availability.proof import Ledger
from domain.booking.errors import OwnOverlap, SlotTaken
from infrastructure.event_store import log as event_log
from infrastructure.settings import Settings
from interfaces.worker import Sweeper
from projections.runner import connected


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


def wish(court: Court, starts: datetime, hours: float = 1, units: int = 1) -> WantedItem:
    return WantedItem(UUID(court.resource), starts, starts + hours * HOUR, units)


def booked(town: Town, court: Court, *items: WantedItem, then: str = "confirm") -> UUID:
    booking = uuid7()
    town.do(PlaceHold(booking, UUID(court.location), items, then=then))  # type: ignore[arg-type]
    return booking


# a commit that takes longer than anybody waits


@pytest.mark.parametrize("silence", [InFlight, Unavailable])
def test_a_command_that_may_yet_come_to_pass_is_unknown_and_says_so(town, monkeypatch, silence):
    def stalled(*_: object) -> None:
        raise Unavailable("no answer to the commit", unknown=True)

    def silent(*_: object) -> None:
        raise silence

    court = town.court()
    monkeypatch.setattr(town.house.store, "append", stalled)
    monkeypatch.setattr(town.house.store, "outcome", silent)
    with pytest.raises(Unavailable) as caught:
        booked(town, court, wish(court, soon(24)))
    assert caught.value.unknown
    answer = town.owner.post("/api/v1/bookings", json=court.wish(24))
    problem(answer, 503, "outcome_unknown")
    assert "retry-after" not in answer.headers, "to repeat it blindly could book twice"


# the same key


def test_a_key_that_did_nothing_does_nothing_later_either(town):
    court = town.court()
    booking = booked(town, court, wish(court, soon(24)))
    town.do(Cancel(booking))
    key = {"command_id": uuid4(), "keyed": True}
    first = town.do(Cancel(booking), **key)
    assert not first.changed
    town.do(ReverseCancellation(booking))
    again = town.do(Cancel(booking), **key)
    assert again.replayed
    assert again.result["version"] == first.result["version"]
    tags = town.sql("SELECT tag FROM event_store.event WHERE stream = %s ORDER BY version", booking)
    assert [tag for (tag,) in tags][-1] == "booking.cancellation_reversed"
    with pytest.raises(KeyUsedDifferently):
        town.do(Cancel(booking, "customer"), **key)


def test_what_was_cancelled_while_it_waited_waits_again(town):
    court = town.court()
    booking = booked(town, court, wish(court, soon(24)), then="request_approval")
    town.do(Cancel(booking))
    assert town.do(ReverseCancellation(booking)).result["status"] == "pending_approval"


# one booking's own items


def test_items_of_one_booking_that_do_not_fit_together_are_refused_at_once(town):
    court = town.court(capacity=3)
    with pytest.raises(OwnOverlap) as refused:
        booked(town, court, wish(court, soon(24), 2, 2), wish(court, soon(25), 2, 2))
    assert (refused.value.detail["units"], refused.value.detail["capacity"]) == (4, 3)
    booking = booked(town, court, wish(court, soon(24), 1, 2), wish(court, soon(25), 1, 2))
    item = MovedItem(1, UUID(court.resource), soon(25), soon(26), 2)
    with pytest.raises(OwnOverlap):  # onto its own other item, which stays
        town.do(Reschedule(booking, (item,)))


# a resource that shrank


def test_what_reaches_back_before_a_shrinking_is_counted_with_what_stood_then(town):
    court = town.court(capacity=2)
    now = datetime.now(UTC)
    past = {"occurred_at": now - 4 * HOUR}
    first = uuid7()
    item = wish(court, now - 3 * HOUR, 2.5)
    town.do(PlaceHold(first, UUID(court.location), (item,), then="confirm"), **past)
    town.do(ChangeCapacity(UUID(court.resource), 1))
    with pytest.raises(SlotTaken):
        booked(town, court, wish(court, now - 2 * HOUR, 3))
    booked(town, court, wish(court, now - timedelta(minutes=10), 1))
    ledger = Ledger()
    with connected(town.settings.database_url, "proof", role=None) as connection:
        events = event_log.read(connection, 0, 5000)
    broken = [over for one in events for over in ledger.add(one.fact, one.stream, one.position, one.recorded_at)]
    assert broken == []


# what cannot be read


def test_a_hold_whose_history_cannot_be_read_keeps_nobody_else_alive(town):
    court = town.court(capacity=2)
    bad, good = uuid7(), uuid7()
    past = {"occurred_at": datetime.now(UTC) - 2 * HOUR}
    for booking in (bad, good):
        town.do(PlaceHold(booking, UUID(court.location), (wish(court, soon(48)),)), **past)
    town.sql("UPDATE event_store.event SET tag = 'booking.from_the_future' WHERE stream = %s", bad)
    Sweeper(town.house.store, town.house.command_bus).sweep()
    claims = town.sql("SELECT booking FROM event_store.claim WHERE resource = %s", UUID(court.resource))
    assert [booking for (booking,) in claims] == [bad]
    with pytest.raises(SlotTaken):  # it stands as if it were alive, for whoever wants its time
        booked(town, court, wish(court, soon(48), 1, 2))
    answer = town.owner.post(f"/api/v1/bookings/{bad}/confirmation", json={}, headers={"If-Match": "*"})
    problem(answer, 503, "history_unreadable")
