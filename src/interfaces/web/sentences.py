"""Why something cannot be booked, in plain sentences: the one table from code to words."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from string import Formatter
from typing import Any

from msgspec.structs import asdict

from domain.availability.setup import Reason
from interfaces.web.clock import Clock
from interfaces.web.markup import Html, together

SENTENCES: Mapping[str, tuple[str, ...]] = {
    "ELSEWHERE": ("At another location",),
    "RETIRED": ("Not offered any more",),
    "NOT_SOLD_BY_ITSELF": ("Not booked by itself",),
    "SESSIONS_ONLY": ("Sold by session only",),
    "NOT_ON_STEP": ("Nothing starts at this time",),
    "OUTSIDE_HOURS": ("Outside opening hours",),
    "CLOSED_EXCEPTION": ("Closed on this day",),
    "CLOSURE": ("Closed until {until}", "Closed"),
    "MAINTENANCE": ("Closed for maintenance until {until}", "Closed for maintenance"),
    "DST_GAP": ("The clocks skip this time",),
    "TOO_SOON": ("Can be booked only from {earliest} on", "Too soon to be booked"),
    "TOO_FAR": ("Too far ahead: can be booked up to {latest}", "Too far ahead"),
    "DOES_NOT_FIT": ("Too many: {capacity} at most", "Not for a party of this size"),
    "OCCUPIED": ("Taken until {until}", "Taken"),
    "BUFFER": ("Too close to something else, until {until}", "Too close to something else"),
    "CAPACITY": ("Not enough left: {free} of {capacity}", "Full"),
    "PACING": ("Too many start then: {free} of {capacity} left", "Too many start then"),
    "HELD": ("Being booked by somebody, until {until}", "Being booked by somebody"),
    "WAITLIST_EARMARK": ("Kept for somebody on the waiting list",),
    "NO_STAFF": ("Away until {until}", "Nobody who does this is free"),
    "NO_RESOURCE_COMBINATION": ("No {role} is free", "What it needs is not free together"),
    "CUSTOMER_CONFLICT": ("You have something else at this time",),
    "QUOTA": (
        "You have had {used} of {limit}; there is more from {resets_at} on", "You have had {used} of {limit}",
        "You have had as many as you may",
    ),
    "NOT_ENTITLED": ("Needs a membership or a pass",),
    "AGE_OR_CONSENT": ("Needs an age or a consent that is missing",),
    "APPROVAL_QUEUE_FULL": ("Too many requests wait for an answer already",),
    "TENANT_SUSPENDED": ("Nothing can be booked here at present",),
}  # fmt: skip
"""The first whose gaps can all be filled from the reason is said; that nothing is free fills none. The page's script
has this table from the page."""
OTHERWISE = "Cannot be booked"


def gaps(sentence: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(sentence) if name]


def sentence(reason: Reason, clock: Clock, on: date) -> Html:
    """Why not, as said on that local date."""
    said = asdict(reason).items()
    known: dict[str, Any] = {name: it for name, it in said if not (it is None or (name == "free" and it == 0))}
    found = next((it for it in SENTENCES.get(reason.code, ()) if known.keys() >= set(gaps(it))), OTHERWISE)
    return together(
        *(
            part
            for words, name, _, _ in Formatter().parse(found)
            for part in (words, told(known[name], clock, on) if name else None)
        )
    )


def told(value: Any, clock: Clock, on: date) -> str:
    match value:
        case datetime():
            return clock.moment(value, on)
        case date():
            return clock.day(value)
        case _:
            return str(value)


def sentences(reasons: Iterable[Reason], clock: Clock, on: date) -> list[Html]:
    """All of them, in their order; what reads the same is said once."""
    return list(dict.fromkeys(sentence(reason, clock, on) for reason in reasons))
