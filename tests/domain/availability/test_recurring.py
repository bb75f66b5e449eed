"""Many occurrences at once: which can be had, who stands in whose way, and what could be had instead."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain import localtime
from domain.availability.recurring import Diary, Verdict, Wish, alternatives, verdicts
from domain.availability.setup import Reason, Request, Setup, Slot, Use
from domain.availability.slots import consider
from domain.booking.series import Planned
from domain.booking.series_events import Part, Template
from domain.calendar import Calendar
from domain.hours import Opening, WeeklyHours
from domain.offering.terms import Need, Terms
from domain.organization.location import Location
from domain.resource.resource import Resource

HERE, OFFERING, ONE, TWO = UUID(int=1), UUID(int=2), UUID(int=11), UUID(int=12)
SOMEBODY = UUID(int=99)
ZONE = "America/New_York"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
DAILY = WeeklyHours(*[(Opening(480, 1320),)] * 7)
HOUR = timedelta(hours=1)


def setup(**terms) -> Setup:
    courts = {it: Resource(it, HERE, f"Court {it.int}", "court", 1, Calendar(DAILY)) for it in (ONE, TWO)}
    said = {"needs": (Need("court", any_of=(ONE,)),), "durations": (60, 30), "step": 30, **terms}
    return Setup(Location(HERE, "Club", ZONE), Terms(**said), courts)


def wish(n: int, local: datetime, **more) -> Wish:
    stands = more.pop("stands", False)
    template = Template(**{"offering_id": OFFERING, "minutes": 60, **more})
    return Wish(Planned(local, local, template), UUID(int=1000 + n), stands)


def taken(local: datetime, resource: UUID = ONE, booking: UUID = SOMEBODY, minutes: int = 60) -> Use:
    at = localtime.by_rule(local, ZONE)
    return Use(resource, booking, 1, at, at + timedelta(minutes=minutes))


def asked(wishes: Sequence[Wish], uses: Sequence[Use] = (), it: Setup | None = None, **more) -> list[Verdict]:
    moving = {one.booking_id for one in wishes if one.stands}

    def diary(staying: frozenset[UUID]) -> Diary:
        others = [use for use in uses if use.booking_id not in moving or use.booking_id in staying]
        return Diary(it or setup(), others, NOW, **more)

    return verdicts(wishes, diary)[0]


def days(first: int, count: int, hour: int = 9) -> list[datetime]:
    return [datetime(2027, 3, first, hour) + timedelta(days=n) for n in range(count)]


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


# Verdicts


def test_each_is_decided_as_a_single_booking_is():
    found = asked([wish(n, at) for n, at in enumerate(days(1, 3))], [taken(datetime(2027, 3, 2, 9))])
    assert [it.slot is not None for it in found] == [True, False, True]
    assert codes(found[1]) == ["OCCUPIED"]


def test_touching_is_not_a_conflict_and_one_minute_is():
    at = datetime(2027, 3, 2, 9)
    assert asked([wish(0, at)], [taken(at + HOUR)])[0].slot is not None
    assert asked([wish(0, at)], [taken(at - HOUR)])[0].slot is not None
    assert asked([wish(0, at)], [taken(at + timedelta(minutes=59))])[0].slot is None


def test_what_is_closed_is_a_conflict():
    found = asked([wish(0, datetime(2027, 3, 2, 7)), wish(1, datetime(2027, 3, 2, 21))])
    assert codes(found[0]) == ["OUTSIDE_HOURS"]
    assert found[1].slot is not None  # until 22:00, when it closes


def test_of_two_occurrences_that_want_the_same_the_later_yields():
    found = asked([wish(0, datetime(2027, 3, 2, 9)), wish(1, datetime(2027, 3, 2, 9, 30))])
    assert [it.slot is not None for it in found] == [True, False]


def test_buffers_of_one_occurrence_stand_in_the_way_of_the_next():
    both = [wish(0, datetime(2027, 3, 2, 9)), wish(1, datetime(2027, 3, 2, 10))]
    assert all(it.slot for it in asked(both))
    assert codes(asked(both, it=setup(after=15))[1]) == ["BUFFER"]


def test_a_time_that_the_clocks_skip_is_shifted_or_refused():
    at = wish(0, datetime(2027, 3, 14, 2, 30))
    open_all_night = setup()
    rooms = {
        it: replace(one, calendar=Calendar(WeeklyHours(*[(Opening(0, 1440),)] * 7)))
        for it, one in open_all_night.resources.items()
    }
    night = replace(open_all_night, resources=rooms)
    (shifted,) = asked([at], it=night)
    assert shifted.starts_at == datetime(2027, 3, 14, 7, 30, tzinfo=UTC)
    assert shifted.slot is not None
    (skipped,) = asked([at], it=night, gap_policy="skip")
    assert (skipped.starts_at, codes(skipped)) == (None, ["DST_GAP"])


def test_resources_by_name_have_no_grid_but_hours():
    named = {"offering_id": None, "resources": (Part(TWO),)}
    assert asked([wish(0, datetime(2027, 3, 2, 9, 7), **named)])[0].slot is not None
    assert codes(asked([wish(0, datetime(2027, 3, 2, 9, 7))])[0]) == ["NOT_ON_STEP"]
    assert codes(asked([wish(0, datetime(2027, 3, 2, 21, 1), **named)])[0]) == ["OUTSIDE_HOURS"]


def test_what_is_over_cannot_be_booked():
    named = {"offering_id": None, "resources": (Part(TWO),)}
    assert "TOO_SOON" in codes(asked([wish(0, datetime(2026, 3, 2, 9))])[0])
    assert codes(asked([wish(0, datetime(2026, 3, 2, 9), **named)])[0]) == ["TOO_SOON"]


def test_terms_that_no_longer_offer_the_duration_refuse_the_occurrence_not_the_question():
    assert codes(asked([wish(0, datetime(2027, 3, 2, 9), minutes=45)])[0]) == ["DOES_NOT_FIT"]


def test_whoever_passes_over_horizon_and_notice_passes():
    far = [wish(0, datetime(2027, 3, 2, 9))]
    assert codes(asked(far, it=setup(horizon=30))[0]) == ["TOO_FAR"]
    assert asked(far, it=setup(horizon=30), override=True)[0].slot is not None


# Moving


def test_those_that_move_together_are_not_in_each_others_way():
    """All move by half an hour, each onto what the next one had."""
    starts = [datetime(2027, 3, 2, 9), datetime(2027, 3, 2, 10), datetime(2027, 3, 2, 11)]
    uses = [taken(at, booking=UUID(int=1000 + n)) for n, at in enumerate(starts)]
    moving = [wish(n, at + timedelta(minutes=30), stands=True) for n, at in enumerate(starts)]
    assert all(it.slot for it in asked(moving, uses))


def test_one_that_cannot_move_stays_and_then_stands_in_the_way():
    """The last one's new time is taken; it stays, so that the one before it cannot move either, and so on."""
    starts = [datetime(2027, 3, 2, 9), datetime(2027, 3, 2, 10), datetime(2027, 3, 2, 11)]
    uses = [taken(at, booking=UUID(int=1000 + n)) for n, at in enumerate(starts)]
    uses.append(taken(datetime(2027, 3, 2, 12)))
    moving = [wish(n, at + HOUR, stands=True) for n, at in enumerate(starts)]
    assert [codes(it) for it in asked(moving, uses)] == [["OCCUPIED"]] * 3
    free = [*uses[:3], taken(datetime(2027, 3, 2, 14))]
    assert all(it.slot for it in asked(moving, free))


# What could be had instead


def instead(at: Wish, uses: Sequence[Use], it: Setup | None = None) -> list[tuple[str, str]]:
    (found,), book = verdicts([at], lambda _: Diary(it or setup(), uses, NOW))
    assert found.slot is None
    return [
        (one.kind, localtime.wall(one.starts_at, ZONE).isoformat(timespec="minutes"))
        for one in alternatives(found, book)
    ]


def test_another_resource_then_the_nearest_time_then_the_next_free_day():
    either = setup(needs=(Need("court", any_of=(ONE, TWO)),))
    at = datetime(2027, 3, 2, 9)
    assert instead(wish(0, at, resource_ids=(ONE,)), [taken(at)], either) == [
        ("other_resource", "2027-03-02T09:00"),
        ("same_day", "2027-03-02T08:00"),
        ("next_free_day", "2027-03-03T09:00"),
    ]


def test_of_two_times_that_are_equally_near_the_earlier():
    at = datetime(2027, 3, 2, 12)
    assert instead(wish(0, at), [taken(at)])[0] == ("same_day", "2027-03-02T11:00")
    earlier_taken = [taken(at), taken(at - HOUR)]
    assert instead(wish(0, at), earlier_taken)[0] == ("same_day", "2027-03-02T13:00")


def test_a_day_that_is_taken_is_not_the_next_free_one():
    at = datetime(2027, 3, 2, 9)
    uses = [taken(at), taken(at + timedelta(days=1)), taken(at + timedelta(days=2))]
    assert instead(wish(0, at), uses)[-1] == ("next_free_day", "2027-03-05T09:00")


def test_nothing_is_suggested_where_nothing_is_free():
    at = datetime(2027, 3, 2, 9)
    always = [taken(datetime(2027, 3, 1, 8), minutes=60 * 24 * 60)]
    assert instead(wish(0, at), always) == []


def test_what_other_occurrences_take_is_not_suggested():
    at = datetime(2027, 3, 2, 9)
    found, book = verdicts([wish(n, at) for n in range(2)] + [wish(2, at + timedelta(days=1))],
                           lambda _: Diary(setup(), [], NOW))  # fmt: skip
    (conflict,) = [it for it in found if it.slot is None]
    assert [localtime.wall(it.starts_at, ZONE).day for it in alternatives(conflict, book)] == [2, 4]


THREE, TEN, ROOM = UUID(int=13), UUID(int=14), UUID(int=15)


def by_name(*named: UUID, kinds: dict[UUID, str] | None = None) -> tuple[Setup, dict]:
    """Two courts and what else there is, and a wish for some of it by name."""
    names = {ONE: "Court 1", TWO: "Court 2", THREE: "Court 3", TEN: "Court 10", ROOM: "Room"}
    of_kind = {ROOM: "room"} | (kinds or {})
    resources = {it: Resource(it, HERE, name, of_kind.get(it, "court"), 1, Calendar(DAILY))
                 for it, name in names.items()}  # fmt: skip
    there = Setup(Location(HERE, "Club", ZONE), Terms(()), resources)
    return there, {"offering_id": None, "resources": tuple(Part(it) for it in named)}


def other(there: Setup, wanted: dict, *taken_by: UUID, at: datetime = datetime(2027, 3, 2, 9)) -> list[UUID]:
    """What is suggested at the same time, where these are taken."""
    uses = [taken(at, it, UUID(int=500 + n)) for n, it in enumerate(taken_by)]
    (found,), book = verdicts([wish(0, at, **wanted)], lambda _: Diary(there, uses, NOW))
    assert found.slot is None
    first = [it for it in alternatives(found, book) if it.kind == "other_resource"]
    return [it for one in first for it in one.resource_ids]


def test_by_name_another_of_the_same_kind_is_suggested_the_first_by_name_that_is_free():
    assert other(*by_name(ONE), ONE) == [TWO]
    assert other(*by_name(ONE), ONE, TWO) == [THREE]
    assert other(*by_name(ONE), ONE, TWO, THREE) == [TEN], "a court, though 10 comes before 2 for who knows no numbers"


def test_by_name_a_room_is_no_court():
    assert other(*by_name(ONE), ONE, TWO, THREE, TEN) == []


def test_by_name_what_is_free_is_kept_and_each_that_is_not_becomes_another():
    assert other(*by_name(ONE, ROOM), ONE) == [TWO, ROOM]
    assert other(*by_name(ONE, TWO), ONE, TWO) == [THREE, TEN]
    assert other(*by_name(ONE, TWO), ONE, TWO, THREE) == [], "one court is left where two are wanted"
    assert other(*by_name(ONE, ROOM), ONE, ROOM) == [], "there is no other room"


def test_where_no_resource_is_in_the_way_no_other_is_suggested():
    there, wanted = by_name(ONE)
    (found,), book = verdicts([wish(0, datetime(2026, 12, 1, 9), **wanted)], lambda _: Diary(there, [], NOW))
    assert codes(found) == ["TOO_SOON"]
    assert "other_resource" not in [it.kind for it in alternatives(found, book)]


# Against the plain way


courts = st.sampled_from([ONE, TWO])
moments = st.integers(0, 60 * 24 * 2).map(lambda quarter: datetime(2027, 3, 1) + timedelta(minutes=15 * quarter))


@settings(max_examples=150, deadline=None)
@given(
    wanted=st.lists(moments, min_size=1, max_size=12),
    others=st.lists(st.tuples(moments, courts), max_size=12),
    either=st.booleans(),
    before=st.sampled_from([0, 15]),
    after=st.sampled_from([0, 30]),
    named=st.booleans(),
)
def test_a_year_at_once_says_what_one_after_the_other_says(wanted, others, either, before, after, named):
    """Whether the question is shared by a year of occurrences or asked anew for each makes no difference."""
    needs = (Need("court", any_of=(ONE, TWO) if either else (ONE,)),)
    it = setup(needs=needs, before=before, after=after, step=15)
    about = {"offering_id": None, "resources": (Part(ONE),)} if named else {}
    wishes = [wish(n, at, **about) for n, at in enumerate(wanted)]
    uses = [taken(at, court, UUID(int=2000 + n)) for n, (at, court) in enumerate(others)]

    plain: list[Slot | None] = []
    standing = list(uses)
    terms = Terms((Need("", any_of=(ONE,)),), durations=(60,)) if named else it.terms
    for one in wishes:
        at = localtime.by_rule(one.planned.local, ZONE)
        on = one.planned.local.date()
        asking = Request(on, on, 1, 60, override=named)
        answer = consider(replace(it, terms=terms), standing, asking, at, NOW)
        plain.append(answer if isinstance(answer, Slot) else None)
        if isinstance(answer, Slot):
            standing += [
                Use(r, one.booking_id, 1, answer.starts_at, answer.ends_at, 1, terms.before, terms.after)
                for chosen in answer.assignment
                for r in chosen.resource_ids
            ]
    found = asked(wishes, uses, it)
    assert [(v.slot and (v.slot.starts_at, v.slot.assignment)) for v in found] == [
        (slot and (slot.starts_at, slot.assignment)) for slot in plain
    ]


@pytest.mark.parametrize("on", [date(2027, 3, 2), date(2028, 3, 2)])
def test_what_is_asked_besides_refuses_too(on):
    at = datetime(on.year, on.month, on.day, 9)
    limit = Reason("QUOTA", rule="one a week")

    def check(wish, slot, before):
        return [limit] if sum(it.slot is not None for it in before) >= 1 else []

    found, _ = verdicts([wish(n, at + timedelta(days=n)) for n in range(3)], lambda _: Diary(setup(), [], NOW), check)
    assert [codes(it) for it in found] == [[], ["QUOTA"], ["QUOTA"]]
