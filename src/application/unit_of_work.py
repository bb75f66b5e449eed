"""One command, one tenant, one actor, one moment.

It loads streams and remembers what was read, so that the write can refuse a decision on an older state; it collects
the facts that the decisions return. Nothing is written before the bus appends all of it at once.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from application.event_store import Append, CountedBooking, EventStore, NewEvent, Tallied
from application.message import Occasion, Scope
from application.reach import within
from application.recorded import Envelope, Governed
from domain.aggregate import Aggregate
from domain.availability.setup import Use
from domain.claim import Claim, Extend, Release, Retally, Retime, Settle, Take, Tally
from domain.claims import claims_of
from domain.errors import Forbidden, Stale
from domain.event import Event
from domain.family.events import Right
from domain.family.family import Family, Kinship
from domain.localtime import minute_of_week

A = TypeVar("A", bound=Aggregate)
Handler = Callable[[Any, "UnitOfWork"], None]
"""Carries out one kind of command: load, one verb, record."""


class ChangedSince(Stale):
    """It has changed since you read it: read it again and decide anew."""


class SomebodyElse(Forbidden):
    """You can do this for yourself, and for those for whom your family lets you."""


class HoldTokenNeeded(Forbidden):
    """Only who shows the secret that came with the hold may do this: send it as Daybook-Hold-Token."""


class UnitOfWork:
    """Handlers say `read`, `change` and `begin`; the bus asks for `append()`.

    A decision that has to choose (a court of a pool, a table, a member of staff) looks at `occupancy`, and one that
    counts at `tallies`; what it saw is checked again by the write.
    """

    def __init__(
        self,
        store: EventStore,
        occasion: Occasion,
        scope: Scope,
        numbers: Callable[[], int],
        right: Right | None = None,
    ) -> None:
        """`right`: which one lets a guardian do this for a dependant; None: everybody does it for themselves."""
        self.occasion = occasion
        self.tenant = occasion.tenant
        self.result: dict[str, Any] = {}
        self.position = 0
        """The latest position among all that was loaded."""
        self._store = store
        self._scope = scope
        self._right = right
        self._numbers = numbers
        self._now: datetime | None = None
        self._loaded: dict[UUID, Sequence[Event]] = {}
        self._state: dict[UUID, Aggregate] = {}
        self._read: dict[UUID, int] = {}
        self._new: list[NewEvent] = []
        self._written: dict[UUID, int] = {}
        self._zone: str | None = None
        self.chose = False
        """The handler took one of several that would have done: should it be taken by somebody else meanwhile, it is
        to choose again, not to be refused. What to say when nothing is left, its own fresh look knows."""
        self._occupied: set[UUID] = set()
        self._tallies: dict[UUID, Tallied] = {}
        self._counted: dict[UUID, tuple[dict[UUID, CountedBooking], int]] = {}
        """What counts against each, and how many of the new facts are in it."""

    @property
    def now(self) -> datetime:
        """The moment of the decision: the database's clock, or the moment that an imported command happened."""
        if self.occasion.occurred_at is not None:
            return self.occasion.occurred_at
        if self._now is None:
            self.fetch()
        assert self._now is not None
        return self._now

    def next_number(self) -> int:
        """A number that no other command gets."""
        return self._numbers()

    def fetch(self, *streams: UUID) -> None:
        """Load several streams in one go (and the database's clock); what is loaded already stays as it was."""
        wanted = [stream for stream in streams if stream not in self._loaded]
        if not wanted and self._now is not None:
            return
        loaded = self._store.load(self.tenant, wanted)
        self._now = self._now or loaded.now
        for stream in wanted:
            recorded = loaded.streams.get(stream, ())
            self._loaded[stream] = [one.fact for one in recorded]
            if recorded:
                self.position = max(self.position, recorded[-1].position)

    def read(self, kind: type[A], stream: UUID) -> A:
        """An aggregate as it stands, or its `unknown`. The write is refused if it moves meanwhile."""
        aggregate = self._aggregate(kind, stream)
        if stream not in self._written:
            self._read.setdefault(stream, len(self._loaded[stream]))
        return aggregate

    def read_if_any(self, kind: type[A], stream: UUID) -> A:
        """An aggregate as it stands, or, where there is none, before its first fact; it may then be changed like any.
        That there was none is checked again by the write."""
        if stream not in self._state:
            self.fetch(stream)
            if not self._loaded[stream]:
                self._state[stream] = kind(id=stream)
        return self.read(kind, stream)

    def glance(self, kind: type[A], stream: UUID) -> A:
        """An aggregate as it stands, whoever's it is: to be counted. The write does not ask whether it has moved."""
        known = self._state.get(stream)
        return known if isinstance(known, kind) else self.as_it_was(kind, stream, None)

    def as_it_was(self, kind: type[A], stream: UUID, version: int | None) -> A:
        """An aggregate as it stood at one of its versions (None: as it stands), whoever's it is. What was does not
        move: the write need not ask."""
        self.fetch(stream)
        return kind(id=stream).after(self._loaded[stream][:version])

    def change(self, kind: type[A], stream: UUID, decide: Callable[[A], Sequence[Event]]) -> A:
        """Let an aggregate decide, and keep the facts; answers with its state after them."""
        aggregate = within(self._aggregate(kind, stream), self.occasion.within)
        version = self._written[stream] if stream in self._written else len(self._loaded[stream])
        if self.occasion.expects is not None and self.occasion.expects != version and not self._written:
            raise ChangedSince(expected=self.occasion.expects, version=version)
        return self._keep(aggregate, stream, version, decide(aggregate))

    def begin(self, kind: type[A], stream: UUID, decide: Callable[[A], Sequence[Event]]) -> A:
        """A new aggregate's first facts."""
        return self._keep(kind(id=stream), stream, 0, decide(kind(id=stream)))

    def overlook(self, streams: Collection[UUID]) -> None:
        """These were read, but the decision does not rest on them: the write need not be refused if they move."""
        for stream in streams:
            self._read.pop(stream, None)

    def occupancy(self, resources: Sequence[UUID], since: datetime, until: datetime) -> list[Use]:
        """What stands on these resources within a period, this command's own facts included: by resource and start.

        Dead holds are there as well (`Use.expires_at`): they do not count, and the write makes way for whoever comes.
        """
        self._occupied.update(resources)
        found = {(use.booking_id, use.item): use for use in
                 self._store.occupancy(self.tenant, list(resources), since, until)}  # fmt: skip
        wanted = set(resources)
        for event in self._new:
            for claim in claims_of(event.fact, event.stream):
                match claim:
                    case Take():
                        if claim.resource_id in wanted and reaches(claim, since, until):
                            found[claim.booking_id, claim.item] = use_of(claim)
                    case Release(booking_id):
                        found = {key: use for key, use in found.items() if key[0] != booking_id}
                    case Settle(booking_id):
                        found = {key: dying(use, booking_id, None) for key, use in found.items()}
                    case Extend(booking_id, expires_at):
                        found = {key: dying(use, booking_id, expires_at) for key, use in found.items()}
        return sorted(found.values(), key=lambda use: (use.resource_id, use.starts_at, use.booking_id, use.item))

    def tallies(self, people: Collection[UUID], since: datetime | None = None) -> list[CountedBooking]:
        """What counts against these people's quotas now, this command's own facts included; a dead hold does not. The
        write is refused if any of it moves meanwhile.

        `since`: of bookings that end after it alone; for who is asked again it is as it was seen first.
        """
        unseen = sorted(who for who in people if who not in self._tallies)
        if unseen:
            self._tallies.update(self._store.tallies(self.tenant, unseen, since))
        rows = {row.booking_id: row for who in people for row in self._counted_now(who).values()}
        now = self.now
        return [
            row for row in rows.values()
            if row.state != "gone" and (row.expires_at is None or now < row.expires_at)
        ]  # fmt: skip

    def _counted_now(self, who: UUID) -> Mapping[UUID, CountedBooking]:
        """What counts against this person, by booking. Facts are folded in once, however often it is asked: a command
        that books four hundred occurrences asks at each."""
        rows, folded = self._counted.get(who) or ({row.booking_id: row for row in self._tallies[who].rows}, 0)
        for event in self._new[folded:]:
            for claim in claims_of(event.fact, event.stream):
                counted_in(rows, claim, who)
        self._counted[who] = rows, len(self._new)
        return rows

    def forget(self) -> None:
        """What was decided so far was only supposed: nothing of it will be recorded, and what is read from now on is as
        it would be."""
        self._new.clear()
        self._counted.clear()
        self._written.clear()
        self.result.clear()

    def _aggregate(self, kind: type[A], stream: UUID) -> A:
        known = self._state.get(stream)
        if isinstance(known, kind):
            return known
        self.fetch(stream)
        facts = self._loaded[stream]
        if not facts or not isinstance(facts[0], kind.begins):
            raise kind.unknown
        aggregate = kind(id=stream).after(facts)
        if self.customer and not self._acts_for(getattr(aggregate, "customer_id", self.customer)):
            raise kind.unknown  # somebody else's is as unknown as one that never was
        stranger, token = self.occasion.stranger, getattr(aggregate, "token", None)
        if stranger is not None and token is not None and token != stranger.shows:
            raise HoldTokenNeeded
        self._state[stream] = aggregate
        self._zone = getattr(aggregate, "zone", self._zone)
        return aggregate

    @property
    def customer(self) -> UUID | None:
        """The customer who asks for themselves; None where somebody asks who may act for all."""
        return UUID(self.occasion.actor.acts_for) if self._scope == "own" else None

    def for_customer(self, named: UUID | None) -> UUID | None:
        """Whose booking it is to be: a customer's own or a dependant's of theirs, or whoever the staff name."""
        if self.customer and named is not None and not self._acts_for(named):
            raise SomebodyElse
        return named or self.customer

    def _acts_for(self, whose: UUID | None) -> bool:
        """Whether the customer who asks may do this for that person: for themselves, or by a right that their family
        gives them. That they still have it is checked again by the write."""
        if self.customer is None or whose == self.customer:
            return True
        if whose is None or self._right is None:
            return False
        family_id = self.read_if_any(Kinship, Kinship.of(whose)).dependant_in
        return family_id is not None and self.read(Family, family_id).may(self.customer, whose, self._right)

    def _keep(self, aggregate: A, stream: UUID, version: int, facts: Sequence[Event]) -> A:
        for fact in facts:
            version += 1
            self._new.append(NewEvent(stream, version, fact))
        after = within(aggregate.after(facts), self.occasion.within)
        self._state[stream] = after
        self._written[stream] = version
        self._zone = getattr(after, "zone", self._zone)
        if "id" not in self.result:
            self.result["id"] = str(stream)
        if self.result["id"] == str(stream):
            self.result["version"] = version
            if (status := getattr(after, "status", None)) is not None:
                self.result["status"] = status
        return after

    @property
    def touched(self) -> list[str]:
        """The names of all that the decision read or wrote: what the locked way takes first."""
        ids = {*self._loaded, *self._written, *self._occupied}
        return sorted({*map(str, ids), *(f"tally:{who}" for who in self._tallies)})

    def append(self, command: str, fingerprint: bytes) -> Append | None:
        """The whole effect, or None where nothing happened and nobody will ask again.

        That nothing happened is recorded as well where the caller chose a key: the same key must not do later what it
        did not do now. Whatever was read, or asked and said nothing, is checked again by the write.
        """
        occasion = self.occasion
        if not self._new and not occasion.keyed:
            return None
        changed = {event.stream for event in self._new}
        read: Mapping[UUID, int] = {s: v for s, v in (self._written | self._read).items() if s not in changed}
        minute = None if self._zone is None else minute_of_week(self.now, self._zone)
        envelope = Envelope(
            command_id=occasion.command_id,
            command=command,
            correlation_id=occasion.correlation_id or occasion.command_id,
            actor=occasion.actor,
            origin=occasion.origin,
            causation_id=occasion.causation_id,
            reason=occasion.reason,
            occurred_at=occasion.occurred_at,
            local_minute=minute,
            configuration=tuple(Governed(stream, version) for stream, version in read.items() if version),
        )
        return Append(
            tenant=self.tenant,
            envelope=envelope,
            fingerprint=fingerprint,
            result=msgspec.json.encode(self.result),
            events=self._new,
            read=read,
            decided_at=occasion.occurred_at,
            keep=occasion.origin.channel == "import",
            tallies={who: tallied.mark for who, tallied in self._tallies.items()},
        )


def counted_in(rows: dict[UUID, CountedBooking], claim: Claim, who: UUID) -> None:
    """What a claim makes of what counts against this person."""
    match claim:
        case Tally(who=whose) if whose == who:
            rows[claim.booking_id] = CountedBooking(
                who, claim.booking_id, claim.offering_id, claim.location_id, claim.resources, claim.starts_at,
                claim.ends_at, "live",
            )  # fmt: skip
        case Retally(booking_id, state) if booking_id in rows:
            rows[booking_id] = replace(rows[booking_id], state=state)
        case Retime(booking_id, resources, starts_at, ends_at) if booking_id in rows:
            rows[booking_id] = replace(rows[booking_id], resources=resources, starts_at=starts_at, ends_at=ends_at)
        case Settle(booking_id) if booking_id in rows:
            rows[booking_id] = replace(rows[booking_id], expires_at=None)
        case Extend(booking_id, expires_at) if booking_id in rows:
            rows[booking_id] = replace(rows[booking_id], expires_at=expires_at)


REACH = timedelta(days=1)
"""Buffers are shorter."""


def reaches(take: Take, since: datetime, until: datetime) -> bool:
    """Whether it, or what sticks out of it, may lie within a period."""
    return take.starts_at - REACH < until and since < take.ends_at + REACH


def use_of(take: Take) -> Use:
    return Use(
        take.resource_id, take.booking_id, take.item, take.starts_at, take.ends_at, take.units, take.before, take.after,
        take.shared, take.expires_at, take.authorised, take.kind,
    )  # fmt: skip


def dying(use: Use, booking_id: UUID, at: datetime | None) -> Use:
    """The use as it stands after that booking's have been given another end of life."""
    return use if use.booking_id != booking_id or use.expires_at is None else replace(use, expires_at=at)
