"""Accounts: what logging in needs of the world, and the words in which it refuses.

An account belongs to somebody, not to an organization; which users of which organizations they are, their memberships
say. What is here is kept in rows, not in facts (docs/decisions/0021-credentials-are-rows.md).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

from application.recorded import Origin
from domain.errors import Forbidden, Refusal, Rule, Unknown
from domain.personal import Sealed


class WrongCredentials(Refusal):
    """This does not let anybody in: check the address, the password and the code."""


class SecondFactorNeeded(Refusal):
    """The password was right: send it again with the code that your telephone shows, or a recovery code."""


class TooManyGuesses(Refusal):
    """There were too many attempts: wait as long as Retry-After says."""


class TokenSpent(Rule):
    """This link is no good any more: it was used, or is too old. Ask for another."""


class NotLoggedIn(Forbidden):
    """Only who has logged in with an account may do this: this token belongs to no login."""


class UnknownLogin(Unknown):
    """There is no such login of yours."""


class SecondFactorSet(Rule):
    """There is a second factor already: remove it before you set another."""


class NoSecondFactor(Rule):
    """No second factor has been set."""


class AddressNotUsable(Rule):
    """This address cannot be taken: it is no address, or too long."""


class Account(Struct, frozen=True):
    """Who logs in."""

    id: UUID
    password: str
    email: Sealed
    totp: Sealed | None
    totp_on: bool
    known_here: bool
    """They have come in from this address before."""


class Session(Struct, frozen=True):
    """A login that lasts."""

    id: UUID
    auth: str
    ip_prefix: str | None
    client: str | None
    began_at: datetime
    used_at: datetime


class Member(Struct, frozen=True):
    """A user that an account is, as they are now."""

    organization_id: UUID
    organization: str
    user_id: UUID
    role: str
    within: tuple[UUID, ...]
    version: int
    """Of the user: a token that was made for another version is no good any more."""


class Ticket(Struct, frozen=True):
    """What a one-time token stands for."""

    account: UUID | None
    user_id: UUID | None
    email: str


class Holder(Struct, frozen=True):
    """Whose a refresh token is, or was."""

    session: UUID
    account: UUID
    auth: str


Exchange = Literal["rotated", "reused", "over"]

Kind = Literal["join", "reset", "email"]
"""What a one-time token is for: to join an organization, to set a new password, to say that an address is one's own."""


class Visit(Struct, frozen=True):
    """From where somebody asks."""

    origin: Origin
    address: str
    """The whole address, or the /64 of a household: of which nothing is kept but a keyed hash."""
    client: str | None = None
    """What their program calls itself."""


class Limit(Struct, frozen=True):
    """After `free` tries each next one waits twice as long as the one before, up to `cap` seconds."""

    free: int
    cap: int


FROM_ADDRESS = Limit(free=20, cap=900)
AT_ACCOUNT = Limit(free=5, cap=60)
"""By whoever has never come in from there with the right password."""
AT_ACCOUNT_FROM_KNOWN = Limit(free=10, cap=30)
MAIL_TO = Limit(free=3, cap=900)
MAIL_FROM_ADDRESS = Limit(free=20, cap=900)

Keyed = Sequence[tuple[bytes, Limit]]


class Rows(Protocol):
    """Where accounts are kept. Every call is one round trip; `Unavailable` when it cannot be had in time."""

    def by_login(self, login: bytes, place: bytes) -> Account | None: ...
    def account(self, account: UUID, place: bytes) -> Account | None: ...
    def begin_account(self, account: UUID, login: bytes, email: Sealed, password: str) -> bool:
        """False: there is one with this address."""

    def join(self, tenant: UUID, user: UUID, account: UUID) -> None: ...
    def memberships(self, account: UUID) -> list[tuple[UUID, UUID]]:
        """Organization and user: as far as these say the same."""

    def hash_anew(self, account: UUID, was: str, becomes: str) -> None: ...
    def begin_session(
        self, session: UUID, account: UUID, token: bytes, auth: str, visit: Visit, place: bytes | None
    ) -> None: ...
    def end_session(self, account: UUID, session: UUID) -> bool: ...
    def end_sessions(self, account: UUID) -> list[UUID]: ...
    def sessions(self, account: UUID) -> list[Session]: ...
    def account_of_session(self, session: UUID) -> UUID | None: ...
    def holder(self, token: bytes) -> Holder | None: ...
    def rotate(self, was: bytes, becomes: bytes) -> Exchange:
        """`reused`: it had been exchanged before, and its session has been ended for it."""

    def set_password(self, account: UUID, was: str, becomes: str) -> bool: ...
    def set_email(self, account: UUID, login: bytes, email: Sealed) -> bool: ...
    def offer_totp(self, account: UUID, secret: Sealed) -> bool: ...
    def take_step(self, account: UUID, step: int) -> bool: ...
    def confirm_totp(self, account: UUID, step: int, codes: Sequence[bytes]) -> bool: ...
    def set_recovery_codes(self, account: UUID, codes: Sequence[bytes]) -> None: ...
    def use_recovery_code(self, account: UUID, code: bytes) -> bool: ...
    def drop_totp(self, account: UUID) -> bool: ...
    def add_ticket(
        self, tenant: UUID, token: bytes, kind: Kind, account: UUID | None, user: UUID | None, email: str, life: int,
    ) -> None: ...  # fmt: skip
    def ticket(self, tenant: UUID, token: bytes, kind: Kind) -> Ticket | None: ...
    def use_ticket(self, tenant: UUID, token: bytes, kind: Kind) -> bool: ...
    def reset_password(self, tenant: UUID, token: bytes, password: str, place: bytes) -> UUID | None:
        """The token and the password in one: whose it was."""

    def knock(self, keys: Keyed) -> tuple[float, bool]:
        """Seconds until it may be tried again (0: it was counted), and whether nobody has been told so yet."""

    def forgive(self, gone: Sequence[bytes], one_less: Sequence[bytes]) -> None: ...


class Passwords(Protocol):
    """How passwords are kept. Each call takes as long as each other, on purpose."""

    def hashed(self, password: str) -> str: ...
    def is_right(self, password: str, kept: str | None) -> bool:
        """None: nobody's; it takes as long, and is never right."""

    def is_outdated(self, kept: str) -> bool:
        """It was made under other parameters than are used now."""


class Letter(Struct, frozen=True):
    """What is to be sent to somebody. It holds a token: it is for them alone."""

    to: str
    kind: str
    """join, join_again, reset, email, email_changed, password_changed."""
    token: str | None = None
    values: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Letter(kind={self.kind!r})"


class Mailer(Protocol):
    """Who sends it. Returns at once: neither whether there is such an address nor how long it took may be seen."""

    def send(self, letter: Letter) -> None: ...


class Minting(Protocol):
    """How access tokens are made."""

    def __call__(self, member: Member, session: UUID, auth: str) -> tuple[str, int]:
        """The token, and for how many seconds it is good."""
