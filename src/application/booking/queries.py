"""What can be asked about bookings; the views under `projections/booking` answer."""

from datetime import datetime
from uuid import UUID

from application.message import Query
from domain.booking.booking import Status

MOST_ROWS = 500


class TheBooking(Query, frozen=True):
    """One booking, by id."""

    booking_id: UUID


class WhoIsBooked(Query, frozen=True):
    """Bookings in the order of their start, those that overlap `[overlaps_from, overlaps_before)` where given."""

    location_id: UUID | None = None
    resource_id: UUID | None = None
    customer_id: UUID | None = None
    reference: str | None = None
    status: Status | None = None
    overlaps_from: datetime | None = None
    overlaps_before: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    """The start and id of the last row of the page before."""
    limit: int = 50


class Competitors(Query, frozen=True):
    """Who else waits for what this booking waits for: pending requests on one of its resources at one of its times."""

    booking_id: UUID
    limit: int = 50


class HistoryOfBooking(Query, frozen=True):
    """What happened to a booking, event by event."""

    booking_id: UUID
    after: int = 0
    """The version after which to go on."""
    limit: int = 100


class HowManyBookings(Query, frozen=True):
    """Counts per location and status."""

    location_id: UUID | None = None
