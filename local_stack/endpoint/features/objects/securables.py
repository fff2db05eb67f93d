"""Name what privileges are granted on.

This module knows the kinds of objects and the privileges of each. It checks whether a named object exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local_stack.endpoint.engine.access import SNOWFLAKE_ROLES
from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.objects import store
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.types import read_signature
from local_stack.endpoint.session import Session

_TABLE = frozenset(
    {
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "TRUNCATE",
        "REFERENCES",
        "REBUILD",
        "EVOLVE SCHEMA",
        "APPLYBUDGET",
        "OWNERSHIP",
    }
)
_USAGE = frozenset({"USAGE", "OWNERSHIP"})
_IN_SCHEMAS = (
    "ALERT", "AUTHENTICATION POLICY", "DBT PROJECT", "DYNAMIC TABLE", "EXTERNAL TABLE", "FILE FORMAT", "FUNCTION",
    "ICEBERG TABLE", "MASKING POLICY", "MATERIALIZED VIEW", "NETWORK RULE", "PIPE", "PROCEDURE", "ROW ACCESS POLICY", "SECRET",
    "SEQUENCE", "STAGE", "STREAM", "TABLE", "TAG", "TASK", "VIEW",
)  # fmt: skip
PRIVILEGES: dict[str, frozenset[str]] = {
    "ACCOUNT": frozenset(
        {
            "APPLY AUTHENTICATION POLICY",
            "APPLY MASKING POLICY", "APPLY ROW ACCESS POLICY", "APPLY TAG", "ATTACH POLICY", "CREATE API INTEGRATION",
            "CREATE DATABASE", "CREATE EXTERNAL ACCESS INTEGRATION", "CREATE INTEGRATION", "CREATE NETWORK POLICY", "CREATE ROLE",
            "CREATE SHARE", "CREATE USER", "CREATE WAREHOUSE", "EXECUTE ALERT", "EXECUTE MANAGED ALERT", "EXECUTE MANAGED TASK",
            "EXECUTE TASK", "IMPORT SHARE", "MANAGE ACCOUNT SUPPORT CASES", "MANAGE GRANTS", "MANAGE USER SUPPORT CASES",
            "MANAGE WAREHOUSES", "MODIFY LOG LEVEL", "MODIFY METRIC LEVEL", "MODIFY SESSION LOG LEVEL",
            "MODIFY SESSION TRACE LEVEL",
            "MODIFY TRACE LEVEL", "MONITOR", "MONITOR EXECUTION", "MONITOR SECURITY", "MONITOR USAGE",
            "OVERRIDE SHARE RESTRICTIONS",
            "PURCHASE DATA EXCHANGE LISTING", "READ SESSION",
        }
    ),
    "DATABASE": frozenset(
        {"USAGE", "MONITOR", "MODIFY", "REFERENCE_USAGE", "CREATE SCHEMA", "CREATE DATABASE ROLE", "APPLYBUDGET", "OWNERSHIP"}
    ),
    "SCHEMA": frozenset(
        {"USAGE", "MONITOR", "MODIFY", "ADD SEARCH OPTIMIZATION", "APPLYBUDGET", "OWNERSHIP"}
        | {f"CREATE {kind}" for kind in _IN_SCHEMAS}
    ),
    "TABLE": _TABLE, "EXTERNAL TABLE": frozenset({"SELECT", "REFERENCES", "OWNERSHIP"}),
    "VIEW": frozenset({"SELECT", "REFERENCES", "INSERT", "UPDATE", "DELETE", "OWNERSHIP"}),
    "MATERIALIZED VIEW": frozenset({"SELECT", "REFERENCES", "OWNERSHIP"}),
    "DYNAMIC TABLE": frozenset({"SELECT", "MONITOR", "OPERATE", "OWNERSHIP"}),
    "ICEBERG TABLE": _TABLE,
    "PROCEDURE": _USAGE, "FUNCTION": _USAGE, "SEQUENCE": _USAGE, "FILE FORMAT": _USAGE, "INTEGRATION": _USAGE,
    "STAGE": frozenset({"USAGE", "READ", "WRITE", "OWNERSHIP"}),
    "STREAM": frozenset({"SELECT", "OWNERSHIP"}),
    "TASK": frozenset({"MONITOR", "OPERATE", "OWNERSHIP"}),
    "ALERT": frozenset({"MONITOR", "OPERATE", "OWNERSHIP"}),
    "DBT PROJECT": frozenset({"USAGE", "MONITOR", "OWNERSHIP"}),
    "PIPE": frozenset({"MONITOR", "OPERATE", "OWNERSHIP"}),
    "SECRET": frozenset({"USAGE", "READ", "OWNERSHIP"}),
    "NETWORK RULE": _USAGE,
    "NETWORK POLICY": frozenset({"USAGE", "OWNERSHIP"}),
    "TAG": frozenset({"APPLY", "READ", "OWNERSHIP"}),
    "AUTHENTICATION POLICY": frozenset({"OWNERSHIP"}),
    "MASKING POLICY": frozenset({"APPLY", "OWNERSHIP"}),
    "ROW ACCESS POLICY": frozenset({"APPLY", "OWNERSHIP"}),
    "WAREHOUSE": frozenset({"USAGE", "OPERATE", "MONITOR", "MODIFY", "APPLYBUDGET", "OWNERSHIP"}),
    "RESOURCE MONITOR": frozenset({"MONITOR", "MODIFY", "OWNERSHIP"}),
    "USER": frozenset({"MONITOR", "OWNERSHIP"}),
    "ROLE": frozenset({"USAGE", "OWNERSHIP"}),
    "DATABASE ROLE": frozenset({"USAGE", "OWNERSHIP"}),
}  # fmt: skip
_IRREGULAR_PLURALS = {
    "AUTHENTICATION POLICIES": "AUTHENTICATION POLICY",
    "MASKING POLICIES": "MASKING POLICY",
    "ROW ACCESS POLICIES": "ROW ACCESS POLICY",
}
_PLURALS = {(kind + "S"): kind for kind in PRIVILEGES} | _IRREGULAR_PLURALS
_ACCOUNT_KINDS = frozenset({"WAREHOUSE", "INTEGRATION", "RESOURCE MONITOR", "USER", "ROLE", "NETWORK POLICY"})
# For each kind that DuckDB keeps, the catalog function and the name column.
_IN_DUCKDB = {
    "TABLE": ("duckdb_tables()", "table_name"),
    "VIEW": ("duckdb_views()", "view_name"),
    "SEQUENCE": ("duckdb_sequences()", "sequence_name"),
}


@dataclass(frozen=True)
class Securable:
    """Hold the kind of an object and its full name, as SHOW GRANTS lists it."""

    kind: str
    name: str


def role(parts: tuple[str, ...], session: Session) -> str:
    """Return the name of an account role, or of a database role (db.role).

    Raises SqlError 002003 where it does not exist.
    """
    if len(parts) == 2:
        return database_role(parts, session)
    store.require_role(parts[0], session)
    return parts[0]


def database_role(parts: tuple[str, ...], session: Session) -> str:
    database = parts[0] if len(parts) == 2 else session.database or ""
    if (database, parts[-1]) in SNOWFLAKE_ROLES:
        return f"{database}.{parts[-1]}"
    if session.catalog.get("DATABASE ROLE", database, "", parts[-1]) is None:
        raise missing_object("Database role", ".".join(parts))
    return f"{database}.{parts[-1]}"


def user(parts: tuple[str, ...], session: Session) -> str:
    if parts[0] != session.user and session.catalog.get("USER", "", "", parts[0]) is None:
        raise missing_object("User", parts[0])
    return parts[0]


def read_targets(reader: Reader, session: Session) -> tuple[str, Callable[[], list[Securable]], str]:
    """Read what follows ON: ACCOUNT, a named object, ALL <kinds> IN …, or FUTURE <kinds> IN …"""
    if reader.accept("ACCOUNT"):
        return "ACCOUNT", lambda: [Securable("ACCOUNT", session.user and "LOCAL")], ""
    if quantifier := reader.accept_any("ALL", "FUTURE"):
        kind = _kind(reader, _PLURALS)
        reader.expect("IN")
        scope = reader.accept_any("SCHEMA", "DATABASE")
        if scope is None:
            raise reader.unexpected()
        database, schema = _scope(scope, reader.name(), session)
        if quantifier == "FUTURE":
            name = f"{database}.{schema}" if schema else database
            return kind, lambda: [Securable(kind, name)], scope
        return kind, lambda: _existing(kind, database, schema, session), ""
    target = _relation(reader, session) if _names_no_kind(reader) else None
    if target is None:
        target = _named(_kind(reader, {k: k for k in PRIVILEGES}), reader, session)
    return target.kind, lambda: [target], ""


def _names_no_kind(reader: Reader) -> bool:
    """Return whether a name stands where the kind of an object may be left out: then it is a table or a view."""
    known = any(reader.looking_at(*kind.split()) for kind in PRIVILEGES)
    follows = reader.peek()
    ends = follows.kind == "end" or follows.text == "." or follows.upper in ("TO", "FROM")
    return reader.token.kind in ("word", "quoted") and (not known or ends)


def _relation(reader: Reader, session: Session) -> Securable:
    """Name a table or a view. Raises SqlError 002003 where there is none."""
    place = session.resolve(reader.name())
    kind = session.relation_kind(place)
    if kind is None:
        raise missing_object("Object", str(place))
    return Securable(kind, f"{place.database}.{place.schema}.{place.name}")


def _kind(reader: Reader, kinds: dict[str, str]) -> str:
    for words in sorted(kinds, key=lambda k: -len(k.split())):
        if reader.accept(*words.split()):
            return kinds[words]
    raise reader.unexpected()


def _scope(scope: str, parts: tuple[str, ...], session: Session) -> tuple[str, str | None]:
    if scope == "DATABASE":
        if parts[0] not in session.engine.databases():
            raise missing_object("Database", parts[0])
        return parts[0], None
    place = session.resolve((*parts, "-"))
    session.require_schema(place)
    return place.database, place.schema


def _named(kind: str, reader: Reader, session: Session) -> Securable:
    parts = reader.name()
    shown = ".".join(parts)
    if kind in ("PROCEDURE", "FUNCTION"):
        return _routine(kind, parts, reader, session)
    if kind == "DATABASE":
        if parts[0] not in session.engine.databases():
            raise missing_object("Database", shown)
        return Securable(kind, parts[0])
    if kind == "SCHEMA":
        place = session.resolve((*parts, "-"))
        session.require_schema(place)
        return Securable(kind, f"{place.database}.{place.schema}")
    if kind == "ROLE":
        return Securable(kind, role(parts, session))
    if kind == "DATABASE ROLE":
        return Securable(kind, database_role(parts, session))
    if kind == "WAREHOUSE":
        store.require_warehouse(parts[0], session)
        return Securable(kind, parts[0])
    if kind in _ACCOUNT_KINDS:
        if session.catalog.get(kind, "", "", parts[0]) is None and not (kind == "USER" and parts[0] == session.user):
            raise missing_object(kind, shown)
        return Securable(kind, parts[0])
    place = session.resolve(parts)
    if not any(
        found.name == f"{place.database}.{place.schema}.{place.name}"
        for found in _existing(kind, place.database, place.schema, session)
    ):
        raise missing_object(kind, shown)
    return Securable(kind, f"{place.database}.{place.schema}.{place.name}")


def _routine(kind: str, parts: tuple[str, ...], reader: Reader, session: Session) -> Securable:
    """Name a procedure or function with its argument types."""
    signature = read_signature(reader)
    place: SchemaName = session.resolve(parts)
    stored_name = place.name + signature
    if session.catalog.get(kind, place.database, place.schema, stored_name) is None:
        raise missing_object(kind, ".".join(parts) + signature)
    return Securable(kind, f"{place.database}.{place.schema}.{stored_name}")


def _existing(kind: str, database: str, schema: str | None, session: Session) -> list[Securable]:
    """Return every object of a kind in a database or schema."""
    if kind in _IN_DUCKDB:
        function, column = _IN_DUCKDB[kind]
        condition = "database_name = ?" + ("" if schema is None else " AND schema_name = ?")
        if kind == "VIEW":
            condition += " AND NOT internal"
        rows = (
            session.engine.duck_conn.cursor()
            .execute(
                f"SELECT database_name, schema_name, {column} FROM {function} WHERE {condition}"
                " AND NOT starts_with(lower(schema_name), '_fs')",
                [database] if schema is None else [database, schema],
            )
            .fetchall()
        )
        return [Securable(kind, ".".join(row)) for row in rows]
    if kind == "SCHEMA":
        rows = (
            session.engine.duck_conn.cursor()
            .execute(
                "SELECT database_name, schema_name FROM duckdb_schemas() WHERE database_name = ? AND NOT internal",
                [database],
            )
            .fetchall()
        )
        return [Securable(kind, ".".join(row)) for row in rows if not str(row[1]).lower().startswith("_fs")]
    return [Securable(kind, stored.full_name) for stored in session.catalog.objects(kind, database, schema)]
