"""Our recorder: one call of `event_store.append` per command, through the library's own seam.

Everything beyond the stored events (tenant, command, claims, what was read) comes as keyword arguments of
`Application.save`, which the library hands through untouched. Reads carry none, so the tenant of a read comes from a
context variable, and a read without one is refused.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
import uuid_utils
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)

from application.event_store import Append, CapacityInUse, Carried, InFlight, Moved, SlotTaken, Unavailable
from infrastructure.event_store import statements
from infrastructure.event_store.claims import NO_EFFECT, Effect
from infrastructure.event_store.mapper import encoded_envelope
from infrastructure.postgres import packed
from infrastructure.postgres.pool import Lost, Pool, Refused, Session

_PATIENCE = 1.0
"""Seconds to wait for a command that is still being carried out before its outcome is called unknown."""

_TAKEN = ("claim_no_overlap", "claim_capacity", "claim_buffer", "claim_pacing")

_TENANT: ContextVar[UUID] = ContextVar("tenant_of_reads")


class NoTenant(ProgrammingError):
    """A stream was read without saying whose."""


class StreamMoved(Moved, IntegrityError):
    """In the port's words and in the library's."""


@contextlib.contextmanager
def reading_for(tenant: UUID) -> Iterator[None]:
    """Reads through the library (its repository) are this tenant's within the block."""
    token = _TENANT.set(tenant)
    try:
        yield
    finally:
        _TENANT.reset(token)


class Receipt:
    """Where an append leaves its answer: the library returns positions only."""

    __slots__ = ("carried",)

    def __init__(self) -> None:
        self.carried: Carried | None = None


class StreamRecorder(AggregateRecorder):
    """Streams of one tenant."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        command: Append | None = None,
        effect: Effect = NO_EFFECT,
        receipt: Receipt | None = None,
        session: Session | None = None,
        **_: Any,
    ) -> Sequence[int] | None:
        self.append(stored_events, command, effect, receipt, session)
        return None

    def append(
        self,
        stored_events: Sequence[StoredEvent],
        command: Append | None,
        effect: Effect,
        receipt: Receipt | None,
        session: Session | None,
    ) -> Sequence[int] | None:
        if command is None:
            if stored_events:
                raise ProgrammingError("Events are recorded under a command: save(..., command=Append(...))")
            return None
        parameters = parameters_of(stored_events, command, effect, nowait=session is not None)
        carried = (
            self._carry_out(parameters, command, effect)
            if session is None
            else self._within(session, parameters, command, effect)
        )
        if receipt is not None:
            receipt.carried = carried
            return None  # the whole answer is there; the library would wrap each position twice
        count = len(stored_events)
        return list(range(carried.position - count + 1, carried.position + 1))

    def _carry_out(self, parameters: list[bytes | None], command: Append, effect: Effect) -> Carried:
        """One call. When the connection is lost meanwhile, the command's row tells what became of it; when it is not
        there, trying once more is safe: whichever of the two comes second finds the other's row.

        After its deadline nothing of it can begin any more: the server refuses what it finds too late in its sockets.
        """
        session = self.pool.take()
        ends = session.ends
        statement = statements.APPEND if any(_rare(parameters)) else statements.PLAIN
        not_after = self.pool.clock.at(ends)
        parameters[NOT_AFTER] = None if not_after is None else packed.int8(not_after)
        if statement is statements.PLAIN:
            parameters = list(_common(parameters))
        tried = 1
        while True:
            try:
                try:
                    return _carried(session.call(statement, parameters), command)
                except Refused as refused:
                    return self._refused(session, refused, command, effect)
                finally:
                    self.pool.give(session)
            except Lost as lost:
                carried = self.resolve(command, ends, lost)
                if carried is not None:
                    return carried
                if tried == 2:
                    raise Unavailable(str(lost), unknown=True) from lost
                tried += 1
                session = self._again(ends, lost)

    def _again(self, ends: float, lost: Lost) -> Session:
        try:
            return self.pool.take(ends - time.monotonic())
        except Unavailable as unavailable:
            raise Unavailable(str(unavailable), unknown=True) from lost

    def resolve(self, command: Append, ends: float, lost: Lost) -> Carried | None:
        """What became of a command whose answer was lost, within its own deadline; several connections may be dead."""
        while True:
            if time.monotonic() >= ends:
                raise Unavailable(str(lost), unknown=True) from lost
            session = self._again(ends, lost)
            try:
                return self.recorded(session, command.tenant, command.envelope.command_id, _PATIENCE)
            except Lost:
                continue
            except (Refused, InFlight) as refused:
                raise Unavailable(str(refused), unknown=True) from lost
            finally:
                self.pool.give(session)

    def _within(self, session: Session, parameters: list[bytes | None], command: Append, effect: Effect) -> Carried:
        """The last act of the locked way. What is lost before its COMMIT was sent has not happened."""
        try:
            return _carried(session.call(statements.APPEND, parameters), command)
        except Lost as lost:
            raise Unavailable(str(lost)) from lost
        except Refused as refused:
            try:
                session.execute(b"ROLLBACK")
                return self._refused(session, refused, command, effect)
            except Lost as lost:
                raise Unavailable(str(lost)) from lost

    def _refused(self, session: Session, refused: Refused, command: Append, effect: Effect) -> Carried:
        """The refusal in the port's words. A key that is there already may be our own: the command is looked up
        before anything is answered."""
        constraint, state = refused.constraint, refused.sqlstate
        if constraint == "command_in_flight":
            raise InFlight from refused
        if constraint == "lock_busy" or state == "40P01":
            raise StreamMoved from refused
        if state in ("55P03", "57014") or state[:2] == "53":
            raise Unavailable(str(refused)) from refused
        if state not in ("23505", "23P01", "40001"):
            raise refused
        if constraint == "too_late":
            self.pool.clock.forget()  # we are not: it is not what it was taken for
        recorded = self.recorded(session, command.tenant, command.envelope.command_id, None)
        if recorded is not None:
            return recorded
        if constraint in _TAKEN:
            raise self._slot_taken(session, command, effect) from refused
        if constraint == "capacity_in_use":
            resource, _, used = refused.detail.partition(" ")
            raise CapacityInUse(UUID(resource), int(used)) from refused
        if constraint == "claim_pkey":
            raise refused  # one item claimed twice: no retry mends that
        raise StreamMoved from refused

    def _slot_taken(self, session: Session, command: Append, effect: Effect) -> SlotTaken | StreamMoved:
        takes = effect.takes
        row = asked(
            session,
            statements.REFUSAL,
            [
                command.tenant.bytes,
                None if command.decided_at is None else packed.moment(command.decided_at),
                packed.uuids([take.resource_id for take in takes]),
                packed.uuids([take.booking_id for take in takes]),
                packed.int4s([take.item for take in takes]),
                packed.moments([take.starts_at for take in takes]),
                packed.moments([take.ends_at for take in takes]),
                packed.int4s([take.units for take in takes]),
                packed.int4s([take.before for take in takes]),
                packed.int4s([take.after for take in takes]),
                packed.booleans([take.shared for take in takes]),
                packed.booleans([take.authorised for take in takes]),
            ],
        )
        resource, until, free, holds, earmarks, cause, peak = (row.get_value(0, column) for column in range(7))
        if resource is None:
            return StreamMoved()  # free again by now: decide again
        return SlotTaken(
            UUID(bytes=resource),
            None if until is None else packed.to_moment(until),
            None if free is None else packed.to_int(free),
            packed.to_uuids(holds or b""),
            cause.decode(),
            None if peak is None else packed.to_int(peak),
            packed.to_uuids(earmarks or b""),
        )

    def recorded(self, session: Session, tenant: UUID, command_id: UUID, patience: float | None) -> Carried | None:
        """The command's row; with patience, None is certain: whoever was carrying it out has ended."""
        try:
            wait = None if patience is None else packed.interval(patience)
            row = session.call(statements.OUTCOME, [tenant.bytes, command_id.bytes, wait])
        except Refused as refused:
            if refused.sqlstate == "55P03":
                raise InFlight from refused
            raise out_of_time(refused) from refused
        if row.ntuples == 0:
            return None
        position, at, answer, fingerprint = (row.get_value(0, column) or b"" for column in range(4))
        return Carried(packed.to_int(position), packed.to_moment(at), answer, fingerprint, replayed=True)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        tenant = _TENANT.get(None)
        if tenant is None:
            raise NoTenant("A stream was read without saying whose: use reading_for(tenant)")
        assert isinstance(originator_id, UUID)
        result = self._read(
            statements.STREAM,
            [
                tenant.bytes,
                originator_id.bytes,
                None if gt is None else packed.int8(gt),
                None if lte is None else packed.int8(lte),
                packed.boolean(desc),
                None if limit is None else packed.int4(limit),
            ],
        )
        value = result.get_value
        return [
            StoredEvent(originator_id, packed.to_int(value(row, 0)), value(row, 1).decode(), value(row, 2))
            for row in range(result.ntuples)
        ]

    def _read(self, statement: bytes, values: list[bytes | None]) -> Any:
        return read(self.pool, statement, values)


def out_of_time(refused: Refused) -> Exception:
    """A statement that the server gave up in time, or had no room for, says nothing about what was asked."""
    return Unavailable(str(refused)) if refused.sqlstate == "57014" or refused.sqlstate[:2] == "53" else refused


def asked(session: Session, statement: bytes, values: list[bytes | None]) -> Any:
    try:
        return session.call(statement, values)
    except Refused as refused:
        raise out_of_time(refused) from refused


def read(pool: Pool, statement: bytes, values: list[bytes | None]) -> Any:
    """A read may be asked again: of connections that a restart left dead the first says so, and empties the pool."""
    session = pool.take()
    ends = session.ends
    while True:
        try:
            return session.call(statement, values)
        except Lost as lost:
            if time.monotonic() >= ends:
                raise Unavailable(str(lost)) from lost
        except Refused as refused:
            if refused.sqlstate in ("57014", "55P03") or refused.sqlstate[:2] == "53":
                raise Unavailable(str(refused)) from refused
            raise
        finally:
            pool.give(session)
        session = pool.take(ends - time.monotonic())


class LogRecorder(StreamRecorder, ApplicationRecorder):
    """Streams, and the log of all tenants in its order. Notification ids are positions: they grow, with gaps."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        command: Append | None = None,
        effect: Effect = NO_EFFECT,
        receipt: Receipt | None = None,
        session: Session | None = None,
        **_: Any,
    ) -> Sequence[int] | None:
        return self.append(stored_events, command, effect, receipt, session)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        notifications: list[Notification] = []
        # Topics are looked for in pages of the log, so that a rare one does not make the server read all of it at once.
        page = max(limit, 500) if topics else limit
        while True:
            result = self._read(
                statements.LOG,
                [
                    packed.int8(after),
                    packed.int4(page),
                    None if stop is None else packed.int8(stop),
                ],
            )
            value = result.get_value
            for row in range(result.ntuples):
                after = packed.to_int(value(row, 0))
                tag = value(row, 3).decode()
                if topics and tag not in topics:
                    continue
                notifications.append(
                    Notification(
                        originator_id=UUID(bytes=value(row, 1)),
                        originator_version=packed.to_int(value(row, 2)),
                        topic=tag,
                        state=value(row, 4),
                        id=after,
                    )
                )
                if len(notifications) == limit:
                    return notifications
            if result.ntuples < page:
                return notifications

    def max_notification_id(self) -> int | None:
        last = self._read(statements.LAST, [packed.int8(0)]).get_value(0, 0)
        return None if last is None else packed.to_int(last)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        return LogSubscription(self, gt=gt, topics=topics)


class LogSubscription(ListenNotifySubscription[LogRecorder]):
    """Polls: a NOTIFY inside the append would hold a lock of the whole database through each commit."""

    def __init__(self, recorder: LogRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)

    def _loop_on_pull(self) -> None:
        try:
            while not self._has_been_stopped:
                self._pull()
                time.sleep(0.01)
        except BaseException as error:
            if self._thread_error is None:
                self._thread_error = error
            self.stop()


NOT_AFTER = statements.PARAMETERS - 1
_rare = itemgetter(*statements.RARE)
_common = itemgetter(*statements.COMMON)


def _carried(result: Any, command: Append) -> Carried:
    return Carried(
        int.from_bytes(result.get_value(0, 0), "big"),
        packed.to_moment(result.get_value(0, 1)),
        command.result,
        command.fingerprint,
    )


def parameters_of(
    stored_events: Sequence[StoredEvent], command: Append, effect: Effect, nowait: bool
) -> list[bytes | None]:
    envelope = command.envelope
    streams = [stored.originator_id.bytes for stored in stored_events]  # type: ignore[union-attr]
    takes = effect.takes
    decided_at: datetime | None = command.decided_at
    parameters: list[bytes | None] = [
        command.tenant.bytes,
        envelope.command_id.bytes,
        envelope.command.encode(),
        command.fingerprint,
        command.result,
        b"\x01" if command.keep else b"\x00",
        b"\x01" if nowait else b"\x00",
        None if decided_at is None else packed.moment(decided_at),
        packed.uuids(list(command.read)),
        packed.int8s(list(command.read.values())),
        packed.texts(command.also),
        packed.uuids(effect.released),
        packed.uuids(effect.settled),
    ]
    if takes:
        parameters += (
            packed.uuids([take.resource_id for take in takes]),
            packed.uuids([take.booking_id for take in takes]),
            packed.int4s([take.item for take in takes]),
            packed.moments([take.starts_at for take in takes]),
            packed.moments([take.ends_at for take in takes]),
            packed.int4s([take.units for take in takes]),
            packed.moments([take.expires_at for take in takes]),
        )
    else:
        parameters += (None, None, None, None, None, None, None)
    parameters += (
        packed.uuids(list(effect.resized)),
        packed.int4s(list(effect.resized.values())),
        packed.raw_uuids(streams),
        packed.int8s([stored.originator_version for stored in stored_events]),
        packed.raw_uuids([uuid_utils.uuid7().bytes for _ in streams]),
        packed.texts([stored.topic for stored in stored_events]),
        packed.byteas([stored.state for stored in stored_events]),
        encoded_envelope(envelope),
    )
    if any(take.before or take.after or take.shared or take.authorised or take.kind != "booking" for take in takes):
        parameters += (
            packed.int4s([take.before for take in takes]),
            packed.int4s([take.after for take in takes]),
            packed.booleans([take.shared for take in takes]),
            packed.booleans([take.authorised for take in takes]),
            packed.texts([take.kind for take in takes]),
        )
    else:
        parameters += (None, None, None, None, None)
    counted = command.tallies
    if effect.tallied:
        counted = {**{tally.who: NOT_SEEN for tally, _ in effect.tallied}, **counted}
    parameters += (
        packed.uuids(effect.revived),
        packed.uuids(list(effect.extended)),
        packed.moments(list(effect.extended.values())),
        packed.uuids(list(counted)),
        packed.int8s(list(counted.values())),
        rest_of(effect),
        None,  # not after: known when a connection is had
    )
    return parameters


NOT_SEEN = -1
"""In place of a mark: the person's rows are moved without having been looked at."""


def rest_of(effect: Effect) -> bytes | None:
    """What is rare, as JSON: each row names the stream that it follows from."""
    if not (effect.lifted or effect.overridden or effect.paced or effect.tallied or effect.retallied or effect.retimed):
        return None
    rest: dict[str, list[dict[str, Any]]] = {
        "lift": [{"stream": it.resource_id, "override": it.override_id} for it in effect.lifted],
        "override": [
            {"stream": it.resource_id, "override": it.override_id, "starts_at": it.starts_at, "ends_at": it.ends_at,
             "capacity": it.capacity}
            for it in effect.overridden
        ],
        "pace": [{"stream": it.resource_id, "units": it.units, "minutes": it.minutes} for it in effect.paced],
        "tally": [
            {"stream": it.booking_id, "who": it.who, "offering": it.offering_id, "location": it.location_id,
             "resources": it.resources, "starts_at": it.starts_at, "ends_at": it.ends_at, "state": state}
            for it, state in effect.tallied
        ],
        "retally": [{"stream": booking, "state": state} for booking, state in effect.retallied.items()],
        "retime": [
            {"stream": it.booking_id, "resources": it.resources, "starts_at": it.starts_at, "ends_at": it.ends_at}
            for it in effect.retimed
        ],
    }  # fmt: skip
    return packed.jsonb(msgspec.json.encode({part: rows for part, rows in rest.items() if rows}))
