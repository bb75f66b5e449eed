"""People without an account: they book with a browser's token, and come back by a link."""

import base64
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from house import Court, Somebody, Town, problem, soon, until
from hypothesis import given
from hypothesis import strategies as st

from application.booking.links import ACTS, LONGEST, Link, LinkRefused, ends_at, read, spelled
from domain.booking.booking import Booking
from domain.booking.events import Item
from infrastructure.identity.signing import LONGEST_LINK
from interfaces import links as house_links
from interfaces.http import asked


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each story calls from an address of its own."""
    here = str(uuid4())
    monkeypatch.setattr(asked, "household", lambda _: here)


@pytest.fixture(scope="module")
def court(town: Town) -> Court:
    return town.court(capacity=100)


@pytest.fixture(scope="module")
def tennis(town: Town, court: Court) -> str:
    terms = {"needs": [{"role": "court", "any_of": [court.resource]}], "durations": [60]}
    wish = {"location_id": court.location, "name": "Tennis & tea", "terms": terms}
    made: str = town.owner.post("/api/v1/offerings", json=wish).json()["id"]
    return made


def came(town: Town, **more: object) -> dict[str, object]:
    answer = town.client.post("/api/v1/guests", json={"organization_id": str(town.organization), **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()
    return found


class Visitor:
    """A guest with a booking of theirs and a link to it."""

    def __init__(self, town: Town, tennis: str, hours: float = 48, acts: tuple[str, ...] | None = None) -> None:
        told = came(town)
        self.town, self.id = town, str(told["guest_id"])
        self.who = Somebody(town.client, str(told["access_token"]))
        booked = self.who.post(
            f"/api/v1/offerings/{tennis}/bookings", json={"starts_at": soon(hours).isoformat(), "then": "confirm"}
        )
        assert booked.status_code == 201, booked.text
        self.booking, self.secret = booked.json()["id"], {"daybook-hold-token": booked.json()["hold_token"]}
        made = self.who.post(self.links, json={} if acts is None else {"acts": acts}, headers=self.secret)
        assert made.status_code == 200, made.text
        self.made = made.json()
        self.link: str = self.made["link"]

    @property
    def links(self) -> str:
        return f"/api/v1/bookings/{self.booking}/links"

    @property
    def api(self) -> str:
        return f"/api/v1{self.link}"

    def status(self) -> str:
        found: str = self.town.client.get(self.api).json()["status"]
        return found


@pytest.fixture
def visitor(town: Town, tennis: str) -> Visitor:
    return Visitor(town, tennis)


# a token for a browser


def test_a_stranger_gets_a_token_that_lets_them_book_and_nothing_more(town, court):
    told = came(town)
    guest = Somebody(town.client, str(told["access_token"]))
    held = guest.post("/api/v1/bookings", json=court.wish())
    assert held.status_code == 201
    at = {"min_position": held.json()["position"]}
    seen = guest.get(f"/api/v1/bookings/{held.json()['id']}", params=at).json()
    assert seen["customer_id"] == told["guest_id"]
    problem(guest.get("/api/v1/bookings"), 403, "not_permitted")
    problem(guest.get("/api/v1/users/me"), 403, "not_permitted")


def test_with_the_token_of_before_they_stay_who_they_were(town):
    told = came(town)
    again = came(town, access_token=told["access_token"])
    assert again["guest_id"] == told["guest_id"]
    assert came(town)["guest_id"] != told["guest_id"]


def test_nobody_becomes_a_guest_by_another_token_or_elsewhere(town):
    for token in (
        town.token("customer"),
        town.token("owner"),
        "junk",
        town.token("guest", str(uuid4()), organization=uuid4()),
    ):
        wish = {"organization_id": str(town.organization), "access_token": token}
        problem(town.client.post("/api/v1/guests", json=wish), 401, "unauthenticated")
    problem(town.client.post("/api/v1/guests", json={"organization_id": str(uuid4())}), 404, "unknown_organization")


def test_its_life_is_a_quarter_of_an_hour_whatever_other_tokens_live(town):
    assert came(town)["expires_in"] == min(900, town.house.trust.longest)


# who they are


def test_a_guest_says_how_they_can_be_reached_and_staff_see_it(town, visitor):
    url = "/api/v1/guests/me/details"
    for said in ({"name": "Dora Guest", "email": "dora@example.org"}, {"phone": "+351 912 345 678"}):
        answer = visitor.who.put(url, json=said)
        assert answer.status_code == 200, answer.text
    seen = town.owner.get(f"/api/v1/users/{visitor.id}", params={"min_position": answer.json()["position"]}).json()
    assert (seen["role"], seen["details"]["name"], seen["details"]["phone"]) == (
        "customer", "Dora Guest", "+351912345678"
    )  # fmt: skip
    rows = town.sql("SELECT state FROM event_store.event WHERE stream = %s", visitor.id)
    assert rows
    assert not any(b"Dora" in bytes(state) or b"dora" in bytes(state) for (state,) in rows)


def test_only_a_guest_says_so_and_says_something_that_can_be_kept(town, visitor):
    url = "/api/v1/guests/me/details"
    for role in ("customer", "staff", "owner"):
        problem(town.as_(role).put(url, json={"name": "Dora"}), 403, "not_permitted")
    problem(visitor.who.put(url, json={}), 400, "bad_body")
    problem(visitor.who.put(url, json={"email": "nowhere"}), 422, "not_an_email")
    problem(visitor.who.put(url, json={"role": "owner"}), 400, "bad_body")


# a link is made


def test_a_guest_needs_the_secret_of_the_hold_for_it(town, tennis, visitor):
    problem(visitor.who.post(visitor.links, json={}), 403, "hold_token_needed")
    other = Visitor(town, tennis)
    problem(other.who.post(visitor.links, json={}, headers=other.secret), 404, "unknown_booking")


def test_staff_and_the_customer_have_one_made_too_and_for_nobody_there_is_none(town, court):
    who = town.as_("customer", str(uuid4()))
    held = court.book(60, who=who)
    for one in (who, town.owner):
        assert one.post(f"{held.url}/links", json={}).status_code == 200
    problem(town.as_("customer", str(uuid4())).post(f"{held.url}/links", json={}), 404, "unknown_booking")
    nobody_s = court.book(61)
    problem(town.owner.post(f"{nobody_s.url}/links", json={}), 422, "nobody_to_link")


def test_it_ends_a_day_after_the_booking(visitor):
    ends = datetime.fromisoformat(visitor.made["expires_at"])
    assert ends == soon(49) + timedelta(days=1)


@pytest.mark.parametrize(("ahead", "capped"), [(100, False), (398.9, False), (399.1, True), (4000, True)])
def test_and_within_four_hundred_days_in_any_case(ahead, capped):
    now = datetime(2027, 1, 1, tzinfo=UTC)
    item = Item(1, uuid4(), now, now + timedelta(days=ahead), 1, "UTC")
    booking = Booking(id=uuid4(), items=(item,))
    expected = now + LONGEST if capped else now + timedelta(days=ahead + 1)
    assert abs(ends_at(booking, now) - expected) < timedelta(seconds=1)
    assert LONGEST.total_seconds() <= LONGEST_LINK


# what it is good for


def test_by_it_one_sees_moves_and_cancels(town, visitor):
    seen = town.client.get(visitor.api)
    assert (seen.status_code, seen.json()["id"], seen.json()["status"]) == (200, visitor.booking, "confirmed")
    moved = town.client.post(f"{visitor.api}/move", json={"starts_at": soon(50).isoformat()})
    assert moved.status_code == 200, moved.text
    assert datetime.fromisoformat(town.client.get(visitor.api).json()["starts_at"]) == soon(50)
    cancelled = town.client.post(f"{visitor.api}/cancellation", json={})
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert visitor.status() == "cancelled"
    assert town.client.post(f"{visitor.api}/cancellation", json={}).status_code in (200, 422)


def test_what_is_done_by_it_names_it_and_the_customer(town, visitor):
    town.client.post(f"{visitor.api}/cancellation", json={})
    visitor.status()
    last = town.owner.get(f"/api/v1/bookings/{visitor.booking}/events").json()["data"][-1]
    assert (last["action"], last["actor"]["id"], last["actor"]["role"]) == (
        "booking.cancelled", visitor.id, "customer"
    )  # fmt: skip
    assert last["facts"]["by"] == "customer"


@pytest.mark.parametrize("acts", [("see",), ("cancel",), ("see", "reschedule")])
def test_it_is_good_for_the_acts_it_was_made_for(town, tennis, acts):
    visitor = Visitor(town, tennis, acts=acts)
    asked_for = {
        "see": town.client.get(visitor.api),
        "reschedule": town.client.post(f"{visitor.api}/move", json={"starts_at": soon(70).isoformat()}),
        "cancel": town.client.post(f"{visitor.api}/cancellation", json={}),
    }
    for act, answer in asked_for.items():
        if act in acts:
            assert answer.status_code == 200, (act, answer.text)
        else:
            problem(answer, 403, "link_refused")


def test_it_is_no_token_and_a_token_is_no_link(town, visitor):
    text = visitor.link.rpartition("/")[2]
    problem(Somebody(town.client, text).get("/api/v1/bookings"), 401, "unauthenticated")
    problem(town.client.get(f"/api/v1/manage/{visitor.who.token}"), 403, "link_refused")


# and for nothing else


def test_no_byte_of_it_can_be_changed(town, visitor):
    head, _, text = visitor.link.rpartition("/")
    shown = lambda one: house_links.read(one, lambda kid: house_links._key(town.house, kid), datetime.now(UTC))  # noqa: E731
    assert shown(text).booking_id == UUID(visitor.booking)
    for place, was in enumerate(text):
        for other in "AZaz09-_+/=.\n":
            if other != was:
                with pytest.raises(LinkRefused):
                    shown(text[:place] + other + text[place + 1 :])
    for wrong in (text[:-1], text + "A", text[:-4], text + "AAAA", "", "é" * 96, text.swapcase()):
        with pytest.raises(LinkRefused):
            shown(wrong)
    for place in (0, 11, 30, 50, 60, 70, 95):
        wrong = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        problem(town.client.get(f"/api/v1{head}/{wrong}"), 403, "link_refused")
        assert town.client.get(f"{head}/{wrong}").status_code == 403


@given(
    st.uuids(), st.uuids(), st.integers(0, 65_535), st.sets(st.sampled_from(ACTS), min_size=1),
    st.integers(0, 2**40 - 1), st.binary(min_size=8, max_size=8),
)  # fmt: skip
def test_what_was_signed_is_read_until_it_ends_and_under_its_key_alone(tenant, booking, links, acts, ends, kid):
    if ends > 250_000_000_000:
        ends %= 250_000_000_000
    key, other = b"k" * 32, b"o" * 32
    link = Link(tenant, booking, links, frozenset(acts), datetime.fromtimestamp(ends, UTC))
    text = spelled(link, kid.hex(), key)
    keys = {kid.hex(): key}
    assert len(text) == 96
    if ends:
        assert read(text, keys.get, link.ends_at - timedelta(seconds=1)) == link
    for now, known in ((link.ends_at, keys), (link.ends_at + timedelta(seconds=1), keys)):
        with pytest.raises(LinkRefused):
            read(text, known.get, now)
    with pytest.raises(LinkRefused):
        read(text, {kid.hex(): other}.get, datetime(1970, 1, 1, tzinfo=UTC) - timedelta(days=1))


def test_a_second_after_its_end_it_is_no_good(town, visitor, monkeypatch):
    ends = datetime.fromisoformat(visitor.made["expires_at"]).timestamp()
    real = time.time
    monkeypatch.setattr("interfaces.links.time.time", lambda: ends - 1)
    assert town.client.get(visitor.api).status_code == 200
    monkeypatch.setattr("interfaces.links.time.time", lambda: ends + 1)
    problem(town.client.get(visitor.api), 403, "link_refused")
    monkeypatch.setattr("interfaces.links.time.time", real)


def test_taken_back_it_is_no_good_and_one_made_later_is(town, visitor):
    answer = town.owner.delete(visitor.links, headers={"if-match": '"2"'})
    assert answer.status_code == 200, answer.text
    for url in (visitor.api, visitor.link):
        assert town.client.get(url).status_code == 403
    assert town.client.post(f"{visitor.api}/cancellation", json={}).status_code == 403
    later = town.owner.post(visitor.links, json={}).json()["link"]
    assert town.client.get(f"/api/v1{later}").json()["status"] == "confirmed"
    found = town.sql(
        "SELECT action, outcome, reason FROM access_log.entry WHERE target_id = %s AND action = 'Link'", visitor.booking
    )
    assert found == [("Link", "denied", "link_refused")] * 3


def test_another_tenant_s_name_makes_nothing_of_it(town, visitor):
    key = town.house.ring.newest
    elsewhere = Link(uuid4(), UUID(visitor.booking), 0, frozenset(ACTS), soon(90))
    forged = spelled(elsewhere, key.kid, key.derived("links"))
    problem(town.client.get(f"/api/v1/manage/{forged}"), 403, "link_refused")
    headers = {"daybook-organization": str(uuid4())}
    problem(town.client.get(visitor.api, headers=headers), 403, "link_refused")
    assert town.client.get(visitor.api, headers={"daybook-organization": str(town.organization)}).status_code == 200


def test_signed_by_what_signs_tokens_it_is_not_signed_as_a_link(town, visitor):
    """The same secret, another purpose: what is signed as one is never the other."""
    key = town.house.ring.newest
    link = Link(town.organization, UUID(visitor.booking), 0, frozenset(ACTS), soon(90))
    problem(town.client.get(f"/api/v1/manage/{spelled(link, key.kid, key.secret)}"), 403, "link_refused")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("POST", ""), ("GET", "/cancellation"), ("GET", "/move"),
     ("PUT", "/cancellation"), ("DELETE", "/move")],
)  # fmt: skip
def test_no_other_method_does_anything(town, visitor, method, path):
    problem(town.client.request(method, visitor.api + path), 403, "link_refused")
    assert visitor.status() == "confirmed"


def test_two_parameters_of_the_same_name_are_refused(town, visitor):
    problem(town.client.get(f"{visitor.api}?a=1&a=2"), 403, "link_refused")
    problem(town.client.post(f"{visitor.api}/cancellation?a=1&a=2", json={}), 403, "link_refused")
    assert town.client.get(f"{visitor.link}?a=1&a=2").status_code == 403
    assert visitor.status() == "confirmed"


# the page


def test_the_page_shows_the_booking_and_looking_changes_nothing(town, visitor):
    before = town.sql("SELECT count(*) FROM event_store.event")
    for _ in range(2):
        answer = town.client.get(visitor.link)
        assert answer.status_code == 200
        for word in ("Tennis &amp; tea", "Booked.", "Europe/Lisbon", "Yes, cancel it"):
            assert word in answer.text
    assert town.client.head(visitor.link).status_code == 200
    assert town.sql("SELECT count(*) FROM event_store.event") == before
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "form-action 'self'" in answer.headers["content-security-policy"]


def test_its_form_cancels_and_leads_back_to_what_is_so_now(town, visitor):
    answer = town.client.post(visitor.link, data={"do": "cancel"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, visitor.link)
    page = town.client.get(visitor.link).text
    assert "Cancelled." in page
    assert "Yes, cancel it" not in page


@pytest.mark.parametrize("body", ["", "do=other", "do=cancel&do=cancel", "do=cancel&x=1", "do", "a=" + "&a=" * 50])
def test_another_form_does_nothing(town, visitor, body):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert town.client.post(visitor.link, content=body, headers=headers, follow_redirects=False).status_code == 403
    assert visitor.status() == "confirmed"


def test_a_link_to_look_at_shows_no_button(town, tennis):
    visitor = Visitor(town, tennis, acts=("see",))
    assert "Yes, cancel it" not in town.client.get(visitor.link).text
    assert town.client.post(visitor.link, data={"do": "cancel"}, follow_redirects=False).status_code == 403


def test_the_path_is_written_down_nowhere(town, visitor, capfd):
    town.client.get(visitor.link)
    town.client.get(visitor.api)
    said = capfd.readouterr()
    assert "/manage/{token" in said.out
    assert visitor.link.rpartition("/")[2] not in said.out + said.err


def test_a_booking_keeps_its_link_while_keys_are_changed(town, visitor, monkeypatch):
    from infrastructure.identity import signing

    monkeypatch.setattr(signing, "HEAD_START", 0.0)
    new = signing.rotate(town.settings.database_url or "", town.house.keys)
    town.house.ring.refresh()
    until(lambda: town.house.ring.newest.kid == new)
    assert visitor.status() == "confirmed"
    later = town.owner.post(visitor.links, json={}).json()["link"]
    said = base64.urlsafe_b64decode(later.rpartition("/")[2])
    assert said[1:9].hex() == new
    assert town.client.get(f"/api/v1{later}").status_code == 200
