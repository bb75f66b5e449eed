"""Recurring series: one row for each as it stands, and one for each occurrence with what became of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Table,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import BIGINT, JSONB, TEXT, TIMESTAMP

from application.booking.series_queries import OccurrencesOfSeries, TheSeries
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain.booking import events, series_events
from domain.booking.booking import STATUS_AFTER
from domain.booking.events import Item
from domain.booking.series import occurrence_id
from domain.booking.series_errors import UnknownSeries
from domain.booking.series_events import Patch, Placed, Template
from domain.event import Event
from projections.mine import BESIDE, mine
from projections.view import (
    TABLES,
    Answer,
    Asked,
    Change,
    Put,
    Remove,
    Row,
    Set,
    View,
    bounded,
    compiled,
    compiling,
    one,
    own,
    page,
)  # fmt: skip

MOMENT = TIMESTAMP(timezone=True)
MOST_ROWS = 500

SERIES = Table(
    "series", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("version", BIGINT, nullable=False),
    Column("position", BIGINT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("location_id", Uuid, nullable=False),
    Column("customer_id", Uuid),
    Column("zone", TEXT, nullable=False),
    Column("start", TEXT, nullable=False),
    Column("rule", TEXT),
    Column("rdates", JSONB, nullable=False),
    Column("gap_policy", TEXT, nullable=False),
    Column("strategy", TEXT, nullable=False),
    Column("template", JSONB, nullable=False),
    Column("through", TEXT),
    Column("ends_before", TEXT),
    Column("continues", Uuid),
    Column("continued_by", Uuid),
    # Who made it pass over notice, horizon and grid, and why.
    Column("override", JSONB),
    # Why one without an end does not go on, as long as it does not.
    Column("stopped", JSONB),
    Index("series_customer", "tenant", "customer_id", "id"),
)  # fmt: skip

# What the series says of single times: left out, excluded, with something of their own, changed from one on.
SAID = Table(
    "series_said", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("series_id", Uuid, primary_key=True),
    Column("recurrence_id", TEXT, primary_key=True),
    Column("what", TEXT, primary_key=True),
    Column("value", JSONB, nullable=False),
)  # fmt: skip

# Those that are booked, by their bookings.
OCCURRENCE = Table(
    "series_occurrence", TABLES,
    Column("tenant", Uuid, primary_key=True),
    Column("booking_id", Uuid, primary_key=True),
    Column("series_id", Uuid, nullable=False),
    Column("recurrence_id", TEXT, nullable=False),
    Column("status", TEXT),
    Column("starts_at", MOMENT),
    Column("ends_at", MOMENT),
    Index("series_occurrence_series", "tenant", "series_id", "recurrence_id"),
)  # fmt: skip


class Change_(Struct, frozen=True):  # noqa: N801  # `Change` is the view's word
    """From an occurrence on something is otherwise."""

    since: str
    patch: Patch
    stays: tuple[str, ...]


class Authority(Struct, frozen=True):
    """On whose word something was allowed that the rules refuse."""

    by: str
    why: str | None


class Stopped(Struct, frozen=True):
    """A series without an end that cannot go on."""

    code: str
    reasons: tuple[str, ...]
    at: datetime
    """When it was last refused."""
    after: str
    """The last recurrence id that was looked at: those after it are missing."""
    until: str
    """Up to where it was to go."""
    attempt: int
    again_at: datetime


class SeriesAsItStands(Struct, frozen=True):
    id: UUID
    version: int
    position: int
    status: str
    location_id: UUID
    customer_id: UUID | None
    zone: str
    start: str
    rule: str | None
    rdates: tuple[str, ...]
    gap_policy: str
    strategy: str
    template: Template
    through: str | None
    """The last recurrence id up to which it has been booked."""
    continues: UUID | None
    continued_by: UUID | None
    excluded: tuple[str, ...]
    overrides: dict[str, Patch]
    changes: tuple[Change_, ...]
    override: Authority | None
    stopped: Stopped | None


class Occurrence(Struct, frozen=True):
    recurrence_id: str
    booking_id: UUID | None
    status: str
    """The booking's; or skipped, waitlisted, excluded."""
    starts_at: datetime | None
    ends_at: datetime | None
    waits: bool | None
    """It could not be had, or not be moved to where it should be; true: somebody waits for it."""
    reasons: tuple[str, ...]


class _Missing(Struct):
    waits: bool
    reasons: tuple[str, ...]


class _Changed(Struct):
    patch: Patch
    stays: tuple[str, ...]


_template = msgspec.json.Decoder(Template).decode
_dates = msgspec.json.Decoder(tuple[str, ...]).decode
_said = msgspec.json.Decoder(list[tuple[str, str, msgspec.Raw]]).decode
_missing = msgspec.json.Decoder(_Missing).decode
_override = msgspec.json.Decoder(Authority).decode
_stopped = msgspec.json.Decoder(Stopped).decode


def _series(
    id: UUID, version: int, position: int, status: str, location_id: UUID, customer_id: UUID | None, zone: str,
    start: str, rule: str | None, rdates: str, gap_policy: str, strategy: str, template: str, through: str | None,
    ends_before: str | None, continues: UUID | None, continued_by: UUID | None, override: str | None,
    stopped: str | None, said: str,
) -> SeriesAsItStands:  # fmt: skip
    stands = sorted(
        ((at, what, value) for at, what, value in _said(said) if ends_before is None or at < ends_before),
        key=lambda it: it[:2],
    )
    changed = [
        (at, msgspec.json.decode(value, type=_Changed))
        for at, what, value in sorted(stands, key=lambda it: it[1])
        if what.startswith("changed")
    ]
    return SeriesAsItStands(
        id, version, position, status, location_id, customer_id, zone, start, rule, _dates(rdates), gap_policy,
        strategy, _template(template), through, continues, continued_by,
        tuple(at for at, what, _ in stands if what == "excluded"),
        {at: msgspec.json.decode(value, type=Patch) for at, what, value in stands if what == "own"},
        tuple(Change_(at, it.patch, it.stays) for at, it in changed),
        None if override is None else _override(override), None if stopped is None else _stopped(stopped),
    )  # fmt: skip


def _occurrence(
    recurrence_id: str, booking_id: UUID | None, status: str | None, starts_at: datetime | None,
    ends_at: datetime | None, missing: str | None, excluded: bool,
) -> Occurrence:  # fmt: skip
    why = None if missing is None or excluded else _missing(missing)
    if status is None:
        status = "excluded" if excluded else "waitlisted" if why is not None and why.waits else "skipped"
    return Occurrence(
        recurrence_id, booking_id, status, starts_at, ends_at, None if why is None else why.waits,
        () if why is None else why.reasons,
    )  # fmt: skip


_about = (
    select(func.coalesce(func.jsonb_agg(func.jsonb_build_array(SAID.c.recurrence_id, SAID.c.what, SAID.c.value)),
                         literal_column("'[]'::jsonb")).cast(TEXT))
    .where(SAID.c.tenant == SERIES.c.tenant, SAID.c.series_id == SERIES.c.id,
           SAID.c.what != literal_column("'missing'"))
    .scalar_subquery()
)  # fmt: skip
_BY_ID = select(
    SERIES.c.id, SERIES.c.version, SERIES.c.position, SERIES.c.status, SERIES.c.location_id, SERIES.c.customer_id,
    SERIES.c.zone, SERIES.c.start, SERIES.c.rule, SERIES.c.rdates.cast(TEXT), SERIES.c.gap_policy, SERIES.c.strategy,
    SERIES.c.template.cast(TEXT), SERIES.c.through, SERIES.c.ends_before, SERIES.c.continues, SERIES.c.continued_by,
    SERIES.c.override.cast(TEXT), SERIES.c.stopped.cast(TEXT), _about,
).where(SERIES.c.tenant == bindparam("tenant"), SERIES.c.id == bindparam("id"))  # fmt: skip
THE_SERIES = compiled(_BY_ID, "tenant", "id").text
THE_OWN_SERIES = compiled(_BY_ID.where(mine(SERIES.c.customer_id)))
_THE_SERIES = one(_series, UnknownSeries)


@compiling
def _occurrences(given: frozenset[str]) -> Any:
    """Those that are booked, with what could not be done about them; and those that are not."""
    missing = SAID.alias("missing")
    of_it = and_(
        missing.c.tenant == OCCURRENCE.c.tenant,
        missing.c.series_id == OCCURRENCE.c.series_id,
        missing.c.recurrence_id == OCCURRENCE.c.recurrence_id,
        missing.c.what == literal_column("'missing'"),
    )
    booked = (
        select(
            OCCURRENCE.c.recurrence_id, OCCURRENCE.c.booking_id, OCCURRENCE.c.status, OCCURRENCE.c.starts_at,
            OCCURRENCE.c.ends_at, missing.c.value.cast(TEXT).label("missing"),
            literal_column("false", Boolean).label("excluded"),
        )
        .select_from(OCCURRENCE.outerjoin(missing, of_it))
        .where(OCCURRENCE.c.tenant == bindparam("tenant"), OCCURRENCE.c.series_id == bindparam("series_id"))
    )  # fmt: skip
    there = and_(
        OCCURRENCE.c.tenant == SAID.c.tenant,
        OCCURRENCE.c.series_id == SAID.c.series_id,
        OCCURRENCE.c.recurrence_id == SAID.c.recurrence_id,
    )
    not_booked = select(
        SAID.c.recurrence_id, literal_column("NULL::uuid", Uuid), literal_column("NULL::text", TEXT),
        literal_column("NULL::timestamptz", MOMENT), literal_column("NULL::timestamptz", MOMENT),
        SAID.c.value.cast(TEXT), SAID.c.what == literal_column("'excluded'"),
    ).where(
        SAID.c.tenant == bindparam("tenant"), SAID.c.series_id == bindparam("series_id"),
        SAID.c.what.in_([literal_column("'missing'"), literal_column("'excluded'")]), ~exists().where(there),
        exists().where(SERIES.c.tenant == SAID.c.tenant, SERIES.c.id == SAID.c.series_id,
                       or_(SERIES.c.ends_before.is_(None), SAID.c.recurrence_id < SERIES.c.ends_before)),
    )  # fmt: skip
    every = union_all(booked, not_booked).subquery("every")
    statement = select(*every.c)
    if "own" in given:
        statement = statement.where(
            exists().where(
                SERIES.c.tenant == bindparam("tenant"), SERIES.c.id == bindparam("series_id"),
                mine(SERIES.c.customer_id),
            )
        )  # fmt: skip
    if "after" in given:
        statement = statement.where(every.c.recurrence_id > bindparam("after"))
    return statement.order_by(every.c.recurrence_id).limit(bindparam("limit"))


class SeriesOfBookings(View):
    name: ClassVar[str] = "series"
    beside: ClassVar[tuple[str, ...]] = BESIDE
    tables: ClassVar[tuple[Table, ...]] = (SERIES, SAID, OCCURRENCE)

    # learning

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        learn = LEARNS.get(type(recorded.fact))
        return () if learn is None else learn(recorded, recorded.fact)

    # answering

    def answers(self) -> Mapping[type[Query], Answer]:
        return {TheSeries: self.the_series, OccurrencesOfSeries: self.occurrences_of_series}

    def the_series(self, query: TheSeries, occasion: Occasion, scope: Scope) -> Asked:
        if scope == "own":
            values = {"tenant": occasion.tenant, "id": query.series_id, "own": own(occasion)}
            return Asked(THE_OWN_SERIES.text, THE_OWN_SERIES.asked(values), _THE_SERIES)
        return Asked(THE_SERIES, (occasion.tenant, query.series_id), _THE_SERIES)

    def occurrences_of_series(self, query: OccurrencesOfSeries, occasion: Occasion, scope: Scope) -> Asked:
        limit = bounded(query.limit, MOST_ROWS)
        given: Row = {}
        if scope == "own":
            given["own"] = own(occasion)
        if query.after is not None:
            given["after"] = query.after.isoformat()
        statement = _occurrences(frozenset(given))
        values = {**given, "tenant": occasion.tenant, "series_id": query.series_id, "limit": limit + 1}
        shape = page(_occurrence, limit, lambda row: row.recurrence_id)
        return Asked(statement.text, statement.asked(values), shape)


# what each fact does


def _created(recorded: RecordedEvent, fact: series_events.SeriesCreated) -> Sequence[Change]:
    envelope = recorded.envelope
    row: Row = {
        "tenant": recorded.tenant, "id": recorded.stream, "version": recorded.version, "position": recorded.position,
        "status": "open", "location_id": fact.location_id, "customer_id": fact.customer_id, "zone": fact.zone,
        "start": fact.start.isoformat(), "rule": fact.rule, "rdates": [at.isoformat() for at in fact.rdates],
        "gap_policy": fact.gap_policy, "strategy": fact.strategy, "template": fact.template, "through": None,
        "ends_before": None, "continues": fact.continues, "continued_by": None,
        "override": Authority(envelope.actor.id, envelope.reason) if fact.override else None, "stopped": None,
    }  # fmt: skip
    return (Put(SERIES, row), *(_say(recorded, at, "excluded", True) for at in fact.exdates))


def _extended(recorded: RecordedEvent, fact: series_events.SeriesExtended) -> Sequence[Change]:
    goes_on: Row = {"through": fact.through.isoformat(), "stopped": None}
    return (_stands(recorded, goes_on), *(_placed(recorded, it) for it in fact.placed))


def _refused(recorded: RecordedEvent, fact: series_events.SeriesExtensionRefused) -> Sequence[Change]:
    stopped = Stopped(
        fact.code, fact.reasons, recorded.occurred_at, fact.after.isoformat(), fact.until.isoformat(), fact.attempt,
        fact.again_at,
    )  # fmt: skip
    return (_stands(recorded, {"stopped": stopped}),)


def _placed(recorded: RecordedEvent, placed: Placed) -> Put:
    at = placed.recurrence_id
    row = {
        "tenant": recorded.tenant, "booking_id": placed.booking_id or occurrence_id(recorded.stream, at),
        "series_id": recorded.stream, "recurrence_id": at.isoformat(), "status": None, "starts_at": None,
        "ends_at": None,
    }  # fmt: skip
    return Put(OCCURRENCE, row, keep=("status", "starts_at", "ends_at"))


def _skipped(recorded: RecordedEvent, fact: series_events.OccurrenceSkipped) -> Sequence[Change]:
    missing = _Missing(False, fact.reasons)
    return (_stands(recorded), _say(recorded, fact.recurrence_id, "missing", missing))


def _waitlisted(recorded: RecordedEvent, fact: series_events.OccurrenceWaitlisted) -> Sequence[Change]:
    missing = _Missing(True, fact.reasons)
    return (_stands(recorded), _say(recorded, fact.recurrence_id, "missing", missing))


def _retried(recorded: RecordedEvent, fact: series_events.OccurrenceRetried) -> Sequence[Change]:
    return (_stands(recorded), _unsay(recorded, fact.recurrence_id, "missing"))


def _overridden(recorded: RecordedEvent, fact: series_events.OccurrenceOverridden) -> Sequence[Change]:
    return (_stands(recorded), _say(recorded, fact.recurrence_id, "own", fact.patch))


def _excluded(recorded: RecordedEvent, fact: series_events.OccurrenceExcluded) -> Sequence[Change]:
    return (
        _stands(recorded),
        _say(recorded, fact.recurrence_id, "excluded", True),
        _unsay(recorded, fact.recurrence_id, "missing"),
        _unsay(recorded, fact.recurrence_id, "own"),
    )


def _changed(recorded: RecordedEvent, fact: series_events.SeriesChanged) -> Sequence[Change]:
    # Several from the same occurrence on are told apart by the version, which keeps their order.
    said = _Changed(fact.patch, tuple(at.isoformat() for at in fact.stays))
    return (_stands(recorded), _say(recorded, fact.since, f"changed.{recorded.version:010}", said))


def _split(recorded: RecordedEvent, fact: series_events.SeriesSplit) -> Sequence[Change]:
    values = {"status": "continued", "continued_by": fact.continued_by}
    return (_stands(recorded, {**values, **_end(fact)}),)


def _ended(recorded: RecordedEvent, fact: series_events.SeriesEnded) -> Sequence[Change]:
    return (_stands(recorded, {"status": "ended", **_end(fact)}),)


def _end(fact: series_events.SeriesSplit | series_events.SeriesEnded) -> Row:
    ends_before, start = fact.ends_before.isoformat(), fact.start.isoformat()
    return {"ends_before": ends_before, "start": start, "rule": fact.rule, "stopped": None}


def _stands(recorded: RecordedEvent, values: Row | None = None) -> Set:
    row = {"version": recorded.version, "position": recorded.position, **(values or {})}
    return Set(SERIES, (recorded.tenant, recorded.stream), row)


def _say(recorded: RecordedEvent, at: datetime, what: str, value: Any) -> Put:
    row = {
        "tenant": recorded.tenant, "series_id": recorded.stream, "recurrence_id": at.isoformat(), "what": what,
        "value": value,
    }  # fmt: skip
    return Put(SAID, row)


def _unsay(recorded: RecordedEvent, at: datetime, what: str) -> Remove:
    return Remove(SAID, (recorded.tenant, recorded.stream, at.isoformat(), what))


def _held(recorded: RecordedEvent, fact: events.BookingHeld) -> Sequence[Change]:
    if fact.series_id is None or fact.recurrence_id is None:
        return ()
    row = {
        "tenant": recorded.tenant, "booking_id": recorded.stream, "series_id": fact.series_id,
        "recurrence_id": fact.recurrence_id, "status": "held", **_when(fact.items),
    }  # fmt: skip
    return (Put(OCCURRENCE, row),)


def _moved(recorded: RecordedEvent, fact: Any) -> Sequence[Change]:
    status = STATUS_AFTER.get(type(fact)) or getattr(fact, "to", None)
    return (_booked(recorded, {**_when(fact.items or ()), **({} if status is None else {"status": status})}),)


def _turns(recorded: RecordedEvent, fact: Any) -> Sequence[Change]:
    return (_booked(recorded, {"status": STATUS_AFTER.get(type(fact)) or fact.to}),)


def _booked(recorded: RecordedEvent, values: Row) -> Set:
    """What becomes of a booking; of one that is no occurrence there is no row."""
    return Set(OCCURRENCE, (recorded.tenant, recorded.stream), values)


def _when(items: Sequence[Item]) -> Row:
    if not items:
        return {}
    return {"starts_at": min(item.starts_at for item in items), "ends_at": max(item.ends_at for item in items)}


LEARNS: dict[type[Event], Callable[[RecordedEvent, Any], Sequence[Change]]] = {
    **dict.fromkeys(STATUS_AFTER, _turns),
    events.BookingHeld: _held,
    events.BookingNoShowReversed: _turns,
    events.BookingRescheduled: _moved,
    events.BookingReassigned: _moved,
    events.BookingReanchored: _moved,
    events.BookingCheckedOut: _moved,
    events.BookingApproved: _moved,
    events.BookingHoldReacquired: _moved,
    events.BookingCancellationReversed: _moved,
    series_events.SeriesCreated: _created,
    series_events.SeriesExtended: _extended,
    series_events.SeriesExtensionRefused: _refused,
    series_events.OccurrenceSkipped: _skipped,
    series_events.OccurrenceWaitlisted: _waitlisted,
    series_events.OccurrenceRetried: _retried,
    series_events.OccurrenceOverridden: _overridden,
    series_events.OccurrenceExcluded: _excluded,
    series_events.SeriesChanged: _changed,
    series_events.SeriesSplit: _split,
    series_events.SeriesEnded: _ended,
}
