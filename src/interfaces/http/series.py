"""Recurring series, in the manner of JSCalendar (RFC 8984): local start, zone, duration, rule, and patches by date."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, get, patch, post
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct, convert
from msgspec.structs import replace
from uuid_utils.compat import uuid7

from application.booking.queries import MOST_ROWS
from application.booking.series import CreateSeries, PreviewSeries
from application.booking.series_edits import EditSeries, Keeping
from application.booking.series_extent import CancelSeries, RetrySkipped
from application.booking.series_queries import HistoryOfSeries, OccurrencesOfSeries, TheSeries
from application.message import Occasion
from application.resource.queries import Catalogue, TheResource
from domain.booking.events import CancelledBy
from domain.booking.series import Reach, moved
from domain.booking.series import patched as patched_with
from domain.booking.series_errors import OneOfTheTwo, UnknownSeries
from domain.booking.series_events import GapPolicy, Part, Patch, Shift, Strategy, Template
from domain.resource.errors import UnknownResource
from interfaces.http.asked import (
    DAY,
    Asked,
    CursorText,
    Limit,
    Page,
    PositionText,
    Reading,
    Reason,
    Reply,
    Written,
    after,
    cursor,
    etag,
    moment,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.booking import By, Happened
from interfaces.http.errors import FORMS
from interfaces.http.schema import says

LOCAL = f"{DAY[:-1]}T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
CLOCK = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
FORMS |= {
    LOCAL: "A local time is written 2027-03-14T09:30, without an offset, and lies between 1970 and 2199.",
    CLOCK: "A time of day is written 09:30.",
}
Local = Annotated[str, Meta(pattern=LOCAL, description="What a clock at the location shows.")]
Clock = Annotated[str, Meta(pattern=CLOCK, description="A time of day on the location's wall.")]
Minutes = Annotated[int, Meta(ge=1, le=576_000)]
Units = Annotated[int, Meta(ge=1, le=10_000)]
RuleText = Annotated[
    str,
    Meta(min_length=6, max_length=4000, description="An RRULE of RFC 5545, such as FREQ=WEEKLY;BYDAY=TU;COUNT=10."),
]
Dates = Annotated[tuple[Local, ...], Meta(max_length=1000)]


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    resource_id: UUID
    units: Units = 1


# What is sent


class NewSeries(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An offering, or resources by name and for how long."""

    location_id: UUID
    start: Local
    rule: RuleText | None = None
    """Without one, the start and the dates in `also` are all."""
    also: Dates = ()
    """Dates added (RDATE)."""
    excluded: Dates = ()
    """Dates taken out (EXDATE)."""
    gap_policy: GapPolicy = "shift"
    """What becomes of a time that the clocks skip: it is shifted by the gap, or left out."""
    offering_id: UUID | None = None
    resource_ids: Annotated[tuple[UUID, ...], Meta(max_length=50)] = ()
    """Of the offering's candidates only these will do."""
    resources: Annotated[tuple[Wanted, ...], Meta(max_length=50)] = ()
    minutes: Minutes | None = None
    party_size: Units | None = None
    customer_id: UUID | None = None
    strategy: Strategy = "fail"
    """What becomes of occurrences that cannot be booked."""
    override: bool = False
    """Staff pass over notice, horizon and grid, and give a reason."""
    reason: Reason | None = None


class Edit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be otherwise; what is not named stays as it is."""

    start: Local | None = None
    """The new local start of this occurrence, or of the first of those that follow; they move by as many days."""
    at: Clock | None = None
    """The new time of day, for `all` and `following`."""
    rule: RuleText | None = None
    """Another rule from here on, for `following`."""
    minutes: Minutes | None = None
    party_size: Units | None = None
    resources: Annotated[tuple[Wanted, ...], Meta(min_length=1, max_length=50)] | None = None
    resource_ids: Annotated[tuple[UUID, ...], Meta(max_length=50)] | None = None
    strategy: Strategy = "fail"
    overrides: Keeping = "drop"
    """For `following`: what later occurrences have of their own is dropped, or goes with them by their order."""
    override: bool = False
    """Staff pass over notice, horizon and grid, and give a reason."""
    reason: Reason | None = None


class EditToSee(Edit, frozen=True, forbid_unknown_fields=True, kw_only=True):
    series_id: UUID
    scope: Reach
    recurrence_id: Local | None = None


class ToSee(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the two."""

    create: NewSeries | None = None
    edit: EditToSee | None = None


class Which(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    scope: Reach = "all"
    recurrence_id: Local | None = None
    """Which occurrence, or from which on, by the local start that the series gave it."""


class Again(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    recurrence_ids: Annotated[tuple[Local, ...], Meta(max_length=400)] = ()
    """None: all that were skipped."""
    reason: Reason | None = None


class Cancelling(Which, frozen=True, forbid_unknown_fields=True, kw_only=True):
    by: CancelledBy = "venue"
    reason: Reason | None = None


class Following(Reading, frozen=True, forbid_unknown_fields=True, kw_only=True):
    limit: Limit = 100
    cursor: CursorText | None = None


# What is answered


class Made(Written, frozen=True, omit_defaults=True, kw_only=True):
    """What a write made of the series."""

    status: Literal["open", "continued", "ended"]
    booked: int = 0
    """Occurrences that were booked or moved."""
    skipped: tuple[dict[str, Any], ...] = ()
    """Those that were not, with the codes of the reasons."""
    cancelled: int = 0
    continued_by: UUID | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """What the command would do, as things stand."""

    occurrences: Sequence[dict[str, Any]]
    """Each with its verdict: `free`, with what it would get; or `conflict`, with every reason and what could be had
    instead."""
    left: Sequence[dict[str, Any]]
    """Occurrences that stay as they are, would be cancelled, or would lose what they have of their own."""
    strategy: Strategy
    booked: int
    """How many would be booked under this strategy."""
    conflicts: int


class Authority(Struct, frozen=True):
    """On whose word it passed over notice, horizon and grid."""

    by: str
    why: str | None


class Stopped(Struct, frozen=True):
    """Why a series without an end does not go on. It is tried again by itself."""

    code: str
    """Of the refusal, as in its problem's `code`."""
    reasons: tuple[str, ...]
    at: datetime
    """When it was last refused."""
    after: str
    """The last occurrence that was looked at, by its recurrence id: those after it are missing."""
    until: str
    """Up to where it was to go."""
    attempt: int
    again_at: datetime


class Series(Struct, frozen=True, rename={"type_": "@type"}):
    """A series as it stands. `recurrenceOverrides` are patches by recurrence id; `{"excluded": true}` takes one out."""

    type_: Literal["Event"]
    id: UUID
    version: int
    status: Literal["open", "continued", "ended"]
    location_id: UUID
    customer_id: UUID | None
    start: str
    timeZone: str  # noqa: N815  # RFC 8984's name
    duration: str | None
    """None: as long as the offering lasts for the party."""
    rule: str | None
    also: tuple[str, ...]
    recurrenceOverrides: dict[str, dict[str, Any]]  # noqa: N815
    changes: tuple[dict[str, Any], ...]
    """From which occurrence on something is otherwise."""
    gap_policy: GapPolicy
    strategy: Strategy
    offering_id: UUID | None
    resource_ids: tuple[UUID, ...]
    resources: tuple[Part, ...]
    party_size: int | None
    booked_through: str | None
    continues: UUID | None
    continued_by: UUID | None
    override: Authority | None
    """Told to staff alone."""
    stopped: Stopped | None
    """Why it does not go on, as long as it does not."""
    position: PositionText


class Occurrence(Struct, frozen=True):
    recurrence_id: str
    booking_id: UUID | None
    status: str
    starts_at: datetime | None
    ends_at: datetime | None
    waits: bool | None
    """It could not be had, or not be moved to where it should be; true: somebody waits for it."""
    reasons: tuple[str, ...]


MOST_BESIDE = 20
"""Resources, by name the first of a kind, among which others are suggested."""
NEW_SERIES = {
    "location_id": "0197a3f0-0000-7000-8000-000000000001",
    "start": "2027-03-02T09:00",
    "rule": "FREQ=WEEKLY;COUNT=4",
    "resources": [{"resource_id": "0197a3f0-0000-7000-8000-000000000002"}],
    "minutes": 60,
    "strategy": "skip",
}


class RecurringSeries(Controller):
    path = "/series"
    tags = ("series",)

    @post(
        opt=says(takes=NewSeries, gives=Made, status=201, writes=True, makes=True, etag=True, example=NEW_SERIES),
    )
    async def create_series(self, request: Asked, body: RawBody) -> Reply:
        """Book something again and again. All occurrences are booked in one transaction, or, as the strategy says, all
        but those that cannot be; at most 400 of them, within 24 months of the start. A rule without an end goes on by
        itself."""
        wish = request.wish(body, NewSeries)
        occasion = request.writing(wish.reason)
        command = creating(wish, new_id(occasion, "series"))
        if command.strategy == "suggest":
            occasion = await suggesting(request, occasion, command.template)
        answer = await sync_to_thread(request.carry_out, command, occasion)
        return written(answer, location=f"/api/v1/series/{command.series_id}")

    @post(
        "/preview",
        status_code=200,
        opt=says(takes=ToSee, gives=Seen, example={"create": NEW_SERIES}, codes=(408, 409, 413, 415, 422)),
    )
    async def preview_series(self, request: Asked, body: RawBody) -> Reply:
        """Look before you book: the same as creating or editing would do, and nothing is recorded."""
        wish = request.wish(body, ToSee)
        if (wish.create is None) == (wish.edit is None):
            raise OneOfTheTwo(fields=["create", "edit"])
        command: CreateSeries | EditSeries
        if wish.create is not None:
            command, reason = creating(wish.create, uuid7()), wish.create.reason
        else:
            assert wish.edit is not None
            edit, reason = wish.edit, wish.edit.reason
            command = editing(edit, edit.series_id, edit.scope, edit.recurrence_id, uuid7())
        occasion = await suggesting(request, fleeting(request.writing(reason)), await template_of(request, command))
        answer = await sync_to_thread(request.carry_out, PreviewSeries(command), occasion)
        return reply(answer.result)

    @get("/{series_id:uuid}", opt=says(gives=Series, query=Reading, etag=True))
    async def the_series(self, request: Asked, series_id: FromPath[UUID]) -> Reply:
        """One series: its start, rule and template, and what single occurrences have of their own."""
        asked = request.parameters(Reading)
        it = await request.ask(TheSeries(series_id), request.reading(asked.min_position))
        return reply(shown(it, request.user.actor.role != "customer"), etag(it.version))

    @get("/{series_id:uuid}/occurrences", opt=says(gives=Page[Occurrence], query=Following))
    async def occurrences_of_series(self, request: Asked, series_id: FromPath[UUID]) -> Reply:
        """Its occurrences in the order of their recurrence ids, with what became of each."""
        asked = request.parameters(Following)
        last = after(asked.cursor, Local)
        occasion = request.reading(asked.min_position)
        await request.ask(TheSeries(series_id), occasion)  # 404 where there is none
        query = OccurrencesOfSeries(series_id, None if last is None else moment(last, "cursor"), asked.limit)
        found = await request.ask(query, occasion)
        rows = [
            Occurrence(it.recurrence_id, it.booking_id, it.status, it.starts_at, it.ends_at, it.waits, it.reasons)
            for it in found.rows
        ]
        return reply(Page(rows, cursor(found.next)))

    @get("/{series_id:uuid}/events", opt=says(gives=Page[Happened], query=Following))
    async def history_of_series(self, request: Asked, series_id: FromPath[UUID]) -> Reply:
        """What happened to a series, event by event; each of its bookings has a history of its own."""
        asked = request.parameters(Following)
        last = after(asked.cursor, Annotated[int, Meta(ge=1, le=2**62)])
        query = HistoryOfSeries(series_id, last or 0, asked.limit)
        found = await request.ask(query, request.reading(asked.min_position))
        own = request.user.actor
        rows = [
            Happened(
                it.version, it.action, it.recorded_at, it.occurred_at,
                By(it.actor.type, it.actor.role, None if own.role == "customer" != it.actor.role else it.actor.id),
                it.channel, it.reason, it.facts, str(it.position),
            )
            for it in found.rows
        ]  # fmt: skip
        return reply(Page(rows, cursor(found.next)))

    @patch(
        "/{series_id:uuid}",
        opt=says(
            takes=Edit, query=Which, gives=Made, writes=True, etag=True, if_match=True,
            example={"at": "10:30", "strategy": "skip"},
        ),
    )  # fmt: skip
    async def edit_series(self, request: Asked, series_id: FromPath[UUID], body: RawBody) -> Reply:
        """Change one occurrence, it and all that follow, or all that have not begun. What is over is never changed. An
        occurrence that cannot be moved stays where it is."""
        wish, which = request.wish(body, Edit), request.parameters(Which)
        occasion = request.writing(wish.reason, request.seen)
        command = editing(wish, series_id, which.scope, which.recurrence_id, new_id(occasion, "series"))
        if command.strategy == "suggest":
            occasion = await suggesting(request, occasion, await template_of(request, command))
        return written(await sync_to_thread(request.carry_out, command, occasion))

    @post(
        "/{series_id:uuid}/retry-skipped",
        status_code=200,
        sync_to_thread=True,
        opt=says(takes=Again, gives=Made, writes=True, etag=True, if_match=True, example={"reason": "court reopened"}),
    )
    def retry_skipped(self, request: Asked, series_id: FromPath[UUID], body: RawBody) -> Reply:
        """Try again to book what had been skipped."""
        wish = request.wish(body, Again)
        again = tuple(moment(at, f"recurrence_ids[{n}]") for n, at in enumerate(wish.recurrence_ids))
        occasion = request.writing(wish.reason, request.seen)
        return written(request.carry_out(RetrySkipped(series_id, again), occasion))

    @post(
        "/{series_id:uuid}/cancellation",
        status_code=200,
        sync_to_thread=True,
        opt=says(
            takes=Cancelling, gives=Made, writes=True, etag=True, if_match=True,
            example={"scope": "following", "recurrence_id": "2027-03-16T09:00"},
        ),
    )  # fmt: skip
    def cancel_series(self, request: Asked, series_id: FromPath[UUID], body: RawBody) -> Reply:
        """One occurrence, it and all that follow, or all that have not begun will not take place."""
        wish = request.wish(body, Cancelling)
        at = None if wish.recurrence_id is None else moment(wish.recurrence_id, "recurrence_id")
        occasion = request.writing(wish.reason, request.seen)
        return written(request.carry_out(CancelSeries(series_id, wish.scope, at, wish.by), occasion))


async def template_of(request: Asked, command: CreateSeries | EditSeries) -> Template:
    """What the occurrences book, as far as it is known; what nobody knows the command will refuse."""
    if isinstance(command, CreateSeries):
        return command.template
    with suppress(UnknownSeries):
        it = await request.ask(TheSeries(command.series_id), request.reading())
        return patched_with(it.template, command.patch)
    return Template()


async def suggesting(request: Asked, occasion: Occasion, template: Template) -> Occasion:
    """The same occasion, which also knows the other resources where those are that the template names."""
    if not template.resources:
        return occasion
    with suppress(UnknownResource):
        first = await request.ask(TheResource(template.resources[0].resource_id), request.reading())
        page = await request.ask(Catalogue(first.location_id, limit=MOST_ROWS), request.reading())
        kinds = {it.kind for it in page.rows if it.id in {part.resource_id for part in template.resources}}
        others = [it.id for it in page.rows if it.kind in kinds and not it.retired]
        return replace(occasion, beside=tuple(others[:MOST_BESIDE]))
    return occasion


def fleeting(occasion: Occasion) -> Occasion:
    """Of a preview nothing is kept, not even under a key."""
    return replace(occasion, keyed=False, command_id=uuid7())


def creating(wish: NewSeries, series_id: UUID) -> CreateSeries:
    parts = tuple(Part(it.resource_id, it.units) for it in wish.resources)
    template = Template(wish.offering_id, parts, wish.resource_ids, wish.minutes, wish.party_size)
    return CreateSeries(
        series_id, wish.location_id, moment(wish.start, "start"), template, wish.rule,
        tuple(moment(at, f"also[{n}]") for n, at in enumerate(wish.also)),
        tuple(moment(at, f"excluded[{n}]") for n, at in enumerate(wish.excluded)),
        wish.gap_policy, wish.strategy, wish.customer_id, wish.override,
    )  # fmt: skip


def editing(wish: Edit, series_id: UUID, scope: Reach, recurrence_id: str | None, continued_by: UUID) -> EditSeries:
    if wish.at is not None and wish.start is not None:
        raise OneOfTheTwo(fields=["at", "start"])
    parts = None if wish.resources is None else tuple(Part(it.resource_id, it.units) for it in wish.resources)
    shift = None if wish.at is None else Shift(time.fromisoformat(wish.at))
    return EditSeries(
        series_id, scope, None if recurrence_id is None else moment(recurrence_id, "recurrence_id"),
        Patch(shift, wish.minutes, wish.party_size, parts, wish.resource_ids),
        None if wish.start is None else moment(wish.start, "start"), wish.rule, wish.strategy, wish.overrides,
        continued_by, wish.override,
    )  # fmt: skip


def shown(it: Any, to_staff: bool) -> Series:
    """A row of the view, as this door shows it."""
    overrides: dict[str, dict[str, Any]] = {at: patched(at, own) for at, own in it.overrides.items()}
    overrides |= {at: {"excluded": True} for at in it.excluded}
    return Series(
        "Event", it.id, it.version, it.status, it.location_id, it.customer_id, it.start, it.zone,
        duration(it.template.minutes), it.rule, it.rdates, dict(sorted(overrides.items())),
        tuple({"since": one.since, "patch": plain(one.patch), "except": one.stays} for one in it.changes),
        it.gap_policy, it.strategy, it.template.offering_id, it.template.resource_ids, it.template.resources,
        it.template.party_size, it.through, it.continues, it.continued_by,
        Authority(it.override.by, it.override.why) if it.override and to_staff else None,
        None if it.stopped is None else convert(it.stopped, Stopped, from_attributes=True), str(it.position),
    )  # fmt: skip


def patched(at: str, own: Patch) -> dict[str, Any]:
    """What an occurrence has of its own: its start as the local time that it is."""
    said = plain(own)
    if own.start is not None:
        said = {"start": moved(datetime.fromisoformat(at), own.start).isoformat()} | said
        del said["at"], said["days"]
    return said


def plain(own: Patch) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if own.start is not None:
        said |= {"at": own.start.at.isoformat(), "days": own.start.days}
    if own.minutes is not None:
        said["duration"] = duration(own.minutes)
    for name in ("party_size", "resources", "resource_ids"):
        if getattr(own, name) is not None:
            said[name] = getattr(own, name)
    return said


def duration(minutes: int | None) -> str | None:
    """ISO 8601. Elapsed time, as all durations: a day would be 24 hours, and is not said."""
    return None if minutes is None else f"PT{minutes}M"
