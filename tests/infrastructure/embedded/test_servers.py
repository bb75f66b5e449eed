"""The servers from wheels, started and killed for real."""

import stat
import subprocess
import sys
import threading
import time

import psycopg
import pymongo
import pytest
import redis

from infrastructure.embedded.child import Child, Unstartable, residents
from infrastructure.embedded.folder import DataFolder, FolderInUse
from infrastructure.embedded.mongo import Mongo
from infrastructure.embedded.postgres import Postgres, create_database, drop_database
from infrastructure.embedded.servers import at_hand, running
from infrastructure.embedded.supervisor import YOUNG, Supervisor
from infrastructure.embedded.valkey import Valkey


@pytest.fixture
def postgres(tmp_path):
    server = Postgres(tmp_path / "data")
    server.start()
    yield server
    server.kill()


def write(url: str, note: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [note])


def notes(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note")]


def test_all_three_answer_keep_their_data_and_leave_nothing_running(tmp_path):
    data = tmp_path / "data"
    with running(data) as servers:
        write(servers.database_url, "first run")
        with pymongo.MongoClient(servers.mongo_url) as client:
            client.get_default_database().notes.insert_one({"text": "first run"})
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()
    for name in ("postgres", "valkey", "mongo"):
        assert residents(data / name) == []

    with running(data, valkey=False) as servers:
        assert notes(servers.database_url) == ["first run"]
        with pymongo.MongoClient(servers.mongo_url) as client:
            assert client.get_default_database().notes.count_documents({}) == 1
        assert servers.redis_url is None


def test_nobody_gets_in_without_the_password_and_only_the_owner_can_read_it(tmp_path):
    with running(tmp_path, durable=False) as servers:
        password = servers.postgres.password
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(servers.database_url.replace(password, "guess"))
        with redis.Redis(port=servers.valkey.port) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        with pymongo.MongoClient(port=servers.mongo.port, directConnection=True) as client:
            with pytest.raises(pymongo.errors.OperationFailure):
                client.daybook.notes.find_one()
    for file in (tmp_path / "passwords").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_run_on_the_same_folder_is_refused_in_one_sentence(tmp_path):
    with DataFolder(tmp_path).held():
        with pytest.raises(FolderInUse, match=r"Another Daybook \(process \d+\) is running on the data folder"):
            with running(tmp_path):
                pytest.fail("two masters of one database")
    with DataFolder(tmp_path).held():
        pass  # once the first has ended it is free again


def test_postgres_survives_kill_9_on_the_same_port(postgres):
    write(postgres.url, "acknowledged")
    url = postgres.url
    postgres.kill()
    assert not postgres.alive()
    postgres.start()
    assert postgres.url == url
    assert notes(url) == ["acknowledged"]


def test_postgres_starts_though_its_old_pid_is_now_somebody_elses(postgres):
    postgres.kill()
    note = postgres.folder / "postmaster.pid"
    lines = note.read_text().splitlines()
    note.write_text("\n".join(["1", *lines[1:]]) + "\n")
    postgres.start()
    assert postgres.alive()


def test_a_server_outlives_the_thread_that_started_it(tmp_path):
    server = Valkey(tmp_path)
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    time.sleep(0.3)
    try:
        assert server.alive()
    finally:
        server.kill()


def test_postgres_has_what_daybook_needs(postgres):
    with psycopg.connect(postgres.url) as connection:

        def setting(name):
            return connection.execute(f"SHOW {name}").fetchone()[0]

        assert connection.info.server_version >= 180000
        assert connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'btree_gist'").fetchone()
        assert (setting("fsync"), setting("jit"), setting("timezone")) == ("on", "off", "UTC")
        assert setting("max_connections") == "200"
        assert setting("idle_in_transaction_session_timeout") == "30s"


def test_a_benchmark_can_emulate_a_slow_disk(tmp_path):
    server = Postgres(tmp_path, settings={"commit_delay": "2000", "commit_siblings": "0"})
    server.start()
    try:
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SHOW commit_delay").fetchone() == ("2000",)
    finally:
        server.stop()


def test_a_database_is_copied_from_a_template(servers):
    template = create_database(servers.database_url, "a_template")
    write(template, "in the template")
    copy = create_database(servers.database_url, "a_copy", template="a_template")
    try:
        assert notes(copy) == ["in the template"]
    finally:
        drop_database(servers.database_url, "a_copy")
        drop_database(servers.database_url, "a_template")


def test_a_command_finds_the_servers_of_the_daybook_that_is_running(tmp_path):
    folder = DataFolder(tmp_path)
    published = {
        "DAYBOOK_DATABASE_URL": "postgresql://ada:secret@127.0.0.1:1/daybook",
        "DAYBOOK_REDIS_URL": "redis://127.0.0.1:1",
        "DAYBOOK_MONGO_URL": "mongodb://127.0.0.1:1",
    }
    with folder.held():
        folder.publish(published)
        with at_hand({"DAYBOOK_DATA": str(tmp_path), "DAYBOOK_REDIS_URL": ""}) as settings:
            assert settings.database_url == published["DAYBOOK_DATABASE_URL"]
            assert settings.redis_url == published["DAYBOOK_REDIS_URL"]
    assert folder.published() is None


def test_what_was_published_by_a_daybook_that_was_killed_is_not_believed(tmp_path):
    folder = DataFolder(tmp_path)
    folder.publish({"DAYBOOK_DATABASE_URL": "postgresql://127.0.0.1:1/daybook"})
    assert folder.published() is None


class Mayfly:
    """Dies whenever it is started, if `mortal`."""

    name = "mayfly"

    def __init__(self, *, mortal: bool) -> None:
        self.mortal, self.births, self.living = mortal, 0, True

    def start(self) -> None:
        self.births += 1
        self.living = not self.mortal

    def alive(self) -> bool:
        return self.living

    def kill(self) -> None:
        self.living = False

    def last_words(self) -> str:
        return "so short"


def test_what_crashed_is_started_again_at_once():
    said: list[str] = []
    supervisor, mayfly = Supervisor(said.append), Mayfly(mortal=False)
    supervisor.keep(mayfly)
    mayfly.kill()
    deadline = time.monotonic() + 2
    while not mayfly.alive() and time.monotonic() < deadline:
        supervisor.tend()
    assert mayfly.births == 1
    assert said == ["mayfly ended by itself: starting it again"]


def test_what_cannot_live_is_given_up_with_its_last_words():
    supervisor, mayfly = Supervisor(lambda _: None), Mayfly(mortal=True)
    mayfly.start()
    supervisor.keep(mayfly)
    with pytest.raises(Exception, match=r"(?s)mayfly ended 5 times.*so short"):
        supervisor.watch()
    assert mayfly.births == 5


def test_what_was_well_once_is_never_given_up():
    supervisor, mayfly = Supervisor(lambda _: None), Mayfly(mortal=True)
    supervisor.keep(mayfly)
    care = supervisor._cared["mayfly"]
    now = care.born + YOUNG  # it has lived long enough, then the disk is full for a while
    mayfly.kill()
    for _ in range(1000):
        now += 0.1
        care.tend(now)
    assert 15 < mayfly.births < 40
    mayfly.mortal = False
    while not mayfly.alive():
        now += 0.1
        care.tend(now)


def test_a_worker_ends_with_the_master_that_somebody_killed(tmp_path):
    """As granian's would not: it is started by multiprocessing and asks for it itself."""
    source = tmp_path / "master.py"
    source.write_text(
        "import multiprocessing, os, time\n"
        "from infrastructure.embedded.lifeline import end_with_parent\n"
        "def worker():\n"
        "    end_with_parent()\n"
        "    print('working', flush=True)\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.get_context('spawn').Process(target=worker).start()\n"
        "    time.sleep(60)\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    master = subprocess.Popen([sys.executable, source], stdout=subprocess.PIPE, text=True, cwd=home)
    assert master.stdout.readline() == "working\n"
    assert len(residents(home)) >= 2
    master.kill()
    master.wait()
    deadline = time.monotonic() + 5
    while residents(home) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert residents(home) == []


def test_a_folder_that_cannot_be_used_is_refused_in_one_sentence(tmp_path):
    """Root may write everywhere, so a file in the folder's place stands for a folder of somebody else's."""
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(Unstartable, match="cannot be used by this account"):
        DataFolder(tmp_path / "data").make()


def test_killing_a_child_kills_what_it_has_started(tmp_path):
    child = Child("parent", ["/bin/sh", "-c", "sleep 60 & sleep 60"], tmp_path / "log", folder=tmp_path)
    child.start()
    deadline = time.monotonic() + 5
    while len(residents(tmp_path)) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    child.kill()
    time.sleep(0.1)
    assert residents(tmp_path) == []


def test_the_audit_store_keeps_what_it_acknowledged_through_kill_9(tmp_path):
    server = Mongo(tmp_path)
    server.start()
    try:
        with pymongo.MongoClient(server.url) as client:
            client.daybook.notes.insert_many([{"_id": number} for number in range(500)])
        server.kill()
        server.start()
        with pymongo.MongoClient(server.url) as client:
            assert client.daybook.notes.count_documents({}) == 500
    finally:
        server.kill()
