"""Acting for a dependant, on the real store: a right or a consent that goes between reading and writing has gone."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from house import HOUR, Court, Town, fresh, soon
from kin import Kin, person
from uuid_utils.compat import uuid7

from application.booking import commands as booking
from application.booking.commands import Cancel, PlaceHold, WantedItem
from application.bus import CommandBus
from application.family.commands import ChangeRights, GiveConsent, WithdrawConsent
from application.handlers import HANDLERS
from application.message import Command
from application.unit_of_work import SomebodyElse, UnitOfWork
from domain.booking.errors import UnknownBooking
from domain.family.errors import ConsentMissing
from infrastructure.settings import Settings


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


@pytest.fixture
def kin(town: Town) -> Iterator[Kin]:
    yield Kin(town)
    town.owner.delete("/api/v1/consents/photo")


@pytest.fixture(scope="module")
def court(town: Town) -> Court:
    return town.court(capacity=500)


class Meanwhile:
    """A bus on which something happens once between a command's decision and its write."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.first: list[Callable[[], Any]] = []
        self.tried = 0
        handlers = {**HANDLERS, PlaceHold: self._slowly(booking.place_hold), Cancel: self._slowly(booking.cancel)}
        self._bus = CommandBus(town.house.store, handlers, town.house.numbers)

    def _slowly(self, handler: Callable[[Any, UnitOfWork], None]) -> Callable[[Any, UnitOfWork], None]:
        def decided(command: Command, work: UnitOfWork) -> None:
            self.tried += 1
            handler(command, work)
            if self.first:
                self.first.pop()()

        return decided

    def carry_out(self, command: Command, guardian: str) -> Any:
        return self._bus.carry_out(command, self.town.occasion("customer", subject=guardian))


@pytest.fixture
def bus(town: Town) -> Meanwhile:
    return Meanwhile(town)


def hold(court: Court, child: str) -> PlaceHold:
    starts_at = soon(24)
    items = (WantedItem(UUID(court.resource), starts_at, starts_at + HOUR),)
    return PlaceHold(uuid7(), UUID(court.location), items, customer_id=UUID(child), then="confirm")


def let(kin: Kin, guardian: str, child: str, *rights: Any) -> None:
    kin.town.do(ChangeRights(UUID(kin.id), UUID(guardian), UUID(child), rights), "staff")


def test_a_right_that_goes_before_the_write_has_gone(kin, court, bus):
    kim, ben = kin.child(), kin.other_guardian()
    let(kin, ben, kim, "book")
    bus.first.append(lambda: let(kin, ben, kim, "see"))
    with pytest.raises(SomebodyElse):
        bus.carry_out(hold(court, kim), ben)
    assert bus.tried == 2


def test_nor_is_anything_cancelled_by_who_may_no_longer(kin, court, bus):
    kim, ben = kin.child(), kin.other_guardian()
    let(kin, ben, kim, "book")
    held = hold(court, kim)
    bus.carry_out(held, ben)
    bus.first.append(lambda: let(kin, ben, kim))
    with pytest.raises(UnknownBooking):
        bus.carry_out(Cancel(held.booking_id), ben)


def test_what_else_happens_in_the_family_is_only_in_the_way_for_a_moment(kin, court, bus):
    kim, ben = kin.child(), kin.other_guardian()
    let(kin, ben, kim, "book")
    bus.first.append(lambda: let(kin, ben, kim, "book", "pay"))
    assert bus.carry_out(hold(court, kim), ben).changed
    assert bus.tried == 2


def test_who_books_for_themselves_does_not_wait_for_the_family(kin, court, bus):
    bus.first.append(kin.child)
    assert bus.carry_out(hold(court, kin.ann), kin.ann).changed
    assert bus.tried == 1


def test_a_consent_that_goes_before_the_write_has_gone(town, kin, court, bus):
    kim, ann = kin.child(), UUID(kin.ann)
    assert town.owner.put("/api/v1/consents/photo", json={"version": 1, "of_minors": True}).status_code == 200
    town.do(GiveConsent(UUID(kim), "photo", 1, by=ann), "staff")
    assert bus.carry_out(hold(court, kim), kin.ann).changed
    bus.first.append(lambda: town.do(WithdrawConsent(UUID(kim), "photo", by=ann), "staff"))
    with pytest.raises(ConsentMissing):
        bus.carry_out(hold(court, kim), kin.ann)


def test_what_is_asked_of_minors_from_now_on_is_asked_before_the_write(town, kin, court, bus):
    kim = kin.child()
    ask = {"version": 1, "of_minors": True}
    bus.first.append(lambda: town.owner.put("/api/v1/consents/photo", json=ask))
    with pytest.raises(ConsentMissing):
        bus.carry_out(hold(court, kim), kin.ann)


def test_two_families_for_one_dependant_at_once(town):
    """Of two that add the same person at the same moment one has them: the person's own stream sees to it."""

    def added(families: list[Kin], child: str) -> list[int]:
        def one(family: Kin) -> int:
            return family.staff.post(f"{family.url}/dependants", json={"user_id": child}).status_code

        with ThreadPoolExecutor(len(families)) as pool:
            return sorted(pool.map(one, families))

    for _ in range(5):
        assert added([Kin(town), Kin(town), Kin(town)], person(town)) == [200, 422, 422]
