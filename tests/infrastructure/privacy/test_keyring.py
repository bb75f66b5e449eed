"""Whose keys open what, who may have them, and that they are gone when they are gone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from house import until
from msgspec.structs import replace

from application.event_store import Unavailable
from application.sealing import ERASED, INSTALLATION, PersonErased
from domain.personal import Clear
from infrastructure.postgres.migrate import APP_ROLE, KEYS_ROLE
from infrastructure.privacy import master, seals
from infrastructure.privacy.keyring import MOST, Keyring, Remembered, WrongMasterKey, require_master
from infrastructure.settings import Settings

CLUB, OTHER = UUID(int=101), UUID(int=102)
PLACE = "0190:1:details.name"


def said(subject: UUID, text: str = "Ana Lopes") -> Clear:
    return Clear(subject, text)


def test_what_one_process_seals_another_opens(ring):
    ana = uuid4()
    box = ring().seal(CLUB, PLACE, said(ana))
    assert (box.subject, box.key, box.of) == (ana, 1, PLACE)
    assert ring().open(CLUB, [box]) == ["Ana Lopes"]


def test_many_are_opened_in_one_round_trip(ring):
    writer, reader = ring(), ring()
    boxes = [writer.seal(CLUB, f"{n}:1:name", said(uuid4(), f"person {n}")) for n in range(50)]
    reader._listen()
    assert reader.listening.wait(10)  # or what is remembered is forgotten when that begins
    assert not reader.at_hand(CLUB, boxes)
    asked = []
    call = reader._call
    reader._call = lambda statement, values: asked.append(statement) or call(statement, values)
    assert reader.open(CLUB, boxes) == [f"person {n}" for n in range(50)]
    assert asked == [b"subject_keys", b"tenant_keys"]
    assert reader.at_hand(CLUB, boxes)
    reader.open(CLUB, boxes)
    assert len(asked) == 2, "remembered"


def test_another_tenant_has_no_key_to_it(ring):
    box = ring().seal(CLUB, PLACE, said(uuid4()))
    with pytest.raises(seals.Broken):
        ring().open(OTHER, [box])


def test_the_same_id_in_two_tenants_is_two_people_with_two_keys(ring):
    keys, somebody = ring(), uuid4()
    here, there = keys.seal(CLUB, PLACE, said(somebody, "here")), keys.seal(OTHER, PLACE, said(somebody, "there"))
    assert keys.open(CLUB, [here]) == ["here"]
    for tenant, box in ((OTHER, here), (CLUB, there)):
        with pytest.raises(seals.Broken):
            keys.open(tenant, [box])


def test_a_key_carried_over_to_another_tenant_opens_nothing(ring, url):
    """Somebody who can write rows, and has no keys, gives one tenant's row to another."""
    keys, somebody = ring(), uuid4()
    box = keys.seal(CLUB, PLACE, said(somebody))
    keys.seal(OTHER, PLACE, said(uuid4()))
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO privacy.subject_key (tenant, subject, version, tenant_version, wrapped) "
            "SELECT %s, subject, version, tenant_version, wrapped FROM privacy.subject_key WHERE subject = %s",
            [OTHER, somebody],
        )
    with pytest.raises(seals.Broken):
        ring().open(OTHER, [box])


def test_a_value_moved_to_somebody_else_does_not_open(ring):
    keys, ana, ben = ring(), uuid4(), uuid4()
    box = keys.seal(CLUB, PLACE, said(ana))
    keys.seal(CLUB, PLACE, said(ben))
    with pytest.raises(seals.Broken):
        keys.open(CLUB, [replace(box, subject=ben)])
    with pytest.raises(seals.Broken):
        keys.open(CLUB, [replace(box, key=2)])


# erasure


def test_who_is_erased_stays_so_and_gets_no_key_again(ring):
    keys, ana, ben = ring(), uuid4(), uuid4()
    hers, his = keys.seal(CLUB, PLACE, said(ana)), keys.seal(CLUB, PLACE, said(ben, "Ben"))
    assert keys.erase(CLUB, ana, "compliance")
    assert not keys.erase(CLUB, ana, "compliance"), "once is enough"
    for one in (keys, ring()):
        assert one.open(CLUB, [hers, his]) == [ERASED, "Ben"]
        with pytest.raises(PersonErased) as refused:
            one.seal(CLUB, PLACE, said(ana))
        assert refused.value.code == "person_erased"


def test_who_never_had_a_key_can_be_erased_beforehand(ring):
    keys, ana = ring(), uuid4()
    assert keys.erase(CLUB, ana, "compliance")
    with pytest.raises(PersonErased):
        keys.seal(CLUB, PLACE, said(ana))


def test_erasing_in_one_tenant_leaves_the_same_id_in_another(ring):
    keys, ana = ring(), uuid4()
    there = keys.seal(OTHER, PLACE, said(ana))
    keys.erase(CLUB, ana, "compliance")
    assert keys.open(OTHER, [there]) == ["Ana Lopes"]


def test_other_processes_forget_an_opened_key_as_soon_as_they_hear_of_it(ring):
    """They remember for an hour here: only hearing of it can be why they do not open it any more."""
    ana, ben = uuid4(), uuid4()
    reader, eraser = ring(life=3600.0), ring()
    boxes = [eraser.seal(CLUB, PLACE, said(ana)), eraser.seal(CLUB, PLACE, said(ben, "Ben"))]
    assert reader.open(CLUB, boxes) == ["Ana Lopes", "Ben"]
    assert reader.listening.wait(10)
    assert reader.open(CLUB, boxes) == ["Ana Lopes", "Ben"]
    eraser.erase(CLUB, ana, "compliance")
    until(lambda: reader.open(CLUB, boxes) == [ERASED, "Ben"])


def test_where_nothing_is_heard_a_key_is_forgotten_by_its_age(ring, monkeypatch):
    now = [1000.0]
    reader, eraser = ring(life=30.0, clock=lambda: now[0]), ring()
    monkeypatch.setattr(reader, "_listen", lambda: None)
    box = eraser.seal(CLUB, PLACE, said(uuid4()))
    assert reader.open(CLUB, [box]) == ["Ana Lopes"]
    eraser.erase(CLUB, box.subject, "compliance")
    now[0] += 29.9
    assert reader.open(CLUB, [box]) == ["Ana Lopes"]
    now[0] += 0.1
    assert reader.open(CLUB, [box]) == [ERASED]


def test_what_is_forgotten_while_it_is_fetched_is_not_remembered():
    kept: Remembered[str, str] = Remembered(60.0, time.monotonic)
    as_of = kept.forgettings
    kept.forget("ana")  # the erasure is heard of after the rows were read, and before they were put down
    kept.put("ana", "key", as_of)
    assert kept.get("ana") is None
    kept.put("ana", "key", kept.forgettings)
    assert kept.get("ana") == "key"


def test_what_is_too_old_is_swept_out_of_memory():
    now = [0.0]
    kept: Remembered[int, str] = Remembered(30.0, lambda: now[0])
    kept.put(1, "key", 0)
    now[0] = 20.0
    kept.put(2, "key", 0)
    now[0] = 30.0
    kept.sweep()
    assert (len(kept), kept.get(1), kept.get(2)) == (1, None, "key")


def test_no_more_than_so_many_are_remembered():
    kept: Remembered[int, int] = Remembered(30.0, time.monotonic)
    for n in range(MOST + 5):
        kept.put(n, n, 0)
    assert len(kept) == 5


def test_of_many_that_make_a_key_and_one_that_erases_nobody_makes_one_afterwards(ring, url):
    """Whatever was sealed before the erasure is lost with it, and whoever comes after is refused: never two keys, never
    a key beside a tombstone."""
    rings, people = [ring() for _ in range(4)], [uuid4() for _ in range(40)]
    rings[0].seal(CLUB, PLACE, said(uuid4()))
    start = threading.Barrier(5)

    def sealing(keys: Keyring) -> int:
        start.wait()
        refused = 0
        for who in people:
            try:
                keys.seal(CLUB, PLACE, said(who))
            except PersonErased:
                refused += 1
        return refused

    def erasing() -> int:
        start.wait()
        return sum(rings[0].erase(CLUB, who, "race") for who in reversed(people))

    with ThreadPoolExecutor(5) as threads:
        sealers = [threads.submit(sealing, keys) for keys in rings]
        assert threads.submit(erasing).result(60) == len(people)
        for sealer in sealers:
            sealer.result(60)
    with psycopg.connect(url) as owner:
        rows = owner.execute(
            "SELECT count(*), count(wrapped), count(erased_at) FROM privacy.subject_key "
            "WHERE subject = ANY (%s)", [people],
        ).fetchone()  # fmt: skip
    assert rows == (len(people), 0, len(people))
    for who in people:
        with pytest.raises(PersonErased):
            ring_seal(rings[3], who)


def ring_seal(keys: Keyring, who: UUID) -> None:
    keys._subjects.forget_all()
    keys.seal(CLUB, PLACE, said(who))


# the tables


def test_a_tombstone_cannot_be_brought_to_life_by_the_role_of_the_keys(ring, url):
    ana = uuid4()
    keys = ring()
    keys.seal(CLUB, PLACE, said(uuid4()))
    keys.erase(CLUB, ana, "compliance")
    with psycopg.connect(url, autocommit=True, options=f"-c role={KEYS_ROLE}") as connection:
        connection.execute("SELECT set_config('app.tenant', %s, false)", [str(CLUB)])
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE privacy.subject_key SET erased_at = NULL, wrapped = 'x', tenant_version = 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM privacy.subject_key")


@pytest.mark.parametrize("table", ["tenant_key", "subject_key", "blind_index"])
def test_who_has_not_said_whose_keys_are_meant_sees_none(ring, url, table):
    keys = ring()
    for tenant in (CLUB, OTHER):
        box = keys.seal(tenant, PLACE, said(uuid4()))
        keys._call(b"look_up", [tenant.bytes, None, None, None, b"\0\0\0\1"])
        with psycopg.connect(url, autocommit=True, options=f"-c role={KEYS_ROLE}") as connection:
            connection.execute(
                "SELECT privacy.index_subject(%s, %s, '{}', '{email}', ARRAY['x'::bytea])", [tenant, box.subject]
            )
    with psycopg.connect(url, autocommit=True, options=f"-c role={KEYS_ROLE}") as connection:
        statement = f"SELECT DISTINCT tenant FROM privacy.{table}"
        assert connection.execute(statement).fetchall() == []
        connection.execute("SELECT set_config('app.tenant', %s, false)", [str(CLUB)])
        assert connection.execute(statement).fetchall() == [(CLUB,)]
        connection.execute("SELECT set_config('app.tenant', '', false)")
        assert connection.execute(statement).fetchall() == []


def test_the_application_may_not_look_at_keys(url):
    with psycopg.connect(url, autocommit=True, options=f"-c role={APP_ROLE}") as connection:
        for statement in (
            "SELECT * FROM privacy.subject_key",
            "SELECT privacy.erase(gen_random_uuid(), gen_random_uuid(), 'me')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_role_of_the_keys_may_not_write_the_log_nor_read_bookings(url):
    with psycopg.connect(url, autocommit=True, options=f"-c role={KEYS_ROLE}") as connection:
        for statement in (
            "SELECT * FROM event_store.event",
            "SELECT * FROM event_store.command",
            "SELECT event_store.forget_commands(interval '1 day', 1)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_no_key_lies_in_the_database_in_the_clear(ring, url, key_file):
    keys = ring()
    box = keys.seal(CLUB, PLACE, said(uuid4()))
    (mine,) = master.read(key_file)
    under = keys._tenant(CLUB)
    with psycopg.connect(url) as owner:
        rows = owner.execute("SELECT wrapped FROM privacy.subject_key WHERE subject = %s", [box.subject]).fetchone()
        tables = owner.execute(
            "SELECT string_agg(t::text, '') FROM (SELECT x::text t FROM privacy.tenant_key x UNION ALL "
            "SELECT x::text FROM privacy.subject_key x) all_of_it"
        ).fetchone()
    assert rows is not None
    assert tables is not None
    opened = seals.unwrapped(rows[0], under.by_version[1])
    for secret in (mine, under.by_version[1], under.root, opened):
        assert secret.hex() not in tables[0]


# secrets


def test_a_secret_is_the_same_for_ever_and_of_one_tenant_and_purpose(ring):
    one, two = ring(), ring()
    assert one.secret(CLUB, "index email") == two.secret(CLUB, "index email")
    assert len({
        one.secret(CLUB, "index email"), one.secret(CLUB, "index phone"), one.secret(OTHER, "index email"),
        one.secret(INSTALLATION, "index email"),
    }) == 4  # fmt: skip


def test_two_processes_that_begin_a_tenant_at_once_have_one_key(ring):
    rings = [ring() for _ in range(4)]
    start = threading.Barrier(4)

    def secret(keys: Keyring) -> bytes:
        start.wait()
        return keys.secret(CLUB, "commands")

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(secret, rings))) == 1


# the master key


def named(url: str, file: Path) -> Settings:
    return Settings(database_url=url, master_key_file=file)


def test_without_the_right_master_key_nothing_opens_and_the_sentence_says_which(ring, url, key_file):
    box = ring().seal(CLUB, PLACE, said(uuid4()))
    right = master.read(key_file)
    master.write(key_file, [seals.fresh_key()])
    stranger = ring()
    with pytest.raises(WrongMasterKey):
        stranger.open(CLUB, [box])
    with pytest.raises(master.MissingKey, match="put the right one back") as told:
        require_master(named(url, key_file))
    assert seals.name_of(right[0]) in str(told.value)
    assert right[0].hex() not in str(told.value)
    master.write(key_file, right)
    require_master(named(url, key_file))
    assert stranger.open(CLUB, [box]) == ["Ana Lopes"], "the file is read again"


def test_a_database_without_keys_asks_for_none(url, key_file):
    require_master(named(url, key_file))


def test_where_nobody_answers_it_is_unavailable_and_not_wrong(key_file):
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    keys = master.Masters(master.read(key_file), key_file)
    require_master(named(nowhere, key_file))
    with Keyring(nowhere, keys, deadline=0.5) as lost, pytest.raises(Unavailable):
        lost.seal(CLUB, PLACE, said(uuid4()))
