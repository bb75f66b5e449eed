"""What can be asked for offerings, and for the sessions of one."""

from datetime import datetime
from uuid import UUID

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.availability.offer import Wanted, offered
from domain.calendar import meant
from domain.offering.checks import Candidate, named
from domain.offering.offering import Offering
from domain.offering.session import Session
from domain.offering.terms import Terms
from domain.organization.location import Location
from domain.resource.pool import Pool
from domain.resource.resource import Resource


class DefineOffering(Command, frozen=True):
    """A location sells something."""

    offering_id: UUID
    location_id: UUID
    name: str
    terms: Terms


def define_offering(command: DefineOffering, work: UnitOfWork) -> None:
    location = work.read(Location, command.location_id)
    candidates = standing(work, command.terms)
    work.begin(
        Offering,
        command.offering_id,
        lambda offering: offering.define(location.id, command.name, command.terms, candidates),
    )


class RenameOffering(Command, frozen=True):
    """It is called otherwise."""

    offering_id: UUID
    name: str


def rename_offering(command: RenameOffering, work: UnitOfWork) -> None:
    work.change(Offering, command.offering_id, lambda offering: offering.rename(command.name))


class ReviseTerms(Command, frozen=True):
    """Other terms from now on, all of them. Bookings keep those under which they were made."""

    offering_id: UUID
    terms: Terms


def revise_terms(command: ReviseTerms, work: UnitOfWork) -> None:
    candidates = standing(work, command.terms)
    work.change(Offering, command.offering_id, lambda offering: offering.revise(command.terms, candidates))


class RetireOffering(Command, frozen=True):
    """It is sold no more; what was sold stands."""

    offering_id: UUID


def retire_offering(command: RetireOffering, work: UnitOfWork) -> None:
    work.change(Offering, command.offering_id, lambda offering: offering.retire())


def standing(work: UnitOfWork, terms: Terms) -> dict[UUID, Candidate]:
    """Every resource and pool that the terms name, as they stand."""
    resources, pools = named(terms)
    work.fetch(*resources, *pools)
    return {
        **{one: Candidate(work.read(Resource, one).location_id) for one in sorted(resources)},
        **{
            one: Candidate(pool.location_id, len(pool.members))
            for one in sorted(pools)
            for pool in [work.read(Pool, one)]
        },
    }


class ScheduleSession(Command, frozen=True):
    """One fixed occurrence of an offering, with seats. A time without offset is local at its location."""

    session_id: UUID
    offering_id: UUID
    starts_at: datetime
    ends_at: datetime
    seats: int
    resources: tuple[UUID, ...] = ()
    """What it occupies meanwhile, one unit each: a room, a coach."""
    min_to_run: int = 0
    cutoff_at: datetime | None = None


def schedule_session(command: ScheduleSession, work: UnitOfWork) -> None:
    work.fetch(command.offering_id, *command.resources)
    offering = work.read(Offering, command.offering_id).sold()
    location = work.read(Location, offering.location_id)
    occupied = {one: work.read(Resource, one) for one in command.resources}
    session = work.begin(
        Session,
        command.session_id,
        lambda session: session.schedule(
            offering.id, location.id, location.zone,
            meant(command.starts_at, location.zone), meant(command.ends_at, location.zone),
            command.seats, {one: resource.location_id for one, resource in occupied.items()}, command.min_to_run,
            None if command.cutoff_at is None else meant(command.cutoff_at, location.zone), work.now,
        ),
    )  # fmt: skip
    # Its room must be open and its coach there, by the same function as for anybody's booking.
    wanted = [Wanted(n, resource, session.period) for n, resource in enumerate(session.resources, start=1)]
    offered(wanted, occupied, location, work.now)


class ChangeSeats(Command, frozen=True):
    """It has more or fewer seats."""

    session_id: UUID
    seats: int


def change_seats(command: ChangeSeats, work: UnitOfWork) -> None:
    work.change(Session, command.session_id, lambda session: session.change_seats(command.seats, work.now))


class ConfirmRun(Command, frozen=True):
    """It takes place, however few have booked."""

    session_id: UUID


def confirm_run(command: ConfirmRun, work: UnitOfWork) -> None:
    seats = booked(work, command.session_id)
    work.change(Session, command.session_id, lambda session: session.confirm_run(seats, work.now))


class DecideRun(Command, frozen=True):
    """It is the cutoff: enough have booked, or it is called off."""

    session_id: UUID


def decide_run(command: DecideRun, work: UnitOfWork) -> None:
    seats = booked(work, command.session_id)
    work.change(Session, command.session_id, lambda session: session.decide_run(seats, work.now))


class CallOff(Command, frozen=True):
    """It does not take place. Who had booked is told, and their bookings are cancelled by the venue."""

    session_id: UUID


def call_off(command: CallOff, work: UnitOfWork) -> None:
    seats = booked(work, command.session_id)
    work.change(Session, command.session_id, lambda session: session.call_off(seats, work.now))


def booked(work: UnitOfWork, session_id: UUID) -> int:
    """Seats that are booked for good: who still holds, or has not paid, may yet go."""
    session = work.read(Session, session_id)
    uses = work.occupancy([session.id], session.starts_at, session.ends_at)
    return sum(use.units for use in uses if use.kind == "booking" and use.expires_at is None)


HANDLERS: dict[type[Command], Handler] = {
    DefineOffering: define_offering,
    RenameOffering: rename_offering,
    ReviseTerms: revise_terms,
    RetireOffering: retire_offering,
    ScheduleSession: schedule_session,
    ChangeSeats: change_seats,
    ConfirmRun: confirm_run,
    DecideRun: decide_run,
    CallOff: call_off,
}
