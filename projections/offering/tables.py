"""The rows of the timetable: locations and resources with their calendars, pools, offerings and sessions."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Boolean, Column, Date, Index, Integer, Table, Uuid
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP

from domain.calendar import Closure
from domain.hours import Opening, WeeklyHours
from domain.offering.session import Status
from domain.offering.terms import Terms
from domain.resource.events import Combination
from projections.view import (
    TABLES,
)  # fmt: skip

VENUE = Table(
    "venue", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("zone", TEXT, nullable=False),
    Column("hours", JSONB),
)  # fmt: skip

UNIT = Table(
    "unit", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("hours", JSONB),
    Column("features", JSONB, nullable=False),
    Column("seats", JSONB),
    Column("cost", Integer, nullable=False),
    Column("pacing", JSONB),
    Column("buffer_mode", TEXT, nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("sold_by_itself", Boolean, nullable=False),
)  # fmt: skip

# Of locations and resources alike.
EXCEPTION = Table(
    "exception", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("of_id", Uuid, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("openings", JSONB, nullable=False),
)  # fmt: skip

CLOSURE = Table(
    "closure", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("of_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("starts_at", TIMESTAMP(timezone=True), nullable=False),
    Column("ends_at", TIMESTAMP(timezone=True), nullable=False),
    Column("cause", TEXT, nullable=False),
)  # fmt: skip

OVERRIDE = Table(
    "override", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("of_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("starts_at", TIMESTAMP(timezone=True), nullable=False),
    Column("ends_at", TIMESTAMP(timezone=True), nullable=False),
    Column("capacity", Integer, nullable=False),
)  # fmt: skip

POOL = Table(
    "pool", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("name", TEXT(collation="C"), nullable=False),
    Column("members", JSONB, nullable=False),
    Column("combinations", JSONB, nullable=False),
    Column("retired", Boolean, nullable=False),
    Index("pool_name", "tenant", "name", "id"),
)  # fmt: skip

OFFERING = Table(
    "offering", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("name", TEXT(collation="C"), nullable=False),
    Column("terms", JSONB, nullable=False),
    Column("retired", Boolean, nullable=False),
    Index("offering_name", "tenant", "name", "id"),
)  # fmt: skip

SESSION = Table(
    "session", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("offering_id", Uuid, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("starts_at", TIMESTAMP(timezone=True), nullable=False),
    Column("ends_at", TIMESTAMP(timezone=True), nullable=False),
    Column("local_start", TEXT, nullable=False),
    Column("zone", TEXT, nullable=False),
    Column("seats", Integer, nullable=False),
    Column("resources", JSONB, nullable=False),
    Column("min_to_run", Integer, nullable=False),
    Column("cutoff_at", TIMESTAMP(timezone=True)),
    Column("status", TEXT, nullable=False),
    Index("session_start", "tenant", "starts_at", "id"),
)  # fmt: skip


class PoolAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    location_id: UUID
    name: str
    members: tuple[UUID, ...]
    combinations: tuple[Combination, ...]
    retired: bool


class OfferingAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    location_id: UUID
    name: str
    terms: Terms
    retired: bool


class SessionAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    offering_id: UUID
    location_id: UUID
    starts_at: datetime
    ends_at: datetime
    local_start: str
    zone: str
    seats: int
    resources: tuple[UUID, ...]
    min_to_run: int
    cutoff_at: datetime | None
    status: Status


class ExceptionAsItStands(Struct, frozen=True):
    date: date
    openings: tuple[Opening, ...]


class OverrideAsItStands(Struct, frozen=True):
    id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int


class CalendarAsItStands(Struct, frozen=True):
    """Of a location or a resource."""

    hours: WeeklyHours | None
    exceptions: tuple[ExceptionAsItStands, ...]
    closures: tuple[Closure, ...]
    overrides: tuple[OverrideAsItStands, ...]
    version: int
