"""Whose tokens are believed, and how one is made: what the API, the command line and the demo agree upon."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt
from msgspec import Struct

from domain.identity.user import ROLES
from infrastructure.settings import Incomplete, Settings

if TYPE_CHECKING:  # the keys know PostgreSQL, which a token on the command line need not wait for
    from infrastructure.identity.signing import Ring

ALGORITHM = "HS256"
PLATFORM = "platform"
"""Whoever runs this Daybook: founds organizations, and belongs to none."""
GUEST = "guest"
"""Somebody without an account: the token's subject is their browser."""
ADMITTED = frozenset({*ROLES, PLATFORM, GUEST, "admin"})
"""The roles that may come through this door. `system` and `importer` act inside only."""


class Trust(Struct, frozen=True):
    """Whose tokens are believed, and for how long."""

    secret: str
    issuer: str = "daybook"
    audience: str = "daybook"
    longest: int = 900
    """Seconds between `iat` and `exp` at most."""
    ring: Any = None
    """The keys that sign and are believed; None: the secret alone."""

    @property
    def keys(self) -> "Ring":
        from infrastructure.identity.signing import Ring

        found: Ring = self.ring or Ring(self.secret)
        return found

    def __repr__(self) -> str:
        return f"Trust(issuer={self.issuer!r}, audience={self.audience!r}, longest={self.longest})"


def trusting(settings: Settings, ring: "Ring | None" = None) -> Trust:
    """Whose tokens these settings believe."""
    if settings.token_secret is None:
        raise Incomplete("DAYBOOK_TOKEN_SECRET is not set: without it nobody could be let in.")
    from infrastructure.identity.signing import Ring

    ring = ring or Ring(settings.token_secret, settings.token_secret_previous)
    return Trust(settings.token_secret, settings.token_issuer, settings.token_audience, settings.token_life, ring)


def minted(
    trust: Trust, *, role: str, subject: str, organization: UUID | None = None, life: int | None = None,
    session: str | None = None, within: Sequence[UUID] = (), acting: str | None = None, version: int | None = None,
) -> str:  # fmt: skip
    """A token that this Daybook lets in: for development, tests and the demo.

    `within`: locations and resources to which the role is limited; `acting`: who acts for the subject;
    `version`: of the user for whom it speaks, so that it ends when something about them changes.
    """
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": trust.issuer, "aud": trust.audience, "iat": now, "exp": now + (life or trust.longest), "sub": subject,
        "role": role,
    }  # fmt: skip
    if organization is not None:
        claims["org"] = str(organization)
    if session is not None:
        claims["sid"] = session
    if within:
        claims["within"] = [str(place) for place in within]
    if acting is not None:
        claims["act"] = {"sub": acting}
    if version is not None:
        claims["ver"] = version
    key = trust.keys.newest
    return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"typ": "at+jwt", "kid": key.kid})
