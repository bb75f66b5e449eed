"""A location's hours, holidays and closures: by the same functions as a resource's, with facts of its own."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from given import given

from domain.calendar import Closure
from domain.hours import BadHours, Opening, WeeklyHours
from domain.organization.events import (
    LocationClosed,
    LocationExceptionLifted,
    LocationExceptionSet,
    LocationHoursChanged,
    LocationOpened,
    LocationReopened,
)
from domain.organization.location import Location
from domain.period import EmptyPeriod

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
CHRISTMAS = date(2027, 12, 25)
ONE = UUID(int=1)
DAYTIME = WeeklyHours(monday=(Opening(540, 1020),))
opened = LocationOpened("Pier", "Europe/Lisbon")


def test_a_venue_has_hours_and_loses_them():
    given(Location, opened).when(lambda v: v.change_hours(DAYTIME)).then(LocationHoursChanged(DAYTIME))
    given(Location, opened, LocationHoursChanged(DAYTIME)).when(lambda v: v.change_hours(DAYTIME)).then()
    given(Location, opened, LocationHoursChanged(DAYTIME)).when(lambda v: v.change_hours(None)).then(
        LocationHoursChanged(None)
    )
    backwards = WeeklyHours(monday=(Opening(60, 30),))
    given(Location, opened).when(lambda v: v.change_hours(backwards)).refused(BadHours)


def test_a_holiday_is_set_once_and_lifted_once():
    holiday = LocationExceptionSet(CHRISTMAS, ())
    given(Location, opened).when(lambda v: v.set_exception(CHRISTMAS, (), NOW)).then(holiday)
    given(Location, opened, holiday).when(lambda v: v.set_exception(CHRISTMAS, (), NOW)).then()
    usual = (
        given(Location, opened, holiday)
        .when(lambda v: v.lift_exception(CHRISTMAS))
        .then(LocationExceptionLifted(CHRISTMAS))
    )
    assert usual.calendar.exceptions == {}
    given(Location, opened).when(lambda v: v.lift_exception(CHRISTMAS)).then()
    given(Location, opened).when(lambda v: v.set_exception(CHRISTMAS, (Opening(60, 60),), NOW)).refused(BadHours)


def test_a_venue_closes_and_reopens():
    closure = Closure(ONE, NOW, NOW + timedelta(days=7), "maintenance")
    given(Location, opened).when(lambda v: v.close(closure, NOW)).then(LocationClosed(closure))
    given(Location, opened, LocationClosed(closure)).when(lambda v: v.close(closure, NOW)).then()
    given(Location, opened, LocationClosed(closure)).when(lambda v: v.reopen(ONE)).then(LocationReopened(ONE))
    given(Location, opened).when(lambda v: v.reopen(ONE)).then()
    given(Location, opened).when(lambda v: v.close(Closure(ONE, NOW, NOW), NOW)).refused(EmptyPeriod)
