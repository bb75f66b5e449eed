"""Series on the walls of the world: which occurrences they have, and at which instants."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from time import perf_counter

import msgspec
import pytest
from drawn_rules import drawn_rule, drawn_start
from hypothesis import given
from hypothesis import strategies as st

from domain.localtime import NonexistentLocalTime, UnknownZone
from domain.period import TimeOutOfRange
from domain.recurrence import errors
from domain.recurrence.rule import FIRST_LOCAL, LAST_LOCAL
from domain.recurrence.series import Occurrence, Series, all_between, months_later, occurrences, read

NEW_YORK, LONDON, SYDNEY, SANTIAGO = "America/New_York", "Europe/London", "Australia/Sydney", "America/Santiago"
LORD_HOWE, KATHMANDU, APIA = "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ids(series: Series, **window) -> list[str]:
    return [form(o.recurrence_id) for o in occurrences(series, **window)]


def form(at: datetime) -> str:
    return at.isoformat(timespec="minutes")


def days(start: str, rule: str, first: int) -> list[str]:
    """The dates on which a rule falls, however many years they take."""
    series = read(local(start), "UTC", rule)
    return [str(o.recurrence_id.date()) for o in islice(all_between(series, FIRST_LOCAL, LAST_LOCAL), first)]


def instants(start: str, zone: str, rule: str, **more) -> list[str]:
    return [f"{o.starts_at:%m-%dT%H:%MZ}" for o in occurrences(read(local(start), zone, rule, **more))]


# The clocks change


def test_a_weekly_series_in_new_york_keeps_its_hour_across_the_change():
    assert instants("2027-03-02T09:00", NEW_YORK, "FREQ=WEEKLY;COUNT=4") == [
        "03-02T14:00Z",
        "03-09T14:00Z",
        "03-16T13:00Z",
        "03-23T13:00Z",
    ]


def test_a_weekly_series_in_london_keeps_its_hour_across_the_change():
    assert instants("2026-10-06T19:00", LONDON, "FREQ=WEEKLY;BYDAY=TU;COUNT=6") == [
        "10-06T18:00Z",
        "10-13T18:00Z",
        "10-20T18:00Z",
        "10-27T19:00Z",
        "11-03T19:00Z",
        "11-10T19:00Z",
    ]


EXAMPLES = """
import os, time
from datetime import datetime
time.tzset()
from domain.recurrence.series import occurrences, read
for start, zone, rule in [
    (datetime(2027, 3, 2, 9), "America/New_York", "FREQ=WEEKLY;COUNT=4"),
    (datetime(2026, 10, 6, 19), "Europe/London", "FREQ=WEEKLY;COUNT=6"),
    (datetime(2026, 10, 3, 2, 15), "Australia/Lord_Howe", "FREQ=DAILY;UNTIL=20261101T000000Z"),
]:
    for one in occurrences(read(start, zone, rule)):
        print(one.recurrence_id.isoformat(), one.starts_at.isoformat())
print(time.tzname[0])
"""


def test_the_server_s_zone_changes_nothing():
    def run(zone: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", EXAMPLES], env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    *in_utc, utc = run("UTC")
    *in_dubai, dubai = run("Asia/Dubai")
    assert utc != dubai  # the process did stand there
    assert in_utc == in_dubai
    assert in_utc[3] == "2027-03-23T09:00:00 2027-03-23T13:00:00+00:00"


def test_a_time_that_the_clocks_skip_is_shifted_by_the_gap():
    found = list(occurrences(read(local("2027-03-13T02:30"), NEW_YORK, "FREQ=DAILY;COUNT=3")))
    assert found == [
        Occurrence(datetime(2027, 3, 13, 2, 30), datetime(2027, 3, 13, 7, 30, tzinfo=UTC)),
        Occurrence(datetime(2027, 3, 14, 2, 30), datetime(2027, 3, 14, 7, 30, tzinfo=UTC)),
        Occurrence(datetime(2027, 3, 15, 2, 30), datetime(2027, 3, 15, 6, 30, tzinfo=UTC)),
    ]


def test_a_time_that_is_skipped_does_not_use_up_the_count():
    series = read(local("2027-03-13T02:30"), NEW_YORK, "FREQ=DAILY;COUNT=3", gap_policy="skip")
    assert ids(series) == ["2027-03-13T02:30", "2027-03-15T02:30", "2027-03-16T02:30"]


def test_an_added_date_in_a_gap_is_skipped_as_well():
    added = [local("2027-03-14T02:30")]
    assert len(ids(read(local("2027-03-01T09:00"), NEW_YORK, "FREQ=DAILY;COUNT=1", added))) == 2
    assert len(ids(read(local("2027-03-01T09:00"), NEW_YORK, "FREQ=DAILY;COUNT=1", added, gap_policy="skip"))) == 1


def test_a_time_that_comes_twice_is_meant_the_first_time():
    assert instants("2026-10-31T01:30", NEW_YORK, "FREQ=DAILY;COUNT=3") == [
        "10-31T05:30Z",
        "11-01T05:30Z",
        "11-02T06:30Z",
    ]


@pytest.mark.parametrize(
    ("start", "zone", "expected"),
    [
        ("2026-10-03T02:30", SYDNEY, ["10-02T16:30Z", "10-03T16:30Z", "10-04T15:30Z"]),  # spring, shifted to 03:30
        ("2027-04-03T02:30", SYDNEY, ["04-02T15:30Z", "04-03T15:30Z", "04-04T16:30Z"]),  # autumn, the first 02:30
        ("2026-09-05T00:00", SANTIAGO, ["09-05T04:00Z", "09-06T04:00Z", "09-07T03:00Z"]),  # midnight does not come
        ("2026-10-03T02:15", LORD_HOWE, ["10-02T15:45Z", "10-03T15:45Z", "10-04T15:15Z"]),  # shifted by half an hour
        ("2027-04-03T01:45", LORD_HOWE, ["04-02T14:45Z", "04-03T14:45Z", "04-04T15:15Z"]),
        ("2027-01-01T05:45", KATHMANDU, ["01-01T00:00Z", "01-02T00:00Z", "01-03T00:00Z"]),
        ("2011-12-29T12:00", APIA, ["12-29T22:00Z", "12-30T22:00Z", "12-30T22:00Z"]),  # the 30th is shifted to the 31st
    ],
)
def test_daily_across_the_changes_of_the_world(start, zone, expected):
    assert instants(start, zone, "FREQ=DAILY;COUNT=3") == expected


def test_samoa_s_missing_friday_is_skipped():
    series = read(local("2011-12-29T12:00"), APIA, "FREQ=DAILY;COUNT=3", gap_policy="skip")
    assert ids(series) == ["2011-12-29T12:00", "2011-12-31T12:00", "2012-01-01T12:00"]


# The calendar


@pytest.mark.parametrize(
    ("start", "rule", "expected"),
    [
        ("2028-02-29", "FREQ=YEARLY", "2028-02-29 2032-02-29 2036-02-29"),
        ("2096-02-29", "FREQ=YEARLY", "2096-02-29 2104-02-29"),  # 2100 is no leap year
        ("2028-02-29", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "2028-02-29 2029-02-28 2030-02-28"),
        ("2027-12-31", "FREQ=YEARLY;BYYEARDAY=-1", "2027-12-31 2028-12-31"),
        ("2028-12-31", "FREQ=YEARLY;BYYEARDAY=366", "2028-12-31 2032-12-31"),
        ("2027-01-31", "FREQ=MONTHLY", "2027-01-31 2027-03-31 2027-05-31 2027-07-31"),
        ("2027-01-31", "FREQ=MONTHLY;BYMONTHDAY=-1", "2027-01-31 2027-02-28 2027-03-31 2027-04-30"),
        ("2027-01-30", "FREQ=MONTHLY;BYMONTHDAY=30,31", "2027-01-30 2027-01-31 2027-03-30 2027-03-31 2027-04-30"),
        ("2026-12-28", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO", "2026-12-28 2032-12-27 2037-12-28"),
        ("2024-12-30", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", "2024-12-30 2025-12-29 2027-01-04 2028-01-03"),
        ("2027-01-01", "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=FR", "2027-01-01 2027-12-31 2028-12-29"),
        ("2027-01-03", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=SU;WKST=SU", "2027-01-03 2028-01-02 2028-12-31"),
        ("2027-05-19", "FREQ=YEARLY;BYWEEKNO=20", "2027-05-19 2028-05-17 2029-05-16"),
        ("2026-12-22", "FREQ=WEEKLY;INTERVAL=2", "2026-12-22 2027-01-05 2027-01-19"),
        ("1997-08-05", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU", "1997-08-05 1997-08-10 1997-08-19 1997-08-24"),
        ("1997-08-05", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "1997-08-05 1997-08-17 1997-08-19 1997-08-31"),
        ("1997-09-22", "FREQ=MONTHLY;BYDAY=-2MO", "1997-09-22 1997-10-20 1997-11-17 1997-12-22 1998-01-19"),
        (
            "1997-09-28",
            "FREQ=MONTHLY;BYMONTHDAY=-3",
            "1997-09-28 1997-10-29 1997-11-28 1997-12-29 1998-01-29 1998-02-26",
        ),
        ("1997-05-19", "FREQ=YEARLY;BYDAY=20MO", "1997-05-19 1998-05-18 1999-05-17"),
        ("1997-05-12", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12 1998-05-11 1999-05-17"),
        ("1997-03-13", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "1997-03-13 1997-03-20 1997-03-27 1998-03-05 1998-03-12"),
        (
            "1997-01-01",
            "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200",
            "1997-01-01 1997-04-10 1997-07-19 2000-01-01 2000-04-09",
        ),
        ("1998-02-13", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1998-02-13 1998-03-13 1998-11-13 1999-08-13 2000-10-13"),
        (
            "1996-11-05",
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05 2000-11-07 2004-11-02",
        ),
        ("1997-09-04", "FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04 1997-10-07 1997-11-06"),
        ("1997-09-29", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997-09-29 1997-10-30 1997-11-27 1997-12-30"),
        ("2007-01-15", "FREQ=MONTHLY;BYMONTHDAY=15,30", "2007-01-15 2007-01-30 2007-02-15 2007-03-15 2007-03-30"),
        ("2027-01-04", "FREQ=MONTHLY;BYDAY=MO,2TU", "2027-01-04 2027-01-11 2027-01-12 2027-01-18"),
        ("2027-01-11", "FREQ=WEEKLY;BYDAY=MO,WE;BYSETPOS=1", "2027-01-11 2027-01-18"),
        (
            "2027-01-01",
            "FREQ=DAILY;BYMONTH=1;BYDAY=FR",
            "2027-01-01 2027-01-08 2027-01-15 2027-01-22 2027-01-29 2028-01-07",
        ),
        ("2027-03-31", "FREQ=DAILY;BYMONTHDAY=-1", "2027-03-31 2027-04-30 2027-05-31"),
    ],
)
def test_dates_by_the_calendar(start, rule, expected):
    assert days(start, rule, len(expected.split())) == expected.split()


def test_several_times_a_day():
    series = read(local("2027-01-04T09:00"), "UTC", "FREQ=DAILY;BYHOUR=9,14;BYMINUTE=0,30;COUNT=5")
    assert ids(series) == [
        "2027-01-04T09:00",
        "2027-01-04T09:30",
        "2027-01-04T14:00",
        "2027-01-04T14:30",
        "2027-01-05T09:00",
    ]
    last = read(local("2027-01-04T14:30"), "UTC", "FREQ=DAILY;BYHOUR=9,14;BYMINUTE=0,30;BYSETPOS=-1;COUNT=2")
    assert ids(last) == ["2027-01-04T14:30", "2027-01-05T14:30"]


# The start, the ends, dates added and taken out


def test_a_start_that_the_rule_does_not_make_is_refused():
    with pytest.raises(errors.StartNotInRule):
        read(local("2027-03-02T09:00"), NEW_YORK, "FREQ=WEEKLY;BYDAY=WE")
    with pytest.raises(errors.StartNotInRule):
        read(local("2027-03-02T09:00"), NEW_YORK, "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")


def test_on_import_such_a_start_is_the_first_instance_and_one_of_the_count():
    series = read(local("2027-03-02T09:00"), NEW_YORK, "FREQ=WEEKLY;BYDAY=WE;COUNT=3", imported=True)
    assert ids(series) == ["2027-03-02T09:00", "2027-03-03T09:00", "2027-03-10T09:00"]


def test_until_is_inclusive():
    start = local("2027-03-12T09:00")
    assert len(ids(read(start, NEW_YORK, "FREQ=DAILY;UNTIL=20270315T130000Z"))) == 4
    assert len(ids(read(start, NEW_YORK, "FREQ=DAILY;UNTIL=20270315T125959Z"))) == 3
    assert len(ids(read(start, NEW_YORK, "FREQ=DAILY;UNTIL=20270315", imported=True))) == 4
    assert len(ids(read(start, NEW_YORK, "FREQ=DAILY;UNTIL=20270315T085900", imported=True))) == 3


def test_until_looks_at_the_shifted_instant():
    start = local("2027-03-13T02:30")
    assert len(ids(read(start, NEW_YORK, "FREQ=DAILY;UNTIL=20270314T073000Z"))) == 2
    assert len(ids(read(start, NEW_YORK, "FREQ=DAILY;UNTIL=20270314T072959Z"))) == 1


def test_a_series_does_not_end_before_it_starts():
    start = local("2027-03-12T09:00")
    with pytest.raises(errors.UntilBeforeStart):
        read(start, NEW_YORK, "FREQ=DAILY;UNTIL=20270301T000000Z")
    assert ids(read(start, NEW_YORK, "FREQ=DAILY;UNTIL=20270301T000000Z", imported=True)) == []


def test_a_start_in_a_gap_is_shifted_or_refused():
    gap = local("2027-03-14T02:30")
    assert instants("2027-03-14T02:30", NEW_YORK, "FREQ=WEEKLY;COUNT=2") == ["03-14T07:30Z", "03-21T06:30Z"]
    with pytest.raises(NonexistentLocalTime):
        read(gap, NEW_YORK, "FREQ=WEEKLY;COUNT=2", gap_policy="skip")
    assert len(ids(read(gap, NEW_YORK, "FREQ=WEEKLY;COUNT=2", gap_policy="skip", imported=True))) == 2


def test_dates_are_added_and_taken_out_by_local_time_and_each_is_once():
    first, second, extra = local("2027-03-02T09:00"), local("2027-03-09T09:00"), local("2027-03-05T10:00")
    series = read(first, NEW_YORK, "FREQ=WEEKLY;COUNT=3", [extra, extra, second, local("2027-03-20T10:00")], [second])
    assert ids(series) == ["2027-03-02T09:00", "2027-03-05T10:00", "2027-03-16T09:00", "2027-03-20T10:00"]
    not_one = read(first, NEW_YORK, "FREQ=WEEKLY;COUNT=2", (), [local("2027-03-09T09:30"), local("2026-01-01T00:00")])
    assert len(ids(not_one)) == 2


def test_dates_without_a_rule_are_a_series():
    series = read(local("2027-03-02T09:00"), NEW_YORK, None, [local("2027-05-05T10:00"), local("2027-04-01T11:00")])
    assert ids(series) == ["2027-03-02T09:00", "2027-04-01T11:00", "2027-05-05T10:00"]


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"start": datetime(2027, 3, 2, 9, tzinfo=UTC)}, errors.NotALocalTime),
        ({"start": datetime(2027, 3, 2, 9, 0, 0, 1)}, errors.NotALocalTime),
        ({"start": datetime(1066, 10, 14, 9)}, TimeOutOfRange),
        ({"start": datetime(9999, 12, 31, 23, 59)}, TimeOutOfRange),
        ({"zone": "Mars/Olympus"}, UnknownZone),
        ({"rdates": [datetime(2027, 3, 2, 9, tzinfo=UTC)]}, errors.NotALocalTime),
        ({"exdates": [datetime(2027, 1, 1, 0, 0, 0, n) for n in range(2000)]}, errors.TooManyDates),
    ],
)
def test_what_is_no_series_is_refused(given, refusal):
    with pytest.raises(refusal):
        read(**{"start": datetime(2027, 3, 2, 9), "zone": NEW_YORK, "rule": "FREQ=DAILY"} | given)


def test_a_series_is_stored_and_read_again():
    rule, extra = "FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20270501T000000Z", [local("2027-03-05T10:00")]
    series = read(local("2027-03-02T09:00"), NEW_YORK, rule, extra, gap_policy="skip")
    assert msgspec.json.decode(msgspec.json.encode(series), type=Series) == series


# How far one call goes


def test_an_endless_series_gives_24_months_from_its_start_inclusive():
    found = ids(read(local("2027-03-02T09:00"), NEW_YORK, "FREQ=WEEKLY"))
    assert (len(found), found[-1]) == (105, "2029-02-27T09:00")
    monthly = ids(read(local("2027-03-02T09:00"), NEW_YORK, "FREQ=MONTHLY"))
    assert (len(monthly), monthly[-1]) == (25, "2029-03-02T09:00")


def test_24_months_from_a_leap_day_end_with_february():
    assert months_later(datetime(2028, 2, 29, 9), 24) == datetime(2030, 2, 28, 9)


def test_400_are_given_however_many_are_asked_for():
    daily = read(local("2027-03-02T09:00"), NEW_YORK, "FREQ=DAILY")
    assert len(ids(daily)) == len(ids(daily, limit=1_000_000)) == 400
    assert len(ids(daily, limit=3)) == 3
    assert ids(daily, limit=0) == ids(daily, limit=-1) == []


def test_both_ends_of_a_window_are_outside_it():
    daily = read(local("2027-03-02T09:00"), NEW_YORK, "FREQ=DAILY")
    assert ids(daily, after=local("2027-03-03T09:00"), before=local("2027-03-06T09:00")) == [
        "2027-03-04T09:00",
        "2027-03-05T09:00",
    ]
    assert ids(daily, before=local("2027-03-02T09:00")) == []
    with pytest.raises(errors.NotALocalTime):
        occurrences(daily, after=datetime(2027, 3, 3, tzinfo=UTC))
    with pytest.raises(TimeOutOfRange):
        occurrences(daily, before=datetime(4027, 3, 3))


def test_windows_put_together_are_the_whole():
    series = read(local("2028-02-29T09:00"), NEW_YORK, "FREQ=YEARLY;COUNT=4")
    found, end = [], None
    for _ in range(10):
        found += ids(series, after=end)
        end = months_later(end or series.start, 24)
    assert found == ["2028-02-29T09:00", "2032-02-29T09:00", "2036-02-29T09:00", "2040-02-29T09:00"]


NAMES_NOTHING = [
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=10000",
    "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2,4,6,9,11",
    "FREQ=YEARLY;BYWEEKNO=20;BYMONTH=1",
    "FREQ=YEARLY;BYYEARDAY=1;BYMONTHDAY=2",
    "FREQ=WEEKLY;INTERVAL=1000;BYMONTH=1;BYDAY=MO;BYSETPOS=2",
]


@pytest.mark.parametrize("rule", NAMES_NOTHING)
@pytest.mark.parametrize("after", [None, local("2190-01-01T00:00")])
def test_a_rule_that_names_nothing_ends_soon(rule, after):
    series = read(local("1971-03-02T09:00"), NEW_YORK, rule, imported=True)
    began = perf_counter()
    assert len(ids(series, after=after)) == (1 if after is None else 0)
    assert perf_counter() - began < 0.2


def test_an_endless_series_a_century_on_costs_no_century():
    series = read(local("1971-03-02T09:00"), NEW_YORK, "FREQ=DAILY;BYHOUR=9,10,11,12;BYMINUTE=0,15,30,45")
    began = perf_counter()
    assert ids(series, after=local("2070-01-01T00:00"), limit=1) == ["2070-01-01T09:00"]
    assert perf_counter() - began < 0.02


def test_a_rule_makes_nothing_a_century_after_its_start():
    series = read(local("1971-03-02T09:00"), NEW_YORK, "FREQ=YEARLY")
    assert ids(series, after=local("2070-03-02T09:00")) == ["2071-03-02T09:00"]


# What holds for every series


@st.composite
def drawn_series(draw, zones=(NEW_YORK, LONDON, LORD_HOWE, SANTIAGO, KATHMANDU, APIA)) -> Series:
    random: Random = draw(st.randoms(use_true_random=False))
    start = drawn_start(random)
    near = [start + timedelta(days=random.randrange(0, 400), hours=random.randrange(5)) for _ in range(4)]
    rule = drawn_rule(random, start)
    return Series(
        start, draw(st.sampled_from(zones)), rule, tuple(near[:2]), tuple(near[1:]), random.choice(("shift", "skip"))
    )


@given(drawn_series(), st.integers(-100, 900), st.integers(1, 900), st.integers(0, 30))
def test_occurrences_come_in_order_within_all_bounds(series, after, longer, limit):
    since = series.start + timedelta(days=after)
    until = since + timedelta(days=longer)
    found = list(occurrences(series, since, until, limit))
    labels = [o.recurrence_id for o in found]
    assert labels == sorted(set(labels))
    assert len(found) <= limit
    assert all(since < label < until for label in labels)
    assert all(label <= months_later(max(series.start, since), 24) for label in labels)
    assert not set(labels) & set(series.exdates)
    everything = [o for o in all_between(series, FIRST_LOCAL, until) if since < o.recurrence_id < until]
    assert found == everything[: min(limit, len(found))]


@given(drawn_series())
def test_a_count_is_kept(series):
    found = list(islice(all_between(series, FIRST_LOCAL, LAST_LOCAL), 60))
    made = [o for o in found if o.recurrence_id not in series.rdates]
    if series.rule.count:
        assert len(made) <= series.rule.count
    if series.rule.until:
        assert all(o.starts_at <= series.rule.until for o in made)
