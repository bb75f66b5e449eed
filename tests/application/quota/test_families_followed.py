"""A family is counted together: its group follows it, whatever happened, and however often it is told."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from house import Town, fresh, made, problem
from kin import Kin, person
from uuid_utils.compat import uuid7

from application.bus import Answer
from application.quota.commands import FollowFamily, party_of
from application.quota.reactions import on_family_moved
from application.recorded import Actor, Envelope, Origin, RecordedEvent
from domain.event import Event
from domain.family import events
from domain.quota.party import Party
from infrastructure.settings import Settings


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


@pytest.fixture
def kin(town: Town) -> Kin:
    return Kin(town)


def follow(kin: Kin) -> Answer:
    return kin.town.do(FollowFamily(UUID(kin.id)), "system")


def party(kin: Kin) -> Party:
    stream = party_of(UUID(kin.id))
    recorded: Sequence[RecordedEvent] = kin.town.house.store.load(kin.town.organization, [stream]).streams[stream]
    return Party(id=stream).after(one.fact for one in recorded)


def members(kin: Kin) -> set[str]:
    return {str(who) for who in party(kin).members}


def test_the_group_is_who_the_family_is(kin):
    kim = kin.child()
    follow(kin)
    assert (party(kin).kind, members(kin)) == ("family", {kin.ann, kim})


def test_told_again_nothing_happens(kin):
    kin.child()
    assert follow(kin).changed
    assert not follow(kin).changed


def test_it_catches_up_with_all_that_happened_meanwhile(town, kin):
    kim = kin.child()
    follow(kin)
    leo, ben = kin.child(), kin.other_guardian()
    town.as_("staff").delete(f"{kin.url}/members/{kim}")
    follow(kin)
    assert members(kin) == {kin.ann, leo, ben}


def test_who_is_of_age_is_counted_with_the_family_until_they_leave(town, kin):
    kim = kin.child()
    town.as_("staff").post(f"{kin.url}/dependants/{kim}/majority", json={"of_age_on": "2020-01-01"})
    follow(kin)
    assert members(kin) == {kin.ann, kim}
    town.as_("customer", kim).delete(f"{kin.url}/members/{kim}")
    follow(kin)
    assert members(kin) == {kin.ann}


def test_who_is_only_invited_is_not_counted(kin):
    ben = person(kin.town)
    kin.guardian.post(f"{kin.url}/guardians", json={"user_id": ben})
    follow(kin)
    assert members(kin) == {kin.ann}


def test_of_a_family_that_is_no_more_nobody_is_counted(town, kin):
    kin.child()
    follow(kin)
    town.as_("staff").delete(kin.url)
    follow(kin)
    assert (members(kin), party(kin).dissolved) == (set(), True)
    assert not follow(kin).changed


def test_of_one_that_ended_before_anybody_looked_there_is_no_group(town, kin):
    town.as_("staff").delete(kin.url)
    assert not follow(kin).changed


def test_four_bookings_a_family_whoever_of_it_they_are_for(town, kin):
    court = town.court(capacity=50)
    kim, ben = kin.child(), kin.other_guardian()
    follow(kin)
    rule = {"measure": "count", "limit": 4, "who": {"kind": "family"}, "what": {"locations": [court.location]}}
    assert town.owner.put(f"/api/v1/quotas/four-{uuid7()}", json=rule).status_code == 200
    him = town.as_("customer", ben)

    def book(who, hours: float, **more: str):
        return who.post("/api/v1/bookings", json=court.wish(hours, then="confirm", **more))

    made(book(kin.guardian, 24))
    last = made(book(kin.guardian, 26, customer_id=kim))
    made(book(him, 28))
    made(book(town.as_("staff"), 30, customer_id=kim))
    for who, whom in ((kin.guardian, kin.ann), (kin.guardian, kim), (him, ben), (town.as_("staff"), kim)):
        (reason,) = problem(book(who, 32, customer_id=whom), 409, "quota_reached")["reasons"]
        assert (reason["used"], reason["limit"]) == (4, 4)
    leo = kin.child()  # one more of them is no more bookings, once that is known
    follow(kin)
    problem(book(kin.guardian, 32, customer_id=leo), 409, "quota_reached")
    made(book(town.as_("customer"), 32))  # others have their own
    assert kin.guardian.post(f"/api/v1/bookings/{last}/cancellation", json={}).status_code == 200
    made(book(kin.guardian, 32, customer_id=leo))


# which facts ask for it


@pytest.mark.parametrize(
    ("fact", "asked"),
    [
        (events.FamilyFounded(UUID(int=1)), 1),
        (events.GuardianAdded(UUID(int=1)), 1),
        (events.DependantAdded(UUID(int=1)), 1),
        (events.MemberLeft(UUID(int=1)), 1),
        (events.FamilyDissolved(), 1),
        (events.GuardianInvited(UUID(int=1)), 0),
        (events.RightsChanged(UUID(int=1), UUID(int=2), ("see",)), 0),
        (events.DependantCameOfAge(UUID(int=1)), 0),
    ],
)
def test_what_brings_the_group_up_to_date(fact: Event, asked: int):
    family = uuid7()
    envelope = Envelope(uuid7(), "X", uuid7(), Actor("user", "a", "staff"), Origin("cli"))
    recorded = RecordedEvent(1, uuid7(), family, 1, uuid7(), fact.tag, datetime.now(UTC), fact, envelope)
    found = on_family_moved(recorded, None)  # type: ignore[arg-type]
    assert [do.command for do in found] == [FollowFamily(family)] * asked
