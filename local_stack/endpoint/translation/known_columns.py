"""Hold what is known of a query's columns, and read off what a session knows of the columns of tables and views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
from sqlglot import exp

from local_stack.endpoint.engine.text_lengths import lengths_of
from local_stack.endpoint.language.column_types import type_text
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.language.types import Kind
from local_stack.endpoint.session import Session
from local_stack.endpoint.translation.value_types import cast_type


@dataclass(frozen=True)
class Known:
    """Hold what is known of a column. name: as stored, '' for one without. length: of VARCHAR(n).

    type: see value_types.py. exact: that of a table's column, as DESCRIBE shows it.
    """

    name: str
    kind: Kind | None = None
    nullable: bool = True
    length: int | None = None
    type: str | None = None
    exact: str | None = None


_ATTRIBUTE = "known columns"
Columns = Sequence[Known] | None  # in order; None where they cannot be told
TableColumns = Callable[[exp.Table], Columns]


def table_columns(session: Session, describing: bool = False) -> TableColumns:
    """Return what a session knows of the columns of tables, each looked up once until something is defined. Hold its lock.

    describing: lengths too; DuckDB takes ten milliseconds to tell them.
    """

    def columns(table: exp.Table) -> Columns:
        name, found = SchemaName(*session.full_name(table)), _found(session, describing)
        if (known := found.get(name)) is None and (known := _columns(session, name, describing)) is not None:
            found[name] = known
        return known

    return columns


def _found(session: Session, describing: bool) -> dict[SchemaName, Columns]:
    """Return what a session has looked up since something was defined last."""
    key, definitions = f"{_ATTRIBUTE}, describing" if describing else _ATTRIBUTE, session.engine.locks.definitions
    found: dict[SchemaName, Columns]
    since, found = session.attributes.get(key, (None, {}))
    if since != definitions:
        found = {}
        session.attributes[key] = definitions, found
    return found


def _columns(session: Session, name: SchemaName, describing: bool) -> Columns:
    physical = session.physical_table(name)
    try:
        rows = session.duck.execute(f"PRAGMA table_info({quote_string(session.quoted(physical))})").fetchall()
    except duckdb.Error:  # a view of Snowflake's own, or a name that is resolved in another way
        return None
    notes = session.notes.of(name)
    kinds = notes.get("kinds", {})
    lengths = {**notes.get("lengths", {}), **lengths_of(session.duck, physical)} if describing else {}
    return [
        Known(
            column,
            kinds.get(column),
            not strict,
            lengths.get(column),
            kinds.get(column) or cast_type(kind),
            type_text(kinds.get(column) or kind, lengths.get(column)),
        )
        for _, column, kind, strict, *_ in rows
    ]
