"""Values about a person: sealed before they are kept, each under that person's own key.

A command brings them in the clear, a decision puts them into its facts as they came, and the unit of work has them
sealed on their way into the log. What comes back from the log is sealed and stays so: no decision needs to know what
somebody is called, and a fact whose key has been destroyed is folded like any other.
"""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.event import Event


class Clear(Struct, frozen=True, tag_field="is", tag="clear"):
    """A value as somebody wrote it. It is never kept so, and never shown by accident."""

    subject: UUID
    """The person whom it is about, under whose key it will be sealed."""
    text: str

    def __repr__(self) -> str:
        return f"Clear(subject={self.subject})"


class Sealed(Struct, frozen=True, tag_field="is", tag="sealed"):
    """A value that only the person's key opens, and only in its own place."""

    subject: UUID
    key: int
    """Which of the person's keys, counted from 1."""
    of: str
    """Its place, `stream:version:field`: part of what the seal vouches for, so that it cannot be moved unnoticed."""
    box: bytes
    """Nonce, ciphertext and tag of AES-256-GCM."""


Personal = Clear | Sealed


def personal_in(fact: Event) -> Iterator[tuple[str, Personal]]:
    """The personal values of a fact, by field; those of a mapping as `field.name`."""
    for field in fact.personal:
        value = getattr(fact, field)
        if isinstance(value, dict):
            yield from ((f"{field}.{name}", one) for name, one in value.items() if isinstance(one, Clear | Sealed))
        elif isinstance(value, Clear | Sealed):
            yield field, value


def sealed(fact: Event, seal: Callable[[str, Clear], Sealed]) -> Event:
    """The fact with everything that is clear sealed; `seal` is given the field and the value."""
    found: dict[str, Any] = {}
    for field in fact.personal:
        value = getattr(fact, field)
        if isinstance(value, Clear):
            found[field] = seal(field, value)
        elif isinstance(value, dict) and any(isinstance(one, Clear) for one in value.values()):
            found[field] = {
                name: seal(f"{field}.{name}", one) if isinstance(one, Clear) else one for name, one in value.items()
            }
    return replace(fact, **found) if found else fact
