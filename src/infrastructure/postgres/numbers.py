"""Numbers that no other command gets: what a booking's reference is made from."""

import threading
import time
from collections.abc import Callable

import psycopg

from application.event_store import Unavailable
from infrastructure.postgres.deadline import WATCHDOG
from infrastructure.postgres.migrate import APP_ROLE

BLOCK = 500
"""Numbers reserved at once. What a process leaves of its block when it ends is a gap, and gaps are fine."""


class Numbers:
    """Call it for the next number. Threads share one block; processes have blocks of their own.

    What has been reserved is a row of the database, which moves with a dump or by replication together with the
    events that used the numbers, so that in another cluster they never go back. (A sequence stays behind in logical
    replication.) Raises `Unavailable`.
    """

    def __init__(self, reserve: Callable[[int], int], block: int = BLOCK) -> None:
        self._reserve = reserve
        self._block = block
        self._lock = threading.Lock()
        self._next = self._end = 0

    def __call__(self) -> int:
        with self._lock:
            if self._next == self._end:
                self._next = self._reserve(self._block)
                self._end = self._next + self._block
            number = self._next
            self._next += 1
            return number


def reserving(url: str, deadline: float = 2.0) -> Callable[[int], int]:
    """Reserves over a connection opened for the purpose: one in 500 bookings pays some milliseconds for it."""

    def reserve(count: int) -> int:
        ends = time.monotonic() + deadline
        try:
            with psycopg.connect(
                url, autocommit=True, connect_timeout=max(int(deadline), 2), application_name="daybook-numbers",
                options=f"-c role={APP_ROLE} -c statement_timeout={int(deadline * 900)}",
            ) as connection:  # fmt: skip
                token = WATCHDOG.watch(connection.fileno(), ends)
                try:
                    row = connection.execute("SELECT event_store.reserve_numbers(%s)", [count]).fetchone()
                finally:
                    WATCHDOG.done(token)
        except psycopg.Error as error:
            raise Unavailable(f"No numbers could be reserved: {error}") from error
        assert row is not None
        return int(row[0])

    return reserve
