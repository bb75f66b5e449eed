"""Consents: what an organization asks, and what of it a person has consented to."""

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Self
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.family import errors, events

MOST_PURPOSES = 50
MOST_VERSIONS = 1_000_000
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Asked(Struct, frozen=True):
    """Consent to a purpose, in the words of a version."""

    purpose: str
    version: int
    of_minors: bool = False


class Asking(Aggregate, frozen=True):
    """All that an organization asks consent to."""

    begins: ClassVar[type[Event]] = events.ConsentAsked
    unknown: ClassVar = errors.UnknownPurpose

    asked: dict[str, Asked] = {}
    latest: dict[str, int] = {}
    """The highest version of each purpose that was ever asked: what was said to one is never taken for another."""

    @staticmethod
    def of(tenant: UUID) -> UUID:
        """The one stream of this organization's."""
        return uuid5(tenant, "asking")

    @property
    def of_minors(self) -> list[Asked]:
        return [it for _, it in sorted(self.asked.items()) if it.of_minors]

    def ask(self, wanted: Asked) -> list[events.AskingEvent]:
        if not _CODE.fullmatch(wanted.purpose):
            raise errors.BadPurpose
        if not max(1, self.latest.get(wanted.purpose, 1)) <= wanted.version <= MOST_VERSIONS:
            raise errors.BadVersion
        if self.asked.get(wanted.purpose) == wanted:
            return []
        if wanted.purpose not in self.asked and len(self.asked) >= MOST_PURPOSES:
            raise errors.TooManyPurposes
        return [events.ConsentAsked(wanted.purpose, wanted.version, wanted.of_minors)]

    def ask_no_longer(self, purpose: str) -> list[events.AskingEvent]:
        if purpose not in self.latest:
            raise errors.UnknownPurpose
        return [events.ConsentNoLongerAsked(purpose)] if purpose in self.asked else []

    def named(self, purpose: str) -> Asked:
        found = self.asked.get(purpose)
        if found is None:
            raise errors.UnknownPurpose
        return found

    def evolve(self, event: Event) -> Self:
        match event:
            case events.ConsentAsked(purpose, version, of_minors):
                asked = Asked(purpose, version, of_minors)
                return replace(
                    self, asked={**self.asked, purpose: asked}, latest={**self.latest, purpose: version}
                )  # fmt: skip
            case events.ConsentNoLongerAsked(purpose):
                return replace(self, asked={name: it for name, it in self.asked.items() if name != purpose})
        return self


class Consents(Aggregate, frozen=True):
    """What one person has consented to, and has not withdrawn."""

    begins: ClassVar[type[Event]] = events.ConsentGiven
    unknown: ClassVar = errors.UnknownConsent

    given: dict[str, events.ConsentGiven] = {}

    @staticmethod
    def of(user_id: UUID) -> UUID:
        """The stream of this person's."""
        return uuid5(user_id, "consent")

    def give(self, asked: Asked, version: int, by: UUID) -> list[events.ConsentEvent]:
        if version != asked.version:
            raise errors.OtherVersion(purpose=asked.purpose, version=asked.version)
        fact = events.ConsentGiven(asked.purpose, version, by)
        had = self.given.get(asked.purpose)
        return [] if had is not None and had.version == version else [fact]

    def withdraw(self, purpose: str, by: UUID) -> list[events.ConsentEvent]:
        return [events.ConsentWithdrawn(purpose, by)] if purpose in self.given else []

    def cover(self, wanted: Iterable[Asked]) -> None:
        """Refuses with `ConsentMissing` where one of these was not consented to in the words that are asked now."""
        missing: list[dict[str, Any]] = [
            {"purpose": it.purpose, "version": it.version}
            for it in wanted
            if (had := self.given.get(it.purpose)) is None or had.version != it.version
        ]
        if missing:
            raise errors.ConsentMissing(missing=missing)

    def evolve(self, event: Event) -> Self:
        match event:
            case events.ConsentGiven(purpose):
                return replace(self, given={**self.given, purpose: event})
            case events.ConsentWithdrawn(purpose):
                return replace(self, given={name: it for name, it in self.given.items() if name != purpose})
        return self
