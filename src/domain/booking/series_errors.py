"""Why a series refuses."""

from domain.errors import Conflict, Rule, Unknown


class UnknownSeries(Unknown):
    """There is no such series here."""


class TooManyOccurrences(Rule):
    """A series that ends has at most 400 occurrences: make it shorter, or without an end."""


class TooDense(Rule):
    """A series without an end has at most 1600 occurrences in 24 months: make it rarer, or give it an end."""


class SeriesTooLong(Rule):
    """A series that ends does so within 24 months of its start: make it shorter, or without an end."""


class NothingToPlace(Rule):
    """No occurrence of this series is left to book."""


class OneOffering(Rule):
    """A series books an offering, or resources by name and for how many minutes: one of the two."""


class BadMinutes(Rule):
    """An occurrence lasts from one minute to 400 days, and is moved by at most 366 days."""


class OccurrenceOver(Rule):
    """It has begun already: the past is never changed."""


class NotForThisScope(Rule):
    """This cannot be changed for so many occurrences: a date for one, the rule for it and all that follow."""


class SeriesOver(Rule):
    """The series has ended."""


class OccurrencesTaken(Conflict):
    """Some of these occurrences are taken: nothing was booked."""


class OccurrencesNotOffered(Rule):
    """Some of these occurrences cannot be booked as asked: nothing was."""


class OfferedElsewhere(Rule):
    """This offering belongs to another location."""


class OneOfTheTwo(Rule):
    """Say one of the two, and only one."""
