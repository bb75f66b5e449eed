"""A deadline for every call to a server, whatever becomes of the server.

A server that is frozen (not dead) never answers, and its kernel goes on acknowledging what is sent: neither a
statement_timeout nor tcp_user_timeout ends such a wait. So one thread per process watches the calls that are out, and
shuts down the socket of one whose time is up; the caller wakes with a lost connection.
"""

import contextlib
import os
import socket
import threading
import time


class Watched:
    """A call that is out."""

    __slots__ = ("ends", "fd", "shut")

    def __init__(self, fd: int, ends: float) -> None:
        self.fd, self.ends = fd, ends
        self.shut = False


class Watchdog:
    """Ends calls that exceed their deadline, at most a `tick` late."""

    def __init__(self, tick: float = 0.05) -> None:
        self._tick = tick
        self._calls: dict[int, Watched] = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._pid = 0

    def watch(self, fd: int, ends: float) -> Watched:
        """From now until `done`, the socket is shut down when `time.monotonic()` passes `ends`."""
        call = Watched(fd, ends)
        self._calls[id(call)] = call
        if self._thread is None or self._pid != os.getpid():
            self._start()
        return call

    def done(self, call: Watched) -> bool:
        """The call is over. True when it was cut: the connection is of no more use.

        Whoever takes the call out of the dictionary, this or the watching thread, has decided; the descriptor must
        not be closed, and given to somebody else, while it is being shut down.
        """
        if self._calls.pop(id(call), None) is not None:
            return False
        while not call.shut:
            time.sleep(0.001)
        return True

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None and self._pid == os.getpid():
                return
            self._pid = os.getpid()  # a fork has the dictionary, but not the thread
            self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(self._tick)
            if not self._calls:
                continue
            now = time.monotonic()
            for token, call in list(self._calls.items()):
                if call.ends <= now and self._calls.pop(token, None) is not None:
                    # A copy of the descriptor, so that closing it here leaves the caller's open.
                    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(call.fd)) as copy:
                        copy.shutdown(socket.SHUT_RDWR)
                    call.shut = True


WATCHDOG = Watchdog()
