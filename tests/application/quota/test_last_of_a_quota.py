"""Quotas inside the write, on the real store: whoever asks at the same time, never more than the limit is booked."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID, uuid4

import pytest
from house import HOUR, Town, fresh, soon
from uuid_utils.compat import uuid7

from application import permission
from application.booking.commands import Cancel, Confirm, PlaceHold, ReleaseHold, WantedItem, place_hold
from application.booking.quotas import quota_reasons
from application.bus import CommandBus
from application.handlers import HANDLERS
from application.message import Command
from application.permission import PERMISSIONS, STAFF
from application.quota.commands import FormParty, JoinParty, LeaveParty, SetQuotaRule, WithdrawQuotaRule
from application.unit_of_work import UnitOfWork
from domain.quota.counting import Wanted
from domain.quota.errors import QuotaReached
from domain.quota.rule import CalendarWindow, QuotaRule, What, Who
from infrastructure.settings import Settings


class Grab(Command, frozen=True):
    """Somebody wants a court for an hour, and their quotas are asked."""

    booking_id: UUID
    location_id: UUID
    resource_id: UUID
    who: UUID
    hours: float = 24

    meanwhile: ClassVar[list[Callable[[], object]]] = []
    """What happens once between reading and writing."""
    then: ClassVar[Literal["hold", "confirm"]] = "hold"


def grab(command: Grab, work: UnitOfWork) -> None:
    starts_at = soon(command.hours)
    wanted = Wanted(
        command.who, None, command.location_id, "Europe/Lisbon", (command.resource_id,), starts_at, starts_at + HOUR
    )
    against = quota_reasons(work, wanted)
    if Grab.meanwhile:
        Grab.meanwhile.pop()()
    if against:
        raise QuotaReached(reasons=against)
    item = WantedItem(command.resource_id, starts_at, starts_at + HOUR)
    place_hold(
        PlaceHold(command.booking_id, command.location_id, (item,), customer_id=command.who, then=Grab.then), work
    )


class Club:
    """A place with courts enough, so that nothing but quotas is in the way."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.location = town.location()
        self.courts = [town.resource(self.location, name=f"Court {n}") for n in range(8)]
        self.bus = CommandBus(town.house.store, {**HANDLERS, Grab: grab}, town.house.numbers)
        self.name = f"q-{uuid4().hex[:12]}"

    def limit(self, limit: int, **more: Any) -> None:
        rule = QuotaRule(self.name, "count", limit, **{"what": What(locations=(UUID(self.location),)), **more})
        self.town.do(SetQuotaRule(rule))

    def grabs(self, who: UUID, court: int = 0, hours: float = 24) -> UUID:
        booking_id = uuid7()
        command = Grab(booking_id, UUID(self.location), UUID(self.courts[court]), who, hours)
        self.bus.carry_out(command, self.town.occasion())
        return booking_id

    def at_once(self, *people: UUID, hours: float = 24) -> int:
        """Each takes a court of their own, all at the same moment; how many got one."""
        gate = threading.Barrier(len(people))

        def one(court: int, who: UUID) -> bool:
            gate.wait()
            try:
                self.grabs(who, court, hours)
            except QuotaReached:
                return False
            return True

        with ThreadPoolExecutor(len(people)) as pool:
            return sum(pool.map(one, range(len(people)), people))

    def family(self, *members: UUID, kind: str = "family") -> UUID:
        party = uuid7()
        self.town.do(FormParty(party, kind, "The Reeds"))  # type: ignore[arg-type]
        for who in members:
            self.town.do(JoinParty(party, who))
        return party


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


@pytest.fixture
def club(town: Town, monkeypatch: pytest.MonkeyPatch) -> Club:
    monkeypatch.setattr(permission, "PERMISSIONS", {**PERMISSIONS, Grab: STAFF})
    return Club(town)


def test_where_there_is_no_rule_everybody_gets_what_they_want(club):
    ann = uuid4()
    assert club.at_once(ann, ann, ann) == 3


def test_of_two_at_once_for_the_last_one_exactly_one_gets_it(club):
    ann = uuid4()
    club.limit(2)
    club.grabs(ann, hours=48)
    assert club.at_once(ann, ann) == 1


def test_eight_at_once_never_get_more_than_the_limit(club):
    ann = uuid4()
    club.limit(3)
    assert club.at_once(*[ann] * 8) == 3
    with pytest.raises(QuotaReached) as caught:
        club.grabs(ann, hours=72)
    (reason,) = caught.value.detail["reasons"]
    assert (reason.code, reason.rule, reason.used, reason.limit) == ("QUOTA", club.name, 3, 3)


def test_a_family_at_once_gets_no_more_than_one_of_them_would(club):
    ann, ben, cal, dan = (uuid4() for _ in range(4))
    party = club.family(ann, ben, cal, dan)
    club.limit(2, who=Who("family", party))
    assert club.at_once(ann, ben, cal, dan) == 2
    assert club.at_once(uuid4(), uuid4(), hours=48) == 2  # others are in no family


def test_people_on_a_plan_are_not_in_each_other_s_way(club):
    ann, ben = uuid4(), uuid4()
    plan = club.family(ann, ben, kind="plan")
    club.limit(1, who=Who("plan", plan))
    assert club.at_once(ann, ben, ann, ben) == 2


def test_a_rule_that_is_set_while_somebody_decides_counts(club):
    """The stream that was not there when it was read is there when it is written: it is decided anew."""
    Grab.meanwhile.append(lambda: club.limit(0))
    with pytest.raises(QuotaReached):
        club.grabs(uuid4())


def test_a_rule_that_is_withdrawn_while_somebody_decides_lets_them_book(club):
    club.limit(5)
    Grab.meanwhile.append(lambda: club.town.do(WithdrawQuotaRule(club.name)))
    club.grabs(uuid4())


def test_who_joins_the_family_while_somebody_decides_brings_what_they_have(club):
    ann, ben = uuid4(), uuid4()
    party = club.family(ann)
    club.grabs(ben)
    club.limit(1, who=Who("family", party))
    Grab.meanwhile.append(lambda: club.town.do(JoinParty(party, ben)))
    with pytest.raises(QuotaReached):
        club.grabs(ann, court=1)


def test_a_first_membership_that_begins_while_somebody_decides_counts(club):
    """Ann's stream of memberships was not there when it was read."""
    ann = uuid4()
    party = club.family(uuid4())
    club.limit(0, who=Who("family", party))
    Grab.meanwhile.append(lambda: club.town.do(JoinParty(party, ann)))
    with pytest.raises(QuotaReached):
        club.grabs(ann)


def test_who_leaves_the_family_is_counted_with_it_no_more(club):
    ann, ben = uuid4(), uuid4()
    party = club.family(ann, ben)
    club.limit(1, who=Who("family", party))
    club.grabs(ben)
    with pytest.raises(QuotaReached):
        club.grabs(ann, court=1)
    club.town.do(LeaveParty(party, ben))
    club.grabs(ann, court=1)


def test_what_was_given_back_or_cancelled_in_time_counts_no_more(club):
    ann = uuid4()
    club.limit(1)
    club.town.do(ReleaseHold(club.grabs(ann)))
    firm = club.grabs(ann)
    club.town.do(Confirm(firm))
    with pytest.raises(QuotaReached):
        club.grabs(ann, court=1)
    club.town.do(Cancel(firm))
    club.grabs(ann, court=1)


def test_a_hold_that_is_dead_counts_no_more_though_nobody_has_swept(club):
    ann = uuid4()
    club.limit(1)
    held = club.grabs(ann)
    with pytest.raises(QuotaReached):
        club.grabs(ann, court=1)
    club.town.sql("UPDATE event_store.claim SET expires_at = now() - interval '1 second' WHERE booking = %s", held)
    club.grabs(ann, court=1)


def test_days_are_counted_apart(club):
    ann = uuid4()
    club.limit(1, window=CalendarWindow("day"))
    club.grabs(ann, hours=24)
    club.grabs(ann, hours=72)
    with pytest.raises(QuotaReached) as caught:
        club.grabs(ann, court=1, hours=72)
    resets_at = caught.value.detail["reasons"][0].resets_at
    assert timedelta(0) < resets_at - soon(72) <= timedelta(hours=24)


def test_what_no_rule_concerns_looks_at_no_rows(club, monkeypatch):
    """Only the stream of the quotas is read: no groups, and nothing of the person's is marked as read."""
    looked: list[str] = []
    tallies = UnitOfWork.tallies
    monkeypatch.setattr(Grab, "then", "confirm")  # nor is it asked how much somebody holds
    monkeypatch.setattr(UnitOfWork, "tallies", lambda *it: looked.append("rows") or tallies(*it))
    club.limit(1, what=What(locations=(UUID(club.town.location()),)))  # elsewhere
    club.grabs(uuid4())
    assert looked == []
