"""The library's Application, assembled from our parts through its own seams."""

import os
from typing import ClassVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.utils import EnvType

from infrastructure.event_store.factory import DEADLINE_SECONDS, POOL_SIZE, URL, Factory, refuse_unsafe
from infrastructure.event_store.recorder import LogRecorder
from infrastructure.postgres.pool import DEADLINE, Pool


class Daybook(Application[UUID]):
    """Records facts: `save(*entries, command=Append(...), effect=Effect(...), receipt=Receipt())`."""

    env: ClassVar[dict[str, str]] = {
        "PERSISTENCE_MODULE": "infrastructure.event_store.factory:Factory",
        "MAPPER_TOPIC": "infrastructure.event_store.mapper:FactMapper",
        "APPLICATION_RECORDER_TOPIC": "infrastructure.event_store.recorder:LogRecorder",
    }

    def __init__(self, url: str, *, pool_size: int = 8, deadline: float = DEADLINE, env: EnvType | None = None) -> None:
        refuse_unsafe(os.environ)
        super().__init__({
            **(env or {}), **self.env,
            URL: url, POOL_SIZE: str(pool_size), DEADLINE_SECONDS: str(deadline),
            # Keyed by id alone, the library's cache would show one tenant's aggregate to another.
            self.AGGREGATE_CACHE_MAXSIZE: "", "IS_SNAPSHOTTING_ENABLED": "no",
        })

    @property
    def pool(self) -> Pool:
        assert isinstance(self.factory, Factory)
        return self.factory.pool

    @property
    def log_recorder(self) -> LogRecorder:
        assert isinstance(self.recorder, LogRecorder)
        return self.recorder
