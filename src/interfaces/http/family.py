"""Families: who may act for whom; and consents: what is asked, and what was said to it."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct

from application.family.commands import (
    AddDependant,
    AddGuardian,
    AskConsent,
    AskConsentNoLonger,
    ChangeRights,
    ComeOfAge,
    DissolveFamily,
    FoundFamily,
    GiveConsent,
    InviteGuardian,
    JoinFamily,
    LeaveFamily,
    RegisterDependant,
    WithdrawConsent,
)
from application.family.queries import ConsentsOf, Families, HistoryOfConsents, TheFamily, WhatIsAsked
from domain.errors import Rule
from domain.family import consents as said
from domain.family.events import Right
from interfaces.http.asked import (
    Asked,
    Day,
    Page,
    Paging,
    PositionText,
    Reading,
    Reply,
    Written,
    after,
    cursor,
    done,
    new_id,
    reply,
    written,
)
from interfaces.http.identity import DetailsSaid
from interfaces.http.identity import said as details_of
from interfaces.http.listing import one_of, page_of
from interfaces.http.schema import changes, says

Version = Annotated[int, Meta(ge=1, le=said.MOST_VERSIONS, description="Of the words that are shown to people.")]
Some = Annotated[tuple[UUID, ...], Meta(max_length=50)]


class NewFamily(Struct, frozen=True, forbid_unknown_fields=True):
    guardian_id: UUID | None = None
    """Its first guardian; a customer is that themselves."""


class NewGuardian(Struct, frozen=True, forbid_unknown_fields=True):
    user_id: UUID


class DetailsAlready(Rule):
    """Who is registered has details already: leave `details` out, or `user_id`."""


class NewDependant(Struct, frozen=True, forbid_unknown_fields=True):
    user_id: UUID | None = None
    """Somebody who is registered already: only staff add them. Null: somebody new, with these details."""
    details: DetailsSaid = DetailsSaid()
    guardians: Some = ()
    """Who may book, pay and see for them. None named: the guardian who adds them, or all that there are."""


class RightsSaid(Struct, frozen=True, forbid_unknown_fields=True):
    rights: tuple[Right, ...]
    """All that this guardian may do for this dependant from now on; none: nothing."""


class Majority(Struct, frozen=True, forbid_unknown_fields=True):
    of_age_on: Day
    """The day on which they come of age, by their date of birth and the law."""


class MemberShown(Struct, frozen=True):
    user_id: UUID
    standing: str
    """`guardian`, `dependant`, `grown` (came of age in this family), or `invited` to be a guardian."""


class RightsShown(Struct, frozen=True):
    guardian_id: UUID
    dependant_id: UUID
    rights: tuple[Right, ...]


class Family(Struct, frozen=True):
    id: UUID
    version: int
    founded_at: datetime
    dissolved: bool
    members: tuple[MemberShown, ...]
    rights: tuple[RightsShown, ...]
    position: PositionText


class FamiliesAsked(Paging, frozen=True, forbid_unknown_fields=True, kw_only=True):
    user_id: UUID | None = None
    """Of which this person is."""


class AddedDependant(Written, frozen=True, kw_only=True):
    dependant_id: UUID
    """Under which they are known from now on."""


class FamiliesOfOrganization(Controller):
    path = "/families"
    tags = ("families",)

    @post(
        sync_to_thread=True,
        opt=says(
            takes=NewFamily,
            gives=Written,
            status=201,
            writes=True,
            makes=True,
            etag=True,
            example={"guardian_id": "0197a3f0-0000-7000-8000-000000000061"},
        ),
    )
    def found_family(self, request: Asked, body: RawBody) -> Reply:
        """Found a family. A customer is its first guardian; staff name one."""
        wish = request.wish(body, NewFamily)
        occasion = request.writing()
        family_id = new_id(occasion, "family")
        answer = request.carry_out(FoundFamily(family_id, wish.guardian_id), occasion)
        return written(answer, location=f"/api/v1/families/{family_id}")

    @get(opt=says(gives=Page[Family], query=FamiliesAsked))
    async def families(self, request: Asked) -> Reply:
        """All families that there are; of a customer, those in which they are or to which they are invited."""
        asked = request.parameters(FamiliesAsked)
        return await page_of(request, Families(asked.user_id, after(asked.cursor, UUID), asked.limit), asked, shown)

    @get("/{family_id:uuid}", opt=says(gives=Family, query=Reading, etag=True))
    async def the_family(self, request: Asked, family_id: FromPath[UUID]) -> Reply:
        """One family: who is in it, and who may do what for whom. To a customer who is not in it, it is unknown."""
        return await one_of(request, TheFamily(family_id), shown)

    @delete("/{family_id:uuid}", sync_to_thread=True, status_code=200, opt=changes())
    def dissolve_family(self, request: Asked, family_id: FromPath[UUID], body: RawBody) -> Reply:
        """It is no more, and nobody in it may act for anybody."""
        request.no_body(body)
        return done(request, DissolveFamily(family_id))

    @post(
        "/{family_id:uuid}/guardians",
        sync_to_thread=True,
        opt=changes(takes=NewGuardian, example={"user_id": "0197a3f0-0000-7000-8000-000000000004"}),
        status_code=200,
    )
    def add_guardian(self, request: Asked, family_id: FromPath[UUID], body: RawBody) -> Reply:
        """One guardian more. Whom a guardian names is invited, and says yes (or not) themselves; whom staff name is one
        at once. What they may do for whom is said for each dependant."""
        wish = request.wish(body, NewGuardian)
        kind = InviteGuardian if request.user.actor.role == "customer" else AddGuardian
        return done(request, kind(family_id, wish.user_id))

    @post("/{family_id:uuid}/acceptance", sync_to_thread=True, status_code=200, opt=changes())
    def join_family(self, request: Asked, family_id: FromPath[UUID], body: RawBody) -> Reply:
        """Whoever asks was invited to be a guardian, and is one from now on."""
        request.no_body(body)
        return done(request, JoinFamily(family_id))

    @post(
        "/{family_id:uuid}/dependants",
        sync_to_thread=True,
        status_code=200,
        opt=says(
            takes=NewDependant, gives=AddedDependant, writes=True, etag=True, codes=(412,),
            example={"details": {"name": "Example Child"}},
        ),
    )  # fmt: skip
    def add_dependant(self, request: Asked, family_id: FromPath[UUID], body: RawBody) -> Reply:
        """Somebody for whom others act: somebody new, whom a guardian registers; or somebody whom staff know."""
        wish = request.wish(body, NewDependant)
        occasion = request.writing(expects=request.if_match)
        if wish.user_id is None:
            dependant_id = new_id(occasion, "user")
            command: Any = RegisterDependant(family_id, dependant_id, details_of(wish.details), wish.guardians)
        elif wish.details != DetailsSaid():
            raise DetailsAlready
        else:
            command = AddDependant(family_id, wish.user_id, wish.guardians)
        return written(request.carry_out(command, occasion))

    @put(
        "/{family_id:uuid}/rights/{guardian_id:uuid}/{dependant_id:uuid}",
        sync_to_thread=True,
        opt=changes(takes=RightsSaid, example={"rights": ["book", "see"]}),
    )
    def change_rights(
        self, request: Asked, family_id: FromPath[UUID], guardian_id: FromPath[UUID], dependant_id: FromPath[UUID],
        body: RawBody,
    ) -> Reply:  # fmt: skip
        """What this guardian may do for this dependant from now on. A guardian shares what they have, and gives up what
        is their own; what another has only staff take away."""
        wish = request.wish(body, RightsSaid)
        return done(request, ChangeRights(family_id, guardian_id, dependant_id, wish.rights))

    @post(
        "/{family_id:uuid}/dependants/{dependant_id:uuid}/majority",
        sync_to_thread=True,
        status_code=200,
        opt=changes(takes=Majority, example={"of_age_on": "2020-05-31"}),
    )
    def come_of_age(
        self, request: Asked, family_id: FromPath[UUID], dependant_id: FromPath[UUID], body: RawBody
    ) -> Reply:
        """They act for themselves from now on, and nobody for them. The day is compared, and not kept."""
        wish = request.wish(body, Majority)
        return done(request, ComeOfAge(family_id, dependant_id, date.fromisoformat(wish.of_age_on)))

    @delete("/{family_id:uuid}/members/{user_id:uuid}", sync_to_thread=True, status_code=200, opt=changes())
    def leave_family(self, request: Asked, family_id: FromPath[UUID], user_id: FromPath[UUID], body: RawBody) -> Reply:
        """They are in it no more, or not invited any more: whoever is of age leaves themselves, others staff remove."""
        request.no_body(body)
        return done(request, LeaveFamily(family_id, user_id))


class Asking(Struct, frozen=True, forbid_unknown_fields=True):
    version: Version
    of_minors: bool = False
    """Nothing is booked for a dependant who has not consented to this version."""


class AskedConsent(Struct, frozen=True):
    purpose: str
    version: int
    of_minors: bool
    position: PositionText


class ConsentsAsked(Controller):
    path = "/consents"
    tags = ("families",)

    @get(opt=says(gives=Page[AskedConsent], query=Reading))
    async def what_is_asked(self, request: Asked) -> Reply:
        """All that the organization asks consent to, by purpose, with the version of the words that it asks now."""
        asked = request.parameters(Reading)
        found = await request.ask(WhatIsAsked(), request.reading(asked.min_position))
        return reply(Page([AskedConsent(it.purpose, it.version, it.of_minors, str(it.position)) for it in found]))

    @put(
        "/{purpose:str}",
        sync_to_thread=True,
        opt=changes(takes=Asking, example={"version": 1, "of_minors": True}),
    )
    def ask_consent(self, request: Asked, purpose: FromPath[str], body: RawBody) -> Reply:
        """From now on consent to this purpose is asked in this version, which does not go back: photo, health,
        supervision."""
        wish = request.wish(body, Asking)
        return done(request, AskConsent(said.Asked(purpose, wish.version, wish.of_minors)))

    @delete("/{purpose:str}", sync_to_thread=True, status_code=200, opt=changes())
    def ask_consent_no_longer(self, request: Asked, purpose: FromPath[str], body: RawBody) -> Reply:
        """It is not asked any more."""
        request.no_body(body)
        return done(request, AskConsentNoLonger(purpose))


class Yes(Struct, frozen=True, forbid_unknown_fields=True):
    version: Version
    by: UUID | None = None
    """Whose word staff have, on paper or by telephone; null: the person's own. A customer's word is their own."""


class Said(Struct, frozen=True):
    """A consent, or that it was withdrawn."""

    purpose: str
    given: bool
    version: int | None
    """Of the words that were consented to."""
    by: UUID
    """The person themselves, or a guardian."""
    at: datetime


class SaidSoFar(Struct, frozen=True):
    user_id: UUID
    version: int
    consents: list[Said]
    """The last word on each purpose."""
    position: PositionText


class HistoryAsked(Paging, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class WithdrawalAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    by: UUID | None = None
    """Whose word staff have; the person's own, if it is not said."""


class ConsentsOfUser(Controller):
    path = "/users/{user_id:uuid}/consents"
    tags = ("families",)

    @get(opt=says(gives=SaidSoFar, query=Reading, etag=True))
    async def consents_of(self, request: Asked, user_id: FromPath[UUID]) -> Reply:
        """What they have consented to, and what they have withdrawn. To a customer only their own is known, and that of
        whom they may see."""
        return await one_of(
            request,
            ConsentsOf(user_id),
            lambda it: SaidSoFar(it.user_id, it.version, [of(one) for one in it.said], str(it.position)),
        )

    @get("/history", opt=says(gives=Page[Said], query=HistoryAsked))
    async def history_of_consents(self, request: Asked, user_id: FromPath[UUID]) -> Reply:
        """Every consent and every withdrawal, in order."""
        asked = request.parameters(HistoryAsked)
        query = HistoryOfConsents(user_id, after(asked.cursor, int) or 0, asked.limit)
        found = await request.ask(query, request.reading(asked.min_position))
        return reply(Page([of(it) for it in found.rows], cursor(found.next)))

    @put("/{purpose:str}", sync_to_thread=True, opt=changes(takes=Yes, example={"version": 1}))
    def give_consent(self, request: Asked, user_id: FromPath[UUID], purpose: FromPath[str], body: RawBody) -> Reply:
        """They consent to what is asked now; for who is not of age, a guardian who may book for them."""
        wish = request.wish(body, Yes)
        return done(request, GiveConsent(user_id, purpose, wish.version, wish.by))

    @delete(
        "/{purpose:str}",
        sync_to_thread=True,
        status_code=200,
        opt=says(gives=Written, query=WithdrawalAsked, writes=True, etag=True, codes=(412,)),
    )
    def withdraw_consent(self, request: Asked, user_id: FromPath[UUID], purpose: FromPath[str], body: RawBody) -> Reply:
        """They consent to it no longer, from this moment on. What is booked stands."""
        request.no_body(body)
        asked = request.parameters(WithdrawalAsked)
        return done(request, WithdrawConsent(user_id, purpose, asked.by))


def shown(it: Any) -> Family:
    members = tuple(MemberShown(one.user_id, one.standing) for one in it.members)
    rights = tuple(RightsShown(one.guardian_id, one.dependant_id, one.rights) for one in it.rights)
    return Family(it.id, it.version, it.founded_at, it.dissolved, members, rights, str(it.position))


def of(it: Any) -> Said:
    return Said(it.purpose, it.given, it.text_version, it.by, it.at)
