"""Who is calling: bearer tokens (JWT, HS256), and the organization they speak for."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

import jwt
import msgspec
from litestar.connection import Request
from msgspec import Struct

from application.recorded import Actor
from domain.organization.errors import UnknownOrganization
from interfaces.http.errors import OrganizationNeeded, Unauthenticated
from interfaces.trust import ADMITTED, ALGORITHM, GUEST, PLATFORM, Trust

LEEWAY = 60
"""Seconds that two clocks may differ."""
LONGEST_TOKEN = 4096
API_KEY = b"db_"
"""How an API key begins, and no token does."""
REMEMBERED = 10_000
"""Tokens that are known to be good: checking a signature and its claims again costs more than the whole routing."""
OPEN = "open"
"""The word in a route's `opt` that lets strangers in. Opting out by name leaves nothing to a pattern's anchors."""

NOWHERE = UUID(int=0)


MOST_PLACES = 50
"""To so many locations and resources a token may be limited; it would not fit into a header with many more."""


class Acting(Struct, frozen=True):
    """Who acts for the subject (`act` of RFC 8693)."""

    sub: str


class Claims(Struct, frozen=True):
    """What a token must say, in these types. Other claims are ignored."""

    iat: int | float
    exp: int | float
    sub: str
    role: str
    org: UUID | None = None
    orgs: tuple[UUID, ...] = ()
    sid: str | None = None
    within: tuple[UUID, ...] = ()
    """The locations and resources to which the role is limited."""
    act: Acting | None = None
    ver: int | None = None
    """The version of the user for whom it speaks, as they were when it was made."""


class Revoked(Protocol):
    """Whose tokens are no good any more, although they would live."""

    def __len__(self) -> int: ...
    def session(self, session: str) -> bool: ...
    def user(self, tenant: UUID, user: str, version: int | None, issued: float) -> bool: ...


class Caller(Struct, frozen=True):
    """Somebody who has shown a good token."""

    actor: Actor
    organizations: tuple[UUID, ...]
    good_until: float
    within: tuple[UUID, ...] = ()
    issued: float = 0.0
    version: int | None = None
    scopes: tuple[str, ...] = ()
    """What the key is for; none: whatever the role may."""

    def speaks_for(self, named: str | None) -> UUID:
        """The organization of this request. One that the caller does not belong to is as unknown as one that never
        was; who belongs to none (the platform) has none."""
        if named is not None:
            try:
                wanted = UUID(named)
            except ValueError:
                raise UnknownOrganization from None
            if wanted not in self.organizations:
                raise UnknownOrganization
            return wanted
        if len(self.organizations) > 1:
            raise OrganizationNeeded
        return self.organizations[0] if self.organizations else NOWHERE


class Programs(Protocol):
    """Knows API keys."""

    def caller(self, shown: bytes) -> Caller: ...


class Doorkeeper:
    """Knows a good token, and stands before every route that does not say `open`.

    As the app's `before_request`, not as one of its guards: for those the framework copies the handler at each call,
    which takes longer than looking up a token.
    """

    def __init__(self, trust: Trust, revoked: Revoked | None = None, programs: Programs | None = None) -> None:
        self._programs = programs
        self._trust = trust
        self._revoked = revoked
        self._known: dict[bytes, Caller] = {}
        self._ring = trust.keys
        self._by = self._ring.keys

    async def __call__(self, request: Request[Any, Any, Any]) -> None:
        if not request.route_handler.opt.get(OPEN):
            token = bearer(request.scope["headers"])
            if self._programs is not None and token.startswith(API_KEY) and not self._is_fresh(token):
                self._remember(token, await asyncio.to_thread(self._programs.caller, token))
            request.scope["user"] = self.caller(token)

    def _is_fresh(self, token: bytes) -> bool:
        known = self._known.get(token)
        return known is not None and time.time() < known.good_until

    def _remember(self, token: bytes, caller: Caller) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[token] = caller

    def caller(self, token: bytes) -> Caller:
        """Who shows this token; `Unauthenticated` if it is not good now."""
        if self._by is not self._ring.keys:
            self._by = self._ring.keys
            self._known.clear()  # what was signed by a key that is believed no more
        known = self._known.get(token)
        if known is None:
            known = self._examined(token)
            self._remember(token, known)
        if known.good_until <= time.time():
            self._known.pop(token, None)
            raise Unauthenticated
        if self._revoked and self._is_over(known, self._revoked):
            raise Unauthenticated
        return known

    def _is_over(self, caller: Caller, revoked: Revoked) -> bool:
        """Its login has ended, or who it speaks for, or who acts for them, is not who they were."""
        actor = caller.actor
        if actor.session is not None and revoked.session(actor.session):
            return True
        for organization in caller.organizations:
            if revoked.user(organization, actor.acts_for, caller.version, caller.issued):
                return True
            if actor.on_behalf_of is not None and revoked.user(organization, actor.id, None, caller.issued):
                return True
        return False

    def known(self, authorization: bytes) -> Caller | None:
        """Who shows this header, where its token was found good before: to count by, not to let in."""
        return self._known.get(authorization[7:].strip())

    def _examined(self, token: bytes) -> Caller:
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated
        try:
            # A header may name one of our own few keys. Nothing else in it may choose a key or an algorithm: no jku, no
            # x5u, no jwk, no crit.
            header = jwt.get_unverified_header(token)
            if not header.keys() <= {"alg", "typ", "kid"} or header.get("typ", "JWT") not in ("JWT", "at+jwt"):
                raise Unauthenticated
            key = self._ring.known(header.get("kid"), self._trust.longest)
            if key is None:
                raise Unauthenticated
            claims = msgspec.convert(
                jwt.decode(
                    token, key.secret, algorithms=[ALGORITHM], issuer=self._trust.issuer,
                    audience=self._trust.audience, leeway=LEEWAY,
                    options={"require": ["exp", "iat", "iss", "aud", "sub"]},
                ),
                Claims,
            )  # fmt: skip
            return self._caller(claims)
        except (jwt.PyJWTError, msgspec.ValidationError, ValueError, OverflowError, RecursionError, TypeError):
            raise Unauthenticated from None

    def _caller(self, claims: Claims) -> Caller:
        organizations = tuple(dict.fromkeys((*([claims.org] if claims.org else []), *claims.orgs)))
        subject = claims.sub
        if not 0 < claims.exp - claims.iat <= self._trust.longest:
            raise Unauthenticated
        if claims.role not in ADMITTED or not plain(subject) or len(claims.within) > MOST_PLACES:
            raise Unauthenticated
        if not organizations and claims.role != PLATFORM:
            raise Unauthenticated
        if claims.role == "coach" and not claims.within:
            raise Unauthenticated  # a coach of nothing, who would see everything
        if claims.role in ("customer", GUEST):
            subject = str(UUID(subject))  # bookings name their customer so
        session = claims.sid if claims.sid is None or (claims.sid.isascii() and claims.sid.isprintable()) else None
        who, behalf = (subject, None) if claims.act is None else (claims.act.sub, subject)
        if not plain(who):
            raise Unauthenticated
        actor = Actor("service" if claims.role == "service" else "user", who, claims.role, session, "token", behalf)
        return Caller(actor, organizations, claims.exp + LEEWAY, claims.within, claims.iat, claims.ver)


def plain(name: str) -> bool:
    """Whether it can name somebody: 1 to 200 printable characters of ASCII."""
    return 1 <= len(name) <= 200 and name.isascii() and name.isprintable()


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The token of the one Authorization header."""
    found = [value for name, value in headers if name == b"authorization"]
    if len(found) != 1 or found[0][:7].lower() != b"bearer ":
        raise Unauthenticated
    return found[0][7:].strip()
