"""Whether other units would do for what has been booked: the guest was promised a size, not a table."""

from collections.abc import Mapping
from uuid import UUID

from domain.availability.choice import candidates
from domain.availability.setup import Reason, Request, Setup
from domain.booking.booking import Booking


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
