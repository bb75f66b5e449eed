"""What a resource was is no reproach to what it is."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from application.booking.commands import PlaceHold, WantedItem
from application.resource.commands import ChangeCapacity
from bench.chaos.invariants import of_the_store
from bench.chaos.town import HOUR, Wish, booking_of, bus_door, found_at, occasion

LONG_AGO = datetime(2024, 5, 6, 9, tzinfo=UTC)


def test_a_resource_shrinks_after_an_imported_history_that_used_more(url: str) -> None:
    """The guard lets it, for nothing to come is in the way; and the proof agrees."""
    town = found_at(url, [2])
    (two,) = town.resources
    with bus_door(url, town.tenant, pool_size=2) as door:
        for n in range(2):
            stay = WantedItem(two, LONG_AGO, LONG_AGO + HOUR)
            wish: PlaceHold = replace(booking_of(town, two), items=(stay,))
            then = replace(
                occasion(town.tenant, f"founding-past-{n}", "importer"), occurred_at=LONG_AGO - timedelta(days=3)
            )
            assert door.bus.carry_out(wish, then).changed
        assert door.send(Wish("it-shrinks", ChangeCapacity(two, 1))).verdict == "ok"
    assert of_the_store(url) == []
