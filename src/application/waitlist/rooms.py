"""What is free of what people wait for, as the claims stand."""

from datetime import datetime, timedelta
from uuid import UUID

from application.availability.setups import setup_for
from application.unit_of_work import UnitOfWork
from domain.availability.choice import TRAILING
from domain.availability.waiting import Times
from domain.offering.offering import Offering
from domain.offering.session import Session
from domain.offering.terms import Terms
from domain.period import Period, most_at_once
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
    offering = work.read(Offering, offering_id)
    setup = setup_for(work, offering)
    trailing = timedelta(days=TRAILING + 1) if len(setup.resources) > 1 else timedelta(0)
    reach = 2 * A_DAY + longest(offering.terms)  # what reaches into the period may begin, or end, so far from it
    uses = work.occupancy(sorted(setup.resources), freed.starts_at - reach - trailing, freed.ends_at + reach)
    within = tuple(it for it in resources if it in setup.resources) if resources else None
    if offering.retired or offering.terms.sessions_only:
        within = ()
    return Times(offering_id, setup, tuple(uses), work.now, freed, within)


def longest(terms: Terms) -> timedelta:
    """How long it may last."""
    most = [*terms.durations, *(it.minutes for it in terms.turn_times), terms.lasting.most if terms.lasting else 0]
    return timedelta(minutes=max(terms.step, *most))


def still_ahead(now: datetime, starts_at: datetime | None, ends_at: datetime | None, until: datetime) -> Period | None:
    """What of a period is still to come; without one, all until nobody waits any more. None: nothing."""
    first, last = max(now, starts_at or now), ends_at or until
    return Period(first, last) if first < last else None
