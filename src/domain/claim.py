"""What facts do to the occupancy of resources.

Claims are never passed by hand: they follow from events by the pure functions `domain.booking.claims.claims` and
`domain.resource.claims.claims`, so that the table of claims is a projection of the log, and can be proven to be one.
"""

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class Take(Struct, frozen=True):
    """An item of a booking occupies units of one resource for a half-open period of instants (UTC)."""

    booking_id: UUID
    item: int
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    units: int
    expires_at: datetime | None = None
    """When the claim dies by itself, exclusive; None for ever."""


class Settle(Struct, frozen=True):
    """The booking's claims no longer expire."""

    booking_id: UUID


class Release(Struct, frozen=True):
    """The booking occupies nothing any more."""

    booking_id: UUID


class Resize(Struct, frozen=True):
    """The resource has this many units from now on."""

    resource_id: UUID
    capacity: int


Claim = Take | Settle | Release | Resize
