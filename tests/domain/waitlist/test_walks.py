"""Any interleaving of joining, freeing, accepting, declining, expiring and booking, beside a naive model."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import settings as tried
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import Refusal
from domain.waitlist import events
from domain.waitlist.events import Settings
from domain.waitlist.room import Seats
from domain.waitlist.waitlist import Waitlist

BEGINS = datetime(2027, 3, 1, 12, tzinfo=UTC)
START = BEGINS + timedelta(hours=4)
YOGA, CLASS, VENUE = UUID(int=1), UUID(int=2), UUID(int=4)
MINUTE = timedelta(minutes=1)


class Crowd(RuleBasedStateMachine):
    """One session. The model keeps seats in plain dictionaries; the aggregate is told only how many are free."""

    @initialize(
        capacity=st.integers(1, 6),
        max_skips=st.integers(0, 3),
        to_end=st.booleans(),
        earmark_until=st.sampled_from([None, 0, 30, 90]),
        notice=st.sampled_from([0, 60]),
    )
    def opens(self, capacity, max_skips, to_end, earmark_until, notice):
        self.at = BEGINS
        self.capacity, self.notice, self.max_skips = capacity, notice * MINUTE, max_skips
        rules = Settings(max_skips=max_skips, expired_goes_to_end=to_end, earmark_until=earmark_until)
        self.set_aside_until = START - max(self.notice, (earmark_until or 0) * MINUTE)
        self.list = Waitlist(UUID(int=9)).after([events.WaitlistOpened(VENUE), events.WaitlistSettingsSet(rules)])
        self.confirmed: dict[UUID, int] = {}
        self.offered: dict[UUID, tuple[int, datetime]] = {}
        self.kept: dict[UUID, int] = {}
        self.wait: dict[UUID, tuple[int, datetime, int, int]] = {}
        """Class, joined, number, party: as it was told."""
        self.skips: dict[UUID, int] = {}
        self.made = 0

    # what is free, counted without the aggregate

    @property
    def free(self):
        return (
            self.capacity
            - sum(self.confirmed.values())
            - sum(units for units, _ in self.offered.values())
            - sum(self.kept.values())
        )

    def order(self):
        return sorted(self.wait, key=lambda who: self.wait[who][:3])

    def told(self, facts):
        """What happened, in the model's own books."""
        self.list = self.list.after(facts)
        for fact in facts:
            match fact:
                case events.WaitlistOfferMade(who, pieces, expires_at, booking_id):
                    assert booking_id is not None
                    assert who in self.wait
                    assert who not in self.offered
                    self.offered[who] = (sum(piece.units for piece in pieces), expires_at)
                    assert self.offered[who][0] == self.wait[who][3]
                    assert self.at < expires_at <= START - self.notice, "an offer after the cutoff"
                case events.WaitlistSkipped(who):
                    self.skips[who] += 1
                    assert self.skips[who] <= self.max_skips or self.at >= self.set_aside_until
                case events.WaitlistEarmarked(who, pieces, ends_at):
                    assert self.at < ends_at <= START - self.notice
                    assert self.skips[who] >= self.max_skips
                    self.kept[who] = sum(piece.units for piece in pieces)
                    assert self.kept[who] < self.wait[who][3], "it would have been enough"
                case events.WaitlistEarmarkReleased(who):
                    del self.kept[who]
                case events.WaitlistOfferExpired(who, "to_end", joined_at, sequence):
                    del self.offered[who]
                    self.wait[who] = (self.wait[who][0], joined_at, sequence, self.wait[who][3])
                    self.skips[who] = 0
                case events.WaitlistOfferAccepted(who):
                    self.confirmed[who] = self.offered.pop(who)[0]
                    del self.wait[who]
                case events.WaitlistOfferDeclined(who) | events.WaitlistOfferExpired(who):
                    del self.offered[who]
                    del self.wait[who]
                case events.WaitlistLeft(who) | events.WaitlistLapsed(who):
                    del self.wait[who]

    def walk(self):
        seats = Seats(YOGA, CLASS, START, START + 60 * MINUTE, self.free, self.notice // MINUTE)
        expected = self.expected()
        facts = self.list.freed(seats, self.at)
        assert [fact.entry_id for fact in facts if isinstance(fact, events.WaitlistOfferMade)] == expected
        self.told(facts)
        seats = Seats(YOGA, CLASS, START, START + 60 * MINUTE, self.free, self.notice // MINUTE)
        assert self.list.freed(seats, self.at) == [], "walking twice is walking once"

    def expected(self):
        """Who is to get an offer, by the rules as a person would count them."""
        left, given = self.free, []
        if self.at >= START - self.notice:
            return given
        for who in self.order():
            party = self.wait[who][3]
            if who in self.offered:
                continue
            own = self.kept.get(who, 0)
            if party <= left + own:
                left += own - party
                given.append(who)
            elif left and self.skips[who] >= self.max_skips and self.at < self.set_aside_until:
                break
        return given

    # what happens

    @rule(party=st.integers(1, 5), rank=st.integers(0, 2))
    def somebody_joins(self, party, rank):
        self.made += 1
        who = UUID(int=1000 + self.made)
        try:
            facts = self.list.join(
                who, YOGA, party, self.at, START - self.notice, session_id=CLASS, customer_id=who, priority=rank
            )
        except Refusal:
            assert self.at >= START - self.notice
            return
        self.wait[who] = (rank, self.at, self.list.sequence + 1, party)
        self.skips[who] = 0
        self.told(facts)
        self.walk()

    @rule(units=st.integers(1, 4))
    def the_public_books(self, units):
        if units > self.free or self.at >= START:
            return
        self.made += 1
        booking = UUID(int=1000 + self.made)
        self.confirmed[booking] = units
        seats = Seats(YOGA, CLASS, START, START + 60 * MINUTE, self.free, self.notice // MINUTE)
        piece = events.Piece(CLASS, START, START + 60 * MINUTE, units)
        facts = self.list.taken(seats, (piece,), booking, self.at)
        open_ = self.at < START - self.notice
        hit = [
            who
            for who in self.order()
            if who not in self.offered and self.wait[who][3] > self.free + self.kept.get(who, 0)
        ]
        assert [fact.entry_id for fact in facts] == (hit if open_ else [])
        self.told(facts)
        self.walk()

    @rule(data=st.data())
    def a_booking_is_cancelled(self, data):
        if self.confirmed:
            del self.confirmed[data.draw(st.sampled_from(sorted(self.confirmed)))]
            self.walk()

    @rule(data=st.data(), yes=st.booleans())
    def somebody_answers(self, data, yes):
        if self.offered:
            who = data.draw(st.sampled_from(sorted(self.offered)))
            if yes:
                alive = self.at < self.offered[who][1]
                try:
                    self.told(self.list.accept(who, self.at))
                except Refusal:
                    assert not alive
                    return
                assert alive
            else:
                self.told(self.list.decline(who))
            self.walk()

    @rule(data=st.data())
    def somebody_leaves(self, data):
        if self.wait:
            self.told(self.list.leave(data.draw(st.sampled_from(sorted(self.wait)))))
            self.walk()

    @rule(minutes=st.sampled_from([1, 5, 15, 40]))
    def time_passes(self, minutes):
        self.at += minutes * MINUTE
        for who, (_, expires_at) in sorted(self.offered.items(), key=lambda offer: offer[1][1]):
            if expires_at <= self.at:
                self.told(self.list.settle(who, "expired", self.at))
        for who in list(self.kept):
            entry = self.list.entry(who)
            if entry.kept_until is not None and entry.kept_until <= self.at:
                self.told(self.list.end_earmark(who, self.at))
        if self.at >= START - self.notice:
            for who in list(self.wait):
                self.told(self.list.lapse(who, self.at))
        self.walk()

    # what must hold

    @invariant()
    def never_more_than_there_is(self):
        if hasattr(self, "list"):
            assert self.free >= 0

    @invariant()
    def both_books_agree(self):
        if hasattr(self, "list"):
            assert [entry.id for entry in self.list.queue] == self.order()
            assert {entry.id: entry.skips for entry in self.list.queue} == {who: self.skips[who] for who in self.wait}
            assert {e.id for e in self.list.queue if e.offer} == set(self.offered)
            assert {e.id: sum(p.units for p in e.kept) for e in self.list.queue if e.kept} == self.kept

    @invariant()
    def nobody_is_kept_waiting_beside_seats_that_fit(self):
        """After each walk: whoever still waits and would fit has somebody before them for whom it is kept."""
        if hasattr(self, "list") and self.at < START - self.notice and self.free > 0:
            waiting = [who for who in self.order() if who not in self.offered]
            assert all(self.wait[who][3] > self.free for who in waiting)


TestCrowd = Crowd.TestCase
TestCrowd.settings = tried(max_examples=150, stateful_step_count=40, deadline=None)
