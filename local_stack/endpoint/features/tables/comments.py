"""Answer COMMENT ON tables, views and columns. DuckDB keeps these comments itself.

See: https://docs.snowflake.com/en/sql-reference/sql/comment
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.endpoint.errors import invalid_identifier, missing_object
from local_stack.endpoint.features.tables.columns import columns_of
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import identifier, literal
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import Result
from local_stack.endpoint.translation.effects import ddl

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


def comment_on(reader: Reader, session: Session) -> Result | None:
    """Answer COMMENT [IF EXISTS] ON {TABLE | VIEW | COLUMN} name IS 'text'. Return None for other kinds."""
    reader.expect("COMMENT")
    if_exists = reader.accept("IF", "EXISTS")
    reader.expect("ON")
    kind = reader.accept_any("TABLE", "VIEW", "COLUMN")
    if kind is None:
        return None
    parts = _parts(reader)
    reader.expect("IS")
    text = reader.string()
    reader.expect_end()
    with session.lock:
        session.transaction.commit()
        _on_relation(session, kind, parts, text, if_exists)
    return Result.succeeded()


def set_comment(session: Session, physical: SchemaName, kind: str, column: str | None, text: str | None) -> None:
    """Write the comment of a table or view, or of one of its columns.

    The table or view has its name in DuckDB. None removes the comment.
    """
    value = literal(text) if text else "NULL"
    target = session.quoted(physical)
    if column is None:
        session.duck.execute(f"COMMENT ON {kind} {target} IS {value}")
    else:
        session.duck.execute(f"COMMENT ON COLUMN {target}.{identifier(column)} IS {value}")


def comments_of(session: Session, physical: SchemaName) -> dict[str | None, str]:
    """Return the comments of a table or view. The key is None for itself, and the name for a column."""
    place = [physical.database, physical.schema, physical.name]
    where = "database_name = ? AND schema_name = ? AND table_name = ? AND comment IS NOT NULL"
    query = f"SELECT NULL, comment FROM duckdb_tables() WHERE {where}"
    query += f" UNION ALL SELECT NULL, comment FROM duckdb_views() WHERE {where.replace('table_name', 'view_name')}"
    query += f" UNION ALL SELECT column_name, comment FROM duckdb_columns() WHERE {where}"
    return dict(session.duck.execute(query, place * 3).fetchall())


def set_comments(session: Session, physical: SchemaName, comments: dict[str | None, str]) -> None:
    """Set the comments of a table that `comments_of` has read."""
    for column, text in comments.items():
        set_comment(session, physical, "TABLE", column, text)


def _parts(reader: Reader) -> tuple[str, ...]:
    """Read a name of up to four parts. A column's name follows that of its table."""
    if reader.looking_at("IDENTIFIER", "("):
        return reader.name()
    parts = [reader.identifier()]
    while reader.accept("."):
        parts.append(reader.identifier())
    return tuple(parts)


def _on_relation(session: Session, kind: str, parts: tuple[str, ...], text: str, if_exists: bool) -> None:
    column = parts[-1] if kind == "COLUMN" else None
    name = session.resolve(parts[:-1] if column is not None else parts)
    physical = session.physical_table(name)
    found = session.relation_kind(physical)
    if found is None or kind not in (found, "COLUMN"):
        if if_exists:
            return
        raise missing_object("table" if column is not None else kind, str(name))
    if column is not None and all(known.name != column for known in columns_of(session, name)):
        if if_exists:
            return
        raise invalid_identifier(column)
    session.transaction.run(*ddl(name), lambda: set_comment(session, physical, found, column, text))
