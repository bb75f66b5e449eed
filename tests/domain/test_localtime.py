"""Wall clocks across the world, by the pinned rules."""

import os
import subprocess
import sys
import zoneinfo
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import localtime
from domain.localtime import AmbiguousLocalTime, NonexistentLocalTime, UnknownZone

NEW_YORK, LORD_HOWE, KATHMANDU, APIA = "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_the_rules_have_a_name_and_do_not_come_from_the_machine():
    assert localtime.RULES == "tzdata 2026.6"
    assert zoneinfo.TZPATH == ()


def test_most_local_times_happen_once():
    assert localtime.resolve(datetime(2027, 1, 5, 9), NEW_YORK) == (utc(2027, 1, 5, 14),)


def test_in_spring_an_hour_is_missing():
    missing = datetime(2027, 3, 14, 2, 30)
    assert localtime.resolve(missing, NEW_YORK) == ()
    assert localtime.resolve(datetime(2027, 3, 14, 1, 59), NEW_YORK) == (utc(2027, 3, 14, 6, 59),)
    assert localtime.resolve(datetime(2027, 3, 14, 3), NEW_YORK) == (utc(2027, 3, 14, 7),)
    with pytest.raises(NonexistentLocalTime) as refused:
        localtime.typed(missing, NEW_YORK)
    assert refused.value.detail["suggestion"] == "2027-03-14T03:30:00-04:00"


def test_in_autumn_an_hour_comes_twice():
    twice = datetime(2026, 11, 1, 1, 30)
    assert localtime.resolve(twice, NEW_YORK) == (utc(2026, 11, 1, 5, 30), utc(2026, 11, 1, 6, 30))
    with pytest.raises(AmbiguousLocalTime) as refused:
        localtime.typed(twice, NEW_YORK)
    assert refused.value.detail["choices"] == ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"]


def test_what_a_rule_makes_is_shifted_in_a_gap_and_first_in_an_overlap():
    assert localtime.by_rule(datetime(2027, 3, 14, 2, 30), NEW_YORK) == utc(2027, 3, 14, 7, 30)
    assert localtime.by_rule(datetime(2026, 11, 1, 1, 30), NEW_YORK) == utc(2026, 11, 1, 5, 30)
    assert localtime.by_rule(datetime(2026, 11, 1, 1, 30), NEW_YORK, closing=True) == utc(2026, 11, 1, 6, 30)


def test_lord_howe_changes_by_half_an_hour():
    assert localtime.resolve(datetime(2026, 10, 4, 2, 15), LORD_HOWE) == ()
    assert localtime.resolve(datetime(2026, 10, 4, 2, 30), LORD_HOWE) == (utc(2026, 10, 3, 15, 30),)
    assert len(localtime.resolve(datetime(2027, 4, 4, 1, 45), LORD_HOWE)) == 2


def test_kathmandu_stands_at_a_quarter():
    assert localtime.typed(datetime(2027, 1, 1, 5, 45), KATHMANDU) == utc(2027, 1, 1, 0, 0)


def test_samoa_skipped_a_day():
    assert localtime.resolve(datetime(2011, 12, 30, 12), APIA) == ()
    assert localtime.by_rule(datetime(2011, 12, 30, 12), APIA) == utc(2011, 12, 30, 22)


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "../etc/passwd", "posix/UTC", "right/UTC", "Factory", "a" * 5000, "\0"]
)
def test_unknown_zones_are_refused(name):
    with pytest.raises(UnknownZone):
        localtime.zone(name)


def test_the_dates_that_a_stay_touches_end_with_the_last_instant():
    midnight = utc(2027, 1, 6, 5)  # in New York
    assert localtime.dates_touched(midnight - timedelta(days=1), midnight, NEW_YORK) == (
        date(2027, 1, 5),
        date(2027, 1, 5),
    )
    after = midnight + timedelta(microseconds=1)
    assert localtime.dates_touched(midnight - timedelta(days=1), after, NEW_YORK) == (
        date(2027, 1, 5),
        date(2027, 1, 6),
    )


def test_the_week_begins_on_monday():
    assert localtime.minute_of_week(utc(2027, 1, 4, 5), NEW_YORK) == 0
    assert localtime.minute_of_week(utc(2027, 1, 4, 4, 59), NEW_YORK) == 10_079


zones = st.sampled_from(
    [NEW_YORK, LORD_HOWE, KATHMANDU, APIA, "Europe/Lisbon", "America/Santiago", "Africa/Casablanca"]
)
moments = st.datetimes(datetime(1975, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


@given(moments, zones)
def test_every_instant_is_among_those_that_its_own_wall_time_names(at, name):
    assert at in localtime.resolve(localtime.wall(at, name), name)


def test_results_do_not_depend_on_the_servers_zone():
    ask = (
        "from datetime import datetime; from domain import localtime; "
        "print(localtime.resolve(datetime(2026, 11, 1, 1, 30), 'America/New_York'))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", ask], env={**os.environ, "TZ": tz}, capture_output=True, check=True
        ).stdout
        for tz in ("UTC", "Asia/Dubai", "America/New_York")
    }
    assert len(told) == 1
