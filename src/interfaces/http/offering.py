"""Offerings: what is sold, and under which terms."""

from typing import Any
from uuid import UUID

from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath, RawBody
from msgspec import Struct

from application.offering.commands import DefineOffering, RenameOffering, RetireOffering, ReviseTerms
from application.offering.queries import Offerings, TheOffering
from domain.offering.terms import Terms
from interfaces.http.asked import (
    Asked,
    Named,
    Page,
    PositionText,
    Reading,
    Reply,
    Sorted,
    Written,
    after,
    done,
    new_id,
    written,
)  # fmt: skip
from interfaces.http.listing import AtLocation, one_of, page_of
from interfaces.http.schema import changes, says


class NewOffering(Struct, frozen=True, forbid_unknown_fields=True):
    location_id: UUID
    name: Named
    terms: Terms


class OfferingChange(Struct, frozen=True, forbid_unknown_fields=True):
    name: Named


class OfferingShown(Struct, frozen=True):
    id: UUID
    version: int
    """What a booking names as what governed it."""
    location_id: UUID
    name: str
    terms: Terms
    retired: bool
    """It is sold no more; what was sold stands."""
    position: PositionText


LESSON: dict[str, Any] = {
    "needs": [
        {"role": "court", "any_of": ["0197a3f0-0000-7000-8000-000000000011", "0197a3f0-0000-7000-8000-000000000012"]},
        {"role": "coach", "any_of": ["0197a3f0-0000-7000-8000-000000000021"]},
    ],
    "durations": [60, 90],
    "after": 15,
    "step": 30,
    "notice": 120,
    "horizon": 60,
    "most_party": 4,
    "price": {"amount": 4500, "currency": "EUR"},
}


class OfferingsOfOrganization(Controller):
    path = "/offerings"
    tags = ("offerings",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewOffering, gives=Written, status=201, writes=True, makes=True, etag=True,
                 example={"location_id": "0197a3f0-0000-7000-8000-000000000001", "name": "Tennis lesson",
                          "terms": LESSON}),
    )  # fmt: skip
    def define_offering(self, request: Asked, body: RawBody) -> Reply:
        """Define what is sold. Its terms say how long it lasts (in one way: durations, lasting or turn_times), what it
        needs, and when and by whom it may be booked; minutes are elapsed time. `errors` names everything that is wrong
        with them."""
        wish = request.wish(body, NewOffering)
        occasion = request.writing()
        offering_id = new_id(occasion, "offering")
        command = DefineOffering(offering_id, wish.location_id, wish.name, wish.terms)
        return written(request.carry_out(command, occasion), location=f"/api/v1/offerings/{offering_id}")

    @get(opt=says(gives=Page[OfferingShown], query=AtLocation))
    async def offerings(self, request: Asked) -> Reply:
        """What is sold, by name."""
        asked = request.parameters(AtLocation)
        query = Offerings(asked.location_id, after(asked.cursor, Sorted), asked.limit)
        return await page_of(request, query, asked, shown)

    @get("/{offering_id:uuid}", opt=says(gives=OfferingShown, query=Reading, etag=True))
    async def the_offering(self, request: Asked, offering_id: FromPath[UUID]) -> Reply:
        """One offering."""
        return await one_of(request, TheOffering(offering_id), shown)

    @patch(
        "/{offering_id:uuid}",
        sync_to_thread=True,
        opt=changes(OfferingChange, {"name": "Tennis lesson for two"}),
    )
    def rename_offering(self, request: Asked, offering_id: FromPath[UUID], body: RawBody) -> Reply:
        """Rename it."""
        return done(request, RenameOffering(offering_id, request.wish(body, OfferingChange).name))

    @put("/{offering_id:uuid}/terms", sync_to_thread=True, opt=changes(Terms, LESSON))
    def revise_terms(self, request: Asked, offering_id: FromPath[UUID], body: RawBody) -> Reply:
        """Other terms from now on, all of them. Bookings keep those under which they were made."""
        return done(request, ReviseTerms(offering_id, request.wish(body, Terms)))

    @delete("/{offering_id:uuid}", status_code=200, sync_to_thread=True, opt=changes())
    def retire_offering(self, request: Asked, offering_id: FromPath[UUID], body: RawBody) -> Reply:
        """It is sold no more. What was sold stands."""
        request.no_body(body)
        return done(request, RetireOffering(offering_id))


def shown(it: Any) -> OfferingShown:
    return OfferingShown(it.id, it.version, it.location_id, it.name, it.terms, it.retired, str(it.position))
