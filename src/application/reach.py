"""How far a grant reaches that is limited to some locations or resources.

What happens at a place, and who is booked there, is theirs alone who are granted it; how the organization is set up
(locations, offerings, hours, what can be booked) everybody of the organization may see.
"""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from domain.errors import Forbidden

T = TypeVar("T")


class OutOfReach(Forbidden):
    """Your role is limited to other locations or resources."""


def places_of(thing: Any) -> frozenset[UUID]:
    """Where something is: itself, its location, and the resources it takes."""
    found = {getattr(thing, "id", None), getattr(thing, "location_id", None), getattr(thing, "resource_id", None)}
    found.update(getattr(thing, "resources", None) or ())
    found.update(item.resource_id for item in getattr(thing, "items", None) or ())
    return frozenset(place for place in found if isinstance(place, UUID))


def within(thing: T, places: Sequence[UUID]) -> T:
    """The thing, or `OutOfReach`. No places: the whole organization. What is `anywhere` everybody reaches."""
    if places and not getattr(thing, "anywhere", False) and places_of(thing).isdisjoint(places):
        raise OutOfReach
    return thing
