"""What goes on behind the doors: views and audit trail follow the log, what follows from facts is noted and carried out
when it is due, dead holds are expired, old answers forgotten.

Everything here may run twice, on two machines, and be killed at any moment: who follows keeps its position with its
rows, and who acts does so by commands whose ids follow from what they are about.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid5

from application.booking.commands import ExpireHold
from application.booking.queries import MOST_ROWS
from application.bus import CommandBus, CommandInFlight, Contended
from application.event_store import Unavailable
from application.message import Occasion
from application.privacy.commands import LetGo
from application.reactions import REACTIONS
from application.recorded import Actor, Origin, RecordedEvent
from domain.errors import Refusal
from infrastructure import mongo
from infrastructure.event_store import log as event_log
from infrastructure.event_store.store import ExpiredHold, PostgresEventStore
from infrastructure.jobs.follower import Reactor, Rivals
from infrastructure.jobs.queue import STALLED, Bus, Jobs, revive
from infrastructure.postgres.source import Source
from infrastructure.privacy.index import Indexer
from interfaces.bootstrap import House
from interfaces.http.logs import log
from projections.audit.trail import Follower
from projections.booking.calendar import COMPETITORS, Calendar
from projections.runner import Lag, Runner, connected
from projections.views import VIEWS

SWEEP = 0.5
"""Seconds between looks for dead holds. Nobody waits for it: a dead hold is dead without it."""
HOLDS = 100
FORGET = 3600.0
"""Seconds between two forgettings of old answers."""
KEEP_DAYS = 30
FORGET_AT_ONCE = 5000
TELL = 60.0
"""Seconds between two lines that say how far the followers are behind."""
PATIENCE = 5.0
"""Seconds in which followers finish the batch at hand."""
ACTOR = Actor("system", "hold-expiry", "system")
NIGHT = 86_400.0
"""Seconds between two looks for whom an organization keeps no longer."""
MOST_LET_GO = 10_000
RETIRER = Actor("system", "retention", "system")
WHO_LEFT = """
SELECT p.tenant, p.id, greatest(p.registered_at, b.last) AS last_seen
  FROM read.retention r
  JOIN read.person p ON p.tenant = r.tenant AND p.role = 'customer' AND NOT p.erased
  LEFT JOIN read.erasure e ON e.tenant = p.tenant AND e.user_id = p.id AND e.status = 'requested'
 CROSS JOIN LATERAL (SELECT max(i.ends_at) AS last FROM read.booking i
                      WHERE i.tenant = p.tenant AND i.customer_id = p.id) b
 WHERE r.without_bookings_days IS NOT NULL AND e.user_id IS NULL
   AND greatest(p.registered_at, b.last) < now() - make_interval(days => r.without_bookings_days)
   AND NOT EXISTS (SELECT FROM read.legal_hold h
                    WHERE h.tenant = p.tenant AND h.user_id = p.id AND h.lifted_at IS NULL)
 ORDER BY 1, 2 LIMIT %s
"""


RIVALS_PATIENCE = 5.0
"""Seconds in which the calendar is waited for. A view that stands still does not hold back what follows from facts."""


class Follows(Protocol):
    def run(self) -> None: ...
    def stop(self) -> None: ...
    def abandon(self) -> None: ...


class Sweeper:
    """Expires dead holds through the front door, so that the log says so."""

    def __init__(self, store: PostgresEventStore, bus: CommandBus) -> None:
        self._store = store
        self._bus = bus
        self._stuck: set[UUID] = set()
        """Holds that would not be expired: told once, and no longer in the way of the others."""

    def sweep(self) -> int:
        """All that are dead now; how many were expired. `Unavailable` when there is nobody to ask."""
        swept = 0
        while True:
            found = self._store.expired_holds(HOLDS + len(self._stuck))
            waiting = [hold for hold in found if hold.booking_id not in self._stuck]
            if not waiting:
                self._stuck &= {hold.booking_id for hold in found}
                return swept
            now = sum(self._expired(hold) for hold in waiting)
            if not now:
                return swept  # others are at them, or they are stuck
            swept += now

    def _expired(self, hold: ExpiredHold) -> bool:
        # The hold and its expiry, not the moment of sweeping: two sweepers send one command.
        command_id = uuid5(hold.booking_id, f"expire:{hold.expires_at.astimezone(UTC).isoformat()}")
        occasion = Occasion(hold.tenant, ACTOR, Origin("worker"), command_id, keyed=True)
        try:
            self._bus.carry_out(ExpireHold(hold.booking_id), occasion)
        except Unavailable:
            raise
        except (CommandInFlight, Contended):
            return False  # somebody else is at it: seen again at the next sweep
        except Exception as error:  # whatever it is, it must not keep the other holds alive
            self._stuck.add(hold.booking_id)
            why = error.code if isinstance(error, Refusal) else type(error).__name__
            log.warning("hold.stuck", booking=str(hold.booking_id), code=why)
            return False
        return True


def rivals_of(url: str) -> Rivals:
    """Who waits for approval of what a booking has, from the calendar once it has seen the fact."""

    def rivals(because: RecordedEvent, booking_id: UUID) -> Sequence[UUID]:
        ends = time.monotonic() + RIVALS_PATIENCE
        with connected(url, "rivals") as connection:
            while not connection.execute(REACHED, [Calendar.name, because.position]).fetchone():
                if time.monotonic() > ends:
                    log.warning("rivals.unseen", booking=str(booking_id), position=str(because.position))
                    break
                time.sleep(0.02)
            values = {"tenant": because.tenant, "booking_id": booking_id, "limit": MOST_ROWS}
            return [row[0] for row in connection.execute(COMPETITORS.text, COMPETITORS.asked(values)).fetchall()]

    return rivals


REACHED = "SELECT true FROM read.position WHERE view = %s AND position >= %s"


class Worker:
    """One process. Its threads mend themselves: what they depend on may come and go."""

    def __init__(self, house: House) -> None:
        settings = house.settings
        assert settings.database_url is not None
        url = settings.database_url
        self.lags: dict[str, Lag] = {}
        self._house = house
        self._sweeper = Sweeper(house.store, house.command_bus)
        self._stopping = threading.Event()
        self._followers: list[tuple[str, Follows]] = [
            (view.name, Runner(view, url, event_log, meter=self._met)) for view in VIEWS
        ]
        self._followers += [
            ("people-index", Indexer(url, house.keys, meter=self._met)),
            ("reactions", Reactor(url, house.store, REACTIONS, rivals_of(url))),
            ("jobs", Jobs(url, house.erasing)),
        ]
        self._url = url
        if (mongo_url := settings.mongo_url) is not None:
            trail = Follower(url, lambda: mongo.writing(mongo_url), Source(), meter=self._met)
            self._followers.append(("audit", trail))

    def _met(self, lag: Lag) -> None:
        self.lags[lag.view] = lag

    def run(self) -> None:
        """Until `stop`. Leaves when every follower has finished the batch at hand."""
        threads = [threading.Thread(target=follower.run, name=name, daemon=True) for name, follower in self._followers]
        for thread in threads:
            thread.start()
        log.info("worker.started", follows=[name for name, _ in self._followers])
        try:
            self._work()
        finally:
            for _, follower in self._followers:
                follower.stop()
            ends = time.monotonic() + PATIENCE  # for all of them together
            for thread in threads:
                thread.join(max(ends - time.monotonic(), 0))
            for thread, (_, follower) in zip(threads, self._followers, strict=True):
                if thread.is_alive():  # it waits for a server that does not answer: cut loose, it loses nothing
                    follower.abandon()
                    thread.join(1)
            log.info("worker.stopped", unfinished=[thread.name for thread in threads if thread.is_alive()])

    def stop(self) -> None:
        self._stopping.set()

    def _work(self) -> None:
        chores = [
            Chore("sweep", SWEEP, self._sweeper.sweep),
            Chore("forget", FORGET, self._forget),
            Chore("tell", TELL, self._tell, later=True),
            Chore("revive", STALLED, self._revive, later=True),
            Chore("retention", NIGHT, Retirer(self._url, self._house.command_bus).let_go),
        ]
        while not self._stopping.is_set():
            for chore in chores:
                chore.when_due()
            self._stopping.wait(SWEEP / 2)

    def _forget(self) -> int:
        """All that is too old, some at a time, so that no transaction is long."""
        forgotten = 0
        while not self._stopping.is_set():
            some = self._house.store.forget_commands(KEEP_DAYS, FORGET_AT_ONCE)
            forgotten += some
            if some < FORGET_AT_ONCE:
                break
        return forgotten

    def _revive(self) -> int:
        """Jobs of workers that died are given to those that live."""
        with connected(self._url, "revive") as connection:
            return revive(connection)

    def _tell(self) -> int:
        for name, lag in sorted(self.lags.items()):
            log.info("lag", view=name, behind=lag.behind, seconds=round(lag.age, 3), parked=lag.parked)
        return 0


class Retirer:
    """Asks for the erasure of customers who have not booked for as long as their organization keeps people. Who that is
    the views say; the command asks the log again."""

    def __init__(self, url: str, bus: Bus) -> None:
        self._url = url
        self._bus = bus

    def let_go(self) -> int:
        """How many; those of whom the log says otherwise are not among them."""
        with connected(self._url, "retention") as connection:
            found = connection.execute(WHO_LEFT, [MOST_LET_GO]).fetchall()
        return sum(self._asked(tenant, user_id, last) for tenant, user_id, last in found)

    def _asked(self, tenant: UUID, user_id: UUID, last: datetime) -> bool:
        # Their last booking, not the night: asked again tomorrow, the same becomes of it.
        name = f"let_go:{last.astimezone(UTC).isoformat()}"
        occasion = Occasion(tenant, RETIRER, Origin("worker"), uuid5(user_id, name), keyed=True)
        try:
            answer = self._bus.carry_out(LetGo(user_id, uuid5(user_id, f"{name}:request")), occasion)
        except Refusal:
            return False
        return bool(answer.changed) and answer.result.get("status") == "requested"


class Chore:
    """Something to do every so often. What it depends on being away is told once, and once more when it is back."""

    def __init__(self, name: str, every: float, do: Callable[[], int], later: bool = False) -> None:
        self._name, self._every, self._do = name, every, do
        self._due = time.monotonic() + (every if later else 0.0)
        self._failing = False

    def when_due(self) -> None:
        if time.monotonic() < self._due:
            return
        try:
            done = self._do()
        except Unavailable as unavailable:
            self._failed("unavailable", str(unavailable))
        except Exception as error:  # one chore must not end the others
            self._failed(type(error).__name__, "")
        else:
            if self._failing:
                log.info(f"{self._name}.resumed")
            self._failing = False
            if done:
                log.info(self._name, done=done, at_most_late=self._every)
        self._due = time.monotonic() + self._every

    def _failed(self, kind: str, sentence: str) -> None:
        if not self._failing:
            log.warning(f"{self._name}.interrupted", error=kind, because=sentence)
        self._failing = True
