"""The three servers together, on one data folder, for as long as a `with` lasts."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from infrastructure import settings as given
from infrastructure.embedded.child import Unstartable
from infrastructure.embedded.folder import DataFolder
from infrastructure.embedded.mongo import Mongo
from infrastructure.embedded.postgres import Postgres
from infrastructure.embedded.server import Server
from infrastructure.embedded.valkey import Valkey
from infrastructure.privacy import keyring
from infrastructure.settings import Settings

A_DAY = 86_400  # seconds


class Servers(Struct, frozen=True):
    """What runs; what was not asked for is None."""

    postgres: Postgres | None = None
    valkey: Valkey | None = None
    mongo: Mongo | None = None

    @property
    def all(self) -> list[Server]:
        return [server for server in (self.postgres, self.valkey, self.mongo) if server]

    @property
    def database_url(self) -> str | None:
        return self.postgres.url if self.postgres else None

    @property
    def redis_url(self) -> str | None:
        return self.valkey.url if self.valkey else None

    @property
    def mongo_url(self) -> str | None:
        return self.mongo.url if self.mongo else None

    def complete(self, settings: Settings) -> Settings:
        """The settings with our URLs where none was given."""
        return replace(
            settings,
            database_url=settings.database_url or self.database_url,
            redis_url=settings.redis_url or self.redis_url,
            mongo_url=settings.mongo_url or self.mongo_url,
        )


@contextlib.contextmanager
def running(
    data: Path, *, durable: bool = True, postgres: bool = True, valkey: bool = True, mongo: bool = True
) -> Iterator[Servers]:
    """Start the servers on `data` and stop them at the end; raises FolderInUse and Unstartable.

    Without `durable` they are fast, forgetful and killed at the end: for tests, whose data nobody wants back.
    """
    servers = Servers(
        Postgres(data, durable=durable) if postgres else None,
        Valkey(data, durable=durable) if valkey else None,
        Mongo(data, durable=durable) if mongo else None,
    )
    with DataFolder(data).held():
        try:
            for server in servers.all:
                server.start()
            yield servers
        finally:
            stop_all(servers.all) if durable else kill_all(servers.all)


def stop_all(servers: list[Server]) -> None:
    """All are asked before the first is waited for: they do not need each other in order to end."""
    for server in servers:
        server.ask_to_stop()
    for server in servers:
        server.stop()


def kill_all(servers: list[Server]) -> None:
    for server in servers:
        server.kill()


@contextlib.contextmanager
def at_hand(env: Mapping[str, str], *, existing: bool = False) -> Iterator[Settings]:
    """Complete settings for one command: the URLs given, else those of the Daybook running on the data folder, else
    servers of the command's own for as long as it lasts.

    So `daybook import` works beside `make run` in another terminal, alone, and in production, and need not know
    which. `existing`: there must be a Daybook already, or to look at it would make an empty one and find nothing
    wrong with it. Raises UnusableSetting, FolderInUse and Unstartable.
    """
    settings = given.load(env)
    if settings.database_url and settings.redis_url and settings.mongo_url:
        yield settings
        return
    if published := DataFolder(settings.data).published():
        yield given.load(published | {name: value for name, value in env.items() if value})
        return
    if existing and settings.database_url is None and not (settings.data / "postgres").exists():
        raise Unstartable(
            f"There is no Daybook in {settings.data.resolve()}: name its folder with DAYBOOK_DATA, "
            "or its database with DAYBOOK_DATABASE_URL."
        )
    with embedded_where_missing(settings) as (complete, _):
        yield complete


@contextlib.contextmanager
def embedded_where_missing(settings: Settings, *, durable: bool = True) -> Iterator[tuple[Settings, Servers]]:
    """Start what no URL was given for; the settings come back complete, with keys for tokens and for people that
    are kept. Raises Incomplete and MissingKey where people's keys cannot be opened."""
    with running(
        settings.data,
        durable=durable,
        postgres=settings.database_url is None,
        valkey=settings.redis_url is None,
        mongo=settings.mongo_url is None,
    ) as servers:
        complete = servers.complete(settings)
        if complete.token_secret is None:
            # A key of our own making is for development, where a token should last the day.
            secret = DataFolder(settings.data).secret("tokens")
            complete = replace(complete, token_secret=secret, token_life=max(complete.token_life, A_DAY))
        if complete.master_key_file is None and complete.master_key is None:
            complete = replace(complete, master_key_file=settings.data.resolve() / "keys" / "master")
            keyring.make_master_where_none_was(complete)
        keyring.require_master(complete)
        yield complete, servers
