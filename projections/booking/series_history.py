"""The history of a series: one row for each thing that happened to it, never changed again."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, get_args

from sqlalchemy import Table

from application.booking.series_queries import HistoryOfSeries
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.booking.series_errors import UnknownSeries
from domain.booking.series_events import SeriesCreated, SeriesEvent
from projections.booking.happening import Telling, table_of
from projections.mine import BESIDE
from projections.view import Answer, Asked, Change, View

SERIES_HISTORY = table_of("series_history", "series_id")
KINDS = frozenset(get_args(SeriesEvent))
TELLING = Telling(SERIES_HISTORY, UnknownSeries)


class SeriesHistory(View):
    name: ClassVar[str] = "series_history"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (SERIES_HISTORY,)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        fact = recorded.fact
        if type(fact) not in KINDS:
            return ()
        return (TELLING.row(recorded, fact.customer_id if isinstance(fact, SeriesCreated) else None),)

    def answers(self) -> Mapping[type[Query], Answer]:
        return {HistoryOfSeries: self.history_of_series}

    def history_of_series(self, query: HistoryOfSeries, occasion: Occasion, scope: Scope) -> Asked:
        return TELLING.asked(query.series_id, query.after, query.limit, occasion, scope)
