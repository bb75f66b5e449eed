"""Carries out what is due: each job is a command through the front door, under a name that is carried out once."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import procrastinate
import psycopg
import structlog
from procrastinate import jobs as procrastinated
from procrastinate.worker import Worker

from application.bus import CommandInFlight, Contended
from application.event_store import Unavailable
from application.message import Command, Occasion
from domain.errors import Refusal
from infrastructure.jobs.job import QUEUE, TASK, Job

CarryOut = Callable[[Command, Occasion], Any]


class Bus(Protocol):
    """Carries out commands."""

    def carry_out(self, command: Command, occasion: Occasion) -> Any: ...


POLL = 0.5
"""Seconds between looks for what has become due; what is due at once is told of."""
AT_ONCE = 4
"""Jobs carried out at the same time."""
STALLED = 30.0
"""Seconds without a sign of life after which a worker's jobs are somebody else's."""
MOST_TRIES = 12
"""Of what fails for another reason than a dependency that is away."""

_log = structlog.get_logger()


class Later(procrastinate.BaseRetryStrategy):
    """A dependency that is away is waited for, for ever; a fault is tried again a few times, and then shown."""

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinated.Job
    ) -> procrastinate.RetryDecision | None:
        waits = isinstance(exception, Unavailable | CommandInFlight | Contended)
        if not waits and job.attempts >= MOST_TRIES:
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": min(2 ** min(job.attempts, 8), 300)})


def app_of(url: str, carry_out: CarryOut) -> procrastinate.App:
    """procrastinate's app, with the one task that there is."""
    connector = procrastinate.PsycopgConnector(
        conninfo=url, min_size=1, max_size=AT_ONCE + 2, timeout=10,
        kwargs={
            "application_name": "daybook-jobs", "connect_timeout": 5,
            "options": "-c role=daybook_app -c search_path=jobs -c jit=off -c statement_timeout=60000",
            "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 30_000,
        },
    )  # fmt: skip
    app = procrastinate.App(connector=connector)

    @app.task(name=TASK, queue=QUEUE, retry=Later())
    def carry_out_job(job: dict[str, Any]) -> str:
        return carried_out(msgspec.convert(job, Job), carry_out)

    return app


def carried_out(job: Job, carry_out: CarryOut) -> str:
    """What became of it. A refusal is an answer: the step no longer applies."""
    try:
        answer = carry_out(job.decoded(), job.occasion)
    except (CommandInFlight, Contended):
        raise
    except Refusal as refusal:
        _log.info("job.stale", step=job.step, entity=str(job.entity), command=job.command, code=refusal.code)
        return refusal.code
    return "replayed" if answer.replayed else "recorded" if answer.changed else "unchanged"


class Jobs:
    """A thread with a loop of its own, in which procrastinate's worker runs until `stop`; it mends itself."""

    def __init__(self, url: str, bus: Bus) -> None:
        self._url = url
        self._carry_out: CarryOut = bus.carry_out
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: Worker | None = None
        self._main: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Finish the jobs at hand and leave."""
        self._stopping.set()
        worker, loop = self._worker, self._loop
        if worker is not None and loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has just ended by itself
                loop.call_soon_threadsafe(worker.stop)

    def abandon(self) -> None:
        """What is at hand stays marked as being done, until another worker finds that nobody does it."""
        main, loop = self._main, self._loop
        if main is not None and loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(main.cancel)

    def run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                asyncio.run(self._work())
                failures = 0
            except (Exception, asyncio.CancelledError) as error:
                failures += 1
                _log.warning("jobs.interrupted", error=f"{type(error).__name__}: {error}"[:300], failures=failures)
            self._stopping.wait(min(0.1 * 2 ** min(failures, 6), 5.0) * random.uniform(0.7, 1.0))  # noqa: S311

    async def _work(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        app = app_of(self._url, self._carry_out)
        try:
            async with app.open_async():
                self._worker = Worker(
                    app, queues=[QUEUE], name="daybook", concurrency=AT_ONCE, install_signal_handlers=False,
                    fetch_job_polling_interval=POLL, shutdown_graceful_timeout=4.0, stalled_worker_timeout=STALLED,
                    delete_jobs=procrastinated.DeleteJobCondition.SUCCESSFUL,
                )  # fmt: skip
                if not self._stopping.is_set():
                    await self._worker.run()  # type: ignore[no-untyped-call]
        finally:
            self._worker = self._loop = self._main = None


def revive(connection: psycopg.Connection[Any]) -> int:
    """Gives the jobs of workers that died back to those that live; how many. Where the same step waits already, that
    one is enough."""
    rows = connection.execute(
        "SELECT j.id FROM jobs.procrastinate_jobs j LEFT JOIN jobs.procrastinate_workers w ON w.id = j.worker_id "
        "WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - %s * interval '1 s') "
        "ORDER BY j.id LIMIT 1000",
        [STALLED],
    ).fetchall()
    for (job,) in rows:
        try:
            connection.execute(
                "UPDATE jobs.procrastinate_jobs SET status = 'todo', attempts = attempts + 1, worker_id = NULL "
                "WHERE id = %s AND status = 'doing'",
                [job],
            )
        except psycopg.errors.UniqueViolation:
            connection.execute("DELETE FROM jobs.procrastinate_jobs WHERE id = %s AND status = 'doing'", [job])
    return len(rows)
