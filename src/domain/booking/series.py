"""A recurring series of bookings: what it is to be, which occurrences of it are booked, and which are otherwise."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import ClassVar, Literal, Self
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import asdict, replace

from domain import localtime
from domain.aggregate import Aggregate
from domain.booking import errors, series_errors, series_events
from domain.booking.booking import LONGEST, MOST_ITEMS, NOWHERE, sized
from domain.booking.series_events import GapPolicy, Patch, Placed, SeriesEvent, Shift, Strategy, Template
from domain.event import Event
from domain.recurrence import rule as rules
from domain.recurrence import series as recurrence
from domain.recurrence.errors import NoSuchOccurrence, NothingBefore
from domain.recurrence.series import MONTHS, MOST, TICK, Series

Reach = Literal["this", "following", "all"]
"""How far an edit goes: one occurrence, it and all later ones, or all that have not begun."""
MOST_SHIFT = 366
"""Days."""
MOST_IN_MONTHS = 4 * MOST
"""Occurrences within 24 months of a series without an end: two a day, and some. So 400 reach half a year ahead."""


LONGEST_PAUSE = 28
"""Days between two attempts to go on, the first of which comes after one day, the next after two, four ..."""


class Planned(Struct, frozen=True):
    """One occurrence as it should be: the template, what was changed since, and what it has of its own."""

    recurrence_id: datetime
    local: datetime
    template: Template


class BookingSeries(Aggregate, frozen=True):
    """Its occurrences are bookings; here stands which, and what is special about some."""

    begins: ClassVar[type[Event]] = series_events.SeriesCreated
    unknown: ClassVar = series_errors.UnknownSeries

    location_id: UUID = NOWHERE
    zone: str = "UTC"
    start: datetime = rules.FIRST_LOCAL
    rule: str | None = None
    rdates: tuple[datetime, ...] = ()
    exdates: tuple[datetime, ...] = ()
    gap_policy: GapPolicy = "shift"
    template: Template = Template()
    strategy: Strategy = "fail"
    customer_id: UUID | None = None
    override: bool = False
    continues: UUID | None = None
    continued_by: UUID | None = None
    through: datetime | None = None
    """The last recurrence id that was looked at."""
    ends_before: datetime | None = None
    placed: Mapping[datetime, UUID] = {}
    """Which bookings its occurrences are."""
    skipped: Mapping[datetime, tuple[str, ...]] = {}
    waitlisted: Mapping[datetime, tuple[str, ...]] = {}
    overrides: Mapping[datetime, Patch] = {}
    changes: tuple[tuple[datetime, Patch, tuple[datetime, ...]], ...] = ()
    stopped: series_events.SeriesExtensionRefused | None = None
    """Why it does not go on, as long as it does not."""

    @property
    def pattern(self) -> Series:
        rule = None if self.rule is None else rules.parse(self.rule)
        return Series(self.start, self.zone, rule, self.rdates, self.exdates, self.gap_policy)

    @property
    def open_ended(self) -> bool:
        return self.ends_before is None and endless(self.pattern)

    def booking_id(self, recurrence_id: datetime) -> UUID:
        """Which booking an occurrence is, or would be."""
        return self.placed.get(recurrence_id) or occurrence_id(self.id, recurrence_id)

    def planned(self, recurrence_id: datetime) -> Planned:
        """What this occurrence should be."""
        template, start = self.common(recurrence_id)
        own = self.overrides.get(recurrence_id, Patch())
        return Planned(recurrence_id, moved(recurrence_id, own.start or start), patched(template, own))

    def common(self, recurrence_id: datetime) -> tuple[Template, Shift | None]:
        """What it should be but for what it has of its own: the template, as it was changed since."""
        template, start = self.template, None
        for since, patch, stays in self.changes:
            if recurrence_id >= since and recurrence_id not in stays:
                template, start = patched(template, patch), patch.start or start
        return template, start

    def occurrence(self, recurrence_id: datetime) -> datetime:
        """The same, or `NoSuchOccurrence`."""
        if recurrence_id in (self.placed.keys() | self.skipped.keys() | self.waitlisted.keys()):
            return recurrence_id
        raise NoSuchOccurrence(recurrence_id=recurrence_id.isoformat())

    def since(self, recurrence_id: datetime | None = None) -> list[datetime]:
        """The occurrences from this one on, booked or not, in their order."""
        every = sorted(self.placed.keys() | self.skipped.keys() | self.waitlisted.keys())
        return [one for one in every if recurrence_id is None or one >= recurrence_id]

    def names(self, first: datetime, last: datetime) -> list[datetime]:
        """All its times in `[first, last]`, also those taken out: by their place in this list one series follows
        another."""
        every = replace(self.pattern, exdates=())
        return list(islice(recurrence.ids_between(every, first, last), MOST))

    @property
    def status(self) -> Literal["open", "continued", "ended"]:
        return "open" if self.ends_before is None else "continued" if self.continued_by else "ended"

    # decisions

    def create(
        self,
        location_id: UUID,
        pattern: Series,
        template: Template,
        strategy: Strategy = "fail",
        customer_id: UUID | None = None,
        override: bool = False,
        continues: UUID | None = None,
    ) -> list[SeriesEvent]:
        """Refuses what no command could book at once, before anything is looked at."""
        whole(template)
        refuse_too_many(pattern)
        rule = None if pattern.rule is None else str(pattern.rule)
        return [
            series_events.SeriesCreated(
                location_id, pattern.zone, pattern.start, template, rule, pattern.rdates, pattern.exdates,
                pattern.gap_policy, strategy, customer_id, override, continues,
            )
        ]  # fmt: skip

    def due(self, now: datetime) -> tuple[datetime, list[datetime]]:
        """The recurrence ids that are to be booked next, and up to where they were looked for, inclusive: at most as
        many as make 400 to come, and none later than 24 months after the start or, once that is past, after today."""
        if self.ends_before is not None:
            raise series_errors.SeriesOver
        last = self.horizon(now)
        room = MOST
        if self.through is not None:
            refuse_too_dense(self.pattern, self.through + TICK, last)  # a rule may be dense only in years to come
            room = max(0, MOST - self.ahead(now))
        found = recurrence_ids(self.pattern, self.through, min(last + TICK, rules.LAST_LOCAL - TICK), room)
        if len(found) < room:
            return last, found
        return (found[-1] if found else self.through or last), found

    def ahead(self, now: datetime) -> int:
        """How many of its occurrences are still to come, as the series names them: no edit has more to change."""
        today = localtime.wall(now, self.zone)
        return sum(at > today for at in self.since())

    def horizon(self, now: datetime) -> datetime:
        """Up to where it can be booked, inclusive."""
        today = localtime.wall(now, self.zone)
        return recurrence.months_later(max(self.start, today) if self.through else self.start, MONTHS)

    def extend(self, through: datetime, placed: Sequence[Placed]) -> list[SeriesEvent]:
        return [series_events.SeriesExtended(through, tuple(placed))]

    def stop(self, code: str, reasons: Iterable[str], now: datetime) -> list[SeriesEvent]:
        """It could not go on. It is tried again, ever more rarely, for as long as it should."""
        if not self.open_ended or self.through is None:
            return []
        attempt = 1 if self.stopped is None else self.stopped.attempt + 1
        pause = min(2 ** min(attempt - 1, 9), LONGEST_PAUSE)
        return [
            series_events.SeriesExtensionRefused(
                code, self.through, self.horizon(now), now + timedelta(days=pause), attempt,
                tuple(dict.fromkeys(reasons)),
            )
        ]  # fmt: skip

    def skip(self, recurrence_id: datetime, reasons: Iterable[str]) -> list[SeriesEvent]:
        codes = tuple(dict.fromkeys(reasons))
        if self.skipped.get(recurrence_id) == codes:
            return []
        return [series_events.OccurrenceSkipped(recurrence_id, codes)]

    def retried(self, recurrence_id: datetime) -> list[SeriesEvent]:
        """It is booked as it should be after all."""
        if recurrence_id not in self.skipped and recurrence_id not in self.waitlisted:
            return []
        return [series_events.OccurrenceRetried(recurrence_id)]

    def own(self, recurrence_id: datetime, patch: Patch) -> list[SeriesEvent]:
        """This one occurrence is otherwise, beside what it has of its own already."""
        after = laid_over(self.overrides.get(self.occurrence(recurrence_id), Patch()), sound(patch))
        if after == self.overrides.get(recurrence_id, Patch()):
            return []
        return [series_events.OccurrenceOverridden(recurrence_id, after)]

    def change(self, since: datetime, patch: Patch, stays: Iterable[datetime] = ()) -> list[SeriesEvent]:
        """All from `since` on are otherwise, but for `stays`."""
        change = series_events.SeriesChanged(since, sound(patch), tuple(sorted(stays)))
        after = self.evolve(change)
        latest = max(since, self.through or since) + TICK
        if all(after.common(at) == self.common(at) for at in (since, latest)):
            return []
        return [change]

    def exclude(self, recurrence_id: datetime) -> list[SeriesEvent]:
        if recurrence_id in self.exdates:
            return []
        return [series_events.OccurrenceExcluded(self.occurrence(recurrence_id))]

    def split(self, ends_before: datetime, continued_by: UUID) -> list[SeriesEvent]:
        before, _ = recurrence.split(self.pattern, ends_before)
        rule = None if before.rule is None else str(before.rule)
        return [series_events.SeriesSplit(ends_before, continued_by, before.start, rule)]

    def end(self, ends_before: datetime) -> list[SeriesEvent]:
        """The rest is cancelled; where nothing comes before, all of it."""
        if self.ends_before is not None and self.ends_before <= ends_before:
            return []
        try:
            before, _ = recurrence.split(self.pattern, ends_before)
        except NothingBefore:
            before = replace(self.pattern, rule=None)
        rule = None if before.rule is None else str(before.rule)
        return [series_events.SeriesEnded(ends_before, before.start, rule)]

    # the fold

    def evolve(self, event: Event) -> Self:
        match event:
            case series_events.SeriesCreated():
                return replace(self, **asdict(event))
            case series_events.SeriesExtended(through, placed):
                books = {one.recurrence_id: one.booking_id or occurrence_id(self.id, one.recurrence_id)
                         for one in placed}  # fmt: skip
                return replace(self, through=through, placed={**self.placed, **books}, stopped=None)
            case series_events.SeriesExtensionRefused():
                return replace(self, stopped=event)
            case series_events.OccurrenceSkipped(recurrence_id, reasons):
                return replace(self, skipped={**self.skipped, recurrence_id: reasons},
                               waitlisted=without(self.waitlisted, recurrence_id))  # fmt: skip
            case series_events.OccurrenceWaitlisted(recurrence_id, reasons):
                return replace(self, waitlisted={**self.waitlisted, recurrence_id: reasons},
                               skipped=without(self.skipped, recurrence_id))  # fmt: skip
            case series_events.OccurrenceRetried(recurrence_id):
                return replace(
                    self,
                    skipped=without(self.skipped, recurrence_id),
                    waitlisted=without(self.waitlisted, recurrence_id),
                    placed={**self.placed, recurrence_id: self.booking_id(recurrence_id)},
                )
            case series_events.OccurrenceOverridden(recurrence_id, patch):
                return replace(self, overrides={**self.overrides, recurrence_id: patch})
            case series_events.OccurrenceExcluded(recurrence_id):
                exdates = tuple(sorted({*self.exdates, recurrence_id}))
                return replace(self._only(lambda at: at != recurrence_id), exdates=exdates)
            case series_events.SeriesChanged(since, patch, stays):
                return replace(self, changes=(*self.changes, (since, patch, stays)))
            case series_events.SeriesSplit(before, continued_by, start, rule):
                return replace(self._until(before, start, rule), continued_by=continued_by)
            case series_events.SeriesEnded(before, start, rule):
                return self._until(before, start, rule)
        return self

    def _until(self, before: datetime, start: datetime, rule: str | None) -> Self:
        rdates, exdates = (tuple(at for at in dates if at < before) for dates in (self.rdates, self.exdates))
        ended = replace(self, ends_before=before, start=start, rule=rule, rdates=rdates, exdates=exdates, stopped=None)
        return ended._only(lambda at: at < before)

    def _only(self, stays: Callable[[datetime], bool]) -> Self:
        kept = {
            name: {at: value for at, value in getattr(self, name).items() if stays(at)}
            for name in ("placed", "skipped", "waitlisted", "overrides")
        }
        return replace(self, **kept)


def occurrence_id(series_id: UUID, recurrence_id: datetime) -> UUID:
    """The booking that an occurrence is: the same, however often it is asked for."""
    return uuid5(series_id, recurrence_id.isoformat())


def recurrence_ids(
    pattern: Series, after: datetime | None, before: datetime | None, limit: int = MOST
) -> list[datetime]:
    return [it.recurrence_id for it in recurrence.occurrences(pattern, after, before, limit)]


def endless(pattern: Series) -> bool:
    return pattern.rule is not None and pattern.rule.count is None and pattern.rule.until is None


def refuse_too_many(pattern: Series) -> None:
    """A series that ends is booked whole by the command that makes it; one without an end as far as is allowed, and
    goes on by itself: its density is bounded instead."""
    last = recurrence.months_later(pattern.start, MONTHS)
    if endless(pattern):
        refuse_too_dense(pattern, rules.FIRST_LOCAL, last)
        return
    found = list(islice(recurrence.ids_between(pattern, rules.FIRST_LOCAL, last), MOST + 1))
    if len(found) > MOST:
        raise series_errors.TooManyOccurrences(most=MOST)
    if (late := next(recurrence.ids_between(pattern, last + TICK, rules.LAST_LOCAL), None)) is not None:
        raise series_errors.SeriesTooLong(recurrence_id=late.isoformat(), last=last.isoformat())
    if not found:
        raise series_errors.NothingToPlace


def refuse_too_dense(pattern: Series, since: datetime, last: datetime) -> None:
    """Looks at no more occurrences than are allowed, and at one that is not."""
    if sum(1 for _ in islice(recurrence.ids_between(pattern, since, last), MOST_IN_MONTHS + 1)) > MOST_IN_MONTHS:
        raise series_errors.TooDense(most=MOST_IN_MONTHS, months=MONTHS)


def changed_pattern(
    series: BookingSeries, at: datetime, shift: Shift | None, start: datetime | None, rule: str | None
) -> Series:
    """The pattern of the series that goes on from this occurrence: under another rule, or at another time, or as it
    was. What was changed before for all of them is now how it begins."""
    _, rest = recurrence.split(series.pattern, at)
    if rule is not None:
        return recurrence.read(start or rest.start, series.zone, rule, gap_policy=series.gap_policy)
    if start is not None:
        shift = Shift(start.time(), (start.date() - at.date()).days)
    shift = shift or series.common(at)[1]
    if shift is not None:
        rest = shifted(rest, shift)
        recurrence.refuse_start(rest)
    return rest


def shifted(pattern: Series, shift: Shift) -> Series:
    """All its times moved alike. UNTIL goes with them."""
    rule, start = pattern.rule, moved(pattern.start, shift)
    if rule is not None and (rule.byhour or rule.byminute or rule.bysecond):
        raise series_errors.NotForThisScope(field="start", rule=str(rule))
    if rule is not None and rule.until is not None:
        until = localtime.wall(rule.until, pattern.zone) + (start - pattern.start)
        rule = replace(rule, until=localtime.by_rule(until, pattern.zone))
    rdates, exdates = (tuple(moved(at, shift) for at in dates) for dates in (pattern.rdates, pattern.exdates))
    return replace(pattern, start=start, rule=rule, rdates=rdates, exdates=exdates)


def whole(template: Template) -> Template:
    """Refuses what could not be one booking."""
    named = template.resources
    if (template.offering_id is None) != bool(named) or (named and (template.resource_ids or not template.minutes)):
        raise series_errors.OneOffering
    sound(Patch(None, template.minutes, template.party_size, named or None))
    return template


def sound(patch: Patch) -> Patch:
    """Refuses values out of bounds."""
    least, most = 1, LONGEST // timedelta(minutes=1)
    if patch.minutes is not None and not least <= patch.minutes <= most:
        raise series_errors.BadMinutes(minutes=patch.minutes)
    if patch.start is not None and abs(patch.start.days) > MOST_SHIFT:
        raise series_errors.BadMinutes(days=patch.start.days)
    if patch.party_size is not None:
        sized(patch.party_size)
    if patch.resources is not None:
        if not 1 <= len(patch.resources) <= MOST_ITEMS or len({it.resource_id for it in patch.resources}) != len(
            patch.resources
        ):
            raise errors.NothingWanted
        for part in patch.resources:
            sized(part.units)
    return patch


def moved(recurrence_id: datetime, start: Shift | None) -> datetime:
    """The local start of an occurrence that begins otherwise than it is called."""
    if start is None:
        return recurrence_id
    return datetime.combine(recurrence_id.date() + timedelta(days=start.days), start.at)


def patched(template: Template, patch: Patch) -> Template:
    given = {name: value for name, value in asdict(patch).items() if value is not None and name != "start"}
    return replace(template, **given)


def laid_over(below: Patch, above: Patch) -> Patch:
    return replace(below, **{name: value for name, value in asdict(above).items() if value is not None})


def without(by_date: Mapping[datetime, tuple[str, ...]], gone: datetime) -> dict[datetime, tuple[str, ...]]:
    return {at: value for at, value in by_date.items() if at != gone}
