"""The two doors inside: commands are carried out, queries are answered."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from application import access, reach, showing
from application.booking import commands as booking
from application.event_store import CapacityInUse as StoreCapacityInUse
from application.event_store import (
    Carried,
    Cause,
    EventStore,
    InFlight,
    Moved,
    SlotTaken,
    Unavailable,
    UnreadableHistory,
)
from application.message import Command, Occasion, Query, Scope
from application.permission import FOR_DEPENDANTS, permitted
from application.recorded import Actor, Origin
from application.sealing import Fingerprint, unkeyed
from application.unit_of_work import Handler, UnitOfWork
from application.waitlist import commands as waitlist
from domain.booking import errors as booking_errors
from domain.errors import Conflict, Forbidden, Refusal, Rule, Unknown
from domain.resource.errors import CapacityInUse

OPTIMISTIC_ATTEMPTS = 4
"""How often a command decides anew before it takes its locks first."""
LOCKED_ATTEMPTS = 6
UNKNOWN_ATTEMPTS = 3
"""How often a command whose fate is unknown is looked up and tried again, under its one id."""
PAUSE = 0.004
"""Seconds; doubled at each attempt, with jitter."""


class CommandInFlight(Conflict):
    """The same command is being carried out at this moment: ask again shortly."""


class Contended(Conflict):
    """Too many others are changing the same thing: try again."""


class KeyUsedDifferently(Rule):
    """This Idempotency-Key belongs to another request: use a new key for a new request."""


class ViewBehind(Unavailable):
    """What was to be seen is in the log, but the view has not yet taken it in: ask again in a moment."""


class Answer(Struct, frozen=True):
    """What became of a command."""

    position: int
    """Where its last event stands; where nothing happened, the latest position that it read."""
    result: dict[str, Any]
    """`id` and `version` of the stream it changed, and what its handler adds."""
    replayed: bool = False
    """It had been carried out before, and this is the answer of then."""
    changed: bool | None = True
    """False where nothing happened; None where it was replayed, for the log keeps the answer and not this."""


class CommandBus:
    """Permission, idempotency, bounded retry, and certainty about what happened."""

    def __init__(
        self,
        store: EventStore,
        handlers: Mapping[type[Command], Handler],
        numbers: Callable[[], int],
        log: access.AccessLog | None = None,
        fingerprint: Fingerprint = unkeyed,
    ) -> None:
        """`log`: where refused attempts are recorded; None for a bus on which things are only tried out, as which one
        may do without a keyed `fingerprint`."""
        self._fingerprint = fingerprint
        self._store = store
        self._handlers = handlers
        self._numbers = numbers
        self._log = log or access.Unrecorded()

    def over(self, store: EventStore) -> "CommandBus":
        """The same bus over another look at the log."""
        return CommandBus(store, self._handlers, self._numbers, self._log, self._fingerprint)

    def carry_out(self, command: Command, occasion: Occasion) -> Answer:
        """Decide and record; `Refusal` says why not, `Unavailable` that nothing could be known or done in time."""
        try:
            return self._carried_out(command, occasion)
        except Refusal as refusal:
            other = command.instead(refusal)
            if other is None:
                if access.somebody(occasion):
                    self._log.record([access.refused(command, occasion, refusal)])
                raise
            # Under a name of its own, made from the first: asked again, the same becomes of it.
            name = f"instead:{refusal.code}:{type(other).__name__}"
            return self.carry_out(other, replace(occasion, command_id=uuid5(occasion.command_id, name)))

    def _carried_out(self, command: Command, occasion: Occasion) -> Answer:
        scope = permitted(command, occasion.actor.role, occasion.scopes)
        fingerprint = self._fingerprint(occasion.tenant, type(command).__name__, msgspec.json.encode(command))
        for attempt in range(UNKNOWN_ATTEMPTS):
            try:
                # From the second time on something of it may be on its way still, and arrive while this is decided.
                return self._decided(command, occasion, scope, fingerprint, sought=occasion.keyed or attempt > 0)
            except Unavailable as unavailable:
                # The command may be in the log although nobody could say so: its id tells. Absent, it is safe to try
                # again, for the id can be recorded only once.
                if not unavailable.unknown:
                    raise
                try:
                    carried = self._store.outcome(occasion.tenant, occasion.command_id)
                except (InFlight, Unavailable):
                    raise unavailable from None  # it may still come to pass: unknown is all that can be said
                if carried is not None:
                    return replayed(carried, fingerprint, again=False)
                if attempt == UNKNOWN_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _decided(self, command: Command, occasion: Occasion, scope: Scope, fingerprint: bytes, sought: bool) -> Answer:
        works: list[UnitOfWork] = []
        last: SlotTaken | None = None
        for attempt in range(OPTIMISTIC_ATTEMPTS + LOCKED_ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0.5, 1.0) * PAUSE * 2 ** min(attempt, 5))  # noqa: S311
            try:
                if attempt < OPTIMISTIC_ATTEMPTS:
                    return self._once(self._store, command, occasion, scope, fingerprint, sought, works)
                touched = {name for work in works for name in work.touched}
                with self._store.locked(occasion.tenant, sorted(touched)) as locked:
                    return self._once(locked, command, occasion, scope, fingerprint, sought, works)
            except Moved:
                continue
            except InFlight:
                raise CommandInFlight from None
            except SlotTaken as taken:
                if taken.holds or taken.earmarks:
                    self._make_way(taken, occasion)
                elif works[-1].chose:
                    last = taken  # what it chose was taken meanwhile: it chooses again
                else:
                    raise refused(taken) from None
            except booking_errors.StillToExpire as dead:
                self._expire(dead.detail["booking_id"], occasion)
            except StoreCapacityInUse as small:
                raise CapacityInUse(resource_id=small.resource_id, in_use=small.in_use) from None
        raise Contended if last is None else refused(last)

    def _once(
        self,
        store: EventStore,
        command: Command,
        occasion: Occasion,
        scope: Scope,
        fingerprint: bytes,
        sought: bool,
        works: list[UnitOfWork],
    ) -> Answer:
        """`sought`: the command may be in the log already, and that is looked up before anything is refused."""
        work = UnitOfWork(store, occasion, scope, self._numbers, FOR_DEPENDANTS.get(type(command)))
        works.append(work)
        try:
            self._handlers[type(command)](command, work)
            batch = work.append(type(command).__name__, fingerprint)
        except Refusal:
            # Its own first success may be why it is refused now.
            if sought and (before := self._before(occasion, fingerprint)) is not None:
                return before
            raise
        if batch is None:
            before = self._before(occasion, fingerprint) if sought else None
            return before or Answer(work.position, work.result, changed=False)
        answer = replayed(store.append(batch), fingerprint)
        return answer if batch.events or answer.replayed else replace(answer, changed=False)

    def _before(self, occasion: Occasion, fingerprint: bytes) -> Answer | None:
        carried = self._store.outcome(occasion.tenant, occasion.command_id)
        return None if carried is None else replayed(carried, fingerprint, again=True)

    def _make_way(self, taken: SlotTaken, occasion: Occasion) -> None:
        """Expire the dead holds that stand in the way, and what was kept for somebody who waits and is no more; one
        that cannot be expired stands as if it were alive."""
        try:
            for hold in taken.holds:
                self._expire(hold, occasion)
            for ticket in taken.earmarks:
                self._clear(waitlist.EndEarmark(ticket), ticket, occasion)
        except (Refusal, UnreadableHistory):
            raise refused(taken) from None

    def _expire(self, booking_id: UUID, occasion: Occasion) -> None:
        self._clear(booking.ExpireHold(booking_id), booking_id, occasion)

    def _clear(self, command: Command, dead: UUID, occasion: Occasion) -> None:
        """What is dead and in the way goes through the front door, so that nobody displaces a claim silently."""
        self.carry_out(
            command,
            Occasion(
                tenant=occasion.tenant,
                actor=Actor("system", "hold-expiry", "system"),
                origin=Origin(occasion.origin.channel, request_id=occasion.origin.request_id),
                command_id=uuid5(occasion.command_id, f"expire:{dead}"),
                correlation_id=occasion.correlation_id or occasion.command_id,
                occurred_at=occasion.occurred_at,
            ),
        )


def replayed(carried: Carried, fingerprint: bytes, again: bool | None = None) -> Answer:
    """The answer that the log keeps for this command; another body under the same key is refused."""
    if not compare_digest(carried.fingerprint, fingerprint):
        raise KeyUsedDifferently
    was = carried.replayed if again is None else again
    return Answer(carried.position, msgspec.json.decode(carried.result), was, None if carried.replayed else True)


def refused(taken: SlotTaken) -> Refusal:
    """Why a claim was refused, in the words of the domain and without a word about whose it is."""
    code = CODES[taken.cause]
    reason = {
        "code": code,
        "resource_id": taken.resource_id,
        "until": taken.until,
        "peak": taken.peak,
        "free": taken.free,
    }
    kind = booking_errors.SlotHeld if taken.held else booking_errors.SlotTaken
    return kind(reasons=[{name: value for name, value in reason.items() if value is not None}])


CODES: dict[Cause, str] = {
    "occupied": "OCCUPIED",
    "capacity": "CAPACITY",
    "buffer": "BUFFER",
    "held": "HELD",
    "earmark": "WAITLIST_EARMARK",
    "pacing": "PACING",
}


Answerer = Callable[[Any, Occasion, Scope], Awaitable[Any]]


class QueryBus:
    """Permission first; then the view that owns the table answers. What was denied is recorded."""

    def __init__(self, answerers: Mapping[type[Query], Answerer], log: access.AccessLog | None = None) -> None:
        self._answerers = answerers
        self._log = log or access.Unrecorded()

    async def ask(self, query: Query, occasion: Occasion) -> Any:
        try:
            return await self._answered(query, occasion)
        except (Forbidden, Unknown) as refusal:
            if access.somebody(occasion):
                await asyncio.to_thread(self._log.record, [access.refused(query, occasion, refusal)])
            raise

    async def _answered(self, query: Query, occasion: Occasion) -> Any:
        scope = permitted(query, occasion.actor.role, occasion.scopes)
        if occasion.within:
            if type(query) in showing.WHOLE:
                raise reach.OutOfReach
            if (first := showing.AS.get(type(query))) is not None:
                await self._answered(first(query), occasion)
        answer = await self._answerers[type(query)](query, occasion, scope)
        return showing.shown(query, answer, occasion.within)
