"""Builds the house once: settings -> adapters -> handlers -> buses -> views. Tests and production use the same."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import redis.asyncio
from msgspec import Struct
from msgspec.structs import replace
from pymongo.asynchronous.database import AsyncDatabase

from application.audit.queries import AuditTrail
from application.availability.proof import Proven, ProveOverlaps, Proving, TooLongToProve
from application.availability.queries import WhatIsOffered
from application.bus import Answerer, CommandBus, QueryBus, ViewBehind
from application.event_store import Unavailable
from application.handlers import HANDLERS
from application.identity.accounts import Member
from application.identity.queries import FindPeople, People
from application.identity.reception import Reception
from application.message import Occasion, Query, Scope
from application.privacy.queries import DataExport
from application.recorded import RecordedEvent
from application.sealing import fingerprinting
from domain.identity.lookup import sought
from infrastructure import mongo
from infrastructure.event_store import claims, log
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.identity.links import LinkRows
from infrastructure.identity.oidc import Fetch, Houses
from infrastructure.identity.outbox import Outbox
from infrastructure.identity.passwords import Argon2, common_words
from infrastructure.identity.revocations import Revocations
from infrastructure.identity.rows import PostgresAccounts
from infrastructure.identity.signing import Ring
from infrastructure.postgres import reading
from infrastructure.postgres.access_log import PostgresAccessLog
from infrastructure.postgres.migrate import migrate as migrated
from infrastructure.postgres.numbers import Numbers, reserving
from infrastructure.privacy.erasure import Erasing
from infrastructure.privacy.journal import Journal
from infrastructure.privacy.keyring import Keyring
from infrastructure.privacy.master import masters
from infrastructure.privacy.opening import opened, opening
from infrastructure.privacy.search import Search, blinded
from infrastructure.settings import Incomplete, Settings
from infrastructure.valkey import Valkey
from interfaces.http.metrics import Metrics
from interfaces.trust import Trust, minted, trusting
from projections.audit import trail
from projections.availability.offers import Offers
from projections.privacy.export import Exports
from projections.runner import connected, prepare
from projections.views import VIEWS

SPARE = 4
"""Connections beside those of the threads that write: a command that looks up its own fate holds one already."""
LATE = 30.0
"""Seconds after which a view that does not follow is called behind."""
AUDIT_PATIENCE = 2.0
COUNTING = "0003_time_and_capacity"
"""The migration that brought tables which follow from the log."""
PROOF_SHARE = 0.6
"""Of a request's time: when a proof gives up."""


T = TypeVar("T")
ACCESS_LIFE = 900
"""Seconds for which the access token of a login is good, at most."""
DESKS = 4
"""Passwords that are looked at together: each takes 19 MiB for as long."""
MOST_BEFORE_DESK = 100
"""Who comes after so many is sent away at once."""


class Dependency(Struct, frozen=True, omit_defaults=True):
    """Something that this process cannot do without, or only limps without."""

    name: str
    well: bool
    needed: bool
    """Without it there are no bookings."""
    reason: str = ""


class Standing(Struct, frozen=True):
    """How far a view is behind the log."""

    name: str
    behind: int
    age: float
    parked: int


class House:
    """All that is behind the doors. Built without waiting for anybody: what is not there yet is waited for on use."""

    def __init__(self, settings: Settings) -> None:
        if settings.database_url is None:
            raise Incomplete("DAYBOOK_DATABASE_URL is not set, and this command starts no server of its own.")
        self.settings = settings
        self.metrics = Metrics()
        self.keys = Keyring(settings.database_url, masters(settings), deadline=settings.database_deadline)
        self.store = PostgresEventStore(
            settings.database_url, pool_size=settings.write_pool + SPARE, deadline=settings.database_deadline,
            keys=self.keys,
        )  # fmt: skip
        self.rows = LinkRows(settings.database_url, settings.database_deadline)
        self.ring = Ring(
            settings.token_secret or "", settings.token_secret_previous, self.rows.signing_keys, self.keys
        )  # fmt: skip
        self.elsewhere = Houses(Fetch(settings.oidc_private))
        self.numbers = Numbers(reserving(settings.database_url, settings.database_deadline))
        self.access_log = access_log = PostgresAccessLog(self.store.pool)
        self.valkey = None if settings.redis_url is None else Valkey(settings.redis_url, settings.redis_deadline)
        self.command_bus = CommandBus(self.store, HANDLERS, self.numbers, access_log, fingerprinting(self.keys))
        self.erasing = Erasing(self.command_bus, self.store, self.keys, Journal.of(settings), settings.data / "outbox")
        self.pool = reading.reading_pool(settings.database_url, settings.read_pool, settings.database_deadline)
        views = reading.answerers(VIEWS, self.pool, settings.database_deadline)
        answerers: dict[type[Query], Answerer] = {
            kind: self._patient(opening(self.keys, answer)) for kind, answer in views.items()
        }
        search = Search(self.keys, answerers[People])
        self._positions = reading.Positions((*VIEWS, search), self.pool, settings.database_deadline)
        answerers[FindPeople] = self._patient(search.find_people)
        self._audit: AsyncDatabase[dict[str, Any]] | None = None
        answerers[AuditTrail] = self._audit_trail
        answerers[WhatIsOffered] = Offers(answerers, self._rows).what_is_offered
        answerers[ProveOverlaps] = self._proof
        answerers[DataExport] = Exports(answerers, access_log, self._rows_of, self._streams).data_export
        self._proving = threading.Lock()
        self.query_bus = QueryBus(answerers, access_log)
        self._redis: redis.asyncio.Redis | None = None
        self.accounts = PostgresAccounts(settings.database_url, self.keys, deadline=settings.database_deadline)
        self.passwords = Argon2()
        self.outbox = Outbox(settings.data / "outbox")
        self.revocations = Revocations(settings.database_url)
        self.reception = Reception(
            self.accounts, self.passwords, self.keys, self.store, self.command_bus.carry_out, access_log, self.outbox,
            self._access_token, common_words(),
        )  # fmt: skip
        self._desk = ThreadPoolExecutor(DESKS, "desk")
        self._before_desk = 0

    def with_address(self, tenant: UUID, email: str) -> list[UUID]:
        """Who has said that this is their address."""
        return self.keys.look_up(tenant, blinded(self.keys, tenant, sought(email, None, None, None)))

    @property
    def trust(self) -> Trust:
        """Whose tokens are believed."""
        return trusting(self.settings, self.ring)

    def _access_token(self, member: Member, session: UUID, auth: str) -> tuple[str, int]:  # noqa: ARG002
        trust = self.trust
        life = min(trust.longest, ACCESS_LIFE)
        token = minted(
            trust, role=member.role, subject=str(member.user_id), organization=member.organization_id, life=life,
            session=str(session), within=member.within, version=member.version,
        )  # fmt: skip
        return token, life

    async def at_desk(self, work: Callable[[], T]) -> T:
        """Where people say who they are: in threads of its own, for each works hard for its answer, and whoever books
        does not wait for those who guess."""
        if self._before_desk >= MOST_BEFORE_DESK:
            raise Unavailable("Too many are logging in at this moment.")
        self._before_desk += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._desk, work)
        finally:
            self._before_desk -= 1

    # opening and closing

    @asynccontextmanager
    async def inhabited(self, _app: Any = None) -> AsyncIterator[None]:
        """While it lasts, questions are answered; at its end all is closed."""
        await self.open()
        try:
            yield
        finally:
            await self.aclose()

    async def open(self) -> None:
        """The asynchronous half, in the loop that is to use it. Does not wait until anything is there."""
        await self.pool.open(wait=False)
        self.revocations.follow()
        self.ring.begin()
        settings = self.settings
        if settings.mongo_url is not None:
            self._audit = mongo.reading(settings.mongo_url, settings.mongo_deadline, settings.mongo_pool)
        if self.valkey is not None and settings.redis_url is not None:
            self.valkey.open()
            self._redis = redis.asyncio.Redis.from_url(
                settings.redis_url, socket_timeout=settings.redis_deadline,
                socket_connect_timeout=settings.redis_deadline, max_connections=settings.redis_pool,
            )  # fmt: skip

    async def aclose(self) -> None:
        await self.pool.close()
        if self._audit is not None:
            await self._audit.client.close()
        if self._redis is not None:
            await self._redis.aclose()
        if self.valkey is not None:
            await self.valkey.aclose()
        self.close()

    def close(self) -> None:
        """The synchronous half."""
        self._desk.shutdown(cancel_futures=True)
        self.outbox.close()
        self.revocations.close()
        self.accounts.close()
        self.ring.close()
        self.rows.close()
        self.store.close()
        self.keys.close()

    # answering

    def _patient(self, answer: Answerer) -> Answerer:
        """Waits, where the asker names a position, until the view has come so far."""

        async def answered(query: Any, occasion: Occasion, scope: Scope) -> Any:
            if occasion.min_position:
                try:
                    await self._positions.reached(type(query), occasion.min_position)
                except reading.ViewBehind:
                    raise ViewBehind from None
            return await answer(query, occasion, scope)

        return answered

    async def _rows(self, text: str, values: Sequence[Any]) -> list[Any]:
        return await reading.rows(self.pool, text, values, self.settings.database_deadline)

    async def _rows_of(self, text: str, values: Sequence[Any], tenant: UUID) -> list[Any]:
        return await reading.rows(self.pool, text, values, self.settings.database_deadline, tenant)

    async def _streams(self, tenant: UUID, streams: Sequence[UUID]) -> Sequence[RecordedEvent]:
        loaded = await asyncio.to_thread(self.store.load, tenant, streams)
        found: list[RecordedEvent] = []
        for recorded in loaded.streams.values():
            found += [replace(one, fact=await opened(self.keys, tenant, one.fact)) for one in recorded]
        return found

    async def _audit_trail(self, query: AuditTrail, occasion: Occasion, scope: Scope) -> Any:
        if self._audit is None:
            raise Unavailable("No MongoDB is known to this process.")
        reader = trail.Reader(self._audit, reading.behind(self.pool))
        ends = asyncio.get_running_loop().time() + AUDIT_PATIENCE
        while True:
            try:
                found = await reader.audit_trail(query, occasion, scope)
            except mongo.GONE as gone:
                raise Unavailable("MongoDB did not answer in time.") from gone
            complete = 0 if found.complete_to is None else int(found.complete_to.position)
            if complete >= occasion.min_position:
                return found
            if asyncio.get_running_loop().time() >= ends:
                raise ViewBehind
            await asyncio.sleep(0.05)

    async def _proof(self, query: ProveOverlaps, occasion: Occasion, scope: Scope) -> Proven:  # noqa: ARG002
        """One at a time in a process: it reads a whole log, and keeps a thread busy."""
        if not self._proving.acquire(blocking=False):
            raise Unavailable("Another proof is being made at this moment: ask again shortly.")
        try:
            return await asyncio.to_thread(self._proven, occasion.tenant, occasion.min_position)
        except psycopg.OperationalError as error:
            raise Unavailable("The database did not answer in time.") from error
        finally:
            self._proving.release()

    def _proven(self, tenant: UUID, at_least: int) -> Proven:
        assert self.settings.database_url is not None
        ends = time.monotonic() + self.settings.request_deadline * PROOF_SHARE
        while True:
            proving = Proving()
            with connected(self.settings.database_url, "prove") as connection:
                for page in log.of_tenant(connection, tenant):
                    proving.add(page)
                    if time.monotonic() > ends:
                        raise TooLongToProve(events=proving.events)
            if proving.position >= at_least:
                return proving.proven()
            if time.monotonic() > ends:
                raise ViewBehind
            time.sleep(0.02)

    # how it is doing

    async def dependencies(self) -> list[Dependency]:
        """Each with a short reason, at the same time, none waited for longer than its deadline. No addresses: the
        answer is for everybody."""
        checks = [
            self._checked("postgres", True, self._postgres, self.settings.database_deadline),
            self._checked("mongo", False, self._mongo, self.settings.mongo_deadline),
            self._checked("redis", False, self._valkey, self.settings.redis_deadline),
            self._checked("worker", False, self._worker, self.settings.database_deadline),
        ]
        return list(await asyncio.gather(*checks))

    async def _checked(
        self, name: str, needed: bool, check: Callable[[], Awaitable[str]], deadline: float
    ) -> Dependency:
        try:
            reason = await asyncio.wait_for(check(), deadline + 0.5)
        except TimeoutError:
            reason = "no answer in time"
        except Exception as error:
            reason = f"not there ({type(error).__name__})"
        return Dependency(name, not reason, needed, reason)

    async def _postgres(self) -> str:
        try:
            await reading.rows(self.pool, "SELECT FROM read.position LIMIT 1", [], self.settings.database_deadline)
        except psycopg.errors.UndefinedTable:
            return "not migrated: run daybook migrate"
        return ""

    async def _mongo(self) -> str:
        if self._audit is None:
            return "not configured"
        await self._audit.client.admin.command("ping")
        return ""

    async def _valkey(self) -> str:
        if self._redis is None:
            return "not configured"
        await self._redis.ping()
        return ""

    async def _worker(self) -> str:
        standings = await self.standings()
        late = [view for view in standings if view.age > LATE]
        parked = [view.name for view in standings if view.parked]
        words = [f"{view.name} is {view.age:.0f} s behind" for view in late]
        if parked:
            words.append(f"{', '.join(parked)}: streams are parked")
        return "; ".join(words)

    async def standings(self) -> list[Standing]:
        """The lag of every view and of the audit trail, as far as anybody can be asked."""
        found: list[Standing] = []
        with suppress(Unavailable):
            found += [Standing(one.view, one.behind, one.age, one.parked) for one in await reading.standing(self.pool)]
            if self._audit is not None:
                with suppress(*mongo.GONE):
                    hint = await self._audit[trail.HINTS].find_one({"_id": {"$eq": trail.LOG}}, {"position": 1})
                    behind, oldest = await reading.behind(self.pool)(0 if hint is None else int(hint["position"]))
                    age = 0.0 if oldest is None else max((datetime.now(UTC) - oldest).total_seconds(), 0.0)
                    found.append(Standing("audit", behind, age, 0))
        return found


def build(settings: Settings) -> House:
    """The house of these settings."""
    return House(settings)


def migrate(settings: Settings) -> list[str]:
    """Brings the database to the present shape: its tables, and those of the views. Names what it did."""
    if settings.database_url is None:
        raise Incomplete("DAYBOOK_DATABASE_URL is not set.")
    done = migrated(settings.database_url)
    if COUNTING in done:  # what was in the log before counts as well
        claims.rebuild(settings.database_url)
    with connected(settings.database_url, "prepare", role=None) as connection:
        return done + [f"view {name}" for name in prepare(connection, VIEWS)]


__all__ = ["Dependency", "House", "Incomplete", "Settings", "Standing", "build", "migrate"]
