"""Keys for programs: what each may, how it is kept, and that it ends."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from house import Court, Somebody, Town, fresh, made, problem, until

from application import scopes
from application.permission import PERMISSIONS, reached
from domain.identity.api_key import both
from infrastructure.settings import Settings
from interfaces.http import api_keys
from interfaces.http.api_keys import read, text
from interfaces.http.errors import Unauthenticated


@pytest.fixture(autouse=True)
def a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no story waits for long until a good key is looked at again."""
    monkeypatch.setattr(api_keys, "LOOKED_AT_EVERY", 0.5)


@pytest.fixture(scope="module")
def till(town: Town) -> str:
    return service(town)


def service(town: Town) -> str:
    return made(town.owner.post("/api/v1/users", json={"role": "service"}))


def issued(town: Town, user: str, who: Somebody | None = None, **more: object) -> dict[str, str]:
    wish = {"user_id": user, "name": "till", "scopes": ["read", "book"], **more}
    answer = (who or town.owner).post("/api/v1/api-keys", json=wish)
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


def program(town: Town, user: str, **more: object) -> Somebody:
    return Somebody(town.client, issued(town, user, **more)["key"])


# what it may


def test_a_program_does_what_its_user_may_as_far_as_its_scopes_say(town, till):
    court = town.court()
    both_ways, looker, booker = program(town, till), program(town, till, scopes=["read"]), program(
        town, till, scopes=["booking"]
    )  # fmt: skip
    held = court.book(100, who=both_ways)
    assert held.now(who=looker)["status"] == "held"
    problem(looker.post("/api/v1/bookings", json=court.wish(120)), 403, "out_of_scope")
    assert held.step("confirmation", who=booker).status_code == 200
    problem(booker.get("/api/v1/locations"), 403, "out_of_scope")
    problem(both_ways.post("/api/v1/locations", json={"name": "Courts", "zone": "Europe/Lisbon"}), 403)


def test_no_scope_widens_what_a_service_may(town, till):
    mighty = program(town, till, scopes=list(scopes.SCOPES))
    problem(mighty.post("/api/v1/locations", json={"name": "Mine", "zone": "UTC"}), 403, "not_permitted")
    problem(mighty.post("/api/v1/api-keys", json={"user_id": till, "name": "more", "scopes": ["read"]}), 403)
    problem(mighty.get("/api/v1/api-keys"), 403, "not_permitted")


def test_what_it_does_names_it(town, till):
    court, shown = town.court(), issued(town, till)
    held = court.book(100, who=Somebody(town.client, shown["key"]))
    held.now()
    (event,) = town.owner.get(f"{held.url}/events").json()["data"]
    assert (event["actor"]["id"], event["actor"]["type"]) == (till, "service")
    (metadata,) = town.sql("SELECT metadata FROM event_store.event WHERE stream = %s", held.id)[0]
    assert f"key {shown['id']}".encode() in bytes(metadata)


def test_a_key_within_some_places_reaches_no_further(town, till):
    here, there = town.court(), town.court()
    narrow = program(town, till, within=[here.location])
    here.book(100, who=narrow)
    problem(narrow.post("/api/v1/bookings", json=there.wish(100)), 403, "out_of_reach")


ONE, TWO, THREE = (UUID(int=n) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("key", "user", "found"),
    [
        ((), (), ()), ((ONE,), (), (ONE,)), ((), (ONE,), (ONE,)), ((ONE, TWO), (TWO, THREE), (TWO,)),
        ((ONE,), (TWO,), None),
    ],
)  # fmt: skip
def test_what_lies_within_both(key, user, found):
    assert both(key, user) == found


def test_every_message_has_its_scopes_and_every_scope_its_messages():
    assert {scopes.room(message) for message in PERMISSIONS} == set(scopes.ROOMS)
    for message in PERMISSIONS:
        assert len(scopes.words(message)) == 2
        assert scopes.words(message) <= set(scopes.SCOPES)
    for word in scopes.SCOPES:
        assert any(reached(message, [word]) for message in PERMISSIONS), word
    assert scopes.LINK not in scopes.SCOPES


# who gives it


def test_owners_and_admins_give_keys_and_nobody_else(town, till):
    issued(town, till, who=town.as_("admin"))
    for role in ("manager", "staff", "customer", "compliance", "service", "guest"):
        subject = str(uuid4()) if role == "guest" else None
        who = town.as_(role, subject)
        wish = {"user_id": till, "name": "till", "scopes": ["read"]}
        problem(who.post("/api/v1/api-keys", json=wish), 403, "not_permitted")
        problem(who.get("/api/v1/api-keys"), 403, "not_permitted")
        problem(who.delete(f"/api/v1/api-keys/{uuid4()}"), 403, "not_permitted")


def test_it_is_for_service_users_who_are_there(town):
    person = made(town.owner.post("/api/v1/users", json={"role": "staff"}))
    wish = {"name": "till", "scopes": ["read"]}
    problem(town.owner.post("/api/v1/api-keys", json={**wish, "user_id": person}), 422, "for_services_only")
    problem(town.owner.post("/api/v1/api-keys", json={**wish, "user_id": str(uuid4())}), 404, "unknown_user")
    gone = service(town)
    town.owner.post(f"/api/v1/users/{gone}/deactivation")
    problem(town.owner.post("/api/v1/api-keys", json={**wish, "user_id": gone}), 422, "deactivated")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"scopes": ["king"]}, 422), ({"scopes": ["link"]}, 422), ({"scopes": []}, 400),
        ({"name": "John's, at home"}, 400),
    ],
)  # fmt: skip
def test_what_is_said_of_it_is_checked(town, till, wrong, status):
    wish = {"user_id": till, "name": "till", "scopes": ["read"], **wrong}
    problem(town.owner.post("/api/v1/api-keys", json=wish), status)


@pytest.mark.parametrize(
    ("days", "fine"), [(-1, False), (0, False), (1, True), (730.9, True), (731.1, False)]
)  # fmt: skip
def test_it_ends_within_two_years(town, till, days, fine):
    ends = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    wish = {"user_id": till, "name": "till", "scopes": ["read"], "expires_at": ends}
    answer = town.owner.post("/api/v1/api-keys", json=wish)
    assert answer.status_code == (201 if fine else 422), answer.text


# how it is kept


def test_only_a_hash_of_its_secret_is_kept_and_it_is_logged_nowhere(town, till, capfd):
    key = issued(town, till)["key"]
    Somebody(town.client, key).get("/api/v1/bookings")
    said = capfd.readouterr()
    assert "/api/v1/bookings" in said.out
    secret = key.partition("_")[2].partition("_")[2]
    assert secret not in said.out + said.err
    everything = (
        "SELECT state, metadata FROM event_store.event UNION ALL SELECT result, '' FROM event_store.command "
        "UNION ALL SELECT metadata, '' FROM access_log.entry UNION ALL SELECT k::text::bytea, '' FROM read.api_key k"
    )
    rows = [bytes(a) + bytes(b) for a, b in town.sql(everything)]
    _, _, told = read(key.encode())
    assert not any(secret.encode() in row or told in row or told.hex().encode() in row for row in rows)
    assert any(sha256(told).hexdigest().encode() in row for row in rows)


def test_it_is_shown_once_and_to_who_repeats_the_request(town, till):
    wish, once = {"user_id": till, "name": "till", "scopes": ["read"]}, {"idempotency-key": "a-till"}
    first, again = (town.owner.post("/api/v1/api-keys", json=wish, headers=once) for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert Somebody(town.client, again.json()["key"]).get("/api/v1/bookings").status_code == 200
    listed = town.owner.get("/api/v1/api-keys", params={"min_position": again.json()["position"], "limit": 500})
    assert first.json()["key"].rpartition("_")[2] not in listed.text


def test_the_list_says_how_it_begins_and_when_it_was_used_last(town, till):
    shown = issued(town, till)
    mine = lambda: next(  # noqa: E731
        row for row in town.owner.get("/api/v1/api-keys", params={"min_position": shown["position"], "limit": 500})
        .json()["data"] if row["id"] == shown["id"]
    )  # fmt: skip
    assert shown["key"].startswith(mine()["begins"])
    assert (mine()["last_used_at"], mine()["revoked"], mine()["scopes"]) == (None, False, ["read", "book"])
    Somebody(town.client, shown["key"]).get("/api/v1/bookings")
    first = mine()["last_used_at"]
    assert first is not None
    town.house.rows.key_used(town.organization, UUID(shown["id"]))
    assert mine()["last_used_at"] == first, "no more than once a minute"
    town.sql("UPDATE identity.key_use SET used_at = used_at - interval '61 s' WHERE key = %s", shown["id"])
    town.house.rows.key_used(town.organization, UUID(shown["id"]))
    assert mine()["last_used_at"] > first


def test_who_gave_looked_and_took_back_is_in_the_access_log(town, till):
    shown = issued(town, till)
    town.owner.get("/api/v1/api-keys")
    town.owner.delete(f"/api/v1/api-keys/{shown['id']}")
    Somebody(town.client, shown["key"]).get("/api/v1/bookings")
    found = town.sql(
        "SELECT action, outcome, reason FROM access_log.entry WHERE target_id = %s ORDER BY position", shown["id"]
    )
    assert found == [
        ("IssueApiKey", "success", None), ("RevokeApiKey", "success", None), ("ApiKey", "denied", "api_key_revoked")
    ]  # fmt: skip
    assert ("ApiKeys", "success") in town.sql("SELECT action, outcome FROM access_log.entry")


# that it ends


def test_revoked_it_is_no_good_in_any_process(servers: Settings):
    with fresh(servers) as settings, Town(settings) as town, Town(settings, views=False) as elsewhere:
        key = issued(town, service(town))
        elsewhere.organization = town.organization
        for house in (town, elsewhere):
            assert Somebody(house.client, key["key"]).get("/api/v1/locations").status_code == 200
        assert town.owner.delete(f"/api/v1/api-keys/{key['id']}").status_code == 200
        assert town.owner.delete(f"/api/v1/api-keys/{key['id']}").status_code == 200, "asked twice: nothing happened"
        for house in (town, elsewhere):
            until(lambda at=house: Somebody(at.client, key["key"]).get("/api/v1/locations").status_code == 401)


def test_expired_it_is_no_good(town, till):
    ends = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    shown = program(town, till, expires_at=ends)
    assert shown.get("/api/v1/bookings").status_code == 200
    until(lambda: shown.get("/api/v1/bookings").status_code == 401)


def test_when_its_user_is_nobody_any_more_neither_is_it(town):
    user = service(town)
    shown = program(town, user)
    assert shown.get("/api/v1/bookings").status_code == 200
    town.owner.post(f"/api/v1/users/{user}/deactivation")
    until(lambda: shown.get("/api/v1/bookings").status_code == 401)


def test_when_its_user_is_no_service_any_more_it_does_not_become_mighty(town):
    user = service(town)
    shown = program(town, user)
    town.owner.patch(f"/api/v1/users/{user}", json={"role": "owner"})
    until(lambda: shown.get("/api/v1/bookings").status_code == 401)


# tricks


def test_no_byte_of_it_can_be_changed(town, till):
    key = issued(town, till)["key"].encode()
    for place in range(len(key)):
        for other in (b"A", b"a", b"_", b"7"):
            wrong = key[:place] + other + key[place + 1 :]
            if wrong == key:
                continue
            try:
                tenant, key_id, secret = read(wrong)
            except Unauthenticated:
                continue
            assert (tenant, key_id, secret) != read(key)
    for wrong in (key[:-1] + (b"A" if key[-1:] != b"A" else b"E"), key + b"A", key[:-1], key.upper(), b"db_", b"db__"):
        answer = town.client.get("/api/v1/bookings", headers=[(b"authorization", b"Bearer " + wrong)])
        problem(answer, 401, "unauthenticated")


def test_another_organization_s_name_on_it_opens_neither(town, till):
    key = issued(town, till)["key"]
    _, key_id, secret = read(key.encode())
    forged = Somebody(town.client, text(uuid4(), key_id, secret))
    problem(forged.get("/api/v1/bookings"), 401, "unauthenticated")
    headers = {"daybook-organization": str(uuid4())}
    problem(Somebody(town.client, key).get("/api/v1/bookings", headers=headers), 404, "unknown_organization")


@pytest.mark.parametrize("secret", [b"", b"x" * 31, b"x" * 33])
def test_a_secret_has_one_length(secret):
    with pytest.raises(Unauthenticated):
        read(text(uuid4(), uuid4(), secret).encode())


def test_another_s_stream_is_no_key(town, till):
    """A booking's id, say: it has no secret, and that of nothing is not right."""
    court: Court = town.court()
    held = court.book(100)
    shown = Somebody(town.client, text(town.organization, UUID(held.id), b"\0" * 32))
    problem(shown.get("/api/v1/bookings"), 401, "unauthenticated")
