"""A migrated database for each story, copied from a template."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from infrastructure.embedded.postgres import create_database, drop_database
from infrastructure.postgres.migrate import migrate
from infrastructure.settings import Settings


@pytest.fixture(scope="session")
def story_template(servers: Settings) -> Iterator[tuple[str, str]]:
    assert servers.database_url is not None
    name = f"stories_{uuid4().hex[:12]}"
    migrate(create_database(servers.database_url, name))
    yield servers.database_url, name
    drop_database(servers.database_url, name)


@pytest.fixture
def url(story_template: tuple[str, str]) -> Iterator[str]:
    admin, template = story_template
    name = f"story_{uuid4().hex[:12]}"
    yield create_database(admin, name, template)
    drop_database(admin, name)
