"""Rewrite table functions of INFORMATION_SCHEMA to the queries that they stand for.

See: https://docs.snowflake.com/en/sql-reference/info-schema (table functions)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, unsupported
from local_stack.endpoint.translation.context import Context, Rewrite, put_query

# A function's arguments by name, as SQL, and what gives the query in Snowflake's SQL.
Arguments = Mapping[str, str]
Functions = Mapping[str, Callable[[Arguments, Session], str]]
# For functions whose arguments may be positional.
_POSITIONAL = {
    "TASK_DEPENDENTS": ("TASK_NAME", "RECURSIVE"),
    **dict.fromkeys(("TAG_REFERENCES", "TAG_REFERENCES_ALL_COLUMNS"), ("OBJECT_NAME", "OBJECT_DOMAIN")),
}


def information_functions(functions: Functions) -> Rewrite:
    """Return the rewrite of `TABLE([db.]INFORMATION_SCHEMA.TASK_HISTORY(…))` and its like."""

    def rewrite(expression: Expr, context: Context) -> Expr:
        for node in list(expression.find_all(exp.TableFromRows)):
            function = node.this.expression if isinstance(node.this, exp.Dot) else node.this
            name = str(function.this).upper() if isinstance(function, exp.Anonymous) else ""
            if name in functions:
                query = functions[name](_arguments(function, name), context.session)
                put_query(node, sqlglot.parse_one(query, read="snowflake").unnest())
            elif name and isinstance(node.this, exp.Dot) and "INFORMATION_SCHEMA" in node.this.this.sql().upper():
                raise unsupported(f"INFORMATION_SCHEMA.{name}")
        return expression

    return rewrite


def _arguments(function: exp.Anonymous, name: str) -> dict[str, str]:
    """Return a call's arguments by name, as SQL. Raises SqlError for one that has none, and for a bind."""
    arguments: dict[str, str] = {}
    for position, argument in enumerate(function.expressions):
        if argument.find(exp.Placeholder):
            raise unsupported(f"a bind in {name}")
        if isinstance(argument, exp.Kwarg):
            arguments[argument.this.name.upper()] = argument.expression.sql(dialect="snowflake")
        elif position < len(_POSITIONAL.get(name, ())):
            arguments[_POSITIONAL[name][position]] = argument.sql(dialect="snowflake")
        else:
            raise compilation_error(f"Arguments of {name} are named.", 938, "22023")
    return arguments


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return quote_string(value.isoformat() if hasattr(value, "isoformat") else str(value))


def values_query(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str:
    """Return a subquery that gives these rows."""
    selected = [
        "SELECT "
        + ", ".join(f"{_literal(v)}::{_sql_type(c)} AS {c.name.upper()}" for c, v in zip(columns, row, strict=True))
        for row in rows
    ]
    if not selected:
        selected = [
            "SELECT " + ", ".join(f"NULL::{_sql_type(c)} AS {c.name.upper()}" for c in columns) + " WHERE FALSE"
        ]
    return "(" + " UNION ALL ".join(selected) + ")"


def _sql_type(column: Column) -> str:
    return "VARCHAR" if column.type == "TEXT" else column.type
