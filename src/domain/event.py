"""The fact, and the names under which facts are kept."""

from typing import ClassVar

from msgspec import Struct

KNOWN: dict[str, type["Event"]] = {}
"""Every fact by the name it has on disk."""


class Event(Struct, frozen=True, forbid_unknown_fields=True):
    """A bare fact. Who, when and under which command it was recorded stand on the envelope, once.

    `tag` is the name on disk. It is chosen once and for ever: classes and files may move, tags may not. A second shape
    of the same fact gets `.v2` and an upcast from the first.
    """

    tag: ClassVar[str]
    personal: ClassVar[tuple[str, ...]] = ()
    """Its fields that are about a person (`domain.personal`): each a value, or a mapping of them."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        tag = cls.__dict__.get("tag")
        if tag is None:
            raise TypeError(f"{cls.__name__} needs a tag: the name under which it is kept for ever")
        taken = KNOWN.get(tag)
        if taken is not None and taken.__qualname__ != cls.__qualname__:
            raise TypeError(f"{cls.__name__} and {taken.__name__} both want the tag {tag!r}")
        KNOWN[tag] = cls


def action(tag: str) -> str:
    """What happened, whatever the shape: `booking.held.v2` and `booking.held` are both `booking.held`."""
    stem, _, last = tag.rpartition(".")
    return stem if last[:1] == "v" and last[1:].isdigit() else tag
