"""How many units of each resource are in use at once, at the highest, while a history is carried out.

Claims rise and fall in the order of the commands, not in the order of the nights: a booking cancelled in March made
room for one made in April, and not for one made in February. So the highest water is taken over every moment of the
import and every instant of the calendar.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from domain.claim import Claim, Release, Take

Effect = tuple[bytes, bytes, int, int, int]
"""Booking, resource, start and end in seconds, units; a release has no resource."""
NOTHING = b""


def packed(claims: Iterable[Claim]) -> bytes | None:
    """The claims of one command, small."""
    effects: list[Effect] = []
    for claim in claims:
        match claim:
            case Take():
                start, end = int(claim.starts_at.timestamp()), -int(-claim.ends_at.timestamp() // 1)
                effects.append((claim.booking_id.bytes, claim.resource_id.bytes, start, end, claim.units))
            case Release():
                effects.append((claim.booking_id.bytes, NOTHING, 0, 0, 0))
    return msgspec.msgpack.encode(effects) if effects else None


def unpacked(effects: bytes) -> list[Effect]:
    return msgspec.msgpack.decode(effects, type=list[Effect])


def high_water(effects: Sequence[bytes] | Iterable[bytes], again: Iterable[bytes]) -> dict[UUID, int]:
    """The peak of each resource; the effects are gone through twice, so that they need not fit into memory."""
    marks: dict[bytes, set[int]] = {}
    for many in effects:
        for _, resource, start, end, _ in unpacked(many):
            if resource:
                marks.setdefault(resource, set()).update((start, end))
    places = {resource: {at: n for n, at in enumerate(sorted(found))} for resource, found in marks.items()}
    levels = {resource: [0] * len(found) for resource, found in marks.items()}
    peaks = dict.fromkeys(marks, 0)
    taken: dict[bytes, list[tuple[bytes, range, int]]] = {}
    for many in again:
        for booking, resource, start, end, units in unpacked(many):
            if not resource:
                for of, cells, less in taken.pop(booking, ()):
                    level = levels[of]
                    for cell in cells:
                        level[cell] -= less
                continue
            place, level = places[resource], levels[resource]
            cells = range(place[start], place[end])
            for cell in cells:
                level[cell] += units
                if level[cell] > peaks[resource]:
                    peaks[resource] = level[cell]
            taken.setdefault(booking, []).append((resource, cells, units))
    return {UUID(bytes=resource): peak for resource, peak in peaks.items()}
