"""Seats of what is sold by session: the sessions of some days, what is left of them, and why there are none."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from domain.availability.seats import against_seats, seats
from domain.availability.setup import Refused, Request, Slot, Use
from domain.offering.session import Session
from domain.offering.terms import Need, Terms
from domain.period import Period

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
YOGA = Terms(needs=(Need("studio", any_of=(UUID(int=5),)),), durations=(60,), sessions_only=True)
DAY = date(2027, 3, 2)


def session(n: int = 1, starts_at: datetime = NOW + 24 * HOUR, most: int = 3, **more) -> Session:
    return Session(UUID(int=n), UUID(int=8), UUID(int=9), starts_at, starts_at + HOUR, zone="Europe/Lisbon", seats=most,
                   **more)  # fmt: skip


def taken(of: Session, units: int = 1, by: int = 70, **more) -> Use:
    return Use(of.id, UUID(int=by), 1, of.starts_at, of.ends_at, units, **more)


def told(sessions, uses=(), terms: Terms = YOGA, party: int = 1, **more) -> list[Slot | Refused]:
    return seats(sessions, terms, uses, Request(DAY, DAY, party, **more), NOW)


def codes(answer: Slot | Refused) -> list[str]:
    assert isinstance(answer, Refused)
    return [reason.code for reason in answer.reasons]


def left(answer: Slot | Refused) -> int:
    assert isinstance(answer, Slot)
    return answer.remaining


def test_sessions_are_told_in_order_with_the_seats_that_are_left():
    later, first = session(1, NOW + 26 * HOUR), session(2)
    one, two = told([later, first], [taken(first, 2)])
    assert (one.session_id, left(one), one.starts_at, one.ends_at) == (first.id, 1, first.starts_at, first.ends_at)
    assert (two.session_id, left(two)) == (later.id, 3)
    assert isinstance(one, Slot)
    assert one.assignment[0].resource_ids == (first.id,)


@pytest.mark.parametrize(("used", "party", "free"), [(2, 1, 1), (3, 1, None), (2, 2, None), (0, 3, 3)])
def test_seats_are_for_the_whole_party_or_for_none(used, party, free):
    one = session()
    (answer,) = told([one], [taken(one, used)] if used else [], party=party)
    if free is None:
        assert codes(answer) == ["CAPACITY"]
        assert answer.reasons[0].free == 3 - used
    else:
        assert left(answer) == free


def test_a_party_larger_than_the_session_does_not_fit_and_is_told_once():
    (answer,) = told([session()], party=4)
    assert codes(answer) == ["DOES_NOT_FIT"]
    assert answer.reasons[0].capacity == 3


def test_a_hold_is_in_the_way_until_it_dies():
    one = session(most=1)
    (alive,) = told([one], [taken(one, expires_at=NOW + TICK)])
    (dead,) = told([one], [taken(one, expires_at=NOW)])
    assert codes(alive) == ["HELD"]
    assert left(dead) == 1


def test_what_is_moved_is_not_in_its_own_way():
    one = session(most=1)
    (answer,) = told([one], [taken(one, by=70)], moving=UUID(int=70))
    assert left(answer) == 1


def test_only_the_days_asked_for_on_the_wall_and_nothing_that_is_called_off():
    midnight = datetime(2027, 3, 2, tzinfo=UTC)
    inside = [session(1, midnight), session(2, midnight + 24 * HOUR - TICK)]
    outside = [session(3, midnight - TICK), session(4, midnight + 24 * HOUR)]
    assert [it.session_id for it in told([*inside, *outside])] == [it.id for it in inside]
    assert told([session(status="called_off")]) == []
    assert len(told([session(status="confirmed")])) == 1


@pytest.mark.parametrize(("before", "override", "found"), [
    (2 * HOUR, False, []), (2 * HOUR - TICK, False, ["TOO_SOON"]), (TICK, True, []), (timedelta(0), True, ["TOO_SOON"]),
])  # fmt: skip
def test_notice_is_met_at_exactly_that_and_staff_pass_over_it_until_it_begins(before, override, found):
    against = against_seats(session(starts_at=NOW + before), Terms(needs=(), notice=120), 1, NOW, override)
    assert [it.code for it in against] == found
    assert all(it.earliest == (NOW if override else NOW + 2 * HOUR) for it in against)


@pytest.mark.parametrize(("days", "override", "found"), [(2, False, []), (3, False, ["TOO_FAR"]), (3, True, [])])
def test_the_horizon_is_a_local_day_and_counts_whole(days, override, found):
    starts_at = datetime(2027, 3, 1 + days, 23, 59, tzinfo=UTC)
    against = against_seats(session(starts_at=starts_at), Terms(needs=(), horizon=2), 1, NOW, override)
    assert [it.code for it in against] == found


@pytest.mark.parametrize(("party", "capacity"), [(1, None), (2, "fits"), (3, "fits"), (4, 3)])
def test_a_party_has_at_least_and_at_most_so_many(party, capacity):
    terms = Terms(needs=(), least_party=2, most_party=3)
    against = against_seats(session(most=10), terms, party, NOW)
    assert [it.capacity for it in against] == ([] if capacity == "fits" else [capacity])


@pytest.mark.parametrize(("hours", "one_at_a_time", "fine"), [(-1, True, True), (0, True, False), (0, False, True)])
def test_who_has_something_else_then_is_told_where_the_terms_ask(hours, one_at_a_time, fine):
    one = session()
    busy = (Period(one.starts_at + hours * HOUR, one.ends_at + hours * HOUR),)
    (answer,) = told([one], terms=Terms(needs=(), one_at_a_time=one_at_a_time), busy=busy)
    assert isinstance(answer, Slot) if fine else codes(answer) == ["CUSTOMER_CONFLICT"]
