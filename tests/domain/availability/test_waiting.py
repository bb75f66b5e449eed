"""Windows: whoever waits for a time, and what of it has come free."""

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from setups import booked, court, covers, daily, named, need, offering, simple, sold, table, utc, venue

from domain.availability.setup import Setup, Use
from domain.availability.waiting import Times, against_waiting
from domain.offering.terms import TurnTime
from domain.period import Period
from domain.waitlist.entry import Bar
from domain.waitlist.events import (
    Piece,
    Settings,
    WaitlistEarmarked,
    WaitlistEarmarkReleased,
    WaitlistJoined,
    WaitlistOfferMade,
    WaitlistOpened,
    WaitlistSettingsSet,
    WaitlistSkipped,
    Window,
)
from domain.waitlist.waitlist import Waitlist

NOW = utc(2027, 6, 1, 12)
DAY = date(2027, 6, 2)
TENNIS, VENUE = named("tennis"), named("here")
ANN, BEN = UUID(int=11), UUID(int=12)
COURT = court()
HOUR = timedelta(hours=1)


def at(hour: int, on: date = DAY) -> datetime:
    return utc(on.year, on.month, on.day, hour)


def tennis(**terms) -> Setup:
    return simple(venue(hours=daily("09:00-13:00")), COURT, **{"step": 60, "lasts": (60, 120), **terms})


def taken(*hours: int) -> list[Use]:
    return [booked(COURT, at(hour), at(hour + 1)) for hour in hours]


def times(since: int, until: int, *uses: Use, setup: Setup | None = None, resources=(COURT.id,), now=NOW) -> Times:
    return Times(TENNIS, setup or tennis(), uses, now, Period(at(since), at(until)), resources)


def joined(who: UUID, opens: int = 9, closes: int = 13, party: int = 1, first=DAY, last=DAY, **more) -> WaitlistJoined:
    window = Window(first, last, opens * 60, closes * 60, **more)
    number = 1 if who == ANN else 2
    return WaitlistJoined(who, TENNIS, party, 5, NOW - HOUR, number, at(13), window=window)


def waiting(*facts, **rules) -> Waitlist:
    return Waitlist(id=named("list")).after(
        [WaitlistOpened(VENUE), WaitlistSettingsSet(Settings(**rules)), *facts],
    )


def offers(facts) -> list[tuple[UUID, datetime]]:
    return [(fact.entry_id, fact.pieces[0].starts_at) for fact in facts if isinstance(fact, WaitlistOfferMade)]


def test_the_first_time_of_the_window_that_reaches_into_what_came_free():
    walk = waiting(joined(ANN)).freed(times(11, 13, *taken(10)), NOW)
    assert offers(walk) == [(ANN, at(11))]  # 09:00 is free as well, but was so before
    (offer,) = walk
    assert offer.pieces == (Piece(COURT.id, at(11), at(12), role="court"),)


def test_two_are_never_offered_the_same_time():
    both = waiting(joined(ANN), joined(BEN))
    assert offers(both.freed(times(9, 13), NOW)) == [(ANN, at(9)), (BEN, at(10))]
    assert offers(both.freed(times(9, 10), NOW)) == [(ANN, at(9))]


@pytest.mark.parametrize(
    ("window", "offered"),
    [
        ({"opens": 10, "closes": 11}, [(ANN, at(10))]),
        ({"opens": 11, "closes": 12}, []),
        ({"opens": 9, "closes": 10}, []),
        ({"first": DAY + timedelta(days=1), "last": DAY + timedelta(days=9)}, []),
        ({"first": DAY - timedelta(days=9), "last": DAY - timedelta(days=1)}, []),
        ({"first": DAY - timedelta(days=9), "last": DAY}, [(ANN, at(10))]),
        ({"resources": (COURT.id,)}, [(ANN, at(10))]),
        ({"resources": (named("another"),)}, []),
    ],
)
def test_who_waits_for_it_and_who_does_not(window, offered):
    freed = times(10, 11, *taken(9, 11, 12))
    assert offers(waiting(joined(ANN, **window)).freed(freed, NOW)) == offered


def test_what_is_free_on_another_resource_is_nobodys_turn():
    freed = times(10, 11, resources=(named("sauna"),))
    assert waiting(joined(ANN)).freed(freed, NOW) == []


def test_the_window_is_on_the_locations_wall_whatever_its_clocks_do():
    zone = "America/New_York"
    night = simple(venue(zone, daily("00:00-06:00")), COURT, step=60)
    spring = date(2027, 3, 14)
    early = utc(2027, 3, 14, 5)

    def walk(opens: int) -> list[tuple[UUID, datetime]]:
        wish = joined(ANN, opens, opens + 1, first=spring, last=spring)
        freed = Times(TENNIS, night, (), utc(2027, 3, 1), Period(early, early + 5 * HOUR), (COURT.id,))
        return offers(waiting(wish).freed(freed, utc(2027, 3, 1)))

    assert walk(1) == [(ANN, utc(2027, 3, 14, 6))]
    assert walk(2) == []  # the clocks skip it
    assert walk(3) == [(ANN, utc(2027, 3, 14, 7))]


def test_the_cutoff_is_the_lists_and_not_the_offerings_where_it_has_one():
    strict = tennis(notice=24 * 60)
    now = at(9) - 2 * HOUR
    freed = times(9, 10, setup=strict, now=now)
    assert offers(waiting(joined(ANN)).freed(freed, now)) == []
    own = waiting(joined(ANN), min_notice=60)
    (offer,) = own.freed(freed, now)
    assert offer.expires_at == now + timedelta(minutes=15)
    assert own.freed(times(9, 10, setup=strict, now=at(8)), at(8)) == []


def test_who_needs_longer_than_came_free_is_passed_over_and_then_it_is_set_aside():
    long, short = joined(ANN, minutes=120), joined(BEN)
    hour_free = times(10, 11, *taken(9, 11, 12))
    both = waiting(long, short, max_skips=1)
    walk = both.freed(hour_free, NOW)
    assert walk[0] == WaitlistSkipped(ANN, in_favour_of=BEN)
    assert offers(walk) == [(BEN, at(10))]

    again = waiting(long, short, WaitlistSkipped(ANN, in_favour_of=BEN), max_skips=1)
    (kept,) = again.freed(hour_free, NOW)
    piece = Piece(COURT.id, at(10), at(11))
    assert kept == WaitlistEarmarked(ANN, (piece,), at(10))

    mine = Use(COURT.id, ANN, 1, at(10), at(11), expires_at=at(10), kind="earmark")
    gathered = again.after([kept]).freed(times(11, 12, mine, *taken(9, 12)), NOW)
    assert gathered[0] == WaitlistEarmarkReleased(ANN, "offered", (piece,))
    assert offers(gathered) == [(ANN, at(10))]
    assert gathered[1].pieces == (Piece(COURT.id, at(10), at(12), role="court"),)


def test_nobody_is_passed_over_by_what_they_did_not_want():
    long = joined(ANN, opens=9, closes=10, minutes=120)
    walk = waiting(long, joined(BEN)).freed(times(12, 13, *taken(9, 10, 11)), NOW)
    assert walk == [fact for fact in walk if isinstance(fact, WaitlistOfferMade)]
    assert offers(walk) == [(BEN, at(12))]


def kept(*hours: tuple[int, int], what=COURT) -> tuple[Piece, ...]:
    return tuple(Piece(what.id, at(since), at(until)) for since, until in hours)


def earmarked(*hours: tuple[int, int], who: UUID = ANN) -> WaitlistEarmarked:
    return WaitlistEarmarked(who, kept(*hours), at(hours[0][0]))


def test_partial_fits_are_set_aside_wherever_they_lie_in_what_came_free():
    tight = waiting(joined(ANN, minutes=120), max_skips=0)
    for resources in (None, (COURT.id,)):
        gaps = times(9, 13, *taken(10, 12), resources=resources)
        assert tight.freed(gaps, NOW) == [earmarked((9, 10), (11, 12))]
    # With what was free beside it already: for three hours both hours count.
    long = simple(venue(hours=daily("09:00-13:00")), COURT, step=60, lasts=180)
    beside = times(10, 11, *taken(11), setup=long)
    assert tight.freed(times(10, 11, *taken(9, 11, 12)), NOW) == [earmarked((10, 11))]
    assert waiting(joined(ANN), max_skips=0).freed(beside, NOW) == [earmarked((9, 11))]


def test_what_lies_outside_of_the_window_is_set_aside_for_nobody():
    tight = waiting(joined(ANN, 9, 10, minutes=120), joined(BEN, 12, 13), max_skips=0)
    # From nine for two hours: ten to eleven could be part of it, twelve to one could not, and is Ben's.
    facts = tight.freed(times(9, 13, *taken(9, 11)), NOW)
    assert facts[0] == earmarked((10, 11))
    assert offers(facts) == [(BEN, at(12))]


def test_nothing_is_set_aside_twice_and_walking_twice_is_walking_once():
    tight = waiting(joined(ANN, minutes=120), joined(BEN, minutes=120), max_skips=0)
    gaps = times(9, 13, *taken(10, 12))
    facts = tight.freed(gaps, NOW)
    assert facts == [earmarked((9, 10), (11, 12))]
    mine = [Use(COURT.id, ANN, n, it.starts_at, it.ends_at, kind="earmark") for n, it in enumerate(facts[0].pieces)]
    assert tight.after(facts).freed(times(9, 13, *taken(10, 12), *mine), NOW) == []


def test_what_is_kept_in_pieces_becomes_one_offer_when_the_gap_closes():
    tight = waiting(joined(ANN, minutes=120), earmarked((9, 10), (11, 12)), max_skips=0)
    mine = [Use(COURT.id, ANN, n, at(h), at(h + 1), kind="earmark") for n, h in enumerate((9, 11))]
    facts = tight.freed(times(10, 11, *mine, *taken(12)), NOW)
    assert facts[0] == WaitlistEarmarkReleased(ANN, "offered", kept((9, 10), (11, 12)))
    assert offers(facts) == [(ANN, at(9))]


def test_closed_hours_are_set_aside_for_nobody():
    lunch = simple(venue(hours=daily("09:00-10:00", "11:00-13:00")), COURT, step=60, lasts=120)
    tight = waiting(joined(ANN), max_skips=0)
    assert tight.freed(times(9, 13, *taken(12), setup=lunch), NOW) == [earmarked((11, 12))]


def test_only_what_can_still_be_offered_is_set_aside():
    tight = waiting(joined(ANN, minutes=120), max_skips=0, earmark_until=60)
    half_past_nine = at(9) + timedelta(minutes=30)
    # At half past nine only what starts after half past ten is kept: eleven is the next start.
    facts = tight.freed(times(9, 13, *taken(12), now=half_past_nine), half_past_nine)
    assert offers(facts) == [(ANN, at(10))]
    facts = tight.freed(times(9, 13, *taken(10, 12), now=half_past_nine), half_past_nine)
    assert facts == [WaitlistEarmarked(ANN, kept((11, 12)), at(10))]
    # ... and exactly at its deadline nothing is.
    assert tight.freed(times(9, 13, *taken(10, 12), now=at(10)), at(10)) == []


def test_a_time_beside_a_buffer_that_came_free_is_offered():
    """Fifteen minutes after each: the booking until ten was in the way of the one that starts at ten."""
    tidy = simple(venue(hours=daily("09:00-13:00")), COURT, step=15, lasts=60, after=15)
    freed = times(9, 10, booked(COURT, at(11) + timedelta(minutes=15), at(13)), setup=tidy)
    assert offers(waiting(joined(ANN, 10, 11)).freed(freed, NOW)) == [(ANN, at(10))]
    assert offers(waiting(joined(ANN, 11, 12)).freed(freed, NOW)) == []


def test_a_quota_that_is_in_the_way_of_one_time_is_not_in_the_way_of_another():
    def not_on_the_first(entry, pieces, given):
        return Bar(("QUOTA",), ("daily",)) if pieces[0].starts_at < at(0, DAY + timedelta(days=1)) else None

    wide = waiting(joined(ANN, last=DAY + timedelta(days=1)))
    both_days = Times(TENNIS, tennis(), (), NOW, Period(at(9), at(13, DAY + timedelta(days=1))), (COURT.id,))
    assert offers(wide.freed(both_days, NOW, not_on_the_first)) == [(ANN, at(9, DAY + timedelta(days=1)))]
    (told,) = waiting(joined(ANN)).freed(times(9, 13), NOW, not_on_the_first)
    assert (told.entry_id, told.rules, told.in_favour_of) == (ANN, ("daily",), None)


def test_covers_are_set_aside_by_the_head():
    room = covers(capacity=6)
    dinner = sold(
        venue(hours=daily("18:00-22:00")), offering(need("covers", room, per_head=True), lasts=120, step=60), room
    )
    evening = Period(at(18), at(20))
    six, two = (
        WaitlistJoined(who, TENNIS, party, 5, NOW - HOUR, n, at(22), window=Window(DAY, DAY))
        for n, (who, party) in enumerate(((ANN, 6), (BEN, 2)), start=1)
    )
    full = booked(room, at(18), at(22), 4)
    freed = Times(TENNIS, dinner, [full], NOW, evening, (room.id,))
    assert waiting(six, two, max_skips=0).freed(freed, NOW) == [
        WaitlistEarmarked(ANN, (Piece(room.id, at(18), at(21), 2),), at(18))
    ]  # until nine: a dinner that starts at seven reaches into what came free
    (skipped, offer) = waiting(six, two).freed(freed, NOW)
    assert skipped == WaitlistSkipped(ANN, in_favour_of=BEN)
    assert offer.pieces == (Piece(room.id, at(18), at(20), 2, role="covers"),)


def test_what_can_never_be_offered_is_refused_at_once():
    small = table("T1", 1, 2)
    terms = offering(need("table", small, tables=True), lasts=None, turn_times=(TurnTime(None, 90),))
    room = sold(venue(hours=daily("18:00-22:00")), terms, small)
    window = Window(DAY, DAY)
    assert against_waiting(room, window, 2) == []
    assert [reason.code for reason in against_waiting(room, window, 3)] == ["DOES_NOT_FIT"]
    strange = Window(DAY, DAY, resources=(named("another"),))
    assert named("another") in [reason.resource_id for reason in against_waiting(room, strange, 2)]
