"""What is kept about logging in, by the real server: each call does one thing, and does it once."""

import threading
from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from house import fresh

from application.identity.accounts import Limit, Visit
from application.recorded import Origin
from application.sealing import INSTALLATION
from domain.personal import Clear
from infrastructure.identity.passwords import Argon2, Recipe
from infrastructure.identity.rows import PostgresAccounts
from infrastructure.postgres.migrate import APP_ROLE, KEYS_ROLE, PROJECTOR_ROLE
from infrastructure.privacy.keyring import Keyring
from infrastructure.privacy.master import masters
from infrastructure.settings import Settings
from projections.runner import connected

VISIT = Visit(Origin("api", ip_prefix="203.0.113.0/24"), "203.0.113.7", "test/1")
LIMIT = Limit(free=3, cap=900)


@pytest.fixture(scope="module")
def settings(servers: Settings) -> Iterator[Settings]:
    with fresh(servers) as made:
        yield made


@pytest.fixture(scope="module")
def keys(settings: Settings) -> Iterator[Keyring]:
    with Keyring(settings.database_url or "", masters(settings)) as keys:
        yield keys


@pytest.fixture(scope="module")
def rows(settings: Settings, keys: Keyring) -> Iterator[PostgresAccounts]:
    made = PostgresAccounts(settings.database_url or "", keys, size=8)
    yield made
    made.close()


def key() -> bytes:
    return uuid4().bytes * 2


def begun(rows: PostgresAccounts, keys: Keyring, login: bytes | None = None) -> UUID:
    who = uuid4()
    email = keys.seal(INSTALLATION, f"{who}:email", Clear(who, "ana@example.org"))
    assert rows.begin_account(who, login or key(), email, "$argon2id$kept")
    return who


def came_in(rows: PostgresAccounts, who: UUID) -> tuple[UUID, bytes]:
    session, token = uuid4(), key()
    rows.begin_session(session, who, token, "password", VISIT, key())
    return session, token


def test_an_account_is_found_by_what_its_address_is_hashed_to_and_by_nothing_else(rows, keys):
    login = key()
    who = begun(rows, keys, login)
    found = rows.by_login(login, key())
    assert (found.id, found.password, found.totp, found.totp_on, found.known_here) == (
        who, "$argon2id$kept", None, False, False,
    )  # fmt: skip
    assert keys.open(INSTALLATION, [found.email]) == ["ana@example.org"]
    assert rows.by_login(key(), key()) is None
    assert rows.account(who, key()) == found
    assert rows.account(uuid4(), key()) is None


def test_an_address_is_one_accounts(rows, keys):
    login = key()
    begun(rows, keys, login)
    other = uuid4()
    email = keys.seal(INSTALLATION, f"{other}:email", Clear(other, "ana@example.org"))
    assert not rows.begin_account(other, login, email, "$argon2id$kept")
    third = begun(rows, keys)
    assert not rows.set_email(third, login, email)
    assert rows.set_email(third, key(), email)


def test_a_place_is_known_from_where_somebody_came_in(rows, keys):
    login, place = key(), key()
    who = begun(rows, keys, login)
    assert not rows.by_login(login, place).known_here
    rows.begin_session(uuid4(), who, key(), "password", VISIT, place)
    assert rows.by_login(login, place).known_here
    assert not rows.by_login(login, key()).known_here


def test_a_refresh_token_is_exchanged_once_and_whoever_comes_second_ends_the_session(rows, keys):
    who = begun(rows, keys)
    session, first = came_in(rows, who)
    second = key()
    assert rows.rotate(first, second) == "rotated"
    assert rows.holder(second) == rows.holder(first)
    assert rows.holder(second).session == session
    assert rows.rotate(first, key()) == "reused"
    assert rows.rotate(second, key()) == "over", "the whole family is gone"
    assert rows.account_of_session(session) is None
    assert rows.rotate(key(), key()) == "over"
    assert rows.holder(key()) is None


def test_of_many_who_come_with_the_same_token_at_once_one_gets_another(rows, keys):
    _, token = came_in(rows, begun(rows, keys))
    found: list[str] = []
    together = threading.Barrier(8)

    def come() -> None:
        together.wait()
        found.append(rows.rotate(token, key()))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found.count("rotated"), found.count("reused"), found.count("over")) == (1, 1, 6)


def test_sessions_are_listed_until_they_are_ended_and_nobody_ends_anothers(rows, keys):
    who, other = begun(rows, keys), begun(rows, keys)
    one, two = came_in(rows, who)[0], came_in(rows, who)[0]
    assert {session.id for session in rows.sessions(who)} == {one, two}
    assert rows.sessions(who)[0].ip_prefix == "203.0.113.0/24"
    assert not rows.end_session(other, one)
    assert rows.end_session(who, one)
    assert not rows.end_session(who, one), "over is over"
    assert [session.id for session in rows.sessions(who)] == [two]
    came_in(rows, who)
    assert len(rows.end_sessions(who)) == 2
    assert rows.sessions(who) == []


def test_a_session_that_is_not_used_is_over(rows, keys, settings):
    who = begun(rows, keys)
    session, token = came_in(rows, who)
    assert rows.account_of_session(session) == who
    with psycopg.connect(settings.database_url or "", autocommit=True) as connection:
        connection.execute("UPDATE identity.session SET used_at = used_at - '31 d'::interval WHERE id = %s", [session])
    assert rows.account_of_session(session) is None
    assert rows.sessions(who) == []
    assert rows.rotate(token, key()) == "over"


def test_a_new_password_ends_all_sessions_and_is_set_by_whoever_knew_the_old_one(rows, keys):
    who = begun(rows, keys)
    came_in(rows, who)
    assert not rows.set_password(who, "$another", "$new")
    assert len(rows.sessions(who)) == 1
    assert rows.set_password(who, "$argon2id$kept", "$new")
    assert rows.sessions(who) == []


def test_a_one_time_token_is_good_once_for_its_one_purpose_and_not_for_ever(rows, keys, settings):
    who, token, tenant = begun(rows, keys), key(), uuid4()
    rows.add_ticket(tenant, token, "join", None, who, "ana@example.org", 60)
    assert rows.ticket(tenant, token, "join").email == "ana@example.org"
    assert rows.ticket(tenant, token, "reset") is None
    assert rows.ticket(uuid4(), token, "join") is None
    assert not rows.use_ticket(uuid4(), token, "join")
    assert rows.use_ticket(tenant, token, "join")
    assert not rows.use_ticket(tenant, token, "join")
    late = key()
    rows.add_ticket(INSTALLATION, late, "reset", who, None, "ana@example.org", 0)
    assert rows.ticket(INSTALLATION, late, "reset") is None
    assert rows.reset_password(INSTALLATION, late, "$new", key()) is None


def test_whoever_asks_again_has_the_newest_token_alone(rows, keys):
    who, first, second = begun(rows, keys), key(), key()
    rows.add_ticket(INSTALLATION, first, "reset", who, None, "ana@example.org", 60)
    rows.add_ticket(INSTALLATION, second, "reset", who, None, "ana@example.org", 60)
    assert rows.reset_password(INSTALLATION, first, "$new", key()) is None
    assert rows.reset_password(INSTALLATION, second, "$new", key()) == who


def test_a_reset_about_nobody_is_kept_and_leads_nowhere(rows, keys):
    token = key()
    rows.add_ticket(INSTALLATION, token, "reset", None, None, "nobody@example.org", 60)
    assert rows.ticket(INSTALLATION, token, "reset").account is None
    assert rows.reset_password(INSTALLATION, token, "$new", key()) is None


def test_a_code_is_taken_once_and_none_before_it(rows, keys):
    who = begun(rows, keys)
    secret = keys.seal(INSTALLATION, f"{who}:totp", Clear(who, "GEZDGNBV"))
    assert not rows.take_step(who, 5)
    assert rows.offer_totp(who, secret)
    assert not rows.account(who, key()).totp_on
    assert rows.confirm_totp(who, 100, [b"one", b"two"])
    assert not rows.confirm_totp(who, 101, [])
    assert not rows.offer_totp(who, secret), "one that is set is not set again"
    assert not rows.take_step(who, 100)
    assert rows.take_step(who, 101)
    assert not rows.take_step(who, 101)
    assert rows.use_recovery_code(who, b"one")
    assert not rows.use_recovery_code(who, b"one")
    assert rows.drop_totp(who)
    assert not rows.drop_totp(who)
    assert not rows.use_recovery_code(who, b"two")


def test_who_has_tried_too_often_waits_and_longer_each_time(rows, settings):
    keyed = [(key(), LIMIT)]
    assert [rows.knock(keyed)[0] for _ in range(3)] == [0, 0, 0]
    pause, fresh_ = rows.knock(keyed)
    assert 0 < pause <= 1
    assert fresh_
    assert not rows.knock(keyed)[1], "told once"
    pauses = []
    with psycopg.connect(settings.database_url or "", autocommit=True) as connection:
        for _ in range(14):
            connection.execute("UPDATE identity.guess SET next_at = clock_timestamp() WHERE key = %s", [keyed[0][0]])
            assert rows.knock(keyed)[0] == 0
            pauses.append(rows.knock(keyed)[0])
    assert [round(pause) for pause in pauses[:3]] == [2, 4, 8]
    assert round(pauses[-1]) == 900


def test_who_waits_for_one_of_several_reasons_is_counted_for_none(rows):
    busy, calm = key(), key()
    for _ in range(4):
        rows.knock([(busy, LIMIT)])
    assert rows.knock([(busy, LIMIT), (calm, LIMIT)])[0] > 0
    assert [rows.knock([(calm, LIMIT)])[0] for _ in range(3)] == [0, 0, 0]


def test_many_at_once_are_as_many(rows):
    one, found = key(), []
    together = threading.Barrier(8)

    def guess() -> None:
        together.wait()
        found.extend(rows.knock([(one, LIMIT)])[0] for _ in range(5))

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(0) < 6


def test_what_was_no_guess_is_taken_back(rows):
    own, shared = key(), key()
    for _ in range(3):
        assert rows.knock([(own, LIMIT), (shared, LIMIT)])[0] == 0
    rows.forgive([own], [shared])
    assert rows.knock([(own, LIMIT), (shared, LIMIT)])[0] == 0
    assert rows.knock([(own, LIMIT), (shared, LIMIT)])[0] > 0, "of what is everybody's there only one was taken back"


def test_an_account_that_is_forgotten_leaves_nothing(rows, keys, settings):
    login = key()
    who = begun(rows, keys, login)
    tenant, user = uuid4(), uuid4()
    rows.join(tenant, user, who)
    _, token = came_in(rows, who)
    rows.add_ticket(INSTALLATION, key(), "reset", who, None, "ana@example.org", 60)
    assert rows.memberships(who) == [(tenant, user)]
    assert rows.forget(who)
    assert not rows.forget(who)
    assert (rows.by_login(login, key()), rows.memberships(who), rows.sessions(who)) == (None, [], [])
    assert rows.rotate(token, key()) == "over"
    with psycopg.connect(settings.database_url or "") as connection:
        for table in ("session", "ticket", "membership", "known_place", "recovery_code"):
            (left,) = connection.execute(f"SELECT count(*) FROM identity.{table} WHERE account = %s", [who]).fetchone()
            assert left == 0, table


@pytest.mark.parametrize("table", ["account", "session", "refresh", "ticket", "membership", "guess", "revoked"])
@pytest.mark.parametrize("role", [APP_ROLE, PROJECTOR_ROLE, KEYS_ROLE])
def test_no_role_may_look_into_the_tables(settings, role, table):
    with connected(settings.database_url or "", "test", role=role) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT * FROM identity.{table}")


def test_what_is_over_is_swept_and_what_is_not_stays(rows, keys, settings):
    who = begun(rows, keys)
    session, _ = came_in(rows, who)
    old, _ = came_in(rows, who)
    token = key()
    rows.add_ticket(INSTALLATION, token, "reset", who, None, "ana@example.org", 0)
    with psycopg.connect(settings.database_url or "", autocommit=True) as connection:
        connection.execute("UPDATE identity.session SET ends_at = ends_at - interval '99 days' WHERE id = %s", [old])
        rows.ask("sweep()")
        assert connection.execute("SELECT id FROM identity.session WHERE account = %s", [who]).fetchone() == (session,)
        assert connection.execute("SELECT FROM identity.ticket WHERE hash = %s", [token]).fetchall() == []
    assert rows.account_of_session(session) == who


def test_a_password_is_kept_by_argon2id_and_says_by_which_parameters(rows):
    passwords = Argon2()
    kept = passwords.hashed("correct horse battery staple")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.is_right("correct horse battery staple", kept)
    assert not passwords.is_right("Correct horse battery staple", kept)
    assert not passwords.is_right("correct horse battery staple ", kept)
    assert not passwords.is_outdated(kept)
    assert Argon2(Recipe(passes=3)).is_outdated(kept)
    assert not passwords.is_right("a password that nobody has", None)
    assert not passwords.is_right("anything", "no hash at all")
    assert passwords.hashed("Ünten am Fluß") != passwords.hashed("Ünten am Fluß"), "each has a salt of its own"
    assert passwords.is_right("U\u0308nten am Fluß", passwords.hashed("Ünten am Fluß"))
    assert passwords.is_right("x" * 128, passwords.hashed("x" * 128))
    assert not passwords.is_right("x" * 127 + "y", passwords.hashed("x" * 128)), "nothing is cut off"
