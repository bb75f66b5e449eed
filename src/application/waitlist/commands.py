"""What can be asked of a waitlist, each handler right under its command.

An offer is a hold, and what is set aside is a claim: the booking that holds it, or the ticket that keeps it, is written
by the same command as the waitlist, so that no moment lies between in which somebody else could take it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from application.availability.setups import setup_for
from application.booking.approvals import agreed
from application.booking.quotas import quota_reasons
from application.event_store import CountedBooking
from application.message import Command
from application.minors import consented
from application.unit_of_work import Handler, UnitOfWork
from application.waitlist.rooms import seats_of, still_ahead, times_of
from domain import localtime
from domain.availability.setup import Reason
from domain.availability.waiting import against_waiting
from domain.booking.booking import Booking
from domain.booking.errors import NotOffered
from domain.booking.events import Item
from domain.booking.reference import reference
from domain.offering.errors import CalledOff, NotSold
from domain.offering.offering import Offering
from domain.offering.session import Session
from domain.offering.terms import Terms
from domain.organization.location import Location
from domain.period import Period
from domain.quota.counting import Wanted
from domain.quota.errors import QuotaReached
from domain.waitlist import events
from domain.waitlist.entry import Bar, Entry
from domain.waitlist.errors import BadWindow, OneThing, OnlyStaffRank
from domain.waitlist.events import Piece, Settings, WaitlistEvent, Window
from domain.waitlist.room import Given, Room
from domain.waitlist.ticket import Ticket
from domain.waitlist.waitlist import Became, Waitlist, possible, starts, waitlist_of

Decide = Callable[[Waitlist], Sequence[WaitlistEvent]]


class SetWaitlist(Command, frozen=True):
    """How those who wait are served, at a location or for one of its offerings."""

    location_id: UUID
    settings: Settings
    offering_id: UUID | None = None


def set_waitlist(command: SetWaitlist, work: UnitOfWork) -> None:
    work.read(Location, command.location_id)
    if command.offering_id is not None:
        work.read(Offering, command.offering_id)
    opened(work, command.location_id)
    served(work, command.location_id, lambda waitlist: waitlist.set(command.settings, command.offering_id))


class JoinWaitlist(Command, frozen=True):
    """Wait for seats in a session, or for an offering at any time within a window."""

    entry_id: UUID
    party: int = 1
    session_id: UUID | None = None
    offering_id: UUID | None = None
    window: Window | None = None
    customer_id: UUID | None = None
    priority: int | None = None
    """The class, 0 first; only staff name one."""
    card_on_file: bool = False


def join_waitlist(command: JoinWaitlist, work: UnitOfWork) -> None:
    if work.customer and command.priority is not None:
        raise OnlyStaffRank
    offering, location_id, until = awaited(work, command)
    customer = work.for_customer(command.customer_id)
    consented(work, customer)
    if command.session_id is not None:
        session = work.read(Session, command.session_id)
        allowed(quotas(work, customer, offering.id, location_id, [seat_of(session, command.party)]))
    work.begin(Ticket, command.entry_id, lambda ticket: ticket.issue(location_id, customer))
    opened(work, location_id)
    served(
        work,
        location_id,
        lambda waitlist: waitlist.join(
            command.entry_id, offering.id, command.party, work.now, until, session_id=command.session_id,
            window=command.window, customer_id=customer, priority=command.priority, card_on_file=command.card_on_file,
        ),
    )  # fmt: skip


def awaited(work: UnitOfWork, command: JoinWaitlist) -> tuple[Offering, UUID, datetime]:
    """What is waited for: the offering, where, and until when something of it can be offered."""
    if command.session_id is not None and command.window is None:
        session = work.read(Session, command.session_id)
        offering = work.read(Offering, session.offering_id)
        if not session.bookable:
            raise CalledOff
        if command.offering_id not in (None, offering.id):
            raise OneThing
        against = too_many_or_few(offering.terms, session, command.party)
        location_id, last = session.location_id, session.starts_at
    elif command.offering_id is not None and command.window is not None and command.session_id is None:
        offering = work.read(Offering, command.offering_id).sold_by_time()
        if not possible(command.window):
            raise BadWindow
        setup = setup_for(work, offering)
        against = against_waiting(setup, command.window, command.party)
        zone = setup.location.zone
        location_id = offering.location_id
        last = localtime.by_rule(localtime.day(command.window.last, command.window.closes), zone, closing=True)
    else:
        raise OneThing
    if offering.retired:
        raise NotSold
    if against:
        raise NotOffered(reasons=against)
    own = work.read_if_any(Waitlist, waitlist_of(location_id)).settings_for(offering.id).min_notice
    return offering, location_id, last - timedelta(minutes=offering.terms.notice if own is None else own)


def too_many_or_few(terms: Terms, session: Session, party: int) -> list[Reason]:
    """Waiting needs what booking needs: a party that is never sold these seats does not wait for them."""
    most = session.seats if terms.most_party is None else min(terms.most_party, session.seats)
    return [] if terms.least_party <= party <= most else [Reason("DOES_NOT_FIT", capacity=most)]


class LeaveWaitlist(Command, frozen=True):
    """They no longer want it."""

    entry_id: UUID


def leave_waitlist(command: LeaveWaitlist, work: UnitOfWork) -> None:
    served_entry(work, command.entry_id, lambda waitlist: waitlist.leave(command.entry_id))


class AcceptOffer(Command, frozen=True):
    """They take what is on offer to them."""

    entry_id: UUID


def accept_offer(command: AcceptOffer, work: UnitOfWork) -> None:
    ticket = work.read(Ticket, command.entry_id)
    consented(work, ticket.customer_id)
    waitlist = work.read(Waitlist, waitlist_of(ticket.location_id))
    offer, entry = waitlist.offer(command.entry_id), waitlist.entry(command.entry_id)
    allowed(against(work, entry, ticket.location_id, offer.pieces, offered=offer.booking_id))
    served_entry(work, command.entry_id, lambda waitlist: waitlist.accept(command.entry_id, work.now))


class DeclineOffer(Command, frozen=True):
    """They do not want what is on offer to them, and leave the list."""

    entry_id: UUID


def decline_offer(command: DeclineOffer, work: UnitOfWork) -> None:
    served_entry(work, command.entry_id, lambda waitlist: waitlist.decline(command.entry_id))


# what follows from facts


class WalkSession(Command, frozen=True):
    """Seats of a session may be free: whose are they?"""

    session_id: UUID


def walk_session(command: WalkSession, work: UnitOfWork) -> None:
    session = work.read(Session, command.session_id)
    work.chose = True
    served(work, session.location_id, lambda waitlist: walked(work, waitlist, seats_of(work, session)))


class WalkTimes(Command, frozen=True):
    """Times of an offering may be free: whose are they?"""

    offering_id: UUID
    starts_at: datetime | None = None
    """When something became free; None: nobody knows, so that all that anybody waits for is looked at."""
    ends_at: datetime | None = None
    resource_ids: tuple[UUID, ...] = ()


def walk_times(command: WalkTimes, work: UnitOfWork) -> None:
    offering = work.read(Offering, command.offering_id)
    work.chose = True

    def walk(waitlist: Waitlist) -> Sequence[WaitlistEvent]:
        period = still_ahead(work.now, command.starts_at, command.ends_at, waitlist.latest(offering.id, work.now))
        if period is None:
            return []
        return walked(work, waitlist, times_of(work, offering.id, period, command.resource_ids))

    served(work, offering.location_id, walk)


class PassOver(Command, frozen=True):
    """Somebody who did not wait has booked: did they take what somebody waited for?"""

    booking_id: UUID
    pieces: tuple[Piece, ...] = ()
    """What it took, where that was less than all that it has."""
    at: datetime | None = None
    """When it did: nobody was passed over who joined later, however late this is carried out."""


def pass_over(command: PassOver, work: UnitOfWork) -> None:
    booking = work.read(Booking, command.booking_id)
    stream = waitlist_of(booking.location_id)
    waitlist = work.read(Waitlist, stream)
    # What is overbooked takes no seat: who waits has lost nothing by it.
    pieces = command.pieces or tuple(piece_of(item) for item in booking.items if not item.overbooked)
    if not pieces:
        return
    resources = tuple(sorted({piece.resource_id for piece in pieces}))
    period = around(pieces)
    work.chose = True
    for session_id in sorted(waitlist.sessions(work.now) & set(resources)):
        seats = seats_of(work, work.read(Session, session_id))
        decide = partial(passed_over, work, room=seats, pieces=pieces, booking=booking, since=command.at)
        served(work, booking.location_id, decide)
    for offering_id in sorted(waitlist.offerings(work.now)):
        times = times_of(work, offering_id, period, resources)
        decide = partial(passed_over, work, room=times, pieces=pieces, booking=booking, since=command.at)
        served(work, booking.location_id, decide)


def passed_over(
    work: UnitOfWork, waitlist: Waitlist, room: Room, pieces: Sequence[Piece], booking: Booking, since: datetime | None
) -> Sequence[WaitlistEvent]:
    """For whom this was once too often, what is still free is set aside at once."""
    skips = waitlist.taken(room, pieces, booking.id, work.now, since)
    return [*skips, *walked(work, waitlist.after(skips), room)] if skips else []


def walked(work: UnitOfWork, waitlist: Waitlist, room: Room) -> Sequence[WaitlistEvent]:
    """Nobody is offered what they could not book: whose turn it is, is asked for their quotas as they stand."""

    def may_have(entry: Entry, pieces: Sequence[Piece], given: Sequence[Given]) -> Bar | None:
        besides = [counted(one, some, waitlist.location_id) for one, some in given if one.customer_id is not None]
        return bar_of(against(work, entry, waitlist.location_id, pieces, besides))

    return waitlist.freed(room, work.now, may_have)


def bar_of(reasons: Sequence[Reason]) -> Bar | None:
    codes = tuple(dict.fromkeys(reason.code for reason in reasons))
    rules = tuple(dict.fromkeys(reason.rule for reason in reasons if reason.rule is not None))
    return Bar(codes, rules) if codes else None


def counted(entry: Entry, pieces: Sequence[Piece], location_id: UUID) -> CountedBooking:
    """How what is being offered to somebody counts, before it is written. Whose it is, is known."""
    assert entry.customer_id is not None
    resources = tuple(sorted({piece.resource_id for piece in pieces}))
    period = around(pieces)
    return CountedBooking(
        entry.customer_id, entry.id, entry.offering_id, location_id, resources, period.starts_at, period.ends_at, "live"
    )  # fmt: skip


class SettleOffer(Command, frozen=True):
    """Something has become of the booking that is an entry's offer."""

    entry_id: UUID


def settle_offer(command: SettleOffer, work: UnitOfWork) -> None:
    ticket = work.read(Ticket, command.entry_id)
    stream = waitlist_of(ticket.location_id)
    entry = work.read(Waitlist, stream).entries.get(command.entry_id)
    if entry is None or entry.offer is None or entry.offer.booking_id is None:
        return
    became = outcome(work.read(Booking, entry.offer.booking_id))
    if became is not None:
        work.change(Waitlist, stream, lambda waitlist: waitlist.settle(command.entry_id, became, work.now))


def outcome(booking: Booking) -> Became | None:
    """What the offer has become; None: nothing yet. Who accepted and then cancelled has accepted."""
    if booking.status in ("held", "pending_payment", "pending_approval"):
        return None
    if booking.status == "expired":
        return "declined" if booking.released else "expired"
    never = booking.status == "declined" or (booking.status == "cancelled" and booking.cancelled_from != "confirmed")
    return "declined" if never else "accepted"


class ExpireOffer(Command, frozen=True):
    """The time of an offer that no booking holds is over."""

    entry_id: UUID


def expire_offer(command: ExpireOffer, work: UnitOfWork) -> None:
    served_entry(work, command.entry_id, lambda waitlist: waitlist.expire(command.entry_id, work.now))


class EndEarmark(Command, frozen=True):
    """The time is over for which something was set aside."""

    entry_id: UUID


def end_earmark(command: EndEarmark, work: UnitOfWork) -> None:
    served_entry(work, command.entry_id, lambda waitlist: waitlist.end_earmark(command.entry_id, work.now))


class LapseEntry(Command, frozen=True):
    """What was waited for begins."""

    entry_id: UUID


def lapse_entry(command: LapseEntry, work: UnitOfWork) -> None:
    served_entry(work, command.entry_id, lambda waitlist: waitlist.lapse(command.entry_id, work.now))


class CallOffWaiting(Command, frozen=True):
    """A session does not take place: nobody waits for it any more."""

    session_id: UUID


def call_off_waiting(command: CallOffWaiting, work: UnitOfWork) -> None:
    session = work.read(Session, command.session_id)
    served(work, session.location_id, lambda waitlist: waitlist.call_off(session.id))


# what somebody may have


def quotas(
    work: UnitOfWork,
    customer: UUID | None,
    offering_id: UUID,
    location_id: UUID,
    pieces: Sequence[Piece],
    besides: Sequence[CountedBooking] = (),
    offered: UUID | None = None,
) -> list[Reason]:
    """What of the customer's quotas is in the way of these. `besides`: what is being given to others, or to them, at
    once; the booking that is the offer counts already."""
    if customer is None:
        return []
    zone = work.read(Location, location_id).zone
    resources = tuple(sorted({piece.resource_id for piece in pieces}))
    period = around(pieces)
    wanted = Wanted(customer, offering_id, location_id, zone, resources, period.starts_at, period.ends_at, offered)
    return quota_reasons(work, wanted, besides)


def against(
    work: UnitOfWork,
    entry: Entry,
    location_id: UUID,
    pieces: Sequence[Piece],
    besides: Sequence[CountedBooking] = (),
    offered: UUID | None = None,
) -> list[Reason]:
    """Why the entry's person may not have these: their quotas, or something else that they have then."""
    found = quotas(work, entry.customer_id, entry.offering_id, location_id, pieces, besides, offered)
    if entry.customer_id is None or not work.read(Offering, entry.offering_id).terms.one_at_a_time:
        return found
    period = around(pieces)
    rows = [*work.tallies([entry.customer_id]), *(row for row in besides if row.who == entry.customer_id)]
    others = [row for row in rows if row.state == "live" and row.booking_id != offered]
    busy = any(row.starts_at < period.ends_at and period.starts_at < row.ends_at for row in others)
    return [*found, Reason("CUSTOMER_CONFLICT")] if busy else found


def allowed(reasons: Sequence[Reason]) -> None:
    """Waiting for something, and taking it, needs what booking it needs."""
    if reasons:
        raise (QuotaReached if all(reason.code == "QUOTA" for reason in reasons) else NotOffered)(reasons=reasons)


def around(pieces: Sequence[Piece]) -> Period:
    return Period(starts(pieces), max(piece.ends_at for piece in pieces))


# one command, and everything that it takes


def opened(work: UnitOfWork, location_id: UUID) -> None:
    """The location's waitlist is there from the first time that somebody needs it."""
    work.read_if_any(Waitlist, waitlist_of(location_id))
    work.change(Waitlist, waitlist_of(location_id), lambda waitlist: waitlist.open(location_id))


def served_entry(work: UnitOfWork, entry_id: UUID, decide: Decide) -> None:
    """A decision about one entry, by whoever may know of it."""
    ticket = work.read(Ticket, entry_id)
    work.result["id"] = str(entry_id)
    served(work, ticket.location_id, decide)


def served(work: UnitOfWork, location_id: UUID, decide: Decide) -> None:
    """The waitlist decides, and what follows for bookings and tickets is written with it."""
    stream = waitlist_of(location_id)
    facts: list[WaitlistEvent] = []

    def decided(waitlist: Waitlist) -> Sequence[WaitlistEvent]:
        facts.extend(decide(waitlist))
        return facts

    before = work.read_if_any(Waitlist, stream)
    work.change(Waitlist, stream, decided)
    for fact in facts:
        follow(work, before, location_id, fact)


def follow(work: UnitOfWork, before: Waitlist, location_id: UUID, fact: WaitlistEvent) -> None:
    match fact:
        case events.WaitlistOfferMade(entry_id, pieces, expires_at, UUID() as booking_id):
            hold(work, location_id, before.entry(entry_id), pieces, booking_id, expires_at)
        case events.WaitlistOfferAccepted(entry_id, booking_id):
            entry = before.entry(entry_id)
            if entry.offer is not None and entry.offer.booking_id is None:
                hold(work, location_id, entry, entry.offer.pieces, booking_id, entry.offer.expires_at)
            # Where it is booked at once nobody has asked yet, and who waits behind must not be kept from their turn.
            offering = work.read(Offering, entry.offering_id)
            booking = agreed(work, booking_id, offering, limited=entry.offer is not None)
            work.result |= {"booking_id": str(booking_id), "reference": booking.reference}
        case events.WaitlistOfferDeclined(entry_id):
            offer = before.entry(entry_id).offer
            if offer is not None and offer.booking_id is not None:
                work.change(Booking, offer.booking_id, lambda booking: booking.release())
        case events.WaitlistEarmarked(entry_id, pieces, ends_at):
            work.change(Ticket, entry_id, lambda ticket: ticket.keep(pieces, ends_at))
        case events.WaitlistEarmarkReleased(entry_id):
            work.change(Ticket, entry_id, lambda ticket: ticket.let_go())


def hold(
    work: UnitOfWork, location_id: UUID, entry: Entry, pieces: Sequence[Piece], booking_id: UUID, expires_at: datetime
) -> None:
    """The booking that is the offer: it lives as long as the offer, and nothing makes it live longer."""
    offering = work.read(Offering, entry.offering_id)
    zone = work.read(Location, location_id).zone
    items = [item_of(number, piece, zone) for number, piece in enumerate(pieces, start=1)]
    work.begin(
        Booking,
        booking_id,
        lambda booking: booking.hold(
            reference(work.next_number(), work.tenant), location_id, items, work.now, expires_at - work.now,
            entry.party, entry.customer_id, offering_id=offering.id, offering_version=offering.version,
            waitlist_id=waitlist_of(location_id), entry_id=entry.id,
        ),
    )  # fmt: skip


def item_of(number: int, piece: Piece, zone: str) -> Item:
    local = localtime.wall(piece.starts_at, zone).isoformat(timespec="minutes")
    return Item(
        number, piece.resource_id, piece.starts_at, piece.ends_at, local, zone, piece.units, piece.before, piece.after,
        piece.shared, piece.role,
    )  # fmt: skip


def seat_of(session: Session, seats: int) -> Piece:
    return Piece(session.id, session.starts_at, session.ends_at, seats)


def piece_of(item: Item) -> Piece:
    return Piece(item.resource_id, item.starts_at, item.ends_at, item.units)


HANDLERS: dict[type[Command], Handler] = {
    SetWaitlist: set_waitlist,
    JoinWaitlist: join_waitlist,
    LeaveWaitlist: leave_waitlist,
    AcceptOffer: accept_offer,
    DeclineOffer: decline_offer,
    WalkSession: walk_session,
    WalkTimes: walk_times,
    PassOver: pass_over,
    SettleOffer: settle_offer,
    ExpireOffer: expire_offer,
    EndEarmark: end_earmark,
    LapseEntry: lapse_entry,
    CallOffWaiting: call_off_waiting,
}
