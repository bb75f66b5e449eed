"""The history of a booking: one row for each thing that happened to it, never changed again."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, get_args

from sqlalchemy import Table

from application.booking.queries import HistoryOfBooking
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.booking.errors import UnknownBooking
from domain.booking.events import BookingEvent, BookingHeld
from projections.booking.happening import Telling, table_of
from projections.mine import BESIDE
from projections.view import Answer, Asked, Change, View

HISTORY = table_of("history", "booking_id")
KINDS = frozenset(get_args(BookingEvent))
TELLING = Telling(HISTORY, UnknownBooking)


class History(View):
    name: ClassVar[str] = "history"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (HISTORY,)

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        fact = recorded.fact
        if type(fact) not in KINDS:
            return ()
        return (TELLING.row(recorded, fact.customer_id if isinstance(fact, BookingHeld) else None),)

    def answers(self) -> Mapping[type[Query], Answer]:
        return {HistoryOfBooking: self.history_of_booking}

    def history_of_booking(self, query: HistoryOfBooking, occasion: Occasion, scope: Scope) -> Asked:
        return TELLING.asked(query.booking_id, query.after, query.limit, occasion, scope)
