"""Why a family refuses, and why a consent is not enough."""

from domain.errors import Forbidden, Rule, Unknown


class UnknownFamily(Unknown):
    """There is no such family here."""


class UnknownKinship(Unknown):
    """This person has never been in a family."""


class UnknownMember(Unknown):
    """There is no such person in this family."""


class UnknownPurpose(Unknown):
    """Nobody asks for consent to this here."""


class UnknownConsent(Unknown):
    """This person has never consented to anything."""


class FamilyGone(Rule):
    """This family is no more."""


class FamilyFull(Rule):
    """A family has at most 50 people."""


class TooManyFamilies(Rule):
    """A person is in at most 20 families."""


class FounderNeeded(Rule):
    """A family is founded by a guardian: say who."""


class TheirsToSay(Rule):
    """Who was invited says yes themselves; staff add a guardian."""


class AlreadyInFamily(Rule):
    """This person is in the family already, as something else."""


class DependantElsewhere(Rule):
    """A dependant has one family, and this person is a dependant in another."""


class NotADependant(Rule):
    """This person is no dependant in this family."""


class NotAGuardian(Rule):
    """This person is no guardian in this family."""


class LastGuardian(Rule):
    """A dependant needs a guardian who may act for them: there would be none left."""


class StillDependent(Rule):
    """Who is not of age does not leave by themselves: the venue has to say so."""


class NotOfAge(Rule):
    """They do not come of age before that day."""


class ForGuardians(Forbidden):
    """Only a guardian of this family may do this."""


class NotYoursToGive(Forbidden):
    """You can share the rights that you have, and give up your own; what others have only the venue takes away."""


class NotYoursToEnd(Forbidden):
    """You can leave yourself; only the venue removes others."""


class NotTheirsToConsent(Rule):
    """For somebody who is not of age a guardian consents who may book for them; everybody else for themselves."""


class BadPurpose(Rule):
    """A purpose is a short code of a-z, 0-9, _ and -, with 1 to 64 characters, the first a letter or a digit."""


class BadVersion(Rule):
    """The versions of what is asked count from 1 to 1000000, and do not go back."""


class OtherVersion(Rule):
    """It is not these words that are asked for now: consent is given to the version that is asked."""


class TooManyPurposes(Rule):
    """An organization asks for at most 50 consents."""


class ConsentMissing(Rule):
    """For somebody who is not of age nothing is booked without a consent that the venue asks for."""
