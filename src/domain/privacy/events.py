"""What happens to what is known about a person. Ids, codes and counts: they outlive whom they are about."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from domain.event import Event


class ErasureRequested(Event, frozen=True):
    """From here on there is no way back: nothing can be held against it any more."""

    tag: ClassVar[str] = "subject.erasure_requested"
    subject: UUID
    request_id: UUID
    basis: str
    """Why it is owed: one of `BASES`."""


class ErasureRefused(Event, frozen=True):
    """They asked, and were told why not."""

    tag: ClassVar[str] = "subject.erasure_refused"
    subject: UUID
    request_id: UUID
    basis: str
    holds: tuple[UUID, ...]
    """What stands against it."""


class SubjectErased(Event, frozen=True):
    """Their keys are destroyed, and with them everything that was sealed under these."""

    tag: ClassVar[str] = "subject.erased"
    subject: UUID
    request_id: UUID
    basis: str
    keys: int
    """Keys that were destroyed."""
    rows: int
    """Rows by which they could be found, and answers to commands, that were destroyed."""


class ErasureCertified(Event, frozen=True):
    """Somebody tried to read what is left of them."""

    tag: ClassVar[str] = "subject.erasure_certified"
    subject: UUID
    request_id: UUID
    tried: int
    """Sealed values that the log holds of them; none opens."""
    opened: int = 0
    """Of these, how many could be read all the same: the certificate says that it failed."""
    found: int = 0
    """Rows of theirs that were still there."""


class HoldPlaced(Event, frozen=True):
    """What is known about them must be kept, whoever asks."""

    tag: ClassVar[str] = "hold.placed"
    subject: UUID
    hold_id: UUID
    why: str
    """A short code."""
    until: datetime | None = None
    """It stands until then at least."""


class HoldLifted(Event, frozen=True):
    tag: ClassVar[str] = "hold.lifted"
    subject: UUID
    hold_id: UUID


class RetentionSet(Event, frozen=True):
    """How long an organization keeps people."""

    tag: ClassVar[str] = "retention.set"
    without_bookings_days: int | None = None
    """Customers who have had no booking for so long are erased; None: nobody is."""
    hold_days: int = 0
    """A legal hold stands for so long at least."""


SubjectEvent = ErasureRequested | ErasureRefused | SubjectErased | ErasureCertified | HoldPlaced | HoldLifted
