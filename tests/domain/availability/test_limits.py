"""Slots under somebody's quotas: shown as they can be booked, by the count that refuses in the write."""

from datetime import date, timedelta
from uuid import UUID

from counted import ANN, BEN, COURT, HERE, LISBON, POOL, TENNIS, at, booked
from hypothesis import given as drawn
from hypothesis import strategies as some
from msgspec.structs import replace

from domain.availability.limits import Asker, limited, otherwise_engaged
from domain.availability.setup import Assigned, Reason, Refused, Request, Setup, Slot
from domain.hours import Opening, WeeklyHours
from domain.offering.terms import Need, Terms
from domain.organization.location import Location
from domain.period import Period
from domain.quota.counting import Picture, Wanted, against
from domain.quota.rule import CalendarWindow, QuotaRule, RollingWindow, What
from domain.resource.resource import Resource

NOW = at("2027-03-01T08:00")
HOUR = timedelta(hours=1)
asker = Asker(ANN, TENNIS, HERE, LISBON)


def slot(local: str, what: UUID = COURT) -> Slot:
    return Slot(at(local), at(local) + HOUR, 1, (Assigned("court", (what,)),))


def sold_as(*needs: Need) -> Setup:
    there = {it: Resource(id=it, location_id=HERE, name=str(it)) for it in (COURT, POOL)}
    return Setup(Location(id=HERE, zone=LISBON), Terms(needs=needs, durations=(60,)), there)


either = sold_as(Need("court", any_of=(COURT, POOL)))
ANY_DAY = Request(date(2027, 3, 1), date(2027, 3, 9))


def shown(rules, rows, *slots, who=asker, setup=either):
    return limited(slots, Picture(rules, (), rows, NOW), who, setup, ANY_DAY, HOUR)


def taken(local: str) -> Refused:
    return Refused(at(local), at(local), (Reason("TOO_SOON"), Reason("CUSTOMER_CONFLICT")))


one_a_day = QuotaRule("one-a-day", "count", 1, CalendarWindow("day"))


def test_where_there_is_no_rule_slots_are_as_they_were():
    slots = [slot("2027-03-01T10:00"), Refused(at("2027-03-01T11:00"), None, (Reason("DST_GAP"),))]
    assert shown([], [], *slots) == slots


def test_on_a_day_that_is_used_up_every_slot_says_so_and_the_next_day_none():
    rows = [booked("2027-03-01T12:00")]
    early, late, tomorrow = shown(
        [one_a_day], rows, slot("2027-03-01T10:00"), slot("2027-03-01T22:00"), slot("2027-03-02T10:00")
    )
    for refused in (early, late):
        (reason,) = refused.reasons
        assert (reason.code, reason.rule, reason.used, reason.limit) == ("QUOTA", "one-a-day", 1, 1)
        assert reason.resets_at == at("2027-03-02T00:00")
    assert isinstance(tomorrow, Slot)
    assert early.local.isoformat() == "2027-03-01T10:00:00"


def test_what_is_refused_already_is_also_told_the_quotas_that_nothing_would_avoid():
    (told,) = shown([one_a_day], [booked("2027-03-01T12:00")], taken("2027-03-01T11:00"))
    assert [reason.code for reason in told.reasons] == ["TOO_SOON", "CUSTOMER_CONFLICT", "QUOTA"]
    assert (told.reasons[2].used, told.reasons[2].resets_at) == (1, at("2027-03-02T00:00"))
    tomorrow = taken("2027-03-02T11:00")
    assert shown([one_a_day], [booked("2027-03-01T12:00")], tomorrow) == [tomorrow]


def test_of_what_has_more_against_it_the_order_is_kept():
    refused = replace(taken("2027-03-01T11:00"), reasons=(Reason("NO_STAFF"), Reason("NOT_ENTITLED")))
    (told,) = shown([one_a_day], [booked("2027-03-01T12:00")], refused)
    assert [reason.code for reason in told.reasons] == ["NO_STAFF", "QUOTA", "NOT_ENTITLED"]


def test_a_quota_on_one_court_is_not_in_the_way_where_another_would_do():
    rule = QuotaRule("court", "count", 0, what=What(resources=(COURT,)))
    both = QuotaRule("court", "count", 0, what=What(resources=(COURT, POOL)))
    refused = taken("2027-03-01T11:00")
    assert shown([rule], [], refused) == [refused]
    assert len(shown([both], [], refused)[0].reasons) == 3
    assert len(shown([rule], [], refused, setup=sold_as(Need("court", any_of=(COURT,))))[0].reasons) == 3
    two = sold_as(Need("court", any_of=(COURT, POOL), count=2))
    assert len(shown([rule], [], refused, setup=two)[0].reasons) == 3


def test_what_the_clocks_skip_is_at_no_time_that_could_be_counted():
    skipped = Refused(at("2027-03-01T11:00"), None, (Reason("DST_GAP"),))
    assert shown([one_a_day], [booked("2027-03-01T12:00")], skipped) == [skipped]


def test_somebody_is_engaged_by_what_stands_and_not_by_what_would_be_moved():
    rows = [
        booked("2027-03-01T10:00"),
        booked("2027-03-01T11:00", who=BEN),
        replace(booked("2027-03-01T12:00"), expires_at=NOW),
        replace(booked("2027-03-01T13:00"), expires_at=NOW + timedelta(seconds=1)),
        replace(booked("2027-03-01T14:00"), state="late_cancel"),
    ]
    picture = Picture((), (), rows, NOW)
    ten, one = at("2027-03-01T10:00"), at("2027-03-01T13:00")
    assert otherwise_engaged(picture, ANN, NOW) == (Period(ten, ten + HOUR), Period(one, one + HOUR))
    assert otherwise_engaged(picture, ANN, NOW, rows[0].booking_id) == (Period(one, one + HOUR),)


def test_another_person_s_bookings_are_not_in_the_way():
    found = shown([one_a_day], [booked("2027-03-01T12:00", who=BEN)], slot("2027-03-01T10:00"))
    assert isinstance(found[0], Slot)


def test_a_rule_for_one_court_leaves_the_others():
    rule = QuotaRule("court", "count", 0, what=What(resources=(COURT,)))
    mine, other = shown([rule], [], slot("2027-03-01T10:00"), slot("2027-03-01T10:00", POOL))
    assert isinstance(mine, Refused)
    assert isinstance(other, Slot)


def test_in_the_peak_and_beside_it():
    evening = WeeklyHours(monday=(Opening(1020, 1260),))
    rule = QuotaRule("evenings", "peak_minutes", 0, peak=evening)
    noon, peak = shown([rule], [], slot("2027-03-01T12:00"), slot("2027-03-01T18:00"))
    assert isinstance(noon, Slot)
    assert isinstance(peak, Refused)


RULES = some.sampled_from([
    one_a_day,
    QuotaRule("rolling", "minutes", 150, RollingWindow(3)),
    QuotaRule("week", "count", 2, CalendarWindow("week"), zone="Pacific/Auckland"),
    QuotaRule("active", "active_future", 3),
    QuotaRule("peak", "peak_minutes", 30, CalendarWindow("week"), peak=WeeklyHours(tuesday=(Opening(600, 690),))),
    QuotaRule("court", "count", 1, CalendarWindow("day"), what=What(resources=(POOL,))),
])  # fmt: skip


@drawn(
    rules=some.lists(RULES, max_size=4, unique_by=lambda rule: rule.name),
    taken=some.lists(some.integers(-48, 200), max_size=6),
    asked=some.lists(some.tuples(some.integers(-4, 200), some.sampled_from([COURT, POOL])), max_size=12),
)
def test_each_slot_is_judged_as_the_write_would_judge_it(rules, taken, asked):
    """What slots share is counted once; the write counts each by itself, and they agree."""
    rows = [
        booked((date(2027, 3, 1) + timedelta(days=hour // 24)).isoformat() + f"T{hour % 24:02}:00") for hour in taken
    ]
    slots = [Slot(NOW + n * HOUR, NOW + (n + 1) * HOUR, 1, (Assigned("court", (what,)),)) for n, what in asked]
    for one, found in zip(slots, shown(rules, rows, *slots), strict=True):
        wanted = Wanted(ANN, TENNIS, HERE, LISBON, one.assignment[0].resource_ids, one.starts_at, one.ends_at)
        expected = against(rules, (), rows, wanted, NOW)
        told = [reason.rule for reason in found.reasons] if isinstance(found, Refused) else []
        assert told == [verdict.rule for verdict in expected]
