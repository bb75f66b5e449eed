"""The reception: lets people in, gives them tokens, and takes these back.

Everything here is about accounts, which are rows. What it does in an organization (registering a customer, linking a
user) goes through the command bus like anybody's wish. What came of each attempt is in the access log before the answer
leaves. To whoever asks, an address that is known and one that is not are the same: the same words, the same work.
"""

import base64
import hmac
import math
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4, uuid5

from msgspec import Struct

from application.access import Access, AccessLog, Outcome
from application.event_store import EventStore
from application.identity import accounts
from application.identity.accounts import Account, Keyed, Letter, Limit, Member, Session, Visit
from application.identity.commands import LinkAccount, RegisterCustomer
from application.message import Command, Occasion
from application.recorded import Actor
from application.sealing import INSTALLATION, Keys
from domain.errors import Refusal
from domain.identity import details, password, second_factor
from domain.identity.details import Details
from domain.identity.errors import NotAnEmail
from domain.identity.user import User
from domain.organization.organization import Organization
from domain.personal import Clear, Sealed

JOIN_LIFE, RESET_LIFE, EMAIL_LIFE = 7 * 86_400, 1800, 86_400
"""Seconds for which a one-time token is good."""
NOBODY = Actor("user", "unknown", "unknown", auth="password")
HOUSE = Actor("system", "reception", "system")
MOST_PASSWORD = 1024
"""Longer ones are not even looked at."""
_TAG = 16
_SMALL = {large: large + 32 for large in range(ord("A"), ord("Z") + 1)}


class Entered(Struct, frozen=True):
    """Somebody has come in."""

    session: UUID
    refresh_token: str
    members: list[Member]
    member: Member | None
    """Whom the access token speaks for; None where they have not said which."""
    access_token: str | None
    lives: int


class Offered(Struct, frozen=True):
    """A second factor that is to be confirmed by its first code."""

    secret: str
    address: str


class Reception:
    """One a process."""

    def __init__(
        self,
        rows: accounts.Rows,
        passwords: accounts.Passwords,
        keys: Keys,
        store: EventStore,
        carry_out: Callable[[Command, Occasion], Any],
        log: AccessLog,
        mailer: accounts.Mailer,
        mint: accounts.Minting,
        common: Collection[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rows, self._passwords, self._keys, self._store = rows, passwords, keys, store
        self._carry_out, self._log, self._mailer, self._mint = carry_out, log, mailer, mint
        self._common, self._clock = common, clock

    # coming in

    def login(
        self, email: str, given: str, code: str | None, organization: UUID | None, visit: Visit
    ) -> Entered:  # fmt: skip
        login = self._login_of(email)
        place = self._key("place", visit.address)
        account = self._rows.by_login(login, place)
        auth = self._proven("login", account, login, given, code, visit)
        assert account is not None
        return self._entered(account.id, auth, organization, visit, place)

    def _proven(
        self, action: str, account: Account | None, login: bytes, given: str, code: str | None, visit: Visit
    ) -> str:
        """By what they have shown who they are; whoever has not is refused, and it is recorded."""
        keys, one_less = self._counted(account, login, visit)
        pause, fresh = self._rows.knock(keys)
        if pause > 0:
            if fresh:
                self._note(action, "denied", account, visit, "too_many_guesses")
            raise accounts.TooManyGuesses(retry_after=math.ceil(pause))
        right = self._passwords.is_right(given[:MOST_PASSWORD], None if account is None else account.password)
        if account is None or not right:
            self._note(action, "failed", account, visit, "unknown_account" if account is None else "wrong_password")
            raise accounts.WrongCredentials
        auth = "password"
        if account.totp_on:
            if not code:
                # The right password is no guess; but what wrong codes have counted it must not take back.
                self._rows.forgive([], [key for key, _ in keys])
                self._note(action, "failed", account, visit, "second_factor_needed")
                raise accounts.SecondFactorNeeded
            auth = self._second(account, code)
            if not auth:
                self._note(action, "failed", account, visit, "wrong_code")
                raise accounts.WrongCredentials
        self._rows.forgive([key for key, _ in keys if key not in one_less], one_less)
        if self._passwords.is_outdated(account.password):
            self._rows.hash_anew(account.id, account.password, self._passwords.hashed(given))
        return auth

    def _counted(self, account: Account | None, login: bytes, visit: Visit) -> tuple[Keyed, list[bytes]]:
        """What an attempt counts against, and which of that is only taken back by one when it was right. Who has come
        in from here before does not wait for what others do elsewhere, nor for what others do here to others."""
        address = self._key("address", visit.address)
        if account is not None and account.known_here:
            return [(self._key("pair", login.hex() + visit.address), accounts.AT_ACCOUNT_FROM_KNOWN)], []
        return [(address, accounts.FROM_ADDRESS), (self._key("account", login.hex()), accounts.AT_ACCOUNT)], [address]

    def _second(self, account: Account, code: str) -> str:
        """`password+totp`, `password+recovery`; or nothing. No code is taken twice."""
        given = second_factor.plain(code)
        if second_factor.is_recovery_code(given):
            used = self._rows.use_recovery_code(account.id, self._key("recovery", given))
            return "password+recovery" if used else ""
        step = self._step(account, given)
        return "password+totp" if step is not None and self._rows.take_step(account.id, step) else ""

    def _step(self, account: Account, code: str) -> int | None:
        secret = None if account.totp is None else self._text(account.totp)
        return None if secret is None else second_factor.matched(second_factor.read(secret), code, self._clock())

    def _entered(
        self, account: UUID, auth: str, organization: UUID | None, visit: Visit, place: bytes | None
    ) -> Entered:
        members = self.members(account)
        member = chosen(members, organization)
        session, token = uuid4(), fresh()
        self._rows.begin_session(session, account, hashed(token), auth, visit, place)
        self._record("login", "success", members if member is None else [member], account, visit, session, auth)
        return self._with_tokens(session, token, members, member, auth)

    def _with_tokens(
        self, session: UUID, token: bytes, members: list[Member], member: Member | None, auth: str
    ) -> Entered:
        access, lives = (None, 0) if member is None else self._mint(member, session, auth)
        return Entered(session, text(token), members, member, access, lives)

    def refresh(self, given: str, organization: UUID | None, visit: Visit) -> Entered:
        """Another pair of tokens. One that comes a second time was stolen from whoever is right now talking, or from
        whoever was first: nobody can tell, and the session is over."""
        token, shown = fresh(), hashed(bytes_of(given))
        held = self._rows.holder(shown)
        if held is None:
            raise accounts.WrongCredentials
        # All that can fail comes before the exchange: whoever loses its answer has lost the session.
        members = self.members(held.account)
        match self._rows.rotate(shown, hashed(token)):
            case "rotated":
                return self._with_tokens(held.session, token, members, chosen(members, organization), held.auth)
            case "reused":
                self._record("refresh", "denied", members, held.account, visit, held.session, reason="token_reused")
        raise accounts.WrongCredentials

    # going

    def logout(self, given: str, visit: Visit) -> None:
        """Whoever holds the token may end its session. One that is no good ends nothing, and nobody is told."""
        held = self._rows.holder(hashed(bytes_of(given)))
        if held is not None and self._rows.end_session(held.account, held.session):
            self._record("logout", "success", self.members(held.account), held.account, visit, held.session)

    def end(self, account: UUID, session: UUID, visit: Visit) -> None:
        if not self._rows.end_session(account, session):
            raise accounts.UnknownLogin
        self._record("logout", "success", self.members(account), account, visit, session)

    def end_all(self, account: UUID, visit: Visit) -> None:
        self._rows.end_sessions(account)
        self._record("logout_everywhere", "success", self.members(account), account, visit)

    def sessions(self, account: UUID) -> list[Session]:
        return self._rows.sessions(account)

    # who one is

    def account_of(self, session: str | None) -> UUID:
        """Whose login this is."""
        try:
            found = None if session is None else self._rows.account_of_session(UUID(session))
        except ValueError:
            found = None
        if found is None:
            raise accounts.NotLoggedIn
        return found

    def members(self, account: UUID) -> list[Member]:
        """The users that it is now. What the user's own facts do not say does not count, nor who was deactivated."""
        found = [self._member(tenant, user, account) for tenant, user in self._rows.memberships(account)]
        return [member for member in found if member is not None]

    def _member(self, tenant: UUID, who: UUID, account: UUID) -> Member | None:
        loaded = self._store.load(tenant, [who, tenant]).streams
        recorded = loaded.get(who, ())
        if not recorded or not isinstance(recorded[0].fact, User.begins):
            return None
        user = User(id=who).after([one.fact for one in recorded])
        if not user.active or user.account_id != account:
            return None
        organization = Organization(id=tenant).after([one.fact for one in loaded.get(tenant, ())])
        return Member(tenant, organization.name, who, user.role, user.within, recorded[-1].version)

    def email_of(self, account: UUID) -> tuple[str | None, bool]:
        """Their address, and whether they have a second factor."""
        found = self._account(account, b"")
        return self._text(found.email), found.totp_on

    # joining

    def register(self, email: str, organization: UUID, visit: Visit) -> None:
        """A stranger wants to be a customer there. Whoever reads that mail may go on; nobody else learns anything."""
        self._organization(organization)
        self._may_mail(address_of(email), visit)
        self.invite(email, organization, None)

    def _organization(self, id: UUID) -> Organization:  # noqa: A002
        recorded = self._store.load(id, [id]).streams.get(id, ())
        if not recorded or not isinstance(recorded[0].fact, Organization.begins):
            raise Organization.unknown
        return Organization(id=id).after([one.fact for one in recorded])

    def invite(self, email: str, organization: UUID, user: UUID | None) -> None:
        """A token to join an organization as this user, or as a new customer."""
        address = address_of(email)
        name = self._organization(organization).name
        token = self._ticket(organization, "join", None, user, JOIN_LIFE, address)
        self._mailer.send(Letter(address, "join", token, {"organization": name}))

    def accept(
        self, token: str, given: str, code: str | None, name: str | None, visit: Visit
    ) -> Entered:  # fmt: skip
        """Join with the link that was sent: with the account of that address, or with a new one of this password."""
        tenant, secret, ticket = self._opened(token, "join")
        address = ticket.email
        login, place = self._login_of(address), self._key("place", visit.address)
        account = self._rows.by_login(login, place)
        if account is None:
            id = uuid5(uuid5(tenant, secret.hex()), "account")  # noqa: A001
            sealed = self._seal(id, "email", address)
            hash = self._passwords.hashed(password.fit(given, self._common, (address, name or "")))  # noqa: A001
            self._rows.begin_account(id, login, sealed, hash)
            account = self._rows.by_login(login, place)
            assert account is not None
        auth = self._proven("join", account, login, given, code, visit)
        user = ticket.user_id or self._own_user(tenant, account.id) or uuid5(uuid5(tenant, secret.hex()), "user")
        self._rows.join(tenant, user, account.id)
        origin = visit.origin
        if ticket.user_id is None and user not in {member.user_id for member in self.members(account.id)}:
            said = Details(name=name, email=address)
            self._do(RegisterCustomer(user, said), tenant, origin, f"register {secret.hex()}")
        self._do(LinkAccount(user, account.id), tenant, origin, f"link {secret.hex()} {account.id}")
        if not self._rows.use_ticket(tenant, hashed(secret), "join"):
            raise accounts.TokenSpent
        return self._entered(account.id, auth, tenant, visit, place)

    def _own_user(self, tenant: UUID, account: UUID) -> UUID | None:
        return next((one.user_id for one in self.members(account) if one.organization_id == tenant), None)

    def _do(self, command: Command, tenant: UUID, origin: Any, name: str) -> None:
        # The same once more where the same link is sent again: its first answer may have been lost.
        occasion = Occasion(tenant, HOUSE, origin, uuid5(tenant, name), keyed=True)
        self._carry_out(command, occasion)

    # passwords

    def ask_reset(self, email: str, visit: Visit) -> None:
        """A link to set a new password, to whom the address belongs. For one that nobody has, the same is done, and no
        mail sent."""
        address = address_of(email)
        self._may_mail(address, visit)
        account = self._rows.by_login(self._login_of(address), b"")
        token = self._ticket(INSTALLATION, "reset", None if account is None else account.id, None, RESET_LIFE, address)
        self._note("password_reset_asked", "success" if account else "failed", account, visit,
                   None if account else "unknown_account")  # fmt: skip
        if account is not None:
            self._mailer.send(Letter(address, "reset", token))

    def reset(self, token: str, given: str, visit: Visit) -> None:
        """A new password, by the link that was sent: all sessions are over. From there they come in from now on,
        whatever others have tried; a second factor is asked for as ever."""
        _, secret, ticket = self._opened(token, "reset")
        hash = self._passwords.hashed(password.fit(given, self._common, (ticket.email,)))  # noqa: A001
        place = self._key("place", visit.address)
        account = self._rows.reset_password(INSTALLATION, hashed(secret), hash, place)
        if account is None:
            raise accounts.TokenSpent
        self._mailer.send(Letter(ticket.email, "password_changed"))
        self._record("password_reset", "success", self.members(account), account, visit)

    def change_password(
        self, who: UUID, was: str, becomes: str, organization: UUID | None, visit: Visit
    ) -> Entered:  # fmt: skip
        """All sessions are over, this one too; whoever has changed it comes in anew."""
        account, auth = self._again(who, "password_change", was, visit)
        address = self._text(account.email) or ""
        hash = self._passwords.hashed(password.fit(becomes, self._common, (address,)))  # noqa: A001
        if not self._rows.set_password(who, account.password, hash):
            raise accounts.WrongCredentials  # somebody else has changed it meanwhile
        self._record("password_changed", "success", self.members(who), who, visit)
        self._mailer.send(Letter(address, "password_changed"))
        return self._entered(who, auth, organization, visit, self._key("place", visit.address))

    def _again(self, who: UUID, action: str, given: str, visit: Visit) -> tuple[Account, str]:
        """Whoever has come in shows the password once more. Their session has shown the second factor."""
        place = self._key("place", visit.address)
        account = self._account(who, place)
        keys: Keyed = [(self._key("again", str(who)), accounts.AT_ACCOUNT_FROM_KNOWN)]
        pause, fresh_ = self._rows.knock(keys)
        if pause > 0:
            if fresh_:
                self._note(action, "denied", account, visit, "too_many_guesses")
            raise accounts.TooManyGuesses(retry_after=math.ceil(pause))
        if not self._passwords.is_right(given[:MOST_PASSWORD], account.password):
            self._note(action, "failed", account, visit, "wrong_password")
            raise accounts.WrongCredentials
        self._rows.forgive([key for key, _ in keys], [])
        if self._passwords.is_outdated(account.password):
            becomes = self._passwords.hashed(given)
            self._rows.hash_anew(who, account.password, becomes)
            account = self._account(who, place)
        return account, "password+totp" if account.totp_on else "password"

    # addresses

    def ask_email(self, who: UUID, given: str, email: str, visit: Visit) -> None:
        """Another address: it is theirs once they have opened the link that is sent there."""
        self._again(who, "email_change", given, visit)
        address = address_of(email)
        self._may_mail(address, visit)
        token = self._ticket(INSTALLATION, "email", who, None, EMAIL_LIFE, address)
        self._mailer.send(Letter(address, "email", token))

    def verify_email(self, token: str, visit: Visit) -> None:
        _, secret, ticket = self._opened(token, "email")
        address = ticket.email
        if ticket.account is None:
            raise accounts.TokenSpent
        account = self._account(ticket.account, b"")
        before = self._text(account.email)
        if not self._rows.use_ticket(INSTALLATION, hashed(secret), "email") or not self._rows.set_email(
            account.id, self._login_of(address), self._seal(account.id, "email", address)
        ):
            raise accounts.TokenSpent
        self._record("email_changed", "success", self.members(account.id), account.id, visit)
        if before is not None:
            self._mailer.send(Letter(before, "email_changed"))

    # second factors

    def offer_second_factor(self, who: UUID, given: str, visit: Visit) -> Offered:
        account, _ = self._again(who, "second_factor", given, visit)
        secret = secrets.token_bytes(second_factor.SECRET)
        shown = second_factor.shown(secret)
        if not self._rows.offer_totp(who, self._seal(who, "totp", shown)):
            raise accounts.SecondFactorSet
        return Offered(shown, second_factor.address(secret, self._text(account.email) or ""))

    def confirm_second_factor(self, who: UUID, code: str, visit: Visit) -> list[str]:
        """With its first code; answers with the recovery codes, which nobody can see again."""
        account = self._account(who, b"")
        if account.totp is None:
            raise accounts.NoSecondFactor
        if account.totp_on:
            raise accounts.SecondFactorSet
        pause, _ = self._rows.knock([(self._key("again", str(who)), accounts.AT_ACCOUNT_FROM_KNOWN)])
        if pause > 0:
            raise accounts.TooManyGuesses(retry_after=math.ceil(pause))
        codes = recovery_codes()
        step = self._step(account, second_factor.plain(code))
        if step is None or not self._rows.confirm_totp(who, step, self._kept(codes)):
            self._note("second_factor", "failed", account, visit, "wrong_code")
            raise accounts.WrongCredentials
        self._rows.forgive([self._key("again", str(who))], [])
        self._record("second_factor_set", "success", self.members(who), who, visit)
        return codes

    def remove_second_factor(self, who: UUID, given: str, visit: Visit) -> None:
        self._again(who, "second_factor", given, visit)
        if not self._rows.drop_totp(who):
            raise accounts.NoSecondFactor
        self._record("second_factor_removed", "success", self.members(who), who, visit)

    def new_recovery_codes(self, who: UUID, given: str, visit: Visit) -> list[str]:
        """The old ones are no good any more."""
        account, _ = self._again(who, "recovery_codes", given, visit)
        if not account.totp_on:
            raise accounts.NoSecondFactor
        codes = recovery_codes()
        self._rows.set_recovery_codes(who, self._kept(codes))
        self._record("recovery_codes_made", "success", self.members(who), who, visit)
        return codes

    def _kept(self, codes: Sequence[str]) -> list[bytes]:
        return [self._key("recovery", second_factor.plain(code)) for code in codes]

    # what is kept, and how

    def _account(self, who: UUID, place: bytes) -> Account:
        account = self._rows.account(who, place)
        if account is None:
            raise accounts.NotLoggedIn
        return account

    def _key(self, purpose: str, of: str) -> bytes:
        """A keyed hash: who sees the table cannot try what it is of."""
        return hmac.digest(self._keys.secret(INSTALLATION, f"accounts {purpose}"), of.encode(), "sha256")

    def _login_of(self, email: str) -> bytes:
        """By what an account is found. What can be no address is nobody's, and takes the same way."""
        try:
            email = details.email(email)
        except NotAnEmail:
            email = f"nobody {email}"
        # Letters of ASCII alone: what else is called small or large brings addresses of different people together (ß
        # and ss), and mail is sent to the address that was typed.
        return self._key("login", email.translate(_SMALL))

    def _seal(self, account: UUID, field: str, value: str) -> Sealed:
        return self._keys.seal(INSTALLATION, f"{account}:{field}", Clear(account, value))

    def _text(self, sealed: Sealed) -> str | None:
        (found,) = self._keys.open(INSTALLATION, [sealed])
        return found if isinstance(found, str) else None

    # one-time tokens

    def _ticket(
        self, tenant: UUID, kind: accounts.Kind, account: UUID | None, user: UUID | None, life: int, email: str
    ) -> str:
        """Signed, so that what was not made here is not even looked up. Of the token only its hash is kept."""
        secret = secrets.token_bytes(32)
        self._rows.add_ticket(tenant, hashed(secret), kind, account, user, email, life)
        return text(tenant.bytes + secret + self._signed(kind, tenant, secret))

    def _signed(self, kind: str, tenant: UUID, secret: bytes) -> bytes:
        key = self._keys.secret(INSTALLATION, "accounts ticket")
        return hmac.digest(key, kind.encode() + tenant.bytes + secret, "sha256")[:_TAG]

    def _opened(self, token: str, kind: accounts.Kind) -> tuple[UUID, bytes, accounts.Ticket]:
        given = bytes_of(token)
        if len(given) != 16 + 32 + _TAG:
            raise accounts.TokenSpent
        tenant, secret = UUID(bytes=given[:16]), given[16:48]
        if not hmac.compare_digest(self._signed(kind, tenant, secret), given[48:]):
            raise accounts.TokenSpent
        ticket = self._rows.ticket(tenant, hashed(secret), kind)
        if ticket is None:
            raise accounts.TokenSpent
        return tenant, secret, ticket

    def _may_mail(self, address: str, visit: Visit) -> None:
        """Nobody's mailbox is to be filled by whoever likes to."""
        keys: list[tuple[bytes, Limit]] = [
            (self._key("mail", address.casefold()), accounts.MAIL_TO),
            (self._key("mail from", visit.address), accounts.MAIL_FROM_ADDRESS),
        ]
        pause, _ = self._rows.knock(keys)
        if pause > 0:
            raise accounts.TooManyGuesses(retry_after=math.ceil(pause))

    # what is recorded

    def _note(self, action: str, outcome: Outcome, account: Account | None, visit: Visit, reason: str | None) -> None:
        """What came of an attempt, in the logs of the organizations that it is about. Of nobody's the installation has
        one. The steps are the same for both."""
        of = uuid4() if account is None else account.id
        tenants: Sequence[tuple[UUID, UUID | None]] = self._rows.memberships(of) or [(INSTALLATION, None)]
        self._log.record([
            Access(
                tenant, action, outcome,
                NOBODY if user is None else Actor("user", str(user), "unknown", auth="password"),
                visit.origin, reason, "account", None if account is None else str(account.id),
            )
            for tenant, user in tenants
        ])  # fmt: skip

    def _record(
        self, action: str, outcome: Outcome, members: Sequence[Member], account: UUID, visit: Visit,
        session: UUID | None = None, auth: str | None = None, reason: str | None = None,
    ) -> None:  # fmt: skip
        sid = None if session is None else str(session)
        people = [(one.organization_id, str(one.user_id), one.role) for one in members]
        self._log.record([
            Access(
                tenant, action, outcome, Actor("user", user, role, sid, auth), visit.origin, reason, "account",
                str(account), () if tenant == INSTALLATION else (UUID(user),),
            )
            for tenant, user, role in people or [(INSTALLATION, str(account), "unknown")]
        ])  # fmt: skip


def chosen(members: Sequence[Member], organization: UUID | None) -> Member | None:
    """Whom the token speaks for: of the organization that was named, or the only one there is. Nobody, where that is
    not clear: whoever came in may say it when they refresh."""
    if organization is not None:
        return next((member for member in members if member.organization_id == organization), None)
    return members[0] if len(members) == 1 else None


def address_of(email: str) -> str:
    try:
        return details.email(email)
    except Refusal:
        raise accounts.AddressNotUsable from None


def recovery_codes() -> list[str]:
    return [second_factor.recovery_code(secrets.token_bytes(12)) for _ in range(second_factor.RECOVERY_CODES)]


def fresh() -> bytes:
    return secrets.token_bytes(32)


def hashed(token: bytes) -> bytes:
    """Of chance enough that nothing but the token itself leads to it."""
    return sha256(token).digest()


def text(token: bytes) -> str:
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def bytes_of(token: str) -> bytes:
    """What cannot be read is nobody's, nor is what reads the same and is written otherwise."""
    try:
        found = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return b""
    return found if text(found) == token else b""
