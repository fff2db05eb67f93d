"""Rewrite table functions of INFORMATION_SCHEMA to the queries or rows that they stand for.

See: https://docs.snowflake.com/en/sql-reference/info-schema (table functions)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.outcome import from_result
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result, unsupported
from local_stack.endpoint.translation.context import Context, Rewrite, put_query
from local_stack.endpoint.translation.queries import result_table

# A function's arguments by name, as SQL, and what gives its rows, or a query of them in Snowflake's SQL.
Arguments = Mapping[str, str]
Functions = Mapping[str, Callable[[Arguments, Session], str | Result]]
# For functions whose arguments may be positional.
_POSITIONAL = {
    "TASK_DEPENDENTS": ("TASK_NAME", "RECURSIVE"),
    **dict.fromkeys(("TAG_REFERENCES", "TAG_REFERENCES_ALL_COLUMNS"), ("OBJECT_NAME", "OBJECT_DOMAIN")),
}


def information_functions(functions: Functions) -> Rewrite:
    """Return the rewrite of `TABLE([db.]INFORMATION_SCHEMA.TASK_HISTORY(…))` and its like."""

    def rewrite(expression: Expr, context: Context) -> Expr:
        for position, node in enumerate(list(expression.find_all(exp.TableFromRows))):
            function = node.this.expression if isinstance(node.this, exp.Dot) else node.this
            name = str(function.this).upper() if isinstance(function, exp.Anonymous) else ""
            if name in functions:
                rows = functions[name](_arguments(function, name), context.session)
                put_query(node, _query(rows, f"{name}_{position}", expression, context))
            elif name and isinstance(node.this, exp.Dot) and "INFORMATION_SCHEMA" in node.this.this.sql().upper():
                raise unsupported(f"INFORMATION_SCHEMA.{name}")
        return expression

    return rewrite


def _query(rows: str | Result, name: str, statement: Expr, context: Context) -> Expr:
    """Return the query of a function's rows. name: tells it from the others of the statement."""
    if isinstance(rows, str):
        return sqlglot.parse_one(rows, read="snowflake").unnest()
    if isinstance(statement, exp.Create) and str(statement.args.get("kind")).upper() == "VIEW":
        raise unsupported(f"{name.rpartition('_')[0]} in a view")
    columns = tuple(replace(column, name=column.name.upper()) for column in rows.columns)
    outcome = replace(from_result(replace(rows, columns=columns)), query_id=name)
    return exp.select("*").from_(result_table(outcome, context))


def require_known(function: str, arguments: Arguments, known: Iterable[str]) -> None:
    """Raise SqlError for an argument that a function does not have."""
    if unknown := sorted(set(arguments) - set(known)):
        raise compilation_error(f"Invalid argument {unknown[0]} of {function}.", 938, "22023")


def constant(argument: str, kind: str, session: Session) -> Any:
    """Return the value of a constant expression, as a Snowflake type. Raises SqlError."""
    with session.lock:
        return session.duck.execute(session.to_duckdb(parse(f"SELECT ({argument})::{kind}"))).fetchall()[0][0]


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
