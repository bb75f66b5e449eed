"""Which weekly hours can be written down."""

import pytest
from given import given

from domain.hours import BadHours, Opening, WeeklyHours
from domain.resource import errors, events
from domain.resource.resource import MOST_UNITS, Resource


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
