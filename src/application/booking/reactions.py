"""What follows from what happens to bookings: the steps that the clock takes, and who is declined with an approval.

A step that has become stale is harmless: the booking answers that nothing happens, or refuses.
"""

from collections.abc import Sequence

from application.booking.commands import (
    CallOffBookings,
    CompleteAtEnd,
    Decline,
    ExpireHold,
    NoShowAtGrace,
    TimeOutApproval,
)  # fmt: skip
from application.reaction import Do, Look, Reaction
from application.recorded import RecordedEvent
from domain.booking import events
from domain.booking.booking import Booking
from domain.offering.events import SessionCalledOff
from domain.offering.offering import Offering
from domain.organization.organization import Organization


def on_hold(recorded: RecordedEvent, look: Look) -> Sequence[Do]:  # noqa: ARG001
    """A hold expires at its time, whoever has made it longer."""
    match recorded.fact:
        case (
            events.BookingHeld(expires_at=expires_at)
            | events.BookingHoldExtended(expires_at)
            | events.BookingPaymentStarted(expires_at)
        ):
            booking = recorded.stream
            return [Do(ExpireHold(booking), booking, "expire", expires_at)]
    return []


def on_approval_requested(recorded: RecordedEvent, look: Look) -> Sequence[Do]:  # noqa: ARG001
    match recorded.fact:
        case events.BookingApprovalRequested(deadline) if deadline is not None:
            booking = recorded.stream
            return [Do(TimeOutApproval(booking), booking, "time_out", deadline)]
    return []


FIRM = (
    events.BookingConfirmed, events.BookingApproved, events.BookingRescheduled, events.BookingCancellationReversed,
    events.BookingNoShowReversed, events.BookingReanchored,
)  # fmt: skip
"""After these it may be that somebody is expected."""


def on_firm(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Who does not come is marked, and who has come has left at the end: where the policy says so, now and then."""
    if not isinstance(recorded.fact, FIRM):
        return []
    booking = look.read(Booking, recorded.stream)
    policy = look.read(Organization, recorded.tenant).policy
    steps = []
    if policy.no_show_at_grace and booking.status == "confirmed":
        due = booking.period.starts_at + policy.no_show_grace
        steps.append(Do(NoShowAtGrace(booking.id), booking.id, "no_show", due))
    if policy.complete_at_end and booking.status in ("confirmed", "checked_in"):
        ends_at = booking.period.ends_at
        # What was due at the end has been carried out by then, and a name is carried out once: it is due anew.
        anew = isinstance(recorded.fact, events.BookingNoShowReversed) and ends_at <= recorded.occurred_at
        steps.append(Do(CompleteAtEnd(booking.id), booking.id, "complete", None if anew else ends_at))
    return steps


def on_approved(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Those who waited for the same are declined with it, where the offering says so."""
    if not isinstance(recorded.fact, events.BookingApproved):
        return []
    booking = look.read(Booking, recorded.stream)
    approval = look.read(Offering, booking.offering_id).terms.approval if booking.offering_id is not None else None
    if approval is None or not approval.approving_declines_others:
        return []
    return [Do(Decline(rival, "competing"), rival, "decline") for rival in look.rivals(booking.id)]


def on_called_off(recorded: RecordedEvent, look: Look) -> Sequence[Do]:  # noqa: ARG001
    """A session that does not take place has no bookings."""
    if not isinstance(recorded.fact, SessionCalledOff):
        return []
    session = recorded.stream
    return [Do(CallOffBookings(session), session, "call_off_bookings")]


REACTIONS: tuple[Reaction, ...] = (on_hold, on_approval_requested, on_firm, on_approved, on_called_off)
