"""Keep what handlers log and trace, and answer SNOWFLAKE.TELEMETRY.EVENTS, the account's event table.

A row is there when its CALL has ended, whatever becomes of the transaction. ALTER … SET EVENT_TABLE changes nothing here.
See: https://docs.snowflake.com/en/developer-guide/logging-tracing/event-table-columns
and https://docs.snowflake.com/en/developer-guide/logging-tracing/telemetry-levels
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
from sqlglot import Expr, exp

from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.language.names import stored
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.session import Session
from local_stack.endpoint.translation.context import Context, put_query

_TABLE = "_fs_global.local_objects.events"
# From the quietest on: of an object's level and the session's, the more verbose counts.
_VERBOSITY = {
    "LOG_LEVEL": ("OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"),
    "TRACE_LEVEL": ("OFF", "PROPAGATE", "ON_EVENT", "ALWAYS"),
}
_OBJECTS = ("trace", "resource_attributes", "scope", "record", "record_attributes")
_VIEW = f"""SELECT
    timestamp, start_timestamp, timestamp AS observed_timestamp, PARSE_JSON(trace) AS trace,
    NULL::VARIANT AS resource, PARSE_JSON(resource_attributes) AS resource_attributes, PARSE_JSON(scope) AS scope,
    NULL::VARIANT AS scope_attributes, record_type, PARSE_JSON(record) AS record,
    PARSE_JSON(record_attributes) AS record_attributes, TO_VARIANT(value) AS value, NULL::VARIANT AS exemplars
FROM {_TABLE}"""


def levels(found: FoundRoutine, session: Session) -> dict[str, str]:
    """Return the levels in effect for a CALL: each that of the nearest object that has one, or the session's if more verbose."""
    routine = found.routine
    given: dict[str, str] = {"LOG_LEVEL": routine.log_level, "TRACE_LEVEL": routine.trace_level}
    for place in ((found.database, found.schema, ""), (found.database, "", ""), ("", "", "")):
        kept = session.catalog.get("LEVELS", *place)
        given = {name: level or (kept.definition.get(name, "") if kept else "") for name, level in given.items()}
    return {
        name: max(level or "OFF", session.parameter(name).upper(), key=_VERBOSITY[name].index)
        for name, level in given.items()
    }


def keep(rows: Sequence[Mapping[str, Any]], found: FoundRoutine, session: Session) -> None:
    """Store what a call has recorded."""
    if not rows:
        return
    session.catalog.once("events", _make_table)
    routine = found.routine
    source = {
        "db.user": session.user,
        "snow.database.name": found.database,
        "snow.schema.name": found.schema,
        "snow.executable.name": f"{routine.name}({', '.join(f'{p.name} {p.sql_type.family}' for p in routine.parameters)})",
        "snow.executable.type": routine.kind,
        "snow.session.role.primary.name": session.role,
        "snow.warehouse.name": session.warehouse,
    }
    values = [
        [row["timestamp"], row["start_timestamp"], row["record_type"], row["value"], *map(_json, _objects(row, source))]
        for row in rows
    ]
    with session.catalog.connection() as connection:
        marks = f"(make_timestamp(?), make_timestamp(?), ?, ?, {', '.join('?' * len(_OBJECTS))})"
        marked = ", ".join([marks] * len(values))
        connection.execute(f"INSERT INTO {_TABLE} VALUES {marked}", list(itertools.chain(*values)))


def event_table(expression: Expr, context: Context) -> Expr:
    """Rewrite the event table to a query over what was kept. Raises SqlError 002003 for all but the account's administrator."""
    for table in list(expression.find_all(exp.Table)):
        parts = tuple(stored(table.args.get(part)) for part in ("catalog", "db", "this"))
        if parts != ("SNOWFLAKE", "TELEMETRY", "EVENTS"):
            continue
        session = context.session
        if session.grants.enforced and ("ROLE", "ACCOUNTADMIN") not in session.access.holders:
            raise missing_object("Object", ".".join(parts))
        session.catalog.once("events", _make_table)
        if not table.alias:
            table.set("alias", exp.TableAlias(this=table.this.copy()))
        put_query(table, parse(_VIEW))
    return expression


def _make_table(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_TABLE} (timestamp TIMESTAMP, start_timestamp TIMESTAMP, record_type VARCHAR,"
        f" value VARCHAR, {', '.join(f'{name} VARCHAR' for name in _OBJECTS)})"
    )


def _objects(row: Mapping[str, Any], source: Mapping[str, Any]) -> list[Any]:
    return [{**row, "resource_attributes": source}[name] for name in _OBJECTS]


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, default=str)
