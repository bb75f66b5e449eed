"""Keeps processes running until somebody asks to stop: starts again what crashed, gives up on what cannot live."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Protocol

from infrastructure.embedded.child import Unstartable

YOUNG = 2.0  # seconds; whoever dies younger was not killed by chance
CHANCES = 5  # deaths in a row while young, before we give up
TICK = 0.1


class Kept(Protocol):
    """A server or a child process."""

    @property
    def name(self) -> str: ...
    def start(self) -> None: ...
    def alive(self) -> bool: ...
    def kill(self) -> None: ...
    def last_words(self) -> str: ...


class Stop(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM. Not an Exception: nothing but the outermost `with` may catch it."""


@contextlib.contextmanager
def until_stopped() -> Iterator[None]:
    """Run the block until SIGINT or SIGTERM, then leave it through its `finally` clauses, undisturbed.

    A terminal and `make` send the same wish twice; once heard it is not heard again, or it would interrupt the
    very clean-up it asked for. SIGKILL remains, and then the kernel ends the children.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        for heard in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(heard, signal.SIG_IGN)
        raise Stop

    before = {wish: signal.signal(wish, stop) for wish in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with contextlib.suppress(Stop):
            yield
    finally:
        for wish, handler in before.items():
            signal.signal(wish, handler)


class Supervisor:
    """Watches the kept; call `tend` often. Says aloud, through `say`, what it had to start again."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._cared: dict[str, _Care] = {}

    def keep(self, kept: Kept) -> None:
        """From now on: `kept` runs already."""
        self._cared[kept.name] = _Care(kept)

    def tend(self) -> None:
        """Start again what has crashed and waited long enough; raises Unstartable when one cannot live."""
        for care in self._cared.values():
            if said := care.tend(time.monotonic()):
                self._say(said)

    def watch(self) -> None:
        """For ever, that is until the Stop of `until_stopped`."""
        while True:
            self.tend()
            time.sleep(TICK)


class _Care:
    """One process: when it was last started, how often it has died young, when it may try again."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.born = time.monotonic()
        self.young_deaths = 0
        self.due: float | None = None

    def tend(self, now: float) -> str | None:
        if self.due is None:
            return None if self.kept.alive() else self._mourn(now)
        if now >= self.due:
            self._start_again()
        return None

    def _mourn(self, now: float) -> str:
        self.kept.kill()  # the workers of a master that was killed would go on serving on its port
        self.young_deaths = self.young_deaths + 1 if now - self.born < YOUNG else 0
        if self.young_deaths >= CHANCES:
            raise Unstartable(
                f"{self.kept.name} ended {CHANCES} times as soon as it was started; "
                f"its last words:\n{self.kept.last_words()}"
            )
        pause = 0.1 * 2**self.young_deaths if self.young_deaths else 0.0
        self.due = now + pause
        return f"{self.kept.name} ended by itself: starting it again"

    def _start_again(self) -> None:
        self.due = None
        self.kept.start()
        self.born = time.monotonic()
