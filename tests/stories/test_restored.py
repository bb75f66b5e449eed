"""A backup of the keys is put back, and with it whom one had forgotten: the journal knows better."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from house import Town, fresh, made, until
from psycopg.types.json import Jsonb

from application.privacy.commands import Certify, Erase
from domain.privacy.subject import Subject
from infrastructure.privacy.journal import Journal, JournalAhead, UnreadableJournal, behind, require_replayed
from infrastructure.settings import Settings

NAME = "Ana Lopes"
KEPT = ("privacy.subject_key", "privacy.blind_index", "privacy.erasure")


@pytest.fixture
def town(servers: Settings, tmp_path) -> Iterator[Town]:
    with fresh(servers, data=tmp_path) as settings, Town(settings) as town:
        yield town


def erased(town: Town) -> UUID:
    details = {"name": NAME, "email": "ana@example.org"}
    answer = town.owner.post("/api/v1/users", json={"role": "customer", "details": details})
    person, position = UUID(made(answer)), answer.headers["daybook-position"]
    found = {"email": "ana@example.org", "min_position": position}
    assert len(town.owner.post("/api/v1/users/search", json=found).json()["data"]) == 1
    before = backup(town)
    asked = town.as_("compliance").post(f"/api/v1/users/{person}/erasure", json={"basis": "objection"})
    request = UUID(asked.json()["request_id"])
    for command in (Erase(person, request), Certify(person, request)):
        town.house.erasing.carry_out(command, town.occasion("system"))
    assert name_of(town, person) is None
    restore(town, before)
    return person


def backup(town: Town) -> dict[str, list[Any]]:
    return {table: [row for (row,) in town.sql(f"SELECT to_jsonb(x) FROM {table} x")] for table in KEPT}


def restore(town: Town, backup: dict[str, list[Any]]) -> None:
    """As pg_restore does it: without triggers, by the owner of the server."""
    with psycopg.connect(town.settings.database_url or "") as connection:
        connection.execute("SET session_replication_role = replica")
        for table, rows in backup.items():
            connection.execute(f"DELETE FROM {table}")
            for row in rows:
                connection.execute(f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, %s)",
                                   [Jsonb(row)])  # fmt: skip
        # Somebody who listens would have been cut off by the restart.
        connection.execute("NOTIFY daybook_keys, 'all'")


def name_of(town: Town, person: UUID) -> str | None:
    """Opened from the log, as anybody could who has the keys."""
    stream = town.house.store.load(town.organization, [person]).streams[person]
    (name,) = town.house.keys.open(town.organization, [stream[1].fact.details["name"]])
    return name if isinstance(name, str) else None


def daybook(town: Town, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **town.settings.environment(), "DAYBOOK_TOKEN_SECRET": "s" * 40}
    return subprocess.run([sys.executable, "-m", "interfaces.cli", *words], env=env, capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip


def test_whom_a_backup_brings_back_the_journal_forgets_again(town):
    person = erased(town)
    until(lambda: name_of(town, person) == NAME)  # the backup has brought them back
    assert [one.subject for one in behind(town.settings)] == [person]
    with pytest.raises(JournalAhead, match="1 people who are not erased"):
        require_replayed(town.settings)
    for server in ("api", "worker"):
        refused = daybook(town, server)
        assert refused.returncode == 1
        assert "run `daybook erasures replay`" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1

    replayed = daybook(town, "erasures", "replay")
    assert replayed.returncode == 0, replayed.stderr
    assert str(person) in replayed.stdout
    until(lambda: name_of(town, person) is None)
    assert town.sql("SELECT count(*) FROM privacy.blind_index") == [(0,)]
    require_replayed(town.settings)
    again = daybook(town, "erasures", "replay")
    assert (again.returncode, again.stdout.startswith("0 erased again")) == (0, True)


def test_where_the_log_was_put_back_as_well_the_erasure_is_recorded_anew(town):
    person = erased(town)
    stream = Subject.of(person)
    town.sql("DELETE FROM event_store.event WHERE stream = %s", stream)
    assert daybook(town, "erasures", "replay").returncode == 0
    assert town.sql("SELECT tag FROM event_store.event WHERE stream = %s", stream) == [("subject.erasure_requested",)]
    until(lambda: name_of(town, person) is None)


def test_nothing_is_to_be_replayed_where_nobody_was_erased(town):
    require_replayed(town.settings)
    assert behind(town.settings) == []


# the file


def test_the_same_erasure_stands_there_once_and_others_after_it(tmp_path):
    journal, at = Journal(tmp_path / "deep" / "erasures.journal"), datetime(2027, 1, 4, tzinfo=UTC)
    first, second = (uuid4(), uuid4(), uuid4()), (uuid4(), uuid4(), uuid4())
    for one in (first, first, second):
        journal.append(*one, "objection", at)
    assert [(it.tenant, it.subject, it.request) for it in journal.entries()] == [first, second]


def test_a_line_that_was_torn_is_none_and_the_next_one_is(tmp_path):
    journal, at = Journal(tmp_path / "erasures.journal"), datetime(2027, 1, 4, tzinfo=UTC)
    first, second = (uuid4(), uuid4(), uuid4()), (uuid4(), uuid4(), uuid4())
    journal.append(*first, "objection", at)
    with journal.file.open("ab") as file:
        file.write(b'{"tenant":"0190')
    assert len(journal.entries()) == 1
    journal.append(*second, "objection", at)
    assert [it.tenant for it in journal.entries()] == [first[0], second[0]]


def test_a_line_that_was_written_by_hand_is_not_passed_over(tmp_path):
    journal = Journal(tmp_path / "erasures.journal")
    journal.file.write_bytes(b'{"tenant":"me"}\n')
    with pytest.raises(UnreadableJournal, match="Line 1"):
        journal.entries()
