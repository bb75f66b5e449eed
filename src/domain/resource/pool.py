"""A pool: identified units of which a booking gets one or several."""

from collections.abc import Mapping
from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.names import name as named
from domain.resource import errors, events
from domain.resource.events import Combination
from domain.resource.resource import NOWHERE, Resource, seated

MOST_MEMBERS = 500
MOST_COMBINATIONS = 1_000


class Pool(Aggregate, frozen=True):
    """Numbered courts, the rooms of a type, the tables of a dining room, kit to lend. Each unit is a resource of its
    own with one unit, so that the guest keeps the one they get."""

    begins: ClassVar[type[Event]] = events.PoolFormed
    unknown: ClassVar = errors.UnknownPool

    location_id: UUID = NOWHERE
    name: str = ""
    members: tuple[UUID, ...] = ()
    combinations: tuple[Combination, ...] = ()
    retired: bool = False

    def form(
        self,
        location_id: UUID,
        name: str,
        members: tuple[UUID, ...],
        combinations: tuple[Combination, ...],
        resources: Mapping[UUID, Resource],
    ) -> list[events.PoolEvent]:
        """`resources`: the members as they stand."""
        belonging(members, resources, location_id)
        return [events.PoolFormed(location_id, named(name), members, together(combinations, members))]

    def change(
        self, members: tuple[UUID, ...], combinations: tuple[Combination, ...], resources: Mapping[UUID, Resource]
    ) -> list[events.PoolEvent]:
        """Its members and combinations, all of them, as they are from now on."""
        belonging(members, resources, self.location_id)
        changed = events.PoolChanged(members, together(combinations, members))
        return [] if self.evolve(changed) == self else [changed]

    def retire(self) -> list[events.PoolEvent]:
        return [] if self.retired else [events.PoolRetired()]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.PoolFormed(location_id, name, members, combinations):
                return replace(self, location_id=location_id, name=name, members=members, combinations=combinations)
            case events.PoolChanged(members, combinations):
                return replace(self, members=members, combinations=combinations)
            case events.PoolRetired():
                return replace(self, retired=True)
        return self


def belonging(members: tuple[UUID, ...], resources: Mapping[UUID, Resource], location_id: UUID) -> None:
    if not 1 <= len(members) <= MOST_MEMBERS or len(set(members)) < len(members):
        raise errors.BadPool
    for member in members:
        resource = resources[member]
        if resource.location_id != location_id or resource.capacity != 1:
            raise errors.BadMember(resource_id=member, location_id=resource.location_id, capacity=resource.capacity)


def together(combinations: tuple[Combination, ...], members: tuple[UUID, ...]) -> tuple[Combination, ...]:
    if len(combinations) > MOST_COMBINATIONS:
        raise errors.BadPool
    known, seen = set(members), set()
    for combination in combinations:
        tables = frozenset(combination.resources)
        if len(tables) < max(2, len(combination.resources)) or not tables <= known or tables in seen:
            raise errors.BadCombination(resources=combination.resources)
        seen.add(tables)
        seated(combination.seats)
    return combinations
