"""Answer SHOW of tables, views, objects, schemas, databases, sequences and columns from DuckDB's catalog."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.engine.engine import INFORMATION_SCHEMA
from local_stack.endpoint.engine.table_notes import NOTE
from local_stack.endpoint.features.show import Filters, Scope, read_filters, require_scope
from local_stack.endpoint.features.tables.columns import columns_of
from local_stack.endpoint.features.tables.comments import comments_of
from local_stack.endpoint.language.column_types import type_document
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result, Statement

# The time of objects made before the endpoint noted times. DuckDB does not record when an object was created.
_CREATED = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HIDDEN_SCHEMAS = "('main', 'information_schema', 'pg_catalog', '_fs_information_schema')"
Row = dict[str, Any]


class ShowObjects:
    """Answer SHOW {TABLES | VIEWS | OBJECTS | SCHEMAS | DATABASES | SEQUENCES | COLUMNS}."""

    def handle(self, statement: Statement, session: Session) -> Result:
        reader = Reader(statement.text)
        reader.expect("SHOW")
        terse = reader.accept("TERSE")
        kind = reader.next().upper
        reader.accept("HISTORY")
        with session.lock:
            return _SHOWN[kind](reader, session, terse)


def _place(row: Row) -> tuple[str, str, str]:
    """Return what SHOW orders by: database, schema and name."""
    return (row.get("database_name") or "", row.get("schema_name") or "", row["name"])


def _result(
    kind: str,
    names: tuple[str, ...],
    terse_names: tuple[str, ...],
    rows: list[Row],
    scope: Scope,
    terse: bool,
    session: Session,
) -> Result:
    for row in rows:
        row["owner"] = _owner(kind, row, session)
    chosen = terse_names if terse else names
    columns = tuple(
        Column(
            n, "TIMESTAMP_LTZ" if n in ("created_on", "dropped_on") else "FIXED" if n in ("rows", "bytes") else "TEXT"
        )
        for n in chosen
    )
    listed = [[row.get(n, "") for n in chosen] for row in sorted(rows, key=_place)]
    return Result(columns, scope.filters.apply(listed, itemgetter(chosen.index("name"))))


def _owner(kind: str, row: Row, session: Session) -> str:
    kind = kind or ("VIEW" if row["kind"] == "VIEW" else "TABLE")
    places = {"DATABASE": ("name",), "SCHEMA": ("database_name", "name")}
    name = ".".join(str(row[column]) for column in places.get(kind, ("database_name", "schema_name", "name")))
    return session.grants.owner(kind, name)[1]


_TERSE = ("created_on", "name", "kind", "database_name", "schema_name")
_TABLES = (
    "created_on", "name", "database_name", "schema_name", "kind", "comment", "cluster_by", "rows", "bytes", "owner",
    "retention_time", "automatic_clustering", "change_tracking", "is_external", "enable_schema_evolution",
    "owner_role_type", "is_event", "budget", "is_hybrid", "is_iceberg", "is_dynamic", "is_immutable",
)  # fmt: skip
_VIEWS = (
    "created_on", "name", "reserved", "database_name", "schema_name", "owner", "comment", "text", "is_secure",
    "is_materialized", "owner_role_type", "change_tracking",
)  # fmt: skip
_OBJECTS = (
    "created_on", "name", "database_name", "schema_name", "kind", "comment", "cluster_by", "rows", "bytes", "owner",
    "retention_time", "owner_role_type", "budget", "is_hybrid", "is_dynamic", "is_iceberg", "is_immutable",
)  # fmt: skip
_SCHEMAS = (
    "created_on", "name", "is_default", "is_current", "database_name", "owner", "comment", "options", "retention_time",
    "owner_role_type", "budget",
)  # fmt: skip
_DATABASES = (
    "created_on", "name", "is_default", "is_current", "origin", "owner", "comment", "options", "retention_time", "kind",
    "budget", "owner_role_type", "object_visibility",
)  # fmt: skip
_SEQUENCES = (
    "name", "database_name", "schema_name", "next_value", "interval", "created_on", "owner", "comment", "owner_role_type",
    "ordered",
)  # fmt: skip
_COLUMNS = (
    "table_name", "schema_name", "column_name", "data_type", "null?", "default", "kind", "expression", "comment",
    "database_name", "autoincrement", "schema_evolution_record",
)  # fmt: skip
_COMMON: Row = {
    "created_on": _CREATED, "retention_time": "1", "owner_role_type": "ROLE", "budget": None,
    "is_hybrid": "N", "is_dynamic": "N", "is_iceberg": "N", "is_immutable": "N", "is_external": "N", "is_event": "N",
    "enable_schema_evolution": "N", "automatic_clustering": "OFF", "change_tracking": "OFF", "cluster_by": "",
    "is_default": "N", "is_current": "N", "object_visibility": None, "reserved": "", "is_secure": "false",
    "is_materialized": "false", "bytes": 0,
}  # fmt: skip


def _where(scope: Scope) -> tuple[str, list[Any]]:
    condition = (
        f"schema_name NOT IN {_HIDDEN_SCHEMAS} AND database_name NOT IN ('memory', 'system', 'temp', '_fs_global')"
    )
    values: list[Any] = []
    for column, value in (("database_name", scope.database), ("schema_name", scope.schema)):
        if value is not None:
            condition += f" AND {column} = ?"
            values.append(value)
    return condition, values


def _table_rows(session: Session, scope: Scope) -> list[Row]:
    condition, values = _where(scope)
    rows = session.duck.execute(
        f"SELECT database_name, schema_name, table_name, comment, estimated_size FROM duckdb_tables() WHERE {condition}",
        values,
    ).fetchall()
    notes, containers = _notes(session, scope), _transient_containers(session)
    listed = [
        {
            **_COMMON, "database_name": d, "schema_name": s, "name": n, "comment": c or "", "rows": size,
            "kind": "TRANSIENT" if {(d, ""), (d, s)} & containers else "TABLE", **_noted(notes.get((d, s, n))),
        }
        for d, s, n, c, size in rows
    ]  # fmt: skip
    for (database, schema, name), physical in session.temporary_tables.items():
        inside = scope.database in (None, database) and scope.schema in (None, schema)
        if inside and session.relation_kind(SchemaName("temp", "main", physical)) == "TABLE":
            temporary = {"database_name": database, "schema_name": schema, "name": name, "kind": "TEMPORARY", "rows": 0}
            listed = [
                r for r in listed if (r["database_name"], r["schema_name"], r["name"]) != (database, schema, name)
            ]
            comment = comments_of(session, SchemaName("temp", "main", physical)).get(None, "")
            options = _table_options(session.notes.of((database, schema, name)))
            listed.append({**_COMMON, **temporary, **options, "comment": comment})
    return listed


def _transient_containers(session: Session) -> set[tuple[str, str]]:
    """Return the transient databases and schemas. Everything that is made in them is transient."""
    found = [*session.catalog.objects("DATABASE"), *session.catalog.objects("SCHEMA")]
    return {(o.database, o.schema) for o in found if o.definition.get("transient")}


def _options(database: str, schema: str, definition: Mapping[str, Any], transient: set[tuple[str, str]]) -> str:
    words = ["TRANSIENT"] if {(database, ""), (database, schema)} & transient else []
    return ", ".join([*words, "MANAGED ACCESS"] if definition.get("managed_access") else words)


def _notes(session: Session, scope: Scope) -> dict[tuple[str, str, str], StoredObject]:
    return {(o.database, o.schema, o.name): o for o in session.catalog.objects(NOTE, scope.database, scope.schema)}


def _noted(stored: StoredObject | None) -> Row:
    """Return what the note of a table or view says."""
    if stored is None:
        return {}
    note = stored.definition
    row: Row = {"created_on": stored.created_on, **_table_options(note)}
    if note.get("transient"):
        row["kind"] = "TRANSIENT"
    if note.get("secure"):
        row["is_secure"] = "true"
    if "text" in note:
        row["text"] = note["text"]
    return row


def _table_options(note: dict[str, Any]) -> Row:
    options = note.get("options", {})
    key = options.get("CLUSTER_BY", "")
    row: Row = {
        "cluster_by": key, "automatic_clustering": "ON" if key and options.get("RECLUSTER", True) else "OFF",
        "change_tracking": "ON" if options.get("CHANGE_TRACKING") else "OFF",
        "enable_schema_evolution": "Y" if options.get("ENABLE_SCHEMA_EVOLUTION") else "N",
    }  # fmt: skip
    if "DATA_RETENTION_TIME_IN_DAYS" in options:
        row["retention_time"] = str(options["DATA_RETENTION_TIME_IN_DAYS"])
    return row


def _view_rows(session: Session, scope: Scope) -> list[Row]:
    condition, values = _where(scope)
    rows = session.duck.execute(
        f"SELECT database_name, schema_name, view_name, comment, sql FROM duckdb_views() WHERE NOT internal AND {condition}",
        values,
    ).fetchall()
    notes = _notes(session, scope)
    return [
        {
            **_COMMON,
            "database_name": d,
            "schema_name": s,
            "name": n,
            "kind": "VIEW",
            "comment": c or "",
            "text": t,
            "rows": None,
            **_noted(notes.get((d, s, n))),
        }
        for d, s, n, c, t in rows
    ]


def _tables(reader: Reader, session: Session, terse: bool) -> Result:
    scope = Scope.read(reader, session)
    return _result("TABLE", _TABLES, _TERSE, _table_rows(session, scope), scope, terse, session)


def _views(reader: Reader, session: Session, terse: bool) -> Result:
    scope = Scope.read(reader, session)
    return _result("VIEW", _VIEWS, _TERSE, _view_rows(session, scope), scope, terse, session)


def _objects(reader: Reader, session: Session, terse: bool) -> Result:
    scope = Scope.read(reader, session)
    tables = [{**row, "kind": "TABLE"} if row["kind"] == "TRANSIENT" else row for row in _table_rows(session, scope)]
    return _result("", _OBJECTS, _TERSE, tables + _view_rows(session, scope), scope, terse, session)


def _schemas(reader: Reader, session: Session, terse: bool) -> Result:
    scope = _database_scope(reader, session)
    condition, values = _where(Scope(scope.database, None, scope.filters))
    rows = session.duck.execute(
        f"SELECT database_name, schema_name FROM duckdb_schemas() WHERE {condition}", values
    ).fetchall()
    databases = [scope.database] if scope.database else session.engine.databases()
    listed, transient = [], _transient_containers(session)
    for database, name in [*rows, *((database, INFORMATION_SCHEMA) for database in databases)]:
        stored = session.catalog.get("SCHEMA", database, name, "")
        definition = stored.definition if stored else {}
        current = "Y" if (database, name) == (session.database, session.schema) else "N"
        options = _options(database, name, definition, transient)
        row = {"database_name": database, "name": name, "schema_name": name, "kind": None, "is_current": current}
        made = stored or session.catalog.get("DATABASE", database, "", "")  # PUBLIC is as old as its database
        created = {"created_on": made.created_on} if made else {}
        listed.append({**_COMMON, **row, **created, "options": options, "comment": definition.get("comment", "")})
    return _result("SCHEMA", _SCHEMAS, _TERSE, listed, scope, terse, session)


def _database_scope(reader: Reader, session: Session) -> Scope:
    """Read the scope of SHOW SCHEMAS … IN {ACCOUNT | [DATABASE] d}.

    The default is the current database, or the account where there is none.
    """
    like = reader.string() if reader.accept("LIKE") else None
    database = session.database
    if reader.accept("IN"):
        if reader.accept("ACCOUNT"):
            database = None
        else:
            reader.accept("DATABASE")
            if reader.token.kind in ("word", "quoted") and reader.token.upper not in ("STARTS", "LIMIT", "LIKE"):
                database = reader.name()[0]
            require_scope(database, None, session)
    filters = read_filters(reader, like)
    reader.expect_end()
    return Scope(database, None, filters)


def _databases(reader: Reader, session: Session, terse: bool) -> Result:
    filters = read_filters(reader)
    reader.expect_end()
    listed, transient = [], _transient_containers(session)
    for name in session.engine.databases():
        stored = session.catalog.get("DATABASE", name, "", "")
        row = {"name": name, "is_current": "Y" if name == session.database else "N", "kind": "STANDARD", "origin": ""}
        created = {"created_on": stored.created_on} if stored else {}
        comment = stored.definition.get("comment", "") if stored else ""
        listed.append({**_COMMON, **row, **created, "comment": comment, "options": _options(name, "", {}, transient)})
    return _result("DATABASE", _DATABASES, _TERSE, listed, Scope(None, None, filters), terse, session)


def _sequences(reader: Reader, session: Session, terse: bool) -> Result:
    scope = Scope.read(reader, session)
    condition, values = _where(scope)
    rows = session.duck.execute(
        "SELECT database_name, schema_name, sequence_name, start_value, increment_by, last_value,"
        " coalesce(comment, '') FROM duckdb_sequences()"
        f" WHERE {condition} AND NOT starts_with(sequence_name, '_fs_seq_')",
        values,
    ).fetchall()
    listed = [
        {
            **_COMMON, "database_name": d, "schema_name": s, "name": n, "interval": step, "comment": comment, "ordered": "Y",
            "next_value": start if last is None else last + step,
        }
        for d, s, n, start, step, last, comment in rows
    ]  # fmt: skip
    return _result("SEQUENCE", _SEQUENCES, _TERSE, listed, scope, terse, session)


def _columns(reader: Reader, session: Session, terse: bool) -> Result:
    like = reader.string() if reader.accept("LIKE") else None
    one: SchemaName | None = None
    if reader.looking_at("IN") and reader.peek().upper not in ("ACCOUNT", "DATABASE", "SCHEMA"):
        reader.next()
        reader.accept_any("TABLE", "VIEW")
        one = session.resolve(reader.name())
        scope = Scope(None, None, read_filters(reader, like))
        reader.expect_end()
    else:
        scope = Scope.read(reader, session)
    listed = [] if one else _table_rows(session, scope) + _view_rows(session, scope)
    relations = [one] if one else [SchemaName(r["database_name"], r["schema_name"], r["name"]) for r in listed]
    rows = []
    for name in relations:
        for column in columns_of(session, name):
            kind = json.dumps(type_document(column.shown_type, column.length, column.nullable), separators=(",", ":"))
            identity = column.shown_default if column.identity else ""
            default = "" if column.identity else column.shown_default or ""
            rows.append([
                name.name, name.schema, column.name, kind, "true" if column.nullable else "false", default, "COLUMN", "",
                column.comment or "", name.database, identity, None,
            ])  # fmt: skip
    filters = scope.filters
    if like or filters.like:
        rows = Filters(like or filters.like).apply(rows, itemgetter(2))
    return Result(tuple(Column(n) for n in _COLUMNS), rows)


_SHOWN: dict[str, Callable[[Reader, Session, bool], Result]] = {
    "TABLES": _tables, "VIEWS": _views, "OBJECTS": _objects, "SCHEMAS": _schemas, "DATABASES": _databases,
    "SEQUENCES": _sequences, "COLUMNS": _columns,
}  # fmt: skip
