"""The command bus on the real store: permission, the same again, deciding anew, and certainty about what happened."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from house import HOUR, Court, Town, fresh, soon
from msgspec.structs import replace
from uuid_utils.compat import uuid7

from application import permission
from application.booking.commands import (
    Cancel,
    Confirm,
    ExpireHold,
    MovedItem,
    PlaceHold,
    ReleaseHold,
    Reschedule,
    WantedItem,
)
from application.bus import CommandBus, CommandInFlight, Contended, KeyUsedDifferently
from application.event_store import Append, Carried, Moved, Unavailable
from application.handlers import HANDLERS
from application.message import Command, Query
from application.organization.commands import RenameOrganization, ReviseOrganization, SetPolicy
from application.permission import PERMISSIONS, NotPermitted
from application.resource.commands import RenameResource
from application.unit_of_work import ChangedSince
from domain.booking.errors import HoldExpired, SlotHeld, SlotTaken, UnknownBooking
from infrastructure.settings import Settings


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


@pytest.fixture
def court(town: Town) -> Court:
    return town.court()


def hold(court: Court, hours: float = 24, then: str = "hold", **more: Any) -> PlaceHold:
    item = WantedItem(UUID(court.resource), soon(hours), soon(hours) + HOUR)
    return PlaceHold(uuid7(), UUID(court.location), (item,), then=then, **more)  # type: ignore[arg-type]


def tags(town: Town, stream: UUID) -> list[str]:
    rows = town.sql("SELECT tag FROM event_store.event WHERE stream = %s ORDER BY version", stream)
    return [tag for (tag,) in rows]


# permission


def test_every_message_has_a_row_and_every_command_a_handler():
    def below(kind: type) -> set[type]:
        found = set(kind.__subclasses__())
        return found.union(*(below(one) for one in found))

    named = {kind for kind in below(Command) | below(Query) if kind.__module__.startswith("application.")}
    assert named == PERMISSIONS.keys()
    assert below(Command) & named == HANDLERS.keys()


ROLES = {
    "platform", "owner", "admin", "importer", "manager", "staff", "service", "customer", "compliance", "system",
    "coach",
}  # fmt: skip


@pytest.mark.parametrize("command", [RenameOrganization("X"), ExpireHold(uuid4()), Cancel(uuid4())])
def test_who_may_not_is_refused_before_anything_is_read(town, command, monkeypatch):
    monkeypatch.setattr(town.house.store, "load", None)
    for role in ROLES - PERMISSIONS[type(command)].keys():
        with pytest.raises(NotPermitted):
            town.do(command, role, subject=uuid4())


def test_a_message_without_a_row_may_be_asked_by_nobody(town, monkeypatch):
    monkeypatch.setattr(permission, "PERMISSIONS", {})
    for role in ROLES:
        with pytest.raises(NotPermitted):
            town.do(Confirm(uuid4()), role)


def test_own_reaches_ones_own_bookings_alone(town, court):
    ann, bob = str(uuid4()), str(uuid4())
    mine = hold(court, 30)
    town.do(mine, "customer", subject=ann)
    with pytest.raises(UnknownBooking):
        town.do(Confirm(mine.booking_id), "customer", subject=bob)
    assert town.do(Confirm(mine.booking_id), "customer", subject=ann).result["status"] == "confirmed"


# the same again


def test_a_command_happens_once_and_is_answered_twice(town, court):
    command, once = hold(court, 40), {"command_id": uuid7(), "keyed": True}
    first = town.do(command, **once)
    again = town.do(command, **once)
    assert (first.position, first.result) == (again.position, again.result)
    assert (first.replayed, again.replayed) == (False, True)
    assert tags(town, command.booking_id) == ["booking.held.v2"]


def test_another_body_under_its_id_is_refused(town, court):
    once = {"command_id": uuid7(), "keyed": True}
    town.do(hold(court, 50), **once)
    with pytest.raises(KeyUsedDifferently):
        town.do(hold(court, 51), **once)


def test_its_own_success_is_not_why_it_is_refused(town, court):
    """The second time the slot is taken, by itself: that is a replay."""
    command, once = hold(court, 60, then="confirm"), {"command_id": uuid7(), "keyed": True}
    first = town.do(command, **once)
    assert town.do(command, **once).position == first.position
    town.do(Cancel(command.booking_id))
    assert town.do(command, **once).result == first.result, "and it stays one, whatever came after"


def test_two_at_once_are_one(town, court):
    command, once = hold(court, 70), {"command_id": uuid7(), "keyed": True}
    gate = threading.Barrier(8)

    def go(_: int) -> str:
        gate.wait()
        try:
            return str(town.do(command, **once).position)
        except CommandInFlight:
            return "in flight"

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(go, range(8))) - {"in flight"}
    assert len(answers) == 1
    assert len(tags(town, command.booking_id)) == 1
    assert str(town.do(command, **once).position) in answers


def test_nothing_happened_is_answered_with_where_that_was_seen(town, court):
    command = hold(court, 80, then="confirm")
    first = town.do(command)
    again = town.do(Confirm(command.booking_id))
    assert not again.changed
    assert again.position == first.position
    assert again.result["version"] == 2


def test_a_refusal_is_decided_afresh(town, court):
    taken, wish = hold(court, 90), hold(court, 90)
    once = {"command_id": uuid7(), "keyed": True}
    town.do(taken)
    with pytest.raises(SlotHeld):
        town.do(wish, **once)
    town.do(ReleaseHold(taken.booking_id))
    assert not town.do(wish, **once).replayed


# deciding anew


def test_what_has_moved_is_decided_again(town, court, monkeypatch):
    """Between reading and writing the resource is renamed: the first decision is not recorded, the second is."""
    append, renamed = town.house.store.append, []

    def meanwhile(what: Append) -> Carried:
        if what.envelope.command == "PlaceHold" and not renamed:
            renamed.append(True)
            town.do(RenameResource(UUID(court.resource), "Renamed"))
        return append(what)

    monkeypatch.setattr(town.house.store, "append", meanwhile)
    command = hold(court, 100)
    town.do(command)
    assert renamed
    metadata = town.sql("SELECT metadata FROM event_store.event WHERE stream = %s", command.booking_id)[0][0]
    assert b'"version":2' in bytes(metadata), "the envelope names the version that the second decision saw"


def test_what_moves_every_time_is_decided_with_the_locks_held_first(town, court, monkeypatch):
    calls: list[str] = []
    append = town.house.store.append

    def always_moved(what: Append) -> Carried:
        if what.envelope.command == "PlaceHold":
            calls.append("moved")
            raise Moved
        return append(what)

    monkeypatch.setattr(town.house.store, "append", always_moved)
    assert town.do(hold(court, 110)).changed
    assert calls == ["moved"] * 4


def test_it_gives_up_after_so_many_times(town, court, monkeypatch):
    def moved(*_: Any) -> Any:
        raise Moved

    monkeypatch.setattr(town.house.store, "append", moved)
    monkeypatch.setattr(town.house.store, "locked", moved)
    with pytest.raises(Contended):
        town.do(hold(court, 120))


def test_many_who_change_one_thing_all_succeed(town):
    """Each rename depends on the version before it: eight at once all get their turn."""
    court = town.court()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: town.do(RenameResource(UUID(court.resource), f"Name {n}")), range(24)))
    assert len(tags(town, UUID(court.resource))) == 25


def test_the_version_seen_is_checked_once_and_told(town, court):
    command = hold(court, 130)
    town.do(command)
    with pytest.raises(ChangedSince) as caught:
        town.do(Confirm(command.booking_id), expects=7)
    assert caught.value.detail == {"expected": 7, "version": 1}
    town.do(Confirm(command.booking_id), expects=1)


def test_several_changes_are_one_command(town):
    before = len(tags(town, town.organization))
    changes = (RenameOrganization("Other"), SetPolicy(11, 22, 33))
    answer = town.do(ReviseOrganization(changes))
    assert answer.result["version"] == before + 2
    with pytest.raises(Exception, match="keeps its bounds"):
        town.do(ReviseOrganization((RenameOrganization("Never"), SetPolicy(99, 0, 0))))
    assert len(tags(town, town.organization)) == before + 2


# dead holds


def held_long_ago(town: Town, court: Court, hours: float) -> PlaceHold:
    """A hold that was placed when its time is over by now: as an import would place it."""
    command = hold(court, hours)
    (now,) = town.sql("SELECT clock_timestamp()")[0]
    town.do(command, occurred_at=now - timedelta(minutes=40))
    return command


def test_a_dead_hold_in_the_way_is_expired_by_the_front_door(town, court):
    dead, wish = held_long_ago(town, court, 140), hold(court, 140)
    assert town.do(wish).changed
    assert tags(town, dead.booking_id) == ["booking.held.v2", "booking.expired"]
    (actor,) = town.sql(
        "SELECT metadata FROM event_store.event WHERE stream = %s AND tag = 'booking.expired'", dead.booking_id
    )[0]
    assert b'"hold-expiry"' in bytes(actor), "nobody displaces a claim silently"


def test_several_dead_holds_in_the_way_of_a_move(town):
    court = town.court()
    dead = [held_long_ago(town, court, 150 + n) for n in range(3)]
    mine = hold(court, 160, then="confirm")
    town.do(mine)
    item = MovedItem(1, UUID(court.resource), soon(150), soon(153))
    assert town.do(Reschedule(mine.booking_id, (item,))).changed
    for one in dead:
        assert tags(town, one.booking_id)[-1] == "booking.expired"


def test_a_dead_hold_cannot_be_confirmed_although_nobody_has_swept(town, court):
    dead = held_long_ago(town, court, 170)
    with pytest.raises(HoldExpired):
        town.do(Confirm(dead.booking_id))


def test_a_living_hold_is_in_the_way(town, court):
    town.do(hold(court, 180))
    with pytest.raises(SlotHeld) as caught:
        town.do(hold(court, 180))
    (reason,) = caught.value.detail["reasons"]
    assert reason["code"] == "HELD"


def test_who_is_refused_learns_nothing_of_who_was_first(town, court):
    first = hold(court, 190, then="confirm")
    town.do(first)
    with pytest.raises(SlotTaken) as caught:
        town.do(hold(court, 190))
    assert str(first.booking_id) not in str(caught.value.detail)


# nobody knows


class Eats:
    """A store whose answer is lost on its way: what was to happen has happened (`done`), or has not."""

    def __init__(self, store: Any, done: bool, times: int = 1) -> None:
        self._store, self._done, self._times = store, done, times
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, what: Append) -> Carried:
        self.asked.append("append")
        if self._times:
            self._times -= 1
            if self._done:
                self._store.append(what)
            raise Unavailable("lost", unknown=True)
        carried: Carried = self._store.append(what)
        return carried

    def outcome(self, tenant: UUID, command_id: UUID) -> Carried | None:
        self.asked.append("outcome")
        found: Carried | None = self._store.outcome(tenant, command_id)
        return found


def bus(town: Town, **how: Any) -> tuple[CommandBus, Eats]:
    store = Eats(town.house.store, **how)
    return CommandBus(store, HANDLERS, town.house.numbers), store


def test_a_lost_answer_is_looked_up(town, court):
    """It has happened: the command's id tells, and it is told as the first answer, not as a repetition."""
    made, store = bus(town, done=True)
    command = hold(court, 200)
    answer = made.carry_out(command, town.occasion())
    assert store.asked == ["append", "outcome"]
    assert not answer.replayed
    assert answer.result["id"] == str(command.booking_id)
    assert tags(town, command.booking_id) == ["booking.held.v2"]


def test_what_did_not_happen_is_tried_again_under_its_one_id(town, court):
    made, store = bus(town, done=False, times=2)
    command = hold(court, 210)
    assert made.carry_out(command, town.occasion()).changed
    assert store.asked == ["append", "outcome", "append", "outcome", "append"]
    assert tags(town, command.booking_id) == ["booking.held.v2"]


class Late(Eats):
    """A store of which the first write lies in a frozen server's socket, and is carried out just after it was looked
    for in vain."""

    def __init__(self, store: Any) -> None:
        super().__init__(store, done=False)
        self._on_its_way: Append | None = None

    def append(self, what: Append) -> Carried:
        if not self.asked:
            self._on_its_way = what
        return super().append(what)

    def outcome(self, tenant: UUID, command_id: UUID) -> Carried | None:
        found = super().outcome(tenant, command_id)
        if self._on_its_way is not None:
            self._store.append(self._on_its_way)
            self._on_its_way = None
        return found


@pytest.mark.parametrize("keyed", [True, False])
def test_what_comes_late_is_told_as_what_it_did_and_not_as_nothing(town, court, keyed):
    """A cancellation that finds itself done already: by nobody else than itself."""
    first = hold(court, 215 + keyed, then="confirm")
    before = town.do(first).result["version"]
    made = CommandBus(Late(town.house.store), HANDLERS, town.house.numbers)
    answer = made.carry_out(Cancel(first.booking_id), replace(town.occasion(), keyed=keyed))
    assert answer.changed is not False
    assert answer.result["version"] == before + 1
    assert [tag.split(".")[1] for tag in tags(town, first.booking_id)].count("cancelled") == 1


@pytest.mark.parametrize("keyed", [True, False])
def test_what_comes_late_is_not_refused_because_of_itself(town, court, keyed):
    first = hold(court, 217 + keyed)
    made = CommandBus(Late(town.house.store), HANDLERS, town.house.numbers)
    answer = made.carry_out(first, replace(town.occasion(), keyed=keyed))
    assert answer.result["id"] == str(first.booking_id)
    assert tags(town, first.booking_id) == ["booking.held.v2"]


def test_after_three_times_nobody_is_told_that_it_happened(town, court):
    made, _ = bus(town, done=False, times=99)
    with pytest.raises(Unavailable) as caught:
        made.carry_out(hold(court, 220), town.occasion())
    assert caught.value.unknown


def test_what_certainly_did_not_happen_is_not_tried_again(town, court, monkeypatch):
    asked: list[int] = []

    def away(*_: Any) -> Any:
        asked.append(1)
        raise Unavailable

    monkeypatch.setattr(town.house.store, "append", away)
    with pytest.raises(Unavailable):
        town.do(hold(court, 230))
    assert asked == [1]
