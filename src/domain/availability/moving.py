"""Whether what is to be moved has room where it goes: said before it is tried, in the guards' words."""

from collections.abc import Iterable
from datetime import datetime

from domain.availability.occupancy import Occupied, Wanted, by_resource
from domain.availability.setup import Reason, Use
from domain.claim import Take
from domain.resource.resource import Resource
from domain.wall import MINUTE, micros


def in_the_way(take: Take, resource: Resource, uses: Iterable[Use], now: datetime) -> list[Reason]:
    """What speaks against this claim of the resource, given all others that stand on it. Nothing speaks against what
    somebody took on their authority."""
    if take.authorised:
        return []
    start, end = micros(take.starts_at), micros(take.ends_at)
    wanted = Wanted(end - start, take.before * MINUTE, take.after * MINUTE, take.units)
    return Occupied(resource, by_resource(uses, now).get(resource.id, [])).against(start, wanted)
