"""The page behind a guest's link: what they have booked, and how to cancel it. Looking changes nothing."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

from litestar import Controller, get, post, route
from litestar.params import FromPath, RawBody
from msgspec import Struct

from application.booking.commands import Cancel
from application.booking.links import LinkRefused
from application.booking.queries import TheBooking
from application.event_store import Unavailable
from application.message import Occasion
from application.offering.queries import TheOffering
from application.organization.queries import TheLocation
from application.recorded import Origin
from domain.booking.booking import CANCELLABLE
from domain.errors import Refusal, Unknown
from interfaces import links
from interfaces.http.asked import Asked, Reply
from interfaces.http.caller import NOWHERE, OPEN
from interfaces.http.errors import headers, refusal_of, status_of
from interfaces.http.guests import linked
from interfaces.web.booking import HTML, UNKEPT
from interfaces.web.clock import Clock
from interfaces.web.markup import Html, tag
from interfaces.web.page import document, sorry

CANCEL = "cancel"
SAYS = {
    "held": "Held for you, and not booked yet.",
    "pending_payment": "Held for you while it is being paid.",
    "pending_approval": "Waiting for the venue to agree.",
    "confirmed": "Booked.",
    "checked_in": "You are there.",
    "completed": "It is over.",
    "cancelled": "Cancelled.",
    "expired": "The time to book it has run out.",
    "declined": "The venue has declined.",
    "no_show": "It is over.",
}


class Seen(Struct, frozen=True):
    """What the page shows."""

    booking: Any
    what: str
    where: str
    may_cancel: bool


class ManagePage(Controller):
    path = "/manage/{token:str}"

    @get(opt={OPEN: True})
    async def manage_page(self, request: Asked, token: FromPath[str]) -> Reply:
        """The booking that the link is for."""
        try:
            found = await asyncio.to_thread(linked, request, token, "see")
            seen = await looked_at(request, found)
        except (Refusal, Unavailable) as error:
            return apology(request, error)
        return Reply(page(seen, request.scope["path"]), headers=UNKEPT, media=HTML, page="form")

    @post(sync_to_thread=True, status_code=200, opt={OPEN: True})
    def cancel_by_page(self, request: Asked, token: FromPath[str], body: RawBody) -> Reply:
        """The one thing that the page's form does; then back to the page, so that looking again does not repeat it."""
        try:
            if form_of(body) != [("do", CANCEL)]:
                raise LinkRefused
            found = linked(request, token, "cancel")
            request.carry_out(Cancel(found.booking_id, "customer"), request.writing())
        except (Refusal, Unavailable) as error:
            return apology(request, error)
        return Reply(b"", 303, [*UNKEPT, (b"location", request.scope["path"].encode())], HTML, page="form")

    @route(http_method=["PUT", "PATCH", "DELETE"], status_code=200, opt={OPEN: True})
    async def no_page_does_this(self, request: Asked, token: FromPath[str]) -> Reply:  # noqa: ARG002
        """Whoever has a link is not told what else there may be."""
        return apology(request, LinkRefused())


def form_of(body: bytes) -> list[tuple[str, str]] | None:
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=8)
    except ValueError:
        return None


async def looked_at(request: Asked, found: links.Shown) -> Seen:
    booking = await request.ask(TheBooking(found.booking_id), request.reading(str(found.position)))
    origin = Origin("web", request_id=request.scope["state"]["request_id"])
    occasion = Occasion(found.tenant, links.nobody(found.tenant).actor, origin, NOWHERE)
    what = await named(request, None if booking.offering_id is None else TheOffering(booking.offering_id), occasion)
    where = await named(request, TheLocation(booking.location_id), occasion)
    may_cancel = "cancel" in found.link.acts and booking.status in CANCELLABLE
    return Seen(booking, what or "Your booking", where or "", may_cancel)


async def named(request: Asked, query: Any, occasion: Occasion) -> str | None:
    if query is None:
        return None
    try:
        found = await request.ask(query, occasion)
    except Unknown:
        return None
    name: str = found.name
    return name


def page(it: Seen, path: str) -> bytes:
    booking = it.booking
    clock = Clock(booking.items[0].zone)
    on = clock.local(booking.starts_at).date()
    return document(
        f"{it.what}: your booking",
        tag(
            "main",
            tag("h1", it.what),
            tag("p", SAYS[booking.status], class_="summary", role="status"),
            tag(
                "section",
                tag("h2", clock.day(on)),
                tag(
                    "p", "From ", tag("strong", clock.time(booking.starts_at)), " until ",
                    tag("strong", clock.moment(booking.ends_at, on)), ".",
                ),
                tag("p", f"{it.where}. " if it.where else "", people(booking.party_size)) if it.where else None,
                tag("p", "Say this when you ask about it: ", tag("strong", booking.reference), "."),
                tag("p", f"Times are those of {clock.zone}.", class_="small"),
                class_="day",
            ),
            cancelling(path) if it.may_cancel else None,
        ),
    )  # fmt: skip


def people(party: int | None) -> str:
    return "" if party is None else f"For {party} {'person' if party == 1 else 'people'}."


def cancelling(path: str) -> Html:
    """In two steps, both of which work without a script."""
    return tag(
        "details",
        tag("summary", "Cancel this booking"),
        tag("p", "It will be gone at once, and somebody else may take its place."),
        tag(
            "form",
            tag("input", type="hidden", name="do", value=CANCEL),
            tag("button", "Yes, cancel it", type="submit"),
            action=path,
            method="post",
        ),
        class_="book",
    )


def apology(request: Asked, error: Exception) -> Reply:
    refusal = refusal_of(error)
    request.scope["state"]["code"] = refusal.code
    status = status_of(type(refusal))
    again = [(name.encode(), value.encode()) for name, value in headers(refusal, error).items()]
    match refusal:
        case LinkRefused():
            body = sorry(
                "This link is no good",
                "It was cut off or mistyped, is too old, or was taken back.",
                "If you have booked, the venue can send you another.",
            )
        case _ if status >= 500:
            body = sorry("Not just now", str(refusal), "Nothing has been lost. Try again in a moment.")
        case _:
            back = tag("p", tag("a", "Back to your booking", href=request.scope["path"]))
            said = tag("main", tag("h1", "This was not done"), tag("p", str(refusal)), back)
            body = document("This was not done", said)
    return Reply(body, status, [*UNKEPT, *again], HTML, page="form")
