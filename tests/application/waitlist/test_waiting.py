"""Waiting on the real store: an offer is a hold, what is set aside is a claim, and what follows from facts follows."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from house import HOUR, Town, fresh, soon
from msgspec.structs import replace
from setups import daily
from uuid_utils.compat import uuid7

from application.booking.commands import Cancel, Confirm, ExpireHold
from application.booking.placing import BookOffering, BookSeats, MoveOffering, OverbookSeats
from application.bus import Answer
from application.message import Command
from application.offering.commands import CallOff, ChangeSeats, DefineOffering, ReviseTerms, ScheduleSession
from application.organization.commands import LiftLocationException, SetLocationException
from application.quota.commands import SetQuotaRule
from application.reaction import Do
from application.recorded import RecordedEvent
from application.resource.commands import ChangeHours, CloseResource, ReopenResource
from application.waitlist.commands import (
    AcceptOffer,
    DeclineOffer,
    EndEarmark,
    JoinWaitlist,
    LapseEntry,
    LeaveWaitlist,
    SetWaitlist,
    WalkSession,
)
from application.waitlist.reactions import REACTIONS
from bench.chaos.invariants import occupancy
from domain import localtime
from domain.aggregate import Aggregate
from domain.booking.booking import Booking
from domain.booking.errors import NotOffered, SlotHeld, SlotTaken
from domain.errors import Forbidden, Refusal
from domain.offering.errors import CalledOff, UnknownSession
from domain.offering.offering import Offering
from domain.offering.terms import Need, Terms
from domain.quota.errors import QuotaReached
from domain.quota.rule import QuotaRule, What
from domain.waitlist.errors import NoOffer, OneThing, OnlyStaffRank, TooEarly, TooLateToWait, UnknownEntry
from domain.waitlist.events import Settings, WaitlistBarred, Window
from domain.waitlist.ticket import Ticket
from domain.waitlist.waitlist import Waitlist, waitlist_of
from infrastructure import settings as kept
from infrastructure.event_store import log
from infrastructure.event_store.claims import verify

MINUTE = timedelta(minutes=1)


class Studio:
    """A venue with a class that is full, and somebody who does at once what follows from facts."""

    def __init__(self, town: Town, seats: int = 2, notice: int = 0) -> None:
        self.town = town
        self.location = UUID(town.location())
        self.yoga, self.session = uuid7(), uuid7()
        hall = Need("room", any_of=(UUID(town.resource(str(self.location))),))
        town.do(DefineOffering(self.yoga, self.location, "Yoga", Terms((hall,), durations=(60,), notice=notice)))
        self.starts_at = soon(48)
        self.town.do(ScheduleSession(self.session, self.yoga, self.starts_at, self.starts_at + HOUR, seats))
        self.due: list[Do] = []
        self.seen: int = town.sql("SELECT max(position) FROM event_store.event")[0][0]

    # words

    def do(self, command: Command, role: str = "owner", **more: Any) -> Answer:
        answer = self.town.do(command, role, **more)
        self.settle()
        return answer

    def join(self, party: int = 1, **more: Any) -> UUID:
        entry = uuid7()
        wish = {"session_id": self.session, **more}
        self.do(JoinWaitlist(entry, party, **wish))
        return entry

    def book(self, seats: int = 1) -> UUID:
        booking = uuid7()
        self.do(BookSeats(booking, self.session, seats, then="confirm"))
        return booking

    def cancel(self, booking: UUID) -> None:
        self.do(Cancel(booking))

    @property
    def list(self) -> Waitlist:
        return self.read(Waitlist, waitlist_of(self.location))

    def read(self, kind: Any, stream: UUID, before: int | None = None) -> Any:
        recorded = self.town.house.store.load(self.town.organization, [stream]).streams.get(stream, ())
        if not recorded:
            raise kind.unknown
        return kind(id=stream).after(one.fact for one in recorded if before is None or one.version < before)

    def offer(self, entry: UUID) -> Booking:
        """The booking that is the entry's offer."""
        offer = self.list.offer(entry)
        assert offer.booking_id is not None
        found: Booking = self.read(Booking, offer.booking_id)
        return found

    def settle(self) -> None:
        """Everything that follows at once from what is new in the log; what is due later is kept in `due`."""

        class Look:
            def read(_, kind: type[Aggregate], stream: UUID) -> Any:  # noqa: N805
                return self.read(kind, stream)

            def before(_, kind: type[Aggregate], recorded: RecordedEvent) -> Any:  # noqa: N805
                return self.read(kind, recorded.stream, recorded.version)

            def began(_, recorded: RecordedEvent) -> datetime:  # noqa: N805
                first = self.town.house.store.load(recorded.tenant, [recorded.stream]).streams[recorded.stream][0]
                return first.occurred_at

            def rivals(_, booking_id: UUID) -> tuple[UUID, ...]:  # noqa: N805
                return ()

        while True:
            with psycopg.connect(self.town.settings.database_url or "", autocommit=True) as connection:
                news = [
                    one
                    for one in log.read(connection, self.seen, 1000, beyond_watermark=True)
                    if not isinstance(one, log.Unreadable)
                ]
            if not news:
                return
            self.seen = news[-1].position
            for recorded in news:
                for reaction in REACTIONS:
                    for do in reaction(recorded, Look()):  # type: ignore[arg-type]
                        if do.due_at is not None:
                            self.due.append(do)
                        elif recorded.tenant == self.town.organization:
                            self.town.do(do.command, "system")


@pytest.fixture(scope="module")
def town(servers: kept.Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


@pytest.fixture
def studio(town: Town) -> Studio:
    return Studio(town)


def test_what_is_free_already_is_offered_to_whoever_joins(studio):
    ann = studio.join(2)
    assert studio.offer(ann).status == "held"


def test_a_seat_that_is_set_free_is_held_for_the_first_in_the_queue(studio):
    booking, _ = studio.book(), studio.book()
    ann, ben = studio.join(), studio.join()
    assert studio.list.entry(ann).offer is None
    studio.cancel(booking)
    offer = studio.offer(ann)
    assert (offer.status, offer.entry_id, offer.items[0].resource_id) == ("held", ann, studio.session)
    assert studio.list.entry(ben).offer is None
    with pytest.raises(SlotHeld):  # to everybody else it is taken
        studio.book()


def test_who_accepts_has_it_and_waits_no_more(studio):
    ann = studio.join(2)
    offer = studio.offer(ann).id
    answer = studio.do(AcceptOffer(ann))
    assert answer.result["id"] == str(ann)
    assert answer.result["booking_id"] == str(offer)
    assert studio.read(Booking, offer).status == "confirmed"
    assert studio.list.entries == {}
    with pytest.raises(UnknownEntry):
        studio.do(AcceptOffer(ann))
    studio.cancel(offer)  # and is not put back
    assert studio.list.entries == {}


def test_confirming_the_booking_is_accepting_the_offer(studio):
    ann = studio.join(2)
    studio.do(Confirm(studio.offer(ann).id))
    assert studio.list.entries == {}


def test_who_declines_leaves_it_to_the_next(studio):
    ann, ben = studio.join(2), studio.join(2)
    declined = studio.offer(ann).id
    studio.do(DeclineOffer(ann))
    assert studio.read(Booking, declined).status == "expired"
    assert [entry.id for entry in studio.list.queue] == [ben]
    assert studio.offer(ben).status == "held"


def test_who_lets_an_offer_expire_leaves_it_to_the_next(studio):
    ann, ben = studio.join(2), studio.join(2)
    hold = studio.offer(ann)
    assert hold.expires_at is not None
    at = hold.expires_at
    studio.do(ExpireHold(hold.id), "system", occurred_at=at)
    assert [entry.id for entry in studio.list.queue] == [ben]
    assert studio.offer(ben).status == "held"


def test_an_offer_ends_when_its_setting_says_and_at_the_cutoff_at_the_latest(town):
    studio = Studio(town, notice=24 * 60)
    studio.do(SetWaitlist(studio.location, Settings(offer_minutes=3 * 24 * 60)))
    ann = studio.join()
    offer = studio.offer(ann)
    assert offer.expires_at == studio.starts_at - 24 * HOUR
    assert offer.latest_expiry == offer.expires_at  # nothing makes it live longer
    late = Studio(town, notice=72 * 60)
    with pytest.raises(TooLateToWait):
        late.join()


def test_who_was_passed_over_twice_has_seats_set_aside_that_nobody_else_gets(town):
    studio = Studio(town, seats=4)
    bookings = [studio.book() for _ in range(4)]
    big, small = studio.join(3), [studio.join() for _ in range(3)]
    for n in range(2):
        studio.cancel(bookings[n])
        assert studio.offer(small[n]).status == "held"
        studio.do(AcceptOffer(small[n]))
    assert studio.list.entry(big).skips == 2
    studio.cancel(bookings[2])
    assert studio.list.entry(small[2]).offer is None
    ticket: Ticket = studio.read(Ticket, big)
    assert [piece.units for piece in ticket.kept] == [1]
    with pytest.raises(SlotTaken) as caught:
        studio.book()
    assert caught.value.detail["reasons"][0]["code"] == "WAITLIST_EARMARK"
    studio.cancel(bookings[3])
    assert [piece.units for piece in studio.read(Ticket, big).kept] == [2]
    studio.do(ChangeSeats(studio.session, 5))  # and the last one that was missing
    assert studio.read(Ticket, big).kept == ()
    assert studio.offer(big).items[0].units == 3


def test_what_was_set_aside_is_let_go_at_its_time_and_goes_to_whoever_fits(studio):
    studio.do(SetWaitlist(studio.location, Settings(max_skips=0, earmark_until=60)))
    booking, _ = studio.book(), studio.book()
    big, small = studio.join(2), studio.join()
    studio.cancel(booking)
    (end,) = [do for do in studio.due if isinstance(do.command, EndEarmark)]
    assert (end.command, end.due_at) == (EndEarmark(big), studio.starts_at - HOUR)
    with pytest.raises(TooEarly):
        studio.do(end.command, "system")
    studio.town.do(end.command, "system", occurred_at=end.due_at)
    studio.town.do(WalkSession(studio.session), "system", occurred_at=end.due_at)
    assert studio.read(Ticket, big).kept == ()
    assert studio.offer(small).expires_at == end.due_at + 15 * MINUTE
    assert studio.list.entry(big).skips == 1


def test_a_dead_earmark_makes_way_for_whoever_comes(studio):
    """Nobody has swept, and still nobody is refused because of it."""
    studio.do(SetWaitlist(studio.location, Settings(max_skips=0, earmark_until=60)))
    booking, _ = studio.book(), studio.book()
    big = studio.join(2)
    studio.cancel(booking)
    with pytest.raises(SlotTaken):
        studio.book()
    at = studio.starts_at - HOUR
    studio.town.do(BookSeats(uuid7(), studio.session, 1, then="confirm"), occurred_at=at)
    assert studio.read(Ticket, big).kept == ()
    assert studio.list.entry(big).kept == ()


def test_who_leaves_lets_go_of_what_was_set_aside(town):
    studio = Studio(town)
    studio.do(SetWaitlist(studio.location, Settings(max_skips=0)))
    booking, _ = studio.book(), studio.book()
    big, small = studio.join(2), studio.join()
    studio.cancel(booking)
    assert studio.list.entry(small).offer is None
    studio.do(LeaveWaitlist(big))
    assert studio.read(Ticket, big).kept == ()
    assert studio.offer(small).status == "held"


def test_who_leaves_with_an_offer_in_hand_gives_it_back(studio):
    ann = studio.join(2)
    offer = studio.offer(ann).id
    studio.do(LeaveWaitlist(ann))
    assert studio.read(Booking, offer).status == "expired"
    assert studio.list.entries == {}


def test_a_public_booking_that_takes_a_seat_somebody_needed_counts(studio):
    first, second = studio.book(), studio.book()
    ann = studio.join(2)
    studio.cancel(first)
    assert studio.list.entry(ann).skips == 0
    studio.book()  # it fits no waiter, and is public
    assert studio.list.entry(ann).skips == 1
    assert second


def test_who_joins_behind_a_booking_was_not_passed_over_by_it(studio):
    first, _ = studio.book(), studio.book()
    studio.cancel(first)
    studio.town.do(BookSeats(uuid7(), studio.session, 1, then="confirm"))  # what follows from it comes late
    ann = studio.join(2)
    assert studio.list.entry(ann).skips == 0


def test_who_joins_behind_a_hold_was_not_passed_over_when_it_becomes_firm(studio):
    first, held = studio.book(), uuid7()
    studio.do(BookSeats(held, studio.session, 1))
    ann = studio.join(2)
    studio.cancel(first)
    studio.do(Confirm(held))
    assert studio.list.entry(ann).skips == 0
    studio.book()
    assert studio.list.entry(ann).skips == 1, "who comes behind them passes them over"


def test_what_is_overbooked_takes_no_seat_from_who_waits(studio):
    first, _ = studio.book(), studio.book()
    ann = studio.join(2)
    studio.do(OverbookSeats(uuid7(), studio.session, 1, then="confirm", why="vip"))
    assert studio.list.entry(ann).skips == 0
    studio.cancel(first)
    assert studio.list.entry(ann).skips == 0


def test_in_a_broadcast_the_first_wins_and_the_others_wait_on(studio):
    studio.do(SetWaitlist(studio.location, Settings(mode="broadcast"), studio.yoga))
    first, _ = studio.book(), studio.book()
    ann, ben = studio.join(), studio.join()
    studio.cancel(first)
    offers = [studio.list.offer(who).booking_id for who in (ann, ben)]
    assert offers == [None, None]
    studio.do(AcceptOffer(ben))
    with pytest.raises(SlotTaken):
        studio.do(AcceptOffer(ann))
    assert list(studio.list.entries) == [ann]


def test_with_a_card_on_file_it_is_booked_at_once(studio):
    studio.do(SetWaitlist(studio.location, Settings(mode="auto_book")))
    ann = studio.join(2, card_on_file=True)
    assert ann not in studio.list.entries
    stream = next(iter(studio.town.sql("SELECT stream FROM event_store.event WHERE tag = 'waitlist.offer_accepted' "
                                       "ORDER BY position DESC LIMIT 1")))[0]  # fmt: skip
    assert stream == waitlist_of(studio.location)


def test_nobody_waits_for_what_was_called_off_or_never_was(studio):
    with pytest.raises(UnknownSession):
        studio.join(session_id=uuid4())
    with pytest.raises(NotOffered):
        studio.join(3)
    with pytest.raises(OneThing):
        studio.join(session_id=None)
    studio.book(2)
    studio.join()
    studio.do(CallOff(studio.session))
    assert studio.list.entries == {}
    with pytest.raises(CalledOff):
        studio.join()


def test_waiting_ends_when_it_begins(studio):
    studio.book(2)
    ann = studio.join()
    (lapse,) = [do for do in studio.due if isinstance(do.command, LapseEntry)]
    assert lapse.due_at == studio.starts_at
    studio.do(lapse.command, "system", occurred_at=lapse.due_at)
    assert ann not in studio.list.entries


def test_customers_wait_for_themselves_and_name_no_class(studio):
    ann, ben = uuid4(), uuid4()
    studio.book(2)
    entry = uuid7()
    studio.do(JoinWaitlist(entry, session_id=studio.session), "customer", subject=ann)
    assert studio.list.entry(entry).customer_id == ann
    for command in (LeaveWaitlist(entry), AcceptOffer(entry), DeclineOffer(entry)):
        with pytest.raises(UnknownEntry):  # somebody else's is as unknown as one that never was
            studio.do(command, "customer", subject=ben)
    with pytest.raises(NoOffer):
        studio.do(AcceptOffer(entry), "customer", subject=ann)
    with pytest.raises(OnlyStaffRank):
        studio.do(JoinWaitlist(uuid7(), session_id=studio.session, priority=0), "customer", subject=ben)
    with pytest.raises(Forbidden):
        studio.do(JoinWaitlist(uuid7(), session_id=studio.session, customer_id=ann), "customer", subject=ben)
    with pytest.raises(Forbidden):
        studio.do(WalkSession(studio.session), "customer", subject=ben)
    studio.do(LeaveWaitlist(entry), "customer", subject=ann)


def test_walks_and_the_public_at_once_never_give_a_seat_twice(town):
    """Eight seats come free while the public and the queue want them: the database decides, and nobody is left out."""
    studio = Studio(town, seats=8)
    bookings = [studio.book() for _ in range(8)]
    entries = [studio.join() for _ in range(6)]
    for booking in bookings:
        town.do(Cancel(booking))
    gate = threading.Barrier(8)

    def fight(n: int) -> bool:
        gate.wait()
        try:
            if n % 2:
                town.do(BookSeats(uuid7(), studio.session, 1, then="confirm"))
            else:
                town.do(WalkSession(studio.session), "system")
        except Refusal:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(fight, range(8)))
    studio.settle()
    units = town.sql("SELECT coalesce(sum(units), 0) FROM event_store.claim WHERE resource = %s", studio.session)[0][0]
    offered = [entry for entry in studio.list.queue if entry.offer is not None]
    public = sum(done[1::2])
    assert len(offered) + public == units == 8
    assert [entry.id for entry in offered] == entries[: len(offered)]


# windows


class Club(Studio):
    """A court, sold by the hour, from nine to noon."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.court = UUID(town.resource(str(self.location)))
        self.tennis = uuid7()
        terms = Terms(needs=(Need("court", any_of=(self.court,)),), durations=(60, 120), step=60)
        town.do(DefineOffering(self.tennis, self.location, "Tennis", terms))
        self.on: date = soon(72).date()
        self.settle()

    def at(self, hour: int) -> datetime:
        """On the wall there, whatever the season."""
        return localtime.by_rule(localtime.day(self.on, hour * 60), "Europe/Lisbon")

    def play(self, hour: int) -> UUID:
        booking = uuid7()
        self.do(BookOffering(booking, self.tennis, self.at(hour), then="confirm"))
        return booking

    def window(self, opens: int = 9, closes: int = 11, **more: Any) -> dict[str, Any]:
        window = Window(self.on, self.on, opens * 60, closes * 60, **more)
        return {"session_id": None, "offering_id": self.tennis, "window": window}


@pytest.fixture
def club(town: Town) -> Club:
    return Club(town)


def test_a_time_in_the_window_that_comes_free_is_offered(club):
    bookings = {hour: club.play(hour) for hour in range(24)}
    ann = club.join(**club.window(8, 12))
    assert club.list.entry(ann).offer is None
    club.cancel(bookings[20])  # not hers
    assert club.list.entry(ann).offer is None
    club.cancel(bookings[10])
    offer = club.offer(ann)
    assert (offer.items[0].resource_id, offer.items[0].starts_at) == (club.court, club.at(10))
    with pytest.raises((SlotHeld, SlotTaken)):
        club.play(10)


def test_who_joins_while_a_time_is_free_is_offered_the_first_of_them(club):
    ann = club.join(**club.window(9, 11))
    local_nine = club.offer(ann).items[0].local_start
    assert local_nine == f"{club.on}T09:00"


def test_a_court_is_kept_hour_by_hour_until_it_is_long_enough(club):
    club.do(SetWaitlist(club.location, Settings(max_skips=0)))
    bookings = {hour: club.play(hour) for hour in range(24)}
    ann = club.join(**club.window(8, 13, minutes=120))
    ben = club.join(**club.window(8, 13))
    club.cancel(bookings[10])
    (piece,) = club.read(Ticket, ann).kept
    assert (piece.resource_id, piece.starts_at, piece.ends_at) == (club.court, club.at(10), club.at(11))
    with pytest.raises(SlotTaken) as caught:
        club.play(10)
    assert caught.value.detail["reasons"][0].code == "WAITLIST_EARMARK"
    assert club.list.entry(ben).offer is None
    club.cancel(bookings[11])
    (item,) = club.offer(ann).items
    assert (item.starts_at, item.ends_at) == (club.at(10), club.at(12))
    assert club.read(Ticket, ann).kept == ()


def test_two_windows_never_get_the_same_time(club):
    ann, ben, cat = (club.join(**club.window(9, 11)) for _ in range(3))
    assert club.offer(ann).items[0].local_start != club.offer(ben).items[0].local_start
    assert club.list.entry(cat).offer is None


@pytest.mark.parametrize("wrong", [{"minutes": 45}, {"resources": (uuid4(),)}])
def test_nobody_waits_for_what_is_not_sold(club, wrong):
    with pytest.raises(Refusal):
        club.join(**club.window(**wrong))


# quotas


@pytest.fixture
def limited(studio: Studio) -> Studio:
    """Everybody may have one booking here, at any time."""
    what = What(locations=(studio.location,))
    studio.do(SetQuotaRule(QuotaRule(f"one-{studio.session.hex[:8]}", "count", 1, what=what)))
    return studio


def second(studio: Studio) -> UUID:
    """Another class, which has room."""
    session = uuid7()
    studio.do(ScheduleSession(session, studio.yoga, soon(72), soon(72) + HOUR, 2))
    return session


def test_who_may_not_book_may_not_wait(limited):
    ann = uuid4()
    limited.book(2)
    limited.do(BookSeats(uuid7(), second(limited), customer_id=ann))
    with pytest.raises(QuotaReached):
        limited.join(customer_id=ann)


def barred(studio: Studio) -> list[WaitlistBarred]:
    """What this list's walks said of those who could not have what would have fitted."""
    recorded = studio.town.house.store.load(studio.town.organization, [waitlist_of(studio.location)])
    facts = [one.fact for one in recorded.streams[waitlist_of(studio.location)]]
    return [fact for fact in facts if isinstance(fact, WaitlistBarred)]


def rule_of(studio: Studio) -> str:
    return f"one-{studio.session.hex[:8]}"


def test_who_has_had_enough_is_passed_over_with_the_reason_and_asked_again_when_they_have_not(limited):
    ann, ben = uuid4(), uuid4()
    first, second_ = limited.book(), limited.book()
    mine, bens = limited.join(customer_id=ann), limited.join(customer_id=ben)
    other = uuid7()
    limited.do(BookSeats(other, second(limited), customer_id=ann, then="confirm"))
    limited.cancel(first)
    assert barred(limited) == [WaitlistBarred(mine, ("QUOTA",), (rule_of(limited),), bens)]
    assert limited.list.entry(mine).skips == 0
    assert limited.offer(bens).status == "held"
    limited.cancel(second_)  # it stays public: nobody else waits for it
    assert limited.list.entry(mine).offer is None
    limited.cancel(other)  # and now she may have it
    assert limited.offer(mine).status == "held"
    limited.do(AcceptOffer(mine))  # the offer itself is not one too many


def test_quotas_are_asked_again_when_the_offer_is_accepted(limited):
    ann = uuid4()
    offered = limited.join(customer_id=ann)
    assert limited.offer(offered).status == "held"
    limited.do(LeaveWaitlist(offered))
    limited.do(SetWaitlist(limited.location, Settings(mode="broadcast")))
    told = limited.join(customer_id=ann)  # nothing is held: it does not count yet
    limited.do(BookSeats(uuid7(), second(limited), customer_id=ann))
    with pytest.raises(QuotaReached):
        limited.do(AcceptOffer(told))


def test_one_customer_is_not_offered_more_at_once_than_they_may_have(club):
    ann = uuid4()
    what = What(locations=(club.location,))
    club.do(SetQuotaRule(QuotaRule(f"club-{club.court.hex[:8]}", "count", 1, what=what)))
    morning = {hour: club.play(hour) for hour in range(8, 14)}
    first = club.join(**club.window(8, 10), customer_id=ann)
    last = club.join(**club.window(8, 12), customer_id=ann)
    club.town.do(Cancel(morning[8]))
    club.town.do(Cancel(morning[9]))
    club.settle()
    assert club.offer(first).status == "held"
    assert club.list.entry(last).offer is None
    assert {fact.entry_id for fact in barred(club)} == {last}


def test_nothing_is_booked_at_once_for_who_has_had_enough(limited):
    ann = uuid4()
    limited.do(SetWaitlist(limited.location, Settings(mode="auto_book")))
    booking = limited.book(2)
    entry = limited.join(customer_id=ann, card_on_file=True)
    limited.do(BookSeats(uuid7(), second(limited), customer_id=ann))
    limited.cancel(booking)
    assert limited.list.entry(entry).offer is None
    assert barred(limited) == [WaitlistBarred(entry, ("QUOTA",), (rule_of(limited),))]


def test_who_has_something_else_at_that_time_is_not_offered_it(town):
    """Where the offering is one at a time."""
    studio = Studio(town)
    ann, other = uuid4(), uuid7()
    terms = studio.read(Offering, studio.yoga).terms
    studio.do(ReviseTerms(studio.yoga, replace(terms, one_at_a_time=True)))
    booking = studio.book(2)
    entry = studio.join(customer_id=ann)
    beside, at = uuid7(), studio.starts_at + HOUR / 2
    studio.do(ScheduleSession(beside, studio.yoga, at, at + HOUR, 2))
    studio.do(BookSeats(other, beside, customer_id=ann, then="confirm"))
    studio.cancel(booking)
    assert barred(studio) == [WaitlistBarred(entry, ("CUSTOMER_CONFLICT",))]
    studio.cancel(other)
    assert studio.offer(entry).status == "held"


# what comes free without anybody cancelling


def test_what_a_booking_leaves_when_it_moves_is_offered(club):
    bookings = {hour: club.play(hour) for hour in range(24) if hour != 20}
    ann = club.join(**club.window(8, 12))
    assert club.list.entry(ann).offer is None
    club.do(MoveOffering(bookings[10], club.at(20)))
    (item,) = club.offer(ann).items
    assert item.starts_at == club.at(10)


def test_a_booking_that_moves_to_what_somebody_waited_for_passes_them_over(club):
    club.do(SetWaitlist(club.location, Settings(max_skips=5)))
    bookings = {hour: club.play(hour) for hour in range(24) if hour not in (11, 12)}
    ann = club.join(**club.window(9, 13, minutes=120), customer_id=uuid4())
    assert club.list.entry(ann).offer is not None  # eleven to one
    club.do(DeclineOffer(ann))
    ben = club.join(**club.window(11, 12, minutes=120))
    club.do(LeaveWaitlist(ben))
    club.play(12)
    cat = club.join(**club.window(10, 12, minutes=120))
    assert club.list.entry(cat).skips == 0
    club.do(MoveOffering(bookings[20], club.at(11)))
    assert club.list.entry(cat).skips == 1


def test_a_court_that_opens_longer_or_again_is_offered(club):
    club.do(ChangeHours(club.court, daily("09:00-12:00")))
    ann = club.join(**club.window(14, 16))
    assert club.list.entry(ann).offer is None
    closure = uuid7()
    club.do(CloseResource(club.court, closure, club.at(14), club.at(16), "maintenance"))
    club.do(ChangeHours(club.court, daily("09:00-18:00")))
    assert club.list.entry(ann).offer is None
    club.do(ReopenResource(club.court, closure))
    assert club.offer(ann).items[0].starts_at == club.at(14)


def test_a_venue_that_opens_is_offered(club):
    club.do(SetLocationException(club.location, club.on, ()))
    ann = club.join(**club.window(9, 11))
    assert club.list.entry(ann).offer is None
    club.do(LiftLocationException(club.location, club.on))
    assert club.offer(ann).items[0].starts_at == club.at(9)


def test_other_terms_and_another_cutoff_let_in_who_could_not_be_offered_anything(town):
    club = Club(town)
    terms = club.read(Offering, club.tennis).terms
    club.do(SetWaitlist(club.location, Settings(min_notice=0), club.tennis))
    club.do(ReviseTerms(club.tennis, replace(terms, horizon=1)))
    ann = club.join(**club.window(9, 11))
    assert club.list.entry(ann).offer is None
    club.do(ReviseTerms(club.tennis, terms))
    assert club.offer(ann).status == "held"

    studio = Studio(town, notice=0)
    studio.do(SetWaitlist(studio.location, Settings(min_notice=0)))
    studio.book(2)
    entry = studio.join()
    studio.do(SetWaitlist(studio.location, Settings(min_notice=47 * 60)))
    late = studio.starts_at - 47 * HOUR
    studio.town.do(ChangeSeats(studio.session, 3), occurred_at=late)
    studio.town.do(WalkSession(studio.session), "system", occurred_at=late)
    assert studio.list.entry(entry).offer is None
    studio.seen = studio.town.sql("SELECT max(position) FROM event_store.event")[0][0]
    studio.do(SetWaitlist(studio.location, Settings(min_notice=60)))
    assert studio.offer(entry).status == "held"


def test_the_gaps_that_are_kept_are_each_taken_for_the_public(club):
    club.do(SetWaitlist(club.location, Settings(max_skips=0)))
    bookings = {hour: club.play(hour) for hour in range(24)}
    ann = club.join(**club.window(9, 13, minutes=120))
    club.town.do(Cancel(bookings[9]))
    club.town.do(Cancel(bookings[11]))
    club.settle()
    assert [(it.starts_at, it.ends_at) for it in club.read(Ticket, ann).kept] == [
        (club.at(9), club.at(10)), (club.at(11), club.at(12))
    ]  # fmt: skip
    for hour in (9, 11):
        with pytest.raises(SlotTaken):
            club.play(hour)
    # The first is let go at its own time, the second stays.
    (first, *_) = sorted((do for do in club.due if isinstance(do.command, EndEarmark)), key=lambda do: do.due_at)
    assert first.due_at == club.at(9)
    club.town.do(first.command, "system", occurred_at=first.due_at)
    assert [it.starts_at for it in club.read(Ticket, ann).kept] == [club.at(11)]
    with pytest.raises(SlotTaken):
        club.play(11)


def test_after_all_these_stories_the_claims_follow_from_the_log_and_nothing_was_given_twice(town):
    url = town.settings.database_url or ""
    assert list(verify(url)) == []
    with psycopg.connect(url, autocommit=True) as connection:
        story = log.read(connection, 0, 100_000, beyond_watermark=True)
    assert list(occupancy(one for one in story if not isinstance(one, log.Unreadable))) == []
