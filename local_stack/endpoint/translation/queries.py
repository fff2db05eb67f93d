"""Rewrite queries: joins, windows, counts, results of earlier statements."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.quoting import identifier as quoted
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.statements import SqlError, unsupported
from local_stack.endpoint.translation.context import Context, identifier, replace_each


def joins(expression: Expr, _: Context) -> Expr:
    """Make cross joins of joins without a condition, and let ASOF JOIN keep rows without a match, as Snowflake does.

    `(a JOIN b)` -> `(a CROSS JOIN b)`. sqlglot writes it for DuckDB as `(a, b)`, which only a FROM takes.
    See: https://docs.snowflake.com/en/sql-reference/constructs/asof-join
    """
    for join in expression.find_all(exp.Join):
        if (match := join.args.get("match_condition")) is not None:
            _as_of(join, match)
            continue
        bare = not any(join.args.get(part) for part in ("on", "using", "side", "method", "match_condition"))
        kind = str(join.args.get("kind") or "").upper()
        if bare and (kind == "INNER" or (not kind and not isinstance(join.parent, exp.Select))):
            join.set("kind", "CROSS")
    return expression


def _as_of(join: exp.Join, match: Expr) -> None:
    """Put MATCH_CONDITION behind the other conditions, where DuckDB looks for the inequality."""
    join.set("match_condition", None)
    join.set("side", "LEFT")
    if join.args.get("using"):
        raise unsupported("ASOF JOIN … USING")
    join.set("on", exp.and_(join.args.get("on"), match.unnest(), copy=False))


def order_by_all(expression: Expr, _: Context) -> Expr:
    """Order by every column: `ORDER BY ALL`, which sqlglot takes for a column of that name."""
    for key in expression.find_all(exp.Ordered):
        if isinstance(key.this, exp.Column) and not key.this.table and key.this.sql().upper() == "ALL":
            key.set("this", exp.Var(this="ALL"))
    return expression


# Window functions that rank or pick rows: they need an order, and pick from the whole partition.
#
# Source: Snowflake's "Window function syntax and usage": these functions require ORDER BY; without an explicit frame
# FIRST_VALUE, LAST_VALUE and NTH_VALUE see the whole partition (DuckDB: the rows up to the current one).

_PICKING: dict[type[Expr], str] = {
    exp.FirstValue: "FIRST_VALUE",
    exp.LastValue: "LAST_VALUE",
    exp.NthValue: "NTH_VALUE",
}
_ORDERED: dict[type[Expr], str] = {
    exp.RowNumber: "ROW_NUMBER",
    exp.Rank: "RANK",
    exp.DenseRank: "DENSE_RANK",
    exp.Ntile: "NTILE",
    exp.PercentRank: "PERCENT_RANK",
    exp.CumeDist: "CUME_DIST",
    exp.Lag: "LAG",
    exp.Lead: "LEAD",
    **_PICKING,
}


def windows(expression: Expr, _: Context) -> Expr:
    """Return the rewrite. Raises SqlError where the order is missing."""
    for window in expression.find_all(exp.Window):
        function = window.this
        while isinstance(function, exp.IgnoreNulls | exp.RespectNulls):
            function = function.this
        _require_whole_range(window, function)
        name = _ORDERED.get(type(function))
        if name is None or window.args.get("alias"):
            continue
        if not window.args.get("order"):
            raise compilation_error(
                f"Window function type [{name}] requires ORDER BY in window specification.", 2303, "0A000"
            )
        if type(function) in _PICKING and not window.args.get("spec"):
            window.set(
                "spec",
                exp.WindowSpec(
                    kind="ROWS",
                    start="UNBOUNDED",
                    start_side="PRECEDING",
                    end="UNBOUNDED",
                    end_side="FOLLOWING",
                ),
            )
    return expression


def _require_whole_range(window: exp.Window, function: Expr) -> None:
    """Raise SqlError for RANGE with an offset where the order has several expressions: there is no distance then."""
    spec, order = window.args.get("spec"), window.args.get("order")
    if spec is None or str(spec.args.get("kind")).upper() != "RANGE" or order is None or len(order.expressions) == 1:
        return
    bounds = [spec.args.get("start"), spec.args.get("end")]
    if any(isinstance(bound, Expr) for bound in bounds):
        kind = "Cumulative" if "UNBOUNDED" in bounds else "Sliding"
        name = function.sql_name() if isinstance(function, exp.Func) else str(function.this)
        raise compilation_error(f"{kind} window frame unsupported for function {name.upper()}", 2303, "0A000")


def group_order(expression: Expr, _: Context) -> Expr:
    """Give the groups of a query that has no ORDER BY in the order of their keys, and so DISTINCT rows.

    Neither database promises an order; DuckDB's is that of its hashes. Clients' tests of small results count on one.
    """
    if not isinstance(expression, exp.Select) or expression.args.get("order"):
        return expression
    group = expression.args.get("group")
    keys: list[Expr] = []
    if group is not None and not group.args.get("all") and not group.find(exp.GroupingSets, exp.Cube, exp.Rollup):
        keys = [key.copy() for key in group.expressions if not (isinstance(key, exp.Literal) and key.is_string)]
    distinct = expression.args.get("distinct")
    if distinct is not None:
        keys = [] if distinct.args.get("on") else [exp.Var(this="ALL")]
    if keys:
        ordered: list[Expr] = [exp.Ordered(this=key, desc=False, nulls_first=False) for key in keys]
        expression.set("order", exp.Order(expressions=ordered))
    return expression


def counts(expression: Expr, _: Context) -> Expr:
    """Keep COUNT_IF over no rows at 0; sqlglot writes it for DuckDB as a SUM, which is NULL there.

    COUNT_IF(x) -> COUNT(CASE WHEN x THEN 1 END), which is also what a window takes.
    """

    def replace(node: Expr) -> Expr:
        if type(node) is not exp.CountIf:
            return node
        condition = node.this
        case = exp.Case().when(condition.this if isinstance(condition, exp.Distinct) else condition, "1")
        return exp.Count(this=case)

    return replace_each(expression, replace)


def query_results(expression: Expr, context: Context) -> Expr:
    """Answer TABLE(RESULT_SCAN('query id')): the rows of an earlier statement of the user's sessions.

    The result becomes a temporary view. Raises SqlError 000709 for an unknown query.
    """
    for node in list(expression.find_all(exp.TableFromRows, exp.Table)):
        function = node.this
        if not (isinstance(function, exp.Anonymous) and str(function.this).upper() == "RESULT_SCAN"):
            continue
        argument = function.expressions[0] if function.expressions else None
        query_id = argument.name if isinstance(argument, exp.Literal) else ""
        outcome = context.session.queries.result(query_id, context.session.user)
        if outcome is None:
            raise SqlError(f"Statement {query_id} not found", errno=709, sqlstate="02000")
        alias = node.args.get("alias")
        table = result_table(outcome, context)
        table.set("alias", alias.copy() if alias else None)
        table.set("joins", node.args.get("joins"))
        node.replace(table)
    return expression


def result_table(outcome: Outcome, context: Context) -> exp.Table:
    """Return a table of a query that is an outcome: a view whose semi-structured columns are JSON."""
    duck = context.session.duck
    name = "_result_" + outcome.query_id.replace("-", "")
    duck.register(f"{name}_rows", outcome.table)
    columns = ", ".join(
        f"CAST({quoted(c.name)} AS JSON) AS {quoted(c.name)}"
        if c.type in ("VARIANT", "ARRAY", "OBJECT")
        else quoted(c.name)
        for c in outcome.columns
    )
    duck.execute(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS SELECT {columns} FROM {name}_rows")
    return exp.Table(this=identifier(name), db=identifier("main"), catalog=identifier("temp"))
