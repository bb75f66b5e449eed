"""What a booking's life does to the occupancy of resources."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.booking import events
from domain.booking.booking import Booking
from domain.claim import Release, Settle, Take
from domain.claims import claims_of
from domain.event import KNOWN

TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)
BOOKING, COURT = UUID(int=7), UUID(int=1)
court = events.Item(1, COURT, TEN, ELEVEN, "2027-03-02T10:00", "UTC", 2)
taken = Take(BOOKING, 1, COURT, TEN, ELEVEN, 2)


def test_a_hold_takes_until_it_expires():
    held = events.BookingHeld("ABCD2345", COURT, (court,), ELEVEN)
    assert claims_of(held, BOOKING) == (Take(BOOKING, 1, COURT, TEN, ELEVEN, 2, ELEVEN),)


@pytest.mark.parametrize("kept", [events.BookingConfirmed, events.BookingApprovalRequested, events.BookingApproved])
def test_what_is_firm_or_waits_for_the_venue_no_longer_expires(kept):
    assert claims_of(kept(), BOOKING) == (Settle(BOOKING),)


@pytest.mark.parametrize(
    "gone",
    [
        events.BookingCancelled("venue"),
        events.BookingExpired(),
        events.BookingDeclined(),
        events.BookingHoldReleased(),
    ],
)
def test_what_will_not_take_place_sets_free(gone):
    assert claims_of(gone, BOOKING) == (Release(BOOKING),)


@pytest.mark.parametrize("fact", [events.BookingRescheduled, events.BookingCancellationReversed])
def test_a_move_sets_free_before_it_takes(fact):
    assert claims_of(fact((court,)), BOOKING) == (Release(BOOKING), taken)


def test_what_happens_during_and_after_the_visit_moves_no_claim():
    for fact in (events.BookingCheckedIn(), events.BookingCompleted(), events.BookingNoShowMarked()):
        assert claims_of(fact, BOOKING) == ()


def test_every_fact_of_a_booking_has_a_place_in_the_status_or_the_claims():
    """Total: a new kind of fact must say what it does, or this test names it."""
    silent = {
        tag
        for tag, kind in KNOWN.items()
        if tag.startswith("booking.")
        and kind not in (events.BookingHeld, events.BookingAmended, events.BookingRescheduled)
        and Booking(id=BOOKING).evolve(_any(kind)).status == "held"
        and claims_of(_any(kind), BOOKING) == ()
    }
    assert silent == set()


def _any(kind):
    arguments = {
        events.BookingCancelled: ("venue",),
        events.BookingNoShowReversed: ("confirmed",),
        events.BookingCancellationReversed: ((court,),),
    }
    return kind(*arguments.get(kind, ()))
