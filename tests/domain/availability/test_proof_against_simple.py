"""Random logs: the proof with packed claims says exactly what the simple one says."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from simple_ledger import SimpleLedger

from domain.availability.proof import Ledger
from domain.booking.events import (
    BookingCancelled,
    BookingHeld,
    BookingOverbookingAuthorised,
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

COURTS = [UUID(int=1), UUID(int=2)]
VENUE = UUID(int=3)
NOON = datetime(2027, 1, 5, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
BOOKINGS = [UUID(int=0x1000 * n) for n in range(1, 7)]
"""Their last bits are the same: the places of all lie together."""


def at(quarters):
    return NOON + quarters * QUARTER


def item(number, court, start, length, units, before, after, shared, overbooked):
    return Item(
        number, COURTS[court], at(start), at(start + length), "", "UTC", units, 15 * before, 15 * after, shared, "",
        overbooked,
    )  # fmt: skip


# Long ones too, so that days and nights are crossed.
courts = st.integers(0, 1)
rare = st.sampled_from([False, False, False, True])
small = st.integers(0, 2)
starts = st.integers(-8, 8) | st.integers(-200, 200)
lengths = st.integers(1, 6) | st.integers(1, 300)
one = st.tuples(courts, starts, lengths, st.integers(1, 3), small, small, rare, rare)
several = st.lists(one, min_size=1, max_size=3).map(lambda them: tuple(item(n, *it) for n, it in enumerate(them, 1)))
bookings = st.sampled_from(BOOKINGS)
about_bookings = st.tuples(
    st.builds(BookingHeld, st.just("ABCD2345"), st.just(VENUE), several, st.just(NOON))
    | st.builds(BookingRescheduled, several)
    | st.just(BookingCancelled("venue"))
    | st.builds(BookingOverbookingAuthorised, st.just((1, 2)), st.just("ann"), st.just("vip")),
    bookings,
)
overrides = st.builds(
    lambda name, start, length, capacity: ResourceCapacityOverridden(
        UUID(int=name), at(start), at(start + length), capacity
    ),
    st.integers(1, 2), starts, lengths, st.integers(0, 4),
)  # fmt: skip
about_courts = st.tuples(
    st.builds(ResourceCapacityChanged, st.integers(1, 4))
    | overrides
    | st.builds(ResourceCapacityOverrideLifted, st.integers(1, 2).map(lambda n: UUID(int=n)))
    | st.builds(ResourcePacingSet, st.none() | st.integers(1, 3), st.just(30)),
    courts.map(COURTS.__getitem__),
)
commands = st.tuples(
    st.lists(about_bookings | about_bookings | about_courts, min_size=1, max_size=3), st.none() | starts.map(at)
)


def honest(log):
    """Nobody is held twice while they stand: an item would be claimed twice without having been let go."""
    standing = set()
    for events, moment in log:
        kept = []
        for fact, stream in events:
            if isinstance(fact, BookingHeld):
                if stream in standing:
                    continue
                standing.add(stream)
            elif isinstance(fact, BookingRescheduled):
                standing.add(stream)
            elif isinstance(fact, BookingCancelled):
                standing.discard(stream)
            kept.append((fact, stream))
        yield kept, moment


def told(ledger, log, capacities):
    breaches = []
    for n, capacity in enumerate(capacities):
        breaches += ledger.add(ResourceRegistered(VENUE, "Court", "court", capacity), COURTS[n], n + 1)
    for position, (events, moment) in enumerate(log, 10):
        breaches += ledger.fold(events, position, moment)
    return sorted(breaches, key=repr), ledger.overbooked, ledger.peak, ledger.capacity, ledger.bookings


HOUR = (item(1, 0, 0, 4, 1, 0, 0, False, False),)


@settings(max_examples=400, deadline=None)
@given(st.lists(commands, max_size=25), st.tuples(st.integers(1, 4), st.integers(1, 4)))
@example([([(BookingHeld("ABCD2345", VENUE, HOUR, NOON), it)], None) for it in BOOKINGS], (1, 1))
def test_packed_and_simple_say_the_same(log, capacities):
    log = list(honest(log))
    packed, simple = told(Ledger(), log, capacities), told(SimpleLedger(), log, capacities)
    assert packed == simple
    event("sound" if not packed[0] else "breaches: " + ", ".join(sorted({one.cause for one in packed[0]})))


def test_what_was_let_go_leaves_nothing_behind():
    ledger = Ledger()
    list(ledger.add(ResourceRegistered(VENUE, "Court", "court", 9), COURTS[0], 1))
    for position in range(2, 30):
        for booking in BOOKINGS:
            list(ledger.add(BookingRescheduled((item(1, 0, position, 300, 1, 0, 0, True, False),)), booking, position))
    for booking in BOOKINGS:
        list(ledger.add(BookingCancelled("venue"), booking, 99))
    assert not ledger._places._shards
    assert [(standing._by_day, standing.shared) for standing in ledger._numbered] == [({}, 0)]
