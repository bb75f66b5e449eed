"""All tables, one after the other: `make bench`, or `make bench ARGS="append http"` for some.

Each is a program of its own (`python -m bench.append --help`) and starts the servers that it needs, with fsync on.
"""

import subprocess
import sys
from pathlib import Path

TABLES = {
    "append": "a command's append, against the stock recorder and raw psycopg",
    "availability": "what can be booked, against the bare statements, and with a million claims",
    "http": "a booking over HTTP, against bare handlers",
    "import_": "the import of a history, against raw rows",
    "prove": "the proof of no double booking: memory and rate with a million claims",
    "slots": "a month of slots from values, against a loop over every slot",
    "series": "a series of 400 occurrences, against 400 single bookings",
    "rebuild": "a rebuild, against the library's runner and COPY",
}


def main() -> int:
    wanted = sys.argv[1:] or list(TABLES)
    if unknown := [name for name in wanted if name not in TABLES]:
        print(f"There is no table {unknown[0]!r}: choose among {', '.join(TABLES)}.", file=sys.stderr)
        return 2
    failed = 0
    for name in wanted:
        print(f"\n== {name}: {TABLES[name]}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=Path(__file__).parent.parent).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
