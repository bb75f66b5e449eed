"""What can be asked for a booking, each handler right under its command."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from application.booking.approvals import queue_up
from application.booking.quotas import streams as of_quotas
from application.booking.quotas import within_quotas
from application.booking.strangers import from_here, secret_of
from application.booking.terms import cancellation_notice
from application.message import Command
from application.minors import consented
from application.unit_of_work import Handler, UnitOfWork
from domain import localtime
from domain.availability.offer import Wanted, offered
from domain.booking.booking import Booking, DeclinedFor, Overbooking
from domain.booking.errors import (
    BadUnits,
    MovedByItsOffering,
    NothingWanted,
    PaymentTooLate,
    SlotHeld,
    SlotTaken,
    UnknownItem,
)
from domain.booking.events import SEAT, BookingEvent, CancelledBy, Item
from domain.booking.reference import reference
from domain.errors import Refusal
from domain.offering.errors import CalledOff, UnknownSession
from domain.offering.session import Session
from domain.organization.location import Location
from domain.organization.organization import Organization
from domain.period import Period, instant
from domain.resource.resource import Resource, sold_by_themselves

TOO_LATE = (SlotTaken, SlotHeld, PaymentTooLate, CalledOff)
"""It cannot be had any more."""


class WantedItem(Struct, frozen=True, forbid_unknown_fields=True):
    """One resource for `[starts_at, ends_at)` in so many units. A time without offset is local at the location."""

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    units: int = 1


class MovedItem(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an item of a booking goes: its number, and what changes of resource, period and units."""

    item: int
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    units: int = 1


class PlaceHold(Command, frozen=True):
    """Hold these items; with `confirm`, confirm them in the same breath; with `approval`, ask the venue to agree."""

    booking_id: UUID
    location_id: UUID
    items: tuple[WantedItem, ...]
    party_size: int | None = None
    customer_id: UUID | None = None
    then: Literal["hold", "confirm", "request_approval"] = "hold"

    def overbooking(self, work: UnitOfWork) -> Overbooking | None:  # noqa: ARG002
        return None


class Overbook(PlaceHold, frozen=True, kw_only=True):
    """The same although there is no room: on the authority of whoever says so."""

    why: str
    """A short code."""

    def overbooking(self, work: UnitOfWork) -> Overbooking:
        return Overbooking(work.occasion.actor.id, self.why)


def place_hold(command: PlaceHold, work: UnitOfWork) -> None:
    if not command.items:
        raise NothingWanted
    customer = work.for_customer(command.customer_id)
    resources = [item.resource_id for item in command.items]
    work.fetch(work.tenant, command.location_id, *resources, *of_quotas(work.tenant, customer))
    consented(work, customer)
    policy = work.read(Organization, work.tenant).policy
    items = offer(work, command.location_id, [(n, item) for n, item in enumerate(command.items, start=1)])
    within_quotas(work, customer, None, command.location_id, items)
    most_holds = policy.holds_per_customer if command.then == "hold" else None
    booking = work.begin(
        Booking,
        command.booking_id,
        lambda booking: booking.hold(
            reference(work.next_number(), work.tenant), command.location_id, items, work.now,
            policy.hold, command.party_size, customer, policy.max_hold, command.overbooking(work),
            holds_of(work, customer, most_holds), most_holds, token=secret_of(work),
        ),
    )  # fmt: skip
    from_here(work, booking)
    if command.then == "confirm":
        booking = work.change(Booking, booking.id, lambda booking: booking.confirm(work.now))
    elif command.then == "request_approval":
        booking = work.change(Booking, booking.id, lambda booking: booking.request_approval(work.now))
    work.result |= {"reference": booking.reference, "status": booking.status}


def holds_of(work: UnitOfWork, customer: UUID | None, most: int | None) -> int:
    """How many holds this customer has that are alive. Nobody is asked where there is no limit, or nobody to ask of."""
    if customer is None or most is None:
        return 0
    return sum(row.state == "live" and row.expires_at is not None for row in work.tallies([customer]))


def offer(
    work: UnitOfWork,
    location_id: UUID,
    wanted: Sequence[tuple[int, WantedItem | MovedItem]],
    staying: Sequence[Item] = (),
    before: Sequence[Item] = (),
) -> list[Item]:
    """The items as they would be booked now, by the one function that decides what is offered. A customer has nothing
    that has begun, but what is of these already: they may stay for longer."""
    for _, item in wanted:
        if item.units < 1:
            raise BadUnits(number=item.units)
    location = work.read(Location, location_id)
    resources = {item.resource_id: work.read(Resource, item.resource_id) for _, item in wanted}
    if work.customer:
        sold_by_themselves(resources.values())  # else the terms of what they are part of would be got round
    had = {(item.item, item.resource_id, item.starts_at) for item in before}
    wishes = []
    for n, item in wanted:
        period = Period(typed(item.starts_at, location.zone), typed(item.ends_at, location.zone))
        begun = work.customer is None or (n, item.resource_id, period.starts_at) in had
        wishes.append(Wanted(n, item.resource_id, period, item.units, begun))
    return offered(wishes, resources, location, work.now, staying)


def typed(at: datetime, zone: str) -> datetime:
    """The instant that was meant: by its offset, or, typed without one, by the wall at the location."""
    if at.tzinfo is None:
        instant(at.replace(tzinfo=UTC))  # refuses years in which zones cannot be asked
        return localtime.typed(at, zone)
    return instant(at)


class ReleaseHold(Command, frozen=True):
    """Its holder gives the hold back."""

    booking_id: UUID


def release_hold(command: ReleaseHold, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.release())


class ExpireHold(Command, frozen=True):
    """The hold's time is over."""

    booking_id: UUID


def expire_hold(command: ExpireHold, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.expire(work.now))


class ExtendHold(Command, frozen=True):
    """Its holder needs longer."""

    booking_id: UUID


def extend_hold(command: ExtendHold, work: UnitOfWork) -> None:
    work.fetch(command.booking_id, work.tenant)
    policy = work.read(Organization, work.tenant).policy
    booking = work.change(
        Booking, command.booking_id, lambda booking: booking.extend_hold(work.now, policy.hold, policy.max_extensions)
    )
    work.result["expires_at"] = booking.expires_at


class StartPayment(Command, frozen=True):
    """The customer is at the till: the hold lives until they can have paid."""

    booking_id: UUID


def start_payment(command: StartPayment, work: UnitOfWork) -> None:
    work.fetch(command.booking_id, work.tenant)
    grace = work.read(Organization, work.tenant).policy.payment_grace
    booking = work.change(Booking, command.booking_id, lambda booking: booking.start_payment(work.now, grace))
    work.result["expires_at"] = booking.expires_at


class SettlePayment(Command, frozen=True):
    """The money is here. What is alive is firm, what has expired is taken again if it is still free; else all of it is
    owed back. When that is decided, not when the provider says that it was paid."""

    booking_id: UUID
    payment_id: UUID

    def instead(self, refusal: Refusal) -> Command | None:
        return TurnPaymentAway(self.booking_id, self.payment_id) if isinstance(refusal, TOO_LATE) else None


def settle_payment(command: SettlePayment, work: UnitOfWork) -> None:
    if (booking := work.read(Booking, command.booking_id)).status == "expired":
        takes_place(work, booking)
    booking = work.change(
        Booking, command.booking_id, lambda booking: booking.settle_payment(work.now, command.payment_id)
    )
    work.result["refund_owed"] = booking.owes(command.payment_id)


class TurnPaymentAway(Command, frozen=True):
    """The money came for what can no longer be had: all of it is owed back."""

    booking_id: UUID
    payment_id: UUID


def turn_payment_away(command: TurnPaymentAway, work: UnitOfWork) -> None:
    booking = work.change(Booking, command.booking_id, lambda booking: booking.turn_payment_away(command.payment_id))
    work.result["refund_owed"] = booking.owes(command.payment_id)


class RequestApproval(Command, frozen=True):
    """The venue has to agree, by the deadline where there is one."""

    booking_id: UUID
    deadline: datetime | None = None
    on_timeout: Literal["decline", "approve"] = "decline"
    blocks: bool = True
    """Whether it occupies what it asks for while it waits."""


def request_approval(command: RequestApproval, work: UnitOfWork) -> None:
    booking = work.change(
        Booking,
        command.booking_id,
        lambda booking: booking.request_approval(work.now, command.deadline, command.on_timeout, command.blocks),
    )
    queue_up(work, booking)


class Approve(Command, frozen=True):
    """The venue agrees."""

    booking_id: UUID


def approve(command: Approve, work: UnitOfWork) -> None:
    if (booking := work.read(Booking, command.booking_id)).status == "pending_approval":
        takes_place(work, booking)
    work.change(Booking, command.booking_id, lambda booking: booking.approve(work.now))


class Decline(Command, frozen=True):
    """The venue does not agree."""

    booking_id: UUID
    cause: DeclinedFor = "venue"


def decline(command: Decline, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.decline(command.cause))


class TimeOutApproval(Command, frozen=True):
    """Nobody has decided by the deadline. What should be approved then and no longer can be had is declined."""

    booking_id: UUID

    def instead(self, refusal: Refusal) -> Command | None:
        return Decline(self.booking_id, "timeout") if isinstance(refusal, TOO_LATE) else None


def time_out_approval(command: TimeOutApproval, work: UnitOfWork) -> None:
    if (booking := work.read(Booking, command.booking_id)).status == "pending_approval":
        takes_place(work, booking)
    work.change(Booking, command.booking_id, lambda booking: booking.time_out(work.now))


class Confirm(Command, frozen=True):
    """The held booking is firm."""

    booking_id: UUID


def confirm(command: Confirm, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.confirm(work.now))


class Amend(Command, frozen=True):
    """Something other than time and place changes."""

    booking_id: UUID
    party_size: int | None = None


class Reschedule(Command, frozen=True):
    """Other times or resources for its items; those not named stay as they are."""

    booking_id: UUID
    items: tuple[MovedItem, ...]


def reschedule(command: Reschedule, work: UnitOfWork) -> None:
    if not command.items:
        raise NothingWanted
    work.fetch(command.booking_id, *(item.resource_id for item in command.items))
    booking = work.read(Booking, command.booking_id)
    if work.customer and booking.offering_id is not None:
        raise MovedByItsOffering  # else its notice, its steps and its candidates would be got round
    moving = {item.item for item in command.items}
    if unknown := moving - {item.item for item in booking.items}:
        raise UnknownItem(item=min(unknown))  # else it would be in the way of those that stay
    staying = [item for item in booking.items if item.item not in moving]
    items = offer(work, booking.location_id, [(item.item, item) for item in command.items], staying, booking.items)
    within_quotas(
        work, booking.customer_id, booking.offering_id, booking.location_id, [*items, *staying], booking.id
    )  # fmt: skip
    notice = cancellation_notice(work, booking)
    work.change(Booking, command.booking_id, lambda booking: booking.reschedule(items, work.now, notice))


class Reanchor(Command, frozen=True):
    """A zone's rules have changed: it is kept at its local time, and a seat goes with its session."""

    booking_id: UUID


def reanchor(command: Reanchor, work: UnitOfWork) -> None:
    sessions = sessions_of(work, work.read(Booking, command.booking_id))
    work.change(Booking, command.booking_id, lambda booking: booking.reanchor(work.now, sessions))


class ReanchorSession(Command, frozen=True):
    """A zone's rules have changed: the session is kept at its local time, and all that is booked of it goes with it."""

    session_id: UUID


def reanchor_session(command: ReanchorSession, work: UnitOfWork) -> None:
    # In one transaction, although a session is another context's: between two, its seats would be sold once more.
    session = work.read(Session, command.session_id)
    uses = work.occupancy([session.id], session.starts_at, session.ends_at)
    booked = sorted({use.booking_id for use in uses if use.kind == "booking"})
    work.fetch(*booked)
    session = work.change(Session, session.id, lambda session: session.reanchor(work.now))
    moved = {session.id: session.period}
    for booking_id in booked:
        work.change(Booking, booking_id, lambda booking: booking.reanchor(work.now, moved))
    work.result["booked"] = len(booked)


def sessions_of(work: UnitOfWork, booking: Booking) -> dict[UUID, Period]:
    """When the sessions are whose seats it has."""
    return {session.id: session.period for session in seated_in(work, booking)}


def seated_in(work: UnitOfWork, booking: Booking) -> list[Session]:
    """The sessions whose seats it has. An offering may call a need of its own a seat: that is none."""
    found = []
    for item in booking.items:
        if item.role == SEAT:
            with suppress(UnknownSession):
                found.append(work.read(Session, item.resource_id))
    return found


def takes_place(work: UnitOfWork, booking: Booking) -> None:
    """Refuses to take seats again in a session that has been called off: it has them still, and nobody comes."""
    if not all(session.bookable for session in seated_in(work, booking)):
        raise CalledOff


class CheckIn(Command, frozen=True):
    """The guest has arrived."""

    booking_id: UUID


def check_in(command: CheckIn, work: UnitOfWork) -> None:
    work.fetch(command.booking_id, work.tenant)
    early = work.read(Organization, work.tenant).policy.check_in_early
    work.change(Booking, command.booking_id, lambda booking: booking.check_in(at=work.now, early=early))


class Pin(Command, frozen=True):
    """From now on it keeps the units it has."""

    booking_id: UUID


def pin(command: Pin, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.pin(work.now))


class CheckOut(Command, frozen=True):
    """They leave, and the rest of their time is free again."""

    booking_id: UUID


def check_out(command: CheckOut, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.check_out(work.now))


class Complete(Command, frozen=True):
    """The visit is over."""

    booking_id: UUID


def complete(command: Complete, work: UnitOfWork) -> None:
    work.fetch(command.booking_id, work.tenant)
    unseen = work.read(Organization, work.tenant).policy.complete_without_check_in
    work.change(Booking, command.booking_id, lambda booking: booking.complete(work.now, unseen))


class CompleteAtEnd(Command, frozen=True):
    """The clock says that the visit is over."""

    booking_id: UUID


def complete_at_end(command: CompleteAtEnd, work: UnitOfWork) -> None:
    work.fetch(command.booking_id, work.tenant)
    policy = work.read(Organization, work.tenant).policy
    unseen = policy.complete_without_check_in
    decide = (lambda booking: booking.complete_at_end(work.now, unseen)) if policy.complete_at_end else leave
    work.change(Booking, command.booking_id, decide)


def leave(booking: Booking) -> list[BookingEvent]:  # noqa: ARG001
    """What the policy does not do by itself any more."""
    return []


class Cancel(Command, frozen=True):
    """It will not take place."""

    booking_id: UUID
    by: CancelledBy = "venue"


def cancel(command: Cancel, work: UnitOfWork) -> None:
    by: CancelledBy = "customer" if work.customer else command.by
    notice = cancellation_notice(work, work.read(Booking, command.booking_id))
    booking = work.change(Booking, command.booking_id, lambda booking: booking.cancel(by, work.now, notice))
    work.result["late"] = booking.cancelled_late


class CallOffBookings(Command, frozen=True):
    """The session does not take place: everybody's booking of it ends, all in one transaction."""

    session_id: UUID


def call_off_bookings(command: CallOffBookings, work: UnitOfWork) -> None:
    session = work.read(Session, command.session_id)
    uses = work.occupancy([session.id], session.starts_at, session.ends_at)
    booked = sorted({use.booking_id for use in uses if use.kind == "booking"})
    work.fetch(*booked)
    for booking_id in booked:
        work.change(Booking, booking_id, lambda booking: booking.call_off(work.now))


class ReverseCancellation(Command, frozen=True):
    """The cancellation was a mistake."""

    booking_id: UUID

    def overbooking(self, work: UnitOfWork) -> Overbooking | None:  # noqa: ARG002
        return None


class OverbookReversal(ReverseCancellation, frozen=True, kw_only=True):
    """The same although somebody else has what it had: on the authority of whoever says so."""

    why: str

    def overbooking(self, work: UnitOfWork) -> Overbooking:
        return Overbooking(work.occasion.actor.id, self.why)


def reverse_cancellation(command: ReverseCancellation, work: UnitOfWork) -> None:
    overbooking = command.overbooking(work)
    if (booking := work.read(Booking, command.booking_id)).status == "cancelled":
        takes_place(work, booking)
    booking = work.change(
        Booking, command.booking_id, lambda booking: booking.reverse_cancellation(work.now, overbooking)
    )
    queue_up(work, booking, limited=False)


class MarkNoShow(Command, frozen=True):
    """Nobody came."""

    booking_id: UUID


def mark_no_show(command: MarkNoShow, work: UnitOfWork) -> None:
    work.fetch(command.booking_id, work.tenant)
    grace = work.read(Organization, work.tenant).policy.no_show_grace
    work.change(Booking, command.booking_id, lambda booking: booking.mark_no_show(work.now, grace))


class NoShowAtGrace(Command, frozen=True):
    """The clock says that nobody came."""

    booking_id: UUID


def no_show_at_grace(command: NoShowAtGrace, work: UnitOfWork) -> None:
    work.fetch(command.booking_id, work.tenant)
    policy = work.read(Organization, work.tenant).policy
    grace = policy.no_show_grace
    decide = (lambda booking: booking.mark_no_show(work.now, grace)) if policy.no_show_at_grace else leave
    work.change(Booking, command.booking_id, decide)


class ReverseNoShow(Command, frozen=True):
    """They had come after all, or are still expected."""

    booking_id: UUID
    to: Literal["confirmed", "checked_in"] = "confirmed"


def reverse_no_show(command: ReverseNoShow, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.reverse_no_show(command.to))


HANDLERS: dict[type[Command], Handler] = {
    PlaceHold: place_hold,
    Overbook: place_hold,
    ReleaseHold: release_hold,
    ExpireHold: expire_hold,
    ExtendHold: extend_hold,
    StartPayment: start_payment,
    SettlePayment: settle_payment,
    TurnPaymentAway: turn_payment_away,
    RequestApproval: request_approval,
    Approve: approve,
    Decline: decline,
    TimeOutApproval: time_out_approval,
    Confirm: confirm,
    Reschedule: reschedule,
    Reanchor: reanchor,
    ReanchorSession: reanchor_session,
    Pin: pin,
    CheckIn: check_in,
    CheckOut: check_out,
    Complete: complete,
    CompleteAtEnd: complete_at_end,
    Cancel: cancel,
    CallOffBookings: call_off_bookings,
    ReverseCancellation: reverse_cancellation,
    OverbookReversal: reverse_cancellation,
    MarkNoShow: mark_no_show,
    NoShowAtGrace: no_show_at_grace,
    ReverseNoShow: reverse_no_show,
}
