"""Between two tenants stand two walls, and no role of ours may take one down: read from the server's own catalogue."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from house import Town, fresh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from infrastructure.postgres.migrate import APP_ROLE, PROJECTOR_ROLE, ROLES
from infrastructure.postgres.reading import reading_pool, rows
from infrastructure.settings import Settings
from projections.runner import connected
from projections.views import VIEWS

OURS = ("event_store", "read", "access_log", "privacy", "identity")
NO_TENANT = {
    "event_store.cluster": "one row, of the server",
    "event_store.number": "one row, of the server",
    "read.position": "one row a view, which follows all tenants",
}
"""Tables of ours without a tenant, and why."""
FIRST_IS_NOT_TENANT = {
    "read.parked_pkey": "what a view has parked is the view's, and asked for by it",
}
TAKES_NO_TENANT = {
    "event_store.adopt_cluster", "event_store.watermark", "event_store.read_log", "event_store.lag",
    "event_store.expired_holds", "event_store.forget_commands", "event_store.reserve_numbers", "access_log.read_log",
}  # fmt: skip
"""Functions for those who serve all tenants: followers, the sweeper, the numbers."""


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as made, Town(made) as town:
        yield town


@pytest.fixture(scope="module")
def neighbours(town: Town) -> tuple[UUID, UUID]:
    """Two tenants with the same things in every view that bookings fill."""
    found = []
    for _ in range(2):
        answer = town.as_("platform", organization=None).post("/api/v1/organizations", json={"name": "Next door"})
        town.organization = UUID(answer.json()["id"])
        last = town.court().book(300, then="confirm")
        last.now()
        found.append(town.organization)
    return found[0], found[1]


def catalogue(town: Town, statement: str) -> list[Any]:
    return town.sql(statement, list(OURS))


def test_every_table_has_a_tenant_but_those_that_say_why(town):
    tables = catalogue(
        town,
        "SELECT n.nspname || '.' || c.relname, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid "
        "AND a.attname = 'tenant' AND a.attnotnull) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p')",
    )
    assert len(tables) > 25
    without = {name for name, has in tables if not has}
    assert {name for name in without if name.split(".")[0] not in ("identity", "privacy")} == set(NO_TENANT)


def test_the_tenant_comes_first_in_every_key_and_every_constraint(town):
    """So that tables can be cut up by tenant, and no constraint looks over the wall."""
    keys = catalogue(
        town,
        "SELECT n.nspname || '.' || i.relname, (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = x.indrelid "
        "AND a.attnum = x.indkey[0]) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
        "JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = i.relnamespace "
        "WHERE n.nspname = ANY (%s) AND (x.indisunique OR x.indisexclusion) AND EXISTS (SELECT FROM pg_attribute a "
        "WHERE a.attrelid = t.oid AND a.attname = 'tenant')",
    )
    assert len(keys) > 20
    assert {name: column for name, column in keys if column != "tenant" and name not in FIRST_IS_NOT_TENANT} == {}


def test_whatever_runs_as_the_owner_takes_the_tenant_pins_its_path_and_is_not_for_everybody(town):
    functions = catalogue(
        town,
        "SELECT n.nspname || '.' || p.proname, "
        "p.proargtypes[0] = 'uuid'::regtype AND p.proargnames[1] IN ('t', 'tenant'), "
        "EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=pg_catalog, %%pg_temp'), "
        "has_function_privilege('public', p.oid, 'EXECUTE') "
        "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY (%s) AND p.prosecdef",
    )
    named = {name for name, *_ in functions}
    assert {"event_store.append", "access_log.record"} <= named
    logs = {name: takes for name, takes, _, _ in functions if name.startswith(("event_store.", "access_log."))}
    assert {name for name, takes in logs.items() if not takes} == TAKES_NO_TENANT & named
    assert {name for name, _, pinned, _ in functions if not pinned} == set()
    assert {name for name, _, _, public in functions if public} == set()


def test_no_role_of_ours_could_climb_over(town):
    found = town.sql("SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication, "
                     "rolcanlogin FROM pg_roles WHERE rolname = ANY (%s)", list(ROLES))  # fmt: skip
    assert {name for name, *_ in found} == set(ROLES)
    assert all(not mighty and not enters for _, mighty, enters in found)
    owned = town.sql(
        "SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = ANY (%s)", list(ROLES)
    )
    assert owned == []


def test_every_table_of_every_view_stands_behind_the_wall(town):
    behind = dict(town.sql("SELECT relname, relrowsecurity FROM pg_class WHERE relnamespace = 'read'::regnamespace "
                           "AND relkind = 'r'"))  # fmt: skip
    assert {table.name for view in VIEWS for table in view.tables} <= {name for name, wall in behind.items() if wall}


def seen(town: Town, tenant: UUID | None, table: str) -> set[UUID]:
    """Whose rows the application sees that asks for all of them."""
    with connected(town.settings.database_url or "", "test", role=APP_ROLE) as connection, connection.transaction():
        if tenant is not None:
            connection.execute("SELECT set_config('app.tenant', %s, true)", [str(tenant)])
        found = connection.execute(sql.SQL("SELECT DISTINCT tenant FROM read.{}").format(sql.Identifier(table)))
        return {row[0] for row in found}


TABLES = sorted(table.name for view in VIEWS for table in view.tables if "tenant" in table.columns)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.sampled_from(TABLES), who=st.integers(0, 3))
def test_without_the_statements_own_condition_nobody_elses_row_is_found(town, neighbours, table, who):
    tenant = [*neighbours, uuid4(), None][who]
    found = seen(town, tenant, table)
    assert found <= ({tenant} if who < 2 else set())
    if who < 2 and table in ("booking", "booking_item", "location", "resource"):
        assert found == {tenant}, "the wall hides what is one's own"


def test_a_connection_remembers_nothing_of_whom_it_served(town, neighbours):
    async def one_after_the_other() -> tuple[int, int, int]:
        async with reading_pool(town.settings.database_url or "", 1) as pool:
            count = "SELECT count(*) FROM read.booking"
            first = await rows(pool, count, [], tenant=neighbours[0])
            without = await rows(pool, count, [])
            second = await rows(pool, count, [], tenant=neighbours[1])
            return first[0][0], without[0][0], second[0][0]

    assert asyncio.run(one_after_the_other()) == (1, 0, 1)


def test_a_wrong_statement_is_an_error_and_the_connection_goes_on(town, neighbours):
    async def wrong_then_right() -> int:
        async with reading_pool(town.settings.database_url or "", 1) as pool:
            with pytest.raises(psycopg.errors.UndefinedTable):
                await rows(pool, "SELECT * FROM read.nothing", [], tenant=neighbours[0])
            return int((await rows(pool, "SELECT count(*) FROM read.booking", [], tenant=neighbours[0]))[0][0])

    assert asyncio.run(wrong_then_right()) == 1


@pytest.mark.parametrize(
    ("role", "deed"),
    [
        (APP_ROLE, "INSERT INTO read.position (view, definition) VALUES ('x', 'x')"),
        (APP_ROLE, "DELETE FROM read.booking"),
        (APP_ROLE, "SELECT * FROM event_store.event"),
        (APP_ROLE, "ALTER TABLE read.booking DISABLE ROW LEVEL SECURITY"),
        (APP_ROLE, "CREATE TABLE read.mine (a int)"),
        (APP_ROLE, "COPY read.booking TO PROGRAM 'cat'"),
        (PROJECTOR_ROLE, "SELECT * FROM event_store.event"),
        (PROJECTOR_ROLE, "DELETE FROM event_store.claim"),
        (PROJECTOR_ROLE, "SELECT access_log.record(gen_random_uuid(), '[]')"),
        (PROJECTOR_ROLE, "SELECT event_store.forget_commands('1 day', 1)"),
        (PROJECTOR_ROLE, "DROP POLICY of_one_tenant ON read.booking"),
    ],
)
def test_each_role_does_its_own_work_and_no_other(town, role, deed):
    with connected(town.settings.database_url or "", "test", role=role) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(deed)
