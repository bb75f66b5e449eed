"""The port `application.identity.accounts.Rows`, kept by PostgreSQL: functions alone, each one round trip."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.event_store import Unavailable
from application.identity.accounts import Account, Exchange, Holder, Keyed, Kind, Session, Ticket, Visit
from application.sealing import INSTALLATION, Keys
from domain.personal import Sealed
from infrastructure.postgres.deadline import WATCHDOG
from infrastructure.postgres.pool import DEADLINE, Pool
from infrastructure.privacy import seals

IDLE, LIFE = timedelta(days=30), timedelta(days=90)
"""A session is over when it was not used for so long, and in any case after so long."""


class PostgresAccounts:
    """One a process; connects from its first use on."""

    def __init__(self, url: str, keys: Keys, *, deadline: float = DEADLINE, size: int = 4) -> None:
        self._keys = keys
        self._pool = Pool(url, {}, size=size, deadline=deadline, name="identity")
        self._opened = False

    def close(self) -> None:
        if self._opened:
            self._pool.close()

    def ask(self, function: str, *values: Any) -> list[Any]:
        """The rows of one call; `function` with its parameters, as written here."""
        if not self._opened:
            self._pool.open()  # twice does no harm
            self._opened = True
        with self._pool.session() as session:
            token = WATCHDOG.watch(session.connection.pgconn.socket, max(session.ends, time.monotonic()))
            try:
                return session.connection.execute(f"SELECT * FROM identity.{function}", values).fetchall()  # noqa: S608
            except psycopg.OperationalError as error:
                raise Unavailable(type(error).__name__) from error
            finally:
                if WATCHDOG.done(token):
                    session.connection.pgconn.finish()

    def _one(self, function: str, *values: Any) -> Any:
        return self.ask(function, *values)[0][0]

    # accounts

    def by_login(self, login: bytes, place: bytes) -> Account | None:
        return _account(self.ask("account_by_login(%s, %s)", login, place))

    def account(self, account: UUID, place: bytes) -> Account | None:
        return _account(self.ask("account_of(%s, %s)", account, place))

    def begin_account(self, account: UUID, login: bytes, email: Sealed, password: str) -> bool:
        return bool(self._one("begin_account(%s, %s, %s, %s, %s)", account, login, email.box, email.key, password))

    def join(self, tenant: UUID, user: UUID, account: UUID) -> None:
        self.ask("join_organization(%s, %s, %s)", tenant, user, account)

    def memberships(self, account: UUID) -> list[tuple[UUID, UUID]]:
        return [(tenant, user) for tenant, user in self.ask("memberships(%s)", account)]

    def hash_anew(self, account: UUID, was: str, becomes: str) -> None:
        self.ask("hash_anew(%s, %s, %s)", account, was, becomes)

    def forget(self, account: UUID) -> bool:
        """All of it: for whoever is erased."""
        return bool(self._one("forget_account(%s)", account))

    # sessions

    def begin_session(
        self, session: UUID, account: UUID, token: bytes, auth: str, visit: Visit, place: bytes | None
    ) -> None:
        self.ask(
            "begin_session(%s, %s, %s, %s, %s, %s, %s, %s, %s)", session, account, token, auth, visit.origin.ip_prefix,
            visit.client, IDLE, LIFE, place,
        )  # fmt: skip

    def end_session(self, account: UUID, session: UUID) -> bool:
        return bool(self._one("end_session(%s, %s)", account, session))

    def end_sessions(self, account: UUID) -> list[UUID]:
        return [session for (session,) in self.ask("end_sessions(%s)", account)]

    def sessions(self, account: UUID) -> list[Session]:
        return [Session(*row) for row in self.ask("sessions(%s)", account)]

    def account_of_session(self, session: UUID) -> UUID | None:
        return cast("UUID | None", self._one("account_of_session(%s)", session))

    def holder(self, token: bytes) -> Holder | None:
        found = self.ask("holder(%s)", token)
        return Holder(*found[0]) if found else None

    def rotate(self, was: bytes, becomes: bytes) -> Exchange:
        return cast("Exchange", self._one("rotate(%s, %s)", was, becomes))

    # passwords and second factors

    def set_password(self, account: UUID, was: str, becomes: str) -> bool:
        return bool(self._one("set_password(%s, %s, %s)", account, was, becomes))

    def set_email(self, account: UUID, login: bytes, email: Sealed) -> bool:
        return bool(self._one("set_email(%s, %s, %s, %s)", account, login, email.box, email.key))

    def offer_totp(self, account: UUID, secret: Sealed) -> bool:
        return bool(self._one("offer_totp(%s, %s, %s)", account, secret.box, secret.key))

    def take_step(self, account: UUID, step: int) -> bool:
        return bool(self._one("take_step(%s, %s)", account, step))

    def confirm_totp(self, account: UUID, step: int, codes: Sequence[bytes]) -> bool:
        return bool(self._one("confirm_totp(%s, %s, %s)", account, step, list(codes)))

    def set_recovery_codes(self, account: UUID, codes: Sequence[bytes]) -> None:
        self.ask("set_recovery_codes(%s, %s)", account, list(codes))

    def use_recovery_code(self, account: UUID, code: bytes) -> bool:
        return bool(self._one("use_recovery_code(%s, %s)", account, code))

    def drop_totp(self, account: UUID) -> bool:
        return bool(self._one("drop_totp(%s)", account))

    # one-time tokens: the address stands under a key of the installation, and is gone with the row

    def add_ticket(
        self, tenant: UUID, token: bytes, kind: Kind, account: UUID | None, user: UUID | None, email: str, life: int
    ) -> None:
        box = seals.seal(self._cipher(), email, tenant, INSTALLATION, 1, token.hex()).box
        self.ask(
            "add_ticket(%s, %s, %s, %s, %s, %s, %s)", tenant, token, kind, account, user, box, timedelta(seconds=life)
        )

    def ticket(self, tenant: UUID, token: bytes, kind: Kind) -> Ticket | None:
        found = self.ask("ticket(%s, %s, %s)", tenant, token, kind)
        if not found:
            return None
        account, user, box = found[0]
        email = seals.unseal(self._cipher(), tenant, Sealed(INSTALLATION, 1, token.hex(), box))
        return Ticket(account, user, email)

    def _cipher(self) -> AESGCM:
        return AESGCM(self._keys.secret(INSTALLATION, "accounts mail"))

    def use_ticket(self, tenant: UUID, token: bytes, kind: Kind) -> bool:
        return bool(self._one("use_ticket(%s, %s, %s)", tenant, token, kind))

    def reset_password(self, tenant: UUID, token: bytes, password: str, place: bytes) -> UUID | None:
        return cast("UUID | None", self._one("reset_password(%s, %s, %s, %s)", tenant, token, password, place))

    # guesses

    def knock(self, keys: Keyed) -> tuple[float, bool]:
        values = [key for key, _ in keys], [limit.free for _, limit in keys], [limit.cap for _, limit in keys]
        pause, fresh = self.ask("knock(%s, %s::integer[], %s::integer[])", *values)[0]
        return float(pause), bool(fresh)

    def forgive(self, gone: Sequence[bytes], one_less: Sequence[bytes]) -> None:
        self.ask("forgive(%s::bytea[], %s::bytea[])", list(gone), list(one_less))


def _account(rows: Sequence[Any]) -> Account | None:
    if not rows:
        return None
    id, password, email, email_key, totp, totp_key, totp_on, known = rows[0]  # noqa: A001
    return Account(
        id, password, Sealed(id, email_key, f"{id}:email", email),
        None if totp is None else Sealed(id, totp_key, f"{id}:totp", totp), totp_on, known,
    )  # fmt: skip
