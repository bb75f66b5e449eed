"""What follows for those who wait from what happens to bookings, sessions and resources; and what the clock does.

Something may be free: the list is walked. That a walk finds nothing is no harm, and one too many changes nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from application.reaction import Do, Look, Reaction
from application.recorded import RecordedEvent
from application.waitlist.commands import (
    CallOffWaiting,
    EndEarmark,
    ExpireOffer,
    JoinWaitlist,
    LapseEntry,
    PassOver,
    SettleOffer,
    WalkSession,
    WalkTimes,
)
from domain import localtime
from domain.booking import events as bookings
from domain.booking.booking import Booking
from domain.booking.series import BookingSeries
from domain.booking.series_events import OccurrenceWaitlisted
from domain.offering import events as offerings
from domain.offering.session import Session
from domain.resource import events as resources
from domain.resource.resource import Resource
from domain.waitlist import events
from domain.waitlist.errors import UnknownWaitlist
from domain.waitlist.events import Window
from domain.waitlist.waitlist import Waitlist, waitlist_of

FREED = (
    bookings.BookingCancelled, bookings.BookingExpired, bookings.BookingDeclined, bookings.BookingHoldReleased,
)  # fmt: skip
"""All that the booking had is free."""
MOVED = (
    bookings.BookingRescheduled, bookings.BookingReassigned, bookings.BookingReanchored, bookings.BookingCheckedOut,
)  # fmt: skip
"""Some of what it had is free, and the booking no longer knows which."""
WIDENED = (
    resources.ResourceCapacityChanged, resources.ResourceReopened, resources.ResourceCapacityOverridden,
    resources.ResourceCapacityOverrideLifted, resources.ResourceHoursChanged, resources.ResourceExceptionSet,
    resources.ResourceExceptionLifted,
)  # fmt: skip
"""There may be more than before."""


def on_booking_gone(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """What a booking sets free is somebody's turn; where it was an offer, that is known first."""
    if not isinstance(recorded.fact, FREED):
        return []
    booking = look.read(Booking, recorded.stream)
    settled = [] if booking.entry_id is None else [Do(SettleOffer(booking.entry_id), booking.entry_id, "settle_offer")]
    period = booking.period
    taken = {item.resource_id for item in booking.items}
    return [*settled, *walks(look, booking.location_id, recorded.recorded_at, taken, period.starts_at, period.ends_at)]


def on_booking_moved(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    if not isinstance(recorded.fact, MOVED):
        return []
    booking = look.read(Booking, recorded.stream)
    return walks(look, booking.location_id, recorded.recorded_at)


def on_booking_confirmed(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """An offer that is confirmed is accepted; anybody else's booking may have passed over somebody."""
    if not isinstance(recorded.fact, bookings.BookingConfirmed | bookings.BookingApproved):
        return []
    booking = look.read(Booking, recorded.stream)
    if booking.entry_id is not None:
        return [Do(SettleOffer(booking.entry_id), booking.entry_id, "settle_offer")]
    waitlist = waiting_at(look, booking.location_id)
    if waitlist is None or not waitlist.waiting(recorded.recorded_at):
        return []
    return [Do(PassOver(booking.id), booking.id, "pass_over")]


def on_seats_changed(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    if not isinstance(recorded.fact, offerings.SessionSeatsChanged):
        return []
    session = look.read(Session, recorded.stream)
    return walks(look, session.location_id, recorded.recorded_at, {session.id}, session.starts_at, session.ends_at)


def on_session_called_off(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    if not isinstance(recorded.fact, offerings.SessionCalledOff):
        return []
    session = look.read(Session, recorded.stream)
    if waiting_at(look, session.location_id) is None:
        return []
    return [Do(CallOffWaiting(session.id), session.id, "call_off_waiting")]


def on_resource_widened(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    if not isinstance(recorded.fact, WIDENED):
        return []
    return walks(look, look.read(Resource, recorded.stream).location_id, recorded.recorded_at)


def on_waiting(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Who joins may fit into what is free already, and waits until it begins; what is offered or kept has its time."""
    match recorded.fact:
        case events.WaitlistJoined(entry_id=entry_id, offering_id=offering_id, session_id=session_id, until=until):
            walk = WalkTimes(offering_id) if session_id is None else WalkSession(session_id)
            return [
                Do(walk, session_id or offering_id, "walk"),
                Do(LapseEntry(entry_id), entry_id, "lapse", until),
            ]
        case events.WaitlistOfferExpired(entry_id=entry_id, then="to_end"):
            # The walk that its booking's end asked for may have been before it was at the end.
            entry = look.read(Waitlist, recorded.stream).entries.get(entry_id)
            if entry is None:
                return []
            walk = WalkTimes(entry.offering_id) if entry.session_id is None else WalkSession(entry.session_id)
            return [Do(walk, entry.session_id or entry.offering_id, "walk")]
        case events.WaitlistOfferMade(entry_id=entry_id, expires_at=expires_at, booking_id=None):
            return [Do(ExpireOffer(entry_id), entry_id, "expire_offer", expires_at)]
        case events.WaitlistEarmarked(entry_id=entry_id, ends_at=ends_at):
            return [Do(EndEarmark(entry_id), entry_id, "end_earmark", ends_at)]
        case events.WaitlistEarmarkReleased(pieces=pieces, cause=cause) if pieces and cause != "offered":
            location_id = look.read(Waitlist, recorded.stream).location_id
            starts_at = min(piece.starts_at for piece in pieces)
            ends_at = max(piece.ends_at for piece in pieces)
            kept = {piece.resource_id for piece in pieces}
            return walks(look, location_id, recorded.recorded_at, kept, starts_at, ends_at)
    return []


def on_occurrence_waitlisted(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Where a series could not have its time, its customer waits for that very time. Resources that were booked by
    their names belong to no offering, and nobody waits for those."""
    fact = recorded.fact
    if not isinstance(fact, OccurrenceWaitlisted) or fact.offering_id is None:
        return []
    local = localtime.wall(fact.starts_at, look.read(BookingSeries, recorded.stream).zone)
    opens = local.hour * 60 + local.minute
    minutes = int((fact.ends_at - fact.starts_at) / timedelta(minutes=1))
    window = Window(fact.on, fact.on, opens, opens + 1, minutes, fact.resources)
    # The fact names the entry: one occurrence may have to wait more than once, and an id is taken once.
    entry_id = uuid5(recorded.stream, f"waitlist:{recorded.version}")
    join = JoinWaitlist(
        entry_id, fact.party_size, offering_id=fact.offering_id, window=window, customer_id=fact.customer_id
    )
    return [Do(join, entry_id, "join")]


def walks(
    look: Look,
    location_id: UUID,
    at: datetime,
    freed: Iterable[UUID] | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> list[Do]:
    """Whoever waits at this location for something of what was freed, or, where nobody knows what, for anything."""
    waitlist = waiting_at(look, location_id)
    if waitlist is None:
        return []
    ids = None if freed is None else set(freed)
    sessions = sorted(waitlist.sessions(at) if ids is None else waitlist.sessions(at) & ids)
    found = [Do(WalkSession(session_id), session_id, "walk") for session_id in sessions]
    others = () if ids is None else tuple(sorted(ids - set(sessions)))
    if ids is None or others:
        found += [
            Do(WalkTimes(offering_id, starts_at, ends_at, others), offering_id, "walk")
            for offering_id in sorted(waitlist.offerings(at))
        ]
    return found


def waiting_at(look: Look, location_id: UUID) -> Waitlist | None:
    try:
        return look.read(Waitlist, waitlist_of(location_id))
    except UnknownWaitlist:
        return None


REACTIONS: tuple[Reaction, ...] = (
    on_booking_gone, on_booking_moved, on_booking_confirmed, on_seats_changed, on_session_called_off,
    on_resource_widened, on_waiting, on_occurrence_waitlisted,
)  # fmt: skip
