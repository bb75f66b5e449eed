"""What if the configuration were another: which bookings would no longer be offered where they are, and what else there
would be for them. Nothing happens to them: whoever edits is shown them first.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain import localtime
from domain.availability.occupancy import Occupied, by_resource
from domain.availability.offer import TOLD, closed
from domain.availability.sale import Sale
from domain.availability.setup import Reason, Request, Setup, Slot, Use, in_order
from domain.availability.slots import NoSuchDuration, slots
from domain.errors import Refusal
from domain.organization.location import Location
from domain.period import Period
from domain.resource.resource import Resource
from domain.waitlist.entry import Entry
from domain.wall import micros

MINUTE = timedelta(minutes=1)
DAYS_AROUND = 7
"""How far from its date something else is looked for."""
MOST_ALTERNATIVES = 3


class Stranded(Struct, frozen=True):
    """An item of a booking (or a room of a session) that would no longer be offered where it is, and why."""

    booking_id: UUID
    item: int
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    kind: str
    reasons: tuple[Reason, ...]


def stranded(before: Setup, after: Setup, uses: Sequence[Use], now: datetime, *, kept: bool = False) -> list[Stranded]:
    """What the change would strand, in order of time; what is over or dead already is left alone, and so is what the
    configuration spoke against before, in the same words.

    Hours, closures and absences are held against each use by itself: its bare period, its buffers too where something
    is maintained or somebody is away. Capacity and the pacing of starts are swept: where more would be in use, or would
    start, than there may, and by more than before, everything is named that lies there, whoever came first: who has to
    go, people decide. `kept`: instead of what is booked, what is set aside for those who wait.
    """
    living = [use for use in uses if lives(use, now) and (use.kind == "earmark") == kept]
    found: list[Stranded] = []
    for resource_id, resource in after.resources.items():
        was = before.resources.get(resource_id)
        if was is None or (was == resource and before.location == after.location):
            continue
        own = [use for use in living if use.resource_id == resource_id]
        there = [use for use in uses if use.resource_id == resource_id and lives(use, now)]
        crowds = list(crowded(was, resource, there, now))
        rushes = Rush(was, resource, there, now)
        for use in own:
            told = {reason.code for reason in alone(before.location, was, use)}
            reasons = [reason for reason in alone(after.location, resource, use) if reason.code not in told]
            reasons += over_full(crowds, resource, use)
            reasons += rushes.against(use)
            if reasons:
                period = use.starts_at, use.ends_at
                found.append(Stranded(use.booking_id, use.item, resource_id, *period, use.kind, in_order(reasons)))
    return sorted(found, key=lambda it: (it.starts_at, it.resource_id, it.booking_id, it.item))


def lives(use: Use, now: datetime) -> bool:
    """Whether somebody still counts on it."""
    dead = use.expires_at is not None and use.expires_at <= now
    return use.ends_at > now and not dead


def alone(location: Location, resource: Resource, use: Use) -> list[Reason]:
    """What speaks against a use, whoever else is there."""
    period = Period(use.starts_at, use.ends_at)
    since, until = use.starts_at - use.before * MINUTE, use.ends_at + use.after * MINUTE
    found = [Reason("RETIRED")] if resource.retired else []
    found += closed(location, resource, period)
    found += [
        Reason(TOLD[closure.cause], until=closure.ends_at)
        for calendar in (location.calendar, resource.calendar)
        for closure in calendar.closures.values()
        if closure.cause != "closure" and closure.starts_at < until and since < closure.ends_at
        and not period.overlaps(Period(closure.starts_at, closure.ends_at))
    ]  # fmt: skip
    return [replace(reason, item=use.item, resource_id=resource.id) for reason in found]


class Crowd(NamedTuple):
    """A stretch in which more is in use than there is."""

    start: int
    end: int
    in_use: int
    capacity: int


def crowded(was: Resource, resource: Resource, uses: Sequence[Use], now: datetime) -> Iterator[Crowd]:
    """Where, from now on, it would be over-full, and by more than it is."""
    if (was.capacity, was.overrides) == (resource.capacity, resource.overrides):
        return
    # Shared buffers lie over each other: they do not count as use.
    busy = [it._replace(before=0, after=0) if it.shared else it for it in by_resource(uses, now).get(resource.id, [])]
    empty = replace(resource, overrides={})
    would, had, in_use = Occupied(resource, busy), Occupied(was, busy), Occupied(empty, busy)
    at = sorted({micros(now), *would.steps[0], *had.steps[0]})
    open_: Crowd | None = None
    for start, end in pairwise(at):
        excess = level(would, start) - resource.capacity
        if start >= micros(now) and excess > max(level(had, start) - was.capacity, 0):
            used = level(in_use, start)
            here = Crowd(start, end, used, used - excess)
            if open_ is not None and open_.end == start:
                open_ = Crowd(open_.start, end, max(open_.in_use, used), min(open_.capacity, here.capacity))
                continue
            if open_ is not None:
                yield open_
            open_ = here
    if open_ is not None:
        yield open_


def level(occupied: Occupied, at: int) -> int:
    """Units in use at an instant, what an override takes away counted as used."""
    when, used = occupied.steps
    k = bisect_right(when, at) - 1
    return used[k] if k >= 0 else 0


def over_full(crowds: Sequence[Crowd], resource: Resource, use: Use) -> list[Reason]:
    before, after = (0, 0) if use.shared else (use.before, use.after)
    since, until = micros(use.starts_at - before * MINUTE), micros(use.ends_at + after * MINUTE)
    met = [crowd for crowd in crowds if crowd.start < until and since < crowd.end]
    if not met:
        return []
    peak, capacity = max(crowd.in_use for crowd in met), min(crowd.capacity for crowd in met)
    return [Reason("CAPACITY", item=use.item, resource_id=resource.id, peak=peak, capacity=capacity, free=0)]


class Rush:
    """Where more would start within the minutes of the pacing than may, and by more than did."""

    def __init__(self, was: Resource, resource: Resource, uses: Sequence[Use], now: datetime) -> None:
        self._now = now
        self._changed = was.pacing != resource.pacing
        busy = by_resource(uses, now).get(resource.id, [])
        self._had, self._would = Occupied(was, busy), Occupied(resource, busy)

    def against(self, use: Use) -> list[Reason]:
        """What has begun is not asked to begin at another time."""
        pacing = self._would.resource.pacing
        if not self._changed or pacing is None or use.starts_at <= self._now:
            return []
        start = micros(use.starts_at)
        had = self._had.resource.pacing
        excess = 0 if had is None else max(self._had.started(start) - had.units, 0)
        most = self._would.started(start)
        if most - pacing.units <= excess:
            return []
        resource_id = self._would.resource.id
        return [Reason("PACING", item=use.item, resource_id=resource_id, peak=most, capacity=pacing.units, free=0)]


def alternatives(
    after: Setup,
    uses: Sequence[Use],
    booking_id: UUID,
    period: Period,
    party: int,
    now: datetime,
    most: int = MOST_ALTERNATIVES,
) -> list[Slot]:
    """What a booking could have instead, nearest first, of two as near the earlier: on other units at its own time, or
    at another time within a week. None where the offering is no longer sold for so long."""
    on = localtime.wall(period.starts_at, after.location.zone).date()
    first = max(on - timedelta(days=DAYS_AROUND), localtime.wall(now, after.location.zone).date())
    last = max(on + timedelta(days=DAYS_AROUND), first)
    request = Request(first, last, party, period.duration // MINUTE, moving=booking_id)
    try:
        found = slots(after, uses, request, now)
    except NoSuchDuration:
        return []
    nearest = sorted(found, key=lambda slot: (abs(slot.starts_at - period.starts_at), slot.starts_at))
    return [slot for slot in nearest if slot.starts_at > now][:most]


def hopeless(sale: Sale, entry: Entry, now: datetime) -> bool:
    """Whether nothing in the window of somebody who waits could ever be offered, were all of it free. Notice is the
    waitlist's business."""
    window = entry.window
    if window is None or entry.until <= now:
        return False
    if sale.retired:
        return True
    setup = replace(sale.setup, terms=replace(sale.setup.terms, notice=0))
    request = Request(window.first, window.last, entry.party, window.minutes, window.resources)
    try:
        found = slots(setup, (), request, now)
    except Refusal:  # it is not sold as they want it
        return True
    zone = setup.location.zone
    return not any(
        slot.starts_at > now and window.opens <= minute_of(localtime.wall(slot.starts_at, zone)) < window.closes
        for slot in found
    )


def minute_of(local: datetime) -> int:
    return local.hour * 60 + local.minute
