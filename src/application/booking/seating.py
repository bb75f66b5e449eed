"""What a booking has, and for whom: other units for the same time, another table, another court; more people."""

from uuid import UUID

from msgspec import Struct

from application.booking.approvals import agreement, of_booking
from application.booking.commands import Amend, MovedItem, offer
from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.availability.setup import Setup
from domain.availability.units import outgrown, unsuited
from domain.booking.booking import Booking
from domain.booking.errors import NotOffered
from domain.offering.offering import Offering
from domain.organization.location import Location
from domain.resource.pool import Pool
from domain.resource.resource import Resource


class Reassigned(Struct, frozen=True, forbid_unknown_fields=True):
    """Which resource an item gets instead."""

    item: int
    resource_id: UUID


class Reassign(Command, frozen=True):
    """Other units for the same time: the guest was promised a size, not a table."""

    booking_id: UUID
    items: tuple[Reassigned, ...]


def reassign(command: Reassign, work: UnitOfWork) -> None:
    to = {item.item: item.resource_id for item in command.items}
    work.fetch(command.booking_id, *to.values())
    booking = work.read(Booking, command.booking_id)
    wanted = [
        (item.item, MovedItem(item.item, to[item.item], item.starts_at, item.ends_at, item.units))
        for item in booking.items
        if item.item in to
    ]
    offer(work, booking.location_id, wanted, [item for item in booking.items if item.item not in to])
    if booking.offering_id is not None and (reasons := unsuited(booking, to, setup(work, booking.offering_id))):
        raise NotOffered(reasons=reasons)
    work.change(Booking, command.booking_id, lambda booking: booking.reassign(to))


def amend(command: Amend, work: UnitOfWork) -> None:
    """Who books for themselves has what they have: more people need more of it, which is another booking. Staff know
    where there is another chair."""
    booking = work.read(Booking, command.booking_id)
    party = command.party_size
    if work.customer is not None and booking.offering_id is not None and party not in (None, booking.party_size):
        against = outgrown(booking, party or 1, setup(work, booking.offering_id))
        if against:
            raise NotOffered(reasons=against)
        asked = of_booking(booking)._replace(party=party or 1)
        agreement(work, booking, work.read(Offering, booking.offering_id), asked)
    work.change(Booking, command.booking_id, lambda booking: booking.amend(party, work.now))


def setup(work: UnitOfWork, offering_id: UUID) -> Setup:
    """What its needs name. It may be sold no more: what was sold stands."""
    offering = work.read(Offering, offering_id)
    pools = {need.pool_id: work.read(Pool, need.pool_id) for need in offering.terms.needs if need.pool_id is not None}
    ids = {it for need in offering.terms.needs for it in need.any_of} | {it for p in pools.values() for it in p.members}
    work.fetch(*ids)
    resources = {it: work.read(Resource, it) for it in ids}
    return Setup(work.read(Location, offering.location_id), offering.terms, resources, pools)


HANDLERS: dict[type[Command], Handler] = {Amend: amend, Reassign: reassign}
