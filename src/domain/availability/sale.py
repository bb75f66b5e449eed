"""What an offering sells, and what of what was booked it would no longer sell: for whoever is about to change it."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from domain import localtime
from domain.availability.choice import candidates
from domain.availability.setup import Reason, Request, Setup
from domain.availability.slots import NoSuchDuration, minutes_for
from domain.booking.booking import Booking
from domain.booking.events import SEAT, Item
from domain.calendar import Calendar
from domain.offering.terms import Need, Price
from domain.wall import Wall, hours_of, micros

MINUTE = timedelta(minutes=1)


class Sale:
    """An offering as it is sold, or as it would be. Bookings keep the terms that they were made under; this says which
    of them could not be made under these."""

    def __init__(self, setup: Setup, retired: bool = False) -> None:
        self.setup, self.retired = setup, retired
        self._wall = Wall(setup.location.zone)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sale) and (self.setup, self.retired) == (other.setup, other.retired)

    __hash__ = None  # type: ignore[assignment]

    def against(self, booking: Booking) -> list[Reason]:
        """Its size, its length, its date and the offering's own hours; and of each item whether it still is one of
        those that its need can be filled with. Seats of a session are that session's."""
        if self.retired:
            return [Reason("RETIRED")]
        items = [item for item in booking.items if item.role != SEAT]
        return [*self._whole(booking), *self._items(booking, items)] if items else []

    def _whole(self, booking: Booking) -> Iterator[Reason]:
        terms, zone, period = self.setup.terms, self.setup.location.zone, booking.period
        party, on = booking.party_size or 1, localtime.wall(period.starts_at, zone).date()
        if terms.sessions_only:
            yield Reason("SESSIONS_ONLY")
        if terms.first_date is not None and on < terms.first_date:
            yield Reason("TOO_SOON", earliest=localtime.by_rule(localtime.day(terms.first_date), zone))
        if terms.last_date is not None and on > terms.last_date:
            yield Reason("TOO_FAR", latest=terms.last_date)
        if not terms.least_party <= party <= (terms.most_party or party):
            yield Reason("DOES_NOT_FIT", capacity=terms.most_party)
        elif not self._lasts(party, period.duration):
            yield Reason("DOES_NOT_FIT")
        hours = hours_of(Calendar(terms.hours), *localtime.dates_touched(period.starts_at, period.ends_at, zone))
        start, end = micros(period.starts_at), micros(period.ends_at)
        if not any(low <= start and end <= high for low, high in self._wall.spans(hours)):
            yield Reason("OUTSIDE_HOURS")

    def _lasts(self, party: int, duration: timedelta) -> bool:
        """Whether it is sold for so long."""
        on = localtime.EARLIEST_ASKED
        try:
            return minutes_for(self.setup, Request(on, on, party, duration // MINUTE)) * MINUTE == duration
        except NoSuchDuration:
            return False

    def _items(self, booking: Booking, items: list[Item]) -> Iterator[Reason]:
        for need in self.setup.terms.needs:
            own = [item for item in items if item.role == need.role]
            if not own:
                yield Reason("NO_STAFF" if need.role == "staff" else "NO_RESOURCE_COMBINATION", role=need.role)
            able = self._able(need, booking.party_size or 1)
            together = frozenset(item.resource_id for item in own)
            if not (need.tables and together in able):
                alone = set() if need.tables else {it for ids in able for it in ids}
                for item in own:
                    if item.resource_id not in alone:
                        yield Reason("DOES_NOT_FIT", item=item.item, role=need.role, resource_id=item.resource_id)

    def _able(self, need: Need, party: int) -> list[frozenset[UUID]]:
        on = localtime.EARLIEST_ASKED
        return [one.ids for one in candidates(need, self.setup, Request(on, on, party))]


def unsold(before: Sale, after: Sale, booking: Booking) -> list[Reason]:
    """What speaks against a booking after a change, and did not before."""
    if before == after:
        return []
    told = {(reason.code, reason.item, reason.role) for reason in before.against(booking)}
    return [it for it in after.against(booking) if (it.code, it.item, it.role) not in told]


def priced(price: Price | None, minutes: int, party: int) -> int | None:
    """What it costs from: the hook's amount, by head or by the hour begun at (rounded half up to the minor unit)."""
    if price is None:
        return None
    times, over = {"booking": (1, 1), "head": (party, 1), "hour": (minutes, 60)}[price.per]
    return (price.amount * times * 2 + over) // (2 * over)
