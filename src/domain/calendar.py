"""When something can be used: weekly hours, dates that replace them, and stretches taken out."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from domain.hours import Opening, WeeklyHours

Cause = Literal["closure", "maintenance", "absence"]


class Closure(Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of instants taken out of the hours. Buffers may stick into a closure, never into maintenance or
    somebody's absence."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    cause: Cause = "closure"


class Calendar(Struct, frozen=True):
    """The hours of a location, a resource, a member of staff or an offering, on the location's wall."""

    hours: WeeklyHours | None = None
    """None: always, but for what stands below."""
    exceptions: dict[date, tuple[Opening, ...]] = {}
    """What replaces the whole service day of that date, its tail past midnight included; empty: closed."""
    closures: dict[UUID, Closure] = {}
