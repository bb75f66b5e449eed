"""What can be asked of the audit trail; `projections/audit/trail.py` answers."""

from datetime import datetime
from uuid import UUID

from application.message import Query


class AuditTrail(Query, frozen=True):
    """Who did what to which record, in the order of the log."""

    booking_id: UUID | None = None
    target_type: str | None = None
    target_id: UUID | None = None
    actor_id: str | None = None
    action: str | None = None
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None
    after: int = 0
    """The sequence number of the last row of the page before."""
    limit: int = 50
