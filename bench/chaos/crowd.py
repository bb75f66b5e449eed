"""People who book, move, cancel, change their minds and resize rooms, all at once and on the same few resources.

What they want follows from a seed; what they get depends on who was first, and they go on with that. What one has
booked the others know of, so that several hands reach for the same booking.
"""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from application.booking.commands import (
    Approve,
    Cancel,
    Confirm,
    Decline,
    MovedItem,
    ReleaseHold,
    Reschedule,
    ReverseCancellation,
)
from application.message import Command
from application.resource.commands import ChangeCapacity
from bench.chaos.journal import Journal, Outcome
from bench.chaos.town import HOUR, MORNING, Door, Town, Wish, booking_of

HOURS = 30
"""How many hours they fight for."""
PATIENCE = 0.05
"""Seconds before a command that is in flight is asked for again."""


class Person:
    """One client: what it wants next, from a seed of its own."""

    def __init__(self, town: Town, seed: int, number: int, known: list[UUID], resizes: bool = True) -> None:
        self.town = town
        self.name = f"{seed}-{number:03d}"
        self._known = known
        self._chance = random.Random(f"{seed}/{number}")
        self._resources = list(town.resources)
        self._mine: list[UUID] = []
        self._wishes = 0
        self._resizes = resizes

    def wish(self) -> Wish:
        self._wishes += 1
        command, events = self._command()
        return Wish(f"{self.name}-{self._wishes:05d}", command, events)

    def learn(self, outcome: Outcome) -> None:
        """What it got it goes on with."""
        if outcome.verdict == "ok" and outcome.version in (1, 2) and outcome.stream not in (None, *self._mine):
            assert outcome.stream is not None
            self._mine.append(outcome.stream)
            self._known.append(outcome.stream)
            del self._mine[:-12]

    def _command(self) -> tuple[Command, int]:
        chance = self._chance
        known = self._somebodys()
        match chance.choices(
            ["book", "hold", "ask", "move", "cancel", "reverse", "settle", "resize"],
            [34, 8, 4, 18, 18, 8, 6, 4 if self._resizes else 0],
        )[0]:
            case "move" if known:
                resource, start, hours, units = self._place()
                item = MovedItem(1, resource, MORNING + start * HOUR, MORNING + (start + hours) * HOUR, units)
                return Reschedule(known, (item,)), 1
            case "cancel" if known:
                return Cancel(known), 1
            case "reverse" if known:
                return ReverseCancellation(known), 1
            case "settle" if known:
                return chance.choice([Confirm, ReleaseHold, Approve, Decline])(known), 1
            case "resize":
                resource = chance.choice(self._resources)
                usual = self.town.resources[resource]
                return ChangeCapacity(resource, max(1, usual + chance.choice([-1, 0, 0, 1]))), 1
            case "hold":
                return self._booking("hold"), 1
            case "ask":
                return self._booking("request_approval"), 2
        return self._booking("confirm"), 2

    def _booking(self, then: str) -> Command:
        resource, start, hours, units = self._place()
        return booking_of(self.town, resource, start, hours, units, then)

    def _place(self) -> tuple[UUID, float, float, int]:
        chance = self._chance
        resource = chance.choice(self._resources)
        start, hours = chance.randrange(HOURS * 2) / 2, chance.choice([0.5, 1, 1, 1.5, 3])
        return resource, start, hours, chance.randint(1, min(2, self.town.resources[resource]))

    def _somebodys(self) -> UUID | None:
        """Mostly one's own; sometimes a neighbour's, sometimes one that never was."""
        where = self._chance.choices(
            [self._mine, self._known[-40:], [UUID(int=self._chance.getrandbits(128))]], [70, 28, 2]
        )[0]
        return self._chance.choice(where) if where else None


def ask(door: Door, journal: Journal, wish: Wish, client: str, tries: int = 5) -> Outcome:
    """One wish with its intent and its outcomes; what is in flight is asked for again under its key."""
    journal.write(wish.intent(client))
    while True:
        outcome = door.send(wish)
        journal.write(outcome)
        tries -= 1
        if not tries or outcome.verdict != "unknown" or not outcome.why.startswith("command_in_flight"):
            return outcome
        time.sleep(PATIENCE)


class Crowd:
    """Threads that wish, each with its journal, until they have wished enough or are told to stop.

    `wishes` are remembered by key, so that what stayed unknown can be asked for again.
    """

    def __init__(
        self, town: Town, doors: list[Door], folder: Path, seed: int, people: int, *, first: int = 0,
        each: int | None = None, durable: bool = True, resizes: bool = True,
        pace: float = 0.0,
    ) -> None:  # fmt: skip
        self.wishes: dict[str, tuple[Wish, Door]] = {}
        self.asked = 0
        self._booked: list[UUID] = []
        self._stopping = threading.Event()
        self._errors: list[BaseException] = []
        self._each, self._pace = each, pace
        self._journals: list[Journal] = []
        self._threads: list[threading.Thread] = []
        for n in range(first, first + people):
            person = Person(town, seed, n, self._booked, resizes)
            journal = Journal(folder / f"{person.name}.journal", durable)
            self._journals.append(journal)
            self._threads.append(
                threading.Thread(target=self._live, args=(person, doors[n % len(doors)], journal), daemon=True)
            )
        # Read after those of the people: what is asked again comes later.
        self._resolutions = Journal(folder / f"~again-{seed}-{first}.journal", durable)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def join(self, timeout: float = 120.0) -> None:
        """Waits for all of them; raises what stopped one, and TimeoutError where one stalls."""
        ends = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(ends - time.monotonic(), 0.01))
            if thread.is_alive():
                raise TimeoutError(f"a client was still waiting after {timeout:.0f} s")
        for journal in self._journals:
            journal.close()
        self._journals = []
        if self._errors:
            raise self._errors[0]

    def resolve(self, unknown: list[str], seconds: float = 30.0) -> int:
        """Asks again for what stayed unknown, under the same keys, until each is answered; how many there were."""
        why = ""
        ends = None
        left = [key for key in unknown if key in self.wishes]
        count = len(left)
        while left:
            again = []
            for key in left:
                wish, door = self.wishes[key]
                outcome = door.send(wish)
                self._resolutions.write(outcome)
                if outcome.verdict == "unknown":
                    again.append(key)
                    why = outcome.why
            left = again
            if left:
                ends = ends or time.monotonic() + seconds
                if time.monotonic() > ends:
                    raise TimeoutError(f"{left} stayed unknown for {seconds:.0f} s after the heal: {why}")
                time.sleep(PATIENCE)
        return count

    def _live(self, person: Person, door: Door, journal: Journal) -> None:
        try:
            for wish in self._wishing(person):
                self.wishes[wish.key] = wish, door
                outcome = ask(door, journal, wish, person.name)
                person.learn(outcome)
                if outcome.verdict == "unknown":
                    time.sleep(PATIENCE)  # nobody there: a second would bring forth thousands of these
                self.asked += 1
                if self._pace:
                    time.sleep(self._pace)
        except BaseException as error:
            self._errors.append(error)
            raise

    def _wishing(self, person: Person) -> Iterator[Wish]:
        done = 0
        while not self._stopping.is_set() and (self._each is None or done < self._each):
            done += 1
            yield person.wish()
