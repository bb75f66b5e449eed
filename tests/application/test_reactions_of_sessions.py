"""What follows from what happens to sessions, as pure functions of the fact."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from logbook import recorded

from application.booking.commands import CallOffBookings
from application.offering.commands import DecideRun
from application.reaction import Do
from application.reactions import REACTIONS
from domain.offering.events import SessionCalledOff, SessionReanchored, SessionRunConfirmed, SessionScheduled

SEVEN = datetime(2027, 7, 2, 17, tzinfo=UTC)
CUTOFF = SEVEN - timedelta(hours=4)
YOGA = UUID(int=77)


def follows(fact: Any) -> list[Do]:
    nobody: Any = None
    own = [one for one in REACTIONS if "waitlist" not in one.__module__]
    return [do for reaction in own for do in reaction(recorded(fact, YOGA, 1), nobody)]


def test_whether_a_session_runs_is_decided_at_its_cutoff():
    fact = SessionScheduled(UUID(int=1), UUID(int=2), SEVEN, SEVEN, "", "UTC", 12, (), 4, CUTOFF)
    assert follows(fact) == [Do(DecideRun(YOGA), YOGA, "decide_run", CUTOFF)]


def test_where_the_cutoff_has_moved_with_the_session_it_is_decided_then():
    assert follows(SessionReanchored(SEVEN, SEVEN, CUTOFF, (), "tzdata 2")) == [
        Do(DecideRun(YOGA), YOGA, "decide_run", CUTOFF)
    ]
    assert follows(SessionReanchored(SEVEN, SEVEN, None, (), "tzdata 2")) == []


def test_one_that_always_runs_is_never_decided():
    assert follows(SessionScheduled(UUID(int=1), UUID(int=2), SEVEN, SEVEN, "", "UTC", 12)) == []


def test_the_bookings_of_one_that_is_called_off_end_with_it():
    assert follows(SessionCalledOff(3, True)) == [Do(CallOffBookings(YOGA), YOGA, "call_off_bookings")]
    assert follows(SessionRunConfirmed(4)) == []
