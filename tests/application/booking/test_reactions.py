"""What follows from what happens to bookings: facts in, commands with their times out."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from application.booking.commands import CompleteAtEnd, Decline, ExpireHold, NoShowAtGrace, TimeOutApproval
from application.booking.reactions import REACTIONS
from application.reaction import Do
from application.recorded import Actor, Envelope, Origin, RecordedEvent
from domain.booking import events
from domain.booking.booking import Booking
from domain.offering.events import OfferingDefined
from domain.offering.offering import Offering
from domain.offering.terms import Approval, Terms
from domain.organization.events import OrganizationFounded, OrganizationPolicySet
from domain.organization.organization import Organization

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
ELEVEN = TEN + timedelta(hours=1)
TENANT, BOOKING, COURT, VENUE, LESSON, RIVAL = (UUID(int=n) for n in range(1, 7))

item = events.Item(1, COURT, TEN, ELEVEN, "2027-03-02T10:00", "UTC")
held = events.BookingHeld("ABCD2345", VENUE, (item,), NOON + timedelta(minutes=10), offering_id=LESSON)
FIRM = (held, events.BookingConfirmed())
founded = OrganizationFounded("Harbour")


class Looking:
    """A town in which this is what there is."""

    def __init__(self, booking=FIRM, policy=(), approval=None):
        self._found = {
            BOOKING: Booking(id=BOOKING).after(booking),
            TENANT: Organization(id=TENANT).after([founded, *policy]),
            LESSON: Offering(id=LESSON).after([OfferingDefined(VENUE, "Lesson", Terms((), approval=approval))]),
        }

    def read(self, kind, stream):
        assert isinstance(self._found[stream], kind)
        return self._found[stream]

    def rivals(self, booking_id):
        assert booking_id == BOOKING
        return [RIVAL]


def follows(fact, look=None, at=NOON):
    envelope = Envelope(TENANT, "X", TENANT, Actor("user", "owner", "owner"), Origin("cli"))
    recorded = RecordedEvent(1, TENANT, BOOKING, 1, UUID(int=9), fact.tag, at, fact, envelope)
    return [do for reaction in REACTIONS for do in reaction(recorded, look or Looking())]


@pytest.mark.parametrize(
    "fact", [held, events.BookingHoldExtended(held.expires_at), events.BookingPaymentStarted(held.expires_at)]
)
def test_a_hold_expires_at_its_time(fact):
    assert follows(fact) == [Do(ExpireHold(BOOKING), BOOKING, "expire", held.expires_at)]


def test_a_request_with_a_deadline_is_decided_at_it():
    assert follows(events.BookingApprovalRequested(TEN)) == [Do(TimeOutApproval(BOOKING), BOOKING, "time_out", TEN)]
    assert follows(events.BookingApprovalRequested()) == []


@pytest.mark.parametrize(
    "fact",
    [events.BookingConfirmed(), events.BookingApproved(), events.BookingRescheduled((item,)),
     events.BookingReanchored((item,), "tzdata 2"),
     events.BookingCancellationReversed((item,)), events.BookingNoShowReversed("confirmed")],
)  # fmt: skip
def test_what_is_firm_ends_at_its_end(fact):
    assert follows(fact) == [Do(CompleteAtEnd(BOOKING), BOOKING, "complete", ELEVEN)]


@pytest.mark.parametrize(
    ("at", "due"), [(ELEVEN - timedelta(seconds=1), ELEVEN), (ELEVEN, None), (ELEVEN + timedelta(days=1), None)]
)
def test_who_had_come_after_all_has_left_at_once_where_the_end_is_over(at, due):
    """The step of the end has been carried out by then, on a no-show: under that name it never comes again."""
    had_come = events.BookingNoShowReversed("checked_in")
    look = Looking(booking=(*FIRM, events.BookingNoShowMarked(), had_come))
    assert follows(had_come, look, at) == [Do(CompleteAtEnd(BOOKING), BOOKING, "complete", due)]


def test_the_policy_says_what_happens_by_itself():
    said = OrganizationPolicySet(10, 30, 20, complete_at_end=False, no_show_at_grace=True)
    due = TEN + timedelta(minutes=20)
    assert follows(events.BookingConfirmed(), Looking(policy=[said])) == [
        Do(NoShowAtGrace(BOOKING), BOOKING, "no_show", due)
    ]
    neither = OrganizationPolicySet(10, 30, 20, complete_at_end=False)
    assert follows(events.BookingConfirmed(), Looking(policy=[neither])) == []


def test_of_what_has_been_cancelled_meanwhile_nothing_is_expected():
    gone = Looking(booking=(held, events.BookingConfirmed(), events.BookingCancelled("customer")))
    assert follows(events.BookingConfirmed(), gone) == []


def test_rivals_are_declined_where_the_offering_says_so():
    gone = Looking(approval=Approval(approving_declines_others=True))
    assert Do(Decline(RIVAL, "competing"), RIVAL, "decline") in follows(events.BookingApproved(), gone)
    kept = Looking(approval=Approval())
    assert [do for do in follows(events.BookingApproved(), kept) if do.step == "decline"] == []
    assert [do for do in follows(events.BookingConfirmed(), gone) if do.step == "decline"] == []


@pytest.mark.parametrize("fact", [events.BookingCancelled("venue"), events.BookingCheckedIn(), events.BookingPinned()])
def test_most_facts_have_no_consequence(fact):
    assert follows(fact) == []
