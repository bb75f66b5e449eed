"""A small organization to look at on the first run: everything in it came through the front door, as commands.

Its ids follow from their names, so that a second run finds it, and a run that was interrupted is finished by the next.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal, Protocol
from uuid import UUID, uuid5

from msgspec import Struct

from application.booking.commands import Cancel, CheckIn, Complete, Confirm, MarkNoShow, PlaceHold, WantedItem
from application.booking.placing import BookOffering, BookSeats
from application.bus import CommandBus
from application.message import Command, Occasion
from application.offering.commands import DefineOffering, ScheduleSession
from application.organization.commands import (
    ChangeLocationHours,
    FoundOrganization,
    OpenLocation,
    SetLocationException,
    SetPolicy,
)  # fmt: skip
from application.recorded import Actor, Origin
from application.resource.commands import (
    CloseResource,
    DescribeResource,
    FormPool,
    RegisterResource,
    SetPacing,
    SetSelling,
)  # fmt: skip
from domain import localtime
from domain.errors import Refusal
from domain.hours import Opening, WeeklyHours
from domain.offering.terms import Approval, ApprovalRule, Durations, Need, Price, Terms, TurnTime
from domain.resource.events import Combination, Seats
from domain.resource.resource import STAFF
from interfaces.bootstrap import House, Settings, build
from interfaces.trust import minted

NAME = "Harbour Sports & Spa"
ORGANIZATION = uuid5(UUID(int=0), f"daybook demo: {NAME}")
A_DAY = 86_400
OWNER = "demo-owner"


def named(name: str) -> UUID:
    return uuid5(ORGANIZATION, name)


def daily(opens: int, closes: int) -> WeeklyHours:
    """The same hours on every day."""
    openings = (Opening(opens * 60, closes * 60),)
    return WeeklyHours(*([openings] * 7))


class Bookable(Struct, frozen=True):
    location: str
    name: str
    kind: str
    capacity: int = 1
    hours: WeeklyHours | None = None


ZONES = {"Harbour Courts": "Europe/Lisbon", "Pier House": "America/New_York"}
COURT_HOURS = daily(7, 23)
BOOKABLE = (
    Bookable("Harbour Courts", "Court 1", "tennis court", 1, COURT_HOURS),
    Bookable("Harbour Courts", "Court 2", "tennis court", 1, COURT_HOURS),
    Bookable("Harbour Courts", "Sea-water pool", "pool lane", 6, daily(6, 22)),
    Bookable("Harbour Courts", "Hot stone room", "treatment room", 1, daily(9, 20)),
    Bookable("Pier House", "Window table", "table", 1, daily(12, 25)),
    Bookable("Pier House", "Chef's counter", "seat", 8, daily(17, 25)),
    Bookable("Pier House", "Double room", "room", 5),
)


TABLES = {"Table 1": Seats(1, 2), "Table 2": Seats(1, 2), "Table 3": Seats(3, 4), "Table 4": Seats(4, 6)}
TOGETHER = {("Table 1", "Table 2"): Seats(3, 4), ("Table 3", "Table 4"): Seats(7, 10)}
COACHES = {"Ana": daily(8, 14), "Rui": daily(12, 21)}
MORE = (
    Bookable("Harbour Courts", "Court 3", "tennis court", 1, COURT_HOURS),
    Bookable("Harbour Courts", "Studio", "studio"),
    Bookable("Harbour Courts", "Sofia", STAFF, 1, daily(9, 19)),
    *(Bookable("Harbour Courts", coach, STAFF, 1, hours) for coach, hours in COACHES.items()),
    *(Bookable("Pier House", table, "table", 1, daily(17, 25)) for table in TABLES),
    Bookable("Pier House", "Dining room covers", "covers", 40, daily(17, 25)),
)
ONLY_AS_PART = ("Hot stone room", "Studio", "Sofia", *COACHES, *TABLES, "Dining room covers")
"""What customers have only as what an offering sells. Courts, lanes and rooms are sold by themselves as well."""
POOLS = {
    "Tennis courts": ("Harbour Courts", ("Court 1", "Court 2", "Court 3")),
    "Dining room": ("Pier House", tuple(TABLES)),
}


def terms() -> dict[str, tuple[str, Terms]]:
    """What is sold, where: hours of tennis, a lesson with a coach, a massage in its room, a table, a class."""
    courts = Need("court", pool_id=named("Tennis courts"))
    coach = Need("coach", any_of=tuple(named(one) for one in COACHES))
    return {
        "Tennis": ("Harbour Courts", Terms(
            needs=(courts,), durations=(60, 90, 120), horizon=60, most_party=4, price=Price(1800, "EUR", "hour"),
        )),
        "Tennis lesson": ("Harbour Courts", Terms(
            needs=(courts, coach), durations=(60,), after=10, step=60, notice=120, horizon=60, most_party=2,
            price=Price(4500, "EUR"),
        )),
        "Hot stone massage": ("Harbour Courts", Terms(
            needs=(Need("room", any_of=(named("Hot stone room"),)), Need("therapist", any_of=(named("Sofia"),))),
            lasting=Durations(60, 120, 30), before=10, after=15, step=15, notice=60, horizon=90,
            price=Price(9000, "EUR"), approval=Approval((ApprovalRule(longer_than=90),), within=1440),
        )),
        "Yoga": ("Harbour Courts", Terms(
            needs=(Need("studio", any_of=(named("Studio"),)),), durations=(75,), step=75,
            price=Price(1200, "EUR", "head"), sessions_only=True,
        )),
        "Dinner": ("Pier House", Terms(
            needs=(
                Need("table", pool_id=named("Dining room"), tables=True),
                Need("covers", any_of=(named("Dining room covers"),), per_head=True),
            ),
            turn_times=(TurnTime(2, 90), TurnTime(4, 120), TurnTime(None, 150)), step=15, notice=30, horizon=90,
            most_party=10, price=Price(0, "USD", "head"),
        )),
    }  # fmt: skip


class Class(Struct, frozen=True):
    """A session of the demo: which day from today, at which minute of it on the wall, and who has booked."""

    name: str
    day: int
    minute: int
    booked: tuple[int, ...] = ()
    """Seats of each booking."""


CLASSES = (
    Class("sunrise yoga", 1, 7 * 60, (1, 2)),
    Class("evening yoga", 1, 18 * 60 + 30, (2, 1, 1, 3)),
    Class("slow yoga", 3, 18 * 60 + 30),
)


class Sold(Struct, frozen=True):
    """A booking of an offering: which day from today, which hour on the wall, for how many."""

    name: str
    offering: str
    day: int
    hour: int
    party: int = 2


SOLD = (
    Sold("serve and volley", "Tennis lesson", 2, 12),
    Sold("back ache", "Hot stone massage", 2, 15, 1),
    Sold("table for two", "Dinner", 1, 19),
    Sold("birthday", "Dinner", 1, 19, 8),
    Sold("a late supper", "Dinner", 1, 21, 3),
)


class Visit(Struct, frozen=True):
    """A booking of the demo: which day from today, which hour on the location's wall, and what became of it."""

    name: str
    resource: str
    day: int
    hour: int
    minutes: int = 60
    units: int = 1
    party: int | None = None
    then: Literal["hold", "confirm", "request_approval"] = "confirm"
    becomes: tuple[str, ...] = ()


VISITS = (
    Visit("yesterday's match", "Court 1", -1, 18, 90, becomes=("check_in", "complete")),
    Visit("nobody came", "Court 2", -1, 19, becomes=("no_show",)),
    Visit("long weekend", "Double room", -2, 15, 3 * 1440 - 240, units=1, party=2, becomes=("check_in",)),
    Visit("two rooms", "Double room", 1, 15, 2 * 1440 - 240, units=2, party=4),
    Visit("morning lengths", "Sea-water pool", 0, 7, 60, units=2),
    Visit("evening class", "Sea-water pool", 0, 19, 90, units=4),
    Visit("doubles", "Court 1", 0, 20, 90, party=4),
    Visit("lesson", "Court 1", 1, 17, party=2),
    Visit("hot stones", "Hot stone room", 1, 11, 75, then="request_approval"),
    Visit("rained off", "Court 2", 1, 10, becomes=("cancel",)),
    Visit("anniversary", "Window table", 1, 20, 120, party=2),
    Visit("tasting menu", "Chef's counter", 2, 19, 150, units=6, party=6),
    Visit("still thinking", "Court 2", 2, 18, then="hold"),
)


class Do(Protocol):
    """Carries out one command of the demo: under this name, at this moment where that has passed."""

    def __call__(self, name: str, command: Command, at: datetime | None = None, role: str = "owner") -> None: ...


def load(settings: Settings) -> list[str]:
    """The demo, if it is not there yet; lines to print: a token that lasts, and a first booking to try."""
    with contextlib.closing(build(settings)) as house:
        now = datetime.now(UTC)
        if not house.store.load(ORGANIZATION, [named("complete")]).streams[named("complete")]:
            _build(house.command_bus, now)
        return list(_lines(house, now))


def _build(bus: CommandBus, now: datetime) -> None:
    def do(name: str, command: Command, at: datetime | None = None, role: str = "owner") -> None:
        actor = Actor("system", "demo", role)
        # What came before today is recorded now, and happened then.
        happened = at if at is not None and at < now else None
        occasion = Occasion(ORGANIZATION, actor, Origin("cli"), named(f"do: {name}"), True, occurred_at=happened)
        bus.carry_out(command, occasion)

    do("found", FoundOrganization(NAME), role="platform")
    do("policy", SetPolicy(hold_minutes=15, check_in_early_minutes=60, no_show_grace_minutes=15))
    for location, zone in ZONES.items():
        do(location, OpenLocation(named(location), location, zone))
    for it in BOOKABLE:
        do(it.name, RegisterResource(named(it.name), named(it.location), it.name, it.kind, it.capacity, it.hours))
    _set_up(do)
    for when, act in _dated(do, now):
        # Of another day, where a start that was cut short yesterday had begun with it.
        with contextlib.suppress(Refusal):
            act(when)
    for visit in VISITS:
        # Half of it may be there from a start that was cut short yesterday, when "tomorrow" was another day.
        with contextlib.suppress(Refusal):
            _visit(do, visit, now)
    # The last act: where it is in the log, all of it is.
    do("complete", OpenLocation(named("complete"), "Garden (opens next season)", "Europe/Lisbon"))


def _set_up(do: Do) -> None:
    """What is sold on what: none of it depends on the day."""
    for it in MORE:
        do(it.name, RegisterResource(named(it.name), named(it.location), it.name, it.kind, it.capacity, it.hours))
    for table, seats in TABLES.items():
        do(f"{table}: seats", DescribeResource(named(table), ("window",) if table == "Table 1" else (), seats))
    for name in ONLY_AS_PART:
        do(f"{name}: selling", SetSelling(named(name), False))
    do("covers: pacing", SetPacing(named("Dining room covers"), 12, 15))
    do("Harbour Courts: hours", ChangeLocationHours(named("Harbour Courts"), daily(6, 23)))
    for pool, (location, members) in POOLS.items():
        combined = tuple(
            Combination(tuple(named(table) for table in tables), seats)
            for tables, seats in TOGETHER.items()
            if set(tables) <= set(members)
        )
        do(pool, FormPool(named(pool), named(location), pool, tuple(named(one) for one in members), combined))
    for offering, (location, of) in terms().items():
        do(offering, DefineOffering(named(offering), named(location), offering, of))


def _dated(do: Do, now: datetime) -> Iterator[tuple[datetime, Callable[[datetime], None]]]:
    """What happens on a day from today on: an absence, a holiday, classes with seats that are booked, tables."""

    def at(location: str, day: int, minute: int) -> datetime:
        today = localtime.wall(now, ZONES[location]).date()
        return localtime.by_rule(localtime.day(today + timedelta(days=day), minute), ZONES[location])

    here, away, resting = "Harbour Courts", named("Ana is away"), named("Court 3 is resurfaced")
    yield (
        at(here, 4, 0),
        lambda when: do("Ana is away", CloseResource(named("Ana"), away, when, when + timedelta(days=2), "absence")),
    )
    yield (
        at(here, 5, 0),
        lambda when: do(
            "resurfacing", CloseResource(named("Court 3"), resting, when, when + timedelta(days=1), "maintenance")
        ),
    )
    yield (
        at(here, 6, 0),
        lambda when: do(
            "holiday",
            SetLocationException(named(here), localtime.wall(when, ZONES[here]).date(), (Opening(600, 1080),)),
        ),
    )
    for one in CLASSES:
        yield at(here, one.day, one.minute), partial(_class, do, one)
    for sold in SOLD:
        yield at(terms()[sold.offering][0], sold.day, sold.hour * 60), partial(_sold, do, sold)


def _class(do: Do, one: Class, starts_at: datetime) -> None:
    ends_at, cutoff = starts_at + timedelta(minutes=75), starts_at - timedelta(hours=3)
    do(one.name, ScheduleSession(
        named(one.name), named("Yoga"), starts_at, ends_at, 12, (named("Studio"),), 3, cutoff
    ))  # fmt: skip
    for n, seats in enumerate(one.booked):
        seat = f"{one.name}: {n}"
        do(seat, BookSeats(named(seat), named(one.name), seats, then="confirm"))


def _sold(do: Do, sold: Sold, starts_at: datetime) -> None:
    do(sold.name, BookOffering(
        named(sold.name), named(sold.offering), starts_at, party_size=sold.party, then="confirm"
    ))  # fmt: skip


def _visit(do: Do, visit: Visit, now: datetime) -> None:
    resource = next(it for it in BOOKABLE if it.name == visit.resource)
    zone = ZONES[resource.location]
    today = localtime.wall(now, zone).date()
    label = localtime.day(today + timedelta(days=visit.day), visit.hour * 60)
    starts_at = localtime.by_rule(label, zone)
    ends_at = starts_at + timedelta(minutes=visit.minutes)
    if visit.day == 0 and ends_at <= now:
        starts_at, ends_at = (at + timedelta(days=1) for at in (starts_at, ends_at))
    booking = named(visit.name)
    item = WantedItem(resource_id=named(resource.name), starts_at=starts_at, ends_at=ends_at, units=visit.units)
    booked_at = starts_at - timedelta(days=2)
    placed = PlaceHold(booking, named(resource.location), (item,), visit.party, None, visit.then)
    do(visit.name, placed, booked_at if visit.then == "confirm" else None)
    for step in visit.becomes:
        command, at = {
            "check_in": (CheckIn(booking), starts_at),
            "complete": (Complete(booking), ends_at),
            "no_show": (MarkNoShow(booking), starts_at + timedelta(minutes=20)),
            "cancel": (Cancel(booking, "customer"), booked_at + timedelta(hours=3)),
            "confirm": (Confirm(booking), booked_at),
        }[step]
        do(f"{visit.name}: {step}", command, at)


def _lines(house: House, now: datetime) -> Iterator[str]:
    settings = house.settings
    token = minted(
        house.trust, role="owner", subject=OWNER, organization=ORGANIZATION, life=min(A_DAY, settings.token_life)
    )
    tomorrow = (localtime.wall(now, ZONES["Harbour Courts"]) + timedelta(days=1)).date()
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104  # asked for, not bound
    yield f"Organization {ORGANIZATION} ({NAME}); its owner's token, for {min(A_DAY, settings.token_life) // 3600} h:"
    yield f"TOKEN={token}"
    yield "A first booking:"
    yield (
        f'curl -s http://{host}:{settings.port}/api/v1/bookings -H "Authorization: Bearer $TOKEN" '
        f"-H 'Content-Type: application/json' -H 'Idempotency-Key: first-{tomorrow}' "
        f'-d \'{{"location_id":"{named("Harbour Courts")}","items":'
        f'[{{"resource_id":"{named("Court 2")}","starts_at":"{tomorrow}T18:00","ends_at":"{tomorrow}T19:00"}}],'
        f'"then":"confirm"}}\''
    )
    yield "What can be had of a table for two tomorrow, and why not at other times:"
    yield (
        f'curl -s "http://{host}:{settings.port}/api/v1/availability?offering_id={named("Dinner")}'
        f'&from={tomorrow}&to={tomorrow}&party_size=2&explain=true" -H "Authorization: Bearer $TOKEN"'
    )
    yield "The same to look at, and to book with that token, in a browser, and a class:"
    yield (
        f"http://{host}:{settings.port}/book/{ORGANIZATION}/{named('Dinner')}?from={tomorrow}&party_size=2&explain=true"
    )
    yield f"http://{host}:{settings.port}/book/{ORGANIZATION}/{named('Yoga')}"
