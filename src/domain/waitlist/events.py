"""What happens on a waitlist, and to what is set aside for those on it.

Two streams: the waitlist of a location, which knows who comes before whom, and the ticket of each entry, which says
where it waits and holds what is earmarked for it. An offer is a held booking, in the booking's own stream.
"""

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from domain.event import Event

Mode = Literal["sequential", "broadcast", "auto_book"]


class Settings(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How those who wait are served, at a location or for one offering. Minutes are elapsed time."""

    mode: Mode = "sequential"
    """One after the other, each offer a hold; or all who fit at once, without holds, and the first wins; or booked at
    once for those whose card is on file, and offered to the others."""
    max_skips: int = 2
    """So often somebody may be passed over; then what is free is set aside for them."""
    offer_minutes: int = 15
    expired_goes_to_end: bool = False
    """Who lets an offer expire goes to the end of the list; else they leave it."""
    earmark_until: int | None = None
    """Minutes before the start at which nothing is set aside any more; None, or less than the notice: the cutoff."""
    min_notice: int | None = None
    """Minutes before the start after which nothing is offered: the cutoff; None: the offering's own notice."""


class Window(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Any time that starts on these local dates (both included), so many minutes after midnight on the wall."""

    first: date
    last: date
    opens: int = 0
    closes: int = 1440
    """Exclusive."""
    minutes: int | None = None
    """How long; None: the offering's usual duration."""
    resources: tuple[UUID, ...] = ()
    """Only these will do; empty: all that the offering can have."""


class Piece(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Units of one resource (a session's seats are units of the session) for a period of instants."""

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    units: int = 1
    before: int = 0
    """Minutes."""
    after: int = 0
    shared: bool = False
    role: str = ""


class WaitlistOpened(Event, frozen=True):
    tag: ClassVar[str] = "waitlist.opened"
    location_id: UUID


class WaitlistSettingsSet(Event, frozen=True):
    tag: ClassVar[str] = "waitlist.settings_set"
    settings: Settings
    offering_id: UUID | None = None
    """None: for all that have none of their own."""


class WaitlistJoined(Event, frozen=True):
    tag: ClassVar[str] = "waitlist.joined"
    entry_id: UUID
    offering_id: UUID
    party: int
    priority: int
    """The class, 0 first. Within one class who joined earlier comes first."""
    joined_at: datetime
    sequence: int
    """Decides between those who joined in the same instant."""
    until: datetime
    """When waiting is over: what was waited for begins, or its notice has."""
    customer_id: UUID | None = None
    session_id: UUID | None = None
    window: Window | None = None
    card_on_file: bool = False


class WaitlistLeft(Event, frozen=True):
    tag: ClassVar[str] = "waitlist.left"
    entry_id: UUID


class WaitlistLapsed(Event, frozen=True):
    """What it waited for has begun, or does not take place."""

    tag: ClassVar[str] = "waitlist.lapsed"
    entry_id: UUID


class WaitlistSkipped(Event, frozen=True):
    """It was passed over: what was free was too little for it, and somebody who came later got it."""

    tag: ClassVar[str] = "waitlist.skipped"
    entry_id: UUID
    in_favour_of: UUID | None = None
    """The entry that was offered it; None: somebody who did not wait booked it."""
    booking_id: UUID | None = None
    """That booking."""


class WaitlistBarred(Event, frozen=True):
    """It would have fitted, but its person may not have it now: they have had enough, or something else then. That
    they could change themselves, so that it is counted as no skip, and nothing is set aside for them."""

    tag: ClassVar[str] = "waitlist.barred"
    entry_id: UUID
    reasons: tuple[str, ...]
    """Codes, as availability tells them: QUOTA, CUSTOMER_CONFLICT."""
    rules: tuple[str, ...] = ()
    """The names of the quotas."""
    in_favour_of: UUID | None = None
    """The entry, later in the order, that was offered it; None: nobody was, as far as the waitlist knows."""


class WaitlistOfferMade(Event, frozen=True):
    """The entry's turn has come. The offer is a hold in the booking of that id; None: the first who takes it has it."""

    tag: ClassVar[str] = "waitlist.offer_made"
    entry_id: UUID
    pieces: tuple[Piece, ...]
    expires_at: datetime
    """Exclusive."""
    booking_id: UUID | None = None


class WaitlistOfferAccepted(Event, frozen=True):
    """They have what they waited for. Who cancels it later is not put back."""

    tag: ClassVar[str] = "waitlist.offer_accepted"
    entry_id: UUID
    booking_id: UUID


class WaitlistOfferDeclined(Event, frozen=True):
    """They do not want it, and leave the list."""

    tag: ClassVar[str] = "waitlist.offer_declined"
    entry_id: UUID


class WaitlistOfferExpired(Event, frozen=True):
    tag: ClassVar[str] = "waitlist.offer_expired"
    entry_id: UUID
    then: Literal["left", "to_end", "stays"] = "left"
    """`stays`: it was offered to several at once, and whoever was not the first goes on waiting."""
    joined_at: datetime | None = None
    """To the end: as if it had joined now, under a new number."""
    sequence: int | None = None


class WaitlistEarmarked(Event, frozen=True):
    """It has been passed over often enough: this is kept for it until there is enough. All that is kept by now."""

    tag: ClassVar[str] = "waitlist.earmarked"
    entry_id: UUID
    pieces: tuple[Piece, ...]
    ends_at: datetime
    """When it is set free, exclusive."""


class WaitlistEarmarkReleased(Event, frozen=True):
    tag: ClassVar[str] = "waitlist.earmark_released"
    entry_id: UUID
    cause: Literal["offered", "deadline", "left", "barred"]
    pieces: tuple[Piece, ...] = ()
    """What had been kept, and is free."""


class TicketIssued(Event, frozen=True):
    """Somebody waits, and where."""

    tag: ClassVar[str] = "ticket.issued"
    location_id: UUID
    customer_id: UUID | None = None


class EarmarkPlaced(Event, frozen=True):
    """These are kept for the ticket, and nobody else can book them."""

    tag: ClassVar[str] = "earmark.placed"
    pieces: tuple[Piece, ...]
    ends_at: datetime


class EarmarkToppedUp(Event, frozen=True):
    """More is kept: all of it as it is now."""

    tag: ClassVar[str] = "earmark.topped_up"
    pieces: tuple[Piece, ...]
    ends_at: datetime


class EarmarkReleased(Event, frozen=True):
    tag: ClassVar[str] = "earmark.released"


WaitlistEvent = (
    WaitlistOpened
    | WaitlistSettingsSet
    | WaitlistJoined
    | WaitlistLeft
    | WaitlistLapsed
    | WaitlistSkipped
    | WaitlistBarred
    | WaitlistOfferMade
    | WaitlistOfferAccepted
    | WaitlistOfferDeclined
    | WaitlistOfferExpired
    | WaitlistEarmarked
    | WaitlistEarmarkReleased
)
TicketEvent = TicketIssued | EarmarkPlaced | EarmarkToppedUp | EarmarkReleased
