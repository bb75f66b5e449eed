"""What follows from what happens to series: one without an end goes on before it runs out."""

from collections.abc import Sequence
from datetime import datetime

from application.booking.series_extent import ExtendSeries
from application.reaction import Do, Look, Reaction
from application.recorded import RecordedEvent
from domain import localtime
from domain.booking.series import BookingSeries
from domain.booking.series_events import SeriesExtended
from domain.recurrence.series import months_later

AHEAD = 12
"""Months for which a series without an end is booked at least."""


def on_extended(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """The next stretch is booked when only a year is left. A series that has ended meanwhile is extended no more."""
    match recorded.fact:
        case SeriesExtended(through=through):
            series = look.read(BookingSeries, recorded.stream)
            if series.open_ended and series.through == through:
                return [Do(ExtendSeries(series.id), series.id, "extend", due(through, series.zone))]
    return []


def due(through: datetime, zone: str) -> datetime:
    return localtime.by_rule(months_later(through, -AHEAD), zone)


REACTIONS: tuple[Reaction, ...] = (on_extended,)
