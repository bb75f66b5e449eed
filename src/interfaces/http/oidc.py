"""Logging in by the word of a house elsewhere (OpenID Connect), and whose word is taken."""

import base64
import hmac
import secrets
import time
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import jwt
import msgspec
from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct

from application.access import Access
from application.identity.issuers import (
    DropIssuer,
    Issuers,
    KnowUserAtIssuer,
    NotBelieved,
    Somebody,
    TrustIssuer,
    issuer_of,
    somebody,
)
from application.recorded import Actor
from domain.errors import Conflict
from domain.identity.details import email as normal
from domain.identity.errors import NotAnEmail
from interfaces.bootstrap import House
from interfaces.http.asked import Asked, Reading, Reply, Written, done, reply, written
from interfaces.http.caller import OPEN
from interfaces.http.schema import changes, says
from interfaces.trust import ALGORITHM, minted

LIFE = 600
"""Seconds that an attempt may take."""
LONGEST = 900
"""Seconds for which a token is good: there is no refreshing it, whoever wants another logs in there again."""
PURPOSE = "logins elsewhere"
CODES = (401, 408, 413, 415, 422, 429, 503)
Line = Annotated[str, Meta(min_length=1, max_length=500)]


# whose word is taken


class IssuerSaid(Struct, frozen=True, forbid_unknown_fields=True):
    url: Line
    """As it stands in its tokens (`iss`)."""
    client_id: Annotated[str, Meta(min_length=1, max_length=200)]
    audience: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """For whom its tokens are; unsaid, the client."""
    by: Literal["email", "subject"] = "subject"
    """`subject`: only users who were linked. `email`: also customers, by an address that it has verified."""
    domains: Annotated[tuple[Annotated[str, Meta(max_length=253)], ...], Meta(max_length=50)] = ()
    """By addresses of these domains alone; none: of any."""


class IssuerShown(Struct, frozen=True):
    id: UUID
    version: int
    url: str
    client_id: str
    audience: str
    by: Literal["email", "subject"]
    domains: tuple[str, ...]


class UserThere(Struct, frozen=True, forbid_unknown_fields=True):
    user_id: UUID
    subject: Annotated[str, Meta(min_length=1, max_length=255)]
    """The name by which it knows them (`sub`). Of it only a keyed hash is kept."""


KEYCLOAK = {"url": "https://login.example.org/realms/club", "client_id": "daybook", "by": "email"}


class IssuersOfOrganization(Controller):
    path = "/issuers"
    tags = ("users",)

    @get(opt=says(gives=list[IssuerShown], query=Reading))
    async def issuers(self, request: Asked) -> Reply:
        """Houses elsewhere whose word is taken for who somebody is."""
        asked = request.parameters(Reading)
        found = await request.ask(Issuers(), request.reading(asked.min_position))
        return reply([shown(row) for row in found])

    @put("/{issuer_id:uuid}", sync_to_thread=True, opt=changes(IssuerSaid, KEYCLOAK))
    def trust_issuer(self, request: Asked, issuer_id: FromPath[UUID], body: RawBody) -> Reply:
        """From now on its word is taken so. The id is yours to choose: make up a UUID for a new one."""
        wish = request.wish(body, IssuerSaid)
        audience = wish.audience or wish.client_id
        return done(request, TrustIssuer(issuer_id, wish.url, wish.client_id, audience, wish.by, wish.domains))

    @delete("/{issuer_id:uuid}", sync_to_thread=True, status_code=200, opt=changes())
    def drop_issuer(self, request: Asked, issuer_id: FromPath[UUID], body: RawBody) -> Reply:
        """Its word is not taken any more. Tokens that came of it end within a quarter of an hour."""
        request.no_body(body)
        return done(request, DropIssuer(issuer_id))

    @post(
        "/{issuer_id:uuid}/users",
        sync_to_thread=True,
        status_code=200,
        opt=says(
            takes=UserThere, gives=Written, writes=True, etag=True, codes=(412,),
            example={"user_id": "0197a3f0-0000-7000-8000-000000000061", "subject": "248289761001"},
        ),
    )  # fmt: skip
    def know_user_at_issuer(self, request: Asked, issuer_id: FromPath[UUID], body: RawBody) -> Reply:
        """Who one of the users is there. Whoever is more than a customer can come in from elsewhere only so."""
        wish = request.wish(body, UserThere)
        occasion = request.writing(expects=request.if_match)
        rows, tenant = request.house.rows, occasion.tenant
        blind = blinded(request.house, tenant, issuer_id, wish.subject)
        if rows.external_user(tenant, issuer_id, blind) not in (None, wish.user_id):
            raise SomebodyElseThere
        answer = request.carry_out(KnowUserAtIssuer(issuer_id, wish.user_id), occasion)
        if rows.link_external(tenant, issuer_id, blind, wish.user_id) != wish.user_id:
            raise SomebodyElseThere
        return written(answer)


class SomebodyElseThere(Conflict):
    """To this issuer somebody else goes by that name."""


def shown(row: Any) -> IssuerShown:
    return IssuerShown(row.id, row.version, row.url, row.client_id, row.audience, row.by, tuple(row.domains))


def blinded(house: House, tenant: UUID, issuer: UUID, subject: str) -> bytes:
    """Under which somebody is kept whom an issuer knows by this name."""
    return hmac.digest(house.keys.secret(tenant, "external"), issuer.bytes + subject.encode(), "sha256")


# logging in


class Attempt(Struct, frozen=True, forbid_unknown_fields=True):
    organization_id: UUID
    issuer_id: UUID
    redirect_uri: Line
    """Where the issuer is to send the browser back to, as it is registered there."""


class AttemptMade(Struct, frozen=True):
    attempt: str
    """Keep it in the browser, and send it back with what the issuer has answered. Good once, for ten minutes."""
    authorize_url: str
    """Where the browser goes now."""
    nonce: str
    state: str
    """What the issuer must send back to `redirect_uri`: compare it, so that nobody logs you in as somebody else."""


class LoginElsewhere(Struct, frozen=True, forbid_unknown_fields=True):
    attempt: Annotated[str, Meta(min_length=1, max_length=2000)]
    id_token: Annotated[str, Meta(min_length=1, max_length=16_384)] | None = None
    """What the issuer has signed; or `code`, for which it gives that out."""
    code: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None


BEGINNING = {
    "organization_id": "0197a3f0-0000-7000-8000-000000000001",
    "issuer_id": "0197a3f0-0000-7000-8000-000000000071",
    "redirect_uri": "https://club.example.org/back",
}
RETURNED = {"attempt": "as it was given at the beginning", "code": "SplxlOBeZQQYbYS6WxSbIA"}


class LoggedInElsewhere(Struct, frozen=True):
    access_token: str
    expires_in: int
    organization_id: UUID
    user_id: UUID
    token_type: Literal["Bearer"] = "Bearer"


class Begun(Struct, frozen=True):
    """What an attempt says."""

    org: UUID
    issuer: UUID
    nonce: str
    back: str
    exp: int


class LoginsElsewhere(Controller):
    path = "/oidc"
    tags = ("login",)

    @post(
        "/attempts",
        sync_to_thread=True,
        opt=says(takes=Attempt, gives=AttemptMade, status=201, codes=CODES, example=BEGINNING) | {OPEN: True},
    )
    def begin_login(self, request: Asked, body: RawBody) -> Reply:
        """Somebody wants to log in by the word of an issuer: where the browser goes, with what has to come back."""
        wish = request.wish(body, Attempt)
        house = request.house
        issuer = issuer_of(house.store, wish.organization_id, wish.issuer_id)
        nonce = secrets.token_urlsafe(24)
        begun = Begun(wish.organization_id, wish.issuer_id, nonce, wish.redirect_uri, int(time.time()) + LIFE)
        key = house.ring.newest
        attempt = jwt.encode(
            msgspec.to_builtins(begun), key.derived(PURPOSE), algorithm=ALGORITHM, headers={"kid": key.kid}
        )  # fmt: skip
        state = sha256(attempt.encode()).hexdigest()[:32]
        asked = {
            "response_type": "code", "scope": "openid email", "client_id": issuer.client_id,
            "redirect_uri": wish.redirect_uri, "nonce": nonce, "state": state, "code_challenge_method": "S256",
            "code_challenge": encoded(sha256(verifier(house, nonce).encode()).digest()),
        }  # fmt: skip
        there = house.elsewhere.endpoint(issuer.url, "authorization_endpoint")
        url = f"{there}{'&' if '?' in there else '?'}{urlencode(asked)}"
        return Reply(reply(AttemptMade(attempt, url, nonce, state)).body, 201)

    @post(
        "/logins",
        sync_to_thread=True,
        status_code=200,
        opt=says(takes=LoginElsewhere, gives=LoggedInElsewhere, codes=CODES, example=RETURNED) | {OPEN: True},
    )
    def login_elsewhere(self, request: Asked, body: RawBody) -> Reply:
        """A token for whomever the issuer says it is, in the one organization that takes its word."""
        wish = request.wish(body, LoginElsewhere)
        house = request.house
        begun = read(house, wish.attempt)
        request.scope["state"]["tenant"] = begun.org
        try:
            who = said(house, begun, wish)
        except NotBelieved as refusal:
            record(request, begun, None, refusal.reason)
            raise
        record(request, begun, who, None)
        token, life = issue(house, who, begun.org)
        return reply(LoggedInElsewhere(token, life, begun.org, who.id))


def read(house: House, attempt: str) -> Begun:
    """What an attempt of ours says that is not too old."""
    try:
        key = house.ring.known(jwt.get_unverified_header(attempt).get("kid"), LIFE)
        if key is None:
            raise NotBelieved("attempt_key")
        claims = jwt.decode(attempt, key.derived(PURPOSE), algorithms=[ALGORITHM], options={"require": ["exp"]})
        return msgspec.convert(claims, Begun)
    except (jwt.PyJWTError, msgspec.ValidationError, ValueError, TypeError, RecursionError):
        raise NotBelieved("attempt") from None


def said(house: House, begun: Begun, wish: LoginElsewhere) -> Somebody:
    """Whom the issuer speaks of. An attempt is used up by an answer that is believed."""
    issuer = issuer_of(house.store, begun.org, begun.issuer)
    if (wish.id_token is None) is (wish.code is None):
        raise NotBelieved("one_answer")
    token = wish.id_token
    if token is None:
        token = house.elsewhere.exchanged(issuer, wish.code or "", begun.back, verifier(house, begun.nonce))
    word = house.elsewhere.word(issuer, token, begun.nonce)
    if not house.rows.spend(begun.org, sha256(wish.attempt.encode()).digest(), LIFE + 120):
        raise NotBelieved("attempt_spent")

    def find(email: str) -> list[UUID]:
        try:
            return house.with_address(begun.org, normal(email))
        except NotAnEmail:
            return []

    blind = blinded(house, begun.org, begun.issuer, word.subject)
    return somebody(house.store, house.rows, find, begun.org, issuer, word, blind)


def issue(house: House, who: Somebody, organization: UUID) -> tuple[str, int]:
    """A token for this user in this organization alone: an organization may take anybody's word for who its own people
    are, and for nobody else's. There is no session: it ends by itself, or with the user's role."""
    trust = house.trust
    life = min(trust.longest, LONGEST)
    token = minted(
        trust, role=who.role, subject=str(who.id), organization=organization, life=life, within=who.within,
        version=who.version,
    )  # fmt: skip
    return token, life


def record(request: Asked, begun: Begun, who: Somebody | None, reason: str | None) -> None:
    actor = Actor("user", "unknown", "unknown", auth="oidc") if who is None else Actor(
        "user", str(who.id), who.role, auth="oidc"
    )  # fmt: skip
    outcome: Literal["success", "failed"] = "failed" if who is None else "success"
    entry = Access(begun.org, "login", outcome, actor, request.origin(), reason, "issuer", str(begun.issuer))
    request.house.access_log.record([entry])


def verifier(house: House, nonce: str) -> str:
    """Of PKCE: made anew from the nonce whenever it is needed, and known to nobody but us."""
    return encoded(hmac.digest(house.keys.secret(UUID(int=0), "pkce"), nonce.encode(), "sha256"))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
