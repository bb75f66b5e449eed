"""The proof of no double booking over a log in which nothing is ever let go: memory and rate.

So many bookings of an hour, back to back on a thousand courts, each a command of two events; made up page by page, as
they would be read. Memory is what the process grew by, its pages of the log included. `--claims 100000` for a glance.
"""

import argparse
import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import uuid_utils.compat
from rich.console import Console
from rich.table import Table

from application.availability.proof import TRANSACTION, Proving
from application.recorded import Actor, Envelope, Origin, RecordedEvent
from domain.booking.events import BookingConfirmed, BookingHeld, Item
from domain.event import Event
from domain.resource.events import ResourceRegistered

TENANT, LOCATION = uuid4(), uuid4()
COURTS = 1000
PAGE = 5000
START = datetime(2027, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def made_up(claims: int) -> Iterator[list[RecordedEvent]]:
    courts = [uuid4() for _ in range(COURTS)]
    envelope = Envelope(uuid4(), "PlaceHold", uuid4(), Actor("user", "reception", "staff"), Origin("api"))

    def recorded(transaction: int, n: int, stream: UUID, fact: Event) -> RecordedEvent:
        position = (transaction << TRANSACTION) + n
        return RecordedEvent(position, TENANT, stream, n, uuid4(), fact.tag, START, fact, envelope)

    yield [
        recorded(n, 1, court, ResourceRegistered(LOCATION, "Court", "court", 1)) for n, court in enumerate(courts, 1)
    ]
    for first in range(0, claims, PAGE // 2):
        page: list[RecordedEvent] = []
        for n in range(first, min(first + PAGE // 2, claims)):
            starts = START + n // COURTS * HOUR
            court = UUID(int=courts[n % COURTS].int)  # decoded: an object of its own
            item = Item(1, court, starts, starts + HOUR, "2027-01-01T09:00", "Europe/Lisbon")
            booking = uuid_utils.compat.uuid7()
            for version, fact in enumerate((BookingHeld("K7PXQ2", LOCATION, (item,), START), BookingConfirmed()), 1):
                page.append(recorded(COURTS + 1 + n, version, booking, fact))
        yield page


def peak() -> int:
    """Of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(claims: int) -> Table:
    before = peak()
    proving = Proving()
    took = 0.0
    for page in made_up(claims):
        began = time.process_time()
        proving.add(page)
        took += time.process_time() - began
    proven = proving.proven()
    assert proven.sound
    assert proven.bookings == claims
    table = Table(title="The proof of no double booking, every claim standing")
    for heading in ("claims", "events", "grew by", "bytes a claim", "process", "events/s of processor"):
        table.add_column(heading, justify="right", no_wrap=True)
    grown = peak() - before
    table.add_row(
        f"{claims:,}", f"{proven.events:,}", f"{grown / 1e6:,.0f} MB", f"{grown / claims:,.0f}",
        f"{peak() / 1e6:,.0f} MB", f"{proven.events / took:,.0f}",
    )  # fmt: skip
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench.prove", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--claims", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    Console(width=120).print(measure(options.claims))


if __name__ == "__main__":
    main()
