"""The port to people's keys: what needs them, and the words in which it refuses.

Facts are sealed on their way into the log, by the event store; what is answered is opened on its way out, in one step
after the view. Nothing in between holds personal values in the clear, but a command and the decision on it.
"""

import hmac
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID

from domain.errors import Rule
from domain.personal import Clear, Sealed

INSTALLATION = UUID(int=0)
"""In place of a tenant: what belongs to no organization."""


class PersonErased(Rule):
    """This person's details have been erased for good, and no new ones can be kept under the same id."""


class Erased:
    """In place of a value whose key has been destroyed: there was one, and nobody can say which."""

    def __repr__(self) -> str:
        return "erased"


ERASED: Final = Erased()


class Keys(Protocol):
    """People's keys. Every call names the tenant; `Unavailable` when they cannot be had in time."""

    def seal(self, tenant: UUID, of: str, value: Clear) -> Sealed:
        """The value under its person's key, which is made where there is none; or `PersonErased`."""

    def open(self, tenant: UUID, sealed: Sequence[Sealed]) -> list[str | Erased]:
        """The texts, in their order, with one round trip at most."""

    def secret(self, tenant: UUID, purpose: str) -> bytes:
        """A key for this purpose, always the same one, of this tenant alone."""


Fingerprint = Callable[[UUID, str, bytes], bytes]
"""Of a command: tenant, name, body."""


def unkeyed(tenant: UUID, name: str, body: bytes) -> bytes:
    """Where nobody's details can come: things that are only tried out, and measurements."""
    return sha256(tenant.bytes + name.encode() + b"\0" + body).digest()


def fingerprinting(keys: Keys) -> Fingerprint:
    """By which a command that comes again is told from another under the same id. Keyed, for the body may hold what
    somebody is called: a bare hash of that could be guessed by whoever sees the table."""
    known: list[bytes] = []

    def fingerprint(tenant: UUID, name: str, body: bytes) -> bytes:
        if not known:
            known.append(keys.secret(INSTALLATION, "commands"))
        return hmac.digest(known[0], tenant.bytes + name.encode() + b"\0" + body, "sha256")

    return fingerprint
