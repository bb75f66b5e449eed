"""How days and times are written: in English, as a wall at the venue shows them."""

from datetime import date, datetime, timedelta
from functools import lru_cache

from msgspec import Struct

from domain import localtime
from interfaces.web.markup import Html, tag

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def day(on: date) -> str:
    return f"{DAYS[on.weekday()]} {on.day} {MONTHS[on.month - 1]} {on.year}"


@lru_cache(maxsize=4096)
def changes(on: date, zone: str) -> bool:
    midnight, next_one = (localtime.by_rule(localtime.day(on, minutes), zone) for minutes in (0, 1440))
    return next_one - midnight != timedelta(days=1)


class Clock(Struct, frozen=True):
    """The clock on the venue's wall."""

    zone: str

    def local(self, at: datetime) -> datetime:
        return localtime.wall(at, self.zone)

    def changes(self, on: date) -> bool:
        """Whether the clocks change on that date, so that a time alone may say too little."""
        return changes(on, self.zone)

    def day(self, on: date) -> Html:
        return tag("time", day(on), datetime=on.isoformat())

    def time(self, at: datetime) -> Html:
        """The time of day; with its offset from UTC where the clocks change."""
        here = at.astimezone(localtime.zone(self.zone))
        form = here.isoformat(timespec="seconds")
        offset = tag("small", f"(UTC{form[19:]})") if self.changes(here.date()) else None
        return tag("time", form[11:16], offset and " ", offset, datetime=form)

    def moment(self, at: datetime, on: date) -> Html:
        """As said on that date: the time alone, or another day's with the day."""
        local = self.local(at).date()
        if local == on:
            return self.time(at)
        year = "" if local.year == on.year else f" {local.year}"
        day = f"{DAYS[local.weekday()][:3]} {local.day} {MONTHS[local.month - 1]}{year}"
        return tag("span", f"{day}, ", self.time(at), class_="moment")

    def label(self, local: datetime) -> Html:
        """A time that the clocks skip."""
        return tag("time", f"{local:%H:%M}", datetime=local.isoformat(timespec="minutes"))
