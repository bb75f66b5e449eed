"""API keys: what can be asked for, and who shows one."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from uuid import UUID

from msgspec import Struct

from application.event_store import EventStore
from application.message import Command, Query
from application.scopes import SCOPES
from application.unit_of_work import Handler, UnitOfWork
from domain.event import Event
from domain.identity import trust_events as events
from domain.identity.api_key import SERVICE, ApiKey, both, reach_of
from domain.identity.user import User


class IssueApiKey(Command, frozen=True):
    """A program may act for this service user, as far as it is said here."""

    key_id: UUID
    user_id: UUID
    name: str
    sha256: str
    """Of the secret."""
    scopes: tuple[str, ...]
    within: tuple[UUID, ...] = ()
    expires_at: datetime | None = None


def issue_api_key(command: IssueApiKey, work: UnitOfWork) -> None:
    user = work.read(User, command.user_id)
    work.begin(
        ApiKey,
        command.key_id,
        lambda key: key.issue(
            user, command.name, command.sha256, command.scopes, command.within, command.expires_at, work.now, SCOPES
        ),
    )


class RevokeApiKey(Command, frozen=True):
    """Nobody may act by it any more."""

    key_id: UUID


def revoke_api_key(command: RevokeApiKey, work: UnitOfWork) -> None:
    work.change(ApiKey, command.key_id, lambda key: key.revoke())


class ApiKeys(Query, frozen=True):
    """All keys of the organization, those that are no good any more as well, in the order of ids."""

    after: UUID | None = None
    limit: int = 50


HANDLERS: dict[type[Command], Handler] = {IssueApiKey: issue_api_key, RevokeApiKey: revoke_api_key}


# who shows one


class Bearer(Struct, frozen=True):
    """A program that may act now, and how far."""

    user_id: UUID
    role: str
    scopes: tuple[str, ...]
    within: tuple[UUID, ...]


class NotGood(Exception):
    """A key that lets nobody in. `known`: there is one of this id, so that somebody may want to know of the attempt."""

    def __init__(self, reason: str, known: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.known = reason, known


def bearer_of(store: EventStore, tenant: UUID, key_id: UUID, secret: bytes) -> Bearer:
    """From the log itself, so that no view that lags behind lets anybody in; `NotGood`."""
    loaded = store.load(tenant, [key_id])
    facts = [one.fact for one in loaded.streams.get(key_id, ())]
    issued = bool(facts) and isinstance(facts[0], events.ApiKeyIssued)
    key = ApiKey(id=key_id).after(facts)
    # Compared in any case, so that an id that is not there takes no less time.
    right = compare_digest(key.sha256.encode(), sha256(secret).hexdigest().encode())
    if not issued or not right:
        raise NotGood("wrong_api_key", known=issued)
    if not key.good(loaded.now):
        raise NotGood("api_key_revoked" if key.revoked else "api_key_expired")
    user = _user(store, tenant, key.user_id)
    within = None if user is None else both(key.within, reach_of(user))
    if user is None or not user.active or user.role != SERVICE or within is None:
        raise NotGood("api_key_of_nobody")
    return Bearer(user.id, user.role, key.scopes, within)


def _user(store: EventStore, tenant: UUID, user_id: UUID) -> User | None:
    facts: Sequence[Event] = [one.fact for one in store.load(tenant, [user_id]).streams.get(user_id, ())]
    return User(id=user_id).after(facts) if facts and isinstance(facts[0], User.begins) else None
