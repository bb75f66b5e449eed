"""What can be asked about offerings and sessions; `projections/offering/timetable.py` answers."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from application.message import Query
from domain.availability.setup import Setup


class TheSetup(Query, frozen=True):
    """Everything that availability is decided on but the occupancy: an offering with all its candidates, or, where no
    offering is named, these resources at the location of the first."""

    offering_id: UUID | None = None
    resource_ids: tuple[UUID, ...] = ()
    """Looked at only where there is no offering."""
    since: datetime | None = None
    """Exceptions, closures and overrides only from here on (those of a day or two before may come along)..."""
    until: datetime | None = None
    """...and up to here."""


class Configured(Struct, frozen=True):
    """A setup, and the versions of everything in it."""

    setup: Setup
    """Where no offering was asked for, its terms need nothing."""
    versions: dict[UUID, int]
    """Of the streams of the location, the offering, its pools and every resource."""
    offering_id: UUID | None = None
    name: str = ""
    retired: bool = False
    """The offering is sold no more."""


class TheOffering(Query, frozen=True):
    """One offering, by id."""

    offering_id: UUID


class Offerings(Query, frozen=True):
    """What is sold, by name."""

    location_id: UUID | None = None
    after: tuple[str, UUID] | None = None
    """Name and id of the last row of the page before."""
    limit: int = 50


class TheSession(Query, frozen=True):
    """One session, by id."""

    session_id: UUID


class Sessions(Query, frozen=True):
    """Sessions by their start."""

    offering_id: UUID | None = None
    location_id: UUID | None = None
    since: datetime | None = None
    """Those that start no earlier..."""
    until: datetime | None = None
    """...and before this."""
    after: tuple[datetime, UUID] | None = None
    """Start and id of the last row of the page before."""
    limit: int = 50
