"""Who waits, whose turn it is, and why: every rule of the waitlist with a yes, a no and its edge."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from given import SOMETHING, given
from msgspec.structs import replace

from domain.waitlist import errors
from domain.waitlist.entry import Bar
from domain.waitlist.events import (
    Piece,
    Settings,
    WaitlistBarred,
    WaitlistEarmarked,
    WaitlistEarmarkReleased,
    WaitlistJoined,
    WaitlistLapsed,
    WaitlistLeft,
    WaitlistOfferAccepted,
    WaitlistOfferDeclined,
    WaitlistOfferExpired,
    WaitlistOfferMade,
    WaitlistOpened,
    WaitlistSettingsSet,
    WaitlistSkipped,
    Window,
)
from domain.waitlist.room import Seats
from domain.waitlist.waitlist import MOST_WAITING, Waitlist, waitlist_of

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
SEVEN = datetime(2027, 3, 2, 19, tzinfo=UTC)
EIGHT = SEVEN + timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
QUARTER = NOON + 15 * MINUTE
YOGA, CLASS, OTHER, VENUE = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
ANN, BEN, CAT = UUID(int=11), UUID(int=12), UUID(int=13)

opened = WaitlistOpened(VENUE)
RANK = {ANN: 1, BEN: 2, CAT: 3}


def joined(who, party=1, priority=5, at=None, **more):
    number = RANK[who]
    at = at or NOON - timedelta(hours=4 - number)
    return WaitlistJoined(who, YOGA, party, priority, at, number, SEVEN, session_id=CLASS, **more)


def free(seats, **more):
    return Seats(YOGA, CLASS, SEVEN, EIGHT, seats, **more)


def seats(units):
    return (Piece(CLASS, SEVEN, EIGHT, units),)


def held(who, units=1, expires_at=QUARTER, number=1):
    return WaitlistOfferMade(who, seats(units), expires_at, uuid5(who, f"offer {number}"))


def told(who, units=1, expires_at=QUARTER):
    return WaitlistOfferMade(who, seats(units), expires_at)


def skipped(who, by):
    return WaitlistSkipped(who, in_favour_of=by)


def let_go(who, units, cause):
    return WaitlistEarmarkReleased(who, cause, seats(units))


def settings(**changes):
    return WaitlistSettingsSet(Settings(**changes))


def walk(seats, at=NOON, **more):
    return lambda waitlist: waitlist.freed(free(seats, **more), at)


# joining


def joining(party=1, at=NOON, until=SEVEN, entry=ANN, **more):
    wish = {"session_id": CLASS, **more}
    return lambda waitlist: waitlist.join(entry, YOGA, party, at, until, **wish)


def test_who_joins_gets_the_next_number_and_the_usual_class():
    given(Waitlist, opened).when(joining()).then(
        WaitlistJoined(ANN, YOGA, 1, 5, NOON, 1, SEVEN, session_id=CLASS),
    )
    given(Waitlist, opened, joined(BEN)).when(joining(customer_id=ANN, priority=0)).then(
        WaitlistJoined(ANN, YOGA, 1, 0, NOON, 3, SEVEN, ANN, CLASS),
    )


def test_joining_twice_under_one_id_changes_nothing():
    given(Waitlist, opened, joined(ANN)).when(joining()).then()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"session_id": None}, errors.OneThing),
        ({"window": Window(date(2027, 3, 1), date(2027, 3, 2))}, errors.OneThing),
        ({"party": 0}, errors.BadParty),
        ({"party": 10_001}, errors.BadParty),
        ({"priority": -1}, errors.BadPriority),
        ({"priority": 10}, errors.BadPriority),
        ({"until": NOON}, errors.TooLateToWait),
    ],
)
def test_what_nobody_can_wait_for(more, why):
    given(Waitlist, opened).when(joining(**more)).refused(why)


def test_one_instant_before_the_end_one_can_still_wait():
    assert given(Waitlist, opened).before.join(ANN, YOGA, 10_000, NOON, NOON + TICK, session_id=CLASS, priority=9)


FIRST = date(2027, 3, 1)


@pytest.mark.parametrize(
    "window",
    [
        Window(FIRST, FIRST - timedelta(days=1)),
        Window(FIRST, FIRST + timedelta(days=62)),
        Window(FIRST, FIRST, -1, 60),
        Window(FIRST, FIRST, 60, 60),
        Window(FIRST, FIRST, 60, 1441),
        Window(FIRST, FIRST, minutes=0),
        Window(date(9999, 12, 31), date(9999, 12, 31)),
        Window(date(1, 1, 1), date(1, 1, 1)),
    ],
)
def test_windows_that_are_none(window):
    given(Waitlist, opened).when(joining(session_id=None, window=window)).refused(errors.BadWindow)


@pytest.mark.parametrize(
    "window", [Window(FIRST, FIRST, 0, 1), Window(FIRST, FIRST + timedelta(days=61), 1439, 1440, minutes=1)]
)
def test_the_shortest_and_the_longest_window(window):
    joins = joining(session_id=None, window=window)
    assert (
        given(Waitlist, opened).when(joins).then(*joins(given(Waitlist, opened).before)).entries[ANN].window == window
    )


def test_a_customer_waits_for_one_thing_once():
    waiting = given(Waitlist, opened, joined(ANN, customer_id=ANN))
    waiting.when(joining(entry=BEN, customer_id=ANN)).refused(errors.AlreadyWaiting, entry_id=ANN)
    assert waiting.before.join(BEN, YOGA, 1, NOON, SEVEN, session_id=OTHER, customer_id=ANN)
    assert waiting.before.join(BEN, YOGA, 1, NOON, SEVEN, session_id=CLASS, customer_id=BEN)


def test_a_customer_waits_for_twenty_things_and_no_more():
    def waiting(things: int) -> Waitlist:
        one = given(Waitlist, opened, joined(ANN, customer_id=ANN)).before
        entries = {
            UUID(int=100 + n): replace(one.entries[ANN], id=UUID(int=100 + n), session_id=UUID(int=500 + n))
            for n in range(things)
        }
        return replace(one, entries=entries)

    assert waiting(19).join(BEN, YOGA, 1, NOON, SEVEN, session_id=OTHER, customer_id=ANN)
    with pytest.raises(errors.WaitsEnough):
        waiting(20).join(BEN, YOGA, 1, NOON, SEVEN, session_id=OTHER, customer_id=ANN)
    assert waiting(20).join(BEN, YOGA, 1, NOON, SEVEN, session_id=OTHER, customer_id=BEN)


def test_whom_the_staff_put_down_without_a_name_may_be_many():
    assert given(Waitlist, opened, joined(ANN)).before.join(BEN, YOGA, 1, NOON, SEVEN, session_id=CLASS)


def test_a_list_is_full_at_some_point():
    crowd = given(Waitlist, opened, joined(ANN)).before
    entries = {UUID(int=100 + n): replace(crowd.entries[ANN], id=UUID(int=100 + n)) for n in range(MOST_WAITING)}
    with pytest.raises(errors.ListFull):
        replace(crowd, entries=entries).join(ANN, YOGA, 1, NOON, SEVEN, session_id=CLASS)
    entries.popitem()
    assert replace(crowd, entries=entries).join(ANN, YOGA, 1, NOON, SEVEN, session_id=CLASS)


def test_the_order_is_class_then_time_then_number():
    at = NOON - timedelta(hours=1)
    story = given(Waitlist, opened, joined(CAT, priority=0), joined(BEN, at=at), joined(ANN, at=at))
    assert [entry.id for entry in story.before.queue] == [CAT, ANN, BEN]


def test_each_location_has_one_waitlist_whose_id_is_known():
    assert waitlist_of(VENUE) == uuid5(VENUE, "waitlist") != waitlist_of(OTHER)


# the walk


def test_the_first_whom_it_fits_is_offered_it_and_the_offer_is_a_hold():
    after = given(Waitlist, opened, joined(BEN), joined(ANN)).when(walk(1)).then(held(ANN))
    assert after.entry(ANN).offer.expires_at == QUARTER
    assert [entry.id for entry in after.waiting(NOON)] == [BEN]


def test_one_walk_goes_on_as_long_as_there_is_something_to_give():
    given(Waitlist, opened, joined(ANN, 2), joined(BEN), joined(CAT)).when(walk(3)).then(held(ANN, 2), held(BEN))


def test_nobody_is_offered_anything_twice_at_a_time():
    given(Waitlist, opened, joined(ANN), held(ANN)).when(walk(5)).then()


def test_a_seat_of_another_session_is_nobodys_turn():
    other = Seats(YOGA, OTHER, SEVEN, EIGHT, 9)
    given(Waitlist, opened, joined(ANN)).when(lambda w: w.freed(other, NOON)).then()


def test_a_member_goes_first():
    given(Waitlist, opened, joined(ANN), joined(CAT, priority=0)).when(walk(1)).then(held(CAT))


def test_whom_it_does_not_fit_is_passed_over_for_whom_it_fits():
    after = given(Waitlist, opened, joined(ANN, 3), joined(BEN, 2)).when(walk(2)).then(skipped(ANN, BEN), held(BEN, 2))
    assert after.entry(ANN).skips == 1


def test_being_too_many_counts_for_nothing_when_nobody_came_later():
    given(Waitlist, opened, joined(ANN, 3), joined(BEN, 3)).when(walk(2)).then()
    given(Waitlist, opened, joined(ANN), joined(BEN, 3)).when(walk(2)).then(held(ANN))


def test_one_walk_counts_one_skip():
    given(Waitlist, opened, joined(ANN, 3), joined(BEN), joined(CAT)).when(walk(2)).then(
        skipped(ANN, BEN), held(BEN), held(CAT)
    )


def test_exactly_as_many_as_are_free_fit():
    given(Waitlist, opened, joined(ANN, 2)).when(walk(2)).then(held(ANN, 2))
    given(Waitlist, opened, joined(ANN, 2)).when(walk(1)).then()
    given(Waitlist, opened, joined(ANN, 2)).when(walk(0)).then()


# skips and earmarks

twice = [skipped(ANN, BEN), skipped(ANN, BEN)]


def test_who_was_passed_over_often_enough_is_passed_over_no_more():
    once = [opened, joined(ANN, 3), joined(BEN), twice[0]]
    given(Waitlist, *once).when(walk(1)).then(skipped(ANN, BEN), held(BEN))
    given(Waitlist, *once, twice[1]).when(walk(1)).then(WaitlistEarmarked(ANN, seats(1), SEVEN))


def test_whom_a_walk_passes_over_once_too_often_gets_the_rest_of_it_set_aside():
    once = [opened, joined(ANN, 3), joined(BEN), twice[0]]
    given(Waitlist, *once).when(walk(2)).then(skipped(ANN, BEN), held(BEN), WaitlistEarmarked(ANN, seats(1), SEVEN))


def test_how_often_is_a_setting():
    given(Waitlist, opened, settings(max_skips=0), joined(ANN, 3), joined(BEN)).when(walk(1)).then(
        WaitlistEarmarked(ANN, seats(1), SEVEN)
    )


def test_an_earmark_gathers_until_it_is_enough():
    kept = [opened, joined(ANN, 3), joined(BEN), *twice, WaitlistEarmarked(ANN, seats(1), SEVEN)]
    after = given(Waitlist, *kept).when(walk(1)).then(WaitlistEarmarked(ANN, seats(2), SEVEN))
    assert after.freed(free(1), NOON) == [let_go(ANN, 2, "offered"), held(ANN, 3)]
    after = after.after(after.freed(free(1), NOON))
    assert after.entry(ANN).kept == ()


def test_what_is_more_than_enough_goes_on_to_the_next():
    kept = [opened, joined(ANN, 3), joined(BEN), *twice, WaitlistEarmarked(ANN, seats(2), SEVEN)]
    given(Waitlist, *kept).when(walk(2)).then(let_go(ANN, 2, "offered"), held(ANN, 3), held(BEN))


def test_nothing_free_changes_no_earmark():
    kept = [opened, joined(ANN, 3), *twice, WaitlistEarmarked(ANN, seats(2), SEVEN)]
    given(Waitlist, *kept).when(walk(0)).then()


def test_those_who_come_before_are_asked_before_anything_is_set_aside():
    given(Waitlist, opened, joined(ANN), joined(BEN, 3), joined(CAT), skipped(BEN, CAT), skipped(BEN, CAT)).when(
        walk(2)
    ).then(held(ANN), WaitlistEarmarked(BEN, seats(1), SEVEN))


def test_an_earmark_ends_at_its_deadline_and_at_the_cutoff_at_the_latest():
    tight = [opened, joined(ANN, 3), joined(BEN), *twice]
    hour = settings(earmark_until=60)
    given(Waitlist, *tight, hour).when(walk(1)).then(WaitlistEarmarked(ANN, seats(1), SEVEN - 60 * MINUTE))
    given(Waitlist, *tight, hour).when(walk(1, notice=90)).then(WaitlistEarmarked(ANN, seats(1), SEVEN - 90 * MINUTE))
    given(Waitlist, *tight).when(walk(1, notice=90)).then(WaitlistEarmarked(ANN, seats(1), SEVEN - 90 * MINUTE))


def test_after_the_deadline_nothing_is_set_aside_and_the_others_have_their_turn():
    tight = [opened, settings(earmark_until=60), joined(ANN, 3), joined(BEN), *twice]
    edge = SEVEN - 60 * MINUTE
    given(Waitlist, *tight).when(walk(1, edge - TICK)).then(WaitlistEarmarked(ANN, seats(1), edge))
    given(Waitlist, *tight).when(walk(1, edge)).then(skipped(ANN, BEN), held(BEN, expires_at=edge + 15 * MINUTE))


def test_an_earmark_is_let_go_when_its_time_is_over():
    kept = [opened, joined(ANN, 3), *twice, WaitlistEarmarked(ANN, seats(2), SEVEN)]
    given(Waitlist, *kept).when(lambda w: w.end_earmark(ANN, SEVEN - TICK)).refused(errors.TooEarly, earliest=SEVEN)
    after = given(Waitlist, *kept).when(lambda w: w.end_earmark(ANN, SEVEN)).then(let_go(ANN, 2, "deadline"))
    assert after.entry(ANN).kept == ()
    assert after.end_earmark(ANN, SEVEN) == after.end_earmark(BEN, SEVEN) == []


def test_what_is_kept_of_several_times_is_let_go_each_at_its_own():
    early, late = Piece(OTHER, NOON + 3600 * MINUTE, NOON + 3660 * MINUTE), seats(1)[0]
    pieces = tuple(sorted((early, late), key=lambda piece: piece.starts_at))
    first, last = pieces
    lead = 60 * MINUTE
    kept = [opened, joined(ANN, 3), WaitlistEarmarked(ANN, pieces, first.starts_at - lead)]
    ends = first.starts_at - lead
    given(Waitlist, *kept).when(lambda w: w.end_earmark(ANN, ends - TICK)).refused(errors.TooEarly, earliest=ends)
    after = (
        given(Waitlist, *kept)
        .when(lambda w: w.end_earmark(ANN, ends))
        .then(
            WaitlistEarmarkReleased(ANN, "deadline", (first,)), WaitlistEarmarked(ANN, (last,), last.starts_at - lead)
        )
    )
    assert after.end_earmark(ANN, last.starts_at - lead) == [WaitlistEarmarkReleased(ANN, "deadline", (last,))]


def test_three_seats_for_ann_gather_while_three_others_wait():
    """The example of the docs, with its numbers: Ann wants three, Ben, Cat and Dan one each; five come free."""
    dan = UUID(int=14)
    waiting = given(Waitlist, opened, joined(ANN, 3), joined(BEN), joined(CAT)).before
    waiting = waiting.after([WaitlistJoined(dan, YOGA, 1, 5, NOON, 4, SEVEN, session_id=CLASS)])
    story = [
        [skipped(ANN, BEN), held(BEN)],
        [skipped(ANN, CAT), held(CAT)],
        [WaitlistEarmarked(ANN, seats(1), SEVEN)],
        [WaitlistEarmarked(ANN, seats(2), SEVEN)],
        [let_go(ANN, 2, "offered"), held(ANN, 3)],
    ]
    for expected in story:
        facts = waiting.freed(free(1), NOON)
        assert facts == expected
        waiting = waiting.after(facts)
        assert waiting.freed(free(0), NOON) == []
    assert waiting.entry(dan).offer is None
    assert waiting.freed(free(1), NOON) == [held(dan)]


# offers and the cutoff


def test_an_offer_may_end_exactly_at_the_cutoff_and_never_after():
    alone = [opened, joined(ANN)]
    for minutes, expires in [(90, 15), (75, 15), (74, 14), (61, 1)]:
        at = SEVEN - minutes * MINUTE
        given(Waitlist, *alone).when(walk(1, at, notice=60)).then(held(ANN, expires_at=at + expires * MINUTE))


def test_no_offer_after_the_cutoff():
    alone = [opened, joined(ANN)]
    cutoff = SEVEN - 60 * MINUTE
    given(Waitlist, *alone).when(walk(1, cutoff - TICK, notice=60)).then(held(ANN, expires_at=cutoff))
    given(Waitlist, *alone).when(walk(1, cutoff, notice=60)).then()


def test_the_settings_notice_goes_before_the_offerings():
    cutoff = SEVEN - 30 * MINUTE
    story = given(Waitlist, opened, settings(min_notice=30, offer_minutes=600), joined(ANN))
    story.when(walk(1, cutoff - MINUTE, notice=60)).then(held(ANN, expires_at=cutoff))


def test_an_offering_may_have_settings_of_its_own():
    own = WaitlistSettingsSet(Settings(offer_minutes=5), YOGA)
    given(Waitlist, opened, own, settings(offer_minutes=30), joined(ANN)).when(walk(1)).then(
        held(ANN, expires_at=NOON + 5 * MINUTE)
    )
    given(Waitlist, opened, own).when(lambda w: w.set(Settings(offer_minutes=5), YOGA)).then()
    given(Waitlist, opened, own).when(lambda w: w.set(Settings(), YOGA)).then(WaitlistSettingsSet(Settings(), YOGA))


@pytest.mark.parametrize(
    "wrong",
    [{"max_skips": -1}, {"max_skips": 101}, {"offer_minutes": 0}, {"offer_minutes": 10_081}, {"earmark_until": -1},
     {"min_notice": 525_601}],
)  # fmt: skip
def test_settings_have_bounds(wrong):
    given(Waitlist, opened).when(lambda w: w.set(Settings(**wrong))).refused(errors.BadSettings)


def test_the_offer_can_be_accepted_until_just_before_it_expires():
    offered = given(Waitlist, opened, joined(ANN), held(ANN))
    after = offered.when(lambda w: w.accept(ANN, QUARTER - TICK)).then(
        WaitlistOfferAccepted(ANN, uuid5(ANN, "offer 1"))
    )
    assert after.entries == {}
    offered.when(lambda w: w.accept(ANN, QUARTER)).refused(errors.OfferOver, expires_at=QUARTER)


def test_nobody_accepts_or_declines_what_is_not_on_offer():
    for decide in (lambda w: w.accept(ANN, NOON), lambda w: w.decline(ANN)):
        given(Waitlist, opened, joined(ANN)).when(decide).refused(errors.NoOffer)
        given(Waitlist, opened).when(decide).refused(errors.UnknownEntry)


def test_who_declines_leaves_the_list():
    after = (
        given(Waitlist, opened, joined(ANN), held(ANN)).when(lambda w: w.decline(ANN)).then(WaitlistOfferDeclined(ANN))
    )
    assert after.entries == {}


@pytest.mark.parametrize(
    ("became", "fact"),
    [
        ("accepted", WaitlistOfferAccepted(ANN, uuid5(ANN, "offer 1"))),
        ("declined", WaitlistOfferDeclined(ANN)),
        ("expired", WaitlistOfferExpired(ANN)),
    ],
)
def test_what_becomes_of_the_booking_becomes_of_the_entry_and_once(became, fact):
    after = given(Waitlist, opened, joined(ANN), held(ANN)).when(lambda w: w.settle(ANN, became, QUARTER)).then(fact)
    assert after.entries == {}
    assert after.settle(ANN, became, QUARTER) == []


def test_who_lets_an_offer_expire_may_go_to_the_end_instead():
    end = [opened, settings(expired_goes_to_end=True), joined(ANN), joined(BEN), skipped(ANN, BEN), held(ANN)]
    after = (
        given(Waitlist, *end)
        .when(lambda w: w.settle(ANN, "expired", QUARTER))
        .then(WaitlistOfferExpired(ANN, "to_end", QUARTER, 3))
    )
    assert [entry.id for entry in after.queue] == [BEN, ANN]
    assert after.entry(ANN).skips == 0
    assert after.freed(free(2), QUARTER)[1] == held(ANN, expires_at=QUARTER + 15 * MINUTE, number=2)


def test_at_the_end_of_all_waiting_nobody_goes_to_the_end_of_the_list():
    end = [opened, settings(expired_goes_to_end=True), joined(ANN), held(ANN, expires_at=SEVEN)]
    given(Waitlist, *end).when(lambda w: w.settle(ANN, "expired", SEVEN)).then(WaitlistOfferExpired(ANN))


# the modes

broadcast = settings(mode="broadcast")
auto = settings(mode="auto_book")


def test_a_broadcast_tells_all_whom_it_fits_and_holds_nothing():
    given(Waitlist, opened, broadcast, joined(ANN), joined(BEN, 3), joined(CAT, 2)).when(walk(2)).then(
        told(ANN), skipped(BEN, CAT), told(CAT, 2)
    )


def test_who_was_not_the_first_goes_on_waiting():
    after = (
        given(Waitlist, opened, broadcast, joined(ANN), told(ANN))
        .when(lambda w: w.expire(ANN, QUARTER))
        .then(WaitlistOfferExpired(ANN, "stays"))
    )
    assert [entry.id for entry in after.waiting(QUARTER)] == [ANN]
    assert after.expire(ANN, QUARTER) == after.expire(BEN, QUARTER) == []


def test_a_broadcast_lasts_its_time_and_a_hold_is_not_expired_from_here():
    given(Waitlist, opened, joined(ANN), told(ANN)).when(lambda w: w.expire(ANN, QUARTER - TICK)).refused(
        errors.TooEarly
    )
    given(Waitlist, opened, joined(ANN), held(ANN)).when(lambda w: w.expire(ANN, QUARTER)).then()


def test_the_first_to_take_what_was_broadcast_gets_a_booking_of_a_known_id():
    given(Waitlist, opened, broadcast, joined(ANN), told(ANN)).when(lambda w: w.accept(ANN, NOON)).then(
        WaitlistOfferAccepted(ANN, uuid5(ANN, "offer 1"))
    )


def test_nothing_is_set_aside_of_what_others_have_been_told_is_theirs_to_take():
    big = [opened, broadcast, joined(ANN), joined(BEN, 3), joined(CAT), skipped(BEN, CAT), skipped(BEN, CAT)]
    given(Waitlist, *big).when(walk(1)).then(told(ANN))
    given(Waitlist, *big, told(ANN)).when(walk(1)).then(WaitlistEarmarked(BEN, seats(1), SEVEN))


def test_with_a_card_on_file_the_seat_is_booked_at_once():
    given(Waitlist, opened, auto, joined(ANN, card_on_file=True), joined(BEN)).when(walk(2)).then(
        held(ANN), WaitlistOfferAccepted(ANN, uuid5(ANN, "offer 1")), held(BEN)
    )


# who may not have what fits

ENOUGH = Bar(("QUOTA",), ("one-a-week",))


def enough(*who):
    """These have had enough."""
    return lambda entry, pieces, given: ENOUGH if entry.id in who else None


def barred(who, by=None):
    return WaitlistBarred(who, ("QUOTA",), ("one-a-week",), by)


def walk_past(seats, *who, at=NOON):
    return lambda waitlist: waitlist.freed(free(seats), at, enough(*who))


def test_who_has_had_enough_is_passed_over_with_the_reason_and_it_counts_for_nothing():
    after = given(Waitlist, opened, joined(ANN), joined(BEN)).when(walk_past(1, ANN)).then(barred(ANN, BEN), held(BEN))
    assert after.entry(ANN).skips == 0
    assert after.entry(ANN).barred == ENOUGH
    assert after.freed(free(0), NOON, enough(ANN)) == [], "walking twice is walking once"
    # With another seat it is the same again, in favour of nobody: that is known.
    assert after.freed(free(1), NOON, enough(ANN)) == []
    assert after.freed(free(1), NOON) == [held(ANN)]


def test_who_has_had_enough_is_told_so_even_where_nobody_else_wants_it():
    after = given(Waitlist, opened, joined(ANN)).when(walk_past(1, ANN)).then(barred(ANN))
    after = after.after([held(ANN)])
    assert after.entry(ANN).barred is None


def test_whom_it_does_not_fit_is_not_asked_what_they_have_had():
    given(Waitlist, opened, joined(ANN, 2)).when(walk_past(1, ANN)).then()


def test_nothing_is_set_aside_for_who_may_not_have_it():
    tight = [opened, joined(ANN, 3), joined(BEN), *[skipped(ANN, BEN)] * 2]
    given(Waitlist, *tight).when(walk_past(1, ANN)).then(barred(ANN, BEN), held(BEN))
    kept = WaitlistEarmarked(ANN, seats(1), SEVEN)
    given(Waitlist, *tight, kept).when(walk_past(1, ANN)).then(let_go(ANN, 1, "barred"), barred(ANN, BEN), held(BEN))
    given(Waitlist, *tight, kept).when(walk_past(2, ANN)).then(let_go(ANN, 1, "barred"), barred(ANN, BEN), held(BEN))


def test_what_is_given_in_the_same_walk_is_known_to_whoever_is_asked():
    asked = []

    def one_each(entry, pieces, given):
        asked.append([one.id for one, _ in given])
        return

    given(Waitlist, opened, joined(ANN), joined(BEN)).when(lambda w: w.freed(free(2), NOON, one_each)).then(
        held(ANN), held(BEN)
    )
    assert asked == [[], [ANN]]


def test_with_a_card_on_file_nothing_is_booked_for_who_may_not_have_it():
    given(Waitlist, opened, auto, joined(ANN, card_on_file=True), joined(BEN)).when(walk_past(1, ANN)).then(
        barred(ANN, BEN), held(BEN)
    )


# leaving


def test_who_leaves_lets_go_of_what_was_kept():
    given(Waitlist, opened, joined(ANN)).when(lambda w: w.leave(ANN)).then(WaitlistLeft(ANN))
    given(Waitlist, opened, joined(ANN, 3), *twice, WaitlistEarmarked(ANN, seats(1), SEVEN)).when(
        lambda w: w.leave(ANN)
    ).then(let_go(ANN, 1, "left"), WaitlistLeft(ANN))


def test_who_leaves_with_an_offer_in_hand_declines_it():
    given(Waitlist, opened, joined(ANN), held(ANN)).when(lambda w: w.leave(ANN)).then(WaitlistOfferDeclined(ANN))


def test_waiting_is_over_when_what_was_waited_for_begins():
    alone = [opened, joined(ANN)]
    given(Waitlist, *alone).when(lambda w: w.lapse(ANN, SEVEN - TICK)).refused(errors.TooEarly)
    after = given(Waitlist, *alone).when(lambda w: w.lapse(ANN, SEVEN)).then(WaitlistLapsed(ANN))
    assert after.lapse(ANN, SEVEN) == []
    given(Waitlist, *alone, held(ANN)).when(lambda w: w.lapse(ANN, SEVEN)).then()
    given(Waitlist, *alone).when(lambda w: w.freed(free(1), SEVEN)).then()


def test_a_session_that_is_called_off_is_waited_for_no_more():
    other = replace(joined(CAT), session_id=OTHER)
    kept = WaitlistEarmarked(BEN, seats(1), SEVEN)
    given(Waitlist, opened, joined(ANN), joined(BEN), other, kept).when(lambda w: w.call_off(CLASS)).then(
        WaitlistLapsed(ANN), let_go(BEN, 1, "left"), WaitlistLapsed(BEN)
    )


# the public

BOOKING = UUID(int=77)


def booked(left, units=1, at=NOON, **more):
    return lambda waitlist: waitlist.taken(free(left, **more), seats(units), BOOKING, at)


def test_a_booking_that_takes_a_seat_somebody_needed_counts_as_passing_them_over():
    after = given(Waitlist, opened, joined(ANN, 3)).when(booked(1)).then(WaitlistSkipped(ANN, booking_id=BOOKING))
    assert after.entry(ANN).skips == 1


def test_a_booking_that_leaves_enough_passes_nobody_over():
    given(Waitlist, opened, joined(ANN, 3), joined(BEN, 4)).when(booked(3)).then(
        WaitlistSkipped(BEN, booking_id=BOOKING)
    )


def test_who_has_an_offer_or_waits_for_something_else_was_not_passed_over():
    given(Waitlist, opened, joined(ANN, 3), held(ANN, 3), replace(joined(BEN, 3), session_id=OTHER)).when(
        booked(1)
    ).then()


def test_who_joined_when_it_was_booked_already_was_not_passed_over():
    """However late the walk that asks comes."""
    first = given(Waitlist, opened, joined(ANN, 3, at=NOON - 60 * MINUTE))

    def walk(since):
        return lambda waitlist: waitlist.taken(free(1), seats(1), BOOKING, NOON, since)

    first.when(walk(NOON - 60 * MINUTE + TICK)).then(WaitlistSkipped(ANN, booking_id=BOOKING))
    first.when(walk(NOON - 60 * MINUTE)).then()
    first.when(walk(NOON - 120 * MINUTE)).then()


def test_after_the_cutoff_nobody_was_to_have_it():
    cutoff = SEVEN - 60 * MINUTE
    given(Waitlist, opened, joined(ANN, 3)).when(booked(1, at=cutoff, notice=60)).then()
    given(Waitlist, opened, joined(ANN, 3)).when(booked(1, at=cutoff - TICK, notice=60)).then(
        WaitlistSkipped(ANN, booking_id=BOOKING)
    )


def test_what_is_decided_is_known_by_the_id_of_the_list():
    assert given(Waitlist).when(lambda w: w.open(VENUE)).then(opened).id == SOMETHING
