"""How much may be booked: the rules, the groups that are counted together, and how somebody stands."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct

from application.organization.queries import TheLocation
from application.quota.commands import (
    DissolveParty,
    FormParty,
    JoinParty,
    LeaveParty,
    SetQuotaRule,
    WithdrawQuotaRule,
)  # fmt: skip
from application.quota.queries import Parties, QuotaRules, QuotasOf, TheParty
from domain.hours import WeeklyHours
from domain.quota.rule import MOST, CalendarWindow, QuotaRule, RollingWindow, What, Who
from interfaces.http.asked import (
    Asked,
    Day,
    Named,
    Page,
    Paging,
    PositionText,
    Reading,
    Reply,
    Sorted,
    Written,
    after,
    cursor,
    etag,
    new_id,
    reply,
    written,
)  # fmt: skip
from interfaces.http.errors import BadQuery, Wrong
from interfaces.http.schema import says

Kind = Literal["family", "organization", "plan"]
Measure = Literal["count", "minutes", "peak_minutes", "active_future", "no_shows"]


class QuotaWish(Struct, frozen=True, forbid_unknown_fields=True):
    measure: Measure
    """`minutes` are elapsed; `peak_minutes` those of them in the peak hours; `active_future` counts bookings that are
    not over; `no_shows` stops all booking when there are more than the limit."""
    limit: Annotated[int, Meta(ge=0, le=MOST)]
    window: RollingWindow | CalendarWindow | None = None
    """By the local date on which a booking starts; null: for ever."""
    who: Who = Who()
    what: What = What()
    peak: WeeklyHours | None = None
    """Of `peak_minutes`, and only of these."""
    zone: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """IANA name; null: that of the location at which what is wanted takes place."""
    count_late_cancellations: bool = True


class Quota(Struct, frozen=True, kw_only=True):
    name: str
    measure: Measure
    limit: int
    window: RollingWindow | CalendarWindow | None
    who: Who
    what: What
    peak: WeeklyHours | None
    zone: str | None
    count_late_cancellations: bool
    version: int
    """Of all quotas, when this one was set."""
    position: PositionText


class NewParty(Struct, frozen=True, forbid_unknown_fields=True):
    kind: Kind
    """A family and an organization's account are counted together; who is on a plan, each by themselves."""
    name: Named


class Party(Struct, frozen=True):
    id: UUID
    version: int
    kind: Kind
    name: str
    dissolved: bool
    members: tuple[UUID, ...]
    position: PositionText


class StandingOf(Reading, frozen=True, forbid_unknown_fields=True, kw_only=True):
    location_id: UUID
    """On whose wall is counted where a quota does not name a zone."""
    on: Day | None = None
    """How it stands for what starts on this local date; today, if it is not said."""


class Standing(Struct, frozen=True, kw_only=True):
    """How one quota stands."""

    rule: str
    measure: Measure
    used: int
    limit: int
    zone: str
    """On whose wall it was counted."""
    resets_at: datetime | None
    """When its window is over; of a rolling one, when its oldest booking leaves it; null: never, or nothing counts."""
    party_id: UUID | None
    """The family or account whose members are counted together."""


EVENINGS = {
    "measure": "peak_minutes",
    "limit": 180,
    "window": {"type": "calendar", "per": "week"},
    "who": {"kind": "family"},
    "peak": {"monday": [{"opens": 1020, "closes": 1260}], "thursday": [{"opens": 1020, "closes": 1260}]},
}


class Quotas(Controller):
    path = "/quotas"
    tags = ("quotas",)

    @get(opt=says(gives=Page[Quota], query=Reading))
    async def quota_rules(self, request: Asked) -> Reply:
        """All quotas that hold, by name."""
        asked = request.parameters(Reading)
        found = await request.ask(QuotaRules(), request.reading(asked.min_position))
        return reply(Page([quota(it.rule, it.version, it.position) for it in found]))

    @put(
        "/{name:str}",
        sync_to_thread=True,
        opt=says(takes=QuotaWish, gives=Written, writes=True, etag=True, codes=(412,), example=EVENINGS),
    )
    def set_quota_rule(self, request: Asked, name: FromPath[str], body: RawBody) -> Reply:
        """From now on this quota holds, in place of one of the same name. What is booked stands, and counts."""
        wish = request.wish(body, QuotaWish)
        rule = QuotaRule(
            name, wish.measure, wish.limit, wish.window, wish.who, wish.what, wish.peak, wish.zone,
            wish.count_late_cancellations,
        )  # fmt: skip
        return written(request.carry_out(SetQuotaRule(rule), request.writing(expects=request.if_match)))

    @delete(
        "/{name:str}",
        sync_to_thread=True,
        status_code=200,
        opt=says(gives=Written, writes=True, etag=True, codes=(412,)),
    )
    def withdraw_quota_rule(self, request: Asked, name: FromPath[str], body: RawBody) -> Reply:
        """This quota holds no more."""
        request.no_body(body)
        return written(request.carry_out(WithdrawQuotaRule(name), request.writing(expects=request.if_match)))


class PartiesOfOrganization(Controller):
    path = "/parties"
    tags = ("quotas",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewParty, gives=Written, status=201, writes=True, makes=True, etag=True,
                 example={"kind": "family", "name": "The Reeds"}),
    )  # fmt: skip
    def form_party(self, request: Asked, body: RawBody) -> Reply:
        """Form a family, an account of an organization, or a plan. Quotas may be for it."""
        wish = request.wish(body, NewParty)
        occasion = request.writing()
        party_id = new_id(occasion, "party")
        answer = request.carry_out(FormParty(party_id, wish.kind, wish.name), occasion)
        return written(answer, location=f"/api/v1/parties/{party_id}")

    @get(opt=says(gives=Page[Party], query=Paging))
    async def parties(self, request: Asked) -> Reply:
        """Families, accounts and plans by name, those that are dissolved left out."""
        asked = request.parameters(Paging)
        found = await request.ask(
            Parties(after(asked.cursor, Sorted), asked.limit), request.reading(asked.min_position)
        )
        return reply(Page([party(it) for it in found.rows], cursor(found.next)))

    @get("/{party_id:uuid}", opt=says(gives=Party, query=Reading, etag=True))
    async def the_party(self, request: Asked, party_id: FromPath[UUID]) -> Reply:
        """One family, account or plan, with who is in it."""
        asked = request.parameters(Reading)
        it = await request.ask(TheParty(party_id), request.reading(asked.min_position))
        return reply(party(it), etag(it.version))

    @delete(
        "/{party_id:uuid}",
        sync_to_thread=True,
        status_code=200,
        opt=says(gives=Written, writes=True, etag=True, codes=(412,)),
    )
    def dissolve_party(self, request: Asked, party_id: FromPath[UUID], body: RawBody) -> Reply:
        """It is no more, and nobody is in it."""
        request.no_body(body)
        return written(request.carry_out(DissolveParty(party_id), request.writing(expects=request.if_match)))

    @put(
        "/{party_id:uuid}/members/{customer_id:uuid}",
        sync_to_thread=True,
        opt=says(gives=Written, writes=True, etag=True, codes=(412,)),
    )
    def join_party(self, request: Asked, party_id: FromPath[UUID], customer_id: FromPath[UUID], body: RawBody) -> Reply:
        """This person is in it from now on. All that they have booked counts with the others'."""
        request.no_body(body)
        return written(request.carry_out(JoinParty(party_id, customer_id), request.writing(expects=request.if_match)))

    @delete(
        "/{party_id:uuid}/members/{customer_id:uuid}",
        sync_to_thread=True,
        status_code=200,
        opt=says(gives=Written, writes=True, etag=True, codes=(412,)),
    )
    def leave_party(
        self, request: Asked, party_id: FromPath[UUID], customer_id: FromPath[UUID], body: RawBody
    ) -> Reply:
        """This person is in it no more, and nothing of theirs counts with the others'."""
        request.no_body(body)
        return written(request.carry_out(LeaveParty(party_id, customer_id), request.writing(expects=request.if_match)))


class QuotasOfCustomer(Controller):
    path = "/customers"
    tags = ("quotas",)

    @get("/{customer_id:uuid}/quotas", opt=says(gives=Page[Standing], query=StandingOf))
    async def quotas_of(self, request: Asked, customer_id: FromPath[UUID]) -> Reply:
        """How every quota that limits this person stands: what is used of which limit, and when it resets."""
        asked = request.parameters(StandingOf)
        occasion = request.reading(asked.min_position)
        zone = (await request.ask(TheLocation(asked.location_id), occasion)).zone
        found = await request.ask(QuotasOf(customer_id, zone, day(asked.on)), occasion)
        return reply(Page([
            Standing(
                rule=it.rule, measure=it.measure, used=it.used, limit=it.limit, zone=it.zone, resets_at=it.resets_at,
                party_id=it.party_id,
            )
            for it in found
        ]))  # fmt: skip


def quota(rule: QuotaRule, version: int, position: int) -> Quota:
    return Quota(
        name=rule.name, measure=rule.measure, limit=rule.limit, window=rule.window, who=rule.who, what=rule.what,
        peak=rule.peak, zone=rule.zone, count_late_cancellations=rule.count_late_cancellations, version=version,
        position=str(position),
    )  # fmt: skip


def party(it: Party) -> Party:
    return Party(it.id, it.version, it.kind, it.name, it.dissolved, it.members, str(it.position))


def day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise BadQuery(errors=[Wrong(f"There is no such date: {error}", "on")]) from None
