"""Statements on tables and views that DuckDB has no equal for: CLONE, LIKE, SWAP WITH, DROP that can be undone, UNDROP,
CREATE OR ALTER, TRUNCATE IF EXISTS, a rename into another schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local_stack.endpoint.engine import table_notes
from local_stack.endpoint.engine.load_history import forget_loads
from local_stack.endpoint.engine.transactions import Effect
from local_stack.endpoint.errors import existing_object, missing_object
from local_stack.endpoint.features.tables import clone, retention
from local_stack.endpoint.features.tables.columns import ColumnOfTable, columns_of
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.statements import Result, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_OR_ALTER = re.compile(r"^(\s*CREATE\s+)OR\s+ALTER\s+", re.IGNORECASE)
_PREFIXES = {
    "OR",
    "REPLACE",
    "ALTER",
    "TRANSIENT",
    "TEMP",
    "TEMPORARY",
    "SCOPED",
    "LOCAL",
    "GLOBAL",
    "VOLATILE",
    "SECURE",
}


class Tables:
    """The extension."""

    def handle(self, statement: Statement, session: Session) -> Result | Statement | None:
        words = leading_words(statement.text, 8)
        if not words or words[0] not in ("CREATE", "ALTER", "DROP", "UNDROP", "TRUNCATE") or statement.describe_only:
            return None
        after = [w for w in words[1:] if w not in _PREFIXES]
        reader = Reader(statement.text) if after[:1] in (["TABLE"], ["VIEW"]) else None
        if reader is None:
            return None
        reader.next()
        match words[0], after[0]:
            case "DROP", kind:
                return _drop(reader, kind, session)
            case "UNDROP", "TABLE":
                return _undrop(reader, session)
            case "CREATE", "TABLE":
                return _create(reader, statement, session)
            case "ALTER", "TABLE":
                return _alter(reader, session)
            case "TRUNCATE", "TABLE":
                return _truncate(reader, statement, session)
        return None


def _ddl(session: Session, *tables: SchemaName) -> tuple[Effect, tuple[str, ...]]:
    return Effect.DDL, tuple(f"{t.database}.{t.schema}.{t.name}".upper() for t in tables)


def _drop(reader: Reader, kind: str, session: Session) -> Result:
    reader.next()
    if_exists = reader.accept("IF", "EXISTS")
    name = session.resolve(reader.name())
    reader.accept_any("CASCADE", "RESTRICT")
    reader.expect_end()
    with session.lock:
        physical = session.physical_table(name)
        exists = session.relation_kind(physical) == kind
        if not exists:
            if if_exists:
                session.transaction.commit()
                return Result.status(f"Drop statement executed successfully ({name.name} already dropped).")
            raise missing_object(kind, str(name))

        def drop() -> None:
            record = retention.keep_table(session, name) if kind == "TABLE" and physical == name else None
            session.duck.execute(f"DROP {kind} {session.quoted(physical)}")
            if record:
                retention.remember_table(session, name, record)
                forget_loads(session.duck, name.database, name.schema, name.name)
                table_notes.forget(session.catalog, name)
            if physical != name:
                session.temporary_tables.pop((name.database, name.schema, name.name), None)

        session.transaction.run(*_ddl(session, name), drop)
    return Result.status(f"{name.name} successfully dropped.")


def _undrop(reader: Reader, session: Session) -> Result:
    reader.expect("TABLE")
    name = session.resolve(reader.name())
    reader.expect_end()
    with session.lock:
        if session.relation_kind(name):
            raise existing_object(str(name))
        session.transaction.run(*_ddl(session, name), lambda: retention.restore_table(session, name))
    return Result.status(f"Table {name.name} successfully restored.")


def _create(reader: Reader, statement: Statement, session: Session) -> Result | Statement | None:
    replace, alter, temporary = False, False, False
    while word := reader.accept_any(*_PREFIXES):
        replace, alter = replace or word == "REPLACE", alter or word == "ALTER"
        temporary = temporary or word in ("TEMP", "TEMPORARY", "VOLATILE")
    reader.expect("TABLE")
    if_missing = reader.accept("IF", "NOT", "EXISTS")
    name = session.resolve(reader.name())
    if alter:
        return _create_or_alter(name, statement, session)
    like = reader.accept("LIKE")
    if temporary or not (like or reader.accept("CLONE")):
        return None
    source = session.resolve(reader.name())
    if reader.token.upper in ("AT", "BEFORE"):
        raise reader.unexpected()
    while reader.accept_any("COPY", "GRANTS"):
        pass
    reader.expect_end()

    def create() -> None:
        if replace and session.relation_kind(name) == "TABLE":
            session.duck.execute(f"DROP TABLE {session.quoted(name)}")
        physical = session.physical_table(source)
        if session.relation_kind(physical) != "TABLE":
            raise missing_object("table", str(source))
        clone.clone_table(session, physical, name)
        table_notes.copy(session.catalog, source, name)
        if like:
            session.duck.execute(f"DELETE FROM {session.quoted(name)}")
        forget_loads(session.duck, name.database, name.schema, name.name)

    with session.lock:
        if session.relation_kind(name) and not replace:
            if if_missing:
                return Result.status(f"{name.name} already exists, statement succeeded.")
            raise existing_object(str(name))
        session.transaction.run(*_ddl(session, name), create)
    return Result.status(f"Table {name.name} successfully created.")


def _create_or_alter(name: SchemaName, statement: Statement, session: Session) -> Result | Statement:
    """The table takes the columns of the statement: missing ones are added, others dropped, types and defaults changed."""
    with session.lock:
        if session.relation_kind(name) is None:
            return statement.with_text(_OR_ALTER.sub(r"\1", statement.text))
    shadow = SchemaName(name.database, name.schema, f"_CREATE_OR_ALTER_{name.name}")
    head = re.compile(r"(\bTABLE\s+)(?:IF\s+NOT\s+EXISTS\s+)?(?:\"[^\"]*\"|[\w$.]|\"\.)+", re.IGNORECASE)
    target = session.quoted(shadow)
    text = head.sub(lambda match: match[1] + target + " ", _OR_ALTER.sub(r"\1OR REPLACE ", statement.text), count=1)
    session.execute(text)
    try:
        wanted, existing = columns_of(session, shadow), columns_of(session, name)
        with session.lock:
            session.transaction.run(*_ddl(session, name), lambda: _make_alike(session, name, existing, wanted))
        table_notes.copy(session.catalog, shadow, name)
    finally:
        with session.lock:
            session.duck.execute(f"DROP TABLE IF EXISTS {target}")
        table_notes.forget(session.catalog, shadow)
    return Result.succeeded()


def _make_alike(session: Session, name: SchemaName, existing: list[ColumnOfTable], wanted: list[ColumnOfTable]) -> None:
    alter = f"ALTER TABLE {session.quoted(name)}"
    have = {c.name: c for c in existing}
    keep = {c.name for c in wanted}
    for column in wanted:
        quoted = identifier(column.name)
        if column.name not in have:
            default = f" DEFAULT {column.default}" if column.default else ""
            session.duck.execute(f"{alter} ADD COLUMN {quoted} {column.type}{default}")
            if not column.nullable:
                session.duck.execute(f"{alter} ALTER COLUMN {quoted} SET NOT NULL")
            continue
        before = have[column.name]
        if before.type != column.type:
            session.duck.execute(f"{alter} ALTER COLUMN {quoted} TYPE {column.type}")
        if before.default != column.default:
            action = f"SET DEFAULT {column.default}" if column.default else "DROP DEFAULT"
            session.duck.execute(f"{alter} ALTER COLUMN {quoted} {action}")
        if before.nullable != column.nullable:
            session.duck.execute(f"{alter} ALTER COLUMN {quoted} {'DROP' if column.nullable else 'SET'} NOT NULL")
    for column in existing:
        if column.name not in keep:
            session.duck.execute(f"{alter} DROP COLUMN {identifier(column.name)}")


def _alter(reader: Reader, session: Session) -> Result | None:
    reader.expect("TABLE")
    if_exists = reader.accept("IF", "EXISTS")
    name = session.resolve(reader.name())
    with session.lock:
        if if_exists and session.relation_kind(session.physical_table(name)) is None:
            session.transaction.commit()
            return Result.succeeded()
        if reader.accept("SWAP", "WITH"):
            other = session.resolve(reader.name())
            reader.expect_end()
            for table in (name, other):
                if session.relation_kind(table) != "TABLE":
                    raise missing_object("table", str(table))
            session.transaction.run(*_ddl(session, name, other), lambda: clone.swap_tables(session, name, other))
            table_notes.swap(session.catalog, name, other)
            return Result.succeeded()
        if reader.accept("RENAME", "TO"):
            target = session.resolve(reader.name())
            reader.expect_end()
            return _rename(session, name, target)
    return None


def _rename(session: Session, name: SchemaName, target: SchemaName) -> Result:
    physical = session.physical_table(name)
    if session.relation_kind(physical) is None:
        raise missing_object("table", str(name))
    if session.relation_kind(session.physical_table(target)):
        raise existing_object(str(target))

    def rename() -> None:
        if physical != name:
            new = ".".join((target.database, target.schema, target.name))
            session.duck.execute(f"ALTER TABLE {session.quoted(physical)} RENAME TO {identifier(new)}")
            session.temporary_tables.pop((name.database, name.schema, name.name))
            session.temporary_tables[(target.database, target.schema, target.name)] = new
        elif (name.database, name.schema) == (target.database, target.schema):
            session.duck.execute(f"ALTER TABLE {session.quoted(name)} RENAME TO {identifier(target.name)}")
        else:
            clone.clone_table(session, name, target)
            session.duck.execute(f"DROP TABLE {session.quoted(name)}")

    session.transaction.run(*_ddl(session, name, target), rename)
    if physical == name:
        table_notes.move(session.catalog, name, target)
    return Result.succeeded()


def _truncate(reader: Reader, statement: Statement, session: Session) -> Result | Statement | None:
    reader.expect("TABLE")
    if not reader.accept("IF", "EXISTS"):
        return None
    name = session.resolve(reader.name())
    with session.lock:
        if session.relation_kind(session.physical_table(name)) is None:
            return Result.succeeded()
    return statement.with_text(f"TRUNCATE TABLE {name}")
