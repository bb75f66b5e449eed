"""Carrying out a history: plan, make room, then one command after the other as they happened."""

import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from application.bus import CommandBus
from application.event_store import EventStore, Unavailable
from domain.errors import Refusal
from interfaces.history.memory import Memory
from interfaces.history.plan import SILENT, Deed, Plan, Pulse, Remark, sentence
from interfaces.history.source import Table
from interfaces.history.story import Mapping, own_organization


class Stopped(Exception):
    """A command was refused, or the database did not answer; nothing after it has been done."""


class Outcome(Struct, frozen=True):
    """What became of a file."""

    organization: UUID
    rows: int
    refused: dict[str, int]
    """Rows by the rule that refused them."""
    settled: dict[str, int]
    """Rows by the rule that settled them; a row may be settled in two ways."""
    commands: int
    """All that the rows are, whether carried out now or before."""
    carried_out: int
    events: int
    """Recorded now."""
    seconds: float
    """Spent on carrying out, without reading and planning."""

    @property
    def rate(self) -> float:
        """Commands a second."""
        return self.carried_out / self.seconds if self.seconds else 0.0


def bring_in(
    table: Table,
    mapping: Mapping,
    bus: CommandBus,
    store: EventStore,
    now: datetime,
    remark: Callable[[Remark], None],
    pulse: Pulse = SILENT,
    organization: UUID | None = None,
    limit: int | None = None,
) -> Outcome:
    """Import a file; what earlier runs brought in is left as it is.

    Raises `Unusable` before anything has been done, `Interrupted` between two commands, and `Stopped`.
    """
    tenant = organization or own_organization(mapping)
    plan = Plan(mapping, tenant, store, found=organization is None, now=now)
    try:
        plan.read(table, limit, remark, pulse)
        began = time.perf_counter()
        memory = Memory(store)
        carried_out, events = carry_out(plan, bus.over(memory), pulse, memory)
        return Outcome(
            tenant, plan.rows, dict(plan.refused), dict(plan.settled), plan.commands, carried_out, events,
            time.perf_counter() - began,
        )  # fmt: skip
    finally:
        plan.close()


def carry_out(plan: Plan, bus: CommandBus, pulse: Pulse, memory: Memory) -> tuple[int, int]:
    """Everything that is left of the plan; answers with how many commands and events that was. `memory`: the bus's."""
    total = plan.left
    if not total:
        return 0, 0
    beginnings = plan.beginnings()
    events = 0
    pulse.begins("Carrying out", total)
    for deed in beginnings:
        events += carried(deed, bus, memory)
        pulse.beat(0, 0)
    for n, deed in enumerate(plan.rest(), start=1):
        events += carried(deed, bus, memory)
        pulse.beat(n, n)
    return total + len(beginnings), events


def carried(deed: Deed, bus: CommandBus, memory: Memory) -> int:
    """Carry one command out, under an id that makes a second time harmless."""
    try:
        try:
            answer = bus.carry_out(deed.command, deed.occasion)
        except Refusal:
            memory.forget()  # it may be too old: what counts is what the log says now
            answer = bus.carry_out(deed.command, deed.occasion)
    except Refusal as refusal:
        raise Stopped(
            f"Line {deed.line}: '{deed.name}' was refused when its turn came: {sentence(refusal)} Nothing after it has "
            "been done. Somebody may have changed what the import needs; the next run tries it again."
        ) from None
    except Unavailable as unavailable:
        raise Stopped(
            f"Line {deed.line}: {unavailable} Run the same command again: it goes on where this one stopped."
        ) from None
    return 0 if answer.replayed or answer.changed is False else deed.events
