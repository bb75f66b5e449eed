"""Guards that were seen to bark: what the application's role cannot do, what no caller of `append` can get round."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from appending import HOUR, START, TENANT, a_resource, booked, command, facts, item, registered
from eventsourcing.persistence import StoredEvent

from application.event_store import Moved, SlotTaken
from infrastructure.embedded.postgres import create_database, drop_database
from infrastructure.event_store.claims import effect_of
from infrastructure.event_store.factory import UnsafeSetting
from infrastructure.event_store.mapper import encoded
from infrastructure.event_store.recorder import NoTenant, parameters_of, reading_for
from infrastructure.event_store.statements import APPEND, PREPARED
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.postgres import migrate as migrating
from infrastructure.postgres import packed
from infrastructure.postgres.migrate import APP_ROLE, EditedMigration, migrate
from infrastructure.postgres.pool import Refused, Session
from infrastructure.settings import Settings

TABLES = ["event", "command", "claim", "capacity", "capacity_override", "tally", "tally_mark", "cluster"]


@pytest.fixture
def app(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, options=f"-c role={APP_ROLE}", autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "act",
    [
        "SELECT FROM {}",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "INSERT INTO {} DEFAULT VALUES",
        "UPDATE {} SET tenant = NULL",
        "DROP TABLE {}",
    ],
)
def test_the_applications_role_touches_no_table(app: psycopg.Connection[Any], table: str, act: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedColumn)):
        app.execute(act.format(f"event_store.{table}"))


def test_the_applications_role_calls_only_what_it_was_given(app: psycopg.Connection[Any]) -> None:
    given = {
        row[0]
        for row in app.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'event_store'::regnamespace "
            "AND has_function_privilege(oid, 'EXECUTE')"
        ).fetchall()
    }
    assert given - {"reserve_numbers"} == {
        "lock",
        "append",
        "refusal",
        "command_outcome",
        "read_streams",
        "read_stream",
        "watermark",
        "read_log",
        "lag",
        "claims_in",
        "tallies_of",
        "read_log_of",
        "expired_holds",
        "forget_commands",
        "forget_answers",
        "adopt_cluster",
    }
    assert app.execute(
        "SELECT rolsuper, rolcanlogin, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone() == (False, False, False)


def test_every_function_pins_its_search_path(url: str) -> None:
    with psycopg.connect(url) as connection:
        loose = connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'event_store'::regnamespace AND prosecdef AND NOT "
            "coalesce('search_path=pg_catalog, event_store, pg_temp' = ANY (proconfig), false)"
        ).fetchall()
    assert loose == []


def test_the_tenant_is_first_in_every_key(url: str) -> None:
    with psycopg.connect(url) as connection:
        keys = dict(
            connection.execute(
                "SELECT conname, attname FROM pg_constraint c JOIN pg_attribute a ON attrelid = conrelid "
                "AND attnum = conkey[1] "
                "WHERE connamespace = 'event_store'::regnamespace AND contype IN ('p', 'u', 'x') "
                "AND attname <> 'one'"  # tables of one row
            ).fetchall()
        )
    assert len(keys) >= 5
    assert set(keys.values()) == {"tenant"}


def test_even_the_owner_cannot_book_a_slot_twice(store: PostgresEventStore, url: str) -> None:
    resource = a_resource(store)
    booked(store, item(resource))
    with psycopg.connect(url) as owner, pytest.raises(psycopg.errors.ExclusionViolation):
        owner.execute(
            "INSERT INTO event_store.claim VALUES (%s, %s, %s, 1, tstzrange(%s, %s), 1, NULL, true, false)",
            [TENANT, resource, uuid4(), START, START + HOUR],
        )


def direct(session: Session, *args: Any, **more: Any) -> None:
    what = command(*args, **more)
    stored = [StoredEvent(e.stream, e.version, e.fact.tag, encoded(e.fact)) for e in what.events]
    session.call(APPEND, parameters_of(stored, what, effect_of(what.events), nowait=False))


def test_something_written_before_the_locks_barks(store: PostgresEventStore) -> None:
    """A transaction with an id that then waits would stand in the log before the one it waited for."""
    with store.pool.session() as session:
        session.execute(b"BEGIN")
        session.execute(b"SELECT pg_current_xact_id()")
        with pytest.raises(Refused) as refused:
            direct(session, *facts(uuid4(), registered()))
        session.execute(b"ROLLBACK")
    assert refused.value.constraint == "locks_before_id"


@pytest.mark.parametrize("level", [b"REPEATABLE READ", b"SERIALIZABLE"])
def test_an_old_snapshot_barks(store: PostgresEventStore, level: bytes) -> None:
    with store.pool.session() as session:
        session.execute(b"BEGIN ISOLATION LEVEL " + level)
        with pytest.raises(Refused) as refused:
            direct(session, *facts(uuid4(), registered()))
        session.execute(b"ROLLBACK")
    assert refused.value.constraint == "fresh_eyes"


def test_claims_without_events_bark(store: PostgresEventStore) -> None:
    """Whoever may call the function still cannot occupy, free or resize what no event speaks of."""
    resource = a_resource(store)
    booking = booked(store, item(resource))
    claiming = command(*facts(uuid4(), registered()))
    stored = [StoredEvent(e.stream, e.version, e.fact.tag, encoded(e.fact)) for e in claiming.events]
    honest = parameters_of(stored, claiming, effect_of(claiming.events), nowait=False)
    takes = [
        packed.uuids([resource]),
        packed.uuids([uuid4()]),
        packed.int4s([1]),
        packed.moments([START]),
        packed.moments([START + HOUR]),
        packed.int4s([1]),
        packed.moments([None]),
    ]
    for change in (
        {11: packed.uuids([booking])},
        {12: packed.uuids([booking])},
        dict(zip(range(13, 20), takes, strict=True)),
        {20: packed.uuids([resource]), 21: packed.int4s([9])},
        {34: packed.uuids([booking]), 35: packed.moments([START])},
        {38: packed.jsonb(b'{"lift": [{"stream": "%s"}]}' % str(resource).encode())},
        {38: packed.jsonb(b'{"retally": [{"stream": "%s", "state": "gone"}]}' % str(booking).encode())},
        {38: packed.jsonb(b'{"pace": [{"units": 1}]}')},
    ):
        forged = [change.get(n, value) for n, value in enumerate(honest)]
        with store.pool.session() as session, pytest.raises(Refused) as refused:
            session.call(APPEND, forged)
        assert refused.value.constraint == "claims_follow_events"


def test_a_read_without_a_tenant_is_refused(store: PostgresEventStore) -> None:
    resource = a_resource(store)
    with pytest.raises(NoTenant):
        store.application.recorder.select_events(resource)
    with reading_for(TENANT):
        assert len(store.application.recorder.select_events(resource)) == 1
        assert [e.fact for e in store.application.events.get(resource)] == [registered()]
    with reading_for(uuid4()):
        assert store.application.recorder.select_events(resource) == []


def test_the_librarys_cache_and_snapshots_stay_off(url: str) -> None:
    with PostgresEventStore(url, env={"AGGREGATE_CACHE_MAXSIZE": "0", "IS_SNAPSHOTTING_ENABLED": "y"}) as store:
        assert store.application.repository.cache is None
        assert store.application.snapshots is None


@pytest.mark.parametrize("name", ["POSTGRES_ENABLE_DB_FUNCTIONS", "DAYBOOK_POSTGRES_ENABLE_DB_FUNCTIONS"])
def test_the_setting_that_loses_events_is_refused(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "y")
    with pytest.raises(UnsafeSetting, match=name):
        PostgresEventStore(url)
    monkeypatch.setenv(name, "n")
    PostgresEventStore(url).close()


def test_a_migration_is_applied_once_and_never_edited(url: str) -> None:
    assert migrate(url) == []
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE public.daybook_migration SET sha256 = 'x' WHERE id = '0001_event_store'")
    with pytest.raises(EditedMigration):
        migrate(url)


def test_a_database_of_before_gets_the_function_of_now_and_keeps_none_of_before(
    servers: Settings, tmp_path: Path
) -> None:
    assert servers.database_url is not None
    for file in (Path(migrating.__file__).parent / "migrations").glob("000[123]_*.sql"):
        shutil.copy(file, tmp_path)
    name = f"before_{uuid4().hex[:12]}"
    url = create_database(servers.database_url, name)
    try:
        assert migrate(url, tmp_path) == ["0001_event_store", "0002_views", "0003_time_and_capacity"]
        with psycopg.connect(url, autocommit=True) as owner:
            assert [len(taken) for taken in appends(owner)] == [39]
            owner.execute("INSERT INTO event_store.capacity VALUES (%s, %s, 2)", [TENANT, UUID(int=9)])
        assert "0004_write_path" in migrate(url)
        with psycopg.connect(url) as owner:
            (taken,) = appends(owner)
            assert (len(taken), taken[-1]) == (40, "not_after")
        with PostgresEventStore(url) as store:
            booked(store, item(UUID(int=9)), item(UUID(int=9), number=2))
            with pytest.raises(SlotTaken):
                booked(store, item(UUID(int=9)))
    finally:
        drop_database(servers.database_url, name)


def appends(owner: psycopg.Connection[Any]) -> list[list[str]]:
    """The names of the parameters of each function of that name."""
    rows = owner.execute(
        "SELECT proargnames[:pronargs] FROM pg_proc WHERE proname = 'append' "
        "AND pronamespace = 'event_store'::regnamespace"
    ).fetchall()
    return [names for (names,) in rows]


@pytest.mark.parametrize(
    "claim",
    [
        {"hours": 0},
        {"units": 0},
        {"units": -1},
        {"before": -1},
        {"after": 1441},
    ],
)
def test_a_claim_of_no_shape_barks(store: PostgresEventStore, claim: dict[str, Any]) -> None:
    resource = a_resource(store, capacity=2)
    with pytest.raises(Refused) as refused:
        booked(store, item(resource, **claim))
    assert refused.value.constraint == "claim_shape"
    single = a_resource(store)
    with pytest.raises(Refused) as refused:
        booked(store, item(single, **claim))
    assert refused.value.constraint == "claim_shape"


def test_buffers_of_a_whole_day_have_a_shape(store: PostgresEventStore) -> None:
    booked(store, item(a_resource(store), before=1440, after=0))


def test_a_stream_begins_at_one(store: PostgresEventStore) -> None:
    with pytest.raises(Moved):
        store.append(command(*facts(uuid4(), registered(), after=-1)))


def test_every_prepared_statement_calls_a_function(store: PostgresEventStore) -> None:
    begins = tuple(b"SELECT " + schema for schema in (b"* FROM event_store.", b"event_store.", b"access_log."))
    for text in PREPARED.values():
        assert text.startswith(begins) or b" FROM event_store." in text
        assert b"(" in text.partition(b"_store.")[2] or b"(" in text.partition(b"_log.")[2]
