"""Give a table other columns.

DuckDB's ALTER TABLE does this where it can. Elsewhere the table is built again.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from local_stack.endpoint.engine.text_lengths import length_of
from local_stack.endpoint.features.tables.columns import ColumnOfTable
from local_stack.endpoint.features.tables.comments import comments_of, set_comment, set_comments
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import identifier

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


def reshape(
    session: Session, table: SchemaName, before: Sequence[ColumnOfTable], after: Sequence[ColumnOfTable]
) -> None:
    """Change a table's columns to others of the same names.

    The table has its name in DuckDB. Rows keep their values, and a new column has its default.
    """
    have = {column.name: column for column in before}
    if any(_needs_building(have.get(column.name), column) for column in after):
        _build(session, table, have, after)
    else:
        _alter(session, table, have, after)
    for column in after:
        known = have.get(column.name)
        if column.comment != (known.comment if known else None):
            set_comment(session, table, "TABLE", column.name, column.comment)


def _needs_building(before: ColumnOfTable | None, after: ColumnOfTable) -> bool:
    if before is None:
        return after.length is not None or not after.nullable
    return (before.type, before.length) != (after.type, after.length)


def _alter(session: Session, table: SchemaName, have: dict[str, ColumnOfTable], after: Sequence[ColumnOfTable]) -> None:
    alter = f"ALTER TABLE {session.quoted(table)}"
    actions: list[str] = []
    for column in after:
        quoted, known = identifier(column.name), have.get(column.name)
        if known is None:
            actions.append(f"ADD COLUMN {column.definition}")
            continue
        if known.default != column.default:
            default = f"SET DEFAULT {column.default}" if column.default else "DROP DEFAULT"
            actions.append(f"ALTER COLUMN {quoted} {default}")
        if known.nullable != column.nullable:
            actions.append(f"ALTER COLUMN {quoted} {'DROP' if column.nullable else 'SET'} NOT NULL")
    kept = {column.name for column in after}
    actions += [f"DROP COLUMN {identifier(name)}" for name in have if name not in kept]
    _together(session, [f"{alter} {action}" for action in actions])


def _build(session: Session, table: SchemaName, have: dict[str, ColumnOfTable], after: Sequence[ColumnOfTable]) -> None:
    spare = replace(table, name=f"_new_{uuid.uuid4().hex}")
    kept = [column for column in after if column.name in have]
    comments = {name: text for name, text in comments_of(session, table).items() if name is None or name in have}
    definitions = [column.definition for column in after] + _checks(session, table, {c.name for c in after})
    names = ", ".join(identifier(column.name) for column in kept)
    temporary = "TEMPORARY " if table.database == "temp" else ""
    _together(
        session,
        [
            f"CREATE {temporary}TABLE {session.quoted(spare)} ({', '.join(definitions)})",
            f"INSERT INTO {session.quoted(spare)} ({names}) SELECT {names} FROM {session.quoted(table)}",
            f"DROP TABLE {session.quoted(table)}",
            f"ALTER TABLE {session.quoted(spare)} RENAME TO {identifier(table.name)}",
        ],
    )
    set_comments(session, table, {n: t for n, t in comments.items() if n is None or n in {c.name for c in after}})


def _checks(session: Session, table: SchemaName, columns: set[str]) -> list[str]:
    """Return the CHECKs of a table whose columns stay, without those that limit lengths."""
    found = session.duck.execute(
        "SELECT constraint_text, constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'CHECK'"
        " AND database_name = ? AND schema_name = ? AND table_name = ?",
        [table.database, table.schema, table.name],
    ).fetchall()
    return [text for text, names in found if length_of(text) is None and columns.issuperset(names)]


def _together(session: Session, statements: Sequence[str]) -> None:
    """Run all of the statements or none."""
    session.duck.execute("BEGIN")
    try:
        for statement in statements:
            session.duck.execute(statement)
    except BaseException:
        session.duck.execute("ROLLBACK")
        raise
    session.duck.execute("COMMIT")
