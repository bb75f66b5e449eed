"""A session is itself what is booked, by the seat; and it occupies its rooms and people for all who come."""

from uuid import UUID

from domain.claim import Claim, Release, Resize, Take
from domain.event import Event
from domain.offering import events


def claims(event: Event, session_id: UUID) -> tuple[Claim, ...]:
    """Seats are units of the session's own id; what it occupies is taken under that id as well."""
    match event:
        case events.SessionScheduled(starts_at=starts_at, ends_at=ends_at, seats=seats, resources=resources):
            occupied = (
                Take(session_id, number, resource, starts_at, ends_at, 1, kind="session")
                for number, resource in enumerate(resources, start=1)
            )
            return (Resize(session_id, seats), *occupied)
        case events.SessionSeatsChanged(seats):
            return (Resize(session_id, seats),)
        case events.SessionCalledOff():
            return (Release(session_id),)
    return ()
