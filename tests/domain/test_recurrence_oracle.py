"""Ten thousand random rules, expanded by Daybook and by python-dateutil.

The rules are drawn from seeds, so that every run tries the same ones. Where Daybook decides otherwise than dateutil
(docs/reference/recurrence.md), dateutil is asked in words that mean what Daybook means, and the last tests show that
each such point is real.
"""

import datetime as datetime_module
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import chain, islice
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from dateutil import rrule
from drawn_rules import drawn_rule, drawn_start
from msgspec.structs import replace

from domain.recurrence.labels import labels
from domain.recurrence.rule import Rule, parse
from domain.recurrence.series import Series, all_between

SEEDS, RULES_EACH, FIRST = 8, 1250, 20
YEARS = {"DAILY": 3, "WEEKLY": 5, "MONTHLY": 8, "YEARLY": 12}
"""How far both look."""
NUMBERED_BY_NEIGHBOUR = {52, 53, -52, -53}
"""Weeks of which dateutil miscounts days that lie in the year beside the one they are numbered in."""

calendar = SimpleNamespace(**vars(datetime_module))


@pytest.fixture(autouse=True)
def _a_window(monkeypatch):
    """dateutil looks at UNTIL only once it has found something, and goes on to the year 9999 for a rule that names
    nothing. It reads the last year there is from the module datetime, and here it is given one of ours."""
    monkeypatch.setattr(rrule, "datetime", calendar)


def by_dateutil(rule: Rule, start: datetime, until: datetime) -> Iterator[datetime]:
    """What dateutil makes of the rule's text after the start, but for what the two read differently."""
    calendar.MAXYEAR = until.year
    changed: dict[str, Any] = {"until": until}
    if rule.byweekno and not (rule.byday or rule.bymonthday or rule.byyearday):
        changed["byweekday"] = start.weekday()
    if rule.freq == "WEEKLY" and rule.bysetpos:
        changed["byweekday"] = [weekday for _, weekday in rule.byday] or start.weekday()
        changed["dtstart"] = start - timedelta(days=(start.weekday() - rule.wkst) % 7)
    endless = replace(rule, count=None, until=None)
    found = rrule.rrulestr(str(endless), dtstart=start).replace(**changed)
    return (at for at in found if at > start)


def at_the_turn(on: date) -> bool:
    return (on.month, on.day) >= (12, 29) or (on.month, on.day) <= (1, 3)


def first_of(rule: Rule, found: Iterator[datetime]) -> list[datetime]:
    if NUMBERED_BY_NEIGHBOUR & set(rule.byweekno):
        found = (at for at in found if not at_the_turn(at))
    return list(islice(found, FIRST))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_rules_agree_with_dateutil(seed):
    random, named = Random(seed), 0
    for _ in range(RULES_EACH):
        start = drawn_start(random)
        rule = drawn_rule(random, start)
        if NUMBERED_BY_NEIGHBOUR & set(rule.byweekno):  # else a turn of the year would change what comes after it
            rule = replace(rule, bysetpos=(), count=None)
        until = start + timedelta(days=366 * YEARS[rule.freq])
        end = rule.until.replace(tzinfo=None) if rule.until else until
        ours = (one.recurrence_id for one in all_between(Series(start, "UTC", rule), start, until))
        theirs = islice(chain([start], by_dateutil(rule, start, min(end, until))), rule.count)
        found = first_of(rule, ours)
        assert found == first_of(rule, theirs), f"{rule} from {start}"
        named += len(found)
    assert named > 5 * RULES_EACH  # the rules are odd, but they do name something


def named_by(rule: str, start: datetime, years: int = 1) -> list[datetime]:
    return list(labels(parse(rule), start, start, start.replace(year=start.year + years)))


def named_by_dateutil(rule: str, start: datetime, years: int = 1) -> list[datetime]:
    calendar.MAXYEAR = start.year + years
    return rrule.rrulestr(rule, dtstart=start).between(start, start.replace(year=start.year + years), inc=True)


def week(on: date, wkst: int) -> tuple[int, int]:
    """The week's number from the year's first and from its last (-1): that of the ISO week of its fourth day's year,
    counted by walking."""
    fourth = on - timedelta(days=(on.weekday() - wkst) % 7) + timedelta(days=3)
    number, last = (fourth.timetuple().tm_yday - 1) // 7 + 1, fourth
    while (last + timedelta(days=7)).year == fourth.year:
        last += timedelta(days=7)
    return number, number - ((last.timetuple().tm_yday - 1) // 7 + 1) - 1


@pytest.mark.parametrize("wkst", range(7))
def test_weeks_at_the_turn_of_the_year_are_numbered_as_by_hand(wkst):
    days = [
        datetime(year, *on)
        for year in range(1996, 2036)
        for on in ((12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3))
    ]
    for number in (1, 2, 51, 52, 53, -1, -2, -51, -52, -53):
        rule = Rule(
            "YEARLY", byweekno=(number,), byday=parse("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU").byday, wkst=wkst
        )
        ours = set(labels(rule, datetime(1996, 1, 1), datetime(1996, 1, 1), datetime(2036, 1, 1)))
        assert {day for day in days if day in ours} == {day for day in days if number in week(day, wkst)}


def test_the_hand_knows_iso_weeks():
    days = [date(1996, 1, 1) + timedelta(days=day) for day in range(15_000)]
    assert [week(day, 0)[0] for day in days] == [day.isocalendar().week for day in days]


def test_dateutil_takes_weekdays_that_are_both_plain_and_numbered():
    start = datetime(2027, 1, 4, 9)
    assert [at.day for at in named_by("FREQ=MONTHLY;BYDAY=MO,2TU", start)[:5]] == [
        4,
        11,
        12,
        18,
        25,
    ]
    assert named_by_dateutil("FREQ=MONTHLY;BYDAY=MO,2TU", start) == []


def test_dateutil_takes_a_whole_week_where_no_weekday_is_given():
    start = datetime(2027, 5, 19, 9)
    assert named_by("FREQ=YEARLY;BYWEEKNO=20", start) == [start, datetime(2028, 5, 17, 9)]
    assert len(named_by_dateutil("FREQ=YEARLY;BYWEEKNO=20", start, 2)) > 7


def test_dateutil_counts_positions_in_the_first_week_from_the_start():
    wednesday = datetime(2027, 1, 6, 9)
    assert named_by("FREQ=WEEKLY;BYDAY=MO,WE;BYSETPOS=1", wednesday)[0] == datetime(2027, 1, 11, 9)
    assert named_by_dateutil("FREQ=WEEKLY;BYDAY=MO,WE;BYSETPOS=1", wednesday)[0] == wednesday


def test_dateutil_miscounts_some_weeks_at_the_turn_of_the_year():
    rule = "FREQ=YEARLY;BYWEEKNO=-53;BYDAY=TU"
    assert date(2042, 12, 30).isocalendar()[:2] == (2043, 1)  # of 53 weeks, so the 53rd from the end
    assert datetime(2042, 12, 30) in named_by(rule, datetime(2042, 1, 1), 2)
    assert datetime(2042, 12, 30) not in named_by_dateutil(rule, datetime(2042, 1, 1), 2)
