"""Booking what an offering sells, and seats of a session: the same function decides that shows the slots.

The claims are read before the decision and guard it in the write: when somebody else was faster, it is decided anew on
what is left, and only where nothing is left refused.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from application.availability.setups import setup_for
from application.booking.approvals import agreed, agreement, of_slot
from application.booking.commands import holds_of, typed
from application.booking.quotas import quota_reasons
from application.booking.quotas import streams as of_quotas
from application.booking.strangers import from_here, secret_of
from application.booking.terms import cancellation_notice
from application.message import Command
from application.minors import consented
from application.unit_of_work import Handler, UnitOfWork
from domain import localtime
from domain.availability.choice import TRAILING
from domain.availability.seats import against_seats
from domain.availability.setup import Reason, Refused, Request, Setup, Slot, Use
from domain.availability.slots import Question, considered
from domain.booking.booking import Booking, Overbooking
from domain.booking.errors import NotOffered, SlotHeld, SlotTaken
from domain.booking.events import SEAT, Item
from domain.booking.reference import reference
from domain.errors import Forbidden, Refusal, Rule
from domain.offering.errors import CalledOff
from domain.offering.offering import Offering
from domain.offering.session import Session
from domain.offering.terms import Terms
from domain.organization.organization import Organization
from domain.period import Period
from domain.quota.counting import Wanted
from domain.quota.errors import QuotaReached
from domain.resource.resource import Resource

A_DAY = timedelta(days=1)
"""How far buffers and pacing reach."""
FIRST_COME = {"OCCUPIED", "BUFFER", "CAPACITY", "PACING", "HELD", "WAITLIST_EARMARK", "QUOTA"}
"""Reasons that another moment may undo: somebody was first, or has had enough."""


class BookOffering(Command, frozen=True):
    """Book what an offering sells: who or what fills its needs is chosen now."""

    booking_id: UUID
    offering_id: UUID
    starts_at: datetime
    minutes: int | None = None
    party_size: int = 1
    resource_ids: tuple[UUID, ...] = ()
    """Only these will do."""
    customer_id: UUID | None = None
    then: Literal["hold", "confirm"] = "hold"
    override: bool = False
    """Staff pass over notice, horizon and grid."""

    def overbooking(self, work: UnitOfWork) -> Overbooking | None:  # noqa: ARG002
        return None


class OverbookOffering(BookOffering, frozen=True, kw_only=True):
    """The same although there is no room: on the authority of whoever says so. All else that the terms say holds."""

    why: str
    """A short code."""

    def overbooking(self, work: UnitOfWork) -> Overbooking:
        return Overbooking(work.occasion.actor.id, self.why)


def book_offering(command: BookOffering, work: UnitOfWork) -> None:
    offering, setup = setup_of(work, command.offering_id)
    customer = work.for_customer(command.customer_id)
    existing(work, setup, command.resource_ids)
    starts_at = typed(command.starts_at, setup.location.zone)
    override = overriding(work, command.override)
    asked = request(setup, starts_at, command.party_size, command.minutes, command.resource_ids, override)
    overbooking = command.overbooking(work)
    slot = found(work, offering, setup, asked, starts_at, customer, anyway=overbooking is not None)
    consented(work, customer)
    limited = command.then == "hold"
    hold(
        work, command.booking_id, offering, setup, slot, customer, command.party_size, limited, overbooking=overbooking
    )  # fmt: skip
    agreed(work, command.booking_id, offering, confirm=command.then == "confirm")


class MoveOffering(Command, frozen=True):
    """The same offering at another time: its own occupancy is not in its way, and it keeps id and reference."""

    booking_id: UUID
    starts_at: datetime
    minutes: int | None = None
    resource_ids: tuple[UUID, ...] = ()
    override: bool = False


def move_offering(command: MoveOffering, work: UnitOfWork) -> None:
    booking = work.read(Booking, command.booking_id)
    if booking.offering_id is None:
        raise NotAnOffering
    offering, setup = setup_of(work, booking.offering_id)
    existing(work, setup, command.resource_ids)
    starts_at = typed(command.starts_at, setup.location.zone)
    minutes = command.minutes or int(booking.period.duration / timedelta(minutes=1))
    asked = request(
        setup,
        starts_at,
        booking.party_size or 1,
        minutes,
        command.resource_ids,
        overriding(work, command.override),
        booking.id,
    )
    slot = found(work, offering, setup, asked, starts_at, booking.customer_id)
    agreement(work, booking, offering, of_slot(slot, booking.party_size or 1))
    items, notice = items_of(setup, slot), cancellation_notice(work, booking)
    work.change(Booking, command.booking_id, lambda booking: booking.move(items, work.now, notice))


class StaffOnly(Forbidden):
    """Only staff may pass over notice, horizon and steps."""


class ReasonNeeded(Rule):
    """Who passes over a rule says why: give a reason."""


class NotAnOffering(Rule):
    """This booking names its resources: move its items."""


class BookSeats(Command, frozen=True):
    """Seats in a session: a booking of its own for each seat or party."""

    booking_id: UUID
    session_id: UUID
    seats: int = 1
    customer_id: UUID | None = None
    then: Literal["hold", "confirm"] = "hold"

    def overbooking(self, work: UnitOfWork) -> Overbooking | None:  # noqa: ARG002
        return None


class OverbookSeats(BookSeats, frozen=True, kw_only=True):
    """The same although there are no seats left: on the authority of whoever says so."""

    why: str
    """A short code."""

    def overbooking(self, work: UnitOfWork) -> Overbooking:
        return Overbooking(work.occasion.actor.id, self.why)


def book_seats(command: BookSeats, work: UnitOfWork) -> None:
    session = work.read(Session, command.session_id)
    offering = work.read(Offering, session.offering_id).sold()
    customer = work.for_customer(command.customer_id)
    if not session.bookable:
        raise CalledOff
    against = against_seats(session, offering.terms, command.seats, work.now, override=work.customer is None)
    against += engaged(work, customer, offering.terms, session.period)
    against += quotas(work, customer, offering, session.location_id, session.zone, (session.id,), session.period)
    if against:
        raise refusal(against)
    consented(work, customer)
    item = Item(
        1, session.id, session.starts_at, session.ends_at, session.local_start, session.zone, command.seats,
        role=SEAT,
    )  # fmt: skip
    limited = command.then == "hold"
    placed(
        work, command.booking_id, offering, session.location_id, (item,), customer, command.seats, limited,
        overbooking=command.overbooking(work),
    )  # fmt: skip
    agreed(work, command.booking_id, offering, confirm=command.then == "confirm")


def engaged(work: UnitOfWork, customer: UUID | None, terms: Terms, period: Period) -> list[Reason]:
    """Whether the customer has something else then, where the terms ask for it."""
    if not terms.one_at_a_time or customer is None:
        return []
    rows = [row for row in work.tallies([customer]) if row.state == "live"]
    conflict = any(row.starts_at < period.ends_at and period.starts_at < row.ends_at for row in rows)
    return [Reason("CUSTOMER_CONFLICT")] if conflict else []


# what a decision is taken on


def setup_of(work: UnitOfWork, offering_id: UUID) -> tuple[Offering, Setup]:
    """An offering that can be had by time, and everything that its terms can name, as they stand."""
    offering = work.read(Offering, offering_id).sold_by_time()
    return offering, setup_for(work, offering)


def existing(work: UnitOfWork, setup: Setup, resource_ids: Iterable[UUID]) -> None:
    """What the offering does not sell is told with the reasons; what there is not, is unknown."""
    for strange in sorted(set(resource_ids) - set(setup.resources)):
        work.read(Resource, strange)


def overriding(work: UnitOfWork, override: bool) -> bool:
    if override and work.customer:
        raise StaffOnly
    if override and not work.occasion.reason:
        raise ReasonNeeded
    return override


def request(
    setup: Setup,
    starts_at: datetime,
    party: int,
    minutes: int | None = None,
    resource_ids: tuple[UUID, ...] = (),
    override: bool = False,
    moving: UUID | None = None,
) -> Request:
    """One start on its local date."""
    on = localtime.wall(starts_at, setup.location.zone).date()
    return Request(on, on, party, minutes, resource_ids, moving, override=override)


def found(
    work: UnitOfWork,
    offering: Offering,
    setup: Setup,
    asked: Request,
    starts_at: datetime,
    customer: UUID | None,
    anyway: bool = False,
) -> Slot:
    """The slot that starts there, as it is to be booked; or the refusal, with every reason. `anyway`: where others are
    in the way it is as if nobody were."""
    if setup.terms.one_at_a_time and customer is not None:
        rows = [row for row in work.tallies([customer]) if row.state == "live" and row.booking_id != asked.moving]
        asked = with_busy(asked, [Period(row.starts_at, row.ends_at) for row in rows])
    lasting = timedelta(minutes=Question(setup, (), asked, work.now).minutes)
    uses = around(work, setup, starts_at, starts_at + lasting)
    question = Question(setup, uses, asked, work.now)
    verdict = considered(question, starts_at)
    if anyway and isinstance(verdict, Refused):
        verdict = considered(Question(setup, (), asked, work.now), starts_at)
    against = list(verdict.reasons) if isinstance(verdict, Refused) else []
    if isinstance(verdict, Slot):
        chosen = tuple(it for one in verdict.assignment for it in one.resource_ids)
        period = Period(verdict.starts_at, verdict.ends_at)
        against += quotas(
            work, customer, offering, setup.location.id, setup.location.zone, chosen, period, asked.moving
        )
        work.overlook(set(setup.resources) - set(chosen))
        work.chose = True
        if not against:
            return verdict
    raise refusal(against)


def with_busy(asked: Request, busy: Sequence[Period]) -> Request:
    return Request(
        asked.first, asked.last, asked.party, asked.minutes, asked.resource_ids, asked.moving, tuple(busy),
        asked.override,
    )  # fmt: skip


def around(work: UnitOfWork, setup: Setup, since: datetime, until: datetime) -> list[Use]:
    """What occupies the candidates between two instants, and as far around them as a decision looks: who has been used
    least is asked only where there is somebody to choose."""
    trailing = timedelta(days=TRAILING + 1) if len(setup.resources) > 1 else timedelta(0)
    return work.occupancy(sorted(setup.resources), since - A_DAY - trailing, until + A_DAY)


def quotas(
    work: UnitOfWork,
    customer: UUID | None,
    offering: Offering,
    location_id: UUID,
    zone: str,
    resources: tuple[UUID, ...],
    period: Period,
    moving: UUID | None = None,
) -> list[Reason]:
    """What of the customer's quotas is in the way."""
    if customer is None:
        return []
    work.fetch(*of_quotas(work.tenant, customer))
    wanted = Wanted(customer, offering.id, location_id, zone, resources, period.starts_at, period.ends_at, moving)
    return quota_reasons(work, wanted)


# what is written


def items_of(setup: Setup, slot: Slot) -> tuple[Item, ...]:
    """What a slot's assignment occupies, with the buffers that its terms have now."""
    terms, zone = setup.terms, setup.location.zone
    local = localtime.wall(slot.starts_at, zone).isoformat(timespec="minutes")
    chosen = [(one, it) for one in slot.assignment for it in one.resource_ids]
    return tuple(
        Item(
            n, it, slot.starts_at, slot.ends_at, local, zone, one.units, terms.before, terms.after,
            setup.resources[it].buffer_mode == "shared", one.role,
        )
        for n, (one, it) in enumerate(chosen, start=1)
    )  # fmt: skip


def hold(
    work: UnitOfWork,
    booking_id: UUID,
    offering: Offering,
    setup: Setup,
    slot: Slot,
    customer: UUID | None,
    party_size: int,
    limited: bool = False,
    **origin: Any,
) -> Booking:
    """The slot is held; `limited`: if the customer has not too many holds already. `origin`: the series or waitlist
    that it comes from, in the words of `BookingHeld`, and on whose authority it is overbooked."""
    items = items_of(setup, slot)
    return placed(work, booking_id, offering, setup.location.id, items, customer, party_size, limited, **origin)


def placed(
    work: UnitOfWork,
    booking_id: UUID,
    offering: Offering,
    location_id: UUID,
    items: tuple[Item, ...],
    customer: UUID | None,
    party_size: int,
    limited: bool = False,
    **origin: Any,
) -> Booking:
    policy = work.read(Organization, work.tenant).policy
    most = policy.holds_per_customer if limited else None
    booking = work.begin(
        Booking,
        booking_id,
        lambda booking: booking.hold(
            reference(work.next_number(), work.tenant), location_id, items, work.now, policy.hold, party_size, customer,
            policy.max_hold, holds=holds_of(work, customer, most), most_holds=most, offering_id=offering.id,
            offering_version=offering.version, token=secret_of(work), **origin,
        ),
    )  # fmt: skip
    from_here(work, booking)
    work.result.setdefault("reference", booking.reference)
    return booking


def refusal(reasons: Iterable[Reason]) -> Refusal:
    """Conflicts where only what others have, or what one has had, is in the way; a rule's refusal otherwise."""
    reasons = list(reasons)
    if not all(first_come(reason) for reason in reasons):
        return NotOffered(reasons=reasons)
    codes = {reason.code for reason in reasons}
    kind = QuotaReached if codes == {"QUOTA"} else SlotHeld if codes <= {"HELD", "QUOTA"} else SlotTaken
    return kind(reasons=reasons)


def first_come(reason: Reason) -> bool:
    """Of several candidates it is enough that one would do, were it not taken."""
    details = reason.details
    return reason.code in FIRST_COME or any(one.code in FIRST_COME for one in details)


HANDLERS: dict[type[Command], Handler] = {
    BookOffering: book_offering,
    OverbookOffering: book_offering,
    MoveOffering: move_offering,
    BookSeats: book_seats,
    OverbookSeats: book_seats,
}
