"""Read the columns of tables and views from DuckDB's catalog and the table's note."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from local_stack.endpoint.engine.text_lengths import check, lengths_of
from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.language.column_types import type_text
from local_stack.endpoint.language.names import SchemaName, stored
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.translation.definitions import COUNTER, is_ordered
from local_stack.endpoint.translation.known_columns import table_columns
from local_stack.endpoint.translation.result_columns import columns_of_create

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_SHADOW = "_DECLARED_COLUMNS"
_NEXTVAL = re.compile(r"(?i)nextval\('((?:[^']|'')+)'\)")


@dataclass(frozen=True)
class ColumnOfTable:
    """Describe a column of a table or view.

    `type` is DuckDB's type. `kind` is ARRAY or OBJECT where the column was created so. `length` is the n of a
    VARCHAR(n), or None for the default. `default` is DuckDB's expression, and `shown_default` Snowflake's. `identity` is
    the start and the step of an AUTOINCREMENT column, and whether it is ordered.
    """

    name: str
    type: str
    nullable: bool
    default: str | None
    comment: str | None
    length: int | None
    primary_key: bool = False
    unique_key: bool = False
    kind: str | None = None
    identity: tuple[int, int, bool] | None = None

    @property
    def shown_type(self) -> str:
        """Return the type that type_text and type_document take as their argument."""
        return self.kind or self.type

    @property
    def snowflake_type(self) -> str:
        """Return the type as DESCRIBE shows it."""
        return type_text(self.shown_type, self.length)

    @property
    def shown_default(self) -> str | None:
        """Return the default as DESCRIBE shows it: an identity, `database.schema.sequence.NEXTVAL`, an expression."""
        if self.identity:
            start, step, ordered = self.identity
            return f"IDENTITY START {start} INCREMENT {step} {'ORDER' if ordered else 'NOORDER'}"
        if sequence := sequence_of(self.default):
            return f"{sequence}.NEXTVAL"
        return self.default

    @property
    def definition(self) -> str:
        """Return the column's definition in a DuckDB CREATE TABLE."""
        default = f" DEFAULT {self.default}" if self.default else ""
        limit = f" {check(self.name, self.length)}" if self.length else ""
        return f"{identifier(self.name)} {self.type}{default}{'' if self.nullable else ' NOT NULL'}{limit}"


def sequence_of(default: str | None) -> SchemaName | None:
    """Return the sequence that a default takes its numbers from."""
    called = _NEXTVAL.fullmatch(default or "")
    parts = Reader(called[1].replace("''", "'")).name() if called else ()
    return SchemaName(*parts) if len(parts) == 3 else None


def columns_of(session: Session, name: SchemaName) -> list[ColumnOfTable]:
    """Return the columns in order. Raises SqlError 002003 where there is no such table or view."""
    physical = session.physical_table(name)
    try:
        if session.misspelled(physical):
            raise duckdb.CatalogException
        return _columns(session, physical, session.notes.of(name))
    except duckdb.CatalogException:
        message = f"SQL compilation error:\nObject '{name}' does not exist or not authorized."
        raise SqlError(message, 2003, "42S02") from None


def declared_columns(session: Session, place: SchemaName, create: exp.Create) -> list[ColumnOfTable]:
    """Return the columns of a CREATE TABLE in DuckDB's types, without running it.

    They are read from an empty temporary table.
    """
    shadow = SchemaName(place.database, place.schema, _SHADOW)
    shadowed = create.copy()
    for unwanted in ("replace", "exists", "expression"):
        shadowed.set(unwanted, None)
    shadowed.set("properties", exp.Properties(expressions=[exp.TemporaryProperty()]))
    table = shadowed.find(exp.Table)
    if table is None:
        raise missing_object("table", str(place))
    for part, text in zip(("catalog", "db", "this"), (shadow.database, shadow.schema, shadow.name), strict=True):
        table.set(part, exp.to_identifier(text, quoted=True))
    comments = {
        stored(column.this): column.find(exp.CommentColumnConstraint) for column in create.find_all(exp.ColumnDef)
    }
    physical = SchemaName("temp", "main", f"{shadow.database}.{shadow.schema}.{shadow.name}")
    kinds = columns_of_create(create, table_columns(session))
    with session.lock:
        session.duck.execute(f"DROP TABLE IF EXISTS {session.quoted(physical)}")
        session.duck.execute(session.to_duckdb(shadowed))
        try:
            return _columns(session, physical, {"kinds": kinds}, {k: c.this.name for k, c in comments.items() if c})
        finally:
            session.duck.execute(f"DROP TABLE {session.quoted(physical)}")


def _columns(
    session: Session, physical: SchemaName, note: dict[str, Any], comments: dict[str, str] | None = None
) -> list[ColumnOfTable]:
    place = [physical.database, physical.schema, physical.name]
    where = "database_name = ? AND schema_name = ? AND table_name = ?"
    with session.lock:
        rows = _described(session, physical)
        if comments is None:
            query = f"SELECT column_name, comment FROM duckdb_columns() WHERE {where}"
            comments = dict(session.duck.execute(query, place).fetchall())
        lengths = {**note.get("lengths", {}), **lengths_of(session.duck, physical)}
        identities = _identities(session, [row[4] for row in rows])
    keys = note.get("keys", [])
    primary = {column for key in keys if key["kind"] == "PRIMARY KEY" for column in key["columns"]}
    unique = {column for key in keys if key["kind"] == "UNIQUE" for column in key["columns"]}
    kinds = note.get("kinds", {})
    return [
        ColumnOfTable(
            name,
            kind,
            null == "YES",
            None if default in (None, "NULL") else default,
            comments.get(name),
            lengths.get(name),
            name in primary,
            name in unique,
            kinds.get(name),
            identities.get(default),
        )
        for name, kind, null, _, default, *_ in rows
    ]


def _described(session: Session, physical: SchemaName) -> list[tuple[Any, ...]]:
    """Return the rows of DuckDB's DESCRIBE. Of a view that reads what is gone, the columns that it had are returned."""
    try:
        return session.duck.execute(f"DESCRIBE {session.quoted(physical)}").fetchall()
    except duckdb.Error:
        place = [physical.database, physical.schema, physical.name]
        rows = session.duck.execute(
            "SELECT column_name, data_type, 'YES', NULL, NULL FROM duckdb_columns()"
            " WHERE (database_name, schema_name, table_name) = (?, ?, ?) ORDER BY column_index",
            place,
        ).fetchall()
        if not rows:
            raise
        return rows


def _identities(session: Session, defaults: list[str | None]) -> dict[str | None, tuple[int, int, bool]]:
    """Return the identities among defaults. Hold the session's lock."""
    found: dict[str | None, tuple[int, int, bool]] = {}
    for default in defaults:
        sequence = sequence_of(default)
        if sequence is None or not sequence.name.startswith(COUNTER):
            continue
        for start, step in session.duck.execute(
            "SELECT start_value, increment_by FROM duckdb_sequences()"
            " WHERE (database_name, schema_name, sequence_name) = (?, ?, ?)",
            [sequence.database, sequence.schema, sequence.name],
        ).fetchall():
            found[default] = (start, step, is_ordered(sequence.name))
    return found
