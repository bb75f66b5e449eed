"""What somebody sees of an answer whose role is limited to some locations or resources."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from application.audit.queries import AuditTrail
from application.availability.proof import ProveOverlaps
from application.booking import queries as booking
from application.booking import series_queries as series
from application.message import Query
from application.privacy import queries as rights
from application.quota import queries as quota
from application.reach import places_of, within
from application.waitlist import queries as waitlist

Instead = Callable[[Any], Query]

ROWS: frozenset[type[Query]] = frozenset({booking.WhoIsBooked, booking.Competitors, waitlist.WhoWaits})
"""Of these pages only the rows within are shown; a page may be shorter than asked for, and still not be the last."""
ONE: frozenset[type[Query]] = frozenset({booking.TheBooking, series.TheSeries, waitlist.TheEntry})
"""These are shown or not."""
AS: Mapping[type[Query], Instead] = {
    booking.HistoryOfBooking: lambda query: booking.TheBooking(query.booking_id),
    series.OccurrencesOfSeries: lambda query: series.TheSeries(query.series_id),
}
"""These are shown to whom that is shown."""
WHOLE: frozenset[type[Query]] = frozenset({
    booking.HowManyBookings, quota.QuotasOf, quota.WhatCounts, quota.TheParty, quota.Parties, AuditTrail, ProveOverlaps,
    rights.TheErasure, rights.Erasures, rights.HoldsOn, rights.DataExport,
})  # fmt: skip
"""These speak of the whole organization, and are for those who have it."""


def shown(query: Query, answer: Any, places: Sequence[UUID]) -> Any:
    """What somebody of limited reach sees of an answer."""
    if not places:
        return answer
    if type(query) in ONE:
        return within(answer, places)
    if type(query) in ROWS:
        return _rows(answer, places)
    return answer


def _rows(answer: Any, places: Sequence[UUID]) -> Any:
    listed = isinstance(answer, list)
    seen = [row for row in (answer if listed else answer.rows) if not places_of(row).isdisjoint(places)]
    return seen if listed else replace(answer, rows=seen)
