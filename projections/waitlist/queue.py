"""The queue: who waits for what, at which place and why, and what every walk did with them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Boolean, Column, Index, Integer, Table, Uuid, bindparam, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP, aggregate_order_by

from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from application.waitlist.queries import MOST_ENTRIES, TheEntry, WhoWaits
from domain.event import Event
from domain.waitlist import events
from domain.waitlist.errors import UnknownEntry
from domain.waitlist.events import Piece, Window
from domain.waitlist.waitlist import waitlist_of
from projections.mine import BESIDE, mine
from projections.view import (
    TABLES,
    Answer,
    Asked,
    Change,
    Put,
    Set,
    View,
    bounded,
    compiled,
    compiling,
    many,
    one,
    own,
)  # fmt: skip

MOMENT = TIMESTAMP(timezone=True)
Status = Literal["waiting", "offered", "accepted", "declined", "expired", "left", "lapsed"]
What = Literal[
    "joined", "skipped", "barred", "offer_made", "offer_accepted", "offer_declined", "offer_expired", "earmarked",
    "earmark_released", "left", "lapsed",
]  # fmt: skip

WAITLIST = Table(
    "waitlist", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("location_id", Uuid, nullable=False),
)  # fmt: skip

ENTRY = Table(
    "waitlist_entry", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("position", BIGINT, nullable=False),
    Column("waitlist_id", Uuid, nullable=False),
    Column("offering_id", Uuid, nullable=False),
    Column("session_id", Uuid),
    Column("window", JSONB),
    Column("customer_id", Uuid),
    Column("party", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("joined_at", MOMENT, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("until", MOMENT, nullable=False),
    Column("card_on_file", Boolean, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("offered", JSONB, nullable=False),
    Column("expires_at", MOMENT),
    Column("booking_id", Uuid),
    Column("kept", JSONB, nullable=False),
    Column("kept_until", MOMENT),
    Column("since", BIGINT, nullable=False),
    Index("waitlist_entry_place", "tenant", "offering_id", "priority", "joined_at", "sequence"),
    Index("waitlist_entry_customer", "tenant", "customer_id"),
)  # fmt: skip

STEP = Table(
    "waitlist_step", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("entry_id", Uuid, primary_key=True),
    Column("position", BIGINT, primary_key=True),
    Column("what", TEXT, nullable=False),
    Column("step", JSONB, nullable=False),
)  # fmt: skip


class Step(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing that happened to an entry."""

    at: datetime
    what: What
    walk: UUID
    """The command that did it: all that one walk did, to whomever, has the same."""
    in_favour_of: UUID | None = None
    """Skipped or barred: the entry that was offered it, which had come later."""
    reasons: tuple[str, ...] = ()
    """Barred: why its person could not have what would have fitted, in the codes of availability."""
    rules: tuple[str, ...] = ()
    """Barred: the names of the quotas that were in the way."""
    booking_id: UUID | None = None
    pieces: tuple[Piece, ...] = ()
    until: datetime | None = None
    """When the offer, or what is set aside, ends."""
    then: str | None = None
    """Expired: left, to_end or stays."""
    cause: str | None = None
    """Set free: offered, deadline, left or barred."""


class EntryAsItStands(Struct, frozen=True):
    id: UUID
    position: int
    location_id: UUID
    offering_id: UUID
    session_id: UUID | None
    window: Window | None
    customer_id: UUID | None
    party: int
    place: int | None
    """1 is asked first; counted among those who wait for the same; None: no longer waiting."""
    priority: int
    joined_at: datetime
    sequence: int
    skips: int
    """How often passed over in its present place."""
    until: datetime
    card_on_file: bool
    status: Status
    offered: tuple[Piece, ...]
    expires_at: datetime | None
    booking_id: UUID | None
    kept: tuple[Piece, ...]
    kept_until: datetime | None
    steps: tuple[Step, ...] = ()


_window = msgspec.json.Decoder(Window | None).decode
_pieces = msgspec.json.Decoder(tuple[Piece, ...]).decode
_steps = msgspec.json.Decoder(tuple[Step, ...]).decode

WAITING = ("waiting", "offered")
_ALIVE = literal_column("waitlist_entry.status IN ('waiting', 'offered')", Boolean)
_BEFORE = ENTRY.alias("before")
_PLACE = (
    select(func.count() + literal_column("1"))
    .where(
        _BEFORE.c.tenant == ENTRY.c.tenant,
        _BEFORE.c.offering_id == ENTRY.c.offering_id,
        _BEFORE.c.session_id.is_not_distinct_from(ENTRY.c.session_id),
        literal_column("before.status IN ('waiting', 'offered')", Boolean),
        tuple_(_BEFORE.c.priority, _BEFORE.c.joined_at, _BEFORE.c.sequence)
        < tuple_(ENTRY.c.priority, ENTRY.c.joined_at, ENTRY.c.sequence),
    )
    .correlate(ENTRY)
    .scalar_subquery()
)
_SKIPS = (
    select(func.count())
    .where(
        STEP.c.tenant == ENTRY.c.tenant,
        STEP.c.entry_id == ENTRY.c.id,
        STEP.c.what == literal_column("'skipped'", TEXT),
        STEP.c.position > ENTRY.c.since,
    )
    .correlate(ENTRY)
    .scalar_subquery()
)
_STEPS = (
    select(
        func.coalesce(func.jsonb_agg(aggregate_order_by(STEP.c.step, STEP.c.position)), literal_column("'[]'::jsonb"))
    )
    .where(STEP.c.tenant == ENTRY.c.tenant, STEP.c.entry_id == ENTRY.c.id)
    .correlate(ENTRY)
    .scalar_subquery()
    .cast(TEXT)
)
_HERE = ENTRY.join(WAITLIST, (WAITLIST.c.tenant == ENTRY.c.tenant) & (WAITLIST.c.id == ENTRY.c.waitlist_id))
_COLUMNS = (
    ENTRY.c.id, ENTRY.c.position, WAITLIST.c.location_id, ENTRY.c.offering_id, ENTRY.c.session_id,
    ENTRY.c.window.cast(TEXT), ENTRY.c.customer_id, ENTRY.c.party, _PLACE, ENTRY.c.priority, ENTRY.c.joined_at,
    ENTRY.c.sequence, _SKIPS, ENTRY.c.until, ENTRY.c.card_on_file, ENTRY.c.status, ENTRY.c.offered.cast(TEXT),
    ENTRY.c.expires_at, ENTRY.c.booking_id, ENTRY.c.kept.cast(TEXT), ENTRY.c.kept_until,
)  # fmt: skip


def _entry(
    id: UUID, position: int, location_id: UUID, offering_id: UUID, session_id: UUID | None, window: str | None,
    customer_id: UUID | None, party: int, place: int, priority: int, joined_at: datetime, sequence: int, skips: int,
    until: datetime, card_on_file: bool, status: Status, offered: str, expires_at: datetime | None,
    booking_id: UUID | None, kept: str, kept_until: datetime | None, steps: str = "[]",
) -> EntryAsItStands:  # fmt: skip
    return EntryAsItStands(
        id, position, location_id, offering_id, session_id, None if window is None else _window(window), customer_id,
        party, place if status in WAITING else None, priority, joined_at, sequence, skips, until, card_on_file, status,
        _pieces(offered), expires_at, booking_id, _pieces(kept), kept_until, _steps(steps),
    )  # fmt: skip


_BY_ID: Any = (
    select(*_COLUMNS, _STEPS)
    .select_from(_HERE)
    .where(ENTRY.c.tenant == bindparam("tenant"), ENTRY.c.id == bindparam("id"))
)
THE_ENTRY = compiled(_BY_ID)
THE_OWN_ENTRY = compiled(_BY_ID.where(mine(ENTRY.c.customer_id)))


@compiling
def _who_waits(given: frozenset[str]) -> Any:
    statement: Any = select(*_COLUMNS).select_from(_HERE).where(ENTRY.c.tenant == bindparam("tenant"), _ALIVE)
    for name in sorted(given - {"own"}):
        statement = statement.where(ENTRY.c[name] == bindparam(name))
    if "own" in given:
        statement = statement.where(mine(ENTRY.c.customer_id))
    order = (ENTRY.c.priority, ENTRY.c.joined_at, ENTRY.c.sequence, ENTRY.c.id)
    return statement.order_by(*order).limit(bindparam("limit"))


class Queue(View):
    name: ClassVar[str] = "queue"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (WAITLIST, ENTRY, STEP)

    # learning

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    # answering

    def answers(self) -> Mapping[type[Query], Answer]:
        return {WhoWaits: self.who_waits, TheEntry: self.the_entry}

    def who_waits(self, query: WhoWaits, occasion: Occasion, scope: Scope) -> Asked:
        given: dict[str, Any] = {}
        if query.location_id is not None:
            given["waitlist_id"] = waitlist_of(query.location_id)
        if query.offering_id is not None:
            given["offering_id"] = query.offering_id
        if query.session_id is not None:
            given["session_id"] = query.session_id
        if scope == "own":
            given["own"] = own(occasion)
        statement = _who_waits(frozenset(given))
        values = {**given, "tenant": occasion.tenant, "limit": bounded(query.limit, MOST_ENTRIES)}
        return Asked(statement.text, statement.asked(values), many(_entry))

    def the_entry(self, query: TheEntry, occasion: Occasion, scope: Scope) -> Asked:
        statement = THE_OWN_ENTRY if scope == "own" else THE_ENTRY
        values = {"tenant": occasion.tenant, "id": query.entry_id, "own": own(occasion)}
        return Asked(statement.text, statement.asked(values), one(_entry, UnknownEntry))


# what each fact does


def _opened(recorded: RecordedEvent, fact: events.WaitlistOpened) -> Sequence[Change]:
    return (Put(WAITLIST, {"tenant": recorded.tenant, "id": recorded.stream, "location_id": fact.location_id}),)


def _joined(recorded: RecordedEvent, fact: events.WaitlistJoined) -> Sequence[Change]:
    row = {
        "tenant": recorded.tenant, "id": fact.entry_id, "position": recorded.position, "waitlist_id": recorded.stream,
        "offering_id": fact.offering_id, "session_id": fact.session_id, "window": fact.window,
        "customer_id": fact.customer_id, "party": fact.party, "priority": fact.priority, "joined_at": fact.joined_at,
        "sequence": fact.sequence, "until": fact.until, "card_on_file": fact.card_on_file, "status": "waiting",
        "offered": (), "expires_at": None, "booking_id": None, "kept": (), "kept_until": None,
        "since": recorded.position,
    }  # fmt: skip
    return (Put(ENTRY, row), _step(recorded, fact.entry_id, "joined"))


def _skipped(recorded: RecordedEvent, fact: events.WaitlistSkipped) -> Sequence[Change]:
    more = {"in_favour_of": fact.in_favour_of, "booking_id": fact.booking_id}
    return (_changed(recorded, fact.entry_id), _step(recorded, fact.entry_id, "skipped", **more))


def _barred(recorded: RecordedEvent, fact: events.WaitlistBarred) -> Sequence[Change]:
    more = {"in_favour_of": fact.in_favour_of, "reasons": fact.reasons, "rules": fact.rules}
    return (_changed(recorded, fact.entry_id), _step(recorded, fact.entry_id, "barred", **more))


def _offered(recorded: RecordedEvent, fact: events.WaitlistOfferMade) -> Sequence[Change]:
    values = {"offered": fact.pieces, "expires_at": fact.expires_at, "booking_id": fact.booking_id}
    more = {"pieces": fact.pieces, "until": fact.expires_at, "booking_id": fact.booking_id}
    return (
        _changed(recorded, fact.entry_id, status="offered", **values),
        _step(recorded, fact.entry_id, "offer_made", **more),
    )


def _accepted(recorded: RecordedEvent, fact: events.WaitlistOfferAccepted) -> Sequence[Change]:
    changed = _changed(recorded, fact.entry_id, status="accepted", expires_at=None, booking_id=fact.booking_id)
    return (changed, _step(recorded, fact.entry_id, "offer_accepted", booking_id=fact.booking_id))


def _expired(recorded: RecordedEvent, fact: events.WaitlistOfferExpired) -> Sequence[Change]:
    values: dict[str, Any] = {"status": "expired" if fact.then == "left" else "waiting", "expires_at": None}
    if fact.then != "left":
        values |= {"offered": (), "booking_id": None}
    if fact.then == "to_end":
        values |= {"joined_at": fact.joined_at, "sequence": fact.sequence, "since": recorded.position}
    return (
        _changed(recorded, fact.entry_id, **values),
        _step(recorded, fact.entry_id, "offer_expired", then=fact.then),
    )


def _earmarked(recorded: RecordedEvent, fact: events.WaitlistEarmarked) -> Sequence[Change]:
    return (
        _changed(recorded, fact.entry_id, kept=fact.pieces, kept_until=fact.ends_at),
        _step(recorded, fact.entry_id, "earmarked", pieces=fact.pieces, until=fact.ends_at),
    )


def _released(recorded: RecordedEvent, fact: events.WaitlistEarmarkReleased) -> Sequence[Change]:
    return (
        _changed(recorded, fact.entry_id, kept=(), kept_until=None),
        _step(recorded, fact.entry_id, "earmark_released", cause=fact.cause, pieces=fact.pieces),
    )


def _over(status: Status, what: What) -> Callable[[RecordedEvent, Any], Sequence[Change]]:
    return lambda recorded, fact: (
        _changed(recorded, fact.entry_id, status=status, expires_at=None),
        _step(recorded, fact.entry_id, what),
    )


def _changed(recorded: RecordedEvent, entry_id: UUID, **values: Any) -> Set:
    return Set(ENTRY, (recorded.tenant, entry_id), {"position": recorded.position, **values})


def _step(recorded: RecordedEvent, entry_id: UUID, what: What, **more: Any) -> Put:
    step = Step(at=recorded.occurred_at, what=what, walk=recorded.envelope.command_id, **more)
    row = {"tenant": recorded.tenant, "entry_id": entry_id, "position": recorded.position, "what": what, "step": step}
    return Put(STEP, row)


LEARNS: dict[type[Event], Callable[[RecordedEvent, Any], Sequence[Change]]] = {
    events.WaitlistOpened: _opened,
    events.WaitlistJoined: _joined,
    events.WaitlistSkipped: _skipped,
    events.WaitlistBarred: _barred,
    events.WaitlistOfferMade: _offered,
    events.WaitlistOfferAccepted: _accepted,
    events.WaitlistOfferDeclined: _over("declined", "offer_declined"),
    events.WaitlistOfferExpired: _expired,
    events.WaitlistEarmarked: _earmarked,
    events.WaitlistEarmarkReleased: _released,
    events.WaitlistLeft: _over("left", "left"),
    events.WaitlistLapsed: _over("lapsed", "lapsed"),
}
