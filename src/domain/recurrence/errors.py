"""Why a rule or a series is refused. What exactly is wrong stands in the detail: the part, the value, its range."""

from domain import errors


class NotARule(errors.Malformed):
    """A recurrence rule reads like FREQ=WEEKLY;BYDAY=TU;COUNT=10, each part with a value."""


class RuleTooLong(errors.Malformed):
    """A recurrence rule has at most 4000 characters, and at most 366 values in one part."""


class UnknownPart(errors.Malformed):
    """A recurrence rule knows no such part."""


class PartRepeated(errors.Malformed):
    """Each part of a recurrence rule is given once."""


class PartOutOfRange(errors.Malformed):
    """A value of the recurrence rule lies outside its range."""


class PartNotForFrequency(errors.Malformed):
    """This part of a recurrence rule does not go with its frequency."""


class WeekdayNumbered(errors.Malformed):
    """A numbered weekday such as 2TU goes with FREQ=MONTHLY, or with FREQ=YEARLY where BYWEEKNO is not given."""


class WeekdayNumberedBeyondMonth(errors.Malformed):
    """A month has no weekday more than five times."""


class NothingToChoose(errors.Malformed):
    """BYSETPOS chooses among what another BY part lists, so one must be given."""


class CountAndUntil(errors.Malformed):
    """A recurrence rule ends by COUNT or by UNTIL, not by both."""


class UntilNotUtc(errors.Malformed):
    """UNTIL is given in UTC, for example UNTIL=20270331T220000Z."""


class NotALocalTime(errors.Malformed):
    """A series is kept in local times of whole seconds, without an offset."""


class TooManyDates(errors.Malformed):
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
