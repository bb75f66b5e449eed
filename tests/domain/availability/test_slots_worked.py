"""What can be booked: every example and every point decided about time, capacity, buffers, staff and tables."""

from datetime import date, datetime, timedelta

import pytest
from msgspec.structs import replace
from setups import (
    ELSEWHERE,
    LONG_AGO,
    asked,
    booked,
    closure,
    court,
    covers,
    daily,
    named,
    need,
    offering,
    openings,
    pool,
    pushed_together,
    resource,
    simple,
    sold,
    staff,
    table,
    utc,
    venue,
    who,
)

from domain.availability.setup import ORDER, Refused, Request, Setup, Slot
from domain.hours import WeeklyHours
from domain.localtime import wall
from domain.offering.terms import Durations, TurnTime
from domain.period import Period
from domain.resource.resource import Override, Pacing

NEW_YORK, LORD_HOWE = "America/New_York", "Australia/Lord_Howe"
TUESDAY = date(2027, 1, 5)
TICK = timedelta(microseconds=1)


def at(clock: str, on: date = TUESDAY) -> datetime:
    """UTC on the Tuesday; 24:00 and later on the days after."""
    hour, minute = map(int, clock.split(":"))
    return utc(on.year, on.month, on.day) + timedelta(hours=hour, minutes=minute)


def clocks(found, zone: str = "UTC") -> list[str]:
    return [f"{wall(slot.starts_at, zone):%H:%M}" for slot in found]


def every(first: str, last: str, step: int) -> list[str]:
    starts, ends = at(first), at(last)
    return [
        f"{starts + n * timedelta(minutes=step):%H:%M}" for n in range((ends - starts) // timedelta(minutes=step) + 1)
    ]


def left(found, clock: str) -> int:
    """Units left at that time; 0 where nothing can be booked."""
    return next((slot.remaining for slot in found if slot.starts_at == at(clock)), 0)


def codes(refused: Refused) -> list[str]:
    assert isinstance(refused, Refused)
    assert [reason.code for reason in refused.reasons] == sorted(
        (reason.code for reason in refused.reasons), key=ORDER.index
    )
    return [reason.code for reason in refused.reasons]


# The clocks change


def sunday_morning(zone: str = NEW_YORK, **terms) -> Setup:
    return simple(venue(zone, WeeklyHours(sunday=openings("00:00-06:00"))), court(), **terms)


def test_an_ordinary_sunday_morning_has_eleven_slots(slots):
    found = slots(sunday_morning(), [], asked(date(2027, 3, 7)), LONG_AGO)
    assert clocks(found, NEW_YORK) == every("00:00", "05:00", 30)
    assert len(found) == 11


def test_when_an_hour_is_skipped_nine_are_left_at_round_times(slots):
    found = slots(sunday_morning(), [], asked(date(2027, 3, 14)), LONG_AGO)
    assert clocks(found, NEW_YORK) == [
        "00:00", "00:30", "01:00", "01:30", "03:00", "03:30", "04:00", "04:30", "05:00",
    ]  # fmt: skip
    assert [slot.starts_at for slot in found] == [utc(2027, 3, 14, 5) + n * timedelta(minutes=30) for n in range(9)]
    assert found[3].ends_at == utc(2027, 3, 14, 7, 30), "03:30-04:00: an hour after 01:30-05:00"


def test_the_labels_that_the_clocks_skip_are_told_as_such(decided):
    told = decided.explained(sunday_morning(), [], asked(date(2027, 3, 14)), LONG_AGO)
    skipped = [label for label in told if isinstance(label, Refused)]
    assert [label.local for label in skipped] == [datetime(2027, 3, 14, 2), datetime(2027, 3, 14, 2, 30)]
    assert [(label.starts_at, codes(label)) for label in skipped] == [(None, ["DST_GAP"])] * 2
    assert [told.index(label) for label in skipped] == [4, 5], "in the order of labels"


def test_when_half_an_hour_is_skipped_labels_stay_at_the_full_hour(slots):
    found = slots(sunday_morning(LORD_HOWE, step=60), [], asked(date(2026, 10, 4)), LONG_AGO)
    assert clocks(found, LORD_HOWE) == ["00:00", "01:00", "03:00", "04:00", "05:00"]
    assert [slot.starts_at for slot in found] == [
        utc(2026, 10, 3, 13, 30), utc(2026, 10, 3, 14, 30),
        utc(2026, 10, 3, 16), utc(2026, 10, 3, 17), utc(2026, 10, 3, 18),
    ]  # fmt: skip


def test_what_happens_twice_can_be_booked_twice(slots):
    found = slots(sunday_morning(), [], asked(date(2026, 11, 1)), LONG_AGO)
    assert clocks(found, NEW_YORK) == [
        "00:00", "00:30", "01:00", "01:30", "01:00", "01:30", *every("02:00", "05:00", 30)
    ]  # fmt: skip


# Touching, and buffers

HALF = timedelta(minutes=30)


def at_any_minute(minutes: int) -> Setup:
    return simple(venue(), court(), step=1, lasts=minutes)


@pytest.mark.parametrize(
    ("starts", "minutes", "free"),
    [
        ("09:00", 60, True), ("11:00", 60, True),
        ("09:30", 60, False), ("10:59", 2, False), ("10:00", 60, False),
        ("09:58", 2, True), ("09:59", 2, False),
    ],
)  # fmt: skip
def test_what_touches_does_not_overlap(slots, starts, minutes, free):
    found = slots(at_any_minute(minutes), [booked(court(), at("10:00"), at("11:00"))], asked(TUESDAY), LONG_AGO)
    assert (at(starts) in [slot.starts_at for slot in found]) is free


def treatments(**more) -> Setup:
    """09:00-17:00, 45 minutes on every quarter, 10 minutes before and 15 after."""
    return simple(venue(), court(hours=daily("09:00-17:00"), **more), lasts=45, step=15, before=10, after=15)


def taken(shared: bool = False):
    return [booked(court(), at("12:00"), at("12:45"), before=10, after=15, shared=shared)]


def test_thirty_candidates_of_which_buffers_leave_twenty_one(slots):
    assert len(slots(treatments(), [], asked(TUESDAY), LONG_AGO)) == 30
    found = slots(treatments(), taken(), asked(TUESDAY), LONG_AGO)
    assert clocks(found) == every("09:00", "10:45", 15) + every("13:15", "16:15", 15)
    assert len(found) == 21


def test_shared_buffers_leave_two_more(slots):
    found = slots(treatments(buffer_mode="shared"), taken(shared=True), asked(TUESDAY), LONG_AGO)
    assert clocks(found) == every("09:00", "11:00", 15) + every("13:00", "16:15", 15)
    assert len(found) == 23


def test_with_two_hours_notice_at_twenty_past_nine_thirteen_are_left(slots):
    setup = treatments()
    short = replace(setup, terms=replace(setup.terms, notice=120))
    found = slots(short, taken(), asked(TUESDAY), at("09:20"))
    assert clocks(found) == every("13:15", "16:15", 15)
    assert len(found) == 13


def test_all_thirty_candidates_are_explained(decided):
    told = decided.explained(treatments(), taken(), asked(TUESDAY), LONG_AGO)
    assert len(told) == 30
    refused = [label for label in told if isinstance(label, Refused)]
    assert [f"{label.local:%H:%M}" for label in refused] == every("11:00", "13:00", 15)
    for label in refused:
        assert set(codes(label)) <= {"OCCUPIED", "BUFFER"}
    of = {f"{label.local:%H:%M}": codes(label) for label in refused}
    assert of["11:00"] == of["13:00"] == ["BUFFER"], "only the buffers meet"
    assert of["12:00"][0] == "OCCUPIED", "the guests' own times overlap: that comes first"


def test_a_booking_keeps_the_buffers_it_was_made_with(slots):
    plain = simple(venue(), court(hours=daily("09:00-17:00")), lasts=45, step=15)
    found = slots(plain, taken(), asked(TUESDAY), LONG_AGO)
    assert clocks(found) == every("09:00", "11:00", 15) + every("13:00", "16:15", 15)


@pytest.mark.parametrize(("mode", "theirs"), [("shared", False), ("exclusive", True)])
def test_where_one_of_two_neighbours_shares_its_buffers_the_larger_is_enough(slots, mode, theirs):
    """A resource has changed its mode; what was booked before keeps the mode as it keeps the minutes."""
    found = slots(treatments(buffer_mode=mode), taken(shared=theirs), asked(TUESDAY), LONG_AGO)
    assert clocks(found) == every("09:00", "11:00", 15) + every("13:00", "16:15", 15)


def test_shared_buffers_of_different_lengths_leave_the_larger(slots):
    hour = simple(venue(), court(hours=daily("08:00-20:00"), buffer_mode="shared"), step=10, before=20, after=10)
    there = [booked(court(), at("12:00"), at("13:00"), before=40, after=0, shared=True)]
    found = slots(hour, there, asked(TUESDAY), LONG_AGO)
    assert clocks(found) == every("08:00", "10:20", 10) + every("13:20", "19:00", 10)


# Opening hours


def test_labels_run_while_the_slot_fits(slots):
    found = slots(simple(venue(), court(hours=daily("09:00-12:10"))), [], asked(TUESDAY), LONG_AGO)
    assert clocks(found) == every("09:00", "11:00", 30)
    tighter = slots(simple(venue(), court(hours=daily("09:00-12:00"))), [], asked(TUESDAY), LONG_AGO)
    assert clocks(tighter) == every("09:00", "11:00", 30), "up to the closing time itself"


def test_a_duration_past_closing_is_outside_hours(decided):
    setup = simple(venue(), court(hours=daily("09:00-12:00")))
    assert "OUTSIDE_HOURS" in codes(decided.consider(setup, [], asked(TUESDAY), at("11:30"), LONG_AGO))
    assert isinstance(decided.consider(setup, [], asked(TUESDAY), at("11:00"), LONG_AGO), Slot)


def test_a_start_between_the_labels_is_not_on_step(decided):
    setup = simple(venue(), court(hours=daily("09:00-12:00")))
    assert codes(decided.consider(setup, [], asked(TUESDAY), at("10:15"), LONG_AGO)) == ["NOT_ON_STEP"]


def test_a_midnight_between_two_openings_is_no_barrier(slots):
    split = WeeklyHours(tuesday=openings("22:00-24:00"), wednesday=openings("00:00-02:00"))
    found = slots(simple(venue(), court(hours=split)), [], asked(TUESDAY, TUESDAY + timedelta(1)), LONG_AGO)
    assert clocks(found) == ["22:00", "22:30", "23:00", "23:30", "00:00", "00:30", "01:00"]


def test_slots_belong_to_the_date_on_which_they_start(slots):
    night = simple(venue(), court(hours=WeeklyHours(tuesday=openings("22:00-26:00"))))
    assert clocks(slots(night, [], asked(TUESDAY), LONG_AGO)) == ["22:00", "22:30", "23:00", "23:30"]
    assert clocks(slots(night, [], asked(TUESDAY + timedelta(1)), LONG_AGO)) == ["00:00", "00:30", "01:00"]


def test_an_opening_may_last_until_the_end_of_the_next_day(slots):
    long = simple(venue(), court(hours=WeeklyHours(tuesday=openings("23:00-48:00"))), step=60, lasts=120)
    assert clocks(slots(long, [], asked(TUESDAY), LONG_AGO)) == ["23:00"]
    assert clocks(slots(long, [], asked(TUESDAY + timedelta(1)), LONG_AGO)) == every("00:00", "22:00", 60)
    assert slots(long, [], asked(TUESDAY + timedelta(2)), LONG_AGO) == []


def test_the_hours_of_venue_service_and_resource_are_intersected(slots):
    setup = simple(
        venue(hours=daily("08:00-12:00")), court(hours=daily("09:00-18:00")), hours=daily("06:00-11:00", "17:00-18:00")
    )
    assert clocks(slots(setup, [], asked(TUESDAY), LONG_AGO)) == every("09:00", "10:00", 30)


def test_the_grid_starts_where_all_of_them_are_open(slots):
    setup = simple(venue(hours=daily("08:00-12:00")), court(hours=daily("09:10-18:00")), hours=daily("06:00-11:00"))
    assert clocks(slots(setup, [], asked(TUESDAY), LONG_AGO)) == ["09:10", "09:40"]


def test_the_grid_of_staff_and_room_starts_where_both_are_open(slots):
    early, late = resource("R1", hours=daily("08:00-11:00")), resource("R2")
    ann = staff("Ann", hours=daily("09:10-12:00"))
    setup = sold(venue(), offering(need("staff", ann), need("room", early, late)), ann, early, late)
    found = slots(setup, [], asked(TUESDAY), LONG_AGO)
    assert clocks(found) == ["09:10", "09:40", "10:10", "10:40"], "neither the room's 08:00 nor midnight is a start"


def test_every_candidate_brings_the_labels_of_its_own_opening(slots):
    ann, bob = staff("Ann", hours=daily("09:10-11:00")), staff("Bob", hours=daily("10:00-12:00"))
    setup = sold(venue(), offering(need("staff", ann, bob)), ann, bob)
    assert clocks(slots(setup, [], asked(TUESDAY), LONG_AGO)) == ["09:10", "09:40", "10:00", "10:30", "11:00"]
    busy = [booked(ann, at("09:00"), at("11:00"))]
    assert clocks(slots(setup, busy, asked(TUESDAY), LONG_AGO)) == ["10:00", "10:30", "11:00"]


def test_an_opening_too_short_for_the_slot_brings_no_labels(slots):
    """Ann is there for half an hour: her 09:15 and 09:30 are no starts for Bob's lessons of an hour."""
    ann, bob = staff("Ann", hours=daily("09:15-09:45")), staff("Bob", hours=daily("09:00-12:00"))
    setup = sold(venue(), offering(need("staff", ann, bob)), ann, bob)
    assert clocks(slots(setup, [], asked(TUESDAY), LONG_AGO)) == every("09:00", "11:00", 30)


def test_where_nobody_has_hours_the_grid_starts_at_midnight(slots):
    found = slots(simple(venue(NEW_YORK), court(), step=50), [], asked(TUESDAY, TUESDAY + timedelta(1)), LONG_AGO)
    assert clocks(found, NEW_YORK) == every("00:00", "23:20", 50) * 2


def test_the_grid_may_start_at_the_top_of_the_hour(slots):
    hours = daily("09:10-11:30", "13:00-14:30")
    found = slots(simple(venue(), court(hours=hours), anchor="top_of_hour"), [], asked(TUESDAY), LONG_AGO)
    assert clocks(found) == ["09:30", "10:00", "10:30", "13:00", "13:30"], "and never before the opening"
    on_opening = slots(simple(venue(), court(hours=hours)), [], asked(TUESDAY), LONG_AGO)
    assert clocks(on_opening) == ["09:10", "09:40", "10:10", "13:00", "13:30"]


def test_the_hour_is_rounded_once_for_each_opening(slots):
    hours = daily("09:20-12:00")
    found = slots(simple(venue(), court(hours=hours), anchor="top_of_hour", step=25), [], asked(TUESDAY), LONG_AGO)
    assert clocks(found) == ["09:25", "09:50", "10:15", "10:40"]


# Exceptions and closures


def test_an_exception_replaces_the_hours_of_its_date(slots):
    changed = court(hours=daily("09:00-17:00"), exceptions={TUESDAY: openings("10:00-11:00", "20:00-21:30")})
    found = slots(simple(venue(), changed), [], asked(TUESDAY, TUESDAY + timedelta(1)), LONG_AGO)
    assert clocks(found) == ["10:00", "20:00", "20:30", *every("09:00", "16:00", 30)]


def test_an_exception_without_openings_closes_its_date(slots, decided):
    for there in (venue(exceptions={TUESDAY: ()}), venue(hours=daily("09:00-12:00"), exceptions={TUESDAY: ()})):
        setup = simple(there, court())
        assert slots(setup, [], asked(TUESDAY), LONG_AGO) == []
        assert slots(setup, [], asked(TUESDAY + timedelta(1)), LONG_AGO) != []
        assert "CLOSED_EXCEPTION" in codes(decided.consider(setup, [], asked(TUESDAY), at("10:00"), LONG_AGO))


def test_an_exception_of_who_is_always_there_leaves_the_other_dates_whole(slots):
    there = simple(venue(exceptions={TUESDAY: openings("10:00-12:00")}), court())
    found = slots(there, [], asked(TUESDAY - timedelta(1), TUESDAY + timedelta(1)), LONG_AGO)
    assert clocks(found) == [*every("00:00", "23:00", 30), *every("10:00", "11:00", 30), *every("00:00", "23:30", 30)]


def test_an_exception_takes_its_own_tail_and_leaves_that_of_the_day_before(slots):
    bar = venue(hours=daily("22:00-26:00"), exceptions={TUESDAY: ()})
    found = slots(simple(bar, court(), step=60), [], asked(TUESDAY, TUESDAY + timedelta(1)), LONG_AGO)
    assert [slot.starts_at for slot in found] == [
        at("00:00"), at("01:00"),  # the tail of Monday
        at("46:00"), at("47:00"),  # Wednesday evening, and nothing of Tuesday's tail
    ]  # fmt: skip


def test_a_closure_cuts_a_tail(slots):
    bar = venue(hours=daily("22:00-26:00"), closures=[closure(at("00:00"), at("24:00"))])
    found = slots(simple(bar, court(), step=60), [], asked(TUESDAY, TUESDAY + timedelta(1)), LONG_AGO)
    assert clocks(found) == ["00:00", "01:00", "22:00", "23:00"]
    assert found[0].starts_at == at("24:00")


def test_a_closure_does_not_restart_the_grid(slots):
    cut = court(hours=daily("09:00-13:00"), closures=[closure(at("09:45"), at("10:10"))])
    assert clocks(slots(simple(venue(), cut), [], asked(TUESDAY), LONG_AGO)) == every("10:30", "12:00", 30)


def test_labels_that_a_closure_cuts_are_told(decided):
    cut = court(hours=daily("09:00-13:00"), closures=[closure(at("09:45"), at("10:10"))])
    told = decided.explained(simple(venue(), cut), [], asked(TUESDAY), LONG_AGO)
    refused = [label for label in told if isinstance(label, Refused)]
    assert [(f"{label.local:%H:%M}", codes(label)) for label in refused] == [
        ("09:00", ["CLOSURE"]), ("09:30", ["CLOSURE"]), ("10:00", ["CLOSURE"]),
    ]  # fmt: skip
    assert refused[0].reasons[0].until == at("10:10")


@pytest.mark.parametrize(("cause", "first"), [("closure", "10:00"), ("maintenance", "10:30"), ("absence", "10:30")])
@pytest.mark.parametrize("whole_venue", [True, False])
def test_a_buffer_may_stick_into_a_closure_never_into_maintenance_or_absence(slots, cause, first, whole_venue):
    gone = [closure(at("08:00"), at("10:00"), cause)]
    there = venue(hours=daily("09:00-13:00"), closures=gone if whole_venue else ())
    setup = simple(there, court(closures=() if whole_venue else gone), before=15)
    assert clocks(slots(setup, [], asked(TUESDAY), LONG_AGO)) == every(first, "12:00", 30)


@pytest.mark.parametrize(("cause", "last"), [("closure", "11:00"), ("maintenance", "10:30"), ("absence", "10:30")])
def test_nor_does_the_buffer_after(slots, cause, last):
    gone = court(hours=daily("09:00-13:00"), closures=[closure(at("12:00"), at("13:00"), cause)])
    setup = simple(venue(), gone, after=1)
    assert clocks(slots(setup, [], asked(TUESDAY), LONG_AGO)) == every("09:00", last, 30)


def test_buffers_may_stick_out_of_the_hours_unless_they_must_lie_within(slots):
    hours = daily("09:00-12:00")
    out = simple(venue(), court(hours=hours), before=30, after=15)
    assert clocks(slots(out, [], asked(TUESDAY), LONG_AGO)) == every("09:00", "11:00", 30)
    within = simple(venue(), court(hours=hours), before=30, after=15, buffers_within_hours=True)
    assert clocks(slots(within, [], asked(TUESDAY), LONG_AGO)) == every("09:30", "10:30", 30)


# Notice and horizon


def test_notice_is_met_at_the_exact_instant(slots):
    setup = simple(venue(), court(hours=daily("09:00-12:00")), notice=60)
    assert clocks(slots(setup, [], asked(TUESDAY), at("09:00"))) == ["10:00", "10:30", "11:00"]
    assert clocks(slots(setup, [], asked(TUESDAY), at("09:00") + TICK)) == ["10:30", "11:00"]


def test_too_soon_names_the_first_instant_that_would_do(decided):
    setup = simple(venue(), court(hours=daily("09:00-12:00")), notice=60)
    refused = decided.consider(setup, [], asked(TUESDAY), at("09:30"), at("09:00"))
    assert codes(refused) == ["TOO_SOON"]
    assert refused.reasons[0].earliest == at("10:00")


def test_notice_is_elapsed_time_across_a_change(slots):
    setup = sunday_morning(notice=24 * 60)
    now = utc(2027, 3, 13, 9)  # 04:00-05:00, a day of 23 hours before 05:00-04:00
    assert clocks(slots(setup, [], asked(date(2027, 3, 14)), now), NEW_YORK) == ["05:00"]


def test_the_horizon_counts_local_dates(slots, decided):
    setup = simple(venue(NEW_YORK, daily("09:00-10:00")), court(), horizon=2)
    late = utc(2027, 1, 6, 4, 59)  # still Tuesday in New York
    week = asked(TUESDAY, TUESDAY + timedelta(7))
    dates = [wall(slot.starts_at, NEW_YORK).date() for slot in slots(setup, [], week, late)]
    assert dates == [date(2027, 1, 6), date(2027, 1, 7)]
    later = [wall(slot.starts_at, NEW_YORK).date() for slot in slots(setup, [], week, late + timedelta(minutes=1))]
    assert later == [date(2027, 1, 6), date(2027, 1, 7), date(2027, 1, 8)]
    refused = decided.consider(setup, [], week, utc(2027, 1, 8, 14), late)
    assert (codes(refused), refused.reasons[0].latest) == (["TOO_FAR"], date(2027, 1, 7))


def test_a_fixed_range_includes_both_its_dates(slots):
    setup = simple(venue(hours=daily("09:00-10:00")), court(), first_date=TUESDAY, last_date=TUESDAY + timedelta(1))
    found = slots(setup, [], asked(TUESDAY - timedelta(7), TUESDAY + timedelta(7)), LONG_AGO)
    assert [slot.starts_at for slot in found] == [at("09:00"), at("33:00")]


def test_staff_pass_over_notice_and_horizon_and_nothing_else(slots):
    gone = [closure(at("10:00"), at("11:00"))]
    setup = simple(venue(hours=daily("09:00-12:00"), closures=gone), court(), step=60, notice=10_000, horizon=0)
    week_before = at("09:00", TUESDAY - timedelta(7))
    assert slots(setup, [], asked(TUESDAY), week_before) == []
    assert clocks(slots(setup, [], asked(TUESDAY, override=True), week_before)) == ["09:00", "11:00"]


# Durations


def test_the_usual_duration_is_the_first_variant_and_another_may_be_asked(slots):
    setup = simple(venue(hours=daily("09:00-11:00")), court(), lasts=(60, 30, 90))
    assert {slot.ends_at - slot.starts_at for slot in slots(setup, [], asked(TUESDAY), LONG_AGO)} == {2 * HALF}
    assert clocks(slots(setup, [], asked(TUESDAY, minutes=90), LONG_AGO)) == ["09:00", "09:30"]


def test_a_range_of_durations_begins_with_the_least(slots):
    setup = simple(venue(hours=daily("09:00-11:00")), court(), lasts=None, lasting=Durations(30, 120, 30))
    assert clocks(slots(setup, [], asked(TUESDAY), LONG_AGO))[-1] == "10:30"
    assert clocks(slots(setup, [], asked(TUESDAY, minutes=120), LONG_AGO)) == ["09:00"]


@pytest.mark.parametrize(("party", "minutes"), [(1, 90), (2, 90), (3, 120), (4, 120), (5, 150), (8, 150)])
def test_a_party_keeps_its_table_for_its_turn_time(slots, party, minutes):
    turns = (TurnTime(2, 90), TurnTime(4, 120), TurnTime(None, 150))
    setup = simple(venue(hours=daily("18:00-23:00")), covers(), lasts=None, turn_times=turns)
    found = slots(setup, [], asked(TUESDAY, party=party), LONG_AGO)
    assert {slot.ends_at - slot.starts_at for slot in found} == {timedelta(minutes=minutes)}
    assert found[-1].ends_at == at("23:00")


# Capacity

HALL = covers(hours=daily("18:00-24:00"))
EVENING = [
    booked(HALL, at("18:00"), at("20:00"), 4),
    booked(HALL, at("19:00"), at("21:00"), 4),
    booked(HALL, at("20:00"), at("22:00"), 6),
]


@pytest.mark.parametrize(
    ("starts", "minutes", "units"),
    [("18:00", 60, 6), ("18:30", 90, 2), ("18:30", 120, 0), ("21:00", 60, 4), ("22:00", 60, 10)],
)
def test_free_units_are_those_left_at_the_peak(slots, starts, minutes, units):
    setup = simple(venue(), HALL, lasts=(60, 90, 120))
    assert left(slots(setup, EVENING, asked(TUESDAY, minutes=minutes), LONG_AGO), starts) == units


def test_a_full_hall_says_capacity_and_a_full_court_occupied(decided):
    hall = simple(venue(), HALL, lasts=120)
    refused = decided.consider(hall, EVENING, asked(TUESDAY), at("18:30"), LONG_AGO)
    assert codes(refused) == ["CAPACITY"]
    assert (refused.reasons[0].peak, refused.reasons[0].free) == (10, 0)
    one = simple(venue(), court())
    taken = [booked(court(), at("10:00"), at("11:00"))]
    refused = decided.consider(one, taken, asked(TUESDAY), at("10:30"), LONG_AGO)
    assert codes(refused) == ["OCCUPIED"]
    assert refused.reasons[0].until == at("11:00")


def test_two_parties_of_two_leave_one_of_five(slots):
    room = covers(capacity=5)
    twos = simple(venue(), room)
    terms = replace(twos.terms, needs=(need("covers", room, per_head=True),))
    twos = replace(twos, terms=terms)
    parties = [booked(room, at("18:00"), at("19:00"), 2) for _ in range(2)]
    assert left(slots(twos, [], asked(TUESDAY, party=2), LONG_AGO), "18:00") == 2
    assert left(slots(twos, parties[:1], asked(TUESDAY, party=2), LONG_AGO), "18:00") == 1
    assert left(slots(twos, parties, asked(TUESDAY, party=2), LONG_AGO), "18:00") == 0
    assert left(slots(twos, parties, asked(TUESDAY, party=1), LONG_AGO), "18:00") == 1
    single = booked(room, at("18:00"), at("19:00"))
    assert left(slots(twos, [*parties, single], asked(TUESDAY, party=1), LONG_AGO), "18:00") == 0


def test_buffers_count_in_a_hall_too(slots):
    setup = simple(venue(), HALL, before=30)
    full = [booked(HALL, at("20:00"), at("21:00"), 10)]
    found = slots(setup, full, asked(TUESDAY), LONG_AGO)
    assert clocks(found) == [*every("18:00", "19:00", 30), *every("21:30", "23:00", 30)]


@pytest.mark.parametrize(("capacity", "units"), [(0, 0), (3, 3), (25, 25)])
def test_an_override_replaces_the_capacity_up_or_down(slots, capacity, units):
    room = covers(overrides=[Override(at("19:00"), at("20:00"), capacity)])
    found = slots(simple(venue(), room), [], asked(TUESDAY), LONG_AGO)
    assert left(found, "18:00") == 10
    assert left(found, "19:00") == units
    assert left(found, "18:30") == min(10, units), "the fewest on the way"
    assert left(found, "20:00") == 10


def test_what_is_authorised_beyond_the_capacity_counts_against_all_others(slots):
    over = [*EVENING, booked(HALL, at("22:00"), at("23:00"), 12, authorised=True)]
    found = slots(simple(venue(), HALL), over, asked(TUESDAY), LONG_AGO)
    assert left(found, "22:00") == left(found, "22:30") == 0
    assert left(found, "23:00") == 10


def test_pacing_counts_any_fifteen_minutes(slots):
    room = covers(capacity=100, pacing=Pacing(10))
    terms = offering(need("covers", room, per_head=True), step=5)
    setup = sold(venue(hours=daily("18:00-20:00")), terms, room)
    start = [booked(room, at("18:30"), at("19:30"), 8)]
    found = slots(setup, start, asked(TUESDAY, party=3), LONG_AGO)
    assert clocks(found) == [*every("18:00", "18:15", 5), *every("18:45", "19:00", 5)]
    few = slots(setup, start, asked(TUESDAY, party=2), LONG_AGO)
    assert clocks(few) == every("18:00", "19:00", 5)
    assert (left(few, "18:15"), left(few, "18:20"), left(few, "18:45")) == (5, 1, 5)


def test_pacing_sees_the_window_between_two_neighbours(slots):
    room = covers(capacity=100, pacing=Pacing(10))
    setup = sold(venue(hours=daily("18:00-20:00")), offering(need("covers", room, per_head=True), step=10), room)
    around = [booked(room, at("18:20"), at("19:20"), 4), booked(room, at("18:40"), at("19:40"), 4)]
    found = slots(setup, around, asked(TUESDAY, party=6), LONG_AGO)
    assert clocks(found) == every("18:00", "19:00", 10), "18:30 shares a window with either, never with both"
    assert clocks(slots(setup, around, asked(TUESDAY, party=7), LONG_AGO)) == ["18:00", "19:00"]


def test_pacing_is_told(decided):
    room = covers(capacity=100, pacing=Pacing(10))
    setup = simple(venue(), room)
    full = [booked(room, at("18:30"), at("19:30"), 10)]
    assert codes(decided.consider(setup, full, asked(TUESDAY), at("18:30"), LONG_AGO)) == ["PACING"]


# Holds


def test_a_hold_is_dead_from_the_instant_of_its_expiry(slots):
    """Payment started at 12:08 with five minutes' grace: until 12:13, and nobody has to sweep."""
    setup = simple(venue(hours=daily("18:00-19:00")), court())
    held = [booked(court(), at("18:00"), at("19:00"), expires_at=at("12:13"))]
    assert slots(setup, held, asked(TUESDAY), at("12:13") - TICK) == []
    assert clocks(slots(setup, held, asked(TUESDAY), at("12:13"))) == ["18:00"]


def test_a_hold_says_until_when(decided):
    setup = simple(venue(hours=daily("18:00-19:00")), court())
    held = [booked(court(), at("18:00"), at("19:00"), expires_at=at("12:13"))]
    refused = decided.consider(setup, held, asked(TUESDAY), at("18:00"), at("12:00"))
    (told,) = [reason for reason in refused.reasons if reason.code == "HELD"]
    assert told.until == at("12:13")


# Moving


def test_a_booking_is_not_in_its_own_way(slots):
    setup = simple(venue(), court(), step=15)
    x = booked(court(), at("10:00"), at("11:00"), by="X")
    assert "10:30" not in clocks(slots(setup, [x], asked(TUESDAY), LONG_AGO))
    assert "10:30" in clocks(slots(setup, [x], asked(TUESDAY, moving=named("X")), LONG_AGO))
    half = simple(venue(), court(), step=15, lasts=30)
    moved = [booked(court(), at("10:30"), at("11:30"), by="X")]
    free = clocks(slots(half, moved, asked(TUESDAY), LONG_AGO))
    assert "10:00" in free, "Y has 10:00-10:30"
    assert "10:15" not in free, "Z may not have 10:15-10:45"


# Staff and rooms

A, B = staff("A", hours=daily("09:00-12:00")), staff("B", hours=daily("11:00-17:00"))
R1, R2 = resource("R1"), resource("R2")
LESSON = sold(venue(), offering(need("staff", A, B), need("room", R1, R2)), A, B, R1, R2)
BUSY = [booked(R1, at("10:00"), at("11:00")), booked(R2, at("09:00"), at("10:30"))]


def test_staff_and_room_have_thirteen_starts(slots):
    found = slots(LESSON, BUSY, asked(TUESDAY), LONG_AGO)
    assert clocks(found) == ["09:00", *every("10:30", "16:00", 30)]
    assert len(found) == 13
    by = {f"{slot.starts_at:%H:%M}": who(slot) for slot in found}
    assert by["09:00"] == {"staff": (A.id,), "room": (R1.id,)}
    assert by["10:30"] == {"staff": (A.id,), "room": (R2.id,)}
    assert by["11:00"]["staff"] in ((A.id,), (B.id,))
    assert {by[clock]["staff"] for clock in every("11:30", "16:00", 30)} == {(B.id,)}


def test_why_there_is_no_room_is_told_of_each_room(decided):
    for start, until in (("09:30", (at("11:00"), at("10:30"))), ("10:00", (at("11:00"), at("10:30")))):
        refused = decided.consider(LESSON, BUSY, asked(TUESDAY), at(start), LONG_AGO)
        assert codes(refused) == ["NO_RESOURCE_COMBINATION"]
        told = {reason.resource_id: reason for reason in refused.reasons[0].details}
        assert (told[R1.id].code, told[R1.id].until) == ("OCCUPIED", until[0])
        assert (told[R2.id].code, told[R2.id].until) == ("OCCUPIED", until[1])


def test_of_two_who_ask_the_one_gets_what_is_left(slots):
    first = [booked(A, at("09:00"), at("10:00")), booked(R1, at("09:00"), at("10:00"))]
    assert clocks(slots(LESSON, [*BUSY, *first], asked(TUESDAY), LONG_AGO))[0] == "10:30"


def test_a_complete_assignment_is_found_even_when_the_best_of_one_need_is_the_only_one_of_another(slots):
    ann, bob, cem = staff("Ann"), staff("Bob"), staff("Cem")
    two = offering(need("lead", ann, bob), need("help", ann, cem), need("third", cem, ann), lasts=60)
    setup = sold(venue(hours=daily("09:00-10:00")), two, ann, bob, cem)
    (slot,) = slots(setup, [], asked(TUESDAY), LONG_AGO)
    assert who(slot) == {"lead": (bob.id,), "help": (ann.id,), "third": (cem.id,)}


def test_nobody_does_two_things_at_once(slots):
    ann, bob = staff("Ann"), staff("Bob")
    pair = sold(venue(hours=daily("09:00-10:00")), offering(need("lead", ann, bob), need("help", ann)), ann, bob)
    (slot,) = slots(pair, [], asked(TUESDAY), LONG_AGO)
    assert who(slot) == {"lead": (bob.id,), "help": (ann.id,)}
    assert slots(pair, [booked(bob, at("09:00"), at("10:00"))], asked(TUESDAY), LONG_AGO) == []


def test_only_those_with_every_feature_will_do(slots, decided):
    plain, good = resource("R1", features=("sink",)), resource("R2", features=("light", "sink", "lift"))
    setup = sold(venue(), offering(need("room", plain, good, features=("sink", "light"))), plain, good)
    assert {who(slot)["room"] for slot in slots(setup, [], asked(TUESDAY), LONG_AGO)} == {(good.id,)}
    nobody = sold(venue(), offering(need("room", plain, features=("light",))), plain)
    assert slots(nobody, [], asked(TUESDAY), LONG_AGO) == []
    assert "DOES_NOT_FIT" in codes(decided.consider(nobody, [], asked(TUESDAY), at("10:00"), LONG_AGO))


def test_who_is_retired_or_elsewhere_is_no_candidate(slots):
    gone, far, here = resource("R1", retired=True), resource("R2", location_id=ELSEWHERE), resource("R3")
    setup = sold(venue(), offering(need("room", gone, far, here)), gone, far, here)
    assert {who(slot)["room"] for slot in slots(setup, [], asked(TUESDAY), LONG_AGO)} == {(here.id,)}


def test_somebody_in_particular_may_be_asked_for(slots):
    found = slots(LESSON, [], asked(TUESDAY, resource_ids=(B.id,)), LONG_AGO)
    assert clocks(found) == every("11:00", "16:00", 30)
    assert {who(slot)["staff"] for slot in found} == {(B.id,)}
    assert {who(slot)["room"] for slot in found} == {(R1.id,)}, "any room"
    both = slots(LESSON, [], asked(TUESDAY, resource_ids=(B.id, R2.id)), LONG_AGO)
    assert {who(slot)["room"] for slot in both} == {(R2.id,)}


# Pools, and who is taken first

COURTS = [court(name) for name in ("C10", "C2", "C1")]
CLUB = pool("courts", *COURTS)


def club(*, hours: str = "09:00-10:00", courts=COURTS, uses=(), **wanted) -> Setup:
    return sold(venue(hours=daily(hours)), offering(need("court", CLUB, **wanted)), CLUB, *courts)


def test_two_comes_before_ten(slots):
    (slot,) = slots(club(count=3), [], asked(TUESDAY), LONG_AGO)
    assert who(slot)["court"] == (named("C1"), named("C2"), named("C10"))


def test_the_cheapest_comes_first(slots):
    dear = [replace(one, cost=0 if one.name == "C10" else 5) for one in COURTS]
    (slot,) = slots(club(courts=dear), [], asked(TUESDAY), LONG_AGO)
    assert who(slot)["court"] == (named("C10"),)


def test_of_equal_cost_the_least_used_in_28_days(slots):
    uses = [
        booked(COURTS[2], at("12:00", TUESDAY - timedelta(1)), at("14:00", TUESDAY - timedelta(1))),
        booked(COURTS[1], at("12:00", TUESDAY - timedelta(28)), at("13:00", TUESDAY - timedelta(28))),
        booked(COURTS[0], at("12:00", TUESDAY - timedelta(29)), at("20:00", TUESDAY - timedelta(29))),
    ]
    (slot,) = slots(club(count=3), uses, asked(TUESDAY), LONG_AGO)
    assert who(slot)["court"] == (named("C10"), named("C2"), named("C1")), "29 days ago is forgotten"


def test_what_is_used_on_the_day_itself_or_later_does_not_matter(slots):
    uses = [
        booked(COURTS[2], at("15:00"), at("20:00")),
        booked(COURTS[2], at("15:00", date(2027, 1, 7)), utc(2027, 1, 8)),
    ]
    (slot,) = slots(club(), uses, asked(TUESDAY), LONG_AGO)
    assert who(slot)["court"] == (named("C1"),)


def test_a_pool_remains_as_often_as_it_has_courts(slots):
    used = [booked(COURTS[0], at("09:00"), at("10:00"))]
    assert left(slots(club(), [], asked(TUESDAY), LONG_AGO), "09:00") == 3
    assert left(slots(club(), used, asked(TUESDAY), LONG_AGO), "09:00") == 2
    assert left(slots(club(count=2), [], asked(TUESDAY), LONG_AGO), "09:00") == 1
    assert slots(club(count=2), [*used, booked(COURTS[1], at("09:30"), at("10:00"))], asked(TUESDAY), LONG_AGO) == []


def test_a_retired_pool_is_no_longer_offered(slots):
    closed = replace(CLUB, retired=True)
    setup = sold(venue(), offering(need("court", closed)), closed, *COURTS)
    assert slots(setup, [], asked(TUESDAY), LONG_AGO) == []


# Tables

T1, T2, T10, T3 = table("T1", 1, 2), table("T2", 2, 4), table("T10", 2, 4), table("T3", 4, 6)
PLAN = pool(
    "tables", T10, T3, T2, T1,
    combinations=[pushed_together(5, 6, T1, T2), pushed_together(7, 10, T2, T3), pushed_together(7, 8, T2, T10)],
)  # fmt: skip


def dinner(*more, **terms) -> Setup:
    return sold(
        venue(hours=daily("19:00-20:00")),
        offering(need("table", PLAN, tables=True), *more, **terms),
        PLAN,
        T1,
        T2,
        T10,
        T3,
    )


def seated(slots, party: int, *uses, setup: Setup | None = None) -> tuple:
    found = slots(setup or dinner(), uses, asked(TUESDAY, party=party), LONG_AGO)
    return tuple(
        sorted(name for slot in found for name in ("T1", "T2", "T3", "T10") if named(name) in who(slot)["table"])
    )


@pytest.mark.parametrize(
    ("party", "tables"),
    [
        (1, ("T1",)), (2, ("T1",)), (3, ("T2",)), (4, ("T2",)), (5, ("T3",)), (6, ("T3",)), (7, ("T10", "T2")),
        (8, ("T10", "T2")), (9, ("T2", "T3")), (10, ("T2", "T3")), (11, ()),
    ],
)  # fmt: skip
def test_the_smallest_table_that_seats_them_then_the_fewest_then_by_name(slots, party, tables):
    assert seated(slots, party) == tables


def test_the_next_best_is_taken_when_the_best_is_not_free(slots):
    def gone(one):
        return booked(one, at("19:00"), at("20:00"))

    assert seated(slots, 2, gone(T1)) == ("T2",)
    assert seated(slots, 3, gone(T2)) == ("T10",)
    assert seated(slots, 6, gone(T3)) == ("T1", "T2")
    assert seated(slots, 6, gone(T3), gone(T1)) == ()
    assert seated(slots, 8, gone(T10)) == ("T2", "T3")


def test_a_party_that_no_table_seats_does_not_fit(decided):
    assert "DOES_NOT_FIT" in codes(decided.consider(dinner(), [], asked(TUESDAY, party=11), at("19:00"), LONG_AGO))


def test_a_party_takes_covers_and_a_table_and_both_limit(slots):
    room = covers(capacity=6)
    setup = dinner(need("covers", room, per_head=True))
    setup = replace(setup, resources={**setup.resources, room.id: room})
    assert seated(slots, 4, setup=setup) == ("T2",)
    five = booked(room, at("19:00"), at("20:00"), 3)
    assert seated(slots, 4, five, setup=setup) == ()
    assert seated(slots, 3, five, setup=setup) == ("T2",)
    (slot,) = slots(setup, [five], asked(TUESDAY, party=3), LONG_AGO)
    assert [(assigned.role, assigned.units) for assigned in slot.assignment] == [("table", 1), ("covers", 3)]


# Who asks


@pytest.mark.parametrize(("party", "fits"), [(1, False), (2, True), (5, True), (6, False)])
def test_parties_of_two_to_five(slots, decided, party, fits):
    setup = simple(venue(), covers(), least_party=2, most_party=5)
    assert bool(slots(setup, [], asked(TUESDAY, party=party), LONG_AGO)) is fits
    considered = decided.consider(setup, [], asked(TUESDAY, party=party), at("10:00"), LONG_AGO)
    assert isinstance(considered, Slot) is fits
    assert fits or codes(considered) == ["DOES_NOT_FIT"]


def test_a_customer_who_has_something_else_then(slots, decided):
    setup = simple(venue(hours=daily("09:00-12:00")), court(), one_at_a_time=True)
    request: Request = asked(TUESDAY, busy=(Period(at("10:00"), at("10:30")),))
    assert clocks(slots(setup, [], request, LONG_AGO)) == ["09:00", "10:30", "11:00"]
    assert codes(decided.consider(setup, [], request, at("09:30"), LONG_AGO)) == ["CUSTOMER_CONFLICT"]
