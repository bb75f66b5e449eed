"""One town for each module: its tests sell things of their own."""

from collections.abc import Iterator

import pytest
from house import Town, fresh

from infrastructure.settings import Settings


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings) as town:
        yield town
