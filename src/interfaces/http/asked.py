"""What was asked over HTTP, read strictly, and the answers in the form in which they leave."""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from time import perf_counter
from typing import Annotated, Any, Generic, Literal, TypeVar, cast
from urllib.parse import parse_qsl
from uuid import UUID, uuid5

import msgspec
from litestar import Litestar
from litestar.connection import Request
from litestar.types import Receive, Scope, Send
from msgspec import Meta, Struct
from msgspec.structs import fields, replace
from uuid_utils.compat import uuid7

from application.bus import Answer
from application.event_store import Unavailable
from application.message import Command, Occasion, Query, Stranger
from application.recorded import Origin
from domain.errors import Refusal
from domain.period import instant
from interfaces.bootstrap import House
from interfaces.http.address import household, prefix
from interfaces.http.caller import NOWHERE, Caller
from interfaces.http.doubled import doubled
from interfaces.http.errors import (
    FORMS,
    BadBody,
    BadCursor,
    BadHeader,
    BadQuery,
    PreconditionRequired,
    UnsupportedMedia,
    Wrong,
    wrong,
)  # fmt: skip
from interfaces.trust import GUEST

T = TypeVar("T")

KEY = re.compile(rb"[\x21-\x7e]{1,255}")
ETAG = re.compile(rb'"([0-9]{1,18})"')
POSITION = re.compile(rb"[0-9]{1,18}")
TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
MOST_PARAMETERS = 32
FOUNDING = UUID("6f6c5b1e-3f0a-5d5e-9d5e-0d6f1c8b7a11")
"""Under this name the ids of organizations are made whose founding carries an Idempotency-Key."""

REASON = "^[a-z0-9_ -]{1,64}$"
FORMS |= {REASON: "A reason is a short code of a-z, 0-9, blanks, _ and -, with 1 to 64 characters."}
Reason = Annotated[
    str,
    Meta(pattern=REASON, description="Why, as a short code. Not free text: that could be about somebody."),
]
_LEAP = "(19(7[26]|8[048]|9[26])|2000|2[01](0[48]|[2468][048]|[13579][26]))"
_DAY = "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
_DATE = f"((19[7-9][0-9]|2[01][0-9]{{2}})-{_DAY}|{_LEAP}-02-29)"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = "Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]"
DAY = f"^{_DATE}$"
WHEN = f"^{_DATE}T{_CLOCK}({_OFFSET})?$"
INSTANT = f"^{_DATE}T{_CLOCK}({_OFFSET})$"
FORMS |= {
    DAY: "A date is written 2027-03-14, and lies between 1970 and 2199.",
    WHEN: "A time is written 2027-03-14T09:30, or with its offset 2027-03-14T09:30-04:00, and lies between 1970 and "
    "2199.",
    INSTANT: "An instant is written 2027-03-14T09:30-04:00 or 2027-03-14T13:30Z, and lies between 1970 and 2199. "
    "(In a query + is %2B.)",
}
Day = Annotated[str, Meta(pattern=DAY, description="A local date, 1970 to 2199.")]
When = Annotated[
    str,
    Meta(
        pattern=WHEN,
        description="With an offset (or Z) an instant; without, the time that a clock at the location shows.",
    ),
]
Instant = Annotated[str, Meta(pattern=INSTANT, description="An instant, with its offset from UTC.")]
PositionText = Annotated[
    str,
    Meta(
        pattern="^[0-9]{1,18}$", description="A place in the log, as a write returned it. A string: it outgrows 2^53."
    ),
]
Named = Annotated[str, Meta(min_length=1, max_length=200)]
Limit = Annotated[int, Meta(ge=1, le=500, description="How many rows at most.")]
CursorText = Annotated[str, Meta(max_length=1024, pattern="^[A-Za-z0-9_-]+$", description="`next` of the page before.")]


class Reading(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every question may say besides."""

    min_position: PositionText | None = None
    """Wait, for a moment, until this position is shown: what a write returned as Daybook-Position."""


class Paging(Reading, frozen=True, forbid_unknown_fields=True, kw_only=True):
    limit: Limit = 50
    cursor: CursorText | None = None


class Because(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing needs to be said."""

    reason: Reason | None = None


class Page(Struct, Generic[T], frozen=True):
    """A stretch of rows."""

    data: Sequence[T]
    next: str | None = None
    """The cursor of the next page; null on the last."""


class Written(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a write made of it."""

    id: UUID
    version: int
    """Of what was changed; its ETag."""
    position: PositionText
    """Where it stands in the log. Give it to a later read as `min_position`."""


class Reply:
    """An answer, encoded: an ASGI app of its own, so that no more than necessary happens to it."""

    __slots__ = ("body", "headers", "page", "status")

    def __init__(
        self, body: bytes, status: int = 200, headers: Sequence[tuple[bytes, bytes]] = (),
        media: bytes = b"application/json", page: bool | Literal["form"] = False,
    ) -> None:  # fmt: skip
        self.body = body
        self.status = status
        self.headers = [(b"content-type", media), (b"content-length", str(len(body)).encode()), *headers]
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        if self.page:
            scope["state"]["page"] = self.page
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def reply(answer: Any, headers: Sequence[tuple[bytes, bytes]] = ()) -> Reply:
    return Reply(msgspec.json.encode(answer), headers=headers)


class Inhabited(Litestar):
    """An app, with the house it stands in."""

    house: House
    document: bytes
    """Its OpenAPI document."""


def inhabited(scope: Scope) -> Inhabited:
    return cast("Inhabited", scope["litestar_app"])


class Asked(Request[Caller, None, Any]):
    """A request, with the words that the controllers use."""

    # reading

    @property
    def given(self) -> dict[bytes, bytes]:
        """The headers; of one that comes twice, the last."""
        headers: dict[bytes, bytes] = self.scope["state"]["headers"]
        return headers

    def wish(self, body: bytes, kind: type[T]) -> T:
        """The body, strictly as this type; empty where the type can do without."""
        if not body and self.given.get(b"content-length", b"0") == b"0":
            try:
                return msgspec.json.decode(b"{}", type=kind)
            except msgspec.ValidationError:
                raise BadBody(errors=[Wrong("There is no body.")]) from None
        media = self.given.get(b"content-type", b"application/json").split(b";")[0].strip().lower()
        if media != b"application/json":
            raise UnsupportedMedia
        made = decoder(kind).decode(body)
        if (twice := doubled(body)) is not None:
            raise BadBody(errors=[Wrong("This comes twice.", twice[:64])])
        return made

    def no_body(self, body: bytes) -> None:
        if body:
            raise BadBody(errors=[Wrong("This route takes no body.")])

    def parameters(self, kind: type[T]) -> T:
        """The query, strictly as this type. No parameter comes twice."""
        text = self.scope["query_string"]
        if not text and (usual := _USUAL.get(kind)) is not None:
            return cast("T", usual)
        found: dict[str, str] = {}
        if text:
            try:
                pairs = parse_qsl(
                    text.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict",
                    max_num_fields=MOST_PARAMETERS,
                )  # fmt: skip
            except ValueError:
                raise BadQuery from None
            for name, value in pairs:
                if name in found:
                    raise BadQuery(errors=[Wrong("This comes twice.", name[:64])])
                found[name] = value
        try:
            made = msgspec.convert(found, kind, strict=False)
        except msgspec.ValidationError as error:
            raise BadQuery(errors=[wrong(error)]) from None
        for name, value in found.items():
            # To msgspec the word says that there is nothing: a filter that was given would be none.
            if value.lower() == "null" and any(
                field.encode_name == name and getattr(made, field.name) is None for field in fields(cast("Any", kind))
            ):
                raise BadQuery(errors=[Wrong("There is no null in a query: leave it out.", name)])
        return made

    @property
    def house(self) -> House:
        return inhabited(self.scope).house

    # who and under which id

    @property
    def tenant(self) -> UUID:
        named = self.given.get(b"daybook-organization")
        tenant = self.user.speaks_for(None if named is None else named.decode("latin-1"))
        self.scope["state"]["tenant"] = tenant  # written out with the log line
        return tenant

    def _key(self) -> bytes | None:
        key = self.given.get(b"idempotency-key")
        if key is not None and not KEY.fullmatch(key):
            raise BadHeader(errors=[Wrong("It has 1 to 255 visible ASCII characters.", "Idempotency-Key")])
        return key

    def _command_id(self, within: UUID, key: bytes) -> UUID:
        route = f"{self.scope['method']} {self.scope['path_template']}"
        return uuid5(within, f"{self.user.actor.acts_for}\0{route}\0{key.decode()}")

    def writing(self, reason: str | None = None, expects: int | None = None, founding: bool = False) -> Occasion:
        """The occasion of a command."""
        key = self._key()
        tenant = self.tenant
        if founding:
            tenant = uuid7() if key is None else self._command_id(FOUNDING, key)
        occasion = Occasion(
            tenant=tenant,
            actor=self.user.actor,
            origin=self.origin(),
            command_id=uuid7() if key is None else self._command_id(tenant, key),
            keyed=key is not None,
            reason=reason,
            expects=expects,
            within=self.user.within,
            scopes=self.user.scopes,
        )
        return occasion if self.user.actor.role != GUEST else replace(occasion, stranger=self._stranger(occasion))

    def _stranger(self, occasion: Occasion) -> Stranger:
        shown = self.given.get(b"daybook-hold-token")
        client = self.scope.get("client")
        today = datetime.now(UTC).date()
        return Stranger(
            makes=hashed(self._secret(occasion).encode()),
            shows=None if shown is None else hashed(shown),
            address=None
            if client is None
            else UUID(bytes=self._sealed(f"address {occasion.tenant} {today} {household(client[0])}")[:16]),
        )

    def _secret(self, occasion: Occasion) -> str:
        """What a stranger is told of a hold: the same again when the same command comes again, and kept nowhere."""
        sealed = self._sealed(f"hold {occasion.tenant} {occasion.command_id}")
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def _sealed(self, text: str) -> bytes:
        return hmac.digest(self.house.trust.secret.encode(), text.encode(), "sha256")

    def origin(self) -> Origin:
        state = self.scope["state"]
        trace = self.given.get(b"traceparent")
        found = None if trace is None else TRACE.fullmatch(trace)
        client = self.scope.get("client")
        return Origin(
            "api",
            request_id=state["request_id"],
            trace=None if found is None else found[1].decode(),
            ip_prefix=None if client is None else prefix(client[0]),
        )

    def reading(self, at_least: str | None = None) -> Occasion:
        """The occasion of a question."""
        header = self.given.get(b"daybook-min-position")
        if header is not None and not POSITION.fullmatch(header):
            raise BadHeader(errors=[Wrong("It is a position, as a write returned it.", "Daybook-Min-Position")])
        position = int(at_least or header or 0)
        return Occasion(
            self.tenant,
            self.user.actor,
            ORIGIN,
            NOWHERE,
            min_position=position,
            within=self.user.within,
            scopes=self.user.scopes,
        )

    @property
    def if_match(self) -> int | None:
        """The version that If-Match names; None where there is no such header, or it says `*`."""
        header = self.given.get(b"if-match")
        if header is None or header.strip() == b"*":
            return None
        found = ETAG.fullmatch(header.strip())
        if found is None:
            raise BadHeader(errors=[Wrong('It is one ETag as it was given, for example "3".', "If-Match")])
        return int(found[1])

    @property
    def seen(self) -> int | None:
        """If-Match, without which staff change no booking."""
        if self.user.actor.role not in ("customer", GUEST) and b"if-match" not in self.given:
            raise PreconditionRequired
        return self.if_match

    # asking and writing

    def carry_out(self, command: Command, occasion: Occasion) -> Answer:
        """Through the command bus, counted by what became of it."""
        house = self.house
        name = type(command).__name__
        # Who has waited so long for a thread is answered at once: each of those before may have waited its own second
        # for a database that does not answer, and the caller has long gone.
        if perf_counter() - self.scope["state"]["started"] > house.settings.request_deadline:
            house.metrics.command(name, "unavailable")
            raise Unavailable("The request waited too long for its turn.")
        try:
            answer = house.command_bus.carry_out(command, occasion)
        except Refusal as refusal:
            house.metrics.command(name, refusal.code)
            raise
        except Unavailable as unavailable:
            house.metrics.command(name, "unknown" if unavailable.unknown else "unavailable")
            raise
        house.metrics.command(name, "replayed" if answer.replayed else "recorded" if answer.changed else "unchanged")
        if occasion.stranger is not None and "reference" in answer.result:
            return replace(answer, result={**answer.result, "hold_token": self._secret(occasion)})
        return answer

    async def ask(self, query: Query, occasion: Occasion) -> Any:
        return await self.house.query_bus.ask(query, occasion)


ORIGIN = Origin("api")
_USUAL: dict[Any, Any] = {Reading: Reading(), Paging: Paging()}
"""What a query without a word means, made once."""
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    found = _decoders.get(kind)
    if found is None:
        found = _decoders[kind] = msgspec.json.Decoder(kind)
    return found


def written(answer: Answer, *, location: str | None = None, etag: bool = True) -> Reply:
    """The answer to a write; 201 with its address where it made something. Replayed, it is the same again."""
    position = str(answer.position)
    headers = [(b"daybook-position", position.encode())]
    if etag and (version := answer.result.get("version")) is not None:
        headers.append((b"etag", b'"%d"' % version))
    if location is not None:
        headers.append((b"location", location.encode()))
    if answer.replayed:
        headers.append((b"idempotent-replayed", b"true"))
    body = msgspec.json.encode({**answer.result, "position": position})
    return Reply(body, 200 if location is None else 201, headers)


def done(request: Asked, command: Command) -> Reply:
    """A change of something that is there, by whoever has seen it so (If-Match), or whatever it is by now."""
    return written(request.carry_out(command, request.writing(expects=request.if_match)))


def etag(version: int) -> list[tuple[bytes, bytes]]:
    return [(b"etag", b'"%d"' % version)]


def new_id(occasion: Occasion, what: str) -> UUID:
    """The id of what a command makes: the same again when the same command comes again."""
    return uuid5(occasion.command_id, what) if occasion.keyed else uuid7()


def moment(text: str, field: str) -> datetime:
    """What `When` and `Instant` allow, as a date and time; without offset where there is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise BadBody(errors=[Wrong(f"There is no such time: {error}", field)]) from None


def instant_in_query(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        return instant(datetime.fromisoformat(text))
    except ValueError as error:
        raise BadQuery(errors=[Wrong(f"There is no such time: {error}", name)]) from None


def cursor(after: Any) -> str | None:
    return None if after is None else base64.urlsafe_b64encode(msgspec.json.encode(after)).rstrip(b"=").decode()


def after(text: str | None, kind: Any) -> Any:
    """What a cursor stands for, strictly as this type; None where there is none."""
    if text is None:
        return None
    try:
        found = decoder(kind).decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise BadCursor from None
    if cursor(found) != text:
        raise BadCursor
    return found


Sorted = tuple[Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^\x00]*$")], UUID]
"""Where a page by name ended."""


def hashed(secret: bytes) -> str:
    return sha256(secret).hexdigest()
