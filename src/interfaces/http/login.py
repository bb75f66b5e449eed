"""Where people say who they are: open to strangers, and the same to those whom it knows and those whom it does not."""

from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, post
from litestar.params import RawBody
from msgspec import Meta, Struct

from application.identity.accounts import Visit
from interfaces.http.address import household
from interfaces.http.asked import Asked, Reply, reply
from interfaces.http.caller import OPEN
from interfaces.http.schema import says

Address = Annotated[str, Meta(min_length=3, max_length=320, description="An e-mail address.")]
Password = Annotated[
    str, Meta(min_length=1, max_length=1024, description="Exactly as it was chosen: 12 to 128 characters of any kind.")
]
Code = Annotated[
    str, Meta(min_length=6, max_length=40, description="What the telephone shows, or one of the recovery codes.")
]
Token = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[A-Za-z0-9_-]+$")]
PersonName = Annotated[str, Meta(min_length=1, max_length=200)]

PASSWORD = "moss lantern quietly orbits"  # an example
TOKEN = "c2hvd24gYnkgdGhlIGxldHRlcg"


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    email: Address
    password: Password
    code: Code | None = None
    """Where a second factor is set: without it the answer is `second_factor_needed`."""
    organization_id: UUID | None = None
    """Whose member the access token is to speak for; needed by those only who are in several."""


class Refreshing(Struct, frozen=True, forbid_unknown_fields=True):
    refresh_token: Token
    organization_id: UUID | None = None
    """Another organization of yours than before, if you like."""


class Leaving(Struct, frozen=True, forbid_unknown_fields=True):
    refresh_token: Token


class Registering(Struct, frozen=True, forbid_unknown_fields=True):
    organization_id: UUID
    email: Address


class Accepting(Struct, frozen=True, forbid_unknown_fields=True):
    token: Token
    """From the letter."""
    password: Password
    """Of the account with this address; where there is none, of the new one."""
    code: Code | None = None
    name: PersonName | None = None
    """What a new customer is called."""


class Forgetful(Struct, frozen=True, forbid_unknown_fields=True):
    email: Address


class Resetting(Struct, frozen=True, forbid_unknown_fields=True):
    token: Token
    """From the letter."""
    password: Password


class Verifying(Struct, frozen=True, forbid_unknown_fields=True):
    token: Token
    """From the letter."""


class Membership(Struct, frozen=True):
    organization_id: UUID
    organization: str
    user_id: UUID
    role: str


class LoggedIn(Struct, frozen=True):
    """Keep the refresh token where nobody else can read it; it is good for one exchange."""

    login_id: UUID
    access_token: str | None
    """For the Authorization header. Null where it is not clear whom it is to speak for: name one of the memberships
    when you refresh."""
    expires_in: int
    """Seconds for which the access token is good."""
    refresh_token: str
    organization_id: UUID | None
    memberships: list[Membership]
    token_type: Literal["Bearer"] = "Bearer"


class Heard(Struct, frozen=True):
    """It has been heard. Whether anybody has this address is not said."""

    status: Literal["heard"] = "heard"


class Done(Struct, frozen=True):
    status: Literal["done"] = "done"


HEARD, DONE = Heard(), Done()
CODES = (401, 408, 413, 415, 422, 429, 503)


def strangers(**about: Any) -> dict[str, Any]:
    return says(**{"codes": CODES, **about}) | {OPEN: True}


class Reception(Controller):
    tags = ("login",)

    @post("/login", status_code=200, opt=strangers(
        takes=Credentials, gives=LoggedIn, example={"email": "ana@example.org", "password": PASSWORD},
    ))  # fmt: skip
    async def log_in(self, request: Asked, body: RawBody) -> Reply:
        """An access token for a quarter of an hour, and a refresh token for the next. To whoever gets it wrong the
        answer is the same, whatever was wrong; who tries often waits, longer each time."""
        wish = request.wish(body, Credentials)
        desk = request.house.reception
        return logged_in(await request.house.at_desk(
            partial(desk.login, wish.email, wish.password, wish.code, wish.organization_id, visit(request))
        ))  # fmt: skip

    @post("/login/refresh", status_code=200, opt=strangers(
        takes=Refreshing, gives=LoggedIn, example={"refresh_token": TOKEN},
    ))  # fmt: skip
    async def refresh_login(self, request: Asked, body: RawBody) -> Reply:
        """Both tokens anew. One that comes a second time ends the login: it has been stolen from somebody."""
        wish = request.wish(body, Refreshing)
        desk = request.house.reception
        return logged_in(await request.house.at_desk(
            partial(desk.refresh, wish.refresh_token, wish.organization_id, visit(request))
        ))  # fmt: skip

    @post("/logout", status_code=200, opt=strangers(takes=Leaving, gives=Done, example={"refresh_token": TOKEN}))
    async def log_out(self, request: Asked, body: RawBody) -> Reply:
        """The login that this token belongs to is over. To show one that is no good any more does no harm."""
        wish = request.wish(body, Leaving)
        desk = request.house.reception
        await request.house.at_desk(partial(desk.logout, wish.refresh_token, visit(request)))
        return reply(DONE)

    @post("/registrations", status_code=202, opt=strangers(
        takes=Registering, gives=Heard, status=202, codes=(*CODES, 404),
        example={"organization_id": "018f4e6e-3a0e-7c3a-9b1f-6b1f6f0c2d11", "email": "ana@example.org"},
    ))  # fmt: skip
    async def register_oneself(self, request: Asked, body: RawBody) -> Reply:
        """Become a customer of an organization: the token to go on with (`/acceptances`) is sent to the address."""
        wish = request.wish(body, Registering)
        desk = request.house.reception
        await request.house.at_desk(partial(desk.register, wish.email, wish.organization_id, visit(request)))
        return heard()

    @post("/acceptances", status_code=200, opt=strangers(
        takes=Accepting, gives=LoggedIn, example={"token": TOKEN, "password": PASSWORD, "name": "Ana Lopes"},
    ))  # fmt: skip
    async def accept_invitation(self, request: Asked, body: RawBody) -> Reply:
        """Join with the token of an invitation or a registration, and be logged in. With the account that has this
        address, or a new one."""
        wish = request.wish(body, Accepting)
        desk = request.house.reception
        return logged_in(await request.house.at_desk(
            partial(desk.accept, wish.token, wish.password, wish.code, wish.name, visit(request))
        ))  # fmt: skip

    @post("/password-resets", status_code=202, opt=strangers(
        takes=Forgetful, gives=Heard, status=202, example={"email": "ana@example.org"},
    ))  # fmt: skip
    async def ask_password_reset(self, request: Asked, body: RawBody) -> Reply:
        """Whoever has an account with this address is sent a token, good for half an hour."""
        wish = request.wish(body, Forgetful)
        desk = request.house.reception
        await request.house.at_desk(partial(desk.ask_reset, wish.email, visit(request)))
        return heard()

    @post("/password-resets/completion", status_code=200, opt=strangers(
        takes=Resetting, gives=Done, example={"token": TOKEN, "password": PASSWORD},
    ))  # fmt: skip
    async def reset_password(self, request: Asked, body: RawBody) -> Reply:
        """A new password. All logins are over, and from here you come in, whatever others have tried."""
        wish = request.wish(body, Resetting)
        desk = request.house.reception
        await request.house.at_desk(partial(desk.reset, wish.token, wish.password, visit(request)))
        return reply(DONE)

    @post("/email-verifications", status_code=200, opt=strangers(
        takes=Verifying, gives=Done, example={"token": TOKEN},
    ))  # fmt: skip
    async def verify_email(self, request: Asked, body: RawBody) -> Reply:
        """The address to which the token was sent is that of the account from now on."""
        wish = request.wish(body, Verifying)
        desk = request.house.reception
        await request.house.at_desk(partial(desk.verify_email, wish.token, visit(request)))
        return reply(DONE)


def logged_in(entered: Any) -> Reply:
    member = entered.member
    return reply(
        LoggedIn(
            entered.session, entered.access_token, entered.lives, entered.refresh_token,
            None if member is None else member.organization_id,
            [Membership(one.organization_id, one.organization, one.user_id, one.role) for one in entered.members],
        )
    )  # fmt: skip


def heard() -> Reply:
    found = reply(HEARD)
    found.status = 202
    return found


def visit(request: Asked) -> Visit:
    """From where somebody asks."""
    client = request.scope.get("client")
    agent = request.given.get(b"user-agent", b"").decode("latin-1")
    shown = "".join(sign for sign in agent if sign.isascii() and sign.isprintable())[:200]
    return Visit(request.origin(), household(client[0]) if client else "", shown or None)
