"""Keep what is known of tables and views beside DuckDB's catalog.

That is: whether one is transient, its keys and options, which columns are ARRAY or OBJECT, of a
view also the lengths of its texts and the statement that made it.

There is one note for each table. It goes with the table when that is dropped, copied, renamed or swapped. The note of a
temporary table ends with its session.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container
from typing import Any

from local_stack.endpoint.engine.catalog import Catalog
from local_stack.endpoint.language.names import SchemaName

NOTE = "TABLE NOTE"
TableName = tuple[str, str, str]
Content = dict[str, Any]


class TableNotes:
    """Show the notes as one session sees them. temporary: the names of its temporary tables, which hide others."""

    def __init__(self, catalog: Catalog, temporary: Container[TableName]) -> None:
        self._catalog, self._temporary = catalog, temporary
        self._own: dict[TableName, Content] = {}

    def of(self, table: SchemaName | TableName) -> Content:
        """Return what is known of a table; nothing where there is no note."""
        name = _name(table)
        if name in self._temporary:
            return self._own.get(name, {})
        stored = self._catalog.get(NOTE, *name)
        return stored.definition if stored else {}

    def write(self, table: SchemaName | TableName, content: Content, temporary: bool) -> None:
        """Note a table that has been created; its time of creation is that of the note."""
        if temporary:
            self._own[_name(table)] = content
        else:
            self._catalog.put(NOTE, *_name(table), content)

    def change(self, table: SchemaName | TableName, **changes: Any) -> None:
        """Change some entries of a table's note; None takes one away. The time of the change is one of them."""
        name = _name(table)
        changes = {"altered_on": dt.datetime.now(dt.UTC).isoformat(), **changes}
        content = {key: value for key, value in {**self.of(name), **changes}.items() if value is not None}
        stored = None if name in self._temporary else self._catalog.get(NOTE, *name)
        if stored is None:
            self.write(name, content, name in self._temporary)
        else:
            self._catalog.update(stored, content)

    def forget(self, table: SchemaName | TableName, temporary: bool) -> None:
        """Forget a table that is gone."""
        if temporary:
            self._own.pop(_name(table), None)
        else:
            self._catalog.drop(NOTE, *_name(table))

    def move(self, source: SchemaName, target: SchemaName, temporary: bool) -> None:
        """Give a table's notes to its new name."""
        content = self._own.get(_name(source), {}) if temporary else self.of(source)
        self.write(target, content, temporary)
        self.forget(source, temporary)

    def swap(self, one: SchemaName, other: SchemaName) -> None:
        """Exchange the notes of two tables that have each other's name."""
        first, second = self.of(one), self.of(other)
        self.change(one, **{**dict.fromkeys(first), **second})
        self.change(other, **{**dict.fromkeys(second), **first})


def _name(table: SchemaName | TableName) -> TableName:
    return (table.database, table.schema, table.name) if isinstance(table, SchemaName) else table
