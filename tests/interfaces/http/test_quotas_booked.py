"""Quotas where something is booked: refused with the rule's name, what is used, the limit, and when it resets."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from house import HOUR, Somebody, Town, made, problem, soon

NAMES = iter(range(1_000_000))


class Club:
    """Two courts sold by the hour, and a rule for them alone."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.location = town.location()
        self.courts = [town.resource(self.location, name=f"Court {n}") for n in (1, 2)]
        terms = {"needs": [{"role": "court", "any_of": self.courts}], "durations": [60, 90], "step": 30}
        body = {"location_id": self.location, "name": "Tennis", "terms": terms}
        self.offering = made(town.owner.post("/api/v1/offerings", json=body))
        self.rule = f"tennis-{next(NAMES)}"

    def limit(self, **rule: object) -> None:
        body = {"what": {"offerings": [self.offering]}, **rule}
        answer = self.town.owner.request("PUT", f"/api/v1/quotas/{self.rule}", json=body)
        assert answer.status_code == 200, answer.text

    def book(self, who: Somebody, hours: float, **more: object):
        return who.post(
            f"/api/v1/offerings/{self.offering}/bookings", json={"starts_at": soon(hours).isoformat(), **more}
        )


@pytest.fixture
def club(town: Town) -> Club:
    return Club(town)


@pytest.fixture
def ann(town: Town) -> Somebody:
    return town.as_("customer", str(uuid4()))


def test_one_too_many_is_a_conflict_that_says_when_to_come_back(club, ann):
    club.limit(measure="count", limit=2, window={"type": "rolling", "days": 7})
    assert club.book(ann, 24).status_code == 201
    assert club.book(ann, 48).status_code == 201
    found = problem(club.book(ann, 72), 409, "quota_reached")
    (reason,) = found["reasons"]
    assert (reason["code"], reason["rule"], reason["used"], reason["limit"]) == ("QUOTA", club.rule, 2, 2)
    resets_at = datetime.fromisoformat(reason["resets_at"])
    assert timedelta(days=6) < resets_at - soon(24) <= timedelta(days=7)
    assert club.book(club.town.as_("customer"), 72).status_code == 201


def test_minutes_fit_up_to_the_last_one(club, ann):
    club.limit(measure="minutes", limit=150)
    assert club.book(ann, 24, minutes=90).status_code == 201
    problem(club.book(ann, 30, minutes=90), 409, "quota_reached")
    assert club.book(ann, 30, minutes=60).status_code == 201


def test_who_cancels_late_has_had_it_and_who_cancels_in_time_has_not(club, ann):
    terms = {"needs": [{"role": "court", "any_of": club.courts}], "durations": [60], "cancellation_notice": 24 * 60}
    revised = club.town.owner.request("PUT", f"/api/v1/offerings/{club.offering}/terms", json=terms)
    assert revised.status_code == 200, revised.text
    club.limit(measure="count", limit=1)

    def cancelled(hours: float) -> bool:
        booking = club.book(ann, hours, then="confirm")
        assert booking.status_code == 201, booking.text
        answer = ann.post(f"/api/v1/bookings/{booking.json()['id']}/cancellation", json={})
        assert answer.status_code == 200, answer.text
        found: bool = answer.json()["late"]
        return found

    assert not cancelled(26)
    assert cancelled(22)
    problem(club.book(ann, 26), 409, "quota_reached")


def test_a_booking_keeps_the_notice_under_which_it_was_made(club, ann):
    booking = club.book(ann, 22, then="confirm").json()
    terms = {"needs": [{"role": "court", "any_of": club.courts}], "durations": [60], "cancellation_notice": 24 * 60}
    assert club.town.owner.request("PUT", f"/api/v1/offerings/{club.offering}/terms", json=terms).status_code == 200
    assert ann.post(f"/api/v1/bookings/{booking['id']}/cancellation", json={}).json()["late"] is False


def test_who_moves_late_cancels_late(club, ann):
    terms = {"needs": [{"role": "court", "any_of": club.courts}], "durations": [60], "cancellation_notice": 24 * 60}
    assert club.town.owner.request("PUT", f"/api/v1/offerings/{club.offering}/terms", json=terms).status_code == 200
    url = f"/api/v1/bookings/{club.book(ann, 22, then='confirm').json()['id']}"
    assert ann.post(f"{url}/move", json={"starts_at": soon(72).isoformat()}).status_code == 200
    assert ann.post(f"{url}/cancellation", json={}).json()["late"] is True


def test_staff_who_book_for_somebody_meet_their_quota_and_nobody_s_is_not_asked(club, ann, town):
    club.limit(measure="active_future", limit=0)
    problem(club.book(town.owner, 24, customer_id=str(uuid4())), 409, "quota_reached")
    assert club.book(town.owner, 24).status_code == 201


def test_a_booking_that_moves_is_not_in_its_own_way(club, ann):
    club.limit(measure="count", limit=1)
    held = club.book(ann, 24, then="confirm")
    url, etag = f"/api/v1/bookings/{held.json()['id']}", held.headers["etag"]
    moved = ann.request("POST", f"{url}/move", json={"starts_at": soon(26).isoformat()}, headers={"if-match": etag})
    assert moved.status_code == 200, moved.text


def test_a_court_booked_by_its_name_counts_as_well(club, ann, town):
    """No way round: neither of booking nor of moving."""
    club.limit(measure="count", limit=1, window={"type": "calendar", "per": "day"}, zone="UTC",
               what={"locations": [club.location]})  # fmt: skip

    ten = soon(48).replace(hour=10)

    def item(hours: float) -> dict[str, object]:
        starts_at = ten + hours * HOUR
        return {
            "resource_id": club.courts[0], "starts_at": starts_at.isoformat(), "ends_at": (starts_at + HOUR).isoformat()
        }  # fmt: skip

    def firm(hours: float):
        wish = {"location_id": club.location, "items": [item(hours)], "then": "confirm"}
        return ann.post("/api/v1/bookings", json=wish)

    def moved(held, hours: float):
        url, seen = f"/api/v1/bookings/{held.json()['id']}/reschedule", {"if-match": held.headers["etag"]}
        return ann.post(url, json={"items": [{"item": 1, **item(hours)}]}, headers=seen)

    today, tomorrow = firm(0), firm(24)
    assert (today.status_code, tomorrow.status_code) == (201, 201)
    problem(firm(2), 409, "quota_reached")
    problem(moved(tomorrow, 2), 409, "quota_reached")
    assert moved(today, 2).status_code == 200


def test_cancelled_in_time_it_may_be_had_again(club, ann):
    club.limit(measure="count", limit=1)
    held = club.book(ann, 24, then="confirm")
    problem(club.book(ann, 30), 409, "quota_reached")
    url = f"/api/v1/bookings/{held.json()['id']}/cancellation"
    assert ann.post(url, json={}, headers={"if-match": held.headers["etag"]}).status_code == 200
    assert club.book(ann, 30).status_code == 201


def test_slots_are_shown_under_one_s_own_quotas(club, ann, town):
    """What is shown can be booked, and what is not shown cannot; staff see it as of whom they name."""
    club.limit(measure="count", limit=1, window={"type": "calendar", "per": "day"}, zone="UTC")
    held = club.book(ann, 48)
    day, after = soon(48).date(), (soon(48) + timedelta(days=1)).date()
    asked = {
        "offering_id": club.offering, "from": str(day), "to": str(after), "explain": "true",
        "min_position": held.headers["daybook-position"],
    }  # fmt: skip

    def codes(who: Somebody, **more: str) -> set[tuple[str, ...]]:
        answer = who.get("/api/v1/availability", params={**asked, **more})
        assert answer.status_code == 200, answer.text
        on_day = [it for it in answer.json()["data"] if it["starts_at"] and utc_date(it["starts_at"]) == day]
        return {tuple(reason["code"] for reason in it.get("reasons", ())) for it in on_day}

    assert ("QUOTA",) in codes(ann)
    assert () not in codes(ann)
    assert codes(ann, explain="false") == set()
    assert () in codes(town.as_("customer"))
    assert () in codes(town.owner)
    customer = town.owner.get(f"/api/v1/bookings/{held.json()['id']}").json()["customer_id"]
    assert () not in codes(town.owner, customer_id=customer)
    problem(town.as_("customer").get("/api/v1/availability", params={**asked, "customer_id": customer}), 403)


def utc_date(text: str) -> date:
    return datetime.fromisoformat(text).astimezone(UTC).date()


def test_what_is_shown_is_what_the_write_counts_from(club, ann, town):
    """The view's rows and those that guard the write follow from the same events by the same function."""
    held = [club.book(ann, hours, then=then) for hours, then in ((24, "hold"), (26, "confirm"), (28, "confirm"))]
    cancelled = held[2]
    url, seen = f"/api/v1/bookings/{cancelled.json()['id']}", {"if-match": cancelled.headers["etag"]}
    last = town.owner.post(f"{url}/cancellation", json={}, headers=seen)
    town.owner.get("/api/v1/quotas", params={"min_position": last.headers["daybook-position"]})
    columns = "who, location_id, starts_at, ends_at, state"
    shown = town.sql(f"SELECT booking_id, {columns} FROM read.quota_tally WHERE tenant = %s", town.organization)
    columns = columns.replace("location_id", "location")
    counted = town.sql(f"SELECT booking, {columns} FROM event_store.tally WHERE tenant = %s", town.organization)
    assert sorted(shown) == sorted(counted)
    assert {row[-1] for row in shown} >= {"live", "gone"}
