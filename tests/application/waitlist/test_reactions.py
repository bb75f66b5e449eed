"""What follows for those who wait, as pure functions of a fact and of what is looked up."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from logbook import recorded

from application.reaction import Do
from application.waitlist.commands import (
    CallOffWaiting,
    EndEarmark,
    ExpireOffer,
    JoinWaitlist,
    LapseEntry,
    PassOver,
    SettleOffer,
    WalkSession,
    WalkTimes,
)
from application.waitlist.reactions import FREED, MOVED, REACTIONS, WIDENED
from domain.booking import events as bookings
from domain.booking.booking import Booking
from domain.booking.series import BookingSeries
from domain.booking.series_events import OccurrenceWaitlisted, SeriesCreated, Template
from domain.event import Event
from domain.offering.events import SessionCalledOff, SessionScheduled, SessionSeatsChanged
from domain.offering.session import Session
from domain.resource.events import ResourceCapacityChanged, ResourceRegistered
from domain.resource.resource import Resource
from domain.waitlist.events import (
    Piece,
    WaitlistEarmarked,
    WaitlistEarmarkReleased,
    WaitlistJoined,
    WaitlistOfferExpired,
    WaitlistOfferMade,
    WaitlistOpened,
    Window,
)
from domain.waitlist.waitlist import Waitlist, waitlist_of

SEVEN = datetime(2099, 7, 2, 17, tzinfo=UTC)
EIGHT = SEVEN + timedelta(hours=1)
VENUE, YOGA, TENNIS = UUID(int=1), UUID(int=2), UUID(int=3)
CLASS, COURT, BOOKING, ANN, BEN = UUID(int=4), UUID(int=5), UUID(int=6), UUID(int=11), UUID(int=12)
SERIES = UUID(int=13)
LIST = waitlist_of(VENUE)
PIECE = Piece(CLASS, SEVEN, EIGHT)

opened = WaitlistOpened(VENUE)
for_class = WaitlistJoined(ANN, YOGA, 1, 5, SEVEN - timedelta(days=9), 1, SEVEN, session_id=CLASS)
for_court = WaitlistJoined(
    BEN, TENNIS, 1, 5, SEVEN - timedelta(days=9), 2, EIGHT, window=Window(SEVEN.date(), SEVEN.date())
)
walk_class = Do(WalkSession(CLASS), CLASS, "walk")
walk_court = Do(WalkTimes(TENNIS, SEVEN, EIGHT, (COURT,)), TENNIS, "walk")
walk_all = Do(WalkTimes(TENNIS), TENNIS, "walk")


class Known:
    """What there is to look up."""

    def __init__(self, *waiting: Event, entry: UUID | None = None, of: UUID = CLASS) -> None:
        item = bookings.Item(1, of, SEVEN, EIGHT, "2099-07-02T17:00", "UTC")
        held = bookings.BookingHeld("ABCD2345", VENUE, (item,), SEVEN, entry_id=entry)
        session = SessionScheduled(YOGA, VENUE, SEVEN, EIGHT, "2099-07-02T17:00", "UTC", 9)
        self.streams: dict[Any, list[Event]] = {
            (Booking, BOOKING): [held],
            (Session, CLASS): [session],
            (BookingSeries, SERIES): [
                SeriesCreated(VENUE, "America/New_York", datetime(2099, 7, 2, 13), Template(offering_id=TENNIS))
            ],
            (Resource, COURT): [ResourceRegistered(VENUE, "Court", "court", 1)],
        }
        if waiting:
            self.streams[Waitlist, LIST] = [opened, *waiting]

    def read(self, kind: Any, stream: UUID) -> Any:
        if (kind, stream) not in self.streams:
            raise kind.unknown
        return kind(id=stream).after(self.streams[kind, stream])

    def rivals(self, booking_id: UUID) -> tuple[UUID, ...]:
        return ()


def follows(fact: Event, stream: UUID, known: Known) -> list[Do]:
    return [do for reaction in REACTIONS for do in reaction(recorded(fact, stream, 2), known)]


GONE = {
    bookings.BookingCancelled: bookings.BookingCancelled("venue"),
    bookings.BookingDeclined: bookings.BookingDeclined(),
    bookings.BookingExpired: bookings.BookingExpired(),
    bookings.BookingHoldReleased: bookings.BookingHoldReleased(),
}


@pytest.mark.parametrize("fact", GONE.values())
def test_what_a_booking_sets_free_is_walked_for_by_those_who_wait_for_it(fact):
    assert set(GONE) == set(FREED)
    assert follows(fact, BOOKING, Known(for_class, for_court)) == [walk_class]
    assert follows(fact, BOOKING, Known(for_class, for_court, of=COURT)) == [walk_court]
    assert follows(fact, BOOKING, Known()) == []


def test_what_becomes_of_an_offer_becomes_of_the_entry():
    settle = Do(SettleOffer(ANN), ANN, "settle_offer")
    known = Known(for_class, entry=ANN)
    assert follows(bookings.BookingExpired(), BOOKING, known) == [settle, walk_class]
    assert follows(bookings.BookingConfirmed(), BOOKING, known) == [settle]


def test_whoever_books_without_waiting_may_pass_somebody_over():
    passed = Do(PassOver(BOOKING), BOOKING, "pass_over")
    for fact in (bookings.BookingConfirmed(), bookings.BookingApproved()):
        assert follows(fact, BOOKING, Known(for_class)) == [passed]
        assert follows(fact, BOOKING, Known(opened)) == []
        assert follows(fact, BOOKING, Known()) == []


def test_where_nobody_knows_what_came_free_everything_is_looked_at():
    item = bookings.Item(1, COURT, SEVEN, EIGHT, "2099-07-02T17:00", "UTC")
    more = {"booking.reanchored": {"rules": "tzdata 2027a"}}
    moved = [kind(items=(item,), **more.get(kind.tag, {})) for kind in MOVED]
    for fact in moved:
        assert follows(fact, BOOKING, Known(for_class, for_court)) == [walk_class, walk_all]
    assert ResourceCapacityChanged in WIDENED
    assert follows(ResourceCapacityChanged(2), COURT, Known(for_class, for_court)) == [walk_class, walk_all]
    assert follows(ResourceCapacityChanged(2), COURT, Known()) == []


def test_whoever_has_a_series_waits_for_the_times_that_it_could_not_have():
    at = datetime(2099, 7, 2, 13)  # a wall's
    taken = OccurrenceWaitlisted(at, ("OCCUPIED",), SEVEN.date(), SEVEN, EIGHT, TENNIS, (COURT,), 4, BEN)
    (join,) = follows(taken, SERIES, Known())
    command = join.command
    assert isinstance(command, JoinWaitlist)
    assert (command.offering_id, command.party, command.customer_id) == (TENNIS, 4, BEN)
    assert command.window == Window(SEVEN.date(), SEVEN.date(), 13 * 60, 13 * 60 + 1, 60, (COURT,))
    assert join.entity == command.entry_id
    assert follows(taken, SERIES, Known()) == [join], "asked twice it is the same entry"
    # The same time may have to be waited for once more, when it is edited again: that is another entry.
    again = [do for reaction in REACTIONS for do in reaction(recorded(taken, SERIES, 3), Known())]
    assert [do.entity for do in again] != [join.entity]
    # What was booked by the names of resources belongs to no offering: there is no list for it.
    by_name = OccurrenceWaitlisted(at, ("OCCUPIED",), SEVEN.date(), SEVEN, EIGHT, None, (COURT,), 4, BEN)
    assert follows(by_name, SERIES, Known()) == []


def test_more_seats_are_somebodys_turn_and_no_session_is_nobodys():
    assert follows(SessionSeatsChanged(9), CLASS, Known(for_class, for_court)) == [walk_class]
    ended = Do(CallOffWaiting(CLASS), CLASS, "call_off_waiting")
    assert follows(SessionCalledOff(3, True), CLASS, Known(for_class)) == [ended]
    assert follows(SessionCalledOff(3, True), CLASS, Known()) == []


def test_who_joins_is_looked_after_at_once_and_at_the_end():
    assert follows(for_class, LIST, Known()) == [walk_class, Do(LapseEntry(ANN), ANN, "lapse", SEVEN)]
    assert follows(for_court, LIST, Known()) == [walk_all, Do(LapseEntry(BEN), BEN, "lapse", EIGHT)]


def test_the_clock_ends_what_no_booking_ends():
    made = WaitlistOfferMade(ANN, (PIECE,), SEVEN)
    assert follows(made, LIST, Known()) == [Do(ExpireOffer(ANN), ANN, "expire_offer", SEVEN)]
    assert follows(WaitlistOfferMade(ANN, (PIECE,), SEVEN, BOOKING), LIST, Known()) == []
    kept = WaitlistEarmarked(ANN, (PIECE,), SEVEN)
    assert follows(kept, LIST, Known()) == [Do(EndEarmark(ANN), ANN, "end_earmark", SEVEN)]


def test_what_is_no_longer_kept_is_somebody_elses_turn():
    for cause in ("deadline", "left"):
        free = WaitlistEarmarkReleased(ANN, cause, (PIECE,))
        assert follows(free, LIST, Known(for_class)) == [walk_class]
    assert follows(WaitlistEarmarkReleased(ANN, "offered", (PIECE,)), LIST, Known(for_class)) == []


def test_who_goes_to_the_end_has_their_turn_again():
    ended = WaitlistOfferExpired(ANN, "to_end", SEVEN, 3)
    assert follows(ended, LIST, Known(for_class)) == [walk_class]
    assert follows(WaitlistOfferExpired(BEN, "to_end", SEVEN, 3), LIST, Known(for_court)) == [walk_all]
    assert follows(ended, LIST, Known(for_court)) == []
    for then in ("left", "stays"):
        assert follows(WaitlistOfferExpired(ANN, then), LIST, Known(for_class)) == []
