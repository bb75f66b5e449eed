"""A migrated database for each story."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from infrastructure.embedded.postgres import create_database, drop_database
from infrastructure.postgres.migrate import migrate
from infrastructure.settings import Settings


@pytest.fixture
def url(servers: Settings) -> Iterator[str]:
    assert servers.database_url is not None
    name = f"story_{uuid4().hex[:12]}"
    made = create_database(servers.database_url, name)
    migrate(made)
    yield made
    drop_database(servers.database_url, name)
