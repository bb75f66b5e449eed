"""Whether the venue has to agree to a booking of what an offering sells, and how many requests may wait at once."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from application.unit_of_work import UnitOfWork
from domain.availability.setup import Slot
from domain.booking.approvals import ApprovalQueue, queue_of
from domain.booking.booking import FIRM, Booking
from domain.booking.errors import NeedsAgreement
from domain.offering.offering import Offering
from domain.offering.terms import Approval, ApprovalRule


class Asked(NamedTuple):
    """What rules of approval look at."""

    resources: frozenset[UUID]
    lasting: timedelta
    party: int


def of_slot(slot: Slot, party: int) -> Asked:
    chosen = frozenset(it for one in slot.assignment for it in one.resource_ids)
    return Asked(chosen, slot.ends_at - slot.starts_at, party)


def of_booking(booking: Booking) -> Asked:
    return Asked(
        frozenset(item.resource_id for item in booking.items), booking.period.duration, booking.party_size or 1
    )


def agreed(
    work: UnitOfWork, booking_id: UUID, offering: Offering, confirm: bool = True, limited: bool = True
) -> Booking:
    """What comes after a hold: the venue is asked where the terms say so, whatever the customer would like; else it is
    firm, if it is to be. `limited`: the venue is asked by so many at once as the terms allow, and by no more."""
    booking, approval = work.read(Booking, booking_id), offering.terms.approval
    if approval is not None and must_be_asked(work, approval, booking):
        return asked(work, booking, approval, limited)
    if confirm:
        return work.change(Booking, booking_id, lambda booking: booking.confirm(work.now))
    return booking


def asked(work: UnitOfWork, booking: Booking, approval: Approval, limited: bool = True) -> Booking:
    """The venue is asked, under the offering's terms."""
    deadline = None if approval.within is None else work.now + timedelta(minutes=approval.within)
    booking = work.change(
        Booking,
        booking.id,
        lambda booking: booking.request_approval(work.now, deadline, approval.on_timeout, approval.pending_blocks),
    )
    queue_up(work, booking, limited)
    return booking


def queue_up(work: UnitOfWork, booking: Booking, limited: bool = True) -> None:
    """One more that waits, where its offering limits how many may, or the refusal; if not `limited` it is let in
    however many there are, and in the way of those that come after."""
    if booking.offering_id is None or booking.status != "pending_approval":
        return
    approval = work.read(Offering, booking.offering_id).terms.approval
    if approval is None or approval.most_waiting is None:
        return
    stream, most = queue_of(booking.offering_id), approval.most_waiting if limited else None
    joined = work.read_if_any(ApprovalQueue, stream).joined
    work.fetch(*joined)
    still = [it for it in joined if work.glance(Booking, it).status == "pending_approval"]
    work.change(ApprovalQueue, stream, lambda queue: queue.join(booking, still, most))


def must_be_asked(work: UnitOfWork, approval: Approval, booking: Booking) -> bool:
    """Whether any of the rules asks the venue about it."""
    of = of_booking(booking)
    return any(true_of(rule, of) and (not rule.first_time or first_time(work, booking)) for rule in approval.rules)


def true_of(rule: ApprovalRule, of: Asked) -> bool:
    """Whether all is true that a rule says of what is asked for."""
    return (
        (not rule.resources or bool(of.resources & set(rule.resources)))
        and (rule.longer_than is None or of.lasting > timedelta(minutes=rule.longer_than))
        and (rule.party_over is None or of.party > rule.party_over)
    )


def first_time(work: UnitOfWork, booking: Booking) -> bool:
    """Whether the customer has had nothing here before this: what is only held, or waits for the venue itself, is
    nothing yet, or whoever asks twice would be agreed to unasked. Nobody's booking is always a first."""
    if booking.customer_id is None:
        return True
    others = [row for row in work.tallies([booking.customer_id]) if row.booking_id != booking.id]
    return not any(row.state != "live" or work.glance(Booking, row.booking_id).status in FIRM for row in others)


def agreement(work: UnitOfWork, booking: Booking, offering: Offering, to: Asked) -> None:
    """A customer changes nothing by themselves that the venue had to agree to: refuses what touches it. Staff, who
    could agree, do."""
    approval, was = offering.terms.approval, of_booking(booking)
    if work.customer and approval and any(true_of(rule, to) and touched(rule, was, to) for rule in approval.rules):
        raise NeedsAgreement


def touched(rule: ApprovalRule, was: Asked, to: Asked) -> bool:
    """Whether a change is one of something that the rule looks at. A rule that says nothing looks at everything; for
    whom it is the first time does not change."""
    everything = rule == ApprovalRule()
    return (
        everything
        or (bool(rule.resources) and was.resources != to.resources)
        or (rule.longer_than is not None and was.lasting != to.lasting)
        or (rule.party_over is not None and was.party != to.party)
    )
