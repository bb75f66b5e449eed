"""Servers for the tests that need real ones. More fixtures are in house.py."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Complete settings: DAYBOOK_*_URL where set, else servers of this test process's own, fast and forgetful.

    One set for each xdist worker: it starts in a second and needs no agreement between processes.
    """
    wanted = replace(settings.load(os.environ), data=tmp_path_factory.mktemp("servers"))
    with embedded_where_missing(wanted, durable=False) as (complete, _):
        yield complete
