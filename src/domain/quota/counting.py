"""How much somebody has used up of each quota, and whether what they want still fits.

Pure, so that the booking itself and whoever shows what can be booked count alike. Everything is counted on one wall:
the one that the rule names, else that of the location at which what is wanted takes place. A booking belongs to the
local date on which it starts, whole.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from domain import localtime
from domain.calendar import Calendar
from domain.hours import WeeklyHours
from domain.period import EARLIEST, LATEST
from domain.quota.rule import CalendarWindow, Kind, Measure, QuotaRule, RollingWindow, What
from domain.wall import Wall, common, hours_of, micros

MINUTE = timedelta(minutes=1)
A_DAY = timedelta(days=1)
EVERYTHING = What()
SOLD = frozenset(("live", "over", "no_show"))


class Counted(Protocol):
    """A booking of somebody's that may count, as it stands."""

    @property
    def who(self) -> UUID: ...
    @property
    def booking_id(self) -> UUID: ...
    @property
    def offering_id(self) -> UUID | None: ...
    @property
    def location_id(self) -> UUID: ...
    @property
    def resources(self) -> tuple[UUID, ...]: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def state(self) -> str:
        """live, over, late_cancel, no_show; or gone, which counts for nothing."""

    @property
    def expires_at(self) -> datetime | None:
        """A hold is dead from this instant on, whether or not anybody has swept."""


class Group(Struct, frozen=True):
    """A family, an account or a plan that the person is in; its members matter where they are counted together."""

    id: UUID
    kind: Kind
    members: frozenset[UUID] = frozenset()


class Wanted(Struct, frozen=True):
    """What somebody wants to book."""

    who: UUID
    offering_id: UUID | None
    location_id: UUID
    zone: str
    """The location's."""
    resources: tuple[UUID, ...]
    starts_at: datetime
    ends_at: datetime
    moving: UUID | None = None
    """The booking that this is another time for: as it stands, it does not count."""


class Verdict(Struct, frozen=True, omit_defaults=True):
    """How one rule stands."""

    rule: str
    measure: Measure
    used: int
    limit: int
    zone: str
    """On whose wall it was counted."""
    adding: int = 0
    """How much more what is wanted would use."""
    resets_at: datetime | None = None
    """When the window is over; of a rolling one, when its oldest counted item leaves it; of active bookings, when the
    first of them is over. None: never, or there is nothing to reset."""
    party_id: UUID | None = None
    """The family or account whose members were counted together."""

    @property
    def refuses(self) -> bool:
        """Whether what is wanted would go past the limit. What adds nothing is refused for no-shows alone."""
        return self.used + self.adding > self.limit and (self.adding > 0 or self.measure == "no_shows")


class Picture(Struct, frozen=True):
    """All that one person's quotas are counted from."""

    rules: Sequence[QuotaRule]
    groups: Sequence[Group]
    rows: Sequence[Counted]
    now: datetime

    def against(self, wanted: Wanted) -> list[Verdict]:
        return against(self.rules, self.groups, self.rows, wanted, self.now)

    def standing(self, who: UUID, zone: str, on: date | None = None) -> list[Verdict]:
        return standing(self.rules, self.groups, self.rows, who, zone, self.now, on)


def concerning(rules: Iterable[QuotaRule], wanted: Wanted) -> list[QuotaRule]:
    """The rules that what is wanted falls under, whoever wants it."""
    return [rule for rule in rules if rule.what.takes_in(wanted.offering_id, wanted.location_id, wanted.resources)]


def against(
    rules: Iterable[QuotaRule], groups: Sequence[Group], rows: Collection[Counted], wanted: Wanted, now: datetime
) -> list[Verdict]:
    """The rules that refuse what is wanted, by name."""
    others = [row for row in rows if row.booking_id != wanted.moving]
    asked = concerning(rules, wanted)
    found = [
        verdict
        for rule in sorted(asked, key=lambda rule: rule.name)
        for verdict in _verdicts(rule, groups, others, wanted.who, wanted.zone, now, wanted=wanted)
    ]
    return [verdict for verdict in found if verdict.refuses]


def standing(
    rules: Iterable[QuotaRule],
    groups: Sequence[Group],
    rows: Collection[Counted],
    who: UUID,
    zone: str,
    now: datetime,
    on: date | None = None,
) -> list[Verdict]:
    """How every rule that limits this person stands for what starts on that local date, by name; usually today's."""
    return [
        verdict
        for rule in sorted(rules, key=lambda rule: rule.name)
        for verdict in _verdicts(rule, groups, rows, who, zone, now, on=on)
    ]


def counted_together(rules: Iterable[QuotaRule], groups: Iterable[Group], who: UUID) -> frozenset[UUID]:
    """Everybody whose bookings these rules count, when this person wants to book; nobody where no rule limits them."""
    groups = list(groups)
    return frozenset(person for rule in rules for members, _ in _counts(rule, groups, who) for person in members)


def _counts(rule: QuotaRule, groups: Sequence[Group], who: UUID) -> list[tuple[frozenset[UUID], UUID | None]]:
    """Whose bookings the rule counts together for this person: none where it does not limit them, several where they
    are in several families or accounts."""
    alone: tuple[frozenset[UUID], UUID | None] = (frozenset({who}), None)
    if rule.who.kind == "person":
        return [alone] if rule.who.id in (None, who) else []
    of = [group for group in groups if group.kind == rule.who.kind and rule.who.id in (None, group.id)]
    if rule.who.kind == "plan":
        return [alone] if of else []
    return [(group.members | {who}, group.id) for group in sorted(of, key=lambda group: group.id)]


def _verdicts(
    rule: QuotaRule,
    groups: Sequence[Group],
    rows: Collection[Counted],
    who: UUID,
    zone: str,
    now: datetime,
    *,
    wanted: Wanted | None = None,
    on: date | None = None,
) -> Iterable[Verdict]:
    zone = rule.zone or zone
    if rule.measure == "no_shows" or (wanted is None and on is None):
        on = localtime.wall(now, zone).date()  # what has happened counts in the window of today, not of what is wanted
    elif wanted is not None:
        on = localtime.wall(wanted.starts_at, zone).date()
    assert on is not None
    dates = _looked_at(rule, on)
    if dates is None:
        return
    # No wall is a day away from UTC: what lies further off need not be asked for its local date.
    since, until = _noon(dates[0]) - 2 * A_DAY, _noon(dates[1]) + 2 * A_DAY
    adding = 0 if wanted is None else _amount(rule, wanted.starts_at, wanted.ends_at, zone, now)
    what = rule.what
    near = [
        row
        for row in rows
        if since < row.starts_at < until
        and _counting(rule, row, now)
        and (what == EVERYTHING or what.takes_in(row.offering_id, row.location_id, row.resources))
    ]
    for members, party_id in _counts(rule, groups, who):
        used, resets_at = _used(rule, [row for row in near if row.who in members], on, zone, now)
        yield Verdict(rule.name, rule.measure, used, rule.limit, zone, adding, resets_at, party_id)


def _looked_at(rule: QuotaRule, on: date) -> tuple[date, date] | None:
    """The first and last local date that matter for a booking on that date; None between two seasons."""
    match rule.window:
        case None:
            return EARLIEST.date(), LATEST.date()
        case RollingWindow(days):
            reach = timedelta(days=days - 1)
            return on - reach, on + reach
        case CalendarWindow():
            return rule.window.around(on)


def _counting(rule: QuotaRule, row: Counted, now: datetime) -> bool:
    if row.expires_at is not None and row.expires_at <= now:
        return False
    match rule.measure:
        case "no_shows":
            return row.state == "no_show"
        case "active_future":
            return row.state == "live" and row.ends_at > now
    return row.state in SOLD or (row.state == "late_cancel" and rule.count_late_cancellations)


def _amount(rule: QuotaRule, starts_at: datetime, ends_at: datetime, zone: str, now: datetime) -> int:
    """How much of the measure a booking uses. Minutes are elapsed time; one that has begun is a whole one."""
    match rule.measure:
        case "count":
            return 1
        case "minutes":
            return _whole(ends_at - starts_at)
        case "peak_minutes":
            assert rule.peak is not None
            return _whole(_peak(rule.peak, starts_at, ends_at, zone))
        case "active_future":
            return int(ends_at > now)
        case "no_shows":
            return 0


def _peak(peak: WeeklyHours, starts_at: datetime, ends_at: datetime, zone: str) -> timedelta:
    hours = hours_of(Calendar(peak), *localtime.dates_touched(starts_at, ends_at, zone))
    within = common(Wall(zone).spans(hours), [(micros(starts_at), micros(ends_at))])
    return timedelta(microseconds=sum(end - start for start, end in within))


def _whole(span: timedelta) -> int:
    return -(-span // MINUTE)


def _used(
    rule: QuotaRule, rows: Collection[Counted], on: date, zone: str, now: datetime
) -> tuple[int, datetime | None]:
    """How much the rows use of the window around a date, and when that resets."""
    no_shows = rule.measure == "no_shows"
    each = [
        (
            on if rule.window is None else localtime.wall(row.starts_at, zone).date(),
            1 if no_shows else _amount(rule, row.starts_at, row.ends_at, zone, now),
            row.ends_at,
        )
        for row in rows
    ]
    if isinstance(rule.window, RollingWindow):
        length = timedelta(days=rule.window.days)
        per_date: dict[date, int] = {}
        for day, amount, _ in each:
            per_date[day] = per_date.get(day, 0) + amount
        first, oldest = _tightest({day: amount for day, amount in per_date.items() if amount}, on, length - A_DAY)
        within = [it for it in each if first <= it[0] < first + length]
        over = None if oldest is None else oldest + length
    else:
        dates = _looked_at(rule, on)
        within = [it for it in each if dates is not None and dates[0] <= it[0] <= dates[1]]
        over = None if rule.window is None or dates is None else dates[1] + A_DAY
    used = sum(amount for _, amount, _ in within)
    resets = [] if over is None else [_midnight(over, zone)]
    if rule.measure == "active_future":
        resets += [ends_at for _, _, ends_at in within]
    return used, min(resets, default=None)


def _tightest(per_date: Mapping[date, int], on: date, reach: timedelta) -> tuple[date, date | None]:
    """Of all stretches that reach so far from their first date and have `on` among them, the one that holds most: its
    first date, and the oldest that holds something.

    Only stretches that begin with such a date, or with `on`, need to be looked at: any other holds no more than the one
    that begins with its oldest. Of several as tight, the one that resets first.
    """
    near = sorted(day for day in per_date if on - reach <= day <= on + reach)
    most, begins, oldest = 0, on, None
    for first in sorted({on, *(day for day in near if day <= on)}):
        held = [day for day in near if first <= day <= first + reach]
        used = sum(per_date[day] for day in held)
        if used > most:
            most, begins, oldest = used, first, held[0]
    return begins, oldest


def _noon(on: date) -> datetime:
    return datetime.combine(on, time(12), UTC)


def _midnight(on: date, zone: str) -> datetime:
    """When a local date begins."""
    return localtime.by_rule(localtime.day(on), zone).astimezone(UTC)
