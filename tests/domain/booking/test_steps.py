"""The longer way through a booking's life: extensions, payment, approval, the visit, other units, overbooking."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from given import given
from msgspec.structs import replace

from domain.booking import errors
from domain.booking.booking import FIRM, HOLDS, ICALENDAR, SCHEMA_ORG, Booking, Overbooking
from domain.booking.events import (
    BookingApprovalRequested,
    BookingApproved,
    BookingCancellationReversed,
    BookingCancelled,
    BookingCheckedIn,
    BookingCheckedOut,
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingHeld,
    BookingHoldExtended,
    BookingHoldReacquired,
    BookingHoldReleased,
    BookingNoShowMarked,
    BookingNoShowReversed,
    BookingOverbookingAuthorised,
    BookingPaymentCameTooLate,
    BookingPaymentStarted,
    BookingPinned,
    BookingReassigned,
    BookingRescheduled,
    Item,
)
from domain.errors import Refusal

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)
TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
TTL, GRACE, LONGEST = 10 * MINUTE, 5 * MINUTE, 30 * MINUTE
COURT, OTHER_COURT, VENUE, PAYMENT, OTHER_PAYMENT = (UUID(int=n) for n in range(1, 6))

court = Item(1, COURT, TEN, ELEVEN, "2027-03-02T10:00", "UTC")
lesson = replace(court, item=2, starts_at=ELEVEN, ends_at=ELEVEN + 60 * MINUTE, role="coach", before=10, after=15)
held = BookingHeld("ABCD2345", VENUE, (court,), NOON + TTL, latest_expiry=NOON + LONGEST)
paying = BookingPaymentStarted(NOON + TTL)
confirmed = BookingConfirmed()
expired = BookingExpired()
pending = BookingApprovalRequested()
cancelled = BookingCancelled("customer")
arrived = BookingCheckedIn()


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2027-03-01T{text}+00:00")


# holding


def test_a_hold_says_when_it_dies_and_how_long_it_can_be_made_to_live():
    decide = lambda b: b.hold("ABCD2345", VENUE, [court], NOON, TTL, max_hold=LONGEST)  # noqa: E731
    given(Booking).when(decide).then(held)


def test_a_hold_is_extended_from_now_and_never_past_the_longest():
    story = given(Booking, held)
    story.when(lambda b: b.extend_hold(at("12:09"), TTL, 2)).then(BookingHoldExtended(at("12:19")))
    later = given(Booking, held, BookingHoldExtended(at("12:25")))
    later.when(lambda b: b.extend_hold(at("12:24"), TTL, 2)).then(BookingHoldExtended(at("12:30")))
    longest = given(Booking, held, BookingHoldExtended(at("12:30")))
    longest.when(lambda b: b.extend_hold(at("12:29"), TTL, 5)).refused(errors.LongestHold, expires_at=at("12:30"))


def test_a_hold_is_extended_so_often_and_no_more():
    twice = (BookingHoldExtended(at("12:12")), BookingHoldExtended(at("12:14")))
    given(Booking, held, twice[0]).when(lambda b: b.extend_hold(at("12:04"), TTL + MINUTE, 2)).then(
        BookingHoldExtended(at("12:15"))
    )
    given(Booking, held, *twice).when(lambda b: b.extend_hold(at("12:13"), TTL, 2)).refused(errors.ExtendedEnough)
    given(Booking, held).when(lambda b: b.extend_hold(at("12:01"), TTL, 0)).refused(errors.ExtendedEnough)


def test_a_dead_hold_is_not_extended():
    given(Booking, held).when(lambda b: b.extend_hold(at("12:10"), TTL, 2)).refused(errors.HoldExpired)
    given(Booking, held, expired).when(lambda b: b.extend_hold(at("12:01"), TTL, 2)).refused(errors.HoldExpired)
    given(Booking, held, confirmed).when(lambda b: b.extend_hold(at("12:01"), TTL, 2)).refused(errors.NotHeld)


def test_a_hold_of_before_extensions_has_the_time_it_has():
    old = replace(held, latest_expiry=None)
    given(Booking, old).when(lambda b: b.extend_hold(at("12:09"), TTL, 2)).refused(errors.LongestHold)
    given(Booking, old).when(lambda b: b.start_payment(at("12:08"), GRACE)).then(paying)


def test_a_customer_holds_so_much_at_a_time():
    hold = lambda n: lambda b: b.hold("ABCD2345", VENUE, [court], NOON, TTL, max_hold=LONGEST, holds=n, most_holds=3)  # noqa: E731
    given(Booking).when(hold(2)).then(held)
    given(Booking).when(hold(3)).refused(errors.TooManyHolds, limit=3)


# paying


def test_payment_that_starts_early_does_not_shorten_the_hold():
    given(Booking, held).when(lambda b: b.start_payment(at("12:02"), GRACE)).then(BookingPaymentStarted(at("12:10")))


def test_payment_that_starts_late_gets_its_grace_once():
    after = (
        given(Booking, held)
        .when(lambda b: b.start_payment(at("12:08"), GRACE))
        .then(BookingPaymentStarted(at("12:13")))
    )
    assert (after.status, after.expires_at) == ("pending_payment", at("12:13"))
    given(Booking, held, BookingPaymentStarted(at("12:13"))).when(lambda b: b.start_payment(at("12:12"), GRACE)).then()


def test_no_grace_carries_a_hold_past_the_longest():
    extended = BookingHoldExtended(at("12:29"))
    given(Booking, held, extended).when(lambda b: b.start_payment(at("12:28"), GRACE)).then(
        BookingPaymentStarted(at("12:30"))
    )


def test_payment_does_not_start_for_what_is_dead():
    given(Booking, held).when(lambda b: b.start_payment(at("12:10"), GRACE)).refused(errors.HoldExpired)
    given(Booking, held, paying).when(lambda b: b.start_payment(at("12:10"), GRACE)).refused(errors.HoldExpired)


@pytest.mark.parametrize("before", [(held,), (held, paying)])
def test_success_in_time_makes_it_firm_and_at_the_expiry_itself_it_is_dead(before):
    story = given(Booking, *before)
    after = story.when(lambda b: b.settle_payment(at("12:09:59"), PAYMENT)).then(BookingConfirmed(PAYMENT))
    assert after.status == "confirmed"
    story.when(lambda b: b.settle_payment(at("12:10"), PAYMENT)).refused(errors.StillToExpire)
    story.when(lambda b: b.expire(at("12:10"))).then(expired)
    story.when(lambda b: b.expire(at("12:10") - TICK)).refused(errors.NotExpired)
    story.when(lambda b: b.confirm(at("12:10"))).refused(errors.HoldExpired)


def test_success_that_is_late_takes_the_items_again():
    after = (
        given(Booking, held, paying, expired)
        .when(lambda b: b.settle_payment(at("12:10:01"), PAYMENT))
        .then(BookingHoldReacquired((court,)), BookingConfirmed(PAYMENT))
    )
    assert (after.status, after.payments) == ("confirmed", (PAYMENT,))
    given(Booking, held, paying, expired).when(lambda b: b.confirm(at("12:10:01"))).refused(errors.HoldExpired)


@pytest.mark.parametrize(
    "before",
    [(held, BookingHoldReleased()), (held, confirmed, cancelled), (held, pending, BookingDeclined())],
)
def test_what_was_given_up_is_not_bought_by_a_payment_that_comes_after(before):
    story = given(Booking, *before)
    story.when(lambda b: b.settle_payment(at("12:05"), PAYMENT)).refused(errors.PaymentTooLate)
    after = story.when(lambda b: b.turn_payment_away(PAYMENT)).then(BookingPaymentCameTooLate(PAYMENT))
    assert after.owes(PAYMENT)
    assert after.status == story.before.status


def test_a_payment_for_what_is_over_comes_too_late():
    story = given(Booking, held, expired)
    story.when(lambda b: b.settle_payment(ELEVEN - TICK, PAYMENT)).then(
        BookingHoldReacquired((court,)), BookingConfirmed(PAYMENT)
    )
    story.when(lambda b: b.settle_payment(ELEVEN, PAYMENT)).refused(errors.PaymentTooLate)


def test_one_payment_is_owed_back_once_and_another_by_itself():
    story = given(Booking, held, expired, BookingPaymentCameTooLate(PAYMENT))
    story.when(lambda b: b.turn_payment_away(PAYMENT)).then()
    story.when(lambda b: b.settle_payment(at("12:11"), PAYMENT)).then()
    story.when(lambda b: b.turn_payment_away(OTHER_PAYMENT)).then(BookingPaymentCameTooLate(OTHER_PAYMENT))


def test_news_of_a_payment_that_comes_twice_changes_nothing():
    story = given(Booking, held, BookingConfirmed(PAYMENT))
    story.when(lambda b: b.settle_payment(at("12:20"), PAYMENT)).then()
    story.when(lambda b: b.turn_payment_away(PAYMENT)).then()
    assert not story.before.owes(PAYMENT)


# approval


def test_the_venue_is_asked_with_a_deadline():
    asked = BookingApprovalRequested(TEN, "approve", False)
    after = given(Booking, held).when(lambda b: b.request_approval(NOON, TEN, "approve", blocks=False)).then(asked)
    assert (after.status, after.deadline, after.blocks) == ("pending_approval", TEN, False)


def test_a_deadline_lies_ahead():
    soon = BookingApprovalRequested(NOON + TICK)
    given(Booking, held).when(lambda b: b.request_approval(NOON, NOON + TICK)).then(soon)
    given(Booking, held).when(lambda b: b.request_approval(NOON, NOON)).refused(errors.DeadlinePassed)


def test_what_occupied_nothing_while_it_waited_takes_its_items_when_it_is_approved():
    given(Booking, held, pending).when(lambda b: b.approve(NOON)).then(BookingApproved())
    waiting = BookingApprovalRequested(blocks=False)
    given(Booking, held, waiting).when(lambda b: b.approve(NOON)).then(BookingApproved((court,)))


def test_what_is_over_is_not_approved_any_more():
    given(Booking, held, pending).when(lambda b: b.approve(ELEVEN - TICK)).then(BookingApproved())
    given(Booking, held, pending).when(lambda b: b.approve(ELEVEN)).refused(errors.AlreadyOver)


def test_at_its_deadline_a_request_is_decided_by_itself():
    story = given(Booking, held, BookingApprovalRequested(at("20:00")))
    story.when(lambda b: b.time_out(at("20:00"))).then(BookingDeclined("timeout"))
    story.when(lambda b: b.time_out(at("20:00") - TICK)).refused(errors.NotDue)
    approving = given(Booking, held, BookingApprovalRequested(at("20:00"), "approve", False))
    approving.when(lambda b: b.time_out(at("20:00"))).then(BookingApproved((court,), by_timeout=True))
    approving.when(lambda b: b.time_out(ELEVEN)).then(BookingDeclined("timeout"))
    given(Booking, held, pending).when(lambda b: b.time_out(at("20:00"))).refused(errors.NotDue)
    given(Booking, held, pending, BookingApproved()).when(lambda b: b.time_out(at("20:00"))).then()


def test_a_competitor_is_declined_for_what_it_is():
    given(Booking, held, pending).when(lambda b: b.decline("competing")).then(BookingDeclined("competing"))


# the visit


def test_who_leaves_early_gives_back_the_rest():
    half = TEN + 30 * MINUTE
    used = replace(court, ends_at=half)
    after = given(Booking, held, confirmed, arrived).when(lambda b: b.check_out(half)).then(BookingCheckedOut((used,)))
    assert (after.status, after.period.ends_at) == ("completed", half)
    given(Booking, held, confirmed, arrived, BookingCheckedOut((used,))).when(lambda b: b.check_out(half)).then()


def test_at_the_end_there_is_nothing_to_give_back():
    story = given(Booking, held, confirmed, arrived)
    story.when(lambda b: b.check_out(ELEVEN)).then(BookingCompleted())
    story.when(lambda b: b.check_out(ELEVEN - TICK)).then(BookingCheckedOut((replace(court, ends_at=ELEVEN - TICK),)))


def test_items_that_had_not_begun_are_no_longer_part_of_it():
    both = given(Booking, replace(held, items=(court, lesson)), confirmed, arrived)
    both.when(lambda b: b.check_out(ELEVEN)).then(BookingCheckedOut((court,), unused=(2,)))
    moment = replace(court, ends_at=TEN + MINUTE)
    both.when(lambda b: b.check_out(TEN)).then(BookingCheckedOut((moment,), unused=(2,), before_start=True))
    begun = replace(court, ends_at=TEN + TICK)
    both.when(lambda b: b.check_out(TEN + TICK)).then(BookingCheckedOut((begun,), unused=(2,)))


def test_who_has_not_come_does_not_leave():
    given(Booking, held, confirmed).when(lambda b: b.check_out(TEN)).refused(errors.NotCheckedIn)


def test_completing_what_nobody_saw_is_for_organizations_that_say_so():
    story = given(Booking, held, confirmed)
    story.when(lambda b: b.complete(ELEVEN, unseen=True)).then(BookingCompleted())
    story.when(lambda b: b.complete(ELEVEN - TICK, unseen=True)).refused(errors.NotDue)
    story.when(lambda b: b.complete(ELEVEN, unseen=False)).refused(errors.NotCheckedIn)


def test_the_clock_completes_at_the_end_and_is_silent_where_somebody_was_sooner():
    here = given(Booking, held, confirmed, arrived)
    here.when(lambda b: b.complete_at_end(ELEVEN, unseen=False)).then(BookingCompleted())
    here.when(lambda b: b.complete_at_end(ELEVEN - TICK, unseen=False)).refused(errors.NotDue)
    given(Booking, held, confirmed).when(lambda b: b.complete_at_end(ELEVEN, unseen=False)).then()
    given(Booking, held, confirmed).when(lambda b: b.complete_at_end(ELEVEN, unseen=True)).then(BookingCompleted())
    given(Booking, held, confirmed, cancelled).when(lambda b: b.complete_at_end(ELEVEN, unseen=True)).then()


# other units, and other times


def test_another_unit_for_the_same_time():
    moved = replace(court, resource_id=OTHER_COURT)
    story = given(Booking, held, confirmed)
    after = story.when(lambda b: b.reassign({1: OTHER_COURT})).then(BookingReassigned((moved,)))
    assert (after.items, after.sequence) == ((moved,), 0)
    story.when(lambda b: b.reassign({1: COURT})).then()
    story.when(lambda b: b.reassign({7: COURT})).refused(errors.UnknownItem)
    given(Booking, held).when(lambda b: b.reassign({1: OTHER_COURT})).refused(errors.NotConfirmed)


def test_what_is_pinned_keeps_its_units():
    given(Booking, held, confirmed).when(lambda b: b.pin()).then(BookingPinned())
    pinned = given(Booking, held, confirmed, BookingPinned())
    pinned.when(lambda b: b.pin()).then()
    pinned.when(lambda b: b.reassign({1: OTHER_COURT})).refused(errors.Pinned)
    pinned.when(lambda b: b.reassign({1: COURT})).then()
    given(Booking, held, confirmed, cancelled).when(lambda b: b.pin()).refused(errors.NotConfirmed)


def test_a_dead_hold_is_neither_pinned_nor_amended():
    given(Booking, held).when(lambda b: b.pin(at("12:10") - TICK)).then(BookingPinned())
    given(Booking, held).when(lambda b: b.pin(at("12:10"))).refused(errors.HoldExpired)
    given(Booking, held, paying).when(lambda b: b.amend(3, at("12:10"))).refused(errors.HoldExpired)


def test_a_move_keeps_the_buffers_it_was_made_with_and_counts_for_calendars():
    both = given(Booking, replace(held, items=(court, lesson)), confirmed)
    wish = Item(2, COURT, TEN, ELEVEN, "2027-03-02T10:00", "UTC", before=0, after=0)
    moved = replace(wish, role="coach", before=10, after=15)
    after = both.when(lambda b: b.reschedule([wish])).then(BookingRescheduled((court, moved)))
    assert (after.id, after.reference, after.sequence) == (both.before.id, "ABCD2345", 1)


def test_a_move_over_its_own_time_is_one_fact():
    later = replace(court, starts_at=TEN + 30 * MINUTE, ends_at=ELEVEN + 30 * MINUTE, local_start="2027-03-02T10:30")
    after = given(Booking, held, confirmed).when(lambda b: b.reschedule([later])).then(BookingRescheduled((later,)))
    assert after.sequence == 1


def test_a_move_to_other_units_takes_as_many_as_it_needs_and_leaves_none_behind():
    one = replace(court, role="table", before=10, after=15)
    other = replace(one, item=2, resource_id=OTHER_COURT)
    there = replace(one, starts_at=ELEVEN, ends_at=ELEVEN + 60 * MINUTE, local_start="2027-03-02T11:00")
    of_now = replace(there, before=0, after=0)  # what the terms say today; it keeps the buffers it was made with
    two = given(Booking, replace(held, items=(one, other)), confirmed)
    two.when(lambda b: b.move([of_now])).then(BookingRescheduled((there,)))
    both = (there, replace(other, starts_at=there.starts_at, ends_at=there.ends_at, local_start=there.local_start))
    single = given(Booking, replace(held, items=(one,)), confirmed)
    single.when(lambda b: b.move(both)).then(BookingRescheduled(both))
    single.when(lambda b: b.move([one])).then()


# in time, and late

DAY = timedelta(days=1)
late = BookingCancelled("customer", late=True)


@pytest.mark.parametrize(("ahead", "fact"), [(DAY, cancelled), (DAY + TICK, cancelled), (DAY - TICK, late)])
def test_a_customer_cancels_in_time_up_to_exactly_the_notice(ahead, fact):
    given(Booking, held, confirmed).when(lambda b: b.cancel("customer", TEN - ahead, DAY)).then(fact)


def test_the_venue_is_never_late_nor_is_who_withdraws_a_request_nor_anybody_where_no_notice_is_asked():
    firm = given(Booking, held, confirmed)
    firm.when(lambda b: b.cancel("venue", TEN - TICK, DAY)).then(BookingCancelled("venue"))
    firm.when(lambda b: b.cancel("customer", TEN - TICK)).then(cancelled)
    given(Booking, held, pending).when(lambda b: b.cancel("customer", TEN - TICK, DAY)).then(cancelled)


def test_moving_out_of_the_notice_is_no_way_out_of_it():
    far = replace(court, starts_at=TEN + 7 * DAY, ends_at=ELEVEN + 7 * DAY)
    firm = given(Booking, held, confirmed)
    after = firm.when(lambda b: b.reschedule([far], TEN - DAY + TICK, DAY)).then(BookingRescheduled((far,), late=True))
    assert after.cancel("customer", TEN, DAY) == [late]
    assert after.cancel("venue", TEN, DAY) == [BookingCancelled("venue")]
    assert after.after(after.move([court], TEN, DAY)).late, "once late, always late"
    after = firm.when(lambda b: b.move([far], TEN - DAY, DAY)).then(BookingRescheduled((far,)))
    assert after.cancel("customer", TEN, DAY) == [cancelled]


# authority


def test_who_may_takes_what_there_is_no_room_for_and_answers_for_it():
    boss = Overbooking("boss", "vip")
    decide = lambda b: b.hold("ABCD2345", VENUE, [court], NOON, TTL, max_hold=LONGEST, overbooking=boss)  # noqa: E731
    over = replace(court, overbooked=True)
    given(Booking).when(decide).then(replace(held, items=(over,)), BookingOverbookingAuthorised((1,), "boss", "vip"))
    given(Booking, held, confirmed, cancelled).when(lambda b: b.reverse_cancellation(NOON, boss)).then(
        BookingCancellationReversed((over,)), BookingOverbookingAuthorised((1,), "boss", "vip")
    )


def test_the_cancellation_of_what_was_not_paid_is_not_taken_back():
    story = given(Booking, held, paying, cancelled)
    story.when(lambda b: b.reverse_cancellation(at("12:05"))).refused(errors.HoldExpired)
    given(Booking, held, paying).when(lambda b: b.cancel("customer", at("12:09"))).then(cancelled)
    given(Booking, held, paying).when(lambda b: b.cancel("customer", at("12:10"))).refused(errors.HoldExpired)


def test_a_request_that_was_withdrawn_waits_again_as_long_as_its_deadline_lies_ahead():
    again = BookingCancellationReversed((court,), "pending_approval")
    story = given(Booking, held, BookingApprovalRequested(at("20:00")), cancelled)
    after = story.when(lambda b: b.reverse_cancellation(at("20:00") - TICK)).then(again)
    assert after.time_out(at("20:00")) == [BookingDeclined("timeout")]  # the job of the first request comes still
    story.when(lambda b: b.reverse_cancellation(at("20:00"))).refused(errors.DeadlinePassed)
    approved = given(Booking, held, BookingApprovalRequested(at("20:00")), BookingApproved(), cancelled)
    approved.when(lambda b: b.reverse_cancellation(at("20:00"))).then(BookingCancellationReversed((court,)))
    given(Booking, held, pending, cancelled).when(lambda b: b.reverse_cancellation(at("20:00"))).then(again)


# the whole machine

WAYS = {
    "held": (held,),
    "pending_payment": (held, paying),
    "pending_approval": (held, replace(pending, deadline=NOON)),
    "confirmed": (held, confirmed),
    "checked_in": (held, confirmed, arrived),
    "completed": (held, confirmed, arrived, BookingCompleted()),
    "expired": (held, expired),
    "declined": (held, pending, BookingDeclined()),
    "cancelled": (held, confirmed, cancelled),
    "no_show": (held, confirmed, BookingNoShowMarked()),
}
SOON = at("12:05")
LATE = at("12:30")
DURING = TEN + 20 * MINUTE
DECISIONS = {
    "extend_hold": lambda b: b.extend_hold(SOON, TTL, 2),
    "start_payment": lambda b: b.start_payment(SOON, GRACE),
    "release": lambda b: b.release(),
    "expire": lambda b: b.expire(LATE),
    "request_approval": lambda b: b.request_approval(SOON),
    "approve": lambda b: b.approve(SOON),
    "decline": lambda b: b.decline(),
    "time_out": lambda b: b.time_out(LATE),
    "confirm": lambda b: b.confirm(SOON),
    "settle_payment": lambda b: b.settle_payment(SOON, PAYMENT),
    "reschedule": lambda b: b.reschedule([replace(court, resource_id=OTHER_COURT)]),
    "move": lambda b: b.move([replace(court, resource_id=OTHER_COURT)]),
    "reassign": lambda b: b.reassign({1: OTHER_COURT}),
    "pin": lambda b: b.pin(),
    "check_in": lambda b: b.check_in(DURING, GRACE),
    "check_out": lambda b: b.check_out(DURING),
    "complete": lambda b: b.complete(ELEVEN),
    "cancel": lambda b: b.cancel("venue", SOON),
    "reverse_cancellation": lambda b: b.reverse_cancellation(SOON),
    "mark_no_show": lambda b: b.mark_no_show(DURING, GRACE),
    "reverse_no_show": lambda b: b.reverse_no_show("checked_in"),
}
LEADS = {
    "extend_hold": {"held": "held"},
    "start_payment": {"held": "pending_payment", "pending_payment": "-"},
    "release": {"held": "expired", "expired": "-"},
    "expire": {"held": "expired", "pending_payment": "expired", **dict.fromkeys(
        ["pending_approval", "confirmed", "checked_in", "completed", "expired", "declined", "cancelled", "no_show"],
        "-")},
    "request_approval": {"held": "pending_approval", "pending_approval": "-"},
    "approve": {"pending_approval": "confirmed", "confirmed": "-"},
    "decline": {"pending_approval": "declined", "declined": "-"},
    "time_out": {"pending_approval": "declined", **dict.fromkeys(set(WAYS) - {"pending_approval"}, "-")},
    "confirm": {"held": "confirmed", "pending_payment": "confirmed", "confirmed": "-"},
    "settle_payment": {"held": "confirmed", "pending_payment": "confirmed", "expired": "confirmed",
                       **dict.fromkeys(FIRM, "-")},
    "reschedule": {"confirmed": "confirmed"},
    "move": {"confirmed": "confirmed"},
    "reassign": {"confirmed": "confirmed"},
    "pin": {way: way for way in ("held", "pending_payment", "pending_approval", "confirmed", "checked_in")},
    "check_in": {"confirmed": "checked_in", "checked_in": "-"},
    "check_out": {"checked_in": "completed", "completed": "-"},
    "complete": {"checked_in": "completed", "completed": "-"},
    "cancel": {"pending_payment": "cancelled", "pending_approval": "cancelled", "confirmed": "cancelled",
               "cancelled": "-"},
    "reverse_cancellation": {"cancelled": "confirmed", **dict.fromkeys(
        ["pending_payment", "pending_approval", "confirmed"], "-")},
    "mark_no_show": {"confirmed": "no_show", "no_show": "-"},
    "reverse_no_show": {"no_show": "checked_in", "checked_in": "-"},
}  # fmt: skip
"""Where each decision leads from each status; `-`: it has nothing to say; what is not here is refused."""


@pytest.mark.parametrize("status", WAYS)
@pytest.mark.parametrize("decision", DECISIONS)
def test_every_decision_in_every_status_leads_where_the_table_says_or_is_refused(status, decision):
    booking = given(Booking, *WAYS[status]).before
    assert booking.status == status
    to = LEADS[decision].get(status)
    if to is None:
        with pytest.raises(Refusal):
            DECISIONS[decision](booking)
        return
    facts = DECISIONS[decision](booking)
    assert (facts == []) == (to == "-")
    if facts:
        assert booking.after(facts).status == to


def test_a_way_back_from_a_no_show_leads_on():
    given(Booking, *WAYS["no_show"], BookingNoShowReversed("checked_in")).when(lambda b: b.check_out(ELEVEN)).then(
        BookingCompleted()
    )


def test_every_status_has_a_word_for_search_engines_and_one_for_calendars():
    assert set(SCHEMA_ORG) == set(ICALENDAR) == set(WAYS)
    assert {status for status, word in ICALENDAR.items() if word == "TENTATIVE"} == {*HOLDS, "pending_approval"}
    assert SCHEMA_ORG["held"] == "ReservationHold"
    assert ICALENDAR["no_show"] == "CANCELLED"
