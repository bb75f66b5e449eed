"""What follows from what happens to series: one without an end goes on before it runs out."""

from collections.abc import Sequence
from datetime import datetime

from application.booking.series_extent import ExtendSeries
from application.reaction import Do, Look, Reaction
from application.recorded import RecordedEvent
from domain import localtime
from domain.booking.series import BookingSeries
from domain.booking.series_events import SeriesExtended, SeriesExtensionRefused
from domain.recurrence.series import MOST, months_later

AHEAD = 12
"""Months for which a series without an end is booked at least, where 400 occurrences reach as far."""


def on_extended(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """The next stretch is booked before this one runs out; where it could not be, it is tried again. A series that has
    ended meanwhile is extended no more."""
    match recorded.fact:
        case SeriesExtended(through=through):
            series = look.read(BookingSeries, recorded.stream)
            if series.open_ended and series.through == through:
                return [Do(ExtendSeries(series.id), series.id, "extend", due(series, through))]
        case SeriesExtensionRefused(again_at=again_at) as refused:
            series = look.read(BookingSeries, recorded.stream)
            if series.stopped == refused:
                return [Do(ExtendSeries(series.id), series.id, "extend", again_at)]
    return []


def due(series: BookingSeries, through: datetime) -> datetime:
    """When a year is left; where 400 do not reach as far, when half of them are."""
    a_year_left = months_later(through, -AHEAD)
    ahead = series.since()[-MOST:]
    half = ahead[len(ahead) // 2] if len(ahead) == MOST and ahead[0] > a_year_left else a_year_left
    return localtime.by_rule(half, series.zone)


REACTIONS: tuple[Reaction, ...] = (on_extended,)
