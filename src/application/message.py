"""Messages, and the occasion on which one is asked."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from application.recorded import Actor, Origin
from domain.errors import Refusal

Scope = Literal["any", "own"]
"""How far a permission reaches: everything in the organization, or the bookings whose customer one is."""


class Command(Struct, frozen=True, forbid_unknown_fields=True):
    """A wish that something happen."""

    def instead(self, refusal: Refusal) -> "Command | None":  # noqa: ARG002
        """What is wished for where this is refused so; None: nothing. It is asked by the same actor, as one call."""
        return None


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    """A question."""


class Stranger(Struct, frozen=True):
    """Somebody without an account, who is known by their browser's token alone. Secrets are here as their SHA-256."""

    makes: str
    """The secret that they are told with a hold that this command places."""
    shows: str | None = None
    """The secret that they have shown."""
    address: UUID | None = None
    """Stands for where they call from: made from the address under a secret of the house and the day, so that it can be
    counted, and nobody followed."""


class Occasion(Struct, frozen=True):
    """Under which circumstances a message is asked: the tenant, who asks, from where, under which id."""

    tenant: UUID
    actor: Actor
    origin: Origin
    command_id: UUID
    """uuid5 of tenant, principal, route and Idempotency-Key; or a fresh one where there is no key."""
    keyed: bool = False
    """The caller chose the key, so that the same command may come again."""
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    reason: str | None = None
    expects: int | None = None
    """The version of the stream that the caller saw (If-Match)."""
    occurred_at: datetime | None = None
    """The moment at which a history's command happened, and its clock (imports only)."""
    within: tuple[UUID, ...] = ()
    """The locations and resources to which the asker's role is limited; none: the whole organization."""
    scopes: tuple[str, ...] = ()
    """What the asker's key or link is for; none: whatever the role may."""
    beside: tuple[UUID, ...] = ()
    """Resources among which something else may be suggested where something is refused, as the asker's door knows them.
    Nothing is decided on them, and they are no part of what is asked."""
    stranger: Stranger | None = None
    min_position: int = 0
    """What a question's view must have learned before it answers: the position that an earlier write returned."""
