"""A house elsewhere whose word is taken for who somebody is (OpenID Connect)."""

import re
from collections.abc import Sequence
from typing import ClassVar, Self
from urllib.parse import urlsplit

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.identity import trust_errors as errors
from domain.identity import trust_events as events
from domain.identity.errors import Deactivated
from domain.identity.user import User

_VISIBLE = re.compile(r"[\x21-\x7e]{1,200}")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
BY_EMAIL_ALONE = ("customer",)
"""Who is found by an address. Others could be described by somebody who may not become them: they are linked."""


class Issuer(Aggregate, frozen=True):
    begins: ClassVar[type[Event] | tuple[type[Event], ...]] = events.IssuerTrusted
    unknown: ClassVar = errors.UnknownIssuer

    url: str = ""
    client_id: str = ""
    audience: str = ""
    by: events.By = "subject"
    domains: tuple[str, ...] = ()
    trusted: bool = False

    def trust(
        self, url: str, client_id: str, audience: str, by: events.By, domains: Sequence[str]
    ) -> list[events.IssuerEvent]:  # fmt: skip
        if not is_url(url):
            raise errors.NotAnIssuer(field="url")
        if not _VISIBLE.fullmatch(client_id) or not _VISIBLE.fullmatch(audience):
            raise errors.NoClient
        wanted = tuple(dict.fromkeys(domain.casefold() for domain in domains))
        if not all(_DOMAIN.fullmatch(domain) for domain in wanted):
            raise errors.NotADomain(field="domains")
        said = events.IssuerTrusted(url, client_id, audience, by, wanted)
        was = self.url, self.client_id, self.audience, self.by, self.domains
        return [] if self.trusted and was == (url, client_id, audience, by, wanted) else [said]

    def drop(self) -> list[events.IssuerEvent]:
        return [events.IssuerDropped()] if self.trusted else []

    def know(self, user: User) -> list[events.IssuerEvent]:
        """One of our users is somebody there."""
        if not self.trusted:
            raise errors.UnknownIssuer
        if not user.active:
            raise Deactivated
        return [events.IssuerKnowsUser(user.id)]

    def lets_in(self, user: User, linked: bool) -> bool:
        return self.trusted and user.active and (linked or user.role in BY_EMAIL_ALONE)

    def takes(self, email: str) -> bool:
        """Whether somebody may be found by this address."""
        return self.by == "email" and (not self.domains or email.rpartition("@")[2].casefold() in self.domains)

    def evolve(self, event: Event) -> Self:
        match event:
            case events.IssuerTrusted(url, client_id, audience, by, domains):
                return replace(
                    self, url=url, client_id=client_id, audience=audience, by=by, domains=domains, trusted=True
                )  # fmt: skip
            case events.IssuerDropped():
                return replace(self, trusted=False)
        return self


def is_url(url: str) -> bool:
    """As far as its form tells. http is for this machine alone, and refused elsewhere when it is asked."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = len(url) <= 500 and url.isascii() and url.isprintable() and " " not in url
    return good and plain and not (parts.username or parts.password or parts.query or parts.fragment)
