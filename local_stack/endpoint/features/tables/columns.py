"""The columns of tables and views, with what DuckDB and fakesnow's registry of text lengths and comments know of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from local_stack.endpoint.engine import table_notes
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


@dataclass(frozen=True)
class ColumnOfTable:
    """type: DuckDB's. kind: ARRAY or OBJECT where the table was created so. length: of a VARCHAR(n), None for the default."""

    name: str
    type: str
    nullable: bool
    default: str | None
    comment: str | None
    length: int | None
    primary_key: bool
    kind: str | None = None

    @property
    def shown_type(self) -> str:
        """What type_text and type_document take."""
        return self.kind or self.type


def columns_of(session: Session, name: SchemaName) -> list[ColumnOfTable]:
    """The columns in order. Raises SqlError 002003 when there is no such table or view."""
    physical = session.physical_table(name)
    with session.lock:
        try:
            rows = session.duck.execute(f"DESCRIBE {session.quoted(physical)}").fetchall()
        except duckdb.CatalogException:
            raise SqlError(
                f"SQL compilation error:\nObject '{name}' does not exist or not authorized.", 2003, "42S02"
            ) from None
        comments = dict(
            session.duck.execute(
                "SELECT column_name, comment FROM duckdb_columns()"
                " WHERE database_name = ? AND schema_name = ? AND table_name = ?",
                [physical.database, physical.schema, physical.name],
            ).fetchall()
        )
        lengths = table_notes.lengths(session.catalog, physical)
    kinds = session.semi_structured((name.database, name.schema, name.name))
    return [
        ColumnOfTable(
            r[0],
            r[1],
            r[2] == "YES",
            _default(r[4]),
            comments.get(r[0]),
            lengths.get(r[0]),
            r[3] == "PRI",
            kinds.get(r[0]),
        )
        for r in rows
    ]


def _default(text: str | None) -> str | None:
    """A default as it was written: fakesnow's and our own macros are named as Snowflake's functions."""
    return None if text in (None, "NULL") else text
