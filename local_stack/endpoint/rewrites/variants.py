"""Casts to VARIANT, ARRAY and OBJECT wrap a value ('a'::VARIANT is a VARIANT string; parsing is PARSE_JSON's)."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context, replace_each

_SEMI_STRUCTURED = {exp.DataType.Type.VARIANT, exp.DataType.Type.OBJECT}


def variants(expression: Expr, _: Context) -> Expr:
    """The rewrite. A PARSE_JSON under the cast, and NULL, stay what they are."""

    def replace(node: Expr) -> Expr:
        if type(node) is not exp.Cast or node.to.this not in _SEMI_STRUCTURED:
            return node
        if isinstance(node.this, exp.Null | exp.ParseJSON | exp.JSONExtract | exp.ToVariant):
            return node
        return exp.ToVariant(this=node.this)

    return replace_each(expression, replace)
