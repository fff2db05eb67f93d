"""CREATE TABLE t (a, b) AS SELECT …: names without types rename the query's columns."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context


def column_lists(expression: Expr, _: Context) -> Expr:
    """The rewrite."""
    schema = expression.this if isinstance(expression, exp.Create) else None
    query = expression.args.get("expression")
    if not (isinstance(schema, exp.Schema) and isinstance(query, exp.Query) and expression.args.get("kind") == "TABLE"):
        return expression
    if not schema.expressions or not all(isinstance(name, exp.Identifier) for name in schema.expressions):
        return expression
    inner = query.this if isinstance(query, exp.Subquery) and not query.alias else query
    alias = exp.TableAlias(this=exp.to_identifier("Q"), columns=[name.copy() for name in schema.expressions])
    expression.set("expression", exp.select("*").from_(exp.Subquery(this=inner.copy(), alias=alias)))
    expression.set("this", schema.this)
    return expression
