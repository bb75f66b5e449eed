"""Logging in, told from outside: who comes in, who does not, who is out again, and what anybody learns from it."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from house import Somebody, Town, fresh, problem, until
from structlog.testing import capture_logs

from application.access import Access
from application.event_store import Unavailable
from domain.identity import second_factor
from infrastructure.identity.passwords import Argon2, Recipe
from infrastructure.identity.revocations import Revocations
from infrastructure.postgres.access_log import Accessed, PostgresAccessLog, read
from infrastructure.postgres.migrate import APP_ROLE
from infrastructure.settings import Settings
from interfaces.bootstrap import MOST_BEFORE_DESK
from interfaces.http.caller import Doorkeeper
from interfaces.http.errors import Unauthenticated
from projections.runner import connected

GOOD, BETTER, WRONG = "moss lantern quietly orbits", "kitten rug sofa lamp brick", "this is not the right one"
HERE = "192.0.2.1"


class Visitors(Town):
    """A town in which everybody says where they call from, and mail can be read."""

    def __enter__(self) -> "Visitors":
        inner = self.app.asgi_handler

        async def placed(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                given = dict(scope["headers"])
                scope["client"] = (given.get(b"x-test-address", HERE.encode()).decode(), 1)
            await inner(scope, receive, send)

        self.app.asgi_handler = placed
        # Hashes that are quickly made: how often they are made is what is looked at.
        self.house.passwords.__init__(Recipe(passes=1, memory=64))  # type: ignore[misc]
        self.house.revocations._every = 0.05
        super().__enter__()
        return self

    def say(self, path: str, body: Any, at: str = HERE, **headers: str) -> httpx.Response:
        return self.client.post(f"/api/v1/{path}", json=body, headers={"x-test-address": at, **headers})

    def login(self, email: str, password: str = GOOD, at: str = HERE, **more: Any) -> httpx.Response:
        return self.say("login", {"email": email, "password": password, **more}, at)

    def letters(self, to: str) -> list[tuple[str, str]]:
        """Kind and token of each letter, in their order."""
        found = []
        for file in sorted((self.settings.data / "outbox").glob("[0-9]*.txt")):
            text = file.read_text()
            if f"To: {to}\n" in text:
                assert file.stat().st_mode & 0o777 == 0o600
                kind = file.name.split("-")[1]
                token = re.search(r"^[A-Za-z0-9_-]{40,}$", text, re.MULTILINE)
                found.append((kind, token[0] if token else ""))
        return found

    def letter(self, to: str, kind: str, number: int = 1) -> str:
        """The token of the so-manieth letter of this kind."""
        until(lambda: sum(one == kind for one, _ in self.letters(to)) >= number, lambda: str(self.letters(to)))
        return [token for one, token in self.letters(to) if one == kind][number - 1]

    def registered(self, email: str | None = None, password: str = GOOD, at: str = HERE) -> tuple[str, dict[str, Any]]:
        """A customer with an account: their address, and what they were answered."""
        email = email or f"{uuid4().hex[:10]}@example.org"
        number = sum(kind == "join" for kind, _ in self.letters(email)) + 1
        heard = self.say("registrations", {"organization_id": str(self.organization), "email": email}, at)
        assert heard.status_code == 202, heard.text
        token = self.letter(email, "join", number)
        answer = self.say("acceptances", {"token": token, "password": password, "name": "Ana Lopes"}, at)
        assert answer.status_code == 200, answer.text
        return email, answer.json()

    def of(self, answer: dict[str, Any]) -> Somebody:
        return Somebody(self.client, answer["access_token"])

    def out(self, answer: dict[str, Any]) -> None:
        """Soon its access token is no good any more."""
        until(lambda: self.of(answer).get("/api/v1/users/me").status_code == 401)

    def entries(self, after: int = 0, everywhere: bool = False) -> list[Accessed]:
        with connected(self.settings.database_url or "", "test", role=APP_ROLE) as connection:
            return [one for one in read(connection, after) if everywhere or one.tenant == self.organization]

    def last(self) -> int:
        return max((one.position for one in self.entries(everywhere=True)), default=0)


@pytest.fixture(scope="module")
def town(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitors]:
    # Only how often somebody guesses is looked at here, not how often they ask; and addresses are as the tests say.
    with fresh(servers, token_life=900, limit_logins=0, data=tmp_path_factory.mktemp("town")) as settings:
        with Visitors(settings) as town:
            yield town


@pytest.fixture
def place() -> str:
    """An address from which nobody has come yet."""
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"


@pytest.fixture
def ana(town: Visitors, place: str) -> tuple[str, dict[str, Any]]:
    return town.registered(at=place)


# coming in


def test_who_registers_is_sent_a_letter_and_comes_in_with_it(town, place):
    email, answer = town.registered(at=place)
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 900
    assert answer["organization_id"] == str(town.organization)
    (member,) = answer["memberships"]
    assert (member["organization"], member["role"]) == ("Harbour Sports", "customer")
    until(lambda: town.of(answer).get("/api/v1/users/me").status_code == 200)
    me = town.of(answer).get("/api/v1/users/me").json()
    assert (me["id"], me["details"]["email"], me["details"]["name"]) == (member["user_id"], email, "Ana Lopes")
    again = town.login(email, at=place)
    assert again.status_code == 200
    assert again.json()["memberships"] == answer["memberships"]


def test_the_access_token_lets_in_and_names_its_login(town, ana):
    _, answer = ana
    caller = Doorkeeper(town.house.trust).caller(answer["access_token"].encode())
    assert (caller.actor.role, caller.actor.session) == ("customer", answer["login_id"])
    assert caller.organizations == (town.organization,)
    assert caller.version is not None
    assert caller.good_until - caller.issued <= 900 + 60


@pytest.mark.parametrize("spelling", [str.upper, str.title, "  {}  ".format])
def test_an_address_is_found_however_its_letters_are_written(town, ana, place, spelling):
    email, _ = ana
    assert town.login(spelling(email), at=place).status_code == 200


def test_addresses_that_are_not_written_alike_are_not_alike(town, place):
    """Else a letter to the one would open the account of the other."""
    one = f"strasse.{uuid4().hex}@example.org"
    town.registered(one, at=place)
    other = one.replace("strasse", "stra\u00dfe")
    town.say("password-resets", {"email": other}, place)
    _, answer = town.registered(other, BETTER, place)
    assert town.login(one, at=place).json()["memberships"] != answer["memberships"]
    assert town.letters(other)[0][0] == "join", "nobody to reset a password for"


def test_whoever_gets_it_wrong_is_told_nothing_else(town, ana, place):
    email, _ = ana
    answers = [
        town.login(email, WRONG, place),
        town.login(email, GOOD + " ", place),
        town.login(email, GOOD.upper(), place),
        town.login("nobody@example.org", GOOD, place),
        town.login("no address at all", GOOD, place),
        town.say("login/refresh", {"refresh_token": "c2hvd24"}, place),
    ]
    said = [{**problem(answer, 401, "wrong_credentials"), "instance": None} for answer in answers]
    assert all(one == said[0] for one in said)
    assert all(answer.headers["www-authenticate"] == 'Bearer realm="daybook"' for answer in answers)
    assert email not in json.dumps(said)


def test_for_who_is_known_and_who_is_not_the_same_work_is_done(town, ana, place):
    email, _ = ana
    passwords: Argon2 = town.house.passwords
    runs = []
    for who in (email, f"{uuid4().hex}@example.org", email, "no address", f"{uuid4().hex}@example.org"):
        before = passwords.runs
        problem(town.login(who, WRONG, place), 401, "wrong_credentials")
        runs.append(passwords.runs - before)
    assert runs == [1] * 5


def test_whether_an_address_is_known_is_not_said_where_one_asks_for_a_letter(town, ana, place):
    email, _ = ana
    other = f"{uuid4().hex}@example.org"
    answers = [
        town.say(path, {"email": who, **more}, place)
        for path, more in (("password-resets", {}), ("registrations", {"organization_id": str(town.organization)}))
        for who in (email, other)
    ]
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.text for answer in answers} == {'{"status":"heard"}'}
    town.letter(email, "reset")
    town.letter(other, "join")
    assert [kind for kind, _ in town.letters(other)] == ["join"], "no reset for who has nothing to reset"


def test_an_organization_that_never_was_takes_nobody(town, place):
    wish = {"organization_id": str(uuid4()), "email": "a@example.org"}
    problem(town.say("registrations", wish, place), 404, "unknown_organization")


@pytest.mark.parametrize("email", ["nobody", "a@b", "@example.org", "a b@example.org", "a@example.org\n"])
def test_what_is_no_address_gets_no_letter(town, place, email):
    answer = town.say("password-resets", {"email": email}, place)
    assert answer.status_code == 202 if email.endswith("\n") else problem(answer, 422, "address_not_usable")


def test_a_password_that_everybody_tries_first_is_not_taken_and_the_letter_is_still_good(town, place):
    email = f"{uuid4().hex}@example.org"
    town.say("registrations", {"organization_id": str(town.organization), "email": email}, place)
    token = town.letter(email, "join")
    for password, code in (("kqzvtwmhxbr", "password_too_short"), ("k" * 129, "password_too_long"),
                           ("Password1234", "password_too_common"), (email, "password_too_common")):  # fmt: skip
        problem(town.say("acceptances", {"token": token, "password": password}, place), 422, code)
    long = "Ünd sänftig ümkost die Brätze " * 4
    assert town.say("acceptances", {"token": token, "password": long}, place).status_code == 200
    assert town.login(email, long, place).status_code == 200
    problem(town.login(email, long.strip(), place), 401)


def test_a_letter_is_good_once(town, place):
    email, _ = town.registered(at=place)
    token = town.letter(email, "join")
    problem(town.say("acceptances", {"token": token, "password": GOOD}, place), 422, "token_spent")


def test_a_token_of_a_letter_that_was_tampered_with_or_is_for_something_else_is_no_good(town, place):
    email = f"{uuid4().hex}@example.org"
    town.say("registrations", {"organization_id": str(town.organization), "email": email}, place)
    token = town.letter(email, "join")
    for at in (*range(0, len(token), 5), len(token) - 1):
        bad = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        problem(town.say("acceptances", {"token": bad, "password": GOOD}, place), 422, "token_spent")
    problem(town.say("acceptances", {"token": token[:-3], "password": GOOD}, place), 422, "token_spent")
    problem(town.say("acceptances", {"token": "A" * 87, "password": GOOD}, place), 422, "token_spent")
    problem(town.say("password-resets/completion", {"token": token, "password": GOOD}, place), 422, "token_spent")
    problem(town.say("email-verifications", {"token": token}, place), 422, "token_spent")
    assert town.say("acceptances", {"token": token, "password": GOOD}, place).status_code == 200


def test_a_letter_is_good_for_a_week(town, place):
    email = f"{uuid4().hex}@example.org"
    town.say("registrations", {"organization_id": str(town.organization), "email": email}, place)
    token = town.letter(email, "join")
    town.sql("UPDATE identity.ticket SET ends_at = ends_at - '7 d'::interval WHERE tenant = %s", town.organization)
    problem(town.say("acceptances", {"token": token, "password": GOOD}, place), 422, "token_spent")


# invitations and several organizations


def test_who_is_invited_joins_with_the_role_they_were_given(town, place):
    email = f"{uuid4().hex}@example.org"
    made = town.owner.post("/api/v1/invitations", json={"email": email, "role": "manager", "name": "Rui Alves"})
    assert made.status_code == 201, made.text
    answer = town.say("acceptances", {"token": town.letter(email, "join"), "password": GOOD}, place)
    (member,) = answer.json()["memberships"]
    assert (member["user_id"], member["role"]) == (made.json()["id"], "manager")
    assert town.of(answer.json()).post("/api/v1/parties", json={"kind": "family", "name": "X"}).status_code == 201


def test_only_who_may_register_somebody_may_invite_them_and_the_attempt_is_recorded(town, place):
    after = town.last()
    for role in ("customer", "staff", "manager"):
        wish = {"email": "x@example.org", "role": "owner"}
        problem(town.as_(role).post("/api/v1/invitations", json=wish), 403, "not_permitted")
    assert [entry.outcome for entry in town.entries(after)] == ["denied"] * 3
    assert town.letters("x@example.org") == []


def test_as_many_are_invited_as_there_are_to_invite(town):
    for n in range(25):
        wish = {"email": f"{n}.{uuid4().hex}@example.org", "role": "staff"}
        assert town.owner.post("/api/v1/invitations", json=wish).status_code == 201
    wish = {"email": "nobody at all", "role": "staff"}
    problem(town.owner.post("/api/v1/invitations", json=wish), 422, "not_an_email")


def test_who_is_registered_gets_an_account_by_invitation_and_not_a_second_one(town, place):
    user = town.owner.post("/api/v1/users", json={"role": "customer"}).json()["id"]
    email = f"{uuid4().hex}@example.org"
    url = f"/api/v1/users/{user}/invitation"
    assert town.owner.post(url, json={"email": email}).status_code == 200
    answer = town.say("acceptances", {"token": town.letter(email, "join"), "password": GOOD}, place).json()
    assert [one["user_id"] for one in answer["memberships"]] == [user]
    problem(town.owner.post(url, json={"email": email}), 422, "linked_already")
    problem(town.owner.post(f"/api/v1/users/{uuid4()}/invitation", json={"email": email}), 404, "unknown_user")
    gone = town.owner.post("/api/v1/users", json={"role": "customer"}).json()["id"]
    problem(town.owner.post(f"/api/v1/users/{gone}/invitation", json={"email": "nobody"}), 422, "address_not_usable")
    town.owner.post(f"/api/v1/users/{gone}/deactivation", json={})
    problem(town.owner.post(f"/api/v1/users/{gone}/invitation", json={"email": email}), 422, "deactivated")


def test_who_has_an_account_joins_with_its_password_and_with_no_other(town, place):
    email, _ = town.registered(at=place)
    home = town.organization
    other = town.as_("platform", organization=None).post("/api/v1/organizations", json={"name": "Next door"}).json()
    owner = town.as_("owner", organization=other["id"])
    assert owner.post("/api/v1/invitations", json={"email": email, "role": "staff"}).status_code == 201
    token = town.letter(email, "join", 2)
    problem(town.say("acceptances", {"token": token, "password": WRONG}, place), 401, "wrong_credentials")
    joined = town.say("acceptances", {"token": token, "password": GOOD}, place).json()
    assert joined["organization_id"] == other["id"]
    assert {one["organization"]: one["role"] for one in joined["memberships"]} == {
        "Harbour Sports": "customer", "Next door": "staff",
    }  # fmt: skip

    # Whose token it is to be is said at the login, or at a refresh; where it is not, there is none.
    unsaid = town.login(email, at=place).json()
    assert (unsaid["access_token"], unsaid["organization_id"]) == (None, None)
    said = town.login(email, at=place, organization_id=str(home)).json()
    assert Doorkeeper(town.house.trust).caller(said["access_token"].encode()).organizations == (home,)
    changed = town.say(
        "login/refresh", {"refresh_token": said["refresh_token"], "organization_id": other["id"]}, place
    ).json()  # fmt: skip
    caller = Doorkeeper(town.house.trust).caller(changed["access_token"].encode())
    assert (caller.organizations, caller.actor.role) == ((UUID(other["id"]),), "staff")
    nowhere = town.say("login/refresh", {"refresh_token": changed["refresh_token"], "organization_id": str(uuid4())})
    assert nowhere.json()["access_token"] is None


def test_who_registers_a_second_time_is_the_same_customer(town, place):
    email, first = town.registered(at=place)
    _, second = town.registered(email, at=place)
    assert second["memberships"] == first["memberships"]


def test_a_link_that_the_users_own_facts_do_not_say_does_not_count(town, ana, place):
    email, answer = ana
    stranger = town.owner.post("/api/v1/users", json={"role": "owner"}).json()["id"]
    town.house.accounts.join(town.organization, UUID(stranger), town.house.reception.account_of(answer["login_id"]))
    assert town.login(email, at=place).json()["memberships"] == answer["memberships"]


# staying in


def test_a_refresh_token_is_good_once_and_whoever_shows_it_again_ends_the_login(town, ana, place):
    _, first = ana
    after = town.last()
    second = town.say("login/refresh", {"refresh_token": first["refresh_token"]}, place).json()
    assert second["login_id"] == first["login_id"]
    assert second["refresh_token"] != first["refresh_token"]
    problem(town.say("login/refresh", {"refresh_token": first["refresh_token"]}, place), 401, "wrong_credentials")
    problem(town.say("login/refresh", {"refresh_token": second["refresh_token"]}, place), 401, "wrong_credentials")
    town.out(second)
    (entry,) = town.entries(after)
    assert (entry.action, entry.outcome, entry.reason) == ("refresh", "denied", "token_reused")
    assert entry.circumstances.actor.session == first["login_id"]


def test_a_refresh_token_is_no_access_token_nor_the_other_way_round(town, ana, place):
    _, answer = ana
    problem(Somebody(town.client, answer["refresh_token"]).get("/api/v1/users/me"), 401)
    assert town.say("login/refresh", {"refresh_token": answer["access_token"][:200]}, place).status_code in (400, 401)


def test_what_comes_by_refresh_says_what_is_so_by_then(town, place):
    _, answer = town.registered(at=place)
    user = answer["memberships"][0]["user_id"]
    assert town.owner.patch(f"/api/v1/users/{user}", json={"role": "staff"}).status_code == 200
    town.out(answer)
    after = town.say("login/refresh", {"refresh_token": answer["refresh_token"]}, place).json()
    assert Doorkeeper(town.house.trust).caller(after["access_token"].encode()).actor.role == "staff"
    assert town.of(after).get("/api/v1/parties").status_code == 200, "the new token is good at once"


def test_who_is_deactivated_is_out_and_comes_in_no_more(town, place):
    email, answer = town.registered(at=place)
    user = answer["memberships"][0]["user_id"]
    assert town.owner.post(f"/api/v1/users/{user}/deactivation", json={}).status_code == 200
    town.out(answer)
    refreshed = town.say("login/refresh", {"refresh_token": answer["refresh_token"]}, place).json()
    assert (refreshed["access_token"], refreshed["memberships"]) == (None, [])
    assert town.login(email, at=place).json()["access_token"] is None


# going


def test_who_logs_out_is_out_and_their_other_logins_are_not(town, ana, place):
    email, one = ana
    two = town.login(email, at=place).json()
    assert town.say("logout", {"refresh_token": one["refresh_token"]}, place).json() == {"status": "done"}
    town.out(one)
    problem(town.say("login/refresh", {"refresh_token": one["refresh_token"]}, place), 401, "wrong_credentials")
    assert town.of(two).get("/api/v1/account").status_code == 200
    assert town.say("logout", {"refresh_token": one["refresh_token"]}, place).status_code == 200, "asked twice"
    assert town.say("logout", {"refresh_token": "AAAA"}, place).status_code == 200


def test_logins_are_listed_and_any_of_them_is_ended(town, ana, place):
    email, one = ana
    two = town.client.post(
        "/api/v1/login", json={"email": email, "password": GOOD},
        headers={"x-test-address": place.encode(), "user-agent": b"Phone/2 \xe4\x7f"},
    ).json()  # fmt: skip
    listed = town.of(one).get("/api/v1/account/logins").json()["data"]
    assert {login["id"]: login["current"] for login in listed} == {one["login_id"]: True, two["login_id"]: False}
    newest = next(login for login in listed if not login["current"])
    assert newest["client"] == "Phone/2 "
    assert newest["ip_prefix"] is not None
    assert newest["ip_prefix"].endswith("::/48")
    assert place not in json.dumps(listed)
    assert town.of(one).delete(f"/api/v1/account/logins/{two['login_id']}").status_code == 200
    town.out(two)
    problem(town.of(one).delete(f"/api/v1/account/logins/{two['login_id']}"), 404, "unknown_login")
    assert [login["id"] for login in town.of(one).get("/api/v1/account/logins").json()["data"]] == [one["login_id"]]


def test_nobody_ends_anothers_login(town, ana, place):
    _, one = ana
    _, other = town.registered(at=place)
    problem(town.of(other).delete(f"/api/v1/account/logins/{one['login_id']}"), 404, "unknown_login")
    assert town.of(one).get("/api/v1/account").status_code == 200


def test_out_everywhere_is_out_everywhere(town, ana, place):
    email, one = ana
    two = town.login(email, at=place).json()
    assert town.of(one).delete("/api/v1/account/logins").status_code == 200
    town.out(one)
    town.out(two)
    assert town.login(email, at=place).status_code == 200


def test_a_token_that_no_login_made_has_no_account(town):
    for who in (town.owner, town.as_("customer"), town.as_("owner", session="s1"), town.as_(session=str(uuid4()))):
        problem(who.get("/api/v1/account"), 403, "not_logged_in")
        problem(who.get("/api/v1/account/logins"), 403, "not_logged_in")


def test_two_processes_hear_of_it_within_a_moment(town, ana):
    _, answer = ana
    url = town.settings.database_url or ""
    heard = [Revocations(url, 0.05), Revocations(url, 0.05)]
    keepers = [Doorkeeper(town.house.trust, one) for one in heard]
    token = answer["access_token"].encode()
    try:
        for one in heard:
            one.follow()
            assert one.followed.wait(10)
        for keeper in keepers:
            assert keeper.caller(token).actor.session == answer["login_id"]
        town.of(answer).delete("/api/v1/account/logins")
        for keeper in keepers:
            until(lambda keeper=keeper: refused(keeper, token))
    finally:
        for one in heard:
            one.close()
    late = Revocations(url, 0.05)
    late.follow()
    assert late.followed.wait(10)
    assert refused(Doorkeeper(town.house.trust, late), token), "who starts later knows it as well"
    late.close()


def refused(keeper: Doorkeeper, token: bytes) -> bool:
    try:
        keeper.caller(token)
    except Unauthenticated:
        return True
    return False


def test_a_token_that_names_no_version_ends_with_the_second_in_which_its_user_changed(town):
    user = town.owner.post("/api/v1/users", json={"role": "staff"}).json()["id"]
    somebody = town.as_("staff", user)
    assert somebody.get("/api/v1/bookings").status_code == 200
    time.sleep(1.1)
    town.owner.patch(f"/api/v1/users/{user}", json={"role": "manager"})
    until(lambda: somebody.get("/api/v1/bookings").status_code == 401)
    assert town.as_("manager", user).get("/api/v1/bookings").status_code == 200, "one that is made later is good"


def test_whose_account_is_deleted_is_out(town, ana):
    _, answer = ana
    assert town.of(answer).get("/api/v1/account").status_code == 200
    town.sql("DELETE FROM identity.account WHERE id = %s", town.house.reception.account_of(answer["login_id"]))
    town.out(answer)


def test_who_is_no_member_any_more_is_out_and_whatever_else_they_are_they_stay(town, place):
    email, one = town.registered(at=place)
    other = town.as_("platform", organization=None).post("/api/v1/organizations", json={"name": "Next door"}).json()
    town.as_("owner", organization=other["id"]).post("/api/v1/invitations", json={"email": email, "role": "staff"})
    body = {"token": town.letter(email, "join", 2), "password": GOOD}
    two = town.say("acceptances", body, place).json()
    town.sql("DELETE FROM identity.membership WHERE user_id = %s", one["memberships"][0]["user_id"])
    town.out(one)
    assert town.of(two).get("/api/v1/account").status_code == 200


class Ended:
    """Who is not who they were."""

    def __init__(self, *who: str) -> None:
        self._who = who

    def __len__(self) -> int:
        return len(self._who)

    def session(self, session: str) -> bool:
        return session in self._who

    def user(self, tenant: UUID, user: str, version: int | None, issued: float) -> bool:
        return user in self._who


def test_who_acts_for_somebody_is_out_when_either_of_them_is(town):
    staff, customer, other = str(uuid4()), str(uuid4()), str(uuid4())
    token = town.token("customer", customer, acting=staff, session="s1").encode()
    assert Doorkeeper(town.house.trust, Ended()).caller(token).actor.id == staff
    assert Doorkeeper(town.house.trust, Ended(other)).caller(token).actor.acts_for == customer
    for ended in (staff, customer, "s1"):
        assert refused(Doorkeeper(town.house.trust, Ended(ended)), token)


# passwords


def test_a_new_password_ends_all_logins_and_the_old_one_lets_nobody_in(town, ana, place):
    email, one = ana
    two = town.login(email, at=place).json()
    body = {"password": GOOD, "new_password": BETTER}
    answer = town.of(one).put("/api/v1/account/password", json=body, headers={"x-test-address": place})
    assert answer.status_code == 200, answer.text
    town.out(one)
    town.out(two)
    assert town.of(answer.json()).get("/api/v1/account").status_code == 200
    problem(town.login(email, GOOD, place), 401)
    assert town.login(email, BETTER, place).status_code == 200
    town.letter(email, "password_changed")


def test_who_does_not_know_the_old_password_sets_no_new_one(town, ana, place):
    _, answer = ana
    body = {"password": WRONG, "new_password": BETTER}
    problem(town.of(answer).put("/api/v1/account/password", json=body), 401, "wrong_credentials")
    body = {"password": GOOD, "new_password": "password1234"}
    problem(town.of(answer).put("/api/v1/account/password", json=body), 422, "password_too_common")
    assert town.of(answer).get("/api/v1/account").status_code == 200


def test_who_has_forgotten_it_sets_a_new_one_by_letter_once_and_is_out_everywhere(town, ana, place):
    email, one = ana
    assert town.say("password-resets", {"email": email}, place).status_code == 202
    token = town.letter(email, "reset")
    problem(town.say("password-resets/completion", {"token": token, "password": "short"}, place), 422)
    assert town.say("password-resets/completion", {"token": token, "password": BETTER}, place).status_code == 200
    town.out(one)
    problem(town.say("login/refresh", {"refresh_token": one["refresh_token"]}, place), 401)
    assert town.login(email, BETTER, place).status_code == 200
    problem(town.say("password-resets/completion", {"token": token, "password": GOOD}, place), 422, "token_spent")


def test_a_reset_is_good_for_half_an_hour_and_the_newest_alone(town, ana, place):
    email, _ = ana
    town.say("password-resets", {"email": email}, place)
    first = town.letter(email, "reset")
    town.say("password-resets", {"email": email}, place)
    second = town.letter(email, "reset", 2)
    problem(town.say("password-resets/completion", {"token": first, "password": BETTER}, place), 422, "token_spent")
    town.sql("UPDATE identity.ticket SET ends_at = ends_at - '1800 s'::interval WHERE kind = 'reset'")
    problem(town.say("password-resets/completion", {"token": second, "password": BETTER}, place), 422, "token_spent")


def test_a_mailbox_is_not_filled_by_whoever_likes_to(town, place):
    answers = [town.say("password-resets", {"email": "victim@example.org"}, f"{place[:-1]}{n}") for n in range(8)]
    assert [answer.status_code for answer in answers[:3]] == [202] * 3
    found = problem(answers[-1], 429, "too_many_guesses")
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "victim" not in json.dumps(found)


def test_a_hash_of_old_parameters_is_made_anew_by_whoever_comes_in(town, ana, place):
    email, answer = ana
    who = town.house.reception.account_of(answer["login_id"])
    old = Argon2(Recipe(passes=2, memory=32)).hashed(GOOD)
    town.sql("UPDATE identity.account SET password = %s WHERE id = %s", old, who)
    problem(town.login(email, WRONG, place), 401)
    assert town.sql("SELECT password FROM identity.account WHERE id = %s", who) == [(old,)]
    assert town.login(email, at=place).status_code == 200
    ((kept,),) = town.sql("SELECT password FROM identity.account WHERE id = %s", who)
    assert kept.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert town.login(email, at=place).status_code == 200


# addresses


def test_another_address_is_theirs_once_its_letter_was_opened(town, ana, place):
    email, answer = ana
    new = f"{uuid4().hex}@example.org"
    body = {"password": GOOD, "email": new}
    assert town.of(answer).put("/api/v1/account/email", json=body).status_code == 202
    problem(town.login(new, at=place), 401)
    assert town.say("email-verifications", {"token": town.letter(new, "email")}, place).status_code == 200
    assert town.login(new, at=place).status_code == 200
    problem(town.login(email, at=place), 401)
    town.letter(email, "email_changed")
    assert town.of(answer).get("/api/v1/account").json()["email"] == new
    problem(town.say("email-verifications", {"token": town.letter(new, "email")}, place), 422, "token_spent")


def test_an_address_that_is_somebody_elses_stays_theirs(town, ana, place):
    email, answer = ana
    other, _ = town.registered(at=place)
    wish = {"password": GOOD, "email": other}
    assert town.of(answer).put("/api/v1/account/email", json=wish).status_code == 202, "the same as for any"
    token = town.letter(other, "email")
    problem(town.say("email-verifications", {"token": token}, place), 422, "token_spent")
    assert town.login(email, at=place).status_code == 200


# second factors


def with_second_factor(town: Visitors, answer: dict[str, Any]) -> tuple[bytes, list[str]]:
    offered = town.of(answer).post("/api/v1/account/second-factor", json={"password": GOOD})
    assert offered.status_code == 200, offered.text
    secret = second_factor.read(offered.json()["secret"])
    step = int(time.time()) // 30 - 1  # so that the next ones can be shown as well
    confirmed = town.of(answer).post(
        "/api/v1/account/second-factor/confirmation", json={"code": second_factor.code(secret, step)}
    )
    assert confirmed.status_code == 200, confirmed.text
    return secret, confirmed.json()["codes"]


def now(secret: bytes, later: int = 0) -> str:
    return second_factor.code(secret, int(time.time()) // 30 + later)


def test_whoever_has_set_a_second_factor_needs_it(town, ana, place):
    email, answer = ana
    secret, codes = with_second_factor(town, answer)
    assert len(set(codes)) == 10
    problem(town.login(email, at=place), 401, "second_factor_needed")
    problem(town.login(email, WRONG, place), 401, "wrong_credentials")
    problem(town.login(email, WRONG, place, code=now(secret)), 401, "wrong_credentials")
    entered = town.login(email, at=place, code=now(secret))
    assert entered.status_code == 200
    assert town.of(entered.json()).get("/api/v1/account").json()["second_factor"] is True
    auth = {login["id"]: login["auth"] for login in town.of(answer).get("/api/v1/account/logins").json()["data"]}
    assert auth[entered.json()["login_id"]] == "password+totp"


def test_no_code_is_taken_twice_nor_one_before_it(town, ana, place):
    email, answer = ana
    secret, _ = with_second_factor(town, answer)
    code = now(secret, 1)
    assert town.login(email, at=place, code=code).status_code == 200
    problem(town.login(email, at=place, code=code), 401, "wrong_credentials")
    problem(town.login(email, at=place, code=now(secret, -1)), 401, "wrong_credentials")


def test_a_code_of_long_ago_or_of_another_is_wrong(town, ana, place):
    email, answer = ana
    secret, _ = with_second_factor(town, answer)
    for code in (now(secret, -10), now(secret, 10), now(b"x" * 20), "000000000"):
        problem(town.login(email, at=place, code=code), 401, "wrong_credentials")


def test_a_recovery_code_stands_in_for_the_telephone_once(town, ana, place):
    email, answer = ana
    _, codes = with_second_factor(town, answer)
    typed = codes[0].lower().replace("-", " ")
    entered = town.login(email, at=place, code=typed)
    assert entered.status_code == 200
    problem(town.login(email, at=place, code=codes[0]), 401, "wrong_credentials")
    fresh_ = town.of(answer).post("/api/v1/account/recovery-codes", json={"password": GOOD}).json()["codes"]
    problem(town.login(email, at=place, code=codes[1]), 401, "wrong_credentials")
    assert town.login(email, at=place, code=fresh_[1]).status_code == 200
    kept = str(town.sql("SELECT hash FROM identity.recovery_code"))
    assert codes[2] not in kept


def test_a_second_factor_is_set_with_its_first_code_and_removed_with_the_password(town, ana, place):
    email, answer = ana
    me = town.of(answer)
    problem(me.post("/api/v1/account/second-factor", json={"password": WRONG}), 401, "wrong_credentials")
    problem(me.post("/api/v1/account/second-factor/confirmation", json={"code": "123456"}), 422, "no_second_factor")
    assert me.post("/api/v1/account/second-factor", json={"password": GOOD}).status_code == 200
    problem(me.post("/api/v1/account/second-factor/confirmation", json={"code": "000000000"}), 401)
    assert town.login(email, at=place).status_code == 200, "what was only offered asks for nothing"
    with_second_factor(town, answer)
    problem(me.post("/api/v1/account/second-factor", json={"password": GOOD}), 422, "second_factor_set")
    problem(me.post("/api/v1/account/second-factor/removal", json={"password": WRONG}), 401)
    assert me.post("/api/v1/account/second-factor/removal", json={"password": GOOD}).status_code == 200
    assert town.login(email, at=place).status_code == 200
    problem(me.post("/api/v1/account/second-factor/removal", json={"password": GOOD}), 422, "no_second_factor")
    problem(me.post("/api/v1/account/recovery-codes", json={"password": GOOD}), 422, "no_second_factor")


# guesses


def test_one_account_guessed_at_from_everywhere_is_hardly_looked_at_and_its_owner_comes_in(town, ana, place):
    email, _ = ana
    passwords: Argon2 = town.house.passwords
    before = passwords.runs
    answers = [town.login(email, WRONG, f"198.51.100.{n % 250}") for n in range(60)]
    assert passwords.runs - before < 12
    throttled = [answer for answer in answers if answer.status_code == 429]
    assert len(throttled) > 45
    problem(throttled[0], 429, "too_many_guesses")
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in throttled)
    assert town.login(email, GOOD, place).status_code == 200, "from where they have come before"


def test_an_account_that_nobody_has_is_guessed_at_no_longer_than_one_that_somebody_has(town, ana):
    email, _ = ana
    nobodys = f"{uuid4().hex}@example.org"
    said = [
        [town.login(who, WRONG, f"198.51.{100 + n}.{offset}").status_code for n in range(8)]
        for offset, who in ((1, email), (2, nobodys))
    ]
    assert said[0] == said[1]
    assert 429 in said[0]


def test_many_accounts_guessed_at_from_one_place_are_hardly_looked_at_and_others_come_in(town, ana, place):
    email, _ = ana
    passwords: Argon2 = town.house.passwords
    before = passwords.runs
    there = "203.0.113.77"
    answers = [town.login(f"{uuid4().hex}@example.org", WRONG, there) for _ in range(80)]
    assert passwords.runs - before < 30
    assert answers[-1].status_code == 429
    assert town.login(email, GOOD, place).status_code == 200
    assert town.login(email, GOOD, "203.0.113.78").status_code == 200, "a neighbour is not them"


def test_who_is_known_there_comes_in_even_from_where_others_guess(town):
    there = "203.0.113.99"
    email, _ = town.registered(at=there)
    for _ in range(40):
        town.login(f"{uuid4().hex}@example.org", WRONG, there)
    problem(town.login("x@example.org", WRONG, there), 429)
    assert town.login(email, GOOD, there).status_code == 200


def test_the_right_password_without_a_code_does_not_give_guesses_at_the_code_back(town, ana, place):
    email, answer = ana
    with_second_factor(town, answer)
    found = []
    for _ in range(30):
        found.append(town.login(email, at=place, code="000000000000").status_code)
        found.append(town.login(email, at=place).status_code)
    assert found.count(429) > 20


def test_where_too_many_wait_at_the_desk_whoever_comes_is_sent_away_at_once(town, ana, place, monkeypatch):
    email, answer = ana
    monkeypatch.setattr(town.house, "_before_desk", MOST_BEFORE_DESK)
    problem(town.login(email, at=place), 503, "unavailable_now")
    assert town.of(answer).get("/api/v1/bookings").status_code == 200, "whoever is in is not held up"
    monkeypatch.setattr(town.house, "_before_desk", MOST_BEFORE_DESK - 1)
    assert town.login(email, at=place).status_code == 200


def test_whoever_lies_about_where_they_call_from_is_where_they_are(town):
    there = "203.0.113.111"
    for n in range(40):
        town.say(
            "login", {"email": f"{uuid4().hex}@example.org", "password": WRONG}, there,
            **{"x-forwarded-for": f"192.0.2.{n}", "forwarded": f"for=192.0.2.{n}"},
        )  # fmt: skip
    problem(town.login("x@example.org", WRONG, there), 429)


# what is written down


def test_each_attempt_is_in_the_access_log_before_it_is_answered(town, ana, place):
    email, answer = ana
    user = answer["memberships"][0]["user_id"]
    after = town.last()
    wrong = town.login(email, WRONG, place)
    right = town.login(email, GOOD, place)
    failed, came = town.entries(after)
    assert (failed.action, failed.outcome, failed.reason, failed.actor_id) == (
        "login",
        "failed",
        "wrong_password",
        user,
    )
    assert failed.circumstances.origin.request_id == wrong.headers["x-request-id"]
    assert failed.circumstances.origin.ip_prefix is not None
    assert (came.action, came.outcome, came.actor_id, came.subjects) == ("login", "success", user, (UUID(user),))
    assert came.circumstances.actor.session == right.json()["login_id"]
    town.login("nobody@example.org", WRONG, place)
    (nobody,) = [one for one in town.entries(came.position, everywhere=True) if one.tenant == UUID(int=0)]
    assert (nobody.outcome, nobody.reason, nobody.target_id) == ("failed", "unknown_account", None)
    assert "nobody@" not in str(nobody)


def test_where_it_cannot_be_written_down_nobody_comes_in(town, ana, place, monkeypatch):
    email, _ = ana

    def gone(self: PostgresAccessLog, entries: list[Access]) -> None:
        raise Unavailable

    monkeypatch.setattr(PostgresAccessLog, "record", gone)
    problem(town.login(email, GOOD, place), 503, "unavailable_now")
    problem(town.login(email, WRONG, place), 503, "unavailable_now")


def test_what_is_done_to_an_account_is_recorded(town, ana, place):
    email, answer = ana
    after = town.last()
    with_second_factor(town, answer)
    me = town.of(answer)
    me.post("/api/v1/account/recovery-codes", json={"password": GOOD})
    me.post("/api/v1/account/second-factor/removal", json={"password": GOOD})
    me.put("/api/v1/account/password", json={"password": GOOD, "new_password": BETTER})
    town.say("password-resets", {"email": email}, place)
    town.say("password-resets/completion", {"token": town.letter(email, "reset"), "password": GOOD}, place)
    last = town.login(email, at=place).json()
    town.say("logout", {"refresh_token": last["refresh_token"]}, place)
    assert [entry.action for entry in town.entries(after)] == [
        "second_factor_set", "recovery_codes_made", "second_factor_removed", "password_changed", "login",
        "password_reset_asked", "password_reset", "login", "logout",
    ]  # fmt: skip


def test_nothing_that_opens_a_door_is_in_a_table_or_a_log(town, place):
    email = f"{uuid4().hex}@example.org"
    with capture_logs() as said:
        town.say("registrations", {"organization_id": str(town.organization), "email": email}, place)
        join = town.letter(email, "join")
        answer = town.say("acceptances", {"token": join, "password": GOOD}, place).json()
        town.say("password-resets", {"email": email}, place)
        reset = town.letter(email, "reset")
        town.login(email, WRONG, place)
    secrets = [join, reset, GOOD, WRONG, answer["refresh_token"], answer["access_token"], email]
    tables = town.sql(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('identity', 'access_log', 'privacy', 'event_store', 'read') AND c.relkind = 'r'"
    )
    kept = {name: str(town.sql(f"SELECT x::text FROM {name} x")) for (name,) in tables}
    for secret in secrets:
        assert secret not in str(said)
        for name, text in kept.items():
            assert secret not in text, name
            assert secret.encode().hex() not in text, name
