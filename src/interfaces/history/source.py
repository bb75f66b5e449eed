"""Reading tables from files: plain, gzip or xz, by what is in them and not by what they are called."""

import csv
import gzip
import lzma
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Self, cast

from interfaces.history.story import CannotBe, Row, digest

LONGEST_LINE = 1 << 20
"""Characters; what is longer is no table, and would be read into memory whole."""
GZIP, XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"


class Unusable(Exception):
    """The file cannot be imported from; the message says why and that nothing was done."""


class Table:
    """The rows of one file, read once, from top to bottom."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        try:
            self._raw = path.open("rb")
        except OSError as error:
            raise Unusable(f"{path} cannot be read: {error.strerror}.") from None
        try:
            self.size = path.stat().st_size
            opened = cast(BinaryIO, unpacked(self._raw))
            self._text = TextIOWrapper(opened, encoding="utf-8-sig", newline="")
            self._lines = 0
            self._reader = csv.reader(self._whole_lines(), strict=True)
            self._header = self._read_header(columns)
        except BaseException:
            self._raw.close()
            raise

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""
        return self._raw.tell()

    def rows(self, limit: int | None = None) -> Iterator[Row | tuple[int, CannotBe]]:
        """Each row, or its line and why it is none."""
        seen: Counter[bytes] = Counter()
        width = len(self._header)
        while limit is None or limit > 0:
            line = self._reader.line_num + 1
            cells = self._next()
            if cells is None:
                return
            if not cells:
                continue  # a blank line
            limit = None if limit is None else limit - 1
            if len(cells) != width:
                reason = f"It has {len(cells)} cells where the header has {width}."
                yield line, CannotBe("cells-missing", reason)
                continue
            row = dict(zip(self._header, cells, strict=True))
            contents = digest(row)
            yield Row(line, row, f"{contents.hex()}.{seen[contents]}")
            seen[contents] += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._text.close()
        self._raw.close()

    def _read_header(self, columns: Sequence[str]) -> list[str]:
        header = self._next()
        if header is None:
            raise Unusable(f"{self.path} is empty.")
        if doubled := sorted(name for name, times in Counter(header).items() if times > 1):
            raise Unusable(f"{self.path} has these columns more than once: {', '.join(doubled)}.")
        if missing := [column for column in columns if column not in header]:
            shown = f"{', '.join(missing[:8])}{' and more' if len(missing) > 8 else ''}"
            raise Unusable(f"{self.path} lacks these columns in its first line: {shown}.")
        return header

    def _next(self) -> list[str] | None:
        """The next record; whatever a broken file can do wrong comes out as `Unusable`."""
        where = f"{self.path}, near line {self._reader.line_num + 1}"
        try:
            return next(self._reader, None)
        except UnicodeDecodeError as error:
            raise Unusable(f"{where}: this is not UTF-8 text ({error.reason}). Nothing was imported.") from None
        except csv.Error as error:
            raise Unusable(f"{where}: this is not a table of comma-separated values ({error}).") from None
        except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, OSError) as error:
            raise Unusable(f"{where}: the file is damaged or cut short ({error}). Nothing was imported.") from None

    def _whole_lines(self) -> Iterator[str]:
        while line := self._text.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith("\n"):
                raise csv.Error(f"a line of more than {LONGEST_LINE:,} characters")
            yield line


def unpacked(raw: BufferedReader) -> BufferedReader | gzip.GzipFile | lzma.LZMAFile:
    start = raw.peek(len(XZ))
    if start.startswith(XZ):
        return lzma.LZMAFile(raw)
    if start.startswith(GZIP):
        return gzip.GzipFile(fileobj=raw)
    return raw
