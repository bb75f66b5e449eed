"""What somebody is given who asks for everything that is known about them: sections, each with its rows, one after the
other, so that nobody has all of it in memory."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

Rows = AsyncIterator[Sequence[Mapping[str, Any]]]

SECTIONS: Mapping[str, str] = {
    "details": "Who you are here, and what is known about you.",
    "consents": "What you have agreed to, and what you have withdrawn.",
    "families": "Families that you belong to, with who may do what for whom.",
    "bookings": "What is or was booked for you.",
    "series": "Bookings that repeat.",
    "waitlist": "What you wait or waited for.",
    "groups": "Groups whose bookings are counted together with yours.",
    "quotas": "Your bookings as they count against limits.",
    "erasure": "Your request to be forgotten, and what became of it.",
    "events": "What was recorded about you and your bookings, in order. Who acted is given by their role.",
    "access": "Who asked for what about you, and what you asked for yourself and were refused.",
}
"""By name, in their order, and how they are told to the reader."""


class Export(Struct, frozen=True):
    """Everything about one person. Each section is read when it is asked for."""

    user_id: UUID
    organization_id: UUID
    made_at: datetime
    sections: Mapping[str, Callable[[], Rows]]
