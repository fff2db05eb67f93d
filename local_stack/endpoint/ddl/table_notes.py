"""What the registry knows of tables beside DuckDB's catalog: that they are transient, which columns are ARRAY or OBJECT.

The notes go with a table when it is dropped, copied, renamed or swapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local_stack.endpoint.grammar import SchemaName

if TYPE_CHECKING:
    from local_stack.endpoint.sessions import Session

TRANSIENT = "TRANSIENT TABLE"
SEMI_STRUCTURED = "SEMI-STRUCTURED COLUMNS"
_KINDS = (TRANSIENT, SEMI_STRUCTURED)


def note(session: Session, kind: str, name: tuple[str, str, str], content: dict[str, Any] | None) -> None:
    """Write a note, or take it away (None)."""
    if content is None:
        session.catalog.drop(kind, *name)
    else:
        session.catalog.put(kind, *name, content)


def forget(session: Session, table: SchemaName) -> None:
    """The table is gone."""
    for kind in _KINDS:
        note(session, kind, (table.database, table.schema, table.name), None)


def copy(session: Session, source: SchemaName, target: SchemaName) -> None:
    """The target has been made like the source."""
    for kind in _KINDS:
        note(session, kind, (target.database, target.schema, target.name), _content(session, kind, source))


def move(session: Session, source: SchemaName, target: SchemaName) -> None:
    """The table has another name."""
    copy(session, source, target)
    forget(session, source)


def swap(session: Session, one: SchemaName, other: SchemaName) -> None:
    """The two tables have each other's name."""
    for kind in _KINDS:
        kept = _content(session, kind, one), _content(session, kind, other)
        note(session, kind, (one.database, one.schema, one.name), kept[1])
        note(session, kind, (other.database, other.schema, other.name), kept[0])


def _content(session: Session, kind: str, table: SchemaName) -> dict[str, Any] | None:
    stored = session.catalog.get(kind, table.database, table.schema, table.name)
    return stored.definition if stored else None
