"""Pools: which units belong together, and which tables can be had together."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from given import given
from msgspec.structs import replace

from domain.names import BadName
from domain.resource import errors
from domain.resource.events import (
    Combination,
    PoolChanged,
    PoolFormed,
    PoolRetired,
    ResourceCapacityChanged,
    ResourceCapacityOverridden,
    ResourceJoinedPool,
    ResourceLeftPool,
    ResourceRegistered,
    Seats,
)
from domain.resource.pool import Pool
from domain.resource.resource import Resource

HERE, THERE = UUID(int=100), UUID(int=101)
T1, T2, T3, T4 = IDS = tuple(UUID(int=n) for n in range(1, 5))
TABLES = {one: Resource(one, HERE, "Table", "table", 1) for one in IDS}
pair = Combination((T1, T2), Seats(3, 6))
formed = PoolFormed(HERE, "Dining room", (T1, T2, T3), (pair,))


def test_tables_are_pooled_with_what_can_be_pushed_together():
    given(Pool).when(lambda p: p.form(HERE, " Dining room ", (T1, T2, T3), (pair,), TABLES)).then(formed)


def test_a_pool_changes_whole_and_only_where_it_does():
    given(Pool, formed).when(lambda p: p.change((T1, T2, T3), (pair,), TABLES)).then()
    changed = given(Pool, formed).when(lambda p: p.change((T1, T4), (), TABLES)).then(PoolChanged((T1, T4)))
    assert (changed.members, changed.combinations, changed.name) == ((T1, T4), (), "Dining room")


def test_a_pool_is_retired_once():
    given(Pool, formed).when(lambda p: p.retire()).then(PoolRetired())
    given(Pool, formed, PoolRetired()).when(lambda p: p.retire()).then()


@pytest.mark.parametrize(("members", "fine"), [(500, True), (501, False), (0, False), (1, True)])
def test_a_pool_has_one_to_five_hundred_members(members, fine):
    many = {UUID(int=n): Resource(UUID(int=n), HERE) for n in range(1, members + 1)}
    story = given(Pool).when(lambda p: p.form(HERE, "Kit", tuple(many), (), many))
    if fine:
        story.then(PoolFormed(HERE, "Kit", tuple(many)))
    else:
        story.refused(errors.BadPool)


def test_no_member_comes_twice():
    given(Pool).when(lambda p: p.form(HERE, "Kit", (T1, T1), (), TABLES)).refused(errors.BadPool)


@pytest.mark.parametrize("wrong", [{"location_id": THERE}, {"capacity": 2}])
def test_members_are_single_units_at_the_same_location(wrong):
    tables = TABLES | {T2: replace(TABLES[T2], **wrong)}
    refused = (
        given(Pool).when(lambda p: p.form(HERE, "Kit", (T1, T2), (), tables)).refused(errors.BadMember, resource_id=T2)
    )
    assert {"location_id", "capacity"} <= refused.detail.keys()
    given(Pool, formed).when(lambda p: p.change((T1, T2), (), tables)).refused(errors.BadMember)


@pytest.mark.parametrize(
    "combinations",
    [
        (Combination((T1,), Seats(1, 2)),),
        (Combination((), Seats(1, 2)),),
        (Combination((T1, T1), Seats(1, 2)),),
        (Combination((T1, T2, T2), Seats(1, 2)),),
        (Combination((T1, T4), Seats(1, 2)),),
        (pair, Combination((T2, T1), Seats(1, 9))),
    ],
)
def test_combinations_are_of_two_or_more_members_and_differ(combinations):
    given(Pool).when(lambda p: p.form(HERE, "X", (T1, T2, T3), combinations, TABLES)).refused(errors.BadCombination)


@pytest.mark.parametrize("seats", [Seats(0, 4), Seats(5, 4), Seats(1, 1001)])
def test_a_combination_seats_somebody(seats):
    tables = (Combination((T1, T2), seats),)
    given(Pool).when(lambda p: p.form(HERE, "X", (T1, T2), tables, TABLES)).refused(errors.BadSeats)


def test_a_pool_has_a_name():
    given(Pool).when(lambda p: p.form(HERE, " ", (T1,), (), TABLES)).refused(BadName)


# a member has one unit

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
COURTS, OTHER = UUID(int=200), UUID(int=201)
court = ResourceRegistered(HERE, "Court 1", "court", 1)
joined, left = ResourceJoinedPool(COURTS), ResourceLeftPool(COURTS)


def test_a_member_is_given_no_more_units_until_it_has_left_its_last_pool():
    also = ResourceJoinedPool(OTHER)
    for past in ([joined], [joined, also, left]):
        given(Resource, court, *past).when(lambda r: r.change_capacity(2)).refused(errors.PooledAreOne)
    many = ResourceCapacityChanged(2)
    given(Resource, court, joined, left).when(lambda r: r.change_capacity(2)).then(many)
    given(Resource, court, joined).when(lambda r: r.change_capacity(1)).then()


def test_nor_for_a_while_but_none_is_fine():
    none = ResourceCapacityOverridden(T1, NOW, NOW + HOUR, 0)
    member = given(Resource, court, joined)
    member.when(lambda r: r.override_capacity(T1, NOW, NOW + HOUR, 2, NOW)).refused(errors.PooledAreOne)
    member.when(lambda r: r.override_capacity(T1, NOW, NOW + HOUR, 0, NOW)).then(none)


def test_who_has_several_units_ahead_joins_no_pool():
    given(Resource, court).when(lambda r: r.join_pool(COURTS, NOW)).then(joined)
    given(Resource, court, joined).when(lambda r: r.join_pool(COURTS, NOW)).then()
    more = ResourceCapacityOverridden(T1, NOW - HOUR, NOW, 2)
    early = NOW - timedelta(microseconds=1)
    given(Resource, court, more).when(lambda r: r.join_pool(COURTS, early)).refused(errors.BadMember, capacity=2)
    given(Resource, court, more).when(lambda r: r.join_pool(COURTS, NOW)).then(joined)


def test_who_is_no_member_leaves_nothing():
    given(Resource, court, joined).when(lambda r: r.leave_pool(OTHER)).then()
    given(Resource, court, joined).when(lambda r: r.leave_pool(COURTS)).then(left)
