"""Why what is known about somebody is not erased, or not kept."""

from domain.errors import Rule, Unknown


class NoErasure(Unknown):
    """Nobody has asked for this person's erasure."""


class NoSuchHold(Unknown):
    """There is no such hold on this person's data."""


class UnknownBasis(Rule):
    """The basis is one of no_longer_needed, consent_withdrawn, objection, unlawful, legal_obligation, child,
    retention."""


class BeingErased(Rule):
    """This person's data are being erased, or have been: nothing can be held any more."""


class TooManyHolds(Rule):
    """On one person's data there are at most 100 holds."""


class HoldTooYoung(Rule):
    """This organization keeps a hold for longer than that before it can be lifted."""


class NothingDestroyed(Rule):
    """Nothing has been destroyed yet: an erasure is carried out by the worker alone."""


class BadRetention(Rule):
    """People are kept for 30 to 3650 days after their last booking, and a hold stands for 0 to 3650 days."""


class StillWithUs(Rule):
    """This person has had bookings within the time for which people are kept, or no such time is set."""
