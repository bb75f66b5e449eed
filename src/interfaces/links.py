"""Links to bookings as this house signs and knows them: what the API and the pages agree upon."""

import time
from datetime import UTC, datetime
from uuid import UUID

from application.access import Access
from application.booking.links import LONGEST, Act, Link, LinkRefused, checked, read, spelled
from application.recorded import Actor, Origin
from application.scopes import LINK
from domain.booking.booking import Booking
from interfaces.bootstrap import House
from interfaces.http.caller import Caller

PURPOSE = "links"


def made(house: House, link: Link) -> str:
    """The link, signed by the newest key."""
    key = house.ring.newest
    return spelled(link, key.kid, key.derived(PURPOSE))


class Shown:
    """A good link, and as whom it lets somebody in."""

    __slots__ = ("booking_id", "caller", "link", "position", "tenant")

    def __init__(self, link: Link, caller: Caller, position: int) -> None:
        self.link, self.caller, self.position = link, caller, position
        self.tenant, self.booking_id = link.tenant, link.booking_id


def shown(house: House, text: str, act: Act, origin: Origin) -> Shown:
    """What the link lets somebody do, or `LinkRefused`. Asked of the log itself: what was revoked is so at once."""
    link = read(text, lambda kid: _key(house, kid), datetime.fromtimestamp(time.time(), UTC))
    recorded = house.store.load(link.tenant, [link.booking_id]).streams.get(link.booking_id, ())
    facts = [one.fact for one in recorded]
    there = bool(facts) and isinstance(facts[0], Booking.begins)
    try:
        customer = checked(link, Booking(id=link.booking_id).after(facts) if there else None, act)
    except LinkRefused as refused:  # it was one of ours: somebody may want to know who comes with it still
        stranger = Actor("user", "unknown", "guest", auth="link")
        about = "booking", str(link.booking_id)
        house.access_log.record([Access(link.tenant, "Link", "denied", stranger, origin, refused.code, *about)])
        raise
    actor = Actor("user", str(customer), "customer", None, "link")
    caller = Caller(actor, (link.tenant,), link.ends_at.timestamp(), scopes=(LINK,))
    return Shown(link, caller, recorded[-1].position)


def _key(house: House, kid: str) -> bytes | None:
    key = house.ring.known(kid, LONGEST.total_seconds())
    return None if key is None else key.derived(PURPOSE)


def nobody(tenant: UUID) -> Caller:
    """Whoever has a link and looks at how things are set up, which everybody may."""
    return Caller(Actor("service", "link-page", "customer"), (tenant,), 0.0)


__all__ = ["LinkRefused", "Shown", "made", "nobody", "shown"]
