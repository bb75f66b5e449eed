"""What an event of a booking occupies or sets free. Total: every event of the log has an answer."""

from datetime import datetime
from uuid import UUID

from domain.booking import events
from domain.claim import Claim, Release, Settle, Take
from domain.event import Event


def claims(event: Event, booking_id: UUID) -> tuple[Claim, ...]:
    """The claims of one event, in the order in which they take effect.

    Held, pending, confirmed and checked-in bookings occupy; completed and no-show ones keep their period, so that what
    was used stays shown as used; cancelled, expired, declined and released ones set it free.
    """
    match event:
        case events.BookingHeld(items=items, expires_at=expires_at):
            return takes(booking_id, items, expires_at)
        case events.BookingConfirmed() | events.BookingApprovalRequested() | events.BookingApproved():
            return (Settle(booking_id),)
        case events.BookingRescheduled(items=items) | events.BookingCancellationReversed(items=items):
            return (Release(booking_id), *takes(booking_id, items))
        case (
            events.BookingCancelled()
            | events.BookingExpired()
            | events.BookingDeclined()
            | events.BookingHoldReleased()
        ):
            return (Release(booking_id),)
    return ()


def takes(booking_id: UUID, items: tuple[events.Item, ...], expires_at: datetime | None = None) -> tuple[Take, ...]:
    return tuple(
        Take(booking_id, item.item, item.resource_id, item.starts_at, item.ends_at, item.units, expires_at)
        for item in items
    )
