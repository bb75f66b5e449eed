"""Organizations and their locations."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath, RawBody
from msgspec import UNSET, Meta, Struct, UnsetType, convert, to_builtins

from application.message import Command
from application.organization.commands import (
    ChangeLocationHours,
    CloseLocation,
    FoundOrganization,
    LiftLocationException,
    OpenLocation,
    RenameLocation,
    RenameOrganization,
    ReopenLocation,
    ReviseLocation,
    ReviseOrganization,
    SetLocationException,
    SetPolicy,
)  # fmt: skip
from application.organization.queries import CalendarOfLocation, Locations, TheLocation, TheOrganization
from domain.hours import WeeklyHours
from interfaces.http.asked import (
    Asked,
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
    done,
    etag,
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
from interfaces.http.errors import BadBody, Wrong
from interfaces.http.schema import adds, changes, says


class Policy(Struct, frozen=True):
    """How bookings are handled, in minutes."""

    hold_minutes: int
    check_in_early_minutes: int
    no_show_grace_minutes: int
    max_hold_minutes: int
    max_extensions: int
    payment_grace_minutes: int
    holds_per_customer: int
    complete_without_check_in: bool
    complete_at_end: bool
    no_show_at_grace: bool


class PolicyChange(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is not named stays as it is."""

    hold_minutes: Annotated[int, Meta(ge=1, le=30)] | UnsetType = UNSET
    """How long a hold lives."""
    check_in_early_minutes: Annotated[int, Meta(ge=0, le=1440)] | UnsetType = UNSET
    """How long before its start a booking can be checked in."""
    no_show_grace_minutes: Annotated[int, Meta(ge=0, le=1440)] | UnsetType = UNSET
    """How long after its start a booking can be marked as not shown."""
    max_hold_minutes: Annotated[int, Meta(ge=1, le=1440)] | UnsetType = UNSET
    """How long after its placing the last moment of a hold may lie, whatever extends it."""
    max_extensions: Annotated[int, Meta(ge=0, le=20)] | UnsetType = UNSET
    """How often a hold may be extended."""
    payment_grace_minutes: Annotated[int, Meta(ge=0, le=60)] | UnsetType = UNSET
    """How long who has started to pay may take, at least."""
    holds_per_customer: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    """How many holds a customer may have at a time."""
    complete_without_check_in: bool | UnsetType = UNSET
    """Whether a booking may be completed although nobody said that they came."""
    complete_at_end: bool | UnsetType = UNSET
    """Whether who was checked in has left at the end, by itself."""
    no_show_at_grace: bool | UnsetType = UNSET
    """Whether who has not come by the end of the grace is marked as not shown, by itself."""


class NewOrganization(Struct, frozen=True, forbid_unknown_fields=True):
    name: Named


class OrganizationChange(Struct, frozen=True, forbid_unknown_fields=True):
    name: Named | UnsetType = UNSET
    policy: PolicyChange | UnsetType = UNSET


class Organization(Struct, frozen=True):
    id: UUID
    version: int
    name: str
    policy: Policy
    position: PositionText


class NewLocation(Struct, frozen=True, forbid_unknown_fields=True):
    name: Named
    zone: Annotated[str, Meta(min_length=1, max_length=64, description="IANA name, for example Europe/Lisbon.")]


class LocationChange(Struct, frozen=True, forbid_unknown_fields=True):
    name: Named | UnsetType = UNSET
    hours: WeeklyHours | UnsetType | None = UNSET
    """When the venue is open at all, on its wall; null: whenever what is in it can be used."""


class Location(Struct, frozen=True):
    id: UUID
    version: int
    name: str
    zone: str
    hours: WeeklyHours | None
    """When the venue is open at all; null: whenever what is in it can be used."""
    position: PositionText


class Organizations(Controller):
    path = "/organizations"
    tags = ("organizations",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewOrganization, gives=Written, status=201, writes=True, makes=True,
                 example={"name": "Harbour Sports & Spa"}),
    )  # fmt: skip
    def found_organization(self, request: Asked, body: RawBody) -> Reply:
        """Found an organization. For whoever runs this Daybook; the answer's `id` is the new tenant."""
        wish = request.wish(body, NewOrganization)
        occasion = request.writing(founding=True)
        answer = request.carry_out(FoundOrganization(wish.name), occasion)
        return written(answer, location="/api/v1/organizations/current")

    @get("/current", opt=says(gives=Organization, query=Reading, etag=True))
    async def the_organization(self, request: Asked) -> Reply:
        """The organization you speak for."""
        asked = request.parameters(Reading)
        it = await request.ask(TheOrganization(), request.reading(asked.min_position))
        policy = convert(it.policy, Policy, from_attributes=True)
        return reply(Organization(it.id, it.version, it.name, policy, str(it.position)), etag(it.version))

    @patch(
        "/current",
        sync_to_thread=True,
        opt=says(takes=OrganizationChange,
            some=True, gives=Written, writes=True, etag=True, codes=(412,),
                 example={"policy": {"hold_minutes": 15, "check_in_early_minutes": 60, "no_show_grace_minutes": 20}}),
    )  # fmt: skip
    def change_organization(self, request: Asked, body: RawBody) -> Reply:
        """Rename it, or set its policy: all that is named, or nothing."""
        wish = request.wish(body, OrganizationChange)
        changes: list[RenameOrganization | SetPolicy] = []
        if wish.name is not UNSET:
            changes.append(RenameOrganization(wish.name))
        if (policy := wish.policy) is not UNSET:
            changes.append(convert(to_builtins(policy), SetPolicy))
        if not changes:
            raise BadBody(errors=[Wrong("It names nothing to change.")])
        command: Command = changes[0] if len(changes) == 1 else ReviseOrganization(tuple(changes))
        return written(request.carry_out(command, request.writing(expects=request.if_match)))


class LocationsOfOrganization(Controller):
    path = "/locations"
    tags = ("locations",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewLocation, gives=Written, status=201, writes=True, makes=True, etag=True,
                 example={"name": "Harbour Courts", "zone": "Europe/Lisbon"}),
    )  # fmt: skip
    def open_location(self, request: Asked, body: RawBody) -> Reply:
        """Open a location. Its time zone is chosen once."""
        wish = request.wish(body, NewLocation)
        occasion = request.writing()
        location_id = new_id(occasion, "location")
        answer = request.carry_out(OpenLocation(location_id, wish.name, wish.zone), occasion)
        return written(answer, location=f"/api/v1/locations/{location_id}")

    @get(opt=says(gives=Page[Location], query=Paging))
    async def locations(self, request: Asked) -> Reply:
        """Locations by name."""
        asked = request.parameters(Paging)
        last = after(asked.cursor, Sorted)
        found = await request.ask(Locations(last, asked.limit), request.reading(asked.min_position))
        rows = [Location(it.id, it.version, it.name, it.zone, it.hours, str(it.position)) for it in found.rows]
        return reply(Page(rows, cursor(found.next)))

    @get("/{location_id:uuid}", opt=says(gives=Location, query=Reading, etag=True))
    async def the_location(self, request: Asked, location_id: FromPath[UUID]) -> Reply:
        """One location."""
        asked = request.parameters(Reading)
        it = await request.ask(TheLocation(location_id), request.reading(asked.min_position))
        return reply(Location(it.id, it.version, it.name, it.zone, it.hours, str(it.position)), etag(it.version))

    @patch(
        "/{location_id:uuid}",
        sync_to_thread=True,
        opt=says(takes=LocationChange, some=True, gives=Written, writes=True, etag=True, codes=(412,),
                 example={"name": "Harbour Courts North", "hours": {"monday": [{"opens": 480, "closes": 1320}]}}),
    )  # fmt: skip
    def change_location(self, request: Asked, location_id: FromPath[UUID], body: RawBody) -> Reply:
        """Its name, its hours: all that is named, or nothing."""
        wish = request.wish(body, LocationChange)
        wanted: list[RenameLocation | ChangeLocationHours] = []
        if wish.name is not UNSET:
            wanted.append(RenameLocation(location_id, wish.name))
        if wish.hours is not UNSET:
            wanted.append(ChangeLocationHours(location_id, wish.hours))
        if not wanted:
            raise BadBody(errors=[Wrong("It names nothing to change.")])
        return done(request, wanted[0] if len(wanted) == 1 else ReviseLocation(tuple(wanted)))

    @put("/{location_id:uuid}/exceptions/{on:str}", sync_to_thread=True, opt=changes(DayHours, HOLIDAY))
    def set_location_exception(
        self, request: Asked, location_id: FromPath[UUID], on: FromPath[str], body: RawBody
    ) -> Reply:
        """Other hours of the whole venue on one local date: a holiday, a longer evening. Bookings that it has then
        stand."""
        wish = request.wish(body, DayHours)
        return done(request, SetLocationException(location_id, on_date(on), wish.openings))

    @delete("/{location_id:uuid}/exceptions/{on:str}", status_code=200, sync_to_thread=True, opt=changes())
    def lift_location_exception(
        self, request: Asked, location_id: FromPath[UUID], on: FromPath[str], body: RawBody
    ) -> Reply:
        """The weekly hours hold again on this date."""
        request.no_body(body)
        return done(request, LiftLocationException(location_id, on_date(on)))

    @post("/{location_id:uuid}/closures", sync_to_thread=True, opt=adds(NewClosure, ClosureWritten, CLOSURE))
    def close_location(self, request: Asked, location_id: FromPath[UUID], body: RawBody) -> Reply:
        """Close the whole venue for a while. Bookings that it has then stand."""
        wish = request.wish(body, NewClosure)
        occasion = request.writing(expects=request.if_match)
        closure = new_id(occasion, "closure")
        answer = request.carry_out(CloseLocation(location_id, closure, *stretch_of(wish), wish.cause), occasion)
        return written(answer, location=f"/api/v1/locations/{location_id}/closures/{closure}")

    @delete("/{location_id:uuid}/closures/{closure_id:uuid}", status_code=200, sync_to_thread=True, opt=changes())
    def reopen_location(
        self, request: Asked, location_id: FromPath[UUID], closure_id: FromPath[UUID], body: RawBody
    ) -> Reply:
        """Call a closure off, or end it early."""
        request.no_body(body)
        return done(request, ReopenLocation(location_id, closure_id))

    @get("/{location_id:uuid}/calendar", opt=says(gives=CalendarShown, query=Dates, etag=True, codes=(422,)))
    async def calendar_of_location(self, request: Asked, location_id: FromPath[UUID]) -> Reply:
        """The venue's weekly hours, and what differs from them on these local dates."""
        asked = request.parameters(Dates)
        first, last = period(asked.first, asked.last)
        it = await request.ask(CalendarOfLocation(location_id, first, last), request.reading(asked.min_position))
        return reply(CalendarShown(it.hours, it.exceptions, it.closures, it.version), etag(it.version))
