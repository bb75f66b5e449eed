"""The guards of time and capacity, each with a yes, a no and the edge, through the real store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from appending import (
    HOUR,
    LOCATION,
    START,
    TENANT,
    a_resource,
    booked,
    cancelled,
    command,
    facts,
    held,
    item,
    moved,
    resized,
)

from application.event_store import CapacityInUse, Cause, Moved, SlotTaken
from domain.booking import events
from domain.booking.events import BookingConfirmed, BookingHeld, Item
from domain.event import Event
from domain.offering.events import SessionCalledOff, SessionScheduled, SessionSeatsChanged
from domain.resource.events import (
    ResourceCapacityOverridden,
    ResourceCapacityOverrideLifted,
    ResourcePacingSet,
)
from domain.waitlist.events import EarmarkPlaced, EarmarkReleased, Piece, TicketIssued
from infrastructure.event_store import claims
from infrastructure.event_store.store import PostgresEventStore

MINUTE = 1 / 60
"""Of an hour."""
PAST = datetime(2020, 1, 1, tzinfo=UTC)


def wish(*items: Item, until: datetime | None = None, **more: Any) -> tuple[UUID, list[Event]]:
    booking = uuid4()
    facts: list[Event] = [held(*items, **({"until": until} if until else {}), **more)]
    return booking, facts if until else [*facts, BookingConfirmed()]


def refusal(store: PostgresEventStore, *items: Item) -> SlotTaken:
    booking, wanted = wish(*items)
    with pytest.raises(SlotTaken) as refused:
        store.append(command(*facts(booking, *wanted)))
    return refused.value


def cause(store: PostgresEventStore, *items: Item) -> Cause:
    return refusal(store, *items).cause


def then(store: PostgresEventStore, stream: UUID, after: int, *new: Event, **more: Any) -> None:
    store.append(command(*facts(stream, *new, after=after), **more))


def override(hour: float, hours: float, capacity: int, name: UUID | None = None) -> ResourceCapacityOverridden:
    return ResourceCapacityOverridden(name or uuid4(), START + hour * HOUR, START + (hour + hours) * HOUR, capacity)


def use(
    store: PostgresEventStore, *resources: UUID, hour: float = 0, hours: float = 24
) -> list[tuple[UUID, int, float]]:
    found = store.occupancy(TENANT, list(resources), START + hour * HOUR, START + (hour + hours) * HOUR)
    return [(one.booking_id, one.item, (one.starts_at - START) / HOUR) for one in found]


@pytest.fixture(autouse=True)
def tables_follow_from_the_log(url: str) -> Any:
    yield
    assert list(claims.verify(url)) == []


# buffers


def test_exclusive_buffers_add_up_and_touching_is_fine(store: PostgresEventStore) -> None:
    room = a_resource(store)
    buffers = {"before": 10, "after": 15}
    booked(store, item(room, 10, **buffers))
    for hour in (11 + 24 * MINUTE, 9 - 24 * MINUTE):  # 25 minutes between, one too few
        assert cause(store, item(room, hour, **buffers)) == "buffer"
    booked(store, item(room, 11 + 25 * MINUTE, **buffers))
    booked(store, item(room, 9 - 25 * MINUTE, **buffers))
    assert cause(store, item(room, 10.5, 0.1, **buffers)) == "occupied"


def test_where_a_buffer_and_a_period_refuse_the_period_is_told(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booked(store, item(room, 10, after=30))
    refused = refusal(store, item(room, 10.75, before=30))
    assert (refused.cause, refused.until, refused.free) == ("occupied", START + 11.5 * HOUR, None)


def test_of_shared_buffers_the_larger_one_is_the_gap(store: PostgresEventStore) -> None:
    room = a_resource(store)
    buffers = {"before": 10, "after": 15, "shared": True}
    booked(store, item(room, 10, **buffers))
    assert cause(store, item(room, 11 + 14 * MINUTE, **buffers)) == "buffer"
    assert cause(store, item(room, 9 - 14 * MINUTE, **buffers)) == "buffer"
    booked(store, item(room, 11.25, **buffers))
    booked(store, item(room, 8.75, **buffers))
    assert cause(store, item(room, 10, **buffers)) == "occupied"
    assert refusal(store, item(room, 12.3, **buffers)).until == START + 12.5 * HOUR


def test_who_has_exclusive_buffers_is_kept_from_a_shared_one_by_the_larger_too(store: PostgresEventStore) -> None:
    """Whoever comes second, and whichever of the two shares."""
    for first, second in [(True, False), (False, True)]:
        room = a_resource(store)
        booked(store, item(room, 10, after=30, shared=first))
        assert cause(store, item(room, 11 + 29 * MINUTE, before=20, shared=second)) == "buffer"
        booked(store, item(room, 11.5, before=20, shared=second))


def test_shared_buffers_reach_into_what_is_asked_for(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booking = booked(store, item(room, 10, after=120, shared=True))
    (seen,) = store.occupancy(TENANT, [room], START + 12.5 * HOUR, START + 13 * HOUR)
    assert (seen.booking_id, seen.starts_at, seen.after, seen.shared) == (booking, START + 10 * HOUR, 120, True)
    assert use(store, room, hour=13) == []


def test_a_move_within_ones_own_buffers_is_not_in_ones_own_way(store: PostgresEventStore) -> None:
    for shared in (True, False):
        room = a_resource(store)
        booking = booked(store, item(room, 10, before=60, after=60, shared=shared))
        store.append(command(*moved(booking, item(room, 10.5, before=60, after=60, shared=shared))))
        assert use(store, room) == [(booking, 1, 10.5)]


# capacity for a while


def test_an_override_replaces_the_capacity_for_its_time_alone(store: PostgresEventStore) -> None:
    room = a_resource(store, 2)
    then(store, room, 1, override(10, 2, 4))
    booked(store, item(room, 10, 2, units=4))
    refused = refusal(store, item(room, 11, units=1))
    assert (refused.cause, refused.free, refused.peak) == ("capacity", 0, 4)
    assert cause(store, item(room, 9.5, 1, units=3)) == "capacity"  # partly before it: two there
    booked(store, item(room, 12, 1, units=2))
    assert cause(store, item(room, 12, 1)) == "capacity"


def test_what_an_override_gives_back_later_helps_nobody_now(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booked(store, item(room, 9, 1))
    then(store, room, 1, override(10, 1, 3))
    assert cause(store, item(room, 9.5, 1)) == "capacity"
    booked(store, item(room, 10, 1, units=3))


def test_an_override_to_nothing_closes_and_may_be_next_to_another(store: PostgresEventStore) -> None:
    room = a_resource(store)
    then(store, room, 1, override(10, 1, 0), override(11, 1, 2))
    assert cause(store, item(room, 10.5, 0.25)) == "capacity"
    assert cause(store, item(room, 9.5, 1)) == "capacity"
    booked(store, item(room, 9, 1))
    booked(store, item(room, 11, 1))
    booked(store, item(room, 11, 1))
    assert cause(store, item(room, 11, 0.5)) == "capacity"


def test_an_override_below_what_is_in_use_is_refused_and_so_is_its_end(store: PostgresEventStore) -> None:
    room, name = a_resource(store, 2), uuid4()
    booking = booked(store, item(room, 10, units=2))
    with pytest.raises(CapacityInUse) as refused:
        then(store, room, 1, override(9, 1.25, 1))
    assert (refused.value.resource_id, refused.value.in_use) == (room, 2)
    then(store, room, 1, override(9, 1, 1), override(11, 1, 5, name))  # on both sides of it
    booked(store, item(room, 11, units=4))
    with pytest.raises(CapacityInUse) as refused:
        then(store, room, 3, ResourceCapacityOverrideLifted(name))
    assert refused.value.in_use == 4
    with pytest.raises(CapacityInUse):
        then(store, room, 3, ResourceCapacityOverrideLifted(name), override(11, 1, 3, name))
    then(store, room, 3, ResourceCapacityOverrideLifted(name), override(11, 2, 4, name))
    store.append(command(*cancelled(booking)))


def test_a_resize_looks_past_the_overrides(store: PostgresEventStore) -> None:
    room = a_resource(store)
    then(store, room, 1, override(10, 1, 3))
    booked(store, item(room, 10, units=3))
    store.append(command(*resized(room, 5, after=2)))
    store.append(command(*resized(room, 1, after=3)))  # it is three only while there are three
    booked(store, item(room, 11, units=1))
    assert cause(store, item(room, 11.5)) == "occupied"


def test_the_plain_way_comes_back_when_there_is_nothing_left_to_look_at(store: PostgresEventStore, url: str) -> None:
    room, name = a_resource(store), uuid4()
    then(store, room, 1, override(10, 1, 3, name))
    booked(store, item(room, 10))
    then(store, room, 2, ResourceCapacityOverrideLifted(name))
    booked(store, item(room, 11))
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT single FROM event_store.claim").fetchall() == [(True,), (True,)]
    assert cause(store, item(room, 10.5)) == "occupied"


# pacing


def test_pacing_slides(store: PostgresEventStore) -> None:
    room = a_resource(store, 100)
    then(store, room, 1, ResourcePacingSet(10, 15))
    booked(store, item(room, 10, units=6))
    refused = refusal(store, item(room, 10 + 14 * MINUTE, units=5))
    assert (refused.cause, refused.free) == ("pacing", 4)
    assert cause(store, item(room, 10 - 14 * MINUTE, units=5)) == "pacing"
    booked(store, item(room, 10.25, units=10))  # exactly a quarter of an hour apart
    assert cause(store, item(room, 10 + 5 * MINUTE, units=1)) == "pacing"  # no window of the clock, but a sliding one
    booked(store, item(room, 10 - 10 * MINUTE, units=4))


def test_pacing_counts_where_the_guest_begins_and_not_where_the_buffer_does(store: PostgresEventStore) -> None:
    room = a_resource(store, 100)
    then(store, room, 1, ResourcePacingSet(1, 15))
    booked(store, item(room, 10, before=30))
    booked(store, item(room, 10.25, before=45))
    assert cause(store, item(room, 9.9)) == "pacing"


def test_pacing_that_is_lifted_no_longer_counts_and_one_unit_is_paced_too(store: PostgresEventStore) -> None:
    room = a_resource(store)
    then(store, room, 1, ResourcePacingSet(1, 60))
    booked(store, item(room, 10, 0.5))
    assert cause(store, item(room, 10.5, 0.25)) == "pacing"
    then(store, room, 2, ResourcePacingSet(None))
    booked(store, item(room, 10.5, 0.25))


def test_the_items_of_one_booking_are_paced_together(store: PostgresEventStore) -> None:
    room = a_resource(store, 10)
    then(store, room, 1, ResourcePacingSet(3, 15))
    assert cause(store, item(room, 10, units=2), item(room, 10.1, units=2, number=2)) == "pacing"
    assert use(store, room) == []


# overbooking on authority


def test_what_was_overbooked_counts_against_whoever_comes_after(store: PostgresEventStore) -> None:
    for capacity in (1, 2):
        room = a_resource(store, capacity)
        regular = booked(store, item(room, 10, units=capacity))
        booked(store, item(room, 10.5, overbooked=True))
        store.append(command(*cancelled(regular)))
        if capacity == 1:
            assert cause(store, item(room, 10.75)) == "occupied"
        else:
            assert refusal(store, item(room, 10.75, units=2)).free == 1
        booked(store, item(room, 9.5, 1, units=capacity))


def test_an_overbooked_item_is_seen_as_one(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booked(store, item(room, 10))
    booked(store, item(room, 10, overbooked=True))
    assert [one.authorised for one in store.occupancy(TENANT, [room], START, START + 24 * HOUR)].count(True) == 1


def test_who_leaves_early_is_not_refused_because_of_who_was_squeezed_in(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booking = booked(store, item(room, 10, 2))
    booked(store, item(room, 10, 2, overbooked=True))
    then(store, booking, 2, events.BookingCheckedOut((item(room, 10, 1),)))
    assert cause(store, item(room, 11, 1)) == "occupied"  # the other one is still there
    with pytest.raises(SlotTaken):
        then(store, booking, 3, events.BookingRescheduled((item(room, 10, 1.5),)))


def test_an_item_that_stays_is_not_asked_again(store: PostgresEventStore) -> None:
    """A booking of two is moved: the one that stays was there before the pace was set."""
    room, other = a_resource(store, 3), a_resource(store)
    booking = booked(store, item(room, 10, units=3), item(other, 10, number=2))
    then(store, room, 1, ResourcePacingSet(1, 15))
    store.append(command(*moved(booking, item(room, 10, units=3), item(other, 11, number=2))))
    with pytest.raises(SlotTaken) as refused:
        store.append(command(*moved(booking, item(room, 11, units=3), item(other, 11, number=2), after=3)))
    assert refused.value.cause == "pacing"


# holds


def test_a_hold_is_told_as_one_and_an_extended_one_lives_on(store: PostgresEventStore) -> None:
    room = a_resource(store)
    soon = datetime.now(UTC) + timedelta(minutes=5)
    booking, hold = wish(item(room, 10), until=soon)
    store.append(command(*facts(booking, *hold)))
    assert cause(store, item(room, 10.5)) == "held"
    then(store, booking, 1, events.BookingHoldExtended(soon + HOUR))
    (seen,) = store.occupancy(TENANT, [room], START, START + 24 * HOUR)
    assert seen.expires_at == soon + HOUR
    then(store, booking, 2, events.BookingPaymentStarted(soon + 2 * HOUR), BookingConfirmed())
    assert cause(store, item(room, 10.5)) == "occupied"


def test_a_dead_hold_is_neither_extended_nor_settled(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booking, hold = wish(item(room, 10), until=PAST)
    store.append(command(*facts(booking, *hold)))
    for late in (events.BookingHoldExtended(PAST + HOUR), events.BookingPaymentStarted(START), BookingConfirmed()):
        with pytest.raises(Moved):
            then(store, booking, 1, late)
    refused = refusal(store, item(room, 10))
    assert (refused.cause, refused.holds) == ("occupied", [booking])


def test_what_had_died_is_had_again_where_nobody_has_come(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booking, hold = wish(item(room, 10), until=PAST)
    store.append(command(*facts(booking, *hold)))
    again = events.BookingHoldReacquired((item(room, 10),))
    with pytest.raises(Moved):
        then(store, booking, 1, events.BookingRescheduled((item(room, 10),)))
    then(store, booking, 1, events.BookingExpired(), again)
    (seen,) = store.occupancy(TENANT, [room], START, START + 24 * HOUR)
    assert (seen.booking_id, seen.expires_at) == (booking, None)


def test_what_had_died_is_not_had_again_where_somebody_has_come(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booking, hold = wish(item(room, 10), until=PAST)
    store.append(command(*facts(booking, *hold)))
    then(store, booking, 1, events.BookingExpired())
    booked(store, item(room, 10))
    with pytest.raises(SlotTaken):
        then(store, booking, 2, events.BookingHoldReacquired((item(room, 10),)))


def test_a_request_that_does_not_block_takes_when_it_is_approved(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booking, hold = wish(item(room, 10), until=START)
    store.append(command(*facts(booking, *hold, events.BookingApprovalRequested(blocks=False))))
    other = booked(store, item(room, 10))
    with pytest.raises(SlotTaken):
        then(store, booking, 2, events.BookingApproved((item(room, 10),)))
    store.append(command(*cancelled(other)))
    then(store, booking, 2, events.BookingApproved((item(room, 10),)))
    assert use(store, room) == [(booking, 1, 10)]


# several at once


def test_two_may_change_places_in_one_command(store: PostgresEventStore) -> None:
    one, other = a_resource(store), a_resource(store)
    ann, ben = booked(store, item(one, 10)), booked(store, item(other, 10))
    swap = [
        *facts(ann, events.BookingReassigned((item(other, 10),)), after=2),
        *facts(ben, events.BookingReassigned((item(one, 10),)), after=2),
    ]
    store.append(command(*swap))
    assert use(store, one, other) == sorted(
        [(ben, 1, 10), (ann, 1, 10)], key=lambda row: row[0] != (ben if one < other else ann)
    )


def session(*resources: UUID, hour: float = 10, seats: int = 3) -> SessionScheduled:
    start = START + hour * HOUR
    return SessionScheduled(uuid4(), LOCATION, start, start + HOUR, "", "UTC", seats, resources)


def test_a_session_sells_its_seats_and_occupies_its_room(store: PostgresEventStore) -> None:
    room, lesson = a_resource(store), uuid4()
    store.append(command(*facts(lesson, session(room))))
    assert cause(store, item(room, 10.5)) == "occupied"
    booked(store, item(lesson, 10, units=2))
    assert refusal(store, item(lesson, 10, units=2)).free == 1
    with pytest.raises(CapacityInUse):
        then(store, lesson, 1, SessionSeatsChanged(1))
    then(store, lesson, 1, SessionSeatsChanged(2))
    (seen,) = store.occupancy(TENANT, [room], START, START + 24 * HOUR)
    assert (seen.kind, seen.booking_id) == ("session", lesson)
    then(store, lesson, 2, SessionCalledOff(2, too_few=True))
    booked(store, item(room, 10.5))


def test_a_session_that_finds_its_room_taken_is_not_scheduled(store: PostgresEventStore) -> None:
    room, free = a_resource(store), a_resource(store)
    booked(store, item(room, 10))
    with pytest.raises(SlotTaken):
        store.append(command(*facts(uuid4(), session(free, room))))
    assert use(store, free) == []


def test_what_is_kept_for_those_who_wait_is_told_as_that(store: PostgresEventStore) -> None:
    room, ticket = a_resource(store, 3), uuid4()
    kept = Piece(room, START + 10 * HOUR, START + 11 * HOUR, units=2)
    store.append(command(*facts(ticket, TicketIssued(LOCATION), EarmarkPlaced((kept,), START))))
    assert cause(store, item(room, 10, units=2)) == "earmark"
    assert cause(store, item(room, 10, units=4)) == "capacity"
    booked(store, item(room, 10, units=1))
    then(store, ticket, 2, EarmarkReleased())
    booked(store, item(room, 10, units=2))


def test_an_earmark_past_its_time_is_no_hold_to_be_swept(store: PostgresEventStore) -> None:
    room, ticket = a_resource(store), uuid4()
    kept = Piece(room, START + 10 * HOUR, START + 11 * HOUR)
    store.append(command(*facts(ticket, TicketIssued(LOCATION), EarmarkPlaced((kept,), PAST))))
    assert store.expired_holds() == []
    refused = refusal(store, item(room, 10))
    assert (refused.cause, refused.holds, refused.earmarks) == ("earmark", [], [ticket])


# what counts


ANN, BEN = uuid4(), uuid4()


def count(store: PostgresEventStore, who: UUID) -> tuple[int, list[str]]:
    tallied = store.tallies(TENANT, [who])[who]
    return tallied.mark, [row.state for row in tallied.rows]


def test_a_booking_counts_as_it_stands(store: PostgresEventStore) -> None:
    room, offering = a_resource(store, 5), uuid4()
    assert count(store, ANN) == (0, [])
    booking = uuid4()
    soon = datetime.now(UTC) + HOUR
    first = store.append(
        command(*facts(booking, held(item(room, 10), until=soon, customer_id=ANN, offering_id=offering)))
    )
    (row,) = store.tallies(TENANT, [ANN, BEN])[ANN].rows
    assert (row.booking_id, row.offering_id, row.location_id, row.resources) == (booking, offering, LOCATION, (room,))
    assert (row.starts_at, row.ends_at, row.expires_at) == (START + 10 * HOUR, START + 11 * HOUR, soon)
    assert count(store, ANN) == (first.position >> 20, ["live"])
    then(store, booking, 1, BookingConfirmed())
    assert count(store, ANN)[0] == first.position >> 20  # it counts as it did
    states = []
    for version, fact in enumerate(
        [
            events.BookingRescheduled((item(room, 12),)),
            events.BookingNoShowMarked(),
            events.BookingNoShowReversed("confirmed"),
            events.BookingCancelled("customer", late=True),
            events.BookingCancellationReversed((item(room, 13),)),
            events.BookingCancelled("venue"),
            events.BookingCancellationReversed((item(room, 14),)),
            events.BookingCheckedIn(),
            events.BookingCompleted(),
        ],
        start=2,
    ):
        then(store, booking, version, fact)
        states.append(count(store, ANN)[1])
    assert states == [
        ["live"], ["no_show"], ["live"], ["late_cancel"], ["live"], [], ["live"], ["live"], ["over"],
    ]  # fmt: skip
    (row,) = store.tallies(TENANT, [ANN])[ANN].rows
    assert row.starts_at == START + 14 * HOUR
    assert store.tallies(TENANT, [ANN], since=START + 15 * HOUR)[ANN].rows == []
    assert count(store, BEN) == (0, [])


def test_a_mark_that_moved_meanwhile_is_seen(store: PostgresEventStore) -> None:
    room = a_resource(store, 5)
    mark, _ = count(store, ANN)

    def book(seen: dict[UUID, int]) -> None:
        store.append(command(*facts(uuid4(), held(item(room), customer_id=ANN)), tallies=seen))

    book({ANN: mark})
    with pytest.raises(Moved):
        book({ANN: mark})
    book({ANN: count(store, ANN)[0]})
    book({})  # who did not look does not mind
    with pytest.raises(Moved):  # a child's family has moved
        store.append(command(*facts(uuid4(), held(item(room), customer_id=BEN)), tallies={ANN: mark, BEN: 0}))


def test_of_two_who_counted_the_same_exactly_one_is_recorded(store: PostgresEventStore) -> None:
    room = a_resource(store, 1000)

    def tried(seen: int) -> bool:
        try:
            store.append(command(*facts(uuid4(), held(item(room), customer_id=ANN)), tallies={ANN: seen}))
        except Moved:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        for _ in range(10):
            mark, _ = count(store, ANN)
            assert sorted(threads.map(tried, [mark] * 8)) == [False] * 7 + [True]
    assert len(count(store, ANN)[1]) == 10


# inside a locked transaction too


def test_the_locked_way_sees_the_same(store: PostgresEventStore) -> None:
    room = a_resource(store)
    booking = uuid4()
    store.append(command(*facts(booking, held(item(room, 10), customer_id=ANN))))
    with store.locked(TENANT, sorted([str(room), f"tally:{ANN}"])) as locked:
        (seen,) = locked.occupancy(TENANT, [room], START, START + 24 * HOUR)
        assert seen.booking_id == booking
        mark = locked.tallies(TENANT, [ANN])[ANN].mark
        locked.append(command(*facts(uuid4(), held(item(room, 12), customer_id=ANN)), tallies={ANN: mark}))
    assert len(use(store, room)) == 2


def race(store: PostgresEventStore, wishes: list[Callable[[], Item]]) -> list[Cause | None]:
    def tried(make: Callable[[], Item]) -> Cause | None:
        try:
            booked(store, make())
        except SlotTaken as taken:
            return taken.cause
        return None

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(tried, wishes))


def test_of_many_at_once_no_more_get_in_than_there_is_room_for(store: PostgresEventStore) -> None:
    """Each kind of guard under a crowd: what it lets in is what there is."""
    shared = a_resource(store)
    outcomes = race(store, [lambda n=n: item(shared, 10 + n % 4, after=30, shared=True) for n in range(24)])  # type: ignore[misc]
    assert outcomes.count(None) in (1, 2)  # 10 and 12, 11 and 13, or 10 and 13: neighbours are too near
    paced = a_resource(store, 100)
    then(store, paced, 1, ResourcePacingSet(5, 15))
    assert race(store, [lambda: item(paced, 10)] * 24).count(None) == 5
    widened = a_resource(store)
    then(store, widened, 1, override(10, 1, 4))
    assert race(store, [lambda: item(widened, 10)] * 24).count(None) == 4


def test_four_hundred_takes_in_one_command(store: PostgresEventStore) -> None:
    room = a_resource(store)
    bookings = [(uuid4(), hour) for hour in range(400)]
    store.append(
        command(
            *(fact for booking, hour in bookings for fact in facts(booking, held(item(room, hour)), BookingConfirmed()))
        )
    )
    with pytest.raises(SlotTaken):
        store.append(command(*(fact for n in range(400, 800) for fact in facts(uuid4(), held(item(room, n - 1))))))
    assert len(use(store, room, hours=1000)) == 400


def test_a_booking_of_no_customer_counts_for_nobody(store: PostgresEventStore) -> None:
    booking = booked(store, item(a_resource(store)))
    store.append(command(*cancelled(booking)))
    assert isinstance(held(item(uuid4())), BookingHeld)
    assert store.tallies(TENANT, []) == {}
