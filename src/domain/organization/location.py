"""A location: a venue with its own wall clock."""

from typing import ClassVar, Self

from msgspec.structs import replace

from domain import localtime
from domain.aggregate import Aggregate
from domain.calendar import Calendar
from domain.event import Event
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

    def evolve(self, event: Event) -> Self:
        match event:
            case events.LocationOpened(name, zone):
                return replace(self, name=name, zone=zone)
            case events.LocationRenamed(name):
                return replace(self, name=name)
            case events.LocationHoursChanged(hours):
                return replace(self, calendar=replace(self.calendar, hours=hours))
            case events.LocationExceptionSet(on, openings):
                exceptions = {**self.calendar.exceptions, on: openings}
                return replace(self, calendar=replace(self.calendar, exceptions=exceptions))
            case events.LocationExceptionLifted(on):
                exceptions = {day: openings for day, openings in self.calendar.exceptions.items() if day != on}
                return replace(self, calendar=replace(self.calendar, exceptions=exceptions))
            case events.LocationClosed(closure):
                closures = {**self.calendar.closures, closure.id: closure}
                return replace(self, calendar=replace(self.calendar, closures=closures))
            case events.LocationReopened(closure_id):
                closures = {key: closure for key, closure in self.calendar.closures.items() if key != closure_id}
                return replace(self, calendar=replace(self.calendar, closures=closures))
        return self
