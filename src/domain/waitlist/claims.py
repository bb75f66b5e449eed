"""What is kept for those who wait is taken for everybody else. (An offer is a booking, and claims as one.)"""

from datetime import datetime
from uuid import UUID

from domain.claim import Claim, Release, Take
from domain.event import Event
from domain.waitlist import events


def claims(event: Event, entry_id: UUID) -> tuple[Claim, ...]:
    match event:
        case events.EarmarkPlaced(pieces, ends_at):
            return takes(entry_id, pieces, ends_at)
        case events.EarmarkToppedUp(pieces, ends_at):
            return (Release(entry_id, lapsed=True), *takes(entry_id, pieces, ends_at))
        case events.EarmarkReleased():
            # Of several pieces the first has ended and the others are kept: they were dead with it, for a moment.
            return (Release(entry_id, lapsed=True),)
    return ()


def takes(entry_id: UUID, pieces: tuple[events.Piece, ...], ends_at: datetime) -> tuple[Take, ...]:
    return tuple(
        Take(entry_id, number, piece.resource_id, piece.starts_at, piece.ends_at, piece.units, ends_at, kind="earmark")
        for number, piece in enumerate(pieces, start=1)
    )
