"""Rewrite INFORMATION_SCHEMA.PACKAGES, PROCEDURES and FUNCTIONS to queries over what the endpoint has."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from typing import Any

import duckdb
from sqlglot import Expr, exp

from local_stack.endpoint.engine.engine import INFORMATION_SCHEMA
from local_stack.endpoint.features.procedures import registry
from local_stack.endpoint.features.procedures.definition import OWN_PACKAGES, RoutineKind
from local_stack.endpoint.language.names import stored
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.session import Session
from local_stack.endpoint.translation.context import Context, put_query

_KINDS: dict[str, RoutineKind] = {"PROCEDURES": "PROCEDURE", "FUNCTIONS": "FUNCTION"}
_PACKAGES = "_fs_global.local_objects.packages"
_RUNTIMES = ("3.10", "3.11", "3.12", "3.13")


def schema_views(expression: Expr, context: Context) -> Expr:
    """Rewrite each of the views, under its own name where the query gives it none."""
    for table in list(expression.find_all(exp.Table)):
        view = stored(table.this) if stored(table.args.get("db")) == INFORMATION_SCHEMA else ""
        if view == "PACKAGES":
            context.session.catalog.once("packages", _fill_packages)
            query = f"SELECT package_name, version, language, runtime_version FROM {_PACKAGES}"
        elif view in _KINDS:
            database = stored(table.args.get("catalog")) or context.database or ""
            query = _routines(_KINDS[view], database, context.session)
        else:
            continue
        if not table.alias:
            table.set("alias", exp.TableAlias(this=table.this.copy()))
        put_query(table, parse(query))
    return expression


def _fill_packages(connection: duckdb.DuckDBPyConnection) -> None:
    """Note the packages installed beside the endpoint: they are the ones that its handlers can import."""
    found = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()} | OWN_PACKAGES
    connection.execute(
        f"CREATE OR REPLACE TABLE {_PACKAGES}"
        " (package_name VARCHAR, version VARCHAR, language VARCHAR, runtime_version VARCHAR)"
    )
    rows = [[name, version, "python", runtime] for name, version in sorted(found.items()) for runtime in _RUNTIMES]
    connection.executemany(f"INSERT INTO {_PACKAGES} VALUES (?, ?, ?, ?)", rows)


def _routines(kind: RoutineKind, database: str, session: Session) -> str:
    names = (
        f"{kind}_CATALOG", f"{kind}_SCHEMA", f"{kind}_NAME", f"{kind}_OWNER", "ARGUMENT_SIGNATURE", "DATA_TYPE",
        f"{kind}_LANGUAGE", f"{kind}_DEFINITION", "CREATED", "COMMENT",
    )  # fmt: skip
    rows: list[Sequence[Any]] = []
    for found in registry.list_routines(kind, session):
        routine = found.routine
        hidden = session.grants.enforced and not session.access.sees(*found.securable)
        if database in ("", found.database) and not hidden:
            arguments = "(" + ", ".join(f"{p.name} {p.sql_type.family}" for p in routine.parameters) + ")"
            rows.append(
                (
                    found.database, found.schema, routine.name, routine.owner, arguments, routine.declared_return,
                    routine.language, routine.body, found.created_on.isoformat(), routine.comment or None,
                )
            )  # fmt: skip
    selects = ["SELECT " + ", ".join(_column(v, n) for v, n in zip(row, names, strict=True)) for row in rows]
    if not selects:
        selects = ["SELECT " + ", ".join(_column(None, name) for name in names) + " WHERE FALSE"]
    return " UNION ALL ".join(selects)


def _column(value: Any, name: str) -> str:
    text = "NULL" if value is None else quote_string(str(value))
    return f"{text}::{'TIMESTAMP_LTZ' if name == 'CREATED' else 'VARCHAR'} AS {name}"
