"""How many units of a resource there are to claim."""

from uuid import UUID

from domain.claim import Claim, Resize
from domain.event import Event
from domain.resource import events


def claims(event: Event, resource_id: UUID) -> tuple[Claim, ...]:
    """A registered resource and one of another size tell the guard how many units there are."""
    match event:
        case events.ResourceRegistered(capacity=capacity) | events.ResourceCapacityChanged(capacity=capacity):
            return (Resize(resource_id, capacity),)
    return ()
