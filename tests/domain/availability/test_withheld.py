"""What is not sold as it is asked for is free at no time, and says so before anything else."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace
from setups import asked, booked, court, need, offering, simple, sold, utc, venue

from domain.availability.setup import Refused, Setup, Slot
from domain.availability.slots import consider, explained, free_spans, slots

ON = date(2027, 3, 1)
NOW, TEN, ELEVEN = (utc(2027, 3, 1, hour) for hour in (6, 10, 11))
one, other = court("Court 1"), court("Court 2")
apart = replace(one, sold_by_itself=False)


def told(setup: Setup, **more: bool) -> list[tuple[str, ...]]:
    found = explained(setup, (), asked(ON, **more), NOW)
    return [tuple(r.code for r in it.reasons) if isinstance(it, Refused) else () for it in found]


@pytest.mark.parametrize(("what", "by_name", "free"), [
    (one, True, True), (apart, True, False), (apart, False, True), (one, False, True)
])  # fmt: skip
def test_customers_have_by_name_only_what_is_sold_by_itself(what, by_name, free):
    setup, request = simple(venue(), what, step=60), asked(ON, by_name=by_name)
    assert bool(slots(setup, (), request, NOW)) is free
    assert bool(free_spans(setup, (), request, NOW)[what.id]) is free
    answer = consider(setup, (), request, TEN, NOW)
    assert isinstance(answer, Slot if free else Refused)
    if isinstance(answer, Refused):
        assert [(r.code, r.resource_id) for r in answer.reasons] == [("NOT_SOLD_BY_ITSELF", what.id)]
    assert all(codes[:1] == ("NOT_SOLD_BY_ITSELF",) for codes in told(setup, by_name=by_name)) is not free


def test_what_is_sold_by_session_is_had_at_no_time_whoever_passes_over_whatever():
    setup = simple(venue(), one, step=60, sessions_only=True)
    assert slots(setup, (), asked(ON), NOW) == []
    assert set(told(setup)) == {("SESSIONS_ONLY",), ("SESSIONS_ONLY", "TOO_SOON")}
    answer = consider(setup, (), asked(ON, override=True), TEN + timedelta(minutes=7), NOW)
    assert isinstance(answer, Refused)
    assert [r.code for r in answer.reasons] == ["SESSIONS_ONLY"]


def test_of_several_candidates_it_is_told_once_and_before_what_else_is_true():
    terms = offering(need("court", one, other), step=60, sessions_only=True)
    setup = sold(venue(), terms, one, other)
    answer = consider(setup, [booked(one, TEN, ELEVEN)], asked(ON), TEN, NOW)
    assert isinstance(answer, Refused)
    codes = [r.code for r in answer.reasons]
    assert codes[0] == "SESSIONS_ONLY"
    assert codes.count("SESSIONS_ONLY") == 1
