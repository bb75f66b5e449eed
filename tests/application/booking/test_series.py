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
from application.booking.series import CreateSeries, PreviewSeries
from application.booking.series_edits import EditSeries
from application.booking.series_extent import CancelSeries, ExtendSeries, RetrySkipped
from application.booking.series_reactions import on_extended
from application.event_store import Tallied
from application.message import Command, Occasion
from application.recorded import Actor, Origin
from application.unit_of_work import UnitOfWork
from domain import localtime
from domain.availability.setup import Use
from domain.booking import series_errors, series_events
from domain.booking.booking import Booking
from domain.booking.errors import BadUnits, NothingWanted
from domain.booking.events import BookingCancelled, BookingHeld
from domain.booking.series import BookingSeries, occurrence_id
from domain.booking.series_events import Part, Patch, Shift, Template
from domain.calendar import Closure
from domain.claim import Release, Take
from domain.claims import claims_of
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

    def do(self, command: Command) -> dict[str, Any]:
        """Carried out whole, or not at all."""
        occasion = Occasion(TENANT, Actor("user", "owner", "owner"), Origin("cli"), uuid5(TENANT, repr(command)))
        work = UnitOfWork(self, occasion, "any", self.numbers)  # type: ignore[arg-type]
        HANDLERS[type(command)](command, work)
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


def test_a_daily_one_goes_on_by_four_hundred_at_a_time():
    memory = Memory()
    memory.do(make("FREQ=DAILY"))
    assert len(memory.live()) == 400
    memory.now = datetime(2027, 4, 10, tzinfo=UTC)
    memory.do(ExtendSeries(SERIES))
    assert len(memory.live()) == len(set(memory.live())) == 770  # to 24 months after that day


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
