"""Threads for the handlers that write: what a loop waits for goes over one queue, and comes back in one call."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

Future = asyncio.Future[Any]
Job = tuple[Future, Callable[[], Any]]


class Threads:
    """An executor for `loop.run_in_executor`, a third cheaper than the standard library's.

    It makes the loop's own futures; `ThreadPoolExecutor` makes some of its own, each with a lock and a condition, and
    chains the two. Threads are started when they are first needed.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads = 0
        self._at_work = 0

    def submit(self, job: Callable[..., Any], /, *given: Any) -> Future:
        """Called in a loop, and answered there. What nobody waits for any more when its turn comes is not begun."""
        future: Future = asyncio.get_running_loop().create_future()
        future.add_done_callback(self._over)
        self._at_work += 1
        if self._threads < min(self._at_work, self._most):
            self._threads += 1
            threading.Thread(target=self._work, name=f"write-{self._threads}", daemon=True).start()
        self._jobs.put((future, (lambda: job(*given)) if given else job))
        return future

    def close(self) -> None:
        """Each thread ends after what it is at."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _over(self, _: Future) -> None:
        self._at_work -= 1

    def _work(self) -> None:
        while (next_one := self._jobs.get()) is not None:
            future, job = next_one
            if future.cancelled():
                continue
            settle: Callable[[Future, Any], None] = _done
            answer: Any
            try:
                answer = job()
            except BaseException as error:  # whatever it is, somebody waits for it
                settle, answer = _failed, error
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                future.get_loop().call_soon_threadsafe(settle, future, answer)
            del next_one, future, job, answer


def _done(future: Future, result: Any) -> None:
    if not future.cancelled():
        future.set_result(result)


def _failed(future: Future, error: BaseException) -> None:
    if not future.cancelled():
        future.set_exception(error)
