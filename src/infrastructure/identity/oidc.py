"""Asking houses elsewhere, and reading what they have signed (OpenID Connect).

Where to ask, a tenant has said: so it is asked with care. Over TLS alone; of addresses that everybody can reach alone,
looked up once and then kept to; no redirect is followed, and neither size nor time is the other's choice.
"""

import hmac
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

from application.identity.issuers import NotBelieved, Word
from domain.identity.issuer import Issuer

LARGEST = 256_000
"""Bytes of an answer."""
PATIENCE = 5.0
"""Seconds for all of it."""
KEPT = 3600.0
"""Seconds for which keys are kept."""
AGAIN = 60.0
"""Seconds after which an unknown key is asked for again, and not before."""
MOST_KEYS = 50
MOST_HOUSES = 200
LONGEST_TOKEN = 16_384
LEEWAY = 60
YOUNG = 600
"""Seconds since a token was made."""
ALGORITHMS = ("RS256", "ES256", "EdDSA")
LEAST_RSA = 2048


class Fetch:
    """One request at a time, each by itself."""

    def __init__(self, private: bool = False, patience: float = PATIENCE) -> None:
        """`private`: addresses that only we can reach may be asked, and this machine without TLS."""
        self._private, self._patience = private, patience
        self._tls = ssl.create_default_context()

    def __call__(self, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object that it answers with; `NotBelieved`."""
        try:
            found = msgspec.json.decode(self._got(url, form))
        except (OSError, http.client.HTTPException, msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise NotBelieved(f"issuer_{type(error).__name__.lower()}") from None
        if not isinstance(found, dict):
            raise NotBelieved("issuer_answer")
        return found

    def _got(self, url: str, form: Mapping[str, str] | None) -> bytes:
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        if parts.username or parts.password or not host or parts.scheme not in ("https", "http"):
            raise NotBelieved("issuer_url")
        if not self._private and (not secure or port != 443):
            raise NotBelieved("issuer_url")
        address = self._address(host, port, secure)
        ends = time.monotonic() + self._patience
        plain = socket.create_connection((str(address), port), timeout=self._patience)
        # However it trickles: at the end the line is cut.
        alarm = threading.Timer(max(ends - time.monotonic(), 0.01), _cut, [plain])
        alarm.daemon = True
        alarm.start()
        line: socket.socket = plain
        try:
            if secure:
                line = self._tls.wrap_socket(plain, server_hostname=host)
            return _asked(line, host, port, f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", form)
        finally:
            alarm.cancel()
            line.close()

    def _address(self, host: str, port: int, secure: bool) -> IPv4Address | IPv6Address:
        """Looked up once. One that may not be asked among several, and none is: somebody plays with names."""
        found = [ip_address(it[4][0]) for it in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        if not found or not all(self._may_ask(address, secure) for address in found):
            raise NotBelieved("issuer_address")
        return found[0]

    def _may_ask(self, address: IPv4Address | IPv6Address, secure: bool) -> bool:
        plain = getattr(address, "ipv4_mapped", None) or address
        if plain.is_multicast or plain.is_unspecified:
            return False
        return bool(plain.is_global and secure) or (self._private and (secure or plain.is_loopback))


def _cut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _asked(line: socket.socket, host: str, port: int, path: str, form: Mapping[str, str] | None) -> bytes:
    connection = http.client.HTTPConnection(host, port)
    connection.sock = line
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "daybook"}
    if form is None:
        connection.request("GET", path, headers=headers)
    else:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("POST", path, urlencode(form).encode(), headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise NotBelieved("issuer_status")
    body = answer.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise NotBelieved("issuer_size")
    return body


class House(Struct, frozen=True):
    """What is known of an issuer."""

    about: Mapping[str, Any]
    keys: Mapping[str, jwt.PyJWK]
    fetched_at: float


class Houses:
    """One a process: what issuers say of themselves, for a while."""

    def __init__(self, fetch: Fetch, clock: Any = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._known: dict[str, House] = {}
        self._lock = threading.Lock()

    def endpoint(self, url: str, name: str) -> str:
        found = self._house(url).about.get(name)
        if not isinstance(found, str):
            raise NotBelieved("issuer_answer")
        return found

    def key(self, url: str, kid: str) -> jwt.PyJWK:
        """The key of this name. One that is not known may be new: it is asked again, but not at every attempt."""
        found = self._house(url)
        if kid not in found.keys and found.fetched_at + AGAIN <= self._clock():
            found = self._house(url, anew=True)
        if kid not in found.keys:
            raise NotBelieved("unknown_key")
        return found.keys[kid]

    def exchanged(self, issuer: Issuer, code: str, redirect_uri: str, verifier: str) -> str:
        """The ID token that a code stands for."""
        answer = self._fetch(self.endpoint(issuer.url, "token_endpoint"), {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
            "client_id": issuer.client_id, "code_verifier": verifier,
        })  # fmt: skip
        found = answer.get("id_token")
        if not isinstance(found, str):
            raise NotBelieved("issuer_answer")
        return found

    def word(self, issuer: Issuer, token: str, nonce: str) -> Word:
        """What an ID token says; `NotBelieved`."""
        return word(self, issuer, token, nonce)

    def _house(self, url: str, anew: bool = False) -> House:
        with self._lock:
            known = self._known.get(url)
        now = self._clock()
        if known is not None and not anew and now < known.fetched_at + KEPT:
            return known
        about = self._fetch(f"{url.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != url or not isinstance(about.get("jwks_uri"), str):
            raise NotBelieved("issuer_answer")
        made = House(about, keys_of(self._fetch(about["jwks_uri"])), now)
        with self._lock:
            if len(self._known) >= MOST_HOUSES:
                self._known.clear()
            self._known[url] = made
        return made


def keys_of(answer: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """Those that can be used for one of our algorithms; all others are passed over."""
    listed = answer.get("keys")
    found: dict[str, jwt.PyJWK] = {}
    for one in listed[:MOST_KEYS] if isinstance(listed, list) else ():
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or not isinstance(one.get("kid"), str):
            continue
        try:
            key = jwt.PyJWK.from_dict(one, algorithm=FITS.get(one.get("kty", "")))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        if one.get("kty") in FITS and strong(key.key) and one.get("alg", FITS[one["kty"]]) == FITS[one["kty"]]:
            found[one["kid"]] = key
    return found


FITS = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
"""For what a kind of key is used: never for another, so that no public key is ever taken for a secret."""


def strong(key: Any) -> bool:
    match key:
        case RSAPublicKey():
            return key.key_size >= LEAST_RSA
        case EllipticCurvePublicKey():
            return isinstance(key.curve, SECP256R1)
        case Ed25519PublicKey():
            return True
    return False


def word(houses: Houses, issuer: Issuer, token: str, nonce: str) -> Word:
    """What an ID token says, if it is the issuer's, for us, young, and the answer to what we asked; `NotBelieved`."""
    if len(token) > LONGEST_TOKEN:
        raise NotBelieved("token_size")
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS or "crit" in header or not isinstance(header.get("kid"), str):
            raise NotBelieved("token_header")
        key = houses.key(issuer.url, header["kid"])
        if key.algorithm_name != header["alg"]:
            raise NotBelieved("token_algorithm")
        claims = jwt.decode(
            token, key.key, algorithms=[header["alg"]], issuer=issuer.url, audience=issuer.audience, leeway=LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise NotBelieved(f"token_{type(error).__name__.lower()}") from None
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else issuer.client_id) != issuer.client_id:
        raise NotBelieved("token_azp")
    if not isinstance(claims.get("nonce"), str) or not hmac.compare_digest(claims["nonce"].encode(), nonce.encode()):
        raise NotBelieved("token_nonce")
    if not isinstance(claims["iat"], int | float) or claims["iat"] < time.time() - YOUNG - LEEWAY:
        raise NotBelieved("token_age")
    subject, email = claims["sub"], claims.get("email")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        raise NotBelieved("token_subject")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    return Word(subject, email if verified else None)
