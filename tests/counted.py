"""Words for stories about quotas: who has booked what, and what a rule says to one booking more."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec import Struct

from domain import localtime
from domain.quota.counting import Verdict, Wanted, against, standing
from domain.quota.rule import QuotaRule

ANN, BEN, CAL = UUID(int=101), UUID(int=102), UUID(int=103)
COURT, POOL = UUID(int=1), UUID(int=2)
TENNIS, SWIM = UUID(int=11), UUID(int=12)
HERE, THERE = UUID(int=21), UUID(int=22)
LISBON = "Europe/Lisbon"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Row(Struct, frozen=True):
    who: UUID
    booking_id: UUID
    offering_id: UUID | None
    location_id: UUID
    resources: tuple[UUID, ...]
    starts_at: datetime
    ends_at: datetime
    state: str = "live"
    expires_at: datetime | None = None


def at(local: str, zone: str = LISBON) -> datetime:
    """The instant at which the wall shows that."""
    return localtime.by_rule(datetime.fromisoformat(local), zone)


_number = iter(range(1_000, 1_000_000))


def booked(local: str, minutes: int = 60, who: UUID = ANN, zone: str = LISBON, **more: object) -> Row:
    starts_at = at(local, zone)
    usual = {"offering_id": TENNIS, "location_id": HERE, "resources": (COURT,), "booking_id": UUID(int=next(_number))}
    ends_at = starts_at + timedelta(minutes=minutes)
    return Row(who=who, starts_at=starts_at, ends_at=ends_at, **{**usual, **more})


def wants(local: str, minutes: int = 60, who: UUID = ANN, zone: str = LISBON, **more: object) -> Wanted:
    row = booked(local, minutes, who, zone, **{name: value for name, value in more.items() if name != "moving"})
    return Wanted(
        who, row.offering_id, row.location_id, zone, row.resources, row.starts_at, row.ends_at, more.get("moving")
    )


def refused(
    rule: QuotaRule, rows: list[Row], wanted: Wanted, groups: tuple = (), now: datetime = LONG_AGO
) -> Verdict | None:
    """How the rule refuses what is wanted, or None where it has nothing against it."""
    found = against([rule], groups, rows, wanted, now)
    assert len(found) <= 1
    return found[0] if found else None


def stands(rule: QuotaRule, rows: list[Row], on: str | None = None, now: datetime = LONG_AGO, groups: tuple = ()):
    """How the rule stands for Ann."""
    day = None if on is None else datetime.fromisoformat(on).date()
    (found,) = standing([rule], groups, rows, ANN, LISBON, now, day)
    return found
