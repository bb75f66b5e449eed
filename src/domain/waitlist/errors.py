"""Why a waitlist refuses."""

from domain.errors import Conflict, Forbidden, Malformed, Rule, Unknown


class UnknownWaitlist(Unknown):
    """Nobody waits here."""


class UnknownEntry(Unknown):
    """There is no such entry on a waitlist here."""


class OneThing(Rule):
    """Somebody waits for one thing: a session, or an offering within a window."""


class BadWindow(Rule):
    """A window lasts 1 to 62 days; its band lies within 0 to 1440 minutes after midnight, and ends after it starts."""


class BadParty(Malformed):
    """A party on a waitlist is a whole number from 1 to 10000."""


class BadPriority(Malformed):
    """A priority class is a whole number from 0, which goes first, to 9."""


class BadSettings(Rule):
    """Skips lie between 0 and 100, offers last 1 to 10080 minutes, and deadlines lie 0 to 525600 minutes before."""


class OnlyStaffRank(Forbidden):
    """The staff decide on priority classes."""


class AlreadyWaiting(Conflict):
    """This customer waits for this already."""


class ListFull(Conflict):
    """So many wait here that nobody else can."""


class TooLateToWait(Rule):
    """It begins so soon that nobody is offered it any more."""


class WaitsEnough(Rule):
    """One customer waits for at most 20 things at a location."""


class NoOffer(Rule):
    """Nothing is on offer to this entry."""


class OfferOver(Rule):
    """The offer has expired."""


class TooEarly(Rule):
    """Its time has not come."""
