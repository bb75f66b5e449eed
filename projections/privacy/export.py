"""Everything about one person, from all views, from the log, and from the log of accesses.

That it was asked for is recorded before anything is read; where that cannot be, nothing is given.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from application.access import Access, AccessLog
from application.booking.queries import WhoIsBooked
from application.booking.series_queries import TheSeries
from application.bus import Answerer
from application.family.queries import ConsentsOf, Families, HistoryOfConsents
from application.identity.queries import TheUser
from application.message import Occasion, Query, Scope
from application.privacy.export import SECTIONS, Export
from application.privacy.queries import DataExport, TheErasure
from application.recorded import RecordedEvent
from application.waitlist.queries import TheEntry
from domain.errors import Unknown
from domain.privacy.subject import Subject

PAGE = 200
Ask = Callable[[str, Sequence[Any], UUID], Awaitable[list[Any]]]
"""Asks the database one statement, for the rows of one tenant."""
Load = Callable[[UUID, Sequence[UUID]], Awaitable[Sequence[RecordedEvent]]]
"""Streams from the log, with everything in them opened."""
Batches = AsyncIterator[list[dict[str, Any]]]

_SERIES = "SELECT id FROM read.series WHERE tenant = %s AND customer_id = %s ORDER BY id"
_ENTRIES = "SELECT id FROM read.waitlist_entry WHERE tenant = %s AND customer_id = %s ORDER BY joined_at, id"
_GROUPS = (
    "SELECT p.id, p.kind, p.name FROM read.party_member m JOIN read.party p ON p.tenant = m.tenant "
    "AND p.id = m.party_id WHERE m.tenant = %s AND m.customer_id = %s ORDER BY p.id"
)
_TALLIES = (
    "SELECT booking_id, state, starts_at, ends_at FROM read.quota_tally WHERE tenant = %s AND who = %s "
    "ORDER BY starts_at, booking_id"
)
_ACCESS = "SELECT * FROM access_log.about(%s, %s, %s, %s)"
HIDDEN = ("token", "address", "box")
"""Of facts: secrets in the form in which they are compared, which say nothing to anybody."""


class Exports:
    """Answers `DataExport`. `answerers`: the views, opened."""

    def __init__(self, answerers: Mapping[type[Query], Answerer], log: AccessLog, ask: Ask, load: Load) -> None:
        self._answerers = answerers
        self._log = log
        self._ask = ask
        self._load = load

    async def data_export(self, query: DataExport, occasion: Occasion, scope: Scope) -> Export:
        """`UnknownUser`; `Unavailable` where it cannot be recorded."""
        user_id = query.user_id
        person = await self._answerers[TheUser](TheUser(user_id), occasion, scope)
        entry = Access(
            occasion.tenant, "DataExport", "success", occasion.actor, occasion.origin, target_type="user",
            target_id=str(user_id), subjects=(user_id,),
        )  # fmt: skip
        await asyncio.to_thread(self._log.record, [entry])
        read = {
            "details": partial(self._once, person),
            "consents": partial(self._consents, user_id, occasion),
            "families": partial(self._families, user_id, occasion),
            "bookings": partial(self._bookings, user_id, occasion),
            "series": partial(self._each, _SERIES, TheSeries, user_id, occasion),
            "waitlist": partial(self._each, _ENTRIES, TheEntry, user_id, occasion),
            "groups": partial(self._rows, _GROUPS, ("id", "kind", "name"), user_id, occasion),
            "quotas": partial(self._rows, _TALLIES, ("booking_id", "state", "starts_at", "ends_at"), user_id, occasion),
            "erasure": partial(self._erasure, user_id, occasion),
            "events": partial(self._events, user_id, occasion),
            "access": partial(self._accesses, user_id, occasion),
        }
        sections = {name: read[name] for name in SECTIONS}
        return Export(user_id, occasion.tenant, datetime.now(UTC), sections)

    async def _once(self, row: Any) -> Batches:
        yield [plain(row)]

    async def _consents(self, user_id: UUID, occasion: Occasion) -> Batches:
        try:
            yield [plain(await self._answerers[ConsentsOf](ConsentsOf(user_id), occasion, "any"))]
        except Unknown:
            return
        before: Any = await self._answerers[HistoryOfConsents](HistoryOfConsents(user_id, limit=PAGE), occasion, "any")
        yield [plain(row) for row in before.rows]

    async def _families(self, user_id: UUID, occasion: Occasion) -> Batches:
        """Of the others their ids alone: what is known about them is theirs."""
        found = await self._answerers[Families](Families(user_id, limit=PAGE), occasion, "any")
        yield [plain(row) for row in found.rows]

    async def _bookings(self, user_id: UUID, occasion: Occasion) -> Batches:
        after = None
        while True:
            query = WhoIsBooked(customer_id=user_id, after=after, limit=PAGE)
            found = await self._answerers[WhoIsBooked](query, occasion, "any")
            yield [plain(row) for row in found.rows]
            after = found.next
            if after is None:
                return

    async def _each(self, which: str, kind: Callable[[UUID], Query], user_id: UUID, occasion: Occasion) -> Batches:
        for (one,) in await self._ask(which, [occasion.tenant, user_id], occasion.tenant):
            query = kind(one)
            yield [plain(await self._answerers[type(query)](query, occasion, "any"))]

    async def _rows(self, which: str, names: Sequence[str], user_id: UUID, occasion: Occasion) -> Batches:
        found = await self._ask(which, [occasion.tenant, user_id], occasion.tenant)
        yield [dict(zip(names, map(msgspec.to_builtins, row), strict=True)) for row in found]

    async def _erasure(self, user_id: UUID, occasion: Occasion) -> Batches:
        try:
            yield [plain(await self._answerers[TheErasure](TheErasure(user_id), occasion, "any"))]
        except Unknown:
            return

    async def _events(self, user_id: UUID, occasion: Occasion) -> Batches:
        streams = [user_id, Subject.of(user_id)]
        yield [told(one, user_id) for one in await self._load(occasion.tenant, streams)]
        async for bookings in self._bookings(user_id, occasion):
            ids = [UUID(row["id"]) for row in bookings]
            for start in range(0, len(ids), 50):
                loaded = await self._load(occasion.tenant, ids[start : start + 50])
                yield [told(one, user_id) for one in loaded]

    async def _accesses(self, user_id: UUID, occasion: Occasion) -> Batches:
        after = 0
        while True:
            rows = await self._ask(_ACCESS, [occasion.tenant, user_id, after, PAGE], occasion.tenant)
            yield [
                {
                    "at": at.isoformat(), "what": action, "outcome": outcome, "reason": reason,
                    "by_yourself": actor_id == str(user_id), "about": about,
                }
                for _, at, action, outcome, reason, actor_id, about, _ in rows
            ]  # fmt: skip
            if len(rows) < PAGE:
                return
            after = rows[-1][0]


def plain(row: Any) -> dict[str, Any]:
    """In the types of JSON; what nobody can open any more is null."""
    made: dict[str, Any] = msgspec.to_builtins(row, enc_hook=lambda _: None)
    return made


def told(recorded: RecordedEvent, user_id: UUID) -> dict[str, Any]:
    """A fact, for whom it is about. Who acted is somebody else, unless it was they."""
    actor = recorded.envelope.actor
    fact = {name: value for name, value in plain(recorded.fact).items() if name not in HIDDEN}
    return {
        "at": recorded.occurred_at.isoformat(), "what": recorded.tag, "stream": str(recorded.stream),
        "version": recorded.version, "by": "yourself" if actor.acts_for == str(user_id) else actor.role,
        "channel": recorded.envelope.origin.channel, "fact": fact,
    }  # fmt: skip
