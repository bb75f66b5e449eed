"""How much is held from one address."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from given import given

from domain.booking import errors
from domain.booking.events import StrangerHeld
from domain.booking.strangers import MOST_FROM_ONE_ADDRESS, Doorstep

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONE, TWO, THREE = (UUID(int=n) for n in range(1, 4))


def test_so_many_at_a_time_and_one_more_when_the_first_is_over():
    past = StrangerHeld(ONE, NOON + MINUTE), StrangerHeld(TWO, NOON + 2 * MINUTE)
    two = given(Doorstep, *past)
    two.when(lambda d: d.hold(THREE, NOON, NOON + MINUTE, most=3)).then(StrangerHeld(THREE, NOON + MINUTE))
    two.when(lambda d: d.hold(THREE, NOON, NOON + MINUTE, most=2)).refused(errors.TooManyFromHere, limit=2)
    tick = timedelta(microseconds=1)
    two.when(lambda d: d.hold(THREE, NOON + MINUTE - tick, NOON, most=2)).refused(errors.TooManyFromHere)
    two.when(lambda d: d.hold(THREE, NOON + MINUTE, NOON, most=2)).then(StrangerHeld(THREE, NOON))


def test_no_more_is_remembered_than_may_count():
    past = [StrangerHeld(UUID(int=n), NOON + n * MINUTE) for n in range(1, 100)]
    doorstep = given(Doorstep, *past).before
    assert len(doorstep.over) == MOST_FROM_ONE_ADDRESS
    assert doorstep.over[-1] == NOON + 99 * MINUTE
