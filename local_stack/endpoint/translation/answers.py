"""Word what Snowflake answers to statements that are no queries: a status, or the numbers of rows.

See: https://docs.snowflake.com/en/sql-reference/sql/create-table (and the page of each other statement)
"""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.statements import Column, Result
from local_stack.endpoint.translation import merge, update


def counted(expression: Expr, rows: int) -> Result:
    """Answer an INSERT or a DELETE."""
    done = "inserted" if isinstance(expression, exp.Insert) else "deleted"
    return Result((Column(f"number of rows {done}", "FIXED"),), [[rows]])


def created(kind: str, name: str) -> Result:
    return Result.status(f"{kind.capitalize()} {name} successfully created.")


def left_as_it_was(name: str) -> Result:
    """Answer CREATE … IF NOT EXISTS of what exists."""
    return Result.status(f"{name} already exists, statement succeeded.")


def dropped(name: str) -> Result:
    return Result.status(f"{name} successfully dropped.")


def already_dropped(name: str) -> Result:
    """Answer DROP … IF EXISTS of what does not exist."""
    return Result.status(f"Drop statement executed successfully ({name} already dropped).")


def without_rows(expression: Expr) -> Result:
    """Return the columns of the answer to a statement that is no query, as a client asks for before running it."""
    match expression:
        case exp.Merge():
            answer = merge.merge_result(expression, ())
        case exp.Update():
            answer = update.update_result(0, 0)
        case exp.Insert() | exp.Delete():
            answer = counted(expression, 0)
        case _:
            answer = Result.succeeded()
    return Result(answer.columns)
