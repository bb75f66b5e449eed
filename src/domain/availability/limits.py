"""Slots under somebody's quotas, by the count that the write refuses by."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain import localtime
from domain.availability.choice import Needed, needed
from domain.availability.setup import Reason, Refused, Request, Setup, Slot, in_order
from domain.period import Period
from domain.quota.counting import Picture, Verdict, Wanted, concerning
from domain.quota.rule import What


class Asker(Struct, frozen=True):
    """Whose quotas, and of what one asks."""

    who: UUID
    offering_id: UUID | None
    location_id: UUID
    zone: str
    moving: UUID | None = None


def otherwise_engaged(picture: Picture, who: UUID, now: datetime, moving: UUID | None = None) -> tuple[Period, ...]:
    """When somebody has something booked; but for what would be moved."""
    return tuple(
        Period(row.starts_at, row.ends_at)
        for row in picture.rows
        if row.who == who and row.state == "live" and row.booking_id != moving
        and (row.expires_at is None or now < row.expires_at)
    )  # fmt: skip


def limited(
    found: Iterable[Slot | Refused], picture: Picture, asker: Asker, setup: Setup, request: Request, lasting: timedelta
) -> list[Slot | Refused]:
    """The slots that the quotas let this person book as they are, the others refused with every quota in the way.

    What is refused already has no resources chosen: beside its reasons those quotas are told that would be in the way
    whatever were chosen.
    """
    if not picture.rules:
        return list(found)
    return Limits(picture, asker, needed(setup, request), lasting).over(found)


class Limits:
    """One person's quotas, counted once for all the slots that they cannot tell apart."""

    def __init__(self, picture: Picture, asker: Asker, needs: Sequence[Needed], lasting: timedelta) -> None:
        self._asker, self._lasting = asker, lasting
        self._chosen = picture
        unavoidable = [rule for rule in picture.rules if inevitable(rule.what, needs)]
        self._whatever = Picture(unavoidable, picture.groups, picture.rows, picture.now)
        self._anything = tuple(sorted({it for need in needs for one in need.candidates for it in one.ids}))
        self._known: dict[tuple[object, ...], tuple[Reason, ...]] = {}

    def over(self, found: Iterable[Slot | Refused]) -> list[Slot | Refused]:
        return [self._slot(it) if isinstance(it, Slot) else self._refused(it) for it in found]

    def _slot(self, slot: Slot) -> Slot | Refused:
        resources = tuple(it for one in slot.assignment for it in one.resource_ids)
        against = self._against(self._chosen, resources, slot.starts_at, slot.ends_at)
        if not against:
            return slot
        return Refused(localtime.wall(slot.starts_at, self._asker.zone), slot.starts_at, against, slot.session_id)

    def _refused(self, it: Refused) -> Refused:
        if it.starts_at is None or not self._whatever.rules:
            return it
        against = self._against(self._whatever, self._anything, it.starts_at, it.starts_at + self._lasting)
        return replace(it, reasons=in_order((*it.reasons, *against))) if against else it

    def _against(
        self, picture: Picture, resources: tuple[UUID, ...], starts_at: datetime, ends_at: datetime
    ) -> tuple[Reason, ...]:
        asker = self._asker
        wanted = Wanted(
            asker.who, asker.offering_id, asker.location_id, asker.zone, resources, starts_at, ends_at, asker.moving
        )
        key = (picture is self._chosen, *_dates(picture, wanted), resources, ends_at - starts_at)
        if key not in self._known:
            self._known[key] = tuple(reason(verdict) for verdict in picture.against(wanted))
        return self._known[key]


def inevitable(what: What, needs: Sequence[Needed]) -> bool:
    """Whether a rule about this has a say whatever the needs are filled with."""
    named = set(what.resources)
    return not named or any(sum(not one.ids & named for one in need.candidates) < need.count for need in needs)


def _dates(picture: Picture, wanted: Wanted) -> tuple[object, ...]:
    """What of its time a quota can tell apart: its local date on each wall that counts; where peak hours are looked at
    or it is about now, the time itself."""
    rules = concerning(picture.rules, wanted)
    if wanted.ends_at <= picture.now or any(rule.peak is not None for rule in rules):
        return (wanted.starts_at,)
    days: list[date] = [localtime.wall(wanted.starts_at, zone).date() for zone in
                        sorted({rule.zone or wanted.zone for rule in rules})]  # fmt: skip
    return tuple(days)


def reason(verdict: Verdict) -> Reason:
    return Reason("QUOTA", rule=verdict.rule, used=verdict.used, limit=verdict.limit, resets_at=verdict.resets_at)
