"""What can be proven from the log."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import Controller, get
from msgspec import Meta, Struct

from application.availability.proof import Proven, ProveOverlaps
from interfaces.http.asked import Asked, PositionText, Reading, Reply, reply
from interfaces.http.schema import says


class Peak(Struct, frozen=True):
    resource_id: UUID
    peak: int
    """The most units that were ever in use at one instant."""
    capacity: int
    """How many it has now, overrides aside."""


class Breach(Struct, frozen=True):
    """A claim for which there was no room."""

    resource_id: UUID
    booking_id: UUID | None
    at: datetime
    cause: Literal["units", "buffer", "pacing"]
    """Too many units at one instant; a neighbour nearer than the buffers allow; too many starts at once."""
    used: int
    capacity: int
    position: PositionText


class Authorised(Struct, frozen=True):
    """An item that somebody overbooked on their authority."""

    booking_id: UUID
    item: int
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    by: str
    why: str
    position: PositionText


class NoOverlaps(Struct, frozen=True):
    """The fold of the organization's whole log."""

    verdict: Annotated[
        Literal["sound", "booked_twice", "unknown"],
        Meta(description="Unknown: some events cannot be read by this version."),
    ]
    position: PositionText
    """Up to here the log was folded."""
    events: int
    bookings: int
    unreadable: int
    resources: list[Peak]
    breaches: list[Breach]
    authorised: list[Authorised]
    not_told: int
    """Breaches and authorised items beyond the first thousand of each."""


class Proofs(Controller):
    path = "/proofs"
    tags = ("proofs",)

    @get("/overlaps", opt=says(gives=NoOverlaps, query=Reading))
    async def prove_overlaps(self, request: Asked) -> Reply:
        """Fold the whole log, and prove that nothing was ever booked beyond its capacity. A log that is too long for an
        answer while you wait is refused, with the command that can."""
        asked = request.parameters(Reading)
        return reply(told(await request.ask(ProveOverlaps(), request.reading(asked.min_position))))


def told(proven: Proven) -> NoOverlaps:
    return NoOverlaps(
        verdict="sound" if proven.sound else "booked_twice" if proven.breaches else "unknown",
        position=str(proven.position),
        events=proven.events,
        bookings=proven.bookings,
        unreadable=proven.unreadable,
        resources=[Peak(resource, peak, capacity) for resource, (peak, capacity) in proven.peaks.items()],
        breaches=[
            Breach(it.resource_id, it.booking_id, it.at, it.cause, it.used, it.capacity, str(it.position))
            for it in proven.breaches
        ],
        authorised=[
            Authorised(it.booking_id, it.item, it.resource_id, it.starts_at, it.ends_at, it.by, it.why,
                       str(it.position))
            for it in proven.overbooked
        ],
        not_told=proven.more,
    )  # fmt: skip
