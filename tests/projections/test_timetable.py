"""The timetable gives what the streams say: whatever staff set up, availability is decided on the same setup."""

import asyncio
import inspect
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logbook import STAFF, log, write
from uuid_utils.compat import uuid7

from application.message import Occasion, Query
from application.offering.queries import Configured, Offerings, Sessions, TheOffering, TheSession, TheSetup
from application.organization.queries import CalendarOfLocation
from application.recorded import Origin
from application.resource.queries import CalendarOfResource, Pools, ThePool
from domain.aggregate import Aggregate
from domain.availability.setup import Setup
from domain.calendar import Closure
from domain.errors import Refusal, Unknown
from domain.event import Event
from domain.hours import Opening, WeeklyHours
from domain.offering.checks import Candidate
from domain.offering.offering import Offering
from domain.offering.session import Session
from domain.offering.terms import Need, Price, Terms, TurnTime
from domain.organization.location import Location
from domain.resource.events import Combination, Seats
from domain.resource.pool import Pool
from domain.resource.resource import Resource
from infrastructure.postgres.reading import answerers, reading_pool
from projections.offering.timetable import Timetable
from projections.runner import Runner, connected
from projections.views import VIEWS

NOON = datetime(2027, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NINE_TO_FIVE = WeeklyHours(*[(Opening(540, 1020),)] * 5)
IDS = [UUID(int=n) for n in range(1, 7)]
"""Of closures and overrides, few, so that they meet."""


class Books:
    """Streams as the event store would keep them, made by the aggregates' own decisions."""

    def __init__(self) -> None:
        self.tenant = uuid7()
        self.facts: dict[UUID, list[Event]] = {}
        self.kinds: dict[UUID, type[Aggregate]] = {}

    def begin(self, kind: type[Aggregate], decide: Any) -> UUID:
        stream = uuid4()
        self.kinds[stream] = kind
        self.facts[stream] = list(decide(kind(id=stream)))
        return stream

    def of(self, stream: UUID) -> Any:
        return self.kinds[stream](id=stream).after(self.facts[stream])

    def change(self, stream: UUID, decide: Any) -> bool:
        """What a command would do; whether it was done."""
        try:
            self.facts[stream] += decide(self.of(stream))
        except Refusal:
            return False
        return True

    def write(self, url: str) -> int:
        return write(
            url,
            [(stream, n, fact) for stream, facts in self.facts.items() for n, fact in enumerate(facts, start=1)],
            tenant=self.tenant,
        )

    def setup(self, offering: UUID | None, resources: Sequence[UUID], pools: Sequence[UUID], location: UUID) -> Setup:
        terms = Terms(needs=()) if offering is None else self.of(offering).terms
        return Setup(
            self.of(location), terms, {one: self.of(one) for one in resources}, {one: self.of(one) for one in pools}
        )

    def versions(self, *streams: UUID) -> dict[UUID, int]:
        return {stream: len(self.facts[stream]) for stream in streams}


def taken_in(url: str) -> None:
    runner = Runner(Timetable(), url, log)
    with connected(url, "test") as connection:
        runner.keeper.find(connection)
        while runner.step(connection):
            pass
        assert not runner.keeper.parked


def asked(url: str, tenant: UUID, *queries: Query) -> list[Any]:
    async def ask() -> list[Any]:
        async with reading_pool(url, 2) as pool:
            bus = answerers(VIEWS, pool)
            occasion = Occasion(tenant, STAFF, Origin("api"), uuid4())
            return [await bus[type(query)](query, occasion, "any") for query in queries]

    return asyncio.run(ask())


openings = st.lists(st.integers(0, 47), max_size=6, unique=True).map(
    lambda marks: tuple(Opening(a * 30, b * 30) for a, b in zip(sorted(marks)[::2], sorted(marks)[1::2], strict=False))
)
weeks = st.none() | st.lists(openings, min_size=7, max_size=7).map(lambda days: WeeklyHours(*days))
dates = st.integers(-3, 3).map(lambda n: NOON.date() + timedelta(days=n))
stretches = st.tuples(st.integers(-60, 60), st.integers(1, 50)).map(
    lambda pair: (NOON + pair[0] * HOUR, NOON + (pair[0] + pair[1]) * HOUR)
)
ids = st.sampled_from(IDS)
seats = st.tuples(st.integers(1, 8), st.integers(0, 6)).map(lambda pair: Seats(pair[0], pair[0] + pair[1]))
calendars = st.one_of(
    st.tuples(st.just("change_hours"), weeks),
    st.tuples(st.just("set_exception"), dates, openings, st.just(NOON)),
    st.tuples(st.just("lift_exception"), dates),
    st.tuples(
        st.just("close"),
        st.builds(
            lambda id_, stretch, cause: Closure(id_, *stretch, cause),
            ids, stretches, st.sampled_from(["closure", "maintenance", "absence"]),
        ),
        st.just(NOON),
    ),
    st.tuples(st.just("reopen"), ids),
)  # fmt: skip
wishes = st.one_of(
    calendars,
    st.tuples(st.just("rename"), st.sampled_from(["Court", "Salle Ö", "卓球台"])),
    st.tuples(st.just("change_capacity"), st.integers(1, 4)),
    st.tuples(
        st.just("describe"), st.lists(st.sampled_from(["quiet", "lit", "river-view"])), st.none() | seats,
        st.integers(0, 9),
    ),
    st.tuples(st.just("set_pacing"), st.none() | st.integers(1, 9), st.integers(1, 60)),
    st.tuples(st.just("set_buffer_mode"), st.sampled_from(["shared", "exclusive"]), st.just(NOON)),
    st.builds(
        lambda id_, stretch, capacity: ("override_capacity", id_, *stretch, capacity, NOON),
        ids, stretches, st.integers(0, 5),
    ),
    st.tuples(st.just("lift_capacity_override"), ids),
    st.tuples(st.just("set_selling"), st.booleans()),
    st.tuples(st.just("retire")),
)  # fmt: skip


@pytest.fixture(scope="module")
def book(viewed: tuple[str, str]) -> Any:
    """One database for all examples: each has a tenant of its own, which is a wall to prove as well."""
    from infrastructure.embedded.postgres import create_database, drop_database

    admin, template = viewed
    name = f"timetable_{uuid4().hex[:12]}"
    yield create_database(admin, name, template)
    drop_database(admin, name)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    location=st.lists(calendars, max_size=8),
    resources=st.lists(st.lists(wishes, max_size=12), min_size=3, max_size=6),
    named=st.data(),
)
def test_the_setup_of_the_view_is_that_of_the_streams(book, location, resources, named):
    books = Books()
    here = books.begin(Location, lambda it: it.open("Harbour", "America/New_York"))
    for verb, *how in location:
        books.change(here, lambda it, verb=verb, how=how: getattr(it, verb)(*how))
    units = [books.begin(Resource, lambda it: it.register(here, "Table", "table", 1, None)) for _ in resources]
    pooled = tuple(units[:2])
    tables = {unit: books.of(unit) for unit in pooled}
    combined = (Combination(pooled, Seats(4, 8)),)
    pool = books.begin(Pool, lambda it: it.form(here, "Dining room", pooled, combined, tables))
    for unit, todo in zip(units, resources, strict=True):
        for verb, *how in todo:
            books.change(unit, lambda it, verb=verb, how=how: getattr(it, verb)(*how))
    candidates = {unit: Candidate(here) for unit in units} | {pool: Candidate(here, 2)}
    terms = Terms(
        needs=(Need("table", pool_id=pool, tables=True), Need("waiter", any_of=tuple(units[2:]), features=("quiet",))),
        turn_times=(TurnTime(2, 90), TurnTime(None, 150)), price=Price(1200, "EUR", "head"), first_date=NOON.date(),
    )  # fmt: skip
    offering = books.begin(Offering, lambda it: it.define(here, "Dinner", terms, candidates))
    books.write(book)
    taken_in(book)
    other = units[named.draw(st.integers(0, len(units) - 1))]
    by_offering, by_name = asked(book, books.tenant, TheSetup(offering), TheSetup(resource_ids=(other, units[0])))
    assert by_offering.setup == books.setup(offering, units, [pool], here)
    assert by_offering.versions == books.versions(here, offering, pool, *units)
    assert (by_offering.offering_id, by_offering.name, by_offering.retired) == (offering, "Dinner", False)
    assert by_name.setup == books.setup(None, {other, units[0]}, [], here)
    assert by_name.versions == books.versions(here, *{other, units[0]})


@pytest.fixture
def told(book) -> tuple[str, Books, dict[str, UUID]]:
    """A venue with two courts in a pool, a lesson, and a class."""
    books = Books()
    here = books.begin(Location, lambda it: it.open("Courts", "Europe/Lisbon"))
    court, other = (
        books.begin(Resource, lambda it: it.register(here, "Court", "court", 1, NINE_TO_FIVE)) for _ in "12"
    )
    pool = books.begin(
        Pool, lambda it: it.form(here, "All", (court, other), (), {c: books.of(c) for c in (court, other)})
    )
    terms = Terms(needs=(Need("court", pool_id=pool),), durations=(60,))
    lesson = books.begin(Offering, lambda it: it.define(here, "Lesson", terms, {pool: Candidate(here, 2)}))
    yoga = books.begin(
        Session,
        lambda it: it.schedule(
            lesson, here, "Europe/Lisbon", NOON, NOON + HOUR, 12, {court: here}, 4, NOON - HOUR, NOON - 2 * HOUR
        ),
    )
    return book, books, {"here": here, "court": court, "other": other, "pool": pool, "lesson": lesson, "yoga": yoga}


def test_only_what_touches_the_time_asked_for_comes_along(told):
    url, books, ids = told
    for days in (-30, 0, 30):
        day = NOON + timedelta(days=days)
        closure = Closure(uuid4(), day, day + HOUR)
        books.change(ids["court"], lambda it, closure=closure: it.close(closure, NOON))
        books.change(ids["court"], lambda it, day=day: it.set_exception(day.date(), (), NOON))
        books.change(ids["court"], lambda it, day=day: it.override_capacity(uuid4(), day, day + HOUR, 0, NOON))
    books.write(url)
    taken_in(url)
    [found] = asked(url, books.tenant, TheSetup(ids["lesson"], since=NOON, until=NOON + HOUR))
    court = found.setup.resources[ids["court"]]
    assert list(court.calendar.exceptions) == [NOON.date()]
    assert [it.starts_at for it in court.calendar.closures.values()] == [NOON]
    assert [it.starts_at for it in court.overrides.values()] == [NOON]
    [touching] = asked(url, books.tenant, TheSetup(ids["lesson"], since=NOON + HOUR, until=NOON + 2 * HOUR))
    assert touching.setup.resources[ids["court"]].calendar.closures == {}, "what touches does not overlap"
    assert touching.versions == found.versions


def test_what_is_not_there_is_unknown(told):
    url, books, ids = told
    books.write(url)
    taken_in(url)
    nobody = uuid4()
    for query in (
        TheSetup(nobody), TheSetup(), TheSetup(resource_ids=(nobody,)), TheSetup(resource_ids=(ids["court"], nobody)),
        TheOffering(nobody), TheSession(nobody), ThePool(nobody),
        CalendarOfResource(ids["here"], NOON.date(), NOON.date()), CalendarOfLocation(nobody, NOON.date(), NOON.date()),
    ):  # fmt: skip
        with pytest.raises(Unknown):
            asked(url, books.tenant, query)
    for query in (TheSetup(ids["lesson"]), TheOffering(ids["lesson"]), ThePool(ids["pool"])):
        with pytest.raises(Unknown):
            asked(url, uuid4(), query)


def test_offerings_pools_and_sessions_as_they_stand(told):
    url, books, ids = told
    books.change(ids["lesson"], lambda it: it.rename("Tennis lesson"))
    books.change(ids["lesson"], lambda it: it.retire())
    books.change(ids["pool"], lambda it: it.change((ids["court"],), (), {ids["court"]: books.of(ids["court"])}))
    books.change(ids["yoga"], lambda it: it.change_seats(14, NOON - HOUR))
    books.change(ids["yoga"], lambda it: it.decide_run(2, NOON - HOUR))
    books.write(url)
    taken_in(url)
    lesson, listed, pool, pools, yoga, sessions, none, setup = asked(
        url, books.tenant, TheOffering(ids["lesson"]), Offerings(ids["here"], limit=1), ThePool(ids["pool"]), Pools(),
        TheSession(ids["yoga"]), Sessions(ids["lesson"], ids["here"], NOON, NOON + HOUR), Sessions(until=NOON),
        TheSetup(ids["lesson"]),
    )  # fmt: skip
    assert (lesson.name, lesson.version, lesson.retired) == ("Tennis lesson", 3, True)
    assert lesson.terms == books.of(ids["lesson"]).terms
    assert listed.rows == [lesson]
    assert listed.next is None
    assert (pool.members, pool.version, pools.rows) == ((ids["court"],), 2, [pool])
    assert (yoga.status, yoga.seats, yoga.version) == ("called_off", 14, 3)
    assert (yoga.local_start, yoga.starts_at, yoga.cutoff_at) == ("2027-03-10T12:00", NOON, NOON - HOUR)
    assert yoga.resources == (ids["court"],)
    assert sessions.rows == [yoga]
    assert none.rows == []
    assert isinstance(setup, Configured)
    assert setup.retired
    assert list(setup.setup.resources) == [ids["court"]]


def test_pages_by_name_and_by_start_go_on_where_they_ended(told):
    url, books, ids = told
    terms, there = books.of(ids["lesson"]).terms, {ids["pool"]: Candidate(ids["here"], 2)}
    for n in range(4):
        books.begin(Offering, lambda it, n=n: it.define(ids["here"], f"L{n}", terms, there))
        start = NOON + timedelta(days=1 + n // 2)
        books.begin(
            Session,
            lambda it, start=start: it.schedule(
                ids["lesson"], ids["here"], "UTC", start, start + HOUR, 1, {}, 0, None, NOON
            ),
        )
    books.write(url)
    taken_in(url)
    for kind in (Offerings, Sessions):
        seen: list[UUID] = []
        after = None
        while True:
            [page] = asked(url, books.tenant, kind(limit=2, after=after))
            seen += [row.id for row in page.rows]
            if (after := page.next) is None:
                break
        assert len(seen) == len(set(seen)) == 5


def test_the_calendar_of_a_resource_and_of_a_location(told):
    url, books, ids = told
    closure = Closure(uuid4(), NOON, NOON + HOUR, "maintenance")
    books.change(ids["court"], lambda it: it.close(closure, NOON))
    books.change(ids["court"], lambda it: it.set_exception(NOON.date(), (Opening(600, 660),), NOON))
    books.change(ids["here"], lambda it: it.set_exception(date(2027, 12, 25), (), NOON))
    books.write(url)
    taken_in(url)
    court, here, later = asked(
        url, books.tenant, CalendarOfResource(ids["court"], NOON.date(), NOON.date()),
        CalendarOfLocation(ids["here"], date(2027, 12, 25), date(2027, 12, 25)),
        CalendarOfResource(ids["court"], date(2027, 3, 12), date(2027, 12, 25)),
    )  # fmt: skip
    assert court.closures == (closure,)
    assert [(day.date, day.openings) for day in court.exceptions] == [(NOON.date(), (Opening(600, 660),))]
    assert (court.hours, court.version) == (NINE_TO_FIVE, 3)
    assert [(day.date, day.openings) for day in here.exceptions] == [(date(2027, 12, 25), ())]
    assert here.hours is None
    assert (later.closures, later.exceptions, later.overrides) == ((), (), ())


def test_a_view_is_another_when_any_of_the_files_that_it_is_made_of_is(tmp_path, monkeypatch):
    for name in ("timetable", "learning"):
        (tmp_path / f"{name}.py").write_text("")
    found = inspect.getfile
    monkeypatch.setattr(inspect, "getfile", lambda of: str(tmp_path / "timetable.py") if of is Timetable else found(of))
    before = Timetable().definition
    assert Timetable().definition == before
    (tmp_path / "learning.py").write_text("# learns otherwise")
    assert Timetable().definition != before
