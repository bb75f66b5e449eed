"""Who is registered in the organization, what they may do, and what is known about them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath, RawBody
from msgspec import UNSET, Meta, Struct, UnsetType

from application.identity.commands import (
    ChangeRole,
    DeactivateUser,
    DescribeUser,
    ForgetDetails,
    RegisterCustomer,
    RegisterUser,
)
from application.identity.queries import FindPeople, People, TheUser
from domain.errors import Rule
from domain.identity.details import FIELDS, Details
from domain.identity.errors import UnknownUser
from interfaces.http.asked import (
    Asked,
    Because,
    CursorText,
    Page,
    Paging,
    PositionText,
    Reading,
    Reply,
    Written,
    after,
    cursor,
    etag,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.errors import BadBody, BadCursor, Wrong
from interfaces.http.schema import says

Role = Literal["owner", "admin", "manager", "staff", "coach", "customer", "compliance", "service"]
Within = Annotated[
    tuple[UUID, ...],
    Meta(max_length=50, description="The locations and resources to which the role is limited; none: all of them."),
]
Field = Literal["name", "email", "phone", "birth_date", "note", "locale"]

assert Field.__args__ == FIELDS  # type: ignore[attr-defined]

Line = Annotated[str, Meta(min_length=1, max_length=300)]


class DetailsSaid(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is not named stays as it is. Kept sealed, under the person's own key."""

    name: Line | UnsetType = UNSET
    email: Line | UnsetType = UNSET
    phone: Line | UnsetType = UNSET
    """With the country's code: +351 912 345 678."""
    birth_date: Line | UnsetType = UNSET
    note: Annotated[str, Meta(min_length=1, max_length=2000)] | UnsetType = UNSET
    """Free text."""
    locale: Line | UnsetType = UNSET
    """A language, and a region if need be: pt-PT."""


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role
    details: DetailsSaid = DetailsSaid()
    within: Within = ()


class UserChange(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role
    within: Within = ()


class PeopleAsked(Paging, frozen=True, forbid_unknown_fields=True, kw_only=True):
    role: Role | None = None


class Wanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of these must be so; at least one is named. In a body, for an address is written down everywhere."""

    email: Line | None = None
    phone: Line | None = None
    last_four: Annotated[str, Meta(min_length=4, max_length=4)] | None = None
    """The last four digits of the phone number."""
    name: Line | None = None
    """How words of the name begin, without regard to accents: at least three letters, or a shorter word as a whole."""
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: CursorText | None = None
    min_position: PositionText | None = None


class OtherCursor(Rule):
    """This cursor is of no search: take `next` of the page before."""


def found_after(text: str | None) -> UUID | None:
    """Where a search goes on. In a body a cursor is a value like others, which a rule may refuse."""
    try:
        found: UUID | None = after(text, UUID)
    except BadCursor:
        raise OtherCursor from None
    return found


class DetailsShown(Struct, frozen=True):
    """What is known; null is what is not, or not any more."""

    name: str | None
    email: str | None
    phone: str | None
    birth_date: str | None
    note: str | None
    locale: str | None


class User(Struct, frozen=True):
    id: UUID
    version: int
    role: Role
    active: bool
    registered_at: datetime
    details: DetailsShown
    erased: bool
    """There were details, and nobody can read them any more."""
    position: PositionText


EXAMPLE = {"name": "Example Person", "email": "person@example.org", "phone": "+1 555 0100 000", "locale": "en"}


class Users(Controller):
    path = "/users"
    tags = ("users",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewUser, gives=Written, status=201, writes=True, makes=True, etag=True,
                 example={"role": "customer", "details": EXAMPLE}),
    )  # fmt: skip
    def register_user(self, request: Asked, body: RawBody) -> Reply:
        """Somebody of this organization: staff may register customers, owners everybody. Tokens of theirs carry the
        answer's `id` as `sub`; a customer needs none."""
        wish = request.wish(body, NewUser)
        occasion = request.writing()
        user_id, details = new_id(occasion, "user"), said(wish.details)
        command = (
            RegisterCustomer(user_id, details)
            if wish.role == "customer" and not wish.within
            else RegisterUser(user_id, wish.role, details, wish.within)
        )
        return written(request.carry_out(command, occasion), location=f"/api/v1/users/{user_id}")

    @get(opt=says(gives=Page[User], query=PeopleAsked))
    async def people(self, request: Asked) -> Reply:
        """Everybody who is registered here, by id: nearly the order in which they came."""
        asked = request.parameters(PeopleAsked)
        query = People(after(asked.cursor, UUID), asked.limit, asked.role)
        found = await request.ask(query, request.reading(asked.min_position))
        return reply(Page([shown(row) for row in found.rows], cursor(found.next)))

    @post(
        "/search",
        status_code=200,
        opt=says(takes=Wanted, gives=Page[User], example={"last_four": "0100"}, codes=(422,)),
    )
    async def find_people(self, request: Asked, body: RawBody) -> Reply:
        """Who has all of these. A page may be empty and yet have a next."""
        wish = request.wish(body, Wanted)
        query = FindPeople(
            wish.email, wish.phone, wish.last_four, wish.name, found_after(wish.cursor), wish.limit
        )  # fmt: skip
        found = await request.ask(query, request.reading(wish.min_position))
        return reply(Page([shown(row) for row in found.rows], cursor(found.next)))

    @get("/me", opt=says(gives=User, query=Reading, etag=True))
    async def own_profile(self, request: Asked) -> Reply:
        """Whoever asks, as they are known here."""
        return await one(request, me(request))

    @get("/{user_id:uuid}", opt=says(gives=User, query=Reading, etag=True))
    async def the_user(self, request: Asked, user_id: FromPath[UUID]) -> Reply:
        """One of them. To a customer everybody but themselves is unknown."""
        return await one(request, user_id)

    @patch(
        "/{user_id:uuid}",
        sync_to_thread=True,
        opt=says(takes=UserChange, gives=Written, writes=True, etag=True, codes=(412,), example={"role": "manager"}),
    )
    def change_role(self, request: Asked, user_id: FromPath[UUID], body: RawBody) -> Reply:
        """They may do other things."""
        wish = request.wish(body, UserChange)
        command = ChangeRole(user_id, wish.role, wish.within)
        return written(request.carry_out(command, request.writing(expects=request.if_match)))

    @patch(
        "/me/details",
        sync_to_thread=True,
        opt=says(takes=DetailsSaid, gives=Written, writes=True, etag=True, codes=(412,), some=True, example=EXAMPLE),
    )
    def describe_oneself(self, request: Asked, body: RawBody) -> Reply:
        """What is to be known about whoever asks."""
        return describe(request, me(request), body)

    @patch(
        "/{user_id:uuid}/details",
        sync_to_thread=True,
        opt=says(takes=DetailsSaid, gives=Written, writes=True, etag=True, codes=(412,), some=True, example=EXAMPLE),
    )
    def describe_user(self, request: Asked, user_id: FromPath[UUID], body: RawBody) -> Reply:
        """What is to be known about them."""
        return describe(request, user_id, body)

    @delete(
        "/me/details/{field:str}",
        sync_to_thread=True,
        status_code=200,
        opt=says(gives=Written, writes=True, etag=True, codes=(412,)),
    )
    def forget_own_detail(self, request: Asked, field: FromPath[str], body: RawBody) -> Reply:
        """It is to be known about whoever asks no longer."""
        request.no_body(body)
        return forget(request, me(request), field)

    @delete(
        "/{user_id:uuid}/details/{field:str}",
        sync_to_thread=True,
        status_code=200,
        opt=says(gives=Written, writes=True, etag=True, codes=(412,)),
    )
    def forget_detail(self, request: Asked, user_id: FromPath[UUID], field: FromPath[str], body: RawBody) -> Reply:
        """It is to be known about them no longer: name, email, phone, birth_date, note or locale."""
        request.no_body(body)
        return forget(request, user_id, field)

    @post(
        "/{user_id:uuid}/deactivation",
        sync_to_thread=True,
        opt=says(takes=Because, gives=Written, writes=True, etag=True, codes=(412,), example={"reason": "left"}),
    )
    def deactivate_user(self, request: Asked, user_id: FromPath[UUID], body: RawBody) -> Reply:
        """They may do nothing any more."""
        wish = request.wish(body, Because)
        return written(request.carry_out(DeactivateUser(user_id), request.writing(wish.reason, request.if_match)))


def me(request: Asked) -> UUID:
    """The user whom a token speaks for; some speak for none that is registered."""
    try:
        return UUID(request.user.actor.acts_for)
    except ValueError:
        raise UnknownUser from None


async def one(request: Asked, user_id: UUID) -> Reply:
    asked = request.parameters(Reading)
    found = await request.ask(TheUser(user_id), request.reading(asked.min_position))
    return reply(shown(found), etag(found.version))


def describe(request: Asked, user_id: UUID, body: bytes) -> Reply:
    details = said(request.wish(body, DetailsSaid))
    if details == Details():
        raise BadBody(errors=[Wrong("It names nothing to change.")])
    return written(request.carry_out(DescribeUser(user_id, details), request.writing(expects=request.if_match)))


def forget(request: Asked, user_id: UUID, field: str) -> Reply:
    return written(request.carry_out(ForgetDetails(user_id, (field,)), request.writing(expects=request.if_match)))


def said(wish: DetailsSaid) -> Details:
    return Details(**{field: value for field in FIELDS if (value := getattr(wish, field)) is not UNSET})


def shown(row: Any) -> User:
    values = {field: getattr(row, field) for field in FIELDS}
    details = DetailsShown(**{field: value if isinstance(value, str) else None for field, value in values.items()})
    erased = row.erased or any(value is not None and not isinstance(value, str) for value in values.values())
    return User(
        row.id, row.version, row.role, row.active, row.registered_at, details, erased, str(row.position)
    )  # fmt: skip
