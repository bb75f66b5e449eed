"""Recurrence rules: what is read, what is printed, and what is refused and how fast."""

from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from time import perf_counter

import msgspec
import pytest
from drawn_rules import drawn_rule, drawn_start
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Malformed
from domain.errors import Rule as RuleOfBooking
from domain.period import TimeOutOfRange
from domain.recurrence import errors
from domain.recurrence.rule import Rule, Weekday, parse


def test_a_rule_is_read_with_all_its_parts():
    assert parse("FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,3;BYDAY=SU,-1MO;BYHOUR=8,9;BYMINUTE=30;WKST=SU") == Rule(
        "YEARLY",
        interval=2,
        count=10,
        bymonth=(1, 3),
        byday=(Weekday(-1, 0), Weekday(0, 6)),
        byhour=(8, 9),
        byminute=(30,),
        wkst=6,
    )


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("FREQ=DAILY", "FREQ=DAILY"),
        ("rrule:count=3;freq=weekly", "FREQ=WEEKLY;COUNT=3"),
        ("FREQ=WEEKLY;WKST=MO;INTERVAL=1;BYDAY=WE,MO,WE", "FREQ=WEEKLY;BYDAY=MO,WE"),
        ("FREQ=MONTHLY;BYDAY=+2TU,-1FR", "FREQ=MONTHLY;BYDAY=-1FR,2TU"),
        ("FREQ=DAILY;UNTIL=20270314T070000Z", "FREQ=DAILY;UNTIL=20270314T070000Z"),
        ("FREQ=DAILY;BYMONTHDAY=-1,15,1,1", "FREQ=DAILY;BYMONTHDAY=-1,1,15"),
        ("FREQ=DAILY;BYSECOND=60", "FREQ=DAILY;BYSECOND=59"),
        ("FREQ=YEARLY;WKST=SU;BYWEEKNO=20,-1;BYSETPOS=-1", "FREQ=YEARLY;BYWEEKNO=-1,20;BYSETPOS=-1;WKST=SU"),
    ],
)
def test_a_rule_is_printed_in_one_form(text, printed):
    assert str(parse(text)) == printed
    assert parse(printed) == parse(text)


@given(st.randoms(use_true_random=False))
def test_what_is_printed_is_read_as_the_same_rule(random: Random):
    rule = drawn_rule(random, drawn_start(random))
    assert parse(str(rule)) == rule
    assert msgspec.json.decode(msgspec.json.encode(rule), type=Rule) == rule


REFUSED = [
    ("", errors.NotARule),
    ("FREQ", errors.NotARule),
    ("FREQ=", errors.NotARule),
    ("INTERVAL=2", errors.NotARule),
    ("FREQ=FORTNIGHTLY", errors.NotARule),
    ("FREQ=DAILY;", errors.NotARule),
    ("FREQ=DAILY;;COUNT=1", errors.NotARule),
    ("FREQ=DAILY;COUNT=", errors.NotARule),
    ("FREQ=DAILY;COUNT=two", errors.NotARule),
    ("FREQ=DAILY;COUNT=1_0", errors.NotARule),
    ("FREQ=DAILY;COUNT=\u0661", errors.NotARule),
    ("FREQ=DAILY;COUNT= 1", errors.NotARule),
    ("FREQ=DAILY;BYDAY=MO,,TU", errors.NotARule),
    ("FREQ=DAILY;BYDAY=XX", errors.NotARule),
    ("FREQ=MONTHLY;BYDAY=--1MO", errors.NotARule),
    ("FREQ=DAILY;WKST=1MO", errors.NotARule),
    ("FREQ=DAILY;UNTIL=20270230T000000Z", errors.NotARule),
    ("FREQ=DAILY;UNTIL=20270301Z", errors.NotARule),
    ("FREQ=DAILY;UNTIL=tomorrow", errors.NotARule),
    ("FREQ=DAILY;UNTIL=20270301", errors.UntilNotUtc),
    ("FREQ=DAILY;UNTIL=20270301T120000", errors.UntilNotUtc),
    ("FREQ=DAILY;UNTIL=99991231T235959Z", TimeOutOfRange),
    ("FREQ=HOURLY", errors.FinerThanDaily),
    ("FREQ=SECONDLY;COUNT=5", errors.FinerThanDaily),
    ("FREQ=DAILY;COUNT=1;COUNT=2", errors.PartRepeated),
    ("FREQ=DAILY;FREQ=DAILY", errors.PartRepeated),
    ("FREQ=DAILY;BYEASTER=1", errors.UnknownPart),
    ("FREQ=DAILY;X-OWN=1", errors.UnknownPart),
    ("FREQ=DAILY;COUNT=3;UNTIL=20270301T000000Z", errors.CountAndUntil),
    ("FREQ=DAILY;COUNT=0", errors.PartOutOfRange),
    ("FREQ=DAILY;COUNT=-1", errors.PartOutOfRange),
    ("FREQ=DAILY;COUNT=1000000", errors.PartOutOfRange),
    ("FREQ=DAILY;INTERVAL=0", errors.PartOutOfRange),
    ("FREQ=DAILY;INTERVAL=1" + "0" * 18, errors.PartOutOfRange),
    ("FREQ=DAILY;INTERVAL=" + "9" * 3900, errors.PartOutOfRange),
    ("FREQ=DAILY;BYMONTH=13", errors.PartOutOfRange),
    ("FREQ=DAILY;BYMONTH=-1", errors.PartOutOfRange),
    ("FREQ=MONTHLY;BYMONTHDAY=0", errors.PartOutOfRange),
    ("FREQ=MONTHLY;BYMONTHDAY=-32", errors.PartOutOfRange),
    ("FREQ=YEARLY;BYYEARDAY=367", errors.PartOutOfRange),
    ("FREQ=YEARLY;BYWEEKNO=54", errors.PartOutOfRange),
    ("FREQ=YEARLY;BYDAY=0MO", errors.PartOutOfRange),
    ("FREQ=YEARLY;BYDAY=54MO", errors.PartOutOfRange),
    ("FREQ=DAILY;BYHOUR=24", errors.PartOutOfRange),
    ("FREQ=DAILY;BYMINUTE=60", errors.PartOutOfRange),
    ("FREQ=DAILY;BYSECOND=61", errors.PartOutOfRange),
    ("FREQ=YEARLY;BYMONTH=1;BYSETPOS=0", errors.PartOutOfRange),
    ("FREQ=WEEKLY;BYMONTHDAY=1", errors.PartNotForFrequency),
    ("FREQ=MONTHLY;BYWEEKNO=1", errors.PartNotForFrequency),
    ("FREQ=DAILY;BYYEARDAY=1", errors.PartNotForFrequency),
    ("FREQ=MONTHLY;BYYEARDAY=1", errors.PartNotForFrequency),
    ("FREQ=WEEKLY;BYDAY=1MO", errors.WeekdayNumbered),
    ("FREQ=DAILY;BYDAY=-1MO", errors.WeekdayNumbered),
    ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=1MO", errors.WeekdayNumbered),
    ("FREQ=MONTHLY;BYDAY=6MO", errors.WeekdayNumberedBeyondMonth),
    ("FREQ=YEARLY;BYMONTH=2;BYDAY=-6MO", errors.WeekdayNumberedBeyondMonth),
    ("FREQ=DAILY;BYSETPOS=1", errors.NothingToChoose),
    ("FREQ=DAILY;BYDAY=" + ",".join(["MO"] * 5000), errors.RuleTooLong),
    ("FREQ=DAILY;BYDAY=" + ",".join(["MO"] * 500), errors.RuleTooLong),
    ("FREQ=DAILY;" * 100_000, errors.RuleTooLong),
    (
        "FREQ=DAILY;BYMINUTE=" + ",".join(map(str, range(60))) + ";BYSECOND=" + ",".join(map(str, range(60))),
        errors.TooOften,
    ),
]


@pytest.mark.parametrize(
    ("text", "refusal"), REFUSED, ids=[text[:40].encode("ascii", "replace") for text, _ in REFUSED]
)
def test_what_cannot_be_is_refused_at_once(text, refusal):
    began = perf_counter()
    with pytest.raises(refusal) as refused:
        parse(text)
    assert perf_counter() - began < 0.1
    assert isinstance(refused.value, Malformed | RuleOfBooking)
    assert str(refused.value).endswith(".")
    assert len(str(refused.value.detail)) < 300  # a hostile text is not sent back whole


@given(st.text(alphabet="FREQ=DAILYWKMONTHUB;,-+0123456789:XTZ", max_size=80) | st.text(max_size=40))
def test_any_text_is_a_rule_or_refused(text):
    with suppress(Malformed, RuleOfBooking):
        assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize("text", ['{"freq":"WEEKLY","interval":0}', '{"freq":"WEEKLY","bymonthday":[1]}'])
def test_a_stored_rule_is_looked_at_as_well(text):
    with pytest.raises(RuleOfBooking):
        msgspec.json.decode(text, type=Rule)


def test_on_import_until_is_local_and_a_date_counts_whole():
    assert parse("FREQ=DAILY;UNTIL=20270301T120000", "America/New_York").until == datetime(2027, 3, 1, 17, tzinfo=UTC)
    assert parse("FREQ=DAILY;UNTIL=20270301", "America/New_York").until == datetime(2027, 3, 2, 4, 59, 59, tzinfo=UTC)
    assert parse("FREQ=DAILY;UNTIL=20270301T120000Z", "Asia/Dubai").until == datetime(2027, 3, 1, 12, tzinfo=UTC)
