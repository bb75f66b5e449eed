"""How far a key or a link reaches: words, each of which stands for some of the messages. They narrow what a role may,
and never widen it."""

from collections.abc import Mapping
from functools import cache

from application.message import Command, Query

BOOKS = frozenset({"booking", "waitlist"})
"""The rooms whose commands are about somebody's bookings; those of the others are about how things are set up."""
ROOMS = (
    "audit", "availability", "booking", "family", "identity", "offering", "organization", "privacy", "quota",
    "resource", "waitlist", "whatif",
)  # fmt: skip
LINK = "link"
"""What a guest's link is for; no key can be given it."""


def room(message: type[Command] | type[Query]) -> str:
    """Where a message belongs: application.booking.series is booking."""
    return message.__module__.split(".")[1]


@cache
def words(message: type[Command] | type[Query]) -> frozenset[str]:
    """The scopes that allow it."""
    here = room(message)
    return frozenset({here, "read" if issubclass(message, Query) else "book" if here in BOOKS else "manage"})


SCOPES: Mapping[str, str] = {
    "read": "to look at everything that its user may see",
    "book": "to book, to change bookings and to wait",
    "manage": "to change how things are set up",
    **{name: f"all that belongs to {name}" for name in ROOMS},
}
"""What may be said of a key, and what it means."""
