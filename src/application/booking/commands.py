"""What can be asked for a booking, each handler right under its command."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain import localtime
from domain.availability.offer import Wanted, offered
from domain.booking.booking import Booking
from domain.booking.errors import BadUnits, NothingWanted
from domain.booking.events import CancelledBy, Item
from domain.booking.reference import reference
from domain.organization.location import Location
from domain.organization.organization import Organization
from domain.period import Period, instant
from domain.resource.resource import Resource


class WantedItem(Struct, frozen=True, forbid_unknown_fields=True):
    """One resource for `[starts_at, ends_at)` in so many units. A time without offset is local at the location."""

    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    units: int = 1


class MovedItem(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an item of a booking goes: its number, and what changes of resource, period and units."""

    item: int
    resource_id: UUID
    starts_at: datetime
    ends_at: datetime
    units: int = 1


class PlaceHold(Command, frozen=True):
    """Hold these items; with `confirm`, confirm them in the same breath; with `approval`, ask the venue to agree."""

    booking_id: UUID
    location_id: UUID
    items: tuple[WantedItem, ...]
    party_size: int | None = None
    customer_id: UUID | None = None
    then: Literal["hold", "confirm", "request_approval"] = "hold"


def place_hold(command: PlaceHold, work: UnitOfWork) -> None:
    if not command.items:
        raise NothingWanted
    work.fetch(work.tenant, command.location_id, *(item.resource_id for item in command.items))
    organization = work.read(Organization, work.tenant)
    items = offer(work, command.location_id, [(n, item) for n, item in enumerate(command.items, start=1)])
    booking = work.begin(
        Booking,
        command.booking_id,
        lambda booking: booking.hold(
            reference(work.next_number(), work.tenant), command.location_id, items, work.now,
            organization.policy.hold, command.party_size, work.for_customer(command.customer_id),
        ),
    )  # fmt: skip
    if command.then == "confirm":
        booking = work.change(Booking, booking.id, lambda booking: booking.confirm(work.now))
    elif command.then == "request_approval":
        booking = work.change(Booking, booking.id, lambda booking: booking.request_approval(work.now))
    work.result |= {"reference": booking.reference, "status": booking.status}


def offer(
    work: UnitOfWork,
    location_id: UUID,
    wanted: list[tuple[int, WantedItem | MovedItem]],
    staying: Sequence[Item] = (),
) -> list[Item]:
    """The items as they would be booked now, by the one function that decides what is offered."""
    for _, item in wanted:
        if item.units < 1:
            raise BadUnits(number=item.units)
    location = work.read(Location, location_id)
    resources = {item.resource_id: work.read(Resource, item.resource_id) for _, item in wanted}
    wishes = [
        Wanted(n, item.resource_id, Period(typed(item.starts_at, location.zone), typed(item.ends_at, location.zone)),
               item.units)
        for n, item in wanted
    ]  # fmt: skip
    return offered(wishes, resources, location, work.now, staying)


def typed(at: datetime, zone: str) -> datetime:
    """The instant that was meant: by its offset, or, typed without one, by the wall at the location."""
    if at.tzinfo is None:
        instant(at.replace(tzinfo=UTC))  # refuses years in which zones cannot be asked
        return localtime.typed(at, zone)
    return instant(at)


class ReleaseHold(Command, frozen=True):
    """Its holder gives the hold back."""

    booking_id: UUID


def release_hold(command: ReleaseHold, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.release())


class ExpireHold(Command, frozen=True):
    """The hold's time is over."""

    booking_id: UUID


def expire_hold(command: ExpireHold, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.expire(work.now))


class RequestApproval(Command, frozen=True):
    """The venue has to agree."""

    booking_id: UUID


def request_approval(command: RequestApproval, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.request_approval(work.now))


class Approve(Command, frozen=True):
    """The venue agrees."""

    booking_id: UUID


def approve(command: Approve, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.approve())


class Decline(Command, frozen=True):
    """The venue does not agree."""

    booking_id: UUID


def decline(command: Decline, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.decline())


class Confirm(Command, frozen=True):
    """The held booking is firm."""

    booking_id: UUID


def confirm(command: Confirm, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.confirm(work.now))


class Amend(Command, frozen=True):
    """Something other than time and place changes."""

    booking_id: UUID
    party_size: int | None = None


def amend(command: Amend, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.amend(command.party_size))


class Reschedule(Command, frozen=True):
    """Other times or resources for its items; those not named stay as they are."""

    booking_id: UUID
    items: tuple[MovedItem, ...]


def reschedule(command: Reschedule, work: UnitOfWork) -> None:
    if not command.items:
        raise NothingWanted
    work.fetch(command.booking_id, *(item.resource_id for item in command.items))
    booking = work.read(Booking, command.booking_id)
    moving = {item.item for item in command.items}
    staying = [item for item in booking.items if item.item not in moving]
    items = offer(work, booking.location_id, [(item.item, item) for item in command.items], staying)
    work.change(Booking, command.booking_id, lambda booking: booking.reschedule(items))


class CheckIn(Command, frozen=True):
    """The guest has arrived."""

    booking_id: UUID


def check_in(command: CheckIn, work: UnitOfWork) -> None:
    work.fetch(command.booking_id, work.tenant)
    early = work.read(Organization, work.tenant).policy.check_in_early
    work.change(Booking, command.booking_id, lambda booking: booking.check_in(at=work.now, early=early))


class Complete(Command, frozen=True):
    """The visit is over."""

    booking_id: UUID


def complete(command: Complete, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.complete())


class Cancel(Command, frozen=True):
    """It will not take place."""

    booking_id: UUID
    by: CancelledBy = "venue"


def cancel(command: Cancel, work: UnitOfWork) -> None:
    work.change(
        Booking, command.booking_id, lambda booking: booking.cancel("customer" if work.customer else command.by)
    )


class ReverseCancellation(Command, frozen=True):
    """The cancellation was a mistake."""

    booking_id: UUID


def reverse_cancellation(command: ReverseCancellation, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.reverse_cancellation(work.now))


class MarkNoShow(Command, frozen=True):
    """Nobody came."""

    booking_id: UUID


def mark_no_show(command: MarkNoShow, work: UnitOfWork) -> None:
    work.fetch(command.booking_id, work.tenant)
    grace = work.read(Organization, work.tenant).policy.no_show_grace
    work.change(Booking, command.booking_id, lambda booking: booking.mark_no_show(work.now, grace))


class ReverseNoShow(Command, frozen=True):
    """They had come after all, or are still expected."""

    booking_id: UUID
    to: Literal["confirmed", "checked_in"] = "confirmed"


def reverse_no_show(command: ReverseNoShow, work: UnitOfWork) -> None:
    work.change(Booking, command.booking_id, lambda booking: booking.reverse_no_show(command.to))


HANDLERS: dict[type[Command], Handler] = {
    PlaceHold: place_hold,
    ReleaseHold: release_hold,
    ExpireHold: expire_hold,
    RequestApproval: request_approval,
    Approve: approve,
    Decline: decline,
    Confirm: confirm,
    Amend: amend,
    Reschedule: reschedule,
    CheckIn: check_in,
    Complete: complete,
    Cancel: cancel,
    ReverseCancellation: reverse_cancellation,
    MarkNoShow: mark_no_show,
    ReverseNoShow: reverse_no_show,
}
