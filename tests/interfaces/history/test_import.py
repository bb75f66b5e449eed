"""Whole files, through the commands into real servers, and out again through the questions."""

import asyncio
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import hotel_sheet as sheet
import psycopg
import pytest

from application.booking.queries import HowManyBookings
from application.message import Occasion, Query
from application.organization.commands import RenameLocation
from application.recorded import Actor, Origin
from application.resource.queries import OccupancyPerDay
from infrastructure import mongo
from infrastructure.event_store import claims, log
from infrastructure.event_store.mapper import envelope_of
from infrastructure.postgres.source import Source
from infrastructure.settings import Settings
from interfaces import bootstrap
from interfaces.bootstrap import House
from interfaces.history.bring_in import Outcome, bring_in
from interfaces.history.hotel_bookings import HotelBookings
from interfaces.history.plan import SILENT, Interrupted, Pulse, Remark
from interfaces.history.source import Table
from interfaces.history.story import Ids, own_organization
from projections.audit import trail
from projections.rebuild import Rebuild
from projections.runner import LARGEST, Runner, connected
from projections.views import VIEWS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BUSY = 120.0
"""Seconds for which the server that stands in for MongoDB may be busy: how long it takes is no matter here."""
STATUS = {"Check-Out": "completed", "Canceled": "cancelled", "No-Show": "no_show"}


class Log:
    """The event store's log, as the runner wants it."""

    read = staticmethod(log.read)
    lag = staticmethod(log.lag)


class ReadOnce:
    """The same, read once for all views: to read and decode it is most of what following a long log takes."""

    lag = staticmethod(log.lag)

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._positions: list[int] = []

    def read(self, connection: psycopg.Connection[Any], after: int, limit: int) -> list[Any]:
        at = bisect_right(self._positions, after)
        while len(self._events) < at + limit:
            more = log.read(connection, self._positions[-1] if self._positions else 0, LARGEST)
            if not more:
                break
            self._events += more
            self._positions += [event.position for event in more]
            at = bisect_right(self._positions, after)
        return self._events[at : at + limit]


@contextmanager
def house(settings: Settings) -> Iterator[House]:
    built = bootstrap.build(settings)
    try:
        yield built
    finally:
        built.close()


def imported(settings: Settings, path: Path, pulse: Pulse = SILENT, **more: Any) -> tuple[Outcome, list[Remark]]:
    remarks: list[Remark] = []
    mapping = HotelBookings()
    with house(settings) as built, Table(path, mapping.columns) as table:
        return bring_in(table, mapping, built.command_bus, built.store, NOW, remarks.append, pulse, **more), remarks


def follow(settings: Settings, log: Log | ReadOnce | None = None) -> None:
    """Let every view catch up."""
    assert settings.database_url is not None
    for view in VIEWS:
        runner = Runner(view, settings.database_url, log or Log())
        with connected(settings.database_url, view.name) as connection:
            runner.keeper.find(connection)
            while runner.step(connection):
                pass
        assert not runner.keeper.parked


def tell(settings: Settings, indexed: bool = True) -> None:
    """Let the audit trail catch up; `indexed`: with the indexes that it has."""
    assert settings.database_url is not None
    assert settings.mongo_url is not None
    writer = trail.Writer(mongo.writing(settings.mongo_url, BUSY), Source())
    if indexed:
        writer.prepare()
    with connected(settings.database_url, "audit") as connection:
        writer.find(connection)
        while writer.step(connection):
            pass


def asked(settings: Settings, tenant: UUID, *queries: Query) -> list[Any]:
    occasion = Occasion(tenant, Actor("user", "test", "manager"), Origin("api"), uuid4())

    async def answers() -> list[Any]:
        built = bootstrap.build(settings)
        async with built.inhabited():
            return [await built.query_bus.ask(query, occasion) for query in queries]

    return asyncio.run(answers())


# what must be so, whatever was imported


def answers_agree(settings: Settings, tenant: UUID, truth: sheet.Facts, years: range) -> None:
    """The read models say what counting the file says."""
    ids = Ids(tenant, HotelBookings.name)
    hotels = {ids.of("location", hotel): hotel for hotel in (sheet.RESORT, sheet.CITY)}
    types = {
        ids.of("resource", hotel, kind): (hotel, kind)
        for hotel in hotels.values()
        for kind in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    }
    how_many, *days = asked(
        settings,
        tenant,
        HowManyBookings(),
        *(
            OccupancyPerDay(date(year, 1, 1), date(year, 12, 31), statuses=("completed",), by="reserved")
            for year in years
        ),
    )
    counted = {(hotels[one.location_id], one.status): one.bookings for one in how_many}
    assert counted == {(hotel, STATUS[status]): count for (hotel, status), count in truth.statuses.items()}
    nights = {(*types[day.resource_id], day.date): day.overnight for year in days for day in year if day.overnight}
    assert sum(nights.values()) == truth.room_nights
    most, where = truth.busiest
    assert max(nights.values()) == most
    assert sorted(night for night, rooms in nights.items() if rooms == most) == where


def events_agree(settings: Settings, truth: sheet.Facts) -> None:
    """What was not a status can be read from the events."""
    tags = Counter(dict(rows(settings, "SELECT tag, count(*) FROM event_store.event GROUP BY tag")))
    statuses: Counter[str] = Counter()
    for (_, status), count in truth.statuses.items():
        statuses[status] += count
    assert tags["booking.held.v2"] == truth.rows
    assert tags["booking.amended"] == truth.changes
    assert tags["booking.rescheduled"] == truth.moved
    assert tags["booking.approval_requested"] == truth.waited
    assert tags["booking.completed"] == tags["booking.checked_in"] == statuses["Check-Out"]
    assert tags["booking.cancelled"] == statuses["Canceled"]
    assert tags["booking.no_show_marked"] == statuses["No-Show"]


def log_is_whole(settings: Settings) -> None:
    """Every stream is 1..n, in the order in which it happened; the whole log as well."""
    gaps = "SELECT stream FROM event_store.event GROUP BY stream HAVING max(version) <> count(*) OR min(version) <> 1"
    assert rows(settings, gaps) == []
    moments = rows(settings, "SELECT metadata FROM event_store.event ORDER BY position")
    occurred = [at for (metadata,) in moments if (at := envelope_of(metadata).occurred_at)]
    assert len(occurred) == len(moments)
    assert occurred == sorted(occurred)


def trail_is_whole(settings: Settings) -> None:
    """The trail has one document for every event, numbered 1..n in the order of the log, and no other."""
    assert settings.mongo_url is not None
    events = rows(settings, "SELECT stream::text, version, position::text FROM event_store.event e ORDER BY e.position")
    told = mongo.writing(settings.mongo_url, BUSY)[trail.TRAIL].find({}, {"seq": 1, "src": 1}, batch_size=5000)
    documents = sorted((one["seq"], one["src"]["agg"], one["src"]["ver"], one["src"]["position"]) for one in told)
    assert documents == [(seq, *event) for seq, event in enumerate(events, start=1)]


def trail_is_proven(settings: Settings) -> None:
    """Each document is what telling its event again gives."""
    assert settings.database_url is not None
    assert settings.mongo_url is not None
    proven = trail.verify(settings.database_url, mongo.writing(settings.mongo_url, BUSY), Source())
    assert proven.differences == []
    assert proven.documents == proven.events > 0


IMPORTED = {"calendar", "history", "catalogue", "directory", "timetable"}
"""Views of which a history of bookings makes something."""


def rebuilds_agree(settings: Settings, log: Log | ReadOnce | None = None) -> None:
    """Every view, and the claims, come out of the log as they stand."""
    assert settings.database_url is not None
    for view in VIEWS:
        compared = Rebuild(view, settings.database_url, log or Log()).verify()
        assert compared.differences == []
        assert compared.rows or view.name not in IMPORTED
    assert list(claims.verify(settings.database_url)) == []


def rows(settings: Settings, statement: str) -> list[Any]:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url) as connection:
        return connection.execute(statement.encode()).fetchall()


def contents(settings: Settings) -> list[Any]:
    """All that was ever recorded, in its order, but for what differs between two runs by its nature."""
    return rows(settings, "SELECT tenant, stream, version, tag, state FROM event_store.event ORDER BY position")


# stories


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, sheet.Facts, list[tuple[int, str]]]:
    """A file with every kind of row, what is true of it, and which lines are to be refused by which rule."""
    good = [*sheet.odd_but_true(), *sheet.likely(220)]
    bad = sheet.impossible()
    mixed: list[tuple[str | None, sheet.Cells]] = [(None, cells) for cells in good] + [*bad]
    Random(7).shuffle(mixed)
    path = sheet.write(tmp_path_factory.mktemp("sheet") / "made-up.csv.xz", [cells for _, cells in mixed])
    refused = [(line, rule) for line, (rule, _) in enumerate(mixed, start=2) if rule is not None]
    return path, sheet.facts(good), refused


def test_every_kind_of_row_reads_true_afterwards(
    home: Settings, made_up: tuple[Path, sheet.Facts, list[tuple[int, str]]]
) -> None:
    path, truth, refused = made_up
    outcome, remarks = imported(home, path)
    assert outcome.rows == truth.rows + len(refused)
    assert [(one.line, one.rule) for one in remarks if one.outcome == "refused"] == refused
    follow(home)
    tell(home)
    answers_agree(home, outcome.organization, truth, range(2015, 2017))
    events_agree(home, truth)
    log_is_whole(home)
    trail_is_whole(home)
    trail_is_proven(home)
    rebuilds_agree(home)


def test_importing_twice_changes_nothing(
    home: Settings, made_up: tuple[Path, sheet.Facts, list[tuple[int, str]]]
) -> None:
    first, remarks = imported(home, made_up[0])
    recorded = contents(home)
    again, remarks_again = imported(home, made_up[0])
    assert first.carried_out > 0
    assert again.carried_out == again.events == 0
    assert contents(home) == recorded
    assert remarks_again == remarks


def test_a_file_sorted_otherwise_and_grown_adds_only_what_is_new(home: Settings, tmp_path: Path) -> None:
    known = [*sheet.odd_but_true(), *sheet.likely(40)]
    imported(home, sheet.write(tmp_path / "first.csv", known))
    recorded = contents(home)
    grown = [sheet.stayed(date(2016, 3, 9), stays_in_week_nights=9, adr="1"), *reversed(known)]
    outcome, _ = imported(home, sheet.write(tmp_path / "grown.csv", grown))
    assert contents(home)[: len(recorded)] == recorded
    added = [tag for _, _, _, tag, _ in contents(home)[len(recorded) :]]
    bookings = ["booking.held.v2", "booking.confirmed", "booking.checked_in", "booking.completed"]
    assert [tag for tag in added if tag.startswith("booking")] == bookings
    assert set(added) <= {*bookings, "resource.capacity_changed"}
    assert outcome.carried_out == len(added) - 1  # held and confirmed are one command


def test_interrupted_anywhere_and_gone_on_with_gives_the_same(
    home: Settings, made_up: tuple[Path, sheet.Facts, list[tuple[int, str]]]
) -> None:
    path, truth, _ = made_up
    random = Random(3)
    runs = 0
    while True:
        beats = iter(range(random.randint(1, 400), -1, -1))
        try:
            outcome, _ = imported(home, path, Pulse(lambda *_: None, lambda *_: None, stopping(beats)))
        except Interrupted:
            runs += 1
            assert runs < 50
        else:
            break
    assert runs > 2
    follow(home)
    answers_agree(home, outcome.organization, truth, range(2015, 2017))
    events_agree(home, truth)
    log_is_whole(home)
    rebuilds_agree(home)


def stopping(beats: Iterator[int]) -> Callable[[], bool]:
    return lambda: next(beats, 0) == 0


def test_a_part_first_and_the_rest_later_gives_the_same_bookings(
    home: Settings, made_up: tuple[Path, sheet.Facts, list[tuple[int, str]]]
) -> None:
    path, truth, _ = made_up
    imported(home, path, limit=100)
    outcome, _ = imported(home, path)
    follow(home)
    answers_agree(home, outcome.organization, truth, range(2015, 2017))
    events_agree(home, truth)
    rebuilds_agree(home)


def test_what_somebody_changes_meanwhile_governs_what_comes_after(home: Settings, tmp_path: Path) -> None:
    """The import remembers what it has read; the write finds out that it has moved, and it is read again."""
    path = sheet.write(tmp_path / "stays.csv", [*sheet.likely(20)])
    mapping = HotelBookings()
    tenant = own_organization(mapping)
    city = Ids(tenant, mapping.name).of("location", sheet.CITY)
    with house(home) as built, Table(path, mapping.columns) as table:

        def reached(_: int, count: int) -> None:
            if count == 10:  # commands: the reading of so few rows is told of at its end alone
                occasion = Occasion(tenant, Actor("user", "test", "owner"), Origin("api"), uuid4())
                built.command_bus.carry_out(RenameLocation(city, "City Palace"), occasion)

        pulse = Pulse(lambda *_: None, reached, lambda: False)
        bring_in(table, mapping, built.command_bus, built.store, NOW, lambda _: None, pulse)
    held = "SELECT metadata FROM event_store.event WHERE tag = 'booking.held.v2' ORDER BY position"
    read = [envelope_of(metadata).configuration for (metadata,) in rows(home, held)]
    versions = [one.version for configuration in read for one in configuration if one.stream == city]
    assert set(versions) == {1, 2}
    assert versions == sorted(versions)


@pytest.mark.slow
def test_the_real_file_reads_true_afterwards(home: Settings) -> None:
    """14,938 bookings of the Hotel booking demand datasets (N. Antonio, A. de Almeida, L. Nunes, Data in Brief 22
    (2019) 41-49, CC BY 4.0), against what was published about them."""
    path = home.hotel_data
    if not path.exists():
        missing = f"The real hotel bookings are not at {path}: set DAYBOOK_HOTEL_DATA to have them checked."
        warnings.warn(missing, stacklevel=1)
        pytest.skip(missing)
    truth = sheet.facts(sheet.read(path))
    assert truth == sheet.Facts(
        rows=14_938,
        statuses={
            (sheet.RESORT, "Canceled"): 6173, (sheet.RESORT, "Check-Out"): 3666, (sheet.RESORT, "No-Show"): 160,
            (sheet.CITY, "Canceled"): 1620, (sheet.CITY, "Check-Out"): 3272, (sheet.CITY, "No-Show"): 47,
        },
        room_nights=26_454,
        busiest=(199, [(sheet.CITY, "A", date(2015, 9, 18))]),
        changes=3124,
        waited=345,
        moved=2165,
        visits=90,
    )  # fmt: skip
    outcome, _ = imported(home, path)
    assert outcome.rows == 14_938
    assert outcome.refused == {}
    assert outcome.settled == {
        "day-visit": 90, "left-early": 22, "cancelled-waiting": 22, "no-guests": 15, "guests-unknown": 4,
        "no-show-before-arrival": 1,
    }  # fmt: skip
    once = ReadOnce()
    follow(home, once)
    # Without indexes: they would be most of the work of the server that stands in for MongoDB. That no document is told
    # twice is seen here by comparing all of them.
    tell(home, indexed=False)
    answers_agree(home, outcome.organization, truth, range(2015, 2018))
    events_agree(home, truth)
    log_is_whole(home)
    trail_is_whole(home)
    rebuilds_agree(home, once)
    again, _ = imported(home, path)
    assert again.carried_out == 0
