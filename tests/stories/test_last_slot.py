"""Two hundred people want the last place at the same moment: who gets it, and what the others are told, and when."""

from functools import partial
from statistics import median

from application.booking.commands import Cancel
from application.message import Command
from bench.chaos.invariants import deadlocks, of_the_store
from bench.chaos.journal import Outcome
from bench.chaos.rush import BUYERS, at_once, told, winners_and_losers
from bench.chaos.town import Wish, booking_of, bus_door, found_at, patient_door


def test_two_hundred_for_the_last_slot_and_one_gets_it(url: str) -> None:
    town = found_at(url, [1])
    with patient_door(url, town.tenant) as door:
        outcomes = at_once(door.send, [booking_of(town, town.of_one) for _ in range(BUYERS)])
    winners_and_losers(outcomes, 1)
    assert of_the_store(url) == []
    assert deadlocks(url) == 0


def test_a_resource_of_one_is_occupied_where_one_of_many_lacks_capacity(url: str) -> None:
    town = found_at(url, [1, 2])
    one, two = town.resources
    with bus_door(url, town.tenant, pool_size=2) as door:
        tried = [door.send(Wish(f"{n}-{r}", booking_of(town, r), 2)) for r in (one, two) for n in range(3)]
    assert [o.why for o in tried if o.verdict == "fail"] == [
        "slot_taken OCCUPIED", "slot_taken OCCUPIED", "slot_taken CAPACITY",
    ]  # fmt: skip


def test_while_one_holds_it_the_others_are_told_that_it_is_held(url: str) -> None:
    town = found_at(url, [1])
    with patient_door(url, town.tenant) as door:
        outcomes = at_once(door.send, [booking_of(town, town.of_one, then="hold") for _ in range(50)])
    winners_and_losers(outcomes, 1)
    assert {o.why for o in outcomes if o.verdict == "fail"} == {"slot_held HELD"}


def test_parties_of_two_for_five_places(url: str) -> None:
    town = found_at(url, [5])
    (five,) = town.resources
    with patient_door(url, town.tenant) as door:
        outcomes = at_once(door.send, [booking_of(town, five, units=2) for _ in range(BUYERS)])
        winners_and_losers(outcomes, 2)
        single, late = (door.send(Wish(name, booking_of(town, five), 2)) for name in ("single-one", "late-comer"))
    assert (single.verdict, late.verdict) == ("ok", "fail")
    assert of_the_store(url) == []
    assert deadlocks(url) == 0


def test_one_request_sent_two_hundred_times_is_one_booking(url: str) -> None:
    town = found_at(url, [1])
    wanted = booking_of(town, town.of_one)
    with patient_door(url, town.tenant) as door:
        outcomes = at_once(door.send, [wanted] * BUYERS, key="impatient")
        # In flight is no answer: asked again, everybody is told the same.
        outcomes = [o if o.verdict == "ok" else door.send(Wish("impatient", wanted, 2)) for o in outcomes]
    assert {(o.verdict, o.stream, o.version, o.position) for o in outcomes} == {
        ("ok", wanted.booking_id, 2, outcomes[0].position)
    }
    assert sum(not o.replayed for o in outcomes) == 1
    assert of_the_store(url) == []


def test_the_place_changes_hands_and_is_never_had_twice(url: str) -> None:
    """Who has it cancels in the same moment in which all others try again."""
    town = found_at(url, [1])
    with patient_door(url, town.tenant) as door:

        def named(name: str, wish: Wish) -> Outcome:
            return door.send(Wish(f"{name}-{wish.key}", wish.command, wish.events))

        has_it = door.send(Wish("first", booking_of(town, town.of_one), 2))
        for n in range(4):
            assert has_it.stream is not None
            hands: list[Command] = [Cancel(has_it.stream), *(booking_of(town, town.of_one) for _ in range(24))]
            outcomes = at_once(partial(named, f"round-{n}"), hands)
            assert [o.why for o in outcomes if o.verdict == "unknown"] == []
            got_it = [o for o in outcomes if o.verdict == "ok" and o.stream != has_it.stream]
            assert len(got_it) <= 1
            has_it = got_it[0] if got_it else door.send(Wish(f"calm-{n}", booking_of(town, town.of_one), 2))
            assert has_it.verdict == "ok"
    assert of_the_store(url) == []


def test_who_loses_is_answered_as_fast_as_any_request(url: str) -> None:
    """The same crowd, first each for an hour of its own, then all for one: losing must not take longer by an order."""
    town = found_at(url, [1])
    with patient_door(url, town.tenant) as door:
        apart = at_once(door.send, [booking_of(town, town.of_one, hour=n) for n in range(100)])
        together = at_once(
            lambda wish: door.send(Wish(f"same-{wish.key}", wish.command, 2)),
            [booking_of(town, town.of_one, hour=500) for _ in range(100)],
        )
    assert {o.verdict for o in apart} == {"ok"}
    winners_and_losers(together, 1)
    print("each for itself:", told(apart))  # noqa: T201
    assert median(o.took for o in together) < 10 * median(o.took for o in apart)
