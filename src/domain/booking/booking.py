"""A booking: one or more items, its reference, and the state machine of its life."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Self, cast, get_args
from uuid import UUID

from msgspec.structs import replace

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
    expires_at: datetime | None = None
    cancelled_from: Cancellable | None = None
    """What a cancelled booking was, and is again if the cancellation is reversed."""

    @property
    def period(self) -> Period:
        """From the first item's start to the last one's end."""
        return Period(min(i.starts_at for i in self.items), max(i.ends_at for i in self.items))

    @property
    def zone(self) -> str:
        return self.items[0].zone

    # decisions

    def hold(
        self,
        reference: str,
        location_id: UUID,
        items: Sequence[Item],
        at: datetime,
        ttl: timedelta,
        party_size: int | None = None,
        customer_id: UUID | None = None,
    ) -> list[BookingEvent]:
        """The items are held until `at + ttl`, exclusive. Whether they can be had, the claims decide in the write."""
        return [
            events.BookingHeld(
                reference, location_id, checked(items), at + ttl, None if party_size is None else sized(party_size),
                customer_id,
            )
        ]  # fmt: skip

    def release(self) -> list[BookingEvent]:
        """Its holder gives the hold back."""
        if self.status == "expired":
            return []
        if self.status != "held":
            raise errors.NotHeld(status=self.status)
        return [events.BookingHoldReleased()]

    def expire(self, at: datetime) -> list[BookingEvent]:
        if self.status != "held" or self.expires_at is None:
            return []
        if at < self.expires_at:
            raise errors.NotExpired(expires_at=self.expires_at)
        return [events.BookingExpired()]

    def request_approval(self, at: datetime) -> list[BookingEvent]:
        if self.status == "pending_approval":
            return []
        self._must_be_alive(at)
        return [events.BookingApprovalRequested()]

    def approve(self) -> list[BookingEvent]:
        if self.status == "confirmed":
            return []
        if self.status != "pending_approval":
            raise errors.NotPending(status=self.status)
        return [events.BookingApproved()]

    def decline(self) -> list[BookingEvent]:
        if self.status == "declined":
            return []
        if self.status != "pending_approval":
            raise errors.NotPending(status=self.status)
        return [events.BookingDeclined()]

    def confirm(self, at: datetime) -> list[BookingEvent]:
        if self.status == "confirmed":
            return []
        self._must_be_alive(at)
        return [events.BookingConfirmed()]

    def amend(self, party_size: int | None) -> list[BookingEvent]:
        """Something other than time and place was changed."""
        if self.status not in ("held", "pending_approval", "confirmed", "checked_in"):
            raise errors.NotConfirmed(status=self.status)
        return [events.BookingAmended(None if party_size is None else sized(party_size))]

    def reschedule(self, items: Sequence[Item]) -> list[BookingEvent]:
        """Other times or resources for its items, under the numbers they have; its own time is not in its way."""
        if self.status != "confirmed":
            raise errors.NotConfirmed(status=self.status)
        wanted = {item.item: item for item in checked(items)}
        if unknown := wanted.keys() - {item.item for item in self.items}:
            raise errors.UnknownItem(item=min(unknown))
        moved = tuple(wanted.get(item.item, item) for item in self.items)
        return [] if moved == self.items else [events.BookingRescheduled(moved)]

    def check_in(self, at: datetime, early: timedelta) -> list[BookingEvent]:
        if self.status == "checked_in":
            return []  # asked twice: nothing happened
        if self.status != "confirmed":
            raise errors.NotConfirmed(status=self.status)
        if not self.period.admits(at, early):
            raise errors.OutsideCheckIn(opens_at=self.period.starts_at - early, closes_at=self.period.ends_at)
        return [events.BookingCheckedIn()]

    def complete(self) -> list[BookingEvent]:
        if self.status == "completed":
            return []
        if self.status != "checked_in":
            raise errors.NotCheckedIn(status=self.status)
        return [events.BookingCompleted()]

    def cancel(self, by: CancelledBy) -> list[BookingEvent]:
        if self.status == "cancelled":
            return []
        if self.status not in CANCELLABLE:
            raise errors.NotCancellable(status=self.status)
        return [events.BookingCancelled(by)]

    def reverse_cancellation(self, at: datetime) -> list[BookingEvent]:
        """The items are taken again, if they still can be: the claims decide."""
        if self.status in CANCELLABLE:
            return []
        if self.status != "cancelled" or self.cancelled_from is None:
            raise errors.NotCancelled(status=self.status)
        if self.period.ends_at <= at:
            raise errors.AlreadyOver(ended_at=self.period.ends_at)
        return [events.BookingCancellationReversed(self.items, self.cancelled_from)]

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

    def _must_be_alive(self, at: datetime) -> None:
        """Held, and not past its expiry: at `expires_at` itself it is dead, whether or not anybody has swept."""
        if self.status == "expired":
            raise errors.HoldExpired(expires_at=self.expires_at)
        if self.status != "held":
            raise errors.NotHeld(status=self.status)
        if self.expires_at is not None and at >= self.expires_at:
            raise errors.HoldExpired(expires_at=self.expires_at)

    # the fold

    def evolve(self, event: Event) -> Self:
        match event:
            case events.BookingHeld():
                return replace(
                    self, reference=event.reference, location_id=event.location_id, items=event.items,
                    expires_at=event.expires_at, party_size=event.party_size, customer_id=event.customer_id,
                )  # fmt: skip
            case events.BookingAmended(party_size):
                return self if party_size is None else replace(self, party_size=party_size)
            case events.BookingRescheduled(items):
                return replace(self, items=items)
            case events.BookingCancelled():
                return replace(self, status="cancelled", cancelled_from=cast("Cancellable", self.status))
            case events.BookingCancellationReversed(items, to):
                return replace(self, items=items, status=to, cancelled_from=None)
            case events.BookingNoShowReversed(to):
                return replace(self, status=to)
        status = STATUS_AFTER.get(type(event))
        return self if status is None else replace(self, status=status)


STATUS_AFTER: dict[type[Event], Status] = {
    events.BookingHoldReleased: "expired",
    events.BookingExpired: "expired",
    events.BookingApprovalRequested: "pending_approval",
    events.BookingApproved: "confirmed",
    events.BookingDeclined: "declined",
    events.BookingConfirmed: "confirmed",
    events.BookingCheckedIn: "checked_in",
    events.BookingCompleted: "completed",
    events.BookingCancelled: "cancelled",
    events.BookingNoShowMarked: "no_show",
}
"""Where a fact that carries nothing but itself leads."""


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
