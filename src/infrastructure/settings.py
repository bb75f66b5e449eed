"""Everything that can be set from outside, read once at start-up and never again.

The environment is the only source: twelve-factor, visible with `env`, the same in a container and on a laptop.
A wrong value stops the program before it has opened anything, with one sentence that names the variable: the
person who reads it is deploying, not debugging.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

PREFIX = "DAYBOOK_"

# What each kind of value must be. The description ends the sentence "DAYBOOK_X must be ...", so that the
# person who got it wrong is told what would be right in the same breath.
DatabaseUrl = Annotated[
    str, Meta(pattern=r"^postgres(ql)?://", description="a URL such as postgresql://user:password@host:5432/daybook")
]
RedisUrl = Annotated[
    str, Meta(pattern=r"^(rediss?|unix)://", description="a URL such as redis://:password@host:6379/0")
]
MongoUrl = Annotated[
    str,
    Meta(pattern=r"^mongodb(\+srv)?://", description="a URL such as mongodb://user:password@host:27017/daybook"),
]
StripeKey = Annotated[
    str, Meta(pattern=r"^(sk|rk)_(test|live)_\w+$", description="a Stripe key such as sk_test_51H...")
]
TokenSecret = Annotated[
    str, Meta(min_length=32, description="at least 32 characters of chance, such as `openssl rand -hex 32` prints")
]
MasterKey = Annotated[
    str, Meta(pattern=r"^[0-9a-fA-F]{64}$", description="64 hexadecimal digits, such as `openssl rand -hex 32` prints")
]
Token = Annotated[
    str, Meta(min_length=16, description="at least 16 characters of chance, such as `openssl rand -hex 32` prints")
]
Name = Annotated[str, Meta(min_length=1, max_length=200, description="a name of 1 to 200 characters")]
Folder = Annotated[Path, Meta(description="a folder")]
File = Annotated[Path, Meta(description="a file")]
Port = Annotated[int, Meta(ge=1, le=65535, description="a port from 1 to 65535, for instance 8000")]
Connections = Annotated[int, Meta(ge=1, le=1000, description="a whole number of connections from 1 to 1000")]
Workers = Annotated[int, Meta(ge=1, le=64, description="a whole number of processes from 1 to 64")]
Lifetime = Annotated[
    int, Meta(ge=60, le=604_800, description="a whole number of seconds from 60 (a minute) to 604800 (a week)")
]
YesNo = Annotated[bool, Meta(description="true or false")]
Seconds = Annotated[float, Meta(gt=0, le=3600, description="a number of seconds above 0, for instance 2.5")]


class Networks:
    """Addresses and networks, as a list with commas."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self.networks = tuple(networks)

    def __str__(self) -> str:
        return ",".join(str(network) for network in self.networks)

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Networks) and other.networks == self.networks

    def __hash__(self) -> int:
        return hash(self.networks)


Proxies = Annotated[
    Networks, Meta(description="addresses and networks with commas between them, such as 10.0.0.0/8,2001:db8::1")
]
_HOST = r"([A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])"
Hosts = Annotated[
    str,
    Meta(
        pattern=rf"^(\*|{_HOST}(, ?{_HOST})*)$",
        description="names of hosts without their ports, with commas between them, such as book.example,192.0.2.7; "
        "or * for any",
    ),
]
_ORIGIN = r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?"
Origins = Annotated[
    str,
    Meta(
        pattern=rf"^(\*|{_ORIGIN}(, ?{_ORIGIN})*)$",
        description="origins as browsers send them, with commas between them, such as https://shop.example, without "
        "a slash at their end; or * for any",
    ),
]
Forwarding = Annotated[Literal["x-forwarded-for", "forwarded"], Meta(description="x-forwarded-for or forwarded")]
Rate = Annotated[
    int, Meta(ge=0, le=10_000_000, description="a whole number of requests a minute; 0 for as many as anybody likes")
]

SECRET = {"stripe_key", "token_secret", "token_secret_previous", "master_key", "metrics_token"}
"""Never shown, not even shortened; in URLs only the password is a secret."""


_PASSWORD = re.compile(r"(://[^:/@]{0,256}:).{0,1024}@")  # bounded: in what is no URL it would look for ever
_PASSWORD_PARAMETER = re.compile(r"([?&]password=)[^&]*")


class UnusableSetting(Exception):
    """A variable of the environment holds something that Daybook cannot use; the message says which and why."""


class Incomplete(Exception):
    """A setting without which nothing works is missing; the message names it."""


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of one process. A URL that is None means: start that server from its wheel."""

    database_url: DatabaseUrl | None = None
    redis_url: RedisUrl | None = None
    mongo_url: MongoUrl | None = None
    stripe_key: StripeKey | None = None

    token_secret: TokenSecret | None = None
    # The one before, while tokens and links are alive that it signed.
    token_secret_previous: TokenSecret | None = None
    token_issuer: Name = "daybook"
    token_audience: Name = "daybook"
    # The longest life (exp - iat) of a token that is accepted: a stolen one must die soon.
    token_life: Lifetime = 900
    # Whether logins elsewhere (OIDC) may be asked of houses with private addresses, and of this machine without TLS.
    oidc_private: YesNo = False

    # Under which, at last, all personal values are sealed: a file that this account alone may read, kept apart from
    # the database and its backups. Instead, for tests, the key itself.
    master_key_file: File | None = None
    master_key: MasterKey | None = None

    data: Folder = Path("var")
    hotel_data: File = Path("../shared/data/hotel_bookings.csv.xz")

    host: Name = "127.0.0.1"
    port: Port = 8000
    api_workers: Workers = 1
    # Whether documentation, OpenAPI and metrics are shown without a token. Close them where strangers can knock.
    public_pages: YesNo = True

    # With this token (Authorization: Bearer) /metrics is read from anywhere. Without one only from this machine.
    metrics_token: Token | None = None

    # The names under which this is reached: any as long as only this machine can reach it, else they are needed.
    trusted_hosts: Hosts | None = None
    # The proxies in front, whose word is taken about where a request comes from, and the header in which they say it.
    trusted_proxies: Proxies = Networks()  # never changes
    forwarded_by: Forwarding = "x-forwarded-for"
    # Whose pages may ask from a browser. Nobody's by default: pages served from here need no leave.
    cors_origins: Origins | None = None

    # How many requests of a kind one principal may make in a minute. One address may ten times as many, when all who
    # ask from there show a token; and as many as one principal for all who do not. 0: as many as anybody likes.
    limit_reads: Rate = 3000
    limit_writes: Rate = 1200
    limit_searches: Rate = 600
    limit_pages: Rate = 1200
    limit_logins: Rate = 60

    # Writers hold a connection for one short call, readers likewise; both pools together, times the number of
    # processes, must stay under the server's max_connections.
    write_pool: Connections = 16
    read_pool: Connections = 16
    redis_pool: Connections = 16
    mongo_pool: Connections = 8

    # How long a caller is kept waiting before a dependency counts as gone. A frozen server answers nothing at
    # all, so every wait needs an end of its own.
    database_deadline: Seconds = 2.0
    redis_deadline: Seconds = 0.25
    mongo_deadline: Seconds = 2.0
    stripe_deadline: Seconds = 10.0
    request_deadline: Seconds = 10.0

    def environment(self) -> dict[str, str]:
        """The same settings as variables, to hand down to a child process."""
        return {_variable(field): str(value) for field, value in self._known() if value is not None}

    def _known(self) -> Iterator[tuple[str, Any]]:
        return ((field, getattr(self, field)) for field in self.__struct_fields__)

    def __repr__(self) -> str:
        """Without passwords: settings end up in logs and tracebacks."""
        shown = (f"{field}={_harmless(field, value)!r}" for field, value in self._known() if value is not None)
        return f"Settings({', '.join(shown)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(field, _harmless(field, value)) for field, value in self._known()]


def load(env: Mapping[str, str]) -> Settings:
    """Read the settings out of the environment; raises UnusableSetting. An empty variable counts as unset."""
    given = {_field(name): value for name, value in env.items() if name.startswith(PREFIX) and value.strip()}
    _refuse_misspelt(given)
    known = {field: value for field, value in given.items() if field in Settings.__struct_fields__}
    try:
        return msgspec.convert(known, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].rstrip("`")
        shown = "has a value that" if field in SECRET else f"is {masked(known[field])!r}, which"
        raise UnusableSetting(f"{_variable(field)} {shown} cannot be used: it must be {right(field)}.") from None


def masked(text: str) -> str:
    """A URL with its password hidden, and anything else as it is.

    By pattern and not by urlsplit: a malformed URL, a password with an unescaped slash say, is the very one
    that ends up in an error message.
    """
    return _PASSWORD_PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1***@", text))


def _harmless(field: str, value: Any) -> Any:
    if value is None:
        return None
    if field in SECRET:
        return "***"
    return masked(value) if isinstance(value, str) else value


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _field(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower()


def _decode(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value).expanduser()
    if kind is Networks:
        return Networks([ip_network(part.strip()) for part in value.split(",")])
    raise TypeError(f"no way to read a {kind} from a variable")


def right(field: str) -> str:
    """The description of the field's type, found through `X | None` as well."""
    hint = get_type_hints(Settings, include_extras=True)[field]
    for kind in (hint, *get_args(hint)):
        for mark in getattr(kind, "__metadata__", ()):
            if isinstance(mark, Meta) and mark.description:
                return mark.description
    return "something else"


def _refuse_misspelt(given: Mapping[str, str]) -> None:
    """A misspelt variable would silently leave its default in force; only near misses are refused."""
    for field in sorted(given.keys() - set(Settings.__struct_fields__)):
        meant = difflib.get_close_matches(field, Settings.__struct_fields__, n=1, cutoff=0.85)
        if meant:
            raise UnusableSetting(f"{_variable(field)} is no setting of Daybook: {_variable(meant[0])} was meant?")
