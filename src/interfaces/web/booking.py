"""What an offering has free, on a page that anybody may see."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from litestar.params import FromPath
from msgspec import Struct, field

from application.availability.queries import Offered, WhatIsOffered
from application.event_store import Unavailable
from application.message import Occasion
from application.offering.queries import TheOffering
from application.recorded import Actor, Origin
from domain.availability.sale import priced
from domain.availability.slots import NoSuchDuration
from domain.errors import Refusal, Unknown
from domain.offering.errors import NotSold
from interfaces.http.asked import Asked, Day, Reply
from interfaces.http.availability import Minutes
from interfaces.http.booking import Units
from interfaces.http.caller import NOWHERE
from interfaces.http.errors import BadQuery, NoSuchRoute, Wrong, headers, refusal_of, status_of
from interfaces.web.clock import Clock
from interfaces.web.page import CONTENTS, FILES, LAST, Shown, page, sorry

GUEST = Actor("service", "booking-page", "guest")
"""Whoever looks at the page. No token can say so: the role is none of those that come through the door."""
SIX_DAYS = timedelta(days=6)
HTML = b"text/html; charset=utf-8"
UNKEPT = [(b"cache-control", b"no-store")]
KEPT = [(b"cache-control", b"public, max-age=31536000, immutable")]
RIGHT = {
    "from": "From is a date, written 2027-03-14, from 1970-01-01 to 2199-12-25.",
    "party_size": "People (party_size) is a whole number from 1 to 10000.",
    "minutes": "How long (minutes) is a whole number of minutes from 1 to 576000.",
    "explain": "Say why not (explain) is true or false.",
}
"""What would be right."""


class Looking(Struct, frozen=True):
    """What is asked for. What else stands in the address is nobody's business: links gather such things."""

    first: Day | None = field(default=None, name="from")
    party_size: Units | None = None
    minutes: Minutes | None = None
    explain: bool = False


async def booking_page(request: Asked, organization: FromPath[str], offering: FromPath[str]) -> Reply:
    """What an offering has free for a week, and with `explain=true` why the rest is not."""
    state = request.scope["state"]
    try:
        shown = await looked_at(request, organization, offering)
    except (Refusal, Unavailable) as error:
        refusal = refusal_of(error)
        state["code"] = refusal.code
        again = [(name.encode(), value.encode()) for name, value in headers(refusal, error).items()]
        body, status = apology(refusal, request.scope["path"])
        return Reply(body, status, [*UNKEPT, *again], HTML, page="form")
    state["tenant"] = shown.organization
    # A week in steps of five minutes is two thousand starts: others need not wait while they are written.
    body = await asyncio.to_thread(page, shown)
    return Reply(body, headers=UNKEPT, media=HTML, page="form")


async def page_file(name: FromPath[str]) -> Reply:
    """What the page is made of."""
    media = FILES.get(name)
    if media is None:
        raise NoSuchRoute
    return Reply(CONTENTS[name], headers=KEPT, media=media, page=True)


async def looked_at(request: Asked, organization: str, offering: str) -> Shown:
    try:
        tenant, offering_id = UUID(organization), UUID(offering)
    except ValueError:
        raise NoSuchRoute from None
    asked = request.parameters(Looking)
    first = None if asked.first is None else date_of(asked.first)
    occasion = Occasion(tenant, GUEST, Origin("web", request_id=request.scope["state"]["request_id"]), NOWHERE)
    it = await request.ask(TheOffering(offering_id), occasion)
    party = asked.party_size or it.terms.least_party

    async def week(first: date) -> Offered:
        # Of a class people want to know that it is full, whether or not they ask why.
        query = WhatIsOffered(
            first, first + SIX_DAYS, offering_id, party=party, minutes=asked.minutes,
            explain=asked.explain or it.terms.sessions_only,
        )  # fmt: skip
        found: Offered = await request.ask(query, occasion)
        return found

    offered = await week(first or datetime.now(UTC).date())
    if first is None:
        # Which day it is at the venue only its answer tells; elsewhere it may be another one.
        first = Clock(offered.zone).local(offered.as_of).date()
        if first != datetime.now(UTC).date():
            offered = await week(first)
    cost = priced(offered.price, offered.minutes, party)
    return Shown(
        tenant, offering_id, it.name, it.terms, offered, first, party, asked.minutes, asked.explain, cost
    )  # fmt: skip


def date_of(text: str) -> date:
    found = date.fromisoformat(text)
    if found > LAST:
        raise BadQuery(errors=[Wrong(RIGHT["from"], "from")])
    return found


def apology(refusal: Refusal, path: str) -> tuple[bytes, int]:
    """The page that is shown instead, and its status."""
    match refusal:
        case Unknown() | NoSuchRoute():
            return sorry(
                "Nothing is here", "There is no such offering at this address. It may have been mistyped, or cut off "
                "when it was copied: ask whoever gave it to you."
            ), 404  # fmt: skip
        case NotSold():
            return sorry("Not offered any more", "This was offered once, and is not any more."), 404
        case NoSuchDuration():
            return sorry("Not for so long", durations(refusal), way_out=path), 400
        case _ if status_of(type(refusal)) < 500:
            wrong = [it.field for it in refusal.detail.get("errors", ()) if it.field in RIGHT]
            return sorry("This cannot be shown", *(RIGHT[name] for name in wrong or RIGHT), way_out=path), 400
        case _:
            return sorry("Not just now", str(refusal), "Nothing has been lost. Try again in a moment."), status_of(
                type(refusal)
            )


def durations(refusal: Refusal) -> str:
    told = refusal.detail
    if "offered" in told:
        return f"It is offered for {' or '.join(str(one) for one in told['offered'])} minutes."
    return f"It is offered for {told['least']} to {told['most']} minutes, in steps of {told['increment']}."
