"""The persisted registry of objects that DuckDB has no word for: procedures, tasks, stages, roles, integrations, …

One table of documents in the endpoint's own database, written through an own connection, so that it neither joins nor
breaks a session's transaction (in Snowflake every DDL is a transaction of its own).
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from local_stack.endpoint.statements import SqlError

_TABLE = "_fs_global.local_objects.objects"


@dataclass(frozen=True)
class StoredObject:
    """One object. kind: 'STAGE', 'PROCEDURE', …; database and schema are '' for account objects; names as stored
    (unquoted identifiers in upper case). created_on: UTC. definition: JSON-able."""

    kind: str
    database: str
    schema: str
    name: str
    definition: dict[str, Any]
    created_on: dt.datetime

    @property
    def full_name(self) -> str:
        return ".".join(part for part in (self.database, self.schema, self.name) if part)


class Catalog:
    """Objects by (kind, database, schema, name). Thread-safe; every change is durable when the call returns."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection.cursor()
        self._lock = threading.RLock()
        self._connection.execute("CREATE SCHEMA IF NOT EXISTS _fs_global.local_objects")
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {_TABLE} (kind VARCHAR, database_name VARCHAR, schema_name VARCHAR, name VARCHAR,"
            " definition VARCHAR, created_on TIMESTAMP)"
        )

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The registry's own DuckDB connection, locked: for an extension's own tables (schema _fs_global.local_objects)."""
        with self._lock:
            yield self._connection

    def get(self, kind: str, database: str, schema: str, name: str) -> StoredObject | None:
        found = self._select(
            "kind = ? AND database_name = ? AND schema_name = ? AND name = ?", kind, database, schema, name
        )
        return found[0] if found else None

    def objects(self, kind: str, database: str | None = None, schema: str | None = None) -> list[StoredObject]:
        """All objects of a kind, by name; of one database and one schema where given."""
        condition, values = "kind = ?", [kind]
        if database is not None:
            condition, values = condition + " AND database_name = ?", [*values, database]
        if schema is not None:
            condition, values = condition + " AND schema_name = ?", [*values, schema]
        return self._select(condition, *values)

    def put(
        self, kind: str, database: str, schema: str, name: str, definition: dict[str, Any], *, replace: bool = True
    ) -> StoredObject:
        """Store an object. With replace=False an existing one is an error (Snowflake 002002)."""
        with self._lock:
            existing = self.get(kind, database, schema, name)
            if existing and not replace:
                raise SqlError(f"SQL compilation error:\nObject '{existing.full_name}' already exists.", 2002, "42710")
            now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
            self._connection.execute("BEGIN")
            try:
                self._remove(kind, database, schema, name)
                self._connection.execute(
                    f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?, ?, ?)",
                    [kind, database, schema, name, json.dumps(definition), now],
                )
                self._connection.execute("COMMIT")
            except duckdb.Error:
                self._connection.execute("ROLLBACK")
                raise
            return StoredObject(kind, database, schema, name, definition, now.replace(tzinfo=dt.UTC))

    def update(self, stored: StoredObject, definition: dict[str, Any]) -> None:
        """Replace an object's definition, keeping its creation time."""
        with self._lock:
            self._connection.execute(
                f"UPDATE {_TABLE} SET definition = ? WHERE kind = ? AND database_name = ? AND schema_name = ? AND name = ?",
                [json.dumps(definition), stored.kind, stored.database, stored.schema, stored.name],
            )

    def drop(self, kind: str, database: str, schema: str, name: str) -> bool:
        """Remove an object; False when there was none."""
        with self._lock:
            existed = self.get(kind, database, schema, name) is not None
            self._remove(kind, database, schema, name)
            return existed

    def all_in(self, database: str, schema: str | None = None) -> list[StoredObject]:
        """Every object of a database or schema, of any kind."""
        if schema is None:
            return self._select("database_name = ?", database)
        return self._select("database_name = ? AND schema_name = ?", database, schema)

    def drop_container(self, database: str, schema: str | None = None) -> None:
        """Remove every object of a dropped database or schema; what UNDROP needs stays."""
        with self._lock:
            condition, values = "kind <> 'DROPPED' AND database_name = ?", [database]
            if schema is not None:
                condition, values = condition + " AND schema_name = ?", [database, schema]
            self._connection.execute(f"DELETE FROM {_TABLE} WHERE {condition}", values)

    def _remove(self, kind: str, database: str, schema: str, name: str) -> None:
        self._connection.execute(
            f"DELETE FROM {_TABLE} WHERE kind = ? AND database_name = ? AND schema_name = ? AND name = ?",
            [kind, database, schema, name],
        )

    def _select(self, condition: str, *values: str) -> list[StoredObject]:
        with self._lock:
            rows = self._connection.execute(
                f"SELECT kind, database_name, schema_name, name, definition, created_on FROM {_TABLE} WHERE {condition}"
                " ORDER BY database_name, schema_name, name",
                list(values),
            ).fetchall()
        return [StoredObject(k, d, s, n, json.loads(doc), at.replace(tzinfo=dt.UTC)) for k, d, s, n, doc, at in rows]
