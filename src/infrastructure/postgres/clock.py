"""The server's clock beside our own, so that a call can carry the moment of the server's at which its time is up."""

import time

FRESH = 60.0
"""Seconds after which a reading is no longer used: two clocks drift apart."""


class ServerClock:
    """The server's clock as it was last read, in microseconds as PostgreSQL counts them.

    Between a reading's arrival here and any later moment of our monotonic clock, the server's has gone on by as much at
    least: the reading was taken before it arrived. Nothing is asked of our clock of the day. A server's clock that
    stands still with it (a paused virtual machine that is not set right when it goes on) is behind what is computed
    here: what is too late for us is then in time for it.
    """

    __slots__ = ("_reading",)

    def __init__(self) -> None:
        self._reading: tuple[int, float] | None = None

    def saw(self, microseconds: int) -> None:
        """It has just arrived."""
        self._reading = microseconds, time.monotonic()

    def at(self, moment: float) -> int | None:
        """What the server's shows at that moment of `time.monotonic()`, or has passed already; None where it was not
        read of late."""
        reading = self._reading
        if reading is None:
            return None
        microseconds, arrived = reading
        if moment - arrived > FRESH:
            return None
        return microseconds + int((moment - arrived) * 1_000_000)

    def forget(self) -> None:
        """It was not what it seemed: set, or another server's."""
        self._reading = None
