"""Windows: any interleaving of joining, booking, cancelling, moving, answering and passing time, beside a naive model
that tries every start of every court hour by hour."""

from datetime import date, datetime, timedelta
from uuid import UUID

from hypothesis import settings as tried
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from setups import court, daily, need, offering, sold, utc, venue

from domain.availability.setup import Use
from domain.availability.waiting import Times
from domain.period import Period
from domain.waitlist import events
from domain.waitlist.entry import Bar
from domain.waitlist.events import Piece, Settings, Window
from domain.waitlist.waitlist import Waitlist

DAY = date(2027, 6, 2)
BEGINS = utc(2027, 6, 1, 12)
TENNIS, VENUE = UUID(int=1), UUID(int=4)
OPENS, CLOSES = 9, 14
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ENOUGH = Bar(("QUOTA",), ("enough",))


def at(hour: int) -> datetime:
    return utc(2027, 6, 2, hour)


class Courts(RuleBasedStateMachine):
    """One or two courts, sold by the hour or by two, on one day from nine to two."""

    @initialize(
        courts=st.integers(1, 2), max_skips=st.integers(0, 2), earmark_until=st.sampled_from([None, 60]),
        to_end=st.booleans(),
    )  # fmt: skip
    def opens(self, courts, max_skips, earmark_until, to_end):
        self.at, self.max_skips = BEGINS, max_skips
        self.lead = (earmark_until or 0) * MINUTE
        self.courts = [court(f"Court {n}") for n in range(1, courts + 1)]
        terms = offering(need("court", *self.courts), lasts=(60, 120), step=60)
        self.setup = sold(venue(hours=daily(f"{OPENS:02}:00-{CLOSES}:00")), terms, *self.courts)
        rules = Settings(max_skips=max_skips, earmark_until=earmark_until, expired_goes_to_end=to_end)
        self.list = Waitlist(UUID(int=9)).after([events.WaitlistOpened(VENUE), events.WaitlistSettingsSet(rules)])
        self.booked: dict[UUID, tuple[UUID, int, int]] = {}
        """Court, first and last hour."""
        self.offered: dict[UUID, tuple[tuple[UUID, int, int], datetime]] = {}
        self.kept: dict[UUID, tuple[tuple[Piece, ...], datetime]] = {}
        self.full: set[UUID] = set()
        """Who has had enough."""
        self.explained: set[UUID] = set()
        self.made = 0

    # what there is, hour by hour

    def taken(self, besides=None):
        """Every hour of every court that somebody has, holds, or for whom it is kept."""
        hours = [
            (where, hour)
            for where, since, until in [*self.booked.values(), *(it for it, _ in self.offered.values())]
            for hour in range(since, until)
        ]
        for who, (pieces, _) in self.kept.items():
            if who != besides:
                hours += [
                    (piece.resource_id, hour)
                    for piece in pieces
                    for hour in range(OPENS, CLOSES)
                    if piece.starts_at <= at(hour) < piece.ends_at
                ]
        return hours

    def fitting(self, entry):
        """Every start at which the entry could have something: tried one by one."""
        taken, long = set(self.taken(besides=entry.id)), entry.window.minutes // 60
        return [
            (one.id, hour)
            for one in self.courts
            for hour in range(OPENS, CLOSES - long + 1)
            if entry.window.opens <= hour * 60 < entry.window.closes
            and at(hour) > self.at
            and not any((one.id, hour + more) in taken for more in range(long))
        ]

    def uses(self):
        found = [Use(where, who, 1, at(since), at(until)) for who, (where, since, until) in self.booked.items()]
        found += [Use(it[0], who, 1, at(it[1]), at(it[2])) for who, (it, _) in self.offered.items()]
        found += [
            Use(piece.resource_id, who, n, piece.starts_at, piece.ends_at, kind="earmark")
            for who, (pieces, _) in self.kept.items()
            for n, piece in enumerate(pieces)
        ]
        return found

    # the walk

    def walk(self, since=OPENS, until=CLOSES, resources=None):
        if at(until) <= self.at:
            return
        freed = Period(max(at(since), self.at), at(until))
        times = Times(TENNIS, self.setup, self.uses(), self.at, freed, resources)
        may_have = lambda entry, pieces, given: ENOUGH if entry.id in self.full else None  # noqa: E731
        before = self.list
        facts = self.list.freed(times, self.at, may_have)
        self.told(facts)
        self.fair(before, facts)
        times = Times(TENNIS, self.setup, self.uses(), self.at, freed, resources)
        assert self.list.freed(times, self.at, may_have) == [], "walking twice is walking once"
        if any(isinstance(fact, events.WaitlistEarmarkReleased) for fact in facts):
            self.walk()  # what was kept and not needed may lie anywhere

    def told(self, facts):
        for fact in facts:
            match fact:
                case events.WaitlistOfferMade(who, (piece,), expires_at, booking_id):
                    assert booking_id is not None
                    assert who not in self.offered
                    assert who not in self.kept, "what was kept for it is let go first"
                    assert who not in self.full
                    assert self.at < expires_at <= piece.starts_at
                    self.offered[who] = (piece.resource_id, piece.starts_at.hour, piece.ends_at.hour), expires_at
                case events.WaitlistEarmarked(who, pieces, ends_at):
                    assert self.at < ends_at == min(piece.starts_at for piece in pieces) - self.lead
                    assert who not in self.full
                    self.kept[who] = pieces, ends_at
                case events.WaitlistEarmarkReleased(who, pieces=pieces):
                    assert self.kept.pop(who)[0] >= pieces
                case events.WaitlistOfferAccepted(who):
                    self.booked[who] = self.offered.pop(who)[0]
                case events.WaitlistOfferDeclined(who) | events.WaitlistOfferExpired(who):
                    del self.offered[who]
        self.list = self.list.after(facts)

    def fair(self, before, facts):
        """Nobody is offered what somebody before them would have fitted, unless it is told why they were passed over;
        and nobody is passed over more often than the setting says, but at the very end."""
        given = {fact.entry_id: fact.pieces[0] for fact in facts if isinstance(fact, events.WaitlistOfferMade)}
        told = {fact.entry_id for fact in facts if isinstance(fact, events.WaitlistSkipped | events.WaitlistBarred)}
        self.explained |= {fact.entry_id for fact in facts if isinstance(fact, events.WaitlistBarred)}
        queue = [entry for entry in before.queue if entry.offer is None]
        for n, entry in enumerate(queue):
            if entry.id in given:
                continue
            for later in queue[n + 1 :]:
                piece = given.get(later.id)
                if piece is None or not self.liked(entry, piece):
                    continue
                long, got = entry.window.minutes * MINUTE, piece.ends_at - piece.starts_at
                assert got < long or entry.id in told | self.explained, "a later one got what would have fitted"
        for fact in facts:
            if isinstance(fact, events.WaitlistSkipped) and fact.in_favour_of is not None:
                entry, piece = self.list.entry(fact.entry_id), given[fact.in_favour_of]
                mine = [at(hour) for hour in range(OPENS, CLOSES) if self.over(entry, hour, piece)]
                late = all(start - self.lead <= self.at for start in mine)  # nothing of it is set aside any more
                assert mine, "it did not want that"
                assert entry.skips <= self.max_skips or late

    @staticmethod
    def over(entry, hour, piece):
        """Whether a time that the entry would like, from that hour on, lies over the piece."""
        until = at(hour) + entry.window.minutes * MINUTE
        inside = entry.window.opens <= hour * 60 < entry.window.closes and until <= at(CLOSES)
        return inside and at(hour) < piece.ends_at and piece.starts_at < until

    @staticmethod
    def liked(entry, piece):
        """Whether the entry could have begun exactly there."""
        return entry.window.opens <= piece.starts_at.hour * 60 < entry.window.closes

    # what happens

    @rule(opens=st.integers(OPENS, CLOSES - 1), wide=st.integers(1, 5), hours=st.integers(1, 2), rank=st.integers(0, 1))
    def somebody_joins(self, opens, wide, hours, rank):
        until = at(min(opens + wide, CLOSES))
        if self.at >= until:
            return
        self.made += 1
        who = UUID(int=1000 + self.made)
        window = Window(DAY, DAY, opens * 60, min(opens + wide, CLOSES) * 60, hours * 60)
        self.told(self.list.join(who, TENNIS, 1, self.at, until, window=window, customer_id=who, priority=rank))
        self.walk()

    @rule(data=st.data(), hours=st.integers(1, 2))
    def the_public_books(self, data, hours):
        taken = set(self.taken())
        free = [
            (one.id, hour)
            for one in self.courts
            for hour in range(OPENS, CLOSES - hours + 1)
            if at(hour) > self.at and not any((one.id, hour + more) in taken for more in range(hours))
        ]
        if not free:
            return
        where, hour = data.draw(st.sampled_from(free))
        self.made += 1
        who = UUID(int=1000 + self.made)
        self.booked[who] = where, hour, hour + hours
        period = Period(at(hour), at(hour + hours))
        times = Times(TENNIS, self.setup, self.uses(), self.at, period, (where,))
        self.told(self.list.taken(times, (Piece(where, at(hour), at(hour + hours)),), who, self.at))
        self.walk(hour, hour + hours, (where,))

    @rule(data=st.data())
    def a_booking_is_cancelled(self, data):
        if self.booked:
            where, since, until = self.booked.pop(data.draw(st.sampled_from(sorted(self.booked))))
            self.walk(since, until, (where,))

    @rule(data=st.data())
    def a_booking_is_shortened(self, data):
        long = sorted(who for who, (_, since, until) in self.booked.items() if until - since == 2)
        if long:
            who = data.draw(st.sampled_from(long))
            where, since, until = self.booked[who]
            self.booked[who] = where, since, until - 1
            self.walk(until - 1, until, (where,))

    @rule(data=st.data(), yes=st.booleans())
    def somebody_answers(self, data, yes):
        if self.offered:
            who = data.draw(st.sampled_from(sorted(self.offered)))
            (where, since, until), expires_at = self.offered[who]
            if yes and self.at < expires_at:
                self.told(self.list.accept(who, self.at))
            elif not yes:
                self.told(self.list.decline(who))
                self.walk(since, until, (where,))

    @rule(data=st.data())
    def somebody_leaves(self, data):
        alone = [entry.id for entry in self.list.queue if entry.offer is None]
        if alone:
            self.told(self.list.leave(data.draw(st.sampled_from(alone))))
            self.walk()

    @rule(data=st.data())
    def somebody_has_enough_or_no_more(self, data):
        if self.list.entries:
            self.full ^= {data.draw(st.sampled_from(sorted(self.list.entries)))}
            self.walk()

    @rule(minutes=st.sampled_from([5, 15, 60, 600]))
    def time_passes(self, minutes):
        self.at += minutes * MINUTE
        for who, (_, expires_at) in sorted(self.offered.items(), key=lambda offer: offer[1][1]):
            if expires_at <= self.at:
                self.told(self.list.settle(who, "expired", self.at))
        while ended := [who for who, (_, ends_at) in self.kept.items() if ends_at <= self.at]:
            self.told(self.list.end_earmark(ended[0], self.at))
        for entry in self.list.queue:
            if entry.until <= self.at:
                self.told(self.list.lapse(entry.id, self.at))
        self.walk()

    # what must hold

    @invariant()
    def nothing_is_given_or_kept_twice(self):
        if hasattr(self, "list"):
            taken = self.taken()
            assert len(taken) == len(set(taken))

    @invariant()
    def both_books_agree(self):
        if hasattr(self, "list"):
            assert {one.id for one in self.list.queue if one.offer} == set(self.offered)
            assert {one.id: one.kept for one in self.list.queue if one.kept} == {
                w: k for w, (k, _) in self.kept.items()
            }

    @invariant()
    def nobody_waits_beside_what_fits(self):
        """Every way is tried: whoever still waits fits nowhere, or it was told why they may not have it."""
        if hasattr(self, "list"):
            waiting = [one for one in self.list.waiting(self.at) if self.fitting(one)]
            assert {one.id for one in waiting} <= self.full & self.explained

    @invariant()
    def what_is_kept_has_an_end(self):
        if hasattr(self, "list"):
            assert all(self.at < ends_at for _, ends_at in self.kept.values())


TestCourts = Courts.TestCase
TestCourts.settings = tried(max_examples=100, stateful_step_count=30, deadline=None)
