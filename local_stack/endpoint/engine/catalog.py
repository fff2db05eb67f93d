"""Keep the registry of objects that DuckDB has no word for: procedures, tasks, stages, roles, integrations, …

One table of documents in the endpoint's own database. It has a connection of its own, so that a change neither joins nor
breaks a session's transaction: in Snowflake every DDL is a transaction of its own.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb

from local_stack.endpoint.statements import SqlError

T = TypeVar("T")
_TABLE = "_fs_global.local_objects.objects"
_KEY = "kind = ? AND database_name = ? AND schema_name = ? AND name = ?"
Place = tuple[str, str, str]
_Document = tuple[str, dt.datetime]  # the definition as JSON, and when it was created (UTC)


@dataclass(frozen=True)
class StoredObject:
    """Hold one object. kind: 'STAGE', 'PROCEDURE', …; database and schema are '' for account objects; names as stored
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
    """Keep objects by (kind, database, schema, name). Thread-safe; every change is durable when the call returns.

    One endpoint owns the table, so what it holds is read once and then answered from memory.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection.cursor()
        self._lock = threading.RLock()
        self._version = 0
        self._made: set[str] = set()
        self._cache: dict[str, tuple[int, Any]] = {}
        self._connection.execute("CREATE SCHEMA IF NOT EXISTS _fs_global.local_objects")
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {_TABLE} (kind VARCHAR, database_name VARCHAR, schema_name VARCHAR, name VARCHAR,"
            " definition VARCHAR, created_on TIMESTAMP)"
        )
        self._by_kind: dict[str, dict[Place, _Document]] = {}
        for kind, *place, definition, created_on in self._connection.execute(
            f"SELECT kind, database_name, schema_name, name, definition, created_on FROM {_TABLE}"
        ).fetchall():
            self._of(kind)[tuple(place)] = (definition, created_on.replace(tzinfo=dt.UTC))

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield the registry's own DuckDB connection, locked: for a family's own tables (schema _fs_global.local_objects)."""
        with self._lock:
            yield self._connection

    def once(self, name: str, make: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
        """Make something in the registry's database, the first time that it is asked for."""
        with self._lock:
            if name not in self._made:
                make(self._connection)
                self._made.add(name)

    def cached(self, key: str, make: Callable[[], T]) -> T:
        """Return a value that holds until an object is stored, changed or removed."""
        version = self._version
        found = self._cache.get(key)
        if found is None or found[0] != version:
            found = self._cache[key] = (version, make())
        value: T = found[1]
        return value

    def get(self, kind: str, database: str, schema: str, name: str) -> StoredObject | None:
        """Return an object, or None."""
        place = (database, schema, name)
        document = self._by_kind.get(kind, {}).get(place)
        return None if document is None else _stored(kind, place, document)

    def objects(self, kind: str, database: str | None = None, schema: str | None = None) -> list[StoredObject]:
        """Return all objects of a kind, by name; of one database and one schema where given."""
        with self._lock:
            found = sorted(self._by_kind.get(kind, {}).items(), key=lambda item: item[0])
        return [
            _stored(kind, place, document)
            for place, document in found
            if database in (None, place[0]) and schema in (None, place[1])
        ]

    def put(
        self, kind: str, database: str, schema: str, name: str, definition: dict[str, Any], *, replace: bool = True
    ) -> StoredObject:
        """Store an object. With replace=False an existing one is an error (Snowflake 002002)."""
        place = (database, schema, name)
        with self._lock:
            existing = self.get(kind, *place)
            if existing and not replace:
                raise SqlError(f"SQL compilation error:\nObject '{existing.full_name}' already exists.", 2002, "42710")
            now = dt.datetime.now(dt.UTC)
            text = json.dumps(definition)
            self._version += 1
            self._connection.execute("BEGIN")
            try:
                self._connection.execute(f"DELETE FROM {_TABLE} WHERE {_KEY}", [kind, *place])
                self._connection.execute(
                    f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?, ?, ?)", [kind, *place, text, now.replace(tzinfo=None)]
                )
                self._connection.execute("COMMIT")
            except duckdb.Error:
                self._connection.execute("ROLLBACK")
                raise
            self._of(kind)[place] = (text, now)
            return _stored(kind, place, (text, now))

    def update(self, stored: StoredObject, definition: dict[str, Any]) -> None:
        """Replace an object's definition, keeping its creation time."""
        place, text = (stored.database, stored.schema, stored.name), json.dumps(definition)
        with self._lock:
            document = self._of(stored.kind).get(place)
            if document is None:
                return
            self._version += 1
            self._connection.execute(f"UPDATE {_TABLE} SET definition = ? WHERE {_KEY}", [text, stored.kind, *place])
            self._of(stored.kind)[place] = (text, document[1])

    def drop(self, kind: str, database: str, schema: str, name: str) -> bool:
        """Remove an object; False when there was none."""
        place = (database, schema, name)
        with self._lock:
            if place not in self._of(kind):
                return False
            self._version += 1
            self._connection.execute(f"DELETE FROM {_TABLE} WHERE {_KEY}", [kind, *place])
            del self._of(kind)[place]
            return True

    def all_in(self, database: str, schema: str | None = None) -> list[StoredObject]:
        """Return every object of a database or schema, of any kind, by name."""
        with self._lock:
            found = [stored for kind in self._by_kind for stored in self.objects(kind, database, schema)]
        return sorted(found, key=lambda stored: (stored.schema, stored.name))

    def drop_container(self, database: str, schema: str | None = None) -> None:
        """Remove every object of a dropped database or schema; what UNDROP needs stays."""
        with self._lock:
            for stored in self.all_in(database, schema):
                if stored.kind != "DROPPED":
                    self.drop(stored.kind, stored.database, stored.schema, stored.name)

    def _of(self, kind: str) -> dict[Place, _Document]:
        return self._by_kind.setdefault(kind, {})

    def change(self, kind: str, removed: Iterable[str], put: Mapping[str, dict[str, Any]]) -> dict[str, StoredObject]:
        """Remove account objects of a kind and store others, by name, in one transaction; those that exist keep their time."""
        with self._lock:
            documents, now = self._of(kind), dt.datetime.now(dt.UTC)
            gone = [place for name in removed if (place := ("", "", name)) in documents]
            new: dict[Place, _Document] = {}
            for name, definition in put.items():
                kept = documents.get(("", "", name))
                new["", "", name] = json.dumps(definition), kept[1] if kept else now
            self._connection.execute("BEGIN")
            try:
                for place in (*gone, *(place for place in new if place in documents)):
                    self._connection.execute(f"DELETE FROM {_TABLE} WHERE {_KEY}", [kind, *place])
                for place, (text, created_on) in new.items():
                    self._connection.execute(
                        f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?, ?, ?)",
                        [kind, *place, text, created_on.replace(tzinfo=None)],
                    )
                self._connection.execute("COMMIT")
            except duckdb.Error:
                self._connection.execute("ROLLBACK")
                raise
            for place in gone:
                del documents[place]
            documents.update(new)
            return {place[2]: _stored(kind, place, document) for place, document in new.items()}

    def recorded_owners(self) -> dict[tuple[str, str], str]:
        """Return the owner that the definition of an object names, by its kind and full name."""
        found: dict[tuple[str, str], str] = {}
        for kind in list(self._by_kind):
            for stored in self.objects(kind):
                if isinstance(stored.definition, dict) and stored.definition.get("owner"):
                    found[kind, stored.full_name] = str(stored.definition["owner"])
        return found


def _stored(kind: str, place: Place, document: _Document) -> StoredObject:
    """Return an object whose definition is the caller's own."""
    text, created_on = document
    return StoredObject(kind, *place, json.loads(text), created_on)
