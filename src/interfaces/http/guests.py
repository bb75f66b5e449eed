"""People without an account: a token for a browser, what is known about them, and the link to what they booked."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

from litestar import Controller, delete, get, post, put, route
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct
from msgspec.structs import replace

from application.booking.commands import Cancel
from application.booking.links import ACTS, Act, Link, LinkRefused, LinkToBooking, RevokeLinks
from application.booking.placing import MoveOffering
from application.booking.queries import TheBooking
from application.bus import Answer
from application.identity.commands import DescribeUser, RegisterCustomer
from application.message import Command
from application.permission import NotPermitted
from application.recorded import Actor
from domain.identity.details import Details
from domain.organization.errors import UnknownOrganization
from domain.organization.organization import Organization
from interfaces import links
from interfaces.http.asked import Asked, Because, Reply, Written, etag, moment, reply, written
from interfaces.http.availability import Moving
from interfaces.http.booking import Booking, Step, Why, undo
from interfaces.http.booking import shown as booking_shown
from interfaces.http.caller import OPEN, Doorkeeper
from interfaces.http.errors import BadBody, Unauthenticated, Wrong
from interfaces.http.identity import EXAMPLE, DetailsSaid, said
from interfaces.http.schema import says
from interfaces.trust import GUEST, minted

HOUSE = "guests"


# a browser's token


class NewGuest(Struct, frozen=True, forbid_unknown_fields=True):
    organization_id: UUID
    access_token: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    """The guest's token of before, while it is good: what they hold and have booked stays theirs."""


class Guest(Struct, frozen=True):
    guest_id: UUID
    """Under this id they book, and are known."""
    access_token: str
    """For the Authorization header. It is for one browser: keep it there."""
    expires_in: int
    """Seconds for which it is good. Ask for another with it before."""


class Guests(Controller):
    path = "/guests"
    tags = ("guests",)

    @post(
        sync_to_thread=True,
        opt=says(
            takes=NewGuest, gives=Guest, status=201, codes=(401, 404, 408, 413, 415, 429, 503),
            example={"organization_id": "0197a3f0-0000-7000-8000-000000000001"},
        ) | {OPEN: True},
    )  # fmt: skip
    def new_guest(self, request: Asked, body: RawBody) -> Reply:
        """A token for somebody without an account: with it they see what is free, hold, book, and change what they
        booked. Nothing is written down."""
        wish = request.wish(body, NewGuest)
        founded(request, wish.organization_id)
        guest = uuid4() if wish.access_token is None else again(request, wish.access_token, wish.organization_id)
        trust = request.house.trust
        life = min(trust.longest, 900)
        token = minted(trust, role=GUEST, subject=str(guest), organization=wish.organization_id, life=life)
        request.scope["state"]["tenant"] = wish.organization_id
        return Reply(reply(Guest(guest, token, life)).body, 201)

    @put(
        "/me/details",
        sync_to_thread=True,
        opt=says(takes=DetailsSaid, gives=Written, writes=True, etag=True, some=True, example=EXAMPLE),
    )
    def describe_guest(self, request: Asked, body: RawBody) -> Reply:
        """How whoever has this guest's token can be reached: they become a customer without an account, and what they
        say is kept as everybody's is, sealed under a key of their own."""
        details = said(request.wish(body, DetailsSaid))
        if details == Details():
            raise BadBody(errors=[Wrong("It names nothing to change.")])
        return written(describe(request, details))


def founded(request: Asked, organization: UUID) -> None:
    recorded = request.house.store.load(organization, [organization]).streams.get(organization, ())
    if not recorded or not isinstance(recorded[0].fact, Organization.begins):
        raise UnknownOrganization


def again(request: Asked, token: str, organization: UUID) -> UUID:
    """Who they were with the token that they have."""
    caller = Doorkeeper(request.house.trust, request.house.revocations).caller(token.encode())
    if caller.actor.role != GUEST or caller.organizations != (organization,):
        raise Unauthenticated
    return UUID(caller.actor.id)


def describe(request: Asked, details: Details) -> Answer:
    occasion = request.writing()
    if occasion.actor.role != GUEST:
        raise NotPermitted(role=occasion.actor.role, asked="DescribeGuest")
    guest = UUID(occasion.actor.id)
    known = bool(request.house.store.load(occasion.tenant, [guest]).streams.get(guest))
    command: Command = DescribeUser(guest, details) if known else RegisterCustomer(guest, details)
    # The first time the house registers them, as it does for whoever registers themselves; then they are a customer.
    actor = (
        replace(occasion.actor, role="customer") if known else Actor("system", HOUSE, "system", on_behalf_of=str(guest))
    )
    return request.carry_out(command, replace(occasion, actor=actor, stranger=None))


# links, for those who may have one made


class NewLink(Struct, frozen=True, forbid_unknown_fields=True):
    acts: Annotated[tuple[Act, ...], Meta(min_length=1, max_length=3)] = ACTS
    """What it is good for."""


class LinkMade(Written, frozen=True, omit_defaults=True, kw_only=True):
    link: str
    """The path of a page. Whoever knows it may do what it is for: send it to nobody else."""
    expires_at: datetime
    """A day after the end of the booking, as it is now, and within 400 days."""
    acts: tuple[Act, ...] = ()


class LinksOfBooking(Controller):
    path = "/bookings/{booking_id:uuid}/links"
    tags = ("bookings",)

    @post(
        sync_to_thread=True,
        status_code=200,
        opt=says(takes=NewLink, gives=LinkMade, writes=True, etag=True, example={"acts": ["see", "cancel"]}),
    )
    def link_to_booking(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """A link for whoever the booking is for: with it they see it, cancel it and move it without an account. A guest
        shows the hold's secret."""
        wish = request.wish(body, NewLink)
        occasion = request.writing()
        answer = request.carry_out(LinkToBooking(booking_id, wish.acts), occasion)
        return written(with_link(request, occasion.tenant, booking_id, answer, wish.acts))

    @delete(sync_to_thread=True, status_code=200, opt=undo())
    def revoke_links(self, request: Asked, booking_id: FromPath[UUID], body: RawBody) -> Reply:
        """All links to it from before are no good any more."""
        request.no_body(body)
        asked = request.parameters(Why)
        return written(request.carry_out(RevokeLinks(booking_id), request.writing(asked.reason, request.seen)))


def with_link(request: Asked, tenant: UUID, booking_id: UUID, answer: Answer, acts: tuple[Act, ...]) -> Answer:
    """The answer with the link that it allows."""
    about = answer.result["link"]
    ends_at = about["ends_at"]
    if not isinstance(ends_at, datetime):  # as the log keeps it
        ends_at = datetime.fromisoformat(ends_at)
    link = Link(tenant, booking_id, about["links"], frozenset(acts), ends_at)
    told = {name: value for name, value in answer.result.items() if name not in ("link", "status")}
    told |= {"link": f"/manage/{links.made(request.house, link)}", "expires_at": ends_at, "acts": sorted(link.acts)}
    return replace(answer, result=told)


# through a link


def linked(request: Asked, token: str, act: Act) -> links.Shown:
    """What the link lets whoever has it do; from here on they are the caller. Said twice, nothing is said."""
    names = [name for name, _ in parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)]
    if len(names) != len(set(names)):
        raise LinkRefused
    found = links.shown(request.house, token, act, request.origin())
    named = request.given.get(b"daybook-organization")
    if named is not None and named.decode("latin-1").lower() != str(found.tenant):
        raise LinkRefused
    request.scope["user"] = found.caller
    return found


def by_link(takes: Any, example: Any) -> dict[str, Any]:
    """A step of a booking's life, for whoever has a link."""
    about = says(
        takes=takes, gives=Step, writes=True, etag=True, codes=(403, 404, 412, 429, 503), example=example
    )  # fmt: skip
    return about | {OPEN: True}


class Linked(Controller):
    """For programs; the page is `interfaces/web/manage.py`."""

    path = "/manage/{token:str}"
    tags = ("guests",)

    @get(opt=says(gives=Booking, etag=True, codes=(403, 404, 503)) | {OPEN: True})
    async def linked_booking(self, request: Asked, token: FromPath[str]) -> Reply:
        """The booking that the link is for, as it stands."""
        found = await asyncio.to_thread(linked, request, token, "see")
        it = await request.ask(TheBooking(found.booking_id), request.reading(str(found.position)))
        return reply(booking_shown(it), etag(it.version))

    @post("/cancellation", sync_to_thread=True, status_code=200, opt=by_link(Because, {"reason": "ill"}))
    def cancel_linked(self, request: Asked, token: FromPath[str], body: RawBody) -> Reply:
        """It is not wanted any more."""
        wish = request.wish(body, Because)
        found = linked(request, token, "cancel")
        command = Cancel(found.booking_id, "customer")
        return written(request.carry_out(command, request.writing(wish.reason, request.if_match)))

    @post(
        "/move",
        sync_to_thread=True,
        status_code=200,
        opt=by_link(Moving, {"starts_at": "2027-03-15T19:00"}),
    )
    def move_linked(self, request: Asked, token: FromPath[str], body: RawBody) -> Reply:
        """The same offering at another time."""
        wish = request.wish(body, Moving)
        found = linked(request, token, "reschedule")
        command = MoveOffering(
            found.booking_id, moment(wish.starts_at, "starts_at"), wish.minutes, wish.resource_ids, wish.override
        )
        return written(request.carry_out(command, request.writing(wish.reason, request.if_match)))

    @route(http_method=["POST", "PUT", "PATCH", "DELETE"], status_code=200, opt={OPEN: True})
    async def no_link_is_for_this(self, token: FromPath[str]) -> Reply:  # noqa: ARG002
        """Whoever has a link is not told what else there may be."""
        raise LinkRefused

    @route(["/cancellation", "/move"], http_method=["GET", "PUT", "PATCH", "DELETE"], status_code=200, opt={OPEN: True})
    async def nothing_is_done_so(self, token: FromPath[str]) -> Reply:  # noqa: ARG002
        """Looking changes nothing."""
        raise LinkRefused
