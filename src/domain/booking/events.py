"""What happens to a booking. Times of happening, actors and reasons stand on the envelope."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from domain.event import Event

CancelledBy = Literal["customer", "venue"]
Cancellable = Literal["pending_payment", "pending_approval", "confirmed"]
"""What a booking must be to be cancelled, and is again when that is reversed."""


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """One resource, for a period, in so many units. Its number within the booking never changes; a move keeps it."""

    item: int
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    local_start: str
    """What the wall showed at the start when it was booked, `2027-03-14T09:30`: kept for when a zone's rules change."""
    zone: str
    units: int = 1


class BookingHeld(Event, frozen=True):
    """The second shape: a booking has items. In the first it was one resource."""

    tag: ClassVar[str] = "booking.held.v2"
    reference: str
    location_id: UUID
    items: tuple[Item, ...]
    expires_at: datetime
    """Exclusive: at this instant the hold is dead."""
    party_size: int | None = None
    customer_id: UUID | None = None


class BookingHoldReleased(Event, frozen=True):
    """Its holder gave the hold back."""

    tag: ClassVar[str] = "booking.hold_released"


class BookingExpired(Event, frozen=True):
    tag: ClassVar[str] = "booking.expired"


class BookingApprovalRequested(Event, frozen=True):
    """The venue has to agree; meanwhile the booking occupies what it holds."""

    tag: ClassVar[str] = "booking.approval_requested"


class BookingApproved(Event, frozen=True):
    tag: ClassVar[str] = "booking.approved"


class BookingDeclined(Event, frozen=True):
    tag: ClassVar[str] = "booking.declined"


class BookingConfirmed(Event, frozen=True):
    tag: ClassVar[str] = "booking.confirmed"


class BookingAmended(Event, frozen=True):
    """Something other than time and place was changed; what is not known stays None."""

    tag: ClassVar[str] = "booking.amended"
    party_size: int | None = None


class BookingRescheduled(Event, frozen=True):
    """Other times or other resources, all items as they are from now on."""

    tag: ClassVar[str] = "booking.rescheduled"
    items: tuple[Item, ...]


class BookingCheckedIn(Event, frozen=True):
    tag: ClassVar[str] = "booking.checked_in"


class BookingCompleted(Event, frozen=True):
    tag: ClassVar[str] = "booking.completed"


class BookingCancelled(Event, frozen=True):
    tag: ClassVar[str] = "booking.cancelled"
    by: CancelledBy


class BookingCancellationReversed(Event, frozen=True):
    """The cancellation was a mistake: the items are taken again, and it is what it was before."""

    tag: ClassVar[str] = "booking.cancellation_reversed"
    items: tuple[Item, ...]
    to: Cancellable = "confirmed"


class BookingNoShowMarked(Event, frozen=True):
    tag: ClassVar[str] = "booking.no_show_marked"


class BookingNoShowReversed(Event, frozen=True):
    """They had come after all, or are still expected."""

    tag: ClassVar[str] = "booking.no_show_reversed"
    to: Literal["confirmed", "checked_in"]


BookingEvent = (
    BookingHeld
    | BookingHoldReleased
    | BookingExpired
    | BookingApprovalRequested
    | BookingApproved
    | BookingDeclined
    | BookingConfirmed
    | BookingAmended
    | BookingRescheduled
    | BookingCheckedIn
    | BookingCompleted
    | BookingCancelled
    | BookingCancellationReversed
    | BookingNoShowMarked
    | BookingNoShowReversed
)
