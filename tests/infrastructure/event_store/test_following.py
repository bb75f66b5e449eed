"""The order of the log: nobody who follows it misses an event, and it agrees with the order in which slots changed
hands."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
from appending import TENANT, a_resource, booked, cancelled, command, facts, item, moved, registered

from application.event_store import Moved, SlotTaken
from application.recorded import RecordedEvent
from domain.claim import Release, Resize, Retally, Retime, Settle, Take
from domain.claims import claims_of
from domain.resource.events import ResourceRenamed
from infrastructure.event_store import log
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.postgres.migrate import APP_ROLE


def whole_log(url: str) -> list[RecordedEvent]:
    found: list[RecordedEvent] = []
    with psycopg.connect(url, autocommit=True) as connection:
        while page := log.read(connection, found[-1].position if found else 0, 500, beyond_watermark=True):
            assert all(isinstance(event, RecordedEvent) for event in page)
            found += page  # type: ignore[arg-type]
    return found


def follow(url: str, query: str, over: threading.Event) -> list[int]:
    """Reads on from the last position it has seen, as a projector does; the positions, in the order they came."""
    seen = [0]
    with psycopg.connect(url, autocommit=True, options=f"-c role={APP_ROLE}") as connection:
        while True:
            last = over.is_set()
            rows = connection.execute(query, [seen[-1], 500]).fetchall()  # type: ignore[call-overload]
            seen += [row[0] for row in rows]
            if last and not rows:
                return seen[1:]


def test_sixteen_writers_and_a_follower(store: PostgresEventStore, url: str) -> None:
    over = threading.Event()

    def write(_: int) -> None:
        for _ in range(40):
            stream = uuid4()
            store.append(command(*facts(stream, registered(), ResourceRenamed(name="2"), ResourceRenamed(name="3"))))

    with ThreadPoolExecutor(17) as threads:
        follower = threads.submit(follow, url, log.READ_LOG, over)
        for done in [threads.submit(write, n) for n in range(16)]:
            done.result(60)
        time.sleep(0.1)
        over.set()
        seen = follower.result(30)
    assert seen == [event.position for event in whole_log(url)]
    assert len(seen) == len(set(seen)) == 16 * 40 * 3


def test_a_follower_waits_for_whoever_could_still_come_before(store: PostgresEventStore, url: str) -> None:
    """The breach, planted: a writer that has its id and sleeps. One who reads past it never comes back for it."""
    early, late = uuid4(), uuid4()
    with psycopg.connect(url) as slow, psycopg.connect(url, autocommit=True) as reader:
        what = command(*facts(early, registered()))
        insert = (
            "INSERT INTO event_store.event SELECT %s, %s, 1, %s, 'resource.registered', %s, %s, now(), "
            "(pg_current_xact_id()::text::bigint << 20) + 1"
        )
        from infrastructure.event_store.mapper import encoded, encoded_envelope

        slow.execute(insert, [TENANT, early, uuid4(), encoded(registered()), encoded_envelope(what.envelope)])
        store.append(command(*facts(late, registered())))
        seen = reader.execute("SELECT stream FROM event_store.event WHERE position > 0").fetchall()
        careless = [row[0] for row in seen]
        careful = log.read(reader, 0, 10)
        slow.commit()
        after = [event.stream for event in log.read(reader, 0, 10)]
    assert careless == [late]  # and the next page would begin behind it
    assert careful == []
    assert after == [early, late]


def fold_never_exceeds(events: list[RecordedEvent]) -> int:
    """Walks the log in its order with a table of its own; returns how many takes it saw."""
    room: dict[UUID, int] = {}
    standing: dict[tuple[UUID, int], Take] = {}
    takes = 0
    for event in events:
        for claim in claims_of(event.fact, event.stream):
            if isinstance(claim, Resize):
                room[claim.resource_id] = claim.capacity
            elif isinstance(claim, Release):
                standing = {key: take for key, take in standing.items() if key[0] != claim.booking_id}
            elif isinstance(claim, Take):
                takes += 1
                standing[claim.booking_id, claim.item] = claim
                meeting = [
                    t
                    for t in standing.values()
                    if t.resource_id == claim.resource_id
                    and t.starts_at < claim.ends_at
                    and claim.starts_at < t.ends_at
                ]
                for instant in {t.starts_at for t in meeting}:
                    used = sum(t.units for t in meeting if t.starts_at <= instant < t.ends_at)
                    assert used <= room[claim.resource_id], (event.position, claim)
            else:
                assert isinstance(claim, Settle | Retally | Retime)  # people's counts occupy nothing
    return takes


def test_the_fold_of_the_log_never_uses_more_than_there_is(store: PostgresEventStore, url: str) -> None:
    resources = [a_resource(store, capacity) for capacity in (1, 1, 3)]
    outcomes: Counter[str] = Counter()

    def act(seed: int) -> None:
        chance = random.Random(seed)
        mine: list[list[Any]] = []  # booking and version
        for _ in range(60):
            place = item(chance.choice(resources), chance.randrange(6), chance.choice([1, 2]))
            try:
                if mine and chance.random() < 0.5:
                    booking, version = one = mine.pop(chance.randrange(len(mine)))
                    if chance.random() < 0.5:
                        store.append(command(*cancelled(booking, after=version)))
                        outcomes["cancelled"] += 1
                        continue
                    mine.append(one)
                    store.append(command(*moved(booking, place, after=version)))
                    one[1] += 1
                    outcomes["moved"] += 1
                else:
                    mine.append([booked(store, place), 2])
                    outcomes["booked"] += 1
            except SlotTaken:
                outcomes["refused"] += 1
            except Moved:
                outcomes["again"] += 1

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(act, seed) for seed in range(8)]:
            done.result(60)
    assert fold_never_exceeds(whole_log(url)) == outcomes["booked"] + outcomes["moved"]
    assert min(outcomes[what] for what in ("booked", "moved", "cancelled", "refused")) > 5


def test_lag_says_how_many_and_since_when(store: PostgresEventStore, url: str) -> None:
    first = store.append(command(*facts(uuid4(), registered())))
    second = store.append(command(*facts(uuid4(), registered())))
    with psycopg.connect(url, autocommit=True, options=f"-c role={APP_ROLE}") as connection:
        none, one, two = (log.lag(connection, after) for after in (second.position, first.position, 0))
        assert log.lag(connection, 0, most=1).behind == 1
    assert (none.behind, none.oldest, none.last_position) == (0, None, second.position)
    assert (one.behind, one.oldest) == (1, second.recorded_at)
    assert (two.behind, two.oldest) == (2, first.recorded_at)
    assert two.readable_before > second.position


def test_what_cannot_be_read_keeps_its_place(store: PostgresEventStore, url: str) -> None:
    streams = [a_resource(store) for _ in range(4)]
    with psycopg.connect(url, autocommit=True) as connection:
        changes = ("tag = 'resource.teleported'", "state = '{\"nam'", "metadata = '{}'")
        for stream, change in zip(streams, changes, strict=False):
            connection.execute(f"UPDATE event_store.event SET {change} WHERE stream = %s", [stream])  # type: ignore[call-overload]
        found = log.read(connection, 0, 10)
    assert [event.stream for event in found] == streams
    assert [isinstance(event, log.Unreadable) for event in found] == [True, True, True, False]
    unreadable = found[0]
    assert isinstance(unreadable, log.Unreadable)
    assert (unreadable.version, unreadable.tag, len(unreadable.state_sha256)) == (1, "resource.teleported", 64)
    assert "resource.teleported" in unreadable.error
