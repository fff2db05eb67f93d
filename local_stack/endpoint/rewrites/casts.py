"""Casts whose meaning differs: to text (a VARIANT string without its quotes, timestamps in Snowflake's format), to integers
(they round, half away from zero). Runs after fakesnow's transforms; the macros are in functions.py."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context

_TEXT = {exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT, exp.DataType.Type.NVARCHAR, exp.DataType.Type.CHAR}


def casts(expression: Expr, _: Context) -> Expr:
    """The rewrite."""

    def replace(node: Expr) -> Expr:
        if not isinstance(node, exp.Cast) or isinstance(node.this, exp.Literal | exp.Null):
            return node
        if node.to.this in _TEXT and not isinstance(node.parent, exp.ColumnDef):
            if isinstance(node.this, exp.JSONExtractScalar) or _is_text_call(node.this):
                return node
            return exp.Cast(this=exp.Anonymous(this="_fs_global.main._sf_text", expressions=[node.this]), to=node.to)
        return node

    return expression.transform(replace)


def _is_text_call(node: Expr) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).endswith("_sf_text")
