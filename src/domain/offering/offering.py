"""An offering: what is sold."""

from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.offering import errors, events
from domain.offering.terms import Terms

NOWHERE = UUID(int=0)


class Offering(Aggregate, frozen=True):
    """A haircut, an hour of tennis, a table for the evening, a lesson: its terms, and under which version."""

    begins: ClassVar[type[Event]] = events.OfferingDefined
    unknown: ClassVar = errors.UnknownOffering

    location_id: UUID = NOWHERE
    name: str = ""
    terms: Terms = Terms(needs=())
    version: int = 0
    """Of its stream: what a booking names as what governed it."""
    retired: bool = False

    def evolve(self, event: Event) -> Self:
        version = self.version + 1
        match event:
            case events.OfferingDefined(location_id, name, terms):
                return replace(self, location_id=location_id, name=name, terms=terms, version=version)
            case events.OfferingRenamed(name):
                return replace(self, name=name, version=version)
            case events.OfferingRevised(terms):
                return replace(self, terms=terms, version=version)
            case events.OfferingRetired():
                return replace(self, retired=True, version=version)
        return self
