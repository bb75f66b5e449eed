"""Why a user refuses."""

from domain.errors import Rule, Unknown


class UnknownUser(Unknown):
    """There is no such user here."""


class UnknownRole(Rule):
    """A role is one of owner, admin, manager, staff, coach, customer, compliance, service."""


class Deactivated(Rule):
    """This user has been deactivated."""


class LinkedAlready(Rule):
    """This user has an account already."""


class NotAName(Rule):
    """A person's name has 1 to 200 characters on one line."""


class NotAnEmail(Rule):
    """This is no e-mail address: it has one part before the @, and a domain with a dot after it."""


class NotAPhone(Rule):
    """A phone number begins with + and the country's code, and has 7 to 15 digits: +351 912 345 678."""


class NotABirthDate(Rule):
    """A date of birth is written 1984-05-31, and lies between 1900 and today."""


class NotANote(Rule):
    """A note has 1 to 2000 characters."""


class NotALocale(Rule):
    """A locale is a language, and a region if need be: pt, pt-PT, zh-Hant-TW."""


class NoSuchDetail(Rule):
    """What may be known about somebody is name, email, phone, birth_date, note and locale."""


class NotLimited(Rule):
    """Customers and compliance are not limited to places: leave `within` out."""


class CoachOfNothing(Rule):
    """A coach works with some resources or at some locations: name them in `within`."""


class NoSuchPlace(Unknown):
    """A role can be limited to locations and resources of this organization alone."""
