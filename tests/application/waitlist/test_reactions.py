"""What follows for those who wait, as pure functions of a fact and of what is looked up."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from logbook import NOON, recorded

from application.reaction import Do
from application.recorded import RecordedEvent
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
from application.waitlist.reactions import ANY_TIME, FREED, HERE, MOVED, REACTIONS, WITHIN
from domain.booking import events as bookings
from domain.booking.booking import Booking
from domain.booking.series import BookingSeries
from domain.booking.series_events import OccurrenceWaitlisted, SeriesCreated, Template
from domain.calendar import Closure
from domain.event import Event
from domain.offering.events import (
    OfferingDefined,
    OfferingRevised,
    SessionCalledOff,
    SessionReanchored,
    SessionScheduled,
    SessionSeatsChanged,
)
from domain.offering.offering import Offering
from domain.offering.session import Session
from domain.offering.terms import Need, Terms
from domain.organization import events as places
from domain.organization.events import LocationOpened
from domain.organization.location import Location
from domain.resource import events as resources
from domain.resource.events import PoolFormed, ResourceRegistered
from domain.resource.pool import Pool
from domain.resource.resource import Resource
from domain.waitlist.events import (
    Piece,
    Settings,
    WaitlistBarred,
    WaitlistEarmarked,
    WaitlistEarmarkReleased,
    WaitlistJoined,
    WaitlistOfferExpired,
    WaitlistOfferMade,
    WaitlistOpened,
    WaitlistSettingsSet,
    Window,
)
from domain.waitlist.waitlist import Waitlist, waitlist_of

SEVEN = datetime(2099, 7, 2, 17, tzinfo=UTC)
EIGHT = SEVEN + timedelta(hours=1)
VENUE, YOGA, TENNIS = UUID(int=1), UUID(int=2), UUID(int=3)
CLASS, COURT, BOOKING, ANN, BEN = UUID(int=4), UUID(int=5), UUID(int=6), UUID(int=11), UUID(int=12)
SERIES, SAUNA, COURTS, CAT = UUID(int=13), UUID(int=14), UUID(int=15), UUID(int=16)
LIST = waitlist_of(VENUE)
PIECE = Piece(CLASS, SEVEN, EIGHT)

opened = WaitlistOpened(VENUE)
for_class = WaitlistJoined(ANN, YOGA, 1, 5, SEVEN - timedelta(days=9), 1, SEVEN, session_id=CLASS)
for_court = WaitlistJoined(
    BEN, TENNIS, 1, 5, SEVEN - timedelta(days=9), 2, EIGHT, window=Window(SEVEN.date(), SEVEN.date())
)
walk_class = Do(WalkSession(CLASS), CLASS, "walk")
walk_court = Do(WalkTimes(TENNIS, SEVEN, EIGHT, (COURT,)), TENNIS, "walk")
DATE = datetime(2099, 7, 2, tzinfo=UTC)
A_DAY = timedelta(days=1)
walk_day = Do(WalkTimes(TENNIS, DATE, DATE + A_DAY), TENNIS, "walk 2099-07-02")
walk_bens = Do(WalkTimes(TENNIS, DATE, DATE + A_DAY), TENNIS, f"walk {BEN}")


def walk_times(since: datetime, until: datetime, *resources: UUID) -> Do:
    return Do(WalkTimes(TENNIS, since, until, resources), TENNIS, "walk")


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
            (Resource, SAUNA): [ResourceRegistered(VENUE, "Sauna", "sauna", 1)],
            (Pool, COURTS): [PoolFormed(VENUE, "Courts", (COURT,))],
            (Location, VENUE): [LocationOpened("Venue", "UTC")],
            (Offering, TENNIS): [OfferingDefined(VENUE, "Tennis", Terms((Need("court", pool_id=COURTS),)))],
            (Offering, YOGA): [OfferingDefined(VENUE, "Yoga", Terms(()))],
        }
        if waiting:
            self.streams[Waitlist, LIST] = [opened, *waiting]

    def read(self, kind: Any, stream: UUID) -> Any:
        if (kind, stream) not in self.streams:
            raise kind.unknown
        return kind(id=stream).after(self.streams[kind, stream])

    def before(self, kind: Any, recorded: RecordedEvent) -> Any:
        return self.read(kind, recorded.stream)

    def began(self, recorded: RecordedEvent) -> datetime:
        return NOON - HOUR

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
    passed = Do(PassOver(BOOKING, at=NOON - HOUR), BOOKING, "pass_over")  # since it was held
    for fact in (bookings.BookingConfirmed(), bookings.BookingApproved()):
        assert follows(fact, BOOKING, Known(for_class)) == [passed]
        assert follows(fact, BOOKING, Known(opened)) == []
        assert follows(fact, BOOKING, Known()) == []


def test_who_takes_it_only_as_it_becomes_firm_passes_over_whoever_waits_then():
    late = Do(PassOver(BOOKING, at=NOON), BOOKING, "pass_over")
    asked = Known(for_class)
    asked.streams[Booking, BOOKING].append(bookings.BookingApprovalRequested(blocks=False))
    assert follows(bookings.BookingApproved(), BOOKING, asked) == [late]
    again = Known(for_class)
    (held,) = again.streams[Booking, BOOKING]
    again.streams[Booking, BOOKING] += [bookings.BookingExpired(), bookings.BookingHoldReacquired(held.items)]
    assert follows(bookings.BookingConfirmed(), BOOKING, again) == [late]


HOUR = timedelta(hours=1)


def item(since: datetime, until: datetime, of: UUID = COURT, **more: Any) -> bookings.Item:
    return bookings.Item(1, of, since, until, "2099-07-02T17:00", "UTC", **more)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ([item(SEVEN + HOUR / 2, EIGHT + HOUR / 2)], (SEVEN, SEVEN + HOUR / 2)),  # onto itself: the first half hour
        ([item(SEVEN, SEVEN + HOUR / 3)], (SEVEN + HOUR / 3, EIGHT)),  # shorter
        ([item(SEVEN + A_DAY, EIGHT + A_DAY)], (SEVEN, EIGHT)),
        ([item(SEVEN, EIGHT, of=SAUNA)], (SEVEN, EIGHT)),
        ([], (SEVEN, EIGHT)),
        ([item(SEVEN - HOUR, EIGHT)], None),  # longer: it leaves nothing
    ],
)
def test_what_a_booking_leaves_is_walked_for(now, left):
    known = Known(for_class, for_court, of=COURT)
    more = {"booking.reanchored": {"rules": "tzdata 2027a"}}
    for kind in MOVED:
        moved = kind(items=tuple(now), **more.get(kind.tag, {}))
        assert follows(moved, BOOKING, known) == ([] if left is None else [walk_times(*left, COURT)])


def test_buffers_are_left_with_what_they_belong_to():
    known = Known(for_court)
    known.streams[Booking, BOOKING] = [
        bookings.BookingHeld("ABCD2345", VENUE, (item(SEVEN, EIGHT, before=5, after=15),), SEVEN)
    ]
    until = EIGHT + timedelta(minutes=15)
    walk = walk_times(SEVEN - timedelta(minutes=5), until, COURT)
    assert follows(bookings.BookingCancelled("venue"), BOOKING, known) == [walk]
    shorter = bookings.BookingCheckedOut((item(SEVEN, SEVEN + HOUR / 2, before=5, after=15),))
    assert follows(shorter, BOOKING, known) == [walk_times(until - HOUR / 2, until, COURT)]


def test_fewer_seats_of_a_session_are_somebodys_turn():
    known = Known(for_class)
    known.streams[Booking, BOOKING] = [
        bookings.BookingHeld("ABCD2345", VENUE, (item(SEVEN, EIGHT, CLASS, units=3),), SEVEN)
    ]
    fewer = bookings.BookingRescheduled((item(SEVEN, EIGHT, CLASS, units=2),))
    more = bookings.BookingRescheduled((item(SEVEN, EIGHT, CLASS, units=4),))
    assert follows(fewer, BOOKING, known) == [walk_class]
    assert follows(more, BOOKING, known) == []


def test_a_firm_booking_that_moves_may_pass_somebody_over_at_its_new_time():
    known = Known(for_court, of=COURT)
    known.streams[Booking, BOOKING].append(bookings.BookingConfirmed())
    later = bookings.BookingRescheduled((item(SEVEN + HOUR / 2, EIGHT + HOUR / 2),))
    took = (Piece(COURT, EIGHT, EIGHT + HOUR / 2),)
    assert follows(later, BOOKING, known) == [
        walk_times(SEVEN, SEVEN + HOUR / 2, COURT), Do(PassOver(BOOKING, took, NOON), BOOKING, "pass_over")
    ]  # fmt: skip
    nobody = Known(of=COURT)
    nobody.streams[Booking, BOOKING].append(bookings.BookingConfirmed())
    assert follows(later, BOOKING, nobody) == []


def test_what_is_over_or_what_nobody_can_use_is_nobodys_turn():
    patient = WaitlistJoined(CAT, TENNIS, 1, 5, SEVEN, 3, EIGHT + HOUR, window=Window(ON, ON))
    known = Known(patient, of=COURT)
    for at, expected in ((EIGHT - timedelta(seconds=1), [walk_court]), (EIGHT, [])):
        gone = recorded(bookings.BookingCancelled("venue"), BOOKING, 2, at=at)
        assert [do for reaction in REACTIONS for do in reaction(gone, known)] == expected
    assert follows(bookings.BookingCancelled("venue"), BOOKING, Known(for_court, of=SAUNA)) == []


def test_a_request_that_no_longer_occupies_sets_free_what_it_held():
    known = Known(for_court, of=COURT)
    assert follows(bookings.BookingApprovalRequested(blocks=False), BOOKING, known) == [walk_court]
    assert follows(bookings.BookingApprovalRequested(blocks=True), BOOKING, known) == []


def test_whoever_cancels_may_have_what_they_could_not_have_beside_it():
    mine = WaitlistJoined(
        CAT, YOGA, 1, 5, SEVEN - timedelta(days=9), 3, SEVEN, customer_id=CAT, session_id=CLASS
    )  # fmt: skip
    known = Known(mine, WaitlistBarred(CAT, ("QUOTA",), ("one-a-week",)), of=SAUNA)
    known.streams[Booking, BOOKING] = [
        bookings.BookingHeld("ABCD2345", VENUE, (item(SEVEN, EIGHT, SAUNA),), SEVEN, customer_id=CAT)
    ]
    assert follows(bookings.BookingCancelled("customer"), BOOKING, known) == [walk_class]
    known.streams[Waitlist, LIST].pop()
    assert follows(bookings.BookingCancelled("customer"), BOOKING, known) == []


CLOSURE = Closure(UUID(int=99), SEVEN, EIGHT, "maintenance")
OVERRIDE = UUID(int=98)
ON = SEVEN.date()
TWO_DAYS = (DATE, DATE + 2 * A_DAY)
lifted = {
    resources.ResourceClosed: resources.ResourceClosed(Closure(CLOSURE.id, EIGHT, EIGHT + HOUR)),
    resources.ResourceReopened: resources.ResourceReopened(CLOSURE.id),
    resources.ResourceCapacityOverridden: resources.ResourceCapacityOverridden(OVERRIDE, EIGHT, EIGHT + HOUR, 2),
    resources.ResourceCapacityOverrideLifted: resources.ResourceCapacityOverrideLifted(OVERRIDE),
    resources.ResourceExceptionSet: resources.ResourceExceptionSet(ON, ()),
    resources.ResourceExceptionLifted: resources.ResourceExceptionLifted(ON),
}
opening = {
    resources.ResourceClosed: (SEVEN, EIGHT),
    resources.ResourceReopened: (SEVEN, EIGHT),
    resources.ResourceCapacityOverridden: (SEVEN, EIGHT + HOUR),
    resources.ResourceCapacityOverrideLifted: (SEVEN, EIGHT),
    resources.ResourceExceptionSet: TWO_DAYS,
    resources.ResourceExceptionLifted: TWO_DAYS,
}


@pytest.mark.parametrize("fact", lifted.values())
def test_what_opens_at_a_time_that_is_known_is_walked_for_at_that_time(fact):
    assert set(lifted) == set(WITHIN)
    known = Known(for_class, for_court)
    known.streams[Resource, COURT] += [
        resources.ResourceClosed(CLOSURE), resources.ResourceCapacityOverridden(OVERRIDE, SEVEN, EIGHT, 0)
    ]  # fmt: skip
    assert follows(fact, COURT, known) == [walk_times(*opening[type(fact)], COURT)]
    assert follows(fact, SAUNA, known) == [], "nobody waits for the sauna"
    assert follows(fact, COURT, Known(for_class)) == []
    assert follows(fact, COURT, Known()) == []


def test_what_closes_opens_nothing():
    assert follows(resources.ResourceClosed(CLOSURE), COURT, Known(for_court)) == []
    assert follows(places.LocationClosed(CLOSURE), VENUE, Known(for_court)) == []


widened = {
    resources.ResourceCapacityChanged: resources.ResourceCapacityChanged(2),
    resources.ResourceHoursChanged: resources.ResourceHoursChanged(None),  # a member of staff's are their schedule
    resources.ResourceDescribed: resources.ResourceDescribed(("clay",)),
    resources.ResourcePacingSet: resources.ResourcePacingSet(None),
    resources.ResourceBufferModeSet: resources.ResourceBufferModeSet("shared"),
}


@pytest.mark.parametrize("fact", widened.values())
def test_more_of_a_resource_is_looked_at_where_somebody_waits_for_it_and_nowhere_else(fact):
    assert set(widened) == set(ANY_TIME)
    far = WaitlistJoined(
        CAT, TENNIS, 1, 5, SEVEN, 3, EIGHT + 90 * A_DAY, window=Window(ON + 80 * A_DAY, ON + 81 * A_DAY)
    )  # fmt: skip
    next_day = WaitlistJoined(ANN, TENNIS, 1, 5, SEVEN, 4, EIGHT + A_DAY, window=Window(ON + A_DAY, ON + A_DAY))
    first, last = follows(fact, COURT, Known(for_court, far, next_day))
    assert first == Do(WalkTimes(TENNIS, DATE, DATE + 2 * A_DAY, (COURT,)), TENNIS, f"walk {ON}")
    assert last.command == WalkTimes(TENNIS, DATE + 80 * A_DAY, DATE + 82 * A_DAY, (COURT,))
    assert follows(fact, SAUNA, Known(for_court)) == []
    assert follows(fact, COURT, Known()) == []


def test_a_venue_that_opens_is_walked_for_by_all_windows():
    known = Known(for_class, for_court)
    known.streams[Location, VENUE].append(places.LocationClosed(CLOSURE))
    stories = {
        places.LocationHoursChanged: (places.LocationHoursChanged(None), [walk_day]),
        places.LocationClosed: (
            places.LocationClosed(Closure(CLOSURE.id, EIGHT, EIGHT + HOUR)),
            [walk_times(SEVEN, EIGHT)],
        ),
        places.LocationReopened: (places.LocationReopened(CLOSURE.id), [walk_times(SEVEN, EIGHT)]),
        places.LocationExceptionSet: (places.LocationExceptionSet(ON, ()), [walk_times(*TWO_DAYS)]),
        places.LocationExceptionLifted: (places.LocationExceptionLifted(ON), [walk_times(*TWO_DAYS)]),
    }
    assert set(stories) == set(HERE)
    for fact, expected in stories.values():
        assert follows(fact, VENUE, known) == expected
        assert follows(fact, VENUE, Known()) == []


def test_another_member_of_a_pool_is_somebodys_turn():
    changed = resources.PoolChanged((COURT, SAUNA))
    known = Known(for_court)
    known.streams[Pool, COURTS].append(changed)
    (walk,) = follows(changed, COURTS, known)
    assert walk.command == WalkTimes(TENNIS, DATE, DATE + A_DAY, (COURT, SAUNA))


def test_other_terms_and_other_settings_ask_all_whom_they_concern():
    both = Known(for_class, for_court)
    assert follows(OfferingRevised(Terms(())), YOGA, both) == [walk_class]
    assert follows(OfferingRevised(Terms(())), TENNIS, both) == [walk_day]
    assert follows(OfferingRevised(Terms(())), TENNIS, Known()) == []
    assert follows(WaitlistSettingsSet(Settings()), LIST, both) == [walk_class, walk_day]
    assert follows(WaitlistSettingsSet(Settings(), TENNIS), LIST, both) == [walk_day]
    assert follows(WaitlistSettingsSet(Settings(), SAUNA), LIST, both) == []


def test_the_room_of_a_session_that_leaves_it_is_free_for_others():
    known = Known(for_court)
    known.streams[Session, CLASS] = [
        SessionScheduled(YOGA, VENUE, SEVEN, EIGHT, "2099-07-02T17:00", "UTC", 9, (COURT,))
    ]
    ended = Do(CallOffWaiting(CLASS), CLASS, "call_off_waiting")
    assert follows(SessionCalledOff(3, True), CLASS, known) == [ended, walk_court]
    later = SessionReanchored(SEVEN + HOUR / 2, EIGHT + HOUR / 2, None, (COURT,), "tzdata 2027a")
    assert follows(later, CLASS, known) == [walk_times(SEVEN, SEVEN + HOUR / 2, COURT)]


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
    assert follows(for_class, LIST, Known(for_class)) == [walk_class, Do(LapseEntry(ANN), ANN, "lapse", SEVEN)]
    lapse = Do(LapseEntry(BEN), BEN, "lapse", EIGHT)
    assert follows(for_court, LIST, Known(for_court)) == [walk_bens, lapse], "its own window, and no other"
    assert follows(for_court, LIST, Known(for_class)) == [lapse], "they have left already"


def test_the_clock_ends_what_no_booking_ends():
    made = WaitlistOfferMade(ANN, (PIECE,), SEVEN)
    assert follows(made, LIST, Known()) == [Do(ExpireOffer(ANN), ANN, "expire_offer", SEVEN)]
    assert follows(WaitlistOfferMade(ANN, (PIECE,), SEVEN, BOOKING), LIST, Known()) == []
    kept = WaitlistEarmarked(ANN, (PIECE,), SEVEN)
    assert follows(kept, LIST, Known()) == [Do(EndEarmark(ANN), ANN, "end_earmark", SEVEN)]


def test_what_is_no_longer_kept_is_somebody_elses_turn():
    for cause in ("deadline", "left", "barred", "offered"):
        free = WaitlistEarmarkReleased(ANN, cause, (PIECE,))
        assert follows(free, LIST, Known(for_class)) == [walk_class]
    assert follows(WaitlistEarmarkReleased(ANN, "left"), LIST, Known(for_class)) == []


def test_who_goes_to_the_end_has_their_turn_again():
    ended = WaitlistOfferExpired(ANN, "to_end", SEVEN, 3)
    assert follows(ended, LIST, Known(for_class)) == [walk_class]
    assert follows(WaitlistOfferExpired(BEN, "to_end", SEVEN, 3), LIST, Known(for_court)) == [walk_bens]
    assert follows(ended, LIST, Known(for_court)) == []
    for then in ("left", "stays"):
        assert follows(WaitlistOfferExpired(ANN, then), LIST, Known(for_class)) == []
