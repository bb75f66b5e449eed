"""What a mapping makes of a row: the commands that it was, each at the moment at which it happened.

To import bookings of one's own is to write one `Mapping`: which columns the source has, and `story`, a pure function
from a row to steps. Everything else (order, capacity, command ids, resuming, the report) is the frame's.
`hotel_bookings.py` is the example, and docs/how-to/import-your-own-bookings.md walks through it.
"""

from collections.abc import Mapping as Cells
from datetime import datetime
from hashlib import blake2b
from typing import Protocol
from uuid import UUID

from msgspec import Struct
from uuid_utils.compat import uuid5

from application.message import Command
from domain.hours import WeeklyHours


class Row(Struct, frozen=True):
    """One row of the source, as it stands there."""

    line: int
    """Where it begins in the file; the header is line 1."""
    cells: Cells[str, str]
    key: str
    """What the row is known by for ever: its contents, not its place.

    A source that is sorted otherwise, or has grown since its last import, brings nothing twice. Two equal rows are two
    bookings: the key says how many equal ones stand above.
    """


def digest(cells: Cells[str, str]) -> bytes:
    """The contents of a row, in whatever order its columns stand."""
    written = "\x1f".join([f"{column}\x1e{cells[column]}" for column in sorted(cells)])
    return blake2b(written.encode(), digest_size=16).digest()


WORLD = UUID("5d0c1f0e-6f0b-5f0e-9a53-0f6a0f6a4b1e")
"""The namespace of organizations that are founded by imports. Chosen once; another would found them again."""


class Ids(Struct, frozen=True):
    """Ids that come out the same in every run, for one source in one organization."""

    tenant: UUID
    source: str

    def of(self, *words: str) -> UUID:
        return uuid5(self.tenant, "\x1f".join(("import", self.source, *words)))


class Place(Struct, frozen=True):
    """A location that the rows speak of; opened before the first of them."""

    id: UUID
    name: str
    zone: str


class Thing(Struct, frozen=True):
    """A resource that the rows speak of; registered before the first of them."""

    id: UUID
    place: Place
    name: str
    kind: str
    capacity: int | None = None
    """None: not known, so as many units as the rows were ever using at once."""
    hours: WeeklyHours | None = None


class Step(Struct, frozen=True):
    """One command, at the moment at which it happened."""

    name: str
    """Unique in its row; row and name make the command id. A renamed step would be carried out a second time."""
    at: datetime
    command: Command
    reason: str | None = None
    """Kept on the envelope of what it causes: why this reads otherwise than the source."""


class Note(Struct, frozen=True):
    """How a row that cannot be true as it stands was settled, or why it was refused."""

    rule: str
    """A short name that is counted by."""
    reason: str


class Story(Struct, frozen=True):
    """Everything that a row was."""

    steps: tuple[Step, ...]
    """In the order in which they happened."""
    writes: tuple[UUID, ...]
    """The streams that its commands write: where the frame looks for what earlier runs did."""
    uses: tuple[Thing, ...]
    """The resources that its commands name."""
    settled: tuple[Note, ...] = ()


class CannotBe(Exception):
    """The row is refused: it cannot be read, or cannot have happened, and no rule settles it."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.note = Note(rule, reason)


class Mapping(Protocol):
    """How to read one kind of source."""

    @property
    def name(self) -> str:
        """The source's name in ids, for ever."""

    @property
    def organization(self) -> str:
        """What the organization is called that is founded for it when none is named."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns without which a file is not of this kind."""

    def story(self, row: Row, ids: Ids) -> Story:
        """What the row was, or `CannotBe`. Pure: the same row and ids give the same story, in every run."""


def own_organization(mapping: Mapping) -> UUID:
    """The organization that is founded for a mapping when none is named: the same one in every run."""
    return uuid5(WORLD, mapping.name)
