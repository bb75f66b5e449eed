"""Why an organization or a location refuses."""

from domain.errors import Rule, Unknown


class UnknownOrganization(Unknown):
    """There is no such organization here."""


class UnknownLocation(Unknown):
    """There is no such location here."""


class BadPolicy(Rule):
    """A policy's minutes are whole numbers: holds 1 to 30, early check-in 0 to 1440, no-show grace 0 to 1440."""
