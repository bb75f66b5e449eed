"""The frame, with a mapping of three columns: how one's own may look, and what the frame does for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from application.booking.commands import Amend, Cancel, CheckIn, PlaceHold, WantedItem
from application.bus import CommandBus
from application.handlers import HANDLERS
from application.message import Occasion
from application.recorded import Actor, Origin
from domain.resource.resource import Resource
from interfaces.history.bring_in import Outcome, Stopped, bring_in
from interfaces.history.plan import SILENT, Interrupted, Pulse, Remark
from interfaces.history.rehearsal import Stage
from interfaces.history.source import Table, Unusable
from interfaces.history.story import Ids, Place, Row, Step, Story, Thing, own_organization

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = datetime(2020, 1, 1, 9, tzinfo=UTC)


class Courts:
    """`court,booked,played`: days after the first; played empty means cancelled the day after it was booked."""

    name = "courts"
    organization = "Courts"
    columns = ("court", "booked", "played")
    capacity: int | None = None

    def story(self, row: Row, ids: Ids) -> Story:
        booking_id = ids.of("booking", row.key)
        place = Place(ids.of("place"), "Club", "Europe/Lisbon")
        court = Thing(ids.of("court", row.cells["court"]), place, row.cells["court"], "court", self.capacity)
        booked = FIRST + int(row.cells["booked"]) * DAY
        played = FIRST + int(row.cells["played"] or 30) * DAY
        item = WantedItem(court.id, played, played + timedelta(hours=1))
        steps = [Step("book", booked, PlaceHold(booking_id, place.id, (item,), then="confirm"))]
        if row.cells["played"]:
            steps.append(Step("play", played, CheckIn(booking_id)))
        else:
            steps.append(Step("cancel", booked + DAY, Cancel(booking_id)))
        return Story(tuple(steps), (booking_id,), (court,))


class Bench:
    """An import over streams in memory."""

    def __init__(self, folder: Path) -> None:
        self.store = Stage()
        self.bus = CommandBus(self.store, HANDLERS, lambda: 0)
        self.folder = folder
        self.remarks: list[Remark] = []

    def bring_in(self, *lines: str, mapping: Courts | None = None, pulse: Pulse = SILENT) -> Outcome:
        path = self.folder / "courts.csv"
        path.write_text("\n".join(["court,booked,played", *lines]))
        with Table(path, Courts.columns) as table:
            return bring_in(table, mapping or Courts(), self.bus, self.store, NOW, self.remarks.append, pulse)

    def court(self, name: str) -> Resource:
        stream = IDS.of("court", name)
        facts = [event.fact for event in self.store.load(TENANT, [stream]).streams[stream]]
        return Resource(id=stream).after(facts)

    @property
    def rules(self) -> list[tuple[int, str]]:
        return [(one.line, one.rule) for one in self.remarks]


TENANT = own_organization(Courts())
IDS = Ids(TENANT, "courts")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_rows_become_commands_and_what_they_need_is_there_before(bench: Bench) -> None:
    outcome = bench.bring_in("C1,0,5", "C1,1,")
    assert outcome.commands == 4
    assert outcome.carried_out == 7  # the organization, the location and the court as well
    assert bench.rules == []


def test_nothing_in_the_file_is_nothing_done(bench: Bench) -> None:
    assert bench.bring_in().carried_out == 0
    assert not bench.store.load(TENANT, [TENANT]).streams[TENANT]


@pytest.mark.parametrize(
    ("lines", "peak"),
    [
        (["C1,0,5"], 1),
        (["C1,0,5", "C1,1,5", "C1,2,5"], 3),
        (["C1,0,5", "C1,0,6", "C1,0,7"], 1),  # never at the same time
        (["C1,0,", "C1,2,30"], 1),  # cancelled before the other was made: its place was free again
        (["C1,0,", "C1,0,30"], 2),  # cancelled after the other was made
    ],
)
def test_capacity_is_what_the_import_itself_needs(bench: Bench, lines: list[str], peak: int) -> None:
    bench.bring_in(*lines)
    assert bench.court("C1").capacity == peak


def test_capacity_grows_when_a_later_file_needs_more(bench: Bench) -> None:
    bench.bring_in("C1,0,5")
    bench.bring_in("C1,0,5", "C1,1,5")
    assert bench.court("C1").capacity == 2


def test_a_later_file_rises_on_top_of_what_is_there(bench: Bench) -> None:
    bench.bring_in("C1,9,30")
    # By the moments alone this one was cancelled before the other was made; in the log it comes after it.
    bench.bring_in("C1,9,30", "C1,0,")
    assert bench.court("C1").capacity == 2


def test_a_known_capacity_is_kept_and_too_many_rows_for_it_are_told_before_anything_is_done(bench: Bench) -> None:
    mapping = Courts()
    mapping.capacity = 2
    with pytest.raises(Unusable, match=r"C1 of Club has 2 units, but the rows need 3"):
        bench.bring_in("C1,0,5", "C1,1,5", "C1,2,5", mapping=mapping)
    assert not bench.store.load(TENANT, [TENANT]).streams[TENANT]
    bench.bring_in("C1,0,5", mapping=mapping)
    assert bench.court("C1").capacity == 2


def test_a_row_that_the_rules_refuse_at_its_end_is_not_begun(bench: Bench) -> None:
    class TooEarly(Courts):
        def story(self, row: Row, ids: Ids) -> Story:
            told = super().story(row, ids)
            book, play = told.steps
            early = Step("play", play.at - timedelta(hours=3), play.command)
            return Story((book, early), told.writes, told.uses)

    outcome = bench.bring_in("C1,0,5", mapping=TooEarly())
    assert outcome.refused == {"outside_check_in": 1}
    assert outcome.carried_out == 0


def test_what_lies_in_the_future_has_not_happened(bench: Bench) -> None:
    outcome = bench.bring_in("C1,0,5", "C1,0,20000")
    assert outcome.refused == {"in-the-future": 1}
    assert bench.rules == [(3, "in-the-future")]


def test_steps_out_of_order_are_refused(bench: Bench) -> None:
    assert bench.bring_in("C1,5,3").refused == {"out-of-order": 1}


def test_a_name_that_no_resource_can_have_refuses_its_row(bench: Bench) -> None:
    assert bench.bring_in('"' + "x" * 300 + '",0,5').refused == {"bad_name": 1}


def test_two_steps_of_one_name_are_a_mistake_in_the_mapping(bench: Bench) -> None:
    class Twice(Courts):
        def story(self, row: Row, ids: Ids) -> Story:
            told = super().story(row, ids)
            return Story((*told.steps, told.steps[-1]), told.writes, told.uses)

    with pytest.raises(ValueError, match="the same name"):
        bench.bring_in("C1,0,5", mapping=Twice())


def test_a_stream_that_was_not_named_is_a_mistake_in_the_mapping(bench: Bench) -> None:
    class Silent(Courts):
        def story(self, row: Row, ids: Ids) -> Story:
            told = super().story(row, ids)
            return Story(told.steps, (), told.uses)

    with pytest.raises(ValueError, match="without saying so"):
        bench.bring_in("C1,0,5", mapping=Silent())


def test_a_second_run_changes_nothing(bench: Bench) -> None:
    bench.bring_in("C1,0,5", "C1,0,5")
    again = bench.bring_in("C1,0,5", "C1,0,5")
    assert again.carried_out == 0
    assert again.commands == 4


def after(beats: int) -> Callable[[], bool]:
    left = iter(range(beats, -1, -1))
    return lambda: next(left, 0) == 0


@pytest.mark.parametrize("beats", range(1, 10))
def test_stopped_between_any_two_commands_the_next_run_does_the_rest(bench: Bench, beats: int) -> None:
    lines = ["C1,0,5", "C2,1,", "C1,1,5"]
    with pytest.raises(Interrupted):
        bench.bring_in(*lines, pulse=Pulse(lambda *_: None, lambda *_: None, after(beats)))
    bench.bring_in(*lines)
    assert bench.court("C1").capacity == 2
    assert bench.bring_in(*lines).carried_out == 0


def test_a_booking_that_somebody_else_has_ended_is_left_as_it_is(bench: Bench) -> None:
    def stop_before_playing(*_: object) -> bool:
        return bool(bench.store.load(TENANT, [booking]).streams[booking])

    row = "C1,0,5"
    mapping = Courts()
    (bench.folder / "one.csv").write_text(f"court,booked,played\n{row}\n")
    with Table(bench.folder / "one.csv", mapping.columns) as table:
        (only,) = [found for found in table.rows() if isinstance(found, Row)]
    booking = IDS.of("booking", only.key)
    with pytest.raises(Interrupted):
        bench.bring_in(row, pulse=Pulse(lambda *_: None, lambda *_: None, stop_before_playing))
    occasion = bench.store.load(TENANT, [booking]).streams[booking][0].envelope
    cancel(bench, booking, occasion.command_id)
    outcome = bench.bring_in(row)
    assert outcome.refused == {"not_confirmed": 1}
    assert "cannot be gone on with" in bench.remarks[-1].reason


def cancel(bench: Bench, booking_id: UUID, another: UUID) -> None:
    command_id = UUID(int=another.int ^ 1)
    occasion = Occasion(TENANT, Actor("user", "x", "staff"), Origin("api"), command_id, occurred_at=FIRST + DAY)
    bench.bus.carry_out(Cancel(booking_id), occasion)


def test_a_refusal_in_its_turn_stops_and_names_the_line(bench: Bench) -> None:
    row = "C1,0,5"

    class Sabotage(Courts):
        """The booking is taken to be amendable; meanwhile somebody cancels it."""

        def story(self, row: Row, ids: Ids) -> Story:
            told = super().story(row, ids)
            book, play = told.steps
            return Story((book, Step("amend", book.at + DAY, Amend(told.writes[0])), play), told.writes, told.uses)

    seen: list[UUID] = []

    def cancelled_behind_its_back(done: int, count: int) -> None:
        if count == 1 and done == 1 and not seen:
            (booking,) = [
                stream for stream, events in bench.store.streams.items() if events[0].fact.tag == "booking.held.v2"
            ]
            seen.append(booking)
            cancel(bench, booking, booking)

    with pytest.raises(Stopped, match="Line 2: 'amend' was refused"):
        bench.bring_in(row, mapping=Sabotage(), pulse=Pulse(lambda *_: None, cancelled_behind_its_back, lambda: False))
