"""A session: one fixed occurrence with seats, each booked by itself."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Self
from uuid import UUID

from msgspec.structs import replace

from domain import localtime
from domain.aggregate import Aggregate
from domain.calendar import stretch, within
from domain.event import Event
from domain.offering import errors, events
from domain.period import EARLIEST, LATEST, Period

NOWHERE = UUID(int=0)
MOST_SEATS = 100_000
MOST_OCCUPIED = 50
LONGEST = timedelta(days=400)

Status = Literal["scheduled", "confirmed", "called_off"]


class Session(Aggregate, frozen=True):
    """A class, a tour, a training. Its id is also what its seats are booked on: a resource of so many units."""

    begins: ClassVar[type[Event]] = events.SessionScheduled
    unknown: ClassVar = errors.UnknownSession

    offering_id: UUID = NOWHERE
    location_id: UUID = NOWHERE
    starts_at: datetime = EARLIEST
    ends_at: datetime = LATEST
    local_start: str = ""
    zone: str = "UTC"
    seats: int = 0
    resources: tuple[UUID, ...] = ()
    min_to_run: int = 0
    cutoff_at: datetime | None = None
    status: Status = "scheduled"

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)

    @property
    def bookable(self) -> bool:
        """Whether seats may be booked, were there time enough: confirmed that it runs, or not yet decided."""
        return self.status != "called_off"

    def schedule(
        self,
        offering_id: UUID,
        location_id: UUID,
        zone: str,
        starts_at: datetime,
        ends_at: datetime,
        seats: int,
        resources: Mapping[UUID, UUID],
        min_to_run: int,
        cutoff_at: datetime | None,
        at: datetime,
    ) -> list[events.SessionEvent]:
        """`resources`: what it occupies, each with the location at which it is. `at`: now."""
        period = stretch(starts_at, ends_at)
        if period.starts_at <= at or period.duration > LONGEST:
            raise errors.SessionOver
        if len(resources) > MOST_OCCUPIED or any(where != location_id for where in resources.values()):
            raise errors.BadOccupied
        cutoff_at = None if cutoff_at is None else within(cutoff_at)
        if (cutoff_at is None) != (min_to_run == 0) or not (cutoff_at is None or at < cutoff_at <= period.starts_at):
            raise errors.BadCutoff
        local = localtime.wall(period.starts_at, zone).isoformat(timespec="minutes")
        return [
            events.SessionScheduled(
                offering_id, location_id, period.starts_at, period.ends_at, local, zone, seated(seats, min_to_run),
                tuple(resources), min_to_run, cutoff_at,
            )
        ]  # fmt: skip

    def change_seats(self, seats: int, at: datetime) -> list[events.SessionEvent]:
        """The guard refuses, under the session's lock, when more are booked than there would be."""
        self._standing(at)
        return [] if seated(seats, self.min_to_run) == self.seats else [events.SessionSeatsChanged(seats)]

    def reanchor(self, at: datetime) -> list[events.SessionEvent]:
        """A zone's rules have changed: what is still to come is kept at its local time, whatever instant that is now,
        lasts as long, and is decided as long before. Where its room is taken then, the claims refuse."""
        if self.status == "called_off" or self.starts_at <= at:
            return []
        label = datetime.fromisoformat(self.local_start)  # whole minutes: what the start has beyond them it keeps
        local = label.replace(second=self.starts_at.second, microsecond=self.starts_at.microsecond)
        shift = localtime.reanchored(local, self.starts_at, self.zone) - self.starts_at
        if not shift:
            return []
        cutoff_at = None if self.cutoff_at is None else self.cutoff_at + shift
        return [
            events.SessionReanchored(
                self.starts_at + shift, self.ends_at + shift, cutoff_at, self.resources, localtime.RULES
            )
        ]

    def confirm_run(self, booked: int, at: datetime) -> list[events.SessionEvent]:
        """Somebody decides that it takes place, however few have booked."""
        self._standing(at)
        return [] if self.status == "confirmed" else [events.SessionRunConfirmed(booked)]

    def decide_run(self, booked: int, at: datetime) -> list[events.SessionEvent]:
        """At the cutoff: enough have booked, or it is called off. What has been decided stays so."""
        if self.status != "scheduled" or self.cutoff_at is None:
            return []
        if at < self.cutoff_at:
            raise errors.NotYetCutoff(cutoff_at=self.cutoff_at)
        if booked >= self.min_to_run:
            return [events.SessionRunConfirmed(booked)]
        return [events.SessionCalledOff(booked, too_few=True)]

    def call_off(self, booked: int, at: datetime) -> list[events.SessionEvent]:
        """The venue says that it does not take place."""
        if self.status == "called_off":
            return []
        self._standing(at)
        return [events.SessionCalledOff(booked, too_few=False)]

    def _standing(self, at: datetime) -> None:
        if self.status == "called_off":
            raise errors.CalledOff
        if at >= self.ends_at:
            raise errors.SessionOver

    def evolve(self, event: Event) -> Self:
        match event:
            case events.SessionScheduled():
                return replace(
                    self, offering_id=event.offering_id, location_id=event.location_id, starts_at=event.starts_at,
                    ends_at=event.ends_at, local_start=event.local_start, zone=event.zone, seats=event.seats,
                    resources=event.resources, min_to_run=event.min_to_run, cutoff_at=event.cutoff_at,
                )  # fmt: skip
            case events.SessionSeatsChanged(seats):
                return replace(self, seats=seats)
            case events.SessionReanchored(starts_at, ends_at, cutoff_at):
                return replace(self, starts_at=starts_at, ends_at=ends_at, cutoff_at=cutoff_at)
            case events.SessionRunConfirmed():
                return replace(self, status="confirmed")
            case events.SessionCalledOff():
                return replace(self, status="called_off")
        return self


def seated(seats: int, min_to_run: int) -> int:
    if not 1 <= seats <= MOST_SEATS or not 0 <= min_to_run <= seats:
        raise errors.BadSeatCount
    return seats
