"""The terms of an offering: everything that is wrong is told at once, each with its place."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from given import given
from msgspec.structs import replace

from domain.hours import Opening, WeeklyHours
from domain.names import BadName
from domain.offering import errors
from domain.offering.checks import LONGEST, Candidate, named
from domain.offering.events import OfferingDefined, OfferingRenamed, OfferingRetired, OfferingRevised
from domain.offering.offering import Offering
from domain.offering.terms import Approval, ApprovalRule, Durations, Need, Price, Terms, TurnTime

HERE, THERE = UUID(int=1), UUID(int=2)
ANN, BEN, ROOM, ABROAD, KIT = (UUID(int=n) for n in range(10, 15))
CANDIDATES = {
    ANN: Candidate(HERE), BEN: Candidate(HERE), ROOM: Candidate(HERE), ABROAD: Candidate(THERE), KIT: Candidate(HERE, 5)
}  # fmt: skip
staff = Need("staff", any_of=(ANN, BEN))
terms = Terms(needs=(staff, Need("room", any_of=(ROOM,))), durations=(60, 90))
defined = OfferingDefined(HERE, "Massage", terms)


def test_an_offering_is_defined_revised_renamed_and_retired_each_once():
    given(Offering).when(lambda o: o.define(HERE, " Massage ", terms, CANDIDATES)).then(defined)
    longer = replace(terms, durations=(120,))
    revised = given(Offering, defined).when(lambda o: o.revise(longer, CANDIDATES)).then(OfferingRevised(longer))
    assert (revised.terms, revised.version) == (longer, 2)
    given(Offering, defined).when(lambda o: o.revise(terms, CANDIDATES)).then()
    given(Offering, defined).when(lambda o: o.rename("Hot stones")).then(OfferingRenamed("Hot stones"))
    given(Offering, defined).when(lambda o: o.rename("Massage")).then()
    given(Offering, defined).when(lambda o: o.rename("\n")).refused(BadName)
    given(Offering, defined).when(lambda o: o.retire()).then(OfferingRetired())
    given(Offering, defined, OfferingRetired()).when(lambda o: o.retire()).then()


def test_what_is_retired_is_not_sold():
    assert Offering(UUID(int=7)).after([defined]).sold().name == "Massage"
    with pytest.raises(errors.NotSold):
        Offering(UUID(int=7)).after([defined, OfferingRetired()]).sold()


def test_the_version_is_what_a_booking_names():
    states = [Offering(UUID(int=7)).after([defined, OfferingRenamed("X"), OfferingRetired()][:n]) for n in range(4)]
    assert [state.version for state in states] == [0, 1, 2, 3]


def test_all_that_the_terms_name_is_read():
    of = Terms(needs=(staff, Need("kit", pool_id=KIT)), approval=Approval((ApprovalRule(resources=(ROOM,)),)))
    assert named(of) == ({ANN, BEN, ROOM}, {KIT})


EVERYTHING: dict[str, Any] = {
    "needs": (staff, Need("room", any_of=(ROOM,), features=("quiet",)), Need("kit", pool_id=KIT, count=5, units=2)),
    "lasting": Durations(30, LONGEST, 15), "before": 1440, "after": 1440, "step": 1440, "anchor": "top_of_hour",
    "hours": WeeklyHours(monday=(Opening(0, 2880),)), "notice": 0, "horizon": 3650, "first_date": date(2027, 1, 1),
    "last_date": date(2027, 1, 1), "least_party": 2, "most_party": 2, "price": Price(0, "EUR", "hour"),
    "approval": Approval((ApprovalRule((ROOM,), 0, 0, True),), 1, "approve", False, True, 1), "one_at_a_time": True,
    "cancellation_notice": 0,
}  # fmt: skip


def test_the_edges_are_allowed():
    of = Terms(**EVERYTHING)
    given(Offering).when(lambda o: o.define(HERE, "All", of, CANDIDATES)).then(OfferingDefined(HERE, "All", of))
    turns = (TurnTime(2, 90), TurnTime(4, 120), TurnTime(None, 150))
    tables = Terms(needs=(Need("table", pool_id=KIT, tables=True),), turn_times=turns)
    given(Offering).when(lambda o: o.define(HERE, "T", tables, CANDIDATES)).then(OfferingDefined(HERE, "T", tables))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("needs", {"needs": ()}),
        ("needs", {"needs": tuple(replace(staff, role=f"r{n}") for n in range(21))}),
        ("needs[1].role", {"needs": (staff, staff)}),
        ("needs[0].role", {"needs": (replace(staff, role=""),)}),
        ("needs[0].role", {"needs": (replace(staff, role="Staff!"),)}),
        ("needs[0].any_of", {"needs": (replace(staff, any_of=()),)}),
        ("needs[0].any_of", {"needs": (replace(staff, pool_id=KIT),)}),
        ("needs[0].any_of", {"needs": (replace(staff, any_of=(ANN, ANN)),)}),
        ("needs[0].any_of", {"needs": (replace(staff, any_of=(ANN, ABROAD)),)}),
        ("needs[0].count", {"needs": (replace(staff, count=3),)}),
        ("needs[0].count", {"needs": (replace(staff, count=0),)}),
        ("needs[0].count", {"needs": (Need("kit", pool_id=KIT, count=6),)}),
        ("needs[0].units", {"needs": (replace(staff, units=0),)}),
        ("needs[0].per_head", {"needs": (replace(staff, units=2, per_head=True),)}),
        ("needs[0].tables", {"needs": (replace(staff, tables=True),)}),
        ("needs[0].tables", {"needs": (Need("t", pool_id=KIT, tables=True, count=2),)}),
        ("needs[0].features", {"needs": (replace(staff, features=("Quiet",)),)}),
        ("durations", {"durations": ()}),
        ("durations", {"lasting": Durations(30, 60, 30)}),
        ("durations", {"turn_times": (TurnTime(None, 60),)}),
        ("durations", {"durations": (0,)}),
        ("durations", {"durations": (LONGEST + 1,)}),
        ("durations", {"durations": (60, 60)}),
        ("lasting", {"durations": (), "lasting": Durations(0, 60, 30)}),
        ("lasting", {"durations": (), "lasting": Durations(90, 60, 30)}),
        ("lasting.increment", {"durations": (), "lasting": Durations(30, 60, 0)}),
        ("turn_times", {"durations": (), "turn_times": (TurnTime(2, 0),)}),
        ("turn_times", {"durations": (), "turn_times": (TurnTime(0, 60),)}),
        ("turn_times", {"durations": (), "turn_times": (TurnTime(4, 60), TurnTime(4, 90))}),
        ("turn_times", {"durations": (), "turn_times": (TurnTime(4, 60), TurnTime(2, 90))}),
        ("turn_times", {"durations": (), "turn_times": (TurnTime(None, 60), TurnTime(2, 90))}),
        ("turn_times", {"durations": (), "turn_times": (TurnTime(None, 60), TurnTime(None, 90))}),
        ("before", {"before": -1}),
        ("after", {"after": 1441}),
        ("step", {"step": 0}),
        ("step", {"step": 1441}),
        ("hours", {"hours": WeeklyHours(monday=(Opening(60, 30),))}),
        ("notice", {"notice": -1}),
        ("cancellation_notice", {"cancellation_notice": -1}),
        ("cancellation_notice", {"cancellation_notice": 400 * 1440 + 1}),
        ("horizon", {"horizon": -1}),
        ("horizon", {"horizon": 3651}),
        ("last_date", {"first_date": date(2027, 1, 2), "last_date": date(2027, 1, 1)}),
        ("first_date", {"first_date": date(1969, 12, 31)}),
        ("first_date", {"last_date": date(2200, 1, 1)}),
        ("least_party", {"least_party": 0}),
        ("most_party", {"least_party": 3, "most_party": 2}),
        ("price.amount", {"price": Price(-1, "EUR")}),
        ("price.currency", {"price": Price(1, "eur")}),
        ("price.currency", {"price": Price(1, "EURO")}),
        ("approval.rules", {"approval": Approval(())}),
        ("approval.rules[0].resources", {"approval": Approval((ApprovalRule((ABROAD,)),))}),
        ("approval.rules[0].longer_than", {"approval": Approval((ApprovalRule(longer_than=-1),))}),
        ("approval.rules[0].party_over", {"approval": Approval((ApprovalRule(party_over=-1),))}),
        ("approval.within", {"approval": Approval(within=0)}),
        ("approval.most_waiting", {"approval": Approval(most_waiting=0)}),
        ("approval.most_waiting", {"approval": Approval(most_waiting=501)}),
    ],
)
def test_terms_that_cannot_be_kept_say_where_and_what_would_be_right(field, wrong):
    bad = replace(terms, **wrong)
    refused = given(Offering).when(lambda o: o.define(HERE, "X", bad, CANDIDATES)).refused(errors.BadTerms)
    assert [error["field"] for error in refused.detail["errors"]] == [f"terms.{field}"]
    assert refused.detail["errors"][0]["message"].endswith(".")
    given(Offering, defined).when(lambda o: o.revise(bad, CANDIDATES)).refused(errors.BadTerms)


def test_everything_that_is_wrong_is_told_at_once():
    bad = replace(terms, needs=(), step=0, price=Price(-1, "?"))
    refused = given(Offering).when(lambda o: o.define(HERE, "X", bad, CANDIDATES)).refused(errors.BadTerms)
    assert [error["field"] for error in refused.detail["errors"]] == [
        "terms.needs", "terms.step", "terms.price.amount", "terms.price.currency"
    ]  # fmt: skip
