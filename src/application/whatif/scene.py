"""What a supposed change may touch, as it stands and as it would be."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from application.availability.setups import setup_for
from application.message import Command
from application.offering.commands import RetireOffering, ReviseTerms
from application.resource.commands import ChangePool, DescribeResource, RetirePool
from application.unit_of_work import UnitOfWork
from domain.availability.sale import Sale
from domain.availability.setup import Setup, Use
from domain.availability.whatif import lives
from domain.booking.booking import Booking
from domain.errors import Malformed
from domain.offering.offering import Offering
from domain.offering.terms import Terms
from domain.organization.location import Location
from domain.resource.pool import Pool
from domain.resource.resource import Resource
from domain.waitlist.waitlist import Waitlist, waitlist_of

MOST_RESOURCES = 500
MOST_LOOKED_AT = 10_000
"""Bookings that are held against other terms, other pools, other tables."""
NO_TERMS = Terms(needs=())


class TooMuchSupposed(Malformed):
    """A what-if has at most 100 changes, over at most 500 resources with 10,000 bookings: name fewer, or an earlier
    `until`."""


class Scene(Struct, frozen=True):
    """The configuration at one moment."""

    places: dict[UUID, Setup]
    """Of each location, with the resources that a change touches."""
    sales: dict[UUID, Sale]
    """Of each offering that a change, a booking or somebody who waits names."""


class Seen(Struct, frozen=True):
    """What stands, whatever is changed."""

    uses: Sequence[Use]
    bookings: dict[UUID, Booking]
    """Those that may have been sold as what would be sold otherwise."""
    waitlists: dict[UUID, Waitlist]
    """Of each location at which somebody waits."""


def touched_by(changes: Iterable[Command]) -> set[UUID]:
    """The resources that they name."""
    return {it for it in (getattr(one, "resource_id", None) for one in changes) if it is not None}


def observed(work: UnitOfWork, changes: Sequence[Command], touched: set[UUID], until: datetime) -> Seen:
    """The claims, and the bookings and waitlists that may be concerned; read before anything is changed."""
    work.fetch(*touched)
    sold = {it for change in changes for it in sold_by(work, change)}
    looked_at = sorted(touched | sold)
    if len(looked_at) > MOST_RESOURCES:
        raise TooMuchSupposed
    uses = work.occupancy(looked_at, work.now, until) if looked_at else []
    ids = {it.booking_id for it in uses if it.resource_id in sold and it.kind == "booking" and lives(it, work.now)}
    if len(ids) > MOST_LOOKED_AT:
        raise TooMuchSupposed
    work.fetch(*sorted(ids))
    bookings = {it: work.read(Booking, it) for it in sorted(ids)}
    places = {work.read(Resource, it).location_id for it in looked_at}
    work.fetch(*(waitlist_of(it) for it in places))
    waitlists = {it: work.read_if_any(Waitlist, waitlist_of(it)) for it in sorted(places)}
    return Seen(uses, bookings, {place: it for place, it in waitlists.items() if it.entries})


def sold_by(work: UnitOfWork, change: Command) -> set[UUID]:
    """On what those would be who were sold what is to be sold otherwise."""
    match change:
        case ReviseTerms() | RetireOffering():
            return set(sale_of(work, change.offering_id).setup.resources)
        case ChangePool() | RetirePool():
            return set(work.read(Pool, change.pool_id).members)
        case DescribeResource():
            return {change.resource_id}
    return set()


def offerings_of(changes: Iterable[Command], seen: Seen) -> set[UUID]:
    """Those whose terms are looked at."""
    named = {getattr(one, "offering_id", None) for one in changes}
    booked = {it.offering_id for it in seen.bookings.values()}
    awaited = {it.offering_id for one in seen.waitlists.values() for it in one.queue if it.window is not None}
    return {it for it in named | booked | awaited if it is not None}


def scene(work: UnitOfWork, resource_ids: set[UUID], offering_ids: set[UUID]) -> Scene:
    """All of it, as the unit of work knows it now."""
    resources = [work.read(Resource, it) for it in sorted(resource_ids)]
    places = {it.location_id for it in resources}
    work.fetch(*places, *offering_ids)
    return Scene(
        {
            place: Setup(
                work.read(Location, place), NO_TERMS, {it.id: it for it in resources if it.location_id == place}
            )
            for place in sorted(places)
        },
        {it: sale_of(work, it) for it in sorted(offering_ids)},
    )


def sale_of(work: UnitOfWork, offering_id: UUID) -> Sale:
    offering = work.read(Offering, offering_id)
    return Sale(setup_for(work, offering), offering.retired)
