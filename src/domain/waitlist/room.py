"""What is free, as a walk along a waitlist sees it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, Self
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from domain.waitlist.entry import Bar, Entry
from domain.waitlist.events import Piece

Given = tuple[Entry, Sequence[Piece]]
"""Somebody, and what they are being offered."""
MayHave = Callable[[Entry, Sequence[Piece], Sequence[Given]], Bar | None]
"""Whether the entry's person may have these, beside what is being given in the same walk: None if so. It is asked only
about what would be offered or set aside next, so that a walk counts for nobody whose turn does not come."""


def anybody(entry: Entry, pieces: Sequence[Piece], given: Sequence[Given]) -> Bar | None:  # noqa: ARG001
    """Nothing stands between anybody and anything."""
    return None


class Room(Protocol):
    """What is free of one thing that people wait for. What an entry has set aside for it is free to that entry."""

    @property
    def offering_id(self) -> UUID: ...
    @property
    def notice(self) -> int:
        """Minutes before its start after which it is booked no more, where the waitlist's settings say nothing."""

    def concerns(self, entry: Entry) -> bool:
        """Whether the entry waits for this at all."""

    def places(self, entry: Entry, after: datetime) -> Iterator[Sequence[Piece]]:
        """What the entry could be offered of it that starts after that instant, the first to be offered first; none:
        it does not fit."""

    def rest(self, entry: Entry, after: datetime) -> Sequence[Piece]:
        """All that is free and could be part of what the entry wants, if it starts after that instant; with what is set
        aside for it already. Empty: nothing that is not set aside for it yet."""

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

    def places(self, entry: Entry, after: datetime) -> Iterator[tuple[Piece, ...]]:
        if entry.party <= self.free + kept(entry) and self.starts_at > after:
            yield (self._seats(entry.party),)

    def rest(self, entry: Entry, after: datetime) -> tuple[Piece, ...]:
        return (self._seats(self.free + kept(entry)),) if self.free > 0 and self.starts_at > after else ()

    def wanted(self, entry: Entry, pieces: Sequence[Piece]) -> bool:
        return self.concerns(entry) and any(piece.resource_id == self.session_id for piece in pieces)

    def without(self, entry: Entry, pieces: Sequence[Piece]) -> "Seats":
        return replace(self, free=self.free + kept(entry) - sum(piece.units for piece in pieces))

    def _seats(self, units: int) -> Piece:
        return Piece(self.session_id, self.starts_at, self.ends_at, units)


def kept(entry: Entry) -> int:
    return sum(piece.units for piece in entry.kept)
