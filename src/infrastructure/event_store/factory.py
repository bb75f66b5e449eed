"""Our infrastructure factory, chosen by the library's PERSISTENCE_MODULE: recorders over one pool."""

from typing import Any, NoReturn

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool

from infrastructure.event_store.recorder import LogRecorder, StreamRecorder
from infrastructure.event_store.statements import PREPARED
from infrastructure.postgres.pool import DEADLINE, WAIT, Pool

URL = "DAYBOOK_EVENT_STORE_URL"
POOL_SIZE = "DAYBOOK_EVENT_STORE_POOL_SIZE"
DEADLINE_SECONDS = "DAYBOOK_EVENT_STORE_DEADLINE"
WAIT_SECONDS = "DAYBOOK_EVENT_STORE_WAIT"
UNSAFE = "POSTGRES_ENABLE_DB_FUNCTIONS"


class UnsafeSetting(Exception):
    """A setting of the library under which followers lose events for good."""


def refuse_unsafe(env: EnvType) -> None:
    """The library's insert function, which this setting turns on, commits ids out of order: a follower that has passed
    one never comes back for it. It also counts under an application's name as prefix."""
    for name, value in env.items():
        if name == UNSAFE or name.endswith("_" + UNSAFE):
            try:
                on = strtobool(value)
            except ValueError:
                on = bool(value.strip())
            if on:
                raise UnsafeSetting(f"{name} is on: under it, followers lose events for good. Remove it.")


class Factory(InfrastructureFactory[TrackingRecorder]):
    """Tracking and processing belong to the projection runner, which saves rows and position together by itself."""

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        refuse_unsafe(self.env)
        url = self.env.get(URL)
        if not url:
            raise UnsafeSetting(f"{URL} is not set")
        self.pool = Pool(
            url,
            PREPARED,
            size=int(self.env.get(POOL_SIZE) or 8),
            deadline=float(self.env.get(DEADLINE_SECONDS) or DEADLINE),
            wait=float(self.env.get(WAIT_SECONDS) or WAIT),
        )
        self.pool.open()

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        if purpose != "events":
            self._refuse("snapshots: streams are short, and folding them is what proves them")
        return StreamRecorder(self.pool)

    def application_recorder(self) -> ApplicationRecorder:
        topic = self.env.get(self.APPLICATION_RECORDER_TOPIC)
        recorder_class: type[LogRecorder] = resolve_topic(topic) if topic else LogRecorder
        return recorder_class(self.pool)

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> NoReturn:  # noqa: ARG002
        self._refuse("tracking: the projection runner keeps its own positions")

    def process_recorder(self) -> ProcessRecorder:
        self._refuse("process recording: reactions issue commands by the front door")

    @staticmethod
    def _refuse(what: str) -> NoReturn:
        raise NotImplementedError(f"This event store has no {what}.")

    def close(self) -> None:
        self.pool.close()
