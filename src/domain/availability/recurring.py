"""Many occurrences at once: which of them can be had, and what could be had instead.

Each is decided by the function that decides a single booking. They are taken in their order, and what one takes is in
the way of those after it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain import localtime
from domain.availability.choice import TRAILING, called
from domain.availability.setup import Reason, Refused, Request, Setup, Slot, Use
from domain.availability.slots import MOST_DAYS, NoSuchDuration, Question, considered, contained, minutes_for, slots
from domain.booking.series import Planned
from domain.booking.series_events import GapPolicy, Part, Template
from domain.offering.terms import Need, Terms
from domain.organization.location import Location
from domain.period import Period
from domain.resource.resource import Resource
from domain.wall import micros

A_DAY = timedelta(days=1)
REACH = timedelta(days=TRAILING + 2)
"""How far before an occurrence a decision looks: buffers, pacing, and who was used least."""
DAYS_AHEAD = 31
"""In which a free day is looked for."""
MOST_ROUNDS = 20
BY_NAME = 15
"""Minutes between the starts that are suggested where resources are booked by name, which have no grid."""
Instead = Literal["other_resource", "same_day", "next_free_day"]


class Buffers(NamedTuple):
    """Minutes."""

    before: int
    after: int


class Wish(Struct, frozen=True):
    """An occurrence as it should be, and the booking that it is or would be."""

    planned: Planned
    booking_id: UUID
    stands: bool = False
    """It is booked already, at another time or otherwise: where it cannot be moved, it stays."""
    buffers: Buffers | None = None
    """Those that it was booked with, which it keeps. None: as its terms are now."""


class Alternative(Struct, frozen=True):
    """What could be had instead of an occurrence that cannot be booked."""

    kind: Instead
    starts_at: datetime
    ends_at: datetime
    resource_ids: tuple[UUID, ...]


class Verdict(Struct, frozen=True):
    """An occurrence: its slot, or everything that speaks against it."""

    wish: Wish
    starts_at: datetime | None
    """None where the clocks skip it."""
    slot: Slot | None
    reasons: tuple[Reason, ...] = ()

    @property
    def recurrence_id(self) -> datetime:
        return self.wish.planned.recurrence_id


Check = Callable[[Wish, Slot, Sequence[Verdict]], Sequence[Reason]]
"""What else speaks against a slot, given what was granted before it: quotas."""


def nothing_else(wish: Wish, slot: Slot, before: Sequence[Verdict]) -> Sequence[Reason]:  # noqa: ARG001
    return ()


class Diary:
    """What is taken, by whom, and what these occurrences take as they are decided, one after the other."""

    def __init__(
        self,
        setup: Setup,
        uses: Iterable[Use],
        now: datetime,
        *,
        gap_policy: GapPolicy = "shift",
        override: bool = False,
        busy: Sequence[Period] = (),
    ) -> None:
        self.setup, self.now = setup, now
        self._gap_policy, self._override, self._busy = gap_policy, override, list(busy)
        self._uses = sorted(uses, key=starts)
        self._by_resource: dict[UUID, list[Use]] = {}
        self._longest = max((use.ends_at - use.starts_at for use in self._uses), default=timedelta(0))
        self._taken: list[Use] = []
        self._longest_taken = timedelta(0)
        self._questions: dict[tuple[Template, Buffers | None, int], Question] = {}
        self._free: dict[tuple[Template, Buffers | None, datetime], Slot | None] = {}

    @property
    def zone(self) -> str:
        return self.setup.location.zone

    def instant(self, local: datetime) -> datetime | None:
        """When an occurrence starts; None where the clocks skip its time and the series skips it with them."""
        if self._gap_policy == "skip" and not localtime.resolve(local, self.zone):
            return None
        return localtime.by_rule(local, self.zone)

    def consider(self, template: Template, starts_at: datetime, buffers: Buffers | None = None) -> Slot | Refused:
        local = localtime.wall(starts_at, self.zone)
        if template.offering_id is None and starts_at < self.now:
            return Refused(local, starts_at, (Reason("TOO_SOON", earliest=self.now),))
        try:
            return considered(self._question(template, starts_at, local.date(), buffers), starts_at)
        except NoSuchDuration:  # the terms have been revised since
            return Refused(local, starts_at, (Reason("DOES_NOT_FIT"),))

    def free(self, template: Template, starts_at: datetime, buffers: Buffers | None = None) -> Slot | None:
        """The slot that starts there, for which no reasons are wanted. What many occurrences ask for, a free day among
        the same days, is looked for once."""
        key = template, buffers, starts_at
        if key not in self._free:
            if template.offering_id is None and starts_at < self.now:
                self._free[key] = None
            else:
                try:
                    question = self._question(template, starts_at, localtime.wall(starts_at, self.zone).date(), buffers)
                    self._free[key] = offered(question, starts_at)
                except NoSuchDuration:
                    self._free[key] = None
        return self._free[key]

    def slots(self, template: Template, on: date, buffers: Buffers | None = None) -> list[Slot]:
        """Every slot of this local date."""
        since = localtime.by_rule(localtime.day(on), self.zone)
        near = between(self._uses, since, since + 2 * A_DAY, self._longest)
        near += between(self._taken, since, since + 2 * A_DAY, self._longest_taken)
        setup, asked = self._asked(template, on, on, buffers)
        try:
            return slots(setup, near, asked, self.now)
        except NoSuchDuration:
            return []

    def take(self, wish: Wish, slot: Slot) -> None:
        """From now on this is in the way of others."""
        self._free.clear()
        booking_id, terms = wish.booking_id, self.arranged(wish.planned.template, wish.buffers).terms
        for one in slot.assignment:
            for resource_id in one.resource_ids:
                shared = self.setup.resources[resource_id].buffer_mode == "shared"
                use = Use(resource_id, booking_id, 0, slot.starts_at, slot.ends_at, one.units, terms.before,
                          terms.after, shared)  # fmt: skip
                self._taken.insert(bisect_left(self._taken, use.starts_at, key=starts), use)
        self._longest_taken = max(self._longest_taken, slot.ends_at - slot.starts_at)
        self._busy.append(Period(slot.starts_at, slot.ends_at))

    def _question(self, template: Template, starts_at: datetime, on: date, buffers: Buffers | None) -> Question:
        """What is the same for a year of occurrences is worked out once: while no other occurrence is near, and none
        needs to be counted further off, those taken make no difference."""
        near = between(self._taken, starts_at, starts_at, self._longest_taken) if self._taken else []
        if near and (self._looks_far or self._in_reach(template, starts_at, near, buffers)):
            setup, asked = self._asked(template, on, on, buffers)
            others = between(self._uses, starts_at, starts_at, self._longest)
            return Question(setup, others + near, asked, self.now)
        year = on.toordinal() // MOST_DAYS
        if (template, buffers, year) not in self._questions:
            first = date.fromordinal(max(year * MOST_DAYS, 1))
            setup, asked = self._asked(template, first, first + (MOST_DAYS - 1) * A_DAY, buffers)
            self._questions[template, buffers, year] = Question(setup, self._concerning(template), asked, self.now)
        return self._questions[template, buffers, year]

    def _concerning(self, template: Template) -> Sequence[Use]:
        """What is taken of that which it may use: of resources that it names theirs alone."""
        if template.offering_id is not None:
            return self._uses
        if not self._by_resource:
            for use in self._uses:
                self._by_resource.setdefault(use.resource_id, []).append(use)
        return [use for part in template.resources for use in self._by_resource.get(part.resource_id, ())]

    @property
    def _looks_far(self) -> bool:
        resources = self.setup.resources.values()
        paced = any(it.pacing is not None for it in resources)
        chooses = self.setup.terms.needs and len(self.setup.resources) > len(self.setup.terms.needs)
        return bool(paced or chooses or self.setup.terms.one_at_a_time)

    def _in_reach(self, template: Template, starts_at: datetime, near: Sequence[Use], buffers: Buffers | None) -> bool:
        setup, asked = self._asked(template, starts_at.date(), starts_at.date(), buffers)
        around = timedelta(minutes=setup.terms.before + setup.terms.after)
        ends_at = starts_at + timedelta(minutes=minutes_for(setup, asked))
        return any(
            use.starts_at - timedelta(minutes=use.before) < ends_at + around
            and starts_at - around < use.ends_at + timedelta(minutes=use.after)
            for use in near
        )

    def arranged(self, template: Template, buffers: Buffers | None = None) -> Setup:
        """On which terms an occurrence is had: those of today, but for the buffers of one that stands."""
        setup = by_name(self.setup, template) if template.offering_id is None else self.setup
        if buffers is None:
            return setup
        return replace(setup, terms=replace(setup.terms, before=buffers.before, after=buffers.after))

    def _asked(self, template: Template, first: date, last: date, buffers: Buffers | None) -> tuple[Setup, Request]:
        setup = self.arranged(template, buffers)
        busy = tuple(self._busy) if setup.terms.one_at_a_time else ()
        party = template.party_size or max(1, setup.terms.least_party)
        override = self._override or template.offering_id is None
        return setup, Request(first, last, party, template.minutes, template.resource_ids, None, busy, override)


def offered(question: Question, starts_at: datetime) -> Slot | None:
    """As `considered`, but for the reasons."""
    start = micros(starts_at)
    slot = question.at(start)
    labelled = question.request.override or contained(question.grid().at, start)
    return slot if labelled else None


def between(uses: Sequence[Use], since: datetime, until: datetime, longest: timedelta) -> list[Use]:
    """What a decision about starts between these instants may depend on."""
    first = bisect_left(uses, since - REACH - longest, key=starts)
    return list(uses[first : bisect_left(uses, until + REACH, key=starts)])


def starts(use: Use) -> datetime:
    return use.starts_at


def by_name(setup: Setup, template: Template) -> Setup:
    """Resources that are booked by name, in the words of an offering. They have no grid: the step is for what is
    suggested."""
    needs = tuple(Need("", any_of=(part.resource_id,), units=part.units) for part in template.resources)
    return replace(setup, terms=Terms(needs, durations=(template.minutes or 1,), step=BY_NAME))


def setup_by_name(location: Location, resources: Mapping[UUID, Resource]) -> Setup:
    return Setup(location, Terms(()), dict(resources))


def verdicts(
    wishes: Sequence[Wish], diary: Callable[[frozenset[UUID]], Diary], check: Check = nothing_else
) -> tuple[list[Verdict], Diary]:
    """What can be had, wish by wish, and the diary with what they take.

    `diary(staying)` gives what is taken by others and by these bookings, which stay where they are: those that are to
    be moved are out of each other's way, but for one that turns out to have to stay. So they are looked at again until
    no further one has to; where that finds no end, nobody moves.
    """
    refused: dict[UUID, Verdict] = {}
    for _ in range(MOST_ROUNDS):
        book = diary(frozenset(refused))
        found, more = _round(wishes, book, refused, check)
        if not more:
            return found, book
        refused |= more
    stands = {it.booking_id for it in wishes if it.stands}
    refused = {it.wish.booking_id: replace(it, slot=None, reasons=it.reasons or (Reason("OCCUPIED"),))
               for it in found if it.wish.booking_id in stands}  # fmt: skip
    book = diary(frozenset(stands))
    return _round(wishes, book, refused, check)[0], book


def _round(
    wishes: Sequence[Wish], diary: Diary, refused: Mapping[UUID, Verdict], check: Check
) -> tuple[list[Verdict], dict[UUID, Verdict]]:
    found: list[Verdict] = []
    more: dict[UUID, Verdict] = {}
    for wish in wishes:
        if (before := refused.get(wish.booking_id)) is not None:
            found.append(before)
            continue
        verdict = _verdict(wish, diary, check, found)
        found.append(verdict)
        if verdict.slot is not None:
            diary.take(wish, verdict.slot)
        elif wish.stands:
            more[wish.booking_id] = verdict
    return found, more


def _verdict(wish: Wish, diary: Diary, check: Check, before: Sequence[Verdict]) -> Verdict:
    starts_at = diary.instant(wish.planned.local)
    if starts_at is None:
        return Verdict(wish, None, None, (Reason("DST_GAP"),))
    answer = diary.consider(wish.planned.template, starts_at, wish.buffers)
    if isinstance(answer, Refused):
        return Verdict(wish, starts_at, None, answer.reasons)
    against = tuple(check(wish, answer, before))
    return Verdict(wish, starts_at, None if against else answer, against)


def alternatives(verdict: Verdict, diary: Diary) -> list[Alternative]:
    """Up to three, in this order: another resource at the same time, the nearest time on the same local day (of two
    equally near ones the earlier), the same time on the next free day. The diary holds what the others take."""
    template, local, buffers = verdict.wish.planned.template, verdict.wish.planned.local, verdict.wish.buffers
    wanted = verdict.starts_at or localtime.by_rule(local, diary.zone)
    found: list[Alternative] = []
    if template.resource_ids:
        other = diary.free(replace(template, resource_ids=()), wanted, buffers)
        if other is not None:
            found.append(instead("other_resource", other))
    elif (others := with_others(verdict, diary, wanted)) is not None:
        found.append(instead("other_resource", others))
    there = [slot for slot in diary.slots(template, local.date(), buffers) if slot.starts_at != wanted]
    there = [slot for slot in there if slot.starts_at >= diary.now]
    if there:
        found.append(instead("same_day", min(there, key=lambda it: (abs(it.starts_at - wanted), it.starts_at))))
    for days in range(1, DAYS_AHEAD + 1):
        later = diary.free(template, localtime.by_rule(local + days * A_DAY, diary.zone), buffers)
        if later is not None:
            found.append(instead("next_free_day", later))
            break
    return found


def with_others(verdict: Verdict, diary: Diary, wanted: datetime) -> Slot | None:
    """The same time where resources are booked by name: for each that speaks against it another one of its kind, by
    name the first that is free."""
    template, resources = verdict.wish.planned.template, diary.setup.resources
    against = set(named_in(verdict.reasons))
    parts = list(template.resources)
    taken = {part.resource_id for part in parts}
    for n, part in enumerate(parts):
        if part.resource_id not in against:
            continue
        kind = resources[part.resource_id].kind
        others = sorted((it for it in resources.values() if it.kind == kind and it.id not in taken), key=called)
        for other in others:
            alone = replace(template, resources=(Part(other.id, part.units),))
            if diary.free(alone, wanted, verdict.wish.buffers) is not None:
                parts[n] = Part(other.id, part.units)
                taken.add(other.id)
                break
        else:
            return None
    if tuple(parts) == template.resources:
        return None
    return diary.free(replace(template, resources=tuple(parts)), wanted, verdict.wish.buffers)


def named_in(reasons: Iterable[Reason]) -> Iterator[UUID]:
    """The resources that reasons are about."""
    for reason in reasons:
        if reason.resource_id is not None:
            yield reason.resource_id
        yield from named_in(reason.details)


def instead(kind: Instead, slot: Slot) -> Alternative:
    return Alternative(
        kind, slot.starts_at, slot.ends_at, tuple(it for one in slot.assignment for it in one.resource_ids)
    )
