"""Who is let in, and who is not: every route without a token, and every trick with one."""

import base64
import json
import re
import time
from uuid import UUID, uuid4

import jwt
import pytest
from house import Somebody, Town, fresh, problem
from litestar.routes import HTTPRoute

from infrastructure.settings import Settings
from interfaces.http.caller import Caller, Doorkeeper
from interfaces.http.errors import Unauthenticated
from interfaces.trust import Trust, minted

SECRET = "s" * 40
TRUST = Trust(SECRET, "daybook", "daybook", 900)
ORGANIZATION = str(UUID(int=5))

LISTED = {
    "/health/live", "/health/ready", "/schema/openapi.json", "/docs", "/docs/{name}", "/problems",
    "/problems/{code}", "/book/{organization}/{offering}", "/book/files/{name}",
    "/api/v1/login", "/api/v1/login/refresh", "/api/v1/logout", "/api/v1/registrations", "/api/v1/acceptances",
    "/api/v1/password-resets", "/api/v1/password-resets/completion", "/api/v1/email-verifications",
    "/api/v1/oidc/attempts", "/api/v1/oidc/logins", "/api/v1/guests",
    "/manage/{token}", "/api/v1/manage/{token}", "/api/v1/manage/{token}/cancellation", "/api/v1/manage/{token}/move",
}  # fmt: skip
"""What strangers may see while `public_pages` is on."""


def claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    usual: dict[str, object] = {
        "iss": "daybook", "aud": "daybook", "iat": now, "exp": now + 600, "sub": "ann", "role": "owner",
        "org": ORGANIZATION,
    }  # fmt: skip
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def token(
    key: str = SECRET, algorithm: str = "HS256", headers: dict[str, object] | None = None, **changes: object
) -> bytes:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=headers).encode()


def part(what: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(what).encode()).rstrip(b"=").decode()


def admitted(one: bytes) -> Caller:
    return Doorkeeper(TRUST).caller(one)


# good ones


def test_a_good_token_says_who_calls():
    caller = admitted(token(sid="s1"))
    assert (caller.actor.type, caller.actor.id, caller.actor.role, caller.actor.session) == (
        "user",
        "ann",
        "owner",
        "s1",
    )
    assert caller.organizations == (UUID(ORGANIZATION),)


def test_what_is_minted_is_let_in():
    one = minted(TRUST, role="staff", subject="bob", organization=UUID(ORGANIZATION))
    assert admitted(one.encode()).actor.role == "staff"


def test_two_clocks_may_differ_by_a_minute():
    now = int(time.time())
    assert admitted(token(iat=now + 50, exp=now + 500))
    assert admitted(token(iat=now - 500, exp=now - 50))


def test_a_known_token_is_forgotten_when_it_ends(monkeypatch):
    keeper, one = Doorkeeper(TRUST), token()
    keeper.caller(one)
    later = time.time() + 661
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Unauthenticated):
        keeper.caller(one)


# bad ones

NOW = int(time.time())
TRICKS = {
    "no algorithm": f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}.".encode(),
    "no algorithm, in capitals": f"{part({'alg': 'NONE'})}.{part(claims())}.".encode(),
    "another algorithm of the family": token("s" * 64, "HS384"),
    "a longer one": token("s" * 64, "HS512"),
    "another secret": token("t" * 40),
    "its signature is gone": token().rpartition(b".")[0] + b".",
    "its signature is cut": token()[:-4],
    "its claims are another's": b".".join(
        (token().split(b".")[0], part(claims(role="platform")).encode(), token().split(b".")[2])
    ),
    "another issuer": token(iss="elsewhere"),
    "no issuer": token(iss=None),
    "another audience": token(aud="elsewhere"),
    "no audience": token(aud=None),
    "expired": token(iat=NOW - 800, exp=NOW - 100),
    "it never ends": token(exp=None),
    "it ends in the year 9999": token(exp=253402300799),
    "it lives too long": token(exp=NOW + 901),
    "it ends before it begins": token(iat=NOW, exp=NOW - 1),
    "nobody knows since when": token(iat=None),
    "from the future": token(iat=NOW + 9000, exp=NOW + 9600),
    "not yet": token(nbf=NOW + 9000),
    "an end that is no number": token(exp="soon"),
    "an endless end": token(exp=float("inf")),
    "an endless beginning": token(iat=float("-inf")),
    "nobody": token(sub=None),
    "nobody's name": token(sub=""),
    "a name of many lines": token(sub="ann\nbob"),
    "a name that is none": token(sub=7),
    "no role": token(role=None),
    "a role that nobody has": token(role="king"),
    "the role of the clockwork": token(role="system"),
    "the role of imports": token(role="importer"),
    "no organization": token(org=None),
    "an organization that is no id": token(org="mine"),
    "a customer who is no id": token(role="customer"),
    "a key by path": token(headers={"kid": "../../dev/null"}),
    "a key by query": token(headers={"kid": "x' UNION SELECT 'secret"}),
    "a key by address": token(headers={"jku": "https://evil.example/keys"}),
    "a key by certificate": token(headers={"x5u": "https://evil.example/cert"}),
    "a key of its own": token(headers={"jwk": {"kty": "oct", "k": "c2VjcmV0"}}),
    "another kind of token": token(headers={"typ": "refresh+jwt"}),
    "critical words": token(headers={"crit": ["exp"]}),
    "a hundred thousand characters": token(sub="a" * 100_000),
    "nested beyond reason": f"{part({'alg': 'HS256'})}.{base64.urlsafe_b64encode(b'[' * 3000).decode()}.x".encode(),
    "two dots": b"..",
    "no dots": b"garbage",
    "nothing": b"",
    "not even text": b"\xff\xfe.\x00.\x80",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_opens_the_door(trick):
    with pytest.raises(Unauthenticated):
        admitted(TRICKS[trick])


def test_no_trick_opens_it_over_http_either(town):
    for trick, one in TRICKS.items():
        if b"\x00" in one or len(one) > 4000:
            continue
        answer = town.client.get("/api/v1/bookings", headers=[(b"authorization", b"Bearer " + one)])
        assert answer.status_code == 401, trick
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("scheme", ["Basic", "bearer\t", "Token", "BearerX"])
def test_no_other_scheme(town, scheme):
    answer = town.client.get("/api/v1/bookings", headers={"authorization": f"{scheme} {town.token()}"})
    problem(answer, 401, "unauthenticated")


def test_two_tokens_are_none(town):
    headers = [(b"authorization", b"Bearer " + town.token().encode())] * 2
    problem(town.client.get("/api/v1/bookings", headers=headers), 401)


# every route


def routes(town: Town) -> list[tuple[str, str]]:
    return [
        (route.path_format, method)
        for route in town.app.routes
        if isinstance(route, HTTPRoute)
        for method in sorted(route.methods)
    ]


def test_every_route_asks_for_a_token_but_the_listed(town):
    found = routes(town)
    assert len(found) > 60
    for path, method in found:
        url = path.replace("{name}", "start.js").replace("{code}", "slot_taken")
        url = re.sub(r"\{\w+_id\}", lambda _: str(uuid4()), url)
        for headers in ({}, {"authorization": "Bearer junk"}):
            answer = town.client.request(method, url, headers=headers)
            # The options of a listed path ask for a token as well: nobody opened them by name.
            open_to_all = path in LISTED and method != "OPTIONS"
            assert (answer.status_code != 401) is open_to_all, (method, path, answer.status_code)
            if not open_to_all:
                problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize(
    "path", ["/healthcare", "/health", "/api/v1/health/live", "/health/live/../../api/v1/bookings"]
)
def test_nothing_is_open_because_its_name_begins_so(town, path):
    assert town.client.get(path).status_code in (401, 404)


def test_pages_can_be_closed(servers: Settings):
    with fresh(servers, public_pages=False) as settings, Town(settings, views=False) as town:
        for path in ("/docs", "/docs/start.js", "/schema/openapi.json", "/problems"):
            problem(town.client.get(path), 401)
            assert town.owner.get(path).status_code == 200
        assert town.client.get("/health/ready").status_code == 200


# organizations


def test_who_has_several_organizations_names_one(town):
    one, two = town.organization, uuid4()
    now = int(time.time())
    several = jwt.encode(
        {"iss": "daybook", "aud": "daybook", "iat": now, "exp": now + 600, "sub": "ann", "role": "owner",
         "orgs": [str(one), str(two)]},
        town.house.trust.secret,
    )  # fmt: skip
    ann = Somebody(town.client, several)
    problem(ann.get("/api/v1/organizations/current"), 400, "organization_needed")
    assert ann.get("/api/v1/organizations/current", headers={"daybook-organization": str(one)}).status_code == 200
    for stranger in (str(uuid4()), "garbage", ""):
        answer = ann.get("/api/v1/organizations/current", headers={"daybook-organization": stranger})
        problem(answer, 404, "unknown_organization")


def test_whoever_has_one_cannot_name_another(town):
    headers = {"daybook-organization": str(uuid4())}
    problem(town.owner.get("/api/v1/bookings", headers=headers), 404, "unknown_organization")
    headers = {"daybook-organization": str(town.organization)}
    assert town.owner.get("/api/v1/bookings", headers=headers).status_code == 200
