"""What can be booked: two statements however many resources, and the one function that decides.

The first statement brings the configuration, out of the timetable; the second every claim on every candidate, as
ranges, with the database's clock. All else is done in memory by `domain.availability.slots`. Whose quotas are looked
at, or which booking would be moved, is one statement more each; and so are the sessions of what is sold by session.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from application.availability.queries import Offered, OfferedOf, TooMuchAtOnce, WhatIsOffered
from application.booking.queries import TheBooking
from application.bus import Answerer
from application.message import Occasion, Query, Scope
from application.offering.queries import Configured, Sessions, TheSetup
from application.permission import permitted
from application.quota.queries import WhatCounts
from domain import localtime
from domain.availability.choice import TRAILING
from domain.availability.limits import Asker, Limits, limited, otherwise_engaged
from domain.availability.seats import seats
from domain.availability.setup import Refused, Request, Setup, Slot, Use
from domain.availability.slots import MOST_DAYS, TooManyDays, explained, free_spans, minutes_for, slots
from domain.hours import DAY
from domain.offering.errors import NotSold
from domain.offering.session import Session
from domain.offering.terms import Need, Terms
from domain.quota.counting import Picture
from domain.resource.errors import UnknownResource

Rows = Callable[[str, Sequence[Any]], Awaitable[list[Any]]]
"""Asks the database one statement."""
USUAL_MINUTES = 60

CLAIMS = """
SELECT clock.now, c.resource, c.booking, c.item, c.starts_at, c.ends_at, c.units, c.before, c.after, c.shared,
       c.expires_at, c.authorised, c.kind
  FROM (SELECT clock_timestamp() AS now) clock
  LEFT JOIN event_store.claims_in(%s, %s, tstzrange(%s, %s)) c ON true
"""


class Offers:
    """Answers `WhatIsOffered`. `answerers`: the views; `rows` asks the database."""

    def __init__(self, answerers: Mapping[type[Query], Answerer], rows: Rows) -> None:
        self._answerers = answerers
        self._rows = rows

    async def what_is_offered(self, query: WhatIsOffered, occasion: Occasion, scope: Scope) -> Offered:
        """The slots of each, in order; refused: bad ranges and durations that are not offered."""
        if not 1 <= (query.last - query.first).days + 1 <= MOST_DAYS:
            raise TooManyDays(days=(query.last - query.first).days + 1)
        margin = timedelta(days=2)
        since = datetime.combine(query.first, time(), UTC) - margin
        until = datetime.combine(query.last, time(), UTC) + margin
        asked = TheSetup(query.offering_id, query.resource_ids, since, until + timedelta(days=LONGEST_DAYS))
        configured: Configured = await self._answerers[TheSetup](asked, occasion, scope)
        if configured.retired:
            raise NotSold
        setup = configured.setup
        if query.offering_id is None:
            setup = replace(setup, terms=by_itself(query))
            if set(query.resource_ids) - set(setup.resources):
                raise UnknownResource
        if query.offering_id is not None and setup.terms.sessions_only and not (query.apart or query.spans):
            return await self._by_session(query, occasion, scope, configured)
        minutes = minutes_for(setup, wished(query))
        if (looks := effort(setup, query)) > MOST_LOOKS:
            raise TooMuchAtOnce(starts=looks)
        if strange := tuple(sorted(set(query.resource_ids) - set(setup.resources))):
            # Refused here where there are none such; what the offering does not sell is told with the reasons.
            await self._answerers[TheSetup](TheSetup(resource_ids=strange), occasion, scope)
        if query.moving is not None:
            await self._also(TheBooking(query.moving), occasion)
        counted = None if query.customer_id is None else await self._also(WhatCounts(query.customer_id), occasion)
        since, until = looked_at(setup, query, minutes)
        now, uses = await self._uses(occasion.tenant, list(setup.resources), since, until)
        by_name = query.offering_id is None and (scope == "own" or occasion.actor.role == "guest")
        version = None if query.offering_id is None else configured.versions.get(query.offering_id)
        # What takes its time must not keep everybody else waiting.
        decided = found(setup, uses, query, now, counted, by_name) if looks < LIGHT else await asyncio.to_thread(
            found, setup, uses, query, now, counted, by_name
        )  # fmt: skip
        return Offered(
            setup.location.zone, now, version, minutes, setup.terms.price, decided, setup.location.id,
        )  # fmt: skip

    async def _by_session(
        self, query: WhatIsOffered, occasion: Occasion, scope: Scope, configured: Configured
    ) -> Offered:
        """What is sold by session only: its sessions, with the seats that are left."""
        setup, who = configured.setup, query.customer_id
        zone, price = setup.location.zone, setup.terms.price
        since = localtime.by_rule(localtime.day(query.first), zone)
        until = localtime.by_rule(localtime.day(query.last, DAY), zone)
        sessions = await self._sessions(
            Sessions(configured.offering_id, since=since, until=until, limit=MOST_AT_ONCE), occasion, scope
        )
        counted = None if who is None else await self._also(WhatCounts(who), occasion)
        over = max((it.ends_at for it in sessions), default=until)
        now, uses = await self._uses(occasion.tenant, [it.id for it in sessions], since, over)
        minutes = minutes_for(setup, replace(wished(query), minutes=None))
        told = seated(setup, sessions, uses, query, now, counted, timedelta(minutes=minutes))
        version = configured.versions.get(configured.offering_id or setup.location.id)
        return Offered(zone, now, version, minutes, price, [OfferedOf(None, told)], setup.location.id)

    async def _sessions(self, asked: Sessions, occasion: Occasion, scope: Scope) -> list[Session]:
        found: list[Session] = []
        while True:
            page = await self._answerers[Sessions](asked, occasion, scope)
            found += [as_decided_on(row) for row in page.rows]
            if len(found) > MOST_SESSIONS:
                raise TooMuchAtOnce(starts=len(found))
            if page.next is None:
                return found
            asked = replace(asked, after=page.next)

    async def _also(self, query: Query, occasion: Occasion) -> Any:
        """What another view knows, as far as whoever asks may know it."""
        return await self._answerers[type(query)](query, occasion, permitted(query, occasion.actor.role))

    async def _uses(
        self, tenant: UUID, resources: list[UUID], since: datetime, until: datetime
    ) -> tuple[datetime, list[Use]]:
        rows = await self._rows(CLAIMS, [tenant, resources, since, until])
        now: datetime = rows[0][0]
        return now, [Use(*row[1:]) for row in rows if row[1] is not None]


def looked_at(setup: Setup, query: WhatIsOffered, minutes: int) -> tuple[datetime, datetime]:
    """From when until when claims matter: the local dates, what may begin on them, and as far around as buffers and
    pacing reach; where there is somebody to choose, the days over which it is looked who was used least."""
    terms, zone = setup.terms, setup.location.zone
    paced = (it.pacing.minutes for it in setup.resources.values() if it.pacing is not None)
    reach = timedelta(minutes=max(terms.before, terms.after, *paced, 0))
    trailing = timedelta(days=TRAILING if len(setup.resources) > 1 and query.offering_id else 0)
    begins = localtime.by_rule(localtime.day(query.first), zone)
    ends = localtime.by_rule(localtime.day(query.last, DAY), zone, closing=True)
    return begins - reach - trailing, ends + timedelta(minutes=minutes) + reach


def as_decided_on(row: Any) -> Session:
    """A session as its stream would fold, from what the timetable says."""
    return Session(
        row.id, row.offering_id, row.location_id, row.starts_at, row.ends_at, row.local_start, row.zone, row.seats,
        row.resources, row.min_to_run, row.cutoff_at, row.status,
    )  # fmt: skip


MOST_AT_ONCE = 500
"""Sessions that one statement brings."""
MOST_SESSIONS = 5_000
"""Sessions in one answer."""
MOST_LOOKS = 500_000
"""How many starts are looked at for one answer, each candidate by itself where reasons are wanted: some seconds."""
LIGHT = 2_000
"""What is answered at once, in milliseconds."""


def effort(setup: Setup, query: WhatIsOffered) -> int:
    """How many starts there may be to look at, before any is."""
    if query.spans:
        return len(query.resource_ids)
    labels = ((query.last - query.first).days + 1) * -(-1440 // setup.terms.step)
    apart = query.apart or query.offering_id is None
    answers = len(query.resource_ids) if apart else 1
    candidates = len(setup.resources) + sum(len(pool.combinations) for pool in setup.pools.values())
    return labels * answers * (candidates if query.explain and not apart else 1)


LONGEST_DAYS = 60
"""How far beyond the last date calendars are looked at: the longest of what may begin on it."""


def by_itself(query: WhatIsOffered) -> Terms:
    """What a resource without an offering is had by: any length, at any step, in so many units."""
    minutes = query.minutes or USUAL_MINUTES
    return Terms(needs=(), durations=(minutes,), step=query.step or minutes)


def wished(query: WhatIsOffered, only: tuple[UUID, ...] = (), by_name: bool = False) -> Request:
    return Request(
        query.first, query.last, query.party, query.minutes, only, query.moving, override=query.override,
        by_name=by_name,
    )  # fmt: skip


def found(
    setup: Setup,
    uses: Sequence[Use],
    query: WhatIsOffered,
    now: datetime,
    counted: Picture | None = None,
    by_name: bool = False,
) -> list[OfferedOf]:
    """The answers, one for the offering, or one for each resource. `counted`: what somebody has already; `by_name`: a
    customer names resources."""
    if query.spans:
        free = free_spans(setup, uses, wished(query, (), by_name), now)
        return [OfferedOf(one, (), free[one]) for one in query.resource_ids if one in free]
    decide = Decide(query, now, counted)
    if query.offering_id is not None and not query.apart:
        return [OfferedOf(None, decide(setup, uses, wished(query, query.resource_ids)))]
    of: dict[UUID, list[Use]] = {}
    for use in uses:
        of.setdefault(use.resource_id, []).append(use)
    answers = []
    for resource_id in query.resource_ids:
        if query.offering_id is not None:
            answers.append(OfferedOf(resource_id, decide(setup, uses, wished(query, (resource_id,)))))
            continue
        need = Need("", any_of=(resource_id,), units=query.units)
        alone = Setup(setup.location, replace(setup.terms, needs=(need,)), setup.resources)
        answers.append(OfferedOf(resource_id, decide(alone, of.get(resource_id, ()), wished(query, (), by_name))))
    return answers


class Decide:
    """The one function, and what the person who asks may not have of it."""

    def __init__(self, query: WhatIsOffered, now: datetime, counted: Picture | None) -> None:
        self._query, self._now, self._counted = query, now, counted

    def __call__(self, setup: Setup, uses: Sequence[Use], request: Request) -> Sequence[Slot | Refused]:
        decide = explained if self._query.explain else slots
        who, moving, counted = self._query.customer_id, self._query.moving, self._counted
        if counted is None or who is None:
            return decide(setup, uses, request, self._now)
        if setup.terms.one_at_a_time:
            request = replace(request, busy=otherwise_engaged(counted, who, self._now, moving))
        asker = Asker(who, self._query.offering_id, setup.location.id, setup.location.zone, moving)
        lasting = timedelta(minutes=minutes_for(setup, request))
        told = limited(decide(setup, uses, request, self._now), counted, asker, setup, request, lasting)
        return told if self._query.explain else [it for it in told if isinstance(it, Slot)]


def seated(
    setup: Setup,
    sessions: Sequence[Session],
    uses: Sequence[Use],
    query: WhatIsOffered,
    now: datetime,
    counted: Picture | None,
    lasting: timedelta,
) -> Sequence[Slot | Refused]:
    """The sessions, under what the person who asks may have of them."""
    request, who = wished(query), query.customer_id
    if counted is None or who is None:
        told: Sequence[Slot | Refused] = seats(sessions, setup.terms, uses, request, now)
    else:
        request = replace(request, busy=otherwise_engaged(counted, who, now, query.moving))
        asker = Asker(who, query.offering_id, setup.location.id, setup.location.zone, query.moving)
        told = Limits(counted, asker, (), lasting).over(seats(sessions, setup.terms, uses, request, now))
    return told if query.explain else [it for it in told if isinstance(it, Slot)]
