"""Facts as they lie on disk, in the shapes of today and of before."""

from uuid import UUID

import msgspec
import pytest
from appending import HOUR, LOCATION, START, item, registered

from domain.booking.events import BookingHeld, Item
from infrastructure.event_store.mapper import UnknownTag, encoded, fact_of
from infrastructure.event_store.upcasts import UPCASTS, Upcast, lift

ROOM = UUID(int=9)
FIRST_SHAPE = {
    "reference": "K7PXQ2",
    "location_id": str(LOCATION),
    "resource_id": str(ROOM),
    "starts_at": "2030-01-01T00:00:00Z",
    "ends_at": "2030-01-01T01:00:00Z",
    "local_start": "2030-01-01T00:00",
    "zone": "UTC",
    "units": 2,
    "expires_at": "2029-01-01T00:00:00Z",
    "party_size": 2,
}


def test_a_booking_held_in_the_first_shape_has_one_item() -> None:
    fact = fact_of("booking.held", msgspec.json.encode(FIRST_SHAPE))
    assert isinstance(fact, BookingHeld)
    assert fact.items == (
        Item(
            item=1,
            resource_id=ROOM,
            starts_at=START,
            ends_at=START + HOUR,
            local_start="2030-01-01T00:00",
            zone="UTC",
            units=2,
        ),
    )
    assert (fact.reference, fact.party_size) == ("K7PXQ2", 2)


def test_units_were_one_where_the_first_shape_did_not_say() -> None:
    fact = fact_of("booking.held", msgspec.json.encode({k: v for k, v in FIRST_SHAPE.items() if k != "units"}))
    assert isinstance(fact, BookingHeld)
    assert fact.items[0].units == 1


def test_upcasts_follow_each_other() -> None:
    steps = {
        "it.was": Upcast("it.was.v2", lambda fields: {**fields, "two": 2}),
        "it.was.v2": Upcast("it.was.v3", lambda fields: {**fields, "three": fields["two"] + 1}),
    }
    assert lift("it.was", {"one": 1}, steps) == ("it.was.v3", {"one": 1, "two": 2, "three": 3})
    assert lift("it.was.v2", {"two": 5}, steps) == ("it.was.v3", {"two": 5, "three": 6})
    assert lift("other", {}, steps) == ("other", {})


def test_every_upcast_leads_to_a_fact_that_is_known() -> None:
    from domain.event import KNOWN

    for tag in UPCASTS:
        assert tag not in KNOWN
        present = tag
        while present in UPCASTS:
            present = UPCASTS[present].to
        assert present in KNOWN


@pytest.mark.parametrize(
    ("tag", "state", "error"),
    [
        ("resource.teleported", b"{}", UnknownTag),
        ("resource.registered", b'{"name', msgspec.DecodeError),
        ("resource.registered", b"{}", msgspec.ValidationError),
        ("resource.renamed", b'{"name":"2","colour":"red"}', msgspec.ValidationError),
        ("booking.held", b"{}", KeyError),
    ],
)
def test_what_is_broken_says_so(tag: str, state: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        fact_of(tag, state)


def test_a_fact_comes_back_as_it_was() -> None:
    for fact in (registered(), BookingHeld("K7PXQ2", LOCATION, (item(ROOM),), START)):
        assert fact_of(fact.tag, encoded(fact)) == fact
