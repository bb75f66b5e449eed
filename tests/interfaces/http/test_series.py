"""Series over HTTP: looked at, made, changed, cancelled, and refused where they cannot be."""

import os
from datetime import UTC, datetime, timedelta
from time import tzset
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from house import Somebody, Town, problem, until

from application.booking.series_extent import ExtendSeries
from application.offering.commands import DefineOffering, RetireOffering
from domain.offering.terms import Need, Terms

NEW_YORK, LONDON = "America/New_York", "Europe/London"


class Club:
    """A location with courts, and series there."""

    def __init__(self, town: Town, zone: str = NEW_YORK, courts: int = 1, **more: Any) -> None:
        self.town = town
        self.location = town.location(zone)
        self.courts = [town.resource(self.location, name=f"Court {n + 1}", **more) for n in range(courts)]

    def wish(self, start: str, rule: str | None = None, court: int = 0, **more: Any) -> dict[str, Any]:
        resources = [{"resource_id": self.courts[court]}]
        body = {"location_id": self.location, "start": start, "resources": resources, "minutes": 60, **more}
        return body if rule is None else {**body, "rule": rule}

    def make(self, start: str, rule: str | None = None, who: Somebody | None = None, **more: Any) -> "Series":
        answer = (who or self.town.owner).post("/api/v1/series", json=self.wish(start, rule, **more))
        assert answer.status_code == 201, answer.text
        return Series(self.town, answer)

    def book(self, starts_at: str, minutes: int = 60, court: int = 0) -> str:
        start = datetime.fromisoformat(starts_at)
        item = {"resource_id": self.courts[court], "starts_at": starts_at,
                "ends_at": (start + timedelta(minutes=minutes)).isoformat()}  # fmt: skip
        body = {"location_id": self.location, "items": [item], "then": "confirm"}
        answer = self.town.owner.post("/api/v1/bookings", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def close(self, starts_at: str, ends_at: str) -> None:
        closure = {"starts_at": starts_at, "ends_at": ends_at}
        answer = self.town.owner.post(f"/api/v1/resources/{self.courts[0]}/closures", json=closure)
        assert answer.status_code in (200, 201), answer.text


class Series:
    """A series that was made."""

    def __init__(self, town: Town, answer: httpx.Response) -> None:
        self.town, self.made = town, answer.json()
        self.id = self.made["id"]
        self.url = f"/api/v1/series/{self.id}"
        self._seen(answer)

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code < 300:
            self.etag, self.position = answer.headers["etag"], answer.headers["daybook-position"]
        return answer

    def edit(self, scope: str, which_one: str | None = None, /, **body: Any) -> httpx.Response:
        which = {"scope": scope} if which_one is None else {"scope": scope, "recurrence_id": which_one}
        return self._seen(self.town.owner.patch(self.url, params=which, json=body, headers={"if-match": self.etag}))

    def step(self, name: str, **body: Any) -> httpx.Response:
        return self._seen(self.town.owner.post(f"{self.url}/{name}", json=body, headers={"if-match": self.etag}))

    def now(self, url: str | None = None) -> dict[str, Any]:
        answer = self.town.owner.get(url or self.url, params={"min_position": self.position})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def occurrences(self, url: str | None = None) -> list[dict[str, Any]]:
        return self.now(f"{url or self.url}/occurrences")["data"]

    def starts(self, url: str | None = None) -> list[str]:
        return [it["starts_at"] for it in self.occurrences(url) if it["status"] == "confirmed"]


@pytest.fixture
def club(town: Town) -> Club:
    return Club(town)


# Made


def test_a_series_keeps_its_hour_across_a_change_of_the_clocks(town, club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=4")
    assert series.made["booked"] == 4
    assert series.starts() == [
        "2027-03-02T14:00:00Z",
        "2027-03-09T14:00:00Z",
        "2027-03-16T13:00:00Z",
        "2027-03-23T13:00:00Z",
    ]
    london = Club(town, LONDON).make("2026-12-01T19:00", "FREQ=WEEKLY;BYDAY=TU;COUNT=18")
    assert london.starts()[-2:] == ["2027-03-23T19:00:00Z", "2027-03-30T18:00:00Z"]


def test_it_does_so_whatever_the_zone_of_the_server(town, club, monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "Asia/Dubai")
    tzset()
    try:
        series = club.make("2027-03-02T11:00", "FREQ=WEEKLY;COUNT=4")
        assert [at[11:16] for at in series.starts()] == ["16:00", "16:00", "15:00", "15:00"]
    finally:
        monkeypatch.undo()
        tzset()


def test_each_occurrence_is_a_booking_that_knows_its_series(town, club):
    series = club.make("2027-03-02T13:00", "FREQ=WEEKLY;COUNT=2")
    first = series.occurrences()[0]
    booking = town.owner.get(f"/api/v1/bookings/{first['booking_id']}", params={"min_position": series.position})
    assert booking.json()["status"] == "confirmed"
    assert booking.json()["items"][0]["local_start"] == "2027-03-02T13:00"
    events = town.owner.get(f"/api/v1/bookings/{first['booking_id']}/events").json()["data"]
    assert events[0]["facts"]["series_id"] == series.id
    assert events[0]["facts"]["recurrence_id"] == "2027-03-02T13:00:00"


def test_a_series_is_told_in_local_times_with_its_rule(club):
    series = club.make("2027-03-02T15:00", "rrule:count=3;freq=weekly", excluded=["2027-03-09T15:00"])
    told = series.now()
    assert told["@type"] == "Event"
    assert (told["start"], told["timeZone"], told["duration"]) == ("2027-03-02T15:00:00", NEW_YORK, "PT60M")
    assert told["rule"] == "FREQ=WEEKLY;COUNT=3"
    assert told["recurrenceOverrides"] == {"2027-03-09T15:00:00": {"excluded": True}}
    assert [it["status"] for it in series.occurrences()] == ["confirmed", "excluded", "confirmed"]


def test_the_same_key_makes_one_series(town, club):
    wish = club.wish("2027-03-02T17:00", "FREQ=DAILY;COUNT=3")
    answers = [town.owner.post("/api/v1/series", json=wish, headers={"idempotency-key": "series-1"}) for _ in range(2)]
    assert [it.status_code for it in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1].headers["idempotent-replayed"] == "true"


def test_four_hundred_are_booked_at_once_and_one_more_is_refused(club):
    wish = club.wish("2028-01-01T09:00", "FREQ=DAILY;COUNT=401")
    problem(club.town.owner.post("/api/v1/series", json=wish), 422, "too_many_occurrences")
    assert club.make("2028-01-01T09:00", "FREQ=DAILY;COUNT=400").made["booked"] == 400


def test_all_or_nothing_over_hundreds_of_claims(club):
    taken = club.book("2029-02-03T09:00-05:00")  # the last of the 400
    wish = club.wish("2028-01-01T09:00", "FREQ=DAILY;COUNT=400")
    refused = problem(club.town.owner.post("/api/v1/series", json=wish), 409, "occurrences_taken")
    assert [it["recurrence_id"] for it in refused["reasons"]] == ["2029-02-03T09:00:00"]
    claims = club.town.sql("SELECT booking FROM event_store.claim WHERE resource = %s", club.courts[0])
    assert [str(row[0]) for row in claims] == [taken]


def test_the_months_count_from_the_start_inclusive(club):
    assert club.make("2027-03-02T19:00", "FREQ=YEARLY;COUNT=3").made["booked"] == 3  # 2029-03-02 is in
    wish = club.wish("2027-03-02T20:00", "FREQ=YEARLY;COUNT=4")
    problem(club.town.owner.post("/api/v1/series", json=wish), 422, "series_too_long")


def test_a_series_without_an_end_is_booked_for_24_months_at_most(club):
    series = club.make("2027-03-02T21:00", "FREQ=MONTHLY")
    assert series.made["booked"] == 25
    assert series.now()["booked_through"] == "2029-03-02T21:00:00"


# Conflicts


def test_fail_names_every_conflict_and_books_nothing(club):
    club.book("2027-04-06T09:00-04:00")
    club.close("2027-04-20T00:00-04:00", "2027-04-21T00:00-04:00")
    wish = club.wish("2027-03-30T09:00", "FREQ=WEEKLY;COUNT=5")
    refused = problem(club.town.owner.post("/api/v1/series", json=wish), 422, "occurrences_not_offered")
    assert [(it["recurrence_id"], it["code"]) for it in refused["reasons"]] == [
        ("2027-04-06T09:00:00", "OCCUPIED"),
        ("2027-04-20T09:00:00", "CLOSURE"),
    ]


def test_skip_leaves_them_out_and_they_can_be_tried_again(club):
    taken = club.book("2027-04-06T09:00-04:00")
    series = club.make("2027-03-30T09:00", "FREQ=WEEKLY;COUNT=3", strategy="skip")
    assert series.made["booked"] == 2
    assert series.made["skipped"] == [{"recurrence_id": "2027-04-06T09:00:00", "reasons": ["OCCUPIED"]}]
    assert [it["status"] for it in series.occurrences()] == ["confirmed", "skipped", "confirmed"]

    again = series.step("retry-skipped")
    assert (again.status_code, again.json()["booked"]) == (200, 0)

    etag = club.town.owner.get(f"/api/v1/bookings/{taken}").headers["etag"]
    club.town.owner.post(f"/api/v1/bookings/{taken}/cancellation", json={}, headers={"if-match": etag})
    assert series.step("retry-skipped").json()["booked"] == 1
    assert [it["status"] for it in series.occurrences()] == ["confirmed"] * 3
    problem(series.step("retry-skipped"), 422, "nothing_to_place")


def test_suggest_books_nothing_and_says_what_could_be_had(club):
    club.book("2027-04-06T09:00-04:00")
    club.book("2027-04-07T09:00-04:00")
    wish = club.wish("2027-03-30T09:00", "FREQ=WEEKLY;COUNT=3", strategy="suggest")
    refused = problem(club.town.owner.post("/api/v1/series", json=wish), 409, "occurrences_taken")
    (conflict,) = refused["reasons"]
    assert [(it["kind"], it["starts_at"]) for it in conflict["alternatives"]] == [
        ("same_day", "2027-04-06T12:00:00Z"),  # 08:00 and 10:00 are equally near: the earlier
        ("next_free_day", "2027-04-08T13:00:00Z"),
    ]


def test_where_courts_are_booked_by_name_another_court_there_is_suggested(town):
    Club(town, courts=1)  # one that is free, but elsewhere
    club = Club(town, courts=3)
    for court in (0, 1):
        club.book("2027-04-06T09:00-04:00", court=court)
    wish = club.wish("2027-03-30T09:00", "FREQ=WEEKLY;COUNT=3", strategy="suggest")
    last = f"/api/v1/resources/{club.courts[2]}"
    until(lambda: town.owner.get(last).status_code == 200)
    refused = problem(town.owner.post("/api/v1/series", json=wish), 409, "occurrences_taken")
    (conflict,) = refused["reasons"]
    assert conflict["alternatives"][0] == {
        "kind": "other_resource", "starts_at": "2027-04-06T13:00:00Z", "ends_at": "2027-04-06T14:00:00Z",
        "resource_ids": [club.courts[2]],
    }  # fmt: skip
    seen = town.owner.post("/api/v1/series/preview", json={"create": wish}).json()["occurrences"]
    assert [it["alternatives"][0]["kind"] for it in seen if it["verdict"] == "conflict"] == ["other_resource"]
    series = club.make("2027-03-30T12:00", "FREQ=WEEKLY;COUNT=3")
    series.now()
    edited = problem(series.edit("all", at="09:00", strategy="suggest"), 409, "occurrences_taken")
    assert edited["reasons"][0]["alternatives"][0]["resource_ids"] == [club.courts[2]]
    unsold = town.owner.put(f"{last}/selling", json={"by_itself": False}, headers={"if-match": '"1"'})
    assert unsold.status_code == 200, unsold.text
    mine = problem(town.as_("customer").post("/api/v1/series", json=wish), 409, "occurrences_taken")
    assert "other_resource" not in [it["kind"] for it in mine["reasons"][0]["alternatives"]]


def test_waitlist_waits_for_them(club):
    club.book("2027-04-06T09:00-04:00")
    series = club.make("2027-03-30T09:00", "FREQ=WEEKLY;COUNT=3", strategy="waitlist")
    (waiting,) = [it for it in series.occurrences() if it["status"] == "waitlisted"]
    assert (waiting["recurrence_id"], waiting["waits"]) == ("2027-04-06T09:00:00", True)


def test_occurrences_of_one_series_stand_in_each_others_way(club):
    wish = club.wish("2027-03-30T09:00", "FREQ=DAILY;COUNT=3", minutes=25 * 60)
    refused = problem(club.town.owner.post("/api/v1/series", json=wish), 409, "occurrences_taken")
    assert [it["recurrence_id"] for it in refused["reasons"]] == ["2027-03-31T09:00:00"]  # the later one


# Looked at first


def test_a_preview_says_what_the_same_body_then_does(club):
    club.book("2027-04-06T09:00-04:00")
    wish = club.wish("2027-03-30T09:00", "FREQ=WEEKLY;COUNT=3", strategy="skip")
    seen = club.town.owner.post(
        "/api/v1/series/preview", json={"create": wish}, headers={"idempotency-key": "preview"}
    ).json()
    assert [it["verdict"] for it in seen["occurrences"]] == ["free", "conflict", "free"]
    assert [it["kind"] for it in seen["occurrences"][1]["alternatives"]] == ["same_day", "next_free_day"]
    series = Series(club.town, club.town.owner.post("/api/v1/series", json=wish))
    assert series.made["booked"] == seen["booked"] == 2
    free = [it["starts_at"] for it in seen["occurrences"] if it["verdict"] == "free"]
    assert series.starts() == free


def test_a_preview_records_nothing(club):
    before = club.town.sql("SELECT count(*) FROM event_store.event")
    wish = club.wish("2027-03-30T09:00", "FREQ=WEEKLY;COUNT=3")
    for _ in range(2):
        answer = club.town.owner.post("/api/v1/series/preview", json={"create": wish})
        assert answer.json()["booked"] == 3
    assert club.town.sql("SELECT count(*) FROM event_store.event") == before


# Changed


def test_this_occurrence_has_a_time_of_its_own(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=3")
    booking = series.occurrences()[1]["booking_id"]
    assert series.edit("this", "2027-03-09T09:00", start="2027-03-10T11:00").status_code == 200
    assert series.starts() == ["2027-03-02T14:00:00Z", "2027-03-10T16:00:00Z", "2027-03-16T13:00:00Z"]
    assert series.occurrences()[1]["booking_id"] == booking
    assert series.now()["recurrenceOverrides"] == {"2027-03-09T09:00:00": {"start": "2027-03-10T11:00:00"}}


def test_all_moves_those_that_have_no_time_of_their_own(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=3")
    series.edit("this", "2027-03-09T09:00", start="2027-03-10T11:00")
    changed = series.edit("all", at="10:30", minutes=30)
    assert changed.status_code == 200, changed.text
    assert series.starts() == ["2027-03-02T15:30:00Z", "2027-03-10T16:00:00Z", "2027-03-16T14:30:00Z"]
    assert [it["ends_at"] for it in series.occurrences()][1] == "2027-03-10T16:30:00Z"  # its duration was not its own
    assert [it["recurrence_id"] for it in series.occurrences()] == [
        "2027-03-02T09:00:00",
        "2027-03-09T09:00:00",
        "2027-03-16T09:00:00",
    ]


def test_all_moves_onto_its_own_times(club):
    """Each moves to where the next one was half an hour before."""
    series = club.make("2027-05-03T09:00", "FREQ=DAILY;COUNT=5;BYHOUR=9,10")
    assert series.edit("all", minutes=30).status_code == 200
    assert [it["ends_at"][11:16] for it in series.occurrences()] == ["13:30", "14:30"] * 2 + ["13:30"]


def test_an_edit_that_does_not_fit_changes_nothing(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=3")
    club.book("2027-03-09T11:00-05:00")
    before = series.starts()
    refused = problem(series.edit("all", at="11:00"), 409, "occurrences_taken")
    assert [it["recurrence_id"] for it in refused["reasons"]] == ["2027-03-09T09:00:00"]
    assert series.starts() == before


def test_with_skip_an_occurrence_that_cannot_be_moved_stays(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=3")
    club.book("2027-03-09T11:00-05:00")
    assert series.edit("all", at="11:00", strategy="skip").json()["booked"] == 2
    assert series.starts() == ["2027-03-02T16:00:00Z", "2027-03-09T14:00:00Z", "2027-03-16T15:00:00Z"]
    assert series.occurrences()[1]["reasons"] == ["OCCUPIED"]


def test_following_goes_on_as_another_series_with_what_is_left_of_the_count(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=5")
    bookings = [it["booking_id"] for it in series.occurrences()]
    split = series.edit("following", "2027-03-16T09:00", at="12:00")
    assert split.status_code == 200, split.text
    rest = f"/api/v1/series/{split.json()['continued_by']}"
    assert series.now()["rule"] == "FREQ=WEEKLY;UNTIL=20270316T125959Z"
    assert series.now()["status"] == "continued"
    assert series.now(rest)["rule"] == "FREQ=WEEKLY;COUNT=3"
    assert series.now(rest)["continues"] == series.id
    assert series.starts() == ["2027-03-02T14:00:00Z", "2027-03-09T14:00:00Z"]
    assert series.starts(rest) == ["2027-03-16T16:00:00Z", "2027-03-23T16:00:00Z", "2027-03-30T16:00:00Z"]
    assert [it["booking_id"] for it in series.occurrences(rest)] == bookings[2:]
    assert series.occurrences(rest)[0]["recurrence_id"] == "2027-03-16T12:00:00"


def test_following_drops_what_later_ones_had_of_their_own_and_the_preview_says_so(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=5")
    series.edit("this", "2027-03-23T09:00", start="2027-03-24T08:00")
    edit = {"series_id": series.id, "scope": "following", "recurrence_id": "2027-03-16T09:00", "at": "12:00"}
    seen = club.town.owner.post("/api/v1/series/preview", json={"edit": edit}).json()
    assert [(it["recurrence_id"], it["what"]) for it in seen["left"]] == [("2027-03-23T09:00:00", "override_dropped")]
    split = series.edit("following", "2027-03-16T09:00", at="12:00")
    rest = f"/api/v1/series/{split.json()['continued_by']}"
    assert [at[11:16] for at in series.starts(rest)] == ["16:00"] * 3


def test_following_can_keep_them_by_their_order(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=5")
    series.edit("this", "2027-03-23T09:00", start="2027-03-24T08:00")
    split = series.edit("following", "2027-03-16T09:00", at="12:00", overrides="rekey")
    rest = f"/api/v1/series/{split.json()['continued_by']}"
    assert series.starts(rest) == ["2027-03-16T16:00:00Z", "2027-03-24T12:00:00Z", "2027-03-30T16:00:00Z"]
    assert series.now(rest)["recurrenceOverrides"] == {"2027-03-23T12:00:00": {"start": "2027-03-24T08:00:00"}}


def test_all_does_not_reach_the_series_that_goes_on(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=4")
    split = series.edit("following", "2027-03-16T09:00", minutes=30)
    rest = f"/api/v1/series/{split.json()['continued_by']}"
    assert series.edit("all", at="15:00").status_code == 200
    assert [at[11:16] for at in series.starts()] == ["20:00", "20:00"]
    assert [at[11:16] for at in series.starts(rest)] == ["13:00", "13:00"]


def test_another_rule_from_here_on(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=4")
    split = series.edit("following", "2027-03-16T09:00", start="2027-03-18T09:00", rule="FREQ=WEEKLY;COUNT=3")
    assert split.status_code == 200, split.text
    rest = f"/api/v1/series/{split.json()['continued_by']}"
    assert [at[:10] for at in series.starts(rest)] == ["2027-03-18", "2027-03-25", "2027-04-01"]


# Cancelled


def test_one_occurrence_is_cancelled_and_taken_out(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=3")
    assert series.step("cancellation", scope="this", recurrence_id="2027-03-09T09:00").json()["cancelled"] == 1
    assert [it["status"] for it in series.occurrences()] == ["confirmed", "cancelled", "confirmed"]
    assert series.now()["recurrenceOverrides"] == {"2027-03-09T09:00:00": {"excluded": True}}
    club.book("2027-03-09T09:00-05:00")  # its time is free


def test_it_and_all_that_follow_are_cancelled(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=4")
    gone = series.step("cancellation", scope="following", recurrence_id="2027-03-16T09:00")
    assert gone.json()["cancelled"] == 2
    assert len(series.starts()) == 2
    assert series.now()["status"] == "ended"
    assert series.now()["rule"].startswith("FREQ=WEEKLY;UNTIL=")


def test_all_that_have_not_begun_are_cancelled(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=4")
    assert series.step("cancellation", scope="all").json()["cancelled"] == 4
    assert series.starts() == []
    problem(series.edit("all", at="10:00"), 422, "nothing_to_place")


# Refused


@pytest.mark.parametrize(
    ("rule", "status", "code"),
    [
        ("FREQ=WEEKLY;COUNT=1000000", 422, "part_out_of_range"),
        ("FREQ=SECONDLY", 422, "finer_than_daily"),
        ("FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9;BYMINUTE=" + ",".join(map(str, range(60))), 422, "too_often"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", 422, "start_not_in_rule"),
        ("FREQ=WEEKLY;BYDAY=MO", 422, "start_not_in_rule"),
        ("FREQ=WEEKLY;UNTIL=20280101", 422, "until_not_utc"),
        ("nonsense", 422, "not_a_rule"),
        ("FREQ=DAILY;UNTIL=21990101T000000Z", 422, "too_many_occurrences"),
        ("FREQ=DAILY;BYHOUR=9,12,15", 422, "too_dense"),
    ],
)
def test_bad_rules_are_refused(club, rule, status, code):
    answer = club.town.owner.post("/api/v1/series", json=club.wish("2027-03-02T09:00", rule))
    problem(answer, status, code)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"start": "2027-03-14T02:30Z"}, 400, "bad_body"),
        ({"resources": []}, 422, "one_offering"),
        ({"start": "1970-01-01T00:00"}, 422, "series_out_of_range"),
        ({"minutes": 0}, 400, "bad_body"),
        ({"location_id": "0197a3f0-0000-7000-8000-000000000001"}, 404, "unknown_location"),
        ({"start": "2020-03-03T09:00", "rule": None}, 422, "occurrences_not_offered"),
        ({"also": ["2027-03-02T09:00"] * 1001}, 400, "bad_body"),
    ],
)
def test_bad_wishes_are_refused(club, change, status, code):
    wish = {name: value for name, value in {**club.wish("2027-03-02T09:00"), **change}.items() if value is not None}
    problem(club.town.owner.post("/api/v1/series", json=wish), status, code)


def test_an_occurrence_that_is_none_is_unknown(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=2")
    problem(series.edit("this", "2027-03-03T09:00", start="2027-03-04T09:00"), 404, "no_such_occurrence")
    problem(series.edit("following", "2027-03-02T09:00", at="10:00"), 422, "nothing_before")
    problem(series.edit("this", start="2027-03-04T09:00"), 404, "no_such_occurrence")
    problem(series.edit("all", start="2027-03-04T09:00", at="10:00"), 422, "one_of_the_two")


def test_a_series_is_changed_as_it_was_seen(club):
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=2")
    series.etag = '"9"'
    problem(series.edit("all", at="10:00"), 412)


def test_somebody_elses_series_is_unknown(town, club):
    me, you = town.as_("customer"), town.as_("customer")
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=2", who=me)
    position = {"min_position": series.position}
    assert me.get(series.url, params=position).status_code == 200
    problem(you.get(series.url, params=position), 404, "unknown_series")
    problem(you.post(f"{series.url}/cancellation", json={"scope": "all"}), 404, "unknown_series")
    problem(me.post("/api/v1/series", json={**club.wish("2027-06-02T09:00"), "override": True}), 403)


def test_who_passes_over_rules_says_why_and_is_named(town, club):
    wish = {**club.wish("2027-06-02T09:00", "FREQ=WEEKLY;COUNT=2"), "override": True}
    problem(town.owner.post("/api/v1/series", json=wish), 422, "reason_needed")
    problem(town.owner.post("/api/v1/series/preview", json={"create": wish}), 422, "reason_needed")
    reason = {"reason": "a guest of honour"}
    assert town.owner.post("/api/v1/series/preview", json={"create": wish | reason}).status_code == 200
    own = str(uuid4())
    me = town.as_("customer", own)
    series = Series(town, town.owner.post("/api/v1/series", json={**wish, **reason, "customer_id": own}))
    told = series.now()
    assert told["override"]["why"] == "a guest of honour"
    assert me.get(series.url).json()["override"] is None, "customers are not told which member of the staff it was"
    (created, *_) = series.now(f"{series.url}/events")["data"]
    assert (created["action"], created["reason"]) == ("series.created", "a guest of honour")
    assert created["actor"]["id"] == told["override"]["by"]
    problem(series.edit("all", minutes=30, override=True), 422, "reason_needed")
    assert series.edit("all", minutes=30, override=True, reason="shorter").status_code == 200
    without = club.make("2027-07-02T09:00", "FREQ=WEEKLY;COUNT=2")
    assert without.now()["override"] is None


def test_what_happened_to_a_series_is_told_in_order_and_to_nobody_else(town, club):
    me, you = town.as_("customer"), town.as_("customer")
    series = club.make("2027-03-02T09:00", "FREQ=WEEKLY;COUNT=3", who=me)
    assert series.edit("all", at="10:00").status_code == 200
    assert series.step("cancellation", scope="this", recurrence_id="2027-03-09T09:00").status_code == 200
    told = [it["action"] for it in series.now(f"{series.url}/events")["data"]]
    assert told == ["series.created", "series.extended", "series.changed", "series.occurrence_excluded"]
    page = town.owner.get(f"{series.url}/events", params={"limit": 3}).json()
    rest = town.owner.get(f"{series.url}/events", params={"cursor": page["next"]}).json()
    assert [it["version"] for it in page["data"] + rest["data"]] == [1, 2, 3, 4]
    assert len(me.get(f"{series.url}/events").json()["data"]) == 4
    problem(you.get(f"{series.url}/events"), 404, "unknown_series")
    problem(town.owner.get(f"/api/v1/series/{uuid4()}/events"), 404, "unknown_series")


def test_a_series_that_cannot_go_on_says_so_until_it_can(town, club):
    offering = uuid4()
    terms = Terms((Need("court", any_of=(UUID(club.courts[0]),)),), durations=(60,))
    town.do(DefineOffering(offering, UUID(club.location), "Tennis", terms))
    wish = {"location_id": club.location, "offering_id": str(offering), "start": "2026-06-02T09:00",
            "rule": "FREQ=MONTHLY", "strategy": "skip"}  # fmt: skip
    series = Series(town, town.owner.post("/api/v1/series", json=wish))
    assert series.now()["stopped"] is None
    town.do(RetireOffering(offering))
    answer = town.do(ExtendSeries(UUID(series.id)), role="system")
    series.position = str(answer.position)
    told = series.now()
    assert (told["status"], told["booked_through"]) == ("open", "2028-06-02T09:00:00")
    stopped = told["stopped"]
    assert (stopped["code"], stopped["after"], stopped["attempt"]) == ("not_sold", "2028-06-02T09:00:00", 1)
    assert stopped["until"] > stopped["after"]
    refused, again = (datetime.fromisoformat(stopped[name]) for name in ("at", "again_at"))
    assert timedelta(days=1) - timedelta(minutes=1) < again - refused <= timedelta(days=1)
    happened = series.now(f"{series.url}/events")["data"][-1]
    assert (happened["action"], happened["actor"]["role"]) == ("series.extension_refused", "system")
    assert happened["facts"]["code"] == "not_sold"
    series.etag = f'"{told["version"]}"'
    assert series.step("cancellation", scope="all").status_code == 200
    assert series.now()["stopped"] is None


def test_times_that_the_clocks_skip_are_shifted_or_left_out(club):
    shifted = club.make("2027-03-12T02:30", "FREQ=DAILY;COUNT=4")
    assert [at[11:16] for at in shifted.starts()] == ["07:30", "07:30", "07:30", "06:30"]
    skipped = Club(club.town).make("2027-03-12T02:30", "FREQ=DAILY;COUNT=4", gap_policy="skip")
    assert [it["recurrence_id"][8:10] for it in skipped.occurrences()] == ["12", "13", "15", "16"]


def test_the_rest_of_this_module_looks_ahead():
    """Its dates lie in the years 2026 to 2029."""
    assert datetime.now(UTC) < datetime(2027, 3, 1, tzinfo=UTC)
