"""What can be asked about people's rights; `projections/privacy` answers."""

from datetime import datetime
from uuid import UUID

from application.message import Query


class TheErasure(Query, frozen=True):
    """How far the erasure of this person has come, and what was found at its end."""

    user_id: UUID


class Erasures(Query, frozen=True):
    """All that were asked for, the latest first."""

    after: tuple[datetime, UUID] | None = None
    limit: int = 50


class HoldsOn(Query, frozen=True):
    """What must be kept about this person, or had to be."""

    user_id: UUID


class TheRetention(Query, frozen=True):
    """How long people are kept."""


class DataExport(Query, frozen=True):
    """Everything about one person."""

    user_id: UUID
