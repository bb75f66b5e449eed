"""Other units for what is booked: those that would have done in the first place."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from domain.availability.setup import Setup
from domain.availability.units import outgrown, unsuited
from domain.booking.booking import Booking
from domain.booking.events import BookingHeld, Item
from domain.offering.terms import Need, Terms
from domain.organization.location import Location
from domain.resource.events import Seats
from domain.resource.pool import Pool
from domain.resource.resource import Resource

TEN = datetime(2027, 3, 2, 10, tzinfo=UTC)
VENUE, ROOM, TWO, FOUR, SIX, ELSEWHERE, BOOKING = (UUID(int=n) for n in range(1, 8))


def table(it, least, most):
    return Resource(id=it, location_id=VENUE, name=str(it.int), capacity=1, seats=Seats(least, most))


SETUP = Setup(
    Location(id=VENUE, zone="UTC"),
    Terms((Need("table", pool_id=ROOM, tables=True),)),
    {it.id: it for it in (table(TWO, 1, 2), table(FOUR, 3, 4), table(SIX, 3, 6))},
    {ROOM: Pool(id=ROOM, location_id=VENUE, members=(TWO, FOUR, SIX))},
)
item = Item(1, FOUR, TEN, TEN + timedelta(hours=2), "2027-03-02T10:00", "UTC", role="table")
dinner = Booking(id=BOOKING).after([BookingHeld("ABCD2345", VENUE, (item,), TEN, party_size=4)])


def codes(to):
    return [(reason.code, reason.item, reason.resource_id) for reason in unsuited(dinner, to, SETUP)]


def test_a_table_that_seats_the_party_does():
    assert codes({1: SIX}) == []


def test_a_table_that_is_too_small_or_not_of_the_room_does_not():
    assert codes({1: TWO}) == [("DOES_NOT_FIT", 1, TWO)]
    assert codes({1: ELSEWHERE}) == [("DOES_NOT_FIT", 1, ELSEWHERE)]


def test_what_stays_is_not_asked():
    assert codes({}) == codes({1: FOUR}) == []


def test_as_many_people_as_the_table_seats_and_no_more():
    found = {party: [it.code for it in outgrown(dinner, party, SETUP)] for party in (2, 3, 4, 5)}
    assert found == {2: ["DOES_NOT_FIT"], 3: [], 4: [], 5: ["DOES_NOT_FIT"]}


def test_what_is_taken_by_the_head_is_not_outgrown():
    covers = Setup(SETUP.location, Terms((Need("table", any_of=(FOUR,), per_head=True),)), SETUP.resources)
    three = replace(dinner, items=(replace(item, units=3),))
    assert [[(it.code, it.capacity) for it in outgrown(three, party, covers)] for party in (3, 4)] == [
        [], [("DOES_NOT_FIT", 3)],
    ]  # fmt: skip
