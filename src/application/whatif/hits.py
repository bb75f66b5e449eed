"""Whom a change would strand, what else there is for them, and what they have booked for how much."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from application.availability.setups import setup_for
from application.unit_of_work import UnitOfWork
from application.whatif.scene import Scene, Seen
from domain.availability.choice import TRAILING
from domain.availability.sale import priced, unsold
from domain.availability.setup import Reason, Setup, Slot, in_order
from domain.availability.whatif import DAYS_AROUND, MINUTE, Stranded, alternatives, stranded
from domain.booking.booking import Booking
from domain.offering.offering import Offering
from domain.offering.terms import Need, Terms
from domain.organization.location import Location
from domain.period import Period
from domain.resource.resource import Resource

MOST_HITS = 500
MOST_HELPED = 100
"""Bookings for which something else is looked for: the first ones."""
MOST_SUMMED = 5_000
"""Bookings whose prices are added up: the first ones."""


class Struck(NamedTuple):
    """A booking or session that would be stranded: which of its items, and what speaks against it as a whole."""

    items: tuple[Stranded, ...]
    reasons: tuple[Reason, ...]
    starts_at: datetime

    @property
    def booked(self) -> bool:
        return not self.items or self.items[0].kind == "booking"


class Hit(Struct, frozen=True, kw_only=True):
    """A booking that would be stranded, or a session that would lose what it occupies."""

    id: UUID
    kind: str
    """booking or session."""
    reference: str | None = None
    status: str | None = None
    customer_id: UUID | None = None
    offering_id: UUID | None = None
    entry_id: UUID | None = None
    """The waitlist's entry that it is offered to, or was."""
    starts_at: datetime
    ends_at: datetime
    reasons: tuple[Reason, ...] = ()
    items: tuple[Stranded, ...]
    price: int | None = None
    currency: str | None = None
    alternatives: tuple[Slot, ...] = ()


class Sum(Struct, frozen=True):
    """What bookings cost together, in minor units, by the prices that their offerings have now."""

    currency: str
    amount: int
    bookings: int


def strands(before: Scene, after: Scene, seen: Seen, now: datetime, until: datetime) -> dict[UUID, Struck]:
    """Everything that would be stranded and begins before then, in order of time."""
    items: dict[UUID, dict[int, Stranded]] = {}
    reasons: dict[UUID, tuple[Reason, ...]] = {}
    starts: dict[UUID, datetime] = {}

    def met(one: Stranded) -> None:
        own = items.setdefault(one.booking_id, {})
        known = own.get(one.item, replace(one, reasons=()))
        own[one.item] = replace(known, reasons=in_order((*known.reasons, *one.reasons)))
        starts[one.booking_id] = min(one.starts_at, starts.get(one.booking_id, one.starts_at))

    for place in after.places:
        for one in stranded(before.places[place], after.places[place], seen.uses, now):
            if one.starts_at < until:
                met(one)
    for booking in seen.bookings.values():
        offering = booking.offering_id
        if offering is None or not now < booking.period.ends_at or booking.period.starts_at >= until:
            continue
        against = unsold(before.sales[offering], after.sales[offering], booking)
        for item in booking.items:
            if own := tuple(it for it in against if it.item == item.item):
                met(Stranded(booking.id, item.item, item.resource_id, item.starts_at, item.ends_at, "booking", own))
        if whole := in_order(it for it in against if it.item is None):
            reasons[booking.id] = whole
            starts[booking.id] = min(booking.period.starts_at, starts.get(booking.id, booking.period.starts_at))
    ordered = sorted(starts, key=lambda key: (starts[key], key))
    return {
        key: Struck(tuple(it for _, it in sorted(items.get(key, {}).items())), reasons.get(key, ()), starts[key])
        for key in ordered
    }


def told(
    work: UnitOfWork, found: Mapping[UUID, Struck], before: Scene, most: int, others: Sequence[UUID]
) -> tuple[Hit, ...]:
    """The first of them, each with what else there is for it."""
    listed = dict(list(found.items())[:MOST_HITS])
    bookings = booked(work, listed)
    instead = others_for(work, dict(list(bookings.items())[:MOST_HELPED]), most, others) if most else {}
    costs = {key: price_of(work, booking, before) for key, booking in bookings.items()}
    return tuple(
        hit(key, struck, bookings.get(key), costs.get(key), instead.get(key, ())) for key, struck in listed.items()
    )


def booked(work: UnitOfWork, found: Mapping[UUID, Struck]) -> dict[UUID, Booking]:
    ids = [key for key, struck in found.items() if struck.booked]
    work.fetch(*ids)
    return {key: work.read(Booking, key) for key in ids}


def hit(
    key: UUID, struck: Struck, booking: Booking | None, cost: tuple[str, int] | None, others: Sequence[Slot]
) -> Hit:
    items = struck.items
    currency, amount = cost or (None, None)
    if booking is None:
        starts_at, ends_at = min(it.starts_at for it in items), max(it.ends_at for it in items)
        return Hit(id=key, kind=items[0].kind, starts_at=starts_at, ends_at=ends_at, items=items)
    return Hit(
        id=key, kind="booking", reference=booking.reference, status=booking.status, customer_id=booking.customer_id,
        offering_id=booking.offering_id, entry_id=booking.entry_id, starts_at=booking.period.starts_at,
        ends_at=booking.period.ends_at, reasons=struck.reasons, items=items,
        price=amount, currency=currency, alternatives=tuple(others),
    )  # fmt: skip


# what else there is


def others_for(
    work: UnitOfWork, bookings: Mapping[UUID, Booking], most: int, others: Sequence[UUID]
) -> dict[UUID, Sequence[Slot]]:
    """What else there is for each, by the function that shows the slots, in the configuration as it would be. All other
    bookings are thought to stay where they are."""
    alike: dict[Any, list[Booking]] = {}
    for booking in bookings.values():
        alike.setdefault(booking.offering_id or booking.id, []).append(booking)
    found: dict[UUID, Sequence[Slot]] = {}
    for those in alike.values():
        setup = sold_as(work, those[0], others)
        if setup is None:
            continue
        around = timedelta(days=DAYS_AROUND + 2)
        since = min(it.period.starts_at for it in those) - around - timedelta(days=TRAILING)
        until = max(it.period.ends_at for it in those) + around
        uses = work.occupancy(sorted(setup.resources), since, until)
        for it in those:
            found[it.id] = alternatives(setup, uses, it.id, it.period, it.party_size or 1, work.now, most)
    return found


def sold_as(work: UnitOfWork, booking: Booking, others: Sequence[UUID]) -> Setup | None:
    """Under which terms something else could be found: those of its offering as they would be; of one resource by its
    name, that resource or another of its kind; None where nobody can say."""
    if booking.offering_id is not None:
        offering = work.read(Offering, booking.offering_id)
        return None if offering.retired or offering.terms.sessions_only else setup_for(work, offering)
    if len(booking.items) != 1 or booking.period.duration < MINUTE:
        return None
    (item,) = booking.items
    work.fetch(*others)
    what = work.read(Resource, item.resource_id)
    alike = {it.id: it for it in (work.read(Resource, one) for one in others)
             if (it.location_id, it.kind) == (what.location_id, what.kind)}  # fmt: skip
    minutes = Period(item.starts_at, item.ends_at).duration // MINUTE
    terms = Terms(
        needs=(Need(what.kind, any_of=(what.id, *(it for it in alike if it != what.id)), units=item.units),),
        durations=(minutes,), before=item.before, after=item.after,
    )  # fmt: skip
    return Setup(work.read(Location, what.location_id), terms, {**alike, what.id: what})


# what it is worth


def summed(work: UnitOfWork, found: Mapping[UUID, Struck], before: Scene) -> tuple[tuple[Sum, ...], int]:
    """What they cost together by currency, and of how many nobody knows it."""
    sums: dict[str, Sum] = {}
    unknown = 0
    for booking in booked(work, dict(list(found.items())[:MOST_SUMMED])).values():
        cost = price_of(work, booking, before)
        if cost is None:
            unknown += 1
            continue
        currency, amount = cost
        so_far = sums.get(currency, Sum(currency, 0, 0))
        sums[currency] = Sum(currency, so_far.amount + amount, so_far.bookings + 1)
    return tuple(sums[it] for it in sorted(sums)), unknown


def price_of(work: UnitOfWork, booking: Booking, before: Scene) -> tuple[str, int] | None:
    """By what its offering costs from, before it is changed: currency and minor units."""
    if booking.offering_id is None:
        return None
    known = before.sales.get(booking.offering_id)
    terms = work.read(Offering, booking.offering_id).terms if known is None else known.setup.terms
    amount = priced(terms.price, booking.period.duration // MINUTE, booking.party_size or 1)
    return None if amount is None or terms.price is None else (terms.price.currency, amount)
