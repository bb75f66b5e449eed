"""What views learn and answer: given these events, then these rows; asked this, then that."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from logbook import CUSTOMER, LOCATION, NOON, ROOM, STAFF, SUITE, TENANT, held, house, item, log, recorded, write

from application.audit.queries import AuditTrail
from application.availability.proof import ProveOverlaps
from application.availability.queries import WhatIsOffered
from application.booking.queries import HistoryOfBooking, HowManyBookings, TheBooking, WhoIsBooked
from application.identity.queries import FindPeople
from application.message import Occasion, Query
from application.organization.queries import Locations, TheLocation, TheOrganization
from application.permission import PERMISSIONS
from application.privacy.queries import DataExport
from application.recorded import Actor, Origin
from application.resource.queries import Catalogue, OccupancyPerDay, TheResource
from domain.booking import events as booking
from domain.booking.errors import UnknownBooking
from domain.event import KNOWN
from domain.organization import events as organization
from domain.resource import events as resource
from infrastructure.postgres.reading import Positions, ViewBehind, answerers, reading_pool, standing
from projections.booking.calendar import BOOKING, ITEM, Calendar
from projections.resource.catalogue import STAY
from projections.resource.catalogue import Catalogue as CatalogueView
from projections.runner import Runner, connected
from projections.view import Put, Remove, Set
from projections.views import VIEWS

FAR = datetime(2100, 1, 1, tzinfo=UTC)
ONE, TWO, THREE = (UUID(int=n) for n in (1, 2, 3))


def caught_up(url: str) -> None:
    for view in VIEWS:
        runner = Runner(view, url, log)
        with connected(url, "test") as connection:
            runner.keeper.find(connection)
            while runner.step(connection):
                pass


def asked(url: str, *queries: Query, actor: Actor = STAFF, tenant: UUID = TENANT, own: bool = False) -> list[Any]:
    async def ask() -> list[Any]:
        async with reading_pool(url, 2) as pool:
            bus = answerers(VIEWS, pool)
            occasion = Occasion(tenant, actor, Origin("api"), uuid4())
            return [await bus[type(query)](query, occasion, "own" if own else "any") for query in queries]

    return asyncio.run(ask())


# learning is pure


def test_a_hold_puts_a_row_for_the_booking_and_one_for_each_item() -> None:
    event = recorded(held(item(1), item(2, SUITE), party_size=3), ONE, 1, position=77)
    first, *items = Calendar().project(event)
    assert isinstance(first, Put)
    assert first.table is BOOKING
    assert (first.row["status"], first.row["position"], first.row["party_size"]) == ("held", 77, 3)
    assert [(put.table, put.row["item"]) for put in items if isinstance(put, Put)] == [(ITEM, 1), (ITEM, 2)]


@pytest.mark.parametrize(
    "move",
    [booking.BookingRescheduled((item(resource_id=SUITE),)), booking.BookingReanchored((item(resource_id=SUITE),), "")],
)
def test_a_move_replaces_the_items(move: booking.BookingEvent) -> None:
    changes = Calendar().project(recorded(move, ONE, 3))
    assert [type(change) for change in changes] == [Set, Remove, Put]


def test_a_stay_keeps_the_resource_it_was_first_booked_on() -> None:
    first, moved = (
        CatalogueView().project(recorded(held(item()), ONE, 1)),
        CatalogueView().project(recorded(booking.BookingRescheduled((item(resource_id=SUITE),)), ONE, 3)),
    )
    assert isinstance(first[0], Put)
    assert first[0].row["first_resource_id"] == ROOM
    assert isinstance(moved[0], Set)
    assert "first_resource_id" not in moved[0].values
    assert moved[0].table is STAY


def test_the_same_event_gives_the_same_changes() -> None:
    for view in VIEWS:
        event = recorded(held(item()), ONE, 1)
        assert view.project(event) == view.project(event)


@pytest.mark.parametrize("tag", sorted(tag for tag in KNOWN if not tag.startswith("test.")))
def test_somebody_learns_from_every_fact_or_it_is_named_here(tag: str) -> None:
    nobody = {
        "approval_queue.joined", "stranger.held", "user.invited", "user.linked",
        "earmark.placed", "earmark.released", "earmark.topped_up",
        "issuer.knows_user", "kinship.begun", "kinship.ended", "membership.begun", "membership.ended", "ticket.issued",
        "waitlist.settings_set",
    }  # fmt: skip
    from projections.booking import calendar, series
    from projections.family import consents, families
    from projections.identity import issuers, keys, people
    from projections.offering import timetable
    from projections.organization import directory
    from projections.privacy import erasures
    from projections.quota import quotas
    from projections.resource import catalogue
    from projections.waitlist import queue

    modules = (
        calendar, catalogue, consents, directory, erasures, families, issuers, keys, people, queue, quotas, series,
        timetable,
    )  # fmt: skip
    learnt = {kind.tag for module in modules for kind in module.LEARNS}
    assert (tag in learnt) != (tag in nobody)


# answering


def test_every_question_has_one_view_that_answers() -> None:
    asked_of_views = {query for view in VIEWS for query in view.answers()}
    questions = {message for message in PERMISSIONS if issubclass(message, Query)}
    assert questions - asked_of_views == {AuditTrail, DataExport, FindPeople, ProveOverlaps, WhatIsOffered}


def test_a_life_is_shown_as_it_stands(url: str) -> None:
    write(url, house())
    write(url, [
        (ONE, 1, held(item(), expires_at=FAR, party_size=2, customer_id=CUSTOMER)),
        (ONE, 2, booking.BookingConfirmed()),
        (ONE, 3, booking.BookingAmended(3)),
        (ONE, 4, booking.BookingRescheduled((item(resource_id=SUITE, nights=3, units=2),))),
        (ONE, 5, booking.BookingCheckedIn()),
    ])  # fmt: skip
    caught_up(url)
    found, history = asked(url, TheBooking(ONE), HistoryOfBooking(ONE))
    assert (found.status, found.version, found.party_size, found.expires_at) == ("checked_in", 5, 3, None)
    assert found.items == (item(resource_id=SUITE, nights=3, units=2),)
    assert found.ends_at == NOON + timedelta(days=3)
    assert [(row.version, row.action) for row in history.rows] == [
        (1, "booking.held"), (2, "booking.confirmed"), (3, "booking.amended"), (4, "booking.rescheduled"),
        (5, "booking.checked_in"),
    ]  # fmt: skip
    assert history.rows[0].actor == STAFF
    assert history.rows[2].facts == {"party_size": 3}


def test_a_reversed_cancellation_and_a_reversed_no_show_stand_again(url: str) -> None:
    back = booking.BookingCancellationReversed((item(),))
    write(url, [
        (ONE, 1, held(expires_at=FAR)), (ONE, 2, booking.BookingConfirmed()),
        (ONE, 3, booking.BookingCancelled("venue")), (ONE, 4, back), (ONE, 5, booking.BookingNoShowMarked()),
        (ONE, 6, booking.BookingNoShowReversed("checked_in")),
    ])  # fmt: skip
    caught_up(url)
    [found, days] = asked(url, TheBooking(ONE), OccupancyPerDay(NOON.date(), NOON.date()))
    assert (found.status, found.version) == ("checked_in", 6)
    assert [day.bookings for day in days] == [1]


def test_what_new_rules_of_a_zone_moved_is_shown_there_and_a_hold_is_still_one(url: str) -> None:
    later = item(starts_at=NOON + timedelta(days=1))
    write(url, house())
    write(url, [
        (ONE, 1, held(item(), reference="A", expires_at=FAR)), (ONE, 2, booking.BookingConfirmed()),
        (ONE, 3, booking.BookingReanchored((later,), "tzdata 2")),
        (TWO, 1, held(item(), reference="B", expires_at=FAR)),
        (TWO, 2, booking.BookingReanchored((later,), "tzdata 2", expires_at=FAR)),
    ])  # fmt: skip
    caught_up(url)
    firm, hold, days, history = asked(
        url, TheBooking(ONE), TheBooking(TWO), OccupancyPerDay(NOON.date(), NOON.date()), HistoryOfBooking(ONE)
    )
    assert (firm.status, firm.items, firm.starts_at, firm.version) == ("confirmed", (later,), later.starts_at, 3)
    assert (hold.status, hold.items, hold.expires_at) == ("held", (later,), FAR)
    assert days == []
    assert history.rows[2].action == "booking.reanchored"


def test_a_dead_hold_is_shown_as_expired_before_anybody_sweeps(url: str) -> None:
    write(url, [
        (ONE, 1, held(reference="A", expires_at=datetime(2020, 1, 1, tzinfo=UTC))),
        (TWO, 1, held(reference="B", expires_at=FAR)),
    ])  # fmt: skip
    caught_up(url)
    dead, alive, counts, listed, days = asked(
        url, TheBooking(ONE), TheBooking(TWO), HowManyBookings(), WhoIsBooked(status="expired"),
        OccupancyPerDay(NOON.date(), NOON.date()),
    )  # fmt: skip
    assert (dead.status, alive.status) == ("expired", "held")
    assert {(count.status, count.bookings) for count in counts} == {("expired", 1), ("held", 1)}
    assert [row.id for row in listed.rows] == [ONE]
    assert [(day.bookings, day.units) for day in days] == [(1, 1)]


def test_occupancy_counts_dates_and_nights(url: str) -> None:
    """A stay of three nights is four dates; a visit within a day is one date and no night; by either resource."""
    visit = item(starts_at=NOON + timedelta(days=1), nights=1, units=4)
    visit = booking.Item(
        1, ROOM, visit.starts_at, visit.starts_at + timedelta(hours=2), visit.local_start, visit.zone, 4
    )
    write(url, house())
    write(url, [
        (ONE, 1, held(item(nights=3, units=2), reference="A", expires_at=FAR)), (ONE, 2, booking.BookingConfirmed()),
        (TWO, 1, held(visit, reference="B", expires_at=FAR)), (TWO, 2, booking.BookingConfirmed()),
        (THREE, 1, held(item(), reference="C", expires_at=FAR)), (THREE, 2, booking.BookingConfirmed()),
        (THREE, 3, booking.BookingCancelled("customer")),
        (ONE, 3, booking.BookingRescheduled((item(resource_id=SUITE, nights=3, units=2),))),
    ])  # fmt: skip
    caught_up(url)
    first, last = NOON.date(), NOON.date() + timedelta(days=10)
    occupied, reserved, here = asked(
        url, OccupancyPerDay(first, last), OccupancyPerDay(first, last, by="reserved", resource_id=ROOM),
        OccupancyPerDay(first + timedelta(days=1), first + timedelta(days=1), location_id=LOCATION),
    )  # fmt: skip

    def shown(days: Sequence[Any]) -> list[tuple[date, UUID, int, int, int, int, int]]:
        return [(d.date, d.resource_id, d.bookings, d.units, d.arrivals, d.departures, d.overnight) for d in days]

    day = [first + timedelta(days=n) for n in range(4)]
    assert shown(occupied) == [
        (day[0], SUITE, 1, 2, 2, 0, 2), (day[1], ROOM, 1, 4, 4, 4, 0), (day[1], SUITE, 1, 2, 0, 0, 2),
        (day[2], SUITE, 1, 2, 0, 0, 2), (day[3], SUITE, 1, 2, 0, 2, 0),
    ]  # fmt: skip
    assert [(d.date, d.units) for d in reserved] == [(day[0], 2), (day[1], 6), (day[2], 2), (day[3], 2)]
    assert len(here) == 2


def test_pages_go_on_where_they_ended_and_find_by_period_and_resource(url: str) -> None:
    ids = [UUID(int=n) for n in range(1, 8)]
    write(url, [
        (stream, 1, held(item(starts_at=NOON + timedelta(days=n // 2), resource_id=SUITE if n == 6 else ROOM, nights=1),
                         reference=f"R{n}", expires_at=FAR, customer_id=CUSTOMER if n % 2 else None))
        for n, stream in enumerate(ids)
    ])  # fmt: skip
    caught_up(url)
    seen: list[UUID] = []
    after = None
    while True:
        [page] = asked(url, WhoIsBooked(limit=2, after=after))
        seen += [row.id for row in page.rows]
        after = page.next
        if after is None:
            break
    assert seen == ids
    second = NOON + timedelta(days=1)
    day, suite, by_reference, touching = asked(
        url, WhoIsBooked(overlaps_from=second, overlaps_before=second + timedelta(hours=1)),
        WhoIsBooked(resource_id=SUITE), WhoIsBooked(reference="R3"),
        WhoIsBooked(overlaps_from=second + timedelta(days=3), overlaps_before=second + timedelta(days=4)),
    )  # fmt: skip
    assert [row.id for row in day.rows] == ids[2:4]
    assert [row.id for row in suite.rows] == ids[6:]
    assert [row.id for row in by_reference.rows] == [ids[3]]
    assert touching.rows == []


def test_customers_see_their_own_and_organizations_theirs(url: str) -> None:
    write(url, [
        (ONE, 1, held(reference="A", expires_at=FAR, customer_id=CUSTOMER)),
        (TWO, 1, held(reference="B", expires_at=FAR)),
    ])  # fmt: skip
    caught_up(url)
    me = Actor("user", str(CUSTOMER), "customer")
    mine, listed, foreign = asked(
        url, TheBooking(ONE), WhoIsBooked(), WhoIsBooked(customer_id=uuid4()), actor=me, own=True
    )
    assert mine.id == ONE
    assert [row.id for row in listed.rows] == [ONE]
    assert foreign.rows == []
    assert len(asked(url, HistoryOfBooking(ONE), actor=me, own=True)[0].rows) == 1
    for query in (TheBooking(TWO), HistoryOfBooking(TWO)):
        with pytest.raises(UnknownBooking):
            asked(url, query, actor=me, own=True)
    with pytest.raises(UnknownBooking):
        asked(url, TheBooking(ONE), tenant=uuid4())
    with pytest.raises(UnknownBooking):
        asked(url, TheBooking(ONE), actor=Actor("user", "not-a-customer", "customer"), own=True)


def test_the_directory_and_the_catalogue(url: str) -> None:
    write(url, house())
    write(url, [
        (TENANT, 2, organization.OrganizationPolicySet(15, 60, 5)), (LOCATION, 2, organization.LocationRenamed("Quay")),
        (ROOM, 2, resource.ResourceCapacityChanged(7)), (SUITE, 2, resource.ResourceRetired()),
    ])  # fmt: skip
    caught_up(url)
    harbour, quay, places, room, listed = asked(
        url, TheOrganization(), TheLocation(LOCATION), Locations(), TheResource(ROOM), Catalogue(limit=1)
    )
    assert (harbour.name, harbour.version) == ("Harbour", 2)
    assert harbour.policy == organization.OrganizationPolicySet(15, 60, 5)
    assert (quay.name, quay.zone) == ("Quay", "Europe/Lisbon")
    assert [row.id for row in places.rows] == [LOCATION]
    assert (room.capacity, room.version, room.hours) == (7, 2, None)
    assert [row.name for row in listed.rows] == ["Room"]
    [rest] = asked(url, Catalogue(after=listed.next))
    assert [(row.name, row.retired) for row in rest.rows] == [("Suite", True)]


# reading what one has just written


def test_waiting_for_a_position_ends_when_the_view_has_it_or_patience_is_over(url: str) -> None:
    position = write(url, [(ONE, 1, held(expires_at=FAR))])

    async def wait(patience: float) -> None:
        async with reading_pool(url, 2) as pool:
            positions = Positions(VIEWS, pool, patience)
            await positions.reached(TheBooking, position)
            views = {view.name for view in VIEWS}
            assert all(one.behind == 0 for one in await standing(pool) if one.view in views)

    with pytest.raises(ViewBehind):
        asyncio.run(wait(0.05))
    caught_up(url)
    asyncio.run(wait(0.05))
