"""The state machine of a booking: every rule with a yes, a no and its edge."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from given import given
from msgspec.structs import replace

from domain.booking import errors
from domain.booking.booking import LONGEST, Booking
from domain.booking.events import (
    BookingAmended,
    BookingApprovalRequested,
    BookingApproved,
    BookingCancellationReversed,
    BookingCancelled,
    BookingCheckedIn,
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingHeld,
    BookingHoldReleased,
    BookingNoShowMarked,
    BookingNoShowReversed,
    BookingRescheduled,
    Item,
)

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)
EXPIRES = NOON + timedelta(minutes=10)
TICK = timedelta(microseconds=1)
EARLY = timedelta(minutes=30)
GRACE = timedelta(minutes=15)
COURT, OTHER_COURT, VENUE = UUID(int=1), UUID(int=2), UUID(int=3)

court = Item(1, COURT, TEN, ELEVEN, "2027-03-02T10:00", "UTC")
held = BookingHeld("ABCD2345", VENUE, (court,), EXPIRES, latest_expiry=EXPIRES)
confirmed = BookingConfirmed()
pending = BookingApprovalRequested()
cancelled = BookingCancelled("customer")


def test_a_hold_lives_for_its_time_and_takes_its_items():
    given(Booking).when(lambda b: b.hold("ABCD2345", VENUE, [court], NOON, timedelta(minutes=10))).then(held)


@pytest.mark.parametrize(
    ("items", "why"),
    [
        ([], errors.NothingWanted),
        ([court, court], errors.NothingWanted),
        ([replace(court, item=n) for n in range(1, 52)], errors.NothingWanted),
        ([replace(court, units=0)], errors.BadUnits),
        ([replace(court, units=10_001)], errors.BadUnits),
        ([replace(court, ends_at=TEN + LONGEST + TICK)], errors.TooLong),
    ],
)
def test_what_cannot_be_held(items, why):
    given(Booking).when(lambda b: b.hold("ABCD2345", VENUE, items, NOON, EARLY)).refused(why)


def test_the_longest_and_the_most_can_be_held():
    items = [replace(court, item=n, units=10_000, ends_at=TEN + LONGEST) for n in range(1, 51)]
    after = given(Booking).when(lambda b: b.hold("ABCD2345", VENUE, items, NOON, EARLY)).before
    assert after.hold("ABCD2345", VENUE, items, NOON, EARLY)


@pytest.mark.parametrize("party", [0, -1, 10_001])
def test_a_party_is_somebody(party):
    given(Booking).when(lambda b: b.hold("ABCD2345", VENUE, [court], NOON, EARLY, party)).refused(errors.BadUnits)


def test_a_hold_can_be_confirmed_until_just_before_it_expires():
    given(Booking, held).when(lambda b: b.confirm(EXPIRES - TICK)).then(BookingConfirmed())


def test_at_its_expiry_a_hold_is_dead_though_nobody_has_swept():
    given(Booking, held).when(lambda b: b.confirm(EXPIRES)).refused(errors.HoldExpired, expires_at=EXPIRES)
    given(Booking, held).when(lambda b: b.request_approval(EXPIRES)).refused(errors.HoldExpired)


def test_confirming_twice_changes_nothing():
    given(Booking, held, confirmed).when(lambda b: b.confirm(NOON)).then()


def test_an_expired_hold_stays_expired():
    given(Booking, held, BookingExpired()).when(lambda b: b.confirm(NOON)).refused(errors.HoldExpired)
    given(Booking, held, BookingExpired()).when(lambda b: b.expire(EXPIRES)).then()


def test_a_hold_expires_at_its_time_and_not_before():
    given(Booking, held).when(lambda b: b.expire(EXPIRES)).then(BookingExpired())
    given(Booking, held).when(lambda b: b.expire(EXPIRES - TICK)).refused(errors.NotExpired)


def test_what_is_confirmed_does_not_expire():
    given(Booking, held, confirmed).when(lambda b: b.expire(EXPIRES)).then()


def test_a_holder_gives_a_hold_back_once():
    given(Booking, held).when(lambda b: b.release()).then(BookingHoldReleased())
    given(Booking, held, BookingHoldReleased()).when(lambda b: b.release()).then()
    given(Booking, held, confirmed).when(lambda b: b.release()).refused(errors.NotHeld, status="confirmed")


def test_the_venue_approves_or_declines_what_waits_for_it():
    given(Booking, held).when(lambda b: b.request_approval(NOON)).then(BookingApprovalRequested())
    given(Booking, held, pending).when(lambda b: b.request_approval(EXPIRES)).then()
    assert given(Booking, held, pending).when(lambda b: b.approve(NOON)).then(BookingApproved()).status == "confirmed"
    assert given(Booking, held, pending).when(lambda b: b.decline()).then(BookingDeclined()).status == "declined"
    given(Booking, held, pending, BookingApproved()).when(lambda b: b.approve(NOON)).then()
    given(Booking, held, pending, BookingDeclined()).when(lambda b: b.decline()).then()
    given(Booking, held).when(lambda b: b.approve(NOON)).refused(errors.NotPending)
    given(Booking, held, confirmed).when(lambda b: b.decline()).refused(errors.NotPending)


def test_what_waits_for_approval_does_not_expire():
    given(Booking, held, pending).when(lambda b: b.expire(EXPIRES + EARLY)).then()


@pytest.mark.parametrize("at", [TEN - EARLY, TEN, ELEVEN - TICK])
def test_check_in_is_open_from_early_to_just_before_the_end(at):
    given(Booking, held, confirmed).when(lambda b: b.check_in(at, EARLY)).then(BookingCheckedIn())


@pytest.mark.parametrize("at", [TEN - EARLY - TICK, ELEVEN])
def test_check_in_is_closed_before_and_from_the_end_on(at):
    given(Booking, held, confirmed).when(lambda b: b.check_in(at, EARLY)).refused(errors.OutsideCheckIn)


def test_arriving_twice_changes_nothing():
    given(Booking, held, confirmed, BookingCheckedIn()).when(lambda b: b.check_in(TEN, EARLY)).then()


def test_who_has_not_confirmed_cannot_arrive():
    given(Booking, held).when(lambda b: b.check_in(TEN, EARLY)).refused(errors.NotConfirmed, status="held")


def test_a_visit_completes_after_check_in_only():
    given(Booking, held, confirmed, BookingCheckedIn()).when(lambda b: b.complete()).then(BookingCompleted())
    given(Booking, held, confirmed, BookingCheckedIn(), BookingCompleted()).when(lambda b: b.complete()).then()
    given(Booking, held, confirmed).when(lambda b: b.complete()).refused(errors.NotCheckedIn)


def test_what_is_pending_or_confirmed_can_be_cancelled():
    given(Booking, held, confirmed).when(lambda b: b.cancel("venue")).then(BookingCancelled("venue"))
    given(Booking, held, pending).when(lambda b: b.cancel("customer")).then(cancelled)
    given(Booking, held, confirmed, cancelled).when(lambda b: b.cancel("customer")).then()
    given(Booking, held).when(lambda b: b.cancel("customer")).refused(errors.NotCancellable)
    given(Booking, held, confirmed, BookingCheckedIn()).when(lambda b: b.cancel("venue")).refused(errors.NotCancellable)


def test_a_cancellation_can_be_reversed_until_the_end():
    story = given(Booking, held, confirmed, cancelled)
    after = story.when(lambda b: b.reverse_cancellation(ELEVEN - TICK)).then(BookingCancellationReversed((court,)))
    assert after.status == "confirmed"
    story.when(lambda b: b.reverse_cancellation(ELEVEN)).refused(errors.AlreadyOver)
    given(Booking, held, confirmed).when(lambda b: b.reverse_cancellation(NOON)).then()
    given(Booking, held).when(lambda b: b.reverse_cancellation(NOON)).refused(errors.NotCancelled)


def test_nobody_came_can_be_said_from_the_end_of_the_grace_on():
    story = given(Booking, held, confirmed)
    story.when(lambda b: b.mark_no_show(TEN + GRACE, GRACE)).then(BookingNoShowMarked())
    story.when(lambda b: b.mark_no_show(TEN + GRACE - TICK, GRACE)).refused(errors.TooEarlyForNoShow)
    given(Booking, held, confirmed, BookingNoShowMarked()).when(lambda b: b.mark_no_show(TEN, GRACE)).then()
    given(Booking, held, confirmed, BookingCheckedIn()).when(lambda b: b.mark_no_show(ELEVEN, GRACE)).refused(
        errors.NotConfirmed
    )


@pytest.mark.parametrize("to", ["confirmed", "checked_in"])
def test_a_no_show_can_be_reversed(to):
    story = given(Booking, held, confirmed, BookingNoShowMarked())
    assert story.when(lambda b: b.reverse_no_show(to)).then(BookingNoShowReversed(to)).status == to
    given(Booking, held, confirmed, cancelled).when(lambda b: b.reverse_no_show(to)).refused(errors.NotNoShow)


def test_a_move_keeps_the_booking_and_names_all_items():
    lesson = replace(court, item=2, resource_id=OTHER_COURT)
    two = replace(held, items=(court, lesson))
    later = replace(court, starts_at=ELEVEN, ends_at=ELEVEN + timedelta(hours=1))
    after = (
        given(Booking, two, confirmed).when(lambda b: b.reschedule([later])).then(BookingRescheduled((later, lesson)))
    )
    assert (after.reference, after.status) == ("ABCD2345", "confirmed")


def test_moving_to_where_it_is_changes_nothing():
    given(Booking, held, confirmed).when(lambda b: b.reschedule([court])).then()


def test_what_cannot_be_moved():
    given(Booking, held).when(lambda b: b.reschedule([court])).refused(errors.NotConfirmed)
    given(Booking, held, confirmed).when(lambda b: b.reschedule([replace(court, item=2)])).refused(errors.UnknownItem)
    given(Booking, held, confirmed, BookingCheckedIn()).when(lambda b: b.reschedule([court])).refused(
        errors.NotConfirmed
    )


def test_an_amendment_changes_what_is_known():
    assert given(Booking, held).when(lambda b: b.amend(4)).then(BookingAmended(4)).party_size == 4
    assert given(Booking, held).when(lambda b: b.amend(None)).then(BookingAmended()).party_size is None
    given(Booking, held, confirmed, cancelled).when(lambda b: b.amend(4)).refused(errors.NotConfirmed)
    given(Booking, held).when(lambda b: b.amend(0)).refused(errors.BadUnits)


@pytest.mark.parametrize(
    ("past", "facts"),
    [
        ((held,), [BookingHoldReleased()]),
        ((held, pending), [BookingCancelled("venue")]),
        ((held, confirmed), [BookingCancelled("venue")]),
        ((held, confirmed, cancelled), []),
        ((held, BookingExpired()), []),
        ((held, confirmed, BookingCheckedIn()), []),
    ],
)
def test_what_a_session_that_is_called_off_does_to_its_bookings(past, facts):
    given(Booking, *past).when(lambda b: b.call_off(NOON)).then(*facts)
