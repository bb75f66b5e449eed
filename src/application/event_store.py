"""The port to the event store: what the write side needs of it, and the words in which it refuses."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

from application.recorded import Envelope, RecordedEvent
from domain.availability.setup import Use
from domain.event import Event


class NewEvent(Struct, frozen=True):
    """A fact on its way into the log."""

    stream: UUID
    version: int
    fact: Event


class Loaded(Struct, frozen=True):
    """Streams as they stood together, and the database's clock at that moment."""

    now: datetime
    streams: Mapping[UUID, Sequence[RecordedEvent]]
    """Every stream asked for; empty where there is none."""


class Append(Struct, frozen=True):
    """One command's whole effect: it happens in one transaction or not at all."""

    tenant: UUID
    envelope: Envelope
    fingerprint: bytes
    """SHA-256 of the command's name and body: the same key with another body is another command."""
    result: bytes
    """What to answer again when the same command comes again: small JSON."""
    events: Sequence[NewEvent]
    read: Mapping[UUID, int]
    """Streams that were only read, with the version the decision saw (0: none was there)."""
    also: Sequence[str] = ()
    """Names of what else is counted and must be taken in turn (a booking reference, a quota): locked exclusively."""
    decided_at: datetime | None = None
    """The clock of the decision where it is not the database's (an import of history): expiry is judged by it."""
    keep: bool = False
    """Keep the command's row for ever (an import's), not for 30 days."""
    tallies: Mapping[UUID, int] = {}
    """People whose bookings were counted for the decision, each with the mark that was seen."""


class Carried(Struct, frozen=True):
    """A command that is in the log: where, with which answer, and whether it had been there before."""

    position: int
    recorded_at: datetime
    result: bytes
    fingerprint: bytes
    replayed: bool = False


class CountedBooking(Struct, frozen=True):
    """A booking that counts against somebody's quotas, as it stands."""

    who: UUID
    booking_id: UUID
    offering_id: UUID | None
    location_id: UUID
    resources: tuple[UUID, ...]
    starts_at: datetime
    ends_at: datetime
    state: str
    """live, over, late_cancel or no_show."""
    expires_at: datetime | None = None
    """A hold's: from then on it counts no more, whether or not anybody has swept."""


class Tallied(Struct, frozen=True):
    """What counts for one person, and the mark that moves whenever it changes (0: nothing ever did)."""

    mark: int
    rows: Sequence[CountedBooking]


Cause = Literal["occupied", "capacity", "buffer", "held", "earmark", "pacing"]


class SlotTaken(Exception):
    """A claim was refused: the period is occupied, or too few units are left.

    `holds` are bookings whose holds stand in the way although they are past their expiry: expire them through the
    front door and decide again. `earmarks` are tickets of a waitlist of which the same is true.
    """

    def __init__(
        self,
        resource_id: UUID | None,
        until: datetime | None,
        free: int | None,
        holds: Sequence[UUID],
        cause: Cause = "occupied",
        peak: int | None = None,
        earmarks: Sequence[UUID] = (),
    ) -> None:
        super().__init__("slot taken")
        self.resource_id, self.until, self.free, self.holds = resource_id, until, free, holds
        self.cause, self.peak, self.earmarks = cause, peak, earmarks

    @property
    def held(self) -> bool:
        """A living hold is in the way: the answer may yet change."""
        return self.cause == "held"


class CapacityInUse(Exception):
    """A resource cannot be made so small: more of it is in use."""

    def __init__(self, resource_id: UUID, in_use: int) -> None:
        super().__init__("capacity in use")
        self.resource_id, self.in_use = resource_id, in_use


class Moved(Exception):
    """What the decision read, or the stream it wrote, has changed since: decide again."""


class InFlight(Exception):
    """The same command is being carried out at this moment."""


class Unavailable(Exception):
    """The database did not answer in time, or is not there. Nothing is known to have happened."""

    def __init__(self, message: str = "The database did not answer in time.", unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown
        """True where the command may have been carried out all the same: its id tells."""


class UnreadableHistory(Exception):
    """A stream holds an event that this version cannot read: nothing can be decided on it."""


class EventStore(Protocol):
    """The log. Every call names its tenant; every wait has a deadline (`Unavailable`)."""

    def load(self, tenant: UUID, streams: Sequence[UUID]) -> Loaded:
        """Several streams in one query, with the database's clock."""

    def occupancy(self, tenant: UUID, resources: Sequence[UUID], since: datetime, until: datetime) -> Sequence[Use]:
        """What stands on these resources within a period, dead holds included: by resource and start.

        Shared buffers that reach into the period are there too; of what is wanted the caller adds its own buffers.
        """

    def tallies(self, tenant: UUID, people: Sequence[UUID], since: datetime | None = None) -> Mapping[UUID, Tallied]:
        """What counts against the quotas of each; with `since`, of bookings that end after it alone."""

    def append(self, what: Append) -> Carried:
        """Record, or say why not: `SlotTaken`, `CapacityInUse`, `Moved`, `InFlight`, `Unavailable`.

        A command that is already in the log is answered with what was recorded then (`replayed`).
        """

    def outcome(self, tenant: UUID, command_id: UUID) -> Carried | None:
        """What became of a command: None only when it is certain that it is not in the log now."""

    def locked(self, tenant: UUID, keys: Sequence[str]) -> AbstractContextManager["EventStore"]:
        """The locked way: one transaction that holds these keys (stream and resource ids, names) from its first act.

        Loads inside see what was committed before the locks were had; `append` is its last act and its commit.
        """
