"""A view: tables that learn from facts and answer questions, both on one screen.

Learning is pure: `project(recorded)` returns changes of rows, and the runner carries them out, many events at a time.
Answering is pure too: a method returns a statement with its values and the shape of the answer, and the query bus
executes it. SQLAlchemy composes the statements; each is compiled once, because composing (let alone executing) through
it for every request halves the reads per second.
"""

import hashlib
import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, MetaData, Select, Table, case, func, literal_column
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.schema import CreateIndex, CreateTable

import domain
from application.message import Occasion, Query, Scope
from application.recorded import RecordedEvent
from domain import localtime
from domain.errors import Unknown

LIVE = "read"
"""The schema of the tables that answer."""

# What a view learns

Key = tuple[Any, ...]
Row = dict[str, Any]


class Put(Struct, frozen=True):
    """This row is so, whether it was there or not. Columns named in `keep` stay as they are where it was."""

    table: Table
    row: Row
    keep: tuple[str, ...] = ()


class Set(Struct, frozen=True):
    """These columns of the row with this key, or of all rows of this group (see `group`); none there: nothing."""

    table: Table
    key: Key
    values: Row


class Remove(Struct, frozen=True):
    """The row with this key, or all rows of this group, are gone."""

    table: Table
    key: Key


Change = Put | Set | Remove


# What a view answers


class Statement(Struct, frozen=True):
    """SQL with `%s` in it, and the names of the values in their order."""

    text: str
    names: tuple[str, ...]

    def asked(self, values: Mapping[str, Any]) -> list[Any]:
        return [values[name] for name in self.names]


class Asked(Struct, frozen=True):
    """A question in the database's words, and how its rows become an answer."""

    text: str
    values: Sequence[Any]
    shape: Callable[[list[Any]], Any]


T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    """A stretch of rows; `next` is what to ask for `after` to go on, None at the end."""

    rows: Sequence[T]
    next: Any = None


Answer = Callable[[Any, Occasion, Scope], Asked]


class View:
    """One owner per table; `name` is what a receptionist calls it, and how `daybook rebuild` knows it."""

    name: ClassVar[str]
    tables: ClassVar[tuple[Table, ...]]
    beside: ClassVar[tuple[str, ...]] = ()
    """Views whose tables it asks as well: who reads what they have written waits for them, too."""

    def project(self, recorded: RecordedEvent) -> Sequence[Change]:
        """What this fact changes. Pure: the same event always gives the same changes."""
        raise NotImplementedError

    def answers(self) -> Mapping[type[Query], Answer]:
        """Which method answers which question."""
        raise NotImplementedError

    @property
    def shape(self) -> str:
        """Digest of the tables: live ones of another shape must not be written."""
        return hashlib.sha256(
            "\n".join(text for table in self.tables for text in created(table, LIVE)).encode()
        ).hexdigest()

    @property
    def definition(self) -> str:
        """Digest of the tables and of all code that decides what is in them: a half-built generation of other code must
        not be taken up."""
        digest = hashlib.sha256(f"{self.shape} {localtime.RULES}".encode())
        home = Path(inspect.getfile(domain)).parent
        room = Path(inspect.getfile(type(self))).parent  # a view may be made of several files
        for file in (*sorted(room.glob("*.py")), *sorted(home.rglob("*.py"))):
            digest.update(file.read_bytes())
        return digest.hexdigest()


class Unreadable(Protocol):
    """An event whose bytes say nothing to this software; the log hands it over in its place instead of failing."""

    @property
    def position(self) -> int: ...
    @property
    def tenant(self) -> UUID: ...
    @property
    def stream(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def tag(self) -> str: ...
    @property
    def state_sha256(self) -> str: ...
    @property
    def error(self) -> str: ...


# Tables


class _Dialect(PGDialect_psycopg):
    def __init__(self) -> None:
        super().__init__(paramstyle="format")  # type: ignore[no-untyped-call]


DIALECT = _Dialect()
TABLES = MetaData(schema=LIVE)


def key_of(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key.columns)


def group_of(table: Table) -> int:
    """How many leading columns of the key name a group (all items of one booking): given as `info={"group": 2}`."""
    return int(table.info.get("group", len(table.primary_key.columns)))


def compiled(statement: Select[Any], *order: str) -> Statement:
    """Its text and the names of its values; `order` says in which one the caller will give them."""
    made = statement.compile(dialect=DIALECT)
    if made.params and any(value is not None for value in made.params.values()):
        raise ValueError(f"values belong into bindparams, not into the statement: {made.params}")
    names = tuple(made.positiontup or ())
    if order and order != names:
        raise ValueError(f"the values are wanted as {names}, not as {order}")
    return Statement(str(made), names)


Given = TypeVar("Given", bound=Hashable)


def compiling(compose: Callable[[Given], Select[Any]]) -> Callable[[Given], Statement]:
    """Compiled once for each combination of filters that somebody asks with."""

    @lru_cache(maxsize=1024)
    def made(given: Given) -> Statement:
        return compiled(compose(given))

    return made


def one(row: Callable[..., T], unknown: type[Unknown]) -> Callable[[list[Any]], T]:
    """The shape of a single row, or the refusal that says there is none."""

    def shape(rows: list[Any]) -> T:
        if not rows:
            raise unknown
        return row(*rows[0])

    return shape


def page(row: Callable[..., T], limit: int, key: Callable[[T], Any]) -> Callable[[list[Any]], Page[T]]:
    """The shape of a page: one row more than `limit` was asked for, to know whether there is more."""

    def shape(rows: list[Any]) -> Page[T]:
        made = [row(*values) for values in rows[:limit]]
        return Page(made, key(made[-1]) if len(rows) > limit else None)

    return shape


def many(row: Callable[..., T]) -> Callable[[list[Any]], list[T]]:
    return lambda rows: [row(*values) for values in rows]


def alive(status: ColumnElement[str], expires_at: ColumnElement[Any]) -> ColumnElement[str]:
    """The status as it is to be shown: a hold past its expiry is dead, whether or not anybody has swept."""
    return case(
        (
            status.in_([literal_column("'held'"), literal_column("'pending_payment'")]) & (expires_at <= func.now()),
            literal_column("'expired'"),
        ),
        else_=status,
    )


def own(occasion: Occasion) -> UUID:
    """The customer who asks for themselves; nobody where the asker's id is none of a customer."""
    try:
        return UUID(occasion.actor.acts_for)
    except ValueError:
        return UUID(int=0)


def bounded(limit: int, most: int) -> int:
    return max(1, min(limit, most))


def created(table: Table, schema: str) -> list[str]:
    """The statements that make a table with its indexes in a schema."""
    copy = table.to_metadata(MetaData(), schema=schema)
    made = [str(CreateTable(copy).compile(dialect=DIALECT))]
    made += [
        str(CreateIndex(index).compile(dialect=DIALECT)) for index in sorted(copy.indexes, key=lambda i: str(i.name))
    ]
    return [text.strip() for text in made]


JSON = msgspec.json.Encoder()
"""Rows travel to the database as JSON: one value for thousands of rows, encoded in C, typed by the table's columns."""
