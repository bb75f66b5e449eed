"""Steps that follow from facts: noted once, carried out once, whoever is killed meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from house import HOUR, Court, Town, fresh, soon, until

from application.booking.commands import Confirm, ExtendHold, PlaceHold, StartPayment, WantedItem
from application.handlers import HANDLERS
from application.reactions import REACTIONS
from application.recorded import Origin
from infrastructure.jobs.follower import Reactor, connected
from infrastructure.jobs.job import Job
from infrastructure.jobs.queue import Jobs, Later, carried_out, revive
from infrastructure.settings import Settings

HOLD = timedelta(minutes=10)


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


@pytest.fixture
def court(town: Town) -> Court:
    """With nothing left to follow from what was before."""
    court = town.court()
    followed(town)
    town.sql("DELETE FROM jobs.procrastinate_jobs")
    return court


def now(town: Town) -> datetime:
    found: datetime = town.sql("SELECT clock_timestamp()")[0][0]
    return found


def hold(court: Court, at: datetime | None = None, **more: Any) -> UUID:
    """A hold placed at that moment: the database's clock cannot be turned, but a command may say when it was."""
    booking = uuid4()
    item = WantedItem(UUID(court.resource), soon(300), soon(300) + HOUR)
    court.town.do(PlaceHold(booking, UUID(court.location), (item,)), occurred_at=at, **more)
    return booking


def reactor(town: Town, reactions: Any = REACTIONS) -> Reactor:
    return Reactor(town.settings.database_url or "", town.house.store, reactions, lambda because, booking: [])


def followed(town: Town, one: Reactor | None = None) -> None:
    """Everything that the log holds by now has been reacted to."""
    one = one or reactor(town)
    with connected(town.settings.database_url or "", "test") as connection:
        end = town.sql("SELECT coalesce(max(position), 0) FROM event_store.event")[0][0]
        until(lambda: not one.step(connection) and at_position(town) >= end)


def at_position(town: Town) -> int:
    found: int = town.sql("SELECT position FROM jobs.position")[0][0]
    return found


def jobs(town: Town, entity: UUID) -> list[tuple[str, datetime]]:
    rows = town.sql(
        "SELECT args->'job'->>'step', scheduled_at FROM jobs.procrastinate_jobs WHERE args->'job'->>'entity' = %s "
        "AND status = 'todo' ORDER BY scheduled_at", str(entity),
    )  # fmt: skip
    return [(step.partition(":")[0], at) for step, at in rows]


def the_job(town: Town, entity: UUID) -> Job:
    rows = town.sql("SELECT args->'job' FROM jobs.procrastinate_jobs WHERE args->'job'->>'entity' = %s", str(entity))
    return msgspec.convert(rows[0][0], Job)


def story(town: Town, booking: UUID) -> list[str]:
    rows = town.sql("SELECT tag FROM event_store.event WHERE stream = %s ORDER BY version", booking)
    return [tag.removeprefix("booking.") for (tag,) in rows]


@contextmanager
def working(town: Town) -> Iterator[Jobs]:
    worker = Jobs(town.settings.database_url or "", town.house.command_bus)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


def test_a_hold_expires_by_its_job_with_nobody_sweeping(town, court):
    booking = hold(court, now(town) - HOLD + timedelta(seconds=1.5))
    followed(town)
    [(step, due)] = jobs(town, booking)
    assert step == "expire"
    with working(town):
        until(lambda: story(town, booking) == ["held.v2", "expired"])
        until(lambda: not town.sql("SELECT id FROM jobs.procrastinate_jobs"))
    recorded_at = town.sql("SELECT recorded_at FROM event_store.event WHERE stream = %s AND version = 2", booking)[0][0]
    assert recorded_at >= due


def test_the_step_names_the_fact_it_follows_from(town, court):
    booking = hold(court)
    followed(town)
    (event_id,) = town.sql("SELECT event_id FROM event_store.event WHERE stream = %s", booking)[0]
    job = the_job(town, booking)
    assert (job.causation_id, job.tenant) == (event_id, town.organization)


def test_a_job_that_runs_twice_acts_once(town, court):
    booking = hold(court, now(town) - HOLD)
    followed(town)
    job = the_job(town, booking)
    bus = town.house.command_bus
    assert carried_out(job, bus.carry_out) == "recorded"
    assert carried_out(job, bus.carry_out) == "replayed"
    assert story(town, booking) == ["held.v2", "expired"]


def test_a_job_before_its_time_is_refused_and_acts_at_its_time(town, court):
    booking = hold(court)
    followed(town)
    assert carried_out(the_job(town, booking), town.house.command_bus.carry_out) == "not_expired"
    assert story(town, booking) == ["held.v2"]


def test_stale_steps_do_nothing(town, court):
    booking = hold(court, now(town) - HOLD + timedelta(minutes=1))
    town.do(Confirm(booking))
    followed(town)
    assert carried_out(the_job(town, booking), town.house.command_bus.carry_out) == "unchanged"
    assert story(town, booking) == ["held.v2", "confirmed"]


def test_longer_holds_have_later_steps_and_the_same_time_has_one(town, court):
    booking = hold(court, at := now(town))
    town.do(StartPayment(booking))
    followed(town)
    assert jobs(town, booking) == [("expire", at + HOLD)], "the payment has not lengthened it"
    other = hold(court.town.court(), at - timedelta(minutes=4))
    town.do(ExtendHold(other))
    followed(town)
    assert [step for step, _ in jobs(town, other)] == ["expire", "expire"]


def test_who_dies_between_noting_and_moving_on_has_done_neither(town, court, monkeypatch):
    booking = hold(court)
    dying = reactor(town)
    before = at_position(town)

    def killed(connection: Any, found: Any) -> None:
        Reactor._defer(dying, connection, found)
        town.sql("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)

    monkeypatch.setattr(dying, "_defer", killed)
    with connected(town.settings.database_url or "", "test") as connection:

        def tried() -> bool:
            try:
                return dying.step(connection) > 0
            except psycopg.OperationalError:
                return True

        until(tried)
    assert (at_position(town), jobs(town, booking)) == (before, [])
    followed(town)
    assert len(jobs(town, booking)) == 1
    town.sql("DELETE FROM jobs.procrastinate_jobs")
    followed(town)
    assert jobs(town, booking) == [], "each fact once"


def test_two_that_follow_note_each_step_once(town, court):
    bookings = [hold(town.court()) for _ in range(5)]
    threads = [threading.Thread(target=followed, args=[town, reactor(town)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [len(jobs(town, booking)) for booking in bookings] == [1] * 5


def test_what_was_noted_outlives_whoever_was_to_do_it(town, court):
    """A worker was killed while it was at it: its job is given to another, and is done once."""
    booking = hold(court, now(town) - HOLD)
    followed(town)
    (dead,) = town.sql(
        "INSERT INTO jobs.procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 h') RETURNING id"
    )[0]
    town.sql("UPDATE jobs.procrastinate_jobs SET status = 'doing', worker_id = %s", dead)
    with connected(town.settings.database_url or "", "test") as connection:
        assert revive(connection) == 1
        assert revive(connection) == 0
    with working(town):
        until(lambda: story(town, booking) == ["held.v2", "expired"])


def test_what_history_tells_has_had_its_consequences(town, court):
    long_ago = hold(court, now(town) - timedelta(days=30), origin=Origin("import"))
    lately = hold(town.court(), now(town) - timedelta(minutes=1), origin=Origin("import"))
    followed(town)
    assert jobs(town, long_ago) == []
    assert len(jobs(town, lately)) == 1


def test_a_reaction_that_stumbles_holds_nobody_back_and_is_asked_again(town, court):
    stumbles = True

    def clumsy(recorded: Any, look: Any) -> Any:
        if stumbles and recorded.stream == unlucky:
            raise ZeroDivisionError
        return [do for reaction in REACTIONS for do in reaction(recorded, look)]

    unlucky, lucky = hold(court), hold(town.court())
    one = reactor(town, [clumsy])
    followed(town, one)
    assert (jobs(town, unlucky), len(jobs(town, lucky))) == ([], 1)
    assert town.sql("SELECT error FROM jobs.missed WHERE stream = %s", unlucky) == [("ZeroDivisionError: ",)]
    stumbles = False
    with connected(town.settings.database_url or "", "test") as connection:
        assert one.catch_up(connection) == 1
        assert one.catch_up(connection) == 0
    assert len(jobs(town, unlucky)) == 1


def test_a_dependency_that_is_away_is_waited_for_and_a_fault_is_shown_in_the_end():
    from procrastinate.jobs import Job as Row

    from application.event_store import Unavailable

    row = Row(id=1, queue="steps", lock=None, queueing_lock=None, task_name="x", attempts=500)
    assert Later().get_retry_decision(exception=Unavailable(), job=row) is not None
    assert Later().get_retry_decision(exception=ZeroDivisionError(), job=row) is None
    assert Later().get_retry_decision(exception=ZeroDivisionError(), job=row.evolve(attempts=1)) is not None


def test_a_name_is_one_command():
    """Jobs and idempotency keys know commands by their names."""
    names = [kind.__name__ for kind in HANDLERS]
    assert sorted(names) == sorted(set(names))


def test_an_import_of_the_far_past_is_not_even_looked_at(town, court):
    def curious(recorded: Any, look: Any) -> Any:
        assert recorded.stream != ancient
        return []

    ancient = hold(court, now(town) - timedelta(days=1300), origin=Origin("import"))
    followed(town, reactor(town, [curious]))
    assert town.sql("SELECT position FROM jobs.missed WHERE stream = %s", ancient) == []
