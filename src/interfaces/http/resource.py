"""What can be booked, and how much of it is in use."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from litestar import Controller, get, patch, post
from litestar.params import FromPath, RawBody
from msgspec import UNSET, Meta, Struct, UnsetType

from application.message import Command
from application.resource.commands import (
    ChangeCapacity,
    ChangeHours,
    RegisterResource,
    RenameResource,
    RetireResource,
    ReviseResource,
)  # fmt: skip
from application.resource.queries import Catalogue, OccupancyPerDay, TheResource
from domain.errors import Rule
from domain.hours import WeeklyHours
from interfaces.http.asked import (
    Asked,
    Because,
    Day,
    Named,
    Page,
    Paging,
    PositionText,
    Reading,
    Reply,
    Sorted,
    Written,
    after,
    cursor,
    etag,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.errors import BadBody, BadQuery, Wrong
from interfaces.http.schema import says

MOST_DAYS = 400
Units = Annotated[int, Meta(ge=1, le=100_000, description="Units that can be in use at one instant.")]


class BadRange(Rule):
    """The last day lies 0 to 400 days after the first."""


class NewResource(Struct, frozen=True, forbid_unknown_fields=True):
    location_id: UUID
    name: Named
    kind: Named
    """What it is to the guests: court, table, room, chair."""
    capacity: Units = 1
    hours: WeeklyHours | None = None
    """When it can be used, on the location's wall; null: always."""


class ResourceChange(Struct, frozen=True, forbid_unknown_fields=True):
    name: Named | UnsetType = UNSET
    capacity: Units | UnsetType = UNSET
    hours: WeeklyHours | UnsetType | None = UNSET
    """null: it can be used at all times."""


class Resource(Struct, frozen=True):
    id: UUID
    version: int
    location_id: UUID
    name: str
    kind: str
    capacity: int
    hours: WeeklyHours | None
    retired: bool
    """It takes no new bookings; those it has stand."""
    position: PositionText


class Listing(Paging, frozen=True, forbid_unknown_fields=True, kw_only=True):
    location_id: UUID | None = None


class DaysOf(Reading, frozen=True, forbid_unknown_fields=True, kw_only=True):
    first: Day
    last: Day
    """Included; at most 400 days after the first."""
    by: Literal["occupied", "reserved"] = "occupied"
    """Under the resource that it occupies, or the one that it was first booked on."""


class Days(DaysOf, frozen=True, forbid_unknown_fields=True, kw_only=True):
    location_id: UUID | None = None
    resource_id: UUID | None = None


class DayInUse(Struct, frozen=True):
    """One resource on one local date. Where nothing is booked there is no row."""

    resource_id: UUID
    date: date
    bookings: int
    units: int
    """Units of all items with an instant on that date."""
    arrivals: int
    """Of these, the units of items that begin on it."""
    departures: int
    """Of these, the units of items that end on it."""
    overnight: int
    """Of these, the units still in use at the midnight that ends it."""


COURT = {
    "location_id": "0197a3f0-0000-7000-8000-000000000001",
    "name": "Court 1",
    "kind": "court",
    "capacity": 1,
    "hours": {"monday": [{"opens": 480, "closes": 1320}], "saturday": [{"opens": 540, "closes": 1200}]},
}


class Resources(Controller):
    path = "/resources"
    tags = ("resources",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewResource, gives=Written, status=201, writes=True, makes=True, etag=True, example=COURT),
    )
    def register_resource(self, request: Asked, body: RawBody) -> Reply:
        """Something that can be booked. Opening hours are minutes after local midnight; past 1440 they run into the
        next day."""
        wish = request.wish(body, NewResource)
        occasion = request.writing()
        resource_id = new_id(occasion, "resource")
        command = RegisterResource(resource_id, wish.location_id, wish.name, wish.kind, wish.capacity, wish.hours)
        return written(request.carry_out(command, occasion), location=f"/api/v1/resources/{resource_id}")

    @get(opt=says(gives=Page[Resource], query=Listing))
    async def catalogue(self, request: Asked) -> Reply:
        """What there is to book, by name."""
        asked = request.parameters(Listing)
        last = after(asked.cursor, Sorted)
        query = Catalogue(asked.location_id, last, asked.limit)
        found = await request.ask(query, request.reading(asked.min_position))
        return reply(Page([shown(it) for it in found.rows], cursor(found.next)))

    @get("/{resource_id:uuid}", opt=says(gives=Resource, query=Reading, etag=True))
    async def the_resource(self, request: Asked, resource_id: FromPath[UUID]) -> Reply:
        """One resource."""
        asked = request.parameters(Reading)
        it = await request.ask(TheResource(resource_id), request.reading(asked.min_position))
        return reply(shown(it), etag(it.version))

    @patch(
        "/{resource_id:uuid}",
        sync_to_thread=True,
        opt=says(
            takes=ResourceChange,
            some=True,
            gives=Written,
            writes=True,
            etag=True,
            codes=(412,),
            example={"capacity": 2},
        ),
    )
    def change_resource(self, request: Asked, resource_id: FromPath[UUID], body: RawBody) -> Reply:
        """Its name, its capacity, its hours: all that is named, or nothing. A capacity below what is in use is
        refused."""
        wish = request.wish(body, ResourceChange)
        changes: list[RenameResource | ChangeCapacity | ChangeHours] = []
        if wish.name is not UNSET:
            changes.append(RenameResource(resource_id, wish.name))
        if wish.capacity is not UNSET:
            changes.append(ChangeCapacity(resource_id, wish.capacity))
        if wish.hours is not UNSET:
            changes.append(ChangeHours(resource_id, wish.hours))
        if not changes:
            raise BadBody(errors=[Wrong("It names nothing to change.")])
        command: Command = changes[0] if len(changes) == 1 else ReviseResource(tuple(changes))
        return written(request.carry_out(command, request.writing(expects=request.if_match)))

    @post(
        "/{resource_id:uuid}/retirement",
        sync_to_thread=True,
        opt=says(takes=Because, gives=Written, writes=True, etag=True, codes=(412,), example={"reason": "torn down"}),
    )
    def retire_resource(self, request: Asked, resource_id: FromPath[UUID], body: RawBody) -> Reply:
        """It takes no more bookings. Those it has stand."""
        wish = request.wish(body, Because)
        return written(request.carry_out(RetireResource(resource_id), request.writing(wish.reason, request.if_match)))

    @get("/{resource_id:uuid}/occupancy", opt=says(gives=Page[DayInUse], query=DaysOf, codes=(422,)))
    async def occupancy_of_resource(self, request: Asked, resource_id: FromPath[UUID]) -> Reply:
        """Units of one resource in use on each local date."""
        asked = request.parameters(DaysOf)
        occasion = request.reading(asked.min_position)
        first, last = period(asked)
        await request.ask(TheResource(resource_id), occasion)
        query = OccupancyPerDay(first, last, resource_id=resource_id, by=asked.by)
        return reply(Page(await request.ask(query, occasion)))


class Occupancy(Controller):
    path = "/occupancy"
    tags = ("resources",)

    @get(opt=says(gives=Page[DayInUse], query=Days, codes=(422,)))
    async def occupancy(self, request: Asked) -> Reply:
        """Units in use on each local date."""
        asked = request.parameters(Days)
        first, last = period(asked)
        query = OccupancyPerDay(first, last, asked.location_id, asked.resource_id, by=asked.by)
        return reply(Page(await request.ask(query, request.reading(asked.min_position))))


def shown(it: Resource) -> Resource:
    return Resource(
        it.id, it.version, it.location_id, it.name, it.kind, it.capacity, it.hours, it.retired, str(it.position)
    )


def period(asked: DaysOf) -> tuple[date, date]:
    found = []
    for name in ("first", "last"):
        try:
            found.append(date.fromisoformat(getattr(asked, name)))
        except ValueError as error:
            raise BadQuery(errors=[Wrong(f"There is no such date: {error}", name)]) from None
    first, last = found
    if not 0 <= (last - first).days <= MOST_DAYS:
        raise BadRange
    return first, last
