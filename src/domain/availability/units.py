"""Whether other units would do for what has been booked: the guest was promised a size, not a table."""

from collections.abc import Mapping
from uuid import UUID

from domain.availability.choice import candidates, misfits, named_by, needed
from domain.availability.setup import Reason, Request, Setup
from domain.booking.booking import Booking
from domain.booking.events import SEAT


def unsuited(booking: Booking, to: Mapping[int, UUID], setup: Setup) -> list[Reason]:
    """The items whose new unit is none of those that their need can be filled with. Whether it is free, the claims
    decide in the write."""
    on = booking.period.starts_at.date()
    request = Request(on, on, party=booking.party_size or 1)
    able = {need.role: {it for one in candidates(need, setup, request) for it in one.ids} for need in setup.terms.needs}
    return [
        Reason("DOES_NOT_FIT", item=item.item, role=item.role, resource_id=to[item.item])
        for item in booking.items
        if item.item in to and to[item.item] != item.resource_id and to[item.item] not in able.get(item.role, ())
    ]


def outgrown(booking: Booking, party: int, setup: Setup) -> list[Reason]:
    """Why so many do not fit into what has been booked; that is all that they are asked to fit into."""
    seats = [item.units for item in booking.items if item.role == SEAT]
    if seats and SEAT not in {need.role for need in setup.terms.needs}:
        return [] if party <= sum(seats) else [Reason("DOES_NOT_FIT", capacity=sum(seats))]
    on = booking.period.starts_at.date()
    sold = {it for need in setup.terms.needs for it in named_by(need, setup)}  # staff may have put it elsewhere
    has = tuple(item.resource_id for item in booking.items if item.resource_id in sold)
    request = Request(on, on, party=party, resource_ids=has)
    heads = {need.role for need in setup.terms.needs if need.per_head}
    few = [item for item in booking.items if item.role in heads and item.units < party]
    return [
        *misfits(needed(setup, request), setup, request),
        *(Reason("DOES_NOT_FIT", role=item.role, resource_id=item.resource_id, capacity=item.units) for item in few),
    ]
