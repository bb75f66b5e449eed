"""Weekly opening hours on a wall clock."""

from datetime import UTC, datetime, timedelta

import pytest
from given import given

from domain.hours import BadHours, Opening, WeeklyHours, open_spans, open_throughout
from domain.period import Period
from domain.resource import errors, events
from domain.resource.resource import MOST_UNITS, Resource

NEW_YORK = "America/New_York"
TICK = timedelta(seconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def daily(opens: int, closes: int) -> WeeklyHours:
    return WeeklyHours(*[(Opening(opens, closes),)] * 7)


def test_open_until_closing_and_not_a_second_longer():
    hours = daily(9 * 60, 17 * 60)
    opens, closes = utc(2027, 1, 5, 14), utc(2027, 1, 5, 22)
    assert open_throughout(hours, NEW_YORK, Period(opens, closes))
    assert not open_throughout(hours, NEW_YORK, Period(opens - TICK, closes))
    assert not open_throughout(hours, NEW_YORK, Period(opens, closes + TICK))


def test_no_hours_at_all_means_always():
    assert open_throughout(None, NEW_YORK, Period(utc(2027, 1, 1), utc(2027, 2, 1)))
    assert not open_throughout(WeeklyHours(), NEW_YORK, Period(utc(2027, 1, 1), utc(2027, 1, 2)))


def test_an_evening_may_run_past_midnight():
    hours = WeeklyHours(friday=(Opening(20 * 60, 26 * 60),))  # Friday 20:00 to Saturday 02:00
    assert open_throughout(hours, "UTC", Period(utc(2027, 1, 1, 23), utc(2027, 1, 2, 2)))
    assert open_throughout(hours, "UTC", Period(utc(2027, 1, 2, 0, 30), utc(2027, 1, 2, 1)))
    assert not open_throughout(hours, "UTC", Period(utc(2027, 1, 2, 1), utc(2027, 1, 2, 2, 1)))


def test_midnight_is_no_barrier_between_spans_that_touch():
    assert open_throughout(daily(0, 1440), NEW_YORK, Period(utc(2027, 3, 13, 20), utc(2027, 3, 15, 20)))


def test_a_closing_time_that_comes_twice_closes_at_the_second():
    _, night = open_spans(daily(0, 90), NEW_YORK, utc(2026, 11, 1).date(), utc(2026, 11, 1).date())
    assert night == Period(utc(2026, 11, 1, 4), utc(2026, 11, 1, 6, 30))


def test_an_opening_in_the_gap_opens_shifted():
    hours = WeeklyHours(sunday=(Opening(150, 360),))
    (morning,) = open_spans(hours, NEW_YORK, utc(2027, 3, 14).date(), utc(2027, 3, 14).date())
    assert morning == Period(utc(2027, 3, 14, 7, 30), utc(2027, 3, 14, 10))


@pytest.mark.parametrize(
    ("openings", "sound"),
    [
        ((), True),
        (((0, 2880),), True),
        (((540, 720), (720, 1020)), True),
        (((720, 1020), (540, 720)), True),
        (((540, 721), (720, 1020)), False),
        (((540, 540),), False),
        (((-1, 60),), False),
        (((1439, 2881),), False),
        (((1440, 1500),), False),
    ],
)
def test_which_hours_are_sound(openings, sound):
    hours = WeeklyHours(tuesday=tuple(Opening(*pair) for pair in openings))
    assert hours.sound is sound
    story = given(Resource).when(lambda r: r.change_hours(hours))
    if sound:
        story.then(events.ResourceHoursChanged(hours))
    else:
        story.refused(BadHours)


@pytest.mark.parametrize(("capacity", "fine"), [(1, True), (MOST_UNITS, True), (0, False), (MOST_UNITS + 1, False)])
def test_a_capacity_is_one_to_a_hundred_thousand(capacity, fine):
    story = given(Resource).when(lambda r: r.change_capacity(capacity))
    if not fine:
        story.refused(errors.BadCapacity)
    else:
        story.then(*([] if capacity == 1 else [events.ResourceCapacityChanged(capacity)]))
