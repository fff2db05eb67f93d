"""Answer CREATE, ALTER, DROP, UNDROP and COMMENT of databases and schemas, and CLONE.

A database is a DuckDB file. UNDROP works for a day, which is Snowflake's standard retention. The file of a dropped
database is set aside. The tables and views of a dropped schema are kept as retention.py describes.
"""

from __future__ import annotations

from typing import Any

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.engine.engine import INFORMATION_SCHEMA
from local_stack.endpoint.errors import (
    compilation_error,
    existing_object,
    missing_object,
    no_current_database,
    nothing_there,
)
from local_stack.endpoint.features.stages.formats import read_options
from local_stack.endpoint.features.tables import clone, retention
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result, Statement, unsupported

_OPTIONS = {
    "DATA_RETENTION_TIME_IN_DAYS", "MAX_DATA_EXTENSION_TIME_IN_DAYS", "COMMENT", "DEFAULT_DDL_COLLATION", "LOG_LEVEL",
    "TRACE_LEVEL", "METRIC_LEVEL", "CATALOG", "EXTERNAL_VOLUME", "STORAGE_SERIALIZATION_POLICY",
}  # fmt: skip


class Containers:
    """Answer CREATE, ALTER, DROP, UNDROP and COMMENT of databases and schemas."""

    def handle(self, statement: Statement, session: Session) -> Result:
        if statement.describe_only:
            return Result.succeeded()
        reader = Reader(statement.text)
        verb = reader.next().upper
        with session.lock:
            session.transaction.commit()
            match verb:
                case "CREATE":
                    return _create(reader, session)
                case "DROP":
                    return _drop(reader, session)
                case "UNDROP":
                    return _undrop(reader, session)
                case "COMMENT":
                    return _comment(reader, session)
                case _:
                    return _alter(reader, session)


def _create(reader: Reader, session: Session) -> Result:
    replace = reader.accept("OR", "REPLACE")
    if reader.accept("OR", "ALTER"):
        replace = False
    transient = reader.accept("TRANSIENT")
    kind = reader.accept_any("DATABASE", "SCHEMA") or ""
    if_missing = reader.accept("IF", "NOT", "EXISTS")
    database, name = _container(reader, kind, session)
    source = _container(reader, kind, session) if reader.accept("CLONE") else None
    managed = reader.accept("WITH", "MANAGED", "ACCESS")
    options = read_options(reader)
    managed = reader.accept("WITH", "MANAGED", "ACCESS") or managed
    options.update(read_options(reader))
    reader.expect_end()
    for option in options:
        if option not in _OPTIONS:
            raise compilation_error(f"invalid property '{option}' for '{kind}'", 1422, "22023")
    if _exists(session, database, name):
        if if_missing:
            _use(session, database, name)
            return Result.existed(name or database)
        if not replace:
            raise existing_object(name or database)
        _remove(session, database, name)
    if name and not _exists(session, database, ""):
        raise missing_object("Database", database)
    if source and not _exists(session, *source):
        raise missing_object(kind, source[1] or source[0])
    if name:
        session.duck.execute(f"CREATE SCHEMA {identifier(database)}.{identifier(name)}")
        if source and source[1]:
            clone.clone_schema(session, (source[0], source[1]), (database, name))
    else:
        if source:
            clone.clone_database(session, source[0], database)
        session.engine.attach(database)
        if not session.schema_exists(database, "PUBLIC"):
            session.duck.execute(f"CREATE SCHEMA {identifier(database)}.PUBLIC")
    definition: dict[str, Any] = {
        "managed_access": managed,
        "transient": transient,
        "comment": str(options.get("COMMENT", "")),
    }
    session.catalog.put(kind, database, name, "", definition)
    _use(session, database, name)
    return Result.created(kind.capitalize(), name or database)


def _drop(reader: Reader, session: Session) -> Result:
    kind = reader.accept_any("DATABASE", "SCHEMA") or ""
    if_exists = reader.accept("IF", "EXISTS")
    database, name = _container(reader, kind, session)
    reader.accept_any("CASCADE", "RESTRICT")
    reader.expect_end()
    if name == INFORMATION_SCHEMA:
        raise nothing_there()
    if not _exists(session, database, name):
        if if_exists:
            return Result.was_dropped(name or database)
        raise missing_object(kind, name or database)
    _remove(session, database, name)
    return Result.dropped(name or database)


def _undrop(reader: Reader, session: Session) -> Result:
    kind = reader.accept_any("DATABASE", "SCHEMA") or ""
    database, name = _container(reader, kind, session)
    reader.expect_end()
    if _exists(session, database, name):
        raise existing_object(name or database)
    if name:
        retention.restore_schema(session, database, name)
    else:
        retention.restore_database(session, database)
    return Result.status(f"{kind.capitalize()} {name or database} successfully restored.")


def _alter(reader: Reader, session: Session) -> Result:
    kind = reader.accept_any("DATABASE", "SCHEMA") or ""
    if_exists = reader.accept("IF", "EXISTS")
    database, name = _container(reader, kind, session)
    if not _exists(session, database, name):
        if if_exists:
            return Result.succeeded()
        raise missing_object(kind, name or database)
    stored = _recorded(session, kind, database, name)
    definition = dict(stored.definition)
    if reader.accept("ENABLE", "MANAGED", "ACCESS") or reader.accept("DISABLE", "MANAGED", "ACCESS"):
        definition["managed_access"] = "ENABLE" in reader.sql.upper().split()
    elif reader.accept("UNSET"):
        while not reader.at_end():
            definition.pop(reader.identifier().lower(), None)
            reader.accept(",")
    elif word := reader.accept_any("RENAME", "SWAP"):
        raise unsupported(f"ALTER {kind} … {word}")
    else:
        reader.expect("SET")
        options = read_options(reader)
        for option in options:
            if option not in _OPTIONS:
                raise compilation_error(f"invalid property '{option}' for '{kind}'", 1422, "22023")
        definition.update({option.lower(): value for option, value in options.items()})
    reader.expect_end()
    session.catalog.update(stored, definition)
    return Result.succeeded()


def _comment(reader: Reader, session: Session) -> Result:
    """Answer COMMENT [IF EXISTS] ON {DATABASE | SCHEMA} name IS '…'."""
    if_exists = reader.accept("IF", "EXISTS")
    reader.expect("ON")
    kind = reader.accept_any("DATABASE", "SCHEMA") or ""
    database, name = _container(reader, kind, session)
    reader.expect("IS")
    text = reader.string()
    reader.expect_end()
    if not _exists(session, database, name):
        if if_exists:
            return Result.succeeded()
        raise missing_object(kind, name or database)
    stored = _recorded(session, kind, database, name)
    session.catalog.update(stored, {**stored.definition, "comment": text})
    return Result.succeeded()


def _recorded(session: Session, kind: str, database: str, name: str) -> StoredObject:
    """Return what is recorded of a container.

    A container that was made by a log-in has no record yet, and gets one here.
    """
    return session.catalog.get(kind, database, name, "") or session.catalog.put(
        kind, database, name, "", {"managed_access": False, "comment": ""}
    )


def _container(reader: Reader, kind: str, session: Session) -> tuple[str, str]:
    """Read the name of a container. Return (database, '') or (database, schema)."""
    parts = reader.name()
    if kind == "DATABASE":
        if len(parts) != 1:
            raise reader.unexpected()
        return parts[0], ""
    if len(parts) == 2:
        return parts[0], parts[1]
    if not session.database:
        raise no_current_database("CREATE SCHEMA")
    return session.database, parts[0]


def _exists(session: Session, database: str, schema: str) -> bool:
    return session.schema_exists(database, schema or "main")


def _use(session: Session, database: str, schema: str) -> None:
    """Make a new database or schema the current one. Who owns it is recorded after the statement."""
    session.place(database, schema or "PUBLIC")


def _remove(session: Session, database: str, schema: str) -> None:
    if schema:
        retention.keep_schema(session, database, schema)
        session.duck.execute(f"DROP SCHEMA {identifier(database)}.{identifier(schema)} CASCADE")
        session.catalog.drop_container(database, schema)
    else:
        retention.set_aside_database(session, database)
    session.leave(database, schema or None)
