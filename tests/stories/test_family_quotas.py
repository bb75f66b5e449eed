"""A family is counted together by itself: the worker follows who comes and who goes."""

import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from house import Town, fresh, until
from kin import Kin

from application.quota.commands import party_of
from domain.quota.party import Party
from infrastructure.settings import Settings
from interfaces.worker import Worker


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        worker = Worker(town.house)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield town
        finally:
            worker.stop()
            thread.join(20)
            assert not thread.is_alive()


def counted(kin: Kin) -> set[str]:
    stream = party_of(UUID(kin.id))
    recorded = kin.town.house.store.load(kin.town.organization, [stream]).streams.get(stream, ())
    return {str(who) for who in Party(id=stream).after(one.fact for one in recorded).members}


def test_who_comes_is_counted_and_who_goes_is_not(town):
    kin = Kin(town)
    until(lambda: counted(kin) == {kin.ann})
    kim, leo, ben = kin.child(), kin.child(), kin.other_guardian()
    until(lambda: counted(kin) == {kin.ann, kim, leo, ben})
    assert kin.staff.delete(f"{kin.url}/members/{leo}").status_code == 200
    until(lambda: counted(kin) == {kin.ann, kim, ben})
    assert kin.staff.delete(kin.url).status_code == 200
    until(lambda: counted(kin) == set())
