"""The page on which anybody sees what is free, and why the rest is not."""

import json
import re
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest
from house import Town, fresh, made, problem
from uuid_utils.compat import uuid7

from application.event_store import Unavailable
from application.permission import PERMISSIONS
from domain import localtime
from infrastructure.settings import Settings
from interfaces.http.caller import Doorkeeper
from interfaces.http.errors import Unauthenticated
from interfaces.trust import Trust, minted

ZONE = "America/New_York"
MONDAY = date(2027, 1, 11)
NIGHT = {day: [{"opens": 0, "closes": 360}] for day in ("saturday", "sunday", "monday")}


class Seen(HTMLParser):
    """What a reader makes of the page: its starts by kind, its text, its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.free: list[str] = []
        self.refused: dict[str, str] = {}
        self.text = ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._at: str | None = None
        self._kind: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.elements.append((tag, said))
        if said.get("class") in ("free", "refused"):
            self._kind, self._at = said["class"], None
        if tag == "time" and self._kind is not None and self._at is None:
            self._at = said["datetime"] or ""
            if self._kind == "free":
                self.free.append(self._at)
            else:
                self.refused[self._at] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "li":
            self._kind = self._at = None
        elif self._kind == "refused" and tag == "span" and self._at is not None:
            self.refused[self._at] += "|"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._kind == "refused" and self._at is not None:
            self.refused[self._at] += data

    def named(self, tag: str, **said: str) -> list[dict[str, str | None]]:
        return [it for name, it in self.elements if name == tag and said.items() <= it.items()]


def opened(town: Town, *resources: dict[str, Any], zone: str = ZONE) -> tuple[str, list[str]]:
    location = town.location(zone)
    return location, [town.resource(location, **one) for one in resources]


def sold(town: Town, location: str, *needs: dict[str, Any], name: str = "Lesson", **terms: Any) -> str:
    """What is sold, once the timetable has learned it."""
    terms = {"needs": needs, "durations": [60], "step": 30, **terms}
    body = {"location_id": location, "name": name, "terms": terms}
    offering = made(town.owner.post("/api/v1/offerings", json=body))
    ends = monotonic() + 10
    while town.owner.get(f"/api/v1/offerings/{offering}").status_code != 200:
        assert monotonic() < ends
    return offering


def look(town: Town, offering: str, status: int = 200, **params: Any) -> httpx.Response:
    answer: httpx.Response = town.client.get(f"/book/{town.organization}/{offering}", params=params)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer


def seen(town: Town, offering: str, **params: Any) -> Seen:
    return Seen(look(town, offering, **params).text)


def told(town: Town, offering: str, first: date, **params: Any) -> list[dict[str, Any]]:
    """What the API says of the same week."""
    days = {"from": str(first), "to": str(first + timedelta(days=6))}
    answer = town.owner.get("/api/v1/availability", params={"offering_id": offering, **days, **params})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def booked(town: Town, offering: str, starts_at: str, **more: Any) -> None:
    body = {"starts_at": starts_at, "then": "confirm", **more}
    answer = town.owner.post(f"/api/v1/offerings/{offering}/bookings", json=body)
    assert answer.status_code == 201, answer.text


def test_it_shows_the_starts_that_the_api_tells_and_no_other(town: Town) -> None:
    location, courts = opened(town, {"name": "A", "hours": NIGHT}, {"name": "B", "capacity": 3})
    needs = [{"role": role, "any_of": [it]} for role, it in zip(("court", "kit"), courts, strict=True)]
    offering = sold(town, location, *needs, durations=[60, 90], before=10, after=20, most_party=4)
    booked(town, offering, "2027-01-11T02:00")
    for params in ({}, {"minutes": 90}, {"party_size": 3, "explain": True}, {"party_size": 5, "explain": True}):
        shown = seen(town, offering, **{"from": str(MONDAY), **params})
        api = told(town, offering, MONDAY, **params)
        assert shown.free == [it["starts_at"] for it in api if "reasons" not in it]
        assert list(shown.refused) == [it["starts_at"] for it in api if "reasons" in it]
        assert api


def test_a_refused_start_says_why_in_a_sentence(town: Town) -> None:
    location, (court,) = opened(town, {"hours": NIGHT})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    booked(town, offering, "2027-01-11T02:00")
    held = town.owner.post(f"/api/v1/offerings/{offering}/bookings", json={"starts_at": "2027-01-11T05:00"})
    assert held.status_code == 201
    shown = seen(town, offering, **{"from": str(MONDAY), "explain": "true"})
    assert shown.refused["2027-01-11T02:00:00-05:00"] == "02:00Taken until 03:00|"
    assert shown.refused["2027-01-11T02:30:00-05:00"] == "02:30Taken until 03:00|"
    assert shown.refused["2027-01-11T05:00:00-05:00"].startswith("05:00Being booked by somebody, until ")
    assert "2027-01-11T03:00:00-05:00" in shown.free
    assert not seen(town, offering, **{"from": str(MONDAY)}).refused, "only who asks why is told"


def test_how_many_are_left_and_what_it_costs_stand_on_the_chip(town: Town) -> None:
    location, (court,) = opened(town, {"hours": NIGHT, "capacity": 3})
    price = {"amount": 123450, "currency": "EUR", "per": "hour"}
    offering = sold(town, location, {"role": "court", "any_of": [court]}, durations=[60, 120], price=price)
    shown = seen(town, offering, **{"from": str(MONDAY), "minutes": 120})
    assert "until 02:00from EUR 2,469.003 left" in shown.text
    yen = sold(town, location, {"role": "court", "any_of": [court]}, price={"amount": 900, "currency": "JPY"})
    assert "from JPY 900" in seen(town, yen, **{"from": str(MONDAY)}).text


def test_a_repeated_hour_is_there_twice_and_can_be_told_apart(town: Town) -> None:
    location, (court,) = opened(town, {"hours": NIGHT})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    autumn = date(2027, 11, 7)
    shown = seen(town, offering, **{"from": str(autumn)})
    assert shown.free == [it["starts_at"] for it in told(town, offering, autumn)]
    assert {"2027-11-07T01:30:00-04:00", "2027-11-07T01:30:00-05:00"} <= set(shown.free)
    assert "01:30 (UTC-04:00)" in shown.text
    assert "01:30 (UTC-05:00)" in shown.text
    assert shown.text.count("The clocks change on this day") == 1
    assert ZONE in shown.text


def test_a_skipped_time_is_shown_as_skipped(town: Town) -> None:
    location, (court,) = opened(town, {"hours": NIGHT})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    shown = seen(town, offering, **{"from": "2027-03-14", "explain": "true"})
    assert shown.refused["2027-03-14T02:30"] == "02:30The clocks skip this time|"


def test_a_nasty_name_is_text(town: Town) -> None:
    location, (court,) = opened(town, {})
    nasty = "</title><script>alert(1)</script><img src=x onerror='alert(2)'> & \"co\""
    offering = sold(town, location, {"role": "court", "any_of": [court]}, name=nasty)
    shown = look(town, offering, **{"from": str(MONDAY), "explain": "true"})
    assert "<script>alert" not in shown.text
    assert "<img" not in shown.text
    page = Seen(shown.text)
    assert nasty in page.text
    assert [it.get("type") for it in page.named("script")] == [None, "application/json"]
    # What stands in the address is not repeated either.
    bad = look(town, offering, 400, **{"from": nasty, "minutes": nasty})
    assert "alert" not in bad.text


def test_nobody_learns_whose_a_booking_is(town: Town) -> None:
    location, (court,) = opened(town, {"hours": NIGHT, "name": "Court of Appeal"})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    ann = uuid4()
    answer = town.owner.post(
        f"/api/v1/offerings/{offering}/bookings",
        json={"starts_at": "2027-01-11T02:00", "then": "confirm", "customer_id": str(ann), "party_size": 7},
    )
    assert answer.status_code == 201, answer.text
    text = look(town, offering, **{"from": str(MONDAY), "explain": "true"}).text
    for secret in (str(ann), answer.json()["id"], answer.json()["reference"], court, location, "Court of Appeal"):
        assert secret not in text


def test_an_offering_that_is_not_there_is_a_friendly_404(town: Town) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    addresses = (
        f"{town.organization}/{uuid4()}", f"{uuid4()}/{offering}", f"{town.organization}/tennis", "a/b", f"{uuid7()}/0",
    )  # fmt: skip
    for address in addresses:
        answer = town.client.get(f"/book/{address}")
        assert answer.status_code == 404, address
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "There is no such offering at this address." in answer.text
    gone = town.owner.delete(f"/api/v1/offerings/{offering}")
    assert gone.status_code == 200
    town.owner.get(f"/api/v1/offerings/{offering}", params={"min_position": gone.json()["position"]})
    assert "is not any more" in look(town, offering, 404).text


@pytest.mark.parametrize(
    ("params", "right"),
    [
        ({"from": "tomorrow"}, "written 2027-03-14"),
        ({"from": "2027-02-30"}, "written 2027-03-14"),
        ({"from": "2199-12-26"}, "to 2199-12-25"),
        ({"from": ""}, "written 2027-03-14"),
        ({"party_size": "0"}, "from 1 to 10000"),
        ({"party_size": "many"}, "from 1 to 10000"),
        ({"minutes": "-5"}, "whole number of minutes"),
        ({"explain": "perhaps"}, "true or false"),
        ({"minutes": "61"}, "It is offered for 60 or 90 minutes."),
        ({"minutes": "null"}, "a whole number"),
    ],
)
def test_what_cannot_be_asked_is_a_400_that_says_what_would_be_right(
    town: Town, params: dict[str, str], right: str
) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]}, durations=[60, 90])
    answer = look(town, offering, 400, **params)
    assert right in answer.text
    assert Seen(answer.text).named("a", href=f"/book/{town.organization}/{offering}")
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "query", ["from=1&from=2", "%ff=1", "from", "&".join(f"p{n}=1" for n in range(100)), "from=%00"]
)
def test_a_garbled_address_is_a_400_as_well(town: Town, query: str) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    answer = town.client.get(f"/book/{town.organization}/{offering}?{query}")
    assert answer.status_code == 400
    assert "This cannot be shown" in answer.text


def test_what_links_gather_on_their_way_is_not_looked_at(town: Town) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    look(town, offering, utm_source="newsletter")


def test_the_edges_of_the_calendar_can_be_looked_at(town: Town) -> None:
    location, (court,) = opened(town, {}, zone="Pacific/Kiritimati")
    offering = sold(town, location, {"role": "court", "any_of": [court]}, step=240)
    assert not seen(town, offering, **{"from": "2199-12-25"}).named("a", rel="next")
    assert not seen(town, offering, **{"from": "1970-01-01"}).free


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
def test_without_a_date_it_begins_with_today_at_the_venue(town: Town, zone: str) -> None:
    location, (court,) = opened(town, {}, zone=zone)
    offering = sold(town, location, {"role": "court", "any_of": [court]}, step=120)
    page = seen(town, offering)
    (chosen,) = page.named("input", name="from")
    as_of = town.owner.get(
        "/api/v1/availability", params={"offering_id": offering, "from": str(MONDAY), "to": str(MONDAY), "zone": zone}
    ).json()["as_of"]
    assert chosen["value"] == str(localtime.wall(datetime.fromisoformat(as_of), zone).date())
    assert "today" in page.text


def test_weeks_lead_on_and_back_and_keep_what_was_asked(town: Town) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]}, durations=[60, 90], most_party=4)
    page = seen(town, offering, **{"from": str(MONDAY), "party_size": 2, "minutes": 90, "explain": "true"})
    (on, *_), (back, *_) = page.named("a", rel="next"), page.named("a", rel="prev")
    for link, first in ((on, MONDAY + timedelta(days=7)), (back, MONDAY - timedelta(days=7))):
        address = str(link["href"])
        assert f"from={first}" in address
        assert address.endswith("party_size=2&minutes=90&explain=true")
        assert town.client.get(address).status_code == 200
    (form,) = [it for it in page.named("form") if it.get("method") == "get"]
    assert form["action"] == f"/book/{town.organization}/{offering}"
    assert ["selected" in it for it in page.named("option")] == [False, True]
    assert not seen(town, offering).named("a", rel="prev"), "nothing of a past week can be booked"


def test_it_suits_phones_and_readers(town: Town) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    answer = look(town, offering, **{"from": str(MONDAY)})
    page = Seen(answer.text)
    assert page.named("meta", name="viewport", content="width=device-width, initial-scale=1")
    assert page.named("html", lang="en")
    assert len(page.named("h1")) == 1
    assert len(page.named("section", **{"class": "day"})) == 7
    labels = {it.get("for") for it in page.named("label")}
    assert {it["id"] for it in page.named("input") if "id" in it} | {
        it["id"] for it in page.named("select")
    } <= labels  # whatever can be filled in has a label
    assert page.named("p", role="status")
    ids = [it["id"] for _, it in page.elements if "id" in it]
    assert len(ids) == len(set(ids))


def test_it_asks_nobody_outside_and_keeps_to_its_policy(town: Town) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    answer = look(town, offering)
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "form-action 'self'" in policy, "or its own form could not be sent"
    assert answer.headers["cache-control"] == "no-store"
    page = Seen(answer.text)
    assert not [name for _, said in page.elements for name in said if name.startswith("on")]
    assert not [said for _, said in page.elements if "style" in said]
    files = [str(it["src"]) for it in page.named("script") if "src" in it]
    files += [str(it["href"]) for it in page.named("link", rel="stylesheet")]
    assert len(files) == 2
    for file in files:
        found = town.client.get(file)
        assert found.status_code == 200
        assert found.headers["x-content-type-options"] == "nosniff"
    for name in ("..%2fpage.py", "page.py", "x"):
        assert town.client.get(f"/book/files/{name}").status_code == 404


def test_what_the_script_sends_books_the_start_once(town: Town) -> None:
    """The page's attributes, as its script puts them together."""
    location, (court,) = opened(town, {"hours": NIGHT})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    page = seen(town, offering, **{"from": str(MONDAY)})
    (book,) = page.named("section", id="book")
    ann = town.as_("customer", str(uuid4()))
    party, minutes = int(str(book["data-party"])), int(str(book["data-minutes"]))
    body = {"starts_at": page.free[0], "party_size": party, "minutes": minutes, "then": "confirm"}
    headers = {"idempotency-key": "0f" * 16, "daybook-organization": str(book["data-organization"])}
    first = ann.post(str(book["data-url"]), json=body, headers=headers)
    assert first.status_code == 201, first.text
    again = ann.post(str(book["data-url"]), json=body, headers=headers)
    assert again.json()["reference"] == first.json()["reference"]
    other = ann.post(str(book["data-url"]), json=body, headers={**headers, "idempotency-key": "1f" * 16})
    reasons = problem(other, 409)["reasons"]
    found = re.search(r'<script type="application/json" id="sentences">(.*?)</script>', look(town, offering).text)
    assert found is not None
    table = json.loads(found[1])["sentences"]
    assert [table[reason["code"]][0] for reason in reasons] == ["Taken until {until}"]
    assert page.free[0] not in seen(town, offering, **{"from": str(MONDAY)}).free


def test_what_does_not_answer_in_time_is_a_page_that_says_so(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def asleep(*_: object) -> None:
        raise Unavailable("not now")

    monkeypatch.setattr(town.house.query_bus, "ask", asleep)
    answer = look(town, str(uuid4()), 503)
    assert "Try again in a moment" in answer.text
    assert answer.headers["retry-after"] == "1"


def test_whoever_asks_for_the_head_alone_gets_no_body(town: Town) -> None:
    location, (court,) = opened(town, {})
    offering = sold(town, location, {"role": "court", "any_of": [court]})
    answer = town.client.head(f"/book/{town.organization}/{offering}")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_guest_may_ask_for_what_is_offered_and_hold_it_for_themselves() -> None:
    assert {kind.__name__ for kind, grants in PERMISSIONS.items() if grants.get("guest") == "any"} == {
        "TheOffering", "WhatIsOffered"
    }  # fmt: skip
    assert {kind.__name__ for kind, grants in PERMISSIONS.items() if grants.get("guest") == "own"} == {
        "PlaceHold", "BookOffering", "BookSeats", "Confirm", "ExtendHold", "StartPayment", "ReleaseHold", "Cancel",
        "LinkToBooking", "RevokeLinks",
        "TheBooking",
    }  # fmt: skip


def test_it_can_be_closed_with_the_other_public_pages(servers: Settings) -> None:
    with fresh(servers, public_pages=False) as settings, Town(settings, views=False) as town:
        problem(town.client.get(f"/book/{town.organization}/{uuid4()}"), 401)
        problem(town.client.get("/book/files/booking.js"), 401)
        assert town.owner.get(f"/book/{town.organization}/{uuid4()}").status_code == 404


def test_no_token_makes_the_page_s_own_guest() -> None:
    """A guest's token names a browser, by an id like a customer's."""
    trust = Trust("s" * 40)
    token = minted(trust, role="guest", subject="booking-page", organization=uuid4())
    with pytest.raises(Unauthenticated):
        Doorkeeper(trust).caller(token.encode())


# what is sold by session


def a_class(town: Town, offering: str, room: str, starts_at: str, ends_at: str, seats: int = 3) -> str:
    body = {"offering_id": offering, "starts_at": starts_at, "ends_at": ends_at, "seats": seats, "resources": [room]}
    answer = town.owner.post("/api/v1/sessions", json=body)
    session = made(answer)
    known = {"min_position": answer.headers["daybook-position"]}
    assert town.owner.get(f"/api/v1/sessions/{session}", params=known).status_code == 200
    return session


def seat(town: Town, session: str, seats: int) -> None:
    answer = town.owner.post(f"/api/v1/sessions/{session}/bookings", json={"seats": seats, "then": "confirm"})
    assert answer.status_code == 201, answer.text


def test_what_is_sold_by_session_shows_its_sessions_and_the_seats_left(town: Town) -> None:
    location, (room,) = opened(town, {"name": "Studio"})
    price = {"amount": 1200, "currency": "EUR", "per": "head"}
    needs = {"role": "studio", "any_of": [room]}
    yoga = sold(town, location, needs, name="Yoga", durations=[60, 90], sessions_only=True, price=price)
    early = a_class(town, yoga, room, "2027-01-11T07:00", "2027-01-11T08:15")
    full = a_class(town, yoga, room, "2027-01-11T18:00", "2027-01-11T19:15")
    seat(town, early, 2)
    seat(town, full, 3)
    shown = seen(town, yoga, **{"from": str(MONDAY)})
    assert shown.free == ["2027-01-11T07:00:00-05:00"], "and no free times between the sessions"
    assert "until 08:15from EUR 12.001 seat left" in shown.text
    assert [it["data-session"] for it in shown.named("a", **{"class": "free"})] == [early]
    assert shown.refused == {"2027-01-11T18:00:00-05:00": "18:00Full|"}, "told to everybody, whether or not they ask"
    assert shown.text.count("Nothing on this day.") == 6
    assert not shown.named("select"), "a session lasts as long as it lasts"
    assert not shown.named("input", name="explain"), "everybody is told"
    assert "Choose one of the sessions with seats left above." in shown.text
    two = seen(town, yoga, **{"from": str(MONDAY), "party_size": 2})
    assert not two.free
    assert two.refused["2027-01-11T07:00:00-05:00"] == "07:00Not enough left: 1 of 3|"


def test_what_the_script_sends_books_a_seat_once(town: Town) -> None:
    location, (room,) = opened(town, {"name": "Studio"})
    yoga = sold(town, location, {"role": "studio", "any_of": [room]}, sessions_only=True)
    session = a_class(town, yoga, room, "2027-01-12T07:00", "2027-01-12T08:00", seats=4)
    (link,) = seen(town, yoga, **{"from": str(MONDAY), "party_size": 2}).named("a", **{"class": "free"})
    assert link["data-session"] == session
    wish, key = {"seats": 2, "then": "confirm"}, {"idempotency-key": "0" * 32}
    somebody = town.as_("customer")
    answers = [
        somebody.post(f"/api/v1/sessions/{link['data-session']}/bookings", json=wish, headers=key) for _ in range(2)
    ]
    assert [it.json()["status"] for it in answers] == ["confirmed", "confirmed"]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert "2 seats left" in seen(town, yoga, **{"from": str(MONDAY), "party_size": 2}).text
