"""Keep what is dropped for a day, so that UNDROP works.

This is Snowflake's time travel at its standard retention. A dropped table is kept as its definition and a Parquet file
of its rows. A dropped schema is kept as its tables, views and sequences. A dropped database is kept as its file, which
is set aside. Where a name is dropped twice, both objects are kept, and UNDROP brings back the newest.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.tables.clone import definition_as, sequence_as, sequences_in, table_definition
from local_stack.endpoint.features.tables.columns import sequence_of
from local_stack.endpoint.features.tables.comments import comments_of, set_comments
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import dotted, identifier, literal
from local_stack.endpoint.translation.definitions import COUNTER

if TYPE_CHECKING:
    from local_stack.endpoint.engine.engine import Engine
    from local_stack.endpoint.session import Session

DROPPED = "DROPPED"
RETENTION = dt.timedelta(days=1)


def keep_table(session: Session, table: SchemaName) -> dict[str, Any] | None:
    """Keep a table that is about to be dropped. Return its record, or None when there is no such table."""
    definition = table_definition(session, table)
    if definition is None:
        return None
    folder = _folder(session.engine)
    file = folder / f"{uuid.uuid4().hex}.parquet"
    session.duck.execute(f"COPY ({_rows(session, table)}) TO {literal(str(file))} (FORMAT PARQUET)")
    comments = [[column, text] for column, text in comments_of(session, table).items()]
    return {
        "kind": "TABLE", "name": table.name, "sql": definition, "rows": str(file), "comments": comments,
        "note": session.notes.of(table),
    }  # fmt: skip


def _rows(session: Session, table: SchemaName) -> str:
    """Return the query of a table's rows for a Parquet file, where DuckDB would write a HUGEINT as a DOUBLE."""
    described = session.duck.execute(f"DESCRIBE {session.quoted(table)}").fetchall()
    exact = [
        f"CAST({identifier(name)} AS DECIMAL(38, 0)) AS {identifier(name)}"
        for name, kind, *_ in described
        if kind == "HUGEINT"
    ]
    replaced = f" REPLACE ({', '.join(exact)})" if exact else ""
    return f"SELECT *{replaced} FROM {session.quoted(table)}"


def remember_table(session: Session, table: SchemaName, record: dict[str, Any]) -> None:
    """Make a kept table the one that UNDROP TABLE brings back."""
    _put(session, table.database, table.schema, f"TABLE {table.name}", record)


def restore_table(session: Session, table: SchemaName) -> None:
    """Answer UNDROP TABLE. Raises SqlError when nothing was dropped under the name."""
    stored = _newest(session, table.database, table.schema, f"TABLE {table.name}")
    if stored is None:
        raise missing_object("table", str(table))
    _recreate(session, table, stored.definition)
    session.notes.write(table, stored.definition.get("note", {}), temporary=False)
    _forget(session, stored)


def keep_schema(session: Session, database: str, schema: str) -> None:
    """Keep a schema that is about to be dropped."""
    where = "database_name = ? AND schema_name = ?"
    duck = session.duck
    records: list[dict[str, Any]] = []
    for name, sql in sequences_in(session, database, schema):
        records.append({"kind": "SEQUENCE", "name": name, "sql": sql})
    tables = duck.execute(
        f"SELECT table_name FROM duckdb_tables() WHERE {where} AND NOT temporary", [database, schema]
    ).fetchall()
    for (name,) in tables:
        if record := keep_table(session, SchemaName(database, schema, name)):
            records.append(record)
    views = duck.execute(
        f"SELECT view_name, sql FROM duckdb_views() WHERE {where} AND NOT internal ORDER BY view_oid",
        [database, schema],
    ).fetchall()
    records += [{"kind": "VIEW", "name": name, "sql": sql} for name, sql in views]
    objects = []
    for stored in session.catalog.all_in(database, schema):
        objects.append({"kind": stored.kind, "name": stored.name, "definition": stored.definition})
    _put(session, database, "", f"SCHEMA {schema}", {"records": records, "objects": objects})


def restore_schema(session: Session, database: str, schema: str) -> None:
    """Answer UNDROP SCHEMA. What cannot be restored whole stays dropped."""
    stored = _newest(session, database, "", f"SCHEMA {schema}")
    if stored is None:
        raise missing_object("schema", f"{database}.{schema}")
    session.duck.execute(f"CREATE SCHEMA {identifier(database)}.{identifier(schema)}")
    try:
        for record in stored.definition["records"]:
            if record["kind"] == "SEQUENCE":
                session.duck.execute(sequence_as(record["sql"], dotted(database, schema, record["name"])))
            else:
                _recreate(session, SchemaName(database, schema, record["name"]), record)
    except duckdb.Error:
        session.duck.execute(f"DROP SCHEMA {identifier(database)}.{identifier(schema)} CASCADE")
        raise
    for item in stored.definition["objects"]:
        session.catalog.put(item["kind"], database, schema, item["name"], item["definition"])
    _forget(session, stored)


def set_aside_database(session: Session, database: str) -> None:
    """Detach a database and keep its file."""
    engine = session.engine
    for other in session.registry.on_database(database):
        other.leave(database, None)
    session.leave(database, None)
    session.duck.execute(f"CHECKPOINT {identifier(database)}")
    session.duck.execute(f"DETACH {identifier(database)}")
    kept = _folder(engine) / f"{uuid.uuid4().hex}.database"
    shutil.move(engine.database_file(database), kept)
    objects = [
        {"kind": o.kind, "schema": o.schema, "name": o.name, "definition": o.definition}
        for o in session.catalog.all_in(database)
        if o.kind != DROPPED
    ]
    session.catalog.drop_container(database)
    _put(session, "", "", f"DATABASE {database}", {"rows": str(kept), "objects": objects})


def restore_database(session: Session, database: str) -> None:
    """Answer UNDROP DATABASE."""
    stored = _newest(session, "", "", f"DATABASE {database}")
    if stored is None:
        raise missing_object("database", database)
    shutil.move(stored.definition["rows"], session.engine.database_file(database))
    session.engine.attach(database)
    for item in stored.definition["objects"]:
        session.catalog.put(item["kind"], database, item["schema"], item["name"], item["definition"])
    session.catalog.drop(DROPPED, stored.database, stored.schema, stored.name)


def purge(engine: Engine) -> None:
    """Remove what was dropped longer ago than the retention time."""
    limit = dt.datetime.now(dt.UTC) - RETENTION
    for stored in engine.catalog.objects(DROPPED):
        if stored.created_on < limit:
            _remove_files(stored.definition)
            _remove_counters(engine, stored.definition)
            engine.catalog.drop(DROPPED, stored.database, stored.schema, stored.name)


def _recreate(session: Session, table: SchemaName, record: dict[str, Any]) -> None:
    session.duck.execute(definition_as(record["sql"], session.quoted(table)))
    if record["kind"] == "TABLE":
        session.duck.execute(
            f"INSERT INTO {session.quoted(table)} SELECT * FROM read_parquet({literal(record['rows'])})"
        )
        set_comments(session, table, dict(record.get("comments", [])))


def _folder(engine: Engine) -> Path:
    folder = engine.data_dir / "dropped"
    folder.mkdir(exist_ok=True)
    return folder


def _put(session: Session, database: str, schema: str, name: str, record: dict[str, Any]) -> None:
    session.catalog.put(DROPPED, database, schema, f"{name} {uuid.uuid4().hex}", record)


def _newest(session: Session, database: str, schema: str, name: str) -> StoredObject | None:
    found = [o for o in session.catalog.objects(DROPPED, database, schema) if o.name.rpartition(" ")[0] == name]
    return max(found, key=lambda o: o.created_on, default=None)


def _forget(session: Session, stored: StoredObject) -> None:
    _remove_files(stored.definition)
    session.catalog.drop(DROPPED, stored.database, stored.schema, stored.name)


def _remove_files(record: dict[str, Any]) -> None:
    for entry in (record, *record.get("records", [])):
        if "rows" in entry:
            Path(entry["rows"]).unlink(missing_ok=True)


def _remove_counters(engine: Engine, record: dict[str, Any]) -> None:
    """Drop the sequences that a dropped table's AUTOINCREMENT columns took their numbers from."""
    duck = engine.duck_conn.cursor()
    for default in re.findall(r"nextval\('(?:[^']|'')+'\)", record.get("sql", "")):
        sequence = sequence_of(default)
        if sequence is not None and sequence.name.startswith(COUNTER) and sequence.database in engine.databases():
            with suppress(duckdb.DependencyException):  # a clone of the table counts on
                duck.execute(f"DROP SEQUENCE IF EXISTS {dotted(sequence.database, sequence.schema, sequence.name)}")
