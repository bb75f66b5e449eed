"""How many units of a resource there are to claim, when, and how many may start at once."""

from uuid import UUID

from domain.claim import Claim, Lift, Override, Pace, Resize
from domain.event import Event
from domain.resource import events


def claims(event: Event, resource_id: UUID) -> tuple[Claim, ...]:
    """Whatever changes the number of units tells the guard."""
    match event:
        case events.ResourceRegistered(capacity=capacity) | events.ResourceCapacityChanged(capacity=capacity):
            return (Resize(resource_id, capacity),)
        case events.ResourceCapacityOverridden(override_id, starts_at, ends_at, capacity):
            return (Override(resource_id, override_id, starts_at, ends_at, capacity),)
        case events.ResourceCapacityOverrideLifted(override_id):
            return (Lift(resource_id, override_id),)
        case events.ResourcePacingSet(units, minutes):
            return (Pace(resource_id, units, minutes),)
    return ()
