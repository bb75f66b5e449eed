"""Random questions for `slots`: odd zones on odd days, hours, exceptions, closures, needs of every kind, and claims.

Everything lies near the days asked, on multiples of five minutes, so that things touch, overlap and miss each other
narrowly far more often than they would by chance.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import strategies as st
from setups import ELSEWHERE, HERE, LONG_AGO, named

from domain.availability.setup import Request, Setup, Use
from domain.calendar import Calendar, Closure
from domain.hours import DAY, Opening, WeeklyHours
from domain.offering.terms import Durations, Need, Terms, TurnTime
from domain.organization.location import Location
from domain.period import Period
from domain.resource.events import Combination, Seats
from domain.resource.pool import Pool
from domain.resource.resource import Override, Pacing, Resource

DAYS = [
    ("UTC", date(2027, 1, 5)),
    ("UTC", date(2028, 2, 29)),
    ("America/New_York", date(2027, 3, 14)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2027, 4, 4)),
    ("Asia/Kathmandu", date(2026, 12, 31)),
    ("America/Santiago", date(2027, 9, 5)),
    ("America/Santiago", date(2027, 4, 3)),
    ("Atlantic/Azores", date(2027, 3, 28)),
    ("Atlantic/Azores", date(2027, 10, 31)),
    ("Asia/Beirut", date(2027, 10, 30)),
    ("Africa/Casablanca", date(2027, 2, 7)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
    ("Antarctica/Troll", date(2027, 3, 28)),
]
"""Zones, and days on which something happens there."""

FEATURES = ("light", "sink")


class Question(NamedTuple):
    setup: Setup
    uses: tuple[Use, ...]
    request: Request
    now: datetime


class Draw:
    """A drawing function with the few distributions that are wanted here."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def number(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))

    def rarely(self) -> bool:
        return self.one(False, False, False, False, False, False, True)

    def some(self, items: Any, least: int = 0) -> tuple[Any, ...]:
        """Most of them."""
        return tuple(item for item in items if self.one(True, True, True, False)) or tuple(items)[:least]


def drawn_openings(d: Draw) -> tuple[Opening, ...]:
    found, since = [], 0
    for _ in range(d.one(1, 1, 1, 2, 0) if not d.rarely() else 0):
        grain = d.one(60, 60, 30, 15, 5)
        opens = since + grain * d.number(0, 9 * 60 // grain)
        closes = opens + grain * d.number(1, d.one(24, 12, 4) * 60 // grain)
        if opens < DAY:
            found.append(Opening(opens, min(closes, 2 * DAY)))
            since = found[-1].closes
    return tuple(found)


def drawn_hours(d: Draw) -> WeeklyHours:
    patterns = [drawn_openings(d), drawn_openings(d), ((Opening(0, DAY),))]
    if d.one(True, False):
        return WeeklyHours(*[patterns[0]] * 7)
    return WeeklyHours(*[patterns[d.one(0, 0, 1, 2) if day < 6 else 0] for day in range(7)])


def drawn_calendar(d: Draw, on: date, at: datetime, hours: bool) -> Calendar:
    exceptions = {on + timedelta(d.number(-1, 1)): drawn_openings(d) for _ in range(d.one(0, 0, 0, 0, 1, 2))}
    closures = {}
    for nth in range(d.one(0, 0, 0, 0, 1, 2)):
        starts = at + timedelta(minutes=5 * d.number(-40, 300))
        ends = starts + timedelta(minutes=5 * d.number(1, 40))
        closures[UUID(int=nth)] = Closure(UUID(int=nth), starts, ends, d.one("closure", "maintenance", "absence"))
    return Calendar(drawn_hours(d) if hours else None, exceptions, closures)


def drawn_resource(d: Draw, name: str, on: date, at: datetime) -> Resource:
    capacity = d.one(1, 3, 1, 6, 1)
    shared = capacity == 1 and d.one(False, False, False, True)
    overrides = {}
    if d.rarely():
        starts = at + timedelta(minutes=15 * d.number(0, 80))
        ends = starts + timedelta(minutes=15 * d.number(1, 20))
        overrides[UUID(int=1)] = Override(starts, ends, d.number(0, 1 if shared else 8))
    least = d.one(1, 1, 1, 2, 3)
    return Resource(
        id=named(name), location_id=ELSEWHERE if d.rarely() and d.rarely() else HERE, name=name, kind="room",
        capacity=capacity,
        calendar=drawn_calendar(d, on, at, hours=d.rarely() or d.rarely()),
        retired=d.rarely() and d.rarely(),
        features=d.one(FEATURES, FEATURES[:1], FEATURES, ()),
        seats=Seats(least, least + d.one(4, 3, 2, 1, 0)) if not d.rarely() else None,
        cost=d.one(0, 0, 1),
        overrides=overrides,
        pacing=Pacing(d.number(1, capacity), d.one(10, 15, 60)) if d.rarely() else None,
        buffer_mode="shared" if shared else "exclusive",
    )  # fmt: skip


def drawn_pool(d: Draw, name: str, resources: list[Resource]) -> Pool:
    singles = [one for one in resources if one.capacity == 1]
    # A log may hold members with several units, from when they could be given them.
    members = d.some([one.id for one in (resources if d.rarely() or not singles else singles)], least=1)
    combinations = []
    for _ in range(d.number(0, 2)):
        together = d.some(members)
        if len(together) > 1:
            least = d.number(1, 4)
            combinations.append(Combination(together, Seats(least, least + d.number(0, 4))))
    return Pool(
        id=named(name), location_id=HERE, name=name, members=members, combinations=tuple(combinations),
        retired=d.rarely() and d.rarely(),
    )  # fmt: skip


def drawn_need(d: Draw, role: str, resources: list[Resource], pools: list[Pool]) -> Need:
    """Mostly one that can be filled."""
    if d.one(True, False):
        who: dict[str, Any] = {"any_of": d.some([one.id for one in resources], least=1)}
        named_by = who["any_of"]
    else:
        pool = d.one(*pools)
        who, named_by = {"pool_id": pool.id}, pool.members
    features = FEATURES[: d.one(1, 2)] if d.rarely() else ()
    if "pool_id" in who and d.one(True, False, False):
        return Need(role, tables=True, features=features, **who)
    candidates = [one for one in resources if one.id in named_by]
    roomy = any(one.capacity > 1 for one in candidates)
    per_head = d.one(False, False, True) if roomy else d.rarely() and d.rarely()
    units = d.one(1, 1, 2, 3) if roomy else 1
    count = d.one(1, 1, 2) if len(candidates) > 1 else 2 if d.rarely() and d.rarely() else 1
    return Need(role, features=features, count=count, units=1 if per_head else units, per_head=per_head, **who)


def drawn_terms(d: Draw, on: date, needs: tuple[Need, ...]) -> Terms:
    grain = d.one(5, 15, 30)
    lasts = grain * d.number(1, 120 // grain)
    how: dict[str, Any] = d.one(
        {"durations": (lasts,)},
        {"durations": (lasts, 45)},
        {"lasting": Durations(lasts, lasts + 60, 30)},
        {"turn_times": (TurnTime(2, lasts), TurnTime(None, lasts + 30))},
    )
    buffers = d.one(True, False)
    return Terms(
        needs=needs,
        before=d.one(0, 5, 10, 30) if buffers else 0,
        after=d.one(0, 5, 15, 30) if buffers else 0,
        buffers_within_hours=d.rarely(),
        step=d.one(15, 20, 25, 30, 30, 45, 60, 60, 90),
        anchor=d.one("opening", "opening", "top_of_hour"),
        hours=drawn_hours(d) if d.rarely() else None,
        notice=d.one(0, 60, 90),
        horizon=d.one(0, 1, 2) if d.rarely() else None,
        first_date=on if d.rarely() and d.rarely() else None,
        last_date=on if d.rarely() and d.rarely() else None,
        least_party=2 if d.rarely() and d.rarely() else 1,
        most_party=3 if d.rarely() else None,
        one_at_a_time=d.rarely(),
        **how,
    )


def drawn_use(d: Draw, resources: list[Resource], at: datetime, now: datetime) -> Use:
    one = d.one(*resources)
    starts = at + timedelta(minutes=5 * d.number(-40, 320))
    if d.rarely():
        starts -= timedelta(days=d.one(1, 7, 27, 28, 29))
    before, after, shared = 0, 0, False
    if d.one(False, False, True):
        before, after = d.one(0, 5, 20), d.one(0, 10, 30)
        shared = one.capacity == 1 and (one.buffer_mode == "shared") != d.rarely()
    return Use(
        one.id, UUID(int=d.number(1, 6)), 1, starts, starts + timedelta(minutes=5 * d.number(1, 36)),
        units=d.number(1, one.capacity), before=before, after=after, shared=shared,
        expires_at=d.one(None, None, now, now + timedelta(minutes=5)),
        authorised=d.rarely(), kind=d.one("booking", "booking", "earmark"),
    )  # fmt: skip


@st.composite
def questions(draw: Any) -> Question:
    d = Draw(draw)
    zone, on = d.one(*DAYS)
    at = datetime(on.year, on.month, on.day, tzinfo=UTC) - timedelta(hours=d.one(0, 0, 14, -6))
    resources = [drawn_resource(d, name, on, at) for name in ("R1", "R2", "R10", "S")[: d.one(3, 4, 2, 1)]]
    pools = [drawn_pool(d, name, resources) for name in ("pool", "tables")]
    needs = [drawn_need(d, role, resources, pools) for role in ("first", "second", "third")[: d.one(1, 2, 1, 2, 1, 3)]]
    terms = drawn_terms(d, on, tuple(needs))
    location = Location(id=HERE, name="Here", zone=zone, calendar=drawn_calendar(d, on, at, hours=bool(d.number(0, 1))))
    now = d.one(LONG_AGO, LONG_AGO, LONG_AGO, LONG_AGO, at + timedelta(minutes=5 * d.number(-100, 150)))
    if terms.horizon is not None:
        now = at + timedelta(minutes=5 * d.number(-300, 60))
    first = on + timedelta(d.one(-1, 0, 0, 0, 1))
    busy = Period(at + timedelta(minutes=5 * d.number(0, 100)), at + timedelta(minutes=5 * d.number(101, 200)))
    request = Request(
        first, first + timedelta(d.one(0, 0, 1)), party=d.one(1, 2, 3, 1, 4),
        minutes=45 if len(terms.durations) == 2 and d.number(0, 1) else None,
        resource_ids=(d.one(*resources).id,) if d.rarely() else (),
        moving=UUID(int=d.number(1, 6)) if d.rarely() else None,
        busy=(busy,) if terms.one_at_a_time else (),
        override=d.rarely(),
    )  # fmt: skip
    uses = tuple(drawn_use(d, resources, at, now) for _ in range(d.one(0, 2, 4, 8)))
    setup = Setup(location, terms, {one.id: one for one in resources}, {one.id: one for one in pools})
    return Question(setup, uses, request, now)
