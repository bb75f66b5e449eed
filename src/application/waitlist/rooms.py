"""What is free of what people wait for, as the claims stand."""

from datetime import datetime, timedelta
from uuid import UUID

from application.unit_of_work import UnitOfWork
from domain.availability.choice import TRAILING
from domain.availability.setup import Setup
from domain.availability.waiting import Times
from domain.offering.offering import Offering
from domain.offering.session import Session
from domain.organization.location import Location
from domain.period import Period, most_at_once
from domain.resource.pool import Pool
from domain.resource.resource import Resource
from domain.waitlist.room import Seats

A_DAY = timedelta(days=1)
"""How far buffers and pacing reach."""


def seats_of(work: UnitOfWork, session: Session) -> Seats:
    """The free seats of a session: neither booked, held, on offer nor set aside."""
    offering = work.read(Offering, session.offering_id)
    uses = work.occupancy([session.id], session.starts_at, session.ends_at)
    _, used = most_at_once(
        (use.starts_at, use.ends_at, use.units) for use in uses if use.expires_at is None or use.expires_at > work.now
    )
    free = session.seats - used if session.bookable and not offering.retired else 0
    return Seats(
        session.offering_id, session.id, session.starts_at, session.ends_at, max(free, 0), offering.terms.notice
    )  # fmt: skip


def times_of(work: UnitOfWork, offering_id: UUID, freed: Period, resources: tuple[UUID, ...] = ()) -> Times:
    """Times of an offering that reach into a period; `resources`: those that became free in it; empty: nobody knows.
    What is sold no more, or by session only, has none."""
    setup = setup_of(work, offering_id)
    trailing = timedelta(days=TRAILING + 1) if len(setup.resources) > 1 else timedelta(0)
    uses = work.occupancy(sorted(setup.resources), freed.starts_at - 2 * A_DAY - trailing, freed.ends_at + 2 * A_DAY)
    within = tuple(it for it in resources if it in setup.resources) if resources else None
    offering = work.read(Offering, offering_id)
    if offering.retired or offering.terms.sessions_only:
        within = ()
    return Times(offering_id, setup, tuple(uses), work.now, freed, within)


def setup_of(work: UnitOfWork, offering_id: UUID) -> Setup:
    """An offering, with everything that its terms can name."""
    offering = work.read(Offering, offering_id)
    named = [need.pool_id for need in offering.terms.needs if need.pool_id is not None]
    work.fetch(offering.location_id, *named)
    pools = {it: work.read(Pool, it) for it in named}
    ids = {it for need in offering.terms.needs for it in need.any_of} | {it for p in pools.values() for it in p.members}
    work.fetch(*ids)
    resources = {it: work.read(Resource, it) for it in ids}
    return Setup(work.read(Location, offering.location_id), offering.terms, resources, pools)


def still_ahead(now: datetime, starts_at: datetime | None, ends_at: datetime | None, until: datetime) -> Period | None:
    """What of a period is still to come; without one, all until nobody waits any more. None: nothing."""
    first, last = max(now, starts_at or now), ends_at or until
    return Period(first, last) if first < last else None
