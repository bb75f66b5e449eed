"""A session: scheduled with seats, confirmed or called off at its cutoff, and what stands after that."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from given import given
from msgspec.structs import replace

from domain import localtime
from domain.claim import Release, Take
from domain.claims import claims_of
from domain.offering import errors
from domain.offering.events import (
    SessionCalledOff,
    SessionReanchored,
    SessionRunConfirmed,
    SessionScheduled,
    SessionSeatsChanged,
)
from domain.offering.session import Session
from domain.period import EmptyPeriod, Period

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SEVEN = datetime(2027, 7, 2, 17, tzinfo=UTC)
EIGHT = SEVEN + timedelta(hours=1)
CUTOFF = SEVEN - timedelta(hours=4)
TICK = timedelta(microseconds=1)
YOGA, HERE, THERE, STUDIO, COACH = (UUID(int=n) for n in range(1, 6))
USUAL: dict[str, Any] = {
    "offering_id": YOGA, "location_id": HERE, "zone": "Europe/Lisbon", "starts_at": SEVEN, "ends_at": EIGHT,
    "seats": 12, "resources": {STUDIO: HERE, COACH: HERE}, "min_to_run": 4, "cutoff_at": CUTOFF, "at": NOW,
}  # fmt: skip
scheduled = SessionScheduled(
    YOGA, HERE, SEVEN, EIGHT, "2027-07-02T18:00", "Europe/Lisbon", 12, (STUDIO, COACH), 4, CUTOFF
)
enough, too_few = SessionRunConfirmed(4), SessionCalledOff(3, too_few=True)


def test_a_class_is_scheduled_on_the_wall_of_its_location():
    session = given(Session).when(lambda s: s.schedule(**USUAL)).then(scheduled)
    assert (session.period, session.status, session.bookable) == (Period(SEVEN, EIGHT), "scheduled", True)
    assert (session.location_id, session.zone, session.seats) == (HERE, "Europe/Lisbon", 12)


def test_one_that_runs_whoever_comes_has_no_cutoff():
    always = replace(scheduled, resources=(), min_to_run=0, cutoff_at=None)
    given(Session).when(lambda s: s.schedule(**USUAL | {"resources": {}, "min_to_run": 0, "cutoff_at": None})).then(
        always
    )


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"seats": 0}, errors.BadSeatCount),
        ({"seats": 100_001}, errors.BadSeatCount),
        ({"seats": 3}, errors.BadSeatCount),
        ({"min_to_run": -1}, errors.BadSeatCount),
        ({"min_to_run": 0}, errors.BadCutoff),
        ({"cutoff_at": None}, errors.BadCutoff),
        ({"cutoff_at": SEVEN + TICK}, errors.BadCutoff),
        ({"cutoff_at": NOW}, errors.BadCutoff),
        ({"ends_at": SEVEN}, EmptyPeriod),
        ({"at": SEVEN}, errors.SessionOver),
        ({"ends_at": SEVEN + timedelta(days=400) + TICK}, errors.SessionOver),
        ({"resources": {STUDIO: THERE}}, errors.BadOccupied),
        ({"resources": {UUID(int=n): HERE for n in range(51)}}, errors.BadOccupied),
    ],
)
def test_no_class_is_so(wrong, why):
    given(Session).when(lambda s: s.schedule(**USUAL | wrong)).refused(why)


@pytest.mark.parametrize("right", [
    {"seats": 4}, {"cutoff_at": SEVEN}, {"cutoff_at": NOW + TICK}, {"at": CUTOFF - TICK},
    {"ends_at": SEVEN + timedelta(days=400)},
])  # fmt: skip
def test_the_edges_of_a_class(right):
    assert Session(UUID(int=7)).schedule(**USUAL | right)


def test_seats_come_and_go_but_not_below_what_it_needs_to_run():
    given(Session, scheduled).when(lambda s: s.change_seats(4, NOW)).then(SessionSeatsChanged(4))
    given(Session, scheduled).when(lambda s: s.change_seats(12, NOW)).then()
    given(Session, scheduled).when(lambda s: s.change_seats(3, NOW)).refused(errors.BadSeatCount)
    given(Session, scheduled).when(lambda s: s.change_seats(13, EIGHT)).refused(errors.SessionOver)
    given(Session, scheduled, too_few).when(lambda s: s.change_seats(13, NOW)).refused(errors.CalledOff)


def test_it_runs_with_enough_at_the_cutoff_and_not_with_one_less():
    given(Session, scheduled).when(lambda s: s.decide_run(4, CUTOFF)).then(enough)
    off = given(Session, scheduled).when(lambda s: s.decide_run(3, CUTOFF)).then(too_few)
    assert (off.status, off.bookable) == ("called_off", False)
    given(Session, scheduled).when(lambda s: s.decide_run(12, CUTOFF - TICK)).refused(
        errors.NotYetCutoff, cutoff_at=CUTOFF
    )


@pytest.mark.parametrize("decided", [enough, too_few, SessionCalledOff(9, too_few=False)])
def test_what_has_been_decided_is_not_decided_again(decided):
    given(Session, scheduled, decided).when(lambda s: s.decide_run(0, CUTOFF)).then()


def test_one_without_a_minimum_is_never_decided():
    always = replace(scheduled, min_to_run=0, cutoff_at=None)
    given(Session, always).when(lambda s: s.decide_run(0, CUTOFF)).then()


def test_somebody_may_decide_that_it_runs_all_the_same():
    given(Session, scheduled).when(lambda s: s.confirm_run(1, NOW)).then(SessionRunConfirmed(1))
    given(Session, scheduled, enough).when(lambda s: s.confirm_run(1, NOW)).then()
    given(Session, scheduled, too_few).when(lambda s: s.confirm_run(1, NOW)).refused(errors.CalledOff)
    given(Session, scheduled).when(lambda s: s.confirm_run(1, EIGHT)).refused(errors.SessionOver)


def test_the_venue_calls_it_off_once_until_it_is_over():
    off = SessionCalledOff(9, too_few=False)
    given(Session, scheduled, enough).when(lambda s: s.call_off(9, EIGHT - TICK)).then(off)
    given(Session, scheduled, off).when(lambda s: s.call_off(9, EIGHT)).then()
    given(Session, scheduled).when(lambda s: s.call_off(9, EIGHT)).refused(errors.SessionOver)


HOUR = timedelta(hours=1)
other_rules = replace(scheduled, starts_at=SEVEN + HOUR, ends_at=EIGHT + HOUR, cutoff_at=CUTOFF + HOUR)
back = SessionReanchored(SEVEN, EIGHT, CUTOFF, (STUDIO, COACH), localtime.RULES)


def test_when_the_rules_of_its_zone_change_it_is_kept_at_its_local_time_and_decided_as_long_before():
    after = given(Session, other_rules).when(lambda s: s.reanchor(NOW)).then(back)
    assert (after.period, after.cutoff_at) == (Period(SEVEN, EIGHT), CUTOFF)
    given(Session, other_rules, back).when(lambda s: s.reanchor(NOW)).then()
    given(Session, scheduled).when(lambda s: s.reanchor(NOW)).then()


def test_one_without_a_cutoff_is_not_given_any():
    always = replace(other_rules, min_to_run=0, cutoff_at=None)
    given(Session, always).when(lambda s: s.reanchor(NOW)).then(replace(back, cutoff_at=None))


def test_what_has_begun_or_does_not_take_place_stays_as_it_was():
    given(Session, other_rules).when(lambda s: s.reanchor(SEVEN + HOUR)).then()
    given(Session, other_rules).when(lambda s: s.reanchor(SEVEN + HOUR - TICK)).then(back)
    given(Session, other_rules, too_few).when(lambda s: s.reanchor(NOW)).then()


def test_what_it_occupies_goes_with_it_and_its_seats_stay_as_many():
    assert claims_of(back, YOGA) == (
        Release(YOGA),
        Take(YOGA, 1, STUDIO, SEVEN, EIGHT, 1, kind="session"),
        Take(YOGA, 2, COACH, SEVEN, EIGHT, 1, kind="session"),
    )
