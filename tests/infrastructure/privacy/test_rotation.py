"""New keys around old ones: nothing that is sealed changes, nobody is locked out, and who was erased stays so."""

import threading
from uuid import UUID, uuid4

import psycopg
import pytest

from application.sealing import ERASED, PersonErased
from domain.personal import Clear
from infrastructure.privacy import master, rotation, seals
from infrastructure.privacy.keyring import require_master
from infrastructure.settings import Settings

CLUB, OTHER = UUID(int=201), UUID(int=202)


def said(subject: UUID, text: str = "Ana") -> Clear:
    return Clear(subject, text)


def rows(url: str, statement: str) -> list:
    with psycopg.connect(url) as owner:
        return owner.execute(statement).fetchall()


def test_all_is_wrapped_anew_and_opens_as_before(ring, url, key_file):
    keys, ana, ben, zoe = ring(), uuid4(), uuid4(), uuid4()
    boxes = [keys.seal(CLUB, "p", said(ana)), keys.seal(CLUB, "p", said(zoe, "Zoe"))]
    there = keys.seal(OTHER, "p", said(ben, "Ben"))
    keys.erase(CLUB, zoe, "compliance")
    secret = keys.secret(CLUB, "index email")
    before = rows(url, "SELECT wrapped FROM privacy.subject_key WHERE wrapped IS NOT NULL")
    (old,) = master.read(key_file)

    assert rotation.rotate(url, key_file) == 2

    (new,) = master.read(key_file)
    assert new != old
    assert rows(url, "SELECT DISTINCT master FROM privacy.tenant_key") == [(seals.name_of(new),)]
    assert rows(url, "SELECT DISTINCT version FROM privacy.tenant_key") == [(2,)]
    assert not set(before) & set(rows(url, "SELECT wrapped FROM privacy.subject_key"))
    for one in (keys, ring()):  # who was there before, and who comes now
        one._forget_all()
        assert one.open(CLUB, boxes) == ["Ana", ERASED]
        assert one.open(OTHER, [there]) == ["Ben"]
        assert one.secret(CLUB, "index email") == secret
        with pytest.raises(PersonErased):
            one.seal(CLUB, "p", said(zoe))
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_the_old_master_key_opens_nothing_any_more(ring, url, key_file):
    box = ring().seal(CLUB, "p", said(uuid4()))
    old = master.read(key_file)
    rotation.rotate(url, key_file)
    with pytest.raises(seals.Broken):
        seals.unwrapped(rows(url, "SELECT wrapped FROM privacy.tenant_key")[0][0], old[0])
    master.write(key_file, old)
    with pytest.raises(master.MissingKey):
        require_master(Settings(database_url=url, master_key_file=key_file))
    assert box.key == 1


def test_one_that_was_killed_is_begun_again(ring, url, key_file):
    """Killed between two organizations: some are under the new key, some under the old, and the file holds both."""
    keys = ring()
    boxes = {tenant: keys.seal(tenant, "p", said(uuid4())) for tenant in (CLUB, OTHER)}

    class Killed(Exception):
        pass

    def kill(_tenant: UUID, _keys: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        rotation.rotate(url, key_file, kill)
    assert len(master.read(key_file)) == 2
    for tenant, box in boxes.items():
        assert ring().open(tenant, [box]) == ["Ana"]
    assert rotation.rotate(url, key_file) == 2
    assert len(master.read(key_file)) == 1
    for tenant, box in boxes.items():
        assert ring().open(tenant, [box]) == ["Ana"]
    assert rows(url, "SELECT count(DISTINCT master) FROM privacy.tenant_key") == [(1,)]


def test_who_has_not_heard_of_it_begins_nothing_under_a_retired_key(ring, url, key_file):
    """A process that knows the old keys alone, while and after they are rotated: a person of a known organization, and
    somebody of a new one."""
    old = ring()
    old.seal(CLUB, "p", said(uuid4()))
    newcomer, newest = uuid4(), UUID(int=203)
    rotation.rotate(url, key_file)
    assert old._tenants.get(CLUB) is not None, "it still believes in the tenant's old key"
    boxes = [(CLUB, old.seal(CLUB, "p", said(newcomer))), (newest, old.seal(newest, "p", said(uuid4())))]
    for tenant, box in boxes:
        assert ring().open(tenant, [box]) == ["Ana"]
    (new,) = master.read(key_file)
    assert rows(url, "SELECT DISTINCT master FROM privacy.tenant_key") == [(seals.name_of(new),)]


def test_everybody_goes_on_working_meanwhile(ring, url, key_file):
    people = [uuid4() for _ in range(60)]
    keys = [ring(life=0.05) for _ in range(2)]
    stop, failures, sealed = threading.Event(), [], []

    def work(mine) -> None:
        n = 0
        while not stop.is_set():
            try:
                box = mine.seal(CLUB, "p", said(people[n % 60]))
                assert mine.open(CLUB, [box]) == ["Ana"]
                sealed.append(box)
            except Exception as error:
                failures.append(error)
            n += 1

    threads = [threading.Thread(target=work, args=(one,)) for one in keys]
    for thread in threads:
        thread.start()
    for _ in range(3):
        rotation.rotate(url, key_file)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert sealed
    assert ring().open(CLUB, sealed) == ["Ana"] * len(sealed)
    assert rows(url, "SELECT count(*) FROM privacy.tenant_key") == [(1,)]


def test_a_file_of_another_database_changes_nothing(ring, url, key_file):
    box = ring().seal(CLUB, "p", said(uuid4()))
    right = master.read(key_file)
    stranger = key_file.with_name("stranger")
    master.make_first(stranger)
    with pytest.raises(seals.Broken, match="not in the file"):
        rotation.rotate(url, stranger)
    assert master.read(key_file) == right
    assert ring().open(CLUB, [box]) == ["Ana"]


# the file


@pytest.mark.parametrize("content", ["", "\n", "short", "zz" * 32, "ab" * 32 + " x"])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path, content):
    file = tmp_path / "master"
    file.write_text(content)
    with pytest.raises(master.UnusableSetting, match="64 hexadecimal digits") as refused:
        master.read(file)
    assert "zzzz" not in str(refused.value)


def test_a_missing_file_is_said_by_name(tmp_path):
    with pytest.raises(master.Incomplete, match="put it back"):
        master.read(tmp_path / "nowhere")


def test_the_first_key_is_this_accounts_alone_and_is_made_once(tmp_path):
    file = tmp_path / "keys" / "master"
    master.make_first(file)
    made = master.read(file)
    assert not master.open_to_others(file)
    master.make_first(file)
    assert master.read(file) == made
    file.chmod(0o640)
    assert master.open_to_others(file)
