"""Words for setups: a venue with its hours, what can be booked there, and what it is sold as.

Ids follow from names, so that a story that fails tells the same names again.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from domain.availability.setup import Request, Setup, Slot, Use
from domain.calendar import Calendar, Cause, Closure
from domain.hours import Opening, WeeklyHours
from domain.offering.terms import Need, Terms
from domain.organization.location import Location
from domain.resource.events import Combination, Seats
from domain.resource.pool import Pool
from domain.resource.resource import Override, Pacing, Resource

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
"""A moment from which no slot of these stories is over or too soon."""


def named(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


HERE, ELSEWHERE = named("here"), named("elsewhere")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def minutes(clock: str) -> int:
    """Of a time such as 09:00; 26:00 is two hours into the next day."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def openings(*spans: str) -> tuple[Opening, ...]:
    """`openings("09:00-12:00", "13:00-26:00")`."""
    pairs = (span.split("-") for span in spans)
    return tuple(Opening(minutes(opens), minutes(closes)) for opens, closes in pairs)


def daily(*spans: str) -> WeeklyHours:
    return WeeklyHours(*[openings(*spans)] * 7)


def closure(starts_at: datetime, ends_at: datetime, cause: Cause = "closure") -> Closure:
    return Closure(named(f"{cause} {starts_at} {ends_at}"), starts_at, ends_at, cause)


def calendar(
    hours: WeeklyHours | None = None,
    exceptions: Mapping[date, tuple[Opening, ...]] | None = None,
    closures: Iterable[Closure] = (),
) -> Calendar:
    return Calendar(hours, dict(exceptions or {}), {one.id: one for one in closures})


def venue(
    zone: str = "UTC",
    hours: WeeklyHours | None = None,
    exceptions: Mapping[date, tuple[Opening, ...]] | None = None,
    closures: Iterable[Closure] = (),
) -> Location:
    return Location(id=HERE, name="Here", zone=zone, calendar=calendar(hours, exceptions, closures))


def resource(
    name: str,
    kind: str = "room",
    hours: WeeklyHours | None = None,
    exceptions: Mapping[date, tuple[Opening, ...]] | None = None,
    closures: Iterable[Closure] = (),
    location_id: UUID = HERE,
    overrides: Iterable[Override] = (),
    **more: Any,
) -> Resource:
    return Resource(
        id=named(name), location_id=location_id, name=name, kind=kind,
        calendar=calendar(hours, exceptions, closures),
        overrides={named(f"{name} override {nth}"): one for nth, one in enumerate(overrides)},
        **more,
    )  # fmt: skip


def court(name: str = "Court", **more: Any) -> Resource:
    return resource(name, "court", **more)


def staff(name: str, **more: Any) -> Resource:
    return resource(name, "staff", **more)


def table(name: str, least: int, most: int, **more: Any) -> Resource:
    return resource(name, "table", seats=Seats(least, most), **more)


def covers(name: str = "Covers", capacity: int = 10, pacing: Pacing | None = None, **more: Any) -> Resource:
    return resource(name, "covers", capacity=capacity, pacing=pacing, **more)


def pool(name: str, *members: Resource, combinations: Iterable[Combination] = (), retired: bool = False) -> Pool:
    return Pool(
        id=named(name), location_id=HERE, name=name, members=tuple(one.id for one in members),
        combinations=tuple(combinations), retired=retired,
    )  # fmt: skip


def pushed_together(least: int, most: int, *tables: Resource) -> Combination:
    return Combination(tuple(one.id for one in tables), Seats(least, most))


def need(role: str, *candidates: Resource | Pool, **more: Any) -> Need:
    """Any of these resources, or a member of this pool."""
    pools = [one.id for one in candidates if isinstance(one, Pool)]
    resources = tuple(one.id for one in candidates if isinstance(one, Resource))
    return Need(role, any_of=resources, pool_id=pools[0] if pools else None, **more)


def offering(*needs: Need, lasts: int | tuple[int, ...] | None = 60, step: int = 30, **more: Any) -> Terms:
    """`lasts`: the variants in minutes; None where turn times or a range say it."""
    durations = () if lasts is None else (lasts,) if isinstance(lasts, int) else lasts
    return Terms(needs=needs, durations=durations, step=step, **more)


def sold(location: Location, terms: Terms, *there: Resource | Pool) -> Setup:
    resources = {one.id: one for one in there if isinstance(one, Resource)}
    return Setup(location, terms, resources, {one.id: one for one in there if isinstance(one, Pool)})


def simple(location: Location, one: Resource, **terms: Any) -> Setup:
    """One resource, sold as it is."""
    return sold(location, offering(need(one.kind, one), **terms), one)


_numbers = iter(range(1, 1_000_000))


def booked(
    what: Resource, starts_at: datetime, ends_at: datetime, units: int = 1, by: str | None = None, **more: Any
) -> Use:
    """A claim that stands; `by`: the booking's name, else one of its own."""
    booking_id = named(by) if by else UUID(int=next(_numbers))
    return Use(what.id, booking_id, 1, starts_at, ends_at, units, **more)


def asked(first: date, last: date | None = None, **more: Any) -> Request:
    return Request(first, last or first, **more)


def who(slot: Slot) -> dict[str, tuple[UUID, ...]]:
    """What fills each need."""
    return {assigned.role: assigned.resource_ids for assigned in slot.assignment}
