"""What is recorded beside the events: who was refused what, who came in, who looked at what is not for everybody.

Events say what happened. An attempt that was refused is no event, and neither is a login or a look at somebody's data;
all the same somebody will ask for it. It is written before the answer leaves, to the same database, in the same order
of the log; where it cannot be written the answer is that nothing could be done.
"""

from collections.abc import Sequence
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

from application.message import Command, Occasion, Query
from application.recorded import Actor, Origin
from domain.errors import Forbidden, Refusal, Unknown

Outcome = Literal["success", "denied", "failed", "error"]


class Access(Struct, frozen=True, omit_defaults=True):
    """One attempt, and what became of it."""

    tenant: UUID
    action: str
    """What was asked: a message's name for what went through the buses, else a word such as `login`."""
    outcome: Outcome
    actor: Actor
    origin: Origin
    reason: str | None = None
    """The stable code of the refusal."""
    target_type: str | None = None
    target_id: str | None = None
    subjects: tuple[UUID, ...] = ()
    """The people whose data it was about."""
    command_id: UUID | None = None


class AccessLog(Protocol):
    """Where it is kept."""

    def record(self, entries: Sequence[Access]) -> None:
        """Returns once they are on disk; `Unavailable`."""


class Unrecorded:
    """No log at all: for commands that are tried out and change nothing."""

    def record(self, entries: Sequence[Access]) -> None: ...


def refused(message: Command | Query, occasion: Occasion, refusal: Refusal) -> Access:
    """A refused attempt. Not to be allowed, and to ask for what one is not to know of, is denied; all else failed."""
    kind, target = target_of(message)
    return Access(
        tenant=occasion.tenant,
        action=type(message).__name__,
        outcome="denied" if isinstance(refusal, Forbidden | Unknown) else "failed",
        actor=occasion.actor,
        origin=occasion.origin,
        reason=refusal.code,
        target_type=kind,
        target_id=target,
        command_id=occasion.command_id if isinstance(message, Command) else None,
    )


def somebody(occasion: Occasion) -> bool:
    """Whether there is anybody to be told of: the house's own clockwork may try and fail, and an import says by line
    what it could not do."""
    return occasion.actor.type != "system" and occasion.origin.channel not in ("import", "worker")


def target_of(message: Command | Query) -> tuple[str | None, str | None]:
    """What a message is about, by its first id: `booking_id` names a booking."""
    for field in message.__struct_fields__:
        value = getattr(message, field)
        if isinstance(value, UUID) and field.endswith("_id"):
            return field.removesuffix("_id"), str(value)
    return None, None
