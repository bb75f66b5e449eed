"""Whether a resource can be had as asked, all but its occupancy, which the claims decide in the write."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from domain import localtime
from domain.availability.setup import Reason
from domain.booking.booking import LONGEST
from domain.booking.errors import NotOffered, OwnOverlap, TooLong
from domain.booking.events import Item
from domain.hours import open_throughout
from domain.organization.location import Location
from domain.period import Period, most_at_once
from domain.resource.resource import Resource


class Wanted(Struct, frozen=True):
    """What somebody asks for: a resource, a period of instants, so many units."""

    item: int
    resource_id: UUID
    period: Period
    units: int = 1


def reasons_against(wanted: Wanted, resource: Resource, location: Location, at: datetime) -> list[Reason]:
    """All that speaks against it, in the fixed order; nothing, where it is offered."""
    found: list[str] = []
    if resource.location_id != location.id:
        found.append("ELSEWHERE")
    if resource.retired:
        found.append("RETIRED")
    if not open_throughout(resource.hours, location.zone, wanted.period):
        found.append("OUTSIDE_HOURS")
    if wanted.period.ends_at <= at:
        found.append("TOO_SOON")
    if wanted.units > resource.capacity:
        found.append("DOES_NOT_FIT")
    return [
        Reason(
            code,
            wanted.item,
            resource_id=resource.id,
            capacity=resource.capacity if code == "DOES_NOT_FIT" else None,
        )
        for code in found
    ]


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
