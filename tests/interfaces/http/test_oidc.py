"""Logging in by the word of a house elsewhere: one that the test starts, and that tries every trick."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from house import Somebody, Town, fresh, made, problem, until
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from application.identity.issuers import NotBelieved
from domain.identity import trust_events as events
from domain.identity.issuer import Issuer
from domain.identity.trust_errors import NoClient, NotADomain, NotAnIssuer
from infrastructure.identity import oidc
from infrastructure.identity.oidc import Fetch, Houses
from infrastructure.settings import Settings

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC, OTHER_EC = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BACK = "https://book.example/back"


def public(key: Any, kid: str, **more: str) -> dict[str, Any]:
    kind = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    algorithm = next((one for of, one in kind.items() if isinstance(key, of)), OKPAlgorithm)
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", **more}


class There:
    """An issuer, on this machine."""

    def __init__(self) -> None:
        self.keys = [public(RSA, "r"), public(EC, "e"), public(ED, "d"), public(WEAK, "w"), public(OTHER_EC, "o")]
        self.asked: list[str] = []
        self.forms: list[dict[str, list[str]]] = []
        self.codes: dict[str, str] = {}
        self.odd: dict[str, tuple[int, dict[str, str], bytes]] = {}
        """What it answers instead, by path."""
        self.trickles = False
        outer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                if outer.trickles:
                    self.send_response(200)
                    self.end_headers()
                    try:
                        while True:
                            self.wfile.write(b" ")
                            time.sleep(0.02)
                    except OSError:
                        return
                self.say(*outer.odd.get(self.path, (200, {}, json.dumps(outer.answer(self.path)).encode())))

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                outer.forms.append(form)
                token = outer.codes.get(form["code"][0])
                self.say(200 if token else 400, {}, json.dumps({"id_token": token}).encode())

            def say(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str) -> dict[str, Any]:
        if path.endswith("openid-configuration"):
            return {
                "issuer": self.url, "jwks_uri": f"{self.url}/keys", "authorization_endpoint": f"{self.url}/go",
                "token_endpoint": f"{self.url}/token",
            }  # fmt: skip
        return {"keys": self.keys}

    def token(
        self, nonce: str, key: Any = RSA, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **more: Any
    ) -> str:
        now = int(time.time())
        usual = {
            "iss": self.url, "aud": "daybook", "sub": "there-1", "iat": now, "exp": now + 300, "nonce": nonce,
            "email": "dora@example.org", "email_verified": True,
        }  # fmt: skip
        claims = {name: value for name, value in {**usual, **more}.items() if value is not None}
        said = {name: value for name, value in {"kid": "r", **(headers or {})}.items() if value is not None}
        return jwt.encode(claims, key, algorithm=algorithm, headers=said)


@pytest.fixture(scope="module")
def there() -> Iterator[There]:
    there = There()
    yield there
    there.server.shutdown()


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers, oidc_private=True) as settings, Town(settings) as town:
        yield town


def trusted(town: Town, there: There, **more: Any) -> str:
    issuer = str(uuid4())
    answer = town.owner.put(
        f"/api/v1/issuers/{issuer}", json={"url": there.url, "client_id": "daybook", "by": "email", **more}
    )
    assert answer.status_code == 200, answer.text
    return issuer


@pytest.fixture
def issuer(town: Town, there: There) -> str:
    return trusted(town, there)


def customer(town: Town, email: str) -> str:
    answer = town.owner.post("/api/v1/users", json={"role": "customer", "details": {"email": email}})
    found = made(answer)
    until(lambda: town.house.with_address(town.organization, email) != [])
    return found


def begun(town: Town, issuer: str, **more: Any) -> dict[str, str]:
    wish = {"organization_id": str(town.organization), "issuer_id": issuer, "redirect_uri": BACK, **more}
    answer = town.client.post("/api/v1/oidc/attempts", json=wish)
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


def came(town: Town, attempt: dict[str, str], **answer: str) -> Any:
    return town.client.post("/api/v1/oidc/logins", json={"attempt": attempt["attempt"], **answer})


# coming in


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(RSA, "RS256", "r"), (EC, "ES256", "e"), (ED, "EdDSA", "d")])
def test_whoever_the_issuer_speaks_of_comes_in_as_that_user_here(town, there, issuer, key, algorithm, kid):
    email = f"{kid}@example.org"
    user = customer(town, email)
    attempt = begun(town, issuer)
    token = there.token(attempt["nonce"], key, algorithm, {"kid": kid}, email=email.upper(), sub=f"of {kid}")
    answer = came(town, attempt, id_token=token)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["user_id"], told["organization_id"]) == (user, str(town.organization))
    assert told["expires_in"] <= 900
    me = Somebody(town.client, told["access_token"]).get("/api/v1/users/me")
    assert (me.json()["id"], me.json()["role"]) == (user, "customer")


def test_with_a_code_it_is_asked_for_the_token_with_what_only_we_know(town, there, issuer):
    user = customer(town, "code@example.org")
    attempt = begun(town, issuer)
    asked = parse_qs(urlsplit(attempt["authorize_url"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    there.codes["abc"] = there.token(attempt["nonce"], email="code@example.org", sub="code")
    answer = came(town, attempt, code="abc")
    assert answer.json()["user_id"] == user, answer.text
    form = there.forms[-1]
    shown = base64.urlsafe_b64encode(oidc_sha(form["code_verifier"][0])).rstrip(b"=").decode()
    assert [shown] == asked["code_challenge"]
    assert (form["redirect_uri"], form["client_id"]) == ([BACK], ["daybook"])
    assert asked["nonce"] == [attempt["nonce"]]
    assert asked["state"] == [attempt["state"]]


def oidc_sha(text: str) -> bytes:
    from hashlib import sha256

    return sha256(text.encode()).digest()


def test_an_attempt_is_good_once(town, there, issuer):
    customer(town, "once@example.org")
    attempt = begun(town, issuer)
    token = there.token(attempt["nonce"], email="once@example.org", sub="once")
    assert came(town, attempt, id_token=token).status_code == 200
    problem(came(town, attempt, id_token=token), 401, "not_believed")


def test_once_found_by_an_address_they_are_known_by_their_name_there(town, there, issuer):
    """The address may become somebody else's, there or here."""
    user = customer(town, "first@example.org")
    for email in ("first@example.org", "another@example.org", None):
        attempt = begun(town, issuer)
        token = there.token(attempt["nonce"], email=email, sub="the-first")
        assert came(town, attempt, id_token=token).json()["user_id"] == user
    attempt = begun(town, issuer)
    subjects = town.sql("SELECT subject FROM identity.external WHERE user_id = %s", user)
    assert len(subjects) == 1
    assert b"the-first" not in bytes(subjects[0][0])


def test_who_is_more_than_a_customer_is_linked_by_an_owner_and_not_found_by_an_address(town, there, issuer):
    """Staff may describe people: otherwise they could become the owner by giving them an address of their own."""
    answer = town.owner.post("/api/v1/users", json={"role": "manager", "details": {"email": "boss@example.org"}})
    boss = made(answer)
    until(lambda: town.house.with_address(town.organization, "boss@example.org") != [])
    attempt = begun(town, issuer)
    token = there.token(attempt["nonce"], email="boss@example.org", sub="boss")
    problem(came(town, attempt, id_token=token), 401, "not_believed")
    link = {"user_id": boss, "subject": "boss"}
    problem(town.as_("staff").post(f"/api/v1/issuers/{issuer}/users", json=link), 403, "not_permitted")
    assert town.owner.post(f"/api/v1/issuers/{issuer}/users", json=link).status_code == 200
    attempt = begun(town, issuer)
    answer = came(town, attempt, id_token=there.token(attempt["nonce"], email=None, sub="boss"))
    assert Somebody(town.client, answer.json()["access_token"]).get("/api/v1/api-keys").status_code == 403
    assert Somebody(town.client, answer.json()["access_token"]).get("/api/v1/bookings").status_code == 200
    other = made(town.owner.post("/api/v1/users", json={"role": "staff"}))
    again = {"user_id": other, "subject": "boss"}
    problem(town.owner.post(f"/api/v1/issuers/{issuer}/users", json=again), 409, "somebody_else_there")


@pytest.mark.parametrize(
    "said",
    [{"email_verified": False}, {"email_verified": None}, {"email_verified": "true"}, {"email": None},
     {"email": "nobody@example.org"}, {"email": "no address"}, {"email": ["known@example.org"]}],
)  # fmt: skip
def test_an_address_that_is_not_verified_or_nobody_s_lets_nobody_in(town, there, issuer, said):
    if not town.house.with_address(town.organization, "known@example.org"):
        customer(town, "known@example.org")
    attempt = begun(town, issuer)
    token = there.token(attempt["nonce"], **{"email": "known@example.org", "sub": str(uuid4()), **said})
    problem(came(town, attempt, id_token=token), 401, "not_believed")


def test_an_address_of_two_lets_in_neither(town, there, issuer):
    for _ in range(2):
        customer(town, "twins@example.org")
    until(lambda: len(town.house.with_address(town.organization, "twins@example.org")) == 2)
    attempt = begun(town, issuer)
    token = there.token(attempt["nonce"], email="twins@example.org", sub="twin")
    problem(came(town, attempt, id_token=token), 401, "not_believed")


def test_addresses_of_other_domains_and_issuers_by_subject_let_nobody_in(town, there):
    customer(town, "near@example.net")
    for more in ({"domains": ["example.org"]}, {"by": "subject"}):
        attempt = begun(town, trusted(town, there, **more))
        token = there.token(attempt["nonce"], email="near@example.net", sub="near")
        problem(came(town, attempt, id_token=token), 401, "not_believed")
    attempt = begun(town, trusted(town, there, domains=["EXAMPLE.net"]))
    token = there.token(attempt["nonce"], email="near@example.net", sub="near")
    assert came(town, attempt, id_token=token).status_code == 200


def test_whoever_was_deactivated_comes_in_no_more_and_no_issuer_that_was_dropped_is_believed(town, there):
    user, issuer = customer(town, "gone@example.org"), trusted(town, there)
    attempt, later = begun(town, issuer), begun(town, issuer)
    town.owner.post(f"/api/v1/users/{user}/deactivation")
    token = there.token(attempt["nonce"], email="gone@example.org", sub="gone")
    problem(came(town, attempt, id_token=token), 401, "not_believed")
    assert town.owner.delete(f"/api/v1/issuers/{issuer}").status_code == 200
    problem(came(town, later, id_token=there.token(later["nonce"])), 401, "not_believed")
    wish = {"organization_id": str(town.organization), "issuer_id": issuer, "redirect_uri": BACK}
    problem(town.client.post("/api/v1/oidc/attempts", json=wish), 401, "not_believed")


def test_one_organization_s_issuer_lets_nobody_into_another(town, there, issuer):
    customer(town, "here@example.org")
    wish = {"organization_id": str(uuid4()), "issuer_id": issuer, "redirect_uri": BACK}
    problem(town.client.post("/api/v1/oidc/attempts", json=wish), 401, "not_believed")
    attempt = begun(town, issuer)
    token = there.token(attempt["nonce"], email="here@example.org", sub="here")
    told = came(town, attempt, id_token=token).json()
    other = {"daybook-organization": str(uuid4())}
    answer = Somebody(town.client, told["access_token"]).get("/api/v1/users/me", headers=other)
    problem(answer, 404, "unknown_organization")


def test_each_login_is_in_the_access_log_with_its_reason(town, there):
    issuer = trusted(town, there)
    user = customer(town, "noted@example.org")
    for nonce in ("wrong", None):
        attempt = begun(town, issuer)
        came(town, attempt, id_token=there.token(nonce or attempt["nonce"], email="noted@example.org", sub="noted"))
    found = town.sql(
        "SELECT outcome, reason, actor_id FROM access_log.entry WHERE action = 'login' AND target_id = %s "
        "ORDER BY position", issuer,
    )  # fmt: skip
    assert found == [("failed", "token_nonce", "unknown"), ("success", None, user)]


def test_only_owners_and_admins_say_whose_word_is_taken(town, there, issuer):
    for role in ("manager", "staff", "customer", "compliance", "service"):
        who = town.as_(role)
        wish = {"url": there.url, "client_id": "x"}
        problem(who.put(f"/api/v1/issuers/{uuid4()}", json=wish), 403, "not_permitted")
        problem(who.delete(f"/api/v1/issuers/{issuer}"), 403, "not_permitted")
        problem(who.get("/api/v1/issuers"), 403, "not_permitted")
    position = town.sql("SELECT max(position) FROM event_store.event")[0][0]
    listed = town.as_("admin").get("/api/v1/issuers", params={"min_position": str(position)}).json()
    assert issuer in {row["id"] for row in listed}


# tricks with tokens

NOW = int(time.time())


def hs_by_public_key(there: There, nonce: str) -> str:
    """The public key taken for a secret."""
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = part({"alg": "HS256", "typ": "JWT", "kid": "r"})
    body = there.token(nonce).split(".")[1]
    signature = hmac.digest(pem, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def part(what: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(what).encode()).rstrip(b"=").decode()


TRICKS = {
    "no algorithm": lambda at, n: f"{part({'alg': 'none', 'kid': 'r'})}.{at.token(n).split('.')[1]}.",
    "the public key as a secret": hs_by_public_key,
    "another's key": lambda at, n: at.token(n, STRANGER),
    "a key of another name": lambda at, n: at.token(n, headers={"kid": "e"}),
    "an unknown key": lambda at, n: at.token(n, STRANGER, headers={"kid": "mine"}),
    "no name of a key": lambda at, n: at.token(n, headers={"kid": None}),
    "a weak key": lambda at, n: at.token(n, WEAK, headers={"kid": "w"}),
    "another curve": lambda at, n: at.token(n, OTHER_EC, "ES384", {"kid": "o"}),
    "another algorithm of the family": lambda at, n: at.token(n, RSA, "RS512"),
    "its padding": lambda at, n: at.token(n, RSA, "PS256"),
    "a key of its own": lambda at, n: at.token(n, STRANGER, headers={"jwk": public(STRANGER, "r")}),
    "a key by address": lambda at, n: at.token(n, STRANGER, headers={"jku": "https://evil.example/keys"}),
    "critical words": lambda at, n: at.token(n, headers={"crit": ["exp"]}),
    "another issuer": lambda at, n: at.token(n, iss="https://evil.example"),
    "almost the issuer": lambda at, n: at.token(n, iss=at.url + "/"),
    "another audience": lambda at, n: at.token(n, aud="elsewhere"),
    "no audience": lambda at, n: at.token(n, aud=None),
    "for several, by another": lambda at, n: at.token(n, aud=["daybook", "shop"], azp="shop"),
    "for several, by nobody": lambda at, n: at.token(n, aud=["daybook", "shop"]),
    "by another": lambda at, n: at.token(n, azp="shop"),
    "expired": lambda at, n: at.token(n, exp=NOW - 100),
    "no end": lambda at, n: at.token(n, exp=None),
    "an old one": lambda at, n: at.token(n, iat=NOW - 3600),
    "from the future": lambda at, n: at.token(n, iat=NOW + 3600, exp=NOW + 4000),
    "nobody knows since when": lambda at, n: at.token(n, iat=None),
    "another's answer": lambda at, n: at.token("another"),
    "no nonce": lambda at, n: at.token(None),
    "a nonce that is none": lambda at, n: at.token(7),
    "nobody": lambda at, n: at.token(n, sub=None),
    "nobody's name": lambda at, n: at.token(n, sub=""),
    "a long name": lambda at, n: at.token(n, sub="x" * 256),
    "its signature is gone": lambda at, n: at.token(n).rpartition(".")[0] + ".",
    "garbage": lambda at, n: "garbage",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_is_believed(town, there, issuer, trick):
    if not town.house.with_address(town.organization, "dora@example.org"):
        customer(town, "dora@example.org")
    attempt = begun(town, issuer)
    problem(came(town, attempt, id_token=TRICKS[trick](there, attempt["nonce"])), 401, "not_believed")
    answer = came(town, attempt, id_token=there.token(attempt["nonce"], aud=["daybook", "x"], azp="daybook"))
    assert answer.status_code == 200, "what was not believed uses nothing up"


def test_tricks_with_the_attempt(town, there, issuer):
    attempt = begun(town, issuer)
    token = there.token(attempt["nonce"])
    own = Somebody(town.client, town.token("customer", str(uuid4())))
    for wrong in ("garbage", own.token, attempt["attempt"][:-3] + "abc", begun(town, issuer)["attempt"]):
        problem(came(town, {"attempt": wrong}, id_token=token), 401, "not_believed")
    problem(came(town, attempt), 401, "not_believed")
    problem(came(town, attempt, id_token=token, code="x"), 401, "not_believed")
    problem(Somebody(town.client, attempt["attempt"]).get("/api/v1/bookings"), 401, "unauthenticated")


# how it is asked


def test_its_keys_are_asked_for_once_and_again_for_a_new_one_after_a_minute(there):
    now = [1000.0]
    houses = Houses(Fetch(private=True), clock=lambda: now[0])
    before = there.asked.count("/keys")
    fetched = lambda: there.asked.count("/keys") - before  # noqa: E731
    houses.key(there.url, "r")
    houses.key(there.url, "e")
    assert fetched() == 1
    for after, times in ((59.0, 1), (60.0, 2), (119.0, 2), (120.0, 3)):
        now[0] = 1000.0 + after
        with pytest.raises(NotBelieved):
            houses.key(there.url, "new")
        assert fetched() == times, after
    there.keys.append(public(STRANGER, "new"))
    try:
        now[0] += 60
        assert houses.key(there.url, "new")
        now[0] += oidc.KEPT
        houses.key(there.url, "r")
        assert fetched() == 5
    finally:
        there.keys.pop()


@pytest.mark.parametrize(
    "answer",
    [(200, {}, b"x" * (oidc.LARGEST + 1)), (302, {"location": "http://127.0.0.1:1/"}, b""), (200, {}, b"[1]"),
     (200, {}, b"not json"), (500, {}, b"{}"), (200, {}, b"[" * 100_000), (200, {}, b'{"issuer": "other"}')],
)  # fmt: skip
def test_what_it_answers_is_bounded_and_no_redirect_is_followed(there, answer):
    there.odd["/.well-known/openid-configuration"] = answer
    try:
        with pytest.raises(NotBelieved):
            Houses(Fetch(private=True)).key(there.url, "r")
    finally:
        there.odd.clear()


def test_who_trickles_is_left(there):
    there.trickles = True
    try:
        with pytest.raises(NotBelieved):
            Fetch(private=True, patience=0.3)(f"{there.url}/slow")
    finally:
        there.trickles = False


PRIVATE = [
    "127.0.0.1", "[::1]", "0.0.0.0", "2130706433", "0x7f.1", "0177.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1",
    "[fd00::1]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "100.64.0.1", "localhost", "224.0.0.1", "[::]",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_no_address_is_asked_that_only_we_can_reach(host):
    with pytest.raises(NotBelieved):
        Fetch()(f"https://{host}/keys")


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "https://example.org:5432/", "ftp://example.org/", "file:///etc/passwd", "gopher://x/",
     "https://user:pass@example.org/", "https:///keys"],
)  # fmt: skip
def test_nothing_is_asked_but_over_tls_and_by_its_usual_door(url, monkeypatch):
    monkeypatch.setattr(oidc.socket, "create_connection", lambda *_, **__: pytest.fail("it was asked"))
    with pytest.raises(NotBelieved):
        Fetch()(url)


def test_a_name_is_looked_up_once_and_one_bad_address_among_good_ones_is_enough(monkeypatch):
    asked: list[str] = []
    answers = [[(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("127.0.0.1", 443))]]

    def looked_up(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        return answers[0]

    monkeypatch.setattr(oidc.socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(oidc.socket, "create_connection", lambda *_, **__: pytest.fail("it was asked"))
    with pytest.raises(NotBelieved):
        Fetch()("https://two-faced.example/")
    assert asked == ["two-faced.example"]
    reached: list[Any] = []

    def connected(address: Any, **__: Any) -> Any:
        reached.append(address)
        raise ConnectionRefusedError

    answers[0] = [(2, 1, 6, "", ("93.184.216.34", 443))]
    monkeypatch.setattr(oidc.socket, "create_connection", connected)
    with pytest.raises(NotBelieved):
        Fetch()("https://good.example/")
    assert reached == [("93.184.216.34", 443)], "the address that was looked at, and not the name once more"


def test_without_leave_this_machine_is_not_asked_over_http_either(servers: Settings, there):
    with fresh(servers) as settings, Town(settings, views=False) as town:
        issuer = trusted(town, there)
        wish = {"organization_id": str(town.organization), "issuer_id": issuer, "redirect_uri": BACK}
        asked = len(there.asked)
        problem(town.client.post("/api/v1/oidc/attempts", json=wish), 401, "not_believed")
        assert len(there.asked) == asked


# what is said of one


def test_an_issuer_is_named_by_a_url_and_has_a_client():
    issuer = Issuer(id=UUID(int=1))
    wrong = (
        "ftp://a.example",
        "https://",
        "https://a@b.example",
        "https://a.example/?x=1",
        "no",
        "https://a.example:x",
    )
    for url in wrong:
        with pytest.raises(NotAnIssuer):
            issuer.trust(url, "c", "c", "email", ())
    with pytest.raises(NoClient):
        issuer.trust("https://a.example", "a b", "c", "email", ())
    with pytest.raises(NotADomain):
        issuer.trust("https://a.example", "a", "c", "email", ("nodots",))
    said = issuer.trust("https://a.example/realms/x", "a", "c", "email", ("A.example",))
    assert said == [events.IssuerTrusted("https://a.example/realms/x", "a", "c", "email", ("a.example",))]
    after = issuer.after(said)
    assert after.trust("https://a.example/realms/x", "a", "c", "email", ("a.example",)) == []
    assert after.after(after.drop()).drop() == []
