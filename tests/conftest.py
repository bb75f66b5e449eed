"""Servers for the tests that need real ones. More fixtures are in house.py."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from msgspec.structs import replace

from infrastructure import settings
from infrastructure.embedded.servers import embedded_where_missing
from infrastructure.settings import Settings

if sys.dont_write_bytecode:
    # Whoever sets PYTHONDONTWRITEBYTECODE wants a tidy tree. The many programs that are started here would each spend
    # two seconds on compiling all of it, so what is compiled is kept where it is in nobody's way.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(sys.prefix, "bytecode")))
    del os.environ["PYTHONDONTWRITEBYTECODE"]


hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")  # machines are shared: how long an example takes says nothing about it

PLENTY = dict.fromkeys(("limit_reads", "limit_writes", "limit_searches", "limit_pages", "limit_logins"), 10_000_000)
"""Requests a minute: everybody in these stories comes from one address, and in a hurry."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, one at the beginning of each worker's share: begun last, one alone would be waited for.

    Shares are halves (or thirds...) of this list in its order, and whoever is done takes over from the longest rest.
    """
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    rest = [item for item in items if not item.get_closest_marker("slow")]
    bounds = [len(rest) * share // shares for share in range(shares + 1)]
    items[:] = [
        item for share in range(shares) for item in (*slow[share::shares], *rest[bounds[share] : bounds[share + 1]])
    ]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Complete settings: DAYBOOK_*_URL where set, else servers of this test process's own, fast and forgetful.

    One set for each xdist worker: it starts in a second and needs no agreement between processes.
    """
    wanted = replace(settings.load(os.environ), data=tmp_path_factory.mktemp("servers"), **PLENTY)
    with embedded_where_missing(wanted, durable=False) as (complete, _):
        yield complete
