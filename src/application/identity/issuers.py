"""Houses elsewhere whose word is taken for who somebody is: what can be asked for, and who that is."""

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from application.event_store import EventStore
from application.message import Command, Query
from application.unit_of_work import Handler, UnitOfWork
from domain.errors import Refusal
from domain.identity.issuer import Issuer
from domain.identity.trust_events import By
from domain.identity.user import User


class TrustIssuer(Command, frozen=True):
    """From now on its word is taken so."""

    issuer_id: UUID
    url: str
    client_id: str
    audience: str
    by: By
    domains: tuple[str, ...] = ()


def trust_issuer(command: TrustIssuer, work: UnitOfWork) -> None:
    issuer = work.read_if_any(Issuer, command.issuer_id)
    work.change(
        Issuer,
        issuer.id,
        lambda issuer: issuer.trust(command.url, command.client_id, command.audience, command.by, command.domains),
    )


class DropIssuer(Command, frozen=True):
    """Its word is not taken any more."""

    issuer_id: UUID


def drop_issuer(command: DropIssuer, work: UnitOfWork) -> None:
    work.change(Issuer, command.issuer_id, lambda issuer: issuer.drop())


class KnowUserAtIssuer(Command, frozen=True):
    """One of our users is somebody there. The name by which they go there is kept in a row, not in a fact."""

    issuer_id: UUID
    user_id: UUID


def know_user_at_issuer(command: KnowUserAtIssuer, work: UnitOfWork) -> None:
    user = work.read(User, command.user_id)
    work.change(Issuer, command.issuer_id, lambda issuer: issuer.know(user))


class Issuers(Query, frozen=True):
    """Those whose word is taken, by id."""


HANDLERS: dict[type[Command], Handler] = {
    TrustIssuer: trust_issuer,
    DropIssuer: drop_issuer,
    KnowUserAtIssuer: know_user_at_issuer,
}


# who somebody is


class NotBelieved(Refusal):
    """This login was not believed: begin anew."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason
        """For the access log alone."""


class Word(Struct, frozen=True):
    """What an issuer says of somebody."""

    subject: str
    email: str | None
    """Only where it has verified it."""


class Somebody(Struct, frozen=True):
    """One of our users, as they are now."""

    id: UUID
    role: str
    within: tuple[UUID, ...]
    version: int


class Rows(Protocol):
    """Who somebody is to an issuer, by a keyed hash of the name by which it knows them."""

    def external_user(self, tenant: UUID, issuer: UUID, subject: bytes) -> UUID | None: ...
    def link_external(self, tenant: UUID, issuer: UUID, subject: bytes, user: UUID) -> UUID: ...


def issuer_of(store: EventStore, tenant: UUID, issuer_id: UUID) -> Issuer:
    """An issuer whose word is taken, from the log itself; `NotBelieved`."""
    recorded = store.load(tenant, [issuer_id]).streams.get(issuer_id, ())
    there = bool(recorded) and isinstance(recorded[0].fact, Issuer.begins)
    issuer = Issuer(id=issuer_id).after([one.fact for one in recorded]) if there else None
    if issuer is None or not issuer.trusted:
        raise NotBelieved("unknown_issuer")
    return issuer


def somebody(
    store: EventStore, rows: Rows, find: Callable[[str], Sequence[UUID]], tenant: UUID, issuer: Issuer, word: Word,
    subject: bytes,
) -> Somebody:  # fmt: skip
    """Whom it speaks of; `NotBelieved`. Who was found by an address once is known by their name there from then on:
    the address may become somebody else's."""
    linked = rows.external_user(tenant, issuer.id, subject)
    if linked is not None:
        return _user(store, tenant, issuer, linked, linked=True)
    if word.email is None or not issuer.takes(word.email):
        raise NotBelieved("unknown_subject")
    found = find(word.email)
    if len(found) != 1:
        raise NotBelieved("unknown_address" if not found else "address_of_several")
    user = _user(store, tenant, issuer, found[0], linked=False)
    if rows.link_external(tenant, issuer.id, subject, user.id) != user.id:
        raise NotBelieved("unknown_subject")
    return user


def _user(store: EventStore, tenant: UUID, issuer: Issuer, user_id: UUID, linked: bool) -> Somebody:
    recorded = store.load(tenant, [user_id]).streams.get(user_id, ())
    if not recorded or not isinstance(recorded[0].fact, User.begins):
        raise NotBelieved("unknown_user")
    user = User(id=user_id).after([one.fact for one in recorded])
    if not issuer.lets_in(user, linked):
        raise NotBelieved("not_let_in")
    return Somebody(user.id, user.role, user.within, recorded[-1].version)
