"""Rows of migration 0009: what stands behind signed links, API keys and logins elsewhere, and is no fact."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from application.event_store import Unavailable
from infrastructure.postgres import packed
from infrastructure.postgres.pool import DEADLINE, Lost, Pool, Refused

_USED, _USES, _SPEND = b"key_used", b"keys_used", b"spend"
_EXTERNAL, _LINK, _SIGNING = b"external_user", b"link_external", b"signing_keys"
PREPARED: Mapping[bytes, bytes] = {
    _USED: b"SELECT identity.key_used($1, $2)",
    _USES: b"SELECT * FROM identity.keys_used($1)",
    _SPEND: b"SELECT identity.spend($1, $2, $3)",
    _EXTERNAL: b"SELECT identity.external_user($1, $2, $3)",
    _LINK: b"SELECT identity.link_external($1, $2, $3, $4)",
    _SIGNING: b"SELECT kid, box, alone, (created_at * 1000)::bigint FROM identity.signing_keys()",
}


class Stored:
    """A signing key as it is kept."""

    __slots__ = ("alone", "box", "created_at", "kid")

    def __init__(self, kid: str, box: bytes, alone: bool, created_at: float) -> None:
        self.kid, self.box, self.alone, self.created_at = kid, box, alone, created_at


class LinkRows:
    """One a process; it connects at its first use. Every call is one round trip, `Unavailable` when not in time."""

    def __init__(self, url: str, deadline: float = DEADLINE) -> None:
        self._pool = Pool(url, PREPARED, size=2, deadline=deadline, name="links")
        self._starting = threading.Lock()
        self._started = False

    def close(self) -> None:
        with self._starting:
            if self._started:
                self._pool.close()

    def signing_keys(self) -> list[Stored]:
        """In the order in which they were made."""
        rows = self._call(_SIGNING, [])
        return [
            Stored(value(row, 0).decode(), value(row, 1), value(row, 2) == b"\x01", packed.to_int(value(row, 3)) / 1000)
            for value in [rows.get_value]
            for row in range(rows.ntuples)
        ]

    def key_used(self, tenant: UUID, key: UUID) -> None:
        self._call(_USED, [tenant.bytes, key.bytes])

    def keys_used(self, tenant: UUID) -> dict[UUID, datetime]:
        """When each was used last."""
        rows = self._call(_USES, [tenant.bytes])
        return {
            UUID(bytes=rows.get_value(row, 0)): packed.to_moment(rows.get_value(row, 1)) for row in range(rows.ntuples)
        }

    def spend(self, tenant: UUID, what: bytes, seconds: float) -> bool:
        """Uses up what may be used once; False where it was. It is remembered for so long."""
        return bool(self._call(_SPEND, [tenant.bytes, what, packed.float8(seconds)]).get_value(0, 0) == b"\x01")

    def external_user(self, tenant: UUID, issuer: UUID, subject: bytes) -> UUID | None:
        found = self._call(_EXTERNAL, [tenant.bytes, issuer.bytes, subject]).get_value(0, 0)
        return None if found is None else UUID(bytes=found)

    def link_external(self, tenant: UUID, issuer: UUID, subject: bytes, user: UUID) -> UUID:
        """Whoever they are from now on, or were already."""
        return UUID(bytes=self._call(_LINK, [tenant.bytes, issuer.bytes, subject, user.bytes]).get_value(0, 0))

    def _call(self, statement: bytes, values: list[bytes | None]) -> Any:
        with self._starting:
            if not self._started:
                self._pool.open()
                self._started = True
        try:
            try:
                return self._once(statement, values)
            except Lost:  # of connections that a restart left dead the first says so, and empties the pool
                return self._once(statement, values)
        except (Lost, Refused) as error:
            raise Unavailable(str(error)) from error

    def _once(self, statement: bytes, values: list[bytes | None]) -> Any:
        with self._pool.session() as session:
            return session.call(statement, values)
