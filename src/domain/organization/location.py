"""A location: a venue with its own wall clock."""

from datetime import date, datetime
from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain import localtime
from domain.aggregate import Aggregate
from domain.calendar import Calendar, Closure, new_closure, new_exception
from domain.event import Event
from domain.hours import Opening, WeeklyHours, checked
from domain.names import name as named
from domain.organization import errors, events


class Location(Aggregate, frozen=True):
    """Where resources stand. Its zone is chosen once: bookings are kept at its local times."""

    begins: ClassVar[type[Event]] = events.LocationOpened
    unknown: ClassVar = errors.UnknownLocation

    name: str = ""
    zone: str = "UTC"
    calendar: Calendar = Calendar()

    def open(self, name: str, zone: str) -> list[events.LocationEvent]:
        localtime.zone(zone)
        return [events.LocationOpened(named(name), zone)]

    def rename(self, name: str) -> list[events.LocationEvent]:
        name = named(name)
        return [] if name == self.name else [events.LocationRenamed(name)]

    def change_hours(self, hours: WeeklyHours | None) -> list[events.LocationEvent]:
        """None: it is open whenever what is in it can be used."""
        return [] if checked(hours) == self.calendar.hours else [events.LocationHoursChanged(hours)]

    def set_exception(self, on: date, openings: tuple[Opening, ...], at: datetime) -> list[events.LocationEvent]:
        """On that local date these openings hold instead of the weekly ones; none: it is closed."""
        new = new_exception(self.calendar, on, openings, at)
        return [] if new is None else [events.LocationExceptionSet(on, new)]

    def lift_exception(self, on: date) -> list[events.LocationEvent]:
        return [events.LocationExceptionLifted(on)] if on in self.calendar.exceptions else []

    def close(self, closure: Closure, at: datetime) -> list[events.LocationEvent]:
        """For a while; the bookings that it has then stand, and somebody has to see to them."""
        new = new_closure(self.calendar, closure, at)
        return [] if new is None else [events.LocationClosed(new)]

    def reopen(self, closure_id: UUID) -> list[events.LocationEvent]:
        return [events.LocationReopened(closure_id)] if closure_id in self.calendar.closures else []

    def evolve(self, event: Event) -> Self:
        match event:
            case events.LocationOpened(name, zone):
                return replace(self, name=name, zone=zone)
            case events.LocationRenamed(name):
                return replace(self, name=name)
            case events.LocationHoursChanged(hours):
                return replace(self, calendar=replace(self.calendar, hours=hours))
            case events.LocationExceptionSet(on, openings):
                return replace(self, calendar=self.calendar.with_exception(on, openings))
            case events.LocationExceptionLifted(on):
                return replace(self, calendar=self.calendar.without_exception(on))
            case events.LocationClosed(closure):
                return replace(self, calendar=self.calendar.with_closure(closure))
            case events.LocationReopened(closure_id):
                return replace(self, calendar=self.calendar.without_closure(closure_id))
        return self
