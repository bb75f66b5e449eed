"""Slots on the walls of the world: clocks that change, days that are missing, and the turns of months and years."""

import os
import subprocess
import sys
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from setups import LONG_AGO, asked, booked, closure, court, daily, openings, simple, utc, venue

from domain.availability.setup import Refused
from domain.hours import WeeklyHours
from domain.localtime import offset_form, wall

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEW_YORK, SYDNEY = "America/New_York", "Australia/Sydney"
SANTIAGO, BEIRUT, AZORES = "America/Santiago", "Asia/Beirut", "Atlantic/Azores"
LORD_HOWE, KATHMANDU = "Australia/Lord_Howe", "Asia/Kathmandu"


def told(found, zone: str) -> list[str]:
    return [f"{wall(slot.starts_at, zone):%d %H:%M}" for slot in found]


def clocks(found, zone: str) -> list[str]:
    return [f"{wall(slot.starts_at, zone):%H:%M}" for slot in found]


def hourly(zone: str, *spans: str, **terms):
    return simple(venue(zone, daily(*spans)), court(), **{"step": 60, **terms})


def on(slots, setup, *dates: date, uses=()):
    return slots(setup, uses, asked(dates[0], dates[-1]), LONG_AGO)


# Both hemispheres


@pytest.mark.parametrize(
    ("zone", "spring", "autumn", "offsets"),
    [
        (NEW_YORK, date(2027, 3, 14), date(2027, 11, 7), ("-05:00", "-04:00")),
        ("Europe/Lisbon", date(2027, 3, 28), date(2027, 10, 31), ("+00:00", "+01:00")),
        ("Europe/Berlin", date(2027, 3, 28), date(2027, 10, 31), ("+01:00", "+02:00")),
        (SYDNEY, date(2027, 10, 3), date(2027, 4, 4), ("+10:00", "+11:00")),
        ("Pacific/Auckland", date(2027, 9, 26), date(2027, 4, 4), ("+12:00", "+13:00")),
        (SANTIAGO, date(2027, 9, 5), date(2027, 4, 3), ("-04:00", "-03:00")),
        (BEIRUT, date(2027, 3, 28), date(2027, 10, 30), ("+02:00", "+03:00")),
        (AZORES, date(2027, 3, 28), date(2027, 10, 31), ("-01:00", "+00:00")),
    ],
)
def test_a_day_has_23_hours_in_spring_and_25_in_autumn(slots, zone, spring, autumn, offsets):
    all_day = hourly(zone, "00:00-24:00")
    short, long, plain = (on(slots, all_day, day) for day in (spring, autumn, date(2027, 7, 20)))
    assert (len(short), len(plain), len(long)) == (23, 24, 25)
    at_midnight = zone in (SANTIAGO, BEIRUT, AZORES)  # where it is the first hour of the day that is missing
    assert offset_form(short[0].starts_at, zone)[-6:] == offsets[1 if at_midnight else 0]
    assert offset_form(short[-1].starts_at, zone)[-6:] == offsets[1]
    for found in (short, plain, long):
        assert {b.starts_at - a.starts_at for a, b in pairwise(found)} == {HOUR}
        assert {slot.ends_at - slot.starts_at for slot in found} == {HOUR}
    doubled = [label for label in clocks(long, zone) if clocks(long, zone).count(label) == 2]
    assert len(doubled) == 2


def test_before_the_change_an_hour_ends_two_hours_later_on_the_wall(slots):
    found = on(slots, hourly(SYDNEY, "00:00-06:00", step=30), date(2027, 10, 3))
    last_before = next(slot for slot in found if f"{wall(slot.starts_at, SYDNEY):%H:%M}" == "01:30")
    assert f"{wall(last_before.ends_at, SYDNEY):%H:%M}" == "03:30"


# Half an hour, and a quarter


def test_lord_howe_repeats_half_an_hour(slots):
    """On 2027-04-04 at 02:00 (+11:00) it is 01:30 (+10:30) again."""
    found = on(slots, hourly(LORD_HOWE, "00:00-06:00", step=30), date(2027, 4, 4))
    assert clocks(found, LORD_HOWE) == [
        "00:00", "00:30", "01:00", "01:30", "01:30", "02:00", "02:30", "03:00", "03:30", "04:00", "04:30", "05:00",
    ]  # fmt: skip
    assert {b.starts_at - a.starts_at for a, b in pairwise(found)} == {HOUR / 2}


def test_lord_howe_by_the_hour_stays_at_the_full_hour_after_the_repetition(slots):
    found = on(slots, hourly(LORD_HOWE, "00:00-06:00"), date(2027, 4, 4))
    assert clocks(found, LORD_HOWE) == ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00"]
    gaps = [b.starts_at - a.starts_at for a, b in pairwise(found)]
    assert gaps == [HOUR, HOUR * 1.5, HOUR, HOUR, HOUR]


def test_kathmandu_opens_at_a_quarter_past(slots):
    found = on(slots, hourly(KATHMANDU, "09:00-12:00"), date(2027, 1, 5))
    assert [slot.starts_at for slot in found] == [utc(2027, 1, 5, 3, 15) + n * HOUR for n in range(3)]


def test_the_top_of_the_hour_is_that_of_the_wall(slots):
    found = on(slots, hourly(KATHMANDU, "09:20-12:20", anchor="top_of_hour"), date(2027, 1, 5))
    assert clocks(found, KATHMANDU) == ["10:00", "11:00"]


# Days that are missing


@pytest.mark.parametrize(
    ("zone", "missing"), [("Pacific/Apia", date(2011, 12, 30)), ("Pacific/Kwajalein", date(1993, 8, 21))]
)
def test_a_day_that_is_missing_has_no_slots_and_its_neighbours_all(slots, zone, missing):
    setup = hourly(zone, "00:00-24:00")
    found = on(slots, setup, missing - DAY, missing + DAY)
    dates = [wall(slot.starts_at, zone).date() for slot in found]
    assert {day: dates.count(day) for day in dates} == {missing - DAY: 24, missing + DAY: 24}
    assert {b.starts_at - a.starts_at for a, b in pairwise(found)} == {HOUR}, "one follows the other"


@pytest.mark.parametrize(
    ("zone", "missing"), [("Pacific/Apia", date(2011, 12, 30)), ("Pacific/Kwajalein", date(1993, 8, 21))]
)
def test_the_evening_before_a_missing_day_ends_at_its_closing(slots, zone, missing):
    """The missing day's own opening is shifted by a day, as any opening in a gap is: the next date is open anyway."""
    found = on(slots, hourly(zone, "09:00-12:00"), missing - DAY, missing + DAY)
    assert clocks(found, zone) == ["09:00", "10:00", "11:00"] * 2


def test_every_label_of_a_missing_day_is_told_as_skipped(decided):
    day = date(2011, 12, 30)
    labels = decided.explained(hourly("Pacific/Apia", "09:00-12:00"), [], asked(day), LONG_AGO)
    assert [f"{label.local:%d %H:%M}" for label in labels] == ["30 09:00", "30 10:00", "30 11:00"]
    for label in labels:
        assert isinstance(label, Refused)
        assert (label.starts_at, [reason.code for reason in label.reasons]) == (None, ["DST_GAP"])


# Openings and closings that the clocks skip or repeat


def sundays(zone: str, *spans: str, **terms):
    return simple(venue(zone, WeeklyHours(sunday=openings(*spans))), court(), **{"step": 30, "lasts": 30, **terms})


SPRING, AUTUMN = date(2027, 3, 14), date(2027, 11, 7)
"""In New York: 02:00-03:00 is missing; 01:00-02:00 happens twice."""


def test_an_opening_in_the_gap_is_shifted(slots):
    found = on(slots, sundays(NEW_YORK, "02:30-05:00"), SPRING)
    assert clocks(found, NEW_YORK) == ["03:30", "04:00", "04:30"]


def test_a_closing_in_the_gap_is_shifted_too(slots):
    found = on(slots, sundays(NEW_YORK, "00:30-02:30"), SPRING)
    assert clocks(found, NEW_YORK) == ["00:30", "01:00", "01:30", "03:00"], "open for two hours, as on any Sunday"


def test_what_is_open_in_the_gap_alone_is_open_after_it(slots):
    assert clocks(on(slots, sundays(NEW_YORK, "01:00-02:00", "04:00-05:00"), SPRING), NEW_YORK) == [
        "01:00", "01:30", "04:00", "04:30",
    ]  # fmt: skip
    assert on(slots, sundays(NEW_YORK, "02:45-03:30"), SPRING) == [], "shifted to 03:45, after its closing"


def test_a_closing_label_that_happens_twice_can_be_sold(slots):
    found = on(slots, sundays(NEW_YORK, "00:00-01:30"), AUTUMN)
    assert clocks(found, NEW_YORK) == ["00:00", "00:30", "01:00", "01:30", "01:00"]
    assert found[-1].ends_at == utc(2027, 11, 7, 6, 30), "the second 01:30"


def test_labels_past_the_closing_label_are_sold_when_they_happen_before_it(slots):
    found = on(slots, sundays(NEW_YORK, "00:30-01:15", step=15, lasts=15), AUTUMN)
    assert clocks(found, NEW_YORK) == ["00:30", "00:45", "01:00", "01:15", "01:30", "01:45", "01:00"]


def test_an_opening_that_happens_twice_opens_at_the_first(slots):
    found = on(slots, sundays(NEW_YORK, "01:30-03:00"), AUTUMN)
    assert clocks(found, NEW_YORK) == ["01:30", "01:30", "02:00", "02:30"]
    assert [offset_form(slot.starts_at, NEW_YORK)[-6:] for slot in found] == ["-04:00", "-05:00", "-05:00", "-05:00"]


def test_between_the_two_an_hour_of_other_labels_is_open_and_on_no_label(slots):
    found = on(slots, sundays(NEW_YORK, "01:30-03:00"), AUTUMN)
    assert found[1].starts_at - found[0].starts_at == HOUR, "01:00 the second time lies before the first label"


def test_an_exception_on_the_day_of_a_change(slots):
    there = venue(NEW_YORK, daily("09:00-12:00"), {SPRING: openings("01:00-04:00"), AUTUMN: openings("01:00-02:00")})
    setup = simple(there, court(), step=30)
    assert clocks(on(slots, setup, SPRING), NEW_YORK) == ["01:00", "01:30", "03:00"]
    assert clocks(on(slots, setup, AUTUMN), NEW_YORK) == ["01:00", "01:30", "01:00"]


def test_a_closure_is_a_stretch_of_instants_whatever_the_wall_shows(slots):
    """From the first 01:30 to the second: the first one is lost, the second is not."""
    gone = closure(utc(2027, 11, 7, 5, 30), utc(2027, 11, 7, 6, 30))
    there = venue(NEW_YORK, WeeklyHours(sunday=openings("00:00-03:00")), closures=[gone])
    found = on(slots, simple(there, court(), lasts=30), AUTUMN)
    assert [offset_form(slot.starts_at, NEW_YORK)[11:] for slot in found] == [
        "00:00:00-04:00", "00:30:00-04:00", "01:00:00-04:00",
        "01:30:00-05:00", "02:00:00-05:00", "02:30:00-05:00",
    ]  # fmt: skip


def test_a_booking_of_the_first_hour_leaves_the_second(slots):
    one = booked(court(), utc(2027, 11, 7, 5), utc(2027, 11, 7, 6))
    found = on(slots, sundays(NEW_YORK, "00:00-03:00", step=60, lasts=60), AUTUMN, uses=[one])
    assert [offset_form(slot.starts_at, NEW_YORK)[11:] for slot in found] == [
        "00:00:00-04:00", "01:00:00-05:00", "02:00:00-05:00",
    ]  # fmt: skip


# Across midnight


def test_a_night_across_the_change_is_an_hour_shorter(slots):
    night = simple(venue(NEW_YORK, WeeklyHours(saturday=openings("22:00-29:00"))), court(), step=60)
    assert told(on(slots, night, SPRING - DAY, SPRING), NEW_YORK) == [
        "13 22:00", "13 23:00", "14 00:00", "14 01:00", "14 03:00", "14 04:00",
    ]  # fmt: skip
    assert told(on(slots, night, SPRING), NEW_YORK)[0] == "14 00:00"


def test_a_night_across_the_change_is_an_hour_longer(slots):
    night = simple(venue(NEW_YORK, WeeklyHours(saturday=openings("22:00-27:00"))), court(), step=60)
    assert told(on(slots, night, AUTUMN - DAY, AUTUMN), NEW_YORK) == [
        "06 22:00", "06 23:00", "07 00:00", "07 01:00", "07 01:00", "07 02:00",
    ]  # fmt: skip


def test_in_santiago_the_day_begins_at_one(slots):
    """On 2027-09-05 the clocks go from 24:00 to 01:00: an evening that runs to 26:00 loses its hour."""
    bar = simple(venue(SANTIAGO, WeeklyHours(saturday=openings("22:00-26:00"))), court(), step=60)
    assert told(on(slots, bar, date(2027, 9, 4), date(2027, 9, 5)), SANTIAGO) == ["04 22:00", "04 23:00", "05 01:00"]


def test_in_santiago_the_last_hour_of_a_day_comes_twice(slots):
    bar = simple(venue(SANTIAGO, WeeklyHours(saturday=openings("22:00-26:00"))), court(), step=60)
    assert told(on(slots, bar, date(2027, 4, 3), date(2027, 4, 4)), SANTIAGO) == [
        "03 22:00", "03 23:00", "03 23:00", "04 00:00", "04 01:00",
    ]  # fmt: skip


def test_two_days_in_one_opening(slots):
    """From Saturday 12:00 to Monday 00:00, with the change in between: 35 hours."""
    long = simple(venue(NEW_YORK, WeeklyHours(saturday=openings("12:00-48:00"))), court(), step=60)
    assert len(on(slots, long, SPRING - DAY, SPRING + DAY)) == 35
    assert len(on(slots, long, AUTUMN - DAY, AUTUMN + DAY)) == 37


def test_on_the_azores_a_midnight_that_comes_twice_closes_at_the_second(slots):
    """On 2027-10-31 at 01:00 it is 00:00 again."""
    day = date(2027, 10, 31)
    evening = simple(venue(AZORES, WeeklyHours(saturday=openings("22:00-24:00"))), court(), step=60)
    assert told(on(slots, evening, day - DAY, day), AZORES) == ["30 22:00", "30 23:00", "31 00:00"]


# Leap days, month ends, and weeks across the year


def test_leap_days(slots):
    noon = hourly("Europe/Lisbon", "12:00-13:00")
    found = on(slots, noon, date(2028, 2, 27), date(2028, 3, 2))
    assert told(found, "Europe/Lisbon") == ["27 12:00", "28 12:00", "29 12:00", "01 12:00", "02 12:00"]
    assert len(on(slots, noon, date(2027, 2, 27), date(2027, 3, 2))) == 4


def test_a_night_from_a_leap_day_into_march(slots):
    night = hourly("Europe/Lisbon", "23:00-25:00")
    only = simple(venue("Europe/Lisbon", None, {date(2028, 2, 29): openings("23:00-25:00")}), court(hours=daily()))
    assert on(slots, only, date(2028, 2, 28), date(2028, 3, 2)) == [], "the court itself has no hours on any day"
    assert told(on(slots, night, date(2028, 2, 29), date(2028, 3, 1)), "Europe/Lisbon") == [
        "29 00:00", "29 23:00", "01 00:00", "01 23:00",
    ]  # fmt: skip


@pytest.mark.parametrize(("month", "last"), [(1, 31), (4, 30), (2, 28), (12, 31)])
def test_month_ends_are_days_as_others(slots, month, last):
    end = date(2027, month, last)
    found = on(slots, hourly("Europe/Lisbon", "23:00-26:00"), end, end + DAY)
    assert told(found, "Europe/Lisbon") == [
        *(f"{last} {clock}" for clock in ("00:00", "01:00", "23:00")),
        *(f"01 {clock}" for clock in ("00:00", "01:00", "23:00")),
    ]


def test_a_week_across_the_year_keeps_its_weekdays(slots):
    """2026-12-31 is a Thursday, 2027-01-01 a Friday."""
    weekdays = WeeklyHours(thursday=openings("10:00-11:00"), friday=openings("12:00-13:00"))
    found = on(slots, simple(venue(KATHMANDU, weekdays), court()), date(2026, 12, 28), date(2027, 1, 3))
    assert told(found, KATHMANDU) == ["31 10:00", "01 12:00"]


def test_new_years_eve_runs_into_the_year(slots):
    eve = venue(SYDNEY, WeeklyHours(), {date(2026, 12, 31): openings("22:00-26:00")})
    found = on(slots, simple(eve, court(), step=60), date(2026, 12, 30), date(2027, 1, 2))
    assert told(found, SYDNEY) == ["31 22:00", "31 23:00", "01 00:00", "01 01:00"]
    assert on(slots, simple(eve, court(), step=60), date(2027, 1, 1)) == found[2:]


# The least used, and horizons, by the local date


def test_the_horizon_skips_no_date_that_the_wall_skips(slots):
    """Three days ahead of 2011-12-29 in Apia is the first of January, though only two days pass."""
    setup = hourly("Pacific/Apia", "09:00-10:00", horizon=3)
    now = utc(2011, 12, 29, 12)
    assert wall(now, "Pacific/Apia").date() == date(2011, 12, 29)
    found = slots(setup, [], asked(date(2011, 12, 29), date(2012, 1, 5)), now)
    assert told(found, "Pacific/Apia") == ["29 09:00", "31 09:00", "01 09:00"]


# The server's own zone

ASK = """
from datetime import date
from setups import *
from {module} import slots
for zone in ("America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Atlantic/Azores"):
    there = venue(zone, daily("00:00-06:00", "22:00-26:00"), {{date(2027, 3, 14): openings("01:30-05:00")}})
    uses = [booked(court(), utc(2027, 3, 14, 7), utc(2027, 3, 14, 8))]
    for first in (date(2027, 3, 13), date(2026, 11, 1), date(2026, 10, 3), date(2011, 12, 29)):
        for slot in slots(simple(there, court(), notice=90, horizon=30_000), uses, asked(first, first), LONG_AGO):
            print(zone, slot.starts_at.isoformat(), slot.ends_at.isoformat(), slot.remaining)
"""


@pytest.mark.parametrize("module", ["naive_slots", "domain.availability.slots"])
def test_results_do_not_depend_on_the_servers_zone(module):
    tests = Path(__file__).parents[2]
    answers = {
        subprocess.run(
            [sys.executable, "-c", ASK.format(module=module)],
            env={**os.environ, "TZ": zone, "PYTHONPATH": str(tests)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for zone in ("UTC", "Asia/Dubai", "America/New_York")
    }
    assert len(answers) == 1
    assert len(answers.pop().splitlines()) > 150


def test_the_wall_is_the_venues_not_that_of_who_asks(slots):
    """Asked for a local date, the answer is the venue's, although half of it is another date elsewhere."""
    found = on(slots, hourly(KATHMANDU, "00:00-06:00"), date(2027, 1, 5))
    assert found[0].starts_at == datetime(2027, 1, 4, 18, 15, tzinfo=found[0].starts_at.tzinfo)
    assert clocks(found, KATHMANDU) == ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00"]
