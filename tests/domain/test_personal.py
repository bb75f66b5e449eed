"""Values about a person on their way into a fact, and out of sight."""

import typing
from typing import ClassVar
from uuid import UUID

import pytest

from domain.booking import series_events  # noqa: F401
from domain.claims import claims_of  # noqa: F401 (with it, the facts of nearly all rooms are known)
from domain.event import KNOWN, Event
from domain.identity import events as identity  # noqa: F401
from domain.personal import Clear, Personal, Sealed, personal_in, sealed
from infrastructure.event_store.mapper import NotSealed, encoded, fact_of

ANA = UUID("0190a000-0000-7000-8000-00000000a11a")


class Described(Event, frozen=True):
    tag: ClassVar[str] = "test.described"
    personal: ClassVar[tuple[str, ...]] = ("name", "details")
    role: str
    name: Personal | None = None
    details: dict[str, Personal] = {}


def boxed(field: str, value: Clear) -> Sealed:
    return Sealed(value.subject, 1, f"stream:1:{field}", value.text[::-1].encode())


CLEAR = Described("customer", Clear(ANA, "Ana Lopes"), {"phone": Clear(ANA, "+351 910 000 000")})


def test_every_clear_value_is_sealed_under_its_field_and_nothing_else_is_touched():
    fact = sealed(CLEAR, boxed)
    assert [(field, value.of) for field, value in personal_in(fact)] == [  # type: ignore[union-attr]
        ("name", "stream:1:name"), ("details.phone", "stream:1:details.phone"),
    ]  # fmt: skip
    assert fact.role == "customer"  # type: ignore[attr-defined]
    assert sealed(fact, boxed) is fact, "what is sealed stays as it is"


def test_a_sealed_fact_comes_back_from_the_log_as_it_went_in():
    fact = sealed(CLEAR, boxed)
    assert fact_of("test.described", encoded(fact)) == fact
    assert b"Ana" not in encoded(fact)


@pytest.mark.parametrize("fact", [CLEAR, Described("customer", details={"phone": Clear(ANA, "1")})])
def test_nothing_goes_into_the_log_in_the_clear(fact):
    with pytest.raises(NotSealed):
        encoded(fact)


def test_a_value_in_the_clear_is_not_shown_by_accident():
    assert "Ana" not in repr(CLEAR)


def holds_personal(hint: object) -> bool:
    return hint in (Clear, Sealed) or any(holds_personal(one) for one in typing.get_args(hint))


@pytest.mark.parametrize("kind", list(KNOWN.values()), ids=lambda kind: kind.tag)
def test_every_field_that_may_hold_something_personal_is_named_as_such(kind):
    hints = typing.get_type_hints(kind)
    assert {name for name in kind.__struct_fields__ if holds_personal(hints[name])} == set(kind.personal)
