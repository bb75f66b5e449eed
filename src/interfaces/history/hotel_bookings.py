"""The example: hotel bookings in the columns of the *Hotel booking demand datasets*.

Those were published by N. Antonio, A. de Almeida and L. Nunes (Data in Brief 22 (2019) 41-49, CC BY 4.0): one row is
one booking of one room at one of two hotels in Portugal, with what became of it. When in the day things happened was
not published, so the clock times are ours:

| what | when (Lisbon) |
| --- | --- |
| booked, and confirmed unless it had to wait | `lead_time` days before arrival, 10:00 |
| confirmed after `days_in_waiting_list` days | that many days after it was booked, 10:30 |
| each of `booking_changes` | evenly spread between booking and what ended the time for changes |
| given another room type than reserved | 15 minutes before arrival, or before the cancellation |
| arrived | 15:00 on the day of arrival |
| left | 11:00 at its status date |
| cancelled | 12:00 at its status date |
| found not to have come | 23:00 at its status date |

A stay is whole nights, from 15:00 on the day of arrival until 11:00 so many nights later. The rules by which rows are
settled or refused are listed in docs/how-to/import-your-own-bookings.md; a test holds each of them.
"""

import re
from collections.abc import Mapping as Cells
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from uuid import UUID

from application.booking.commands import (
    Amend,
    Approve,
    Cancel,
    CheckIn,
    Complete,
    MarkNoShow,
    MovedItem,
    PlaceHold,
    Reschedule,
    WantedItem,
)
from domain import localtime
from domain.period import Period
from interfaces.history.story import CannotBe, Ids, Note, Place, Row, Step, Story, Thing

ZONE = "Europe/Lisbon"
HOTELS = ("Resort Hotel", "City Hotel")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
BOOKED, CONFIRMED, CANCELLED = time(10, 0), time(10, 30), time(12, 0)
ARRIVES, LEAVES, LEFT_EARLY, MISSED = time(15, 0), time(11, 0), time(22, 0), time(23, 0)
VISIT_BEGINS, VISIT_ENDS = LEAVES, ARRIVES
"""A day visit lies between two nights, where the room is free whoever slept or will sleep in it."""
BEFOREHAND = timedelta(minutes=15)
UNKNOWN = ("NA", "NULL")
MOST_DAYS = 3650
MOST_NIGHTS = 400
MOST_CHANGES = 1000
MOST_GUESTS = 10_000
STATUS_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
ROOM_TYPE = re.compile(r"[A-Z]", re.ASCII)


class Stay:
    """A row, read: numbers are numbers, dates are dates, and what cannot be read is a `CannotBe`."""

    def __init__(self, cells: Cells[str, str]) -> None:
        self.hotel = cells["hotel"].strip()
        if self.hotel not in HOTELS:
            raise CannotBe("unknown-hotel", f"hotel is {shown(self.hotel)}, which is neither of the two.")
        self.status = cells["reservation_status"].strip()
        if self.status not in ("Check-Out", "Canceled", "No-Show"):
            raise CannotBe("unknown-status", f"reservation_status is {shown(self.status)}.")
        if cells["is_canceled"].strip() != ("0" if self.status == "Check-Out" else "1"):
            raise CannotBe(
                "status-contradicted", f"is_canceled is {shown(cells['is_canceled'])} and the status {self.status}."
            )
        self.arrival = arrival_date(cells)
        self.status_date = status_date(cells["reservation_status_date"])
        self.lead = whole(cells, "lead_time", MOST_DAYS)
        self.waited = whole(cells, "days_in_waiting_list", MOST_DAYS)
        self.changes = whole(cells, "booking_changes", MOST_CHANGES)
        self.nights = sum(whole(cells, f"stays_in_{which}_nights", MOST_NIGHTS) for which in ("weekend", "week"))
        if self.nights > MOST_NIGHTS:
            raise CannotBe("out-of-range", f"It has {self.nights} nights; at most {MOST_NIGHTS} can be booked.")
        self.reserved = room_type(cells, "reserved_room_type")
        self.assigned = room_type(cells, "assigned_room_type")
        self.guests = guests(cells)

    @cached_property
    def booked(self) -> date:
        return self.arrival - timedelta(days=self.lead)

    @cached_property
    def departure(self) -> date:
        return self.arrival + timedelta(days=self.nights)

    @cached_property
    def period(self) -> Period:
        if not self.nights:
            return Period(at(self.arrival, VISIT_BEGINS), at(self.arrival, VISIT_ENDS))
        return Period(at(self.arrival, ARRIVES), at(self.departure, LEAVES))

    @property
    def moved(self) -> bool:
        return self.assigned != self.reserved


class HotelBookings:
    """How a row of the data set becomes a history."""

    name = "hotel-bookings"
    organization = "Hotel booking demand"
    credit = (
        "Hotel booking demand datasets: N. Antonio, A. de Almeida, L. Nunes, Data in Brief 22 (2019) 41-49, CC BY 4.0."
    )
    columns = (
        "hotel", "is_canceled", "lead_time", "arrival_date_year", "arrival_date_month", "arrival_date_day_of_month",
        "stays_in_weekend_nights", "stays_in_week_nights", "adults", "children", "babies", "reserved_room_type",
        "assigned_room_type", "booking_changes", "days_in_waiting_list", "reservation_status",
        "reservation_status_date",
    )  # fmt: skip

    def story(self, row: Row, ids: Ids) -> Story:
        stay = Stay(row.cells)
        settled: list[Note] = []
        booking_id = ids.of("booking", row.key)
        reserved, assigned = (room(ids, stay.hotel, kind) for kind in (stay.reserved, stay.assigned))

        book = Step(
            "book",
            at(stay.booked, BOOKED),
            PlaceHold(
                booking_id,
                reserved.place.id,
                (WantedItem(reserved.id, stay.period.starts_at, stay.period.ends_at),),
                party_size(stay, settled),
                then="request_approval" if stay.waited else "confirm",
            ),
        )
        end = ending(stay, booking_id, settled)
        move = move_to(assigned, stay, booking_id, end[0].at - BEFOREHAND) if stay.moved else []
        until = min((move or end)[0].at, stay.period.starts_at)
        between = changes(stay.changes, booking_id, book.at, until) + confirmation(stay, booking_id, until, settled)
        if not stay.nights:
            settled.append(Note("day-visit", "It has no nights: kept as a visit from 11:00 to 15:00 on its day."))
        return Story(
            (book, *sorted(between, key=lambda step: step.at), *move, *end),
            writes=(booking_id,),
            uses=(reserved, assigned) if stay.moved else (reserved,),
            settled=tuple(settled),
        )


# what a row becomes


def ending(stay: Stay, booking_id: UUID, settled: list[Note]) -> list[Step]:
    """How it ended: cancelled, not shown, or arrived and left. Its first step closes the time for changes."""
    match stay.status:
        case "Canceled":
            return cancelled(stay, booking_id)
        case "No-Show":
            return not_shown(stay, booking_id, settled)
    return stayed(stay, booking_id, settled)


def cancelled(stay: Stay, booking_id: UUID) -> list[Step]:
    if stay.status_date < stay.booked:
        raise CannotBe("cancelled-before-booked", f"Cancelled {stay.status_date}, but booked {stay.booked} only.")
    if stay.status_date > stay.arrival:
        raise CannotBe("cancelled-after-arrival", f"Cancelled {stay.status_date}, but due on {stay.arrival} already.")
    return [Step("cancel", at(stay.status_date, CANCELLED), Cancel(booking_id, by="customer"))]


def not_shown(stay: Stay, booking_id: UUID, settled: list[Note]) -> list[Step]:
    found, reason = stay.status_date, None
    if found < stay.arrival:
        reason = f"Marked as not shown on {found}, before it was due: taken as marked on the day of arrival."
        settled.append(Note("no-show-before-arrival", reason))
        found = stay.arrival
    return [Step("no-show", at(found, MISSED), MarkNoShow(booking_id), reason)]


def stayed(stay: Stay, booking_id: UUID, settled: list[Note]) -> list[Step]:
    left, reason = stay.status_date, None
    if left < stay.arrival:
        raise CannotBe("left-before-arrival", f"Checked out {left}, but arrived {stay.arrival} only.")
    if left != stay.departure:
        early = left < stay.departure
        reason = f"Booked until {stay.departure}, left {left}: completed then, and the nights stand as booked."
        settled.append(Note("left-early" if early else "left-late", reason))
    clock = LEAVES if left > stay.arrival else LEFT_EARLY if stay.nights else VISIT_ENDS
    return [
        Step("arrive", stay.period.starts_at, CheckIn(booking_id)),
        Step("leave", at(left, clock), Complete(booking_id), reason),
    ]


def move_to(thing: Thing, stay: Stay, booking_id: UUID, shortly_before: datetime) -> list[Step]:
    """The room type that they were given: known when they came, or when it was cancelled."""
    moment = min(shortly_before, stay.period.starts_at - BEFOREHAND)
    item = MovedItem(1, thing.id, stay.period.starts_at, stay.period.ends_at)
    return [Step("move", moment, Reschedule(booking_id, (item,)))]


def changes(number: int, booking_id: UUID, booked: datetime, until: datetime) -> list[Step]:
    """What was changed was not published, only how often: changes without contents, evenly spread."""
    apart = (until - booked) / (number + 1)
    return [
        Step(f"change-{n}", (booked + n * apart).replace(microsecond=0), Amend(booking_id))
        for n in range(1, number + 1)
    ]


def confirmation(stay: Stay, booking_id: UUID, until: datetime, settled: list[Note]) -> list[Step]:
    """The end of the wait. What was cancelled before the wait was over, or on that day, was never confirmed."""
    if not stay.waited:
        return []
    over = stay.booked + timedelta(days=stay.waited)
    if stay.status == "Canceled" and over >= stay.status_date and not stay.moved:
        reason = f"On the waiting list until {over}, cancelled {stay.status_date}: cancelled while it waited."
        settled.append(Note("cancelled-waiting", reason))
        return []
    moment = at(over, CONFIRMED)
    note: str | None = None
    latest = until - BEFOREHAND
    if moment > latest:
        note = f"On the waiting list until {over}, which is too late: taken as confirmed just before what followed."
        settled.append(Note("wait-too-long", note))
        moment = latest
    return [Step("confirm", moment, Approve(booking_id), note)]


def party_size(stay: Stay, settled: list[Note]) -> int | None:
    match stay.guests:
        case None:
            settled.append(Note("guests-unknown", "Its guests are not all known: the size of the party stays unknown."))
        case 0:
            settled.append(Note("no-guests", "It has no guest at all: the size of the party is taken as unknown."))
    return stay.guests or None


@lru_cache(maxsize=256)
def room(ids: Ids, hotel: str, kind: str) -> Thing:
    """The rooms of one type in one hotel. How many there were was not published: as many as were in use."""
    place = Place(ids.of("location", hotel), hotel, ZONE)
    return Thing(ids.of("resource", hotel, kind), place, f"Room type {kind}", "room")


# reading cells


@lru_cache(maxsize=8192)
def at(on: date, clock: time) -> datetime:
    return localtime.by_rule(datetime.combine(on, clock), ZONE)


def whole(cells: Cells[str, str], column: str, most: int) -> int:
    text = cells[column].strip()
    if not (text.isascii() and text.isdigit()):
        raise CannotBe("unreadable", f"{column} is {shown(text)}, not a whole number.")
    if len(text) > 9 or int(text) > most:
        raise CannotBe("out-of-range", f"{column} is {shown(text)}; the most that can be is {most}.")
    return int(text)


def arrival_date(cells: Cells[str, str]) -> date:
    year, month, day = (cells[f"arrival_date_{part}"].strip() for part in ("year", "month", "day_of_month"))
    try:
        return dated(year, str(MONTHS.index(month) + 1), day)
    except ValueError:
        raise CannotBe("unreadable", f"It arrives on {shown(f'{day} {month} {year}')}, which is no date.") from None


def status_date(text: str) -> date:
    found = STATUS_DATE.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        return dated(found[3], found[1], found[2])
    except ValueError:
        raise CannotBe(
            "unreadable", f"reservation_status_date is {shown(text)}, not a date as month/day/year."
        ) from None


def dated(year: str, month: str, day: str) -> date:
    """Within the years that Daybook keeps (1970 to 2199) with room for the longest lead."""
    if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in (year, month, day)):
        raise ValueError
    if not 1981 <= int(year) <= 2197:
        raise ValueError
    return date(int(year), int(month), int(day))


def room_type(cells: Cells[str, str], column: str) -> str:
    text = cells[column].strip()
    if not ROOM_TYPE.fullmatch(text):
        raise CannotBe("unreadable", f"{column} is {shown(text)}, not a letter from A to Z.")
    return text


def guests(cells: Cells[str, str]) -> int | None:
    """Adults, children and babies; None where any of them is not known."""
    parts = ("adults", "children", "babies")
    if any(cells[part].strip() in UNKNOWN for part in parts):
        return None
    number = sum(whole(cells, part, MOST_GUESTS) for part in parts)
    if number > MOST_GUESTS:
        raise CannotBe("out-of-range", f"It has {number} guests; the most that can be is {MOST_GUESTS}.")
    return number


def shown(text: str) -> str:
    """What stood there, short and on one line."""
    text = text if len(text) <= 40 else text[:37] + "..."
    return repr(text)
