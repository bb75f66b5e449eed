"""What can be booked, found the slowest way, for the fast way to be checked against.

Nothing here is clever, and nothing is shared with the implementation but the shapes and the wall clock: every rule is
asked anew about every start. Is each instant open? Is each unit there at each instant? Which is the best of all the
choices there are?
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import combinations, product
from typing import NamedTuple
from uuid import UUID

from domain import localtime
from domain.availability.setup import Assigned, Reason, Refused, Request, Setup, Slot, Use
from domain.calendar import Calendar, Closure
from domain.hours import DAY, Opening
from domain.offering.terms import Need
from domain.resource.resource import Resource

MIDNIGHT_TO_MIDNIGHT = (Opening(0, DAY),)
REPEATED_AT_MOST = timedelta(hours=25)
"""How far the labels of an opening can run past its closing label, when the clocks are turned back meanwhile."""
CLAIMS = {"OCCUPIED", "BUFFER", "CAPACITY", "HELD", "WAITLIST_EARMARK"}
"""What is told when other claims are in the way; which of them, is a matter of how much is told."""
TOLD_OF = {"closure": "CLOSURE", "maintenance": "MAINTENANCE", "absence": "NO_STAFF"}

Calendars = tuple[Calendar, ...]
Option = tuple[UUID, ...]
"""One resource, or the tables of a combination."""


class Piece(NamedTuple):
    """Open from one local label to another. `always`: because nobody says anything about those dates."""

    opens: datetime
    closes: datetime
    always: bool


def minutes(n: int) -> timedelta:
    return timedelta(minutes=n)


@lru_cache(maxsize=100_000)
def instant(local: datetime, zone: str, closing: bool) -> datetime:
    return localtime.by_rule(local, zone, closing)


@lru_cache(maxsize=100_000)
def instants(local: datetime, zone: str) -> tuple[datetime, ...]:
    return localtime.resolve(local, zone)


def natural(name: str) -> list[tuple[int, int, str]]:
    """T2 before T10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def pieces(calendar: Calendar, first: date, last: date) -> list[Piece]:
    """The openings of these service days. An exception is the whole of its day, and of no other."""
    found = []
    for on in days(first, last):
        always = False
        if on in calendar.exceptions:
            openings = calendar.exceptions[on]
        elif calendar.hours is None:
            openings, always = MIDNIGHT_TO_MIDNIGHT, True
        else:
            openings = calendar.hours.of(on)
        found += [Piece(localtime.day(on, o.opens), localtime.day(on, o.closes), always) for o in openings]
    return sorted(found)


def in_one(found: list[Piece]) -> list[Piece]:
    """Days on which it is always open are one stretch: their midnights are nobody's opening."""
    joined: list[Piece] = []
    for piece in found:
        if joined and piece.always and joined[-1].always and joined[-1].closes == piece.opens:
            joined[-1] = joined[-1]._replace(closes=piece.closes)
        else:
            joined.append(piece)
    return joined


def both(some: list[Piece], others: list[Piece]) -> list[Piece]:
    common = [
        Piece(max(a.opens, b.opens), min(a.closes, b.closes), a.always and b.always) for a in some for b in others
    ]
    return sorted(piece for piece in common if piece.opens < piece.closes)


class Naive:
    """One question: this setup, these claims, this request, now."""

    def __init__(self, setup: Setup, uses: Sequence[Use], request: Request, now: datetime) -> None:
        self.setup, self.request, self.now = setup, request, now
        self.terms, self.zone = setup.terms, setup.location.zone
        self.uses = [
            use
            for use in uses
            if (use.expires_at is None or now < use.expires_at)
            and (request.moving is None or use.booking_id != request.moving)
        ]
        self.service = Calendar(self.terms.hours)
        self.first, self.last = request.first - timedelta(days=4), request.last + timedelta(days=4)
        self._spans: dict[tuple[int, ...], list[tuple[datetime, datetime]]] = {}
        self._options: dict[str, list[Option]] = {}
        self._used: dict[tuple[UUID, date], timedelta] = {}
        self._labels: set[tuple[datetime, datetime | None]] | None = None
        # What was worked out once is kept, for it is slow enough.

    # What is asked

    @property
    def lasts(self) -> timedelta:
        """As long as asked; else the turn time of the party, the first variant, or the least."""
        if self.request.minutes is not None:
            return minutes(self.request.minutes)
        for turn in self.terms.turn_times:
            if turn.up_to is None or self.request.party <= turn.up_to:
                return minutes(turn.minutes)
        if self.terms.durations:
            return minutes(self.terms.durations[0])
        assert self.terms.lasting is not None
        return minutes(self.terms.lasting.least)

    def bare(self, s: datetime) -> tuple[datetime, datetime]:
        return s, s + self.lasts

    def wide(self, s: datetime) -> tuple[datetime, datetime]:
        """With the buffers that a new booking would have."""
        return s - minutes(self.terms.before), s + self.lasts + minutes(self.terms.after)

    # Who could do it

    def named_by(self, need: Need) -> tuple[UUID, ...]:
        if need.pool_id is None:
            return need.any_of
        pool = self.setup.pools.get(need.pool_id)
        return pool.members if pool and not pool.retired else ()

    def pooled(self, resource_id: UUID) -> bool:
        """Whether it is sold whole."""
        return any(need.pool_id and resource_id in self.named_by(need) for need in self.terms.needs)

    def strange(self, resource_id: UUID) -> bool:
        """Whether it is part of nothing that is sold."""
        return not any(resource_id in self.named_by(need) for need in self.terms.needs)

    def capable(self, need: Need, resource_id: UUID) -> bool:
        one = self.setup.resources.get(resource_id)
        wanted = self.request.resource_ids
        if one is not None and one.capacity > 1 and self.pooled(resource_id):
            return False  # it would be sold several times at once
        if one is None or one.retired or one.location_id != self.setup.location.id:
            return False
        if set(wanted) & set(self.named_by(need)) and resource_id not in wanted:
            return False
        return set(need.features) <= set(one.features)

    def options(self, need: Need) -> list[Option]:
        if need.role not in self._options:
            self._options[need.role] = self.found_options(need)
        return self._options[need.role]

    def found_options(self, need: Need) -> list[Option]:
        singles = [(one,) for one in self.named_by(need) if self.capable(need, one)]
        if not need.tables:
            return singles
        seated: list[tuple[list[object], Option]] = []
        combos = self.setup.pools[need.pool_id].combinations if need.pool_id and singles else ()
        for tables, seats in [
            *((one, self.resource(one[0]).seats) for one in singles),
            *((c.resources, c.seats) for c in combos if all(self.capable(need, one) for one in c.resources)),
        ]:
            if seats is not None and seats.least <= self.request.party <= seats.most:
                ids = sorted((natural(self.resource(one).name), one) for one in tables)
                seated.append(([seats.most - self.request.party, len(tables), ids], tables))
        return [tables for _, tables in sorted(seated)]

    def units(self, need: Need) -> int:
        return self.request.party if need.per_head else need.units

    def resource(self, resource_id: UUID) -> Resource:
        return self.setup.resources[resource_id]

    # When it is open

    def common(self, calendars: Calendars) -> list[Piece]:
        """Hours are intersected as they stand on the wall; what is left of them becomes instants."""
        found = [Piece(localtime.day(self.first), localtime.day(self.last), True)]
        for calendar in calendars:
            found = both(found, in_one(pieces(calendar, self.first, self.last)))
        return found

    def spans(self, calendars: Calendars) -> list[tuple[datetime, datetime]]:
        key = tuple(map(id, calendars))
        if key not in self._spans:
            found = self.common(calendars)
            spans = [(instant(p.opens, self.zone, False), instant(p.closes, self.zone, True)) for p in found]
            self._spans[key] = spans
        return self._spans[key]

    def open_at(self, calendars: Calendars, at: datetime) -> bool:
        return any(opens <= at < closes for opens, closes in self.spans(calendars))

    def open_throughout(self, calendars: Calendars, period: tuple[datetime, datetime]) -> bool:
        """Open when it starts, and still at each closing time on the way: what is adjacent is one."""
        starts, ends = period
        closings = [closes for _, closes in self.spans(calendars) if starts < closes < ends]
        return all(self.open_at(calendars, at) for at in (starts, *closings))

    def within_hours(self, s: datetime, *more: Calendar) -> bool:
        """Of the location, the offering, and whoever else."""
        period = self.wide(s) if self.terms.buffers_within_hours else self.bare(s)
        return self.open_throughout((self.setup.location.calendar, self.service, *more), period)

    def cut_by(self, calendar: Calendar, s: datetime) -> list[Closure]:
        """Of closures the guest's own time stays clear; of maintenance and absence the buffers, too."""
        found = []
        for closure in calendar.closures.values():
            starts, ends = self.bare(s) if closure.cause == "closure" else self.wide(s)
            if starts < closure.ends_at and closure.starts_at < ends:
                found.append(closure)
        return found

    # The labels

    def places(self, need: Need) -> int:
        return 1 if need.tables else need.count

    def calendars(self) -> Iterator[Calendars]:
        """Those whose common openings make a grid: the location's, the offering's and those of one choice for each
        need. Every choice there could be has its labels, whoever is there at them in the end."""
        choices = [list(combinations(self.options(need), self.places(need))) for need in self.terms.needs]
        seen = set()
        for chosen in product(*choices):
            theirs = {one: self.resource(one).calendar for options in chosen for option in options for one in option}
            told = {one: those for one, those in theirs.items() if those.hours is not None or those.exceptions}
            if frozenset(told) not in seen:
                seen.add(frozenset(told))
                yield self.setup.location.calendar, self.service, *told.values()

    def openings(self, calendars: Calendars) -> list[Piece]:
        alone = [Piece(localtime.day(on), localtime.day(on, DAY), True) for on in days(self.first, self.last)]
        return [
            part for piece in self.common(calendars) for part in (both([piece], alone) if piece.always else [piece])
        ]

    def labels(self) -> set[tuple[datetime, datetime | None]]:
        """Every label on a grid in these dates with its instants, or with none where the clocks skip it.

        A label belongs to the opening within which its instant lies, and the slot fits what that opening is part of.
        """
        if self._labels is None:
            self._labels = self.found_labels()
        return self._labels

    def found_labels(self) -> set[tuple[datetime, datetime | None]]:
        found: set[tuple[datetime, datetime | None]] = set()
        for calendars in self.calendars():
            for opens, closes, _ in self.openings(calendars):
                starts_at, ends_at = instant(opens, self.zone, False), instant(closes, self.zone, True)
                label = opens.replace(minute=0) if self.terms.anchor == "top_of_hour" else opens
                while label < closes + REPEATED_AT_MOST:
                    here = instants(label, self.zone)
                    if self.request.first <= label.date() <= self.request.last:
                        if not here and opens <= label <= closes - self.lasts:
                            found.add((label, None))
                        for s in here:
                            fits = self.open_throughout(calendars, self.bare(s))
                            if starts_at <= s < ends_at and fits:
                                found.add((label, s))
                    label += minutes(self.terms.step)
        return found

    # What is free

    def capacity_at(self, one: Resource, at: datetime) -> int:
        instead = [o.capacity for o in one.overrides.values() if o.starts_at <= at < o.ends_at]
        has = min(instead) if instead else one.capacity
        return 0 if has > 1 and self.pooled(one.id) else has

    def of(self, one: Resource) -> list[Use]:
        return [use for use in self.uses if use.resource_id == one.id]

    def sharing(self, one: Resource) -> bool:
        """Whether buffers of a new booking may lie over its neighbours': only where there is one unit."""
        return one.buffer_mode == "shared" and one.capacity == 1

    def occupied(self, use: Use) -> tuple[datetime, datetime]:
        before, after = (0, 0) if use.shared else (use.before, use.after)
        return use.starts_at - minutes(before), use.ends_at + minutes(after)

    def would_occupy(self, one: Resource, s: datetime) -> tuple[datetime, datetime]:
        return self.bare(s) if self.sharing(one) else self.wide(s)

    def in_use(self, one: Resource, at: datetime) -> int:
        return sum(use.units for use in self.of(one) if self.occupied(use)[0] <= at < self.occupied(use)[1])

    def moments(self, one: Resource, s: datetime) -> list[datetime]:
        """When the number of free units can change, from the first instant that would be occupied to the last."""
        starts, ends = self.wide(s)
        edges = [edge for use in self.of(one) for edge in self.occupied(use)]
        edges += [edge for override in one.overrides.values() for edge in (override.starts_at, override.ends_at)]
        return [starts, *(edge for edge in edges if starts < edge < ends)]

    def too_near(self, one: Resource, use: Use, s: datetime) -> bool:
        """Where one of the two shares its buffers, the larger of the two that lie between them is the gap."""
        if not (self.sharing(one) or use.shared):
            return False
        starts, ends = self.bare(s)
        gap_before = max(minutes(self.terms.before), minutes(use.after))
        gap_after = max(minutes(self.terms.after), minutes(use.before))
        return starts < use.ends_at + gap_before and use.starts_at < ends + gap_after

    def free_units(self, one: Resource, s: datetime) -> int:
        """Of all that would be occupied, buffers included, at the instant at which fewest are left."""
        if any(self.too_near(one, use, s) for use in self.of(one)):
            return 0
        starts, ends = self.would_occupy(one, s)
        return min(
            self.capacity_at(one, at) - (self.in_use(one, at) if starts <= at < ends else 0)
            for at in (starts, *self.moments(one, s))
        )

    def pace_left(self, one: Resource, s: datetime) -> int | None:
        """How many units may still start at `s`, in the fullest of the windows that hold it; None: unlimited."""
        if one.pacing is None:
            return None
        window = minutes(one.pacing.minutes)
        starts = [use.starts_at for use in self.of(one) if s - window < use.starts_at <= s]
        fullest = max(
            sum(use.units for use in self.of(one) if start <= use.starts_at < start + window) for start in (s, *starts)
        )
        return one.pacing.units - fullest

    def left(self, one: Resource, s: datetime) -> int:
        pace = self.pace_left(one, s)
        free = self.free_units(one, s)
        return free if pace is None else min(free, pace)

    def bookable(self, option: Option, units: int, s: datetime) -> bool:
        return all(
            self.within_hours(s, self.resource(one).calendar)
            and not self.cut_by(self.resource(one).calendar, s)
            and self.left(self.resource(one), s) >= units
            for one in option
        )

    # Who does it

    def minutes_used(self, one: Resource, s: datetime) -> timedelta:
        """Of the guests' time in the 28 days before the local date of `s`; what is set aside is not used."""
        on = localtime.wall(s, self.zone).date()
        since = instant(localtime.day(on - timedelta(days=28)), self.zone, False)
        until = instant(localtime.day(on), self.zone, False)
        spent = (min(use.ends_at, until) - max(use.starts_at, since) for use in self.of(one) if use.kind != "earmark")
        return sum((time for time in spent if time > timedelta()), timedelta())

    def preference(self, option: Option, s: datetime) -> list[object]:
        one = self.resource(option[0])
        return [one.cost, self.minutes_used(one, s), natural(one.name), one.id]

    def free(self, need: Need, s: datetime) -> list[Option]:
        """The best first."""
        found = [option for option in self.options(need) if self.bookable(option, self.units(need), s)]
        return found if need.tables else sorted(found, key=lambda option: self.preference(option, s))

    def assignment(self, s: datetime) -> tuple[Assigned, ...] | None:
        """The first of all choices that is complete: the need with fewest candidates has the first word."""
        needs = sorted(self.terms.needs, key=lambda need: len(self.options(need)))
        choices = [list(combinations(self.free(need, s), self.places(need))) for need in needs]
        for chosen in product(*choices):
            taken = [[one for option in options for one in option] for options in chosen]
            everybody = [one for resources in taken for one in resources]
            if len(set(everybody)) == len(everybody):
                of = dict(zip([need.role for need in needs], taken, strict=True))
                return tuple(Assigned(n.role, tuple(of[n.role]), self.units(n)) for n in self.terms.needs)
        return None

    def apart(self, free: list[Option]) -> list[Option]:
        found: list[Option] = []
        for tables in free:
            if not any(set(tables) & set(others) for others in found):
                found.append(tables)
        return found

    def remaining(self, s: datetime) -> int:
        """How often at least: units where there is one candidate, else candidates; tables that share none."""
        counts = []
        for need in self.terms.needs:
            free = self.free(need, s)
            if free and len(self.options(need)) == 1:
                counts.append(min(self.left(self.resource(one), s) for one in free[0]) // self.units(need))
            elif need.tables:
                counts.append(len(self.apart(free)))
            else:
                counts.append(len(free) // need.count)
        return min(counts)

    # The answer

    def too_soon(self, s: datetime) -> bool:
        early = localtime.wall(s, self.zone).date() < (self.terms.first_date or date.min)
        return not self.request.override and (s < self.now + minutes(self.terms.notice) or early)

    def latest(self) -> date:
        """The last local date that may be booked."""
        today = localtime.wall(self.now, self.zone).date()
        ahead = date.max if self.terms.horizon is None else today + timedelta(days=self.terms.horizon)
        return min(ahead, self.terms.last_date or date.max)

    def too_far(self, s: datetime) -> bool:
        return not self.request.override and localtime.wall(s, self.zone).date() > self.latest()

    def party_fits(self) -> bool:
        return self.terms.least_party <= self.request.party <= (self.terms.most_party or self.request.party)

    def busy(self, s: datetime) -> bool:
        starts, ends = self.bare(s)
        return self.terms.one_at_a_time and any(
            starts < other.ends_at and other.starts_at < ends for other in self.request.busy
        )

    def at_the_venue(self, s: datetime) -> bool:
        location = self.setup.location.calendar
        return self.within_hours(s) and not self.cut_by(location, s)

    def slot(self, s: datetime) -> Slot | None:
        """What is booked when it starts at `s`, whether or not that is on a label."""
        if self.too_soon(s) or self.too_far(s) or self.busy(s) or not self.party_fits() or not self.at_the_venue(s):
            return None
        if any(self.strange(one) for one in self.request.resource_ids):
            return None
        assignment = self.assignment(s)
        return Slot(s, s + self.lasts, self.remaining(s), assignment) if assignment is not None else None

    def slots(self) -> list[Slot]:
        starts = sorted({s for _, s in self.labels() if s is not None})
        return [slot for slot in map(self.slot, starts) if slot is not None]

    # What speaks against it

    def holds_true(self, reason: Reason, refused: Refused) -> bool:
        """Whether what is said against a start is so."""
        s, code = refused.starts_at, reason.code
        if s is None or code == "DST_GAP":
            return code == "DST_GAP" and s is None and not instants(refused.local, self.zone)
        if code == "TOO_SOON":
            return self.too_soon(s) and (reason.earliest is None or reason.earliest > s)
        if code == "TOO_FAR":
            return self.too_far(s) and reason.latest in (None, self.latest())
        if code == "CUSTOMER_CONFLICT":
            return self.busy(s)
        if code == "NOT_ON_STEP":
            return s not in {at for _, at in self.labels()}
        if code == "DOES_NOT_FIT":
            if reason.resource_id in self.request.resource_ids and self.strange(reason.resource_id):
                return True
            return not self.party_fits() or any(self.unfit(need, reason) for need in self.terms.needs)
        if code == "NO_RESOURCE_COMBINATION":
            none = self.assignment(s) is None or not self.at_the_venue(s)
            return none and all(self.holds_true(detail, refused) for detail in reason.details)
        if code in ("RETIRED", "ELSEWHERE"):
            one = self.resource(reason.resource_id) if reason.resource_id else None
            return one is not None and (one.retired or one.location_id != self.setup.location.id)
        concerned = self.concerned(reason)
        if code in ("OUTSIDE_HOURS", "CLOSED_EXCEPTION"):
            places = [self.setup.location.calendar, self.service, *(one.calendar for one in concerned)]
            return any(not self.within_hours(s, place) for place in places) and (
                code == "OUTSIDE_HOURS" or any(place.exceptions for place in places)
            )
        if code in TOLD_OF.values():
            places = [self.setup.location.calendar, *(one.calendar for one in concerned)]
            cuts = [cut for place in places for cut in self.cut_by(place, s) if TOLD_OF[cut.cause] == code]
            return bool(cuts) and (reason.until is None or reason.until >= min(c.ends_at for c in cuts))
        if code == "PACING":
            return any(self.paced_out(one, s) for one in concerned)
        if code in CLAIMS:
            return any(self.claimed(one, s, code, reason) for one in concerned)
        return False

    def codes_of_its_own(self, s: datetime | None) -> set[str]:
        """What has to be told of this start, whatever else is."""
        if s is None:
            return {"DST_GAP"}
        own = {"TOO_SOON": self.too_soon(s), "TOO_FAR": self.too_far(s), "CUSTOMER_CONFLICT": self.busy(s)}
        causes = {cut.cause for cut in self.cut_by(self.setup.location.calendar, s)}
        if any(self.options(need) for need in self.terms.needs):  # else nothing would do, at any time
            own |= {TOLD_OF[cause]: cause in causes for cause in TOLD_OF}
        return {code for code, so in own.items() if so}

    def on_asked_date(self, s: datetime) -> bool:
        return self.request.first <= localtime.wall(s, self.zone).date() <= self.request.last

    def concerned(self, reason: Reason) -> list[Resource]:
        if reason.resource_id is not None:
            return [self.resource(reason.resource_id)]
        needs = [need for need in self.terms.needs if reason.role in (None, need.role)]
        return [self.resource(one) for need in needs for option in self.options(need) for one in option]

    def unfit(self, need: Need, reason: Reason) -> bool:
        """Nobody is able to, or the one resource is too small."""
        if reason.role not in (None, need.role):
            return False
        options = self.options(need)
        if reason.resource_id is not None:
            one = self.resource(reason.resource_id)
            seats = one.seats
            unseated = need.tables and not (seats and seats.least <= self.request.party <= seats.most)
            return unseated or one.capacity < self.units(need) or not set(need.features) <= set(one.features)
        able = [o for o in options if all(self.resource(one).capacity >= self.units(need) for one in o)]
        return len(able) < self.places(need)

    def most_wanted(self, one: Resource) -> int:
        return max(
            (self.units(need) for need in self.terms.needs if any(one.id in o for o in self.options(need))), default=1
        )

    def paced_out(self, one: Resource, s: datetime) -> bool:
        pace = self.pace_left(one, s)
        return pace is not None and pace < self.most_wanted(one)

    def meets(self, one: Resource, use: Use, s: datetime) -> bool:
        starts, ends = self.would_occupy(one, s)
        use_starts, use_ends = self.occupied(use)
        return self.too_near(one, use, s) or (starts < use_ends and use_starts < ends)

    def claimed(self, one: Resource, s: datetime, code: str, reason: Reason) -> bool:
        if self.free_units(one, s) >= self.most_wanted(one):
            return False
        starts, ends = self.bare(s)
        near = [use for use in self.of(one) if self.meets(one, use, s)]
        over = [use for use in near if use.starts_at < ends and starts < use.ends_at]
        if code == "HELD":
            return any(use.expires_at is not None for use in near)
        if code == "WAITLIST_EARMARK":
            return any(use.kind == "earmark" for use in near)
        if code == "BUFFER":
            return len(over) < len(near)
        if code == "CAPACITY":
            return reason.free in (None, max(self.free_units(one, s), 0))
        return bool(near)


def slots(setup: Setup, uses: Sequence[Use], request: Request, now: datetime) -> list[Slot]:
    return Naive(setup, uses, request, now).slots()
