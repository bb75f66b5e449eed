"""Every context's claims in one total function: what the event store writes beside each event, and what rebuilds it."""

from uuid import UUID

from domain.booking import claims as booking
from domain.claim import Claim
from domain.event import Event
from domain.offering import claims as offering
from domain.resource import claims as resource
from domain.waitlist import claims as waitlist


def claims_of(event: Event, stream: UUID) -> tuple[Claim, ...]:
    """What a fact does to the occupancy of resources, and to what counts; empty for most."""
    return (
        booking.claims(event, stream)
        or resource.claims(event, stream)
        or offering.claims(event, stream)
        or waitlist.claims(event, stream)
    )
