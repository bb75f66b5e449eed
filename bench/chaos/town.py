"""A small town to fight over: one location, a few resources, and the door at the command bus."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4, uuid5

from msgspec import Struct

from application.booking.commands import PlaceHold, WantedItem
from application.bus import Answer, CommandBus, CommandInFlight
from application.event_store import Unavailable
from application.handlers import HANDLERS
from application.message import Command, Occasion
from application.organization.commands import FoundOrganization, OpenLocation
from application.recorded import Actor, Origin
from application.resource.commands import RegisterResource
from bench.chaos.journal import Intent, Outcome
from domain.errors import Refusal
from infrastructure.event_store.factory import WAIT_SECONDS
from infrastructure.event_store.store import PostgresEventStore
from infrastructure.postgres.numbers import Numbers, reserving
from infrastructure.postgres.pool import WAIT

MORNING = datetime(2031, 6, 2, 8, tzinfo=UTC)
"""A Monday far ahead: nothing is over while we fight for it."""
HOUR = timedelta(hours=1)
CLIENT = "chaos"
"""Who asks, in the envelopes."""
FOUNDING = "founding-"
"""How the keys of what a story sets up begin."""


class Town(Struct, frozen=True):
    """Whose it is, where, and what can be booked there (in how many units to begin with)."""

    tenant: UUID
    location: UUID
    resources: dict[UUID, int]

    @property
    def of_one(self) -> UUID:
        """A resource of one unit."""
        return next(resource for resource, capacity in self.resources.items() if capacity == 1)


class Wish(Struct, frozen=True):
    """A command under a key of its own."""

    key: str
    command: Command
    events: int = 1
    """How many events it has, if it has any."""

    def intent(self, client: str) -> Intent:
        command = type(self.command)
        return Intent(self.key, client, command.__name__, self.events, command is PlaceHold)


class Door(Protocol):
    """Where wishes are handed in: the command bus, or HTTP. Never raises: what goes wrong is an outcome too."""

    def send(self, wish: Wish) -> Outcome: ...
    def close(self) -> None: ...


def occasion(tenant: UUID, key: str, role: str = "owner") -> Occasion:
    return Occasion(
        tenant=tenant,
        actor=Actor("user", CLIENT, role),
        origin=Origin("api", request_id=key),
        command_id=uuid5(tenant, key),
        keyed=True,
    )


class BusDoor:
    """Straight to the command bus, on a store of its own."""

    def __init__(self, url: str, tenant: UUID, pool_size: int = 16, deadline: float = 2.0, wait: float = WAIT) -> None:
        self.store = PostgresEventStore(url, pool_size=pool_size, deadline=deadline, env={WAIT_SECONDS: str(wait)})
        self.bus = CommandBus(self.store, HANDLERS, Numbers(reserving(url, deadline)))
        self.tenant = tenant

    def ask(self, wish: Wish) -> Answer:
        return self.bus.carry_out(wish.command, occasion(self.tenant, wish.key))

    def send(self, wish: Wish) -> Outcome:
        began = time.monotonic()
        try:
            answer = self.ask(wish)
        except CommandInFlight as refusal:
            return Outcome(wish.key, "unknown", refusal.code, took=time.monotonic() - began)
        except Refusal as refusal:
            return Outcome(wish.key, "fail", why_of(refusal), took=time.monotonic() - began)
        except Unavailable as unavailable:
            return Outcome(wish.key, "unknown", f"unavailable: {unavailable}"[:200], took=time.monotonic() - began)
        return Outcome(
            wish.key, "ok", "", UUID(answer.result["id"]), answer.result["version"], answer.position, answer.changed,
            answer.replayed, time.monotonic() - began,
        )  # fmt: skip

    def close(self) -> None:
        self.store.close()


def why_of(refusal: Refusal) -> str:
    """The refusal's code with those of its reasons: `slot_taken OCCUPIED`."""
    reasons = refusal.detail.get("reasons", ())
    codes = [reason["code"] if isinstance(reason, dict) else reason.code for reason in reasons]
    return " ".join([refusal.code, *codes])


@contextmanager
def bus_door(
    url: str, tenant: UUID, pool_size: int = 16, deadline: float = 2.0, wait: float = WAIT
) -> Iterator[BusDoor]:
    door = BusDoor(url, tenant, pool_size, deadline, wait)
    try:
        yield door
    finally:
        door.close()


@contextmanager
def patient_door(url: str, tenant: UUID) -> Iterator[BusDoor]:
    """For a crowd of hundreds of threads, many more than there are connections: each gets its turn, however busy the
    machine is. An API has as many threads as connections, and whoever comes waits before that."""
    with bus_door(url, tenant, deadline=60.0, wait=60.0) as door:
        yield door


def found(bus: CommandBus, capacities: Sequence[int] = (1, 1, 3, 5)) -> Town:
    """A new tenant with resources of these capacities, open at all hours."""
    tenant, location = uuid4(), uuid4()
    resources = {uuid4(): capacity for capacity in capacities}
    keys = iter(range(10_000))

    def do(command: Command, role: str = "owner") -> None:
        bus.carry_out(command, occasion(tenant, f"{FOUNDING}{next(keys)}", role))

    do(FoundOrganization("Chaos"), "platform")
    do(OpenLocation(location, "Square", "Europe/Lisbon"))
    for n, (resource, capacity) in enumerate(resources.items(), start=1):
        do(RegisterResource(resource, location, f"Resource {n}", "room", capacity))
    return Town(tenant, location, resources)


def found_at(url: str, capacities: Sequence[int] = (1, 1, 3, 5)) -> Town:
    with bus_door(url, UUID(int=0), pool_size=2, deadline=10.0) as door:
        return found(door.bus, capacities)


def booking_of(
    town: Town, resource: UUID, hour: float = 0, hours: float = 1, units: int = 1, then: str = "confirm",
    booking_id: UUID | None = None,
) -> PlaceHold:  # fmt: skip
    starts_at = MORNING + hour * HOUR
    wanted = WantedItem(resource, starts_at, starts_at + hours * HOUR, units)
    return PlaceHold(booking_id or uuid4(), town.location, (wanted,), then=then)  # type: ignore[arg-type]


def journals(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


Waiting = Callable[[], bool]


def wait_until(true: Waiting, seconds: float, what: str) -> None:
    """Looks twenty times a second; a TimeoutError names what did not come."""
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.05)
