"""How much anybody may ask for: what is left of it, who is refused, and what becomes of it without Valkey."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from house import Town, fresh, problem
from hypothesis import given
from hypothesis import strategies as st
from litestar.routes import HTTPRoute

from application.recorded import Actor
from infrastructure.embedded.server import free_port
from infrastructure.postgres.access_log import Accessed, read
from infrastructure.postgres.migrate import APP_ROLE
from infrastructure.settings import Settings
from infrastructure.valkey import Gone, Valkey
from interfaces.http.caller import NOWHERE, Caller
from interfaces.http.limits import (
    ADDRESS,
    KINDS,
    MOST_ENTRIES,
    SEARCHES,
    TAKE,
    TIGHTER,
    WINDOW_MICROS,
    Budget,
    Budgets,
    Limits,
    Taken,
    kind_of,
)  # fmt: skip
from interfaces.http.metrics import Metrics
from projections.runner import connected

# one budget


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def six(key: bytes = b"k") -> Budget:
    return Budget(key, 6)


def test_a_minute_s_worth_may_come_at_once_and_no_more():
    clock = Clock()
    budgets = Budgets(now=clock)
    assert [budgets.take([six()]).left for _ in range(6)] == [(5,), (4,), (3,), (2,), (1,), (0,)]
    refused = budgets.take([six()])
    assert (refused.refused, round(refused.wait, 6)) == (1, 10)


def test_it_refills_evenly():
    clock = Clock()
    budgets = Budgets(now=clock)
    for _ in range(6):
        budgets.take([six()])
    clock.now += 9.99
    assert budgets.take([six()]).refused
    clock.now += 0.02
    assert not budgets.take([six()]).refused, "ten seconds are worth one"
    assert budgets.take([six()]).refused
    clock.now += 60
    assert budgets.take([six()]).left == (5,), "never more than a minute's worth"


def test_who_is_refused_by_one_budget_takes_nothing_from_the_others():
    budgets = Budgets(now=Clock())
    small, large = Budget(b"small", 1), Budget(b"large", 100)
    assert budgets.take([small, large]).left == (0, 99)
    assert [budgets.take([small, large]).refused for _ in range(50)] == [1] * 50
    assert budgets.take([large]).left == (98,)


def test_the_one_that_has_to_be_waited_for_longest_is_told():
    budgets = Budgets(now=Clock())
    slow, slower = Budget(b"slow", 2), Budget(b"slower", 1)
    budgets.take([slow])
    budgets.take([slow, slower])
    found = budgets.take([slow, slower])
    assert (found.refused, round(found.wait)) == (2, 60)


def test_no_more_are_remembered_than_that():
    budgets = Budgets(most=10, now=Clock())
    for n in range(100):
        budgets.take([six(b"%d" % n)])
    assert len(budgets) == 10
    assert budgets.take([six(b"99")]).left == (4,), "the latest are"
    assert budgets.take([six(b"1")]).left == (5,)


@given(st.integers(1, 500), st.lists(st.floats(0, 90), max_size=200))
def test_no_minute_admits_more_than_twice_its_worth_and_none_less(most, pauses):
    """A minute's worth at once and, until the minute is over, what has come back: never more."""
    clock = Clock()
    budgets, admitted = Budgets(now=clock), []
    for pause in pauses:
        clock.now += pause / most
        if not budgets.take([Budget(b"k", most)]).refused:
            admitted.append(clock.now)
    for at in admitted:
        assert sum(at <= other < at + 60 for other in admitted) <= 2 * most
    assert len(admitted) >= min(len(pauses), most)


# the same in Valkey


@contextmanager
def shared(servers: Settings) -> Iterator[tuple[asyncio.Runner, Valkey]]:
    with asyncio.Runner() as runner:
        valkey = Valkey(servers.redis_url or "", 5)

        async def up() -> None:
            valkey.open()
            for _ in range(1000):
                if valkey.there:
                    return
                await asyncio.sleep(0.01)

        runner.run(up())
        yield runner, valkey
        runner.run(valkey.aclose())


def test_valkey_counts_as_a_process_does(servers: Settings):
    """One after the other, at the same moment as far as anybody can tell: budgets of a minute do not move."""
    own = Budgets(now=Clock())
    run = uuid4().hex.encode()
    wanted = [[Budget(run + b"%d" % key, most) for key, most in one] for one in (
        [(1, 1)], [(1, 1)], [(1, 1), (2, 3)], [(2, 3), (3, 7)], [(2, 3)], [(3, 7), (2, 3)], [(2, 3)], [(3, 7)], [],
        *[[(4, 2), (5, 5)]] * 4, *[[(5, 5)]] * 5,
    )]  # fmt: skip
    with shared(servers) as (runner, valkey):
        for budgets in wanted:
            answer: Any = runner.run(
                valkey.run(TAKE, [it.key for it in budgets], [WINDOW_MICROS, *(b"%d" % it.most for it in budgets)])
            )
            there = Taken(answer[0], answer[1] / 1e6, tuple(answer[2::2]), tuple(m / 1e6 for m in answer[3::2]))
            here = own.take(budgets)
            assert there.refused == here.refused, budgets
            assert there.wait == pytest.approx(here.wait, abs=5)
            if not here.refused:
                assert there.left == here.left
                assert there.whole == pytest.approx(here.whole, abs=5)


def test_of_many_who_ask_at_once_as_many_are_admitted_as_the_budget_has(servers: Settings):
    key = uuid4().hex.encode()
    with shared(servers) as (runner, valkey):

        async def all_at_once() -> list[Any]:
            return await asyncio.gather(*(valkey.run(TAKE, [key], [WINDOW_MICROS, b"50"]) for _ in range(400)))

        assert sum(answer[0] == 0 for answer in runner.run(all_at_once())) == 50
        kept: Any = runner.run(_asked(valkey, b"PTTL", key))
        assert 0 < kept <= 60_000, "what is whole again is not kept"


async def _asked(valkey: Valkey, *words: bytes) -> Any:
    return await valkey.ask(*words)


# who is counted


class Broken:
    """A Valkey that is there, and cannot."""

    there = True

    async def run(self, *_: Any) -> Any:
        raise Gone


def limits(most: int = 20, workers: int = 1, **more: Any) -> Limits:
    usual: dict[str, Any] = {
        "most": dict.fromkeys(KINDS, most), "secret": b"s", "shared": None, "workers": workers, "metrics": Metrics(),
        "record": lambda _: None,
    }  # fmt: skip
    return Limits(**{**usual, **more})


def caller(name: str = "ann") -> Caller:
    return Caller(Actor("user", name, "staff"), (uuid4(),), 0)


def admitted(of: Limits, times: int, who: Caller | None, address: str = "203.0.113.7", kind: Any = "reads") -> int:
    async def story() -> int:
        verdicts = [await of.admit(kind, who, address) for _ in range(times)]
        return sum(verdict is None or verdict.refusal is None for verdict in verdicts)

    return asyncio.run(story())


def test_each_principal_has_a_budget_of_each_kind():
    it, ann, bob = limits(), caller("ann"), caller("bob")
    assert admitted(it, 15, ann) == 20 // TIGHTER
    assert admitted(it, 15, ann, kind="writes") == 10
    assert admitted(it, 15, bob) == 10
    assert admitted(it, 15, caller("ann")) == 10, "in another organization"


def test_who_changes_address_is_the_same_principal():
    it, ann = limits(), caller()
    assert sum(admitted(it, 1, ann, f"203.0.113.{n}") for n in range(40)) == 10


def test_an_address_has_a_budget_whoever_calls_from_there():
    it = limits()
    assert sum(admitted(it, 1, caller(f"u{n}")) for n in range(150)) == 10 * ADDRESS
    assert admitted(it, 1, caller("new"), "203.0.113.8") == 1


def test_strangers_of_an_address_share_one_and_take_nothing_from_who_is_known():
    it = limits()
    assert admitted(it, 50, None) == 10
    assert admitted(it, 50, None, "203.0.113.8") == 10
    assert admitted(it, 5, caller()) == 5


def test_a_household_of_the_new_addresses_is_one():
    it = limits()
    assert sum(admitted(it, 1, None, f"2001:db8:1:2::{n:x}") for n in range(50)) == 10
    assert admitted(it, 1, None, "2001:db8:1:3::1") == 1


@pytest.mark.parametrize(("workers", "share"), [(1, 10), (2, 5), (40, 1)])
def test_alone_a_process_is_tighter_and_with_others_each_has_its_part(workers, share):
    assert admitted(limits(workers=workers), 30, caller()) == share
    assert admitted(limits(workers=workers, shared=Broken()), 30, caller()) == share


def test_nothing_is_limited_where_it_is_zero_or_of_no_kind():
    assert asyncio.run(limits(0).admit("reads", None, "x")) is None
    assert asyncio.run(limits().admit(None, None, "x")) is None


def test_addresses_and_names_are_kept_under_keyed_hashes_only():
    kept: list[bytes] = []

    class Seen(Broken):
        async def run(self, _: Any, keys: Any, __: Any) -> Any:
            kept.extend(keys)
            raise Gone

    admitted(limits(shared=Seen()), 1, caller("ann@example.org"))
    admitted(limits(shared=Seen(), secret=b"other"), 1, caller("ann@example.org"))
    assert not [key for key in kept if b"203.0" in key or b"ann" in key]
    assert len(set(kept)) == len(kept) == 4, "another secret, other hashes"


def test_of_refused_ones_one_entry_a_minute_and_budget_is_written_and_never_more_than_that():
    told: list[Any] = []
    it = limits(2, record=told.extend)

    async def story() -> None:
        for _ in range(30):
            await it.admit("reads", None, "203.0.113.7")
        for n in range(MOST_ENTRIES + 50):
            for _ in range(2):
                await it.admit("logins", None, f"198.51.{n // 250}.{n % 250}")
        await it.told()

    asyncio.run(story())
    here = [entry for entry in told if entry.origin.ip_prefix == "203.0.113.0/24"]
    assert 1 <= len(here) <= 2, "two where a minute ended meanwhile"
    assert (here[0].action, here[0].outcome, here[0].reason) == ("request", "denied", "too_many_requests")
    assert (here[0].tenant, here[0].target_id) == (NOWHERE, "reads")
    assert len(told) <= 2 * MOST_ENTRIES


# over HTTP


def routes(town: Town) -> list[HTTPRoute]:
    return [route for route in town.app.routes if isinstance(route, HTTPRoute)]


@pytest.fixture(scope="module")
def strict(servers: Settings) -> Iterator[Town]:
    """Counted in Valkey, for this module's time alone: whose budget is used up stays so for a minute."""
    few = {"limit_reads": 8, "limit_writes": 8, "limit_searches": 8, "limit_pages": 8, "limit_logins": 8}
    with fresh(servers, **few, token_secret=uuid4().hex * 2) as settings, Town(settings, views=False) as town:
        ends = time.monotonic() + 20
        while not (town.house.valkey and town.house.valkey.there):
            assert time.monotonic() < ends
            time.sleep(0.02)
        yield town


def entries(town: Town) -> list[Accessed]:
    with connected(town.settings.database_url or "", "test", role=APP_ROLE) as connection:
        return [one for one in read(connection) if one.reason == "too_many_requests"]


def test_who_asks_too_often_is_told_when_to_come_back(strict):
    who = strict.as_("owner", str(uuid4()))
    answers = [who.post("/api/v1/locations", json={"name": "X", "zone": "UTC"}) for _ in range(12)]
    good = [answer for answer in answers if answer.status_code == 201]
    assert len(good) >= 8, "the first may be a stranger's, whose token nobody knew"
    assert good[1].headers["ratelimit-policy"] == '"writes";q=8;w=60'
    name, left, again = good[1].headers["ratelimit"].split(";")
    assert (name, left[:2], again[:2]) == ('"writes"', "r=", "t=")
    last = answers[-1]
    found = problem(last, 429, "too_many_requests")
    assert 1 <= int(last.headers["retry-after"]) <= 60
    assert found["details"]["retry_after"] == int(last.headers["retry-after"])
    assert last.headers["ratelimit"].startswith('"writes";r=0;t=')
    assert last.headers["x-content-type-options"] == "nosniff"
    assert last.headers["x-request-id"] in found["instance"]
    assert who.get("/api/v1/locations").status_code == 200, "to read is another kind"
    other = strict.as_("owner", str(uuid4()))
    other.get("/api/v1/resources")
    assert other.post("/api/v1/locations", json={"name": "X", "zone": "UTC"}).status_code == 201


def test_refused_ones_are_counted_and_told_once(strict):
    who = strict.as_("owner", str(uuid4()))
    before = len(entries(strict))
    for _ in range(30):
        who.get("/api/v1/bookings/counts")
    ends = time.monotonic() + 10
    while len(entries(strict)) == before:
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert 1 <= len(entries(strict)) - before <= 2
    entry = entries(strict)[-1]
    assert (entry.action, entry.outcome, entry.target_type, entry.target_id) == (
        "request", "denied", "limit", "searches",
    )  # fmt: skip
    scraped = strict.client.get("/metrics", headers={"authorization": f"Bearer {strict.settings.metrics_token}"})
    assert 'daybook_requests_refused_total{by="principal",kind="searches"}' in scraped.text


def test_junk_tokens_share_the_budget_of_strangers(strict):
    statuses = [
        strict.client.get("/api/v1/bookings", headers={"authorization": f"Bearer junk{n}"}).status_code
        for n in range(20)
    ]
    assert statuses[-1] == 429
    assert set(statuses) == {401, 429}


def test_whoever_watches_over_it_is_never_refused(strict):
    assert {strict.client.get("/health/live").status_code for _ in range(30)} == {200}


def test_no_forged_address_is_a_budget_of_its_own(strict):
    statuses = [
        strict.client.get("/problems", headers={"x-forwarded-for": f"198.51.100.{n}", "forwarded": f"for=192.0.2.{n}"})
        for n in range(20)
    ]
    assert statuses[-1].status_code == 429


def test_without_valkey_all_goes_on_and_is_limited(servers):
    gone = f"redis://127.0.0.1:{free_port()}/0"
    with fresh(servers, redis_url=gone, limit_reads=20) as settings, Town(settings, views=False) as town:
        who = town.owner
        statuses = [who.get("/api/v1/locations").status_code for _ in range(30)]
        assert statuses.count(200) in range(10, 22)
        assert statuses[-1] == 429
        scraped = town.client.get("/metrics", headers={"authorization": f"Bearer {town.settings.metrics_token}"})
        assert "daybook_requests_counted_alone_total 0.0" not in scraped.text


def test_every_path_of_the_dear_ones_is_a_route(strict):
    assert {route.path_format for route in routes(strict)} >= SEARCHES


@pytest.mark.parametrize(
    ("path", "method", "open_", "kind"),
    [
        ("/api/v1/bookings", "GET", False, "reads"), ("/api/v1/bookings", "POST", False, "writes"),
        ("/api/v1/availability/search", "POST", False, "searches"), ("/api/v1/tokens", "POST", True, "logins"),
        ("/docs", "GET", True, "pages"), ("/docs", "GET", False, "pages"), ("/health/live", "GET", True, None),
        ("/api/v1/bookings/{booking_id}", "DELETE", False, "writes"),
    ],
)  # fmt: skip
def test_each_route_is_of_one_kind(path, method, open_, kind):
    assert kind_of(path, method, open_) == kind
