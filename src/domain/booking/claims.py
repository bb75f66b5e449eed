"""What an event of a booking occupies or sets free, and how it counts. Total: every event of the log has an answer."""

from datetime import datetime
from uuid import UUID

from domain.booking import events
from domain.claim import Claim, Extend, Release, Retally, Retime, Settle, Take, Tally
from domain.event import Event


def claims(event: Event, booking_id: UUID) -> tuple[Claim, ...]:
    """The claims of one event, in the order in which they take effect.

    Held, pending, confirmed and checked-in bookings occupy; completed and no-show ones keep their period, so that what
    was used stays shown as used; cancelled, expired, declined and released ones set it free. What counts against the
    customer's quotas follows the same events.
    """
    match event:
        case events.BookingHeld(items=items, expires_at=expires_at):
            return (*takes(booking_id, items, expires_at), *tallied(event, booking_id))
        case events.BookingHoldExtended(expires_at) | events.BookingPaymentStarted(expires_at):
            return (Extend(booking_id, expires_at),)
        case events.BookingConfirmed() | events.BookingApproved(items=None):
            return (Settle(booking_id),)
        case events.BookingApprovalRequested(blocks=blocks):
            return (Settle(booking_id) if blocks else Release(booking_id),)
        case events.BookingHoldReacquired(items=items):
            return (*taken_again(booking_id, items, lapsed=True), Retally(booking_id, "live"))
        case events.BookingCancellationReversed(items=items):
            return (*taken_again(booking_id, items), Retally(booking_id, "live"))
        case (
            events.BookingRescheduled(items=items)
            | events.BookingReassigned(items=items)
            | events.BookingApproved(items=tuple(items))
        ):
            return taken_again(booking_id, items)
        case events.BookingReanchored(items=items, expires_at=expires_at, occupies=True):
            return taken_again(booking_id, items, expires_at=expires_at)
        case events.BookingReanchored(items=items):
            return (Retime(booking_id, *span(items)),) if items else ()
        case events.BookingCheckedOut(items=items, before_start=True):
            return (Release(booking_id), Retime(booking_id, *span(items)), Retally(booking_id, "over"))
        case events.BookingCheckedOut(items=items):
            return (*taken_again(booking_id, items), Retally(booking_id, "over"))
        case events.BookingCompleted():
            return (Retally(booking_id, "over"),)
        case events.BookingNoShowMarked():
            return (Retally(booking_id, "no_show"),)
        case events.BookingNoShowReversed():
            return (Retally(booking_id, "live"),)
        case events.BookingCancelled(late=late):
            return (Release(booking_id), Retally(booking_id, "late_cancel" if late else "gone"))
        case events.BookingExpired() | events.BookingDeclined() | events.BookingHoldReleased():
            return (Release(booking_id), Retally(booking_id, "gone"))
    return ()


def takes(booking_id: UUID, items: tuple[events.Item, ...], expires_at: datetime | None = None) -> tuple[Take, ...]:
    return tuple(
        Take(booking_id, item.item, item.resource_id, item.starts_at, item.ends_at, item.units, expires_at,
             item.before, item.after, item.shared, item.overbooked)
        for item in items
    )  # fmt: skip


def taken_again(
    booking_id: UUID, items: tuple[events.Item, ...], lapsed: bool = False, expires_at: datetime | None = None
) -> tuple[Claim, ...]:
    """All items as they are from now on, in the place of those before."""
    return (
        Release(booking_id, lapsed),
        *takes(booking_id, items, expires_at),
        *([Retime(booking_id, *span(items))] if items else []),
    )


def tallied(held: events.BookingHeld, booking_id: UUID) -> tuple[Claim, ...]:
    if held.customer_id is None or not held.items:
        return ()
    return (Tally(held.customer_id, booking_id, held.offering_id, held.location_id, *span(held.items)),)


def span(items: tuple[events.Item, ...]) -> tuple[tuple[UUID, ...], datetime, datetime]:
    """The resources of a booking, and from the first item's start to the last one's end."""
    return (
        tuple(sorted({item.resource_id for item in items})),
        min(item.starts_at for item in items),
        max(item.ends_at for item in items),
    )
