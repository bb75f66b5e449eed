"""Two hundred people want the last of what an offering needs: a court, a table, somebody with a room, a seat."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from application.booking.commands import Cancel
from application.booking.placing import BookOffering, BookSeats, MoveOffering
from application.message import Command
from application.offering.commands import DefineOffering, ScheduleSession
from application.resource.commands import DescribeResource, FormPool, RegisterResource
from bench.chaos.invariants import deadlocks, of_the_store
from bench.chaos.rush import BUYERS, at_once
from bench.chaos.town import BusDoor, Town, Wish, found_at, patient_door
from domain.offering.terms import Need, Terms
from domain.resource.events import Combination, Seats

EVENING = datetime(2031, 6, 2, 18, tzinfo=UTC)
LOST = {"slot_taken", "slot_held"}


class Place:
    """A town with a door, and words for what is set up in it."""

    def __init__(self, url: str, town: Town, door: BusDoor) -> None:
        self.url, self.town, self.door = url, town, door
        self._n = 0

    def do(self, command: Command) -> UUID:
        self._n += 1
        return UUID(self.door.ask(Wish(f"set-up-{self._n}", command)).result["id"])

    def resource(self, name: str, kind: str, seats: Seats | None = None) -> UUID:
        found = self.do(RegisterResource(uuid4(), self.town.location, name, kind))
        if seats is not None:
            self.do(DescribeResource(found, seats=seats))
        return found

    def pool(self, *members: UUID, combinations: tuple[Combination, ...] = ()) -> UUID:
        return self.do(FormPool(uuid4(), self.town.location, "pool", members, combinations))

    def offering(self, *needs: Need, **terms: object) -> UUID:
        wanted = Terms(needs=needs, durations=(60,), **terms)  # type: ignore[arg-type]
        return self.do(DefineOffering(uuid4(), self.town.location, "offering", wanted))

    def taken(self, *resources: UUID) -> list[tuple[UUID, UUID]]:
        """Who has which of these at that hour."""
        since, until = EVENING - timedelta(hours=1), EVENING + timedelta(hours=2)
        uses = self.door.store.occupancy(self.town.tenant, resources, since, until)
        return [(use.booking_id, use.resource_id) for use in uses]


@pytest.fixture
def place(url: str) -> Iterator[Place]:
    town = found_at(url, [1])
    with patient_door(url, town.tenant) as door:
        yield Place(url, town, door)
        assert of_the_store(url) == []
        assert deadlocks(url) == 0


def booking(offering: UUID, **more: object) -> BookOffering:
    return BookOffering(uuid4(), offering, EVENING, then="confirm", **more)  # type: ignore[arg-type]


def test_five_courts_are_sold_to_five_and_no_court_twice(place: Place) -> None:
    courts = [place.resource(f"Court {n}", "court") for n in range(1, 6)]
    offering = place.offering(Need("court", pool_id=place.pool(*courts)))
    outcomes = at_once(place.door.send, [booking(offering) for _ in range(BUYERS)])
    assert Counter(o.verdict for o in outcomes) == {"ok": 5, "fail": BUYERS - 5}, Counter(o.why for o in outcomes)
    assert {o.why.split()[0] for o in outcomes if o.verdict == "fail"} <= LOST
    assert sorted(resource for _, resource in place.taken(*courts)) == sorted(courts)


def test_tables_go_to_parties_that_fit_and_two_pushed_together_count_as_both(place: Place) -> None:
    t1, t2, t3 = (place.resource(f"T{n}", "table", Seats(1, 2)) for n in (1, 2, 3))
    pushed = (Combination((t1, t2), Seats(3, 4)),)
    offering = place.offering(Need("table", pool_id=place.pool(t1, t2, t3, combinations=pushed), tables=True))
    outcomes = at_once(place.door.send, [booking(offering, party_size=4) for _ in range(BUYERS)])
    assert Counter(o.verdict for o in outcomes) == {"ok": 1, "fail": BUYERS - 1}, Counter(o.why for o in outcomes)
    assert sorted(resource for _, resource in place.taken(t1, t2, t3)) == sorted([t1, t2])
    (two,) = at_once(place.door.send, [booking(offering, party_size=2)], prefix="two-")
    assert two.verdict == "ok"
    assert len(place.taken(t1, t2, t3)) == 3
    (late,) = at_once(place.door.send, [booking(offering, party_size=2)], prefix="late-")
    assert late.verdict == "fail"


def test_who_moves_from_two_tables_to_one_leaves_none_behind_and_back_again(place: Place) -> None:
    t1, t2 = (place.resource(f"T{n}", "table", Seats(1, 2)) for n in (1, 2))
    large = place.resource("T3", "table", Seats(1, 6))
    pushed = (Combination((t1, t2), Seats(3, 4)),)
    offering = place.offering(Need("table", pool_id=place.pool(t1, t2, large, combinations=pushed), tables=True))
    later = EVENING + timedelta(hours=1)
    ours = place.do(booking(offering, party_size=4))
    assert place.taken(t1, t2, large) == [(ours, it) for it in sorted([t1, t2])]
    place.do(BookOffering(uuid4(), offering, later, party_size=2, resource_ids=(t1,), then="confirm"))
    place.do(MoveOffering(ours, later))
    assert [it for it in place.taken(t1, t2, large) if it[0] == ours] == [(ours, large)]
    place.do(BookOffering(uuid4(), offering, EVENING, party_size=2, resource_ids=(large,), then="confirm"))
    place.do(MoveOffering(ours, EVENING))
    assert {it for booked, it in place.taken(t1, t2, large) if booked == ours} == {t1, t2}


def test_staff_with_a_room_both_or_neither(place: Place) -> None:
    ann, bob = (place.resource(name, "staff") for name in ("Ann", "Bob"))
    rooms = [place.resource(f"Room {n}", "room") for n in (1, 2, 3)]
    offering = place.offering(Need("staff", any_of=(ann, bob)), Need("room", any_of=tuple(rooms)))
    outcomes = at_once(place.door.send, [booking(offering) for _ in range(BUYERS)])
    assert Counter(o.verdict for o in outcomes) == {"ok": 2, "fail": BUYERS - 2}, Counter(o.why for o in outcomes)
    taken = place.taken(ann, bob, *rooms)
    assert {resource for _, resource in taken} & {ann, bob} == {ann, bob}
    assert Counter(booking for booking, _ in taken) == {o.stream: 2 for o in outcomes if o.verdict == "ok"}
    # Once one of the two is given back, exactly one of the next crowd gets it.
    (winner, *_) = [o.stream for o in outcomes if o.verdict == "ok"]
    assert winner is not None
    assert place.door.send(Wish("given-back", Cancel(winner))).verdict == "ok"
    again = at_once(place.door.send, [booking(offering) for _ in range(50)], prefix="again-")
    assert Counter(o.verdict for o in again) == {"ok": 1, "fail": 49}, Counter(o.why for o in again)


def test_seats_of_a_session_are_counted_and_its_room_is_taken_once(place: Place) -> None:
    room = place.resource("Studio", "room")
    offering = place.offering(Need("room", any_of=(room,)))
    session = place.do(
        ScheduleSession(uuid4(), offering, EVENING, EVENING + timedelta(hours=1), seats=5, resources=(room,))
    )
    outcomes = at_once(place.door.send, [BookSeats(uuid4(), session, seats=2, then="confirm") for _ in range(BUYERS)])
    assert Counter(o.verdict for o in outcomes) == {"ok": 2, "fail": BUYERS - 2}, Counter(o.why for o in outcomes)
    single, late = (
        place.door.send(Wish(name, BookSeats(uuid4(), session, seats=1, then="confirm"), 2)) for name in ("one", "none")
    )
    assert (single.verdict, late.verdict) == ("ok", "fail")
    assert place.door.send(Wish("the-room", booking(offering), 2)).why.startswith("slot_taken")
