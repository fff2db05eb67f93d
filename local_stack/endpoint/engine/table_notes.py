"""What the registry knows of tables beside DuckDB's catalog: that they are transient, which columns are ARRAY or OBJECT.

The notes go with a table when it is dropped, copied, renamed or swapped.
"""

from __future__ import annotations

from typing import Any

from local_stack.endpoint.engine.catalog import Catalog
from local_stack.endpoint.language.names import SchemaName

TRANSIENT = "TRANSIENT TABLE"
SEMI_STRUCTURED = "SEMI-STRUCTURED COLUMNS"
_KINDS = (TRANSIENT, SEMI_STRUCTURED)


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


def copy(catalog: Catalog, source: SchemaName, target: SchemaName) -> None:
    """The target has been made like the source."""
    for kind in _KINDS:
        note(catalog, kind, (target.database, target.schema, target.name), _content(catalog, kind, source))


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


def _content(catalog: Catalog, kind: str, table: SchemaName) -> dict[str, Any] | None:
    stored = catalog.get(kind, table.database, table.schema, table.name)
    return stored.definition if stored else None
