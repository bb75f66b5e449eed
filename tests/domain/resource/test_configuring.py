"""What staff set up about a resource: each rule with a yes, a no and its edge."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from given import given

from domain.calendar import MOST_AHEAD, Closure, OutOfYears, TooManyAhead, meant
from domain.errors import Refusal
from domain.hours import BadHours, Opening
from domain.localtime import AmbiguousLocalTime, NonexistentLocalTime
from domain.period import EmptyPeriod, NaiveTime
from domain.resource import errors
from domain.resource.events import (
    ResourceBufferModeSet,
    ResourceCapacityChanged,
    ResourceCapacityOverridden,
    ResourceCapacityOverrideLifted,
    ResourceClosed,
    ResourceDescribed,
    ResourceExceptionLifted,
    ResourceExceptionSet,
    ResourcePacingSet,
    ResourceRegistered,
    ResourceReopened,
    ResourceSellingSet,
    Seats,
)
from domain.resource.resource import Override, Pacing, Resource, sold_by_themselves

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
TODAY = NOW.date()
ONE, TWO = UUID(int=1), UUID(int=2)
HERE = UUID(int=9)

court = ResourceRegistered(HERE, "Court 1", "court", 1)
pool = ResourceRegistered(HERE, "Pool", "lane", 6)
ann = ResourceRegistered(HERE, "Ann", "staff", 1)


# what it is


def test_it_is_described_whole_with_features_in_order_and_once():
    described = ResourceDescribed(("floodlit", "indoor"), Seats(2, 4), 7)
    given(Resource, court).when(lambda r: r.describe(["indoor", "floodlit", "indoor"], Seats(2, 4), 7)).then(described)
    given(Resource, court, described).when(lambda r: r.describe(("floodlit", "indoor"), Seats(2, 4), 7)).then()
    given(Resource, court, described).when(lambda r: r.describe((), None, 0)).then(ResourceDescribed())


@pytest.mark.parametrize(
    ("features", "seats", "cost", "why"),
    [
        (["Indoor"], None, 0, errors.BadFeatures),
        ([""], None, 0, errors.BadFeatures),
        (["x" * 41], None, 0, errors.BadFeatures),
        (["a b"], None, 0, errors.BadFeatures),
        ([f"f{n}" for n in range(51)], None, 0, errors.BadFeatures),
        ([], Seats(0, 2), 0, errors.BadSeats),
        ([], Seats(3, 2), 0, errors.BadSeats),
        ([], Seats(1, 1001), 0, errors.BadSeats),
        ([], None, -1, errors.BadCost),
        ([], None, 1_000_001, errors.BadCost),
    ],
)
def test_it_is_not_described_so(features, seats, cost, why):
    given(Resource, court).when(lambda r: r.describe(features, seats, cost)).refused(why)


def test_the_edges_of_a_description():
    features = tuple(sorted("x" * n for n in range(1, 41)))
    described = ResourceDescribed(features, Seats(1, 1000), 1_000_000)
    given(Resource, court).when(lambda r: r.describe(features, Seats(1, 1000), 1_000_000)).then(described)


def test_a_member_of_staff_is_one():
    given(Resource).when(lambda r: r.register(HERE, "Ann", "staff", 1, None)).then(ann)
    given(Resource).when(lambda r: r.register(HERE, "Ann", "staff", 2, None)).refused(errors.StaffAreOne)
    given(Resource, ann).when(lambda r: r.change_capacity(2)).refused(errors.StaffAreOne)
    given(Resource, ann).when(lambda r: r.override_capacity(ONE, TEN, TEN + HOUR, 2, NOW)).refused(errors.StaffAreOne)
    given(Resource, ann).when(lambda r: r.override_capacity(ONE, TEN, TEN + HOUR, 0, NOW)).then(
        ResourceCapacityOverridden(ONE, TEN, TEN + HOUR, 0)
    )


# dates that replace the week


def test_a_date_has_hours_of_its_own_until_they_are_lifted():
    late = (Opening(600, 720), Opening(780, 2880))
    set_so = ResourceExceptionSet(TODAY, late)
    after = given(Resource, court).when(lambda r: r.set_exception(TODAY, late[::-1], NOW)).then(set_so)
    assert after.calendar.exceptions == {TODAY: late}
    given(Resource, court, set_so).when(lambda r: r.set_exception(TODAY, late, NOW)).then()
    given(Resource, court, set_so).when(lambda r: r.set_exception(TODAY, (), NOW)).then(ResourceExceptionSet(TODAY, ()))
    lifted = given(Resource, court, set_so).when(lambda r: r.lift_exception(TODAY)).then(ResourceExceptionLifted(TODAY))
    assert lifted.calendar.exceptions == {}
    given(Resource, court).when(lambda r: r.lift_exception(TODAY)).then()


@pytest.mark.parametrize(
    "openings", [(Opening(600, 600),), (Opening(0, 2881),), (Opening(1440, 1500),), (Opening(0, 61), Opening(60, 90))]
)
def test_a_date_has_no_such_hours(openings):
    given(Resource, court).when(lambda r: r.set_exception(TODAY, openings, NOW)).refused(BadHours)


@pytest.mark.parametrize(("on", "fine"), [
    (date(1970, 1, 1), True), (date(1969, 12, 31), False), (date(2199, 12, 31), True), (date(2200, 1, 1), False),
])  # fmt: skip
def test_dates_lie_in_the_years_that_zones_are_asked_in(on, fine):
    story = given(Resource, court).when(lambda r: r.set_exception(on, (), NOW))
    if fine:
        story.then(ResourceExceptionSet(on, ()))
    else:
        story.refused(OutOfYears)


def test_a_thousand_dates_ahead_are_enough_and_those_behind_do_not_count():
    ahead = [ResourceExceptionSet(TODAY + timedelta(days=n), ()) for n in range(MOST_AHEAD)]
    more = TODAY + timedelta(days=5000)
    given(Resource, court, *ahead).when(lambda r: r.set_exception(more, (), NOW)).refused(TooManyAhead)
    changed = ResourceExceptionSet(TODAY, (Opening(0, 60),))
    given(Resource, court, *ahead).when(lambda r: r.set_exception(TODAY, (Opening(0, 60),), NOW)).then(changed)
    later = NOW + timedelta(days=2)
    given(Resource, court, *ahead).when(lambda r: r.set_exception(more, (), later)).then(ResourceExceptionSet(more, ()))


# closures, maintenance, absence


def test_it_is_closed_for_a_while_and_opens_again():
    away = Closure(ONE, TEN, TEN + HOUR, "absence")
    after = given(Resource, ann).when(lambda r: r.close(away, NOW)).then(ResourceClosed(away))
    assert after.calendar.closures == {ONE: away}
    given(Resource, ann, ResourceClosed(away)).when(lambda r: r.close(away, NOW)).then()
    back = given(Resource, ann, ResourceClosed(away)).when(lambda r: r.reopen(ONE)).then(ResourceReopened(ONE))
    assert back.calendar.closures == {}
    given(Resource, ann).when(lambda r: r.reopen(ONE)).then()


def test_the_same_closure_moves_and_is_kept_in_utc():
    was = ResourceClosed(Closure(ONE, TEN, TEN + HOUR))
    eastern = TEN.astimezone(ZoneInfo("America/New_York"))
    moved = (
        given(Resource, court, was)
        .when(lambda r: r.close(Closure(ONE, eastern, TEN + 2 * HOUR), NOW))
        .then(ResourceClosed(Closure(ONE, TEN, TEN + 2 * HOUR)))
    )
    assert moved.calendar.closures[ONE].starts_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "why"),
    [
        (TEN, TEN, EmptyPeriod),
        (TEN, TEN - TICK, EmptyPeriod),
        (TEN.replace(tzinfo=None), TEN, NaiveTime),
        (TEN, datetime(2200, 1, 1, tzinfo=UTC), OutOfYears),
        (datetime(1969, 12, 31, tzinfo=UTC), TEN, OutOfYears),
    ],
)
def test_no_closure_is_so(starts_at, ends_at, why):
    given(Resource, court).when(lambda r: r.close(Closure(ONE, starts_at, ends_at), NOW)).refused(why)
    given(Resource, court).when(lambda r: r.override_capacity(ONE, starts_at, ends_at, 0, NOW)).refused(why)


def test_a_thousand_closures_ahead_are_enough():
    ahead = [ResourceClosed(Closure(UUID(int=n), TEN, TEN + HOUR)) for n in range(MOST_AHEAD)]
    new = Closure(UUID(int=MOST_AHEAD), TEN, TEN + HOUR)
    given(Resource, court, *ahead).when(lambda r: r.close(new, NOW)).refused(TooManyAhead)
    given(Resource, court, *ahead).when(lambda r: r.close(new, TEN + HOUR)).then(ResourceClosed(new))
    given(Resource, court, *ahead[1:]).when(lambda r: r.close(new, NOW)).then(ResourceClosed(new))


def test_what_is_typed_without_offset_is_on_the_wall_and_never_guessed():
    assert meant(datetime(2027, 3, 14, 1, 30), "America/New_York") == datetime(2027, 3, 14, 6, 30, tzinfo=UTC)
    assert meant(TEN, "America/New_York") is not None
    with pytest.raises(NonexistentLocalTime):
        meant(datetime(2027, 3, 14, 2, 30), "America/New_York")
    with pytest.raises(AmbiguousLocalTime):
        meant(datetime(2027, 11, 7, 1, 30), "America/New_York")
    with pytest.raises(OutOfYears):
        meant(datetime(9999, 12, 31), "America/New_York")


# capacity for a while


def test_a_capacity_is_another_for_a_while():
    more = ResourceCapacityOverridden(ONE, TEN, TEN + HOUR, 9)
    after = given(Resource, pool).when(lambda r: r.override_capacity(ONE, TEN, TEN + HOUR, 9, NOW)).then(more)
    assert after.overrides == {ONE: Override(TEN, TEN + HOUR, 9)}
    given(Resource, pool, more).when(lambda r: r.override_capacity(ONE, TEN, TEN + HOUR, 9, NOW)).then()
    lifted = (
        given(Resource, pool, more)
        .when(lambda r: r.lift_capacity_override(ONE))
        .then(ResourceCapacityOverrideLifted(ONE))
    )
    assert lifted.overrides == {}
    given(Resource, pool).when(lambda r: r.lift_capacity_override(ONE)).then()


def test_the_same_override_moves_by_ending_first():
    more = ResourceCapacityOverridden(ONE, TEN, TEN + HOUR, 9)
    given(Resource, pool, more).when(lambda r: r.override_capacity(ONE, TEN, TEN + 2 * HOUR, 3, NOW)).then(
        ResourceCapacityOverrideLifted(ONE), ResourceCapacityOverridden(ONE, TEN, TEN + 2 * HOUR, 3)
    )


@pytest.mark.parametrize(("capacity", "fine"), [(0, True), (100_000, True), (-1, False), (100_001, False)])
def test_an_override_has_none_to_a_hundred_thousand_units(capacity, fine):
    story = given(Resource, pool).when(lambda r: r.override_capacity(ONE, TEN, TEN + HOUR, capacity, NOW))
    if fine:
        story.then(ResourceCapacityOverridden(ONE, TEN, TEN + HOUR, capacity))
    else:
        story.refused(errors.BadOverride)


@pytest.mark.parametrize(
    ("minutes", "fine"), [(-61, True), (-60, True), (-59, False), (0, False), (59, False), (60, True)]
)
def test_overrides_may_touch_but_not_overlap_and_the_other_is_named(minutes, fine):
    other = ResourceCapacityOverridden(TWO, TEN, TEN + HOUR, 9)
    start = TEN + timedelta(minutes=minutes)
    story = given(Resource, pool, other).when(lambda r: r.override_capacity(ONE, start, start + HOUR, 3, NOW))
    if fine:
        story.then(ResourceCapacityOverridden(ONE, start, start + HOUR, 3))
    else:
        story.refused(errors.OverridesOverlap, override_id=TWO, starts_at=TEN, ends_at=TEN + HOUR, capacity=9)


# pacing and buffers


def test_pacing_is_set_and_taken_off():
    paced = ResourcePacingSet(12, 15)
    assert given(Resource, pool).when(lambda r: r.set_pacing(12, 15)).then(paced).pacing == Pacing(12, 15)
    given(Resource, pool, paced).when(lambda r: r.set_pacing(12, 15)).then()
    given(Resource, pool, paced).when(lambda r: r.set_pacing(None)).then(ResourcePacingSet(None, 15))
    given(Resource, pool).when(lambda r: r.set_pacing(None, 30)).then()


@pytest.mark.parametrize(
    ("units", "minutes", "fine"),
    [(1, 1, True), (100_000, 1440, True), (0, 15, False), (100_001, 15, False), (1, 0, False), (1, 1441, False),
     (None, 0, False)],
)  # fmt: skip
def test_the_edges_of_pacing(units, minutes, fine):
    story = given(Resource, pool).when(lambda r: r.set_pacing(units, minutes))
    if fine:
        story.then(ResourcePacingSet(units, minutes))
    else:
        story.refused(errors.BadPacing)


def test_buffers_are_shared_only_where_there_is_never_more_than_one():
    shared = ResourceBufferModeSet("shared")
    given(Resource, court).when(lambda r: r.set_buffer_mode("shared", NOW)).then(shared)
    given(Resource, court, shared).when(lambda r: r.set_buffer_mode("shared", NOW)).then()
    given(Resource, court).when(lambda r: r.set_buffer_mode("exclusive", NOW)).then()
    given(Resource, pool).when(lambda r: r.set_buffer_mode("shared", NOW)).refused(errors.SharedNeedsOneUnit)
    given(Resource, court, shared).when(lambda r: r.change_capacity(2)).refused(errors.SharedNeedsOneUnit)
    given(Resource, court, shared).when(lambda r: r.override_capacity(ONE, TEN, TEN + HOUR, 2, NOW)).refused(
        errors.SharedNeedsOneUnit
    )
    given(Resource, court, shared).when(lambda r: r.override_capacity(ONE, TEN, TEN + HOUR, 0, NOW)).then(
        ResourceCapacityOverridden(ONE, TEN, TEN + HOUR, 0)
    )
    alone = ResourceBufferModeSet("exclusive")
    given(Resource, court, shared, alone).when(lambda r: r.change_capacity(2)).then(ResourceCapacityChanged(2))


def test_an_override_to_more_than_one_stands_against_shared_buffers_while_it_lasts():
    two = ResourceCapacityOverridden(ONE, TEN, TEN + HOUR, 2)
    story = given(Resource, court, two)
    story.when(lambda r: r.set_buffer_mode("shared", TEN + HOUR - TICK)).refused(errors.SharedNeedsOneUnit)
    story.when(lambda r: r.set_buffer_mode("shared", TEN + HOUR)).then(ResourceBufferModeSet("shared"))


# how it is sold


def test_a_resource_is_sold_by_itself_until_somebody_says_otherwise():
    apart, again = ResourceSellingSet(False), ResourceSellingSet(True)
    assert given(Resource, court).when(lambda r: r.set_selling(True)).then().sold_by_itself
    assert not given(Resource, court).when(lambda r: r.set_selling(False)).then(apart).sold_by_itself
    given(Resource, court, apart).when(lambda r: r.set_selling(False)).then()
    assert given(Resource, court, apart).when(lambda r: r.set_selling(True)).then(again).sold_by_itself


def test_of_several_those_are_named_that_are_not_sold_by_themselves():
    alone = [Resource(id=ONE), Resource(id=TWO)]
    sold_by_themselves(alone)
    sold_by_themselves([])
    with pytest.raises(errors.NotSoldByItself) as refused:
        sold_by_themselves([*alone, Resource(id=UUID(int=9), sold_by_itself=False)])
    assert refused.value.detail == {"resource_ids": [UUID(int=9)]}


def test_refusals_say_what_would_be_right():
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, Refusal) and kind.__module__ == errors.__name__:
            assert (kind.__doc__ or "").endswith(".")
