"""What a row of the hotel data becomes, rule by rule."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import hotel_sheet as sheet
import pytest
from hotel_sheet import cancelled, missed, stayed

from application.booking.commands import Amend, Approve, Cancel, CheckIn, Complete, MarkNoShow, PlaceHold, Reschedule
from interfaces.history.hotel_bookings import HotelBookings
from interfaces.history.story import CannotBe, Ids, Row, Story

IDS = Ids(UUID(int=1), "hotel-bookings")
ARRIVAL = date(2016, 3, 10)


def told(cells: sheet.Cells) -> Story:
    return HotelBookings().story(Row(2, cells, "key"), IDS)


def said(story: Story) -> list[str]:
    """The steps, with their moments on the wall of Lisbon (winter: UTC)."""
    return [f"{step.name} {step.at:%m-%d %H:%M}" for step in story.steps]


def rules(story: Story) -> list[str]:
    return [note.rule for note in story.settled]


def held(story: Story) -> PlaceHold:
    hold = story.steps[0].command
    assert isinstance(hold, PlaceHold)
    return hold


def test_a_stay_is_booked_and_confirmed_then_arrives_and_leaves() -> None:
    story = told(stayed())
    assert said(story) == ["book 02-19 10:00", "arrive 03-10 15:00", "leave 03-12 11:00"]
    assert [type(step.command) for step in story.steps] == [PlaceHold, CheckIn, Complete]
    assert held(story).then == "confirm"
    assert held(story).party_size == 2
    assert rules(story) == []


def test_it_lasts_whole_nights() -> None:
    item = held(told(stayed(stays_in_week_nights=3, stays_in_weekend_nights=2))).items[0]
    assert item.starts_at == datetime(2016, 3, 10, 15, tzinfo=UTC)
    assert item.ends_at == datetime(2016, 3, 15, 11, tzinfo=UTC)


def test_clock_times_stay_what_they_are_when_the_clocks_change() -> None:
    item = held(told(stayed(date(2016, 3, 26)))).items[0]
    assert item.starts_at == datetime(2016, 3, 26, 15, tzinfo=UTC)
    assert item.ends_at == datetime(2016, 3, 28, 10, tzinfo=UTC)


def test_no_nights_are_a_day_visit() -> None:
    story = told(stayed(stays_in_week_nights=0))
    assert said(story) == ["book 02-19 10:00", "arrive 03-10 11:00", "leave 03-10 15:00"]
    assert rules(story) == ["day-visit"]


def test_a_day_visit_touches_the_nights_around_it_and_overlaps_neither() -> None:
    visit = held(told(stayed(stays_in_week_nights=0))).items[0]
    before = held(told(stayed(date(2016, 3, 8)))).items[0]
    after = held(told(stayed())).items[0]
    assert before.ends_at == visit.starts_at
    assert visit.ends_at == after.starts_at


def test_booked_on_the_day_itself_comes_before_everything_else_of_that_day() -> None:
    assert said(told(stayed(lead_time=0, stays_in_week_nights=0)))[:2] == ["book 03-10 10:00", "arrive 03-10 11:00"]


def test_who_left_early_left_then_and_the_nights_stand() -> None:
    story = told(stayed(stays_in_week_nights=7, ends=3))
    assert said(story)[-1] == "leave 03-13 11:00"
    assert held(story).items[0].ends_at == datetime(2016, 3, 17, 11, tzinfo=UTC)
    assert rules(story) == ["left-early"]
    assert story.steps[-1].reason is not None


def test_who_left_on_the_day_of_arrival_left_after_arriving() -> None:
    assert said(told(stayed(stays_in_week_nights=7, ends=0)))[-2:] == ["arrive 03-10 15:00", "leave 03-10 22:00"]


def test_who_stayed_on_left_later() -> None:
    story = told(stayed(ends=4))
    assert said(story)[-1] == "leave 03-14 11:00"
    assert rules(story) == ["left-late"]


def test_cancelled_at_noon_of_its_status_date() -> None:
    story = told(cancelled())
    assert said(story) == ["book 02-19 10:00", "cancel 03-05 12:00"]
    assert isinstance(story.steps[-1].command, Cancel)


@pytest.mark.parametrize("days", [0, -20], ids=["on the day of arrival", "on the day it was booked"])
def test_cancelled_on_either_edge(days: int) -> None:
    assert told(cancelled(ends=days)).steps[-1].at.hour == 12


def test_nobody_came() -> None:
    story = told(missed())
    assert said(story) == ["book 02-19 10:00", "no-show 03-10 23:00"]
    assert isinstance(story.steps[-1].command, MarkNoShow)
    assert rules(story) == []


def test_nobody_came_and_it_was_noticed_the_day_after() -> None:
    story = told(missed(ends=1))
    assert said(story)[-1] == "no-show 03-11 23:00"
    assert rules(story) == []


def test_a_no_show_dated_before_its_arrival_is_settled_at_the_arrival() -> None:
    story = told(missed(ends=-1))
    assert said(story)[-1] == "no-show 03-10 23:00"
    assert rules(story) == ["no-show-before-arrival"]
    assert "2016-03-09" in str(story.steps[-1].reason)


def test_changes_are_spread_evenly_until_arrival() -> None:
    story = told(stayed(lead_time=5, booking_changes=4))
    assert said(story)[1:5] == ["change-1 03-06 11:00", "change-2 03-07 12:00", "change-3 03-08 13:00",
                                "change-4 03-09 14:00"]  # fmt: skip
    assert all(isinstance(step.command, Amend) for step in story.steps[1:5])


def test_changes_are_spread_evenly_until_the_cancellation() -> None:
    assert said(told(cancelled(lead_time=5, ends=-3, booking_changes=1)))[1] == "change-1 03-06 11:00"


def test_changes_of_who_never_came_end_when_the_stay_would_have_begun() -> None:
    assert said(told(missed(lead_time=0, booking_changes=1)))[1] == "change-1 03-10 12:30"


def test_another_room_type_is_given_just_before_arrival() -> None:
    story = told(stayed(assigned_room_type="D"))
    assert said(story)[1] == "move 03-10 14:45"
    move = story.steps[1].command
    assert isinstance(move, Reschedule)
    assert move.items[0].resource_id == IDS.of("resource", "City Hotel", "D")
    assert [thing.name for thing in story.uses] == ["Room type A", "Room type D"]


def test_the_same_room_type_is_no_move() -> None:
    story = told(stayed())
    assert not any(isinstance(step.command, Reschedule) for step in story.steps)
    assert [thing.name for thing in story.uses] == ["Room type A"]


def test_a_cancelled_row_is_moved_just_before_its_cancellation() -> None:
    assert said(told(cancelled(assigned_room_type="D")))[1:] == ["move 03-05 11:45", "cancel 03-05 12:00"]


def test_who_never_came_is_moved_just_before_the_arrival() -> None:
    assert said(told(missed(assigned_room_type="D")))[1] == "move 03-10 14:45"


def test_a_day_visit_is_moved_before_it_begins_even_when_cancelled_on_its_day() -> None:
    story = told(cancelled(stays_in_week_nights=0, lead_time=0, ends=0, assigned_room_type="D"))
    assert said(story) == ["book 03-10 10:00", "move 03-10 10:45", "cancel 03-10 12:00"]


def test_waiting_days_are_an_approval_asked_for_and_given() -> None:
    story = told(stayed(days_in_waiting_list=10))
    assert held(story).then == "request_approval"
    assert said(story)[1] == "confirm 02-29 10:30"
    assert isinstance(story.steps[1].command, Approve)


def test_no_waiting_days_need_no_approval() -> None:
    story = told(stayed())
    assert held(story).then == "confirm"
    assert not any(isinstance(step.command, Approve) for step in story.steps)


def test_a_wait_until_the_day_itself_ends_that_morning() -> None:
    story = told(stayed(days_in_waiting_list=20))
    assert said(story)[1] == "confirm 03-10 10:30"
    assert rules(story) == []


def test_a_wait_longer_than_the_lead_ends_before_what_followed() -> None:
    story = told(stayed(days_in_waiting_list=21))
    assert said(story)[1] == "confirm 03-10 14:45"
    assert rules(story) == ["wait-too-long"]


@pytest.mark.parametrize(("days", "while_waiting"), [(14, False), (15, True), (16, True)])
def test_cancelled_on_the_day_that_its_wait_ends_or_before_it_was_never_confirmed(
    days: int, while_waiting: bool
) -> None:
    story = told(cancelled(days_in_waiting_list=days))
    assert any(isinstance(step.command, Approve) for step in story.steps) is not while_waiting
    assert rules(story) == (["cancelled-waiting"] if while_waiting else [])


def test_who_was_given_another_room_type_must_have_been_confirmed() -> None:
    story = told(cancelled(days_in_waiting_list=16, assigned_room_type="D"))
    assert said(story)[1:] == ["confirm 03-05 11:30", "move 03-05 11:45", "cancel 03-05 12:00"]
    assert rules(story) == ["wait-too-long"]


@pytest.mark.parametrize(
    ("cells", "size", "rule"),
    [
        ({"adults": 2, "children": 1, "babies": 1}, 4, []),
        ({"adults": 2, "children": "NA"}, None, ["guests-unknown"]),
        ({"adults": 0}, None, ["no-guests"]),
        ({"adults": 0, "babies": 1}, 1, []),
    ],
)
def test_the_party_is_everybody_or_unknown(cells: dict[str, Any], size: int | None, rule: list[str]) -> None:
    story = told(stayed(**cells))
    assert held(story).party_size == size
    assert rules(story) == rule


@pytest.mark.parametrize("cells", sheet.odd_but_true())
def test_steps_come_in_their_order_and_have_names_of_their_own(cells: sheet.Cells) -> None:
    steps = told(cells).steps
    moments = [step.at for step in steps]
    assert moments == sorted(moments)
    assert len({step.name for step in steps}) == len(steps)


@pytest.mark.parametrize(("rule", "cells"), [bad for bad in sheet.impossible() if bad[0] != "in-the-future"])
def test_what_cannot_be_is_refused_with_a_reason(rule: str, cells: sheet.Cells) -> None:
    with pytest.raises(CannotBe) as refused:
        told(cells)
    assert refused.value.note.rule == rule
    assert refused.value.note.reason.endswith(".")


def test_the_same_row_gives_the_same_story() -> None:
    cells = stayed(assigned_room_type="D", booking_changes=2, days_in_waiting_list=3)
    assert told(cells) == told(dict(reversed(cells.items())))
