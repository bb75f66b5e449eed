"""`daybook token` prints a token that the door opens to, and nothing else."""

import os
import subprocess
import sys
from uuid import UUID, uuid4

import pytest

from interfaces.http.caller import Doorkeeper
from interfaces.trust import Trust

SECRET = "s" * 40
ORGANIZATION = str(uuid4())


def token(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
    return subprocess.run(
        [sys.executable, "-m", "interfaces.cli", "token", *words],
        capture_output=True, text=True, timeout=30, env=kept | {"DAYBOOK_TOKEN_SECRET": SECRET} | env,
    )  # fmt: skip


def test_it_is_let_in():
    said = token("--org", ORGANIZATION, "--role", "manager", "--user", "ann")
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("\n") == 1
    caller = Doorkeeper(Trust(SECRET)).caller(said.stdout.strip().encode())
    assert (caller.actor.id, caller.actor.role, caller.organizations) == ("ann", "manager", (UUID(ORGANIZATION),))


def test_the_platform_belongs_to_no_organization():
    caller = Doorkeeper(Trust(SECRET)).caller(token("--role", "platform").stdout.strip().encode())
    assert caller.organizations == ()


def test_a_customer_gets_an_id():
    caller = Doorkeeper(Trust(SECRET)).caller(
        token("--org", ORGANIZATION, "--role", "customer").stdout.strip().encode()
    )
    assert UUID(caller.actor.id)


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (["--role", "owner"], "--org is needed"),
        (["--org", "mine"], "not a valid UUID"),
        (["--org", ORGANIZATION, "--role", "system"], "system"),
        (["--org", ORGANIZATION, "--ttl", "2h"], "at most 900 s"),
        (["--org", ORGANIZATION, "--ttl", "soon"], "is no time"),
        (["--org", ORGANIZATION, "--role", "customer", "--user", "ann"], "is a UUID"),
    ],
)
def test_what_would_not_be_let_in_is_not_minted(words, because):
    said = token(*words)
    assert said.returncode == 2
    assert because in said.stderr.replace("\n", " ")
    assert said.stdout == ""


def test_without_the_secret_there_is_none(tmp_path):
    said = token("--org", ORGANIZATION, DAYBOOK_TOKEN_SECRET="", DAYBOOK_DATA=str(tmp_path))
    assert said.returncode != 0
    assert "DAYBOOK_TOKEN_SECRET is not set" in said.stderr
    assert said.stdout == ""
