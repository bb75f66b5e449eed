"""Commands about series, carried out on a store in memory, and told by a plain model as well."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.booking import series, series_edits, series_extent
from application.booking.placing import ReasonNeeded
from application.booking.series import CreateSeries, PreviewSeries
from application.booking.series_edits import EditSeries
from application.booking.series_extent import CancelSeries, ExtendSeries, RetrySkipped, StopSeries
from application.booking.series_reactions import on_extended
from application.bus import Contended
from application.event_store import Tallied
from application.message import Command, Occasion
from application.permission import NotPermitted
from application.recorded import Actor, Origin
from application.unit_of_work import UnitOfWork
from domain import localtime
from domain.availability.setup import Use
from domain.booking import series_errors, series_events
from domain.booking.booking import Booking
from domain.booking.errors import BadUnits, NothingWanted, SlotTaken
from domain.booking.events import BookingCancelled, BookingHeld
from domain.booking.series import BookingSeries, occurrence_id
from domain.booking.series_events import Part, Patch, Shift, Template
from domain.calendar import Closure
from domain.claim import Release, Take
from domain.claims import claims_of
from domain.errors import Refusal
from domain.event import Event
from domain.organization.events import LocationOpened, OrganizationFounded
from domain.recurrence.errors import NoSuchOccurrence, NothingBefore
from domain.resource.events import ResourceClosed, ResourceRegistered

HANDLERS = {**series.HANDLERS, **series_edits.HANDLERS, **series_extent.HANDLERS}
TENANT, HERE, COURT, SERIES, REST = (UUID(int=n) for n in range(1, 6))
ZONE = "America/New_York"
NOW = datetime(2027, 1, 1, tzinfo=UTC)


class Memory:
    """The log, in memory, and what stands by it."""

    def __init__(self, capacity: int = 1) -> None:
        self.now = NOW
        self.streams: dict[UUID, list[Event]] = {
            TENANT: [OrganizationFounded("Club")],
            HERE: [LocationOpened("Club", ZONE)],
            COURT: [ResourceRegistered(HERE, "Court", "court", capacity)],
        }
        self.numbers = count(1).__next__

    def load(self, tenant: UUID, streams: Sequence[UUID]) -> Any:
        found = {it: [SimpleNamespace(fact=fact, position=1) for fact in self.streams.get(it, [])] for it in streams}
        return SimpleNamespace(now=self.now, streams=found)

    def occupancy(self, tenant: UUID, resources: Sequence[UUID], since: datetime, until: datetime) -> list[Use]:
        taken: dict[tuple[UUID, int], Use] = {}
        for stream, facts in self.streams.items():
            for fact in facts:
                for claim in claims_of(fact, stream):
                    match claim:
                        case Release(booking_id):
                            taken = {key: use for key, use in taken.items() if key[0] != booking_id}
                        case Take():
                            taken[stream, claim.item] = Use(
                                claim.resource_id, stream, claim.item, claim.starts_at, claim.ends_at, claim.units
                            )
        return list(taken.values())

    def tallies(self, tenant: UUID, people: Collection[UUID], since: datetime | None) -> Mapping[UUID, Tallied]:
        return {}

    def do(self, command: Command, reason: str | None = None) -> dict[str, Any]:
        """Carried out whole, or not at all, or what is wished for instead."""
        actor, name = Actor("user", "owner", "owner"), uuid5(TENANT, repr(command))
        occasion = Occasion(TENANT, actor, Origin("cli"), name, reason=reason)
        work = UnitOfWork(self, occasion, "any", self.numbers)  # type: ignore[arg-type]
        try:
            HANDLERS[type(command)](command, work)
        except Refusal as refusal:
            if (other := command.instead(refusal)) is None:
                raise
            return self.do(other)
        append = work.append("x", b"")
        for event in append.events if append else ():
            facts = self.streams.setdefault(event.stream, [])
            assert event.version == len(facts) + 1, "somebody wrote over what was there"
            facts.append(event.fact)
        return work.result

    def add(self, stream: UUID, *facts: Event) -> None:
        self.streams.setdefault(stream, []).extend(facts)

    def series(self, it: UUID = SERIES) -> BookingSeries:
        return BookingSeries(id=it).after(self.streams[it])

    def bookings(self) -> dict[UUID, Booking]:
        return {
            it: Booking(id=it).after(facts) for it, facts in self.streams.items() if isinstance(facts[0], BookingHeld)
        }

    def live(self) -> list[str]:
        firm = [it for it in self.bookings().values() if it.status == "confirmed"]
        return sorted(local(it) for it in firm)


def local(booking: Booking) -> str:
    return localtime.wall(booking.period.starts_at, ZONE).isoformat(timespec="minutes")


def lasting(booking: Booking) -> int:
    return booking.period.duration // timedelta(minutes=1)


def make(rule: str | None = "FREQ=WEEKLY;COUNT=4", start: str = "2027-03-02T09:00", **more: Any) -> CreateSeries:
    template = Template(resources=(Part(COURT),), minutes=60)
    said: dict[str, Any] = {"rule": rule, **more}
    return CreateSeries(SERIES, HERE, datetime.fromisoformat(start), template, **said)


def edit(scope: str, at: str | None = None, **more: Any) -> EditSeries:
    which = None if at is None else datetime.fromisoformat(at)
    return EditSeries(SERIES, scope, which, continued_by=REST, **more)  # type: ignore[arg-type]


def blocked(*starts: str) -> Memory:
    memory = Memory()
    for n, text in enumerate(starts):
        memory.do(CreateSeries(
            UUID(int=100 + n), HERE, datetime.fromisoformat(text), Template(resources=(Part(COURT),), minutes=60)
        ))  # fmt: skip
    return memory


# Booked


def test_the_booking_of_an_occurrence_is_named_by_series_and_recurrence_id():
    memory = Memory()
    memory.do(make())
    at = datetime(2027, 3, 9, 9)
    assert memory.series().placed[at] == occurrence_id(SERIES, at) == uuid5(SERIES, "2027-03-09T09:00:00")
    held = memory.streams[occurrence_id(SERIES, at)][0]
    assert isinstance(held, BookingHeld)
    assert (held.series_id, held.recurrence_id) == (SERIES, "2027-03-09T09:00:00")


def test_a_refused_series_leaves_nothing():
    memory = blocked("2027-03-23T09:00")
    before = len(memory.streams)
    with pytest.raises(series_errors.OccurrencesTaken):
        memory.do(make())
    assert len(memory.streams) == before


def test_waiting_says_for_what_and_when():
    memory = blocked("2027-03-16T09:00")
    memory.do(make(strategy="waitlist", customer_id=UUID(int=77)))
    (waits,) = [it for it in memory.streams[SERIES] if isinstance(it, series_events.OccurrenceWaitlisted)]
    assert (waits.recurrence_id, waits.on.isoformat(), waits.reasons) == (
        datetime(2027, 3, 16, 9), "2027-03-16", ("OCCUPIED",),
    )  # fmt: skip
    assert waits.starts_at == datetime(2027, 3, 16, 13, tzinfo=UTC)
    assert waits.ends_at == datetime(2027, 3, 16, 14, tzinfo=UTC)
    assert waits.customer_id == UUID(int=77)


def test_looking_first_records_nothing_and_tells_what_will_be():
    memory = blocked("2027-03-16T09:00")
    before = {it: len(facts) for it, facts in memory.streams.items()}
    seen = memory.do(PreviewSeries(make(strategy="skip")))
    assert {it: len(facts) for it, facts in memory.streams.items()} == before
    assert [it["verdict"] for it in seen["occurrences"]] == ["free", "free", "conflict", "free"]
    assert memory.do(make(strategy="skip"))["booked"] == seen["booked"] == 3


def test_under_fail_a_preview_with_a_conflict_books_nothing():
    assert blocked("2027-03-16T09:00").do(PreviewSeries(make()))["booked"] == 0


# Without an end


def test_a_series_without_an_end_is_extended_before_it_runs_out():
    memory = Memory()
    memory.do(make("FREQ=MONTHLY"))
    series = memory.series()
    assert series.through == datetime(2029, 3, 2, 9)
    look = SimpleNamespace(read=lambda kind, stream: memory.series(stream))
    recorded = SimpleNamespace(stream=SERIES, fact=memory.streams[SERIES][1])
    (todo,) = on_extended(recorded, look)  # type: ignore[arg-type]
    assert todo.due_at == datetime(2028, 3, 2, 14, tzinfo=UTC)
    assert (todo.entity, todo.step) == (SERIES, "extend")

    memory.now = todo.due_at
    memory.do(todo.command)
    assert memory.series().through == datetime(2030, 3, 2, 9)
    assert len(memory.live()) == 37
    assert memory.do(todo.command) == {}  # asked twice: nothing happened
    assert on_extended(recorded, look) == []  # type: ignore[arg-type]


def follows(memory: Memory, fact: Event | None = None) -> list[Any]:
    """What the reaction asks for after this fact, or after the last of the series."""
    look = SimpleNamespace(read=lambda kind, stream: memory.series(stream))
    recorded = SimpleNamespace(stream=SERIES, fact=fact or memory.streams[SERIES][-1])
    return list(on_extended(recorded, look))  # type: ignore[arg-type]


def test_a_daily_one_has_four_hundred_to_come_again_when_a_year_is_left():
    memory = Memory()
    memory.do(make("FREQ=DAILY"))
    assert len(memory.live()) == 400
    (todo,) = follows(memory)
    assert todo.due_at == datetime(2027, 4, 4, 13, tzinfo=UTC)  # 2028-04-04 is the last
    memory.now = todo.due_at
    memory.do(todo.command)
    began = sum(it <= "2027-04-04T09:00" for it in memory.live())
    assert len(memory.live()) == len(set(memory.live())) == began + 400
    (again,) = follows(memory)
    assert again.due_at > todo.due_at


def test_where_four_hundred_do_not_reach_a_year_it_goes_on_when_half_of_them_are_left():
    memory = Memory()
    memory.do(make("FREQ=DAILY;BYHOUR=9,15"))
    (todo,) = follows(memory)
    assert todo.due_at == datetime(2027, 6, 10, 13, tzinfo=UTC)  # a hundred days of two
    memory.now = todo.due_at
    memory.do(todo.command)
    assert len(memory.live()) == 601  # the one that begins at this moment is not to come


TWO_A_DAY = "FREQ=DAILY;BYHOUR=9,15"
"""From 2027-03-02 to 2029-03-02T09:00, the 24 months inclusive, 1463 of them."""


def others(number: int) -> tuple[datetime, ...]:
    return tuple(datetime(2027, 3, 2, 10) + timedelta(days=n) for n in range(number))


def test_a_series_without_an_end_is_not_made_too_dense_for_the_months_that_it_is_booked_ahead():
    with pytest.raises(series_errors.TooDense):
        Memory().do(make("FREQ=DAILY;BYHOUR=9,12,15"))
    with pytest.raises(series_errors.TooDense):
        Memory().do(make(TWO_A_DAY, rdates=others(138)))
    memory = Memory()
    memory.do(make(TWO_A_DAY, rdates=others(137)))  # sixteen hundred
    assert len(memory.live()) == 400


def test_one_that_ends_may_be_as_dense_as_a_command_can_book():
    memory = Memory()
    memory.do(make("FREQ=DAILY;BYHOUR=9,11,13,15;COUNT=400"))
    assert len(memory.live()) == 400


def test_what_turns_dense_in_years_to_come_does_not_go_on_then_and_says_so():
    """Every third year each hour of each day; its first time is the last hour of such a year."""
    hours = ",".join(str(hour) for hour in range(24))
    days = ",".join(str(day) for day in range(1, 32))
    memory = Memory()
    memory.do(make(f"FREQ=YEARLY;INTERVAL=3;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYMONTHDAY={days};BYHOUR={hours}",
                   start="2027-12-31T23:00"))  # fmt: skip
    assert memory.live() == ["2027-12-31T23:00"]
    (todo,) = follows(memory)
    memory.now = todo.due_at
    memory.do(todo.command)
    assert memory.series().stopped is not None
    assert memory.series().stopped.code == "too_dense"


# What cannot go on


def endless(memory: Memory) -> Any:
    """A series without an end whose resource is gone from the books when it should go on."""
    memory.do(make("FREQ=MONTHLY"))
    (todo,) = follows(memory)
    memory.now = todo.due_at
    memory.gone = memory.streams.pop(COURT)  # type: ignore[attr-defined]
    return todo


def test_a_series_that_cannot_go_on_says_why_and_from_where_on_and_tries_again():
    memory = Memory()
    todo = endless(memory)
    memory.do(todo.command)
    stopped = memory.series().stopped
    assert stopped == memory.streams[SERIES][-1]
    assert stopped == series_events.SeriesExtensionRefused(
        "unknown_resource", datetime(2029, 3, 2, 9), datetime(2030, 3, 2, 9), memory.now + timedelta(days=1)
    )
    assert len(memory.live()) == 25, "nothing that was booked is lost"
    (again,) = follows(memory)
    assert (again.command, again.step, again.due_at) == (todo.command, "extend", memory.now + timedelta(days=1))


def test_it_tries_ever_more_rarely_and_at_least_every_four_weeks():
    memory = Memory()
    endless(memory)
    pauses = []
    for _ in range(8):
        memory.do(ExtendSeries(SERIES))
        (again,) = follows(memory)
        pauses.append((again.due_at - memory.now).days)
        memory.now = again.due_at
    assert pauses == [1, 2, 4, 8, 16, 28, 28, 28]
    assert memory.series().stopped.attempt == 8


def test_what_was_refused_before_stands_in_the_way_of_no_later_extension():
    memory = Memory()
    todo = endless(memory)
    memory.do(todo.command)
    refused = memory.streams[SERIES][-1]
    memory.streams[COURT] = memory.gone  # type: ignore[attr-defined]
    memory.now += timedelta(days=1)
    memory.do(todo.command)
    assert memory.series().stopped is None
    assert memory.series().through == datetime(2030, 3, 3, 9)
    assert follows(memory, refused) == [], "the attempt after the refusal has become needless"
    assert [it.due_at for it in follows(memory)] == [datetime(2029, 3, 3, 14, tzinfo=UTC)]


def test_what_was_missed_while_it_could_not_go_on_is_skipped_with_its_reason():
    memory = Memory()
    todo = endless(memory)
    memory.do(todo.command)
    memory.streams[COURT] = memory.gone  # type: ignore[attr-defined]
    memory.now = datetime(2029, 5, 1, tzinfo=UTC)
    memory.do(todo.command)
    assert memory.series().skipped == {datetime(2029, 4, 2, 9): ("TOO_SOON",)}
    assert "2029-05-02T09:00" in memory.live()


def test_a_series_that_was_ended_does_not_say_that_it_cannot_go_on():
    memory = Memory()
    todo = endless(memory)
    memory.do(todo.command)
    memory.streams[COURT] = memory.gone  # type: ignore[attr-defined]
    memory.do(CancelSeries(SERIES, "following", datetime(2028, 6, 2, 9)))
    assert memory.series().stopped is None
    before = len(memory.streams[SERIES])
    memory.do(StopSeries(SERIES, "unknown_resource"))
    assert len(memory.streams[SERIES]) == before
    assert memory.series().status == "ended"


def test_what_is_only_crowded_or_forbidden_is_not_noted():
    extend = ExtendSeries(SERIES)
    assert extend.instead(Contended()) is None
    assert extend.instead(NotPermitted()) is None
    taken = SlotTaken(reasons=[{"code": "OCCUPIED"}])
    assert extend.instead(taken) == StopSeries(SERIES, "slot_taken", ("OCCUPIED",))


# On whose word


def test_who_passes_over_rules_says_why():
    memory = Memory()
    with pytest.raises(ReasonNeeded):
        memory.do(make(override=True))
    memory.do(make(override=True), reason="the club's own evening")
    with pytest.raises(ReasonNeeded):
        memory.do(edit("all", patch=Patch(minutes=30), override=True))
    assert memory.do(edit("all", patch=Patch(minutes=30), override=True), reason="shorter")["booked"] == 4


def test_when_nobody_can_be_asked_conflicts_are_skipped():
    memory = Memory()
    memory.do(make("FREQ=MONTHLY"))
    memory.now = datetime(2028, 3, 2, 14, tzinfo=UTC)
    memory.do(CreateSeries(
        UUID(int=100), HERE, datetime(2029, 4, 2, 9), Template(resources=(Part(COURT),), minutes=60)
    ))  # fmt: skip
    memory.do(ExtendSeries(SERIES))
    assert list(memory.series().skipped) == [datetime(2029, 4, 2, 9)]


def test_one_that_has_ended_is_not_extended():
    memory = Memory()
    memory.do(make("FREQ=MONTHLY"))
    memory.do(CancelSeries(SERIES, "following", datetime(2027, 6, 2, 9)))
    memory.now = datetime(2028, 3, 2, 14, tzinfo=UTC)
    assert memory.do(ExtendSeries(SERIES)) == {}
    assert len(memory.live()) == 3


# The past


def test_the_past_is_never_changed():
    memory = Memory()
    memory.do(make())
    memory.now = datetime(2027, 3, 9, 14, tzinfo=UTC)  # the second one begins
    memory.do(edit("all", patch=Patch(Shift(time(11)))))
    assert memory.live() == ["2027-03-02T09:00", "2027-03-09T09:00", "2027-03-16T11:00", "2027-03-23T11:00"]
    with pytest.raises(series_errors.OccurrenceOver):
        memory.do(edit("this", "2027-03-09T09:00", start=datetime(2027, 3, 10, 9)))
    with pytest.raises(series_errors.OccurrenceOver):
        memory.do(edit("following", "2027-03-09T09:00", patch=Patch(minutes=30)))
    memory.do(CancelSeries(SERIES, "all"))
    assert memory.live() == ["2027-03-02T09:00", "2027-03-09T09:00"]


def test_cancelling_all_twice_is_cancelling_all_once_whatever_was_taken_out_before():
    memory = Memory()
    memory.do(make())
    memory.do(CancelSeries(SERIES, "this", datetime(2027, 3, 2, 9)))
    memory.do(CancelSeries(SERIES, "all"))
    before = len(memory.streams[SERIES])
    assert memory.do(CancelSeries(SERIES, "all"))["cancelled"] == 0
    assert (memory.live(), len(memory.streams[SERIES])) == ([], before)
    assert memory.series().status == "ended"


def test_one_second_before_it_begins_it_can_be_changed():
    memory = Memory()
    memory.do(make())
    memory.now = datetime(2027, 3, 9, 13, 59, 59, tzinfo=UTC)
    memory.do(edit("all", patch=Patch(Shift(time(11)))))
    assert memory.live()[1] == "2027-03-09T11:00"


def test_an_occurrence_that_was_cancelled_by_itself_stays_cancelled():
    memory = Memory()
    memory.do(make())
    memory.add(occurrence_id(SERIES, datetime(2027, 3, 16, 9)), BookingCancelled("customer"))
    memory.do(edit("all", patch=Patch(Shift(time(11)))))
    assert memory.live() == ["2027-03-02T11:00", "2027-03-09T11:00", "2027-03-23T11:00"]
    memory.do(edit("following", "2027-03-09T09:00", patch=Patch(Shift(time(12)))))
    assert memory.live() == ["2027-03-02T11:00", "2027-03-09T12:00", "2027-03-23T12:00"]


# What is skipped


def test_what_had_been_skipped_before_does_not_refuse_a_split():
    memory = blocked("2027-03-23T09:00")
    memory.do(make(strategy="skip"))
    memory.do(edit("following", "2027-03-09T09:00", patch=Patch(minutes=45)))
    assert list(memory.series(REST).skipped) == [datetime(2027, 3, 23, 9)]
    assert len(memory.series(REST).placed) == 2


def test_a_split_at_one_that_was_skipped_tries_it_at_its_new_time():
    memory = blocked("2027-03-23T09:00")
    memory.do(make(strategy="skip"))
    memory.do(edit("following", "2027-03-23T09:00", patch=Patch(Shift(time(11)))))
    assert memory.live()[-1] == "2027-03-23T11:00"


def test_one_that_stayed_is_moved_when_there_is_room():
    memory = blocked("2027-03-16T11:00")
    memory.do(make())
    memory.do(edit("all", patch=Patch(Shift(time(11))), strategy="skip"))
    assert memory.series().skipped == {datetime(2027, 3, 16, 9): ("OCCUPIED",)}
    assert memory.do(RetrySkipped(SERIES))["booked"] == 0
    memory.add(occurrence_id(UUID(int=100), datetime(2027, 3, 16, 11)), BookingCancelled("venue"))
    assert memory.do(RetrySkipped(SERIES))["booked"] == 1
    assert "2027-03-16T11:00" in memory.live()
    assert memory.series().skipped == {}
    with pytest.raises(NoSuchOccurrence):
        memory.do(RetrySkipped(SERIES, (datetime(2027, 3, 16, 9),)))


def test_an_edit_of_what_is_out_of_bounds_is_refused():
    memory = Memory()
    memory.do(make())
    for patch in (Patch(minutes=0), Patch(minutes=576_001), Patch(Shift(time(9), days=367))):
        with pytest.raises(series_errors.BadMinutes):
            memory.do(edit("all", patch=patch))
    with pytest.raises(NothingWanted):
        memory.do(edit("all", patch=Patch(resources=())))
    with pytest.raises(series_errors.NotForThisScope):
        memory.do(edit("all", rule="FREQ=DAILY"))
    with pytest.raises(series_errors.NotForThisScope):
        memory.do(edit("this", "2027-03-09T09:00", rule="FREQ=DAILY"))
    with pytest.raises(NothingBefore):
        memory.do(edit("following", "2027-03-02T09:00", patch=Patch(minutes=30)))


def test_a_rule_that_names_its_hours_is_not_shifted_but_given_anew():
    memory = Memory()
    memory.do(make("FREQ=DAILY;BYHOUR=9,15;COUNT=6"))
    with pytest.raises(series_errors.NotForThisScope):
        memory.do(edit("following", "2027-03-03T09:00", patch=Patch(Shift(time(10)))))
    memory.do(edit("following", "2027-03-03T09:00", start=datetime(2027, 3, 3, 10), rule="FREQ=DAILY;COUNT=2"))
    assert memory.live() == ["2027-03-02T09:00", "2027-03-02T15:00", "2027-03-03T10:00", "2027-03-04T10:00"]


def test_until_goes_with_a_series_that_is_moved_later():
    memory = Memory()
    memory.do(make("FREQ=DAILY;UNTIL=20270306T140000Z"))
    memory.do(edit("following", "2027-03-04T09:00", patch=Patch(Shift(time(17)))))
    assert memory.live()[2:] == ["2027-03-04T17:00", "2027-03-05T17:00", "2027-03-06T17:00"]
    assert memory.series(REST).rule == "FREQ=DAILY;UNTIL=20270306T220000Z"


def test_a_closed_day_is_a_conflict_at_an_edit_too():
    memory = Memory()
    memory.do(make())
    day = datetime(2027, 3, 16, 15, tzinfo=UTC)
    memory.add(COURT, ResourceClosed(Closure(UUID(int=9), day, day + timedelta(hours=4))))
    with pytest.raises(series_errors.OccurrencesNotOffered) as refused:
        memory.do(edit("all", patch=Patch(Shift(time(12)))))
    assert [it["code"] for it in refused.value.detail["reasons"]] == ["CLOSURE"]


def test_what_is_asked_twice_happens_once():
    memory = Memory()
    memory.do(make())
    all_of_them = edit("all", patch=Patch(Shift(time(11)), 45))
    one = edit("this", "2027-03-09T09:00", patch=Patch(minutes=30))
    for wish in (all_of_them, one):
        memory.do(wish)
        before = {it: len(facts) for it, facts in memory.streams.items()}
        memory.do(wish)
        assert {it: len(facts) for it, facts in memory.streams.items()} == before


def test_all_come_with_more_people():
    memory = Memory()
    memory.do(make())
    memory.do(edit("all", patch=Patch(party_size=3)))
    assert {it.party_size for it in memory.bookings().values()} == {3}
    with pytest.raises(BadUnits):
        memory.do(edit("all", patch=Patch(party_size=0)))


def test_a_series_that_was_moved_before_goes_on_at_the_time_it_had():
    memory = Memory()
    memory.do(make())
    memory.do(edit("all", patch=Patch(Shift(time(11)))))
    memory.do(edit("following", "2027-03-16T09:00", patch=Patch(minutes=30)))
    assert memory.live() == ["2027-03-02T11:00", "2027-03-09T11:00", "2027-03-16T11:00", "2027-03-23T11:00"]
    assert sorted(memory.series(REST).placed) == [datetime(2027, 3, 16, 11), datetime(2027, 3, 23, 11)]


def test_a_shorter_rest_cancels_what_is_too_much_and_a_longer_one_books_more():
    memory = Memory()
    memory.do(make())
    memory.do(edit("following", "2027-03-09T09:00", rule="FREQ=WEEKLY;COUNT=1"))
    assert memory.live() == ["2027-03-02T09:00", "2027-03-09T09:00"]
    memory = Memory()
    memory.do(make())
    seen = memory.do(PreviewSeries(edit("following", "2027-03-23T09:00", rule="FREQ=WEEKLY;COUNT=3")))
    assert seen["booked"] == 3
    memory.do(edit("following", "2027-03-23T09:00", rule="FREQ=WEEKLY;COUNT=3"))
    assert memory.live()[3:] == ["2027-03-23T09:00", "2027-03-30T09:00", "2027-04-06T09:00"]


def test_dates_taken_out_stay_taken_out_when_the_time_changes():
    memory = Memory()
    memory.do(make(exdates=(datetime(2027, 3, 16, 9),)))
    memory.do(edit("following", "2027-03-09T09:00", patch=Patch(Shift(time(12)))))
    assert memory.live() == ["2027-03-02T09:00", "2027-03-09T12:00", "2027-03-23T12:00"]
    assert memory.series(REST).exdates == (datetime(2027, 3, 16, 12),)


# Against a plain model: where nothing is in the way, what a series does to its bookings can be said in a few lines


class Plain:
    """One occurrence: where it belongs, and what it has of its own."""

    def __init__(self, at: datetime) -> None:
        self.at, self.start, self.minutes = at, at, 60
        self.own: set[str] = set()
        self.series, self.gone = SERIES, False


def told(plain: list[Plain], step: tuple[Any, ...]) -> None:
    what, n, hour, minutes, keep = step
    here = [it for it in plain if it.series == SERIES]
    it = here[n % len(here)] if here else None
    match what:
        case "this" if it and not it.gone:
            it.start, it.minutes = it.at.replace(hour=hour) + timedelta(days=1), minutes
            it.own = {"start", "minutes"}
        case "all":
            for one in here:
                if not one.gone:
                    one.start = one.start if "start" in one.own else one.at.replace(hour=hour)
                    one.minutes = one.minutes if "minutes" in one.own else minutes
        case "cancel" if it:
            it.gone = True
        case "following" if it and not it.gone:
            for one in here[here.index(it) :]:
                one.series = REST
                if keep != "rekey" or "start" not in one.own:
                    one.start = one.at.replace(hour=hour)
                if keep != "rekey" or "minutes" not in one.own:
                    one.minutes = minutes
                one.own = one.own if keep == "rekey" else set()


def carried_out(memory: Memory, plain: list[Plain], step: tuple[Any, ...]) -> None:
    what, n, hour, minutes, keep = step
    here = [it for it in plain if it.series == SERIES]
    it = here[n % len(here)] if here else None
    if it is None or (what != "all" and it.gone):
        return
    at = it.at.isoformat()
    match what:
        case "this":
            start = it.at.replace(hour=hour) + timedelta(days=1)
            memory.do(edit("this", at, start=start, patch=Patch(minutes=minutes)))
        case "all":
            memory.do(edit("all", patch=Patch(Shift(time(hour)), minutes)))
        case "cancel":
            memory.do(CancelSeries(SERIES, "this", it.at))
        case "following":
            memory.do(edit("following", at, patch=Patch(Shift(time(hour)), minutes), overrides=keep))


steps = st.tuples(
    st.sampled_from(["this", "this", "all", "cancel"]), st.integers(0, 9), st.integers(8, 20),
    st.sampled_from([30, 45, 90]), st.just("drop"),
)  # fmt: skip
splits = st.tuples(
    st.just("following"), st.integers(1, 9), st.integers(8, 20), st.sampled_from([30, 45]),
    st.sampled_from(["drop", "rekey"]),
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    rule=st.sampled_from(["FREQ=WEEKLY;COUNT=8", "FREQ=DAILY;COUNT=10", "FREQ=MONTHLY;COUNT=6",
                          "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=9", "FREQ=DAILY;UNTIL=20270320T000000Z"]),
    before=st.lists(steps, max_size=6),
    split=splits,
    after=st.lists(steps, max_size=4),
)  # fmt: skip
def test_edits_do_what_a_plain_model_says(rule, before, split, after):
    memory = Memory(capacity=10_000)
    memory.do(make(rule))
    plain = [Plain(at) for at in sorted(memory.series().placed)]
    ids = {it.at: memory.series().booking_id(it.at) for it in plain}
    for step in [*before, split, *after]:
        here = [it for it in plain if it.series == SERIES]
        alive = [it for it in here if not it.gone]
        if step[0] == "all" and not alive:
            continue
        first_of_all = here and not [it for it in here[: step[1] % len(here)] if not it.gone]
        if step[0] == "following" and (not here or first_of_all):
            continue
        carried_out(memory, plain, step)
        told(plain, step)
    bookings = memory.bookings()
    for it in plain:
        booking = bookings[ids[it.at]]
        assert (booking.status == "cancelled") == it.gone, it.at
        if not it.gone:
            assert (local(booking), lasting(booking)) == (it.start.isoformat(timespec="minutes"), it.minutes)
    assert len(bookings) == len(plain)
    rest = [it for it in plain if it.series == REST and not it.gone]
    if rest:
        assert set(memory.series(REST).placed.values()) >= {ids[it.at] for it in rest}
    assert {ids[it.at] for it in plain if it.series == SERIES and not it.gone} == set(memory.series().placed.values())
