"""Finding people without reading all of them: by keyed hashes of what is looked up, and then by what was opened.

Hashes of names and of four digits are cut so short that many people share each: it is they who are opened, some
hundreds at most, and only who really is called so is shown.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from application.identity.queries import FindPeople, People
from application.message import Occasion, Query, Scope
from domain.errors import Malformed, Rule
from domain.identity import details
from domain.identity.lookup import named_so, sought
from infrastructure.privacy import seals
from infrastructure.privacy.keyring import Keyring

SHORT: Mapping[str, int] = {"name": 2, "phone4": 2}
"""Bytes of those that many are to share; the others are whole."""
AT_ONCE = 100
MOST_OPENED = 500
"""People who are opened for one page."""
MOST_ROWS = 100

Answerer = Callable[[Any, Occasion, Scope], Awaitable[Any]]


class NothingToLookFor(Rule):
    """Say at least one of email, phone, last_four and name, and a name with at least one letter or digit."""


class NotLastFour(Malformed):
    """The last four digits of a phone number are four digits."""


def blinded(keys: Keyring, tenant: UUID, pieces: Iterable[tuple[str, str]]) -> list[tuple[str, bytes]]:
    """Under which value each of them stands, by field."""
    return [
        (field, seals.blind(keys.secret(tenant, f"index {field}"), field, text, SHORT.get(field, 32)))
        for field, text in pieces
    ]


class Search:
    """Answers `FindPeople`. `name` and `answers` are for those who want to know how far the index has come."""

    name = "people-index"

    def __init__(self, keys: Keyring, people: Answerer) -> None:
        """`people`: who answers `People`, with all that is sealed opened."""
        self._keys = keys
        self._people = people

    def answers(self) -> Mapping[type[Query], Any]:
        return {FindPeople: self.find_people}

    async def find_people(self, query: FindPeople, occasion: Occasion, scope: Scope) -> Any:
        """A page by id. Where `next` is given there may be more, and a page may be empty."""
        query = normal(query)
        wanted = sought(query.email, query.phone, query.last_four, query.name)
        if not wanted:
            raise NothingToLookFor
        limit = max(1, min(query.limit, MOST_ROWS))
        found: list[Any] = []
        page: Any = None
        after, opened = query.after, 0
        while len(found) < limit and opened < MOST_OPENED:
            ids = await asyncio.to_thread(self._look_up, occasion.tenant, wanted, after)
            page = await self._people(People(ids=tuple(ids), limit=AT_ONCE), occasion, scope)
            known = {row.id: row for row in page.rows}
            opened += len(ids)
            taken = 0
            for taken, who in enumerate(ids, 1):  # noqa: B007
                after = who
                if (row := known.get(who)) is not None and is_so(row, query):
                    found.append(row)
                    if len(found) == limit:
                        break
            if len(ids) < AT_ONCE and taken == len(ids):
                after = None
                break
        return replace(page, rows=found, next=after)

    def _look_up(self, tenant: UUID, wanted: list[tuple[str, str]], after: UUID | None) -> list[UUID]:
        return self._keys.look_up(tenant, blinded(self._keys, tenant, wanted), after, AT_ONCE)


def normal(query: FindPeople) -> FindPeople:
    """As details are kept; what could not be kept is refused in the same words."""
    four = query.last_four
    if four is not None and not (len(four) == 4 and four.isascii() and four.isdigit()):
        raise NotLastFour
    said = details.Details(email=query.email, phone=query.phone).normal(date.max)
    return replace(query, email=said.email, phone=said.phone)


def is_so(row: Any, query: FindPeople) -> bool:
    """Whether what was opened is what was looked for; what cannot be opened any more is not."""
    return (
        (query.email is None or (isinstance(row.email, str) and row.email.casefold() == query.email.casefold()))
        and (query.phone is None or row.phone == query.phone)
        and (query.last_four is None or (isinstance(row.phone, str) and row.phone.endswith(query.last_four)))
        and (query.name is None or (isinstance(row.name, str) and named_so(row.name, query.name)))
    )
