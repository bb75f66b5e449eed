"""A recurring series is made; and looked at before it is made or changed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from application.booking.placing import overriding
from application.booking.series_edits import EditSeries, edition
from application.booking.series_plan import Plan, arrangement, book, looked_up, wished
from application.message import Command
from application.minors import consented
from application.unit_of_work import Handler, UnitOfWork
from domain import localtime
from domain.availability.setup import Request, Setup
from domain.availability.slots import minutes_for
from domain.booking.series import BookingSeries
from domain.booking.series_events import GapPolicy, Placed, SeriesEvent, Strategy, Template
from domain.offering.offering import Offering
from domain.organization.location import Location
from domain.recurrence import series as recurrence


class CreateSeries(Command, frozen=True):
    """Book something again and again."""

    series_id: UUID
    location_id: UUID
    start: datetime
    """Local, as all dates of a series."""
    template: Template
    rule: str | None = None
    rdates: tuple[datetime, ...] = ()
    exdates: tuple[datetime, ...] = ()
    gap_policy: GapPolicy = "shift"
    strategy: Strategy = "fail"
    customer_id: UUID | None = None
    override: bool = False
    """Staff pass over notice, horizon and grid, and say why; what is added later passes over them too."""


def create_series(command: CreateSeries, work: UnitOfWork) -> None:
    creation(command, work).carry_out(work)


def creation(command: CreateSeries, work: UnitOfWork) -> Plan:
    customer = work.for_customer(command.customer_id)
    consented(work, customer)
    override = overriding(work, command.override)
    location = work.read(Location, command.location_id)
    pattern = recurrence.read(
        command.start, location.zone, command.rule, command.rdates, command.exdates, command.gap_policy
    )
    new = BookingSeries(id=command.series_id)
    begun = new.create(location.id, pattern, command.template, command.strategy, customer, override)
    offering, setup = arrangement(work, location, [command.template])
    if offering is not None:
        settled = replace(command.template, minutes=usual(setup, command.template))
        begun = [replace(fact, template=settled) for fact in begun]
    return beginning(work, new.after(begun), begun, offering, setup)


def usual(setup: Setup, template: Template) -> int | None:
    """How long it lasts is settled when the series is made, so that other terms change no occurrence; but for what
    depends on the party, which may change."""
    on = template.party_size or setup.terms.least_party
    some_day = localtime.EARLIEST_ASKED
    minutes = minutes_for(setup, Request(some_day, some_day, on, template.minutes))
    return None if setup.terms.turn_times else minutes


def beginning(
    work: UnitOfWork, series: BookingSeries, begun: Sequence[SeriesEvent], offering: Offering | None, setup: Setup
) -> Plan:
    through, due = series.due(work.now)
    wishes = [wished(series, at) for at in due]
    found, diary = looked_up(work, series, offering, setup, wishes)

    def record(work: UnitOfWork, plan: Plan) -> None:
        work.begin(BookingSeries, series.id, lambda _: begun)
        booked = [Placed(it.recurrence_id) for it in plan.granted]
        work.change(BookingSeries, series.id, lambda series: series.extend(through, booked))
        book(work, plan)

    return Plan(series, found, diary, setup, offering, series.strategy, record)


class PreviewSeries(Command, frozen=True):
    """What the command would do, as things stand. Nothing is recorded."""

    of: CreateSeries | EditSeries


def preview_series(command: PreviewSeries, work: UnitOfWork) -> None:
    work.result |= (
        creation(command.of, work) if isinstance(command.of, CreateSeries) else edition(command.of, work)
    ).shown()


HANDLERS: dict[type[Command], Handler] = {CreateSeries: create_series, PreviewSeries: preview_series}
