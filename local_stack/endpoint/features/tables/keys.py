"""Record PRIMARY KEY, UNIQUE and FOREIGN KEY. As in Snowflake, they are shown but not enforced.

See: https://docs.snowflake.com/en/sql-reference/constraints-overview and
https://docs.snowflake.com/en/sql-reference/sql/create-table-constraint
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error, invalid_identifier
from local_stack.endpoint.language.names import SchemaName, stored

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

Key = dict[str, Any]
_KEYS = (exp.PrimaryKey, exp.UniqueColumnConstraint, exp.ForeignKey)
_INLINE = (exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint, exp.Reference)


def take_keys(session: Session, schema: exp.Schema) -> list[Key]:
    """Take the keys out of a list of column definitions. The columns of the primary key become NOT NULL."""
    keys: list[Key] = []
    for item in list(schema.expressions):
        if isinstance(item, exp.ColumnDef):
            keys += _inline(session, item)
        elif found := list(_out_of_line(session, item)):
            keys += found
            item.pop()
    primary = [key for key in keys if key["kind"] == "PRIMARY KEY"]
    if len(primary) > 1:
        raise compilation_error("A table may have only one primary key.", 2265, "42601")
    columns = {stored(column.this): column for column in schema.expressions if isinstance(column, exp.ColumnDef)}
    for key in keys:
        for name in key["columns"]:
            if columns and name not in columns:
                raise invalid_identifier(name)
    for name in primary[0]["columns"] if primary and columns else ():
        if not columns[name].find(exp.NotNullColumnConstraint):
            columns[name].append("constraints", exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))
    return keys


def _inline(session: Session, column: exp.ColumnDef) -> Iterator[Key]:
    for constraint in list(column.args.get("constraints") or ()):
        kind = constraint.args.get("kind")
        if isinstance(kind, _INLINE):
            yield _key(session, kind, constraint.this, [stored(column.this)])
            constraint.pop()


def _out_of_line(session: Session, item: Expr) -> Iterator[Key]:
    name, parts = (item.this, item.expressions) if isinstance(item, exp.Constraint) else (None, [item])
    for part in parts:
        if isinstance(part, _KEYS):
            listed = part.this.expressions if isinstance(part, exp.UniqueColumnConstraint) else part.expressions
            columns = [column.this if isinstance(column, exp.Ordered) else column for column in listed]
            yield _key(session, part, name, [stored(column) for column in columns])


def _key(session: Session, kind: Expr, name: Expr | None, columns: list[str]) -> Key:
    reference = kind.args.get("reference") if isinstance(kind, exp.ForeignKey) else kind
    options = [str(option).upper() for node in (kind, reference) for option in (node.args.get("options") or ())]  # type: ignore[union-attr]
    label = "PRIMARY KEY" if isinstance(kind, exp.PrimaryKey | exp.PrimaryKeyColumnConstraint) else "UNIQUE"
    key: Key = {"kind": label, "columns": columns, "rely": "RELY" in options}
    if isinstance(reference, exp.Reference):
        table = reference.find(exp.Table)
        target = session.resolve(tuple(stored(part) for part in table.parts)) if table is not None else None
        listed = reference.this.expressions if isinstance(reference.this, exp.Schema) else ()
        key |= {
            "kind": "FOREIGN KEY",
            "references": [target.database, target.schema, target.name] if target else [],
            "referenced": [stored(column) for column in listed],
            "rules": {word: _rule(options, word) for word in ("UPDATE", "DELETE")},
        }
    return {**key, "name": stored(name) if name is not None else f"SYS_CONSTRAINT_{uuid.uuid4()}"}


def _rule(options: Iterable[str], word: str) -> str:
    return next(
        (option.partition(word)[2].strip() for option in options if option.startswith(f"ON {word}")), "NO ACTION"
    )


def referenced_columns(session: Session, key: Key) -> list[str]:
    """Return the columns that a foreign key refers to.

    Where it does not name any, they are the columns of the other table's primary key.
    """
    if key["referenced"]:
        return list(key["referenced"])
    for other in session.notes.of(SchemaName(*key["references"])).get("keys", []):
        if other["kind"] == "PRIMARY KEY":
            return list(other["columns"])
    return []


def without_column(keys: list[Key], column: str) -> list[Key]:
    """Return the keys that a table keeps when a column is dropped."""
    return [key for key in keys if column not in key["columns"]]


def with_renamed(keys: list[Key], old: str, new: str) -> list[Key]:
    """Return a table's keys after one of its columns is renamed."""
    return [{**key, "columns": [new if column == old else column for column in key["columns"]]} for key in keys]
