"""An offering: what is sold."""

from collections.abc import Mapping
from typing import ClassVar, Self
from uuid import UUID

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.names import name as named
from domain.offering import errors, events
from domain.offering.checks import Candidate, checked
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

    def define(
        self, location_id: UUID, name: str, terms: Terms, candidates: Mapping[UUID, Candidate]
    ) -> list[events.OfferingEvent]:
        """`candidates`: every resource and pool that the terms name, as they stand."""
        return [events.OfferingDefined(location_id, named(name), checked(terms, location_id, candidates))]

    def rename(self, name: str) -> list[events.OfferingEvent]:
        name = named(name)
        return [] if name == self.name else [events.OfferingRenamed(name)]

    def revise(self, terms: Terms, candidates: Mapping[UUID, Candidate]) -> list[events.OfferingEvent]:
        """Other terms, all of them. Bookings keep those under which they were made: they name the version."""
        revised = checked(terms, self.location_id, candidates)
        return [] if revised == self.terms else [events.OfferingRevised(revised)]

    def retire(self) -> list[events.OfferingEvent]:
        return [] if self.retired else [events.OfferingRetired()]

    def sold(self) -> Self:
        """Itself, or `NotSold`."""
        if self.retired:
            raise errors.NotSold
        return self

    def sold_by_time(self) -> Self:
        """Itself, where it can be had whenever what it needs is free; or `NotSold`, or `SoldBySession`."""
        if self.sold().terms.sessions_only:
            raise errors.SoldBySession
        return self

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
