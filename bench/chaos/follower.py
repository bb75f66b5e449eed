"""A follower that can be killed: `python -m bench.chaos.follower URL FILE` reads the log from where FILE ends.

What it has seen is one line a page, written whole: rows and position together, as a projection keeps them. A line that
was cut off was not seen.
"""

import os
import sys
import time
from pathlib import Path

import msgspec
import psycopg

from infrastructure.event_store import log
from infrastructure.postgres.migrate import APP_ROLE

PAGE = 37
"""Events at once: few, so that pages end in the middle of commands."""


def seen(file: Path) -> list[int]:
    """The positions in the order in which they were seen."""
    if not file.exists():
        return []
    lines = file.read_bytes().split(b"\n")[:-1]
    return [position for line in lines for position in msgspec.json.decode(line, type=list[int])]


def repaired(file: Path) -> int:
    """Cuts off what was half written; where to go on."""
    if not file.exists():
        return 0
    whole = file.read_bytes().rpartition(b"\n")
    file.write_bytes(whole[0] + whole[1])
    positions = seen(file)
    return positions[-1] if positions else 0


def main() -> None:
    url, name = sys.argv[1:]
    file = Path(name)
    position = repaired(file)
    out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with psycopg.connect(url, autocommit=True, options=f"-c role={APP_ROLE}") as connection:
        while True:
            page = log.read(connection, position, PAGE)
            if not page:
                time.sleep(0.005)
                continue
            os.write(out, msgspec.json.encode([event.position for event in page]) + b"\n")
            position = page[-1].position


if __name__ == "__main__":
    main()
