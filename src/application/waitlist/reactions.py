"""What follows for those who wait from what happens to bookings, sessions and resources; and what the clock does.

Something may be free: the list is walked. That a walk finds nothing is no harm, and one too many changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

from msgspec.structs import replace

from application.reaction import Do, Look, Reaction
from application.recorded import RecordedEvent
from application.waitlist.commands import (
    CallOffWaiting,
    EndEarmark,
    ExpireOffer,
    JoinWaitlist,
    LapseEntry,
    PassOver,
    SettleOffer,
    WalkSession,
    WalkTimes,
)
from domain import localtime
from domain.booking import events as bookings
from domain.booking.booking import Booking
from domain.booking.events import Item
from domain.booking.series import BookingSeries
from domain.booking.series_events import OccurrenceWaitlisted
from domain.calendar import Calendar, Closure
from domain.event import Event
from domain.offering import events as offerings
from domain.offering.offering import Offering
from domain.offering.session import Session
from domain.organization import events as places
from domain.organization.location import Location
from domain.period import EARLIEST, Period
from domain.resource import events as resources
from domain.resource.pool import Pool
from domain.resource.resource import Override, Resource
from domain.waitlist import events
from domain.waitlist.entry import Entry
from domain.waitlist.errors import UnknownWaitlist
from domain.waitlist.events import Piece, Window
from domain.waitlist.waitlist import Waitlist, waitlist_of
from domain.wall import merged, micros, moment, without

A_DAY = timedelta(days=1)
NEVER = Period(EARLIEST, EARLIEST + A_DAY)
"""It is over: nothing that is still to come has become free."""
FREED = (
    bookings.BookingCancelled, bookings.BookingExpired, bookings.BookingDeclined, bookings.BookingHoldReleased,
)  # fmt: skip
"""All that the booking had is free."""
MOVED = (
    bookings.BookingRescheduled, bookings.BookingReassigned, bookings.BookingReanchored, bookings.BookingCheckedOut,
)  # fmt: skip
"""Some of what it had is free: what it had before, and has no more."""
ANY_TIME = (
    resources.ResourceCapacityChanged, resources.ResourceHoursChanged, resources.ResourceDescribed,
    resources.ResourcePacingSet, resources.ResourceBufferModeSet,
)  # fmt: skip
"""There may be more of a resource than before, at any time."""
WITHIN = (
    resources.ResourceClosed, resources.ResourceReopened, resources.ResourceCapacityOverridden,
    resources.ResourceCapacityOverrideLifted, resources.ResourceExceptionSet, resources.ResourceExceptionLifted,
)  # fmt: skip
"""The same, at a time that is known. A closure that is moved opens what it leaves."""
HERE = (
    places.LocationHoursChanged, places.LocationClosed, places.LocationReopened, places.LocationExceptionSet,
    places.LocationExceptionLifted,
)  # fmt: skip
"""The same of everything at a location."""


def on_booking_gone(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """What a booking sets free is somebody's turn; where it was an offer, that is known first. Its customer may have
    what they could not have beside it."""
    fact = recorded.fact
    lets_go = isinstance(fact, bookings.BookingApprovalRequested) and not fact.blocks
    if not (lets_go or isinstance(fact, FREED)):
        return []
    booking = look.read(Booking, recorded.stream)
    settled = [] if booking.entry_id is None else [Do(SettleOffer(booking.entry_id), booking.entry_id, "settle_offer")]
    at, free = recorded.recorded_at, [taken_by(item) for item in booking.items]
    return [*settled, *walks(look, booking.location_id, at, free), *others_of(look, booking, at)]


def others_of(look: Look, booking: Booking, at: datetime) -> list[Do]:
    waitlist = waiting_at(look, booking.location_id)
    return [] if waitlist is None else [own_walk(look, it) for it in waitlist.barred(booking.customer_id, at)]


def on_booking_moved(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """What it leaves is somebody's turn; what it takes may pass over somebody, as when it was booked."""
    fact = recorded.fact
    if not isinstance(fact, MOVED):
        return []
    before = look.before(Booking, recorded)
    had, has = [taken_by(item) for item in before.items], [taken_by(item) for item in fact.items]
    found = walks(look, before.location_id, recorded.recorded_at, left_by(had, has))
    taken = tuple(left_by([taken_by(item) for item in fact.items if not item.overbooked], had))
    if taken and before.status == "confirmed" and waited_for(look, before.location_id, recorded.recorded_at):
        found.append(Do(PassOver(before.id, taken, recorded.occurred_at), before.id, "pass_over"))
    return found


def on_booking_confirmed(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """An offer that is confirmed is accepted; anybody else's booking may have passed over somebody."""
    if not isinstance(recorded.fact, bookings.BookingConfirmed | bookings.BookingApproved):
        return []
    booking = look.read(Booking, recorded.stream)
    if booking.entry_id is not None:
        return [Do(SettleOffer(booking.entry_id), booking.entry_id, "settle_offer")]
    if not waited_for(look, booking.location_id, recorded.recorded_at):
        return []
    return [Do(PassOver(booking.id, at=taken_at(recorded, look)), booking.id, "pass_over")]


def taken_at(recorded: RecordedEvent, look: Look) -> datetime:
    """When a booking that is firm now took what it has: as it was held, unless its hold had died, or it asked for
    approval and did not block."""
    before = look.before(Booking, recorded)
    only_now = before.expires_at is None or not before.blocks
    return recorded.occurred_at if only_now else look.began(recorded)


def on_seats_changed(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    if not isinstance(recorded.fact, offerings.SessionSeatsChanged):
        return []
    session = look.read(Session, recorded.stream)
    seats = Piece(session.id, session.starts_at, session.ends_at)
    return walks(look, session.location_id, recorded.recorded_at, [seats])


def on_session_gone(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Who waited for a session that is called off waits no more. The room that it had, or that it leaves because its
    zone's rules have changed, is free for others."""
    if not isinstance(recorded.fact, offerings.SessionCalledOff | offerings.SessionReanchored):
        return []
    session = look.before(Session, recorded)
    if waiting_at(look, session.location_id) is None:
        return []
    had = [Piece(it, session.starts_at, session.ends_at) for it in session.resources]
    has = [
        Piece(it, fact.starts_at, fact.ends_at)
        for fact in (recorded.fact,)
        if isinstance(fact, offerings.SessionReanchored)
        for it in fact.resources
    ]
    over = isinstance(recorded.fact, offerings.SessionCalledOff)
    ended = [Do(CallOffWaiting(session.id), session.id, "call_off_waiting")] if over else []
    return [*ended, *walks(look, session.location_id, recorded.recorded_at, left_by(had, has))]


def on_resource_widened(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """A resource, or a member of staff, can be had at times at which it could not."""
    if not isinstance(recorded.fact, ANY_TIME + WITHIN):
        return []
    resource = look.read(Resource, recorded.stream)
    period = None
    if isinstance(recorded.fact, WITHIN):
        before = look.before(Resource, recorded)
        period = within(recorded.fact, before.calendar, before.overrides, look, before.location_id)
    return openings(look, resource.location_id, recorded.recorded_at, {resource.id}, period)


def on_location_widened(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """The venue is open at times at which it was not."""
    if not isinstance(recorded.fact, HERE):
        return []
    period = None
    if not isinstance(recorded.fact, places.LocationHoursChanged):
        calendar = look.before(Location, recorded).calendar
        period = within(recorded.fact, calendar, {}, look, recorded.stream)
    return openings(look, recorded.stream, recorded.recorded_at, period=period)


def within(
    fact: Event, calendar: Calendar, overrides: Mapping[UUID, Override], look: Look, location_id: UUID
) -> Period | None:
    """When something may have become free, by what was there before."""
    was: Closure | Override | None = None
    match fact:
        case resources.ResourceExceptionSet(on=on) | resources.ResourceExceptionLifted(on):
            return days(look, location_id, on, on + A_DAY)  # its openings may end on the day after
        case places.LocationExceptionSet(on=on) | places.LocationExceptionLifted(on):
            return days(look, location_id, on, on + A_DAY)
        case resources.ResourceClosed(closure) | places.LocationClosed(closure):
            was = calendar.closures.get(closure.id)
        case resources.ResourceReopened(closure_id) | places.LocationReopened(closure_id):
            was = calendar.closures.get(closure_id)
        case resources.ResourceCapacityOverrideLifted(override_id):
            was = overrides.get(override_id)
        case resources.ResourceCapacityOverridden(override_id=override_id):
            old = overrides.get(override_id)
            both = [(it.starts_at, it.ends_at) for it in (fact, old) if it is not None]
            return Period(min(it[0] for it in both), max(it[1] for it in both))
    return Period(was.starts_at, was.ends_at) if was is not None else NEVER


def on_pool_changed(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Another member may be what somebody waits for."""
    if not isinstance(recorded.fact, resources.PoolChanged):
        return []
    pool = look.read(Pool, recorded.stream)
    return openings(look, pool.location_id, recorded.recorded_at, set(pool.members))


def on_offering_revised(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Other terms may let in who did not fit: all who wait for this are asked."""
    if not isinstance(recorded.fact, offerings.OfferingRevised):
        return []
    offering = look.read(Offering, recorded.stream)
    return everybody(look, offering.location_id, recorded.recorded_at, offering.id)


def on_served_otherwise(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Another mode, cutoff or patience: whoever waits under these settings is asked."""
    fact = recorded.fact
    if not isinstance(fact, events.WaitlistSettingsSet):
        return []
    location_id = look.read(Waitlist, recorded.stream).location_id
    return everybody(look, location_id, recorded.recorded_at, fact.offering_id)


def on_waiting(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Who joins may fit into what is free already, and waits until it begins; what is offered or kept has its time."""
    match recorded.fact:
        case events.WaitlistJoined(entry_id=entry_id, until=until):
            ends = Do(LapseEntry(entry_id), entry_id, "lapse", until)
            entry = look.read(Waitlist, recorded.stream).entries.get(entry_id)
            return [ends] if entry is None else [own_walk(look, entry), ends]
        case events.WaitlistOfferExpired(entry_id=entry_id, then="to_end"):
            # The walk that its booking's end asked for may have been before it was at the end.
            entry = look.read(Waitlist, recorded.stream).entries.get(entry_id)
            return [] if entry is None else [own_walk(look, entry)]
        case events.WaitlistOfferMade(entry_id=entry_id, expires_at=expires_at, booking_id=None):
            return [Do(ExpireOffer(entry_id), entry_id, "expire_offer", expires_at)]
        case events.WaitlistEarmarked(entry_id=entry_id, ends_at=ends_at):
            return [Do(EndEarmark(entry_id), entry_id, "end_earmark", ends_at)]
        case events.WaitlistEarmarkReleased(pieces=pieces) if pieces:
            # Also where it was offered: what the offer did not need may lie outside of what that walk looked at.
            location_id = look.read(Waitlist, recorded.stream).location_id
            return walks(look, location_id, recorded.recorded_at, pieces)
    return []


def on_occurrence_waitlisted(recorded: RecordedEvent, look: Look) -> Sequence[Do]:
    """Where a series could not have its time, its customer waits for that very time. Resources that were booked by
    their names belong to no offering, and nobody waits for those."""
    fact = recorded.fact
    if not isinstance(fact, OccurrenceWaitlisted) or fact.offering_id is None:
        return []
    local = localtime.wall(fact.starts_at, look.read(BookingSeries, recorded.stream).zone)
    opens = local.hour * 60 + local.minute
    minutes = int((fact.ends_at - fact.starts_at) / timedelta(minutes=1))
    window = Window(fact.on, fact.on, opens, opens + 1, minutes, fact.resources)
    # The fact names the entry: one occurrence may have to wait more than once, and an id is taken once.
    entry_id = uuid5(recorded.stream, f"waitlist:{recorded.version}")
    join = JoinWaitlist(
        entry_id, fact.party_size, offering_id=fact.offering_id, window=window, customer_id=fact.customer_id
    )
    return [Do(join, entry_id, "join")]


# whom to ask


def walks(look: Look, location_id: UUID, at: datetime, free: Sequence[Piece]) -> list[Do]:
    """Whoever waits at this location for something of what is free, and is still to come. One look at the period from
    the first of it to the last, and only where an offering can have one of these resources."""
    waitlist, ahead = waiting_at(look, location_id), [piece for piece in free if piece.ends_at > at]
    if waitlist is None or not ahead:
        return []
    ids = {piece.resource_id for piece in ahead}
    sessions = sorted(waitlist.sessions(at) & ids)
    found = [Do(WalkSession(session_id), session_id, "walk") for session_id in sessions]
    period = Period(min(piece.starts_at for piece in ahead), max(piece.ends_at for piece in ahead))
    return [*found, *openings(look, location_id, at, ids - set(sessions), period)]


def openings(
    look: Look, location_id: UUID, at: datetime, these: Set[UUID] | None = None, period: Period | None = None
) -> list[Do]:
    """Windows over what there may be more of; `these` resources: None: of all. Without a period all dates over which
    somebody has a window, each stretch of them by itself."""
    waitlist = waiting_at(look, location_id)
    if waitlist is None or (period is not None and period.ends_at <= at):
        return []
    found: list[Do] = []
    for offering_id in sorted(waitlist.offerings(at)):
        mine = () if these is None else tuple(sorted(these & candidates(look, offering_id)))
        if these is not None and not mine:
            continue
        if period is not None:
            found.append(Do(WalkTimes(offering_id, period.starts_at, period.ends_at, mine), offering_id, "walk"))
            continue
        for first, last in waitlist.dates(offering_id, at):
            dates = days(look, location_id, first, last)
            walk = WalkTimes(offering_id, dates.starts_at, dates.ends_at, mine)
            found.append(Do(walk, offering_id, f"walk {first}"))
    return found


def everybody(look: Look, location_id: UUID, at: datetime, offering_id: UUID | None = None) -> list[Do]:
    """All who wait here, or for one offering: its sessions, and its windows."""
    waitlist = waiting_at(look, location_id)
    if waitlist is None:
        return []
    sessions = [Do(WalkSession(it), it, "walk") for it in sorted(waitlist.sessions(at, offering_id))]
    windows = openings(look, location_id, at)
    return [*sessions, *(do for do in windows if offering_id in (None, do.entity))]


def own_walk(look: Look, entry: Entry) -> Do:
    """What this entry waits for, and nothing else."""
    if entry.session_id is not None:
        return Do(WalkSession(entry.session_id), entry.session_id, "walk")
    assert entry.window is not None
    location_id = look.read(Offering, entry.offering_id).location_id
    dates = days(look, location_id, entry.window.first, entry.window.last)
    return Do(WalkTimes(entry.offering_id, dates.starts_at, dates.ends_at), entry.offering_id, f"walk {entry.id}")


def candidates(look: Look, offering_id: UUID) -> frozenset[UUID]:
    """Every resource that the offering can have."""
    needs = look.read(Offering, offering_id).terms.needs
    pools = [look.read(Pool, need.pool_id).members for need in needs if need.pool_id is not None]
    return frozenset(it for ids in (*(need.any_of for need in needs), *pools) for it in ids)


def days(look: Look, location_id: UUID, first: date, last: date) -> Period:
    """From the first midnight to the one after the last, on the location's wall."""
    zone = look.read(Location, location_id).zone
    begins, ends = localtime.day(first), localtime.day(last + A_DAY)
    return Period(localtime.by_rule(begins, zone), localtime.by_rule(ends, zone, closing=True))


# what is free


def taken_by(item: Item) -> Piece:
    """What an item occupies, its buffers included."""
    before, after = timedelta(minutes=item.before), timedelta(minutes=item.after)
    return Piece(item.resource_id, item.starts_at - before, item.ends_at + after, item.units)


def left_by(had: Iterable[Piece], has: Sequence[Piece]) -> list[Piece]:
    """What was had and is had no more: other times of a resource, or fewer units of it."""
    return [
        replace(piece, starts_at=moment(low), ends_at=moment(high))
        for piece in had
        for low, high in without(
            [(micros(piece.starts_at), micros(piece.ends_at))],
            merged(
                (micros(it.starts_at), micros(it.ends_at))
                for it in has
                if it.resource_id == piece.resource_id and it.units >= piece.units
            ),
        )
    ]


def waited_for(look: Look, location_id: UUID, at: datetime) -> bool:
    waitlist = waiting_at(look, location_id)
    return waitlist is not None and bool(waitlist.waiting(at))


def waiting_at(look: Look, location_id: UUID) -> Waitlist | None:
    try:
        return look.read(Waitlist, waitlist_of(location_id))
    except UnknownWaitlist:
        return None


REACTIONS: tuple[Reaction, ...] = (
    on_booking_gone, on_booking_moved, on_booking_confirmed, on_seats_changed, on_session_gone, on_resource_widened,
    on_location_widened, on_pool_changed, on_offering_revised, on_served_otherwise, on_waiting,
    on_occurrence_waitlisted,
)  # fmt: skip
