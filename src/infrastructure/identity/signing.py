"""The keys that sign tokens and links: a small set, of which the newest signs and the older ones are still believed.

The first is the secret of the settings. Each rotation adds one to the database, sealed by the installation's key. It is
known to every process before the first token comes that it has signed: it begins a while after it was made. What an
older one has signed is good until it would have ended by itself.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

import psycopg
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from application.event_store import Unavailable
from application.sealing import INSTALLATION, Keys
from infrastructure.identity.links import LinkRows, Stored
from infrastructure.postgres.migrate import KEYS_ROLE
from infrastructure.privacy.keyring import Keyring
from infrastructure.privacy.master import masters
from infrastructure.privacy.seals import NONCE, Broken, derived, fresh_key
from infrastructure.settings import Settings

HEAD_START = 20.0
"""Seconds after which a key that was made begins to sign: by then everybody has heard of it."""
EVERY = 5.0
"""Seconds after which the database is asked again."""
LEEWAY = 60.0
LONGEST_LINK = 400 * 86_400.0
"""Seconds that a link may live."""
PURPOSE = "signing keys"

_log = structlog.get_logger()


class SigningKey(Struct, frozen=True):
    """One of the set."""

    kid: str
    secret: bytes
    begins: float
    """From then on it signs what is new (Unix time)."""
    followed: float
    """From then on the next one does."""
    ends: float
    """From then on nothing that it signed is believed, however long it would live."""

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"

    def believed(self, now: float, life: float) -> bool:
        """Whether something that lives for so long and was signed while it was its turn may still be alive."""
        return now < min(self.ends, self.followed + life + LEEWAY)

    def derived(self, purpose: str) -> bytes:
        """A key of its own for another purpose."""
        return derived(self.secret, purpose)


FOREVER = float("inf")


def kid_of(secret: str) -> str:
    """What the key of the settings is called. It says nothing about it."""
    return sha256(b"daybook signing key\0" + secret.encode()).hexdigest()[:16]


def lined_up(secret: str, previous: str | None, stored: Sequence[tuple[str, bytes, bool, float]]) -> list[SigningKey]:
    """All of them, the oldest first. Stored: kid, secret, whether it stands alone, and when it was made."""
    known = [(kid_of(secret), secret.encode()), *((kid, key) for kid, key, _, _ in stored)]
    begins = [0.0, *(made if alone else made + HEAD_START for _, _, alone, made in stored)]
    found = []
    for place, (kid, key) in enumerate(known):
        followed = min(begins[place + 1 :], default=FOREVER)
        ends = min((made for _, _, alone, made in stored[place:] if alone), default=FOREVER)
        found.append(SigningKey(kid, key, begins[place], followed, ends))
    if previous is not None and previous != secret:
        first = found[0]
        found.insert(0, SigningKey(kid_of(previous), previous.encode(), 0.0, first.followed, first.ends))
    return found


class Ring:
    """One a process. `begin` reads what there is, and goes on reading it until `close`."""

    def __init__(
        self,
        secret: str,
        previous: str | None = None,
        stored: Callable[[], Iterable[Stored]] | None = None,
        keys: Keys | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Without `stored` and `keys`: those of the settings alone."""
        self._secret, self._previous = secret, previous
        self._stored, self._keys, self._clock = stored, keys, clock
        self.keys = lined_up(secret, previous, ())
        """Another list whenever they are others."""
        self._opened: dict[str, bytes] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def newest(self) -> SigningKey:
        """The one that signs now."""
        now = self._clock()
        return max((key for key in self.keys if key.begins <= now), key=lambda key: (key.begins, self.keys.index(key)))

    def known(self, kid: str | None, life: float) -> SigningKey | None:
        """The one of this name, if anything that it signed can be alive; without a name, the settings' own."""
        wanted = kid_of(self._secret) if kid is None else kid
        now = self._clock()
        return next((key for key in self.keys if key.kid == wanted and key.believed(now, life)), None)

    def refresh(self) -> None:
        """Reads them now; `Unavailable`."""
        if self._stored is None or self._keys is None:
            return
        found = [(row.kid, self._open(row), row.alone, row.created_at) for row in self._stored()]
        lined = lined_up(self._secret, self._previous, found)
        if lined != self.keys:
            self.keys = lined

    def begin(self) -> None:
        with self._starting:
            if self._thread is None and self._stored is not None:
                self._thread = threading.Thread(target=self._follow, name="signing", daemon=True)
                self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)

    def _follow(self) -> None:
        failing = False
        while not self._stopping.is_set():
            try:
                self.refresh()
                failing = False
            except (Unavailable, Broken, psycopg.Error) as error:
                if not failing:
                    _log.warning("signing.unread", error=type(error).__name__)
                failing = True
            self._stopping.wait(EVERY)

    def _open(self, row: Stored) -> bytes:
        if row.kid not in self._opened:
            assert self._keys is not None
            self._opened[row.kid] = opened(self._keys.secret(INSTALLATION, PURPOSE), row)
        return self._opened[row.kid]


def opened(under: bytes, row: Stored) -> bytes:
    try:
        return AESGCM(under).decrypt(row.box[:NONCE], row.box[NONCE:], row.kid.encode())
    except (InvalidTag, ValueError) as error:
        raise Broken(f"the signing key {row.kid} does not open") from error


def rotate(url: str, keys: Keys, *, alone: bool = False) -> str:
    """Another key that signs from then on; its name. `alone`: and nothing that was signed before is good any more."""
    kid, nonce = os.urandom(8).hex(), os.urandom(NONCE)
    box = nonce + AESGCM(keys.secret(INSTALLATION, PURPOSE)).encrypt(nonce, fresh_key(), kid.encode())
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection, connection.transaction():
        connection.execute(f"SET LOCAL ROLE {KEYS_ROLE}")
        connection.execute("SELECT identity.add_signing_key(%s, %s, %s)", [kid, box, alone])
    return kid


def at_hand(settings: Settings) -> Ring:
    """The keys for somebody who only wants to sign one thing; those of the settings where no database answers."""
    assert settings.token_secret is not None
    alone = Ring(settings.token_secret, settings.token_secret_previous)
    if settings.database_url is None or (settings.master_key is None and settings.master_key_file is None):
        return alone
    rows = LinkRows(settings.database_url, settings.database_deadline)
    keys = Keyring(settings.database_url, masters(settings), deadline=settings.database_deadline)
    ring = Ring(settings.token_secret, settings.token_secret_previous, rows.signing_keys, keys)
    try:
        ring.refresh()
    except Unavailable:
        return alone
    finally:
        rows.close()
        keys.close()
    return ring
