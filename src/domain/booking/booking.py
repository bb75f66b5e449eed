"""A booking: one or more items, its reference, and the state machine of its life."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Self, cast, get_args
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain import localtime
from domain.aggregate import Aggregate
from domain.booking import errors, events
from domain.booking.events import BookingEvent, Cancellable, CancelledBy, Item
from domain.event import Event
from domain.period import Period

Status = Literal[
    "held", "pending_payment", "pending_approval", "confirmed", "checked_in", "completed", "expired", "declined",
    "cancelled", "no_show",
]  # fmt: skip
MOST_ITEMS = 50
MOST_UNITS = 10_000
LONGEST = timedelta(days=400)
NOWHERE = UUID(int=0)
CANCELLABLE: tuple[Status, ...] = get_args(Cancellable)
HOLDS: tuple[Status, ...] = ("held", "pending_payment")
"""What dies at its expiry."""
STANDING: tuple[Status, ...] = ("held", "pending_payment", "pending_approval", "confirmed", "checked_in")
TO_COME: tuple[Status, ...] = ("held", "pending_payment", "pending_approval", "confirmed")
"""What nobody has arrived for yet."""
FIRM: tuple[Status, ...] = ("confirmed", "checked_in", "completed", "no_show")
A_MOMENT = timedelta(minutes=1)
DeclinedFor = Literal["venue", "timeout", "competing"]


class Overbooking(Struct, frozen=True):
    """Somebody with the authority takes what there is no room for."""

    by: str
    why: str
    """A short code."""

    def authorised(self, items: Sequence[Item]) -> BookingEvent:
        return events.BookingOverbookingAuthorised(tuple(item.item for item in items), self.by, self.why)


class Booking(Aggregate, frozen=True):
    """What a customer has been promised. Its id and reference stay through every move."""

    begins: ClassVar[type[Event]] = events.BookingHeld
    unknown: ClassVar = errors.UnknownBooking

    reference: str = ""
    status: Status = "held"
    location_id: UUID = NOWHERE
    items: tuple[Item, ...] = ()
    party_size: int | None = None
    customer_id: UUID | None = None
    offering_id: UUID | None = None
    offering_version: int | None = None
    series_id: UUID | None = None
    entry_id: UUID | None = None
    """The waitlist's entry that it was offered to."""
    token: str | None = None
    """Of a stranger's: the SHA-256 of its secret."""
    expires_at: datetime | None = None
    latest_expiry: datetime | None = None
    extensions: int = 0
    released: bool = False
    """Its holder gave it back: no payment brings it to life again."""
    payments: tuple[UUID, ...] = ()
    """Those that made it firm, or came too late."""
    deadline: datetime | None = None
    """When a request for approval is decided by itself."""
    on_timeout: Literal["decline", "approve"] = "decline"
    blocks: bool = True
    """Whether it occupies what it asks for while it waits."""
    pinned: bool = False
    late: bool = False
    """It was moved when it could no longer be cancelled in time: moving out of that is no way out."""
    links: int = 0
    """How often links to it were revoked: those from before are no good any more."""
    sequence: int = 0
    """How often its time or place has changed: iCalendar's SEQUENCE."""
    cancelled_from: Cancellable | None = None
    """What a cancelled booking was, and is again if the cancellation is reversed."""
    cancelled_late: bool = False

    @property
    def period(self) -> Period:
        """From the first item's start to the last one's end."""
        return Period(min(i.starts_at for i in self.items), max(i.ends_at for i in self.items))

    def linked(self) -> list[BookingEvent]:
        """A link to it is for whose it is; one that is nobody's has none."""
        if self.customer_id is None:
            raise errors.NobodyToLink
        return []

    def revoke_links(self) -> list[BookingEvent]:
        return [events.BookingLinksRevoked()]

    @property
    def zone(self) -> str:
        return self.items[0].zone

    # holding

    def hold(
        self,
        reference: str,
        location_id: UUID,
        items: Sequence[Item],
        at: datetime,
        ttl: timedelta,
        party_size: int | None = None,
        customer_id: UUID | None = None,
        max_hold: timedelta | None = None,
        overbooking: Overbooking | None = None,
        holds: int = 0,
        most_holds: int | None = None,
        **origin: Any,
    ) -> list[BookingEvent]:
        """The items are held until `at + ttl`, exclusive. Whether they can be had, the claims decide in the write.

        `holds`: how many the customer has already, of `most_holds`. `origin`: the offering with its version, the series
        with its recurrence id, the waitlist with its entry, in the words of `BookingHeld`.
        """
        if most_holds is not None and holds >= most_holds:
            raise errors.TooManyHolds(holds=holds, limit=most_holds)
        wanted = checked(items)
        if overbooking is not None:
            wanted = overbooked(wanted)
        held = events.BookingHeld(
            reference, location_id, wanted, at + ttl, None if party_size is None else sized(party_size), customer_id,
            latest_expiry=at + max(ttl, max_hold or ttl), **origin,
        )  # fmt: skip
        return [held] if overbooking is None else [held, overbooking.authorised(wanted)]

    def extend_hold(self, at: datetime, ttl: timedelta, most: int) -> list[BookingEvent]:
        """It lives for `ttl` from now, as far as the longest hold allows; `most` times at most."""
        expires_at, latest = self._must_be_alive(at)
        if self.status != "held":
            raise errors.NotHeld(status=self.status)
        if self.extensions >= most:
            raise errors.ExtendedEnough(extensions=self.extensions)
        wanted = min(at + ttl, latest)
        if wanted <= expires_at:
            raise errors.LongestHold(expires_at=expires_at)
        return [events.BookingHoldExtended(wanted)]

    def start_payment(self, at: datetime, grace: timedelta) -> list[BookingEvent]:
        """The hold lives for `grace` from now at least, as far as the longest hold allows: once."""
        expires_at, latest = self._must_be_alive(at)
        if self.status == "pending_payment":
            return []
        return [events.BookingPaymentStarted(max(expires_at, min(at + grace, latest)))]

    def release(self) -> list[BookingEvent]:
        """Its holder gives the hold back."""
        if self.status == "expired":
            return []
        if self.status != "held":
            raise errors.NotHeld(status=self.status)
        return [events.BookingHoldReleased()]

    def expire(self, at: datetime) -> list[BookingEvent]:
        if self.status not in HOLDS or self.expires_at is None:
            return []
        if at < self.expires_at:
            raise errors.NotExpired(expires_at=self.expires_at)
        return [events.BookingExpired()]

    def confirm(self, at: datetime) -> list[BookingEvent]:
        if self.status == "confirmed":
            return []
        self._must_be_alive(at)
        return [events.BookingConfirmed()]

    def settle_payment(self, at: datetime, payment_id: UUID) -> list[BookingEvent]:
        """The money is here. What is alive is firm; what has expired is taken again, if it still can be: the claims
        decide. A dead hold has to be expired first, so that its claims do not stand in its own way."""
        if payment_id in self.payments or self.status in FIRM:
            return []
        if self.status in HOLDS:
            if self.expires_at is not None and at >= self.expires_at:
                raise errors.StillToExpire(booking_id=self.id)
            return [events.BookingConfirmed(payment_id)]
        if self.status != "expired" or self.released or self.period.ends_at <= at:
            raise errors.PaymentTooLate(status=self.status)
        return [events.BookingHoldReacquired(self.items), events.BookingConfirmed(payment_id)]

    def turn_payment_away(self, payment_id: UUID) -> list[BookingEvent]:
        """The money came for what can no longer be had: all of it is owed back, once."""
        if payment_id in self.payments or self.status in FIRM:
            return []
        return [events.BookingPaymentCameTooLate(payment_id)]

    def owes(self, payment_id: UUID) -> bool:
        """Whether all of this payment is to be given back, because it came too late."""
        return payment_id in self.payments and self.status not in FIRM

    # approval

    def request_approval(
        self,
        at: datetime,
        deadline: datetime | None = None,
        on_timeout: Literal["decline", "approve"] = "decline",
        blocks: bool = True,
    ) -> list[BookingEvent]:
        if self.status == "pending_approval":
            return []
        self._must_be_alive(at)
        if self.status != "held":
            raise errors.NotHeld(status=self.status)
        if deadline is not None and deadline <= at:
            raise errors.DeadlinePassed(deadline=deadline)
        return [events.BookingApprovalRequested(deadline, on_timeout, blocks)]

    def approve(self, at: datetime) -> list[BookingEvent]:
        """What it had not occupied while it waited it takes now, if it can be had: the claims decide."""
        if self.status == "confirmed":
            return []
        self._must_wait()
        if self.period.ends_at <= at:
            raise errors.AlreadyOver(ended_at=self.period.ends_at)
        return [events.BookingApproved(None if self.blocks else self.items)]

    def decline(self, cause: DeclinedFor = "venue") -> list[BookingEvent]:
        if self.status == "declined":
            return []
        self._must_wait()
        return [events.BookingDeclined(cause)]

    def time_out(self, at: datetime) -> list[BookingEvent]:
        """Nobody has decided by the deadline."""
        if self.status != "pending_approval":
            return []
        if self.deadline is None or at < self.deadline:
            raise errors.NotDue(due_at=self.deadline)
        if self.on_timeout == "decline" or self.period.ends_at <= at:
            return [events.BookingDeclined("timeout")]
        return [events.BookingApproved(None if self.blocks else self.items, by_timeout=True)]

    # changing

    def amend(self, party_size: int | None, at: datetime | None = None) -> list[BookingEvent]:
        """Something other than time and place was changed."""
        self._must_stand(at)
        return [events.BookingAmended(None if party_size is None else sized(party_size))]

    def reschedule(
        self, items: Sequence[Item], at: datetime | None = None, notice: timedelta | None = None
    ) -> list[BookingEvent]:
        """Other times or resources for its items, under the numbers they have; its own time is not in its way. `at` and
        `notice` as for a cancellation."""
        if self.status != "confirmed":
            raise errors.NotConfirmed(status=self.status)
        wanted = {item.item: item for item in checked(items)}
        if unknown := wanted.keys() - {item.item for item in self.items}:
            raise errors.UnknownItem(item=min(unknown))
        moved = tuple(moved_to(wanted.get(item.item, item), item) for item in self.items)
        return [] if moved == self.items else [events.BookingRescheduled(moved, self.too_late(at, notice))]

    def move(
        self, items: Sequence[Item], at: datetime | None = None, notice: timedelta | None = None
    ) -> list[BookingEvent]:
        """The same at another time, by whatever fills its needs then, which may be more units or fewer: two tables
        where it was one. Its own time is not in its way. `at` and `notice` as for a cancellation."""
        if self.status != "confirmed":
            raise errors.NotConfirmed(status=self.status)
        buffers, shared = self.items[0], {item.resource_id: item.shared for item in self.items}
        moved = checked([
            replace(
                item, before=buffers.before, after=buffers.after, shared=shared.get(item.resource_id, item.shared),
            )
            for item in items
        ])  # fmt: skip
        return [] if moved == self.items else [events.BookingRescheduled(moved, self.too_late(at, notice))]

    def reassign(self, to: Mapping[int, UUID]) -> list[BookingEvent]:
        """Other units for the same time, by the items' numbers."""
        if self.status != "confirmed":
            raise errors.NotConfirmed(status=self.status)
        if unknown := to.keys() - {item.item for item in self.items}:
            raise errors.UnknownItem(item=min(unknown))
        items = tuple(
            item if to.get(item.item, item.resource_id) == item.resource_id
            else replace(item, resource_id=to[item.item], overbooked=False)
            for item in self.items
        )  # fmt: skip
        if items == self.items:
            return []
        if self.pinned:
            raise errors.Pinned
        return [events.BookingReassigned(items)]

    def reanchor(self, at: datetime, sessions: Mapping[UUID, Period] | None = None) -> list[BookingEvent]:
        """A zone's rules have changed: what is still to come is kept at its local time, whatever instant that is now,
        and lasts as long. A seat goes with its session. Where somebody else has the new time, the claims refuse.

        `sessions`: those among what its items claim, and when they are.
        """
        if self.status not in TO_COME or self.period.starts_at <= at:
            return []
        if self.status in HOLDS and (self.expires_at is None or self.expires_at <= at):
            return []
        items = tuple(reanchored(item, (sessions or {}).get(item.resource_id)) for item in self.items)
        if items == self.items:
            return []
        until = self.expires_at if self.status in HOLDS else None
        occupies = self.blocks or self.status != "pending_approval"
        return [events.BookingReanchored(items, localtime.RULES, until, occupies)]

    def pin(self, at: datetime | None = None) -> list[BookingEvent]:
        """From now on it keeps the units that it has."""
        if self.pinned:
            return []
        self._must_stand(at)
        return [events.BookingPinned()]

    def cancel(
        self, by: CancelledBy, at: datetime | None = None, notice: timedelta | None = None
    ) -> list[BookingEvent]:
        """`notice`: how long before its start at least its customer cancels in time; None: whenever they do. The venue
        is never late, nor is who withdraws what was not firm. What waits for payment and is past its time has expired
        instead."""
        if self.status == "cancelled":
            return []
        if self.status not in CANCELLABLE:
            raise errors.NotCancellable(status=self.status)
        if self.status == "pending_payment" and at is not None:
            self._must_be_alive(at)
        late = by == "customer" and self.status == "confirmed" and self.too_late(at, notice)
        return [events.BookingCancelled(by, late)]

    def too_late(self, at: datetime | None, notice: timedelta | None) -> bool:
        """Whether it is too late to cancel in time; at exactly the notice it is not."""
        return self.late or (at is not None and notice is not None and self.period.starts_at - at < notice)

    def call_off(self, at: datetime) -> list[BookingEvent]:
        """What it was for does not take place: the venue cancels what is booked, and what is only held is let go."""
        if self.status == "held":
            return [events.BookingHoldReleased()]
        if self.status in HOLDS and self.expires_at is not None and self.expires_at <= at:
            return [events.BookingExpired()]
        return [events.BookingCancelled("venue")] if self.status in CANCELLABLE else []

    def reverse_cancellation(self, at: datetime, overbooking: Overbooking | None = None) -> list[BookingEvent]:
        """The items are taken again, if they still can be: the claims decide. Who had not paid yet books anew, and so
        does who waited until a deadline that has passed: nobody would decide it any more."""
        if self.status in CANCELLABLE:
            return []
        if self.status != "cancelled" or self.cancelled_from is None:
            raise errors.NotCancelled(status=self.status)
        if self.cancelled_from == "pending_payment":
            raise errors.HoldExpired(expires_at=self.expires_at)
        if self.period.ends_at <= at:
            raise errors.AlreadyOver(ended_at=self.period.ends_at)
        if self.cancelled_from == "pending_approval" and self.deadline is not None and self.deadline <= at:
            raise errors.DeadlinePassed(deadline=self.deadline)
        if overbooking is None:
            return [events.BookingCancellationReversed(self.items, self.cancelled_from)]
        items = overbooked(self.items)
        return [events.BookingCancellationReversed(items, self.cancelled_from), overbooking.authorised(items)]

    # the visit

    def check_in(self, at: datetime, early: timedelta) -> list[BookingEvent]:
        if self.status == "checked_in":
            return []  # asked twice: nothing happened
        if self.status != "confirmed":
            raise errors.NotConfirmed(status=self.status)
        if not self.period.admits(at, early):
            raise errors.OutsideCheckIn(opens_at=self.period.starts_at - early, closes_at=self.period.ends_at)
        return [events.BookingCheckedIn()]

    def check_out(self, at: datetime) -> list[BookingEvent]:
        """They leave; what is left of their time is free again. From the end on there is nothing left."""
        if self.status == "completed":
            return []
        if self.status != "checked_in":
            raise errors.NotCheckedIn(status=self.status)
        if at >= self.period.ends_at:
            return [events.BookingCompleted()]
        used = tuple(replace(i, ends_at=min(i.ends_at, at)) for i in self.items if i.starts_at < at)
        early = not used
        if early:  # gone before it began: it has been a moment all the same, but its hour can be sold again
            first = min(self.items, key=lambda i: (i.starts_at, i.item))
            used = (replace(first, ends_at=min(first.ends_at, first.starts_at + A_MOMENT)),)
        kept = {item.item for item in used}
        return [events.BookingCheckedOut(used, tuple(i.item for i in self.items if i.item not in kept), early)]

    def complete(self, at: datetime | None = None, unseen: bool = False) -> list[BookingEvent]:
        """The visit is over. `unseen`: so may be, from its end on, what nobody checked in."""
        if self.status == "completed":
            return []
        if self.status == "confirmed" and unseen and at is not None:
            if at < self.period.ends_at:
                raise errors.NotDue(due_at=self.period.ends_at)
            return [events.BookingCompleted()]
        if self.status != "checked_in":
            raise errors.NotCheckedIn(status=self.status)
        return [events.BookingCompleted()]

    def complete_at_end(self, at: datetime, unseen: bool) -> list[BookingEvent]:
        """What the clock says at the end; where somebody was sooner, nothing."""
        if self.status != "checked_in" and not (self.status == "confirmed" and unseen):
            return []
        if at < self.period.ends_at:
            raise errors.NotDue(due_at=self.period.ends_at)
        return [events.BookingCompleted()]

    def mark_no_show(self, at: datetime, grace: timedelta) -> list[BookingEvent]:
        if self.status == "no_show":
            return []
        if self.status != "confirmed":
            raise errors.NotConfirmed(status=self.status)
        if at < self.period.starts_at + grace:
            raise errors.TooEarlyForNoShow(earliest=self.period.starts_at + grace)
        return [events.BookingNoShowMarked()]

    def reverse_no_show(self, to: Literal["confirmed", "checked_in"]) -> list[BookingEvent]:
        if self.status == to:
            return []
        if self.status != "no_show":
            raise errors.NotNoShow(status=self.status)
        return [events.BookingNoShowReversed(to)]

    def _must_be_alive(self, at: datetime) -> tuple[datetime, datetime]:
        """Held or being paid for, and not past its expiry: at `expires_at` itself it is dead, whether or not anybody
        has swept. Answers with its expiry, and the latest that this can become."""
        if self.status == "expired":
            raise errors.HoldExpired(expires_at=self.expires_at)
        if self.status not in HOLDS or self.expires_at is None:
            raise errors.NotHeld(status=self.status)
        if at >= self.expires_at:
            raise errors.HoldExpired(expires_at=self.expires_at)
        return self.expires_at, max(self.expires_at, self.latest_expiry or self.expires_at)

    def _must_stand(self, at: datetime | None) -> None:
        """Promised in one way or another; a hold past its expiry is not, whether or not anybody has swept."""
        if self.status not in STANDING:
            raise errors.NotConfirmed(status=self.status)
        if self.status in HOLDS and at is not None:
            self._must_be_alive(at)

    def _must_wait(self) -> None:
        if self.status != "pending_approval":
            raise errors.NotPending(status=self.status)

    # the fold

    def evolve(self, event: Event) -> Self:
        match event:
            case events.BookingHeld():
                return replace(
                    self, reference=event.reference, location_id=event.location_id, items=event.items,
                    expires_at=event.expires_at, latest_expiry=event.latest_expiry, party_size=event.party_size,
                    customer_id=event.customer_id, offering_id=event.offering_id,
                    offering_version=event.offering_version, series_id=event.series_id, entry_id=event.entry_id,
                    token=event.token,
                )  # fmt: skip
            case events.BookingHoldExtended(expires_at):
                return replace(self, expires_at=expires_at, extensions=self.extensions + 1)
            case events.BookingPaymentStarted(expires_at):
                return replace(self, status="pending_payment", expires_at=expires_at)
            case events.BookingHoldReleased():
                return replace(self, status="expired", released=True)
            case events.BookingHoldReacquired(items):
                return replace(self, status="held", items=items, expires_at=None)
            case events.BookingConfirmed(payment_id):
                paid = () if payment_id is None else (payment_id,)
                return replace(self, status="confirmed", payments=self.payments + paid)
            case events.BookingPaymentCameTooLate(payment_id):
                return replace(self, payments=(*self.payments, payment_id))
            case events.BookingApprovalRequested(deadline, on_timeout, blocks):
                return replace(self, status="pending_approval", deadline=deadline, on_timeout=on_timeout, blocks=blocks)
            case events.BookingApproved(items):
                return replace(self, status="confirmed", blocks=True, items=items or self.items)
            case events.BookingAmended(party_size):
                return self if party_size is None else replace(self, party_size=party_size)
            case events.BookingRescheduled(items, late):
                return replace(self, items=items, late=self.late or late, sequence=self.sequence + 1)
            case events.BookingReanchored(items):
                return replace(self, items=items, sequence=self.sequence + 1)
            case events.BookingReassigned(items):
                return replace(self, items=items)
            case events.BookingPinned():
                return replace(self, pinned=True)
            case events.BookingLinksRevoked():
                return replace(self, links=self.links + 1)
            case events.BookingCheckedOut(items):
                return replace(self, status="completed", items=items)
            case events.BookingCancelled(late=late):
                return replace(
                    self, status="cancelled", cancelled_from=cast("Cancellable", self.status), cancelled_late=late,
                    sequence=self.sequence + 1,
                )  # fmt: skip
            case events.BookingCancellationReversed(items, to):
                return replace(
                    self, items=items, status=to, blocks=True, cancelled_from=None, cancelled_late=False,
                    sequence=self.sequence + 1,
                )  # fmt: skip
            case events.BookingNoShowReversed(to):
                return replace(self, status=to)
        status = STATUS_AFTER.get(type(event))
        return self if status is None else replace(self, status=status)


STATUS_AFTER: dict[type[Event], Status] = {
    events.BookingHoldReleased: "expired",
    events.BookingExpired: "expired",
    events.BookingPaymentStarted: "pending_payment",
    events.BookingApprovalRequested: "pending_approval",
    events.BookingApproved: "confirmed",
    events.BookingDeclined: "declined",
    events.BookingConfirmed: "confirmed",
    events.BookingCheckedIn: "checked_in",
    events.BookingCheckedOut: "completed",
    events.BookingCompleted: "completed",
    events.BookingCancelled: "cancelled",
    events.BookingNoShowMarked: "no_show",
}
"""Where a fact leads by itself, whatever it was before."""

SCHEMA_ORG: dict[Status, str] = {
    "held": "ReservationHold", "pending_payment": "ReservationPending", "pending_approval": "ReservationPending",
    "confirmed": "ReservationConfirmed", "checked_in": "ReservationConfirmed", "completed": "ReservationConfirmed",
    "expired": "ReservationCancelled", "declined": "ReservationCancelled", "cancelled": "ReservationCancelled",
    "no_show": "ReservationCancelled",
}  # fmt: skip
"""schema.org's ReservationStatusType."""

ICALENDAR: dict[Status, str] = {
    status: {"Hold": "TENTATIVE", "Pending": "TENTATIVE", "Confirmed": "CONFIRMED", "Cancelled": "CANCELLED"}[
        word.removeprefix("Reservation")
    ]
    for status, word in SCHEMA_ORG.items()
}
"""The STATUS of a VEVENT (RFC 5545, 3.8.1.11)."""


def overbooked(items: Sequence[Item]) -> tuple[Item, ...]:
    return tuple(replace(item, overbooked=True) for item in items)


def reanchored(item: Item, session: Period | None = None) -> Item:
    """The item at its local start by the rules in use now, or when its session is. Labels are whole minutes: what the
    start has beyond them it keeps."""
    if session is not None:
        return replace(item, starts_at=session.starts_at, ends_at=session.ends_at)
    label = datetime.fromisoformat(item.local_start)
    local = label.replace(second=item.starts_at.second, microsecond=item.starts_at.microsecond)
    starts_at = localtime.reanchored(local, item.starts_at, item.zone)
    return replace(item, starts_at=starts_at, ends_at=item.ends_at + (starts_at - item.starts_at))


def moved_to(wanted: Item, was: Item) -> Item:
    """A booking keeps the buffers it was made with, and what its items are for."""
    same = wanted.resource_id == was.resource_id
    return replace(
        wanted, before=was.before, after=was.after, role=was.role, shared=was.shared if same else wanted.shared,
    )  # fmt: skip


def checked(items: Sequence[Item]) -> tuple[Item, ...]:
    """The items by number; refuses none, too many, a number twice, units or periods out of bounds."""
    if not 1 <= len(items) <= MOST_ITEMS or len({item.item for item in items}) != len(items):
        raise errors.NothingWanted
    for item in items:
        sized(item.units)
        if Period(item.starts_at, item.ends_at).duration > LONGEST:
            raise errors.TooLong(item=item.item)
    return tuple(sorted(items, key=lambda item: item.item))


def sized(number: int) -> int:
    if not 1 <= number <= MOST_UNITS:
        raise errors.BadUnits(number=number)
    return number
