"""The worker as a whole: what the clock does, and what follows from an approval."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from house import HOUR, Court, Town, fresh, soon, until
from msgspec.structs import replace

from application.booking.commands import (
    Approve,
    CheckIn,
    MarkNoShow,
    PlaceHold,
    RequestApproval,
    ReverseNoShow,
    WantedItem,
)
from application.organization.commands import SetPolicy
from infrastructure.event_store import log
from infrastructure.settings import Settings
from interfaces.worker import Worker, rivals_of
from projections.runner import connected as reading


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        worker = Worker(town.house)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield town
        finally:
            worker.stop()
            thread.join(20)
            assert not thread.is_alive()


def now(town: Town) -> datetime:
    found: datetime = town.sql("SELECT clock_timestamp()")[0][0]
    return found


def story(town: Town, booking: UUID) -> list[str]:
    rows = town.sql("SELECT tag FROM event_store.event WHERE stream = %s ORDER BY version", booking)
    return [tag.removeprefix("booking.") for (tag,) in rows]


def booked(court: Court, starts_at: datetime, ends_at: datetime, before: datetime, then: Any = "confirm") -> UUID:
    booking = uuid4()
    item = WantedItem(UUID(court.resource), starts_at, ends_at)
    court.town.do(PlaceHold(booking, UUID(court.location), (item,), then=then), occurred_at=before)
    return booking


def test_a_request_that_nobody_decides_is_decided_at_its_deadline(town):
    court = town.court()
    asked = uuid4()
    item = WantedItem(UUID(court.resource), soon(500), soon(500) + HOUR)
    town.do(PlaceHold(asked, UUID(court.location), (item,)))
    town.do(RequestApproval(asked, now(town) + timedelta(seconds=1)))
    until(lambda: story(town, asked) == ["held.v2", "approval_requested", "declined"])


def test_who_was_checked_in_has_left_at_the_end(town):
    ends_at = now(town) + timedelta(seconds=2)
    then = ends_at - timedelta(minutes=30)
    visit = booked(town.court(), ends_at - HOUR / 3, ends_at, then)
    town.do(CheckIn(visit), occurred_at=ends_at - timedelta(minutes=10))
    until(lambda: story(town, visit)[-1] == "completed")


def test_who_was_marked_as_not_shown_and_had_come_has_left_though_the_end_is_over(town):
    ends_at = now(town) + timedelta(seconds=4)
    visit = booked(town.court(), ends_at - HOUR, ends_at, ends_at - 2 * HOUR)
    step = f"complete:{ends_at.astimezone(UTC).isoformat()}"
    steps = "SELECT args -> 'job' ->> 'step' FROM jobs.procrastinate_jobs WHERE args -> 'job' ->> 'entity' = %s"
    until(lambda: (step,) in town.sql(steps, str(visit)))
    town.do(MarkNoShow(visit), occurred_at=ends_at - HOUR / 2)
    until(lambda: bool(town.sql("SELECT name FROM event_store.command WHERE command_id = %s", uuid5(visit, step))))
    assert story(town, visit)[-1] == "no_show_marked", "the step of the end found a no-show"
    town.do(ReverseNoShow(visit, "checked_in"))
    until(lambda: story(town, visit)[-1] == "completed")


def test_who_does_not_come_is_marked_where_the_organization_says_so(town):
    starts_at = now(town) + timedelta(seconds=2) - timedelta(minutes=15)
    then = starts_at - timedelta(minutes=5)
    left = booked(town.court(), starts_at, starts_at + HOUR, then)
    (position,) = town.sql("SELECT max(position) FROM event_store.event")[0]
    until(lambda: town.sql("SELECT position FROM jobs.position")[0][0] >= position)
    town.do(SetPolicy(no_show_at_grace=True))
    marked = booked(town.court(), starts_at, starts_at + HOUR, then)
    until(lambda: story(town, marked)[-1] == "no_show_marked")
    town.do(SetPolicy(no_show_at_grace=False))
    assert story(town, left)[-1] == "confirmed", "as the policy was when it became firm"


def test_rivals_are_those_that_wait_for_the_same_and_the_calendar_is_waited_for(town):
    court = town.court()
    mine, theirs = uuid4(), uuid4()
    other = booked(court, soon(603), soon(604), now(town) - timedelta(minutes=1), "request_approval")
    item = WantedItem(UUID(court.resource), soon(600), soon(601))
    for booking in (mine, theirs):
        town.do(PlaceHold(booking, UUID(court.location), (item,)))
        town.do(RequestApproval(booking, blocks=False))
    assert story(town, other)[-1] == "approval_requested"
    town.do(Approve(mine))
    with reading(town.settings.database_url or "", "test", role=None) as connection:
        because = log.read(connection, 0, 100_000, beyond_watermark=True)[-1]
    assert because.stream == mine
    assert rivals_of(town.settings.database_url or "")(because, mine) == [theirs]


def test_a_calendar_that_stands_still_is_not_waited_for_for_ever(town, monkeypatch):
    monkeypatch.setattr("interfaces.worker.RIVALS_PATIENCE", 0.05)
    with reading(town.settings.database_url or "", "test", role=None) as connection:
        because = log.read(connection, 0, 1)[0]
        standing = connection.execute("SELECT position FROM read.position WHERE view = 'calendar'").fetchone()
    assert standing is not None
    assert list(rivals_of(town.settings.database_url or "")(replace(because, position=2**60), uuid4())) == []


def test_it_goes_on_when_the_database_has_cut_everybody_off(town):
    town.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND application_name IN ('daybook-jobs', 'daybook-reactions')"
    )
    asked = uuid4()
    item = WantedItem(UUID((court := town.court()).resource), soon(700), soon(700) + HOUR)
    town.do(PlaceHold(asked, UUID(court.location), (item,)))
    town.do(RequestApproval(asked, now(town) + timedelta(seconds=0.5)))
    until(lambda: story(town, asked)[-1] == "declined", seconds=40)
