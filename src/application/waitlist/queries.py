"""What can be asked about waitlists; `projections/waitlist/queue.py` answers."""

from uuid import UUID

from application.message import Query

MOST_ENTRIES = 500


class WhoWaits(Query, frozen=True):
    """Those who wait, in the order in which they are asked."""

    location_id: UUID | None = None
    offering_id: UUID | None = None
    session_id: UUID | None = None
    limit: int = 100


class TheEntry(Query, frozen=True):
    """One entry: its place, by what it has that place, and everything that happened to it."""

    entry_id: UUID
