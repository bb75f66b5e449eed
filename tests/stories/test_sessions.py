"""A class from its first seat to its cutoff: who booked, whether it runs, and what becomes of everybody."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from house import HOUR, Town, fresh, problem, soon
from uuid_utils.compat import uuid7

from application.booking.commands import (
    Amend,
    Approve,
    CallOffBookings,
    Decline,
    ExpireHold,
    RequestApproval,
    ReverseCancellation,
    SettlePayment,
)
from application.booking.placing import BookSeats
from application.offering.commands import (
    CallOff,
    ChangeSeats,
    ConfirmRun,
    DecideRun,
    DefineOffering,
    ScheduleSession,
)
from application.permission import NotPermitted
from domain.booking.errors import NotOffered
from domain.offering.errors import CalledOff, NotYetCutoff
from domain.offering.terms import Need, Terms
from domain.resource.errors import CapacityInUse
from infrastructure.settings import Settings


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings) as town:
        yield town


@pytest.fixture(scope="module")
def offering(town: Town) -> dict[str, str]:
    location = town.location()
    studio = town.resource(location)
    terms = {"needs": [{"role": "studio", "any_of": [studio]}], "durations": [60]}
    body = {"location_id": location, "name": "Yoga", "terms": terms}
    return {"id": town.owner.post("/api/v1/offerings", json=body).json()["id"], "location": location, "studio": studio}


class Class:
    """Scheduled two hours ago, decided an hour ago, held some hours from now."""

    hours = 24

    def __init__(self, town: Town, offering: dict[str, str], cutoff: float = -1, least: int = 3) -> None:
        self.town, self.id = town, uuid7()
        Class.hours += 1
        self.studio = UUID(offering["studio"])
        starts_at = soon(Class.hours)
        self.schedule = ScheduleSession(
            self.id, UUID(offering["id"]), starts_at, starts_at + HOUR, 5, (self.studio,), least, soon(cutoff)
        )
        town.do(self.schedule, occurred_at=soon(-2))

    def book(self, seats: int, then: str = "confirm") -> UUID:
        booking = uuid7()
        self.town.do(BookSeats(booking, self.id, seats, then=then))  # type: ignore[arg-type]
        return booking

    def statuses(self, *bookings: UUID) -> list[str]:
        """As the streams have it: by the last fact of each."""
        found = []
        for booking in bookings:
            [(tag,)] = self.town.sql(
                "SELECT tag FROM event_store.event WHERE stream = %s ORDER BY version DESC LIMIT 1", booking
            )
            found.append(tag)
        return found


def test_with_enough_booked_for_good_it_runs(town, offering):
    it = Class(town, offering)
    it.book(2), it.book(1)
    assert town.do(DecideRun(it.id), role="system").result["status"] == "confirmed"
    again = town.do(DecideRun(it.id), role="system")
    assert not again.changed


def test_holds_do_not_count_and_with_too_few_everybody_is_cancelled(town, offering):
    it = Class(town, offering)
    firm, held, gone = it.book(2), it.book(2, then="hold"), it.book(1)
    assert town.owner.post(
        f"/api/v1/bookings/{gone}/cancellation", json={"by": "customer"}, headers={"if-match": "*"}
    ).status_code == 200  # fmt: skip
    assert town.do(DecideRun(it.id), role="system").result["status"] == "called_off"
    answer = town.do(CallOffBookings(it.id), role="system")
    assert answer.changed
    assert it.statuses(firm, held) == ["booking.cancelled", "booking.hold_released"]
    assert not town.do(CallOffBookings(it.id), role="system").changed, "asked twice: nothing happened"
    with pytest.raises(CalledOff):
        it.book(1)


def test_what_it_occupied_is_free_again(town, offering):
    it = Class(town, offering)
    town.do(CallOff(it.id))
    starts_at = it.schedule.starts_at
    wish = {
        "location_id": offering["location"],
        "items": [{"resource_id": offering["studio"], "starts_at": starts_at.isoformat(),
                   "ends_at": (starts_at + HOUR).isoformat()}],
    }  # fmt: skip
    assert town.owner.post("/api/v1/bookings", json=wish).status_code == 201


def test_while_it_stands_its_room_is_taken(town, offering):
    it = Class(town, offering)
    starts_at = it.schedule.starts_at + timedelta(minutes=30)
    item = {"resource_id": offering["studio"], "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + HOUR).isoformat()}  # fmt: skip
    problem(town.owner.post("/api/v1/bookings", json={"location_id": offering["location"], "items": [item]}), 409)


def test_it_is_decided_at_the_cutoff_and_not_before_but_somebody_may(town, offering):
    it = Class(town, offering, cutoff=2)
    with pytest.raises(NotYetCutoff):
        town.do(DecideRun(it.id), role="system")
    assert town.do(ConfirmRun(it.id)).result["status"] == "confirmed"


def test_seats_shrink_to_what_is_booked_and_no_further(town, offering):
    it = Class(town, offering, least=1)
    it.book(3)
    town.do(ChangeSeats(it.id, 3))
    with pytest.raises(CapacityInUse):
        town.do(ChangeSeats(it.id, 2))


def test_a_party_and_one_at_a_time_hold_for_seats_as_for_slots(town, offering):
    terms = Terms(
        (Need("studio", any_of=(UUID(offering["studio"]),)),), durations=(60,), least_party=2, most_party=4,
        one_at_a_time=True,
    )  # fmt: skip
    of, me = town.do(DefineOffering(uuid7(), UUID(offering["location"]), "Pairs", terms)).result["id"], uuid7()
    starts_at = soon(24 * 20)
    one, beside, after = uuid7(), uuid7(), uuid7()
    for session, later in ((one, 0), (beside, 0.5), (after, 1)):
        begins = starts_at + later * HOUR
        town.do(ScheduleSession(session, UUID(of), begins, begins + HOUR, 9, (), 0, None))

    def codes(session: UUID, seats: int) -> list[str]:
        try:
            town.do(BookSeats(uuid7(), session, seats, customer_id=me, then="confirm"))
        except NotOffered as refused:
            return [reason.code for reason in refused.detail["reasons"]]
        return []

    assert [codes(one, seats) for seats in (1, 5, 4)] == [["DOES_NOT_FIT"], ["DOES_NOT_FIT"], []]
    assert [codes(beside, 2), codes(after, 2)] == [["CUSTOMER_CONFLICT"], []]


def test_notice_and_horizon_bind_customers_for_seats_too(town, offering):
    terms = Terms(
        (Need("studio", any_of=(UUID(offering["studio"]),)),), durations=(60,), notice=60 * 48, horizon=10
    )  # fmt: skip
    of, me = town.do(DefineOffering(uuid7(), UUID(offering["location"]), "Early", terms)).result["id"], uuid7()

    def codes(hours: float, role: str = "customer") -> list[str]:
        session, begins = uuid7(), soon(hours)
        town.do(ScheduleSession(session, UUID(of), begins, begins + HOUR, 9, (), 0, None))
        try:
            town.do(BookSeats(uuid7(), session, 1, customer_id=me, then="confirm"), role=role, subject=str(me))
        except NotOffered as refused:
            return [reason.code for reason in refused.detail["reasons"]]
        return []

    assert [codes(hours) for hours in (47, 50, 24 * 9, 24 * 12)] == [["TOO_SOON"], [], [], ["TOO_FAR"]]
    assert [codes(hours, "staff") for hours in (47, 24 * 12)] == [[], []]


def test_a_customer_does_not_bring_more_people_than_they_have_seats_for(town, offering):
    it, me, seats = Class(town, offering), uuid7(), uuid7()
    town.do(BookSeats(seats, it.id, 2, customer_id=me, then="confirm"))
    for party in (2, 1):
        town.do(Amend(seats, party), role="customer", subject=str(me))
    with pytest.raises(NotOffered):
        town.do(Amend(seats, 3), role="customer", subject=str(me))
    town.do(Amend(seats, 3))  # staff have found another mat


def test_nobody_comes_back_into_a_session_that_was_called_off(town, offering):
    it = Class(town, offering, least=1)
    firm, late, asked = it.book(1), uuid7(), it.book(1, then="hold")
    town.do(BookSeats(late, it.id), occurred_at=soon(-1.5))  # a hold of then, which is dead
    town.do(ExpireHold(late), role="system")
    town.do(RequestApproval(asked, blocks=False))
    town.do(CallOff(it.id))
    town.do(CallOffBookings(it.id), role="system")
    with pytest.raises(CalledOff):
        town.do(ReverseCancellation(firm))
    with pytest.raises(CalledOff):
        town.do(Approve(asked))
    assert town.do(Decline(asked)).result["status"] == "declined"
    paid = town.do(SettlePayment(late, uuid7()))
    assert (paid.result["status"], paid.result["refund_owed"]) == ("expired", True)


def test_the_clock_alone_decides(town, offering):
    it = Class(town, offering)
    with pytest.raises(NotPermitted):
        town.do(DecideRun(it.id), role="owner")
    with pytest.raises(NotPermitted):
        town.do(CallOffBookings(it.id), role="owner")
