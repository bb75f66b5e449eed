"""Who did what to which record."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get
from msgspec import Meta, Struct, field

from application.audit.queries import AuditTrail
from interfaces.http.asked import Asked, Instant, Paging, Reply, after, cursor, instant_in_query, reply
from interfaces.http.schema import says

Visible = Annotated[str, Meta(pattern="^[!-~]{1,200}$")]
Word = Annotated[str, Meta(pattern="^[a-z][a-z0-9_.]{0,99}$")]


class Trailing(Paging, frozen=True, forbid_unknown_fields=True, kw_only=True):
    booking: UUID | None = None
    target_type: Word | None = None
    target: UUID | None = None
    actor: Visible | None = None
    action: Word | None = None
    """What happened, for example `booking.checked_in`."""
    since: Instant | None = field(default=None, name="from")
    """Recorded at this instant or later."""
    until: Instant | None = field(default=None, name="to")
    """Recorded before this instant."""


class Entry(Struct, frozen=True):
    """One entry of the trail, never changed."""

    seq: int
    """1, 2, 3 ... without a gap within the organization."""
    kind: str
    action: str
    schema: str
    outcome: str
    at: str
    occurred_at: str | None
    reason: str | None
    local_min: int | None
    actor: dict[str, Any] | None
    origin: dict[str, Any] | None
    target: dict[str, Any]
    changes: list[dict[str, Any]]
    """What differs, by path, before and after."""
    src: dict[str, Any]
    """The event that it tells of, with the digest of its bytes."""


class Complete(Struct, frozen=True):
    """Every event of the organization up to this one is in the trail."""

    seq: int
    position: str


class Trail(Struct, frozen=True):
    """A stretch of the trail, and how far the trail as a whole has come."""

    data: list[Entry]
    next: str | None
    complete_to: Complete | None
    behind: int
    """Events of the log that are not in it yet."""
    age: float
    """Seconds since the oldest of them was recorded."""


class Audit(Controller):
    path = "/audit"
    tags = ("audit",)

    @get(opt=says(gives=Trail, query=Trailing))
    async def audit_trail(self, request: Asked) -> Reply:
        """Who did what to which record, in the order of the log."""
        asked = request.parameters(Trailing)
        last = after(asked.cursor, Annotated[int, Meta(ge=1, le=2**62)])
        query = AuditTrail(
            asked.booking, asked.target_type, asked.target, asked.actor, asked.action,
            instant_in_query(asked.since, "from"), instant_in_query(asked.until, "to"), last or 0, asked.limit,
        )  # fmt: skip
        found = await request.ask(query, request.reading(asked.min_position))
        return reply(Trail(list(found.rows), cursor(found.next), found.complete_to, found.behind, found.age))
