"""What would become of those who wait: whose turn would come, and who would lose what they have been promised."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from msgspec import Struct

from application.unit_of_work import UnitOfWork
from application.waitlist.commands import WalkTimes, walk_times
from application.whatif.hits import Struck, booked
from application.whatif.scene import Scene, Seen
from domain.availability.setup import Reason
from domain.availability.whatif import hopeless, stranded
from domain.booking.booking import Booking
from domain.waitlist.entry import Entry
from domain.waitlist.waitlist import Waitlist, waitlist_of

MOST_HOPES = 200
"""Entries of which it is looked whether their window could ever hold something: the first ones in the queue."""

Lost = Literal["offer", "set_aside", "session", "hope"]


class Offered(Struct, frozen=True):
    """Whose turn would come, and with what."""

    entry_id: UUID
    offering_id: UUID
    customer_id: UUID | None
    party: int
    starts_at: datetime
    ends_at: datetime
    resource_ids: tuple[UUID, ...]


class Loss(Struct, frozen=True):
    """Who would lose what: what is on offer to them, what is set aside for them, the session that they wait for, or
    any time in their window that could ever come free."""

    entry_id: UUID
    offering_id: UUID
    customer_id: UUID | None
    party: int
    what: Lost
    reasons: tuple[Reason, ...] = ()


class Waiters(Struct, frozen=True):
    offered: tuple[Offered, ...] = ()
    losing: tuple[Loss, ...] = ()


def waiters(work: UnitOfWork, before: Scene, after: Scene, seen: Seen, found: Mapping[UUID, Struck]) -> Waiters:
    """The walks that would follow are really made, on a unit of work that forgets them: ask for nothing else of it
    afterwards."""
    if not seen.waitlists:
        return Waiters()
    losing = tuple(loss for waitlist in seen.waitlists.values()
                   for loss in losses(work, waitlist, before, after, seen, found))  # fmt: skip
    offered = tuple(
        it for place, waitlist in seen.waitlists.items() for it in served(work, place, waitlist, before, after)
    )
    return Waiters(offered, losing)


def losses(
    work: UnitOfWork, waitlist: Waitlist, before: Scene, after: Scene, seen: Seen, found: Mapping[UUID, Struck]
) -> Iterator[Loss]:
    kept = {
        one.booking_id: one.reasons
        for place in after.places
        for one in stranded(before.places[place], after.places[place], seen.uses, work.now, kept=True)
    }
    on_offer = {
        booking.entry_id: (*struck.reasons, *(it for item in struck.items for it in item.reasons))
        for key, booking in booked(work, found).items()
        if booking.entry_id is not None and (struck := found[key])
    }
    hopes = iter(range(MOST_HOPES))
    for entry in waitlist.queue:
        if entry.id in on_offer:
            yield loss(entry, "offer", on_offer[entry.id])
        if entry.id in kept:
            yield loss(entry, "set_aside", kept[entry.id])
        if entry.session_id is not None and entry.session_id in found:
            yield loss(entry, "session", (it for item in found[entry.session_id].items for it in item.reasons))
        was, would = before.sales.get(entry.offering_id), after.sales.get(entry.offering_id)
        if was is None or would is None or was == would or entry.window is None or next(hopes, None) is None:
            continue
        if hopeless(would, entry, work.now) and not hopeless(was, entry, work.now):
            yield loss(entry, "hope")


def loss(entry: Entry, what: Lost, reasons: Iterable[Reason] = ()) -> Loss:
    return Loss(entry.id, entry.offering_id, entry.customer_id, entry.party, what, tuple(reasons))


def served(work: UnitOfWork, place: UUID, waitlist: Waitlist, before: Scene, after: Scene) -> Iterator[Offered]:
    """To whom something would be offered that is not offered to them now, in the order of the queue."""
    for offering_id in sorted(waitlist.offerings(work.now)):
        if before.sales[offering_id] != after.sales[offering_id]:
            walk_times(WalkTimes(offering_id), work)
    then = work.read(Waitlist, waitlist_of(place)).entries
    for entry in waitlist.queue:
        now_offered = then[entry.id].offer if entry.id in then else None
        if entry.offer is not None or (entry.id in then and now_offered is None):
            continue
        if now_offered is not None:
            periods = [(it.starts_at, it.ends_at, it.resource_id) for it in now_offered.pieces]
        else:  # it was booked at once
            items = work.read(Booking, uuid5(entry.id, f"offer {entry.offers + 1}")).items
            periods = [(it.starts_at, it.ends_at, it.resource_id) for it in items]
        yield Offered(
            entry.id, entry.offering_id, entry.customer_id, entry.party, min(it[0] for it in periods),
            max(it[1] for it in periods), tuple(it[2] for it in periods),
        )  # fmt: skip
