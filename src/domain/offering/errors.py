"""Why an offering or a session refuses."""

from domain.errors import Rule, Unknown


class UnknownOffering(Unknown):
    """There is no such offering here."""


class BadTerms(Rule):
    """These terms cannot be kept: `errors` says what is wrong, where, and what would be right."""


class NotSold(Rule):
    """This offering is sold no more."""


class SoldBySession(Rule):
    """This is sold by session: book seats in one of its sessions."""


class UnknownSession(Unknown):
    """There is no such session here."""


class BadSeatCount(Rule):
    """A session has 1 to 100000 seats, and at least as many as it needs to run."""


class BadCutoff(Rule):
    """A session with a minimum to run has a cutoff, after now and no later than its start; one without has none."""


class BadOccupied(Rule):
    """A session occupies at most 50 different resources, all of them at its location."""


class SessionOver(Rule):
    """A session is scheduled ahead, lasts at most 400 days, and nothing about it changes once it is over."""


class NotYetCutoff(Rule):
    """Whether a session runs is decided at its cutoff, not before."""


class CalledOff(Rule):
    """This session has been called off."""
