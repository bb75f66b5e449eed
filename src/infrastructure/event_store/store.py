"""The port `application.event_store.EventStore`, kept by PostgreSQL through the library's Application."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from application.event_store import (
    Append,
    Carried,
    CountedBooking,
    EventStore,
    Loaded,
    Moved,
    NewEvent,
    Tallied,
    Unavailable,
    UnreadableHistory,
)
from application.recorded import RecordedEvent
from application.sealing import Keys
from domain.availability.setup import Use
from domain.claims import claims_of
from domain.personal import sealed
from infrastructure.event_store import recorder, statements
from infrastructure.event_store.application import Daybook
from infrastructure.event_store.claims import ClaimsOf, effect_of
from infrastructure.event_store.log import Reader, Unreadable
from infrastructure.event_store.mapper import Entry
from infrastructure.postgres import packed
from infrastructure.postgres.pool import DEADLINE, Lost, Refused, Session


class UnreadableStream(UnreadableHistory):
    """A stream holds an event that this version cannot read; nothing can be decided on it."""

    def __init__(self, event: Unreadable) -> None:
        super().__init__(f"{event.tag} at {event.position} ({event.stream} v{event.version}): {event.error}")
        self.event = event


class ExpiredHold(Struct, frozen=True):
    tenant: UUID
    booking_id: UUID
    expires_at: datetime


class _Calls:
    """What the store does by itself and what it does inside a locked transaction, over where a session comes from."""

    def __init__(self, application: Daybook, of: ClaimsOf, keys: Keys | None) -> None:
        self.application = application
        self._of = of
        self._keys = keys

    def _read(self, statement: bytes, values: list[bytes | None]) -> Any:
        raise NotImplementedError

    def load(self, tenant: UUID, streams: Sequence[UUID]) -> Loaded:
        """Several streams in one query, with the database's clock."""
        result = self._read(statements.LOAD, [tenant.bytes, packed.uuids(streams)])
        self.application.pool.clock.saw(packed.to_int(result.get_value(0, 0)))
        return _loaded(result, tenant, streams)

    def occupancy(self, tenant: UUID, resources: Sequence[UUID], since: datetime, until: datetime) -> list[Use]:
        """What stands on these resources within a period, dead holds included: by resource and start."""
        if not resources:
            return []
        result = self._read(
            statements.CLAIMS, [tenant.bytes, packed.uuids(resources), packed.moment(since), packed.moment(until)]
        )
        value = result.get_value
        return [
            Use(
                resource_id=UUID(bytes=value(row, 0)),
                booking_id=UUID(bytes=value(row, 1)),
                item=packed.to_int(value(row, 2)),
                starts_at=packed.to_moment(value(row, 3)),
                ends_at=packed.to_moment(value(row, 4)),
                units=packed.to_int(value(row, 5)),
                expires_at=None if (expiry := value(row, 6)) is None else packed.to_moment(expiry),
                authorised=value(row, 7) == b"\x01",
                before=packed.to_int(value(row, 8)),
                after=packed.to_int(value(row, 9)),
                shared=value(row, 10) == b"\x01",
                kind=value(row, 11).decode(),
            )
            for row in range(result.ntuples)
        ]

    def tallies(self, tenant: UUID, people: Sequence[UUID], since: datetime | None = None) -> dict[UUID, Tallied]:
        """What counts against the quotas of each, with the mark of that moment."""
        if not people:
            return {}
        result = self._read(
            statements.TALLIES,
            [tenant.bytes, packed.uuids(list(people)), None if since is None else packed.moment(since)],
        )
        value = result.get_value
        marks: dict[UUID, int] = {}
        rows: dict[UUID, list[CountedBooking]] = {}
        for row in range(result.ntuples):
            who = UUID(bytes=value(row, 0))
            marks[who] = packed.to_int(value(row, 1))
            counted = rows.setdefault(who, [])
            if value(row, 2) is None:
                continue  # the person's own row: there is nothing
            counted.append(
                CountedBooking(
                    who=who,
                    booking_id=UUID(bytes=value(row, 2)),
                    offering_id=None if (offering := value(row, 3)) is None else UUID(bytes=offering),
                    location_id=UUID(bytes=value(row, 4)),
                    resources=tuple(packed.to_uuids(value(row, 5))),
                    starts_at=packed.to_moment(value(row, 6)),
                    ends_at=packed.to_moment(value(row, 7)),
                    state=value(row, 8).decode(),
                    expires_at=None if (expiry := value(row, 9)) is None else packed.to_moment(expiry),
                )
            )
        return {who: Tallied(mark, rows[who]) for who, mark in marks.items()}

    def _append(self, what: Append, session: Session | None) -> Carried:
        events = what.events if self._keys is None else [_sealed(self._keys, what.tenant, one) for one in what.events]
        receipt = recorder.Receipt()
        self.application.save(
            *[Entry(event.stream, event.version, event.fact) for event in events],
            command=what,
            effect=effect_of(events, self._of),
            receipt=receipt,
            session=session,
        )
        assert receipt.carried is not None
        return receipt.carried


class PostgresEventStore(_Calls):
    """One per process: it owns the pool. Every call ends within the deadline."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        deadline: float = DEADLINE,
        env: Mapping[str, str] | None = None,
        of: ClaimsOf = claims_of,
        keys: Keys | None = None,
    ) -> None:
        """Without `keys` no fact with a personal value can be recorded."""
        super().__init__(Daybook(url, pool_size=pool_size, deadline=deadline, env=dict(env or {})), of, keys)
        self.pool = self.application.pool

    def close(self) -> None:
        self.application.close()

    def __enter__(self) -> "PostgresEventStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, statement: bytes, values: list[bytes | None]) -> Any:
        return recorder.read(self.pool, statement, values)

    def append(self, what: Append) -> Carried:
        """Record, or say why not."""
        return self._append(what, None)

    def outcome(self, tenant: UUID, command_id: UUID) -> Carried | None:
        """What became of a command. `InFlight` when it is still being carried out after a second."""
        for last in (False, True):
            with self.pool.session() as session:
                try:
                    return self.application.log_recorder.recorded(session, tenant, command_id, 1.0)
                except Lost as lost:
                    if last:
                        raise Unavailable(str(lost)) from lost
        raise AssertionError

    @contextlib.contextmanager
    def locked(self, tenant: UUID, keys: Sequence[str]) -> Iterator[EventStore]:
        """The locked way: one transaction that holds these keys from its first act. Without an append nothing is
        written, and it ends in a rollback."""
        session = self.pool.take()
        inside = _Locked(self.application, self._of, self._keys, session)
        try:
            try:
                session.execute(b"BEGIN ISOLATION LEVEL READ COMMITTED")
                session.call(statements.LOCK, [tenant.bytes, packed.texts(list(keys)) or packed.texts([""])])
            except Lost as lost:
                raise Unavailable(str(lost)) from lost
            except Refused as refused:
                if refused.sqlstate in ("55P03", "57014"):
                    raise Unavailable("Others held what this command needs for too long.") from refused
                if refused.sqlstate == "40P01":
                    raise Moved from refused
                raise
            yield inside
        finally:
            if not inside.ended:
                with contextlib.suppress(Lost, Refused):
                    session.execute(b"ROLLBACK")
            self.pool.give(session)

    def expired_holds(self, limit: int = 100) -> list[ExpiredHold]:
        """Holds past their expiry by the database's clock, all tenants, oldest first."""
        result = self._read(statements.EXPIRED, [packed.int4(limit)])
        value = result.get_value
        return [
            ExpiredHold(UUID(bytes=value(row, 0)), UUID(bytes=value(row, 1)), packed.to_moment(value(row, 2)))
            for row in range(result.ntuples)
        ]

    def forget_commands(self, older_than_days: float = 30, limit: int = 10_000) -> int:
        """Forgets up to `limit` answers that are too old to be asked for again; returns how many."""
        result = self._read(statements.FORGET, [packed.interval(older_than_days * 86_400), packed.int4(limit)])
        return packed.to_int(result.get_value(0, 0))

    def forget_answers(self, tenant: UUID, commands: Sequence[UUID]) -> int:
        """What these commands were answered, and the keyed hashes of what they asked; how many."""
        result = self._read(statements.FORGET_ANSWERS, [tenant.bytes, packed.uuids(list(commands))])
        return packed.to_int(result.get_value(0, 0))


class _Locked(_Calls):
    """The store inside a locked transaction."""

    def __init__(self, application: Daybook, of: ClaimsOf, keys: Keys | None, session: Session) -> None:
        super().__init__(application, of, keys)
        self._session = session
        self.ended = False

    def _read(self, statement: bytes, values: list[bytes | None]) -> Any:
        self._open()
        try:
            return self._session.call(statement, values)
        except Lost as lost:
            raise Unavailable(str(lost)) from lost
        except Refused as refused:
            if refused.sqlstate in ("57014", "55P03"):
                raise Unavailable(str(refused)) from refused
            raise

    def _open(self) -> None:
        if self.ended:
            raise RuntimeError("append was the last act of this transaction")

    def append(self, what: Append) -> Carried:
        """The last act, and the commit."""
        self._open()
        self.ended = True
        try:
            carried = self._append(what, self._session)
        except BaseException:
            with contextlib.suppress(Lost, Refused):
                self._session.execute(b"ROLLBACK")
            raise
        try:
            self._session.execute(b"COMMIT")
        except Lost as lost:
            return self._settled(what, carried, lost)
        return carried

    def _settled(self, what: Append, carried: Carried, lost: Lost) -> Carried:
        """The answer to COMMIT was lost: its command's row tells."""
        if self.application.log_recorder.resolve(what, self._session.ends, lost) is None:
            raise Unavailable(str(lost)) from lost
        return carried

    def outcome(self, tenant: UUID, command_id: UUID) -> Carried | None:
        self._open()
        try:
            return self.application.log_recorder.recorded(self._session, tenant, command_id, None)
        except Lost as lost:
            raise Unavailable(str(lost)) from lost

    def locked(self, tenant: UUID, keys: Sequence[str]) -> contextlib.AbstractContextManager[EventStore]:  # noqa: ARG002
        raise RuntimeError("the locks of a transaction are taken in its first act, all at once")


def _sealed(keys: Keys, tenant: UUID, event: NewEvent) -> NewEvent:
    """What it says about people, sealed in its place: nothing else goes into the log."""
    if not event.fact.personal:
        return event
    place = f"{event.stream}:{event.version}"
    return replace(event, fact=sealed(event.fact, lambda field, value: keys.seal(tenant, f"{place}:{field}", value)))


def _loaded(result: Any, tenant: UUID, streams: Sequence[UUID]) -> Loaded:
    value = result.get_value
    found: dict[UUID, list[RecordedEvent]] = {stream: [] for stream in streams}
    known = {stream.bytes: stream for stream in streams}
    reader = Reader()
    for row in range(result.ntuples):
        stream = value(row, 1)
        if stream is None:
            break  # the clock's own row: there is nothing
        event = reader.event(
            (
                packed.to_int(value(row, 8)),
                tenant,
                known[stream],
                packed.to_int(value(row, 2)),
                UUID(bytes=value(row, 3)),
                value(row, 4).decode(),
                value(row, 5),
                value(row, 6),
                packed.to_moment(value(row, 7)),
            )
        )
        if isinstance(event, Unreadable):
            raise UnreadableStream(event)
        found[event.stream].append(event)
    return Loaded(packed.to_moment(value(0, 0)), found)
