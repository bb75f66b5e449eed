"""Words for stories about one aggregate: given what happened, when it decides, then these facts (or that refusal)."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from domain.aggregate import Aggregate
from domain.errors import Refusal
from domain.event import Event

SOMETHING = UUID(int=7)


class Story:
    """`given(Booking, held, confirmed).when(lambda b: b.check_in(...)).then(BookingCheckedIn())`."""

    def __init__(self, kind: type[Aggregate], past: Sequence[Event]) -> None:
        self.before = kind(id=SOMETHING).after(past)
        self._decide: Callable[[Any], Sequence[Event]] = lambda _: []

    def when(self, decide: Callable[[Any], Sequence[Event]]) -> "Story":
        self._decide = decide
        return self

    def then(self, *facts: Event) -> Any:
        """These facts and no others; answers with the state after them."""
        found = list(self._decide(self.before))
        assert found == list(facts)
        return self.before.after(found)

    def refused(self, why: type[Refusal], **detail: Any) -> Refusal:
        with pytest.raises(why) as caught:
            self._decide(self.before)
        assert type(caught.value) is why
        for name, value in detail.items():
            assert caught.value.detail[name] == value
        return caught.value


def given(kind: type[Aggregate], *past: Event) -> Story:
    return Story(kind, past)
