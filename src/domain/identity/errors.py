"""Why a user refuses."""

from domain.errors import Rule, Unknown


class UnknownUser(Unknown):
    """There is no such user here."""


class UnknownRole(Rule):
    """A role is one of owner, admin, manager, staff, customer, compliance, service."""


class Deactivated(Rule):
    """This user has been deactivated."""
