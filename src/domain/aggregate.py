"""What all aggregates have: an identity, a first fact, a fold, and nothing that changes."""

from collections.abc import Iterable
from typing import ClassVar, Self
from uuid import UUID

from msgspec import Struct

from domain.errors import Unknown
from domain.event import Event


class Aggregate(Struct, frozen=True):
    """Decisions are methods that return facts and change nothing; `evolve` folds facts into state."""

    id: UUID

    begins: ClassVar[type[Event] | tuple[type[Event], ...]]
    """The fact that every stream of this kind starts with, or those of which it is one."""
    unknown: ClassVar[type[Unknown]]
    """How its absence is told."""

    @classmethod
    def firsts(cls) -> tuple[type[Event], ...]:
        return cls.begins if isinstance(cls.begins, tuple) else (cls.begins,)

    def evolve(self, event: Event) -> Self:
        """The state after one more fact; facts it does not know change nothing."""
        raise NotImplementedError

    def after(self, events: Iterable[Event]) -> Self:
        state = self
        for event in events:
            state = state.evolve(event)
        return state
