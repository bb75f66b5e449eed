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
from application.offering.commands import RetireOffering, ReviseTerms
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
    ChangePool,
    CloseResource,
    DescribeResource,
    LiftCapacityOverride,
    LiftException,
    OverrideCapacity,
    ReopenResource,
    RetirePool,
    RetireResource,
    SetException,
    SetPacing,
)
from application.resource.queries import Catalogue, TheResource
from application.whatif.commands import MOST_CHANGES, Change, Supposed, WhatIf
from application.whatif.hits import Hit, Sum
from application.whatif.scene import MOST_RESOURCES, TooMuchSupposed, touched_by
from application.whatif.waiters import Loss, Offered
from domain.availability.setup import Reason
from domain.calendar import Cause
from domain.hours import Opening, WeeklyHours
from domain.offering.terms import Terms
from domain.period import instant
from domain.resource.errors import UnknownResource
from domain.resource.events import Seats
from interfaces.http.asked import Asked, Day, Instant, Reply, When, moment, reply
from interfaces.http.errors import Incoherent, Wrong
from interfaces.http.pool import Combinations, Members
from interfaces.http.resource import Feature
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


class OtherPacing(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="pacing"):
    """At most so many units start within any so many minutes; null: as many as there are."""

    resource_id: UUID
    units: Capacity | None
    minutes: Annotated[int, Meta(ge=1, le=1440)] = 15


class OtherMarks(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="describe"):
    """It can do this, and seats so many: all of it."""

    resource_id: UUID
    features: Annotated[tuple[Feature, ...], Meta(max_length=50)] = ()
    seats: Seats | None = None
    cost: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class OtherPool(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="pool"):
    """A pool has these members and combinations: all of them."""

    pool_id: UUID
    members: Members
    combinations: Combinations = ()


class NoPool(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="retire_pool"):
    """A pool is offered no more."""

    pool_id: UUID


class OtherTerms(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="terms"):
    """An offering is sold under these terms: all of them. What was booked would stand; told is what could not be
    booked so any more."""

    offering_id: UUID
    terms: Terms


class Ending(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="change", tag="retire_offering"):
    """An offering is sold no more. What was sold would stand; it is told all the same."""

    offering_id: UUID


Wish = (
    Closing
    | Reopening
    | OtherHours
    | OtherDay
    | OtherCapacity
    | Lifting
    | OtherPacing
    | OtherMarks
    | Retiring
    | OtherPool
    | NoPool
    | OtherTerms
    | Ending
)


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
    entry_id: UUID | None
    """The waitlist's entry to which it was offered."""
    starts_at: datetime
    ends_at: datetime
    reasons: Sequence[Reason]
    """Why the booking as a whole would no longer be sold."""
    items: Sequence[StrandedItem]
    price: int | None
    """What it costs from, in minor units, by the price that its offering has now; null: nobody knows."""
    currency: str | None
    alternatives: Sequence[Instead]
    """Nearest first: other resources at its own time, or another time within a week. Told for the first 100."""


class OfferedThen(Struct, frozen=True):
    """Whose turn would come."""

    entry_id: UUID
    offering_id: UUID
    customer_id: UUID | None
    party: int
    starts_at: datetime
    ends_at: datetime
    resource_ids: Sequence[UUID]


class Losing(Struct, frozen=True):
    entry_id: UUID
    offering_id: UUID
    customer_id: UUID | None
    party: int
    what: Literal["offer", "set_aside", "session", "hope"]
    """What is on offer to them, what is set aside for them, the session that they wait for; or hope: nothing in their
    window could ever come free."""
    reasons: Sequence[Reason]


class Waiting(Struct, frozen=True):
    """What would become of those who wait."""

    offered: Sequence[OfferedThen]
    losing: Sequence[Losing]


class Money(Struct, frozen=True):
    """What the bookings that would be stranded cost together, in minor units."""

    currency: str
    amount: int
    bookings: int


class WhatWouldBe(Struct, frozen=True, kw_only=True):
    as_of: datetime
    total: int
    """How many would be stranded; `data` holds the first 500 in order of time."""
    data: Sequence[StrandedBooking]
    money: Sequence[Money]
    """By currency, of the first 5000, where prices are known."""
    unpriced: int
    """Of so many bookings nobody knows the price."""
    waitlist: Waiting
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
        edit = wish.move_series
        occasion = fleeting(request.writing(None if edit is None else edit.reason))
        touched = await at_locations(request, wish.changes)
        command = WhatIf(
            changes,
            touched,
            None if wish.until is None else instant(moment(wish.until, "until")),
            wish.alternatives,
            None if edit is None else editing(edit, edit.series_id, edit.scope, edit.recurrence_id, uuid7()),
            await beside(request, changes) if wish.alternatives else (),
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


async def beside(request: Asked, changes: Sequence[Change]) -> tuple[UUID, ...]:
    """What else there is where they are that change, as far as it is known: what a booking by name may have instead.
    What nobody knows the command will refuse."""
    places: set[UUID] = set()
    for resource_id in sorted(touched_by(changes)):
        try:
            places.add((await request.ask(TheResource(resource_id), request.reading())).location_id)
        except UnknownResource:
            continue
    found: list[UUID] = []
    for place in sorted(places):
        page = await request.ask(Catalogue(place, limit=MOST_RESOURCES), request.reading())
        found += [it.id for it in page.rows if not it.retired]
    return tuple(found)


def change(it: Wish, n: int) -> Change:
    """The command that would make it so."""
    match it:
        case OtherPacing():
            return SetPacing(it.resource_id, it.units, it.minutes)
        case OtherMarks():
            return DescribeResource(it.resource_id, it.features, it.seats, it.cost)
        case OtherPool():
            return ChangePool(it.pool_id, it.members, it.combinations)
        case NoPool():
            return RetirePool(it.pool_id)
        case OtherTerms():
            return ReviseTerms(it.offering_id, it.terms)
        case Ending():
            return RetireOffering(it.offering_id)
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
        data=[of_hit(hit) for hit in it.hits],
        money=[of_sum(one) for one in it.money],
        unpriced=it.unpriced,
        waitlist=Waiting([of_turn(one) for one in it.waiters.offered], [of_loss(one) for one in it.waiters.losing]),
        series=it.series,
    )


def of_hit(hit: Hit) -> StrandedBooking:
    return StrandedBooking(
        id=hit.id, kind="session" if hit.kind == "session" else "booking", reference=hit.reference, status=hit.status,
        customer_id=hit.customer_id, offering_id=hit.offering_id, entry_id=hit.entry_id, starts_at=hit.starts_at,
        ends_at=hit.ends_at, reasons=hit.reasons, price=hit.price, currency=hit.currency,
        items=[StrandedItem(i.item, i.resource_id, i.starts_at, i.ends_at, i.reasons) for i in hit.items],
        alternatives=[
            Instead(s.starts_at, s.ends_at, [r for one in s.assignment for r in one.resource_ids])
            for s in hit.alternatives
        ],
    )  # fmt: skip


def of_sum(it: Sum) -> Money:
    return Money(it.currency, it.amount, it.bookings)


def of_turn(it: Offered) -> OfferedThen:
    return OfferedThen(
        it.entry_id, it.offering_id, it.customer_id, it.party, it.starts_at, it.ends_at, it.resource_ids
    )  # fmt: skip


def of_loss(it: Loss) -> Losing:
    return Losing(it.entry_id, it.offering_id, it.customer_id, it.party, it.what, it.reasons)
