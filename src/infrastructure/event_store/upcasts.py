"""Older shapes of facts, lifted to the present one when they are read. What is stored is never rewritten.

An upcast turns the decoded JSON of one tag into that of the next: v1 to v2, v2 to v3. A reader follows the chain, so
that each step is written once and never touched again.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

Fields = dict[str, Any]


class Upcast(NamedTuple):
    """One step: the tag it leads to, and how the fields change. The function may change the dict it is given."""

    to: str
    lift: Callable[[Fields], Fields]


def _held_with_items(fields: Fields) -> Fields:
    """In the first shape a booking was one resource; since the second it has items."""
    item = {
        "item": 1,
        "resource_id": fields.pop("resource_id"),
        "starts_at": fields.pop("starts_at"),
        "ends_at": fields.pop("ends_at"),
        "local_start": fields.pop("local_start"),
        "zone": fields.pop("zone"),
        "units": fields.pop("units", 1),
    }
    return {**fields, "items": [item]}


UPCASTS: dict[str, Upcast] = {
    "booking.held": Upcast("booking.held.v2", _held_with_items),
}


def lift(tag: str, fields: Fields, upcasts: dict[str, Upcast] = UPCASTS) -> tuple[str, Fields]:
    """The present tag and fields of a fact that was stored under `tag`."""
    while (step := upcasts.get(tag)) is not None:
        tag, fields = step.to, step.lift(fields)
    return tag, fields
