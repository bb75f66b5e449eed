"""What is free, as a walk along a waitlist sees it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, Self
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.waitlist.entry import Entry
from domain.waitlist.events import Piece


class Room(Protocol):
    """What is free of one thing that people wait for. What an entry has set aside for it is free to that entry."""

    @property
    def offering_id(self) -> UUID: ...
    @property
    def notice(self) -> int:
        """Minutes before its start after which it is booked no more, where the waitlist's settings say nothing."""

    def concerns(self, entry: Entry) -> bool:
        """Whether the entry waits for this at all."""

    def place(self, entry: Entry, after: datetime) -> Sequence[Piece]:
        """What the entry could be offered of it that starts after that instant; empty: it does not fit."""

    def rest(self, entry: Entry) -> Sequence[Piece]:
        """All that is free, with what is set aside for the entry already."""

    def wanted(self, entry: Entry, pieces: Sequence[Piece]) -> bool:
        """Whether the entry, which waits for this, would have liked some of these."""

    def without(self, entry: Entry, pieces: Sequence[Piece]) -> Self:
        """What is left once the entry has these; what was set aside for it is free."""


class Seats(Struct, frozen=True):
    """The seats of a session. A party sits together or not at all."""

    offering_id: UUID
    session_id: UUID
    starts_at: datetime
    ends_at: datetime
    free: int
    """Neither booked, held, on offer nor set aside."""
    notice: int = 0

    def concerns(self, entry: Entry) -> bool:
        return entry.session_id == self.session_id

    def place(self, entry: Entry, after: datetime) -> tuple[Piece, ...]:
        fits = entry.party <= self.free + kept(entry) and self.starts_at > after
        return (self._seats(entry.party),) if fits else ()

    def rest(self, entry: Entry) -> tuple[Piece, ...]:
        return (self._seats(self.free + kept(entry)),) if self.free > 0 else ()

    def wanted(self, entry: Entry, pieces: Sequence[Piece]) -> bool:
        return self.concerns(entry) and any(piece.resource_id == self.session_id for piece in pieces)

    def without(self, entry: Entry, pieces: Sequence[Piece]) -> "Seats":
        return replace(self, free=self.free + kept(entry) - sum(piece.units for piece in pieces))

    def _seats(self, units: int) -> Piece:
        return Piece(self.session_id, self.starts_at, self.ends_at, units)


def kept(entry: Entry) -> int:
    return sum(piece.units for piece in entry.kept)
