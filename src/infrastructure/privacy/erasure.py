"""Carries out what an erasure asks for between its facts: what is requested is destroyed, and then it is said; what was
destroyed is looked for, and then it is certified.

Each step may be done any number of times, by anybody, and be killed at any moment: the log says how far the erasure
has come, the tombstone that the keys are gone, and the job is there until the next fact is recorded.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from application.bus import Answer, CommandBus
from application.message import Command, Occasion
from application.privacy.commands import Certify, Erase
from domain.personal import Sealed, personal_in
from domain.privacy.subject import Subject
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.privacy import seals
from infrastructure.privacy.journal import Journal
from infrastructure.privacy.keyring import Destroyed, Keyring


class Found(Struct, frozen=True):
    """What is left, for whoever looks."""

    tried: int
    opened: int
    rows: int


def on(_: str) -> None:
    """Nothing stops here."""


class Erasing:
    """A command bus for jobs: before these two commands are carried out, it does what they will say."""

    def __init__(
        self,
        bus: CommandBus,
        store: PostgresEventStore,
        keys: Keyring,
        journal: Journal,
        outbox: Path,
        after: Callable[[str], None] = on,
    ) -> None:
        """`outbox`: where letters lie until somebody sends them. `after` is told of each step once it is done: tests
        stop there."""
        self._bus = bus
        self._store = store
        self._keys = keys
        self._journal = journal
        self._outbox = outbox
        self._after = after

    def carry_out(self, command: Command, occasion: Occasion) -> Answer:
        match command:
            case Erase(user_id, request_id) if (basis := self._owed(occasion.tenant, user_id, request_id)) is not None:
                gone = self.destroy(occasion.tenant, user_id, request_id, basis)
                command = replace(command, keys=gone.keys, rows=gone.rows)
            case Certify(user_id):
                left = self.look(occasion.tenant, user_id)
                command = replace(command, tried=left.tried, opened=left.opened, found=left.rows)
        answer = self._bus.carry_out(command, occasion)
        self._after(type(command).__name__)
        return answer

    def _owed(self, tenant: UUID, user_id: UUID, request: UUID) -> str | None:
        """The basis of a request that stands in the log; a job alone destroys nothing."""
        stream = Subject.of(user_id)
        recorded = self._store.load(tenant, [stream]).streams[stream]
        subject = Subject(stream).after(one.fact for one in recorded)
        return subject.basis if subject.gone and subject.request_id == request else None

    def destroy(self, tenant: UUID, user_id: UUID, request: UUID, basis: str) -> Destroyed:
        """First what is found by their address, while it can be read; then keys and rows in one transaction, of which
        every process hears; then the journal; then what else was kept."""
        self._letters(tenant, user_id)
        self._after("letters")
        gone = self._keys.carry_out_erasure(tenant, user_id, request, basis)
        self._after("destroyed")
        self._journal.append(tenant, user_id, gone.request, gone.basis, gone.at)
        self._after("journalled")
        ids = {one.envelope.command_id for one in self._store.load(tenant, [user_id]).streams[user_id]}
        self._store.forget_answers(tenant, sorted(ids))
        self._after("forgotten")
        return gone

    def _letters(self, tenant: UUID, user_id: UUID) -> None:
        """Letters to them that were not fetched yet."""
        addresses = set()
        for sealed in self._sealed(tenant, user_id):
            if sealed.of.endswith(".email"):
                with contextlib.suppress(seals.Broken):
                    addresses |= {it.lower() for it in self._keys.open(tenant, [sealed]) if isinstance(it, str)}
        for letter in self._outbox.glob("*") if addresses else ():
            with contextlib.suppress(OSError):
                said = letter.read_text(errors="replace").lower()
                if any(address in said for address in addresses):
                    letter.unlink()

    def look(self, tenant: UUID, user_id: UUID) -> Found:
        """Everything that was sealed about them is tried, with whatever keys there are."""
        tried = opened = 0
        for sealed in self._sealed(tenant, user_id):
            tried += 1
            with contextlib.suppress(seals.Broken):
                opened += any(isinstance(text, str) for text in self._keys.open(tenant, [sealed]))
        return Found(tried, opened, self._keys.left_of(tenant, user_id))

    def _sealed(self, tenant: UUID, user_id: UUID) -> Iterator[Sealed]:
        streams: Sequence[UUID] = [user_id]
        for recorded in self._store.load(tenant, streams).streams.values():
            for one in recorded:
                yield from (value for _, value in personal_in(one.fact) if isinstance(value, Sealed))
