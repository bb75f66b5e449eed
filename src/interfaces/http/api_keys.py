"""API keys: what programs show instead of a token, and how an organization gives them out."""

import asyncio
import base64
import binascii
import hmac
import secrets
import time
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct
from msgspec.structs import replace

from application.access import Access, Outcome
from application.identity.keys import ApiKeys, IssueApiKey, NotGood, RevokeApiKey, bearer_of
from application.message import Occasion
from application.recorded import Actor, Origin
from application.scopes import SCOPES
from interfaces.bootstrap import House
from interfaces.http.asked import (
    Asked,
    Instant,
    Page,
    Paging,
    Reply,
    Written,
    after,
    cursor,
    moment,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.caller import API_KEY, Caller
from interfaces.http.errors import Unauthenticated
from interfaces.http.schema import says

LOOKED_AT_EVERY = 10.0
"""Seconds for which a key that was good counts as good."""
_ID = 26


def text(tenant: UUID, key_id: UUID, secret: bytes) -> str:
    """The key as it is shown: its id, whose it is, and the secret."""
    told = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    return f"{API_KEY.decode()}{spelled(key_id)}{spelled(tenant)}_{told}"


def spelled(one: UUID) -> str:
    return base64.b32encode(one.bytes).rstrip(b"=").decode().lower()


def read(shown: bytes) -> tuple[UUID, UUID, bytes]:
    """The tenant, the key's id and the secret; `Unauthenticated` where it is none, or is spelled in another way."""
    try:
        names, _, secret = shown.removeprefix(API_KEY).decode("ascii").partition("_")
        key_id, tenant = (
            UUID(bytes=base64.b32decode(part.upper() + "=" * (-len(part) % 8))) for part in (names[:_ID], names[_ID:])
        )
        told = base64.b64decode(secret + "=" * (-len(secret) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Unauthenticated from None
    if len(told) != 32 or text(tenant, key_id, told).encode() != shown:
        raise Unauthenticated
    return tenant, key_id, told


class Programs:
    """Knows good keys."""

    def __init__(self, house: House) -> None:
        self._house = house

    def caller(self, shown: bytes) -> Caller:
        """Who shows this key now. That it was used is written down, and so is every attempt with a wrong one."""
        tenant, key_id, secret = read(shown)
        asked_at = time.time()
        try:
            found = bearer_of(self._house.store, tenant, key_id, secret)
        except NotGood as not_good:
            if not_good.known:
                nobody = Actor("service", "unknown", "unknown", auth="api_key")
                self._house.access_log.record([
                    Access(tenant, "ApiKey", "denied", nobody, Origin("api"), not_good.reason, "api_key", str(key_id))
                ])  # fmt: skip
            raise Unauthenticated from None
        self._house.rows.key_used(tenant, key_id)
        actor = Actor("service", str(found.user_id), found.role, f"key {key_id}", "api_key")
        return Caller(
            actor, (tenant,), asked_at + LOOKED_AT_EVERY, found.within, issued=asked_at, scopes=found.scopes
        )  # fmt: skip


Scope = Annotated[str, Meta(min_length=1, max_length=40, description="One of: " + ", ".join(SCOPES) + ".")]


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    user_id: UUID
    """A user of the role service, for whom the program acts."""
    name: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[a-z0-9_ -]{1,64}$")]
    """What it is for."""
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=20)]
    """`read`, `book`, `manage`, or a part of the API as a whole. They narrow what the user may, and never widen it."""
    within: Annotated[tuple[UUID, ...], Meta(max_length=50)] = ()
    """Locations and resources to which it is limited besides."""
    expires_at: Instant | None = None
    """Within two years; unsaid, a year from now."""


class KeyIssued(Written, frozen=True, omit_defaults=True, kw_only=True):
    key: str
    """Shown here alone: of its secret only a hash is kept."""


class KeyShown(Struct, frozen=True):
    id: UUID
    version: int
    user_id: UUID
    name: str
    begins: str
    """How the key begins, so that it is known where it turns up."""
    scopes: tuple[str, ...]
    within: tuple[UUID, ...]
    issued_at: datetime
    expires_at: datetime
    revoked: bool
    last_used_at: datetime | None
    """To the minute."""


EXAMPLE = {"user_id": "0197a3f0-0000-7000-8000-000000000061", "name": "till", "scopes": ["read", "book"]}


class ApiKeysOfOrganization(Controller):
    path = "/api-keys"
    tags = ("users",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewKey, gives=KeyIssued, status=201, writes=True, makes=True, etag=True, example=EXAMPLE),
    )
    def issue_api_key(self, request: Asked, body: RawBody) -> Reply:
        """A key for a program, which sends it as `Authorization: Bearer`. It is shown in this answer alone; whoever
        repeats the request under its Idempotency-Key gets the same again."""
        wish = request.wish(body, NewKey)
        occasion = request.writing()
        key_id, secret = new_id(occasion, "api key"), secret_for(request.house, occasion)
        expires_at = None if wish.expires_at is None else moment(wish.expires_at, "expires_at")
        answer = request.carry_out(
            IssueApiKey(
                key_id, wish.user_id, wish.name, sha256(secret).hexdigest(), wish.scopes, wish.within, expires_at
            ),
            occasion,
        )
        noted(request.house, occasion, "IssueApiKey", key_id)
        told = {**answer.result, "key": text(occasion.tenant, key_id, secret)}
        return written(replace(answer, result=told), location=f"/api/v1/api-keys/{key_id}")

    @get(opt=says(gives=Page[KeyShown], query=Paging))
    async def api_keys(self, request: Asked) -> Reply:
        """All keys, those that are no good any more as well."""
        asked = request.parameters(Paging)
        occasion = request.reading(asked.min_position)
        found = await request.ask(ApiKeys(after(asked.cursor, UUID), asked.limit), occasion)
        used = await asyncio.to_thread(request.house.rows.keys_used, occasion.tenant)
        await asyncio.to_thread(noted, request.house, replace(occasion, origin=request.origin()), "ApiKeys", None)
        return reply(Page([shown(row, used.get(row.id)) for row in found.rows], cursor(found.next)))

    @delete(
        "/{key_id:uuid}",
        sync_to_thread=True,
        status_code=200,
        opt=says(gives=Written, writes=True, etag=True, codes=(412,)),
    )
    def revoke_api_key(self, request: Asked, key_id: FromPath[UUID], body: RawBody) -> Reply:
        """Nobody gets in by it any more, within seconds and in every process."""
        request.no_body(body)
        occasion = request.writing(expects=request.if_match)
        answer = request.carry_out(RevokeApiKey(key_id), occasion)
        noted(request.house, occasion, "RevokeApiKey", key_id)
        return written(answer)


def secret_for(house: House, occasion: Occasion) -> bytes:
    """256 bits of chance; where the caller may repeat the request, the same for the same request, made from what the
    tenant keeps under its own key."""
    if not occasion.keyed:
        return secrets.token_bytes(32)
    return hmac.digest(house.keys.secret(occasion.tenant, "api keys"), occasion.command_id.bytes, "sha256")


def noted(house: House, occasion: Occasion, action: str, key_id: UUID | None, outcome: Outcome = "success") -> None:
    about = None if key_id is None else str(key_id)
    entry = Access(occasion.tenant, action, outcome, occasion.actor, occasion.origin, None, "api_key", about)
    house.access_log.record([entry])


def shown(row: Any, used_at: datetime | None) -> KeyShown:
    return KeyShown(
        row.id, row.version, row.user_id, row.name, f"{API_KEY.decode()}{spelled(row.id)}", tuple(row.scopes),
        tuple(row.within), row.issued_at, row.expires_at, row.revoked, used_at,
    )  # fmt: skip
