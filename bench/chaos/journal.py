"""What was asked and what was answered, on disk before anybody relies on it.

A client that remembers only answers cannot tell a lost booking from one that never was. So each intent is on disk
before it is sent, and each outcome before the next intent: `ok` must be in the log, `fail` must not, and `unknown`
(a timeout, a reset, a 5xx) may or may not, as in Jepsen, until it is repeated under the same key.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

Verdict = Literal["ok", "fail", "unknown"]


class Intent(Struct, frozen=True, tag="intent", omit_defaults=True):
    """Somebody is about to ask for this."""

    key: str
    """The Idempotency-Key: whoever asks again asks under the same one. It is the request id too, by which the log
    knows it without anybody's having told how ids of commands are made."""
    client: str
    command: str
    events: int = 1
    """How many events it has, if it has any."""
    always: bool = False
    """It cannot succeed without having any: what is new has never been there before."""


class Outcome(Struct, frozen=True, tag="outcome", omit_defaults=True):
    """What was answered."""

    key: str
    verdict: Verdict
    why: str = ""
    """A refusal's code, or what went wrong."""
    stream: UUID | None = None
    version: int | None = None
    position: int | None = None
    changed: bool | None = True
    """False: nothing had to be done. None: the door does not say."""
    replayed: bool = False
    took: float = 0.0
    """Seconds."""


Entry = Intent | Outcome
_DECODER = msgspec.json.Decoder(Entry)


class Journal:
    """One client's, append-only. Without `durable` it is not forced to disk: where nothing kills the client."""

    def __init__(self, path: Path, durable: bool = True) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._durable = durable
        self._lock = threading.Lock()

    def write(self, entry: Entry) -> None:
        line = msgspec.json.encode(entry) + b"\n"
        with self._lock:
            os.write(self._file, line)
        if self._durable:
            os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


class Case(Struct, frozen=True):
    """One command's life in the journals: what was wanted, and every answer that it got."""

    intent: Intent
    outcomes: tuple[Outcome, ...]

    @property
    def verdict(self) -> Verdict:
        """An `ok` stands whatever came before it (and after it: a repeat must not turn it into a failure).

        A refusal after an unknown is the answer of the repeat, which under the same key speaks for both.
        """
        verdicts = [outcome.verdict for outcome in self.outcomes]
        if "ok" in verdicts:
            return "ok"
        return verdicts[-1] if verdicts else "unknown"


def cases(paths: Iterable[Path]) -> list[Case]:
    """All journals, command by command, in the order of the intents."""
    intents: dict[str, Intent] = {}
    outcomes: dict[str, list[Outcome]] = {}
    for path in sorted(paths):
        for entry in entries(path):
            if isinstance(entry, Intent):
                intents.setdefault(entry.key, entry)
            else:
                outcomes.setdefault(entry.key, []).append(entry)
    return [Case(intent, tuple(outcomes.get(key, ()))) for key, intent in intents.items()]


def entries(path: Path) -> Iterator[Entry]:
    """A journal's lines; the last one may be half written, if its writer was killed."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        yield _DECODER.decode(line)
