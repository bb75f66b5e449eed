"""One connection to Valkey, over which everything that a process asks goes out in order and comes back in order.

Not the client library's own asynchronous client: a call through it takes as long as reading a row, and each of them
would wait for a server that is gone. Here nobody who asks ever connects, or waits longer than the deadline: a
connection is made in the background, counts as there once the server has answered over it, and is given up when one
answer is late. Until then `Gone` is raised at once.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Iterable
from typing import Any

from redis.asyncio.connection import parse_url

Answer = int | bytes | None | list[Any]

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between attempts to connect: doubled each time, until it has been well for so long as the longest."""


class Gone(Exception):
    """Valkey is not there, or too slow."""


class Said(Exception):
    """Valkey answered that it cannot do that."""


class Valkey:
    """Of one event loop: opened and used in it."""

    def __init__(self, url: str, deadline: float) -> None:
        """`deadline`: seconds within which an answer must have come."""
        self._address: dict[str, Any] = dict(parse_url(url))
        self._deadline = deadline
        self._line: _Line | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._scripts: dict[str, bytes] = {}

    @property
    def there(self) -> bool:
        return self._line is not None

    def open(self) -> None:
        """Begins to connect, and waits for nobody."""
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def aclose(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
            self._keeping = None

    def ask(self, *words: bytes) -> "asyncio.Future[Answer]":
        """Asks at once; the answer, or `Gone`, comes within the deadline."""
        line = self._line
        if line is None:
            raise Gone
        return line.ask(words)

    async def run(self, script: str, keys: Iterable[bytes], values: Iterable[bytes]) -> Answer:
        """What a script answers; it is told to each connection once. `Gone`."""
        keys = tuple(keys)
        line = self._line
        if line is None:
            raise Gone
        try:
            name = line.scripts.get(script)
            if name is None:
                found = await line.ask((b"SCRIPT", b"LOAD", script.encode()))
                assert isinstance(found, bytes)
                name = line.scripts[script] = found
            return await line.ask((b"EVALSHA", name, b"%d" % len(keys), *keys, *values))
        except Said as said:
            line.scripts.pop(script, None)  # it may have forgotten it
            raise Gone(str(said)) from None

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while True:
            line = _Line(self._deadline)
            since = loop.time()
            try:
                await self._connected(line)
                self._line = line
                await line.lost.wait()
            except (OSError, Gone, Said, TimeoutError):
                pass
            finally:
                self._line = None
                line.cut()
            well = loop.time() - since > LONGEST_PAUSE
            pause = FIRST_PAUSE if well else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def _connected(self, line: "_Line") -> None:
        about, loop = self._address, asyncio.get_running_loop()
        async with asyncio.timeout(max(1.0, self._deadline)):  # nobody waits for it; a handshake may take its time
            if "path" in about:
                await loop.create_unix_connection(lambda: line, about["path"])
            else:
                secure = ssl.create_default_context() if about.get("connection_class") is not None else None
                host, port = about.get("host", "localhost"), about.get("port", 6379)
                await loop.create_connection(lambda: line, host, port, ssl=secure)
        if password := about.get("password"):
            await line.ask((b"AUTH", str(about.get("username") or "default").encode(), str(password).encode()))
        if database := about.get("db"):
            await line.ask((b"SELECT", b"%d" % int(database)))
        await line.ask((b"PING",))


class _Line(asyncio.Protocol):
    """A connection, in the protocol RESP2."""

    def __init__(self, deadline: float) -> None:
        self.lost = asyncio.Event()
        self.scripts: dict[str, bytes] = {}
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[asyncio.Future[Answer], float]] = deque()
        self._heard = b""
        self._alarm: asyncio.TimerHandle | None = None

    def ask(self, words: Iterable[bytes]) -> "asyncio.Future[Answer]":
        if self._transport is None:
            raise Gone
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.append((future, self._loop.time() + self._deadline))
        if self._alarm is None:
            self._alarm = self._loop.call_later(self._deadline, self._look)
        self._transport.write(spoken(words))
        return future

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self.connection_lost(None)

    def _look(self) -> None:
        """One alarm for all who wait: answers come in order, so that the first is the one that is late."""
        self._alarm = None
        if not self._waiting:
            return
        left = self._waiting[0][1] - self._loop.time()
        if left > 0:
            self._alarm = self._loop.call_later(left, self._look)
        else:
            self.cut()

    # what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard = self._heard + data if self._heard else data
        at = 0
        try:
            while at < len(self._heard) and (found := heard(self._heard, at)) is not None:
                answer, at = found
                future, _ = self._waiting.popleft()
                if future.done():
                    continue  # nobody waits for it any more
                if isinstance(answer, Said):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        except (ValueError, IndexError):  # this is no Valkey
            self.cut()
            return
        self._heard = self._heard[at:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self._transport = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(Gone())
                future.exception()  # whoever asked may have left
        self.lost.set()


def spoken(words: Iterable[bytes]) -> bytes:
    """A command as it goes out."""
    words = tuple(words)
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def heard(data: bytes, at: int) -> tuple[Answer | Said, int] | None:
    """The answer that begins here, and where it ends; None where it is not all there. ValueError for what is none."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return None
    kind, rest, at = data[at : at + 1], data[at + 1 : end], end + 2
    match kind:
        case b":":
            return int(rest), at
        case b"+":
            return rest, at
        case b"-":
            return Said(rest.decode(errors="replace")), at
        case b"$":
            size = int(rest)
            if size < 0:
                return None, at
            return (data[at : at + size], at + size + 2) if len(data) >= at + size + 2 else None
        case b"*":
            found: list[Any] = []
            for _ in range(int(rest)):
                part = heard(data, at)
                if part is None:
                    return None
                found.append(part[0])
                at = part[1]
            return found, at
    raise ValueError(kind)
