"""What happens to an offering, and to the sessions of one."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from domain.event import Event
from domain.offering.terms import Terms


class OfferingDefined(Event, frozen=True):
    """A location sells something."""

    tag: ClassVar[str] = "offering.defined"
    location_id: UUID
    name: str
    terms: Terms


class OfferingRenamed(Event, frozen=True):
    tag: ClassVar[str] = "offering.renamed"
    name: str


class OfferingRevised(Event, frozen=True):
    """Other terms from now on. Bookings keep those under which they were made."""

    tag: ClassVar[str] = "offering.revised"
    terms: Terms


class OfferingRetired(Event, frozen=True):
    """It is sold no more; what was sold stands."""

    tag: ClassVar[str] = "offering.retired"


class SessionScheduled(Event, frozen=True):
    """A class, a tour, a training: one fixed occurrence with seats, each booked by itself.

    The session is itself what is booked: bookings claim units of the session's own id. What it occupies meanwhile
    (a room, a coach) it claims for all of them.
    """

    tag: ClassVar[str] = "session.scheduled"
    offering_id: UUID
    location_id: UUID
    starts_at: datetime
    ends_at: datetime
    local_start: str
    zone: str
    seats: int
    resources: tuple[UUID, ...] = ()
    """What it occupies, one unit each."""
    min_to_run: int = 0
    cutoff_at: datetime | None = None
    """When it is called off if fewer than `min_to_run` seats are booked."""


class SessionSeatsChanged(Event, frozen=True):
    tag: ClassVar[str] = "session.seats_changed"
    seats: int


class SessionReanchored(Event, frozen=True):
    """A zone's rules have changed, and with them the instant of its local time, at which it is kept: as it is from now
    on. Its booked seats go with it, in the same transaction."""

    tag: ClassVar[str] = "session.reanchored"
    starts_at: datetime
    ends_at: datetime
    cutoff_at: datetime | None
    resources: tuple[UUID, ...]
    """What it occupies there, as before."""
    rules: str
    """The edition of the rules that gave it these instants."""


class SessionRunConfirmed(Event, frozen=True):
    """Enough had booked at the cutoff, or somebody decided that it takes place all the same."""

    tag: ClassVar[str] = "session.run_confirmed"
    booked: int


class SessionCalledOff(Event, frozen=True):
    """It does not take place: too few had booked, or the venue says so."""

    tag: ClassVar[str] = "session.called_off"
    booked: int
    """Seats that were booked."""
    too_few: bool


OfferingEvent = OfferingDefined | OfferingRenamed | OfferingRevised | OfferingRetired
SessionEvent = SessionScheduled | SessionSeatsChanged | SessionReanchored | SessionRunConfirmed | SessionCalledOff
