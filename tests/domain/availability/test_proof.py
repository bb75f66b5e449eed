"""The proof is silent about sound logs, and barks at every planted overlap."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.availability.proof import Ledger
from domain.booking.events import BookingCancelled, BookingConfirmed, BookingHeld, BookingRescheduled, Item
from domain.resource.events import ResourceCapacityChanged, ResourceRegistered

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
