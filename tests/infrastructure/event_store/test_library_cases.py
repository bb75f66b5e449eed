"""The library's own test cases for recorders, against ours. What had to be adapted is listed, with the reason, in
docs/reference/recorder-tests.md; nothing else was changed, and the cases themselves run as the library ships them."""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from appending import TENANT, command
from eventsourcing.persistence import Notification, StoredEvent

from infrastructure.event_store.recorder import LogRecorder, StreamRecorder, reading_for
from infrastructure.event_store.store import PostgresEventStore

# The module of the cases imports the library's AES cipher, for cases that are not these, and with it a package that
# nothing of ours needs.
with patch.dict(sys.modules, {"eventsourcing.cipher": ModuleType("eventsourcing.cipher")}) as modules:
    modules["eventsourcing.cipher"].AESCipher = object  # type: ignore[attr-defined]
    from eventsourcing.tests.persistence import AggregateRecorderTestCase, ApplicationRecorderTestCase


class Supplying:
    """What the cases do not know of: a tenant, a command, and versions that begin at 1."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        ours = [replace(event, originator_version=event.originator_version + 1) for event in stored_events]
        return super().insert_events(ours, command=command(), **kwargs) if ours else super().insert_events([])  # type: ignore[misc,no-any-return]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        with reading_for(TENANT):
            found = super().select_events(  # type: ignore[misc]
                originator_id,
                gt=None if gt is None else gt + 1,
                lte=None if lte is None else lte + 1,
                desc=desc,
                limit=limit,
            )
        return [replace(event, originator_version=event.originator_version - 1) for event in found]


class Streams(Supplying, StreamRecorder):
    pass


class Log(Supplying, LogRecorder):
    """Positions as 1, 2, 3 in their order, there and back."""

    def _order(self) -> list[int]:
        return [found.id for found in super().select_notifications(None, 1_000_000)]

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        positions = super().insert_events(stored_events, **kwargs)
        if positions is None or len(positions) > 5:  # nobody asks about the numbers of a load test
            return positions
        while positions[-1] not in (order := self._order()):
            time.sleep(0.005)  # somebody else's transaction holds the end of the log back
        return [order.index(position) + 1 for position in positions]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        order = self._order()
        position = dict(enumerate(order, 1))
        found = super().select_notifications(
            None if start is None else position.get(start, start and order[-1] + 1),
            limit,
            None if stop is None else position[stop],
            topics,
            inclusive_of_start=inclusive_of_start,
        )
        order = self._order()  # a subscription reads while somebody writes: what came meanwhile has its number as well
        return [
            replace(one, id=order.index(one.id) + 1, originator_version=one.originator_version - 1) for one in found
        ]

    def max_notification_id(self) -> int | None:
        last = super().max_notification_id()
        return None if last is None else self._order().index(last) + 1


class Steady(Supplying, LogRecorder):
    """For the load tests, which read while they write and look at no number: positions as they are."""


@pytest.fixture
def _store_for_the_case(request: pytest.FixtureRequest, store: PostgresEventStore) -> None:
    request.instance.store = store


@pytest.mark.usefixtures("_store_for_the_case")
class TestStreams(AggregateRecorderTestCase):
    INITIAL_VERSION = 0
    store: PostgresEventStore

    def create_recorder(self) -> StreamRecorder:
        return Streams(self.store.pool)


@pytest.mark.usefixtures("_store_for_the_case")
class TestLog(ApplicationRecorderTestCase[LogRecorder]):
    INITIAL_VERSION = 0
    store: PostgresEventStore

    def create_recorder(self) -> LogRecorder:
        load = self._testMethodName.startswith("test_concurrent") or self._testMethodName == "test_performance"
        return Steady(self.store.pool) if load else Log(self.store.pool)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


def test_the_cases_are_those_that_the_library_ships() -> None:
    """If a new version brings a case or changes one, somebody should look at the list of adapted assertions."""
    cases = {
        name
        for case in (AggregateRecorderTestCase, ApplicationRecorderTestCase)
        for name in dir(case)
        if name.startswith(("test_", "optional_test_"))
    }
    assert sorted(cases) == [
        "optional_test_insert_subscribe",
        "test_concurrent_no_conflicts",
        "test_concurrent_throughput",
        "test_insert_and_select",
        "test_insert_select",
        "test_performance",
    ]
