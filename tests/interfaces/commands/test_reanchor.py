"""`daybook reanchor`: an edition of the zone rules after which Lisbon goes by other clocks, on real servers.

The edition comes as upgrades come: what was booked is in the log, and from then on the same name means other offsets.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from house import HOUR, Court, Town, fresh, soon
from uuid_utils.compat import uuid7

from application.availability.proof import Proving
from application.booking.commands import Cancel, Overbook, PlaceHold, Reanchor, WantedItem
from application.booking.placing import BookSeats
from application.booking.series import CreateSeries
from application.offering.commands import DefineOffering, ScheduleSession
from application.permission import NotPermitted
from domain import localtime
from domain.booking.booking import Booking
from domain.booking.events import BookingReanchored
from domain.booking.series_events import Part, Template
from domain.offering.session import Session
from domain.offering.terms import Need, Terms
from infrastructure.event_store import claims, log
from infrastructure.settings import Settings
from interfaces.commands import reanchor
from interfaces.history.plan import Interrupted, Pulse
from projections.runner import connected

LISBON = "Europe/Lisbon"
EARLIER, LATER = "Europe/Paris", "Atlantic/Azores"
"""Zones that change their clocks at the same instants, an hour ahead and an hour behind."""
NOON = soon(24 * 7).replace(hour=12)


@pytest.fixture
def town(servers: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings) as town:
        for name, value in settings.environment().items():
            monkeypatch.setenv(name, value)
        yield town


class Upgrade:
    """From now on Lisbon goes by these clocks."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def __call__(self, clocks: str) -> None:
        there = ZoneInfo(clocks)
        self._patch.setattr(localtime, "zone", lambda name: there if name == LISBON else ZoneInfo(name))
        self._patch.setattr(localtime, "_steady", lambda *_: None)


@pytest.fixture
def upgrade(monkeypatch: pytest.MonkeyPatch) -> Upgrade:
    return Upgrade(monkeypatch)


def typed(*words: str) -> Result:
    return CliRunner().invoke(reanchor.command, words)


def at(court: Court, starts_at: datetime, hours: float = 1, **more: Any) -> UUID:
    booking = uuid4()
    item = WantedItem(UUID(court.resource), starts_at, starts_at + hours * HOUR)
    wish = {"party_size": 2, "then": "confirm", **more}
    court.town.do(PlaceHold(booking, UUID(court.location), (item,), **wish))
    return booking


def stands(town: Town, booking: UUID) -> Booking:
    facts = [one.fact for one in town.house.store.load(town.organization, [booking]).streams[booking]]
    return Booking(id=booking).after(facts)


def starts(town: Town, *bookings: UUID) -> list[float]:
    """Hours after the noon for which they were made."""
    return [(stands(town, one).period.starts_at - NOON) / HOUR for one in bookings]


def last_position(town: Town) -> int:
    return int(town.sql("SELECT max(position) FROM event_store.event")[0][0])


def sound(town: Town) -> None:
    """The claims follow from the log, and nothing is booked twice."""
    url = town.settings.database_url or ""
    assert list(claims.verify(url)) == []
    proving = Proving()
    with connected(url, "test", role=None) as connection:
        proving.add(log.read(connection, 0, 10_000))
    assert proving.proven().sound


@pytest.mark.parametrize(("clocks", "hours"), [(EARLIER, -1), (LATER, 1)])
def test_neighbours_make_room_for_each_other_whichever_way_they_go(town, upgrade, clocks, hours):
    court = town.court()
    bookings = [at(court, NOON + n * HOUR) for n in (2, 0, 1)]
    gone = at(court, NOON + 9 * HOUR)
    town.do(Cancel(gone))
    label = stands(town, bookings[0]).items[0].local_start
    upgrade(clocks)
    said = typed()
    assert said.exit_code == 0, said.output
    assert "3 looked at" in said.output
    assert "3 moved, 0 already right, 0 in the way" in said.output
    assert starts(town, *bookings, gone) == [2 + hours, hours, 1 + hours, 9]
    after = stands(town, bookings[0])
    assert (after.items[0].local_start, after.status, after.sequence) == (label, "confirmed", 1)
    assert localtime.wall(after.period.starts_at, LISBON).isoformat(timespec="minutes") == label
    sound(town)
    shown = town.owner.get(f"/api/v1/bookings/{after.id}", params={"min_position": last_position(town)}).json()
    assert datetime.fromisoformat(shown["starts_at"]) == after.period.starts_at


def test_twice_is_once(town, upgrade):
    court = town.court()
    booking = at(court, NOON)
    upgrade(EARLIER)
    assert typed().exit_code == 0
    before = last_position(town)
    again = typed()
    assert (again.exit_code, last_position(town)) == (0, before)
    assert "1 looked at" in again.output
    assert "0 moved, 1 already right" in again.output
    assert starts(town, booking) == [-1]


def test_where_the_rules_are_the_same_nothing_happens(town):
    at(town.court(), NOON)
    before = last_position(town)
    said = typed()
    assert (said.exit_code, last_position(town)) == (0, before)
    assert "0 moved, 1 already right" in said.output


def test_the_edition_that_moved_it_is_in_the_log(town, upgrade):
    booking = at(town.court(), NOON)
    upgrade(EARLIER)
    typed()
    *_, last = town.house.store.load(town.organization, [booking]).streams[booking]
    assert isinstance(last.fact, BookingReanchored)
    assert last.fact.rules == localtime.RULES
    assert (last.envelope.actor.role, last.envelope.origin.channel) == ("system", "cli")


def test_what_somebody_else_has_meanwhile_is_listed_and_stays(town, upgrade):
    court = town.court()
    first = at(court, NOON)
    upgrade(EARLIER)
    rival = at(court, NOON - HOUR)  # the new time of the first, which nobody has moved yet
    for words in (("--dry-run",), ()):
        said = typed(*words)
        assert said.exit_code == 1
        assert "1 already right, 1 in the way" in said.output
        assert stands(town, first).reference in said.output
        assert localtime.offset_form(NOON - HOUR, LISBON) in said.output
        assert f"stays at {localtime.offset_form(NOON, LISBON)}" in said.output
        assert "OCCUPIED" in said.output
        assert starts(town, first, rival) == [0, -1]
    town.do(Cancel(rival))
    assert typed().exit_code == 0
    assert starts(town, first) == [-1]
    sound(town)


def test_a_dry_run_says_the_same_and_records_nothing(town, upgrade):
    court = town.court()
    bookings = [at(court, NOON + n * HOUR) for n in range(3)]
    upgrade(LATER)
    before = last_position(town)
    said = typed("--dry-run")
    assert (said.exit_code, last_position(town)) == (0, before)
    assert "3 would be moved" in said.output
    assert "nothing was recorded" in said.output
    assert starts(town, *bookings) == [0, 1, 2]
    assert "3 moved" in typed().output


def test_a_dry_run_knows_who_would_have_the_room_by_then(town, upgrade):
    """Two at once on two units: there is room where both go, and for one alone where a third is."""
    court = town.court(capacity=2)
    pair = [at(court, NOON), at(court, NOON)]
    upgrade(EARLIER)
    at(court, NOON - HOUR)
    planned = typed("--dry-run")
    assert "1 would be moved" in planned.output
    assert "CAPACITY" in planned.output
    done = typed()
    assert "1 moved, 1 already right, 1 in the way" in done.output
    assert sorted(starts(town, *pair)) == [-1, 0]
    sound(town)


def test_what_was_overbooked_goes_on_the_authority_that_it_had(town, upgrade):
    """And is in nobody's way: not of whom it was booked over, nor of who comes next."""
    court = town.court()
    second = uuid4()
    item = WantedItem(UUID(court.resource), NOON, NOON + HOUR)
    last, first = at(court, NOON + HOUR), at(court, NOON)
    town.do(Overbook(second, UUID(court.location), (item,), then="confirm", why="vip"))
    upgrade(EARLIER)
    for words in (("--dry-run",), ()):
        said = typed(*words)
        assert said.exit_code == 0, said.output
    assert starts(town, first, second, last) == [-1, -1, 0]
    assert stands(town, second).items[0].overbooked
    sound(town)


def test_a_hold_that_moves_still_dies_in_its_time(town, upgrade):
    court = town.court()
    hold = at(court, NOON, then="hold")
    upgrade(EARLIER)
    before = stands(town, hold)
    assert typed().exit_code == 0
    after = stands(town, hold)
    assert (after.status, after.expires_at) == ("held", before.expires_at)
    [(expiry,)] = town.sql("SELECT expires_at FROM event_store.claim WHERE booking = %s", hold)
    assert expiry == before.expires_at
    sound(town)


def test_an_occurrence_of_a_series_moves_and_is_the_same_occurrence(town, upgrade):
    court = town.court()
    series = uuid7()
    start = localtime.wall(NOON, LISBON)
    template = Template(resources=(Part(UUID(court.resource)),), minutes=60)
    town.do(CreateSeries(series, UUID(court.location), start, template, "FREQ=DAILY;COUNT=3"))
    upgrade(EARLIER)
    assert "3 moved" in typed().output
    url = f"/api/v1/series/{series}/occurrences"
    rows = town.owner.get(url, params={"min_position": last_position(town)}).json()["data"]
    labels = [(start + timedelta(days=n)).isoformat(timespec="minutes") for n in range(3)]
    assert [row["recurrence_id"][:16] for row in rows] == labels
    assert [datetime.fromisoformat(row["starts_at"]) for row in rows] == [
        localtime.by_rule(datetime.fromisoformat(label), LISBON) for label in labels
    ]
    sound(town)


@pytest.fixture
def lesson(town: Town) -> tuple[Court, UUID, list[UUID]]:
    """A class in a studio, with two bookings of its seats."""
    court, offering, session = town.court(), uuid4(), uuid7()
    studio = UUID(court.resource)
    town.do(DefineOffering(offering, UUID(court.location), "Yoga", Terms((Need("studio", any_of=(studio,)),), (60,))))
    town.do(ScheduleSession(session, offering, NOON, NOON + HOUR, 5, (studio,), 3, NOON - 24 * HOUR))
    seats = [uuid7(), uuid7()]
    for booking in seats:
        town.do(BookSeats(booking, session, 2, then="confirm"))
    return court, session, seats


def test_a_session_takes_its_seats_and_its_cutoff_with_it(town, upgrade, lesson):
    _, session, seats = lesson
    upgrade(EARLIER)
    planned, done = typed("--dry-run"), typed()
    assert done.exit_code == 0, done.output
    assert "3 would be moved" in planned.output
    assert "3 moved, 0 already right" in done.output
    assert starts(town, *seats) == [-1, -1]
    facts = [one.fact for one in town.house.store.load(town.organization, [session]).streams[session]]
    after = Session(id=session).after(facts)
    assert (after.starts_at, after.ends_at, after.cutoff_at) == (NOON - HOUR, NOON, NOON - 25 * HOUR)
    shown = town.owner.get(f"/api/v1/sessions/{session}", params={"min_position": last_position(town)}).json()
    assert datetime.fromisoformat(shown["starts_at"]) == NOON - HOUR
    sound(town)


def test_a_session_whose_room_is_taken_stays_with_all_its_seats(town, upgrade, lesson):
    court, session, seats = lesson
    upgrade(EARLIER)
    at(court, NOON - HOUR)
    for words in (("--dry-run",), ()):
        said = typed(*words)
        assert said.exit_code == 1
        assert f"session {session}: due at" in said.output
        assert "1 already right, 1 in the way of others, with 2 bookings of their seats" in said.output
    assert starts(town, *seats) == [0, 0]
    sound(town)


def test_interrupted_it_goes_on_where_it_was(town, upgrade):
    court = town.court()
    bookings = [at(court, NOON + n * HOUR) for n in range(3)]
    upgrade(EARLIER)
    seen: list[tuple[int, int]] = []

    def stop() -> bool:
        return starts(town, bookings[0]) == [-1]

    pulse = Pulse(lambda *_: None, lambda done, count: seen.append((done, count)), stop)
    with connected(town.settings.database_url or "", "test") as connection:
        with pytest.raises(Interrupted):
            reanchor.reanchor(connection, town.house.command_bus.carry_out, pulse)
    assert starts(town, *bookings) == [-1, 1, 2]
    assert seen
    assert "2 moved, 1 already right" in typed().output
    assert starts(town, *bookings) == [-1, 0, 1]


def test_views_that_are_behind_are_not_believed(servers, monkeypatch):
    monkeypatch.setattr(reanchor, "PATIENCE", 0.2)
    with fresh(servers) as settings, Town(settings, views=False):
        for name, value in settings.environment().items():
            monkeypatch.setenv(name, value)
        said = typed()
        assert said.exit_code == 1
        assert "Let a worker run" in said.output


def test_it_is_for_the_clockwork_and_for_owners(town):
    booking = at(town.court(), NOON)
    for role in ("customer", "staff", "manager"):
        with pytest.raises(NotPermitted):
            town.do(Reanchor(booking), role=role)
    for role in ("owner", "system"):
        assert not town.do(Reanchor(booking), role=role).changed
