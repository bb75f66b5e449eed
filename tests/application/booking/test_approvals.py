"""The venue's word, on the real store: who has to wait for it, how many may at once, and what a change touches."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from house import HOUR, Town, fresh, problem, soon
from uuid_utils.compat import uuid7

from application.booking.commands import (
    Amend,
    Approve,
    Cancel,
    Decline,
    RequestApproval,
    ReverseCancellation,
    TimeOutApproval,
)
from application.booking.placing import BookOffering, BookSeats, MoveOffering
from application.booking.series import CreateSeries
from application.offering.commands import DefineOffering, ScheduleSession
from application.waitlist.commands import AcceptOffer, JoinWaitlist, SetWaitlist, WalkSession
from domain.booking.booking import Booking
from domain.booking.errors import ApprovalQueueFull, NeedsAgreement
from domain.booking.series import occurrence_id
from domain.booking.series_events import Template
from domain.offering.terms import Approval, ApprovalRule, Need, Terms
from domain.waitlist.events import Settings as Serving
from infrastructure.settings import Settings


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


class Hall:
    """Eight rooms for weddings, to each of which the venue has to agree."""

    def __init__(self, town: Town, **approval: Any) -> None:
        self.town = town
        self.location = UUID(town.location())
        self.rooms = tuple(UUID(town.resource(str(self.location), name=f"Room {n}")) for n in range(8))
        self.wedding = uuid7()
        terms = Terms((Need("room", any_of=self.rooms),), (60, 120), approval=Approval(**approval))
        town.do(DefineOffering(self.wedding, self.location, "Wedding", terms))

    def ask(self, hours: float = 48, role: str = "owner", **more: Any) -> UUID:
        booking = uuid7()
        subject = {"subject": str(more.pop("who"))} if "who" in more else {}
        self.town.do(BookOffering(booking, self.wedding, soon(hours), **more), role, **subject)
        return booking

    def now(self, booking: UUID) -> Booking:
        recorded = self.town.house.store.load(self.town.organization, [booking]).streams[booking]
        return Booking(id=booking).after(one.fact for one in recorded)


def test_as_many_as_may_wait_and_one_more_is_told_why(town):
    hall = Hall(town, most_waiting=2)
    assert [hall.now(hall.ask()).status for _ in range(2)] == ["pending_approval"] * 2
    with pytest.raises(ApprovalQueueFull) as full:
        hall.ask()
    assert full.value.detail["reasons"] == [{"code": "APPROVAL_QUEUE_FULL", "used": 2, "limit": 2}]


def test_it_is_the_first_time_until_something_has_been_agreed_to(town):
    hall, ann = Hall(town, rules=(ApprovalRule(first_time=True),)), uuid4()
    asking = {"role": "customer", "who": ann, "then": "confirm"}
    first, second = hall.ask(48, **asking), hall.ask(72, **asking)
    assert [hall.now(it).status for it in (first, second)] == ["pending_approval"] * 2
    town.do(Approve(second))
    assert hall.now(hall.ask(96, **asking)).status == "confirmed"
    assert hall.now(hall.ask(96, **asking | {"who": uuid4()})).status == "pending_approval"


def test_of_a_series_that_is_the_first_time_every_occurrence_is_asked_about(town):
    hall, series = Hall(town, rules=(ApprovalRule(first_time=True),)), uuid7()
    start = soon(240).replace(tzinfo=None)
    town.do(
        CreateSeries(series, hall.location, start, Template(hall.wedding), "FREQ=WEEKLY;COUNT=3"),
        "customer", subject=str(uuid4()),
    )  # fmt: skip
    found = [occurrence_id(series, start + timedelta(weeks=n)) for n in range(3)]
    assert [hall.now(it).status for it in found] == ["pending_approval"] * 3


def test_over_http_it_is_a_rule_s_refusal_with_a_reason(town):
    hall = Hall(town, most_waiting=1)
    hall.ask()
    url = f"/api/v1/offerings/{hall.wedding}/bookings"
    found = problem(
        town.as_("customer").post(url, json={"starts_at": soon(48).isoformat()}), 422, "approval_queue_full"
    )
    assert found["reasons"] == [{"code": "APPROVAL_QUEUE_FULL", "used": 1, "limit": 1}]


@pytest.mark.parametrize("decide", [Approve, Decline, Cancel])
def test_who_is_answered_or_withdraws_makes_room_for_one(town, decide):
    hall = Hall(town, most_waiting=2)
    first, _ = hall.ask(), hall.ask()
    town.do(decide(first))
    hall.ask()
    with pytest.raises(ApprovalQueueFull):
        hall.ask()


def test_what_is_decided_by_the_clock_makes_room_as_well(town):
    hall = Hall(town, most_waiting=1, within=1)
    booking = uuid7()
    then = soon(0) - HOUR
    town.do(BookOffering(booking, hall.wedding, soon(48)), occurred_at=then)
    with pytest.raises(ApprovalQueueFull):
        hall.ask()
    town.do(TimeOutApproval(booking), "system")
    hall.ask()


def test_of_eight_at_once_no_more_come_to_wait_than_may(town):
    """Customers all, who see nothing of each other's bookings, and are counted together."""
    hall, gate = Hall(town, most_waiting=3), threading.Barrier(8)

    def one(_: int) -> bool:
        gate.wait()
        try:
            hall.ask(role="customer", who=uuid4())
        except ApprovalQueueFull:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 3


def test_who_asks_on_somebody_s_behalf_waits_in_the_same_queue_and_only_once(town):
    hall = Hall(town, most_waiting=1, rules=(ApprovalRule(longer_than=60),))
    short, other = hall.ask(minutes=60), hall.ask(minutes=60)
    assert hall.now(short).status == "held"
    for _ in range(2):
        town.do(RequestApproval(short))
    with pytest.raises(ApprovalQueueFull):
        town.do(RequestApproval(other))


def test_whose_cancellation_was_a_mistake_waits_again_however_many_there_are_and_in_everybody_s_way(town):
    hall = Hall(town, most_waiting=1)
    first = hall.ask()
    town.do(Cancel(first))
    second = hall.ask(72)
    town.do(ReverseCancellation(first))
    assert [hall.now(it).status for it in (first, second)] == ["pending_approval"] * 2
    town.do(Decline(second))
    with pytest.raises(ApprovalQueueFull):
        hall.ask()


def test_where_nothing_is_limited_there_is_no_queue(town):
    hall = Hall(town)
    for _ in range(3):
        hall.ask()
    assert town.sql("SELECT count(*) FROM event_store.event WHERE tag = 'approval_queue.joined' AND tenant = %s "
                    "AND position > (SELECT max(position) FROM event_store.event WHERE stream = %s)",
                    town.organization, hall.wedding) == [(0,)]  # fmt: skip


# what a change touches


LONG = ApprovalRule(longer_than=60)
LARGE = ApprovalRule(party_over=4)


def test_a_customer_changes_what_the_venue_does_not_look_at(town):
    hall, ann = Hall(town, rules=(LONG,)), uuid4()
    booking = hall.ask(role="customer", who=ann, minutes=120)
    town.do(Approve(booking))
    me = {"role": "customer", "subject": str(ann)}
    town.do(MoveOffering(booking, soon(50), 120), **me)  # as long as it was when the venue agreed
    town.do(MoveOffering(booking, soon(50), 60), **me)  # shorter than what it looks at
    with pytest.raises(NeedsAgreement):
        town.do(MoveOffering(booking, soon(50), 120), **me)
    town.do(MoveOffering(booking, soon(50), 120))  # who could agree does


def test_more_people_are_agreed_to_and_fewer_need_not_be(town):
    hall, ann = Hall(town, rules=(LARGE,)), uuid4()
    booking = hall.ask(role="customer", who=ann, party_size=4, then="confirm")
    assert hall.now(booking).status == "confirmed"
    me = {"role": "customer", "subject": str(ann)}
    with pytest.raises(NeedsAgreement):
        town.do(Amend(booking, 5), **me)
    town.do(Amend(booking, 3), **me)
    town.do(MoveOffering(booking, soon(50)), **me)
    town.do(Amend(booking, 5))
    assert hall.now(booking).party_size == 5


def test_where_the_venue_looks_at_everything_a_customer_asks_anew(town):
    hall, ann = Hall(town), uuid4()
    booking = hall.ask(role="customer", who=ann)
    town.do(Approve(booking))
    with pytest.raises(NeedsAgreement):
        town.do(MoveOffering(booking, soon(50)), role="customer", subject=str(ann))


# waiting for a seat, and then for the venue


class Class:
    """A session with one seat, which somebody has, and to whose bookings the venue agrees."""

    def __init__(self, town: Town, mode: str = "sequential", **approval: Any) -> None:
        self.town, self.hall, self.session = town, Hall(town, **approval), uuid7()
        town.do(SetWaitlist(self.hall.location, Serving(mode=mode)))  # type: ignore[arg-type]
        starts_at = soon(72)
        town.do(ScheduleSession(self.session, self.hall.wedding, starts_at, starts_at + HOUR, 1))
        self.taken = uuid7()
        town.do(BookSeats(self.taken, self.session, then="confirm"))
        town.do(Approve(self.taken))

    def offered(self, **more: Any) -> UUID:
        entry = uuid7()
        self.town.do(JoinWaitlist(entry, session_id=self.session, **more))
        self.town.do(Cancel(self.taken))
        self.town.do(WalkSession(self.session), "system")
        return entry

    def of(self, entry: UUID) -> list[Booking]:
        rows = self.town.sql(
            "SELECT DISTINCT stream FROM event_store.event WHERE tag = 'booking.held.v2' "
            "AND tenant = %s", self.town.organization)  # fmt: skip
        return [it for (stream,) in rows if (it := self.hall.now(stream)).entry_id == entry]


def test_who_accepts_an_offer_waits_for_the_venue_where_whoever_books_would(town):
    it = Class(town)
    entry = it.offered()
    town.do(AcceptOffer(entry))
    (booking,) = it.of(entry)
    assert booking.status == "pending_approval"
    town.do(Approve(booking.id))
    assert it.hall.now(booking.id).status == "confirmed"


def test_who_accepts_an_offer_to_which_nobody_has_to_agree_has_it(town):
    it = Class(town, rules=(ApprovalRule(party_over=1),))
    entry = it.offered()
    town.do(AcceptOffer(entry))
    assert [booking.status for booking in it.of(entry)] == ["confirmed"]


def test_who_accepts_finds_the_queue_full_and_keeps_the_offer(town):
    it = Class(town, most_waiting=1)
    entry = it.offered()
    it.hall.ask()
    with pytest.raises(ApprovalQueueFull):
        town.do(AcceptOffer(entry))
    assert [booking.status for booking in it.of(entry)] == ["held"]


def test_a_full_queue_keeps_nobody_from_being_booked_at_once_when_it_is_their_turn(town):
    it = Class(town, mode="auto_book", most_waiting=1)
    it.hall.ask()
    entry = it.offered(card_on_file=True)
    assert [booking.status for booking in it.of(entry)] == ["pending_approval"]
