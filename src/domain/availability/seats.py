"""Seats of sessions: which can be booked of what is sold by session, and why not."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from domain import localtime
from domain.availability.occupancy import Busy, Occupied, Wanted, by_resource
from domain.availability.setup import Assigned, Reason, Refused, Request, Slot, Use, in_order
from domain.booking.events import SEAT
from domain.offering.session import Session
from domain.offering.terms import Terms
from domain.resource.resource import Resource
from domain.wall import micros


def against_seats(session: Session, terms: Terms, party: int, at: datetime, override: bool = False) -> list[Reason]:
    """What speaks against seats for so many at a session, whoever else has some: that it has begun, its size, and what
    the terms say of notice, horizon and party. Staff pass over notice and horizon."""
    found: list[Reason] = []
    earliest = at if override else at + timedelta(minutes=terms.notice)
    if session.starts_at <= at or session.starts_at < earliest:
        found.append(Reason("TOO_SOON", earliest=earliest))
    if terms.horizon is not None and not override:
        latest = localtime.wall(at, session.zone).date() + timedelta(days=terms.horizon)
        if localtime.wall(session.starts_at, session.zone).date() > latest:
            found.append(Reason("TOO_FAR", latest=latest))
    most = min(session.seats, session.seats if terms.most_party is None else terms.most_party)
    if not terms.least_party <= party <= most:
        found.append(Reason("DOES_NOT_FIT", capacity=most if party > most else None))
    return found


def seats(
    sessions: Iterable[Session], terms: Terms, uses: Sequence[Use], asked: Request, at: datetime
) -> list[Slot | Refused]:
    """Every session that takes place and starts on the local dates asked for, in order: seats for the party, with how
    many are left, or why there are none."""
    busy = by_resource(uses, at, asked.moving)
    return [
        offered(session, terms, busy.get(session.id, ()), asked, at)
        for session in sorted(sessions, key=lambda it: (it.starts_at, it.id))
        if session.bookable and asked.first <= localtime.wall(session.starts_at, session.zone).date() <= asked.last
    ]


def offered(session: Session, terms: Terms, busy: Sequence[Busy], asked: Request, at: datetime) -> Slot | Refused:
    party, start, end = asked.party, micros(session.starts_at), micros(session.ends_at)
    taken = Occupied(Resource(session.id, session.location_id, capacity=session.seats), busy)
    against = against_seats(session, terms, party, at, asked.override)
    if party <= session.seats:
        against += taken.against(start, Wanted(end - start, 0, 0, party))
    if terms.one_at_a_time and any(
        it.starts_at < session.ends_at and session.starts_at < it.ends_at for it in asked.busy
    ):
        against.append(Reason("CUSTOMER_CONFLICT"))
    if against:
        local = localtime.wall(session.starts_at, session.zone)
        return Refused(local, session.starts_at, in_order(against), session.id)
    left = (Assigned(SEAT, (session.id,), party),)
    return Slot(session.starts_at, session.ends_at, taken.free(start, end), left, session.id)
