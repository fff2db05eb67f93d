"""COUNT_IF over no rows is 0; sqlglot writes it for DuckDB as a SUM, which is NULL there."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context, replace_each


def counts(expression: Expr, _: Context) -> Expr:
    """The rewrite: COUNT_IF(x) -> COUNT(CASE WHEN x THEN 1 END), which is also what a window takes."""

    def replace(node: Expr) -> Expr:
        if type(node) is not exp.CountIf:
            return node
        condition = node.this
        case = exp.Case().when(condition.this if isinstance(condition, exp.Distinct) else condition, "1")
        return exp.Count(this=case)

    return replace_each(expression, replace)
