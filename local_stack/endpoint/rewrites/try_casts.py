"""TRY_CAST to a timestamp gives NULL; fakesnow makes any cast to a timestamp its own function, which raises."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context, replace_each

TRY_TIMESTAMP = "_fs_global.main._sf_try_timestamp"
_TIMESTAMPS = {exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ}


def try_casts(expression: Expr, _: Context) -> Expr:
    """The rewrite."""

    def replace(node: Expr) -> Expr:
        if isinstance(node, exp.TryCast) and node.to.this in _TIMESTAMPS:
            return exp.Anonymous(this=TRY_TIMESTAMP, expressions=[node.this])
        return node

    return replace_each(expression, replace)
