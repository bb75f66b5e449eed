"""Who may act in the organization."""

from typing import Literal
from uuid import UUID

from litestar import Controller, patch, post
from litestar.params import FromPath, RawBody
from msgspec import Struct

from application.identity.commands import ChangeRole, DeactivateUser, RegisterUser
from interfaces.http.asked import Asked, Because, Reply, Written, new_id, written
from interfaces.http.schema import says

Role = Literal["owner", "admin", "manager", "staff", "customer", "compliance", "service"]


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role


class UserChange(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role


class Users(Controller):
    path = "/users"
    tags = ("users",)

    @post(
        sync_to_thread=True,
        opt=says(takes=NewUser, gives=Written, status=201, writes=True, makes=True, etag=True,
                 example={"role": "staff"}),
    )  # fmt: skip
    def register_user(self, request: Asked, body: RawBody) -> Reply:
        """Somebody who may act in this organization. Their tokens carry the answer's `id` as `sub`."""
        wish = request.wish(body, NewUser)
        occasion = request.writing()
        user_id = new_id(occasion, "user")
        answer = request.carry_out(RegisterUser(user_id, wish.role), occasion)
        return written(answer, location=f"/api/v1/users/{user_id}")

    @patch(
        "/{user_id:uuid}",
        sync_to_thread=True,
        opt=says(takes=UserChange, gives=Written, writes=True, etag=True, codes=(412,), example={"role": "manager"}),
    )
    def change_role(self, request: Asked, user_id: FromPath[UUID], body: RawBody) -> Reply:
        """They may do other things."""
        wish = request.wish(body, UserChange)
        return written(request.carry_out(ChangeRole(user_id, wish.role), request.writing(expects=request.if_match)))

    @post(
        "/{user_id:uuid}/deactivation",
        sync_to_thread=True,
        opt=says(takes=Because, gives=Written, writes=True, etag=True, codes=(412,), example={"reason": "left"}),
    )
    def deactivate_user(self, request: Asked, user_id: FromPath[UUID], body: RawBody) -> Reply:
        """They may do nothing any more."""
        wish = request.wish(body, Because)
        return written(request.carry_out(DeactivateUser(user_id), request.writing(wish.reason, request.if_match)))
