"""What is offered, and every reason why not."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.availability.offer import Wanted, offered, outside, reasons_against
from domain.booking.booking import LONGEST
from domain.booking.errors import NotOffered, TooLong
from domain.calendar import Calendar
from domain.hours import Opening, WeeklyHours
from domain.organization.location import Location
from domain.period import EmptyPeriod, Period
from domain.resource.resource import Resource

VENUE, COURT = UUID(int=3), UUID(int=1)
club = Location(VENUE, "Club", "America/New_York")
HOURS = WeeklyHours(*[(Opening(9 * 60, 17 * 60),)] * 7)
court = Resource(COURT, VENUE, "Court 1", "court", 2, Calendar(HOURS))
TEN = datetime(2027, 1, 5, 15, tzinfo=UTC)
BEFORE = TEN - timedelta(days=1)
HOUR = timedelta(hours=1)
wanted = Wanted(1, COURT, Period(TEN, TEN + HOUR), 2)


def codes(want=wanted, resource=court, location=club, at=BEFORE):
    return [reason.code for reason in reasons_against(want, resource, location, at)]


def test_what_fits_is_offered_on_the_wall_of_its_location():
    (item,) = offered([wanted], {COURT: court}, club, BEFORE)
    assert (item.local_start, item.zone, item.units) == ("2027-01-05T10:00", "America/New_York", 2)


@given(
    st.sampled_from(["UTC", "Europe/Lisbon", "Pacific/Apia", "America/New_York"]),
    st.datetimes(datetime(1970, 1, 4), datetime(2199, 12, 20), timezones=st.just(UTC)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=9)),
)
def test_where_nobody_has_said_when_nothing_is_outside_its_hours(zone, starts_at, lasting):
    """It is not even worked out then: this is what working it out says."""
    assert list(outside((Calendar(), Calendar()), Period(starts_at, starts_at + lasting), zone)) == []


def test_units_up_to_the_capacity_fit():
    assert codes() == []
    assert codes(Wanted(1, COURT, wanted.period, 3)) == ["DOES_NOT_FIT"]


def test_until_its_end_it_can_still_be_booked():
    assert codes(at=TEN + HOUR - timedelta(microseconds=1)) == []
    assert codes(at=TEN + HOUR) == ["TOO_SOON"]


def test_who_may_not_have_what_has_begun_books_until_it_begins():
    theirs = Wanted(1, COURT, wanted.period, begun=False)
    assert codes(theirs, at=TEN) == []
    assert codes(theirs, at=TEN + timedelta(microseconds=1)) == ["TOO_SOON"]


def test_all_reasons_are_told_and_in_their_order():
    retired = court.after(court.retire())
    late = Wanted(1, COURT, Period(TEN + 6 * HOUR, TEN + 8 * HOUR), 3)
    elsewhere = Location(UUID(int=4), "Beach", "UTC")
    everything = ["ELSEWHERE", "RETIRED", "OUTSIDE_HOURS", "TOO_SOON", "DOES_NOT_FIT"]
    assert codes(late, retired, elsewhere, TEN + 9 * HOUR) == everything
    with pytest.raises(NotOffered) as refused:
        offered([late], {COURT: retired}, elsewhere, TEN + 9 * HOUR)
    assert [reason.code for reason in refused.value.detail["reasons"]] == everything


def test_a_stay_of_a_thousand_years_is_refused_before_its_hours_are_looked_up():
    with pytest.raises(TooLong):
        offered([Wanted(1, COURT, Period(TEN, TEN + LONGEST + HOUR))], {COURT: court}, club, BEFORE)


def test_touching_is_not_overlapping_and_empty_is_no_period():
    assert not Period(TEN, TEN + HOUR).overlaps(Period(TEN + HOUR, TEN + 2 * HOUR))
    assert Period(TEN, TEN + HOUR).overlaps(Period(TEN + HOUR / 2, TEN + 2 * HOUR))
    with pytest.raises(EmptyPeriod):
        Period(TEN, TEN)
