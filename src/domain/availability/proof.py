"""Proof of no double booking: fold the log in its order, and never see more units used than there are.

Nothing here looks at the table of claims: the claims are computed from the events again, so that the proof would find
an overlap that the guards had let through, and one that only the order of the log shows.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from domain.claim import Release, Resize, Take
from domain.claims import claims_of
from domain.event import Event
from domain.period import most_at_once


class Overuse(Struct, frozen=True):
    """At this position of the log more units of a resource were claimed at one instant than it had."""

    position: int
    resource_id: UUID
    at: datetime
    used: int
    capacity: int


class Ledger:
    """Who claims what, after each event of the log."""

    def __init__(self) -> None:
        self.capacity: dict[UUID, int] = {}
        self.peak: dict[UUID, int] = {}
        """The most units ever used at one instant, per resource."""
        self._taken: dict[UUID, dict[tuple[UUID, int], Take]] = {}
        self._of_booking: dict[UUID, list[Take]] = {}

    def add(self, event: Event, stream: UUID, position: int, at: datetime | None = None) -> Iterator[Overuse]:
        """Fold one more event; what it breaks. `at`: when it happened. A resource that shrinks need not have been so
        small before: the past may have used more, and is looked at only where no moment is given."""
        touched: list[Take] = []
        since: datetime | None = None
        for claim in claims_of(event, stream):
            match claim:
                case Release(booking_id):
                    for take in self._of_booking.pop(booking_id, ()):
                        del self._taken[take.resource_id][take.booking_id, take.item]
                case Take():
                    self._taken.setdefault(claim.resource_id, {})[claim.booking_id, claim.item] = claim
                    self._of_booking.setdefault(claim.booking_id, []).append(claim)
                    touched.append(claim)
                case Resize(resource_id, capacity):
                    self.capacity[resource_id] = capacity
                    since = at
                    standing = self._taken.get(resource_id, {}).values()
                    touched.extend(take for take in standing if since is None or take.ends_at > since)
        for take in touched:
            when, used = self._most(take, since)
            self.peak[take.resource_id] = max(used, self.peak.get(take.resource_id, 0))
            capacity = self.capacity.get(take.resource_id, 0)
            if used > capacity:
                yield Overuse(position, take.resource_id, when, used, capacity)

    def _most(self, wanted: Take, since: datetime | None = None) -> tuple[datetime, int]:
        """The instant of the wanted period (from `since` on) at which most units are used, and how many, by a sweep
        over its edges."""
        starts_at = wanted.starts_at if since is None else max(wanted.starts_at, since)
        return most_at_once(
            (max(take.starts_at, starts_at), take.ends_at, take.units)
            for take in self._taken[wanted.resource_id].values()
            if take.starts_at < wanted.ends_at and starts_at < take.ends_at
        )
