"""A log that is moved to another cluster, where transaction ids begin again."""

import subprocess
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from appending import TENANT, a_resource, booked, command, facts, item, registered

from domain.resource.events import ResourceRenamed
from infrastructure.embedded.postgres import Postgres
from infrastructure.event_store import claims, log
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.postgres.migrate import APP_ROLE, ROLES, migrate

TABLES = ["event", "command", "capacity", "claim"]


def moved_to(old: str, new: str) -> None:
    with psycopg.connect(old) as source, psycopg.connect(new) as target:
        for table in TABLES:
            with source.cursor().copy(f"COPY event_store.{table} TO STDOUT") as rows:  # type: ignore[call-overload]
                with target.cursor().copy(f"COPY event_store.{table} FROM STDIN") as into:  # type: ignore[call-overload]
                    for row in rows:
                        into.write(row)


@pytest.fixture
def fresh(tmp_path: Path) -> "Postgres":
    server = Postgres(tmp_path / "another", durable=False)
    server.start()
    return server


def test_positions_go_on_growing_in_another_cluster(store: PostgresEventStore, url: str, fresh: Postgres) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(3000):  # the first cluster has a past, the second has none
            connection.execute("SELECT pg_current_xact_id()")
    resource = a_resource(store)
    booked(store, item(resource))
    last = store.append(command(*facts(resource, ResourceRenamed(name="2"), after=1))).position
    try:
        migrate(fresh.url)
        moved_to(url, fresh.url)
        with psycopg.connect(fresh.url, autocommit=True, options=f"-c role={APP_ROLE}") as reader:
            row = reader.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
            assert row is not None
            assert row[0] < last >> 20, "the second cluster is behind, or this proves nothing"
            with PostgresEventStore(fresh.url) as there:  # its connections adopt the cluster
                carried = there.append(command(*facts(uuid4(), registered()), read={resource: 2}))
                assert carried.position > last
                seen = log.read(reader, 0, 100)
                assert [event.position for event in seen] == sorted(event.position for event in seen)
                assert seen[-1].position == carried.position
                assert [event.position for event in log.read(reader, last, 100)] == [carried.position]
                assert len(there.load(TENANT, [resource]).streams[resource]) == 2
                assert log.lag(reader, carried.position).behind == 0
        with psycopg.connect(fresh.url) as owner:
            before = owner.execute("SELECT xid_offset FROM event_store.cluster").fetchone()
            assert owner.execute("SELECT event_store.adopt_cluster()").fetchone() == (False,)
            assert owner.execute("SELECT xid_offset FROM event_store.cluster").fetchone() == before != (0,)
        assert list(claims.verify(fresh.url)) == []
    finally:
        fresh.stop()


def test_a_dump_can_be_restored_elsewhere(store: PostgresEventStore, url: str, fresh: Postgres) -> None:
    resource = a_resource(store)
    position = booked_position(store, resource)
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            for _ in range(2000):
                connection.execute("SELECT pg_current_xact_id()")
        dump = subprocess.run(
            [fresh._program("pg_dump"), "--no-owner", url],
            capture_output=True,
            check=True,
            env={"PATH": "/usr/bin:/bin"},
        ).stdout
        with psycopg.connect(fresh.url, autocommit=True) as owner:
            for role in ROLES:
                owner.execute(f"CREATE ROLE {role} NOLOGIN")  # type: ignore[call-overload]
        subprocess.run(
            [fresh._program("psql"), "-q", "-v", "ON_ERROR_STOP=1", fresh.url],
            input=dump,
            capture_output=True,
            check=True,
            env={"PATH": "/usr/bin:/bin"},
        )
        assert migrate(fresh.url) == []
        with PostgresEventStore(fresh.url) as there:
            assert there.append(command(*facts(uuid4(), registered()))).position > position
    finally:
        fresh.stop()


def booked_position(store: PostgresEventStore, resource: object) -> int:
    return store.append(command(*facts(uuid4(), registered()))).position


def test_a_running_log_never_looks_moved(store: PostgresEventStore, url: str) -> None:
    for _ in range(20):
        store.append(command(*facts(uuid4(), registered())))
        with psycopg.connect(url, options=f"-c role={APP_ROLE}") as connection:
            assert connection.execute("SELECT event_store.adopt_cluster()").fetchone() == (False,)
