"""Why a quota refuses, and why one cannot be set."""

from domain.errors import Conflict, Forbidden, Rule, Unknown


class QuotaReached(Conflict):
    """A limit on what may be booked is reached."""


class UnknownQuota(Unknown):
    """There is no quota of that name here."""


class UnknownParty(Unknown):
    """There is no such family, account or plan here."""


class UnknownMembership(Unknown):
    """This person has never been in a family, an account or a plan."""


class BadQuotaName(Rule):
    """A quota's name is a short code of a-z, 0-9, _ and -, with 1 to 64 characters, the first a letter or a digit."""


class BadLimit(Rule):
    """A limit is a whole number from 0 to 1000000."""


class BadWindow(Rule):
    """A window is 1 to 1000 rolling days, or a day, week, month or season; seasons, 1 to 100, do not overlap."""


class BadPeak(Rule):
    """Peak hours go with peak minutes: at least one opening, each within minutes 0 to 2880 of its day."""


class TooManyNamed(Rule):
    """A quota names at most 200 offerings, 200 resources and 200 locations."""


class TooManyQuotas(Rule):
    """An organization has at most 200 quotas."""


class OtherKind(Rule):
    """The group that this quota names is of another kind."""


class PartyDissolved(Rule):
    """This family, account or plan is no more."""


class PartyFull(Rule):
    """A family, an account or a plan has at most 2000 members."""


class TooManyParties(Rule):
    """A person is in at most 50 families, accounts and plans."""


class NotYourQuotas(Forbidden):
    """You can see your own quotas only."""
