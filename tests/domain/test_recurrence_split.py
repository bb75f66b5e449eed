"""A change of one occurrence and all that follow: the series in two."""

from datetime import datetime, timedelta
from itertools import islice

import pytest
from drawn_rules import drawn_rule, drawn_start
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.recurrence import errors
from domain.recurrence.rule import FIRST_LOCAL
from domain.recurrence.series import Series, all_between, occurrences, read, split

NEW_YORK = "America/New_York"
START = datetime(2027, 3, 2, 9)
EXTRA = datetime(2027, 3, 12, 10)


def ids(series: Series) -> list[datetime]:
    return [o.recurrence_id for o in occurrences(series)]


def test_the_second_keeps_what_is_left_of_the_count():
    series = read(START, NEW_YORK, "FREQ=WEEKLY;COUNT=4")
    first, second = split(series, datetime(2027, 3, 16, 9))
    assert str(first.rule) == "FREQ=WEEKLY;UNTIL=20270316T125959Z"
    assert str(second.rule) == "FREQ=WEEKLY;COUNT=2"
    assert second.start == datetime(2027, 3, 16, 9)
    assert ids(first) + ids(second) == ids(series)


def test_an_excluded_date_has_used_up_one_of_the_count_and_an_added_one_has_not():
    series = read(START, NEW_YORK, "FREQ=WEEKLY;COUNT=6", [EXTRA], [datetime(2027, 3, 9, 9), datetime(2027, 4, 6, 9)])
    first, second = split(series, datetime(2027, 3, 23, 9))
    assert second.rule.count == 3
    assert (first.rdates, second.rdates) == ((EXTRA,), ())
    assert (first.exdates, second.exdates) == ((datetime(2027, 3, 9, 9),), (datetime(2027, 4, 6, 9),))
    assert ids(first) + ids(second) == ids(series)


def test_a_skipped_gap_has_not_used_up_one_of_the_count():
    series = read(datetime(2027, 3, 13, 2, 30), NEW_YORK, "FREQ=DAILY;COUNT=3", gap_policy="skip")
    _, second = split(series, datetime(2027, 3, 15, 2, 30))
    assert second.rule.count == 2


def test_intervals_keep_their_step():
    series = read(START, NEW_YORK, "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;COUNT=7")
    first, second = split(series, datetime(2027, 3, 18, 9))
    assert ids(first) + ids(second) == ids(series)


def test_the_second_keeps_its_until():
    series = read(START, NEW_YORK, "FREQ=WEEKLY;UNTIL=20270330T130000Z")
    first, second = split(series, datetime(2027, 3, 16, 9))
    assert second.rule == series.rule
    assert ids(first) + ids(second) == ids(series)


def test_from_an_added_date_on():
    series = read(START, NEW_YORK, "FREQ=WEEKLY;COUNT=4", [EXTRA])
    first, second = split(series, EXTRA)
    assert ids(first) == [START, datetime(2027, 3, 9, 9)]
    assert ids(second) == [EXTRA, datetime(2027, 3, 16, 9), datetime(2027, 3, 23, 9)]


def test_from_an_added_date_after_the_rule_has_ended():
    late, later = datetime(2027, 6, 1, 9), datetime(2027, 7, 1, 9)
    first, second = split(read(START, NEW_YORK, "FREQ=WEEKLY;COUNT=2", [late, later]), late)
    assert len(ids(first)) == 2
    assert (second.rule, ids(second)) == (None, [late, later])


def test_an_added_date_before_the_start_is_a_first_part_by_itself():
    early = datetime(2027, 2, 1, 9)
    first, second = split(read(START, NEW_YORK, "FREQ=WEEKLY;COUNT=2", [early]), START)
    assert (ids(first), len(ids(second)), second.rule.count) == ([early], 2, 2)


def test_there_is_nothing_to_split_at_the_first_or_beside_an_occurrence():
    series = read(START, NEW_YORK, "FREQ=WEEKLY;COUNT=4", (), [datetime(2027, 3, 9, 9)])
    with pytest.raises(errors.NothingBefore):
        split(series, START)
    for no_occurrence in (datetime(2027, 3, 9, 9), datetime(2027, 3, 10, 9), datetime(2027, 3, 30, 9)):
        with pytest.raises(errors.NoSuchOccurrence):
            split(series, no_occurrence)


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 30))
def test_the_two_parts_are_the_whole(random, place):
    start = drawn_start(random)
    near = tuple(start + timedelta(days=random.randrange(400)) for _ in range(4))
    series = Series(start, "UTC", drawn_rule(random, start), near[:2], near[1:])
    until = start + timedelta(days=3000)
    whole = list(islice(all_between(series, FIRST_LOCAL, until), 60))
    assume(place < len(whole))
    first, second = split(series, whole[place].recurrence_id)
    assert list(all_between(first, FIRST_LOCAL, until)) == whole[:place]
    rest = list(islice(all_between(second, FIRST_LOCAL, until), 60 - place))
    assert rest == whole[place:]
