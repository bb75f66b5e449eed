"""What if: which bookings a change would strand. Nothing is recorded."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, post
from litestar.concurrency import sync_to_thread
from litestar.params import RawBody
from msgspec import Meta, Struct
from uuid_utils.compat import uuid7

from application.message import Occasion
from application.organization.commands import (
    ChangeLocationHours,
    CloseLocation,
    LiftLocationException,
    ReopenLocation,
    SetLocationException,
)
from application.resource.commands import (
    ChangeCapacity,
    ChangeHours,
    CloseResource,
    LiftCapacityOverride,
    LiftException,
    OverrideCapacity,
    ReopenResource,
    RetireResource,
    SetException,
)
from application.resource.queries import Catalogue
from application.whatif.commands import MOST_CHANGES, MOST_RESOURCES, Change, Supposed, TooMuchSupposed, WhatIf
from domain.availability.setup import Reason
from domain.calendar import Cause
from domain.hours import Opening, WeeklyHours
from domain.period import instant
from interfaces.http.asked import Asked, Day, Instant, Reply, When, moment, reply
from interfaces.http.errors import Incoherent, Wrong
from interfaces.http.schema import says
from interfaces.http.series import EditToSee, editing, fleeting

Capacity = Annotated[int, Meta(ge=0, le=100_000)]
Openings = Annotated[tuple[Opening, ...], Meta(max_length=100)]


# What may be supposed


class Place(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One resource, or a whole location."""

    resource_id: UUID | None = None
    location_id: UUID | None = None


class Closing(Place, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="close"):
    """It is closed for a while."""

    starts_at: When
    ends_at: When
    cause: Cause = "closure"


class Reopening(Place, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="reopen"):
    """A closure is called off."""

    closure_id: UUID


class OtherHours(Place, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="hours"):
    """It has other weekly hours; null: always open."""

    hours: WeeklyHours | None


class OtherDay(Place, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="date"):
    """On this local date these openings hold; none: closed; null: the weekly hours again."""

    on: Day
    openings: Openings | None = ()


class OtherCapacity(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="capacity"):
    """A resource has so many units; with both times, only for that while."""

    resource_id: UUID
    capacity: Capacity
    starts_at: When | None = None
    ends_at: When | None = None


class Lifting(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="lift_capacity"):
    """It has as many units as ever again."""

    resource_id: UUID
    override_id: UUID


class Retiring(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="retire"):
    """It takes no more bookings. Those it has would stand; they are told all the same."""

    resource_id: UUID


Wish = Closing | Reopening | OtherHours | OtherDay | OtherCapacity | Lifting | Retiring


class Supposing(Struct, frozen=True, forbid_unknown_fields=True):
    changes: Annotated[tuple[Wish, ...], Meta(max_length=MOST_CHANGES)] = ()
    """All of them together."""
    move_series: EditToSee | None = None
    """A series that would be moved, in a calendar that is changed so."""
    until: Instant | None = None
    """Bookings that begin before then; null: within 400 days."""
    alternatives: Annotated[int, Meta(ge=0, le=10)] = 3
    """How many for each booking."""


# What is answered


class StrandedItem(Struct, frozen=True):
    item: int
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    reasons: Sequence[Reason]
    """Why it would no longer be offered where it is, by codes that stay, in a fixed order."""


class Instead(Struct, frozen=True):
    """Something that would be free."""

    starts_at: datetime
    ends_at: datetime
    resource_ids: Sequence[UUID]


class StrandedBooking(Struct, frozen=True, kw_only=True):
    id: UUID
    kind: Literal["booking", "session"]
    reference: str | None
    status: str | None
    customer_id: UUID | None
    offering_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    items: Sequence[StrandedItem]
    alternatives: Sequence[Instead]
    """Nearest first: other resources at its own time, or another time within a week. Told for the first 100."""


class WhatWouldBe(Struct, frozen=True, kw_only=True):
    as_of: datetime
    total: int
    """How many would be stranded; `data` holds the first 500 in order of time."""
    data: Sequence[StrandedBooking]
    series: dict[str, Any] | None
    """Of a series that would be moved: each occurrence with its verdict."""


EXAMPLE = {
    "changes": [
        {
            "change": "close",
            "resource_id": "0197a3f0-0000-7000-8000-000000000001",
            "starts_at": "2027-07-01T08:00",
            "ends_at": "2027-07-03T18:00",
            "cause": "maintenance",
        }
    ]
}


class Suppositions(Controller):
    path = "/what-if"
    tags = ("resources",)

    @post(status_code=200, opt=says(takes=Supposing, gives=WhatWouldBe, some=True, codes=(422,), example=EXAMPLE))
    async def what_if(self, request: Asked, body: RawBody) -> Reply:
        """Which bookings these changes would strand, and what else there is for them. Nothing is recorded. Whoever lies
        in a stretch that would be over-full is told, whoever came first; what was out of place before is not."""
        wish = request.wish(body, Supposing)
        if not wish.changes and wish.move_series is None:
            raise Incoherent(errors=[Wrong("It names nothing to suppose.")])
        changes = tuple(change(it, n) for n, it in enumerate(wish.changes))
        occasion = fleeting(request.writing())
        touched = await at_locations(request, wish.changes)
        edit = wish.move_series
        command = WhatIf(
            changes,
            touched,
            None if wish.until is None else instant(moment(wish.until, "until")),
            wish.alternatives,
            None if edit is None else editing(edit, edit.series_id, edit.scope, edit.recurrence_id, uuid7()),
        )
        return reply(shown(await sync_to_thread(supposed, request, command, occasion)))


def supposed(request: Asked, command: WhatIf, occasion: Occasion) -> Supposed:
    found: Supposed = request.carry_out(command, occasion).result["supposed"]
    return found


async def at_locations(request: Asked, wishes: Sequence[Wish]) -> tuple[UUID, ...]:
    """Everything that is at the locations which would change."""
    found: list[UUID] = []
    for location_id in {it.location_id for it in wishes if isinstance(it, Place) and it.location_id is not None}:
        page = await request.ask(Catalogue(location_id, limit=MOST_RESOURCES), request.reading())
        if page.next is not None:
            raise TooMuchSupposed
        found += [it.id for it in page.rows if not it.retired]
    return tuple(found)


def change(it: Wish, n: int) -> Change:
    """The command that would make it so."""
    match it:
        case OtherCapacity(starts_at=None, ends_at=None):
            return ChangeCapacity(it.resource_id, it.capacity)
        case OtherCapacity():
            starts_at, ends_at = stretch(it.starts_at, it.ends_at, n)
            return OverrideCapacity(it.resource_id, uuid7(), starts_at, ends_at, it.capacity)
        case Lifting():
            return LiftCapacityOverride(it.resource_id, it.override_id)
        case Retiring():
            return RetireResource(it.resource_id)
    if it.resource_id is not None and it.location_id is None:
        return of_resource(it, it.resource_id, n)
    if it.location_id is not None and it.resource_id is None:
        return of_location(it, it.location_id, n)
    raise Incoherent(errors=[Wrong("It is about a resource or about a location.", f"changes[{n}]")])


def of_resource(it: Closing | Reopening | OtherHours | OtherDay, resource_id: UUID, n: int) -> Change:
    match it:
        case Closing():
            return CloseResource(resource_id, uuid7(), *stretch(it.starts_at, it.ends_at, n), it.cause)
        case Reopening():
            return ReopenResource(resource_id, it.closure_id)
        case OtherHours():
            return ChangeHours(resource_id, it.hours)
        case OtherDay(openings=None):
            return LiftException(resource_id, date.fromisoformat(it.on))
        case OtherDay():
            return SetException(resource_id, date.fromisoformat(it.on), it.openings or ())


def of_location(it: Closing | Reopening | OtherHours | OtherDay, location_id: UUID, n: int) -> Change:
    match it:
        case Closing():
            return CloseLocation(location_id, uuid7(), *stretch(it.starts_at, it.ends_at, n), it.cause)
        case Reopening():
            return ReopenLocation(location_id, it.closure_id)
        case OtherHours():
            return ChangeLocationHours(location_id, it.hours)
        case OtherDay(openings=None):
            return LiftLocationException(location_id, date.fromisoformat(it.on))
        case OtherDay():
            return SetLocationException(location_id, date.fromisoformat(it.on), it.openings or ())


def stretch(starts_at: str | None, ends_at: str | None, n: int) -> tuple[datetime, datetime]:
    if starts_at is None or ends_at is None:
        raise Incoherent(errors=[Wrong("A while has a start and an end.", f"changes[{n}]")])
    return moment(starts_at, f"changes[{n}].starts_at"), moment(ends_at, f"changes[{n}].ends_at")


def shown(it: Supposed) -> WhatWouldBe:
    return WhatWouldBe(
        as_of=it.as_of,
        total=it.total,
        data=[
            StrandedBooking(
                id=hit.id, kind="session" if hit.kind == "session" else "booking", reference=hit.reference,
                status=hit.status, customer_id=hit.customer_id, offering_id=hit.offering_id, starts_at=hit.starts_at,
                ends_at=hit.ends_at,
                items=[StrandedItem(i.item, i.resource_id, i.starts_at, i.ends_at, i.reasons) for i in hit.items],
                alternatives=[
                    Instead(s.starts_at, s.ends_at, [r for one in s.assignment for r in one.resource_ids])
                    for s in hit.alternatives
                ],
            )
            for hit in it.hits
        ],
        series=it.series,
    )  # fmt: skip
