"""TABLE(RESULT_SCAN('query id')): the rows of an earlier statement of the session."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.rewrites.context import Context, identifier
from local_stack.endpoint.statements import SqlError


def query_results(expression: Expr, context: Context) -> Expr:
    """The rewrite: the result becomes a temporary view. Raises SqlError 000709 for an unknown query."""
    for node in list(expression.find_all(exp.TableFromRows, exp.Table)):
        function = node.this
        if not (isinstance(function, exp.Anonymous) and str(function.this).upper() == "RESULT_SCAN"):
            continue
        argument = function.expressions[0] if function.expressions else None
        query_id = argument.name if isinstance(argument, exp.Literal) else ""
        outcome = context.session.results.get(query_id)
        if outcome is None:
            raise SqlError(f"Statement {query_id} not found", errno=709, sqlstate="02000")
        alias = node.args.get("alias")
        table = exp.Table(
            this=identifier(_view(outcome, context)),
            db=identifier("main"),
            catalog=identifier("temp"),
            alias=alias.copy() if alias else None,
            joins=node.args.get("joins"),
        )
        node.replace(table)
    return expression


def _view(outcome: Outcome, context: Context) -> str:
    """The result as a view whose semi-structured columns are JSON."""
    duck = context.session.duck
    name = "_result_" + outcome.query_id.replace("-", "")
    duck.register(f"{name}_rows", outcome.table)
    columns = ", ".join(
        f"CAST({_quoted(c.name)} AS JSON) AS {_quoted(c.name)}"
        if c.type in ("VARIANT", "ARRAY", "OBJECT")
        else _quoted(c.name)
        for c in outcome.columns
    )
    duck.execute(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS SELECT {columns} FROM {name}_rows")
    return name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
