"""With a person goes how they log in; an account goes with the last user that it was."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from house import fresh, until

from application.sealing import ERASED, INSTALLATION
from domain.personal import Clear
from infrastructure.privacy.keyring import Keyring
from infrastructure.privacy.master import masters
from infrastructure.settings import Settings

HERE, THERE = uuid4(), uuid4()


@pytest.fixture(scope="module")
def settings(servers: Settings):
    with fresh(servers) as settings:
        yield settings


@pytest.fixture
def keys(settings: Settings):
    with Keyring(settings.database_url or "", masters(settings), deadline=10.0) as keys:
        yield keys


def sql(settings: Settings, statement: str, *values: object) -> list:
    with psycopg.connect(settings.database_url or "", autocommit=True) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def account(settings: Settings, *users: tuple[UUID, UUID]) -> UUID:
    """Somebody who logs in as each of these, has a letter on its way, and is known to another house."""
    made = uuid4()
    sql(settings, "INSERT INTO identity.account (id, login, email, email_key, password) VALUES (%s, %s, 'x', 1, 'x')",
        made, made.bytes)  # fmt: skip
    sql(settings, "INSERT INTO identity.session (id, account, auth, idle, ends_at) VALUES (%s, %s, 'pw', '1 h', %s)",
        uuid4(), made, datetime.now(UTC) + timedelta(hours=1))  # fmt: skip
    for tenant, user in users:
        sql(settings, "INSERT INTO identity.membership VALUES (%s, %s, %s)", tenant, user, made)
        sql(settings, "INSERT INTO identity.ticket (tenant, hash, kind, account, user_id, email, ends_at) VALUES "
            "(%s, %s, 'join', %s, %s, 'x', now())", tenant, uuid4().bytes, made, user)  # fmt: skip
        sql(settings, "INSERT INTO identity.external (tenant, issuer, subject, user_id) VALUES (%s, %s, 'x', %s)",
            tenant, uuid4(), user)  # fmt: skip
    return made


def there(settings: Settings, table: str, column: str, value: UUID) -> int:
    return sql(settings, f"SELECT count(*) FROM identity.{table} WHERE {column} = %s", value)[0][0]


def test_the_account_of_one_user_goes_with_them(settings, keys):
    user = uuid4()
    made = account(settings, (HERE, user))
    sealed = keys.seal(INSTALLATION, "account", Clear(made, "ana@example.org"))
    gone = keys.carry_out_erasure(HERE, user, uuid4(), "objection")
    assert (gone.keys, gone.rows) == (0, 4)
    assert there(settings, "account", "id", made) == 0
    assert there(settings, "session", "account", made) == 0
    assert there(settings, "ticket", "user_id", user) == 0
    assert there(settings, "external", "user_id", user) == 0
    until(lambda: keys.open(INSTALLATION, [sealed]) == [ERASED])


def test_an_account_that_is_somebody_elsewhere_stays_for_there(settings, keys):
    here, elsewhere = uuid4(), uuid4()
    made = account(settings, (HERE, here), (THERE, elsewhere))
    sealed = keys.seal(INSTALLATION, "account", Clear(made, "ana@example.org"))
    keys.carry_out_erasure(HERE, here, uuid4(), "objection")
    assert there(settings, "account", "id", made) == 1
    assert there(settings, "membership", "user_id", here) == 0
    assert there(settings, "membership", "user_id", elsewhere) == 1
    assert there(settings, "external", "user_id", elsewhere) == 1
    with Keyring(settings.database_url or "", masters(settings), deadline=10.0) as fresh_keys:
        assert fresh_keys.open(INSTALLATION, [sealed]) == ["ana@example.org"]
    keys.carry_out_erasure(THERE, elsewhere, uuid4(), "objection")
    assert there(settings, "account", "id", made) == 0


def test_the_same_id_in_another_organization_is_somebody_else(settings, keys):
    user = uuid4()
    made = account(settings, (THERE, user))
    keys.carry_out_erasure(HERE, user, uuid4(), "objection")
    assert there(settings, "account", "id", made) == 1
    assert there(settings, "membership", "user_id", user) == 1


def test_who_was_erased_twice_was_erased_once(settings, keys):
    user, request = uuid4(), uuid4()
    account(settings, (HERE, user))
    first = keys.carry_out_erasure(HERE, user, request, "objection")
    assert keys.carry_out_erasure(HERE, user, uuid4(), "unlawful") == first
    assert first.request == request
    assert keys.left_of(HERE, user) == 0
