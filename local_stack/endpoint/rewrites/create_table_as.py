"""CREATE TABLE t (a TYPE, …) AS query: the query's columns, by position, cast to the declared types and named so.

fakesnow does this by describing a `SELECT *` in the wrong dialect, which fails on most functions; here the query is
wrapped instead, so that nothing needs to be described.
"""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context
from local_stack.endpoint.statements import SqlError


def create_table_as(expression: Expr, context: Context) -> Expr:
    """`CREATE TABLE t AS SELECT c1::TYPE AS a, … FROM (query) AS q(c1, …)`."""
    del context
    if not (
        isinstance(expression, exp.Create) and expression.kind == "TABLE" and isinstance(expression.this, exp.Schema)
    ):
        return expression
    query = expression.expression
    columns = [
        (column.this, column.kind)
        for column in expression.this.expressions
        if isinstance(column, exp.ColumnDef) and column.kind is not None
    ]
    if not isinstance(query, exp.Query) or len(columns) != len(expression.this.expressions):
        return expression
    query = query.unnest() if isinstance(query, exp.Subquery) else query
    selects = query.selects if isinstance(query, exp.Query) else []
    if selects and not query.is_star and len(selects) != len(columns):
        raise SqlError("SQL compilation error:\nInvalid column definition list", errno=2026, sqlstate="42601")
    names = [f"_{position}" for position in range(1, len(columns) + 1)]
    expression.set("this", expression.this.this)
    expression.set(
        "expression",
        exp.Select(
            expressions=[
                exp.alias_(exp.cast(exp.column(name, quoted=True), kind.copy()), column.copy())
                for name, (column, kind) in zip(names, columns, strict=True)
            ]
        ).from_(
            exp.Subquery(
                this=query.copy(),
                alias=exp.TableAlias(
                    this=exp.to_identifier("_query"), columns=[exp.to_identifier(name, quoted=True) for name in names]
                ),
            )
        ),
    )
    return expression
