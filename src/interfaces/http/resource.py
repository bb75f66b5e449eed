"""What can be booked, and how much of it is in use."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath, RawBody
from msgspec import UNSET, Meta, Struct, UnsetType

from application.message import Command
from application.resource.commands import (
    ChangeCapacity,
    ChangeHours,
    CloseResource,
    DescribeResource,
    LiftCapacityOverride,
    LiftException,
    OverrideCapacity,
    RegisterResource,
    RenameResource,
    ReopenResource,
    RetireResource,
    ReviseResource,
    SetBufferMode,
    SetException,
    SetPacing,
    SetSelling,
)  # fmt: skip
from application.resource.queries import CalendarOfResource, Catalogue, OccupancyPerDay, TheResource
from domain.hours import WeeklyHours
from domain.resource.events import BufferMode, Seats
from domain.resource.resource import Pacing
from interfaces.http.asked import (
    Asked,
    Because,
    Named,
    Page,
    PositionText,
    Reading,
    Reply,
    Sorted,
    When,
    Written,
    after,
    done,
    etag,
    moment,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.calendar import (
    CLOSURE,
    HOLIDAY,
    CalendarShown,
    ClosureWritten,
    Dates,
    DayHours,
    NewClosure,
    on_date,
    period,
    stretch_of,
)  # fmt: skip
from interfaces.http.errors import FORMS, BadBody, Wrong
from interfaces.http.listing import AtLocation, one_of, page_of
from interfaces.http.schema import adds, changes, says

FEATURE = "^[a-z0-9][a-z0-9_-]{0,39}$"
FORMS |= {FEATURE: "A feature is a short code of a-z, 0-9, _ and -, with 1 to 40 characters."}
Feature = Annotated[str, Meta(pattern=FEATURE)]
Units = Annotated[int, Meta(ge=1, le=100_000, description="Units that can be in use at one instant.")]


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
    features: tuple[str, ...]
    seats: Seats | None
    cost: int
    pacing: Pacing | None
    buffer_mode: BufferMode
    sold_by_itself: bool
    """Customers may book it by name; else only as part of what an offering sells."""
    position: PositionText


class DaysOf(Dates, frozen=True, forbid_unknown_fields=True, kw_only=True):
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


class Description(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it, as it is from now on."""

    features: Annotated[tuple[Feature, ...], Meta(max_length=50)] = ()
    """What it has or can do; offerings ask for it."""
    seats: Seats | None = None
    """A table's."""
    cost: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """Of several that would do, the one of the lowest cost is taken first."""


class PacingWish(Struct, frozen=True, forbid_unknown_fields=True):
    units: Units | None
    """So many may start within any so many minutes; null: as many as there are."""
    minutes: Annotated[int, Meta(ge=1, le=1440)] = 15


class BufferWish(Struct, frozen=True, forbid_unknown_fields=True):
    mode: BufferMode
    """exclusive: the gap between two bookings is the buffer after the first and that before the second; shared: the
    larger of the two, only where there is one unit."""


class SellingWish(Struct, frozen=True, forbid_unknown_fields=True):
    by_itself: bool
    """Customers may book it by name; else only as part of what an offering sells."""


class NewOverride(Struct, frozen=True, forbid_unknown_fields=True):
    starts_at: When
    ends_at: When
    capacity: Annotated[int, Meta(ge=0, le=100_000)]
    """So many units instead; 0: none."""


class OverrideWritten(Written, frozen=True, omit_defaults=True, kw_only=True):
    override_id: UUID


class OverrideShown(Struct, frozen=True):
    id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int


class ResourceCalendar(CalendarShown, frozen=True):
    overrides: tuple[OverrideShown, ...]
    """Stretches in which it has so many units instead."""


COURT = {
    "location_id": "0197a3f0-0000-7000-8000-000000000001",
    "name": "Court 1",
    "kind": "court",
    "capacity": 1,
    "hours": {"monday": [{"opens": 480, "closes": 1320}], "saturday": [{"opens": 540, "closes": 1200}]},
}


TABLE = {"features": ["window", "quiet"], "seats": {"least": 2, "most": 4}, "cost": 1}
FEWER = {"starts_at": "2027-07-01T08:00", "ends_at": "2027-07-01T12:00", "capacity": 2}


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

    @get(opt=says(gives=Page[Resource], query=AtLocation))
    async def catalogue(self, request: Asked) -> Reply:
        """What there is to book, by name."""
        asked = request.parameters(AtLocation)
        query = Catalogue(asked.location_id, after(asked.cursor, Sorted), asked.limit)
        return await page_of(request, query, asked, shown)

    @get("/{resource_id:uuid}", opt=says(gives=Resource, query=Reading, etag=True))
    async def the_resource(self, request: Asked, resource_id: FromPath[UUID]) -> Reply:
        """One resource."""
        return await one_of(request, TheResource(resource_id), shown)

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
        first, last = period(asked.first, asked.last)
        await request.ask(TheResource(resource_id), occasion)
        query = OccupancyPerDay(first, last, resource_id=resource_id, by=asked.by)
        return reply(Page(await request.ask(query, occasion)))

    @put("/{resource_id:uuid}/description", sync_to_thread=True, opt=changes(Description, TABLE))
    def describe_resource(self, request: Asked, resource_id: FromPath[UUID], body: RawBody) -> Reply:
        """What it has and can do, whom it seats, and what it costs to use it."""
        wish = request.wish(body, Description)
        return done(request, DescribeResource(resource_id, wish.features, wish.seats, wish.cost))

    @put("/{resource_id:uuid}/pacing", sync_to_thread=True, opt=changes(PacingWish, {"units": 12, "minutes": 15}))
    def set_pacing(self, request: Asked, resource_id: FromPath[UUID], body: RawBody) -> Reply:
        """How many units may start within any so many minutes."""
        wish = request.wish(body, PacingWish)
        return done(request, SetPacing(resource_id, wish.units, wish.minutes))

    @put("/{resource_id:uuid}/buffer-mode", sync_to_thread=True, opt=changes(BufferWish, {"mode": "shared"}))
    def set_buffer_mode(self, request: Asked, resource_id: FromPath[UUID], body: RawBody) -> Reply:
        """Whether the buffers of neighbouring bookings may lie over each other."""
        return done(request, SetBufferMode(resource_id, request.wish(body, BufferWish).mode))

    @put("/{resource_id:uuid}/selling", sync_to_thread=True, opt=changes(SellingWish, {"by_itself": False}))
    def set_selling(self, request: Asked, resource_id: FromPath[UUID], body: RawBody) -> Reply:
        """Whether customers may book it by itself, or only as part of what an offering sells. What is booked stands."""
        return done(request, SetSelling(resource_id, request.wish(body, SellingWish).by_itself))

    @put("/{resource_id:uuid}/exceptions/{on:str}", sync_to_thread=True, opt=changes(DayHours, HOLIDAY))
    def set_exception(self, request: Asked, resource_id: FromPath[UUID], on: FromPath[str], body: RawBody) -> Reply:
        """Other hours on one local date. Bookings that it has then stand."""
        wish = request.wish(body, DayHours)
        return done(request, SetException(resource_id, on_date(on), wish.openings))

    @delete("/{resource_id:uuid}/exceptions/{on:str}", status_code=200, sync_to_thread=True, opt=changes())
    def lift_exception(self, request: Asked, resource_id: FromPath[UUID], on: FromPath[str], body: RawBody) -> Reply:
        """The weekly hours hold again on this date."""
        request.no_body(body)
        return done(request, LiftException(resource_id, on_date(on)))

    @post("/{resource_id:uuid}/closures", sync_to_thread=True, opt=adds(NewClosure, ClosureWritten, CLOSURE))
    def close_resource(self, request: Asked, resource_id: FromPath[UUID], body: RawBody) -> Reply:
        """Close it for a while: a closure, maintenance, or the absence of a member of staff. Bookings that it has then
        stand."""
        wish = request.wish(body, NewClosure)
        occasion = request.writing(expects=request.if_match)
        closure = new_id(occasion, "closure")
        answer = request.carry_out(CloseResource(resource_id, closure, *stretch_of(wish), wish.cause), occasion)
        return written(answer, location=f"/api/v1/resources/{resource_id}/closures/{closure}")

    @delete("/{resource_id:uuid}/closures/{closure_id:uuid}", status_code=200, sync_to_thread=True, opt=changes())
    def reopen_resource(
        self, request: Asked, resource_id: FromPath[UUID], closure_id: FromPath[UUID], body: RawBody
    ) -> Reply:
        """Call a closure off, or end it early."""
        request.no_body(body)
        return done(request, ReopenResource(resource_id, closure_id))

    @post(
        "/{resource_id:uuid}/capacity-overrides",
        sync_to_thread=True,
        opt=adds(NewOverride, OverrideWritten, FEWER),
    )
    def override_capacity(self, request: Asked, resource_id: FromPath[UUID], body: RawBody) -> Reply:
        """More or fewer units, for a while. Overrides of one resource do not overlap."""
        wish = request.wish(body, NewOverride)
        occasion = request.writing(expects=request.if_match)
        override = new_id(occasion, "override")
        starts_at, ends_at = moment(wish.starts_at, "starts_at"), moment(wish.ends_at, "ends_at")
        command = OverrideCapacity(resource_id, override, starts_at, ends_at, wish.capacity)
        answer = request.carry_out(command, occasion)
        return written(answer, location=f"/api/v1/resources/{resource_id}/capacity-overrides/{override}")

    @delete(
        "/{resource_id:uuid}/capacity-overrides/{override_id:uuid}",
        status_code=200,
        sync_to_thread=True,
        opt=changes(),
    )
    def lift_capacity_override(
        self, request: Asked, resource_id: FromPath[UUID], override_id: FromPath[UUID], body: RawBody
    ) -> Reply:
        """It has as many units as ever again."""
        request.no_body(body)
        return done(request, LiftCapacityOverride(resource_id, override_id))

    @get("/{resource_id:uuid}/calendar", opt=says(gives=ResourceCalendar, query=Dates, etag=True, codes=(422,)))
    async def calendar_of_resource(self, request: Asked, resource_id: FromPath[UUID]) -> Reply:
        """What differs from its weekly hours and its capacity on these local dates."""
        asked = request.parameters(Dates)
        first, last = period(asked.first, asked.last)
        it = await request.ask(CalendarOfResource(resource_id, first, last), request.reading(asked.min_position))
        return reply(it, etag(it.version))


class Occupancy(Controller):
    path = "/occupancy"
    tags = ("resources",)

    @get(opt=says(gives=Page[DayInUse], query=Days, codes=(422,)))
    async def occupancy(self, request: Asked) -> Reply:
        """Units in use on each local date."""
        asked = request.parameters(Days)
        first, last = period(asked.first, asked.last)
        query = OccupancyPerDay(first, last, asked.location_id, asked.resource_id, by=asked.by)
        return reply(Page(await request.ask(query, request.reading(asked.min_position))))


def shown(it: Any) -> Resource:
    return Resource(
        it.id, it.version, it.location_id, it.name, it.kind, it.capacity, it.hours, it.retired, it.features, it.seats,
        it.cost, it.pacing, it.buffer_mode, it.sold_by_itself, str(it.position),
    )  # fmt: skip
