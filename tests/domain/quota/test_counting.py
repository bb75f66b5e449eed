"""What counts against a quota, in which window, and when that is over: a yes, a no and the edge."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from counted import (
    ANN,
    BEN,
    CAL,
    COURT,
    HERE,
    LISBON,
    POOL,
    SWIM,
    TENNIS,
    THERE,
    at,
    booked,
    refused,
    stands,
    wants,
)  # fmt: skip
from hypothesis import given as drawn
from hypothesis import strategies as some
from msgspec.structs import replace

from domain.hours import Opening, WeeklyHours
from domain.quota.counting import Group, against, counted_together, standing
from domain.quota.rule import CalendarWindow, QuotaRule, RollingWindow, Season, What, Who

FAMILY, OTHER_FAMILY, CLUB, GOLD = UUID(int=31), UUID(int=32), UUID(int=33), UUID(int=34)
TICK = timedelta(microseconds=1)

two_a_week = QuotaRule("two-a-week", "count", 2, CalendarWindow("week"))
two_in_seven = QuotaRule("two-in-seven", "count", 2, RollingWindow(7))
two_hours = QuotaRule("two-hours", "minutes", 120, CalendarWindow("day"))


# the calendar's windows: Monday 2027-03-01 begins a week and a month


def test_what_fits_is_not_refused():
    assert refused(two_a_week, [booked("2027-03-01T10:00")], wants("2027-03-07T23:59")) is None


def test_one_more_than_the_limit_is_refused_until_the_week_is_over():
    verdict = refused(two_a_week, [booked("2027-03-01T00:00"), booked("2027-03-03T10:00")], wants("2027-03-07T23:59"))
    assert (verdict.rule, verdict.used, verdict.adding, verdict.limit) == ("two-a-week", 2, 1, 2)
    assert verdict.resets_at == at("2027-03-08T00:00")


def test_exactly_when_the_week_is_over_it_fits_again():
    rows = [booked("2027-03-01T00:00"), booked("2027-03-03T10:00")]
    assert refused(two_a_week, rows, wants("2027-03-08T00:00")) is None


@pytest.mark.parametrize(
    ("starts", "first", "last"), [("monday", "2027-03-01", "2027-03-07"), ("sunday", "2027-02-28", "2027-03-06")]
)
def test_a_week_starts_when_the_organization_says(starts, first, last):
    week = CalendarWindow("week", starts)
    for on in ("2027-03-01", "2027-03-04", "2027-03-06"):
        assert week.around(date.fromisoformat(on)) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("per", "on", "first", "last"),
    [
        ("week", "2026-12-31", "2026-12-28", "2027-01-03"),  # across the year
        ("week", "2027-01-03", "2026-12-28", "2027-01-03"),
        ("month", "2028-02-29", "2028-02-01", "2028-02-29"),
        ("month", "2027-02-28", "2027-02-01", "2027-02-28"),
        ("month", "2026-12-31", "2026-12-01", "2026-12-31"),
        ("day", "2026-12-31", "2026-12-31", "2026-12-31"),
    ],
)
def test_windows_of_the_calendar(per, on, first, last):
    assert CalendarWindow(per).around(date.fromisoformat(on)) == (date.fromisoformat(first), date.fromisoformat(last))


summer = QuotaRule(
    "one-a-summer",
    "count",
    1,
    CalendarWindow("season", seasons=(Season("summer", date(2027, 6, 1), date(2027, 8, 31)),)),
)


def test_a_season_is_counted_whole_and_both_its_ends_belong_to_it():
    verdict = refused(summer, [booked("2027-06-01T00:00")], wants("2027-08-31T23:00"))
    assert verdict.resets_at == at("2027-09-01T00:00")


def test_between_seasons_a_season_limits_nothing():
    rows = [booked("2027-06-01T10:00"), booked("2027-09-01T10:00")]
    assert refused(summer, rows, wants("2027-09-01T12:00")) is None
    assert standing([summer], (), rows, ANN, LISBON, at("2027-09-01T12:00")) == []


def test_the_local_date_of_the_start_decides_and_not_the_date_in_utc():
    """Half past midnight in Auckland is the day before in UTC."""
    rows = [booked("2027-03-08T00:30", zone="Pacific/Auckland"), booked("2027-03-08T09:00", zone="Pacific/Auckland")]
    assert refused(two_a_week, rows, wants("2027-03-07T12:00", zone="Pacific/Auckland")) is None
    verdict = refused(two_a_week, rows, wants("2027-03-14T12:00", zone="Pacific/Auckland"))
    assert verdict.resets_at == at("2027-03-15T00:00", "Pacific/Auckland")


def test_a_booking_past_midnight_belongs_whole_to_the_date_on_which_it_starts():
    rows = [booked("2027-03-01T23:00", 120)]
    assert refused(two_hours, rows, wants("2027-03-02T10:00", 120)) is None
    assert refused(two_hours, rows, wants("2027-03-01T10:00", 1)).used == 120


def test_a_rule_may_name_its_own_wall():
    in_utc = replace(two_a_week, zone="UTC")
    rows = [booked("2027-03-08T00:30", zone="Pacific/Auckland"), booked("2027-03-08T09:00", zone="Pacific/Auckland")]
    verdict = refused(in_utc, rows, wants("2027-03-07T12:00", zone="Pacific/Auckland"))  # all on Sunday in UTC
    assert (verdict.zone, verdict.resets_at) == ("UTC", datetime(2027, 3, 8, tzinfo=UTC))


# minutes


def test_minutes_are_elapsed_time_where_the_clocks_change():
    """In Lisbon 00:30 to 02:30 is an hour on 28 March 2027, and 00:30 to 02:30 is three on 31 October."""
    spring = booked("2027-03-28T00:30", 60)
    assert at("2027-03-28T02:30") == spring.ends_at
    assert stands(two_hours, [spring], "2027-03-28").used == 60
    autumn = replace(booked("2027-10-31T00:30"), ends_at=at("2027-10-31T02:30"))
    assert stands(two_hours, [autumn], "2027-10-31").used == 180


def test_a_day_of_23_hours_resets_after_them():
    verdict = stands(replace(two_hours, limit=0), [booked("2027-03-28T00:00")], "2027-03-28")
    assert verdict.resets_at - at("2027-03-28T00:00") == timedelta(hours=23)


@pytest.mark.parametrize(("minutes", "fits"), [(59, True), (60, True), (61, False)])
def test_minutes_fit_up_to_the_limit_itself(minutes, fits):
    assert (refused(two_hours, [booked("2027-03-01T10:00", 60)], wants("2027-03-01T12:00", minutes)) is None) == fits


def test_a_minute_that_has_begun_is_a_whole_one():
    row = booked("2027-03-01T10:00")
    assert stands(two_hours, [replace(row, ends_at=row.ends_at + TICK)], "2027-03-01").used == 61


evenings = QuotaRule(
    "evenings", "peak_minutes", 90, CalendarWindow("week"),
    peak=WeeklyHours(monday=(Opening(17 * 60, 21 * 60),), saturday=(Opening(22 * 60, 26 * 60),)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("local", "minutes", "used"),
    [
        ("2027-03-01T16:00", 60, 0),
        ("2027-03-01T16:00", 90, 30),
        ("2027-03-01T20:00", 120, 60),
        ("2027-03-01T16:00", 360, 240),
        ("2027-03-02T18:00", 60, 0),
        ("2027-03-06T21:00", 360, 240),  # Saturday's peak runs past midnight
        ("2027-03-07T00:00", 180, 120),
    ],
)
def test_of_a_booking_only_its_minutes_in_the_peak_count(local, minutes, used):
    assert stands(evenings, [booked(local, minutes)], "2027-03-01").used == used


def test_outside_of_the_peak_one_can_book_although_the_peak_is_used_up():
    rows = [booked("2027-03-01T18:00", 120)]
    assert refused(evenings, rows, wants("2027-03-02T18:00")) is None
    assert refused(evenings, rows, wants("2027-03-01T20:59", 2)).adding == 1


def test_peak_minutes_are_elapsed_time_as_well():
    """The clocks of New York skip from two to three on 14 March 2027: a peak from one to four has two hours."""
    night = replace(evenings, peak=WeeklyHours(sunday=(Opening(60, 240),)), limit=119)
    verdict = refused(night, [], wants("2027-03-14T00:00", 300, zone="America/New_York"))
    assert verdict.adding == 120


# rolling windows


def test_any_seven_days_with_the_new_date_among_them_are_looked_at():
    """Two on either side are too many although neither the week before nor the week after is full."""
    rows = [booked("2027-03-01T10:00"), booked("2027-03-06T10:00")]
    verdict = refused(two_in_seven, rows, wants("2027-03-03T10:00"))
    assert verdict.used == 2
    assert verdict.resets_at == at("2027-03-08T00:00")  # when the one of the 1st leaves


def test_on_the_first_date_that_shares_no_window_with_the_oldest_it_fits():
    rows = [booked("2027-03-01T23:00"), booked("2027-03-06T10:00")]
    assert refused(two_in_seven, rows, wants("2027-03-07T23:59")).resets_at == at("2027-03-08T00:00")
    assert refused(two_in_seven, rows, wants("2027-03-08T00:00")) is None


def test_what_is_booked_ahead_is_in_the_way_as_well():
    rows = [booked("2027-03-10T10:00"), booked("2027-03-11T10:00")]
    assert refused(two_in_seven, rows, wants("2027-03-04T10:00")) is None  # the 4th to the 10th
    verdict = refused(two_in_seven, rows, wants("2027-03-05T10:00"))  # the 5th to the 11th
    assert verdict.resets_at == at("2027-03-17T00:00")


def test_a_rolling_window_in_which_nothing_counts_has_nothing_to_reset():
    verdict = refused(replace(two_in_seven, limit=0), [], wants("2027-03-05T10:00"))
    assert (verdict.used, verdict.resets_at) == (0, None)


# what counts


@pytest.mark.parametrize(
    ("state", "counts"), [("live", True), ("over", True), ("no_show", True), ("late_cancel", True), ("gone", False)]
)
def test_what_was_sold_counts_and_what_was_cancelled_in_time_does_not(state, counts):
    rows = [booked("2027-03-01T10:00"), booked("2027-03-02T10:00", state=state)]
    assert (refused(two_a_week, rows, wants("2027-03-03T10:00")) is not None) == counts


def test_late_cancellations_count_unless_the_rule_says_otherwise():
    lenient = replace(two_a_week, count_late_cancellations=False)
    rows = [booked("2027-03-01T10:00"), booked("2027-03-02T10:00", state="late_cancel")]
    assert refused(two_a_week, rows, wants("2027-03-03T10:00")).used == 2
    assert refused(lenient, rows, wants("2027-03-03T10:00")) is None


@pytest.mark.parametrize(
    ("what", "counts"),
    [
        (What(), True),
        (What(offerings=(TENNIS,)), True),
        (What(offerings=(SWIM, TENNIS)), True),
        (What(offerings=(SWIM,)), False),
        (What(resources=(POOL, COURT)), True),
        (What(resources=(POOL,)), False),
        (What(locations=(HERE,)), True),
        (What(locations=(THERE,)), False),
        (What(offerings=(TENNIS,), resources=(POOL,)), False),
        (What(offerings=(TENNIS,), resources=(COURT,), locations=(HERE,)), True),
    ],
)
def test_a_rule_limits_what_it_names(what, counts):
    rule = replace(two_a_week, limit=0, what=what)
    assert (refused(rule, [], wants("2027-03-03T10:00")) is not None) == counts


def test_what_the_rule_does_not_name_does_not_count_towards_it():
    rule = replace(two_a_week, what=What(offerings=(TENNIS,)))
    rows = [booked("2027-03-01T10:00", offering_id=SWIM), booked("2027-03-01T11:00", offering_id=None)]
    assert refused(rule, [*rows, booked("2027-03-01T12:00")], wants("2027-03-03T10:00")) is None


def test_a_booking_that_moves_is_not_in_its_own_way():
    mine = booked("2027-03-01T10:00")
    rows = [mine, booked("2027-03-02T10:00")]
    assert refused(two_a_week, rows, wants("2027-03-03T10:00", moving=mine.booking_id)) is None
    assert refused(two_a_week, rows, wants("2027-03-03T10:00")).used == 2


# active bookings and no-shows

two_active = QuotaRule("two-active", "active_future", 2)
NOW = at("2027-03-10T12:00")


def test_active_are_those_that_are_not_over():
    under_way, tomorrow = booked("2027-03-10T11:30"), booked("2027-03-11T10:00")
    verdict = refused(two_active, [under_way, tomorrow], wants("2027-04-01T10:00"), now=NOW)
    assert (verdict.used, verdict.resets_at) == (2, under_way.ends_at)


def test_a_booking_is_active_until_just_before_its_end():
    rows = [booked("2027-03-10T11:00"), booked("2027-03-11T10:00")]
    assert refused(two_active, rows, wants("2027-04-01T10:00"), now=NOW) is None
    assert refused(two_active, rows, wants("2027-04-01T10:00"), now=NOW - TICK) is not None


@pytest.mark.parametrize("state", ["over", "late_cancel", "no_show"])
def test_only_what_is_still_to_come_is_active(state):
    rows = [booked("2027-03-11T10:00"), booked("2027-03-12T10:00", state=state)]
    assert refused(two_active, rows, wants("2027-04-01T10:00"), now=NOW) is None


one_no_show = QuotaRule("no-shows", "no_shows", 1, RollingWindow(30))


def test_no_shows_within_the_limit_are_put_up_with():
    rows = [booked("2027-03-01T10:00", state="no_show")]
    assert refused(one_no_show, rows, wants("2027-03-20T10:00"), now=NOW) is None


def test_too_many_no_shows_stop_every_booking_however_far_ahead_until_the_oldest_is_forgotten():
    rows = [booked("2027-03-01T10:00", state="no_show"), booked("2027-03-05T10:00", state="no_show")]
    verdict = refused(one_no_show, rows, wants("2027-12-24T10:00"), now=NOW)
    assert (verdict.used, verdict.adding, verdict.resets_at) == (2, 0, at("2027-03-31T00:00"))
    assert refused(one_no_show, rows, wants("2027-12-24T10:00"), now=at("2027-03-30T23:59")) is not None
    assert refused(one_no_show, rows, wants("2027-12-24T10:00"), now=at("2027-03-31T00:00")) is None


def test_who_came_has_no_no_shows():
    rows = [booked("2027-03-01T10:00", state="over"), booked("2027-03-05T10:00", state="late_cancel")]
    assert refused(replace(one_no_show, limit=0), rows, wants("2027-03-20T10:00"), now=NOW) is None


def test_a_trial_lesson_is_had_once_for_ever():
    once = QuotaRule("trial", "count", 1)
    assert refused(once, [], wants("2027-03-20T10:00")) is None
    verdict = refused(once, [booked("2001-01-01T10:00")], wants("2027-03-20T10:00"))
    assert verdict.resets_at is None


# whom

ours, theirs = Group(FAMILY, "family", frozenset({ANN, BEN})), Group(OTHER_FAMILY, "family", frozenset({ANN, CAL}))
gold = Group(GOLD, "plan")


def test_a_person_is_counted_alone():
    rows = [booked("2027-03-01T10:00"), booked("2027-03-01T12:00", who=BEN)]
    assert refused(two_a_week, rows, wants("2027-03-03T10:00"), groups=(ours,)) is None


@pytest.mark.parametrize(("who", "limited"), [(ANN, True), (BEN, False)])
def test_a_rule_may_be_for_one_person(who, limited):
    rule = replace(two_a_week, limit=0, who=Who("person", ANN))
    assert (refused(rule, [], wants("2027-03-03T10:00", who=who)) is not None) == limited


def test_a_family_is_counted_together():
    rule = replace(two_a_week, who=Who("family"))
    rows = [booked("2027-03-01T10:00"), booked("2027-03-01T12:00", who=BEN), booked("2027-03-01T12:00", who=CAL)]
    verdict = refused(rule, rows, wants("2027-03-03T10:00"), groups=(ours,))
    assert (verdict.used, verdict.party_id) == (2, FAMILY)


def test_who_is_in_two_families_is_counted_with_each():
    rule = replace(two_a_week, who=Who("family"))
    rows = [booked("2027-03-01T12:00", who=BEN), booked("2027-03-01T13:00", who=CAL), booked("2027-03-02T13:00", who=CAL)]  # fmt: skip  # noqa: E501
    (verdict,) = against([rule], (ours, theirs), rows, wants("2027-03-03T10:00"), NOW)
    assert (verdict.used, verdict.party_id) == (2, OTHER_FAMILY)


def test_who_is_in_no_family_is_not_limited_by_a_family_s_rule():
    assert refused(replace(two_a_week, limit=0, who=Who("family")), [], wants("2027-03-03T10:00")) is None


def test_a_rule_may_be_for_one_family():
    rule = replace(two_a_week, limit=0, who=Who("family", OTHER_FAMILY))
    assert refused(rule, [], wants("2027-03-03T10:00"), groups=(ours,)) is None
    assert refused(rule, [], wants("2027-03-03T10:00"), groups=(ours, theirs)).party_id == OTHER_FAMILY


def test_an_account_is_counted_together():
    rule = replace(two_a_week, who=Who("organization", CLUB))
    rows = [booked("2027-03-01T12:00", who=BEN), booked("2027-03-01T13:00", who=CAL)]
    club = Group(CLUB, "organization", frozenset({ANN, BEN, CAL}))
    assert refused(rule, rows, wants("2027-03-03T10:00"), groups=(club,)).used == 2


def test_who_is_on_a_plan_is_counted_alone():
    rule = replace(two_a_week, who=Who("plan", GOLD))
    rows = [booked("2027-03-01T10:00"), booked("2027-03-01T12:00", who=BEN)]
    assert refused(rule, rows, wants("2027-03-03T10:00"), groups=(gold,)) is None
    rows.append(booked("2027-03-02T10:00"))
    assert refused(rule, rows, wants("2027-03-03T10:00"), groups=(gold,)).used == 2
    assert refused(rule, rows, wants("2027-03-03T10:00")) is None  # on no plan


def test_whose_bookings_have_to_be_looked_at():
    families = replace(two_a_week, who=Who("family"))
    assert counted_together([], (ours,), ANN) == frozenset()
    assert counted_together([families], (), ANN) == frozenset()
    assert counted_together([families, two_a_week], (ours, theirs), ANN) == {ANN, BEN, CAL}
    assert counted_together([two_a_week], (ours,), ANN) == {ANN}


def test_several_rules_refuse_by_name():
    rules = [replace(two_a_week, limit=0), replace(two_hours, limit=0), replace(two_in_seven, limit=1)]
    found = against(rules, (), [], wants("2027-03-03T10:00"), NOW)
    assert [verdict.rule for verdict in found] == ["two-a-week", "two-hours"]


def test_how_one_stands_is_told_where_nothing_is_refused():
    verdict = stands(two_a_week, [booked("2027-03-09T10:00")], now=NOW)
    assert (verdict.used, verdict.limit, verdict.adding, verdict.refuses) == (1, 2, 0, False)
    assert verdict.resets_at == at("2027-03-15T00:00")


# against a count by hand

ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Auckland"]
spots = some.tuples(some.integers(0, 40 * 24 * 4), some.integers(1, 600), some.sampled_from([ANN, BEN]))
FIRST = datetime(2027, 3, 1, tzinfo=UTC)


@drawn(
    zone=some.sampled_from(ZONES),
    window=some.one_of(
        some.builds(RollingWindow, some.integers(1, 12)),
        some.builds(
            CalendarWindow, some.sampled_from(["day", "week", "month"]), some.sampled_from(["monday", "sunday"])
        ),
    ),
    measure=some.sampled_from(["count", "minutes"]),
    of=some.lists(spots, max_size=14),
    new=spots,
    limit=some.integers(0, 8),
)
def test_it_agrees_with_a_count_by_hand(zone, window, measure, of, new, limit):
    """By hand: every window of dates is written out, and every booking is looked at for each."""

    def row(spot):
        starts_at = FIRST + timedelta(minutes=15 * spot[0])
        return replace(booked("2027-03-01T00:00", who=spot[2]), starts_at=starts_at,
                       ends_at=starts_at + timedelta(minutes=spot[1]))  # fmt: skip

    def local(row):
        return row.starts_at.astimezone(zone_of).date()

    zone_of = ZoneInfo(zone)
    rows, it = [row(spot) for spot in of], row(new)
    on = local(it)
    days = [on + timedelta(days=n) for n in range(-50, 51)]
    if isinstance(window, RollingWindow):
        windows = [set(days[i : i + window.days]) for i in range(len(days)) if on in days[i : i + window.days]]
    elif window.per == "day":
        windows = [{on}]
    elif window.per == "month":
        windows = [{day for day in days if (day.year, day.month) == (on.year, on.month)}]
    else:
        turn = 0 if window.week_starts == "monday" else 6
        begins = next(day for day in reversed(days) if day <= on and day.weekday() == turn)
        windows = [{begins + timedelta(days=n) for n in range(7)}]

    def worth(row):
        return 1 if measure == "count" else int((row.ends_at - row.starts_at).total_seconds() // 60)

    used = max(sum(worth(r) for r in rows if r.who == it.who and local(r) in w) for w in windows)
    limit = limit if measure == "count" else limit * 60
    rule = QuotaRule("drawn", measure, limit, window)
    wanted = replace(wants("2027-03-01T00:00", who=it.who, zone=zone), starts_at=it.starts_at, ends_at=it.ends_at)
    found = refused(rule, rows, wanted)
    assert (found is not None) == (used + worth(it) > limit)
    if found is not None:
        assert found.used == used


@drawn(of=some.lists(some.integers(0, 60), min_size=1, max_size=12), on=some.integers(0, 60), days=some.integers(1, 20))
def test_once_a_rolling_window_has_reset_its_oldest_no_longer_counts(of, on, days):
    rows = [booked("2027-03-01T10:00") for _ in of]
    rows = [replace(row, starts_at=row.starts_at + timedelta(days=n), ends_at=row.ends_at + timedelta(days=n))
            for row, n in zip(rows, of, strict=True)]  # fmt: skip
    rule = QuotaRule("drawn", "count", 0, RollingWindow(days))
    wanted = replace(
        wants("2027-03-01T10:00", zone="UTC"),
        starts_at=FIRST + timedelta(days=on), ends_at=FIRST + timedelta(days=on, hours=1),
    )  # fmt: skip
    before = refused(rule, rows, wanted)
    if before.resets_at is None:
        assert before.used == 0
        return
    after = refused(
        rule, rows, replace(wanted, starts_at=before.resets_at, ends_at=before.resets_at + timedelta(hours=1))
    )
    oldest = before.resets_at - timedelta(days=days)
    assert after.resets_at is None or after.resets_at - timedelta(days=days) > oldest
