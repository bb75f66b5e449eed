"""Links to a booking, for whoever has no account: what is in one, and how it is told from a forgery.

A link is good for one booking of one organization, for certain acts, until a moment. Whoever has it may do what the
booking's customer may: it is like a key, and can be taken back.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from msgspec import Struct

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.booking.booking import Booking
from domain.errors import Forbidden

AFTERWARDS = timedelta(days=1)
"""A link lives so much longer than what it is for..."""
LONGEST = timedelta(days=400)
"""...and never longer than this: nobody keeps an old key for ever."""

Act = Literal["see", "cancel", "reschedule"]
ACTS: tuple[Act, ...] = ("see", "cancel", "reschedule")
_FORM = 1
_KID, _SAID, _MAC = 8, 49, 23  # together 72 bytes: 96 characters without a spare bit


class LinkRefused(Forbidden):
    """This link is no good: it was cut off or mistyped, is too old, or was taken back. Ask for another."""


class Link(Struct, frozen=True):
    tenant: UUID
    booking_id: UUID
    links: int
    """How often the booking's links had been revoked when it was made."""
    acts: frozenset[Act]
    ends_at: datetime
    """Exclusive; whole seconds."""


def spelled(link: Link, kid: str, key: bytes) -> str:
    said = b"".join(
        (
            bytes([_FORM]), bytes.fromhex(kid), link.tenant.bytes, link.booking_id.bytes,
            link.links.to_bytes(2, "big"), bytes([sum(1 << ACTS.index(act) for act in link.acts)]),
            int(link.ends_at.timestamp()).to_bytes(5, "big"),
        )
    )  # fmt: skip
    return base64.urlsafe_b64encode(said + signature(said, key)).decode()


def read(text: str, key_of: Callable[[str], bytes | None], now: datetime) -> Link:
    """What it says, if it says so; `LinkRefused`. `key_of`: our own key of this name, if it is believed."""
    try:
        found = base64.b64decode(text, b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LinkRefused from None
    if base64.urlsafe_b64encode(found).decode() != text:
        raise LinkRefused  # another spelling of the same
    said, mac = found[:_SAID], found[_SAID:]
    key = key_of(said[1 : 1 + _KID].hex()) if len(found) == _SAID + _MAC and found[0] == _FORM else None
    if key is None or not hmac.compare_digest(signature(said, key), mac):
        raise LinkRefused
    link = Link(
        UUID(bytes=said[9:25]), UUID(bytes=said[25:41]), int.from_bytes(said[41:43], "big"), acts_of(said[43]),
        datetime.fromtimestamp(int.from_bytes(said[44:49], "big"), UTC),
    )  # fmt: skip
    if now >= link.ends_at:
        raise LinkRefused
    return link


def signature(said: bytes, key: bytes) -> bytes:
    return hmac.digest(key, said, "sha256")[:_MAC]


def acts_of(bits: int) -> frozenset[Act]:
    return frozenset(act for place, act in enumerate(ACTS) if bits >> place & 1)


def ends_at(booking: Booking, now: datetime) -> datetime:
    return min(booking.period.ends_at + AFTERWARDS, now + LONGEST).replace(microsecond=0)


def checked(link: Link, booking: Booking | None, act: Act) -> UUID:
    """As whom it lets somebody do this; `LinkRefused`."""
    if booking is None or booking.links != link.links or booking.customer_id is None or act not in link.acts:
        raise LinkRefused
    return booking.customer_id


class LinkToBooking(Command, frozen=True):
    """Somebody wants a link to it, for whoever it is for. Nothing is recorded: what a link says is in the link."""

    booking_id: UUID
    acts: tuple[Act, ...] = ACTS


def link_to_booking(command: LinkToBooking, work: UnitOfWork) -> None:
    booking = work.change(Booking, command.booking_id, lambda booking: booking.linked())
    work.result["link"] = {"links": booking.links, "ends_at": ends_at(booking, work.now)}


class RevokeLinks(Command, frozen=True):
    """Nobody can do anything with a link to it from before."""

    booking_id: UUID


def revoke_links(command: RevokeLinks, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.revoke_links())


HANDLERS: dict[type[Command], Handler] = {LinkToBooking: link_to_booking, RevokeLinks: revoke_links}
