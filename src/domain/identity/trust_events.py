"""What happens to API keys, and to the houses elsewhere whose word is taken for who somebody is."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from domain.event import Event


class ApiKeyIssued(Event, frozen=True):
    tag: ClassVar[str] = "api_key.issued"
    user_id: UUID
    """For whom programs act that show it."""
    name: str
    sha256: str
    """Of its secret, which is 256 bits of chance: nobody finds it from this."""
    scopes: tuple[str, ...]
    within: tuple[UUID, ...]
    expires_at: datetime


class ApiKeyRevoked(Event, frozen=True):
    tag: ClassVar[str] = "api_key.revoked"


ApiKeyEvent = ApiKeyIssued | ApiKeyRevoked

By = Literal["email", "subject"]


class IssuerTrusted(Event, frozen=True):
    """From now on it is taken so, whatever it was before."""

    tag: ClassVar[str] = "issuer.trusted"
    url: str
    client_id: str
    audience: str
    by: By
    """By what users are found: an address that it has verified, or only as somebody has said beforehand."""
    domains: tuple[str, ...] = ()
    """Addresses of these domains alone; none: of any."""


class IssuerDropped(Event, frozen=True):
    tag: ClassVar[str] = "issuer.dropped"


class IssuerKnowsUser(Event, frozen=True):
    """Somebody said who one of our users is there. By which name, is not kept here."""

    tag: ClassVar[str] = "issuer.knows_user"
    user_id: UUID


IssuerEvent = IssuerTrusted | IssuerDropped | IssuerKnowsUser
