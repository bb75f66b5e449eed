"""What can be asked about series; `projections/booking/series.py` answers."""

from datetime import datetime
from uuid import UUID

from application.message import Query


class TheSeries(Query, frozen=True):
    """One series: its rule, its template, and what single occurrences have of their own."""

    series_id: UUID


class HistoryOfSeries(Query, frozen=True):
    """What happened to a series, in order; what happens to its occurrences stands in the bookings' own histories."""

    series_id: UUID
    after: int = 0
    """The version of the last row of the page before."""
    limit: int = 50


class OccurrencesOfSeries(Query, frozen=True):
    """The occurrences of a series in the order of their recurrence ids, with what became of each."""

    series_id: UUID
    after: datetime | None = None
    """The recurrence id of the last row of the page before."""
    limit: int = 50
