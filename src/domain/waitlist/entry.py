"""Somebody who waits."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from domain.waitlist.events import Piece, Window


class Offer(Struct, frozen=True):
    """What is on offer to somebody, and until when."""

    pieces: tuple[Piece, ...]
    expires_at: datetime
    booking_id: UUID | None
    """The booking that holds it; None: it was offered to several at once, and the first has it."""


class Bar(Struct, frozen=True):
    """Why somebody may not have what would fit them."""

    reasons: tuple[str, ...]
    """Codes, as availability tells them."""
    rules: tuple[str, ...] = ()
    """The names of the quotas that are in the way."""


class Entry(Struct, frozen=True):
    """Who waits, for what, in which order, how often passed over, and what is kept for them."""

    id: UUID
    offering_id: UUID
    party: int
    priority: int
    joined_at: datetime
    sequence: int
    until: datetime
    customer_id: UUID | None = None
    session_id: UUID | None = None
    window: Window | None = None
    card_on_file: bool = False
    skips: int = 0
    offers: int = 0
    """How many were made to it."""
    offer: Offer | None = None
    kept: tuple[Piece, ...] = ()
    kept_until: datetime | None = None
    barred: Bar | None = None
    """Why it was not offered what would have fitted, when it was asked last; None: that was not so."""

    @property
    def order(self) -> tuple[int, datetime, int]:
        """Who comes first: the class, then who joined first, then the number."""
        return self.priority, self.joined_at, self.sequence
