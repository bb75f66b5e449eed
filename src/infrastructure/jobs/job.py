"""A job: one command that is due at its time, written so that it can be carried out however often it is tried."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from application.handlers import HANDLERS
from application.message import Command, Occasion
from application.reaction import Do
from application.recorded import Actor, Origin, RecordedEvent

TASK = "daybook.carry_out"
QUEUE = "steps"
ACTOR = Actor("system", "reactions", "system")


class UnknownCommand(Exception):
    """No command is known under this name: newer software wrote the job."""


class Job(Struct, frozen=True):
    """What a job carries."""

    tenant: UUID
    entity: UUID
    step: str
    """The step and when it is due, or the fact that it follows from at once: with the entity, its name for ever."""
    command: str
    body: dict[str, Any]
    correlation_id: UUID
    causation_id: UUID

    @property
    def queueing_lock(self) -> str:
        return f"{self.tenant}:{self.entity}:{self.step}"

    @property
    def occasion(self) -> Occasion:
        return Occasion(
            tenant=self.tenant,
            actor=ACTOR,
            origin=Origin("worker"),
            command_id=uuid5(self.entity, self.step),
            keyed=True,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
        )

    def decoded(self) -> Command:
        kind = _named().get(self.command)
        if kind is None:
            raise UnknownCommand(self.command)
        return msgspec.convert(self.body, kind)


def job_of(do: Do, because: RecordedEvent) -> Job:
    # Without a time it is the fact that names it: the same step at once, twice, is two steps.
    when = str(because.event_id) if do.due_at is None else do.due_at.astimezone(UTC).isoformat()
    return Job(
        tenant=because.tenant,
        entity=do.entity,
        step=f"{do.step}:{when}",
        command=type(do.command).__name__,
        body=msgspec.to_builtins(do.command),
        correlation_id=because.envelope.correlation_id,
        causation_id=because.event_id,
    )


def due(do: Do, because: RecordedEvent) -> datetime:
    """Always a time, so that what is due is found by it."""
    return do.due_at or because.recorded_at


_names: dict[str, type[Command]] = {}


def _named() -> dict[str, type[Command]]:
    if not _names:
        _names.update({kind.__name__: kind for kind in HANDLERS})
    return _names
