"""Wall clocks across the world, by the pinned rules."""

import os
import subprocess
import sys
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo._zoneinfo import ZoneInfo as ReadableZone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import localtime
from domain.localtime import AmbiguousLocalTime, NonexistentLocalTime, UnknownZone

NEW_YORK, LORD_HOWE, KATHMANDU, APIA = "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"


NAMES = zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"}


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


# Days on which no clock changes are answered without asking the zone about each label


def by_asking(local: datetime, name: str, closing: bool = False) -> datetime:
    """`by_rule` as it says, without the short way."""
    found = localtime.resolve(local, name)
    if not found:
        return local.replace(tzinfo=localtime.zone(name)).astimezone(UTC)
    return found[-1] if closing else found[0]


def changes(name: str) -> list[datetime]:
    """The wall, before and after, at every change of offset from 1970 to 2100, found by halving months."""
    tz, found = localtime.zone(name), []
    months = [datetime(1970 + n // 48, 1 + n % 48 // 4, 1 + n % 4 * 7, tzinfo=UTC) for n in range(130 * 48)]
    for first, last in pairwise(months):
        before, after = first.astimezone(tz).utcoffset(), last.astimezone(tz).utcoffset()
        if before != after:
            while last - first > timedelta(seconds=1):
                middle = first + (last - first) // 2
                middle = middle.replace(microsecond=0)
                first, last = (middle, last) if middle.astimezone(tz).utcoffset() == before else (first, middle)
            found += [(last + offset).replace(tzinfo=None) for offset in (before, after) if offset is not None]
    return found


@pytest.mark.parametrize(
    "name",
    [NEW_YORK, LORD_HOWE, KATHMANDU, APIA, "Europe/Lisbon", "America/Santiago", "Africa/Casablanca", "Asia/Gaza",
     "Africa/Monrovia", "Antarctica/Troll", "America/Boa_Vista", "Europe/Dublin", "UTC", "Kwajalein"],
)  # fmt: skip
def test_the_short_way_by_rule_agrees_around_every_change_of_the_clocks(name):
    around = [timedelta(minutes=m) for m in (-2881, -2880, -1441, -1440, -61, -60, -31, -1, 0, 1, 30, 60, 1439, 1440)]
    for change in changes(name):
        for away in around:
            for closing in (False, True):
                label = change + away
                assert localtime.by_rule(label, name, closing) == by_asking(label, name, closing), label


@given(
    st.datetimes(datetime(1960, 1, 1), datetime(2210, 1, 1)),
    st.sampled_from(sorted(NAMES)),
    st.booleans(),
)
def test_the_short_way_by_rule_agrees_everywhere(local, name, closing):
    assert localtime.by_rule(local, name, closing) == by_asking(local, name, closing)


def test_no_zone_changes_its_clocks_twice_within_six_days():
    """Or the short way, which asks at the ends of two days, could miss both."""
    changed = 0
    for name in sorted(NAMES):
        known = ReadableZone(name)
        offsets = [kind.utcoff for kind in known._ttinfos]
        befores = [known._tti_before.utcoff, *offsets]
        at = [t for t, one, two in zip(known._trans_utc, befores, offsets, strict=False) if t >= 0 and one != two]
        ruled = getattr(known._tz_after, "transitions", lambda year: ())
        for every in (at, [t for year in range(2026, 2200) for t in sorted(ruled(year))]):
            assert all(b - a > 6 * 86_400 for a, b in pairwise(every)), name
            changed += len(every)
    assert changed > 80_000


@pytest.mark.parametrize(
    ("on", "offset"),
    [
        (date(2027, 3, 11), -18_000),
        (date(2027, 3, 12), -18_000),  # 48:00 is Sunday's midnight, two hours before the change
        (date(2027, 3, 13), None),
        (date(2027, 3, 14), None),
        (date(2027, 3, 15), -14_400),
    ],
)
def test_a_day_without_a_change_within_48_hours_has_one_offset(on, offset):
    assert localtime.offset_on(on, NEW_YORK) == offset


def test_the_offset_of_a_day_counts_local_times_that_come_twice_at_its_midnight():
    """In Havana the clocks went back at 01:00, so that midnight itself came twice."""
    assert localtime.offset_on(date(2020, 11, 1), "America/Havana") is None
    assert localtime.offset_on(date(2020, 10, 30), "America/Havana") == -14_400
    assert localtime.offset_on(date(2020, 11, 2), "America/Havana") == -18_000


def test_the_offset_of_a_day_is_not_guessed_beyond_the_years_of_bookings():
    assert localtime.offset_on(date(1969, 12, 31), NEW_YORK) is None
    assert localtime.offset_on(date.max, NEW_YORK) is None
    with pytest.raises(UnknownZone):
        localtime.offset_on(date(2027, 1, 1), "Mars/Olympus")


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
