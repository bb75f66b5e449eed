"""Why a resource refuses."""

from domain.errors import Conflict, Rule, Unknown


class UnknownResource(Unknown):
    """There is no such resource here."""


class Retired(Rule):
    """This resource takes no more bookings."""


class CapacityInUse(Conflict):
    """More units of this resource are booked than it would have."""


class BadCapacity(Rule):
    """A capacity is a whole number from 1 to 100000."""


class BadHours(Rule):
    """Openings lie within minutes 0 to 2880 of their day, end after they start and do not overlap."""


class UnknownPool(Unknown):
    """There is no such pool here."""
