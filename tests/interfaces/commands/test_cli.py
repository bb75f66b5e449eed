"""The command line says what is wrong in a sentence, never with a stack trace."""

import json
import os
import subprocess
import sys

import pytest

from infrastructure.settings import Settings
from interfaces import cli
from interfaces.commands.doctor import examine


def daybook(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "interfaces.cli", *words],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")} | env,
        timeout=30,
    )


def test_a_wrong_setting_is_one_sentence_and_code_2():
    said = daybook("doctor", DAYBOOK_PORT="eighty")
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert said.stderr.startswith("DAYBOOK_PORT is 'eighty'")


def test_an_unknown_command_is_refused():
    said = daybook("dance")
    assert said.returncode == 2
    assert "No such command 'dance'" in said.stderr


def test_a_command_that_cannot_be_loaded_takes_no_other_with_it(tmp_path, monkeypatch):
    (tmp_path / "lame.py").write_text("")
    monkeypatch.setattr(cli, "COMMANDS", tmp_path)
    group = cli.Commands("daybook")
    assert group.list_commands(None) == ["lame"]
    assert "cannot be loaded" in group.get_command(None, "lame").short_help


@pytest.mark.parametrize(("file", "name"), [("import_.py", "import"), ("hotel_bookings.py", "hotel-bookings")])
def test_a_command_is_named_after_its_file(tmp_path, monkeypatch, file, name):
    (tmp_path / file).touch()
    monkeypatch.setattr(cli, "COMMANDS", tmp_path)
    assert cli.Commands("daybook").list_commands(None) == [name]


def test_the_doctor_finds_nothing_wrong_here(tmp_path):
    said = daybook("doctor", "--json", DAYBOOK_DATA=str(tmp_path / "not" / "yet" / "there"))
    assert said.returncode == 0, said.stdout
    used = {finding["what"]: finding["source"] for finding in json.loads(said.stdout)}
    assert used["PostgreSQL"] == used["Valkey"] == used["MongoDB"] == "embedded"


def test_the_doctor_names_what_does_not_answer_and_hides_its_password():
    said = daybook(
        "doctor",
        DAYBOOK_DATABASE_URL="postgresql://ada:hunter2@127.0.0.1:1/daybook",
        DAYBOOK_REDIS_URL="redis://:hunter2@127.0.0.1:1",
        DAYBOOK_MONGO_URL="mongodb://ada:hunter2@127.0.0.1:1",
        DAYBOOK_MONGO_DEADLINE="0.2",
    )
    assert said.returncode == 1
    assert said.stdout.count("start it, or correct the URL") == 3
    assert "hunter2" not in said.stdout + said.stderr


def test_the_doctor_tells_the_versions_of_the_servers_given(servers: Settings):
    findings = {finding.what: finding for finding in examine(servers)}
    assert findings["PostgreSQL"].source == "external"
    assert findings["PostgreSQL"].version.startswith("18")
    assert all(finding.well for finding in findings.values())
