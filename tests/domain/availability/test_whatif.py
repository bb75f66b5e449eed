"""What if: the bookings that a change of the configuration would strand, and what else there would be for them."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as some
from msgspec.structs import replace
from setups import booked, calendar, closure, court, daily, need, offering, simple, sold, staff, utc, venue, who

from domain.availability.setup import Setup
from domain.availability.whatif import alternatives, stranded
from domain.period import Period
from domain.resource.resource import Override, Pacing, Resource

NOW = utc(2027, 3, 1, 6)
TEN, NOON, TWO = utc(2027, 3, 1, 10), utc(2027, 3, 1, 12), utc(2027, 3, 1, 14)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def changed(before: Setup, *resources: Resource, **location: object) -> Setup:
    return replace(
        before, location=replace(before.location, **location), resources=before.resources | {r.id: r for r in resources}
    )


def codes(before: Setup, after: Setup, *uses, now=NOW) -> list[list[str]]:
    return [[reason.code for reason in it.reasons] for it in stranded(before, after, uses, now)]


open_court = court(hours=daily("08:00-20:00"))
here = simple(venue(), open_court)


def closing(starts_at, ends_at, cause="closure") -> Setup:
    shut = replace(open_court, calendar=calendar(daily("08:00-20:00"), closures=[closure(starts_at, ends_at, cause)]))
    return changed(here, shut)


def test_nothing_changes_and_nothing_is_stranded():
    assert stranded(here, here, [booked(open_court, TEN, NOON)], NOW) == []


def test_a_closure_strands_what_it_overlaps_and_not_what_it_touches():
    before, within, behind = (booked(open_court, at, at + HOUR) for at in (TEN - HOUR, TEN, TEN + HOUR))
    (found,) = stranded(here, closing(TEN, TEN + HOUR), [before, within, behind], NOW)
    assert (found.booking_id, found.item) == (within.booking_id, 1)
    (reason,) = found.reasons
    assert (reason.code, reason.until, reason.resource_id) == ("CLOSURE", TEN + HOUR, open_court.id)


@pytest.mark.parametrize(("cause", "hit"), [("closure", False), ("maintenance", True), ("absence", True)])
def test_a_buffer_may_stick_into_a_closure_and_into_nothing_else(cause, hit):
    use = booked(open_court, TEN, TEN + HOUR, after=15)
    assert bool(codes(here, closing(TEN + HOUR, NOON, cause), use)) == hit
    assert codes(here, closing(TEN + HOUR + timedelta(minutes=15), NOON, cause), use) == []


def test_other_hours_strand_what_no_longer_lies_within_them():
    after = changed(here, replace(open_court, calendar=calendar(daily("10:00-12:00"))))
    uses = [booked(open_court, at, at + HOUR) for at in (TEN - HOUR, TEN, TEN + HOUR, NOON)]
    assert [it.starts_at for it in stranded(here, after, uses, NOW)] == [TEN - HOUR, NOON]
    assert codes(here, after, *uses) == [["OUTSIDE_HOURS"], ["OUTSIDE_HOURS"]]


def test_a_date_that_is_closed_altogether_is_told_as_such():
    shut = replace(open_court, calendar=calendar(daily("08:00-20:00"), {date(2027, 3, 1): ()}))
    assert codes(here, changed(here, shut), booked(open_court, TEN, NOON)) == [["CLOSED_EXCEPTION"]]


def test_longer_hours_strand_nobody():
    after = changed(here, replace(open_court, calendar=calendar(daily("00:00-24:00"))))
    assert codes(here, after, booked(open_court, TEN, NOON)) == []


def test_the_whole_venue_may_close():
    after = changed(here, calendar=calendar(None, {date(2027, 3, 1): ()}))
    tomorrow = booked(open_court, TEN + 24 * HOUR, NOON + 24 * HOUR)
    assert codes(here, after, booked(open_court, TEN, NOON), tomorrow) == [["CLOSED_EXCEPTION"]]


def test_what_was_spoken_against_before_is_not_this_change_s_doing():
    late = booked(open_court, utc(2027, 3, 1, 21), utc(2027, 3, 1, 22))  # taken in by staff after hours
    after = changed(here, replace(open_court, calendar=calendar(daily("09:00-19:00"))))
    assert codes(here, after, late) == []


def test_what_is_over_or_dead_or_kept_for_a_waiter_is_left_alone():
    uses = [
        booked(open_court, NOW - 2 * HOUR, NOW),
        booked(open_court, TEN, NOON, expires_at=NOW),
        booked(open_court, TEN, NOON, kind="earmark"),
    ]
    after = closing(NOW - 24 * HOUR, NOW + 24 * HOUR)
    assert codes(here, after, *uses) == []
    assert codes(here, after, booked(open_court, NOW - 2 * HOUR, NOW + TICK)) == [["CLOSURE"]]
    assert codes(here, after, booked(open_court, TEN, NOON, expires_at=NOW + TICK)) == [["CLOSURE"]]


def test_a_session_loses_its_room_like_anybody():
    (found,) = stranded(here, closing(TEN, NOON), [booked(open_court, TEN, NOON, kind="session")], NOW)
    assert found.kind == "session"


# capacity

hall = court("Hall", capacity=10)
big = simple(venue(), hall)


def smaller(capacity: int) -> Setup:
    return changed(big, replace(hall, capacity=capacity))


def test_the_worked_example_with_two_units_less():
    """A 18-20 x4, B 19-21 x4, C 20-22 x6 in ten units: with eight, 20 to 21 is over-full, and A is not there."""
    six, seven, eight = (utc(2027, 3, 1, hour) for hour in (18, 19, 20))
    a, b, c = (booked(hall, at, at + 2 * HOUR, units) for at, units in ((six, 4), (seven, 4), (eight, 6)))
    found = stranded(big, smaller(8), [a, b, c], NOW)
    assert [it.booking_id for it in found] == [b.booking_id, c.booking_id]
    assert {(r.code, r.peak, r.capacity) for it in found for r in it.reasons} == {("CAPACITY", 10, 8)}
    assert stranded(big, smaller(10), [a, b, c], NOW) == []
    assert len(stranded(big, smaller(7), [a, b, c], NOW)) == 3


def test_all_that_lie_in_the_over_full_stretch_are_named_whoever_came_first():
    uses = [booked(hall, TEN, NOON, 3) for _ in range(3)]
    assert len(stranded(big, smaller(8), uses, NOW)) == 3
    assert stranded(big, smaller(9), uses, NOW) == []


def test_fewer_units_for_a_while_strand_who_is_there_then():
    after = changed(big, replace(hall, overrides={UUID(int=1): Override(TEN, NOON, 2)}))
    now, later = booked(hall, TEN, NOON, 3), booked(hall, NOON, TWO, 3)
    (found,) = stranded(big, after, [now, later], NOW)
    assert found.booking_id == now.booking_id
    assert (found.reasons[0].peak, found.reasons[0].capacity) == (3, 2)


def test_what_is_over_full_already_is_told_only_where_it_gets_worse():
    uses = [booked(hall, TEN, NOON, 7), booked(hall, TEN, NOON, 5, authorised=True)]
    assert stranded(big, changed(big, replace(hall, capacity=11)), uses, NOW) == []
    assert len(stranded(big, smaller(9), uses, NOW)) == 2


def test_buffers_count_where_they_are_exclusive():
    uses = [booked(hall, TEN, TEN + HOUR, 5, after=15), booked(hall, TEN + HOUR, NOON, 5)]
    assert len(stranded(big, smaller(9), uses, NOW)) == 2
    assert stranded(big, smaller(9), [replace(use, shared=True) for use in uses], NOW) == []


def test_what_is_past_is_past_even_of_a_booking_that_lasts():
    uses = [booked(hall, NOW - 3 * HOUR, NOW - HOUR, 6), booked(hall, NOW - 2 * HOUR, NOW + HOUR, 4)]
    assert stranded(big, smaller(9), uses, NOW) == []


# pacing


def paced(units: int | None, minutes: int = 15) -> Setup:
    return changed(big, replace(hall, pacing=None if units is None else Pacing(units, minutes)))


def test_where_too_many_would_start_together_everybody_is_named_who_starts_then():
    quarter = timedelta(minutes=15)
    uses = [booked(hall, at, at + HOUR, 3) for at in (TEN, TEN + quarter - TICK, TEN + quarter, NOON)]
    found = stranded(big, paced(5), uses, NOW)
    assert [it.starts_at for it in found] == [TEN, TEN + quarter - TICK, TEN + quarter]
    assert {(r.code, r.peak, r.capacity, r.free) for it in found for r in it.reasons} == {("PACING", 6, 5, 0)}
    assert stranded(big, paced(6), uses, NOW) == []
    assert [it.starts_at for it in stranded(big, paced(2), uses, NOW)][-1] == NOON, "three alone are too many"


def test_a_quarter_that_was_too_full_is_told_only_where_it_gets_worse():
    uses = [booked(hall, TEN, NOON, 3), booked(hall, TEN, NOON, 3, authorised=True)]
    assert stranded(paced(5), paced(5, 10), uses, NOW) == []
    assert len(stranded(paced(5), paced(4), uses, NOW)) == 2
    assert stranded(paced(5), paced(None), uses, NOW) == []
    assert stranded(paced(5), changed(paced(5), replace(paced(5).resources[hall.id], capacity=6)), uses, NOW) == []


def test_what_has_begun_begins_no_other_time_and_counts_all_the_same():
    begun, next_ = booked(hall, NOW, NOON, 3), booked(hall, NOW + TICK, NOON, 3)
    assert [it.starts_at for it in stranded(big, paced(5), [begun, next_], NOW)] == [NOW + TICK]


@drawn(
    starts=some.lists(some.tuples(some.integers(0, 40), some.integers(1, 4)), max_size=10),
    units=some.integers(1, 6),
    window=some.integers(1, 12),
)
def test_pacing_agrees_with_a_look_at_every_window(starts, units, window):
    there = [booked(hall, NOW + n * MINUTE, NOW + n * MINUTE + HOUR, some) for n, some in starts if n]
    hit = set()
    for first in range(-window, 42):
        within = [use for use in there if NOW + first * MINUTE <= use.starts_at < NOW + (first + window) * MINUTE]
        if sum(use.units for use in within) > units:
            hit |= {use.booking_id for use in within}
    found = stranded(big, paced(units, window), there, NOW)
    assert {it.booking_id for it in found if "PACING" in [r.code for r in it.reasons]} == hit


# what is set aside


def test_what_is_set_aside_for_who_waits_is_told_apart():
    kept, taken = booked(open_court, TEN, NOON, kind="earmark"), booked(open_court, TWO, TWO + HOUR)
    after = closing(TEN, TWO + HOUR)
    assert [it.booking_id for it in stranded(here, after, [kept, taken], NOW)] == [taken.booking_id]
    (found,) = stranded(here, after, [kept, taken], NOW, kept=True)
    assert (found.booking_id, found.reasons[0].code) == (kept.booking_id, "CLOSURE")


@drawn(
    uses=some.lists(some.tuples(some.integers(0, 20), some.integers(1, 6), some.integers(1, 4)), max_size=8),
    capacity=some.integers(1, 12),
    less=some.none() | some.tuples(some.integers(0, 20), some.integers(1, 6), some.integers(0, 12)),
)
def test_it_agrees_with_a_count_hour_by_hour(uses, capacity, less):
    there = [booked(hall, NOW + a * HOUR, NOW + (a + n) * HOUR, units) for a, n, units in uses]
    overrides = {} if less is None else {
        UUID(int=1): Override(NOW + less[0] * HOUR, NOW + (less[0] + less[1]) * HOUR, less[2])
    }  # fmt: skip
    after = changed(big, replace(hall, capacity=capacity, overrides=overrides))
    hit = set()
    for hour in range(40):
        at = NOW + hour * HOUR
        now_there = [use for use in there if use.starts_at <= at < use.ends_at]
        most = less[2] if less is not None and less[0] <= hour < less[0] + less[1] else capacity
        used = sum(use.units for use in now_there)
        if used > most and used - most > max(used - 10, 0):
            hit |= {use.booking_id for use in now_there}
    assert {it.booking_id for it in stranded(big, after, there, NOW)} == hit


# what else there is

one, two = court("Court 1"), court("Court 2")
club = sold(venue(hours=daily("08:00-20:00")), offering(need("court", one, two), step=60), one, two)


def closed_one() -> Setup:
    return changed(club, replace(one, calendar=calendar(closures=[closure(TEN, NOON)])))


def test_another_unit_at_the_same_time_comes_first():
    use = booked(one, TEN, TEN + HOUR)
    found = alternatives(closed_one(), [use], use.booking_id, Period(TEN, TEN + HOUR), 1, NOW)
    assert [slot.starts_at for slot in found] == [TEN, TEN - HOUR, TEN + HOUR]
    assert who(found[0]) == {"court": (two.id,)}


def test_where_the_other_unit_is_taken_the_nearest_time_comes_first():
    uses = [booked(one, TEN, TEN + HOUR), booked(two, TEN - HOUR, NOON)]
    found = alternatives(closed_one(), uses, uses[0].booking_id, Period(TEN, TEN + HOUR), 1, NOW)
    assert [slot.starts_at for slot in found] == [TEN - HOUR, TEN - 2 * HOUR, NOON]  # of two as near the earlier


def test_nothing_that_has_begun_is_offered():
    use = booked(one, TEN, TEN + HOUR)
    now = utc(2027, 3, 1, 9, 30)
    found = alternatives(closed_one(), [use], use.booking_id, Period(TEN, TEN + HOUR), 1, now)
    assert min(slot.starts_at for slot in found) == TEN


def test_what_is_no_longer_sold_for_so_long_has_none():
    use = booked(one, TEN, TEN + 2 * HOUR)
    assert alternatives(closed_one(), [use], use.booking_id, Period(TEN, TEN + 2 * HOUR), 1, NOW) == []


def test_staff_who_are_away_are_told_as_staff():
    ann = staff("Ann")
    before = simple(venue(), ann)
    after = changed(before, replace(ann, calendar=calendar(closures=[closure(TEN, NOON, "absence")])))
    assert codes(before, after, booked(ann, TEN, TEN + HOUR)) == [["NO_STAFF"]]
