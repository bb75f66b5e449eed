"""A house of its own for each import: databases that nobody else writes to, so that all of the log is the import's."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from house import template
from msgspec.structs import replace

from infrastructure.embedded.postgres import create_database, drop_database
from infrastructure.settings import Settings


@pytest.fixture
def home(servers: Settings) -> Iterator[Settings]:
    """Settings of a migrated, empty house. Dropping the trail takes seconds there, so it ends with the server."""
    assert servers.database_url is not None
    assert servers.mongo_url is not None
    name = f"import_{uuid4().hex[:12]}"
    head, _, options = servers.mongo_url.partition("?")
    address, _, _ = head.partition("//")[2].partition("/")
    mongo_url = f"{head.partition('//')[0]}//{address}/{name}?{options}"
    database_url = create_database(servers.database_url, name, template(servers.database_url))
    yield replace(servers, database_url=database_url, mongo_url=mongo_url)
    drop_database(servers.database_url, name)
