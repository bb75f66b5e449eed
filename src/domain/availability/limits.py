"""Slots under somebody's quotas, by the count that the write refuses by."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from msgspec import Struct

from domain import localtime
from domain.availability.setup import Reason, Refused, Slot
from domain.quota.counting import Picture, Verdict, Wanted, concerning


class Asker(Struct, frozen=True):
    """Whose quotas, and of what one asks."""

    who: UUID
    offering_id: UUID | None
    location_id: UUID
    zone: str
    moving: UUID | None = None


def limited(found: Iterable[Slot | Refused], picture: Picture, asker: Asker) -> list[Slot | Refused]:
    """The slots that the quotas let this person book as they are, the others refused with every quota in the way.

    What is refused already stays as it is: its resources, and so its quotas, are not chosen.
    """
    if not picture.rules:
        return list(found)
    known: dict[tuple[object, ...], tuple[Reason, ...]] = {}
    return [slot if isinstance(slot, Refused) else _judged(slot, picture, asker, known) for slot in found]


def _judged(
    slot: Slot, picture: Picture, asker: Asker, known: dict[tuple[object, ...], tuple[Reason, ...]]
) -> Slot | Refused:
    resources = tuple(it for one in slot.assignment for it in one.resource_ids)
    wanted = Wanted(
        asker.who, asker.offering_id, asker.location_id, asker.zone, resources, slot.starts_at, slot.ends_at,
        asker.moving,
    )  # fmt: skip
    key = (*_dates(picture, wanted), resources, slot.ends_at - slot.starts_at)
    if key not in known:
        known[key] = tuple(reason(verdict) for verdict in picture.against(wanted))
    if not known[key]:
        return slot
    return Refused(localtime.wall(slot.starts_at, asker.zone), slot.starts_at, known[key])


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
