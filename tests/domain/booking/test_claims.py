"""What a booking's life does to the occupancy of resources, and to what counts against its customer's quotas."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.booking import events
from domain.booking.booking import Booking
from domain.claim import Extend, Release, Retally, Retime, Settle, Take, Tally
from domain.claims import claims_of
from domain.event import KNOWN

TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)
BOOKING, COURT, VENUE, ANN = UUID(int=7), UUID(int=1), UUID(int=2), UUID(int=3)
court = events.Item(1, COURT, TEN, ELEVEN, "2027-03-02T10:00", "UTC", 2)
taken = Take(BOOKING, 1, COURT, TEN, ELEVEN, 2)
timed = Retime(BOOKING, (COURT,), TEN, ELEVEN)


def counts(state):
    return Retally(BOOKING, state)


def test_a_hold_takes_until_it_expires():
    held = events.BookingHeld("ABCD2345", VENUE, (court,), ELEVEN)
    assert claims_of(held, BOOKING) == (Take(BOOKING, 1, COURT, TEN, ELEVEN, 2, ELEVEN),)


def test_a_claim_says_what_sticks_out_of_it_and_on_whose_authority():
    item = events.Item(2, COURT, TEN, ELEVEN, "", "UTC", before=10, after=15, shared=True, overbooked=True)
    held = events.BookingHeld("ABCD2345", VENUE, (item,), ELEVEN)
    assert claims_of(held, BOOKING) == (
        Take(BOOKING, 2, COURT, TEN, ELEVEN, 1, ELEVEN, before=10, after=15, shared=True, authorised=True),
    )


def test_a_customers_booking_counts_once_from_its_first_start_to_its_last_end():
    later = events.Item(2, UUID(int=9), TEN, ELEVEN + timedelta(hours=1), "", "UTC")
    held = events.BookingHeld("ABCD2345", VENUE, (later, court), ELEVEN, customer_id=ANN, offering_id=UUID(int=5))
    *_, tally = claims_of(held, BOOKING)
    assert tally == Tally(
        ANN, BOOKING, UUID(int=5), VENUE, (COURT, UUID(int=9)), TEN, ELEVEN + timedelta(hours=1)
    )  # fmt: skip


@pytest.mark.parametrize("later", [events.BookingHoldExtended(ELEVEN), events.BookingPaymentStarted(ELEVEN)])
def test_an_extension_puts_the_end_off(later):
    assert claims_of(later, BOOKING) == (Extend(BOOKING, ELEVEN),)


@pytest.mark.parametrize("kept", [events.BookingConfirmed, events.BookingApprovalRequested, events.BookingApproved])
def test_what_is_firm_or_waits_for_the_venue_no_longer_expires(kept):
    assert claims_of(kept(), BOOKING) == (Settle(BOOKING),)


def test_a_request_that_does_not_block_occupies_nothing_until_it_is_approved():
    assert claims_of(events.BookingApprovalRequested(blocks=False), BOOKING) == (Release(BOOKING),)
    assert claims_of(events.BookingApproved((court,)), BOOKING) == (Release(BOOKING), taken, timed)


@pytest.mark.parametrize(
    ("gone", "state"),
    [
        (events.BookingCancelled("venue"), "gone"),
        (events.BookingCancelled("customer", late=True), "late_cancel"),
        (events.BookingExpired(), "gone"),
        (events.BookingDeclined(), "gone"),
        (events.BookingHoldReleased(), "gone"),
    ],
)
def test_what_will_not_take_place_sets_free(gone, state):
    assert claims_of(gone, BOOKING) == (Release(BOOKING), counts(state))


@pytest.mark.parametrize("fact", [events.BookingRescheduled, events.BookingReassigned])
def test_a_move_sets_free_before_it_takes(fact):
    assert claims_of(fact((court,)), BOOKING) == (Release(BOOKING), taken, timed)


def test_what_comes_back_is_taken_and_counts_again():
    assert claims_of(events.BookingCancellationReversed((court,)), BOOKING) == (
        Release(BOOKING), taken, timed, counts("live"),
    )  # fmt: skip
    assert claims_of(events.BookingHoldReacquired((court,)), BOOKING) == (
        Release(BOOKING, lapsed=True), taken, timed, counts("live"),
    )  # fmt: skip


def test_who_leaves_early_gives_the_rest_back():
    assert claims_of(events.BookingCheckedOut((court,)), BOOKING) == (Release(BOOKING), taken, timed, counts("over"))
    early = events.BookingCheckedOut((court,), before_start=True)
    assert claims_of(early, BOOKING) == (Release(BOOKING), timed, counts("over")), "all of it, before it began"


@pytest.mark.parametrize(
    ("fact", "state"),
    [
        (events.BookingCompleted(), "over"),
        (events.BookingNoShowMarked(), "no_show"),
        (events.BookingNoShowReversed("confirmed"), "live"),
    ],
)
def test_what_was_used_stays_shown_as_used(fact, state):
    assert claims_of(fact, BOOKING) == (counts(state),)


SILENT = {
    "booking.overbooking_authorised",  # the items say it
    "booking.payment_came_too_late",
    "booking.amended",
    "booking.pinned",
    "booking.links_revoked",
    "booking.checked_in",
    "booking.held",  # an upcast reads it as the second shape
}


def test_every_fact_of_a_booking_says_something_or_is_known_to_be_silent():
    """Total: a new kind of fact must say what it does, or this test names it."""
    booking = {tag: kind for tag, kind in KNOWN.items() if tag.startswith("booking.")}
    silent = {tag for tag, kind in booking.items() if claims_of(_any(kind), BOOKING) == ()}
    assert silent <= SILENT


def test_what_changes_the_status_to_an_end_sets_free_or_settles():
    for kind in (events.BookingConfirmed, events.BookingExpired, events.BookingHoldReleased):
        assert Booking(id=BOOKING).evolve(_any(kind)).status != "held"
        assert claims_of(_any(kind), BOOKING) != ()


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ((0, 30, True), (20, 0, True), True),  # 25 minutes between, 30 needed
        ((0, 25, True), (20, 0, True), False),  # the larger of the two, exactly
        ((0, 30, True), (0, 0, False), True),  # one that shares is enough
        ((0, 30, False), (20, 0, False), False),  # exclusive ones are kept apart by what they occupy
    ],
)
def test_shared_buffers_want_the_larger_of_the_two(one, other, near):
    def take(start, buffers):
        before, after, shared = buffers
        return Take(BOOKING, 1, COURT, start, start + timedelta(hours=1), 1, None, before, after, shared)

    first, second = take(TEN, one), take(ELEVEN + timedelta(minutes=25), other)
    assert first.too_near(second) == second.too_near(first) == near


def test_exclusive_buffers_are_occupied_and_shared_ones_are_not():
    exclusive = Take(BOOKING, 1, COURT, TEN, ELEVEN, 1, None, 10, 15)
    assert exclusive.occupied == (TEN - timedelta(minutes=10), ELEVEN + timedelta(minutes=15))
    assert Take(BOOKING, 1, COURT, TEN, ELEVEN, 1, None, 10, 15, True).occupied == (TEN, ELEVEN)


def test_what_an_item_has_already_is_not_asked_for_again():
    had = Take(BOOKING, 1, COURT, TEN, ELEVEN, 2, None, 10, 15)

    def again(ends_at=ELEVEN, units=2, starts_at=TEN, after=15, resource=COURT, authorised=False):
        return Take(BOOKING, 1, resource, starts_at, ends_at, units, None, 10, after, authorised=authorised)

    half = TEN + timedelta(minutes=30)
    assert again().within(had)
    assert again(ends_at=half).within(had)
    assert again(units=1).within(had)
    assert not again(units=3).within(had)
    assert not again(after=16).within(had)
    assert not again(starts_at=half).within(had)  # another start is paced anew
    assert not again(resource=UUID(int=9)).within(had)
    assert not again().within(again(authorised=True))


def _any(kind):
    arguments = {
        events.BookingHeld: ("ABCD2345", VENUE, (court,), TEN),
        events.BookingHoldExtended: (TEN,),
        events.BookingPaymentStarted: (TEN,),
        events.BookingHoldReacquired: ((court,),),
        events.BookingPaymentCameTooLate: (ANN,),
        events.BookingOverbookingAuthorised: ((1,), "ann", "vip"),
        events.BookingCancelled: ("venue",),
        events.BookingNoShowReversed: ("confirmed",),
        events.BookingRescheduled: ((court,),),
        events.BookingReassigned: ((court,),),
        events.BookingCheckedOut: ((court,),),
        events.BookingReanchored: ((court,), "tzdata 2"),
        events.BookingCancellationReversed: ((court,),),
    }
    return kind(*arguments.get(kind, ()))
