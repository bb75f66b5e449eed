"""When a zone's rules change, what was booked is kept at its local time.

By the rules in use New York is at -05:00 until 2027-03-14 02:00, then at -04:00, and at -05:00 again from 2027-11-07
02:00 on. What was booked under other rules is told as an item whose local start and whose instant do not agree.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from given import SOMETHING, given
from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace

from domain import localtime
from domain.booking.booking import Booking, reanchored
from domain.booking.events import (
    SEAT,
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
    BookingPaymentStarted,
    BookingReanchored,
    Item,
)
from domain.claim import Release, Retime, Take
from domain.claims import claims_of
from domain.period import Period

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
COURT, COACH, CLASS, VENUE = (UUID(int=n) for n in range(1, 5))
NEW_YORK = "America/New_York"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def item(local: str, instant: str, hours: float = 1, **more) -> Item:
    starts_at = at(instant)
    return Item(**{"item": 1, "resource_id": COURT, "starts_at": starts_at, "ends_at": starts_at + hours * HOUR,
                   "local_start": local, "zone": NEW_YORK, **more})  # fmt: skip


NOW = at("2027-06-01T00:00")
EXPIRY = NOW + HOUR
court = item("2027-07-05T10:00", "2027-07-05T15:00")  # booked when summer time was to be given up
right = item("2027-07-05T10:00", "2027-07-05T14:00")
held = BookingHeld("ABCD2345", VENUE, (court,), EXPIRY)
confirmed = BookingConfirmed()
paying = BookingPaymentStarted(EXPIRY)
waiting = BookingApprovalRequested()


def anchored(*items: Item, **more) -> BookingReanchored:
    return BookingReanchored(items, localtime.RULES, **more)


def reanchor(booking):
    return booking.reanchor(NOW)


def test_what_was_booked_for_ten_is_at_ten_and_lasts_as_long():
    after = given(Booking, held, confirmed).when(reanchor).then(anchored(right))
    assert (after.items, after.status, after.reference) == ((right,), "confirmed", "ABCD2345")
    assert after.sequence == 1  # calendars are to take the new time


def test_asked_twice_it_moves_once():
    given(Booking, held, confirmed, anchored(right)).when(reanchor).then()


def test_what_agrees_with_the_rules_stays():
    given(Booking, replace(held, items=(right,)), confirmed).when(reanchor).then()


@pytest.mark.parametrize(
    ("past", "fact"),
    [
        ([held], anchored(right, expires_at=EXPIRY)),
        ([held, paying], anchored(right, expires_at=EXPIRY)),
        ([held, waiting], anchored(right)),
        ([held, BookingApprovalRequested(blocks=False)], anchored(right, occupies=False)),
        ([held, BookingApprovalRequested(blocks=False), BookingApproved((court,))], anchored(right)),
    ],
    ids=["held", "being paid", "waiting", "waiting without a place", "approved"],
)
def test_all_that_is_still_to_come_moves_and_is_otherwise_what_it_was(past, fact):
    before = given(Booking, *past).before
    after = given(Booking, *past).when(reanchor).then(fact)
    assert (after.status, after.expires_at, after.deadline) == (before.status, before.expires_at, before.deadline)


def test_a_request_that_came_back_from_a_cancellation_occupies_and_its_claims_go_with_it():
    past = [held, BookingApprovalRequested(blocks=False), BookingCancelled("venue")]
    back = BookingCancellationReversed((court,), "pending_approval")
    given(Booking, *past, back).when(reanchor).then(anchored(right))


@pytest.mark.parametrize(
    "past",
    [
        [BookingExpired()],
        [BookingHoldReleased()],
        [waiting, BookingDeclined()],
        [confirmed, BookingCancelled("venue")],
        [confirmed, BookingCheckedIn()],
        [confirmed, BookingCheckedIn(), BookingCompleted()],
        [confirmed, BookingNoShowMarked()],
    ],
    ids=lambda past: type(past[-1]).__name__,
)
def test_what_is_over_or_has_begun_stays_as_it_was(past):
    given(Booking, held, *past).when(reanchor).then()


def test_from_its_start_on_it_stays_as_it_was():
    story = given(Booking, held, confirmed)
    story.when(lambda b: b.reanchor(court.starts_at - TICK)).then(anchored(right))
    story.when(lambda b: b.reanchor(court.starts_at)).then()


def test_a_hold_past_its_expiry_is_dead_and_stays():
    story = given(Booking, held)
    story.when(lambda b: b.reanchor(EXPIRY - TICK)).then(anchored(right, expires_at=EXPIRY))
    story.when(lambda b: b.reanchor(EXPIRY)).then()


def test_each_item_is_at_its_own_local_time():
    lesson = item("2027-12-05T10:00", "2027-12-05T15:00", item=2, resource_id=COACH)  # that is right, in winter
    before = replace(held, items=(court, lesson))
    given(Booking, before, confirmed).when(reanchor).then(anchored(right, lesson))


@pytest.mark.parametrize(
    ("local", "was", "is_"),
    [
        ("2027-11-07T01:30", "2027-11-07T05:30", "2027-11-07T05:30"),  # twice: the first of the two
        ("2027-11-07T01:30", "2027-11-07T06:30", "2027-11-07T06:30"),  # the second of the two
        ("2027-11-07T01:30", "2027-11-07T07:30", "2027-11-07T05:30"),  # neither: the first
        ("2027-03-14T02:30", "2027-03-14T06:30", "2027-03-14T07:30"),  # never: by the offset before, 03:30 on the wall
        ("2027-03-14T02:30", "2027-03-14T07:30", "2027-03-14T07:30"),  # that has been done
    ],
    ids=["first", "second", "neither", "gap", "gap already"],
)
def test_local_times_that_come_twice_or_never(local, was, is_):
    assert reanchored(item(local, was)) == item(local, is_)


def test_a_stay_over_a_change_of_the_clocks_lasts_as_long_as_it_did():
    night = item("2027-11-06T22:00", "2027-11-07T03:00", hours=10)
    assert reanchored(night) == item("2027-11-06T22:00", "2027-11-07T02:00", hours=10)


def test_seconds_are_kept_although_labels_have_none():
    odd = item("2027-07-05T10:00", "2027-07-05T14:00:30.000001")
    assert reanchored(odd) == odd
    assert reanchored(item("2027-07-05T10:00", "2027-07-05T15:00:30.000001")) == odd


def test_a_seat_goes_with_its_session_whatever_its_own_label_says():
    seat = replace(court, resource_id=CLASS, role=SEAT)
    story = given(Booking, replace(held, items=(seat,)), confirmed)
    stays, goes = Period(seat.starts_at, seat.ends_at), Period(right.starts_at, right.ends_at)
    story.when(lambda b: b.reanchor(NOW, {CLASS: stays})).then()
    moved = replace(seat, starts_at=right.starts_at, ends_at=right.ends_at)
    story.when(lambda b: b.reanchor(NOW, {CLASS: goes})).then(anchored(moved))


taken = Take(SOMETHING, 1, COURT, right.starts_at, right.ends_at, 1)
timed = Retime(SOMETHING, (COURT,), right.starts_at, right.ends_at)


@pytest.mark.parametrize(
    ("fact", "claims"),
    [
        (anchored(right), (Release(SOMETHING), taken, timed)),
        (anchored(right, expires_at=EXPIRY), (Release(SOMETHING), replace(taken, expires_at=EXPIRY), timed)),
        (anchored(right, occupies=False), (timed,)),
    ],
    ids=["firm", "a hold", "a request that does not block"],
)
def test_its_claims_go_with_it_and_a_hold_dies_when_it_would_have(fact, claims):
    assert claims_of(fact, SOMETHING) == claims


ZONES = ["America/New_York", "Europe/Lisbon", "Australia/Lord_Howe", "Asia/Dubai", "Africa/Casablanca"]


@drawn(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2027, 1, 1), datetime(2032, 1, 1)),
    st.integers(-180, 180),
)
def test_the_wall_shows_the_label_wherever_it_can(zone, local, off):
    label = local.replace(second=0, microsecond=0)
    before = localtime.by_rule(label, zone) + timedelta(minutes=off)
    found = reanchored(Item(1, COURT, before, before + HOUR, label.isoformat(timespec="minutes"), zone))
    assert reanchored(found) == found
    assert found.ends_at - found.starts_at == HOUR
    if instants := localtime.resolve(label, zone):
        assert found.starts_at in instants
