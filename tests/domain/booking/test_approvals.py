"""Who waits for the venue's word, where only so many may."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from given import given

from domain.booking import errors
from domain.booking.approvals import ApprovalQueue, queue_of
from domain.booking.booking import Booking
from domain.booking.events import ApprovalQueueJoined, BookingHeld, Item

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
COURT, VENUE, LESSON, ANN, BEN, CAT = (UUID(int=n) for n in range(1, 7))
court = Item(1, COURT, NOON, NOON + timedelta(hours=1), "2027-03-01T12:00", "UTC")
ann, ben, cat = (
    Booking(id=who).after([BookingHeld("ABCD2345", VENUE, (court,), NOON, offering_id=LESSON)])
    for who in (ANN, BEN, CAT)
)  # fmt: skip


def joined(booking: Booking, *before: UUID) -> ApprovalQueueJoined:
    return ApprovalQueueJoined(LESSON, VENUE, booking.id, before)


def test_one_comes_after_the_other_up_to_the_limit():
    given(ApprovalQueue).when(lambda q: q.join(ann, [], 2)).then(joined(ann))
    one = given(ApprovalQueue, joined(ann))
    assert one.when(lambda q: q.join(ben, q.joined, 2)).then(joined(ben, ANN)).joined == (ANN, BEN)
    full = given(ApprovalQueue, joined(ann), joined(ben, ANN)).when(lambda q: q.join(cat, q.joined, 2))
    refused = full.refused(errors.ApprovalQueueFull)
    assert refused.detail["reasons"] == [{"code": "APPROVAL_QUEUE_FULL", "used": 2, "limit": 2}]


def test_who_waits_no_more_is_in_nobody_s_way():
    two = given(ApprovalQueue, joined(ann), joined(ben, ANN))
    assert two.when(lambda q: q.join(cat, [BEN], 2)).then(joined(cat, BEN)).joined == (BEN, CAT)


def test_who_waits_does_not_join_twice_but_who_had_left_does():
    one = given(ApprovalQueue, joined(ann))
    one.when(lambda q: q.join(ann, [ANN], 1)).then()
    one.when(lambda q: q.join(ann, [], 1)).then(joined(ann))


def test_who_is_let_in_past_the_limit_counts_for_all_that_come_after():
    one = given(ApprovalQueue, joined(ann))
    assert one.when(lambda q: q.join(ben, [ANN], None)).then(joined(ben, ANN)).joined == (ANN, BEN)


def test_an_offering_has_one_queue():
    assert queue_of(LESSON) == queue_of(LESSON) != queue_of(VENUE)
