"""The port `application.identity.accounts.Mailer`, for development: letters become files in DATA/outbox, which only
this account may read. What sends real mail takes its place.

They are written by a thread of its own: whoever asks for a letter learns nothing from how long it takes.
"""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Full, Queue
from uuid import uuid4

import structlog

from application.identity.accounts import Letter

MOST_WAITING = 1000
_log = structlog.get_logger()

INVITED = """\
You have been invited to {organization}, or somebody asked for it with this address. Within a week you can join with
this token:

{token}

If you know nothing of it, do nothing."""
RESET = """\
Somebody asked to set a new password for this address. Within half an hour you can do so with this token:

{token}

If it was not you, do nothing."""
ADDRESS = """\
Show within a day that this is your address, with this token:

{token}

If you know nothing of it, do nothing."""
MOVED = "From now on you log in with another address than this one. If it was not you, tell us."
CHANGED = """\
Your password has been changed, and everybody who was logged in with it is out. If it was not you, set a new one."""
TEXTS: Mapping[str, tuple[str, str]] = {
    "join": ("Your invitation to {organization}", INVITED),
    "reset": ("A new password", RESET),
    "email": ("Is this your address?", ADDRESS),
    "email_changed": ("Your address has been changed", MOVED),
    "password_changed": ("Your password has been changed", CHANGED),
}


class Outbox:
    """One a process. A letter that finds too many before it is dropped: whoever waits for it asks again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: Queue[Letter | None] = Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def send(self, letter: Letter) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(letter)
        except Full:
            _log.error("outbox.full")

    def close(self) -> None:
        """After what is waiting."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(5)

    def _run(self) -> None:
        while (letter := self._waiting.get()) is not None:
            try:
                self._write(letter)
            except OSError as error:
                _log.error("outbox.unwritten", error=type(error).__name__)

    def _write(self, letter: Letter) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        subject, body = TEXTS[letter.kind]
        values = {name: " ".join(value.split()) for name, value in letter.values.items()} | {"token": letter.token}
        text = f"To: {letter.to}\nSubject: {subject.format_map(values)}\n\n{body.format_map(values)}\n"
        name = f"{time.time_ns():020}-{letter.kind}-{uuid4().hex[:8]}.txt"
        fresh = self._folder / f".{name}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
        fresh.replace(self._folder / name)  # whole, or not there
