"""The journal of erasures: a file beside the database, in no backup of it. A database that was put back to an earlier
day knows again whom it had forgotten; the journal knows better.

One JSON line an erasure, of ids and a code alone. The file is only ever added to; whoever was torn away while writing
leaves a line without an end, which is no line. The same erasure may stand there twice.
"""

import fcntl
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct

from infrastructure.embedded.child import Unstartable
from infrastructure.postgres.migrate import KEYS_ROLE
from infrastructure.settings import Settings

NAME = "erasures.journal"


class Erasure(Struct, frozen=True):
    """Who was erased, and when."""

    tenant: UUID
    subject: UUID
    request: UUID
    basis: str
    at: datetime


class JournalAhead(Unstartable):
    """The database knows nothing of erasures that the journal names."""


class UnreadableJournal(Unstartable):
    """A line of the journal is none."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Erasure).decode


class Journal:
    """`append` and `entries`; many processes may use one file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @classmethod
    def of(cls, settings: Settings) -> "Journal":
        return cls(settings.data / NAME)

    def append(self, tenant: UUID, subject: UUID, request: UUID, basis: str, at: datetime) -> None:
        """Returns once it is on disk. What stands there already is not written again."""
        line = Erasure(tenant, subject, request, basis, at.astimezone(UTC))
        self.file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if line in self.entries():
                return
            size = os.fstat(handle).st_size
            torn = size and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, (b"\n" if torn else b"") + _encode(line) + b"\n")
            os.fsync(handle)
            folder = os.open(self.file.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        finally:
            os.close(handle)

    def entries(self) -> Sequence[Erasure]:
        """All erasures, in the order in which they were carried out. Of a torn line nothing is known but that the
        erasure was not at its end: it is carried out again, and written again."""
        try:
            *lines, _ = self.file.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(_decode(line))
            except msgspec.MsgspecError as error:
                if not _torn(line):
                    raise UnreadableJournal(f"Line {number} of {self.file} is no erasure: {error}") from None
        return found


def _torn(line: bytes) -> bool:
    """The beginning of a line, whose writer was torn away."""
    return not line.endswith(b"}")


def behind(settings: Settings) -> Sequence[Erasure]:
    """Erasures of the journal that the database does not know. Where no database answers there is nothing to be said
    yet, and where it is not migrated nothing to be brought back."""
    wanted = Journal.of(settings).entries()
    if not wanted or settings.database_url is None:
        return []
    patience = max(2, round(settings.database_deadline))
    try:
        with psycopg.connect(settings.database_url, connect_timeout=patience, autocommit=True) as connection:
            there = connection.execute("SELECT to_regprocedure('privacy.not_erased(uuid[],uuid[])') IS NOT NULL")
            if there.fetchone() != (True,):
                return []
            with connection.transaction():
                connection.execute(f"SET LOCAL ROLE {KEYS_ROLE}")
                rows = connection.execute(
                    "SELECT * FROM privacy.not_erased(%s::uuid[], %s::uuid[])",
                    [[one.tenant for one in wanted], [one.subject for one in wanted]],
                ).fetchall()
    except psycopg.OperationalError:
        return []
    missing = set(rows)
    return [one for one in wanted if (one.tenant, one.subject) in missing]


def require_replayed(settings: Settings) -> None:
    """Nobody is served from a database that knows again who was erased."""
    missing = {(one.tenant, one.subject) for one in behind(settings)}
    if missing:
        raise JournalAhead(
            f"The journal of erasures ({Journal.of(settings).file}) names {len(missing)} people who are not erased in "
            "this database, which must come from a backup: run `daybook erasures replay`, then start again."
        )
