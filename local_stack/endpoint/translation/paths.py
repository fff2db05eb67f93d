"""Write what reads a VARIANT by its path as a call: in a call DuckDB takes the arrow of `v -> '$.k'` for a lambda's."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.engine.macros.variants import UNDEFINED
from local_stack.endpoint.translation.context import Context, replace_each

_SHOWN = "_fs_global.main._sf_shown"
_PLAIN = (exp.DType.INT128, exp.DType.DECIMAL, exp.DType.DOUBLE, exp.DType.BOOLEAN)


def paths(expression: Expr, _: Context) -> Expr:
    """Return the rewrite. Runs after fakesnow's transforms.

    Where groups are made by paths, text is read off a path's value, by which DuckDB finds the group. An element that is
    `undefined` is NULL, and text is shown as Snowflake shows it (see engine/native/marks.py).
    """
    grouped = {id(group.parent) for group in expression.find_all(exp.Group) if group.find(exp.JSONExtract)}

    def replace(node: Expr) -> Expr:
        if isinstance(node, exp.GetExtract) and not node.expression.is_string:
            return _call("nullif", exp.paren(node), exp.Var(this=UNDEFINED))
        if not isinstance(node, exp.JSONExtract | exp.JSONExtractScalar):
            return node
        value = _call("json_extract", node.this, node.expression)
        if isinstance(node, exp.JSONExtract):
            return _call("nullif", value, exp.Var(this=UNDEFINED)) if _is_of_array(node.expression) else value
        if id(node.find_ancestor(exp.Select)) in grouped:
            text = _call("json_extract_string", value, exp.Literal.string("$"))
        else:
            text = _call("json_extract_string", node.this, node.expression)
        return _read(node, text)

    def _read(node: Expr, text: Expr) -> Expr:
        above = node.parent.parent if isinstance(node.parent, exp.Paren) else node.parent
        if isinstance(above, exp.Cast) and above.to.this in _PLAIN:
            return _call("nullif", text, exp.Var(this="chr(11)")) if _is_of_array(node.expression) else text
        if isinstance(above, exp.Anonymous) or (
            isinstance(above, exp.Cast) and not above.is_type(*exp.DataType.TEXT_TYPES)
        ):
            return _call("nullif", _call("rtrim", text, exp.Var(this="(' ' || chr(11))")), exp.Literal.string(""))
        return _call(_SHOWN, text)

    return replace_each(expression, replace)


def _is_of_array(path: Expr) -> bool:
    """Return whether a path leads to an element of an ARRAY, or may."""
    return not isinstance(path, exp.JSONPath) or isinstance(path.expressions[-1], exp.JSONPathSubscript)


def _call(name: str, *arguments: Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
