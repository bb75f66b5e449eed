"""Whose tokens are no good any more, as every process knows it: the table `identity.revoked`, looked at every two
seconds and kept in memory for as long as such tokens could live.

A token is good by itself for a quarter of an hour. What ends it earlier (a logout, a new password, another role, a
deactivation) is written down by whoever does it, in the same transaction.
"""

import random
import threading
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog

from application.sealing import INSTALLATION
from infrastructure.postgres.migrate import APP_ROLE

EVERY = 2.0
"""Seconds between looks."""
OVERLAP = timedelta(seconds=60)
"""So much of what was seen is looked at again: what is written is seen when its transaction ends, not when it began."""
SWEPT_EVERY = 600.0
_ASKED = "SELECT * FROM identity.revocations(%s)"
_log = structlog.get_logger()


class Revocations:
    """One a process. `follow` begins it, `close` ends it."""

    def __init__(self, url: str, every: float = EVERY) -> None:
        self._url, self._every = url, every
        self._dead: dict[tuple[UUID, UUID], tuple[int, float, datetime]] = {}
        """By tenant and subject: versions below this one, tokens made before that second, until when."""
        self._since: datetime | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.followed = threading.Event()
        """Set once the table has been seen."""

    def follow(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="revocations", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)

    def __len__(self) -> int:
        return len(self._dead)

    def session(self, session: str) -> bool:
        """Whether this login is over."""
        try:
            return (INSTALLATION, UUID(session)) in self._dead
        except ValueError:
            return False

    def user(self, tenant: UUID, user: str, version: int | None, issued: float) -> bool:
        """Whether what a token says of this user is so no longer: it was made for another version of them, or, where it
        names none, in an earlier second."""
        try:
            found = self._dead.get((tenant, UUID(user)))
        except ValueError:
            return False
        if found is None:
            return False
        return version < found[0] if version is not None else int(issued) < int(found[1])

    def _run(self) -> None:
        """Until `close`. While nobody can be asked, what was known is known."""
        failures, swept = 0, time.monotonic()
        while not self._stopping.is_set():
            try:
                with psycopg.connect(
                    self._url, autocommit=True, connect_timeout=2, application_name="daybook-revocations",
                    options=f"-c role={APP_ROLE} -c statement_timeout=5000", keepalives_idle=10, keepalives_interval=3,
                    keepalives_count=3, tcp_user_timeout=15_000,
                ) as connection:  # fmt: skip
                    while not self._stopping.is_set():
                        self.look(connection)
                        failures = 0
                        if time.monotonic() - swept > SWEPT_EVERY:
                            swept = time.monotonic()
                            connection.execute("SELECT identity.sweep()")
                        self._stopping.wait(self._every)
            except (psycopg.Error, OSError) as error:
                if not failures:
                    _log.warning("revocations.unheard", error=type(error).__name__)
                failures += 1
                self._stopping.wait(min(0.1 * 2 ** min(failures, 6), 5.0) * random.uniform(0.7, 1.0))  # noqa: S311

    def look(self, connection: psycopg.Connection[Any]) -> None:
        """What has come since the last look, and what need not be known any more."""
        rows = connection.execute(_ASKED, [self._since]).fetchall()
        dead = dict(self._dead)
        asked_at: datetime = rows[0][0]
        for _, tenant, subject, version, at, ends_at in rows:
            if subject is not None:
                dead[tenant, subject] = version, at.timestamp(), ends_at
        # Replaced as a whole: whoever looks something up meanwhile finds the old one or the new.
        self._dead = {key: found for key, found in dead.items() if found[2] > asked_at}
        self._since = asked_at - OVERLAP
        self.followed.set()
