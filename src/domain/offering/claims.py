"""A session is itself what is booked, by the seat; and it occupies its rooms and people for all who come."""

from uuid import UUID

from domain.claim import Claim, Release, Resize, Take
from domain.event import Event
from domain.offering import events


def claims(event: Event, session_id: UUID) -> tuple[Claim, ...]:
    """Seats are units of the session's own id; what it occupies is taken under that id as well."""
    match event:
        case events.SessionScheduled(seats=seats):
            return (Resize(session_id, seats), *occupied(event, session_id))
        case events.SessionReanchored():
            return (Release(session_id), *occupied(event, session_id))
        case events.SessionSeatsChanged(seats):
            return (Resize(session_id, seats),)
        case events.SessionCalledOff():
            return (Release(session_id),)
    return ()


def occupied(event: events.SessionScheduled | events.SessionReanchored, session_id: UUID) -> tuple[Take, ...]:
    return tuple(
        Take(session_id, number, resource, event.starts_at, event.ends_at, 1, kind="session")
        for number, resource in enumerate(event.resources, start=1)
    )
