"""One's own account: its logins, password, address and second factor; and who is invited to have one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct

from application.identity.commands import InviteUser, RegisterUser
from application.identity.reception import address_of
from domain.identity.details import Details
from interfaces.http.asked import Asked, Reply, Written, new_id, reply, written
from interfaces.http.identity import Role
from interfaces.http.login import (
    DONE,
    PASSWORD,
    Address,
    Code,
    Done,
    Heard,
    LoggedIn,
    Membership,
    Password,
    PersonName,
    heard,
    logged_in,
    visit,
)
from interfaces.http.schema import says

CODES = (401, 408, 413, 415, 422, 429)


class AccountShown(Struct, frozen=True):
    email: str | None
    second_factor: bool
    memberships: list[Membership]


class Login(Struct, frozen=True):
    id: UUID
    auth: str
    """How they showed who they are: password, password+totp or password+recovery."""
    ip_prefix: str | None
    """From where: not the whole address."""
    client: str | None
    """What the program called itself."""
    began_at: datetime
    used_at: datetime
    current: bool


class Logins(Struct, frozen=True):
    data: list[Login]


class NewPassword(Struct, frozen=True, forbid_unknown_fields=True):
    password: Password
    """The old one."""
    new_password: Password


class NewAddress(Struct, frozen=True, forbid_unknown_fields=True):
    password: Password
    email: Address


class Again(Struct, frozen=True, forbid_unknown_fields=True):
    """The password once more: a token may have been left lying about."""

    password: Password


class FirstCode(Struct, frozen=True, forbid_unknown_fields=True):
    code: Code


class SecondFactor(Struct, frozen=True):
    secret: Annotated[str, Meta(description="For an app that shows codes (TOTP), by hand.")]
    address: Annotated[str, Meta(description="The same, to be shown as a square of dots (otpauth).")]


class RecoveryCodes(Struct, frozen=True):
    """Each is good once, in place of the telephone. Nobody can see them again."""

    codes: list[str]


class Invitation(Struct, frozen=True, forbid_unknown_fields=True):
    email: Address
    role: Role
    name: PersonName | None = None


class InvitationOfUser(Struct, frozen=True, forbid_unknown_fields=True):
    email: Address


AGAIN = {"password": PASSWORD}


class OwnAccount(Controller):
    path = "/account"
    tags = ("login",)

    @get(opt=says(gives=AccountShown))
    async def own_account(self, request: Asked) -> Reply:
        """Who has logged in, and which users of which organizations they are."""
        desk = request.house.reception

        def look() -> AccountShown:
            who = desk.account_of(request.user.actor.session)
            email, second = desk.email_of(who)
            members = [
                Membership(one.organization_id, one.organization, one.user_id, one.role) for one in desk.members(who)
            ]
            return AccountShown(email, second, members)

        return reply(await request.house.at_desk(look))

    @get("/logins", opt=says(gives=Logins))
    async def own_logins(self, request: Asked) -> Reply:
        """All logins of this account that are not over: when, from where, with what."""
        desk, current = request.house.reception, request.user.actor.session
        found = await request.house.at_desk(lambda: desk.sessions(desk.account_of(current)))
        shown = [
            Login(one.id, one.auth, one.ip_prefix, one.client, one.began_at, one.used_at, str(one.id) == current)
            for one in found
        ]
        return reply(Logins(shown))

    @delete("/logins/{login_id:uuid}", status_code=200, opt=says(gives=Done))
    async def end_login(self, request: Asked, login_id: FromPath[UUID], body: RawBody) -> Reply:
        """It is over, and its tokens are good no more: everywhere within seconds."""
        request.no_body(body)
        desk, current = request.house.reception, request.user.actor.session
        seen = visit(request)
        await request.house.at_desk(lambda: desk.end(desk.account_of(current), login_id, seen))
        return reply(DONE)

    @delete("/logins", status_code=200, opt=says(gives=Done))
    async def end_all_logins(self, request: Asked, body: RawBody) -> Reply:
        """All of them are over, this one as well."""
        request.no_body(body)
        desk, current = request.house.reception, request.user.actor.session
        seen = visit(request)
        await request.house.at_desk(lambda: desk.end_all(desk.account_of(current), seen))
        return reply(DONE)

    @put("/password", status_code=200, opt=says(
        takes=NewPassword, gives=LoggedIn, codes=CODES,
        example={"password": PASSWORD, "new_password": "other lanterns drift in moss"},
    ))  # fmt: skip
    async def change_password(self, request: Asked, body: RawBody) -> Reply:
        """All logins are over, this one too, and the answer is a new one."""
        wish = request.wish(body, NewPassword)
        desk, current, tenant, seen = (
            request.house.reception,
            request.user.actor.session,
            request.tenant,
            visit(request),
        )
        return logged_in(await request.house.at_desk(
            lambda: desk.change_password(desk.account_of(current), wish.password, wish.new_password, tenant, seen)
        ))  # fmt: skip

    @put("/email", status_code=202, opt=says(
        takes=NewAddress, gives=Heard, status=202, codes=CODES,
        example={"password": PASSWORD, "email": "ana.lopes@example.org"},
    ))  # fmt: skip
    async def change_email(self, request: Asked, body: RawBody) -> Reply:
        """A token is sent to the new address; until it is shown (`/email-verifications`), all stays as it is."""
        wish = request.wish(body, NewAddress)
        desk, current, seen = request.house.reception, request.user.actor.session, visit(request)
        await request.house.at_desk(
            lambda: desk.ask_email(desk.account_of(current), wish.password, wish.email, seen)
        )  # fmt: skip
        return heard()

    @post("/second-factor", status_code=200, opt=says(takes=Again, gives=SecondFactor, codes=CODES, example=AGAIN))
    async def offer_second_factor(self, request: Asked, body: RawBody) -> Reply:
        """A secret for an app that shows codes. Nothing is asked for until its first code has been shown."""
        wish = request.wish(body, Again)
        desk, current, seen = request.house.reception, request.user.actor.session, visit(request)
        offered = await request.house.at_desk(
            lambda: desk.offer_second_factor(desk.account_of(current), wish.password, seen)
        )
        return reply(SecondFactor(offered.secret, offered.address))

    @post("/second-factor/confirmation", status_code=200, opt=says(
        takes=FirstCode, gives=RecoveryCodes, codes=CODES, example={"code": "287082"},
    ))  # fmt: skip
    async def confirm_second_factor(self, request: Asked, body: RawBody) -> Reply:
        """From now on a code is asked for at each login."""
        wish = request.wish(body, FirstCode)
        desk, current, seen = request.house.reception, request.user.actor.session, visit(request)
        codes = await request.house.at_desk(
            lambda: desk.confirm_second_factor(desk.account_of(current), wish.code, seen)
        )
        return reply(RecoveryCodes(codes))

    @post("/second-factor/removal", status_code=200, opt=says(takes=Again, gives=Done, codes=CODES, example=AGAIN))
    async def remove_second_factor(self, request: Asked, body: RawBody) -> Reply:
        """The password alone lets in again; the recovery codes are gone."""
        wish = request.wish(body, Again)
        desk, current, seen = request.house.reception, request.user.actor.session, visit(request)
        await request.house.at_desk(lambda: desk.remove_second_factor(desk.account_of(current), wish.password, seen))
        return reply(DONE)

    @post("/recovery-codes", status_code=200, opt=says(takes=Again, gives=RecoveryCodes, codes=CODES, example=AGAIN))
    async def new_recovery_codes(self, request: Asked, body: RawBody) -> Reply:
        """Ten new ones in place of the old."""
        wish = request.wish(body, Again)
        desk, current, seen = request.house.reception, request.user.actor.session, visit(request)
        codes = await request.house.at_desk(
            lambda: desk.new_recovery_codes(desk.account_of(current), wish.password, seen)
        )
        return reply(RecoveryCodes(codes))


class Invitations(Controller):
    tags = ("login",)

    @post(
        "/invitations",
        sync_to_thread=True,
        opt=says(takes=Invitation, gives=Written, status=201, writes=True, makes=True, etag=True,
                 example={"email": "rui@example.org", "role": "staff", "name": "Rui Alves"}),
    )  # fmt: skip
    def invite_somebody(self, request: Asked, body: RawBody) -> Reply:
        """Register somebody who may act here, and send them a token by which they join, good for a week."""
        wish = request.wish(body, Invitation)
        occasion = request.writing()
        user_id = new_id(occasion, "user")
        answer = request.carry_out(
            RegisterUser(user_id, wish.role, Details(name=wish.name, email=wish.email)), occasion
        )  # fmt: skip
        request.house.reception.invite(wish.email, occasion.tenant, user_id)
        return written(answer, location=f"/api/v1/users/{user_id}")

    @post(
        "/users/{user_id:uuid}/invitation",
        sync_to_thread=True,
        status_code=200,
        opt=says(takes=InvitationOfUser, gives=Written, writes=True, etag=True, codes=(412,),
                 example={"email": "rui@example.org"}),
    )  # fmt: skip
    def invite_user(self, request: Asked, user_id: FromPath[UUID], body: RawBody) -> Reply:
        """Send somebody who is registered here, and has no account yet, a token by which they get one."""
        wish = request.wish(body, InvitationOfUser)
        address_of(wish.email)  # before anything is recorded
        occasion = request.writing(expects=request.if_match)
        answer = request.carry_out(InviteUser(user_id), occasion)
        request.house.reception.invite(wish.email, occasion.tenant, user_id)
        return written(answer)
