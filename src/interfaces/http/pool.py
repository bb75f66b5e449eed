"""Pools: identified units of which a booking gets one or several."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct

from application.resource.commands import ChangePool, FormPool, RetirePool
from application.resource.queries import Pools, ThePool
from domain.resource.events import Combination
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

Members = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=500)]
"""Resources at the pool's location, with a capacity of 1."""
Combinations = Annotated[tuple[Combination, ...], Meta(max_length=1000)]


class NewPool(Struct, frozen=True, forbid_unknown_fields=True):
    location_id: UUID
    name: Named
    members: Members
    combinations: Combinations = ()
    """Tables that can be had together; each table alone is had by its own seats."""


class PoolChange(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them, as they are from now on."""

    members: Members
    combinations: Combinations = ()


class PoolShown(Struct, frozen=True):
    id: UUID
    version: int
    location_id: UUID
    name: str
    members: tuple[UUID, ...]
    combinations: tuple[Combination, ...]
    retired: bool
    """It is offered no more; its members stand."""
    position: PositionText


_TABLES = ["0197a3f0-0000-7000-8000-000000000011", "0197a3f0-0000-7000-8000-000000000012"]
DINING_ROOM: dict[str, Any] = {
    "location_id": "0197a3f0-0000-7000-8000-000000000001",
    "name": "Dining room",
    "members": _TABLES,
    "combinations": [{"resources": _TABLES, "seats": {"least": 5, "most": 8}}],
}


class PoolsOfOrganization(Controller):
    path = "/pools"
    tags = ("pools",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewPool, gives=Written, status=201, writes=True, makes=True, etag=True, example=DINING_ROOM),
    )
    def form_pool(self, request: Asked, body: RawBody) -> Reply:
        """Form a pool of courts, of the rooms of a type, of tables, of kit to lend. A booking gets one or several of
        its members, and keeps them."""
        wish = request.wish(body, NewPool)
        occasion = request.writing()
        pool_id = new_id(occasion, "pool")
        command = FormPool(pool_id, wish.location_id, wish.name, wish.members, wish.combinations)
        return written(request.carry_out(command, occasion), location=f"/api/v1/pools/{pool_id}")

    @get(opt=says(gives=Page[PoolShown], query=AtLocation))
    async def pools(self, request: Asked) -> Reply:
        """Pools by name."""
        asked = request.parameters(AtLocation)
        query = Pools(asked.location_id, after(asked.cursor, Sorted), asked.limit)
        return await page_of(request, query, asked, shown)

    @get("/{pool_id:uuid}", opt=says(gives=PoolShown, query=Reading, etag=True))
    async def the_pool(self, request: Asked, pool_id: FromPath[UUID]) -> Reply:
        """One pool."""
        return await one_of(request, ThePool(pool_id), shown)

    @put(
        "/{pool_id:uuid}",
        sync_to_thread=True,
        opt=changes(PoolChange, {name: DINING_ROOM[name] for name in ("members", "combinations")}),
    )
    def change_pool(self, request: Asked, pool_id: FromPath[UUID], body: RawBody) -> Reply:
        """Its members and combinations."""
        wish = request.wish(body, PoolChange)
        return done(request, ChangePool(pool_id, wish.members, wish.combinations))

    @delete("/{pool_id:uuid}", status_code=200, sync_to_thread=True, opt=changes())
    def retire_pool(self, request: Asked, pool_id: FromPath[UUID], body: RawBody) -> Reply:
        """It is offered no more. Its members stand, and so does what is booked."""
        request.no_body(body)
        return done(request, RetirePool(pool_id))


def shown(it: Any) -> PoolShown:
    return PoolShown(
        it.id, it.version, it.location_id, it.name, it.members, it.combinations, it.retired, str(it.position)
    )  # fmt: skip
