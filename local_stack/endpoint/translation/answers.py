"""Tell the columns and counts that Snowflake answers to statements that are no queries."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.statements import Column, Result
from local_stack.endpoint.translation import merge, update


def counted(expression: Expr, rows: int) -> Result:
    """Answer an INSERT or a DELETE."""
    done = "inserted" if isinstance(expression, exp.Insert) else "deleted"
    return Result((Column(f"number of rows {done}", "FIXED", nullable=False),), [[rows]])


def without_rows(expression: Expr) -> Result:
    """Return the columns of the answer to a statement that is no query, as a client asks for before running it."""
    match expression:
        case exp.Merge():
            answer = merge.merge_result(expression, {})
        case exp.Update():
            answer = update.update_result(0, 0)
        case exp.Insert() | exp.Delete():
            answer = counted(expression, 0)
        case _:
            answer = Result.succeeded()
    return Result(answer.columns)
