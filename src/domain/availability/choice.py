"""Who or what fills the needs of an offering: candidates, their order, and a complete assignment.

Deterministic: the same configuration and the same claims always choose the same.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.availability.occupancy import Busy
from domain.availability.setup import Assigned, Reason, Request, Setup
from domain.offering.terms import Need
from domain.resource.resource import Override, Resource
from domain.wall import DAY, MINUTE, Wall

TRAILING = 28
"""Days before the slot's date over which it is looked who was used least."""
MOST_TRIES = 2_000
"""Ways of filling the needs that are tried for one start."""


class Candidate(NamedTuple):
    """What could fill a need: one resource, or tables that are pushed together."""

    members: tuple[Resource, ...]

    @property
    def ids(self) -> frozenset[UUID]:
        return frozenset(it.id for it in self.members)


class Needed(Struct, frozen=True):
    """A need, with its candidates and the units of each that this party takes."""

    need: Need
    place: int
    """Where it stands in the terms."""
    candidates: tuple[Candidate, ...]
    units: int

    @property
    def role(self) -> str:
        return self.need.role

    @property
    def count(self) -> int:
        return self.need.count


def needed(setup: Setup, request: Request) -> tuple[Needed, ...]:
    """Every need with its candidates, those with the fewest first."""
    found = [
        Needed(need, place, tuple(candidates(need, setup, request)), request.party if need.per_head else need.units)
        for place, need in enumerate(setup.terms.needs)
    ]
    return tuple(sorted(found, key=lambda it: (len(it.candidates), it.place)))


def candidates(need: Need, setup: Setup, request: Request) -> list[Candidate]:
    """Those at this location that are in use and have the features; in an order that does not depend on anything."""
    pool = None if need.pool_id is None else setup.pools.get(need.pool_id)
    ids = named_by(need, setup)
    named = [setup.resources[it] for it in ids if it in setup.resources]
    able = {it.id: it for it in named if suits(it, need, setup)}
    only = set(request.resource_ids) & set(ids)
    if need.tables:
        sets = [
            Candidate((it,)) for it in able.values() if it.seats and it.seats.least <= request.party <= it.seats.most
        ]
        most = {one.ids: one.members[0].seats.most for one in sets if one.members[0].seats}
        for combination in pool.combinations if pool else ():
            if combination.seats.least <= request.party <= combination.seats.most and all(
                it in able for it in combination.resources
            ):
                members = tuple(able[it] for it in combination.resources)
                sets.append(Candidate(members))
                most[sets[-1].ids] = combination.seats.most
        sets.sort(key=lambda one: (most[one.ids] - request.party, len(one.members), [called(it) for it in one.members]))
        return [one for one in sets if not only or one.ids <= only]
    chosen = sorted(able.values(), key=called)
    return [Candidate((it,)) for it in chosen if not only or it.id in only]


def named_by(need: Need, setup: Setup) -> tuple[UUID, ...]:
    """What the need can be filled with, able or not."""
    pool = None if need.pool_id is None else setup.pools.get(need.pool_id)
    return need.any_of if pool is None else () if pool.retired else pool.members


def suits(resource: Resource, need: Need, setup: Setup) -> bool:
    here = resource.location_id == setup.location.id and not resource.retired
    single = resource.capacity == 1 or resource.id not in pooled(setup)
    return here and single and set(need.features) <= set(resource.features)


def pooled(setup: Setup) -> frozenset[UUID]:
    """What is sold here as members of a pool: whole, one by one."""
    return frozenset(it for need in setup.terms.needs if need.pool_id is not None for it in named_by(need, setup))


def whole(setup: Setup) -> Setup:
    """The same, but that members of pools are not there while they have several units: nobody gives them those any
    more, but a log may hold some that were given them once, and one court would be sold several times at once."""
    more = {
        it.id: replace(it, overrides={name: alone(one) for name, one in it.overrides.items()})
        for it in (setup.resources[one] for one in pooled(setup) if one in setup.resources)
        if any(one.capacity > 1 for one in it.overrides.values())
    }
    return replace(setup, resources={**setup.resources, **more}) if more else setup


def alone(override: Override) -> Override:
    return replace(override, capacity=0) if override.capacity > 1 else override


def called(resource: Resource) -> tuple[list[tuple[int, int, str]], UUID]:
    """Natural order of names, T2 before T10; then the id."""
    return natural(resource.name), resource.id


def natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def misfits(needs: Sequence[Needed], setup: Setup, request: Request) -> list[Reason]:
    """Whether a party of this size can be served at all, with what it asks for."""
    terms = setup.terms
    if request.resource_ids:
        sold = {it for need in terms.needs for it in named_by(need, setup)}
        if strange := [it for it in request.resource_ids if it not in sold]:
            return [Reason("DOES_NOT_FIT", resource_id=it) for it in strange]
    if request.party < terms.least_party:
        return [Reason("DOES_NOT_FIT")]
    if terms.most_party is not None and request.party > terms.most_party:
        return [Reason("DOES_NOT_FIT", capacity=terms.most_party)]
    return [reason for it in needs if len(it.candidates) < it.count for reason in unfilled(it.need, setup, request)]


def unfilled(need: Need, setup: Setup, request: Request) -> list[Reason]:
    """Why too few could: of what was asked for by itself it is told that all of it was retired."""
    named = named_by(need, setup)
    asked = [it for it in named if it in request.resource_ids] or (named if len(named) == 1 else ())
    gone = [it for it in asked if it in setup.resources and setup.resources[it].retired]
    if gone and len(gone) == len(asked):
        return [Reason("RETIRED", resource_id=it) for it in gone]
    return [Reason("DOES_NOT_FIT", role=need.role)]


def ranked(need: Needed, busy: Mapping[UUID, Sequence[Busy]], on: date, wall: Wall) -> Sequence[int]:
    """The candidates' numbers, the first to be taken first. Tables: the fewest seats wasted, then the fewest tables,
    then by name. Others: the lowest cost, then the least used in the trailing days, then by name."""
    numbers = range(len(need.candidates))
    if need.need.tables or len(numbers) == 1:
        return numbers
    firsts = [one.members[0] for one in need.candidates]
    until = wall.by_rule(on.toordinal() * DAY)
    since = wall.by_rule((on - timedelta(days=TRAILING)).toordinal() * DAY)
    weights = [(it.cost, used(busy.get(it.id, ()), since, until), called(it)) for it in firsts]
    return sorted(numbers, key=weights.__getitem__)


def used(busy: Sequence[Busy], since: int, until: int) -> int:
    """Minutes in use."""
    return (
        sum(
            min(it.end, until) - max(it.start, since)
            for it in busy
            if it.kind != "earmark" and it.start < until and since < it.end
        )
        // MINUTE
    )


def complete(needs: Sequence[Needed], orders: Sequence[Iterable[Candidate]]) -> tuple[Assigned, ...] | None:
    """The first complete assignment, no resource twice, in the order of the terms; None where there is none, or none
    within `MOST_TRIES`: needs that take many of the same few have more ways than anybody can wait for."""
    if len(needs) == 1 and needs[0].count == 1:  # the common case
        first = next(iter(orders[0]), None)
        return first and (Assigned(needs[0].role, tuple(it.id for it in first.members), needs[0].units),)
    failed: set[tuple[int, frozenset[UUID]]] = set()
    free = [list(order) for order in orders]
    crossing = [{it for one in need.candidates for it in one.ids} for need in needs]
    tries = iter(range(MOST_TRIES))

    def fill(k: int, taken: frozenset[UUID]) -> list[tuple[Needed, tuple[UUID, ...]]] | None:
        if k == len(needs):
            return []
        relevant = taken & frozenset().union(*crossing[k:])
        if (k, relevant) in failed:
            return None
        need = needs[k]
        for some in combinations([one for one in free[k] if not one.ids & taken], need.count):
            if next(tries, None) is None:
                return None
            ids = [it.id for one in some for it in one.members]
            if len(set(ids)) < len(ids):
                continue
            rest = fill(k + 1, taken | set(ids))
            if rest is not None:
                return [(need, tuple(ids)), *rest]
        failed.add((k, relevant))
        return None

    found = fill(0, frozenset())
    if found is None:
        return None
    found.sort(key=lambda it: it[0].place)
    return tuple(Assigned(need.role, ids, need.units) for need, ids in found)


def left(need: Needed, free: int, left_of: Callable[[Candidate, int], int]) -> int:
    """How often the need could be filled side by side, counted simply: candidates that are free, or sets of tables that
    do not share one; of a single candidate, how often it has the units."""
    if len(need.candidates) == 1 and need.count == 1:
        return left_of(need.candidates[0], need.units)
    if need.need.tables:
        taken: set[UUID] = set()
        number = 0
        for bit, one in enumerate(need.candidates):
            if free >> bit & 1 and not one.ids & taken:
                taken |= one.ids
                number += 1
        return number
    return free.bit_count() // need.count
