"""What the registry knows of tables beside DuckDB's catalog: that they are transient, which columns are ARRAY or OBJECT,
how long texts may be.

The notes go with a table when it is dropped, copied, renamed or swapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_stack.endpoint.engine.catalog import Catalog
from local_stack.endpoint.language.names import SchemaName

TRANSIENT = "TRANSIENT TABLE"
SEMI_STRUCTURED = "SEMI-STRUCTURED COLUMNS"
_KINDS = (TRANSIENT, SEMI_STRUCTURED)
_LENGTHS = "_fs_global._fs_information_schema._fs_columns_ext"
_OF_TABLE = "ext_table_catalog = ? AND ext_table_schema = ? AND ext_table_name = ?"
_LONGEST = 16_777_216


def note(catalog: Catalog, kind: str, name: tuple[str, str, str], content: dict[str, Any] | None) -> None:
    """Write a note, or take it away (None)."""
    if content is None:
        catalog.drop(kind, *name)
    else:
        catalog.put(kind, *name, content)


def forget(catalog: Catalog, table: SchemaName) -> None:
    """The table is gone."""
    for kind in _KINDS:
        note(catalog, kind, (table.database, table.schema, table.name), None)
    _set_lengths(catalog, table, {})


def copy(catalog: Catalog, source: SchemaName, target: SchemaName) -> None:
    """The target has been made like the source."""
    for kind in _KINDS:
        note(catalog, kind, (target.database, target.schema, target.name), _content(catalog, kind, source))
    _set_lengths(catalog, target, lengths(catalog, source))


def move(catalog: Catalog, source: SchemaName, target: SchemaName) -> None:
    """The table has another name."""
    copy(catalog, source, target)
    forget(catalog, source)


def swap(catalog: Catalog, one: SchemaName, other: SchemaName) -> None:
    """The two tables have each other's name."""
    for kind in _KINDS:
        kept = _content(catalog, kind, one), _content(catalog, kind, other)
        note(catalog, kind, (one.database, one.schema, one.name), kept[1])
        note(catalog, kind, (other.database, other.schema, other.name), kept[0])
    of_one, of_other = lengths(catalog, one), lengths(catalog, other)
    _set_lengths(catalog, one, of_other)
    _set_lengths(catalog, other, of_one)


def note_lengths(catalog: Catalog, name: tuple[str, str, str], by_column: Mapping[str, int]) -> None:
    """Keep the lengths of text columns, in characters, where fakesnow's INFORMATION_SCHEMA.COLUMNS looks for them."""
    octets = [min(length * 4, _LONGEST) for length in by_column.values()]
    with catalog.connection() as duck:
        duck.execute(
            f"INSERT INTO {_LENGTHS} SELECT ?, ?, ?, unnest(?::VARCHAR[]), unnest(?::INTEGER[]), unnest(?::INTEGER[])"
            " ON CONFLICT DO UPDATE SET ext_character_maximum_length = excluded.ext_character_maximum_length,"
            " ext_character_octet_length = excluded.ext_character_octet_length",
            [*name, list(by_column), list(by_column.values()), octets],
        )


def lengths(catalog: Catalog, table: SchemaName) -> dict[str, int]:
    """Return the lengths of a table's text columns, by name."""
    with catalog.connection() as duck:
        return dict(
            duck.execute(
                f"SELECT ext_column_name, ext_character_maximum_length FROM {_LENGTHS} WHERE {_OF_TABLE}",
                [table.database, table.schema, table.name],
            ).fetchall()
        )


def _set_lengths(catalog: Catalog, table: SchemaName, by_column: Mapping[str, int]) -> None:
    name = (table.database, table.schema, table.name)
    with catalog.connection() as duck:
        duck.execute(f"DELETE FROM {_LENGTHS} WHERE {_OF_TABLE}", list(name))
    if by_column:
        note_lengths(catalog, name, by_column)


def _content(catalog: Catalog, kind: str, table: SchemaName) -> dict[str, Any] | None:
    stored = catalog.get(kind, table.database, table.schema, table.name)
    return stored.definition if stored else None
