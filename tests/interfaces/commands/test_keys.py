"""The master key from the command line: where it is, what is wrong with it, and a new one."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from house import fresh
from msgspec.structs import replace

from domain.personal import Clear
from infrastructure.privacy import master, seals
from infrastructure.privacy.keyring import Keyring, make_master_where_none_was
from infrastructure.settings import Settings
from interfaces.commands.doctor import Finding, examine

CLUB, ANA = UUID(int=301), UUID(int=302)


@pytest.fixture(scope="module")
def sealing(servers: Settings):
    """A database in which somebody's key is wrapped under the master key of these settings."""
    with fresh(servers) as settings:
        with ring(settings) as keys:
            keys.seal(CLUB, "p", Clear(ANA, "Ana"))
        yield settings


def ring(settings: Settings) -> Keyring:
    return Keyring(settings.database_url or "", master.masters(settings), deadline=10.0)


def daybook(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    return subprocess.run(
        [sys.executable, "-m", "interfaces.cli", *words], env={**env, **settings.environment()},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def found(settings: Settings) -> Finding:
    (finding,) = [one for one in examine(settings) if one.what == "master key"]
    return finding


@pytest.mark.parametrize("command", ["api", "worker"])
def test_without_its_master_key_nothing_starts_and_one_sentence_says_why(sealing, tmp_path, command):
    lost = replace(sealing, master_key_file=tmp_path / "lost", port=1 + 1023)
    said = daybook(lost, command)
    assert (said.returncode, said.stdout) == (2, "")
    assert f"There is no master key at {tmp_path / 'lost'}" in said.stderr
    assert "put it back" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("command", ["api", "worker"])
def test_with_another_master_key_nothing_starts_and_one_sentence_says_which(sealing, tmp_path, command):
    file = tmp_path / "another"
    master.make_first(file)
    said = daybook(replace(sealing, master_key_file=file, port=1 + 1023), command)
    assert (said.returncode, said.stdout) == (2, "")
    assert f"The master key at {file} is another one" in said.stderr
    assert seals.name_of(master.read(sealing.master_key_file)[0]) in said.stderr
    for keys in (master.read(file), master.read(sealing.master_key_file)):
        assert keys[0].hex() not in said.stderr


def test_none_is_made_where_there_are_keys_that_need_the_old_one(sealing, tmp_path):
    lost = replace(sealing, master_key_file=tmp_path / "keys" / "master")
    with pytest.raises(master.MissingKey, match="put it back"):
        make_master_where_none_was(lost)
    assert not (tmp_path / "keys").exists()


def test_the_first_start_makes_one_for_its_account_alone(servers, tmp_path):
    with fresh(servers) as settings:
        first = replace(settings, master_key_file=tmp_path / "keys" / "master")
        make_master_where_none_was(first)
        made = master.read(tmp_path / "keys" / "master")
        assert (tmp_path / "keys" / "master").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
        make_master_where_none_was(first)
        assert master.read(tmp_path / "keys" / "master") == made


def test_rotating_from_the_command_line(servers, tmp_path):
    with fresh(servers, master_key_file=tmp_path / "master") as settings:
        master.make_first(tmp_path / "master")
        with ring(settings) as keys:
            box = keys.seal(CLUB, "p", Clear(ANA, "Ana"))
        (old,) = master.read(tmp_path / "master")
        said = daybook(settings, "keys", "rotate")
        assert said.returncode == 0, said.stderr
        assert f"{CLUB}: 1 keys wrapped anew" in said.stdout
        (new,) = master.read(tmp_path / "master")
        assert new != old
        assert old.hex() not in said.stdout + said.stderr
        assert new.hex() not in said.stdout + said.stderr
        with ring(settings) as keys:
            assert keys.open(CLUB, [box]) == ["Ana"]
        named = replace(settings, master_key_file=None, master_key=new.hex())
        refused = daybook(named, "keys", "rotate")
        assert refused.returncode == 2
        assert "only a key in a file can be rotated" in refused.stderr


# the doctor


def test_the_doctor_says_where_it_is(tmp_path: Path):
    file = tmp_path / "master"
    master.make_first(file)
    well = found(Settings(data=tmp_path, master_key_file=file))
    assert (well.well, well.where, well.source) == (True, str(file), "external")


def test_the_doctor_complains_where_others_may_read_it(tmp_path: Path):
    file = tmp_path / "master"
    master.make_first(file)
    file.chmod(0o604)
    open_ = found(Settings(data=tmp_path, master_key_file=file))
    assert not open_.well
    assert open_.mend == f"chmod 600 {file}: others may read it now"


def test_the_doctor_complains_where_one_is_named_and_missing_or_no_key(tmp_path: Path):
    file = tmp_path / "master"
    missing = found(Settings(data=tmp_path, master_key_file=file))
    assert (missing.well, missing.version) == (False, "missing")
    file.write_text("no key")
    unusable = found(Settings(data=tmp_path, master_key_file=file))
    assert (unusable.well, unusable.version) == (False, "unusable")


def test_where_nothing_was_started_yet_it_need_not_be_there(tmp_path: Path):
    fine = found(Settings(data=tmp_path))
    assert (fine.well, fine.version, fine.where) == (True, "not there yet", str(tmp_path.resolve() / "keys" / "master"))


def test_a_key_in_a_variable_is_for_tests_and_is_never_shown(tmp_path: Path):
    settings = Settings(data=tmp_path, master_key="ab" * 32)
    told = found(settings)
    assert not told.well
    assert "abab" not in f"{told} {settings!r}"
