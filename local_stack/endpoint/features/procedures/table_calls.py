"""Run the procedure of SELECT … FROM TABLE(procedure(…)) first, and let the query read its rows.

See: https://docs.snowflake.com/en/developer-guide/stored-procedure/stored-procedures-selecting-from
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.procedures.call import Call, arguments_of
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.language.names import called_name
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.quoting import quote_name
from local_stack.endpoint.statements import Statement
from local_stack.endpoint.translation.context import put_query

_OTHERS = frozenset({"VALUES", "RESULT_SCAN", "FLATTEN", "GENERATOR", "INFER_SCHEMA"})


def expand(tree: Expr, run: Callable[[Call], Statement | None]) -> Expr:
    """Put the query that `run` returns for a call in the place of each TABLE(p(…)). run: None for what is no procedure."""
    for table in list(tree.find_all(exp.TableFromRows)):
        called = table.this.expression if isinstance(table.this, exp.Dot) else table.this
        if not isinstance(called, exp.Anonymous):
            continue
        name = called_name(called)
        if len(name) > 3 or name[-1] in _OTHERS or name[-2:-1] == ("INFORMATION_SCHEMA",):
            continue
        query = run(Call(name, arguments_of(called)))
        if query is not None:
            put_query(table, parse(query.text))
    return tree


def check_static(routine: Routine) -> None:
    """Raise SqlError unless the procedure's RETURNS TABLE names its columns: no other can be called in a query."""
    if not routine.is_table or not routine.columns:
        raise compilation_error(
            f"Stored procedure {routine.name} cannot be called in the FROM clause: it needs RETURNS TABLE with columns.",
            2141,
            "42601",
        )


def empty_rows(routine: Routine) -> Statement:
    """Return the columns without rows, for a client that only asks for them."""
    columns = ", ".join(f"NULL::{kind} AS {quote_name(name)}" for name, kind in routine.columns)
    return Statement(f"SELECT {columns} WHERE FALSE")
