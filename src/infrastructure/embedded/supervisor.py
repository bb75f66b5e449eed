"""Keeps processes running until somebody asks to stop.

What was well once is started again for ever, at most every few seconds: a full disk or a lack of memory passes, and
then all is well again without anybody's help. What was never well is given up: trying again would not mend it.
"""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Protocol

from infrastructure.embedded.child import Unstartable

YOUNG = 2.0  # seconds; whoever has lived longer was well
CHANCES = 5  # deaths of one that was never well, before we give up
LONGEST_PAUSE = 5.0
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

    # SIGHUP only where it is not ignored already: that is how `nohup` asks to outlive the terminal.
    hang_up = () if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else (signal.SIGHUP,)
    before = {wish: signal.signal(wish, stop) for wish in (signal.SIGINT, signal.SIGTERM, *hang_up)}
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
    """One process: when it was last started, whether it was ever well, how often it has died young since."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.born = time.monotonic()
        self.was_well = False
        self.young_deaths = 0
        self.due: float | None = None

    def tend(self, now: float) -> str | None:
        if self.due is None:
            return None if self.kept.alive() else self._mourn(now)
        if now < self.due:
            return None
        self.due = None
        self.born = now
        try:
            self.kept.start()
        except Unstartable:
            return self._mourn(now)
        return None

    def _mourn(self, now: float) -> str:
        self.kept.kill()  # the workers of a master that was killed would go on serving on its port
        if now - self.born >= YOUNG:
            self.was_well, self.young_deaths = True, 0
        else:
            self.young_deaths += 1
        if self.young_deaths >= CHANCES and not self.was_well:
            raise Unstartable(
                f"{self.kept.name} ended {CHANCES} times as soon as it was started; "
                f"its last words:\n{self.kept.last_words()}"
            )
        self.due = now + (min(0.1 * 2**self.young_deaths, LONGEST_PAUSE) if self.young_deaths else 0.0)
        return f"{self.kept.name} ended by itself: starting it again"
