"""Attach policies to tables, users and the account, and set levels of logging.

These are ALTER TABLE … SET MASKING POLICY, ADD ROW ACCESS POLICY and SET AUTHENTICATION POLICY. Levels of logging are
set on schemas, databases and the account.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.errors import compilation_error, missing_object
from local_stack.endpoint.features.objects import securables
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.options import one_of
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result, unsupported

_KIND = "POLICY REFERENCE"
LEVELS = {
    "LOG_LEVEL": one_of("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"),
    "TRACE_LEVEL": one_of("ALWAYS", "ON_EVENT", "PROPAGATE", "OFF"),
    "METRIC_LEVEL": one_of("ALL", "NONE"),
}
_MENTIONS_POLICY = re.compile(r"\b(MASKING\s+POLICY|ROW\s+ACCESS\s+POLICY)", re.IGNORECASE)


def alter_table(sql: str, reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer ALTER {TABLE | VIEW} t {MODIFY COLUMN c SET MASKING POLICY p | ADD ROW ACCESS POLICY p ON (c) | …}."""
    if not _MENTIONS_POLICY.search(sql):
        return None
    kind = reader.accept_any("TABLE", "VIEW")
    if kind is None:
        return None
    reader.accept("IF", "EXISTS")
    parts = reader.name()
    if reader.accept_any("MODIFY", "ALTER"):
        reader.accept("COLUMN")
        column = reader.identifier()
        return _masking(reader, parts, column, session)
    verb = reader.accept_any("ADD", "DROP")
    if verb is None or not reader.accept("ROW", "ACCESS", "POLICY"):
        raise reader.unexpected()
    policy = reader.name()
    columns: list[str] = []
    if verb == "ADD":
        reader.expect("ON")
        columns = [c.strip().strip('"').upper() for c in reader.comma_separated()]
    reader.expect_end()

    def run() -> Result:
        table = _table(parts, session)
        stored = _policy("ROW ACCESS POLICY", policy, session)
        for column in columns:
            _require_column(table, column, session)
        if verb == "ADD" and len(columns) != len(stored.definition["properties"]["ARGUMENTS"]):
            raise compilation_error(
                f"Row access policy {stored.name} takes {len(stored.definition['properties']['ARGUMENTS'])} columns, "
                f"got {len(columns)}.",
                3551,
                "42601",
            )
        _set_reference(table, "", stored if verb == "ADD" else None, session, columns, force=False)
        return Result.succeeded()

    return run


def _masking(reader: Reader, parts: tuple[str, ...], column: str, session: Session) -> Callable[[], Result]:
    if reader.accept("UNSET", "MASKING", "POLICY"):
        reader.expect_end()

        def unset() -> Result:
            _set_reference(_table(parts, session), column, None, session, [], force=True)
            return Result.succeeded()

        return unset
    reader.expect("SET", "MASKING", "POLICY")
    name = reader.name()
    using = [c.strip().strip('"').upper() for c in reader.comma_separated()] if reader.accept("USING") else [column]
    force = reader.accept("FORCE")
    reader.expect_end()

    def set_policy() -> Result:
        table = _table(parts, session)
        policy = _policy("MASKING POLICY", name, session)
        for used in {column, *using}:
            _require_column(table, used, session)
        _set_reference(table, column, policy, session, using, force)
        return Result.succeeded()

    return set_policy


def _policy(kind: str, parts: tuple[str, ...], session: Session) -> StoredObject:
    place = session.resolve(parts)
    stored = session.catalog.get(kind, place.database, place.schema, place.name)
    if stored is None:
        raise missing_object(kind, ".".join(parts))
    return stored


def alter_authentication(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer ALTER {ACCOUNT | USER [IF EXISTS] name} {SET AUTHENTICATION POLICY p [FORCE] | UNSET …}."""
    scope = reader.accept_any("ACCOUNT", "USER")
    if scope is None:
        return None
    if_exists = reader.accept("IF", "EXISTS")
    parts = reader.name() if scope == "USER" else ()
    verb = reader.accept_any("SET", "UNSET")
    if verb is None or not reader.accept("AUTHENTICATION", "POLICY"):
        return None
    reader.accept("=")
    name = reader.name() if verb == "SET" else ()
    force = reader.accept("FORCE")
    reader.expect_end()

    def run() -> Result:
        if if_exists and session.catalog.get("USER", "", "", parts[0]) is None:
            return Result.succeeded()
        holder = securables.user(parts, session) if scope == "USER" else ""
        policy = _policy("AUTHENTICATION POLICY", name, session) if verb == "SET" else None
        _set_reference(SchemaName("", "", holder), "", policy, session, [], force)
        return Result.succeeded()

    return run


def forget_user(user: str, session: Session) -> None:
    """Remove the authentication policy of a user who is dropped."""
    session.catalog.drop(_KIND, "", "", f"{user}.")


def _table(parts: tuple[str, ...], session: Session) -> SchemaName:
    place = session.resolve(parts)
    session.require_schema(place)
    query = "SELECT 1 FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ?"
    if session.engine.duck_conn.cursor().execute(query, [place.database, place.schema, place.name]).fetchone() is None:
        raise missing_object("Table", ".".join(parts))
    return place


def _require_column(table: SchemaName, column: str, session: Session) -> None:
    query = "SELECT 1 FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ? AND column_name = ?"
    values = [table.database, table.schema, table.name, column]
    if session.engine.duck_conn.cursor().execute(query, values).fetchone() is None:
        raise compilation_error(f"column '{column}' does not exist", 904, "42000")


def _set_reference(
    table: SchemaName, column: str, policy: StoredObject | None, session: Session, given: list[str], force: bool
) -> None:
    """Set or remove the policy of a column or of a table's rows.

    A column has at most one policy, and so do a table's rows. `column` is '' for a row access policy. `given` lists the
    columns that are passed to the policy's arguments.
    """
    name = f"{table.name}.{column}"
    existing = session.catalog.get(_KIND, table.database, table.schema, name)
    if policy is None:
        session.catalog.drop(_KIND, table.database, table.schema, name)
        return
    if existing is not None and not force and existing.definition["policy"] != policy.full_name:
        raise compilation_error(
            f"Specified column or table already has a policy: {existing.definition['policy']}. Unset it first, or use FORCE.",
            3545,
            "23001",
        )
    session.catalog.put(
        _KIND, table.database, table.schema, name,
        {"policy": policy.full_name, "policy_kind": policy.kind, "table": table.name, "column": column, "given": given},
    )  # fmt: skip


def alter_levels(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer ALTER {ACCOUNT | DATABASE d | SCHEMA s} SET LOG_LEVEL = … and the like.

    Return None for other properties.
    """
    scope = reader.accept_any("ACCOUNT", "DATABASE", "SCHEMA")
    if scope is None:
        return None
    parts: tuple[str, ...] = ()
    if scope != "ACCOUNT":
        reader.accept("IF", "EXISTS")
        parts = reader.name()
    verb = reader.accept_any("SET", "UNSET")
    if verb is None or (reader.token.upper not in LEVELS and reader.token.upper != "EVENT_TABLE"):
        if scope == "ACCOUNT" and verb is not None:
            raise unsupported(f"ALTER ACCOUNT {verb} {reader.token.upper}")
        return None
    values: dict[str, str | None] = {}
    while not reader.at_end():
        name = reader.next().upper
        if name not in LEVELS and name != "EVENT_TABLE":
            raise reader.unexpected()
        if verb == "SET":
            reader.expect("=")
            values[name] = ".".join(reader.name()) if name == "EVENT_TABLE" else LEVELS[name](reader)
        else:
            values[name] = None
        reader.accept(",")

    def run() -> Result:
        place = ("", "", "")
        if scope == "SCHEMA":
            found = session.resolve((*parts, "-"))
            session.require_schema(found)
            place = (found.database, found.schema, "")
        elif scope == "DATABASE":
            if parts[0] not in session.engine.databases():
                raise missing_object("Database", parts[0])
            place = (parts[0], "", "")
        stored = session.catalog.get("LEVELS", *place)
        merged = {**(stored.definition if stored else {}), **values}
        session.catalog.put("LEVELS", *place, {k: v for k, v in merged.items() if v is not None})
        return Result.succeeded()

    return run
