"""Write what reads a VARIANT by its path as a call: in a call DuckDB takes the arrow of `v -> '$.k'` for a lambda's."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.translation.context import Context, replace_each


def paths(expression: Expr, _: Context) -> Expr:
    """Return the rewrite. Runs after fakesnow's transforms.

    Where groups are made by paths, text is read off a path's value, by which DuckDB finds the group.
    """
    grouped = {id(group.parent) for group in expression.find_all(exp.Group) if group.find(exp.JSONExtract)}

    def replace(node: Expr) -> Expr:
        if not isinstance(node, exp.JSONExtract | exp.JSONExtractScalar):
            return node
        if isinstance(node, exp.JSONExtract):
            return _call("json_extract", node.this, node.expression)
        if id(node.find_ancestor(exp.Select)) in grouped:
            return _call(
                "json_extract_string", _call("json_extract", node.this, node.expression), exp.Literal.string("$")
            )
        return _call("json_extract_string", node.this, node.expression)

    return replace_each(expression, replace)


def _call(name: str, *arguments: Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
