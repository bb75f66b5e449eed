"""What can be asked about resources; `projections/resource/catalogue.py` answers, and about pools and calendars
`projections/offering/timetable.py`."""

from datetime import date
from typing import Literal
from uuid import UUID

from application.message import Query
from domain.booking.booking import Status


class TheResource(Query, frozen=True):
    """One resource, by id."""

    resource_id: UUID


class Catalogue(Query, frozen=True):
    """What there is to book, by name."""

    location_id: UUID | None = None
    after: tuple[str, UUID] | None = None
    """Name and id of the last row of the page before."""
    limit: int = 50


class OccupancyPerDay(Query, frozen=True):
    """Units in use on each local date from `first` to `last`, both included."""

    first: date
    last: date
    location_id: UUID | None = None
    resource_id: UUID | None = None
    statuses: tuple[Status, ...] = (
        "held",
        "pending_payment",
        "pending_approval",
        "confirmed",
        "checked_in",
        "completed",
    )
    by: Literal["occupied", "reserved"] = "occupied"
    """Under the resource that it occupies, or the one that it was first booked on."""


class CalendarOfResource(Query, frozen=True):
    """Its exceptions, closures and overrides of capacity from `first` to `last`, both included."""

    resource_id: UUID
    first: date
    last: date


class ThePool(Query, frozen=True):
    """One pool, by id."""

    pool_id: UUID


class Pools(Query, frozen=True):
    """Pools by name."""

    location_id: UUID | None = None
    after: tuple[str, UUID] | None = None
    limit: int = 50
