"""The master key: a file that only this account may read, apart from the database and from its backups.

One key a line, 64 hexadecimal digits, the newest first. There is more than one only while a rotation is under way (or
was killed): new keys are wrapped under the first, and what is under the others can still be opened.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from infrastructure.privacy.seals import fresh_key, name_of
from infrastructure.settings import Incomplete, Settings, UnusableSetting

_LINE = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
OTHERS = 0o077
"""What nobody but the owner of the file may do with it."""


class MissingKey(UnusableSetting):
    """There are keys in the database, and not the master key that they are wrapped under; the message says which."""


class Masters:
    """The master keys at hand, by name; `newest` is the one to wrap under."""

    def __init__(self, keys: list[bytes], file: Path | None = None) -> None:
        self._file = file
        self._take(keys)

    def _take(self, keys: list[bytes]) -> None:
        self.known: Mapping[str, bytes] = {name_of(key): key for key in keys}
        self.newest = name_of(keys[0])

    def get(self, name: str) -> bytes | None:
        """The key of this name. Another process may have rotated meanwhile: then the file is read once more."""
        if name not in self.known:
            self.read_again()
        return self.known.get(name)

    def read_again(self) -> None:
        if self._file is not None:
            with contextlib.suppress(Incomplete, UnusableSetting):
                self._take(read(self._file))

    @property
    def where(self) -> str:
        return "DAYBOOK_MASTER_KEY" if self._file is None else str(self._file)


def masters(settings: Settings) -> Masters:
    """The keys that these settings name; raises Incomplete and UnusableSetting, in sentences."""
    if settings.master_key_file is not None:
        return Masters(read(settings.master_key_file), settings.master_key_file)
    if settings.master_key is not None:
        return Masters([bytes.fromhex(settings.master_key)])
    raise Incomplete(
        "DAYBOOK_MASTER_KEY_FILE is not set: personal values are sealed with the key in that file. "
        "Make one with `(umask 077; openssl rand -hex 32 > master.key)`, and keep it apart from the database's backups."
    )


def read(file: Path) -> list[bytes]:
    try:
        lines = file.read_text("ascii").split()
    except FileNotFoundError:
        raise Incomplete(
            f"There is no master key at {file} (DAYBOOK_MASTER_KEY_FILE): put it back. "
            "Without it no personal value that was sealed with it can be read."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UnusableSetting(f"The master key at {file} cannot be read: {reason}.") from None
    if not lines or not all(_LINE.fullmatch(line) for line in lines):
        raise UnusableSetting(f"{file} holds no master key: it must be 64 hexadecimal digits, one key a line.")
    return [bytes.fromhex(line) for line in lines]


def write(file: Path, keys: list[bytes]) -> None:
    """At once and whole, 0600 from the first byte."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write("".join(f"{key.hex()}\n" for key in keys))
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the keys that are made next are worthless if this name is lost
    finally:
        os.close(folder)


def make_first(file: Path) -> None:
    """A master key where there is none yet."""
    if not file.exists():
        write(file, [fresh_key()])


def open_to_others(file: Path) -> bool:
    return bool(file.stat().st_mode & OTHERS)
