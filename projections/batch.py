"""What a batch of events changes, folded to the last word on each row, and the few statements that write it."""

from collections.abc import Iterator, Sequence
from functools import cache

from sqlalchemy import Table

from projections.view import DIALECT, JSON, Change, Key, Put, Remove, Row, group_of, key_of


class Batch:
    """Changes, folded to the last word on each row.

    Per table: what is removed, what is set on groups of rows, what is set on single rows, whole rows. Written in that
    order they do what the changes did one by one.
    """

    def __init__(self) -> None:
        self._tables: dict[Table, _Pending] = {}

    def add(self, changes: Sequence[Change]) -> None:
        for change in changes:
            pending = self._tables.get(change.table)
            if pending is None:
                pending = self._tables[change.table] = _Pending(change.table)
            if isinstance(change, Put):
                pending.put(change.row, change.keep)
            elif isinstance(change, Remove):
                pending.remove(change.key)
            else:
                pending.set(change.key, change.values)

    def statements(self, schema: str) -> Iterator[tuple[str, bytes]]:
        """Few statements, each with all its rows as one value."""
        for table, pending in self._tables.items():
            yield from pending.statements(table, schema)

    def rows(self) -> dict[Table, list[Row]]:
        """The whole rows, where nothing else is pending: what can be copied into empty tables."""
        return {table: list(pending.rows.values()) for table, pending in self._tables.items()}

    def __bool__(self) -> bool:
        return bool(self._tables)


class _Pending:
    def __init__(self, table: Table) -> None:
        self.key = key_of(table)
        self.group = group_of(table)
        self.rows: dict[Key, Row] = {}
        self.keeps: dict[Key, frozenset[str]] = {}
        self.members: dict[Key, set[Key]] = {}
        """Keys of pending rows by group, where groups are wider than keys."""
        self.removed: dict[Key, None] = {}
        self.group_sets: dict[Key, Row] = {}
        self.sets: dict[Key, Row] = {}
        self.set_members: dict[Key, set[Key]] = {}

    @property
    def grouped(self) -> bool:
        return self.group < len(self.key)

    def put(self, row: Row, keep: tuple[str, ...]) -> None:
        key = tuple([row[name] for name in self.key])
        before = self.rows.get(key)
        kept = frozenset(keep)
        if before is not None:
            for name in kept:
                row[name] = before[name]
            kept &= self.keeps.get(key, frozenset())
        self.rows[key] = row
        if kept:
            self.keeps[key] = kept
        else:
            self.keeps.pop(key, None)
        if self.grouped:
            self.members.setdefault(key[: self.group], set()).add(key)

    def set(self, key: Key, values: Row) -> None:
        if len(key) == len(self.key):
            if (row := self.rows.get(key)) is not None:
                self._update(key, row, values)
            elif (before := self.sets.get(key)) is not None:
                before.update(values)
            else:
                self.sets[key] = dict(values)
                if self.grouped:
                    self.set_members.setdefault(key[: self.group], set()).add(key)
            return
        assert len(key) == self.group, "a key is whole, or names a group"
        for member in self.members.get(key, ()):
            self._update(member, self.rows[member], values)
        for member in self.set_members.get(key, ()):
            for name in values:
                self.sets[member].pop(name, None)  # the group's word is the later one
        if key in self.group_sets:
            self.group_sets[key].update(values)
        elif not (self.removed and key in self.removed):
            self.group_sets[key] = dict(values)

    def _update(self, key: Key, row: Row, values: Row) -> None:
        row.update(values)
        if key in self.keeps:
            self.keeps[key] = frozenset(self.keeps[key] - values.keys())

    def remove(self, key: Key) -> None:
        self.removed[key] = None
        if len(key) == len(self.key):
            self.rows.pop(key, None)
            self.keeps.pop(key, None)
            self.sets.pop(key, None)
            if self.grouped:
                self.members.get(key[: self.group], set()).discard(key)
                self.set_members.get(key[: self.group], set()).discard(key)
            return
        assert len(key) == self.group, "a key is whole, or names a group"
        self.group_sets.pop(key, None)
        for member in self.members.pop(key, ()):
            self.rows.pop(member)
            self.keeps.pop(member, None)
        for member in self.set_members.pop(key, ()):
            self.sets.pop(member)

    def statements(self, table: Table, schema: str) -> Iterator[tuple[str, bytes]]:
        for length in sorted({len(key) for key in self.removed}):
            names = self.key[:length]
            rows = [dict(zip(names, key, strict=True)) for key in self.removed if len(key) == length]
            yield _delete(table, schema, length), JSON.encode(rows)
        for sets in (self.group_sets, self.sets):
            by_columns: dict[tuple[str, ...], list[Row]] = {}
            for key, values in sets.items():
                if values:
                    named = dict(zip(self.key, key, strict=False))
                    by_columns.setdefault(tuple(sorted(values)), []).append({**named, **values})
            length = self.group if sets is self.group_sets else len(self.key)
            for columns, rows in by_columns.items():
                yield _update(table, schema, length, columns), JSON.encode(rows)
        if self.keeps:
            by_keep: dict[frozenset[str], list[Row]] = {}
            for key, row in self.rows.items():
                by_keep.setdefault(self.keeps.get(key, frozenset()), []).append(row)
            for keep, rows in by_keep.items():
                yield _upsert(table, schema, keep), JSON.encode(rows)
        elif self.rows:
            yield _upsert(table, schema, frozenset()), JSON.encode(list(self.rows.values()))


def _typed(table: Table, names: Sequence[str]) -> str:
    return ", ".join(f'"{name}" {table.c[name].type.compile(dialect=DIALECT)}' for name in names)


@cache
def _upsert(table: Table, schema: str, keep: frozenset[str]) -> str:
    names = [column.name for column in table.columns]
    key = key_of(table)
    listed = ", ".join(f'"{name}"' for name in names)
    learnt = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in key and name not in keep)
    return (
        f'INSERT INTO {schema}."{table.name}" ({listed}) SELECT {listed} '  # noqa: S608  # names of our own tables
        f"FROM json_to_recordset(%s::json) AS new({_typed(table, names)}) "
        f"ON CONFLICT ({', '.join(key)}) DO {f'UPDATE SET {learnt}' if learnt else 'NOTHING'}"
    )


@cache
def _update(table: Table, schema: str, length: int, columns: tuple[str, ...]) -> str:
    key = key_of(table)[:length]
    learnt = ", ".join(f'"{name}" = new."{name}"' for name in columns)
    met = " AND ".join(f'old."{name}" = new."{name}"' for name in key)
    return (
        f'UPDATE {schema}."{table.name}" old SET {learnt} '  # noqa: S608
        f"FROM json_to_recordset(%s::json) AS new({_typed(table, [*key, *columns])}) WHERE {met}"
    )


@cache
def _delete(table: Table, schema: str, length: int) -> str:
    key = key_of(table)[:length]
    met = " AND ".join(f'old."{name}" = new."{name}"' for name in key)
    return (
        f'DELETE FROM {schema}."{table.name}" old '  # noqa: S608
        f"USING json_to_recordset(%s::json) AS new({_typed(table, key)}) WHERE {met}"
    )
