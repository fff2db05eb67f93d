"""`IDENTIFIER('db.schema."Name"')` as the table that it names, ahead of every rewrite that looks at tables' names."""

from __future__ import annotations

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context


def identifier_calls(expression: Expr, context: Context) -> Expr:
    """The rewrite. One with a bind value is left to the server."""
    del context
    for table in list(expression.find_all(exp.Table)):
        call = table.this
        if isinstance(call, exp.DynamicIdentifier) and isinstance(call.this, exp.Literal) and call.this.is_string:
            named = sqlglot.parse_one(call.this.name, read="snowflake", into=exp.Table)
            for part in ("catalog", "db", "this"):
                table.set(part, named.args.get(part))
    return expression
