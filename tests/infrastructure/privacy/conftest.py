"""A migrated database for each test, a master key in a file, and keyrings on them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infrastructure.embedded.postgres import create_database, drop_database
from infrastructure.postgres.migrate import migrate
from infrastructure.privacy import master
from infrastructure.privacy.keyring import Keyring
from infrastructure.settings import Settings

Rings = Callable[..., Keyring]


@pytest.fixture(scope="session")
def migrated(servers: Settings) -> Iterator[tuple[str, str]]:
    assert servers.database_url is not None
    name = f"keys_{uuid4().hex[:12]}"
    migrate(create_database(servers.database_url, name))
    yield servers.database_url, name
    drop_database(servers.database_url, name)


@pytest.fixture
def url(migrated: tuple[str, str]) -> Iterator[str]:
    admin, template = migrated
    name = f"test_{uuid4().hex[:12]}"
    yield create_database(admin, name, template)
    drop_database(admin, name)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys" / "master"
    master.make_first(file)
    return file


@pytest.fixture
def ring(url: str, key_file: Path) -> Iterator[Rings]:
    """Makes keyrings that are processes of their own as far as they know; closes all at the end."""
    with ExitStack() as ends:

        def made(**more: Any) -> Keyring:
            keys = master.Masters(master.read(key_file), key_file)
            return ends.enter_context(Keyring(url, keys, **{"deadline": 10.0, **more}))

        yield made
