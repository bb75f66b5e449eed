"""`daybook reanchor`: what is booked stays at its local time when a zone's rules have changed."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import click
import psycopg
from msgspec import Struct
from rich.console import Console

from application.booking.commands import Reanchor, ReanchorSession
from application.bus import Answer
from application.event_store import EventStore, Unavailable, UnreadableHistory
from application.handlers import HANDLERS
from application.message import Command, Occasion
from application.recorded import Actor, Origin
from application.unit_of_work import UnitOfWork, use_of
from domain.availability.moving import in_the_way
from domain.availability.setup import Use
from domain.booking.booking import reanchored
from domain.booking.errors import SlotTaken as Taken
from domain.booking.events import SEAT
from domain.claim import Release, Take
from domain.claims import claims_of
from domain.errors import Refusal
from domain.event import Event
from domain.localtime import RULES, UnknownZone, offset_form
from domain.resource.events import ResourceRegistered
from domain.resource.resource import Resource
from infrastructure.embedded.servers import at_hand
from interfaces.commands.import_ import INTERRUPTED, house, progress, stoppable
from interfaces.history.plan import Interrupted, Pulse, sentence
from projections.booking.anchors import Anchored, behind, head, how_many, tenants, to_come
from projections.runner import connected

LEFT = 1
"""The exit code where something could not be moved."""
PATIENCE = 10.0
"""Seconds for which the views may take to catch up."""
A_DAY = timedelta(days=1)
NONE = timedelta()

CarryOut = Callable[[Command, Occasion], Answer]


class Behind(click.ClickException):
    def __init__(self) -> None:
        super().__init__(
            "The views have not taken in all that is in the log, and bookings are found in them. Let a worker run, and "
            "start this again."
        )


class Case(Struct, frozen=True):
    """Something whose local start has another instant by the rules in use."""

    of: Anchored
    shift: timedelta
    was: datetime
    due: datetime
    zone: str

    @property
    def command(self) -> Command:
        return Reanchor(self.of.id) if self.of.kind == "booking" else ReanchorSession(self.of.id)

    @property
    def occasion(self) -> Occasion:
        """Under an id of its own, so that a second run, or another beside it, does it no second time."""
        return Occasion(
            tenant=self.of.tenant,
            actor=Actor("system", "zone-rules", "system"),
            origin=Origin("cli"),
            command_id=uuid5(self.of.id, f"reanchor:{RULES}:{self.of.version}"),
            reason=f"zone rules: {RULES}",
        )

    @property
    def turn(self) -> tuple[bool, bool, bool, float]:
        """Neighbours make room for each other: of what goes to earlier instants the earliest is first, of what goes to
        later ones the last. What was overbooked needs no room, and comes after those who do. Seats come after all
        sessions."""
        later = self.shift > NONE
        at = self.was.timestamp()
        return self.seats, any(item.overbooked for item in self.of.items), later, -at if later else at

    @property
    def seats(self) -> bool:
        return any(item.role == SEAT for item in self.of.items)


class Outcome(Struct):
    looked_at: int = 0
    moved: int = 0
    left: list[tuple[Case, str]] = []
    waiting: int = 0
    """Bookings of seats that stay with a session which is left."""

    @property
    def right(self) -> int:
        return self.looked_at - self.moved - len(self.left) - self.waiting


@click.command("reanchor")
@click.option("--dry-run", is_flag=True, help="Say what would happen; record nothing.")
def command(dry_run: bool) -> None:
    """Keep all that is still to come at its local time, after the rules of time zones have changed.

    Goes over the bookings and sessions of all organizations that have not begun, and moves those whose local start has
    another instant by the rules in use. What cannot move, because somebody else has the time, stays where it is and is
    listed: people decide. Safe to interrupt and to run again: what has been moved stays so.

    Exits with 0 when all is at its local time, 1 when something is left, 130 when interrupted.
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        with at_hand(os.environ, existing=True) as settings, house(settings) as built:
            assert settings.database_url is not None
            carry_out = Rehearsal(built.store, built.numbers).carry_out if dry_run else built.command_bus.carry_out
            with (
                connected(settings.database_url, "reanchor") as connection,
                stoppable() as stop,
                progress() as (begins, reached),
            ):
                outcome = reanchor(connection, carry_out, Pulse(begins, reached, stop))
    except Unavailable as trouble:
        raise click.ClickException(
            f"{trouble} Run the same command again: it goes on where this one stopped."
        ) from None
    except Interrupted:
        click.echo("Interrupted between two bookings. Run the same command again: it goes on from there.", err=True)
        raise SystemExit(INTERRUPTED) from None
    tell(outcome, dry_run, console)
    if outcome.left:
        raise SystemExit(LEFT)


def reanchor(connection: "psycopg.Connection[tuple[object, ...]]", carry_out: CarryOut, pulse: Pulse) -> Outcome:
    """Find what the rules in use would have elsewhere, then move it, one command each."""
    ends, position = time.monotonic() + PATIENCE, head(connection)
    while behind(connection, position):
        if time.monotonic() > ends:
            raise Behind
        time.sleep(0.1)
    outcome = Outcome()
    now = datetime.now(UTC)
    everybody = tenants(connection)
    total = how_many(connection, everybody, now)
    pulse.begins("Looking", total)
    cases = []
    for one in to_come(connection, everybody, now):
        outcome.looked_at += 1
        if (case := case_of(one)) is not None:
            cases.append(case)
        pulse.beat(min(outcome.looked_at, total), outcome.looked_at)
    cases.sort(key=lambda case: case.turn)
    pulse.begins("Moving", len(cases))
    outcome.left = moved(cases, carry_out, outcome, pulse)
    stuck = {case.of.id for case, _ in outcome.left}
    outcome.waiting = sum(any(item.resource_id in stuck for item in case.of.items) for case in cases if case.seats)
    return outcome


def case_of(one: Anchored) -> Case | None:
    for item in one.items:
        try:
            due = reanchored(item).starts_at
        except UnknownZone:
            due = item.starts_at  # its command says so
            return Case(one, NONE, due, due, item.zone)
        if due != item.starts_at:
            return Case(one, due - item.starts_at, item.starts_at, due, item.zone)
    return None


def moved(cases: Sequence[Case], carry_out: CarryOut, outcome: Outcome, pulse: Pulse) -> list[tuple[Case, str]]:
    """Move them in turn. What was refused is tried again as long as others have made room; what is left, and why."""
    done = 0
    while True:
        before, left = outcome.moved, []
        for case in cases:
            try:
                answer = carry_out(case.command, case.occasion)
            except Refusal as refusal:
                left.append((case, why(refusal)))
            except UnreadableHistory as unreadable:
                left.append((case, str(unreadable)))
            else:
                done += 1
                if answer.changed is not False and not answer.replayed:
                    outcome.moved += 1 + int(answer.result.get("booked", 0))
            pulse.beat(done, done)
        if not left or outcome.moved == before:
            return left
        cases = [case for case, _ in left]


def why(refusal: Refusal) -> str:
    codes = [str(reason["code"]) for reason in refusal.detail.get("reasons", ())]
    return f"{refusal} ({', '.join(codes)})" if codes else sentence(refusal)


def tell(outcome: Outcome, dry_run: bool, console: Console) -> None:
    for case, said in outcome.left:
        console.print(
            f"  {case.of.kind} {case.of.reference}: due at {offset_form(case.due, case.zone)}, stays at "
            f"{offset_form(case.was, case.zone)} ({case.zone}), organization {case.of.tenant}: {said}",
            style="red", markup=False,
        )  # fmt: skip
    mark = "[bold red]left[/]" if outcome.left else "[green]ok[/]"
    would = "would be moved" if dry_run else "moved"
    console.print(
        f"{mark} [bold]reanchor[/]: {outcome.looked_at:,} looked at by {RULES}, {outcome.moved:,} {would}, "
        f"{outcome.right:,} already right, {len(outcome.left):,} in the way of others"
        f"{f', with {outcome.waiting:,} bookings of their seats' if outcome.waiting else ''}"
        f"{': nothing was recorded' if dry_run else ''}"
    )


class Rehearsal:
    """What would become of the commands, one after the other: the real handlers decide, and nothing is recorded. What
    the claims would say is said by the function that shows the slots, on what stands now and what would have moved."""

    def __init__(self, store: EventStore, numbers: Callable[[], int]) -> None:
        self._store, self._numbers = store, numbers
        self._gone: set[UUID] = set()
        self._moved: dict[UUID, list[Use]] = {}
        self._resources: dict[UUID, Resource | None] = {}

    def carry_out(self, command: Command, occasion: Occasion) -> Answer:
        work = UnitOfWork(self._store, occasion, "any", self._numbers)
        HANDLERS[type(command)](command, work)
        batch = work.append(type(command).__name__, b"")
        if batch is None:
            return Answer(work.position, work.result, changed=False)
        claims = [claim for event in batch.events for claim in claims_of(event.fact, event.stream)]
        takes = [claim for claim in claims if isinstance(claim, Take)]
        going = {claim.booking_id for claim in claims if isinstance(claim, Release)}
        self._check(occasion.tenant, takes, going, work.now)
        self._gone |= going
        for take in takes:
            self._moved.setdefault(take.resource_id, []).append(use_of(take))
        return Answer(work.position, work.result)

    def _check(self, tenant: UUID, takes: Iterable[Take], going: set[UUID], now: datetime) -> None:
        gone, own = self._gone | going, list[Use]()
        for take in takes:
            if (resource := self._resource(tenant, take.resource_id)) is None:
                continue  # a session: its seats all go together
            stands = self._store.occupancy(tenant, [resource.id], take.starts_at - A_DAY, take.ends_at + A_DAY)
            uses = [use for use in stands if use.booking_id not in gone]
            uses += self._moved.get(resource.id, []) + [use for use in own if use.resource_id == resource.id]
            if reasons := in_the_way(take, resource, uses, now):
                raise Taken(reasons=[{"code": reason.code} for reason in reasons])
            own.append(use_of(take))

    def _resource(self, tenant: UUID, it: UUID) -> Resource | None:
        if it not in self._resources:
            facts: list[Event] = [one.fact for one in self._store.load(tenant, [it]).streams[it]]
            known = bool(facts) and isinstance(facts[0], ResourceRegistered)
            self._resources[it] = Resource(id=it).after(facts) if known else None
        return self._resources[it]
