"""What a change would strand: the real handlers decide it, on a unit of work that forgets it, and what stands is held
against what would be. A command by its way in, since it reads streams and claims as the writes do; it records nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from application.booking import placing
from application.booking.series import PreviewSeries, preview_series
from application.booking.series_edits import EditSeries
from application.message import Command
from application.organization import commands as organization
from application.resource import commands as resource
from application.unit_of_work import Handler, UnitOfWork
from domain.availability.choice import TRAILING
from domain.availability.setup import Setup, Slot
from domain.availability.whatif import DAYS_AROUND, MINUTE, Stranded, alternatives, stranded
from domain.booking.booking import Booking
from domain.errors import Malformed
from domain.offering.offering import Offering
from domain.offering.terms import Need, Terms
from domain.organization.location import Location
from domain.period import Period
from domain.resource.resource import Resource

Change = (
    resource.CloseResource
    | resource.ReopenResource
    | resource.ChangeHours
    | resource.SetException
    | resource.LiftException
    | resource.ChangeCapacity
    | resource.OverrideCapacity
    | resource.LiftCapacityOverride
    | resource.RetireResource
    | organization.CloseLocation
    | organization.ReopenLocation
    | organization.ChangeLocationHours
    | organization.SetLocationException
    | organization.LiftLocationException
)
FAR = timedelta(days=400)
MOST_CHANGES = 100
MOST_RESOURCES = 500
MOST_HITS = 500
MOST_HELPED = 100
"""Bookings for which something else is looked for: the first ones."""
NO_TERMS = Terms(needs=())


class TooMuchSupposed(Malformed):
    """A what-if has at most 100 changes, over at most 500 resources."""


class WhatIf(Command, frozen=True):
    """If these changes were made: who would be stranded until then, and what else is there for them?"""

    changes: tuple[Change, ...] = ()
    resource_ids: tuple[UUID, ...] = ()
    """What else may be touched: all that is at a location which changes."""
    until: datetime | None = None
    """Bookings that begin before this instant; None: within 400 days."""
    most: int = 3
    """Alternatives for each."""
    series: EditSeries | None = None
    """Then this is looked at, as a preview of it would be."""


class Hit(Struct, frozen=True, kw_only=True):
    """A booking that would be stranded, or a session that would lose what it occupies."""

    id: UUID
    kind: str
    """booking or session."""
    reference: str | None = None
    status: str | None = None
    customer_id: UUID | None = None
    offering_id: UUID | None = None
    starts_at: datetime
    ends_at: datetime
    items: tuple[Stranded, ...]
    alternatives: tuple[Slot, ...] = ()


class Supposed(Struct, frozen=True):
    """What would become of it."""

    as_of: datetime
    total: int
    """How many would be stranded; told are the first of them."""
    hits: tuple[Hit, ...]
    series: dict[str, Any] | None = None
    """Of a series that would be moved: its plan."""


def what_if(command: WhatIf, work: UnitOfWork) -> None:
    touched = {it for it in map(resource_of, command.changes) if it is not None} | set(command.resource_ids)
    if len(command.changes) > MOST_CHANGES or len(touched) > MOST_RESOURCES:
        raise TooMuchSupposed
    work.fetch(*touched)
    before = setups(work, touched)
    for change in command.changes:
        CARRIED_OUT[type(change)](change, work)
    work.forget()
    after = setups(work, touched)
    horizon = work.now + FAR
    until = horizon if command.until is None else min(command.until, horizon)
    uses = work.occupancy(sorted(touched), work.now, max(until, work.now)) if touched else []
    found = [
        it for place in after for it in stranded(before[place], after[place], uses, work.now) if it.starts_at < until
    ]
    hits = told(work, found, command.most)
    work.forget()
    plan = None
    if command.series is not None:
        preview_series(PreviewSeries(command.series), work)
        plan = dict(work.result)
        work.forget()
    work.result["supposed"] = Supposed(work.now, len({it.booking_id for it in found}), hits, plan)


def resource_of(change: Change) -> UUID | None:
    return getattr(change, "resource_id", None)


def setups(work: UnitOfWork, resource_ids: set[UUID]) -> dict[UUID, Setup]:
    """The configuration of each location, as it stands or as it would be."""
    resources = [work.read(Resource, it) for it in sorted(resource_ids)]
    places = {it.location_id for it in resources}
    work.fetch(*places)
    return {
        place: Setup(work.read(Location, place), NO_TERMS, {it.id: it for it in resources if it.location_id == place})
        for place in sorted(places)
    }


def told(work: UnitOfWork, found: Sequence[Stranded], most: int) -> tuple[Hit, ...]:
    """The bookings that these items belong to, in order of time, each with what else there is for it."""
    items: dict[UUID, list[Stranded]] = {}
    for one in sorted(found, key=lambda it: (it.starts_at, it.booking_id, it.item)):
        items.setdefault(one.booking_id, []).append(one)
    listed = dict(list(items.items())[:MOST_HITS])
    work.fetch(*(key for key, those in listed.items() if those[0].kind == "booking"))
    bookings = {key: work.read(Booking, key) for key, those in listed.items() if those[0].kind == "booking"}
    others = instead(work, dict(list(bookings.items())[:MOST_HELPED]), most) if most else {}
    return tuple(hit(key, those, bookings.get(key), others.get(key, ())) for key, those in listed.items())


def hit(key: UUID, items: Sequence[Stranded], booking: Booking | None, others: Sequence[Slot]) -> Hit:
    if booking is None:
        starts_at, ends_at = min(it.starts_at for it in items), max(it.ends_at for it in items)
        return Hit(id=key, kind=items[0].kind, starts_at=starts_at, ends_at=ends_at, items=tuple(items))
    return Hit(
        id=key, kind="booking", reference=booking.reference, status=booking.status, customer_id=booking.customer_id,
        offering_id=booking.offering_id, starts_at=booking.period.starts_at, ends_at=booking.period.ends_at,
        items=tuple(items), alternatives=tuple(others),
    )  # fmt: skip


def instead(work: UnitOfWork, bookings: Mapping[UUID, Booking], most: int) -> dict[UUID, Sequence[Slot]]:
    """What else there is for each, by the function that shows the slots, in the configuration as it would be. All other
    bookings are thought to stay where they are."""
    alike: dict[Any, list[Booking]] = {}
    for booking in bookings.values():
        alike.setdefault(booking.offering_id or booking.id, []).append(booking)
    found: dict[UUID, Sequence[Slot]] = {}
    for those in alike.values():
        setup = sold_as(work, those[0])
        if setup is None:
            continue
        around = timedelta(days=DAYS_AROUND + 2)
        since = min(it.period.starts_at for it in those) - around - timedelta(days=TRAILING)
        until = max(it.period.ends_at for it in those) + around
        uses = work.occupancy(sorted(setup.resources), since, until)
        for it in those:
            found[it.id] = alternatives(setup, uses, it.id, it.period, it.party_size or 1, work.now, most)
    return found


def sold_as(work: UnitOfWork, booking: Booking) -> Setup | None:
    """Under which terms something else could be found: those of its offering as they are now; of one resource by its
    name, that resource; None where nobody can say."""
    if booking.offering_id is not None:
        offering = work.read(Offering, booking.offering_id)
        if offering.retired or offering.terms.sessions_only:
            return None
        _, setup = placing.setup_of(work, booking.offering_id)
        return setup
    if len(booking.items) != 1 or booking.period.duration < MINUTE:
        return None
    (item,) = booking.items
    what = work.read(Resource, item.resource_id)
    minutes = Period(item.starts_at, item.ends_at).duration // MINUTE
    terms = Terms(
        needs=(Need(what.kind, any_of=(what.id,), units=item.units),), durations=(minutes,), before=item.before,
        after=item.after,
    )  # fmt: skip
    return Setup(work.read(Location, what.location_id), terms, {what.id: what})


CARRIED_OUT: Mapping[type[Command], Handler] = {**resource.HANDLERS, **organization.HANDLERS}
HANDLERS: dict[type[Command], Handler] = {WhatIf: what_if}
