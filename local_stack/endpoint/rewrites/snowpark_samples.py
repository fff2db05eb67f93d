"""SAMPLE / TABLESAMPLE: the block methods, and Snowflake's limit on a number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import Expr, exp

from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.rewrites.context import Context

_MAX_ROWS = 1_000_000


def samples(expression: Expr, context: Context) -> Expr:
    """Every method samples by row (a block here would be most of a small table); SAMPLE (n ROWS) allows 0 to 1,000,000."""
    del context
    for sample in expression.find_all(exp.TableSample):
        method = sample.args.get("method")
        if method is not None and method.name.upper() in ("BLOCK", "SYSTEM", "ROW"):
            sample.set("method", exp.var("BERNOULLI"))
        size = sample.args.get("size")
        if isinstance(size, exp.Literal) and int(size.name) > _MAX_ROWS:
            raise SqlError(
                f"SQL compilation error:\ninvalid value [{size.name}] for parameter 'SAMPLE_SIZE': "
                f"the number of rows must be between 0 and {_MAX_ROWS}.",
                1003,
                "42000",
            )
    return expression
