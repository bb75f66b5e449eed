"""What facts do to the occupancy of resources.

Claims are never passed by hand: they follow from events by the pure functions `domain.booking.claims.claims` and
`domain.resource.claims.claims`, so that the table of claims is a projection of the log, and can be proven to be one.
"""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from msgspec import Struct

Kind = Literal["booking", "session", "earmark"]


class Take(Struct, frozen=True):
    """An item of a booking occupies units of one resource for a half-open period of instants (UTC).

    The period is what the guest has. Buffers stick out of it: exclusive ones are occupied like the period itself;
    shared ones may lie over the neighbours' buffers, so that the gap is the larger of the two.
    """

    booking_id: UUID
    item: int
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    units: int
    expires_at: datetime | None = None
    """When the claim dies by itself, exclusive; None for ever."""
    before: int = 0
    """Minutes."""
    after: int = 0
    shared: bool = False
    authorised: bool = False
    """Taken past the guards on somebody's authority. It counts against everybody who comes after."""
    kind: Kind = "booking"

    @property
    def occupied(self) -> tuple[datetime, datetime]:
        """What nobody else's may overlap: exclusive buffers belong to it, shared ones do not."""
        if self.shared or not (self.before or self.after):
            return self.starts_at, self.ends_at
        return self.starts_at - timedelta(minutes=self.before), self.ends_at + timedelta(minutes=self.after)

    def too_near(self, other: "Take") -> bool:
        """Whether the gap to another claim of the resource is smaller than the larger of the two buffers in it.

        Asked only where one of the two shares its buffers; exclusive ones are kept apart by what they occupy.
        """
        if not (self.shared or other.shared):
            return False
        first, second = (self, other) if self.starts_at < other.starts_at else (other, self)
        gap = second.starts_at - first.ends_at
        return timedelta(0) <= gap < timedelta(minutes=max(first.after, second.before))

    def within(self, had: "Take") -> bool:
        """Whether it takes nothing that `had`, its own booking's, did not have. Then no guard asks: nobody is refused
        what they have because the resource was made smaller, slower or fuller since."""
        start, end = self.occupied
        had_start, had_end = had.occupied
        return (
            (self.booking_id, self.item, self.resource_id, self.starts_at, self.authorised)
            == (had.booking_id, had.item, had.resource_id, had.starts_at, had.authorised)
            and had_start <= start
            and end <= had_end
            and self.units <= had.units
            and (not self.shared or (self.before <= had.before and self.after <= had.after))
        )


class Extend(Struct, frozen=True):
    """Those of the booking's claims that expire die later (or sooner) than they would have."""

    booking_id: UUID
    expires_at: datetime


class Settle(Struct, frozen=True):
    """The booking's claims no longer expire."""

    booking_id: UUID


class Release(Struct, frozen=True):
    """The booking occupies nothing any more."""

    booking_id: UUID
    lapsed: bool = False
    """It may have been dead already. What is past its expiry can else be let go, but neither moved nor made firm."""


class Resize(Struct, frozen=True):
    """The resource has this many units from now on."""

    resource_id: UUID
    capacity: int


class Override(Struct, frozen=True):
    """For a while the resource has this many units instead."""

    resource_id: UUID
    override_id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int


class Lift(Struct, frozen=True):
    """That override is over."""

    resource_id: UUID
    override_id: UUID


class Pace(Struct, frozen=True):
    """At most so many units start within any so many minutes; None: no such limit."""

    resource_id: UUID
    units: int | None
    minutes: int = 15


class Tally(Struct, frozen=True):
    """What counts against a customer's quotas: one row a booking, as it stands."""

    who: UUID
    booking_id: UUID
    offering_id: UUID | None
    location_id: UUID
    resources: tuple[UUID, ...]
    starts_at: datetime
    ends_at: datetime


class Retally(Struct, frozen=True):
    """The booking counts otherwise from now on; `gone`: it counts no more."""

    booking_id: UUID
    state: Literal["live", "over", "late_cancel", "no_show", "gone"]


class Retime(Struct, frozen=True):
    """The booking that counts is at another time, or on other resources."""

    booking_id: UUID
    resources: tuple[UUID, ...]
    starts_at: datetime
    ends_at: datetime


Claim = Take | Extend | Settle | Release | Resize | Override | Lift | Pace | Tally | Retally | Retime
