"""Sessions: fixed occurrences of an offering, with seats."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, patch, post
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct

from application.offering.commands import CallOff, ChangeSeats, ConfirmRun, ScheduleSession
from application.offering.queries import Sessions, TheSession
from domain.offering.session import Status
from interfaces.http.asked import (
    Asked,
    Because,
    Instant,
    Page,
    Paging,
    PositionText,
    Reading,
    Reply,
    When,
    Written,
    after,
    done,
    instant_in_query,
    moment,
    new_id,
    written,
)  # fmt: skip
from interfaces.http.listing import one_of, page_of
from interfaces.http.schema import changes, says

Seats = Annotated[int, Meta(ge=1, le=100_000)]


class NewSession(Struct, frozen=True, forbid_unknown_fields=True):
    offering_id: UUID
    starts_at: When
    ends_at: When
    seats: Seats
    resources: Annotated[tuple[UUID, ...], Meta(max_length=50)] = ()
    """What it occupies meanwhile, one unit each: a room, a coach."""
    min_to_run: Annotated[int, Meta(ge=0, le=100_000)] = 0
    """Seats that must be booked at the cutoff, or it is called off."""
    cutoff_at: When | None = None


class SeatsChange(Struct, frozen=True, forbid_unknown_fields=True):
    seats: Seats


class SessionWritten(Written, frozen=True, omit_defaults=True, kw_only=True):
    status: Status


class SessionShown(Struct, frozen=True):
    id: UUID
    """What its seats are booked on, as units of a resource."""
    version: int
    offering_id: UUID
    location_id: UUID
    starts_at: datetime
    ends_at: datetime
    local_start: str
    zone: str
    seats: int
    resources: tuple[UUID, ...]
    min_to_run: int
    cutoff_at: datetime | None
    status: Status
    position: PositionText


class SessionsOf(
    Paging, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"since": "from", "until": "to"}
):
    offering_id: UUID | None = None
    location_id: UUID | None = None
    since: Instant | None = None
    """Those that start no earlier..."""
    until: Instant | None = None
    """...and before this."""


ByStart = tuple[datetime, UUID]
YOGA = {
    "offering_id": "0197a3f0-0000-7000-8000-000000000031",
    "starts_at": "2027-07-02T18:00",
    "ends_at": "2027-07-02T19:00",
    "seats": 12,
    "resources": ["0197a3f0-0000-7000-8000-000000000041"],
    "min_to_run": 4,
    "cutoff_at": "2027-07-02T14:00",
}


class SessionsOfOrganization(Controller):
    path = "/sessions"
    tags = ("sessions",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewSession, gives=SessionWritten, status=201, writes=True, makes=True, etag=True, example=YOGA),
    )
    def schedule_session(self, request: Asked, body: RawBody) -> Reply:
        """Schedule a class, a tour, a training. It takes what it occupies at once, and is refused where that is
        taken."""
        wish = request.wish(body, NewSession)
        occasion = request.writing()
        session_id = new_id(occasion, "session")
        command = ScheduleSession(
            session_id, wish.offering_id, moment(wish.starts_at, "starts_at"), moment(wish.ends_at, "ends_at"),
            wish.seats, wish.resources, wish.min_to_run,
            None if wish.cutoff_at is None else moment(wish.cutoff_at, "cutoff_at"),
        )  # fmt: skip
        return written(request.carry_out(command, occasion), location=f"/api/v1/sessions/{session_id}")

    @get(opt=says(gives=Page[SessionShown], query=SessionsOf))
    async def sessions(self, request: Asked) -> Reply:
        """Sessions by their start."""
        asked = request.parameters(SessionsOf)
        query = Sessions(
            asked.offering_id, asked.location_id, instant_in_query(asked.since, "from"),
            instant_in_query(asked.until, "to"), after(asked.cursor, ByStart), asked.limit,
        )  # fmt: skip
        return await page_of(request, query, asked, shown)

    @get("/{session_id:uuid}", opt=says(gives=SessionShown, query=Reading, etag=True))
    async def the_session(self, request: Asked, session_id: FromPath[UUID]) -> Reply:
        """One session."""
        return await one_of(request, TheSession(session_id), shown)

    @patch("/{session_id:uuid}", sync_to_thread=True, opt=changes(SeatsChange, {"seats": 14}))
    def change_seats(self, request: Asked, session_id: FromPath[UUID], body: RawBody) -> Reply:
        """More or fewer seats. Fewer than are booked is refused."""
        return done(request, ChangeSeats(session_id, request.wish(body, SeatsChange).seats))

    @post("/{session_id:uuid}/confirmation", sync_to_thread=True, opt=changes(Because, {"reason": "coach is here"}))
    def confirm_run(self, request: Asked, session_id: FromPath[UUID], body: RawBody) -> Reply:
        """It takes place, however few have booked."""
        wish = request.wish(body, Because)
        return written(request.carry_out(ConfirmRun(session_id), request.writing(wish.reason, request.if_match)))

    @post("/{session_id:uuid}/call-off", sync_to_thread=True, opt=changes(Because, {"reason": "storm"}))
    def call_off(self, request: Asked, session_id: FromPath[UUID], body: RawBody) -> Reply:
        """It does not take place. Its bookings are cancelled by the venue."""
        wish = request.wish(body, Because)
        return written(request.carry_out(CallOff(session_id), request.writing(wish.reason, request.if_match)))


def shown(it: Any) -> SessionShown:
    return SessionShown(
        it.id, it.version, it.offering_id, it.location_id, it.starts_at, it.ends_at, it.local_start, it.zone, it.seats,
        it.resources, it.min_to_run, it.cutoff_at, it.status, str(it.position),
    )  # fmt: skip
