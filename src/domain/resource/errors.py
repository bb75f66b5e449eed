"""Why a resource or a pool refuses."""

from domain.errors import Conflict, Rule, Unknown


class UnknownResource(Unknown):
    """There is no such resource here."""


class Retired(Rule):
    """This resource takes no more bookings."""


class NotSoldByItself(Rule):
    """This is not sold by itself: book what an offering sells."""


class CapacityInUse(Conflict):
    """More units of this resource are booked than it would have."""


class BadCapacity(Rule):
    """A capacity is a whole number from 1 to 100000."""


class StaffAreOne(Rule):
    """A member of staff has a capacity of 1."""


class BadOverride(Rule):
    """For a while a resource may have 0 to 100000 units instead."""


class OverridesOverlap(Rule):
    """Two overrides of one resource's capacity may not overlap: lift the other one first."""


class BadPacing(Rule):
    """Pacing lets 1 to 100000 units start within 1 to 1440 minutes."""


class SharedNeedsOneUnit(Rule):
    """Shared buffers work only where there is never more than one unit: make the buffers exclusive first."""


class BadFeatures(Rule):
    """Features are at most 50 short codes of a-z, 0-9, _ and -, with 1 to 40 characters each."""


class BadSeats(Rule):
    """Seats are whole numbers from 1 to 1000, at least no more than at most."""


class BadCost(Rule):
    """A cost is a whole number from 0 to 1000000: of several that would do, the lowest is taken first."""


class UnknownPool(Unknown):
    """There is no such pool here."""


class BadPool(Rule):
    """A pool has 1 to 500 members, different resources, and up to 1000 combinations."""


class BadMember(Rule):
    """A member of a pool is a resource at the pool's location with a capacity of 1."""


class PooledAreOne(Rule):
    """A member of a pool has one unit, and never more for a while: take it out of its pools first."""


class BadCombination(Rule):
    """A combination is two or more different members of its pool, and like no other combination of it."""
