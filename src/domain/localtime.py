"""Wall clocks: from local time to instants and back, by one pinned edition of the IANA time zone rules.

The rules come from the `tzdata` wheel at the version that the lock names, never from the machine, so that two servers
and a rebuild years later agree. Zones are never converted in SQL.
"""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

from domain.errors import Malformed, Rule

zoneinfo.reset_tzpath(())
RULES = f"tzdata {version('tzdata')}"
"""The edition of the zone rules in use."""


class UnknownZone(Malformed):
    """A time zone is named as in the IANA database, for example Europe/Lisbon."""


class NonexistentLocalTime(Rule):
    """The clocks skip this local time."""


class AmbiguousLocalTime(Rule):
    """This local time happens twice: name the offset."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, or `UnknownZone`."""
    try:
        if not name or name.startswith(("posix/", "right/")) or name in ("Factory", "localtime", "posixrules"):
            raise UnknownZone(name=name[:64])
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(name=name[:64]) from None


def resolve(local: datetime, name: str) -> tuple[datetime, ...]:
    """The instants (UTC) at which the wall shows `local`: none in a gap, two in an overlap, else one."""
    tz = zone(name)
    found = []
    for fold in (0, 1):
        at = local.replace(tzinfo=tz, fold=fold).astimezone(UTC)
        if at.astimezone(tz).replace(tzinfo=None) == local.replace(fold=0) and at not in found:
            found.append(at)
    return tuple(sorted(found))


def typed(local: datetime, name: str) -> datetime:
    """The instant of a time that a person typed without an offset.

    In a gap it is refused with the shifted time as suggestion, in an overlap with both instants.
    """
    match resolve(local, name):
        case (at,):
            return at
        case ():
            raise NonexistentLocalTime(local=local.isoformat(), suggestion=offset_form(by_rule(local, name), name))
        case both:
            raise AmbiguousLocalTime(local=local.isoformat(), choices=[offset_form(at, name) for at in both])


def by_rule(local: datetime, name: str, closing: bool = False) -> datetime:
    """The instant of a local time that a rule made.

    In a gap the offset in force before it counts (02:30 becomes 03:30); in an overlap the first instant, but for a
    closing boundary the second. (RFC 5545 3.3.5 shifts, 3.3.10 ignores; shifting is the default here.)
    """
    if (steady := _steady(local.date(), name)) is not None:
        return local.replace(tzinfo=UTC, fold=0) - steady
    tz = zone(name)
    found = resolve(local, name)
    if not found:
        return local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    return found[-1] if closing else found[0]


def reanchored(local: datetime, at: datetime, name: str) -> datetime:
    """The instant, by the rules in use now, of a local time that was `at` by those it was stored under: `at` itself
    where that still is one of its instants, else the one that a rule would give it."""
    return at if at in resolve(local, name) else by_rule(local, name)


def offset_on(on: date, name: str) -> int | None:
    """The offset from UTC, in seconds, of every local time in the 48 hours from midnight of that date; None where the
    clocks change meanwhile, so that some of them are missing, come twice, or have another offset."""
    steady = _steady(on, name)
    return None if steady is None else steady.days * 86_400 + steady.seconds


@lru_cache(maxsize=1 << 16)
def _steady(on: date, name: str) -> timedelta | None:
    """The one offset of those 48 hours, asked at both ends and with both folds: a local time that the clocks skip or
    repeat has another with each. Two changes between the ends would go unseen, but since 1970 no zone has had two
    within six days."""
    if not EARLIEST_ASKED <= on <= LATEST_ASKED:
        return None
    first = datetime.combine(on, time(), zone(name))
    last = first + TWO_DAYS
    steady = first.utcoffset()
    same = all(at.utcoffset() == steady for at in (last, first.replace(fold=1), last.replace(fold=1)))
    return steady if same else None


EARLIEST_ASKED, LATEST_ASKED = date(1970, 1, 1), date(9999, 12, 1)
TWO_DAYS = timedelta(hours=48) - timedelta.resolution


def wall(at: datetime, name: str) -> datetime:
    """What the wall shows at an instant, without offset."""
    return at.astimezone(zone(name)).replace(tzinfo=None, fold=0)


def offset_form(at: datetime, name: str) -> str:
    """An instant as local time with its offset."""
    return at.astimezone(zone(name)).isoformat()


def minute_of_week(at: datetime, name: str) -> int:
    """0 = Monday 00:00 on that wall."""
    local = wall(at, name)
    return local.weekday() * 1440 + local.hour * 60 + local.minute


def dates_touched(starts_at: datetime, ends_at: datetime, name: str) -> tuple[date, date]:
    """The first and the last local date on which `[starts_at, ends_at)` has an instant."""
    return wall(starts_at, name).date(), wall(ends_at - timedelta(microseconds=1), name).date()


def day(on: date, minutes: int = 0) -> datetime:
    """The local label so many minutes after midnight of a date; 1440 and more fall on the days after."""
    return datetime.combine(on, time()) + timedelta(minutes=minutes)
