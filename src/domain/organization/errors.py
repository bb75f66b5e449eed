"""Why an organization or a location refuses."""

from domain.errors import Rule, Unknown


class UnknownOrganization(Unknown):
    """There is no such organization here."""


class UnknownLocation(Unknown):
    """There is no such location here."""


class BadPolicy(Rule):
    """A policy keeps its bounds: holds of 1 to 30 minutes and no longer than the longest, grace of at most a day.

    The longest hold has 1 to 1440 minutes, early check-in and no-show grace 0 to 1440, payment grace 0 to 60; a hold is
    extended 0 to 20 times, and a customer has 1 to 100.
    """
