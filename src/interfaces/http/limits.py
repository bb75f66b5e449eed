"""How much anybody may ask for: so many requests a minute of each kind, counted by who asks and by where from.

A budget is whole at first and refills evenly (GCRA: of each budget one moment is kept, at which it would be whole
again), so that a minute's worth may come at once, and no more. It is kept in Valkey for all processes together: one
script, one round trip, all budgets of a request or none. Where Valkey is gone or slow each process counts for itself,
and tighter.

Asked at the front door, before anything else is done: to refuse must cost less than to answer.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol, cast

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute
from litestar.types import Method
from litestar.utils.path import normalize_path
from msgspec import Struct

from application.access import Access
from application.event_store import Unavailable
from application.recorded import Actor, Origin
from interfaces.http.address import household, prefix
from interfaces.http.caller import NOWHERE, OPEN, Caller
from interfaces.http.errors import TooManyRequests
from interfaces.http.metrics import Metrics

Kind = Literal["reads", "writes", "searches", "pages", "logins"]
KINDS: tuple[Kind, ...] = ("reads", "writes", "searches", "pages", "logins")

WINDOW = 60
"""Seconds in which an empty budget is whole again."""
WINDOW_MICROS = b"%d" % (WINDOW * 1_000_000)
ADDRESS = 10
"""So many times what one principal may is allowed to one address, when all there say who they are: an office, a hotel,
a school have one. Who does not say it shares what one principal may with all strangers of their address."""
TIGHTER = 2
"""By this is divided what each process allows while it counts for itself, and by the number of processes."""
REMEMBERED = 10_000
"""Budgets that a process keeps for itself: of those that were asked for longest ago it forgets, and they are whole."""
MOST_ENTRIES = 300
"""Entries a minute that a process writes into the access log about refused requests."""

SEARCHES = frozenset({
    "/api/v1/audit", "/api/v1/availability", "/api/v1/availability/search", "/api/v1/bookings/counts",
    "/api/v1/occupancy", "/api/v1/proofs/overlaps", "/api/v1/series/preview", "/api/v1/users/search", "/api/v1/what-if",
})  # fmt: skip
"""What costs far more than a row, whatever its method."""

FREE = frozenset({"/health/live", "/health/ready"})
"""For whoever watches over the processes: not limited."""

TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local window = tonumber(ARGV[1])
local refused, wait = 0, 0
local whole, answer = {}, {}
for i, key in ipairs(KEYS) do
  local most = tonumber(ARGV[i + 1])
  local at = math.max(tonumber(redis.call('GET', key) or now), now) + math.floor(window / most)
  local over = at - now - window
  if over > wait then refused, wait = i, over end
  whole[i] = at
  answer[2 * i + 1] = math.max(0, math.floor((window - (at - now)) * most / window))
  answer[2 * i + 2] = at - now
end
if refused == 0 then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', whole[i]), 'PX', math.ceil((whole[i] - now) / 1000))
  end
end
answer[1], answer[2] = refused, wait
return answer
"""
"""What `Budgets.take` does, in microseconds of Valkey's clock."""


class Budget(Struct, frozen=True):
    key: bytes
    most: int
    """Requests in a minute."""


class Taken(Struct, frozen=True):
    """What became of asking for one request out of several budgets."""

    refused: int
    """Which of them, from 1, has to be waited for longest; 0: none, and each has one less."""
    wait: float
    """Seconds until that one has one again."""
    left: tuple[int, ...]
    whole: tuple[float, ...]
    """Seconds until each is whole again."""


class Shared(Protocol):
    """Where all processes count together."""

    @property
    def there(self) -> bool: ...

    async def run(self, script: str, keys: Sequence[bytes], values: Sequence[bytes]) -> Any:
        """Raises an exception when it is not there, or late."""


class Budgets:
    """Those that one process keeps for itself."""

    def __init__(self, most: int = REMEMBERED, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._whole: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._whole)

    def take(self, budgets: Sequence[Budget]) -> Taken:
        """One request out of each of these budgets, or out of none."""
        now, refused, wait = self._now(), 0, 0.0
        whole = [max(self._whole.get(it.key, now), now) + WINDOW / it.most for it in budgets]
        for n, at in enumerate(whole, 1):
            over = at - now - WINDOW
            if over > max(wait, 1e-6):
                refused, wait = n, over
        if not refused:
            for it, at in zip(budgets, whole, strict=True):
                self._whole.pop(it.key, None)  # to the end: the first is forgotten first
                self._whole[it.key] = at
            while len(self._whole) > self._most:
                del self._whole[next(iter(self._whole))]
        left = tuple(
            max(0, int((WINDOW - (at - now)) * it.most / WINDOW + 1e-6)) for it, at in zip(budgets, whole, strict=True)
        )
        return Taken(refused, wait, left, tuple(at - now for at in whole))


class Verdict(Struct, frozen=True):
    """What is said of the budget that counts for this request: `RateLimit` and `RateLimit-Policy` of the draft
    ietf-httpapi-ratelimit-headers."""

    headers: list[tuple[bytes, bytes]]
    refusal: TooManyRequests | None = None


class Limits:
    """Asked once for each request."""

    def __init__(
        self, most: Mapping[Kind, int], secret: bytes, shared: Shared | None, workers: int, metrics: Metrics,
        record: Callable[[Sequence[Access]], None],
    ) -> None:  # fmt: skip
        """`most`: requests a minute by kind; 0: as many as anybody likes. `secret`: addresses and principals are kept
        under keyed hashes only. `workers`: processes that count."""
        self._most = {kind: number for kind, number in most.items() if number}
        self._shared = shared
        self._own = Budgets()
        self._share = TIGHTER * workers
        self._metrics = metrics
        self._record = record
        self._told: dict[bytes, int] = {}
        self._minute = 0
        self._telling: set[asyncio.Task[None]] = set()
        key = hashlib.sha256(b"limits " + secret).digest()

        @lru_cache(REMEMBERED)
        def hashed(who: str) -> bytes:
            return hashlib.blake2b(who.encode(errors="replace"), key=key, digest_size=12).hexdigest().encode()

        self._hashed = hashed
        self._policies = {
            kind: (b"ratelimit-policy", f'"{kind}";q={number};w={WINDOW}'.encode())
            for kind, number in self._most.items()
        }

    async def admit(self, kind: Kind | None, caller: Caller | None, address: str) -> Verdict | None:
        """Whether one more request is admitted; None where nothing limits it."""
        most = self._most.get(kind) if kind else None
        if most is None or kind is None:
            return None
        here = self._hashed(household(address))
        if caller is None:
            budgets = [Budget(b"limit:%b:stranger:%b" % (kind.encode(), here), most)]
        else:
            who = f"{caller.organizations[:1]} {caller.actor.acts_for} {caller.actor.id}"
            budgets = [
                Budget(b"limit:%b:principal:%b" % (kind.encode(), self._hashed(who)), most),
                Budget(b"limit:%b:address:%b" % (kind.encode(), here), most * ADDRESS),
            ]
        taken = await self._taken(budgets)
        counted = max(taken.refused - 1, 0)
        left, whole = taken.left[counted], taken.whole[counted]
        said = (b"ratelimit", b'"%b";r=%d;t=%d' % (kind.encode(), 0 if taken.refused else left, -int(-whole // 1)))
        headers = [self._policies[kind], said]
        if not taken.refused:
            return Verdict(headers)
        self._metrics.limited(kind, "stranger" if caller is None else ("principal", "address")[counted])
        self._tell(kind, caller, address, budgets[counted].key)
        return Verdict(headers, TooManyRequests(retry_after=max(1, -int(-taken.wait // 1)), limit=kind))

    async def _taken(self, budgets: Sequence[Budget]) -> Taken:
        if self._shared is not None and self._shared.there:
            try:
                most = [b"%d" % it.most for it in budgets]
                found = await self._shared.run(TAKE, [it.key for it in budgets], [WINDOW_MICROS, *most])
                return Taken(
                    found[0], found[1] / 1e6, tuple(found[2::2]), tuple(micros / 1e6 for micros in found[3::2])
                )  # fmt: skip
            except Exception:  # noqa: S110  # whatever is wrong with it: nobody is kept waiting, or turned away
                pass
        self._metrics.counted_alone()
        return self._own.take([Budget(it.key, max(1, it.most // self._share)) for it in budgets])

    # what is said of those who are refused

    def _tell(self, kind: Kind, caller: Caller | None, address: str, key: bytes) -> None:
        """One entry a minute for each budget that is used up: whoever floods the door must not flood the log."""
        minute = int(time.time()) // WINDOW
        if minute != self._minute:
            self._minute = minute
            self._told.clear()
        if key in self._told or len(self._told) >= MOST_ENTRIES:
            return
        self._told[key] = minute
        actor = caller.actor if caller is not None else STRANGER
        tenant = caller.organizations[0] if caller is not None and caller.organizations else NOWHERE
        origin = Origin("api", ip_prefix=prefix(address))
        entry = Access(tenant, "request", "denied", actor, origin, TooManyRequests.code, "limit", kind)
        task = asyncio.get_running_loop().create_task(self._recorded(entry))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def told(self) -> None:
        """Once all that was to be said is written."""
        while self._telling:
            await asyncio.gather(*self._telling)

    async def _recorded(self, entry: Access) -> None:
        try:
            await asyncio.to_thread(self._record, [entry])
        except Unavailable:
            self._told.clear()  # the next refusal tries again


STRANGER = Actor("user", "stranger", "guest")


def classifying(app: Litestar) -> Callable[[str, str], tuple[Kind | None, str]]:
    """Tells the kind of a request by its path and method, and its route's template. The router remembers what it was
    asked, so that its second look, when the request is let in, costs nothing."""
    table: dict[tuple[str, str], Kind | None] = {
        (route.path_format, method): kind_of(route.path_format, method, bool(handler.opt.get(OPEN)))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
    }

    def kind(path: str, method: str) -> tuple[Kind | None, str]:
        try:
            *_, template = app.asgi_router.handle_routing(path=normalize_path(path), method=cast("Method", method))
        except HTTPException:  # nothing is there, or it cannot do that: to say so costs least
            return "reads", ""
        return table.get((template, method), "reads"), template

    return kind


def kind_of(path: str, method: str, open_: bool) -> Kind | None:
    """What writes and is open to strangers is where they say who they are."""
    if path in FREE:
        return None
    writes = method not in ("GET", "HEAD", "OPTIONS")
    if writes and open_:
        return "logins"
    if not path.startswith("/api/"):
        return "pages"
    if path in SEARCHES:
        return "searches"
    return "writes" if writes else "reads"
