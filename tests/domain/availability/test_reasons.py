"""Each reason why something cannot be booked: alone where it alone is true, and in its place among the others."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from counted import ANN, HERE, LISBON
from counted import booked as counted
from setups import (
    asked,
    booked,
    closure,
    court,
    covers,
    daily,
    need,
    offering,
    openings,
    pool,
    resource,
    simple,
    sold,
    staff,
    table,
    utc,
    venue,
)

from domain.availability.limits import Asker, limited
from domain.availability.setup import ORDER, Reason, Refused, Request, Setup, Slot, Use, in_order
from domain.availability.slots import consider, explained, slots
from domain.period import Period
from domain.quota.counting import Picture
from domain.quota.rule import CalendarWindow, QuotaRule
from domain.resource.resource import Override, Pacing

ON = date(2027, 3, 1)
NOW, TEN, ELEVEN, NOON = (utc(2027, 3, 1, hour) for hour in (6, 10, 11, 12))
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SPRING = date(2027, 3, 14)

one = court("Court 1")
paced = covers("Covers", 10, Pacing(4, 15))


class Story(NamedTuple):
    """What is asked of which setup, where what else stands."""

    code: str
    setup: Setup
    uses: Sequence[Use] = ()
    request: Request = asked(ON)
    told: dict[str, Any] = {}
    starts_at: datetime = TEN
    now: datetime = NOW


def open_from(hours: str, **there: Any) -> Setup:
    return simple(venue(hours=daily(hours), **there), one, lasts=60, step=60)


def tennis(**terms: Any) -> Setup:
    return simple(venue(), one, step=60, **terms)


ann, ben = staff("Ann"), staff("Ben")
room, other_room = resource("Room 1"), resource("Room 2")
table_of_two = table("Table", 1, 2)

ALONE = [
    Story("NOT_ON_STEP", tennis(), starts_at=TEN + MINUTE),
    Story("OUTSIDE_HOURS", open_from("11:00-20:00")),
    Story("OUTSIDE_HOURS", open_from("08:00-10:59")),
    Story("CLOSED_EXCEPTION", open_from("08:00-20:00", exceptions={ON: ()})),
    Story(
        "CLOSURE", simple(venue(closures=[closure(TEN + HOUR - MINUTE, NOON)]), one, step=60), told={"until": NOON}
    ),
    Story(
        "MAINTENANCE",
        simple(venue(), court("Court 1", closures=[closure(ELEVEN, NOON, "maintenance")]), step=60, after=15),
        told={"until": NOON},
    ),
    Story("TOO_SOON", tennis(notice=241), told={"earliest": TEN + MINUTE}),
    Story("TOO_SOON", tennis(first_date=date(2027, 3, 2)), told={"earliest": utc(2027, 3, 2)}),
    Story(
        "TOO_FAR", tennis(horizon=1), now=NOW - 48 * HOUR, told={"latest": date(2027, 2, 28)}
    ),
    Story("TOO_FAR", tennis(last_date=date(2027, 2, 28)), told={"latest": date(2027, 2, 28)}),
    Story("DOES_NOT_FIT", tennis(most_party=3), request=asked(ON, party=4), told={"capacity": 3}),
    Story("DOES_NOT_FIT", tennis(least_party=2)),
    Story(
        "DOES_NOT_FIT",
        sold(venue(), offering(need("table", pool("P", table_of_two), tables=True), step=60), table_of_two,
             pool("P", table_of_two)),
        request=asked(ON, party=3),
        told={"role": "table"},
    ),
    Story("DOES_NOT_FIT", sold(venue(), offering(need("hall", covers(capacity=3), units=4), step=60),
                               covers(capacity=3)), told={"capacity": 3}),
    Story("DOES_NOT_FIT", tennis(), request=asked(ON, resource_ids=(room.id,)), told={"resource_id": room.id}),
    Story("OCCUPIED", tennis(), [booked(one, ELEVEN - MINUTE, NOON)], told={"until": NOON}),
    Story("BUFFER", tennis(after=15), [booked(one, ELEVEN, NOON)], told={"until": NOON}),
    Story(
        "CAPACITY",
        sold(venue(), offering(need("covers", paced, per_head=True), step=60), paced),
        [booked(paced, TEN - HOUR, ELEVEN, 8)],
        asked(ON, party=3),
        {"peak": 8, "free": 2, "capacity": 10},
    ),
    Story(
        "PACING",
        sold(venue(), offering(need("covers", paced, per_head=True), step=60), paced),
        [booked(paced, TEN + 14 * MINUTE, ELEVEN, 3)],
        asked(ON, party=2),
        {"free": 1, "capacity": 4},
    ),
    Story("HELD", tennis(), [booked(one, TEN, ELEVEN, expires_at=NOW + MINUTE)], told={"until": NOW + MINUTE}),
    Story("WAITLIST_EARMARK", tennis(), [booked(one, TEN, ELEVEN, kind="earmark", expires_at=NOW + MINUTE)]),
    Story(
        "NO_STAFF",
        sold(venue(), offering(need("staff", ann, ben), step=60), ann, ben),
        [booked(ann, TEN, ELEVEN), booked(ben, TEN, NOON)],
        told={"role": "staff"},
    ),
    Story(
        "NO_RESOURCE_COMBINATION",
        sold(venue(), offering(need("room", room, other_room), step=60), room, other_room),
        [booked(room, TEN, ELEVEN), booked(other_room, TEN, NOON)],
        told={"role": "room"},
    ),
    Story(
        "CUSTOMER_CONFLICT",
        tennis(one_at_a_time=True),
        request=asked(ON, busy=(Period(ELEVEN - MINUTE, NOON),)),
    ),
]  # fmt: skip


def told(story: Story) -> tuple[Reason, ...]:
    found = consider(story.setup, story.uses, story.request, story.starts_at, story.now)
    assert isinstance(found, Refused), "it can be booked"
    return found.reasons


@pytest.mark.parametrize("story", ALONE, ids=[f"{n} {one.code}" for n, one in enumerate(ALONE)])
def test_it_is_told_alone_where_it_alone_is_true(story: Story) -> None:
    (reason,) = told(story)
    assert reason.code == story.code
    assert {name: getattr(reason, name) for name in story.told} == story.told


EDGES = [
    Story("", open_from("10:00-11:00")),
    Story("", simple(venue(closures=[closure(ELEVEN, NOON), closure(NOW, TEN)]), one, step=60, after=15, before=15)),
    Story("", simple(venue(), court("Court 1", closures=[closure(ELEVEN + 15 * MINUTE, NOON, "maintenance")]),
                     step=60, after=15)),
    Story("", tennis(notice=240)),
    Story("", tennis(first_date=ON, last_date=ON, horizon=0)),
    Story("", tennis(), request=asked(ON, resource_ids=(one.id,))),
    Story("", tennis(most_party=4, least_party=4), request=asked(ON, party=4)),
    Story("", tennis(after=15), [booked(one, ELEVEN + 15 * MINUTE, NOON), booked(one, NOW, TEN)]),
    Story("", sold(venue(), offering(need("covers", paced, per_head=True), step=60), paced),
          [booked(paced, TEN - HOUR, ELEVEN, 7), booked(paced, TEN + 15 * MINUTE, ELEVEN, 0)], asked(ON, party=3)),
    Story("", tennis(), [booked(one, TEN, ELEVEN, expires_at=NOW)]),
    Story("", tennis(one_at_a_time=True), request=asked(ON, busy=(Period(ELEVEN, NOON), Period(NOW, TEN)))),
]  # fmt: skip


@pytest.mark.parametrize("story", EDGES, ids=range(len(EDGES)))
def test_on_the_edge_nothing_is_told(story: Story) -> None:
    assert isinstance(consider(story.setup, story.uses, story.request, story.starts_at, story.now), Slot)


def test_a_gap_is_told_where_there_is_no_instant_to_ask_about() -> None:
    night = simple(venue("America/New_York", daily("00:00-06:00")), one, step=30)
    gaps = [it for it in explained(night, (), asked(SPRING), NOW) if isinstance(it, Refused)]
    assert [(it.local.hour, it.local.minute, it.starts_at) for it in gaps] == [(2, 0, None), (2, 30, None)]
    assert all([reason.code for reason in it.reasons] == ["DST_GAP"] for it in gaps)


def test_a_party_that_no_table_seats_is_told_so_at_every_start() -> None:
    (too_many,) = (it for it in ALONE if it.told == {"role": "table"})
    found = explained(too_many.setup, (), too_many.request, NOW)
    assert len(found) == 24
    assert {reason.code for it in found if isinstance(it, Refused) for reason in it.reasons} == {
        "DOES_NOT_FIT", "TOO_SOON"
    }  # fmt: skip


def test_who_asks_for_something_that_is_no_part_of_it_gets_nothing_else_instead() -> None:
    both = asked(ON, resource_ids=(one.id, room.id))
    assert slots(tennis(), (), both, NOW) == []
    told_of = {r.resource_id for it in explained(tennis(), (), both, NOW) for r in it.reasons if r.resource_id}  # type: ignore[union-attr]
    assert told_of == {room.id}


def test_a_quota_is_told_alone_and_behind_what_is_taken() -> None:
    rule = QuotaRule("daily", "count", 1, CalendarWindow("day"))
    picture = Picture([rule], (), [counted("2027-03-01T18:00")], NOW)
    asker = Asker(ANN, None, HERE, LISBON)
    setup, request = tennis(), asked(ON)
    uses = [booked(one, TEN, ELEVEN)]
    found = limited(explained(setup, uses, request, NOW), picture, asker, setup, request, HOUR)
    codes = {it.starts_at: [r.code for r in it.reasons] for it in found if isinstance(it, Refused)}
    assert codes[NOON] == ["QUOTA"]
    assert codes[TEN] == ["OCCUPIED", "QUOTA"]


def crowd() -> tuple[Setup, list[Use]]:
    """Something of every kind is against ten o'clock."""
    there = {
        "exception": court("A", exceptions={ON: openings("12:00-13:00")}),
        "closed": court("B", exceptions={ON: ()}),
        "works": court("C", closures=[closure(TEN, NOON, "maintenance"), closure(TEN, ELEVEN)]),
        "busy": court("D"),
        "covers": covers("E", 10, Pacing(1, 15)),
        "lent": covers("F", 2),
    }
    needs = [need(role, what) for role, what in there.items()]
    needs += [need("staff", ann, ben), need("room", room, other_room)]
    terms = offering(
        *needs, step=60, after=15, notice=300, last_date=date(2027, 2, 28), most_party=1, one_at_a_time=True
    )
    uses = [
        booked(there["busy"], TEN, ELEVEN),
        booked(there["busy"], ELEVEN, NOON),
        booked(there["busy"], TEN, ELEVEN, expires_at=NOON),
        booked(there["busy"], TEN, ELEVEN, kind="earmark"),
        booked(there["covers"], TEN, ELEVEN),
        booked(there["lent"], TEN, ELEVEN, 2),
        *(booked(it, TEN, ELEVEN) for it in (ann, ben, room, other_room)),
    ]
    return sold(venue(), terms, *there.values(), ann, ben, room, other_room), uses


def test_all_that_apply_are_told_in_their_order() -> None:
    setup, uses = crowd()
    request = asked(ON, party=2, busy=(Period(TEN, ELEVEN),))
    found = consider(setup, uses, request, TEN, NOW)
    assert isinstance(found, Refused)
    picture = Picture([QuotaRule("never", "count", 0)], (), (), NOW)
    (told,) = limited([found], picture, Asker(ANN, None, HERE, LISBON), setup, request, HOUR)
    assert isinstance(told, Refused)
    assert [reason.code for reason in told.reasons] == [
        "OUTSIDE_HOURS", "CLOSED_EXCEPTION", "CLOSURE", "MAINTENANCE", "TOO_SOON", "TOO_FAR", "DOES_NOT_FIT",
        "OCCUPIED", "BUFFER", "CAPACITY", "PACING", "HELD", "WAITLIST_EARMARK", "NO_STAFF", "NO_RESOURCE_COMBINATION",
        "CUSTOMER_CONFLICT", "QUOTA",
    ]  # fmt: skip


def test_nobody_is_named() -> None:
    setup, uses = crowd()
    found = consider(setup, uses, asked(ON), TEN, NOW)
    assert isinstance(found, Refused)
    bookings = {str(use.booking_id) for use in uses}
    assert not any(booking in str(found.reasons) for booking in bookings)


def test_the_order_is_the_one_that_was_written_down() -> None:
    """What lies between has come later, and has its place; OCCUPIED is told before BUFFER."""
    first = [
        "OUTSIDE_HOURS", "CLOSED_EXCEPTION", "CLOSURE", "MAINTENANCE", "DST_GAP", "TOO_SOON", "TOO_FAR",
        "DOES_NOT_FIT", "OCCUPIED", "BUFFER", "CAPACITY", "HELD", "WAITLIST_EARMARK", "NO_STAFF",
        "NO_RESOURCE_COMBINATION", "CUSTOMER_CONFLICT", "QUOTA", "NOT_ENTITLED", "AGE_OR_CONSENT",
        "APPROVAL_QUEUE_FULL", "TENANT_SUSPENDED",
    ]  # fmt: skip
    assert [code for code in ORDER if code in first] == first
    assert len(set(ORDER)) == len(ORDER)
    shuffled = [Reason(code) for code in sorted(ORDER)]
    assert [reason.code for reason in in_order(shuffled)] == list(ORDER)


def test_of_one_kind_they_are_told_as_they_were_found() -> None:
    reasons = [Reason("QUOTA", rule="b"), Reason("OCCUPIED"), Reason("QUOTA", rule="a")]
    assert [reason.rule for reason in in_order(reasons)] == [None, "b", "a"]


# what was retired


def test_of_what_is_asked_for_by_itself_it_is_told_that_it_was_retired():
    gone, there = court("Court 1", retired=True), court("Court 2")
    alone = consider(simple(venue("UTC"), gone), (), asked(ON), TEN, NOW)
    assert isinstance(alone, Refused)
    assert alone.reasons == (Reason("RETIRED", resource_id=gone.id),)
    either = sold(venue("UTC"), offering(need("court", gone, there)), gone, there)
    named = consider(either, (), asked(ON, resource_ids=(gone.id,)), TEN, NOW)
    assert isinstance(named, Refused)
    assert named.reasons == (Reason("RETIRED", resource_id=gone.id),)
    assert isinstance(consider(either, (), asked(ON, resource_ids=(gone.id, there.id)), TEN, NOW), Slot)
    neither = gone, court("Court 2", retired=True)
    nobody = consider(sold(venue("UTC"), offering(need("court", *neither)), *neither), (), asked(ON), TEN, NOW)
    assert isinstance(nobody, Refused)
    assert nobody.reasons == (Reason("DOES_NOT_FIT", role="court"),), "of several, it is the need that is not filled"


# members of pools


def test_a_pool_sells_no_member_while_it_has_several_units():
    """Nobody is given those any more; a log may hold some that were."""
    both = court("Court 1", capacity=5), court("Court 2", overrides=[Override(TEN, ELEVEN, 5)])
    courts = pool("Courts", *both)
    setup = sold(venue("UTC"), offering(need("court", courts)), courts, *both)
    taken = [booked(both[1], NOON, NOON + HOUR)]
    starts = {slot.starts_at for slot in slots(setup, taken, asked(ON), NOW)}
    assert TEN not in starts, "one has five units for ever, the other one at this hour"
    assert TEN - HOUR / 2 not in starts
    assert TEN - HOUR in starts
    assert ELEVEN in starts, "now the second has one"
    assert NOON not in starts, "but one"
    by_name = sold(venue("UTC"), offering(need("court", *both)), *both)
    assert TEN in {slot.starts_at for slot in slots(by_name, (), asked(ON), NOW)}, "who are no members are counted"
