"""A pool: identified units of which a booking gets one or several."""

from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.resource import errors, events
from domain.resource.events import Combination
from domain.resource.resource import NOWHERE


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

    def evolve(self, event: Event) -> Self:
        match event:
            case events.PoolFormed(location_id, name, members, combinations):
                return replace(self, location_id=location_id, name=name, members=members, combinations=combinations)
            case events.PoolChanged(members, combinations):
                return replace(self, members=members, combinations=combinations)
            case events.PoolRetired():
                return replace(self, retired=True)
        return self
