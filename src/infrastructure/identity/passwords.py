"""The port `application.identity.accounts.Passwords`, by Argon2id.

A hash says by which parameters it was made, so that they can be raised: whoever logs in with one of old gets a new one.
"""

from collections.abc import Set
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

from domain.identity.password import compared

_COMMON = Path(__file__).with_name("common_words.txt")


class Recipe(Struct, frozen=True):
    """What guessing one password costs. RFC 9106, section 4; OWASP's least."""

    passes: int = 2
    memory: int = 19 * 1024
    """KiB."""
    lanes: int = 1
    salt: int = 16
    length: int = 32


class Argon2:
    """`runs`: how often a hash was worked out: as often for an account that there is as for one that there is not."""

    def __init__(self, recipe: Recipe = Recipe()) -> None:  # noqa: B008  # frozen
        self._hasher = PasswordHasher(
            recipe.passes, recipe.memory, recipe.lanes, recipe.length, recipe.salt, type=Type.ID
        )  # fmt: skip
        self._nobodys = self._hasher.hash("a password that nobody has")
        self.runs = 0

    def hashed(self, password: str) -> str:
        self.runs += 1
        return self._hasher.hash(compared(password))

    def is_right(self, password: str, kept: str | None) -> bool:
        self.runs += 1
        try:
            right = self._hasher.verify(self._nobodys if kept is None else kept, compared(password))
        except (VerificationError, InvalidHashError):
            return False
        return right and kept is not None

    def is_outdated(self, kept: str) -> bool:
        return self._hasher.check_needs_rehash(kept)


@cache
def common_words() -> Set[str]:
    """Those of which no password may consist."""
    lines = _COMMON.read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
