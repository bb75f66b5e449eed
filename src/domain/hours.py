"""Weekly opening hours on a wall clock."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from domain.errors import Rule

DAY = 1440


class Opening(Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """From `opens` to `closes`, minutes after the local midnight that begins the day; past 1440 runs into the next."""

    opens: int
    closes: int


class WeeklyHours(Struct, frozen=True, forbid_unknown_fields=True):
    """The openings of each day of the week; a day without any is closed."""

    monday: tuple[Opening, ...] = ()
    tuesday: tuple[Opening, ...] = ()
    wednesday: tuple[Opening, ...] = ()
    thursday: tuple[Opening, ...] = ()
    friday: tuple[Opening, ...] = ()
    saturday: tuple[Opening, ...] = ()
    sunday: tuple[Opening, ...] = ()

    def of(self, on: date) -> tuple[Opening, ...]:
        return self.week[on.weekday()]

    @property
    def week(self) -> tuple[tuple[Opening, ...], ...]:
        return (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday)

    @property
    def sound(self) -> bool:
        return all(sound(openings) for openings in self.week)


class BadHours(Rule):
    """Openings start within minutes 0 to 1439 of their day, end by 2880, end after they start and do not overlap."""


def sound(openings: Iterable[Opening]) -> bool:
    """Whether each opening of a day lies within 0..2880, ends after it starts, and overlaps no other."""
    end = 0
    for opening in sorted(openings):
        if not (end <= opening.opens < opening.closes <= 2 * DAY) or opening.opens >= DAY:
            return False
        end = opening.closes
    return True


def checked(hours: WeeklyHours | None) -> WeeklyHours | None:
    """The hours, or `BadHours`."""
    if hours is not None and not hours.sound:
        raise BadHours
    return hours
