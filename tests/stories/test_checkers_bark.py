"""A checker that never found anything proves nothing: each breach is planted once, and the one who guards it barks.

Planted as the owner of the database, behind the back of the functions that are the only way in.
"""

import threading
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace

from application.booking.commands import Cancel
from application.booking.series import CreateSeries
from application.family.commands import AskConsent, FoundFamily, GiveConsent
from application.identity.commands import RegisterUser
from application.identity.issuers import TrustIssuer
from application.identity.keys import IssueApiKey
from application.message import Command
from application.offering.commands import DefineOffering
from application.privacy.commands import RequestErasure
from application.quota.commands import SetQuotaRule
from application.waitlist.commands import JoinWaitlist
from bench.chaos import invariants
from bench.chaos.crowd import ask
from bench.chaos.invariants import Breach, answered, followed, occupancy, of_the_store, streams, whole_log
from bench.chaos.journal import Case, Intent, Journal, Outcome, cases
from bench.chaos.town import BusDoor, Town, Wish, booking_of, bus_door, found_at, journals
from domain.booking.series_events import Template
from domain.family.consents import Asked
from domain.offering.terms import Need, Terms
from domain.quota.rule import CalendarWindow, QuotaRule
from domain.waitlist.events import Window
from infrastructure import mongo
from infrastructure.event_store import log
from infrastructure.postgres.source import Source
from infrastructure.settings import Settings
from projections.audit import trail
from projections.runner import Keeper, connected, prepare
from projections.views import VIEWS


class World:
    """One place that was booked, refused to another, set free and booked again; all is well."""

    def __init__(self, url: str, folder: Path, town: Town) -> None:
        self.url, self.folder, self.town = url, folder, town
        self.first, self.second = uuid4(), uuid4()
        with bus_door(url, town.tenant, pool_size=2) as door:
            self._live(door)

    def _live(self, door: BusDoor) -> None:
        one = self.town.of_one
        journal = Journal(self.folder / "one.journal", durable=False)
        for key, command, events in (
            ("books-first", booking_of(self.town, one, booking_id=self.first), 2),
            ("is-refused", booking_of(self.town, one), 2),
            ("cancels-it", Cancel(self.first), 1),
            ("books-second", booking_of(self.town, one, booking_id=self.second), 2),
        ):
            ask(door, journal, Wish(key, command, events), "one")
        journal.close()

    @property
    def cases(self) -> list[Case]:
        return cases(journals(self.folder))

    def sql(self, statement: LiteralString, *values: Any) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            assert connection.execute(statement, values).rowcount != 0, "the breach changed nothing"

    def breaches(self) -> list[Breach]:
        return of_the_store(self.url, self.cases)


@pytest.fixture
def world(url: str, tmp_path: Path) -> World:
    return World(url, tmp_path, found_at(url, [1, 3]))


def barks(found: list[Breach], *invariants: str) -> None:
    """These invariants are broken, and the sentences say which."""
    names = {breach.invariant for breach in found}
    assert names >= set(invariants), found


def test_a_sound_world_is_silent(world: World) -> None:
    assert [case.verdict for case in world.cases] == ["ok", "fail", "ok", "ok"]
    assert world.breaches() == []


# What is there twice


def test_a_claim_written_behind_the_constraint(world: World) -> None:
    world.sql("ALTER TABLE event_store.claim DROP CONSTRAINT claim_no_overlap")
    world.sql(
        "INSERT INTO event_store.claim SELECT tenant, resource, gen_random_uuid(), 1, during, 1, NULL, true "
        "FROM event_store.claim WHERE booking = %s",
        world.second,
    )
    barks(world.breaches(), "I3 overlap", "I3 claims")


def test_a_house_without_the_constraint_books_twice_and_the_fold_sees_it(world: World) -> None:
    world.sql("ALTER TABLE event_store.claim DROP CONSTRAINT claim_no_overlap")
    with bus_door(world.url, world.town.tenant, pool_size=2) as door:
        journal = Journal(world.folder / "two.journal", durable=False)
        ask(door, journal, Wish("books-third", booking_of(world.town, world.town.of_one, hour=0.5), 2), "two")
    found = world.breaches()
    barks(found, "I3 overbooked", "I3 overlap")
    assert "2 of 1 units" in str(next(breach for breach in found if breach.invariant == "I3 overbooked"))


def test_a_capacity_that_nobody_gave(world: World) -> None:
    world.sql("UPDATE event_store.capacity SET capacity = 9 WHERE resource = %s", world.town.of_one)
    barks(world.breaches(), "I3 claims")


def test_a_claim_that_went_missing(world: World) -> None:
    world.sql("DELETE FROM event_store.claim WHERE booking = %s", world.second)
    barks(world.breaches(), "I3 claims")


def test_positions_that_lie_about_the_order(world: World) -> None:
    """B booked before A cancelled: each stream is whole, and yet both had the place."""
    log = whole_log(world.url)
    cancelled = next(event for event in log if event.stream == world.first and event.version == 3)
    world.sql(
        "UPDATE event_store.event SET position = position + (10::bigint << 20) WHERE position = %s", cancelled.position
    )
    barks(world.breaches(), "I3 overbooked")


# What was lost, or nobody asked for


def test_an_acknowledged_booking_that_was_lost(world: World) -> None:
    world.sql("DELETE FROM event_store.event WHERE stream = %s", world.second)
    barks(world.breaches(), "I1 lost", "I3 claims")


def test_an_event_that_was_lost_from_the_middle_of_a_stream(world: World) -> None:
    world.sql("DELETE FROM event_store.event WHERE stream = %s AND version = 2", world.first)
    barks(world.breaches(), "I4 versions", "I1 not once")


def test_a_booking_that_was_recorded_twice(world: World) -> None:
    """The same command's events once more, as a retry without idempotency would leave them."""
    world.sql(
        "INSERT INTO event_store.event SELECT tenant, %s, version, gen_random_uuid(), tag, state, metadata, "
        "recorded_at, position + (20::bigint << 20) FROM event_store.event WHERE stream = %s",
        uuid4(),
        world.second,
    )
    barks(world.breaches(), "I1 not once", "I1 elsewhere", "I3 overbooked", "I8 row")


def test_an_event_row_that_was_copied(world: World) -> None:
    world.sql(
        "INSERT INTO event_store.event SELECT tenant, stream, 3, event_id, tag, state, metadata, recorded_at, "
        "position + (20::bigint << 20) FROM event_store.event WHERE stream = %s AND version = 2",
        world.second,
    )
    barks(world.breaches(), "I4 twice", "I1 not once")


def test_a_command_that_nobody_sent(world: World) -> None:
    (world.folder / "one.journal").write_bytes(b"")
    barks(world.breaches(), "I1 nobody asked")


def test_a_command_row_that_went_missing(world: World) -> None:
    world.sql("DELETE FROM event_store.command WHERE name = 'Cancel'")
    barks(world.breaches(), "I8 row")


# Journals that do not agree with the log


def said(world: World, key: str, **other: Any) -> list[Breach]:
    """The journal with another answer to this command."""
    changed = [
        Case(case.intent, tuple(replace(outcome, **other) for outcome in case.outcomes))
        if case.intent.key == key
        else case
        for case in world.cases
    ]
    assert changed != world.cases
    return list(answered(changed, whole_log(world.url)))


def test_a_refused_command_that_was_done(world: World) -> None:
    barks(said(world, "books-second", verdict="fail"), "I2 refused but done")


def test_a_success_that_never_was(world: World) -> None:
    barks(said(world, "is-refused", verdict="ok", stream=uuid4(), version=2, position=77), "I1 lost")


def test_a_success_that_never_was_at_a_door_that_does_not_say_what_it_did(world: World) -> None:
    barks(said(world, "is-refused", verdict="ok", stream=uuid4(), version=2, position=77, changed=None), "I1 lost")


def test_a_success_that_is_somewhere_else(world: World) -> None:
    barks(said(world, "books-second", version=7), "I1 elsewhere")


def test_an_unknown_that_was_done_by_half(world: World) -> None:
    world.sql("DELETE FROM event_store.event WHERE stream = %s AND version = 2", world.second)
    barks(said(world, "books-second", verdict="unknown"), "I1 not once")


def test_one_key_with_two_answers(world: World) -> None:
    (last,) = (case for case in world.cases if case.intent.key == "books-second")
    other = replace(last.outcomes[0], stream=uuid4())
    barks(
        list(answered([Case(last.intent, (*last.outcomes, other))], whole_log(world.url))),
        "I8 two answers",
        "I1 elsewhere",
    )


def test_a_done_that_was_called_nothing(world: World) -> None:
    barks(said(world, "books-second", changed=False), "I1 unsaid")


def test_a_journal_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    file = tmp_path / "cut.journal"
    journal = Journal(file)
    journal.write(Intent("first-key", "one", "Cancel"))
    journal.write(Outcome("first-key", "ok"))
    journal.write(Intent("second-key", "one", "Cancel"))
    journal.close()
    file.write_bytes(file.read_bytes()[:-9])
    assert [(case.intent.key, case.verdict) for case in cases([file])] == [("first-key", "ok")]


# Followers


def test_a_follower_without_the_watermark_misses_what_commits_late(world: World) -> None:
    """A writer that has its id and sleeps, while others commit: who reads what is there passes it for ever."""
    careless: list[int] = []

    def read_on(reader: psycopg.Connection[Any], watermark: bool) -> list[int]:
        page = log.read(reader, careless[-1] if careless and not watermark else 0, 500, beyond_watermark=not watermark)
        return [event.position for event in page]

    with psycopg.connect(world.url) as slow, psycopg.connect(world.url, autocommit=True) as reader:
        slow.execute(
            "INSERT INTO event_store.event SELECT tenant, %s, 1, gen_random_uuid(), tag, state, metadata, recorded_at, "
            "(pg_current_xact_id()::text::bigint << 20) + 1 FROM event_store.event "
            "WHERE tag = 'resource.registered' LIMIT 1",
            [uuid4()],
        )
        with bus_door(world.url, world.town.tenant, pool_size=2) as door:
            door.send(Wish("passes-it-by", booking_of(world.town, world.town.of_one, hour=9), 2))
        careless += read_on(reader, watermark=False)
        slow.commit()
        careless += read_on(reader, watermark=False)
        careful = read_on(reader, watermark=True)
    there = whole_log(world.url)
    assert list(followed(careful, there)) == []
    barks(list(followed(careless, there)), "I4 missed")


def test_a_follower_that_sees_twice_or_out_of_turn(world: World) -> None:
    there = whole_log(world.url)
    seen = [event.position for event in there]
    barks(list(followed([*seen, seen[-1]], there)), "I4 seen twice")
    barks(list(followed(seen[::-1], there)), "I4 out of turn")
    barks(list(followed([*seen, seen[-1] + 1], there)), "I4 made up")


def test_a_log_out_of_order(world: World) -> None:
    there = whole_log(world.url)
    barks(list(streams([*there[:-2], there[-1], there[-2]])), "I4 order", "I4 versions")
    assert list(occupancy(there)) == []


# Views and audit trail


def everything_else(town: Town) -> list[tuple[str, Command]]:
    """Something for the views that bookings alone leave empty."""
    one, offering = town.of_one, uuid4()
    terms = Terms(needs=(Need("court", any_of=(one,)),), durations=(60,))
    window = Window(date(2031, 7, 1), date(2031, 7, 2))
    start = datetime(2031, 7, 3, 10)
    ana, program = uuid4(), uuid4()
    return [
        ("limits", SetQuotaRule(QuotaRule("two-a-week", "count", 2, CalendarWindow("week")))),
        ("sells", DefineOffering(offering, town.location, "Court", terms)),
        ("waits", JoinWaitlist(uuid4(), offering_id=offering, window=window, customer_id=uuid4())),
        ("knows", RegisterUser(ana, "customer")),
        ("serves", RegisterUser(program, "service")),
        ("lets-in", IssueApiKey(uuid4(), program, "till", "0" * 64, ("read",))),
        ("trusts", TrustIssuer(uuid4(), "https://id.example", "daybook", "daybook", "subject")),
        ("belongs", FoundFamily(uuid4(), ana)),
        ("asks", AskConsent(Asked("photo", 1))),
        ("agrees", GiveConsent(ana, "photo", 1)),
        ("forgets", RequestErasure(ana, uuid4(), "objection")),
        ("repeats", CreateSeries(uuid4(), town.location, start, Template(offering), "FREQ=DAILY;COUNT=2")),
    ]


@pytest.fixture
def known(world: World) -> World:
    """The same world with its views up to date."""
    with bus_door(world.url, world.town.tenant, pool_size=2) as door:
        for key, command in everything_else(world.town):
            assert door.send(Wish(key, command)).verdict == "ok", key
    with connected(world.url, "story", role=None) as connection:
        prepare(connection, VIEWS)
        for view in VIEWS:
            keeper = Keeper(view)
            keeper.find(connection)
            while page := log.read(connection, keeper.position, 500):
                assert keeper.take(connection, page)
    assert invariants.caught_up(world.url)
    assert list(invariants.views(world.url)) == []
    return world


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_row_of_a_view_that_went_missing(known: World, view: Any) -> None:
    with psycopg.connect(known.url, autocommit=True) as connection:
        for table in view.tables:
            gone = connection.execute(
                f'DELETE FROM read."{table.name}" WHERE ctid = (SELECT min(ctid) FROM read."{table.name}")'
            )
            if gone.rowcount:
                break
        else:
            pytest.fail("the view has no rows")
    barks(list(invariants.views(known.url)), "I5 view")


def test_a_booking_that_a_view_shows_otherwise(known: World) -> None:
    with psycopg.connect(known.url, autocommit=True) as connection:
        shown = connection.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'read' AND column_name = 'status'"
        )
        for (table,) in shown.fetchall():
            connection.execute(f"UPDATE read.\"{table}\" SET status = 'no_show'")
    barks(list(invariants.views(known.url)), "I5 view")


def test_a_stream_that_is_parked(known: World) -> None:
    known.sql("UPDATE event_store.event SET state = '{' WHERE stream = %s AND version = 2", known.second)
    with connected(known.url, "story", role=None) as connection:
        connection.execute("UPDATE read.position SET position = 0")
        keeper = Keeper(VIEWS[0])
        keeper.find(connection)
        keeper.take(connection, log.read(connection, 0, 500))
    barks(list(invariants.views(known.url)), "I5 parked")


def test_a_view_that_is_behind_is_not_taken_for_one_that_is_not(known: World) -> None:
    with bus_door(known.url, known.town.tenant, pool_size=2) as door:
        door.send(Wish("one-more-of-them", booking_of(known.town, known.town.of_one, hour=9), 2))
    assert not invariants.caught_up(known.url)


@pytest.fixture
def documents(world: World, servers: Settings) -> Iterator[Any]:
    """The same world with its audit trail, in a database of its own."""
    assert servers.mongo_url is not None
    client = mongo.writing(servers.mongo_url).client
    database = client[f"story_{uuid4().hex[:12]}"]
    trail.rebuild(world.url, database, Source())
    assert list(invariants.audit(world.url, database)) == []
    yield database
    client.drop_database(database.name)
    client.close()


def test_an_audit_document_that_was_removed(world: World, documents: Any) -> None:
    documents[trail.TRAIL].delete_one({"target.id": str(world.second)})
    barks(list(invariants.audit(world.url, documents)), "I6 document", "I6 count")


def test_the_last_audit_documents_are_missed_too(world: World, documents: Any) -> None:
    last = documents[trail.TRAIL].find_one(sort=[("seq", -1)])
    documents[trail.TRAIL].delete_one({"_id": last["_id"]})
    barks(list(invariants.audit(world.url, documents)), "I6 count")


def test_an_audit_document_that_was_changed(world: World, documents: Any) -> None:
    documents[trail.TRAIL].update_one({"target.id": str(world.second)}, {"$set": {"actor.id": "somebody else"}})
    barks(list(invariants.audit(world.url, documents)), "I6 document")


def test_an_audit_document_that_nothing_happened_for(world: World, documents: Any) -> None:
    last = documents[trail.TRAIL].find_one(sort=[("seq", -1)])
    seq = last["seq"] + 1
    last |= {"_id": trail.place(world.town.tenant, seq), "seq": seq, "src": {**last["src"], "ver": 99}}
    documents[trail.TRAIL].insert_one(last)
    barks(list(invariants.audit(world.url, documents)), "I6 count")


# The server's own counts


def test_a_deadlock_is_counted(world: World) -> None:
    """Two who take the same locks in opposite orders."""
    before = invariants.deadlocks(world.url)
    gate = threading.Barrier(2)
    said_no: list[BaseException] = []

    def take(*keys: int) -> None:
        with psycopg.connect(world.url) as connection:
            connection.execute("SET deadlock_timeout = '50ms'")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [keys[0]])
            gate.wait(10)
            try:
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [keys[1]])
            except psycopg.errors.DeadlockDetected as error:
                said_no.append(error)

    hands = [threading.Thread(target=take, args=keys) for keys in ((1, 2), (2, 1))]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(20)
    assert len(said_no) == 1
    assert invariants.deadlocks(world.url) == before + 1
