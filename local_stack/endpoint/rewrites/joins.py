"""Joins without a condition, which Snowflake takes as cross joins."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context


def joins(expression: Expr, _: Context) -> Expr:
    """The rewrite: `(a JOIN b)` -> `(a CROSS JOIN b)`. sqlglot writes it for DuckDB as `(a, b)`, which only a FROM takes."""
    for join in expression.find_all(exp.Join):
        bare = not any(join.args.get(part) for part in ("on", "using", "side", "method", "match_condition"))
        kind = str(join.args.get("kind") or "").upper()
        if bare and (kind == "INNER" or (not kind and not isinstance(join.parent, exp.Select))):
            join.set("kind", "CROSS")
    return expression
