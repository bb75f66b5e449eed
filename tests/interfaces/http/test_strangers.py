"""People without an account: what they hold is theirs by a secret, and there is only so much of it."""

import hashlib
from uuid import uuid4

import pytest
from house import Court, Somebody, Town, problem, soon

from domain.booking.strangers import MOST_FROM_ONE_ADDRESS
from interfaces.http import asked
from interfaces.http.address import household


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each story calls from an address of its own."""
    here = str(uuid4())
    monkeypatch.setattr(asked, "household", lambda _: here)


@pytest.fixture
def court(town: Town) -> Court:
    return town.court(capacity=100)


@pytest.fixture
def guest(town: Town) -> Somebody:
    return browser(town)


def browser(town: Town) -> Somebody:
    return town.as_("guest", str(uuid4()))


def held(court: Court, guest: Somebody, **more: object) -> tuple[str, str]:
    answer = guest.post("/api/v1/bookings", json=court.wish(**more))
    assert answer.status_code == 201, answer.text
    return f"/api/v1/bookings/{answer.json()['id']}", answer.json()["hold_token"]


def shown(token: str) -> dict[str, str]:
    return {"daybook-hold-token": token}


STEPS = ["confirmation", "hold-extension", "payment-start"]


@pytest.mark.parametrize("step", STEPS)
def test_with_its_secret_a_stranger_does_with_a_hold_what_a_customer_does(court, guest, step):
    url, token = held(court, guest)
    answer = guest.post(f"{url}/{step}", json={}, headers=shown(token))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("step", [*STEPS, "cancellation"])
@pytest.mark.parametrize("said", [{}, shown("x" * 43)])
def test_without_it_they_do_nothing(court, guest, step, said):
    url, _ = held(court, guest)
    problem(guest.post(f"{url}/{step}", json={}, headers=said), 403, "hold_token_needed")


def test_a_hold_is_given_back_with_its_secret_alone(court, guest):
    url, token = held(court, guest)
    problem(guest.delete(f"{url}/hold"), 403, "hold_token_needed")
    assert guest.delete(f"{url}/hold", headers=shown(token)).json()["status"] == "expired"


def test_one_hold_s_secret_opens_no_other(court, guest):
    (one, _), (_, other) = held(court, guest), held(court, guest)
    problem(guest.post(f"{one}/confirmation", json={}, headers=shown(other)), 403, "hold_token_needed")


def test_to_another_browser_it_is_unknown_even_with_the_secret(town, court, guest):
    url, token = held(court, guest)
    problem(browser(town).post(f"{url}/confirmation", json={}, headers=shown(token)), 404, "unknown_booking")


def test_staff_need_no_secret(town, court, guest):
    url, _ = held(court, guest)
    assert town.owner.post(f"{url}/confirmation", json={}, headers={"if-match": '"1"'}).status_code == 200


def test_the_secret_is_kept_nowhere_but_its_hash_and_told_again_to_who_asks_again(town, court, guest):
    body, key = court.wish(), {"idempotency-key": "once"}
    first, again = (guest.post("/api/v1/bookings", json=body, headers=key) for _ in range(2))
    assert first.json() == again.json()
    token = first.json()["hold_token"]
    kept = hashlib.sha256(token.encode()).hexdigest()
    everything = "SELECT state, metadata FROM event_store.event UNION ALL SELECT result, '' FROM event_store.command"
    rows = [bytes(a) + bytes(b) for a, b in town.sql(everything)]
    assert not any(token.encode() in row for row in rows)
    assert any(kept.encode() in row for row in rows)


def test_addresses_are_kept_nowhere(town, court, guest, monkeypatch):
    held(court, guest)
    streams = town.sql("SELECT stream FROM event_store.event WHERE tag = 'stranger.held'")
    assert streams
    rows = town.sql("SELECT state, metadata FROM event_store.event WHERE tag = 'stranger.held'")
    assert not any(b"testclient" in bytes(a) + bytes(b) for a, b in rows)


def test_a_browser_holds_so_much_at_a_time(town, court, guest):
    """As a customer does: three, by the usual policy. What is firm is no hold any more."""
    *_, (url, token) = (held(court, guest) for _ in range(3))
    problem(guest.post("/api/v1/bookings", json=court.wish()), 409, "too_many_holds")
    held(court, browser(town))
    assert guest.post(f"{url}/confirmation", json={}, headers=shown(token)).status_code == 200
    held(court, guest)


def test_an_address_holds_so_much_whoever_calls_from_there(town, court, monkeypatch):
    """What is firm by then counts as well, so that nobody empties a calendar by saying yes to everything."""
    for _ in range(MOST_FROM_ONE_ADDRESS):
        held(court, browser(town), then="confirm")
    refused = browser(town).post("/api/v1/bookings", json=court.wish())
    assert problem(refused, 429, "too_many_from_here")["details"]["limit"] == MOST_FROM_ONE_ADDRESS
    assert refused.headers["retry-after"] == "60"
    court.book(who=town.as_("customer"))  # who has an account is known by it
    monkeypatch.setattr(asked, "household", lambda _: "another")
    held(court, browser(town))


@pytest.mark.parametrize(
    ("address", "stands_for"),
    [("203.0.113.7", "203.0.113.7"), ("2001:db8:1:2:3::4", "2001:0db8:0001:0002"), ("testclient", "testclient")],
)
def test_an_address_of_the_new_kind_is_one_of_many_that_a_household_has(address, stands_for):
    assert household(address) == stands_for


def test_a_stranger_books_what_an_offering_sells_for_themselves_and_passes_over_nothing(town, court, guest):
    terms = {"needs": [{"role": "court", "any_of": [court.resource]}], "durations": [60]}
    made = town.owner.post("/api/v1/offerings", json={"location_id": court.location, "name": "Tennis", "terms": terms})
    url, wish = f"/api/v1/offerings/{made.json()['id']}/bookings", {"starts_at": soon(24).isoformat()}
    booked = guest.post(url, json={**wish, "then": "confirm"})
    assert (booked.status_code, booked.json()["status"]) == (201, "confirmed"), booked.text
    assert booked.json()["hold_token"]
    problem(guest.post(url, json={**wish, "customer_id": str(uuid4())}), 403, "somebody_else")
    problem(guest.post(url, json={**wish, "override": True, "reason": "vip"}), 403, "staff_only")
    problem(guest.post(url, json={**wish, "overbook": "vip"}), 403, "not_permitted")


def test_a_stranger_sees_their_own_and_nobody_else_s(town, court, guest):
    url, _ = held(court, guest)
    assert guest.get(url, params={"min_position": position(town)}).json()["status"] == "held"
    problem(browser(town).get(url), 404, "unknown_booking")
    problem(guest.get("/api/v1/bookings"), 403, "not_permitted")


def position(town: Town) -> str:
    return str(town.sql("SELECT max(position) FROM event_store.event")[0][0])
