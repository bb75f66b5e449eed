"""The tables of claims and capacities are a projection of the log, and can be proven to be one."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from appending import (
    HOUR,
    NEVER,
    OTHER_TENANT,
    START,
    a_resource,
    booked,
    cancelled,
    command,
    facts,
    held,
    item,
    moved,
    resized,
)

from domain.booking.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingHoldExtended,
    BookingNoShowMarked,
    BookingReanchored,
    BookingRescheduled,
)
from domain.claim import Claim, Extend, Lift, Override, Pace, Release, Resize, Retally, Retime, Settle, Take, Tally
from domain.resource.events import ResourceCapacityOverridden, ResourceCapacityOverrideLifted, ResourcePacingSet
from infrastructure.event_store import claims
from infrastructure.event_store.store import PostgresEventStore

PERSON = uuid4()


def some_history(store: PostgresEventStore) -> UUID:
    """A bit of everything; returns a resource of one unit that is booked at hour 0."""
    one, several = a_resource(store), a_resource(store, capacity=3)
    booked(store, item(one))
    store.append(command(*cancelled(booked(store, item(one, 1)))))
    store.append(command(*moved(booked(store, item(several, 1, units=2)), item(several, 2, units=2))))
    dead = held(item(several, 5), item(one, 6, number=2), until=datetime(2020, 1, 1, tzinfo=UTC))
    store.append(command(*facts(uuid4(), dead)))
    booking = uuid4()
    store.append(command(*facts(booking, held(item(one, 8)))))
    store.append(command(*facts(booking, BookingConfirmed(), after=1)))
    store.append(command(*resized(several, 4)))
    booked(store, item(a_resource(store, tenant=OTHER_TENANT)), tenant=OTHER_TENANT)
    return one


def some_rules(store: PostgresEventStore) -> None:
    """Buffers, overrides, pacing, something overbooked, and bookings that count."""
    watched, paced, plain = a_resource(store), a_resource(store, 9), a_resource(store)
    lifted, kept = uuid4(), uuid4()
    week = [(START + n * HOUR, START + (n + 1) * HOUR) for n in range(3)]
    store.append(command(*facts(watched, ResourceCapacityOverridden(lifted, *week[0], 3), after=1)))
    store.append(command(*facts(watched, ResourceCapacityOverrideLifted(lifted), after=2)))
    store.append(command(*facts(watched, ResourceCapacityOverridden(kept, *week[1], 2), after=3)))
    store.append(command(*facts(paced, ResourcePacingSet(4, 30), after=1)))
    booked(store, item(watched, 5, before=10, after=20, shared=True))
    booked(store, item(watched, 5, overbooked=True))
    booked(store, item(plain, 5, before=10, after=20))
    for fact in (BookingCancelled("venue"), BookingCancelled("customer", late=True), BookingNoShowMarked()):
        booking = uuid4()
        store.append(command(*facts(booking, held(item(paced, 9), customer_id=PERSON), BookingConfirmed())))
        store.append(command(*facts(booking, BookingRescheduled((item(paced, 7),)), after=2)))
        store.append(command(*facts(booking, BookingReanchored((item(paced, 8),), "tzdata 2"), after=3)))
        store.append(command(*facts(booking, fact, after=4)))
    extended = uuid4()
    store.append(command(*facts(extended, held(item(paced, 1), until=NEVER))))
    store.append(command(*facts(extended, BookingHoldExtended(NEVER + HOUR), after=1)))
    still = BookingReanchored((item(paced, 2),), "tzdata 2", expires_at=NEVER + HOUR)
    store.append(command(*facts(extended, still, after=2)))


def test_what_was_written_follows_from_the_log(store: PostgresEventStore, url: str) -> None:
    some_history(store)
    some_rules(store)
    progress: list[tuple[int, int]] = []
    assert list(claims.verify(url, progress=lambda seen, position: progress.append((seen, position)))) == []
    assert progress[-1][0] == len(progress) or progress[-1][0] > 10


STOWAWAY = (
    "INSERT INTO event_store.claim SELECT tenant, resource, gen_random_uuid(), 1, "
    "tstzrange('2040-01-01', '2040-01-02'), 1, NULL, single FROM event_store.claim LIMIT 1"
)


@pytest.mark.parametrize(
    ("sabotage", "kinds"),
    [
        ("DELETE FROM event_store.claim WHERE booking = (SELECT booking FROM event_store.claim LIMIT 1)", {"missing"}),
        ("UPDATE event_store.claim SET units = units + 1 WHERE NOT single", {"different"}),
        ("UPDATE event_store.claim SET expires_at = NULL", {"different"}),
        ("UPDATE event_store.claim SET single = false WHERE single", {"different"}),
        ("UPDATE event_store.claim SET authorised = true", {"different"}),
        ("UPDATE event_store.capacity SET capacity = 7 WHERE capacity = 4", {"different"}),
        ("DELETE FROM event_store.capacity WHERE capacity = 4", {"missing"}),
        (STOWAWAY, {"surplus"}),
        ("INSERT INTO event_store.capacity VALUES (gen_random_uuid(), gen_random_uuid(), 1)", {"surplus"}),
        ("UPDATE event_store.claim SET before_minutes = 0 WHERE before_minutes > 0", {"different"}),
        ("UPDATE event_store.claim SET shared = NOT shared WHERE before_minutes > 0", {"different"}),
        ("UPDATE event_store.claim SET kind = 'earmark'", {"different"}),
        ("UPDATE event_store.claim SET expires_at = expires_at - interval '1 s'", {"different"}),
        ("UPDATE event_store.capacity SET pace_units = NULL", {"different"}),
        ("UPDATE event_store.capacity SET pace_minutes = 5 WHERE pace_units IS NOT NULL", {"different"}),
        ("UPDATE event_store.capacity SET guarded_from = now() WHERE guarded_from = 'infinity'", {"different"}),
        ("DELETE FROM event_store.capacity_override", {"missing"}),
        ("UPDATE event_store.capacity_override SET capacity = 5", {"different"}),
        ("DELETE FROM event_store.tally WHERE state = 'gone'", {"missing"}),
        ("UPDATE event_store.tally SET state = 'live'", {"different"}),
        ("UPDATE event_store.tally SET starts_at = starts_at - interval '1 s'", {"different"}),
        ("UPDATE event_store.tally_mark SET mark = mark + 1", {"different"}),
    ],
)
def test_a_planted_difference_is_found_and_mended(
    store: PostgresEventStore, url: str, sabotage: str, kinds: set[str]
) -> None:
    some_history(store)
    some_rules(store)
    with psycopg.connect(url) as owner:
        owner.execute(sabotage)  # type: ignore[call-overload]
    found = list(claims.verify(url))
    assert {difference.kind for difference in found} == kinds
    assert len(claims.rebuild(url)) == len(found)
    assert list(claims.verify(url)) == []


def test_a_rebuild_from_nothing_gives_the_same_rows(store: PostgresEventStore, url: str) -> None:
    some_history(store)
    with psycopg.connect(url, autocommit=True) as owner:
        rows = "SELECT * FROM event_store.claim ORDER BY tenant, booking, item"
        before = owner.execute(rows).fetchall()
        owner.execute("TRUNCATE event_store.claim, event_store.capacity")
        claims.rebuild(url)
        assert owner.execute(rows).fetchall() == before
    assert len(before) == 6


def test_all_tables_rebuilt_from_nothing_are_the_same(store: PostgresEventStore, url: str) -> None:
    some_history(store)
    some_rules(store)
    tables = ("claim", "capacity_override", "tally", "tally_mark")
    with psycopg.connect(url, autocommit=True) as owner:

        def rows() -> list[set[str]]:
            wanted = [f"event_store.{table}" for table in tables]
            wanted.append(
                "(SELECT resource, capacity, pace_units, guarded_from = 'infinity' FROM event_store.capacity)"
            )
            return [{row[0] for row in owner.execute(f"SELECT t::text FROM {one} t").fetchall()} for one in wanted]

        before = rows()
        owner.execute(f"TRUNCATE {', '.join(f'event_store.{table}' for table in tables)}, event_store.capacity")
        claims.rebuild(url)
        assert rows() == before
    assert list(claims.verify(url)) == []


def test_a_log_that_cannot_be_read_is_not_called_right(store: PostgresEventStore, url: str) -> None:
    resource = a_resource(store)
    with psycopg.connect(url) as owner:
        owner.execute("UPDATE event_store.event SET tag = 'resource.teleported' WHERE stream = %s", [resource])
    with pytest.raises(claims.UnreadableLog):
        list(claims.verify(url))


ONE, ROOM = uuid4(), uuid4()
SPAN = (datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC))
TAKE = Take(booking_id=ONE, item=1, resource_id=ROOM, starts_at=SPAN[0], ends_at=SPAN[1], units=1, expires_at=SPAN[0])
FIRM = Take(booking_id=ONE, item=1, resource_id=ROOM, starts_at=SPAN[0], ends_at=SPAN[1], units=1)


LATER = datetime(2030, 1, 3, tzinfo=UTC)
LATE = Take(booking_id=ONE, item=1, resource_id=ROOM, starts_at=SPAN[0], ends_at=SPAN[1], units=1, expires_at=LATER)
TALLY = Tally(PERSON, ONE, None, ROOM, (ROOM,), *SPAN)
MOVED = Retime(ONE, (ROOM,), SPAN[1], LATER)
WIDE, LIFTED = Override(ROOM, ONE, *SPAN, 3), Lift(ROOM, ONE)


@pytest.mark.parametrize(
    ("ops", "begun", "effect"),
    [
        ([TAKE], {ONE}, claims.Effect(takes=[TAKE])),
        ([TAKE, Settle(ONE)], {ONE}, claims.Effect(takes=[FIRM])),
        ([TAKE, Extend(ONE, LATER)], {ONE}, claims.Effect(takes=[LATE])),
        ([TAKE, Release(ONE)], {ONE}, claims.Effect()),
        ([Settle(ONE)], set(), claims.Effect(settled=[ONE])),
        ([Extend(ONE, LATER)], set(), claims.Effect(extended={ONE: LATER})),
        ([Extend(ONE, LATER), Settle(ONE)], set(), claims.Effect(settled=[ONE])),
        ([Settle(ONE), Extend(ONE, LATER)], set(), claims.Effect(settled=[ONE])),
        ([Extend(ONE, LATER), Release(ONE)], set(), claims.Effect(released=[ONE])),
        ([Release(ONE), FIRM], set(), claims.Effect(released=[ONE], takes=[FIRM])),
        ([Release(ONE, lapsed=True), FIRM], set(), claims.Effect(released=[ONE], revived=[ONE], takes=[FIRM])),
        ([Settle(ONE), Release(ONE)], set(), claims.Effect(released=[ONE])),
        ([Release(ONE), TAKE, Settle(ONE)], set(), claims.Effect(released=[ONE], takes=[FIRM])),
        ([Resize(ROOM, 2), Resize(ROOM, 3)], set(), claims.Effect(resized={ROOM: 3})),
        ([WIDE, LIFTED], set(), claims.Effect(lifted=[LIFTED])),
        ([LIFTED, WIDE], set(), claims.Effect(lifted=[LIFTED], overridden=[WIDE])),
        ([Pace(ROOM, 3), Pace(ROOM, None)], set(), claims.Effect(paced=[Pace(ROOM, None)])),
        ([TALLY, Retally(ONE, "gone")], {ONE}, claims.Effect(tallied=[(TALLY, "gone")])),
        (
            [TALLY, MOVED],
            {ONE},
            claims.Effect(tallied=[(Tally(PERSON, ONE, None, ROOM, (ROOM,), SPAN[1], LATER), "live")]),
        ),
        ([Retally(ONE, "over")], {ONE}, claims.Effect()),
        ([Retally(ONE, "over"), MOVED], set(), claims.Effect(retallied={ONE: "over"}, retimed=[MOVED])),
    ],
)
def test_the_claims_of_one_command_are_merged(ops: list[Claim], begun: set[UUID], effect: claims.Effect) -> None:
    merged = claims.merged(ops, begun)
    for name in claims.Effect.__struct_fields__:
        due, found = getattr(effect, name), getattr(merged, name)
        assert (list(due), due if isinstance(due, dict) else None) == (
            list(found),
            found if isinstance(due, dict) else None,
        )
