"""The proof is silent about sound logs, and barks at every planted overlap."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.availability.proof import Ledger
from domain.booking.events import (
    BookingCancelled,
    BookingCheckedOut,
    BookingConfirmed,
    BookingHeld,
    BookingOverbookingAuthorised,
    BookingReassigned,
    BookingRescheduled,
    Item,
)
from domain.resource.events import (
    ResourceCapacityChanged,
    ResourceCapacityOverridden,
    ResourceCapacityOverrideLifted,
    ResourcePacingSet,
    ResourceRegistered,
)

COURT, VENUE = UUID(int=1), UUID(int=3)
NINE = datetime(2027, 1, 5, 9, tzinfo=UTC)


def at(hours: float) -> datetime:
    return NINE + timedelta(hours=hours)


def item(start: float, end: float, units: int = 1) -> Item:
    return Item(1, COURT, at(start), at(end), "2027-01-05T09:00", "UTC", units)


def held(start: float, end: float, units: int = 1) -> BookingHeld:
    return BookingHeld("ABCD2345", VENUE, (item(start, end, units),), at(-1))


def folded(*log, capacity=1):
    ledger = Ledger()
    events = [(ResourceRegistered(VENUE, "Court", "court", capacity), COURT), *log]
    return [over for position, (event, stream) in enumerate(events, 1) for over in ledger.add(event, stream, position)]


A, B, C = UUID(int=10), UUID(int=11), UUID(int=12)


def test_what_touches_does_not_overlap():
    assert folded((held(0, 1), A), (held(1, 2), B)) == []


def test_two_at_once_on_one_court_is_found_where_it_happened():
    (over,) = folded((held(0, 1), A), (BookingConfirmed(), A), (held(0.5, 2), B))
    assert (over.position, over.at, over.used, over.capacity) == (4, at(0.5), 2, 1)


def test_a_log_in_the_wrong_order_shows_an_overlap_that_never_was():
    """Which is why positions must agree with the order in which a resource changed hands."""
    assert folded((held(0, 1), A), (BookingCancelled("venue"), A), (held(0, 1), B)) == []
    assert len(folded((held(0, 1), A), (held(0, 1), B), (BookingCancelled("venue"), A))) == 1


def test_a_move_sets_its_own_time_free():
    assert folded((held(0, 1), A), (BookingRescheduled((item(0.5, 1.5),)), A), (held(0, 0.5), B)) == []


def test_the_peak_counts_and_not_the_sum():
    assert folded((held(0, 2, 4), A), (held(1, 3, 4), B), (held(2, 4, 6), C), capacity=10) == []
    (over,) = folded((held(0, 2, 4), A), (held(1, 3, 4), B), (held(1.5, 4, 3), C), capacity=10)
    assert (over.used, over.at) == (11, at(1.5))


def test_a_resource_made_too_small_is_found():
    (over,) = folded((held(0, 1, 2), A), (ResourceCapacityChanged(1), COURT), capacity=2)
    assert (over.used, over.capacity) == (2, 1)


def test_a_resource_may_be_made_smaller_than_it_was_used_in_the_past():
    """As the guard has it: a court that was two until it was torn down by half was not overbooked then."""

    def shrunk(at_hour: float) -> list[int]:
        ledger = Ledger()
        log = [(ResourceRegistered(VENUE, "Courts", "court", 2), COURT), (held(0, 2), A), (held(1, 3), B)]
        for position, (event, stream) in enumerate(log, 1):
            assert list(ledger.add(event, stream, position, at(-1))) == []
        return [over.used for over in ledger.add(ResourceCapacityChanged(1), COURT, 9, at(at_hour))]

    assert shrunk(0.5) == [2, 2]
    assert shrunk(1.5) == [2, 2]
    assert shrunk(2) == []
    assert shrunk(4) == []


spans = st.tuples(st.integers(0, 12), st.integers(1, 6), st.integers(1, 3))


@given(st.lists(spans, max_size=12), st.integers(1, 6))
def test_the_sweep_agrees_with_counting_every_hour(wanted, capacity):
    log = [(held(start, start + length, units), UUID(int=100 + n)) for n, (start, length, units) in enumerate(wanted)]
    used = max(
        (sum(u for s, n, u in wanted if s <= hour < s + n) for hour in range(20)),
        default=0,
    )
    assert bool(folded(*log, capacity=capacity)) == (used > capacity)


# buffers, overrides, pacing, authority


def buffered(start, end, *, number=1, **more):
    return Item(number, COURT, at(start), at(end), "2027-01-05T09:00", "UTC", **more)


def taken(*items):
    return BookingHeld("ABCD2345", VENUE, items, at(-1))


def test_exclusive_buffers_are_used_like_the_time_itself():
    first = (taken(buffered(0, 1, after=15)), A)
    assert folded(first, (taken(buffered(1.5, 2, before=15)), B)) == []
    (over,) = folded(first, (taken(buffered(1.49, 2, before=15)), B))
    assert (over.cause, over.used) == ("units", 2)


def test_a_shared_buffer_that_is_too_small_is_found():
    first = (taken(buffered(0, 1, after=30, shared=True)), A)
    assert folded(first, (taken(buffered(1.5, 2, before=15, shared=True)), B)) == []
    (over,) = folded(first, (taken(buffered(1.25, 2, before=15, shared=True)), B))
    assert (over.cause, over.booking_id) == ("buffer", B)


def test_the_capacity_of_a_while_is_what_counts_then():
    more = (ResourceCapacityOverridden(UUID(int=5), at(0), at(1), 2), COURT)
    assert folded(more, (held(0, 1), A), (held(0, 1), B)) == []
    assert len(folded(more, (held(0, 1), A), (held(0, 1.1), B))) == 0  # the second hour is its own
    assert len(folded(more, (held(0, 1.1), A), (held(0, 1.1), B))) == 1
    none = (ResourceCapacityOverridden(UUID(int=5), at(0), at(1), 0), COURT)
    (over,) = folded(none, (held(0.9, 2), A))
    assert (over.used, over.capacity, over.at) == (1, 0, at(0.9))
    assert folded(none, (held(1, 2), A)) == []


def test_an_override_or_its_end_that_leaves_somebody_without_room_is_found():
    name = UUID(int=5)
    assert len(folded((held(0, 1), A), (ResourceCapacityOverridden(name, at(0), at(1), 0), COURT))) == 1
    more = (ResourceCapacityOverridden(name, at(0), at(1), 2), COURT)
    crowd = (held(0, 1), A), (held(0, 1), B)
    assert len(folded(more, *crowd, (ResourceCapacityOverrideLifted(name), COURT))) == 2


def test_a_pace_that_was_not_kept_is_found():
    pace = (ResourcePacingSet(3, 15), COURT)
    assert folded(pace, (held(0, 2, 2), A), (held(0.25, 2, 2), B), capacity=9) == []
    (over,) = folded(pace, (held(0, 2, 2), A), (held(0.24, 2, 2), B), capacity=9)
    assert (over.cause, over.used, over.capacity) == ("pacing", 4, 3)
    assert folded((held(0, 2, 2), A), (held(0.1, 2, 2), B), pace, capacity=9) == []  # set later


def authorised(ledger, position=9):
    item = buffered(0, 1, overbooked=True)
    command = [(taken(item), B), (BookingOverbookingAuthorised((1,), "ann", "vip"), B)]
    return list(ledger.fold(command, position))


def ledger_of(*log, capacity=1):
    ledger = Ledger()
    for position, (event, stream) in enumerate([(ResourceRegistered(VENUE, "Court", "court", capacity), COURT), *log]):
        assert list(ledger.add(event, stream, position)) == []
    return ledger


def test_what_was_overbooked_is_no_breach_but_listed_with_who_and_why():
    ledger = ledger_of((held(0, 1), A))
    assert authorised(ledger) == []
    (one,) = ledger.overbooked
    assert (one.booking_id, one.item, one.by, one.why) == (B, 1, "ann", "vip")
    assert ledger.peak == {COURT: 2}


def test_what_was_overbooked_counts_against_whoever_comes_after():
    ledger = ledger_of((held(0, 1), A))
    authorised(ledger)
    assert list(ledger.add(BookingCancelled("venue"), A, 10)) == []
    assert len(list(ledger.add(held(0.5, 1), C, 11))) == 1


def test_an_item_that_calls_itself_overbooked_without_authority_is_a_breach():
    ledger = ledger_of((held(0, 1), A))
    assert len(list(ledger.add(taken(buffered(0, 1, overbooked=True)), B, 9))) == 1
    assert ledger.overbooked == []


def test_who_leaves_early_breaks_nothing_although_somebody_was_squeezed_in():
    ledger = ledger_of((held(0, 2), A))
    authorised(ledger)
    assert list(ledger.add(BookingCheckedOut((item(0, 0.75),)), A, 10)) == []
    assert len(list(ledger.add(BookingRescheduled((item(0, 0.9),)), A, 11))) == 1  # that is more than it had


def test_two_may_change_places_in_one_command_but_not_in_two():
    other = UUID(int=2)
    there = Item(1, other, at(0), at(1), "", "UTC")
    ledger = ledger_of((ResourceRegistered(VENUE, "Other", "court", 1), other), (held(0, 1), A), (taken(there), B))
    swap = [(BookingReassigned((there,)), A), (BookingReassigned((item(0, 1),)), B)]
    assert list(ledger.fold(swap, 9)) == []
    assert len(list(ledger.add(BookingReassigned((item(0, 1),)), A, 10))) == 1


def test_several_resources_and_bookings_are_told_apart():
    other = UUID(int=2)
    ledger = ledger_of(
        (ResourceRegistered(VENUE, "Other", "court", 1), other),
        (taken(item(0, 1), Item(2, other, at(0), at(1), "", "UTC")), A),
    )
    (over,) = ledger.add(taken(Item(1, other, at(0.5), at(1), "", "UTC")), B, 9)
    assert over.resource_id == other
    assert (ledger.bookings, ledger.peak) == (2, {COURT: 1, other: 2})
