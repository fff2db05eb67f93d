"""Functions that are macros of ours (functions.py) under another name."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context, replace_each

_MACROS = {"TYPEOF": "_sf_typeof"}


def function_names(expression: Expr, _: Context) -> Expr:
    """The rewrite."""

    def replace(node: Expr) -> Expr:
        name = str(node.this).upper() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, exp.Typeof):
            return exp.Anonymous(this="_fs_global.main._sf_typeof", expressions=[node.this])
        if name in _MACROS:
            return exp.Anonymous(this=f"_fs_global.main.{_MACROS[name]}", expressions=node.expressions)
        return node

    return replace_each(expression, replace)
