"""Keys that sign are changed while everybody goes on working: before, meanwhile, and after."""

import base64
import json
import time
from uuid import UUID

import jwt
import psycopg
import pytest
from house import Somebody, Town, fresh, problem, until

from infrastructure.identity import signing
from infrastructure.identity.links import Stored
from infrastructure.identity.signing import HEAD_START, LEEWAY, LONGEST_LINK, Ring, kid_of, lined_up, rotate
from infrastructure.privacy.seals import Broken
from infrastructure.settings import Settings
from interfaces.http.caller import Doorkeeper
from interfaces.http.errors import Unauthenticated
from interfaces.trust import Trust, minted

OLD, NEW = "o" * 40, "n" * 40
LIFE = 900.0
ORGANIZATION = UUID(int=5)


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


class Turning(Ring):
    """A ring whose stored keys the test puts in."""

    def __init__(self, clock: Clock, previous: str | None = None) -> None:
        super().__init__(OLD, previous, clock=clock)
        self.there: list[tuple[str, bytes, bool, float]] = []

    def turn(self, kid: str, secret: str, alone: bool = False) -> None:
        self.there.append((kid, secret.encode(), alone, self._clock()))
        self.keys = lined_up(OLD, self._previous, self.there)


def trusting(ring: Ring) -> Trust:
    return Trust(OLD, ring=ring)


def made(ring: Ring) -> bytes:
    return minted(trusting(ring), role="owner", subject="ann", organization=ORGANIZATION).encode()


def kid(token: bytes) -> str:
    found: str = jwt.get_unverified_header(token)["kid"]
    return found


def refused(keeper: Doorkeeper, token: bytes) -> bool:
    try:
        keeper.caller(token)
    except Unauthenticated:
        return True
    return False


def test_before_meanwhile_and_after(clock):
    ring = Turning(clock)
    keeper = Doorkeeper(trusting(ring))
    first = made(ring)
    assert kid(first) == kid_of(OLD)
    ring.turn("k1", NEW)
    assert kid(made(ring)) == kid_of(OLD), "not before everybody has heard of it"
    clock.now += HEAD_START
    second = made(ring)
    assert kid(second) == "k1"
    assert not refused(keeper, first)
    assert not refused(keeper, second)
    clock.now += LIFE + LEEWAY
    assert refused(keeper, first)


@pytest.mark.parametrize(("late", "believed"), [(-0.5, True), (0.0, False), (1.0, False)])
def test_an_old_key_is_believed_until_what_it_signed_last_has_ended(clock, late, believed):
    """Whoever has the old secret can then make nothing of it."""
    ring = Turning(clock)
    ring.turn("k1", NEW)
    last = clock.now + HEAD_START
    clock.now += HEAD_START + LIFE + LEEWAY + late
    assert (ring.known(kid_of(OLD), LIFE) is not None) is believed
    assert (ring.known(None, LIFE) is not None) is believed
    forged = jwt.encode(
        {"iss": "daybook", "aud": "daybook", "iat": last, "exp": last + LIFE, "sub": "ann", "role": "owner",
         "org": str(ORGANIZATION)}, OLD, headers={"kid": kid_of(OLD)},
    )  # fmt: skip
    assert refused(Doorkeeper(trusting(ring)), forged.encode()) is not believed


def test_links_live_longer_than_tokens_and_so_does_what_signed_them(clock):
    ring = Turning(clock)
    ring.turn("k1", NEW)
    clock.now += HEAD_START + LIFE + LEEWAY
    assert ring.known(kid_of(OLD), LIFE) is None
    assert ring.known(kid_of(OLD), LONGEST_LINK) is not None
    clock.now += LONGEST_LINK
    assert ring.known(kid_of(OLD), LONGEST_LINK) is None


def test_alone_at_once_nothing_older_is_believed_even_what_is_remembered(clock):
    ring = Turning(clock)
    keeper = Doorkeeper(trusting(ring))
    ring.turn("k1", NEW)
    clock.now += HEAD_START
    old, young = made(ring), jwt.encode({}, OLD).encode()
    assert not refused(keeper, old)
    assert refused(keeper, young)
    ring.turn("k2", "m" * 40, alone=True)
    assert refused(keeper, old)
    assert kid(made(ring)) == "k2"
    assert not refused(keeper, made(ring))
    assert ring.known("k1", LONGEST_LINK) is None


def test_the_settings_secret_is_changed_with_the_one_before_beside_it(clock):
    before = made(Turning(clock))
    both = Ring(NEW, OLD, clock=clock)
    keeper = Doorkeeper(Trust(NEW, ring=both))
    assert not refused(keeper, before)
    assert kid(made(both)) == kid_of(NEW)
    assert refused(Doorkeeper(Trust(NEW, ring=Ring(NEW, clock=clock))), before)


def test_a_header_chooses_among_ours_alone_and_never_mixes_them(clock):
    ring = Turning(clock)
    ring.turn("k1", NEW)
    clock.now += HEAD_START
    keeper, good = Doorkeeper(trusting(ring)), jwt.decode(made(ring), options={"verify_signature": False})
    for secret, headers in [
        (NEW, {"kid": kid_of(OLD)}), (OLD, {"kid": "k1"}), (NEW, {"kid": "k2"}), (NEW, {"kid": ""}), (NEW, {}),
        (NEW, {"kid": "k1", "jku": "https://evil.example"}), (NEW, {"kid": "k1", "crit": ["kid"]}),
    ]:  # fmt: skip
        assert refused(keeper, jwt.encode(good, secret, headers=headers).encode()), headers
    assert not refused(keeper, jwt.encode(good, NEW, headers={"kid": "k1"}).encode())


@pytest.mark.parametrize("kid", [7, None, ["k1"], {"a": 1}, "k1\0", "K1"])
def test_a_name_that_is_none_names_nothing(clock, kid):
    ring = Turning(clock)
    ring.turn("k1", NEW)
    clock.now += HEAD_START
    head, body, _ = made(ring).split(b".")
    header = {**json.loads(base64.urlsafe_b64decode(head + b"==")), "kid": kid}
    forged = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=") + b"." + body
    signature = jwt.get_algorithm_by_name("HS256").sign(forged, NEW.encode())
    assert refused(Doorkeeper(trusting(ring)), forged + b"." + base64.urlsafe_b64encode(signature).rstrip(b"="))


# kept by the database


def test_every_house_hears_of_a_new_key_and_tokens_of_before_go_on(servers: Settings, monkeypatch):
    monkeypatch.setattr(signing, "EVERY", 0.05)
    monkeypatch.setattr(signing, "HEAD_START", 0.3)
    with fresh(servers) as settings, Town(settings, views=False) as town, Town(settings, views=False) as other:
        before = town.token()
        new = rotate(settings.database_url or "", town.house.keys)
        until(lambda: other.house.ring.newest.kid == new and town.house.ring.newest.kid == new)
        after = town.token()
        assert kid(after.encode()) == new != kid(before.encode())
        for token in (before, after):
            for house in (town, other):
                assert Somebody(house.client, token).get("/api/v1/organizations/current").status_code != 401
        last = rotate(settings.database_url or "", town.house.keys, alone=True)
        until(lambda: other.house.ring.newest.kid == last)
        for token in (before, after):
            problem(Somebody(other.client, token).get("/api/v1/organizations/current"), 401, "unauthenticated")
        assert [row.kid for row in town.house.rows.signing_keys()] == [last]


def test_a_key_lies_sealed_and_bound_to_its_name(servers: Settings):
    with fresh(servers) as settings, Town(settings, views=False) as town:
        one, two = (rotate(settings.database_url or "", town.house.keys) for _ in range(2))
        town.house.ring.refresh()
        secrets = {key.kid: key.secret for key in town.house.ring.keys}
        boxes = dict(town.sql("SELECT kid, box FROM identity.signing_key"))
        assert set(boxes) == {one, two}
        assert not any(secrets[name] in bytes(box) for name, box in boxes.items())
        under = town.house.keys.secret(UUID(int=0), signing.PURPOSE)
        with pytest.raises(Broken):
            signing.opened(under, Stored(two, bytes(boxes[one]), False, 0.0))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            with psycopg.connect(settings.database_url or "", options="-c role=daybook_app") as connection:
                connection.execute("SELECT identity.add_signing_key('x', 'x', true)")
