"""Why a rule or a series is refused. What exactly is wrong stands in the detail: the part, the value, its range."""

from domain import errors
from domain.period import TimeOutOfRange


class NotARule(errors.Rule):
    """A recurrence rule reads like FREQ=WEEKLY;BYDAY=TU;COUNT=10, each part with a value."""


class RuleTooLong(errors.Rule):
    """A recurrence rule has at most 4000 characters, and at most 366 values in one part."""


class UnknownPart(errors.Rule):
    """A recurrence rule knows no such part."""


class PartRepeated(errors.Rule):
    """Each part of a recurrence rule is given once."""


class PartOutOfRange(errors.Rule):
    """A value of the recurrence rule lies outside its range."""


class PartNotForFrequency(errors.Rule):
    """This part of a recurrence rule does not go with its frequency."""


class WeekdayNumbered(errors.Rule):
    """A numbered weekday such as 2TU goes with FREQ=MONTHLY, or with FREQ=YEARLY where BYWEEKNO is not given."""


class WeekdayNumberedBeyondMonth(errors.Rule):
    """A month has no weekday more than five times."""


class NothingToChoose(errors.Rule):
    """BYSETPOS chooses among what another BY part lists, so one must be given."""


class CountAndUntil(errors.Rule):
    """A recurrence rule ends by COUNT or by UNTIL, not by both."""


class UntilNotUtc(errors.Rule):
    """UNTIL is given in UTC, for example UNTIL=20270331T220000Z."""


class NotALocalTime(errors.Rule):
    """A series is kept in local times of whole seconds, without an offset."""


class TooManyDates(errors.Rule):
    """A series has at most 1000 extra and at most 1000 excluded dates."""


class FinerThanDaily(errors.Rule):
    """A series repeats daily, weekly, monthly or yearly; for several times a day use FREQ=DAILY with BYHOUR."""


class TooOften(errors.Rule):
    """A series has at most 400 occurrences a day."""


class StartNotInRule(errors.Rule):
    """The first occurrence must be one that the recurrence rule makes."""


class UntilBeforeStart(errors.Rule):
    """A series cannot end before it starts."""


class NothingBefore(errors.Rule):
    """No occurrence comes before this one: change the whole series instead."""


class NoSuchOccurrence(errors.Unknown):
    """The series has no occurrence at this time."""


class SeriesOutOfRange(errors.Rule, TimeOutOfRange):
    """The dates of a series lie between 2 January 1970 and 30 December 2199."""
