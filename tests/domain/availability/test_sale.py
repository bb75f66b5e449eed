"""Which of what was sold could not be sold any more under other terms, another pool, or with another table."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace
from setups import (
    HERE,
    court,
    daily,
    named,
    need,
    offering,
    pool,
    pushed_together,
    resource,
    sold,
    staff,
    table,
    utc,
    venue,
)

from domain.availability.sale import Sale, priced, unsold
from domain.booking.booking import Booking
from domain.booking.events import SEAT, Item
from domain.offering.terms import Durations, Price, TurnTime

TEN = utc(2027, 3, 1, 10)
HOUR = timedelta(hours=1)
one, two = court("Court 1"), court("Court 2")
tennis = offering(need("court", one, two))


def booking(*what, party=1, lasting=HOUR, starts_at=TEN, role="court") -> Booking:
    items = tuple(
        Item(n, it.id, starts_at, starts_at + lasting, "2027-03-01T10:00", "UTC", role=role)
        for n, it in enumerate(what or (one,), start=1)
    )
    return Booking(id=named("booking"), location_id=HERE, items=items, party_size=party, offering_id=named("tennis"))


def sale(terms, *there, retired=False) -> Sale:
    return Sale(sold(venue(), terms, *(there or (one, two))), retired)


def codes(before: Sale, after: Sale, of: Booking) -> list[tuple[str, int | None]]:
    return [(reason.code, reason.item) for reason in unsold(before, after, of)]


def changed(of=None, **terms) -> list[str]:
    """What other terms have against a booking."""
    return [code for code, _ in codes(sale(tennis), sale(replace(tennis, **terms)), of or booking())]


def test_nothing_changes_and_nothing_is_against_it():
    assert codes(sale(tennis), sale(tennis), booking(party=99)) == []


def test_what_is_sold_no_more_is_told_as_such():
    assert codes(sale(tennis), sale(tennis, retired=True), booking()) == [("RETIRED", None)]


def test_a_party_that_is_too_large_or_too_small_and_one_that_is_not():
    pair = booking(party=2)
    assert changed(pair, most_party=1) == ["DOES_NOT_FIT"]
    assert changed(pair, most_party=2, least_party=2) == []
    assert changed(pair, least_party=3) == ["DOES_NOT_FIT"]


@pytest.mark.parametrize(
    ("terms", "sold_so"),
    [
        ({"durations": (30, 60)}, True),
        ({"durations": (90,)}, False),
        ({"durations": (), "lasting": Durations(30, 90, 30)}, True),
        ({"durations": (), "lasting": Durations(45, 90, 30)}, False),
        ({"durations": (), "turn_times": (TurnTime(2, 60), TurnTime(None, 90))}, True),
        ({"durations": (), "turn_times": (TurnTime(1, 60), TurnTime(None, 90))}, False),
    ],
)
def test_how_long_it_is_sold_for(terms, sold_so):
    assert changed(booking(party=2), **terms) == ([] if sold_so else ["DOES_NOT_FIT"])


def test_what_lasts_no_whole_minutes_was_sold_under_no_terms_and_is_nobody_s_doing():
    odd = booking(lasting=HOUR + timedelta(seconds=1))
    assert changed(odd, durations=(90,)) == []


def test_the_range_of_dates_includes_both():
    on = date(2027, 3, 1)
    assert changed(first_date=on, last_date=on) == []
    assert changed(first_date=on + timedelta(days=1)) == ["TOO_SOON"]
    assert changed(last_date=on - timedelta(days=1)) == ["TOO_FAR"]


def test_the_offering_s_own_hours():
    assert changed(hours=daily("10:00-11:00")) == []
    assert changed(hours=daily("10:01-12:00")) == ["OUTSIDE_HOURS"]


def test_what_is_sold_by_session_only_is_sold_at_no_other_time():
    assert changed(sessions_only=True) == ["SESSIONS_ONLY"]


def test_notice_horizon_and_steps_are_for_who_books_now():
    assert changed(notice=10_000, horizon=0, step=7, before=30, after=30) == []


def test_a_court_that_is_no_longer_one_of_those_that_would_do():
    assert codes(sale(tennis), sale(offering(need("court", two))), booking()) == [("DOES_NOT_FIT", 1)]
    assert codes(sale(tennis), sale(offering(need("court", one))), booking()) == []


def test_a_member_that_leaves_its_pool():
    terms = offering(need("court", pool("Courts", one, two)))
    before = sale(terms, one, two, pool("Courts", one, two))
    assert codes(before, sale(terms, one, two, pool("Courts", two)), booking()) == [("DOES_NOT_FIT", 1)]
    assert codes(before, sale(terms, one, two, pool("Courts", one)), booking()) == []
    assert codes(before, sale(terms, one, two, pool("Courts", one, two, retired=True)), booking()) == [
        ("DOES_NOT_FIT", 1)
    ]


def test_features_that_are_no_longer_there():
    lit = replace(one, features=("light",))
    terms = offering(need("court", one, two, features=("light",)))
    assert codes(sale(terms, lit, two), sale(terms, one, two), booking()) == [("DOES_NOT_FIT", 1)]


def test_a_need_that_is_new_is_missed_and_one_that_is_gone_is_not():
    ann = staff("Ann")
    both = offering(need("court", one, two), need("staff", ann))
    assert codes(sale(tennis, one, two, ann), sale(both, one, two, ann), booking()) == [("NO_STAFF", None)]
    kit = offering(need("court", one, two), need("kit", ann))
    assert codes(sale(tennis, one, two, ann), sale(kit, one, two, ann), booking()) == [
        ("NO_RESOURCE_COMBINATION", None)
    ]
    assert codes(sale(both, one, two, ann), sale(tennis, one, two, ann), booking()) == []


def test_tables_that_are_no_longer_pushed_together():
    small, large = table("T1", 1, 2), table("T2", 1, 4)
    terms = offering(need("table", pool("Room", small, large), tables=True))

    def room(*combinations, there=(small, large)):
        return sale(terms, *there, pool("Room", small, large, combinations=combinations))

    together = room(pushed_together(5, 6, small, large))
    six = booking(small, large, party=6, role="table")
    assert codes(together, room(), six) == [("DOES_NOT_FIT", 1), ("DOES_NOT_FIT", 2)]
    assert codes(together, room(pushed_together(5, 8, small, large)), six) == []
    four = booking(large, party=4, role="table")
    assert codes(together, room(there=(small, table("T2", 1, 3))), four) == [("DOES_NOT_FIT", 1)]
    assert codes(together, room(there=(small, table("T2", 4, 8))), four) == []


def test_seats_of_a_session_are_that_session_s():
    seat = booking(resource("Yoga"), party=5, role=SEAT)
    assert codes(sale(tennis), sale(replace(tennis, most_party=1, durations=(15,))), seat) == []
    assert codes(sale(tennis), sale(tennis, retired=True), seat) == [("RETIRED", None)]


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        (None, None),
        (Price(1000, "EUR"), 1000),
        (Price(1000, "EUR", "head"), 3000),
        (Price(1000, "EUR", "hour"), 1500),
        (Price(1, "EUR", "hour"), 2),  # one and a half
        (Price(0, "EUR", "hour"), 0),
    ],
)
def test_what_it_costs_from(price, cost):
    assert priced(price, 90, 3) == cost
