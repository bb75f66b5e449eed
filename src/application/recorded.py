"""The envelope around a fact: who, when, from where, by which command, in which place of the log.

It is complete from the first event on, because history cannot be filled in later. Full addresses and user agents are
left out until values can be sealed per person.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from domain.event import Event

ActorType = Literal["user", "service", "system"]
Channel = Literal["api", "web", "cli", "import", "worker"]


class Actor(Struct, frozen=True, omit_defaults=True):
    """Who acted. `id` names a user, a service or a part of the system; `on_behalf_of` whom they acted for."""

    type: ActorType
    id: str
    role: str
    session: str | None = None
    auth: str | None = None
    on_behalf_of: str | None = None

    @property
    def acts_for(self) -> str:
        """Whose rights and bookings these are: somebody's for whom they act, or their own."""
        return self.on_behalf_of or self.id


class Origin(Struct, frozen=True, omit_defaults=True):
    """Where it came from. `ip_prefix` is the /24 or /48 of the caller, never the whole address."""

    channel: Channel
    request_id: str | None = None
    trace: str | None = None
    client: str | None = None
    ip_prefix: str | None = None


class Governed(Struct, frozen=True):
    """The configuration that governed the decision: a stream at a version."""

    stream: UUID
    version: int


class Envelope(Struct, frozen=True, omit_defaults=True):
    """What all events of one command share."""

    command_id: UUID
    command: str
    correlation_id: UUID
    actor: Actor
    origin: Origin
    causation_id: UUID | None = None
    """The event that made a reaction issue the command."""
    reason: str | None = None
    occurred_at: datetime | None = None
    """When it happened, where that is not when it was recorded (imports); None: the same."""
    local_minute: int | None = None
    """Minute of the week (0 = Monday 00:00) in the location's zone, as its rules stood when it was recorded."""
    configuration: tuple[Governed, ...] = ()


class RecordedEvent(Struct, frozen=True):
    """A fact in its place in the log."""

    position: int
    """(transaction id + offset) << 20 | n: the order of the whole log; sparse, carried as a string in JSON."""
    tenant: UUID
    stream: UUID
    version: int
    """1..n within the stream, without gaps."""
    event_id: UUID
    tag: str
    recorded_at: datetime
    fact: Event
    envelope: Envelope

    @property
    def occurred_at(self) -> datetime:
        return self.envelope.occurred_at or self.recorded_at
