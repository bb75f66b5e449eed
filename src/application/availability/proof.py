"""The proof of no double booking over the log of one organization, or of all."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from application.message import Query
from application.recorded import RecordedEvent
from domain.availability.proof import Ledger, Overbooked, Overuse
from domain.errors import Rule

MOST_TOLD = 1000
"""Breaches and overbooked items beyond are counted, not told."""
TRANSACTION = 20
"""The bits of a position below its transaction's number."""


class ProveOverlaps(Query, frozen=True):
    """Has anything ever been booked twice?"""


class TooLongToProve(Rule):
    """The log is too long to be proven while you wait: let `daybook prove overlaps` do it, where the house runs."""


class Proven(Struct, frozen=True):
    """What the fold of the log has found."""

    position: int
    """Up to here the log was folded."""
    events: int
    bookings: int
    unreadable: int
    """Events that this version cannot read: what they claim is not known."""
    peaks: dict[UUID, tuple[int, int]]
    """Of each resource that was ever booked: the most units used at one instant, and how many it has now."""
    breaches: Sequence[Overuse]
    overbooked: Sequence[Overbooked]
    """On somebody's authority, with who and why: no breach, but listed."""
    more: int = 0
    """Breaches and overbooked items that are not told."""

    @property
    def sound(self) -> bool:
        return not self.breaches and not self.unreadable


class Placed(Protocol):
    """What stands in the log; what is no `RecordedEvent` could not be read."""

    @property
    def position(self) -> int: ...


class Proving:
    """Folds the log as it is read, in its order; each tenant's in a ledger of its own. The events of one command take
    effect together, however the log is cut into pages."""

    def __init__(self) -> None:
        self.events = 0
        self.position = 0
        self._unreadable = 0
        self._ledgers: dict[UUID, Ledger] = {}
        self._breaches: list[Overuse] = []
        self._more = 0
        self._open: list[RecordedEvent] = []

    def add(self, page: Iterable[Placed]) -> None:
        readable: list[RecordedEvent] = self._open
        for one in page:
            self.events += 1
            self.position = one.position
            if isinstance(one, RecordedEvent):
                readable.append(one)
            else:
                self._unreadable += 1
        commands = [list(events) for _, events in groupby(readable, lambda event: event.position >> TRANSACTION)]
        self._open = commands.pop() if commands else []
        for events in commands:
            self._fold(events)

    def _fold(self, events: Sequence[RecordedEvent]) -> None:
        first = events[0]
        ledger = self._ledgers.setdefault(first.tenant, Ledger())
        facts = [(event.fact, event.stream) for event in events]
        for breach in ledger.fold(facts, events[-1].position, first.occurred_at):
            if len(self._breaches) < MOST_TOLD:
                self._breaches.append(breach)
            else:
                self._more += 1

    def proven(self) -> Proven:
        """What was found, once all has been added."""
        if self._open:
            self._fold(self._open)
            self._open = []
        ledgers = list(self._ledgers.values())
        overbooked = [one for ledger in ledgers for one in ledger.overbooked]
        return Proven(
            position=self.position,
            events=self.events,
            bookings=sum(ledger.bookings for ledger in ledgers),
            unreadable=self._unreadable,
            peaks={
                resource: (peak, ledger.capacity.get(resource, 0))
                for ledger in ledgers
                for resource, peak in sorted(ledger.peak.items())
            },
            breaches=self._breaches,
            overbooked=overbooked[:MOST_TOLD],
            more=self._more + max(0, len(overbooked) - MOST_TOLD),
        )
