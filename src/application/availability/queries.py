"""What can be asked about availability; `projections/availability/offers.py` answers."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from application.message import Query
from domain.availability.setup import Refused, Slot
from domain.errors import Rule
from domain.offering.terms import Price


class TooMuchAtOnce(Rule):
    """Ask for fewer resources, fewer days or longer steps: an answer holds at most 150000 starts."""


class WhatIsOffered(Query, frozen=True):
    """What can be booked on these local dates: an offering, or resources by themselves."""

    first: date
    last: date
    offering_id: UUID | None = None
    resource_ids: tuple[UUID, ...] = ()
    """Of an offering: only these will do. Without one: each of them by itself."""
    apart: bool = False
    """Of an offering: each of the resources named has its own answer."""
    party: int = 1
    minutes: int | None = None
    """Without an offering: how long, and how far apart the starts are where `step` does not say."""
    step: int | None = None
    units: int = 1
    moving: UUID | None = None
    """A booking that would be moved, of whoever asks for themselves: its own time is not in its way."""
    customer_id: UUID | None = None
    """Whose quotas and other bookings are looked at."""
    override: bool = False
    explain: bool = False
    """Also every start that cannot be booked, and why not."""
    spans: bool = False
    """Not starts but the stretches in which each resource is free."""


class OfferedOf(Struct, frozen=True):
    """What can be booked of one offering, or of one resource."""

    resource_id: UUID | None
    """Where resources were asked for each by itself."""
    slots: Sequence[Slot | Refused]
    free: Sequence[tuple[datetime, datetime]] = ()
    """From when until when."""


class Offered(Struct, frozen=True):
    """What can be booked."""

    zone: str
    """Of the location."""
    as_of: datetime
    """By the database's clock: holds were dead or alive at this instant."""
    offering_version: int | None
    """Under which terms."""
    minutes: int
    price: Price | None
    found: Sequence[OfferedOf]
    location_id: UUID | None = None
