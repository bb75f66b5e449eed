"""A made-up sheet in the columns of the hotel data set, and what is true of a sheet by plain counting.

The columns are those of the Hotel booking demand datasets (N. Antonio, A. de Almeida, L. Nunes, Data in Brief 22 (2019)
41-49, CC BY 4.0); the rows are invented. The counting shares no code with the import.
"""

import csv
import lzma
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

COLUMNS = [
    "hotel", "is_canceled", "lead_time", "arrival_date_year", "arrival_date_month", "arrival_date_week_number",
    "arrival_date_day_of_month", "stays_in_weekend_nights", "stays_in_week_nights", "adults", "children", "babies",
    "meal", "country", "market_segment", "distribution_channel", "is_repeated_guest", "previous_cancellations",
    "previous_bookings_not_canceled", "reserved_room_type", "assigned_room_type", "booking_changes", "deposit_type",
    "agent", "company", "days_in_waiting_list", "customer_type", "adr", "required_car_parking_spaces",
    "total_of_special_requests", "reservation_status", "reservation_status_date",
]  # fmt: skip
MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
]  # fmt: skip
Cells = dict[str, str]

RESORT, CITY = "Resort Hotel", "City Hotel"
ORDINARY: Cells = dict.fromkeys(COLUMNS, "0") | {
    "hotel": CITY, "lead_time": "20", "stays_in_week_nights": "2", "adults": "2", "meal": "BB", "country": "PRT",
    "market_segment": "Direct", "distribution_channel": "Direct", "reserved_room_type": "A", "assigned_room_type": "A",
    "deposit_type": "No Deposit", "agent": "NULL", "company": "NULL", "customer_type": "Transient", "adr": "75.5",
    "reservation_status": "Check-Out",
}  # fmt: skip


def american(on: date) -> str:
    return f"{on.month}/{on.day}/{on.year}"


def row(arrival: date = date(2016, 3, 10), ends: date | int | None = None, **cells: object) -> Cells:
    """An ordinary row but for what is said; `ends` is its status date, or so many days after arrival."""
    made = ORDINARY | {name: str(value) for name, value in cells.items()}
    nights = sum(int(made[f"stays_in_{which}_nights"]) for which in ("week", "weekend") if digits(made, which))
    if made["reservation_status"] != "Check-Out" and "is_canceled" not in cells:
        made["is_canceled"] = "1"
    if not isinstance(ends, date):
        usual = nights if made["reservation_status"] == "Check-Out" else 0
        ends = arrival + timedelta(days=usual if ends is None else ends)
    return {
        "arrival_date_year": str(arrival.year), "arrival_date_month": MONTHS[arrival.month - 1],
        "arrival_date_day_of_month": str(arrival.day), "reservation_status_date": american(ends),
    } | {name: text for name, text in made.items() if name in cells or name not in DATES}  # fmt: skip


DATES = (
    "arrival_date_year", "arrival_date_month", "arrival_date_day_of_month", "reservation_status_date",
)  # fmt: skip


def digits(cells: Cells, which: str) -> bool:
    return cells[f"stays_in_{which}_nights"].isdigit()


def stayed(arrival: date = date(2016, 3, 10), ends: date | int | None = None, **cells: object) -> Cells:
    return row(arrival, ends, **cells)


def cancelled(arrival: date = date(2016, 3, 10), ends: date | int | None = -5, **cells: object) -> Cells:
    return row(arrival, ends, reservation_status="Canceled", **cells)


def missed(arrival: date = date(2016, 3, 10), ends: date | int | None = None, **cells: object) -> Cells:
    return row(arrival, ends, reservation_status="No-Show", **cells)


def odd_but_true() -> list[Cells]:
    """Every kind of row that life leaves, each settled by a rule or simply so."""
    return [
        stayed(stays_in_week_nights=0, adults=1),  # a day visit
        stayed(stays_in_week_nights=0, lead_time=0, booking_changes=2),
        stayed(stays_in_week_nights=7, ends=0),  # left on the day of arrival
        stayed(stays_in_week_nights=7, ends=3, assigned_room_type="D"),
        stayed(ends=4),  # stayed on
        missed(ends=-30, lead_time=60),
        missed(ends=1),
        missed(assigned_room_type="C", booking_changes=3),
        missed(lead_time=0, booking_changes=1),
        stayed(adults=0),
        stayed(children="NA"),
        stayed(adults=3, children=2, babies=1),
        cancelled(lead_time=0, ends=0, booking_changes=1, assigned_room_type="E"),
        cancelled(lead_time=20, ends=-20),  # cancelled on the day that it was booked
        cancelled(ends=0),
        cancelled(assigned_room_type="B"),
        cancelled(stays_in_week_nights=0, lead_time=0, ends=0, assigned_room_type="B"),
        stayed(days_in_waiting_list=10, booking_changes=4),
        stayed(days_in_waiting_list=20, lead_time=20),  # waited until the day itself
        stayed(days_in_waiting_list=25, lead_time=20),  # and, so it says, longer
        cancelled(days_in_waiting_list=3, ends=-5),
        cancelled(days_in_waiting_list=15, ends=-5),  # the wait ends on the day of the cancellation
        cancelled(days_in_waiting_list=18, ends=-5),
        cancelled(days_in_waiting_list=18, ends=-5, assigned_room_type="F"),
        stayed(date(2016, 3, 26), stays_in_week_nights=2),  # the clocks change in its first night
        stayed(date(2016, 10, 29), lead_time=0),
        stayed(date(2016, 2, 29)),
        stayed(), stayed(), stayed(),  # equal rows are bookings of their own
    ]  # fmt: skip


def impossible() -> list[tuple[str, Cells]]:
    """Rows that are refused, each with the rule."""
    return [
        ("unreadable", stayed(lead_time="")),
        ("unreadable", stayed(lead_time="-3")),
        ("unreadable", stayed(lead_time="1e3")),
        ("unreadable", stayed(lead_time="٣")),  # a digit, and not one of ours
        ("unreadable", stayed(stays_in_week_nights="-2")),
        ("unreadable", stayed(booking_changes="NA")),
        ("unreadable", stayed(adults="two")),
        ("unreadable", stayed(reserved_room_type="NULL")),
        ("unreadable", stayed(assigned_room_type="a")),
        ("unreadable", stayed(arrival_date_month="Smarch")),
        ("unreadable", stayed(arrival_date_day_of_month=31, arrival_date_month="April")),
        ("unreadable", stayed(arrival_date_year=99999)),
        ("unreadable", stayed(reservation_status_date="2016-03-12")),
        ("unreadable", stayed(reservation_status_date="13/1/2016")),
        ("unreadable", stayed(reservation_status_date="")),
        ("out-of-range", stayed(lead_time="9" * 30)),
        ("out-of-range", stayed(stays_in_week_nights=100000, ends=2)),
        ("out-of-range", stayed(stays_in_week_nights=300, stays_in_weekend_nights=300)),
        ("out-of-range", stayed(booking_changes=1001)),
        ("out-of-range", stayed(adults=9000, children=9000)),
        ("unknown-hotel", stayed(hotel="Grand Hotel")),
        ("unknown-status", stayed(reservation_status="Maybe")),
        ("status-contradicted", stayed(is_canceled=1)),
        ("status-contradicted", cancelled(is_canceled=0)),
        ("cancelled-before-booked", cancelled(lead_time=20, ends=-21)),
        ("cancelled-after-arrival", cancelled(ends=1)),
        ("left-before-arrival", stayed(ends=-1)),
        ("in-the-future", stayed(date(2190, 1, 1))),
    ]


def likely(number: int, seed: int = 1) -> Iterator[Cells]:
    """Rows like most: two hotels, some room types, half a year."""
    random = Random(seed)
    for _ in range(number):
        arrival = date(2016, 1, 1) + timedelta(days=random.randrange(180))
        lead = random.choice([0, 1, 5, 30, 200])
        kind = random.choice("AAAADDE")
        cells: dict[str, Any] = {
            "hotel": random.choice([RESORT, CITY]), "lead_time": lead, "stays_in_week_nights": random.randint(0, 5),
            "stays_in_weekend_nights": random.choice([0, 0, 2]), "reserved_room_type": kind,
            "assigned_room_type": random.choice([kind, kind, kind, "D"]),
            "booking_changes": random.choice([0, 0, 0, 0, 1, 3]),
            "days_in_waiting_list": random.choice([0] * 19 + [lead // 2]),
        }  # fmt: skip
        match random.randrange(10):
            case 0 | 1 | 2:
                yield cancelled(arrival, -random.randint(0, lead), **cells)
            case 3:
                yield missed(arrival, **cells)
            case _:
                yield stayed(arrival, **cells)


def write(path: Path, rows: Iterable[Mapping[str, str]], columns: Iterable[str] = COLUMNS) -> Path:
    """As it is published: comma-separated, CRLF; packed where the name says so."""
    packed = path.suffix == ".xz"
    with lzma.open(path, "wt", encoding="utf-8", newline="") if packed else path.open("w", newline="") as out:
        table = csv.DictWriter(out, list(columns))
        table.writeheader()
        table.writerows(rows)
    return path


def read(path: Path) -> list[Cells]:
    with lzma.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".xz" else path.open(newline="") as text:
        return list(csv.DictReader(text))


class Facts(Struct, frozen=True):
    """What plain counting finds."""

    rows: int
    statuses: dict[tuple[str, str], int]
    """By hotel and `reservation_status`."""
    room_nights: int
    """Of the checked-out rows."""
    busiest: tuple[int, list[tuple[str, str, date]]]
    """The most rooms of one reserved type on one night (checked-out rows), and where and when that was."""
    changes: int
    waited: int
    moved: int
    visits: int


def facts(rows: Iterable[Mapping[str, str]]) -> Facts:
    rows = list(rows)
    nights: Counter[tuple[str, str, date]] = Counter()
    for one in rows:
        if one["reservation_status"] == "Check-Out":
            month = MONTHS.index(one["arrival_date_month"]) + 1
            arrival = date(int(one["arrival_date_year"]), month, int(one["arrival_date_day_of_month"]))
            for night in range(int(one["stays_in_week_nights"]) + int(one["stays_in_weekend_nights"])):
                nights[one["hotel"], one["reserved_room_type"], arrival + timedelta(days=night)] += 1
    most = max(nights.values(), default=0)
    return Facts(
        rows=len(rows),
        statuses=dict(Counter((one["hotel"], one["reservation_status"]) for one in rows)),
        room_nights=nights.total(),
        busiest=(most, sorted(where for where, count in nights.items() if count == most)),
        changes=sum(int(one["booking_changes"]) for one in rows),
        waited=sum(int(one["days_in_waiting_list"]) > 0 for one in rows),
        moved=sum(one["reserved_room_type"] != one["assigned_room_type"] for one in rows),
        visits=sum(one["stays_in_week_nights"] == one["stays_in_weekend_nights"] == "0" for one in rows),
    )
