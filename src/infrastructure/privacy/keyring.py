"""The port `application.sealing.Keys`, kept by PostgreSQL: who may open what, and that nobody can any more.

Opened keys are remembered for half a minute at most, and forgotten at once when another process says that somebody was
erased. Calls are as those of the event store: over a pool of their own, under the role that alone may see keys, each
with a deadline.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from application.event_store import Unavailable
from application.sealing import ERASED, Erased, PersonErased
from domain.personal import Clear, Sealed
from infrastructure.postgres import packed
from infrastructure.postgres.migrate import KEYS_ROLE
from infrastructure.postgres.pool import DEADLINE, Lost, Pool, Refused
from infrastructure.privacy import seals
from infrastructure.privacy.master import Masters, MissingKey, make_first, masters
from infrastructure.settings import Settings

LIFE = 30.0
"""Seconds for which an opened key is remembered."""
MOST = 10_000
"""Keys that are remembered at a time."""
CHANNEL = "daybook_keys"
_LISTEN_TICK = 0.25

_TENANT, _BEGIN_TENANT, _SUBJECTS = b"tenant_keys", b"begin_tenant", b"subject_keys"
_BEGIN_SUBJECT, _ERASE, _LOOK_UP = b"begin_subject", b"erase_subject", b"look_up"
_CARRY_OUT, _LEFT = b"carry_out_erasure", b"left_of"
PREPARED: Mapping[bytes, bytes] = {
    _TENANT: b"SELECT * FROM privacy.tenant_keys($1)",
    _BEGIN_TENANT: b"SELECT privacy.begin_tenant($1, $2, $3, $4)",
    _SUBJECTS: b"SELECT * FROM privacy.subject_keys($1, $2)",
    _BEGIN_SUBJECT: b"SELECT privacy.begin_subject($1, $2, $3, $4)",
    _ERASE: b"SELECT privacy.erase($1, $2, $3)",
    _LOOK_UP: b"SELECT * FROM privacy.look_up($1, $2, $3, $4, $5)",
    _CARRY_OUT: b"SELECT * FROM privacy.carry_out_erasure($1, $2, $3, $4)",
    _LEFT: b"SELECT privacy.left_of($1, $2)",
}

_log = structlog.get_logger()
K = TypeVar("K")
V = TypeVar("V")


class WrongMasterKey(Unavailable):
    """Keys in the database are wrapped under a master key that is not at hand."""


class TenantKeys(Struct, frozen=True):
    """A tenant's keys by version; there are two only while they are rotated."""

    by_version: Mapping[int, bytes]
    newest: int
    root: bytes
    """What the keys of its blind indexes are derived from."""


class SubjectKeys(Struct, frozen=True):
    """A person's keys by version; none at all: they were erased."""

    by_version: Mapping[int, AESGCM]
    newest: int


class Destroyed(Struct, frozen=True):
    """What was destroyed of somebody, when it was done first."""

    request: UUID
    basis: str
    keys: int
    rows: int
    at: datetime


class Remembered(Generic[K, V]):
    """For as long as keys may be remembered, and no longer. What was forgotten while it was being fetched is not
    remembered either."""

    def __init__(self, life: float, clock: Callable[[], float]) -> None:
        self._life, self._clock = life, clock
        self._kept: dict[K, tuple[float, V]] = {}
        self._lock = threading.Lock()
        self.forgettings = 0

    def get(self, key: K) -> V | None:
        found = self._kept.get(key)
        return None if found is None or found[0] <= self._clock() else found[1]

    def put(self, key: K, value: V, as_of: int) -> None:
        """`as_of`: how many forgettings there had been when it was asked for."""
        with self._lock:
            if as_of == self.forgettings:
                if len(self._kept) >= MOST:
                    self._kept.clear()
                self._kept[key] = self._clock() + self._life, value

    def forget(self, key: K) -> None:
        with self._lock:
            self.forgettings += 1
            self._kept.pop(key, None)

    def forget_all(self) -> None:
        with self._lock:
            self.forgettings += 1
            self._kept.clear()

    def sweep(self) -> None:
        """What is too old is not only not used: it is gone."""
        with self._lock:
            now = self._clock()
            self._kept = {key: kept for key, kept in self._kept.items() if kept[0] > now}

    def __len__(self) -> int:
        return len(self._kept)


class Keyring:
    """One per process. Connects, and listens for erasures, from its first use on."""

    def __init__(
        self,
        url: str,
        masters: Masters,
        *,
        deadline: float = DEADLINE,
        life: float = LIFE,
        size: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._masters = masters
        self._pool = Pool(url, PREPARED, size=size, deadline=deadline, role=KEYS_ROLE, name="keys")
        self._tenants: Remembered[UUID, TenantKeys] = Remembered(life, clock)
        self._subjects: Remembered[tuple[UUID, UUID], SubjectKeys] = Remembered(life, clock)
        self._secrets: Remembered[tuple[UUID, str], bytes] = Remembered(life, clock)
        self._starting = threading.Lock()
        self._started = False
        self._stopping = threading.Event()
        self._listener: threading.Thread | None = None
        self.listening = threading.Event()
        """Set while erasures by other processes are heard of."""

    def close(self) -> None:
        self._stopping.set()
        if self._listener is not None:
            self._listener.join(5)
        if self._started:
            self._pool.close()
        self._forget_all()

    def __enter__(self) -> "Keyring":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # sealing and opening

    def seal(self, tenant: UUID, of: str, value: Clear) -> Sealed:
        """The value under its person's newest key; `PersonErased` where there will never be one again."""
        key = self._subjects.get((tenant, value.subject)) or self._began(tenant, value.subject)
        if not key.by_version:
            raise PersonErased
        return seals.seal(key.by_version[key.newest], value.text, tenant, value.subject, key.newest, of)

    def open(self, tenant: UUID, sealed: Sequence[Sealed]) -> list[str | Erased]:
        """The texts in their order; `seals.Broken` where one is not what was sealed there."""
        keys = self._of(tenant, {one.subject for one in sealed})
        return [self._opened(tenant, one, keys.get(one.subject)) for one in sealed]

    def at_hand(self, tenant: UUID, sealed: Iterable[Sealed]) -> bool:
        """Whether all of this opens without asking anybody."""
        return all(self._subjects.get((tenant, one.subject)) is not None for one in sealed)

    def _opened(self, tenant: UUID, sealed: Sealed, keys: SubjectKeys | None) -> str | Erased:
        if keys is None:
            raise seals.Broken(f"there is no key, and no erasure, to the seal of {sealed.of}")
        if not keys.by_version:
            return ERASED
        cipher = keys.by_version.get(sealed.key)
        if cipher is None:
            raise seals.Broken(f"the seal of {sealed.of} names a key that never was")
        return seals.unseal(cipher, tenant, sealed)

    def secret(self, tenant: UUID, purpose: str) -> bytes:
        """Derived from what the tenant keeps for it: the same for ever, whichever keys are rotated."""
        found = self._secrets.get((tenant, purpose))
        if found is None:
            as_of = self._secrets.forgettings
            found = seals.derived(self._tenant(tenant).root, purpose)
            self._secrets.put((tenant, purpose), found, as_of)
        return found

    def erase(self, tenant: UUID, subject: UUID, by: str) -> bool:
        """Destroys the person's keys and all by which they are found, for ever; False where that was so already."""
        found = self._call(_ERASE, [tenant.bytes, subject.bytes, by.encode()])
        self._subjects.forget((tenant, subject))
        return bool(found.get_value(0, 0) == b"\x01")

    def carry_out_erasure(self, tenant: UUID, subject: UUID, request: UUID, basis: str) -> Destroyed:
        """`erase`, with how they logged in, and a row that says so: what was destroyed when it was done first."""
        found = self._call(_CARRY_OUT, [tenant.bytes, subject.bytes, request.bytes, basis.encode()])
        self._subjects.forget((tenant, subject))
        value = found.get_value
        return Destroyed(
            UUID(bytes=value(0, 0)), value(0, 1).decode(), packed.to_int(value(0, 2)), packed.to_int(value(0, 3)),
            packed.to_moment(value(0, 4)),
        )  # fmt: skip

    def left_of(self, tenant: UUID, subject: UUID) -> int:
        """Keys that open, and rows by which they are found."""
        return packed.to_int(self._call(_LEFT, [tenant.bytes, subject.bytes]).get_value(0, 0))

    def look_up(
        self, tenant: UUID, wanted: Sequence[tuple[str, bytes]], after: UUID | None = None, most: int = 500
    ) -> list[UUID]:
        """Who has all of these blind values, by field, in the order of ids."""
        found = self._call(
            _LOOK_UP,
            [
                tenant.bytes,
                packed.texts([field for field, _ in wanted]),
                packed.byteas([blind for _, blind in wanted]),
                None if after is None else after.bytes,
                packed.int4(most),
            ],
        )
        return [UUID(bytes=found.get_value(row, 0)) for row in range(found.ntuples)]

    # keys

    def _of(self, tenant: UUID, subjects: Iterable[UUID]) -> dict[UUID, SubjectKeys]:
        """The keys of all of them, asked for together; whoever has none and was not erased is not in it."""
        found: dict[UUID, SubjectKeys] = {}
        unknown: list[UUID] = []
        for subject in subjects:
            known = self._subjects.get((tenant, subject))
            if known is None:
                unknown.append(subject)
            else:
                found[subject] = known
        if unknown:
            found |= self._fetched(tenant, unknown)
        return found

    def _fetched(self, tenant: UUID, subjects: Sequence[UUID]) -> dict[UUID, SubjectKeys]:
        self._listen()
        as_of = self._subjects.forgettings
        result = self._call(_SUBJECTS, [tenant.bytes, packed.uuids(subjects)])
        value = result.get_value
        rows: dict[UUID, list[tuple[int, int, bytes]]] = {}
        for row in range(result.ntuples):
            kept = rows.setdefault(UUID(bytes=value(row, 0)), [])
            if (box := value(row, 3)) is not None:
                kept.append((packed.to_int(value(row, 1)), packed.to_int(value(row, 2)), box))
        found: dict[UUID, SubjectKeys] = {}
        for subject, versions in rows.items():
            opened = {
                version: AESGCM(seals.unwrapped(box, self._under(tenant, under))) for version, under, box in versions
            }
            found[subject] = SubjectKeys(opened, max(opened, default=0))
            self._subjects.put((tenant, subject), found[subject], as_of)
        return found

    def _began(self, tenant: UUID, subject: UUID) -> SubjectKeys:
        """The person's keys, made where there are none. Of two who make one at the same time, one finds the other's; a
        tombstone is found by both."""
        for _ in range(3):
            found = self._of(tenant, [subject]).get(subject)
            if found is not None:
                return found
            under = self._tenant(tenant)
            box = seals.wrapped(seals.fresh_key(), under.by_version[under.newest])
            try:
                self._call(_BEGIN_SUBJECT, [tenant.bytes, subject.bytes, packed.int4(under.newest), box])
            except Refused as refused:
                if refused.constraint != "subject_key_under":
                    raise
                self._tenants.forget(tenant)  # rotated meanwhile: that key is no more
        raise Unavailable("The keys are being rotated: try again.")

    def _under(self, tenant: UUID, version: int) -> bytes:
        found = self._tenant(tenant).by_version.get(version)
        if found is None:
            self._tenants.forget(tenant)
            found = self._tenant(tenant).by_version.get(version)
        if found is None:
            raise seals.Broken(f"there is no key {version} of this tenant")
        return found

    def _tenant(self, tenant: UUID) -> TenantKeys:
        found = self._tenants.get(tenant)
        if found is not None:
            return found
        as_of = self._tenants.forgettings
        rows = self._call(_TENANT, [tenant.bytes])
        if not rows.ntuples:
            self._begin(tenant)
            rows = self._call(_TENANT, [tenant.bytes])
        value = rows.get_value
        keys = {
            packed.to_int(value(row, 0)): seals.unwrapped(value(row, 2), self._master(value(row, 1).decode()))
            for row in range(rows.ntuples)
        }
        newest = max(keys)
        found = TenantKeys(keys, newest, seals.unwrapped(value(rows.ntuples - 1, 3), keys[newest]))
        self._tenants.put(tenant, found, as_of)
        return found

    def _begin(self, tenant: UUID) -> None:
        """The tenant's first key, and what its indexes will be derived from."""
        key = seals.fresh_key()
        root = seals.wrapped(seals.fresh_key(), key)
        while True:
            name = self._masters.newest
            try:
                box = seals.wrapped(key, self._master(name))
                self._call(_BEGIN_TENANT, [tenant.bytes, name.encode(), box, root])
                return
            except Refused as refused:
                if refused.constraint != "retired_master":
                    raise
                self._masters.read_again()
                if self._masters.newest == name:
                    raise WrongMasterKey(f"The master key at {self._masters.where} has been retired.") from refused

    def _master(self, name: str) -> bytes:
        found = self._masters.get(name)
        if found is None:
            _log.error("keys.wrong_master", wanted=name, where=self._masters.where)
            raise WrongMasterKey(f"The master key {name} is not at {self._masters.where}.")
        return found

    # asking

    def _call(self, statement: bytes, values: list[bytes | None]) -> Any:
        """One call; of connections that a restart left dead the first says so, and empties the pool."""
        self._start()
        session = self._pool.take()
        ends = session.ends
        while True:
            try:
                return session.call(statement, values)
            except Lost as lost:
                if time.monotonic() >= ends:
                    raise Unavailable(str(lost)) from lost
            except Refused as refused:
                if refused.sqlstate in ("57014", "55P03") or refused.sqlstate[:2] == "53":
                    raise Unavailable(str(refused)) from refused
                raise
            finally:
                self._pool.give(session)
            session = self._pool.take(ends - time.monotonic())

    def _start(self) -> None:
        if not self._started:
            with self._starting:
                if not self._started:
                    self._pool.open()
                    self._started = True

    # hearing of erasures

    def _listen(self) -> None:
        if self._listener is None:
            with self._starting:
                if self._listener is None:
                    self._listener = threading.Thread(target=self._hear, name="keys", daemon=True)
                    self._listener.start()

    def _hear(self) -> None:
        """Until `close`. While nobody can be heard, keys are forgotten by their age alone."""
        failures = 0
        while not self._stopping.is_set():
            try:
                with psycopg.connect(
                    self._url, autocommit=True, connect_timeout=2, application_name="daybook-keys-heard",
                    options=f"-c role={KEYS_ROLE}", keepalives_idle=10, keepalives_interval=3, keepalives_count=3,
                    tcp_user_timeout=15_000,
                ) as connection:  # fmt: skip
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._forget_all()  # what was said while nobody listened
                    self.listening.set()
                    failures = 0
                    while not self._stopping.is_set():
                        for heard in connection.notifies(timeout=_LISTEN_TICK):
                            self._heard(heard.payload)
                        self._sweep()
            except (psycopg.Error, OSError) as error:
                self.listening.clear()
                self._sweep()
                if not failures:
                    _log.warning("keys.unheard", error=type(error).__name__)
                failures += 1
                self._stopping.wait(min(0.1 * 2 ** min(failures, 6), 5.0) * random.uniform(0.7, 1.0))  # noqa: S311
        self.listening.clear()

    def _heard(self, payload: str) -> None:
        tenant, _, subject = payload.partition(" ")
        try:
            self._subjects.forget((UUID(tenant), UUID(subject)))
        except ValueError:
            self._forget_all()

    def _forget_all(self) -> None:
        self._subjects.forget_all()
        self._tenants.forget_all()
        self._secrets.forget_all()

    def _sweep(self) -> None:
        self._subjects.sweep()
        self._tenants.sweep()
        self._secrets.sweep()


def require_master(settings: Settings) -> None:
    """Says in time, and in a sentence, that the master key is missing (Incomplete), or another one than the database's
    keys are wrapped under (MissingKey). Where no database answers there is nothing to be said yet."""
    wanted = _wanted(settings)
    if wanted is None:
        return
    found = masters(settings)
    missing = [name for name in wanted if found.get(name) is None]
    if missing:
        raise MissingKey(
            f"The master key at {found.where} is another one ({found.newest}) than the one that people's keys in the "
            f"database are wrapped under ({', '.join(missing)}): put the right one back."
        )


def make_master_where_none_was(settings: Settings) -> None:
    """The first master key. It is not made where the database holds keys: they would be lost behind another one. Where
    no database answers, it is a matter for later."""
    file = settings.master_key_file
    if file is None or file.exists():
        return
    wanted = _wanted(settings)
    if wanted:
        raise MissingKey(
            f"The master key is missing at {file}, and the database holds people's keys that are wrapped under it "
            f"({', '.join(wanted)}): put it back, or what is known about people cannot be read."
        )
    if wanted is not None:
        make_first(file)


def _wanted(settings: Settings) -> list[str] | None:
    """The master keys that the database's keys are under; None where no database answers."""
    assert settings.database_url is not None
    patience = max(2, round(settings.database_deadline))
    try:
        with psycopg.connect(settings.database_url, connect_timeout=patience, autocommit=True) as connection:
            row = connection.execute("SELECT to_regprocedure('privacy.masters()') IS NOT NULL").fetchone()
            if row is None or not row[0]:
                return []  # not migrated yet
            with connection.transaction():
                connection.execute(f"SET LOCAL ROLE {KEYS_ROLE}")
                return [name for (name,) in connection.execute("SELECT privacy.masters()").fetchall()]
    except psycopg.OperationalError:
        return None
