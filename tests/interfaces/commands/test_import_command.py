"""`daybook import` as it is typed: what it says, what it writes, how it ends."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import hotel_sheet as sheet
import psycopg
import pytest

from infrastructure.embedded.postgres import create_database, drop_database
from infrastructure.settings import Settings


@pytest.fixture
def env(servers: Settings):
    name = f"cli_{uuid4().hex[:12]}"
    url = create_database(servers.database_url, name)
    yield {**os.environ, **servers.environment(), "DAYBOOK_DATABASE_URL": url}
    drop_database(servers.database_url, name)


def typed(env, *words: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line(*words), capture_output=True, text=True, env=env, timeout=timeout)


def line(*words: object) -> list[str]:
    return [sys.executable, "-m", "interfaces.cli", "import", "hotel-bookings", *(str(word) for word in words)]


def events(env) -> int:
    with psycopg.connect(env["DAYBOOK_DATABASE_URL"]) as connection:
        return connection.execute("SELECT count(*) FROM event_store.event").fetchone()[0]


def test_all_rows_in_is_code_0_and_a_second_time_changes_nothing(env, tmp_path: Path):
    path = sheet.write(tmp_path / "sheet.csv.xz", [sheet.stayed(), sheet.cancelled(), sheet.missed(ends=-2)])
    said = typed(env, path)
    assert said.returncode == 0, said.stderr
    assert "3 rows are in, as 7 commands" in said.stdout
    assert "settled by 'no-show-before-arrival': 1" in said.stdout
    assert "line 4: Marked as not shown on 2016-03-08" in said.stdout
    assert "Antonio" in said.stdout
    before = events(env)
    assert "nothing was changed" in typed(env, path).stdout
    assert events(env) == before


@pytest.mark.parametrize("name", ["report.csv", "report.ndjson"])
def test_refused_rows_are_code_3_and_stand_in_the_report(env, tmp_path: Path, name: str):
    rows = [sheet.stayed(hotel="Ritz"), *([sheet.stayed(adults=0)] * 7)]
    said = typed(env, sheet.write(tmp_path / "sheet.csv", rows), "--report", tmp_path / name)
    assert said.returncode == 3, said.stderr
    assert "line 2: hotel is 'Ritz'" in said.stdout
    assert "and 2 more" in said.stdout
    text = (tmp_path / name).read_text()
    found = (
        list(csv.DictReader(text.splitlines())) if name.endswith("csv") else list(map(json.loads, text.splitlines()))
    )
    assert [(int(one["line"]), one["outcome"], one["rule"]) for one in found] == [
        (2, "refused", "unknown-hotel"), *((n, "settled", "no-guests") for n in range(3, 10)),
    ]  # fmt: skip
    assert [file.name for file in tmp_path.glob("*report*")] == [name]


def test_only_the_first_rows(env, tmp_path: Path):
    path = sheet.write(tmp_path / "sheet.csv", list(sheet.likely(20)))
    assert "5 rows of sheet.csv" in typed(env, path, "--limit", 5).stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"name\nana\n", "lacks these columns"),
        (b"\xfd7zXZ\x00cut", "damaged or cut short"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_one_sentence_before_any_server_is_needed(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    answer = typed({**os.environ, "DAYBOOK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, path)
    assert answer.returncode == 1
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_no_file_named_and_none_at_the_usual_place(tmp_path: Path):
    answer = typed({**os.environ, "DAYBOOK_HOTEL_DATA": str(tmp_path / "none.csv")})
    assert answer.returncode == 2
    assert "set DAYBOOK_HOTEL_DATA" in answer.stderr


def test_an_organization_that_is_not_there(env, tmp_path: Path):
    path = sheet.write(tmp_path / "sheet.csv", [sheet.stayed()])
    answer = typed(env, path, "--organization", uuid4())
    assert answer.returncode == 1
    assert "There is no organization" in answer.stderr
    assert events(env) == 0


def test_a_report_that_cannot_be_written_stops_it_before_it_begins(env, tmp_path: Path):
    path = sheet.write(tmp_path / "sheet.csv", [sheet.stayed()])
    answer = typed(env, path, "--report", tmp_path / "nowhere" / "report.csv")
    assert answer.returncode == 1
    assert "report cannot be written" in answer.stderr
    assert events(env) == 0


def begun(env, path: Path) -> subprocess.Popen[str]:
    """An import that has carried out a good part, and not all."""
    process = subprocess.Popen(line(path), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        try:
            if events(env) > 200:
                return process
        except psycopg.errors.UndefinedTable:
            pass  # not migrated yet
        time.sleep(0.02)
    raise AssertionError(f"it ended too early: {process.communicate()}")


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_interrupted_or_killed_the_next_run_goes_on(env, tmp_path: Path, sent: signal.Signals, code: int):
    path = sheet.write(tmp_path / "sheet.csv", list(sheet.likely(500)))
    process = begun(env, path)
    process.send_signal(sent)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    if code > 0:
        assert "it goes on from there" in said
    part = events(env)
    assert typed(env, path).returncode == 0
    whole = events(env)
    assert part < whole
    assert "nothing was changed" in typed(env, path).stdout
    with psycopg.connect(env["DAYBOOK_DATABASE_URL"]) as connection:
        ended = "tag IN ('booking.completed', 'booking.cancelled', 'booking.no_show_marked')"
        held, done = connection.execute(
            f"SELECT count(*) FILTER (WHERE version = 1 AND tag LIKE 'booking.held%'), count(*) FILTER (WHERE {ended}) "
            "FROM event_store.event"
        ).fetchone()
    assert held == done == 500
