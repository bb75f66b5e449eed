"""The requests that wait for the venue to agree to what one offering sells."""

from collections.abc import Sequence
from typing import ClassVar, Self
from uuid import UUID, uuid5

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.booking import errors, events
from domain.booking.booking import Booking
from domain.event import Event

NOWHERE = UUID(int=0)


def queue_of(offering_id: UUID) -> UUID:
    """The stream of an offering's requests."""
    return uuid5(offering_id, "approval queue")


class ApprovalQueue(Aggregate, frozen=True):
    """Where an offering limits how many requests may wait: each joins, and so no two can take the last place.

    Nobody leaves. A request has left when its booking waits no more, however that came about; whoever joins says who
    is there still, so that the queue never forgets to let somebody go.
    """

    begins: ClassVar[type[Event]] = events.ApprovalQueueJoined
    unknown: ClassVar = errors.UnknownBooking

    location_id: UUID = NOWHERE
    joined: tuple[UUID, ...] = ()

    def join(self, booking: Booking, still: Sequence[UUID], most: int | None) -> list[Event]:
        """`still`: those who joined and wait; `most`: how many may at once; None: whoever comes is let in."""
        assert booking.offering_id is not None
        if most is not None and booking.id in still:
            return []
        others = tuple(it for it in still if it != booking.id)
        if most is not None and len(others) >= most:
            reason = {"code": "APPROVAL_QUEUE_FULL", "used": len(others), "limit": most}
            raise errors.ApprovalQueueFull(reasons=[reason])
        return [events.ApprovalQueueJoined(booking.offering_id, booking.location_id, booking.id, others)]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.ApprovalQueueJoined(location_id=location_id, booking_id=booking_id, before=before):
                return replace(self, location_id=location_id, joined=(*before, booking_id))
        return self
