"""People's rights over what is known about them: to have it, to have it erased, and what may stand against that."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Controller, get, post, put
from litestar.params import FromPath, RawBody
from litestar.types import Receive, Scope, Send
from msgspec import Meta, Struct

from application.identity.queries import TheUser
from application.privacy.commands import LiftLegalHold, PlaceLegalHold, RequestErasure, SetRetention
from application.privacy.export import Export
from application.privacy.queries import DataExport, Erasures, HoldsOn, TheErasure, TheRetention
from domain.errors import Conflict
from domain.privacy.retention import LONGEST, SHORTEST
from domain.privacy.subject import BASES
from interfaces.http.asked import (
    Asked,
    Because,
    Page,
    Paging,
    PositionText,
    Reading,
    Reason,
    Reply,
    Written,
    after,
    cursor,
    etag,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.schema import says
from interfaces.web.rights import certificate_page, export_page

Basis = Literal[
    "no_longer_needed", "consent_withdrawn", "objection", "unlawful", "legal_obligation", "child", "retention"
]
assert Basis.__args__ == BASES  # type: ignore[attr-defined]

CERTIFICATE = (
    "The keys under which this person's details were sealed are destroyed, with all by which they could be found. What "
    "stays are ids and times, which are pseudonyms. Backups of the keys must be gone within 30 days; one that is "
    "put back before is erased again from the journal of erasures before anybody is served."
)


class ErasureWish(Struct, frozen=True, forbid_unknown_fields=True):
    basis: Basis
    """Why it is owed (GDPR 17(1)), as a code."""


class ErasureWritten(Written, frozen=True, omit_defaults=True, kw_only=True):
    request_id: UUID
    status: Literal["requested", "refused", "erased", "certified", "failed"]
    """`refused`: something must be kept. Anything else: it is on its way, and cannot be stopped."""


class Erasure(Struct, frozen=True):
    """How far it has come."""

    user_id: UUID
    version: int
    request_id: UUID
    status: Literal["requested", "refused", "erased", "certified", "failed"]
    basis: Basis
    requested_at: datetime
    requested_by: str
    holds: list[UUID]
    """Refused: the holds that stood against it."""
    erased_at: datetime | None
    certified_at: datetime | None
    position: PositionText


class Proof(Struct, frozen=True):
    """What was done, and what was found afterwards."""

    user_id: UUID
    request_id: UUID
    organization_id: UUID
    basis: Basis
    requested_at: datetime
    erased_at: datetime
    keys_destroyed: int
    rows_destroyed: int
    verified_at: datetime
    values_tried: int
    """Sealed values that the log holds of them."""
    values_opened: int
    """Of these, how many could be read."""
    rows_found: int
    """Keys, and rows by which they are found, that were still there."""


class Certificate(Struct, frozen=True):
    status: Literal["certified", "failed"]
    certificate: Proof
    says: str


class HoldWish(Struct, frozen=True, forbid_unknown_fields=True):
    why: Reason
    """Not who, and not what about: a short code, or the number of a case."""


class HoldWritten(Written, frozen=True, omit_defaults=True, kw_only=True):
    hold_id: UUID


class Hold(Struct, frozen=True):
    id: UUID
    why: str
    placed_at: datetime
    placed_by: str
    until: datetime | None
    """It stands until then at least."""
    lifted_at: datetime | None
    lifted_by: str | None


class Holds(Struct, frozen=True):
    data: list[Hold]


class RetentionWish(Struct, frozen=True, forbid_unknown_fields=True):
    without_bookings_days: Annotated[int, Meta(ge=SHORTEST, le=LONGEST)] | None
    """Customers who have had no booking for so long are erased, at night; null: nobody is."""
    hold_days: Annotated[int, Meta(ge=0, le=LONGEST)]
    """A hold stands for so long at least."""


class Retention(Struct, frozen=True):
    version: int
    without_bookings_days: int | None
    hold_days: int


class Everything(Struct, frozen=True):
    """Everything about one person, by section."""

    user_id: UUID
    organization_id: UUID
    made_at: datetime
    details: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    families: list[dict[str, Any]]
    bookings: list[dict[str, Any]]
    series: list[dict[str, Any]]
    waitlist: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    quotas: list[dict[str, Any]]
    erasure: list[dict[str, Any]]
    events: list[dict[str, Any]]
    access: list[dict[str, Any]]


class Streamed:
    """An answer that is sent as it is made: nobody has all of it in memory."""

    def __init__(self, pieces: AsyncIterator[bytes], media: bytes, name: str, page: bool = False) -> None:
        self._pieces = pieces
        self._page = page
        self.headers = [(b"content-type", media), (b"content-disposition", f'inline; filename="{name}"'.encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        if self._page:
            scope["state"]["page"] = True
        # What goes wrong at once must have become an answer of its own.
        first = await anext(self._pieces)
        kept = [*self.headers, (b"cache-control", b"no-store")] if self._page else self.headers
        await send({"type": "http.response.start", "status": 200, "headers": kept})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def export_json(export: Export) -> AsyncIterator[bytes]:
    encode = msgspec.json.encode
    began = encode({"user_id": export.user_id, "organization_id": export.organization_id, "made_at": export.made_at})
    yield began[:-1]
    for name, rows in export.sections.items():
        yield b"," + encode(name) + b":["
        between = b""
        async for some in rows():
            if some:
                yield between + b",".join(map(encode, some))
                between = b","
        yield b"]"
    yield b"}"


class RightsOfUser(Controller):
    path = "/users/{user_id:uuid}"
    tags = ("privacy",)

    @get("/data-export", opt=says(gives=Everything, query=Reading))
    async def data_export(self, request: Asked, user_id: FromPath[UUID]) -> Streamed:
        """Everything about one person: for themselves, and for those who look after it. That it was asked for is
        recorded."""
        export = await self._export(request, user_id)
        return Streamed(export_json(export), b"application/json", f"{user_id}.json")

    @get("/data-export/page", opt=says(gives=str, query=Reading, media="text/html"))
    async def data_export_page(self, request: Asked, user_id: FromPath[UUID]) -> Streamed:
        """The same, to be read by people: one page that stands on its own."""
        export = await self._export(request, user_id)
        return Streamed(export_page(export), b"text/html; charset=utf-8", f"{user_id}.html", page=True)

    async def _export(self, request: Asked, user_id: UUID) -> Export:
        asked = request.parameters(Reading)
        found: Export = await request.ask(DataExport(user_id), request.reading(asked.min_position))
        return found

    @post(
        "/erasure",
        sync_to_thread=True,
        opt=says(takes=ErasureWish, gives=ErasureWritten, status=201, writes=True, makes=True,
                 example={"basis": "consent_withdrawn"}),
    )  # fmt: skip
    def request_erasure(self, request: Asked, user_id: FromPath[UUID], body: RawBody) -> Reply:
        """What is known about them is to be destroyed. It is done within a minute, and there is no way back; where
        something must be kept by law the answer is `refused`."""
        wish = request.wish(body, ErasureWish)
        occasion = request.writing()
        request_id = new_id(occasion, "erasure")
        answer = request.carry_out(RequestErasure(user_id, request_id, wish.basis), occasion)
        return written(answer, location=f"/api/v1/users/{user_id}/erasure", etag=False)

    @get("/erasure", opt=says(gives=Erasure, query=Reading))
    async def the_erasure(self, request: Asked, user_id: FromPath[UUID]) -> Reply:
        """How far the erasure of this person has come."""
        return reply(shown(await self._erasure(request, user_id)))

    @get("/erasure/certificate", opt=says(gives=Certificate, query=Reading, codes=(409,)))
    async def certificate(self, request: Asked, user_id: FromPath[UUID]) -> Reply:
        """What was destroyed, and what was found when somebody tried to read it afterwards."""
        return reply(certified(request.tenant, await self._erasure(request, user_id)))

    @get("/erasure/certificate/page", opt=says(gives=str, query=Reading, media="text/html", codes=(409,)))
    async def certificate_as_page(self, request: Asked, user_id: FromPath[UUID]) -> Reply:
        """The same, to be read and kept."""
        found = certified(request.tenant, await self._erasure(request, user_id))
        made = certificate_page(msgspec.to_builtins(found))
        return Reply(made, media=b"text/html; charset=utf-8", page=True, headers=[(b"cache-control", b"no-store")])

    async def _erasure(self, request: Asked, user_id: UUID) -> Any:
        asked = request.parameters(Reading)
        return await request.ask(TheErasure(user_id), request.reading(asked.min_position))

    @get("/holds", opt=says(gives=Holds, query=Reading))
    async def holds(self, request: Asked, user_id: FromPath[UUID]) -> Reply:
        """What must be kept about this person, or had to be."""
        asked = request.parameters(Reading)
        await request.ask(TheUser(user_id), request.reading(asked.min_position))
        found = await request.ask(HoldsOn(user_id), request.reading(asked.min_position))
        return reply(Holds([
            Hold(it.id, it.why, it.placed_at, it.placed_by, it.until, it.lifted_at, it.lifted_by) for it in found
        ]))  # fmt: skip

    @post(
        "/holds",
        sync_to_thread=True,
        opt=says(takes=HoldWish, gives=HoldWritten, status=201, writes=True, makes=True,
                 example={"why": "case 2027-114"}),
    )  # fmt: skip
    def place_legal_hold(self, request: Asked, user_id: FromPath[UUID], body: RawBody) -> Reply:
        """What is known about them must be kept, whoever asks (GDPR 17(3))."""
        wish = request.wish(body, HoldWish)
        occasion = request.writing()
        hold_id = new_id(occasion, "hold")
        answer = request.carry_out(PlaceLegalHold(user_id, hold_id, wish.why), occasion)
        return written(answer, location=f"/api/v1/users/{user_id}/holds", etag=False)

    @post(
        "/holds/{hold_id:uuid}/lifting",
        sync_to_thread=True,
        opt=says(takes=Because, gives=Written, writes=True, example={"reason": "case closed"}),
    )
    def lift_legal_hold(self, request: Asked, user_id: FromPath[UUID], hold_id: FromPath[UUID], body: RawBody) -> Reply:
        """It need not be kept any more."""
        wish = request.wish(body, Because)
        return written(request.carry_out(LiftLegalHold(user_id, hold_id), request.writing(wish.reason)), etag=False)


class ErasuresOfOrganization(Controller):
    path = "/erasures"
    tags = ("privacy",)

    @get(opt=says(gives=Page[Erasure], query=Paging))
    async def erasures(self, request: Asked) -> Reply:
        """All that were asked for, the latest first."""
        asked = request.parameters(Paging)
        query = Erasures(after(asked.cursor, tuple[datetime, UUID]), asked.limit)
        found = await request.ask(query, request.reading(asked.min_position))
        return reply(Page([shown(row) for row in found.rows], cursor(found.next)))


class RetentionOfOrganization(Controller):
    path = "/retention"
    tags = ("privacy",)

    @get(opt=says(gives=Retention, query=Reading, etag=True))
    async def the_retention(self, request: Asked) -> Reply:
        """How long people are kept who do not book any more."""
        asked = request.parameters(Reading)
        found = await request.ask(TheRetention(), request.reading(asked.min_position))
        return reply(Retention(found.version, found.without_bookings_days, found.hold_days), etag(found.version))

    @put(
        sync_to_thread=True,
        opt=says(takes=RetentionWish, gives=Written, writes=True, etag=True, codes=(412,),
                 example={"without_bookings_days": 1095, "hold_days": 30}),
    )  # fmt: skip
    def set_retention(self, request: Asked, body: RawBody) -> Reply:
        """How long people are kept who do not book any more, and how long a hold stands at least."""
        wish = request.wish(body, RetentionWish)
        command = SetRetention(wish.without_bookings_days, wish.hold_days)
        return written(request.carry_out(command, request.writing(expects=request.if_match)))


def shown(row: Any) -> Erasure:
    return Erasure(
        row.user_id, row.version, row.request_id, row.status, row.basis, row.requested_at, row.requested_by,
        list(row.holds), row.erased_at, row.certified_at, str(row.position),
    )  # fmt: skip


def certified(tenant: UUID, row: Any) -> Certificate:
    if row.certified_at is None:
        raise NotYet
    proof = Proof(
        row.user_id, row.request_id, tenant, row.basis, row.requested_at, row.erased_at, row.keys, row.rows,
        row.certified_at, row.tried, row.opened, row.found,
    )  # fmt: skip
    return Certificate(row.status, proof, CERTIFICATE)


class NotYet(Conflict):
    """This person's erasure has not been carried out and verified yet."""
