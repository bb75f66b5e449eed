"""Whether a resource can be had as asked, all but its occupancy, which the claims decide in the write."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain import localtime
from domain.availability.setup import Reason
from domain.booking.booking import LONGEST
from domain.booking.errors import NotOffered, OwnOverlap, TooLong
from domain.booking.events import Item
from domain.calendar import Calendar
from domain.organization.location import Location
from domain.period import Period, most_at_once
from domain.resource.resource import Resource
from domain.wall import Wall, hours_of, micros, within_both

TOLD = {"closure": "CLOSURE", "maintenance": "MAINTENANCE", "absence": "NO_STAFF"}
"""How a cause is told."""


class Wanted(Struct, frozen=True):
    """What somebody asks for: a resource, a period of instants, so many units."""

    item: int
    resource_id: UUID
    period: Period
    units: int = 1
    begun: bool = True
    """Whether it may have begun, as long as it is not over: staff record what is, customers book what is to come."""


def reasons_against(wanted: Wanted, resource: Resource, location: Location, at: datetime) -> list[Reason]:
    """All that speaks against it, in the fixed order; nothing, where it is offered."""
    period = wanted.period
    found: list[Reason] = []
    if resource.location_id != location.id:
        found.append(Reason("ELSEWHERE"))
    if resource.retired:
        found.append(Reason("RETIRED"))
    found += closed(location, resource, period)
    if period.ends_at <= at or (period.starts_at < at and not wanted.begun):
        found.append(Reason("TOO_SOON", earliest=at))
    most = max(
        [resource.capacity, *(it.capacity for it in resource.overrides.values() if it.starts_at < period.ends_at)]
    )
    if wanted.units > most:
        found.append(Reason("DOES_NOT_FIT", capacity=resource.capacity))
    return [replace(reason, item=wanted.item, resource_id=resource.id) for reason in found]


def closed(location: Location, resource: Resource, period: Period) -> list[Reason]:
    """What of the calendars speaks against a period: hours, exceptions, closures, maintenance, absence."""
    calendars = (location.calendar, resource.calendar)
    # Of many nobody has said when: nothing is worked out for them.
    spoken = any(calendar.hours is not None or calendar.exceptions for calendar in calendars)
    found = [*outside(calendars, period, location.zone)] if spoken else []
    closures = [closure for calendar in calendars for closure in calendar.closures.values()]
    found += [
        Reason(TOLD[closure.cause], until=closure.ends_at)
        for closure in closures
        if closure.starts_at < period.ends_at and period.starts_at < closure.ends_at
    ]
    return found


def outside(calendars: Sequence[Calendar], period: Period, zone: str) -> Iterator[Reason]:
    """What of the hours speaks against a period: it must lie within one opening of all of them."""
    first, last = localtime.dates_touched(period.starts_at, period.ends_at, zone)
    hours = within_both(*(hours_of(calendar, first, last) for calendar in calendars))
    start, end = micros(period.starts_at), micros(period.ends_at)
    if not any(low <= start and end <= high for low, high in Wall(zone).spans(hours)):
        shut = any(calendar.exceptions.get(first) == () for calendar in calendars)
        yield Reason("CLOSED_EXCEPTION" if shut else "OUTSIDE_HOURS")


def offered(
    wanted: list[Wanted],
    resources: dict[UUID, Resource],
    location: Location,
    at: datetime,
    staying: Sequence[Item] = (),
) -> list[Item]:
    """The items as they would be booked, on the location's wall; `NotOffered` with every reason against.

    `staying`: the booking's other items, which stay as they are and must fit beside the wanted ones.
    """
    for want in wanted:
        if want.period.duration > LONGEST:
            raise TooLong(item=want.item)
    against = [reason for want in wanted for reason in reasons_against(want, resources[want.resource_id], location, at)]
    if against:
        raise NotOffered(reasons=against)
    for resource in resources.values():
        uses = [(w.period.starts_at, w.period.ends_at, w.units) for w in wanted if w.resource_id == resource.id]
        uses += [(item.starts_at, item.ends_at, item.units) for item in staying if item.resource_id == resource.id]
        when, most = most_at_once(uses)
        if most > resource.capacity:
            raise OwnOverlap(resource_id=resource.id, at=when, units=most, capacity=resource.capacity)
    return [
        Item(
            item=want.item,
            resource_id=want.resource_id,
            starts_at=want.period.starts_at,
            ends_at=want.period.ends_at,
            local_start=localtime.wall(want.period.starts_at, location.zone).isoformat(timespec="minutes"),
            zone=location.zone,
            units=want.units,
        )
        for want in wanted
    ]
