"""What can be asked about an organization; `projections/organization/directory.py` answers, and about calendars
`projections/offering/timetable.py`."""

from datetime import date
from uuid import UUID

from application.message import Query


class TheOrganization(Query, frozen=True):
    """The organization of the asker, with its policy."""


class TheLocation(Query, frozen=True):
    """One location, by id."""

    location_id: UUID


class Locations(Query, frozen=True):
    """Locations by name."""

    after: tuple[str, UUID] | None = None
    limit: int = 50


class CalendarOfLocation(Query, frozen=True):
    """Its exceptions and closures from `first` to `last`, both included."""

    location_id: UUID
    first: date
    last: date
