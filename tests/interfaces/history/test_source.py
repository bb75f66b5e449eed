"""Files as they come: packed or not, cut short, in other encodings, and no tables at all."""

import csv
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from interfaces.history.source import Table, Unusable
from interfaces.history.story import CannotBe, Row

TEXT = "name,rooms\r\nana,1\r\nbea,2\r\n"


def rows(path: Path, columns: tuple[str, ...] = ("name",), limit: int | None = None) -> list[Row]:
    with Table(path, columns) as table:
        found = list(table.rows(limit))
    assert all(isinstance(row, Row) for row in found)
    return [row for row in found if isinstance(row, Row)]


def file(folder: Path, content: bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def plain(text: bytes) -> bytes:
    return text


@pytest.mark.parametrize("pack", [plain, gzip.compress, lzma.compress])
@pytest.mark.parametrize("name", ["file.csv", "file.xz", "file"])
def test_it_is_read_by_what_is_in_it_whatever_it_is_called(
    tmp_path: Path, pack: Callable[[bytes], bytes], name: str
) -> None:
    found = rows(file(tmp_path, pack(TEXT.encode()), name))
    assert [(row.line, row.cells["name"], row.cells["rooms"]) for row in found] == [(2, "ana", "1"), (3, "bea", "2")]


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    found = rows(file(tmp_path, b"\xef\xbb\xbfname\n\nana\n\n\nbea\n\n"))
    assert [(row.line, row.cells["name"]) for row in found] == [(3, "ana"), (6, "bea")]


def test_a_cell_of_several_lines_is_one_cell(tmp_path: Path) -> None:
    found = rows(file(tmp_path, b'name\n"ana\nmaria"\nbea\n'))
    assert [(row.line, row.cells["name"]) for row in found] == [(2, "ana\nmaria"), (4, "bea")]


def test_no_more_than_asked_for(tmp_path: Path) -> None:
    path = file(tmp_path, TEXT.encode())
    assert len(rows(path, limit=1)) == 1
    assert len(rows(path, limit=3)) == 2


def test_equal_rows_have_keys_of_their_own(tmp_path: Path) -> None:
    first, second, third = rows(file(tmp_path, b"name\nana\nana\nbea\n"))
    assert len({first.key, second.key, third.key}) == 3


def test_a_key_does_not_hang_on_the_place_of_row_or_column(tmp_path: Path) -> None:
    here = {row.key for row in rows(file(tmp_path, b"name,rooms\nana,1\nbea,2\nana,1\n"))}
    there = {row.key for row in rows(file(tmp_path, b"rooms,name\n1,ana\n1,ana\n2,bea\n"))}
    assert here == there


@pytest.mark.parametrize("line", ["ana", "ana,1,2"], ids=["too few", "too many"])
def test_a_row_of_another_width_is_refused_alone(tmp_path: Path, line: str) -> None:
    with Table(file(tmp_path, f"name,rooms\n{line}\nbea,2\n".encode()), ["name"]) as table:
        bad, good = table.rows()
    assert isinstance(good, Row)
    assert isinstance(bad, tuple)
    assert bad[0] == 2
    assert isinstance(bad[1], CannotBe)
    assert bad[1].note.rule == "cells-missing"


LONG = b"name\n" + b"x" * (csv.field_size_limit() + 1) + b"\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"rooms\n1\n", "lacks these columns in its first line: name"),
        (b"name,name\na,b\n", "more than once: name"),
        (b"name\n\xff\xfe\n", "not UTF-8"),
        ("name\nJoão\n".encode("latin-1"), "not UTF-8"),
        ("name\nana\n".encode("utf-16"), "not UTF-8"),
        (b'name\n"ana\n', "not a table"),
        (b'name\n"ana"maria\n', "not a table"),
        (LONG, "not a table"),
        (b"name\n" + b"x" * (2 << 20), "not a table"),
        (lzma.compress(TEXT.encode() * 1000)[:-40], "damaged or cut short"),
        (lzma.compress(TEXT.encode() * 1000)[:20], "damaged or cut short"),
        (gzip.compress(TEXT.encode() * 1000)[:-9], "damaged or cut short"),
        (b"\xfd7zXZ\x00 and then nonsense", "damaged or cut short"),
        (b"\x1f\x8b and then nonsense", "damaged or cut short"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8"),
    ],
)
def test_what_is_no_such_table_is_said_in_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(Unusable, match=said):
        rows(file(tmp_path, content))


def test_a_broken_checksum_is_noticed_at_the_end_at_the_latest(tmp_path: Path) -> None:
    packed = bytearray(lzma.compress(TEXT.encode() * 500))
    packed[len(packed) // 2] ^= 1
    with pytest.raises(Unusable):
        rows(file(tmp_path, bytes(packed)))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="No such file"):
        Table(tmp_path / "nowhere.csv", [])


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot be read"):
        Table(tmp_path, [])
