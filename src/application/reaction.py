"""What follows from facts: the only arrow that climbs. A fact in, commands out, through the front door.

A reaction is a pure function but for what it looks up in streams. It may run twice for one fact, on two machines: the
command it asks for is named by `(entity, step, due_at)`, and a name is carried out once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from application.message import Command
from application.recorded import RecordedEvent
from domain.aggregate import Aggregate

A = TypeVar("A", bound=Aggregate)


class Do(Struct, frozen=True):
    """A command that follows, now or when it is due."""

    command: Command
    entity: UUID
    """What it is about: a booking, a waitlist's entry, a session."""
    step: str
    """Which step in its life: expire, no_show, complete, offer_expiry ..."""
    due_at: datetime | None = None
    """None: at once. Then it is the fact that names the step, and another fact asks for it anew."""


class Look(Protocol):
    """Reads aggregates as they stand now."""

    def read(self, kind: type[A], stream: UUID) -> A:
        """The aggregate, or its `unknown`."""

    def before(self, kind: type[A], recorded: RecordedEvent) -> A:
        """The aggregate of a fact as it stood just before it: what the fact did away with is known from there."""

    def began(self, recorded: RecordedEvent) -> datetime:
        """When the first fact of this fact's stream occurred."""

    def rivals(self, booking_id: UUID) -> Sequence[UUID]:
        """Bookings that wait for approval of what this one has: as the calendar knew it soon after the fact. Whoever
        acts on it is asked again by the booking itself."""


Reaction = Callable[[RecordedEvent, Look], Sequence[Do]]
