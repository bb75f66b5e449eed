"""A migrated database with the views' tables for each test, and an audit database of its own."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from infrastructure import mongo
from infrastructure.embedded.postgres import create_database, drop_database
from infrastructure.postgres.migrate import migrate
from infrastructure.settings import Settings
from projections.runner import connected, prepare
from projections.views import VIEWS


@pytest.fixture(scope="session")
def viewed(servers: Settings) -> Iterator[tuple[str, str]]:
    assert servers.database_url is not None
    name = f"views_{uuid4().hex[:12]}"
    url = create_database(servers.database_url, name)
    migrate(url)
    with connected(url, "test", role=None) as connection:
        prepare(connection, VIEWS)
    yield servers.database_url, name
    drop_database(servers.database_url, name)


@pytest.fixture
def url(viewed: tuple[str, str]) -> Iterator[str]:
    admin, template = viewed
    name = f"test_{uuid4().hex[:12]}"
    yield create_database(admin, name, template)
    drop_database(admin, name)


@pytest.fixture
def trail_url(servers: Settings) -> str:
    """Another database of the same server; dropping one takes seconds there, so it is left to end with the server."""
    assert servers.mongo_url is not None
    head, _, options = servers.mongo_url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/test_{uuid4().hex[:12]}?{options}"


@pytest.fixture
def trail_database(trail_url: str) -> Iterator[mongo.Database[mongo.Document]]:
    database = mongo.writing(trail_url)
    yield database
    database.client.close()
