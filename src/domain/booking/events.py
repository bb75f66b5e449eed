"""What happens to a booking. Times of happening, actors and reasons stand on the envelope."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from domain.event import Event

CancelledBy = Literal["customer", "venue"]
Cancellable = Literal["pending_payment", "pending_approval", "confirmed"]
"""What a booking must be to be cancelled, and is again when that is reversed."""
SEAT = "seat"
"""The role of an item that is a seat of a session, whose id stands in the place of the resource's."""


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
    before: int = 0
    """Minutes of preparation that it occupies as well; a booking keeps the buffers it was made with."""
    after: int = 0
    shared: bool = False
    """Its buffers may lie over its neighbours' buffers, not over the neighbours themselves."""
    role: str = ""
    """Which need of the offering it fills; empty: it was booked as the resource that it is."""
    overbooked: bool = False
    """Taken past the guards, on the authority of a `BookingOverbookingAuthorised` that follows at once."""


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
    offering_id: UUID | None = None
    offering_version: int | None = None
    """Under which terms it was booked: the offering's stream at this version."""
    series_id: UUID | None = None
    recurrence_id: str | None = None
    """Which occurrence of the series: the local start that the series gave it."""
    waitlist_id: UUID | None = None
    entry_id: UUID | None = None
    """It is the offer made to this entry of a waitlist."""
    latest_expiry: datetime | None = None
    """Nothing carries the hold past this instant; None: nothing carries it past `expires_at`."""
    token: str | None = None
    """Of a stranger's: the SHA-256 of the secret without which nobody but the staff may do anything with it."""


class StrangerHeld(Event, frozen=True):
    """One more hold of somebody without an account. The stream stands for where they call from, on this day."""

    tag: ClassVar[str] = "stranger.held"
    booking_id: UUID
    expires_at: datetime
    """Until when it counts for the address, whatever becomes of it."""


class BookingHoldExtended(Event, frozen=True):
    tag: ClassVar[str] = "booking.hold_extended"
    expires_at: datetime


class BookingPaymentStarted(Event, frozen=True):
    """The customer is at the till. The hold lives until then, which is never sooner than before."""

    tag: ClassVar[str] = "booking.payment_started"
    expires_at: datetime


class BookingHoldReacquired(Event, frozen=True):
    """The money came after the hold had died, and what it held was still free: it is taken again, for good."""

    tag: ClassVar[str] = "booking.hold_reacquired"
    items: tuple[Item, ...]


class BookingPaymentCameTooLate(Event, frozen=True):
    """Money came for what could no longer be had: all of it is owed back. Once for each payment."""

    tag: ClassVar[str] = "booking.payment_came_too_late"
    payment_id: UUID


class BookingOverbookingAuthorised(Event, frozen=True):
    """These items are taken although there is no room for them, because somebody with the authority says so."""

    tag: ClassVar[str] = "booking.overbooking_authorised"
    items: tuple[int, ...]
    by: str
    """Who: the id of the actor who answers for it."""
    why: str
    """A short code."""


class BookingHoldReleased(Event, frozen=True):
    """Its holder gave the hold back."""

    tag: ClassVar[str] = "booking.hold_released"


class BookingExpired(Event, frozen=True):
    tag: ClassVar[str] = "booking.expired"


class BookingApprovalRequested(Event, frozen=True):
    """The venue has to agree; meanwhile the booking occupies what it holds, unless `blocks` says otherwise."""

    tag: ClassVar[str] = "booking.approval_requested"
    deadline: datetime | None = None
    """When it is decided by itself."""
    on_timeout: Literal["decline", "approve"] = "decline"
    blocks: bool = True


class ApprovalQueueJoined(Event, frozen=True):
    """One more request waits for the venue to agree to what this offering sells, where only so many may at once."""

    tag: ClassVar[str] = "approval_queue.joined"
    offering_id: UUID
    location_id: UUID
    booking_id: UUID
    before: tuple[UUID, ...] = ()
    """Those that waited still when it came."""


class BookingApproved(Event, frozen=True):
    tag: ClassVar[str] = "booking.approved"
    items: tuple[Item, ...] | None = None
    """What it takes now, where the request had not occupied it."""
    by_timeout: bool = False


class BookingDeclined(Event, frozen=True):
    tag: ClassVar[str] = "booking.declined"
    cause: Literal["venue", "timeout", "competing"] = "venue"


class BookingConfirmed(Event, frozen=True):
    tag: ClassVar[str] = "booking.confirmed"
    payment_id: UUID | None = None
    """The payment that made it firm."""


class BookingAmended(Event, frozen=True):
    """Something other than time and place was changed; what is not known stays None."""

    tag: ClassVar[str] = "booking.amended"
    party_size: int | None = None


class BookingRescheduled(Event, frozen=True):
    """Other times or other resources, all items as they are from now on."""

    tag: ClassVar[str] = "booking.rescheduled"
    items: tuple[Item, ...]
    late: bool = False
    """When it was moved, it could no longer be cancelled in time: nor can it be now, however far away it has gone."""


class BookingReanchored(Event, frozen=True):
    """A zone's rules have changed, and with them the instant of its local time, at which it is kept: all items as they
    are from now on."""

    tag: ClassVar[str] = "booking.reanchored"
    items: tuple[Item, ...]
    rules: str
    """The edition of the rules that gave them these instants."""
    expires_at: datetime | None = None
    """It is still a hold, and this its expiry: a moment, which no zone moves."""
    occupies: bool = True
    """A request that does not block has no claims that could move."""


class BookingCheckedIn(Event, frozen=True):
    tag: ClassVar[str] = "booking.checked_in"


class BookingReassigned(Event, frozen=True):
    """Other units of the same pools at the same time: the guest was promised a size, not a table."""

    tag: ClassVar[str] = "booking.reassigned"
    items: tuple[Item, ...]


class BookingPinned(Event, frozen=True):
    """From now on it keeps the units it has."""

    tag: ClassVar[str] = "booking.pinned"


class BookingCheckedOut(Event, frozen=True):
    """They left before the end, and the rest of the time is free again: the items as they were used."""

    tag: ClassVar[str] = "booking.checked_out"
    items: tuple[Item, ...]
    unused: tuple[int, ...] = ()
    """Items that had not begun: they are no longer part of it."""
    before_start: bool = False
    """Nothing of it had begun: it is shown as a moment, and occupies nothing."""


class BookingCompleted(Event, frozen=True):
    tag: ClassVar[str] = "booking.completed"


class BookingCancelled(Event, frozen=True):
    tag: ClassVar[str] = "booking.cancelled"
    by: CancelledBy
    late: bool = False
    """Inside the penalty tier, so that quotas still count it."""


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


class BookingLinksRevoked(Event, frozen=True):
    """Whoever has a link to it from before can do nothing with it any more."""

    tag: ClassVar[str] = "booking.links_revoked"


BookingEvent = (
    BookingHeld
    | BookingHoldExtended
    | BookingPaymentStarted
    | BookingHoldReacquired
    | BookingPaymentCameTooLate
    | BookingOverbookingAuthorised
    | BookingHoldReleased
    | BookingExpired
    | BookingApprovalRequested
    | BookingApproved
    | BookingDeclined
    | BookingConfirmed
    | BookingAmended
    | BookingRescheduled
    | BookingReassigned
    | BookingReanchored
    | BookingPinned
    | BookingCheckedIn
    | BookingCheckedOut
    | BookingCompleted
    | BookingCancelled
    | BookingCancellationReversed
    | BookingNoShowMarked
    | BookingNoShowReversed
    | BookingLinksRevoked
)
