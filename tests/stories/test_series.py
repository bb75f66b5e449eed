"""Series on the real store: offerings, quotas, the waitlist of dates, and what the database itself refuses."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from house import Town, fresh
from msgspec.structs import replace

from application.booking.placing import ReasonNeeded, StaffOnly
from application.booking.series import CreateSeries, PreviewSeries
from application.booking.series_edits import EditSeries
from application.booking.series_extent import CancelSeries
from application.offering.commands import DefineOffering, ReviseTerms
from application.organization.commands import OpenLocation
from application.quota.commands import SetQuotaRule
from application.resource.commands import RegisterResource
from application.unit_of_work import UnitOfWork
from domain import localtime
from domain.booking.booking import Booking
from domain.booking.errors import NeedsAgreement
from domain.booking.series import occurrence_id
from domain.booking.series_errors import OccurrencesNotOffered, OccurrencesTaken
from domain.booking.series_events import Part, Patch, Shift, Template
from domain.errors import Refusal
from domain.offering.terms import Approval, ApprovalRule, Need, Terms
from domain.quota.rule import QuotaRule
from infrastructure.event_store.claims import verify
from infrastructure.settings import Settings

START = datetime(2031, 3, 4, 9)  # a Tuesday, before the clocks change
ZONE = "America/New_York"


class Place:
    """A location with two courts, and words for series there."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.location, self.one, self.two = uuid4(), uuid4(), uuid4()
        town.do(OpenLocation(self.location, "Courts", ZONE))
        for n, court in enumerate((self.one, self.two), start=1):
            town.do(RegisterResource(court, self.location, f"Court {n}", "court"))

    def offering(self, *courts: UUID, **more: Any) -> UUID:
        offering = uuid4()
        terms = Terms((Need("court", any_of=courts),), durations=(60,), **more)
        self.town.do(DefineOffering(offering, self.location, "Tennis", terms))
        return offering

    def wish(self, template: Template, rule: str = "FREQ=WEEKLY;COUNT=4", **more: Any) -> CreateSeries:
        return CreateSeries(uuid4(), self.location, START, template, rule, **more)

    def by_name(self, **more: Any) -> CreateSeries:
        return self.wish(Template(resources=(Part(self.one),), minutes=60), **more)

    def courts(self) -> dict[str, int]:
        """How many claims each has."""
        rows = self.town.sql("SELECT resource, count(*) FROM event_store.claim GROUP BY 1")
        found = {row[0]: row[1] for row in rows}
        return {"one": found.get(self.one, 0), "two": found.get(self.two, 0)}

    def facts(self) -> int:
        return int(self.town.sql("SELECT count(*) FROM event_store.event")[0][0])


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    # A series of hundreds of occurrences is one append, and this is about what it does, not about how long it takes.
    with fresh(servers, database_deadline=30.0) as settings, Town(settings, views=False) as town:
        yield town


@pytest.fixture
def place(town: Town) -> Place:
    return Place(town)


def test_each_occurrence_gets_whichever_court_is_free(town, place):
    town.do(place.by_name(rule="FREQ=WEEKLY;COUNT=2"))
    either = Template(offering_id=place.offering(place.one, place.two))
    answer = town.do(place.wish(either))
    assert answer.result["booked"] == 4
    # Two had to take the other one; of the two left, each gets the court that was used less before.
    assert place.courts() == {"one": 3, "two": 3}


def test_a_series_that_moves_chooses_its_courts_anew(town, place):
    town.do(place.by_name(rule="FREQ=WEEKLY;COUNT=4"))
    either = place.wish(Template(offering_id=place.offering(place.one, place.two)))
    town.do(either)
    assert place.courts() == {"one": 4, "two": 4}
    town.do(EditSeries(either.series_id, "all", patch=Patch(Shift(time(10)), resource_ids=(place.one,))))
    assert place.courts() == {"one": 8, "two": 0}


def test_what_staff_passed_over_when_they_made_it_its_customer_does_not_by_changing_it(town, place):
    me, off_the_grid = uuid4(), datetime.combine(START, time(9, 13))
    either = Template(offering_id=place.offering(place.one, place.two))
    wish = place.wish(either, customer_id=me, override=True)
    town.do(wish, reason="a guest of honour")
    edit = EditSeries(wish.series_id, "this", START, start=off_the_grid)
    for asked in ({"role": "customer", "subject": str(me)}, {}):
        with pytest.raises(OccurrencesNotOffered) as refused:
            town.do(edit, **asked)
        assert [it["code"] for it in refused.value.detail["reasons"]] == ["NOT_ON_STEP"]
    passing = replace(edit, override=True)
    with pytest.raises(StaffOnly):
        town.do(passing, role="customer", subject=str(me), reason="because")
    with pytest.raises(ReasonNeeded):
        town.do(passing)
    assert town.do(passing, reason="a guest of honour").result["booked"] == 1


def test_where_the_terms_ask_the_venue_every_occurrence_waits_for_it(town, place):
    asks = place.wish(Template(offering_id=place.offering(place.one, approval=Approval())))
    town.do(asks)
    tags = town.sql("SELECT tag, count(*) FROM event_store.event WHERE stream = ANY(%s) GROUP BY 1",
                    [occurrence_id(asks.series_id, at) for at in (START, START.replace(day=11))])  # fmt: skip
    assert dict(tags) == {"booking.held.v2": 2, "booking.approval_requested": 2}
    town.do(CancelSeries(asks.series_id, "all"))
    assert place.courts() == {"one": 0, "two": 0}


def stands(town: Town, booking_id: UUID) -> tuple[str, int, int]:
    """When it is, and its buffers."""
    facts = [it.fact for it in town.house.store.load(town.organization, [booking_id]).streams[booking_id]]
    (item,) = Booking(id=booking_id).after(facts).items
    return f"{localtime.wall(item.starts_at, ZONE):%m-%d %H:%M}", item.before, item.after


def test_one_that_is_moved_keeps_the_buffers_it_was_booked_with(town, place):
    """Ten minutes when it was booked, thirty now: it still fits where ten do, and later ones get thirty."""
    offering = place.offering(place.one, before=10, after=10)
    wish = place.wish(Template(offering_id=offering), rule="FREQ=WEEKLY;COUNT=2")
    town.do(wish)
    court = (Need("court", any_of=(place.one,)),)
    town.do(ReviseTerms(offering, Terms(court, durations=(60,), before=30, after=30)))
    at_ten_past_twelve = START.replace(hour=12, minute=10)
    town.do(
        CreateSeries(uuid4(), place.location, at_ten_past_twelve, Template(resources=(Part(place.one),), minutes=5))
    )
    town.do(EditSeries(wish.series_id, "all", patch=Patch(Shift(time(11)))))
    second = START + timedelta(days=7)
    ours = [occurrence_id(wish.series_id, at) for at in (START, second)]
    assert [stands(town, it) for it in ours] == [("03-04 11:00", 10, 10), ("03-11 11:00", 10, 10)]
    with pytest.raises(OccurrencesTaken) as refused:
        town.do(EditSeries(wish.series_id, "this", START, start=START.replace(hour=11, minute=1), override=True),
                reason="a minute")  # fmt: skip
    assert [it["code"] for it in refused.value.detail["reasons"]] == ["BUFFER"]
    goes_on = EditSeries(wish.series_id, "following", second, rule="FREQ=WEEKLY;COUNT=2", continued_by=uuid4(),
                         start=second.replace(hour=15))  # fmt: skip
    town.do(goes_on)
    assert stands(town, ours[1]) == ("03-11 15:00", 10, 10)
    assert goes_on.continued_by is not None
    third = occurrence_id(goes_on.continued_by, second.replace(hour=15) + timedelta(days=7))
    assert stands(town, third) == ("03-18 15:00", 30, 30)


def test_a_customer_changes_of_a_series_nothing_that_the_venue_had_to_agree_to(town, place):
    me = uuid4()
    large = Approval((ApprovalRule(party_over=4),))
    wish = place.wish(Template(offering_id=place.offering(place.one, approval=large, most_party=8), party_size=2),
                      customer_id=me)  # fmt: skip
    town.do(wish)
    mine: dict[str, Any] = {"role": "customer", "subject": str(me)}
    assert town.do(EditSeries(wish.series_id, "all", patch=Patch(Shift(time(10)))), **mine).result["booked"] == 4
    assert town.do(EditSeries(wish.series_id, "all", patch=Patch(party_size=4)), **mine).result["booked"] == 4
    before = place.facts()
    five = EditSeries(wish.series_id, "all", patch=Patch(party_size=5))
    for asked in (five, PreviewSeries(five)):
        with pytest.raises(NeedsAgreement):
            town.do(asked, **mine)
    assert place.facts() == before
    assert town.do(five).result["booked"] == 4, "staff, who could agree, do"


def test_occurrences_count_against_the_quota_together(town, place):
    """Three at most: the fourth of the series itself is one too many."""
    town.do(SetQuotaRule(QuotaRule("three", "active_future", 3)))
    try:
        me = uuid4()
        wish = place.wish(Template(offering_id=place.offering(place.one)), customer_id=me)
        with pytest.raises(OccurrencesTaken) as refused:
            town.do(wish)
        assert [(it["recurrence_id"], it["code"]) for it in refused.value.detail["reasons"]] == [
            ("2031-03-25T09:00:00", "QUOTA")
        ]
        some = place.wish(Template(offering_id=place.offering(place.one)), customer_id=me, strategy="skip")
        assert town.do(some).result["booked"] == 3
        moved = town.do(EditSeries(some.series_id, "all", patch=Patch(Shift(time(11)))))
        assert moved.result["booked"] == 3  # what moves does not count twice
    finally:
        town.do(SetQuotaRule(QuotaRule("three", "active_future", 10_000)))


def test_what_the_decision_did_not_see_the_database_refuses_and_nothing_is_left(town, place, monkeypatch):
    town.do(place.by_name(rule="FREQ=DAILY;COUNT=1"))
    before, claims = place.facts(), place.courts()
    monkeypatch.setattr(UnitOfWork, "occupancy", lambda *_: [])
    last_is_taken = datetime(2030, 1, 29, 9)
    assert last_is_taken + timedelta(days=399) == START
    template = Template(resources=(Part(place.one),), minutes=60)
    with pytest.raises(Refusal):
        town.do(CreateSeries(uuid4(), place.location, last_is_taken, template, "FREQ=DAILY;COUNT=400"))
    assert (place.facts(), place.courts()) == (before, claims)


def test_of_two_who_want_the_same_series_at_once_one_gets_all_of_it(town, place):
    wishes = [place.by_name(rule="FREQ=DAILY;COUNT=60") for _ in range(8)]

    def ask(wish: CreateSeries) -> bool:
        try:
            town.do(wish)
        except Refusal:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(ask, wishes))
    assert won.count(True) == 1
    assert place.courts() == {"one": 60, "two": 0}
    winner = wishes[won.index(True)]
    streams = {row[0] for row in town.sql("SELECT DISTINCT stream FROM event_store.event WHERE tag = 'series.created'")}
    assert winner.series_id in streams
    assert not streams & {it.series_id for it in wishes if it is not winner}


def test_the_claims_follow_from_the_log_after_all_of_this(town):
    assert list(verify(town.settings.database_url)) == []
