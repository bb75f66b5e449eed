"""Opening hours as instants, on walls whose clocks change."""

from datetime import UTC, date, datetime, timedelta

from domain.calendar import Calendar
from domain.hours import Opening, WeeklyHours
from domain.wall import Span, Wall, common, hours_of, merged, micros, moment, without

NEW_YORK = "America/New_York"
TICK = timedelta(seconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def daily(opens: int, closes: int) -> WeeklyHours:
    return WeeklyHours(*[(Opening(opens, closes),)] * 7)


def spans(hours: WeeklyHours | None, zone: str, first: date, last: date | None = None) -> list[Span]:
    return Wall(zone).spans(hours_of(Calendar(hours), first, last or first))


def during(hours: WeeklyHours | None, zone: str, first: datetime, last: datetime) -> list[Span]:
    """When it is open between two instants."""
    return common(spans(hours, zone, first.date(), last.date()), [(micros(first), micros(last))])


def open_throughout(hours: WeeklyHours | None, zone: str, first: datetime, last: datetime) -> bool:
    return during(hours, zone, first, last) == [(micros(first), micros(last))]


def test_open_until_closing_and_not_a_second_longer():
    hours = daily(9 * 60, 17 * 60)
    opens, closes = utc(2027, 1, 5, 14), utc(2027, 1, 5, 22)
    assert open_throughout(hours, NEW_YORK, opens, closes)
    assert not open_throughout(hours, NEW_YORK, opens - TICK, closes)
    assert not open_throughout(hours, NEW_YORK, opens, closes + TICK)


def test_no_hours_at_all_means_always():
    assert open_throughout(None, NEW_YORK, utc(2027, 1, 1), utc(2027, 2, 1))
    assert during(WeeklyHours(), NEW_YORK, utc(2027, 1, 1), utc(2027, 1, 2)) == []


def test_an_evening_may_run_past_midnight():
    hours = WeeklyHours(friday=(Opening(20 * 60, 26 * 60),))  # Friday 20:00 to Saturday 02:00
    assert open_throughout(hours, "UTC", utc(2027, 1, 1, 23), utc(2027, 1, 2, 2))
    assert open_throughout(hours, "UTC", utc(2027, 1, 2, 0, 30), utc(2027, 1, 2, 1))
    assert not open_throughout(hours, "UTC", utc(2027, 1, 2, 1), utc(2027, 1, 2, 2, 1))


def test_two_days_in_one_opening_are_seen_on_the_third():
    hours = WeeklyHours(friday=(Opening(0, 2880),))
    assert open_throughout(hours, "UTC", utc(2027, 1, 2, 23), utc(2027, 1, 3))
    assert during(hours, "UTC", utc(2027, 1, 3), utc(2027, 1, 4)) == []


def test_midnight_is_no_barrier_between_spans_that_touch():
    assert open_throughout(daily(0, 1440), NEW_YORK, utc(2027, 3, 13, 20), utc(2027, 3, 15, 20))


def test_a_closing_time_that_comes_twice_closes_at_the_second():
    night = spans(daily(0, 90), NEW_YORK, date(2026, 11, 1))[-1]
    assert night == (micros(utc(2026, 11, 1, 4)), micros(utc(2026, 11, 1, 6, 30)))


def test_an_opening_in_the_gap_opens_shifted():
    hours = WeeklyHours(sunday=(Opening(150, 360),))
    (morning,) = spans(hours, NEW_YORK, date(2027, 3, 14))
    assert [moment(at) for at in morning] == [utc(2027, 3, 14, 7, 30), utc(2027, 3, 14, 10)]


def test_what_touches_is_one_and_what_is_empty_is_none():
    assert merged([(5, 7), (0, 3), (3, 4), (8, 8)]) == [(0, 4), (5, 7)]
    assert without([(0, 10)], [(2, 3), (9, 12)]) == [(0, 2), (3, 9)]
    assert common([(0, 4), (6, 9)], [(3, 7)]) == [(3, 4), (6, 7)]
    assert common([(0, 4)], [(4, 7)]) == []
