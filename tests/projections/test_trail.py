"""The audit trail: as many documents as events, each once, never changed, and aloud when something does not agree."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from logbook import CUSTOMER, NOON, STAFF, SUITE, TENANT, held, house, item, lives, recorded, write

from application.audit.queries import AuditTrail
from application.message import Occasion
from application.recorded import Origin
from domain.booking import events as booking
from domain.booking.booking import Booking
from infrastructure import mongo
from infrastructure.embedded.mongo import Mongo
from infrastructure.postgres.reading import behind, reading_pool
from infrastructure.postgres.source import Source
from projections.audit import trail
from projections.runner import connected

ONE, TWO = UUID(int=1), UUID(int=2)
FAR = datetime(2100, 1, 1, tzinfo=UTC)
Database = mongo.Database[mongo.Document]


def told(
    url: str, database: Database, source: Source | None = None, states: int = trail.STATES, limit: int = 300
) -> trail.Writer:
    writer = trail.Writer(database, source or Source(), states)
    writer.prepare()
    with connected(url, "test") as connection:
        writer.find(connection)
        while writer.step(connection, limit):
            pass
    return writer


def documents(database: Database) -> list[mongo.Document]:
    return list(database[trail.TRAIL].find().sort([("tenant", 1), ("seq", 1)]))


# one document


def test_a_document_says_who_did_what_to_which_with_before_and_after() -> None:
    event = recorded(booking.BookingCancelled("customer"), ONE, 3, position=7 << 60, reason="ill", local_minute=540)
    before = Booking(id=ONE, reference="A", status="confirmed", items=(item(),))
    document = trail.told(event, 1500, "ab" * 32, before, before.evolve(event.fact))
    assert document["_id"] == f"d:{TENANT}:000000001500"
    assert document["action"] == "booking.cancelled"
    assert document["actor"]["id"] == STAFF.id
    assert document["reason"] == "ill"
    assert document["local_min"] == 540
    assert document["target"] == {"type": "booking", "id": str(ONE)}
    assert document["changes"] == [
        {"path": "cancelled_from", "before": None, "after": "confirmed"},
        {"path": "sequence", "before": 0, "after": 1},
        {"path": "status", "before": "confirmed", "after": "cancelled"},
    ]
    assert document["src"]["position"] == str(7 << 60)
    assert document["at"] == "2027-03-10T12:00:00.000000Z"


def test_only_types_whose_canonical_form_is_one() -> None:
    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(isinstance(name, str) and plain(inner) for name, inner in value.items())
        if isinstance(value, list):
            return all(plain(inner) for inner in value)
        return value is None or isinstance(value, str | bool | int)

    fact = held(item(), item(2, SUITE), customer_id=CUSTOMER)
    event = recorded(fact, ONE, 1)
    document = trail.told(event, 1, "ab" * 32, None, Booking(id=ONE).evolve(fact))
    del document["ts"]
    assert plain(document)


def test_changes_name_the_path_of_what_changed() -> None:
    before, after = (
        {"a": 1, "items": [{"n": 1}, {"n": 2}], "x": None},
        {"a": 1, "items": [{"n": 1}, {"n": 3}], "x": "y"},
    )
    assert list(trail.changes(before, after)) == [
        {"path": "items[1].n", "before": 2, "after": 3}, {"path": "x", "before": None, "after": "y"},
    ]  # fmt: skip
    assert list(trail.changes({"items": [1]}, {"items": [1, 2]})) == [{"path": "items", "before": [1], "after": [1, 2]}]


# the whole trail


def test_as_many_documents_as_events_in_their_order(url: str, trail_database: Database) -> None:
    other = uuid4()
    facts = [*house(), *lives(150)]
    write(url, facts[:200])
    write(url, [(ONE, 1, held())], tenant=other)
    write(url, facts[200:])
    told(url, trail_database)
    found = documents(trail_database)
    mine = [one for one in found if one["tenant"] == str(TENANT)]
    assert [one["seq"] for one in mine] == list(range(1, len(facts) + 1))
    assert [(one["src"]["agg"], one["src"]["ver"]) for one in mine] == [(str(s), v) for s, v, _ in facts]
    assert [one["seq"] for one in found if one["tenant"] == str(other)] == [1]
    assert trail.verify(url, trail_database, Source()).differences == []


def test_telling_again_changes_nothing_with_the_hint_and_without(url: str, trail_database: Database) -> None:
    write(url, [*house(), *lives(100)])
    assert told(url, trail_database).written > 0
    before = documents(trail_database)
    assert told(url, trail_database).written == 0
    trail_database[trail.HINTS].delete_many({})
    assert told(url, trail_database).written == 0
    assert documents(trail_database) == before


def test_states_that_do_not_fit_are_folded_again_to_the_same_documents(url: str, trail_url: str) -> None:
    write(url, [*house(), *lives(100)])
    few, many = (mongo.writing(trail_url.replace("test_", name)) for name in ("few_", "many_"))
    told(url, few, states=2)
    told(url, many)
    assert [trail.canonical(one) for one in documents(few)] == [trail.canonical(one) for one in documents(many)]


def test_two_writers_at_once_write_the_same(url: str, trail_database: Database) -> None:
    facts = [*house(), *lives(300)]
    followers = [
        trail.Follower(url, lambda: mongo.writing(address(trail_database)), Source(), exclusive=False) for _ in range(2)
    ]
    threads = [threading.Thread(target=follower.run) for follower in followers]
    for thread in threads:
        thread.start()
    for start in range(0, len(facts), 250):
        write(url, facts[start : start + 250])
    until(lambda: trail_database[trail.TRAIL].count_documents({}) == len(facts))
    for follower in followers:
        follower.stop()
    for thread in threads:
        thread.join(10)
    assert not any(follower.forked for follower in followers)
    assert trail.verify(url, trail_database, Source()).differences == []


def address(database: Database) -> str:
    """The same server and database, for a client of one's own."""
    return ADDRESSES[database.name]


ADDRESSES: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _addresses(trail_url: str) -> None:
    ADDRESSES[trail_url.rsplit("/", 1)[1].partition("?")[0]] = trail_url


def until(true: Callable[[], bool], patience: float = 30.0) -> None:
    ends = time.monotonic() + patience
    while not true():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.05)


def test_another_document_in_its_place_stops_the_writer_aloud(url: str, trail_database: Database) -> None:
    write(url, [(ONE, 1, held()), (ONE, 2, booking.BookingConfirmed())])
    told(url, trail_database)
    # Somebody put a document where the next one belongs: the trail now ends behind the log's place for it.
    planted(trail_database, str(TENANT), 3, "1")
    write(url, [(ONE, 3, booking.BookingCheckedIn())])
    alarms: list[str] = []
    follower = trail.Follower(
        url, lambda: mongo.writing(address(trail_database)), Source(), alarm=lambda name, about: alarms.append(name)
    )
    thread = threading.Thread(target=follower.run)
    thread.start()
    try:
        until(lambda: follower.forked, 10)
    finally:
        follower.stop()
        thread.join(10)
    assert alarms == ["audit.fork"]
    assert trail_database[trail.TRAIL].count_documents({}) == 3, "nothing was overwritten or added"


@pytest.mark.parametrize("limit", [1, 3, 300])
def test_more_tenants_in_a_batch_than_are_remembered(
    url: str, trail_database: Database, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(trail, "TENANTS", 1)
    tenants = [uuid4() for _ in range(3)]
    for version in (1, 2, 3):
        fact = (held(), booking.BookingConfirmed(), booking.BookingCheckedIn())[version - 1]
        for number, tenant in enumerate(tenants):
            write(url, [(UUID(int=number + 1), version, fact)], tenant=tenant)
    assert told(url, trail_database, limit=limit).written == 9
    assert trail.verify(url, trail_database, Source()).differences == []


def test_the_tenant_unused_for_longest_is_forgotten_first(
    url: str, trail_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "TENANTS", 2)
    first, second, third = (uuid4() for _ in range(3))
    write(url, [(ONE, 1, held())], tenant=first)
    write(url, [(ONE, 1, held())], tenant=second)
    write(url, [(ONE, 2, booking.BookingConfirmed())], tenant=first)
    write(url, [(ONE, 1, held())], tenant=third)
    assert set(told(url, trail_database, limit=1)._ends) == {first, third}


# a log that was restored to an earlier point


def restored(url: str, keep: int, again: bool) -> None:
    """The log loses all events but the first few; `again`: others are recorded since, in the same places."""
    with psycopg.connect(url) as connection:
        lost = "WHERE position IN (SELECT position FROM event_store.event ORDER BY position OFFSET %s)"
        if again:
            change = "UPDATE event_store.event SET stream = gen_random_uuid(), version = 1 "
        else:
            change = "DELETE FROM event_store.event "
        assert connection.execute(change + lost, [keep]).rowcount > 0


@pytest.mark.parametrize("again", [False, True])
def test_a_log_that_ends_before_the_trail_stops_the_writer_aloud(
    url: str, trail_database: Database, again: bool
) -> None:
    write(url, [*house(), (ONE, 1, held()), (ONE, 2, booking.BookingConfirmed())])
    told(url, trail_database)
    before = documents(trail_database)
    restored(url, 4, again)
    alarms: list[str] = []
    follower = trail.Follower(
        url, lambda: mongo.writing(address(trail_database)), Source(), alarm=lambda name, about: alarms.append(name)
    )
    thread = threading.Thread(target=follower.run)
    thread.start()
    try:
        until(lambda: follower.forked, 10)
    finally:
        follower.stop()
        thread.join(10)
    assert alarms == ["audit.fork"]
    assert documents(trail_database) == before
    kinds = {one.kind for one in trail.verify(url, trail_database, Source()).differences}
    assert kinds == ({"different"} if again else {"surplus"})


def test_the_same_event_in_another_state_stops_the_writer(url: str, trail_database: Database) -> None:
    write(url, [(ONE, 1, held()), (ONE, 2, booking.BookingConfirmed())])
    told(url, trail_database)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE event_store.event SET state = state || ' ' WHERE version = 2")
    with pytest.raises(trail.Fork):
        told(url, trail_database)


@pytest.mark.parametrize("old", [False, True])
def test_a_restored_log_is_noticed_without_the_hint_and_with_an_old_one(
    url: str, trail_database: Database, old: bool
) -> None:
    """Where reading goes on before the place that the log was restored to, the hint cannot tell."""
    write(url, house())
    told(url, trail_database)
    hints = trail_database[trail.HINTS]
    hint = hints.find_one({})
    assert hint is not None
    write(url, [(ONE, 1, held()), (ONE, 2, booking.BookingConfirmed())])
    told(url, trail_database)
    hints.delete_many({})
    if old:
        hints.insert_one(hint)
    restored(url, 4, again=True)
    with pytest.raises(trail.Fork) as fork:
        told(url, trail_database)
    assert fork.value.place == trail.place(TENANT, 6)
    assert trail_database[trail.TRAIL].count_documents({}) == 6


def test_a_trail_that_agrees_goes_on_though_the_watermark_stands_lower(url: str, trail_database: Database) -> None:
    """As in a cluster that the log was moved to, before the first writer has raised its offset."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE event_store.cluster SET xid_offset = 1000000")
    write(url, house())
    told(url, trail_database)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE event_store.cluster SET xid_offset = 0")
    assert told(url, trail_database).position > 0


# proving


def test_an_edited_and_a_removed_document_are_found(url: str, trail_database: Database) -> None:
    write(url, [*house(), *lives(30)])
    told(url, trail_database)
    trail_database[trail.TRAIL].update_one({"seq": 5}, {"$set": {"actor.id": "somebody else"}})
    trail_database[trail.TRAIL].delete_one({"seq": 9})
    found = trail.verify(url, trail_database, Source()).differences
    assert [(one.id[-12:], one.kind) for one in found] == [("000000000005", "different"), ("000000000009", "missing")]


def planted(database: Database, tenant: Any, seq: Any, position: str) -> str:
    """A copy of the first document, in a place of its own."""
    document = database[trail.TRAIL].find_one({"seq": 1})
    assert document is not None
    number = f"{seq:012d}" if isinstance(seq, int) else str(seq)
    document |= {"_id": f"d:{tenant}:{number}", "tenant": tenant, "seq": seq}
    document["src"] |= {"position": position, "ver": 77}
    database[trail.TRAIL].insert_one(document)
    return str(document["_id"])


@pytest.mark.parametrize("position", ["1", str(1 << 62), "no number"])
def test_no_planted_document_hides_itself_or_another(url: str, trail_database: Database, position: str) -> None:
    write(url, [*house(), (ONE, 1, held())])
    told(url, trail_database)
    trail_database[trail.TRAIL].update_one({"seq": 3}, {"$set": {"reason": "forged"}})
    last = planted(trail_database, str(TENANT), 6, position)
    proven = trail.verify(url, trail_database, Source())
    assert (proven.events, proven.documents) == (5, 6)
    assert [(one.id, one.kind) for one in proven.differences] == [
        (trail.place(TENANT, 3), "different"), (last, "surplus"),
    ]  # fmt: skip


@pytest.mark.parametrize("seq", [0, -1, 2.5, 0.5, "2", None, 10**9])
def test_no_number_is_a_hiding_place(url: str, trail_database: Database, seq: Any) -> None:
    write(url, [*house(), (ONE, 1, held())])
    told(url, trail_database)
    one = planted(trail_database, str(TENANT), seq, "1")
    assert trail.verify(url, trail_database, Source()).differences == [trail.Difference(one, "surplus")]


@pytest.mark.parametrize("tenant", [str(ONE), "nobody", 7, None])
def test_a_tenant_of_whom_the_log_knows_nothing_is_found(url: str, trail_database: Database, tenant: Any) -> None:
    write(url, house())
    told(url, trail_database)
    one = planted(trail_database, tenant, 1, "1")
    assert trail.verify(url, trail_database, Source()).differences == [trail.Difference(one, "surplus")]


def test_a_trail_without_a_log_is_surplus(url: str, trail_database: Database) -> None:
    write(url, house())
    told(url, trail_database)
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM event_store.event")
    assert {one.kind for one in trail.verify(url, trail_database, Source()).differences} == {"surplus"}


def test_removed_from_the_end_is_removed(url: str, trail_database: Database) -> None:
    """The last document, and every document of a tenant: nothing that is left says that there was more."""
    other = uuid4()
    write(url, [(ONE, 1, held())], tenant=other)
    write(url, house())
    told(url, trail_database)
    trail_database[trail.TRAIL].delete_many({"tenant": str(other)})
    trail_database[trail.TRAIL].delete_one({"tenant": str(TENANT), "seq": 4})
    found = trail.verify(url, trail_database, Source(), patience=0.1).differences
    assert [(one.id, one.kind) for one in found] == [
        (trail.place(other, 1), "missing"), (trail.place(TENANT, 4), "missing"),
    ]  # fmt: skip


class Late(Source):
    """Something happens just after the end of the log was fixed."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self.happens: Callable[[], object] | None = happens

    def end(self, connection: Any) -> int:
        end = super().end(connection)
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        return end


def test_what_a_follower_writes_meanwhile_is_not_surplus(url: str, trail_database: Database) -> None:
    """Neither for a tenant that was there nor for a new one; what is forged meanwhile is told by the log as well."""
    other = uuid4()
    write(url, house())
    told(url, trail_database)

    def meanwhile() -> None:
        write(url, [(ONE, 1, held()), (ONE, 2, booking.BookingConfirmed())])
        write(url, [(ONE, 1, held())], tenant=other)
        told(url, trail_database)

    proven = trail.verify(url, trail_database, Late(meanwhile))
    assert (proven.events, proven.documents, proven.differences) == (4, 7, [])

    def forged() -> None:
        write(url, [(ONE, 3, booking.BookingCheckedIn())])
        told(url, trail_database)
        trail_database[trail.TRAIL].update_one({"seq": 7}, {"$set": {"actor": None}})
        planted(trail_database, str(TENANT), 8, "1")

    assert trail.verify(url, trail_database, Late(forged)).differences == [
        trail.Difference(trail.place(TENANT, 7), "different"), trail.Difference(trail.place(TENANT, 8), "surplus"),
    ]  # fmt: skip


def test_a_follower_that_is_behind_is_waited_for_while_it_goes_on(url: str, trail_database: Database) -> None:
    write(url, house())
    told(url, trail_database)
    write(url, [*lives(30)])
    late = threading.Timer(0.3, told, (url, trail_database), {"limit": 10})
    late.start()
    assert trail.verify(url, trail_database, Source()).differences == []
    late.join()
    write(url, [(ONE, 1, held())])
    [missing] = trail.verify(url, trail_database, Source(), patience=0.1).differences
    assert missing.kind == "missing", "nobody wrote it"
    assert trail.rebuild(url, trail_database, Source()).differences == []


def test_an_unreadable_event_has_a_document_of_its_own(url: str, trail_database: Database) -> None:
    write(url, [(ONE, 1, held()), (ONE, 2, ("booking.sealed", b"{}")), (ONE, 3, booking.BookingConfirmed())])
    told(url, trail_database)
    _, unreadable, after = documents(trail_database)
    assert (unreadable["kind"], unreadable["schema"], unreadable["actor"]) == ("unreadable", "booking.sealed", None)
    assert len(unreadable["src"]["state_sha256"]) == 64
    assert after["changes"] == [{"path": "status", "before": "held", "after": "confirmed"}]
    assert trail.verify(url, trail_database, Source()).differences == []


def test_mongo_gone_and_back(url: str, tmp_path: Any) -> None:
    """Its own server, killed under the follower: what was acknowledged is there, and the rest comes."""
    server = Mongo(tmp_path)
    server.start()
    facts = [*house(), *lives(150)]
    follower = trail.Follower(url, lambda: mongo.writing(server.url), Source())
    thread = threading.Thread(target=follower.run)
    try:
        write(url, facts[:200])
        thread.start()
        database = mongo.writing(server.url)
        until(lambda: database[trail.TRAIL].count_documents({}) == 200)
        server.kill()
        write(url, facts[200:])
        time.sleep(0.5)
        assert thread.is_alive()
        server.start()
        until(lambda: database[trail.TRAIL].count_documents({}) == len(facts))
        assert trail.verify(url, database, Source()).differences == []
        database.client.close()
    finally:
        follower.stop()
        thread.join(10)
        server.kill()


# asking it


def answered(url: str, trail_url: str, *queries: AuditTrail, tenant: UUID = TENANT) -> list[trail.Trail]:
    async def ask() -> list[trail.Trail]:
        async with reading_pool(url, 2) as pool:
            database = mongo.reading(trail_url)
            bus = trail.Reader(database, behind(pool)).answerers()
            occasion = Occasion(tenant, STAFF, Origin("api"), uuid4())
            found = [await bus[AuditTrail](query, occasion, "any") for query in queries]
            await database.client.close()
            return found

    return asyncio.run(ask())


def test_the_trail_by_booking_actor_action_and_period(url: str, trail_url: str, trail_database: Database) -> None:
    write(url, house())
    write(url, [(ONE, 1, held()), (ONE, 2, booking.BookingConfirmed()), (TWO, 1, held())], at=NOON + timedelta(days=1))
    told(url, trail_database)
    position = write(url, [(TWO, 2, booking.BookingConfirmed())])
    by_booking, by_actor, by_action, by_period, nobody, first = answered(
        url, trail_url, AuditTrail(booking_id=ONE), AuditTrail(actor_id=STAFF.id), AuditTrail(action="booking.held"),
        AuditTrail(recorded_from=NOON + timedelta(hours=1), recorded_before=NOON + timedelta(days=2)),
        AuditTrail(actor_id="{'$ne': 1}"), AuditTrail(limit=2),
    )  # fmt: skip
    assert [row.action for row in by_booking.rows] == ["booking.held", "booking.confirmed"]
    assert [row.seq for row in by_actor.rows] == list(range(1, 8))
    assert [row.target["id"] for row in by_action.rows] == [str(ONE), str(TWO)]
    assert [row.seq for row in by_period.rows] == [5, 6, 7]
    assert nobody.rows == []
    assert (len(first.rows), first.next) == (2, 2)
    assert first.complete_to is not None
    assert first.complete_to.seq == 7
    assert int(first.complete_to.position) < position
    assert first.behind == 1
    [rest] = answered(url, trail_url, AuditTrail(after=2, limit=5))
    assert ([row.seq for row in rest.rows], rest.next) == ([3, 4, 5, 6, 7], None)


def test_another_organization_sees_nothing(url: str, trail_url: str, trail_database: Database) -> None:
    write(url, [(ONE, 1, held())])
    told(url, trail_database)
    [found] = answered(url, trail_url, AuditTrail(booking_id=ONE), tenant=uuid4())
    assert (found.rows, found.complete_to) == ([], None)
    assert list(trail.criteria(AuditTrail(action="x"), TENANT).items())[-1] == ("tenant", str(TENANT))
    both = AuditTrail(booking_id=ONE, target_type="resource")
    assert answered(url, trail_url, both)[0].rows == []


def test_no_question_reads_the_whole_trail(url: str, trail_database: Database) -> None:
    """SecantusDB takes an index only where it covers every field that is asked for, so that all questions but the plain
    page can be proven on a MongoDB alone (set DAYBOOK_MONGO_URL)."""
    write(url, [*house(), *lives(20)])
    told(url, trail_database)
    questions = [
        AuditTrail(after=3), AuditTrail(booking_id=ONE), AuditTrail(actor_id=STAFF.id),
        AuditTrail(action="booking.held"), AuditTrail(recorded_from=NOON, recorded_before=FAR),
        AuditTrail(target_type="resource", target_id=SUITE),
    ]  # fmt: skip
    for query in questions:
        plan = trail_database[trail.TRAIL].find(trail.criteria(query, TENANT)).sort("seq", 1).explain()
        if plan.get("serverInfo", {}).get("host") == "secantus" and query is not questions[0]:
            continue
        assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"]), query
        assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"]), query
