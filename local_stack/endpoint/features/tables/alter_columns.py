"""Answer ALTER TABLE … ADD, DROP, RENAME and ALTER of columns.

See: https://docs.snowflake.com/en/sql-reference/sql/alter-table (tableColumnAction) and
https://docs.snowflake.com/en/sql-reference/sql/alter-table-column, which lists the changes that are possible.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from local_stack.endpoint.engine import policy_references
from local_stack.endpoint.errors import compilation_error, invalid_identifier, require_distinct
from local_stack.endpoint.features.tables.columns import ColumnOfTable, columns_of, declared_columns
from local_stack.endpoint.features.tables.declared import take_tags
from local_stack.endpoint.features.tables.keys import take_keys, with_renamed, without_column
from local_stack.endpoint.features.tables.reshape import reshape
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.quoting import identifier, quote_name
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.outcome import MAX_TEXT
from local_stack.endpoint.statements import unsupported
from local_stack.endpoint.translation.effects import ddl

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_NUMBER = re.compile(r"NUMBER\((\d+),(\d+)\)")
_ATTRIBUTES = ("SET", "DROP", "UNSET", "COMMENT", "TYPE")


def alter(reader: Reader, name: SchemaName, session: Session) -> None:
    """Carry out an action on columns. Raises SqlError for an action that does not exist."""
    verb = reader.accept_any("ADD", "DROP", "RENAME", "ALTER", "MODIFY")
    match verb:
        case "ADD":
            _add(reader, name, session)
        case "DROP":
            _drop(reader, name, session)
        case "RENAME":
            _rename(reader, name, session)
        case "ALTER" | "MODIFY":
            _change(reader, name, session)
        case _:
            raise reader.unexpected()


def _add(reader: Reader, name: SchemaName, session: Session) -> None:
    """Answer ADD [COLUMN] [IF NOT EXISTS] c type …, [COLUMN] [IF NOT EXISTS] d type …"""
    before = columns_of(session, name)
    known = {column.name for column in before}
    texts: list[str] = []
    while True:
        reader.accept("COLUMN")
        if_missing = reader.accept("IF", "NOT", "EXISTS")
        start = reader.mark()
        column = reader.identifier()
        reader.back_to(start)
        text = reader.expression(",")
        if column not in known:
            require_distinct(column, known)
            texts.append(text)
            known.add(column)
        elif not if_missing:
            raise compilation_error(f"column '{column}' already exists", 1430, "42601")
        if not reader.accept(","):
            break
    reader.expect_end()
    if not texts:
        session.transaction.commit()
        return
    definition = parse(f"CREATE TABLE t ({', '.join(texts)})")
    if not isinstance(definition, exp.Create) or definition.find(exp.GeneratedAsIdentityColumnConstraint):
        raise unsupported("ALTER TABLE … ADD COLUMN with AUTOINCREMENT")
    keys, tags = take_keys(session, definition.this), take_tags(definition, session)
    added = declared_columns(session, name, definition)
    physical = session.physical_table(name)
    for new in added:
        if not new.nullable and not new.default and _has_rows(session, physical):
            raise compilation_error(
                f"Non-nullable column '{new.name}' cannot be added to non-empty table '{name.name}' unless it has a"
                " non-null default value.",
                2264,
                "42601",
            )
    note = session.notes.of(name)
    kinds = {**note.get("kinds", {}), **{new.name: new.kind for new in added if new.kind}}

    def run() -> None:
        reshape(session, physical, before, [*before, *added])
        session.notes.change(
            name, keys=[*note.get("keys", []), *keys], kinds=kinds, tags={**note.get("tags", {}), **tags}
        )

    session.transaction.run(*ddl(name), run)


def _has_rows(session: Session, physical: SchemaName) -> bool:
    return bool(session.duck.execute(f"SELECT 1 FROM {session.quoted(physical)} LIMIT 1").fetchall())


def _drop(reader: Reader, name: SchemaName, session: Session) -> None:
    """Answer DROP [COLUMN] [IF EXISTS] c, d."""
    reader.accept("COLUMN")
    before = columns_of(session, name)
    dropped: set[str] = set()
    if_exists = False
    while True:
        reader.accept("COLUMN")
        if_exists = reader.accept("IF", "EXISTS") or if_exists
        column = reader.identifier()
        if any(known.name == column for known in before):
            dropped.add(column)
        elif not if_exists:
            raise invalid_identifier(column)
        if not reader.accept(","):
            break
    reader.accept_any("CASCADE", "RESTRICT")
    reader.expect_end()
    after = [column for column in before if column.name not in dropped]
    if not after:
        raise compilation_error(f"Cannot drop all columns of table '{name.name}'.", 2211, "42601")
    note = session.notes.of(name)
    keys, kinds = note.get("keys", []), {k: v for k, v in note.get("kinds", {}).items() if k not in dropped}
    tags = {column: held for column, held in note.get("tags", {}).items() if column not in dropped}
    for column in dropped:
        keys = without_column(keys, column)
        if (policy := policy_references.looked_at(session.catalog, name, column)) is not None:
            raise compilation_error(
                f"Column '{column}' cannot be dropped: policy '{policy}' looks at it.", 3553, "42601"
            )

    def run() -> None:
        reshape(session, session.physical_table(name), before, after)
        session.notes.change(name, keys=keys, kinds=kinds, tags=tags)
        for column in dropped:
            policy_references.forget_column(session.catalog, name, column)

    session.transaction.run(*ddl(name), run)


def _rename(reader: Reader, name: SchemaName, session: Session) -> None:
    """Answer RENAME COLUMN old TO new."""
    reader.expect("COLUMN")
    old = reader.identifier()
    reader.expect("TO")
    new = reader.identifier()
    reader.expect_end()
    known = {column.name for column in columns_of(session, name)}
    if old not in known:
        raise invalid_identifier(old)
    if new in known:
        raise compilation_error(f"column '{new}' already exists", 1430, "42601")
    require_distinct(new, known - {old})
    note = session.notes.of(name)
    kinds, tags = (
        {new if column == old else column: held for column, held in note.get(part, {}).items()}
        for part in ("kinds", "tags")
    )

    def run() -> None:
        table = session.quoted(session.physical_table(name))
        session.duck.execute(f"ALTER TABLE {table} RENAME COLUMN {identifier(old)} TO {identifier(new)}")
        session.notes.change(name, keys=with_renamed(note.get("keys", []), old, new), kinds=kinds, tags=tags)
        policy_references.rename_column(session.catalog, name, old, new)

    session.transaction.run(*ddl(name), run)


def _change(reader: Reader, name: SchemaName, session: Session) -> None:
    """Answer {ALTER | MODIFY} [(] [COLUMN] c action [, [COLUMN] d action] [)]."""
    before = columns_of(session, name)
    after = {column.name: column for column in before}
    in_parentheses = reader.accept("(")
    while True:
        reader.accept("COLUMN")
        column = reader.identifier()
        if column not in after:
            raise invalid_identifier(column)
        after[column] = _changed(reader, after[column], name, session)
        if not reader.accept(","):
            break
    if in_parentheses:
        reader.expect(")")
    reader.expect_end()
    physical = session.physical_table(name)
    session.transaction.run(*ddl(name), lambda: reshape(session, physical, before, list(after.values())))


def _changed(reader: Reader, column: ColumnOfTable, name: SchemaName, session: Session) -> ColumnOfTable:
    if reader.accept("DROP", "DEFAULT"):
        return replace(column, default=None)
    if reader.accept("SET", "DEFAULT"):
        return _with_default(reader, column, name, session)
    if reader.accept("SET", "NOT", "NULL") or reader.accept("NOT", "NULL"):
        return replace(column, nullable=False)
    if reader.accept("DROP", "NOT", "NULL") or reader.accept("NULL"):
        return replace(column, nullable=True)
    if reader.accept("UNSET", "COMMENT"):
        return replace(column, comment=None)
    if reader.accept("COMMENT"):
        return replace(column, comment=reader.string() or None)
    if not (reader.accept("SET", "DATA", "TYPE") or reader.accept("TYPE")) and reader.token.upper in _ATTRIBUTES:
        raise reader.unexpected()
    new = _declared(reader.expression(",", ")", "COMMENT"), column.name, name, session)
    _require_change(column, new)
    return replace(column, type=new.type, length=new.length)


def _declared(definition: str, column: str, name: SchemaName, session: Session) -> ColumnOfTable:
    create = parse(f"CREATE TABLE t ({quote_name(column)} {definition})")
    if not isinstance(create, exp.Create):
        raise Reader(definition).unexpected()
    return declared_columns(session, name, create)[0]


def _with_default(reader: Reader, column: ColumnOfTable, name: SchemaName, session: Session) -> ColumnOfTable:
    """Return the column with another default. Only a sequence can be changed, and only to another sequence."""
    text = reader.expression(",", ")")
    if "nextval" not in (column.default or "").lower() or not text.upper().endswith(".NEXTVAL"):
        raise unsupported("Alter Column Set Default")
    new = _declared(f"INT DEFAULT {text}", column.name, name, session)
    return replace(column, default=new.default)


def _require_change(before: ColumnOfTable, after: ColumnOfTable) -> None:
    """Raise SqlError for a change of type that Snowflake does not make."""
    old, new = before.snowflake_type, after.snowflake_type
    cannot = f"cannot change column {quote_name(before.name)} from type {old} to {new}"
    if old == new:
        return
    numbers = _NUMBER.fullmatch(old), _NUMBER.fullmatch(new)
    if numbers[0] and numbers[1] and numbers[0][2] == numbers[1][2]:
        return
    if old.startswith("VARCHAR") and new.startswith("VARCHAR"):
        if (after.length or MAX_TEXT) > (before.length or MAX_TEXT):
            return
        raise compilation_error(
            f"{cannot} because reducing the byte-length of a varchar is not supported.", 40050, "22000"
        )
    raise compilation_error(cannot, 2108, "22000")
